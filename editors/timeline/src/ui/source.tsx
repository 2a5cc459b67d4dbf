// Source with what its lines cost, below the views: where no editor shows it.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { App } from '../app.ts';
import { type Cost, extent } from '../model/source.ts';
import type { Shown } from '../source.ts';
import { copyText } from './keyboard.ts';

export function SourcePane({ app }: { app: App }) {
  const { shown } = app.source;
  return shown === null ? null : <Pane app={app} shown={shown} />;
}

function Pane({ app, shown }: { app: App; shown: Shown }) {
  const { uri, line, path, asking } = shown;
  const code = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    code.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
  }, [uri, line, asking]);
  const pane = useRef<HTMLElement>(null);
  const before = useRef<Element | null>(null);
  const entered = useRef(false);
  useLayoutEffect(() => {
    const own = pane.current;
    before.current = document.activeElement;
    return () => {
      const on = document.activeElement;
      // A figure that had it may be gone before the pane is.
      if (own?.contains(on) === true || (entered.current && on === document.body)) giveBack(before.current);
    };
  }, []);
  const place = `${path}:${line + 1}`;
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
  const part = extent(shown);
  return (
    <section
      class="source"
      aria-label={`Source, ${place}`}
      ref={pane}
      onFocusIn={(e) => {
        entered.current = true;
        const from = e.relatedTarget;
        if (from instanceof Element && pane.current?.contains(from) !== true) before.current = from;
      }}
    >
      <div class="head">
        <span class="mono strong">
          {path.slice(slash)}:{line + 1}
        </span>
        <span class="mono dim folder" title={place}>
          {path.slice(0, slash)}
        </span>
        {part !== '' && <span class="dim">{part}</span>}
        <button type="button" class="link" onClick={() => void copyText(app, place, `Copied ${place}`)}>
          Copy place
        </button>
        <button type="button" title="Close" aria-label="Close the source" onClick={() => app.source.close()}>
          <kbd>Esc</kbd>
        </button>
      </div>
      <section
        class="code mono"
        aria-label={`Lines of ${path.slice(slash)}`}
        ref={code}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keys, too
        tabIndex={0}
        onKeyDown={(e) => SCROLLS.test(e.key) && e.stopPropagation()}
      >
        <ol>
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
        </ol>
      </section>
    </section>
  );
}

const SCROLLS = /^(Arrow|Page|Home$|End$| $)/;

/** To who had the focus before; where that is gone, to what is selected, or the view's tab: never to nobody. */
function giveBack(before: Element | null): void {
  const had = before !== document.body && before?.isConnected === true ? before : null;
  const to =
    had ?? document.querySelector('button.label.selected') ?? document.querySelector('[role=tab][aria-selected=true]');
  if (to instanceof HTMLElement) to.focus({ preventScroll: true });
}

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
    <li class={`line heat${cost?.heat ?? 0}`} aria-current={isShown ? 'true' : undefined}>
      <span class="no dim">{at + 1}</span>
      <span class="words">{words}</span>
      {cost !== undefined && (
        <button
          type="button"
          class={`cost ${cost.style}`}
          title="Show its spans, the longest first"
          onClick={() => void app.follow.spansOf(uri, at)}
        >
          {cost.others ? `${cost.text} · ${cost.others}` : cost.text}
        </button>
      )}
    </li>
  );
}
