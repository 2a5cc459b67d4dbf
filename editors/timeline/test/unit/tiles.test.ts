import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columns } from '../../src/draw/density.ts';
import { sheetRows, usable } from '../../src/draw/sheet.ts';
import { decodeTile, WIDEST } from '../../src/model/tile.ts';
import { serves, Tiles, windowFor } from '../../src/model/tiles.ts';
import { clamp } from '../../src/model/viewport.ts';
import { encodeTile } from '../fake/encode.ts';
import { FakeHost } from '../fake/host.ts';
import { END } from '../fake/trace.ts';

describe('what is fetched', () => {
  it('serves the view it was fetched for, and half a view of panning', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: END }),
        fc.integer({ min: 2_000, max: END }),
        fc.integer({ min: 200, max: 2_000 }),
        (t0, length, width) => {
          const view = clamp({ t0, t1: t0 + length }, END);
          const w = windowFor(view, width, END);
          expect(w.width).toBeLessThanOrEqual(WIDEST);
          const tile = decodeTile(encodeTile({ analysis: 1, ...w }, [{ rects: [] }]), 1).lanes[0];
          if (tile === undefined) throw new Error('no lane');
          expect(serves(tile, view, width, END)).toBe(true);
          const shifted = clamp({ t0: view.t0 + length * 0.49, t1: view.t1 + length * 0.49 }, END);
          expect(serves(tile, shifted, width, END)).toBe(true);
        },
      ),
    );
  });

  it('is asked for in few requests: what the strip needs first, and no tile twice', async () => {
    const host = new FakeHost();
    const asked: string[][] = [];
    const tile = host.tile.bind(host);
    host.tile = (key) => {
      asked.push([...key.lanes]);
      return tile(key);
    };
    let settled = () => {};
    const tiles = new Tiles(
      host,
      () => settled(),
      (why) => expect.fail(why),
    );
    tiles.reset(1, END);
    const view = { t0: 10e6, t1: 20e6 };
    const want = () => tiles.want(view, 800, ['gc', 'g:7', 'g:8'], ['all', 'gc']);
    for (let i = 0; i < 6; i++) {
      await new Promise<void>((done) => {
        settled = done;
        want();
        setTimeout(done, 20);
      });
    }
    expect(asked).toEqual([
      ['all', 'gc'],
      ['gc', 'g:7', 'g:8'],
      ['g:7', 'g:8'],
    ]);
    expect(tiles.get('g:7', view, 800)?.t0).toBe(5e6);
    expect(tiles.ofWhole('all')?.t1).toBe(END);
  });

  it('of a trace that was left is dropped', async () => {
    const host = new FakeHost();
    const tiles = new Tiles(
      host,
      () => {},
      () => {},
    );
    tiles.reset(1, END);
    tiles.want({ t0: 0, t1: END }, 800, ['gc'], ['gc']);
    tiles.reset(2, END);
    await new Promise((done) => setTimeout(done, 20));
    expect(tiles.ofWhole('gc')).toBeNull();
  });

  it('of an index that grows faster than it answers is shown, and asked for again at the end', async () => {
    const host = new FakeHost();
    const asked: string[][] = [];
    const tile = host.tile.bind(host);
    host.tile = async (key) => {
      asked.push([...key.lanes]);
      await new Promise((done) => setTimeout(done, 12));
      return tile(key);
    };
    const tiles = new Tiles(
      host,
      () => {},
      (why) => expect.fail(why),
    );
    tiles.reset(1, END);
    tiles.growing = true;
    const view = { t0: 10e6, t1: 20e6 };
    tiles.want(view, 800, ['gc', 'p:0'], ['gc']);
    for (let i = 0; i < 12; i++) {
      await new Promise((done) => setTimeout(done, 5));
      tiles.grew();
    }
    const first = tiles.get('p:0', view, 800);
    expect(first).not.toBeNull();
    tiles.growing = false;
    tiles.grew();
    // Nothing is taken away meanwhile.
    expect(tiles.get('p:0', view, 800)).not.toBeNull();
    await new Promise((done) => setTimeout(done, 120));
    expect(tiles.get('p:0', view, 800)).not.toBe(first);
    const n = asked.length;
    tiles.want(view, 800, ['gc', 'p:0'], ['gc']);
    await new Promise((done) => setTimeout(done, 40));
    expect(asked.length).toBe(n);
  });

  it('that is no tile is said, and not asked for again at once', async () => {
    const host = new FakeHost();
    let asked = 0;
    host.tile = async () => {
      asked++;
      return new ArrayBuffer(3);
    };
    const said: string[] = [];
    const tiles = new Tiles(
      host,
      () => {},
      (why) => said.push(why),
    );
    tiles.reset(1, END);
    for (let i = 0; i < 5; i++) {
      tiles.want({ t0: 0, t1: END }, 800, ['gc'], ['gc']);
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(asked).toBe(1);
    expect(said).toEqual(['tile of 3 bytes (a head has 32)']);
  });
});

