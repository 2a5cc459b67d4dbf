//! The spans of goroutines: blocks of 32, with sums of time up to each block.
//!
//! ```text
//! lane (a goroutine):   block 0      block 1      block 2 ...   each: base time, where it is written
//!                       |            |            |
//! written (`coded`):    tones, lengths, sites, xs               about 4 bytes a span
//! up to here, by tone:  0 0 0        5 0 2        5 7 9   ...   exact; of long lanes only (`sums`)
//! ```
//!
//! What a stretch of whole blocks came to is the difference of two rows, however long it is: a window
//! looks at two rows and the block at its edge for each cell.
//!
//! Spans of a goroutine touch: each ends where the next begins, the last where the lane ends.
//! What has gaps (what a P ran, ranges) is kept with a length, as [`super::Runs`].

use super::cells::Cells;
use super::class::{TONES, Tone};
use super::coded::{Arena, BLOCK, Block, take};
use super::jumps::{self, Blocks, Stretch};
use super::sums::{Part, UpTo};

/// A lane of fewer blocks has no sums: to go over its spans is as quick.
pub(super) const LONG: usize = 4;

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
    /// A span; `row` is its row in the lane.
    fn span(&mut self, from: i64, to: i64, tone: Tone, row: u32);
}

/// All spans of goroutines, in blocks.
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) arena: Arena,
    /// Of each block the time it begins at, and where it is written; goroutine by goroutine, each in the
    /// order of time.
    pub(super) bases: Vec<i64>,
    pub(super) ats: Vec<u32>,
    pub(super) sums: Vec<UpTo>,
    /// How many spans there are.
    pub(super) n: usize,
}

/// No sums.
pub(super) const NO_SUMS: u32 = u32::MAX;

/// Where one goroutine's part of [`Spans`] is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its first block, and how many it has.
    pub(super) first: u32,
    pub(super) n: u32,
    pub(super) end: i64,
    /// Its row in [`Spans::sums`].
    pub(super) sums: u32,
}

/// One span of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its row among its goroutine's: those of a block stand together, and blocks are 32 rows apart.
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
        self.arena.bytes()
            + self.bases.len() * 12
            + self.sums.iter().map(|up_to| up_to.bytes() + size_of::<UpTo>()).sum::<usize>()
    }

    /// One goroutine's spans.
    #[inline]
    pub(super) fn lane(&self, place: &Place) -> Lane<'_> {
        let blocks = place.first as usize..place.first as usize + place.n as usize;
        Lane {
            arena: &self.arena,
            bases: self.bases.get(blocks.clone()).unwrap_or_default(),
            ats: self.ats.get(blocks).unwrap_or_default(),
            end: place.end,
            sums: self.sums.get(place.sums as usize),
        }
    }
}

/// One goroutine's spans.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    arena: &'a Arena,
    bases: &'a [i64],
    ats: &'a [u32],
    end: i64,
    sums: Option<&'a UpTo>,
}

impl<'a> Lane<'a> {
    /// How many blocks it has.
    pub(super) fn n_blocks(&self) -> usize {
        self.bases.len()
    }

