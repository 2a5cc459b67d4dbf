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

use std::cell::Cell;

use super::GoRef;
use super::cells::Cells;
use super::class::{TONES, Tone};
use super::coded::{Arena, BLOCK, Block, Values, take_length};
use super::column::first;
use super::gos::{Gos, MANY, NOWHERE};
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
    pub(super) heads: Heads,
    /// Of lanes of several blocks.
    pub(super) sums: Vec<UpTo>,
    /// How many spans there are.
    pub(super) n: usize,
}

/// The blocks of lanes that have several; a lane of one has it beside its goroutine ([`Gos`]).
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) places: Vec<Place>,
    /// Of each block the time it begins at, and where it is written; lane by lane, each in the order of
    /// time.
    pub(super) bases: Vec<i64>,
    pub(super) ats: Vec<u32>,
}

/// No sums.
pub(super) const NO_SUMS: u32 = u32::MAX;

/// Where a lane's part of [`Heads`] is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its first block, and how many it has.
    pub(super) first: u32,
    pub(super) n: u32,
    /// Its row in [`Spans::sums`].
    pub(super) sums: u32,
}

impl Heads {
    /// The blocks of a goroutine.
    #[inline]
    pub(super) fn of(&self, gos: &Gos, go: GoRef) -> Option<BlocksOf<'_>> {
        let at = gos.placed(go)?;
        let none = BlocksOf { bases: &[], ats: &[], only: None, sums: NO_SUMS };
        if at == NOWHERE {
            return Some(none);
        }
        if at < MANY {
            return Some(BlocksOf { only: Some((gos.birth(go)?, at)), ..none });
        }
        let place = self.places.get((at - MANY) as usize)?;
        let blocks = place.first as usize..place.first as usize + place.n as usize;
        let (bases, ats) = (self.bases.get(blocks.clone())?, self.ats.get(blocks)?);
        Some(BlocksOf { bases, ats, only: None, sums: place.sums })
    }
}

/// The blocks of a goroutine.
#[derive(Clone, Copy)]
pub(super) struct BlocksOf<'a> {
    bases: &'a [i64],
    ats: &'a [u32],
    /// There is one: where it begins and is written.
    only: Option<(i64, u32)>,
    /// Their row in [`Spans::sums`].
    sums: u32,
}

impl<'a> BlocksOf<'a> {
    /// Those of a lane of its own.
    #[cfg(test)]
    pub(super) fn all(heads: &'a Heads) -> BlocksOf<'a> {
        BlocksOf { bases: &heads.bases, ats: &heads.ats, only: None, sums: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        if self.only.is_some() { 1 } else { self.bases.len() }
    }

    /// Where one begins.
    #[inline]
    pub(super) fn base(&self, i: usize) -> Option<i64> {
        let only = || self.only.filter(|_| i == 0).map(|only| only.0);
        self.bases.get(i).copied().or_else(only)
    }

    /// Where one is written.
    #[inline]
    pub(super) fn at(&self, i: usize) -> Option<u32> {
        let only = || self.only.filter(|_| i == 0).map(|only| only.1);
        self.ats.get(i).copied().or_else(only)
    }

    /// How many begin at a time that is so; those come first.
    #[inline]
    fn begun(&self, is: impl Fn(i64) -> bool) -> usize {
        match self.only {
            Some((base, _)) => usize::from(is(base)),
            None => self.bases.partition_point(|&base| is(base)),
        }
    }
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
    /// What takes how many bytes of them.
    pub(super) fn parts(&self) -> Vec<(&'static str, usize)> {
        let Heads { places, bases, .. } = &self.heads;
        let sums = self.sums.iter().map(|up_to| up_to.bytes() + size_of::<UpTo>());
        vec![
            ("spans", self.arena.bytes()),
            ("heads of blocks", bases.len() * 12 + places.len() * size_of::<Place>()),
            ("sums up to blocks", sums.sum()),
        ]
    }
}

/// One goroutine's spans.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    arena: &'a Arena,
    blocks: BlocksOf<'a>,
    end: i64,
    sums: Option<&'a UpTo>,
}

impl<'a> Lane<'a> {
    #[inline]
    pub(super) fn new(spans: &'a Spans, blocks: BlocksOf<'a>, end: i64) -> Lane<'a> {
        Lane { arena: &spans.arena, blocks, end, sums: spans.sums.get(blocks.sums as usize) }
    }

