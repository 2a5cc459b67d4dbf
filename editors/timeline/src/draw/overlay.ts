// What lies over the lanes and changes with the pointer: the ruler, the selection, arrows, marks, the range that is being drawn.
import { duration } from '../model/format.ts';
import type { End, Flow, Slice, Span } from '../model/protocol.ts';
import { BAR, type Layout, rowOfLane } from '../model/rows.ts';
import type { Ns, Px } from '../model/units.ts';
import { tickLabel, type View, xOf } from '../model/viewport.ts';
import type { Theme } from './theme.ts';

type Context = CanvasRenderingContext2D;

export const RULER: Px = 24;

/** Somewhere on the lanes. */
export interface Spot {
  readonly row: number;
  readonly start: Ns;
  readonly end: Ns;
  /** In the lower row of a P lane. */
  readonly lower: boolean;
}

export interface OverlayScene {
  readonly view: View;
  readonly width: Px;
  readonly height: Px;
  readonly scroll: Px;
  readonly layout: Layout;
  readonly end: Ns;
  readonly ticks: { step: Ns; at: readonly Ns[] };
  readonly hover: Spot | null;
  readonly selected: Spot | null;
  readonly slice: Slice | null;
  /** A goroutine of a table or the selection: outlined on the P lanes, too. */
  readonly onPs: readonly Spot[];
  readonly flows: readonly Flow[];
  readonly chain: readonly Flow[];
  /** What the selection wakes next, where it wakes nothing itself. */
  readonly next: Flow | null;
  readonly marks: readonly Span[];
  readonly range: Span | null;
  readonly dragging: Span | null;
  readonly pointer: Ns | null;
}

/** A chip at the edge: where an arrow leads that has no room. A click on it goes there. */
export interface Chip {
  readonly x: Px;
  readonly y: Px;
  readonly w: Px;
  readonly lane: string;
  readonly t: Ns;
}

export function drawOverlay(ctx: Context, s: OverlayScene, theme: Theme): Chip[] {
  ctx.clearRect(0, 0, s.width, s.height);
  const x = (t: Ns) => xOf(s.view, s.width, t);
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = 'middle';
  ruler(ctx, s, theme, x);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, RULER, s.width, s.height - RULER);
  ctx.clip();
  if (s.range !== null) shade(ctx, s, theme, x);
  for (const m of s.marks) mark(ctx, s, theme, x, m);
  for (const f of s.flows) arrow(ctx, s, theme, x, f, 'faint');
  for (const f of s.chain) arrow(ctx, s, theme, x, f, 'chain');
  for (const spot of s.onPs) outline(ctx, s, theme, x, spot, 1);
  if (s.hover !== null) outline(ctx, s, theme, x, s.hover, 1);
  const chips: Chip[] = [];
  if (s.selected !== null) {
    ctx.strokeStyle = theme.strong;
    ctx.lineWidth = 1;
    ctx.setLineDash([2, 3]);
    ctx.beginPath();
    for (const t of [s.selected.start, s.selected.end]) {
      const at = Math.round(x(t)) + 0.5;
      ctx.moveTo(at, RULER);
      ctx.lineTo(at, s.height);
    }
    ctx.stroke();
    ctx.setLineDash([]);
    outline(ctx, s, theme, x, s.selected, 2);
    if (s.slice !== null) {
      const out = s.slice.outgoing.length > 0 || s.next === null ? s.slice.outgoing : [s.next];
      for (const f of out.slice(0, 8)) tell(ctx, s, theme, x, f, false, chips);
      for (const f of s.slice.incoming.slice(0, 8)) tell(ctx, s, theme, x, f, true, chips);
    }
  }
  ctx.restore();
  return chips;
}

