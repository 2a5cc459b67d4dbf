// The workbench as a person uses it: finds what is on the screen, and clicks and types.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { out } from './code-server.mjs';

const PATIENCE = 30_000;

/** The process of the extension host, among those that this code-server started; 0 if there is none. */
export function extensionHost(group) {
  for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
    try {
      const of = Number(
        readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /, '')
          .split(' ')[2],
      );
      if (of === group && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--type=extensionHost'))
        return Number(pid);
    } catch {} // it ended meanwhile
  }
  return 0;
}

export class Workbench {
  constructor(vscode, shots) {
    this.vscode = vscode;
    this.page = vscode.page;
    this.shots = shots;
    this.began = Date.now();
  }

  step(name) {
    console.log(`  ok ${((Date.now() - this.began) / 1000).toFixed(1).padStart(6)} s  ${name}`);
  }

  async open(dir) {
    await this.page.goto(`${this.vscode.origin}/?folder=${encodeURIComponent(dir)}`);
    await this.seen(this.page.locator('.monaco-workbench'));
    await this.seen(this.page.locator('.explorer-folders-view .monaco-list-row'));
  }

  // The editor keeps what is scrolled away, hidden, before what is seen: the first of all is not asked for.
  seen(locator) {
    return locator.filter({ visible: true }).first().waitFor({ state: 'visible', timeout: PATIENCE });
  }

  gone(locator) {
    return locator.filter({ visible: true }).first().waitFor({ state: 'hidden', timeout: PATIENCE });
  }

