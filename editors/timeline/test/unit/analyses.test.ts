import { describe, expect, it } from 'vitest';
import * as analyses from '../../src/model/analyses.ts';
import { CLASS } from '../../src/model/classes.ts';
import { histogram } from '../../src/model/site.ts';

const place = (func: string, line: number) => ({
  func,
  file: '/x/a.go',
  recorded: line,
  uri: 'file:///x/a.go',
  line: line - 1,
});

describe('tables', () => {
  it('tell each nanosecond once, and never lose what ran in the help for the collector', () => {
    // A goroutine that helped for 471 ms, of which it ran 40: it still ran for 133.
    const s = analyses.split({
      exec: 133,
      assist: 471,
      sweep: 2,
      schedWait: 3372,
      sync: 1304,
      chan: 10343,
      sleep: 4678,
      gc: 4,
      other: 1,
      syscall: 410,
      syscallBlock: 79,
      unknown: 6,
      total: 20330,
    });
    expect(s.by.get(CLASS.running)).toBe(133);
    expect(analyses.total(s)).toBe(20330);
    expect(analyses.parts(s).map((p) => [p.cls, p.ns])).toEqual([
      [CLASS.running, 133],
      [CLASS.runnable, 3372],
      [CLASS.lock, 1304],
      [CLASS.channel, 10343],
      [CLASS.sleep, 4678],
      [CLASS.syscall, 489],
      [CLASS.gcWait, 4],
      [CLASS.unknown, 7],
    ]);
  });

  it('show sums or another figure of each column, and what overlaps beside', () => {
    const columns = {
      exec: { sum: 10, p99: 7 },
      assist: { sum: 4, p99: 3 },
      sweep: { sum: 2, p99: 1 },
      total: { sum: 30 },
    };
    const sum = analyses.split(columns);
    expect([sum.by.get(CLASS.running), sum.by.get(CLASS.assist)]).toEqual([10, undefined]);
    expect([...sum.beside]).toEqual([
      ['syscallBlock', 0],
      ['unknown', 0],
      ['assist', 4],
      ['sweep', 2],
      ['total', 30],
    ]);
    expect(analyses.split(columns, 'p99').by.get(CLASS.running)).toBe(7);
  });

  it('say of a task what is in no region, and where regions were at once', () => {
    const task = (ns: number, columns: object) =>
      analyses.oneTasks({ of: 1, tasks: [{ id: 349, g: 68, start: 1, duration: ns, columns }] }).rows[0];
    const words = (r: analyses.OneTask | undefined) => (r === undefined ? '' : analyses.barWords(r));
    expect(words(task(29_373_312, { exec: 704, syscall: 169_280 }))).toBe(
      'running 704 ns, syscall 169 µs, not in a region 29.2 ms',
    );
    expect(words(task(2e6, { chan: 5e6 }))).toBe(
      'channel, select 5.00 ms, 5.00 ms of regions in 2.00 ms: some were at once',
    );
    expect(words(task(2e6, { chan: 2e6 }))).toBe('channel, select 2.00 ms');
  });

  it('are read as the server writes them', () => {
    const f = analyses.functions({
      of: 1,
      goroutines: 8,
      functions: [
        {
          func: 'main.work',
          created: place('main.main', 7),
          n: 8,
          alive: 2,
          columns: {
            exec: { sum: 9 },
            chan: { sum: 8, p50: 4 },
            total: { sum: 20, min: 1, mean: 2.5, p50: 2, p99: 6, max: 7 },
          },
          busy: { exec: { sum: 9 }, chan: { sum: 3, p50: 1 }, total: { sum: 20 } },
          costly: { sum: 3, p50: 1 },
          idle: { sum: 5, p50: 2 },
        },
      ],
    });
    // What is idle is in no bar, and in a column of its own.
    const chan = (s: analyses.Split | undefined) => s?.by.get(CLASS.channel);
    const [row] = f.rows;
    expect([chan(row), row?.idle, row?.costly, row === undefined ? 0 : analyses.total(row)]).toEqual([3, 5, 3, 12]);
    expect([chan(row?.picked('sum', true)), chan(row?.picked('p50', false)), row?.picked('p50', true).idle]).toEqual([
      8, 1, 2,
    ]);
    expect(f.rows[0]).toMatchObject({ func: 'main.work', n: 8, alive: 2, life: { min: 1, p50: 2, max: 7 } });
    expect(
      analyses.goroutineRows({ of: 1, goroutines: [{ g: 4, start: 5, end: null, columns: { total: 9, exec: 2 } }] })
        .rows,
    ).toMatchObject([{ g: 4, start: 5, end: null, alive: 9 }]);
    expect(
      analyses.oneTasks({ of: 1, tasks: [{ id: 133, g: 15, start: 1, duration: 4, logs: 2, columns: {} }] }).rows,
    ).toMatchObject([{ id: 133, ns: 4, logs: 2 }]);
    expect(
      analyses.namedRows({
        groups: [
          {
            name: 'db',
            place: place('main.q', 3),
            complete: 5,
            cut: 1,
            durations: { sum: 8 },
            histogram: [{ from: 1, to: 2, n: 5 }],
          },
        ],
      }),
    ).toMatchObject([{ name: 'db', complete: 5, cut: 1, times: { sum: 8 } }]);
    const m = analyses.mmu({
      curve: [
        { window: 20, mmu: 0.5 },
        { window: 10, mmu: 0 },
        { window: 0, mmu: 1 },
      ],
      worst: [{ t: 1, window: 10, mmu: 0.2, series: null, lost: [{ what: 'mark termination', ns: 230_000 }] }],
    });
    expect(m.curve.map((p) => p.window)).toEqual([10, 20]);
    expect(m.worst[0]?.lost).toEqual([{ what: 'mark termination', ns: 230_000 }]);
  });

  it('that hold a part of the collections say of how many', () => {
    const collections = [{ start: 1, mark: 2, stopped: 3, goal: 4 }];
    expect(analyses.nOf(analyses.mmu({ of: 9_642, collections }))).toBe('the first 1 of 9,642');
    expect(analyses.nOf(analyses.mmu({ of: 1, collections }))).toBe('1');
    // A server that does not tell lists all.
    expect(analyses.nOf(analyses.mmu({ collections }))).toBe('1');
  });

  it('of anything else are empty', () => {
    for (const x of [null, 3, [], { functions: 'x', tree: [], curve: {} }]) {
      expect(analyses.functions(x).rows).toEqual([]);
      expect(analyses.profile(x).flame).toEqual([]);
      expect(analyses.mmu(x).curve).toEqual([]);
    }
  });
});

