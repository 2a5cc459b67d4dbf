// The answers of the analyses (tables, profiles, MMU) as values.
import { CLASS, type Class, NAMES, STACK } from './classes.ts';
import { duration, grouped } from './format.ts';
import { type Place, place } from './protocol.ts';
import { field, flag, isFields, list, num, numOrNull, raw, text } from './read.ts';
import type { Ns } from './units.ts';

/** Time by state, in the order of the legend. What is costly and idle is what verdicts say, where somebody knows it. */
export interface Split {
  costly: Ns | null;
  idle: Ns | null;
  by: ReadonlyMap<Class, Ns>;
  /** Without a class of its own, or overlapping with what has one: an assist is told from its beginning to its end. */
  beside: ReadonlyMap<Beside, Ns>;
}

/** In system calls without a P, in no known state, helping the collector, sweeping, and all of it. */
export const BESIDE = ['syscallBlock', 'unknown', 'assist', 'sweep', 'total'] as const;
export type Beside = (typeof BESIDE)[number];

/** Which figure of many goroutines a column shows. */
export const PICKS = ['sum', 'min', 'mean', 'p50', 'p90', 'p99', 'max'] as const;
export type Pick = (typeof PICKS)[number];

const KEYS: readonly [string, Class][] = [
  ['exec', CLASS.running],
  ['schedWait', CLASS.runnable],
  ['sync', CLASS.lock],
  ['chan', CLASS.channel],
  ['net', CLASS.network],
  ['sleep', CLASS.sleep],
  ['syscall', CLASS.syscall],
  ['gc', CLASS.gcWait],
  ['other', CLASS.unknown],
];

/** Columns of one thing are times, of many things a spread each. */
function time(x: unknown, pick: Pick): Ns {
  return typeof x === 'number' ? num(x) : num(field(x, pick));
}

export function split(columns: unknown, pick: Pick = 'sum'): Split {
  const by = new Map<Class, Ns>();
  for (const [key, cls] of KEYS) by.set(cls, time(field(columns, key), pick));
  return { costly: null, idle: null, by, beside: new Map(BESIDE.map((key) => [key, time(field(columns, key), pick)])) };
}

/** Blocked time by the runtime's own reasons, the dearest first; it does not always give one. */
function reasons(x: unknown): { reason: string; ns: Ns }[] {
  if (!isFields(x)) return [];
  return Object.entries(x)
    .flatMap(([reason, ns]) => (num(ns) > 0 ? [{ reason: text(reason, 80) || 'no reason given', ns: num(ns) }] : []))
    .toSorted((a, b) => b.ns - a.ns)
    .slice(0, 40);
}

/** What of the time without a class of its own stands in which part of a bar. */
const WITHIN: ReadonlyMap<Class, Beside> = new Map([
  [CLASS.syscall, 'syscallBlock'],
  [CLASS.unknown, 'unknown'],
]);

/**
 * The parts of a bar: together all of the time, each nanosecond once. What was run to help the collector is running: an
 * assist is as long as it took, waits in it as well, and those have parts of their own.
 */
export function parts(s: Split): { cls: Class; ns: Ns }[] {
  return STACK.flatMap((cls) => {
    const beside = WITHIN.get(cls);
    const ns = (s.by.get(cls) ?? 0) + (beside === undefined ? 0 : (s.beside.get(beside) ?? 0));
    return ns > 0 ? [{ cls, ns }] : [];
  });
}

export function total(s: Split): Ns {
  return parts(s).reduce((sum, p) => sum + p.ns, 0);
}

export interface Spread {
  sum: Ns;
  min: Ns | null;
  mean: Ns | null;
  p50: Ns | null;
  p99: Ns | null;
  max: Ns | null;
}

function spread(x: unknown): Spread {
  const f = (name: string) => numOrNull(field(x, name));
  return { sum: num(field(x, 'sum')), min: f('min'), mean: f('mean'), p50: f('p50'), p99: f('p99'), max: f('max') };
}

export interface FunctionRow extends Split {
  func: string;
  /** As it came, to be asked for. */
  key: string;
  created: Place | null;
  n: number;
  /** How many of them were created in the trace: without a place, by a timer. */
  born: number;
  alive: number;
  life: Spread;
  /** Each column by another figure than the sum, with what is idle in it or without. */
  picked: (pick: Pick, idle: boolean) => Split;
  reasons: { reason: string; ns: Ns }[];
}

export interface Functions {
  of: number;
  goroutines: number;
  rows: FunctionRow[];
}

