import { describe, expect, it } from 'vitest';
import { findings } from '../../src/model/findings.ts';
import { command, HELP } from '../../src/model/keys.ts';
import * as protocol from '../../src/model/protocol.ts';
import { parseLengths, parseQuery, queryParams } from '../../src/model/query.ts';
import { buildRows, layout, rowAt, rowOfLane, visible } from '../../src/model/rows.ts';
import { site } from '../../src/model/site.ts';
import { costlyLines, costlyWaiting, summary } from '../../src/model/summary.ts';

describe('keys', () => {
  const press = (key: string, rest: object = {}) => command({ key, shift: false, alt: false, command: false, ...rest });

  it('mean what help says', () => {
    expect(press('w')).toBe('closer');
    expect(press('W', { shift: true })).toBe('closer');
    expect(press('n')).toBe('shorter');
    expect(press('N', { shift: true })).toBe('longer');
    expect(press('Enter', { alt: true })).toBe('wakerSource');
    expect(press('constructor')).toBeNull();
  });

  it('are the editor’s own with control or command', () => {
    for (const key of ['c', 'f', 'a', 's', 'w', '0', '+']) expect(press(key, { command: true })).toBeNull();
  });

  it('in help all do something', () => {
    const names: Record<string, string> = {
      '↑': 'ArrowUp',
      '↓': 'ArrowDown',
      '←': 'ArrowLeft',
      '→': 'ArrowRight',
      '−': '-',
      'Page up': 'PageUp',
      'Page down': 'PageDown',
    };
    const dead = HELP.flatMap((p) => p.keys.flatMap(([keys]) => keys)).filter((k) => {
      if (/^drag|(click|wheel)$|^state:|^>/.test(k)) return false;
      const alt = k.startsWith('Alt ');
      const shift = k.startsWith('Shift ');
      const key = k.replace(/^(Alt|Shift) /, '');
      return press(names[key] ?? key, { alt, shift }) === null;
    });
    expect(dead).toEqual([]);
  });
});

describe('find', () => {
  it('reads states and lengths out of what is typed', () => {
    expect(parseQuery('  query  state:Lock >1.5ms pool ')).toEqual({
      text: 'query pool',
      state: 'lock',
      minNs: 1_500_000,
    });
    expect(queryParams(parseQuery('>2us'), 10)).toEqual({ minNs: 2000, limit: 10 });
    expect(parseQuery('a > b').text).toBe('a > b');
  });
});

describe('lengths', () => {
  it('are bounds, and what is none says nothing', () => {
    expect(parseLengths('>1ms <2.5ms')).toEqual({ min: 1e6, max: 2.5e6 });
    expect(parseLengths('>= 250us')).toEqual({ min: 250e3 });
    expect(parseLengths('<0.5us')).toEqual({ max: 500 });
    expect(parseLengths('>5 parsecs <')).toEqual({});
    // What nothing can be is asked for as what hardly anything is: a host refuses bounds the wrong way round.
    expect(parseLengths('>5ms <1ms')).toEqual({ min: 5e6, max: 5e6 });
  });
});