    /// Where its last span ends.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// How long it was in each tone, in parts or as a whole.
    pub(super) fn sums_up(&self, mut add: impl FnMut(Tone, u64)) {
        match self.sums {
            Some(sums) => sums.all().for_each(|(tone, ns)| add(tone, ns)),
            None => self.each_time(|s, e, tone| add(tone, (e - s).max(0) as u64)),
        }
    }

    /// How many blocks it has.
    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    #[inline]
    pub(super) fn block(&self, i: usize) -> Block<'a> {
        Block::new(self.blocks.at(i).map_or(&[], |at| self.arena.at(at)))
    }

    /// Where block `i` begins.
    #[inline]
    fn base(&self, i: usize) -> i64 {
        self.blocks.base(i).unwrap_or(self.end)
    }

    /// Where block `i` ends.
    #[inline]
    fn block_end(&self, i: usize) -> i64 {
        self.blocks.base(i + 1).unwrap_or(self.end)
    }

    /// The spans of block `i`, without why and whose.
    #[inline]
    pub(super) fn times(&self, i: usize) -> SpanTimes<'a> {
        let block = self.block(i);
        let (widths, at) = block.lengths();
        SpanTimes { block, k: 0, widths, tones: 0, at, t: self.base(i), end: self.block_end(i) }
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

    /// Why and where spans are, by their rows.
    pub(super) fn sites(self) -> Sites<'a> {
        Sites { lane: self, known: Cell::new(None) }
    }

    /// The blocks that touch a window.
    pub(super) fn blocks_in(&self, t0: i64, t1: i64) -> std::ops::Range<usize> {
        let from = self.blocks.begun(|base| base <= t0).saturating_sub(1);
        from..self.blocks.begun(|base| base < t1)
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

    /// All spans, without why and whose: beginning, end, tone.
    #[inline]
    pub(super) fn each_time(&self, mut each: impl FnMut(i64, i64, Tone)) {
        for i in 0..self.n_blocks() {
            for (start, end, tone) in self.times(i) {
                each(start, end, tone);
            }
        }
    }

    /// The span at a time.
    pub(super) fn at(&self, t: i64) -> Option<Span> {
        let i = self.blocks.begun(|base| base <= t).checked_sub(1)?;
        if t >= self.block_end(i) {
            return None;
        }
        self.spans_of(i).find(|span| span.end > t)
    }

    /// Goes over the part in a window.
    #[inline]
    pub(super) fn walk(&self, t0: i64, t1: i64, walk: &mut impl Walk) {
        let first = self.blocks.begun(|base| base <= t0).saturating_sub(1);
        if let Some(sums) = self.sums {
            let to = furthest(first, self.n_blocks(), LONG, |i| self.base(i) < t1);
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
        while let Some(base) = self.blocks.base(i).filter(|&base| base < t1) {
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

/// Why and where spans of a lane are: those of one block after the other.
pub(super) struct Sites<'a> {
    lane: Lane<'a>,
    /// What was read last, and of which block.
    known: Cell<Option<(usize, Values)>>,
}

impl Sites<'_> {
    pub(super) fn of(&self, row: u32) -> Option<u32> {
        let (i, k) = (row as usize / BLOCK, row as usize % BLOCK);
        let block = self.lane.block(i);
        if k >= block.n {
            return None;
        }
        let known = self.known.get().filter(|known| known.0 == i).map(|known| known.1);
        let sites = known.unwrap_or_else(|| block.sites().0);
        if known.is_none() {
            self.known.set(Some((i, sites)));
        }
        Some(sites.of(block.bytes, k))
    }
}

/// The spans of a block, without why and whose.
#[derive(Clone, Copy)]
pub(super) struct SpanTimes<'a> {
    block: Block<'a>,
    k: usize,
    widths: u64,
    /// Those of up to eight spans.
    tones: u64,
    at: usize,
    t: i64,
    end: i64,
}

impl Iterator for SpanTimes<'_> {
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
            start.wrapping_add_unsigned(take_length(
                self.block.bytes,
                &mut self.at,
                &mut self.widths,
            ))
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
        self.lane.base(block)
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
    first(from, to, ends_by)
}
