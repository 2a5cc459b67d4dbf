// The labels beside the lanes: a button for each that opens or selects, and as much of a name as there is room for.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { App } from '../app.ts';
import type { Theme } from '../draw/theme.ts';
import { shortenAmong } from '../model/format.ts';
import type { Info } from '../model/protocol.ts';
import { labelName, type Row, visible } from '../model/rows.ts';
import { focusLanes } from './keyboard.ts';
import { menuOf } from './menu.tsx';
import type { Props } from './page.tsx';

export function Labels({ app, stage }: Props) {
  const { rows, scroll } = app;
  const [first, last] = visible(rows, scroll, app.lanesHeight);
  const selected = app.selection?.lane;
  const list = useRef<HTMLUListElement>(null);
  // Keys move the selection from lane to lane: whoever stands on a label goes with it, so that Enter and the menu are
  // of the lane that is seen as selected.
  useLayoutEffect(() => {
    const on = document.activeElement;
    if (!(on instanceof HTMLElement) || list.current?.contains(on) !== true) return;
    list.current.querySelector<HTMLElement>('button.selected')?.focus({ preventScroll: true });
  }, [selected]);
  return (
    <ul
      ref={list}
      class="labels"
      aria-label="Lanes"
      onWheel={(e) => {
        app.scrollBy(e.deltaY);
      }}
    >
      {rows.rows.slice(first, last).map((row, i) => (
        <Label
          key={row.id}
          app={app}
          theme={stage.currentTheme}
          row={row}
          top={(rows.top[first + i] ?? 0) - scroll}
          selected={selected !== undefined && row.kind !== 'header' && row.lanes.includes(selected)}
        />
      ))}
    </ul>
  );
}

interface LabelProps {
  app: App;
  theme: Theme | null;
  row: Row;
  top: number;
  selected: boolean;
}

function Label({ app, theme, row, top, selected }: LabelProps) {
  const style = { transform: `translateY(${top}px)`, height: `${row.height}px` };
  const line = row.kind === 'header' || row.kind === 'chart' || row.kind === 'gc' || row.kind === 'p';
  const cls = `label ${row.kind}${line ? ' top-line' : ''}${row.indent === 2 ? ' part' : ''}${selected ? ' selected' : ''}`;
  const menu = (e: MouseEvent) => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    // Asked for by a key it has no point of its own: it stands at the label.
    const byKey = e.clientX === 0 && e.clientY === 0;
    const made = menuOf(app, row, byKey ? box.left + 24 : e.clientX, byKey ? box.bottom : e.clientY);
    if (made === null) return;
    e.preventDefault();
    app.menu = made;
    app.dirty('elements');
  };
  const opens = row.kind === 'header' || (row.kind === 'task' && row.toggles !== '');
  // Where there is no room for both, the name of a group matters more.
  const apart = row.kind === 'header' && !app.size.narrow ? row.apart : '';
  const title = row.kind === 'header' && row.group !== null ? `${row.name}, ${row.says}` : row.name;
  const inside = (
    <>
      {opens && (
        <span class="twist" aria-hidden="true">
          {row.open ? '▾' : '▸'}
        </span>
      )}
      <span class="name" title={title}>
        {row.kind === 'header' && row.group !== null ? shortName(row, apart, app, theme) : row.name}
      </span>
      {row.extra !== '' && <span class="extra">{row.extra}</span>}
      {apart !== '' && <span class="extra apart">{apart}</span>}
      {row.figure !== '' && <span class="figure">{row.figure}</span>}
    </>
  );
  if (opens) {
    return (
      <li>
        <button
          type="button"
          class={cls}
          style={style}
          aria-expanded={row.open}
          aria-label={spoken(row)}
          onClick={() => app.toggle(row.toggles)}
          onContextMenu={menu}
        >
          {inside}
        </button>
      </li>
    );
  }
  if (row.kind === 'lane' || row.kind === 'p' || row.kind === 'task' || row.kind === 'gc') {
    return (
      <li>
        <button
          type="button"
          class={cls}
          style={style}
          aria-label={spoken(row)}
          onClick={() => {
            app.chosen = row.gs?.length === 1 ? (row.gs[0] ?? 0) : 0;
            void selectFirst(app, row.lanes[0]);
          }}
          onContextMenu={menu}
        >
          {inside}
        </button>
      </li>
    );
  }
  return (
    <li class={cls} style={style}>
      {inside}
    </li>
  );
}

/** The lane's slice, and the keyboard with it: the next Enter is the slice's, not the label's once more. */
async function selectFirst(app: App, lane: string | undefined): Promise<void> {
  const before = app.selection;
  await app.follow.first(lane);
  if (app.selection !== null && app.selection !== before) focusLanes();
}

/** What a label says to who hears it: its parts stand side by side for the eye alone. */
export function spoken(row: Row): string {
  const n = row.extra.replace('×', '');
  const counted = row.kind === 'header' && row.group !== null && n !== '' ? `${n} goroutines` : n;
  const figure = row.figure === '' || row.figure === '–' ? '' : row.figure;
  const costly = row.kind === 'header' && row.group !== null && figure !== '' ? `costly ${figure}` : figure;
  const apart = row.kind === 'header' ? row.apart : '';
  return [row.name, counted, apart, costly].filter((part) => part !== '').join(', ');
}

/**
 * Without its path and package, as lanes have it: `(*conn).serve`, `main.func3`. Too long, it keeps its beginning, or
 * its end where that tells it from other groups.
 */
function shortName(row: Row, apart: string, app: App, theme: Theme | null): string {
  const name = labelName(row.name);
  const beside = app.size.narrow ? '' : row.figure;
  const gaps = 8 + 6 + 4 + (row.extra === '' ? 0 : 4) + (apart === '' ? 0 : 4) + (beside === '' ? 0 : 12) + 8 + 2;
  const others = [row.extra, apart, beside].reduce((sum, words) => sum + widthOf(words, 11, theme), 0);
  const room = Math.round(labelWidth() - gaps - others);
  // Labels are made again with every step of a scroll.
  const key = `${theme?.font} ${room} ${name}`;
  const { info } = app;
  if (info === null) return name;
  if (shortened.of !== info)
    shortened = { of: info, names: info.groups.map((g) => labelName(g.name)), made: new Map() };
  const known = shortened.made.get(key);
  if (known !== undefined) return known;
  const made = shortenAmong(name, shortened.names, (s) => widthOf(s, 12, theme) <= room);
  if (shortened.made.size > 2000) shortened.made.clear();
  shortened.made.set(key, made);
  return made;
}

/** What was made of the names of a trace's groups, and these. */
let shortened: { of: Info | null; names: readonly string[]; made: Map<string, string> } = {
  of: null,
  names: [],
  made: new Map(),
};

/** The first column of the grid (style.css). */
function labelWidth(): number {
  return window.innerWidth < 560 ? 120 : window.innerWidth < 1000 ? 152 : 240;
}

let ruler: CanvasRenderingContext2D | null = null;

/** Measured, not counted by letters: the element would cut what is too wide at its other end, too. */
function widthOf(text: string, size: number, theme: Theme | null): number {
  if (text === '') return 0;
  ruler ??= document.createElement('canvas').getContext('2d');
  if (ruler === null || theme === null) return text.length * size * 0.6;
  ruler.font = `${size}px ${theme.font}`;
  return ruler.measureText(text).width;
}
