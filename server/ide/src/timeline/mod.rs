//! The whole trace as lanes over time: what a page draws.
//!
//! ```text
//! bytes --Builder--> Index (every span, its waker, its P; what Ps ran; ranges, tasks, counters)
//!                      |  sealed with the verdicts of a view: tones, sums, groups by creation
//!                      v
//! a window: lanes x pixels --tile--> rects         a slice, its neighbours --slices-->
//!                                                  its wakes --flows-->
//! ```
//!
//! The index is no part of a load: it is made when somebody first looks, of the same bytes. Rows of
//! strings, frames and stacks are those of the analysis. A window costs lanes x pixels, never events:
//! at each block of 32 spans stands what the lane came to so far.

use exectrace::{GoId, Nanos, ProcId, StackId, StrId, TaskId, ThreadId};

mod build;
mod cells;
mod class;
mod coded;
mod column;
mod counters;
mod density;
mod filing;
mod find;
mod flows;
mod gos;
mod groups;
mod guess;
mod joiner;
mod jumps;
mod lanes;
mod runs;
mod seal;
mod sink;
mod slices;
mod summary;
mod sums;
pub mod tile;
mod user;

#[cfg(test)]
mod tests;

pub use build::{Builder, Failed};
pub use cells::Window;
pub use class::{CLASSES, Class, Tone};
pub use column::Instants;
pub use counters::{Counter, Counts};
pub use find::{Found, Instances, Query};
pub use flows::{Flow, FlowKind, TaskFlow};
pub use gos::{Go, Gos};
pub use groups::{Group, Row, Sort};
pub use lanes::Span;
pub use runs::{Run, Runs};
pub use slices::{Meanwhile, Ref, Slice, SliceOf, line_of};
pub use summary::{CostlyLine, Inside, Sum};
pub use tile::{Key, LABEL_GO, LABEL_TEXT, LaneRects, MOST_LANES, MOST_WIDTH, Rect, TILE_BYTES};
pub use user::{RegionSpan, Regions, TaskSpan, Tasks};

use coded::Writer;
use counters::{Counters, Series};
use gos::ByNumber;
use lanes::{Lane, Spans};

use crate::verdicts::Verdict;

/// A goroutine of the index, by its row in [`Index::gos`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoRef(pub u32);

/// No goroutine.
pub const NO_GO: GoRef = GoRef(u32::MAX);

/// No P, or no thread, in the half of a word that holds it.
const NO_WHERE: u32 = 0xffff;

/// Why and where a span is: by [`Span::site`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// What it is.
    pub class: Class,
    /// The runtime's reason; empty for none.
    pub reason: StrId,
    /// Of a wait, a system call: where it began. Of running: where it ended. Of being runnable: where
    /// the waker stood, or the goroutine itself where nobody woke it.
    pub stack: StackId,
}

/// What one P did.
#[derive(Debug, Default)]
pub struct Proc {
    /// The goroutines it ran: [`Run::x`] is a row of [`Index::gos`].
    pub runs: Runs,
    /// System calls, sweeps and assists on it.
    pub beside: Runs,
}

/// A message of `runtime/trace.Log`.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// When.
    pub t: i64,
    /// Whose.
    pub go: GoRef,
    /// The task; 0 is none.
    pub task: TaskId,
    /// Its category.
    pub category: StrId,
    /// Its text.
    pub text: StrId,
    /// Where.
    pub stack: StackId,
}

/// A sample of the CPU profiler.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When.
    pub t: i64,
    /// Of whom.
    pub go: GoRef,
    /// On which P.
    pub p: ProcId,
    /// On which thread.
    pub m: ThreadId,
    /// Where.
    pub stack: StackId,
}

/// The index of a trace.
#[derive(Debug, Default)]
pub struct Index {
    /// All goroutines, in the order of their first sight.
    pub gos: Gos,
    /// Why and where spans are.
    pub sites: Vec<Site>,
    /// What each P did.
    pub procs: Vec<Proc>,
    /// When the collector marked: [`Run::x`] is a site.
    pub gc: Runs,
    /// When the world was stopped: [`Run::x`] is a site.
    pub stw: Runs,
    /// Who stopped it, by the row of [`Index::stw`].
    pub stw_by: Vec<GoRef>,
    /// User tasks.
    pub tasks: Tasks,
    /// User regions.
    pub regions: Regions,
    /// Messages in order.
    pub logs: Vec<Message>,
    /// Samples in order.
    pub samples: Vec<Sample>,
    /// Waits for the network that ended.
    pub net_wakes: Instants,
    /// Other waits that no goroutine ended.
    pub timer_wakes: Instants,
    /// System calls that ended without a P.
    pub syscall_exits: Instants,
    /// GOMAXPROCS, as last told.
    pub gomaxprocs: u64,
    /// The trace's end.
    pub end: i64,
    /// Goroutines by where they were created, the costliest first.
    pub groups: Vec<Group>,
    /// All goroutines as one group; there once the index is closed.
    all: Option<Group>,
    counters: Counters,
    heap: Series,
    goal: Series,
    ps: build::Dense,
    ms: build::Dense,
    spans: Spans,
    by_id: ByNumber,
    /// Of each 256 goroutines: the first birth and the last end.
    reach: Vec<(i64, i64)>,
    threads: std::sync::OnceLock<Vec<Runs>>,
}

