// What the page has asked of the host, and when it asks again. Answers of an older analysis, and of a view that was left
// meanwhile, are dropped; a request that fails leaves what was there.
import type { App } from './app.ts';
import type { Host } from './host/host.ts';
import { CLASS, VERDICT } from './model/classes.ts';
import { bounds, type Filter, filterParams } from './model/filter.ts';
import { checked, findings } from './model/findings.ts';
import { regionSpans, spanOf, type TaskParts, taskParts, taskSpans } from './model/parts.ts';
import * as protocol from './model/protocol.ts';
import { field, text } from './model/read.ts';
import { visible } from './model/rows.ts';
import { costlyWaiting, summary } from './model/summary.ts';
import { type LaneTile, rectEnd, rectStart } from './model/tile.ts';
import { Tiles, windowFor } from './model/tiles.ts';
import type { Ns } from './model/units.ts';
import type { View } from './model/viewport.ts';

/** Of which line, and of which kind of span there. */
function instancesKey(uri: string, line: number, kind: string): string {
  return `${uri} ${line} ${kind}`;
}

/** The instances that are those of a slice's line and kind: others may have been asked for last. */
export function instancesOfSlice(app: App, s: protocol.Slice): App['instances'] {
  const { site } = s;
  if (site === null || site.uri === null) return null;
  const key = instancesKey(site.uri, site.line ?? site.recorded - 1, s.kind);
  return app.instances?.key === key ? app.instances : null;
}

/** Those of a line, of whatever kind. */
export function instancesOfLine(app: App, uri: string, line: number): App['instances'] {
  return app.instances?.key === instancesKey(uri, line, '') ? app.instances : null;
}

/** Rows of a group, and tasks, that are shown at once. */
const ROWS = 64;

export class Data {
  readonly tiles: Tiles;
  counters: protocol.Counters | null = null;
  /** What the lanes in view cost in the range; filled as they come into view. */
  readonly costlyIn = new Map<string, Ns>();
  private readonly host: Host;
  private readonly app: App;
  private readonly names = new Map<number, string>();
  private readonly unnamed = new Set<number>();
  private naming = false;
  private era = 0;
  private summaries = 0;
  private settle: ReturnType<typeof setTimeout> | undefined;
  private readonly sliceCache = new Map<string, protocol.Slice | null>();

  constructor(host: Host, app: App) {
    this.host = host;
    this.app = app;
    this.tiles = new Tiles(
      host,
      (ofWhole) => {
        this.app.dirty('lanes', 'overlay');
        // The strip is of the whole trace's tiles; the table of spans is made of those in view.
        if (ofWhole) this.app.dirty('overview');
        if (this.app.table) this.app.dirty('elements');
      },
      (why) => this.app.say(why),
    );
  }

  /** `another`: it is another trace. Else only what a range or verdicts change. */
  async refresh(another: boolean): Promise<void> {
    const era = ++this.era;
    const { state } = this.app;
    if (state === null) return;
    if (another) {
      this.names.clear();
      this.counters = null;
      this.app.findings = null;
      this.app.checked = null;
      this.app.summary = null;
    }
    this.sliceCache.clear();
    this.costlyIn.clear();
    this.tiles.analysis = state.analysis;
    if (another) this.tiles.reset(state.analysis, state.duration);
    await this.fetchInfo(era);
    if (era !== this.era) return;
    void this.fetchFindings(era);
    void this.fetchSummary(era);
    void this.fetchCostly();
  }

  /** The index may still be made: then there are the lanes that are there already, and it is asked for again. */
  private async fetchInfo(era: number): Promise<void> {
    for (let before = -1; ; ) {
      try {
        const info = protocol.info(await this.host.request('waitline/timelineInfo', {}));
        if (era !== this.era || info === null) return;
        // There is more than at the last time: tiles show it, too. What was asked for meanwhile still counts: an answer
        // takes longer than it takes to grow.
        const more = before >= 0 && info.progress !== before;
        const grew = info.progress !== before;
        before = info.lanes.length > 0 ? info.progress : -1;
        this.tiles.growing = !info.ready;
        if (more) this.tiles.grew();
        this.app.onInfo(info, this.app.info?.ready !== true);
        if (info.ready) return;
        if (grew && info.lanes.length > 0) void this.fetchCounters();
      } catch (e) {
        if (era === this.era) this.app.fail(e);
        return;
      }
      await new Promise((done) => setTimeout(done, 250));
    }
  }

  private async fetchFindings(era: number): Promise<void> {
    try {
      const answer = await this.host.request('waitline/findings', {});
      if (era !== this.era) return;
      this.app.findings = findings(answer);
      this.app.checked = checked(answer);
      this.app.dirty('elements', 'overview');
    } catch (e) {
      if (era === this.era) this.app.say(message(e));
    }
  }

