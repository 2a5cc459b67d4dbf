//! The events of a v1 trace as those of later versions, for a sink.
//!
//! As Go 1.26's converter makes them: what a goroutine was when the trace began becomes a status,
//! a system call that did not block lasts 1 ns (its end was not written), the network poller, the
//! timers and returns from system calls stand on Ps that are none.

use hashbrown::{HashMap, HashSet};

use super::by_number::Procs;
use super::check::Checker;
use super::cursor::Wire;
use super::order::{Merge, Next};
use super::parse::{Bad, Event, Exit, Trace};
use super::spec::{self, ev, fake_p};
use crate::goroutines::{Living, Row};
use crate::intern::Tables;
use crate::sink::{
    GoEvent, GoState, Log, Metric, ProcEvent, ProcState, RangeEvent, RangeKind, RangePhase,
    RangeScope, Region, Sink, Task,
};
use crate::v2::generation::Generation;
use crate::v2::order::{Bump, Go};
use crate::{At, GoId, Nanos, ProcId, StackRow, StrId, TaskId, ThreadId};

/// Where the events go, and what stays of each for those that follow.
pub(crate) struct Converter<'a, L, S> {
    pub(crate) generation: &'a Generation,
    pub(crate) tables: &'a Tables,
    pub(crate) sink: &'a mut S,
    pub(crate) gos: &'a mut Living<Go<L>>,
    pub(crate) clock: &'a mut Bump,
    state: State,
    checker: Checker,
    odd: Odd,
}

/// What is odd in a trace and does not keep it from being read.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    /// Regions that end inside another one that is still open, the first of them.
    pub(crate) misused: Vec<Misuse>,
    /// How many events name stacks that the file does not have.
    nameless: u64,
}

impl Odd {
    /// What is lost.
    pub(crate) fn problem(&self) -> Option<String> {
        (self.nameless > 0).then(|| {
            format!(
                "{} events name stacks that the file does not have: it was cut off within its last part, where these stand",
                self.nameless
            )
        })
    }
}

/// A region that ends while another one, which began later, is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misuse {
    pub(crate) at: u64,
    pub(crate) g: u64,
    /// The id of its name.
    pub(crate) name: u64,
}

/// Notes about regions are kept for so many of them.
const MAX_MISUSED: usize = 64;

#[derive(Default)]
struct State {
    /// The first Gomaxprocs was seen: what was there before has been told.
    begun: bool,
    /// Goroutines that were there, and of which nothing else is known yet.
    unknown: HashSet<u64>,
    procs: Procs<bool>,
    /// The thread of each P.
    threads: Procs<Option<u64>>,
    tasks: HashMap<u64, (StrId, u64)>,
    stop: Option<StrId>,
}

impl<'a, L: Default + Clone, S: Sink<Local = L>> Converter<'a, L, S> {
    pub(crate) fn new(
        generation: &'a Generation,
        tables: &'a Tables,
        sink: &'a mut S,
        gos: &'a mut Living<Go<L>>,
        clock: &'a mut Bump,
    ) -> Self {
        let (state, checker, odd) = (State::default(), Checker::default(), Odd::default());
        Converter { generation, tables, sink, gos, clock, state, checker, odd }
    }

