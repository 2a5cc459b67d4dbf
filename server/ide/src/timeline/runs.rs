//! Spans with gaps between them: what a P or a thread ran, ranges of the collector. Kept in blocks with
//! sums as the spans of goroutines are (`lanes.rs`), each with a length. Windows can be looked at while
//! more come.

use super::class::{TONES, Tone};
use super::jumps::{self, Blocks, Stretch};
use super::lanes::{BLOCK, LONG, Summing, UpTo, Walk, furthest, touched};

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
    fn length(&self, row: usize) -> i64 {
        match self.len[row] {
            u32::MAX => self.long.get(&(row as u32)).copied().unwrap_or(i64::from(u32::MAX)),
            len => i64::from(len),
        }
    }

    #[inline]
    fn run(&self, block: usize, row: usize) -> Run {
        let start = self.blocks[block].0 + i64::from(self.start[row]);
        let (end, tone) = (start + self.length(row), Tone(self.tone[row]));
        Run { row: row as u32, start, end, tone, x: self.x[row] }
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
        let first = self.blocks.partition_point(|b| b.0 <= t0).saturating_sub(1);
        let to = furthest(first, self.blocks.len(), LONG, |b| self.blocks[b].0 < t1);
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
        self.blocks[block].0
    }

    #[inline]
    fn touch(&self, block: usize) -> u64 {
        let rows = self.rows(block);
        touched(&self.start[rows.clone()])
            ^ touched(&self.len[rows.clone()])
            ^ u64::from(self.tone[rows.start])
    }

    #[inline]
    fn cut(&self, block: usize, t: i64, whole: i64, columns: &[u8; TONES], ns: &mut [u64]) -> bool {
        let rows = self.rows(block);
        let rel = u32::try_from(t - self.base(block)).unwrap_or(u32::MAX);
        let n = self.start[rows.clone()].iter().filter(|&&start| start <= rel).count();
        let mut is_plain = true;
        for row in rows.start..rows.start + n {
            let start = self.base(block) + i64::from(self.start[row]);
            let length = self.length(row);
            let tone = usize::from(self.tone[row]) % TONES;
            ns[usize::from(columns[tone])] += length.min(t - start) as u64;
            // Only the last one can go on.
            is_plain = start + length <= t || length <= whole;
        }
        is_plain
    }

    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk) {
        let Stretch { first, t0, t1, .. } = stretch;
        let (least, most) = stretch.reach();
        let last = furthest(first, self.blocks.len(), LONG, |b| self.blocks[b].0 < t1);
        let end_of = |block: usize| {
            let row = self.rows(block).end - 1;
            self.base(block) + i64::from(self.start[row]) + self.length(row)
        };
        let mut parts = Vec::new();
        let mut stride = 1;
        let mut b = first;
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
                    walk.span(run.start.max(least), run.end.min(most), run.tone, run.row);
                }
            }
            b += 1;
        }
    }
}
