// A host without a server: the made-up trace behind the requests of the contract.
import {
  type Host,
  type HostEvent,
  Listeners,
  RequestError,
  type SourcePlace,
  type TileKey,
} from '../../src/host/host.ts';
import { CLASS, type Class, NAMES, VERDICT, VERDICTS } from '../../src/model/classes.ts';
import { type Link, linkText } from '../../src/model/link.ts';
import { field, type Json, num, raw } from '../../src/model/read.ts';
import { encodeTile, type FakeLane, type FakeRect } from './encode.ts';
import { END, type FakeGoroutine, type FakeSpan, type FakeTrace, fakeTrace } from './trace.ts';

const FILE = (line: number) =>
  line === 70 || line === 83 || line === 80 || line === 41 ? 'db.go' : line === 107 ? 'server.go' : 'client.go';

export class FakeHost implements Host {
  readonly trace: FakeTrace = fakeTrace();
  readonly opened: SourcePlace[] = [];
  readonly asked: string[] = [];
  /** What was said rather than asked. */
  readonly sent: { method: string; params: { [key: string]: Json } }[] = [];
  private readonly listeners = new Listeners();
  /** How far the lanes are: below 1 there are only the collector's and the Ps'. */
  progress = 1;
  /** What is read while nothing is shown yet; null where nothing is. */
  loading: Json = null;
  readonly params: { method: string; params: Json }[] = [];
  private saved: Json = null;
  private range: { t0: number; t1: number } | null = null;
  private analysis = 1;

  on(event: HostEvent, f: (payload: unknown) => void): () => void {
    return this.listeners.on(event, f);
  }
  emit(event: HostEvent, payload: unknown): void {
    this.listeners.emit(event, payload);
  }
  openSource(at: SourcePlace): void {
    this.opened.push(at);
  }
  saveState(state: Json): void {
    this.saved = state;
  }
  readonly writes: boolean = true;
  readonly linkIs = 'link';
  hasEditor = true;
  link(at: Link): string {
    return linkText(at);
  }
  loadState(): unknown {
    return this.saved;
  }

  async tile(key: TileKey): Promise<ArrayBuffer> {
    return encodeTile(
      { ...key, analysis: this.analysis },
      key.lanes.map((l) => this.lane(l, key)),
    );
  }

  async request(method: string, params: Json): Promise<unknown> {
    this.asked.push(method);
    this.params.push({ method, params });
    if (method === 'waitline/select') {
      this.sent.push({ method, params: params as { [key: string]: Json } });
      return null;
    }
    const answer = this.answer(method, params);
    if (answer === undefined) throw new RequestError(`unknown method ${method}`, -32601);
    return answer;
  }

  private state() {
    const costly = this.sum(0, END, (s) => s.verdict === VERDICT.costly);
    return {
      analysis: this.analysis,
      trace: '/tmp/webmix.trace',
      summary: 'webmix.trace · 85.7 ms · Go 1.26 · 2 Ps',
      duration: END,
      events: 62474,
      costly,
      findings: 2,
      range: this.range,
      partial: null,
    };
  }

  private sum(
    t0: number,
    t1: number,
    keep: (s: FakeSpan) => boolean,
    of: readonly FakeGoroutine[] = this.trace.goroutines,
  ): number {
    let ns = 0;
    for (const g of of)
      for (const s of g.spans) if (keep(s)) ns += Math.max(0, Math.min(s.t1, t1) - Math.max(s.t0, t0));
    return ns;
  }

