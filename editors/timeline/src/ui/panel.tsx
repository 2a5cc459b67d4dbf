// The details of what is selected; with nothing selected, what is in view comes to.
import { useState } from 'preact/hooks';
import type { App } from '../app.ts';
import { instancesOfSlice } from '../data.ts';
import { BRIEF, CLASS, type Class, isWait, NAMES } from '../model/classes.ts';
import { type Filter, filterWords, has } from '../model/filter.ts';
import { flowWords, linkWords } from '../model/flows.ts';
import { bytes, duration, figure, grouped, moment, percent, shortFunc } from '../model/format.ts';
import type { Flow, Place, Ref, Slice } from '../model/protocol.ts';
import { costlyLines, type Summary } from '../model/summary.ts';
import type { Props } from './page.tsx';
import { PlaceLink } from './place.tsx';
import { Parts, Swatch } from './swatch.tsx';

export function Panel({ app, stage }: Props) {
  const s = app.selection?.slice;
  return (
    <aside class="panel" aria-label="Details">
      <div class="scroll" tabIndex={-1}>
        {s !== undefined && s !== null ? (
          <Selected key={`${s.lane} ${s.start}`} app={app} stage={stage} slice={s} />
        ) : app.exact !== null ? (
          <Exact app={app} />
        ) : (
          <Overview app={app} stage={stage} />
        )}
      </div>
      {s !== undefined && s !== null ? (
        <div class="foot">
          <span>
            <kbd>Enter</kbd>
            source
          </span>
          <span>
            <kbd>↑</kbd>waker
          </span>
          <span>
            <kbd>N</kbd>next longest
          </span>
          <span>
            <kbd>F</kbd>fit
          </span>
          <span>
            <kbd>C</kbd>copy
          </span>
        </div>
      ) : (
        <div class="foot">
          Click a slice to see why it waits. Drag on the ruler to set a range
          {app.host.hasEditor ? '; the source then shows that range.' : ': all figures are then of it.'}
        </div>
      )}
    </aside>
  );
}

