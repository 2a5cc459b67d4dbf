//! How the spans of lanes are kept: columns, in blocks of 32, with sums of time up to each block.
//!
//! ```text
//! lane (a goroutine):   block 0      block 1      block 2 ...   each: base time, first row
//!                       |            |            |
//! columns:              start: u32 from the block's base, site: u32, x: u32, tone: u8      13 bytes a span
//! up to here, by tone:  0 0 0        5 0 2        5 7 9   ...   exact; of long lanes only
//! ```
//!
//! What a stretch of whole blocks came to is the difference of two rows, however long it is: a window
//! looks at two rows and the block at its edge for each cell.
//!
//! Spans of a goroutine touch: each ends where the next begins, the last where the lane ends.
//! What has gaps (what a P ran, ranges) is kept with a length, as [`super::Runs`].

use super::cells::Cells;
use super::class::{TONES, Tone};
use super::jumps::{self, Blocks, Stretch};

/// So many spans are in a block.
pub(super) const BLOCK: usize = 32;
/// A lane of fewer blocks has no sums: to go over its spans is as quick.
pub(super) const LONG: usize = 4;

/// A time of one tone: the tone above, the nanoseconds below.
pub(super) type Part = u64;
const TONE_SHIFT: u32 = 56;
const NS_MASK: u64 = (1 << TONE_SHIFT) - 1;

pub(super) fn part(tone: u8, ns: u64) -> Part {
    u64::from(tone) << TONE_SHIFT | (ns & NS_MASK)
}

/// The tone and the nanoseconds of a part.
pub(super) fn unpack(part: Part) -> (Tone, u64) {
    (Tone((part >> TONE_SHIFT) as u8), part & NS_MASK)
}

/// The time of each tone of a lane up to each of its blocks, and up to its end.
#[derive(Debug, Default)]
pub(super) struct UpTo {
    tones: Vec<u8>,
    /// Row by row, a column for each tone.
    ns: Vec<u64>,
}

impl UpTo {
    /// What the blocks from `first` to before `end` came to. `all`: the row behind the last one.
    #[inline]
    pub(super) fn between(&self, first: usize, end: usize, all: &[u64], parts: &mut Vec<Part>) {
        let n = self.tones.len();
        let row = |i: usize| self.ns.get(i * n..(i + 1) * n).unwrap_or(all);
        parts.clear();
        for ((&tone, &before), &until) in self.tones.iter().zip(row(first)).zip(row(end)) {
            if until > before {
                parts.push(part(tone, until - before));
            }
        }
    }

    pub(super) fn tones(&self) -> &[u8] {
        &self.tones
    }

    /// By tone: its column. What has none was not met.
    pub(super) fn columns(&self) -> [u8; TONES] {
        let mut columns = [u8::MAX; TONES];
        for (column, &tone) in (0..).zip(&self.tones) {
            columns[usize::from(tone) % TONES] = column;
        }
        columns
    }

    /// The time of each tone up to a block.
    #[inline]
    pub(super) fn row(&self, block: usize) -> &[u64] {
        let n = self.tones.len();
        self.ns.get(block * n..(block + 1) * n).unwrap_or_default()
    }

    /// Something of a row, of each line that a cache has of it.
    #[inline]
    pub(super) fn touch(&self, block: usize) -> u64 {
        let row = self.row(block);
        row.iter().step_by(8).chain(row.last()).fold(0, |sum, &ns| sum ^ ns)
    }

    pub(super) fn bytes(&self) -> usize {
        self.tones.len() + self.ns.len() * 8
    }
}

/// Makes the sums of a lane while its spans come, or of one lane after another.
#[derive(Debug)]
pub(super) struct Summing {
    pub(super) made: UpTo,
    /// By tone: its column.
    columns: [u8; TONES],
    pub(super) now: Vec<u64>,
}

impl Default for Summing {
    fn default() -> Summing {
        Summing { made: UpTo::default(), columns: [u8::MAX; TONES], now: Vec::new() }
    }
}

impl Summing {
    #[inline]
    pub(super) fn add(&mut self, tone: u8, ns: u64) {
        let tone = usize::from(tone) % TONES;
        if self.columns[tone] == u8::MAX {
            self.widen(tone);
        }
        self.now[usize::from(self.columns[tone])] += ns;
    }

