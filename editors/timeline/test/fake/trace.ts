// A made-up trace: the same on every run. Enough like a web server's to look at: goroutines in groups, two Ps,
// two collections with their stops, waits with wakers. Only for tests and for work on the looks.
import { CLASS, type Class, VERDICT } from '../../src/model/classes.ts';

export interface FakeSpan {
  t0: number;
  t1: number;
  cls: Class;
  verdict: number;
  line: number;
  /** Who woke it. */
  by: number;
}

export interface FakeGoroutine {
  g: number;
  group: number;
  spans: FakeSpan[];
}

export interface FakeGroup {
  id: string;
  name: string;
  func: string;
  file: string;
  line: number;
  n: number;
  idle: boolean;
}

export const END = 85_700_000;

const GROUPS: [string, string, string, number, number, boolean][] = [
  ['main.main.func3', 'main.main', 'main.go', 71, 8, false],
  ['net/http.(*conn).serve', 'net/http.(*Server).Serve', 'server.go', 3462, 8, false],
  ['main.(*server).report.func1', 'main.(*server).report', 'server.go', 102, 15, false],
  ['main.serveDB', 'main.startDB.func1', 'db.go', 25, 3, false],
  ['net/http.(*persistConn).readLoop', 'net/http.(*Transport).dialConn', 'transport.go', 1994, 8, true],
  ['net/http.(*connReader).backgroundRead', 'net/http.(*connReader).startBackgroundRead', 'server.go', 698, 25, true],
  ['net/http.(*persistConn).writeLoop', 'net/http.(*Transport).dialConn', 'transport.go', 1995, 8, true],
  ['main.(*mailer).run', 'main.newServer', 'server.go', 221, 2, false],
  ['runtime.bgsweep', '', '', 0, 2, true],
];

/** A small generator of numbers from 0 to 1: mulberry32. */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface FakeTrace {
  groups: FakeGroup[];
  goroutines: FakeGoroutine[];
  gc: { t0: number; t1: number }[];
  stw: { t0: number; t1: number }[];
  /** By P: who ran. */
  ps: { t0: number; t1: number; g: number; cls: Class }[][];
}

export function fakeTrace(seed = 6): FakeTrace {
  const rnd = random(seed);
  const groups = GROUPS.map(([name, func, file, line, n, idle], i) => ({
    id: `go:${i}`,
    name,
    func,
    file,
    line,
    n,
    idle,
  }));
  const goroutines: FakeGoroutine[] = [];
  let g = 5;
  groups.forEach((group, i) => {
    for (let k = 0; k < group.n; k++) {
      g += 1 + Math.floor(rnd() * 3);
      goroutines.push({ g, group: i, spans: spans(group, i, rnd) });
    }
  });
  for (const go of goroutines) for (const s of go.spans) s.by = goroutines[Math.floor(rnd() * 16)]?.g ?? 0; // Of those that live to the end.
  const ps: FakeTrace['ps'] = [[], []];
  for (const p of ps) {
    let t = 0;
    while (t < END) {
      const busy = 3_000 + rnd() * rnd() * 400_000;
      const who = goroutines[Math.floor(rnd() * 31)]?.g ?? 0;
      p.push({ t0: t, t1: Math.min(t + busy, END), g: who, cls: rnd() < 0.04 ? CLASS.mark : CLASS.running });
      t += busy + rnd() * rnd() * 300_000;
    }
  }
  return {
    groups,
    goroutines,
    gc: [
      { t0: 16_210_000, t1: 17_440_000 },
      { t0: 67_440_000, t1: 68_710_000 },
    ],
    stw: [
      { t0: 16_180_000, t1: 16_210_000 },
      { t0: 17_440_000, t1: 17_670_000 },
      { t0: 67_410_000, t1: 67_440_000 },
      { t0: 68_710_000, t1: 68_850_000 },
    ],
    ps,
  };
}

function spans(group: FakeGroup, index: number, rnd: () => number): FakeSpan[] {
  const out: FakeSpan[] = [];
  let t = index === 2 ? rnd() * END * 0.9 : rnd() * 1_500_000;
  const end = index === 2 ? Math.min(t + 700_000 + rnd() * 900_000, END) : END;
  const add = (cls: Class, length: number, verdict: number = VERDICT.none, line = 0) => {
    const t1 = Math.min(t + Math.max(length, 200), end);
    if (t1 > t) out.push({ t0: Math.round(t), t1: Math.round(t1), cls, verdict, line, by: 0 });
    t = t1;
  };
  while (t < end) {
    add(CLASS.running, 2_000 + rnd() * 40_000);
    if (group.idle) {
      add(CLASS.channel, 400_000 + rnd() * 4_000_000, VERDICT.idle, 1995);
      add(CLASS.runnable, 1_000 + rnd() * 60_000);
      continue;
    }
    const kind = rnd();
    if (index === 0) add(CLASS.channel, 300_000 + rnd() * 1_800_000, VERDICT.costly, 25);
    else if (kind < 0.3) add(CLASS.channel, 60_000 + rnd() * 700_000, VERDICT.costly, 70);
    else if (kind < 0.5) add(CLASS.network, 40_000 + rnd() * 500_000, VERDICT.costly, 83);
    else if (kind < 0.62)
      add(CLASS.lock, 80_000 + rnd() * 900_000, rnd() < 0.2 ? VERDICT.through : VERDICT.costly, 107);
    else if (kind < 0.72) add(CLASS.syscall, 4_000 + rnd() * 90_000);
    else if (kind < 0.76) add(CLASS.sleep, 100_000 + rnd() * 300_000, VERDICT.costly, 41);
    else if (kind < 0.8) add(CLASS.assist, 10_000 + rnd() * 120_000);
    else if (kind < 0.84) add(CLASS.gcWait, 10_000 + rnd() * 80_000, VERDICT.costly, 80);
    else add(CLASS.channel, 50_000 + rnd() * 400_000, VERDICT.idle, 34);
    add(CLASS.runnable, 1_000 + rnd() * rnd() * 300_000);
  }
  return out;
}
