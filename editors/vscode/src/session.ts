// The server's life and the trace that it shows. Everything else asks here, and hears of changes
// from here. The server is started when it is first needed, and once more when it dies.

import * as vscode from 'vscode';
import type { CloseHandlerResult, LanguageClient, LanguageClientOptions, Middleware } from 'vscode-languageclient/node';
import { OWN_COMMANDS, type Requests, type Reveal, revealOf, type State, stateOf } from './protocol';
import { findServer, NoServer, type Server } from './server';
import { fileName } from './units';

/** What goes on, for the status item and the views. */
export type Activity = 'off' | 'starting' | 'ready' | 'loading' | 'failed';

/** A server that dies more often than this within three minutes stays dead. */
const RESTARTS = 3;
const WITHIN_MS = 180_000;

export class Session implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly redrawn = new vscode.EventEmitter<void>();
  private readonly asked = new vscode.EventEmitter<{ open: boolean; what: Reveal }>();
  private readonly ended: number[] = [];
  private share = 0;
  private starting: Promise<LanguageClient> | undefined;
  private current: LanguageClient | undefined;
  private wished: string | undefined;
  private loads = 0;
  private shown: State | null = null;
  private failure: NoServer | undefined;
  private stopping = false;

  /** The state or the activity is another one. */
  readonly onDidChange = this.changed.event;
  /** The same is shown, and its figures are other ones: by a setting, say. */
  readonly onDidRedraw = this.redrawn.event;
  /** The server wants a timeline opened, or those that are open to show something. */
  readonly onDidAskTimeline = this.asked.event;
  /** The server that runs, when it does. */
  server: Server | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    readonly log: vscode.LogOutputChannel,
    private readonly middleware: Middleware,
  ) {}

  get state(): State | null {
    return this.shown;
  }

  get activity(): Activity {
    if (this.loads > 0) return 'loading';
    if (this.failure) return 'failed';
    if (this.current?.isRunning()) return 'ready';
    return this.starting ? 'starting' : 'off';
  }

  /** Why there is no server, if there is none. */
  get problem(): NoServer | undefined {
    return this.failure;
  }

  /** The name of the trace that is being loaded. */
  get loading(): string | undefined {
    return this.loads > 0 && this.wished ? fileName(this.wished) : undefined;
  }

  /** How far the load under way is, from 0 to 1. */
  get progress(): { share: number; trace: string } | undefined {
    return this.loads > 0 ? { share: this.share, trace: this.wished ?? '' } : undefined;
  }

  /** The server tells how far a load is. */
  advance(percentage: number): void {
    this.share = percentage / 100;
    this.changed.fire();
  }

  /** The program that would run, or runs. */
  async find(): Promise<Server> {
    const { extension } = this.context;
    return findServer({
      setting: vscode.workspace.getConfiguration('waitline').get('server.path', ''),
      bundled: vscode.Uri.joinPath(this.context.extensionUri, 'server').fsPath,
      // The environment of the extension host is that of the login shell or of the remote machine.
      path: process.env.PATH,
      wanted: extension.packageJSON.version as string,
    });
  }

  /** Starts the server, unless it runs. */
  async start(): Promise<LanguageClient> {
    if (this.current?.isRunning()) return this.current;
    this.starting ??= this.launch().finally(() => {
      this.starting = undefined;
      this.changed.fire();
    });
    this.changed.fire();
    return this.starting;
  }

  private async launch(): Promise<LanguageClient> {
    this.failure = undefined;
    this.stopping = false;
    try {
      const server = await this.find();
      this.log.info(`server: ${server.path} ${server.version} (${server.from})`);
      const client = await this.connect(server);
      this.server = server;
      this.current = client;
      return client;
    } catch (error) {
      this.failure =
        error instanceof NoServer ? error : new NoServer('broken', this.server?.path ?? 'waitline', String(error));
      this.log.error(`no server: ${this.failure.path}: ${this.failure.detail}`);
      throw this.failure;
    }
  }

  private async connect(server: Server): Promise<LanguageClient> {
    // Only now: reading the library takes longer than all else of the start.
    const { LanguageClient, State: ClientState, CloseAction, ErrorAction } = await import('vscode-languageclient/node');
    const configuration = vscode.workspace.getConfiguration('waitline');
    const extraEnv = configuration.get<Record<string, string>>('server.extraEnv', {});
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: 'file', language: 'go' }],
      outputChannel: this.log,
      middleware: this.middleware,
      // Text of the server is never trusted: it holds names from the trace. Links are added here.
      markdown: { isTrusted: false, supportHtml: false },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue }),
        closed: (): CloseHandlerResult => {
          const again = !this.stopping && this.mayRestart();
          this.shown = null;
          if (!again && !this.stopping) this.failure = new NoServer('broken', server.path, 'it ended several times');
          this.changed.fire();
          if (!this.stopping) this.tellEnd(again);
          return { action: again ? CloseAction.Restart : CloseAction.DoNotRestart, handled: true };
        },
      },
    };
    const run = { command: server.path, args: ['lsp'], options: { env: { ...process.env, ...extraEnv } } };
    const client = new LanguageClient('waitline', 'Waitline', run, options);
    const decorations = configuration.get('annotations.renderer') !== 'inlayHint';
    client.registerFeature({
      fillClientCapabilities: (capabilities) => {
        capabilities.experimental = {
          commands: { commands: OWN_COMMANDS },
          decorations,
          hoverDialect: 'vscode',
          timeline: 'webview',
        };
      },
      initialize: () => {},
      getState: () => ({ kind: 'static' }),
      clear: () => {},
    });
    client.onNotification('waitline/didChangeState', (params: unknown) => this.told(params));
    client.onNotification('waitline/openTimeline', (p: unknown) => this.asked.fire({ open: true, what: revealOf(p) }));
    client.onNotification('waitline/reveal', (p: unknown) => this.asked.fire({ open: false, what: revealOf(p) }));
    client.onDidChangeState(({ newState }) => {
      this.changed.fire();
      // A server that came back knows nothing of the trace that was shown.
      if (newState === ClientState.Running && this.current === client && this.wished) {
        void this.load(this.wished).catch((error) => this.log.warn(`not loaded again: ${error}`));
      }
    });
    await client.start();
    return client;
  }

  private mayRestart(): boolean {
    const now = Date.now();
    this.ended.push(now);
    return this.ended.filter((at) => now - at < WITHIN_MS).length <= RESTARTS;
  }

  private tellEnd(again: boolean): void {
    const { l10n } = vscode;
    this.log.error(again ? 'the server ended and is started again' : 'the server ended too often');
    const log = l10n.t('Show Log');
    if (again) {
      // Said once: the second time within the session the log is enough.
      if (this.ended.length > 1) return;
      const text = l10n.t('The Waitline server ended unexpectedly. It was started again.');
      void vscode.window.showWarningMessage(text, log).then((chosen) => chosen && this.log.show());
      return;
    }
    const restart = l10n.t('Restart Server');
    const text = l10n.t('The Waitline server ended several times and is left alone.');
    void vscode.window.showErrorMessage(text, restart, log).then((chosen) => {
      if (chosen === restart) void this.restart();
      else if (chosen === log) this.log.show();
    });
  }

  /** Takes over what the server answered to somebody else's wish. */
  adopt(state: unknown): void {
    this.told(state);
  }

  /** What the server says is shown now. */
  private told(params: unknown): void {
    const state = stateOf(Array.isArray(params) ? params[0] : params);
    if (state === undefined) {
      this.log.warn('a state that cannot be understood was left out');
      return;
    }
    const again = state !== null && state.analysis === this.shown?.analysis;
    this.show(state);
    if (again) this.redrawn.fire();
  }

  private show(state: State | null): void {
    this.shown = state;
    if (state) this.wished = state.trace;
    this.changed.fire();
  }

  /** Asks the server, which must run. */
  async request<M extends keyof Requests>(
    method: M,
    params: Requests[M][0],
    token?: vscode.CancellationToken,
  ): Promise<Requests[M][1]> {
    return (await this.ask(method, params, token)) as Requests[M][1];
  }

  /** The same for what only pages ask: the answer is theirs to read. */
  async ask(method: string, params: unknown, token?: vscode.CancellationToken): Promise<unknown> {
    const client = this.current;
    if (!client?.isRunning()) throw new Error(vscode.l10n.t('The server does not run.'));
    // An undefined token would count as one more parameter.
    return token ? client.sendRequest(method, params, token) : client.sendRequest(method, params);
  }

  /** Loads a trace: a path on the machine of the server. */
  async load(trace: string): Promise<State> {
    this.wished = trace;
    this.share = 0;
    this.loads += 1;
    this.changed.fire();
    try {
      await this.start();
      const state = await this.request('waitline/load', { trace });
      this.show(state);
      return state;
    } catch (error) {
      if (this.shown) this.wished = this.shown.trace;
      throw error;
    } finally {
      this.loads -= 1;
      this.changed.fire();
    }
  }

  /** Shows a trace that is loaded already. */
  async activate(trace: string): Promise<void> {
    this.show(await this.request('waitline/activate', { trace }));
  }

  /** What is loaded, the one that is shown first. */
  async loaded(): Promise<State[]> {
    if (!this.shown) return [];
    return (await this.request('waitline/traces', {})).traces;
  }

  /** Takes one trace away that is not shown. */
  async drop(trace: string): Promise<void> {
    await this.request('waitline/unload', { trace });
    this.changed.fire();
  }

  async unload(): Promise<void> {
    this.wished = undefined;
    if (!this.current?.isRunning()) return;
    await this.request('waitline/unload', {});
    this.show(null);
  }

  /** The settings are other ones: the server asks for them. */
  async settingsChanged(): Promise<void> {
    if (!this.current?.isRunning()) return;
    const told = this.current.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await told.catch((error) => this.log.warn(`the server was not told of settings: ${error}`));
  }

  async setRange(range: { t0: number; t1: number } | undefined): Promise<void> {
    this.show(await this.request('waitline/setRange', range ?? {}));
  }

  /** Gives what the server says of it. */
  async setVerdict(params: Requests['waitline/setVerdict'][0]): Promise<string | undefined> {
    const state = await this.request('waitline/setVerdict', params);
    if (state) this.show(state);
    return state?.said;
  }

  async silence(params: Requests['waitline/silence'][0]): Promise<void> {
    const state = await this.request('waitline/silence', params);
    if (state) this.show(state);
  }

  /** Ends the server and starts it anew, with the trace that was shown. */
  async restart(): Promise<void> {
    const trace = this.wished;
    await this.stop();
    this.ended.length = 0;
    if (trace) await this.load(trace);
    else await this.start();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const client = this.current ?? (await this.starting?.catch(() => undefined));
    this.current = undefined;
    this.shown = null;
    // A server that hangs is not waited for.
    await client?.dispose(2000).catch((error) => this.log.warn(`the server did not end in good order: ${error}`));
    this.changed.fire();
  }

  dispose(): void {
    void this.stop();
    for (const emitter of [this.changed, this.redrawn, this.asked]) emitter.dispose();
  }
}
