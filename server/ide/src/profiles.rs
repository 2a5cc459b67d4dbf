//! Profiles by stack, as `go tool trace -pprof=TYPE` gives them, and those that it lacks.
//!
//! Go's four leave out what was still under way at the trace's end, and what came before a
//! goroutine first ran. Ours beyond them leave out nothing but, unless asked, the former.

use exectrace::{Frame, FrameId, StackId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::scope::{Doing, Scope, spans};
use crate::stays::Stays;
use crate::summary::Summary;
use crate::values::Values;

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
    /// Running, on the stack at which each run ended; none where the goroutine ended then.
    Running,
    /// Samples of the CPU profiler: numbers without times.
    Cpu,
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
            Profile::Running => cause == Cause::Running,
            Profile::Cpu => cause == Cause::CpuSample,
        }
    }
}

/// A stack and what was spent there.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Leaf first; none where there is no stack.
    pub frames: Vec<FrameId>,
    /// What was spent.
    pub spent: Spent,
}

/// Spans together. Times are in nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    /// How many spans.
    pub n: u64,
    /// Their time together.
    pub ns: i64,
    /// The longest; 0 where nothing has a length.
    pub max: i64,
    /// The lengths of those that ended; in a part of a trace of all, as far as they lie in it.
    pub values: Values,
}

impl Spent {
    /// Adds one span.
    fn add(&mut self, ns: i64) {
        self.n += 1;
        self.ns = self.ns.saturating_add(ns);
        self.max = self.max.max(ns);
        self.values.add(ns);
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Spent) {
        self.n += other.n;
        self.ns = self.ns.saturating_add(other.ns);
        self.max = self.max.max(other.max);
        self.values.merge(&other.values);
    }

    /// The mean length; 0 of none.
    pub fn mean(&self) -> i64 {
        if self.n == 0 { 0 } else { (i128::from(self.ns) / i128::from(self.n)) as i64 }
    }
}

/// A profile's samples, the dearest first. `open` counts spans still under way at the end too.
pub fn profile(analysis: &Analysis, profile: Profile, open: bool) -> Vec<Sample> {
    let mut samples = Samples::default();
    for slot in &analysis.slots {
        if !profile.counts(analysis.causes.cause(slot.cause))
            || (profile.is_go() && slot.early && !open)
        {
            continue;
        }
        let mut spent = Spent::default();
        if !(profile.is_go() && slot.early) {
            (spent.n, spent.ns) = (slot.n, slot.ns);
            spent.max = slot.worst.ns.max(0);
            spent.values = slot.values.clone();
        }
        if open {
            spent.n += slot.open_n;
            spent.ns = spent.ns.saturating_add(slot.open_ns);
            spent.max = spent.max.max(slot.cut_worst.ns);
            if !profile.is_go() {
                spent.ns = spent.ns.saturating_add(slot.pre_ns);
            }
        }
        if spent.n > 0 {
            samples.add(analysis, slot.stack, &spent);
        }
    }
    samples.dearest_first()
}

/// The same of a part of a trace; `samples` are the CPU profiler's. Spans are cut to that part, and
/// one that was under way when the trace began counts from there on.
pub fn profile_in(
    analysis: &Analysis,
    stays: &Stays,
    summary: &Summary,
    scope: &Scope,
    profile: Profile,
    open: bool,
) -> Vec<Sample> {
    let mut sums: HashMap<StackId, Spent> = HashMap::new();
    let mut add = |stack: StackId, ns: i64| sums.entry(stack).or_default().add(ns);
    let slot_of = |slot: SlotId| analysis.slots.get(slot.0 as usize);
    match profile {
        Profile::Cpu => {
            for &(t, g, stack) in &summary.samples {
                if scope.inside(g, t.0, t.0 + 1) > 0 {
                    add(stack, 0);
                }
            }
        }
        Profile::Assist => {
            for range in stays.ranges.iter().filter(|r| open || !r.open) {
                let Some(slot) = slot_of(range.slot) else { continue };
                let ns = scope.inside(range.g, range.start.0, range.end.0);
                if ns > 0 && profile.counts(analysis.causes.cause(slot.cause)) {
                    add(slot.stack, ns);
                }
            }
        }
        _ => spans(analysis, stays, scope, &mut |span, ns| {
            let left_out = profile.is_go() && span.early && !open;
            if (span.open && !open) || left_out {
                return;
            }
            let stack = match span.doing {
                Doing::Run(stack) if profile == Profile::Running => Some(stack),
                Doing::Run(_) => None,
                Doing::Runnable { by, .. } if profile == Profile::Sched => Some(by),
                Doing::Runnable { own, .. } if profile.counts(Cause::SchedOwn) => Some(own),
                Doing::Runnable { .. } => None,
                Doing::Wait(slot) | Doing::Syscall(slot) => slot_of(slot)
                    .filter(|slot| profile.counts(analysis.causes.cause(slot.cause)))
                    .map(|slot| slot.stack),
            };
            if let Some(stack) = stack {
                add(stack, ns);
            }
        }),
    }
    let mut samples = Samples::default();
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_unstable_by_key(|(stack, _)| *stack);
    for (stack, spent) in sums {
        samples.add(analysis, stack, &spent);
    }
    samples.dearest_first()
}

