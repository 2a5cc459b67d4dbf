// What a finding means: its page, which came with the extension.

import { access } from 'node:fs/promises';
import * as vscode from 'vscode';
import { placeName, tell } from '../places';
import { isCode } from '../protocol';
import type { Session } from '../session';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function findingCommands(register: Register, session: Session, extensionUri: vscode.Uri): void {
  const { l10n, commands } = vscode;
  const explain = async (code: unknown) => {
    if (!isCode(code)) return;
    const page = pageOf(extensionUri, code);
    const is = await access(page.fsPath).then(
      () => true,
      () => false,
    );
    if (!is) return tell(l10n.t('There is no page about {0}.', code));
    await commands.executeCommand('vscode.open', page);
  };
  // From the palette, or from another extension with a code: that may be anything.
  register('waitline.explainFinding', async (argument) =>
    explain(argument === undefined ? await pickFinding(session) : argument),
  );
  // From a quick fix: `{"code"}`.
  register('waitline.explain', (argument) => explain((argument as { code?: unknown } | null | undefined)?.code));
}

/** The page about a finding: it is shown as Markdown is read. */
export function pageOf(extensionUri: vscode.Uri, code: string): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, 'dist', 'findings', `${code}.waitline.md`);
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
