// What the host's answers mean, as values. The texts are harmless by then (read.ts); uris and lane keys are kept as
// they came, as they only go back to the host.
import { CLASS, type Class, classOf, isClass, VERDICTS, type VerdictName } from './classes.ts';
import { harmless } from './format.ts';
import { field, flag, isFields, lines, list, num, numOrNull, raw, rawOrNull, text, textOrNull } from './read.ts';
import type { Ns } from './units.ts';

export interface Place {
  func: string;
  file: string;
  /** From 1, as recorded. */
  recorded: number;
  uri: string | null;
  /** From 0, as in the editor now. */
  line: number | null;
  col: number;
  source: string | null;
}

/** `db.go:70`, in the editor's line where there is one. */
export function placeLabel(p: Place): string {
  const base = (p.file || harmless(p.uri ?? '')).split(/[\\/]/).pop() ?? '';
  const line = p.line !== null ? p.line + 1 : p.recorded;
  return base === '' ? '' : line > 0 ? `${base}:${line}` : base;
}

export function place(x: unknown): Place | null {
  if (!isFields(x)) return null;
  const p: Place = {
    func: text(field(x, 'func')),
    file: text(field(x, 'file')),
    recorded: num(field(x, 'recorded')),
    uri: rawOrNull(field(x, 'uri')),
    line: numOrNull(field(x, 'line')),
    col: num(field(x, 'col')),
    source: textOrNull(field(x, 'source')),
  };
  return p.func === '' && p.file === '' && p.uri === null ? null : p;
}

export interface State {
  analysis: number;
  trace: string;
  summary: string;
  duration: Ns;
  events: number;
  costly: Ns;
  findings: number;
  range: Span | null;
  partial: string | null;
}

export interface Span {
  t0: Ns;
  t1: Ns;
}

export function state(x: unknown): State | null {
  if (!isFields(x) || numOrNull(field(x, 'analysis')) === null) return null;
  return {
    analysis: num(field(x, 'analysis')),
    trace: text(field(x, 'trace'), 4096),
    summary: text(field(x, 'summary')),
    duration: num(field(x, 'duration')),
    events: num(field(x, 'events')),
    costly: num(field(x, 'costly')),
    findings: num(field(x, 'findings')),
    range: span(field(x, 'range')),
    partial: textOrNull(field(x, 'partial')),
  };
}

export function span(x: unknown): Span | null {
  const t0 = numOrNull(field(x, 't0'));
  const t1 = numOrNull(field(x, 't1'));
  return t0 !== null && t1 !== null && t1 > t0 ? { t0, t1 } : null;
}

/** How far a load is. */
export interface Loading {
  share: number;
  /** Null where nobody can tell yet. */
  secondsLeft: number | null;
  bytes: number;
  of: number;
  trace: string;
  /** All is read, and waits are judged. */
  judging: boolean;
}

export function loading(x: unknown): Loading | null {
  if (!isFields(x)) return null;
  return {
    share: Math.min(Math.max(num(field(x, 'share')), 0), 1),
    secondsLeft: numOrNull(field(x, 'secondsLeft')) ?? numOrNull(field(x, 'left')),
    bytes: num(field(x, 'bytes')),
    of: num(field(x, 'of')),
    trace: text(field(x, 'trace'), 4096),
    judging: field(x, 'judging') === true,
  };
}

export interface Group {
  id: string;
  name: string;
  place: Place | null;
  n: number;
  costly: Ns;
  waiting: Ns;
  running: Ns;
}

export interface Info {
  analysis: number;
  trace: string;
  summary: string;
  duration: Ns;
  partial: string | null;
  gomaxprocs: number;
  threads: number;
  ready: boolean;
  progress: number;
  /** Up to where the lanes are there, while they are being made. */
  until: Ns | null;
  groups: Group[];
  hasTasks: boolean;
  hasRegions: boolean;
  hasCpuSamples: boolean;
  lanes: string[];
}

