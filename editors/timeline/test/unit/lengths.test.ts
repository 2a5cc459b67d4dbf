import { describe, expect, it } from 'vitest';
import { shareHeight } from '../../src/draw/lanes.ts';
import { CLASS, FLAG } from '../../src/model/classes.ts';
import { lengthWords } from '../../src/model/lengths.ts';
import type { LaneTile } from '../../src/model/tile.ts';

/** 1,000 pixels of 1 ms each, and one rectangle. */
const rect = (x0: number, x1: number, flags = 0, fill = 255, cls: number = CLASS.mark): LaneTile => ({
  t0: 0,
  t1: 1e9,
  width: 1000,
  coarse: false,
  peak: 0,
  n: 1,
  x0: Uint16Array.of(x0),
  x1: Uint16Array.of(x1),
  cls: Uint8Array.of(cls),
  verdict: Uint8Array.of(0),
  flags: Uint8Array.of(flags),
  fill: Uint8Array.of(fill),
  label: Uint32Array.of(0),
  g: Uint32Array.of(0),
});

const words = (...r: Parameters<typeof rect>) => lengthWords(rect(...r), 0);

describe('the length of a rectangle', () => {
  it('is told as a length only where its digits are right', () => {
    expect(words(0, 800)).toBe('50.0 ms');
    expect(words(0, 160)).toBe('≈ 10.0 ms');
    expect(words(0, 800, FLAG.before)).toBe('over 50.0 ms');
  });

  it('of a part of a pixel, and of several spans, says what it is within', () => {
    expect(words(0, 16, 0, 15)).toBe('up to 62.5 µs in 1.00 ms');
    expect(words(0, 16, FLAG.joined, 47)).toBe('several, up to 188 µs in 1.00 ms');
    expect(words(0, 16, FLAG.joined, 255)).toBe('several, in 1.00 ms');
    expect(words(0, 16, FLAG.joined, 3, CLASS.instant)).toBe('3 in 1.00 ms');
    expect(words(0, 1, 0, 1, CLASS.instant)).toBe('');
  });

  it('in pixels is as high as what is covered of them', () => {
    const height = (fill: number) => shareHeight(rect(0, 16, 0, fill), 0);
    expect([height(255), height(127), height(15)]).toEqual([12, 6, 1]);
  });
});
