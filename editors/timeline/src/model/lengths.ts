// How long what a rectangle stands for is, in words that claim no more than a tile knows: its ends are sixteenths of a
// pixel, a pixel may stand for several spans, and a lane of a P, a thread or the collector tells how much was covered.
import { CLASS, FLAG } from './classes.ts';
import { duration, grouped } from './format.ts';
import { type LaneTile, rectEnd, rectStart, SUB } from './tile.ts';
import type { Ns } from './units.ts';

/** What a sixteenth of a pixel is: no start and no end is known better. */
export function grain(tile: LaneTile): Ns {
  return (tile.t1 - tile.t0) / (tile.width * SUB);
}

/** How much of a rectangle is covered, 0 to 1; the server rounds it up to sixteenths. */
export function covered(tile: LaneTile, i: number): number {
  return ((tile.fill[i] ?? 255) + 1) / 256;
}

export function isSeveral(tile: LaneTile, i: number): boolean {
  return ((tile.flags[i] ?? 0) & FLAG.joined) !== 0;
}

/** `2.30 ms`, `≈ 2.30 ms`, `up to 144 µs in 2.30 ms`, `several, in 2.30 ms`. */
export function lengthWords(tile: LaneTile, i: number): string {
  const long = rectEnd(tile, i) - rectStart(tile, i);
  const flags = tile.flags[i] ?? 0;
  const several = isSeveral(tile, i);
  if (tile.cls[i] === CLASS.instant) {
    const n = Math.max(tile.fill[i] ?? 1, 1);
    return n > 1 || several ? `${grouped(n)} in ${duration(long)}` : '';
  }
  const part = covered(tile, i) < 1 ? `up to ${duration(long * covered(tile, i))} ` : '';
  if (several) return `several, ${part}in ${duration(long)}`;
  if (part !== '') return `${part}in ${duration(long)}`;
  if ((flags & (FLAG.before | FLAG.after)) !== 0) return `over ${duration(long)}`;
  // Three digits are shown: they are right where both ends together are off by less than half of the last.
  return long < grain(tile) * 2 * 200 ? `≈ ${duration(long)}` : duration(long);
}
