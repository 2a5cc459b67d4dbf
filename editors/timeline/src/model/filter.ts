// What the figures are narrowed to, beside the range: whose goroutines, which one, which task, which region.
// Filters of several kinds count together; of one kind there is one. Values only.
import { harmless } from './format.ts';
import type { Json } from './read.ts';

/** `group`: goroutines of one creation site; `func`: of one first function. Both say whose. */
export type FilterKind = 'group' | 'func' | 'g' | 'task' | 'region';

export interface Filter {
  readonly kind: FilterKind;
  /** As the host wants it back. */
  readonly id: string | number;
  /** For people. */
  readonly name: string;
}

export const FILTER_KINDS: readonly FilterKind[] = ['group', 'func', 'g', 'task', 'region'];

/** What stands in the way of each other: a group and a function both say whose goroutines. */
function slot(kind: FilterKind): string {
  return kind === 'func' ? 'group' : kind;
}

export function added(filters: readonly Filter[], f: Filter): Filter[] {
  return [...filters.filter((o) => slot(o.kind) !== slot(f.kind)), f].toSorted(
    (a, b) => FILTER_KINDS.indexOf(a.kind) - FILTER_KINDS.indexOf(b.kind),
  );
}

export function without(filters: readonly Filter[], kind: FilterKind): Filter[] {
  return filters.filter((o) => o.kind !== kind);
}

export function has(filters: readonly Filter[], kind: FilterKind, id: string | number): boolean {
  return filters.some((o) => o.kind === kind && o.id === id);
}

/** The `filter` of a request; null where nothing is narrowed. */
export function filterParams(filters: readonly Filter[]): { [key: string]: Json } | null {
  return filters.length === 0 ? null : Object.fromEntries(filters.map((f) => [f.kind, f.id]));
}

/** `only task order 133`, as the scope bar has it. */
export function filterWords(f: Filter): string {
  return f.kind === 'task' || f.kind === 'region' ? `only ${f.kind} ${f.name}` : `only ${f.name}`;
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
