// What a frame cost, out of what the browser itself recorded (`Tracing` of its protocol): the main thread's own time for
// script, style, paint and commit, and the time of the threads that make pixels of it.
import type { CDPSession } from 'playwright-core';

export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  /** The thread's own time, without what others took meanwhile. */
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly type?: string } };
}

export interface Work {
  /** Milliseconds of CPU of the main thread in each frame: all of its tasks from one frame's start to the next. */
  readonly frames: readonly number[];
  /** Of these: script, and the rest by name, over all frames. */
  readonly parts: ReadonlyMap<string, number>;
  /** Milliseconds of the threads that make pixels, in each frame. */
  readonly raster: readonly number[];
}

const CATEGORIES = [
  'toplevel',
  'devtools.timeline',
  'disabled-by-default-devtools.timeline',
  'cc',
  'viz',
  '__metadata',
];

/** Records while `during` runs. */
export async function recorded(cdp: CDPSession, during: () => Promise<void>): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  cdp.on('Tracing.dataCollected', (e) => events.push(...(e.value as unknown as TraceEvent[])));
  const complete = new Promise<void>((done) => cdp.once('Tracing.tracingComplete', () => done()));
  await cdp.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: CATEGORIES, excludedCategories: ['*'] },
  });
  await during();
  await cdp.send('Tracing.end');
  await complete;
  return events;
}

const PARTS = [
  'FunctionCall',
  'FireAnimationFrame',
  'UpdateLayoutTree',
  'Layout',
  'PrePaint',
  'Paint',
  'Layerize',
  'Commit',
];

export function workOf(events: readonly TraceEvent[]): Work {
  const names = new Map<string, string>();
  for (const e of events)
    if (e.ph === 'M' && e.name === 'thread_name') names.set(`${e.pid} ${e.tid}`, e.args?.name ?? '');
  // The page's process is the one whose main thread ran animation frames.
  const fired = events.filter((e) => e.name === 'FireAnimationFrame').toSorted((a, b) => a.ts - b.ts);
  const first = fired[0];
  if (first === undefined) return { frames: [], parts: new Map(), raster: [] };
  const main = (e: TraceEvent) => e.pid === first.pid && e.tid === first.tid;
  const tasks = events.filter((e) => main(e) && isTask(e));
  // A frame may fire several callbacks: those of one task are one frame.
  const calls = fired.filter(main).map((e) => e.ts);
  const starts = tasks
    .filter((t) => calls.some((at) => at >= t.ts && at < t.ts + (t.dur ?? 0)))
    .map((t) => t.ts)
    .toSorted((a, b) => a - b);
  const frames = sums(starts, tasks);
  const raster = sums(
    starts,
    events.filter((e) => isTask(e) && isRaster(names.get(`${e.pid} ${e.tid}`) ?? '')),
  );
  const parts = new Map<string, number>();
  for (const e of events) if (main(e) && PARTS.includes(e.name)) parts.set(e.name, (parts.get(e.name) ?? 0) + cpu(e));
  return { frames, parts, raster };
}

/** Milliseconds. */
function cpu(e: TraceEvent): number {
  return (e.tdur ?? e.dur ?? 0) / 1000;
}

function isTask(e: TraceEvent): boolean {
  // `RunTask` of another category is the same task again.
  return e.ph === 'X' && e.name === 'ThreadControllerImpl::RunTask';
}

function isRaster(thread: string): boolean {
  return /^(Compositor|CompositorTileWorker|VizCompositorThread|ThreadPoolForegroundWorker|CrGpuMain)/.test(thread);
}

/** The time of tasks in each frame, from its first task to that of the next; the last one, which has no end, is none. */
function sums(starts: readonly number[], tasks: readonly TraceEvent[]): number[] {
  const out = starts.slice(1).map(() => 0);
  let at = -1;
  for (const t of tasks.toSorted((a, b) => a.ts - b.ts)) {
    while (at + 1 < starts.length && (starts[at + 1] ?? 0) <= t.ts) at++;
    if (at >= 0 && at < out.length) out[at] = (out[at] ?? 0) + cpu(t);
  }
  return out;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? Number.NaN;
}
