// Figures as people read them: 3 significant digits, at most 2 decimals, a space before the unit.
// One place for all of it, so that a time reads the same in a lane, a card and a table.
import type { Ns } from './units.ts';

/** 3 significant digits, at most 2 decimals; groups of thousands by commas. */
export function figure(x: number): string {
  if (!Number.isFinite(x)) return '–';
  const a = Math.abs(x);
  if (a === 0) return '0';
  if (a < 0.005) return '< 0.01';
  // What rounding would lift over a border counts as past it: 9.996 is 10.0, not 10.00.
  if (a < 9.995) return x.toFixed(2);
  if (a < 99.95) return x.toFixed(1);
  return grouped(Math.round(x));
}

export function grouped(n: number): string {
  const s = String(Math.abs(Math.trunc(n)));
  let out = '';
  for (let i = 0; i < s.length; i++) out += (i > 0 && (s.length - i) % 3 === 0 ? ',' : '') + s[i];
  return (n < 0 ? '-' : '') + out;
}

/** Counts: grouped up to 99,999, then 128k, 1.28 M. */
export function count(n: number): string {
  if (n < 100_000) return grouped(n);
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  return `${figure(n / 1e6)} M`;
}

/** A unit of time, for columns whose head names it once. */
export interface Unit {
  readonly symbol: string;
  readonly ns: Ns;
}

/** Each with what is written in it: less than this, rounded. As the server has it (units.rs). */
const UNITS: readonly (Unit & { readonly below: number })[] = [
  { symbol: 'ns', ns: 1, below: 999.5 },
  { symbol: 'µs', ns: 1e3, below: 999.5 },
  { symbol: 'ms', ns: 1e6, below: 999.5 },
  { symbol: 's', ns: 1e9, below: 999.5 },
  // 1.67 h rather than 100 min: nobody counts hundreds of minutes.
  { symbol: 'min', ns: 60e9, below: 99.95 },
  { symbol: 'h', ns: 3600e9, below: Number.POSITIVE_INFINITY },
];

/** The unit in which `duration` writes this length. */
export function unitOf(ns: Ns): Unit {
  const a = Math.abs(ns);
  return UNITS.find((u) => a / u.ns < u.below) ?? { symbol: 'h', ns: 3600e9 };
}

/** The one unit of a column: that of the longest in it. Of nothing it is milliseconds. */
export function unitFor(lengths: readonly (Ns | null)[]): Unit {
  const longest = lengths.reduce<Ns>((most, ns) => Math.max(most, ns ?? 0), 0);
  return longest > 0 ? unitOf(longest) : { symbol: 'ms', ns: 1e6 };
}

/** The one unit of columns that are compared: that of a usual length of what took most time together. */
export function unitBy<T>(rows: readonly T[], sum: (row: T) => Ns, usual: (row: T) => Ns | null): Unit {
  const dearest = rows.reduce<T | null>((most, r) => (most === null || sum(r) > sum(most) ? r : most), null);
  return unitFor(dearest === null ? [] : [usual(dearest)]);
}

/** A length of time with its own unit: 444 ms, 1.93 ms, 12 ns. The same as on the command line. */
export function duration(ns: Ns): string {
  if (ns === 0) return '0';
  const unit = unitOf(ns);
  return unit.ns === 1 ? `${Math.round(ns)} ns` : `${figure(ns / unit.ns)} ${unit.symbol}`;
}

/**
 * An instant, the same wherever one stands: to the microsecond, so that a wake and the end of the wait before it are
 * told apart; below 100 µs of trace to the nanosecond.
 */
export function moment(t: Ns): string {
  const a = Math.abs(t);
  if (a < 1e3) return `${Math.round(t)} ns`;
  if (a < 1e5) return `${(t / 1e3).toFixed(3)} µs`;
  if (a < 1e9) return `${(t / 1e6).toFixed(3)} ms`;
  return `${(t / 1e9).toFixed(6)} s`;
}

/** Both ends of a range in one unit, with as many decimals as tell them apart: it is set by hand, and stands in a bar. */
export function span(t0: Ns, t1: Ns): string {
  return ends(t0, t1, 1);
}

