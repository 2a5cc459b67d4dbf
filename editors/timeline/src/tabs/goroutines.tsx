// Goroutines by the line that started them, the dearest first; below, those of one line, a row each.
import { useState } from 'preact/hooks';
import type { App } from '../app.ts';
import {
  type Beside,
  type FunctionRow,
  functions,
  type GoroutineRow,
  goroutineRows,
  PICKS,
  type Pick,
  parts,
  type Split,
  total,
} from '../model/analyses.ts';
import { CLASS, type Class } from '../model/classes.ts';
import { cell, duration, grouped, percent, shortFunc } from '../model/format.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import { narrowTo } from '../ui/menu.tsx';
import type { Props } from '../ui/page.tsx';
import { PlaceLink } from '../ui/place.tsx';
import type { Stage } from '../ui/stage.ts';
import { Parts } from '../ui/swatch.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Asking, filterOf, OnlyButton, StateKey, useOption } from './common.tsx';

const COLUMNS: readonly [string, Class][] = [
  ['Running', CLASS.running],
  ['Runnable', CLASS.runnable],
  ['Lock', CLASS.lock],
  ['Channel', CLASS.channel],
  ['Network', CLASS.network],
  ['Sleep', CLASS.sleep],
  ['Syscall', CLASS.syscall],
  ['GC wait', CLASS.gcWait],
  ['Other', CLASS.unknown],
];

const BESIDE_TITLES: readonly [string, Beside, string][] = [
  ['Without P', 'syscallBlock', 'In system calls, and its P was taken away'],
  ['Unknown', 'unknown', 'In none of the states'],
  ['In assists', 'assist', 'Helping the collector, waits meanwhile as well: the columns before hold it'],
  ['In sweeps', 'sweep', 'Sweeping: the columns before hold it'],
  ['Total', 'total', 'All of its time, with what is idle'],
];

const PICK_NAMES: Readonly<Record<Pick, string>> = {
  sum: 'sums',
  min: 'minima',
  mean: 'means',
  p50: 'p50',
  p90: 'p90',
  p99: 'p99',
  max: 'maxima',
};

/** What is judged, before what it was. */
function judged<T extends Split>(shown: (row: T) => Split = (row) => row): Column<T>[] {
  return [
    {
      id: 'costly',
      title: 'Costly',
      says: "Waited at somebody's cost, on own lines and in libraries",
      right: true,
      by: (r) => shown(r).costly ?? -1,
      cell: (r) => cell(shown(r).costly ?? 0),
    },
    { id: 'idle', title: 'Idle', right: true, by: (r) => shown(r).idle ?? -1, cell: (r) => cell(shown(r).idle ?? 0) },
  ];
}

