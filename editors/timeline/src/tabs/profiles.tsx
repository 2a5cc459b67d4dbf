// Profiles of waiting: a flame graph and the lines, here and under; each function leads to its line.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { App } from '../app.ts';
import type { Theme } from '../draw/theme.ts';
import { flame, type Profile, type ProfileRow, profile } from '../model/analyses.ts';
import { cell, duration, grouped, percent, shorten, shortFunc, unitFor } from '../model/format.ts';
import { type Place, placeLabel } from '../model/protocol.ts';
import { field, raw, text } from '../model/read.ts';
import { useAsk } from '../ui/ask.ts';
import type { Props } from '../ui/page.tsx';
import { PlaceLink } from '../ui/place.tsx';
import { Table } from '../ui/table.tsx';
import { Asking, filterOf, useOption } from './common.tsx';
import { SourceLines } from './lines.tsx';

const TYPES: readonly (readonly [string, string])[] = [
  ['sync', 'Blocking'],
  ['net', 'Network'],
  ['syscall', 'Syscall'],
  ['sched', 'Scheduler'],
  ['waits', 'All waiting'],
  ['offcpu', 'Off CPU'],
  ['running', 'On CPU'],
  ['sched-own', 'Latency where it waited'],
  ['assist', 'GC assist'],
  ['cpu', 'CPU samples'],
];

/** Those that `go tool trace` has, too. */
const GOS: readonly string[] = ['sync', 'net', 'syscall', 'sched'];

export function Profiles({ app, stage }: Props) {
  const [type, setType] = useOption(app, 'profile', 'sync');
  const [opened, setOpened] = useOption(app, 'open', '0');
  const open = opened === '1';
  const [chosen, choose] = useState<string | null>(null);
  const [root, setRoot] = useState(-1);
  const of = { type, open, limit: 500, ...filterOf(app) };
  const asked = useAsk(app, 'waitline/profile', { ...of, by: 'here' }, profile);
  const under = useAsk(app, 'waitline/profile', { ...of, by: 'under' }, profile);
  const types = TYPES.filter(([t]) => t !== 'cpu' || app.info?.hasCpuSamples === true);
  return (
    <div class="view">
      <div class="split">
        <div class="main">
          <div class="bar-top">
            <span class="choice">
              {types.map(([t, name]) => (
                <button
                  type="button"
                  key={t}
                  aria-pressed={type === t}
                  onClick={() => {
                    setType(t);
                    setRoot(-1);
                  }}
                >
                  {name}
                </button>
              ))}
            </span>
            <label>
              <input type="checkbox" checked={open} onChange={() => setOpened(open ? '0' : '1')} /> Still waiting at the
              end
            </label>
            <span class="grow" />
            <button type="button" class="button" onClick={() => void savePprof(app, type, open)}>
              Save as pprof
            </button>
          </div>
          {asked.state !== 'there' ? (
            <Asking asked={asked} />
          ) : (
            <Graph
              app={app}
              theme={stage.currentTheme}
              type={type}
              says={GOS.includes(type) && !open && app.range === null && app.filters.length === 0}
              profile={asked.value}
              under={under.state === 'there' ? under.value : null}
              root={root}
              onRoot={setRoot}
              chosen={chosen}
              onChoose={choose}
            />
          )}
        </div>
        <div class="side">
          {asked.state === 'there' && (
            <Lines
              app={app}
              here={asked.value}
              under={under.state === 'there' ? under.value : null}
              chosen={chosen}
              onChoose={choose}
            />
          )}
        </div>
      </div>
    </div>
  );
}

interface GraphProps {
  app: App;
  theme: Theme | null;
  type: string;
  /** Whether it is what `go tool trace` says. */
  says: boolean;
  profile: Profile;
  under: Profile | null;
  root: number;
  onRoot: (node: number) => void;
  chosen: string | null;
  onChoose: (func: string | null) => void;
}

const ROW = 24;

/** What a profile counts, one and many. */
function counted(type: string): readonly [string, string] {
  switch (type) {
    case 'running':
      return ['stretch', 'stretches'];
    case 'syscall':
      return ['system call', 'system calls'];
    case 'assist':
      return ['assist', 'assists'];
    default:
      return ['wait', 'waits'];
  }
}

