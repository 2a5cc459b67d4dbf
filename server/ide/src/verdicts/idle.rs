//! How long receivers stood idle, while waits are judged forward in time.

use super::people::People;
use crate::stays::{GoRow, Stays};

/// How long goroutines stood idle: their waits that were found neither costly nor through, so far.
/// Of those only that receive from senders, who ask.
pub(super) struct Idle {
    /// By goroutine: a row of `all` and of `away`, or `u32::MAX`.
    at: Vec<u32>,
    all: Vec<Sums>,
    /// Of them, those in which it may have been at work: *unsure*, asleep or at the network.
    away: Vec<Sums>,
}

/// The end of each wait, and all of them together up to there.
type Sums = Vec<(i64, i64)>;

impl Idle {
    pub(super) fn new(people: &People) -> Idle {
        let mut n = 0;
        let at = people.receivers().map(|receives| {
            let at = if receives { n } else { u32::MAX };
            n += u32::from(receives);
            at
        });
        let at = at.collect();
        Idle { at, all: vec![Sums::new(); n as usize], away: vec![Sums::new(); n as usize] }
    }

    /// About how many bytes of memory it takes: as if all that goroutines end were idle waits of some
    /// that receive.
    pub(super) fn memory(stays: &Stays) -> usize {
        let births = stays.gos.len() + stays.briefs.len();
        let wakes = stays.counts().wakes.saturating_sub(births);
        stays.gos.len() * size_of::<u32>() + wakes * size_of::<(i64, i64)>()
    }

    /// A goroutine was idle for so long, up to time `end`; or perhaps away.
    #[inline]
    pub(super) fn add(&mut self, g: GoRow, end: i64, ns: i64, away: bool) {
        let row = self.at[g.0 as usize] as usize;
        let add = |sums: &mut Sums| {
            let before = sums.last().map_or(0, |sum| sum.1);
            sums.push((end, before + ns));
        };
        self.all.get_mut(row).map(add);
        if away {
            self.away.get_mut(row).map(add);
        }
    }

    /// How long a goroutine has stood idle from time `from` up to now.
    pub(super) fn since(&self, g: GoRow, from: i64) -> i64 {
        self.all.get(self.at[g.0 as usize] as usize).map_or(0, |sums| since(sums, from))
    }

    /// Of that, for how long it may have been at work.
    pub(super) fn away_since(&self, g: GoRow, from: i64) -> i64 {
        self.away.get(self.at[g.0 as usize] as usize).map_or(0, |sums| since(sums, from))
    }
}

/// How long all from time `from` on are.
fn since(sums: &[(i64, i64)], from: i64) -> i64 {
    let Some(&(_, all)) = sums.last() else { return 0 };
    let first = later(sums, from);
    let Some(&(end, sum)) = sums.get(first) else { return 0 };
    let already = first.checked_sub(1).map_or(0, |i| sums[i].1);
    // The part of the first one that lies before `from`.
    let ns = sum - already;
    let cut = (from - end.saturating_sub(ns)).clamp(0, ns);
    all - already - cut
}

/// The first row that ends after `t`. Nearly always it is among the last.
fn later(sums: &[(i64, i64)], t: i64) -> usize {
    let mut step = 1;
    let mut high = sums.len();
    while let Some(low) = high.checked_sub(step) {
        if sums[low].0 <= t {
            return low + 1 + sums[low + 1..high].partition_point(|sum| sum.0 <= t);
        }
        high = low;
        step *= 2;
    }
    sums[..high].partition_point(|sum| sum.0 <= t)
}
