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
//! What has gaps (what a P ran, ranges) is kept with a length, as [`Runs`].

use super::class::{TONES, Tone};

/// So many spans are in a block.
pub(super) const BLOCK: usize = 32;
/// A lane of fewer blocks has no sums: to go over its spans is as quick.
const LONG: usize = 4;

/// A time of one tone: the tone above, the nanoseconds below.
type Part = u64;
const TONE_SHIFT: u32 = 56;
const NS_MASK: u64 = (1 << TONE_SHIFT) - 1;

fn part(tone: u8, ns: u64) -> Part {
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
    fn between(&self, first: usize, end: usize, all: &[u64], parts: &mut Vec<Part>) {
        let n = self.tones.len();
        let row = |i: usize| self.ns.get(i * n..(i + 1) * n).unwrap_or(all);
        parts.clear();
        for ((&tone, &before), &until) in self.tones.iter().zip(row(first)).zip(row(end)) {
            if until > before {
                parts.push(part(tone, until - before));
            }
        }
    }

    fn bytes(&self) -> usize {
        self.tones.len() + self.ns.len() * 8
    }
}

/// Makes the sums of a lane while its spans come, or of one lane after another.
#[derive(Debug)]
pub(super) struct Summing {
    made: UpTo,
    /// By tone: its column.
    columns: [u8; TONES],
    now: Vec<u64>,
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
    /// Up to where sums of a stretch that begins at `from` say all that is wanted; `i64::MIN`: nowhere.
    fn until(&mut self, from: i64) -> i64;
    /// A stretch that ends there at the latest: its time by tone.
    fn sums(&mut self, from: i64, to: i64, parts: &[u64]);
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
        let mut i = blocks.partition_point(|b| b.base <= t0).saturating_sub(1);
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
                    walk.span(start, next, Tone(tone), (first + k) as u32);
                }
                start = next;
            }
            i += 1;
        }
    }
}

/// Behind the last block of those from `i` on that ends in time; `i`, if it does not itself. Ends
/// rise. About so many as `stride` are expected, since cells next to each other hold about as many: it
/// is looked for around there, in steps that grow.
#[inline]
fn furthest(i: usize, n: usize, stride: usize, ends_by: impl Fn(usize) -> bool) -> usize {
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

/// Spans with gaps between them, in the order of time: what a P ran, ranges of the collector.
#[derive(Debug, Default)]
pub struct Runs {
    start: Vec<u32>,
    len: Vec<u32>,
    /// Whose, or why: as the lane has it.
    x: Vec<u32>,
    tone: Vec<u8>,
    /// The base time of each block, and its first row.
    blocks: Vec<(i64, u32)>,
    /// Lengths that 32 bits do not hold.
    long: hashbrown::HashMap<u32, i64>,
    last_end: i64,
    /// They are there as soon as the runs are: a window can be looked at while more come.
    summing: Summing,
}

/// One of [`Runs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its row.
    pub row: u32,
    /// Its beginning, in nanoseconds.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// What it is.
    pub tone: Tone,
    /// Whose, or why.
    pub x: u32,
}

impl Runs {
    /// One more; what lies before the end of the last one is cut off.
    pub(super) fn push(&mut self, start: i64, end: i64, tone: Tone, x: u32) {
        let start = start.max(self.last_end);
        if end <= start {
            return;
        }
        self.last_end = end;
        let row = self.start.len();
        let room = self.blocks.last().and_then(|&(base, first)| {
            let full = row - first as usize >= BLOCK;
            u32::try_from(start - base).ok().filter(|_| !full)
        });
        let rel = room.unwrap_or_else(|| {
            self.blocks.push((start, row as u32));
            self.summing.mark();
            0
        });
        self.summing.add(tone.0, (end - start) as u64);
        let len = u32::try_from(end - start).unwrap_or(u32::MAX);
        if len == u32::MAX {
            self.long.insert(row as u32, end - start);
        }
        self.start.push(rel);
        self.len.push(len);
        self.x.push(x);
        self.tone.push(tone.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.start.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.len() * 13 + self.blocks.len() * 16 + self.summing.made.bytes()
    }

    /// Where the last one ends.
    pub(super) fn until(&self) -> i64 {
        self.last_end
    }

    fn rows(&self, block: usize) -> std::ops::Range<usize> {
        let first = self.blocks[block].1 as usize;
        let end = self.blocks.get(block + 1).map_or(self.start.len(), |b| b.1 as usize);
        first..end
    }

    #[inline]
    fn run(&self, block: usize, row: usize) -> Run {
        let start = self.blocks[block].0 + i64::from(self.start[row]);
        let len = match self.len[row] {
            u32::MAX => self.long.get(&(row as u32)).copied().unwrap_or(i64::from(u32::MAX)),
            len => i64::from(len),
        };
        Run { row: row as u32, start, end: start + len, tone: Tone(self.tone[row]), x: self.x[row] }
    }

    /// By its row.
    pub fn get(&self, row: u32) -> Option<Run> {
        if row as usize >= self.start.len() {
            return None;
        }
        let block = self.blocks.partition_point(|b| b.1 <= row).checked_sub(1)?;
        Some(self.run(block, row as usize))
    }

    /// Those that touch a window, in order.
    pub fn between(&self, t0: i64, t1: i64) -> impl Iterator<Item = Run> + '_ {
        let from = self.blocks.partition_point(|b| b.0 <= t0).saturating_sub(1);
        let to = self.blocks.partition_point(|b| b.0 < t1);
        (from..to)
            .flat_map(move |b| self.rows(b).map(move |row| self.run(b, row)))
            .filter(move |r| r.end > t0 && r.start < t1)
    }

    /// The one at a time, else the last one before it.
    pub fn at(&self, t: i64) -> Option<Run> {
        let block = self.blocks.partition_point(|b| b.0 <= t).checked_sub(1)?;
        let rows = self.rows(block);
        let rel = t - self.blocks[block].0;
        let k =
            self.start[rows.clone()].partition_point(|&s| i64::from(s) <= rel).checked_sub(1)?;
        Some(self.run(block, rows.start + k))
    }

    /// Goes over the part in a window.
    pub(super) fn walk(&self, t0: i64, t1: i64, walk: &mut impl Walk) {
        let mut b = self.blocks.partition_point(|b| b.0 <= t0).saturating_sub(1);
        let last = self.blocks.partition_point(|b| b.0 < t1);
        let end_of = |block: usize| {
            let row = self.rows(block).end - 1;
            self.run(block, row).end
        };
        let mut parts = Vec::new();
        let mut stride = 1;
        while b < last {
            let base = self.blocks[b].0;
            if base >= t0 {
                let until = walk.until(base).min(t1);
                // The next one's beginning is at hand, and rarely far from the end.
                let ends_by = |b: usize| match self.blocks.get(b + 1) {
                    Some(next) if next.0 <= until => true,
                    _ => end_of(b) <= until,
                };
                let next = furthest(b, last, stride, ends_by);
                if next > b {
                    stride = next - b;
                    self.summing.made.between(b, next, &self.summing.now, &mut parts);
                    walk.sums(base, end_of(next - 1), &parts);
                    b = next;
                    continue;
                }
            }
            for row in self.rows(b) {
                let run = self.run(b, row);
                if run.start >= t1 {
                    break;
                }
                if run.end > t0 {
                    walk.span(run.start, run.end, run.tone, run.row);
                }
            }
            b += 1;
        }
    }
}
