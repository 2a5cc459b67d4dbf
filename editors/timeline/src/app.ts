// The state of the page in one object, and what can be done to it. Views draw it; pointers, keys and the host change it.
// What comes from the host is asked for here and in data.ts; nothing in here touches the document.
import { Data, instancesOfSlice } from './data.ts';
import { Finder } from './finder.ts';
import { Follow } from './follow.ts';
import type { Host } from './host/host.ts';
import { Links } from './links.ts';
import type { Class } from './model/classes.ts';
import { added, type Filter, type FilterKind, without } from './model/filter.ts';
import type { Checked, Finding } from './model/findings.ts';
import { bytes, duration, grouped } from './model/format.ts';
import { type Link, type Option, readLink, type Tab } from './model/link.ts';
import type { TaskParts } from './model/parts.ts';
import * as protocol from './model/protocol.ts';
import { field, num, raw, text } from './model/read.ts';
import { buildRows, busiest, type Layout, layout, type OpenGroup, rowOfLane } from './model/rows.ts';
import type { Summary } from './model/summary.ts';
import type { Ns, Px } from './model/units.ts';
import { between, clamp, pan, reveal, tOf, type View, zoom } from './model/viewport.ts';
import { Pins } from './pins.ts';
import { Source } from './source.ts';

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

export interface LineInstances extends protocol.Instances {
  /** What was asked for. */
  readonly key: string;
  readonly label: string;
  /** What all of them are, as requests have it; '' where they are whatever the line did. */
  readonly kind: string;
  readonly at: number;
}

/**
 * What `dirty` may name: what the lanes show, what lies over them, the strip of the whole trace, and all that is made of
 * elements. `moved`: the same lanes seen elsewhere; `still`: they have come to rest.
 */
export type Dirty = 'lanes' | 'moved' | 'still' | 'overlay' | 'overview' | 'elements';

/** What can be done with something, at a point of the window: the menu of a lane. */
export interface Menu {
  readonly x: Px;
  readonly y: Px;
  readonly title: string;
  readonly items: readonly { readonly name: string; readonly run: () => void }[];
}

