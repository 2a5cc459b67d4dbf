// The lines where the program waits at most cost: grouped, the dearest first; idle ones apart.

import * as vscode from 'vscode';
import { metricWords } from '../metric';
import type { Behind, Culprit, Hotspot, Requests } from '../protocol';
import { count, duration, fileName, percent, shortFunc } from '../units';
import { AnswerTree, type Listed, opens } from './tree';

export type Grouping = 'function' | 'file' | 'package' | 'cause';

type Answer = NonNullable<Requests['waitline/hotspots'][1]>;

/** The server's most. */
const LIMIT = 200;

export type Node =
  | { is: 'group'; label: string; detail: string; rows: Hotspot[]; counted: number; ns: number }
  | { is: 'row'; row: Hotspot; nth: number; under: Grouping | 'idle' }
  | { is: 'idle'; rows: Hotspot[] }
  | { is: 'behind'; lines: Culprit[] }
  | { is: 'culprit'; line: Culprit; nth: number }
  | { is: 'held'; held: Behind['waits'][number]; of: number };

export class Hotspots extends AnswerTree<Answer, Node> {
  grouping: Grouping = 'function';
  filter = '';

  protected ask() {
    return this.session.request('waitline/hotspots', { limit: LIMIT });
  }

  protected roots(answer: Answer): Node[] {
    const nodes = group(answer.lines.filter(matches(this.filter)), this.grouping);
    const behind = (answer.behind ?? []).filter(matches(this.filter));
    if (behind.length > 0) {
      const idle = nodes.findIndex((node) => node.is === 'idle');
      nodes.splice(idle < 0 ? nodes.length : idle, 0, { is: 'behind', lines: behind });
    }
    return nodes;
  }

  protected *listed({ lines, behind }: Answer): Iterable<Listed> {
    yield* lines;
    for (const culprit of behind ?? []) {
      yield culprit;
      yield* culprit.behind.waits;
    }
  }

  protected describe(): string | undefined {
    if (!this.answer) return undefined;
    const all = `${duration(this.all())} ${metricWords(this.answer.metric).short}`;
    return this.filter ? vscode.l10n.t('with “{0}”, of {1}', this.filter, all) : vscode.l10n.t('of {0}', all);
  }

  protected override tell(): string | undefined {
    const rows = this.answer ? [...this.answer.lines, ...(this.answer.behind ?? [])] : [];
    const none = this.filter && this.answer && !rows.some(matches(this.filter));
    return none ? vscode.l10n.t('No function, file, line or cause matches “{0}”.', this.filter) : undefined;
  }

  groupBy(grouping: Grouping): void {
    this.grouping = grouping;
    this.redraw();
  }

  filterBy(text: string): void {
    this.filter = text.trim();
    void vscode.commands.executeCommand('setContext', 'waitline.filtered', this.filter !== '');
    this.redraw();
  }

