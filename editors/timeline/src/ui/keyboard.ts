// Keys to deeds. What a key means is in model/keys.ts; here is what is done, and when a key is somebody else's.
import type { App } from '../app.ts';
import { type Command, command } from '../model/keys.ts';
import { TABS } from '../model/link.ts';
import { rowOfLane } from '../model/rows.ts';
import { around, scale } from '../model/viewport.ts';
import { menuOf } from './menu.tsx';

export function onKey(app: App, e: KeyboardEvent): void {
  const target = e.target instanceof HTMLElement ? e.target : null;
  const typing =
    (target instanceof HTMLInputElement && target.type !== 'checkbox') || target instanceof HTMLSelectElement;
  if (e.key === 'Tab' && e.shiftKey && target?.matches('.field') === true) {
    const label = document.querySelector<HTMLElement>('button.label.selected');
    label?.focus({ preventScroll: true });
    if (label !== null) e.preventDefault();
    return;
  }
  const c = command({ key: e.key, shift: e.shiftKey, alt: e.altKey, command: e.ctrlKey || e.metaKey });
  if (c === null) return;
  if (typing) {
    if (c === 'escape') {
      app.finder.clear();
      target.blur();
      e.preventDefault();
    }
    return;
  }
  // Elements that have keys of their own keep them: a button its Enter, a table its arrows.
  if (e.defaultPrevented) return;
  if (c === 'source' && target !== null && target.closest('button, a, [role=tab], tr') !== null) return;
  if (run(app, c)) e.preventDefault();
}

/** Keys are the lanes' and the selection's from now on; Shift+Tab leads back to the label. */
export function focusLanes(): void {
  document.querySelector<HTMLElement>('.field')?.focus({ preventScroll: true });
}

/** True if something was done. Keys that move in the timeline do nothing elsewhere. */
export function run(app: App, c: Command): boolean {
  if (general(app, c)) return true;
  if (app.phase !== 'ready' || app.tab !== 'timeline' || app.table) return false;
  const { view, size } = app;
  const length = view.t1 - view.t0;
  const x = app.pointer === null ? null : ((app.pointer - view.t0) / length) * size.width;
  switch (c) {
    case 'left':
      app.panBy(-length / 6);
      return true;
    case 'right':
      app.panBy(length / 6);
      return true;
    case 'closer':
      app.zoomBy(1 / 1.5, x);
      return true;
    case 'farther':
      app.zoomBy(1.5, x);
      return true;
    case 'fit': {
      const s = app.selection ?? (app.range === null ? null : { start: app.range.t0, end: app.range.t1 });
      if (s !== null) app.show(around(s.start, s.end, app.end, 0.3));
      return true;
    }
    case 'whole':
      app.show({ t0: 0, t1: app.end });
      return true;
    case 'waker':
      void app.follow.waker();
      return true;
    case 'wakes':
      void app.follow.wakes();
      return true;
    case 'before':
      void app.follow.neighbour(false);
      return true;
    case 'after':
      void app.follow.neighbour(true);
      return true;
    case 'longer':
      void app.follow.longest(false);
      return true;
    case 'shorter':
      void app.follow.longest(true);
      return true;
    case 'source':
      app.showSource('focus');
      return true;
    case 'wakerSource':
      app.showSource('waker');
      return true;
    case 'idle':
      app.showIdle = !app.showIdle;
      app.save();
      app.all();
      return true;
    case 'copy':
      void copy(app);
      return true;
    case 'menu': {
      const row = app.rows.rows[app.selection === null ? -1 : rowOfLane(app.rows, app.selection.lane)];
      const box = document.querySelector('.label.selected')?.getBoundingClientRect();
      const menu = row === undefined ? null : menuOf(app, row, box?.left ?? 120, box?.bottom ?? 120);
      if (menu === null) app.say('Select a slice first, then O shows what can be done with its lane.');
      app.menu = menu;
      app.dirty('elements');
      return true;
    }
    case 'mark': {
      const s = app.selection;
      const m =
        s !== null ? { t0: s.start, t1: s.end } : app.pointer === null ? null : { t0: app.pointer, t1: app.pointer };
      if (m === null) return true;
      const had = app.marks.findIndex(
        (o) => Math.abs(o.t0 - m.t0) <= scale(view, size.width) && Math.abs(o.t1 - m.t1) <= scale(view, size.width),
      );
      app.marks = had >= 0 ? app.marks.filter((_, i) => i !== had) : [...app.marks, m].slice(-100);
      app.dirty('overlay');
      return true;
    }
    case 'range':
      void app.setRange(app.selection === null ? view : { t0: app.selection.start, t1: app.selection.end });
      return true;
    case 'flows':
      app.allFlows = !app.allFlows;
      if (app.allFlows) void app.data.fetchFlows();
      app.dirty('overlay', 'elements');
      return true;
    case 'pin':
      if (app.selection !== null) void app.pins.pinWith([app.selection.g]);
      return true;
    case 'pageUp':
      app.scrollBy(-app.lanesHeight * 0.8);
      return true;
    case 'pageDown':
      app.scrollBy(app.lanesHeight * 0.8);
      return true;
    default:
      return false;
  }
}

