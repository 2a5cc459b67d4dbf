// A trace can hold anything. Here every text that the server answers is an attack, in every view of the page: nothing may
// run, nothing may be asked of anybody else, and people see the letters.
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  context,
  fromDisk,
  launch,
  quiet,
  ready,
  repository,
  type Seen,
  type Served,
  serve,
  WIDE,
  watch,
} from './serve.ts';

const ATTACKS = [
  '<script>window.hacked=1</script>',
  '<img src=x onerror="window.hacked=1">',
  '<svg onload="window.hacked=1">',
  '"><img src=http://attack.example/a onerror=window.hacked=1>',
  "' onmouseover='window.hacked=1' x='",
  '</style><script>window.hacked=1</script>',
  '</title><script>window.hacked=1</script>',
  'javascript:window.hacked=1',
  '[x](command:workbench.action.terminal.new)',
  '[x](javascript:window.hacked=1)',
  '![x](http://attack.example/b)',
  '{{constructor.constructor("window.hacked=1")()}}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an attack on templates
  '${window.hacked=1}',
  '\u202egnp.exe',
  '\u001b]8;;http://attack.example\u0007x\u001b]8;;\u0007',
  '\u001b[2J\u0000',
  '__proto__',
  'constructor',
  '\ud800',
  'Z\u0351\u036b\u0343a\u0332\u0326l\u0318go',
  '<iframe srcdoc="<script>parent.hacked=1</script>">',
  '<base href=http://attack.example/>',
  '<meta http-equiv=refresh content="0;url=http://attack.example/">',
  'x'.repeat(100_000),
];

/** Fields that people read. What goes back to the server stays: with it changed there would be nothing to see. */
const READ =
  /^(func|name|first|title|message|detail|text|reason|what|where|summary|label|code|source|trace|partial|state|category|file)$/;

let n = 0;
function attack(x: unknown, key = ''): unknown {
  if (typeof x === 'string') return READ.test(key) ? ATTACKS[n++ % ATTACKS.length] : x;
  if (Array.isArray(x)) return x.map((item) => attack(item, key));
  if (typeof x === 'object' && x !== null) {
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, attack(v, key === 'names' ? 'name' : k)]));
  }
  return x;
}

let browser: Browser;
let served: Served;
let page: Page;
let seen: Seen;

beforeAll(async () => {
  served = await serve(
    join(repository, 'testdata/traces/g126/webmix.trace'),
    join(repository, 'testdata/programs/webmix'),
  );
  browser = await launch();
  page = await (await context(browser, WIDE)).newPage();
  seen = watch(page, served.origin);
  page.on('dialog', (d) => {
    seen.complaints.push(`a dialog: ${d.message()}`);
    void d.dismiss();
  });
  await fromDisk(page, served.origin);
  await page.route('**/request', async (route) => {
    const answer = await route.fetch();
    const body: unknown = await answer.json();
    await route.fulfill({ response: answer, json: attack(body) });
  });
  await page.goto(served.address);
  await ready(page);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  served?.end();
});

it('shows attacks as the text that they are, in every view', async () => {
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => window.waitlineProbe?.app.selection?.slice != null);
  await quiet(page);
  await page.mouse.move(700, 480);
  await page.waitForTimeout(200);
  const views: string[] = [await page.locator('body').innerText()];
  await page.keyboard.press('t');
  views.push(await page.locator('body').innerText());
  await page.keyboard.press('t');
  await page.keyboard.press('/');
  await page.keyboard.type('query');
  await page.locator('.drop .item').first().waitFor();
  views.push(await page.locator('.drop').innerText());
  await page.keyboard.press('Escape');
  for (const tab of ['Goroutines', 'Profiles', 'Tasks', 'MMU', 'Findings']) {
    await page.getByRole('tab', { name: tab }).click();
    await quiet(page);
    const row = page.locator('tbody tr').first();
    if ((await row.count()) > 0) await row.click({ position: { x: 4, y: 8 } });
    await quiet(page);
    views.push(await page.locator('body').innerText());
  }
  const all = views.join('\n');
  const shown = ATTACKS.filter((a) => a.startsWith('<') && all.includes(a.slice(0, 12)));
  console.log(
    `${n} texts of ${ATTACKS.length} attacks in ${views.length} views: ${shown.length} kinds of markup were seen as text`,
  );
  expect(n).toBeGreaterThan(500);
  expect(shown.length).toBeGreaterThan(3);
  // Nothing became an element, ran, or turned the direction of what is read.
  expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined();
  expect(
    await page.locator('img, iframe, base, script:not([nonce]), svg:not(.bins), meta[http-equiv=refresh]').count(),
  ).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(all).not.toMatch(/[\u202a-\u202e\u001b\u0000]/);
  expect(seen.complaints).toEqual([]);
  expect(seen.outside).toEqual([]);
});
