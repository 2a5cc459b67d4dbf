// What stands below what: the rows of the timeline, from the state of the trace and of what is open.
// Values only; a row knows its height, its lanes (what is fetched and drawn in it) and what its label says.
import type { Filter } from './filter.ts';
import { shortFunc } from './format.ts';
import type { TaskParts } from './parts.ts';
import type { GoRow, Group, Info, Place, TaskRow } from './protocol.ts';
import type { Ns, Px } from './units.ts';

export type ChartId = 'states' | 'heap' | 'threads';

interface Common {
  /** Tells rows apart, also over time. */
  readonly id: string;
  readonly height: Px;
  /** Left of the name, for what belongs to something. */
  readonly indent: 0 | 1 | 2;
  readonly name: string;
  /** After the name, dimmer: `×8`. */
  readonly extra: string;
  /** Right-aligned: costly time, in words. */
  readonly figure: string;
  readonly lanes: readonly string[];
  /** Goroutines that it shows. */
  readonly gs?: readonly number[];
}

export type Row =
  | (Common & { readonly kind: 'chart'; readonly chart: ChartId })
  | (Common & { readonly kind: 'gc' | 'p' | 'lane' | 'wakes' | 'note' })
  /** `toggles`: what shows its parts; '' where it is a part itself. */
  | (Common & { readonly kind: 'task'; readonly task: number; readonly toggles: string; readonly open: boolean })
  | (Common & {
      readonly kind: 'header';
      /** The group whose head it is, as a filter has it; null: of something else. */
      readonly group: string | null;
      readonly open: boolean;
      readonly toggles: string;
      readonly place: Place | null;
      /** Drawn in an open header: where these goroutines were started. */
      readonly says: string;
      /** After the name, where another group has the same: what tells them apart. */
      readonly apart: string;
    });

export type Kind = Row['kind'];
type Header = Extract<Row, { kind: 'header' }>;

/** Heights of the grid (looks.md). */
export const HEIGHT = {
  states: 40,
  heap: 32,
  threads: 24,
  gc: 16,
  p: 28,
  header: 24,
  lane: 16,
} as const;

/** Bars are 12 of a lane's 16. */
export const BAR = { top: 2, height: 12 } as const;

/** A goroutine that is kept in view; `of` is the one that it stands below, and `says` what it has to do with it. */
export interface PinnedRow {
  readonly g: number;
  readonly of: number | null;
  readonly says: string;
}

export interface OpenGroup {
  readonly of: number;
  readonly rows: readonly GoRow[];
}

export interface RowsInput {
  readonly info: Info;
  readonly narrow: boolean;
  /** Ids of what is open: group ids, `tasks`, `threads`, `wakes`. */
  readonly open: ReadonlySet<string>;
  readonly groups: ReadonlyMap<string, OpenGroup>;
  readonly tasks: { readonly of: number; readonly rows: readonly TaskRow[] } | null;
  /** Goroutines shown whatever is open: pinned ones and those of the selection that are nowhere else. */
  readonly pinned: readonly PinnedRow[];
  /** `costly`: of a lane, whose whole cost is `ns`; in a range it is another, and may not be known yet. */
  readonly figures: { costly(lane: string, ns: Ns): string; states: string; heap: string; threads: string };
  /** The task that the selection is of: shown while the others are not. */
  readonly selectedTask: { readonly id: number; readonly name: string } | null;
  /** What is below the tasks that are open. */
  readonly parts: ReadonlyMap<number, TaskParts>;
  /** Goroutines that no filter keeps have no rows, where that is known. */
  readonly filters: readonly Filter[];
}