  private answer(method: string, p: unknown): unknown {
    const { trace } = this;
    const t0 = num(field(p, 't0'));
    const t1 = num(field(p, 't1'), END);
    switch (method) {
      case 'waitline/traces':
        return { traces: this.loading === null ? [this.state()] : [] };
      case 'waitline/cancelLoad':
        this.loading = null;
        this.emit('state', null);
        return null;
      case 'waitline/silence':
        this.analysis++;
        return { ...this.state(), findings: 1 };
      case 'waitline/taskTable':
        return { task: TASK, regions: REGIONS, messages: [], children: [PART] };
      case 'waitline/setRange':
        this.range = field(p, 't0') === undefined ? null : { t0, t1 };
        this.analysis++;
        this.emit('state', this.state());
        return this.state();
      case 'waitline/timelineInfo':
        return {
          ...this.state(),
          gomaxprocs: 2,
          threads: 5,
          ready: this.progress >= 1,
          progress: this.progress,
          until: this.progress < 1 ? END * this.progress : null,
          groups: trace.groups.map((g, i) => {
            const of = trace.goroutines.filter((x) => x.group === i);
            const costly = this.sum(
              this.range?.t0 ?? 0,
              this.range?.t1 ?? END,
              (s) => s.verdict === VERDICT.costly,
              of,
            );
            return {
              id: g.id,
              name: g.name,
              func: g.func,
              file: `/src/${g.file}`,
              recorded: g.line,
              uri: `file:///src/${g.file}`,
              line: g.line - 1,
              n: g.n,
              costly,
              waiting: 0,
              running: 0,
            };
          }),
          hasTasks: true,
          hasRegions: true,
          hasCpuSamples: false,
          lanes: this.progress <= 0 ? [] : ['all', 'gc', 'stw', 'p:0', 'p:1', 'tasks'],
        };
      case 'waitline/timelineRows': {
        const index = trace.groups.findIndex((g) => g.id === raw(field(p, 'group')));
        const of = trace.goroutines.filter(
          (g) => g.group === index && (g.spans[0]?.t0 ?? 0) < t1 && (g.spans.at(-1)?.t1 ?? 0) > t0,
        );
        return { of: of.length, rows: this.rows(of, index === 2, t0, t1) };
      }
      case 'waitline/timelineTasks':
        return {
          of: 2,
          rows: [TASK, PART].map((t) => ({ ...t, lane: `task:${t.id}`, complete: true })),
        };
      case 'waitline/timelineSummary':
        return this.summary(t0, t1);
      case 'waitline/timelineCounters':
        return this.counters(t0, t1, num(field(p, 'width'), 100));
      case 'waitline/timelineAt':
        return {
          t: num(field(p, 't')),
          running: 2,
          runnable: 5,
          waiting: 60,
          syscall: 1,
          gcWaiting: 0,
          heap: 9e6,
          heapGoal: 10.6e6,
          threads: 5,
        };
      case 'waitline/timelineSlice':
        return { slice: this.slice(raw(field(p, 'lane')), num(field(p, 't'))) };
      case 'waitline/timelineInstances':
        return this.instances(num(field(p, 'line')) + 1);
      case 'waitline/timelineFind':
        return this.find(raw(field(p, 'query')));
      case 'waitline/timelineFlows':
      case 'waitline/timelineChain':
        return { of: 0, flows: [], links: [] };
      case 'waitline/timelineNames': {
        const names: Record<string, string> = {};
        for (const l of (field(p, 'labels') as number[]) ?? [])
          names[String(l)] = l === 1 ? 'concurrent mark' : l === 2 ? 'STW' : l === 3 ? 'order' : 'serve';
        return { names };
      }
      case 'waitline/explain':
        return { code: field(p, 'code'), page: '# slots\n\nToo few of them.\n\n- `one`\n- two' };
      case 'waitline/findings':
        return { findings: FINDINGS, ...LOOKED };
      default:
        return undefined;
    }
  }

  private rows(of: readonly FakeGoroutine[], pack: boolean, t0: number, t1: number) {
    const row = (g: FakeGoroutine, packed: number[]) => ({
      lane: `g:${g.g}`,
      g: g.g,
      name: `G${g.g}`,
      start: g.spans[0]?.t0 ?? 0,
      end: g.spans.at(-1)?.t1 ?? 0,
      costly: this.sum(t0, t1, (s) => s.verdict === VERDICT.costly, [g]),
      packed,
    });
    const shared = (gs: readonly FakeGoroutine[]) => ({
      ...row(
        gs[0] as FakeGoroutine,
        gs.map((g) => g.g),
      ),
      lane: `g:${gs.map((g) => g.g).join(',')}`,
      g: null,
    });
    if (!pack) return of.map((g) => row(g, []));
    const lanes: FakeGoroutine[][] = [];
    for (const g of of.toSorted((a, b) => (a.spans[0]?.t0 ?? 0) - (b.spans[0]?.t0 ?? 0))) {
      const lane = lanes.find((l) => (l.at(-1)?.spans.at(-1)?.t1 ?? 0) < (g.spans[0]?.t0 ?? 0));
      if (lane === undefined) lanes.push([g]);
      else lane.push(g);
    }
    return lanes.map(shared);
  }

