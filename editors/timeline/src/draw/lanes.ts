// The lanes: grid, stop-the-world bands, bars, charts and the text in them, for what is in view and nothing else.
import { CLASS, type Class, FLAG, isClass, isWait, VERDICT } from '../model/classes.ts';
import { duration, shorten } from '../model/format.ts';
import { covered, isSeveral } from '../model/lengths.ts';
import type { Counters, Ref } from '../model/protocol.ts';
import { BAR, type Layout, type Row, visible } from '../model/rows.ts';
import { type LaneTile, rectEnd, rectStart, SUB } from '../model/tile.ts';
import type { Ns, Px } from '../model/units.ts';
import { type View, xOf } from '../model/viewport.ts';
import { columns, drawStack, isLower } from './density.ts';
import { Forms, VARIANT, type Variant } from './forms.ts';
import type { Theme } from './theme.ts';

type Context = CanvasRenderingContext2D;

/** Spans that find or a filter keeps: all else is faded. */
export interface Keeps {
  readonly cls: Class | null;
  /** By lane, in order of time. */
  readonly spans: ReadonlyMap<string, readonly Ref[]> | null;
}

/** The spans that are kept on the goroutine of a rectangle: rows that goroutines share, Ps and threads show several. */
function keptOf(k: Keeps | null, lane: string, g: number): readonly Ref[] | null {
  if (k?.spans == null) return null;
  return k.spans.get(lane) ?? (g > 0 ? (k.spans.get(`g:${g}`) ?? null) : null);
}

export interface Scene {
  readonly view: View;
  readonly width: Px;
  readonly height: Px;
  readonly scroll: Px;
  readonly end: Ns;
  readonly layout: Layout;
  readonly tile: (lane: string) => LaneTile | null;
  readonly counters: Counters | null;
  /** The lanes whose sum is all goroutines, and the most that were not idle at once over the whole trace. */
  readonly everyone: readonly string[];
  readonly mostBusy: number;
  readonly ticks: readonly Ns[];
  readonly showIdle: boolean;
  readonly keeps: Keeps | null;
  readonly selectedRow: number;
  readonly name: (label: number) => string | null;
}

/** What was drawn, for tests and for the frame times. */
export interface Drawn {
  rects: number;
}

export class LaneDrawing {
  private readonly theme: Theme;
  private readonly forms: Forms;

  constructor(theme: Theme, dpr: number) {
    this.theme = theme;
    this.forms = new Forms(theme, dpr);
  }

  /** All but the words. */
  bars(ctx: Context, s: Scene): Drawn {
    const drawn = { rects: 0 };
    ctx.fillStyle = this.theme.bg;
    ctx.fillRect(0, 0, s.width, s.height);
    const [first, last] = visible(s.layout, s.scroll, s.height);
    this.grounds(ctx, s, first, last);
    this.grid(ctx, s);
    this.bands(ctx, s);
    for (let i = first; i < last; i++) {
      const row = s.layout.rows[i];
      if (row !== undefined) drawn.rects += this.row(ctx, s, row, (s.layout.top[i] ?? 0) - s.scroll);
    }
    this.forms.draw(ctx);
    this.notRead(ctx, s);
    return drawn;
  }

  /** The words in the bars: apart, as they stand where a bar can be seen and not where it begins. */
  words(ctx: Context, s: Scene): void {
    const texts: Text[] = [];
    const [first, last] = visible(s.layout, s.scroll, s.height);
    for (let i = first; i < last; i++) {
      const row = s.layout.rows[i];
      if (row === undefined) continue;
      const y = (s.layout.top[i] ?? 0) - s.scroll;
      if (row.kind === 'header') {
        if (row.open) texts.push({ x: 8, y: y + 12, text: row.says, colour: this.theme.dim, most: s.width - 16 });
      } else if (row.kind === 'p' || row.kind === 'gc' || row.kind === 'task') {
        for (const lane of row.lanes) this.laneWords(s, row, lane, y, texts);
      }
    }
    this.texts(ctx, texts);
  }

  private laneWords(s: Scene, row: Row, lane: string, y: Px, texts: Text[]): void {
    const tile = s.tile(lane);
    if (tile === null) return;
    // A task is named by its label already: in its row the words are those of its regions, if it has any.
    let free = Number.NEGATIVE_INFINITY;
    const lower = row.kind === 'task' && tile.flags.some((f) => (f & FLAG.lower) !== 0);
    for (let i = 0; i < tile.n; i++) {
      const a = xOf(s.view, s.width, rectStart(tile, i));
      const b = xOf(s.view, s.width, rectEnd(tile, i));
      const cls = tile.cls[i] ?? 0;
      if (b - a < 26 || b < 26 || a > s.width - 26 || !isClass(cls) || isLower(tile, i) !== lower || a < free) continue;
      if (s.keeps !== null && !keeps(s.keeps, lane, cls, tile, i)) continue;
      // Regions of several goroutines may stand over each other: the first has the word.
      if (lower) free = b;
      this.text(s, row, tile, i, cls, a, y, Math.min(b, s.width) - a, texts);
    }
  }

