//! What became of every goroutine, region and task, as `go tool trace` counts it.
//!
//! ```text
//! event --SummaryPass--> Live goroutines --their ends--> Summary: goroutines, regions, tasks, logs
//!                                                           and the collector's log (see `mmu`)
//! ```
//!
//! The rules are those of the summarizer in Go's `internal/trace`, with its oddities, so that both
//! give the same figures; one is left out: a goroutine that is in a blocking system call at the
//! trace's end is not counted twice. It is a pass of its own: what other commands need costs
//! nothing by it.
//!
//! Like Go's tools it counts the events of a broken generation up to the break, too.

use exectrace::{FrameId, GoId, Nanos, RangeKind, StackId, StrId, TaskId};

use crate::Analysis;
use crate::mmu::GcLog;

pub mod groups;
mod pass;
mod read;

pub use pass::SummaryPass;
pub use read::{Summarizer, Summed};

/// What some time of a goroutine went to, in nanoseconds. But for `total` and `ranges` the parts
/// do not overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// It ran.
    pub exec: i64,
    /// It could run and had no P.
    pub sched_wait: i64,
    /// It was blocked, by the runtime's reason.
    pub block: Vec<(StrId, i64)>,
    /// It was in system calls and kept its P.
    pub syscall: i64,
    /// It was in system calls and had lost its P.
    pub syscall_block: i64,
    /// All of the time.
    pub total: i64,
    /// The parts of it in assists, sweeps, and stops of the world that it made.
    pub ranges: Vec<(RangeKind, i64)>,
}

impl Stats {
    /// All time in which it was blocked.
    pub fn blocked(&self) -> i64 {
        self.block.iter().fold(0, |sum, (_, ns)| sum.saturating_add(*ns))
    }

    /// What is left of `total` when all parts are taken off; at least 0.
    pub fn unknown(&self) -> i64 {
        let parts = [self.exec, self.sched_wait, self.blocked(), self.syscall, self.syscall_block];
        let known = parts.into_iter().fold(0i64, i64::saturating_add);
        self.total.saturating_sub(known).max(0)
    }

    /// Adds time for which it was blocked.
    pub(crate) fn add_block(&mut self, reason: StrId, ns: i64) {
        add_to(&mut self.block, reason, ns);
    }

    /// Adds time in a range.
    pub(crate) fn add_range(&mut self, kind: RangeKind, ns: i64) {
        add_to(&mut self.ranges, kind, ns);
    }

    /// Adds what another one has.
    pub fn add(&mut self, other: &Stats) {
        self.exec = self.exec.saturating_add(other.exec);
        self.sched_wait = self.sched_wait.saturating_add(other.sched_wait);
        self.syscall = self.syscall.saturating_add(other.syscall);
        self.syscall_block = self.syscall_block.saturating_add(other.syscall_block);
        self.total = self.total.saturating_add(other.total);
        for &(reason, ns) in &other.block {
            add_to(&mut self.block, reason, ns);
        }
        for &(kind, ns) in &other.ranges {
            add_to(&mut self.ranges, kind, ns);
        }
    }

    /// No more memory than it needs.
    fn fitted(mut self) -> Stats {
        self.block.shrink_to_fit();
        self.ranges.shrink_to_fit();
        self
    }

    /// What was added since an earlier moment of the same goroutine.
    fn since(mut self, earlier: &Stats) -> Stats {
        self.exec = self.exec.wrapping_sub(earlier.exec);
        self.sched_wait = self.sched_wait.wrapping_sub(earlier.sched_wait);
        self.syscall = self.syscall.wrapping_sub(earlier.syscall);
        self.syscall_block = self.syscall_block.wrapping_sub(earlier.syscall_block);
        self.total = self.total.wrapping_sub(earlier.total);
        for &(reason, ns) in &earlier.block {
            add_to(&mut self.block, reason, ns.wrapping_neg());
        }
        for &(kind, ns) in &earlier.ranges {
            add_to(&mut self.ranges, kind, ns.wrapping_neg());
        }
        self.block.retain(|(_, ns)| *ns != 0);
        self.ranges.retain(|(_, ns)| *ns != 0);
        self.fitted()
    }
}

fn add_to<K: PartialEq>(list: &mut Vec<(K, i64)>, key: K, ns: i64) {
    match list.iter_mut().find(|(k, _)| *k == key) {
        Some((_, sum)) => *sum = sum.wrapping_add(ns),
        None => list.push((key, ns)),
    }
}

