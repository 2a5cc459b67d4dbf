//! How many goroutines of a group were in each state, cell by cell.
//!
//! Where a window holds little enough of a group, its goroutines are gone over, which is exact. Else
//! the group's sums over slices of time are taken, cut in proportion at a cell's edges.

use super::class::{TONES, Tone};
use super::groups::Group;
use super::lanes::{Walk, unpack};
use super::tile::{Cells, LaneRects, Rect};
use super::{GoRef, Index};

/// So many slices of time a group has at most.
const MOST_SLICES: i64 = 16_384;
/// A group with fewer spans needs no sums.
const SMALL: usize = 4096;
/// So many steps are made for a window before sums are taken instead.
const STEPS: u32 = 200_000;

/// Sums of a group over slices of time, from the trace's beginning.
#[derive(Debug, Default)]
pub(super) struct Density {
    /// A slice is 2 to this many nanoseconds.
    shift: u32,
    tones: Vec<u8>,
    /// By tone: the time up to each slice's beginning, and one more.
    up_to: Vec<Vec<u64>>,
}

impl Density {
    /// `None` where the goroutines can be gone over.
    pub(super) fn new(index: &Index, gos: &[GoRef]) -> Option<Density> {
        let blocks: usize =
            gos.iter().filter_map(|&go| index.go(go)).map(|go| go.lane.n as usize).sum();
        let spans = || {
            let lanes = gos.iter().filter_map(|&go| index.go(go)).map(|go| go.lane);
            lanes.flat_map(|lane| index.spans.all(lane))
        };
        if blocks * 64 < SMALL {
            return None;
        }
        let count = spans().count();
        if count < SMALL {
            return None;
        }
        // No finer than there are spans: many groups must not take more than what they hold.
        let slices = (count as i64 / 16).clamp(64, MOST_SLICES);
        let mut shift = 0;
        while index.end >> shift >= slices {
            shift += 1;
        }
        let n = (index.end >> shift) as usize + 1;
        let mut rows = [usize::MAX; TONES];
        let mut tones = Vec::new();
        let mut parts: Vec<Vec<u64>> = Vec::new();
        let mut fulls: Vec<Vec<i64>> = Vec::new();
        for span in spans() {
            let row = &mut rows[usize::from(span.tone.0) % TONES];
            if *row == usize::MAX {
                *row = tones.len();
                tones.push(span.tone.0);
                parts.push(vec![0; n]);
                fulls.push(vec![0; n + 1]);
            }
            let (start, end) = (span.start.max(0), span.end.min(index.end));
            if end <= start {
                continue;
            }
            let (first, last) = ((start >> shift) as usize, ((end - 1) >> shift) as usize);
            let (parts, fulls) = (&mut parts[*row], &mut fulls[*row]);
            if first == last {
                parts[first] += (end - start) as u64;
            } else {
                parts[first] += (((first as i64 + 1) << shift) - start) as u64;
                parts[last] += (end - ((last as i64) << shift)) as u64;
                fulls[first + 1] += 1;
                fulls[last] -= 1;
            }
        }
        let up_to = parts
            .iter()
            .zip(&fulls)
            .map(|(parts, fulls)| {
                let (mut sum, mut full) = (0u64, 0i64);
                let mut up_to = Vec::with_capacity(n + 1);
                up_to.push(0);
                for (part, change) in parts.iter().zip(fulls) {
                    full += change;
                    sum += part + ((full.max(0) as u64) << shift);
                    up_to.push(sum);
                }
                up_to
            })
            .collect();
        Some(Density { shift, tones, up_to })
    }

    pub(super) fn bytes(&self) -> usize {
        self.up_to.iter().map(|u| u.len() * 8).sum()
    }

    /// The time of a tone up to `t`.
    fn up_to(&self, row: usize, t: i64) -> u64 {
        let Some(up_to) = self.up_to.get(row) else { return 0 };
        let t = t.max(0);
        let slice = ((t >> self.shift) as usize).min(up_to.len() - 1);
        let before = up_to[slice];
        let within = up_to.get(slice + 1).map_or(0, |next| next - before);
        let part = (t - ((slice as i64) << self.shift)).min(1 << self.shift) as u128;
        before + ((u128::from(within) * part) >> self.shift) as u64
    }
}

/// Adds up goroutines cell by cell.
struct Adder {
    cells: Cells,
    sums: Vec<Vec<(u8, u64)>>,
    cell: i64,
    cell_end: i64,
    steps: u32,
}

impl Adder {
    fn advance(&mut self, t: i64) {
        if t >= self.cell_end {
            self.cell = self.cells.cell(t);
            self.cell_end = self.cells.edge(self.cell + 1);
        }
    }