export function info(x: unknown): Info | null {
  if (!isFields(x)) return null;
  return {
    analysis: num(field(x, 'analysis')),
    trace: text(field(x, 'trace'), 4096),
    summary: text(field(x, 'summary')),
    duration: num(field(x, 'duration')),
    partial: textOrNull(field(x, 'partial')),
    gomaxprocs: num(field(x, 'gomaxprocs')),
    threads: num(field(x, 'threads')),
    ready: flag(field(x, 'ready')),
    progress: num(field(x, 'progress'), 1),
    until: numOrNull(field(x, 'until')),
    groups: list(field(x, 'groups'), group),
    hasTasks: flag(field(x, 'hasTasks')),
    hasRegions: flag(field(x, 'hasRegions')),
    hasCpuSamples: flag(field(x, 'hasCpuSamples')),
    lanes: list(field(x, 'lanes'), laneKey),
  };
}

/** Lane keys are plain; anything else is not a lane. The longest are rows that goroutines share, `g:12,15,99`. */
export function laneKey(x: unknown): string | null {
  return typeof x === 'string' && /^[a-z]+(:[\w.:,-]{1,4096})?$/.test(x) ? x : null;
}

function group(x: unknown): Group | null {
  const id = raw(field(x, 'id'));
  if (laneKey(`group:${id}`) === null) return null;
  return {
    id,
    name: text(field(x, 'first')) || text(field(x, 'name')) || text(field(x, 'func')),
    place: place(x),
    n: num(field(x, 'n')),
    costly: num(field(x, 'costly')),
    waiting: num(field(x, 'waiting')),
    running: num(field(x, 'running')),
  };
}

export interface GoRow {
  lane: string;
  g: number;
  name: string;
  label: string;
  start: Ns;
  end: Ns;
  costly: Ns;
  waiting: Ns;
  running: Ns;
  packed: number[];
}

export interface Rows {
  of: number;
  rows: GoRow[];
}

export function rows(x: unknown): Rows {
  return { of: num(field(x, 'of')), rows: list(field(x, 'rows'), goRow) };
}

export function goRow(x: unknown): GoRow | null {
  const lane = laneKey(field(x, 'lane'));
  if (lane === null) return null;
  return {
    lane,
    g: num(field(x, 'g')),
    name: text(field(x, 'name')),
    label: text(field(x, 'label')),
    start: num(field(x, 'start')),
    end: num(field(x, 'end')),
    costly: num(field(x, 'costly')),
    waiting: num(field(x, 'waiting')),
    running: num(field(x, 'running')),
    packed: list(field(x, 'packed'), (g) => numOrNull(g)),
  };
}

export interface TaskRow {
  lane: string;
  id: number;
  parent: number | null;
  name: string;
  start: Ns;
  end: Ns;
  complete: boolean;
}

export interface TaskRows {
  of: number;
  rows: TaskRow[];
}

export function taskRows(x: unknown): TaskRows {
  return {
    of: num(field(x, 'of')),
    rows: list(field(x, 'rows'), (r) => {
      const lane = laneKey(field(r, 'lane'));
      if (lane === null) return null;
      return {
        lane,
        id: num(field(r, 'id')),
        parent: numOrNull(field(r, 'parent')),
        name: text(field(r, 'name')),
        start: num(field(r, 'start')),
        end: num(field(r, 'end')),
        complete: flag(field(r, 'complete')),
      };
    }),
  };
}

/** Maxima of each column; -1 where nothing is known. */
export interface Counters {
  x: number[];
  running: number[];
  runnable: number[];
  waiting: number[];
  syscall: number[];
  gcWaiting: number[];
  heap: number[];
  heapGoal: number[];
  threadsRunning: number[];
  threadsSyscall: number[];
}

/** Nothing is known from here on. */
export function cutCounters(c: Counters, until: Ns): void {
  const { x, ...columns } = c;
  for (const column of Object.values(columns)) {
    x.forEach((t, i) => {
      if (t >= until) column[i] = -1;
    });
  }
}

export function counters(x: unknown): Counters {
  const column = (name: string) => list(field(x, name), (v) => num(v, -1));
  return {
    x: column('x'),
    running: column('running'),
    runnable: column('runnable'),
    waiting: column('waiting'),
    syscall: column('syscall'),
    gcWaiting: column('gcWaiting'),
    heap: column('heap'),
    heapGoal: column('heapGoal'),
    threadsRunning: column('threadsRunning'),
    threadsSyscall: column('threadsSyscall'),
  };
}

