//! Forward in time: each wait gets its verdict.

use std::cell::{OnceCell, RefCell};

use exectrace::{FrameId, StrId};
use hashbrown::{HashMap, HashSet};

use super::demand::{Demand, Demanded};
use super::facts::{Facts, WaitKind};
use super::idle::Idle;
use super::people::{Crew, People, weight};
use super::seen::Seen;
use super::tally::Tally;
use super::words::{Judgement, Verdict, Why};
use crate::Analysis;
use crate::blame::Blame;
use crate::figures::SlotId;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};

/// The verdicts on all stays, each in a byte.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// By stay: the code of the judgement, 0 for those that are no waits; and whether somebody with
    /// work in hand surely waited for it.
    codes: Vec<u8>,
    /// How long somebody did where that is not so, by falling row.
    parts: Vec<(StayRow, u32)>,
}

const STRONG: u8 = 128;

/// A call that reads what is there, in memory or on a disk, is over sooner, in nanoseconds.
const LONG_READ: i64 = 1_000_000;

/// Who runs for so long, in nanoseconds, has made nothing.
const NOTHING: i64 = 20_000;

impl Judged {
    /// The verdict on a stay.
    pub(super) fn of(&self, row: StayRow) -> Option<Judgement> {
        Judgement::of_code(self.codes.get(row.0 as usize)? & !STRONG)
    }

    /// For how much of a wait somebody with work in hand surely waited.
    pub(super) fn demanded(&self, stays: &Stays, row: StayRow) -> u32 {
        if self.codes.get(row.0 as usize).is_some_and(|code| code & STRONG != 0) {
            let stay = stays.stay(row);
            return u32::try_from(stay.end.since(stay.start)).unwrap_or(u32::MAX);
        }
        let found = self.parts.binary_search_by(|part| row.cmp(&part.0));
        found.ok().and_then(|i| self.parts.get(i)).map_or(0, |part| part.1)
    }
}

/// What was found.
pub(super) struct Found {
    pub(super) judged: Judged,
    /// The time by slot.
    pub(super) tally: Tally,
    /// By site: nanoseconds that are costly, and all.
    pub(super) sites: Vec<(i64, i64)>,
}

/// About how many bytes of memory judging takes, beside what it goes by.
pub(super) fn memory(stays: &Stays) -> usize {
    Idle::memory(stays)
}

/// Judges all waits, each by itself.
pub(super) fn judge(
    analysis: &Analysis,
    stays: &Stays,
    facts: &Facts,
    people: &People,
    mut demand: Demand,
    blame: &Blame,
) -> Found {
    let mut codes = std::mem::take(&mut demand.of);
    let mut judge = Judge {
        analysis,
        duration: analysis.duration(),
        stays,
        facts,
        people,
        demand: &demand,
        blame,
        idle: Idle::new(people),
        within: RefCell::default(),
        working: OnceCell::new(),
        told: OnceCell::new(),
        shared: OnceCell::new(),
        sites: vec![(0, 0); facts.n_sites()],
        tally: Tally::default(),
    };
    judge.all(&mut codes);
    let Judge { sites, tally, .. } = judge;
    Found { judged: Judged { codes, parts: demand.parts }, tally, sites }
}

struct Judge<'a> {
    analysis: &'a Analysis,
    duration: i64,
    stays: &'a Stays,
    facts: &'a Facts,
    people: &'a People,
    demand: &'a Demand,
    blame: &'a Blame,
    idle: Idle,
    /// By function and slot: whether the one stands in the stack of the other.
    within: RefCell<HashMap<(StrId, SlotId), bool>>,
    /// Found when first asked for: see [`Judge::working_makers`].
    working: OnceCell<HashSet<GoRow>>,
    /// Found when first asked for: see [`Judge::told_to_stop`].
    told: OnceCell<HashSet<Crew>>,
    /// Likewise: see [`Stays::ended_several`].
    shared: OnceCell<Vec<GoRow>>,
    sites: Vec<(i64, i64)>,
    tally: Tally,
}

