//! What a line waits for, in the words that a person reads.
//!
//! The runtime's reasons are too coarse for a line: "sync" is a mutex, a wait group, or the
//! collector, and the frames above the line tell which.

use exectrace::{FrameId, RangeKind, StackId, StrId};

use crate::Analysis;
use crate::causes::Cause;
use crate::figures::Slot;
use crate::figures::SlotId;

/// What the time of a line was spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mutex, a read-write mutex, a `sync.Once`, a file's own lock.
    Lock,
    /// A `sync.WaitGroup`.
    Group,
    /// A `sync.Cond`.
    Cond,
    /// A channel or a select.
    Chan,
    /// The network.
    Net,
    /// `time.Sleep`.
    Sleep,
    /// The garbage collector.
    Gc,
    /// Any other reason, in the runtime's words.
    Other(StrId),
    /// Blocked since before the trace: the reason is not in the file.
    BeforeTrace,
    /// A system call, or C code.
    Syscall,
    /// Able to run, without a P.
    Runnable,
    /// Helping the collector to mark.
    Assist,
    /// Sweeping so that memory can be had.
    Sweep,
    /// Stopping the world.
    Stw,
    /// The recorder itself.
    Recording,
}

impl Kind {
    /// The word at a line's end.
    pub fn label(self, analysis: &Analysis) -> &str {
        match self {
            Kind::Lock => "lock",
            Kind::Group => "group",
            Kind::Cond => "cond",
            Kind::Chan => "chan",
            Kind::Net => "net",
            Kind::Sleep => "sleep",
            Kind::Gc => "gc",
            Kind::Other(reason) => analysis.str(reason),
            Kind::BeforeTrace => "waiting",
            Kind::Syscall => "syscall",
            Kind::Runnable => "runnable",
            Kind::Assist => "assist",
            Kind::Sweep => "sweep",
            Kind::Stw => "stw",
            Kind::Recording => "recording",
        }
    }

    /// The words where there is room for them.
    pub fn words(self, analysis: &Analysis) -> &str {
        match self {
            Kind::BeforeTrace => "since before the trace",
            Kind::Recording => "the recorder itself",
            Kind::Group => "wait group",
            Kind::Assist => "gc assist",
            Kind::Sweep => "gc sweep",
            Kind::Stw => "stop the world",
            _ => self.label(analysis),
        }
    }

    /// Whether the goroutine was blocked: what "waiting" counts.
    pub fn is_wait(self) -> bool {
        !matches!(
            self,
            Kind::Syscall
                | Kind::Runnable
                | Kind::Assist
                | Kind::Sweep
                | Kind::Stw
                | Kind::Recording
        )
    }

    /// Whether it counts among what a program's lines cost: the recorder is none of the program's.
    pub fn is_ranked(self) -> bool {
        self != Kind::Recording
    }

    /// Whether blame tells what its waits were for. A call and an assist are what they are; and who waits for the
    /// collector does not wait for the line that ran on its behalf.
    pub fn is_blamed(self) -> bool {
        !matches!(self, Kind::Syscall | Kind::Assist | Kind::Gc)
    }
}

/// The kind of a slot whose figures stand on the frame `user` of its stack (leaf first). `None`:
/// it is not shown at a line, because another slot tells the same time better.
pub fn kind_of(analysis: &Analysis, slot: &Slot, user: usize) -> Option<Kind> {
    let cause = analysis.causes.cause(slot.cause);
    let above = analysis.stack(slot.stack).get(..user).unwrap_or_default();
    let funcs = || above.iter().map(|&f| analysis.str(analysis.tables.frame(f).func));
    if (cause.is_wait() || cause == Cause::Syscall) && funcs().any(is_recorder) {
        return Some(Kind::Recording);
    }
    Some(match cause {
        Cause::Net => Kind::Net,
        Cause::Sleep => Kind::Sleep,
        // Before Go 1.23 it waits for them in a system call.
        Cause::Syscall if funcs().any(starts_workers) => Kind::Gc,
        Cause::Syscall => Kind::Syscall,
        // Woken or preempted: on the line that waited. New: on the `go` statement.
        Cause::SchedOwn if !slot.early => Kind::Runnable,
        Cause::Sched if slot.early => Kind::Runnable,
        Cause::Sync(reason) => match analysis.str(reason) {
            "sync" => sync_kind(funcs()),
            "sync.(*Cond).Wait" => Kind::Cond,
            _ if funcs().any(starts_workers) => Kind::Gc,
            _ => Kind::Chan,
        },
        Cause::Wait(reason) => match analysis.str(reason) {
            "" => Kind::BeforeTrace,
            "preempted" | "wait until GC ends" => Kind::Gc, // a scan of the goroutine's stack
            text if text.starts_with("GC ") => Kind::Gc,
            _ => Kind::Other(reason),
        },
        Cause::Range(RangeKind::GcMarkAssist) => Kind::Assist,
        Cause::Range(RangeKind::GcSweep) => Kind::Sweep,
        Cause::Range(RangeKind::StopTheWorld(_)) => Kind::Stw,
        Cause::Range(RangeKind::GcMark)
        | Cause::SchedOwn
        | Cause::Sched
        | Cause::Preempted
        | Cause::Running
        | Cause::Create
        | Cause::CpuSample => return None,
    })
}