/** Both ends of something that happened: to the microsecond at least, as each of them alone. */
export function course(t0: Ns, t1: Ns): string {
  return ends(t0, t1, t1 < 1e9 ? 3 : 6);
}

function ends(t0: Ns, t1: Ns, least: number): string {
  const unit = t1 < 1e3 ? 'ns' : t1 < 1e6 ? 'µs' : t1 < 1e9 ? 'ms' : 's';
  const per = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9 }[unit];
  const needed = Math.ceil(-Math.log10(Math.max(t1 - t0, 1) / per)) + 1;
  const decimals = unit === 'ns' ? 0 : Math.min(Math.max(needed, least), unit === 's' ? 9 : unit === 'ms' ? 6 : 3);
  return `${(t0 / per).toFixed(decimals)} – ${(t1 / per).toFixed(decimals)} ${unit}`;
}

/** A column of milliseconds, or of so many nanoseconds: `–` for none, `< 0.01` for less. */
export function cell(value: number, per = 1e6): string {
  if (value === 0) return '–';
  return per === 1 ? grouped(Math.round(value)) : figure(value / per);
}

export function bytes(n: number): string {
  if (n < 1024) return `${Math.round(n)} B`;
  if (n < 1024 * 1023.5) return `${figure(n / 1024)} KiB`;
  if (n < 1024 ** 2 * 1023.5) return `${figure(n / 1024 ** 2)} MiB`;
  return `${figure(n / 1024 ** 3)} GiB`;
}

export function percent(share: number): string {
  return share === 0 ? '–' : `${figure(share * 100)} %`;
}

/** `webmix.trace` of a path, on any system. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).pop() ?? path;
}

/**
 * A function's name as lanes have it: without its import path (`http.(*conn).serve`).
 * The package stays: it goes only where the room is short (`shorten`).
 */
export function shortFunc(name: string): string {
  // The path ends at the last slash that is not within a type argument.
  const bracket = name.indexOf('[');
  const head = bracket < 0 ? name : name.slice(0, bracket);
  return name.slice(head.lastIndexOf('/') + 1);
}

/** Drops first the package, then the receiver, never the end. */
export function shorten(name: string, fits: (s: string) => boolean): string {
  const short = shortFunc(name);
  if (fits(short)) return short;
  const noPackage = short.replace(/^[^.([]+\./, '');
  return shortenTail(noPackage, fits);
}

/** The same of a name without its package. */
export function shortenTail(name: string, fits: (s: string) => boolean): string {
  if (fits(name)) return name;
  const noReceiver = withoutReceiver(name)
    // A closure alone says nothing: of its function's name the end stays.
    .replace(/^[^.]+\.(?=[^.]*$)(?!func\d)/, (m) => (m.length > 12 ? '' : m));
  if (fits(noReceiver)) return noReceiver;
  for (let cut = 1; cut < noReceiver.length; cut++) {
    const s = `…${noReceiver.slice(cut)}`;
    if (fits(s)) return s;
  }
  return '';
}

/**
 * The same beside other names: without its receiver the beginning says more, and the end is kept only where another name
 * begins as this one does, as far as there is room for it.
 */
export function shortenAmong(name: string, others: Iterable<string>, fits: (s: string) => boolean): string {
  if (fits(name)) return name;
  const own = withoutReceiver(name);
  if (fits(own)) return own;
  let length = own.length - 1;
  while (length > 0 && !fits(`${own.slice(0, length)}…`)) length--;
  const head = own.slice(0, length);
  // Of a few letters nobody could tell what it is.
  if (length < 6) return shortenTail(name, fits);
  for (const other of others)
    if (other !== name && withoutReceiver(other).startsWith(head)) return shortenTail(name, fits);
  return `${head}…`;
}

function withoutReceiver(name: string): string {
  return name.replace(/^\([^)]*\)\./, '');
}

/** Control characters and those that turn the direction of text: shown, never obeyed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ODD = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Text of a trace made harmless for the eye: odd characters as escapes, at most 512 characters. */
export function harmless(s: string, max = 512): string {
  const cut = s.length > max ? `${s.slice(0, max)}…` : s;
  return cut
    .replace(ODD, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