  /** A picture, if somebody wants to look at them. */
  async shot(name) {
    if (!this.shots) return;
    await mkdir(this.shots, { recursive: true });
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: join(this.shots, `${name}.png`) });
  }

  /** A picture for readers: as WebP, a third of a PNG, if its name says so. */
  async picture(path) {
    let image = await this.page.screenshot();
    if (path.endsWith('.webp')) {
      const blank = await this.vscode.context.newPage();
      const data = await blank.evaluate(async (png) => {
        const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        canvas.getContext('2d').drawImage(bitmap, 0, 0);
        const blob = await canvas.convertToBlob({ type: 'image/webp', quality: 0.85 });
        const bytes = new Uint8Array(await blob.arrayBuffer());
        return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));
      }, image.toString('base64'));
      await blank.close();
      image = Buffer.from(data, 'base64');
    }
    await writeFile(path, image);
  }

  /** Runs a command by its title in the palette: one that is not there cannot be run. */
  async palette(...titles) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      for (const title of titles) {
        await this.page.keyboard.press('F1');
        await this.page.locator('.quick-input-widget input.input').fill(`>${title}`);
        const text = title.replace(/^Waitline: /, '');
        const row = this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: text });
        const there = await row
          .first()
          .waitFor({ state: 'visible', timeout: 2000 })
          .then(
            () => true,
            () => false,
          );
        await this.page.keyboard.press(there ? 'Enter' : 'Escape');
        if (there) return;
      }
    }
    throw new Error(`no command ${titles.join(' or ')}`);
  }

  /** What the palette lists for a text. */
  async listed(text) {
    await this.page.keyboard.press('F1');
    await this.page.locator('.quick-input-widget input.input').fill(`>${text}`);
    await this.page.waitForTimeout(800);
    const list = await this.page.locator('.quick-input-list .monaco-list-row .label-name').allInnerTexts();
    await this.page.keyboard.press('Escape');
    return list;
  }

  async answer(text) {
    const input = this.page.locator('.quick-input-widget input.input');
    await this.seen(input);
    await input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Picks a row of the list that is open. */
  async choose(text) {
    const input = this.page.locator('.quick-input-widget input.input');
    await this.seen(input);
    await input.fill(text);
    await this.seen(this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: text }));
    await this.page.keyboard.press('Enter');
  }

  async theme(name) {
    await this.page.keyboard.press('Control+K');
    await this.page.keyboard.press('Control+T');
    const input = this.page.locator('.quick-input-widget input.input');
    await this.page.waitForTimeout(500);
    await input.fill(name);
    await this.seen(this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name }));
    await this.page.keyboard.press('Enter');
    await this.gone(this.page.locator('.quick-input-widget'));
    await this.page.waitForTimeout(500);
  }

  async openFile(name) {
    await this.page.keyboard.press('Control+P');
    await this.page.locator('.quick-input-widget input.input').fill(name);
    const base = name.split('/').at(-1);
    await this.seen(this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: base }));
    await this.page.keyboard.press('Enter');
    await this.seen(this.page.locator('.tab.active', { hasText: base }));
    await this.seen(this.page.locator('.part.editor .view-line, iframe.webview'));
  }

  /** Closes the tab in front by its cross: keys go to its page, if it is one. */
  closeTab() {
    return this.page.locator('.tab.active .tab-actions .action-label').first().click();
  }

  async goto(line) {
    await this.page.keyboard.press('Control+P');
    await this.answer(`:${line}`);
    await this.at(`Ln ${line}`);
  }

  at(text) {
    return this.seen(this.page.locator('.statusbar-item', { hasText: new RegExp(`${text}\\b`) }));
  }

  async view(name) {
    await this.page.locator(`.activitybar .action-item a[aria-label^="${name}"]`).first().click();
    await this.seen(this.page.locator('.sidebar .composite.title', { hasText: new RegExp(name, 'i') }));
  }

  sidebar(selector, text) {
    return this.page.locator(
      selector
        .split(',')
        .map((s) => `.sidebar ${s.trim()}`)
        .join(','),
      { hasText: text },
    );
  }

  row(text) {
    return this.page.locator('.sidebar .monaco-list-row', { hasText: text });
  }

  /** What stands at the ends of the lines that are on the screen, after their code. */
  async figures() {
    return this.page.evaluate(() => {
      const found = [];
      for (const line of document.querySelectorAll('.part.editor .view-line')) {
        const texts = [...line.querySelectorAll('span[class*="ced-"]')]
          .map((span) => getComputedStyle(span, '::after').content)
          .filter((content) => content.startsWith('"'))
          .map((content) => JSON.parse(content));
        if (texts.length > 0)
          found.push({ code: line.textContent.replaceAll('\u00a0', ' ').trim(), text: [...new Set(texts)].join(' ') });
      }
      return found;
    });
  }

  /** Waits until a figure holds this text, on a line of code that begins so. */
  async figure(text, code = '', patience = PATIENCE) {
    return this.until(
      `figure ${text} on ${code || 'a line'}`,
      async () => (await this.figures()).find((f) => f.text.includes(text) && f.code.startsWith(code)),
      patience,
    );
  }

  async noFigure(text) {
    return this.until(`no figure ${text}`, async () => !(await this.figures()).some((f) => f.text.includes(text)));
  }

  async until(what, ask, patience = PATIENCE) {
    for (const end = Date.now() + patience; Date.now() < end; await this.page.waitForTimeout(60)) {
      const value = await ask();
      if (value) return value;
    }
    throw new Error(`waited in vain: ${what}\n${JSON.stringify(await this.figures())}`);
  }

  /** Figures that the window has drawn anywhere, on the screen or not: each has a rule of its own. */
  async drawnFigures(start) {
    const texts = await this.page.evaluate(() =>
      [...document.styleSheets].flatMap((sheet) =>
        [...sheet.cssRules]
          .filter((rule) => /\.ced-/.test(rule.selectorText ?? '') && rule.style.content.startsWith('"'))
          .map((rule) => JSON.parse(rule.style.content)),
      ),
    );
    return texts.filter((text) => text.startsWith(start)); // the editor's own extensions draw, too
  }

  lens(text) {
    return this.page.locator('.codelens-decoration a, .codelens-decoration span', { hasText: text });
  }

  /** Takes something with the pointer: then it can be moved over other things, and dropped. */
  async drag(what) {
    const box = await this.rest(what);
    const { mouse } = this.page;
    await mouse.move(box.x + Math.min(60, box.width / 2), box.y + box.height / 2);
    await mouse.down();
    await mouse.move(box.x + 90, box.y + box.height / 2, { steps: 4 });
    return {
      over: async (place) => {
        const to = await this.rest(place);
        await mouse.move(to.x + to.width / 2, to.y + to.height - Math.min(12, to.height / 2), { steps: 8 });
        await this.page.waitForTimeout(400); // targets appear under the pointer
        await mouse.move(to.x + to.width / 2 + 3, to.y + to.height - Math.min(12, to.height / 2), { steps: 2 });
      },
      end: async () => {
        await this.page.waitForTimeout(200);
        await mouse.up();
      },
    };
  }

  /** Where something is, once it has stayed there for a while: lists grow and unfold after they are seen. */
  async rest(what) {
    let before = null;
    let since = Date.now();
    await this.until('something at rest', async () => {
      const box = await what.boundingBox();
      const moved = box === null || before === null || box.x !== before.x || box.y !== before.y;
      if (moved) since = Date.now();
      before = box;
      await this.page.waitForTimeout(100);
      return !moved && Date.now() - since > 700;
    });
    return before;
  }

  /** Rests the pointer on a word of a line until its hover holds a text. */
  async hover(word, line, text) {
    const row = this.page.locator('.part.editor .view-line', { hasText: line }).first();
    const shown = this.page.locator('.monaco-hover:not(.hidden)', { hasText: text });
    await this.until(`hover ${text}`, async () => {
      await this.page.mouse.move(5, 5);
      await row.locator('span span', { hasText: word }).first().hover();
      return shown
        .first()
        .waitFor({ state: 'visible', timeout: 2500 })
        .then(
          () => true,
          () => false,
        );
    });
    return shown.first();
  }

  /** The page of the first webview that is seen, or of the one that was opened last. */
  webview(which = 'first') {
    return this.page
      .locator('iframe.webview.ready:visible')
      [which]()
      .contentFrame()
      .locator('iframe#active-frame')
      .contentFrame();
  }

  /** What was copied, as soon as it begins so. */
  async clipboard(start) {
    return this.until('what was copied', async () => {
      const text = await this.page.evaluate(() => navigator.clipboard.readText());
      return text.startsWith(start) && text;
    });
  }

  /** The server's process, among those that this code-server started. */
  server() {
    for (const pid of readdirSync('/proc').filter((p) => /^\d+$/.test(p))) {
      try {
        const group = Number(
          readFileSync(`/proc/${pid}/stat`, 'latin1')
            .replace(/^.*\) /, '')
            .split(' ')[2],
        );
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        if (group === this.vscode.pid && /waitline(\.exe)?$/.test(command[0]) && command[1] === 'lsp')
          return Number(pid);
      } catch {} // it ended meanwhile
    }
    return 0;
  }

  /** What of the processor the extension host has used, in ms. */
  hostCpu() {
    const pid = extensionHost(this.vscode.pid);
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10; // ticks of 10 ms
  }

  /** The ports at which a process listens. */
  listening(pid) {
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ''; // closed meanwhile
      }
    });
    const own = new Set(links.map((l) => /^socket:\[(\d+)\]$/.exec(l)?.[1]).filter(Boolean));
    const tables = ['tcp', 'tcp6'].flatMap((t) => readFileSync(`/proc/${pid}/net/${t}`, 'latin1').split('\n').slice(1));
    const rows = tables.map((row) => row.trim().split(/\s+/));
    return rows.filter((r) => r[3] === '0A' && own.has(r[9])).map((r) => r[1]);
  }

  async killServer() {
    const pid = this.server();
    if (pid) process.kill(pid, 'SIGKILL');
    return pid;
  }

  async serverOtherThan(pid) {
    return this.until('another server', () => {
      const now = this.server();
      return now && now !== pid ? now : undefined;
    });
  }

  noErrors() {
    // What the workbench itself logs as an error; messages to the person are in the console, too.
    const bad = this.vscode.consoleLines.filter(
      (l) => (/%c +ERR/.test(l) && /waitline/i.test(l)) || /Content.Security.Policy/i.test(l),
    );
    if (bad.length > 0) throw new Error(`the console tells:\n${bad.join('\n')}`);
  }

  async failed(error) {
    await mkdir(out, { recursive: true });
    await this.page.screenshot({ path: join(out, 'failure.png') }).catch(() => {});
    const lines = [
      ...this.vscode.consoleLines.filter((l) => !/INFO color/.test(l)).slice(-12),
      ...this.vscode.log().split('\n').slice(-6),
    ];
    console.error(error.stack ?? error, `\n--- console and code-server\n${lines.join('\n')}`);
    process.exitCode = 1;
  }
}
