import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as f from '../../src/model/format.ts';

describe('figures', () => {
  it.each([
    [12, '12 ns'],
    [999, '999 ns'],
    [1_220, '1.22 µs'],
    [11_900, '11.9 µs'],
    [418_000, '418 µs'],
    [999_600, '1.00 ms'],
    [1_930_000, '1.93 ms'],
    [13_500_000, '13.5 ms'],
    [444_000_000, '444 ms'],
    [1_400_000_000, '1.40 s'],
    [0, '0'],
    [270e9, '270 s'],
    [999_499_999_999, '999 s'],
    [999_500_000_000, '16.7 min'],
    [5_997e9, '1.67 h'],
  ])('%d ns is %s', (ns, words) => expect(f.duration(ns)).toBe(words));

  it.each([
    [16_332_000, '16.332 ms'],
    [18_265_900, '18.266 ms'],
    [1_203_400_000, '1.203400 s'],
    [42, '42 ns'],
  ])('the moment %d is %s', (t, words) => expect(f.moment(t)).toBe(words));

  it.each([
    [15_400_000, 19_400_000, '15.4 – 19.4 ms'],
    [61_200_000, 61_250_000, '61.200 – 61.250 ms'],
    [0, 85_700_000, '0.0 – 85.7 ms'],
    [1_000_000_100, 1_000_000_200, '1.00000010 – 1.00000020 s'],
  ])('%d to %d is %s', (a, b, words) => expect(f.span(a, b)).toBe(words));

  it.each([
    [3_616_379_000, 3_656_035_000, '3.616379 – 3.656035 s'],
    [15_400_000, 19_400_000, '15.400 – 19.400 ms'],
    [1_000_000_100, 1_000_000_200, '1.00000010 – 1.00000020 s'],
  ])('from %d to %d it went on %s', (a, b, words) => expect(f.course(a, b)).toBe(words));

  it('counts are grouped, then short', () => {
    expect([0, 974, 1_060, 99_999, 128_400, 1_280_000].map(f.count)).toEqual([
      '0',
      '974',
      '1,060',
      '99,999',
      '128k',
      '1.28 M',
    ]);
  });

  it('a cell has – for none and never 0.00', () => {
    expect([0, 1, 4_999, 5_000, 656e6].map((ns) => f.cell(ns))).toEqual(['–', '< 0.01', '< 0.01', '0.01', '656']);
    expect(f.cell(1_234, 1)).toBe('1,234');
    fc.assert(fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (x) => !/^0\.00|NaN|e\+/.test(f.cell(x))));
  });

  it('a column has the unit of the longest in it', () => {
    expect(f.unitFor([74_973_000, null, 800]).symbol).toBe('ms');
    expect(f.unitFor([]).symbol).toBe('ms');
    const rows = [
      { sum: 444e6, p50: 416e3 },
      { sum: 9e6, p50: 9e6 },
    ];
    expect(
      f.unitBy(
        rows,
        (r) => r.sum,
        (r) => r.p50,
      ).symbol,
    ).toBe('µs');
  });

  it('a longer time never reads as a shorter one', () => {
    const back = (s: string) => {
      const [n, unit] = s.split(' ');
      return (
        Number(n?.replace(/,/g, '')) *
        ({ '': 1, ns: 1, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9 }[unit ?? ''] ?? Number.NaN)
      );
    };
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 40 }),
        fc.nat({ max: 2 ** 20 }),
        (a, d) => back(f.duration(a)) <= back(f.duration(a + d)),
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('names', () => {
  it('lose their import path, also with type arguments', () => {
    expect(f.shortFunc('net/http.(*conn).serve')).toBe('http.(*conn).serve');
    expect(f.shortFunc('example.com/a/b.Map[go.shape.int,example.com/c/d.T].Get')).toBe(
      'b.Map[go.shape.int,example.com/c/d.T].Get',
    );
  });

  it('lose first the package, then the receiver, never the end', () => {
    const within = (n: number) => (s: string) => s.length <= n;
    expect(f.shorten('main.(*server).report.func1', within(40))).toBe('main.(*server).report.func1');
    expect(f.shorten('main.(*server).report.func1', within(23))).toBe('(*server).report.func1');
    expect(f.shorten('main.(*server).report.func1', within(14))).toBe('report.func1');
    expect(f.shorten('main.(*server).report.func1', within(6))).toBe('…func1');
  });

  it('of a closure keep what it is in, as much of it as fits', () => {
    const beside = (name: string, others: string[], room: number) =>
      f.shortenAmong(name, others, (s) => s.length <= room);
    expect(beside('consumer.func1', ['consumer.func1', 'producer.func1'], 10)).toBe('consumer.…');
    expect(beside('consumer.func1', ['consumer.func1', 'consumer.func2'], 10)).toBe('…mer.func1');
    expect(beside('consumer.func1', ['consumer.func2'], 14)).toBe('consumer.func1');
    expect(beside('(*server).report.func1', [], 14)).toBe('report.func1');
    expect(beside('consumer.func1', [], 4)).toBe('…nc1');
    expect(f.shorten('main.createColWorkersBuffered.func1', (s) => s.length <= 26)).toBe('…eColWorkersBuffered.func1');
  });

  it('show what would hide or turn text, and are cut', () => {
    expect(f.harmless('a\u202eb\u0000c\u001b[31m\u200b')).toBe('a\\u{202e}b\\u{0}c\\u{1b}[31m\\u{200b}');
    expect(f.harmless('\ud800x')).toBe('\ufffdx');
    expect(f.harmless('x'.repeat(600))).toHaveLength(513);
    // What is only letters stays, in any script.
    expect(f.harmless('Größe 日本語 🙂')).toBe('Größe 日本語 🙂');
  });
});
