// The trace that is shown, how well it goes with the source, and the others of the workspace.

import * as vscode from 'vscode';
import type { Discovery, Found } from '../discovery';
import type { Drift } from '../drift';
import type { State, States, Unmapped } from '../protocol';
import type { Session } from '../session';
import { count, duration, fileName, percent } from '../units';

export type Node =
  | { is: 'loaded'; state: State }
  | { is: 'fact'; id: string; label: string; value: string; tip?: string; icon?: string }
  | { is: 'paths'; value: string; prefixes: Unmapped[] }
  | { is: 'prefix'; unmapped: Unmapped }
  | { is: 'other'; state: State }
  | { is: 'found'; found: Found };

/** The most folders that are listed. */
const PREFIXES = 20;

export class Traces implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly session: Session,
    private readonly discovery: Discovery,
    private readonly drift: Drift,
  ) {
    for (const part of [session, discovery, drift]) part.onDidChange(() => this.changed.fire(undefined));
  }

  async getChildren(node?: Node): Promise<Node[]> {
    const { state } = this.session;
    if (!node) {
      const loaded = await this.session.loaded().catch(() => []);
      const others: Node[] = loaded.filter((s) => s.active === false).map((s) => ({ is: 'other', state: s }));
      // The server's names may have a drive's letter in capitals, and the editor's never do.
      const known = new Set(loaded.map((s) => vscode.Uri.file(s.trace).fsPath));
      if (state) known.add(vscode.Uri.file(state.trace).fsPath);
      const rest = this.discovery.found.filter((f) => !known.has(f.uri.fsPath));
      const found: Node[] = rest.slice(0, 50).map((f) => ({ is: 'found', found: f }));
      return [...(state ? [{ is: 'loaded' as const, state }] : []), ...others, ...found];
    }
    if (node.is === 'paths') return node.prefixes.map((unmapped) => ({ is: 'prefix', unmapped }));
    return node.is === 'loaded' ? this.facts(node.state) : [];
  }

  private facts(state: State): Node[] {
    const { l10n } = vscode;
    const range = state.range ? `◔ ${duration(state.range.t0)}–${duration(state.range.t1)}` : l10n.t('whole trace');
    const nodes: Node[] = [{ is: 'fact', id: 'range', label: l10n.t('Range'), value: range }];
    nodes.push({ is: 'fact', id: 'costly', label: l10n.t('Costly waiting'), value: duration(state.costly) });
    const { answer, unmapped } = this.drift;
    if (answer?.lines) nodes.push(...linesFact(answer.lines));
    const [worst] = unmapped;
    if (worst) {
      const value = answer?.found
        ? l10n.t('{0} of waiting is found', percent(answer.found.ns, answer.found.of))
        : l10n.t('{0} of waiting is not found', percent(worst.ns, worst.of));
      nodes.push({ is: 'paths', value, prefixes: unmapped.slice(0, PREFIXES) });
    } else if (answer) {
      nodes.push({ is: 'fact', id: 'paths', label: l10n.t('Paths'), value: l10n.t('all of the program is found') });
    }
    if (state.partial)
      nodes.push({ is: 'fact', id: 'partial', label: l10n.t('Partial'), value: state.partial, icon: 'warning' });
    return nodes;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { l10n } = vscode;
    switch (node.is) {
      case 'loaded': {
        const item = new vscode.TreeItem(fileName(node.state.trace), vscode.TreeItemCollapsibleState.Expanded);
        item.id = 'loaded';
        item.iconPath = new vscode.ThemeIcon('circle-filled');
        item.description = node.state.summary.split(' · ').slice(1).join(' · ');
        item.tooltip = node.state.trace;
        item.contextValue = 'loaded';
        return item;
      }
      case 'fact': {
        const item = new vscode.TreeItem(node.label);
        item.id = `loaded/${node.id}`;
        item.description = node.value;
        item.tooltip = node.tip ?? `${node.label}: ${node.value}`;
        item.contextValue = node.id;
        if (node.icon) item.iconPath = new vscode.ThemeIcon(node.icon);
        return item;
      }
      case 'paths': {
        const item = new vscode.TreeItem(l10n.t('Paths'), vscode.TreeItemCollapsibleState.Expanded);
        item.id = 'loaded/unmapped';
        item.description = node.value;
        item.tooltip = l10n.t(
          'The rest is in folders that this workspace does not have. Map Paths… says where they lie.',
        );
        item.iconPath = new vscode.ThemeIcon('warning');
        item.contextValue = 'unmapped';
        return item;
      }
      case 'prefix': {
        const { prefix, ns, of } = node.unmapped;
        // The share first: paths are long, and cut at the view's edge.
        const item = new vscode.TreeItem(percent(ns, of));
        item.id = `loaded/unmapped/${prefix}`;
        item.description = prefix;
        item.tooltip = l10n.t('{0} is no folder of this workspace. Map Paths… says where it lies.', prefix);
        item.contextValue = 'prefix';
        item.command = { title: l10n.t('Map Paths…'), command: 'waitline.mapPaths' };
        return item;
      }
      case 'other': {
        const { state } = node;
        const item = new vscode.TreeItem(fileName(state.trace));
        item.id = `other:${state.trace}`;
        item.iconPath = new vscode.ThemeIcon('circle-large-outline');
        item.description = l10n.t('loaded, not shown');
        item.tooltip = `${state.trace}\n${state.summary}`;
        item.contextValue = 'other';
        item.command = { title: l10n.t('Show'), command: 'waitline.activateTrace', arguments: [node] };
        return item;
      }
      case 'found': {
        const { uri, mtime, size } = node.found;
        const item = new vscode.TreeItem(fileName(uri.path));
        item.id = uri.toString();
        item.iconPath = new vscode.ThemeIcon('circle-outline');
        item.description = [folderName(uri), sizeText(size)].filter(Boolean).join(' · ');
        item.tooltip = `${uri.fsPath}\n${new Date(mtime).toLocaleString()}`;
        item.contextValue = 'found';
        item.command = { title: l10n.t('Load Trace'), command: 'waitline.loadThis', arguments: [uri] };
        return item;
      }
    }
  }
}

