//! What a pass over a trace sees: events in order, one method for each kind.
//!
//! The trait is generic and its methods are inlined into the decoder, so an unused kind costs
//! nothing. Both wire formats speak it: v1 traces lack some of what is here (threads of goroutines
//! in system calls, stacks on statuses), and then those fields are `NONE`.

use serde::{Deserialize, Serialize};

use crate::{
    GoId, Nanos, ProcId, StackRow, StrId, Tables, TaskId, ThreadId, v2::generation::Generation,
};

/// When and where an event was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// When: later than the event before, by at least 1 ns.
    pub t: Nanos,
    /// The goroutine that ran there, before the event.
    pub g: GoId,
    /// The P that the thread had, before the event.
    pub p: ProcId,
    /// The thread.
    pub m: ThreadId,
}

/// The state of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GoState {
    /// It was there when the trace began; nothing is known yet.
    Undetermined = 0,
    /// It is able to run and waits for a P.
    Runnable = 1,
    /// It runs.
    Running = 2,
    /// It is in a system call, or in C code.
    Syscall = 3,
    /// It is blocked, for a reason.
    Waiting = 4,
    /// Before its creation, after its end.
    NotExist = 5,
}

/// A goroutine goes from one state to another; or is named again in the same one, at a generation's
/// beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoEvent {
    /// Which.
    pub g: GoId,
    /// The state before.
    pub from: GoState,
    /// The state after.
    pub to: GoState,
    /// Why it stopped running, in the runtime's words; empty for all other changes.
    pub reason: StrId,
    /// The stack of the goroutine that made the event (`At::g`), at that moment.
    pub stack: StackRow,
    /// The stack of the goroutine that it is about, where the event tells it: where it stopped, or
    /// its first function when it is created.
    pub own: StackRow,
}

/// The state of a P.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProcState {
    /// It was there when the trace began; nothing is known yet.
    Undetermined,
    /// Some thread has it.
    Running,
    /// No thread has it.
    Idle,
    /// Before its first sight in a generation that is not the first.
    NotExist,
}

/// A P goes from one state to another, or is named again in the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcEvent {
    /// Which.
    pub p: ProcId,
    /// The state before.
    pub from: ProcState,
    /// The state after.
    pub to: ProcState,
}

/// What kind of range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RangeKind {
    /// The world is stopped, for the reason given in the runtime's words.
    StopTheWorld(StrId),
    /// The garbage collector marks, beside the program.
    GcMark,
    /// A P sweeps spans so that its goroutine may allocate.
    GcSweep,
    /// A goroutine helps to mark so that it may allocate.
    GcMarkAssist,
}

/// What a range belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeScope {
    /// The program.
    Global,
    /// A goroutine.
    Go(GoId),
    /// A P.
    Proc(ProcId),
}

/// Which end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangePhase {
    /// It begins.
    Begin,
    /// It was under way when the generation began.
    Active,
    /// It ends.
    End,
}

/// One end of a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeEvent {
    /// Which end.
    pub phase: RangePhase,
    /// What kind.
    pub kind: RangeKind,
    /// What it belongs to.
    pub scope: RangeScope,
    /// The stack at its beginning; `NONE` elsewhere.
    pub stack: StackRow,
}

/// A number that the runtime tells from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// GOMAXPROCS, in Ps.
    GoMaxProcs,
    /// The live heap, in bytes.
    HeapAlloc,
    /// The heap size at which the collector wants to be done, in bytes.
    HeapGoal,
}

/// One end of a user task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// Which.
    pub id: TaskId,
    /// Whether it begins here (else it ends).
    pub begins: bool,
    /// The task that it is part of; `NONE` for none, or if its beginning was not seen.
    pub parent: TaskId,
    /// Its type; empty at the end of one whose beginning was not seen.
    pub name: StrId,
}

/// One end of a user region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The task that it is part of; 0 is the background task.
    pub task: TaskId,
    /// Whether it begins here (else it ends).
    pub begins: bool,
    /// Its type.
    pub name: StrId,
}

/// A message of `runtime/trace.Log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The task that it is part of; 0 is the background task.
    pub task: TaskId,
    /// Its category.
    pub category: StrId,
    /// Its text.
    pub message: StrId,
}

/// Sees the events of a trace, in order.
#[allow(unused_variables)]
pub trait Sink {
    /// What this pass keeps for each living goroutine. It lies beside the decoder's own record, so
    /// that both cost one load.
    type Local: Default + Clone;

    /// A generation begins; `t` is the time of its Sync. Rows of stacks are those of `generation`
    /// from here on.
    fn generation(&mut self, t: Nanos, generation: &Generation, tables: &Tables) {}
    /// The last Sync: the trace's end, or the end of what could be read.
    fn end(&mut self, t: Nanos) {}
    /// A goroutine changes its state. `local` is what this pass keeps for it.
    #[inline(always)]
    fn go(&mut self, at: &At, event: &GoEvent, local: &mut Self::Local) {}
    /// A goroutine was there, in this state, when the generation began that is decoded ahead of the one
    /// before it ([`crate::Decoder::ahead`]).
    fn carried(&mut self, state: GoState, local: &mut Self::Local) {}
    /// A P changes its state.
    #[inline(always)]
    fn proc(&mut self, at: &At, event: &ProcEvent) {}
    /// A range of time begins, is under way, or ends.
    #[inline(always)]
    fn range(&mut self, at: &At, event: &RangeEvent) {}
    /// A sample of the CPU profiler. `at` is what the profiler saw.
    #[inline(always)]
    fn sample(&mut self, at: &At, stack: StackRow) {}
    /// A metric has a new value.
    #[inline(always)]
    fn metric(&mut self, at: &At, metric: Metric, value: u64, stack: StackRow) {}
    /// GOMAXPROCS as it was when the trace began, at the time of the last event: of a v1 trace, where Go's
    /// converter makes no event of that.
    #[inline(always)]
    fn gomaxprocs(&mut self, t: Nanos, n: u64) {}
    /// The running goroutine gets a label.
    #[inline(always)]
    fn label(&mut self, at: &At, label: StrId) {}
    /// A task begins or ends.
    #[inline(always)]
    fn task(&mut self, at: &At, task: &Task, stack: StackRow) {}
    /// A region begins or ends.
    #[inline(always)]
    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {}
    /// A message.
    #[inline(always)]
    fn log(&mut self, at: &At, log: &Log, stack: StackRow) {}
    /// An event of an experiment: its type's byte and its arguments.
    #[inline(always)]
    fn experimental(&mut self, at: &At, typ: u8, args: &[u64]) {}
}

/// Sees nothing: for measuring the decoder, and for checking a trace.
impl Sink for () {
    type Local = ();
}
