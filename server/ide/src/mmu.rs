//! How much of the machine the collector left to the program: mutator utilisation.
//!
//! ```text
//! events --GcLog--> what the collector did --utilisation--> share left to the program, over time
//!                                                             |
//!                                          Curve: its least mean in any window of some length
//! ```
//!
//! The log is small and kept, so that every choice of what counts can be answered from it.
//!
//! There are two ways to count. [`Count::AsGo`] is `go tool trace`'s, kink by kink. It counts a
//! mark worker once more each time it starts again, so that its P never comes free any more; when
//! all Ps are lost that way the share stays 0, and since the end of the trace is 0, too, and no
//! change, the curve ends there: what comes later has no say. Since Go 1.26 it also takes
//! goroutines for workers that got their label by mistake. [`Count::Once`] counts each P while a
//! worker, an assist or a sweep really is on it.

use exectrace::{
    At, GoEvent, GoId, GoState, Metric, Nanos, ProcId, RangeEvent, RangeKind, RangePhase,
    RangeScope, StrId, Tables,
};
use hashbrown::{HashMap, HashSet};

pub mod curve;

pub use curve::{Curve, Worst};

/// What counts as lost to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Stops of the world for the collector.
    pub stw: bool,
    /// Background mark workers.
    pub background: bool,
    /// Mark assists.
    pub assist: bool,
    /// Sweeping for an allocation.
    pub sweep: bool,
    /// Each P has a curve of its own, and the least of them counts. Dedicated workers do not count
    /// then: they keep all goroutines off their P.
    pub per_proc: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Flags { stw: true, background: true, assist: true, sweep: false, per_proc: false }
    }
}

/// How the collector's work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// As `go tool trace` does.
    AsGo,
    /// Each P once, while the collector's work is on it.
    Once,
}

/// A change of the utilisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When, in nanoseconds since the trace's beginning.
    pub t: i64,
    /// The share left to the program from then on, 0 to 1.
    pub util: f64,
}

/// What the collector did at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// GOMAXPROCS is this.
    Procs(u32),
    /// A stop of the world for the collector.
    Stw(RangePhase, StrId),
    /// A sweep on the P.
    Sweep(RangePhase),
    /// A mark assist of this goroutine; whether it runs.
    Assist(RangePhase, GoId, bool),
    /// A goroutine that works for the collector goes on.
    Starts(GoId),
    /// It is taken off.
    Stops(GoId),
    /// A goroutine is labelled a mark worker; whether a dedicated one.
    Label(GoId, bool),
    /// The collector marks.
    Mark(RangePhase),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) t: i64,
    /// `u32::MAX` for none.
    pub(crate) p: u32,
    pub(crate) step: Step,
}

/// The most Ps that are told apart; the runtime has no more than 256 threads of CPU mostly.
const MAX_PROCS: u64 = 1 << 14;

/// What the collector did in a trace.
#[derive(Debug, Default)]
pub struct GcLog {
    pub(crate) entries: Vec<Entry>,
    /// Heap goals, in bytes, as they were told.
    pub goals: Vec<(Nanos, u64)>,
    /// The last Sync so far.
    pub(crate) end: Nanos,
    syncs: u32,
    /// Goroutines that were labelled or are in an assist.
    busy: HashMap<GoId, Busy>,
    /// Labelled goroutines that are no workers.
    mistaken: HashSet<GoId>,
}

#[derive(Debug, Clone, Copy)]
struct Busy {
    assists: bool,
    labelled: bool,
    name: StrId,
}

impl Default for Busy {
    fn default() -> Self {
        Busy { assists: false, labelled: false, name: StrId::NONE }
    }
}

impl GcLog {
    pub(crate) fn sync(&mut self, t: Nanos) {
        self.syncs += 1;
        self.end = t;
    }

    fn push(&mut self, at: &At, step: Step) {
        let p =
            if at.p == ProcId::NONE { u32::MAX } else { u32::try_from(at.p.0).unwrap_or(u32::MAX) };
        self.entries.push(Entry { t: at.t.0, p, step });
    }

