// The workbench as a person uses it: finds what is on the screen, and clicks and types.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { out } from './code-server.mjs';

const PATIENCE = 30_000;

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

  seen(locator) {
    return locator.first().waitFor({ state: 'visible', timeout: PATIENCE });
  }

  gone(locator) {
    return locator.first().waitFor({ state: 'hidden', timeout: PATIENCE });
  }

  /** A picture, if somebody wants to look at them. */
  async shot(name) {
    if (!this.shots) return;
    await mkdir(this.shots, { recursive: true });
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: join(this.shots, `${name}.png`) });
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
  async figure(text, code = '') {
    return this.until(`figure ${text} on ${code || 'a line'}`, async () =>
      (await this.figures()).find((f) => f.text.includes(text) && f.code.startsWith(code)),
    );
  }

  async noFigure(text) {
    return this.until(`no figure ${text}`, async () => !(await this.figures()).some((f) => f.text.includes(text)));
  }

  async until(what, ask) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await this.page.waitForTimeout(60)) {
      const value = await ask();
      if (value) return value;
    }
    throw new Error(`waited in vain: ${what}\n${JSON.stringify(await this.figures())}`);
  }

  lens(text) {
    return this.page.locator('.codelens-decoration a, .codelens-decoration span', { hasText: text });
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

  async clipboard() {
    await this.page.waitForTimeout(300);
    return this.page.evaluate(() => navigator.clipboard.readText());
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
