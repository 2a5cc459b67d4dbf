// What a window came to (`waitline/timelineSummary`), and the one meaning that costly has on the page: own lines and
// libraries are told apart wherever lines are, and lanes count both, as whatever stands still there is drawn.
import { CLASS, type Class, isClass } from './classes.ts';
import { laneKey, type Place, place } from './protocol.ts';
import { field, list, num, numOrNull, text } from './read.ts';
import type { Ns } from './units.ts';

export interface Summary {
  /** What was costly on own lines: what the editor and reports count, too. */
  costly: Ns | null;
  /** The rest of what was costly: no own line is on its stack. */
  elsewhere: Ns | null;
  runnable: Ns | null;
  idle: Ns | null;
  /** Of what cannot be told whether it is costly. */
  unsure: Ns | null;
  /** `costly`: on own lines. */
  byClass: { cls: Class; costly: Ns; ns: Ns }[];
  lines: { place: Place; kind: string; costly: Ns; share: number }[];
  longest: { lane: string; g: number; start: Ns; ns: Ns; place: Place | null }[];
}

export function summary(x: unknown): Summary {
  return {
    costly: numOrNull(field(x, 'costly')),
    elsewhere: numOrNull(field(x, 'costlyElsewhere')),
    runnable: numOrNull(field(x, 'runnable')),
    idle: numOrNull(field(x, 'idle')),
    unsure: numOrNull(field(x, 'unsure')),
    byClass: list(field(x, 'byClass'), (c) => {
      const cls = field(c, 'class');
      if (typeof cls !== 'number' || !isClass(cls)) return null;
      return { cls, costly: num(field(c, 'costly')), ns: num(field(c, 'ns')) };
    }),
    lines: list(field(x, 'lines'), (l) => {
      const p = place(field(l, 'place'));
      if (p === null) return null;
      return {
        place: p,
        kind: text(field(l, 'kind'), 60),
        costly: num(field(l, 'costly')),
        share: num(field(l, 'share')),
      };
    }),
    longest: list(field(x, 'longest'), (l) => {
      const lane = laneKey(field(l, 'lane'));
      if (lane === null) return null;
      return {
        lane,
        g: num(field(l, 'g')),
        start: num(field(l, 'start')),
        ns: num(field(l, 'ns')),
        place: place(field(l, 'place')),
      };
    }),
  };
}

/**
 * What lanes and groups are said to cost: all their costly waiting, whoever's line it is at. It is what their own
 * figures in `waitline/timelineInfo` are; help for the collector, which is run and not waited for, is none of it.
 */
export function costlyWaiting(s: Summary): Ns {
  const assists = s.byClass.find((c) => c.cls === CLASS.assist)?.ns ?? 0;
  return Math.max((s.costly ?? 0) + (s.elsewhere ?? 0) - assists, 0);
}

/** Costly lines, the program's own apart from those of libraries, each with its share of all that is costly there. */
export function costlyLines(s: Summary): { own: Summary['lines']; elsewhere: Summary['lines'] } {
  const share = (lines: Summary['lines'], of: Ns | null) =>
    lines.map((l) => ({ ...l, share: of !== null && of > 0 ? l.costly / of : 0 }));
  // Without source all lines count as own.
  const isOwn = (l: Summary['lines'][number]) => l.place.uri !== null || s.elsewhere === null || s.elsewhere === 0;
  return {
    own: share(s.lines.filter(isOwn), s.costly),
    elsewhere: share(
      s.lines.filter((l) => !isOwn(l)),
      s.elsewhere,
    ),
  };
}
