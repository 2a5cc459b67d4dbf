// What a task or a region is made of: where its spans are, and what stands below it (`waitline/taskTable`, `regionTable`).
import { type Place, place, type Ref } from './protocol.ts';
import { field, list, num, numOrNull, text } from './read.ts';
import type { Ns } from './units.ts';

/** A span of which no more is known than where it is. */
export function spanOf(lane: string, start: Ns, end: Ns): Ref {
  const g = /^g:(\d+)$/.exec(lane);
  return { lane, g: g === null ? 0 : Number(g[1]), start, end, title: '', where: '', place: null };
}

/** Where a task is: its lane, those of its parts, and the goroutines that had its regions. */
export function taskSpans(x: unknown, id: number, end: Ns): Ref[] {
  const task = field(x, 'task');
  const own = spanOf(`task:${id}`, num(field(task, 'start')), numOrNull(field(task, 'end')) ?? end);
  const regions = regionRefs(field(x, 'regions'), end);
  const g = num(field(task, 'g'));
  // A task without regions is its goroutine's time.
  if (regions.length === 0 && g > 0) regions.push(spanOf(`g:${g}`, own.start, own.end));
  const children = list(field(x, 'children'), (c) => {
    const child = num(field(c, 'id'));
    return child === 0 ? null : spanOf(`task:${child}`, num(field(c, 'start')), numOrNull(field(c, 'end')) ?? end);
  });
  return [own, ...children, ...regions];
}

/** Regions of a type; null where there are more than were told. */
export function regionSpans(x: unknown, end: Ns): Ref[] | null {
  const spans = regionRefs(field(x, 'regions'), end);
  return num(field(x, 'of')) > spans.length ? null : spans;
}

function regionRefs(x: unknown, end: Ns): Ref[] {
  return list(x, (r) => {
    const g = num(field(r, 'g'));
    return g === 0 ? null : spanOf(`g:${g}`, num(field(r, 'start')), numOrNull(field(r, 'end')) ?? end);
  });
}

/** What a task is made of: tasks below it, and the goroutines that had its regions. */
export interface TaskParts {
  children: { id: number; name: string }[];
  goroutines: { g: number; says: string }[];
  /** What it wrote. */
  messages: { t: Ns; g: number; words: string; place: Place | null }[];
}

export function taskParts(x: unknown): TaskParts {
  const by = new Map<number, Set<string>>();
  const own = num(field(field(x, 'task'), 'g'));
  if (own > 0) by.set(own, new Set());
  for (const r of list(field(x, 'regions'), (r) => ({ g: num(field(r, 'g')), name: text(field(r, 'name'), 80) }))) {
    if (r.g === 0) continue;
    const names = by.get(r.g) ?? new Set();
    by.set(r.g, names);
    if (r.name !== '') names.add(r.name);
  }
  return {
    children: list(field(x, 'children'), (c) => {
      const id = num(field(c, 'id'));
      return id === 0 ? null : { id, name: text(field(c, 'name'), 120) };
    }),
    goroutines: [...by].map(([g, names]) => ({ g, says: [...names].join(', ') })),
    messages: list(field(x, 'messages'), (m) => {
      const category = text(field(m, 'category'), 100);
      const words = `${category === '' ? '' : `${category}: `}${text(field(m, 'message'))}`;
      return { t: num(field(m, 't')), g: num(field(m, 'g')), words, place: place(field(m, 'place')) };
    }),
  };
}