  /** What the scope bar says, after a filter came or went. */
  async fetchScope(): Promise<void> {
    await this.fetchSummary(this.era);
  }

  private async fetchSummary(era: number): Promise<void> {
    const { app } = this;
    const mine = ++this.summaries;
    const current = () => era === this.era && mine === this.summaries;
    const span = app.range ?? { t0: 0, t1: app.end };
    const filter = filterParams(app.filters);
    try {
      const asked = filter === null ? span : { ...span, filter };
      const made = summary(await this.host.request('waitline/timelineSummary', { ...asked }));
      if (!current()) return;
      app.summary = made;
      app.dirty('elements');
    } catch (e) {
      if (current()) app.say(message(e));
    }
  }

  /** What the groups and goroutines in view cost in the range. Of rows that goroutines share nothing is said. */
  private async fetchCostly(): Promise<void> {
    const { app, era } = this;
    const { range } = app;
    if (range === null) return;
    const [first, last] = visible(app.rows, app.scroll, app.lanesHeight);
    const asked = app.rows.rows.slice(first, last).flatMap((row) => {
      const lane =
        row.kind === 'header' && row.group !== null
          ? `group:${row.group}`
          : row.kind === 'lane'
            ? row.lanes[0]
            : undefined;
      const of = /^(group|g):([a-z]+:\d+|\d+)$/.exec(lane ?? '');
      return of === null || lane === undefined || this.costlyIn.has(lane) ? [] : [{ lane, kind: of[1], id: of[2] }];
    });
    for (const { lane, kind, id } of asked.slice(0, 48)) {
      const filter = kind === 'g' ? { g: Number(id) } : { group: id ?? '' };
      const answer = await this.host.request('waitline/timelineSummary', { ...range, filter }).catch(() => null);
      if (era !== this.era) return;
      this.costlyIn.set(lane, answer === null ? 0 : costlyWaiting(summary(answer)));
    }
    if (asked.length === 0) return;
    app.rebuild();
    app.dirty('elements');
  }

  /** The spans that a task, a region or a goroutine as a filter keeps: the lanes fade all else. */
  async fetchKept(): Promise<void> {
    const { app } = this;
    const era = this.era;
    const { filters } = app;
    let kept: protocol.Ref[] | null = null;
    try {
      for (const f of filters) {
        const spans = await this.spansOf(f);
        if (spans !== null) kept = kept === null ? spans : both(kept, spans);
      }
    } catch (e) {
      if (era === this.era) app.say(message(e));
    }
    if (era !== this.era || filters !== app.filters) return;
    app.kept = kept === null ? null : protocol.byLane(kept);
    app.dirty('lanes');
  }

  /** Null: it says nothing of single spans, or there are too many to be told apart. */
  private async spansOf(f: Filter): Promise<protocol.Ref[] | null> {
    const { view, end } = this.app;
    switch (f.kind) {
      case 'g':
        return [spanOf(`g:${f.id}`, 0, end)];
      case 'task': {
        const answer = await this.host.request('waitline/taskTable', { id: f.id, limit: 1000 });
        return taskSpans(answer, Number(f.id), end);
      }
      case 'region': {
        const filter = { region: f.id, t0: Math.floor(view.t0), t1: Math.ceil(view.t1) };
        const asked = { filter, name: f.id, limit: 1000, ...bounds(f) };
        const answer = await this.host.request('waitline/regionTable', asked);
        return regionSpans(answer, end);
      }
      default:
        return null;
    }
  }

  /** After each move of the view: tiles at once, the rest when it rests. */
  viewChanged(): void {
    clearTimeout(this.settle);
    this.settle = setTimeout(() => void this.settled(), 90);
  }

  wantTiles(): void {
    const { app } = this;
    if (app.info === null) return;
    const [first, last] = visible(app.rows, app.scroll, app.lanesHeight);
    const strip = [...this.everyone(), ...['gc', 'stw'].filter((l) => app.info?.lanes.includes(l))];
    const lanes = new Set<string>(
      app.rows.rows[first]?.kind === 'chart' ? strip : ['gc', 'stw'].filter((l) => app.info?.lanes.includes(l)),
    );
    for (let i = first; i < last; i++) for (const l of app.rows.rows[i]?.lanes ?? []) lanes.add(l);
    this.tiles.want(app.view, app.size.width, [...lanes], strip);
  }

  /** The lane of all goroutines, where there are any. */
  everyone(): readonly string[] {
    return this.app.info?.lanes.includes('all') === true ? ['all'] : [];
  }