/// What "sync" is, by the functions between the runtime and the line, leaf first.
fn sync_kind<'a>(funcs: impl Iterator<Item = &'a str> + Clone) -> Kind {
    if is_the_runtimes(funcs.clone()) {
        return Kind::Gc;
    }
    for func in funcs {
        match func.split('.').nth(1) {
            Some("(*WaitGroup)") if func.starts_with("sync.") => return Kind::Group,
            Some("(*Cond)") if func.starts_with("sync.") => return Kind::Cond,
            _ => {}
        }
    }
    Kind::Lock
}

/// Whether a wait for a semaphore is for one of the runtime's own, which the collector has: something of
/// the runtime that allocates or collects waits, not a lock. There is no mutex on such a line.
pub(crate) fn is_the_runtimes<'a>(funcs: impl Iterator<Item = &'a str>) -> bool {
    let mut of_runtime = funcs.map_while(|func| func.strip_prefix("runtime."));
    // How anybody comes to stand at a semaphore.
    let is_way =
        |name: &str| ["sem", "gopark", "notifyListWait"].iter().any(|w| name.starts_with(w));
    of_runtime.any(|name| !is_way(name))
}

/// Whether a function starts the collector's workers, for whoever's allocation begins the first cycle: it
/// waits until each runs, by a note or a channel of the runtime's own.
pub(crate) fn starts_workers(func: &str) -> bool {
    func == "runtime.gcBgMarkStartWorkers"
}

/// Where the waits of some slots begin.
pub(crate) fn stacks_of(analysis: &Analysis, slots: &[SlotId]) -> Vec<StackId> {
    slots.iter().filter_map(|slot| Some(analysis.slots.get(slot.0 as usize)?.stack)).collect()
}

/// Whether all system calls that begin at some stacks are calls into C: cgo's function stands on top, below
/// what the runtime does for it.
pub(crate) fn are_in_c(analysis: &Analysis, stacks: &[StackId]) -> bool {
    let func = |frame: FrameId| analysis.str(analysis.tables.frame(frame).func);
    let is_in_c = |&stack: &StackId| {
        let mut funcs = analysis.stack(stack).iter().map(|&frame| func(frame));
        let top = funcs.find(|func| !func.starts_with("runtime."));
        top.is_some_and(|func| func.contains("._Cfunc_"))
    };
    !stacks.is_empty() && stacks.iter().all(is_in_c)
}

fn is_recorder(func: &str) -> bool {
    matches!(func, "runtime/trace.Start" | "runtime/trace.Stop" | "net/http/pprof.Trace")
        || func.starts_with("runtime/trace.(*FlightRecorder).")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_by_the_frames_above() {
        let kind = |funcs: &[&str]| sync_kind(funcs.iter().copied());
        assert_eq!(kind(&["runtime.semacquire", "sync.runtime_SemacquireMutex"]), Kind::Lock);
        assert_eq!(kind(&["sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow"]), Kind::Lock);
        assert_eq!(kind(&["sync.runtime_SemacquireRWMutexR", "sync.(*RWMutex).RLock"]), Kind::Lock);
        assert_eq!(
            kind(&["sync.runtime_SemacquireWaitGroup", "sync.(*WaitGroup).Wait"]),
            Kind::Group
        );
        assert_eq!(
            kind(&["internal/poll.runtime_Semacquire", "internal/poll.(*fdMutex).rwlock"]),
            Kind::Lock
        );
        assert_eq!(kind(&["runtime.gcStart", "runtime.mallocgc"]), Kind::Gc);
        let called = ["runtime.gcMarkDone", "runtime.mallocgc", "fmt.newPrinter", "fmt.Sprint"];
        assert_eq!(kind(&called), Kind::Gc);
        let locked = ["runtime.gcMarkDone", "runtime.mallocgc", "sync.(*Map).Store"];
        assert_eq!(kind(&locked), Kind::Gc);
    }
}
