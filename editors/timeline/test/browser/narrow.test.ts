// Filters, links and pins on a real trace: what is narrowed counts in every view, and where somebody is can be copied.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { opened, pictures, quiet, type Seen } from './serve.ts';

let on: Awaited<ReturnType<typeof opened>>;
let page: Page;
let seen: Seen;

beforeAll(async () => {
  on = await opened('g126/webmix.trace');
  ({ page, seen } = on);
}, 60_000);

afterAll(() => on?.end());

afterEach(async () => {
  await page.evaluate(async () => {
    const app = window.waitlineProbe?.app;
    if (app === undefined) return;
    for (const f of app.filters) app.widen(f.kind);
    app.options.clear();
    for (const id of [...app.open]) if (id.startsWith('task')) app.toggle(id);
    app.pins.letGo();
    app.chosen = 0;
    app.deselect();
    app.setTab('timeline');
    if (app.range !== null) await app.setRange(null);
    app.show({ t0: 0, t1: app.end }, false);
    app.scrollBy(-1e6);
  });
  await quiet(page);
});

const tab = async (name: string) => {
  await page.getByRole('tab', { name }).click();
  await quiet(page);
};
const scope = () => page.locator('.scope').innerText();
const total = async () => (await page.locator('.main .remark b').first().innerText()).trim();
/** What the profile's table comes to, and the file that would be saved. */
const asked = (method: string) =>
  page.evaluate(
    ([method]) =>
      new Promise<unknown>((done) => {
        const host = window.waitlineProbe?.app.host;
        if (host === undefined) return;
        const request = host.request.bind(host);
        host.request = (m, params) => {
          if (m === method) {
            host.request = request;
            done(params);
          }
          return request(m, params);
        };
      }),
    [method] as const,
  );

