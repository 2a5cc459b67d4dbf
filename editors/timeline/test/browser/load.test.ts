// A load as a person sees it: how far it is, how long it takes, that it can be ended; then the trace, and lanes that come
// one after another. The real page and server; only what tells of the load is made here, as a small trace loads at once.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { context, fromDisk, launch, pictures, quiet, repository, type Seen, serve, WIDE, watch } from './serve.ts';

let browser: Browser;
let served: Awaited<ReturnType<typeof serve>>;
let page: Page;
let seen: Seen;
let shown = false;
let lanes = 0;
const asked: string[] = [];

const loading = { trace: '/tmp/big.trace', share: 0.64, secondsLeft: 2.4, bytes: 640 * 2 ** 20, of: 1000 * 2 ** 20 };
let tell: object | null = loading;

beforeAll(async () => {
  served = await serve(
    join(repository, 'testdata/traces/g126/webmix.trace'),
    join(repository, 'testdata/programs/webmix'),
  );
  browser = await launch();
  page = await (await context(browser, WIDE)).newPage();
  seen = watch(page, served.origin);
  await fromDisk(page, served.origin);
  // The page asks again when an answer is over.
  await page.route('**/events', (route) => {
    const body = tell === null ? '\n' : `${JSON.stringify({ event: 'state', payload: { loading: tell } })}\n`;
    tell = null;
    return route.fulfill({ body });
  });
  await page.route('**/request', async (route) => {
    const { method } = JSON.parse(route.request().postData() ?? '{}') as { method: string };
    asked.push(method);
    if (method === 'waitline/traces' && !shown) return route.fulfill({ json: { result: { traces: [] } } });
    if (method !== 'waitline/timelineInfo' || lanes >= 1) return route.continue();
    const answer = await route.fetch();
    const { result } = (await answer.json()) as { result: { lanes: string[]; groups: unknown[] } };
    const some = { ...result, ready: false, progress: lanes, groups: [], until: 30e6 };
    await route.fulfill({ response: answer, json: { result: lanes === 0 ? { ...some, lanes: [] } : some } });
  });
  await page.goto(served.address);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  served?.end();
});

it('says how far it is and how long it takes, and ends when told to', async () => {
  await page.getByRole('progressbar').waitFor();
  const said = await page.locator('.empty').innerText();
  expect(said).toContain('big.trace reading');
  expect(said).toMatch(/64\.0 % · 640 MiB of 1,000 MiB · about 2 s left/);
  expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('64');
  await page.screenshot({ path: join(pictures, 'loading.png') });
  tell = { trace: loading.trace, share: 1, secondsLeft: null, judging: true };
  await page.getByText('big.trace read; its waits are being judged').waitFor();
  expect(await page.locator('.empty').innerText()).not.toContain('%');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByText('No trace. Load a trace').waitFor();
  expect(asked).toContain('waitline/cancelLoad');
});

it('shows first lanes before all of them are there, and then all', async () => {
  shown = true;
  lanes = 0;
  await page.evaluate(() => window.waitlineProbe?.app.begin());
  await page.getByText('lanes are being made').waitFor();
  lanes = 0.4;
  await page.getByText(/Lanes are being made: 40\.0 %, up to 30\.0 ms/).waitFor();
  await quiet(page).catch(() => undefined);
  expect(await page.evaluate(() => window.waitlineProbe?.stage.drawnRects)).toBeGreaterThan(0);
  expect(await page.locator('.labels').innerText()).toMatch(/P0[\s\S]*P1/);
  await page.screenshot({ path: join(pictures, 'first-lanes.png') });
  // What is there can be used.
  await page.keyboard.press('w');
  expect(await page.evaluate(() => (window.waitlineProbe?.app.view.t1 ?? 0) < 85e6)).toBe(true);
  lanes = 1;
  await page.locator('.label.header', { hasText: '(*conn).serve' }).waitFor();
  expect(await page.locator('.note.loading').count()).toBe(0);
});

it('has complained of nothing', () => {
  // Cancelling where nothing is loaded is no error, and neither is anything else.
  expect(seen.complaints).toEqual([]);
  expect(seen.outside).toEqual([]);
});