/// A goroutine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goroutine {
    /// The runtime's number.
    pub id: GoId,
    /// Its first function; empty where no stack of it was seen.
    pub name: StrId,
    /// The function that its work begins with, where the first one only starts the work of others; else that.
    pub work: StrId,
    /// Where the `go` statement stood; [`StackId::NONE`] for one that was there before.
    pub created_at: StackId,
    /// Its creation; the trace's beginning (the last Sync) for one that was there before.
    pub creation: Nanos,
    /// It was created in the trace, by a goroutine or a timer.
    pub born: bool,
    /// When it first ran in the trace, if it did.
    pub start: Option<Nanos>,
    /// Its end, if it came; to block for ever is one.
    pub end: Option<Nanos>,
    /// What its time went to.
    pub stats: Stats,
}

/// A region of a goroutine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Whose.
    pub g: GoId,
    /// Of which task; 0 is the background task.
    pub task: TaskId,
    /// Its type; empty for one that stands for the task that a goroutine got from its creator.
    pub name: StrId,
    /// Its beginning, if that is in the trace.
    pub start: Option<Nanos>,
    /// Its end, if that is in the trace.
    pub end: Option<Nanos>,
    /// Where it was begun; for one without a beginning where it ended.
    pub stack: StackId,
    /// What its time went to.
    pub stats: Stats,
}

impl Region {
    /// From its beginning, or the trace's, to its end, or the trace's. Nanoseconds.
    pub fn duration(&self, end: Nanos) -> i64 {
        self.end.unwrap_or(end).since(self.start.unwrap_or(Nanos(0)))
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The runtime's number; 0 is the background task.
    pub id: TaskId,
    /// Its type; empty where its beginning was not seen.
    pub name: StrId,
    /// The task that it is part of, where that was told.
    pub parent: Option<TaskId>,
    /// Its beginning, if that is in the trace.
    pub start: Option<Nanos>,
    /// Its end, if that is in the trace.
    pub end: Option<Nanos>,
    /// Where it was begun.
    pub stack: StackId,
    /// Who began it; `NONE` where that is not known.
    pub g: GoId,
    /// How many messages it has.
    pub logs: u64,
    /// How many regions began under it; ends without a beginning count, too.
    pub regions: u64,
    /// How many tasks are a part of it.
    pub children: u64,
    /// Whose events named it.
    pub goroutines: Vec<GoId>,
}

impl Task {
    /// From its beginning, or the trace's, to its end, or the trace's. Nanoseconds.
    pub fn duration(&self, end: Nanos) -> i64 {
        self.end.unwrap_or(end).since(self.start.unwrap_or(Nanos(0)))
    }
}

/// A message of `runtime/trace.Log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// When.
    pub t: Nanos,
    /// Who wrote it.
    pub g: GoId,
    /// Of which task; 0 is the background task.
    pub task: TaskId,
    /// Its category.
    pub category: StrId,
    /// Its text.
    pub message: StrId,
    /// Where.
    pub stack: StackId,
}

/// A goroutine that was born in the trace, ran once and was gone. A program can have millions.
#[derive(Debug, Clone, Copy)]
struct Brief {
    id: u64,
    creation: i64,
    sched_wait: u32,
    exec: u32,
    name: StrId,
    created_at: StackId,
}

/// A goroutine's row in [`Summary`]; the brief ones come behind the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub u32);

/// What of a trace is kept: there can be millions of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Goroutines.
    pub goroutines: bool,
    /// Regions.
    pub regions: bool,
    /// Tasks and messages.
    pub tasks: bool,
    /// What the collector did.
    pub gc: bool,
}

impl Keep {
    /// Nothing.
    pub const NONE: Keep = Keep { goroutines: false, regions: false, tasks: false, gc: false };
    /// Everything.
    pub const ALL: Keep = Keep { goroutines: true, regions: true, tasks: true, gc: true };
}

/// Goroutines, regions, tasks and messages of a trace.
#[derive(Debug, Default)]
pub struct Summary {
    full: Vec<Goroutine>,
    briefs: Vec<Brief>,
    /// In the order of their goroutines' numbers and beginnings.
    pub regions: Vec<Region>,
    /// In the order of their numbers.
    pub tasks: Vec<Task>,
    /// In the order of their times.
    pub logs: Vec<Log>,
    /// Whose system call lost its P, and the time from then to its end; by goroutine and time.
    pub handoffs: Vec<(GoId, Nanos, Nanos)>,
    /// Samples of the CPU profiler: when, whose, and where it was.
    pub samples: Vec<(Nanos, GoId, StackId)>,
    /// What the collector did.
    pub gc: GcLog,
    /// The time of the last event.
    pub last: Nanos,
}

