// What the server speaks beyond the protocol, as docs/lsp-extensions.md tells it.
// Types only, and the checks of what comes from links, lenses and pages: those may hold anything.

import type { Metric } from './metric';

/** A duration, or a time since the trace began, in nanoseconds. */
export type Nanos = number;

/** A trace that is shown. */
export interface State {
  analysis: number;
  trace: string;
  summary: string;
  duration: Nanos;
  events: number;
  costly: Nanos;
  findings: number;
  range: { t0: Nanos; t1: Nanos } | null;
  partial: string | null;
  /** In the list of what is loaded: whether it is the one that is shown. */
  active?: boolean;
}

/** Where something stands: as the trace recorded it (from 1), and in the editor now (from 0). */
export interface Place {
  func: string;
  file: string;
  recorded: number;
  uri: string | null;
  line: number | null;
}

export type Style = 'costly' | 'through' | 'idle' | 'plain';

/** What stands at the end of a line. */
export interface LineCost {
  line: number;
  hint: string;
  text: string;
  /** How much others wait for the line; older servers do not say. */
  others?: string | null;
  style: Style;
  heat: number;
  costly: Nanos;
  /** Whether the line is the one that was recorded; older servers do not say. */
  state?: 'exact' | 'shifted' | 'doubtful' | 'lost';
}

export type Verdict = 'costly' | 'through' | 'idle' | 'unsure';

/** One kind of a line's time. */
export interface Part {
  kind: string;
  n: number;
  ns: Nanos;
  open: number;
  p50: Nanos;
  p90: Nanos;
  p99: Nanos;
  longest: { g: number | null; start: Nanos; ns: Nanos } | null;
  costly: Nanos;
  verdict: Verdict | null;
  reason: string | null;
}

export interface Hotspot extends Part {
  uri: string;
  line: number | null;
  func: string;
  source: string;
  heat: number;
  /** Its time by the metric that is set; older servers have none but what is costly. */
  counted?: Nanos;
}

/** What is costly elsewhere and ends at a line: what that line was doing, and who waited. */
export interface Behind {
  ns: Nanos;
  ends: { what: string; ns: Nanos }[];
  waits: { uri: string | null; line: number | null; kind: string; ns: Nanos }[];
}

/** A line that others wait for. */
export interface Culprit {
  uri: string | null;
  line: number | null;
  func: string;
  source: string;
  behind: Behind;
}

/** A place with how often and how long; without one it is the runtime, or a goroutine's start. */
export type Origin = Partial<Place> & { n: number; ns: Nanos };

export interface Site {
  analysis: number;
  func: string;
  parts: Part[];
  under: { n: number; ns: Nanos };
  heat: number;
  markdown: string | null;
  text: string | null;
  wakers: Origin[];
  callers: Origin[];
}

export interface Stack {
  kind: string;
  n: number;
  ns: Nanos;
  frames: Place[];
}

/** One wait. */
export interface Instance {
  analysis: number;
  of: number;
  g: number;
  start: Nanos;
  ns: Nanos;
  open: boolean;
  runnable: Nanos;
  verdict: Verdict | null;
  waker: (Partial<Place> & { g: number }) | null;
}

/** The goroutines of one `go` statement. */
export interface Group extends Place {
  /** The function that their work begins with; null where no stack tells it. */
  runs: string | null;
  started: number;
  aliveAtMost: number;
  lifeP50: Nanos;
  runP50: Nanos;
  ended: number;
  still: number;
  life: Nanos;
  running: Nanos;
  waiting: Nanos;
  syscall: Nanos;
  runnable: Nanos;
}

/** A recorded folder of which no file is known: its waiting, of all waiting. */
/** A rule for `substitutePath` that the server found to hold. */
export interface MappingRule {
  from: string;
  to: string;
  ns: Nanos;
  of: Nanos;
  files: number;
  /** Folders that fit as well as `from`. */
  others: string[];
}

export interface Unmapped {
  prefix: string;
  ns: Nanos;
  of: Nanos;
}

/** What is worth telling about the trace. */
export interface Finding extends Partial<Place> {
  code: string;
  message: string;
  ns: Nanos;
}

/** How many of a trace's lines are the recorded ones, in documents as they are now. */
export interface States {
  exact: number;
  shifted: number;
  doubtful: number;
  lost: number;
}

/** The requests, by name: what goes in and what comes out. */
export interface Requests {
  'waitline/load': [{ trace: string }, State];
  'waitline/activate': [{ trace: string }, State];
  'waitline/unload': [{ trace?: string }, null];
  'waitline/traces': [Record<string, never>, { traces: State[] }];
  'waitline/setRange': [{ t0?: Nanos; t1?: Nanos }, State | null];
  'waitline/lineCosts': [{ uri: string }, { analysis: number; lines: LineCost[] } | null];
  'waitline/hotspots': [
    { limit?: number; uri?: string },
    {
      analysis: number;
      metric?: Metric;
      counted?: Nanos;
      costly: Nanos;
      lines: Hotspot[];
      /** Older servers do not say. */
      behind?: Culprit[];
    } | null,
  ];
  'waitline/site': [LinePlace, Site | null];
  'waitline/wakers': [LinePlace, { analysis: number; wakers: Origin[] } | null];
  'waitline/stacks': [LinePlace, { analysis: number; stacks: Stack[] } | null];
  'waitline/instance': [LinePlace & { rank?: number }, Instance | null];
  'waitline/goroutines': [Partial<LinePlace>, { analysis: number; groups: Group[] } | null];
  'waitline/findings': [Record<string, never>, { analysis: number; findings: Finding[] } | null];
  'waitline/unmapped': [
    Record<string, never>,
    // Older servers say only what is not found.
    {
      analysis: number;
      prefixes: Unmapped[];
      rules?: MappingRule[];
      found?: { ns: Nanos; of: Nanos };
      lines?: States;
    } | null,
  ];
  // Older servers do not say what was marked.
  'waitline/setVerdict': [LinePlace & { verdict: Verdict | null; kind?: string }, (State & { said?: string }) | null];
  'waitline/silence': [{ code: string; package?: string }, State | null];
}