export function buildRows(input: RowsInput): Row[] {
  const { info, open, figures } = input;
  const rows: Row[] = [];
  const base = { indent: 0 as const, extra: '', figure: '', lanes: [] as string[] };
  rows.push({
    ...base,
    kind: 'chart',
    chart: 'states',
    id: 'states',
    height: HEIGHT.states,
    name: 'Goroutines by state',
    figure: figures.states,
  });
  if (!input.narrow) {
    rows.push({
      ...base,
      kind: 'chart',
      chart: 'heap',
      id: 'heap',
      height: HEIGHT.heap,
      name: 'Heap',
      figure: figures.heap,
    });
    rows.push({
      ...base,
      kind: 'chart',
      chart: 'threads',
      id: 'threads',
      height: HEIGHT.threads,
      name: 'Threads',
      figure: figures.threads,
    });
  }
  const has = (lane: string) => info.lanes.includes(lane);
  const gc = ['gc', 'stw'].filter(has);
  if (gc.length > 0) rows.push({ ...base, kind: 'gc', id: 'gc', height: HEIGHT.gc, name: 'GC', lanes: gc });
  for (const lane of info.lanes) {
    if (lane.startsWith('p:'))
      rows.push({ ...base, kind: 'p', id: lane, height: HEIGHT.p, name: `P${lane.slice(2)}`, lanes: [lane] });
  }
  if (info.hasTasks) {
    const isOpen = open.has('tasks');
    const n = input.tasks?.of ?? 0;
    rows.push(
      header('tasks', 'Tasks', n > 0 ? `×${n}` : '', '', isOpen, null, 'in view', has('tasks') ? ['tasks'] : []),
    );
    const { selectedTask: t } = input;
    if (isOpen) rows.push(...taskRows(input));
    else if (t !== null) rows.push(taskRow(t.id, `${t.name} ${t.id}, of the selection`, 1, '', false, 'selected'));
  }
  if (input.pinned.length > 0) {
    rows.push(header('pinned', 'Pinned', `×${input.pinned.length}`, '', true, null, 'kept in view; Esc lets them go'));
    for (const r of input.pinned) rows.push(pinnedRow(r));
  }
  const kept = info.groups.filter((g) => input.filters.every((f) => keepsGroup(f, g)));
  // The program's own first, however much the runtime's waited.
  const groups = [...kept.filter((g) => !isRuntime(g)), ...kept.filter(isRuntime)];
  const apart = toldApart(groups);
  for (const g of groups) {
    const isOpen = open.has(g.id);
    const head = groupHeader(g, isOpen, figures.costly(`group:${g.id}`, g.costly));
    rows.push({ ...head, apart: apart.get(g.id) ?? '' });
    if (!isOpen) continue;
    const o = input.groups.get(g.id);
    if (o === undefined) continue;
    let goroutines = 0;
    const packed = o.rows.some((r) => r.packed.length > 1);
    for (const r of o.rows) {
      goroutines += Math.max(r.packed.length, 1);
      rows.push(goRow(r, g.id, figures.costly));
    }
    if (packed && o.rows.length > 0) relabelPacked(rows, o, goroutines);
    if (o.of > o.rows.length) rows.push(note(`${g.id}.more`, `${o.of - o.rows.length} more (zoom in to see them)`));
    else if (o.rows.length === 0) rows.push(note(`${g.id}.none`, 'none in view'));
  }
  const threads = info.lanes.filter((l) => l.startsWith('m:'));
  if (threads.length > 0) {
    const isOpen = open.has('threads');
    rows.push(header('threads', 'Threads', `×${threads.length}`, '', isOpen, null, 'what each runs'));
    if (isOpen)
      for (const l of threads)
        rows.push({ ...base, kind: 'lane', id: l, height: HEIGHT.lane, indent: 1, name: `M${l.slice(2)}`, lanes: [l] });
  }
  const wakes = (
    [
      ['net', 'Network wakes'],
      ['sys', 'Syscall exits'],
      ['timer', 'Timer wakes'],
      ['samples', 'CPU samples'],
    ] as const
  ).filter(([lane]) => has(lane));
  if (wakes.length > 0) {
    const isOpen = open.has('wakes');
    rows.push(
      header(
        'wakes',
        'Wakes and samples',
        '',
        '',
        isOpen,
        null,
        wakes.map(([, name]) => name.toLowerCase()).join(', '),
      ),
    );
    if (isOpen)
      for (const [lane, name] of wakes)
        rows.push({ ...base, kind: 'wakes', id: lane, height: HEIGHT.lane, indent: 1, name, lanes: [lane] });
  }
  return rows;
}

/** Goroutines that the runtime started for itself: mark workers, finalizers, the tracer. */
export function isRuntime(g: Group): boolean {
  return /^runtime[./]/.test(g.name);
}

