// Records traces: of the test at the cursor, by a task that one sees, and of a running program.

import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { Discovery } from '../discovery';
import { goTestArguments, testAt } from '../go-test';
import { tell } from '../places';
import { hasCommand } from '../server';
import type { Session } from '../session';
import { load } from './trace';

type Register = (name: string, run: (argument: unknown) => unknown) => void;

/** How many recordings are kept; older ones go. */
const KEPT = 10;
const URL_KEY = 'recordUrl';
/** The longest recording that the server makes. */
const MOST_SECONDS = 600;

export function recordCommands(
  register: Register,
  context: vscode.ExtensionContext,
  session: Session,
  discovery: Discovery,
): void {
  const { l10n, window } = vscode;

  register('waitline.recordTest', async () => {
    const editor = window.activeTextEditor;
    if (!vscode.workspace.isTrusted) return tell(l10n.t('Recording runs a program: trust this folder first.'));
    if (editor?.document.languageId !== 'go') return;
    const test = testAt(editor.document.getText(), editor.selection.active.line);
    if (!test) return tell(l10n.t('Put the cursor into a test, a benchmark or a fuzz test.'));
    await editor.document.save();
    const trace = await newRecording(context, test.name);
    const task = await testTask(session, editor.document.uri, test, trace);
    await run(task);
    await showRecording(session, discovery, trace, l10n.t('The test wrote no trace. Its output says why.'));
  });

  register('waitline.recordUrl', async () => {
    if (!vscode.workspace.isTrusted) return tell(l10n.t('Recording asks a program: trust this folder first.'));
    const server = await session.find().catch(() => undefined);
    if (!server) {
      await session.start().catch(() => undefined);
      await vscode.commands.executeCommand('waitline.explainServer');
      return;
    }
    const url = await window.showInputBox({
      title: l10n.t('Record a trace of a running program'),
      prompt: l10n.t('The program must serve net/http/pprof.'),
      value: context.workspaceState.get(URL_KEY, 'http://localhost:6060/debug/pprof/trace'),
      validateInput: (text) => (isHttp(text) ? undefined : l10n.t('An http or https address')),
    });
    if (!url) return;
    const seconds = await window.showInputBox({
      title: l10n.t('How many seconds?'),
      prompt: l10n.t('A busy program writes 5 to 50 MB a second. The recording ends at 2 GiB.'),
      value: '5',
      validateInput: (text) =>
        /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_SECONDS
          ? undefined
          : l10n.t('A number from 1 to {0}', MOST_SECONDS),
    });
    if (!seconds) return;
    await context.workspaceState.update(URL_KEY, url);
    if (!(await hasCommand(server.path, ['record', 'url']))) {
      await window.showErrorMessage(
        l10n.t('{0} {1} cannot record yet. Install a newer waitline.', server.path, server.version),
      );
      return;
    }
    const trace = await newRecording(context, 'url');
    const why = await recordUrl(server.path, url, Number(seconds), trace);
    if (why !== undefined) {
      if (why) void window.showErrorMessage(l10n.t('Nothing was recorded: {0}', why));
      return;
    }
    await showRecording(session, discovery, trace, l10n.t('Nothing was recorded.'));
  });
}

async function testTask(
  session: Session,
  uri: vscode.Uri,
  test: { name: string; kind: 'test' | 'benchmark' },
  trace: string,
): Promise<vscode.Task> {
  const cwd = dirname(uri.fsPath);
  const server = await session.find().catch(() => undefined);
  const own = server && test.kind === 'test' && (await hasCommand(server.path, ['record', 'test']));
  const execution = own
    ? new vscode.ProcessExecution(server.path, ['record', 'test', '.', '--run', `^${test.name}$`, '-o', trace], { cwd })
    : new vscode.ProcessExecution('go', goTestArguments(test, trace, `${trace}.test`), { cwd });
  const folder = vscode.workspace.getWorkspaceFolder(uri) ?? vscode.TaskScope.Workspace;
  const name = vscode.l10n.t('Record {0}', test.name);
  const task = new vscode.Task({ type: 'waitline', test: test.name }, folder, name, 'Waitline', execution, []);
  task.presentationOptions = {
    reveal: vscode.TaskRevealKind.Always,
    panel: vscode.TaskPanelKind.Dedicated,
    clear: true,
  };
  return task;
}

/** Runs a task to its end. A test that fails has a trace all the same. */
async function run(task: vscode.Task): Promise<void> {
  const execution = await vscode.tasks.executeTask(task);
  await new Promise<void>((done) => {
    const subscription = vscode.tasks.onDidEndTask((event) => {
      if (event.execution !== execution) return;
      subscription.dispose();
      done();
    });
  });
}

async function showRecording(session: Session, discovery: Discovery, trace: string, otherwise: string): Promise<void> {
  await rm(`${trace}.test`, { force: true });
  const size = await stat(trace).then(
    (s) => s.size,
    () => 0,
  );
  if (size === 0) {
    void vscode.window.showErrorMessage(otherwise);
    return;
  }
  await load(session, trace);
  await discovery.again();
}

/** A path for a new recording; the oldest ones go. */
async function newRecording(context: vscode.ExtensionContext, name: string): Promise<string> {
  const dir = recordings(context).fsPath;
  await mkdir(dir, { recursive: true });
  const old = (await readdir(dir)).filter((f) => f.endsWith('.trace'));
  const aged = await Promise.all(
    old.map(async (file) => ({
      file,
      mtime: await stat(join(dir, file)).then(
        (s) => s.mtimeMs,
        () => 0,
      ),
    })),
  );
  aged.sort((a, b) => b.mtime - a.mtime);
  await Promise.all(aged.slice(KEPT - 1).map(({ file }) => rm(join(dir, file), { force: true })));
  const at = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return join(dir, `${name}-${at}.trace`);
}

/** Where recordings lie: beside the workspace's other data, not in its folder. */
export function recordings(context: vscode.ExtensionContext): vscode.Uri {
  return vscode.Uri.joinPath(context.storageUri ?? context.globalStorageUri, 'traces');
}

/** Records; undefined when it is done, else why not; empty when it was cancelled. */
async function recordUrl(program: string, url: string, seconds: number, trace: string): Promise<string | undefined> {
  const { l10n, window, ProgressLocation } = vscode;
  const options = {
    location: ProgressLocation.Notification,
    cancellable: true,
    title: l10n.t('Recording {0} s', seconds),
  };
  return window.withProgress(options, (progress, token) => {
    const child = spawn(program, ['record', 'url', url, '--seconds', String(seconds), '-o', trace], {
      windowsHide: true,
    });
    let text = '';
    child.stderr.on('data', (data) => {
      text = `${text}${data}`.slice(-2000);
    });
    const timer = setInterval(() => progress.report({ increment: 100 / seconds }), 1000);
    // As Ctrl+C: so the recording ends in the program, too.
    token.onCancellationRequested(() => child.kill('SIGINT'));
    return new Promise<string | undefined>((done) => {
      child.on('error', (error) => done(error.message));
      child.on('close', (code) => {
        clearInterval(timer);
        if (token.isCancellationRequested) void rm(trace, { force: true }).then(() => done(''));
        else done(code === 0 ? undefined : text.trim().split('\n').at(-1) || `${program}: ${code}`);
      });
    });
  });
}

function isHttp(text: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}
