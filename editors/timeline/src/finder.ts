// Find: what was typed last, what the host found, and which of it is chosen.
import type { App } from './app.ts';
import * as protocol from './model/protocol.ts';
import { isEmpty, parseQuery, type Query, queryParams } from './model/query.ts';

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

export class Finder {
  current: Finding | null = null;
  /** Matches by lane, in order of time: all else is faded. */
  byLane: ReadonlyMap<string, readonly protocol.Ref[]> | null = null;
  private readonly app: App;
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App) {
    this.app = app;
  }

  typed(value: string): void {
    const query = parseQuery(value);
    clearTimeout(this.timer);
    if (isEmpty(query)) {
      this.current =
        value === '' ? null : { typed: value, query, of: 0, found: [], at: -1, open: false, searching: false };
      this.app.all();
      return;
    }
    const before = this.current;
    this.current = {
      typed: value,
      query,
      of: before?.of ?? 0,
      found: before?.found ?? [],
      at: -1,
      open: true,
      searching: true,
    };
    this.app.dirty('elements');
    this.timer = setTimeout(() => void this.search(value, query), 120);
  }

  private async search(value: string, query: Query): Promise<void> {
    const mine = ++this.asked;
    let found: protocol.Found = { of: 0, found: [] };
    try {
      found = protocol.found(await this.app.host.request('waitline/timelineFind', queryParams(query, 500)));
    } catch (e) {
      this.app.say(e instanceof Error ? e.message : String(e));
    }
    if (mine !== this.asked || this.current?.typed !== value) return;
    this.current = { typed: value, query, ...found, at: -1, open: true, searching: false };
    this.byLane = protocol.byLane(found.found);
    this.app.all();
  }

  /** To the next or the one before; `open`: with the list in sight. */
  async step(by: number, open = false): Promise<void> {
    const f = this.current;
    if (f === null || f.found.length === 0) return;
    const at = f.at < 0 ? (by > 0 ? 0 : f.found.length - 1) : (f.at + by + f.found.length) % f.found.length;
    await this.choose(at, open);
  }

  /** `open`: the list stays where it is. Else it goes, as it would lie over what was chosen. */
  async choose(at: number, open = false): Promise<void> {
    const f = this.current;
    const ref = f?.found[at];
    if (f === null || ref === undefined) return;
    this.current = { ...f, at, open };
    this.app.dirty('elements');
    const t = ref.at ?? (ref.start + ref.end) / 2;
    await this.app.select(ref.lane, t, { moveTo: true, source: 'beside' });
  }

  /** The list again, with what was found. */
  reopen(): void {
    const f = this.current;
    if (f === null || f.open || isEmpty(f.query)) return;
    this.current = { ...f, open: true };
    this.app.dirty('elements');
  }

  /** The list goes; what was found stays, and all else faded. */
  close(): void {
    if (this.current?.open !== true) return;
    this.current = { ...this.current, open: false };
    this.app.dirty('elements');
  }

  clear(): void {
    this.current = null;
    this.asked++;
    this.app.all();
  }
}
