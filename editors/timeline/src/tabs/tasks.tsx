// Tasks and regions: how often, how long, where the time went; below, the longest of one name from their own start.
import { useState } from 'preact/hooks';
import type { App } from '../app.ts';
import {
  type Bin,
  barWords,
  goroutineRows,
  messages,
  type NamedRow,
  namedRows,
  type OneTask,
  oneTasks,
  parts,
  total,
} from '../model/analyses.ts';
import { NAMES } from '../model/classes.ts';
import { bounds, type Filter } from '../model/filter.ts';
import { cell, duration, grouped, harmless, moment, unitBy } from '../model/format.ts';
import { parseLengths } from '../model/query.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import { narrowTo } from '../ui/menu.tsx';
import type { Props } from '../ui/page.tsx';
import { PlaceLink } from '../ui/place.tsx';
import type { Stage } from '../ui/stage.ts';
import { Parts } from '../ui/swatch.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Asking, filterOf, OnlyButton, StateKey, useOption, useRoom } from './common.tsx';

type Which = 'task' | 'region';

const ENDS = [
  ['all', 'All'],
  ['complete', 'Both ends'],
  ['cut', 'Cut off'],
] as const;

/** For a field that reads it again: `250us`. */
function brief(ns: number): string {
  return ns < 1e3
    ? `${Math.round(ns)}ns`
    : ns < 1e6
      ? `${+(ns / 1e3).toPrecision(4)}us`
      : `${+(ns / 1e6).toPrecision(4)}ms`;
}

export function Tasks({ app, stage }: Props) {
  const [kind, setKind] = useOption(app, 'kind', 'task');
  const [named, setNamed] = useOption(app, 'name', '');
  const [placed, setPlaced] = useOption(app, 'place', '');
  const [lengths, setLengths] = useOption(app, 'lengths', '');
  const choose = (which: Which, r: NamedRow) => {
    setKind(which);
    setNamed(r.key);
    setPlaced(r.site === null ? '' : String(r.site));
  };
  // A part of the histogram: the spans that are as long.
  const pick = (which: Which, r: NamedRow, b: Bin) => {
    choose(which, r);
    setLengths(`>${brief(b.from)} <${brief(b.to)}`);
  };
  const [words, setWords] = useState('');
  const wide = useRoom(580, 200);
  const [ends, setEnds] = useState<'all' | 'complete' | 'cut'>('all');
  const complete = ends === 'all' ? {} : { complete: ends === 'complete' };
  const tasks = useAsk(app, 'waitline/taskTable', { ...filterOf(app), ...complete, limit: 500 }, namedRows);
  const regions = useAsk(app, 'waitline/regionTable', { ...filterOf(app), limit: 500 }, namedRows);
  if (tasks.state !== 'there') return <Asking asked={tasks} />;
  const regionRows = regions.state === 'there' ? regions.value : [];
  if (tasks.value.length === 0 && regionRows.length === 0) {
    return (
      <div class="empty">
        <p class="strong">No tasks and no regions.</p>
        <p>A task is a piece of work that may span goroutines; a region is a part of one goroutine.</p>
        <pre>
          {'ctx, task := trace.NewTask(ctx, "order")\ndefer task.End()\ntrace.WithRegion(ctx, "db", func() { ... })'}
        </pre>
      </div>
    );
  }
  const all = [...tasks.value, ...regionRows].flatMap((r) => r.histogram);
  const axis = {
    from: all.reduce((a, b) => Math.min(a, b.from), Number.POSITIVE_INFINITY),
    to: all.reduce((a, b) => Math.max(a, b.to), 1),
  };
  const which = named !== '' && kind === 'region' ? ('region' as const) : ('task' as const);
  const listed = which === 'region' ? regionRows : tasks.value;
  const choice =
    named === ''
      ? tasks.value[0]
      : (listed.find((r) => r.key === named && String(r.site ?? '') === placed) ?? listed.find((r) => r.key === named));
  return (
    <div class="view scrolls">
      <div class="bar-top">
        <h2>Tasks</h2>
        <span class="dim">{told(tasks.value)}</span>
        <span class="grow" />
        <span class="choice">
          {ENDS.map(([key, title]) => (
            <button type="button" key={key} aria-pressed={ends === key} onClick={() => setEnds(key)}>
              {title}
            </button>
          ))}
        </span>
        <input
          class="filter"
          type="text"
          placeholder="Filter by log text"
          aria-label="Filter by log text"
          value={words}
          onInput={(e) => setWords(e.currentTarget.value)}
        />
      </div>
      <Table
        name="Tasks"
        columns={columns(app, stage, 'Task', tasks.value, wide, axis, (r, b) => pick('task', r, b))}
        rows={tasks.value}
        id={rowId}
        sort="total"
        selected={choice !== undefined && which === 'task' ? rowId(choice) : null}
        onSelect={(r) => choose('task', r)}
      />
      <div class="bar-top">
        <h2>Regions</h2>
        <span class="dim">{told(regionRows)}</span>
      </div>
      <Table
        name="Regions"
        columns={columns(app, stage, 'Region', regionRows, wide, axis, (r, b) => pick('region', r, b))}
        rows={regionRows}
        id={rowId}
        sort="total"
        selected={choice !== undefined && which === 'region' ? rowId(choice) : null}
        onSelect={(r) => choose('region', r)}
      />
      <div class="remark spread">
        <span>Bars show shares of each row's own time.</span>
        <StateKey stage={stage} />
      </div>
      {choice !== undefined && (
        <Longest
          key={`${which} ${rowId(choice)}`}
          app={app}
          stage={stage}
          which={which}
          name={choice.key}
          site={listed.filter((r) => r.key === choice.key).length > 1 ? choice.site : null}
          words={words}
          complete={complete}
          lengths={lengths}
          onLengths={setLengths}
        />
      )}
    </div>
  );
}

