// Source with what its lines cost, below the views: where no editor shows it.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { App } from '../app.ts';
import type { Cost } from '../model/source.ts';
import type { Shown } from '../source.ts';
import { copyText } from './keyboard.ts';

export function SourcePane({ app }: { app: App }) {
  const { shown } = app.source;
  return shown === null ? null : <Pane app={app} shown={shown} />;
}

function Pane({ app, shown }: { app: App; shown: Shown }) {
  const { uri, line, path } = shown;
  const code = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    code.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
  }, [uri, line]);
  const place = `${path}:${line + 1}`;
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
  return (
    <section class="source" aria-label={`Source, ${place}`}>
      <div class="head">
        <span class="mono strong">
          {path.slice(slash)}:{line + 1}
        </span>
        <span class="mono dim folder" title={place}>
          {path.slice(0, slash)}
        </span>
        <button type="button" class="link" onClick={() => void copyText(app, place, `Copied ${place}`)}>
          Copy place
        </button>
        <button type="button" title="Close" onClick={() => app.source.close()}>
          <kbd>Esc</kbd>
        </button>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its keys scroll it, and move no timeline */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys, too */}
      <div class="code mono" ref={code} tabIndex={0} onKeyDown={(e) => SCROLLS.test(e.key) && e.stopPropagation()}>
        {shown.lines.map((words, k) => (
          <Line
            key={shown.first + k}
            app={app}
            uri={uri}
            at={shown.first + k}
            words={words}
            isShown={shown.first + k === line}
            cost={shown.costs.get(shown.first + k)}
          />
        ))}
      </div>
    </section>
  );
}

const SCROLLS = /^(Arrow|Page|Home$|End$| $)/;

interface LineProps {
  app: App;
  uri: string;
  at: number;
  words: string;
  isShown: boolean;
  cost: Cost | undefined;
}

function Line({ app, uri, at, words, isShown, cost }: LineProps) {
  return (
    <div class={`line heat${cost?.heat ?? 0}`} aria-current={isShown ? 'true' : undefined}>
      <span class="no dim">{at + 1}</span>
      <span class="words">{words}</span>
      {cost !== undefined && (
        <button
          type="button"
          class={`cost ${cost.style}`}
          title="Show its spans, the longest first"
          onClick={() => void spans(app, uri, at)}
        >
          {cost.text}
        </button>
      )}
    </div>
  );
}

async function spans(app: App, uri: string, line: number): Promise<void> {
  await app.follow.line(uri, line);
  await app.follow.longest(true);
}
