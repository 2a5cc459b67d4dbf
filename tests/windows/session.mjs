// An editor's session with the server for Windows, by the names that VS Code gives files there: figures,
// findings under the editor's own name, traces that are found, a silence that is written down.
//
//   node session.mjs FOLDER COMMAND...    FOLDER has webmix.trace and webmix/db.go, and is drive Z:'s

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [folder, ...command] = process.argv.slice(2);
const root = `file:///z%3A${folder}`;
const server = spawn(command[0], [...command.slice(1), 'lsp'], { stdio: ['pipe', 'pipe', 'inherit'] });
const late = setTimeout(() => assert.fail('the session took longer than two minutes'), 120_000);

const asked = new Map();
const notes = [];
let bytes = Buffer.alloc(0);
server.stdout.on('data', (more) => {
  bytes = Buffer.concat([bytes, more]);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(bytes.toString('latin1', 0, end))[1]);
    if (bytes.length < end + 4 + length) return;
    take(JSON.parse(bytes.toString('utf8', end + 4, end + 4 + length)));
    bytes = bytes.subarray(end + 4 + length);
  }
});

function take(message) {
  if (!message.method) asked.get(message.id)(message);
  else if (message.id === undefined) notes.push(message);
  else send({ id: message.id, result: message.method === 'workspace/configuration' ? message.params.items.map(() => null) : null });
}

function send(message) {
  const text = JSON.stringify({ jsonrpc: '2.0', ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

let last = 0;
async function ask(method, params) {
  const id = ++last;
  const answer = new Promise((resolve) => asked.set(id, resolve));
  send({ id, method, params });
  const { result, error } = await answer;
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  return result;
}

/** The note that a test waits for. */
async function note(fits) {
  for (;;) {
    const found = notes.find(fits);
    if (found) return found.params;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await ask('initialize', {
  processId: process.pid,
  rootUri: root,
  workspaceFolders: [{ uri: root, name: 'shop' }],
  capabilities: { experimental: { decorations: true } },
});
send({ method: 'initialized', params: {} });
const uri = `${root}/webmix/db.go`;
const text = readFileSync(`${folder}/webmix/db.go`, 'utf8').replaceAll('\n', '\r\n');
send({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'go', version: 1, text } } });

const state = await ask('waitline/load', { trace: `${root}/webmix.trace` });
assert.equal(state.findings, 1);

const line = text.split('\r\n').findIndex((l) => l.trim() === 'select {');
const { lines } = await ask('waitline/lineCosts', { uri });
assert.equal(lines.find((l) => l.line === line)?.state, 'exact', 'a line that ends in CR and LF is the recorded one');
assert.match(JSON.stringify(await ask('textDocument/hover', { textDocument: { uri }, position: { line, character: 2 } })), /slots-exhausted/);

// Two names for one file would be two files to an editor.
const isOfFile = (n) => n.method === 'textDocument/publishDiagnostics' && /db\.go$/.test(n.params.uri);
assert.equal((await note(isOfFile)).uri, uri);
assert.match(JSON.stringify(await ask('waitline/wakers', { uri, line })), /"file:\/\/\/z:\//);

const { traces } = await ask('waitline/found', {});
assert.deepEqual(traces.map((t) => t.path), [`Z:${folder.replaceAll('/', '\\')}\\webmix.trace`]);

const silenced = await ask('workspace/executeCommand', { command: 'waitline.silence', arguments: [{ code: 'slots-exhausted' }] });
assert.equal(silenced.findings, 0);
assert.match(readFileSync(`${folder}/.waitline.toml`, 'utf8'), /slots-exhausted/);

// After an edit above it the line has moved.
send({
  method: 'textDocument/didChange',
  params: { textDocument: { uri, version: 2 }, contentChanges: [{ range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } }, text: '// one line more\r\n' }] },
});
const moved = await ask('waitline/lineCosts', { uri });
assert.equal(moved.lines.find((l) => l.line === line + 1)?.state, 'shifted');

await ask('shutdown');
send({ method: 'exit' });
assert.equal(await new Promise((resolve) => server.on('exit', resolve)), 0);
clearTimeout(late);
console.log('ok: a session of an editor');
