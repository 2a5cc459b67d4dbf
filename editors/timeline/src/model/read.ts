// Answers of a host as values that are what their type says. A host may be old, new, or somebody else:
// a field that is not there, or is something else, becomes the empty value of its type and is never passed on as it is.
import { harmless } from './format.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { readonly [key: string]: unknown };

/** A list longer than this is not for people: the rest is left off. */
const MOST = 100_000;

export function fields(x: unknown): Fields {
  return typeof x === 'object' && x !== null && !Array.isArray(x) ? (x as Fields) : {};
}

export function isFields(x: unknown): x is Fields {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

/** Own fields only: `__proto__` and `constructor` of a peer's object are nobody's figures. */
export function field(x: unknown, name: string): unknown {
  return isFields(x) && Object.hasOwn(x, name) ? x[name] : undefined;
}

export function num(x: unknown, otherwise = 0): number {
  return typeof x === 'number' && Number.isFinite(x) ? x : otherwise;
}

export function numOrNull(x: unknown): number | null {
  return typeof x === 'number' && Number.isFinite(x) ? x : null;
}

export function text(x: unknown, max = 512): string {
  return typeof x === 'string' ? harmless(x, max) : '';
}

/** Text of several lines, each made harmless. */
export function lines(x: unknown, max: number): string {
  return typeof x === 'string'
    ? x
        .slice(0, max)
        .split('\n')
        .map((l) => harmless(l, max))
        .join('\n')
    : '';
}

/**
 * As it is: for what goes back to the host (uris, lane keys), never for people. But for halves of characters, which no
 * address and no request can hold.
 */
export function raw(x: unknown): string {
  return typeof x === 'string' ? x.replace(/\p{Surrogate}/gu, '\ufffd') : '';
}

export function rawOrNull(x: unknown): string | null {
  return raw(x) || null;
}

export function textOrNull(x: unknown): string | null {
  return typeof x === 'string' && x !== '' ? harmless(x) : null;
}

export function flag(x: unknown): boolean {
  return x === true;
}

export function list<T>(x: unknown, each: (x: unknown) => T | null): T[] {
  if (!Array.isArray(x)) return [];
  const out: T[] = [];
  for (const item of x.slice(0, MOST)) {
    const value = each(item);
    if (value !== null) out.push(value);
  }
  return out;
}
