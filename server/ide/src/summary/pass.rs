//! The pass over the events.
//!
//! Times are kept as the file has them for v1 traces (they begin at 0, and Go's summarizer takes a
//! time of 0 for none), and from 1 on for all others.

use exectrace::{
    At, Generation, GoEvent, GoId, GoState, Living, Log, Metric, Nanos, ProcEvent, ProcId,
    ProcState, RangeEvent, RangeKind, RangePhase, RangeScope, Region, Sink, StackId, StackRow,
    StrId, Tables, Task, TaskId,
};
use hashbrown::HashMap;

use crate::starters::{is_starter, work};

use super::{Brief, Goroutine, Keep, Stats, Summary, add_to, is_system};

mod live;

use live::{Live, Open, OpenTask};

/// A goroutine that is alive, by its row in [`Collector::live`].
#[derive(Debug, Clone, Copy)]
pub struct LiveRow(u32);

impl Default for LiveRow {
    fn default() -> Self {
        LiveRow(u32::MAX)
    }
}

/// Sums up goroutines, regions and tasks.
#[derive(Debug)]
pub(super) struct Collector {
    keep: Keep,
    pub(super) summary: Summary,
    live: Vec<Live>,
    free: Vec<u32>,
    rows: Living<u32>,
    tasks: HashMap<TaskId, OpenTask>,
    on_p: HashMap<ProcId, (GoId, u32)>,
    /// Whose a range of a P is, as far as that can be told.
    range_of_p: HashMap<(ProcId, RangeKind), GoId>,
    stacks: Vec<StackId>,
    forever: Option<StrId>,
    sync: i64,
    last: i64,
    /// What is added to a time.
    base: i64,
    starters: Starters,
}

/// Which functions only start the work of others; most goroutines begin with none of these.
#[derive(Debug, Default)]
struct Starters {
    known: HashMap<StrId, bool>,
    last: Option<(StrId, bool)>,
}

impl Starters {
    /// What a goroutine's work begins with that has such a first function, as far as a stack of it tells.
    fn work(&mut self, tables: &Tables, name: StrId, stack: StackId) -> StrId {
        let known = self.last.filter(|last| last.0 == name).map(|last| last.1);
        let is = known.unwrap_or_else(|| {
            *self.known.entry(name).or_insert_with(|| is_starter(tables.str(name)))
        });
        self.last = Some((name, is));
        if is { work(tables, stack) } else { name }
    }
}

/// One generation's events on their way into a [`Summary`].
#[derive(Debug)]
pub struct SummaryPass<'a> {
    pub(super) to: &'a mut Collector,
    pub(super) tables: &'a Tables,
}

impl Collector {
    pub(super) fn new(keep: Keep, is_v1: bool) -> Collector {
        Collector {
            keep,
            summary: Summary::default(),
            live: Vec::new(),
            free: Vec::new(),
            rows: Living::default(),
            tasks: HashMap::new(),
            on_p: HashMap::new(),
            range_of_p: HashMap::new(),
            stacks: Vec::new(),
            forever: None,
            sync: 0,
            last: 0,
            base: if is_v1 { -1 } else { 1 },
            starters: Starters::default(),
        }
    }

    fn time(&self, t: Nanos) -> i64 {
        t.0.wrapping_add(self.base)
    }

    fn nanos(&self, time: i64) -> Nanos {
        Nanos(time.wrapping_sub(self.base))
    }

    /// The row of a goroutine that is alive.
    fn row(&mut self, g: GoId) -> Option<u32> {
        let row = if g == GoId::NONE { return None } else { self.rows.find(g) };
        self.rows.get(row, g).copied()
    }

    /// Whether a goroutine is in no region.
    fn is_outside(&mut self, g: GoId) -> bool {
        self.row(g).is_some_and(|row| self.live[row as usize].regions.is_empty())
    }

    fn insert(&mut self, live: Live) -> u32 {
        let id = live.id;
        let at = match self.free.pop() {
            Some(at) => {
                self.live[at as usize] = live;
                at
            }
            None => {
                self.live.push(live);
                self.live.len() as u32 - 1
            }
        };
        self.rows.insert(id, at);
        at
    }