    #[inline]
    pub(crate) fn go(&mut self, at: &At, event: &GoEvent) {
        let executes = |state| matches!(state, GoState::Running | GoState::Syscall);
        let (before, after) = (executes(event.from), executes(event.to));
        if before == after || self.busy.is_empty() || !self.busy.contains_key(&event.g) {
            return;
        }
        self.push(at, if after { Step::Starts(event.g) } else { Step::Stops(event.g) });
    }

    pub(crate) fn range(&mut self, at: &At, event: &RangeEvent, tables: &Tables) {
        let phase = event.phase;
        if phase == RangePhase::Active && self.syncs > 1 {
            return; // told at each generation's beginning; news only at the trace's
        }
        match (event.kind, event.scope) {
            (RangeKind::StopTheWorld(why), _) if tables.str(why).contains("GC") => {
                self.push(at, Step::Stw(phase, why));
            }
            (RangeKind::StopTheWorld(_), _) => {}
            (RangeKind::GcMark, _) => self.push(at, Step::Mark(phase)),
            (RangeKind::GcSweep, _) => self.push(at, Step::Sweep(phase)),
            (RangeKind::GcMarkAssist, scope) => {
                let g = if let RangeScope::Go(g) = scope { g } else { GoId::NONE };
                // Under way at the beginning it counts since then only for one that runs.
                let runs = at.g != GoId::NONE;
                let told = if runs { phase } else { RangePhase::Begin };
                self.push(at, Step::Assist(told, g, runs));
                if g != GoId::NONE {
                    let busy = self.busy.entry(g).or_default();
                    busy.assists = phase != RangePhase::End;
                    if !busy.assists && !busy.labelled {
                        self.busy.remove(&g);
                    }
                }
            }
        }
    }

    pub(crate) fn label(&mut self, at: &At, label: &str) {
        if !label.starts_with("GC ") || label == "GC (idle)" {
            return;
        }
        self.busy.entry(at.g).or_default().labelled = true;
        self.push(at, Step::Label(at.g, label == "GC (dedicated)"));
    }

    pub(crate) fn metric(&mut self, at: &At, metric: Metric, value: u64) {
        match metric {
            Metric::GoMaxProcs => self.push(at, Step::Procs(value.min(MAX_PROCS) as u32)),
            Metric::HeapGoal => self.goals.push((at.t, value)),
            Metric::HeapAlloc => {}
        }
    }

    /// The first function of a goroutine that is over.
    pub(crate) fn named(&mut self, g: GoId, name: StrId) {
        if let Some(busy) = self.busy.get_mut(&g) {
            busy.name = name;
        }
    }

    /// Says which of the labelled goroutines are workers, by their first functions.
    pub(crate) fn trust_labels(&mut self, is_worker: impl Fn(StrId) -> bool) {
        let wrong = |busy: &Busy| busy.labelled && !is_worker(busy.name);
        let mistaken = self.busy.iter().filter(|(_, busy)| wrong(busy)).map(|(g, _)| *g);
        self.mistaken = mistaken.collect();
    }

    /// The trace is sound up to `end`.
    pub(crate) fn cut(&mut self, end: Nanos) {
        self.entries.retain(|entry| entry.t <= end.0);
        self.goals.retain(|(t, _)| *t <= end);
        self.end = end;
    }

    /// The utilisation over time: one series, or one for each P that was there at a time.
    ///
    /// Each ends with 0 at the trace's end.
    pub fn utilisation(&self, flags: Flags, count: Count) -> Vec<Vec<Point>> {
        let mut replay = Replay {
            flags,
            mistaken: (count == Count::Once).then_some(&self.mistaken),
            out: Vec::new(),
            ps: Vec::new(),
            n_busy: 0,
            stopped: 0,
            assisting: HashSet::new(),
            marking: HashSet::new(),
            on: HashMap::new(),
            procs: Vec::new(),
        };
        for entry in &self.entries {
            replay.step(entry);
        }
        replay.end(self.end.0)
    }

