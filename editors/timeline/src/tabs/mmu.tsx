// Minimum mutator utilisation: one curve, one read-out, and the worst windows as ways into the timeline.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Theme } from '../draw/theme.ts';
import { type MmuAnswer, mmu, nOf } from '../model/analyses.ts';
import { bytes, cell, duration, figure, moment, unitFor } from '../model/format.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import type { Props } from '../ui/page.tsx';
import { Table } from '../ui/table.tsx';
import { Asking, filterOf, useOption } from './common.tsx';

/** The least of all but so many of the windows, and how that is said. */
const QUANTILES: readonly (readonly [number, string])[] = [
  [0.001, '99.9 %'],
  [0.01, '99 %'],
  [0.05, '95 %'],
];

/** How each of them is drawn: told apart without colour. */
const DASHES: readonly (readonly number[])[] = [
  [6, 3],
  [3, 3],
  [1, 3],
];

const OPTIONS: readonly (readonly [string, string])[] = [
  ['stw', 'stop the world'],
  ['background', 'GC workers'],
  ['assist', 'assists'],
  ['sweep', 'sweep'],
];

export function Mmu({ app, stage }: Props) {
  const [flagWords, setFlagWords] = useOption(app, 'flags', 'stw,background,assist');
  const [perWord, setPer] = useOption(app, 'per', '0');
  const [quantileWord, setQuantiles] = useOption(app, 'quantiles', '0');
  const [windowWord, setWindowWord] = useOption(app, 'window', '1000000');
  const flags = flagWords.split(',').filter((f) => OPTIONS.some(([flag]) => flag === f));
  const per = perWord === '1';
  const withQuantiles = quantileWord === '1';
  const window = Math.min(Math.max(Number(windowWord) || 1e6, 1), 1e15);
  const setWindow = (ns: number) => setWindowWord(String(Math.round(ns)));
  const all = [...flags, ...(per ? ['perProc'] : [])];
  const quantiles = withQuantiles ? { quantiles: QUANTILES.map(([share]) => share) } : {};
  const asked = useAsk(app, 'waitline/mmu', { ...filterOf(app), flags: all, ...quantiles }, mmu);
  const worst = useAsk(
    app,
    'waitline/mmu',
    { ...filterOf(app), flags: all, window: Math.round(window), windows: [Math.round(window)], ...quantiles },
    mmu,
  );
  if (asked.state !== 'there') return <Asking asked={asked} />;
  // Of this very window, where the answer is there; else between two points of the curve.
  const exact = worst.state === 'there' ? worst.value.curve.find((p) => p.window === Math.round(window)) : undefined;
  const long = app.range === null ? app.end : app.range.t1 - app.range.t0;
  const at = exact?.mmu ?? valueAt(asked.value, window);
  const ten = valueAt(asked.value, 1e7);
  const zero = asked.value.curve.findLast((p) => p.mmu <= 0)?.window ?? 0;
  const toggle = (flag: string) => {
    const next = OPTIONS.map(([f]) => f).filter((f) => (f === flag ? !flags.includes(f) : flags.includes(f)));
    setFlagWords(next.length === 0 ? 'none' : next.join(','));
  };
  const go = exact?.asGo ?? null;
  const shares = !withQuantiles
    ? []
    : exact?.quantiles.length === QUANTILES.length
      ? exact.quantiles
      : quantilesAt(asked.value, window);
  const { collections } = asked.value;
  const marks = unitFor(collections.map((c) => c.mark));
  const stops = unitFor(collections.map((c) => c.stopped));
  const worstRows = worst.state === 'there' ? worst.value.worst : [];
  return (
    <div class="view">
      <div class="split">
        <div class="main">
          <div class="bar-top">
            <span class="choice">
              <button type="button" aria-pressed={!per} onClick={() => setPer('0')}>
                Whole program
              </button>
              <button type="button" aria-pressed={per} onClick={() => setPer('1')}>
                Per P
              </button>
            </span>
            <span class="dim">Count as lost:</span>
            {OPTIONS.map(([flag, name]) => (
              <label key={flag}>
                <input type="checkbox" checked={flags.includes(flag)} onChange={() => toggle(flag)} /> {name}
              </label>
            ))}
            <label title="What all but 0.1, 1 and 5 % of the windows got at least">
              <input type="checkbox" checked={withQuantiles} onChange={() => setQuantiles(withQuantiles ? '0' : '1')} />{' '}
              percentiles
            </label>
          </div>
          <div class="remark">
            Minimum mutator utilisation: the least share of the CPU that the program itself got in any window of that
            length.
          </div>
          <Curve answer={asked.value} theme={stage.currentTheme} window={window} value={at} onWindow={setWindow} />
          <div class="bar-top column">
            <span class="strong">
              In its worst {duration(window)} the program got {figure(at * 100)} % of the CPU
              {window < 1e7 && long > 1e7 && `; in its worst 10 ms, ${figure(ten * 100)} %`}.
            </span>
            {shares.length > 0 && (
              <span>
                {QUANTILES.map(
                  ([, name], i) => `${name} of such windows had at least ${figure((shares[i] ?? 0) * 100)} %`,
                ).join('; ')}
                .
              </span>
            )}
            {go !== null && Math.abs(go - at) > 0.005 && (
              <span class="dim">
                For {duration(window)} go tool trace shows {figure(go * 100)} %
                {flags.includes('background') &&
                  ': it counts a GC worker once more each time that it starts again, and looks only up to where that leaves nothing'}
                .
              </span>
            )}
            <span class="dim">
              {zero > 0 &&
                `Up to ${duration(zero)} the minimum is 0: in a window of that length all of it counts as the collector's${
                  flags.includes('stw')
                    ? ', since a stop of the world counts from when it is asked for, and some may still run then'
                    : ''
                }. `}
              {asked.value.mean !== null &&
                `Over ${app.range === null ? 'the whole trace' : 'the range'}: ${figure(asked.value.mean * 100)} %.`}
            </span>
            {app.filters.length > 0 && (
              <span class="dim">
                The collector is everybody's: filters by goroutine, task or region change nothing here.
              </span>
            )}
          </div>
        </div>
        <div class="side">
          <div class="bar-top">
            <h2>Worst windows of {duration(window)}</h2>
          </div>
          <Table
            name="Worst windows"
            columns={[
              { id: 'start', title: 'Start', right: true, by: (w) => w.t, cell: (w) => moment(w.t) },
              {
                id: 'mmu',
                title: 'Utilisation',
                right: true,
                by: (w) => -w.mmu,
                cell: (w) => `${figure(w.mmu * 100)} %`,
              },
              {
                id: 'what',
                title: 'Lost to',
                wraps: true,
                cell: (w) => (
                  <>
                    {per && w.p !== null && `P${w.p}: `}
                    {w.lost.map((l, i) => (
                      <span key={l.what}>
                        {i > 0 && ', '}
                        {l.what} <span class="unbroken">{duration(l.ns)}</span>
                      </span>
                    ))}
                  </>
                ),
              },
            ]}
            rows={worstRows}
            id={(w) => String(w.t)}
            sort="mmu"
            onOpen={(w) => {
              app.setTab('timeline');
              app.show(around(w.t, w.t + w.window, app.end, 0.5), false);
              app.marks = [...app.marks, { t0: w.t, t1: w.t + w.window }];
            }}
          />
          <div class="remark">Enter shows the window in the timeline.</div>
          {collections.length > 0 && (
            <>
              <div class="bar-top">
                <h2>Collections</h2>
                <span class="dim">
                  {nOf(asked.value)} in {duration(long)}
                </span>
              </div>
              <Table
                name="Collections"
                columns={[
                  { id: 'start', title: 'Start', right: true, by: (c) => -c.start, cell: (c) => moment(c.start) },
                  {
                    id: 'mark',
                    title: `Mark, ${marks.symbol}`,
                    right: true,
                    by: (c) => c.mark,
                    cell: (c) => cell(c.mark, marks.ns),
                  },
                  {
                    id: 'stopped',
                    title: `Stopped, ${stops.symbol}`,
                    right: true,
                    by: (c) => c.stopped,
                    cell: (c) => cell(c.stopped, stops.ns),
                  },
                  {
                    id: 'goal',
                    title: 'Heap goal after',
                    right: true,
                    cell: (c) => (c.goal === null ? '–' : bytes(c.goal)),
                  },
                ]}
                rows={collections}
                id={(c) => String(c.start)}
                sort="start"
                onOpen={(c) => {
                  app.setTab('timeline');
                  app.show(around(c.start, c.start + c.mark + c.stopped, app.end, 0.5), false);
                }}
              />
            </>
          )}
        </div>
      </div>
    </div>
  );
}

