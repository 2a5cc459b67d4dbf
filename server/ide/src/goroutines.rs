//! Goroutines by the `go` statement that started them: how many, how long they lived, and what
//! their time went to.
//!
//! A goroutine's running time is what is left of its life when its stays and its waiting for a P are
//! taken off: it needs no span of its own.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::figures::SlotId;
use crate::stays::{Brief, Go, GoRow, StayKind, StayRow, Stays};
use crate::verdicts::Facts;

/// What one goroutine's life went to, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// From its birth, or the trace's beginning, to its end, or the trace's.
    pub ns: i64,
    /// It ran.
    pub run_ns: i64,
    /// It was blocked.
    pub wait_ns: i64,
    /// It was in system calls.
    pub syscall_ns: i64,
    /// It could run and had no P.
    pub runnable_ns: i64,
}

/// The goroutines that one `go` statement started within the trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GoGroup {
    /// Where the statement stands: the line of the program's own that led there, else the first
    /// outside the runtime.
    pub created_at: FrameId,
    /// The function that their work begins with, as far as a stack of one tells.
    pub func: StrId,
    /// How many it started.
    pub started: u64,
    /// How many of them were alive at once, at most.
    pub alive_max: u64,
    /// How long half of them lived at most, those still there up to the trace's end. Nanoseconds.
    pub life_p50: i64,
    /// How long half of them ran at most, in nanoseconds.
    pub run_p50: i64,
    /// What all their time together went to.
    pub life: Life,
    /// How many ended within the trace.
    pub ended: u64,
    /// How many were still there at its end.
    pub still: u64,
    /// They themselves, in the order of their births, without the brief ones. Not kept, like the
    /// lives that they are rows of.
    #[serde(skip)]
    pub gos: Vec<GoRow>,
    /// The brief ones among them: rows of [`Stays::briefs`]. Not kept either.
    #[serde(skip)]
    pub briefs: Vec<u32>,
}

impl Life {
    /// Of a goroutine that only ran.
    fn of_brief(brief: &Brief) -> Life {
        let (run_ns, runnable_ns) = (i64::from(brief.ran), i64::from(brief.runnable));
        Life { ns: run_ns + runnable_ns, run_ns, runnable_ns, ..Life::default() }
    }

    fn add(&mut self, other: &Life) {
        self.ns = self.ns.saturating_add(other.ns);
        self.run_ns = self.run_ns.saturating_add(other.run_ns);
        self.wait_ns = self.wait_ns.saturating_add(other.wait_ns);
        self.syscall_ns = self.syscall_ns.saturating_add(other.syscall_ns);
        self.runnable_ns = self.runnable_ns.saturating_add(other.runnable_ns);
    }
}

impl GoGroup {
    fn new(created_at: FrameId) -> GoGroup {
        GoGroup {
            created_at,
            func: StrId::NONE,
            started: 0,
            alive_max: 0,
            life_p50: 0,
            run_p50: 0,
            life: Life::default(),
            ended: 0,
            still: 0,
            gos: Vec::new(),
            briefs: Vec::new(),
        }
    }

    /// The brief ones among them.
    pub(crate) fn briefs<'s>(&'s self, stays: &'s Stays) -> impl Iterator<Item = &'s Brief> {
        self.briefs.iter().filter_map(|&row| stays.briefs.get(row as usize))
    }
}

/// What the life of each goroutine went to, by its row. Brief ones have none.
pub fn lives(analysis: &Analysis, stays: &Stays) -> Vec<Life> {
    let end = analysis.duration();
    let mut lives: Vec<Life> = stays
        .gos
        .iter()
        .map(|go| Life { ns: go.end.0.min(end).saturating_sub(go.birth.0), ..Life::default() })
        .collect();
    for row in stays.rows() {
        let (stay, runnable) = stays.stay_and_runnable(row);
        let Some(life) = lives.get_mut(stay.g.0 as usize) else { continue };
        let ns = stay.end.since(stay.start);
        match stay.kind {
            StayKind::Wait => life.wait_ns += ns,
            StayKind::Syscall => life.syscall_ns += ns,
            StayKind::Born | StayKind::Stop => {}
        }
        life.runnable_ns += runnable;
    }
    for life in &mut lives {
        life.run_ns = (life.ns - life.wait_ns - life.syscall_ns - life.runnable_ns).max(0);
    }
    lives
}

/// The goroutines started within the trace, by `go` statement, in the order of the first of each. Those that the
/// runtime started on somebody's way, the collector's say, are of no statement of theirs.
pub fn groups(analysis: &Analysis, stays: &Stays, facts: &Facts, lives: &[Life]) -> Vec<GoGroup> {
    let mut groups: Vec<GoGroup> = Vec::new();
    let mut rows: HashMap<FrameId, usize> = HashMap::new();
    let mut frames: HashMap<exectrace::StackId, Option<FrameId>> = HashMap::new();
    let mut at = |groups: &mut Vec<GoGroup>, created_at| {
        let frame = *frames.entry(created_at).or_insert_with(|| {
            let by = analysis.stack(created_at).first().copied();
            let by = by.map_or("", |f| analysis.str(analysis.tables.frame(f).func));
            let is_runtimes = by.starts_with("runtime.") || by.starts_with("runtime/");
            (!is_runtimes).then(|| facts.line_of(analysis, created_at)).flatten()
        });
        let frame = frame?;
        Some(*rows.entry(frame).or_insert_with(|| {
            groups.push(GoGroup::new(frame));
            groups.len() - 1
        }))
    };
    for (row, go) in (0u32..).zip(&stays.gos) {
        if let Some(at) = at(&mut groups, go.created_at) {
            groups[at].gos.push(GoRow(row));
        }
    }
    for (row, brief) in (0u32..).zip(&stays.briefs) {
        let Some(slot) = analysis.slots.get(brief.slot.0 as usize) else { continue };
        if let Some(at) = at(&mut groups, slot.stack) {
            groups[at].briefs.push(row);
        }
    }
    for group in &mut groups {
        let funcs = group.gos.iter().map(|&g| func(analysis, stays.go(g)));
        group.func = funcs.take(LOOKED_AT).find(|func| func.is_some()).unwrap_or(StrId::NONE);
        sum_up(group, stays, lives);
    }
    groups
}

