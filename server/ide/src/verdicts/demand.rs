//! Backward in time: who is waited for, and since when.
//!
//! Going back from the end, each goroutine has an instant from which on somebody waits for it. Since
//! all that was seen so far ends later than what is still to come, one number is enough for a union
//! of intervals. There are two of them: weak demand, and strong.

use super::facts::{Facts, WaitKind};
use super::people::People;
use crate::Analysis;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};

/// How long somebody waited for the goroutine of each wait, while it stood there.
#[derive(Debug)]
pub(super) struct Demand {
    duration: i64,
    /// By stay.
    of: Vec<Demanded>,
    /// By stay: strong demand in nanoseconds, at most 4.29 s.
    pub(super) strong_ns: Vec<u32>,
    /// By group: strong demand, and the time in which anyone of it stood there.
    groups: Vec<(i64, i64)>,
}

/// What is kept of one wait, in a byte. Weak demand is strong demand too.
#[derive(Debug, Clone, Copy)]
struct Demanded(u8);

impl Demanded {
    /// How much the wait itself says of work in hand.
    const LEVEL: u8 = 3;
    /// Its level is 2 only because its group gets answers.
    const ANSWERS_ONLY: u8 = 4;
    /// Somebody waited for half of the time or more: weakly, strongly.
    const WEAK_HALF: u8 = 8;
    const STRONG_HALF: u8 = 16;
    /// Somebody waited at all.
    const ANY: u8 = 32;

    fn with(self, bit: u8, is: bool) -> Demanded {
        Demanded(if is { self.0 | bit } else { self.0 })
    }

    fn is(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn level(self) -> u8 {
        self.0 & Demanded::LEVEL
    }
}

const NEVER: i64 = i64::MAX;

impl Demand {
    pub(super) fn new(
        analysis: &Analysis,
        stays: &Stays,
        facts: &Facts,
        people: &People,
    ) -> Demand {
        let n = stays.len();
        let mut made = Demand {
            duration: analysis.duration(),
            of: vec![Demanded(0); n],
            strong_ns: vec![0; n],
            groups: vec![(0, 0); people.groups.len()],
        };
        // From what instant on somebody waits for each goroutine: weakly, strongly.
        let mut low = vec![(NEVER, NEVER); stays.gos.len()];
        // The earliest start of a wait of each group, so far.
        let mut covered = vec![NEVER; people.groups.len()];
        let mut regions = ShortRegions::new(stays, made.duration);
        for row in stays.rows().rev() {
            let stay = &stays.stay(row);
            match stay.kind {
                StayKind::Stop => {}
                StayKind::Born => {
                    // Before its birth, its creator stood in its place.
                    if stay.waker != GoRow::NONE {
                        let child = low[stay.g.0 as usize];
                        let parent = &mut low[stay.waker.0 as usize];
                        if child.0 < stay.end.0 {
                            parent.0 = parent.0.min(child.0);
                        }
                        if child.1 < stay.end.0 {
                            parent.1 = parent.1.min(child.1);
                        }
                    }
                }
                StayKind::Wait | StayKind::Syscall => {
                    let in_region = regions.holds(stay);
                    made.wait(row, stay, in_region, stays, facts, people, &mut low, &mut covered);
                }
            }
        }
        made
    }

    #[allow(clippy::too_many_arguments)] // the state of one loop
    fn wait(
        &mut self,
        row: StayRow,
        stay: &Stay,
        in_region: bool,
        stays: &Stays,
        facts: &Facts,
        people: &People,
        low: &mut [(i64, i64)],
        covered: &mut [i64],
    ) {
        let (a, b) = (stay.start.0, stay.end.0);
        let own = low[stay.g.0 as usize];
        let demanded = |low: i64| if low < b { b - a.max(low) } else { 0 };
        let mut demand = (demanded(own.0.min(own.1)), demanded(own.1));

        let kind = facts.kind_of_stay(stay);
        let (level, answers_only) = match in_region {
            true if own_level(kind).is_none() => (2, false),
            _ => level(row, stay, kind, stays, facts, people),
        };
        if stay.waker != GoRow::NONE {
            if level >= 1 {
                demand.0 = b - a;
            }
            if level >= 2 {
                demand.1 = b - a;
            }
        }
        if kind != WaitKind::Lock && self.is_umbrella(stay) {
            demand = (demand.0.max(demand.1), 0);
        }
        self.of[row.0 as usize] = Demanded(level)
            .with(Demanded::ANSWERS_ONLY, answers_only)
            .with(Demanded::WEAK_HALF, is_half(demand.0, b - a))
            .with(Demanded::STRONG_HALF, is_half(demand.1, b - a))
            .with(Demanded::ANY, demand.0 != 0);
        self.strong_ns[row.0 as usize] = u32::try_from(demand.1).unwrap_or(u32::MAX);
        if stay.waker != GoRow::NONE {
            let waker = &mut low[stay.waker.0 as usize];
            if demand.0 > 0 {
                waker.0 = waker.0.min(b - demand.0);
            }
            if demand.1 > 0 {
                waker.1 = waker.1.min(b - demand.1);
            }
        }
        let group = people.group(row);
        let (sum, covered) = (&mut self.groups[group as usize], &mut covered[group as usize]);
        sum.0 = sum.0.saturating_add(demand.1);
        if a < *covered {
            sum.1 = sum.1.saturating_add(b.min(*covered) - a);
            *covered = a;
        }
    }