  private async settled(): Promise<void> {
    this.app.save();
    const { app } = this;
    await Promise.all([
      this.fetchCounters(),
      this.fetchOpen(),
      app.allFlows ? this.fetchFlows() : undefined,
      this.fetchCostly(),
      app.filters.some((f) => f.kind === 'region') ? this.fetchKept() : undefined,
    ]);
  }

  private async fetchCounters(): Promise<void> {
    const { app } = this;
    const era = this.era;
    const window = windowFor(app.view, app.size.width, app.end);
    const growing = this.tiles.growing ? { growing: true } : {};
    try {
      const answer = await this.host.request('waitline/timelineCounters', { ...window, ...growing });
      const counters = protocol.counters(answer);
      if (era !== this.era) return;
      const until = this.tiles.growing ? (app.info?.until ?? null) : null;
      if (until !== null) protocol.cutCounters(counters, until);
      this.counters = counters;
      app.rebuild();
      app.dirty('lanes', 'elements');
    } catch {
      // Charts stay as they were.
    }
  }

  /** Rows of what is open, for what is in view. */
  async fetchOpen(): Promise<void> {
    const { app } = this;
    if (app.info === null) return;
    const era = this.era;
    const at = { t0: Math.floor(app.view.t0), t1: Math.ceil(app.view.t1) };
    const open = app.info.groups.filter((g) => app.open.has(g.id));
    const one = async (g: protocol.Group) => {
      const answer = await this.host.request('waitline/timelineRows', {
        group: g.id,
        ...at,
        offset: 0,
        limit: ROWS,
        sort: 'start',
      });
      return [g.id, protocol.rows(answer)] as const;
    };
    try {
      const rows = await Promise.all(open.map(one));
      const tasks =
        app.info.hasTasks && app.open.has('tasks')
          ? protocol.taskRows(await this.host.request('waitline/timelineTasks', { ...at, offset: 0, limit: ROWS }))
          : null;
      const parts = tasks === null ? [] : await Promise.all(this.openTasks().map((id) => this.fetchParts(id)));
      if (era !== this.era) return;
      app.groups = new Map(rows);
      app.tasks = tasks;
      for (const [id, of] of parts) app.parts.set(id, of);
      app.rebuild();
      app.all();
    } catch (e) {
      if (era === this.era) app.say(message(e));
    }
  }

  /** Tasks of which the parts are shown. */
  private openTasks(): number[] {
    return [...this.app.open].flatMap((id) => (id.startsWith('task:') ? [Number(id.slice(5))] : [])).slice(0, 16);
  }

  async fetchParts(id: number): Promise<readonly [number, TaskParts]> {
    const known = this.app.parts.get(id);
    if (known !== undefined) return [id, known];
    return [id, taskParts(await this.host.request('waitline/taskTable', { id, limit: 200 }))];
  }

  async slice(lane: string, t: Ns, lower: boolean): Promise<protocol.Slice | null> {
    const at = Math.max(0, Math.floor(t));
    const key = `${lane} ${at} ${lower}`;
    const known = this.sliceCache.get(key);
    if (known !== undefined) return known;
    const params =
      lane.startsWith('p:') || lane.startsWith('task:') ? { lane, t: at, row: lower ? 1 : 0 } : { lane, t: at };
    const slice = protocol.slice(field(await this.host.request('waitline/timelineSlice', params), 'slice'));
    if (this.sliceCache.size > 2000) this.sliceCache.clear();
    this.sliceCache.set(key, slice);
    return slice;
  }

  /** What a selection brings with it: the line's instances, and the chain of wakes that led here. */
  async afterSelect(slice: protocol.Slice): Promise<void> {
    const { app } = this;
    const jobs: Promise<void>[] = [];
    if (slice.site !== null && slice.site.uri !== null)
      jobs.push(this.instancesOf(slice.site, slice.kind, () => app.selection?.slice === slice));
    if (slice.g > 0) jobs.push(this.fetchChain(slice));
    if (slice.task !== null && slice.lane.startsWith('task:')) jobs.push(this.fetchMessages(slice.task.id));
    await Promise.all(jobs);
    app.all();
  }

  /** What the selected task is made of and what it wrote: an extra beside where it is. */
  private async fetchMessages(id: number): Promise<void> {
    const parts = await this.fetchParts(id).catch(() => null);
    if (parts !== null) this.app.parts.set(...parts);
  }

  private async fetchChain(slice: protocol.Slice): Promise<void> {
    try {
      const ask = async (direction: string, limit: number) => {
        const params = { g: slice.g, t: slice.start, direction, limit };
        const links = field(await this.host.request('waitline/timelineChain', params), 'links');
        return Array.isArray(links) ? links.flatMap((l) => protocol.flow(field(l, 'flow')) ?? []) : [];
      };
      const [back, forward] = await Promise.all([ask('back', 16), ask('forward', 1)]);
      if (this.app.selection?.slice !== slice) return;
      this.app.chain = back;
      this.app.next = forward[0] ?? null;
      this.app.dirty('overlay', 'elements');
    } catch {
      // Without its chain a selection is still one.
    }
  }

