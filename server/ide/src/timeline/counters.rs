//! How many goroutines are in each state over time, and the heap.
//!
//! Counts are kept for blocks of changes: those at its beginning and the most within it. A column that
//! is narrower than a block shows the block's most: the counts at one instant come from the lanes.

use super::coded::BLOCK;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Goroutines that run.
    Running,
    /// Goroutines that could run.
    Runnable,
    /// Goroutines that are blocked.
    Waiting,
    /// Goroutines in system calls.
    Syscall,
    /// Blocked ones that wait for the collector.
    GcWaiting,
    /// Threads that have a P.
    Threads,
}

/// How many counters there are.
pub(super) const COUNTERS: usize = 6;
/// So many changes are in a block.
const CHANGES: u32 = 256;

/// Counts by [`Counter`].
pub type Counts = [u32; COUNTERS];

/// The counters of a trace.
#[derive(Debug, Default)]
pub(super) struct Counters {
    from: Vec<i64>,
    most: Vec<Counts>,
    now: Counts,
    n: u32,
    /// Over 64 blocks each.
    wide: Vec<Counts>,
}

fn widen(most: &mut Counts, other: &Counts) {
    for (most, other) in most.iter_mut().zip(other) {
        *most = (*most).max(*other);
    }
}

impl Counters {
    /// One leaves `from` and enters `to`.
    #[inline]
    pub(super) fn change(&mut self, t: i64, from: Option<Counter>, to: Option<Counter>) {
        if self.n.is_multiple_of(CHANGES) {
            // What was there before the trace is told of later than it is counted for.
            self.from.push(self.from.last().map_or(t, |&last| last.max(t)));
            self.most.push(self.now);
        }
        self.n = self.n.wrapping_add(1);
        if let Some(from) = from {
            let count = &mut self.now[from as usize];
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            let count = &mut self.now[to as usize];
            *count += 1;
            if let Some(most) = self.most.last_mut() {
                most[to as usize] = most[to as usize].max(*count);
            }
        }
    }

    /// Sums up the blocks that are whole: what is asked before is right, and slower.
    pub(super) fn catch_up(&mut self) {
        let whole = self.most.len().saturating_sub(1) / BLOCK * BLOCK;
        let known = self.wide.len() * BLOCK;
        for some in self.most[known.min(whole)..whole].chunks(BLOCK) {
            let mut most = Counts::default();
            some.iter().for_each(|s| widen(&mut most, s));
            self.wide.push(most);
        }
    }

    /// The most of each between two times, as near as blocks tell.
    pub(super) fn most(&self, t0: i64, t1: i64) -> Counts {
        let mut most = Counts::default();
        let mut i = self.from.partition_point(|&f| f <= t0).saturating_sub(1);
        let end = self.from.partition_point(|&f| f < t1).max(i + 1).min(self.from.len());
        while i < end {
            let wide = self.wide.get(i / BLOCK);
            if let Some(wide) = wide.filter(|_| i.is_multiple_of(BLOCK) && i + BLOCK <= end) {
                widen(&mut most, wide);
                i += BLOCK;
            } else {
                widen(&mut most, &self.most[i]);
                i += 1;
            }
        }
        most
    }

    pub(super) fn bytes(&self) -> usize {
        self.from.len() * 8 + (self.most.len() + self.wide.len()) * size_of::<Counts>()
    }
}

/// A number that changes from time to time.
#[derive(Debug, Default)]
pub(super) struct Series {
    t: Vec<i64>,
    value: Vec<u64>,
    wide: Vec<u64>,
}

impl Series {
    pub(super) fn push(&mut self, t: i64, value: u64) {
        if self.t.len().is_multiple_of(BLOCK) {
            self.wide.push(value);
        }
        if let Some(most) = self.wide.last_mut() {
            *most = (*most).max(value);
        }
        self.t.push(t);
        self.value.push(value);
    }

    /// Whether nothing was told.
    pub(super) fn is_empty(&self) -> bool {
        self.t.is_empty()
    }

    /// The value at a time; `None` before the first.
    pub(super) fn at(&self, t: i64) -> Option<u64> {
        let i = self.t.partition_point(|&at| at <= t).checked_sub(1)?;
        self.value.get(i).copied()
    }

    /// The most from `t0` to before `t1`.
    pub(super) fn most(&self, t0: i64, t1: i64) -> Option<u64> {
        let before = self.t.partition_point(|&at| at <= t0);
        let end = self.t.partition_point(|&at| at < t1);
        let mut i = before.saturating_sub(1);
        if i >= end {
            return self.at(t0);
        }
        let mut most = 0;
        while i < end {
            if i.is_multiple_of(BLOCK) && i + BLOCK <= end {
                most = most.max(self.wide[i / BLOCK]);
                i += BLOCK;
            } else {
                most = most.max(self.value[i]);
                i += 1;
            }
        }
        Some(most)
    }

    pub(super) fn bytes(&self) -> usize {
        self.t.len() * 16 + self.wide.len() * 8
    }
}
