// The evidence for a line (`waitline/site`), as the findings show it.
import { type Place, place } from './protocol.ts';
import { field, isFields, lines, list, num, numOrNull, text } from './read.ts';
import type { Ns } from './units.ts';

export interface Part {
  kind: string;
  n: number;
  /** How many of them had not ended: percentiles know nothing of these. */
  open: number;
  ns: Ns;
  p50: Ns | null;
  p90: Ns | null;
  p99: Ns | null;
  longest: { g: number; start: Ns; ns: Ns } | null;
  reason: string | null;
}

export interface Site {
  parts: Part[];
  text: string;
  wakers: { place: Place | null; n: number; ns: Ns }[];
  callers: { place: Place | null; n: number; ns: Ns }[];
}

export function site(x: unknown): Site | null {
  if (!isFields(x)) return null;
  const counted = (v: unknown) =>
    list(v, (w) => ({ place: place(field(w, 'place')) ?? place(w), n: num(field(w, 'n')), ns: num(field(w, 'ns')) }));
  return {
    parts: list(field(x, 'parts'), (p) => {
      const longest = field(p, 'longest');
      const n = num(field(p, 'n'));
      const open = num(field(p, 'open'));
      const percentile = (name: string, least: number) => (n - open >= least ? numOrNull(field(p, name)) : null);
      return {
        kind: text(field(p, 'kind'), 60),
        n,
        open,
        ns: num(field(p, 'ns')),
        p50: percentile('p50', 1),
        p90: percentile('p90', 1),
        // Of less than 100 the longest says more.
        p99: percentile('p99', 100),
        longest: isFields(longest)
          ? { g: num(field(longest, 'g')), start: num(field(longest, 'start')), ns: num(field(longest, 'ns')) }
          : null,
        reason: text(field(p, 'reason')) || null,
      };
    }),
    text: lines(field(x, 'text'), 20_000),
    wakers: counted(field(x, 'wakers')),
    callers: counted(field(x, 'callers')),
  };
}

export interface Histogram {
  /** Upper and lower edge in nanoseconds, and how many. */
  bins: { from: Ns; to: Ns; n: number }[];
  least: Ns;
  most: Ns;
}

/** Lengths by their logarithm, four bins to a factor of ten; edges are powers of ten. */
export function histogram(lengths: readonly Ns[]): Histogram | null {
  const real = lengths.filter((l) => l > 0);
  if (real.length === 0) return null;
  const low = Math.floor(Math.log10(real.reduce((a, b) => Math.min(a, b))));
  const high = Math.max(Math.ceil(Math.log10(real.reduce((a, b) => Math.max(a, b)))), low + 1);
  const bins = Array.from({ length: (high - low) * 4 }, (_, i) => ({
    from: 10 ** (low + i / 4),
    to: 10 ** (low + (i + 1) / 4),
    n: 0,
  }));
  for (const l of real) {
    const bin = bins[Math.min(Math.floor((Math.log10(l) - low) * 4), bins.length - 1)];
    if (bin !== undefined) bin.n++;
  }
  return { bins, least: 10 ** low, most: 10 ** high };
}