    /// A tone that was not met before: there was none of it. A crafted trace cannot make this dear:
    /// there are few tones.
    #[cold]
    fn widen(&mut self, tone: usize) {
        let n = self.made.tones.len();
        self.columns[tone] = n as u8;
        self.made.tones.push(tone as u8);
        self.now.push(0);
        if n > 0 {
            let rows = self.made.ns.chunks_exact(n);
            self.made.ns = rows.flat_map(|row| row.iter().copied().chain([0])).collect();
        }
    }

    /// A block begins, or the lane ends.
    pub(super) fn mark(&mut self) {
        // Rows of no columns are rows all the same.
        if self.made.tones.is_empty() {
            self.widen(0);
        }
        self.made.ns.extend_from_slice(&self.now);
    }

    /// The time of each tone so far.
    pub(super) fn so_far(&self) -> impl Iterator<Item = (Tone, u64)> {
        self.made.tones.iter().zip(&self.now).map(|(&tone, &ns)| (Tone(tone), ns))
    }

    /// The lane is over. `None` where it is too short to be worth it.
    pub(super) fn done(&mut self, n_blocks: usize) -> Option<UpTo> {
        self.made.tones.iter().for_each(|&tone| self.columns[usize::from(tone)] = u8::MAX);
        self.now.clear();
        if n_blocks < LONG {
            self.made.tones.clear();
            self.made.ns.clear();
            return None;
        }
        self.made.ns.shrink_to_fit();
        Some(std::mem::take(&mut self.made))
    }
}

/// What goes over a lane's time, in order.
pub(super) trait Walk {
    /// The cells whose sums it asks for, where it knows them beforehand.
    fn cells(&self) -> Option<Cells> {
        None
    }
    /// One of its cells, of several spans none of which is longer than a cell: its time by tone.
    fn cell(&mut self, from: i64, to: i64, parts: &[Part]) {
        self.sums(from, to, parts);
    }
    /// Up to where sums of a stretch that begins at `from` say all that is wanted; `i64::MIN`: nowhere.
    fn until(&mut self, from: i64) -> i64;
    /// A stretch that ends there at the latest: its time by tone.
    fn sums(&mut self, from: i64, to: i64, parts: &[Part]);
    /// A span; `row` is its row in the columns.
    fn span(&mut self, from: i64, to: i64, tone: Tone, row: u32);
}

/// A block of a goroutine's spans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) base: i64,
    pub(super) first: u32,
    pub(super) n: u32,
}

/// The columns of all goroutines' spans.
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) start: Vec<u32>,
    pub(super) site: Vec<u32>,
    pub(super) x: Vec<u32>,
    pub(super) tone: Vec<u8>,
    /// Goroutine by goroutine, each in the order of time.
    pub(super) blocks: Vec<Block>,
    pub(super) sums: Vec<UpTo>,
}

/// No sums.
pub(super) const NO_SUMS: u32 = u32::MAX;

/// One goroutine's part of [`Spans`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) first: u32,
    pub(super) n: u32,
    pub(super) end: i64,
    /// Its row in [`Spans::sums`].
    pub(super) sums: u32,
}

/// One span of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its row in the columns.
    pub row: u32,
    /// Its beginning, in nanoseconds.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// What it is.
    pub tone: Tone,
    /// Why and where.
    pub site: u32,
    /// Who woke it, or on what it ran.
    pub x: u32,
}

impl Spans {
    pub(super) fn bytes(&self) -> usize {
        self.start.len() * 13
            + self.blocks.len() * size_of::<Block>()
            + self.sums.iter().map(|up_to| up_to.bytes() + size_of::<UpTo>()).sum::<usize>()
    }

    /// Brings the columns into the order of the blocks: a window goes over what lies side by side.
    /// One column after the other, so that at no time there are two of all.
    pub(super) fn in_order(&mut self) {
        let n = self.start.len();
        for column in [&mut self.start, &mut self.site, &mut self.x] {
            let mut ordered = Vec::with_capacity(n);
            for block in &self.blocks {
                let first = block.first as usize;
                ordered.extend_from_slice(&column[first..first + block.n as usize]);
            }
            *column = ordered;
        }
        let mut first = 0;
        for block in &mut self.blocks {
            block.first = first;
            first += block.n;
        }
    }

