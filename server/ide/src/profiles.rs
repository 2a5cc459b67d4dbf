//! Profiles by stack, as `go tool trace -pprof=TYPE` gives them, and those that it lacks.
//!
//! Go's four leave out what was still under way at the trace's end, and what came before a
//! goroutine first ran. Ours beyond them leave out nothing but, unless asked, the former.

use exectrace::{Frame, FrameId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::causes::Cause;

/// Which spans a profile counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Blocked on the network.
    Net,
    /// Blocked on channels, selects and the `sync` package.
    Sync,
    /// In system calls.
    Syscall,
    /// Able to run and waiting for a P, on the stack of who made it so.
    Sched,
    /// Blocked, for any reason.
    Waits,
    /// Not on a P though alive: blocked, in system calls, or able to run.
    OffCpu,
    /// Able to run and waiting for a P, where the goroutine itself stands.
    SchedOwn,
    /// Helping the collector to mark, on the allocating line.
    Assist,
}

impl Profile {
    /// Whether Go's own tool has it.
    fn is_go(self) -> bool {
        matches!(self, Profile::Net | Profile::Sync | Profile::Syscall | Profile::Sched)
    }

    fn counts(self, cause: Cause) -> bool {
        match self {
            Profile::Net => cause == Cause::Net,
            Profile::Sync => matches!(cause, Cause::Sync(_)),
            Profile::Syscall => cause == Cause::Syscall,
            Profile::Sched => cause == Cause::Sched,
            Profile::Waits => cause.is_wait(),
            Profile::OffCpu => cause.is_wait() || matches!(cause, Cause::Syscall | Cause::SchedOwn),
            Profile::SchedOwn => cause == Cause::SchedOwn,
            Profile::Assist => {
                matches!(cause, Cause::Range(exectrace::RangeKind::GcMarkAssist))
            }
        }
    }
}

/// A stack and what was spent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Leaf first; none where there is no stack.
    pub frames: Vec<FrameId>,
    /// How many spans.
    pub n: u64,
    /// Their time together, in nanoseconds.
    pub ns: i64,
}

/// A profile's samples, the dearest first. `open` counts spans still under way at the end too.
pub fn profile(analysis: &Analysis, profile: Profile, open: bool) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    // Go's tool takes stacks with the same program counters for the same.
    let mut rows: HashMap<Vec<u64>, usize> = HashMap::new();
    for slot in &analysis.slots {
        if !profile.counts(analysis.causes.cause(slot.cause))
            || (profile.is_go() && slot.early && !open)
        {
            continue;
        }
        let (mut n, mut ns) =
            if profile.is_go() && slot.early { (0, 0) } else { (slot.n, slot.ns) };
        if open {
            n += slot.open_n;
            ns = ns.saturating_add(slot.open_ns);
            if !profile.is_go() {
                ns = ns.saturating_add(slot.pre_ns);
            }
        }
        if n == 0 {
            continue;
        }
        let frames: Vec<FrameId> = analysis
            .stack(slot.stack)
            .iter()
            .copied()
            .filter(|&f| !is_no_frame(analysis.tables.frame(f)))
            .collect();
        let pcs = frames.iter().map(|&f| analysis.tables.frame(f).pc).collect();
        let row = *rows.entry(pcs).or_insert_with(|| {
            samples.push(Sample { frames, n: 0, ns: 0 });
            samples.len() - 1
        });
        samples[row].n += n;
        samples[row].ns = samples[row].ns.saturating_add(ns);
    }
    samples.sort_by(|a, b| b.ns.cmp(&a.ns).then_with(|| a.frames.cmp(&b.frames)));
    samples
}

/// Some versions of Go write one nameless frame for "no stack".
fn is_no_frame(frame: Frame) -> bool {
    frame.pc == 0 && !frame.func.is_some()
}
