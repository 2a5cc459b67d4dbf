//! A part of a trace: a time, some goroutines, the times in which they were in a region or a task.
//!
//! ```text
//! Stays --spans--> running | runnable | waiting | system call --Scope--> the parts that count
//!                                                                  |
//!                                           figures of goroutines, profiles
//! ```

use std::collections::BTreeSet;

use exectrace::{FrameId, GoId, Nanos, StackId, StrId, TaskId};
use hashbrown::{HashMap, HashSet};

use crate::Analysis;
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::starters::is_of_tests;
use crate::stays::{GoRow, StayKind, StayRow, Stays};
use crate::summary::groups::{Column, Worth};
use crate::summary::{Sites, Stats, Summary, Task};
use crate::verdicts::{Facts, Verdict, Verdicts};

/// What counts.
#[derive(Debug, Clone)]
pub struct Scope {
    /// From here on, in nanoseconds since the trace's beginning.
    pub t0: i64,
    /// Up to here.
    pub t1: i64,
    /// Only these goroutines, and of each only these times, which do not overlap; `None`: all.
    gos: Option<HashMap<GoId, Vec<Time>>>,
}

/// Which goroutines and times somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// From here on, in nanoseconds.
    pub t0: Option<i64>,
    /// Up to here.
    pub t1: Option<i64>,
    /// Only goroutines that were started on this line of the program's own.
    pub created_at: Option<FrameId>,
    /// Only goroutines of which no line is known that started them, as of those from before the trace.
    pub from_nowhere: bool,
    /// Only goroutines whose work begins with one of these.
    pub funcs: Option<BTreeSet<StrId>>,
    /// Only one goroutine.
    pub g: Option<GoId>,
    /// Only while they were in a region of this type.
    pub region: Option<StrId>,
    /// Only while they were in a region that was opened here.
    pub opened_at: Option<FrameId>,
    /// Only while they were in a region of this task or its parts; of a task without regions, its
    /// goroutine's time from its beginning to its end.
    pub task: Option<TaskId>,
    /// The same of all tasks of this type.
    pub tasks: Option<StrId>,
    /// Only regions and tasks that took at least and at most so long, in nanoseconds: those of a
    /// type or a place, if one is named, else all regions. One that the trace cuts is as long as
    /// what is in it.
    pub lengths: Option<(i64, i64)>,
}

impl Wish {
    /// Whether what took this long is wished for.
    pub fn is_of_length(&self, ns: i64) -> bool {
        self.lengths.is_none_or(|(least, most)| (least..=most).contains(&ns))
    }

    /// Whether regions are named by what they are.
    fn names_regions(&self) -> bool {
        let lengths_alone = self.lengths.is_some() && self.task.is_none() && self.tasks.is_none();
        self.region.is_some() || self.opened_at.is_some() || lengths_alone
    }

    /// Whether a task is one of those that are named by their type.
    pub fn is_task(&self, task: &Task, end: Nanos) -> bool {
        self.tasks == Some(task.name) && self.is_of_length(task.duration(end))
    }
}

/// From when until when, in nanoseconds.
type Time = (i64, i64);

const ALWAYS: Time = (i64::MIN, i64::MAX);

impl Scope {
    /// All of a trace.
    pub fn whole(analysis: &Analysis) -> Scope {
        Scope { t0: 0, t1: analysis.duration(), gos: None }
    }

    /// What is wished for.
    pub fn new(
        analysis: &Analysis,
        summary: &Summary,
        facts: Option<&Facts>,
        wish: &Wish,
    ) -> Scope {
        let end = analysis.duration();
        let mut scope = Scope {
            t0: wish.t0.unwrap_or(0).clamp(0, end),
            t1: wish.t1.unwrap_or(end).clamp(0, end),
            gos: None,
        };
        if let Some(g) = wish.g {
            scope.narrow([(g, vec![ALWAYS])].into());
        }
        if wish.funcs.is_some() || wish.created_at.is_some() || wish.from_nowhere {
            let mut lines: HashMap<StackId, Option<FrameId>> = HashMap::new();
            let mut line_of = |stack| {
                let line = || facts.and_then(|facts| facts.line_of(analysis, stack));
                let line = || line().filter(|&line| !is_of_tests(&analysis.tables, line));
                *lines.entry(stack).or_insert_with(line)
            };
            let mut gos = HashMap::new();
            for row in summary.rows() {
                let is_its = |of: &BTreeSet<StrId>| of.contains(&summary.work(row));
                if wish.funcs.as_ref().is_some_and(|of| !is_its(of)) {
                    continue;
                }
                if let Some(at) = wish.created_at
                    && line_of(summary.created_at(row)) != Some(at)
                {
                    continue;
                }
                if wish.from_nowhere && line_of(summary.created_at(row)).is_some() {
                    continue;
                }
                gos.insert(summary.id(row), vec![ALWAYS]);
            }
            scope.narrow(gos);
        }
        if wish.names_regions() {
            let sites = wish.opened_at.map(|at| (Sites::new(analysis, summary), at));
            scope.narrow(of_regions(summary, end, |r| {
                wish.region.map_or(r.name.is_some(), |name| r.name == name)
                    && wish.is_of_length(r.duration(Nanos(end)))
                    && sites
                        .as_ref()
                        .is_none_or(|(sites, at)| sites.of(analysis, r.stack) == Some(*at))
            }));
        }
        if let Some(task) = wish.task {
            let family: HashSet<TaskId> = summary.family(task).into_iter().collect();
            let mut gos = of_regions(summary, end, |r| family.contains(&r.task));
            if gos.is_empty()
                && let Some(task) = summary.task(task)
            {
                let span = (task.start.map_or(0, |t| t.0), task.end.map_or(end, |t| t.0));
                gos.insert(task.g, vec![span]);
            }
            scope.narrow(gos);
        }
        if wish.tasks.is_some() {
            let end = Nanos(end);
            scope.narrow(of_tasks(summary, end, |task| wish.is_task(task, end)));
        }
        scope
    }

