// That what is shown is true, on real traces and without an editor: figures that must add up do, what is approximate is
// told so, and what is copied leads somewhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { functions, parts } from '../../src/model/analyses.ts';
import { info } from '../../src/model/protocol.ts';
import { field, list, text } from '../../src/model/read.ts';
import { costlyWaiting, summary } from '../../src/model/summary.ts';
import { opened, pictures, quiet, repository, type Seen } from './serve.ts';

let on: Awaited<ReturnType<typeof opened>>;
let page: Page;
let seen: Seen;

beforeAll(async () => {
  on = await opened('g126/webmix.trace');
  ({ page, seen } = on);
}, 60_000);

afterAll(() => on?.end());

const ask = (method: string, params: object) =>
  page.evaluate(([method, params]) => window.waitlineProbe?.app.host.request(method, params as never), [
    method,
    params,
  ] as const);
const tab = async (name: string) => {
  await page.getByRole('tab', { name }).click();
  await quiet(page);
};
const copied = () => page.evaluate(() => navigator.clipboard.readText());

it('the parts of all goroutines come to all of their time, and who ran has running', async () => {
  const rows = functions(await ask('waitline/goroutineTable', { system: true, limit: 1000 })).rows;
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const all = row.picked('sum', true);
    const sum = parts(all).reduce((ns, p) => ns + p.ns, 0);
    expect([row.func, sum]).toEqual([row.func, all.beside.get('total')]);
  }
  await tab('Goroutines');
  const serving = page.locator('table[aria-label="Goroutines by function"] tbody tr', { hasText: '(*conn).serve' });
  const titles = await page.locator('table[aria-label="Goroutines by function"] th').allInnerTexts();
  const cells = await serving.locator('td').allInnerTexts();
  expect(cells[titles.indexOf('Running')]).toMatch(/\d/);
  expect(titles).toContain('In assists');
});

it('groups cost together what the header says, of the whole trace and of a range', async () => {
  await tab('Timeline');
  const of = async (span: object) => costlyWaiting(summary(await ask('waitline/timelineSummary', span)));
  const groups = info(await ask('waitline/timelineInfo', {}))?.groups ?? [];
  const end = await page.evaluate(() => window.waitlineProbe?.app.end ?? 0);
  expect(await of({ t0: 0, t1: end })).toBe(groups.reduce((ns, g) => ns + g.costly, 0));
  const range = { t0: 15.4e6, t1: 19.4e6 };
  let sum = 0;
  for (const g of groups) sum += await of({ ...range, filter: { group: g.id } });
  expect(sum).toBe(await of(range));
  const words = await page.locator('aside.panel').innerText();
  expect(words).toMatch(/Costly on own lines, by cause/);
  // Shares are of the whole that stands beside them.
  const lists = words.split(/\n(?=Own lines that wait most|Lines of libraries|Longest waits)/);
  for (const list of lists.filter((l) => /^(Own|Lines of)/.test(l))) {
    expect(list).toMatch(/of [\d.]+ (ms|s|µs)/);
    const shares = [...list.matchAll(/([\d.]+) %/g)].map((m) => Number(m[1]));
    expect(shares.reduce((a, b) => a + b, 0)).toBeLessThan(100.5);
  }
});

it('what a pixel joins is not told as a length', async () => {
  await page.evaluate(() => window.waitlineProbe?.app.show({ t0: 0, t1: window.waitlineProbe.app.end }, false));
  await quiet(page);
  const field = await page.locator('.field').boundingBox();
  if (field === null) throw new Error('no field');
  // On a lane there is a card, and it goes with the lanes.
  await page.evaluate(() => void window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.g === 15);
  await quiet(page);
  const label = await page.locator('.label.selected').boundingBox();
  await page.mouse.move(field.x + field.width / 2, (label?.y ?? 0) + 8);
  await page.locator('.card').waitFor();
  await page.keyboard.press('t');
  await page.locator('.twin tbody tr').first().waitFor();
  expect(await page.locator('.card').count()).toBe(0);
  const lengths = await page.locator('.twin tbody td:last-child').allInnerTexts();
  expect(lengths.some((l) => /^(several, |up to |≈ )/.test(l))).toBe(true);
  await page.screenshot({ path: join(pictures, 'spans-as-table.png') });
  await page.keyboard.press('t');
  await page.keyboard.press('Escape');
});