  /** Headers stand on the raised ground; the selected row is tinted. */
  private grounds(ctx: Context, s: Scene, first: number, last: number): void {
    for (let i = first; i < last; i++) {
      const row = s.layout.rows[i];
      if (row === undefined) continue;
      const y = (s.layout.top[i] ?? 0) - s.scroll;
      if (i === s.selectedRow) ctx.fillStyle = this.theme.selected;
      else if (row.kind === 'header') ctx.fillStyle = this.theme.raised;
      else continue;
      ctx.fillRect(0, y, s.width, row.height);
    }
    ctx.fillStyle = this.theme.rule;
    for (let i = first; i < last; i++) {
      const row = s.layout.rows[i];
      if (row !== undefined && hasTopLine(row)) ctx.fillRect(0, (s.layout.top[i] ?? 0) - s.scroll, s.width, 1);
    }
  }

  private grid(ctx: Context, s: Scene): void {
    ctx.fillStyle = this.theme.rule;
    for (const t of s.ticks) ctx.fillRect(Math.round(xOf(s.view, s.width, t)), 0, 1, s.height);
  }

  private bands(ctx: Context, s: Scene): void {
    const stw = s.tile('stw');
    if (stw === null) return;
    ctx.fillStyle = this.theme.stw;
    for (let i = 0; i < stw.n; i++) {
      // A pixel is as dark as the part of it that the world stood still for: else short stops would cover all.
      ctx.globalAlpha = this.theme.band * covered(stw, i);
      const a = xOf(s.view, s.width, rectStart(stw, i));
      const b = xOf(s.view, s.width, rectEnd(stw, i));
      if (b > 0 && a < s.width) ctx.fillRect(a, 0, Math.max(b - a, 1), s.height);
    }
    ctx.globalAlpha = 1;
  }

  private row(ctx: Context, s: Scene, row: Row, y: Px): number {
    switch (row.kind) {
      case 'chart':
        this.chart(ctx, s, row.chart, y, row.height);
        return 0;
      case 'header':
        return this.header(ctx, s, row, y);
      case 'note':
        return 0;
      default: {
        let n = 0;
        for (const lane of row.lanes) {
          const tile = s.tile(lane);
          if (tile !== null) n += this.lane(s, row, lane, tile, y);
        }
        return n;
      }
    }
  }

  private header(ctx: Context, s: Scene, row: Row & { kind: 'header' }, y: Px): number {
    let n = 0;
    for (const lane of row.lanes) {
      const tile = s.tile(lane);
      if (tile === null) continue;
      n += tile.n;
      if (lane === 'tasks') {
        this.fillArea(ctx, s, tile, y + row.height - 2, row.height - 8);
        continue;
      }
      const c = columns([tile], s.view, s.width, 'busy');
      drawStack(ctx, c, this.theme, {
        x: 0,
        y: y + row.height - 1,
        height: row.height - 5,
        scale: Math.max(tile.peak, 1),
        alpha: this.theme.density,
        only: s.keeps?.cls ?? null,
      });
    }
    return n;
  }

  /** How many tasks at once: one class, in the tasks' own fill. */
  private fillArea(ctx: Context, s: Scene, tile: LaneTile, bottom: Px, height: Px): void {
    ctx.fillStyle = this.theme.task;
    for (let i = 0; i < tile.n; i++) {
      const a = xOf(s.view, s.width, rectStart(tile, i));
      const b = xOf(s.view, s.width, rectEnd(tile, i));
      if (b <= 0 || a >= s.width) continue;
      const h = ((tile.fill[i] ?? 0) / 255) * height;
      ctx.fillRect(a, bottom - h, Math.max(b - a, 1), h);
    }
  }

