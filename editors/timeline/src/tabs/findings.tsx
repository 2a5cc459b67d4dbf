// Findings: what they say on the left; on the right the evidence, first what is seen, then why it is reported.
import { useState } from 'preact/hooks';
import type { App } from '../app.ts';
import { CLASS, classOf } from '../model/classes.ts';
import { type Checked, type Finding, findingKey as key } from '../model/findings.ts';
import { cell, count, duration, grouped, percent, shortFunc, unitFor } from '../model/format.ts';
import { type Block, blocks, type Inline } from '../model/markdown.ts';
import * as protocol from '../model/protocol.ts';
import { type Place, placeLabel } from '../model/protocol.ts';
import { field, lines } from '../model/read.ts';
import { type Histogram, histogram, site } from '../model/site.ts';
import { summary } from '../model/summary.ts';
import { around } from '../model/viewport.ts';
import { useAsk } from '../ui/ask.ts';
import { copyText } from '../ui/keyboard.ts';
import type { Props } from '../ui/page.tsx';
import { PlaceLink } from '../ui/place.tsx';
import type { Stage } from '../ui/stage.ts';
import { Strip } from '../ui/strip.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { useOption } from './common.tsx';

/** What requests call the kinds of waits. */
const WIRE: Readonly<Record<number, string>> = {
  [CLASS.lock]: 'lock',
  [CLASS.channel]: 'channel',
  [CLASS.network]: 'network',
  [CLASS.sleep]: 'sleep',
  [CLASS.syscall]: 'syscall',
  [CLASS.assist]: 'assist',
  [CLASS.gcWait]: 'gc wait',
  [CLASS.unknown]: 'unknown',
};

export function Findings({ app, stage }: Props) {
  const [chosen, choose] = useOption(app, 'finding', '');
  const ofRange = app.range !== null;
  const whole = useAsk(app, 'waitline/timelineSummary', ofRange ? { t0: 0, t1: app.end } : null, summary);
  const all = app.findings;
  if (all === null) return <div class="empty" />;
  const events = app.state?.events ?? 0;
  if (all.length === 0) {
    return (
      <div class="empty">
        <p class="strong">
          No findings{ofRange ? ' on lines that cost something in the range' : ''}
          {events > 0 ? `. ${nChecks(app.checked)} looked at ${count(events)} events` : ''}.
        </p>
        {app.checked !== null && (
          <div class="among">
            <NotReported app={app} checked={app.checked} />
          </div>
        )}
      </div>
    );
  }
  // Findings are of the whole trace, and so is all that stands beside them.
  const of = ofRange ? (whole.state === 'there' ? (whole.value.costly ?? 0) : 0) : (app.state?.costly ?? 0);
  const unit = unitFor(all.map((f) => f.ns));
  const columns: Column<Finding>[] = [
    {
      id: 'mark',
      title: '',
      cell: (f) => <Mark finding={f} />,
    },
    { id: 'code', title: 'Check', by: (f) => f.code, cell: (f) => f.code },
    {
      id: 'line',
      title: 'Line',
      by: (f) => (f.place === null ? '' : placeLabel(f.place)),
      cell: (f) => <PlaceLink app={app} place={f.place} />,
    },
    { id: 'says', title: 'What it says', wraps: true, cell: (f) => f.message },
    {
      id: 'cost',
      title: `Cost, ${unit.symbol}`,
      says: 'Waiting for a lock or a channel without the part in which whoever ended it had no P: then more of them would not help',
      right: true,
      by: (f) => f.ns,
      cell: (f) => cell(f.ns, unit.ns),
    },
    {
      id: 'share',
      title: 'Share',
      right: true,
      cell: (f) => (of > 0 && f.ns > 0 && f.ns <= of ? percent(f.ns / of) : '–'),
    },
  ];
  const shown = all.find((f) => key(f) === chosen) ?? all[0];
  return (
    <div class="view">
      <div class="split half">
        <div class="main">
          <div class="bar-top">
            <h2>Findings</h2>
            <span class="dim">
              {howMany(all, app.checked)}
              {events > 0 && `, in ${count(events)} events`}
            </span>
            {ofRange && <WholeTrace />}
            <span class="grow" />
            <button
              type="button"
              class="button"
              onClick={() => void copyText(app, all.map(words).join('\n'), 'The findings are copied.')}
            >
              Copy all
            </button>
          </div>
          <Table
            name="Findings"
            columns={columns}
            rows={all}
            id={key}
            sort="cost"
            selected={shown === undefined ? null : key(shown)}
            onSelect={(f) => choose(key(f))}
            onOpen={(f) => f.place !== null && app.openPlace(f.place, true)}
          />
          <div class="remark">
            Cost is less than all the waiting where, for a part of it, whoever ended it had no P to run on. Share is of
            costly waiting on own lines{of > 0 && `, ${duration(of)}`}. What is not waiting has none.
            {ofRange &&
              ' Findings and their evidence are of the whole trace; those of lines that cost nothing in the range are left out.'}
            {app.filters.length > 0 && ' Findings are those of all goroutines: filters change nothing here.'}
          </div>
          {app.checked !== null && <NotReported app={app} checked={app.checked} />}
        </div>
        <div class="side">
          {shown !== undefined && <Evidence key={key(shown)} app={app} stage={stage} finding={shown} />}
        </div>
      </div>
    </div>
  );
}

