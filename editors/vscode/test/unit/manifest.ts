import { deepStrictEqual, ok } from 'node:assert';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isCode } from '../../src/protocol';
import { around, covers, within } from '../../src/visible';

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8'));
const texts: Record<string, string> = JSON.parse(readFileSync('package.nls.json', 'utf8'));

test('every setting is in a titled group, and shows an example', () => {
  type Group = { title: string; properties: Record<string, { markdownDescription: string; scope?: string }> };
  const groups: Group[] = contributes.configuration;
  const without: string[] = [];
  for (const { title, properties } of groups) {
    ok(texts[title.slice(1, -1)], title);
    for (const [name, { markdownDescription, scope }] of Object.entries(properties)) {
      ok(scope, `${name} says where it counts`);
      if (!/Example/.test(texts[markdownDescription.slice(1, -1)] ?? '')) without.push(name);
    }
  }
  deepStrictEqual(without, []);
});

test('what the palette offers has a condition, but for what always works', () => {
  type Item = { command: string; when?: string };
  const palette = new Set((contributes.menus.commandPalette as Item[]).map((i) => i.command));
  const always = (contributes.commands as Item[]).map((c) => c.command).filter((c) => !palette.has(c));
  deepStrictEqual(always, [
    'waitline.loadTrace',
    'waitline.restartServer',
    'waitline.showLog',
    'waitline.openWalkthrough',
  ]);
  ok((contributes.menus.commandPalette as Item[]).every((i) => i.when));
});

test('codes of findings name pages, and nothing else', () => {
  for (const code of ['slots-exhausted', 'convoy']) ok(isCode(code), code);
  for (const code of ['', '../x', 'a/b', 'a.b', 'A', '-a', 'a-', 'a--b', `a${'-a'.repeat(40)}`, 7, null, {}])
    ok(!isCode(code), String(code));
});

test('what is drawn is near what is seen, and drawn anew before it ends', () => {
  const seen = [{ first: 100, last: 140 }];
  const drawn = around(seen, 60);
  deepStrictEqual(drawn, [{ first: 40, last: 200 }]);
  const lines = Array.from({ length: 30 }, (_, i) => ({ line: i * 10 }));
  deepStrictEqual(
    within(lines, drawn).map((l) => l.line),
    [40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200],
  );
  const at = (first: number) => covers(drawn, [{ first, last: first + 40 }], 20, 1000);
  deepStrictEqual([60, 59, 100, 140, 141].map(at), [true, false, true, true, false]);
  // At the ends of a file there is nothing more to draw.
  ok(covers(around([{ first: 0, last: 40 }], 60), [{ first: 0, last: 40 }], 20, 41));
  // What is folded is two stretches, and what lies between is not drawn.
  const folded = around(
    [
      { first: 10, last: 20 },
      { first: 500, last: 520 },
    ],
    60,
  );
  ok(covers(folded, [{ first: 505, last: 515 }], 20, 1000));
  ok(!covers(folded, [{ first: 10, last: 520 }], 20, 1000));
  deepStrictEqual(within([{ line: 300 }], folded), []);
});
