// What the tabs share: waiting for an answer, the filter of the scope bar, the key to stacked bars.
import type { App, Only } from '../app.ts';
import { CLASS, type Class, NAMES } from '../model/classes.ts';
import type { Json } from '../model/read.ts';
import type { Asked } from '../ui/ask.ts';
import type { Stage } from '../ui/stage.ts';
import { Swatch } from '../ui/swatch.tsx';

/** Every figure counts what the scope bar says: the range by itself, the rest as it is named here. */
export function filterOf(app: App, more: { [key: string]: Json } = {}): { [key: string]: Json } {
  const filter = { ...(app.only === null ? {} : { [app.only.kind]: app.only.id }), ...more };
  return Object.keys(filter).length === 0 ? {} : { filter };
}

/** Narrows what is counted, and shows it as a profile. */
export function profileOf(app: App, kind: Only['kind'], id: string | number, name: string): void {
  app.only = { kind, id, name };
  app.setTab('profiles');
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

const KEYS: readonly Class[] = [
  CLASS.running,
  CLASS.runnable,
  CLASS.lock,
  CLASS.channel,
  CLASS.network,
  CLASS.sleep,
  CLASS.syscall,
  CLASS.assist,
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
