// Makes the extension's packages: one without a server, which finds `waitline` on PATH, and one with
// the server of this platform (or of --target, with --server).
//
//   npm run package                                   both, with ../../target/release/waitline
//   npm run package -- --universal                    only the one without a server
//   npm run package -- --target darwin-arm64 --server PATH
//
// Targets: linux-x64 linux-arm64 alpine-x64 alpine-arm64 darwin-x64 darwin-arm64 win32-x64 win32-arm64
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    universal: { type: 'boolean' },
    target: { type: 'string' },
    server: { type: 'string' },
    'without-timeline': { type: 'boolean' },
  },
});
const TARGETS = [
  'linux-x64',
  'linux-arm64',
  'alpine-x64',
  'alpine-arm64',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
  'win32-arm64',
];
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const stage = join(root, 'out/stage');

const run = (command, args, cwd = root) => {
  const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
};
const fail = (text) => {
  console.error(`package: ${text}`);
  process.exit(2);
};

run(process.execPath, ['scripts/build.mjs', ...(values['without-timeline'] ? ['--without-timeline'] : [])]);

// Named one by one: what is not named here is in no package.
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const name of ['package.json', 'package.nls.json', 'README.md', 'CHANGELOG.md', 'dist', 'l10n', 'media']) {
  cpSync(join(root, name), join(stage, name), { recursive: true });
}
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) cpSync(resolve(root, '../..', name), join(stage, name));

const vsce = join(root, 'node_modules/@vscode/vsce/vsce');
const make = (target, server) => {
  rmSync(join(stage, 'server'), { recursive: true, force: true });
  if (server) {
    const to = join(stage, 'server', target.startsWith('win32') ? 'waitline.exe' : 'waitline');
    mkdirSync(dirname(to));
    cpSync(server, to);
    chmodSync(to, 0o755);
  }
  const out = join(root, 'out', `waitline-${target ?? 'universal'}-${version}.vsix`);
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--skip-license',
    '--no-rewrite-relative-links',
    '-o',
    out,
  ];
  run(process.execPath, [vsce, ...args, ...(target ? ['--target', target] : [])], stage);
  console.log(`${out} ${(statSync(out).size / 1e6).toFixed(2)} MB`);
};

const target = values.target ?? `${process.platform}-${process.arch}`;
if (!TARGETS.includes(target)) fail(`${target} is none of ${TARGETS.join(' ')}`);
const server = values.server ?? resolve(root, '../../target/release/waitline');
if (!values.target) make(undefined, undefined);
if (!values.universal) {
  if (!existsSync(server)) fail(`${server} is not there: cargo build --release, or name one by --server`);
  make(target, server);
}
rmSync(stage, { recursive: true, force: true });
