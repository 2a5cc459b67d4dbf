//! How many goroutines of a group were in each state, cell by cell.
//!
//! Where a window holds little enough of a group, its goroutines are gone over, which is exact. Else
//! the group's sums over slices of time are taken, cut in proportion at a pixel's edges. Either is done
//! once, by pixel: wider cells are pixels together.

use super::cells::Cells;
use super::class::{TONES, Tone};
use super::groups::Group;
use super::lanes::{Lane, Walk};
use super::sums::unpack;
use super::tile::{LaneRects, Rect};
use super::{GoRef, Index};

/// So many slices of time a group has at most.
const MOST_SLICES: i64 = 1 << 16;
/// A group with fewer spans needs no sums.
const SMALL: usize = 4096;
/// A window that holds about so many spans of a group is gone over.
const FEW: u128 = 32_768;
/// So many steps are made for a window before sums are taken instead.
const STEPS: u32 = 150_000;

/// Sums of a group over slices of time, from the trace's beginning.
#[derive(Debug, Default)]
pub(super) struct Density {
    /// A slice is 2 to this many nanoseconds.
    shift: u32,
    /// How many spans there are.
    spans: usize,
    tones: Vec<u8>,
    /// The time up to each slice's beginning, and up to the end: slice by slice, a column for each
    /// tone.
    up_to: Vec<u64>,
}

impl Density {
    /// Of goroutines with so many spans; `None` where they can be gone over.
    pub(super) fn new(index: &Index, gos: &[GoRef], spans: usize) -> Option<Density> {
        let shift = shift(index, spans)?;
        let mut making = Making::new(index.end, shift);
        making.add(index, gos);
        Some(making.finish(spans))
    }

    /// Of the goroutines of all groups. Large groups have slices as short, and are not gone over again.
    pub(super) fn of_all(index: &Index, groups: &[Group], spans: usize) -> Option<Density> {
        let shift = shift(index, spans)?;
        let mut making = Making::new(index.end, shift);
        let mut made = Vec::new();
        for group in groups {
            match group.density.as_ref().filter(|density| density.shift == shift) {
                Some(density) => made.push(density),
                None => making.add(index, &group.gos),
            }
        }
        for density in &made {
            for &tone in &density.tones {
                making.row(tone);
            }
        }
        let mut all = making.finish(spans);
        for density in made {
            let columns: Vec<Option<usize>> = (density.tones.iter())
                .map(|tone| all.tones.iter().position(|it| it == tone))
                .collect();
            let rows = density.up_to.chunks_exact(density.tones.len().max(1));
            for (all, row) in all.up_to.chunks_exact_mut(all.tones.len().max(1)).zip(rows) {
                for (&column, &ns) in columns.iter().zip(row) {
                    if let Some(sum) = column.and_then(|column| all.get_mut(column)) {
                        *sum = sum.saturating_add(ns);
                    }
                }
            }
        }
        Some(all)
    }

    pub(super) fn bytes(&self) -> usize {
        self.up_to.len() * 8
    }

    /// Whether sums are taken for this window: there are many spans in it, and a slice is no wider than
    /// a pixel, or there are too many to go over `gos` goroutines.
    fn is_enough(&self, cells: Cells, end: i64, gos: usize) -> bool {
        let span = u128::from((cells.t1.min(end) - cells.t0.max(0)).max(0) as u64);
        let spans = self.spans as u128 * span / u128::from(end.max(1) as u64);
        // Of a long goroutine no more is gone over than cells have tones.
        let steps = spans.min(gos as u128 * cells.n as u128 * self.tones.len() as u128);
        let is_fine = (cells.t1 - cells.t0) >> self.shift >= cells.n;
        spans > FEW && (is_fine || steps > u128::from(STEPS))
    }

    fn sums(&self, cells: Cells) -> CellSums {
        let columns = self.tones.len();
        let mut ns = vec![Vec::with_capacity(cells.n as usize); columns];
        let (mut before, mut until) = (vec![0; columns], vec![0; columns]);
        self.up_to(cells.t0, &mut before);
        for cell in 1..=cells.n {
            self.up_to(cells.edge(cell), &mut until);
            for ((ns, before), until) in ns.iter_mut().zip(&before).zip(&until) {
                ns.push(until.saturating_sub(*before));
            }
            std::mem::swap(&mut before, &mut until);
        }
        CellSums { tones: self.tones.clone(), ns }
    }

