//! How long goroutines stood still while they helped the collector.
//!
//! ```text
//! assist      |-----------------------------------|    a range of the trace
//! goroutine   == ran ==|-- waits --|- runnable -|==    standing still has a line and a verdict of its own
//! ```
//!
//! A line's assists are as long as Go says. What they cost beside the waits is what was run in them, so
//! that no time counts twice.

use exectrace::{GoId, RangeKind};
use hashbrown::HashMap;

use crate::Analysis;
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::stays::{Stay, Stays};

/// A part of an assist in which its goroutine stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stood {
    /// That of the assist.
    slot: SlotId,
    g: GoId,
    from: i64,
    to: i64,
}

/// The assists of a trace, to find what lies in them.
#[derive(Debug, Default)]
pub(crate) struct Assists {
    /// By goroutine: beginning, end and slot, in order.
    of: HashMap<GoId, Vec<(i64, i64, SlotId)>>,
    /// How many of the slices before each, of `1 << shift` nanoseconds, have any: to tell most stays apart
    /// with two looks.
    before: Vec<u32>,
    shift: u32,
    stood: Vec<Stood>,
}

impl Assists {
    pub(crate) fn new(analysis: &Analysis, stays: &Stays) -> Assists {
        let mut made = Assists::default();
        let is_assist = |id| analysis.causes.cause(id) == Cause::Range(RangeKind::GcMarkAssist);
        let Some(assist) = analysis.causes.ids().find(|&id| is_assist(id)) else { return made };
        for range in &stays.ranges {
            let slot = analysis.slots.get(range.slot.0 as usize);
            if slot.is_some_and(|slot| slot.cause == assist) {
                let row = (range.start.0, range.end.0, range.slot);
                made.of.entry(range.g).or_default().push(row);
            }
        }
        made.of.values_mut().for_each(|ranges| ranges.sort_unstable());
        let end = analysis.duration().max(0).unsigned_abs();
        made.shift = (u64::BITS - end.leading_zeros()).saturating_sub(SLICES);
        // By slice, how many more of them are under way than before: however long they are, and there may be
        // one of each goroutine from end to end, each is two steps.
        let last = slice(analysis.duration(), made.shift);
        let mut more = vec![0i64; last + 2];
        for &(from, to, _) in made.of.values().flatten() {
            let to = slice(to, made.shift).min(last);
            more[slice(from, made.shift).min(to)] += 1;
            more[to + 1] -= 1;
        }
        let (mut open, mut n) = (0, 0);
        made.before.push(0);
        made.before.extend(more[..=last].iter().map(|more| {
            open += more;
            n += u32::from(open > 0);
            n
        }));
        made
    }

    /// Takes in a stay, and how long its goroutine could run after it.
    #[inline(always)]
    pub(crate) fn add(&mut self, stays: &Stays, stay: &Stay, runnable: i64) {
        let (from, to) = (stay.start.0, stay.end.0.saturating_add(runnable));
        if self.may_hold(from, to) {
            self.stands(stays.go(stay.g).id, from, to);
        }
    }

    /// Whether any goroutine may be in an assist between two times.
    #[inline(always)]
    fn may_hold(&self, from: i64, to: i64) -> bool {
        let Some(last) = self.before.len().checked_sub(2) else { return false };
        let [from, to] = [from, to].map(|t| slice(t, self.shift).min(last));
        self.before[from] != self.before[to + 1]
    }

    fn stands(&mut self, g: GoId, from: i64, to: i64) {
        let Some(ranges) = self.of.get(&g) else { return };
        let first = ranges.partition_point(|range| range.1 <= from);
        for &(start, end, slot) in ranges[first..].iter().take_while(|range| range.0 < to) {
            self.stood.push(Stood { slot, g, from: from.max(start), to: to.min(end) });
        }
    }

    /// What was found.
    pub(crate) fn stood(self) -> Vec<Stood> {
        self.stood
    }
}

/// Bits of the number of slices of a trace.
const SLICES: u32 = 14;

/// The slice that an instant lies in.
#[inline(always)]
fn slice(t: i64, shift: u32) -> usize {
    (t.max(0) >> shift) as usize
}

/// By the slot of an assist, in order: how long goroutines stood still in the assists of a trace, in
/// nanoseconds. None without lives.
pub fn stood(analysis: &Analysis) -> Vec<(SlotId, i64)> {
    let Some(stays) = &analysis.stays else { return Vec::new() };
    let mut made = Assists::new(analysis, stays);
    if !made.of.is_empty() {
        for row in stays.rows() {
            let (stay, runnable) = stays.stay_and_runnable(row);
            made.add(stays, &stay, runnable);
        }
    }
    sum(&made.stood, |_, from, to| to - from)
}

/// By the slot of an assist, in order: how long its goroutines stood still, as far as `inside` counts
/// that, in nanoseconds.
pub(crate) fn sum(stood: &[Stood], inside: impl Fn(GoId, i64, i64) -> i64) -> Vec<(SlotId, i64)> {
    let mut sums: HashMap<SlotId, i64> = HashMap::new();
    for &Stood { slot, g, from, to } in stood {
        let ns = inside(g, from, to);
        if ns > 0 {
            let sum = sums.entry(slot).or_default();
            *sum = sum.saturating_add(ns);
        }
    }
    let mut sums: Vec<(SlotId, i64)> = sums.into_iter().collect();
    sums.sort_unstable();
    sums
}

/// What such sums have of a slot.
pub(crate) fn of(sums: &[(SlotId, i64)], slot: SlotId) -> i64 {
    let at = sums.binary_search_by_key(&slot, |sum| sum.0).ok();
    at.and_then(|at| sums.get(at)).map_or(0, |sum| sum.1)
}
