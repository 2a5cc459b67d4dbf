// The timeline's elements: what stands beside the canvases, the card of the pointer, the details, the table for screen readers.
import type { App, LineInstances } from '../app.ts';
import { CLASS, classOf, isClass, isWait, NAMES } from '../model/classes.ts';
import { count, course, duration, grouped } from '../model/format.ts';
import { placeLabel } from '../model/protocol.ts';
import { Labels } from './labels.tsx';
import type { Props } from './page.tsx';
import { Panel } from './panel.tsx';
import type { Stage } from './stage.ts';
import { Swatch } from './swatch.tsx';
import { Twin } from './twin.tsx';

export function Timeline({ app, stage }: Props) {
  return (
    <main class="timeline" aria-label="Timeline">
      <div class="overview-label">
        <div>Whole trace</div>
        <div class="dim">costly waiters</div>
        <span class="peak">{stage.peak > 0 ? grouped(stage.peak) : ''}</span>
        {app.instances !== null && (
          <button
            type="button"
            onClick={() => void app.follow.longest(true)}
            title={`${app.instances.label}, ${counted(app.instances)}. N: next longest`}
          >
            <span class="link mono">{app.instances.label}</span> {counted(app.instances)}
          </button>
        )}
      </div>
      <div class="overview" ref={stage.attachOverview}>
        <canvas role="img" aria-label="Costly waiters over the whole trace" />
      </div>
      <div class="ruler-label" title="Costly waiting, on own lines and in libraries">
        {app.range === null ? 'costly' : 'costly in range'}
      </div>
      <Labels app={app} stage={stage} />
      <div class="field" ref={stage.attachField} tabIndex={-1}>
        <canvas role="img" aria-label="Lanes; press T for the same as a table" />
        <canvas aria-hidden="true" />
        <Nothing app={app} />
        {app.table && <Twin app={app} />}
      </div>
      <Panel app={app} stage={stage} />
      <Card app={app} stage={stage} />
      <MarkCard app={app} stage={stage} />
    </main>
  );
}

/** `57 waits`, `291 spans`: what a line has run is no wait, and of all that it did not each is one. */
function counted({ of, kind }: LineInstances): string {
  const word = kind !== '' && isWait(classOf(kind)) ? 'wait' : 'span';
  return `${count(of)} ${of === 1 ? word : `${word}s`}`;
}

/** Nothing costly in the range: said over the lanes, with the next step. */
function Nothing({ app }: { app: App }) {
  // What libraries wait for is drawn, too: then there is something to see.
  const { range, summary } = app;
  if (range === null || summary === null || summary.costly !== 0 || (summary.elsewhere ?? 0) > 0) return null;
  return (
    <div class="over">
      <p class="strong">Nothing costly in this range.</p>
      <button
        type="button"
        class="link"
        onClick={() => {
          const r = app.range;
          if (r !== null) void app.setRange({ t0: r.t0 - (r.t1 - r.t0), t1: r.t1 + (r.t1 - r.t0) });
        }}
      >
        Widen the range
      </button>
    </div>
  );
}

/** What a red mark of the strip stands for. */
function MarkCard({ app, stage }: { app: App; stage: Stage }) {
  const m = stage.marked;
  const f = m?.findings[0];
  if (m === null || f === undefined || app.help || app.menu !== null) return null;
  const others = m.findings.length - 1;
  const style = { left: `${Math.max(Math.min(m.x + 14, window.innerWidth - 376), 0)}px`, top: `${m.y + 20}px` };
  return (
    <div class="card" style={style} aria-hidden="true">
      <div class="strong">
        <span class="finding">▲</span> {f.code}
      </div>
      <div>{f.message}</div>
      {f.place !== null && <div class="link mono">{placeLabel(f.place)}</div>}
      <div class="dim gap">
        {others > 0 && `${grouped(others)} more here · `}
        Click opens it
      </div>
    </div>
  );
}

function Card({ app, stage }: { app: App; stage: Stage }) {
  const h = stage.hover;
  // What lies over the lanes covers what the pointer was on.
  if (h === null || app.table || app.help || app.menu !== null) return null;
  const s = h.slice;
  const cls = isClass(h.cls) ? h.cls : CLASS.unknown;
  // Beside the pointer, and within the window.
  const left = Math.min(h.x + 14, window.innerWidth - 336);
  const below = h.y + 24 + 110 < window.innerHeight;
  const style = below
    ? { left: `${left}px`, top: `${h.y + 20}px` }
    : { left: `${left}px`, bottom: `${window.innerHeight - h.y + 12}px` };
  // Until the answer is there, and where the tile is all there is, it says what the tile knows.
  const row = app.rows.rows[h.spot.row];
  const named = row?.kind === 'gc' && h.label > 0 ? app.data.name(h.label) : null;
  const title = s?.title ?? (named || NAMES[cls]);
  // A sentence stands below the title: beside it one of them would be cut.
  const told = s === null && / in /.test(h.length);
  const place = s?.site ?? s?.startStack[0] ?? null;
  const group = app.info?.groups.find((g) => g.id === s?.group);
  return (
    <div class="card" style={style} aria-hidden="true">
      <div class="pair">
        <span class="with-swatch strong">
          <Swatch theme={stage.currentTheme} cls={cls} />
          {title}
        </span>
        {!told && <span class="num strong">{s === null ? h.length : duration(s.end - s.start)}</span>}
      </div>
      {h.g > 0 && (
        <div class="dim">
          G{h.g} {group?.name ?? s?.name ?? ''}
        </div>
      )}
      {told && <div>{h.length}</div>}
      {s === null && h.several && <div class="dim">Zoom in to see each of them.</div>}
      {s !== null && (
        <>
          {h.several && <div class="dim">One of {h.length}</div>}
          {place !== null && (
            <div class="gap">
              <span class="link mono">{placeLabel(place)}</span> <span class="mono">{place.source ?? ''}</span>
            </div>
          )}
          <div>
            {course(s.start, s.end)}
            {s.waker !== null && (
              <span class="dim">
                , woken by {s.waker.g > 0 ? `G${s.waker.g}` : s.waker.what}
                {s.waker.place !== null && ` · ${placeLabel(s.waker.place)}`}
              </span>
            )}
          </div>
          <div class="dim gap">
            {app.host.hasEditor
              ? 'Click selects and shows the line · Enter goes there'
              : 'Click selects · Enter shows the source'}
          </div>
        </>
      )}
    </div>
  );
}
