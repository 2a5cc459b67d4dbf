// The frame that all views share: tabs, find, the scope bar, the note of a partial trace, the legend.
import { type App, TABS, type Tab } from '../app.ts';
import { baseName, duration, figure, span } from '../model/format.ts';
import { HELP } from '../model/keys.ts';
import { placeLabel } from '../model/protocol.ts';
import { Findings } from '../tabs/findings.tsx';
import { Goroutines } from '../tabs/goroutines.tsx';
import { Mmu } from '../tabs/mmu.tsx';
import { Profiles } from '../tabs/profiles.tsx';
import { Tasks } from '../tabs/tasks.tsx';
import { Failed, Indexing, Loading, NoTrace } from './empty.tsx';
import { Find } from './find.tsx';
import { Legend } from './legend.tsx';
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
      <Body app={app} stage={stage} />
      {app.phase === 'ready' && app.tab === 'timeline' && <Legend app={app} stage={stage} />}
      {app.help && <Help app={app} />}
      <div class="hidden" aria-live="polite">
        {announced(app)}
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
      return app.info?.ready === true ? <Timeline app={app} stage={stage} /> : <Indexing app={app} />;
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

function Scope({ app }: { app: App }) {
  const { state, summary, range } = app;
  if (state === null) return null;
  const length = range === null ? state.duration : range.t1 - range.t0;
  const costly = summary?.costly ?? state.costly;
  const approx = state.partial === null ? '' : '≈ ';
  const about = [baseName(state.trace), ...(range === null ? [] : [duration(state.duration)]), ...aboutTrace(app)];
  return (
    <section class="scope" aria-label="What the figures count">
      {range === null ? (
        <span class="pill">
          Whole trace <span class="dim">{duration(state.duration)}</span>
        </span>
      ) : (
        <button
          type="button"
          class="pill range"
          title="Back to the whole trace"
          onClick={() => void app.setRange(null)}
        >
          <span>◔ {span(range.t0, range.t1)}</span> <span class="dim">{duration(length)}</span> <kbd>Esc</kbd>
        </button>
      )}
      {app.only !== null && app.tab !== 'timeline' && app.tab !== 'findings' && (
        <button
          type="button"
          class="pill range"
          title="All goroutines again"
          onClick={() => {
            app.only = null;
            app.all();
          }}
        >
          <span>
            only {app.only.kind === 'func' || app.only.kind === 'g' ? '' : `${app.only.kind} `}
            {app.only.name}
          </span>
          <kbd>Esc</kbd>
        </button>
      )}
      {range !== null && <span class="wide">The source shows this range</span>}
      <span>
        <b>
          {approx}
          {duration(costly)}
        </b>{' '}
        <span class="text">
          costly waiting
          {length > 0 && costly > 0 && <span class="wide">, {figure(costly / length)} waiting on average</span>}
        </span>
      </span>
      {summary !== null && summary.runnable !== null && (
        <span class="wide">
          <b>{duration(summary.runnable)}</b> <span class="text">runnable</span>
        </span>
      )}
      {summary !== null && summary.idle !== null && (
        <span class="wide">
          {duration(summary.idle)} idle, {app.tab === 'timeline' ? 'drawn as a line' : 'left out of bars and order'}
        </span>
      )}
      <span class="grow" />
      <span>{about.join(' · ')}</span>
    </section>
  );
}

/** `Go 1.26 · 2 Ps`, out of what the summary says. */
function aboutTrace(app: App): string[] {
  const out: string[] = [];
  const go = app.state?.summary.match(/[Gg]o ?1\.\d+/)?.[0];
  if (go !== undefined) out.push(go.replace(/^go ?/i, 'Go '));
  if (app.info !== null && app.info.gomaxprocs > 0) out.push(`${app.info.gomaxprocs} Ps`);
  return app.size.narrow ? [] : out;
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
