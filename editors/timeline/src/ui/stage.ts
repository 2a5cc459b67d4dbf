// The canvases of the timeline: their sizes, when they are drawn, and what pointers do on them.
import type { App, Dirty } from '../app.ts';
import { type Keeps, LaneDrawing, shareHeight } from '../draw/lanes.ts';
import { type Chip, drawOverlay, RULER, type Spot } from '../draw/overlay.ts';
import { drawOverview, drawOverviewWindow, marksAt, overviewTime } from '../draw/overview.ts';
import { covers, Sheet, sheetRows, sheetView, usable } from '../draw/sheet.ts';
import type { Theme } from '../draw/theme.ts';
import { CLASS, isClass } from '../model/classes.ts';
import { type Finding, findingKey } from '../model/findings.ts';
import { duration } from '../model/format.ts';
import { isSeveral, lengthWords } from '../model/lengths.ts';
import type { Slice, Span } from '../model/protocol.ts';
import { BAR, type Row, rowAt, rowOfLane } from '../model/rows.ts';
import { rectAt, rectEnd, rectStart } from '../model/tile.ts';
import type { Ns, Px } from '../model/units.ts';
import { clamp, scale, ticks, tOf } from '../model/viewport.ts';

interface Surface {
  readonly canvas: HTMLCanvasElement;
  readonly ctx: CanvasRenderingContext2D;
}

/** What lies under the pointer. */
export interface Hit {
  readonly spot: Spot;
  readonly lane: string;
  readonly t: Ns;
  readonly cls: number;
  readonly g: number;
  /** What its name is asked by; 0: it has none. */
  readonly label: number;
  /** How long, as far as the tile knows, and whether it stands for several. */
  readonly length: string;
  readonly several: boolean;
}

export interface Hover extends Hit {
  readonly x: Px;
  readonly y: Px;
  /** Null until the answer is there. */
  readonly slice: Slice | null;
}

type Drag =
  | { kind: 'range'; from: Ns }
  | { kind: 'pan'; x: Px; y: Px; t0: Ns; scroll: Px; moved: boolean }
  | { kind: 'pinch'; distance: Px; middle: Px };

/** How long a moving view shows what it has before it is drawn with what came meanwhile, in milliseconds. */
const PATIENCE = 150;

/** The findings whose marks are under the pointer, and where that is. */
export interface Marked {
  readonly findings: readonly Finding[];
  readonly x: Px;
  readonly y: Px;
}

export class Stage {
  hover: Hover | null = null;
  marked: Marked | null = null;
  dragging: Span | null = null;
  peak = 0;
  /** For the tests: milliseconds that the last frames took to draw, and their rectangles. */
  readonly frames: number[] = [];
  drawnRects = 0;
  /** Where the chosen goroutine ran on the P lanes in view. */
  outlined = 0;
  sheets = 0;
  private readonly sheet = new Sheet();
  private readonly stripSheet = new Sheet();
  private version = 0;
  /** When the sheet was drawn last. */
  private drawnAt = 0;
  /** When the view last left the sheet to a side or by zooming, and when by scrolling. */
  private sidewaysAt = Number.NEGATIVE_INFINITY;
  private updownAt = Number.NEGATIVE_INFINITY;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private theme: Theme | null = null;
  private drawing: LaneDrawing | null = null;
  private lanes: Surface | null = null;
  private overlay: Surface | null = null;
  private overview: Surface | null = null;
  private chips: Chip[] = [];
  private drag: Drag | null = null;
  private readonly pointers = new Map<number, { x: Px; y: Px }>();
  private hoverTimer: ReturnType<typeof setTimeout> | undefined;
  private dpr = 1;
  private readonly app: App;

  constructor(app: App) {
    this.app = app;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.dpr = window.devicePixelRatio || 1;
    this.drawing = new LaneDrawing(theme, this.dpr);
    this.version++;
  }

  get currentTheme(): Theme | null {
    return this.theme;
  }

