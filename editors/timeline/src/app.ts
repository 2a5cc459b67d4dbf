// The state of the page in one object, and what can be done to it. Views draw it; pointers, keys and the host change it.
// What comes from the host is asked for here and in data.ts; nothing in here touches the document.
import { Data } from './data.ts';
import type { Host } from './host/host.ts';
import type { Class } from './model/classes.ts';
import { bytes, duration, grouped } from './model/format.ts';
import * as protocol from './model/protocol.ts';
import { isEmpty, parseQuery, type Query, queryParams } from './model/query.ts';
import { field, type Json, num, numOrNull, raw, rawOrNull, text } from './model/read.ts';
import { buildRows, type Layout, layout, type OpenGroup, rowOfLane } from './model/rows.ts';
import type { Ns, Px } from './model/units.ts';
import { around, between, clamp, pan, reveal, tOf, type View, zoom } from './model/viewport.ts';

export type Tab = 'timeline' | 'goroutines' | 'profiles' | 'tasks' | 'mmu' | 'findings';
export const TABS: readonly Tab[] = ['timeline', 'goroutines', 'profiles', 'tasks', 'mmu', 'findings'];

export type Phase = 'connecting' | 'none' | 'loading' | 'ready' | 'failed';

export interface Selection {
  readonly lane: string;
  readonly g: number;
  readonly start: Ns;
  readonly end: Ns;
  readonly lower: boolean;
  /** Null while it is asked for. */
  readonly slice: protocol.Slice | null;
}

export interface Finding {
  readonly typed: string;
  readonly query: Query;
  readonly of: number;
  readonly found: readonly protocol.Ref[];
  /** Which of them is chosen; -1 at first. */
  readonly at: number;
  readonly open: boolean;
  readonly searching: boolean;
}

/** A part of the program: goroutines of one function, a task, a region. */
export interface Only {
  readonly kind: 'func' | 'g' | 'task' | 'region';
  readonly id: string | number;
  readonly name: string;
}

export interface LineInstances extends protocol.Instances {
  /** What was asked for. */
  readonly key: string;
  readonly label: string;
  readonly at: number;
}

/**
 * What `dirty` may name: what the lanes show, what lies over them, the strip of the whole trace, and all that is made of
 * elements. `moved`: the same lanes seen elsewhere; `still`: they have come to rest.
 */
export type Dirty = 'lanes' | 'moved' | 'still' | 'overlay' | 'overview' | 'elements';

export interface Open {
  t0?: number | undefined;
  t1?: number | undefined;
  g?: number | undefined;
  uri?: string | undefined;
  line?: number | undefined;
  view?: string | undefined;
}

