// A trace that is dropped: on a view it is loaded, into Go code (with Shift held) as well, and on the
// editor area, where VS Code opens what is dropped as a file, it becomes its timeline.

import * as vscode from 'vscode';
import { load } from './commands/trace';
import { beginsAsTrace } from './discovery';
import type { Session } from './session';
import { fileName } from './units';

const LIST = 'text/uri-list';

export interface Drops {
  /** For trees. */
  onViews: vscode.TreeDragAndDropController<unknown>;
  /** For documents. */
  intoCode: vscode.Disposable;
  /** For files that were opened as text and are traces. */
  asTab: vscode.Disposable;
}

export function dropped(session: Session): Drops {
  const { l10n, languages, window } = vscode;
  const onViews: vscode.TreeDragAndDropController<unknown> = {
    dropMimeTypes: [LIST],
    dragMimeTypes: [],
    handleDrop: async (_, data) => {
      const [first] = uris(await data.get(LIST)?.asString());
      if (!first) return;
      if (first.scheme !== 'file') {
        // A window over SSH, say, and a file of the machine in front of it.
        const text = l10n.t(
          '{0} is not on the machine of the server. Copy it into the folder first.',
          fileName(first.path),
        );
        void window.showErrorMessage(text);
        return;
      }
      await load(session, first.fsPath);
    },
  };
  const intoCode = languages.registerDocumentDropEditProvider(
    { language: 'go', scheme: 'file' },
    {
      async provideDocumentDropEdits(_document, _position, data, token) {
        const [first, ...others] = uris(await data.get(LIST)?.asString());
        if (!first || others.length > 0 || first.scheme !== 'file') return undefined;
        if (!(await beginsAsTrace(first.fsPath).catch(() => false)) || token.isCancellationRequested) return undefined;
        void load(session, first.fsPath);
        return new vscode.DocumentDropEdit(''); // in place of its path
      },
    },
  );
  return { onViews, intoCode, asTab: openAsTimeline() };
}

/** The names in a list of URIs, one a line; lines with # are comments. */
function uris(list: string | undefined): vscode.Uri[] {
  return (list ?? '')
    .split(/\r?\n/)
    .filter((line) => line && !line.startsWith('#'))
    .flatMap((line) => {
      try {
        return [vscode.Uri.parse(line, true)];
      } catch {
        return []; // not a URI
      }
    });
}

/**
 * Files named *.trace are of many kinds, so none of them has the timeline as its editor. One that begins
 * as a Go trace has no other use as text, and is shown as a timeline: once, so that who wants the text
 * after all has it.
 */
function openAsTimeline(): vscode.Disposable {
  const seen = new Set<string>();
  return vscode.window.tabGroups.onDidChangeTabs(async ({ opened, changed }) => {
    for (const tab of [...opened, ...changed]) {
      if (!(tab.input instanceof vscode.TabInputText)) continue;
      const { uri } = tab.input;
      if (uri.scheme !== 'file' || !uri.path.endsWith('.trace') || seen.has(uri.toString())) continue;
      seen.add(uri.toString());
      if (!(await beginsAsTrace(uri.fsPath).catch(() => false))) continue;
      const column = { viewColumn: tab.group.viewColumn, preview: tab.isPreview };
      await vscode.commands.executeCommand('vscode.openWith', uri, 'waitline.traceOption', column);
      const left = tab.group.tabs.find(
        (t) => t.input instanceof vscode.TabInputText && t.input.uri.toString() === uri.toString(),
      );
      if (left) await vscode.window.tabGroups.close(left, true);
    }
  });
}
