//! Sums by stack and cause, made while the events pass. Lines come from them at the end.
//!
//! ```text
//! event --row of its stack in this generation--> Entry: the slots of that stack, one load
//!                                                  |
//!                          Slot: n, total, max, worst instance, values for percentiles
//! ```
//!
//! A goroutine's span is charged when it ends, to the slot that was looked up when it began; what is
//! looked up lies beside the decoder's own record of the goroutine.

use exectrace::{
    At, GoEvent, GoId, GoState, Nanos, RangeKind, RangeScope, StackId, StackRow, StrId, Tables,
};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::causes::{CauseId, Causes};
use crate::stays::{StayKind, StayLocal, Stays};

mod ahead;
mod pass;
mod slot;

use ahead::{Ahead, Known};
pub use pass::Pass;
pub use slot::{Instance, Slot, Totals, Waker};

/// A slot, by its row in [`Figures::slots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId(pub u32);

impl SlotId {
    /// No slot.
    pub const NONE: SlotId = SlotId(u32::MAX);
}

/// What is kept for each living goroutine.
#[derive(Debug, Clone)]
pub struct GoLocal {
    since: Nanos,
    /// The slot of the span under way; for a runnable one that of `sched`.
    slot: SlotId,
    /// Where the goroutine itself stood when it last stopped.
    own: StackId,
    state: GoState,
    /// It ran at least once.
    ran: bool,
    /// The span was under way when the trace began: `Figures::pre` has how long.
    pre: bool,
    /// `Figures::early` has spans of it.
    held: bool,
    /// It is runnable because it was preempted: the slot of that.
    preempted: SlotId,
    known: Known,
    /// It stood at `own`, and not where the event's stack tells.
    apart: bool,
    stay: StayLocal,
}

impl Default for GoLocal {
    fn default() -> Self {
        GoLocal {
            since: Nanos(0),
            slot: SlotId::NONE,
            own: StackId::NONE,
            state: GoState::NotExist,
            ran: false,
            pre: false,
            held: false,
            preempted: SlotId::NONE,
            known: Known::All,
            apart: false,
            stay: StayLocal::default(),
        }
    }
}

/// The slots of one stack, looked up once in a generation.
#[derive(Debug, Clone, Copy)]
struct Entry {
    running: SlotId,
    sched: SlotId,
    sched_early: SlotId,
    preempted: SlotId,
    syscall: SlotId,
    create: SlotId,
    wait: SlotId,
    wait_reason: StrId,
}

const UNKNOWN: Entry = Entry {
    running: SlotId::NONE,
    sched: SlotId::NONE,
    sched_early: SlotId::NONE,
    preempted: SlotId::NONE,
    syscall: SlotId::NONE,
    create: SlotId::NONE,
    wait: SlotId::NONE,
    wait_reason: StrId::NONE,
};

/// A span that ended before its goroutine ran: whether that ever happens decides its slot.
#[derive(Debug, Clone, Copy)]
struct Early {
    slot: SlotId,
    instance: Instance,
    pre: Option<i64>,
}

type RangeKey = (RangeKind, RangeScope);

#[derive(Debug, Clone, Copy)]
struct OpenRange {
    since: Nanos,
    stack: StackId,
    pre: Option<i64>,
}

impl OpenRange {
    /// Its beginning; the trace's, where it began before.
    fn began(&self) -> Nanos {
        Nanos(self.since.0.wrapping_sub(self.pre.unwrap_or(0)))
    }
}

/// The sink that sums up.
#[derive(Debug, Default)]
pub struct Figures {
    /// All slots.
    pub slots: Vec<Slot>,
    /// All causes.
    pub causes: Causes,
    /// Who ended waits.
    pub wakers: Vec<Waker>,
    /// Counts of the whole trace.
    pub totals: Totals,
    /// The life of every goroutine, if verdicts are wanted.
    pub stays: Option<Stays>,
    by_key: HashMap<(CauseId, StackId, bool), SlotId>,
    by_waker: HashMap<(SlotId, u32), u32>,
    /// By the row of a stack in the current generation.
    entries: Vec<Entry>,
    stacks: Vec<StackId>,
    /// Likewise: whoever stands there tells the poller something, and so can end a wait for the network.
    polls: Vec<bool>,
    /// The slots of `sched_own` by stack of the trace: after the first run, and before it.
    own_slots: Vec<[SlotId; 2]>,
    preempted: Option<StrId>,
    sync: Nanos,
    pre: HashMap<GoId, i64>,
    early: HashMap<GoId, Vec<Early>>,
    ranges: HashMap<RangeKey, OpenRange>,
    /// Sums of a generation that is decoded ahead of the one before it.
    ahead: Option<Box<Ahead>>,
}