/// The stacks of so many tell what a statement starts, or none.
const LOOKED_AT: usize = 100;

/// What a goroutine's work begins with, as far as its first stacks tell.
pub(crate) fn func(analysis: &Analysis, go: &Go) -> StrId {
    let of_slot = |slot: &SlotId| analysis.slots.get(slot.0 as usize).map(|slot| slot.stack);
    let stacks = go.first.iter().filter_map(of_slot);
    let stacks = std::iter::once(go.entry).chain(stacks).filter(|&stack| stack != StackId::NONE);
    let mut funcs = stacks.map(|stack| crate::starters::work(&analysis.tables, stack));
    funcs.find(|func| func.is_some()).unwrap_or(StrId::NONE)
}

fn sum_up(group: &mut GoGroup, stays: &Stays, lives: &[Life]) {
    let gos = || group.gos.iter().map(|&g| stays.go(g));
    let started = (group.gos.len() + group.briefs.len()) as u64;
    // There can be millions, so one list serves for all that is put in order.
    let mut values: Vec<i64> = group.briefs(stays).map(Brief::end).collect();
    values.extend(gos().map(|go| go.end.0));
    values.sort_unstable();
    let ended = values.partition_point(|&end| end != i64::MAX) as u64;
    let mut of_gos: Vec<i64> = gos().map(|go| go.birth.0).collect();
    of_gos.sort_unstable();
    // Brief ones stand in the order of their births.
    let of_briefs = group.briefs(stays).map(|brief| brief.birth().0);
    let (mut gone, mut alive_max) = (0u64, 0u64);
    for (born, birth) in (1u64..).zip(merged(of_gos.into_iter(), of_briefs)) {
        while values.get(gone as usize).is_some_and(|&end| end <= birth) {
            gone += 1;
        }
        alive_max = alive_max.max(born.saturating_sub(gone));
    }
    let all = || {
        let gos = group.gos.iter().filter_map(|g| lives.get(g.0 as usize).copied());
        gos.chain(group.briefs(stays).map(Life::of_brief))
    };
    let mut life = Life::default();
    all().for_each(|one| life.add(&one));
    let mut of = |what: fn(Life) -> i64| {
        values.clear();
        values.extend(all().map(what));
        median(&mut values)
    };
    let (life_p50, run_p50) = (of(|l| l.ns), of(|l| l.run_ns));
    (group.started, group.ended, group.still) = (started, ended, started - ended);
    (group.life, group.alive_max) = (life, alive_max);
    (group.life_p50, group.run_p50) = (life_p50, run_p50);
}

/// What comes of two that rise: it rises.
fn merged(
    one: impl Iterator<Item = i64>,
    other: impl Iterator<Item = i64>,
) -> impl Iterator<Item = i64> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(a), Some(b)) if b < a => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

/// The value that half of all do not exceed; 0 of none.
fn median(values: &mut [i64]) -> i64 {
    let middle = values.len().saturating_sub(1) / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}

/// When a goroutine ran: its intervals from the last back to the first.
pub fn ran(analysis: &Analysis, stays: &Stays, g: GoRow, mut each: impl FnMut(i64, i64)) {
    let go = stays.go(g);
    let mut until = go.end.0.min(analysis.duration());
    let mut row = go.last;
    while row != StayRow::NONE {
        let stay = stays.stay(row);
        let from = stay.end.0.saturating_add(stays.runnable(row));
        if from < until {
            each(from, until);
        }
        until = stay.start.0;
        row = stay.prev;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::analysis::Builder;
    use crate::lines::is_user_by_name;

    const LEAK: &[u8] = include_bytes!("../../../testdata/truth/traces/leak.trace");

    /// 40 requests start two goroutines each, of which one is left behind.
    #[test]
    fn what_became_of_them() {
        let mut builder = Builder::new().with_stays();
        builder.space(LEAK.len()).copy_from_slice(LEAK);
        builder.filled(LEAK.len());
        let analysis = builder.finish().unwrap();
        let own = |f| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
        let facts = Facts::new(&analysis, &own);
        let stays = analysis.stays.as_ref().unwrap();
        let lives = lives(&analysis, stays);
        let groups = groups(&analysis, stays, &facts, &lives);
        let line = |g: &GoGroup| analysis.tables.frame(g.created_at).line;
        let group = groups.iter().find(|g| facts.is_own(g.created_at) && line(g) == 13).unwrap();
        assert_eq!((group.started, group.ended, group.still), (80, 40, 40));
        assert!((41..=42).contains(&group.alive_max), "{}", group.alive_max);
        assert!(group.run_p50 >= 100_000, "each spins for 100 µs: {}", group.run_p50);
        let life = group.life;
        let parts = life.run_ns + life.wait_ns + life.syscall_ns + life.runnable_ns;
        assert_eq!(parts, life.ns);
        let mut ran_ns = 0;
        for &g in &group.gos {
            ran(&analysis, stays, g, |from, to| ran_ns += to - from);
        }
        assert_eq!(ran_ns, life.run_ns);
    }

    #[test]
    fn median_is_the_lower_middle() {
        assert_eq!(median(&mut []), 0);
        assert_eq!(median(&mut [3, 1, 2]), 2);
        assert_eq!(median(&mut [4, 1, 3, 2]), 2);
    }
}