/** What the figures are of, where the scope bar names a range. */
function WholeTrace() {
  return (
    <span class="pill" title="What a finding says is of the whole trace, whatever the range">
      whole trace
    </span>
  );
}

/** `10, by 6 of 20 checks`: one check may find something on many lines. */
function howMany(all: readonly Finding[], checked: Checked | null): string {
  const found = grouped(all.length);
  const checks = checked?.checks ?? 0;
  return checks > 0 ? `${found}, by ${new Set(all.map((f) => f.code)).size} of ${checks} checks` : found;
}

function nChecks(checked: Checked | null): string {
  return checked === null || checked.checks === 0 ? 'The checks' : `${checked.checks} checks`;
}

/** What was looked at and not reported, the nearest to its limit first, and what is kept quiet. */
function NotReported({ app, checked }: { app: App; checked: Checked }) {
  const [all, setAll] = useState(false);
  return (
    <div>
      {checked.lookedAt.length > 0 && (
        <>
          <div class="bar-top">
            <h2>Looked at, not reported</h2>
            <span class="dim">nearest to their limits</span>
          </div>
          <Table
            name="Looked at, not reported"
            columns={[
              { id: 'mark', title: '', cell: () => '' },
              { id: 'code', title: 'Check', cell: (l) => l.code },
              { id: 'line', title: 'Line', cell: (l) => <PlaceLink app={app} place={l.place} /> },
              { id: 'says', title: 'What was seen', wraps: true, cell: (l) => l.message },
              { id: 'limit', title: 'Limit', right: true, wraps: true, cell: (l) => l.limit },
            ]}
            rows={all ? checked.lookedAt : checked.lookedAt.slice(0, 8)}
            id={(l) => `${l.code} ${l.place?.file ?? ''}:${l.place?.recorded ?? 0} ${l.message}`}
            sort="near"
            onOpen={(l) => l.place !== null && app.openPlace(l.place, true)}
          />
          {!all && checked.lookedAt.length > 8 && (
            <div class="remark">
              <button type="button" class="link" onClick={() => setAll(true)}>
                {checked.lookedAt.length - 8} more
              </button>
            </div>
          )}
        </>
      )}
      <div class="remark">
        Ignored by .waitline.toml: {checked.silenced === 0 ? 'none' : grouped(checked.silenced)}. What a comment in the
        source ignores is listed here.
      </div>
    </div>
  );
}