impl Summary {
    /// How many goroutines there are.
    pub fn len(&self) -> usize {
        self.full.len() + self.briefs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of all goroutines.
    pub fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        (0..self.len() as u32).map(Row)
    }

    /// A goroutine. A row that is none gives an empty one.
    pub fn goroutine(&self, row: Row) -> Goroutine {
        let row = row.0 as usize;
        if let Some(full) = self.full.get(row) {
            return full.clone();
        }
        match row.checked_sub(self.full.len()).and_then(|row| self.briefs.get(row)) {
            Some(brief) => brief.unpack(),
            None => Brief::NONE.unpack(),
        }
    }

    /// The runtime's number of a goroutine.
    pub fn id(&self, row: Row) -> GoId {
        let row = row.0 as usize;
        let brief = || self.briefs.get(row.wrapping_sub(self.full.len()));
        self.full
            .get(row)
            .map(|g| g.id)
            .or_else(|| brief().map(|b| GoId(b.id)))
            .unwrap_or(GoId::NONE)
    }

    /// The first function of a goroutine.
    pub fn name(&self, row: Row) -> StrId {
        let row = row.0 as usize;
        let brief = || self.briefs.get(row.wrapping_sub(self.full.len()));
        self.full
            .get(row)
            .map(|g| g.name)
            .or_else(|| brief().map(|b| b.name))
            .unwrap_or(StrId::NONE)
    }

    /// The function that a goroutine's work begins with.
    pub fn work(&self, row: Row) -> StrId {
        self.full.get(row.0 as usize).map_or_else(|| self.name(row), |g| g.work)
    }

    /// Where the `go` statement of a goroutine stood.
    pub fn created_at(&self, row: Row) -> StackId {
        let row = row.0 as usize;
        let brief = || self.briefs.get(row.wrapping_sub(self.full.len()));
        let full = self.full.get(row).map(|g| g.created_at);
        full.or_else(|| brief().map(|b| b.created_at)).unwrap_or(StackId::NONE)
    }

    /// From when until when a system call of a goroutine was without its P, if it lost that.
    pub fn handed_off(&self, g: GoId, from: i64, to: i64) -> Option<(i64, i64)> {
        let next = self.handoffs.partition_point(|h| (h.0, h.1.0) < (g, from));
        let found = self.handoffs.get(next).filter(|h| h.0 == g && h.1.0 < to);
        found.map(|h| (h.1.0, h.2.0.min(to)))
    }

    /// The row of the goroutine with this number.
    pub fn find(&self, g: GoId) -> Option<Row> {
        let row = match self.full.binary_search_by_key(&g, |full| full.id) {
            Ok(row) => row,
            Err(_) => self.full.len() + self.briefs.binary_search_by_key(&g.0, |b| b.id).ok()?,
        };
        Some(Row(row as u32))
    }

