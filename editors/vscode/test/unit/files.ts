import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { goTestArguments, testAt } from '../../src/go-test';
import { FOLDER, propose, proposed } from '../../src/path-rules';
import { findServer, NoServer } from '../../src/server';
import { isTraceHeader } from '../../src/trace-header';
import { compatible, versionOf } from '../../src/version';

test('a trace is known by how it begins', () => {
  const header = (text: string) => Buffer.from(text.padEnd(16, '\0'), 'latin1');
  ok(isTraceHeader(header('go 1.26 trace')));
  ok(isTraceHeader(header('go 1.5 trace')));
  for (const text of ['', 'go 1.26 trac', 'go 2.0 trace', 'PK\x03\x04', 'go 1.26 tracex'])
    ok(!isTraceHeader(header(text)), text);
  ok(!isTraceHeader(Buffer.from('go 1.26 trace')), 'too short');
});

test('versions that go together', () => {
  strictEqual(versionOf('waitline 0.1.0\n'), '0.1.0');
  strictEqual(versionOf('something else 0.1.0'), undefined);
  ok(compatible('0.1.7', '0.1.0'));
  ok(!compatible('0.2.0', '0.1.0'));
  ok(compatible('1.4.0', '1.2.0'));
  ok(!compatible('2.0.0', '1.2.0'));
});

describe('which server runs', {
  skip: process.platform === 'win32' && 'the servers of this test are shell scripts',
}, () => {
  let dir: string;
  const program = async (where: string, text: string) => {
    const path = join(dir, where, 'waitline');
    await mkdir(join(dir, where), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${text}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const find = (more: { setting?: string; bundled?: string; path?: string }) =>
    findServer({ setting: '', bundled: join(dir, 'none'), path: '', wanted: '0.1.0', ...more });
  const why = (expected: NoServer['why']) => (error: unknown) => error instanceof NoServer && error.why === expected;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'waitline-find-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('is that of the setting, else the bundled one, else that on PATH', async () => {
    const setting = await program('set', 'echo waitline 0.1.1');
    const bundled = await program('own', 'echo waitline 0.1.2');
    const onPath = await program('bin', 'echo waitline 0.1.3');
    const path = [join(dir, 'empty'), join(dir, 'bin')].join(delimiter);
    deepStrictEqual(await find({ setting, bundled: join(dir, 'own'), path }), {
      path: setting,
      version: '0.1.1',
      from: 'setting',
    });
    deepStrictEqual(await find({ bundled: join(dir, 'own'), path }), {
      path: bundled,
      version: '0.1.2',
      from: 'bundled',
    });
    deepStrictEqual(await find({ path }), { path: onPath, version: '0.1.3', from: 'PATH' });
  });

  it('is refused with the reason', async () => {
    await rejects(find({}), why('missing'));
    await rejects(find({ setting: join(dir, 'nowhere') }), why('setting'));
    await rejects(find({ setting: 'waitline' }), why('setting'));
    await rejects(find({ setting: await program('new', 'echo waitline 0.9.0') }), why('other-version'));
    await rejects(find({ setting: await program('odd', 'echo hello') }), why('broken'));
    await rejects(find({ setting: await program('bad', 'echo no libc >&2; exit 1') }), (error) => {
      return error instanceof NoServer && error.why === 'broken' && error.detail === 'no libc';
    });
  });

  it('is never one of a relative folder on PATH', async () => {
    await program('bin', 'echo waitline 0.1.3');
    const here = process.cwd();
    process.chdir(dir);
    try {
      await rejects(find({ path: 'bin' }), why('missing'));
    } finally {
      process.chdir(here);
    }
  });
});

const GO = `package shop

import "testing"

// TestOrder orders.
func TestOrder(t *testing.T) {
	t.Run("x", func(t *testing.T) {
		order()
	})
}

func helper() {
}

func BenchmarkOrder(b *testing.B) {
}

func Testable() {}
`;

test('the test of a line', () => {
  const at = (line: number) => testAt(GO, line)?.name;
  strictEqual(at(7), 'TestOrder');
  strictEqual(at(5), 'TestOrder');
  strictEqual(at(9), 'TestOrder');
  strictEqual(at(11), undefined);
  strictEqual(testAt(GO, 15)?.kind, 'benchmark');
  strictEqual(at(17), undefined);
  strictEqual(at(2), undefined);
});

test('go test writes the trace where it is told and leaves no binary behind', () => {
  deepStrictEqual(goTestArguments({ name: 'TestOrder', kind: 'test' }, '/t/a.trace', '/t/a.test'), [
    'test',
    '-count=1',
    '-run',
    '^TestOrder$',
    '-trace',
    '/t/a.trace',
    '-o',
    '/t/a.test',
    '.',
  ]);
});

test('rules for paths: folders that end alike, the shared names left out', () => {
  const [first, ...rest] = propose('/app/internal/db', '/home/me/shop', [
    '/home/me/shop/internal/db',
    '/home/me/shop/web',
  ]);
  deepStrictEqual(first, { from: FOLDER, to: '/app' });
  deepStrictEqual(rest, [{ from: FOLDER, to: '/app/internal/db' }]);
  deepStrictEqual(propose('/build/x', '/home/me/shop', []), [{ from: FOLDER, to: '/build/x' }]);
});

test('the rules of the server lead to the folder that was chosen', () => {
  const rules = [
    { from: '/home/me/shop', to: '/app', others: ['/home/me/old'] },
    { from: '/home/me/go/pkg', to: '/build/go/pkg', others: [] },
  ];
  deepStrictEqual(proposed('/app/internal/db', rules), [
    { from: '/home/me/shop', to: '/app' },
    { from: '/home/me/old', to: '/app' },
  ]);
  deepStrictEqual(proposed('/app', rules).length, 2);
  deepStrictEqual(proposed('/application', rules), []);
});