it('what was found is told apart by goroutine, start and length', async () => {
  await page.keyboard.press('/');
  expect(await page.locator('.drop.hint').innerText()).toMatch(/state:lock.*>1ms/);
  await page.keyboard.type('db.go');
  const rows = page.getByRole('option');
  await rows.first().waitFor();
  const told = (await rows.allInnerTexts()).map((t) => t.replace(/\s+/g, ' '));
  for (const row of told) expect(row).toMatch(/G\d+ [\d.]+ (s|ms|µs|ns) [\d.]+ (s|ms|µs|ns)$/);
  expect(new Set(told).size).toBe(told.length);
  await page.keyboard.press('Escape');
});

it('without an editor the page shows the source, with what its lines cost and the way to their spans', async () => {
  const pane = page.locator('section.source');
  await page.evaluate(() => void window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true, source: 'beside' }));
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.g === 15);
  await quiet(page);
  // What is only selected opens nothing.
  expect(await pane.count()).toBe(0);
  await page.locator('aside.panel .link.mono', { hasText: 'db.go:70' }).first().click();
  const current = pane.locator('[aria-current]');
  await current.waitFor();
  // The line as it stands in the file, in sight, with the figures of the editor.
  const file = join(repository, 'testdata/programs/webmix/db.go');
  const words = readFileSync(file, 'utf8').split('\n')[69] ?? '';
  expect((await current.locator('.words').innerText()).trim()).toBe(words.trim());
  expect(await current.locator('.no').innerText()).toBe('70');
  const costs = await ask('waitline/lineCosts', { uri: pathToFileURL(file).href });
  const cost = list(field(costs, 'lines'), (l) => (field(l, 'line') === 69 ? text(field(l, 'text')) : null));
  expect(await current.locator('.cost').innerText()).toBe(cost[0]);
  const [box, line] = [await pane.locator('.code').boundingBox(), await current.boundingBox()];
  expect(line?.y ?? 0).toBeGreaterThan(box?.y ?? Number.POSITIVE_INFINITY);
  expect((line?.y ?? 0) + (line?.height ?? 0)).toBeLessThan((box?.y ?? 0) + (box?.height ?? 0));
  await page.screenshot({ path: join(pictures, 'source.png') });
  // A figure leads to the line's spans, and the source stays with what is selected.
  const other = pane.locator('.line:not([aria-current])', { has: page.locator('.cost') }).first();
  const no = await other.locator('.no').innerText();
  await other.locator('.cost').click();
  await expect.poll(() => current.locator('.no').innerText()).toBe(no);
  const selected = await page.evaluate(() => window.waitlineProbe?.app.selection?.slice?.site?.line);
  expect(String((selected ?? -1) + 1)).toBe(no);
  await page.getByRole('button', { name: 'Copy place' }).click();
  await page.getByText(/^Copied \//).waitFor();
  expect(await copied()).toBe(`${file}:${no}`);
  // The words for it are beside the details.
  const toast = await page.locator('.toast').boundingBox();
  const panel = await page.locator('aside.panel').boundingBox();
  expect((toast?.x ?? 0) + (toast?.width ?? 0)).toBeLessThanOrEqual(panel?.x ?? 0);
  // A range narrows its figures, too.
  const figures = () => pane.locator('.cost').allInnerTexts();
  const before = await figures();
  await page.evaluate(() => window.waitlineProbe?.app.setRange({ t0: 15.4e6, t1: 19.4e6 }));
  await expect.poll(figures).not.toEqual(before);
  expect(await page.locator('.scope').innerText()).not.toContain('The source shows');
  await page.evaluate(() => window.waitlineProbe?.app.setRange(null));
  await expect.poll(figures).toEqual(before);
  // Asked for again, the line comes back into sight; figures that change lead nobody away.
  const code = pane.locator('.code');
  const scrolled = () => code.evaluate((e) => e.scrollTop);
  const link = page.locator('aside.panel .link.mono', { hasText: /^\S+\.go:\d+/ }).first();
  await link.click();
  await quiet(page);
  const there = await scrolled();
  expect(there).toBeGreaterThan(0);
  await code.evaluate((e) => e.scrollTo(0, 0));
  await page.evaluate(() => window.waitlineProbe?.app.source.refresh());
  await quiet(page);
  expect(await scrolled()).toBe(0);
  await link.click();
  await expect.poll(scrolled).toBe(there);
  // Its lines are a list in a part with a name, and it was said that it is there.
  expect(await pane.getByRole('list').count()).toBe(1);
  expect(await code.getAttribute('aria-label')).toMatch(/^Lines of \w+\.go$/);
  expect(await page.locator('.hidden[aria-live=polite]').innerText()).toMatch(/The source of \w+\.go is below\./);
  // The focus goes back to where it came from; where that is gone, not to nobody.
  await code.focus();
  await page.keyboard.press('Escape');
  await expect.poll(() => pane.count()).toBe(0);
  expect(await link.evaluate((e) => e === document.activeElement)).toBe(true);
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await link.evaluate((e: HTMLElement) => e.click());
  await pane.waitFor();
  const close = pane.getByRole('button', { name: 'Close the source' });
  await close.focus();
  await close.click();
  await expect.poll(() => pane.count()).toBe(0);
  expect(await page.locator('.label.selected:focus, [role=tab]:focus').count()).toBe(1);
});

