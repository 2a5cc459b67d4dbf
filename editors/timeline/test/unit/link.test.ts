// Filters and links: what is narrowed, and how it comes back from an address.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { added, type Filter, filterParams, filterWords, has, without } from '../../src/model/filter.ts';
import { fragmentFields, type Link, linkFields, linkText, OPTIONS, readLink, TABS } from '../../src/model/link.ts';

const func: Filter = { kind: 'func', id: 'main.(*server).order', name: 'main.(*server).order' };
const group: Filter = { kind: 'group', id: 'go:17', name: 'serve' };
const task: Filter = { kind: 'task', id: 133, name: 'order 133' };

describe('filters', () => {
  it('count together, and one of a kind', () => {
    let filters = added([], task);
    filters = added(filters, func);
    expect(filterParams(filters)).toEqual({ func: 'main.(*server).order', task: 133 });
    // Both say whose goroutines.
    filters = added(filters, group);
    expect(filterParams(filters)).toEqual({ group: 'go:17', task: 133 });
    filters = added(filters, { ...task, id: 134, name: 'order 134' });
    expect(filters.map(filterWords)).toEqual(['only serve', 'only task order 134']);
    expect(filterParams(without(without(filters, 'group'), 'task'))).toBeNull();
  });

  it('hold how long regions and tasks took, of one of them at a time', () => {
    const slow: Filter = { kind: 'region', id: 'db', name: 'db', min: 1e6, site: 17 };
    const filters = added(added([], func), slow);
    expect(filterParams(filters)).toEqual({ func: func.id, region: 'db', minNs: 1e6, site: 17 });
    expect(filterWords(slow)).toBe('only region db, at least 1.00 ms');
    expect(has(filters, slow)).toBe(true);
    expect(has(filters, { kind: 'region', id: 'db', name: 'db' })).toBe(false);
    const tasks: Filter = { kind: 'tasks', id: 'order', name: 'order', min: 2e6, max: 5e6 };
    expect(filterWords(tasks)).toBe('only tasks order, 2.00 ms to 5.00 ms');
    expect(filterParams(added(filters, tasks))).toEqual({ func: func.id, tasks: 'order', minNs: 2e6, maxNs: 5e6 });
  });
});

describe('a link', () => {
  const times = fc.integer({ min: 0, max: 2 ** 53 - 1 });
  const words = fc
    .string({ minLength: 1, maxLength: 40, unit: 'binary' })
    .filter((s) => /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(s));
  const link: fc.Arbitrary<Link> = fc.record(
    {
      trace: words,
      view: fc.constantFrom(...TABS),
      v0: times,
      v1: times,
      t0: times,
      t1: times,
      g: times,
      lane: fc.constantFrom('g:12', 'p:0', 'task:5', 'gc', 'group:go:1'),
      t: times,
      line: times,
      uri: words.map((w) => `file:///${w}`),
      r0: times,
      r1: times,
      filters: fc.uniqueArray(
        fc.oneof(
          words.map((w): Filter => ({ kind: 'func', id: w, name: w })),
          fc.integer({ min: 1, max: 1e9 }).map((n): Filter => ({ kind: 'g', id: n, name: `G${n}` })),
          fc.integer({ min: 1, max: 1e9 }).map((n): Filter => ({ kind: 'task', id: n, name: String(n) })),
          words.map((w): Filter => ({ kind: 'region', id: w, name: w })),
          fc.tuple(words, times, times).map(([w, min, max]): Filter => ({ kind: 'tasks', id: w, name: w, min, max })),
          fc.tuple(words, times).map(([w, site]): Filter => ({ kind: 'region', id: w, name: w, site })),
        ),
        // Regions and all tasks of a type stand in each other's way.
        { minLength: 1, selector: (f) => (f.kind === 'tasks' ? 'region' : f.kind) },
      ),
      options: fc
        .uniqueArray(fc.tuple(fc.constantFrom(...OPTIONS), words), { minLength: 1, selector: ([k]) => k })
        .map((all) => new Map(all)),
    },
    { requiredKeys: [] },
  );
  const sorted = (l: Link) => ({
    ...l,
    filters: l.filters?.toSorted((a, b) => a.kind.localeCompare(b.kind)),
    options: l.options === undefined ? undefined : Object.fromEntries(l.options),
  });

  it('leads back to where it was made, as an address and as an argument', () => {
    fc.assert(
      fc.property(link, (l) => {
        expect(sorted(readLink(fragmentFields(`#${linkText(l)}`)))).toEqual(sorted(l));
        expect(sorted(readLink(JSON.parse(JSON.stringify(linkFields(l)))))).toEqual(sorted(l));
      }),
    );
  });

  it('takes nothing that is not what it should be', () => {
    const bad = fragmentFields(
      '#view=shell&t0=-5&v0=1e400&lane=javascript:alert(1)&group=../etc&only=0&task=x&__proto__=1&window=&r0=NaN',
    );
    expect(readLink(bad)).toEqual({});
    fc.assert(
      fc.property(fc.object(), (x) => {
        readLink(x);
      }),
    );
  });
});
