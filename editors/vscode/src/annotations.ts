// What stands on lines: a figure at the end, dim where it is idle, and heat as a border at the left
// and a mark in the overview ruler.
//
// All lines of a document are asked for at once. Texts and borders are drawn near what is visible only:
// each text is a rule and an element of its own in the editor. Scrolling costs nothing until what is seen
// comes close to the end of what is drawn. The ruler shows the whole file, and is drawn when lines change.

import * as vscode from 'vscode';
import { shift } from './line-shift';
import type { LineCost } from './protocol';
import type { Session } from './session';
import { textOf } from './units';
import { around, covers, type Span, within } from './visible';

/** Lines above and below the visible ones that have their figures already. */
const MARGIN = 60;
/** So many of them must be left while one scrolls, else they are drawn anew. */
const SPARE = 20;
/** How long after an edit the server is asked again. */
const AFTER_EDIT_MS = 120;
/** A line's code is never pushed aside: what is longer ends with an ellipsis. */
const MAX_TEXT = 60;

interface Known {
  analysis: number;
  lines: LineCost[];
}

export class Annotations implements vscode.Disposable {
  private readonly known = new Map<string, Known>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly lengths = new Map<string, number[]>();
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly figure = textType('waitline.figure');
  private readonly idle = textType('waitline.idleFigure');
  private readonly borders = [1, 2, 3, 4].map(borderType);
  private readonly marks = [1, 2, 3, 4].map(markType);
  /** What each editor has drawn, as long as its lines are the same. */
  private readonly drawn = new WeakMap<vscode.TextEditor, Span[]>();
  private on = true;

  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  /** The figures of a document are other ones. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly session: Session) {
    const { window, workspace } = vscode;
    this.subscriptions.push(
      window.onDidChangeVisibleTextEditors(() => this.refreshVisible()),
      window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => this.scrolled(textEditor)),
      workspace.onDidChangeTextDocument((event) => this.edited(event)),
      workspace.onDidCloseTextDocument((document) => this.forget(document.uri.toString())),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('waitline.annotations')) this.drawAll();
      }),
    );
  }

  get visible(): boolean {
    return this.on && renderer() === 'decoration';
  }

  toggle(): void {
    this.on = !this.on;
    this.drawAll();
  }

  /** What is shown has changed: everything is asked for again. */
  refreshVisible(): void {
    for (const editor of vscode.window.visibleTextEditors) if (isGo(editor.document)) void this.ask(editor.document);
  }

  /** The figures of a document, asked for if they are not known. */
  async of(document: vscode.TextDocument): Promise<readonly LineCost[]> {
    const known = this.known.get(document.uri.toString());
    if (known && known.analysis === this.session.state?.analysis) return known.lines;
    await this.ask(document);
    return this.known.get(document.uri.toString())?.lines ?? [];
  }

  private async ask(document: vscode.TextDocument): Promise<void> {
    const key = document.uri.toString();
    const version = document.version;
    const state = this.session.state;
    if (!state) {
      this.forget(key);
      this.redraw(document);
      return;
    }
    try {
      const answer = await this.session.request('waitline/lineCosts', { uri: key });
      if (document.isClosed) return;
      // The answer is about a text that is gone; the one about the new text is on its way.
      if (document.version !== version) return;
      // Made of what was shown before: what is shown now has been asked for since.
      if (answer && answer.analysis !== this.session.state?.analysis) return;
      this.known.set(key, { analysis: answer?.analysis ?? state.analysis, lines: answer?.lines ?? [] });
      this.redraw(document);
      this.changed.fire(document.uri);
    } catch {
      // The text changed meanwhile, or the server ended: both bring another question.
      if (!document.isClosed && document.version === version && this.session.state) this.later(document);
    }
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (!isGo(document) || contentChanges.length === 0) return;
    const key = document.uri.toString();
    const known = this.known.get(key);
    if (known) {
      const lengths = this.lengths.get(key) ?? [];
      let lines = known.lines;
      // From the last to the first, as the editor lists them: so each is in lines that still hold.
      for (const { range, text } of contentChanges) {
        const before = lengths[range.start.line] ?? Number.POSITIVE_INFINITY;
        const change = {
          startLine: range.start.line,
          startCharacter: range.start.character,
          endLine: range.end.line,
          text,
        };
        lines = shift(lines, change, before);
      }
      this.known.set(key, { ...known, lines });
      this.redraw(document);
    }
    this.later(document);
  }

