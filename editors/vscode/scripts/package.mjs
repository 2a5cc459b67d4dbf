// Makes the extension's packages: one without a server, which finds `waitline` on PATH, and one with
// the server of this platform (or of --target, with --server).
//
//   npm run package                                   both, with ../../target/release/waitline
//   npm run package -- --universal                    only the one without a server
//   npm run package -- --target darwin-arm64 --server PATH
//   npm run package -- --all                          the universal one, and one for each server that
//                                                     `npm run servers -- --build` has left in out/servers
//
// Into out, or into the folder that --out names.
// Targets: linux-x64 linux-arm64 alpine-x64 alpine-arm64 darwin-x64 darwin-arm64 win32-x64 win32-arm64
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { programKind, programName, TARGETS } from './targets.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    universal: { type: 'boolean' },
    all: { type: 'boolean' },
    target: { type: 'string' },
    server: { type: 'string' },
    out: { type: 'string', default: 'out' },
    'without-timeline': { type: 'boolean' },
  },
});
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

/** A program of another platform would install, and never start. */
const checked = (target, server) => {
  if (!existsSync(server)) fail(`${server} is not there: cargo build --release, or name one by --server`);
  const { format, machine } = TARGETS[target];
  const kind = programKind(server);
  if (kind?.format !== format || kind?.machine !== machine) {
    const is = kind ? `${kind.format} for ${kind.machine ?? 'another processor'}` : 'no program that is known';
    fail(`${server} is ${is}, and ${target} wants ${format} for ${machine}`);
  }
  return [target, server];
};

// Before anything is made.
const wanted = [];
if (!values.target) wanted.push([undefined, undefined]);
if (values.all) {
  for (const target of Object.keys(TARGETS)) {
    const server = join(root, 'out/servers', TARGETS[target].triple, programName(target));
    if (existsSync(server)) wanted.push(checked(target, server));
    else console.log(`${target}: no server in out/servers (npm run servers says what it takes)`);
  }
} else if (!values.universal) {
  const target = values.target ?? `${process.platform}-${process.arch}`;
  if (!TARGETS[target]) fail(`${target} is none of ${Object.keys(TARGETS).join(' ')}`);
  wanted.push(checked(target, values.server ?? resolve(root, '../../target/release', programName(target))));
}

run(process.execPath, ['scripts/build.mjs', ...(values['without-timeline'] ? ['--without-timeline'] : [])]);

// Named one by one: what is not named here is in no package.
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
mkdirSync(resolve(root, values.out), { recursive: true });
for (const name of ['package.json', 'package.nls.json', 'README.md', 'CHANGELOG.md', 'dist', 'l10n', 'media']) {
  cpSync(join(root, name), join(stage, name), { recursive: true });
}
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) cpSync(resolve(root, '../..', name), join(stage, name));

const vsce = join(root, 'node_modules/@vscode/vsce/vsce');
for (const [target, server] of wanted) {
  rmSync(join(stage, 'server'), { recursive: true, force: true });
  if (server) {
    const to = join(stage, 'server', programName(target));
    mkdirSync(dirname(to));
    cpSync(server, to);
    chmodSync(to, 0o755);
  }
  const out = resolve(root, values.out, `waitline-${target ?? 'universal'}-${version}.vsix`);
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
}
rmSync(stage, { recursive: true, force: true });
