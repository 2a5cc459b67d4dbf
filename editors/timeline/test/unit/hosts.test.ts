// Both hosts are held to the one interface: the same questions, the same answers, the same errors, whatever is behind.
import { describe, expect, it } from 'vitest';
import { type Host, RequestError } from '../../src/host/host.ts';
import { command, fragment, LoopbackHost, type Surroundings } from '../../src/host/loopback.ts';
import { type ToExtension, type VsCodeApi, VsCodeHost } from '../../src/host/vscode.ts';
import { fragmentFields, type Link, readLink } from '../../src/model/link.ts';
import { field, isFields, type Json } from '../../src/model/read.ts';

/** What stands behind a host in these tests. */
const OCTETS = new Uint8Array([1, 2, 3]).buffer;
function answer(method: string, params: Json): Json {
  if (method === 'waitline/bad') throw new Error('no such line (it was edited away)');
  return { method, params };
}

interface Rig {
  host: Host;
  opened: unknown[];
  send(event: string, payload: Json): void;
}

function vscode(): Rig {
  const target = new EventTarget();
  const opened: unknown[] = [];
  let saved: unknown;
  const post = (data: unknown) => target.dispatchEvent(new MessageEvent('message', { data }));
  const api: VsCodeApi = {
    setState: (s) => {
      saved = s;
    },
    getState: () => saved,
    postMessage: (m: ToExtension) => {
      if (m.type === 'openSource') opened.push({ uri: m.uri, line: m.line, col: m.col, focus: m.focus });
      queueMicrotask(() => {
        // Other windows' messages arrive, too.
        post('noise');
        post({ type: 'response', id: 999, result: 1 });
        if (m.type === 'tile') post({ type: 'tile', id: m.id, bytes: OCTETS });
        if (m.type !== 'request') return;
        try {
          post({ type: 'response', id: m.id, result: answer(m.method, m.params) });
        } catch (e) {
          post({ type: 'response', id: m.id, error: (e as Error).message });
        }
      });
    },
  };
  return {
    host: new VsCodeHost(api, target),
    opened,
    send: (event, payload) => post({ type: 'event', event, payload }),
  };
}

async function loopback(): Promise<
  Rig & {
    sent: { path: string; headers: Record<string, string>; body: string }[];
    urls: string[];
    /** The next answer to a click waits until the function is called that comes back. */
    hold(): () => void;
  }
> {
  const opened: unknown[] = [];
  const sent: { path: string; headers: Record<string, string>; body: string }[] = [];
  const urls: string[] = [];
  const kept = new Map<string, string>();
  let push: (line: string) => void = () => {};
  let held: Promise<void> | null = null;
  const around: Surroundings = {
    location: { hash: '#token=0123456789abcdef0123&t0=5', pathname: '/', search: '', origin: 'http://127.0.0.1:8' },
    history: { replaceState: (_d, _u, url) => urls.push(url) },
    pause: () => new Promise(() => {}),
    storage: {
      getItem: (k: string) => kept.get(k) ?? null,
      setItem: (k: string, v: string) => {
        kept.set(k, v);
      },
    } as Storage,
    fetch: (async (path: string, init: RequestInit = {}) => {
      const headers = init.headers as Record<string, string>;
      sent.push({ path, headers, body: String(init.body ?? '') });
      const body: unknown = init.body === undefined ? null : JSON.parse(String(init.body));
      if (path === '/session') return Response.json({ session: 's'.repeat(43) });
      if (headers.Authorization !== `Bearer ${'s'.repeat(43)}`) return new Response(null, { status: 401 });
      if (path === '/events') {
        const stream = new ReadableStream<Uint8Array>({
          start(c) {
            push = (line) => c.enqueue(new TextEncoder().encode(line));
          },
        });
        return new Response(stream);
      }
      if (path === '/tile') return new Response(OCTETS);
      if (path === '/open') {
        opened.push(body);
        const until = held;
        held = null;
        await until;
        if (field(body, 'uri') === 'file:///here.go') return Response.json({ opened: true, place: '/here.go:3' });
        return Response.json({ opened: false, place: '/a.go:70' });
      }
      if (path !== '/request' || !isFields(body)) return Response.json({});
      try {
        return Response.json({ result: answer(String(body.method), body.params as Json) });
      } catch (e) {
        return Response.json({ error: { code: -32803, message: (e as Error).message } });
      }
    }) as typeof fetch,
  };
  const host = await LoopbackHost.connect(around);
  return {
    host,
    opened,
    sent,
    urls,
    hold: () => {
      let letGo = () => {};
      held = new Promise((done) => {
        letGo = done;
      });
      return () => letGo();
    },
    // In two pieces: a line may come in any.
    send: (event, payload) => {
      const line = `${JSON.stringify({ event, payload })}\n`;
      push('not json\n');
      push(line.slice(0, 9));
      push(line.slice(9));
    },
  };
}