function Graph({ app, theme, type, says, profile: p, under, root, onRoot, chosen, onChoose }: GraphProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  const width = useRef(800);
  const [, again] = useState(0);
  // A chosen frame fills the width: its own part of the tree is laid out alone.
  const within = inside(p, root);
  const nodes = within.nodes;
  const total = root < 0 ? p.ns : (p.flame[root]?.ns ?? p.ns);
  const laid = flame(nodes, total, 3 / Math.max(width.current, 1));
  const height = (laid.depth + 1) * ROW;
  useLayoutEffect(() => {
    const canvas = ref.current;
    const ctx = canvas?.getContext('2d');
    const parent = canvas?.parentElement;
    if (
      canvas === null ||
      ctx === null ||
      ctx === undefined ||
      theme === null ||
      parent === null ||
      parent === undefined
    )
      return;
    if (parent.clientWidth !== width.current) {
      width.current = parent.clientWidth;
      again((n) => n + 1);
      return;
    }
    const dpr = globalThis.devicePixelRatio || 1;
    canvas.width = width.current * dpr;
    canvas.height = height * dpr;
    canvas.style.width = `${width.current}px`;
    canvas.style.height = `${height}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.clearRect(0, 0, width.current, height);
    ctx.font = `11px ${theme.font}`;
    ctx.textBaseline = 'middle';
    ctx.fillStyle = theme.rule;
    ctx.fillRect(0, 0, width.current, ROW - 1);
    ctx.fillStyle = theme.text;
    ctx.fillText(`${root < 0 ? 'all' : shortFunc(p.flame[root]?.name ?? '')}  ${duration(total)}`, 6, ROW / 2);
    for (const box of laid.boxes) {
      const node = nodes[box.node];
      if (node === undefined) continue;
      const x = Math.round(box.x * width.current);
      const w = Math.max(Math.round((box.x + box.w) * width.current) - x - 1, 1);
      const y = (box.depth + 1) * ROW;
      ctx.fillStyle = node.own ? (theme.colour[1] ?? '') : theme.rule;
      ctx.fillRect(x, y, w, ROW - 1);
      if (node.name === chosen) {
        ctx.strokeStyle = theme.strong;
        ctx.lineWidth = 2;
        ctx.strokeRect(x + 1, y + 1, w - 2, ROW - 3);
      }
      if (w < 24) continue;
      ctx.fillStyle = node.own ? theme.onRunning : theme.dim;
      const time = w > 140 ? duration(node.ns) : '';
      const room = w - 10 - (time === '' ? 0 : ctx.measureText(time).width + 8);
      ctx.fillText(
        shorten(node.name, (s) => ctx.measureText(s).width <= room),
        x + 5,
        y + ROW / 2,
      );
      if (time !== '') {
        ctx.textAlign = 'right';
        ctx.fillText(time, x + w - 5, y + ROW / 2);
        ctx.textAlign = 'left';
      }
    }
  });
  const hit = (e: MouseEvent): number => {
    const canvas = ref.current;
    if (canvas === null) return -1;
    const box = canvas.getBoundingClientRect();
    const x = (e.clientX - box.left) / Math.max(box.width, 1);
    const depth = Math.floor((e.clientY - box.top) / ROW) - 1;
    const found = laid.boxes.find((b) => b.depth === depth && x >= b.x && x < b.x + b.w);
    return found === undefined ? -1 : (within.from[found.node] ?? -1);
  };
  if (p.ns === 0)
    return <p class="remark">Nothing of this kind in {app.range === null ? 'the trace' : 'the range'}.</p>;
  return (
    <>
      <div class="remark">
        <b class="strong">{duration(p.ns)}</b> in {grouped(p.n)} {counted(type)[p.n === 1 ? 0 : 1]}.
        {type === 'running' &&
          ' Running, by where it stopped: a trace tells at which line a goroutine ceased to run, not which it ran.'}
        {says &&
          ' Equal to that of go tool trace: what was open at the end, and what began before a goroutine first ran, is left out.'}
      </div>
      <div class="flame">
        <canvas
          ref={ref}
          role="img"
          aria-label="Flame graph; the tables beside hold the same"
          onClick={(e) => {
            const node = p.flame[hit(e)];
            onChoose(node?.name ?? null);
            if (node?.place !== null && node?.place !== undefined) app.openPlace(node.place, false);
          }}
          onDblClick={(e) => onRoot(hit(e))}
        />
      </div>
      <div class="remark">
        {root >= 0 && (
          <button type="button" class="link" onClick={() => onRoot(-1)}>
            Back to all
          </button>
        )}{' '}
        Strong is the workspace's own code. Width is time; a frame under 3 px is left out. Click shows the line, a
        double click fills the width.
      </div>
      {under !== null && <SourceLines app={app} here={p} under={under} func={chosen} onAll={() => onChoose(null)} />}
    </>
  );
}

/** The nodes below one, as a tree of their own; `from` says which they were. */
function inside(p: Profile, root: number): { nodes: Profile['flame']; from: number[] } {
  if (root < 0) return { nodes: p.flame, from: p.flame.map((_, i) => i) };
  const at = new Map<number, number>();
  const nodes: Profile['flame'] = [];
  const from: number[] = [];
  p.flame.forEach((n, i) => {
    const parent = n.parent === root ? -1 : at.get(n.parent);
    if (parent === undefined) return;
    at.set(i, nodes.length);
    nodes.push({ ...n, parent });
    from.push(i);
  });
  return { nodes, from };
}

interface LinesProps {
  app: App;
  here: Profile;
  under: Profile | null;
  chosen: string | null;
  onChoose: (func: string | null) => void;
}

function Lines({ app, here: p, under, chosen, onChoose }: LinesProps) {
  // The two stand below one another: one unit for both.
  const unit = unitFor([...p.rows, ...(under?.rows ?? [])].map((r) => r.ns));
  const table = (title: string, says: string, rows: readonly ProfileRow[]) => (
    <>
      <div class="bar-top">
        <h2>{title}</h2>
        <span class="dim">{says}</span>
      </div>
      <Table
        name={title}
        columns={[
          {
            id: 'func',
            title: 'Function',
            by: (r) => r.place.func,
            cell: (r) => <span title={r.place.func}>{shortFunc(r.place.func)}</span>,
          },
          {
            id: 'line',
            title: 'Line',
            by: (r) => placeLabel(r.place),
            cell: (r) => <PlaceLink app={app} place={r.place} />,
          },
          {
            id: 'ns',
            title: `${title}, ${unit.symbol}`,
            right: true,
            by: (r) => r.ns,
            cell: (r) => cell(r.ns, unit.ns),
          },
          { id: 'share', title: 'Share', right: true, cell: (r) => percent(p.ns > 0 ? r.ns / p.ns : 0) },
        ]}
        rows={rows}
        id={(r) => `${r.place.func} ${r.place.recorded}`}
        sort="ns"
        selected={rows.map((r) => (r.place.func === chosen ? key(r.place) : null)).find((k) => k !== null) ?? null}
        onSelect={(r) => onChoose(r.place.func)}
        onOpen={(r) => app.openPlace(r.place, true)}
      />
    </>
  );
  return (
    <>
      {table('Here', 'the first line of own code carries it', p.rows)}
      {under !== null &&
        table(
          'Under',
          'every line of own code on the stack',
          under.rows.filter((r) => r.own),
        )}
    </>
  );
}

function key(p: Place): string {
  return `${p.func} ${p.recorded}`;
}

/** The profile as a file, by a link that is clicked for the person: nothing leaves the machine. */
async function savePprof(app: App, type: string, open: boolean): Promise<void> {
  try {
    const answer = await app.host.request('waitline/pprof', { type, open, ...filterOf(app) });
    const octets = Uint8Array.from(atob(raw(field(answer, 'data'))), (c) => c.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([octets], { type: 'application/octet-stream' }));
    const a = document.createElement('a');
    a.href = url;
    a.download = text(field(answer, 'name')) || `${type}.pb.gz`;
    a.click();
    URL.revokeObjectURL(url);
  } catch (e) {
    app.say(e instanceof Error ? e.message : String(e));
  }
}