/** What is open at first: the dearest groups, while their lanes fit a screen. */
export function busiest(info: Info): Group[] {
  const out: Group[] = [];
  let lanes = 0;
  for (const g of info.groups) {
    if (g.costly <= 0 || g.n > 24 || isRuntime(g)) continue;
    if (lanes + g.n > 24) break;
    lanes += g.n;
    out.push(g);
  }
  return out;
}

function keepsGroup(f: Filter, g: Group): boolean {
  if (f.kind === 'group') return g.id === f.id;
  if (f.kind === 'func') return g.name === f.id || g.name === f.name;
  // A goroutine is pinned, a task's goroutines are below it: the others would only be faded.
  return f.kind === 'region';
}

/** Tasks in view, and below those that are open their parts: tasks, and goroutines by the regions that they had of it. */
function taskRows(input: RowsInput): Row[] {
  const only = input.filters.find((f) => f.kind === 'task');
  const all = input.tasks?.rows ?? [];
  const within = new Set(all.flatMap((t) => input.parts.get(t.id)?.children.map((c) => c.id) ?? []));
  const listed =
    only === undefined
      ? all.filter((t) => !within.has(t.id)).map((t) => ({ id: t.id, name: `${t.name} ${t.id}` }))
      : [{ id: Number(only.id), name: only.name }];
  const rows: Row[] = [];
  for (const t of listed) {
    const toggles = `task:${t.id}`;
    const open = input.open.has(toggles);
    rows.push(taskRow(t.id, t.name, 1, toggles, open));
    const parts = open ? input.parts.get(t.id) : undefined;
    if (parts === undefined) continue;
    for (const c of parts.children.slice(0, MOST_PARTS))
      rows.push(taskRow(c.id, `${c.name} ${c.id}`, 2, '', false, toggles));
    for (const g of parts.goroutines.slice(0, MOST_PARTS)) rows.push(partRow(t.id, g.g, g.says));
    const more = Math.max(parts.children.length - MOST_PARTS, 0) + Math.max(parts.goroutines.length - MOST_PARTS, 0);
    if (more > 0) rows.push(note(`${toggles}.more`, `${more} parts more`));
  }
  const n = input.tasks?.of ?? 0;
  if (only === undefined && n > all.length)
    rows.push(note('tasks.more', `${n - all.length} more (zoom in to see them)`));
  return rows;
}

/** Rows below a task, of each sort. */
const MOST_PARTS = 16;

function taskRow(id: number, name: string, indent: 1 | 2, toggles: string, open: boolean, within = ''): Row {
  const lane = `task:${id}`;
  return {
    kind: 'task',
    task: id,
    id: `${within}/${lane}`,
    height: HEIGHT.lane,
    indent,
    name,
    extra: '',
    figure: '',
    lanes: [lane],
    toggles,
    open,
  };
}

function partRow(task: number, g: number, says: string): Row {
  return {
    kind: 'lane',
    id: `task:${task}/g:${g}`,
    height: HEIGHT.lane,
    indent: 2,
    name: `G${g}`,
    extra: '',
    figure: says,
    lanes: [`g:${g}`],
    gs: [g],
  };
}

/** "15 in 7 lanes" by the first of them; the others say nothing. */
function relabelPacked(rows: Row[], o: OpenGroup, goroutines: number): void {
  const first = rows.length - o.rows.length;
  for (let i = first; i < rows.length; i++) {
    const row = rows[i];
    if (row?.kind !== 'lane') continue;
    rows[i] = { ...row, name: i === first ? `${goroutines} in ${o.rows.length} lanes` : '', figure: '' };
  }
}

function goRow(r: GoRow, within: string, costly: RowsInput['figures']['costly']): Row {
  return {
    kind: 'lane',
    id: `${within}/${r.lane}`,
    height: HEIGHT.lane,
    indent: 1,
    name: r.g > 0 ? `G${r.g}` : r.name,
    extra: '',
    figure: costly(r.lane, r.costly),
    lanes: [r.lane],
    gs: r.packed.length > 0 ? r.packed : [r.g],
  };
}

function pinnedRow(r: PinnedRow): Row {
  return {
    kind: 'lane',
    id: `pinned/${r.of ?? ''}/g:${r.g}`,
    height: HEIGHT.lane,
    indent: r.of === null ? 1 : 2,
    name: `G${r.g}`,
    extra: '',
    figure: r.says,
    lanes: [`g:${r.g}`],
    gs: [r.g],
  };
}