    /// Whether that is all of the trace.
    pub fn is_whole(&self, analysis: &Analysis) -> bool {
        self.t0 <= 0 && self.t1 >= analysis.duration() && self.gos.is_none()
    }

    /// Whether all of its goroutines' time between its ends counts.
    pub fn is_time_only(&self) -> bool {
        self.gos.is_none()
    }

    /// Whether anything of a goroutine can count.
    pub fn has(&self, g: GoId) -> bool {
        self.gos.as_ref().is_none_or(|gos| gos.contains_key(&g))
    }

    /// How much of a goroutine's time from `from` to `to` counts, in nanoseconds.
    pub fn inside(&self, g: GoId, from: i64, to: i64) -> i64 {
        match &self.gos {
            None => self.overlap(from, to, ALWAYS),
            Some(gos) => self.in_times(gos.get(&g).map(Vec::as_slice), from, to),
        }
    }

    fn in_times(&self, times: Option<&[Time]>, from: i64, to: i64) -> i64 {
        let times = times.unwrap_or_default();
        let first = times.partition_point(|time| time.1 <= from);
        let touching = times[first..].iter().take_while(|time| time.0 < to);
        touching.map(|&time| self.overlap(from, to, time)).sum()
    }

    fn overlap(&self, from: i64, to: i64, time: Time) -> i64 {
        to.min(self.t1).min(time.1).saturating_sub(from.max(self.t0).max(time.0)).max(0)
    }

    /// Only what is in these times, too.
    fn narrow(&mut self, mut gos: HashMap<GoId, Vec<Time>>) {
        if let Some(before) = self.gos.take() {
            gos.retain(|g, times| {
                let Some(others) = before.get(g) else { return false };
                let mut both = Vec::new();
                for &(a0, a1) in times.iter() {
                    for &(b0, b1) in others {
                        if a0.max(b0) < a1.min(b1) {
                            both.push((a0.max(b0), a1.min(b1)));
                        }
                    }
                }
                *times = both;
                !times.is_empty()
            });
        }
        self.gos = Some(gos);
    }
}

/// The times of some regions, joined where they overlap.
fn of_regions(
    summary: &Summary,
    end: i64,
    mut wanted: impl FnMut(&crate::summary::Region) -> bool,
) -> HashMap<GoId, Vec<Time>> {
    let mut gos: HashMap<GoId, Vec<Time>> = HashMap::new();
    for region in summary.regions.iter().filter(|r| wanted(r)) {
        let span = (region.start.map_or(0, |t| t.0), region.end.map_or(end, |t| t.0));
        gos.entry(region.g).or_default().push(span);
    }
    join(&mut gos);
    gos
}

