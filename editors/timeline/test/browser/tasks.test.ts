// Tasks that have parts, on a real trace that has them: what opens, the arrows between them, what they wrote, what is copied.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { opened, pictures, quiet, type Seen } from './serve.ts';

let on: Awaited<ReturnType<typeof opened>>;
let page: Page;
let seen: Seen;

beforeAll(async () => {
  on = await opened('g126/annot.trace');
  ({ page, seen } = on);
}, 60_000);

afterAll(() => on?.end());

const label = (text: RegExp) => page.locator('.label.task', { hasText: text });

it('open to the tasks and the goroutines that are parts of them', async () => {
  await page.evaluate(() => window.waitlineProbe?.app.show({ t0: 1e5, t1: 1.5e6 }, false));
  await page.locator('.label.header', { hasText: 'Tasks' }).click();
  await quiet(page);
  expect(await label(/^▸?order 5$/).count()).toBe(1);
  await label(/order 5$/).click();
  await quiet(page);
  const labels = await page.locator('.labels').innerText();
  // `serve 7` stands below the order that began it, and nowhere else; so do its goroutines, by their regions.
  expect(labels).toMatch(/order 5\s+serve 7\s+G13\s+mixMilkCoffee\s+G33\s+steamMilk\s+G34\s+extractCoffee, grind/);
  expect(labels.match(/serve 7/g)).toHaveLength(1);
});

it('have arrows to their parts, and ways along them', async () => {
  await page.evaluate(() => window.waitlineProbe?.app.select('task:5', 8e5, { moveTo: true }));
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice?.outgoing[0]?.kind === 'task');
  await quiet(page);
  const panel = await page.locator('aside.panel').innerText();
  expect(panel).toMatch(/has the part task 7 at 1\.375 ms/);
  expect(panel).toMatch(/What it wrote[\s\S]*order: id=2[\s\S]*state: mixed/);
  await page.screenshot({ path: join(pictures, 'task-parts.png') });
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.lane === 'task:7');
  expect(await page.locator('aside.panel').innerText()).toMatch(/part of task 5/);
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.lane === 'task:5');
  // All in view: those between tasks, too.
  await page.keyboard.press('x');
  await page.waitForFunction(() => (window.waitlineProbe?.app.flows.filter((f) => f.kind === 'task').length ?? 0) > 0);
  await page.keyboard.press('x');
});

it('are copied in lines', async () => {
  await page.keyboard.press('c');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.split('\n').length).toBeGreaterThan(1);
  expect(copied).toMatch(/^task order/);
  expect(copied).not.toContain('\\u{a}');
});

it('have complained of nothing', () => {
  expect(seen.complaints).toEqual([]);
  expect(seen.outside).toEqual([]);
});