/** A line of the editor, from 0. */
export interface LinePlace {
  uri: string;
  line: number;
}

/** Commands that lenses, hovers and quick fixes lead to: the only ones that a hover may run. */
export const LINKED = [
  'waitline.goToWorst',
  'waitline.goToWaker',
  'waitline.peekStacks',
  'waitline.revealInTimeline',
  'waitline.treatAsIdle',
  'waitline.treatAsWork',
  'waitline.copyEvidence',
] as const;

/** Commands that the server puts into lenses and quick fixes, and that this extension runs. */
export const OWN_COMMANDS = [
  'waitline.evidence',
  'waitline.explain',
  'waitline.go',
  'waitline.setVerdict',
  'waitline.silence',
];

/** The line that an argument from a link, a lens or a page names, if it is one. */
export function linePlace(argument: unknown): LinePlace | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { uri, line, now } = argument as Record<string, unknown>;
  const at = isLine(now) ? now : line; // a lens tells the recorded line, and where that is in the text
  return isFileUri(uri) && isLine(at) ? { uri, line: at } : undefined;
}

/** Whether this is a line number, from 0. */
export function isLine(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

/** Whether this names a file of the machine that the server runs on. */
export function isFileUri(value: unknown): value is string {
  return typeof value === 'string' && value.length < 8192 && /^file:\/\/\/[^\s]*$/.test(value);
}

/** A verdict that a quick fix asks for. */
export function verdictRequest(argument: unknown): Requests['waitline/setVerdict'][0] | undefined {
  const place = linePlace(argument);
  const { verdict, kind } = (argument ?? {}) as Record<string, unknown>;
  if (!place || !(verdict === null || isVerdict(verdict))) return undefined;
  return typeof kind === 'string' && kind ? { ...place, verdict, kind } : { ...place, verdict };
}

/** The findings that a quick fix silences. */
export function silenceRequest(argument: unknown): Requests['waitline/silence'][0] | undefined {
  if (typeof argument !== 'object' || argument === null) return undefined;
  const { code, package: pkg } = argument as Record<string, unknown>;
  if (!isCode(code)) return undefined;
  return typeof pkg === 'string' && pkg ? { code, package: pkg } : { code };
}

/** Whether this could be the code of a finding, and so the name of its page. */
export function isCode(value: unknown): value is string {
  return typeof value === 'string' && value.length < 64 && /^[a-z]+(-[a-z]+)*$/.test(value);
}

function isVerdict(value: unknown): value is Verdict {
  return value === 'costly' || value === 'through' || value === 'idle' || value === 'unsure';
}

/** The state that a notification tells, or null when no trace is shown; undefined if it is neither. */
export function stateOf(value: unknown): State | null | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object') return undefined;
  const { analysis, trace, summary } = value as Record<string, unknown>;
  if (typeof analysis !== 'number' || typeof trace !== 'string' || typeof summary !== 'string') return undefined;
  return value as State;
}

/** A moment, a goroutine or a line that a timeline is to show. */
export interface Reveal {
  uri?: string;
  line?: number;
  t0?: Nanos;
  t1?: Nanos;
  g?: number;
  /** The cursor moved there: its waits are marked, and the view stays where it is. */
  follow?: boolean;
  /** What else a link of the timeline holds, for the page to read: its view, range, filters. */
  link?: { [key: string]: string | number };
}

/** The names in a link of the timeline, beside the line, the moment and the goroutine. */
const LINK = new Set(
  'trace view v0 v1 lane t r0 r1 group func only task tasks region min max site profile open flags window per quantiles function finding kind name place lengths idle'.split(
    ' ',
  ),
);

/** What of a value says what a timeline is to show. */
export function revealOf(value: unknown): Reveal {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const { t0, t1, g } = fields;
  const isTime = (t: unknown): t is number => typeof t === 'number' && Number.isFinite(t) && t >= 0;
  const isWord = (x: unknown): x is string | number => (typeof x === 'string' && x.length <= 4096) || isTime(x);
  const link = Object.entries(fields).flatMap(([key, x]) => (LINK.has(key) && isWord(x) ? [[key, x] as const] : []));
  return {
    ...(link.length > 0 && { link: Object.fromEntries(link) }),
    ...linePlace(value),
    ...(isTime(t0) && isTime(t1) && t0 <= t1 && { t0, t1 }),
    ...(isTime(g) && { g }),
  };
}