    pub(super) fn blocks(&self, lane: &Lane) -> &[Block] {
        let first = lane.first as usize;
        self.blocks.get(first..first + lane.n as usize).unwrap_or_default()
    }

    /// Where block `i` of a lane ends.
    fn block_end(&self, lane: &Lane, blocks: &[Block], i: usize) -> i64 {
        blocks.get(i + 1).map_or(lane.end, |b| b.base)
    }

    /// The spans of one block.
    pub(super) fn spans_of(
        &self,
        block: &Block,
        end: i64,
    ) -> impl DoubleEndedIterator<Item = Span> {
        let rows = block.first as usize..(block.first + block.n) as usize;
        let last = rows.end;
        rows.map(move |row| {
            let next =
                if row + 1 == last { end } else { block.base + i64::from(self.start[row + 1]) };
            Span {
                row: row as u32,
                start: block.base + i64::from(self.start[row]),
                end: next,
                tone: Tone(self.tone[row]),
                site: self.site[row],
                x: self.x[row],
            }
        })
    }

    /// The spans of a lane that touch a window, in order.
    pub(super) fn between(&self, lane: Lane, t0: i64, t1: i64) -> impl Iterator<Item = Span> + '_ {
        let blocks = self.blocks(&lane);
        let from = blocks.partition_point(|b| b.base <= t0).saturating_sub(1);
        let to = blocks.partition_point(|b| b.base < t1);
        (from..to)
            .flat_map(move |i| self.spans_of(&blocks[i], self.block_end(&lane, blocks, i)))
            .filter(move |s| s.end > t0 && s.start < t1)
    }

    /// All spans of a lane.
    pub(super) fn all(&self, lane: Lane) -> impl Iterator<Item = Span> + '_ {
        let blocks = self.blocks(&lane);
        (0..blocks.len())
            .flat_map(move |i| self.spans_of(&blocks[i], self.block_end(&lane, blocks, i)))
    }

    /// The span of a lane at a time.
    pub(super) fn at(&self, lane: &Lane, t: i64) -> Option<Span> {
        let blocks = self.blocks(lane);
        let i = blocks.partition_point(|b| b.base <= t).checked_sub(1)?;
        let end = self.block_end(lane, blocks, i);
        if t >= end {
            return None;
        }
        let block = &blocks[i];
        let rows = block.first as usize..(block.first + block.n) as usize;
        let rel = t - block.base;
        let k =
            self.start[rows.clone()].partition_point(|&s| i64::from(s) <= rel).checked_sub(1)?;
        self.spans_of(block, end).nth(k)
    }

    /// Goes over the part of a lane in a window.
    #[inline]
    pub(super) fn walk(&self, lane: &Lane, t0: i64, t1: i64, walk: &mut impl Walk) {
        let blocks = self.blocks(lane);
        let sums = self.sums.get(lane.sums as usize);
        let first = blocks.partition_point(|b| b.base <= t0).saturating_sub(1);
        if let Some(sums) = sums {
            let to = furthest(first, blocks.len(), LONG, |i| blocks[i].base < t1);
            if jumps::walk(&Summed { spans: self, lane, blocks, sums }, first, to, walk) {
                return;
            }
        }
        self.stretch(lane, sums, Stretch { first, t0, t1, clip: [false; 2] }, walk);
    }

    /// Block by block, and where nothing else will do, span by span.
    #[inline]
    fn stretch(&self, lane: &Lane, sums: Option<&UpTo>, stretch: Stretch, walk: &mut impl Walk) {
        let blocks = self.blocks(lane);
        let Stretch { first: mut i, t0, t1, .. } = stretch;
        let (least, most) = stretch.reach();
        let mut parts = Vec::new();
        let mut stride = 1;
        while let Some(block) = blocks.get(i).filter(|b| b.base < t1) {
            let base = block.base;
            if let Some(up_to) = sums
                && base >= t0
            {
                let until = walk.until(base).min(t1);
                let ends_by = |i: usize| self.block_end(lane, blocks, i) <= until;
                let next = furthest(i, blocks.len(), stride, ends_by);
                if next > i {
                    stride = next - i;
                    up_to.between(i, next, &[], &mut parts);
                    walk.sums(base, self.block_end(lane, blocks, next - 1), &parts);
                    i = next;
                    continue;
                }
            }
            let end = self.block_end(lane, blocks, i);
            let (first, n) = (block.first as usize, block.n as usize);
            let starts = &self.start[first..first + n];
            let tones = &self.tone[first..first + n];
            // Of a block that a window cuts, what lies before it is skipped.
            let from = if base < t0 {
                starts.partition_point(|&s| base + i64::from(s) <= t0).saturating_sub(1)
            } else {
                0
            };
            let mut start = base + i64::from(starts.get(from).copied().unwrap_or(0));
            for (k, &tone) in tones.iter().enumerate().skip(from) {
                let next = starts.get(k + 1).map_or(end, |&s| base + i64::from(s));
                if start >= t1 {
                    break;
                }
                if next > t0 && next > start {
                    walk.span(start.max(least), next.min(most), Tone(tone), (first + k) as u32);
                }
                start = next;
            }
            i += 1;
        }
    }
}

