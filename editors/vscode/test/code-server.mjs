// Starts code-server (a VS Code workbench with a Node extension host) and a headless Chromium.
//   CODE_SERVER  path that tests/vscode/setup-vscode.sh printed
//   CHROMIUM     default: /usr/bin/chromium
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const here = dirname(fileURLToPath(import.meta.url));
export const repository = resolve(here, '../../..');
export const out = resolve(here, '../out');
export const testdata = resolve(repository, 'testdata');
export const serverProgram = process.env.WAITLINE_SERVER ?? resolve(repository, 'target/release/waitline');

/** A copy of a program and a trace of it, as a Go engineer would have them in a folder. */
export async function project(dir, { trace = 'webmix.trace', as = 'webmix.trace', programs = ['webmix'] } = {}) {
  await mkdir(dir, { recursive: true });
  await cp(resolve(testdata, 'programs/go.mod'), join(dir, 'go.mod'));
  for (const name of programs) await cp(resolve(testdata, 'programs', name), join(dir, name), { recursive: true });
  if (trace) await cp(resolve(testdata, 'traces/g126', trace), join(dir, as));
  return dir;
}

const freePort = () =>
  new Promise((ok) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => ok(port));
    });
  });

const run = (command, args, options) =>
  new Promise((ok, fail) => {
    const p = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let text = '';
    for (const s of [p.stdout, p.stderr])
      s.on('data', (d) => {
        text += d;
      });
    p.on('error', fail).on('close', (code) =>
      code === 0 ? ok(text) : fail(new Error(`${command} ${args.join(' ')}: ${code}\n${text}`)),
    );
  });

export async function start({
  vsix,
  settings = {},
  machineSettings = {},
  extensionTests = false,
  trust = true,
  path = process.env.PATH,
  viewport = { width: 1280, height: 800 },
} = {}) {
  const command = process.env.CODE_SERVER;
  if (!command) throw new Error('set CODE_SERVER to the path that tests/vscode/setup-vscode.sh prints');
  const dir = await mkdtemp(join(tmpdir(), 'waitline-vscode-'));
  await mkdir(join(dir, 'user/User'), { recursive: true });
  await mkdir(out, { recursive: true });
  await writeFile(join(dir, 'config.yaml'), '');
  const all = {
    'workbench.startupEditor': 'none',
    'workbench.enableExperiments': false,
    'workbench.tips.enabled': false,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'chat.disableAIFeatures': true,
    'telemetry.telemetryLevel': 'off',
    'extensions.autoCheckUpdates': false,
    'extensions.autoUpdate': false,
    'extensions.ignoreRecommendations': true,
    'git.enabled': false,
    'typescript.disableAutomaticTypeAcquisition': true,
    'editor.minimap.enabled': false,
    'editor.accessibilitySupport': 'off',
    'files.autoSave': 'off',
    'files.simpleDialog.enable': true,
    ...settings,
  };
  await writeFile(join(dir, 'user/User/settings.json'), JSON.stringify(all));
  // The server's side of a remote window: settings with a machine scope are read only from here.
  await mkdir(join(dir, 'user/Machine'), { recursive: true });
  await writeFile(join(dir, 'user/Machine/settings.json'), JSON.stringify(machineSettings));
  // The home folder too: nothing of the person's own set-up, and nothing left behind in it.
  const env = {
    ...process.env,
    PATH: path,
    HOME: dir,
    XDG_CONFIG_HOME: join(dir, 'config'),
    XDG_DATA_HOME: join(dir, 'data'),
    XDG_CACHE_HOME: join(dir, 'cache'),
    EXTENSIONS_GALLERY: '{}', // no extension registry: nothing is asked of the network
    VSCODE_CLI: '1', // extension hosts get this environment, not that of a login shell (PATH!)
  };
  delete env.VSCODE_IPC_HOOK_CLI; // set in a VS Code terminal: code-server would then talk to that window
  if (process.env.HOME && !env.GOCACHE)
    env.GOCACHE = join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME, '.cache'), 'go-build');
  const flags = [
    '--config',
    join(dir, 'config.yaml'),
    '--user-data-dir',
    join(dir, 'user'),
    '--extensions-dir',
    join(dir, 'extensions'),
  ];
  const codeServer = (args, options) =>
    run(command, [...flags, ...args], { env: { ...env, PATH: process.env.PATH }, ...options });
  if (vsix) await codeServer(['--install-extension', vsix, '--force']);

  // A newer packaged VS Code heeds extensionDevelopmentPath and extensionTestsPath in the page's address
  // only with this option; an older one always does and does not know the option.
  const more =
    extensionTests && (await codeServer(['--help'])).includes('--vscode-option')
      ? ['--vscode-option', 'enable-smoke-test-driver']
      : [];
  if (trust) more.push('--disable-workspace-trust');

  const port = await freePort();
  const server = spawn(
    command,
    [
      ...flags,
      '--bind-addr',
      `127.0.0.1:${port}`,
      '--auth',
      'none',
      '--disable-telemetry',
      '--disable-update-check',
      '--disable-getting-started-override',
      ...more,
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let log = '';
  for (const s of [server.stdout, server.stderr])
    s.on('data', (d) => {
      log += d;
    });
  const origin = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 60_000;
  while (
    !(await fetch(`${origin}/healthz`).then(
      (r) => r.ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline || server.exitCode !== null) throw new Error(`code-server does not answer\n${log}`);
    await new Promise((r) => setTimeout(r, 100));
  }

  const context = await chromium.launchPersistentContext(join(dir, 'chromium'), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = context.pages()[0] ?? (await context.newPage());
  const consoleLines = [];
  page.on('console', (m) => consoleLines.push(`${m.type()}: ${m.text()}`));

  const stop = async () => {
    await context.close().catch(() => {});
    if (server.exitCode === null) {
      const closed = new Promise((r) => server.once('close', r));
      try {
        process.kill(-server.pid, 'SIGTERM'); // the whole group: extension hosts too
      } catch {}
      await Promise.race([closed, new Promise((r) => setTimeout(r, 5000).unref())]);
      try {
        process.kill(-server.pid, 'SIGKILL');
      } catch {}
    }
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  return {
    dir,
    origin,
    authority: `127.0.0.1:${port}`,
    page,
    context,
    stop,
    log: () => log,
    consoleLines,
    pid: server.pid,
  };
}
