import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import { test } from 'node:test';
import { linePlace, revealOf, silenceRequest, stateOf, verdictRequest } from '../../src/protocol';
import { notice, policy, prepared } from '../../src/timeline/html';
import { allowed, fromPage, tileOctets } from '../../src/timeline/messages';

test('a link names a line of a file and nothing else', () => {
  const uri = 'file:///w/a%20b.go';
  deepStrictEqual(linePlace({ uri, line: 7, more: 1 }), { uri, line: 7 });
  deepStrictEqual(linePlace({ uri, line: 7, now: 9 }), { uri, line: 9 });
  for (const argument of [
    undefined,
    null,
    'file:///a.go',
    [uri, 7],
    { uri },
    { uri, line: -1 },
    { uri, line: 1.5 },
    { uri, line: '7' },
    { uri: 'command:x', line: 1 },
    { uri: 'https://a/b.go', line: 1 },
    { uri: 'file://host/share/a.go', line: 1 },
  ]) {
    strictEqual(linePlace(argument), undefined, JSON.stringify(argument));
  }
});

test('what a quick fix asks for is one of the known things', () => {
  const place = { uri: 'file:///w/a.go', line: 7 };
  deepStrictEqual(verdictRequest({ ...place, verdict: 'idle' }), { ...place, verdict: 'idle' });
  deepStrictEqual(verdictRequest({ ...place, verdict: null, kind: 'chan' }), { ...place, verdict: null, kind: 'chan' });
  strictEqual(verdictRequest({ ...place, verdict: 'fine' }), undefined);
  deepStrictEqual(silenceRequest({ code: 'slots-exhausted' }), { code: 'slots-exhausted' });
  strictEqual(silenceRequest({ code: '../x' }), undefined);
});

test('a state, none, or nonsense', () => {
  strictEqual(stateOf(null), null);
  strictEqual(stateOf({ analysis: 1 }), undefined);
  ok(stateOf({ analysis: 1, trace: '/t', summary: 't' }));
});

test('messages of the page are what the contract says, or nothing', () => {
  const key = { analysis: 1, t0: 0, t1: 10, width: 800, lanes: ['g:1'] };
  deepStrictEqual(fromPage({ type: 'tile', id: 3, key, x: 1 }), { type: 'tile', id: 3, key });
  deepStrictEqual(fromPage({ type: 'openSource', uri: 'file:///a.go', line: 4, col: 2, focus: true, x: 1 }), {
    type: 'openSource',
    uri: 'file:///a.go',
    line: 4,
    col: 2,
    focus: true,
  });
  for (const message of [
    null,
    'ready',
    [],
    { type: 'other' },
    { type: 'request', id: -1, method: 'waitline/site' },
    { type: 'request', id: 1 },
    { type: 'openSource', uri: 'vscode://x', line: 1 },
    { type: 'openSource', uri: 'file:///a.go', line: Number.NaN },
    { type: 'tile', id: 1, key: { ...key, t1: 0 } },
    { type: 'tile', id: 1, key: { ...key, width: 1e9 } },
    { type: 'tile', id: 1, key: { ...key, lanes: [1] } },
    { type: 'tile', id: 1, key: { ...key, lanes: Array.from({ length: 5000 }, () => 'g:1') } },
  ]) {
    strictEqual(fromPage(message), undefined, JSON.stringify(message)?.slice(0, 80));
  }
});

test('the page may ask, and not load files or change settings', () => {
  for (const method of [
    'waitline/timelineInfo',
    'waitline/timelineSlice',
    'waitline/goroutineTable',
    'waitline/explain',
    'waitline/setRange',
    // Of this a person is asked outside of the page.
    'waitline/silence',
  ]) {
    ok(allowed(method), method);
  }
  for (const method of [
    'waitline/load',
    'waitline/setVerdict',
    'workspace/executeCommand',
    'shutdown',
    'waitline/timeline',
  ]) {
    ok(!allowed(method), method);
  }
});

test('a tile comes out as the octets that went in, in a buffer of its own', () => {
  const octets = Buffer.alloc(40, 7);
  octets.write('WLT2', 0, 'latin1');
  const own = tileOctets({ data: octets.toString('base64') });
  deepStrictEqual(own && [...new Uint8Array(own)], [...octets]);
  strictEqual(own?.byteLength, 40);
  for (const answer of [null, {}, { data: 1 }, { data: '' }, { data: Buffer.alloc(40).toString('base64') }]) {
    strictEqual(tileOctets(answer), undefined);
  }
});

test('a page runs its own script and nothing else', () => {
  const html = prepared(
    '<!doctype html><head><!--csp--><style nonce="">a{}</style></head><script nonce="">1</script>',
    'abc',
  );
  strictEqual(html.match(/nonce="abc"/g)?.length, 2);
  ok(html.includes(`content="${policy('abc')}"`));
  ok(!/unsafe|https?:|\*/.test(policy('abc')));
  ok(
    prepared('<html><head><title>x</title></head>', 'n').includes('Content-Security-Policy'),
    'also without the placeholder',
  );
  const said = notice('<b>', '"&<script>');
  ok(!said.includes('<b>') && !said.includes('<script'), said);
});

test('a link of the timeline comes through, and nothing else does', () => {
  const link = { view: 'mmu', r0: 5, r1: 9, group: 'go:17', window: '1000' };
  deepStrictEqual(revealOf({ ...link, g: 4, evil: 1, task: {}, lane: 'x'.repeat(9000), v0: Number.NaN }), {
    link,
    g: 4,
  });
  deepStrictEqual(revealOf('text'), {});
});
