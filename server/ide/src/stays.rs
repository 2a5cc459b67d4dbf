//! The life of every goroutine, as what verdicts and blame are made of.
//!
//! ```text
//! goroutine:  |born|..run..|--wait--|run|--syscall--|..........run...........|stop|.run.|
//! stays:       0            1            2                                     3
//!             each: how it stood still [start, end), then how long it was runnable; then it ran
//!             until the next one starts
//! ```
//!
//! Kept in the order of their ends, linked back for each goroutine, and back over the wakes that a
//! goroutine raised.

use exectrace::{GoId, Living, Nanos, Region, StackId};
use hashbrown::HashMap;

use crate::figures::SlotId;
use crate::sched::Sched;

mod regions;
mod sweep;
mod table;

pub(crate) use regions::InTime;
pub use regions::{NO_REGION, RegionSpan, TaskSpan};
use table::{New, Table, Wake};

/// A goroutine of the trace, by its row in [`Stays::gos`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoRow(pub u32);

/// A stay, by its row in [`Stays::list`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StayRow(pub u32);

impl GoRow {
    /// No goroutine.
    pub const NONE: GoRow = GoRow(u32::MAX);
}

impl StayRow {
    /// No stay.
    pub const NONE: StayRow = StayRow(u32::MAX);
}

/// What kind of stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StayKind {
    /// The goroutine was created, or was there when the trace began. Takes no time.
    Born,
    /// Blocked, for the reason of its slot's cause.
    Wait,
    /// In a system call.
    Syscall,
    /// It stopped running though it could go on: preempted, or by itself. Takes no time.
    Stop,
}

/// One stay of a goroutine.
#[derive(Debug, Clone, Copy)]
pub struct Stay {
    /// Its beginning; the trace's, where it began before.
    pub start: Nanos,
    /// Its end; the trace's, where it is open.
    pub end: Nanos,
    /// Whose stack it has, and for a wait its cause; for a birth, the slot of the first wait for a P.
    pub slot: SlotId,
    /// Whose.
    pub g: GoRow,
    /// The one before, of the same goroutine.
    pub prev: StayRow,
    /// Who ended it, or created the goroutine.
    pub waker: GoRow,
    /// The waker's last stay before that.
    pub waker_last: StayRow,
    /// The waker's stack at that.
    pub waker_stack: StackId,
    /// The stay that the same waker ended before this one.
    pub prev_wake: StayRow,
    /// What kind.
    pub kind: StayKind,
    /// It was still under way at the trace's end.
    pub open: bool,
}

impl Stay {
    /// Whether it is a wait or a call, which get verdicts.
    pub fn is_wait(&self) -> bool {
        matches!(self.kind, StayKind::Wait | StayKind::Syscall)
    }
}

/// A goroutine that was born in the trace, ran, and was gone: it never stood still, was never
/// stopped, woke and created nobody. A program can have millions of them.
#[derive(Debug, Clone, Copy)]
pub struct Brief {
    /// Its birth in nanoseconds: the low half, the high half. So there are no bytes between.
    birth: [u32; 2],
    /// How long it was runnable then, in nanoseconds.
    pub runnable: u32,
    /// How long it ran then, in nanoseconds.
    pub ran: u32,
    /// The slot of its waiting for a P, which has the stack of the `go` statement.
    pub slot: SlotId,
    /// Who created it.
    pub creator: GoRow,
    id: u32,
}

impl Brief {
    /// The runtime's number.
    pub fn id(&self) -> GoId {
        GoId(u64::from(self.id))
    }

    /// Its birth.
    pub fn birth(&self) -> Nanos {
        Nanos((u64::from(self.birth[0]) | u64::from(self.birth[1]) << 32) as i64)
    }

    /// When it first ran.
    pub fn began(&self) -> i64 {
        self.birth().0.saturating_add(i64::from(self.runnable))
    }

    /// Its end.
    pub fn end(&self) -> i64 {
        self.began().saturating_add(i64::from(self.ran))
    }
}

