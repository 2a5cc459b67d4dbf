// What a rectangle of a tile can be, in the one order of legends, columns and stacks.
// The numbers are the wire's (docs/timeline-host.md).

export const CLASS = {
  none: 0,
  running: 1,
  runnable: 2,
  lock: 3,
  channel: 4,
  network: 5,
  sleep: 6,
  syscall: 7,
  assist: 8,
  gcWait: 9,
  system: 10,
  mark: 11,
  stw: 12,
  sweep: 13,
  task: 14,
  region: 15,
  instant: 16,
  unknown: 17,
} as const;

export type Class = (typeof CLASS)[keyof typeof CLASS];
export const N_CLASSES = 18;

export const VERDICT = { none: 0, costly: 1, through: 2, idle: 3, unsure: 4 } as const;
export const VERDICTS = ['none', 'costly', 'through', 'idle', 'unsure'] as const;
export type VerdictName = (typeof VERDICTS)[number];

export const FLAG = { joined: 1, before: 2, after: 4, lower: 8, open: 16 } as const;

/** Stacked from below, and the legend from the left. */
export const STACK: readonly Class[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17];

/** The words for people. */
export const NAMES: Readonly<Record<Class, string>> = {
  0: 'nothing',
  1: 'running',
  2: 'runnable',
  3: 'lock, cond, group',
  4: 'channel, select',
  5: 'network',
  6: 'sleep',
  7: 'syscall',
  8: 'GC assist',
  9: 'GC wait',
  10: 'runtime',
  11: 'GC mark',
  12: 'stop the world',
  13: 'GC sweep',
  14: 'task',
  15: 'region',
  16: 'instant',
  17: 'unknown',
};

/** The same where there is no room. */
export const BRIEF: Readonly<Record<Class, string>> = { ...NAMES, 3: 'lock', 4: 'channel', 12: 'stopped' };

/** The colour of each class, as the style sheet names it (`--wl-...`). */
export const TOKENS: Readonly<Record<Class, string>> = {
  0: 'idle',
  1: 'running',
  2: 'runnable',
  3: 'lock',
  4: 'channel',
  5: 'network',
  6: 'sleep',
  7: 'syscall',
  8: 'gc',
  9: 'gc',
  10: 'idle',
  11: 'gc',
  12: 'stw',
  13: 'gc',
  14: 'task',
  15: 'task',
  16: 'strong',
  17: 'idle',
};

export function isClass(n: number): n is Class {
  return Number.isInteger(n) && n >= 0 && n < N_CLASSES;
}

/** A wait, as opposed to work and to what the runtime does by itself. */
export function isWait(c: Class): boolean {
  return (c >= CLASS.lock && c <= CLASS.sleep) || c === CLASS.gcWait;
}

/** The class of what a figure's `kind` or `what` names in words (lsp-extensions.md). */
export function classOf(word: string): Class {
  const w = word.toLowerCase();
  if (/assist/.test(w)) return CLASS.assist;
  if (/runnable|wake|sched/.test(w)) return CLASS.runnable;
  if (/^gc|gc wait|collector/.test(w)) return CLASS.gcWait;
  if (/lock|mutex|cond|group|once|sema|sync/.test(w)) return CLASS.lock;
  if (/chan|select|recv|send/.test(w)) return CLASS.channel;
  if (/net|poll|io wait/.test(w)) return CLASS.network;
  if (/sleep|timer/.test(w)) return CLASS.sleep;
  if (/syscall|system call/.test(w)) return CLASS.syscall;
  if (/run/.test(w)) return CLASS.running;
  if (/stop|stw/.test(w)) return CLASS.stw;
  if (/mark/.test(w)) return CLASS.mark;
  return CLASS.unknown;
}
