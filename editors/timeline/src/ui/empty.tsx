// What stands where there is nothing to draw: it says what was looked at, and offers the next step.
import type { App } from '../app.ts';
import { baseName, bytes, duration, figure } from '../model/format.ts';
import type { Loading as Load } from '../model/protocol.ts';

export function NoTrace({ app }: { app: App }) {
  return (
    <div class="empty">
      <p class="strong">No trace. Load a trace to see where this program waits.</p>
      {app.message !== '' && <p>{app.message}</p>}
      <p class="dim">From a test</p>
      <pre>go test -trace=trace.out ./...</pre>
      <p class="dim">From a running server, 2 s</p>
      <pre>curl 'localhost:6060/debug/pprof/trace?seconds=2' &gt;trace.out</pre>
      <p class="dim">Then load it in the editor, or open it from a shell</p>
      <pre>waitline timeline trace.out</pre>
    </div>
  );
}

export function Loading({ app }: { app: App }) {
  const l = app.loading;
  if (l === null) return <div class="empty" />;
  const said = [
    l.of > 0 ? `${bytes(l.bytes)} of ${bytes(l.of)}` : l.bytes > 0 ? bytes(l.bytes) : '',
    timeLeft(l.secondsLeft),
  ].filter((s) => s !== '');
  return (
    <div class="empty">
      <p>
        <span class="strong">{baseName(l.trace)}</span> <span class="dim">{doing(l)}</span>
      </p>
      <Progress share={l.share} />
      {!l.judging && (
        <p>
          <b>{figure(l.share * 100)} %</b>
          {said.map((s) => ` · ${s}`).join('')}
        </p>
      )}
      <button type="button" class="button" onClick={() => void app.cancelLoad()}>
        Cancel
      </button>
    </div>
  );
}

function doing(l: Load): string {
  return l.judging ? 'read; its waits are being judged' : 'reading';
}

function timeLeft(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 1) return 'under 1 s left';
  return seconds < 120 ? `about ${Math.round(seconds)} s left` : `about ${Math.round(seconds / 60)} min left`;
}

/** Another trace is read while one is shown: what there is stays, and says so. */
export function LoadingBar({ app }: { app: App }) {
  const l = app.loading;
  if (l === null || app.phase !== 'ready') return null;
  return (
    <div class="note loading" role="status">
      <span>
        <span class="strong">{baseName(l.trace)}</span> <span class="dim">{doing(l)}</span>{' '}
        {!l.judging && <b>{figure(l.share * 100)} %</b>}
      </span>
      <span class="dim">{timeLeft(l.secondsLeft)}</span>
      <Progress share={l.share} />
      <button type="button" class="button" onClick={() => void app.cancelLoad()}>
        Cancel
      </button>
    </div>
  );
}

/** Some lanes are there, the others are being made. */
export function Growing({ app }: { app: App }) {
  const { info } = app;
  if (info === null || info.ready || info.lanes.length === 0) return null;
  const until = info.until === null ? '' : `, up to ${duration(info.until)}`;
  return (
    <div class="note loading" role="status">
      <span>
        Lanes are being made: <b>{figure(info.progress * 100)} %</b>
        {until}. What is there can be used; costs are ranked at the end.
      </span>
      <Progress share={info.progress} />
    </div>
  );
}

/** The trace is there, its lanes are being made. */
export function Indexing({ app }: { app: App }) {
  const share = app.info?.progress ?? 0;
  return (
    <div class="empty">
      <p>
        <span class="strong">{baseName(app.state?.trace ?? '')}</span> <span class="dim">lanes are being made</span>
      </p>
      <Progress share={share} />
      <p>
        <b>{figure(share * 100)} %</b>. The other views can be used meanwhile.
      </p>
    </div>
  );
}

function Progress({ share }: { share: number }) {
  return (
    <div
      class="progress"
      role="progressbar"
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ width: `${(share * 100).toFixed(1)}%` }} />
    </div>
  );
}

export function Failed({ app }: { app: App }) {
  return (
    <div class="empty" role="alert">
      <p class="strong">{app.message}</p>
      <button
        type="button"
        class="button"
        onClick={() => {
          app.phase = 'connecting';
          void app.begin();
        }}
      >
        Try again
      </button>
    </div>
  );
}