    /// The task with this number.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.binary_search_by_key(&id, |task| task.id).ok().map(|row| &self.tasks[row])
    }

    /// A task and all that are parts of it, or of its parts; without the background task's.
    pub fn family(&self, id: TaskId) -> Vec<TaskId> {
        let mut family = vec![id];
        let mut inside: hashbrown::HashSet<TaskId> = [id].into();
        let mut grows = id != TaskId(0);
        while grows {
            let before = family.len();
            for task in &self.tasks {
                if task.parent.is_some_and(|p| inside.contains(&p)) && inside.insert(task.id) {
                    family.push(task.id);
                }
            }
            grows = family.len() > before;
        }
        family
    }

    fn sort(&mut self) {
        // Where a number was used again the later one counts, as in Go's table by number.
        self.full.sort_by_key(|g| g.id);
        self.full.dedup_by(|later, kept| {
            let same = later.id == kept.id;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        self.briefs.sort_unstable_by_key(|b| b.id);
        self.regions.sort_by_key(|r| (r.g, r.start.map_or(i64::MIN, |t| t.0)));
        self.tasks.sort_unstable_by_key(|t| t.id);
        self.handoffs.sort_unstable();
    }
}

impl Brief {
    const NONE: Brief = Brief {
        id: u64::MAX,
        creation: 0,
        sched_wait: 0,
        exec: 0,
        name: StrId::NONE,
        created_at: StackId::NONE,
    };

    /// The short form of a goroutine, if it has one.
    fn of(g: &Goroutine) -> Option<Brief> {
        let Stats { exec, sched_wait, syscall: 0, syscall_block: 0, .. } = g.stats else {
            return None;
        };
        let start = g.creation.0.checked_add(sched_wait)?;
        let plain = g.work == g.name
            && g.start == Some(Nanos(start))
            && g.end == Some(Nanos(start.checked_add(exec)?))
            && g.stats.total == sched_wait.checked_add(exec)?
            && g.created_at.is_some()
            && g.stats.block.is_empty()
            && g.stats.ranges.is_empty();
        Some(Brief {
            id: plain.then_some(g.id.0)?,
            creation: g.creation.0,
            sched_wait: u32::try_from(sched_wait).ok()?,
            exec: u32::try_from(exec).ok()?,
            name: g.name,
            created_at: g.created_at,
        })
    }

    fn unpack(&self) -> Goroutine {
        let (sched_wait, exec) = (i64::from(self.sched_wait), i64::from(self.exec));
        let start = self.creation + sched_wait;
        Goroutine {
            id: GoId(self.id),
            name: self.name,
            work: self.name,
            created_at: self.created_at,
            creation: Nanos(self.creation),
            born: true,
            start: Some(Nanos(start)),
            end: Some(Nanos(start + exec)),
            stats: Stats { exec, sched_wait, total: sched_wait + exec, ..Stats::default() },
        }
    }
}

/// Whether a goroutine is the runtime's own, by its first function; one of which no stack was seen
/// counts as such, as in Go's tools.
pub fn is_system(name: &str) -> bool {
    name.is_empty() || (name != "runtime.main" && name.starts_with("runtime."))
}

/// The name of a range as Go's tools write it.
pub fn range_name(kind: RangeKind, analysis: &Analysis) -> String {
    match kind {
        RangeKind::StopTheWorld(why) => format!("stop-the-world ({})", analysis.str(why)),
        RangeKind::GcMark => "GC concurrent mark phase".into(),
        RangeKind::GcSweep => "GC incremental sweep".into(),
        RangeKind::GcMarkAssist => "GC mark assist".into(),
    }
}

/// Where regions and tasks are opened, as a person looks for it.
///
/// ```text
/// runtime/trace.WithRegion   main.region   main.(*server).order
///                            opens "db", "render", "part": a helper
///                                          opens "db": here
/// ```
#[derive(Debug)]
pub struct Sites {
    helpers: hashbrown::HashSet<FrameId>,
}

impl Sites {
    /// Looks at all regions and tasks.
    pub fn new(analysis: &Analysis, summary: &Summary) -> Sites {
        let regions = summary.regions.iter().map(|r| (r.stack, r.name));
        let mut openings: Vec<(StackId, StrId)> =
            regions.chain(summary.tasks.iter().map(|t| (t.stack, t.name))).collect();
        openings.retain(|(_, name)| name.is_some());
        openings.sort_unstable();
        openings.dedup();
        let mut sites = Sites { helpers: hashbrown::HashSet::new() };
        loop {
            let mut names: hashbrown::HashMap<FrameId, StrId> = hashbrown::HashMap::new();
            let before = sites.helpers.len();
            for &(stack, name) in &openings {
                let Some(site) = sites.of(analysis, stack) else { continue };
                // A line that opens several is not the one that a person means.
                if *names.entry(site).or_insert(name) != name {
                    sites.helpers.insert(site);
                }
            }
            if sites.helpers.len() == before {
                return sites;
            }
        }
    }

    /// Where what has this stack was opened: the first frame outside of `runtime/trace` that is no
    /// helper's, else the first.
    pub fn of(&self, analysis: &Analysis, stack: StackId) -> Option<FrameId> {
        let outside = |&&f: &&FrameId| {
            let func = analysis.str(analysis.tables.frame(f).func);
            !func.is_empty() && !func.starts_with("runtime/trace.") && !func.starts_with("runtime.")
        };
        let frames = analysis.stack(stack);
        let own = || frames.iter().filter(outside);
        let site = own().find(|f| !self.helpers.contains(*f)).or_else(|| own().next());
        site.or(frames.first()).copied()
    }
}
