// Runs out/host.js inside the extension host, with this folder as the extension under development:
// what --extensionDevelopmentPath and --extensionTestsPath do on a desktop.
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { here, out, project, serverProgram, start, testdata } from './code-server.mjs';

const vscode = await start({ extensionTests: true, machineSettings: { 'waitline.server.path': serverProgram } });
const remote = (path) => `vscode-remote://${vscode.authority}${path}`;
const payload = JSON.stringify([
  ['extensionDevelopmentPath', remote(resolve(here, '..'))],
  ['extensionTestsPath', remote(`${out}/host.js`)],
]);
const dir = await project(join(vscode.dir, 'shop'));
// What go test -trace leaves, one that is none, and a test to record.
await mkdir(join(dir, 'traces'));
await cp(resolve(testdata, 'traces/g126/webmix.trace'), join(dir, 'traces/trace.out'));
await mkdir(join(dir, 'other'));
await writeFile(join(dir, 'other/trace.out'), '[trace] of something else\n');
await mkdir(join(dir, 'recorded'));
await cp(resolve(here, 'fixtures/wait_test.go'), join(dir, 'recorded/wait_test.go'));
const lines = [];
try {
  // The workbench calls these two when it runs extension tests.
  await vscode.page.exposeFunction('codeAutomationLog', (type, args) => {
    const line = args.join(' ');
    if (line.startsWith('@test '))
      console.log(line.slice(6)); // what host/index.ts prints
    else lines.push(`${type}: ${line}`); // the workbench's own log
  });
  const finished = new Promise((done) => {
    void vscode.page.exposeFunction('codeAutomationExit', done);
  });
  await vscode.page.goto(`${vscode.origin}/?folder=${dir}&payload=${encodeURIComponent(payload)}`);
  const limit = new Promise((r) => setTimeout(() => r('no exit code within 180 s'), 180_000).unref());
  const code = await Promise.race([finished, limit]);
  if (code !== 0) {
    await vscode.page.screenshot({ path: `${out}/host-failure.png` });
    console.error('extension host tests:', code, '\n', lines.slice(-20).join('\n'));
    process.exitCode = 1;
  }
} finally {
  await vscode.stop();
}