function ruler(ctx: Context, s: OverlayScene, theme: Theme, x: (t: Ns) => Px): void {
  ctx.fillStyle = theme.bg;
  ctx.fillRect(0, 0, s.width, RULER);
  ctx.fillStyle = theme.rule;
  ctx.fillRect(0, RULER - 1, s.width, 1);
  ctx.fillStyle = theme.dim;
  ctx.textAlign = 'left';
  for (const t of s.ticks.at) {
    const at = Math.round(x(t));
    ctx.fillRect(at, 16, 1, 8);
    const label = tickLabel(t, s.ticks.step, s.view.t1);
    if (at + 4 + ctx.measureText(label).width < s.width) ctx.fillText(label, at + 4, 13);
  }
  const drawn = s.dragging ?? s.range;
  if (drawn !== null) {
    const a = x(drawn.t0);
    const b = x(drawn.t1);
    ctx.fillStyle = theme.focus;
    ctx.globalAlpha = 0.25;
    ctx.fillRect(a, 0, Math.max(b - a, 1), RULER - 1);
    ctx.globalAlpha = 1;
    if (s.dragging !== null) {
      const label = duration(drawn.t1 - drawn.t0);
      ctx.fillStyle = theme.strong;
      ctx.textAlign = 'center';
      if (b - a > ctx.measureText(label).width + 8) ctx.fillText(label, (a + b) / 2, 5.5);
    }
  }
  if (s.selected !== null) {
    // A bracket over the selection.
    const a = Math.round(x(s.selected.start));
    const b = Math.max(Math.round(x(s.selected.end)), a + 2);
    ctx.fillStyle = theme.strong;
    ctx.fillRect(a, 0, b - a, 2);
    ctx.fillRect(a, 0, 1, 5);
    ctx.fillRect(b - 1, 0, 1, 5);
  }
  if (s.pointer !== null && s.dragging === null) {
    ctx.fillStyle = theme.dim;
    ctx.fillRect(Math.round(x(s.pointer)), 18, 1, 6);
  }
}

function shade(ctx: Context, s: OverlayScene, theme: Theme, x: (t: Ns) => Px): void {
  if (s.range === null) return;
  const a = x(s.range.t0);
  const b = x(s.range.t1);
  ctx.fillStyle = theme.bg;
  ctx.globalAlpha = 0.5;
  if (a > 0) ctx.fillRect(0, RULER, a, s.height);
  if (b < s.width) ctx.fillRect(b, RULER, s.width - b, s.height);
  ctx.globalAlpha = 1;
  ctx.fillStyle = theme.focus;
  ctx.fillRect(Math.round(a), RULER, 1, s.height);
  ctx.fillRect(Math.round(b), RULER, 1, s.height);
}

function mark(ctx: Context, s: OverlayScene, theme: Theme, x: (t: Ns) => Px, m: Span): void {
  const a = Math.round(x(m.t0));
  const b = Math.round(x(m.t1));
  ctx.fillStyle = theme.link;
  ctx.globalAlpha = 0.1;
  ctx.fillRect(a, RULER, Math.max(b - a, 1), s.height);
  ctx.globalAlpha = 1;
  ctx.fillRect(a, RULER, 1, s.height);
  if (b > a) ctx.fillRect(b, RULER, 1, s.height);
}

/** Where a row stands on the screen, and its bar within it. */
function box(s: OverlayScene, spot: Spot): { y: Px; h: Px } | null {
  const row = s.layout.rows[spot.row];
  if (row === undefined) return null;
  const top = RULER + (s.layout.top[spot.row] ?? 0) - s.scroll;
  if (row.kind === 'p') return spot.lower ? { y: top + 17, h: 8 } : { y: top + 3, h: 14 };
  if (row.kind === 'lane' || row.kind === 'task' || row.kind === 'wakes' || row.kind === 'gc')
    return { y: top + BAR.top - 1, h: BAR.height + 2 };
  return { y: top, h: row.height };
}

function outline(ctx: Context, s: OverlayScene, theme: Theme, x: (t: Ns) => Px, spot: Spot, line: 1 | 2): void {
  const b = box(s, spot);
  if (b === null) return;
  const left = Math.max(Math.round(x(spot.start)), -4);
  const right = Math.min(Math.max(Math.round(x(spot.end)), left + 2), s.width + 4);
  ctx.strokeStyle = theme.strong;
  ctx.lineWidth = line;
  const d = line / 2;
  ctx.strokeRect(
    left - 1 + d,
    b.y - (line === 2 ? 0.5 : 0) + d,
    right - left + 2 - line,
    b.h - line + (line === 2 ? 1 : 0),
  );
}

function middle(s: OverlayScene, row: number): Px {
  const height = s.layout.rows[row]?.height ?? 16;
  return RULER + (s.layout.top[row] ?? 0) - s.scroll + height / 2;
}

function arrow(ctx: Context, s: OverlayScene, theme: Theme, x: (t: Ns) => Px, f: Flow, how: 'faint' | 'chain'): void {
  const from = rowOfLane(s.layout, f.from.lane);
  const to = rowOfLane(s.layout, f.to.lane);
  if (from < 0 || to < 0 || from === to) return;
  const at = Math.round(x(f.t)) + 0.5;
  if (at < -1 || at > s.width + 1) return;
  ctx.globalAlpha = how === 'faint' ? 0.35 : 0.7;
  ctx.strokeStyle = theme.strong;
  ctx.fillStyle = theme.strong;
  ctx.lineWidth = 1;
  vertical(ctx, at, middle(s, from), middle(s, to), 3);
  ctx.globalAlpha = 1;
}

