// Where lines stand while the server's answer about an edit is not there yet.

/** A change of a text, as the editor tells it: lines from 0. */
export interface Change {
  startLine: number;
  startCharacter: number;
  endLine: number;
  text: string;
}

/**
 * Moves figures by an edit. A line that was touched loses its figure at once: the server says
 * whether it still holds. Lines below move, and so does a line in front of which a new one begins.
 */
export function shift<T extends { line: number }>(lines: readonly T[], change: Change, lengthBefore: number): T[] {
  const opensAfter = isInsertion(change) && change.startCharacter >= lengthBefore && /^\r?\n/.test(change.text);
  const kept: T[] = [];
  for (const item of lines) {
    if (item.line < change.startLine || (opensAfter && item.line === change.startLine)) kept.push(item);
    else if (isBehind(item.line, change)) kept.push({ ...item, line: item.line + movedBy(change) });
  }
  return kept;
}

/** Where a line that stands in a list is after an edit: one that was touched is looked for where it was. */
export function afterEdit(line: number, change: Change): number {
  if (isBehind(line, change)) return line + movedBy(change);
  return Math.min(line, change.startLine + added(change));
}

/** Whether an edit moves a line and leaves it as it is. */
function isBehind(line: number, change: Change): boolean {
  const opensBefore = isInsertion(change) && change.startCharacter === 0 && change.text.endsWith('\n');
  return line > change.endLine || (opensBefore && line === change.startLine);
}

function isInsertion({ startLine, endLine }: Change): boolean {
  return startLine === endLine;
}

function movedBy(change: Change): number {
  return added(change) - (change.endLine - change.startLine);
}

function added({ text }: Change): number {
  return text.split('\n').length - 1;
}
