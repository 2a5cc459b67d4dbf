// The evidence for a line as Markdown, fit for an issue or a review.

import type { Instance, Site, Stack, State } from './protocol';
import { count, duration, fileName } from './units';

/** The most stacks, and frames of each. */
const STACKS = 5;
const FRAMES = 12;

export function evidence(where: string, state: State, site: Site, stacks: Stack[], worst: Instance | null): string {
  const lines = [`### ${code(where)} ${code(site.func)}`, '', site.markdown ?? '', ''];
  if (worst) {
    const waker = worst.waker?.file ? `, woken by goroutine ${worst.waker.g} at ${code(place(worst.waker))}` : '';
    lines.push(
      `Longest wait: goroutine ${worst.g} from ${duration(worst.start)} on, ${duration(worst.ns)}${waker}.`,
      '',
    );
  }
  const told = stacks.slice(0, STACKS);
  if (told.length > 0) {
    lines.push(`Stacks (${told.length} of ${stacks.length}):`, '', '```text');
    for (const stack of told) {
      lines.push(`${stack.kind} ${duration(stack.ns)} in ${count(stack.n)}`);
      for (const frame of stack.frames.slice(0, FRAMES)) lines.push(`    ${fenced(`${frame.func} ${place(frame)}`)}`);
      if (stack.frames.length > FRAMES) lines.push(`    and ${stack.frames.length - FRAMES} more`);
    }
    lines.push('```', '');
  }
  const range = state.range ? `, from ${duration(state.range.t0)} to ${duration(state.range.t1)}` : '';
  lines.push(`Trace: ${code(fileName(state.trace))}, ${duration(state.duration)}${range}.`);
  return `${lines.join('\n')}\n`;
}

function place({ file, recorded }: { file?: string; recorded?: number }): string {
  return file ? `${fileName(file)}:${recorded ?? 0}` : '';
}

/** A code span that whatever is in it cannot end. */
function code(text: string): string {
  const plain = text.replace(/\s+/g, ' ');
  const ticks = '`'.repeat(Math.max(0, ...(plain.match(/`+/g) ?? []).map((t) => t.length)) + 1);
  return ticks.length > 1 ? `${ticks} ${plain} ${ticks}` : `\`${plain}\``;
}

/** A line of a code block, which it must not end. */
function fenced(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('```', "'''");
}