function Selected({ app, stage, slice: s }: Props & { slice: Slice }) {
  const group = app.info?.groups.find((g) => g.id === s.group);
  const who = [s.g > 0 ? `G${s.g}` : '', group?.name ?? s.name].filter((x) => x !== '').join(' ');
  const at = [
    s.task === null || s.lane.startsWith('task:') ? '' : `task ${s.task.name} ${s.task.id}`,
    s.region === null ? '' : `region ${s.region}`,
  ].filter((x) => x !== '');
  const where = [who, s.p !== null && s.p >= 0 ? `P${s.p}` : '', s.m !== null && s.m > 0 ? `M${s.m}` : ''].filter(
    (x) => x !== '',
  );
  const theme = stage.currentTheme;
  const after = s.following;
  const runnable = after !== null && /runnable/.test(after.title) ? after.end - after.start : 0;
  return (
    <>
      <section>
        <h2>
          <span class="with-swatch">
            <Swatch theme={theme} cls={s.cls} />
            {s.title}
          </span>
          <span class="big">{duration(s.end - s.start)}</span>
        </h2>
        <div class="dim">{where.join(' · ')}</div>
        {at.length > 0 && <div class="dim">{at.join(', ')}</div>}
        <Pair name="Start" value={moment(s.start)} />
        <Pair
          name="End"
          value={
            s.open
              ? 'not by the end of the trace'
              : `${moment(s.end)}${runnable > 0 ? `, then runnable ${duration(runnable)}` : ''}`
          }
        />
        {s.of !== null && s.of > 0 && <Pair name="Among" value={among(app, s)} />}
        {s.verdict !== 'none' && <Pair name="Cost" value={s.reason ?? s.verdict} />}
        <Narrow app={app} slice={s} />
      </section>
      <section>
        {s.startStack.length > 0 && (
          <>
            <h3>{isWait(s.cls) || s.cls === CLASS.syscall ? 'Waits at' : 'Began at'}</h3>
            <Stack app={app} stack={s.startStack} />
          </>
        )}
        {s.endStack.length > 0 && !same(s.startStack, s.endStack) && (
          <>
            <h3>Ended at</h3>
            <Stack app={app} stack={s.endStack} />
          </>
        )}
        {s.waker !== null && (
          <>
            <h3>Woken by</h3>
            <Waker app={app} slice={s} />
          </>
        )}
      </section>
      <section>
        {s.meanwhile.length > 0 && (
          <>
            <h3>Meanwhile {s.waker !== null && s.waker.g > 0 ? `G${s.waker.g}` : 'the waker'} was</h3>
            <Parts
              theme={theme}
              parts={s.meanwhile}
              of={s.meanwhile.reduce((n, m) => n + m.ns, 0)}
              width={app.size.narrow ? 240 : 295}
            />
            {s.meanwhile.slice(0, 6).map((m) => (
              <div class="pair" key={`${m.what} ${m.place?.recorded}`}>
                <span class="with-swatch">
                  <Swatch theme={theme} cls={m.cls} />
                  <span>
                    {m.what}
                    {/* Of running, the trace tells where it ended and no more. */}
                    {m.place !== null && (m.what === 'running' ? ' up to ' : ', ')}
                    {m.place !== null && <PlaceLink app={app} place={m.place} />}
                  </span>
                </span>
                <span class="num">{duration(m.ns)}</span>
              </div>
            ))}
          </>
        )}
        {(s.preceding !== null || s.following !== null) && (
          <>
            <h3>Before and after{s.g > 0 ? ` on G${s.g}` : ''}</h3>
            <Neighbour app={app} of={s.preceding} mark="◂" />
            <Neighbour app={app} of={s.following} mark="▸" />
          </>
        )}
        <Flows app={app} title="Incoming" flows={s.incoming.filter((f) => !isTold(f, s))} incoming={true} />
        <Flows
          app={app}
          title="Outgoing"
          flows={s.outgoing.length > 0 || app.next === null ? s.outgoing : [app.next]}
          incoming={false}
        />
        <Flows app={app} title="Chain of wakes" flows={app.chain.slice(1)} incoming={true} words={linkWords} />
        <Longest app={app} slice={s} />
        <Messages app={app} slice={s} />
      </section>
    </>
  );
}

/** What the figures can be narrowed to from here. */
function Narrow({ app, slice: s }: { app: App; slice: Slice }) {
  const group = app.info?.groups.find((g) => g.id === s.group);
  const to: Filter[] = [
    ...(s.g > 0 ? [{ kind: 'g' as const, id: s.g, name: `G${s.g}` }] : []),
    ...(group === undefined ? [] : [{ kind: 'group' as const, id: group.id, name: shortFunc(group.name) }]),
    ...(s.task === null ? [] : [{ kind: 'task' as const, id: s.task.id, name: `${s.task.name} ${s.task.id}` }]),
    ...(s.region === null ? [] : [{ kind: 'region' as const, id: s.region, name: s.region }]),
  ].filter((f) => !has(app.filters, f));
  if (to.length === 0) return null;
  return (
    <div class="narrow">
      {to.map((f) => (
        <button type="button" class="link" key={f.kind} onClick={() => app.narrow(f)}>
          {filterWords(f)}
        </button>
      ))}
    </div>
  );
}

function among(app: App, s: Slice): string {
  const p99 = instancesOfSlice(app, s)?.p99;
  const n = s.of ?? 0;
  const rank = s.rank === null ? '' : s.rank === 0 ? 'longest of ' : `number ${grouped(s.rank + 1)} of `;
  return `${rank}${grouped(n)} here${p99 !== null && p99 !== undefined && n >= 100 ? `, p99 ${duration(p99)}` : ''}`;
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <div class="pair">
      <span class="key">{name}</span>
      <span class="value">{value}</span>
    </div>
  );
}

