//! The events of a trace on their way into the figures.

use exectrace::{
    At, Generation, GoEvent, GoState, Metric, Nanos, ProcEvent, RangeEvent, RangeKind, RangePhase,
    Region, Sink, StackRow, Tables, Task,
};

use super::ahead::Known;
use super::{Figures, GoLocal, OpenRange, SlotId, UNKNOWN, scope_g};
use crate::causes::Causes;

/// One generation's events on their way into the figures. What is asked for only one of these costs the
/// others nothing so: `LIVES` keeps the lives of goroutines, too ([`Figures::stays`]); `AHEAD` is of a
/// generation that is decoded ahead of the one before it.
#[derive(Debug)]
pub struct Pass<'a, const LIVES: bool, const AHEAD: bool> {
    /// Where they go.
    pub figures: &'a mut Figures,
    /// The trace's tables, the generation's included.
    pub tables: &'a Tables,
}

impl<const LIVES: bool, const AHEAD: bool> Pass<'_, LIVES, AHEAD> {
    /// A goroutine's new state begins.
    #[inline(always)]
    pub(super) fn enter(&mut self, at: &At, event: &GoEvent, local: &mut GoLocal) {
        let f = &mut *self.figures;
        if event.own.is_some() || event.from == GoState::NotExist {
            local.own = f.stacks[event.own.0 as usize];
            if AHEAD {
                local.known = Known::All;
            }
        }
        if LIVES {
            let stops = event.from == GoState::Running && event.to == GoState::Runnable;
            if stops || matches!(event.to, GoState::Waiting | GoState::Syscall) {
                local.apart = f.stacks[event.stack.0 as usize] != local.own;
            }
        }
        local.since = at.t;
        local.state = event.to;
        match event.to {
            GoState::Running => {
                if !local.ran {
                    local.ran = true;
                    if local.held {
                        local.held = false;
                        f.settle(event.g, true);
                    }
                }
            }
            GoState::Runnable if local.ran => {
                local.slot = f.entry_slot(event.stack, |e| &mut e.sched, Causes::SCHED, false);
                if event.reason.is_some() && Some(event.reason) == f.preempted {
                    local.preempted =
                        f.entry_slot(event.stack, |e| &mut e.preempted, Causes::PREEMPTED, false);
                }
            }
            // Nearly always its first run follows: the slot of that.
            GoState::Runnable => {
                local.slot = f.entry_slot(event.stack, |e| &mut e.sched_early, Causes::SCHED, true);
            }
            GoState::Syscall => {
                local.slot = f.entry_slot(event.stack, |e| &mut e.syscall, Causes::SYSCALL, false);
            }
            GoState::Waiting => local.slot = f.wait_slot(event.stack, event.reason, self.tables),
            GoState::NotExist => {
                if local.held {
                    f.settle(event.g, false);
                }
            }
            GoState::Undetermined => {}
        }
        if LIVES
            && event.to == GoState::Runnable
            && let Some(stays) = &mut f.stays
        {
            match event.from {
                GoState::Running => {
                    stays.stops(&mut local.stay, local.slot, at.t);
                }
                GoState::NotExist | GoState::Undetermined => {
                    stays.starts(&local.stay, local.slot);
                }
                _ => {}
            }
        }
        if event.from == GoState::Undetermined {
            local.pre = true;
            f.pre.insert(event.g, at.t.since(f.sync));
        }
    }
}

