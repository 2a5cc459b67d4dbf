//! Spans with gaps between them: what a P or a thread ran, ranges of the collector. Written in blocks of 32
//! (`coded`) with sums as the spans of goroutines are (`lanes`), each with its length. Windows can be
//! looked at while more come: what does not fill a block yet is at hand.

use std::cell::Cell;

use super::class::{TONES, Tone};
use super::coded::{Arena, BLOCK, RawRun, RunTimes, Values, Writer};
use super::jumps::{self, Blocks, Stretch};
use super::lanes::{LONG, Walk, furthest, touched};
use super::sums::{Summing, UpTo};

/// Spans with gaps between them, in the order of time: what a P ran, ranges of the collector.
#[derive(Debug, Default)]
pub struct Runs {
    arena: Arena,
    /// Of each block the time it begins at; of those that are written, where.
    bases: Vec<i64>,
    ats: Vec<u32>,
    /// The last block.
    tail: Vec<RawRun>,
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
    #[inline]
    pub(super) fn push(&mut self, writer: &mut Writer, start: i64, end: i64, tone: Tone, x: u32) {
        let start = start.max(self.last_end);
        if end <= start {
            return;
        }
        if let Ok(block) = <&[RawRun; BLOCK]>::try_from(&self.tail[..]) {
            writer.runs(block);
            // Nobody has so many: they take 4 GiB.
            let Some(at) = self.arena.push(writer.block()) else { return };
            self.ats.push(at);
            self.tail.clear();
        }
        self.last_end = end;
        if self.tail.is_empty() {
            self.bases.push(start);
            self.summing.mark();
        }
        let length = (end - start) as u64;
        self.summing.add(tone.0, length);
        self.tail.push(RawRun { start, length, x, tone });
    }

    /// No more will come.
    pub(super) fn close(&mut self) {
        self.bases.shrink_to_fit();
        self.ats.shrink_to_fit();
        self.arena.shrink();
        self.summing.made.shrink();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ats.len() * BLOCK + self.tail.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes() + self.bases.len() * 12 + self.summing.made.bytes()
    }

    /// Where the last one ends.
    pub(super) fn until(&self) -> i64 {
        self.last_end
    }

    #[inline]
    fn block(&self, block: usize) -> &[u8] {
        self.ats.get(block).map_or(&[], |&at| self.arena.at(at))
    }

    /// Where a block ends.
    fn block_end(&self, block: usize) -> i64 {
        match self.ats.get(block) {
            Some(_) => self.times(block).last().map_or(i64::MIN, |run| run.1),
            None => self.last_end,
        }
    }

    /// Beginnings, ends and tones of a block.
    #[inline]
    fn times(&self, block: usize) -> Within<'_> {
        match self.ats.get(block) {
            Some(&at) => Within::Written(RunTimes::new(self.arena.at(at), self.bases[block])),
            None => Within::AtHand(self.tail.iter()),
        }
    }

    fn runs_of(&self, block: usize) -> impl Iterator<Item = Run> + '_ {
        let times = self.times(block);
        let bytes = self.block(block);
        let xs: Option<Values> = match &times {
            Within::Written(times) => Some(times.xs()),
            Within::AtHand(_) => None,
        };
        times.enumerate().map(move |(k, (start, end, tone))| {
            let x = match &xs {
                Some(xs) => xs.of(bytes, k),
                None => self.tail.get(k).map_or(0, |run| run.x),
            };
            Run { row: (block * BLOCK + k) as u32, start, end, tone, x }
        })
    }

    /// Whose they are, by their rows.
    pub(super) fn xs(&self) -> Xs<'_> {
        Xs { runs: self, known: Cell::new(None) }
    }

    /// By its row.
    pub fn get(&self, row: u32) -> Option<Run> {
        let (block, k) = (row as usize / BLOCK, row as usize % BLOCK);
        if block < self.bases.len() { self.runs_of(block).nth(k) } else { None }
    }

    /// The blocks that touch a window.
    pub(super) fn blocks_in(&self, t0: i64, t1: i64) -> std::ops::Range<usize> {
        let from = self.bases.partition_point(|&base| base <= t0).saturating_sub(1);
        from..self.bases.partition_point(|&base| base < t1)
    }

    /// Those that touch a window, in order.
    pub fn between(&self, t0: i64, t1: i64) -> impl Iterator<Item = Run> + '_ {
        let within = move |run: &Run| run.end > t0 && run.start < t1;
        self.blocks_in(t0, t1).flat_map(|block| self.runs_of(block)).filter(within)
    }

    /// The one at a time, else the last one before it.
    pub fn at(&self, t: i64) -> Option<Run> {
        let block = self.bases.partition_point(|&base| base <= t).checked_sub(1)?;
        self.runs_of(block).take_while(|run| run.start <= t).last()
    }

    /// Goes over the part in a window.
    pub(super) fn walk(&self, t0: i64, t1: i64, walk: &mut impl Walk) {
        let first = self.bases.partition_point(|&base| base <= t0).saturating_sub(1);
        let to = furthest(first, self.bases.len(), LONG, |b| self.bases[b] < t1);
        if !jumps::walk(self, first, to, walk) {
            self.stretch(Stretch { first, t0, t1, clip: [false; 2] }, walk);
        }
    }
}

