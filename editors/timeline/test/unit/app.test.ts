// The page's state over a made-up trace, without a document: what is done by keys, pointers and the host.
import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../src/app.ts';
import { instancesOfSlice } from '../../src/data.ts';
import { rowOfLane } from '../../src/model/rows.ts';
import { FakeHost } from '../fake/host.ts';
import { END } from '../fake/trace.ts';

let host: FakeHost;
let app: App;
const soon = () => new Promise((done) => setTimeout(done, 5));

beforeEach(async () => {
  host = new FakeHost();
  app = new App(host, {});
  app.reduceMotion = true;
  await app.begin();
  await soon();
});

/** A wait of the first goroutine of a group that is open. */
const wait = () => {
  const g = host.trace.goroutines[0];
  const s = g?.spans.find((x) => x.line > 0 && x.by > 0 && x.by !== g.g);
  if (g === undefined || s === undefined) throw new Error('the made-up trace has no wait');
  return { lane: `g:${g.g}`, g: g.g, t: (s.t0 + s.t1) / 2, by: s.by, end: s.t1 };
};

describe('a trace', () => {
  it('is shown whole, with the dearest groups open', () => {
    expect(app.phase).toBe('ready');
    expect(app.view).toEqual({ t0: 0, t1: END });
    expect([...app.open]).toEqual(['go:0', 'go:1', 'go:2'].filter((id) => app.open.has(id)));
    expect(app.open.size).toBeGreaterThan(0);
    expect(rowOfLane(app.rows, wait().lane)).toBeGreaterThan(0);
  });

  it('that goes leaves nothing behind', () => {
    host.emit('state', null);
    expect([app.phase, app.state, app.info]).toEqual(['none', null, null]);
  });

  it('keeps its view when it is opened again, and another does not get it', async () => {
    app.show({ t0: 1e6, t1: 2e6 });
    app.save();
    const again = new App(host, {});
    await again.begin();
    expect(again.view).toEqual({ t0: 1e6, t1: 2e6 });
    host.emit('state', { analysis: 9, trace: '/tmp/other.trace', duration: 500 });
    expect(app.view).toEqual({ t0: 0, t1: 500 });
  });
});

describe('moving', () => {
  it('eases, and not for who wants less of it', () => {
    app.reduceMotion = false;
    app.show({ t0: 1e6, t1: 2e6 });
    expect(app.view).toEqual({ t0: 0, t1: END });
    expect(app.step(performance.now() + 50)).toBe(true);
    expect(app.view.t1).toBeLessThan(END);
    expect(app.step(performance.now() + 500)).toBe(false);
    expect(app.view).toEqual({ t0: 1e6, t1: 2e6 });
    app.reduceMotion = true;
    app.show({ t0: 3e6, t1: 4e6 });
    expect(app.view).toEqual({ t0: 3e6, t1: 4e6 });
  });
});

describe('a selection elsewhere', () => {
  const told = () => host.sent.filter((m) => m.method === 'waitline/select').map((m) => m.params);

  it('is told of what is selected here, once, and not of what was followed', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    expect(told()).toEqual([expect.objectContaining({ lane: w.lane, g: w.g, end: w.end, row: 0 })]);
    host.emit('select', { lane: `g:${w.by}`, g: w.by, start: w.end, end: w.end + 2, row: 0, from: 'an editor' });
    await soon();
    expect(app.selection?.g).toBe(w.by);
    expect(rowOfLane(app.rows, `g:${w.by}`)).toBeGreaterThan(0);
    expect(told().length).toBe(1);
  });

  it('is not followed where it is our own that comes back, or none', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    const here = app.selection;
    host.emit('select', { lane: `g:${w.by}`, g: w.by, start: 5, end: 9, from: told()[0]?.from });
    for (const odd of [null, 7, {}, { lane: 3 }, { lane: '' }]) host.emit('select', odd);
    await soon();
    expect(app.selection).toBe(here);
  });
});

