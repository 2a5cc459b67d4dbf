//! Which waiting matters.
//!
//! A goroutine waits with empty hands or with work in its hands, and only the second can delay
//! anything. It has work in hand when it says so by what it waits for (a lock, room in a channel),
//! when it stands in a request, or when someone else who has work in hand waits for it.
//!
//! Steps: (1) `facts` tells for each slot what kind of wait it is and where; (2) `people` tells of
//! each goroutine its root, its home and whom it answers; (3) `demand` goes backward in time and
//! finds who is waited for; (4) here, forward again, each wait gets its verdict.
//! What the words mean stands in `docs/verdicts.md`.

use crate::Analysis;
use crate::blame::Blame;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};

mod demand;
mod facts;
mod people;

pub use facts::{Facts, WaitKind};
use people::People;

/// Whether a wait matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// Work in hand stood still here.
    Costly,
    /// It waits for work that it started or asked for: the cost is where that goes.
    Through,
    /// Empty hands.
    Idle,
    /// It cannot be told from the trace.
    Unsure,
}

/// All verdicts, in the order of [`Verdicts::ns`].
pub const VERDICTS: [Verdict; 4] =
    [Verdict::Costly, Verdict::Through, Verdict::Idle, Verdict::Unsure];

/// Why a wait got its verdict, for a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Why {
    /// One side of a coroutine.
    Coroutine,
    /// It accepts connections.
    Accepts,
    /// The runtime's own, or the recorder's.
    System,
    /// Somebody held the lock.
    Lock,
    /// The collector was to be waited for.
    Collector,
    /// The peer did not take what was written.
    NetWrite,
    /// It was there before the trace, and the file tells nothing of it.
    NothingKnown,
    /// A call of the system, with others waiting for it.
    SyscallInPath,
    /// A call of the system for which nobody waited, as far as can be seen.
    SyscallUnseen,
    /// It still waits at the end of the trace.
    StillWaits,
    /// It still sends at the end of the trace.
    StillSends,
    /// A join: what it waits for has its own lines.
    Join,
    /// A join of what waits outside, where no line carries it.
    JoinOutside,
    /// No slot was free: one of its kind gave it back.
    NoSlot,
    /// The receiver was busy.
    ReceiverBusy,
    /// Others wait for it, and the receiver did not come.
    ReceiverLate,
    /// The receiver had nothing to do either.
    ReceiverIdle,
    /// It waits for what it started or asked for.
    Asked,
    /// A peer woke it; whether a slot was short cannot be told.
    PeerUnsure,
    /// It waits for work that another brings.
    WaitsForWork,
    /// By the clock.
    Clock,
    /// It sleeps while others wait for it.
    SleepsInPath,
    /// A timer while others wait for it.
    TimerInPath,
    /// The network, with work in hand.
    NetworkInPath,
    /// Ended from outside, and only main waits, for the whole run.
    OnlyMain,
    /// A library reads or writes for it.
    Wrapped,
    /// In the middle of its work; nobody seen waiting for it.
    InTheMiddle,
    /// Ended from outside, in its usual place.
    Outside,
    /// It happened once.
    Once,
    /// Too little of the site is costly for the rest to be believed.
    Minority,
    /// A person said so.
    Told,
}

/// The verdict on one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Which.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
}

/// What was judged, by slot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    /// Nanoseconds by verdict, in the order of [`VERDICTS`].
    pub ns: [i64; 4],
    /// The reason that most of the time has, and that time, for each verdict.
    why: [(Option<Why>, i64); 4],
}

impl Sum {
    /// Of one wait of so many nanoseconds.
    pub fn one(judged: Judgement, ns: i64) -> Sum {
        let mut sum = Sum::default();
        let ns = ns.max(1);
        sum.ns[judged.verdict as usize] = ns;
        sum.why[judged.verdict as usize] = (Some(judged.why), ns);
        sum
    }

    /// All time.
    pub fn total(&self) -> i64 {
        self.ns.iter().fold(0, |sum, ns| sum.saturating_add(*ns))
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Sum) {
        for i in 0..4 {
            self.ns[i] = self.ns[i].saturating_add(other.ns[i]);
            if other.why[i].1 > self.why[i].1 {
                self.why[i] = other.why[i];
            }
        }
    }

    /// The verdict with the most time; of equals the one that promises less.
    pub fn largest(&self) -> Option<Verdict> {
        let most = *self.ns.iter().max()?;
        if most <= 0 {
            return None;
        }
        [Verdict::Unsure, Verdict::Idle, Verdict::Through, Verdict::Costly]
            .into_iter()
            .find(|&v| self.ns[v as usize] == most)
    }

    /// The reason that most of a verdict's time has.
    pub fn why(&self, verdict: Verdict) -> Option<Why> {
        self.why[verdict as usize].0
    }

