// The one thing that the page knows of where it runs. Two hosts are made of it: a panel of VS Code (vscode.ts) and
// the loopback page in a browser (loopback.ts); docs/timeline-host.md holds what both promise.
import type { Link } from '../model/link.ts';
import type { Json } from '../model/read.ts';

/** A window of some lanes, at a width in pixels. */
export interface TileKey {
  readonly analysis: number;
  readonly t0: number;
  readonly t1: number;
  readonly width: number;
  readonly lanes: readonly string[];
  /** Of an index that is still being made: what is there. */
  readonly growing?: true;
}

/** Line and column from 0. `focus`: whether the editor takes the keyboard. */
export interface SourcePlace {
  readonly uri: string;
  readonly line: number;
  readonly col: number;
  readonly focus: boolean;
}

export type HostEvent = 'state' | 'reveal' | 'range' | 'select' | 'edited' | 'theme' | 'open' | 'source' | 'connection';

export interface Host {
  /** Every waitline/... request that answers JSON. Rejects with a `RequestError` that says why in words. */
  request(method: string, params: Json): Promise<unknown>;
  tile(key: TileKey): Promise<ArrayBuffer>;
  /** `asked`: a person asked for this line, and did not only select what stands at it. Who takes the focus did. */
  openSource(at: SourcePlace, asked?: boolean): void;
  /** Answers a function that ends it. */
  on(event: HostEvent, f: (payload: unknown) => void): () => void;
  /** What the page keeps between two openings; `at` is where it is. */
  saveState(state: Json, at: Link): void;
  loadState(): unknown;
  /** What leads to a place in the page of this trace, to be copied: a link, or a command for a shell. */
  link(at: Link, trace: string): string;
  readonly linkIs: 'link' | 'command';
  /** Whether an editor is known to show what is opened, and the range that is set. */
  readonly hasEditor: boolean;
  /** Whether what a person decides may be written from here (`waitline/silence`); else the page says how to. */
  readonly writes: boolean;
}

/** What a host says when it does not answer: the sentence is for people. */
export class RequestError extends Error {
  readonly code: number | null;
  constructor(message: string, code: number | null = null) {
    super(message);
    this.code = code;
  }
}

/** Who listens for what, for both hosts. */
export class Listeners {
  private readonly of = new Map<HostEvent, Set<(payload: unknown) => void>>();

  on(event: HostEvent, f: (payload: unknown) => void): () => void {
    const set = this.of.get(event) ?? new Set();
    this.of.set(event, set);
    set.add(f);
    return () => set.delete(f);
  }

  emit(event: HostEvent, payload: unknown): void {
    for (const f of this.of.get(event) ?? []) f(payload);
  }
}

/** Those that come from behind a host. The others a host makes itself, of what was asked of it. */
export type ToldEvent = Exclude<HostEvent, 'open' | 'source' | 'connection'>;

const TOLD: readonly ToldEvent[] = ['state', 'reveal', 'range', 'select', 'edited', 'theme'];

export function isToldEvent(x: unknown): x is ToldEvent {
  return TOLD.includes(x as ToldEvent);
}
