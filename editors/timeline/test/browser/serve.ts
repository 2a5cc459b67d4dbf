// The product as a person has it: `waitline timeline TRACE`, and a Chromium that opens what it prints.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
export const repository = join(here, '..', '..', '..', '..');
export const pictures = join(here, 'out');

function program(): string {
  const path = process.env.WAITLINE ?? join(repository, 'target', 'release', 'waitline');
  if (!existsSync(path)) throw new Error(`there is no ${path} (cargo build --release, or WAITLINE=PATH)`);
  return path;
}

function browserPath(): string {
  const named = process.env.CHROMIUM;
  if (named !== undefined) return named;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // The next one.
    }
  }
  throw new Error('there is no Chromium (Debian: apt-get install chromium, or CHROMIUM=PATH)');
}

export interface Served {
  /** The address with its token, good once. */
  readonly address: string;
  readonly origin: string;
  end(): void;
}

export async function serve(trace: string, workspace: string): Promise<Served> {
  const child: ChildProcess = spawn(program(), ['timeline', trace, '--workspace', workspace, '--no-open'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (d) => {
    said += String(d);
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('internal error: no stdout');
  const file = await new Promise<string>((done, failed) => {
    createInterface({ input: stdout }).once('line', done);
    child.once('exit', (code) => failed(new Error(`waitline timeline ended with ${code}: ${said}`)));
  });
  const address = readFileSync(file.trim(), 'utf8')
    .match(/url=([^"]+)"/)?.[1]
    ?.replaceAll('&amp;', '&');
  if (address === undefined) throw new Error(`no address in ${file}`);
  return { address, origin: new URL(address).origin, end: () => child.kill('SIGKILL') };
}

export interface Seen {
  /** Console messages that are not plain talk, page errors, refused policies. */
  readonly complaints: string[];
  /** Requests to anywhere but the server. */
  readonly outside: string[];
  /** What was asked to be opened in an editor. */
  readonly opened: { uri: string; line: number; col: number; focus: boolean }[];
}

export interface Look {
  width: number;
  height: number;
  theme: 'dark' | 'light' | 'contrast';
}

export const WIDE: Look = { width: 1440, height: 900, theme: 'dark' };

export async function launch(): Promise<Browser> {
  mkdirSync(pictures, { recursive: true });
  // Without a sandbox, as root in a container has none; without a GPU, as that is what is measured.
  return chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox', '--disable-gpu'] });
}

export async function context(browser: Browser, look: Look): Promise<BrowserContext> {
  return browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme === 'light' ? 'light' : 'dark',
    forcedColors: look.theme === 'contrast' ? 'active' : 'none',
    reducedMotion: 'reduce',
  });
}

/**
 * PAGE_FROM_DISK=1: the page of dist/ in place of the one in the binary, under the same policy. For work on the page
 * without building the server each time; tests/run leaves it alone.
 */
export async function fromDisk(page: Page, origin: string): Promise<void> {
  if (process.env.PAGE_FROM_DISK === undefined) return;
  const body = readFileSync(join(here, '..', '..', 'dist', 'timeline.html'), 'utf8');
  const hash = (element: string) => {
    const text = body.match(new RegExp(`<${element}[^>]*>([\\s\\S]*?)</${element}>`))?.[1] ?? '';
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  const policy = `default-src 'none'; script-src ${hash('script')}; style-src ${hash('style')}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`;
  await page.route(`${origin}/`, (route) =>
    route.fulfill({ body, contentType: 'text/html; charset=utf-8', headers: { 'content-security-policy': policy } }),
  );
}

export function watch(page: Page, origin: string): Seen {
  const seen: Seen = { complaints: [], outside: [], opened: [] };
  const open = new Set<unknown>();
  traffic.set(page, { open });
  page.on('request', (r) => {
    if (!/\/(events|open)$/.test(r.url())) open.add(r);
  });
  page.on('requestfinished', (r) => open.delete(r));
  page.on('requestfailed', (r) => open.delete(r));
  page.on('console', (m) => {
    // A refused click (no editor is there) is told by the browser as a failed resource.
    if (['error', 'warning'].includes(m.type()) && !m.location().url.endsWith('/open')) seen.complaints.push(m.text());
  });
  page.on('pageerror', (e) => seen.complaints.push(String(e)));
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (url.origin !== origin && url.protocol !== 'data:' && url.protocol !== 'blob:') seen.outside.push(r.url());
    if (url.pathname === '/open') seen.opened.push(JSON.parse(r.postData() ?? '{}'));
  });
  return seen;
}

/** Until the lanes are there and nothing is asked for any more. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const probe = window.waitlineProbe;
    return probe !== undefined && probe.app.info?.ready === true && probe.stage.drawnRects > 0;
  });
  await quiet(page);
}

/** Until the page has asked for nothing for a while, and has drawn what it got. The stream of events never ends, and an editor may take its time. */
export async function quiet(page: Page): Promise<void> {
  const t = traffic.get(page);
  const until = Date.now() + 15_000;
  for (let calm = 0; calm < 3; ) {
    if (Date.now() > until) throw new Error('the page has been asking for 15 s');
    await page.waitForTimeout(60);
    calm = t === undefined || t.open.size === 0 ? calm + 1 : 0;
  }
  await page.evaluate(
    () => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  );
}

const traffic = new WeakMap<Page, { open: Set<unknown> }>();

/** A page on a bundled trace, with the clipboard and without an editor. */
export async function opened(trace: string): Promise<{ page: Page; seen: Seen; end: () => Promise<void> }> {
  const served = await serve(join(repository, 'testdata/traces', trace), join(repository, 'testdata/programs/webmix'));
  const browser = await launch();
  const page = await (await context(browser, WIDE)).newPage();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: served.origin });
  const seen = watch(page, served.origin);
  await fromDisk(page, served.origin);
  await page.goto(served.address);
  await ready(page);
  const end = async () => {
    await browser.close();
    served.end();
  };
  return { page, seen, end };
}

/** Each test of a page begins at the whole trace with nothing chosen. */
export async function fromTheStart(page: Page): Promise<void> {
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  for (let i = 0; i < 8; i++) await page.keyboard.press('Escape');
  await page.getByRole('tab', { name: 'Timeline' }).click();
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.keyboard.press('0');
  await page.evaluate(() => {
    const app = window.waitlineProbe?.app;
    if (app?.open.has('tasks')) app.toggle('tasks');
    app?.scrollBy(-1e6);
  });
  await quiet(page);
}
