// The page on a real trace, in a real Chromium, served by the real server.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../src/model/rows.ts';
import {
  context,
  fromDisk,
  fromTheStart,
  type Look,
  launch,
  pictures,
  quiet,
  ready,
  repository,
  type Seen,
  type Served,
  serve,
  WIDE,
  watch,
} from './serve.ts';

const TRACE = join(repository, 'testdata/traces/g126/webmix.trace');
const SOURCE = join(repository, 'testdata/programs/webmix');

let browser: Browser;
let served: Served;
let page: Page;
let seen: Seen;
let firstLanes = 0;

beforeAll(async () => {
  served = await serve(TRACE, SOURCE);
  browser = await launch();
  page = await (await context(browser, WIDE)).newPage();
  seen = watch(page, served.origin);
  await fromDisk(page, served.origin);
  const began = performance.now();
  await page.goto(served.address);
  await page.waitForFunction(() => (window.waitlineProbe?.stage.drawnRects ?? 0) > 0);
  firstLanes = performance.now() - began;
  await ready(page);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  served?.end();
});

afterEach(() => fromTheStart(page));

const view = () =>
  page.evaluate(() => {
    const { app } = window.waitlineProbe ?? {};
    return { t0: app?.view.t0 ?? 0, t1: app?.view.t1 ?? 0, end: app?.end ?? 0 };
  });
const length = async () => {
  const v = await view();
  return v.t1 - v.t0;
};
const panel = () => page.locator('aside.panel').innerText();

/** Where on the screen the longest span of a class stands in the first lane that shows one. */
async function spot(cls: number, within: 'lane' | 'p' = 'lane'): Promise<{ x: number; y: number }> {
  const found = await page.evaluate(
    ([cls, within]) => {
      const probe = window.waitlineProbe;
      if (probe === undefined) return null;
      const { app } = probe;
      const box = document.querySelector('.field')?.getBoundingClientRect();
      if (box === undefined) return null;
      for (let r = 0; r < app.rows.rows.length; r++) {
        const row = app.rows.rows[r] as Row;
        if (row.kind !== within) continue;
        const y = 24 + (app.rows.top[r] ?? 0) - app.scroll + 8;
        if (y < 30 || y > box.height - 10) continue;
        for (const lane of row.lanes) {
          const tile = app.data.tiles.get(lane, app.view, app.size.width);
          if (tile === null) continue;
          let best = -1;
          let width = 0;
          let t = 0;
          const per = (tile.t1 - tile.t0) / (tile.width * 16);
          for (let i = 0; i < tile.n; i++) {
            // As much of it as is in view.
            const start = Math.max(tile.t0 + (tile.x0[i] ?? 0) * per, app.view.t0);
            const end = Math.min(tile.t0 + (tile.x1[i] ?? 0) * per, app.view.t1);
            const w = end - start;
            if (tile.cls[i] === cls && tile.verdict[i] !== 3 && w > width && ((tile.flags[i] ?? 0) & 9) === 0) {
              best = i;
              width = w;
              t = (start + end) / 2;
            }
          }
          if (best < 0) continue;
          return { x: box.left + ((t - app.view.t0) / (app.view.t1 - app.view.t0)) * app.size.width, y: box.top + y };
        }
      }
      return null;
    },
    [cls, within] as const,
  );
  if (found === null) throw new Error(`no span of class ${cls} is in view`);
  return found;
}

async function click(
  cls: number,
  options: { modifiers?: ('Alt' | 'Control')[]; double?: boolean } = {},
): Promise<void> {
  const at = await spot(cls);
  for (const m of options.modifiers ?? []) await page.keyboard.down(m);
  if (options.double === true) await page.mouse.dblclick(at.x, at.y);
  else await page.mouse.click(at.x, at.y);
  for (const m of options.modifiers ?? []) await page.keyboard.up(m);
  await page.waitForFunction(
    () => window.waitlineProbe?.app.selection?.slice !== null && window.waitlineProbe?.app.selection !== null,
  );
  await quiet(page);
}