/// The times of the regions of some tasks and their parts; of a task that has none, its goroutine's
/// from its beginning to its end.
fn of_tasks(
    summary: &Summary,
    end: Nanos,
    wanted: impl Fn(&Task) -> bool,
) -> HashMap<GoId, Vec<Time>> {
    let chosen: Vec<&Task> = summary.tasks.iter().filter(|t| t.id.0 != 0 && wanted(t)).collect();
    let is_chosen: HashSet<TaskId> = chosen.iter().map(|t| t.id).collect();
    // By task: the chosen one that it is a part of, or is.
    let mut known: HashMap<TaskId, Option<TaskId>> = HashMap::new();
    let mut of = |id: TaskId| {
        let (mut at, mut way) = (id, Vec::new());
        let found = loop {
            if let Some(&found) = known.get(&at) {
                break found;
            }
            if is_chosen.contains(&at) {
                break Some(at);
            }
            // A hostile trace may go round in circles: who was met is known to lead nowhere.
            known.insert(at, None);
            way.push(at);
            match summary.task(at).and_then(|task| task.parent) {
                Some(parent) => at = parent,
                None => break None,
            }
        };
        known.extend(way.into_iter().map(|at| (at, found)));
        found
    };
    let mut with_regions: HashSet<TaskId> = HashSet::new();
    let mut gos = of_regions(summary, end.0, |r| {
        let task = of(r.task);
        with_regions.extend(task);
        task.is_some()
    });
    let mut inner: Vec<TaskId> = with_regions.iter().copied().collect();
    while let Some(id) = inner.pop() {
        let outer = summary.task(id).and_then(|task| of(task.parent?));
        inner.extend(outer.filter(|&outer| with_regions.insert(outer)));
    }
    for task in chosen.iter().filter(|task| !with_regions.contains(&task.id)) {
        let span = (task.start.map_or(0, |t| t.0), task.end.unwrap_or(end).0);
        gos.entry(task.g).or_default().push(span);
    }
    join(&mut gos);
    gos
}

/// Brings times into order and joins those that overlap.
fn join(gos: &mut HashMap<GoId, Vec<Time>>) {
    for times in gos.values_mut() {
        times.sort_unstable();
        times.dedup_by(|next, kept| {
            let joined = next.0 <= kept.1;
            if joined {
                kept.1 = kept.1.max(next.1);
            }
            joined
        });
    }
}

/// What a goroutine did for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It ran, until it stood at this stack.
    Run(StackId),
    /// It could run and had no P.
    Runnable {
        /// Where it stood.
        own: StackId,
        /// Where who made it so stood.
        by: StackId,
    },
    /// It was blocked; the slot has the stack and the cause.
    Wait(SlotId),
    /// It was in a system call.
    Syscall(SlotId),
}

/// A while of a goroutine.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Whose.
    pub g: GoId,
    /// Since when, in nanoseconds since the trace's beginning.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// What it did.
    pub doing: Doing,
    /// The trace ended first.
    pub open: bool,
    /// Its goroutine had not run in the trace before.
    pub early: bool,
}

/// Calls `each` for every span of which a part counts, with how much does. The spans of one
/// goroutine come in order.
pub fn spans(analysis: &Analysis, stays: &Stays, scope: &Scope, each: &mut dyn FnMut(&Span, i64)) {
    let end = analysis.duration();
    let times: Option<Vec<Option<&[Time]>>> = scope
        .gos
        .as_ref()
        .map(|gos| stays.gos.iter().map(|go| gos.get(&go.id).map(Vec::as_slice)).collect());
    let mut give = |row: GoRow, span: &Span| {
        let ns = match &times {
            None => scope.overlap(span.from, span.to, ALWAYS),
            Some(times) => scope.in_times(times[row.0 as usize], span.from, span.to),
        };
        if ns > 0 {
            each(span, ns);
        }
    };
    let stack_of =
        |slot: SlotId| analysis.slots.get(slot.0 as usize).map_or(StackId::NONE, |slot| slot.stack);
    // Up to when each goroutine's time is told, and whether it ran before.
    let mut told: Vec<(i64, bool)> = stays.gos.iter().map(|go| (go.birth.0, false)).collect();
    for row in stays.rows() {
        let stay = stays.stay(row);
        let go = stays.go(stay.g);
        let (since, ran) = &mut told[stay.g.0 as usize];
        let span = |from, to, doing, open, early| Span { g: go.id, from, to, doing, open, early };
        if stay.start.0 > *since {
            *ran = true;
            let doing = Doing::Run(stack_of(stay.slot));
            give(stay.g, &span(*since, stay.start.0, doing, false, false));
        }
        let doing = match stay.kind {
            StayKind::Wait => Some(Doing::Wait(stay.slot)),
            StayKind::Syscall => Some(Doing::Syscall(stay.slot)),
            StayKind::Born | StayKind::Stop => None,
        };
        if let Some(doing) = doing {
            give(stay.g, &span(stay.start.0, stay.end.0, doing, stay.open, !*ran));
        }
        let until = stay.end.0.saturating_add(stays.runnable(row));
        if until > stay.end.0 {
            let doing = Doing::Runnable {
                own: own_stack(analysis, stays, row),
                by: match stay.kind {
                    StayKind::Wait => stay.waker_stack,
                    StayKind::Syscall => StackId::NONE,
                    StayKind::Born | StayKind::Stop => stack_of(stay.slot),
                },
            };
            let open = until >= end && stays.is_runnable_at_end(row);
            give(stay.g, &span(stay.end.0, until, doing, open, !*ran));
        }
        *since = until;
    }
    for (row, &(since, _)) in (0u32..).zip(&told) {
        let go = stays.go(GoRow(row));
        let until = go.end.0.min(end);
        if since < until {
            let (doing, open) = (Doing::Run(StackId::NONE), go.end.0 > end);
            let span = Span { g: go.id, from: since, to: until, doing, open, early: false };
            give(GoRow(row), &span);
        }
    }
    for brief in &stays.briefs {
        let g = brief.id();
        if !scope.has(g) {
            continue;
        }
        let own = StackId::NONE;
        let runnable = Doing::Runnable { own, by: stack_of(brief.slot) };
        let run = Doing::Run(StackId::NONE);
        for (from, to, doing, early) in [
            (brief.birth().0, brief.began(), runnable, true),
            (brief.began(), brief.end(), run, false),
        ] {
            let ns = scope.inside(g, from, to);
            if ns > 0 {
                each(&Span { g, from, to, doing, open: false, early }, ns);
            }
        }
    }
}