  /** Of one kind only, where one is named: a line may wait for a lock and then run. */
  async instancesOf(site: protocol.Place, kind: string, wanted?: () => boolean): Promise<void> {
    const line = site.line ?? site.recorded - 1;
    if (site.uri !== null) await this.instancesAt(site.uri, line, protocol.placeLabel(site), kind, wanted);
  }

  async instancesAt(
    uri: string,
    line: number,
    label = `${text(uri).split('/').pop()}:${line + 1}`,
    kind = '',
    /** Whether the answer still is, once it is there. */
    wanted: () => boolean = () => true,
  ): Promise<void> {
    const key = instancesKey(uri, line, kind);
    if (this.app.instances?.key === key) return;
    try {
      const params = kind === '' ? { uri, line } : { uri, line, kind };
      const answer = protocol.instances(await this.host.request('waitline/timelineInstances', params));
      if (!wanted()) return;
      const none = answer.of === 0 && answer.found.length === 0;
      this.app.instances = none ? null : { ...answer, key, label, kind, at: -1 };
      this.app.dirty('overview', 'elements');
    } catch {
      if (wanted()) this.app.instances = null;
    }
  }

  /** Exact figures at a moment, for a click on a chart. */
  async exactAt(t: Ns): Promise<void> {
    try {
      this.app.exact = protocol.exact(await this.host.request('waitline/timelineAt', { t: Math.round(t) }));
      this.app.selection = null;
      this.app.all();
    } catch (e) {
      this.app.say(message(e));
    }
  }

  /** Of what is in view, or of another window. */
  async flowsOf(lanes: readonly string[], window: View = this.app.view): Promise<protocol.Flow[]> {
    try {
      const answer = await this.host.request('waitline/timelineFlows', {
        t0: Math.floor(window.t0),
        t1: Math.ceil(window.t1),
        lanes: [...lanes],
        limit: 2000,
      });
      const flows = field(answer, 'flows');
      return Array.isArray(flows) ? flows.flatMap((f) => protocol.flow(f) ?? []) : [];
    } catch (e) {
      this.app.say(message(e));
      return [];
    }
  }

  /** All wakes in view, of the lanes that are shown. */
  async fetchFlows(): Promise<void> {
    const { app } = this;
    const [first, last] = visible(app.rows, app.scroll, app.lanesHeight);
    const rows = app.rows.rows.slice(first, last).filter((r) => r.kind === 'lane' || r.kind === 'task');
    const lanes = rows.flatMap((r) => r.lanes);
    app.flows = lanes.length === 0 ? [] : await this.flowsOf(lanes.slice(0, 256));
    app.dirty('overlay');
  }

  /** The words of a label; asked for in one go with others where they are not known. */
  name(label: number): string | null {
    const known = this.names.get(label);
    if (known !== undefined) return known;
    this.unnamed.add(label);
    if (!this.naming) {
      this.naming = true;
      setTimeout(() => void this.fetchNames(), 30);
    }
    return null;
  }

  private async fetchNames(): Promise<void> {
    const era = this.era;
    const labels = [...this.unnamed].slice(0, 1000);
    this.unnamed.clear();
    try {
      const answer = field(await this.host.request('waitline/timelineNames', { labels }), 'names');
      if (era === this.era) for (const l of labels) this.names.set(l, text(field(answer, String(l))));
    } catch {
      for (const l of labels) this.names.set(l, '');
    }
    this.naming = false;
    this.app.dirty('lanes');
  }

  /** The middle of the first span in view that is more than idling. */
  firstSpan(tile: LaneTile, view: View): Ns | null {
    for (let i = 0; i < tile.n; i++) {
      if (tile.cls[i] === CLASS.none || tile.verdict[i] === VERDICT.idle) continue;
      const start = rectStart(tile, i);
      const end = rectEnd(tile, i);
      if (end > view.t0 && start < view.t1) return (Math.max(start, view.t0) + Math.min(end, view.t1)) / 2;
    }
    return null;
  }
}

function message(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}

/** What both have in common: parts of spans on the same lane. */
function both(a: readonly protocol.Ref[], b: readonly protocol.Ref[]): protocol.Ref[] {
  const by = protocol.byLane(b);
  return a.flatMap((x) =>
    (by.get(x.lane) ?? []).flatMap((y) => {
      const start = Math.max(x.start, y.start);
      const end = Math.min(x.end, y.end);
      return end > start ? [spanOf(x.lane, start, end)] : [];
    }),
  );
}