  private summary(t0: number, t1: number) {
    const by = (c: Class, costly: boolean) =>
      this.sum(t0, t1, (s) => s.cls === c && (!costly || s.verdict === VERDICT.costly));
    const costly = this.sum(t0, t1, (s) => s.verdict === VERDICT.costly);
    return {
      costly,
      runnable: by(CLASS.runnable, false),
      idle: this.sum(t0, t1, (s) => s.verdict === VERDICT.idle),
      byClass: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((c) => ({
        class: c,
        costly: by(c as Class, true),
        ns: by(c as Class, false),
      })),
      lines: [70, 25, 83, 107].map((line) => {
        const ns = this.sum(t0, t1, (s) => s.verdict === VERDICT.costly && s.line === line);
        return { place: placeOf(line), kind: 'select', costly: ns, share: ns / costly };
      }),
      longest: this.trace.goroutines
        .flatMap((g) =>
          g.spans
            .filter((s) => s.verdict === VERDICT.costly && s.line > 0)
            .map((s) => ({ lane: `g:${g.g}`, g: g.g, start: s.t0, ns: s.t1 - s.t0, place: placeOf(s.line) })),
        )
        .toSorted((a, b) => b.ns - a.ns)
        .slice(0, 16),
    };
  }

  private counters(t0: number, t1: number, width: number) {
    const n = Math.min(width, 800);
    const x = Array.from({ length: n }, (_, i) => t0 + ((t1 - t0) * i) / n);
    const wave = (base: number, swing: number, of: number) => x.map((t) => Math.round(base + swing * Math.sin(t / of)));
    return {
      x,
      running: wave(1, 1, 1e5),
      runnable: wave(4, 3, 3e5),
      waiting: wave(60, 5, 9e5),
      syscall: wave(1, 1, 7e4),
      gcWaiting: wave(0, 0, 1),
      heap: x.map((t) => 7.07 * 1048576 + (t < 17.44e6 ? 0.4e6 : -0.2e6) + t / 60),
      heapGoal: x.map((t) => (t < 17.44e6 ? 8.1 : 10.2) * 1048576),
      threadsRunning: wave(2, 1, 1e5),
      threadsSyscall: wave(1, 1, 7e4),
    };
  }

  private slice(lane: string, t: number) {
    const task = [TASK, PART].find((x) => `task:${x.id}` === lane);
    if (task !== undefined) return taskSlice(task);
    const among = lane.slice(2).split(',').map(Number);
    const g = this.trace.goroutines.find(
      (x) => among.includes(x.g) && (x.spans[0]?.t0 ?? 0) <= t && (x.spans.at(-1)?.t1 ?? 0) > t,
    );
    const index = g?.spans.findIndex((s) => s.t0 <= t && t < s.t1) ?? -1;
    const s = g?.spans[index];
    if (g === undefined || s === undefined) return null;
    const place = placeOf(s.line);
    const ref = (x: FakeSpan | undefined) =>
      x === undefined ? null : { lane, g: g.g, start: x.t0, end: x.t1, title: NAMES[x.cls] };
    const waits = s.line > 0;
    const flow = {
      kind: 'wake',
      t: s.t1,
      from: { lane: `g:${s.by}`, g: s.by, t: s.t1 },
      to: { lane, g: g.g, t: s.t1 },
      place: placeOf(72),
    };
    return {
      lane,
      g: g.g,
      group: this.trace.groups[g.group]?.id,
      title: waits ? 'waiting · select' : NAMES[s.cls],
      state: waits ? 'waiting' : (NAMES[s.cls] ?? ''),
      kind: NAMES[s.cls],
      class: s.cls,
      start: s.t0,
      end: s.t1,
      verdict: VERDICTS[s.verdict],
      reason: s.verdict === VERDICT.costly ? `costly, ends in work of G${s.by}` : null,
      startStack: waits
        ? [place, { ...place, func: 'main.(*server).order.func2' }, { ...place, func: 'runtime.selectgo', uri: null }]
        : [],
      endStack: [],
      waker: waits ? { g: s.by, place: placeOf(72), t: s.t1, what: 'send' } : null,
      meanwhile: waits
        ? [
            { what: 'network', class: CLASS.network, place: placeOf(83), ns: (s.t1 - s.t0) * 0.45 },
            { what: 'select', class: CLASS.channel, place: placeOf(70), ns: (s.t1 - s.t0) * 0.4 },
            { what: 'runnable', class: CLASS.runnable, ns: (s.t1 - s.t0) * 0.15 },
          ]
        : [],
      incoming: waits ? [flow] : [],
      outgoing: [],
      preceding: ref(g.spans[index - 1]),
      following: ref(g.spans[index + 1]),
      site: waits ? place : null,
      rank: 0,
      of: waits ? 974 : null,
      text: `G${g.g} ${NAMES[s.cls]}`,
    };
  }

