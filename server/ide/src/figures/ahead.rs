//! Sums of a generation that is decoded ahead of the one before it, and how they join the others.
//!
//! What a goroutine did when the generation began is not known then: since when, where, whether it ever
//! ran. What needs to be known is kept as it happens, and told to the sums of the generations before when
//! these are there: a goroutine's changes up to the first one by which it surely ran, a wait for a P
//! after which nobody knows where it stood, a range that was under way. All else is summed up apart and
//! added. Slots are numbered as they would have been in turn.

use exectrace::{
    At, Decoder, Generation, GoEvent, GoId, GoState, Nanos, RangeEvent, RangePhase, Tables,
};
use hashbrown::HashSet;

use super::{Early, Figures, GoLocal, Instance, Pass, Slot, SlotId, StackId, Waker};
use crate::causes::{Cause, Causes};

/// How much is known of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Known {
    /// All.
    #[default]
    All,
    /// All but where it stood when it last stopped.
    NotWhere,
    /// Nothing but its state.
    State,
}

/// What is kept for the sums of the generations before, in order.
#[derive(Debug)]
pub(super) struct Kept {
    /// How many slots there were then.
    slots: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Go(At, GoEvent),
    /// A wait for a P, of a goroutine that had run.
    Own(Instance),
    Range(At, RangeEvent),
}

/// What is kept while a generation is decoded ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    kept: Vec<Kept>,
    /// Ranges that began.
    begun: HashSet<super::RangeKey>,
    /// GOMAXPROCS, if it was told.
    pub(super) gomaxprocs: Option<u64>,
}

/// How many goroutines are thought to be there at first: only differences count.
const ALIVE: u64 = 1 << 40;

impl Figures {
    /// Sums of a generation that is decoded ahead of the one before it.
    pub fn ahead() -> Figures {
        let mut figures = Figures { ahead: Some(Box::default()), ..Figures::default() };
        (figures.totals.alive, figures.totals.max_alive) = (ALIVE, ALIVE);
        figures
    }

    fn keep(&mut self, what: What) {
        let slots = self.slots.len();
        if let Some(ahead) = &mut self.ahead {
            ahead.kept.push(Kept { slots, what });
        }
    }

    /// A goroutine waited for a P, and where it stood is not known.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_own(&mut self, g: GoId, start: Nanos, ns: i64) {
        self.keep(What::Own(Instance { g, start, ns }));
    }

    /// Whether a range is kept: it was under way when the generation began.
    pub(super) fn keeps_range(&mut self, at: &At, event: &RangeEvent) -> bool {
        let key = (event.kind, event.scope);
        let is_open = self.ranges.contains_key(&key);
        let Some(ahead) = &mut self.ahead else { return false };
        let keeps = match event.phase {
            RangePhase::Begin => {
                ahead.begun.insert(key);
                false
            }
            RangePhase::Active | RangePhase::End => !is_open,
        };
        if keeps {
            self.keep(What::Range(*at, *event));
        }
        keeps
    }

    /// Whether `later`, which was summed up ahead, can join these.
    pub fn fits(&self, later: &Figures) -> bool {
        let Some(ahead) = &later.ahead else { return false };
        let ended: HashSet<_> = ahead
            .kept
            .iter()
            .filter_map(|kept| match kept.what {
                What::Range(_, event) if event.phase == RangePhase::End => {
                    Some((event.kind, event.scope))
                }
                _ => None,
            })
            .collect();
        later.causes.has_room()
            && ahead.begun.iter().all(|key| !self.ranges.contains_key(key) || ended.contains(key))
    }

    fn cause_of(&mut self, cause: Cause, tables: &Tables) -> crate::causes::CauseId {
        match cause {
            Cause::Running => Causes::RUNNING,
            Cause::Sched => Causes::SCHED,
            Cause::SchedOwn => Causes::SCHED_OWN,
            Cause::Preempted => Causes::PREEMPTED,
            Cause::Syscall => Causes::SYSCALL,
            Cause::Net => Causes::NET,
            Cause::Sleep => Causes::SLEEP,
            Cause::Create => Causes::CREATE,
            Cause::CpuSample => Causes::CPU_SAMPLE,
            Cause::Sync(reason) | Cause::Wait(reason) => self.causes.of_reason(reason, tables),
            Cause::Range(kind) => self.causes.of_range(kind, tables),
        }
    }
}

