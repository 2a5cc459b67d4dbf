// The legend: each form with its name; an entry filters by its state.
import type { App } from '../app.ts';
import { BRIEF, CLASS, type Class, NAMES } from '../model/classes.ts';
import type { Stage } from './stage.ts';
import { Swatch } from './swatch.tsx';

const ENTRIES: readonly Class[] = [
  CLASS.running,
  CLASS.runnable,
  CLASS.lock,
  CLASS.channel,
  CLASS.network,
  CLASS.sleep,
  CLASS.syscall,
  CLASS.assist,
  CLASS.gcWait,
  CLASS.stw,
];

export function Legend({ app, stage }: { app: App; stage: Stage }) {
  const theme = stage.currentTheme;
  return (
    <div
      class={app.cls === null ? 'legend' : 'legend filtered'}
      role="toolbar"
      aria-label="States; each filters by itself"
    >
      {ENTRIES.map((cls) => (
        <button
          type="button"
          class={cls === CLASS.stw ? 'filter wide' : 'filter'}
          key={cls}
          aria-pressed={app.cls === cls}
          onClick={() => app.setClass(cls)}
        >
          <Swatch theme={theme} cls={cls} />
          {app.size.narrow ? BRIEF[cls] : NAMES[cls]}
        </button>
      ))}
      <button
        type="button"
        class="toggle"
        aria-pressed={app.showIdle}
        title="I: idle on or off"
        onClick={() => {
          app.showIdle = !app.showIdle;
          app.save();
          app.all();
        }}
      >
        <Swatch theme={theme} cls={CLASS.channel} variant="idle" />
        {app.showIdle ? '☑' : '☐'} idle
      </button>
      <button
        type="button"
        aria-pressed={app.allFlows}
        class="toggle"
        title="X: all wakes in view"
        onClick={() => {
          app.allFlows = !app.allFlows;
          if (app.allFlows) void app.data.fetchFlows();
          app.dirty('overlay', 'elements');
        }}
      >
        {app.allFlows ? '☑' : '☐'} {app.size.narrow ? 'wakes' : 'all wakes'}
      </button>
      <span class="grow" />
      <span ref={stage.attachScale} />
    </div>
  );
}
