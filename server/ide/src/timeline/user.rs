//! What a program tells of itself: tasks, and regions in them. A server has one for every few dozen events.

use exectrace::{StackId, StrId, TaskId};

use super::GoRef;
use super::column::{Column, Narrow, Pairs, Times, first};
use super::gos::ByNumber;

/// A user task.
#[derive(Debug, Clone, Copy)]
pub struct TaskSpan {
    /// The runtime's number.
    pub id: TaskId,
    /// The task that it is part of.
    pub parent: TaskId,
    /// Its type.
    pub name: StrId,
    /// Its beginning.
    pub start: i64,
    /// Its end; `None` if that was not seen.
    pub end: Option<i64>,
    /// Who began it.
    pub go: GoRef,
    /// Where it began.
    pub stack: StackId,
}

/// A user region.
#[derive(Debug, Clone, Copy)]
pub struct RegionSpan {
    /// The task that it is part of; 0 is none.
    pub task: TaskId,
    /// Its type.
    pub name: StrId,
    /// Its beginning.
    pub start: i64,
    /// Its end; `None` if that was not seen.
    pub end: Option<i64>,
    /// Whose it is.
    pub go: GoRef,
    /// Where it began.
    pub stack: StackId,
}

/// What tasks and regions have alike, in 16 bytes each.
#[derive(Debug, Default)]
struct Named {
    starts: Times,
    /// `u64::MAX`: the end was not seen.
    lengths: Narrow,
    gos: Column<u32>,
    /// Names and stacks: rows of `pairs`.
    what: Column<u32>,
    pairs: Pairs<StrId, StackId>,
}

impl Named {
    fn push(&mut self, start: i64, name: StrId, go: GoRef, stack: StackId) {
        self.starts.push(start);
        self.lengths.push(u64::MAX);
        self.gos.push(go.0);
        self.what.push(self.pairs.row((name, stack)));
    }

    fn ends(&mut self, row: usize, end: i64) {
        if let Some(start) = self.starts.get(row) {
            self.lengths.set(row, (end - start).max(0) as u64);
        }
    }

    fn get(&self, row: usize) -> Option<(i64, Option<i64>, StrId, GoRef, StackId)> {
        let start = self.starts.get(row)?;
        let length = self.lengths.get(row).filter(|&length| length != u64::MAX);
        let (name, stack) = self.pairs.get(*self.what.get(row)?)?;
        let end = length.map(|length| start.saturating_add_unsigned(length));
        Some((start, end, name, GoRef(*self.gos.get(row)?), stack))
    }

    fn begun(&self, is: impl Fn(i64) -> bool) -> usize {
        first(0, self.starts.len(), |row| self.starts.get(row).is_some_and(&is))
    }

    fn bytes(&self) -> usize {
        self.starts.bytes() + self.lengths.bytes() + self.gos.bytes() + self.what.bytes()
    }
}

/// User tasks, in the order of their beginnings.
#[derive(Debug, Default)]
pub struct Tasks {
    named: Named,
    ids: Narrow,
    parents: Narrow,
    by_id: ByNumber,
    /// Where the regions of each begin in `regions`; and behind the last one.
    firsts: Vec<u32>,
    regions: Vec<u32>,
}

impl Tasks {
    pub(super) fn push(&mut self, task: &TaskSpan) {
        self.named.push(task.start, task.name, task.go, task.stack);
        self.ids.push(task.id.0);
        self.parents.push(task.parent.0);
    }

    pub(super) fn ends(&mut self, row: u32, end: i64) {
        self.named.ends(row as usize, end);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.named.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// By row.
    pub fn get(&self, row: usize) -> Option<TaskSpan> {
        let (start, end, name, go, stack) = self.named.get(row)?;
        let (id, parent) = (TaskId(self.ids.get(row)?), TaskId(self.parents.get(row)?));
        Some(TaskSpan { id, parent, name, start, end, go, stack })
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = TaskSpan> + '_ {
        self.some(0..self.len())
    }

    pub(super) fn some(
        &self,
        rows: std::ops::Range<usize>,
    ) -> impl DoubleEndedIterator<Item = TaskSpan> + '_ {
        rows.filter_map(|row| self.get(row))
    }

    /// How many began at a time that is so; those come first.
    pub(super) fn begun(&self, is: impl Fn(i64) -> bool) -> usize {
        self.named.begun(is)
    }

    pub(super) fn find(&self, id: TaskId) -> Option<u32> {
        self.by_id.find(id.0)
    }

    /// The rows of a task's regions, in the order of their beginnings.
    pub(super) fn regions_of(&self, task: u32) -> &[u32] {
        let from = self.firsts.get(task as usize).map_or(0, |&from| from as usize);
        let to = self.firsts.get(task as usize + 1).map_or(0, |&to| to as usize);
        self.regions.get(from..to).unwrap_or_default()
    }

    /// No more will come, neither of regions.
    pub(super) fn close(&mut self, regions: &Regions) {
        self.by_id = ByNumber::new(|| (0..self.len()).filter_map(|row| self.ids.get(row)));
        let of = |row: usize| regions.tasks.get(row).and_then(|id| self.by_id.find(id));
        let mut next = vec![0u32; self.len() + 2];
        for task in (0..regions.len()).filter_map(of) {
            next[task as usize + 2] += 1;
        }
        for row in 2..next.len() {
            next[row] += next[row - 1];
        }
        let mut rows = vec![0; next.last().map_or(0, |&n| n as usize)];
        for row in 0..regions.len() {
            let Some(task) = of(row) else { continue };
            let at = &mut next[task as usize + 1];
            rows[*at as usize] = row as u32;
            *at += 1;
        }
        next.pop();
        (self.firsts, self.regions) = (next, rows);
    }

    pub(super) fn bytes(&self) -> usize {
        self.named.bytes()
            + self.ids.bytes()
            + self.parents.bytes()
            + self.by_id.bytes()
            + (self.firsts.capacity() + self.regions.capacity()) * 4
    }
}

/// User regions, in the order of their beginnings.
#[derive(Debug, Default)]
pub struct Regions {
    named: Named,
    tasks: Narrow,
}

impl Regions {
    pub(super) fn push(&mut self, region: &RegionSpan) {
        self.named.push(region.start, region.name, region.go, region.stack);
        self.tasks.push(region.task.0);
    }

    pub(super) fn ends(&mut self, row: u32, end: i64) {
        self.named.ends(row as usize, end);
    }

    pub(super) fn name(&self, row: u32) -> Option<StrId> {
        self.named.get(row as usize).map(|named| named.2)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.named.starts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// By row.
    pub fn get(&self, row: usize) -> Option<RegionSpan> {
        let (start, end, name, go, stack) = self.named.get(row)?;
        Some(RegionSpan { task: TaskId(self.tasks.get(row)?), name, start, end, go, stack })
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = RegionSpan> + '_ {
        self.some(0..self.len())
    }

    pub(super) fn some(
        &self,
        rows: std::ops::Range<usize>,
    ) -> impl DoubleEndedIterator<Item = RegionSpan> + '_ {
        rows.filter_map(|row| self.get(row))
    }

    /// How many began at a time that is so; those come first.
    pub(super) fn begun(&self, is: impl Fn(i64) -> bool) -> usize {
        self.named.begun(is)
    }

    pub(super) fn bytes(&self) -> usize {
        self.named.bytes() + self.tasks.bytes()
    }
}
