// A tree made of one answer of the server, asked for again when another trace or range is shown.

import * as vscode from 'vscode';
import type { Session } from '../session';

export abstract class AnswerTree<A extends { analysis: number }, N> implements vscode.TreeDataProvider<N> {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private asked: { analysis: number; answer: Promise<A | null> } | undefined;
  private nodes: N[] = [];
  protected answer: A | null = null;
  private view: vscode.TreeView<N> | undefined;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    protected readonly session: Session,
    protected readonly extensionUri: vscode.Uri,
  ) {
    session.onDidChange(() => {
      const analysis = session.state?.analysis ?? -1;
      if (analysis !== (this.asked?.analysis ?? -1)) this.redraw();
    });
  }

  show(id: string, drops: vscode.TreeDragAndDropController<unknown>): vscode.TreeView<N> {
    this.view = vscode.window.createTreeView(id, {
      treeDataProvider: this,
      showCollapseAll: true,
      dragAndDropController: drops as vscode.TreeDragAndDropController<N>,
    });
    return this.view;
  }

  protected abstract ask(): Promise<A | null>;
  protected abstract roots(answer: A): N[];
  protected describe(): string | undefined {
    return undefined;
  }
  /** What the view says above its rows. */
  protected tell(): string | undefined {
    return undefined;
  }
  abstract getChildren(node?: N): N[] | Promise<N[]>;
  abstract getTreeItem(node: N): vscode.TreeItem;

  redraw(): void {
    this.changed.fire(undefined);
  }

  /** Asks again for what is shown. */
  again(): void {
    this.asked = undefined;
    this.redraw();
  }

  protected first(): N | undefined {
    return this.nodes[0];
  }

  protected async rootNodes(): Promise<N[]> {
    const { state } = this.session;
    if (!state) {
      this.asked = undefined;
      this.answer = null;
      this.nodes = [];
    } else {
      if (this.asked?.analysis !== state.analysis) this.asked = { analysis: state.analysis, answer: this.ask() };
      const asked = this.asked;
      const answer = await asked.answer.catch(() => null);
      if (this.asked !== asked) return this.nodes; // another trace came meanwhile
      this.answer = answer;
      this.nodes = answer ? this.roots(answer) : [];
    }
    if (this.view) {
      this.view.description = this.describe() ?? '';
      this.view.message = this.tell() ?? '';
    }
    return this.nodes;
  }
}
