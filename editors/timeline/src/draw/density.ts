// How many are in which state, column by column: sums of a density lane at this window's pixels, and their stacked areas.
import { type Class, FLAG, N_CLASSES, STACK, VERDICT } from '../model/classes.ts';
import { type LaneTile, rectEnd, rectStart } from '../model/tile.ts';
import type { Px } from '../model/units.ts';
import type { View } from '../model/viewport.ts';
import type { Theme } from './theme.ts';

/** What of a lane is summed. */
export type Keep = 'costly' | 'busy' | 'all';

export interface Columns {
  readonly width: number;
  /** Per class, a column a pixel; null where there is nothing of it. */
  readonly of: readonly (Float32Array | null)[];
  /** Highest stack. */
  readonly most: number;
}

/** Mean number of goroutines by class in each pixel of the view, summed over the lanes. */
export function columns(lanes: readonly LaneTile[], view: View, width: Px, keep: Keep): Columns {
  const n = Math.max(1, Math.round(width));
  const of: (Float32Array | null)[] = new Array(N_CLASSES).fill(null);
  for (const lane of lanes) add(of, lane, view, n, keep);
  let most = 0;
  for (let x = 0; x < n; x++) {
    let sum = 0;
    for (const cls of STACK) sum += of[cls]?.[x] ?? 0;
    if (sum > most) most = sum;
  }
  return { width: n, of, most };
}

function add(of: (Float32Array | null)[], lane: LaneTile, view: View, n: number, keep: Keep): void {
  const perPx = n / (view.t1 - view.t0);
  for (let i = 0; i < lane.n; i++) {
    const verdict = lane.verdict[i];
    if (keep === 'costly' ? verdict !== VERDICT.costly : keep === 'busy' && verdict === VERDICT.idle) continue;
    let a = (rectStart(lane, i) - view.t0) * perPx;
    let b = (rectEnd(lane, i) - view.t0) * perPx;
    if (b <= 0 || a >= n) continue;
    a = Math.max(a, 0);
    b = Math.min(b, n);
    const cls = lane.cls[i] ?? 0;
    let column = of[cls];
    if (column === null || column === undefined) {
      column = new Float32Array(n);
      of[cls] = column;
    }
    const value = ((lane.fill[i] ?? 0) / 255) * lane.peak;
    const first = Math.floor(a);
    const last = Math.min(Math.floor(b), n - 1);
    if (first === last) {
      column[first] = (column[first] ?? 0) + value * (b - a);
      continue;
    }
    column[first] = (column[first] ?? 0) + value * (first + 1 - a);
    for (let x = first + 1; x < last; x++) column[x] = (column[x] ?? 0) + value;
    column[last] = (column[last] ?? 0) + value * (b - last);
  }
}

export interface Area {
  readonly x: Px;
  /** The bottom line. */
  readonly y: Px;
  readonly height: Px;
  readonly scale: number;
  readonly alpha: number;
  readonly only: Class | null;
}

/**
 * A class at a time, from below in the order of the legend. As rectangles, not as one path: a path of a thousand edges
 * costs a canvas without a GPU ten times what the rectangles do.
 */
export function drawStack(ctx: CanvasRenderingContext2D, c: Columns, theme: Theme, area: Area): void {
  const below = new Float32Array(c.width);
  const perOne = area.height / Math.max(area.scale, 1e-9);
  for (const cls of STACK) {
    const column = c.of[cls];
    if (column === null || column === undefined) continue;
    ctx.fillStyle = theme.colour[cls] ?? '#888';
    ctx.globalAlpha = area.only === null || area.only === cls ? area.alpha : area.alpha * 0.3;
    let x = 0;
    while (x < c.width) {
      const value = column[x] ?? 0;
      if (value <= 0) {
        x++;
        continue;
      }
      // A run of the same height over the same base is one rectangle.
      const base = below[x] ?? 0;
      const start = x;
      while (x < c.width && column[x] === value && below[x] === base) {
        below[x] = base + value;
        x++;
      }
      ctx.fillRect(area.x + start, area.y - (base + value) * perOne, x - start, value * perOne);
    }
  }
  ctx.globalAlpha = 1;
}

/** Whether a rectangle stands in the lower row of a P lane. */
export function isLower(lane: LaneTile, i: number): boolean {
  return ((lane.flags[i] ?? 0) & FLAG.lower) !== 0;
}
