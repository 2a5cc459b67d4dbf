// Measures in a real editor what a person waits for, and what the extension host holds.
//   node test/measure.mjs TRACE...      large traces of webmix; without one, the small one
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { out, project, start } from './code-server.mjs';
import { extensionHost, Workbench } from './workbench.mjs';

const { version } = JSON.parse(readFileSync(join(out, '../package.json'), 'utf8'));
const packages = readdirSync(out).filter((f) => f.endsWith(`-${version}.vsix`));
for (const name of packages) console.log(`${name}: ${(statSync(join(out, name)).size / 1e6).toFixed(2)} MB`);
const bundled = packages.find((f) => !f.includes('universal'));

/** Resident memory of the extension host, in MB: now, and the most since the peak was forgotten. */
function hostMemory(group) {
  const status = readFileSync(`/proc/${extensionHost(group)}/status`, 'latin1');
  const field = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1e3;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

function forgetPeak(group) {
  writeFileSync(`/proc/${extensionHost(group)}/clear_refs`, '5');
}

const traces = process.argv.slice(2).map((t) => resolve(t));
const vscode = await start({ vsix: join(out, bundled) });
const w = new Workbench(vscode);
try {
  const dir = await project(join(vscode.dir, 'shop'));
  for (const trace of traces) await symlink(trace, join(dir, basename(trace)));
  await w.open(dir);
  await w.openFile('db.go');
  await w.palette('Waitline: Load Latest Trace');
  await w.goto(70);
  await w.figure('chan ', 'select {');
  for (const name of ['webmix.trace', ...traces.map((t) => basename(t))]) {
    await w.palette('Waitline: Unload Trace');
    await w.noFigure('chan ');
    forgetPeak(vscode.pid);
    const before = hostMemory(vscode.pid).now;
    await w.palette('Waitline: Load Trace…');
    const input = w.page.locator('.quick-input-widget input.input');
    await w.seen(w.page.locator('.quick-input-list .monaco-list-row', { hasText: name }));
    await input.fill(name);
    await w.seen(w.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name }));
    const asked = Date.now();
    await w.page.keyboard.press('Enter');
    await w.figure('chan ', 'select {', 300_000);
    const took = Date.now() - asked;
    const size = (statSync(join(dir, name)).size / 1e6).toFixed(1);
    await w.page.waitForTimeout(1500);
    const after = hostMemory(vscode.pid);
    console.log(
      `${name} (${size} MB): first figure ${took} ms after Enter; extension host ${before.toFixed(0)} -> ${after.now.toFixed(0)} MB, at most ${after.peak.toFixed(0)} MB`,
    );
  }
  await w.palette('Developer: Show Running Extensions');
  const row = w.page.locator('.extension', { hasText: 'Waitline' });
  const list = w.page
    .locator('.runtime-extensions-editor, .monaco-list', { has: w.page.locator('.extension') })
    .first();
  await w.seen(list);
  await list.hover();
  // Sorted by what starting cost, the slowest first; only what is on the screen is there.
  await w.until('Waitline among the running extensions', async () => {
    if (await row.count()) return true;
    await w.page.mouse.wheel(0, 200);
    return false;
  });
  console.log(((await row.first().textContent()) ?? '').replace(/\s+/g, ' '));
} catch (error) {
  await w.failed(error);
} finally {
  await vscode.stop();
}