/// A goroutine of the trace.
#[derive(Debug, Clone, Copy)]
pub struct Go {
    /// The runtime's number.
    pub id: GoId,
    /// Its birth, or the trace's beginning.
    pub birth: Nanos,
    /// Its end; `i64::MAX` if it lived on.
    pub end: Nanos,
    /// Its creator, where that was seen.
    pub creator: GoRow,
    /// The stack of the first function, where the creation told it.
    pub entry: StackId,
    /// Its last stay.
    pub last: StayRow,
    /// The slots of its first two stays after its birth. The first can lack a stack, when it began
    /// before the trace.
    pub first: [SlotId; 2],
    /// Where the `go` statement stood.
    pub created_at: StackId,
}

impl Go {
    /// Whether a timer started it (`time.AfterFunc`): it was created within the trace, by no goroutine. Of
    /// those that were only seen first the trace does not tell how they began.
    pub(crate) fn is_timers(&self) -> bool {
        self.creator == GoRow::NONE && self.entry != StackId::NONE
    }
}

/// A range of the collector's time, or of a stopped world.
#[derive(Debug, Clone, Copy)]
pub struct RangeSpan {
    /// Its beginning; the trace's, where it began before.
    pub start: Nanos,
    /// Its end; the trace's, where it is open.
    pub end: Nanos,
    /// Whose it is; `NONE` for none.
    pub g: GoId,
    /// Its stack and cause.
    pub slot: SlotId,
    /// It was still under way at the trace's end.
    pub open: bool,
}

/// All stays of a trace.
#[derive(Debug, Default)]
pub struct Stays {
    /// In the order of their ends; open ones last. Births of those that were there before the trace are at 0,
    /// wherever these are first seen.
    table: Table,
    /// Goroutines in the order of their first sight, without the brief ones.
    pub gos: Vec<Go>,
    /// The brief ones, about in the order of their births.
    pub briefs: Vec<Brief>,
    /// Regions in the order of their beginnings.
    pub regions: Vec<RegionSpan>,
    /// Tasks in the order of their beginnings.
    pub tasks: Vec<TaskSpan>,
    open_tasks: HashMap<exectrace::TaskId, u32>,
    /// Whether Ps were idle while goroutines could run.
    pub sched: Sched,
    /// Ranges in the order of their ends; open ones last.
    pub ranges: Vec<RangeSpan>,
    /// Where the goroutine stood, when that is not the stack of the stay's slot.
    apart: HashMap<StayRow, StackId>,
    /// Those whose goroutines are runnable after them to the trace's end, in order.
    runnable_at_end: Vec<StayRow>,
    alive: Vec<Alive>,
    free: Vec<u32>,
    /// By goroutine: a row of `alive`.
    rows: Living<u32>,
    sweep: sweep::Sweep,
    counts: Counts,
}

/// What tells how much memory judging takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// About how many waits and calls stand at a place where their goroutine did not stand before.
    pub(crate) places: usize,
    /// How many stays a goroutine ended, and births.
    pub(crate) wakes: usize,
}

/// What a goroutine has while it lives.
#[derive(Debug, Clone, Copy)]
struct Alive {
    row: GoRow,
    last: StayRow,
    /// The last stay that it ended, of another goroutine.
    last_wake: StayRow,
    region: u32,
    /// It had a region.
    regions: bool,
    /// How much of `Go::first` is known.
    first: u8,
    /// A bit for each slot, or for several, that it waited in.
    places: u64,
}

/// What a pass keeps of this for each living goroutine.
#[derive(Debug, Clone, Copy)]
pub struct StayLocal {
    /// A row of `Stays::alive`.
    alive: u32,
    /// When the stay under way began, or the waiting for a P.
    since: Nanos,
    /// How long a P had been idle, up to when the waiting for one began.
    pub(crate) idle: i64,
}

impl Default for StayLocal {
    fn default() -> Self {
        StayLocal { alive: u32::MAX, since: Nanos(0), idle: 0 }
    }
}