    /// A goroutine ends at `t`, or the trace does (then not `ended`).
    fn finish(&mut self, row: u32, t: i64, ended: bool, tables: &Tables) {
        let Some(live) = self.live.get_mut(row as usize) else { return };
        if ended {
            live.end = t;
        }
        let stats = live.at(t);
        let open = std::mem::take(&mut live.regions);
        let (g, name) = (live.id, live.name);
        if live.syscall != 0 && live.handed_off != 0 {
            let lost = live.handed_off.wrapping_sub(self.base);
            let end = t.wrapping_sub(self.base);
            self.summary.handoffs.push((g, Nanos(lost), Nanos(end)));
        }
        live.stats = stats.clone();
        (live.running, live.runnable, live.blocked) = (0, 0, 0);
        (live.syscall, live.handed_off) = (0, 0);
        live.ranges.clear();
        // Go leaves those of the runtime's own goroutines out: they only got a task by chance.
        if !open.is_empty() && !is_system(tables.str(name)) {
            for open in open {
                let end = ended.then_some(t);
                self.close(g, open, end, stats.clone());
            }
        }
    }

    fn close(&mut self, g: GoId, open: Open, end: Option<i64>, now: Stats) {
        if !self.keep.regions {
            return;
        }
        self.summary.regions.push(super::Region {
            g,
            task: open.task,
            name: open.name,
            start: open.start.map(|t| self.nanos(t)),
            end: end.map(|t| self.nanos(t)),
            stack: open.stack,
            stats: now.since(&open.before),
        });
    }

    /// Writes a goroutine down for good.
    fn bury(&mut self, row: u32) {
        let Some(live) = self.live.get_mut(row as usize) else { return };
        self.summary.gc.named(live.id, live.name);
        if !self.keep.goroutines {
            return;
        }
        let base = self.base;
        let some = |time: i64| (time != 0).then(|| Nanos(time.wrapping_sub(base)));
        let goroutine = Goroutine {
            id: live.id,
            name: live.name,
            work: if live.work.is_some() { live.work } else { live.name },
            created_at: live.created_at,
            creation: Nanos(live.creation.wrapping_sub(base)),
            born: live.born,
            start: some(live.start),
            end: some(live.end),
            stats: std::mem::take(&mut live.stats).fitted(),
        };
        match Brief::of(&goroutine) {
            Some(brief) => self.summary.briefs.push(brief),
            None => self.summary.full.push(goroutine),
        }
    }

    fn task(&mut self, id: TaskId) -> &mut OpenTask {
        self.tasks.entry(id).or_insert_with(|| OpenTask {
            task: super::Task {
                id,
                name: StrId::NONE,
                parent: None,
                start: None,
                end: None,
                stack: StackId::NONE,
                g: GoId::NONE,
                logs: 0,
                regions: 0,
                children: 0,
                goroutines: Vec::new(),
            },
            squeeze_at: 64,
        })
    }

    /// The trace is over. Its last Sync was at `end`, its last event at `last`.
    pub(super) fn close_all(mut self, last: Nanos, tables: &Tables) -> Summary {
        let t = self.time(last);
        let mut gone = self.free.clone();
        gone.sort_unstable();
        for row in 0..self.live.len() as u32 {
            if gone.binary_search(&row).is_err() {
                self.finish(row, t, false, tables);
                self.bury(row);
            }
        }
        let tasks = self.tasks.into_values().map(|mut open| {
            open.squeeze();
            open.task
        });
        self.summary.tasks = tasks.collect();
        self.summary.last = last;
        self.summary.sort();
        let summary = &mut self.summary;
        summary.gc.trust_labels(|name| is_system(tables.str(name)));
        self.summary
    }
}

