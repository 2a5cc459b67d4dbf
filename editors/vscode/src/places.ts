// Goes to lines of code: where they are in the editor now.

import * as vscode from 'vscode';
import { type LinePlace, linePlace, type Place } from './protocol';
import { fileName, shortFunc } from './units';

/** The line that an argument names, else that of the cursor in a Go file. */
export function placeOr(argument: unknown): LinePlace | undefined {
  const named = linePlace(argument);
  if (named) return named;
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.languageId !== 'go') return undefined;
  return { uri: editor.document.uri.toString(), line: editor.selection.active.line };
}

/** Shows a line, with the cursor on its first character. */
export async function openLine(
  { uri, line }: LinePlace,
  options: vscode.TextDocumentShowOptions & { character?: number } = {},
): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri, true));
  const at = Math.min(line, document.lineCount - 1);
  const character = options.character ?? document.lineAt(at).firstNonWhitespaceCharacterIndex;
  const selection = new vscode.Range(at, character, at, character);
  const editor = await vscode.window.showTextDocument(document, { ...options, selection });
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  return editor;
}

/** A place that is in the workspace, as a line of the editor. */
export function inWorkspace(place: Partial<Place>): LinePlace | undefined {
  return place.uri && typeof place.line === 'number' ? { uri: place.uri, line: place.line } : undefined;
}

/** `db.go:72 (*pool).query`. */
export function placeName(place: Partial<Place>): string {
  if (!place.file) return '';
  const line = typeof place.line === 'number' ? place.line + 1 : place.recorded;
  return `${fileName(place.file)}:${line} ${shortFunc(place.func ?? '')}`.trim();
}

/** Says in the status bar what needs no answer. */
export function tell(text: string): void {
  vscode.window.setStatusBarMessage(text, 4000);
}