    /// Nanoseconds of a verdict.
    pub fn of(&self, verdict: Verdict) -> i64 {
        self.ns[verdict as usize]
    }
}

/// All verdicts of a trace.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// By the row of a slot.
    pub sums: Vec<Sum>,
    /// By the row of a stay; `None` for those that are no waits.
    pub judged: Vec<Option<Judgement>>,
    /// By the row of a stay: for how much of it somebody with work in hand surely waited, in
    /// nanoseconds, at most 4.29 s. A person's word changes nothing here.
    pub demanded: Vec<u32>,
    /// What kind of wait each slot is, and where.
    pub facts: Facts,
    /// By site: how many goroutines were there.
    goroutines: Vec<u32>,
}

impl Verdicts {
    /// How many goroutines waited in some slots; one that waited in several ways counts for each.
    pub fn n_goroutines(&self, slots: &[crate::figures::SlotId]) -> u64 {
        let mut sites: Vec<u32> = slots.iter().map(|&s| self.facts.site(s)).collect();
        sites.sort_unstable();
        sites.dedup();
        let of = |site: &u32| self.goroutines.get(*site as usize).copied().unwrap_or(0);
        sites.iter().map(|site| u64::from(of(site))).sum()
    }
}

/// Judges all waits of a trace. A person's word about a slot, in `told`, overrides. `None` without
/// stays.
pub fn judge(
    analysis: &Analysis,
    facts: Facts,
    blame: Option<&Blame>,
    told: &dyn Fn(crate::figures::SlotId) -> Option<Verdict>,
) -> Option<Verdicts> {
    let stays = analysis.stays.as_ref()?;
    let people = People::new(analysis, stays, &facts);
    let mut demand = demand::Demand::new(analysis, stays, &facts, &people);
    let demanded = std::mem::take(&mut demand.strong_ns);
    let mut judge = Judge {
        duration: analysis.duration(),
        stays,
        facts: &facts,
        people: &people,
        demand: &demand,
        blame,
        judged: vec![None; stays.len()],
        demanded,
        idle: Idle::new(&people),
        sites: vec![(0, 0); facts.n_sites()],
    };
    judge.all();
    let Judge { mut judged, demanded, sites, .. } = judge;
    let mut tally = Tally::default();
    for row in stays.rows() {
        let Some(judgement) = &mut judged[row.0 as usize] else { continue };
        let stay = stays.stay(row);
        if judgement.verdict == Verdict::Costly && is_minority(&facts, &sites, stay.slot) {
            *judgement = Judgement { verdict: Verdict::Unsure, why: Why::Minority };
        }
        if let Some(verdict) = told(stay.slot) {
            *judgement = Judgement { verdict, why: Why::Told };
        }
        tally.add(stay.slot, *judgement, stay.end.since(stay.start));
    }
    let sums = tally.sums(analysis.slots.len());
    let goroutines = people.by_site(facts.n_sites());
    Some(Verdicts { sums, judged, demanded, facts, goroutines })
}

/// Sums up judged time by slot.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sums: Vec<(Judged, i64)>,
    rows: hashbrown::HashMap<Judged, u32>,
    /// By slot: the row of the sum that was last added to.
    last: Vec<u32>,
}

type Judged = (crate::figures::SlotId, Why, Verdict);

impl Tally {
    /// So much time of a slot was judged so.
    pub(crate) fn add(&mut self, slot: crate::figures::SlotId, judged: Judgement, ns: i64) {
        let at = slot.0 as usize;
        if at >= self.last.len() {
            self.last.resize(at + 1, u32::MAX);
        }
        let key = (slot, judged.why, judged.verdict);
        let last = &mut self.last[at];
        if self.sums.get(*last as usize).is_none_or(|sum| sum.0 != key) {
            *last = *self.rows.entry(key).or_insert_with(|| {
                self.sums.push((key, 0));
                self.sums.len() as u32 - 1
            });
        }
        let sum = &mut self.sums[*last as usize].1;
        *sum = sum.saturating_add(ns);
    }

    /// The sums of the first `n` slots.
    pub(crate) fn sums(self, n: usize) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); n];
        let mut all = self.sums;
        all.sort_unstable();
        for ((slot, why, verdict), ns) in all {
            let Some(sum) = sums.get_mut(slot.0 as usize) else { continue };
            let (whole, most) = (&mut sum.ns[verdict as usize], &mut sum.why[verdict as usize]);
            *whole = whole.saturating_add(ns);
            if ns > most.1 || most.0.is_none() {
                *most = (Some(why), ns);
            }
        }
        sums
    }
}

