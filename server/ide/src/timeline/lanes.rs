//! How the spans of lanes are kept: columns, in blocks of 32, with sums of time above them.
//!
//! ```text
//! lane (a goroutine):   block 0      block 1      ...          each: base time, first row, sums by tone
//!                       |            |
//! columns:              start: u32 from the block's base, site: u32, x: u32, tone: u8      13 bytes a span
//! sums:                 32 spans -> 8 blocks -> 64 blocks -> ...       [(tone, ns)], exact
//! ```
//!
//! Spans of a goroutine touch: each ends where the next begins, the last where the lane ends.
//! What has gaps (what a P ran, ranges) is kept with a length, as [`Runs`].

use super::class::Tone;

/// So many spans are in a block.
pub(super) const BLOCK: usize = 32;
/// So many blocks are under a node of the first level, and nodes under a node of the next.
const FAN: usize = 8;

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

/// Sums by tone of some nodes in a row.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Where the parts of each node end.
    ends: Vec<u32>,
    parts: Vec<Part>,
}

impl Sums {
    pub(super) fn of(&self, node: usize) -> &[Part] {
        let end = self.ends.get(node).map_or(0, |&e| e as usize);
        let start = node.checked_sub(1).and_then(|n| self.ends.get(n)).map_or(0, |&s| s as usize);
        self.parts.get(start..end).unwrap_or_default()
    }

    pub(super) fn n(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, parts: &mut Vec<(u8, u64)>) {
        self.parts.extend(parts.drain(..).map(|(tone, ns)| part(tone, ns)));
        self.ends.push(self.parts.len() as u32);
    }

    fn bytes(&self) -> usize {
        self.ends.len() * 4 + self.parts.len() * 8
    }
}

/// Adds a time to a short list of them.
#[inline]
pub(super) fn add(parts: &mut Vec<(u8, u64)>, tone: u8, ns: u64) {
    match parts.iter_mut().find(|p| p.0 == tone) {
        Some(part) => part.1 += ns,
        None => parts.push((tone, ns)),
    }
}

/// The levels above the blocks of one lane.
#[derive(Debug, Default)]
pub(super) struct Levels(Vec<Sums>);

impl Levels {
    /// Over blocks `first..first + n` of `blocks`; `None` where they are too few to be worth it.
    pub(super) fn new(blocks: &Sums, first: usize, n: usize) -> Option<Levels> {
        if n <= FAN {
            return None;
        }
        let mut levels: Vec<Sums> = Vec::new();
        let mut parts = Vec::new();
        let mut below = n;
        while below > FAN {
            let nodes = below.div_ceil(FAN);
            let mut sums = Sums::default();
            for node in 0..nodes {
                for child in node * FAN..below.min((node + 1) * FAN) {
                    let of = match levels.last() {
                        Some(level) => level.of(child),
                        None => blocks.of(first + child),
                    };
                    for &p in of {
                        let (tone, ns) = unpack(p);
                        add(&mut parts, tone.0, ns);
                    }
                }
                sums.push(&mut parts);
            }
            levels.push(sums);
            below = nodes;
        }
        Some(Levels(levels))
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(Sums::bytes).sum()
    }
}

/// What goes over a lane's time, in order.
pub(super) trait Walk {
    /// Whether a stretch lies where its sums say all that is wanted.
    fn fits(&mut self, from: i64, to: i64) -> bool;
    /// A stretch that fits: its time by tone.
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
    pub(super) sums: Sums,
    pub(super) levels: Vec<Levels>,
}

/// No levels.
pub(super) const NO_LEVELS: u32 = u32::MAX;

/// One goroutine's part of [`Spans`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) first: u32,
    pub(super) n: u32,
    pub(super) end: i64,
    pub(super) levels: u32,
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
            + self.sums.bytes()
            + self.levels.iter().map(Levels::bytes).sum::<usize>()
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
        let mut i = blocks.partition_point(|b| b.base <= t0).saturating_sub(1);
        let last = blocks.partition_point(|b| b.base < t1);
        let levels = self.levels.get(lane.levels as usize).map_or(&[][..], |l| &l.0);
        while i < last {
            let base = blocks[i].base;
            let end = self.block_end(lane, blocks, i);
            if base >= t0 && end <= t1 && walk.fits(base, end) {
                // As far up as it still fits.
                let (mut step, mut to) = (1, end);
                let mut at: Option<(usize, usize)> = None;
                for (l, level) in levels.iter().enumerate() {
                    let wide = step * FAN;
                    if i % wide != 0 {
                        break;
                    }
                    let next = (i + wide).min(blocks.len());
                    let to_next = self.block_end(lane, blocks, next - 1);
                    if i / wide >= level.n() || to_next > t1 || !walk.fits(base, to_next) {
                        break;
                    }
                    (step, to, at) = (wide, to_next, Some((l, i / wide)));
                }
                match at {
                    Some((l, node)) => walk.sums(base, to, levels[l].of(node)),
                    None => walk.sums(base, to, self.sums.of(lane.first as usize + i)),
                }
                i += step;
                continue;
            }
            let block = &blocks[i];
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
    sums: Sums,
    levels: Option<Levels>,
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
            0
        });
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
        self.len() * 13 + self.blocks.len() * 16 + self.sums.bytes()
    }

    /// No more will come.
    pub(super) fn seal(&mut self) {
        self.sums = Sums::default();
        let mut parts = Vec::new();
        for b in 0..self.blocks.len() {
            for row in self.rows(b) {
                let run = self.run(b, row);
                add(&mut parts, run.tone.0, (run.end - run.start) as u64);
            }
            self.sums.push(&mut parts);
        }
        self.levels = Levels::new(&self.sums, 0, self.blocks.len());
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
        let levels = self.levels.as_ref().map_or(&[][..], |l| &l.0);
        let end_of = |block: usize| {
            let row = self.rows(block).end - 1;
            self.run(block, row).end
        };
        while b < last {
            let base = self.blocks[b].0;
            let end = end_of(b);
            if base >= t0 && end <= t1 && walk.fits(base, end) {
                let (mut step, mut to) = (1, end);
                let mut at: Option<(usize, usize)> = None;
                for (l, level) in levels.iter().enumerate() {
                    let wide = step * FAN;
                    if b % wide != 0 {
                        break;
                    }
                    let to_next = end_of((b + wide).min(self.blocks.len()) - 1);
                    if b / wide >= level.n() || to_next > t1 || !walk.fits(base, to_next) {
                        break;
                    }
                    (step, to, at) = (wide, to_next, Some((l, b / wide)));
                }
                match at {
                    Some((l, node)) => walk.sums(base, to, levels[l].of(node)),
                    None => walk.sums(base, to, self.sums.of(b)),
                }
                b += step;
                continue;
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
