// The same spans as a table: what the lanes in view show, for screen readers and for who reads better in words.
import type { App } from '../app.ts';
import { CLASS, isClass, NAMES, VERDICTS } from '../model/classes.ts';
import { duration, grouped, moment } from '../model/format.ts';
import { lengthWords } from '../model/lengths.ts';
import { visible } from '../model/rows.ts';
import { rectEnd, rectStart } from '../model/tile.ts';
import type { Ns } from '../model/units.ts';
import { scale } from '../model/viewport.ts';

interface Line {
  lane: string;
  row: string;
  what: string;
  verdict: string;
  start: Ns;
  end: Ns;
  /** How long, as far as it is known. */
  length: string;
}

/** Rows of the table at most: more than a person goes through. */
const MOST = 500;

export function spansInView(app: App): { lines: Line[]; of: number } {
  const [first, last] = visible(app.rows, app.scroll, app.lanesHeight);
  const lines: Line[] = [];
  let of = 0;
  for (const row of app.rows.rows.slice(first, last)) {
    if (row.kind === 'header' || row.kind === 'chart' || row.kind === 'note') continue;
    for (const lane of row.lanes) {
      const tile = app.data.tiles.get(lane, app.view, app.size.width);
      if (tile === null) continue;
      for (let i = 0; i < tile.n; i++) {
        const start = rectStart(tile, i);
        const end = rectEnd(tile, i);
        const cls = tile.cls[i] ?? 0;
        if (end <= app.view.t0 || start >= app.view.t1 || !isClass(cls) || cls === CLASS.none) continue;
        of++;
        if (lines.length >= MOST) continue;
        const g = tile.g[i] ?? 0;
        lines.push({
          lane,
          row: row.name === '' ? `G${g}` : row.name,
          what:
            row.kind === 'gc'
              ? named(app, tile.label[i] ?? 0, NAMES[cls])
              : `${NAMES[cls]}${row.kind === 'p' && g > 0 ? ` G${g}` : ''}`,
          verdict: VERDICTS[tile.verdict[i] ?? 0] ?? 'none',
          start,
          end,
          length: lengthWords(tile, i),
        });
      }
    }
  }
  return { lines, of };
}

/** What the collector did and where it began, in the tile's own words; joined rectangles have none. */
function named(app: App, label: number, otherwise: string): string {
  return (label > 0 ? app.data.name(label) : null) || otherwise;
}

export function Twin({ app }: { app: App }) {
  const { lines, of } = spansInView(app);
  const px = scale(app.view, app.size.width);
  // Only below is a start to the microsecond what the tile knows.
  const fine = px < 16e3;
  return (
    <section class="twin" aria-label="Spans in view">
      <div class="bar-top">
        <h2>Spans in view</h2>
        <span class="dim">
          {of > lines.length ? `the first ${grouped(lines.length)} of ${grouped(of)}: zoom in for fewer` : grouped(of)}
        </span>
        <span class="dim">{duration(px)} a pixel: what is shorter is told together, as ≈ or by what it is within</span>
        <span class="grow" />
        <button
          type="button"
          class="button"
          onClick={() => {
            app.table = false;
            app.all();
          }}
        >
          Back to the lanes <kbd>T</kbd>
        </button>
      </div>
      <table>
        <thead>
          <tr>
            <th scope="col">Lane</th>
            <th scope="col">State</th>
            <th scope="col">Cost</th>
            <th scope="col" class="right">
              Start
            </th>
            <th scope="col" class="right">
              Length
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((l) => (
            <tr key={`${l.lane} ${l.start} ${l.what}`}>
              <td>{l.row}</td>
              <td>
                <button
                  type="button"
                  class="link"
                  onClick={() => void app.select(l.lane, (l.start + l.end) / 2, { source: 'beside' })}
                >
                  {l.what}
                </button>
              </td>
              <td>{l.verdict === 'none' ? '' : l.verdict}</td>
              <td class="right">{`${fine ? '' : '≈ '}${moment(l.start)}`}</td>
              <td class="right">{l.length}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