type Point = MmuAnswer['curve'][number];

/** Between points straight over the logarithm. */
function between(a: MmuAnswer, window: number, of: (p: Point) => number): number {
  const i = a.curve.findIndex((p) => p.window >= window);
  const after = a.curve[i];
  const last = a.curve.at(-1);
  if (after === undefined) return last === undefined ? 1 : of(last);
  const before = a.curve[i - 1];
  if (before === undefined || after.window === window) return of(after);
  const share = Math.log(window / before.window) / Math.log(after.window / before.window);
  return of(before) + (of(after) - of(before)) * share;
}

function valueAt(a: MmuAnswer, window: number): number {
  return between(a, window, (p) => p.mmu);
}

/** Empty where they were not asked for, or the answer with them is still under way. */
function quantilesAt(a: MmuAnswer, window: number): number[] {
  if (a.curve.some((p) => p.quantiles.length < QUANTILES.length)) return [];
  return QUANTILES.map((_, i) => between(a, window, (p) => p.quantiles[i] ?? 0));
}

function Curve({
  answer,
  theme,
  window,
  value,
  onWindow,
}: {
  answer: MmuAnswer;
  theme: Theme | null;
  window: number;
  /** What it is at that window. */
  value: number;
  onWindow: (w: number) => void;
}) {
  const ref = useRef<HTMLCanvasElement>(null);
  const first = answer.curve[0]?.window ?? 1;
  const last = answer.curve.at(-1)?.window ?? 10;
  useLayoutEffect(() => {
    const canvas = ref.current;
    const ctx = canvas?.getContext('2d');
    if (canvas === null || ctx === null || ctx === undefined || theme === null) return;
    const draw = () => {
      const dpr = globalThis.devicePixelRatio || 1;
      const width = canvas.clientWidth;
      const height = canvas.clientHeight;
      canvas.width = width * dpr;
      canvas.height = height * dpr;
      ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
      drawCurve(ctx, answer, theme, { width, height, first, last, window, value });
    };
    draw();
    const watch = new ResizeObserver(draw);
    watch.observe(canvas);
    return () => watch.disconnect();
  });
  const step = (factor: number) => onWindow(Math.min(Math.max(window * factor, first), last));
  return (
    <div class="chart-field">
      <canvas
        ref={ref}
        tabIndex={0}
        role="slider"
        aria-label="Window length"
        aria-valuemin={first}
        aria-valuemax={last}
        aria-valuenow={window}
        aria-valuetext={`${duration(window)}: ${figure(value * 100)} %`}
        onPointerDown={(e) => {
          const box = e.currentTarget.getBoundingClientRect();
          const share = Math.min(Math.max((e.clientX - box.left - LEFT) / (box.width - LEFT - 8), 0), 1);
          onWindow(first * (last / first) ** share);
        }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowLeft') step(1 / 1.2);
          else if (e.key === 'ArrowRight') step(1.2);
          else return;
          e.preventDefault();
          e.stopPropagation();
        }}
      />
    </div>
  );
}