function general(app: App, c: Command): boolean {
  switch (c) {
    case 'help':
      app.help = !app.help;
      app.dirty('elements');
      return true;
    case 'find':
      document.querySelector<HTMLInputElement>('#find')?.focus();
      app.finder.reopen();
      return true;
    case 'copy':
      // The lanes have their own.
      if (app.tab === 'timeline' && !app.table) return false;
      void copyTable(app);
      return true;
    case 'link':
      void copyLink(app);
      return true;
    case 'table':
      app.table = !app.table;
      app.dirty('elements');
      return true;
    case 'nextTab':
    case 'previousTab': {
      const i = TABS.indexOf(app.tab) + (c === 'nextTab' ? 1 : -1);
      app.setTab(TABS[(i + TABS.length) % TABS.length] ?? 'timeline');
      return true;
    }
    case 'escape':
      return leave(app);
    default:
      return false;
  }
}

/** One thing at a time, the one that lies uppermost first. */
function leave(app: App): boolean {
  if (app.menu !== null) app.menu = null;
  else if (app.help) app.help = false;
  else if (app.table) app.table = false;
  else if (app.source.shown !== null) app.source.close();
  else if (app.finder.current !== null) app.finder.clear();
  else if (app.cls !== null) app.cls = null;
  else if (app.selection !== null || app.exact !== null) {
    app.exact = null;
    app.deselect();
  } else if (app.instances !== null) {
    app.instances = null;
    app.dirty('overview');
  } else if (app.range !== null) void app.setRange(null);
  else if (app.pins.rows.length > 0) app.pins.letGo();
  else if (app.filters.length > 0) app.widen(app.filters.at(-1)?.kind ?? 'g');
  else if (app.marks.length > 0) app.marks = [];
  else return false;
  app.all();
  return true;
}

export async function copy(app: App): Promise<void> {
  const words = app.selection?.slice?.text ?? '';
  if (words === '') {
    app.say('Select a slice first, then C copies its evidence.');
    return;
  }
  await copyText(app, words, 'The evidence is copied.');
}

/** The table that has the focus, else the first, as text that spreadsheets take: columns by tabs. */
async function copyTable(app: App): Promise<void> {
  const table = document.activeElement?.closest('table') ?? document.querySelector('.view table, .twin table');
  if (!(table instanceof HTMLTableElement)) {
    app.say('There is no table here.');
    return;
  }
  const rows = [...table.rows].map((row) =>
    [...row.cells].map((c) => c.innerText.replace(/\s+/g, ' ').trim()).join('\t'),
  );
  await copyText(app, `${rows.join('\n')}\n`, `The table is copied, ${rows.length - 1} rows.`);
}

export async function copyLink(app: App): Promise<void> {
  const command = app.host.linkIs === 'command';
  await copyText(app, app.links.text(), `A ${command ? 'command that opens' : 'link to'} this view is copied.`);
}

export async function copyText(app: App, words: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(words);
    app.say(done);
  } catch {
    app.say('The clipboard cannot be written to here.');
  }
}