describe('a selection', () => {
  it('shows its line beside, and its waker’s where that is asked for', async () => {
    const w = wait();
    await app.select(w.lane, w.t, { source: 'beside' });
    expect(app.selection).toMatchObject({ lane: w.lane, g: w.g });
    expect(host.opened).toEqual([expect.objectContaining({ focus: false })]);
    app.showSource('waker');
    expect(host.opened[1]).toMatchObject({ line: 71 });
    app.showSource('focus');
    expect(host.opened[2]).toMatchObject({ focus: true });
  });

  it('has the instances of its own line and kind, and of no other that was asked for last', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    await soon();
    const slice = app.selection?.slice;
    if (slice === null || slice === undefined) throw new Error('nothing is selected');
    expect(instancesOfSlice(app, slice)?.found.length).toBeGreaterThan(0);
    expect(instancesOfSlice(app, { ...slice, kind: 'another' })).toBeNull();
    await app.data.instancesAt('file:///src/other.go', 3);
    expect(instancesOfSlice(app, slice)).toBeNull();
    expect(instancesOfSlice(app, { ...slice, site: null })).toBeNull();
  });

  it('brings the waker into view, opening its group or pinning it', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    await app.follow.waker();
    expect(app.selection?.g).toBe(w.by);
    expect(rowOfLane(app.rows, `g:${w.by}`)).toBeGreaterThan(0);
  });

  it('goes along its goroutine, and through the longest of its line', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    await app.follow.neighbour(true);
    expect(app.selection?.start).toBe(w.end);
    await app.follow.neighbour(false);
    await soon();
    const lengths: number[] = [];
    for (let i = 0; i < 4; i++) {
      await app.follow.longest(true);
      lengths.push((app.selection?.end ?? 0) - (app.selection?.start ?? 0));
    }
    expect(lengths.toSorted((a, b) => b - a)).toEqual(lengths);
    expect(new Set(lengths).size).toBeGreaterThan(1);
  });

  it('is, without a line to go through, the longest costly wait of all, and then those of its line', async () => {
    const longest = app.summary?.longest ?? [];
    await app.follow.longest(true);
    expect(app.selection).toMatchObject({ lane: longest[0]?.lane, start: longest[0]?.start });
    await soon();
    await app.follow.longest(true);
    expect(app.selection?.slice?.site?.recorded).toBe(longest[0]?.place?.recorded);
    expect(app.selection?.start).not.toBe(longest[0]?.start);
  });

  it('leaves its line with the selection: the next longest is that of all', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    await soon();
    expect(app.instances?.kind).toBe(app.selection?.slice?.kind);
    app.deselect();
    expect(app.instances).toBeNull();
    await app.follow.longest(true);
    expect(app.selection?.start).toBe(app.summary?.longest[0]?.start);
  });

  it('forgets an answer that comes after it', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    app.deselect();
    await soon();
    expect(app.instances).toBeNull();
  });

  it('goes through the line of a table that was opened last, and says where there is nothing', async () => {
    app.openPlace(
      { func: 'f', file: '/src/db.go', recorded: 83, uri: 'file:///src/db.go', line: 82, col: 1, source: '' },
      false,
    );
    await soon();
    await app.follow.longest(true);
    expect(app.selection?.slice?.site?.recorded).toBe(83);
    // A line without spans does not take the other's place.
    const before = app.instances?.key;
    app.openPlace(
      { func: 'f', file: '/src/db.go', recorded: 3, uri: 'file:///src/db.go', line: 2, col: 1, source: '' },
      false,
    );
    await soon();
    expect(app.instances?.key).toBe(before);
    app.deselect();
    app.instances = null;
    if (app.summary !== null) app.summary = { ...app.summary, longest: [] };
    await app.follow.longest(true);
    expect(app.toast).toBe('Nothing waited at a cost here.');
  });

  it('that comes too late does not replace a newer one', async () => {
    const w = wait();
    const request = host.request.bind(host);
    let release = () => {};
    host.request = async (method, params) => {
      if (method === 'waitline/timelineSlice' && (params as { t: number }).t === Math.floor(w.t))
        await new Promise<void>((done) => (release = done));
      return request(method, params);
    };
    const slow = app.select(w.lane, w.t);
    await app.select(w.lane, w.end + 1);
    const now = app.selection?.start;
    release();
    await slow;
    expect(app.selection?.start).toBe(now);
  });
});

describe('the task of a selection', () => {
  it('has a row while tasks are closed, and what is selected stays where it is', async () => {
    app.size = { ...app.size, height: 200 };
    app.scrollBy(100);
    const request = host.request.bind(host);
    host.request = async (method, params) => {
      const answer = await request(method, params);
      if (method === 'waitline/timelineSlice')
        Object.assign((answer as { slice: object }).slice, { task: { id: 133, name: 'order' } });
      return answer;
    };
    const { lane, t } = wait();
    const y = () => (app.rows.top[rowOfLane(app.rows, lane)] ?? 0) - app.scroll;
    const before = y();
    await app.select(lane, t);
    expect(app.rows.rows.find((r) => r.kind === 'task')?.name).toBe('order 133, of the selection');
    expect(y()).toBe(before);
    app.deselect();
    expect(app.rows.rows.some((r) => r.kind === 'task')).toBe(false);
    expect(y()).toBe(before);
  });
});

