//! Sums of time by tone: of a lane up to each of its blocks.

use super::class::{TONES, Tone};
use super::lanes::LONG;

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
    /// Row by row, a column for each tone. Once packed, one row for some blocks together.
    ns: Vec<u64>,
    /// Packed: row by row, what is to be added to the row before.
    more: Vec<u32>,
    /// Packed: a row of `ns` is for 2 to this many blocks.
    shift: u32,
}

/// So many blocks share a row, as a power of two: as many as 4.29 s allow.
const SHARED: [u32; 3] = [6, 4, 2];

impl UpTo {
    /// Half of the bytes, where blocks are near enough to each other. No more will come.
    fn pack(&mut self) {
        let n = self.tones.len();
        let fits = |shift: &&u32| {
            self.ns.chunks(n << **shift).all(|rows| {
                // They rise.
                let ends = rows.iter().zip(&rows[rows.len() - n..]).take(n);
                ends.fold(true, |fits, (first, last)| fits & (last - first <= u32::MAX.into()))
            })
        };
        if let Some(&shift) = SHARED.iter().find(fits) {
            let (mut shared, mut more) = (Vec::new(), Vec::with_capacity(self.ns.len()));
            for rows in self.ns.chunks(n << shift) {
                shared.extend_from_slice(&rows[..n]);
                let first = rows[..n].iter().cycle();
                more.extend(rows.iter().zip(first).map(|(ns, first)| (ns - first) as u32));
            }
            (self.ns, self.more, self.shift) = (shared, more, shift);
        }
        self.ns.shrink_to_fit();
    }

    /// The row of a block: what is shared, and what is to be added to it. Empty, if there is none.
    #[inline]
    fn halves(&self, block: usize) -> (&[u64], &[u32]) {
        let n = self.tones.len();
        let shared = block >> self.shift;
        let more = self.more.get(block * n..(block + 1) * n).unwrap_or_default();
        let has = self.shift == 0 || !more.is_empty();
        let ns = self.ns.get(shared * n..(shared + 1) * n).filter(|_| has);
        (ns.unwrap_or_default(), more)
    }

    /// The time of each tone up to a block.
    #[inline]
    pub(super) fn row(&self, block: usize, row: &mut Vec<u64>) {
        let (ns, more) = self.halves(block);
        row.clear();
        row.extend_from_slice(ns);
        row.iter_mut().zip(more).for_each(|(ns, &more)| *ns += u64::from(more));
    }

    /// What the blocks from `first` to before `end` came to. `all`: the row behind the last one.
    #[inline]
    pub(super) fn between(&self, first: usize, end: usize, all: &[u64], parts: &mut Vec<Part>) {
        parts.clear();
        let (before, more_before) = self.halves(first);
        let (mut until, more_until) = self.halves(end);
        if until.is_empty() {
            until = all;
        }
        let more = |more: &[u32], column: usize| more.get(column).copied().map_or(0, u64::from);
        for (column, ((&tone, &before), &until)) in
            self.tones.iter().zip(before).zip(until).enumerate()
        {
            let before = before + more(more_before, column);
            let until = until + more(more_until, column);
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

    /// Something of a row, of each line that a cache has of it.
    #[inline]
    pub(super) fn touch(&self, block: usize) -> u64 {
        let (ns, more) = self.halves(block);
        let ns = ns.iter().step_by(8).chain(ns.last()).fold(0, |sum, &ns| sum ^ ns);
        let more = more.iter().step_by(16).chain(more.last()).fold(0, |sum, &ns| sum ^ ns);
        ns ^ u64::from(more)
    }

    /// The time of each tone of the whole lane, which is over.
    pub(super) fn all(&self) -> impl Iterator<Item = (Tone, u64)> + '_ {
        let n = self.tones.len();
        let last = |rows: usize| rows.saturating_sub(n);
        let row = self.ns.get(last(self.ns.len())..).unwrap_or_default();
        let more = self.more.get(last(self.more.len())..).unwrap_or_default();
        let more = more.iter().copied().map(u64::from).chain(std::iter::repeat(0));
        self.tones.iter().zip(row).zip(more).map(|((&tone, ns), more)| (Tone(tone), ns + more))
    }

    pub(super) fn shrink(&mut self) {
        self.ns.shrink_to_fit();
    }

    pub(super) fn bytes(&self) -> usize {
        self.tones.len() + self.ns.capacity() * 8 + self.more.capacity() * 4
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

    /// The lane is over. `None` where it is too short to be worth it.
    pub(super) fn done(&mut self, n_blocks: usize) -> Option<UpTo> {
        self.made.tones.iter().for_each(|&tone| self.columns[usize::from(tone)] = u8::MAX);
        self.now.clear();
        if n_blocks < LONG {
            self.made.tones.clear();
            self.made.ns.clear();
            return None;
        }
        let mut made = std::mem::take(&mut self.made);
        made.pack();
        Some(made)
    }
}