export class App {
  readonly host: Host;
  readonly data: Data;
  phase: Phase = 'connecting';
  message = '';
  toast = '';
  loading: protocol.Loading | null = null;
  state: protocol.State | null = null;
  info: protocol.Info | null = null;
  tab: Tab = 'timeline';
  view: View = { t0: 0, t1: 1 };
  /** Where an eased move leads. */
  private target: { from: View; to: View; began: number } | null = null;
  open = new Set<string>();
  groups = new Map<string, OpenGroup>();
  tasks: protocol.TaskRows | null = null;
  pinned: protocol.GoRow[] = [];
  rows: Layout = layout([]);
  scroll: Px = 0;
  size = { width: 800, height: 400, narrow: false };
  selection: Selection | null = null;
  find: Finding | null = null;
  cls: Class | null = null;
  showIdle = true;
  marks: protocol.Span[] = [];
  instances: LineInstances | null = null;
  /** What the analyses are narrowed to, beside the range: a creation site, a task or a region. */
  only: Only | null = null;
  help = false;
  table = false;
  allFlows = false;
  flows: readonly protocol.Flow[] = [];
  chain: readonly protocol.Flow[] = [];
  /** What the selection's goroutine wakes next. */
  next: protocol.Flow | null = null;
  exact: protocol.Exact | null = null;
  findings: protocol.Finding[] | null = null;
  summary: protocol.Summary | null = null;
  /** The most goroutines at once that were not idle. */
  mostBusy = 0;
  pointer: Ns | null = null;
  reduceMotion = false;
  private readonly dirt = new Set<Dirty>();
  private wake: () => void = () => {};
  private pendingOpen: Open | null;
  /** What this page calls itself, so that it does not follow what it has told. */
  private readonly name = crypto.randomUUID();
  private slices = 0;
  private finds = 0;
  private findTimer: ReturnType<typeof setTimeout> | undefined;
  private toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, open: Open) {
    this.host = host;
    this.pendingOpen = open;
    this.data = new Data(host, this);
    this.restore();
    host.on('state', (p) => this.onState(p));
    host.on('range', (p) => this.onRange(p));
    host.on('reveal', (p) => {
      const to = readOpen(p);
      // Where a moment or a goroutine is named, it is gone to; a cursor that moved only marks its line.
      if (to.t0 !== undefined || to.g !== undefined) this.goTo(to);
      else void this.revealLine(to.uri ?? null, to.line ?? null);
    });
    host.on('select', (p) => void this.follow(p));
    host.on('open', (p) => this.goTo(readOpen(p)));
    host.on('connection', (p) => this.say(text(field(p, 'message'))));
  }

  // ---- Drawing again ----

  whenDirty(f: () => void): void {
    this.wake = f;
  }

  dirty(...what: Dirty[]): void {
    for (const w of what) this.dirt.add(w);
    this.wake();
  }

  all(): void {
    this.dirty('lanes', 'overlay', 'overview', 'elements');
  }

  /** What to draw in this frame; it is taken. */
  takeDirty(): Set<Dirty> {
    const taken = new Set(this.dirt);
    this.dirt.clear();
    return taken;
  }

  // ---- The trace ----

  async begin(): Promise<void> {
    try {
      const answer = await this.host.request('waitline/traces', {});
      // Others may be loaded, and none of them shown.
      const traces = field(answer, 'traces');
      const shown = Array.isArray(traces) ? traces.find((trace) => field(trace, 'active') !== false) : undefined;
      this.onState(shown ?? null);
    } catch (e) {
      this.fail(e);
    }
  }

  private onState(payload: unknown): void {
    const loading = protocol.loading(field(payload, 'loading'));
    const before = this.state;
    const state = protocol.state(payload);
    this.loading = loading;
    if (state === null) {
      if (loading !== null && this.state === null) this.phase = 'loading';
      else if (loading === null) {
        this.state = null;
        this.info = null;
        this.phase = 'none';
      }
      this.message = text(field(payload, 'error'));
      this.all();
      return;
    }
    this.state = state;
    const same = before !== null && before.trace === state.trace && before.duration === state.duration;
    if (!same) this.another(state);
    if (before === null || before.analysis !== state.analysis || !same) void this.data.refresh(!same);
    this.all();
  }

  private onRange(payload: unknown): void {
    if (this.state === null) return;
    this.state = { ...this.state, range: protocol.span(payload) };
    this.all();
  }

  /** Nothing of the trace before is kept, but for a view that was saved for this one. */
  private another(state: protocol.State): void {
    this.phase = 'ready';
    this.info = null;
    this.view = clamp(this.savedView(state) ?? { t0: 0, t1: state.duration }, state.duration);
    this.target = null;
    this.selection = null;
    this.instances = null;
    this.find = null;
    this.marks = [];
    this.pinned = [];
    this.groups.clear();
    this.tasks = null;
    this.scroll = 0;
    this.only = null;
  }

  /** Called by data.ts when the lanes are known. */
  onInfo(info: protocol.Info, first: boolean): void {
    this.info = info;
    if (first && info.ready && this.open.size === 0) for (const g of busiest(info)) this.open.add(g.id);
    this.rebuild();
    if (first && info.ready && this.pendingOpen !== null) {
      this.goTo(this.pendingOpen);
      this.pendingOpen = null;
    }
    if (info.ready) void this.data.fetchOpen();
    this.all();
  }

  get end(): Ns {
    return Math.max(this.state?.duration ?? 1, 1);
  }

  get range(): protocol.Span | null {
    return this.state?.range ?? null;
  }

  fail(e: unknown): void {
    this.phase = 'failed';
    this.message = e instanceof Error ? e.message : String(e);
    this.all();
  }

  say(message: string): void {
    this.toast = message;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => {
      this.toast = '';
      this.dirty('elements');
    }, 6000);
    this.dirty('elements');
  }

  rebuild(): void {
    if (this.info === null) return;
    const c = this.data.counters;
    const most = (v: readonly number[] | undefined) => (v === undefined || v.length === 0 ? 0 : Math.max(...v));
    const heap = c === null ? [] : c.heap.filter((v) => v >= 0);
    const goal = most(c?.heapGoal);
    this.rows = layout(
      buildRows({
        info: this.info,
        narrow: this.size.narrow,
        open: this.open,
        groups: this.groups,
        tasks: this.tasks,
        pinned: this.pinned,
        filter: null,
        figures: {
          costly: (ns) => (ns > 0 ? duration(ns) : '–'),
          states: this.mostBusy > 0 ? `${grouped(Math.ceil(this.mostBusy))} at most` : '',
          heap: heap.length === 0 ? '' : `${bytes(heap[0] ?? 0).replace(/ .*/, '')} → ${bytes(goal)} goal`,
          threads: 'running, in syscall',
        },
      }),
    );
    this.scroll = Math.min(this.scroll, Math.max(0, this.rows.height - this.lanesHeight));
  }

  get lanesHeight(): Px {
    return this.size.height - 24;
  }

  // ---- Moving ----

  /** The view as it is drawn now; true while it still moves. */
  step(now: number): boolean {
    if (this.target === null) return false;
    const share = Math.min((now - this.target.began) / 140, 1);
    this.view = between(this.target.from, this.target.to, 1 - (1 - share) ** 3);
    if (share >= 1) this.target = null;
    this.moved();
    return this.target !== null;
  }

  show(to: View, eased = true): void {
    if (!eased || this.reduceMotion) {
      this.target = null;
      this.view = to;
    } else this.target = { from: this.view, to, began: performance.now() };
    this.moved();
  }

  private moved(): void {
    this.dirty('moved');
    this.data.viewChanged();
  }

  /** Where the view will be: moves add up though the eye is still under way. */
  private get aim(): View {
    return this.target?.to ?? this.view;
  }

  zoomBy(factor: number, x: Px | null, eased = true): void {
    const view = this.aim;
    const t = x === null ? (view.t0 + view.t1) / 2 : tOf(this.view, this.size.width, x);
    this.show(zoom(view, t, factor, this.end), eased);
  }

  panBy(ns: Ns, eased = true): void {
    this.show(pan(this.aim, ns, this.end), eased);
  }

  scrollBy(px: Px): void {
    const most = Math.max(0, this.rows.height - this.lanesHeight);
    const to = Math.min(Math.max(this.scroll + px, 0), most);
    if (to === this.scroll) return;
    this.scroll = to;
    this.dirty('moved', 'elements');
    this.data.viewChanged();
  }

  scrollToRow(index: number): void {
    if (index < 0) return;
    const top = this.rows.top[index] ?? 0;
    const height = this.rows.rows[index]?.height ?? 16;
    if (top < this.scroll + 24) this.scrollBy(top - 24 - this.scroll);
    else if (top + height > this.scroll + this.lanesHeight - 24)
      this.scrollBy(top + height - this.scroll - this.lanesHeight + 48);
  }

  /** Opens or closes what a header stands for. */
  toggle(id: string): void {
    if (id === 'pinned') {
      this.pinned = [];
    } else if (this.open.has(id)) this.open.delete(id);
    else this.open.add(id);
    this.rebuild();
    void this.data.fetchOpen();
    this.save();
    this.all();
  }

  setTab(tab: Tab): void {
    this.tab = tab;
    this.save();
    this.all();
  }

  // ---- Range ----

  async setRange(range: protocol.Span | null): Promise<void> {
    const params =
      range === null ? {} : { t0: Math.max(0, Math.round(range.t0)), t1: Math.min(Math.round(range.t1), this.end) };
    try {
      this.onState(await this.host.request('waitline/setRange', params));
    } catch (e) {
      this.say(e instanceof Error ? e.message : String(e));
    }
  }

  // ---- Selecting ----

  /** Selects what is there; the details follow. `moveTo`: bring it into view. */
  async select(
    lane: string,
    t: Ns,
    options: {
      moveTo?: boolean;
      source?: 'beside' | 'focus' | 'waker' | null;
      lower?: boolean;
      /** It was selected elsewhere: nobody is told again. */
      followed?: boolean;
    } = {},
  ): Promise<void> {
    const mine = ++this.slices;
    let slice: protocol.Slice | null;
    try {
      slice = await this.data.slice(lane, t, options.lower ?? false);
    } catch (e) {
      this.say(e instanceof Error ? e.message : String(e));
      return;
    }
    if (mine !== this.slices) return;
    if (slice === null) {
      if (options.moveTo === true) this.say('Nothing is known of that goroutine at that time.');
      else this.deselect();
      return;
    }
    this.selection = {
      lane: slice.lane,
      g: slice.g,
      start: slice.start,
      end: slice.end,
      lower: options.lower ?? false,
      slice,
    };
    this.exact = null;
    this.chain = [];
    this.next = null;
    if (options.moveTo === true) {
      await this.bringIn(slice);
      if (mine !== this.slices) return;
    }
    this.all();
    if (options.source !== undefined && options.source !== null) this.showSource(options.source);
    if (options.followed !== true) this.tell(this.selection);
    void this.data.afterSelect(slice);
  }

  /** Timelines elsewhere follow: the editor's, and other pages. */
  private tell(s: Selection | null): void {
    if (s === null) return;
    const start = Math.max(0, Math.floor(s.start));
    const params = { lane: s.lane, g: s.g, start, end: Math.max(start, Math.floor(s.end)), row: s.lower ? 1 : 0 };
    // A host that carries no selections is no reason to say anything.
    this.host.request('waitline/select', { ...params, from: this.name }).catch(() => {});
  }

  /** What was selected elsewhere is selected here; the view moves there, if the timeline is what is looked at. */
  private async follow(payload: unknown): Promise<void> {
    const lane = raw(field(payload, 'lane'));
    const start = num(field(payload, 'start'));
    const end = num(field(payload, 'end'));
    if (lane === '' || this.info?.ready !== true || field(payload, 'from') === this.name) return;
    const s = this.selection;
    if (s !== null && s.start === start && (s.lane === lane || (s.g > 0 && s.g === num(field(payload, 'g'))))) return;
    const lower = num(field(payload, 'row')) === 1;
    await this.select(lane, (start + end) / 2, { moveTo: this.tab === 'timeline', lower, followed: true });
  }

  deselect(): void {
    this.slices++;
    this.selection = null;
    this.chain = [];
    this.all();
  }

  /** The row of a slice opened (or pinned, where its group is too large), and the view moved so that it is seen. */
  private async bringIn(slice: protocol.Slice): Promise<void> {
    if (this.tab !== 'timeline') this.setTab('timeline');
    this.show(reveal(this.aim, slice.start, slice.end, this.end));
    await this.ensureRow(slice.lane, slice.g, slice.group);
    this.scrollToRow(rowOfLane(this.rows, slice.lane));
  }

  async ensureRow(lane: string, g: number, group: string | null): Promise<void> {
    if (rowOfLane(this.rows, lane) >= 0) return;
    const of = this.info?.groups.find((x) => x.id === group);
    if (of !== undefined && of.n <= 64 && group !== null) {
      this.open.add(group);
      await this.data.fetchOpen();
      this.rebuild();
    } else if (lane.startsWith('task:')) {
      this.open.add('tasks');
      await this.data.fetchOpen();
      this.rebuild();
    } else if (lane.startsWith('m:')) this.open.add('threads');
    this.rebuild();
    if (rowOfLane(this.rows, lane) < 0 && g > 0) this.pin([g]);
  }

  pin(gs: readonly number[]): void {
    const have = new Set(this.pinned.map((r) => r.g));
    const fresh = gs.filter((g) => g > 0 && !have.has(g));
    this.pinned = [...this.pinned, ...fresh.map((g) => pinnedRow(g))].slice(-24);
    this.rebuild();
    this.all();
  }

  /** The selected goroutine with those that it woke and those that woke it in view. */
  async pinSelected(): Promise<void> {
    const g = this.selection?.g ?? 0;
    if (g === 0) return;
    const flows = await this.data.flowsOf([`g:${g}`]);
    const others = flows.flatMap((f) => [f.from.g, f.to.g]).filter((x) => x !== g && x > 0);
    this.pin([g, ...new Set(others)].slice(0, 12));
    this.scrollToRow(rowOfLane(this.rows, `g:${g}`));
  }

  showSource(how: 'beside' | 'focus' | 'waker'): void {
    const s = this.selection?.slice;
    if (s === null || s === undefined) return;
    const at =
      how === 'waker'
        ? s.waker?.place
        : (s.site ?? s.startStack.find((p) => p.uri !== null) ?? s.endStack.find((p) => p.uri !== null));
    if (at === null || at === undefined) return;
    this.openPlace(at, how === 'focus');
  }

  openPlace(p: protocol.Place, focus: boolean): void {
    if (p.uri === null) return;
    this.host.openSource({ uri: p.uri, line: p.line ?? Math.max(p.recorded - 1, 0), col: p.col, focus });
  }

  async followWaker(): Promise<void> {
    const s = this.selection?.slice;
    if (s?.waker !== null && s?.waker !== undefined && s.waker.g > 0)
      await this.select(`g:${s.waker.g}`, Math.max(s.waker.t - 1, 0), { moveTo: true, source: 'beside' });
  }

  async followWakes(): Promise<void> {
    const f = this.selection?.slice?.outgoing[0] ?? this.next;
    if (f !== null && f !== undefined)
      await this.select(f.to.lane || `g:${f.to.g}`, f.to.t, { moveTo: true, source: 'beside' });
  }

  async neighbour(after: boolean): Promise<void> {
    const s = this.selection;
    if (s === null) {
      await this.selectFirst();
      return;
    }
    const ref = after ? s.slice?.following : s.slice?.preceding;
    if (ref !== null && ref !== undefined)
      await this.select(ref.lane, (ref.start + ref.end) / 2, { moveTo: true, source: 'beside' });
    else if (s.slice !== null)
      await this.select(s.lane, after ? s.end + 1 : Math.max(s.start - 1, 0), {
        moveTo: true,
        source: 'beside',
        lower: s.lower,
      });
  }

  /** Without a selection: the first slice in view of the first goroutine that is shown. */
  async selectFirst(lane?: string): Promise<void> {
    const row = lane ?? this.rows.rows.find((r) => r.kind === 'lane')?.lanes[0];
    if (row === undefined) return;
    const tile = this.data.tiles.get(row, this.view, this.size.width);
    const t = tile === null ? null : this.data.firstSpan(tile, this.view);
    if (t !== null) await this.select(row, t, { moveTo: true, source: 'beside' });
  }

  /** Next or previous instance of the selection's line, the longest first. */
  async longest(next: boolean): Promise<void> {
    const site = this.selection?.slice?.site;
    if (this.instances === null || this.instances.found.length === 0) {
      if (site !== null && site !== undefined) await this.data.instancesOf(site, this.selection?.slice?.kind ?? '');
    }
    const i = this.instances;
    if (i === null || i.found.length === 0) return;
    const n = i.found.length;
    const own = this.selection;
    const here = own === null ? -1 : i.found.findIndex((r) => r.g === own.g && r.start === own.start);
    const at = (here < 0 ? (next ? 0 : n - 1) : here + (next ? 1 : -1) + n) % n;
    const ref = i.found[at];
    this.instances = { ...i, at };
    if (ref !== undefined) await this.select(ref.lane, (ref.start + ref.end) / 2, { moveTo: true, source: 'beside' });
  }

  async revealLine(uri: string | null, line: number | null): Promise<void> {
    if (uri === null || line === null) return;
    await this.data.instancesAt(uri, line);
    if (this.instances !== null) this.all();
  }

  goTo(o: Open): void {
    if (this.info?.ready !== true) {
      this.pendingOpen = o;
      return;
    }
    if (o.view !== undefined && TABS.includes(o.view as Tab)) this.setTab(o.view as Tab);
    if (o.t0 !== undefined) this.show(around(o.t0, o.t1 ?? o.t0 + 1, this.end), false);
    if (o.uri !== undefined && o.line !== undefined) {
      void this.revealLine(o.uri, o.line).then(() =>
        o.t0 === undefined && o.g === undefined ? this.longest(true) : undefined,
      );
    }
    if (o.g !== undefined)
      void this.select(`g:${o.g}`, o.t0 !== undefined ? (o.t0 + (o.t1 ?? o.t0)) / 2 : 0, { moveTo: true });
  }

  // ---- Finding ----

  typed(value: string): void {
    const query = parseQuery(value);
    clearTimeout(this.findTimer);
    if (isEmpty(query)) {
      this.find =
        value === '' ? null : { typed: value, query, of: 0, found: [], at: -1, open: false, searching: false };
      this.all();
      return;
    }
    const before = this.find;
    this.find = {
      typed: value,
      query,
      of: before?.of ?? 0,
      found: before?.found ?? [],
      at: -1,
      open: true,
      searching: true,
    };
    this.dirty('elements');
    this.findTimer = setTimeout(() => void this.search(value, query), 120);
  }

  private async search(value: string, query: Query): Promise<void> {
    const mine = ++this.finds;
    let found: protocol.Found = { of: 0, found: [] };
    try {
      found = protocol.found(await this.host.request('waitline/timelineFind', queryParams(query, 500)));
    } catch (e) {
      this.say(e instanceof Error ? e.message : String(e));
    }
    if (mine !== this.finds || this.find?.typed !== value) return;
    this.find = { typed: value, query, ...found, at: -1, open: true, searching: false };
    this.data.keepFound(found.found);
    this.all();
  }

  async stepFound(by: number): Promise<void> {
    const f = this.find;
    if (f === null || f.found.length === 0) return;
    const at = f.at < 0 ? (by > 0 ? 0 : f.found.length - 1) : (f.at + by + f.found.length) % f.found.length;
    await this.chooseFound(at);
  }

  async chooseFound(at: number): Promise<void> {
    const f = this.find;
    const ref = f?.found[at];
    if (f === null || ref === undefined) return;
    this.find = { ...f, at };
    this.dirty('elements');
    await this.select(ref.lane, (ref.start + ref.end) / 2, { moveTo: true, source: 'beside' });
  }

  clearFind(): void {
    this.find = null;
    this.finds++;
    this.all();
  }

  setClass(cls: Class | null): void {
    this.cls = this.cls === cls ? null : cls;
    this.all();
  }

  // ---- Keeping ----

  save(): void {
    const state: Json = {
      trace: this.state?.trace ?? '',
      t0: this.view.t0,
      t1: this.view.t1,
      tab: this.tab,
      open: [...this.open].slice(0, 200),
      idle: this.showIdle,
    };
    this.host.saveState(state);
  }

  private saved: unknown = null;

  private restore(): void {
    this.saved = this.host.loadState();
    const tab = field(this.saved, 'tab');
    if (TABS.includes(tab as Tab)) this.tab = tab as Tab;
    const open = field(this.saved, 'open');
    if (Array.isArray(open)) for (const id of open) if (typeof id === 'string') this.open.add(id);
    this.showIdle = field(this.saved, 'idle') !== false;
  }

  private savedView(state: protocol.State): View | null {
    const t1 = num(field(this.saved, 't1'));
    const t0 = num(field(this.saved, 't0'));
    return field(this.saved, 'trace') === state.trace && t1 > t0 ? { t0, t1 } : null;
  }
}

/** What is open at first: the dearest groups, while their lanes fit a screen. */
function busiest(info: protocol.Info): protocol.Group[] {
  const out: protocol.Group[] = [];
  let lanes = 0;
  for (const g of info.groups) {
    if (g.costly <= 0 || g.n > 24) continue;
    if (lanes + g.n > 24) break;
    lanes += g.n;
    out.push(g);
  }
  return out;
}

function pinnedRow(g: number): protocol.GoRow {
  return {
    lane: `g:${g}`,
    g,
    name: `G${g}`,
    label: '',
    start: 0,
    end: 0,
    costly: 0,
    waiting: 0,
    running: 0,
    packed: [],
  };
}

export function readOpen(x: unknown): Open {
  const n = (name: string) => {
    const v = field(x, name);
    const value = typeof v === 'string' && v !== '' ? Number(v) : v;
    return numOrNull(value) ?? undefined;
  };
  return {
    t0: n('t0'),
    t1: n('t1'),
    g: n('g'),
    line: n('line'),
    uri: rawOrNull(field(x, 'uri')) ?? undefined,
    view: rawOrNull(field(x, 'view')) ?? undefined,
  };
}
