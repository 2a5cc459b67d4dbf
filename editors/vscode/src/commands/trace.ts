// Which trace is shown, and which part of it.

import * as vscode from 'vscode';
import type { Discovery } from '../discovery';
import { tell } from '../places';
import type { State } from '../protocol';
import type { Session } from '../session';
import { duration, fileName, parseRange } from '../units';
import type { Grouping, Hotspots } from '../views/hotspots';
import { folderName } from '../views/traces';

/** What records a program from within; welcome contents show it, too. */
const GO_LINE = 'f, _ := os.Create("trace.out"); trace.Start(f); defer trace.Stop()';

type Register = (name: string, run: (argument: unknown, all?: unknown) => unknown) => void;

/** Loads a trace; what keeps it from being shown is said, with what one can do. */
export async function load(session: Session, path: string): Promise<boolean> {
  const { l10n, window, commands } = vscode;
  try {
    await session.load(path);
    return true;
  } catch (error) {
    if (session.problem) {
      await commands.executeCommand('waitline.explainServer');
      return false;
    }
    const told = error instanceof Error ? error.message : String(error);
    const text = told.startsWith(`${path}: `) ? told.slice(path.length + 2) : told;
    // Somebody chose another one meanwhile, or did not want to wait: no news.
    if (/cancelled|meanwhile/.test(text)) return false;
    session.log.warn(`${path}: ${text}`);
    const other = l10n.t('Load Another…');
    const chosen = await window.showErrorMessage(l10n.t('{0} is not shown: {1}', fileName(path), text), other);
    if (chosen === other) await commands.executeCommand('waitline.loadTrace');
    return false;
  }
}

export function traceCommands(register: Register, session: Session, discovery: Discovery, hotspots: Hotspots): void {
  const { l10n, window, commands } = vscode;

  register('waitline.loadTrace', async () => {
    await discovery.again();
    const browse = l10n.t('Browse…');
    const items: (vscode.QuickPickItem & { uri?: vscode.Uri })[] = discovery.found.map(({ uri, mtime }) => ({
      label: fileName(uri.path),
      description: folderName(uri),
      detail: new Date(mtime).toLocaleString(),
      uri,
    }));
    let uri: vscode.Uri | undefined;
    if (items.length > 0) {
      items.push({ label: browse, alwaysShow: true });
      const title = l10n.t('Load a Go execution trace');
      const chosen = await window.showQuickPick(items, { title, matchOnDescription: true });
      if (!chosen) return;
      uri = chosen.uri;
    }
    if (!uri) {
      const openLabel = l10n.t('Load Trace');
      [uri] =
        (await window.showOpenDialog({ openLabel, canSelectMany: false, title: l10n.t('A Go execution trace') })) ?? [];
    }
    if (uri) await load(session, uri.fsPath);
  });

  register('waitline.loadLatest', async () => {
    await discovery.again();
    const [newest] = discovery.found;
    if (newest) return load(session, newest.uri.fsPath);
    tell(l10n.t('This folder has no trace.'));
    return commands.executeCommand('waitline.loadTrace');
  });

  register('waitline.loadThis', (argument) => {
    const uri =
      argument instanceof vscode.Uri ? argument : (argument as { found?: { uri: vscode.Uri } } | undefined)?.found?.uri;
    if (uri?.scheme !== 'file') return;
    return load(session, uri.fsPath);
  });

  register('waitline.unloadTrace', () => session.unload());
  // From the view of traces: one that is loaded, and not shown.
  const other = (node: unknown) => (node as { is?: string; state?: State } | undefined)?.state?.trace;
  register('waitline.activateTrace', async (node) => {
    const trace = other(node);
    if (trace) await session.activate(trace);
  });
  register('waitline.dropTrace', async (node) => {
    const trace = other(node);
    if (trace) await session.drop(trace);
  });
  register('waitline.showHotspots', () => commands.executeCommand('waitline.hotspots.focus'));

  register('waitline.groupHotspots', async () => {
    const items: (vscode.QuickPickItem & { by: Grouping })[] = [
      { label: l10n.t('Function'), by: 'function' },
      { label: l10n.t('File'), by: 'file' },
      { label: l10n.t('Package'), by: 'package' },
      { label: l10n.t('Cause'), by: 'cause' },
    ];
    for (const item of items) if (item.by === hotspots.grouping) item.description = l10n.t('now');
    const chosen = await window.showQuickPick(items, { title: l10n.t('Group hotspots by') });
    if (chosen) hotspots.groupBy(chosen.by);
  });

  register('waitline.filterHotspots', async () => {
    const text = await window.showInputBox({
      title: l10n.t('Filter hotspots'),
      prompt: l10n.t('Part of a function, a file, a line of code or a cause. Empty shows all.'),
      value: hotspots.filter,
    });
    if (text !== undefined) hotspots.filterBy(text);
  });
  register('waitline.clearFilter', () => hotspots.filterBy(''));

  register('waitline.setRange', async () => {
    const { state } = session;
    if (!state) return;
    const text = await window.showInputBox({
      title: l10n.t('Time range'),
      prompt: l10n.t('All figures narrow to this time. The trace lasts {0}.', duration(state.duration)),
      placeHolder: '12.5ms-30ms',
      value: state.range ? `${state.range.t0 / 1e6}-${state.range.t1 / 1e6}ms` : '',
      validateInput: (value) => {
        const range = parseRange(value);
        if (!range) return l10n.t('From and to, as in 12.5ms-30ms');
        return range.t0 < range.t1 ? undefined : l10n.t('It ends before it begins.');
      },
    });
    const range = text === undefined ? undefined : parseRange(text);
    if (range) await session.setRange(range);
  });
  register('waitline.clearRange', () => session.setRange(undefined));
  register('waitline.copyGoLine', async () => {
    await vscode.env.clipboard.writeText(GO_LINE);
    tell(l10n.t('Copied. It goes to the beginning of main, with the imports os and runtime/trace.'));
  });
}