export class App {
  readonly host: Host;
  readonly data: Data;
  readonly finder: Finder;
  readonly pins: Pins;
  readonly links: Links;
  readonly follow: Follow;
  readonly source: Source;
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
  /** What is below the tasks that are open. */
  parts = new Map<number, TaskParts>();
  rows: Layout = layout([]);
  scroll: Px = 0;
  size = { width: 800, height: 400, narrow: false };
  selection: Selection | null = null;
  /** A goroutine of a table, or that was pinned: outlined on the P lanes while nothing else is selected. */
  chosen = 0;
  cls: Class | null = null;
  showIdle = true;
  marks: protocol.Span[] = [];
  instances: LineInstances | null = null;
  /** What the figures are narrowed to, beside the range. */
  filters: readonly Filter[] = [];
  /** The spans that a filter keeps, by lane: all else is faded. Null where it fades nothing. */
  kept: ReadonlyMap<string, readonly protocol.Ref[]> | null = null;
  /** What the tabs keep: see model/link.ts. */
  options = new Map<Option, string>();
  menu: Menu | null = null;
  help = false;
  table = false;
  allFlows = false;
  flows: readonly protocol.Flow[] = [];
  chain: readonly protocol.Flow[] = [];
  /** What the selection's goroutine wakes next. */
  next: protocol.Flow | null = null;
  exact: protocol.Exact | null = null;
  findings: Finding[] | null = null;
  checked: Checked | null = null;
  summary: Summary | null = null;
  /** The most goroutines at once that were not idle. */
  mostBusy = 0;
  /** Counts the times that lines moved in their files. */
  texts = 0;
  pointer: Ns | null = null;
  reduceMotion = false;
  private readonly dirt = new Set<Dirty>();
  private wake: () => void = () => {};
  private slices = 0;
  private toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, open: Link) {
    this.host = host;
    this.data = new Data(host, this);
    this.finder = new Finder(this);
    this.pins = new Pins(this);
    this.links = new Links(this, open);
    this.follow = new Follow(this);
    this.source = new Source(this);
    this.tab = this.links.saved.view ?? 'timeline';
    this.open = new Set(this.links.savedOpen);
    this.showIdle = this.links.savedIdle;
    host.on('state', (p) => this.onState(p));
    host.on('range', (p) => this.onRange(p));
    host.on('reveal', (p) => {
      const to = readLink(p);
      // A cursor that moved only marks its line; anything more is gone to.
      const marks = Object.keys(to).every((key) => key === 'uri' || key === 'line');
      if (marks) void this.follow.line(to.uri ?? null, to.line ?? null);
      else void this.links.goTo(to);
    });
    host.on('select', (p) => void this.follow.elsewhere(p));
    host.on('edited', () => void this.edited());
    host.on('open', (p) => void this.links.goTo(readLink(p)));
    host.on('source', (p) => {
      // What is only selected is shown where the source is open already.
      if (field(p, 'asked') !== true && !this.source.open) return;
      void this.source.show(raw(field(p, 'uri')), num(field(p, 'line')), text(field(p, 'place'), 4096));
    });
    host.on('connection', (p) => this.say(text(field(p, 'message')), field(p, 'brief') === true));
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
      // An event may have told of a load meanwhile.
      if (shown !== undefined || this.loading === null) this.onState(shown ?? null);
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
        this.source.close();
      }
      this.message = text(field(payload, 'error'));
      this.all();
      return;
    }
    this.state = state;
    const same = before !== null && before.trace === state.trace && before.duration === state.duration;
    if (!same) this.another(state);
    if (before === null || before.analysis !== state.analysis || !same) {
      void this.data.refresh(!same);
      void this.source.refresh();
    }
    this.all();
  }

  private onRange(payload: unknown): void {
    if (this.state === null) return;
    this.state = { ...this.state, range: protocol.span(payload) };
    this.all();
  }

  /** Lines stand elsewhere in their files: all that names them is asked for again, and nothing moves. */
  private async edited(): Promise<void> {
    if (this.state === null) return;
    this.texts++;
    void this.data.refresh(false);
    void this.source.refresh();
    this.dirty('elements');
    const s = this.selection;
    if (s === null || s.slice === null) return;
    const slice = await this.data.slice(s.lane, s.start, s.lower).catch(() => null);
    if (slice === null || this.selection !== s) return;
    this.selection = { ...s, slice };
    this.all();
    void this.data.afterSelect(slice);
  }

  /** Nothing of the trace before is kept, but for a view that was saved for this one. */
  private another(state: protocol.State): void {
    this.phase = 'ready';
    this.info = null;
    this.view = clamp({ t0: 0, t1: state.duration }, state.duration);
    this.target = null;
    this.selection = null;
    this.chosen = 0;
    this.instances = null;
    this.source.close();
    this.finder.current = null;
    this.marks = [];
    this.pins.rows = [];
    this.groups.clear();
    this.tasks = null;
    this.parts.clear();
    this.scroll = 0;
    this.filters = [];
    this.kept = null;
    this.menu = null;
    this.options = new Map();
    this.links.restore(state);
  }

  /** Called by data.ts when the lanes are known. */
  onInfo(info: protocol.Info, first: boolean): void {
    this.info = info;
    if (first && info.ready && this.open.size === 0) for (const g of busiest(info)) this.open.add(g.id);
    this.rebuild();
    if (first && info.ready) this.links.follow();
    if (info.ready) {
      void this.data.fetchOpen();
      if (first && this.filters.length > 0) void this.data.fetchKept();
    }
    this.all();
  }

  /** Ends what is being read; what was shown before stays. */
  async cancelLoad(): Promise<void> {
    try {
      await this.host.request('waitline/cancelLoad', {});
      this.loading = null;
      if (this.state === null) this.phase = 'none';
      this.all();
    } catch (e) {
      this.say(e instanceof Error ? e.message : String(e));
    }
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

  say(message: string, brief = false): void {
    this.toast = message;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(
      () => {
        this.toast = '';
        this.dirty('elements');
      },
      brief ? 2500 : 6000,
    );
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
        parts: this.parts,
        pinned: this.pins.rows,
        filters: this.filters,
        selectedTask: this.selection?.slice?.task ?? null,
        figures: {
          costly: (lane, whole) => {
            const ns = this.range === null ? whole : this.data.costlyIn.get(lane);
            return ns === undefined ? '' : ns > 0 ? duration(ns) : '–';
          },
          states: this.mostBusy > 0 ? `${grouped(Math.ceil(this.mostBusy))} at most` : '',
          heap: heap.length === 0 ? '' : `${bytes(heap[0] ?? 0).replace(/ .*/, '')} → ${bytes(goal)} goal`,
          threads: 'running, in syscall',
        },
      }),
    );
    this.scroll = Math.min(this.scroll, Math.max(0, this.rows.height - this.lanesHeight));
  }

  /** The row of a lane stays where it is on the screen, though rows above it come or go. */
  private rebuildAround(lane: string): void {
    const top = () => this.rows.top[rowOfLane(this.rows, lane)];
    const before = top();
    this.rebuild();
    const after = top();
    if (before !== undefined && after !== undefined && before !== after) this.scrollBy(after - before);
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
    // Whole pixels: lines stay sharp.
    const to = Math.round(Math.min(Math.max(this.scroll + px, 0), most));
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
    if (id === 'pinned') this.pins.letGo();
    else if (this.open.has(id)) this.open.delete(id);
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

  /** One of the findings, in their view. */
  openFinding(key: string): void {
    this.options.set('finding', key);
    this.setTab('findings');
  }

  // ---- Range ----

  /** Findings of this code are not told of any more, below a package or anywhere. */
  async silence(code: string, pack: string | null): Promise<void> {
    try {
      const state = await this.host.request('waitline/silence', pack === null ? { code } : { code, package: pack });
      if (state === null) return;
      this.onState(state);
      this.say(`${code} is ignored ${pack === null ? 'in this workspace' : `in ${pack}`}, as .waitline.toml says.`);
    } catch (e) {
      this.say(e instanceof Error ? e.message : String(e));
    }
  }

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
      row?: boolean;
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
    this.rebuildAround(slice.lane);
    if (options.moveTo === true) {
      await this.bringIn(slice);
      if (mine !== this.slices) return;
    } else if (options.row === true) {
      await this.ensureRow(slice.lane, slice.g, slice.group);
      if (mine !== this.slices) return;
      this.scrollToRow(rowOfLane(this.rows, slice.lane));
    }
    this.all();
    this.save();
    if (options.source !== undefined && options.source !== null) this.showSource(options.source);
    if (options.followed !== true) this.follow.tell(this.selection);
    void this.data.afterSelect(slice);
  }

  deselect(): void {
    this.slices++;
    const lane = this.selection?.lane ?? '';
    const slice = this.selection?.slice ?? null;
    // Its line is none to go through any more; that of a cursor still is.
    if (slice !== null && instancesOfSlice(this, slice) !== null) this.instances = null;
    this.selection = null;
    this.chain = [];
    this.rebuildAround(lane);
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
    if (rowOfLane(this.rows, lane) < 0 && g > 0) this.pins.pin([g]);
  }

  showSource(how: 'beside' | 'focus' | 'waker'): void {
    const s = this.selection?.slice;
    if (s === null || s === undefined) return;
    const at =
      how === 'waker'
        ? s.waker?.place
        : (s.site ?? s.startStack.find((p) => p.uri !== null) ?? s.endStack.find((p) => p.uri !== null));
    if (at === null || at === undefined) return;
    this.openAt(at, how === 'focus', how === 'focus');
  }

  /** `asked`: by a person, for this line. */
  openPlace(p: protocol.Place, focus: boolean, asked = focus): void {
    this.openAt(p, focus, asked);
    if (p.uri !== null) void this.follow.current(p.uri, p.line ?? Math.max(p.recorded - 1, 0));
  }

  private openAt(p: protocol.Place, focus: boolean, asked: boolean): void {
    if (p.uri === null) return;
    const at = { uri: p.uri, line: p.line ?? Math.max(p.recorded - 1, 0), col: p.col, focus };
    this.host.openSource(at, asked);
  }

  // ---- Filters ----

  /** Counts this part alone from now on, in every view. */
  narrow(f: Filter): void {
    if (String(f.id).length > LONGEST_ID) {
      this.say('This name is too long for a filter.');
      return;
    }
    this.filters = added(this.filters, f);
    this.narrowed();
  }

  /** Counts all of that kind again. */
  widen(kind: FilterKind): void {
    this.filters = without(this.filters, kind);
    this.narrowed();
  }

  narrowed(): void {
    // What a filter leaves is seen: a task with its parts, a goroutine in a row of its own.
    for (const f of this.filters) {
      if (f.kind === 'g') this.pins.pin([Number(f.id)]);
      if (f.kind !== 'task') continue;
      this.open.add('tasks').add(`task:${f.id}`);
      void this.data.fetchOpen();
    }
    this.rebuild();
    void this.data.fetchKept();
    void this.data.fetchScope();
    this.save();
    this.all();
  }

  setOption(key: Option, value: string | null): void {
    if (value === null) this.options.delete(key);
    else this.options.set(key, value);
    this.save();
    this.dirty('elements');
  }

  setClass(cls: Class | null): void {
    this.cls = this.cls === cls ? null : cls;
    this.all();
  }

  // ---- Keeping ----

  save(): void {
    this.links.save();
  }
}

/** Longer names are not in links either. */
const LONGEST_ID = 1024;
