// Where the page is, as something to be copied and gone to: kept by the host, in the address of a browser, in a link.
import type { App } from './app.ts';
import type { Filter } from './model/filter.ts';
import { baseName, shortFunc } from './model/format.ts';
import { type Link, linkFields, readLink } from './model/link.ts';
import type { State } from './model/protocol.ts';
import { field, text } from './model/read.ts';
import { around, clamp } from './model/viewport.ts';

export class Links {
  /** Where it was when it was last open, and of which trace. */
  readonly saved: Link;
  readonly savedOpen: readonly string[];
  readonly savedIdle: boolean;
  private readonly savedTrace: string;
  /** Where to go as soon as the lanes are there. */
  private pending: Link | null;
  private readonly app: App;

  constructor(app: App, open: Link) {
    this.app = app;
    this.pending = Object.keys(open).length > 0 ? open : null;
    const kept = app.host.loadState();
    this.saved = readLink(field(kept, 'link'));
    this.savedTrace = text(field(kept, 'trace'), 4096);
    const groups = field(kept, 'open');
    this.savedOpen = Array.isArray(groups) ? groups.filter((id) => typeof id === 'string') : [];
    this.savedIdle = field(kept, 'idle') !== false;
  }

  /** Where the page is now. */
  here(): Link {
    const { app } = this;
    const { view, selection: s, range } = app;
    const whole = view.t0 <= 0 && view.t1 >= app.end;
    return {
      trace: baseName(app.state?.trace ?? ''),
      view: app.tab,
      ...(whole ? {} : { v0: view.t0, v1: view.t1 }),
      ...(s === null ? {} : { lane: s.lane.includes(',') ? `g:${s.g}` : s.lane, t: (s.start + s.end) / 2 }),
      ...(range === null ? {} : { r0: range.t0, r1: range.t1 }),
      filters: app.filters,
      options: app.options,
    };
  }

  /** To be copied: what leads here again. */
  text(): string {
    return this.app.host.link(this.here(), this.app.state?.trace ?? '');
  }

  save(): void {
    const { app } = this;
    if (app.state === null) return;
    const at = this.here();
    app.host.saveState(
      { trace: app.state.trace, open: [...app.open].slice(0, 200), idle: app.showIdle, link: linkFields(at) },
      at,
    );
  }

  /** The trace that was open last is shown as it was, until a link says better. */
  restore(state: State): void {
    if (this.savedTrace !== state.trace) return;
    const { app } = this;
    const { v0, v1, options, filters } = this.saved;
    app.options = new Map(options);
    app.filters = filters ?? [];
    if (v0 !== undefined && v1 !== undefined && v1 > v0) app.view = clamp({ t0: v0, t1: v1 }, state.duration);
  }

  /** The lanes are there. */
  follow(): void {
    const to = this.pending;
    this.pending = null;
    this.app.filters = this.app.filters.map((f) => this.named(f));
    if (to !== null) void this.goTo(to);
  }

  /** What a link, a command or an editor names; what it does not name stays as it is. */
  async goTo(o: Link): Promise<void> {
    const { app } = this;
    if (app.info?.ready !== true) {
      this.pending = o;
      return;
    }
    if (o.trace !== undefined && o.trace !== baseName(app.state?.trace ?? '')) {
      app.say(`The link is of ${o.trace}, and another trace is shown.`);
      return;
    }
    if (o.view !== undefined) app.setTab(o.view);
    for (const [key, value] of o.options ?? []) app.options.set(key, value);
    if (o.filters !== undefined) {
      app.filters = o.filters.map((f) => this.named(f));
      app.narrowed();
    }
    if (o.v0 !== undefined && o.v1 !== undefined && o.v1 > o.v0)
      app.show(clamp({ t0: o.v0, t1: o.v1 }, app.end), false);
    else if (o.t0 !== undefined) app.show(around(o.t0, o.t1 ?? o.t0 + 1, app.end), false);
    const { r0, r1 } = o;
    if (r0 !== undefined && r1 !== undefined && r1 > r0 && (r0 !== app.range?.t0 || r1 !== app.range.t1))
      await app.setRange({ t0: r0, t1: r1 });
    if (o.uri !== undefined && o.line !== undefined) {
      await app.follow.line(o.uri, o.line);
      if (o.t0 === undefined && o.g === undefined && o.lane === undefined) await app.follow.longest(true);
    }
    if (o.lane !== undefined && o.t !== undefined) await app.select(o.lane, o.t, { row: true });
    else if (o.g !== undefined)
      await app.select(`g:${o.g}`, o.t0 !== undefined ? (o.t0 + (o.t1 ?? o.t0)) / 2 : 0, { moveTo: true });
    app.all();
  }

  /** A group of a link has its name in the trace. */
  private named(f: Filter): Filter {
    const of = f.kind === 'group' ? this.app.info?.groups.find((g) => g.id === f.id) : undefined;
    return of === undefined ? f : { ...f, name: shortFunc(of.name) };
  }
}
