// The answers of the analyses (tables, profiles, MMU) as values.
import { CLASS, type Class, STACK } from './classes.ts';
import { type Place, place } from './protocol.ts';
import { type Fields, field, flag, isFields, list, num, numOrNull, raw, text, textOrNull } from './read.ts';
import type { Ns } from './units.ts';

/** Time by state, without what was idle, in the order of the legend. */
export interface Split {
  costly: Ns;
  idle: Ns;
  by: ReadonlyMap<Class, Ns>;
}

const KEYS: readonly [string, Class][] = [
  ['running', CLASS.running],
  ['runnable', CLASS.runnable],
  ['lock', CLASS.lock],
  ['chan', CLASS.channel],
  ['net', CLASS.network],
  ['sleep', CLASS.sleep],
  ['syscall', CLASS.syscall],
  ['assist', CLASS.assist],
  ['gcWait', CLASS.gcWait],
];

export function split(x: unknown): Split {
  const by = field(x, 'by');
  return {
    costly: num(field(x, 'costly')),
    idle: num(field(x, 'idle')),
    by: new Map(KEYS.map(([key, cls]) => [cls, num(field(by, key))])),
  };
}

export function parts(s: Split): { cls: Class; ns: Ns }[] {
  return STACK.flatMap((cls) => {
    const ns = s.by.get(cls) ?? 0;
    return ns > 0 ? [{ cls, ns }] : [];
  });
}

export function busy(s: Split): Ns {
  let sum = 0;
  for (const ns of s.by.values()) sum += ns;
  return sum;
}

export interface Spread {
  min: Ns | null;
  mean: Ns | null;
  p50: Ns | null;
  p99: Ns | null;
  max: Ns | null;
}

function spread(x: unknown): Spread {
  const f = (name: string) => numOrNull(field(x, name));
  return { min: f('min'), mean: f('mean'), p50: f('p50'), p99: f('p99'), max: f('max') };
}

export interface GroupRow extends Split {
  id: string;
  name: string;
  place: Place | null;
  n: number;
  alive: number;
  life: Spread;
  runtime: boolean;
}

export function groupRows(x: unknown): GroupRow[] {
  return list(field(x, 'groups'), (g) => {
    if (!isFields(g)) return null;
    const name = text(field(g, 'name')) || text(field(g, 'func'));
    return {
      ...split(g),
      id: raw(field(g, 'id')) || name,
      name,
      place: place(field(g, 'place')) ?? place(g),
      n: num(field(g, 'n')),
      alive: num(field(g, 'alive')),
      life: spread(field(g, 'life')),
      runtime: flag(field(g, 'runtime')) || name.startsWith('runtime.'),
    };
  });
}

export interface GoroutineRow extends Split {
  g: number;
  start: Ns;
  end: Ns | null;
  alive: Ns;
}

export function goroutineRows(x: unknown): { of: number; rows: GoroutineRow[] } {
  return {
    of: num(field(x, 'of')),
    rows: list(field(x, 'rows'), (r) =>
      isFields(r)
        ? {
            ...split(r),
            g: num(field(r, 'g')),
            start: num(field(r, 'start')),
            end: numOrNull(field(r, 'end')),
            alive: num(field(r, 'alive')),
          }
        : null,
    ),
  };
}

export interface Bin {
  from: Ns;
  to: Ns;
  n: number;
}

export interface NamedRow extends Split {
  name: string;
  place: Place | null;
  n: number;
  open: number;
  total: Ns;
  times: Spread;
  histogram: Bin[];
}

export function namedRows(x: unknown): NamedRow[] {
  return list(field(x, 'rows'), (r) => {
    if (!isFields(r)) return null;
    return {
      ...split(r),
      name: text(field(r, 'name')),
      place: place(field(r, 'place')) ?? place(r),
      n: num(field(r, 'n')),
      open: num(field(r, 'open')),
      total: num(field(r, 'total')),
      times: spread(r),
      histogram: list(field(r, 'histogram'), (b) => ({
        from: num(field(b, 'from')),
        to: num(field(b, 'to')),
        n: num(field(b, 'n')),
      })),
    };
  });
}

export interface OneTask extends Split {
  id: number;
  g: number;
  start: Ns;
  ns: Ns;
  open: boolean;
  logs: { t: Ns; category: string; message: string }[];
}

