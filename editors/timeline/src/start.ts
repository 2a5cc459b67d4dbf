// Puts the page up: theme, the frame loop, keys, and the elements around the canvases.
import { h, render } from 'preact';
import { App } from './app.ts';
import { readTheme, type Theme, themeName } from './draw/theme.ts';
import type { Host } from './host/host.ts';
import { readLink } from './model/link.ts';
import { onKey } from './ui/keyboard.ts';
import { Page } from './ui/page.tsx';
import { Stage } from './ui/stage.ts';

declare global {
  interface Window {
    /** Only for the tests in a browser: what was drawn, and how long frames took. */
    waitlineProbe?: { readonly stage: Stage; readonly app: App };
  }
}

function root(): HTMLElement {
  const app = document.getElementById('app');
  if (app === null) throw new Error('internal error: the page has no #app');
  return app;
}

export function start(host: Host, open: Record<string, string>): void {
  const app = new App(host, readLink(open));
  const stage = new Stage(app);
  const elements = () => render(h(Page, { app, stage }), root());

  const applyTheme = () => {
    document.documentElement.dataset.theme = themeName(document.body.classList, (q) => matchMedia(q).matches);
    const theme: Theme = readTheme(document.documentElement);
    stage.setTheme(theme);
    app.all();
  };
  for (const query of ['(prefers-color-scheme: light)', '(forced-colors: active)', '(prefers-contrast: more)']) {
    matchMedia(query).addEventListener('change', applyTheme);
  }
  // VS Code changes the theme by the body's classes and the root's variables.
  new MutationObserver(applyTheme).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  host.on('theme', applyTheme);
  const motion = matchMedia('(prefers-reduced-motion: reduce)');
  app.reduceMotion = motion.matches;
  motion.addEventListener('change', () => {
    app.reduceMotion = motion.matches;
  });

  let asked = false;
  const frame = (now: number) => {
    asked = false;
    const moving = app.step(now);
    const dirty = app.takeDirty();
    if (dirty.has('elements')) elements();
    stage.draw(dirty);
    if (moving) ask();
  };
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(frame);
  };
  app.whenDirty(ask);
  document.addEventListener('keydown', (e) => onKey(app, e));
  window.waitlineProbe = { stage, app };
  applyTheme();
  void app.begin();
}

/** Without a host there is no page but the sentence that says why. */
export function failed(e: unknown): void {
  document.documentElement.dataset.theme = themeName(document.body.classList, (q) => matchMedia(q).matches);
  render(h('div', { class: 'empty', role: 'alert' }, h('p', null, e instanceof Error ? e.message : String(e))), root());
}