    /// The collections of the trace: from the beginning of their marking to its end, how long the
    /// world stood still meanwhile and just before and after, and the heap's next goal in bytes.
    pub fn collections(&self) -> Vec<Collection> {
        let mut list: Vec<Collection> = Vec::new();
        let (mut begun, mut stopped) = (None, Vec::new());
        let mut stop_begun: Option<i64> = None;
        for entry in &self.entries {
            match entry.step {
                Step::Mark(RangePhase::Begin) => begun = Some(Nanos(entry.t)),
                Step::Mark(RangePhase::Active) => begun = Some(Nanos(0)),
                Step::Mark(RangePhase::End) => {
                    let start = begun.take().unwrap_or(Nanos(0));
                    let end = Nanos(entry.t);
                    list.push(Collection { start, end, stopped: 0, goal: None });
                }
                Step::Stw(RangePhase::End, _) => {
                    if let Some(from) = stop_begun.take() {
                        stopped.push((from, entry.t));
                    }
                }
                Step::Stw(..) => stop_begun = Some(entry.t),
                _ => {}
            }
        }
        // A stop belongs to the collection that it stands next to.
        for (from, to) in stopped {
            let next = list.partition_point(|c| c.end.0 < from);
            let distance = |c: &Collection| {
                if to < c.start.0 { c.start.0 - to } else { (from - c.end.0).max(0) }
            };
            let near = [next.checked_sub(1), Some(next)].into_iter().flatten();
            let near = near.filter(|&row| row < list.len()).min_by_key(|&row| distance(&list[row]));
            if let Some(row) = near {
                list[row].stopped += to - from;
            }
        }
        for c in &mut list {
            let next = self.goals.partition_point(|(t, _)| *t < c.end);
            c.goal = self.goals.get(next).or(self.goals.last()).map(|(_, goal)| *goal);
        }
        list
    }

    /// What the collector did in a window, as time of Ps: stops of the world by reason (their own
    /// length), then workers, assists and sweeps. The dearest first.
    pub fn lost_to(&self, t0: i64, t1: i64) -> Vec<(Lost, i64)> {
        let mut sums: Vec<(Lost, i64)> = Vec::new();
        let mut since: HashMap<(Lost, u64), i64> = HashMap::new();
        let mut marking: HashSet<GoId> = HashSet::new();
        let mut assisting: HashSet<GoId> = HashSet::new();
        let mut close = |what: Lost, from: i64, to: i64| {
            let ns = to.min(t1).saturating_sub(from.max(t0));
            if ns > 0 {
                match sums.iter_mut().find(|(other, _)| *other == what) {
                    Some((_, sum)) => *sum += ns,
                    None => sums.push((what, ns)),
                }
            }
        };
        for entry in &self.entries {
            if entry.t >= t1 {
                break;
            }
            let begins = |since: &mut HashMap<(Lost, u64), i64>, what, whose| {
                since.entry((what, whose)).or_insert(entry.t);
            };
            let mut ends = |since: &mut HashMap<(Lost, u64), i64>, what, whose| {
                if let Some(from) = since.remove(&(what, whose)) {
                    close(what, from, entry.t);
                }
            };
            let p = u64::from(entry.p);
            match entry.step {
                Step::Stw(RangePhase::End, why) => ends(&mut since, Lost::Stw(why), 0),
                Step::Stw(_, why) => begins(&mut since, Lost::Stw(why), 0),
                Step::Sweep(RangePhase::End) => ends(&mut since, Lost::Sweep, p),
                Step::Sweep(_) => begins(&mut since, Lost::Sweep, p),
                Step::Assist(RangePhase::End, g, _) => {
                    assisting.remove(&g);
                    ends(&mut since, Lost::Assist, g.0);
                }
                Step::Assist(_, g, runs) => {
                    assisting.insert(g);
                    if runs {
                        begins(&mut since, Lost::Assist, g.0);
                    }
                }
                Step::Label(g, _) if !self.mistaken.contains(&g) => {
                    marking.insert(g);
                    begins(&mut since, Lost::Background, g.0);
                }
                Step::Starts(g) if assisting.contains(&g) => begins(&mut since, Lost::Assist, g.0),
                Step::Stops(g) => {
                    ends(&mut since, Lost::Assist, g.0);
                    if marking.remove(&g) {
                        ends(&mut since, Lost::Background, g.0);
                    }
                }
                Step::Procs(_) | Step::Mark(_) | Step::Label(..) | Step::Starts(_) => {}
            }
        }
        for ((what, _), from) in since {
            close(what, from, t1);
        }
        sums.sort_by_key(|(what, ns)| (std::cmp::Reverse(*ns), *what));
        sums
    }
}

