// Small pictures of the forms, drawn by what draws the lanes: a legend cannot differ from what it explains.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Forms, VARIANT } from '../draw/forms.ts';
import type { Theme } from '../draw/theme.ts';
import { CLASS, type Class } from '../model/classes.ts';

interface SwatchProps {
  theme: Theme | null;
  cls: Class;
  variant?: 'idle' | 'outline';
  width?: number;
}

export function Swatch({ theme, cls, variant, width = 18 }: SwatchProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = ref.current;
    const ctx = canvas?.getContext('2d');
    if (canvas === null || ctx === null || ctx === undefined || theme === null) return;
    const dpr = window.devicePixelRatio || 1;
    canvas.width = width * dpr;
    canvas.height = 12 * dpr;
    canvas.style.width = `${width}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const forms = new Forms(theme, dpr);
    const how = variant === 'idle' ? VARIANT.thin : variant === 'outline' ? VARIANT.outline : VARIANT.plain;
    forms.add(cls, how, 0, 0, width, 12);
    forms.draw(ctx);
  }, [theme, cls, variant, width]);
  return <canvas class="swatch" ref={ref} aria-hidden="true" />;
}

export interface Part {
  cls: Class;
  ns: number;
}

interface PartsProps {
  theme: Theme | null;
  parts: readonly Part[];
  /** What the full width stands for. */
  of: number;
  /** What the parts are parts of, where they are not all of it: the rest is a plain ground. */
  whole?: number;
  width: number;
  height?: number;
  /** The forms of lanes; else plain full bars, told by their order. */
  forms?: boolean;
}

/** A stacked bar: where time went, in the order given. */
export function Parts({ theme, parts, of, whole = 0, width, height = 12, forms = true }: PartsProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = ref.current;
    const ctx = canvas?.getContext('2d');
    if (canvas === null || ctx === null || ctx === undefined || theme === null) return;
    const dpr = window.devicePixelRatio || 1;
    canvas.width = width * dpr;
    canvas.height = height * dpr;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const drawing = new Forms(theme, dpr);
    if (whole > 0 && of > 0) {
      ctx.fillStyle = theme.task;
      ctx.fillRect(0, 0, Math.max(Math.round((whole / of) * width) - 1, 1), height);
    }
    let x = 0;
    for (const p of parts) {
      const w = of > 0 ? (p.ns / of) * width : 0;
      if (w <= 0) continue;
      const left = Math.round(x);
      // A gap between parts, but of no part that is too narrow for one.
      const right = Math.max(Math.round(x + w) - 1, left + 1);
      // The waits are plain here: their order tells them, and thin forms would make them look shorter than they are.
      const patterned = p.cls === CLASS.runnable || p.cls === CLASS.syscall || p.cls === CLASS.assist;
      if (forms && patterned) drawing.add(p.cls, VARIANT.plain, left, 0, right - left, height);
      else {
        ctx.fillStyle = theme.colour[p.cls] ?? '#888';
        ctx.fillRect(left, 0, right - left, height);
      }
      x += w;
    }
    drawing.draw(ctx);
  });
  return <canvas class="bar" ref={ref} aria-hidden="true" />;
}
