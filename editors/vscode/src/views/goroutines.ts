// What became of the goroutines of each `go` statement; those that waited most first.

import * as vscode from 'vscode';
import type { Group, Requests } from '../protocol';
import { count, duration, fileName, percent, shortFunc } from '../units';
import { AnswerTree, type Listed, opens } from './tree';

type Answer = NonNullable<Requests['waitline/goroutines'][1]>;
export type Node =
  | { is: 'group'; group: Group }
  | { is: 'fact'; label: string; value: string }
  | { is: 'others'; groups: Group[] };

export class Goroutines extends AnswerTree<Answer, Node> {
  protected ask() {
    return this.session.request('waitline/goroutines', {});
  }

  protected roots({ groups }: Answer): Node[] {
    const own = groups.filter((g) => g.uri !== null);
    const others = groups.filter((g) => g.uri === null);
    const nodes: Node[] = own.map((group) => ({ is: 'group', group }));
    if (others.length > 0) nodes.push({ is: 'others', groups: others });
    return nodes;
  }

  protected listed({ groups }: Answer): Iterable<Listed> {
    return groups;
  }

  protected describe(): string {
    return vscode.l10n.t('started at');
  }

  getChildren(node?: Node): Node[] | Promise<Node[]> {
    if (!node) return this.rootNodes();
    if (node.is === 'others') return node.groups.map((group) => ({ is: 'group', group }));
    return node.is === 'group' ? facts(node.group) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { Collapsed, None } = vscode.TreeItemCollapsibleState;
    if (node.is === 'others') {
      const item = new vscode.TreeItem(vscode.l10n.t('Outside the workspace'), Collapsed);
      item.id = 'others';
      item.description = count(node.groups.reduce((sum, g) => sum + g.started, 0));
      return item;
    }
    if (node.is === 'fact') {
      const item = new vscode.TreeItem(node.label, None);
      item.description = node.value;
      return item;
    }
    const { group } = node;
    const item = new vscode.TreeItem(shortFunc(group.runs ?? group.func), Collapsed);
    const line = group.line === null ? group.recorded : group.line + 1;
    const still = group.still > 0 ? vscode.l10n.t('{0} still there', count(group.still)) : '';
    item.id = `${group.file}:${group.recorded}:${group.func}`;
    item.description = [`${fileName(group.file)}:${line}`, vscode.l10n.t('{0} started', count(group.started)), still]
      .filter(Boolean)
      .join(' · ');
    item.tooltip = group.runs === null ? group.func : vscode.l10n.t('{0}, started by {1}', group.runs, group.func);
    const command = opens(group);
    if (command) item.command = command;
    return item;
  }
}

function facts(group: Group): Node[] {
  const { l10n } = vscode;
  const share = (ns: number) => `${duration(ns)} · ${percent(ns, group.life)}`;
  const rows: [string, string][] = [
    [l10n.t('Alive at most'), count(group.aliveAtMost)],
    [l10n.t('Lifetime, half of them'), duration(group.lifeP50)],
    [l10n.t('Waiting'), share(group.waiting)],
    [l10n.t('Runnable'), share(group.runnable)],
    [l10n.t('Running'), share(group.running)],
    [l10n.t('System calls'), share(group.syscall)],
    [l10n.t('Still there at the end'), count(group.still)],
  ];
  return rows.map(([label, value]) => ({ is: 'fact', label, value }));
}