/** Colours of the canvas within a row of the lanes, without its ground. */
const coloursOf = (kind: string) =>
  page.evaluate((kind) => {
    const probe = window.waitlineProbe;
    const canvas = document.querySelector<HTMLCanvasElement>('.field canvas');
    if (probe === undefined || canvas === null) return 0;
    const { app } = probe;
    const r = app.rows.rows.findIndex(
      (row) => row.kind === kind && row.lanes.length + (row.kind === 'chart' ? 1 : 0) > 0,
    );
    // A copy to read from: reading from the page's own canvas would change how it is drawn.
    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const ctx = copy.getContext('2d', { willReadFrequently: true });
    if (r < 0 || ctx === null) return 0;
    ctx.drawImage(canvas, 0, 0);
    const dpr = devicePixelRatio;
    const y = (24 + (app.rows.top[r] ?? 0) - app.scroll + 1) * dpr;
    const { data } = ctx.getImageData(0, y, canvas.width, ((app.rows.rows[r]?.height ?? 16) - 2) * dpr);
    const found = new Set<number>();
    for (let i = 0; i < data.length; i += 4)
      found.add(((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0));
    return found.size;
  }, kind);

describe('the page', () => {
  it('has let its token go, and comes back without it', async () => {
    const token = /token=([\w-]+)/.exec(served.address)?.[1] ?? '';
    expect(token).toMatch(/^[\w-]{40,}$/);
    expect(page.url().split('#')[0]).toBe(`${served.origin}/`);
    expect(await page.evaluate(() => location.href + document.referrer)).not.toContain(token);
    expect(await page.evaluate(() => location.hash)).not.toContain('token');
    await page.reload();
    await ready(page);
    // A second use of the token lets nobody in.
    const other = await (await browser.newContext()).newPage();
    await fromDisk(other, served.origin);
    await other.goto(served.address);
    await other.getByRole('alert').waitFor();
    expect(await other.innerText('body')).toContain('used before');
    await other.close();
  });

  it('has each lane of the design with something drawn in it', async () => {
    const labels = await page.locator('.labels').innerText();
    for (const name of ['Goroutines by state', 'Heap', 'Threads', 'GC', 'P0', 'P1', 'Tasks'])
      expect(labels).toContain(name);
    expect(await page.locator('.label.header').count()).toBeGreaterThan(3);
    for (const kind of ['chart', 'gc', 'p', 'lane', 'header']) expect(await coloursOf(kind), kind).toBeGreaterThan(2);
  });

  it('says what its figures count', async () => {
    const scope = await page.locator('.scope').innerText();
    expect(scope).toContain('Whole trace');
    expect(scope).toMatch(/costly waiting/);
    expect(scope).toContain('webmix.trace');
  });
});

describe('moving', () => {
  it('by w, s, a, d, 0 and the wheel', async () => {
    const whole = await length();
    await page.keyboard.press('w');
    await page.keyboard.press('w');
    expect(await length()).toBeCloseTo(whole / 2.25, -3);
    const { t0 } = await view();
    await page.keyboard.press('d');
    expect((await view()).t0).toBeGreaterThan(t0);
    await page.keyboard.press('a');
    expect((await view()).t0).toBeCloseTo(t0, -2);
    await page.keyboard.press('s');
    expect(await length()).toBeCloseTo(whole / 1.5, -3);
    await page.keyboard.press('0');
    expect(await length()).toBe(whole);
    await page.mouse.move(700, 500);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -300);
    await page.keyboard.up('Control');
    expect(await length()).toBeLessThan(whole / 2);
  });

  it('by dragging, and down to the nanosecond', async () => {
    await page.mouse.move(700, 500);
    for (let i = 0; i < 40; i++) await page.keyboard.press('w');
    expect(await length()).toBe(100);
    await quiet(page);
    const before = await view();
    await page.mouse.down();
    await page.mouse.move(600, 500, { steps: 4 });
    await page.mouse.up();
    const after = await view();
    expect(after.t0 - before.t0).toBeCloseTo((100 * 100) / 872, -1);
    expect(await page.locator('.legend').innerText()).toMatch(/ns a pixel/);
  });
});