impl Figures {
    /// About how many bytes of memory they take.
    pub fn memory(&self) -> usize {
        memory(&self.slots, &self.wakers, self.stays.as_ref())
    }
}

/// About how many bytes of memory sums and lives take.
pub(crate) fn memory(slots: &[Slot], wakers: &[Waker], stays: Option<&Stays>) -> usize {
    // Each has an entry in a table too, and most slots keep some lengths.
    let slot = size_of::<Slot>() + 3 * size_of::<(CauseId, StackId, bool)>();
    size_of_val(wakers) * 2 + slots.len() * slot + stays.map_or(0, Stays::memory)
}

/// No goroutine woke it.
const NO_WAKER: u32 = u32::MAX;

impl Figures {
    /// Nothing summed up yet.
    pub fn new() -> Figures {
        Figures::default()
    }

    /// What is summed up by now, to be closed while the trace goes on. Without lives, which grow with it.
    pub(crate) fn so_far(&self) -> Figures {
        Figures {
            slots: self.slots.clone(),
            causes: self.causes.clone(),
            wakers: self.wakers.clone(),
            totals: self.totals.clone(),
            by_key: self.by_key.clone(),
            own_slots: self.own_slots.clone(),
            pre: self.pre.clone(),
            early: self.early.clone(),
            ranges: self.ranges.clone(),
            ..Figures::default()
        }
    }

    fn slot_of(&mut self, cause: CauseId, stack: StackId, early: bool) -> SlotId {
        *self.by_key.entry((cause, stack, early)).or_insert_with(|| {
            self.slots.push(Slot::new(cause, stack, early));
            SlotId(self.slots.len() as u32 - 1)
        })
    }

    /// The slot in one field of a stack's entry, looked up when first met in a generation.
    #[inline(always)]
    fn entry_slot(
        &mut self,
        row: StackRow,
        field: impl Fn(&mut Entry) -> &mut SlotId,
        cause: CauseId,
        early: bool,
    ) -> SlotId {
        let slot = *field(&mut self.entries[row.0 as usize]);
        if slot != SlotId::NONE {
            return slot;
        }
        let slot = self.slot_of(cause, self.stacks[row.0 as usize], early);
        *field(&mut self.entries[row.0 as usize]) = slot;
        slot
    }

    #[inline(always)]
    fn wait_slot(&mut self, row: StackRow, reason: StrId, tables: &Tables) -> SlotId {
        let entry = &self.entries[row.0 as usize];
        if entry.wait != SlotId::NONE && entry.wait_reason == reason {
            return entry.wait;
        }
        let cause = self.causes.of_reason(reason, tables);
        let slot = self.slot_of(cause, self.stacks[row.0 as usize], false);
        let entry = &mut self.entries[row.0 as usize];
        (entry.wait, entry.wait_reason) = (slot, reason);
        slot
    }

    #[inline(always)]
    fn own_slot(&mut self, stack: StackId, early: bool) -> SlotId {
        let slot = self.own_slots[stack.0 as usize][usize::from(early)];
        if slot != SlotId::NONE {
            return slot;
        }
        let slot = self.slot_of(Causes::SCHED_OWN, stack, early);
        self.own_slots[stack.0 as usize][usize::from(early)] = slot;
        slot
    }

    #[inline(always)]
    fn charge(&mut self, slot: SlotId, g: GoId, start: Nanos, ns: i64, pre: Option<i64>) {
        let slot = &mut self.slots[slot.0 as usize];
        slot.add(g, start, ns);
        if pre.is_some() {
            slot.add_cut(g, start, ns, pre);
        }
    }

