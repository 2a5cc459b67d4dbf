// Minimum mutator utilisation: one curve, one read-out, and the worst windows as ways into the timeline.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Theme } from '../draw/theme.ts';
import { type MmuAnswer, mmu } from '../model/analyses.ts';
import { bytes, duration, figure, instant } from '../model/format.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import type { Props } from '../ui/page.tsx';
import { Table } from '../ui/table.tsx';
import { Asking, filterOf } from './common.tsx';

const OPTIONS: readonly (readonly [string, string])[] = [
  ['stw', 'stop the world'],
  ['background', 'GC workers'],
  ['assist', 'assists'],
  ['sweep', 'sweep'],
];

export function Mmu({ app, stage }: Props) {
  const [flags, setFlags] = useState<readonly string[]>(['stw', 'background', 'assist']);
  const [per, setPer] = useState(false);
  const [window, setWindow] = useState(1e6);
  const all = [...flags, ...(per ? ['perProc'] : [])];
  const asked = useAsk(app, 'waitline/mmu', { ...filterOf(app), flags: all }, mmu);
  const worst = useAsk(
    app,
    'waitline/mmu',
    { ...filterOf(app), flags: all, window: Math.round(window), windows: [Math.round(window)] },
    mmu,
  );
  if (asked.state !== 'there') return <Asking asked={asked} />;
  const at = valueAt(asked.value, window);
  const ten = valueAt(asked.value, 1e7);
  const zero = asked.value.curve.findLast((p) => p.mmu <= 0)?.window ?? 0;
  const toggle = (flag: string) => setFlags(flags.includes(flag) ? flags.filter((f) => f !== flag) : [...flags, flag]);
  const go = worst.state === 'there' ? (worst.value.curve[0]?.asGo ?? null) : null;
  const worstRows = worst.state === 'there' ? worst.value.worst : [];
  return (
    <div class="view">
      <div class="split">
        <div class="main">
          <div class="bar-top">
            <span class="choice">
              <button type="button" aria-pressed={!per} onClick={() => setPer(false)}>
                Whole program
              </button>
              <button type="button" aria-pressed={per} onClick={() => setPer(true)}>
                Per P
              </button>
            </span>
            <span class="dim">Count as lost:</span>
            {OPTIONS.map(([flag, name]) => (
              <label key={flag}>
                <input type="checkbox" checked={flags.includes(flag)} onChange={() => toggle(flag)} /> {name}
              </label>
            ))}
          </div>
          <div class="remark">
            Minimum mutator utilisation: the least share of the CPU that the program itself got in any window of that
            length.
          </div>
          <Curve answer={asked.value} theme={stage.currentTheme} window={window} onWindow={setWindow} />
          <div class="bar-top column">
            <span class="strong">
              In its worst {duration(window)} the program got {figure(at * 100)} % of the CPU
              {window < 1e7 && app.end > 1e7 && `; in its worst 10 ms, ${figure(ten * 100)} %`}.
            </span>
            {go !== null && Math.abs(go - at) > 0.005 && (
              <span class="dim">go tool trace shows {figure(go * 100)} % for it.</span>
            )}
            {zero > 0 && (
              <span class="dim">
                Up to {duration(zero)} the minimum is 0: there was a window of that length in which it got nothing.
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
              { id: 'start', title: 'Start', right: true, by: (w) => w.t, cell: (w) => instant(w.t) },
              {
                id: 'mmu',
                title: 'Utilisation',
                right: true,
                by: (w) => -w.mmu,
                cell: (w) => `${figure(w.mmu * 100)} %`,
              },
              { id: 'what', title: 'Lost to', cell: (w) => <span title={w.what}>{w.what}</span> },
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
          {asked.value.collections.length > 0 && (
            <>
              <div class="bar-top">
                <h2>Collections</h2>
                <span class="dim">
                  {asked.value.collections.length} in{' '}
                  {duration(app.range === null ? app.end : app.range.t1 - app.range.t0)}
                </span>
              </div>
              <Table
                name="Collections"
                columns={[
                  { id: 'start', title: 'Start', right: true, by: (c) => -c.start, cell: (c) => instant(c.start) },
                  { id: 'mark', title: 'Mark', right: true, by: (c) => c.mark, cell: (c) => duration(c.mark) },
                  {
                    id: 'stopped',
                    title: 'Stopped',
                    right: true,
                    by: (c) => c.stopped,
                    cell: (c) => duration(c.stopped),
                  },
                  {
                    id: 'goal',
                    title: 'Heap goal after',
                    right: true,
                    cell: (c) => (c.goal === null ? '–' : bytes(c.goal)),
                  },
                ]}
                rows={asked.value.collections}
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

/** Between points straight over the logarithm. */
function valueAt(a: MmuAnswer, window: number): number {
  const i = a.curve.findIndex((p) => p.window >= window);
  const after = a.curve[i];
  if (after === undefined) return a.curve.at(-1)?.mmu ?? 1;
  const before = a.curve[i - 1];
  if (before === undefined || after.window === window) return after.mmu;
  const share = Math.log(window / before.window) / Math.log(after.window / before.window);
  return before.mmu + (after.mmu - before.mmu) * share;
}

function Curve({
  answer,
  theme,
  window,
  onWindow,
}: {
  answer: MmuAnswer;
  theme: Theme | null;
  window: number;
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
      drawCurve(ctx, answer, theme, { width, height, first, last, window });
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
        aria-valuetext={`${duration(window)}: ${figure(valueAt(answer, window) * 100)} %`}
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
  s: { width: number; height: number; first: number; last: number; window: number },
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
  const v = valueAt(a, s.window);
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
    y(v) + 12,
  );
}