describe('a range', () => {
  it('counts everywhere, keeps the view, and goes', async () => {
    app.show({ t0: 1e6, t1: 9e6 });
    await app.setRange({ t0: 2e6, t1: 4e6 });
    await soon();
    expect(app.range).toEqual({ t0: 2e6, t1: 4e6 });
    expect(app.view).toEqual({ t0: 1e6, t1: 9e6 });
    expect(app.summary?.costly).toBeLessThan(app.state?.costly ?? 0);
    // Lanes in view say what they cost in it, and nothing until that is known.
    const figures = () => app.rows.rows.flatMap((r) => (r.kind === 'header' && r.group !== null ? r.figure : []));
    app.data.viewChanged();
    await new Promise((done) => setTimeout(done, 150));
    expect(app.data.costlyIn.size).toBeGreaterThan(0);
    expect(figures().some((f) => f !== '')).toBe(true);
    await app.setRange(null);
    expect(app.range).toBeNull();
  });
});

describe('the editor', () => {
  it('reveals a line: its instances are marked, and nothing moves', async () => {
    host.emit('reveal', { uri: 'file:///src/db.go', line: 69, follow: true });
    await soon();
    expect(app.instances).toMatchObject({ label: 'db.go:70' });
    expect(app.view).toEqual({ t0: 0, t1: END });
  });

  it('says that lines moved: what is selected names them anew, and nothing moves', async () => {
    const w = wait();
    await app.select(w.lane, w.t);
    await soon();
    const { slice } = app.selection ?? {};
    host.emit('edited', null);
    await soon();
    expect(app.selection?.slice).not.toBe(slice);
    expect(app.selection?.slice).toEqual(slice);
    expect(app.selection).toMatchObject({ lane: w.lane, g: w.g });
    expect(app.view).toEqual({ t0: 0, t1: END });
  });

  it('opens a moment of a goroutine, also before the lanes are there', async () => {
    const w = wait();
    const late = new App(host, { t0: w.t - 1e5, t1: w.t + 1e5, g: w.g });
    late.reduceMotion = true;
    await late.begin();
    await soon();
    expect(late.selection).toMatchObject({ g: w.g });
    expect(late.view.t0).toBeLessThan(w.t);
    expect(late.view.t1).toBeGreaterThan(w.t);
  });
});

describe('loading', () => {
  it('is told while nothing is shown, and can be ended', async () => {
    host.loading = {};
    const late = new App(host, {});
    await late.begin();
    expect(late.phase).toBe('none');
    const loading = { share: 0.25, secondsLeft: 3, bytes: 2 ** 20, of: 2 ** 22, trace: '/tmp/big.trace' };
    host.emit('state', { analysis: null, loading });
    expect(late.phase).toBe('loading');
    expect(late.loading).toEqual({ ...loading, judging: false });
    host.emit('state', { loading: { ...loading, share: 0.5, secondsLeft: null } });
    expect(late.loading).toMatchObject({ share: 0.5, secondsLeft: null });
    host.emit('state', { loading: { trace: loading.trace, share: 1, secondsLeft: null, judging: true } });
    expect(late.loading).toMatchObject({ share: 1, judging: true });
    await late.cancelLoad();
    expect(host.asked).toContain('waitline/cancelLoad');
    expect([late.phase, late.loading]).toEqual(['none', null]);
  });

  it('of another trace leaves what is shown', () => {
    const state = { analysis: 1, trace: '/tmp/webmix.trace', duration: END };
    host.emit('state', { ...state, loading: { share: 0.1, trace: '/tmp/other.trace' } });
    expect([app.phase, app.loading?.trace]).toEqual(['ready', '/tmp/other.trace']);
    host.emit('state', { loading: { share: 0.9, trace: '/tmp/other.trace' } });
    expect([app.phase, app.state?.trace]).toEqual(['ready', '/tmp/webmix.trace']);
    host.emit('state', state);
    expect(app.loading).toBeNull();
  });

  it('shows the first lanes before all of them are there, and then the rest', async () => {
    host.progress = 0;
    const early = new App(host, {});
    await early.begin();
    expect(early.rows.rows.filter((r) => r.kind === 'p')).toEqual([]);
    host.progress = 0.4;
    await new Promise((done) => setTimeout(done, 300));
    expect(early.info).toMatchObject({ ready: false, progress: 0.4, until: END * 0.4 });
    expect(early.rows.rows.filter((r) => r.kind === 'p')).toHaveLength(2);
    expect(early.open.size).toBe(0);
    host.progress = 1;
    await new Promise((done) => setTimeout(done, 300));
    expect(early.info?.ready).toBe(true);
    expect(early.open.size).toBeGreaterThan(0);
  });
});

