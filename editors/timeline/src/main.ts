// Where the page runs decides its host: in a panel of VS Code, else over loopback HTTP.
import type { Host } from './host/host.ts';
import { LoopbackHost } from './host/loopback.ts';
import { type VsCodeApi, VsCodeHost } from './host/vscode.ts';
import { failed, start } from './start.ts';

declare const acquireVsCodeApi: undefined | (() => VsCodeApi);

async function connect(): Promise<{ host: Host; open: Record<string, string> }> {
  if (typeof acquireVsCodeApi === 'function') return { host: new VsCodeHost(acquireVsCodeApi(), window), open: {} };
  const host = await LoopbackHost.connect({
    fetch: (input, init) => fetch(input, init),
    storage: sessionStorage,
    location,
    history,
    pause: (ms) => new Promise((done) => setTimeout(done, ms)),
  });
  // The page changes its address without this event: it comes of a person alone.
  addEventListener('hashchange', () => host.follow(location.hash));
  return { host, open: host.open };
}

connect().then(
  ({ host, open }) => start(host, open),
  (e: unknown) => failed(e),
);
