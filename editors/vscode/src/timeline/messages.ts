// The messages between the page of the timeline and the extension, and their checks. The page shows
// text of a trace, so what it sends is taken for what anybody might send.

import { isFileUri, isLine } from '../protocol';

export interface TileKey {
  analysis: number;
  t0: number;
  t1: number;
  width: number;
  lanes: string[];
  /** What is there of an index that is still being made. */
  growing?: true;
}

/** What the page sends. */
export type FromPage =
  | { type: 'ready' }
  | { type: 'request'; id: number; method: string; params: unknown }
  | { type: 'tile'; id: number; key: TileKey }
  | { type: 'openSource'; uri: string; line: number; col: number; focus: boolean };

/** What the page is sent. */
export type ToPage =
  | { type: 'response'; id: number; result?: unknown; error?: string }
  | { type: 'tile'; id: number; bytes?: ArrayBuffer; error?: string }
  | { type: 'event'; event: 'state' | 'reveal' | 'range' | 'edited' | 'theme'; payload: unknown };

/** The requests that the page may have passed on: those that ask, the one that sets the range, and the one that is asked back. */
const METHODS = new Set(
  [
    'cancelLoad',
    'explain',
    'findings',
    'goroutineTable',
    'goroutines',
    'hotspots',
    'instance',
    'mmu',
    'pprof',
    'profile',
    'regionTable',
    'setRange',
    'silence',
    'site',
    'stacks',
    'taskTable',
    'traces',
    'unmapped',
    'wakers',
  ].map((name) => `waitline/${name}`),
);

/** The most lanes that one tile has, and the widest one, in pixels. */
const LANES = 4096;
const WIDTH = 16_384;

export function allowed(method: string): boolean {
  return METHODS.has(method) || /^waitline\/timeline[A-Z][A-Za-z]*$/.test(method);
}

/** A message of the page; undefined if it is none. */
export function fromPage(message: unknown): FromPage | undefined {
  if (!isObject(message)) return undefined;
  const { type, id } = message;
  switch (type) {
    case 'ready':
      return { type };
    case 'request': {
      const { method, params } = message;
      return isId(id) && typeof method === 'string' ? { type, id, method, params: params ?? {} } : undefined;
    }
    case 'tile': {
      const key = tileKey(message.key);
      return isId(id) && key ? { type, id, key } : undefined;
    }
    case 'openSource': {
      const { uri, line, col, focus } = message;
      if (!isFileUri(uri) || !isLine(line)) return undefined;
      return { type, uri, line, col: isLine(col) ? col : 0, focus: focus === true };
    }
    default:
      return undefined;
  }
}

function tileKey(value: unknown): TileKey | undefined {
  if (!isObject(value)) return undefined;
  const { analysis, t0, t1, width, lanes, growing } = value;
  const numbers = [analysis, t0, t1, width];
  if (!numbers.every((n) => typeof n === 'number' && Number.isFinite(n) && n >= 0)) return undefined;
  if (!Array.isArray(lanes) || lanes.length > LANES || !lanes.every((l) => typeof l === 'string' && l.length < 64)) {
    return undefined;
  }
  if ((width as number) < 1 || (width as number) > WIDTH || (t0 as number) >= (t1 as number)) return undefined;
  return { analysis, t0, t1, width, lanes, ...(growing === true && { growing }) } as TileKey;
}

/** The octets of a tile, which the protocol carries as base64. */
export function tileOctets(answer: unknown): ArrayBuffer | undefined {
  const data = isObject(answer) ? answer.data : undefined;
  if (typeof data !== 'string') return undefined;
  const octets = Buffer.from(data, 'base64');
  if (octets.length < 32 || !/^WLT\d$/.test(octets.toString('latin1', 0, 4))) return undefined;
  // A buffer of its own: small ones lie in a pool that is not ours to send.
  const own = new ArrayBuffer(octets.length);
  new Uint8Array(own).set(octets);
  return own;
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