const LEFT = 48;

function drawCurve(
  ctx: CanvasRenderingContext2D,
  a: MmuAnswer,
  theme: Theme,
  s: { width: number; height: number; first: number; last: number; window: number; value: number },
): void {
  const bottom = s.height - 40;
  const x = (w: number) => LEFT + (Math.log(w / s.first) / Math.log(s.last / s.first || 2)) * (s.width - LEFT - 8);
  const y = (v: number) => bottom - v * (bottom - 12);
  ctx.clearRect(0, 0, s.width, s.height);
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  for (let v = 0; v <= 1.001; v += 0.2) {
    ctx.fillStyle = theme.rule;
    ctx.fillRect(LEFT, Math.round(y(v)), s.width - LEFT - 8, 1);
    ctx.fillStyle = theme.dim;
    ctx.fillText(`${Math.round(v * 100)} %`, LEFT - 8, y(v));
  }
  ctx.textAlign = 'center';
  let free = Number.NEGATIVE_INFINITY;
  for (let power = Math.floor(Math.log10(s.first)); power <= Math.ceil(Math.log10(s.last)); power++) {
    for (const m of [1, 3]) {
      const w = m * 10 ** power;
      if (w < s.first || w > s.last) continue;
      ctx.fillStyle = theme.rule;
      ctx.fillRect(Math.round(x(w)), 12, 1, bottom - 12);
      if (x(w) < free) continue;
      ctx.fillStyle = theme.dim;
      ctx.fillText(duration(w), x(w), bottom + 12);
      free = x(w) + 56;
    }
  }
  ctx.fillStyle = theme.dim;
  ctx.fillText('window length, log', LEFT + (s.width - LEFT) / 2, bottom + 28);
  if (a.curve.length < 2) return;
  ctx.beginPath();
  for (const p of a.curve) ctx.lineTo(x(p.window), y(p.mmu));
  ctx.strokeStyle = theme.strong;
  ctx.lineWidth = 1.5;
  ctx.stroke();
  ctx.lineTo(x(s.last), bottom);
  ctx.lineTo(x(s.first), bottom);
  ctx.globalAlpha = 0.08;
  ctx.fillStyle = theme.strong;
  ctx.fill();
  ctx.globalAlpha = 1;
  drawQuantiles(ctx, a, theme, s, x, y);
  const v = s.value;
  ctx.setLineDash([2, 3]);
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(LEFT, y(v));
  ctx.lineTo(x(s.window), y(v));
  ctx.lineTo(x(s.window), bottom);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.arc(x(s.window), y(v), 4, 0, 7);
  ctx.fillStyle = theme.strong;
  ctx.fill();
  ctx.textAlign = x(s.window) > s.width - 140 ? 'right' : 'left';
  ctx.fillText(
    `${duration(s.window)}: ${figure(v * 100)} %`,
    x(s.window) + (ctx.textAlign === 'right' ? -10 : 10),
    // Below it there are the axis's own words.
    y(v) + (y(v) + 20 > bottom ? -12 : 12),
  );
}

