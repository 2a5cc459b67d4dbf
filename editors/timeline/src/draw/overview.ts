// The strip of the whole trace: costly waiters, collections, findings, the line's instances, and where the view is.
import { CLASS } from '../model/classes.ts';
import type { Finding } from '../model/findings.ts';
import { covered } from '../model/lengths.ts';
import type { Span } from '../model/protocol.ts';
import { type LaneTile, rectEnd, rectStart } from '../model/tile.ts';
import type { Ns, Px } from '../model/units.ts';
import { tickLabel, ticks, type View, xOf } from '../model/viewport.ts';
import { columns, drawStack } from './density.ts';
import type { Theme } from './theme.ts';

type Context = CanvasRenderingContext2D;

export interface OverviewScene {
  readonly width: Px;
  readonly height: Px;
  readonly end: Ns;
  readonly view: View;
  readonly range: Span | null;
  readonly all: readonly LaneTile[];
  readonly gc: LaneTile | null;
  readonly stw: LaneTile | null;
  readonly findings: readonly Finding[];
  readonly instances: readonly Ns[];
}

/** Answers the most costly waiters at once, and the most that were not idle. */
export function drawOverview(ctx: Context, s: OverviewScene, theme: Theme): { costly: number; busy: number } {
  const whole: View = { t0: 0, t1: Math.max(s.end, 1) };
  const inset = 8;
  const width = s.width - 2 * inset;
  const x = (t: Ns) => inset + xOf(whole, width, t);
  ctx.clearRect(0, 0, s.width, s.height);
  ctx.fillStyle = theme.raised;
  ctx.fillRect(0, 0, s.width, s.height);

  let most = 0;
  let busy = 0;
  if (s.all.length > 0) {
    busy = columns(s.all, whole, width, 'busy').most;
    const c = columns(s.all, whole, width, 'costly');
    most = c.most;
    const area = { x: inset, y: 46, height: 34, scale: Math.max(most, 1), only: null };
    drawStack(ctx, c, theme, { ...area, alpha: s.range === null ? theme.density + 0.2 : theme.density });
    if (s.range !== null) {
      // Inside of the range at full strength: it is what everything counts.
      ctx.save();
      ctx.beginPath();
      ctx.rect(x(s.range.t0), 0, Math.max(x(s.range.t1) - x(s.range.t0), 1), s.height);
      ctx.clip();
      drawStack(ctx, c, theme, { ...area, alpha: 1 });
      ctx.restore();
    }
  }
  // Collections and stops are as high as the part of each pixel that they took.
  if (s.gc !== null) {
    ctx.fillStyle = theme.gc;
    for (let i = 0; i < s.gc.n; i++) {
      if (s.gc.cls[i] !== CLASS.mark) continue;
      const a = x(rectStart(s.gc, i));
      const h = Math.max(6 * covered(s.gc, i), 1);
      ctx.fillRect(a, 11 - h, Math.max(x(rectEnd(s.gc, i)) - a, 1), h);
    }
  }
  if (s.stw !== null) {
    ctx.fillStyle = theme.stw;
    for (let i = 0; i < s.stw.n; i++) {
      const a = x(rectStart(s.stw, i));
      const h = Math.max(10 * covered(s.stw, i), 1);
      ctx.fillRect(a, 13 - h, Math.max(x(rectEnd(s.stw, i)) - a, 1), h);
    }
  }
  for (const f of s.findings) {
    if (f.at === null) continue;
    ctx.fillStyle = theme.finding;
    const a = markX(f.at, s.width, s.end);
    ctx.beginPath();
    ctx.moveTo(a - 3.5, MARK.top);
    ctx.lineTo(a + 3.5, MARK.top);
    ctx.lineTo(a, MARK.bottom);
    ctx.closePath();
    ctx.fill();
  }
  ctx.fillStyle = theme.link;
  let last = -2;
  for (const t of s.instances) {
    const a = Math.round(x(t));
    if (a === last) continue;
    last = a;
    ctx.fillRect(a, 49, 1, 4);
  }
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = 'middle';
  ctx.fillStyle = theme.dim;
  const t = ticks(whole, width, 120);
  for (const at of t.at) {
    const left = x(at);
    if (left > s.width - 40) continue;
    ctx.textAlign = at === 0 ? 'left' : 'center';
    ctx.fillText(tickLabel(at, t.step, s.end), left, 61);
  }
  return { costly: most, busy };
}

/** Where the view is in the whole trace: over what `drawOverview` drew. */
export function drawOverviewWindow(
  ctx: Context,
  s: Pick<OverviewScene, 'width' | 'height' | 'end' | 'view'>,
  theme: Theme,
): void {
  const x = (t: Ns) => 8 + (t / Math.max(s.end, 1)) * (s.width - 16);
  const a = Math.max(x(s.view.t0), 1);
  const b = Math.min(x(s.view.t1), s.width - 1);
  if (s.view.t1 - s.view.t0 < s.end * 0.999) {
    ctx.fillStyle = theme.focus;
    ctx.globalAlpha = 0.12;
    ctx.fillRect(a, 0, Math.max(b - a, 2), s.height - 1);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = theme.focus;
    ctx.lineWidth = 1;
    ctx.strokeRect(Math.round(a) + 0.5, 0.5, Math.max(Math.round(b - a), 2), s.height - 2);
    ctx.fillStyle = theme.focus;
    ctx.fillRect(Math.round(a) - 1, 28, 3, 16);
    ctx.fillRect(Math.round(b) - 1, 28, 3, 16);
  }
}

/** Between which heights the marks of findings stand. */
const MARK = { top: 14, bottom: 20 };

function markX(at: Span, width: Px, end: Ns): Px {
  return 8 + ((at.t0 + at.t1) / 2 / Math.max(end, 1)) * (width - 16);
}

/** The findings whose marks are under a point of the strip, the nearest first: a mark is small, so next to it counts, too. */
export function marksAt(findings: readonly Finding[], width: Px, end: Ns, x: Px, y: Px): Finding[] {
  if (y < MARK.top - 4 || y > MARK.bottom + 4) return [];
  return findings
    .flatMap((f) => {
      const off = f.at === null ? Number.POSITIVE_INFINITY : Math.abs(markX(f.at, width, end) - x);
      return off <= 6 ? [{ f, off }] : [];
    })
    .toSorted((a, b) => a.off - b.off)
    .map(({ f }) => f);
}

/** The moment under a point of the strip. */
export function overviewTime(width: Px, end: Ns, px: Px): Ns {
  return Math.min(Math.max(((px - 8) / Math.max(width - 16, 1)) * end, 0), end);
}