    /// The span of a goroutine ends.
    ///
    /// Nearly always its state is what the event says, which the compiler knows at each place where the
    /// decoder says it.
    #[inline(always)]
    fn leave<const LIVES: bool, const AHEAD: bool>(
        &mut self,
        at: &At,
        event: &GoEvent,
        local: &mut GoLocal,
    ) {
        if local.pre || local.state != event.from {
            self.leave_oddly::<LIVES, AHEAD>(*at, *event, local);
        } else {
            self.leave_state::<LIVES, AHEAD>(event.from, at, event, local, None);
        }
    }

    /// The same, of one that was under way when the trace began or is told of for the first time, and of a
    /// v1 trace whose events do not fit each other: what was told before counts.
    #[cold]
    fn leave_oddly<const LIVES: bool, const AHEAD: bool>(
        &mut self,
        at: At,
        event: GoEvent,
        local: &mut GoLocal,
    ) {
        let was_there = std::mem::take(&mut local.pre);
        let pre = if was_there { self.pre.remove(&event.g) } else { None };
        self.leave_state::<LIVES, AHEAD>(local.state, &at, &event, local, pre);
    }

    /// The same, of one in this state, which was under way for `pre` when its goroutine was first told of.
    #[inline(always)]
    fn leave_state<const LIVES: bool, const AHEAD: bool>(
        &mut self,
        state: GoState,
        at: &At,
        event: &GoEvent,
        local: &mut GoLocal,
        pre: Option<i64>,
    ) {
        let g = event.g;
        let start = local.since;
        let ns = at.t.since(start);
        match state {
            GoState::Running => {
                // Known is the stack of the event that ended it, if it was its own.
                let row = if at.g == g { event.stack } else { StackRow::NONE };
                let slot = self.entry_slot(row, |e| &mut e.running, Causes::RUNNING, false);
                self.charge(slot, g, start, ns, pre);
            }
            GoState::Runnable => {
                let early = !local.ran && event.to == GoState::Running;
                self.charge_early(local, local.slot, g, start, ns, pre, early);
                let own = if AHEAD && local.known == Known::NotWhere {
                    self.keep_own(g, start, ns);
                    SlotId::NONE
                } else {
                    let own = self.own_slot(local.own, !local.ran);
                    self.charge(own, g, start, ns, pre);
                    own
                };
                if LIVES && let Some(stays) = &mut self.stays {
                    stays.sched.waited(local.stay.idle, [local.slot, own], at.t, ns);
                }
                if local.preempted != SlotId::NONE {
                    self.charge(local.preempted, g, start, ns, pre);
                    local.preempted = SlotId::NONE;
                }
            }
            GoState::Syscall | GoState::Waiting => {
                let early = !local.ran && event.to == GoState::Running;
                self.charge_early(local, local.slot, g, start, ns, pre, early);
                if state == GoState::Waiting {
                    self.woken(local.slot, at, event, ns);
                }
            }
            GoState::Undetermined | GoState::NotExist => {}
        }
    }

    /// What the goroutine's life gains by a change of its state.
    #[inline(always)]
    fn live(&mut self, at: &At, event: &GoEvent, local: &mut GoLocal) {
        let waker = match event.from {
            GoState::Waiting => self.waker_of(local.slot, at, event),
            _ => at.g,
        };
        let Some(stays) = &mut self.stays else { return };
        let stack = |row: StackRow| self.stacks[row.0 as usize];
        match event.from {
            GoState::NotExist => {
                let (created_at, entry) = (stack(event.stack), stack(event.own));
                stays.born(&mut local.stay, event.g, at.t, at.g, created_at, entry);
            }
            GoState::Undetermined => {
                let none = StackId::NONE;
                stays.born(&mut local.stay, event.g, self.sync, GoId::NONE, none, none);
            }
            GoState::Waiting => {
                let (slot, by) = (local.slot, stack(event.stack));
                stays.wakes(&mut local.stay, slot, at.t, waker, by);
            }
            GoState::Syscall => {
                let is_runnable = event.to == GoState::Runnable;
                stays.returns(&mut local.stay, local.slot, at.t, is_runnable);
            }
            GoState::Runnable | GoState::Running => {}
        }
        match event.to {
            GoState::Running if event.from == GoState::Runnable => {
                stays.runs(&local.stay, at.t, local.apart.then_some(local.own));
            }
            // One that was there before stood so since the trace's beginning.
            GoState::Waiting | GoState::Syscall if event.from != GoState::Undetermined => {
                stays.begins(&mut local.stay, at.t);
            }
            GoState::NotExist => stays.dies(&local.stay, at.t),
            _ => {}
        }
        if event.to == GoState::Runnable {
            local.stay.idle = stays.sched.idle_at(at.t);
        }
    }