/** Exact values at a moment; null where nothing is known. */
export interface Exact {
  t: Ns;
  values: { name: string; value: number | null; unit: 'count' | 'bytes' }[];
}

const EXACT: readonly [string, string, 'count' | 'bytes'][] = [
  ['running', 'running', 'count'],
  ['runnable', 'runnable', 'count'],
  ['waiting', 'waiting', 'count'],
  ['syscall', 'in syscalls', 'count'],
  ['gcWaiting', 'GC waiting', 'count'],
  ['heap', 'allocated', 'bytes'],
  ['heapGoal', 'next GC', 'bytes'],
  ['threads', 'threads', 'count'],
  ['threadsRunning', 'threads running', 'count'],
  ['threadsSyscall', 'threads in syscalls', 'count'],
];

export function exact(x: unknown): Exact {
  return {
    t: num(field(x, 't')),
    values: EXACT.map(([key, name, unit]) => ({ name, value: numOrNull(field(x, key)), unit })),
  };
}

export interface End {
  lane: string;
  g: number;
  t: Ns;
}

export interface Flow {
  kind: string;
  t: Ns;
  from: End;
  to: End;
  /** Who woke, where no goroutine did; '' where one did, or nobody knows. */
  by: string;
  place: Place | null;
}

export function flow(x: unknown): Flow | null {
  if (!isFields(x)) return null;
  return {
    kind: text(field(x, 'kind'), 40),
    t: num(field(x, 't')),
    from: end(field(x, 'from')),
    to: end(field(x, 'to')),
    by: text(field(x, 'by'), 80),
    place: place(field(x, 'place')),
  };
}

function end(x: unknown): End {
  return { lane: laneKey(field(x, 'lane')) ?? '', g: num(field(x, 'g')), t: num(field(x, 't')) };
}

export interface Ref {
  lane: string;
  g: number;
  start: Ns;
  end: Ns;
  title: string;
  where: string;
  place: Place | null;
  /** A time in it to look at, where the middle would be any. */
  at?: Ns;
}

export function ref(x: unknown): Ref | null {
  const lane = laneKey(field(x, 'lane'));
  if (lane === null) return null;
  const at = numOrNull(field(x, 'at'));
  return {
    lane,
    g: num(field(x, 'g')),
    start: num(field(x, 'start')),
    end: num(field(x, 'end')),
    title: text(field(x, 'title')),
    where: text(field(x, 'where')),
    place: place(field(x, 'place')),
    ...(at === null ? {} : { at }),
  };
}

export interface Slice {
  lane: string;
  g: number;
  group: string | null;
  /** The goroutine's first function. */
  name: string;
  /** What the goroutine was at for the program: the innermost, at the slice's start. */
  task: { id: number; name: string } | null;
  region: string | null;
  m: number | null;
  p: number | null;
  title: string;
  state: string;
  kind: string;
  cls: Class;
  start: Ns;
  end: Ns;
  open: boolean;
  verdict: VerdictName;
  reason: string | null;
  startStack: Place[];
  endStack: Place[];
  waker: { g: number; name: string; place: Place | null; stack: Place[]; t: Ns; what: string } | null;
  meanwhile: { what: string; cls: Class; place: Place | null; ns: Ns }[];
  incoming: Flow[];
  outgoing: Flow[];
  preceding: Ref | null;
  following: Ref | null;
  site: Place | null;
  rank: number | null;
  of: number | null;
  text: string;
}