/** Workspace frames with their lines; the others folded into one line. */
function Stack({ app, stack }: { app: App; stack: readonly Place[] }) {
  const own = stack.filter((p) => p.uri !== null && !isRuntime(p));
  const shown = own.length > 0 ? own.slice(0, 12) : stack.slice(0, 6);
  const others = stack.filter((p) => !shown.includes(p));
  return (
    <>
      {shown.map((p, i) => (
        <Frame key={i} app={app} place={p} first={i === 0} />
      ))}
      {others.length > 0 && (
        <details>
          <summary class="dim">{folded(others)}</summary>
          {others.map((p, i) => (
            <Frame key={i} app={app} place={p} first={false} />
          ))}
        </details>
      )}
    </>
  );
}

/** A wait begins and ends at one stack: it is told once. */
function same(a: readonly Place[], b: readonly Place[]): boolean {
  return a.length === b.length && a.every((p, i) => p.func === b[i]?.func && p.recorded === b[i]?.recorded);
}

function Frame({ app, place, first }: { app: App; place: Place; first: boolean }) {
  return (
    <div class="pair">
      <span class={first ? '' : 'dim'} title={place.func}>
        {place.func.slice(place.func.replace(/\[.*$/, '').lastIndexOf('/') + 1)}
      </span>
      <PlaceLink app={app} place={place} />
    </div>
  );
}

function isRuntime(p: Place): boolean {
  return p.func.startsWith('runtime.') || p.func.startsWith('internal/');
}

function folded(others: readonly Place[]): string {
  const runtime = others.filter(isRuntime).length;
  const rest = others.length - runtime;
  const parts = [runtime > 0 ? `${runtime} runtime` : '', rest > 0 ? `${rest} other` : ''].filter((p) => p !== '');
  return `${parts.join(', ')} ${others.length === 1 ? 'frame' : 'frames'}`;
}

function Waker({ app, slice: s }: { app: App; slice: Slice }) {
  const w = s.waker;
  if (w === null) return null;
  return (
    <>
      <div class="pair">
        {w.g > 0 ? (
          <button type="button" class="strong" title="↑: go there" onClick={() => void app.follow.waker()}>
            G{w.g} {w.name}
          </button>
        ) : (
          <span>{w.what}</span>
        )}
        {w.stack.length === 0 && <PlaceLink app={app} place={w.place} />}
      </div>
      <Stack app={app} stack={w.stack} />
    </>
  );
}

function Neighbour({ app, of, mark }: { app: App; of: Ref | null; mark: string }) {
  if (of === null) return null;
  return (
    <div class="pair">
      <button
        type="button"
        onClick={() => void app.select(of.lane, (of.start + of.end) / 2, { moveTo: true, source: 'beside' })}
      >
        <span class="dim">{mark}</span> {of.title}
      </button>
      <span class="num">{duration(of.end - of.start)}</span>
    </div>
  );
}

function Flows({
  app,
  title,
  flows,
  incoming,
  words = flowWords,
}: {
  app: App;
  title: string;
  flows: readonly Flow[];
  incoming: boolean;
  words?: (f: Flow, incoming: boolean) => string;
}) {
  const [all, setAll] = useState(false);
  if (flows.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      {flows.slice(0, all ? 200 : 6).map((f) => {
        // Where no goroutine did it there is nobody to go to but who could go on.
        const other = incoming && (f.from.g > 0 || f.from.lane !== '') ? f.from : f.to;
        return (
          <div class="pair sentence" key={`${f.kind} ${f.t} ${other.lane} ${other.g}`}>
            <button
              type="button"
              onClick={() => void app.select(other.lane || `g:${other.g}`, other.t, { moveTo: true, source: 'beside' })}
            >
              {words(f, incoming)} at {moment(f.t)}
            </button>
            <PlaceLink app={app} place={f.place} />
          </div>
        );
      })}
      {flows.length > 6 && !all && (
        <button type="button" class="link" onClick={() => setAll(true)}>
          {flows.length - 6} more
        </button>
      )}
    </>
  );
}

/** What ended the wait stands above as its waker. */
function isTold(f: Flow, s: Slice): boolean {
  return s.waker !== null && (f.kind === 'wake' || (f.from.g === s.waker.g && f.t === s.waker.t));
}

function Longest({ app, slice: s }: { app: App; slice: Slice }) {
  const i = instancesOfSlice(app, s);
  if (i === null || i.found.length === 0) return null;
  return (
    <>
      <h3>Longest at {i.label}</h3>
      {i.found.slice(0, 4).map((r) => (
        <div class="pair" key={`${r.g} ${r.start}`}>
          <button
            type="button"
            onClick={() => void app.select(r.lane, (r.start + r.end) / 2, { moveTo: true, source: 'beside' })}
          >
            {r.g === s.g && r.start === s.start ? '● ' : ''}G{r.g}
          </button>
          <span class="num dim">{moment(r.start)}</span>
          <span class="num">{duration(r.end - r.start)}</span>
        </div>
      ))}
    </>
  );
}

/** What a task wrote, each with the goroutine that it wrote it on. */
function Messages({ app, slice: s }: { app: App; slice: Slice }) {
  const parts = s.task === null || !s.lane.startsWith('task:') ? undefined : app.parts.get(s.task.id);
  if (parts === undefined || parts.messages.length === 0) return null;
  return (
    <>
      <h3>What it wrote</h3>
      {parts.messages.slice(0, 40).map((m) => (
        <div class="pair" key={`${m.t} ${m.words}`}>
          <button
            type="button"
            title={m.words}
            onClick={() => void app.select(`g:${m.g}`, m.t, { moveTo: true, source: 'beside' })}
          >
            {m.words}
          </button>
          <PlaceLink app={app} place={m.place} />
          <span class="num dim">{moment(m.t)}</span>
        </div>
      ))}
    </>
  );
}

function Exact({ app }: { app: App }) {
  const e = app.exact;
  if (e === null) return null;
  return (
    <section>
      <h2>At {moment(e.t)}</h2>
      <div class="dim">Exact values, not those of a pixel.</div>
      {e.values.map((v) => (
        <div class="pair" key={v.name}>
          <span class="dim">{v.name}</span>
          <span class="num">{v.value === null ? '–' : v.unit === 'bytes' ? bytes(v.value) : grouped(v.value)}</span>
        </div>
      ))}
    </section>
  );
}

/** What can be costly, so that the list comes to the sum that stands above it. */
const CAUSES: readonly Class[] = [
  CLASS.channel,
  CLASS.lock,
  CLASS.network,
  CLASS.sleep,
  CLASS.gcWait,
  CLASS.syscall,
  CLASS.assist,
];
const OTHERS: readonly Class[] = [CLASS.runnable, CLASS.running, CLASS.syscall, CLASS.assist];

/** Lines with what they cost, and how much that is of all that is costly on lines of their sort. */
function Lines({ app, title, of, lines }: { app: App; title: string; of: number | null; lines: Summary['lines'] }) {
  if (lines.length === 0) return null;
  return (
    <>
      <h3>
        {title} {of !== null && <span>of {duration(of)}</span>}
      </h3>
      {lines.map((l) => (
        <div class="pair" key={`${l.place.file} ${l.place.recorded} ${l.kind}`}>
          <span>
            <PlaceLink app={app} place={l.place} /> {!app.size.narrow && <span class="dim">{l.kind}</span>}
          </span>
          <span class="num">{duration(l.costly)}</span>
          <span class="num dim">{percent(l.share)}</span>
        </div>
      ))}
    </>
  );
}

function Overview({ app, stage }: Props) {
  const s = app.summary;
  const theme = stage.currentTheme;
  const length = app.range === null ? app.end : app.range.t1 - app.range.t0;
  const row = (cls: Class, ns: number) => (
    <div class="pair" key={cls}>
      <span class="with-swatch">
        <Swatch theme={theme} cls={cls} />
        <span title={NAMES[cls]}>{app.size.narrow ? BRIEF[cls] : NAMES[cls]}</span>
      </span>
      <span class="num">{ns > 0 ? duration(ns) : '–'}</span>
      <span class="num dim">{ns > 0 ? figure(ns / length) : '–'}</span>
    </div>
  );
  const of = (cls: Class, costly: boolean) => {
    const found = s?.byClass.find((c) => c.cls === cls);
    return found === undefined ? 0 : costly ? found.costly : found.ns;
  };
  // What both lists have: the first what of it is costly, the second all of it.
  const inBoth = OTHERS.filter((c) => of(c, true) > 0).map((c) => `${duration(of(c, true))} of ${NAMES[c]}`);
  const elsewhere = s?.elsewhere ?? 0;
  // Without source all lines count alike.
  const apart = elsewhere > 0;
  const lines = s === null ? { own: [], elsewhere: [] } : costlyLines(s);
  return (
    <>
      <section>
        <h2>Nothing selected</h2>
        <div class="dim">
          The figures are of {app.range === null ? 'the whole trace' : 'the range'}
          {app.filters.length > 0 && ', and of what the filters leave'}.
        </div>
        {s !== null && s.byClass.length > 0 && (
          <>
            <h3 title="Waiting with an own line on the stack, and what such lines ran to help the collector">
              {apart ? 'Costly on own lines, by cause' : 'Costly, by cause'} <span>average</span>
            </h3>
            {CAUSES.filter((c) => of(c, true) > 0 || c < CLASS.syscall)
              .toSorted((a, b) => of(b, true) - of(a, true))
              .map((c) => row(c, of(c, true)))}
            {apart && (
              <div class="pair" title="No own line is on the stack: only others could change it">
                <span class="dim">in libraries</span>
                <span class="num">{duration(elsewhere)}</span>
                <span class="num dim">{figure(elsewhere / length)}</span>
              </div>
            )}
          </>
        )}
      </section>
      <section>
        {s?.byClass.some((c) => c.ns > 0) && (
          <>
            <h3>
              Not blocked, costly or not <span>average</span>
            </h3>
            {OTHERS.map((c) => row(c, of(c, false)))}
            {inBoth.length > 0 && <div class="dim">Costly, and so above, too: {inBoth.join(', ')}.</div>}
          </>
        )}
      </section>
      <section>
        {s !== null && (
          <Lines
            app={app}
            title={apart ? 'Own lines that wait most' : 'Lines that wait most'}
            of={s.costly}
            lines={lines.own.slice(0, 6)}
          />
        )}
        {s !== null && (
          <Lines
            app={app}
            title={lines.own.length > 0 ? 'Lines of libraries' : 'Lines of libraries that wait most'}
            of={s.elsewhere}
            lines={lines.elsewhere.slice(0, lines.own.length > 0 ? 3 : 6)}
          />
        )}
        {s !== null && s.longest.length > 0 && (
          <>
            <h3>Longest waits</h3>
            {s.longest.slice(0, 4).map((l) => (
              <div class="pair" key={`${l.g} ${l.start}`}>
                <span>
                  <button
                    type="button"
                    onClick={() => void app.select(l.lane, l.start + l.ns / 2, { moveTo: true, source: 'beside' })}
                  >
                    G{l.g}
                  </button>{' '}
                  <PlaceLink app={app} place={l.place} />
                </span>
                <span class="num dim">{moment(l.start)}</span>
                <span class="num">{duration(l.ns)}</span>
              </div>
            ))}
          </>
        )}
      </section>
    </>
  );
}