describe('a filter', () => {
  it('of a group comes from the menu of its header, counts in every view, and goes', async () => {
    await tab('Profiles');
    const whole = await total();
    await tab('Timeline');
    const header = page.locator('.label.header', { hasText: 'report.func1' });
    await header.click({ button: 'right' });
    const menu = page.getByRole('menu');
    await page.screenshot({ path: join(pictures, 'menu.png') });
    expect(await menu.getByRole('menuitem').allInnerTexts()).toEqual([
      'Only these goroutines',
      'Profile of these goroutines',
      'In a table',
      'Go to where they are started',
    ]);
    await menu.getByRole('menuitem', { name: 'Only these goroutines' }).click();
    await quiet(page);
    expect(await scope()).toContain('only main.(*server).report.func1');
    // The other groups have no rows now.
    expect(await page.locator('.label.header').allInnerTexts()).not.toContain(expect.stringContaining('readLoop'));
    await page.screenshot({ path: join(pictures, 'filter-group.png') });
    await tab('Goroutines');
    expect(await page.locator('table[aria-label="Goroutines by function"] tbody tr').count()).toBe(1);
    await tab('Profiles');
    expect(await total()).not.toBe(whole);
    const params = asked('waitline/pprof');
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as pprof' }).click();
    expect((await saved).suggestedFilename()).toMatch(/\.pb\.gz$/);
    expect(await params).toMatchObject({ type: 'sync', filter: { group: expect.stringMatching(/^go:\d+$/) } });
    await tab('MMU');
    await tab('Tasks');
    expect(await page.locator('table[aria-label=Regions] tbody tr').first().innerText()).toContain('part');
    await page.getByRole('button', { name: /take this filter away/ }).click();
    await quiet(page);
    expect(await scope()).not.toContain('only');
    await tab('Profiles');
    expect(await total()).toBe(whole);
  });

  it('of a goroutine comes from the details and from its lane, and Esc takes it away', async () => {
    await page.evaluate(() => void window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.g === 15);
    await quiet(page);
    await page.locator('.panel').getByRole('button', { name: 'only G15' }).click();
    await quiet(page);
    expect(await scope()).toMatch(/only G15/);
    // Of its 84 ms: what was costly, what it waited to run, and what was idle.
    expect(await scope()).toMatch(/36\.0 ms costly waiting[\s\S]*14\.0 ms runnable[\s\S]*15\.9 ms idle/);
    await page.screenshot({ path: join(pictures, 'filter-goroutine.png') });
    await tab('Goroutines');
    expect(await page.locator('table tbody tr').count()).toBe(1);
    await tab('Timeline');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
    await quiet(page);
    expect(await scope()).not.toContain('only');
    await page.evaluate(() => void window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.g === 15);
    await page.keyboard.press('o');
    await page.getByRole('menuitem', { name: 'Only G15' }).press('Enter');
    await quiet(page);
    expect(await scope()).toMatch(/only G15/);
  });

  it('of a task shows its parts alone; of a region fades all else', async () => {
    await tab('Tasks');
    await page.locator('table[aria-label=Tasks] tbody tr', { hasText: 'report' }).click();
    await quiet(page);
    const rows = page.locator('table[aria-label="Longest of report"] tbody tr');
    await rows.first().click({ position: { x: 4, y: 8 } });
    await page.getByRole('button', { name: /^Only task \d+$/ }).click();
    await quiet(page);
    expect(await rows.count()).toBe(1);
    expect(await scope()).toMatch(/only task report \d+/);
    await tab('Timeline');
    await quiet(page);
    const lanes = await page.locator('.labels').innerText();
    expect(lanes).toMatch(/report \d+/);
    expect(lanes).toMatch(/G\d+\s*part/);
    expect(lanes).not.toContain('readLoop');
    await page.screenshot({ path: join(pictures, 'filter-task.png') });
    expect(await page.evaluate(() => [...(window.waitlineProbe?.app.kept?.keys() ?? [])].length)).toBeGreaterThan(2);
    await page.evaluate(() => {
      const app = window.waitlineProbe?.app;
      for (const f of app?.filters ?? []) app?.widen(f.kind);
      app?.show({ t0: 15.4e6, t1: 19.4e6 }, false);
      app?.narrow({ kind: 'region', id: 'db', name: 'db' });
    });
    await quiet(page);
    expect(await page.evaluate(() => [...(window.waitlineProbe?.app.kept?.keys() ?? [])])).toContain('g:15');
    await page.screenshot({ path: join(pictures, 'filter-region.png') });
  });
});

describe('a table', () => {
  it('is copied by a key, and the lanes as a table, too', async () => {
    await tab('Goroutines');
    await page.keyboard.press('c');
    await page.getByText('The table is copied, 17 rows.').waitFor();
    const copied = (await page.evaluate(() => navigator.clipboard.readText())).split('\n');
    expect(copied[0]).toMatch(/^Function\tStarted at\tCount\t/);
    expect(copied.some((row) => /^main\.\(\*server\)\.report\.func1\tserver\.go:102\t584\t/.test(row))).toBe(true);
    await tab('Timeline');
    await page.keyboard.press('t');
    await page.locator('.twin tbody tr').first().waitFor();
    await page.keyboard.press('c');
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('Lane\tState\tCost'));
    await page.keyboard.press('t');
  });
});

