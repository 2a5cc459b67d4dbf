// Between the page in one webview and the server: requests there, answers back, events to the page.

import * as vscode from 'vscode';
import { openLine } from '../places';
import { type Reveal, silenceRequest } from '../protocol';
import type { Session } from '../session';
import { allowed, type FromPage, fromPage, type ToPage, tileOctets } from './messages';

export class Bridge implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly cancel = new vscode.CancellationTokenSource();
  private ready = false;
  private waiting: Reveal | undefined;
  private disposed = false;

  constructor(
    private readonly webview: vscode.Webview,
    private readonly session: Session,
  ) {
    this.subscriptions.push(
      webview.onDidReceiveMessage((message) => this.received(message)),
      session.onDidChange(() => this.state()),
      vscode.window.onDidChangeActiveColorTheme(() => this.theme()),
    );
  }

  /** Shows a moment or a line, as soon as the page can. */
  reveal(what: Reveal): void {
    if (Object.keys(what).length === 0) return;
    const { link, ...rest } = what;
    if (this.ready) this.send({ type: 'event', event: 'reveal', payload: { ...link, ...rest } });
    else if (!what.follow) this.waiting = what;
  }

  /** Lines stand elsewhere in their files: what the page names is old. */
  edited(): void {
    if (this.ready) this.send({ type: 'event', event: 'edited', payload: null });
  }

  private received(message: unknown): void {
    const known = fromPage(message);
    if (!known) {
      this.session.log.warn('timeline: a message of the page was not understood');
      const id = (message as { id?: unknown } | null)?.id;
      if (typeof id === 'number') this.send({ type: 'response', id, error: 'the message was not understood' });
      return;
    }
    void this.handle(known);
  }

  private async handle(message: FromPage): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        this.theme();
        this.state();
        if (this.waiting) this.reveal(this.waiting);
        this.waiting = undefined;
        return;
      case 'request':
        return this.request(message.id, message.method, message.params);
      case 'tile':
        return this.tile(message);
      case 'openSource': {
        const { uri, line, col, focus } = message;
        const viewColumn = columnForCode(uri);
        try {
          await openLine({ uri, line }, { viewColumn, preserveFocus: !focus, ...(col > 0 && { character: col }) });
        } catch (error) {
          this.session.log.warn(`timeline: ${uri} is not shown: ${error}`);
        }
        return;
      }
    }
  }

  private async request(id: number, method: string, params: unknown): Promise<void> {
    if (!allowed(method)) {
      this.session.log.warn(`timeline: the page asked for ${JSON.stringify(method)}`);
      this.send({ type: 'response', id, error: 'not a request of the timeline' });
      return;
    }
    try {
      const result = await this.ask(method, params);
      this.send({ type: 'response', id, result });
    } catch (error) {
      this.send({ type: 'response', id, error: textOf(error) });
    }
  }

  private async ask(method: string, params: unknown): Promise<unknown> {
    if (method === 'waitline/cancelLoad') {
      await this.session.unload();
      return null;
    }
    // It writes a file of the workspace: so a person says it outside of the page, too.
    if (method === 'waitline/silence' && !(await confirmed(params))) return null;
    const result = await this.session.ask(method, params, this.cancel.token);
    // The range holds for all: lines, views and every timeline.
    if (method === 'waitline/setRange') this.session.adopt(result);
    return result;
  }

  private async tile({ id, key }: Extract<FromPage, { type: 'tile' }>): Promise<void> {
    try {
      const bytes = tileOctets(await this.session.ask('waitline/timeline', key, this.cancel.token));
      if (bytes) this.send({ type: 'tile', id, bytes });
      else this.send({ type: 'tile', id, error: 'no tile' });
    } catch (error) {
      this.send({ type: 'tile', id, error: textOf(error) });
    }
  }

  private state(): void {
    if (!this.ready) return;
    const { progress, state } = this.session;
    this.send({ type: 'event', event: 'state', payload: progress ? { ...state, loading: progress } : state });
  }

  private theme(): void {
    const { ColorThemeKind } = vscode;
    const kinds: Record<vscode.ColorThemeKind, string> = {
      [ColorThemeKind.Light]: 'light',
      [ColorThemeKind.Dark]: 'dark',
      [ColorThemeKind.HighContrast]: 'hcDark',
      [ColorThemeKind.HighContrastLight]: 'hcLight',
    };
    const kind = kinds[vscode.window.activeColorTheme.kind];
    if (this.ready) this.send({ type: 'event', event: 'theme', payload: { kind } });
  }

  private send(message: ToPage): void {
    if (!this.disposed) void this.webview.postMessage(message);
  }

  dispose(): void {
    this.disposed = true;
    this.cancel.cancel();
    for (const part of [...this.subscriptions, this.cancel]) part.dispose();
  }
}

async function confirmed(params: unknown): Promise<boolean> {
  const asked = silenceRequest(params);
  if (!asked) return false;
  const { code, package: pack } = asked;
  const { l10n } = vscode;
  const where = pack === undefined ? l10n.t('in this workspace') : l10n.t('in {0}', pack);
  const ignore = l10n.t('Ignore');
  const detail = l10n.t('.waitline.toml will say so; taking the lines away brings the findings back.');
  const question = l10n.t('Ignore findings of {0} {1}?', code, where);
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, ignore)) === ignore;
}

/** Where code opens: where the file is, else where other code is, else beside the timeline. */
function columnForCode(uri: string): vscode.ViewColumn {
  const editors = vscode.window.visibleTextEditors.filter((e) => e.viewColumn !== undefined);
  const same = editors.find((e) => e.document.uri.toString() === uri);
  const go = editors.find((e) => e.document.languageId === 'go');
  if (same?.viewColumn ?? go?.viewColumn) return (same?.viewColumn ?? go?.viewColumn) as vscode.ViewColumn;
  const active = vscode.window.tabGroups.activeTabGroup.viewColumn;
  const other = vscode.window.tabGroups.all.find((group) => group.viewColumn !== active);
  return other?.viewColumn ?? vscode.ViewColumn.Beside;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