export function functions(x: unknown): Functions {
  return {
    of: num(field(x, 'of')),
    goroutines: num(field(x, 'goroutines')),
    rows: list(field(x, 'functions'), (f) => {
      if (!isFields(f)) return null;
      const columns = field(f, 'columns');
      const picked = (pick: Pick, idle: boolean): Split => ({
        ...split(idle ? columns : field(f, 'busy'), pick),
        costly: time(field(f, 'costly'), pick),
        idle: time(field(f, 'idle'), pick),
      });
      return {
        ...picked('sum', false),
        func: text(field(f, 'func')),
        key: raw(field(f, 'func')),
        created: place(field(f, 'created')),
        n: num(field(f, 'n')),
        born: num(field(f, 'born')),
        alive: num(field(f, 'alive')),
        life: spread(field(columns, 'total')),
        picked,
        reasons: reasons(field(f, 'block')),
      };
    }),
  };
}

export interface GoroutineRow extends Split {
  /** With what is idle in the columns. */
  all: Split;
  g: number;
  start: Ns;
  end: Ns | null;
  alive: Ns;
}

export function goroutineRows(x: unknown): { of: number; rows: GoroutineRow[] } {
  return {
    of: num(field(x, 'of')),
    rows: list(field(x, 'goroutines'), (r) => {
      if (!isFields(r)) return null;
      const columns = field(r, 'columns');
      const judged = { costly: num(field(r, 'costly')), idle: num(field(r, 'idle')) };
      return {
        ...split(field(r, 'busy')),
        ...judged,
        all: { ...split(columns), ...judged },
        g: num(field(r, 'g')),
        start: num(field(r, 'start'), num(field(r, 'creation'))),
        end: numOrNull(field(r, 'end')),
        alive: num(field(columns, 'total')),
      };
    }),
  };
}

export interface Bin {
  from: Ns;
  to: Ns;
  n: number;
}

export interface NamedRow extends Split {
  name: string;
  key: string;
  place: Place | null;
  /** What the host calls that place. */
  site: number | null;
  complete: number;
  cut: number;
  times: Spread;
  histogram: Bin[];
}