impl Index {
    /// A goroutine by the runtime's number.
    pub fn find_go(&self, id: GoId) -> Option<GoRef> {
        self.by_id.find(id.0).map(GoRef)
    }

    /// A goroutine.
    pub fn go(&self, go: GoRef) -> Option<Go> {
        self.gos.get(go)
    }

    /// What a goroutine's time went to.
    pub fn time_of(&self, go: GoRef) -> TimeOf {
        let mut time = TimeOf::default();
        if let Some(lane) = self.lane_of(go) {
            lane.sums_up(|tone, ns| time.add(tone, ns));
        }
        time
    }

    /// How many spans there are.
    pub fn n_spans(&self) -> usize {
        self.spans.n
    }

    /// How many bytes the index takes, about.
    pub fn bytes(&self) -> usize {
        self.parts().iter().map(|part| part.1).sum()
    }

    /// What takes how many bytes of it, about.
    pub fn parts(&self) -> Vec<(&'static str, usize)> {
        let procs: usize = self.procs.iter().map(|p| p.runs.bytes() + p.beside.bytes()).sum();
        let threads: usize = self.threads.get().map_or(0, |t| t.iter().map(Runs::bytes).sum());
        let wakes = [&self.net_wakes, &self.timer_wakes, &self.syscall_exits];
        let mut parts = self.spans.parts();
        parts.extend([
            ("goroutines", self.gos.bytes()),
            ("goroutines by number", self.by_id.bytes()),
            ("what Ps ran", procs),
            ("what threads ran", threads),
            ("the collector", self.gc.bytes() + self.stw.bytes()),
            ("wakes", wakes.map(Instants::bytes).iter().sum()),
            ("tasks", self.tasks.bytes()),
            ("regions", self.regions.bytes()),
            ("messages", self.logs.capacity() * size_of::<Message>()),
            ("samples", self.samples.capacity() * size_of::<Sample>()),
            ("counters", self.counters.bytes() + self.heap.bytes() + self.goal.bytes()),
            ("groups", self.groups.iter().chain(&self.all).map(Group::bytes).sum()),
        ]);
        parts
    }

    /// The Ps, by number and row of [`Index::procs`].
    pub fn proc_ids(&self) -> Vec<(ProcId, u32)> {
        let mut ids: Vec<(ProcId, u32)> = (0..self.procs.len() as u32)
            .filter(|&p| {
                let lane = &self.procs[p as usize];
                !(lane.runs.is_empty() && lane.beside.is_empty())
            })
            .filter_map(|p| Some((build::proc_id(&self.ps, p)?, p)))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The row of a P.
    pub fn find_proc(&self, id: ProcId) -> Option<u32> {
        self.ps.find(id.0).filter(|&row| (row as usize) < self.procs.len())
    }

    /// The threads that were seen, in order.
    pub fn thread_ids(&self) -> Vec<ThreadId> {
        let n = self.ms.ids.len() as u32;
        let mut ids: Vec<ThreadId> = (0..n).filter_map(|m| build::thread_id(&self.ms, m)).collect();
        ids.sort_unstable();
        ids
    }

    /// What a thread did: [`Run::x`] is a row of [`Index::gos`]. Made when first asked for.
    pub fn thread(&self, id: ThreadId) -> Option<&Runs> {
        let row = self.ms.find(id.0)?;
        self.threads.get_or_init(|| self.make_threads()).get(row as usize)
    }

    fn make_threads(&self) -> Vec<Runs> {
        let mut found: Vec<Vec<(i64, i64, u8, u32)>> = vec![Vec::new(); self.ms.ids.len()];
        for go in self.gos.refs() {
            for span in self.lane_of(go).into_iter().flat_map(Lane::all) {
                let class = span.tone.class();
                if class.is_running() || class == Class::Syscall {
                    let m = (span.x >> 16) as usize;
                    if m < NO_WHERE as usize
                        && let Some(of) = found.get_mut(m)
                    {
                        of.push((span.start, span.end, span.tone.0, go.0));
                    }
                }
            }
        }
        found
            .into_iter()
            .map(|mut of| {
                of.sort_unstable();
                let mut runs = Runs::default();
                let mut writer = Writer::default();
                for (start, end, tone, go) in of {
                    runs.push(&mut writer, start, end, Tone(tone), go);
                }
                runs
            })
            .collect()
    }

    /// The most of each counter between two times, as near as blocks of changes tell.
    pub fn most(&self, t0: i64, t1: i64) -> Counts {
        self.counters.most(t0, t1)
    }

    /// The most live heap and the goal between two times, in bytes.
    pub fn heap_most(&self, t0: i64, t1: i64) -> (Option<u64>, Option<u64>) {
        (self.heap.most(t0, t1), self.goal.most(t0, t1))
    }

    /// The live heap and the goal at a time, in bytes.
    pub fn heap_at(&self, t: i64) -> (Option<u64>, Option<u64>) {
        (self.heap.at(t), self.goal.at(t))
    }

    /// Whether the heap was told of at all.
    pub fn has_heap(&self) -> bool {
        !self.heap.is_empty() || !self.goal.is_empty()
    }

    /// The goroutines that were there at some time of a window.
    pub fn alive(&self, t0: i64, t1: i64) -> impl Iterator<Item = GoRef> + '_ {
        self.reach
            .iter()
            .enumerate()
            .filter(move |(_, r)| r.0 < t1 && r.1 > t0)
            .flat_map(move |(i, _)| {
                let first = i * REACH;
                (first as u32..self.gos.len().min(first + REACH) as u32).map(GoRef)
            })
            .filter(move |&go| self.lives_in(go, t0, t1))
    }

