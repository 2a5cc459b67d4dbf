// What the tabs share: waiting for an answer, the filter of the scope bar, the key to stacked bars.
import { useEffect, useState } from 'preact/hooks';
import type { App } from '../app.ts';
import { CLASS, type Class, NAMES } from '../model/classes.ts';
import { type Filter, filterParams, has } from '../model/filter.ts';
import type { Option } from '../model/link.ts';
import type { Json } from '../model/read.ts';
import type { Asked } from '../ui/ask.ts';
import type { Stage } from '../ui/stage.ts';
import { Swatch } from '../ui/swatch.tsx';

/** Every figure counts what the scope bar says: the range by itself, the rest as it is named here. */
export function filterOf(app: App, more: { [key: string]: Json } = {}): { [key: string]: Json } {
  const filter = { ...filterParams(app.filters), ...more };
  return Object.keys(filter).length === 0 ? {} : { filter };
}

/** Pixels for a bar in a table: as many as are left beside the other columns, and no more than it is good for. */
export function useRoom(beside: number, most: number): number {
  const room = () => Math.max(Math.min(window.innerWidth - beside, most), 120);
  const [width, setWidth] = useState(room);
  useEffect(() => {
    const resized = () => setWidth(room());
    window.addEventListener('resize', resized);
    return () => window.removeEventListener('resize', resized);
  }, [beside, most]);
  return width;
}

/** What a view keeps while others are looked at, and what a link to it says. `first`: how it is without a word. */
export function useOption(app: App, key: Option, first: string): [string, (value: string) => void] {
  return [app.options.get(key) ?? first, (value) => app.setOption(key, value === first ? null : value)];
}

/** Counts this part alone, in every view; pressed while it does. */
export function OnlyButton({ app, filter, children }: { app: App; filter: Filter; children: string }) {
  const on = has(app.filters, filter);
  return (
    <button
      type="button"
      class="button"
      aria-pressed={on}
      onClick={() => (on ? app.widen(filter.kind) : app.narrow(filter))}
    >
      {children}
    </button>
  );
}

export function Asking({ asked }: { asked: Asked<unknown> }) {
  if (asked.state === 'failed') {
    return (
      <div class="empty" role="alert">
        <p>{asked.why}</p>
      </div>
    );
  }
  return <div class="empty dim">Counting.</div>;
}

/** The parts of bars (model/analyses.ts). */
const KEYS: readonly Class[] = [
  CLASS.running,
  CLASS.runnable,
  CLASS.lock,
  CLASS.channel,
  CLASS.network,
  CLASS.sleep,
  CLASS.syscall,
  CLASS.gcWait,
];

export function StateKey({ stage }: { stage: Stage }) {
  return (
    <span class="state-key">
      {KEYS.map((cls) => (
        <span class="with-swatch" key={cls}>
          <Swatch theme={stage.currentTheme} cls={cls} />
          {NAMES[cls]}
        </span>
      ))}
    </span>
  );
}
