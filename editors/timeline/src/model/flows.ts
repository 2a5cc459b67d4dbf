// How it is told what made whom able to run: of the selection's own, and of the links of the chain that led to it.
import type { Flow } from './protocol.ts';

/** Of the selection: `woken by G7`, `wakes G9`. */
export function flowWords(f: Flow, incoming: boolean): string {
  const other = incoming ? f.from : f.to;
  if (f.kind === 'task') return `${incoming ? 'part of' : 'has the part'} task ${other.lane.replace(/^task:/, '')}`;
  if (f.kind === 'creation') return incoming ? `started by ${who(f)}` : `starts G${f.to.g}`;
  if (f.kind === 'wake') return incoming ? `woken by ${who(f)}` : `wakes G${f.to.g}`;
  return incoming ? 'its system call ended' : `${f.kind} of G${f.to.g}`;
}

/** Of a link of the chain, which is about others: `G7 was itself woken by a timer`. */
export function linkWords(f: Flow): string {
  const whom = `G${f.to.g}`;
  if (f.kind === 'creation') return `${whom} was started by ${who(f)}`;
  if (f.kind === 'wake') return `${whom} was itself woken by ${who(f)}`;
  return `${whom}'s system call ended`;
}

function who(f: Flow): string {
  return f.from.g > 0 ? `G${f.from.g}` : f.by || 'the network, a timer or the runtime';
}
