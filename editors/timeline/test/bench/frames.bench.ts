// Frames while panning and zooming, the time to the first lanes, and the page's memory, on a trace that is named:
//
//   TRACE=/path/to/some.trace [WORKSPACE=DIR] [WAITLINE=PATH] npm run bench
//
// It prints what it measured and fails on no figure. Nothing else should run on the machine meanwhile.
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { it } from 'vitest';
import { context, fromDisk, launch, quiet, serve, WIDE, watch } from '../browser/serve.ts';
import { quantile, recorded, type Work, workOf } from './work.ts';

const TRACE = process.env.TRACE;
const FRAMES = 240;

interface Move {
  readonly name: string;
  /** The view it begins with, as shares of the trace. */
  readonly from: number;
  readonly to: number;
  readonly how: 'pan' | 'zoom' | 'scroll' | 'drag';
}

const MOVES: readonly Move[] = [
  { name: 'pan, all lanes of a hundredth', from: 0.4, to: 0.41, how: 'pan' },
  { name: 'pan, half of the trace', from: 0.1, to: 0.6, how: 'pan' },
  { name: 'zoom, from the whole in and out', from: 0, to: 1, how: 'zoom' },
  { name: 'zoom, a thousandth in and out', from: 0.5, to: 0.501, how: 'zoom' },
  { name: 'scroll through the lanes', from: 0.4, to: 0.41, how: 'scroll' },
  { name: 'drag, both ways at once', from: 0.4, to: 0.41, how: 'drag' },
];

async function move(page: Page, m: Move): Promise<void> {
  await page.evaluate(
    async ([from, to, how, frames]) => {
      const app = window.waitlineProbe?.app;
      if (app === undefined) return;
      const length = (to - from) * app.end;
      for (let i = 0; i < frames; i++) {
        const there = i < frames / 2;
        if (how === 'pan') app.panBy((length / 120) * (there ? 1 : -1), false);
        else if (how === 'zoom') app.zoomBy(there ? 0.965 : 1 / 0.965, 420, false);
        else {
          app.scrollBy(there ? 8 : -8);
          if (how === 'drag') app.panBy((length / 240) * (there ? 1 : -1), false);
        }
        await new Promise((done) => requestAnimationFrame(done));
      }
    },
    [m.from, m.to, m.how, FRAMES] as const,
  );
}

function line(name: string, of: readonly number[]): string {
  const q = (share: number) => quantile(of, share).toFixed(1).padStart(6);
  return `  ${name.padEnd(34)} ${q(0.5)} ${q(0.95)} ${q(0.99)}   ${of.length}`;
}

it.skipIf(TRACE === undefined)('frames', async () => {
  const trace = TRACE ?? '';
  const load = loadavg()[0] ?? 0;
  const began = performance.now();
  const served = await serve(trace, process.env.WORKSPACE ?? dirname(trace));
  const served_ms = performance.now() - began;
  const browser = await launch();
  try {
    const page = await (await context(browser, WIDE)).newPage();
    const seen = watch(page, served.origin);
    await fromDisk(page, served.origin);
    const opened = performance.now();
    await page.goto(served.address);
    await page.waitForFunction(() => (window.waitlineProbe?.stage.drawnRects ?? 0) > 0, null, { timeout: 600_000 });
    const firstLanes = performance.now() - opened;
    await page.waitForFunction(() => window.waitlineProbe?.app.info?.ready === true, null, { timeout: 600_000 });
    const all = performance.now() - opened;
    await quiet(page);
    const cdp = await page.context().newCDPSession(page);
    const works: [Move, Work][] = [];
    for (const m of MOVES) {
      await page.evaluate(
        ([from, to]) => {
          const app = window.waitlineProbe?.app;
          app?.scrollBy(-1e9);
          app?.show({ t0: from * app.end, t1: to * app.end }, false);
        },
        [m.from, m.to] as const,
      );
      await quiet(page);
      works.push([m, workOf(await recorded(cdp, () => move(page, m)))]);
      await quiet(page);
    }
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    const process = await resident(browser);
    const tiles = await page.evaluate(() => window.waitlineProbe?.app.data.tiles.seen);
    const MiB = 2 ** 20;
    const told = [
      `${basename(trace)}: ${cpus().length} CPUs, load ${load.toFixed(1)} before, no GPU, ${WIDE.width} x ${WIDE.height}`,
      `  the server was ready after ${(served_ms / 1000).toFixed(2)} s; then first lanes ${(firstLanes / 1000).toFixed(2)} s, all of them ${(all / 1000).toFixed(2)} s`,
      `  CPU of the page's thread in a frame, ms   p50    p95    p99   frames`,
      ...works.map(([m, w]) => line(m.name, w.frames)),
      `  of the threads that make pixels, ms       p50    p95    p99`,
      ...works.map(([m, w]) => line(m.name, w.raster)),
      `  script, style, paint over all, ms: ${parts(works.map(([, w]) => w))}`,
      `  memory of the page: ${(usedSize / MiB).toFixed(1)} MiB of script's objects; ${process} MiB resident in its process`,
      `  tiles: ${tiles?.requests}, ${((tiles?.bytes ?? 0) / MiB).toFixed(1)} MiB, the largest ${tiles?.largest} bytes`,
      ...(seen.complaints.length > 0 ? [`  complaints: ${seen.complaints.join('; ')}`] : []),
    ];
    console.log(told.join('\n'));
  } finally {
    await browser.close();
    served.end();
  }
});

/** The page's process in all, canvases and octets too, in MiB; what others share with it counts. */
async function resident(browser: Browser): Promise<string> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const sizes = processInfo.flatMap((p) => {
    if (p.type !== 'renderer') return [];
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${p.id}/status`, 'utf8'))?.[1];
    return kib === undefined ? [] : [Number(kib) / 1024];
  });
  return Math.max(...sizes, 0).toFixed(0);
}

function parts(works: readonly Work[]): string {
  const sums = new Map<string, number>();
  for (const w of works) for (const [name, ms] of w.parts) sums.set(name, (sums.get(name) ?? 0) + ms);
  return [...sums]
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, ms]) => `${name} ${ms.toFixed(0)}`)
    .join(', ');
}
