// A tile: what a window of the trace looks like in some lanes, at a width. Octets in, columns out.
//
//   0  "WLT2"  4 analysis  8 t0  16 t1  24 width  28 n_lanes
//   32 n_lanes x { offset, n_rects, peak, flags }
//   rects of 16: u16 x0, u16 x1 (1/16 px from t0), u8 class, u8 verdict, u8 flags, u8 fill, u32 label, u32 g
//
// The octets may be anything: all that is said about them is checked against what is there before it is believed,
// and a tile with anything wrong in it is no tile at all.
import { N_CLASSES } from './classes.ts';
import type { Ns } from './units.ts';

const HEAD = 32;
const LANE = 16;
const RECT = 16;

/** Pixels of a tile at most: their sixteenths must fit 16 bits. */
export const WIDEST = 4095;

/** Lanes of a tile at most. */
export const MOST_LANES = 256;

/** Sixteenths of a pixel are the wire's unit. */
export const SUB = 16;

/** One lane of a tile: columns, one row a rectangle, ordered as they came (by x0). */
export interface LaneTile {
  readonly t0: Ns;
  readonly t1: Ns;
  /** Pixels from t0 to t1. */
  readonly width: number;
  /** Drawn in cells wider than a pixel, so that the tile keeps to its size. */
  readonly coarse: boolean;
  /** Density rows: most goroutines at once. */
  readonly peak: number;
  readonly n: number;
  readonly x0: Uint16Array;
  readonly x1: Uint16Array;
  readonly cls: Uint8Array;
  readonly verdict: Uint8Array;
  readonly flags: Uint8Array;
  readonly fill: Uint8Array;
  readonly label: Uint32Array;
  readonly g: Uint32Array;
}

export interface Tile {
  readonly analysis: number;
  readonly t0: Ns;
  readonly t1: Ns;
  readonly width: number;
  readonly lanes: readonly LaneTile[];
}

export class BadTile extends Error {}

/** `n_lanes`: how many were asked for; an answer with another number is refused. */
export function decodeTile(octets: ArrayBuffer, n_lanes: number): Tile {
  if (octets.byteLength < HEAD) throw new BadTile(`tile of ${octets.byteLength} bytes (a head has ${HEAD})`);
  const view = new DataView(octets);
  if (view.getUint32(0, false) !== 0x574c5432) throw new BadTile('not a tile');
  const analysis = view.getUint32(4, true);
  const t0 = safe(view, 8);
  const t1 = safe(view, 16);
  const width = view.getUint32(24, true);
  const n = view.getUint32(28, true);
  if (t1 <= t0) throw new BadTile(`a window from ${t0} to ${t1}`);
  if (width === 0 || width > WIDEST) throw new BadTile(`a width of ${width}`);
  if (n !== n_lanes) throw new BadTile(`${n} lanes, not the ${n_lanes} asked for`);
  if (HEAD + n * LANE > octets.byteLength) throw new BadTile('the lanes are cut off');
  const lanes: LaneTile[] = [];
  for (let i = 0; i < n; i++) lanes.push(lane(view, HEAD + i * LANE, HEAD + n * LANE, { t0, t1, width }));
  return { analysis, t0, t1, width, lanes };
}

function lane(view: DataView, at: number, least: number, window: { t0: Ns; t1: Ns; width: number }): LaneTile {
  const offset = view.getUint32(at, true);
  const n = view.getUint32(at + 4, true);
  const peak = view.getUint32(at + 8, true);
  const flags = view.getUint32(at + 12, true);
  // The number is believed only once the octets for it are there: nothing is allocated by what a number claims.
  if (n > 0 && (offset < least || n > (view.byteLength - offset) / RECT)) throw new BadTile('a lane lies outside');
  const columns = {
    x0: new Uint16Array(n),
    x1: new Uint16Array(n),
    cls: new Uint8Array(n),
    verdict: new Uint8Array(n),
    flags: new Uint8Array(n),
    fill: new Uint8Array(n),
    label: new Uint32Array(n),
    g: new Uint32Array(n),
  };
  const end = window.width * SUB;
  for (let i = 0; i < n; i++) {
    const r = offset + i * RECT;
    const x0 = view.getUint16(r, true);
    const x1 = view.getUint16(r + 2, true);
    const cls = view.getUint8(r + 4);
    const verdict = view.getUint8(r + 5);
    if (x1 <= x0 || x1 > end) throw new BadTile(`a rectangle from ${x0} to ${x1} of ${end}`);
    if (cls >= N_CLASSES || verdict > 4) throw new BadTile(`class ${cls}, verdict ${verdict}`);
    columns.x0[i] = x0;
    columns.x1[i] = x1;
    columns.cls[i] = cls;
    columns.verdict[i] = verdict;
    columns.flags[i] = view.getUint8(r + 6);
    columns.fill[i] = view.getUint8(r + 7);
    columns.label[i] = view.getUint32(r + 8, true);
    columns.g[i] = view.getUint32(r + 12, true);
  }
  return { ...window, coarse: (flags & 1) !== 0, peak, n, ...columns };
}

function safe(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > 0x1f_ffff) throw new BadTile('a time past 2^53');
  return high * 2 ** 32 + view.getUint32(at, true);
}

export function rectStart(lane: LaneTile, i: number): Ns {
  return lane.t0 + ((lane.x0[i] ?? 0) * (lane.t1 - lane.t0)) / (lane.width * SUB);
}

export function rectEnd(lane: LaneTile, i: number): Ns {
  return lane.t0 + ((lane.x1[i] ?? 0) * (lane.t1 - lane.t0)) / (lane.width * SUB);
}

/** The rectangle at a moment, else -1. `slack` is how far beside it still counts. Rows of P lanes are told by `lower`. */
export function rectAt(lane: LaneTile, t: Ns, slack: Ns, lower: boolean | null): number {
  let best = -1;
  let bestFar = slack;
  for (let i = 0; i < lane.n; i++) {
    if (lower !== null && (((lane.flags[i] ?? 0) & 8) !== 0) !== lower) continue;
    const start = rectStart(lane, i);
    if (start - slack > t) continue;
    const end = rectEnd(lane, i);
    if (t >= start && t < end) return i;
    const far = t < start ? start - t : t - end;
    if (far <= bestFar && far >= 0) {
      best = i;
      bestFar = far;
    }
  }
  return best;
}