  getChildren(node?: Node): Node[] | Promise<Node[]> {
    if (!node) return this.rootNodes();
    if (node.is === 'group') return node.rows.map((row, nth) => ({ is: 'row', row, nth, under: this.grouping }));
    if (node.is === 'idle') return node.rows.map((row, nth) => ({ is: 'row', row, nth, under: 'idle' }));
    if (node.is === 'behind') {
      const all = this.answer?.behind ?? [];
      return node.lines.map((line) => ({ is: 'culprit', line, nth: all.indexOf(line) }));
    }
    if (node.is === 'culprit') {
      const { waits, ns } = node.line.behind;
      return waits.map((held) => ({ is: 'held', held, of: ns }));
    }
    return [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const { Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
    if (node.is === 'idle') {
      const ns = node.rows.reduce((sum, row) => sum + row.ns, 0);
      const item = new vscode.TreeItem(vscode.l10n.t('Idle'), Collapsed);
      item.id = 'idle';
      const { length } = node.rows;
      item.description =
        length === 1
          ? vscode.l10n.t('{0} · 1 line, not ranked', duration(ns))
          : vscode.l10n.t('{0} · {1} lines, not ranked', duration(ns), length);
      item.iconPath = this.bar(0);
      return item;
    }
    if (node.is === 'group') {
      const first = node === this.first();
      const item = new vscode.TreeItem(node.label, first ? Expanded : Collapsed);
      item.id = `${this.grouping}:${node.label}:${node.detail}`;
      item.description = [duration(node.counted || node.ns), node.detail].filter(Boolean).join(' · ');
      item.iconPath = this.bar(heat(node.counted, this.all()));
      item.tooltip = this.groupTip(node);
      return item;
    }
    if (node.is === 'behind') {
      const item = new vscode.TreeItem(vscode.l10n.t('Others Wait For'), Collapsed);
      item.id = 'behind';
      item.description = vscode.l10n.t('lines at which costly waiting elsewhere ends');
      item.iconPath = new vscode.ThemeIcon('git-merge');
      return item;
    }
    if (node.is === 'culprit') return this.culpritItem(node.line, node.nth);
    if (node.is === 'held') return heldItem(node.held, node.of);
    return this.rowItem(node);
  }

  private culpritItem(line: Culprit, nth: number): vscode.TreeItem {
    const where = placeOf(line);
    const item = new vscode.TreeItem(where, vscode.TreeItemCollapsibleState.Collapsed);
    const amount = duration(line.behind.ns);
    // Without its number, which edits change: it stays open, and chosen.
    item.id = `behind:${line.uri}:${line.func}:${nth}`;
    item.description = [amount, ...line.behind.ends.slice(0, 1).map((end) => end.what), line.source].join(' · ');
    item.tooltip = vscode.l10n.t(
      '{0}\n{1} of what is costly elsewhere ends here, {2} of all',
      line.func,
      amount,
      percent(line.behind.ns, this.answer?.costly ?? 0),
    );
    item.accessibilityInformation = { label: vscode.l10n.t('{0}, others wait {1}', where, amount) };
    item.command = opens(line);
    return item;
  }

  private rowItem({ row, nth, under }: Extract<Node, { is: 'row' }>): vscode.TreeItem {
    const at = row.line === null ? vscode.l10n.t('edited') : String(row.line + 1);
    const where = under === 'file' ? at : `${fileName(decodeURIComponent(row.uri))}:${at}`;
    const kind = row.verdict === 'through' ? `→ ${row.kind}` : row.kind;
    const item = new vscode.TreeItem(under === 'function' || under === 'file' ? `${at} ${kind}` : where);
    item.id = `${under}:${row.uri}:${row.func}:${row.kind}:${nth}`;
    const amount = duration(counted(row) || row.ns);
    const rest = under === 'function' ? row.source : shortFunc(row.func);
    item.description = [amount, `${count(row.n)}×`, rest].filter(Boolean).join(' · ');
    item.iconPath = this.bar(heat(counted(row), this.all()));
    item.tooltip = rowTip(row);
    item.contextValue = row.longest ? 'row wait' : 'row';
    item.accessibilityInformation = { label: `${where}, ${kind}, ${amount}, ${count(row.n)}` };
    item.command = opens(row);
    return item;
  }

  /** What all lines count together. */
  private all(): number {
    return this.answer?.counted ?? this.answer?.costly ?? 0;
  }

  private groupTip(node: Extract<Node, { is: 'group' }>): string {
    return vscode.l10n.t(
      '{0}: {1} {2}, {3} of all that is',
      node.label,
      duration(node.counted),
      metricWords(this.answer?.metric).short,
      percent(node.counted, this.all()),
    );
  }

  private bar(heat: number): { light: vscode.Uri; dark: vscode.Uri } {
    const file = (theme: string) => vscode.Uri.joinPath(this.extensionUri, 'media', 'heat', `${theme}-${heat}.svg`);
    return { light: file('light'), dark: file('dark') };
  }
}

/** `db.go:70`. */
function placeOf(at: Listed): string {
  const line = at.line === null ? vscode.l10n.t('edited') : String(at.line + 1);
  return `${fileName(decodeURIComponent(at.uri ?? ''))}:${line}`;
}

/** A line that waits behind another. */
function heldItem(held: Behind['waits'][number], of: number): vscode.TreeItem {
  const item = new vscode.TreeItem(placeOf(held));
  item.description = `${held.kind} · ${duration(held.ns)} · ${percent(held.ns, of)}`;
  item.command = opens(held);
  return item;
}

function rowTip(row: Hotspot): string {
  const { l10n } = vscode;
  const lines = [
    `${row.func}`,
    l10n.t('{0}: {1} in {2}, of it costly {3}', row.kind, duration(row.ns), count(row.n), duration(row.costly)),
    row.n >= 100 ? `p50 ${duration(row.p50)} · p99 ${duration(row.p99)}` : '',
    row.longest ? l10n.t('longest {0}', duration(row.longest.ns)) : '',
    row.reason ?? '',
  ];
  return lines.filter(Boolean).join('\n');
}

/** From 0 to 4, by the share of all that is costly: the server's levels for lines. */
export function heat(costly: number, all: number): number {
  const share = all > 0 ? (costly / all) * 100 : 0;
  return [0.5, 2, 5, 20].filter((least) => share >= least).length;
}

/** Whether a row has this text in what one sees of it, capitals or not. */
export function matches(filter: string): (row: Hotspot | Culprit) => boolean {
  const wanted = filter.toLowerCase();
  const name = (uri: string | null) => fileName(decodeURIComponent(uri ?? ''));
  const seen = (row: Hotspot | Culprit) => {
    const kinds = 'behind' in row ? [row.behind.ends[0]?.what ?? '', ...row.behind.waits.map(placeOf)] : [row.kind];
    return [row.func, name(row.uri), row.source, ...kinds];
  };
  return (row) => seen(row).some((text) => text.toLowerCase().includes(wanted));
}

/** The import path of a function's package: `example.com/a/b` of `example.com/a/b.(*T).f`. */
export function packageOf(func: string): string {
  const slash = func.lastIndexOf('/');
  const dot = func.indexOf('.', slash + 1);
  return dot < 0 ? func : func.slice(0, dot);
}

/** A row's time by the metric that is set. */
function counted(row: Hotspot): number {
  return row.counted ?? row.costly;
}

/** Rows under what they share, by what they count; mostly idle rows apart, at the end. */
export function group(rows: Hotspot[], by: Grouping): Node[] {
  const work = rows.filter((row) => row.verdict !== 'idle');
  const idle = rows.filter((row) => row.verdict === 'idle');
  const groups = new Map<string, Extract<Node, { is: 'group' }>>();
  for (const row of work) {
    const file = fileName(decodeURIComponent(row.uri));
    const [key, label, detail] =
      by === 'function'
        ? [row.func, shortFunc(row.func), file]
        : by === 'file'
          ? [row.uri, file, '']
          : by === 'package'
            ? [packageOf(row.func), packageOf(row.func), '']
            : [row.kind, row.kind, ''];
    const node = groups.get(key) ?? { is: 'group', label, detail, rows: [], counted: 0, ns: 0 };
    groups.set(key, node);
    node.rows.push(row);
    node.counted += counted(row);
    node.ns += row.ns;
  }
  const nodes: Node[] = [...groups.values()].sort((a, b) => b.counted - a.counted || b.ns - a.ns);
  if (idle.length > 0) nodes.push({ is: 'idle', rows: idle });
  return nodes;
}
