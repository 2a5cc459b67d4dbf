// The source that the page shows itself: what a host may answer, and what is asked when.
import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../src/app.ts';
import { field, type Json, num } from '../../src/model/read.ts';
import { costs, excerpt, extent, ofOneAnalysis } from '../../src/model/source.ts';
import { FakeHost } from '../fake/host.ts';

const of = (lines: unknown, rest: object = {}) => excerpt({ path: '/a.go', first: 0, of: 1, lines, ...rest });

describe('an excerpt', () => {
  it('has its tabs as spaces, to the next multiple of four', () => {
    expect(of(['\tx', 'ab\tx', 'abcd\tx', '\t\tx\t// y', ''])?.lines).toEqual([
      '    x',
      'ab  x',
      'abcd    x',
      '        x   // y',
      '',
    ]);
  });

  it('says which lines it cut, by characters and not by their halves', () => {
    const [short, long, wide, odd] =
      of(['x'.repeat(399), 'x'.repeat(400), '😀'.repeat(399), '😀'.repeat(400)])?.lines ?? [];
    expect([short, long]).toEqual(['x'.repeat(399), `${'x'.repeat(400)}…`]);
    expect([wide, odd]).toEqual(['😀'.repeat(399), `${'😀'.repeat(400)}…`]);
  });

  it('says which lines of the file it has, where that is not all', () => {
    const lines = Array.from({ length: 401 }, () => '');
    expect(extent(of(lines, { of: 2000 }) ?? never())).toBe('lines 1–401 of 2,000');
    expect(extent(of(lines, { first: 1599, of: 2000 }) ?? never())).toBe('lines 1,600–2,000 of 2,000');
    expect(extent(of(lines, { of: 401 }) ?? never())).toBe('');
  });

  it('is nothing, or its empty values, where a host answers something else', () => {
    for (const x of [null, undefined, 3, 'text', [], true]) expect(excerpt(x)).toBeNull();
    expect(excerpt({})).toEqual({ analysis: 0, path: '', first: 0, of: 0, lines: [] });
    expect(of([3, null, { length: 9 }], { first: -5.5, of: Number.NaN, path: 7 })).toEqual({
      analysis: 0,
      path: '',
      first: 0,
      of: 0,
      lines: ['', '', ''],
    });
    // One line stays one, and what turns the direction of text is shown.
    expect(of(['a\nb', '\u202eab'])?.lines).toEqual(['a\\u{a}b', '\\u{202e}ab']);
    expect((of(['\t'.repeat(1e6)])?.lines[0] ?? '').length).toBeLessThan(2100);
  });
});

describe('what lines cost', () => {
  it('is by line, and of a style and a heat that there are', () => {
    const found = costs({
      lines: [
        { line: 3, text: 'a', style: 'costly', heat: 9 },
        { line: 4, text: 5, style: 'x"y', heat: -1 },
        { text: 'nowhere', heat: 1.9 },
        7,
      ],
    });
    expect(found.get(3)).toEqual({ line: 3, text: 'a', style: 'costly', heat: 4 });
    expect(found.get(4)).toEqual({ line: 4, text: '', style: 'plain', heat: 0 });
    expect([...found.keys()].sort()).toEqual([-1, 3, 4]);
    expect(costs(null).size + costs({ lines: 3 }).size).toBe(0);
  });

  it('is of the analysis of the text, as far as both say', () => {
    expect(ofOneAnalysis({ analysis: 1 }, { analysis: 1 })).toBe(true);
    expect(ofOneAnalysis({ analysis: 1 }, { analysis: 2 })).toBe(false);
    expect(ofOneAnalysis({ analysis: 1 }, null)).toBe(true);
  });
});

