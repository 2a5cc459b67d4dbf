//! What is summed up: by stack and cause, and of the whole trace.

use exectrace::{GoId, Nanos, StackId};
use serde::{Deserialize, Serialize};

use super::SlotId;
use crate::causes::CauseId;
use crate::values::Values;

/// One instance of a span: whose, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The goroutine; `NONE` for ranges that belong to none.
    pub g: GoId,
    /// Its beginning.
    pub start: Nanos,
    /// Its length in nanoseconds.
    pub ns: i64,
}

/// What was summed up for one stack and one cause. Times are in nanoseconds.
// In this order: what a span changes stands together. The longest is between number and time, for these two
// side by side would be added as one wide number, which takes three times the steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[repr(C)]
pub struct Slot {
    /// Spans that ended.
    pub n: u64,
    /// The longest of them.
    pub worst: Instance,
    /// Their time together.
    pub ns: i64,
    /// The lengths of the spans that ended.
    pub values: Values,
    /// Spans still under way at the trace's end.
    pub open_n: u64,
    /// Their time up to there.
    pub open_ns: i64,
    /// The longest of those that an end of the trace cuts, with all of its time in the trace:
    /// still under way at the end, or under way when it began.
    pub cut_worst: Instance,
    /// Spans (of both kinds) that were under way when the trace began.
    pub pre_n: u64,
    /// The time from the trace's beginning to the status event that told of them: it is in
    /// neither `ns` nor `open_ns`.
    pub pre_ns: i64,
    /// What the spans were spent on.
    pub cause: CauseId,
    /// Of the event that began the span (for running: that ended it).
    pub stack: StackId,
    /// The spans came before their goroutine first ran in the trace. Go's profiles leave these out.
    pub early: bool,
    /// Where the one who ended the last wait stood, and a row of `Figures::wakers`.
    #[serde(skip, default = "no_last_waker")]
    pub(super) last_waker: (u32, u32),
}

fn no_last_waker() -> (u32, u32) {
    (0, u32::MAX)
}

const NOBODY: Instance = Instance { g: GoId::NONE, start: Nanos(0), ns: -1 };

impl Slot {
    /// Nothing summed up yet.
    pub(crate) fn new(cause: CauseId, stack: StackId, early: bool) -> Slot {
        Slot {
            n: 0,
            ns: 0,
            worst: NOBODY,
            open_n: 0,
            open_ns: 0,
            cut_worst: NOBODY,
            pre_n: 0,
            pre_ns: 0,
            values: Values::default(),
            cause,
            stack,
            early,
            last_waker: no_last_waker(),
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, g: GoId, start: Nanos, ns: i64) {
        self.n = self.n.wrapping_add(1);
        self.ns = self.ns.wrapping_add(ns);
        if ns > self.worst.ns {
            self.worst = Instance { g, start, ns };
        }
        self.values.add(ns);
    }

    /// Adds those of a later generation.
    pub(super) fn merge(&mut self, later: Slot) {
        self.n = self.n.wrapping_add(later.n);
        self.ns = self.ns.wrapping_add(later.ns);
        // Of the longest the one that ended first, as if they had come in turn.
        let ends = |worst: &Instance| std::cmp::Reverse(worst.start.0.wrapping_add(worst.ns));
        if (later.worst.ns, ends(&later.worst)) > (self.worst.ns, ends(&self.worst)) {
            self.worst = later.worst;
        }
        if self.values.is_empty() {
            self.values = later.values;
        } else {
            self.values.merge(&later.values);
        }
    }

    pub(crate) fn add_open(&mut self, g: GoId, start: Nanos, ns: i64, pre: Option<i64>) {
        self.open_n += 1;
        self.open_ns = self.open_ns.wrapping_add(ns);
        self.add_cut(g, start, ns, pre);
    }

    /// A span that an end of the trace cuts.
    pub(super) fn add_cut(&mut self, g: GoId, start: Nanos, ns: i64, pre: Option<i64>) {
        if let Some(pre) = pre {
            self.pre_n += 1;
            self.pre_ns = self.pre_ns.wrapping_add(pre);
        }
        let pre = pre.unwrap_or(0);
        let all = ns.wrapping_add(pre);
        if all > self.cut_worst.ns {
            self.cut_worst = Instance { g, start: Nanos(start.0.wrapping_sub(pre)), ns: all };
        }
    }
}

/// Who ended the waits of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waker {
    /// Whose waits.
    pub slot: SlotId,
    /// Where the waker stood. `None`: no goroutine ended it, but the network poller, a timer, the
    /// collector.
    pub stack: Option<StackId>,
    /// How many waits it ended.
    pub n: u64,
    /// How long they had been, together, in nanoseconds.
    pub ns: i64,
}

/// Counts that concern the whole trace.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Goroutines that were there at some time.
    pub goroutines: u64,
    /// Those among them that were created in the trace.
    pub created: u64,
    /// Goroutines alive at once, at most.
    pub max_alive: u64,
    /// GOMAXPROCS, as last told.
    pub gomaxprocs: u64,
    /// The largest live heap told, in bytes.
    pub heap_max: u64,
    /// Garbage collections that began.
    pub gcs: u64,
    /// When the trace ends.
    pub end: Nanos,
    /// Generations seen.
    pub generations: u32,
    pub(super) alive: u64,
}
