// The lines of a profile, below its graph: what was spent on each, and as what.
import type { App } from '../app.ts';
import type { Profile, ProfileRow } from '../model/analyses.ts';
import { cell, count, duration, figure, grouped, percent, shortFunc, unitBy } from '../model/format.ts';
import { type Place, placeLabel } from '../model/protocol.ts';
import { PlaceLink } from '../ui/place.tsx';
import { type Column, Table } from '../ui/table.tsx';

/** A line, with all that was spent at it or below it; `here` is what was spent at it. */
interface Line extends ProfileRow {
  here: number;
}

interface Props {
  app: App;
  here: Profile;
  under: Profile;
  /** The function whose lines are shown; null: all of the workspace's. */
  func: string | null;
  onAll: () => void;
}

export function SourceLines({ app, here, under, func, onAll }: Props) {
  const at = new Map(here.rows.map((r) => [key(r.place), r.ns]));
  const lines = under.rows
    .filter((r) => (func === null ? r.own : r.place.func === func))
    .map((r): Line => ({ ...r, here: at.get(key(r.place)) ?? 0 }));
  // Samples have no lengths.
  const timed = under.ns > 0;
  const unit = unitBy(
    lines,
    (r) => r.ns,
    (r) => r.p50,
  );
  const as = (ns: number) => cell(ns, unit.ns);
  const named = (what: string) => `${what}, ${unit.symbol}`;
  const columns: Column<Line>[] = [
    { id: 'line', title: 'Line', by: (r) => placeLabel(r.place), cell: (r) => <PlaceLink app={app} place={r.place} /> },
    { id: 'text', title: 'Source', cell: (r) => <code class="source-line">{r.text}</code> },
    { id: 'n', title: 'Count', right: true, by: (r) => r.n, cell: (r) => grouped(r.n) },
    ...(timed
      ? [
          { id: 'here', title: 'Here, ms', right: true, by: (r: Line) => r.here, cell: (r: Line) => cell(r.here) },
          { id: 'ns', title: 'Total, ms', right: true, by: (r: Line) => r.ns, cell: (r: Line) => cell(r.ns) },
          { id: 'mean', title: named('Mean'), right: true, by: (r: Line) => r.mean, cell: (r: Line) => as(r.mean) },
          { id: 'p50', title: named('p50'), right: true, by: (r: Line) => r.p50, cell: (r: Line) => as(r.p50) },
          { id: 'p99', title: named('p99'), right: true, by: (r: Line) => r.p99, cell: (r: Line) => tail(r, as) },
          { id: 'max', title: named('Max'), right: true, by: (r: Line) => r.max, cell: (r: Line) => as(r.max) },
        ]
      : []),
  ];
  const all = lines.reduce((ns, r) => ns + r.here, 0);
  return (
    <>
      <div class="bar-top raised">
        <h2>{func === null ? 'Lines of the workspace' : shortFunc(func)}</h2>
        {func !== null && timed && (
          <span>
            {duration(all)} here, {percent(all / Math.max(under.ns, 1))} of this profile, {figure(all / app.end)} on
            average
          </span>
        )}
        {func !== null && (
          <button type="button" class="link" onClick={onAll}>
            All lines
          </button>
        )}
        <span class="grow" />
        <span class="dim">Here is what the line itself carries; all else is of it and what it called.</span>
      </div>
      {lines.length === 0 ? (
        <p class="remark">
          {func === null
            ? 'No line of the workspace is on these stacks.'
            : `${count(under.rows.length)} lines are listed, and none is of this function.`}
        </p>
      ) : (
        <Table
          key={func ?? ''}
          name="Lines of this profile"
          columns={columns}
          rows={lines}
          id={(r) => key(r.place)}
          sort={timed ? 'here' : 'n'}
          onSelect={(r) => app.openPlace(r.place, false)}
          onOpen={(r) => app.openPlace(r.place, true)}
        />
      )}
    </>
  );
}

/** Of less than 100 a percentile of 99 says no more than the longest. */
function tail(r: ProfileRow, as: (ns: number) => string): string {
  return r.n < 100 ? '–' : as(r.p99);
}

function key(p: Place): string {
  return `${p.func} ${p.recorded} ${p.file}`;
}
