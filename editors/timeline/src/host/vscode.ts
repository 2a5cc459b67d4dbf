// The page in a panel of VS Code: messages to and from the extension, discriminated by `type`. No port, no network.
import { type Link, linkFields } from '../model/link.ts';
import { field, type Json, num, raw } from '../model/read.ts';
import {
  type Host,
  type HostEvent,
  isToldEvent,
  Listeners,
  RequestError,
  type SourcePlace,
  type TileKey,
  type ToldEvent,
} from './host.ts';

/** What the page sends. */
export type ToExtension =
  | { type: 'ready' }
  | { type: 'request'; id: number; method: string; params: Json }
  | { type: 'tile'; id: number; key: TileKey }
  | ({ type: 'openSource' } & SourcePlace);

/** What the extension sends. */
export type FromExtension =
  | { type: 'response'; id: number; result?: unknown; error?: string }
  | { type: 'tile'; id: number; bytes?: ArrayBuffer; error?: string }
  | { type: 'event'; event: ToldEvent; payload: unknown };

export interface VsCodeApi {
  postMessage(message: ToExtension): void;
  setState(state: Json): void;
  getState(): unknown;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The message if it is one of ours, else null: other things may post to a window, too. */
export function fromExtension(data: unknown): FromExtension | null {
  const error = field(data, 'error');
  const failed = typeof error === 'string' ? { error } : {};
  switch (field(data, 'type')) {
    case 'response':
      return { type: 'response', id: num(field(data, 'id'), -1), result: field(data, 'result'), ...failed };
    case 'tile': {
      const bytes = field(data, 'bytes');
      const whole =
        bytes instanceof ArrayBuffer ? { bytes } : bytes instanceof Uint8Array ? { bytes: copy(bytes) } : {};
      return { type: 'tile', id: num(field(data, 'id'), -1), ...whole, ...failed };
    }
    case 'event': {
      const event = raw(field(data, 'event'));
      return isToldEvent(event) ? { type: 'event', event, payload: field(data, 'payload') } : null;
    }
    default:
      return null;
  }
}

function copy(octets: Uint8Array): ArrayBuffer {
  const own = new ArrayBuffer(octets.byteLength);
  new Uint8Array(own).set(octets);
  return own;
}

export class VsCodeHost implements Host {
  private next = 1;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Listeners();
  private readonly api: VsCodeApi;

  constructor(api: VsCodeApi, messages: EventTarget) {
    this.api = api;
    messages.addEventListener('message', (e) => this.receive((e as MessageEvent).data));
    api.postMessage({ type: 'ready' });
  }

  request(method: string, params: Json): Promise<unknown> {
    return this.ask((id) => ({ type: 'request', id, method, params }));
  }

  async tile(key: TileKey): Promise<ArrayBuffer> {
    const bytes = await this.ask((id) => ({ type: 'tile', id, key }));
    if (bytes instanceof ArrayBuffer) return bytes;
    throw new RequestError('the tile came without its bytes');
  }

  openSource(at: SourcePlace): void {
    this.api.postMessage({ type: 'openSource', ...at });
  }

  on(event: HostEvent, f: (payload: unknown) => void): () => void {
    return this.listeners.on(event, f);
  }

  saveState(state: Json): void {
    this.api.setState(state);
  }

  readonly writes = true;

  /** A link of the editor's own kind: it runs the command that opens the timeline there. */
  readonly linkIs = 'link';

  readonly hasEditor = true;

  link(at: Link): string {
    return `command:waitline.timeline?${encodeURIComponent(JSON.stringify([linkFields(at)]))}`;
  }

  loadState(): unknown {
    return this.api.getState() ?? null;
  }

  private ask(message: (id: number) => ToExtension): Promise<unknown> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.api.postMessage(message(id));
    });
  }

  private receive(data: unknown): void {
    const message = fromExtension(data);
    if (message === null) return;
    if (message.type === 'event') {
      this.listeners.emit(message.event, message.payload);
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (waiting === undefined) return;
    this.waiting.delete(message.id);
    if (message.error !== undefined) waiting.reject(new RequestError(message.error));
    else waiting.resolve(message.type === 'tile' ? message.bytes : message.result);
  }
}
