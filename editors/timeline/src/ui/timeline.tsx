// The timeline's elements: labels beside the canvases, the card of the pointer, the details, the table for screen readers.
import type { App } from '../app.ts';
import { CLASS, isClass, NAMES } from '../model/classes.ts';
import { count, duration, grouped, shortenTail, shortFunc, span } from '../model/format.ts';
import { placeLabel } from '../model/protocol.ts';
import { type Row, visible } from '../model/rows.ts';
import { menuOf } from './menu.tsx';
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
          <button type="button" onClick={() => void app.follow.longest(true)} title="N: next longest">
            <span class="link mono">{app.instances.label}</span> {count(app.instances.of)}{' '}
            {app.instances.of === 1 ? 'wait' : 'waits'}
          </button>
        )}
      </div>
      <div class="overview" ref={stage.attachOverview}>
        <canvas role="img" aria-label="Costly waiters over the whole trace" />
      </div>
      <div class="ruler-label" title="Costly waiting, on own lines and in libraries">
        {app.range === null ? 'costly' : 'costly in range'}
      </div>
      <Labels app={app} />
      <div class="field" ref={stage.attachField}>
        <canvas role="img" aria-label="Lanes; press T for the same as a table" />
        <canvas aria-hidden="true" />
        <Nothing app={app} />
        {app.table && <Twin app={app} />}
      </div>
      <Panel app={app} stage={stage} />
      <Card app={app} stage={stage} />
    </main>
  );
}

function Labels({ app }: { app: App }) {
  const { rows, scroll } = app;
  const [first, last] = visible(rows, scroll, app.lanesHeight);
  const selected = app.selection?.lane;
  return (
    <ul
      class="labels"
      aria-label="Lanes"
      onWheel={(e) => {
        app.scrollBy(e.deltaY);
      }}
    >
      {rows.rows.slice(first, last).map((row, i) => (
        <Label
          key={row.id}
          app={app}
          row={row}
          top={(rows.top[first + i] ?? 0) - scroll}
          selected={selected !== undefined && row.kind !== 'header' && row.lanes.includes(selected)}
        />
      ))}
    </ul>
  );
}

function Label({ app, row, top, selected }: { app: App; row: Row; top: number; selected: boolean }) {
  const style = { transform: `translateY(${top}px)`, height: `${row.height}px` };
  const line = row.kind === 'header' || row.kind === 'chart' || row.kind === 'gc' || row.kind === 'p';
  const cls = `label ${row.kind}${line ? ' top-line' : ''}${row.indent === 2 ? ' part' : ''}${selected ? ' selected' : ''}`;
  const menu = (e: MouseEvent) => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    // Asked for by a key it has no point of its own: it stands at the label.
    const byKey = e.clientX === 0 && e.clientY === 0;
    const made = menuOf(app, row, byKey ? box.left + 24 : e.clientX, byKey ? box.bottom : e.clientY);
    if (made === null) return;
    e.preventDefault();
    app.menu = made;
    app.dirty('elements');
  };
  const opens = row.kind === 'header' || (row.kind === 'task' && row.toggles !== '');
  const inside = (
    <>
      {opens && (
        <span class="twist" aria-hidden="true">
          {row.open ? '▾' : '▸'}
        </span>
      )}
      <span class="name" title={row.name}>
        {row.kind === 'header' && row.group !== null ? short(row.name, app.size.narrow) : row.name}
      </span>
      {row.extra !== '' && <span class="extra">{row.extra}</span>}
      {row.figure !== '' && <span class="figure">{row.figure}</span>}
    </>
  );
  if (opens) {
    return (
      <li>
        <button
          type="button"
          class={cls}
          style={style}
          aria-expanded={row.open}
          onClick={() => app.toggle(row.toggles)}
          onContextMenu={menu}
        >
          {inside}
        </button>
      </li>
    );
  }
  if (row.kind === 'lane' || row.kind === 'p' || row.kind === 'task' || row.kind === 'gc') {
    return (
      <li>
        <button
          type="button"
          class={cls}
          style={style}
          onClick={() => {
            app.chosen = row.gs?.length === 1 ? (row.gs[0] ?? 0) : 0;
            void app.follow.first(row.lanes[0]);
          }}
          onContextMenu={menu}
        >
          {inside}
        </button>
      </li>
    );
  }
  return (
    <li class={cls} style={style}>
      {inside}
    </li>
  );
}

/** Without its path and package, as lanes have it: `(*conn).serve`, `main.func3`. Too long, it keeps its end. */
function short(name: string, narrow: boolean): string {
  const noPackage = shortFunc(name).replace(/^[^.([]+\.(?=.)/, '');
  const room = narrow ? 16 : 26;
  return shortenTail(noPackage === '' ? name : noPackage, (s) => s.length <= room);
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
            {span(s.start, s.end)}
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
              : "Click selects · Enter copies the line's path"}
          </div>
        </>
      )}
    </div>
  );
}
