// Builds the server for the platforms of the packages, as far as this machine can, into out/servers.
//
//   npm run servers                      what can be built here, and what is missing for the rest
//   npm run servers -- --build [TARGET...]   builds these, or all that can be built
//
// A C compiler is part of it (the Go parser, TLS): Zig's is one for all platforms, by cargo-zigbuild.
// What Zig does not bring are Apple's frameworks: for darwin one needs a Mac, or its SDK in SDKROOT.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { programKind, programName, TARGETS } from './targets.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const repository = resolve(root, '../..');
const { values, positionals } = parseArgs({
  options: { build: { type: 'boolean' }, profile: { type: 'string', default: 'release' } },
  allowPositionals: true,
});

const output = (command, args) => {
  const { status, stdout } = spawnSync(command, args, { cwd: repository, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};
const sysroot = output('rustc', ['--print', 'sysroot']);
const hasZig = output('cargo', ['zigbuild', '--help']) !== undefined;

/** What keeps a target from being built here: nothing, if it can be. */
const missing = (target) => {
  const { triple } = TARGETS[target];
  const list = [];
  if (!sysroot) return ['Rust (rustc on PATH)'];
  const std = join(sysroot, 'lib/rustlib', triple, 'lib');
  if (!existsSync(std) || !readdirSync(std).some((f) => f.startsWith('libstd-')))
    list.push(`library of Rust for ${triple} (rustup target add ${triple})`);
  const isNative = target === `${process.platform}-${process.arch}` && process.platform === 'darwin';
  if (!isNative && !hasZig) list.push('cargo-zigbuild with Zig (pip install cargo-zigbuild ziglang)');
  if (target.startsWith('darwin') && process.platform !== 'darwin' && !process.env.SDKROOT)
    list.push('macOS SDK (its folder in SDKROOT, or build on a Mac)');
  return list;
};

const asked = positionals.length > 0 ? positionals : Object.keys(TARGETS);
for (const target of asked) {
  if (TARGETS[target]) continue;
  console.error(`servers: ${target} is none of ${Object.keys(TARGETS).join(' ')}`);
  process.exit(2);
}
let lacking = 0;
const built = new Set();
for (const target of asked) {
  const { triple, format, machine } = TARGETS[target];
  const lacks = missing(target);
  if (lacks.length > 0) {
    lacking += 1;
    console.log(`${target}: cannot be built here: there is no ${lacks.join(', no ')}`);
    continue;
  }
  if (!values.build) {
    console.log(`${target}: can be built here, as ${triple}`);
    continue;
  }
  const to = join(root, 'out/servers', triple, programName(target));
  if (!built.has(triple)) {
    const command = target.startsWith('darwin') && process.platform === 'darwin' ? 'build' : 'zigbuild';
    const profile = values.profile === 'dev' ? [] : ['--profile', values.profile];
    const { status } = spawnSync('cargo', [command, '--locked', '-p', 'waitline', '--target', triple, ...profile], {
      cwd: repository,
      stdio: 'inherit',
    });
    if (status !== 0) process.exit(status ?? 1);
    const targets = JSON.parse(output('cargo', ['metadata', '--locked', '--no-deps', '--format-version', '1']));
    const folder = values.profile === 'dev' ? 'debug' : values.profile;
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(targets.target_directory, triple, folder, programName(target)), to);
    built.add(triple);
  }
  const kind = programKind(to);
  if (kind?.format !== format || kind?.machine !== machine) {
    console.error(`servers: ${to} is not ${format} for ${machine}`);
    process.exit(1);
  }
  console.log(`${target}: ${to}`);
}
// Asked for by name, what cannot be built is a failure; else it is told.
process.exit(values.build && positionals.length > 0 && lacking > 0 ? 1 : 0);
