// Where the source lies that was built elsewhere: names the recorded folders by their cost and
// proposes a rule for each.

import * as vscode from 'vscode';
import { FOLDER, propose, proposed, type Rule } from '../path-rules';
import { tell } from '../places';
import type { Session } from '../session';
import { percent } from '../units';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

export function mapPathsCommand(register: Register, session: Session): void {
  const { l10n, window, workspace } = vscode;
  register('waitline.mapPaths', async () => {
    const answer = await session.request('waitline/unmapped', {});
    const prefixes = answer?.prefixes ?? [];
    if (prefixes.length === 0) return tell(l10n.t('All of the program is found in the workspace.'));
    const items = prefixes.map((u) => ({
      label: u.prefix,
      description: l10n.t('{0} of waiting', percent(u.ns, u.of)),
      u,
    }));
    const title = l10n.t('Recorded folders that are not in the workspace');
    const chosen = items.length === 1 ? items[0] : await window.showQuickPick(items, { title });
    const [root] = workspace.workspaceFolders ?? [];
    if (!chosen || !root) return;

    const { prefix } = chosen.u;
    const folders = await goFolders();
    // What the server found holds: it has looked at the files. Names alone are a guess.
    const sure = proposed(prefix, answer?.rules ?? []).map(({ from, to }) => ({ from: inFolder(root, from), to }));
    const guesses = propose(prefix, root.uri.fsPath, folders);
    const same = (a: Rule) => (b: Rule) => a.from === b.from && a.to === b.to;
    const proposals = [...sure, ...guesses.filter((rule) => !sure.some(same(rule)))];
    const others = folders.slice(0, 30).map((folder): Rule => ({ from: inFolder(root, folder), to: prefix }));
    const isProposed = (rule: Rule) => proposals.some(same(rule));
    const choices: (vscode.QuickPickItem & { rule?: Rule })[] = [
      ...proposals.map((rule) => ({ label: `${rule.to} → ${rule.from}`, description: l10n.t('proposed'), rule })),
      ...others.filter((r) => !isProposed(r)).map((rule) => ({ label: `${rule.to} → ${rule.from}`, rule })),
      { label: l10n.t('Browse…'), description: l10n.t('the folder that holds {0}', prefix) },
    ];
    const choice = await window.showQuickPick(choices, { title: l10n.t('Where does {0} lie?', prefix) });
    if (!choice) return;
    let { rule } = choice;
    if (!rule) {
      const [folder] =
        (await window.showOpenDialog({
          canSelectFiles: false,
          canSelectFolders: true,
          defaultUri: root.uri,
          openLabel: l10n.t('Choose'),
        })) ?? [];
      if (!folder) return;
      rule = { from: inFolder(root, folder.fsPath), to: prefix };
    }
    // The server hears of the setting, and looks again.
    await remember(rule);
    tell(l10n.t('{0} is looked for in {1}.', rule.to, rule.from));
  });
}

/** Keeps a rule in the settings of the workspace, in place of one for the same folder. */
async function remember(rule: Rule): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('waitline');
  const kept = configuration.get<Rule[]>('substitutePath', []).filter((r) => r.to !== rule.to);
  await configuration.update('substitutePath', [...kept, rule], vscode.ConfigurationTarget.Workspace);
}

function inFolder(root: vscode.WorkspaceFolder, path: string): string {
  const top = root.uri.fsPath;
  return path === top || path.startsWith(`${top}/`) ? FOLDER + path.slice(top.length) : path;
}

/** The folders of the workspace that hold Go files. */
async function goFolders(): Promise<string[]> {
  const files = await vscode.workspace.findFiles('**/*.go', '**/{node_modules,.git}/**', 5000);
  return [...new Set(files.map((f) => vscode.Uri.joinPath(f, '..').fsPath))].sort();
}
