// The lanes on a canvas of their own, wider than the screen: while the view moves, what is shown is a copy of it.
// Without a GPU that is what keeps a frame short: copying a picture costs a tenth of drawing it.
//
//      |<---- sheet: the view and a third of it more at both sides ---->|
//               |<-------- what is copied -------->|
//
// It is drawn again when what it shows changed, when the view leaves it, or when it would be stretched too far.
import type { Ns, Px } from '../model/units.ts';
import { scale, type View } from '../model/viewport.ts';

/** How much of the view is drawn more, at each side. */
const MARGIN = 0.3;
/** A copy is stretched at most by so much while the view zooms. */
const STRETCH = 1.7;

export interface SheetState {
  readonly view: View;
  readonly width: Px;
  readonly height: Px;
  readonly scroll: Px;
  readonly version: number;
  readonly dpr: number;
}

/** What a sheet made for `s` covers. */
export function sheetView(view: View, width: Px): { view: View; width: Px } {
  const more: Ns = (view.t1 - view.t0) * MARGIN;
  return { view: { t0: view.t0 - more, t1: view.t1 + more }, width: Math.round(width * (1 + 2 * MARGIN)) };
}

/** How much of the screen's height is drawn more, where it scrolls to. */
const AHEAD = 0.4;

/** Which rows a sheet shows: those of the screen, and where they scroll some more in that direction. */
export function sheetRows(have: SheetState | null, scroll: Px, height: Px, all: Px): { scroll: Px; height: Px } {
  const up = have !== null && scroll < have.scroll;
  const down = have !== null && scroll + height > have.scroll + have.height;
  // Drawn again where it is, as more is known: what it has ahead stays.
  if (!up && !down && have !== null && have.height > height) return { scroll: have.scroll, height: have.height };
  if (up === down) return { scroll, height };
  const top = up ? Math.max(Math.round(scroll - height * AHEAD), 0) : scroll;
  const bottom = down ? Math.min(Math.round(scroll + height * (1 + AHEAD)), Math.ceil(all)) : scroll + height;
  return { scroll: top, height: Math.max(bottom, scroll + height) - top };
}

/** Whether the sheet can be copied from for `want`. `settled`: nothing moves, so nothing may be stretched. */
export function usable(have: SheetState | null, want: SheetState, settled: boolean): boolean {
  if (have === null) return false;
  if (have.version !== want.version || have.dpr !== want.dpr) return false;
  if (want.scroll < have.scroll || want.scroll + want.height > have.scroll + have.height) return false;
  return covers(have, want, settled);
}

/** Whether it holds the view, at a scale that will do: whatever rows it has. */
export function covers(have: SheetState, want: SheetState, settled = false): boolean {
  if (want.view.t0 < have.view.t0 || want.view.t1 > have.view.t1) return false;
  const ratio = scale(have.view, have.width) / scale(want.view, want.width);
  return settled ? Math.abs(ratio - 1) < 1e-6 : ratio < STRETCH && ratio > 1 / STRETCH;
}

export class Sheet {
  readonly canvas = document.createElement('canvas');
  readonly ctx = this.canvas.getContext('2d', { alpha: false });
  state: SheetState | null = null;

  /** Ready to be drawn on for this state. */
  begin(state: SheetState): CanvasRenderingContext2D | null {
    const w = Math.max(1, Math.round(state.width * state.dpr));
    const h = Math.max(1, Math.round(state.height * state.dpr));
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.state = state;
    this.ctx?.setTransform(state.dpr, 0, 0, state.dpr, 0, 0);
    return this.ctx;
  }

  /** Copies what is shown of `view` and of the rows from `scroll` on to the upper left corner of `to`, whose units are CSS pixels. */
  copy(to: CanvasRenderingContext2D, view: View, width: Px, scroll: Px, height: Px): void {
    const s = this.state;
    if (s === null) return;
    const perPx = (s.width * s.dpr) / (s.view.t1 - s.view.t0);
    const x = (view.t0 - s.view.t0) * perPx;
    const w = (view.t1 - view.t0) * perPx;
    // Unstretched it is copied pixel by pixel: no blur from a fraction of one.
    const exact = Math.abs(w - width * s.dpr) < 0.5;
    to.imageSmoothingEnabled = !exact;
    to.drawImage(
      this.canvas,
      exact ? Math.round(x) : x,
      Math.round((scroll - s.scroll) * s.dpr),
      exact ? width * s.dpr : w,
      height * s.dpr,
      0,
      0,
      width,
      height,
    );
  }
}