/// A lane of [`Spans`] that has sums.
struct Summed<'a> {
    spans: &'a Spans,
    lane: &'a Lane,
    blocks: &'a [Block],
    sums: &'a UpTo,
}

impl Summed<'_> {
    fn rows(&self, block: usize) -> std::ops::Range<usize> {
        let block = &self.blocks[block];
        block.first as usize..(block.first + block.n) as usize
    }
}

impl Blocks for Summed<'_> {
    fn sums(&self) -> &UpTo {
        self.sums
    }

    #[inline]
    fn base(&self, block: usize) -> i64 {
        self.blocks[block].base
    }

    #[inline]
    fn touch(&self, block: usize) -> u64 {
        let rows = self.rows(block);
        touched(&self.spans.start[rows.clone()]) ^ u64::from(self.spans.tone[rows.start])
    }

    #[inline]
    fn cut(&self, block: usize, t: i64, whole: i64, columns: &[u8; TONES], ns: &mut [u64]) -> bool {
        let rows = self.rows(block);
        let (starts, tones) = (&self.spans.start[rows.clone()], &self.spans.tone[rows]);
        let rel = u32::try_from(t - self.base(block)).unwrap_or(u32::MAX);
        // They rise; to look at all is quicker than to search.
        let n = starts.iter().filter(|&&start| start <= rel).count();
        for (&tone, pair) in tones.iter().zip(starts[..n].windows(2)) {
            ns[usize::from(columns[usize::from(tone) % TONES])] +=
                u64::from(pair[1].saturating_sub(pair[0]));
        }
        let Some((&start, &tone)) = starts[..n].last().zip(tones.get(n - 1)) else { return false };
        let start = self.base(block) + i64::from(start);
        let end = match starts.get(n) {
            Some(&next) => self.base(block) + i64::from(next),
            None => self.spans.block_end(self.lane, self.blocks, block),
        };
        ns[usize::from(columns[usize::from(tone) % TONES])] += (t.min(end) - start).max(0) as u64;
        t < end && end - start <= whole
    }

    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk) {
        self.spans.stretch(self.lane, Some(self.sums), stretch, walk);
    }
}

/// Something of each line that a cache has of a part of a column.
#[inline]
pub(super) fn touched(column: &[u32]) -> u64 {
    u64::from(column.iter().step_by(16).chain(column.last()).fold(0, |sum, &it| sum ^ it))
}

/// Behind the last block of those from `i` on that ends in time (or begins: both rise); `i`, if it does
/// not itself. About so many as `stride` are expected, since cells next to each other hold about as many:
/// it is looked for around there, in steps that grow.
#[inline]
pub(super) fn furthest(
    i: usize,
    n: usize,
    stride: usize,
    ends_by: impl Fn(usize) -> bool,
) -> usize {
    // What lies before `from` ends in time, what lies at `to` and behind does not.
    let (mut from, mut to) = (i, n);
    let guess = (i + stride.max(1)).min(n);
    let mut step = 1;
    if guess > i && ends_by(guess - 1) {
        from = guess;
        while from < to {
            let at = (from + step).min(n) - 1;
            if !ends_by(at) {
                to = at;
                break;
            }
            (from, step) = (at + 1, step * 2);
        }
    } else {
        to = guess.saturating_sub(1).max(i);
        while from < to {
            let at = to.saturating_sub(step).max(i);
            if ends_by(at) {
                from = at + 1;
                break;
            }
            (to, step) = (at, step * 2);
        }
    }
    while from < to {
        let middle = from + (to - from) / 2;
        if ends_by(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}