/** A wake is an instant: the arrow is vertical, with a dot where it comes from. */
function vertical(ctx: Context, at: Px, from: Px, to: Px, head: Px): void {
  const down = to > from;
  const tip = to + (down ? -7 : 7);
  ctx.beginPath();
  ctx.moveTo(at, from);
  ctx.lineTo(at, tip + (down ? -head : head));
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(at, from, head - 0.5, 0, 7);
  ctx.fill();
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(at, tip);
  ctx.lineTo(at - head, tip + (down ? -2 * head : 2 * head));
  ctx.lineTo(at + head, tip + (down ? -2 * head : 2 * head));
  ctx.closePath();
  ctx.fill();
}

/** An arrow of the selection with its words: in solid, out dashed. Without a row for its other end: a chip at the edge. */
function tell(
  ctx: Context,
  s: OverlayScene,
  theme: Theme,
  x: (t: Ns) => Px,
  f: Flow,
  incoming: boolean,
  chips: Chip[],
): void {
  const own = s.selected?.row ?? -1;
  const other = incoming ? f.from : f.to;
  const at = Math.round(x(f.t)) + 0.5;
  if (own < 0 || at < -1 || at > s.width + 1) return;
  const where =
    f.place === null
      ? ''
      : ` · ${f.place.file.split(/[\\/]/).pop()}:${f.place.line !== null ? f.place.line + 1 : f.place.recorded}`;
  const row = other.lane === '' ? -1 : rowOfLane(s.layout, other.lane);
  const y = row < 0 ? -1 : middle(s, row);
  ctx.strokeStyle = theme.strong;
  ctx.fillStyle = theme.strong;
  ctx.lineWidth = 2;
  if (row >= 0 && row !== own) {
    ctx.setLineDash(incoming ? [] : [4, 3]);
    if (incoming) vertical(ctx, at, y, middle(s, own), 4);
    else vertical(ctx, at, middle(s, own), y, 4);
    ctx.setLineDash([]);
  }
  const onScreen = row >= 0 && y > RULER + 4 && y < s.height - 4;
  const who = endName(other);
  if (onScreen && row !== own) {
    label(ctx, theme, s.width, at + 8, y, `${told(f, incoming)} ${who}${where}`, incoming);
    return;
  }
  if (who === '') return;
  // Off the screen, or nowhere: a chip at the edge that it lies beyond.
  const below = row < 0 ? true : row > own;
  const edge = below ? s.height - 14 : RULER + 12;
  const words = `${below ? '▾' : '▴'} ${who}`;
  const w = label(
    ctx,
    theme,
    s.width,
    at + 8,
    edge - (incoming ? 0 : below ? 20 : -20),
    `${words} ${incoming || f.kind === 'task' ? '' : 'woken'}`.trim(),
    incoming,
  );
  chips.push({
    x: at + 8,
    y: edge - 8 - (incoming ? 0 : below ? 20 : -20),
    w,
    lane: other.lane || `g:${other.g}`,
    t: other.t || f.t,
  });
}

/** `G15`, or `task 133`; nothing where no goroutine did it. */
function endName(end: End): string {
  return end.lane.startsWith('task:') ? `task ${end.lane.slice(5)}` : end.g > 0 ? `G${end.g}` : '';
}

/** What an arrow of the selection is, in or out. */
function told(f: Flow, incoming: boolean): string {
  switch (f.kind) {
    case 'creation':
      return incoming ? 'started by' : 'starts';
    case 'task':
      return incoming ? 'part of' : 'has the part';
    case 'syscall exit':
      return 'syscall exit';
    default:
      return incoming ? 'woken by' : 'then wakes';
  }
}

function label(ctx: Context, theme: Theme, width: Px, x: Px, y: Px, words: string, filled: boolean): Px {
  const w = ctx.measureText(words).width + 12;
  const left = Math.min(x, width - w - 4);
  ctx.beginPath();
  ctx.roundRect(left, y - 8, w, 16, 8);
  ctx.fillStyle = filled ? theme.strong : theme.bg;
  ctx.fill();
  if (!filled) {
    ctx.strokeStyle = theme.strong;
    ctx.lineWidth = 1;
    ctx.stroke();
  }
  ctx.fillStyle = filled ? theme.bg : theme.strong;
  ctx.textAlign = 'left';
  ctx.fillText(words, left + 6, y + 0.5);
  return w;
}
