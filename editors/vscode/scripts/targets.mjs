// The platforms that packages are made for, and how a server for one is told from others.
import { closeSync, openSync, readSync } from 'node:fs';

/** By VS Code's name: Rust's name, and what the program's file begins with. Static Linux programs serve Alpine, too. */
export const TARGETS = {
  'linux-x64': { triple: 'x86_64-unknown-linux-musl', format: 'ELF', machine: 'x86-64' },
  'linux-arm64': { triple: 'aarch64-unknown-linux-musl', format: 'ELF', machine: 'arm64' },
  'alpine-x64': { triple: 'x86_64-unknown-linux-musl', format: 'ELF', machine: 'x86-64' },
  'alpine-arm64': { triple: 'aarch64-unknown-linux-musl', format: 'ELF', machine: 'arm64' },
  'darwin-x64': { triple: 'x86_64-apple-darwin', format: 'Mach-O', machine: 'x86-64' },
  'darwin-arm64': { triple: 'aarch64-apple-darwin', format: 'Mach-O', machine: 'arm64' },
  'win32-x64': { triple: 'x86_64-pc-windows-gnu', format: 'PE', machine: 'x86-64' },
  'win32-arm64': { triple: 'aarch64-pc-windows-gnullvm', format: 'PE', machine: 'arm64' },
};

/** The server's file in a package. */
export const programName = (target) => (target.startsWith('win32') ? 'waitline.exe' : 'waitline');

const ELF = { 62: 'x86-64', 183: 'arm64' };
const MACH = { 16777223: 'x86-64', 16777228: 'arm64' };
const PE = { 34404: 'x86-64', 43620: 'arm64' };

/** What kind of program a file is, by its head: undefined if it is none of these. */
export function programKind(path) {
  const head = Buffer.alloc(4096);
  const file = openSync(path);
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.toString('latin1', 0, 4) === '\x7fELF') return { format: 'ELF', machine: ELF[head.readUInt16LE(18)] };
  if (head.readUInt32LE(0) === 0xfeedfacf) return { format: 'Mach-O', machine: MACH[head.readUInt32LE(4)] };
  if (head.toString('latin1', 0, 2) === 'MZ') {
    const at = head.readUInt32LE(60);
    if (at + 6 <= head.length && head.toString('latin1', at, at + 4) === 'PE\0\0')
      return { format: 'PE', machine: PE[head.readUInt16LE(at + 4)] };
  }
  return undefined;
}