describe('a flame graph', () => {
  const frames = [place('main.a', 1), place('main.b', 2), place('main.c', 3)].map((p, i) => ({ ...p, own: i === 0 }));
  const tree = {
    n: 3,
    ns: 100,
    children: [
      {
        frame: 0,
        n: 2,
        ns: 70,
        children: [
          { frame: 1, n: 1, ns: 30, children: [] },
          { frame: 2, n: 1, ns: 40, children: [] },
        ],
      },
      { frame: 2, n: 1, ns: 30, children: [] },
    ],
  };

  it('is the tree, with children inside of their parents', () => {
    const p = analyses.profile({ n: 3, ns: 100, frames, tree });
    expect(p.flame.map((n) => [n.name, n.ns, n.own])).toHaveLength(4);
    const laid = analyses.flame(p.flame, p.ns, 0);
    expect(laid.depth).toBe(2);
    for (const box of laid.boxes) {
      const parent = p.flame[box.node]?.parent ?? -1;
      if (parent < 0) continue;
      const outer = laid.boxes.find((b) => b.node === parent);
      expect(box.depth).toBe((outer?.depth ?? -2) + 1);
      expect(box.x).toBeGreaterThanOrEqual((outer?.x ?? 1) - 1e-9);
      expect(box.x + box.w).toBeLessThanOrEqual((outer?.x ?? 0) + (outer?.w ?? 0) + 1e-9);
    }
    const tops = laid.boxes.filter((b) => b.depth === 0).toSorted((a, b) => a.x - b.x);
    expect(tops.map((b) => [p.flame[b.node]?.name, b.w])).toEqual([
      ['main.a', 0.7],
      ['main.c', 0.3],
    ]);
  });

  it('of a tree without end is cut', () => {
    const loop: { children: unknown[]; frame: number; ns: number } = { children: [], frame: 0, ns: 1 };
    loop.children.push(loop, loop);
    expect(analyses.profile({ frames, tree: loop, ns: 1, n: 1 }).flame).toHaveLength(20_000);
  });
});

describe('a histogram', () => {
  it('has all of the lengths, four bins to a power of ten', () => {
    const h = histogram([1_000, 1_500, 9_999, 10_000, 250_000, 0, -3]);
    expect(h).toMatchObject({ least: 1_000, most: 1_000_000 });
    expect(h?.bins).toHaveLength(12);
    expect(h?.bins.reduce((n, b) => n + b.n, 0)).toBe(5);
    for (const b of h?.bins ?? []) expect(b.to / b.from).toBeCloseTo(10 ** 0.25);
    expect(histogram([])).toBeNull();
  });
});
