// What the checks found, and what they looked at and did not report (`waitline/findings`).
import { type Place, place, span } from './protocol.ts';
import { field, isFields, list, num, numOrNull, text } from './read.ts';
import type { Ns } from './units.ts';

export interface Finding {
  place: Place | null;
  code: string;
  severity: string;
  message: string;
  detail: string[];
  ns: Ns;
  related: { place: Place | null; text: string }[];
  at: { t0: Ns; t1: Ns; g: number } | null;
}

/** Names a finding in links and lists, also after it was asked for again. */
export function findingKey(f: Finding): string {
  return `${f.code} ${f.place?.uri ?? f.place?.file ?? ''}:${f.place?.recorded ?? 0} ${f.message}`;
}

/** What a check looked at and did not report. */
export interface LookedAt {
  place: Place | null;
  code: string;
  message: string;
  /** How far it is from being reported. */
  limit: string;
  at: { t0: Ns; t1: Ns; g: number } | null;
}

/** What was looked at; null where a server does not tell. */
export interface Checked {
  checks: number;
  lookedAt: LookedAt[];
  /** Findings that .waitline.toml keeps quiet. */
  silenced: number;
}

export function checked(x: unknown): Checked | null {
  if (!Array.isArray(field(x, 'lookedAt')) && numOrNull(field(x, 'checks')) === null) return null;
  return {
    checks: num(field(x, 'checks')),
    lookedAt: list(field(x, 'lookedAt'), (l) =>
      isFields(l)
        ? {
            place: place(l),
            code: text(field(l, 'code'), 60),
            message: text(field(l, 'message')),
            limit: text(field(l, 'limit'), 200),
            at: moment(field(l, 'at')),
          }
        : null,
    ),
    silenced: num(field(x, 'silenced')),
  };
}

/** A wait to look at. */
function moment(at: unknown): { t0: Ns; t1: Ns; g: number } | null {
  const start = numOrNull(field(at, 'start'));
  const where = start === null ? span(at) : { t0: start, t1: start + Math.max(num(field(at, 'ns')), 1) };
  return where === null ? null : { ...where, g: num(field(at, 'g')) };
}

export function findings(x: unknown): Finding[] {
  return list(field(x, 'findings'), (f) => {
    if (!isFields(f)) return null;
    const detail = field(f, 'detail');
    return {
      place: place(f),
      code: text(field(f, 'code'), 60),
      severity: text(field(f, 'severity'), 40),
      message: text(field(f, 'message')),
      detail: Array.isArray(detail) ? list(detail, (d) => text(d, 2000)) : [text(detail, 4000)],
      ns: num(field(f, 'ns')),
      related: list(field(f, 'related'), (r) => ({ place: place(r), text: text(field(r, 'text')) })),
      at: moment(field(f, 'at')),
    };
  });
}
