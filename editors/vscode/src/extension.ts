// Puts the parts together. Starting costs little: the server, the search for traces and the client's
// library come when a Go file is open or something is asked for.

import * as vscode from 'vscode';
import { Annotations } from './annotations';
import { findingCommands, pageOf } from './commands/finding';
import { lineCommands } from './commands/line';
import { mapPathsCommand } from './commands/map-paths';
import { metricCommand } from './commands/metric';
import { recordCommands, recordings } from './commands/record';
import { serverCommands } from './commands/server';
import { traceCommands } from './commands/trace';
import { Discovery } from './discovery';
import { Drift } from './drift';
import { dropped } from './drop';
import { middleware } from './middleware';
import { Session } from './session';
import { Status } from './status';
import { Timelines } from './timeline/panel';
import { Goroutines } from './views/goroutines';
import { Hotspots } from './views/hotspots';
import { Traces } from './views/traces';

/** For tests, and for other extensions that want to ask the same server. */
export interface Api {
  session: Session;
}

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): Api {
  const { window, workspace, commands } = vscode;
  const log = window.createOutputChannel('Waitline', { log: true });
  const own = new Session(
    context,
    log,
    middleware(
      (uri, line, token) => own.request('waitline/site', { uri, line }, token),
      (percentage) => own.advance(percentage),
      (code) => pageOf(context.extensionUri, code),
    ),
  );
  session = own;
  const discovery = new Discovery(recordings(context));
  const annotations = new Annotations(own);
  const drift = new Drift(own, annotations.onDidChange);
  const timelines = new Timelines(context, own);
  const hotspots = new Hotspots(own, context.extensionUri);
  const goroutines = new Goroutines(own, context.extensionUri);
  const traces = new Traces(own, discovery, drift);
  const register = (name: string, run: (argument: unknown) => unknown) =>
    context.subscriptions.push(commands.registerCommand(name, guarded(log, run)));

  const wanted = context.extension.packageJSON.version as string;
  lineCommands(register, own, annotations, timelines.open);
  traceCommands(register, own, discovery, hotspots);
  serverCommands(register, own, wanted);
  recordCommands(register, context, own, discovery);
  mapPathsCommand(register, own);
  metricCommand(register);
  findingCommands(register, own, context.extensionUri);
  register('waitline.toggleAnnotations', () => annotations.toggle());

  const drops = dropped(own);

  let analysis: number | undefined;
  own.onDidChange(() => {
    contextKeys(own, discovery);
    if (own.state?.analysis === analysis) return;
    analysis = own.state?.analysis;
    annotations.refreshVisible();
    if (own.state) void context.workspaceState.update('lastTrace', own.state.trace);
  });
  own.onDidRedraw(() => {
    annotations.refreshVisible();
    hotspots.again();
  });
  discovery.onDidChange(() => contextKeys(own, discovery));

  context.subscriptions.push(
    log,
    own,
    discovery,
    annotations,
    drift,
    timelines,
    hotspots,
    goroutines,
    new Status(own, discovery, drift),
    hotspots.show('waitline.hotspots', drops.onViews),
    goroutines.show('waitline.goroutines', drops.onViews),
    window.createTreeView('waitline.traces', { treeDataProvider: traces, dragAndDropController: drops.onViews }),
    drops.intoCode,
    drops.asTab,
    workspace.onDidOpenTextDocument((document) => document.languageId === 'go' && void begin(own, discovery)),
    workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration('waitline')) return;
      if (event.affectsConfiguration('waitline.trace.globs')) void discovery.again();
      const anew = ['waitline.server', 'waitline.annotations.renderer'].some((key) => event.affectsConfiguration(key));
      if (!anew) void own.settingsChanged();
      else if (own.activity === 'ready' || own.problem) void commands.executeCommand('waitline.restartServer');
    }),
  );
  contextKeys(own, discovery);
  if (workspace.textDocuments.some((document) => document.languageId === 'go')) void begin(own, discovery);
  // Started by a trace in the folder: one that begins as such is worth the views, and no server yet.
  else if (workspace.getConfiguration('waitline').get('trace.autoLoad') !== 'off') void discovery.begin();
  return { session: own };
}

export function deactivate(): Promise<void> | undefined {
  return session?.stop();
}

let begun = false;

/** A Go file is open: traces are looked for, and the server starts if there is one. */
async function begin(own: Session, discovery: Discovery): Promise<void> {
  if (begun) return;
  begun = true;
  contextKeys(own, discovery);
  const configuration = vscode.workspace.getConfiguration('waitline');
  const autoLoad = configuration.get('trace.autoLoad');
  const named = configuration.get('trace.file', '');
  try {
    // The trace that the settings name, or the newest one, the server loads by itself.
    if (named) await own.start();
    if (autoLoad === 'off') return;
    await discovery.begin();
    if (discovery.found.length > 0) await own.start();
  } catch {
    // Nobody asked for anything yet: the status item and the view say that there is no server.
  }
}

function contextKeys(own: Session, discovery: Discovery): void {
  const set = (key: string, value: boolean) =>
    void vscode.commands.executeCommand('setContext', `waitline.${key}`, value);
  // A Go file is open, or was, or there is a trace: else the views are hidden.
  set('active', begun || own.state !== null || own.activity !== 'off' || discovery.found.length > 0);
  set('hasData', own.state !== null);
  set('hasFindings', (own.state?.findings ?? 0) > 0);
  set('hasRange', own.state?.range != null);
  set('loading', own.activity === 'loading');
  set('serverFailed', own.problem !== undefined);
  set('traceFound', discovery.found.length > 0);
}

/** What goes wrong in a command is said in a sentence, and the log has the rest. */
function guarded(log: vscode.LogOutputChannel, run: (argument: unknown) => unknown) {
  return async (argument: unknown): Promise<unknown> => {
    try {
      return await run(argument);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      log.error(error instanceof Error ? error : text);
      void vscode.window.showErrorMessage(vscode.l10n.t('Waitline: {0}', text));
      return undefined;
    }
  };
}
