// Find: what is typed, what was found, one at a time by Enter or the arrows.
import type { App } from '../app.ts';
import { duration, grouped, moment } from '../model/format.ts';

export function Find({ app }: { app: App }) {
  const f = app.finder.current;
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'Enter' || e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      e.stopPropagation();
      const back = e.key === 'ArrowUp' || (e.key === 'Enter' && e.shiftKey);
      void app.finder.step(back ? -1 : 1, e.key !== 'Enter');
    }
  };
  const count =
    f === null || f.typed === ''
      ? null
      : f.searching
        ? '…'
        : f.at >= 0
          ? `${f.at + 1} of ${grouped(f.of)}`
          : grouped(f.of);
  return (
    <search class="find">
      <input
        id="find"
        type="text"
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        placeholder={app.size.narrow ? 'Find' : 'Find goroutine, function, file:line, task'}
        aria-label="Find goroutine, function, file:line, task"
        aria-description={NARROWING}
        value={f?.typed ?? ''}
        onInput={(e) => app.finder.typed(e.currentTarget.value)}
        onKeyDown={onKeyDown}
        onFocus={() => app.finder.reopen()}
      />
      {count !== null ? <span class="n">{count}</span> : <kbd aria-hidden="true">/</kbd>}
      {f?.open === true && !f.searching ? (
        <Drop app={app} />
      ) : (
        (f === null || f.searching || f.typed === '') && <div class="drop hint dim">{NARROWING}</div>
      )}
    </search>
  );
}

/** What may be typed beside a name. */
const NARROWING = 'state:lock, state:runnable and such narrow it to a state, >1ms to what is longer.';

function Drop({ app }: { app: App }) {
  const f = app.finder.current;
  if (f === null) return null;
  if (f.found.length === 0) {
    return (
      <div class="drop">
        <div class="none">
          <div class="strong">No goroutine, function, line or task matches "{f.typed}".</div>
          <div class="dim">{searched(app)}</div>
          <button type="button" class="link" onClick={() => app.finder.clear()}>
            Clear
          </button>
        </div>
      </div>
    );
  }
  const first = Math.max(0, Math.min(f.at - 5, f.found.length - 10));
  return (
    <div class="drop" role="listbox" aria-label="Found">
      {f.found.slice(first, first + 10).map((r, i) => (
        <button
          type="button"
          class="item"
          role="option"
          key={`${r.lane} ${r.start}`}
          aria-selected={f.at === first + i}
          onClick={() => void app.finder.choose(first + i)}
        >
          <span class="what">{r.title}</span> <span class="where dim">{r.where}</span>{' '}
          <span class="num">{r.g > 0 ? `G${r.g}` : ''}</span> <span class="num dim">{moment(r.start)}</span>{' '}
          <span class="num">{duration(r.end - r.start)}</span>
        </button>
      ))}
      <div class="none dim">
        Enter goes to the next, Shift Enter to the one before.{' '}
        {f.of > f.found.length && `The ${grouped(f.found.length)} longest of ${grouped(f.of)} are listed. `}
        {NARROWING}
      </div>
    </div>
  );
}

function searched(app: App): string {
  const n = app.info?.groups.reduce((sum, g) => sum + g.n, 0) ?? 0;
  return `${grouped(n)} goroutines and ${grouped(app.info?.groups.length ?? 0)} functions were searched.`;
}
