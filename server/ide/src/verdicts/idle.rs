//! How long receivers stood idle, while waits are judged forward in time.

use super::people::People;
use crate::stays::{GoRow, Stays};

/// How long goroutines stood idle: their waits that were found neither costly nor through, so far.
/// Of those only that receive from senders, who ask.
pub(super) struct Idle {
    /// By goroutine: a row of `sums`, or `u32::MAX`.
    at: Vec<u32>,
    /// One for each such wait.
    sums: Vec<Vec<Stood>>,
}

/// How long a goroutine stood idle up to the end of a wait.
#[derive(Debug, Clone, Copy)]
struct Stood {
    end: i64,
    ns: i64,
    /// Of that, asleep or at the network in the middle of its work, as far as can be told: *unsure*.
    away: i64,
}

impl Idle {
    pub(super) fn new(people: &People) -> Idle {
        let mut n = 0;
        let at = people.receivers().map(|receives| {
            let at = if receives { n } else { u32::MAX };
            n += u32::from(receives);
            at
        });
        let at = at.collect();
        Idle { at, sums: vec![Vec::new(); n as usize] }
    }

    /// About how many bytes of memory it takes: as if all that goroutines end were idle waits of some
    /// that receive.
    pub(super) fn memory(stays: &Stays) -> usize {
        let births = stays.gos.len() + stays.briefs.len();
        let wakes = stays.counts().wakes.saturating_sub(births);
        stays.gos.len() * size_of::<u32>() + wakes * size_of::<Stood>()
    }

    /// A goroutine was idle for so long, up to time `end`; or perhaps away.
    #[inline]
    pub(super) fn add(&mut self, g: GoRow, end: i64, ns: i64, away: bool) {
        if let Some(sums) = self.sums.get_mut(self.at[g.0 as usize] as usize) {
            let before = sums.last().map_or((0, 0), |sum| (sum.ns, sum.away));
            let away = before.1 + if away { ns } else { 0 };
            sums.push(Stood { end, ns: before.0 + ns, away });
        }
    }

    /// How long a goroutine has stood idle from time `from` up to now, and of that perhaps away.
    pub(super) fn since(&self, g: GoRow, from: i64) -> (i64, i64) {
        let sums = self.sums.get(self.at[g.0 as usize] as usize).map_or(&[][..], Vec::as_slice);
        let first = later(sums, from);
        let (Some(last), Some(sum)) = (sums.last(), sums.get(first)) else { return (0, 0) };
        let before = first.checked_sub(1).map_or((0, 0), |i| (sums[i].ns, sums[i].away));
        // The part of the first one that lies before `from`.
        let ns = sum.ns - before.0;
        let cut = (from - sum.end.saturating_sub(ns)).clamp(0, ns);
        let away = sum.away - before.1;
        (last.ns - before.0 - cut, last.away - before.1 - cut.min(away))
    }
}

/// The first row that ends after `t`. Nearly always it is among the last.
fn later(sums: &[Stood], t: i64) -> usize {
    let mut step = 1;
    let mut high = sums.len();
    while let Some(low) = high.checked_sub(step) {
        if sums[low].end <= t {
            return low + 1 + sums[low + 1..high].partition_point(|sum| sum.end <= t);
        }
        high = low;
        step *= 2;
    }
    sums[..high].partition_point(|sum| sum.end <= t)
}
