// A tree made of one answer of the server, asked for again when another trace or range is shown, and
// when code is edited. Until that answer is there its lines move with the edits, so that a click leads to
// where they are.

import * as vscode from 'vscode';
import { isGo } from '../annotations';
import { afterEdit } from '../line-shift';
import type { Session } from '../session';

/** How long after an edit the server is asked again: the figures on lines come first. */
const AFTER_EDIT_MS = 300;

/** A line in an answer, in the text as it is now. Whoever keeps one keeps it as it is: edits move it. */
export interface Listed {
  uri: string | null;
  line: number | null;
}

/** What a click on a row does. It is given the line itself, which edits move, and no copy of its number. */
export function opens(at: Listed): vscode.Command | undefined {
  if (at.uri === null || at.line === null) return undefined;
  return { title: vscode.l10n.t('Go to Line'), command: 'waitline.openLine', arguments: [at] };
}

export abstract class AnswerTree<A extends { analysis: number }, N>
  implements vscode.TreeDataProvider<N>, vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly subscriptions: vscode.Disposable[];
  private asked: { analysis: number; answer: Promise<A | null> } | undefined;
  /** The lines of the answer, by document. */
  private lines = new Map<string, Listed[]>();
  private edits = 0;
  private timer: NodeJS.Timeout | undefined;
  private nodes: N[] = [];
  protected answer: A | null = null;
  private view: vscode.TreeView<N> | undefined;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    protected readonly session: Session,
    protected readonly extensionUri: vscode.Uri,
  ) {
    const { workspace } = vscode;
    this.subscriptions = [
      this.changed,
      session.onDidChange(() => {
        const analysis = session.state?.analysis ?? -1;
        if (analysis !== (this.asked?.analysis ?? -1)) this.redraw();
      }),
      workspace.onDidChangeTextDocument((event) => this.edited(event)),
      // What was not saved is gone with it, and lines stand where they were on the disk.
      workspace.onDidCloseTextDocument((document) => isGo(document) && this.later()),
    ];
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
  /** Every line that the answer has. */
  protected abstract listed(answer: A): Iterable<Listed>;
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

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (!isGo(document) || contentChanges.length === 0) return;
    const lines = this.lines.get(document.uri.toString()) ?? [];
    // From the last to the first, as the editor lists them: so each is in lines that still hold.
    for (const { range, text } of contentChanges) {
      const { start, end } = range;
      const change = { startLine: start.line, startCharacter: start.character, endLine: end.line, text };
      for (const at of lines) if (at.line !== null) at.line = afterEdit(at.line, change);
    }
    this.later();
  }

  private later(): void {
    if (!this.asked) return;
    this.edits += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.follow(), AFTER_EDIT_MS);
  }

  /** Asks where the lines are now. What is shown stays until that is known. */
  private async follow(): Promise<void> {
    if (!this.view?.visible) return this.again(); // asked for when it is seen
    const { asked, edits } = this;
    // If the text changes meanwhile this fails, or is of a text that is gone: it is asked again after that edit.
    const answer = await this.ask().catch(() => null);
    if (!answer || this.asked !== asked || this.edits !== edits) return;
    if (answer.analysis !== this.session.state?.analysis) return;
    this.asked = { analysis: answer.analysis, answer: Promise.resolve(answer) };
    this.redraw();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const part of this.subscriptions) part.dispose();
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
      this.lines.clear();
    } else {
      if (this.asked?.analysis !== state.analysis) this.asked = { analysis: state.analysis, answer: this.ask() };
      const asked = this.asked;
      const { edits } = this;
      const answer = await asked.answer.catch(() => null);
      if (this.asked !== asked) return this.nodes; // another trace came meanwhile
      if (this.answer !== answer || answer === null) this.lines = byDocument(answer ? this.listed(answer) : []);
      this.answer = answer;
      this.nodes = answer ? this.roots(answer) : [];
      if (this.edits !== edits) this.later(); // it may be of the text before
    }
    if (this.view) {
      this.view.description = this.describe() ?? '';
      this.view.message = this.tell() ?? '';
    }
    return this.nodes;
  }
}

function byDocument(lines: Iterable<Listed>): Map<string, Listed[]> {
  const found = new Map<string, Listed[]>();
  const names = new Map<string, string>(); // as the editor writes them
  for (const at of lines) {
    if (at.uri === null) continue;
    const name = names.get(at.uri) ?? vscode.Uri.parse(at.uri).toString();
    names.set(at.uri, name);
    const there = found.get(name);
    if (there) there.push(at);
    else found.set(name, [at]);
  }
  return found;
}