    /// The next goroutine begins somewhere else.
    fn rewind(&mut self) {
        (self.cell, self.cell_end) = (0, self.cells.edge(1));
    }

    fn add(&mut self, tone: u8, ns: u64) {
        if let Some(sums) = self.sums.get_mut(self.cell as usize) {
            super::lanes::add(sums, tone, ns);
        }
        self.steps += 1;
    }
}

impl Walk for Adder {
    fn fits(&mut self, from: i64, to: i64) -> bool {
        self.advance(from);
        to <= self.cell_end
    }

    fn sums(&mut self, from: i64, _: i64, parts: &[u64]) {
        self.advance(from);
        for &part in parts {
            let (tone, ns) = unpack(part);
            self.add(tone.0, ns);
        }
    }

    fn span(&mut self, from: i64, to: i64, tone: Tone, _: u32) {
        let (mut at, end) = (from.max(self.cells.t0), to.min(self.cells.t1));
        while at < end {
            self.advance(at);
            let until = end.min(self.cell_end);
            self.add(tone.0, (until - at) as u64);
            at = until;
        }
    }
}

impl Index {
    /// By cell: the time of a group by tone. Exact, if that is cheap enough.
    pub(super) fn group_sums(&self, group: &Group, cells: Cells) -> (Vec<Vec<(u8, u64)>>, bool) {
        let sums = vec![Vec::new(); cells.n as usize];
        let mut adder = Adder { cells, sums, cell: 0, cell_end: cells.edge(1), steps: 0 };
        let mut exact = true;
        for go in group.alive(self, cells.t0, cells.t1) {
            let Some(go) = self.go(go) else { continue };
            adder.rewind();
            self.spans.walk(&go.lane, cells.t0, cells.t1, &mut adder);
            if adder.steps > STEPS && group.density.is_some() {
                exact = false;
                break;
            }
        }
        let Some(density) = group.density.as_ref().filter(|_| !exact) else {
            return (adder.sums, true);
        };
        let mut sums = vec![Vec::new(); cells.n as usize];
        for (row, &tone) in density.tones.iter().enumerate() {
            let mut before = density.up_to(row, cells.t0);
            for (cell, sums) in (1..).zip(sums.iter_mut()) {
                let until = density.up_to(row, cells.edge(cell));
                if until > before {
                    sums.push((tone, until - before));
                }
                before = until;
            }
        }
        (sums, false)
    }

    pub(super) fn density(&self, group: &Group, cells: Cells, lane: &mut LaneRects) {
        let (mut sums, _) = self.group_sums(group, cells);
        let width =
            |cell: usize| (cells.edge(cell as i64 + 1) - cells.edge(cell as i64)).max(1) as u64;
        let peak = sums
            .iter()
            .enumerate()
            .map(|(cell, sums)| sums.iter().map(|s| s.1).sum::<u64>().div_ceil(width(cell)))
            .max()
            .unwrap_or(0);
        lane.peak = u32::try_from(peak).unwrap_or(u32::MAX);
        // Rects of one cell stand together, the lowest class first; equal cells are one.
        let mut last: Vec<Rect> = Vec::new();
        for (cell, sums) in sums.iter_mut().enumerate() {
            sums.sort_unstable();
            let (from, to) = (cells.edge(cell as i64), cells.edge(cell as i64 + 1));
            let now: Vec<Rect> = sums
                .iter()
                .filter_map(|&(tone, ns)| {
                    let whole = u128::from(width(cell)) * u128::from(peak.max(1));
                    let fill = (u128::from(ns) * 64 / whole).min(64) as u16;
                    let tone = Tone(tone);
                    let x0 = cells.x(from);
                    (ns > 0).then(|| Rect {
                        x0,
                        x1: cells.x(to).max(x0 + 1),
                        class: tone.class() as u8,
                        verdict: tone.verdict_number(),
                        fill: (fill * 4).clamp(1, 255) as u8,
                        flags: super::tile::JOINED,
                        ..Rect::default()
                    })
                })
                .collect();
            let same = now.len() == last.len()
                && !now.is_empty()
                && now.iter().zip(&last).all(|(a, b)| {
                    (a.class, a.verdict, a.fill) == (b.class, b.verdict, b.fill) && a.x0 == b.x1
                });
            if same {
                for (last, now) in last.iter_mut().zip(&now) {
                    last.x1 = now.x1;
                }
            } else {
                lane.rects.append(&mut last);
                last = now;
            }
        }
        lane.rects.append(&mut last);
    }
}