/** The import path of a function's package; null for a program's own, which the name does not tell. */
function packageOf(func: string): string | null {
  const head = func.replace(/\[.*$/, '');
  const at = head.indexOf('.', head.lastIndexOf('/') + 1);
  const pack = at < 0 ? '' : head.slice(0, at);
  return pack === '' || pack === 'main' ? null : pack;
}

/** How a finding is kept quiet: the host writes it where it may, else it is said what to write. */
function Ignore({ app, finding: f }: { app: App; finding: Finding }) {
  const [open, setOpen] = useState(false);
  const pack = f.place === null ? null : packageOf(f.place.func);
  const comment = `//waitline:ignore ${f.code} `;
  const toml = ['[[silence]]', `code = "${f.code}"`, ...(pack === null ? [] : [`package = "${pack}"`])].join('\n');
  if (!open) {
    return (
      <button type="button" class="button" aria-expanded={false} onClick={() => setOpen(true)}>
        Ignore here
      </button>
    );
  }
  return (
    <div class="ignore">
      <p>
        On this line: <code>{comment}reason</code> at its end, or alone above it.
      </p>
      <button type="button" class="button" onClick={() => void copyText(app, comment, 'The comment is copied.')}>
        Copy the comment
      </button>
      {app.host.writes ? (
        <>
          {pack !== null && (
            <button type="button" class="button" onClick={() => void app.silence(f.code, pack)}>
              Ignore {f.code} in {pack}
            </button>
          )}
          <button type="button" class="button" onClick={() => void app.silence(f.code, null)}>
            Ignore {f.code} in this workspace
          </button>
        </>
      ) : (
        <>
          <p>
            {pack === null ? 'In the workspace' : 'In the package'}: a page in a browser writes no files. In an editor
            it is a quick fix of the finding; by hand it is this in <code>.waitline.toml</code>:
          </p>
          <pre>{toml}</pre>
          <button type="button" class="button" onClick={() => void copyText(app, `${toml}\n`, 'The lines are copied.')}>
            Copy these lines
          </button>
        </>
      )}
    </div>
  );
}

function words(f: Finding): string {
  const where = f.place === null ? '' : `${placeLabel(f.place)}: `;
  return [
    `${f.code} ${where}${f.message}`,
    ...f.detail.map((d) => `  ${d}`),
    ...f.related.map((r) => `  ${r.place === null ? '' : `${placeLabel(r.place)}: `}${r.text}`),
  ].join('\n');
}

/** The page of a code: what it means, how it is found, what helps, when it is wrong. */
function Meaning({ app, code }: { app: App; code: string }) {
  const asked = useAsk(app, 'waitline/explain', { code }, (x) => blocks(lines(field(x, 'page'), 40_000)));
  if (asked.state !== 'there') return <p class="dim">{asked.state === 'failed' ? asked.why : ''}</p>;
  // The title is the code, which stands above.
  const page = asked.value[0]?.kind === 'head' ? asked.value.slice(1) : asked.value;
  return (
    <section class="meaning" aria-label={`What ${code} means`}>
      {page.map((b, i) => (
        <PageBlock key={i} block={b} />
      ))}
    </section>
  );
}

function PageBlock({ block: b }: { block: Block }) {
  switch (b.kind) {
    case 'head':
      return (
        <h3>
          <Words of={b.words} />
        </h3>
      );
    case 'code':
      return <pre>{b.text}</pre>;
    case 'list':
      return (
        <ul>
          {b.items.map((words, i) => (
            <li key={i}>
              <Words of={words} />
            </li>
          ))}
        </ul>
      );
    case 'words':
      return (
        <p>
          <Words of={b.words} />
        </p>
      );
  }
}

function Words({ of }: { of: readonly Inline[] }) {
  return (
    <>
      {of.map((w, i) =>
        w.kind === 'code' ? <code key={i}>{w.text}</code> : w.kind === 'strong' ? <em key={i}>{w.text}</em> : w.text,
      )}
    </>
  );
}

function Evidence({ app, stage, finding: f }: { app: App; stage: Stage; finding: Finding }) {
  const [explained, explain] = useState(false);
  const at =
    f.place !== null && f.place.uri !== null && f.place.line !== null ? { uri: f.place.uri, line: f.place.line } : null;
  const asked = useAsk(app, 'waitline/site', at === null ? null : { ...at, whole: true }, site);
  const evidence = asked.state === 'there' ? asked.value : null;
  // The part that the finding's own wait is of, else the dearest: goroutines may have stood here for another reason, too.
  const own =
    f.at === null ? undefined : evidence?.parts.find((p) => p.longest?.g === f.at?.g && p.longest?.start === f.at?.t0);
  const part = own ?? evidence?.parts.toSorted((a, b) => b.ns - a.ns)[0] ?? null;
  // The waits of that kind alone: what follows each of them, being runnable, stands at the same line.
  const ofKind = at === null || part === null ? null : { ...at, kind: WIRE[classOf(part.kind)] ?? '' };
  const instances = useAsk(app, 'waitline/timelineInstances', ofKind, protocol.instances);
  const lengths =
    instances.state === 'there' && instances.value.of <= instances.value.found.length
      ? instances.value.found.map((r) => r.end - r.start)
      : [];
  const wait =
    f.at ??
    (part?.longest === null || part === null
      ? null
      : { t0: part.longest.start, t1: part.longest.start + part.longest.ns, g: part.longest.g });
  return (
    <div class="detail">
      <h1>{f.message}</h1>
      <div>
        <Mark finding={f} /> {f.code} · <PlaceLink app={app} place={f.place} />{' '}
        {f.place !== null && <span class="dim">{shortFunc(f.place.func)}</span>} {app.range !== null && <WholeTrace />}
      </div>
      {lengths.length > 0 && <Lengths of={histogram(lengths)} app={app} stage={stage} kind={part?.kind ?? ''} />}
      {part !== null && (
        <div class="facts">
          {part.p50 !== null && <Fact name="p50" says={duration(part.p50)} />}
          {part.p90 !== null && <Fact name="p90" says={duration(part.p90)} />}
          {part.p99 !== null && <Fact name="p99" says={duration(part.p99)} />}
          <Fact name="longest" says={part.longest === null ? '–' : duration(part.longest.ns)} />
          <Fact name="times" says={count(part.n)} />
          {part.open > 0 && (
            <Fact name="at the end" says={part.open >= part.n ? 'all still open' : `${count(part.open)} still open`} />
          )}
        </div>
      )}
      {evidence !== null && (
        <div class="columns">
          {evidence.callers.some((c) => c.place !== null) && (
            <Who
              app={app}
              title="Called from"
              nobody="no own line"
              of={evidence.callers}
              figure={(c) => duration(c.ns)}
            />
          )}
          {evidence.wakers.length > 0 && (
            <Who
              app={app}
              title="Who let them go on"
              nobody="a timer, the network or the collector"
              of={evidence.wakers}
              figure={(c) => count(c.n)}
            />
          )}
        </div>
      )}
      {wait !== null && wait.g > 0 && <Strip app={app} stage={stage} g={wait.g} t0={wait.t0} t1={wait.t1} />}
      {f.detail.length > 0 && <h3>Why this is reported</h3>}
      {f.detail.map((d) => (
        <p key={d}>{d}</p>
      ))}
      {f.related.length > 0 && <h3>See also</h3>}
      {f.related.map((r) => (
        <div key={`${r.text} ${r.place?.recorded}`}>
          <PlaceLink app={app} place={r.place} /> {r.text}
        </div>
      ))}
      <div class="buttons">
        {f.place?.uri !== null && f.place !== null && (
          <button type="button" class="button primary" onClick={() => f.place !== null && app.openPlace(f.place, true)}>
            Open line
          </button>
        )}
        {wait !== null && wait.g > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => {
              app.setTab('timeline');
              app.show(around(wait.t0, wait.t1, app.end, 0.5), false);
              void app.select(`g:${wait.g}`, (wait.t0 + wait.t1) / 2, { moveTo: true });
            }}
          >
            Longest wait in timeline
          </button>
        )}
        <button
          type="button"
          class="button"
          onClick={() => void copyText(app, [words(f), evidence?.text ?? ''].join('\n'), 'The evidence is copied.')}
        >
          Copy evidence
        </button>
        <button type="button" class="button" aria-expanded={explained} onClick={() => explain(!explained)}>
          What it means
        </button>
        <Ignore app={app} finding={f} />
      </div>
      {explained && <Meaning app={app} code={f.code} />}
    </div>
  );
}