  private instances(line: number) {
    const all = this.trace.goroutines.flatMap((g) =>
      g.spans.filter((s) => s.line === line).map((s) => ({ lane: `g:${g.g}`, g: g.g, start: s.t0, end: s.t1 })),
    );
    const longest = all.toSorted((a, b) => b.end - b.start - (a.end - a.start));
    return {
      of: all.length,
      ns: all.reduce((n, s) => n + s.end - s.start, 0),
      p99: 1.25e6,
      instances: longest.slice(0, 1000),
      ticks: all.map((s) => s.start),
    };
  }

  private find(query: string) {
    const found = this.trace.goroutines
      .filter((g) => `G${g.g} ${this.trace.groups[g.group]?.name}`.toLowerCase().includes(query.toLowerCase()))
      .map((g) => ({
        lane: `g:${g.g}`,
        g: g.g,
        start: g.spans[0]?.t0 ?? 0,
        end: g.spans.at(-1)?.t1 ?? 0,
        title: `G${g.g} ${this.trace.groups[g.group]?.name}`,
        where: 'goroutine',
      }));
    return { of: found.length, found: found.slice(0, 100) };
  }

  private lane(lane: string, key: TileKey): FakeLane {
    const perSub = (key.t1 - key.t0) / (key.width * 16);
    const rect = (t0: number, t1: number, rest: Omit<FakeRect, 'x0' | 'x1'>): FakeRect[] => {
      const x0 = Math.max(0, Math.floor((t0 - key.t0) / perSub));
      const x1 = Math.min(key.width * 16, Math.max(Math.ceil((t1 - key.t0) / perSub), x0 + 1));
      return t1 <= key.t0 || t0 >= key.t1 || x1 <= x0 ? [] : [{ x0, x1, ...rest }];
    };
    const { trace } = this;
    if (lane === 'gc') return { rects: trace.gc.flatMap((s) => rect(s.t0, s.t1, { cls: CLASS.mark, label: 1 })) };
    if (lane === 'stw') return { rects: trace.stw.flatMap((s) => rect(s.t0, s.t1, { cls: CLASS.stw, label: 2 })) };
    const task = [TASK, PART].find((x) => `task:${x.id}` === lane);
    if (task !== undefined) return { rects: rect(task.start, task.end, { cls: CLASS.task, label: 3 }) };
    if (lane.startsWith('p:')) {
      const p = trace.ps[Number(lane.slice(2))] ?? [];
      return {
        rects: p.flatMap((s) => [
          ...rect(s.t0, s.t1, { cls: s.cls, g: s.g, label: 4 }),
          ...(s.g % 3 === 0 ? rect(s.t0, s.t0 + (s.t1 - s.t0) / 4, { cls: CLASS.syscall, g: s.g, flags: 8 }) : []),
        ]),
      };
    }
    if (lane.includes(','))
      return {
        rects: lane
          .slice(2)
          .split(',')
          .flatMap((g) => this.lane(`g:${g}`, key).rects),
      };
    const g = trace.goroutines.find((x) => `g:${x.g}` === lane);
    if (g !== undefined)
      return { rects: joined(g, (s) => rect(s.t0, s.t1, { cls: s.cls, verdict: s.verdict, g: g.g })) };
    const group = trace.groups.findIndex((x) => `group:${x.id}` === lane);
    if (group >= 0)
      return this.density(
        trace.goroutines.filter((x) => x.group === group),
        key,
      );
    if (lane === 'all') return this.density(trace.goroutines, key);
    return { rects: [] };
  }