describe('answers', () => {
  it('become what their types say, whatever they are', () => {
    for (const x of [
      null,
      undefined,
      3,
      'x',
      [],
      [1],
      {},
      { groups: 7, lanes: {} },
      { groups: [null, 3, { id: 5 }], lanes: [1, null] },
    ]) {
      const info = protocol.info(x);
      if (info !== null) expect(info).toMatchObject({ groups: [], lanes: [], ready: false });
      expect(protocol.slice(x)).toBeNull();
      expect(protocol.rows(x).rows).toEqual([]);
      expect(findings(x)).toEqual([]);
      expect(protocol.instances(x).found).toEqual([]);
      expect(summary(x).lines).toEqual([]);
    }
  });

  it('take no lane keys that are none, and nothing from a prototype', () => {
    expect(['gc', 'g:42', 'p:0', 'group:go:17', 'task:5'].map(protocol.laneKey)).not.toContain(null);
    expect(['', 'G:1', 'g:', 'g:<b>', `g:${'1'.repeat(4097)}`, 'a b', 5].map(protocol.laneKey)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(protocol.state(JSON.parse('{"analysis":1,"__proto__":{"trace":"evil"}}'))?.trace).toBe('');
  });

  it('keep the lines of what is to be copied', () => {
    const slice = protocol.slice({ lane: 'g:1', text: 'G1 main: select\n  at \u202edb.go:70\r\nend' });
    expect(slice?.text).toBe('G1 main: select\n  at \\u{202e}db.go:70\\u{d}\nend');
  });

  it('have their texts made harmless and their uris kept', () => {
    const p = protocol.place({ func: 'a\u202eb', file: '/x/y.go', recorded: 3, uri: 'file:///x/y.go', line: 6 });
    expect(p).toMatchObject({ func: 'a\\u{202e}b', uri: 'file:///x/y.go' });
    expect(p && protocol.placeLabel(p)).toBe('y.go:7');
  });
});

describe('rows', () => {
  const info = protocol.info({
    analysis: 1,
    duration: 100,
    lanes: ['all', 'gc', 'stw', 'p:0', 'p:1', 'm:3', 'net'],
    hasTasks: true,
    groups: [
      {
        id: 'go:1',
        name: 'main.work',
        func: 'main.main',
        file: 'main.go',
        recorded: 7,
        line: 6,
        uri: 'file:///main.go',
        n: 3,
        costly: 5,
      },
      { id: 'go:2', name: 'main.idle', n: 1 },
    ],
  });
  if (info === null) throw new Error('no info');
  const row = (g: number, packed: number[] = []) => ({
    lane: `g:${g}`,
    g,
    name: `G${g}`,
    label: '',
    start: 0,
    end: 1,
    costly: 0,
    waiting: 0,
    running: 0,
    packed,
  });
  const build = (more: object) =>
    buildRows({
      info,
      narrow: false,
      open: new Set(),
      groups: new Map(),
      tasks: null,
      pinned: [],
      filters: [],
      selectedTask: null,
      parts: new Map(),
      figures: { costly: (_, n) => `${n} ns`, states: '', heap: '', threads: '' },
      ...more,
    });

  it('stand in the order of the design', () => {
    expect(build({}).map((r) => r.name)).toEqual([
      'Goroutines by state',
      'Heap',
      'Threads',
      'GC',
      'P0',
      'P1',
      'Tasks',
      'main.work',
      'main.idle',
      'Threads',
      'Wakes and samples',
    ]);
    const narrow = build({ narrow: true }).map((r) => r.name);
    expect(narrow.slice(0, 2)).toEqual(['Goroutines by state', 'GC']);
  });

  /** What stands between the groups. */
  const inGroup = (rows: ReturnType<typeof build>) => {
    const names = rows.map((r) => r.name);
    return rows.slice(names.indexOf('main.work') + 1, names.indexOf('main.idle'));
  };

  it('of an open group are its goroutines, packed ones in shared rows', () => {
    const open = build({ open: new Set(['go:1']), groups: new Map([['go:1', { of: 3, rows: [row(4), row(9)] }]]) });
    expect(inGroup(open).map((r) => r.name)).toEqual(['G4', 'G9', '1 more (zoom in to see them)']);
    const shared = [row(0, [4, 5, 6]), { ...row(0, [9, 10]), lane: 'g:9,10' }];
    const packed = build({ open: new Set(['go:1']), groups: new Map([['go:1', { of: 2, rows: shared }]]) });
    expect(inGroup(packed).map((r) => r.name)).toEqual(['5 in 2 lanes', '']);
    expect(inGroup(packed)[1]?.lanes).toEqual(['g:9,10']);
    expect(packed[rowOfLane(layout(packed), 'g:10')]).toBe(inGroup(packed)[1]);
  });

  it('of groups of one name say what tells them apart, where something must', () => {
    const group = (id: string, name: string, line: number | null, file = 'http/server.go') => ({
      ...(info.groups[1] as protocol.Group),
      id,
      name,
      place: line === null ? null : { func: 'f', file, recorded: line, uri: null, line: null, col: 0, source: null },
    });
    const groups = [
      group('go:1', 'net/http.(*conn).serve', 3454),
      group('fn:2', 'net/http.(*conn).serve', null),
      group('go:3', 'a.work', 7),
      group('go:4', 'example.com/b.work', 9),
      group('fn:5', 'a.rest', null),
      group('fn:6', 'b.rest', null),
      group('go:7', 'main.alone', 7),
    ];
    const heads = build({ info: { ...info, groups } }).flatMap((r) =>
      r.kind === 'header' && r.group !== null ? [`${r.name} ${r.apart}`] : [],
    );
    expect(heads).toEqual([
      'net/http.(*conn).serve ',
      'net/http.(*conn).serve earlier',
      'a.work server.go:7',
      'example.com/b.work server.go:9',
      'a.rest a',
      'b.rest b',
      'main.alone ',
    ]);
  });

  it('are found by height and by lane', () => {
    const l = layout(build({ open: new Set(['go:1']), groups: new Map([['go:1', { of: 1, rows: [row(4)] }]]) }));
    for (let i = 0; i < l.rows.length; i++) {
      expect(rowAt(l, l.top[i] ?? -1)).toBe(i);
      expect(rowAt(l, (l.top[i] ?? 0) + (l.rows[i]?.height ?? 0) - 0.5)).toBe(i);
    }
    expect([rowAt(l, -1), rowAt(l, l.height)]).toEqual([-1, -1]);
    expect(l.rows[rowOfLane(l, 'g:4')]?.name).toBe('G4');
    expect(rowOfLane(l, 'group:go:2')).toBe(-1);
    expect(visible(l, 0, 1e6)).toEqual([0, l.rows.length]);
    expect(visible(l, 41, 10)).toEqual([1, 2]);
  });
});

describe('what is costly', () => {
  const line = (file: string, own: boolean, costly: number) => ({
    place: { func: 'f', file, recorded: 1, uri: own ? `file://${file}` : null, line: own ? 0 : null },
    kind: 'channel',
    costly,
    share: costly / 300,
  });
  const answer = {
    costly: 300,
    costlyElsewhere: 250,
    byClass: [
      { class: 5, costly: 4, ns: 900 },
      { class: 8, costly: 10, ns: 20 },
    ],
    lines: [line('/go/net.go', false, 240), line('/x/main.go', true, 168), line('/x/up.go', true, 60)],
  };

  it('on own lines is told apart from that of libraries, each a share of its own whole', () => {
    const lines = costlyLines(summary(answer));
    expect(lines.own.map((l) => [l.place.file, l.share])).toEqual([
      ['/x/main.go', 0.56],
      ['/x/up.go', 0.2],
    ]);
    expect(lines.elsewhere.map((l) => [l.place.file, l.share])).toEqual([['/go/net.go', 0.96]]);
  });

  it('is all own where no source is known', () => {
    const none = { ...answer, costly: 550, costlyElsewhere: 0, lines: [line('/go/net.go', false, 240)] };
    expect(costlyLines(summary(none)).own).toHaveLength(1);
  });

  it('of a lane is its waiting, whoever wrote the line, as it is of the whole trace', () => {
    expect(costlyWaiting(summary(answer))).toBe(530);
    expect(costlyWaiting(summary({}))).toBe(0);
  });
});

describe('the evidence of a finding', () => {
  const part = (n: number, open: number) =>
    site({ parts: [{ kind: 'chan', n, open, ns: 9, p50: n === open ? 0 : 4, p90: 0, p99: 7 }] })?.parts[0];

  it('has no percentiles of waits that have not ended', () => {
    expect(part(327, 327)).toMatchObject({ n: 327, open: 327, p50: null, p90: null, p99: null });
    expect(part(327, 320)).toMatchObject({ p50: 4, p99: null });
    expect(part(327, 3)).toMatchObject({ p50: 4, p99: 7 });
  });
});
