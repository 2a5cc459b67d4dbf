// The analyses on a real trace: what their tables and graphs say, how they are narrowed, and how they lead to the timeline.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { fromTheStart, opened, pictures, quiet, type Seen } from './serve.ts';

let on: Awaited<ReturnType<typeof opened>>;
let page: Page;
let seen: Seen;

beforeAll(async () => {
  on = await opened('g126/webmix.trace');
  ({ page, seen } = on);
}, 60_000);

afterAll(() => on?.end());

afterEach(() => fromTheStart(page));

const length = () =>
  page.evaluate(() => {
    const view = window.waitlineProbe?.app.view;
    return (view?.t1 ?? 0) - (view?.t0 ?? 0);
  });
const panel = () => page.locator('aside.panel').innerText();
const rows = (name: string) => page.locator(`table[aria-label="${name}"] tbody tr`);
const tab = async (name: string) => {
  await page.getByRole('tab', { name }).click();
  await quiet(page);
};

it('have goroutines by function, down to one that is pinned', async () => {
  await tab('Goroutines');
  await rows('Goroutines by function').first().waitFor();
  const n = await rows('Goroutines by function').count();
  await page.getByLabel('Filter by name').fill('report');
  expect(await rows('Goroutines by function').count()).toBeLessThan(n);
  await rows('Goroutines by function')
    .first()
    .click({ position: { x: 4, y: 8 } });
  await quiet(page);
  expect(await page.locator('.view').innerText()).toMatch(/584 goroutines, one row each/);
  // What is idle is a column of its own, and in the others only where somebody wants it there.
  await page.getByLabel('Filter by name').fill('serveDB');
  const network = async () => {
    const table = page.locator('table[aria-label="Goroutines by function"]');
    const heads = await table.locator('th').allInnerTexts();
    const cells = await table.locator('tbody tr').first().locator('td').allInnerTexts();
    return ['Costly', 'Idle', 'Network', 'Channel'].map((name) => cells[heads.findIndex((h) => h.startsWith(name))]);
  };
  const without = await network();
  expect(without[1]).toMatch(/^1\d\d$/);
  await page.getByLabel('Idle too').check();
  await expect.poll(async () => (await network()).slice(2)).not.toEqual(without.slice(2));
  expect((await network()).slice(0, 2)).toEqual(without.slice(0, 2));
  await page.getByLabel('Idle too').uncheck();
  await page.getByLabel('Filter by name').fill('report');
  await page.getByRole('button', { name: 'Runnable' }).first().click();
  await page.screenshot({ path: join(pictures, 'goroutines.png') });
  await page.getByRole('button', { name: 'Pin the shortest and the longest' }).click();
  await quiet(page);
  expect(await page.evaluate(() => window.waitlineProbe?.app.pins.rows.filter((r) => r.of === null).length)).toBe(2);
  expect(await page.locator('.labels').innerText()).toContain('Pinned');
});

it('have profiles as a flame graph and as lines, narrowed to a function', async () => {
  await tab('Profiles');
  await rows('Here').first().waitFor();
  expect(await rows('Here').first().innerText()).toMatch(/db\.go:70/);
  expect(await rows('Under').count()).toBeGreaterThan(3);
  const whole = await page.locator('.main .remark b').first().innerText();
  // The lines of the same profile: what was waited there, and how it was spread.
  const lines = rows('Lines of this profile');
  await lines.first().waitFor();
  const cells = await lines.first().locator('td').allInnerTexts();
  expect(cells.slice(0, 3)).toEqual(['db.go:70', 'select {', '974']);
  const [here, total, mean, p50, p99, max] = cells.slice(3).map((c) => Number(c.replace(',', '')));
  expect([here, total]).toEqual([444, 444]);
  expect([mean, p50, p99, max]).toEqual([456, 416, 1253, 1935]);
  expect(seen.opened.some((o) => /db\.go$/.test(o.uri) && o.line === 69)).toBe(false);
  await lines.first().getByText('db.go:70').click();
  await quiet(page);
  expect(seen.opened.some((o) => /db\.go$/.test(o.uri) && o.line === 69)).toBe(true);
  const opened = seen.opened.length;
  await page.locator('.flame canvas').click({ position: { x: 60, y: 36 } });
  await quiet(page);
  expect(seen.opened).toHaveLength(opened + 1);
  await page.screenshot({ path: join(pictures, 'profiles.png') });
  await tab('Goroutines');
  await page.getByLabel('Filter by name').fill('report.func1');
  await rows('Goroutines by function')
    .first()
    .click({ position: { x: 4, y: 8 } });
  await quiet(page);
  await page.getByRole('button', { name: 'Profile of these' }).click();
  await quiet(page);
  expect(await page.locator('.scope').innerText()).toContain('only main.(*server).report.func1');
  expect(await page.locator('.main .remark b').first().innerText()).not.toBe(whole);
});