    /// The time of each tone up to `t`.
    fn up_to(&self, t: i64, out: &mut [u64]) {
        let columns = self.tones.len();
        let t = t.max(0);
        let slice = ((t >> self.shift) as usize).min(self.up_to.len() / columns.max(1) - 1);
        let part = (t - ((slice as i64) << self.shift)).min(1 << self.shift) as u128;
        let row = self.up_to.get(slice * columns..).unwrap_or_default();
        let next = row.get(columns..).filter(|next| !next.is_empty());
        for (i, (out, &before)) in out.iter_mut().zip(row).enumerate() {
            let within = next.and_then(|next| next.get(i)).map_or(0, |next| next - before);
            *out = before + ((u128::from(within) * part) >> self.shift) as u64;
        }
    }
}

/// How many spans some goroutines have.
pub(super) fn n_spans(index: &Index, gos: &[GoRef]) -> usize {
    let blocks = |lane: Lane<'_>| (0..lane.n_blocks()).map(|i| lane.block(i).n).sum::<usize>();
    gos.iter().filter_map(|&go| index.lane_of(go)).map(blocks).sum()
}

/// A slice is 2 to this many nanoseconds, no fewer than there are spans: many groups must not take more
/// than what they hold. `None`: there are so few that they can be gone over.
fn shift(index: &Index, spans: usize) -> Option<u32> {
    if spans < SMALL {
        return None;
    }
    let slices = (spans as i64 / 64).clamp(64, MOST_SLICES);
    Some((0..).find(|&shift| index.end >> shift < slices).unwrap_or(0))
}

/// Makes a [`Density`].
struct Making {
    end: i64,
    shift: u32,
    /// By tone: its row, or none.
    rows: [usize; TONES],
    tones: Vec<u8>,
    /// By row and slice: time in it.
    parts: Vec<Vec<u64>>,
    /// By row and slice: how many more cover it, and what follows, wholly.
    fulls: Vec<Vec<i64>>,
}

impl Making {
    fn new(end: i64, shift: u32) -> Making {
        let (tones, parts, fulls) = (Vec::new(), Vec::new(), Vec::new());
        Making { end, shift, rows: [usize::MAX; TONES], tones, parts, fulls }
    }

    fn slices(&self) -> usize {
        (self.end >> self.shift) as usize + 1
    }

    #[cold]
    fn row(&mut self, tone: u8) -> usize {
        let n = self.slices();
        let row = &mut self.rows[usize::from(tone) % TONES];
        if *row == usize::MAX {
            *row = self.tones.len();
            self.tones.push(tone);
            self.parts.push(vec![0; n]);
            self.fulls.push(vec![0; n + 1]);
        }
        *row
    }

    fn add(&mut self, index: &Index, gos: &[GoRef]) {
        let shift = self.shift;
        for lane in gos.iter().filter_map(|&go| index.lane_of(go)) {
            lane.each_time(|start, end, tone| {
                let (start, end) = (start.max(0), end.min(self.end));
                let row = match self.rows[usize::from(tone.0) % TONES] {
                    usize::MAX => self.row(tone.0),
                    row => row,
                };
                if end <= start {
                    return;
                }
                let (first, last) = ((start >> shift) as usize, ((end - 1) >> shift) as usize);
                let parts = &mut self.parts[row];
                if first == last {
                    parts[first] += (end - start) as u64;
                    return;
                }
                parts[first] += (((first as i64 + 1) << shift) - start) as u64;
                parts[last] += (end - ((last as i64) << shift)) as u64;
                let fulls = &mut self.fulls[row];
                fulls[first + 1] += 1;
                fulls[last] -= 1;
            });
        }
    }

