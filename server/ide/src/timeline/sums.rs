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

    pub(super) fn shrink(&mut self) {
        self.ns.shrink_to_fit();
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