    #[inline]
    pub(super) fn block(&self, i: usize) -> Block<'a> {
        Block::new(self.ats.get(i).map_or(&[], |&at| self.arena.at(at)))
    }

    /// Where block `i` ends.
    #[inline]
    fn block_end(&self, i: usize) -> i64 {
        self.bases.get(i + 1).copied().unwrap_or(self.end)
    }

    /// The spans of block `i`, without why and whose.
    #[inline]
    pub(super) fn times(&self, i: usize) -> Times<'a> {
        let block = self.block(i);
        let (widths, at) = block.lengths();
        Times { block, k: 0, widths, tones: 0, at, t: self.bases[i], end: self.block_end(i) }
    }

    /// The spans of block `i`.
    #[inline]
    pub(super) fn spans_of(&self, i: usize) -> impl Iterator<Item = Span> + use<'a> {
        let times = self.times(i);
        let block = times.block;
        let (sites, at) = block.sites();
        let xs = block.xs(at);
        (0..).zip(times).map(move |(k, (start, end, tone))| Span {
            row: (i * BLOCK + k) as u32,
            start,
            end,
            tone,
            site: sites.of(block.bytes, k),
            x: xs.of(block.bytes, k),
        })
    }

    /// Whether a block has one of some sites.
    pub(super) fn has_site(&self, i: usize, is: impl Fn(u32) -> bool) -> bool {
        self.block(i).sites().0.any(is)
    }

    /// A span by its row.
    pub(super) fn span(&self, row: u32) -> Option<Span> {
        let (i, k) = (row as usize / BLOCK, row as usize % BLOCK);
        if i < self.n_blocks() { self.spans_of(i).nth(k) } else { None }
    }

    /// Why and where a span is, by its row.
    pub(super) fn site(&self, row: u32) -> Option<u32> {
        let (block, k) = (self.block(row as usize / BLOCK), row as usize % BLOCK);
        (k < block.n).then(|| block.sites().0.of(block.bytes, k))
    }

    /// The blocks that touch a window.
    fn blocks_in(&self, t0: i64, t1: i64) -> std::ops::Range<usize> {
        let from = self.bases.partition_point(|&base| base <= t0).saturating_sub(1);
        from..self.bases.partition_point(|&base| base < t1)
    }

    /// The spans that touch a window, in order.
    pub(super) fn between(self, t0: i64, t1: i64) -> impl Iterator<Item = Span> + use<'a> {
        let spans = self.blocks_in(t0, t1).flat_map(move |i| self.spans_of(i));
        spans.filter(move |s| s.end > t0 && s.start < t1)
    }

    /// All spans.
    pub(super) fn all(self) -> impl Iterator<Item = Span> + use<'a> {
        (0..self.n_blocks()).flat_map(move |i| self.spans_of(i))
    }

    /// All spans, without why and whose.
    pub(super) fn all_times(self) -> impl Iterator<Item = (i64, i64, Tone)> + use<'a> {
        (0..self.n_blocks()).flat_map(move |i| self.times(i))
    }

    /// The span at a time.
    pub(super) fn at(&self, t: i64) -> Option<Span> {
        let i = self.bases.partition_point(|&base| base <= t).checked_sub(1)?;
        if t >= self.block_end(i) {
            return None;
        }
        self.spans_of(i).find(|span| span.end > t)
    }

    /// Goes over the part in a window.
    #[inline]
    pub(super) fn walk(&self, t0: i64, t1: i64, walk: &mut impl Walk) {
        let first = self.bases.partition_point(|&base| base <= t0).saturating_sub(1);
        if let Some(sums) = self.sums {
            let to = furthest(first, self.n_blocks(), LONG, |i| self.bases[i] < t1);
            if jumps::walk(&Summed { lane: self, sums }, first, to, walk) {
                return;
            }
        }
        self.stretch(Stretch { first, t0, t1, clip: [false; 2] }, walk);
    }

    /// Block by block, and where nothing else will do, span by span.
    #[inline]
    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk) {
        let Stretch { first: mut i, t0, t1, .. } = stretch;
        let (least, most) = stretch.reach();
        let mut parts = Vec::new();
        let mut stride = 1;
        while let Some(&base) = self.bases.get(i).filter(|&&base| base < t1) {
            if let Some(up_to) = self.sums
                && base >= t0
            {
                let until = walk.until(base).min(t1);
                let ends_by = |i: usize| self.block_end(i) <= until;
                let next = furthest(i, self.n_blocks(), stride, ends_by);
                if next > i {
                    stride = next - i;
                    up_to.between(i, next, &[], &mut parts);
                    walk.sums(base, self.block_end(next - 1), &parts);
                    i = next;
                    continue;
                }
            }
            for (row, (start, end, tone)) in ((i * BLOCK) as u32..).zip(self.times(i)) {
                if start >= t1 {
                    break;
                }
                if end > t0 && end > start {
                    walk.span(start.max(least), end.min(most), tone, row);
                }
            }
            i += 1;
        }
    }
}

/// The spans of a block, without why and whose.
#[derive(Clone, Copy)]
pub(super) struct Times<'a> {
    block: Block<'a>,
    k: usize,
    widths: u64,
    /// Those of up to eight spans.
    tones: u64,
    at: usize,
    t: i64,
    end: i64,
}

impl Iterator for Times<'_> {
    /// Its beginning, its end, its tone.
    type Item = (i64, i64, Tone);

    #[inline]
    fn next(&mut self) -> Option<(i64, i64, Tone)> {
        let k = self.k;
        if k >= self.block.n {
            return None;
        }
        if k.is_multiple_of(8) {
            self.tones = self.block.tones(k);
        }
        let tone = Tone::of_code(self.tones as u8 & 63);
        self.tones >>= 6;
        self.k += 1;
        let start = self.t;
        self.t = if self.k == self.block.n {
            self.end
        } else {
            start.wrapping_add_unsigned(take(self.block.bytes, &mut self.at, &mut self.widths))
        };
        Some((start, self.t, tone))
    }
}

/// A lane that has sums.
struct Summed<'a> {
    lane: &'a Lane<'a>,
    sums: &'a UpTo,
}

impl Blocks for Summed<'_> {
    fn sums(&self) -> &UpTo {
        self.sums
    }

    #[inline]
    fn base(&self, block: usize) -> i64 {
        self.lane.bases[block]
    }

    #[inline]
    fn touch(&self, block: usize) -> u64 {
        touched(self.lane.block(block).bytes)
    }

    #[inline]
    fn cut(&self, block: usize, t: i64, whole: i64, columns: &[u8; TONES], ns: &mut [u64]) -> bool {
        for (start, end, tone) in self.lane.times(block) {
            let sum = &mut ns[usize::from(columns[usize::from(tone.0) % TONES])];
            if end > t {
                *sum += (t - start).max(0) as u64;
                return end - start <= whole;
            }
            *sum += (end - start).max(0) as u64;
        }
        false
    }

    fn stretch(&self, stretch: Stretch, walk: &mut impl Walk) {
        self.lane.stretch(stretch, walk);
    }
}

/// Something of the first two lines that a cache has of a block: times and tones are there.
#[inline]
pub(super) fn touched(block: &[u8]) -> u64 {
    let at = |i: usize| u64::from(block.get(i).copied().unwrap_or(0));
    at(0) ^ at(64)
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
