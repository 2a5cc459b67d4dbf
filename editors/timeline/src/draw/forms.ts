// One form per state, so that colour is never alone: how a bar of each class is filled.
//
//   running   ████████   runnable ▨▨▨▨▨▨ outlined   lock ▆▆▆▆ 8 of 12    channel ▄▄▄▄ 6 of 12
//   network   two rails of 3                        sleep ▪ ▪ ▪ ▪         syscall ≡≡≡≡ full
//   assist    ||||||||   full                        GC wait ||||| 7 of 12
//
// Bars are collected by form and drawn a form at a time: switching the fill is what costs on a canvas without a GPU.
import { CLASS, type Class, N_CLASSES } from '../model/classes.ts';
import type { Px } from '../model/units.ts';
import type { Theme } from './theme.ts';

type Context = CanvasRenderingContext2D;

/** From this width on a bar shows its pattern; below it is solid. */
export const PATTERN_FROM = 4;

/** How a bar is meant. */
export const VARIANT = { plain: 0, outline: 1, thin: 2, faded: 3, fadedOutline: 4 } as const;
export type Variant = (typeof VARIANT)[keyof typeof VARIANT];
const N_VARIANTS = 5;

/** What a faded bar keeps of its colour. */
const FADE = 0.3;

/** Where the ink of a class is within a bar of 12: from the top, and how high. */
const INK: Readonly<Partial<Record<Class, readonly [number, number]>>> = {
  [CLASS.lock]: [2, 8],
  [CLASS.channel]: [3, 6],
  [CLASS.network]: [1, 10],
  [CLASS.sleep]: [4.5, 3],
  [CLASS.gcWait]: [2.5, 7],
  [CLASS.system]: [3, 6],
  [CLASS.unknown]: [4, 4],
};

/** Growing columns of x, y, width, height. */
class Boxes {
  data = new Float32Array(256);
  n = 0;

  push(x: Px, y: Px, w: Px, h: Px): void {
    if (this.n + 4 > this.data.length) {
      const wider = new Float32Array(this.data.length * 2);
      wider.set(this.data);
      this.data = wider;
    }
    this.data[this.n] = x;
    this.data[this.n + 1] = y;
    this.data[this.n + 2] = w;
    this.data[this.n + 3] = h;
    this.n += 4;
  }
}

export class Forms {
  private readonly boxes: Boxes[] = Array.from({ length: N_CLASSES * N_VARIANTS }, () => new Boxes());
  private readonly patterns = new Map<Class, CanvasPattern | null>();
  private readonly theme: Theme;
  private readonly dpr: number;

  constructor(theme: Theme, dpr: number) {
    this.theme = theme;
    this.dpr = dpr;
  }

  /** A bar `height` high (12 in a lane) with its upper left corner at x, y. */
  add(cls: Class, variant: Variant, x: Px, y: Px, w: Px, height: Px): void {
    const boxes = this.boxes[cls * N_VARIANTS + variant];
    if (boxes === undefined) return;
    const ink = variant === VARIANT.thin ? undefined : INK[cls];
    if (variant === VARIANT.thin) boxes.push(x, y + Math.floor(height / 2), w, 1);
    else if (ink === undefined) boxes.push(x, y, w, height);
    else boxes.push(x, y + (ink[0] * height) / 12, w, (ink[1] * height) / 12);
  }

  draw(ctx: Context): void {
    for (let cls = 0; cls < N_CLASSES; cls++) {
      for (let variant = 0; variant < N_VARIANTS; variant++) {
        const boxes = this.boxes[cls * N_VARIANTS + variant];
        if (boxes === undefined || boxes.n === 0) continue;
        ctx.globalAlpha = variant >= VARIANT.faded ? FADE : 1;
        this.drawBoxes(ctx, cls as Class, variant as Variant, boxes);
        boxes.n = 0;
      }
    }
    ctx.globalAlpha = 1;
  }

