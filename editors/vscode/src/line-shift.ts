// Where line figures stand while the server's answer about an edit is not there yet.

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
  const added = change.text.split('\n').length - 1;
  const moved = added - (change.endLine - change.startLine);
  const isInsertion = change.endLine === change.startLine;
  const opensAfter = isInsertion && change.startCharacter >= lengthBefore && /^\r?\n/.test(change.text);
  const opensBefore = isInsertion && change.startCharacter === 0 && change.text.endsWith('\n');
  const kept: T[] = [];
  for (const item of lines) {
    if (item.line < change.startLine || (opensAfter && item.line === change.startLine)) kept.push(item);
    else if (item.line > change.endLine || (opensBefore && item.line === change.startLine)) {
      kept.push({ ...item, line: item.line + moved });
    }
  }
  return kept;
}
