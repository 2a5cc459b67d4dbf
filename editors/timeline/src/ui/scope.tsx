// The scope bar, the same in every view: what the figures count, and each of it can be taken away.
import type { App } from '../app.ts';
import { filterWords } from '../model/filter.ts';
import { baseName, duration, figure, span } from '../model/format.ts';
import { copyLink } from './keyboard.ts';

export function Scope({ app }: { app: App }) {
  const { state, summary, range } = app;
  if (state === null) return null;
  const length = range === null ? state.duration : range.t1 - range.t0;
  // Under a filter the whole trace's figure would be another one's.
  const costly = summary?.costly ?? (app.filters.length > 0 ? null : state.costly);
  const elsewhere = summary?.elsewhere ?? 0;
  // The beginning is shown while the rest is read.
  const reading = app.loading !== null && state.partial !== null;
  const approx = state.partial === null ? '' : '≈ ';
  const about = [baseName(state.trace), ...(range === null ? [] : [duration(state.duration)]), ...aboutTrace(app)];
  return (
    <section class="scope" aria-label="What the figures count">
      {range === null ? (
        <span class="pill">
          {reading ? 'What was read' : 'Whole trace'} <span class="dim">{duration(state.duration)}</span>
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
      {app.filters.map((f) => (
        <button
          type="button"
          class="pill range"
          key={f.kind}
          title="All of it again"
          aria-label={`${filterWords(f)}: take this filter away`}
          onClick={() => app.widen(f.kind)}
        >
          <span class="filter-name">{filterWords(f)}</span> <span aria-hidden="true">×</span>
        </button>
      ))}
      {range !== null && app.host.hasEditor && <span class="wide">The source shows this range</span>}
      {costly !== null && (
        <span>
          <b>
            {approx}
            {duration(costly)}
          </b>{' '}
          <span class="text">
            costly waiting
            {elsewhere > 0 && ' on own lines'}
            {length > 0 && costly > 0 && <span class="wide">, {figure(costly / length)} waiting on average</span>}
          </span>
        </span>
      )}
      {elsewhere > 0 && (
        <span class="wide" title="Costly, too, and no own line is on the stack. Lanes and groups count both.">
          <b>{duration(elsewhere)}</b> <span class="text">in libraries</span>
        </span>
      )}
      {summary !== null && summary.runnable !== null && (
        <span class="wide">
          <b>{duration(summary.runnable)}</b> <span class="text">runnable</span>
        </span>
      )}
      {summary !== null && summary.unsure !== null && summary.unsure > (costly ?? 0) && (
        <span title="Waiting of which cannot be told whether it is costly: waitline explain verdicts">
          <b>{duration(summary.unsure)}</b> <span class="text">unsure</span>
        </span>
      )}
      {summary !== null && summary.idle !== null && (
        <span class="wide">
          {duration(summary.idle)} idle, {app.tab === 'timeline' ? 'drawn as a line' : 'left out of bars and order'}
        </span>
      )}
      <span class="grow" />
      <span class="about">{about.join(' · ')}</span>
      <button
        type="button"
        class="link"
        title={`L: copy a ${app.host.linkIs === 'command' ? 'command that opens' : 'link to'} this view`}
        onClick={() => void copyLink(app)}
      >
        Copy {app.host.linkIs}
      </button>
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