impl Blocks for Runs {
    fn sums(&self) -> &UpTo {
        &self.summing.made
    }

    #[inline]
    fn base(&self, block: usize) -> i64 {
        self.bases[block]
    }

    #[inline]
    fn touch(&self, block: usize) -> u64 {
        touched(self.block(block)) ^ self.block(block).get(128).copied().map_or(0, u64::from)
    }

    #[inline]
    fn cut(&self, block: usize, t: i64, whole: i64, columns: &[u8; TONES], ns: &mut [u64]) -> bool {
        let mut is_plain = true;
        for (start, end, tone) in self.times(block) {
            if start > t {
                break;
            }
            let length = end - start;
            ns[usize::from(columns[usize::from(tone.0) % TONES])] += length.min(t - start) as u64;
            // Only the last one can go on.
            is_plain = end <= t || length <= whole;
        }
        is_plain
    }

    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk) {
        let Stretch { first, t0, t1, .. } = stretch;
        let (least, most) = stretch.reach();
        let last = furthest(first, self.bases.len(), LONG, |b| self.bases[b] < t1);
        let mut parts = Vec::new();
        let mut stride = 1;
        let mut b = first;
        while b < last {
            let base = self.bases[b];
            if base >= t0 {
                let until = walk.until(base).min(t1);
                // The next one's beginning is at hand, and rarely far from the end.
                let ends_by = |b: usize| match self.bases.get(b + 1) {
                    Some(&next) if next <= until => true,
                    _ => self.bases[b] < until && self.block_end(b) <= until,
                };
                let next = furthest(b, last, stride, ends_by);
                if next > b {
                    stride = next - b;
                    self.summing.made.between(b, next, &self.summing.now, &mut parts);
                    walk.sums(base, self.block_end(next - 1), &parts);
                    b = next;
                    continue;
                }
            }
            for (row, (start, end, tone)) in ((b * BLOCK) as u32..).zip(self.times(b)) {
                if start >= t1 {
                    break;
                }
                if end > t0 {
                    walk.span(start.max(least), end.min(most), tone, row);
                }
            }
            b += 1;
        }
    }
}

/// Whose runs are: those of one block after the other.
pub(super) struct Xs<'a> {
    runs: &'a Runs,
    /// What was read last, and of which block.
    known: Cell<Option<(usize, Values)>>,
}

impl Xs<'_> {
    pub(super) fn of(&self, row: u32) -> Option<u32> {
        let (block, k) = (row as usize / BLOCK, row as usize % BLOCK);
        let Within::Written(times) = self.runs.times(block) else {
            return self.runs.get(row).map(|run| run.x);
        };
        let known = self.known.get().filter(|known| known.0 == block).map(|known| known.1);
        let xs = known.unwrap_or_else(|| times.xs());
        if known.is_none() {
            self.known.set(Some((block, xs)));
        }
        Some(xs.of(self.runs.block(block), k))
    }
}

/// What a block ran, in order: beginning, end, tone.
enum Within<'a> {
    Written(RunTimes<'a>),
    AtHand(std::slice::Iter<'a, RawRun>),
}

impl Iterator for Within<'_> {
    type Item = (i64, i64, Tone);

    #[inline]
    fn next(&mut self) -> Option<(i64, i64, Tone)> {
        match self {
            Within::Written(times) => times.next(),
            Within::AtHand(runs) => runs
                .next()
                .map(|run| (run.start, run.start.saturating_add_unsigned(run.length), run.tone)),
        }
    }
}