/** How many lines are the recorded ones: `all 45 as recorded`, or how many of each. */
function linesFact({ exact, shifted, doubtful, lost }: States): Node[] {
  const { l10n } = vscode;
  const all = exact + shifted + doubtful + lost;
  if (all === 0) return []; // nothing of the program is found
  const parts = [
    l10n.t('{0} exact', count(exact)),
    shifted > 0 ? l10n.t('{0} shifted', count(shifted)) : '',
    doubtful > 0 ? l10n.t('{0} doubtful', count(doubtful)) : '',
    lost > 0 ? l10n.t('{0} lost', count(lost)) : '',
  ];
  const fact: Node = {
    is: 'fact',
    id: 'lines',
    label: l10n.t('Lines'),
    value: exact === all ? l10n.t('all {0} as recorded', count(all)) : parts.filter(Boolean).join(' · '),
    tip: l10n.t(
      'Of the lines that waits stand on or were called from: exact ones are as recorded, shifted ones (~) stand elsewhere, doubtful ones (?) or their functions were edited, lost ones are gone.',
    ),
    ...(doubtful + lost > 0 && { icon: 'warning' }),
  };
  return [fact];
}

/** The folder of a file, as seen from the workspace; nothing for the workspace's own. */
export function folderName(uri: vscode.Uri): string {
  const folder = vscode.Uri.joinPath(uri, '..');
  if (vscode.workspace.workspaceFolders?.some((f) => f.uri.toString() === folder.toString())) return '';
  return vscode.workspace.asRelativePath(folder, false);
}

function sizeText(octets: number): string {
  return octets < 1e6
    ? `${Math.max(1, Math.round(octets / 1e3))} kB`
    : `${(octets / 1e6).toFixed(octets < 1e7 ? 1 : 0)} MB`;
}