impl Sink for SummaryPass<'_> {
    type Local = LiveRow;

    fn generation(&mut self, t: Nanos, generation: &Generation, tables: &Tables) {
        let to = &mut *self.to;
        to.sync = to.time(t);
        to.last = to.sync;
        to.stacks.clear();
        to.stacks.extend((0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r))));
        to.forever = tables.find("forever");
        to.summary.gc.sync(t);
    }

    fn end(&mut self, t: Nanos) {
        self.to.last = self.to.time(t);
        self.to.summary.gc.sync(t);
    }

    fn go(&mut self, at: &At, event: &GoEvent, local: &mut LiveRow) {
        let to = &mut *self.to;
        if to.keep.gc {
            to.summary.gc.go(at, event);
        }
        if event.from == event.to {
            return; // named again at a generation's beginning
        }
        let t = to.time(at.t);
        to.last = t;
        match event.from {
            GoState::Undetermined => {
                let mut live = Live::new(event.g, to.sync);
                let ns = t.wrapping_sub(to.sync);
                match event.to {
                    GoState::Running => live.stats.exec = ns,
                    GoState::Waiting => live.stats.block.push((event.reason, ns)),
                    GoState::Runnable => live.stats.sched_wait = ns,
                    // Named from afar it has no P: it lost that before the trace.
                    GoState::Syscall if at.p == ProcId::NONE => {
                        live.stats.syscall_block = ns;
                        let since = to.nanos(to.sync);
                        to.summary.handoffs.push((event.g, since, at.t));
                    }
                    GoState::Syscall => live.stats.syscall = ns,
                    GoState::Undetermined | GoState::NotExist => {}
                }
                local.0 = to.insert(live);
            }
            GoState::NotExist => {
                let mut live = Live::new(event.g, t);
                live.created_at = to.stacks[event.stack.0 as usize];
                live.born = true;
                // It gets the task that its creator is busy with.
                if let Some(creator) = to.row(at.g)
                    && let Some(open) = to.live[creator as usize].regions.last()
                {
                    live.regions.push(Open {
                        name: StrId::NONE,
                        task: open.task,
                        start: Some(t),
                        stack: live.created_at,
                        before: Stats::default(),
                    });
                }
                local.0 = to.insert(live);
            }
            _ => to.leave(local.0, event.from, t),
        }
        let Some(live) = to.live.get_mut(local.0 as usize).filter(|live| live.id == event.g) else {
            return;
        };
        if live.name == StrId::NONE
            && let Some(&root) = self.tables.stack(to.stacks[event.own.0 as usize]).last()
        {
            live.name = self.tables.frame(root).func;
        }
        if live.work == StrId::NONE && live.name != StrId::NONE {
            live.work = to.starters.work(self.tables, live.name, to.stacks[event.own.0 as usize]);
        }
        match event.to {
            GoState::Running => {
                live.running = t;
                if live.start == 0 {
                    live.start = t;
                }
            }
            GoState::Runnable => live.runnable = t,
            GoState::Waiting if to.forever != Some(event.reason) || !event.reason.is_some() => {
                live.blocked = t;
                live.reason = event.reason;
            }
            GoState::Waiting => to.finish(local.0, t, true, self.tables),
            GoState::Syscall => {
                live.syscall = t;
                live.syscall_p = at.p;
                to.on_p.insert(at.p, (event.g, local.0));
            }
            GoState::NotExist => {
                to.finish(local.0, t, true, self.tables);
                to.bury(local.0);
                let row = to.rows.find(event.g);
                to.rows.remove(row);
                to.free.push(local.0);
                local.0 = u32::MAX;
            }
            GoState::Undetermined => {}
        }
    }

    fn proc(&mut self, at: &At, event: &ProcEvent) {
        let to = &mut *self.to;
        let t = to.time(at.t);
        to.last = t;
        // A P that goes idle under a system call was taken away: the call blocks.
        if event.from != event.to
            && event.to == ProcState::Idle
            && let Some((g, row)) = to.on_p.remove(&event.p)
            && let Some(live) = to.live.get_mut(row as usize).filter(|live| live.id == g)
        {
            live.handed_off = t;
        }
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let to = &mut *self.to;
        let t = to.time(at.t);
        to.last = t;
        if to.keep.gc {
            to.summary.gc.range(at, event, self.tables);
        }
        let of_p = |p| (p, event.kind);
        let g = match (event.scope, event.phase) {
            (RangeScope::Go(g), _) => g,
            (RangeScope::Global, _) => return,
            (RangeScope::Proc(p), RangePhase::End) => match to.range_of_p.remove(&of_p(p)) {
                // Whether it is that goroutine's is only sure if it ends on it, too.
                Some(g) if g == at.g => g,
                _ => return,
            },
            (RangeScope::Proc(p), _) => {
                if to.row(at.g).is_some() {
                    to.range_of_p.insert(of_p(p), at.g);
                }
                at.g
            }
        };
        let sync = to.sync;
        let Some(row) = to.row(g) else { return };
        let live = &mut to.live[row as usize];
        let open = live.ranges.iter().position(|(kind, _)| *kind == event.kind);
        let begins = match event.phase {
            RangePhase::Begin => t,
            RangePhase::Active => {
                if let Some(open) = open {
                    let ns = sync.wrapping_sub(live.ranges[open].1);
                    add_to(&mut live.stats.ranges, event.kind, ns);
                }
                sync
            }
            RangePhase::End => {
                if let Some(open) = open {
                    let (kind, from) = live.ranges.swap_remove(open);
                    add_to(&mut live.stats.ranges, kind, t.wrapping_sub(from));
                }
                return;
            }
        };
        match open {
            Some(open) => live.ranges[open].1 = begins,
            None => live.ranges.push((event.kind, begins)),
        }
    }

    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {
        let to = &mut *self.to;
        let t = to.time(at.t);
        to.last = t;
        if to.keep.tasks && (region.begins || to.is_outside(at.g)) {
            let task = to.task(region.task);
            task.task.regions += 1;
            task.has(at.g);
        }
        let Some(row) = to.row(at.g) else { return };
        let stack = to.stacks[stack.0 as usize];
        let live = &mut to.live[row as usize];
        let now = if to.keep.regions { live.at(t) } else { Stats::default() };
        let open =
            |before, start| Open { name: region.name, task: region.task, start, stack, before };
        if region.begins {
            live.regions.push(open(now, Some(t)));
        } else {
            // Without one that is open its beginning was before the trace.
            let open = live.regions.pop().unwrap_or_else(|| open(Stats::default(), None));
            to.close(at.g, open, Some(t), now);
        }
    }

    fn task(&mut self, at: &At, event: &Task, stack: StackRow) {
        let to = &mut *self.to;
        to.last = to.time(at.t);
        if !to.keep.tasks {
            return;
        }
        let stack = to.stacks[stack.0 as usize];
        let task = to.task(event.id);
        task.has(at.g);
        task.task.name = event.name;
        if event.begins {
            (task.task.start, task.task.stack, task.task.g) = (Some(at.t), stack, at.g);
        } else {
            task.task.end = Some(at.t);
        }
        if event.parent.is_some() && task.task.parent.is_none() {
            task.task.parent = Some(event.parent);
            to.task(event.parent).task.children += 1;
        }
    }

    fn log(&mut self, at: &At, log: &Log, stack: StackRow) {
        let to = &mut *self.to;
        to.last = to.time(at.t);
        if !to.keep.tasks {
            return;
        }
        let task = to.task(log.task);
        task.has(at.g);
        task.task.logs += 1;
        let Log { task, category, message } = *log;
        let stack = to.stacks[stack.0 as usize];
        to.summary.logs.push(super::Log { t: at.t, g: at.g, task, category, message, stack });
    }

    fn label(&mut self, at: &At, label: StrId) {
        self.to.last = self.to.time(at.t);
        if self.to.keep.gc {
            self.to.summary.gc.label(at, self.tables.str(label));
        }
    }

    fn sample(&mut self, at: &At, stack: StackRow) {
        let to = &mut *self.to;
        to.last = to.time(at.t);
        if !to.keep.goroutines {
            return;
        }
        to.summary.samples.push((at.t, at.g, to.stacks[stack.0 as usize]));
    }

    fn metric(&mut self, at: &At, metric: Metric, value: u64, _stack: StackRow) {
        self.to.last = self.to.time(at.t);
        if self.to.keep.gc {
            self.to.summary.gc.metric(at, metric, value);
        }
    }

    fn experimental(&mut self, at: &At, _typ: u8, _args: &[u64]) {
        self.to.last = self.to.time(at.t);
    }
}

