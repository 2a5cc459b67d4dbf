// From one slice to another: along wakes, along a goroutine, through the instances of a line, from timeline to timeline.
import type { App, Selection } from './app.ts';
import { instancesOfLine } from './data.ts';
import { field, num, raw } from './model/read.ts';

export class Follow {
  private readonly app: App;
  /** What this page calls itself, so that it does not follow what it has told. */
  private readonly name = crypto.randomUUID();

  /** Counts lines whose spans were asked for: of two the later is gone to. */
  private lines = 0;

  constructor(app: App) {
    this.app = app;
  }

  async waker(): Promise<void> {
    const { app } = this;
    const s = app.selection?.slice;
    if (s?.waker !== null && s?.waker !== undefined && s.waker.g > 0)
      await app.select(`g:${s.waker.g}`, Math.max(s.waker.t - 1, 0), { moveTo: true, source: 'beside' });
    else {
      // What a part of a task is a part of.
      const up = s?.incoming.find((f) => f.kind === 'task');
      if (up !== undefined) await app.select(up.from.lane, up.from.t, { moveTo: true, source: 'beside' });
    }
  }

  async wakes(): Promise<void> {
    const { app } = this;
    const f = app.selection?.slice?.outgoing[0] ?? app.next;
    if (f !== null && f !== undefined)
      await app.select(f.to.lane || `g:${f.to.g}`, f.to.t, { moveTo: true, source: 'beside' });
  }

  async neighbour(after: boolean): Promise<void> {
    const { app } = this;
    const s = app.selection;
    if (s === null) {
      await this.first();
      return;
    }
    const ref = after ? s.slice?.following : s.slice?.preceding;
    if (ref !== null && ref !== undefined)
      await app.select(ref.lane, (ref.start + ref.end) / 2, { moveTo: true, source: 'beside' });
    else if (s.slice !== null)
      await app.select(s.lane, after ? s.end + 1 : Math.max(s.start - 1, 0), {
        moveTo: true,
        source: 'beside',
        lower: s.lower,
      });
  }

  /** Without a selection: the first slice in view of the first goroutine that is shown. */
  async first(lane?: string): Promise<void> {
    const { app } = this;
    const row = lane ?? app.rows.rows.find((r) => r.kind === 'lane')?.lanes[0];
    if (row === undefined) return;
    const tile = app.data.tiles.get(row, app.view, app.size.width);
    const t = tile === null ? null : app.data.firstSpan(tile, app.view);
    if (t !== null) await app.select(row, t, { moveTo: true, source: 'beside' });
  }

  /** Next or previous instance of the selection's line, the longest first. */
  async longest(next: boolean): Promise<void> {
    const { app } = this;
    const site = app.selection?.slice?.site;
    if (app.instances === null || app.instances.found.length === 0) {
      if (site !== null && site !== undefined) await app.data.instancesOf(site, app.selection?.slice?.kind ?? '');
    }
    const i = app.instances;
    if (i === null || i.found.length === 0) {
      await this.longestOfAll();
      return;
    }
    const n = i.found.length;
    const own = app.selection;
    const here = own === null ? -1 : i.found.findIndex((r) => r.g === own.g && r.start === own.start);
    const at = (here < 0 ? (next ? 0 : n - 1) : here + (next ? 1 : -1) + n) % n;
    const ref = i.found[at];
    app.instances = { ...i, at };
    if (ref !== undefined) await app.select(ref.lane, (ref.start + ref.end) / 2, { moveTo: true, source: 'beside' });
  }

  /** Without a line to go through: the longest costly wait of all. Its line is the one from then on. */
  private async longestOfAll(): Promise<void> {
    const { app } = this;
    const l = app.summary?.longest[0];
    if (l === undefined)
      app.say(app.summary === null ? 'The waits are still being counted.' : 'Nothing waited at a cost here.');
    else await app.select(l.lane, l.start + l.ns / 2, { moveTo: true, source: 'beside' });
  }

  /** A line that a person looks at in a table is the one to go through, if it has spans here. */
  async current(uri: string, line: number): Promise<void> {
    const { app } = this;
    const site = app.selection?.slice?.site;
    // Those of the selection are of its kind alone: they are more to the point.
    if (site?.uri === uri && (site.line ?? site.recorded - 1) === line) return;
    const before = app.instances;
    await this.line(uri, line);
    if (app.instances !== null || before === null) return;
    app.instances = before;
    app.dirty('overview', 'elements');
  }

  /** Shows where a line's instances are. */
  async line(uri: string | null, line: number | null): Promise<void> {
    const { app } = this;
    if (uri === null || line === null) return;
    await app.data.instancesAt(uri, line);
    if (app.instances !== null) app.all();
  }

  /** To a line's spans, the longest first; never to those of what happens to be selected. */
  async spansOf(uri: string, line: number): Promise<void> {
    const { app } = this;
    const mine = ++this.lines;
    await this.line(uri, line);
    if (mine !== this.lines) return;
    if ((instancesOfLine(app, uri, line)?.found.length ?? 0) > 0) await this.longest(true);
    else app.say('No spans of this line are on the timeline.');
  }

  /** Timelines elsewhere follow: the editor's, and other pages. */
  tell(s: Selection | null): void {
    if (s === null) return;
    const start = Math.max(0, Math.floor(s.start));
    const params = { lane: s.lane, g: s.g, start, end: Math.max(start, Math.floor(s.end)), row: s.lower ? 1 : 0 };
    // A host that carries no selections is no reason to say anything.
    this.app.host.request('waitline/select', { ...params, from: this.name }).catch(() => {});
  }

  /** What was selected elsewhere is selected here; the view moves there, if the timeline is what is looked at. */
  async elsewhere(payload: unknown): Promise<void> {
    const { app } = this;
    const lane = raw(field(payload, 'lane'));
    const start = num(field(payload, 'start'));
    const end = num(field(payload, 'end'));
    if (lane === '' || app.info?.ready !== true || field(payload, 'from') === this.name) return;
    const s = app.selection;
    if (s !== null && s.start === start && (s.lane === lane || (s.g > 0 && s.g === num(field(payload, 'g'))))) return;
    const lower = num(field(payload, 'row')) === 1;
    await app.select(lane, (start + end) / 2, { moveTo: app.tab === 'timeline', lower, followed: true });
  }
}
