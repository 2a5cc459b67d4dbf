// What is typed into find, as what is asked for: `query state:lock >1ms`.
import type { Json } from './read.ts';

export interface Query {
  text: string;
  state: string | null;
  minNs: number | null;
}

/** What goroutines can be; all else that may stand after `state:` is what they wait for. */
const STATES: readonly string[] = ['running', 'runnable', 'waiting', 'syscall'];
const KINDS: Readonly<Record<string, string>> = {
  chan: 'channel',
  select: 'channel',
  net: 'network',
  mutex: 'lock',
  cond: 'lock',
  gc: 'gc wait',
  gcwait: 'gc wait',
};

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9 };

export function parseQuery(typed: string): Query {
  const words: string[] = [];
  let state: string | null = null;
  let minNs: number | null = null;
  for (const word of typed.trim().split(/\s+/)) {
    const longer = word.match(/^>=?(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s)$/);
    const of = word.match(/^state:(\w+)$/i);
    if (longer !== null) minNs = Number(longer[1]) * (UNITS[longer[2] ?? ''] ?? 1);
    else if (of !== null) state = (of[1] ?? '').toLowerCase();
    else if (word !== '') words.push(word);
  }
  return { text: words.join(' '), state, minNs };
}

/** `>1ms <5ms` as bounds, as a filter has them; what is not one is left out. */
export function parseLengths(typed: string): { min?: number; max?: number } {
  let least = 0;
  let most = Number.POSITIVE_INFINITY;
  for (const [, sign, n, unit] of typed.matchAll(/([<>])=?\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|μs|ms|s)\b/g)) {
    const ns = Number(n) * (UNITS[unit ?? ''] ?? 1);
    if (sign === '>') least = Math.max(least, ns);
    else most = Math.min(most, ns);
  }
  return {
    ...(least > 0 ? { min: Math.ceil(least) } : {}),
    // Nothing is shorter than it is longer: then there is nothing.
    ...(most < Number.POSITIVE_INFINITY ? { max: Math.max(Math.floor(most), Math.ceil(least)) } : {}),
  };
}

export function isEmpty(q: Query): boolean {
  return q.text === '' && q.state === null && q.minNs === null;
}

export function queryParams(q: Query, limit: number): { [key: string]: Json } {
  return {
    ...(q.text === '' ? {} : { query: q.text }),
    ...(q.state === null ? {} : STATES.includes(q.state) ? { state: q.state } : { kind: KINDS[q.state] ?? q.state }),
    ...(q.minNs === null ? {} : { minNs: Math.round(q.minNs) }),
    limit,
  };
}
