import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  around,
  between,
  clamp,
  LEAST,
  pan,
  reveal,
  tickLabel,
  ticks,
  tOf,
  xOf,
  zoom,
} from '../../src/model/viewport.ts';

const END = 85_700_000;
const view = fc
  .tuple(fc.integer({ min: 0, max: END }), fc.integer({ min: LEAST, max: END }))
  .map(([t0, length]) => clamp({ t0, t1: t0 + length }, END));

describe('a view', () => {
  it('keeps the moment under the pointer where it is', () => {
    fc.assert(
      fc.property(
        view,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.2, max: 5, noNaN: true }),
        (v, share, factor) => {
          const t = v.t0 + share * (v.t1 - v.t0);
          const z = zoom(v, t, factor, END);
          const inside = z.t0 > 0 && z.t1 < END && z.t1 - z.t0 > LEAST;
          if (inside) expect(xOf(z, 1000, t)).toBeCloseTo(share * 1000, 3);
        },
      ),
    );
  });

  it('never leaves the trace, nor grows past it, nor closes', () => {
    fc.assert(
      fc.property(
        view,
        fc.double({ min: -2 * END, max: 2 * END, noNaN: true }),
        fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
        (v, by, factor) => {
          for (const w of [
            pan(v, by, END),
            zoom(v, v.t0 + by, factor, END),
            around(by, by + 5, END),
            reveal(v, by, by + 10, END),
          ]) {
            expect(w.t0).toBeGreaterThanOrEqual(0);
            expect(w.t1).toBeLessThanOrEqual(END + 1e-6);
            expect(w.t1 - w.t0).toBeGreaterThanOrEqual(LEAST - 1e-6);
          }
        },
      ),
    );
  });

  it('goes to pixels and back', () => {
    fc.assert(
      fc.property(view, fc.integer({ min: 0, max: 2000 }), (v, x) => {
        expect(xOf(v, 2000, tOf(v, 2000, x))).toBeCloseTo(x, 3);
      }),
    );
  });

  it('zooms until a nanosecond is wide', () => {
    let v = { t0: 0, t1: END };
    for (let i = 0; i < 200; i++) v = zoom(v, 16_332_123, 0.5, END);
    expect(v.t1 - v.t0).toBeCloseTo(LEAST, 6);
    expect(xOf(v, 1000, 16_332_124) - xOf(v, 1000, 16_332_123)).toBeCloseTo(10, 3);
  });

  it('moves no more than shows what is revealed', () => {
    const v = { t0: 1000, t1: 2000 };
    expect(reveal(v, 1200, 1300, END)).toBe(v);
    const r = reveal(v, 5000, 5100, END);
    expect(r.t1 - r.t0).toBe(1000);
    expect(r.t0 < 5000 && r.t1 > 5100).toBe(true);
  });

  it('eases from one to the other', () => {
    const a = { t0: 0, t1: 1000 };
    const b = { t0: 400, t1: 500 };
    expect(between(a, b, 0).t1).toBeCloseTo(1000);
    expect(between(a, b, 1)).toBe(b);
    const half = between(a, b, 0.5);
    expect(half.t0).toBeGreaterThan(0);
    expect(half.t1).toBeLessThan(1000);
    expect(between({ t0: 0, t1: 10 }, { t0: 10, t1: 20 }, 0.5)).toEqual({ t0: 5, t1: 15 });
  });
});

describe('a ruler', () => {
  it('has steps of 1, 2 or 5 that are far enough apart', () => {
    fc.assert(
      fc.property(view, fc.integer({ min: 100, max: 3000 }), (v, width) => {
        const { step, at } = ticks(v, width, 80);
        expect((step * width) / (v.t1 - v.t0)).toBeGreaterThanOrEqual(79.9);
        expect([1, 2, 5]).toContain(Number(step.toExponential().replace(/e.*/, '')));
        for (const t of at) expect(t >= v.t0 && t <= v.t1).toBe(true);
      }),
    );
  });

  it('says what it means, and no two ticks the same', () => {
    expect(tickLabel(16_500_000, 500_000, END)).toBe('16.5 ms');
    expect(tickLabel(20_000_000, 20_000_000, END)).toBe('20 ms');
    expect(tickLabel(0, 5, END)).toBe('0');
    const v = { t0: 16_332_000, t1: 16_332_100 };
    const { step, at } = ticks(v, 1000, 80);
    expect(new Set(at.map((t) => tickLabel(t, step, v.t1))).size).toBe(at.length);
  });
});