impl Judge<'_> {
    /// What is known of the demand for each stay gives way to the code of its verdict: 0 stays 0.
    fn all(&mut self, codes: &mut [u8]) {
        for (row, code) in self.stays.rows().zip(codes) {
            let stay = &self.stays.stay(row);
            let Some(seen) = self.people.see(self.facts, row, stay) else { continue };
            let demanded = Demanded(*code);
            let (strong, weak) = self.demand.is_strong_weak(demanded, &seen);
            let (verdict, why) = self.verdict(&seen, demanded, strong, weak);
            let judgement = Judgement { verdict, why };
            *code = judgement.code() | if strong { STRONG } else { 0 };
            let ns = stay.end.since(stay.start);
            self.tally.add(stay.slot, judgement, ns);
            let site = &mut self.sites[seen.fact.site as usize];
            site.1 = site.1.saturating_add(ns);
            match verdict {
                Verdict::Costly => site.0 = site.0.saturating_add(ns),
                Verdict::Through => {}
                Verdict::Idle | Verdict::Unsure if stay.kind == StayKind::Wait && ns > 0 => {
                    // Not where it waits for work: it may have some in hand. A pause in a call is none of that, though
                    // the goroutine be nowhere else.
                    let kind = seen.fact.kind;
                    let pauses = stay.waker == GoRow::NONE && kind.is_receiving();
                    let away = verdict == Verdict::Unsure
                        && (!seen.is_home()
                            || matches!(kind, WaitKind::Sleep | WaitKind::Network)
                            || pauses && !seen.fact.direct);
                    self.idle.add(stay.g, stay.end.0, ns, away);
                }
                Verdict::Idle | Verdict::Unsure => {}
            }
        }
    }

    #[inline(always)]
    fn verdict(
        &self,
        seen: &Seen<'_>,
        demanded: Demanded,
        strong: bool,
        weak: bool,
    ) -> (Verdict, Why) {
        use Verdict::{Costly, Idle, Through, Unsure};
        let stay = seen.stay;
        let kind = seen.fact.kind_of(stay);
        let umbrella = self.demand.is_umbrella(stay);
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
                // A key, or what another program writes: where it takes long, it is no file. But who keeps a lock
                // meanwhile, or is joined, is in the way all the same.
                let is_watch = seen.fact.watches
                    && !seen.person.frees
                    && stay.end.since(stay.start) >= LONG_READ;
                return match (strong, weak) {
                    _ if is_watch && stay.open && umbrella => (Idle, Why::StillWaits),
                    _ if is_watch && (strong || weak) => (Unsure, Why::SyscallInPath),
                    (true, _) => (Costly, Why::SyscallInPath),
                    _ if stay.open && umbrella => (Idle, Why::StillWaits),
                    (_, true) => (Costly, Why::SyscallInPath),
                    _ if self.demand.is_joined(stay, self.people) => (Costly, Why::SyscallInPath),
                    _ => (Unsure, Why::SyscallUnseen),
                };
            }
            _ => {}
        }
        if seen.fact.slot
            && !seen.fact.rate
            && stay.waker != GoRow::NONE
            && matches!(kind, WaitKind::Send | WaitKind::Receive | WaitKind::Select)
            && !self.people.is_made_for_it(stay)
        {
            return (Costly, Why::NoSlot);
        }
        if stay.open {
            // What lasts for half of the trace is for the run, not for a piece of work.
            return match kind {
                WaitKind::Send => (Unsure, Why::StillSends),
                WaitKind::Join if !umbrella || self.waits_for_workers(stay) => (Through, Why::Join),
                _ if !umbrella && (strong || seen.may_be_callback()) => (Unsure, Why::StillWaits),
                _ => (Idle, Why::StillWaits),
            };
        }
        if self.people.is_signalled(stay) {
            return (Idle, Why::Outside);
        }
        let uncarried = self.blame.is_uncarried(seen.row);
        if kind == WaitKind::Join {
            return if !uncarried {
                (Through, Why::Join)
            } else if self.demand.is_life(stay, self.stays) && !seen.may_be_callback() {
                (Unsure, Why::Once)
            } else {
                (Costly, Why::JoinOutside)
            };
        }
        if !strong && self.is_handed_over(seen) && self.is_busy(stay) {
            return (self.if_late(seen), Why::ReceiverBusy);
        }
        if seen.sends && stay.waker != GoRow::NONE {
            return if seen.peer
                || self.people.is_taken_alike(seen)
                || (self.people.is_given_back(seen, self.stays) && self.is_busy(stay))
            {
                (Costly, Why::NoSlot)
            } else if !strong && self.is_handed_to_maker(seen) {
                (Idle, Why::Once)
            } else if self.is_busy(stay) {
                (if strong { Costly } else { self.if_late(seen) }, Why::ReceiverBusy)
            } else if strong {
                (Costly, Why::ReceiverLate)
            } else if self.is_away(stay) {
                (Unsure, Why::ReceiverBusy)
            } else {
                (Idle, Why::ReceiverIdle)
            };
        }
        if self.people.is_hung_up(seen) {
            return (Unsure, Why::Outside);
        }
        if !strong && self.gave_up(seen) {
            return (Unsure, Why::InTheMiddle);
        }
        if let Some(ended) = seen.trip.filter(|_| !strong) {
            // What lasts as long as the trace may as well be told what to do there, and answer that.
            let costly = ended && !self.is_told_to_stop(stay.g);
            return (if costly { Costly } else { Unsure }, Why::NetworkInPath);
        }
        let comes_back = umbrella || seen.at.n >= 2;
        if stay.waker != GoRow::NONE && !uncarried {
            return if seen.peer {
                let is_lack = strong || seen.is_one_shot() || self.people.is_handed_back(seen);
                let costly = is_lack && !self.people.is_broadcast(stay);
                if costly { (Costly, Why::NoSlot) } else { (Unsure, Why::PeerUnsure) }
            } else if strong {
                (Through, Why::Asked)
            } else if kind == WaitKind::Network {
                // A connection that was closed, or given a deadline: nobody was asked for anything.
                (Idle, Why::WaitsForWork)
            } else if self.people.is_told_by_maker(seen) {
                // To begin, or to end: no answer either.
                (Idle, Why::WaitsForWork)
            } else if seen.main || seen.fact.writes || (!comes_back && self.goes_on(seen)) {
                (Through, Why::Asked)
            } else if !seen.is_home() {
                (Unsure, Why::InTheMiddle)
            } else {
                (Idle, Why::WaitsForWork)
            };
        }
        self.outside(seen, kind, demanded, strong, weak, comes_back)
    }

    /// Ended from outside: the network, a timer; or in effect so.
    fn outside(
        &self,
        seen: &Seen<'_>,
        kind: WaitKind,
        demanded: Demanded,
        strong: bool,
        weak: bool,
        comes_back: bool,
    ) -> (Verdict, Why) {
        use Verdict::{Costly, Idle, Through, Unsure};
        let receiving = matches!(kind, WaitKind::Receive | WaitKind::Select | WaitKind::Cond);
        let waker = seen.stay.waker;
        let timer = kind == WaitKind::Sleep || (receiving && waker == GoRow::NONE);
        // A while that is over, and then somebody is told: no beat.
        let ran_out = waker != GoRow::NONE && self.stays.go(waker).is_timers();
        let group = &self.people.groups[seen.at.group as usize];
        if strong {
            return match kind {
                _ if timer && demanded.strong_by_answers_only() => (Unsure, Why::TimerInPath),
                WaitKind::Sleep => (Costly, Why::SleepsInPath),
                // Others are held up meanwhile, and not just who called this one.
                _ if timer
                    && demanded.is_strong_half()
                    && (seen.fact.rate || !seen.person.answers_maker()) =>
                {
                    (Costly, Why::TimerInPath)
                }
                // A limit of so many a second is no heartbeat.
                _ if timer && seen.fact.rate && seen.is_callback() => (Costly, Why::TimerInPath),
                // No slot came within a while.
                _ if timer && group.gives_slots() => (Costly, Why::NoSlot),
                // It was called for something, and what was done came of it.
                _ if ran_out && !group.streams() && self.worked(seen.stay) => {
                    (Costly, Why::TimerInPath)
                }
                _ if timer && seen.is_callback() && group.is_of_pauses() => {
                    (Costly, Why::TimerInPath)
                }
                // A heartbeat in a handler, or nothing that came of what was to be told within a while.
                _ if (timer || ran_out) && demanded.level() >= 2 => (Unsure, Why::TimerInPath),
                _ if timer || ran_out => (Costly, Why::TimerInPath),
                _ if seen.fact.asks_for_work => (Unsure, Why::NetworkInPath),
                _ if group.polls
                    && seen.fact.call
                    && !seen.main
                    && !demanded.is_by_others()
                    && !self.demand.is_joined(seen.stay, self.people)
                    && !seen.is_callback() =>
                {
                    (Unsure, Why::NetworkInPath)
                }
                _ => (Costly, Why::NetworkInPath),
            };
        }
        if ran_out && self.worked(seen.stay) {
            return (Through, Why::Asked);
        }
        if seen.main && receiving && timer && comes_back && !demanded.is_any() {
            return (Idle, Why::Clock);
        }
        if weak {
            return (Unsure, Why::OnlyMain);
        }
        if seen.fact.wrapper && seen.has_foreign_root() {
            return (Idle, Why::Wrapped);
        }
        if !comes_back {
            return (Unsure, Why::Once);
        }
        let in_callback = seen.told_inside && seen.fact.in_program && seen.has_foreign_root();
        if !seen.is_home() || seen.fact.writes || (kind == WaitKind::Sleep && in_callback) {
            return (Unsure, Why::InTheMiddle);
        }
        if timer && self.is_in_work(seen) {
            return (Unsure, Why::InTheMiddle);
        }
        (Idle, if timer || ran_out { Why::Clock } else { Why::Outside })
    }

    /// Whether the time ran out that somebody had given this wait, in a `select` where something else did not come, and
    /// the goroutine goes on then. What is given to several, or as long as the program runs, is no limit of one wait.
    fn gave_up(&self, seen: &Seen<'_>) -> bool {
        let stay = seen.stay;
        seen.fact.kind == WaitKind::Select
            && stay.waker != GoRow::NONE
            && self.stays.go(stay.waker).is_timers()
            && self.people.is_cancelled(stay)
            && self.goes_on(seen)
            && self
                .shared
                .get_or_init(|| self.stays.ended_several())
                .binary_search(&stay.waker)
                .is_err()
    }

    /// Whether a pause is part of a piece of work, it may be: deep in what the program calls, or in what a test
    /// started, by a goroutine that began and ended in the trace and was not told to end, as clocks are.
    fn is_in_work(&self, seen: &Seen<'_>) -> bool {
        const DEEP: u16 = 3;
        let maker = self.people.gos.get(seen.person.makers[0].0 as usize);
        let is_tests = maker.is_some_and(|maker| maker.test);
        if !seen.person.ended || seen.main || !is_tests && seen.fact.own_frames < DEEP {
            return false;
        }
        let last = self.stays.stay(seen.person.last_wait);
        let fact = self.facts.fact(last.slot);
        // Where it waits for the clock, or by closing a channel: what else it last waited for was its work.
        let is_told = last.waker != GoRow::NONE
            && (fact.site == seen.fact.site
                || self.people.is_cancelled(&last)
                || self.people.closes(fact, &last));
        !is_told && self.stays.go(seen.stay.g).birth.0 > 0
    }

    /// Whether what a timer started did something for the wait before it ended that, and not just ended it.
    fn worked(&self, stay: &Stay) -> bool {
        let ns = stay.end.since(stay.start);
        let since = self.stays.go(stay.waker).birth.0.max(stay.start.0);
        stay.end.0 - since.min(stay.end.0) > (ns / 32).max(weight(stay))
    }

    /// Whether the waker was busy for half of the wait: running, runnable, in a system call, or in a
    /// wait that is itself costly or goes through.
    fn is_busy(&self, stay: &Stay) -> bool {
        // The waker does nothing between its last stay and the wake: its idle time so far is all of it.
        let idle = self.idle.since(stay.waker, stay.start.0);
        self.is_rest_half(stay, idle)
    }

    /// The same, where what the waker was at may have been its work: it slept, or waited for the network.
    fn is_away(&self, stay: &Stay) -> bool {
        let from = stay.start.0;
        let idle = self.idle.since(stay.waker, from) - self.idle.away_since(stay.waker, from);
        self.is_rest_half(stay, idle)
    }

    /// Whether the time that the waker lived during a wait, without so much of it, is half of the wait.
    fn is_rest_half(&self, stay: &Stay, idle: i64) -> bool {
        let whole = stay.end.since(stay.start);
        let born = self.stays.go(stay.waker).birth.0.max(stay.start.0);
        let alive = stay.end.0 - born.min(stay.end.0);
        i128::from(alive.saturating_sub(idle)) * 2 >= i128::from(whole)
    }

    /// Whether those that asked over the network as this goroutine did, started by the same with the same function,
    /// were told to stop while they listened: what they do lasts as long as the program, as a subscription does.
    fn is_told_to_stop(&self, g: GoRow) -> bool {
        let told = || self.told_to_stop();
        self.told.get_or_init(told).contains(&self.people.crew(g))
    }

    /// Those that opened connections, of whom half or more were told to stop: a context ended their last wait, or
    /// whoever closed the connection, and it was one for what they had asked.
    fn told_to_stop(&self) -> HashSet<Crew> {
        /// After it, what is open is closed.
        const MOST: usize = 8;
        let at = |row: StayRow| (row != StayRow::NONE).then(|| (row, self.stays.stay(row)));
        let last = |row| {
            std::iter::successors(at(row), |(_, did)| at(did.prev))
                .take(MOST)
                .find(|(_, did)| did.kind == StayKind::Wait)
        };
        let is_told = |(row, last): (StayRow, Stay)| {
            let is_closed =
                self.facts.kind_of_stay(&last) == WaitKind::Network && last.waker != GoRow::NONE;
            let listens = self.people.see(self.facts, row, &last).is_some_and(|s| s.trip.is_some());
            listens && (is_closed || self.people.is_cancelled(&last))
        };
        let gos = (0u32..).map(GoRow).zip(&self.people.gos);
        let mut crews: HashMap<Crew, (u32, u32)> = HashMap::new();
        for (g, person) in gos.filter(|(_, person)| person.ended && person.dials) {
            let crew = crews.entry(self.people.crew(g)).or_default();
            crew.0 += u32::from(last(person.last_wait).is_some_and(is_told));
            crew.1 += 1;
        }
        crews
            .into_iter()
            .filter(|(_, (told, all))| told * 2 >= *all)
            .map(|(crew, _)| crew)
            .collect()
    }

    /// Whether a join that began in the trace, and is not over, waits for somebody who works.
    fn waits_for_workers(&self, stay: &Stay) -> bool {
        let working = || self.working_makers();
        stay.start.0 > 0 && self.working.get_or_init(working).contains(&stay.g)
    }

    /// Who started goroutines that live on and do not wait in one place for half of the trace; or that wait so
    /// for such in turn.
    fn working_makers(&self) -> HashSet<GoRow> {
        let mut makers = HashSet::new();
        // Whoever is started comes into sight after who starts it.
        for (row, go) in self.stays.gos.iter().enumerate().rev() {
            if go.end.0 != i64::MAX || go.creator == GoRow::NONE {
                continue;
            }
            let last = (go.last != StayRow::NONE).then(|| self.stays.stay(go.last));
            let waits = last.filter(|last| last.open && self.demand.is_umbrella(last));
            let works = waits.is_none_or(|last| {
                let kind = self.facts.kind_of_stay(&last);
                kind == WaitKind::Join && makers.contains(&GoRow(row as u32))
            });
            if works {
                makers.insert(go.creator);
            }
        }
        makers
    }

    /// What a wait for a busy receiver is, of which nobody is seen waiting for the sender.
    fn if_late(&self, seen: &Seen<'_>) -> Verdict {
        let makes_nothing = self.ran_before(seen.stay).is_some_and(|ran| ran <= NOTHING);
        if makes_nothing && (self.only_delivers(seen) || self.takes_in_passing(seen.stay)) {
            Verdict::Unsure
        } else {
            Verdict::Costly
        }
    }

    /// How long the goroutine ran before a wait, since it stood still the last time.
    fn ran_before(&self, stay: &Stay) -> Option<i64> {
        let prev = (stay.prev != StayRow::NONE).then_some(stay.prev)?;
        let (before, runnable) = self.stays.stay_and_runnable(prev);
        Some(stay.start.0.saturating_sub(before.end.0).saturating_sub(runnable))
    }

    /// Whether the goroutine was started in the trace for nothing but to hand something over, and is done then:
    /// its maker did not want to wait for that.
    fn only_delivers(&self, seen: &Seen<'_>) -> bool {
        let before = (seen.stay.prev != StayRow::NONE).then(|| self.stays.stay(seen.stay.prev));
        let is_born = before.is_some_and(|b| b.kind == StayKind::Born && b.end.0 > 0);
        is_born && seen.is_one_shot() && !self.goes_on(seen)
    }

    /// Whether who took what was sent did so in passing: in a function that it calls now and then, and was not in
    /// during the wait. So it did not work on what it had taken before; the sender makes things ahead.
    fn takes_in_passing(&self, stay: &Stay) -> bool {
        let Some(func) = self.people.waker_func(stay) else { return false };
        let (mut within, mut all) = (0, 0);
        for did in self.meanwhile(stay) {
            all += 1;
            within += usize::from(self.is_within(func, did.slot));
        }
        within * 2 < all
    }

    /// Whether a function, or one that is written in it, stands in a slot's stack.
    fn is_within(&self, func: StrId, slot: SlotId) -> bool {
        /// A trace that somebody made up may have any number of pairs.
        const MOST: usize = 1 << 16;
        let mut known = self.within.borrow_mut();
        if known.len() >= MOST {
            known.clear();
        }
        *known.entry((func, slot)).or_insert_with(|| {
            let analysis = self.analysis;
            let Some(slot) = analysis.slots.get(slot.0 as usize) else { return false };
            let is_in = |&frame: &FrameId| {
                let name = analysis.str(analysis.tables.frame(frame).func);
                let rest = name.strip_prefix(analysis.str(func));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            analysis.stack(slot.stack).iter().any(is_in)
        })
    }

    /// Whether the goroutine hands what it was started for to who started it, and is done then. Whoever
    /// waits for that is not behind it: it is late itself. Unless that one had no room or no lock for most of the time.
    fn is_handed_to_maker(&self, seen: &Seen<'_>) -> bool {
        let go = self.stays.go(seen.stay.g);
        go.creator == seen.stay.waker
            && seen.is_one_shot()
            && !self.goes_on(seen)
            && !self.is_held_up(seen.stay)
    }

    /// Whether the waker stood for half of a wait where it had work in hand by what it waited for.
    fn is_held_up(&self, stay: &Stay) -> bool {
        let is_held = |did: &Stay| {
            let fact = self.facts.fact(did.slot);
            did.kind == StayKind::Wait
                && (fact.slot || matches!(fact.kind, WaitKind::Lock | WaitKind::Send))
        };
        let part = |did: Stay| did.end.since(did.start.max(stay.start));
        let held = self.meanwhile(stay).filter(is_held).map(part).fold(0, i64::saturating_add);
        i128::from(held) * 2 >= i128::from(stay.end.since(stay.start))
    }

    /// What the waker did during a wait, from its end backward: the last of it, which is like what it did before.
    fn meanwhile(&self, stay: &Stay) -> impl Iterator<Item = Stay> + '_ {
        const MOST: usize = 32;
        let from = stay.start;
        let at = |row: StayRow| (row != StayRow::NONE).then(|| self.stays.stay(row));
        std::iter::successors(at(stay.waker_last), move |did| at(did.prev))
            .take_while(move |did| did.end > from && did.kind != StayKind::Born)
            .take(MOST)
    }

    /// Whether a `select` that met another one was its goroutine's last act: so it came to hand something
    /// over, and did not wait for work. (In most releases of Go it is known which of the two sent.)
    fn is_handed_over(&self, seen: &Seen<'_>) -> bool {
        self.people.selects_meet(seen.fact, seen.stay)
            && !seen.peer
            && seen.is_one_shot()
            && !self.goes_on(seen)
    }

    /// Whether the goroutine does anything of weight after this wait.
    fn goes_on(&self, seen: &Seen<'_>) -> bool {
        if seen.has_later_stay() {
            return true;
        }
        let stay = seen.stay;
        let end = self.stays.go(stay.g).end.0.min(self.duration);
        end - stay.end.0 - self.stays.runnable(seen.row) > weight(stay)
    }
}