  private lane(s: Scene, row: Row, lane: string, tile: LaneTile, y: Px): number {
    const perSub = (tile.t1 - tile.t0) / (tile.width * SUB);
    const toX = s.width / (s.view.t1 - s.view.t0);
    const from = (tile.t0 - s.view.t0) * toX;
    const step = perSub * toX;
    const fading = s.keeps !== null;
    let n = 0;
    let lastLeft = Number.NEGATIVE_INFINITY;
    let lastKey = -1;
    for (let i = 0; i < tile.n; i++) {
      const a = from + (tile.x0[i] ?? 0) * step;
      const b = from + (tile.x1[i] ?? 0) * step;
      if (b < 0 || a > s.width) continue;
      const cls = tile.cls[i] ?? 0;
      if (!isClass(cls) || cls === CLASS.none) continue;
      const verdict = tile.verdict[i] ?? 0;
      const lower = isLower(tile, i);
      if (verdict === VERDICT.idle && !s.showIdle) continue;
      const x = Math.max(Math.round(a), -8);
      const w = Math.max(Math.round(Math.min(b, s.width + 8)) - x, 1);
      const faded = fading && !keeps(s.keeps, lane, cls, tile, i);
      const variant = variantOf(cls, verdict, w, faded);
      // A tile that is finer than the view may have several of a kind in a pixel: one is drawn.
      const key = (cls * 8 + variant) * 2 + (lower ? 1 : 0);
      if (w === 1 && x === lastLeft && key === lastKey) continue;
      lastLeft = x;
      lastKey = key;
      n++;
      this.bar(row, cls, variant, lower, tile, i, x, y, w);
    }
    return n;
  }

  private bar(
    row: Row,
    cls: Class,
    variant: Variant,
    lower: boolean,
    tile: LaneTile,
    i: number,
    x: Px,
    y: Px,
    w: Px,
  ): void {
    if (row.kind === 'p') {
      if (lower) this.forms.add(cls, variant, x, y + 18, w, 6);
      else if (isSeveral(tile, i) && (tile.fill[i] ?? 255) < 255) {
        // Zoomed out: how much of the pixel it was busy, as height.
        const h = shareHeight(tile, i);
        this.forms.add(cls, variant, x, y + 16 - h, w, h);
      } else this.forms.add(cls, variant, x, y + 4, w, BAR.height);
      return;
    }
    if (row.kind === 'gc') {
      const h = shareHeight(tile, i);
      this.forms.add(cls, variant, x, y + BAR.top + BAR.height - h, w, h);
      return;
    }
    if (cls === CLASS.region) {
      this.forms.add(cls, variant, x, y + 4, w, BAR.height - 4);
      return;
    }
    if (cls === CLASS.instant) {
      this.forms.add(cls, variant, x, y + BAR.top + 2, 1, BAR.height - 4);
      return;
    }
    this.forms.add(cls, variant, x, y + BAR.top, w, BAR.height);
  }

  private text(s: Scene, row: Row, tile: LaneTile, i: number, cls: Class, x: Px, y: Px, w: Px, texts: Text[]): void {
    const top = row.kind === 'p' ? y + 10 : y + 8;
    const label = tile.label[i] ?? 0;
    const name = label > 0 ? (s.name(label) ?? '') : '';
    let words = '';
    let colour = this.theme.onRunning;
    if (row.kind === 'p') {
      const g = tile.g[i] ?? 0;
      if (cls !== CLASS.running && cls !== CLASS.mark && cls !== CLASS.assist && cls !== CLASS.system) return;
      words = name.startsWith('G') ? name : g > 0 ? (name !== '' ? `G${g} ${name}` : `G${g}`) : name;
    } else if (cls === CLASS.mark) words = `concurrent mark${howLong(tile, i)}`;
    else if (cls === CLASS.stw) {
      words = `STW${howLong(tile, i)}`;
      colour = this.theme.onStw;
    } else if (cls === CLASS.task || cls === CLASS.region) {
      words = name === '' ? '' : `${name}${howLong(tile, i)}`;
      colour = this.theme.text;
    } else return;
    if (words === '') return;
    // Text begins where the bar can be seen.
    const left = Math.max(x, 0);
    texts.push({ x: left + 5, y: top, text: words, colour, most: w - (left - x) - 8 });
  }