  /** The field of lanes came (or went). */
  readonly attachField = (element: HTMLElement | null): void => {
    if (element === null) {
      this.lanes = null;
      this.overlay = null;
      return;
    }
    const [lanes, overlay] = element.querySelectorAll('canvas');
    this.lanes = surface(lanes, false);
    this.overlay = surface(overlay, true);
    const watch = new ResizeObserver(() => this.resized(element));
    watch.observe(element);
    element.addEventListener('wheel', (e) => this.wheel(e, element), { passive: false });
    element.addEventListener('pointerdown', (e) => this.down(e, element));
    element.addEventListener('pointermove', (e) => this.move(e, element));
    element.addEventListener('pointerup', (e) => this.up(e, element));
    element.addEventListener('pointercancel', (e) => this.up(e, element));
    element.addEventListener('pointerleave', () => this.leave());
    element.addEventListener('dblclick', () => this.app.showSource('focus'));
    this.resized(element);
  };

  readonly attachOverview = (element: HTMLElement | null): void => {
    if (element === null) {
      this.overview = null;
      return;
    }
    const canvas = element.querySelector('canvas');
    this.overview = surface(canvas ?? undefined, false);
    let holding = false;
    const at = (e: MouseEvent) =>
      overviewTime(element.clientWidth, this.app.end, e.clientX - element.getBoundingClientRect().left);
    const centre = (t: Ns) => {
      const half = (this.app.view.t1 - this.app.view.t0) / 2;
      this.app.show(clamp({ t0: t - half, t1: t + half }, this.app.end), false);
    };
    const marked = (e: MouseEvent) => {
      const p = this.at(e, element);
      return marksAt(this.app.findings ?? [], element.clientWidth, this.app.end, p.x, p.y);
    };
    element.addEventListener('pointerdown', (e) => {
      if (e.button !== 0) return;
      const [finding] = marked(e);
      if (finding !== undefined) {
        this.unmark();
        this.app.openFinding(findingKey(finding));
        return;
      }
      holding = true;
      element.setPointerCapture(e.pointerId);
      centre(at(e));
    });
    element.addEventListener('pointermove', (e) => {
      if (holding) {
        centre(at(e));
        return;
      }
      const findings = marked(e);
      element.style.cursor = findings.length > 0 ? 'pointer' : '';
      if (findings.length === 0) this.unmark();
      else if (this.marked?.findings[0] !== findings[0]) {
        this.marked = { findings, x: e.clientX, y: e.clientY };
        this.app.dirty('elements');
      }
    });
    element.addEventListener('pointerleave', () => this.unmark());
    element.addEventListener('pointerup', () => {
      holding = false;
    });
    element.addEventListener(
      'wheel',
      (e) => {
        e.preventDefault();
        this.app.zoomBy(Math.exp(clampWheel(e) * 0.002), null, false);
      },
      { passive: false },
    );
    new ResizeObserver(() => this.app.dirty('overview')).observe(element);
  };

  private scaleLabel: HTMLElement | null = null;

  /** The legend's "4.59 µs a pixel": it changes with every frame of a zoom, so it is written past the elements. */
  readonly attachScale = (element: HTMLElement | null): void => {
    this.scaleLabel = element;
  };

  private resized(element: HTMLElement): void {
    const { app } = this;
    this.dpr = window.devicePixelRatio || 1;
    if (this.theme !== null) this.drawing = new LaneDrawing(this.theme, this.dpr);
    app.size = {
      width: Math.max(element.clientWidth, 16),
      height: Math.max(element.clientHeight, 48),
      narrow: window.innerWidth < 1000,
    };
    app.rebuild();
    app.data.viewChanged();
    app.all();
  }

  draw(dirty: ReadonlySet<Dirty>): void {
    const { app, theme } = this;
    if (theme === null || app.phase !== 'ready' || app.tab !== 'timeline') return;
    const began = performance.now();
    const moved = dirty.has('moved');
    if (dirty.has('lanes') || moved) this.drawLanes(dirty.has('lanes'), !moved);
    if (dirty.has('overlay') || dirty.has('lanes') || moved) this.drawOver(theme);
    if (moved) {
      // Once it rests, what was stretched is drawn as it should be.
      clearTimeout(this.settle);
      this.settle = setTimeout(() => app.dirty('still'), 90);
    } else if (dirty.has('still')) this.drawLanes(false, true);
    if (dirty.has('overview') || moved) this.drawStrip(theme, dirty.has('overview'));
    if (dirty.has('lanes') || moved) {
      if (this.scaleLabel !== null)
        this.scaleLabel.textContent = `${duration(scale(app.view, app.size.width))}${app.size.narrow ? '/px' : ' a pixel'}`;
      this.frames.push(performance.now() - began);
      if (this.frames.length > 2000) this.frames.splice(0, 1000);
    }
  }