    /// Gives all events to the sink, as long as they fit together.
    pub(crate) fn run(mut self, trace: &Trace) -> Result<Odd, Bad> {
        let mut merge = Merge::new(trace, Wire::of(self.generation))?;
        let mut exits = trace.exits.iter();
        let first_time = |exits: &std::slice::Iter<'_, Exit>| {
            exits.as_slice().first().map_or(i64::MAX, |exit| exit.ticks)
        };
        let mut next_exit = first_time(&exits);
        let mut start = None;
        while let Some(next) = merge.next()? {
            let event = merge.event(next.proc);
            while event.ticks >= next_exit
                && let Some(exit) = exits.as_slice().first()
                && exit.is_before(event)
            {
                exits.next();
                let ns = since(*start.get_or_insert(exit.ticks), exit.ticks, trace.ns);
                self.returns(exit.g, ns);
                next_exit = first_time(&exits);
            }
            if self.checker.check(event)? && self.odd.misused.len() < MAX_MISUSED {
                let (at, g, name) = (event.at, event.g, event.args()[2]);
                self.odd.misused.push(Misuse { at, g, name });
            }
            if event.typ == ev::GO_SYS_EXIT && Exit::moves(event.ticks, event.args()[2] as i64) {
                continue;
            }
            let ns = since(*start.get_or_insert(event.ticks), event.ticks, trace.ns);
            self.event(trace, &merge, event, &next, ns)?;
        }
        for exit in exits {
            let ns = since(*start.get_or_insert(exit.ticks), exit.ticks, trace.ns);
            self.returns(exit.g, ns);
        }
        Ok(self.odd)
    }

    /// A goroutine is back from a system call that blocked.
    fn returns(&mut self, g: u64, ns: i64) {
        let at = self.at_p(g, fake_p::SYSCALLS);
        self.go_rarely(at, ns, change(g, GoState::Syscall, GoState::Runnable));
    }

    #[inline(always)]
    fn call(&mut self, event: &Event, blocks: bool, ns: i64) {
        let stack = self.stack(event.stack());
        let call = change(event.g, GoState::Running, GoState::Syscall);
        let call = GoEvent { stack, own: stack, ..call };
        if blocks {
            return self.go_rarely(self.at(event), ns, call);
        }
        let at = self.raw_at(event);
        self.go(at, ns, call);
        let back = change(event.g, GoState::Syscall, GoState::Running);
        self.go(at, ns.wrapping_add(1), back);
    }

    #[inline(always)]
    fn wake(&mut self, trace: &Trace, event: &Event, from_network: bool, ns: i64) {
        let p = match from_network {
            true => fake_p::NETPOLL,
            false if trace.timers.contains(&event.g) => fake_p::TIMERS,
            false => event.p,
        };
        let at = self.at_p(event.g, p);
        let stack = self.stack(event.stack());
        let wake = change(event.args()[0], GoState::Waiting, GoState::Runnable);
        self.go(at, ns, GoEvent { stack, ..wake });
    }

    #[inline(always)]
    fn event(
        &mut self,
        trace: &Trace,
        merge: &Merge<'_>,
        event: &Event,
        next: &Next,
        ns: i64,
    ) -> Result<(), Bad> {
        let [a0, a1, a2] = event.args();
        let at = self.at(event);
        match event.typ {
            ev::GOMAXPROCS => {
                let stack = self.stack(event.stack());
                if !std::mem::replace(&mut self.state.begun, true) {
                    self.sink.gomaxprocs(self.clock.now(), a0);
                    return self.rest_of_goroutines(ns);
                }
                let at = self.stamp(at, ns);
                self.sink.metric(&at, Metric::GoMaxProcs, a0, stack);
            }
            ev::PROC_START => {
                *self.state.threads.entry(event.p) = Some(a0);
                let at = self.stamp(self.at(event), ns);
                self.proc(&at, event.p, ProcState::Running);
            }
            ev::PROC_STOP => {
                let at = self.stamp(at, ns);
                self.proc(&at, event.p, ProcState::Idle);
                *self.state.threads.entry(event.p) = None;
            }
            ev::GC_START | ev::GC_DONE => {
                let p = if event.typ == ev::GC_START { fake_p::GC } else { event.p };
                let at = self.stamp(self.at_p(event.g, p), ns);
                self.range(&at, event, ev::GC_START, RangeKind::GcMark, RangeScope::Global);
            }
            ev::STW_START | ev::STW_DONE => {
                if event.typ == ev::STW_START {
                    let last = trace.stops.len() - 1;
                    let kind = usize::try_from(a0).map_or(last, |kind| kind.min(last));
                    self.state.stop = Some(trace.stops[kind]);
                }
                let at = self.stamp(at, ns);
                let kind = RangeKind::StopTheWorld(self.state.stop.unwrap_or(StrId::NONE));
                self.range(&at, event, ev::STW_START, kind, RangeScope::Go(at.g));
            }
            ev::GC_SWEEP_START | ev::GC_SWEEP_DONE => {
                let at = self.stamp(at, ns);
                let scope = RangeScope::Proc(at.p);
                self.range(&at, event, ev::GC_SWEEP_START, RangeKind::GcSweep, scope);
            }
            ev::GC_MARK_ASSIST_START | ev::GC_MARK_ASSIST_DONE => {
                let at = self.stamp(at, ns);
                let scope = RangeScope::Go(at.g);
                let begins = ev::GC_MARK_ASSIST_START;
                self.range(&at, event, begins, RangeKind::GcMarkAssist, scope);
            }
            ev::GO_CREATE if !self.state.begun => {
                self.stack(event.stack());
                self.state.unknown.insert(a0);
            }
            ev::GO_CREATE => {
                let mut create = change(a0, GoState::NotExist, GoState::Runnable);
                create.stack = self.stack(event.stack());
                create.own =
                    self.generation.stack_row(u64::from(a1 as u32)).unwrap_or(StackRow::NONE);
                self.go_rarely(at, ns, create);
            }
            ev::GO_SYS_CALL => self.call(event, merge.blocks(next.proc)?, ns),
            ev::GO_UNBLOCK | ev::GO_UNBLOCK_LOCAL => {
                self.wake(trace, event, next.from_network, ns);
            }
            ev::GO_SYS_EXIT => self.returns(event.g, ns),
            ev::GO_START | ev::GO_START_LOCAL if !self.state.begun => {
                self.status(at, ns, a0, GoState::Running);
            }
            ev::GO_START | ev::GO_START_LOCAL => {
                self.go(at, ns, change(a0, GoState::Runnable, GoState::Running))
            }
            ev::GO_START_LABEL => {
                let at = self.raw_at(event);
                self.go_rarely(at, ns, change(a0, GoState::Runnable, GoState::Running));
                let label = self.string(a2);
                let at = self.stamp(at, ns);
                self.sink.label(&at, label);
            }
            ev::GO_END => {
                self.go_rarely(at, ns, change(event.g, GoState::Running, GoState::NotExist));
            }
            // The first is told with the call; the other one says what no later version does.
            ev::GO_SYS_BLOCK | ev::FUTILE_WAKEUP => {}
            ev::GO_WAITING => self.status(at, ns, a0, GoState::Waiting),
            ev::GO_IN_SYSCALL => self.status(at, ns, a0, GoState::Syscall),
            ev::HEAP_ALLOC | ev::HEAP_GOAL => {
                let metric = match event.typ {
                    ev::HEAP_ALLOC => Metric::HeapAlloc,
                    _ => Metric::HeapGoal,
                };
                let at = self.stamp(at, ns);
                self.sink.metric(&at, metric, a0, StackRow::NONE);
            }
            ev::USER_TASK_CREATE | ev::USER_TASK_END | ev::USER_REGION | ev::USER_LOG => {
                self.user(event, ns)?;
            }
            ev::CPU_SAMPLE => {
                let at = At { m: ThreadId::NONE, ..at };
                let at = self.stamp(at, ns);
                let stack = self.stack(event.stack());
                self.sink.sample(&at, stack);
            }
            typ => {
                if spec::block_reason(typ).is_none() {
                    return Ok(());
                }
                let stack = self.stack(event.stack());
                let reason = trace.reasons[usize::from(typ)];
                let stop = |to| {
                    let stop = change(event.g, GoState::Running, to);
                    GoEvent { reason, stack, own: stack, ..stop }
                };
                if matches!(typ, ev::GO_SCHED | ev::GO_PREEMPT) {
                    self.go_rarely(at, ns, stop(GoState::Runnable));
                } else {
                    self.go(at, ns, stop(GoState::Waiting));
                }
            }
        }
        Ok(())
    }

    /// What programs write themselves.
    fn user(&mut self, event: &Event, ns: i64) -> Result<(), Bad> {
        let [a0, a1, a2] = event.args();
        let at = self.stamp(self.at(event), ns);
        let stack = self.stack(event.stack());
        let id = TaskId(a0);
        match event.typ {
            ev::USER_TASK_CREATE => {
                let name = self.string(a2);
                self.state.tasks.insert(a0, (name, a1));
                let parent = if a1 == 0 { TaskId::NONE } else { TaskId(a1) };
                self.sink.task(&at, &Task { id, begins: true, parent, name }, stack);
            }
            ev::USER_TASK_END => {
                // Here 0 stays 0, as in Go's converter.
                let task = self.state.tasks.remove(&a0);
                let (name, parent) = task.unwrap_or((StrId::NONE, TaskId::NONE.0));
                let parent = TaskId(parent);
                self.sink.task(&at, &Task { id, begins: false, parent, name }, stack);
            }
            ev::USER_REGION => {
                let name = self.string(a2);
                self.sink.region(&at, &Region { task: id, begins: a1 == 0, name }, stack);
            }
            _ => {
                let bytes = Wire::of(self.generation).bytes;
                let raw = super::parse::Raw::read(bytes, event.at as usize, crate::Version(21))?;
                let text = String::from_utf8_lossy(raw.text);
                let message = self.tables.find(&text).unwrap_or(StrId::NONE);
                let category = self.string(a1);
                self.sink.log(&at, &Log { task: id, category, message }, stack);
            }
        }
        Ok(())
    }

    /// The goroutines that were there and neither waited nor ran: they were able to run.
    fn rest_of_goroutines(&mut self, ns: i64) -> Result<(), Bad> {
        // Go's converter leaves their order to chance.
        let mut rest: Vec<u64> = self.state.unknown.drain().collect();
        rest.sort_unstable();
        let at = At { t: Nanos(0), g: GoId::NONE, p: ProcId::NONE, m: ThreadId::NONE };
        for g in rest {
            self.go_rarely(at, ns, change(g, GoState::Undetermined, GoState::Runnable));
        }
        Ok(())
    }

    fn status(&mut self, at: At, ns: i64, g: u64, state: GoState) {
        self.state.unknown.remove(&g);
        self.go_rarely(at, ns, change(g, GoState::Undetermined, state));
    }

    /// The same for an event that is rare: `go` is compiled anew for each place that it is called from, so that
    /// the states which that knows cost nothing.
    #[inline(never)]
    fn go_rarely(&mut self, at: At, ns: i64, event: GoEvent) {
        self.go(at, ns, event);
    }

    #[inline(always)]
    fn go(&mut self, at: At, ns: i64, event: GoEvent) {
        let at = self.stamp(at, ns);
        let mut row = self.gos.find(event.g);
        if row == Row::NONE {
            row = self.gos.insert_new(event.g);
        }
        if let Some(go) = self.gos.get(row, event.g) {
            self.sink.go(&at, &event, &mut go.local);
            if event.to == GoState::NotExist {
                self.gos.remove(row);
            }
        }
    }

    fn proc(&mut self, at: &At, p: i32, to: ProcState) {
        let from = match to {
            _ if !std::mem::replace(self.state.procs.entry(p), true) => ProcState::Undetermined,
            ProcState::Running => ProcState::Idle,
            _ => ProcState::Running,
        };
        self.sink.proc(at, &ProcEvent { p: proc_id(p), from, to });
    }

    fn range(&mut self, at: &At, event: &Event, begins: u8, kind: RangeKind, scope: RangeScope) {
        let (phase, stack) = if event.typ == begins {
            (RangePhase::Begin, self.stack(event.stack()))
        } else {
            (RangePhase::End, StackRow::NONE)
        };
        self.sink.range(at, &RangeEvent { phase, kind, scope, stack });
    }

    /// Where an event was made; its time comes with [`Converter::stamp`].
    #[inline(always)]
    fn at(&self, event: &Event) -> At {
        self.at_p(event.g, event.p)
    }

    /// The same on another P.
    #[inline(always)]
    fn at_p(&self, g: u64, p: i32) -> At {
        let g = if g == 0 { GoId::NONE } else { GoId(g) };
        At { t: Nanos(0), g, p: proc_id(p), m: self.thread(p) }
    }

    /// The thread of a P.
    #[inline(always)]
    fn thread(&self, p: i32) -> ThreadId {
        match self.state.threads.get(p) {
            Some(&Some(m)) if p != -1 => ThreadId(m),
            _ => ThreadId::NONE,
        }
    }

    /// The same for two events where Go's converter takes what there is: thread 0 for none.
    fn raw_at(&self, event: &Event) -> At {
        let m = self.state.threads.get(event.p).copied().flatten().unwrap_or(0);
        At { t: Nanos(0), g: GoId(event.g), p: proc_id(event.p), m: ThreadId(m) }
    }

    fn stamp(&mut self, at: At, ns: i64) -> At {
        At { t: self.clock.stamp(ns), ..at }
    }

    /// The row of the stack that an event names, and that is to be counted if the file lacks it.
    #[inline(always)]
    fn stack(&mut self, id: u32) -> StackRow {
        let row = self.generation.stack_row(u64::from(id));
        row.unwrap_or_else(|| {
            self.odd.nameless += 1;
            StackRow::NONE
        })
    }

    fn string(&self, id: u64) -> StrId {
        self.generation.string(id).unwrap_or(StrId::NONE)
    }
}

/// Nanoseconds from `start` on, where a tick has `tick` of them.
#[inline(always)]
fn since(start: i64, ticks: i64, tick: f64) -> i64 {
    (ticks.wrapping_sub(start) as f64 * tick) as i64
}

#[inline(always)]
fn change(g: u64, from: GoState, to: GoState) -> GoEvent {
    let (reason, none) = (StrId::NONE, StackRow::NONE);
    GoEvent { g: GoId(g), from, to, reason, stack: none, own: none }
}

fn proc_id(p: i32) -> ProcId {
    ProcId(i64::from(p) as u64)
}
