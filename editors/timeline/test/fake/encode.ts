// Writes tiles, as the server does: for the fake host and for the tests of what reads them.

export interface FakeRect {
  x0: number;
  x1: number;
  cls: number;
  verdict?: number;
  flags?: number;
  fill?: number;
  label?: number;
  g?: number;
}

export interface FakeLane {
  peak?: number;
  flags?: number;
  rects: FakeRect[];
}

export function encodeTile(
  head: { analysis: number; t0: number; t1: number; width: number },
  lanes: FakeLane[],
): ArrayBuffer {
  const n = lanes.reduce((sum, l) => sum + l.rects.length, 0);
  const octets = new ArrayBuffer(32 + lanes.length * 16 + n * 16);
  const view = new DataView(octets);
  view.setUint32(0, 0x574c5432, false);
  view.setUint32(4, head.analysis, true);
  view.setBigUint64(8, BigInt(head.t0), true);
  view.setBigUint64(16, BigInt(head.t1), true);
  view.setUint32(24, head.width, true);
  view.setUint32(28, lanes.length, true);
  let at = 32 + lanes.length * 16;
  lanes.forEach((lane, i) => {
    view.setUint32(32 + i * 16, at, true);
    view.setUint32(36 + i * 16, lane.rects.length, true);
    view.setUint32(40 + i * 16, lane.peak ?? 0, true);
    view.setUint32(44 + i * 16, lane.flags ?? 0, true);
    for (const r of lane.rects) {
      view.setUint16(at, r.x0, true);
      view.setUint16(at + 2, r.x1, true);
      view.setUint8(at + 4, r.cls);
      view.setUint8(at + 5, r.verdict ?? 0);
      view.setUint8(at + 6, r.flags ?? 0);
      view.setUint8(at + 7, r.fill ?? 255);
      view.setUint32(at + 8, r.label ?? 0, true);
      view.setUint32(at + 12, r.g ?? 0, true);
      at += 16;
    }
  });
  return octets;
}
