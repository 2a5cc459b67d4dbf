//! User regions and tasks, and which waits lie in which region.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use exectrace::{Nanos, StackId, StrId};

use super::{GoRow, Stay, StayKind, Stays};

/// A user region of the trace.
#[derive(Debug, Clone, Copy)]
pub struct RegionSpan {
    /// Its beginning.
    pub start: Nanos,
    until: Nanos,
    /// Its type.
    pub name: StrId,
    /// The region around it: a row, or [`NO_REGION`].
    pub outer: u32,
    /// Where it began.
    pub stack: StackId,
    /// Whose.
    pub g: GoRow,
}

/// A user task of the trace.
#[derive(Debug, Clone, Copy)]
pub struct TaskSpan {
    /// Its beginning.
    pub start: Nanos,
    until: Nanos,
    /// Its type.
    pub name: StrId,
    /// Where it began.
    pub stack: StackId,
}

/// No region.
pub const NO_REGION: u32 = u32::MAX;

/// No event is so early.
const OPEN: Nanos = Nanos(i64::MIN);

fn end(until: Nanos) -> Option<Nanos> {
    (until != OPEN).then_some(until)
}

impl RegionSpan {
    pub(super) fn new(
        name: StrId,
        start: Nanos,
        outer: u32,
        stack: StackId,
        g: GoRow,
    ) -> RegionSpan {
        RegionSpan { start, until: OPEN, name, outer, stack, g }
    }

    /// Its end; `None` if it was open at the trace's end.
    pub fn end(&self) -> Option<Nanos> {
        end(self.until)
    }

    pub(super) fn ends(&mut self, t: Nanos) {
        self.until = t;
    }
}

impl TaskSpan {
    pub(super) fn new(name: StrId, start: Nanos, stack: StackId) -> TaskSpan {
        TaskSpan { start, until: OPEN, name, stack }
    }

    /// Its end; `None` if it was open at the trace's end.
    pub fn end(&self) -> Option<Nanos> {
        end(self.until)
    }

    pub(super) fn ends(&mut self, t: Nanos) {
        self.until = t;
    }
}

/// Rows of regions in the order of their beginnings, and in the order of their ends. Where these are
/// the same, the order is that of the rows.
#[derive(Debug)]
pub(crate) struct InTime {
    /// `None`: as the rows.
    starts: Option<Vec<u32>>,
    n: usize,
    /// Of those that ended and were asked for.
    pub(crate) ends: Vec<u32>,
}

impl InTime {
    /// The ends are of those of which `is_asked` says so.
    pub(crate) fn new(regions: &[RegionSpan], is_asked: impl Fn(&RegionSpan) -> bool) -> InTime {
        let starts = (!regions.is_sorted_by_key(|r| r.start)).then(|| {
            let mut starts: Vec<u32> = (0..regions.len() as u32).collect();
            starts.sort_by_key(|&row| regions[row as usize].start);
            starts
        });
        let mut made = InTime { starts, n: regions.len(), ends: Vec::new() };
        // Whatever begins from now on ends after what is over by now.
        let mut open = BinaryHeap::new();
        for i in 0..made.n {
            let row = made.start(i);
            let region = &regions[row as usize];
            while let Some(&Reverse((end, row))) = open.peek()
                && end < region.start
            {
                open.pop();
                made.ends.push(row);
            }
            if let Some(end) = region.end().filter(|_| is_asked(region)) {
                open.push(Reverse((end, row)));
            }
        }
        while let Some(Reverse((_, row))) = open.pop() {
            made.ends.push(row);
        }
        // Unless it ends before it began, where clocks disagree.
        let key = |row: &u32| (regions[*row as usize].until, *row);
        if !made.ends.is_sorted_by_key(key) {
            made.ends.sort_unstable_by_key(key);
        }
        made
    }

    /// How many begin.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The region that begins after `i` others.
    pub(crate) fn start(&self, i: usize) -> u32 {
        self.starts.as_ref().map_or(i as u32, |starts| starts[i])
    }
}

impl Stays {
    /// All waits, each with the innermost region that it ended in: a row, or [`NO_REGION`].
    pub fn waits_in_regions(&self, mut each: impl FnMut(&Stay, u32)) {
        let regions = &self.regions;
        let order = InTime::new(regions, |_| true);
        let (mut start, mut end) = (0, 0);
        let mut inside = vec![NO_REGION; self.gos.len()];
        for stay in self.all().filter(|s| s.kind == StayKind::Wait) {
            loop {
                let begins = (start < order.n()).then(|| {
                    let row = order.start(start);
                    (regions[row as usize].start, row, true)
                });
                let ends =
                    order.ends.get(end).map(|&row| (regions[row as usize].until, row, false));
                let Some((t, row, is_begin)) = begins.into_iter().chain(ends).min() else { break };
                if !stay.open && t >= stay.end {
                    break;
                }
                if is_begin {
                    start += 1;
                } else {
                    end += 1;
                }
                let region = &regions[row as usize];
                inside[region.g.0 as usize] = if is_begin { row } else { region.outer };
            }
            each(&stay, inside[stay.g.0 as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stays::table::tests::Dice;

    /// Both orders are those that sorting gives, also where clocks disagree.
    #[test]
    fn regions_are_in_the_order_of_their_ends() {
        let mut dice = Dice(7);
        let mut below = |n: u64| dice.below(n);
        for regress in [0, 40] {
            let mut t = 100;
            let mut regions = Vec::new();
            for _ in 0..1_000 {
                t += below(9) as i64 - if below(20) == 0 { regress } else { 0 };
                let mut region =
                    RegionSpan::new(StrId(0), Nanos(t), NO_REGION, StackId(0), GoRow(0));
                if below(5) > 0 {
                    region.ends(Nanos(t + below(60) as i64 - regress / 4));
                }
                regions.push(region);
            }
            let is_asked = |region: &RegionSpan| region.start.0 % 3 > 0;
            let order = InTime::new(&regions, is_asked);

            let rows = 0..regions.len() as u32;
            let mut starts: Vec<_> =
                rows.clone().map(|row| (regions[row as usize].start, row)).collect();
            starts.sort();
            assert!((0..order.n()).map(|i| order.start(i)).eq(starts.iter().map(|s| s.1)));
            let asked = rows.filter(|&row| is_asked(&regions[row as usize]));
            let mut ends: Vec<_> =
                asked.filter_map(|row| Some((regions[row as usize].end()?, row))).collect();
            ends.sort();
            assert!(order.ends.iter().eq(ends.iter().map(|e| &e.1)));
        }
    }
}
