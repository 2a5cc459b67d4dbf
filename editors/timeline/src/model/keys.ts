// What a key does, as a value: so that help, tests and the page agree. Ways to reach everything without a mouse.

export type Command =
  | 'left'
  | 'right'
  | 'closer'
  | 'farther'
  | 'fit'
  | 'whole'
  | 'waker'
  | 'wakes'
  | 'before'
  | 'after'
  | 'longer'
  | 'shorter'
  | 'source'
  | 'wakerSource'
  | 'find'
  | 'idle'
  | 'table'
  | 'copy'
  | 'link'
  | 'menu'
  | 'help'
  | 'mark'
  | 'range'
  | 'flows'
  | 'pin'
  | 'pageUp'
  | 'pageDown'
  | 'escape'
  | 'nextTab'
  | 'previousTab';

export interface Press {
  readonly key: string;
  readonly shift: boolean;
  readonly alt: boolean;
  /** Control or command: those are the browser's and the editor's, never ours. */
  readonly command: boolean;
}

const KEYS: Readonly<Record<string, Command>> = {
  a: 'left',
  d: 'right',
  w: 'closer',
  s: 'farther',
  '+': 'closer',
  '=': 'closer',
  '-': 'farther',
  f: 'fit',
  '0': 'whole',
  ArrowUp: 'waker',
  ArrowDown: 'wakes',
  ArrowLeft: 'before',
  ArrowRight: 'after',
  n: 'shorter',
  '/': 'find',
  i: 'idle',
  t: 'table',
  c: 'copy',
  l: 'link',
  o: 'menu',
  '?': 'help',
  m: 'mark',
  r: 'range',
  x: 'flows',
  p: 'pin',
  Enter: 'source',
  Escape: 'escape',
  PageUp: 'pageUp',
  PageDown: 'pageDown',
  ']': 'nextTab',
  '[': 'previousTab',
};

export function command(press: Press): Command | null {
  if (press.command) return null;
  if (press.alt) return press.key === 'Enter' ? 'wakerSource' : null;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const found = Object.hasOwn(KEYS, key) ? (KEYS[key] ?? null) : null;
  return found === 'shorter' && press.shift ? 'longer' : found;
}

/** The list that `?` shows. */
export const HELP: readonly { title: string; keys: readonly (readonly [readonly string[], string])[] }[] = [
  {
    title: 'Move',
    keys: [
      [['A', 'D'], 'pan left, right'],
      [['W', 'S', '+', '−'], 'zoom at the pointer'],
      [['F', '0'], 'fit the selection, the whole trace'],
      [['Page up', 'Page down'], 'lanes up, down'],
      [['R'], 'set the range to the selection, or to what is in view'],
      [['drag ruler'], 'set the range; Esc clears it'],
      [['wheel', 'drag'], 'lanes up, down; drag moves the time, too'],
      [['Ctrl wheel', 'Shift wheel'], 'zoom at the pointer, pan; on the ruler the wheel alone zooms'],
    ],
  },
  {
    title: 'Follow',
    keys: [
      [['↑', '↓'], 'to the waker, to what this one wakes next'],
      [['←', '→'], 'before, after on the same goroutine'],
      [
        ['N', 'Shift N'],
        'next, previous longest on the line of the selection or of a table; without one, the longest of all',
      ],
      [['click'], 'select a slice and show its line; on a chart, its exact values'],
      [['Enter', 'double click'], 'go to the line; without an editor, the source with what its lines cost'],
      [['right click'], 'on a label: what can be done with the lane'],
      [['Alt Enter', 'Alt click'], "show the waker's line"],
      [['P'], 'pin the goroutine with those that it woke and was woken by'],
      [['O'], 'what can be done with the lane: only this one, its profile'],
    ],
  },
  {
    title: 'Look',
    keys: [
      [['/', 'I', 'T'], 'find, idle on or off, as a table'],
      [['state:lock', '>1ms'], 'in find: only such states, only longer ones'],
      [['X'], 'all wakes in view'],
      [['M'], 'mark the selection, or take its mark away'],
      [['C', 'L'], 'copy evidence or a table, copy what opens this view'],
      [['?'], 'this list'],
      [['[', ']'], 'previous, next tab'],
    ],
  },
];