  private drawLanes(content: boolean, settled: boolean): void {
    const { app } = this;
    if (this.lanes === null || this.drawing === null) return;
    app.data.wantTiles();
    if (content) this.version++;
    const { width, height } = app.size;
    const lanesHeight = height - RULER;
    fitCanvas(this.lanes, width, height, this.dpr);
    const scene = {
      height: lanesHeight,
      scroll: app.scroll,
      end: app.end,
      layout: app.rows,
      // The tile that serves the view, also where the sheet goes beyond it.
      tile: (lane: string) => app.data.tiles.get(lane, app.view, width),
      counters: app.data.counters,
      everyone: app.data.everyone(),
      mostBusy: app.mostBusy,
      showIdle: app.showIdle,
      keeps: this.keeps(),
      selectedRow: app.selection === null ? -1 : rowOfLane(app.rows, app.selection.lane),
      name: (label: number) => app.data.name(label),
    };
    const now = { height: lanesHeight, scroll: app.scroll, version: this.version, dpr: this.dpr };
    const want = { ...now, view: app.view, width };
    const { state } = this.sheet;
    // While it moves, what came meanwhile waits a little: drawing each tile as it comes would cost every frame.
    const young = !settled && performance.now() - this.drawnAt < PATIENCE;
    const shows =
      usable(state, want, settled) ||
      (young && state !== null && usable(state, { ...want, version: state.version }, false));
    if (!shows) {
      const when = performance.now();
      this.drawnAt = when;
      // More of the time for who pans or zooms, more rows for who scrolls; for who drags across, both.
      if (state === null || !covers(state, want)) this.sidewaysAt = when;
      else if (!usable({ ...state, version: want.version }, want, false)) this.updownAt = when;
      const sideways = when - this.sidewaysAt < 300;
      const rows =
        sideways && when - this.updownAt >= 300
          ? { scroll: app.scroll, height: lanesHeight }
          : sheetRows(state, app.scroll, lanesHeight, app.rows.height);
      const scrolls = rows.height > lanesHeight && !sideways;
      const wide = { ...(scrolls ? { view: app.view, width } : sheetView(app.view, width)), ...rows };
      const ctx = this.sheet.begin({ ...now, ...wide });
      // The steps of the view's own ruler, so that the grid stands below its ticks.
      const step = ticks(app.view, width, 80).step;
      const at: Ns[] = [];
      for (let t = Math.ceil(wide.view.t0 / step) * step; t <= wide.view.t1; t += step) at.push(t);
      if (ctx !== null) this.drawnRects = this.drawing.bars(ctx, { ...scene, ...wide, ticks: at }).rects;
      this.sheets++;
    }
    const { ctx } = this.lanes;
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, RULER * this.dpr);
    this.sheet.copy(ctx, app.view, width, app.scroll, lanesHeight);
    this.drawing.words(ctx, { ...scene, view: app.view, width, ticks: [] });
  }

  private keeps(): Keeps | null {
    const { app } = this;
    const find = app.finder.current;
    const found = find !== null && find.found.length > 0 && !find.searching ? app.finder.byLane : null;
    const spans = found ?? app.kept;
    return app.cls === null && spans === null ? null : { cls: app.cls, spans };
  }

  private drawOver(theme: Theme): void {
    const { app } = this;
    if (this.overlay === null) return;
    const { width, height } = app.size;
    fitCanvas(this.overlay, width, height, this.dpr);
    const { ctx } = this.overlay;
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    const row = app.selection === null ? -1 : rowOfLane(app.rows, app.selection.lane);
    this.chips = drawOverlay(
      ctx,
      {
        view: app.view,
        width,
        height,
        scroll: app.scroll,
        layout: app.rows,
        end: app.end,
        ticks: ticks(app.view, width, 80),
        hover: this.hover?.spot ?? null,
        selected:
          app.selection === null
            ? null
            : { row, start: app.selection.start, end: app.selection.end, lower: app.selection.lower },
        slice: app.selection?.slice ?? null,
        onPs: this.onPs(),
        flows: app.allFlows ? app.flows : [],
        chain: app.chain.slice(1),
        next: app.next,
        marks: app.marks,
        range: app.range,
        dragging: this.dragging,
        pointer: app.pointer,
      },
      theme,
    );
  }

  /** Where the selected goroutine runs on the P lanes. */
  private onPs(): Spot[] {
    const { app } = this;
    const g = app.selection?.g || app.chosen;
    this.outlined = 0;
    if (g === 0) return [];
    const out: Spot[] = [];
    app.rows.rows.forEach((row, i) => {
      if (row.kind !== 'p') return;
      const tile = app.data.tiles.get(row.id, app.view, app.size.width);
      if (tile === null) return;
      for (let k = 0; k < tile.n && out.length < 400; k++) {
        if (tile.g[k] !== g || ((tile.flags[k] ?? 0) & 9) !== 0) continue;
        out.push({ row: i, start: rectStart(tile, k), end: rectEnd(tile, k), lower: false });
      }
    });
    this.outlined = out.length;
    return out;
  }

  /** The strip is drawn when it changes; while the view moves only the window over it is. */
  private drawStrip(theme: Theme, content: boolean): void {
    const { app } = this;
    const s = this.overview;
    const parent = s?.canvas.parentElement;
    if (s === null || parent === null || parent === undefined) return;
    const width = Math.max(parent.clientWidth, 16);
    const height = Math.max(parent.clientHeight, 16);
    fitCanvas(s, width, height, this.dpr);
    const kept = this.stripSheet;
    if (content || kept.canvas.width !== s.canvas.width || kept.canvas.height !== s.canvas.height)
      this.drawStripSheet(theme, width, height);
    s.ctx.setTransform(1, 0, 0, 1, 0, 0);
    s.ctx.drawImage(kept.canvas, 0, 0);
    s.ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    drawOverviewWindow(s.ctx, { width, height, end: app.end, view: app.view }, theme);
  }

  private drawStripSheet(theme: Theme, width: Px, height: Px): void {
    const { app } = this;
    const { canvas, ctx } = this.stripSheet;
    if (ctx === null) return;
    fitCanvas({ canvas, ctx }, width, height, this.dpr);
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    const { tiles } = app.data;
    const peak = drawOverview(
      ctx,
      {
        width,
        height,
        end: app.end,
        view: app.view,
        range: app.range,
        all: app.data.everyone().flatMap((lane) => tiles.ofWhole(lane) ?? []),
        gc: tiles.ofWhole('gc'),
        stw: tiles.ofWhole('stw'),
        findings: app.findings ?? [],
        instances:
          app.instances?.ticks.length === 0 ? app.instances.found.map((r) => r.start) : (app.instances?.ticks ?? []),
      },
      theme,
    );
    if (Math.round(peak.costly) !== this.peak || peak.busy !== app.mostBusy) {
      this.peak = Math.round(peak.costly);
      app.mostBusy = peak.busy;
      app.rebuild();
      app.dirty('elements', 'lanes');
    }
  }

  // ---- Pointers ----

  /** The span at a point of the field. */
  hit(x: Px, y: Px): Hit | null {
    const { app } = this;
    const index = rowAt(app.rows, y - RULER + app.scroll);
    const row = app.rows.rows[index];
    if (row === undefined || y < RULER || !spansOf(row)) return null;
    const t = tOf(app.view, app.size.width, x);
    const inRow = y - RULER + app.scroll - (app.rows.top[index] ?? 0);
    const lower = row.kind === 'p' ? inRow >= 17 : null;
    const slack = 3 * scale(app.view, app.size.width);
    // The stops of the world stand before the marking, from below as high as they are long.
    const lanes = row.kind === 'gc' ? row.lanes.toReversed() : row.lanes;
    for (const lane of lanes) {
      const tile = app.data.tiles.get(lane, app.view, app.size.width);
      if (tile === null) continue;
      // A region stands on its task: it is what is meant.
      const region = row.kind === 'task' ? rectAt(tile, t, 0, true) : -1;
      const i = region >= 0 ? region : rectAt(tile, t, slack, row.kind === 'task' ? false : lower);
      if (i < 0) continue;
      const above = BAR.top + BAR.height - inRow > Math.max(shareHeight(tile, i), 3);
      if (row.kind === 'gc' && lane !== lanes.at(-1) && above) continue;
      const cls = tile.cls[i] ?? 0;
      if (!isClass(cls) || cls === CLASS.none) continue;
      const start = rectStart(tile, i);
      const end = rectEnd(tile, i);
      const within = Math.min(Math.max(t, start), Math.max(end - (end - start) * 0.01, start));
      return {
        spot: { row: index, start, end, lower: lower === true || region >= 0 },
        lane,
        t: within,
        cls,
        g: tile.g[i] ?? 0,
        label: tile.label[i] ?? 0,
        length: lengthWords(tile, i),
        several: isSeveral(tile, i),
      };
    }
    return null;
  }

  private at(e: MouseEvent, element: HTMLElement): { x: Px; y: Px } {
    const box = element.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  private wheel(e: WheelEvent, element: HTMLElement): void {
    e.preventDefault();
    const { app } = this;
    const { x, y } = this.at(e, element);
    this.unhover();
    // A pinch on a touchpad comes as a wheel with control.
    if (e.ctrlKey || e.metaKey || y < RULER)
      app.zoomBy(Math.exp(clampWheel(e) * (e.ctrlKey ? 0.006 : 0.002)), x, false);
    else if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      app.panBy((e.shiftKey && e.deltaX === 0 ? e.deltaY : e.deltaX) * scale(app.view, app.size.width), false);
    } else app.scrollBy(e.deltaY * (e.deltaMode === 1 ? 16 : 1));
  }

  private down(e: PointerEvent, element: HTMLElement): void {
    if (e.button !== 0) return;
    const p = this.at(e, element);
    element.setPointerCapture(e.pointerId);
    this.pointers.set(e.pointerId, p);
    this.unhover();
    if (this.pointers.size === 2) {
      const [a, b] = [...this.pointers.values()];
      if (a !== undefined && b !== undefined)
        this.drag = { kind: 'pinch', distance: Math.max(Math.abs(a.x - b.x), 8), middle: (a.x + b.x) / 2 };
      return;
    }
    if (p.y < RULER) this.drag = { kind: 'range', from: tOf(this.app.view, this.app.size.width, p.x) };
    else this.drag = { kind: 'pan', x: p.x, y: p.y, t0: this.app.view.t0, scroll: this.app.scroll, moved: false };
  }

  private move(e: PointerEvent, element: HTMLElement): void {
    const { app } = this;
    const p = this.at(e, element);
    if (this.pointers.has(e.pointerId)) this.pointers.set(e.pointerId, p);
    app.pointer = tOf(app.view, app.size.width, p.x);
    const d = this.drag;
    if (d === null) {
      element.style.cursor = p.y < RULER ? 'col-resize' : 'default';
      this.point(p.x, p.y, e.clientX, e.clientY);
      app.dirty('overlay');
      return;
    }
    if (d.kind === 'pinch') {
      const [a, b] = [...this.pointers.values()];
      if (a === undefined || b === undefined) return;
      const distance = Math.max(Math.abs(a.x - b.x), 8);
      const middle = (a.x + b.x) / 2;
      app.zoomBy(d.distance / distance, middle, false);
      app.panBy((d.middle - middle) * scale(app.view, app.size.width), false);
      this.drag = { kind: 'pinch', distance, middle };
      return;
    }
    if (d.kind === 'range') {
      const t = app.pointer;
      this.dragging = { t0: Math.max(0, Math.min(d.from, t)), t1: Math.min(app.end, Math.max(d.from, t)) };
      app.dirty('overlay');
      return;
    }
    if (!d.moved && Math.hypot(p.x - d.x, p.y - d.y) < 4) return;
    d.moved = true;
    element.style.cursor = 'grabbing';
    app.panBy(d.t0 - (p.x - d.x) * scale(app.view, app.size.width) - app.view.t0, false);
    app.scrollBy(d.scroll - (p.y - d.y) - app.scroll);
  }

  private up(e: PointerEvent, element: HTMLElement): void {
    const p = this.at(e, element);
    this.pointers.delete(e.pointerId);
    const d = this.drag;
    this.drag = null;
    element.style.cursor = 'default';
    if (d === null || e.type === 'pointercancel') {
      this.dragging = null;
      return;
    }
    if (d.kind === 'range') {
      const range = this.dragging;
      this.dragging = null;
      // A click on the ruler is not a range.
      const wide = range !== null && (range.t1 - range.t0) / scale(this.app.view, this.app.size.width) >= 3;
      if (wide) void this.app.setRange(range);
      this.app.dirty('overlay');
    } else if (d.kind === 'pan' && !d.moved) this.click(p.x, p.y, e.altKey);
  }

  private click(x: Px, y: Px, alt: boolean): void {
    const { app } = this;
    const chip = this.chips.find((c) => x >= c.x && x <= c.x + c.w && y >= c.y && y <= c.y + 16);
    if (chip !== undefined) {
      void app.select(chip.lane, chip.t, { moveTo: true, source: 'beside' });
      return;
    }
    const index = rowAt(app.rows, y - RULER + app.scroll);
    const row = app.rows.rows[index];
    if (row?.kind === 'chart') {
      void app.data.exactAt(tOf(app.view, app.size.width, x));
      return;
    }
    if (row?.kind === 'header') {
      app.toggle(row.toggles);
      return;
    }
    const hit = this.hit(x, y);
    if (hit === null) app.deselect();
    else void app.select(hit.lane, hit.t, { source: alt ? 'waker' : 'beside', lower: hit.spot.lower });
  }

  /** The card comes when the pointer rests. */
  private point(x: Px, y: Px, clientX: Px, clientY: Px): void {
    const { app } = this;
    const hit = this.hit(x, y);
    const same =
      hit !== null && this.hover !== null && hit.lane === this.hover.lane && hit.spot.start === this.hover.spot.start;
    if (same) return;
    clearTimeout(this.hoverTimer);
    const had = this.hover !== null;
    this.hover = hit === null ? null : { ...hit, x: clientX, y: clientY, slice: null };
    if (had || hit !== null) app.dirty('overlay', 'elements');
    if (hit === null) return;
    this.hoverTimer = setTimeout(async () => {
      try {
        const slice = await app.data.slice(hit.lane, hit.t, hit.spot.lower);
        if (this.hover === null || this.hover.lane !== hit.lane || this.hover.t !== hit.t) return;
        this.hover = { ...this.hover, slice };
        app.dirty('elements');
      } catch {
        // A card is an extra: a click says what went wrong.
      }
    }, 60);
  }

  private leave(): void {
    this.app.pointer = null;
    this.unhover();
    this.app.dirty('overlay');
  }

  private unmark(): void {
    if (this.marked === null) return;
    this.marked = null;
    this.app.dirty('elements');
  }

  private unhover(): void {
    clearTimeout(this.hoverTimer);
    if (this.hover === null) return;
    this.hover = null;
    this.app.dirty('overlay', 'elements');
  }
}

function spansOf(row: Row): boolean {
  return row.kind === 'lane' || row.kind === 'p' || row.kind === 'gc' || row.kind === 'task' || row.kind === 'wakes';
}

function clampWheel(e: WheelEvent): number {
  const px = e.deltaMode === 1 ? e.deltaY * 16 : e.deltaY;
  return Math.min(Math.max(px, -240), 240);
}

function surface(canvas: HTMLCanvasElement | undefined, alpha: boolean): Surface | null {
  const ctx = canvas?.getContext('2d', { alpha });
  return canvas === undefined || ctx === null || ctx === undefined ? null : { canvas, ctx };
}

function fitCanvas(s: Surface, width: Px, height: Px, dpr: number): void {
  const w = Math.max(1, Math.round(width * dpr));
  const h = Math.max(1, Math.round(height * dpr));
  // Setting a size clears a canvas, and costs: only where it changed.
  if (s.canvas.width !== w) s.canvas.width = w;
  if (s.canvas.height !== h) s.canvas.height = h;
}