/// A cycle of the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// When it began to mark; the trace's beginning, where that was before.
    pub start: Nanos,
    /// When it was done.
    pub end: Nanos,
    /// How long it stopped the world, in nanoseconds.
    pub stopped: i64,
    /// The heap's goal after it, in bytes, where that was told.
    pub goal: Option<u64>,
}

/// What took the program's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// The world stood still, for this reason.
    Stw(StrId),
    /// Mark workers.
    Background,
    /// Goroutines that helped to mark.
    Assist,
    /// Sweeps.
    Sweep,
}

#[derive(Debug, Clone, Copy)]
struct P {
    /// How much of the collector's work is on it. Go's way of counting leaves some there.
    work: i32,
    series: usize,
}

/// Goes over a log.
struct Replay<'a> {
    flags: Flags,
    /// With [`Count::Once`]: whom not to trust.
    mistaken: Option<&'a HashSet<GoId>>,
    out: Vec<Vec<Point>>,
    ps: Vec<P>,
    n_busy: usize,
    stopped: i64,
    assisting: HashSet<GoId>,
    marking: HashSet<GoId>,
    /// With [`Count::Once`]: on which P a goroutine counts.
    on: HashMap<GoId, u32>,
    /// GOMAXPROCS since when.
    procs: Vec<(i64, u32)>,
}