describe('a sheet', () => {
  const have = { view: { t0: 0, t1: 2000 }, width: 2000, height: 500, scroll: 0, version: 1, dpr: 1 };
  const want = { ...have, view: { t0: 500, t1: 1500 }, width: 1000 };
  it('is copied from while it covers the view', () => {
    expect(usable(have, want, true)).toBe(true);
    expect(usable(have, { ...want, view: { t0: 1001, t1: 2001 } }, true)).toBe(false);
    expect(usable(null, want, true)).toBe(false);
    for (const change of [{ version: 2 }, { scroll: 1 }, { height: 501 }, { dpr: 2 }])
      expect(usable(have, { ...want, ...change }, false)).toBe(false);
  });
  it('has rows more than are seen once they scroll, and those of the trace only', () => {
    expect(sheetRows(null, 100, 500, 5000)).toEqual({ scroll: 100, height: 500 });
    expect(sheetRows(have, 0, 500, 5000)).toEqual({ scroll: 0, height: 500 });
    const down = sheetRows(have, 400, 500, 5000);
    expect(down).toEqual({ scroll: 400, height: 700 });
    const scrolled = { ...have, ...down };
    for (const scroll of [400, 500, 600]) expect(usable(scrolled, { ...want, scroll }, true)).toBe(true);
    for (const scroll of [399, 601]) expect(usable(scrolled, { ...want, scroll }, true)).toBe(false);
    // More is known: it is drawn again with what it has ahead.
    expect(sheetRows(scrolled, 500, 500, 5000)).toEqual(down);
    expect(sheetRows(scrolled, 390, 500, 5000)).toEqual({ scroll: 190, height: 700 });
    expect(sheetRows(scrolled, 100, 500, 5000)).toEqual({ scroll: 0, height: 600 });
    expect(sheetRows(have, 400, 500, 950)).toEqual({ scroll: 400, height: 550 });
    expect(sheetRows(have, 400, 500, 300)).toEqual({ scroll: 400, height: 500 });
  });
  it('is stretched a little while the view moves, and not at all at rest', () => {
    const closer = { ...want, view: { t0: 600, t1: 1400 } };
    expect([usable(have, closer, false), usable(have, closer, true)]).toEqual([true, false]);
    expect(usable(have, { ...want, view: { t0: 750, t1: 1250 } }, false)).toBe(false);
  });
});

describe('densities', () => {
  it('are the means of what is in each pixel, summed over lanes', () => {
    const head = { analysis: 1, t0: 0, t1: 1000, width: 10 };
    const lanes = decodeTile(
      encodeTile(head, [
        {
          peak: 4,
          rects: [
            { x0: 0, x1: 32, cls: 4, verdict: 1, fill: 255 },
            { x0: 16, x1: 32, cls: 4, verdict: 3, fill: 255 },
          ],
        },
        {
          peak: 2,
          rects: [
            { x0: 8, x1: 16, cls: 4, verdict: 1, fill: 255 },
            { x0: 0, x1: 16, cls: 2, fill: 51 },
          ],
        },
      ]),
      2,
    ).lanes;
    const c = columns(lanes, { t0: 0, t1: 1000 }, 10, 'busy');
    expect([...(c.of[4] ?? [])].slice(0, 3)).toEqual([5, 4, 0]);
    expect(c.of[2]?.[0]).toBeCloseTo(0.4);
    expect(c.most).toBeCloseTo(5.4);
    expect(columns(lanes, { t0: 0, t1: 1000 }, 10, 'costly').of[2]).toBeNull();
    expect([...(columns(lanes, { t0: 0, t1: 1000 }, 10, 'all').of[4] ?? [])].slice(0, 2)).toEqual([5, 8]);
    // Half of the window at the same width: the same values, twice as wide.
    expect([...(columns(lanes, { t0: 0, t1: 500 }, 10, 'busy').of[4] ?? [])].slice(0, 5)).toEqual([4, 6, 4, 4, 0]);
  });
});