/** A line each, with its name where it stands highest over the one before it. */
function drawQuantiles(
  ctx: CanvasRenderingContext2D,
  a: MmuAnswer,
  theme: Theme,
  s: { width: number; first: number },
  x: (w: number) => number,
  y: (v: number) => number,
): void {
  ctx.strokeStyle = theme.strong;
  ctx.lineWidth = 1;
  ctx.textAlign = 'left';
  QUANTILES.forEach(([, name], i) => {
    if (a.curve.some((p) => p.quantiles[i] === undefined)) return;
    ctx.setLineDash([...(DASHES[i] ?? [])]);
    ctx.beginPath();
    for (const p of a.curve) ctx.lineTo(x(p.window), y(p.quantiles[i] ?? 0));
    ctx.stroke();
    const ahead = (p: Point) => (p.quantiles[i] ?? 0) - (i === 0 ? p.mmu : (p.quantiles[i - 1] ?? 0));
    const at = a.curve.reduce((best, p) => (ahead(p) > ahead(best) ? p : best), a.curve[0] as Point);
    const left = Math.min(Math.max(x(at.window) - 48, LEFT + 4), s.width - 60);
    ctx.fillStyle = theme.text;
    ctx.fillText(name, left, Math.max(y(at.quantiles[i] ?? 0) - 8, 20));
  });
  ctx.setLineDash([]);
}
