// What can be done with a lane: a list at the pointer, or at the label where it was asked for by a key.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { App, Menu } from '../app.ts';
import type { Filter } from '../model/filter.ts';
import { shortFunc } from '../model/format.ts';
import type { Row } from '../model/rows.ts';

export function LaneMenu({ app, menu }: { app: App; menu: Menu }) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.querySelector('button')?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, [menu]);
  const close = () => {
    app.menu = null;
    app.dirty('elements');
  };
  const onKeyDown = (e: KeyboardEvent) => {
    const items = [...(ref.current?.querySelectorAll('button') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    if (e.key === 'ArrowDown') items[(at + 1) % items.length]?.focus();
    else if (e.key === 'ArrowUp') items[(at - 1 + items.length) % items.length]?.focus();
    else if (e.key === 'Escape' || e.key === 'Tab') close();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  // Within the window, wherever it was asked for.
  const style = {
    left: `${Math.max(Math.min(menu.x, window.innerWidth - 300), 0)}px`,
    top: `${Math.max(Math.min(menu.y, window.innerHeight - 32 - 24 * (menu.items.length + 1)), 0)}px`,
  };
  return (
    <>
      <div class="backdrop" onPointerDown={close} />
      <div class="menu" role="menu" aria-label={menu.title} ref={ref} style={style} onKeyDown={onKeyDown}>
        <div class="title dim">{menu.title}</div>
        {menu.items.map((item) => (
          <button
            type="button"
            role="menuitem"
            key={item.name}
            onClick={() => {
              close();
              item.run();
            }}
          >
            {item.name}
          </button>
        ))}
      </div>
    </>
  );
}

/** Narrowed to this, in the view that tells it. */
export function narrowTo(app: App, f: Filter, view: 'timeline' | 'profiles' | 'goroutines' | null): void {
  app.narrow(f);
  if (view !== null) app.setTab(view);
}

/** The menu of a row; null where nothing can be done with it. */
export function menuOf(app: App, row: Row, x: number, y: number): Menu | null {
  const items: { name: string; run: () => void }[] = [];
  const narrowing = (what: string, f: Filter) => {
    items.push({ name: `Only ${what}`, run: () => narrowTo(app, f, null) });
    items.push({ name: `Profile of ${what}`, run: () => narrowTo(app, f, 'profiles') });
  };
  if (row.kind === 'header') {
    const { group, place } = row;
    if (group === null) return null;
    narrowing('these goroutines', { kind: 'group', id: group, name: shortFunc(row.name) });
    items.push({
      name: 'In a table',
      run: () => {
        const func = app.info?.groups.find((g) => g.id === group)?.name ?? row.name;
        app.setOption('function', func);
        app.setTab('goroutines');
      },
    });
    if (place !== null && place.uri !== null)
      items.push({ name: 'Go to where they are started', run: () => app.openPlace(place, true) });
    return { x, y, title: shortFunc(row.name), items };
  }
  if (row.kind === 'task') {
    narrowing('this task', { kind: 'task', id: row.task, name: row.name });
    if (row.toggles !== '') {
      const name = row.open ? 'Close its parts' : 'Show its parts';
      items.push({ name, run: () => app.toggle(row.toggles) });
    }
    return { x, y, title: row.name, items };
  }
  const g = row.kind === 'lane' && row.gs?.length === 1 ? (row.gs[0] ?? 0) : 0;
  if (g === 0) return null;
  narrowing(`G${g}`, { kind: 'g', id: g, name: `G${g}` });
  items.push({
    name: 'Pin, with those that it woke and was woken by',
    run: () => void app.pins.pinWith([g]),
  });
  return { x, y, title: `G${g}`, items };
}