/** A function as labels have it, without its path and package: `(*conn).serve`, `main.func3`. */
export function labelName(name: string): string {
  const short = shortFunc(name);
  return short.replace(/^[^.([]+\.(?=.)/, '') || short;
}

/**
 * What tells groups apart that labels call the same, by their ids: those from before the trace are earlier, of others it
 * is the line that started them, and where that says nothing either, the package.
 */
function toldApart(groups: readonly Group[]): Map<string, string> {
  const out = new Map<string, string>();
  const named = new Map<string, Group[]>();
  for (const g of groups) named.set(labelName(g.name), [...(named.get(labelName(g.name)) ?? []), g]);
  for (const same of named.values()) {
    if (same.length < 2) continue;
    const [before, during] = [same.filter((g) => startedAt(g) === ''), same.filter((g) => startedAt(g) !== '')];
    for (const g of before) out.set(g.id, before.length > 1 ? packageName(g.name) : 'earlier');
    if (during.length > 1) for (const g of during) out.set(g.id, startedAt(g));
  }
  return out;
}

function packageName(func: string): string {
  return /^([^.([]+)\./.exec(shortFunc(func))?.[1] ?? '';
}

/** `server.go:52`; '' of those that were there before the trace. */
function startedAt(g: Group): string {
  if (g.place === null) return '';
  const line = `${g.place.file.split(/[\\/]/).pop()}:${g.place.line !== null ? g.place.line + 1 : g.place.recorded}`;
  return line === ':0' ? '' : line;
}

function groupHeader(g: Group, open: boolean, figure: string): Header {
  const pack = g.place?.func.match(/^(?:.*\/)?([^./]+)\./)?.[1] ?? '';
  const line = startedAt(g);
  const says = line === '' ? 'started before the trace' : `${pack === '' ? '' : `${pack}, `}started at ${line}`;
  return header(g.id, g.name, `×${g.n}`, figure, open, g.place, says, [`group:${g.id}`], g.id);
}

function header(
  id: string,
  name: string,
  extra: string,
  figure: string,
  open: boolean,
  place: Place | null,
  says: string,
  lanes: string[] = [],
  group: string | null = null,
): Header {
  return {
    kind: 'header',
    group,
    id: `header/${id}`,
    toggles: id,
    height: HEIGHT.header,
    indent: 0,
    name,
    extra,
    figure,
    open,
    place,
    says,
    apart: '',
    lanes: open ? [] : lanes,
  };
}

function note(id: string, name: string): Row {
  return { kind: 'note', id: `note/${id}`, height: HEIGHT.lane, indent: 1, name, extra: '', figure: '', lanes: [] };
}

/** Rows with where they stand. */
export interface Layout {
  readonly rows: readonly Row[];
  readonly top: readonly Px[];
  readonly height: Px;
}

export function layout(rows: readonly Row[]): Layout {
  const top: Px[] = [];
  let y = 0;
  for (const row of rows) {
    top.push(y);
    y += row.height;
  }
  return { rows, top, height: y };
}

/** Index of the row at `y`, else -1. */
export function rowAt(l: Layout, y: Px): number {
  if (y < 0 || y >= l.height) return -1;
  let low = 0;
  let high = l.rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((l.top[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** First and last row (exclusive) that a window of the screen shows. */
export function visible(l: Layout, scroll: Px, height: Px): [number, number] {
  if (l.rows.length === 0) return [0, 0];
  const first = Math.max(rowAt(l, Math.max(scroll, 0)), 0);
  let last = first;
  while (last < l.rows.length && (l.top[last] ?? 0) < scroll + height) last++;
  return [first, last];
}

/** The row that shows a lane: its own, else one that its goroutine shares with others. */
export function rowOfLane(l: Layout, lane: string): number {
  const own = l.rows.findIndex((r) => r.kind !== 'header' && r.kind !== 'chart' && r.lanes.includes(lane));
  const g = own < 0 ? /^g:(\d+)$/.exec(lane) : null;
  return g === null ? own : l.rows.findIndex((r) => r.gs?.includes(Number(g[1])) === true);
}