describe.each([
  ['VS Code', async () => vscode()],
  ['loopback', loopback as () => Promise<Rig>],
])('the host of %s', (_, make) => {
  it('answers requests with JSON', async () => {
    const { host } = await make();
    await expect(host.request('waitline/x', { a: [1] })).resolves.toEqual({ method: 'waitline/x', params: { a: [1] } });
  });

  it('answers many at once, each its own', async () => {
    const { host } = await make();
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => host.request('waitline/x', { i })));
    expect(all.map((a) => (a as { params: { i: number } }).params.i)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('rejects with the sentence of the server', async () => {
    const { host } = await make();
    const failed = host.request('waitline/bad', {});
    await expect(failed).rejects.toThrow(RequestError);
    await expect(failed).rejects.toThrow('no such line (it was edited away)');
  });

  it('gives the octets of a tile', async () => {
    const { host } = await make();
    const octets = await host.tile({ analysis: 1, t0: 0, t1: 1, width: 1, lanes: ['gc'] });
    expect(octets).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(octets)]).toEqual([1, 2, 3]);
  });

  it('opens source lines', async () => {
    const { host, opened } = await make();
    host.openSource({ uri: 'file:///a.go', line: 69, col: 1, focus: false });
    expect(opened).toEqual([{ uri: 'file:///a.go', line: 69, col: 1, focus: false }]);
  });

  it('tells of events until it is told not to', async () => {
    const { host, send } = await make();
    const got: unknown[] = [];
    const first = new Promise<void>((done) => {
      const end = host.on('reveal', (p) => {
        got.push(p);
        end();
        done();
      });
    });
    // Until the stream of events is open.
    await new Promise((done) => setTimeout(done));
    send('reveal', { uri: 'file:///a.go', line: 3 });
    await first;
    send('reveal', { uri: 'file:///b.go', line: 4 });
    send('nonsense', 1);
    await new Promise((done) => setTimeout(done));
    expect(got).toEqual([{ uri: 'file:///a.go', line: 3 }]);
  });

  it('takes from elsewhere no event that it makes itself', async () => {
    const { host, send } = await make();
    const got: unknown[] = [];
    for (const event of ['source', 'open', 'connection', 'select'] as const) host.on(event, () => got.push(event));
    await new Promise((done) => setTimeout(done));
    send('source', { uri: 'file:///a.go', line: 3, asked: true });
    send('open', { view: 'mmu' });
    send('connection', { message: 'the server has ended' });
    send('select', {});
    await new Promise((done) => setTimeout(done, 5));
    expect(got).toEqual(['select']);
  });

  it('keeps state', async () => {
    const { host } = await make();
    expect(host.loadState()).toBeNull();
    host.saveState({ open: ['go:1'] }, { view: 'mmu' });
    expect(host.loadState()).toEqual({ open: ['go:1'] });
  });

  it('makes links that lead where they were made', async () => {
    const { host } = await make();
    const at: Link = {
      trace: 'web mix.trace',
      view: 'profiles',
      v0: 5,
      v1: 9,
      lane: 'g:12',
      t: 7,
      filters: [{ kind: 'region', id: 'a=b&c', name: 'a=b&c' }],
      options: new Map([['profile', 'sched-own']]),
    };
    const link = host.link(at, '/tmp/web mix.trace');
    const command = /^waitline timeline '\/tmp\/web mix\.trace' --at '([^']+)'$/.exec(link)?.[1];
    expect(host.linkIs).toBe(command === undefined ? 'link' : 'command');
    const fields =
      command === undefined
        ? JSON.parse(decodeURIComponent(link.replace(/^command:waitline\.timeline\?/, '')))[0]
        : fragmentFields(command);
    expect(readLink(fields)).toEqual(at);
  });
});