    fn finish(self, spans: usize) -> Density {
        let columns = self.tones.len();
        let mut up_to = vec![0; (self.slices() + 1) * columns];
        for (column, (parts, fulls)) in self.parts.iter().zip(&self.fulls).enumerate() {
            let (mut sum, mut full) = (0u64, 0i64);
            for (slice, (part, change)) in parts.iter().zip(fulls).enumerate() {
                full += change;
                sum += part + ((full.max(0) as u64) << self.shift);
                up_to[(slice + 1) * columns + column] = sum;
            }
        }
        Density { shift: self.shift, spans, tones: self.tones, up_to }
    }
}

/// Adds up goroutines cell by cell: a row for each tone.
struct Adder {
    cells: Cells,
    /// By tone: its row, or none.
    rows: [u8; TONES],
    tones: Vec<u8>,
    /// By row and cell: time in it.
    parts: Vec<Vec<u64>>,
    /// By row and cell: how many more cover it, and what follows, wholly.
    fulls: Vec<Vec<i64>>,
    cell: i64,
    cell_end: i64,
    steps: u32,
}

impl Adder {
    fn new(cells: Cells) -> Adder {
        Adder {
            cells,
            rows: [u8::MAX; TONES],
            tones: Vec::new(),
            parts: Vec::new(),
            fulls: Vec::new(),
            cell: 0,
            cell_end: cells.edge(1),
            steps: 0,
        }
    }

    #[inline]
    fn advance(&mut self, t: i64) {
        if t >= self.cell_end {
            // Mostly it is the next one.
            (self.cell, self.cell_end) = (self.cell + 1, self.cells.edge(self.cell + 2));
            if t >= self.cell_end {
                self.cell = self.cells.cell(t);
                self.cell_end = self.cells.edge(self.cell + 1);
            }
        }
    }

    /// The next goroutine begins somewhere else.
    fn rewind(&mut self) {
        (self.cell, self.cell_end) = (0, self.cells.edge(1));
    }

    #[inline]
    fn row(&mut self, tone: u8) -> usize {
        let row = usize::from(tone) % TONES;
        if self.rows[row] == u8::MAX {
            self.widen(tone);
        }
        usize::from(self.rows[row])
    }

    /// A tone that was not met before.
    #[cold]
    fn widen(&mut self, tone: u8) {
        self.rows[usize::from(tone) % TONES] = self.tones.len() as u8;
        self.tones.push(tone);
        self.parts.push(vec![0; self.cells.n as usize]);
        self.fulls.push(vec![0; self.cells.n as usize + 1]);
    }

    #[inline]
    fn add(&mut self, tone: u8, ns: u64) {
        let (row, cell) = (self.row(tone), self.cell as usize);
        self.parts[row][cell] += ns;
        self.steps += 1;
    }

    fn sums(mut self) -> CellSums {
        let widths: Vec<i64> =
            (0..self.cells.n).map(|c| self.cells.edge(c + 1) - self.cells.edge(c)).collect();
        for (parts, fulls) in self.parts.iter_mut().zip(&self.fulls) {
            let mut full = 0;
            for ((ns, more), width) in parts.iter_mut().zip(fulls).zip(&widths) {
                full += more;
                *ns += (full.max(0) * width) as u64;
            }
        }
        CellSums { tones: self.tones, ns: self.parts }
    }
}

/// The time of a group's goroutines, by tone and by cell.
pub(super) struct CellSums {
    tones: Vec<u8>,
    ns: Vec<Vec<u64>>,
}