function rowId(r: NamedRow): string {
  return `${r.key} ${r.site}`;
}

function told(rows: readonly NamedRow[]): string {
  const n = rows.reduce((sum, r) => sum + r.complete, 0);
  const cut = rows.reduce((sum, r) => sum + r.cut, 0);
  return cut === 0
    ? `all ${grouped(n)} complete`
    : `${grouped(n)} complete, ${grouped(cut)} with an end outside of the trace`;
}

function columns(
  app: App,
  stage: Stage,
  title: string,
  rows: readonly NamedRow[],
  wide: number,
  axis: { from: number; to: number },
  onBin: (r: NamedRow, b: Bin) => void,
): Column<NamedRow>[] {
  // One unit for all lengths: that in which the dearest are usually told.
  const unit = unitBy(
    rows,
    (r) => r.times.sum,
    (r) => r.times.p50,
  );
  const as = (x: number | null) => (x === null ? '–' : cell(x, unit.ns));
  const named = (what: string) => `${what}, ${unit.symbol}`;
  const sum = unit.ns < 1e6 ? { symbol: 'ms', ns: 1e6 } : unit;
  const spanned = `Duration, ${duration(axis.from === Number.POSITIVE_INFINITY ? 1 : axis.from)} to ${duration(axis.to)}, log`;
  return [
    { id: 'name', title, by: (r) => r.name, cell: (r) => r.name },
    { id: 'at', title: 'Written at', cell: (r) => <PlaceLink app={app} place={r.place} /> },
    { id: 'n', title: 'Count', right: true, by: (r) => r.complete + r.cut, cell: (r) => grouped(r.complete + r.cut) },
    {
      id: 'total',
      title: `Total, ${sum.symbol}`,
      right: true,
      by: (r) => r.times.sum,
      cell: (r) => cell(r.times.sum, sum.ns),
    },
    { id: 'min', title: named('Min'), right: true, by: (r) => r.times.min ?? -1, cell: (r) => as(r.times.min) },
    { id: 'p50', title: named('p50'), right: true, by: (r) => r.times.p50 ?? -1, cell: (r) => as(r.times.p50) },
    { id: 'p99', title: named('p99'), right: true, by: (r) => r.times.p99 ?? -1, cell: (r) => as(r.times.p99) },
    { id: 'max', title: named('Max'), right: true, by: (r) => r.times.max ?? -1, cell: (r) => as(r.times.max) },
    {
      id: 'histogram',
      title: wide < 200 ? 'Duration, log' : spanned,
      says: spanned,
      cell: (r) => <Bins bins={r.histogram} axis={axis} width={wide} onBin={(b) => onBin(r, b)} />,
    },
    // Of tasks it is known one by one only.
    ...(title === 'Region'
      ? [
          {
            id: 'bar',
            title: 'Where the time went',
            cell: (r) => (
              <Parts theme={stage.currentTheme} parts={parts(r)} of={total(r)} width={wide + 60} height={10} />
            ),
          } satisfies Column<NamedRow>,
        ]
      : []),
  ];
}

