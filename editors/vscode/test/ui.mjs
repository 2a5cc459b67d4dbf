// The packaged extension in a real workbench: what a person sees and clicks.
//   node test/ui.mjs [STEP...]   with the packages of `npm run package` in out/
import { deepStrictEqual, ok } from 'node:assert';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { out, project, serverProgram, start, testdata } from './code-server.mjs';
import { Workbench } from './workbench.mjs';

const { version } = JSON.parse(await readFile(join(out, '../package.json'), 'utf8'));
const bundled = (await readdir(out)).find((f) => f.endsWith(`-${version}.vsix`) && !f.includes('universal'));
const universal = join(out, `waitline-universal-${version}.vsix`);
const shots = process.env.WAITLINE_SHOTS;
// biome-ignore lint/suspicious/noTemplateCurlyInString: as settings name it
const FOLDER = '${workspaceFolder}';

const scenarios = {
  /** From the installed extension to the line that costs most, and what follows from there. */
  async first() {
    const vscode = await start({ vsix: join(out, bundled) });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'));
      await w.open(dir);
      await w.openFile('db.go');
      w.step('installed, folder and file open');

      await w.view('Waitline');
      await w.seen(w.sidebar('.welcome-view-content', 'This folder has a trace.'));
      await w.shot('welcome');
      const asked = Date.now();
      await w
        .sidebar('.welcome-view-content a, .welcome-view-content .monaco-button', 'Load Latest Trace')
        .first()
        .click();
      await w.figure('idle 85.7 ms · 1 goroutine', 'c, err := l.Accept()');
      w.step(`trace loaded, figure at the line's end (${Date.now() - asked} ms after the click)`);
      await w.goto(70);
      await w.figure('chan 444 ms · 974× · p99 1.25 ms', 'select {');
      await w.seen(w.lens(/444 ms waiting · 974×/));
      w.step('lens above the function');
      await w.seen(w.row('(*client).step'));
      await w.seen(w.row('(*pool).query'));
      w.step('hotspots by function');
      await w.seen(w.page.locator('.part.editor .squiggly-info'));
      await w.shot('editor');

      await w.hover('select', 'select {', 'Waiting here');
      await w.seen(w.page.locator('.monaco-hover:not(.hidden) a', { hasText: 'Copy evidence' }));
      ok(!(await w.page.locator('.monaco-hover:not(.hidden)', { hasText: 'command:' }).count()), 'links are links');
      w.step('hover with evidence and links');
      await w.shot('hover');
      await w.page.keyboard.press('Escape');

      await w.palette('Problems: Focus on Problems View');
      await w.seen(w.page.locator('.markers-panel .monaco-list-row', { hasText: 'slots-exhausted' }));
      w.step('finding among the problems');
      await w.palette('View: Close Panel', 'View: Hide Panel');

      await w.row('25 chan').first().click();
      await w.at('Ln 25');
      w.step('hotspot leads to its line');
      await w.palette('Waitline: Go to Next Hot Line');
      await w.at('Ln 27');
      w.step('next hot line');

      await w.openFile('db.go');
      await w.goto(70);
      await w.palette('Waitline: Go to Waker');
      await w.at('Ln 72');
      w.step('waker of the line');
      await w.goto(70);
      await w.palette('Waitline: Copy Evidence');
      const text = await w.clipboard();
      ok(
        /### `webmix\/db.go:70`/.test(text) && /slots-exhausted/.test(text) && /main\.\(\*pool\)\.query/.test(text),
        text,
      );
      w.step('evidence copied');

      await w.page.waitForTimeout(700); // lenses are drawn anew after a jump
      await w
        .lens(/444 ms waiting/)
        .first()
        .click();
      await w.seen(w.page.locator('.monaco-hover:not(.hidden)', { hasText: 'Waiting here' }));
      await w.at('Ln 70');
      w.step('lens leads to the evidence');
      await w.page.keyboard.press('Escape');

      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** Edits, a range, another trace in the same file, a server that dies, other themes. */
  async live() {
    const vscode = await start({ vsix: join(out, bundled) });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'));
      await w.open(dir);
      await w.openFile('db.go');
      await w.palette('Waitline: Load Latest Trace');
      await w.goto(70);
      await w.figure('chan 444 ms · 974×', 'select {');

      // An edit above moves the figure, one in the line takes it away, undo brings it back.
      await w.goto(68);
      await w.page.keyboard.press('Home');
      await w.page.keyboard.type('// more\n');
      await w.figure('chan 444 ms', 'select {');
      await w.goto(71);
      await w.page.keyboard.press('End');
      await w.page.keyboard.type(' x()');
      await w.figure('? chan 444 ms', 'select {');
      w.step('an edit moves the figure, one in its line makes it doubtful');
      for (let i = 0; i < 12 && (await w.figures()).some((f) => f.text.startsWith('?')); i += 1) {
        await w.page.keyboard.press('Control+Z');
        await w.page.waitForTimeout(300);
      }
      await w.figure('chan 444 ms');
      w.step('undo brings it back');

      await w.goto(70);
      await w.palette('Waitline: Set Time Range…');
      await w.answer('10ms-30ms');
      await w.figure('◔ chan');
      await w.seen(w.lens(/^◔ /));
      w.step('time range');
      await w.shot('range');
      await w.palette('Waitline: Clear Time Range');
      await w.figure('chan 444 ms · 974×');

      // The trace is written again: the figures follow.
      await copyFile(join(testdata, 'traces/g126/annot.trace'), join(dir, 'webmix.trace'));
      await w.noFigure('chan 444 ms');
      await copyFile(join(testdata, 'traces/g126/webmix.trace'), join(dir, 'webmix.trace'));
      await w.figure('chan 444 ms · 974×');
      w.step('trace rewritten, figures followed');

      // A server that dies is started again with the trace, and that is said once.
      for (let i = 0; i < 2; i += 1) {
        const killed = await w.killServer();
        ok(killed > 0, 'a server ran');
        await w.serverOtherThan(killed);
        await w.figure('chan 444 ms · 974×');
        await w.hover('select', 'select {', 'Waiting here');
        await w.page.keyboard.press('Escape');
      }
      await w.palette('Notifications: Show Notifications');
      const told = await w.page.locator('.notification-list-item', { hasText: 'ended unexpectedly' }).count();
      deepStrictEqual(told, 1);
      w.step('server killed twice, restarted with its trace, said once');
      await w.shot('killed');
      await w.palette('Notifications: Clear All Notifications');

      for (const [theme, name] of [
        ['Light Modern', 'light'],
        ['Dark High Contrast', 'contrast'],
        ['Dark Modern', 'dark'],
      ]) {
        await w.theme(theme);
        await w.figure('chan 444 ms · 974×');
        await w.goto(70);
        await w.hover('select', 'select {', 'Waiting here');
        await w.shot(`editor-${name}`);
        await w.page.keyboard.press('Escape');
      }
      w.step('three themes');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** Nothing to show: no trace, a broken one, no server, one of another version. */
  async nothing() {
    const vscode = await start({ vsix: universal });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'), { trace: null, programs: ['webmix', 'annot'] });
      await w.open(dir);
      await w.openFile('db.go');
      await w.view('Waitline');
      await w.seen(w.sidebar('.welcome-view-content', 'No trace. Load a trace to see where this program waits.'));
      await w.seen(w.sidebar('.welcome-view-content', 'go test -trace trace.out'));
      const commands = (await w.listed('Waitline: ')).filter((c) => !c.includes('View'));
      deepStrictEqual(commands.sort(), [
        'Waitline: Get Started',
        'Waitline: Load Trace…',
        'Waitline: Record Trace from Running Program…',
        'Waitline: Restart Server',
        'Waitline: Show Log',
      ]);
      w.step('no trace: what to do, and no command that cannot work');
      await w.shot('no-trace');

      await copyFile(join(testdata, 'traces/g126/webmix.trace'), join(dir, 'late.trace'));
      await w.palette('Waitline: Load Latest Trace');
      await w.seen(w.page.locator('.notification-list-item', { hasText: 'The program waitline was not found' }));
      await w.seen(w.sidebar('.welcome-view-content', 'The server does not run.'));
      w.step('no server: what to do');
      await w.shot('no-server');
      await w.palette('Notifications: Clear All Notifications');
      const machine = join(vscode.dir, 'user/Machine/settings.json');
      const other = join(vscode.dir, 'other-waitline');
      await writeFile(other, '#!/bin/sh\necho waitline 7.0.0\n', { mode: 0o755 });
      await writeFile(machine, JSON.stringify({ 'waitline.server.path': other }));
      await w.seen(w.page.locator('.notification-list-item', { hasText: 'is waitline 7.0.0, which does not go with' }));
      w.step('a server of another version: refused, with what to do');
      await w.palette('Notifications: Clear All Notifications');
      await writeFile(machine, JSON.stringify({ 'waitline.server.path': serverProgram }));
      await w.until('the server', () => w.server());
      w.step('the setting corrected: the server starts');

      const whole = await readFile(join(testdata, 'traces/g126/webmix.trace'));
      await writeFile(join(dir, 'cut.trace'), whole.subarray(0, 40));
      await w.palette('Waitline: Load Trace…');
      await w.choose('cut.trace');
      await w.seen(w.page.locator('.notification-list-item', { hasText: 'cut.trace is not shown' }));
      w.step('a broken trace: said why');
      await w.shot('broken');
      await w.palette('Notifications: Clear All Notifications');
      await copyFile(join(testdata, 'traces/broken/g126-cut-last.trace'), join(dir, 'part.trace'));
      await w.palette('Waitline: Load Trace…');
      await w.choose('part.trace');
      await w.openFile('annot/main.go');
      await w.goto(41);
      await w.figure('sleep ≈ 38.8 ms');
      await w.seen(w.row('Partial'));
      await w.shot('partial');
      w.step('half a trace: shown as such');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** A folder that is not trusted: a trace is shown, and nothing of the folder is run. */
  async untrusted() {
    const vscode = await start({
      vsix: join(out, bundled),
      trust: false,
      settings: { 'security.workspace.trust.startupPrompt': 'never' },
    });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'));
      const own = join(dir, 'waitline');
      await writeFile(own, `#!/bin/sh\ntouch ${join(dir, 'was-run')}\necho waitline 0.1.0\n`, { mode: 0o755 });
      await mkdir(join(dir, '.vscode'));
      await writeFile(join(dir, '.vscode/settings.json'), JSON.stringify({ 'waitline.server.path': own }));
      await w.open(dir);
      await w.seen(w.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }));
      await w.openFile('db.go');
      await w.palette('Waitline: Load Latest Trace');
      await w.goto(70);
      await w.figure('chan 444 ms · 974×', 'select {');
      ok(
        !(await w.listed('Waitline: Record Trace')).some((c) => c.startsWith('Waitline: Record')),
        'nothing to record with',
      );
      ok(!(await readdir(dir)).includes('was-run'), 'the program that the folder names was not run');
      w.step('untrusted: the trace is shown by the bundled server, nothing is recorded');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** The timeline beside the code, both ways, and as the editor of a trace. */
  async timeline() {
    const vscode = await start({ vsix: join(out, bundled), viewport: { width: 1680, height: 900 } });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'));
      await w.open(dir);
      await w.openFile('db.go');
      await w.palette('Waitline: Load Latest Trace');
      await w.goto(70);
      await w.figure('chan 444 ms · 974×', 'select {');

      await w.palette('Waitline: Go to Longest Wait');
      const page = w.webview();
      await w.seen(page.locator('.lanes, .field canvas'));
      await w.seen(page.getByText('1.93 ms').first());
      await w.at('Ln 70');
      w.step('the longest wait of the line, on the timeline');
      await w.shot('timeline');

      // Code to the page: the cursor elsewhere marks that line's waits; the page to code: a click.
      await w.seen(page.locator('.panel .link', { hasText: 'db.go:72' }));
      await page.locator('.panel .link', { hasText: 'db.go:72' }).first().click();
      await w.seen(w.page.locator('.part.editor .active-line-number', { hasText: /^72$/ }));
      w.step('a place in the panel leads to the code');

      await w.page.locator('.tab', { hasText: 'db.go' }).first().click();
      await w.goto(83);
      await w.seen(page.locator('.overview-label', { hasText: 'db.go:83' }));
      w.step('the line of the cursor is marked on the timeline');

      // A click on a slice shows its line beside, and the timeline keeps the focus.
      const lane = page.locator('.label.lane', { hasText: /^G33/ }).first();
      const [row, field] = [await lane.boundingBox(), await page.locator('.field').boundingBox()];
      await w.page.mouse.click(field.x + field.width / 2, row.y + row.height / 2);
      await w.seen(w.page.locator('.tab', { hasText: 'client.go' }));
      await w.seen(w.page.locator('.part.editor .active-line-number'));
      ok(await w.page.evaluate(() => document.activeElement?.tagName === 'IFRAME'), 'the focus stays on the timeline');
      w.step('a click on a slice shows its line');

      await w.page.mouse.move(field.x + 60, field.y + 10);
      await w.page.mouse.down();
      await w.page.mouse.move(field.x + 300, field.y + 10, { steps: 6 });
      await w.page.mouse.up();
      await w.figure('◔ ');
      w.step('a range drawn on the timeline narrows the figures in the source');
      await w.shot('timeline-range');
      // Esc lets go of one thing after the other: the selection, then the range.
      await w.until('the whole trace', async () => {
        if (!(await w.figures()).some((f) => f.text.startsWith('◔'))) return true;
        await w.page.keyboard.press('Escape');
        await w.page.waitForTimeout(500);
        return false;
      });
      await w.page.locator('.tab', { hasText: 'db.go' }).first().click();
      await w.goto(70);
      await w.palette('Waitline: Go to Longest Wait');
      await w.seen(page.getByText('1.93 ms').first());

      // A window in the browser keeps its state now and then, and here it ends without a word.
      await w.page.waitForTimeout(8000);
      const view = () =>
        w
          .webview()
          .locator('body')
          .evaluate(() => ({ ...window.waitlineProbe.app.view }));
      const before = await view();
      ok(before.t0 > 16e6 && before.t1 < 19e6, JSON.stringify(before));
      await w.page.reload();
      await w.seen(w.webview().locator('.field canvas'));
      await w.until('the view before the restart', async () => (await view()).t0 === before.t0);
      await w.figure('chan 444 ms · 974×', 'select {');
      w.step('after a restart of the window the trace and the view of the timeline are there again');

      await copyFile(join(testdata, 'traces/g126/webmix.trace'), join(dir, 'trace.out'));
      await w.openFile('trace.out');
      await w.seen(w.webview('last').locator('.field canvas'));
      w.step('a file named trace.out opens as a timeline');
      await w.shot('trace-editor');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** The oldest VS Code that is supported: install, first figure, timeline. The server is found on PATH. */
  async oldest() {
    const bin = await mkdtemp(join(tmpdir(), 'waitline-bin-'));
    await symlink(serverProgram, join(bin, 'waitline'));
    const vscode = await start({ vsix: universal, path: `${bin}:${process.env.PATH}` });
    const w = new Workbench(vscode, shots);
    try {
      await w.open(await project(join(vscode.dir, 'shop')));
      await w.openFile('db.go');
      await w.palette('Waitline: Load Latest Trace');
      await w.goto(70);
      await w.figure('chan 444 ms · 974×', 'select {');
      await w.seen(w.lens(/444 ms waiting/));
      w.step('universal package, server on PATH, figure and lens');
      await w.palette('Waitline: Open Timeline');
      await w.seen(w.webview().locator('.field canvas'));
      w.step('timeline');
      await w.shot('oldest');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
      await rm(bin, { recursive: true, force: true });
    }
  },

  /** From a running program: a server of this test, that sends a trace when the seconds are over. */
  async record() {
    const trace = await readFile(join(testdata, 'traces/g126/webmix.trace'));
    let ended = 0;
    const program = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://localhost');
      if (pathname !== '/debug/pprof/trace') return response.writeHead(404).end('nothing here');
      const timer = setTimeout(() => response.end(trace), Number(searchParams.get('seconds')) * 1000);
      response.on('close', () => {
        if (!response.writableEnded) ended += 1;
        clearTimeout(timer);
      });
    });
    await new Promise((r) => program.listen(0, '127.0.0.1', r));
    const url = `http://127.0.0.1:${program.address().port}/debug/pprof/trace`;
    const vscode = await start({ vsix: join(out, bundled) });
    const w = new Workbench(vscode, shots);
    const record = async (from, seconds) => {
      await w.palette('Waitline: Record Trace from Running Program…');
      await w.answer(from);
      await w.seen(w.page.locator('.quick-input-title', { hasText: 'How many seconds?' }));
      await w.answer(String(seconds));
    };
    const notice = (text) => w.page.locator('.notification-list-item', { hasText: text });
    try {
      await w.open(await project(join(vscode.dir, 'shop'), { trace: null }));
      await w.openFile('db.go');
      await w.goto(70);
      await record(url, 1);
      await w.figure('chan 444 ms · 974×', 'select {');
      w.step('recorded for a second, and shown');

      await record(url, 60);
      await w.seen(notice('Recording 60 s'));
      await w.shot('recording');
      await notice('Recording 60 s').hover();
      await notice('Recording 60 s').locator('.monaco-button', { hasText: 'Cancel' }).first().click();
      await w.gone(notice('Recording 60 s'));
      await w.until('the end of the recording in the program', () => ended === 1);
      w.step('cancelled, in the program as well');

      await record(`${url}/nowhere`, 1);
      await w.seen(notice('Nothing was recorded'));
      w.step('an address without traces: said why');
      await w.figure('chan 444 ms · 974×', 'select {');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
      program.close();
      program.closeAllConnections();
    }
  },

  /** Source that was built elsewhere: two folders could be it, and a person says which. */
  async paths() {
    const vscode = await start({ vsix: join(out, bundled) });
    const w = new Workbench(vscode, shots);
    try {
      const dir = await project(join(vscode.dir, 'shop'), { programs: [] });
      for (const name of ['before', 'now'])
        await cp(join(testdata, 'programs/webmix'), join(dir, name), { recursive: true });
      await w.open(dir);
      await w.openFile('now/db.go');
      await w.view('Waitline');
      await w.palette('Waitline: Load Latest Trace');
      await w.seen(w.row('of waiting is in'));
      await w.seen(
        w.sidebar('.welcome-view-content', 'The source of this program is not where the trace looks for it.'),
      );
      deepStrictEqual(await w.figures(), []);
      w.step('what is not found is named by its cost');
      await w.shot('unmapped');
      await w.palette('Waitline: Map Paths…');
      await w.choose(`→ ${FOLDER}/now`);
      await w.goto(70);
      await w.figure('chan 444 ms · 974×', 'select {');
      const settings = JSON.parse(await readFile(join(dir, '.vscode/settings.json'), 'utf8'));
      deepStrictEqual(
        settings['waitline.substitutePath'].map((r) => r.from),
        [`${FOLDER}/now`],
      );
      w.step('a rule is chosen, kept in the settings, and counts at once');
      w.noErrors();
    } catch (error) {
      await w.failed(error);
    } finally {
      await vscode.stop();
    }
  },

  /** Pictures for the README, and of what else is to be looked at. Only when it is named. */
  async pictures() {
    for (const [theme, name] of [
      ['Default Dark Modern', 'dark'],
      ['Default Light Modern', 'light'],
      ['Default High Contrast', 'contrast'],
    ]) {
      const settings = { 'workbench.colorTheme': theme, 'editor.fontSize': 13 };
      const vscode = await start({ vsix: join(out, bundled), viewport: { width: 1440, height: 860 }, settings });
      const w = new Workbench(vscode, shots ?? out);
      try {
        const dir = await project(join(vscode.dir, 'shop'));
        await w.open(dir);
        await w.openFile('db.go');
        await w.view('Waitline');
        await w.palette('Waitline: Load Latest Trace');
        await w.goto(74);
        await w.figure('chan 444 ms · 974×', 'select {');
        await w.hover('select', 'select {', 'Waiting here');
        await w.shot(`look-editor-${name}`);
        await w.page.keyboard.press('Escape');
        await w.page.locator('.statusbar-item[id="status.languageStatus"]').hover();
        await w.page.waitForTimeout(1200);
        await w.shot(`look-status-${name}`);
        await w.page.mouse.move(600, 300);
        await w.goto(70);
        await w.palette('View: Toggle Primary Side Bar Visibility');
        await w.palette('Waitline: Go to Longest Wait');
        await w.seen(w.webview().getByText('1.93 ms').first());
        await w.page.waitForTimeout(800);
        await w.shot(`look-timeline-${name}`);
        await w.palette('Waitline: Peek Blocked Stacks');
        await w.page.waitForTimeout(600);
        await w.shot(`look-stacks-${name}`);
        await w.page.keyboard.press('Escape');
        await w.palette('Waitline: Get Started');
        await w.page.waitForTimeout(1500);
        await w.shot(`look-walkthrough-${name}`);
        w.step(theme);
      } catch (error) {
        await w.failed(error);
      } finally {
        await vscode.stop();
      }
    }
  },
};

const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(scenarios)) {
  // The oldest VS Code is another CODE_SERVER, pictures are for people: only when they are named.
  if (wanted.length > 0 ? !wanted.includes(name) : ['oldest', 'pictures'].includes(name)) continue;
  console.log(name);
  await run();
  if (process.exitCode) break;
}