  private drawBoxes(ctx: Context, cls: Class, variant: Variant, boxes: Boxes): void {
    const { data, n } = boxes;
    const colour = this.theme.colour[cls] ?? '#888';
    if (variant === VARIANT.thin) {
      ctx.fillStyle = this.theme.colour[CLASS.none] ?? colour;
      for (let i = 0; i < n; i += 4) ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0, 1);
      return;
    }
    if (variant === VARIANT.outline || variant === VARIANT.fadedOutline) {
      ctx.fillStyle = colour;
      for (let i = 0; i < n; i += 4) border(ctx, data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0, data[i + 3] ?? 0);
      return;
    }
    // Narrow bars and plain forms: solid.
    const pattern = this.pattern(ctx, cls);
    const solid = pattern === null && cls !== CLASS.network && cls !== CLASS.task && cls !== CLASS.region;
    ctx.fillStyle = colour;
    for (let i = 0; i < n; i += 4) {
      const w = data[i + 2] ?? 0;
      if (solid || w < PATTERN_FROM) ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, w, data[i + 3] ?? 0);
    }
    if (solid) return;
    if (cls === CLASS.network) {
      for (let i = 0; i < n; i += 4) {
        const w = data[i + 2] ?? 0;
        if (w < PATTERN_FROM) continue;
        const h = data[i + 3] ?? 0;
        const rail = h * 0.3;
        ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, w, rail);
        ctx.fillRect(data[i] ?? 0, (data[i + 1] ?? 0) + h - rail, w, rail);
      }
      return;
    }
    if (cls === CLASS.task || cls === CLASS.region) {
      outlined(ctx, boxes, colour, this.theme.dim);
      return;
    }
    if (cls === CLASS.runnable) {
      ctx.globalAlpha *= 0.22;
      for (let i = 0; i < n; i += 4) {
        const w = data[i + 2] ?? 0;
        if (w >= PATTERN_FROM) ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, w, data[i + 3] ?? 0);
      }
      ctx.globalAlpha = variant >= VARIANT.faded ? FADE : 1;
    }
    if (pattern !== null) ctx.fillStyle = pattern;
    for (let i = 0; i < n; i += 4) {
      const w = data[i + 2] ?? 0;
      if (w >= PATTERN_FROM) ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, w, data[i + 3] ?? 0);
    }
    if (cls === CLASS.runnable) {
      ctx.fillStyle = colour;
      for (let i = 0; i < n; i += 4) {
        const w = data[i + 2] ?? 0;
        if (w >= PATTERN_FROM) border(ctx, data[i] ?? 0, data[i + 1] ?? 0, w, data[i + 3] ?? 0);
      }
    }
  }

  /** The class's pattern, made once a theme; null where its form is solid. */
  private pattern(ctx: Context, cls: Class): CanvasPattern | null {
    const made = this.patterns.get(cls);
    if (made !== undefined) return made;
    const paint = PATTERNS[cls];
    const pattern = paint === undefined ? null : makePattern(ctx, paint, this.theme.colour[cls] ?? '#888', this.dpr);
    this.patterns.set(cls, pattern);
    return pattern;
  }
}

function outlined(ctx: Context, boxes: Boxes, fill: string, line: string): void {
  const { data, n } = boxes;
  ctx.fillStyle = fill;
  for (let i = 0; i < n; i += 4) ctx.fillRect(data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0, data[i + 3] ?? 0);
  ctx.fillStyle = line;
  for (let i = 0; i < n; i += 4) {
    const w = data[i + 2] ?? 0;
    if (w >= PATTERN_FROM) border(ctx, data[i] ?? 0, data[i + 1] ?? 0, w, data[i + 3] ?? 0);
  }
}

/** An outline of a pixel within the box. As four rectangles: stroking a path costs a canvas without a GPU ten times that. */
function border(ctx: Context, x: Px, y: Px, w: Px, h: Px): void {
  ctx.fillRect(x, y, w, 1);
  ctx.fillRect(x, y + h - 1, w, 1);
  ctx.fillRect(x, y + 1, 1, h - 2);
  if (w > 1) ctx.fillRect(x + w - 1, y + 1, 1, h - 2);
}

interface Paint {
  readonly w: number;
  readonly h: number;
  paint(ctx: Context): void;
}

function verticals(ctx: Context, h: number): void {
  ctx.fillRect(0, 0, 2, h);
}

const PATTERNS: Readonly<Partial<Record<Class, Paint>>> = {
  [CLASS.runnable]: {
    w: 6,
    h: 6,
    paint(ctx) {
      ctx.lineWidth = 1.6;
      ctx.beginPath();
      for (const d of [-6, 0, 6]) {
        ctx.moveTo(d - 1, 7);
        ctx.lineTo(d + 7, -1);
      }
      ctx.stroke();
    },
  },
  [CLASS.sleep]: { w: 5, h: 3, paint: (ctx) => ctx.fillRect(0, 0, 3, 3) },
  [CLASS.syscall]: { w: 4, h: 4, paint: (ctx) => ctx.fillRect(0, 0, 4, 2) },
  [CLASS.assist]: { w: 4, h: 4, paint: (ctx) => verticals(ctx, 4) },
  [CLASS.gcWait]: { w: 4, h: 4, paint: (ctx) => verticals(ctx, 4) },
  [CLASS.sweep]: { w: 4, h: 4, paint: (ctx) => verticals(ctx, 4) },
};

/** The pattern in device pixels, so that its edges stay sharp. */
function makePattern(ctx: Context, paint: Paint, colour: string, dpr: number): CanvasPattern | null {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(paint.w * dpr));
  canvas.height = Math.max(1, Math.round(paint.h * dpr));
  const own = canvas.getContext('2d');
  if (own === null) return null;
  own.scale(canvas.width / paint.w, canvas.height / paint.h);
  own.fillStyle = colour;
  own.strokeStyle = colour;
  paint.paint(own);
  const pattern = ctx.createPattern(canvas, 'repeat');
  pattern?.setTransform(new DOMMatrix().scale(paint.w / canvas.width, paint.h / canvas.height));
  return pattern;
}
