import { deepStrictEqual, strictEqual } from 'node:assert';
import { test } from 'node:test';
import { afterEdit, shift } from '../../src/line-shift';
import { count, duration, parseRange, percent, shortFunc, textOf } from '../../src/units';

test('durations, counts and shares read as the server writes them', () => {
  const durations: [number, string][] = [
    [0, '0'],
    [999, '999 ns'],
    [14_700, '14.7 µs'],
    [1_250_000, '1.25 ms'],
    [444_000_000, '444 ms'],
    [999_600_000, '1.00 s'],
    [9_600_000_000, '9.60 s'],
    [120e9, '120 s'],
    [1200e9, '20.0 min'],
    [6000e9, '1.67 h'],
  ];
  for (const [ns, text] of durations) strictEqual(duration(ns), text);
  for (const [n, text] of [
    [974, '974'],
    [3120, '3,120'],
    [99_999, '99,999'],
    [128_000, '128k'],
    [1_200_000, '1.20M'],
  ] as const) {
    strictEqual(count(n), text);
  }
  strictEqual(percent(38, 100), '38.0 %');
  strictEqual(percent(1, 100_000), '< 0.01 %');
  strictEqual(percent(99_999, 100_000), '> 99.9 %');
  strictEqual(percent(1, 0), '–');
});

test('functions lose the folders of their package, and nothing of their type arguments', () => {
  strictEqual(shortFunc('main.(*pool).query'), '(*pool).query');
  strictEqual(shortFunc('example.com/shop/db.(*pool).query.func1'), 'db.(*pool).query.func1');
  strictEqual(shortFunc('example.com/x.Map[example.com/y/z.T]'), 'x.Map[example.com/y/z.T]');
});

test('ranges as people write them', () => {
  deepStrictEqual(parseRange('12.5ms-30ms'), { t0: 12_500_000, t1: 30_000_000 });
  deepStrictEqual(parseRange(' 1.2 – 1.4 s '), { t0: 1_200_000_000, t1: 1_400_000_000 });
  deepStrictEqual(parseRange('30ms-12ms'), { t0: 30_000_000, t1: 12_000_000 });
  for (const text of ['', '30ms', '1-2', 'x-y ms', '1..2..3ms']) strictEqual(parseRange(text), undefined, text);
});

const lines = [{ line: 3 }, { line: 5 }, { line: 9 }];
const after = (change: Parameters<typeof shift>[1], length = 10) => shift(lines, change, length).map((l) => l.line);

test('an edit moves the figures below it and takes away the one it touches', () => {
  deepStrictEqual(after({ startLine: 0, startCharacter: 0, endLine: 0, text: 'a\nb\n' }), [5, 7, 11]);
  deepStrictEqual(after({ startLine: 4, startCharacter: 0, endLine: 6, text: '' }), [3, 7]);
  deepStrictEqual(after({ startLine: 5, startCharacter: 4, endLine: 5, text: 'x' }), [3, 9]);
});

test('a new line in front of a figure moves it, one after it does not', () => {
  deepStrictEqual(after({ startLine: 5, startCharacter: 0, endLine: 5, text: '\n' }), [3, 6, 10]);
  deepStrictEqual(after({ startLine: 5, startCharacter: 10, endLine: 5, text: '\n\t' }), [3, 5, 10]);
  deepStrictEqual(after({ startLine: 5, startCharacter: 4, endLine: 5, text: '\n\t' }), [3, 10]);
});

test('a line in a list stays at what it was about, and one that was touched where it was', () => {
  const moved = (change: Parameters<typeof afterEdit>[1]) => [3, 5, 9].map((line) => afterEdit(line, change));
  deepStrictEqual(moved({ startLine: 0, startCharacter: 0, endLine: 0, text: 'a\nb\n' }), [5, 7, 11]);
  deepStrictEqual(moved({ startLine: 5, startCharacter: 0, endLine: 5, text: '\n' }), [3, 6, 10]);
  deepStrictEqual(moved({ startLine: 4, startCharacter: 0, endLine: 6, text: '' }), [3, 4, 7]);
  deepStrictEqual(moved({ startLine: 4, startCharacter: 0, endLine: 6, text: 'a\nb\nc' }), [3, 5, 9]);
});

test('that others wait for a line is said before the tail of its own waits', () => {
  const cost = {
    text: 'net 136 ms · 993× · p99 1.78 ms +4',
    hint: 'net 136 ms · 993×',
    others: 'others wait 239 ms',
  };
  strictEqual(textOf(cost, 60), 'net 136 ms · 993× · p99 1.78 ms +4 · others wait 239 ms');
  strictEqual(textOf(cost, 40), 'net 136 ms · 993× · others wait 239 ms');
  strictEqual(textOf(cost, 32), 'net 136 ms · others wait 239 ms');
  strictEqual(textOf({ ...cost, others: null }, 60), cost.text);
  strictEqual(textOf({ ...cost, others: null }, 20), 'net 136 ms · 993× ·…');
});