  private density(of: readonly FakeGoroutine[], key: TileKey): FakeLane {
    const sums = new Map<number, Float32Array>();
    const per = (key.t1 - key.t0) / key.width;
    for (const g of of) {
      for (const s of g.spans) {
        const a = (s.t0 - key.t0) / per;
        const b = (s.t1 - key.t0) / per;
        if (b <= 0 || a >= key.width) continue;
        const id = s.cls * 8 + s.verdict;
        const sum = sums.get(id) ?? new Float32Array(key.width);
        sums.set(id, sum);
        for (let x = Math.max(0, Math.floor(a)); x < Math.min(key.width, b); x++)
          sum[x] = (sum[x] ?? 0) + Math.min(b, x + 1) - Math.max(a, x);
      }
    }
    let peak = 1;
    for (let x = 0; x < key.width; x++) {
      let most = 0;
      for (const [id, sum] of sums) if (id % 8 !== VERDICT.idle) most += sum[x] ?? 0;
      peak = Math.max(peak, Math.ceil(most));
    }
    const rects: FakeRect[] = [];
    for (let x = 0; x < key.width; x++) {
      for (const [id, sum] of sums) {
        const fill = Math.min(255, Math.round(((sum[x] ?? 0) * 255) / peak));
        if (fill > 0) rects.push({ x0: x * 16, x1: x * 16 + 16, cls: id >> 3, verdict: id % 8, fill });
      }
    }
    return { peak, rects };
  }
}

/** Spans of a pixel and more as they are; of shorter ones the first in each pixel, as wide as all of them there. */
function joined(g: FakeGoroutine, rect: (s: FakeSpan) => FakeRect[]): FakeRect[] {
  const out: FakeRect[] = [];
  for (const r of g.spans.flatMap(rect)) {
    const last = out.at(-1);
    const small = r.x1 - r.x0 < 16;
    if (small && last !== undefined && last.flags === 1 && last.x0 >> 4 === r.x0 >> 4)
      last.x1 = Math.max(last.x1, r.x1);
    else out.push(small ? { ...r, flags: 1 } : r);
  }
  return out;
}

function placeOf(line: number) {
  const file = FILE(line);
  return {
    func: line === 70 ? 'main.(*pool).query' : 'main.(*client).step',
    file: `/src/${file}`,
    recorded: line,
    uri: `file:///src/${file}`,
    line: line - 1,
    col: 1,
    source: 'select {',
  };
}

const FINDINGS = [
  {
    ...placeOf(70),
    code: 'slots-exhausted',
    severity: 'warning',
    message: 'Waits 444 ms for a value from p.free, in 974 waits',
    detail: 'Receivers wait while no value is queued.',
    ns: 444e6,
    related: [],
    at: { t0: 16_332_000, t1: 18_266_000, g: 15 },
  },
  {
    ...placeOf(83),
    code: 'tail-outlier',
    severity: 'information',
    message: 'Longest wait 4.22 ms, 54 times the median',
    detail: 'One read took far longer than the rest.',
    ns: 136e6,
    related: [],
    at: { t0: 47e6, t1: 51e6, g: 20 },
  },
];

/** A task, what is a part of it, and the goroutines that it ran on. */
const TASK = { id: 133, name: 'order', parent: null as number | null, g: 5, start: 16_310_000, end: 18_590_000 };
const PART = { id: 140, name: 'payment', parent: 133 as number | null, g: 6, start: 16_900_000, end: 17_800_000 };
const REGIONS = [
  { name: 'db', g: 5, start: 16_400_000, end: 16_800_000 },
  { name: 'render', g: 5, start: 17_900_000, end: 18_500_000 },
  { name: 'db', g: 7, start: 17_000_000, end: 17_500_000 },
];

function taskSlice(task: typeof TASK) {
  const flow = {
    kind: 'task',
    t: PART.start,
    from: { lane: 'task:133', g: 5, t: PART.start },
    to: { lane: 'task:140', g: 6, t: PART.start },
    place: placeOf(70),
  };
  return {
    lane: `task:${task.id}`,
    g: task.g,
    title: `task ${task.name}`,
    state: 'task',
    kind: 'task',
    class: CLASS.task,
    start: task.start,
    end: task.end,
    startStack: [],
    endStack: [],
    meanwhile: [],
    incoming: task === PART ? [flow] : [],
    outgoing: task === TASK ? [flow] : [],
    text: `task ${task.name} ${task.id}`,
  };
}

const LOOKED = {
  checks: 14,
  lookedAt: [
    {
      ...placeOf(107),
      code: 'sched-latency',
      message: 'runnable 38.9 ms over 584 first runs',
      limit: 'p99 343 \u00b5s, limit 5 ms',
    },
    { code: 'stw-stall', message: 'longest stop 230 \u00b5s', limit: 'limit 1 ms' },
  ],
  silenced: 2,
};