/// Where a goroutine stood that could run after a stay.
fn own_stack(analysis: &Analysis, stays: &Stays, row: StayRow) -> StackId {
    let stay = stays.stay(row);
    if stay.kind == StayKind::Born {
        return stays.go(stay.g).entry;
    }
    let of_slot = || analysis.slots.get(stay.slot.0 as usize).map(|slot| slot.stack);
    stays.apart(row).or_else(of_slot).unwrap_or(StackId::NONE)
}

/// How the waits of each goroutine in a scope were judged; those without a costly or an idle one are
/// left out.
pub fn worth(
    analysis: &Analysis,
    stays: &Stays,
    verdicts: &Verdicts,
    scope: &Scope,
) -> HashMap<GoId, Worth> {
    let slots = analysis.slots.iter();
    let columns: Vec<Option<Column>> =
        slots.map(|slot| Column::of_cause(analysis, analysis.causes.cause(slot.cause))).collect();
    let mut all: HashMap<GoId, Worth> = HashMap::new();
    for row in stays.rows() {
        let verdict = verdicts.of(stays, row).map(|judged| judged.verdict);
        if !matches!(verdict, Some(Verdict::Costly | Verdict::Idle)) {
            continue;
        }
        let stay = stays.stay(row);
        let g = stays.go(stay.g).id;
        let ns = scope.inside(g, stay.start.0, stay.end.0);
        let Some(column) = columns.get(stay.slot.0 as usize).copied().flatten() else { continue };
        if ns <= 0 {
            continue;
        }
        let worth = all.entry(g).or_default();
        match verdict {
            Some(Verdict::Costly) => worth.costly = worth.costly.saturating_add(ns),
            _ => worth.add_idle(column, ns),
        }
    }
    all
}

/// What each goroutine's time in a scope went to. `range` figures are those of assists only: a
/// sweep is a P's, and whose it was is only known for the whole trace.
pub fn goroutines(
    analysis: &Analysis,
    stays: &Stays,
    summary: &Summary,
    scope: &Scope,
) -> HashMap<GoId, Stats> {
    let mut all: HashMap<GoId, Stats> = HashMap::new();
    let network = analysis.tables.find("network").unwrap_or(StrId::NONE);
    let sleep = analysis.tables.find("sleep").unwrap_or(StrId::NONE);
    spans(analysis, stays, scope, &mut |span, ns| {
        let stats = all.entry(span.g).or_default();
        stats.total += ns;
        match span.doing {
            Doing::Run(_) => stats.exec += ns,
            Doing::Runnable { .. } => stats.sched_wait += ns,
            Doing::Wait(slot) => {
                let cause = analysis.slots.get(slot.0 as usize).map(|s| s.cause);
                let reason = match cause.map(|cause| analysis.causes.cause(cause)) {
                    Some(Cause::Net) => network,
                    Some(Cause::Sleep) => sleep,
                    Some(Cause::Sync(reason) | Cause::Wait(reason)) => reason,
                    _ => StrId::NONE,
                };
                stats.add_block(reason, ns);
            }
            Doing::Syscall(_) => {
                let lost = summary.handed_off(span.g, span.from, span.to);
                let lost = lost.map_or(0, |(from, to)| scope.inside(span.g, from, to));
                stats.syscall += ns - lost;
                stats.syscall_block += lost;
            }
        }
    });
    for range in &stays.ranges {
        let cause = analysis.slots.get(range.slot.0 as usize).map(|s| s.cause);
        if let Some(Cause::Range(kind)) = cause.map(|cause| analysis.causes.cause(cause))
            && range.g.is_some()
        {
            let ns = scope.inside(range.g, range.start.0, range.end.0);
            if ns > 0
                && let Some(stats) = all.get_mut(&range.g)
            {
                stats.add_range(kind, ns);
            }
        }
    }
    all
}
