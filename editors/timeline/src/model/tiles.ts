// Which tiles are there, which one answers best for a view, and which must be asked for.
//
// Each lane has up to two: a fine one around the view (half a view more at both sides, so that panning finds it there)
// and one of the whole trace, which is never wrong and only ever too coarse. What is drawn is never waited for.
import type { Host, TileKey } from '../host/host.ts';
import { decodeTile, type LaneTile, type Tile, WIDEST } from './tile.ts';
import type { Ns, Px } from './units.ts';
import { clamp, scale, type View } from './viewport.ts';

/** How much of a view is fetched more, at each side. */
const MARGIN = 0.5;
/** A tile serves a view of up to so much finer (below 1) and coarser pixels than its own. */
const FINER = 0.72;
const COARSER = 3;
/** Lanes of one request: what 256 KiB hold at full detail. */
const LANES = 48;
/** Lanes that are kept though they are not in view. */
const KEPT = 600;

/** The window to fetch for a view. */
export function windowFor(view: View, width: Px, end: Ns): { t0: Ns; t1: Ns; width: number } {
  const length = view.t1 - view.t0;
  const wide = clamp({ t0: view.t0 - length * MARGIN, t1: view.t1 + length * MARGIN }, end);
  const t0 = Math.floor(wide.t0);
  const t1 = Math.max(Math.ceil(wide.t1), t0 + 1);
  const px = Math.round(((t1 - t0) / length) * width);
  return { t0, t1, width: Math.min(Math.max(px, 16), WIDEST) };
}

/** Whether a tile is good enough for a view. */
export function serves(tile: LaneTile, view: View, width: Px, end: Ns): boolean {
  if (tile.t0 > Math.max(view.t0, 0) + 1 || tile.t1 < Math.min(view.t1, end) - 1) return false;
  const own = (tile.t1 - tile.t0) / tile.width;
  const wanted = Math.max(scale(view, width), (Math.min(view.t1, end) - Math.max(view.t0, 0)) / WIDEST);
  return own <= wanted / FINER && own >= wanted / COARSER;
}

/** As many as a request may be long: rows that goroutines share have long names. */
function few(lanes: readonly string[]): string[] {
  let room = 40_000;
  return lanes.slice(0, LANES).filter((l) => {
    room -= l.length + 4;
    return room >= 0;
  });
}

export class Tiles {
  private readonly fine = new Map<string, LaneTile>();
  private readonly whole = new Map<string, LaneTile>();
  private readonly host: Host;
  private readonly changed: (ofWhole: boolean) => void;
  private readonly failed: (why: string) => void;
  private wanted: { view: View; width: Px; lanes: readonly string[]; strip: readonly string[] } | null = null;
  private inFlight = 0;
  private era = 0;
  /** How often the index has grown; of each tile, how often it had when that was asked for. */
  private growth = 0;
  private readonly asOf = new WeakMap<LaneTile, number>();
  private pauseUntil = 0;
  analysis = 0;
  end: Ns = 1;
  /** For the figures: requests sent, bytes got, the largest. */
  readonly seen = { requests: 0, bytes: 0, largest: 0 };
  /** The host still makes lanes: asked for is what is there. */
  growing = false;

  constructor(host: Host, changed: (ofWhole: boolean) => void, failed: (why: string) => void) {
    this.host = host;
    this.changed = changed;
    this.failed = failed;
  }

  /** Another trace, or verdicts that changed: nothing of before is true. */
  reset(analysis: number, end: Ns): void {
    this.era++;
    this.inFlight = 0;
    this.fine.clear();
    this.whole.clear();
    this.analysis = analysis;
    this.end = Math.max(end, 1);
  }

  /** There is more than what is here shows: all is asked for again, and shown until the answer is there. */
  grew(): void {
    this.growth++;
    this.pump();
  }

  private fresh(tile: LaneTile | undefined): tile is LaneTile {
    return tile !== undefined && this.asOf.get(tile) === this.growth;
  }