describe('selecting', () => {
  it('shows the line beside, and all about the wait', async () => {
    await click(4);
    const text = await panel();
    expect(text).toMatch(/waiting · /);
    for (const part of ['Start', 'End', 'Waits at', 'Before and after']) expect(text).toContain(part);
    expect(text).toMatch(/\w+\.go:\d+/);
    expect(seen.opened.at(-1)).toMatchObject({ focus: false });
    expect(seen.opened.at(-1)?.uri).toMatch(/^file:.*\.go$/);
  });

  it('shows where the waker stood, frame by frame, each a way to its line', async () => {
    await page.evaluate(() => window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice?.waker != null);
    const stack = await page.evaluate(() =>
      window.waitlineProbe?.app.selection?.slice?.waker?.stack.map((p) => p.func),
    );
    expect(stack?.length).toBeGreaterThan(2);
    const text = await panel();
    // The frame that gave the connection back, and who called it.
    expect(text).toMatch(/Woken by\s+G308 [\s\S]*query\.func1\s+db\.go:72[\s\S]*report\.func1/);
    const opened = seen.opened.length;
    await page.locator('aside.panel').getByText('db.go:72').first().click();
    await quiet(page);
    expect(seen.opened.slice(opened).map((o) => [o.uri.split('/').at(-1), o.line])).toEqual([['db.go', 71]]);
    await page.keyboard.press('c');
    await page.screenshot({ path: join(pictures, 'waker.png') });
  });

  it('goes to the line by a double click and by Enter', async () => {
    await click(4, { double: true });
    expect(seen.opened.at(-1)).toMatchObject({ focus: true });
    const n = seen.opened.length;
    await page.keyboard.press('Enter');
    await quiet(page);
    expect(seen.opened).toHaveLength(n + 1);
    expect(seen.opened.at(-1)).toMatchObject({ focus: true });
  });

  it('follows wakes, neighbours and the longest of the line', async () => {
    await click(4);
    const first = await page.evaluate(() => window.waitlineProbe?.app.selection);
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((start) => window.waitlineProbe?.app.selection?.start !== start, first?.start);
    const next = await page.evaluate(() => window.waitlineProbe?.app.selection);
    expect(next?.g).toBe(first?.g);
    expect(next?.start).toBe(first?.end);
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction((start) => window.waitlineProbe?.app.selection?.start === start, first?.start);
    await page.keyboard.press('n');
    await quiet(page);
    const longest = await page.evaluate(() => window.waitlineProbe?.app.selection?.slice);
    await page.keyboard.press('n');
    await quiet(page);
    const second = await page.evaluate(() => window.waitlineProbe?.app.selection?.slice);
    expect(second?.site?.recorded).toBe(longest?.site?.recorded);
    expect(await page.locator('.overview-label').innerText()).toMatch(/\.go:\d+\s+[\d,]+k? waits?/);
    const waker = second?.waker?.g ?? longest?.waker?.g;
    if (waker === undefined || waker === 0) throw new Error('neither of the two longest has a waker');
    if (second?.waker === null) await page.keyboard.press('Shift+N');
    await quiet(page);
    await page.keyboard.press('ArrowUp');
    await page.waitForFunction((g) => window.waitlineProbe?.app.selection?.g === g, waker);
    // It is in view, too: opened or pinned.
    expect(await page.locator('.label.selected').count()).toBe(1);
  });

  it('lets the keyboard alone do it', async () => {
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice != null);
    await page.keyboard.press('f');
    await quiet(page);
    const v = await view();
    const s = await page.evaluate(() => window.waitlineProbe?.app.selection);
    expect(v.t0).toBeLessThanOrEqual(s?.start ?? 0);
    expect(v.t1).toBeGreaterThanOrEqual(s?.end ?? 0);
    await page.keyboard.press('m');
    expect(await page.evaluate(() => window.waitlineProbe?.app.marks.length)).toBe(1);
    await page.keyboard.press('m');
    expect(await page.evaluate(() => window.waitlineProbe?.app.marks.length)).toBe(0);
    await page.keyboard.press('t');
    await page.locator('.twin tbody tr').nth(5).waitFor();
    const rows = await page.locator('.twin tbody tr').count();
    expect(rows).toBeGreaterThan(5);
    expect(await page.locator('.twin').innerText()).toMatch(/running|runnable|channel/);
    await page.keyboard.press('t');
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').innerText()).toContain('to the waker');
  });

  it('tells exact figures for a click on a chart', async () => {
    await page.mouse.click(800, 190);
    await page.waitForFunction(() => window.waitlineProbe?.app.exact !== null);
    await quiet(page);
    expect(await panel()).toMatch(/Exact values[\s\S]*runnable[\s\S]*allocated/);
  });

  it('tells of what is under the pointer', async () => {
    const at = await spot(4);
    await page.mouse.move(at.x, at.y);
    await page.locator('.card').waitFor();
    await page.waitForFunction(() => /waiting/.test(document.querySelector('.card')?.textContent ?? ''));
    expect(await page.locator('.card').innerText()).toMatch(/ – [\d.]+ /);
    await page.mouse.move(700, 20);
  });
});

