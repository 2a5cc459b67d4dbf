// Which server program runs: the one of the settings, else the one that came with the extension,
// else the one on PATH. It must speak what this extension speaks; a refusal says what to do.

import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { compatible, versionOf } from './version';

/** A server that can be started. */
export interface Server {
  path: string;
  version: string;
  from: 'setting' | 'bundled' | 'PATH';
}

/** Why there is none. */
export class NoServer extends Error {
  constructor(
    readonly why: 'missing' | 'setting' | 'broken' | 'other-version',
    readonly path: string,
    readonly detail: string,
  ) {
    super(detail);
  }
}

export interface Places {
  setting: string;
  bundled: string;
  path: string | undefined;
  wanted: string;
}

/** Finds the server and asks it for its version. */
export async function findServer(places: Places): Promise<Server> {
  const { setting, wanted } = places;
  if (setting) {
    if (!isAbsolute(setting)) throw new NoServer('setting', setting, 'the path is not absolute');
    if (!(await isProgram(setting))) throw new NoServer('setting', setting, 'there is no such program');
    return probe(setting, 'setting', wanted);
  }
  const name = process.platform === 'win32' ? 'waitline.exe' : 'waitline';
  const bundled = join(places.bundled, name);
  if (await isProgram(bundled)) return probe(bundled, 'bundled', wanted);
  for (const dir of (places.path ?? '').split(delimiter)) {
    // A relative entry would mean a program of whatever folder is open.
    if (isAbsolute(dir) && (await isProgram(join(dir, name)))) return probe(join(dir, name), 'PATH', wanted);
  }
  throw new NoServer('missing', name, 'it did not come with the extension and is not on PATH');
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function probe(path: string, from: Server['from'], wanted: string): Promise<Server> {
  const text = await run(path, ['--version']);
  const version = versionOf(text);
  if (!version) throw new NoServer('broken', path, `it does not say its version but: ${text.slice(0, 200).trim()}`);
  if (!compatible(version, wanted)) throw new NoServer('other-version', path, version);
  return { path, version, from };
}

function run(path: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path, args, { timeout: 10_000, windowsHide: true }, (error, stdout, stderr) => {
      if (error) reject(new NoServer('broken', path, (stderr || error.message).slice(0, 300).trim()));
      else resolve(stdout);
    });
  });
}

/** Whether the server's program has this command; servers of the same version may be older. */
export async function hasCommand(path: string, args: string[]): Promise<boolean> {
  return run(path, [...args, '--help']).then(
    () => true,
    () => false,
  );
}