impl Stays {
    /// The program's first goroutine; `NONE` where the trace does not have it.
    pub(crate) fn main(&self) -> GoRow {
        let row = self.gos.iter().position(|go| go.id == GoId(1));
        row.map_or(GoRow::NONE, |row| GoRow(row as u32))
    }

    /// How many stays there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// About how many bytes of memory they take. (Of what a vector has room for, only what is in use
    /// takes any.)
    pub fn memory(&self) -> usize {
        self.table.memory()
            + size_of_val(&*self.gos)
            + size_of_val(&*self.briefs)
            + size_of_val(&*self.regions)
            + size_of_val(&*self.tasks)
            + size_of_val(&*self.ranges)
            + size_of_val(&*self.alive)
    }

    /// What tells how much memory judging takes.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// How long the goroutine was runnable after a stay, in nanoseconds.
    #[inline]
    pub fn runnable(&self, row: StayRow) -> i64 {
        self.table.runnable(row)
    }

    /// Where the goroutine stood in a stay, when that is not the stack of the stay's slot.
    pub(crate) fn apart(&self, row: StayRow) -> Option<StackId> {
        self.apart.get(&row).copied()
    }

    /// Whether the goroutine is runnable after a stay, to the trace's end.
    pub fn is_runnable_at_end(&self, row: StayRow) -> bool {
        self.runnable_at_end.binary_search(&row).is_ok()
    }

    /// A stay. Inlined, so that a caller pays only for what it looks at.
    #[inline(always)]
    pub fn stay(&self, row: StayRow) -> Stay {
        self.table.stay(row)
    }

    /// Whose a stay is.
    #[inline(always)]
    pub fn g(&self, row: StayRow) -> GoRow {
        self.table.g(row)
    }

    /// Whose stack a stay has, and for a wait its cause.
    #[inline(always)]
    pub fn slot(&self, row: StayRow) -> SlotId {
        self.table.slot(row)
    }

    /// When a stay ended.
    #[inline(always)]
    pub fn end(&self, row: StayRow) -> Nanos {
        Nanos(self.table.end(row))
    }

    /// A goroutine.
    pub fn go(&self, row: GoRow) -> &Go {
        &self.gos[row.0 as usize]
    }

    /// The goroutines that timers started and that ended several waits, in order: what ended one wait alone was a
    /// limit of that.
    pub(crate) fn ended_several(&self) -> Vec<GoRow> {
        let wakers = self.rows().map(|row| self.stay(row).waker);
        let mut wakers: Vec<GoRow> =
            wakers.filter(|&g| g != GoRow::NONE && self.go(g).is_timers()).collect();
        wakers.sort_unstable();
        let several = wakers.windows(2).filter(|pair| pair[0] == pair[1]);
        let mut several: Vec<GoRow> = several.map(|pair| pair[0]).collect();
        several.dedup();
        several
    }

