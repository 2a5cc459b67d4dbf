import { ok, strictEqual } from 'node:assert';
import { test } from 'node:test';
import { evidence } from '../../src/evidence';
import type { Site, State } from '../../src/protocol';

const state: State = {
  analysis: 1,
  trace: '/w/a`b.trace',
  summary: '',
  duration: 85_700_000,
  events: 1,
  costly: 1,
  findings: 0,
  range: null,
  partial: null,
};
const site: Site = {
  analysis: 1,
  func: 'main.x`y',
  parts: [],
  under: { n: 0, ns: 0 },
  heat: 0,
  markdown: 'M',
  text: 'T',
  wakers: [],
  callers: [],
};

test('names of a trace stay in their code spans and blocks', () => {
  const frames = [{ func: 'f```\n# x', file: '/a/b.go', recorded: 3, uri: null, line: null }];
  const text = evidence('db.go:70', state, site, [{ kind: 'chan', n: 2, ns: 1000, frames }], null);
  strictEqual(text.match(/```/g)?.length, 2, text);
  ok(text.includes('`` main.x`y ``'), text);
  ok(text.includes('`` a`b.trace ``'), text);
  ok(!/^# x/m.test(text), text);
  ok(text.includes('chan 1.00 µs in 2'), text);
});