impl<const LIVES: bool, const AHEAD: bool> Pass<'_, LIVES, AHEAD> {
    /// A change of a goroutine of which nothing but the state is known.
    #[cold]
    #[inline(never)]
    pub(super) fn go_carried(&mut self, at: &At, event: &GoEvent, local: &mut GoLocal) {
        self.figures.keep(What::Go(*at, *event));
        local.state = event.to;
        if event.to == GoState::NotExist {
            self.figures.totals.alive -= 1;
            return;
        }
        if event.from == GoState::Running || event.to == GoState::Running {
            *local = GoLocal { ran: true, known: Known::NotWhere, ..GoLocal::default() };
            self.enter(at, event, local);
        }
    }
}

impl Pass<'_, false, false> {
    /// Takes in what was summed up ahead, of the generation that follows; then the decoder goes on there.
    pub fn join(
        &mut self,
        generation: &Generation,
        mut later: Figures,
        decoder: &mut Decoder<GoLocal>,
        later_decoder: Decoder<GoLocal>,
    ) {
        let Ahead { kept, gomaxprocs, .. } = later.ahead.take().map_or_else(Ahead::default, |a| *a);
        exectrace::Sink::generation(self, later.sync, generation, self.tables);
        let totals = &mut self.figures.totals;
        totals.gomaxprocs = gomaxprocs.unwrap_or(totals.gomaxprocs);
        let mut slots: Vec<SlotId> = Vec::with_capacity(later.slots.len());
        for Kept { slots: n, what } in kept {
            self.number(&later, n, &mut slots);
            match what {
                What::Go(at, event) => {
                    if let Some(local) = decoder.local(event.g) {
                        self.figures.leave::<false, false>(&at, &event, local);
                        self.enter(&at, &event, local);
                    }
                }
                What::Own(Instance { g, start, ns }) => {
                    if let Some(own) = decoder.local(g).map(|local| local.own) {
                        let own = self.figures.own_slot(own, false);
                        self.figures.charge(own, g, start, ns, None);
                    }
                }
                What::Range(at, event) => exectrace::Sink::range(self, &at, &event),
            }
        }
        self.number(&later, later.slots.len(), &mut slots);
        self.figures.add(later, &slots);
        let place = |slot: SlotId| slots.get(slot.0 as usize).copied().unwrap_or(SlotId::NONE);
        decoder.adopt(later_decoder, |before, mut after| {
            if let Some(before) = before {
                match after.known {
                    Known::State => return before.clone(),
                    Known::NotWhere => after.own = before.own,
                    Known::All => {}
                }
            }
            after.known = Known::All;
            (after.slot, after.preempted) = (place(after.slot), place(after.preempted));
            after
        });
    }

    /// Numbers the slots of `later` up to `n`.
    fn number(&mut self, later: &Figures, n: usize, slots: &mut Vec<SlotId>) {
        for &Slot { cause, stack, early, .. } in &later.slots[slots.len()..n] {
            let cause = self.figures.cause_of(later.causes.cause(cause), self.tables);
            slots.push(self.figures.slot_of(cause, stack, early));
        }
    }
}

impl Figures {
    /// Adds the sums of `later`, whose slots are `slots` here.
    fn add(&mut self, later: Figures, slots: &[SlotId]) {
        for (slot, &to) in later.slots.into_iter().zip(slots) {
            self.slots[to.0 as usize].merge(slot);
        }
        for Waker { slot, stack, n, ns } in later.wakers {
            let waker = self.waker(slots[slot.0 as usize], stack);
            waker.n += n;
            waker.ns = waker.ns.wrapping_add(ns);
        }
        for (g, list) in later.early {
            let placed =
                list.into_iter().map(|early| Early { slot: slots[early.slot.0 as usize], ..early });
            self.early.entry(g).or_default().extend(placed);
        }
        for (key, range) in later.ranges {
            self.ranges.entry(key).or_insert(range);
        }
        self.totals.add(&later.totals);
    }

    fn waker(&mut self, slot: SlotId, stack: Option<StackId>) -> &mut Waker {
        let code = stack.map_or(super::NO_WAKER, |stack| stack.0);
        let row = *self.by_waker.entry((slot, code)).or_insert_with(|| {
            self.wakers.push(Waker { slot, stack, n: 0, ns: 0 });
            self.wakers.len() as u32 - 1
        });
        &mut self.wakers[row as usize]
    }
}

impl super::Totals {
    /// Adds those of a generation that was summed up ahead.
    fn add(&mut self, later: &super::Totals) {
        self.goroutines += later.goroutines;
        self.created += later.created;
        self.gcs += later.gcs;
        self.heap_max = self.heap_max.max(later.heap_max);
        let most = self.alive.wrapping_add(later.max_alive).wrapping_sub(ALIVE);
        self.max_alive = self.max_alive.max(most);
        self.alive = self.alive.wrapping_add(later.alive).wrapping_sub(ALIVE);
    }
}