    /// The rows of the stays, in the order of their ends.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = StayRow> + use<> {
        (0..self.table.len() as u32).map(StayRow)
    }

    /// A stay, and how long the goroutine was runnable after it. Inlined as [`Stays::stay`] is.
    #[inline(always)]
    pub fn stay_and_runnable(&self, row: StayRow) -> (Stay, i64) {
        self.table.stay_and_runnable(row)
    }

    /// All stays, in the order of their ends.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = Stay> + '_ {
        self.rows().map(|row| self.stay(row))
    }

    /// A goroutine comes into sight: it is created at `t` by `by`, or was there at `t`.
    pub(crate) fn born(
        &mut self,
        local: &mut StayLocal,
        g: GoId,
        t: Nanos,
        by: GoId,
        created_at: StackId,
        entry: StackId,
    ) {
        if self.table.len() >= self.sweep.at() {
            self.sweep();
        }
        let row = GoRow(self.gos.len() as u32);
        let by = self.alive_of(by);
        let creator = self.alive.get(by as usize).map_or(GoRow::NONE, |by| by.row);
        self.gos.push(Go {
            id: g,
            birth: t,
            end: Nanos(i64::MAX),
            creator,
            entry,
            last: StayRow::NONE,
            first: [SlotId::NONE; 2],
            created_at,
        });
        let alive = Alive {
            row,
            last: StayRow::NONE,
            last_wake: StayRow::NONE,
            region: NO_REGION,
            regions: false,
            first: 0,
            places: 0,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.alive[at as usize] = alive;
                at
            }
            None => {
                self.alive.push(alive);
                self.alive.len() as u32 - 1
            }
        };
        self.rows.insert(g, at);
        *local = StayLocal { alive: at, since: t, idle: 0 };
        self.push(local, StayKind::Born, SlotId::NONE, t, Some((by, created_at)), false);
    }

    /// It is runnable since its birth, and that is summed up in `slot`.
    pub(crate) fn starts(&mut self, local: &StayLocal, slot: SlotId) {
        let Some(alive) = self.alive.get(local.alive as usize) else { return };
        self.table.set_slot(alive.last, slot);
    }

    /// A range ends at `end`.
    pub(crate) fn range(&mut self, slot: SlotId, g: GoId, start: Nanos, end: Nanos, open: bool) {
        self.ranges.push(RangeSpan { start, end, g, slot, open });
    }

    /// It stands still from `t` on.
    #[inline(always)]
    pub(crate) fn begins(&mut self, local: &mut StayLocal, t: Nanos) {
        local.since = t;
    }

    /// It stops at `t` though it could go on.
    #[inline(always)]
    pub(crate) fn stops(&mut self, local: &mut StayLocal, slot: SlotId, t: Nanos) {
        local.since = t;
        self.push(local, StayKind::Stop, slot, t, None, false);
    }

    /// Its wait ends at `t`; `by` ended it, standing at `stack`.
    #[inline(always)]
    pub(crate) fn wakes(
        &mut self,
        local: &mut StayLocal,
        slot: SlotId,
        t: Nanos,
        by: GoId,
        stack: StackId,
    ) {
        let waker = self.alive_of(by);
        self.push(local, StayKind::Wait, slot, t, Some((waker, stack)), false);
        local.since = t;
    }

    /// It returns from a system call at `t`, and is runnable then, or runs.
    #[inline(always)]
    pub(crate) fn returns(
        &mut self,
        local: &mut StayLocal,
        slot: SlotId,
        t: Nanos,
        is_runnable: bool,
    ) {
        let nobody = is_runnable.then_some((u32::MAX, StackId::NONE));
        self.push(local, StayKind::Syscall, slot, t, nobody, false);
        local.since = t;
    }

    /// It runs from `t` on, after it was runnable; it stood at `own`, where that is not the stack of
    /// its stay's slot.
    #[inline(always)]
    pub(crate) fn runs(&mut self, local: &StayLocal, t: Nanos, own: Option<StackId>) {
        let Some(alive) = self.alive.get(local.alive as usize) else { return };
        let last = alive.last;
        self.table.set_runnable(last, t.since(local.since));
        if let Some(own) = own {
            self.apart.insert(last, own);
        }
    }

    /// The trace ends at `t` while it is runnable.
    pub(crate) fn stays_runnable(&mut self, local: &StayLocal, t: Nanos, own: Option<StackId>) {
        self.runs(local, t, own);
        let Some(alive) = self.alive.get(local.alive as usize) else { return };
        let at = self.runnable_at_end.partition_point(|row| *row < alive.last);
        self.runnable_at_end.insert(at, alive.last);
    }

    /// It is gone.
    #[inline(always)]
    pub(crate) fn dies(&mut self, local: &StayLocal, t: Nanos) {
        let Some(&alive) = self.alive.get(local.alive as usize) else { return };
        let Some(go) = self.gos.get_mut(alive.row.0 as usize) else { return };
        go.end = t;
        go.last = alive.last;
        let row = self.rows.find(go.id);
        self.rows.remove(row);
        self.free.push(local.alive);
        if alive.last_wake == StayRow::NONE && !alive.regions {
            self.dies_unseen(alive);
        }
    }

    /// The trace ends at `t` while it stands still.
    pub(crate) fn stays_open(&mut self, local: &StayLocal, kind: StayKind, slot: SlotId, t: Nanos) {
        self.push(local, kind, slot, t, None, true);
    }

    /// The trace is over: what is known of the living is written down.
    pub(crate) fn close(&mut self) {
        let mut alive = std::mem::take(&mut self.alive);
        for gone in std::mem::take(&mut self.free) {
            if let Some(gone) = alive.get_mut(gone as usize) {
                gone.row = GoRow::NONE;
            }
        }
        for alive in alive {
            if let Some(go) = self.gos.get_mut(alive.row.0 as usize) {
                go.last = alive.last;
            }
        }
        self.rows = Living::default();
    }

    /// A region begins or ends on goroutine `g`.
    pub(crate) fn region(&mut self, t: Nanos, g: GoId, region: &Region, stack: StackId) {
        let at = self.alive_of(g);
        let Some(go) = self.alive.get_mut(at as usize) else { return };
        if region.begins {
            go.regions = true;
            let outer = std::mem::replace(&mut go.region, self.regions.len() as u32);
            self.regions.push(RegionSpan::new(region.name, t, outer, stack, go.row));
        } else if let Some(open) = self.regions.get_mut(go.region as usize) {
            open.ends(t);
            go.region = open.outer;
        }
    }

    /// A task begins or ends.
    pub(crate) fn task(&mut self, t: Nanos, task: &exectrace::Task, stack: StackId) {
        if task.begins {
            self.open_tasks.insert(task.id, self.tasks.len() as u32);
            self.tasks.push(TaskSpan::new(task.name, t, stack));
        } else if let Some(row) = self.open_tasks.remove(&task.id)
            && let Some(open) = self.tasks.get_mut(row as usize)
        {
            open.ends(t);
        }
    }

    #[inline(always)]
    fn alive_of(&mut self, g: GoId) -> u32 {
        if g == GoId::NONE {
            return u32::MAX;
        }
        let row = self.rows.find(g);
        self.rows.get(row, g).copied().unwrap_or(u32::MAX)
    }

    /// A stay ends at `t`. `by` tells who ended it, a row of `alive`, and where that one stood; `None`
    /// if nobody can have, and the goroutine runs on at once or was stopped.
    #[inline(always)]
    fn push(
        &mut self,
        local: &StayLocal,
        kind: StayKind,
        slot: SlotId,
        t: Nanos,
        by: Option<(u32, StackId)>,
        open: bool,
    ) {
        let row = StayRow(self.table.len() as u32);
        let mut wake = None;
        if let Some((by, stack)) = by {
            wake = Some(Wake::BY_NONE);
            if let Some(by) = self.alive.get_mut(by as usize) {
                let prev = std::mem::replace(&mut by.last_wake, row);
                wake = Some(Wake { waker: by.row, last: by.last, stack, prev });
                self.counts.wakes += 1;
            }
        }
        let Some(alive) = self.alive.get_mut(local.alive as usize) else { return };
        if alive.first < 2 && kind != StayKind::Born {
            if let Some(go) = self.gos.get_mut(alive.row.0 as usize) {
                go.first[usize::from(alive.first)] = slot;
            }
            alive.first += 1;
        }
        if matches!(kind, StayKind::Wait | StayKind::Syscall) {
            let place = 1 << (slot.0 % 64);
            self.counts.places += usize::from(alive.places & place == 0);
            alive.places |= place;
        }
        let prev = std::mem::replace(&mut alive.last, row);
        let ns = t.since(local.since);
        self.table.push(&New { end: t, ns, kind, slot, g: alive.row, prev, open, wake });
    }
}