/// Samples by stack. Go's tool takes stacks with the same program counters for the same.
#[derive(Default)]
struct Samples {
    list: Vec<Sample>,
    rows: HashMap<Vec<u64>, usize>,
}

impl Samples {
    fn add(&mut self, analysis: &Analysis, stack: StackId, spent: &Spent) {
        let is_frame = |&f: &FrameId| !is_no_frame(analysis.tables.frame(f));
        let frames: Vec<FrameId> = analysis.stack(stack).iter().copied().filter(is_frame).collect();
        let pcs = frames.iter().map(|&f| analysis.tables.frame(f).pc).collect();
        let row = *self.rows.entry(pcs).or_insert_with(|| {
            self.list.push(Sample { frames, spent: Spent::default() });
            self.list.len() - 1
        });
        self.list[row].spent.merge(spent);
    }

    fn dearest_first(self) -> Vec<Sample> {
        let mut list = self.list;
        let weight = |sample: &Sample| std::cmp::Reverse((sample.spent.ns, sample.spent.n));
        list.sort_by(|a, b| weight(a).cmp(&weight(b)).then_with(|| a.frames.cmp(&b.frames)));
        list
    }
}

/// A flame graph: who called whom, by the line of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flame {
    /// The frame; `None` for the root, which is all.
    pub frame: Option<FrameId>,
    /// How many spans are in it and below.
    pub n: u64,
    /// Their time, in nanoseconds.
    pub ns: i64,
    /// What it called, the dearest first.
    pub children: Vec<Flame>,
    /// How many of those are left out, being too small; their time is in `ns`.
    pub left_out: u64,
}

/// The deepest that a flame graph goes; what is deeper is counted where it is cut.
const DEEPEST: usize = 256;

/// The flame graph of some samples, with its outermost functions at the root. Frames that have less
/// than `least` of the weight of all are left out. The weight is the time, and without any the number.
pub fn flame(analysis: &Analysis, samples: &[Sample], least: f64) -> Flame {
    let by_time = samples.iter().any(|s| s.spent.ns > 0);
    let weight = |n: u64, ns: i64| if by_time { ns as f64 } else { n as f64 };
    // Frames of one line in one function are one, whatever their program counters.
    let mut rows: HashMap<(usize, exectrace::StrId, exectrace::StrId, u32), usize> = HashMap::new();
    let mut nodes: Vec<(usize, Flame)> = vec![(0, Flame::default())];
    for sample in samples {
        let count = |flame: &mut Flame| {
            flame.n += sample.spent.n;
            flame.ns = flame.ns.saturating_add(sample.spent.ns);
        };
        let mut at = 0;
        count(&mut nodes[0].1);
        for &frame in sample.frames.iter().rev().take(DEEPEST) {
            let Frame { func, file, line, .. } = analysis.tables.frame(frame);
            at = *rows.entry((at, func, file, line)).or_insert_with(|| {
                nodes.push((at, Flame { frame: Some(frame), ..Flame::default() }));
                nodes.len() - 1
            });
            count(&mut nodes[at].1);
        }
    }
    let all = weight(nodes[0].1.n, nodes[0].1.ns);
    // Children come behind their parents: taken from the last to the first, each is whole.
    let mut root = Flame::default();
    while let Some((parent, mut flame)) = nodes.pop() {
        flame
            .children
            .sort_by(|a, b| (b.ns, b.n).cmp(&(a.ns, a.n)).then_with(|| a.frame.cmp(&b.frame)));
        match nodes.get_mut(parent) {
            Some((_, parent)) if weight(flame.n, flame.ns) >= least * all => {
                parent.children.push(flame);
            }
            Some((_, parent)) => parent.left_out += 1,
            None => root = flame,
        }
    }
    root
}

/// Some versions of Go write one nameless frame for "no stack".
fn is_no_frame(frame: Frame) -> bool {
    frame.pc == 0 && !frame.func.is_some()
}
