// How well the trace goes with the source: what of it is found, and how many lines are the recorded ones.
// Asked for when another trace is shown, and again after edits.

import * as vscode from 'vscode';
import type { Requests } from './protocol';
import type { Session } from './session';

type Answer = NonNullable<Requests['waitline/unmapped'][1]>;

/** How long after an edit's figures are there it is asked again. */
const AFTER_EDIT_MS = 400;
/** A share of waiting below which a missing folder is not worth a word. */
const MIN_SHARE = 0.01;

export class Drift implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  private asked: number | undefined;
  private shown: Answer | null = null;
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly session: Session,
    onDidChangeLines: vscode.Event<unknown>,
  ) {
    this.subscriptions = [
      session.onDidChange(() => {
        if (session.state?.analysis === this.asked) return;
        this.asked = session.state?.analysis;
        void this.ask();
      }),
      onDidChangeLines(() => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.ask(), AFTER_EDIT_MS);
      }),
    ];
  }

  /** What the server said last of the trace that is shown. */
  get answer(): Answer | null {
    return this.shown;
  }

  /** Recorded folders that are not found and cost enough to be told of, the dearest first. */
  get unmapped(): Answer['prefixes'] {
    return (this.shown?.prefixes ?? []).filter((u) => u.of > 0 && u.ns / u.of >= MIN_SHARE);
  }

  /** How many lines are not surely the recorded ones, or gone. */
  get stale(): number {
    const lines = this.shown?.lines;
    return lines ? lines.doubtful + lines.lost : 0;
  }

  private async ask(): Promise<void> {
    const { state } = this.session;
    const answer = state ? await this.session.request('waitline/unmapped', {}).catch(() => null) : null;
    // Made of what was shown before: what is shown now is asked for, too.
    if (answer && answer.analysis !== this.session.state?.analysis) return;
    this.shown = answer;
    await vscode.commands.executeCommand('setContext', 'waitline.unmapped', this.unmapped.length > 0);
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const part of [...this.subscriptions, this.changed]) part.dispose();
  }
}