impl Replay<'_> {
    fn step(&mut self, entry: &Entry) {
        let Entry { t, p, step } = *entry;
        if let Step::Procs(n) = step {
            self.procs(t, n);
        }
        if self.ps.is_empty() {
            return; // nothing can be said before GOMAXPROCS is known
        }
        let as_go = self.mistaken.is_none();
        match step {
            Step::Procs(_) | Step::Mark(_) => {}
            Step::Stw(phase, _) if self.flags.stw => {
                self.stopped += if phase == RangePhase::End { -1 } else { 1 };
            }
            Step::Sweep(phase) if self.flags.sweep => {
                if phase == RangePhase::Active {
                    self.since_the_beginning();
                }
                self.work(p, if phase == RangePhase::End { -1 } else { 1 });
            }
            Step::Assist(phase, g, runs) if self.flags.assist => {
                if phase == RangePhase::Active {
                    self.since_the_beginning();
                }
                match (phase == RangePhase::End, as_go) {
                    (false, true) => {
                        self.work(p, 1);
                        if g != GoId::NONE {
                            self.assisting.insert(g);
                        }
                    }
                    (true, true) => {
                        self.work(p, -1);
                        self.assisting.remove(&g);
                    }
                    (false, false) => {
                        self.assisting.insert(g);
                        if runs {
                            self.count(g, p);
                        }
                    }
                    (true, false) => {
                        self.assisting.remove(&g);
                        if !self.marking.contains(&g) {
                            self.uncount(g);
                        }
                    }
                }
            }
            Step::Starts(g) if as_go => {
                if self.assisting.contains(&g) || self.marking.contains(&g) {
                    self.work(p, 1);
                }
            }
            Step::Stops(g) if as_go => {
                if self.assisting.contains(&g) || self.marking.contains(&g) {
                    self.work(p, -1);
                }
            }
            Step::Starts(g) => {
                if self.assisting.contains(&g) {
                    self.count(g, p);
                }
            }
            Step::Stops(g) => {
                self.marking.remove(&g);
                self.uncount(g);
            }
            Step::Label(g, dedicated) if self.flags.background => {
                if dedicated && self.flags.per_proc {
                    // it does not slow down who shares the P: nobody does
                } else if as_go {
                    self.marking.insert(g);
                    self.work(p, 1);
                } else if self.mistaken.is_some_and(|m| !m.contains(&g)) {
                    self.marking.insert(g);
                    self.count(g, p);
                }
            }
            Step::Stw(..) | Step::Sweep(_) | Step::Assist(..) | Step::Label(..) => {}
        }
        self.note(t);
    }

    /// A goroutine works for the collector on a P.
    fn count(&mut self, g: GoId, p: u32) {
        if !self.on.contains_key(&g) {
            self.on.insert(g, p);
            self.work(p, 1);
        }
    }

    fn uncount(&mut self, g: GoId) {
        if let Some(p) = self.on.remove(&g) {
            self.work(p, -1);
        }
    }

    fn work(&mut self, p: u32, more: i32) {
        let Some(p) = self.ps.get_mut(p as usize) else { return };
        let before = p.work > 0;
        p.work = p.work.saturating_add(more);
        match (before, p.work > 0) {
            (false, true) => self.n_busy += 1,
            (true, false) => self.n_busy -= 1,
            _ => {}
        }
    }

    fn procs(&mut self, t: i64, n: u32) {
        let n_now = n as usize;
        while self.ps.len() > n_now {
            if let Some(p) = self.ps.pop() {
                self.n_busy -= usize::from(p.work > 0);
                if self.flags.per_proc {
                    push(&mut self.out[p.series], Point { t, util: 0.0 });
                }
            }
        }
        while self.ps.len() < n_now {
            let mut series = 0;
            if self.flags.per_proc || self.out.is_empty() {
                series = self.out.len();
                self.out.push(vec![Point { t, util: 1.0 }]);
            }
            self.ps.push(P { work: 0, series });
        }
        if self.procs.last().is_none_or(|(_, last)| *last != n) {
            self.procs.push((t, n));
        }
    }

    /// One P more was busy from the beginning up to now, and nothing told of it before. (With a
    /// series for each P, the P has none yet.)
    fn since_the_beginning(&mut self) {
        if self.flags.per_proc {
            return;
        }
        let mut now = 0;
        for point in &mut self.out[0] {
            while self.procs.get(now + 1).is_some_and(|(t, _)| *t < point.t) {
                now += 1;
            }
            let n = self.procs.get(now).map_or(1, |(_, n)| *n);
            point.util = (point.util - 1.0 / f64::from(n)).max(0.0);
        }
    }

    /// Writes down what has changed.
    fn note(&mut self, t: i64) {
        if !self.flags.per_proc {
            let busy = if self.stopped > 0 { self.ps.len() } else { self.n_busy };
            push(&mut self.out[0], Point { t, util: 1.0 - busy as f64 / self.ps.len() as f64 });
            return;
        }
        for p in &self.ps {
            let lost = self.stopped > 0 || p.work > 0;
            push(&mut self.out[p.series], Point { t, util: if lost { 0.0 } else { 1.0 } });
        }
    }

    fn end(mut self, t: i64) -> Vec<Vec<Point>> {
        for p in &self.ps {
            push(&mut self.out[p.series], Point { t, util: 0.0 });
        }
        self.out
    }
}

/// Adds a change, if it is one. Of several at one time the lowest counts.
fn push(series: &mut Vec<Point>, point: Point) {
    if let Some(last) = series.last_mut() {
        if last.util == point.util {
            return;
        }
        if last.t == point.t {
            last.util = last.util.min(point.util);
            return;
        }
    }
    series.push(point);
}