impl<const LIVES: bool, const AHEAD: bool> Sink for Pass<'_, LIVES, AHEAD> {
    type Local = GoLocal;

    fn generation(&mut self, t: Nanos, generation: &Generation, tables: &Tables) {
        let f = &mut *self.figures;
        f.sync = t;
        f.totals.end = t;
        f.totals.generations += 1;
        f.entries.clear();
        f.entries.resize(generation.n_stacks(), UNKNOWN);
        f.stacks.clear();
        f.stacks.extend((0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r))));
        let tells_poller = |&stack: &exectrace::StackId| {
            let leaf = tables.stack(stack).first();
            leaf.is_some_and(|&leaf| {
                tables.str(tables.frame(leaf).func).starts_with("internal/poll.")
            })
        };
        f.polls.clear();
        f.polls.extend(f.stacks.iter().map(tells_poller));
        f.own_slots.resize(tables.n_stacks(), [SlotId::NONE; 2]);
        f.preempted = tables.find("preempted");
    }

    fn end(&mut self, t: Nanos) {
        self.figures.totals.end = t;
    }

    #[inline(always)]
    fn proc(&mut self, at: &At, event: &ProcEvent) {
        if let Some(stays) = &mut self.figures.stays {
            stays.sched.proc(at.t, event);
        }
    }

    #[inline(always)]
    fn go(&mut self, at: &At, event: &GoEvent, local: &mut GoLocal) {
        if event.from == event.to {
            return; // named again at a generation's beginning: the span goes on
        }
        if AHEAD && local.known == Known::State {
            return self.go_carried(at, event, local);
        }
        let f = &mut *self.figures;
        if event.from == GoState::NotExist {
            let slot = f.entry_slot(event.stack, |e| &mut e.create, Causes::CREATE, false);
            f.slots[slot.0 as usize].n += 1;
            f.totals.created += 1;
        }
        if matches!(event.from, GoState::NotExist | GoState::Undetermined) {
            f.totals.goroutines += 1;
            f.totals.alive += 1;
            f.totals.max_alive = f.totals.max_alive.max(f.totals.alive);
        }
        if event.to == GoState::NotExist {
            f.totals.alive = f.totals.alive.saturating_sub(1);
        }
        f.leave::<LIVES, AHEAD>(at, event, local);
        if LIVES {
            f.live(at, event, local);
        }
        self.enter(at, event, local);
    }

    /// A goroutine was there, in this state, when a generation began that is decoded ahead.
    fn carried(&mut self, state: GoState, local: &mut GoLocal) {
        *local = GoLocal { state, known: Known::State, ..GoLocal::default() };
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let f = &mut *self.figures;
        if AHEAD && f.keeps_range(at, event) {
            return;
        }
        let key = (event.kind, event.scope);
        match event.phase {
            RangePhase::Begin | RangePhase::Active => {
                if event.phase == RangePhase::Begin && event.kind == RangeKind::GcMark {
                    f.totals.gcs += 1;
                }
                let active = event.phase == RangePhase::Active;
                f.ranges.entry(key).or_insert(OpenRange {
                    since: at.t,
                    stack: f.stacks[event.stack.0 as usize],
                    pre: active.then(|| at.t.since(f.sync)),
                });
            }
            RangePhase::End => {
                if let Some(range) = f.ranges.remove(&key) {
                    let cause = f.causes.of_range(event.kind, self.tables);
                    let slot = f.slot_of(cause, range.stack, false);
                    let ns = at.t.since(range.since);
                    if let Some(stays) = &mut f.stays {
                        stays.range(slot, scope_g(event.scope), range.began(), at.t, false);
                    }
                    f.charge(slot, scope_g(event.scope), range.since, ns, range.pre);
                }
            }
        }
    }

    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {
        let f = &mut *self.figures;
        if let Some(stays) = &mut f.stays {
            stays.region(at.t, at.g, region, f.stacks[stack.0 as usize]);
        }
    }

    fn task(&mut self, at: &At, task: &Task, stack: StackRow) {
        let f = &mut *self.figures;
        if let Some(stays) = &mut f.stays {
            stays.task(at.t, task, f.stacks[stack.0 as usize]);
        }
    }

    fn sample(&mut self, _at: &At, stack: StackRow) {
        let f = &mut *self.figures;
        let slot = f.slot_of(Causes::CPU_SAMPLE, f.stacks[stack.0 as usize], false);
        f.slots[slot.0 as usize].n += 1;
    }

    fn metric(&mut self, at: &At, metric: Metric, value: u64, _stack: StackRow) {
        let totals = &mut self.figures.totals;
        match metric {
            Metric::GoMaxProcs => self.gomaxprocs(at.t, value),
            Metric::HeapAlloc => totals.heap_max = totals.heap_max.max(value),
            Metric::HeapGoal => {}
        }
    }

    fn gomaxprocs(&mut self, t: Nanos, n: u64) {
        self.figures.totals.gomaxprocs = n;
        if let Some(ahead) = &mut self.figures.ahead {
            ahead.gomaxprocs = Some(n);
        }
        if let Some(stays) = &mut self.figures.stays {
            stays.sched.gomaxprocs(t, n);
        }
    }
}