/// At a site of which little is costly, that little is more likely a mistake. `sites` are what is
/// costly of each, and all of it.
fn is_minority(facts: &Facts, sites: &[(i64, i64)], slot: crate::figures::SlotId) -> bool {
    let (costly, all) = sites[facts.site(slot) as usize];
    costly.saturating_mul(3) < all
        && matches!(
            facts.kind(slot),
            WaitKind::Network
                | WaitKind::Sleep
                | WaitKind::Select
                | WaitKind::Receive
                | WaitKind::Cond
        )
}

struct Judge<'a> {
    duration: i64,
    stays: &'a Stays,
    facts: &'a Facts,
    people: &'a People,
    demand: &'a demand::Demand,
    blame: Option<&'a Blame>,
    judged: Vec<Option<Judgement>>,
    /// By stay.
    demanded: Vec<u32>,
    idle: Idle,
    /// By site: nanoseconds that are costly, and all.
    sites: Vec<(i64, i64)>,
}

/// How long goroutines had stood idle up to the end of each of their stays: all waits together that
/// were found neither costly nor through. Of those only that receive from senders, who ask.
struct Idle {
    /// By goroutine: where its sums begin, and how many there are so far. `u32::MAX`: nowhere.
    at: Vec<(u32, u32)>,
    sums: Vec<i64>,
}

impl Idle {
    fn new(people: &People) -> Idle {
        let mut n = 0;
        let at = (0u32..).zip(&people.receivers).map(|(g, receives)| {
            let at = if *receives { n } else { u32::MAX };
            n += if *receives { people.stays_of(GoRow(g)).len() as u32 } else { 0 };
            (at, 0)
        });
        let at = at.collect();
        Idle { at, sums: vec![0; n as usize] }
    }

    /// The next stay of a goroutine, of which so many nanoseconds were idle.
    fn add(&mut self, g: GoRow, ns: i64) {
        let (at, n) = &mut self.at[g.0 as usize];
        if *at != u32::MAX {
            let i = (*at + *n) as usize;
            let before = if *n == 0 { 0 } else { self.sums[i - 1] };
            self.sums[i] = before + ns;
            *n += 1;
        }
    }

    /// Up to the end of the `i`th stay of a goroutine.
    fn up_to(&self, g: GoRow, i: usize) -> i64 {
        let (at, _) = self.at[g.0 as usize];
        self.sums.get((at as usize).saturating_add(i)).copied().unwrap_or(0)
    }
}