/** All histograms of the page on one axis. */
function Bins({
  bins,
  axis,
  width,
  onBin,
}: {
  bins: readonly Bin[];
  axis: { from: number; to: number };
  width: number;
  onBin: (b: Bin) => void;
}) {
  const most = bins.reduce((a, b) => Math.max(a, b.n), 1);
  const low = Math.log(Math.max(axis.from, 1));
  const wide = Math.max(Math.log(axis.to) - low, 1e-9);
  return (
    <svg
      class="bins"
      width={width}
      height="18"
      role="img"
      aria-label={bins.map((b) => `${duration(b.from)}: ${b.n}`).join(', ')}
    >
      {bins
        .filter((b) => b.n > 0)
        .map((b) => {
          const x = ((Math.log(Math.max(b.from, 1)) - low) / wide) * width;
          const w = ((Math.log(Math.max(b.to, 1)) - low) / wide) * width - x;
          const h = Math.max((b.n / most) * 16, 1);
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the field "Lengths" does the same for who has no pointer
            <g
              key={b.from}
              onClick={(e) => {
                e.stopPropagation();
                onBin(b);
              }}
            >
              <title>{`${duration(b.from)} to ${duration(b.to)}: ${grouped(b.n)}`}</title>
              <rect x={x} y={0} width={Math.max(w, 1)} height={18} class="hit" />
              <rect x={x} y={17 - h} width={Math.max(w - 1, 1)} height={h} />
            </g>
          );
        })}
      <rect x="0" y="17" width={width} height="1" class="base" />
    </svg>
  );
}

