// Tables as all views have them: columns that sort, rows that keys walk, and no more rows made than a person sees.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** What its figures are, where the title is too short to say it. */
  readonly says?: string;
  readonly right?: boolean;
  /** Sentences: they take as many lines as they need, so that what stands beside them is seen. */
  readonly wraps?: boolean;
  /** What it sorts by; without it the column does not sort. */
  readonly by?: (row: T) => number | string;
  readonly cell: (row: T) => ComponentChildren;
}

interface Props<T> {
  name: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  /** The column that sorts at first. */
  sort: string;
  selected?: string | null;
  onSelect?: (row: T) => void;
  /** Enter or a double click. */
  onOpen?: (row: T) => void;
}

/** Rows made at once; more by the button below. */
const PAGE = 200;

export function sorted<T>(rows: readonly T[], column: Column<T> | undefined, down: boolean): T[] {
  const by = column?.by;
  if (by === undefined) return [...rows];
  const sign = down ? -1 : 1;
  return rows.toSorted((a, b) => {
    const x = by(a);
    const y = by(b);
    return sign * (typeof x === 'string' && typeof y === 'string' ? x.localeCompare(y) : Number(x) - Number(y));
  });
}

export function Table<T>({ name, columns, rows, id, sort, selected, onSelect, onOpen }: Props<T>) {
  const [order, setOrder] = useState({ column: sort, down: true });
  const [most, setMost] = useState(PAGE);
  const column = columns.find((c) => c.id === order.column);
  const all = sorted(rows, column, order.down);
  const shown = all.slice(0, most);
  const turn = (c: Column<T>) =>
    setOrder({ column: c.id, down: c.id === order.column ? !order.down : typeof c.by?.(rows[0] as T) !== 'string' });
  const walk = (e: KeyboardEvent, row: T) => {
    const tr = e.currentTarget as HTMLElement;
    const to = e.key === 'ArrowDown' ? tr.nextElementSibling : e.key === 'ArrowUp' ? tr.previousElementSibling : null;
    if (to instanceof HTMLElement) to.focus();
    else if (e.key === 'Enter') onOpen?.(row);
    else if (e.key === ' ') onSelect?.(row);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <>
      <table aria-label={name}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th
                key={c.id}
                scope="col"
                class={c.right === true ? 'right' : ''}
                {...(c.says === undefined || c.says === '' ? {} : { title: c.says })}
                {...(c.id === order.column && c.by !== undefined
                  ? { 'aria-sort': order.down ? ('descending' as const) : ('ascending' as const) }
                  : {})}
              >
                {c.by === undefined ? (
                  c.title
                ) : (
                  <button type="button" onClick={() => rows.length > 0 && turn(c)}>
                    {c.title}
                    {c.id === order.column && (order.down ? ' ▾' : ' ▴')}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => {
            const key = id(row);
            return (
              <tr
                key={key}
                tabIndex={onSelect === undefined && onOpen === undefined ? -1 : 0}
                aria-selected={selected === key}
                onClick={() => onSelect?.(row)}
                onDblClick={() => onOpen?.(row)}
                onFocus={(e) => e.target === e.currentTarget && onSelect?.(row)}
                onKeyDown={(e) => e.target === e.currentTarget && walk(e, row)}
              >
                {columns.map((c) => (
                  <td
                    key={c.id}
                    class={`${c.right === true ? 'right' : ''}${c.wraps === true ? ' wraps' : ''}${c.id === order.column && c.by !== undefined ? ' sorted' : ''}`}
                  >
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {all.length > most && (
        <div class="remark">
          <button type="button" class="link" onClick={() => setMost(most + 5 * PAGE)}>
            Show more
          </button>{' '}
          ({all.length - most} left)
        </div>
      )}
    </>
  );
}