/** Whether columns hold what is idle, too; bars and order never do. */
function IdleToo({ on, set }: { on: boolean; set: (on: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={on} onChange={() => set(!on)} /> Idle too
    </label>
  );
}

/** A column a state, where any row has something in it. */
function states<T extends Split>(rows: readonly T[], shown: (row: T) => Split = (row) => row): Column<T>[] {
  const column = (title: string, says: string, of: (s: Split) => number): Column<T>[] =>
    rows.every((r) => of(shown(r)) === 0)
      ? []
      : [{ id: title, title, says, right: true, by: (r: T) => of(shown(r)), cell: (r: T) => cell(of(shown(r))) }];
  return [
    ...COLUMNS.flatMap(([title, cls]) => column(title, '', (s) => s.by.get(cls) ?? 0)),
    ...BESIDE_TITLES.flatMap(([title, key, says]) => column(title, says, (s) => s.beside.get(key) ?? 0)),
  ];
}

const life = (x: number | null) => (x === null ? '–' : cell(x));

export function Goroutines({ app, stage }: Props) {
  const [own, setOwn] = useState(true);
  const [filter, setFilter] = useState('');
  const [pick, setPick] = useState<Pick>('sum');
  const [idle, setIdle] = useOption(app, 'idle', '0');
  const withIdle = idle === '1';
  const [named, choose] = useOption(app, 'function', '');
  const chosen = named === '' ? null : named;
  const asked = useAsk(
    app,
    'waitline/goroutineTable',
    { ...filterOf(app), system: !own, sort: 'costly', limit: 1000 },
    functions,
  );
  const one = app.filters.find((f) => f.kind === 'g');
  if (one !== undefined) {
    return (
      <div class="view">
        <OneFunction app={app} stage={stage} title={one.name} func={null} says="" />
      </div>
    );
  }
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const rows = asked.value.rows.filter((f) => f.func.toLowerCase().includes(filter.toLowerCase()));
  const shownBy = (f: FunctionRow) => f.picked(pick, withIdle);
  const scale = rows.reduce((most, f) => Math.max(most, total(f)), 0);
  const columns: Column<FunctionRow>[] = [
    { id: 'name', title: 'Function', by: (f) => f.func, cell: (f) => <span title={f.func}>{shortFunc(f.func)}</span> },
    {
      id: 'started',
      title: 'Started at',
      cell: (f) =>
        f.created === null ? (
          <span class="dim">{f.born > 0 ? 'by a timer' : 'before the trace'}</span>
        ) : (
          <PlaceLink app={app} place={f.created} />
        ),
    },
    { id: 'n', title: 'Count', right: true, by: (f) => f.n, cell: (f) => grouped(f.n) },
    { id: 'alive', title: 'Alive', right: true, by: (f) => f.alive, cell: (f) => grouped(f.alive) },
    ...judged(shownBy),
    {
      id: 'bar',
      title: 'Where the time went, without idle',
      by: (f) => total(f),
      cell: (f) => <Parts theme={stage.currentTheme} parts={parts(f)} of={scale} width={120} height={10} />,
    },
    ...states(rows, shownBy),
    { id: 'p50', title: 'Life, p50', right: true, by: (f) => f.life.p50 ?? -1, cell: (f) => life(f.life.p50) },
  ];
  const shown = rows.find((f) => f.key === chosen) ?? null;
  return (
    <div class="view">
      <div class="bar-top">
        <h2>By function</h2>
        <span class="choice">
          <button type="button" aria-pressed={own} onClick={() => setOwn(true)}>
            Application
          </button>
          <button type="button" aria-pressed={!own} onClick={() => setOwn(false)}>
            All
          </button>
        </span>
        <span class="dim">
          {grouped(rows.length)} {rows.length === 1 ? 'function' : 'functions'},{' '}
          {grouped(rows.reduce((n, f) => n + f.n, 0))} goroutines
        </span>
        <span class="grow" />
        <IdleToo on={withIdle} set={(on) => setIdle(on ? '1' : '0')} />
        <label>
          Columns are{' '}
          <select value={pick} onChange={(e) => setPick(PICKS.find((p) => p === e.currentTarget.value) ?? 'sum')}>
            {PICKS.map((p) => (
              <option key={p} value={p}>
                {PICK_NAMES[p]}
              </option>
            ))}
          </select>
        </label>
        <input
          class="filter"
          type="text"
          placeholder="Filter by name"
          aria-label="Filter by name"
          value={filter}
          onInput={(e) => setFilter(e.currentTarget.value)}
        />
      </div>
      <div class="table-scroll half-high">
        {rows.length === 0 ? (
          <p class="remark">No function matches "{filter}".</p>
        ) : (
          <Table
            name="Goroutines by function"
            columns={columns}
            rows={rows}
            id={(f) => f.key}
            sort="costly"
            selected={chosen}
            onSelect={(f) => choose(f.key)}
            onOpen={(f) => f.created !== null && app.openPlace(f.created, true)}
          />
        )}
      </div>
      <div class="remark spread">
        <span>
          Milliseconds, 3 digits. Bars are without idle waiting
          {withIdle ? '; columns hold it, as those of go tool trace.' : ', and so are columns but its own and Total.'}
          {pick !== 'sum' && ` Columns are the ${PICK_NAMES[pick]} of single goroutines; bars stay sums.`}
        </span>
        <StateKey stage={stage} />
      </div>
      {shown !== null && (
        <OneFunction
          key={shown.key}
          app={app}
          stage={stage}
          title={shortFunc(shown.func)}
          func={shown.key}
          says={says(shown, asked.value.rows)}
        />
      )}
    </div>
  );
}

/** What of all running was in these, and what they blocked for by the runtime's own words. */
function says(f: FunctionRow, all: readonly FunctionRow[]): string {
  const running = (r: Split) => r.by.get(CLASS.running) ?? 0;
  const whole = all.reduce((ns, r) => ns + running(r), 0);
  const share = whole > 0 ? `${percent(running(f) / whole)} of all running` : '';
  const blocked = f.reasons.slice(0, 6).map((r) => `${r.reason} ${duration(r.ns)}`);
  return [share, blocked.length > 0 ? `blocked: ${blocked.join(', ')}` : ''].filter((x) => x !== '').join('; ');
}

interface OneProps {
  app: App;
  stage: Stage;
  title: string;
  func: string | null;
  says: string;
}

/** Goroutines a row each: those of a function, or what a filter leaves. */
function OneFunction({ app, stage, title, func, says }: OneProps) {
  const [marked, mark] = useState<ReadonlySet<number>>(new Set());
  const withIdle = app.options.get('idle') === '1';
  const asked = useAsk(
    app,
    'waitline/goroutineTable',
    { ...filterOf(app), ...(func === null ? {} : { func }), sort: 'costly', limit: 1000 },
    goroutineRows,
  );
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const { rows, of } = asked.value;
  const scale = rows.reduce((most, r) => Math.max(most, total(r)), 0);
  const shownBy = (r: GoroutineRow) => (withIdle ? r.all : r);
  const show = (r: GoroutineRow) => {
    app.setTab('timeline');
    app.pins.pin([r.g]);
    app.chosen = r.g;
    app.show(around(r.start, r.end ?? app.end, app.end, 0.05), false);
    void app.follow.first(`g:${r.g}`);
  };
  const pinThem = (gs: readonly number[]) => {
    app.setTab('timeline');
    void app.pins.pinWith(gs);
  };
  const columns: Column<GoroutineRow>[] = [
    {
      id: 'pin',
      title: '',
      cell: (r) => (
        <input
          type="checkbox"
          aria-label={`G${r.g}`}
          checked={marked.has(r.g)}
          onClick={(e) => e.stopPropagation()}
          onChange={() => {
            const next = new Set(marked);
            if (!next.delete(r.g)) next.add(r.g);
            mark(next);
          }}
        />
      ),
    },
    { id: 'g', title: 'Goroutine', by: (r) => r.g, cell: (r) => `G${r.g}` },
    { id: 'start', title: 'Started', right: true, by: (r) => r.start, cell: (r) => cell(r.start) },
    { id: 'alive', title: 'Alive for', right: true, by: (r) => r.alive, cell: (r) => cell(r.alive) },
    ...judged<GoroutineRow>(),
    {
      id: 'bar',
      title: 'Where the time went, without idle',
      cell: (r) => <Parts theme={stage.currentTheme} parts={parts(r)} of={scale} width={450} height={10} />,
    },
    ...states(rows, shownBy),
    {
      id: 'only',
      title: '',
      cell: (r) => (
        <button
          type="button"
          class="link"
          onClick={(e) => {
            e.stopPropagation();
            app.narrow({ kind: 'g', id: r.g, name: `G${r.g}` });
          }}
        >
          only this
        </button>
      ),
    },
  ];
  const byLife = rows.toSorted((a, b) => a.alive - b.alive);
  return (
    <div class="table-scroll rest">
      <div class="bar-top raised">
        <h2>{title}</h2>
        <span class="dim">
          {grouped(of || rows.length)} goroutines, one row each
          {of > rows.length && ` (the first ${grouped(rows.length)})`}
        </span>
        <span class="grow" />
        {marked.size > 0 && (
          <button type="button" class="button" onClick={() => pinThem([...marked])}>
            Pin {marked.size} in timeline
          </button>
        )}
        {rows.length > 1 && (
          <button type="button" class="button" onClick={() => pinThem([byLife[0]?.g ?? 0, byLife.at(-1)?.g ?? 0])}>
            Pin the shortest and the longest
          </button>
        )}
        {func !== null && (
          <>
            <OnlyButton app={app} filter={{ kind: 'func', id: func, name: title }}>
              Only these
            </OnlyButton>
            <button
              type="button"
              class="button"
              onClick={() => narrowTo(app, { kind: 'func', id: func, name: title }, 'profiles')}
            >
              Profile of these
            </button>
            <button
              type="button"
              class="button"
              onClick={() => {
                app.setTab('timeline');
                const group = app.info?.groups.find((g) => g.name === func);
                if (group !== undefined && !app.open.has(group.id)) app.toggle(group.id);
              }}
            >
              Show in timeline
            </button>
          </>
        )}
      </div>
      {says !== '' && <div class="remark">{says}</div>}
      <Table
        name={`Goroutines of ${title}`}
        columns={columns}
        rows={rows}
        id={(r) => String(r.g)}
        sort="costly"
        onOpen={show}
      />
    </div>
  );
}