describe('without an editor', () => {
  it('the page shows the line itself, and is told whether a person asked for it', async () => {
    const { host } = await loopback();
    const shown: unknown[] = [];
    host.on('source', (p) => shown.push(p));
    const at = { uri: 'file:///a.go', line: 69, col: 1, focus: false };
    const soon = () => new Promise((done) => setTimeout(done, 5));
    host.openSource(at);
    await soon();
    host.openSource(at, true);
    await soon();
    host.openSource({ ...at, focus: true });
    await soon();
    const of = (asked: boolean) => ({ uri: 'file:///a.go', line: 69, asked, place: '/a.go:70' });
    expect([shown, host.hasEditor]).toEqual([[of(false), of(true), of(true)], false]);
  });

  it('of two answers that of the later click counts, and what was asked for stays so', async () => {
    const { host, hold } = await loopback();
    const shown: unknown[] = [];
    host.on('source', (p) => shown.push([field(p, 'line'), field(p, 'asked')]));
    const at = { uri: 'file:///a.go', line: 1, col: 1, focus: false };
    const soon = () => new Promise((done) => setTimeout(done, 5));
    const letGo = hold();
    host.openSource(at, true);
    host.openSource({ ...at, line: 2 });
    await soon();
    expect(shown).toEqual([[2, true]]);
    letGo();
    await soon();
    host.openSource({ ...at, line: 3 });
    await soon();
    expect(shown).toEqual([
      [2, true],
      [3, false],
    ]);
  });

  it('there is one once it has shown something', async () => {
    const { host } = await loopback();
    const shown: unknown[] = [];
    host.on('source', (p) => shown.push(p));
    host.openSource({ uri: 'file:///here.go', line: 2, col: 0, focus: true });
    await new Promise((done) => setTimeout(done, 5));
    expect([host.hasEditor, shown]).toEqual([true, []]);
  });

  it('a command is in words that a shell takes as they are', () => {
    const of = (trace: string) => command(trace, 'view=mmu&v0=1');
    expect(of('/tmp/run.trace')).toBe("waitline timeline /tmp/run.trace --at 'view=mmu&v0=1'");
    expect(of("/tmp/it's here.trace")).toBe("waitline timeline '/tmp/it'\\''s here.trace' --at 'view=mmu&v0=1'");
    expect(of('C:\\my traces\\a.trace')).toBe("waitline timeline 'C:\\my traces\\a.trace' --at 'view=mmu&v0=1'");
    expect(of('C:\\a$(calc)\\t.trace')).toBe('view=mmu&v0=1');
    expect(of('\\\\host\\a & b\\t.trace')).toBe('view=mmu&v0=1');
  });
});

describe('the address', () => {
  it('says where the page is, and what is put into it by hand is gone to', async () => {
    const { host, urls } = await loopback();
    host.saveState({}, { view: 'timeline', v0: 1, v1: 2 });
    expect(urls.at(-1)).toBe('/#view=timeline&v0=1&v1=2');
    const got: unknown[] = [];
    host.on('open', (p) => got.push({ ...(p as object) }));
    (host as LoopbackHost).follow('#view=mmu&window=1000&other=1');
    (host as LoopbackHost).follow('#nothing');
    expect(got).toEqual([{ view: 'mmu', window: '1000' }]);
  });
});

describe('the token', () => {
  it('leaves the address before anything is sent, and goes once', async () => {
    const { host, sent, urls } = await loopback();
    expect(urls).toEqual(['/']);
    await host.request('waitline/x', {});
    const with_token = sent.filter(
      (s) => s.body.includes('0123456789abcdef0123') || JSON.stringify(s.headers).includes('0123456789abcdef0123'),
    );
    expect(with_token.map((s) => s.path)).toEqual(['/session']);
    for (const s of sent.filter((s) => s.path !== '/session'))
      expect(s.headers.Authorization).toBe(`Bearer ${'s'.repeat(43)}`);
  });

  it('is only taken where it looks like one; the rest says where to open', () => {
    expect(fragment('#token=abc')).toEqual({ token: null, open: {} });
    const f = fragment('#t0=5&t1=9&g=42&token=0123456789abcdef&__proto__=x&line=7&uri=file%3A%2F%2F%2Fa.go');
    expect(f.token).toBe('0123456789abcdef');
    expect({ ...f.open }).toEqual({ t0: '5', t1: '9', g: '42', line: '7', uri: 'file:///a.go' });
  });

  it('missing is said in words', async () => {
    const around = {
      location: { hash: '', pathname: '/', search: '', origin: '' },
      storage: { getItem: () => null },
    } as unknown as Surroundings;
    await expect(LoopbackHost.connect(around)).rejects.toThrow('this page was opened without its key');
  });
});
