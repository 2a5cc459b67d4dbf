// A wait on its goroutine with its waker below: two lanes of the timeline, small.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { App } from '../app.ts';
import { LaneDrawing } from '../draw/lanes.ts';
import { drawOverlay, RULER } from '../draw/overlay.ts';
import { course } from '../model/format.ts';
import type { Slice } from '../model/protocol.ts';
import { layout, type Row } from '../model/rows.ts';
import { decodeTile, type LaneTile } from '../model/tile.ts';
import type { Ns } from '../model/units.ts';
import { around } from '../model/viewport.ts';
import type { Stage } from './stage.ts';

const WIDTH = 420;

interface Loaded {
  slice: Slice;
  lanes: Map<string, LaneTile>;
}

export function Strip({ app, stage, g, t0, t1 }: { app: App; stage: Stage; g: number; t0: Ns; t1: Ns }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const view = around(t0, t1, app.end, 0.12);
  useLayoutEffect(() => {
    let current = true;
    const load = async () => {
      const slice = await app.data.slice(`g:${g}`, (t0 + t1) / 2, false);
      if (slice === null) return;
      const lanes = [
        `g:${g}`,
        ...(slice.waker !== null && slice.waker.g > 0 && slice.waker.g !== g ? [`g:${slice.waker.g}`] : []),
      ];
      const key = {
        analysis: app.state?.analysis ?? 0,
        t0: Math.floor(view.t0),
        t1: Math.ceil(view.t1),
        width: WIDTH,
        lanes,
      };
      const tile = decodeTile(await app.host.tile(key), lanes.length);
      if (current)
        setLoaded({
          slice,
          lanes: new Map(lanes.flatMap((l, i) => (tile.lanes[i] === undefined ? [] : [[l, tile.lanes[i]] as const]))),
        });
    };
    load().catch(() => {
      // The strip is an extra: the evidence stands without it.
    });
    return () => {
      current = false;
    };
  }, [g, t0, t1]);

  useLayoutEffect(() => {
    const theme = stage.currentTheme;
    const a = canvas.current?.getContext('2d');
    const b = over.current?.getContext('2d');
    if (theme === null || loaded === null || a === null || a === undefined || b === null || b === undefined) return;
    const dpr = window.devicePixelRatio || 1;
    const rows = layout([...loaded.lanes.keys()].map(stripRow));
    const height = rows.height;
    for (const [ctx, h] of [
      [a, height],
      [b, height + RULER],
    ] as const) {
      ctx.canvas.width = WIDTH * dpr;
      ctx.canvas.height = h * dpr;
      ctx.canvas.style.width = `${WIDTH}px`;
      ctx.canvas.style.height = `${h}px`;
      ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    }
    const raised = { ...theme, bg: theme.raised };
    new LaneDrawing(raised, dpr).bars(a, {
      view,
      width: WIDTH,
      height,
      scroll: 0,
      end: app.end,
      layout: rows,
      tile: (lane) => loaded.lanes.get(lane) ?? null,
      counters: null,
      everyone: [],
      mostBusy: 0,
      ticks: [],
      showIdle: true,
      keeps: null,
      selectedRow: -1,
      name: () => null,
    });
    drawOverlay(
      b,
      {
        view,
        width: WIDTH,
        height: height + RULER,
        scroll: 0,
        layout: rows,
        end: app.end,
        ticks: { step: 1, at: [] },
        hover: null,
        selected: { row: 0, start: loaded.slice.start, end: loaded.slice.end, lower: false },
        slice: loaded.slice,
        onPs: [],
        flows: [],
        chain: [],
        next: null,
        marks: [],
        range: null,
        dragging: null,
        pointer: null,
      },
      raised,
    );
  });

  if (loaded === null) return null;
  const waker = loaded.slice.waker;
  return (
    <>
      <h3>
        The longest one, on G{g}
        {waker !== null && waker.g > 0 && `, and its waker G${waker.g}`}
      </h3>
      <div class="strip">
        <div class="dim">
          {[...loaded.lanes.keys()].map((l) => (
            <div key={l}>G{l.slice(2)}</div>
          ))}
        </div>
        <div class="strip-field">
          <canvas ref={canvas} aria-hidden="true" />
          <canvas ref={over} aria-hidden="true" />
        </div>
      </div>
      <div class="dim">{course(loaded.slice.start, loaded.slice.end)}</div>
    </>
  );
}

function stripRow(lane: string): Row {
  return { kind: 'lane', id: lane, height: 20, indent: 0, name: '', extra: '', figure: '', lanes: [lane] };
}