    /// Charges a span, if it is known already whether its goroutine runs in the trace.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn charge_early(
        &mut self,
        local: &mut GoLocal,
        slot: SlotId,
        g: GoId,
        start: Nanos,
        ns: i64,
        pre: Option<i64>,
        early: bool,
    ) {
        if local.ran {
            return self.charge(slot, g, start, ns, pre);
        }
        let instance = Instance { g, start, ns };
        if early {
            let slot = self.twin(slot, true);
            self.charge(slot, g, start, ns, pre);
        } else {
            local.held = true;
            self.early.entry(g).or_default().push(Early { slot, instance, pre });
        }
    }

    /// The slot for the same cause and stack, of spans before the first run or of all others.
    #[inline(always)]
    fn twin(&mut self, slot: SlotId, early: bool) -> SlotId {
        let Slot { cause, stack, early: is, .. } = self.slots[slot.0 as usize];
        if is == early { slot } else { self.slot_of(cause, stack, early) }
    }

    /// It is known now whether the goroutine ever ran; what waited for that is charged.
    #[cold]
    fn settle(&mut self, g: GoId, ran: bool) {
        for early in self.early.remove(&g).unwrap_or_default() {
            let slot = self.twin(early.slot, ran);
            let Instance { g, start, ns } = early.instance;
            self.charge(slot, g, start, ns, early.pre);
        }
    }

    /// Who ended a wait. Any goroutine that starts the world again, after a collection that it set off say,
    /// looks at what the network has brought, and the trace names it: it has nothing to do with that. Only
    /// one that closes a connection or sets a deadline ends such a wait.
    #[inline(always)]
    fn waker_of(&self, slot: SlotId, at: &At, event: &GoEvent) -> GoId {
        let is_net = || self.slots.get(slot.0 as usize).is_some_and(|s| s.cause == Causes::NET);
        if at.g != GoId::NONE && is_net() && !self.polls[event.stack.0 as usize] {
            return GoId::NONE;
        }
        at.g
    }

    #[inline(always)]
    fn woken(&mut self, slot: SlotId, at: &At, event: &GoEvent, ns: i64) {
        let code = match self.waker_of(slot, at, event) {
            GoId::NONE => NO_WAKER,
            _ => self.stacks[event.stack.0 as usize].0,
        };
        let (last, row) = self.slots[slot.0 as usize].last_waker;
        let row = if last == code && row != u32::MAX {
            row
        } else {
            let row = *self.by_waker.entry((slot, code)).or_insert_with(|| {
                let stack = (code != NO_WAKER).then_some(StackId(code));
                self.wakers.push(Waker { slot, stack, n: 0, ns: 0 });
                self.wakers.len() as u32 - 1
            });
            self.slots[slot.0 as usize].last_waker = (code, row);
            row
        };
        let waker = &mut self.wakers[row as usize];
        waker.n += 1;
        waker.ns = waker.ns.wrapping_add(ns);
    }

    /// Charges what is still under way at the end. `living` are the goroutines alive then.
    pub fn close<'a>(
        &mut self,
        living: impl Iterator<Item = (GoId, &'a mut GoLocal)>,
        tables: &Tables,
    ) {
        let end = self.totals.end;
        if let Some(stays) = &mut self.stays {
            stays.sched.end(end);
        }
        let mut never_ran: Vec<GoId> = self.early.keys().copied().collect();
        never_ran.sort_unstable();
        for g in never_ran {
            self.settle(g, false);
        }
        for (g, local) in living {
            let ns = end.since(local.since);
            let pre = if local.pre { self.pre.get(&g).copied() } else { None };
            let none = |figures: &mut Self, cause| figures.slot_of(cause, StackId::NONE, false);
            let slots = match local.state {
                GoState::Running => [none(self, Causes::RUNNING), SlotId::NONE, SlotId::NONE],
                GoState::Runnable => {
                    [local.slot, self.own_slot(local.own, !local.ran), local.preempted]
                }
                GoState::Syscall | GoState::Waiting => [local.slot, SlotId::NONE, SlotId::NONE],
                GoState::Undetermined | GoState::NotExist => continue,
            };
            if let Some(stays) = &mut self.stays {
                if local.state == GoState::Runnable {
                    stays.sched.waited(local.stay.idle, [slots[0], slots[1]], end, ns);
                }
                let slot = local.slot;
                match local.state {
                    GoState::Waiting => {
                        stays.stays_open(&local.stay, StayKind::Wait, slot, end);
                    }
                    GoState::Syscall => {
                        stays.stays_open(&local.stay, StayKind::Syscall, slot, end);
                    }
                    GoState::Runnable => {
                        let own = local.apart.then_some(local.own);
                        stays.stays_runnable(&local.stay, end, own);
                    }
                    _ => {}
                }
            }
            for slot in slots.into_iter().filter(|&s| s != SlotId::NONE) {
                let slot = &mut self.slots[slot.0 as usize];
                slot.add_open(g, local.since, ns, pre);
            }
        }
        if let Some(stays) = &mut self.stays {
            stays.close();
        }
        let mut open: Vec<_> = self.ranges.drain().collect();
        open.sort_unstable_by_key(|(_, range)| range.since);
        for ((kind, scope), range) in open {
            let cause = self.causes.of_range(kind, tables);
            let slot = self.slot_of(cause, range.stack, false);
            if let Some(stays) = &mut self.stays {
                stays.range(slot, scope_g(scope), range.began(), end, true);
            }
            let slot = &mut self.slots[slot.0 as usize];
            slot.add_open(scope_g(scope), range.since, end.since(range.since), range.pre);
        }
    }
}

