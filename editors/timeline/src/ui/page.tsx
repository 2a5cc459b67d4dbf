// The frame that all views share: tabs, find, the scope bar, the note of a partial trace, the legend.
import type { App } from '../app.ts';
import { duration } from '../model/format.ts';
import { HELP } from '../model/keys.ts';
import { TABS, type Tab } from '../model/link.ts';
import { placeLabel } from '../model/protocol.ts';
import { Findings } from '../tabs/findings.tsx';
import { Goroutines } from '../tabs/goroutines.tsx';
import { Mmu } from '../tabs/mmu.tsx';
import { Profiles } from '../tabs/profiles.tsx';
import { Tasks } from '../tabs/tasks.tsx';
import { Failed, Growing, Indexing, Loading, LoadingBar, NoTrace } from './empty.tsx';
import { Find } from './find.tsx';
import { Legend } from './legend.tsx';
import { LaneMenu } from './menu.tsx';
import { Scope } from './scope.tsx';
import { SourcePane } from './source.tsx';
import type { Stage } from './stage.ts';
import { Timeline } from './timeline.tsx';

const TITLES: Readonly<Record<Tab, string>> = {
  timeline: 'Timeline',
  goroutines: 'Goroutines',
  profiles: 'Profiles',
  tasks: 'Tasks',
  mmu: 'MMU',
  findings: 'Findings',
};

export interface Props {
  app: App;
  stage: Stage;
}

export function Page({ app, stage }: Props) {
  return (
    <div class="page">
      <Top app={app} />
      {app.state !== null && <Scope app={app} />}
      {app.state !== null && app.state.partial !== null && <Partial text={app.state.partial} />}
      <LoadingBar app={app} />
      {app.tab === 'timeline' && <Growing app={app} />}
      <Body app={app} stage={stage} />
      {app.phase === 'ready' && <SourcePane app={app} />}
      {app.phase === 'ready' && app.tab === 'timeline' && <Legend app={app} stage={stage} />}
      {app.help && <Help app={app} />}
      {app.menu !== null && <LaneMenu app={app} menu={app.menu} />}
      <div class="hidden" aria-live="polite">
        <div>{announced(app)}</div>
        <div>{opened(app)}</div>
      </div>
      <div role="status" aria-live="polite">
        {app.toast !== '' && <div class="toast">{app.toast}</div>}
      </div>
    </div>
  );
}

/** What a selection is, for who does not see it. */
function announced(app: App): string {
  const s = app.selection?.slice;
  if (s === null || s === undefined) return '';
  const where = s.site === null ? '' : `, ${placeLabel(s.site)}`;
  const waker = s.waker !== null && s.waker.g > 0 ? `, woken by G${s.waker.g}` : '';
  return `${s.title}, ${duration(s.end - s.start)}${s.g > 0 ? `, G${s.g}` : ''}${where}${waker}`;
}

/** What has come below the views: said once for a file, and not again with each of its lines. */
function opened(app: App): string {
  const { shown } = app.source;
  return app.phase !== 'ready' || shown === null ? '' : `The source of ${shown.path.split(/[/\\]/).pop()} is below.`;
}

function Body({ app, stage }: Props) {
  switch (app.phase) {
    case 'connecting':
      return <div class="empty" />;
    case 'none':
      return <NoTrace app={app} />;
    case 'loading':
      return <Loading app={app} />;
    case 'failed':
      return <Failed app={app} />;
    case 'ready':
      break;
  }
  switch (app.tab) {
    case 'timeline':
      return app.info !== null && (app.info.ready || app.info.lanes.length > 0) ? (
        <Timeline app={app} stage={stage} />
      ) : (
        <Indexing app={app} />
      );
    case 'goroutines':
      return <Goroutines app={app} stage={stage} />;
    case 'profiles':
      return <Profiles app={app} stage={stage} />;
    case 'tasks':
      return <Tasks app={app} stage={stage} />;
    case 'mmu':
      return <Mmu app={app} stage={stage} />;
    case 'findings':
      return <Findings app={app} stage={stage} />;
  }
}

function Top({ app }: { app: App }) {
  const onKeyDown = (e: KeyboardEvent) => {
    const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    e.preventDefault();
    e.stopPropagation();
    app.setTab(TABS[(TABS.indexOf(app.tab) + by + TABS.length) % TABS.length] ?? 'timeline');
    requestAnimationFrame(() => document.querySelector<HTMLElement>('[role=tab][aria-selected=true]')?.focus());
  };
  const n = app.findings?.length ?? app.state?.findings ?? 0;
  return (
    <div class="top">
      <div class="tabs" role="tablist" aria-label="Views" onKeyDown={onKeyDown}>
        {TABS.map((tab) => (
          <button
            type="button"
            key={tab}
            role="tab"
            aria-selected={app.tab === tab}
            tabIndex={app.tab === tab ? 0 : -1}
            onClick={() => app.setTab(tab)}
          >
            {TITLES[tab]}
            {tab === 'findings' && n > 0 && (
              <span class="count">
                <span aria-hidden="true">▲</span>
                {n}
              </span>
            )}
          </button>
        ))}
      </div>
      <div class="grow" />
      <Find app={app} />
      <button
        type="button"
        class="keys"
        aria-expanded={app.help}
        onClick={() => {
          app.help = !app.help;
          app.dirty('elements');
        }}
      >
        <kbd>?</kbd>
        <span class="wide">Keys</span>
      </button>
    </div>
  );
}

function Partial({ text }: { text: string }) {
  return (
    <div class="note" role="note">
      <span class="strong">≈</span>
      <span>{text.replace(/\.$/, '')}. Figures cover what was read and carry ≈.</span>
    </div>
  );
}

function Help({ app }: { app: App }) {
  return (
    <div class="help" role="dialog" aria-label="Keys">
      <h2>
        Keys
        <button
          type="button"
          onClick={() => {
            app.help = false;
            app.dirty('elements');
          }}
        >
          <kbd>Esc</kbd>
        </button>
      </h2>
      {HELP.map((part) => (
        <section key={part.title}>
          <h3>{part.title}</h3>
          {part.keys.map(([keys, what]) => (
            <div class="row" key={what}>
              <span>
                {keys.map((k) => (
                  <kbd key={k}>{k}</kbd>
                ))}
              </span>
              <span>{what}</span>
            </div>
          ))}
        </section>
      ))}
    </div>
  );
}