impl Judge<'_> {
    fn all(&mut self) {
        for row in self.stays.rows() {
            let stay = self.stays.stay(row);
            let mut idle = 0;
            if matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                let (verdict, why) = self.verdict(row, &stay);
                self.judged[row.0 as usize] = Some(Judgement { verdict, why });
                let ns = stay.end.since(stay.start);
                let site = &mut self.sites[self.facts.site(stay.slot) as usize];
                if verdict == Verdict::Costly {
                    site.0 = site.0.saturating_add(ns);
                }
                site.1 = site.1.saturating_add(ns);
                if stay.kind == StayKind::Wait
                    && !matches!(verdict, Verdict::Costly | Verdict::Through)
                {
                    idle = ns;
                }
            }
            self.idle.add(stay.g, idle);
        }
    }

    fn verdict(&mut self, row: StayRow, stay: &Stay) -> (Verdict, Why) {
        use Verdict::{Costly, Idle, Through, Unsure};
        let kind = self.facts.kind_of_stay(stay);
        let umbrella = self.demand.is_umbrella(stay);
        let (strong, weak) = self.demand.is_strong_weak(row, self.people.group(row));
        let whole = u32::try_from(stay.end.since(stay.start)).unwrap_or(u32::MAX);
        if strong {
            self.demanded[row.0 as usize] = whole;
        }
        match kind {
            WaitKind::Coroutine => return (Through, Why::Coroutine),
            WaitKind::Accept => return (Idle, Why::Accepts),
            WaitKind::System => return (Idle, Why::System),
            WaitKind::Lock => return (Costly, Why::Lock),
            WaitKind::Gc => return (Costly, Why::Collector),
            WaitKind::NetWrite => return (Costly, Why::NetWrite),
            WaitKind::Unknown if stay.open && umbrella => return (Idle, Why::NothingKnown),
            WaitKind::Unknown => return (Unsure, Why::NothingKnown),
            WaitKind::Syscall => {
                return match (strong, weak) {
                    (true, _) => (Costly, Why::SyscallInPath),
                    _ if stay.open && umbrella => (Idle, Why::StillWaits),
                    (_, true) => (Costly, Why::SyscallInPath),
                    _ => (Unsure, Why::SyscallUnseen),
                };
            }
            _ => {}
        }
        if stay.open {
            return match kind {
                WaitKind::Send => (Unsure, Why::StillSends),
                _ => (Idle, Why::StillWaits),
            };
        }
        let uncarried = self.blame.is_some_and(|b| b.is_uncarried(row));
        if kind == WaitKind::Join {
            return if uncarried { (Costly, Why::JoinOutside) } else { (Through, Why::Join) };
        }
        let peer = self.people.is_peer(row);
        if self.people.is_sending(self.facts, stay) && stay.waker != GoRow::NONE {
            return if peer {
                (Costly, Why::NoSlot)
            } else if self.is_busy(stay) {
                (Costly, Why::ReceiverBusy)
            } else if strong {
                (Costly, Why::ReceiverLate)
            } else {
                (Idle, Why::ReceiverIdle)
            };
        }
        let comes_back = umbrella || self.people.n_at_site(row) >= 2;
        let main = self.people.is_main(stay.g);
        if stay.waker != GoRow::NONE && !uncarried {
            return if peer {
                let one_shot = self.people.is_one_shot(self.stays, row, stay);
                if strong || one_shot { (Costly, Why::NoSlot) } else { (Unsure, Why::PeerUnsure) }
            } else if strong || main || (!comes_back && self.goes_on(row, stay)) {
                (Through, Why::Asked)
            } else {
                (Idle, Why::WaitsForWork)
            };
        }
        self.outside(row, stay, kind, strong, weak, comes_back)
    }

    /// Ended from outside: the network, a timer; or in effect so.
    fn outside(
        &self,
        row: StayRow,
        stay: &Stay,
        kind: WaitKind,
        strong: bool,
        weak: bool,
        comes_back: bool,
    ) -> (Verdict, Why) {
        use Verdict::{Costly, Idle, Unsure};
        let receiving = matches!(kind, WaitKind::Receive | WaitKind::Select | WaitKind::Cond);
        let timer = kind == WaitKind::Sleep || (receiving && stay.waker == GoRow::NONE);
        if strong {
            return match kind {
                _ if timer && self.demand.strong_by_answers_only(row) => (Unsure, Why::TimerInPath),
                WaitKind::Sleep => (Costly, Why::SleepsInPath),
                // A heartbeat in a handler.
                _ if timer && self.demand.own_level(row) >= 2 => (Unsure, Why::TimerInPath),
                _ if timer => (Costly, Why::TimerInPath),
                _ => (Costly, Why::NetworkInPath),
            };
        }
        let main = self.people.is_main(stay.g);
        if main && receiving && timer && comes_back && !self.demand.is_any(row) {
            return (Idle, Why::Clock);
        }
        if weak {
            return (Unsure, Why::OnlyMain);
        }
        if self.facts.is_wrapper(stay.slot) && self.people.has_foreign_root(stay.g) {
            return (Idle, Why::Wrapped);
        }
        if !comes_back {
            return (Unsure, Why::Once);
        }
        if !self.people.is_home(self.facts, stay) {
            return (Unsure, Why::InTheMiddle);
        }
        (Idle, if timer { Why::Clock } else { Why::Outside })
    }

    /// Whether the waker was busy for half of the wait: running, runnable, in a system call, or in a
    /// wait that is itself costly or goes through.
    fn is_busy(&self, stay: &Stay) -> bool {
        let whole = stay.end.since(stay.start);
        let idle = self.idle_between(stay.waker, stay.waker_last, stay.start.0);
        let born = self.stays.go(stay.waker).birth.0.max(stay.start.0);
        let alive = stay.end.0 - born.min(stay.end.0);
        (alive - idle) * 2 >= whole
    }

    /// How long a goroutine stood idle from time `from` up to the end of its stay `last`.
    fn idle_between(&self, g: GoRow, last: StayRow, from: i64) -> i64 {
        let rows = self.people.stays_of(g);
        let rows = &rows[..rows.partition_point(|&r| r <= last)];
        let Some(last) = rows.len().checked_sub(1) else { return 0 };
        let before = rows.partition_point(|&r| self.stays.end(r).0 <= from).min(last);
        let first = self.stays.stay(rows[before]);
        let until = self.idle.up_to(g, last);
        let already = before.checked_sub(1).map_or(0, |i| self.idle.up_to(g, i));
        let counted = self.idle.up_to(g, before) - already;
        // The part of the first one that lies before `from`.
        let cut = if counted > 0 { (from - first.start.0).clamp(0, counted) } else { 0 };
        until - already - cut
    }

    /// Whether the goroutine does anything of weight after this wait.
    fn goes_on(&self, row: StayRow, stay: &Stay) -> bool {
        if self.people.has_later_stay(self.stays, row) {
            return true;
        }
        let go = self.stays.go(stay.g);
        let end = go.end.0.min(self.duration);
        end - stay.end.0 - self.stays.runnable(row) > 20_000
    }
}
