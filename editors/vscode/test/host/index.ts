// Runs inside the extension host: commands, documents and settings, by the API that extensions use.
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { format } from 'node:util';
import Mocha from 'mocha';
import * as vscode from 'vscode';
import { LanguageClient } from 'vscode-languageclient/node';
import type { Api } from '../../src/extension';
import { LINKED } from '../../src/protocol';

const { commands, languages, window, workspace } = vscode;
const PATIENCE = 15_000;

async function until<T>(what: string, ask: () => T | undefined | PromiseLike<T | undefined>): Promise<NonNullable<T>> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await new Promise((r) => setTimeout(r, 50))) {
    const value = await ask();
    if (value) return value;
  }
  throw new Error(`waited in vain: ${what}`);
}

export async function run(): Promise<void> {
  const log = console.log;
  Mocha.reporters.Base.consoleLog = (...args: unknown[]) => {
    for (const line of format(...args).split('\n')) log(`@test ${line}`);
  };
  const mocha = new Mocha({ ui: 'bdd', timeout: 30_000, reporter: 'spec', color: false });
  mocha.suite.emit('pre-require', globalThis, '', mocha); // defines describe and it
  define();
  const failures = await new Promise<number>((done) => mocha.run(done));
  if (failures) throw new Error(`${failures} failed`);
}