it('a figure of a line without spans leads to no other line', async () => {
  const pane = page.locator('section.source');
  const selected = () =>
    page.evaluate(() => [window.waitlineProbe?.app.selection?.lane, window.waitlineProbe?.app.selection?.start]);
  await page
    .locator('aside.panel .link.mono', { hasText: /^\S+\.go:\d+/ })
    .first()
    .click();
  await pane.waitFor();
  await quiet(page);
  const before = await selected();
  expect(before[0]).toBeTypeOf('string');
  // As a server answers of a line that only ran.
  const none = { result: { of: 0, ns: 0, instances: [], ticks: [] } };
  await page.route('**/request', (route) =>
    route.request().postData()?.includes('waitline/timelineInstances')
      ? route.fulfill({ json: none })
      : route.fallback(),
  );
  await pane.locator('.line:not([aria-current]) .cost').first().click();
  await page.getByText('No spans of this line are on the timeline.').waitFor();
  await quiet(page);
  expect(await selected()).toEqual(before);
  await page.unroute('**/request');
  await page.keyboard.press('Escape');
  await expect.poll(() => pane.count()).toBe(0);
});

it('the focus goes with the selection from label to label', async () => {
  await page.evaluate(() => void window.waitlineProbe?.app.select('g:15', 17e6, { moveTo: true }));
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice?.waker != null);
  await quiet(page);
  await page.locator('button.label.selected').focus();
  const before = await page.evaluate(() => document.activeElement?.textContent);
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.g !== 15);
  await quiet(page);
  const after = await page.evaluate(() => [
    document.activeElement?.textContent,
    document.activeElement?.classList.contains('selected'),
  ]);
  expect(after[0]).not.toBe(before);
  expect(after[1]).toBe(true);
  const named = await page.locator('button.label.header').first().getAttribute('aria-label');
  expect(named).not.toMatch(/×/);
  await page.keyboard.press('Escape');
});

it('has complained of nothing', () => {
  expect(seen.complaints).toEqual([]);
  expect(seen.outside).toEqual([]);
});
