// What the figures are narrowed to, beside the range: whose goroutines, which one, which task, which region.
// Filters of several kinds count together; of one kind there is one. Values only.
import { duration, harmless } from './format.ts';
import type { Json } from './read.ts';
import type { Ns } from './units.ts';

/** `group`: goroutines of one creation site; `func`: of one function that they run. Both say whose. `tasks`: all of one type. */
export type FilterKind = 'group' | 'func' | 'g' | 'task' | 'tasks' | 'region';

export interface Filter {
  readonly kind: FilterKind;
  /** As the host wants it back. */
  readonly id: string | number;
  /** For people. */
  readonly name: string;
  /** Of regions and tasks: only those that took at least and at most so long. */
  readonly min?: Ns;
  readonly max?: Ns;
  /** Of regions: only those that were opened at this place, as the host numbers it. */
  readonly site?: number;
}

export const FILTER_KINDS: readonly FilterKind[] = ['group', 'func', 'g', 'task', 'tasks', 'region'];

/** What stands in the way of each other: a group and a function both say whose, and of lengths there is one. */
function slot(kind: FilterKind): string {
  return kind === 'func' ? 'group' : kind === 'tasks' ? 'region' : kind;
}

export function added(filters: readonly Filter[], f: Filter): Filter[] {
  return [...filters.filter((o) => slot(o.kind) !== slot(f.kind)), f].toSorted(
    (a, b) => FILTER_KINDS.indexOf(a.kind) - FILTER_KINDS.indexOf(b.kind),
  );
}

export function without(filters: readonly Filter[], kind: FilterKind): Filter[] {
  return filters.filter((o) => o.kind !== kind);
}

export function has(filters: readonly Filter[], f: Filter): boolean {
  return filters.some(
    (o) => o.kind === f.kind && o.id === f.id && o.min === f.min && o.max === f.max && o.site === f.site,
  );
}

/** The `filter` of a request; null where nothing is narrowed. */
export function filterParams(filters: readonly Filter[]): { [key: string]: Json } | null {
  if (filters.length === 0) return null;
  return Object.assign({}, ...filters.map((f) => ({ [f.kind]: f.id, ...bounds(f) })));
}

/** What of it is told beside its id, as a request has it. */
export function bounds(f: { min?: Ns; max?: Ns; site?: number }): { [key: string]: number } {
  return {
    ...(f.min === undefined ? {} : { minNs: f.min }),
    ...(f.max === undefined ? {} : { maxNs: f.max }),
    ...(f.site === undefined ? {} : { site: f.site }),
  };
}

/** `only task order 133`, as the scope bar has it. */
export function filterWords(f: Filter): string {
  const what = f.kind === 'task' || f.kind === 'tasks' || f.kind === 'region' ? `${f.kind} ` : '';
  return `only ${what}${f.name}${lengthWords(f)}`;
}

/** `, 1 ms to 5 ms`. */
function lengthWords({ min, max }: Filter): string {
  if (min !== undefined && max !== undefined) return `, ${duration(min)} to ${duration(max)}`;
  if (min !== undefined) return `, at least ${duration(min)}`;
  return max === undefined ? '' : `, at most ${duration(max)}`;
}

/** One that a link names: there is no more to its name than that. */
export function filterOfLink(kind: FilterKind, value: string): Filter | null {
  if (kind === 'g' || kind === 'task') {
    const id = /^\d{1,15}$/.test(value) ? Number(value) : 0;
    return id > 0 ? { kind, id, name: kind === 'g' ? `G${id}` : String(id) } : null;
  }
  if (value === '' || value.length > 1024 || (kind === 'group' && !/^(go|fn):\d{1,10}$/.test(value))) return null;
  return { kind, id: value, name: kind === 'group' ? value : harmless(value, 120) };
}
