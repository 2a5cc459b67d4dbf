//! Backward in time: who is waited for, and since when.
//!
//! Going back from the end, each goroutine has an instant from which on somebody waits for it. Since
//! all that was seen so far ends later than what is still to come, one number is enough for a union
//! of intervals. There are two of them: weak demand, and strong.

use super::facts::{Facts, WaitKind};
use super::people::{Crew, People};
use super::seen::Seen;
use crate::Analysis;
use crate::stays::{GoRow, InTime, RegionSpan, Stay, StayKind, StayRow, Stays};

/// How long somebody waited for the goroutine of each wait, while it stood there.
#[derive(Debug)]
pub(super) struct Demand {
    duration: i64,
    /// By stay: what [`Demanded`] tells, as a byte.
    pub(super) of: Vec<u8>,
    /// Strong demand in nanoseconds, at most 4.29 s, where it is more than nothing and less than half
    /// of the wait; by falling row.
    pub(super) parts: Vec<(StayRow, u32)>,
    /// By group.
    groups: Vec<GroupDemand>,
    /// Those that were waited for together, in order, each once.
    crews: Vec<Joined>,
}

/// Goroutines that one started with the same function, and from when to when somebody waited for the last of
/// them, for half of the trace or more: that is for all of them alike. Which one is the last, is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Joined {
    crew: Crew,
    from: i64,
    to: i64,
}

/// How much somebody waited for a group.
#[derive(Debug, Clone, Copy)]
struct GroupDemand {
    /// Strong demand, and the time in which anyone of the group stood there.
    strong_ns: i64,
    ns: i64,
    /// The earliest start of a wait so far.
    covered: i64,
    /// Strong demand is half of the time or more.
    is_strong: bool,
}

/// What is kept of one wait, in a byte. Weak demand is strong demand too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demanded(pub(super) u8);

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
    /// Somebody else did for half of the time or more.
    const BY_OTHERS: u8 = 64;

    fn with(self, bit: u8, is: bool) -> Demanded {
        Demanded(if is { self.0 | bit } else { self.0 })
    }

    fn is(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The own level of the wait.
    pub(super) fn level(self) -> u8 {
        self.0 & Demanded::LEVEL
    }

    /// Whether anybody waited for the goroutine, while it stood there.
    pub(super) fn is_any(self) -> bool {
        self.is(Demanded::ANY)
    }

    /// Whether anybody but the goroutine itself waited for it, for half of the time or more.
    pub(super) fn is_by_others(self) -> bool {
        self.is(Demanded::BY_OTHERS)
    }

    /// Whether somebody with work in hand surely waited for the goroutine, for half of the time or more.
    pub(super) fn is_strong_half(self) -> bool {
        self.is(Demanded::STRONG_HALF)
    }

    /// Whether only answers to its group make a wait strong.
    pub(super) fn strong_by_answers_only(self) -> bool {
        self.is(Demanded::ANSWERS_ONLY) && !self.is(Demanded::STRONG_HALF)
    }
}

const NEVER: i64 = i64::MAX;

/// From what instant on somebody waits for a goroutine: weakly, strongly.
#[derive(Debug, Clone, Copy)]
struct Low(i64, i64);