  private later(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => {
        this.timers.delete(key);
        if (!document.isClosed) void this.ask(document);
      }, AFTER_EDIT_MS),
    );
  }

  private forget(key: string): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.known.delete(key);
    this.lengths.delete(key);
  }

  private drawAll(): void {
    for (const editor of vscode.window.visibleTextEditors) this.draw(editor);
  }

  private redraw(document: vscode.TextDocument): void {
    const lines = this.known.get(document.uri.toString())?.lines ?? [];
    const lengths: number[] = [];
    for (const { line } of lines) if (line < document.lineCount) lengths[line] = document.lineAt(line).text.length;
    this.lengths.set(document.uri.toString(), lengths);
    for (const editor of vscode.window.visibleTextEditors) if (editor.document === document) this.draw(editor);
  }

  /** All of it: the lines are other ones, or how they are shown. */
  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    if (!isGo(document)) return;
    const lines = this.shownIn(document);
    this.drawNear(editor, lines);
    for (const [level, type] of this.marks.entries()) {
      editor.setDecorations(type, rangesOf(document, lines, level + 1));
    }
  }

  private scrolled(editor: vscode.TextEditor): void {
    const { document } = editor;
    if (!isGo(document) || !this.known.has(document.uri.toString())) return;
    if (covers(this.drawn.get(editor) ?? [], seenIn(editor), SPARE, document.lineCount)) return;
    this.drawNear(editor, this.shownIn(document));
  }

  private drawNear(editor: vscode.TextEditor, lines: LineCost[]): void {
    const { document } = editor;
    const spans = around(seenIn(editor), MARGIN);
    this.drawn.set(editor, spans);
    const near = within(lines, spans);
    const text = (dim: boolean) => near.filter((l) => isDim(l) === dim).map((l) => figureAt(document, l));
    editor.setDecorations(this.figure, text(false));
    editor.setDecorations(this.idle, text(true));
    for (const [level, type] of this.borders.entries()) {
      editor.setDecorations(type, rangesOf(document, near, level + 1));
    }
  }

  /** The lines of a document, without what a setting leaves out. */
  private shownIn(document: vscode.TextDocument): LineCost[] {
    const configuration = vscode.workspace.getConfiguration('waitline');
    const known = this.visible ? this.known.get(document.uri.toString()) : undefined;
    const withIdle = configuration.get('annotations.idle', true);
    const withHeat = configuration.get('annotations.heat', true);
    return (known?.lines ?? [])
      .filter((l) => l.line < document.lineCount && (withIdle || l.style !== 'idle'))
      .map((l) => (withHeat ? l : { ...l, heat: 0 }));
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    const types = [this.figure, this.idle, ...this.borders, ...this.marks];
    for (const part of [...this.subscriptions, ...types, this.changed]) part.dispose();
  }
}

export function isGo(document: vscode.TextDocument): boolean {
  return document.languageId === 'go' && document.uri.scheme === 'file';
}

/** Idle waiting costs nothing, and of a line that was edited one cannot be sure. */
function isDim({ style, state }: LineCost): boolean {
  return style === 'idle' || state === 'doubtful';
}

function renderer(): string {
  return vscode.workspace.getConfiguration('waitline').get('annotations.renderer', 'decoration');
}

function figureAt(document: vscode.TextDocument, cost: LineCost): vscode.DecorationOptions {
  const contentText = textOf(cost, MAX_TEXT);
  return { range: document.lineAt(cost.line).range, renderOptions: { after: { contentText } } };
}

function textType(color: string): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    after: { margin: '0 0 0 3ch', color: new vscode.ThemeColor(color), fontStyle: 'normal', fontWeight: 'normal' },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });
}

function borderType(level: number): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    borderWidth: '0 0 0 3px',
    borderStyle: 'solid',
    borderColor: new vscode.ThemeColor(`waitline.heat${level}`),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
}

function markType(level: number): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    overviewRulerColor: new vscode.ThemeColor(`waitline.heat${level}`),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
}

function rangesOf(document: vscode.TextDocument, lines: readonly LineCost[], heat: number): vscode.Range[] {
  return lines.filter((l) => l.heat === heat).map((l) => document.lineAt(l.line).range);
}

/** The lines on the screen: several stretches where code is folded. */
function seenIn(editor: vscode.TextEditor): Span[] {
  return editor.visibleRanges.map((r) => ({ first: r.start.line, last: r.end.line }));
}