  private texts(ctx: Context, texts: readonly Text[]): void {
    ctx.font = `11px ${this.theme.font}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    for (const t of texts) {
      const fitted = fitText(ctx, t.text, t.most);
      if (fitted === '') continue;
      ctx.fillStyle = t.colour;
      ctx.fillText(fitted, t.x, t.y + 0.5);
    }
  }

  private chart(ctx: Context, s: Scene, id: 'states' | 'heap' | 'threads', y: Px, height: Px): void {
    if (id === 'states') {
      const tiles = s.everyone.flatMap((lane) => s.tile(lane) ?? []);
      if (tiles.length === 0) {
        this.stateCounters(ctx, s, y, height);
        return;
      }
      const c = columns(tiles, s.view, s.width, 'busy');
      drawStack(ctx, c, this.theme, {
        x: 0,
        y: y + height,
        height: height - 8,
        scale: Math.max(s.mostBusy, c.most, 1),
        alpha: this.theme.density + 0.1,
        only: s.keeps?.cls ?? null,
      });
      return;
    }
    const c = s.counters;
    if (c === null || c.x.length < 2) return;
    if (id === 'heap') this.heap(ctx, s, c, y, height);
    else {
      const most = Math.max(1, ...maxOfSum(c.threadsRunning, c.threadsSyscall));
      const zero = c.x.map(() => 0);
      this.steps(
        ctx,
        s,
        c.x,
        zero,
        c.threadsRunning,
        most,
        y + height,
        height - 5,
        this.theme.colour[CLASS.running] ?? '',
      );
      this.steps(
        ctx,
        s,
        c.x,
        c.threadsRunning,
        c.threadsSyscall,
        most,
        y + height,
        height - 5,
        this.theme.colour[CLASS.syscall] ?? '',
      );
    }
  }

  /** Without a density of all goroutines: the counts alone. */
  private stateCounters(ctx: Context, s: Scene, y: Px, height: Px): void {
    const c = s.counters;
    if (c === null || c.x.length < 2) return;
    const sum = c.x.map((_, i) => pos(c.running[i]) + pos(c.runnable[i]) + pos(c.syscall[i]) + pos(c.gcWaiting[i]));
    const most = Math.max(1, ...sum);
    let below = c.x.map(() => 0);
    for (const [values, cls] of [
      [c.running, CLASS.running],
      [c.runnable, CLASS.runnable],
      [c.syscall, CLASS.syscall],
      [c.gcWaiting, CLASS.gcWait],
    ] as const) {
      this.steps(ctx, s, c.x, below, values, most, y + height, height - 8, this.theme.colour[cls] ?? '');
      below = below.map((b, i) => b + pos(values[i]));
    }
  }

  private heap(ctx: Context, s: Scene, c: Counters, y: Px, height: Px): void {
    const most = Math.max(1, ...c.heap, ...c.heapGoal);
    const bottom = y + height;
    const scale = (height - 5) / most;
    const points: [Px, Px][] = [];
    for (let i = 0; i < c.x.length; i++) {
      const v = c.heap[i] ?? -1;
      if (v >= 0) points.push([xOf(s.view, s.width, c.x[i] ?? 0), bottom - v * scale]);
    }
    if (points.length > 1) {
      ctx.beginPath();
      ctx.moveTo(points[0]?.[0] ?? 0, bottom);
      let before = points[0]?.[1] ?? bottom;
      for (const [x, py] of points) {
        ctx.lineTo(x, before);
        ctx.lineTo(x, py);
        before = py;
      }
      ctx.lineTo(s.width, before);
      ctx.lineTo(s.width, bottom);
      ctx.closePath();
      ctx.fillStyle = this.theme.task;
      ctx.fill();
      this.line(ctx, points, s.width, this.theme.dim, []);
    }
    const goal: [Px, Px][] = [];
    for (let i = 0; i < c.x.length; i++) {
      const v = c.heapGoal[i] ?? -1;
      if (v >= 0) goal.push([xOf(s.view, s.width, c.x[i] ?? 0), bottom - v * scale]);
    }
    if (goal.length > 1) this.line(ctx, goal, s.width, this.theme.gc, [4, 3]);
  }

  private line(ctx: Context, points: readonly [Px, Px][], width: Px, colour: string, dash: number[]): void {
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.setLineDash(dash);
    ctx.beginPath();
    let before = points[0]?.[1] ?? 0;
    ctx.moveTo(points[0]?.[0] ?? 0, Math.round(before) + 0.5);
    for (const [x, y] of points) {
      if (Math.round(y) === Math.round(before)) continue;
      ctx.lineTo(Math.round(x) + 0.5, Math.round(before) + 0.5);
      ctx.lineTo(Math.round(x) + 0.5, Math.round(y) + 0.5);
      before = y;
    }
    ctx.lineTo(width, Math.round(before) + 0.5);
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** An area of steps over another one. */
  private steps(
    ctx: Context,
    s: Scene,
    xs: readonly number[],
    below: readonly number[],
    values: readonly number[],
    most: number,
    bottom: Px,
    height: Px,
    colour: string,
  ): void {
    ctx.fillStyle = colour;
    ctx.globalAlpha = this.theme.density + (1 - this.theme.density) / 2;
    for (let i = 0; i < xs.length; i++) {
      const v = pos(values[i]);
      if (v <= 0) continue;
      const a = xOf(s.view, s.width, xs[i] ?? 0);
      const b = i + 1 < xs.length ? xOf(s.view, s.width, xs[i + 1] ?? 0) : s.width;
      if (b < 0 || a > s.width) continue;
      const base = (pos(below[i]) / most) * height;
      const h = (v / most) * height;
      // From whole pixel to whole pixel: neighbours that share one would blend there.
      const left = Math.round(a);
      ctx.fillRect(left, bottom - base - h, Math.max(Math.round(b) - left, 1), h);
    }
    ctx.globalAlpha = 1;
  }

  /** Past the end of what could be read the time axis goes on, hatched. */
  private notRead(ctx: Context, s: Scene): void {
    const x = xOf(s.view, s.width, s.end);
    if (x >= s.width - 1) return;
    ctx.fillStyle = this.theme.raised;
    ctx.fillRect(x, 0, s.width - x, s.height);
  }
}

interface Text {
  x: Px;
  y: Px;
  text: string;
  colour: string;
  most: Px;
}

/** A bar as high as the part of its pixels that is covered: what is short is low, however many pixels have some of it. */
export function shareHeight(tile: LaneTile, i: number): Px {
  return Math.max(BAR.height * covered(tile, i), 1);
}

/** Its length, where the rectangle is the whole of one span. */
function howLong(tile: LaneTile, i: number): string {
  const part = FLAG.joined | FLAG.before | FLAG.after;
  return ((tile.flags[i] ?? 0) & part) === 0 && covered(tile, i) === 1
    ? ` ${duration(rectEnd(tile, i) - rectStart(tile, i))}`
    : '';
}

function pos(x: number | undefined): number {
  return x === undefined || x < 0 ? 0 : x;
}

function maxOfSum(a: readonly number[], b: readonly number[]): number[] {
  return a.map((v, i) => pos(v) + pos(b[i]));
}

export function hasTopLine(row: Row): boolean {
  return row.kind === 'header' || row.kind === 'chart' || row.kind === 'p' || row.kind === 'gc';
}

function variantOf(cls: Class, verdict: number, w: Px, faded: boolean): Variant {
  if (verdict === VERDICT.idle) return VARIANT.thin;
  // Through and unsure keep their cause's form, outline only; too narrow for an outline they are solid.
  const outline = (verdict === VERDICT.through || verdict === VERDICT.unsure) && isWait(cls) && w >= 3;
  if (faded) return outline ? VARIANT.fadedOutline : VARIANT.faded;
  return outline ? VARIANT.outline : VARIANT.plain;
}

function keeps(k: Keeps | null, lane: string, cls: Class, tile: LaneTile, i: number): boolean {
  if (k === null) return true;
  if (k.cls !== null && k.cls !== cls) return false;
  // The collector is everybody's.
  if (k.spans === null || lane === 'gc' || lane === 'stw') return true;
  const kept = keptOf(k, lane, tile.g[i] ?? 0);
  if (kept === null) return false;
  const start = rectStart(tile, i);
  const end = rectEnd(tile, i);
  // The first that ends after this one's start: in order of time, so by halves.
  let low = 0;
  let high = kept.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((kept[middle]?.end ?? 0) <= start) low = middle + 1;
    else high = middle;
  }
  const next = kept[low];
  return next !== undefined && next.start < end;
}

/** The text, or as much of it as fits. */
export function fitText(ctx: Context, text: string, most: Px): string {
  if (most < 12) return '';
  if (text.length * 4 < most && ctx.measureText(text).width <= most) return text;
  if (ctx.measureText(text).width <= most) return text;
  const space = text.indexOf(' ');
  if (space < 0) return '';
  const first = text.slice(0, space);
  if (!/^G\d/.test(first)) {
    // `concurrent mark 1.23 ms`: from the end, what does not fit.
    for (let at = text.lastIndexOf(' '); at > 0; at = text.lastIndexOf(' ', at - 1)) {
      const part = text.slice(0, at).replace(/ [\d.]+$/, '');
      if (ctx.measureText(part).width <= most) return part;
    }
    return '';
  }
  // `G70 http.(*conn).serve`: first the package goes, then the receiver, last the name.
  const name = shorten(text.slice(space + 1), (s) => ctx.measureText(`${first} ${s}`).width <= most);
  if (name !== '' && !name.startsWith('…')) return `${first} ${name}`;
  return ctx.measureText(first).width <= most ? first : '';
}