    /// A wait so long that somebody waits for the whole, not for this piece.
    pub(super) fn is_umbrella(&self, stay: &Stay) -> bool {
        is_half(stay.end.since(stay.start), self.duration)
    }

    /// Whether anybody waited for the goroutine of a wait, while it stood there.
    pub(super) fn is_any(&self, row: StayRow) -> bool {
        self.of[row.0 as usize].is(Demanded::ANY)
    }

    /// Whether somebody with work in hand waits for this, surely and perhaps.
    pub(super) fn is_strong_weak(&self, row: StayRow, group: u32) -> (bool, bool) {
        let of = self.of[row.0 as usize];
        let (group_strong, group_ns) = self.groups[group as usize];
        // Of N workers that all hold somebody up, each has a part of the demand.
        let strong = of.level() >= 2
            || of.is(Demanded::STRONG_HALF)
            || (group_strong > 0 && is_half(group_strong, group_ns));
        (strong, of.level() >= 1 || of.is(Demanded::WEAK_HALF))
    }

    /// The own level of a wait.
    pub(super) fn own_level(&self, row: StayRow) -> u8 {
        self.of[row.0 as usize].level()
    }

    /// Whether only answers to its group make a wait strong.
    pub(super) fn strong_by_answers_only(&self, row: StayRow) -> bool {
        let demanded = self.of[row.0 as usize];
        demanded.is(Demanded::ANSWERS_ONLY) && !demanded.is(Demanded::STRONG_HALF)
    }
}

/// What the kind of a wait alone says of work in hand, where that is all.
fn own_level(kind: WaitKind) -> Option<u8> {
    match kind {
        WaitKind::Accept | WaitKind::System | WaitKind::Gc => Some(0),
        WaitKind::Lock | WaitKind::Join | WaitKind::NetWrite | WaitKind::Coroutine => Some(2),
        _ => None,
    }
}

/// How much a wait itself says of work in hand: 2 surely, 1 perhaps, 0 nothing. And whether it is 2
/// only because the group gets answers.
fn level(
    row: StayRow,
    stay: &Stay,
    kind: WaitKind,
    stays: &Stays,
    facts: &Facts,
    people: &People,
) -> (u8, bool) {
    if let Some(level) = own_level(kind) {
        return (level, false);
    }
    let sends = people.is_sending(facts, stay);
    let main = people.is_main(stay.g);
    if facts.is_call(stay.slot)
        || people.is_callback(facts, stay)
        || (sends && main)
        || (people.is_peer(row) && people.is_one_shot(stays, row, stay))
    {
        return (2, false);
    }
    if people.groups[people.group(row) as usize].gets_answers() {
        return (2, true);
    }
    (u8::from(sends || main), false)
}

/// Which goroutines are in a region that ended and is no umbrella, going back in time.
struct ShortRegions {
    /// Their ends and their starts, each with the goroutine, the next one last.
    ends: Vec<(i64, GoRow)>,
    starts: Vec<(i64, GoRow)>,
    /// By goroutine: how many it is in. Empty where there are none at all.
    n: Vec<u32>,
}

impl ShortRegions {
    fn new(stays: &Stays, duration: i64) -> ShortRegions {
        let short = |r: &&crate::stays::RegionSpan| {
            r.end.is_some_and(|end| end.since(r.start) * 2 < duration)
        };
        let regions = || stays.regions.iter().filter(short);
        let mut ends: Vec<_> = regions().filter_map(|r| r.end.map(|end| (end.0, r.g))).collect();
        let mut starts: Vec<_> = regions().map(|r| (r.start.0, r.g)).collect();
        ends.sort_unstable();
        starts.sort_unstable();
        let n = if ends.is_empty() { Vec::new() } else { vec![0; stays.gos.len()] };
        ShortRegions { ends, starts, n }
    }

    /// Whether a stay ended in one. Stays come by falling end.
    fn holds(&mut self, stay: &Stay) -> bool {
        let t = stay.end.0;
        while let Some((_, g)) = self.ends.pop_if(|r| r.0 > t) {
            self.n[g.0 as usize] += 1;
        }
        while let Some((_, g)) = self.starts.pop_if(|r| r.0 >= t) {
            self.n[g.0 as usize] -= 1;
        }
        self.n.get(stay.g.0 as usize).is_some_and(|&n| n > 0)
    }
}

/// Whether a part is at least half of the whole; neither is below 0, both may be as large as times are.
fn is_half(part: i64, whole: i64) -> bool {
    part >= whole - part
}
