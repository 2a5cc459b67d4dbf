// Goroutines by the line that started them, the dearest first; below, those of one line, a row each.
import { useState } from 'preact/hooks';
import type { App } from '../app.ts';
import {
  busy,
  type GoroutineRow,
  type GroupRow,
  goroutineRows,
  groupRows,
  parts,
  type Split,
} from '../model/analyses.ts';
import { CLASS, type Class } from '../model/classes.ts';
import { cell, grouped, shortFunc } from '../model/format.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import type { Props } from '../ui/page.tsx';
import { PlaceLink } from '../ui/place.tsx';
import type { Stage } from '../ui/stage.ts';
import { Parts } from '../ui/swatch.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Asking, filterOf, profileOf, StateKey } from './common.tsx';

const COLUMNS: readonly [string, Class][] = [
  ['Running', CLASS.running],
  ['Runnable', CLASS.runnable],
  ['Lock', CLASS.lock],
  ['Channel', CLASS.channel],
  ['Network', CLASS.network],
  ['Sleep', CLASS.sleep],
  ['Syscall', CLASS.syscall],
  ['GC assist', CLASS.assist],
  ['GC wait', CLASS.gcWait],
];

/** A column a state, where any row has something in it. */
function states<T extends Split>(rows: readonly T[]): Column<T>[] {
  return COLUMNS.filter(([, cls]) => rows.some((r) => (r.by.get(cls) ?? 0) > 0)).map(([title, cls]) => ({
    id: title,
    title,
    right: true,
    by: (r: T) => r.by.get(cls) ?? 0,
    cell: (r: T) => cell(r.by.get(cls) ?? 0),
  }));
}

export function Goroutines({ app, stage }: Props) {
  const [own, setOwn] = useState(true);
  const [filter, setFilter] = useState('');
  const [chosen, choose] = useState<string | null>(null);
  const asked = useAsk(app, 'waitline/goroutineTable', { ...filterOf(app) }, groupRows);
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const hidden = own ? asked.value.filter((g) => g.runtime) : [];
  const matching = asked.value.filter(
    (g) => !(own && g.runtime) && g.name.toLowerCase().includes(filter.toLowerCase()),
  );
  const scale = matching.reduce((most, g) => Math.max(most, busy(g)), 0);
  const columns: Column<GroupRow>[] = [
    { id: 'name', title: 'Function', by: (g) => g.name, cell: (g) => <span title={g.name}>{shortFunc(g.name)}</span> },
    {
      id: 'started',
      title: 'Started at',
      cell: (g) =>
        g.place === null || (g.place.uri === null && g.place.recorded === 0) ? (
          <span class="dim">before the trace</span>
        ) : (
          <PlaceLink app={app} place={g.place} />
        ),
    },
    { id: 'n', title: 'Count', right: true, by: (g) => g.n, cell: (g) => grouped(g.n) },
    { id: 'alive', title: 'Alive', right: true, by: (g) => g.alive, cell: (g) => grouped(g.alive) },
    { id: 'costly', title: 'Costly', right: true, by: (g) => g.costly, cell: (g) => cell(g.costly) },
    {
      id: 'bar',
      title: 'Where the time went, without idle',
      cell: (g) => <Parts theme={stage.currentTheme} parts={parts(g)} of={scale} width={250} height={10} />,
    },
    ...states(matching),
    { id: 'idle', title: 'Idle', right: true, by: (g) => g.idle, cell: (g) => cell(g.idle) },
    {
      id: 'min',
      title: 'Life min',
      right: true,
      by: (g) => g.life.min ?? -1,
      cell: (g) => (g.life.min === null ? '–' : cell(g.life.min)),
    },
    {
      id: 'p50',
      title: 'p50',
      right: true,
      by: (g) => g.life.p50 ?? -1,
      cell: (g) => (g.life.p50 === null ? '–' : cell(g.life.p50)),
    },
    {
      id: 'p99',
      title: 'p99',
      right: true,
      by: (g) => g.life.p99 ?? -1,
      cell: (g) => (g.life.p99 === null ? '–' : cell(g.life.p99)),
    },
    {
      id: 'max',
      title: 'max',
      right: true,
      by: (g) => g.life.max ?? -1,
      cell: (g) => (g.life.max === null ? '–' : cell(g.life.max)),
    },
  ];
  const shown = matching.find((g) => g.id === chosen) ?? null;
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
          {grouped(matching.length)} {matching.length === 1 ? 'function' : 'functions'},{' '}
          {grouped(matching.reduce((n, g) => n + g.n, 0))} goroutines
          {hidden.length > 0 && ` · ${grouped(hidden.reduce((n, g) => n + g.n, 0))} of the runtime hidden`}
        </span>
        <span class="grow" />
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
        {matching.length === 0 ? (
          <p class="remark">No function matches "{filter}".</p>
        ) : (
          <Table
            name="Goroutines by function"
            columns={columns}
            rows={matching}
            id={(g) => g.id}
            sort="costly"
            selected={chosen}
            onSelect={(g) => choose(g.id)}
            onOpen={(g) => g.place !== null && app.openPlace(g.place, true)}
          />
        )}
      </div>
      <div class="remark spread">
        <span>Milliseconds, 3 digits. Costly = lock + channel + network + sleep + GC wait.</span>
        <StateKey stage={stage} />
      </div>
      {shown !== null && <OneFunction key={shown.id} app={app} stage={stage} group={shown} />}
    </div>
  );
}

function OneFunction({ app, stage, group }: { app: App; stage: Stage; group: GroupRow }) {
  const [marked, mark] = useState<ReadonlySet<number>>(new Set());
  const asked = useAsk(app, 'waitline/goroutineTable', { ...filterOf(app), id: group.id, limit: 2000 }, goroutineRows);
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const { rows, of } = asked.value;
  const scale = rows.reduce((most, r) => Math.max(most, busy(r)), 0);
  const show = (r: GoroutineRow) => {
    app.setTab('timeline');
    app.pin([r.g]);
    app.show(around(r.start, r.end ?? app.end, app.end, 0.05), false);
    void app.selectFirst(`g:${r.g}`);
  };
  const pinThem = (gs: readonly number[]) => {
    app.pin(gs);
    app.setTab('timeline');
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
    { id: 'costly', title: 'Costly', right: true, by: (r) => r.costly, cell: (r) => cell(r.costly) },
    {
      id: 'bar',
      title: 'Where the time went, without idle',
      cell: (r) => <Parts theme={stage.currentTheme} parts={parts(r)} of={scale} width={450} height={10} />,
    },
    ...states(rows),
    { id: 'idle', title: 'Idle', right: true, by: (r) => r.idle, cell: (r) => cell(r.idle) },
  ];
  const byLife = rows.toSorted((a, b) => a.alive - b.alive);
  return (
    <div class="table-scroll rest">
      <div class="bar-top raised">
        <h2>{shortFunc(group.name)}</h2>
        <span class="dim">
          {grouped(of || rows.length)} goroutines, one row each
          {of > rows.length && ` (the dearest ${grouped(rows.length)})`}
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
        <button type="button" class="button" onClick={() => profileOf(app, 'group', group.id, shortFunc(group.name))}>
          Profile of these
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            app.setTab('timeline');
            if (!app.open.has(group.id)) app.toggle(group.id);
          }}
        >
          Show in timeline
        </button>
      </div>
      <Table
        name={`Goroutines of ${group.name}`}
        columns={columns}
        rows={rows}
        id={(r) => String(r.g)}
        sort="costly"
        onOpen={show}
      />
    </div>
  );
}
