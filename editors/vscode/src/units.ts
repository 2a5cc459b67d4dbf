// Figures as people read them, by the server's rule (server/ide/src/units.rs): three significant
// digits, at most two decimals, the unit chosen per value after rounding.

import type { LineCost, Nanos } from './protocol';

const UNITS: [string, number, number][] = [
  ['ns', 1, 1000],
  ['µs', 1e3, 1000],
  ['ms', 1e6, 1000],
  ['s', 1e9, 1000],
  ['min', 6e10, 100],
  ['h', 3.6e12, Number.POSITIVE_INFINITY],
];

/** `444 ms`, `1.25 ms`, `0`. */
export function duration(ns: Nanos): string {
  if (ns === 0) return '0';
  for (const [unit, size, limit] of UNITS) {
    const text = size === 1 ? String(Math.round(ns)) : digits(ns / size);
    if (Number(text) < limit) return `${grouped(text)} ${unit}`;
  }
  return `${ns} ns`;
}

/** `3,120`, from 100,000 on `128k`. */
export function count(n: number): string {
  if (n < 100_000) return grouped(String(n));
  for (const [suffix, size] of [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
  ] as const) {
    if (n / size < 999.5) return `${digits(n / size)}${suffix}`;
  }
  return grouped(String(n));
}

/** `38.0 %`, `< 0.01 %`, `–` of nothing. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const share = (part / whole) * 100;
  if (share > 0 && share < 0.005) return '< 0.01 %';
  const text = digits(share);
  return part < whole && text === '100' ? '> 99.9 %' : `${text} %`;
}

/** Three significant digits, at most two decimals. */
function digits(value: number): string {
  if (value === 0) return '0';
  for (const decimals of [2, 1]) {
    const text = value.toFixed(decimals);
    if (Number(text) < (decimals === 2 ? 10 : 100)) return text;
  }
  return String(Math.round(value));
}

function grouped(text: string): string {
  const [whole = '', rest] = text.split('.');
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return rest === undefined ? spaced : `${spaced}.${rest}`;
}

/** A range of times as people write it: `1.2ms-30ms`, `1.2 ms – 30 ms`, `1.2-1.4 s`. It may end before it begins. */
export function parseRange(text: string): { t0: Nanos; t1: Nanos } | undefined {
  const match = /^\s*([\d.]+)\s*(ns|us|µs|ms|s|min)?\s*(?:-|–|to|\.\.)\s*([\d.]+)\s*(ns|us|µs|ms|s|min)\s*$/.exec(text);
  if (!match) return undefined;
  const [, from, fromUnit, to, toUnit] = match;
  const size = (unit: string | undefined) => UNITS.find(([name]) => name === (unit === 'us' ? 'µs' : unit))?.[1] ?? 1;
  const t0 = Math.round(Number(from) * size(fromUnit ?? toUnit));
  const t1 = Math.round(Number(to) * size(toUnit));
  return Number.isFinite(t0) && Number.isFinite(t1) ? { t0, t1 } : undefined;
}

/** A function's name without the folders of its package: `db.(*pool).query`; the package `main` is left out. */
export function shortFunc(func: string): string {
  const name = func.slice(func.lastIndexOf('/', func.indexOf('[') < 0 ? undefined : func.indexOf('[')) + 1);
  return name.replace(/^main\./, '');
}

/** The last part of a path or URI. */
export function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** What is written behind a line: that others wait for it says more than the tail of its own waits. */
export function textOf({ text, hint, others }: Pick<LineCost, 'text' | 'hint' | 'others'>, most: number): string {
  const texts = others ? [text, hint, hint.split(' · ', 1)[0]].map((own) => `${own} · ${others}`) : [text];
  return texts.find((t) => t.length <= most) ?? `${text.slice(0, most - 1)}…`;
}