export function slice(x: unknown): Slice | null {
  if (!isFields(x)) return null;
  const lane = laneKey(field(x, 'lane'));
  if (lane === null) return null;
  const kind = text(field(x, 'kind'), 60);
  const stateName = text(field(x, 'state'), 60);
  const cls = field(x, 'class');
  const verdict = raw(field(x, 'verdict'));
  const waker = field(x, 'waker');
  const made: Slice = {
    lane,
    g: num(field(x, 'g')),
    group: rawOrNull(field(x, 'group')),
    name: text(field(x, 'name')),
    task: taskOf(field(x, 'task'), lane, text(field(x, 'title'))),
    region: textOrNull(field(field(x, 'region'), 'name')),
    m: numOrNull(field(x, 'm')),
    p: numOrNull(field(x, 'p')),
    title: sliceTitle(stateName, text(field(x, 'title'))),
    state: stateName,
    kind,
    cls: typeof cls === 'number' && isClass(cls) ? cls : sliceClass(stateName, kind),
    start: num(field(x, 'start')),
    end: num(field(x, 'end')),
    open: flag(field(x, 'open')),
    verdict: VERDICTS.find((v) => v === verdict) ?? 'none',
    reason: textOrNull(field(x, 'reason')),
    startStack: list(field(x, 'startStack'), place),
    endStack: list(field(x, 'endStack'), place),
    waker: isFields(waker)
      ? {
          g: num(field(waker, 'g')),
          name: text(field(waker, 'name'), 200),
          place: place(field(waker, 'place')),
          stack: list(field(waker, 'stack'), place),
          t: num(field(waker, 't')),
          what: text(field(waker, 'what'), 60),
        }
      : null,
    meanwhile: list(field(x, 'meanwhile'), (m) => {
      const what = text(field(m, 'what'), 60).replace(/^gc\b/, 'GC');
      const cls = field(m, 'class');
      return {
        what,
        cls: typeof cls === 'number' && isClass(cls) ? cls : classOf(what),
        place: place(field(m, 'place')),
        ns: num(field(m, 'ns')),
      };
    }).toSorted((a, b) => b.ns - a.ns),
    incoming: list(field(x, 'incoming'), flow),
    outgoing: list(field(x, 'outgoing'), flow),
    preceding: ref(field(x, 'preceding')),
    following: ref(field(x, 'following')),
    site: place(field(x, 'site')),
    rank: numOrNull(field(x, 'rank')),
    of: numOrNull(field(x, 'of')),
    text: lines(field(x, 'text'), 20_000),
  };
  const w = made.waker;
  // What ended a wait is a wake like any other, also where only the waker is named.
  if (w !== null && w.g > 0 && !made.incoming.some((f) => f.kind === 'wake')) {
    const to = { lane: made.g > 0 ? `g:${made.g}` : lane, g: made.g, t: w.t };
    made.incoming.push({
      kind: 'wake',
      t: w.t,
      from: { lane: `g:${w.g}`, g: w.g, t: w.t },
      to,
      by: '',
      place: w.place,
    });
  }
  return made;
}

/** A slice of a task's lane is of that task, whatever else is known. */
function taskOf(x: unknown, lane: string, title: string): Slice['task'] {
  const id = num(field(x, 'id')) || Number(/^task:(\d+)$/.exec(lane)?.[1] ?? 0);
  if (id === 0) return null;
  return { id, name: text(field(x, 'name'), 120) || title.replace(/^task /, '') };
}

/** "waiting · select": the state first, what it waits for after it. */
function sliceTitle(state: string, title: string): string {
  return state === 'waiting' && !title.startsWith('waiting') ? `waiting · ${title}` : title;
}

function sliceClass(state: string, kind: string): Class {
  if (/^run(ning)?$/.test(state)) return CLASS.running;
  if (/runnable/.test(state)) return CLASS.runnable;
  if (/syscall/.test(state)) return CLASS.syscall;
  return classOf(kind || state);
}

export interface Instances {
  of: number;
  ns: Ns;
  p99: Ns | null;
  found: Ref[];
  ticks: number[];
}

export function instances(x: unknown): Instances {
  return {
    of: num(field(x, 'of')),
    ns: num(field(x, 'ns')),
    p99: numOrNull(field(x, 'p99')),
    found: list(field(x, 'instances'), ref),
    ticks: list(field(x, 'ticks'), (t) => numOrNull(t)),
  };
}

export interface Found {
  of: number;
  found: Ref[];
}

export function found(x: unknown): Found {
  return { of: num(field(x, 'of')), found: list(field(x, 'found'), ref) };
}

/** In order of time within each lane. */
export function byLane(refs: readonly Ref[]): Map<string, Ref[]> {
  const by = new Map<string, Ref[]>();
  for (const r of refs) {
    const list = by.get(r.lane) ?? [];
    by.set(r.lane, list);
    list.push(r);
  }
  for (const list of by.values()) list.sort((a, b) => a.start - b.start);
  return by;
}