  get(lane: string, view: View, width: Px): LaneTile | null {
    const fine = this.fine.get(lane);
    if (fine !== undefined && serves(fine, view, width, this.end)) return fine;
    const whole = this.whole.get(lane);
    if (fine === undefined) return whole ?? null;
    if (whole === undefined) return fine;
    // Neither is right: the fine one while it covers the view, else the one that is never wrong.
    return fine.t0 <= view.t0 && fine.t1 >= view.t1 ? fine : whole;
  }

  ofWhole(lane: string): LaneTile | null {
    return this.whole.get(lane) ?? null;
  }

  /** Asks for what the view needs and is not there. The latest wish replaces those before it. */
  want(view: View, width: Px, lanes: readonly string[], strip: readonly string[]): void {
    this.wanted = { view, width, lanes, strip };
    this.pump();
  }

  /**
   * First what the strip of the whole trace needs, then what the view needs, then what a later view will begin with. What
   * only shows less than there is by now comes last in the strip: an index may grow faster than it answers.
   */
  private pump(): void {
    const wanted = this.wanted;
    if (wanted === null || this.inFlight > 0 || performance.now() < this.pauseUntil) return;
    const { view, width, lanes } = wanted;
    const unknown = (of: readonly string[]) => few(of.filter((l) => !this.fresh(this.whole.get(l))));
    const strip = few(wanted.strip.filter((l) => !this.whole.has(l)));
    if (strip.length > 0) {
      void this.fetch({ ...windowFor({ t0: 0, t1: this.end }, width, this.end), lanes: strip }, this.whole);
      return;
    }
    const stale = few(lanes.filter((l) => !this.good(l, view, width)));
    if (stale.length > 0) {
      void this.fetch({ ...windowFor(view, width, this.end), lanes: stale }, this.fine);
      return;
    }
    // Rows that goroutines share differ from view to view: there is no later one of theirs.
    const later = unknown([...new Set([...wanted.strip, ...lanes.filter((l) => !l.includes(','))])]);
    if (later.length > 0)
      void this.fetch({ ...windowFor({ t0: 0, t1: this.end }, width, this.end), lanes: later }, this.whole);
  }

  private good(lane: string, view: View, width: Px): boolean {
    const fine = this.fine.get(lane);
    if (this.fresh(fine) && serves(fine, view, width, this.end)) return true;
    const whole = this.whole.get(lane);
    return this.fresh(whole) && !whole.coarse && serves(whole, view, width, this.end);
  }

  private async fetch(key: Omit<TileKey, 'analysis'>, into: Map<string, LaneTile>): Promise<void> {
    const { era, growth } = this;
    this.inFlight++;
    this.seen.requests++;
    try {
      const growing = this.growing ? ({ growing: true } as const) : {};
      const octets = await this.host.tile({ ...key, analysis: this.analysis, ...growing });
      if (era !== this.era) return;
      this.seen.bytes += octets.byteLength;
      this.seen.largest = Math.max(this.seen.largest, octets.byteLength);
      this.keep(key.lanes, decodeTile(octets, key.lanes.length), into, growth);
    } catch (e) {
      if (era !== this.era) return;
      // Not at once again: a host that fails would be asked without end.
      this.pauseUntil = performance.now() + 1000;
      setTimeout(() => this.pump(), 1050);
      this.failed(e instanceof Error ? e.message : String(e));
    }
    this.inFlight = Math.max(this.inFlight - 1, 0);
    this.changed(into === this.whole);
    this.pump();
  }

  private keep(lanes: readonly string[], tile: Tile, into: Map<string, LaneTile>, growth: number): void {
    lanes.forEach((lane, i) => {
      const decoded = tile.lanes[i];
      if (decoded === undefined) return;
      this.asOf.set(decoded, growth);
      into.delete(lane);
      into.set(lane, decoded);
    });
    // A map keeps the order of insertion: the oldest go first.
    for (const lane of into.keys()) {
      if (into.size <= KEPT) break;
      into.delete(lane);
    }
  }
}
