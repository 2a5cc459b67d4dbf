// What a finding means: its page, which came with the extension.

import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import { placeName, tell } from '../places';
import { isCode } from '../protocol';
import type { Session } from '../session';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function findingCommands(register: Register, session: Session, extensionUri: vscode.Uri): void {
  const { l10n, commands, window } = vscode;
  // From the palette, and from the code of a problem: a link may hold anything.
  register('waitline.explainFinding', async (argument) => {
    const code = argument === undefined ? await pickFinding(session) : argument;
    if (!isCode(code)) return;
    const page = vscode.Uri.joinPath(extensionUri, 'dist', 'findings', `${code}.md`);
    const is = await access(page.fsPath).then(
      () => true,
      () => false,
    );
    if (!is) return tell(l10n.t('There is no page about {0}.', code));
    const rendered = await commands.executeCommand('markdown.showPreview', page).then(
      () => true,
      () => false, // the editor's own Markdown is turned off
    );
    if (!rendered) await window.showTextDocument(page);
  });
}

/** The one on the cursor's line, else one of all. */
async function pickFinding(session: Session): Promise<string | undefined> {
  const { l10n, languages, window } = vscode;
  const editor = window.activeTextEditor;
  const here = editor && languages.getDiagnostics(editor.document.uri).filter((d) => d.source === 'waitline');
  const found = here?.find((d) => d.range.start.line === editor?.selection.active.line);
  if (found) return String(typeof found.code === 'object' ? found.code.value : found.code);
  const findings = (await session.request('waitline/findings', {}))?.findings ?? [];
  if (findings.length === 0) {
    tell(l10n.t('No findings.'));
    return undefined;
  }
  const items = findings.map((f) => ({ label: f.code, description: placeName(f), detail: f.message, code: f.code }));
  return (await window.showQuickPick(items, { title: l10n.t('Findings of this trace'), matchOnDetail: true }))?.code;
}