impl Demand {
    pub(super) fn new(
        analysis: &Analysis,
        stays: &Stays,
        facts: &Facts,
        people: &People,
    ) -> Demand {
        let none = GroupDemand { strong_ns: 0, ns: 0, covered: NEVER, is_strong: false };
        let mut made = Demand {
            duration: analysis.duration(),
            of: vec![0; stays.len()],
            parts: Vec::new(),
            groups: vec![none; people.groups.len()],
            crews: Vec::new(),
        };
        let mut low = vec![Low(NEVER, NEVER); stays.gos.len()];
        let mut regions = ShortRegions::new(stays, made.duration);
        for row in stays.rows().rev() {
            let stay = &stays.stay(row);
            if let Some(seen) = people.see(facts, row, stay) {
                let in_region = regions.holds(stay);
                made.wait(&seen, in_region, people, stays, &mut low);
            } else if stay.kind == StayKind::Born && stay.waker != GoRow::NONE {
                // Before its birth, its creator stood in its place.
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
        // All that last for half of the trace have its middle in common, so one span is all of them.
        made.crews.sort_unstable();
        made.crews.dedup_by(|later, first| {
            let same = later.crew == first.crew;
            if same {
                first.to = first.to.max(later.to);
            }
            same
        });
        for group in &mut made.groups {
            // Of N workers that all hold somebody up, each has a part of the demand.
            group.is_strong = group.strong_ns > 0 && is_half(group.strong_ns, group.ns);
        }
        made
    }

    /// About how many bytes of memory it takes while it is made.
    pub(super) fn memory(stays: &Stays) -> usize {
        // Of waits that last for more than half of the trace a goroutine has one at most.
        let by_go = size_of::<Low>() + size_of::<u32>() + size_of::<Joined>();
        stays.len() + stays.gos.len() * by_go + stays.regions.len() * size_of::<u32>()
    }

    #[inline(always)]
    fn wait(
        &mut self,
        seen: &Seen<'_>,
        in_region: bool,
        people: &People,
        stays: &Stays,
        low: &mut [Low],
    ) {
        let stay = seen.stay;
        let (a, b) = (stay.start.0, stay.end.0);
        // How long a test takes is what it is run for, by whoever runs it.
        let is_test = seen.person.test;
        let own = if is_test { Low(a, a) } else { low[stay.g.0 as usize] };
        let demanded = |low: i64| if low < b { b - a.max(low) } else { 0 };
        let by_others = demanded(own.0.min(own.1));
        let mut demand = (by_others, demanded(own.1));

        let kind = seen.fact.kind_of(stay);
        let (level, answers_only) = match own_level(kind) {
            Some(level) => (level, false),
            None if in_region => (2, false),
            None => level(seen, people),
        };
        if stay.waker != GoRow::NONE {
            if level >= 1 {
                demand.0 = b - a;
            }
            if level >= 2 {
                demand.1 = b - a;
            }
        }
        if kind == WaitKind::Join && stay.waker != GoRow::NONE && self.is_umbrella(stay) {
            self.crews.push(Joined { crew: people.crew(stay.waker), from: a, to: b });
        }
        // Who waits once, for half of its life, for one that reads from the network, holds a connection
        // together, as a join does.
        let holds = || answers_only && seen.is_one_shot() && people.reads(stay.waker);
        let is_join = kind == WaitKind::Join || holds();
        // As long as somebody with work in hand waits for this goroutine, that is so of whom it waits for.
        let surely = demanded(own.1);
        let is_whole = || is_join && !is_half(surely, b - a) && self.is_life(stay, stays);
        let is_umbrella = kind != WaitKind::Lock && self.is_umbrella(stay);
        if is_umbrella && !is_test {
            demand = (demand.0.max(demand.1), 0);
        } else if is_whole() {
            demand = (demand.0.max(demand.1), surely);
        }
        let strong_half = is_half(demand.1, b - a);
        // Whom a test waits for so long may be done only because the rest is.
        let passed = if is_umbrella { (demand.0.max(demand.1), 0) } else { demand };
        self.of[seen.row.0 as usize] = Demanded(level)
            .with(Demanded::ANSWERS_ONLY, answers_only)
            .with(Demanded::WEAK_HALF, is_half(demand.0, b - a))
            .with(Demanded::STRONG_HALF, strong_half)
            .with(Demanded::ANY, demand.0 != 0)
            .with(Demanded::BY_OTHERS, is_half(by_others, b - a))
            .0;
        if demand.1 != 0 && !strong_half {
            self.parts.push((seen.row, u32::try_from(demand.1).unwrap_or(u32::MAX)));
        }
        if stay.waker != GoRow::NONE {
            let waker = &mut low[stay.waker.0 as usize];
            if passed.0 > 0 {
                waker.0 = waker.0.min(b - passed.0);
            }
            if passed.1 > 0 {
                waker.1 = waker.1.min(b - passed.1);
            }
        }
        let group = &mut self.groups[seen.at.group as usize];
        group.strong_ns = group.strong_ns.saturating_add(demand.1);
        if a < group.covered {
            group.ns = group.ns.saturating_add(b.min(group.covered) - a);
            group.covered = a;
        }
    }

    /// A wait so long that somebody waits for the whole, not for this piece.
    pub(super) fn is_umbrella(&self, stay: &Stay) -> bool {
        is_half(stay.end.since(stay.start), self.duration)
    }

    /// Whether somebody waited for all that were started with this goroutine, for half of its stay or more.
    pub(super) fn is_joined(&self, stay: &Stay, people: &People) -> bool {
        if self.crews.is_empty() {
            return false;
        }
        let crew = people.crew(stay.g);
        let found = self.crews.binary_search_by(|joined| joined.crew.cmp(&crew));
        let Some(joined) = found.ok().and_then(|i| self.crews.get(i)) else { return false };
        let (a, b) = (stay.start.0, stay.end.0);
        let ns = joined.to.min(b) - joined.from.max(a);
        ns > 0 && is_half(ns, b - a)
    }

    /// A wait that is half of its goroutine's life, or more: what holds a connection together while its
    /// two ends are piped, say.
    pub(super) fn is_life(&self, stay: &Stay, stays: &Stays) -> bool {
        let go = stays.go(stay.g);
        let life = go.end.0.min(self.duration).saturating_sub(go.birth.0);
        is_half(stay.end.since(stay.start), life)
    }

    /// Whether somebody with work in hand waits for this, surely and perhaps. What was seen of the wait
    /// itself counts before what is so of its group.
    pub(super) fn is_strong_weak(&self, of: Demanded, seen: &Seen<'_>) -> (bool, bool) {
        let strong = of.level() >= 2
            || of.is(Demanded::STRONG_HALF)
            || (!of.is_any()
                // Packets are for those that wait for them, not for all of a kind.
                && !seen.fact.packets
                && self.groups[seen.at.group as usize].is_strong);
        (strong, of.level() >= 1 || of.is(Demanded::WEAK_HALF))
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
fn level(seen: &Seen<'_>, people: &People) -> (u8, bool) {
    if seen.fact.call
        || (seen.fact.slot && !people.is_cancelled(seen.stay))
        || seen.is_callback()
        || (seen.sends && seen.main)
        || (seen.peer && (seen.is_one_shot() || people.is_handed_back(seen)))
    {
        return (2, false);
    }
    if people.groups[seen.at.group as usize].gets_answers {
        return (2, true);
    }
    (u8::from(seen.sends || seen.main), false)
}

/// Which goroutines are in a region that ended and is no umbrella, going back in time.
struct ShortRegions<'a> {
    regions: &'a [RegionSpan],
    duration: i64,
    order: InTime,
    /// How many of the regions begin earlier than where it is.
    n_before: usize,
    /// By goroutine: how many it is in. Empty where there are none at all.
    n: Vec<u32>,
}

impl ShortRegions<'_> {
    fn new(stays: &Stays, duration: i64) -> ShortRegions<'_> {
        let regions = &stays.regions;
        let order = InTime::new(regions, |r| is_short(r, duration));
        let n = if order.ends.is_empty() { Vec::new() } else { vec![0; stays.gos.len()] };
        ShortRegions { regions, duration, n_before: order.n(), order, n }
    }

    /// Whether a stay ended in one. Stays come by falling end.
    fn holds(&mut self, stay: &Stay) -> bool {
        let t = stay.end;
        if self.n.is_empty() {
            return false;
        }
        while let Some(row) =
            self.order.ends.pop_if(|&mut row| self.regions[row as usize].end() > Some(t))
        {
            self.n[self.regions[row as usize].g.0 as usize] += 1;
        }
        while let Some(before) = self.n_before.checked_sub(1) {
            let region = &self.regions[self.order.start(before) as usize];
            if region.start < t {
                break;
            }
            self.n_before = before;
            if is_short(region, self.duration) {
                self.n[region.g.0 as usize] -= 1;
            }
        }
        self.n[stay.g.0 as usize] > 0
    }
}

/// Whether a region takes time, ended, and is no umbrella.
fn is_short(region: &RegionSpan, duration: i64) -> bool {
    region.end().is_some_and(|end| {
        let ns = end.since(region.start);
        ns > 0 && !is_half(ns, duration)
    })
}

/// Whether a part is at least half of the whole; neither is below 0, both may be as large as times are.
pub(super) fn is_half(part: i64, whole: i64) -> bool {
    part >= whole - part
}
