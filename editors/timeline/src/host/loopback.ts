// The page in a browser, served by `waitline` itself on the loopback interface.
//
// The address it is opened by carries a token in its fragment, which no server and no Referer ever sees. It is good once:
// it is exchanged for the session's own, which lives in sessionStorage (so a reload works, and another tab does not) and
// goes with each request in a header (so no other page can send it, as it could a cookie). The fragment is taken out of
// the address and the history at once.
import { fragmentFields, type Link, linkText } from '../model/link.ts';
import { field, type Json, num, raw } from '../model/read.ts';
import {
  type Host,
  type HostEvent,
  isToldEvent,
  Listeners,
  RequestError,
  type SourcePlace,
  type TileKey,
} from './host.ts';

const SESSION = 'waitline.session';
const STATE = 'waitline.state';

export interface Surroundings {
  readonly fetch: typeof fetch;
  readonly storage: Storage;
  readonly location: {
    readonly hash: string;
    readonly pathname: string;
    readonly search: string;
    readonly origin: string;
  };
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
  /** Waits, in milliseconds. */
  pause(ms: number): Promise<void>;
}

/** `token=...&view=...` of the fragment; what is not the token is where to open. */
export function fragment(hash: string): { token: string | null; open: Record<string, string> } {
  const value = new URLSearchParams(hash.replace(/^#/, '')).getAll('token').at(-1);
  return {
    token: value !== undefined && /^[\w-]{16,128}$/.test(value) ? value : null,
    open: fragmentFields(hash),
  };
}

export class LoopbackHost implements Host {
  private readonly listeners = new Listeners();
  private readonly around: Surroundings;
  private session: string | null;
  /** Counts what was opened: of two answers the later click's counts. */
  private opens = 0;
  /** Whether a person asked for one of those whose answer is not there yet. */
  private asked = false;
  /** Where the address said to open. */
  readonly open: Record<string, string>;

  private constructor(around: Surroundings, session: string | null, open: Record<string, string>) {
    this.around = around;
    this.session = session;
    this.open = open;
  }

  static async connect(around: Surroundings): Promise<LoopbackHost> {
    const { token, open } = fragment(around.location.hash);
    // Before anything is awaited: whatever happens next, the token is not in the address any more.
    if (around.location.hash !== '') {
      around.history.replaceState(null, '', around.location.pathname + around.location.search);
    }
    let session = around.storage.getItem(SESSION);
    if (token !== null) {
      const answer = await around.fetch('/session', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ token }),
      });
      if (answer.ok) {
        session = raw(field(await answer.json(), 'session')) || null;
        if (session !== null) around.storage.setItem(SESSION, session);
      } else if (session === null) {
        throw new RequestError('this address was used before or is too old (open the timeline again)', answer.status);
      }
    }
    if (session === null)
      throw new RequestError(
        'this page was opened without its key (open the timeline from the editor or by waitline timeline, and put what is behind # in this address behind # there)',
      );
    const host = new LoopbackHost(around, session, open);
    void host.listen();
    return host;
  }

  async request(method: string, params: Json): Promise<unknown> {
    const answer = await this.post('/request', { method, params });
    const body: unknown = await answer.json();
    const error = field(body, 'error');
    if (error !== undefined && error !== null) {
      const message = typeof error === 'string' ? error : raw(field(error, 'message'));
      throw new RequestError(message || 'the request failed', num(field(error, 'code')) || null);
    }
    return field(body, 'result');
  }

  async tile(key: TileKey): Promise<ArrayBuffer> {
    const answer = await this.post('/tile', { ...key, lanes: [...key.lanes] });
    return answer.arrayBuffer();
  }

  openSource(at: SourcePlace, asked = at.focus): void {
    void this.show(at, asked);
  }

  /** Without an editor behind the server the page shows the place itself. */
  private async show(at: SourcePlace, asked: boolean): Promise<void> {
    const mine = ++this.opens;
    // What is selected meanwhile is shown in place of what was asked for, and does not take it away.
    this.asked ||= asked;
    let answer: unknown;
    let failed: unknown = null;
    try {
      answer = await (await this.post('/open', { ...at })).json();
    } catch (e) {
      failed = e;
    }
    const opened = field(answer, 'opened');
    if (opened === true) this.hasEditor = true;
    if (mine !== this.opens) return;
    const wanted = this.asked;
    this.asked = false;
    if (failed !== null)
      this.listeners.emit('connection', { message: failed instanceof Error ? failed.message : String(failed) });
    else if (opened === false)
      this.listeners.emit('source', { uri: at.uri, line: at.line, asked: wanted, place: raw(field(answer, 'place')) });
  }

  on(event: HostEvent, f: (payload: unknown) => void): () => void {
    return this.listeners.on(event, f);
  }

  /** The address says where the page is, too: a reload comes back to it, and it can be copied. */
  saveState(state: Json, at: Link): void {
    this.around.storage.setItem(STATE, JSON.stringify(state));
    const { history, location } = this.around;
    history.replaceState(null, '', `${location.pathname}${location.search}#${linkText(at)}`);
  }

  /** What is decided is written by the editor; nobody else's page may make this one write. */
  readonly writes = false;

  readonly linkIs = 'command';

  /** Known as soon as one has opened something: the server may have been started from a shell. */
  hasEditor = false;

  /** The page's own address lets in nobody else, and ends with the server: a command opens the place for everybody. */
  link(at: Link, trace: string): string {
    return command(trace, linkText(at));
  }

  /** A link that was put into the address by hand. */
  follow(hash: string): void {
    const open = fragmentFields(hash);
    if (Object.keys(open).length > 0) this.listeners.emit('open', open);
  }

  loadState(): unknown {
    try {
      return JSON.parse(this.around.storage.getItem(STATE) ?? 'null');
    } catch {
      return null;
    }
  }

  private async post(path: string, body: Json): Promise<Response> {
    let answer: Response;
    try {
      answer = await this.around.fetch(path, { method: 'POST', headers: this.headers(), body: JSON.stringify(body) });
    } catch {
      throw new RequestError('the server has ended (open the timeline again)');
    }
    if (answer.ok) return answer;
    if (answer.status === 401) throw new RequestError('the session has ended (open the timeline again)', 401);
    const said = await answer.text().catch(() => '');
    throw new RequestError(errorText(said) || `the server answered ${answer.status}`, answer.status);
  }

  private headers(): Record<string, string> {
    return { 'Content-Type': 'application/json', Authorization: `Bearer ${this.session ?? ''}` };
  }

  /** Events as they come, a line each; opened again where the stream ends, ever more slowly. */
  private async listen(): Promise<void> {
    for (let tries = 0; tries < 8; tries++) {
      try {
        const answer = await this.around.fetch('/events', { headers: this.headers() });
        if (answer.status === 401 || answer.status === 404) return;
        if (answer.ok && answer.body !== null) {
          tries = 0;
          await this.lines(answer.body.getReader());
        }
      } catch {
        // The stream broke: as if it had ended.
      }
      await this.around.pause(250 * 2 ** tries);
    }
    this.listeners.emit('connection', { message: 'the server has ended (open the timeline again)' });
  }

  private async lines(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      // A line without end is not an event of ours.
      if (rest.length > 1 << 20) return;
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.event(line);
    }
  }

  private event(line: string): void {
    if (line.trim() === '') return;
    try {
      const message: unknown = JSON.parse(line);
      const event = raw(field(message, 'event'));
      if (isToldEvent(event)) this.listeners.emit(event, field(message, 'payload'));
    } catch {
      // Not an event: nothing follows from it.
    }
  }
}

/**
 * What opens a trace at a link, in a shell of where the trace is. Shells of Windows do not agree on what is safe
 * in a path: of one with more than letters there is only the link.
 */
export function command(trace: string, link: string): string {
  if (!/^([a-z]:|\\\\)/i.test(trace)) return `waitline timeline ${quoted(trace)} --at ${quoted(link)}`;
  if (!/^[\w@+:,. \\()-]+$/.test(trace) || link.includes("'")) return link;
  return `waitline timeline '${trace}' --at '${link}'`;
}

function quoted(word: string): string {
  return /^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function errorText(said: string): string {
  try {
    const body: unknown = JSON.parse(said);
    return raw(field(body, 'error')) || raw(field(field(body, 'error'), 'message'));
  } catch {
    return said.slice(0, 200);
  }
}