describe('a filter', () => {
  it('leaves the rows of a group, and goes with every question', async () => {
    const headers = () => app.rows.rows.filter((r) => r.kind === 'header' && r.group !== null).length;
    expect(headers()).toBeGreaterThan(1);
    app.narrow({ kind: 'group', id: 'go:1', name: 'serve' });
    await soon();
    expect(headers()).toBe(1);
    const asked = host.params.filter((p) => p.method === 'waitline/timelineSummary').at(-1);
    expect(asked?.params).toMatchObject({ filter: { group: 'go:1' } });
    expect(app.links.text()).toContain('group=go:1');
    app.widen('group');
    expect(headers()).toBeGreaterThan(1);
  });

  it('of a task keeps the task, its parts and its goroutines, and fades all else', async () => {
    app.narrow({ kind: 'task', id: 133, name: 'order 133' });
    await soon();
    const names = app.rows.rows.filter((r) => r.kind === 'task' || r.kind === 'lane').map((r) => r.name);
    expect(names).toEqual(['order 133', 'payment 140', 'G5', 'G7']);
    expect([...(app.kept?.keys() ?? [])].toSorted()).toEqual(['g:5', 'g:7', 'task:133', 'task:140']);
    expect(app.kept?.get('g:5')).toHaveLength(2);
    // With a goroutine, too: what both keep.
    app.narrow({ kind: 'g', id: 7, name: 'G7' });
    await soon();
    expect([...(app.kept?.keys() ?? [])]).toEqual(['g:7']);
  });
});

describe('tasks', () => {
  it('open to their parts, with the flow between them', async () => {
    app.toggle('tasks');
    await soon();
    const names = () => app.rows.rows.filter((r) => r.kind === 'task').map((r) => `${r.indent} ${r.name}`);
    expect(names()).toEqual(['1 order 133', '1 payment 140']);
    app.toggle('task:133');
    await soon();
    expect(names()).toEqual(['1 order 133', '2 payment 140']);
    await app.select('task:133', 17e6);
    await app.follow.wakes();
    expect(app.selection?.lane).toBe('task:140');
    await app.follow.waker();
    expect(app.selection?.lane).toBe('task:133');
  });
});

describe('findings', () => {
  it('come with what was looked at, and are ignored where the host may write it', async () => {
    expect(app.checked).toMatchObject({ checks: 14, silenced: 2 });
    expect(app.checked?.lookedAt.map((l) => l.code)).toEqual(['sched-latency', 'stw-stall']);
    await app.silence('sched-latency', 'example.com/shop');
    expect(host.params.find((p) => p.method === 'waitline/silence')?.params).toEqual({
      code: 'sched-latency',
      package: 'example.com/shop',
    });
    expect(app.state?.findings).toBe(1);
  });
});

describe('find', () => {
  it('finds what is typed last, and steps through it', async () => {
    app.finder.typed('serv');
    app.finder.typed('serveDB');
    await new Promise((done) => setTimeout(done, 160));
    expect(host.asked.filter((m) => m === 'waitline/timelineFind')).toHaveLength(1);
    expect(app.finder.current).toMatchObject({ of: 3, at: -1, searching: false });
    await app.finder.step(1);
    await app.finder.step(1);
    expect(app.finder.current?.at).toBe(1);
    expect(app.selection?.g).toBe(app.finder.current?.found[1]?.g);
    app.finder.clear();
    expect(app.finder.current).toBeNull();
  });

  it('takes its list off what was chosen, and has it back with what was typed', async () => {
    app.finder.typed('serveDB');
    await new Promise((done) => setTimeout(done, 160));
    expect(app.finder.current?.open).toBe(true);
    await app.finder.step(1);
    expect(app.finder.current).toMatchObject({ typed: 'serveDB', at: 0, open: false });
    await app.finder.step(1);
    expect(app.finder.current).toMatchObject({ at: 1, open: false });
    app.finder.reopen();
    expect(app.finder.current).toMatchObject({ typed: 'serveDB', at: 1, open: true });
    // Who goes through the list keeps it.
    await app.finder.step(1, true);
    expect(app.finder.current?.open).toBe(true);
  });

  it('goes to where an answer says that there is something to see', async () => {
    const w = wait();
    const request = host.request.bind(host);
    host.request = async (method, params) =>
      method === 'waitline/timelineFind'
        ? { of: 1, found: [{ lane: w.lane, g: w.g, start: 0, end: END, title: 'G', where: '', at: w.t }] }
        : request(method, params);
    app.finder.typed('G');
    await new Promise((done) => setTimeout(done, 160));
    await app.finder.step(1);
    expect(app.selection).toMatchObject({ lane: w.lane, end: w.end });
  });
});