impl CellSums {
    /// Rects of some cells, of `wide` pixels each. Those of one cell stand together, the lowest tone
    /// first; equal cells are one.
    pub(super) fn rects(&self, cells: Cells, wide: u32, some: std::ops::Range<i64>) -> LaneRects {
        let mut lane = LaneRects::default();
        let (first, wide) = (some.start, wide.max(1) as usize);
        let pixels = some.start as usize * wide..some.end as usize * wide;
        let of = |ns: &Vec<u64>| -> Vec<u64> {
            let pixels = &ns[pixels.start.min(ns.len())..pixels.end.min(ns.len())];
            pixels.chunks(wide).map(|cell| cell.iter().sum()).collect()
        };
        let mut rows: Vec<(Tone, Vec<u64>)> =
            self.tones.iter().zip(&self.ns).map(|(&tone, ns)| (Tone(tone), of(ns))).collect();
        rows.sort_unstable_by_key(|row| row.0);
        let width = |cell: i64| (cells.edge(cell + 1) - cells.edge(cell)).max(1) as u64;
        let all = |cell: i64| rows.iter().map(|row| row.1[(cell - first) as usize]).sum::<u64>();
        let peak = some.clone().map(|cell| all(cell).div_ceil(width(cell))).max().unwrap_or(0);
        lane.peak = u32::try_from(peak).unwrap_or(u32::MAX);
        let (mut last, mut now): (Vec<Rect>, Vec<Rect>) = (Vec::new(), Vec::new());
        for cell in some {
            let (from, to) = (cells.edge(cell), cells.edge(cell + 1));
            let x0 = cells.x(from);
            let x1 = cells.x(to).max(x0 + 1);
            let whole = u128::from((to - from).max(1) as u64) * u128::from(peak.max(1));
            now.clear();
            for (tone, ns) in &rows {
                let ns = ns[(cell - first) as usize];
                if ns == 0 {
                    continue;
                }
                let fill = match (ns.checked_mul(64), u64::try_from(whole)) {
                    (Some(ns), Ok(whole)) => (ns / whole).min(64) as u16,
                    _ => (u128::from(ns) * 64 / whole).min(64) as u16,
                };
                now.push(Rect {
                    x0,
                    x1,
                    class: tone.class() as u8,
                    verdict: tone.verdict_number(),
                    fill: (fill * 4).clamp(1, 255) as u8,
                    flags: super::tile::JOINED,
                    ..Rect::default()
                });
            }
            let same = now.len() == last.len()
                && !now.is_empty()
                && now.iter().zip(&last).all(|(a, b)| {
                    (a.class, a.verdict, a.fill) == (b.class, b.verdict, b.fill) && a.x0 == b.x1
                });
            if same {
                last.iter_mut().for_each(|r| r.x1 = x1);
            } else {
                lane.rects.append(&mut last);
                std::mem::swap(&mut last, &mut now);
            }
        }
        lane.rects.append(&mut last);
        lane
    }
}

impl Walk for Adder {
    fn cells(&self) -> Option<Cells> {
        Some(self.cells)
    }

    fn until(&mut self, from: i64) -> i64 {
        self.advance(from);
        self.cell_end
    }

    fn sums(&mut self, from: i64, _: i64, parts: &[u64]) {
        self.advance(from);
        for &part in parts {
            let (tone, ns) = unpack(part);
            self.add(tone.0, ns);
        }
    }

    fn span(&mut self, from: i64, to: i64, tone: Tone, _: u32) {
        let (at, end) = (from.max(self.cells.t0), to.min(self.cells.t1));
        if at >= end {
            return;
        }
        self.advance(at);
        if end <= self.cell_end {
            self.add(tone.0, (end - at) as u64);
            return;
        }
        self.add(tone.0, (self.cell_end - at) as u64);
        let first = self.cell as usize;
        self.advance(end - 1);
        let last = self.cell as usize;
        self.add(tone.0, (end - self.cells.edge(last as i64)) as u64);
        let row = self.row(tone.0);
        self.fulls[row][first + 1] += 1;
        self.fulls[row][last] -= 1;
    }
}

impl Index {
    /// By cell: the time of a group by tone. Exact, if that is cheap enough.
    pub(super) fn group_sums(&self, group: &Group, cells: Cells) -> CellSums {
        let density = group.density.as_ref();
        if let Some(density) =
            density.filter(|density| density.is_enough(cells, self.end, group.gos.len()))
        {
            return density.sums(cells);
        }
        let mut adder = Adder::new(cells);
        for go in group.alive(self, cells.t0, cells.t1) {
            let Some(lane) = self.lane_of(go) else { continue };
            adder.rewind();
            lane.walk(cells.t0, cells.t1, &mut adder);
            if let Some(density) = density.filter(|_| adder.steps > STEPS) {
                return density.sums(cells);
            }
        }
        adder.sums()
    }
}