fn scope_g(scope: RangeScope) -> GoId {
    match scope {
        RangeScope::Go(g) => g,
        RangeScope::Global | RangeScope::Proc(_) => GoId::NONE,
    }
}

#[cfg(test)]
mod tests {
    use exectrace::{GoEvent, GoState, ProcId, Sink, ThreadId};

    use super::*;

    const STATES: [GoState; 4] =
        [GoState::Runnable, GoState::Running, GoState::Syscall, GoState::Waiting];

    /// What is summed up of a goroutine that is told of in one state, and leaves another one.
    fn sums(state: GoState, from: GoState) -> Vec<(CauseId, u64, i64, u64, i64)> {
        let mut figures = Figures {
            entries: vec![UNKNOWN],
            stacks: vec![StackId::NONE],
            polls: vec![false],
            own_slots: vec![[SlotId::NONE; 2]],
            ..Figures::new()
        };
        let (tables, mut local) = (Tables::default(), GoLocal::default());
        let told = [(5, GoState::Undetermined, state), (15, from, GoState::NotExist)];
        for (t, from, to) in told {
            let at = At { t: Nanos(t), g: GoId::NONE, p: ProcId::NONE, m: ThreadId::NONE };
            let (reason, none) = (StrId::NONE, exectrace::StackRow::NONE);
            let event = GoEvent { g: GoId(1), from, to, reason, stack: none, own: none };
            let mut pass = Pass::<false, false> { figures: &mut figures, tables: &tables };
            pass.go(&at, &event, &mut local);
        }
        figures.slots.iter().map(|s| (s.cause, s.n, s.ns, s.pre_n, s.pre_ns)).collect()
    }

    /// The events of a damaged v1 trace need not fit each other.
    #[test]
    fn what_was_told_before_counts() {
        for state in STATES {
            let right = sums(state, state);
            assert!(right.iter().any(|slot| slot.2 == 10), "{state:?}: {right:?}");
            for from in STATES {
                assert_eq!(sums(state, from), right, "{state:?} and then from {from:?}");
            }
        }
    }
}