function Longest({
  app,
  stage,
  which,
  name: key,
  site,
  words,
  complete,
  lengths,
  onLengths,
}: {
  app: App;
  stage: Stage;
  which: Which;
  name: string;
  /** The place, where others have that name. */
  site: number | null;
  words: string;
  complete: { complete?: boolean };
  lengths: string;
  onLengths: (typed: string) => void;
}) {
  const [chosen, choose] = useState<number | null>(null);
  const wide = useRoom(400, 560);
  const name = harmless(key, 120);
  const method = which === 'task' ? 'waitline/taskTable' : 'waitline/regionTable';
  const of: Omit<Filter, 'kind'> = {
    id: key,
    name,
    ...parseLengths(lengths),
    ...(site === null ? {} : { site }),
  };
  // The profile is of regions, wherever a task's were opened.
  const filter: Filter =
    which === 'region' ? { kind: 'region', ...of } : { kind: 'tasks', id: key, name, ...parseLengths(lengths) };
  const asked = useAsk(
    app,
    method,
    {
      ...filterOf(app),
      name: key,
      limit: 1000,
      ...bounds(of),
      ...(which === 'task' ? complete : {}),
      ...(words === '' || which === 'region' ? {} : { log: words }),
    },
    oneTasks,
  );
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const { of: n, rows } = asked.value;
  const scale = rows.reduce((most, r) => Math.max(most, r.ns), 1);
  const columns: Column<OneTask>[] = [
    {
      id: 'id',
      title: which === 'task' ? 'Task' : 'Region',
      by: (r) => r.id,
      cell: (r) => (which === 'task' ? r.id : name),
    },
    { id: 'g', title: 'Goroutine', by: (r) => r.g, cell: (r) => (r.g > 0 ? `G${r.g}` : '–') },
    { id: 'start', title: 'Start', right: true, by: (r) => r.start, cell: (r) => cell(r.start) },
    { id: 'ns', title: 'Duration', right: true, by: (r) => r.ns, cell: (r) => cell(r.ns) },
    {
      id: 'bar',
      title: `0 to ${duration(scale)}`,
      cell: (r) => (
        // Regions that several goroutines had at once may come to more than the task: then they are drawn to its length.
        <span title={barWords(r)}>
          <Parts
            theme={stage.currentTheme}
            parts={parts(r)}
            of={scale * Math.max(total(r) / Math.max(r.ns, 1), 1)}
            whole={total(r) > r.ns ? 0 : r.ns}
            width={wide}
            height={10}
          />
        </span>
      ),
    },
  ];
  const one = rows.find((r) => r.id === chosen);
  return (
    <>
      <div class="bar-top raised">
        <h2>{name}</h2>
        <span class="dim">
          {grouped(n || rows.length)} {which}s, longest first, in ms; each drawn from its own start
          {which === 'task' && ', plain where it is in no region'}
          {n > rows.length && `; the ${grouped(rows.length)} longest`}
        </span>
        <span class="grow" />
        <input
          class="filter"
          type="text"
          placeholder="Lengths, such as >1ms <5ms"
          aria-label="Lengths, such as >1ms <5ms; a click on a histogram sets them"
          value={lengths}
          onInput={(e) => onLengths(e.currentTarget.value)}
        />
        <OnlyButton app={app} filter={filter}>
          Only these
        </OnlyButton>
        <button type="button" class="button" onClick={() => narrowTo(app, filter, 'profiles')}>
          Profile of these
        </button>
        {which === 'task' && one !== undefined && (
          <OnlyButton app={app} filter={{ kind: 'task', id: one.id, name: `${name} ${one.id}` }}>
            {`Only task ${one.id}`}
          </OnlyButton>
        )}
      </div>
      {which === 'task' && one !== undefined && one.g > 0 && <Whose app={app} stage={stage} task={one} />}
      <Table
        name={`Longest of ${name}`}
        columns={columns}
        rows={rows}
        id={spanId}
        sort="ns"
        selected={which === 'task' && one !== undefined ? spanId(one) : null}
        onSelect={(r) => choose(r.id)}
        onOpen={(r) => {
          app.setTab('timeline');
          app.show(around(r.start, r.start + r.ns, app.end, 0.2), false);
          void app.select(which === 'task' ? `task:${r.id}` : `g:${r.g}`, r.start + r.ns / 2, { moveTo: true });
        }}
      />
      {which === 'task' && one !== undefined && one.logs > 0 && <Logs app={app} id={one.id} />}
    </>
  );
}

function spanId(r: OneTask): string {
  return `${r.id} ${r.g} ${r.start}`;
}

/** What the goroutine that began a task did from its beginning to its end, in regions or not. */
function Whose({ app, stage, task }: { app: App; stage: Stage; task: OneTask }) {
  const filter = { g: task.g, t0: task.start, t1: task.start + Math.max(task.ns, 1) };
  const asked = useAsk(app, 'waitline/goroutineTable', { filter }, goroutineRows);
  const whose = asked.state === 'there' ? asked.value.rows[0]?.all : undefined;
  if (whose === undefined) return null;
  return (
    <div class="remark">
      G{task.g} during task {task.id}:{' '}
      {parts(whose)
        .toSorted((a, b) => b.ns - a.ns)
        .map((p) => `${NAMES[p.cls]} ${duration(p.ns)}`)
        .join(', ')}{' '}
      <Parts theme={stage.currentTheme} parts={parts(whose)} of={total(whose)} width={260} height={10} />
    </div>
  );
}

/** What one task wrote. */
function Logs({ app, id }: { app: App; id: number }) {
  const asked = useAsk(app, 'waitline/taskTable', { id }, messages);
  if (asked.state !== 'there') return null;
  return (
    <div class="remark">
      {asked.value.map((m) => (
        <div key={`${m.t} ${m.message}`}>
          {moment(m.t)} {m.category !== '' && `${m.category}: `}
          {m.message} <PlaceLink app={app} place={m.place} />
        </div>
      ))}
    </div>
  );
}
