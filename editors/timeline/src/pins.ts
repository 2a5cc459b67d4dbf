// Goroutines that are kept in view, side by side: some chosen ones, and below each those that woke it and that it woke.
import type { App } from './app.ts';
import type { Flow } from './model/protocol.ts';
import { type PinnedRow, rowOfLane } from './model/rows.ts';

/** Rows that are pinned at most. */
const MOST = 24;
/** Of each, those that woke it most and that it woke most. */
const OTHERS = 3;

export class Pins {
  rows: readonly PinnedRow[] = [];
  private readonly app: App;

  constructor(app: App) {
    this.app = app;
  }

  pin(gs: readonly number[]): void {
    const have = new Set(this.rows.map((r) => r.g));
    const fresh = gs.filter((g) => g > 0 && !have.has(g)).map((g) => ({ g, of: null, says: '' }));
    this.keep([...this.rows, ...fresh]);
  }

  /** Each with those that woke it and that it woke most often while it lived (or in the range). */
  async pinWith(gs: readonly number[]): Promise<void> {
    const { app } = this;
    const window = app.range ?? { t0: 0, t1: app.end };
    const some = [...new Set(gs.filter((g) => g > 0))].slice(0, 8);
    const flows = await Promise.all(some.map((g) => app.data.flowsOf([`g:${g}`], window)));
    const rows = some.flatMap((g, i) => [{ g, of: null, says: '' }, ...others(g, flows[i] ?? [])]);
    const known = new Set(rows.map((r) => `${r.g} ${r.of}`));
    this.keep([...rows, ...this.rows.filter((r) => !known.has(`${r.g} ${r.of}`))]);
    const first = some[0];
    if (first === undefined) return;
    app.chosen = first;
    app.scrollToRow(rowOfLane(app.rows, `g:${first}`));
  }

  letGo(): void {
    this.rows = [];
    this.app.rebuild();
    this.app.all();
  }

  private keep(rows: readonly PinnedRow[]): void {
    this.rows = rows.slice(0, MOST);
    this.app.rebuild();
    this.app.all();
  }
}

/** Who woke a goroutine and whom it woke, the most frequent first. */
export function others(g: number, flows: readonly Flow[]): PinnedRow[] {
  const count = (of: (f: Flow) => number) => {
    const n = new Map<number, number>();
    for (const f of flows) {
      const other = of(f);
      if (other > 0 && other !== g) n.set(other, (n.get(other) ?? 0) + 1);
    }
    return n;
  };
  const wokeIt = count((f) => (f.to.g === g ? f.from.g : 0));
  const itWoke = count((f) => (f.from.g === g ? f.to.g : 0));
  const most = (n: ReadonlyMap<number, number>) =>
    [...n].toSorted((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, OTHERS);
  const rows = new Map<number, string[]>();
  const add = (who: number, words: string) => rows.set(who, [...(rows.get(who) ?? []), words]);
  for (const [who, n] of most(wokeIt)) add(who, `woke it ×${n}`);
  for (const [who, n] of most(itWoke)) add(who, `woken ×${n}`);
  return [...rows].map(([who, words]) => ({ g: who, of: g, says: words.join(', ') }));
}