describe('a link', () => {
  it('leads back to the view, its filters, its range and what was selected', async () => {
    await page.evaluate(async () => {
      const app = window.waitlineProbe?.app;
      await app?.setRange({ t0: 15.4e6, t1: 19.4e6 });
      app?.show({ t0: 15e6, t1: 20e6 }, false);
      await app?.select('g:15', 17e6);
      app?.narrow({ kind: 'region', id: 'db', name: 'db' });
    });
    await quiet(page);
    await page.keyboard.press('l');
    const command = await page.evaluate(() => navigator.clipboard.readText());
    expect(command).toMatch(
      /^waitline timeline \S+webmix\.trace --at 'trace=webmix\.trace&view=timeline&v0=15000000&v1/,
    );
    const at = /--at '([^']+)'$/.exec(command)?.[1] ?? '';
    const before = await page.evaluate(() => window.waitlineProbe?.app.selection?.start);
    await page.evaluate(async () => {
      const app = window.waitlineProbe?.app;
      app?.widen('region');
      app?.deselect();
      app?.setTab('mmu');
      await app?.setRange(null);
      app?.show({ t0: 0, t1: 5e6 }, false);
    });
    // What the command hands over, put into the address by hand.
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#${at}`);
    await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice != null);
    await quiet(page);
    const now = await page.evaluate(() => {
      const app = window.waitlineProbe?.app;
      return { tab: app?.tab, view: app?.view, range: app?.range, filters: app?.filters, start: app?.selection?.start };
    });
    expect(now).toEqual({
      tab: 'timeline',
      view: { t0: 15e6, t1: 20e6 },
      range: { t0: 15.4e6, t1: 19.4e6 },
      filters: [{ kind: 'region', id: 'db', name: 'db' }],
      start: before,
    });
  });

  it('survives a reload in any view', async () => {
    await tab('Profiles');
    await page.getByRole('button', { name: 'Scheduler' }).click();
    await quiet(page);
    expect(page.url()).toContain('profile=sched');
    await page.reload();
    await page.waitForFunction(() => window.waitlineProbe?.app.info?.ready === true);
    await quiet(page);
    expect(await page.getByRole('button', { name: 'Scheduler' }).getAttribute('aria-pressed')).toBe('true');
  });

  it('of another trace is not followed', async () => {
    await page.evaluate(() => {
      location.hash = '#trace=other.trace&view=mmu';
    });
    await page.getByText('The link is of other.trace').waitFor();
    expect(await page.evaluate(() => window.waitlineProbe?.app.tab)).not.toBe('mmu');
  });
});

describe('goroutines of the table', () => {
  it('are pinned side by side with those that they woke and were woken by, outlined on the Ps, too', async () => {
    await page.evaluate(() => window.waitlineProbe?.app.setOption('function', 'main.(*server).report.func1'));
    await tab('Goroutines');
    await page.getByRole('button', { name: 'Pin the shortest and the longest' }).click();
    await page.waitForFunction(() => (window.waitlineProbe?.app.pins.rows.length ?? 0) > 2);
    await quiet(page);
    const rows = await page.evaluate(() => window.waitlineProbe?.app.pins.rows ?? []);
    const chosen = rows.filter((r) => r.of === null).map((r) => r.g);
    expect(chosen).toHaveLength(2);
    // Each of them has somebody who woke it.
    for (const g of chosen) expect(rows.some((r) => r.of === g && r.says.includes('woke'))).toBe(true);
    expect(await page.evaluate(() => window.waitlineProbe?.app.chosen)).toBe(chosen[0]);
    // Where it ran it is outlined: the overlay has more ink on the P rows than without it.
    const life = await page.evaluate(async (g) => {
      const params = { func: 'main.(*server).report.func1', limit: 1000 };
      const answer = await window.waitlineProbe?.app.host.request('waitline/goroutineTable', params);
      const { goroutines } = answer as { goroutines: { g: number; start: number; end: number }[] };
      return goroutines.find((r) => r.g === g) ?? { start: 0, end: 1 };
    }, chosen[1] ?? 0);
    await page.evaluate(
      ([g, start, end]) => {
        const app = window.waitlineProbe?.app;
        if (app === undefined) return;
        app.chosen = g;
        app.show({ t0: Math.max(start - 2e5, 0), t1: end + 2e5 }, false);
      },
      [chosen[1] ?? 0, life.start, life.end] as const,
    );
    await quiet(page);
    expect(await page.evaluate(() => window.waitlineProbe?.stage.outlined ?? 0)).toBeGreaterThan(0);
    await page.screenshot({ path: join(pictures, 'pinned.png') });
  });
});

describe('at the end', () => {
  it('has complained of nothing, and asked nobody else', () => {
    expect(seen.complaints).toEqual([]);
    expect(seen.outside).toEqual([]);
  });
});