describe('find', () => {
  it('steps through what it found, and fades the rest', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('query');
    await page.locator('.drop .item').first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice != null);
    expect(await page.locator('.find').innerText()).toMatch(/1 of [\d,]+/);
    await page.keyboard.press('ArrowDown');
    await quiet(page);
    expect(await page.locator('.find').innerText()).toMatch(/2 of [\d,]+/);
    await page.screenshot({ path: join(pictures, 'find.png') });
  });

  it('says that nothing matches', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('flushzz');
    await page.getByText('No goroutine, function, line or task matches "flushzz".').waitFor();
  });

  it('narrows by state and length', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('state:lock >1ms');
    await page.waitForFunction(() => window.waitlineProbe?.app.finder.current?.searching === false);
    const found = await page.evaluate(
      () => window.waitlineProbe?.app.finder.current?.found.map((r) => r.end - r.start) ?? [],
    );
    expect(found.length).toBeGreaterThan(0);
    expect(Math.min(...found)).toBeGreaterThanOrEqual(1_000_000);
  });

  it('filters by an entry of the legend', async () => {
    await page.getByRole('button', { name: 'network' }).click();
    expect(await page.evaluate(() => window.waitlineProbe?.app.cls)).toBe(5);
    await page.getByRole('button', { name: 'network' }).click();
    expect(await page.evaluate(() => window.waitlineProbe?.app.cls)).toBe(null);
  });
});

describe('keys alone', () => {
  it('lead from a label to its slice, along the lane and to the source', async () => {
    await page.locator('button.label.lane').first().focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.classList.contains('field') === true);
    const at = () => page.evaluate(() => window.waitlineProbe?.app.selection?.start ?? -1);
    const first = await at();
    await page.keyboard.press('ArrowRight');
    await expect.poll(at).toBeGreaterThan(first);
    await quiet(page);
    const next = await at();
    // Enter is that slice's, not the label's once more.
    await page.keyboard.press('Enter');
    await quiet(page);
    expect(await at()).toBe(next);
    await page.locator('.field').focus();
    await page.keyboard.press('Shift+Tab');
    expect(await page.evaluate(() => document.activeElement?.matches('button.label.selected'))).toBe(true);
  });

  it('find without a list over what was found', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('report');
    await page.locator('.drop .item').first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.waitlineProbe?.app.selection !== null);
    expect(await page.locator('.drop').count()).toBe(0);
    expect(await page.locator('.find .n').innerText()).toMatch(/^1 of /);
  });
});

describe('a mark of the strip', () => {
  it('says which finding it is, and leads to it', async () => {
    const finding = await page.evaluate(() => {
      const app = window.waitlineProbe?.app;
      const f = app?.findings?.find((x) => x.at !== null);
      return { share: ((f?.at?.t0 ?? 0) + (f?.at?.t1 ?? 0)) / 2 / (app?.end ?? 1), code: f?.code ?? '' };
    });
    const strip = await page.locator('.overview').boundingBox();
    if (strip === null) throw new Error('there is no strip');
    const x = strip.x + 8 + finding.share * (strip.width - 16);
    await page.mouse.move(x, strip.y + 17);
    const card = page.locator('.card');
    await card.waitFor();
    const code = (await card.locator('.strong').innerText()).replace('▲', '').trim();
    await page.mouse.click(x, strip.y + 17);
    await quiet(page);
    expect(await page.evaluate(() => window.waitlineProbe?.app.tab)).toBe('findings');
    expect(await page.locator('.detail').innerText()).toContain(code);
    // What it means stands below, as its page has it.
    await page.getByRole('button', { name: 'What it means' }).click();
    await page.locator('.meaning h3', { hasText: 'What helps' }).waitFor();
  });
});

describe('a narrow page', () => {
  it('has places that can be read down to 360 px', async () => {
    await page.evaluate(() => window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice?.waker != null);
    for (const width of [700, 480, 360]) {
      await page.setViewportSize({ width, height: 700 });
      await quiet(page);
      await page.screenshot({ path: join(pictures, `narrow-${width}.png`) });
      const squeezed = await page.evaluate(() => {
        const panel = document.querySelector('aside.panel .scroll')?.getBoundingClientRect();
        return [...document.querySelectorAll('aside.panel .pair')].flatMap((pair) => {
          const first = pair.firstElementChild?.getBoundingClientRect();
          const last = pair.lastElementChild?.getBoundingClientRect();
          const fits = first !== undefined && last !== undefined && last.right <= (panel?.right ?? 0) + 0.5;
          return fits && first.width >= 40 ? [] : [pair.textContent];
        });
      });
      expect(squeezed, `${width} px`).toEqual([]);
      // Toggles and keys are on the screen, whatever else must be scrolled to.
      for (const button of ['.legend button', '.top .keys']) {
        const right = await page.evaluate(
          (of) => Math.max(...[...document.querySelectorAll(of)].map((e) => e.getBoundingClientRect().right)),
          button,
        );
        expect(right, `${button}, ${width} px`).toBeLessThanOrEqual(width);
      }
      const out = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(out).toBeLessThanOrEqual(0);
    }
    await page.setViewportSize({ width: WIDE.width, height: WIDE.height });
    await quiet(page);
  });
});

