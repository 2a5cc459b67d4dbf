import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLASS } from '../../src/model/classes.ts';
import { BadTile, decodeTile, rectAt, rectEnd, rectStart } from '../../src/model/tile.ts';
import { encodeTile } from '../fake/encode.ts';

const HEAD = { analysis: 7, t0: 1_000, t1: 2_600, width: 100 };

function good(): ArrayBuffer {
  return encodeTile(HEAD, [
    {
      peak: 3,
      flags: 1,
      rects: [{ x0: 0, x1: 16, cls: CLASS.running, verdict: 1, flags: 2, fill: 9, label: 4, g: 42 }],
    },
    { rects: [] },
  ]);
}

describe('a tile', () => {
  it('is read as it was written', () => {
    const tile = decodeTile(good(), 2);
    expect(tile).toMatchObject(HEAD);
    const [a, b] = tile.lanes;
    expect(a).toMatchObject({ n: 1, peak: 3, coarse: true });
    expect([a?.x0[0], a?.x1[0], a?.cls[0], a?.verdict[0], a?.flags[0], a?.fill[0], a?.label[0], a?.g[0]]).toEqual([
      0, 16, 1, 1, 2, 9, 4, 42,
    ]);
    expect(b).toMatchObject({ n: 0, coarse: false });
  });

  it('has its times from the sixteenths of pixels', () => {
    const lane = decodeTile(encodeTile(HEAD, [{ rects: [{ x0: 8, x1: 24, cls: 1 }] }]), 1).lanes[0];
    expect(lane && [rectStart(lane, 0), rectEnd(lane, 0)]).toEqual([1_008, 1_024]);
  });

  it('answers what stands at a moment, in the row asked for', () => {
    const lane = decodeTile(
      encodeTile(HEAD, [
        {
          rects: [
            { x0: 0, x1: 160, cls: 1 },
            { x0: 16, x1: 48, cls: 7, flags: 8 },
            { x0: 320, x1: 480, cls: 1 },
          ],
        },
      ]),
      1,
    ).lanes[0];
    if (lane === undefined) throw new Error('no lane');
    expect(rectAt(lane, 1_020, 0, false)).toBe(0);
    expect(rectAt(lane, 1_020, 0, true)).toBe(1);
    expect(rectAt(lane, 1_170, 0, false)).toBe(-1);
    // Beside it, but near.
    expect(rectAt(lane, 1_165, 10, false)).toBe(0);
    expect(rectAt(lane, 1_315, 10, null)).toBe(2);
  });

  const broken: [string, (v: DataView) => void][] = [
    ['another magic', (v) => v.setUint8(3, 0x31)],
    ['a window that ends before it begins', (v) => v.setUint32(16, 1, true)],
    ['a time past 2^53', (v) => v.setUint32(20, 0x20_0000, true)],
    ['no width', (v) => v.setUint32(24, 0, true)],
    ['a width that 16 bits do not hold', (v) => v.setUint32(24, 4096, true)],
    ['another number of lanes', (v) => v.setUint32(28, 0xffff_ffff, true)],
    ['rectangles in the head', (v) => v.setUint32(32, 16, true)],
    ['rectangles past the end', (v) => v.setUint32(32, 65, true)],
    ['4 G rectangles', (v) => v.setUint32(36, 0xffff_ffff, true)],
    ['an empty rectangle', (v) => v.setUint16(66, 0, true)],
    ['a rectangle past the width', (v) => v.setUint16(66, 1601, true)],
    ['a class that is none', (v) => v.setUint8(68, 200)],
    ['a verdict that is none', (v) => v.setUint8(69, 5)],
  ];
  it.each(broken)('is refused with %s', (_, damage) => {
    const octets = good();
    damage(new DataView(octets));
    expect(() => decodeTile(octets, 2)).toThrow(BadTile);
  });

  it('is refused at every length but its own', () => {
    const octets = good();
    for (let n = 0; n < octets.byteLength; n++)
      expect(() => decodeTile(octets.slice(0, n), 2), `${n} bytes`).toThrow(BadTile);
  });

  it('is either refused or in bounds, whatever the octets are', () => {
    let refused = 0;
    let taken = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, overGood) => {
        const octets = overGood ? good() : new ArrayBuffer(noise.length);
        const bytes = new Uint8Array(octets);
        // Half of the time a good tile with a few bytes changed: noise alone rarely gets past the magic.
        if (overGood)
          for (let i = 0; i + 1 < Math.min(noise.length, 6); i += 2)
            bytes[(noise[i] ?? 0) % bytes.length] = noise[i + 1] ?? 0;
        else bytes.set(noise);
        try {
          const tile = decodeTile(octets, 2);
          taken++;
          for (const lane of tile.lanes) {
            for (let i = 0; i < lane.n; i++) {
              expect(lane.x1[i]).toBeGreaterThan(lane.x0[i] ?? 0);
              expect(lane.x1[i]).toBeLessThanOrEqual(tile.width * 16);
              expect(lane.cls[i]).toBeLessThan(18);
            }
          }
        } catch (e) {
          if (!(e instanceof BadTile)) throw e;
          refused++;
        }
      }),
      { numRuns: 20_000, seed: 6 },
    );
    console.log(`tiles of damaged octets: ${refused} refused, ${taken} taken, 0 out of bounds`);
    expect(taken).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(5_000);
  });
});