export function oneTasks(x: unknown): { of: number; rows: OneTask[] } {
  return {
    of: num(field(x, 'of')),
    rows: list(field(x, 'rows'), (r) =>
      isFields(r)
        ? {
            ...split(r),
            id: num(field(r, 'id')),
            g: num(field(r, 'g')),
            start: num(field(r, 'start')),
            ns: num(field(r, 'ns')),
            open: flag(field(r, 'open')),
            logs: list(field(r, 'logs'), (l) => ({
              t: num(field(l, 't')),
              category: text(field(l, 'category'), 100),
              message: text(field(l, 'message')),
            })),
          }
        : null,
    ),
  };
}

export interface MmuAnswer {
  curve: { window: Ns; mmu: number }[];
  worst: { window: Ns; t: Ns; mmu: number; what: string }[];
  collections: { start: Ns; mark: Ns; stopped: Ns; goalAfter: number | null }[];
}

export function mmu(x: unknown): MmuAnswer {
  return {
    curve: list(field(x, 'curve'), (p) => {
      const [window, value] = Array.isArray(p) ? p : [field(p, 'window'), field(p, 'mmu')];
      return num(window) > 0 ? { window: num(window), mmu: num(value) } : null;
    }).toSorted((a, b) => a.window - b.window),
    worst: list(field(x, 'worst'), (w) => ({
      window: num(field(w, 'window')),
      t: num(field(w, 't')),
      mmu: num(field(w, 'mmu')),
      what: text(field(w, 'what')),
    })),
    collections: list(field(x, 'collections'), (c) => ({
      start: num(field(c, 'start')),
      mark: num(field(c, 'mark')),
      stopped: num(field(c, 'stopped')),
      goalAfter: numOrNull(field(c, 'goalAfter')),
    })),
  };
}

export interface FlameNode {
  parent: number;
  place: Place | null;
  name: string;
  ns: Ns;
  n: number;
  own: boolean;
}

export interface Profile {
  n: number;
  ns: Ns;
  leftOut: { open: Ns; before: Ns } | null;
  flame: FlameNode[];
  here: { place: Place; n: number; ns: Ns }[];
  under: { place: Place; n: number; ns: Ns }[];
}

export function profile(x: unknown): Profile {
  const left = field(x, 'leftOut');
  const rows = (v: unknown) =>
    list(v, (r) => {
      const p = place(field(r, 'place')) ?? place(r);
      return p === null ? null : { place: p, n: num(field(r, 'n')), ns: num(field(r, 'ns')) };
    });
  return {
    n: num(field(x, 'n')),
    ns: num(field(x, 'ns')),
    leftOut: isFields(left) ? { open: num(field(left, 'open')), before: num(field(left, 'before')) } : null,
    flame: list(field(x, 'flame'), (f) => {
      if (!isFields(f)) return null;
      const p = place(field(f, 'place')) ?? place(f);
      return {
        parent: num(field(f, 'p'), -1),
        place: p,
        name: nodeName(f, p),
        ns: num(field(f, 'ns')),
        n: num(field(f, 'n')),
        own: flag(field(f, 'own')),
      };
    }),
    here: rows(field(x, 'here')),
    under: rows(field(x, 'under')),
  };
}

function nodeName(f: Fields, p: Place | null): string {
  return textOrNull(field(f, 'name')) ?? p?.func ?? '';
}

/** A flame graph laid out: from 0 to 1 across, in rows. Children stand within their parents, the largest first. */
export interface Flame {
  boxes: { node: number; depth: number; x: number; w: number }[];
  depth: number;
}

export function flame(nodes: readonly FlameNode[], total: Ns, least: number): Flame {
  const children = new Map<number, number[]>();
  nodes.forEach((n, i) => {
    // A parent comes before its children: what says otherwise would go round in circles.
    const parent = n.parent < i ? n.parent : -1;
    const list = children.get(parent) ?? [];
    children.set(parent, list);
    list.push(i);
  });
  const out: Flame = { boxes: [], depth: 0 };
  const stack: { node: number; depth: number; x: number }[] = [];
  const place = (of: number, depth: number, x: number) => {
    let at = x;
    for (const i of (children.get(of) ?? []).toSorted((a, b) => (nodes[b]?.ns ?? 0) - (nodes[a]?.ns ?? 0))) {
      stack.push({ node: i, depth, x: at });
      at += total > 0 ? (nodes[i]?.ns ?? 0) / total : 0;
    }
  };
  place(-1, 0, 0);
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const w = total > 0 ? (nodes[next.node]?.ns ?? 0) / total : 0;
    if (w < least) continue;
    out.boxes.push({ ...next, w });
    out.depth = Math.max(out.depth, next.depth + 1);
    place(next.node, next.depth + 1, next.x);
  }
  return out;
}
