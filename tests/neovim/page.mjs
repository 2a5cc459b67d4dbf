// The timeline's page in a real Chromium, for a spec: page.mjs ADDRESS. Each line of its input is an object with
// `press` (a key) or `value` (an expression that is evaluated in the page); each line of its output answers one.
// Exits with 75 where there is no Chromium or no Playwright, and says so.
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { delimiter, join } from 'node:path';

const absent = (what) => {
  console.error(what);
  process.exit(75);
};

async function chromiumPath() {
  const named = process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const path of named ? [named] : folders.map((folder) => join(folder, 'chromium'))) {
    try {
      await access(path);
      return path;
    } catch {}
  }
  return absent('there is no Chromium');
}

const { chromium } = await import('../../editors/timeline/node_modules/playwright-core/index.mjs').catch(() =>
  absent('there is no Playwright (npm ci in editors/timeline)'),
);
const browser = await chromium.launch({ executablePath: await chromiumPath(), args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
page.on('pageerror', (error) => console.error(`the page: ${error}`));
await page.goto(process.argv[2]);
await page.waitForFunction(() => window.waitlineProbe?.app.info?.ready === true, null, { timeout: 60_000 });
console.log(JSON.stringify('ready'));
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.press) await page.keyboard.press(asked.press);
  if (asked.shot) await page.screenshot({ path: asked.shot });
  const answer = asked.value ? await page.evaluate(asked.value) : true;
  console.log(JSON.stringify(answer ?? null));
}
await browser.close();