export function namedRows(x: unknown): NamedRow[] {
  return list(field(x, 'groups'), (r) => {
    if (!isFields(r)) return null;
    return {
      ...split(field(r, 'columns')),
      name: text(field(r, 'name')),
      key: raw(field(r, 'name')),
      place: place(field(r, 'place')),
      site: numOrNull(field(r, 'site')),
      complete: num(field(r, 'complete')),
      cut: num(field(r, 'cut')),
      times: spread(field(r, 'durations')),
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
  logs: number;
}

/** Tasks or regions of one type. */
export function oneTasks(x: unknown): { of: number; rows: OneTask[] } {
  return {
    of: num(field(x, 'of')),
    rows: list(field(x, 'tasks') ?? field(x, 'regions'), (r) =>
      isFields(r)
        ? {
            ...split(field(r, 'columns')),
            id: num(field(r, 'id')) || num(field(r, 'task')),
            g: num(field(r, 'g')),
            start: num(field(r, 'start')),
            ns: num(field(r, 'duration')),
            logs: num(field(r, 'logs')),
          }
        : null,
    ),
  };
}

/** What the bar of a task or a region is made of, in words. */
export function barWords(r: OneTask): string {
  const sum = total(r);
  const said = parts(r).map((p) => `${NAMES[p.cls]} ${duration(p.ns)}`);
  if (sum > r.ns) said.push(`${duration(sum)} of regions in ${duration(r.ns)}: some were at once`);
  else if (sum < r.ns) said.push(`not in a region ${duration(r.ns - sum)}`);
  return said.join(', ');
}

export interface Message {
  t: Ns;
  g: number;
  category: string;
  message: string;
  place: Place | null;
}

export function messages(x: unknown): Message[] {
  return list(field(x, 'messages'), (m) => ({
    t: num(field(m, 't')),
    g: num(field(m, 'g')),
    category: text(field(m, 'category'), 100),
    message: text(field(m, 'message')),
    place: place(field(m, 'place')),
  }));
}

export interface MmuAnswer {
  mean: number | null;
  /** `asGo` is what `go tool trace` shows for it. */
  curve: { window: Ns; mmu: number; asGo: number | null; quantiles: number[] }[];
  /** `p`: the series, which is a P where each is looked at by itself. */
  worst: { window: Ns; t: Ns; mmu: number; lost: { what: string; ns: Ns }[]; p: number | null }[];
  /** How many collections there were. */
  of: number;
  /** The first of them, where there are too many for an answer. */
  collections: { start: Ns; mark: Ns; stopped: Ns; goal: number | null }[];
}

export function mmu(x: unknown): MmuAnswer {
  const collections = list(field(x, 'collections'), (c) => ({
    start: num(field(c, 'start')),
    mark: num(field(c, 'mark')),
    stopped: num(field(c, 'stopped')),
    goal: numOrNull(field(c, 'goal')),
  }));
  return {
    mean: numOrNull(field(x, 'mean')),
    curve: list(field(x, 'curve'), (p) => {
      const window = num(field(p, 'window'));
      if (window <= 0) return null;
      const quantiles = list(field(p, 'quantiles'), (q) => num(q));
      return { window, mmu: num(field(p, 'mmu')), asGo: numOrNull(field(p, 'asGo')), quantiles };
    }).toSorted((a, b) => a.window - b.window),
    worst: list(field(x, 'worst'), (w) => {
      const lost = field(w, 'lost');
      const all = Array.isArray(lost) ? lost : [lost];
      const p = numOrNull(field(w, 'series'));
      const parts = all.flatMap((l) => {
        const ns = num(field(l, 'ns'));
        return ns > 0 ? [{ what: text(field(l, 'what'), 60), ns }] : [];
      });
      return {
        window: num(field(w, 'window')),
        t: num(field(w, 't')),
        mmu: num(field(w, 'mmu')),
        lost: parts.toSorted((a, b) => b.ns - a.ns),
        p,
      };
    }),
    of: Math.max(num(field(x, 'of')), collections.length),
    collections,
  };
}

/** How many collections there were, and which of them are listed where an answer cannot hold them all. */
export function nOf({ of, collections }: MmuAnswer): string {
  return of > collections.length ? `the first ${grouped(collections.length)} of ${grouped(of)}` : grouped(of);
}

export interface FlameNode {
  parent: number;
  place: Place | null;
  name: string;
  ns: Ns;
  n: number;
  own: boolean;
}

export interface ProfileRow {
  place: Place;
  own: boolean;
  /** The line, as it stands in its file. */
  text: string;
  n: number;
  ns: Ns;
  mean: Ns;
  p50: Ns;
  p99: Ns;
  max: Ns;
}

export interface Profile {
  n: number;
  ns: Ns;
  flame: FlameNode[];
  rows: ProfileRow[];
}

/** Nodes of a tree at most, and how deep: a tree from elsewhere may be anything. */
const MOST_NODES = 20_000;
const DEEPEST = 300;

export function profile(x: unknown): Profile {
  const frames = list(field(x, 'frames'), (f) => ({ place: place(f), own: flag(field(f, 'own')) }));
  return {
    n: num(field(x, 'n')),
    ns: num(field(x, 'ns')),
    flame: flatten(field(x, 'tree'), frames),
    rows: list(field(x, 'rows'), (r) => {
      const p = place(field(r, 'place')) ?? place(r);
      return p === null
        ? null
        : {
            place: p,
            own: flag(field(r, 'own')),
            text: text(field(r, 'text'), 200),
            n: num(field(r, 'n')),
            ns: num(field(r, 'ns')),
            mean: num(field(r, 'mean')),
            p50: num(field(r, 'p50')),
            p99: num(field(r, 'p99')),
            max: num(field(r, 'max')),
          };
    }),
  };
}

/** The tree as rows, parents before their children; its root, which has no frame, is none of them. */
function flatten(root: unknown, frames: readonly { place: Place | null; own: boolean }[]): FlameNode[] {
  const out: FlameNode[] = [];
  const stack = [{ node: root, parent: -1, depth: 0 }];
  for (let next = stack.pop(); next !== undefined && out.length < MOST_NODES; next = stack.pop()) {
    let parent = next.parent;
    const frame = frames[num(field(next.node, 'frame'), -1)];
    if (next.depth > 0) {
      parent = out.length;
      out.push({
        parent: next.parent,
        place: frame?.place ?? null,
        name: frame?.place?.func ?? '',
        ns: num(field(next.node, 'ns')),
        n: num(field(next.node, 'n')),
        own: frame?.own ?? false,
      });
    }
    const children = field(next.node, 'children');
    if (!Array.isArray(children) || next.depth >= DEEPEST) continue;
    for (const node of children) stack.push({ node, parent, depth: next.depth + 1 });
  }
  return out;
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