function define() {
  let api: Api;
  let root: vscode.Uri;
  let db: vscode.Uri;
  let trace: vscode.Uri;
  const file = (path: string) => vscode.Uri.joinPath(root, path);
  const set = (key: string, value: unknown) =>
    workspace.getConfiguration('waitline').update(key, value, vscode.ConfigurationTarget.Workspace);
  const load = async () => {
    await commands.executeCommand('waitline.loadThis', trace);
    return until('the trace', () => (api.session.state?.trace === trace.fsPath ? api.session.state : undefined));
  };
  const lenses = async (uri: vscode.Uri) =>
    (await commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 100)) ?? [];
  const found = (uri: vscode.Uri) => languages.getDiagnostics(uri).filter((d) => d.source === 'waitline');

  before(async () => {
    const [folder] = workspace.workspaceFolders ?? [];
    ok(folder, 'a folder is open');
    root = folder.uri;
    db = file('webmix/db.go');
    trace = file('webmix.trace');
    const extension = vscode.extensions.getExtension<Api>('waitline.waitline');
    ok(extension, 'the extension is known');
    // The folder has a trace: the views are there, and nothing else.
    api = await extension.activate();
    await new Promise((r) => setTimeout(r, 1000));
    strictEqual(api.session.activity, 'off', 'no server runs before a Go file is open');
    await window.showTextDocument(db);
  });

  describe('commands', () => {
    it('are those of package.json, all of them and no others that one could see', async () => {
      const { contributes } = vscode.extensions.getExtension('waitline.waitline')?.packageJSON ?? {};
      const named: string[] = contributes.commands.map((c: { command: string }) => c.command);
      const all = new Set(await commands.getCommands(true));
      deepStrictEqual(
        named.filter((c) => !all.has(c)),
        [],
      );
      for (const { key, command } of contributes.keybindings) ok(named.includes(command), key);
    });

    it('check what they are given', async () => {
      const before = window.activeTextEditor?.document.uri.toString();
      for (const argument of [
        undefined,
        null,
        7,
        {},
        { uri: 'command:x', line: 1 },
        { uri: db.toString(), line: -1 },
        { uri: 'https://x/y', line: 0 },
      ]) {
        for (const name of [
          'waitline.go',
          'waitline.evidence',
          'waitline.explain',
          'waitline.openLine',
          'waitline.setVerdict',
          'waitline.silence',
        ]) {
          strictEqual(await commands.executeCommand(name, argument), undefined, name);
        }
      }
      for (const argument of [7, {}, '../../package', 'a/b', 'no-such-finding'])
        await commands.executeCommand('waitline.explainFinding', argument);
      strictEqual(window.activeTextEditor?.document.uri.toString(), before);
      ok(!existsSync(file('.waitline.toml').fsPath));
    });
  });

  describe('a trace', () => {
    it('is loaded by a path, with lenses that lead on, problems and a state', async () => {
      const state = await load();
      match(state.summary, /^webmix\.trace · 85\.7 ms · Go 1\.26/);
      const list = await until('lenses', async () => ((await lenses(db)).length > 3 ? lenses(db) : undefined));
      const lens = list.find((l) => l.command?.title.startsWith('444 ms waiting · 974×'));
      strictEqual(lens?.range.start.line, 68);
      strictEqual(lens?.command?.command, 'waitline.evidence');
      const [problem] = await until('problems', () => (found(db).length ? found(db) : undefined));
      const { code } = problem ?? {};
      ok(typeof code === 'object', 'the code is a link');
      strictEqual(code.value, 'slots-exhausted');
      match(readFileSync(code.target.fsPath, 'utf8'), /^# slots-exhausted\n/);
      strictEqual(problem?.range.start.line, 69);
      ok((problem?.relatedInformation?.length ?? 0) >= 2);
    });

    it('gives hovers whose links may run the fixed commands only, and whose text may run none', async () => {
      const at = new vscode.Position(69, 2);
      const hovers = await commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', db, at);
      const parts = hovers
        .flatMap((h) => h.contents as vscode.MarkdownString[])
        .filter((c) => c instanceof vscode.MarkdownString);
      const text = parts.find((p) => p.value.includes('Waiting here'));
      ok(text, 'evidence');
      ok(!text.isTrusted && !text.supportHtml);
      const links = parts.find((p) => p.value.includes('command:'));
      ok(links && typeof links.isTrusted === 'object');
      deepStrictEqual([...links.isTrusted.enabledCommands], [...LINKED]);
      for (const [, command, argument] of links.value.matchAll(/\(command:([\w.]+)\?([^)]*)\)/g)) {
        ok((LINKED as readonly string[]).includes(command ?? ''), command);
        deepStrictEqual(JSON.parse(decodeURIComponent(argument ?? '')), [{ uri: db.toString(), line: 69 }]);
      }
      ok(!parts.some((p) => /\*\*slots-exhausted\*\*/.test(p.value)), 'the finding is told once, as a problem');
    });

    it('is narrowed to a range and back', async () => {
      await api.session.setRange({ t0: 10e6, t1: 30e6 });
      deepStrictEqual(api.session.state?.range, { t0: 10e6, t1: 30e6 });
      await until(
        'lenses of the range',
        async () => (await lenses(db)).some((l) => l.command?.title.startsWith('◔')) || undefined,
      );
      await commands.executeCommand('waitline.clearRange');
      strictEqual(api.session.state?.range, null);
    });

    it('follows edits that are not saved', async () => {
      const document = await workspace.openTextDocument(db);
      const edit = new vscode.WorkspaceEdit();
      edit.insert(db, new vscode.Position(0, 0), '// one\n// two\n');
      await workspace.applyEdit(edit);
      const answer = await until('the figure below', async () => {
        const costs = await api.session.request('waitline/lineCosts', { uri: db.toString() });
        return costs?.lines.find((l) => l.line === 71)?.text.startsWith('~ chan 444 ms') ? costs : undefined;
      });
      ok(answer);
      await until('the problem below', () => found(db).some((d) => d.range.start.line === 71) || undefined);
      await window.showTextDocument(document);
      await commands.executeCommand('undo');
      await until('the problem where it was', () => found(db).some((d) => d.range.start.line === 69) || undefined);
      await commands.executeCommand('workbench.action.files.revert');
    });

    it('leads on, by quick fixes: what it means, and who gave back', async () => {
      const range = found(db)[0]?.range;
      ok(range);
      const actions = await commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', db, range);
      const run = async (title: string) => {
        const command = actions.find((a) => a.title === title)?.command;
        ok(command, actions.map((a) => a.title).join());
        await commands.executeCommand(command.command, ...(command.arguments ?? []));
      };
      await run('Go to db.go:72: goroutine 308 ended it here');
      strictEqual(window.activeTextEditor?.selection.active.line, 71);
      await run('What slots-exhausted means');
      const isPage = () => window.tabGroups.activeTabGroup.activeTab?.label.startsWith('slots-exhausted');
      await until('the page', () => isPage() || undefined);
      await commands.executeCommand('workbench.action.closeActiveEditor');
    });

    it('keeps a person’s word, by a quick fix', async () => {
      const range = found(db)[0]?.range;
      ok(range);
      const actions = await commands.executeCommand<vscode.CodeAction[]>('vscode.executeCodeActionProvider', db, range);
      const silence = actions.find((a) => a.title === 'Silence slots-exhausted in this workspace');
      ok(silence?.command, actions.map((a) => a.title).join());
      await commands.executeCommand(silence.command.command, ...(silence.command.arguments ?? []));
      await until('no problem', () => found(db).length === 0 || undefined);
      match(readFileSync(file('.waitline.toml').fsPath, 'utf8'), /slots-exhausted/);
      rmSync(file('.waitline.toml').fsPath);
      await load();
      await until('the problem again', () => found(db).length > 0 || undefined);
    });

    it('goes away when it is unloaded', async () => {
      await commands.executeCommand('waitline.unloadTrace');
      strictEqual(api.session.state, null);
      await until('no problems', () => found(db).length === 0 || undefined);
      await until('no lenses', async () => (await lenses(db)).length === 0 || undefined);
      await load();
    });
  });

  describe('settings', () => {
    it('turn lenses off', async () => {
      await set('codeLens.enable', false);
      deepStrictEqual(await lenses(db), []);
      await set('codeLens.enable', undefined);
    });

    it('show hints in place of decorations, with the trace that was shown', async () => {
      const all = new vscode.Range(0, 0, 200, 0);
      const hints = () => commands.executeCommand<vscode.InlayHint[]>('vscode.executeInlayHintProvider', db, all);
      deepStrictEqual((await hints()) ?? [], []);
      await set('annotations.renderer', 'inlayHint');
      const list = await until('hints', async () => ((await hints())?.length ? hints() : undefined));
      ok(
        list.some((h) => h.label === 'chan 444 ms · 974×'),
        JSON.stringify(list.map((h) => h.label)),
      );
      await set('annotations.renderer', undefined);
      await until('no hints', async () => !(await hints())?.length || undefined);
      await until('the trace', () => api.session.state ?? undefined);
    });
  });

  describe('a file named trace.out', () => {
    const tab = () => window.tabGroups.activeTabGroup.activeTab?.input;
    it('opens as a timeline, and is loaded', async () => {
      const uri = file('traces/trace.out');
      await commands.executeCommand('vscode.open', uri);
      await until('the editor', () => tab() instanceof vscode.TabInputCustom || undefined);
      strictEqual((tab() as vscode.TabInputCustom).viewType, 'waitline.trace');
      await until('the trace', () => api.session.state?.trace === uri.fsPath || undefined);
      await commands.executeCommand('workbench.action.closeActiveEditor');
      await load();
    });

    it('is left alone when it is something else', async () => {
      await commands.executeCommand('vscode.open', file('other/trace.out'));
      await until('the editor', () => tab() instanceof vscode.TabInputCustom || undefined);
      await new Promise((r) => setTimeout(r, 300));
      strictEqual(api.session.state?.trace, trace.fsPath);
      await commands.executeCommand('workbench.action.closeActiveEditor');
    });
  });

  describe('recording', () => {
    it('runs the test at the cursor and shows its trace', async function () {
      if (!has('go')) return this.skip();
      this.timeout(120_000);
      const editor = await window.showTextDocument(file('recorded/wait_test.go'));
      editor.selection = new vscode.Selection(12, 0, 12, 0);
      await commands.executeCommand('waitline.recordTest');
      match(api.session.state?.trace ?? '', /traces\/TestWaits-[\d-]+\.trace$/);
      const costs = await api.session.request('waitline/lineCosts', { uri: editor.document.uri.toString() });
      ok(
        costs?.lines.some((l) => l.line === 15 && l.text.startsWith('lock ')),
        JSON.stringify(costs),
      );
      ok(!existsSync(file('recorded/recorded.test').fsPath), 'no binary is left behind');
      await load();
    });
  });

  // A stand-in for the Go extension: the same server, started by the test. Needs GOPLS (path) and go.
  describe('beside gopls', () => {
    it('takes nothing of its away and doubles nothing', async function () {
      if (!process.env.GOPLS) return this.skip();
      this.timeout(120_000);
      const main = file('recorded/wait_test.go');
      await window.showTextDocument(main);
      const at = new vscode.Position(10, 5); // wg
      const ask = async () => ({
        definition: await commands.executeCommand<unknown[]>('vscode.executeDefinitionProvider', main, at),
        references: await commands.executeCommand<unknown[]>('vscode.executeReferenceProvider', main, at),
        symbols: await commands.executeCommand<unknown[]>('vscode.executeDocumentSymbolProvider', main),
      });
      const alone = await ask();
      deepStrictEqual([alone.definition, alone.references], [[], []], 'Waitline answers nothing of gopls’s');
      const gopls = new LanguageClient(
        'gopls',
        'gopls',
        { command: process.env.GOPLS },
        {
          documentSelector: [{ scheme: 'file', language: 'go' }],
        },
      );
      await gopls.start();
      try {
        const both = await until('answers of gopls', async () => {
          const answers = await ask();
          return answers.definition.length && answers.references.length > 2 && answers.symbols?.length
            ? answers
            : undefined;
        });
        strictEqual(both.definition.length, 1);
        const hovers = await until('hovers of both', async () => {
          const list = await commands.executeCommand<vscode.Hover[]>(
            'vscode.executeHoverProvider',
            db,
            new vscode.Position(79, 20),
          );
          return list.length === 2 ? list : undefined;
        });
        const texts = hovers.map((h) => (h.contents as vscode.MarkdownString[]).map((c) => c.value).join('\n'));
        ok(
          texts.some((t) => t.includes('func fmt.Fprintln')),
          texts.join('\n--\n'),
        );
        ok(
          texts.some((t) => t.includes('syscall')),
          texts.join('\n--\n'),
        );
        strictEqual((await lenses(db)).filter((l) => l.command?.title.startsWith('444 ms waiting · 974×')).length, 1);
        strictEqual(found(db).length, 1);
      } finally {
        await gopls.dispose(20_000);
      }
    });
  });
}

function has(program: string): boolean {
  try {
    execFileSync(program, ['version']);
    return true;
  } catch {
    return false;
  }
}
