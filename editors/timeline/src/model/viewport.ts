// Which part of the trace is in view, and the way between moments and pixels.
// Values only: each function gives a new view.
import type { Ns, Px } from './units.ts';

export interface View {
  readonly t0: Ns;
  readonly t1: Ns;
}

/** At least so much time is in view: a nanosecond is then several pixels wide. */
export const LEAST: Ns = 100;

export function xOf(view: View, width: Px, t: Ns): Px {
  return ((t - view.t0) * width) / (view.t1 - view.t0);
}

export function tOf(view: View, width: Px, x: Px): Ns {
  return view.t0 + (x * (view.t1 - view.t0)) / width;
}

/** Nanoseconds a pixel. */
export function scale(view: View, width: Px): number {
  return (view.t1 - view.t0) / Math.max(width, 1);
}

/** The view moved (and if need be shortened) into the trace, `0..end`. */
export function clamp(view: View, end: Ns): View {
  const whole = Math.max(end, LEAST);
  const length = Math.min(Math.max(view.t1 - view.t0, LEAST), whole);
  const t0 = Math.min(Math.max(view.t0, 0), whole - length);
  return { t0, t1: t0 + length };
}

/** By `factor` closer (below 1) or farther, with `t` staying where it is on the screen. */
export function zoom(view: View, t: Ns, factor: number, end: Ns): View {
  const length = view.t1 - view.t0;
  const next = Math.min(Math.max(length * factor, LEAST), Math.max(end, LEAST));
  const share = (t - view.t0) / length;
  return clamp({ t0: t - share * next, t1: t + (1 - share) * next }, end);
}

export function pan(view: View, by: Ns, end: Ns): View {
  return clamp({ t0: view.t0 + by, t1: view.t1 + by }, end);
}

/** A span with some room at both sides. */
export function around(t0: Ns, t1: Ns, end: Ns, room = 0.1): View {
  const length = Math.max(t1 - t0, LEAST / 2);
  return clamp({ t0: t0 - length * room, t1: t0 + length * (1 + room) }, end);
}

/** The view moved as little as shows `t0..t1`, and widened only where that is longer than it. */
export function reveal(view: View, t0: Ns, t1: Ns, end: Ns): View {
  const length = view.t1 - view.t0;
  if (t0 >= view.t0 && t1 <= view.t1) return view;
  if (t1 - t0 > length * 0.9) return around(t0, t1, end, 0.2);
  const middle = (t0 + t1) / 2;
  return clamp({ t0: middle - length / 2, t1: middle + length / 2 }, end);
}

/** Between two views, for easing; `share` from 0 to 1. Lengths go by their ratio, so that zooming is even. */
export function between(a: View, b: View, share: number): View {
  if (share >= 1) return b;
  const la = a.t1 - a.t0;
  const lb = b.t1 - b.t0;
  const length = la * (lb / la) ** share;
  // The point that stays in place between both views, where there is one; else straight.
  const grown = la === lb ? share : (length - la) / (lb - la);
  const t0 = a.t0 + (b.t0 - a.t0) * grown;
  return { t0, t1: t0 + length };
}

/** Ticks of a ruler: 1, 2 or 5 times a power of ten, none closer than `apart`. */
export function ticks(view: View, width: Px, apart: Px): { step: Ns; at: Ns[] } {
  const least = scale(view, width) * apart;
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= least) ?? 10 * power;
  const at: Ns[] = [];
  for (let i = Math.ceil(view.t0 / step); i * step <= view.t1 && at.length < 1000; i++) at.push(i * step);
  return { step, at };
}

/** A tick's text: the unit by the right end, as many decimals as the step needs. */
export function tickLabel(t: Ns, step: Ns, end: Ns): string {
  if (t === 0) return '0';
  const [unit, per] = end < 2e3 ? ['ns', 1] : end < 2e6 ? ['µs', 1e3] : end < 2e9 ? ['ms', 1e6] : ['s', 1e9];
  const decimals = Math.max(0, -Math.floor(Math.log10(step / per) + 1e-9));
  return `${(t / per).toFixed(decimals)} ${unit}`;
}
