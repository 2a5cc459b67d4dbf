// The traces of the workspace: files that the globs name and that begin as one.

import { open, readdir, stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { isTraceHeader } from './trace-header';

export interface Found {
  uri: vscode.Uri;
  mtime: number;
  size: number;
}

/** The most files that are looked at: a folder with more is no folder of traces. */
const MOST = 200;

export class Discovery implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private watchers: vscode.Disposable[] = [];
  private searching: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private list: Found[] = [];

  readonly onDidChange = this.changed.event;

  /** Where recordings of this extension are kept, if there is a workspace. */
  constructor(readonly recordings: vscode.Uri | undefined) {}

  /** The traces, the newest first. */
  get found(): readonly Found[] {
    return this.list;
  }

  /** Looks for traces the first time it is called, and then follows changes. */
  async begin(): Promise<void> {
    this.searching ??= this.search();
    return this.searching;
  }

  async again(): Promise<void> {
    this.searching = this.search();
    return this.searching;
  }

  private async search(): Promise<void> {
    const globs = vscode.workspace.getConfiguration('waitline').get<string[]>('trace.globs', []);
    for (const watcher of this.watchers.splice(0)) watcher.dispose();
    for (const glob of globs) {
      const watcher = vscode.workspace.createFileSystemWatcher(glob, false, true, false);
      watcher.onDidCreate(() => this.soon());
      watcher.onDidDelete(() => this.soon());
      this.watchers.push(watcher);
    }
    const lists = await Promise.all(
      globs.map((glob) => vscode.workspace.findFiles(glob, '**/{node_modules,.git}/**', MOST)),
    );
    const own = await this.recorded();
    const uris = new Map([...lists.flat(), ...own].filter((u) => u.scheme === 'file').map((u) => [u.toString(), u]));
    const found = await Promise.all([...uris.values()].slice(0, MOST).map(look));
    this.list = found.filter((f) => f !== undefined).sort((a, b) => b.mtime - a.mtime);
    this.changed.fire();
  }

  private async recorded(): Promise<vscode.Uri[]> {
    const dir = this.recordings;
    if (!dir) return [];
    const names = await readdir(dir.fsPath).catch(() => []); // nothing was recorded yet
    return names.filter((name) => name.endsWith('.trace')).map((name) => vscode.Uri.joinPath(dir, name));
  }

  /** A test that is run again and again must not start a search each time. */
  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.again(), 500);
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const watcher of this.watchers) watcher.dispose();
    this.changed.dispose();
  }
}

async function look(uri: vscode.Uri): Promise<Found | undefined> {
  try {
    const { mtimeMs, size } = await stat(uri.fsPath);
    return (await beginsAsTrace(uri.fsPath)) ? { uri, mtime: mtimeMs, size } : undefined;
  } catch {
    return undefined; // gone, or not ours to read
  }
}

/** Whether a file begins as a Go execution trace. No more than its first octets is read. */
export async function beginsAsTrace(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return isTraceHeader(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