function Fact({ name, says }: { name: string; says: string }) {
  return (
    <div>
      <div class="dim">{name}</div>
      <div>{says}</div>
    </div>
  );
}

/** Red is a finding, however grave: that is told in a word. */
function Mark({ finding: f }: { finding: Finding }) {
  return (
    <span class="finding" role="img" aria-label={f.severity} title={f.severity}>
      ▲
    </span>
  );
}

interface Counted {
  place: Place | null;
  n: number;
  ns: number;
}

function Who({
  app,
  title,
  nobody,
  of,
  figure,
}: {
  app: App;
  title: string;
  /** What has no place. */
  nobody: string;
  of: readonly Counted[];
  figure: (c: Counted) => string;
}) {
  return (
    <div>
      <h3>{title}</h3>
      {of.slice(0, 5).map((c) => (
        <div class="pair" key={`${c.place?.func} ${c.place?.recorded}`}>
          <span>{c.place === null ? nobody : shortFunc(c.place.func)}</span>
          <PlaceLink app={app} place={c.place} />
          <span class="num">{figure(c)}</span>
        </div>
      ))}
    </div>
  );
}

/** How long they waited: a log histogram, as elements, so that it is read as well as seen. */
function Lengths({ of, stage, kind }: { app: App; stage: Stage; of: Histogram | null; kind: string }) {
  if (of === null) return null;
  const most = of.bins.reduce((a, b) => Math.max(a, b.n), 1);
  const cls = kind === '' ? CLASS.channel : classOf(kind);
  const colour = stage.currentTheme?.colour[cls] ?? '';
  return (
    <>
      <h3>How long they waited</h3>
      <div class="histogram">
        {of.bins.map((b) => (
          <div key={b.from} title={`${duration(b.from)} to ${duration(b.to)}: ${grouped(b.n)}`}>
            <span class="dim">{b.n * 12 > most ? grouped(b.n) : ''}</span>
            <div
              class="bar"
              style={{ height: `${b.n === 0 ? 0 : Math.max((b.n / most) * 56, 1)}px`, background: colour }}
            />
          </div>
        ))}
      </div>
      <div class="axis dim">
        <span>{duration(of.least)}</span>
        <span>{duration(of.most)}</span>
      </div>
    </>
  );
}