impl Collector {
    /// A goroutine leaves a state at `t`: what that took is added up.
    fn leave(&mut self, row: u32, from: GoState, t: i64) {
        let Some(live) = self.live.get_mut(row as usize) else { return };
        let since = |from: i64| t.wrapping_sub(from);
        match from {
            // At 0 is a time like any other here, in a v1 trace; elsewhere nothing begins there.
            GoState::Running if live.running != 0 || self.base < 0 => {
                live.stats.exec = live.stats.exec.wrapping_add(since(live.running));
                live.running = 0;
            }
            GoState::Waiting if live.blocked != 0 => {
                add_to(&mut live.stats.block, live.reason, since(live.blocked));
                live.blocked = 0;
            }
            GoState::Runnable if live.runnable != 0 => {
                live.stats.sched_wait = live.stats.sched_wait.wrapping_add(since(live.runnable));
                live.runnable = 0;
            }
            GoState::Syscall if live.syscall != 0 => {
                let mut kept_until = t;
                if live.handed_off != 0 {
                    kept_until = live.handed_off;
                    live.stats.syscall_block =
                        live.stats.syscall_block.wrapping_add(since(live.handed_off));
                    let lost = Nanos(live.handed_off.wrapping_sub(self.base));
                    let end = Nanos(t.wrapping_sub(self.base));
                    self.summary.handoffs.push((live.id, lost, end));
                }
                let kept = kept_until.wrapping_sub(live.syscall);
                live.stats.syscall = live.stats.syscall.wrapping_add(kept);
                (live.syscall, live.handed_off) = (0, 0);
                self.on_p.remove(&live.syscall_p);
            }
            _ => {}
        }
    }
}
