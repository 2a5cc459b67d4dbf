// What is told in sentences: what woke whom, and the pages of the findings.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { marksAt } from '../../src/draw/overview.ts';
import { type Finding, findings } from '../../src/model/findings.ts';
import { flowWords, linkWords } from '../../src/model/flows.ts';
import { blocks } from '../../src/model/markdown.ts';
import * as protocol from '../../src/model/protocol.ts';

const flow = (kind: string, from: number, to: number, by: string | null = null) => {
  const end = (g: number) => ({ lane: g > 0 ? `g:${g}` : null, g: g > 0 ? g : null, t: 5 });
  const made = protocol.flow({ kind, t: 5, from: end(from), to: end(to), by, place: null });
  if (made === null) throw new Error('no flow');
  return made;
};

describe('who woke whom', () => {
  it('is told of the selection', () => {
    expect(flowWords(flow('wake', 7, 9), true)).toBe('woken by G7');
    expect(flowWords(flow('wake', 0, 9, 'a timer'), true)).toBe('woken by a timer');
    expect(flowWords(flow('wake', 0, 9), true)).toBe('woken by the network, a timer or the runtime');
    expect(flowWords(flow('syscall exit', 0, 9), true)).toBe('its system call ended');
    expect(flowWords(flow('creation', 7, 9), false)).toBe('starts G9');
  });

  it('is told of the others that a chain leads through', () => {
    expect(linkWords(flow('wake', 0, 1456, 'a timer'))).toBe('G1456 was itself woken by a timer');
    expect(linkWords(flow('wake', 7, 9))).toBe('G9 was itself woken by G7');
    expect(linkWords(flow('syscall exit', 0, 9))).toBe("G9's system call ended");
    expect(linkWords(flow('creation', 7, 9))).toBe('G9 was started by G7');
  });
});

describe('the pages of the findings', () => {
  it('are read whole: no marks of Markdown are left in their words', () => {
    const folder = fileURLToPath(new URL('../../../../docs/findings/', import.meta.url));
    const pages = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
    expect(pages.length).toBeGreaterThanOrEqual(20);
    for (const name of pages) {
      const page = blocks(readFileSync(folder + name, 'utf8'));
      const words = page.flatMap((b) => (b.kind === 'code' ? [] : b.kind === 'list' ? b.items.flat() : b.words));
      expect(page[0]?.kind, name).toBe('head');
      expect(page.filter((b) => b.kind === 'head').length, name).toBeGreaterThan(3);
      for (const w of words) if (w.kind !== 'code') expect(w.text, name).not.toMatch(/`|\]\(|^#|^\| /);
    }
  });

  it('keep their code as it is', () => {
    expect(blocks('a *b* `c`\n\n```go\n# d\n\n- e\n```\n- f\n  g\n')).toEqual([
      {
        kind: 'words',
        words: [
          { kind: 'text', text: 'a ' },
          { kind: 'strong', text: 'b' },
          { kind: 'text', text: ' ' },
          { kind: 'code', text: 'c' },
        ],
      },
      { kind: 'code', text: '# d\n\n- e' },
      { kind: 'list', items: [[{ kind: 'text', text: 'f g' }]] },
    ]);
  });
});

describe('the marks of findings', () => {
  const at = (t: number): Finding[] =>
    findings({ findings: [{ code: `c${t}`, message: 'm', at: { g: 1, start: t, ns: 2 }, detail: [] }] });
  const all = [...at(500), ...at(502), ...at(900)];

  it('are under the pointer where it is near them, the nearest first', () => {
    expect(marksAt(all, 1016, 1000, 511, 17).map((f) => f.code)).toEqual(['c502', 'c500']);
    expect(marksAt(all, 1016, 1000, 909, 12).map((f) => f.code)).toEqual(['c900']);
    expect(marksAt(all, 1016, 1000, 700, 17)).toEqual([]);
    expect(marksAt(all, 1016, 1000, 511, 50)).toEqual([]);
  });
});