/** Files of a thousand lines; `answers` stands in for one answer of a method each. */
class Sources extends FakeHost {
  readonly answers = new Map<string, (() => Json)[]>();
  of = 1;
  override async request(method: string, params: Json): Promise<unknown> {
    if (method !== 'waitline/source' && method !== 'waitline/lineCosts') return super.request(method, params);
    this.asked.push(method);
    this.params.push({ method, params });
    const other = this.answers.get(method)?.shift();
    if (other !== undefined) return other();
    if (method === 'waitline/lineCosts') return { analysis: this.of, lines: [{ line: 3, text: `${this.of}` }] };
    const first = Math.max(num(field(params, 'line')) - 200, 0);
    return { analysis: this.of, path: '/a.go', first, of: 1000, lines: Array.from({ length: 401 }, () => 'x') };
  }
}

describe('the source that is shown', () => {
  const uri = 'file:///a.go';
  let host: Sources;
  let app: App;
  const asked = () => host.params.filter((p) => p.method === 'waitline/lineCosts').map((p) => p.params);

  beforeEach(async () => {
    host = new Sources();
    app = new App(host, {});
    await app.begin();
    await app.source.show(uri, 300, '/a.go:301');
  });

  it('asks for the figures of what is shown, and not again within it', async () => {
    const range = { start: { line: 100 }, end: { line: 500 } };
    expect(asked()).toEqual([{ uri, range }]);
    const before = app.source.shown?.asking ?? 0;
    await app.source.show(uri, 500);
    expect([asked().length, app.source.shown?.line]).toEqual([1, 500]);
    // The same line again: its view is led back to it.
    await app.source.show(uri, 500);
    expect(app.source.shown?.asking).toBe(before + 2);
    await app.source.refresh();
    expect([asked().length, app.source.shown?.asking]).toEqual([2, before + 2]);
    await app.source.show(uri, 20);
    expect(asked().at(-1)).toEqual({ uri, range: { start: { line: 0 }, end: { line: 220 } } });
  });

  it('is asked for once more where a range came between text and figures', async () => {
    host.of = 2;
    host.answers.set('waitline/source', [() => ({ analysis: 1, path: '/a.go', first: 0, of: 1, lines: ['old'] })]);
    await app.source.refresh();
    expect(asked().length).toBe(3);
    expect([app.source.shown?.lines[0], app.source.shown?.costs.get(3)?.text]).toEqual(['x', '2']);
  });

  it('goes where there is none any more, and it is said why', async () => {
    host.answers.set('waitline/source', [() => null]);
    await app.source.refresh();
    expect([app.source.shown, app.toast]).toEqual([null, 'There is no source of /a.go:301.']);
    await app.source.show(uri, 3);
    host.answers.set('waitline/source', [() => null]);
    await app.source.show('file:///b.go', 3);
    expect([app.source.shown, app.toast]).toEqual([null, 'There is no source of this line.']);
    await app.source.show(uri, 3);
    const fails = () => {
      throw new Error('the server has ended');
    };
    host.answers.set('waitline/lineCosts', [fails]);
    await app.source.refresh();
    expect([app.source.shown, app.source.open, app.toast]).toEqual([null, false, 'the server has ended']);
  });

  it('goes with the trace', () => {
    host.emit('state', null);
    expect([app.phase, app.source.shown]).toEqual(['none', null]);
  });

  it('leads to spans of its own lines alone', async () => {
    const g = host.trace.goroutines[0];
    const span = g?.spans.find((s) => s.line > 0);
    await app.select(`g:${g?.g}`, ((span?.t0 ?? 0) + (span?.t1 ?? 0)) / 2);
    await new Promise((done) => setTimeout(done, 5));
    const before = app.selection;
    await app.follow.spansOf(uri, 4);
    expect([app.selection, app.toast]).toEqual([before, 'No spans of this line are on the timeline.']);
    await app.follow.spansOf(uri, 69);
    expect([app.selection?.slice?.site?.line, app.selection === before]).toEqual([69, false]);
  });
});

function never(): never {
  throw new Error('there is an excerpt');
}