it('have tasks with what they wrote, and regions', async () => {
  await tab('Tasks');
  await rows('Tasks').first().waitFor();
  expect(await page.locator('table[aria-label=Tasks]').innerText()).toMatch(/order[\s\S]*412/);
  expect(await rows('Regions').count()).toBeGreaterThan(3);
  await rows('Longest of order').first().waitFor();
  const n = await rows('Longest of order').count();
  await page.getByLabel(/^Lengths, such as/).fill('>1ms <2.5ms');
  await quiet(page);
  const some = await rows('Longest of order').count();
  expect(some).toBeGreaterThan(0);
  expect(some).toBeLessThan(n);
  expect(await page.locator('.view').innerText()).toContain(`${some} tasks, longest first`);
  // What is profiled are these alone.
  await page.getByRole('button', { name: 'Profile of these' }).click();
  await quiet(page);
  expect(await page.locator('.scope').innerText()).toContain('only tasks order, 1.00 ms to 2.50 ms');
  const time = page.locator('.main .remark b').first();
  const ofSome = await time.innerText();
  expect(page.url()).toMatch(/tasks=order&min=1000000&max=2500000/);
  await tab('Tasks');
  await page.getByLabel(/^Lengths, such as/).fill('');
  await quiet(page);
  await page.getByRole('button', { name: 'Only these' }).click();
  await tab('Profiles');
  expect(await page.locator('.scope').innerText()).toMatch(/only tasks order\s*×/);
  expect(await time.innerText()).not.toBe(ofSome);
  await page.getByRole('button', { name: /only tasks order/ }).click();
  await tab('Tasks');
  await page.getByRole('button', { name: 'Cut off' }).click();
  await quiet(page);
  expect(await page.locator('table[aria-label=Tasks]').innerText()).not.toMatch(/order/);
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await quiet(page);
  await page.screenshot({ path: join(pictures, 'tasks.png') });
  await rows('Longest of order')
    .first()
    .dblclick({ position: { x: 4, y: 8 } });
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.lane.startsWith('task:'));
  await quiet(page);
  expect(await panel()).toMatch(/task order/);
});

it('have the utilisation, and its worst windows lead to the timeline', async () => {
  await tab('MMU');
  await rows('Worst windows').first().waitFor();
  const said = await page.locator('.main').innerText();
  expect(said).toMatch(/In its worst 1\.00 ms the program got [\d.]+ % of the CPU/);
  await page.getByLabel('sweep').check();
  await quiet(page);
  await page.screenshot({ path: join(pictures, 'mmu.png') });
  const whole = await length();
  await rows('Worst windows')
    .first()
    .dblclick({ position: { x: 4, y: 8 } });
  expect(await page.evaluate(() => window.waitlineProbe?.app.tab)).toBe('timeline');
  expect(await length()).toBeLessThan(whole / 10);
});

it('have complained of nothing', () => {
  expect(seen.complaints).toEqual([]);
  expect(seen.outside).toEqual([]);
});
