// The packages of other platforms: made with a program that only looks like theirs, and taken apart.
//   node --test test/package.mjs
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { TARGETS } from '../scripts/targets.mjs';
import { here } from './code-server.mjs';

const { version } = JSON.parse(readFileSync(resolve(here, '../package.json'), 'utf8'));
const dir = mkdtempSync(join(tmpdir(), 'waitline-packages-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** What a program of a platform begins with, and nothing of a program after it. */
function likeness({ format, machine }) {
  const head = Buffer.alloc(256);
  const code = (x64, arm64) => (machine === 'arm64' ? arm64 : x64);
  if (format === 'ELF') {
    head.write('\x7fELF', 'latin1');
    head.writeUInt16LE(code(62, 183), 18);
  } else if (format === 'Mach-O') {
    head.writeUInt32LE(0xfeedfacf, 0);
    head.writeUInt32LE(code(0x01000007, 0x0100000c), 4);
  } else {
    head.write('MZ', 'latin1');
    head.writeUInt32LE(128, 60);
    head.write('PE\0\0', 128, 'latin1');
    head.writeUInt16LE(code(0x8664, 0xaa64), 132);
  }
  return head;
}

const make = (...args) =>
  spawnSync(process.execPath, ['scripts/package.mjs', '--out', dir, ...args], {
    cwd: resolve(here, '..'),
    encoding: 'utf8',
  });

/** The files of a package, by its directory at the end: name, mode, content. */
function unpacked(path) {
  const zip = readFileSync(path);
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const files = new Map();
  for (let at = zip.readUInt32LE(end + 16), n = zip.readUInt16LE(end + 10); n > 0; n -= 1) {
    const [nameSize, extra, comment] = [28, 30, 32].map((o) => zip.readUInt16LE(at + o));
    const name = zip.toString('utf8', at + 46, at + 46 + nameSize);
    const [method, size, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(from, from + size);
    files.set(name, {
      mode: (zip.readUInt32LE(at + 38) >>> 16) & 0o777,
      content: method === 0 ? data : inflateRawSync(data),
    });
    at += 46 + nameSize + extra + comment;
  }
  return files;
}

for (const [target, kind] of Object.entries(TARGETS)) {
  test(`${target}: its server, for it alone, and to be run`, () => {
    const server = join(dir, `server-${target}`);
    writeFileSync(server, likeness(kind), { mode: 0o600 });
    const { status, stderr } = make('--target', target, '--server', server);
    strictEqual(status, 0, stderr);
    const path = join(dir, `waitline-${target}-${version}.vsix`);
    const files = unpacked(path);
    const name = target.startsWith('win32') ? 'waitline.exe' : 'waitline';
    const servers = [...files.keys()].filter((f) => f.startsWith('extension/server/'));
    deepStrictEqual(servers, [`extension/server/${name}`]);
    const program = files.get(servers[0]);
    strictEqual(program.mode, 0o755);
    ok(program.content.equals(likeness(kind)));
    match(files.get('extension.vsixmanifest').content.toString(), new RegExp(`TargetPlatform="${target}"`));
  });
}

test('universal: for all platforms, without a server, and with all that it shows', () => {
  const { status, stderr } = make('--universal');
  strictEqual(status, 0, stderr);
  const files = unpacked(join(dir, `waitline-universal-${version}.vsix`));
  ok(![...files.keys()].some((f) => f.startsWith('extension/server/')));
  ok(!/TargetPlatform/.test(files.get('extension.vsixmanifest').content.toString()));
  for (const name of [
    'dist/extension.js',
    'dist/timeline.html',
    'dist/findings/slots-exhausted.waitline.md',
    'LICENSE-MIT',
  ])
    ok(files.has(`extension/${name}`), name);
  const stray = [...files.keys()].filter((f) => /\/(src|test|node_modules|scripts)\/|\.map$|\.ts$/.test(f));
  deepStrictEqual(stray, []);
  // Pages and pictures that are linked to are in it.
  for (const [name, { content }] of files) {
    if (!name.endsWith('.md')) continue;
    for (const [, link] of content.toString().matchAll(/\]\((?!https?:|command:|#)([^)\s]+)\)/g)) {
      const to = join(name, '..', link.replace(/#.*/, ''));
      const is = files.has(to) || files.has(to.toLowerCase()); // vsce writes readme.md and changelog.md
      ok(is, `${name} links to ${link}`);
    }
  }
});

test('a server of another platform is refused, and so is what is no server', () => {
  const wrong = join(dir, 'wrong');
  writeFileSync(wrong, likeness(TARGETS['darwin-arm64']));
  const other = make('--target', 'win32-x64', '--server', wrong);
  strictEqual(other.status, 2);
  match(other.stderr, /is Mach-O for arm64, and win32-x64 wants PE for x86-64/);
  writeFileSync(wrong, '#!/bin/sh\n');
  match(make('--target', 'linux-x64', '--server', wrong).stderr, /is no program that is known/);
  match(make('--target', 'linux-x64', '--server', join(dir, 'none')).stderr, /is not there/);
  match(make('--target', 'plan9-x64', '--server', wrong).stderr, /is none of linux-x64/);
});

test('what keeps a server from being built here is said', () => {
  // Nothing on PATH but this Node: no Rust, no Zig.
  const empty = join(dir, 'empty');
  mkdirSync(empty);
  const { status, stdout } = spawnSync(process.execPath, ['scripts/servers.mjs', '--build', 'linux-arm64'], {
    cwd: resolve(here, '..'),
    encoding: 'utf8',
    env: { PATH: empty },
  });
  strictEqual(status, 1);
  match(stdout, /^linux-arm64: cannot be built here: there is no Rust/);
});