    /// How many goroutines were in each state at a time, exactly.
    pub fn counts_at(&self, t: i64) -> Counts {
        let mut counts = Counts::default();
        for go in self.alive(t, t + 1) {
            let Some(span) = self.span_at(go, t) else {
                continue;
            };
            let class = span.tone.class();
            let counter = match class {
                Class::Running | Class::Assist => Counter::Running,
                Class::Runnable => Counter::Runnable,
                Class::Syscall => Counter::Syscall,
                _ => Counter::Waiting,
            };
            counts[counter as usize] += 1;
            if class == Class::GcWait {
                counts[Counter::GcWaiting as usize] += 1;
            }
        }
        counts[Counter::Threads as usize] = self.counters.most(t, t + 1)[Counter::Threads as usize];
        counts
    }

    /// The spans of a goroutine that touch a window.
    pub fn spans(&self, go: GoRef, t0: i64, t1: i64) -> impl Iterator<Item = Span> + '_ {
        self.lane_of(go).into_iter().flat_map(move |lane| lane.between(t0, t1))
    }

    /// The span of a goroutine at a time.
    pub fn span_at(&self, go: GoRef, t: i64) -> Option<Span> {
        self.lane_of(go)?.at(t)
    }

    fn lane_of(&self, go: GoRef) -> Option<Lane<'_>> {
        let (_, end) = self.gos.life(go)?;
        let blocks = self.spans.heads.of(&self.gos, go)?;
        Some(Lane::new(&self.spans, blocks, end.min(self.end)))
    }

    /// Whether a goroutine was there at some time of a window.
    fn lives_in(&self, go: GoRef, t0: i64, t1: i64) -> bool {
        self.gos.life(go).is_some_and(|(birth, end)| birth < t1 && end > t0)
    }

    /// The length of the trace.
    pub fn duration(&self) -> Nanos {
        Nanos(self.end)
    }

    /// Where a span ran: the P and the thread, as far as the trace tells.
    pub fn ran_on(&self, span: &Span) -> (Option<ProcId>, Option<ThreadId>) {
        let class = span.tone.class();
        if !class.is_running() && class != Class::Syscall {
            return (None, None);
        }
        let of = |half: u32| Some(half).filter(|&h| h < NO_WHERE);
        (
            of(span.x & NO_WHERE).and_then(|p| build::proc_id(&self.ps, p)),
            of(span.x >> 16).and_then(|m| build::thread_id(&self.ms, m)),
        )
    }
}

/// What a goroutine's time went to, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeOf {
    /// It stood still at somebody's cost.
    pub costly: i64,
    /// It was blocked.
    pub waiting: i64,
    /// It ran.
    pub running: i64,
}

impl std::ops::AddAssign for TimeOf {
    fn add_assign(&mut self, other: TimeOf) {
        self.costly = self.costly.saturating_add(other.costly);
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.running = self.running.saturating_add(other.running);
    }
}

impl TimeOf {
    fn add(&mut self, tone: Tone, ns: u64) {
        let ns = ns as i64;
        if tone.verdict() == Some(Verdict::Costly) {
            self.costly = self.costly.saturating_add(ns);
        }
        if tone.class().is_wait() {
            self.waiting = self.waiting.saturating_add(ns);
        } else if tone.class().is_running() {
            self.running = self.running.saturating_add(ns);
        }
    }
}

/// Of each [`REACH`] goroutines the first birth and the last end.
fn reach(gos: &Gos, some: impl Iterator<Item = GoRef>) -> Vec<(i64, i64)> {
    let mut reach: Vec<(i64, i64)> = Vec::new();
    for (row, (birth, end)) in some.filter_map(|go| gos.life(go)).enumerate() {
        if row.is_multiple_of(REACH) {
            reach.push((birth, end));
        }
        if let Some(of) = reach.last_mut() {
            *of = (of.0.min(birth), of.1.max(end));
        }
    }
    reach
}

/// So many goroutines share a reach.
const REACH: usize = 256;