describe('a range', () => {
  it('is drawn on the ruler, counts everywhere, and Esc clears it', async () => {
    await page.mouse.move(500, 156);
    await page.mouse.down();
    await page.mouse.move(640, 156, { steps: 5 });
    await page.mouse.up();
    await page.locator('.pill.range').waitFor();
    expect(await page.locator('.scope').innerText()).toContain('◔');
    expect(await page.locator('.ruler-label').innerText()).toBe('costly in range');
    await quiet(page);
    await page.getByRole('tab', { name: 'Findings' }).click();
    expect(await page.locator('.scope').innerText()).toContain('◔');
    await page.keyboard.press('Escape');
    await page.getByText('Whole trace', { exact: false }).first().waitFor();
    await page.waitForFunction(() => window.waitlineProbe?.app.range === null);
  });
});

describe('tabs', () => {
  it('tell of findings with their evidence', async () => {
    await page.getByRole('tab', { name: 'Findings' }).click();
    const rows = page.locator('table[aria-label=Findings] tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBeGreaterThan(0);
    await rows.first().click();
    await quiet(page);
    expect(await page.locator('.detail').innerText()).toContain('Why this is reported');
    await page.screenshot({ path: join(pictures, 'findings.png') });
    await page.getByRole('button', { name: 'Longest wait in timeline' }).click();
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice != null);
    expect(await page.evaluate(() => window.waitlineProbe?.app.tab)).toBe('timeline');
  });
});

describe('in every size and theme', () => {
  const looks: Look[] = (['dark', 'light', 'contrast'] as const).flatMap((theme) => [
    { width: 1440, height: 900, theme },
    { width: 900, height: 700, theme },
  ]);
  it.each(looks)('$theme at $width', async (look) => {
    await page.setViewportSize(look);
    await page.emulateMedia({
      colorScheme: look.theme === 'light' ? 'light' : 'dark',
      forcedColors: look.theme === 'contrast' ? 'active' : 'none',
    });
    await page.evaluate(() => window.waitlineProbe?.app.show({ t0: 15.4e6, t1: 19.4e6 }, false));
    await quiet(page);
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(look.theme);
    await click(4);
    await page.mouse.move(700, 20);
    // Nothing is wider than the window.
    expect(
      await page.evaluate(
        () => document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth,
      ),
    ).toBe(true);
    await page.screenshot({ path: join(pictures, `timeline-${look.theme}-${look.width}.png`) });
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'dark', forcedColors: 'none' });
  });
});

describe('at the end', () => {
  it('prints how long frames took', async () => {
    const told: string[] = [];
    for (const [name, prepare, step] of [
      ['pan', { t0: 15.4e6, t1: 19.4e6 }, 'pan'],
      ['pan, far', { t0: 10e6, t1: 50e6 }, 'pan'],
      ['zoom', { t0: 0, t1: 85e6 }, 'zoom'],
    ] as const) {
      const gaps = await page.evaluate(
        async ([prepare, step]) => {
          const probe = window.waitlineProbe;
          if (probe === undefined) return [];
          const { app } = probe;
          app.show(prepare, false);
          await new Promise((done) => setTimeout(done, 600));
          const gaps: number[] = [];
          let last = performance.now();
          for (let i = 0; i < 60; i++) {
            if (step === 'pan') app.panBy(((prepare.t1 - prepare.t0) / 200) * (i < 30 ? 1 : -1), false);
            else app.zoomBy(i < 30 ? 0.93 : 1 / 0.93, 400, false);
            await new Promise((done) => requestAnimationFrame(done));
            const now = performance.now();
            gaps.push(now - last);
            last = now;
          }
          return gaps.sort((a, b) => a - b);
        },
        [prepare, step] as const,
      );
      told.push(`${name}: p50 ${gaps[30]?.toFixed(1)} ms, p95 ${gaps[57]?.toFixed(1)} ms`);
    }
    const tiles = await page.evaluate(() => window.waitlineProbe?.app.data.tiles.seen);
    const { usedSize } = await (await page.context().newCDPSession(page)).send('Runtime.getHeapUsage');
    console.log(
      `first lanes after ${firstLanes.toFixed(0)} ms; the page's heap: ${(usedSize / 2 ** 20).toFixed(1)} MiB`,
    );
    console.log(`frames: ${told.join('; ')}; tiles: ${tiles?.requests}, the largest ${tiles?.largest} bytes`);
    expect(tiles?.largest).toBeLessThanOrEqual(256 * 1024);
  });

  it('has complained of nothing, and asked nobody else', () => {
    expect(seen.complaints).toEqual([]);
    expect(seen.outside).toEqual([]);
  });
});
