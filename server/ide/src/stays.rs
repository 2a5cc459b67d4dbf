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

use exectrace::{GoId, Living, Nanos, Region, StackId, StrId};
use hashbrown::HashMap;

use crate::figures::SlotId;
use crate::sched::Sched;

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

/// One stay of a goroutine, and its waiting for a P after it.
#[derive(Debug, Clone, Copy)]
pub struct Stay {
    /// Its beginning; the trace's, where it began before.
    pub start: Nanos,
    /// Its end; the trace's, where it is open.
    pub end: Nanos,
    /// How long the goroutine was runnable then, in nanoseconds; `u32::MAX`: see
    /// [`Stays::runnable`].
    runnable: u32,
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
    /// The innermost region that it lies in: a row of [`Stays::regions`], or `u32::MAX`.
    pub region: u32,
    /// What kind.
    pub kind: StayKind,
    /// It was still under way at the trace's end.
    pub open: bool,
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
    /// The last stay that it ended, of another goroutine.
    last_wake: StayRow,
    region: u32,
    /// Where the `go` statement stood.
    pub created_at: StackId,
}

/// A user region of the trace.
#[derive(Debug, Clone, Copy)]
pub struct RegionSpan {
    /// Its type.
    pub name: StrId,
    /// Its beginning.
    pub start: Nanos,
    /// Its end; `None` if it was open at the trace's end.
    pub end: Option<Nanos>,
    /// The region around it: a row, or `u32::MAX`.
    pub outer: u32,
    /// Where it began.
    pub stack: StackId,
    /// Whose.
    pub g: GoRow,
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

/// No region.
pub const NO_REGION: u32 = u32::MAX;

/// All stays of a trace.
#[derive(Debug, Default)]
pub struct Stays {
    /// In the order of their ends; open ones last.
    pub list: Vec<Stay>,
    /// Goroutines in the order of their first sight.
    pub gos: Vec<Go>,
    /// Regions in the order of their beginnings.
    pub regions: Vec<RegionSpan>,
    /// Whether Ps were idle while goroutines could run.
    pub sched: Sched,
    /// Ranges in the order of their ends; open ones last.
    pub ranges: Vec<RangeSpan>,
    long_runnable: HashMap<StayRow, i64>,
    /// Where the goroutine stood, when that is not the stack of the stay's slot.
    apart: HashMap<StayRow, StackId>,
    /// Those whose goroutines are runnable after them to the trace's end, in order.
    runnable_at_end: Vec<StayRow>,
    rows: Living<u32>,
}

/// What a pass keeps of this for each living goroutine.
#[derive(Debug, Clone, Copy)]
pub struct StayLocal {
    row: GoRow,
    /// When the stay under way began, or the waiting for a P.
    since: Nanos,
    /// How long a P had been idle, up to when the waiting for one began.
    pub(crate) idle: i64,
}

impl Default for StayLocal {
    fn default() -> Self {
        StayLocal { row: GoRow::NONE, since: Nanos(0), idle: 0 }
    }
}

impl Stays {
    /// How long the goroutine was runnable after a stay, in nanoseconds.
    pub fn runnable(&self, row: StayRow) -> i64 {
        match self.list[row.0 as usize].runnable {
            u32::MAX => self.long_runnable.get(&row).copied().unwrap_or(i64::from(u32::MAX)),
            ns => i64::from(ns),
        }
    }

    /// Where the goroutine stood in a stay, when that is not the stack of the stay's slot.
    pub(crate) fn apart(&self, row: StayRow) -> Option<StackId> {
        self.apart.get(&row).copied()
    }

    /// Whether the goroutine is runnable after a stay, to the trace's end.
    pub fn is_runnable_at_end(&self, row: StayRow) -> bool {
        self.runnable_at_end.binary_search(&row).is_ok()
    }

    /// A stay.
    pub fn stay(&self, row: StayRow) -> &Stay {
        &self.list[row.0 as usize]
    }

    /// A goroutine.
    pub fn go(&self, row: GoRow) -> &Go {
        &self.gos[row.0 as usize]
    }

    /// The rows of the stays, in the order of their ends.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = StayRow> + use<> {
        (0..self.list.len() as u32).map(StayRow)
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
        let row = GoRow(self.gos.len() as u32);
        let creator = self.row_of(by);
        self.gos.push(Go {
            id: g,
            birth: t,
            end: Nanos(i64::MAX),
            creator,
            entry,
            last: StayRow::NONE,
            last_wake: StayRow::NONE,
            region: NO_REGION,
            created_at,
        });
        self.rows.insert(g, row.0);
        *local = StayLocal { row, since: t, idle: 0 };
        self.push(local, StayKind::Born, SlotId::NONE, t, creator, created_at, false);
    }

    /// It is runnable since its birth, and that is summed up in `slot`.
    pub(crate) fn starts(&mut self, local: &StayLocal, slot: SlotId) {
        let born = self.gos.get(local.row.0 as usize).map(|go| go.last);
        if let Some(stay) = born.and_then(|row| self.list.get_mut(row.0 as usize)) {
            stay.slot = slot;
        }
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
        self.push(local, StayKind::Stop, slot, t, GoRow::NONE, StackId::NONE, false);
    }

    /// Its stay ends at `t`; `by` ended it, standing at `stack`.
    #[inline(always)]
    pub(crate) fn ends(
        &mut self,
        local: &mut StayLocal,
        kind: StayKind,
        slot: SlotId,
        t: Nanos,
        by: GoId,
        stack: StackId,
    ) {
        let waker = if kind == StayKind::Wait { self.row_of(by) } else { GoRow::NONE };
        self.push(local, kind, slot, t, waker, stack, false);
        local.since = t;
    }

    /// It runs from `t` on, after it was runnable; it stood at `own`, where that is not the stack of
    /// its stay's slot.
    #[inline(always)]
    pub(crate) fn runs(&mut self, local: &StayLocal, t: Nanos, own: Option<StackId>) {
        let Some(go) = self.gos.get(local.row.0 as usize) else { return };
        let last = go.last;
        if let Some(stay) = self.list.get_mut(last.0 as usize) {
            let ns = t.since(local.since);
            stay.runnable = u32::try_from(ns).unwrap_or(u32::MAX);
            if stay.runnable == u32::MAX {
                self.long_runnable.insert(last, ns);
            }
            if let Some(own) = own {
                self.apart.insert(last, own);
            }
        }
    }

    /// The trace ends at `t` while it is runnable.
    pub(crate) fn stays_runnable(&mut self, local: &StayLocal, t: Nanos, own: Option<StackId>) {
        self.runs(local, t, own);
        let Some(go) = self.gos.get(local.row.0 as usize) else { return };
        let at = self.runnable_at_end.partition_point(|row| *row < go.last);
        self.runnable_at_end.insert(at, go.last);
    }

    /// It is gone.
    #[inline(always)]
    pub(crate) fn dies(&mut self, local: &StayLocal, t: Nanos) {
        if let Some(go) = self.gos.get_mut(local.row.0 as usize) {
            go.end = t;
            let row = self.rows.find(go.id);
            self.rows.remove(row);
        }
    }

    /// The trace ends at `t` while it stands still, or is runnable.
    pub(crate) fn stays_open(&mut self, local: &StayLocal, kind: StayKind, slot: SlotId, t: Nanos) {
        self.push(local, kind, slot, t, GoRow::NONE, StackId::NONE, true);
    }

    /// A region begins or ends on goroutine `g`.
    pub(crate) fn region(&mut self, t: Nanos, g: GoId, region: &Region, stack: StackId) {
        let row = self.row_of(g);
        let Some(go) = self.gos.get_mut(row.0 as usize) else { return };
        if region.begins {
            let outer = std::mem::replace(&mut go.region, self.regions.len() as u32);
            self.regions.push(RegionSpan {
                name: region.name,
                start: t,
                end: None,
                outer,
                stack,
                g: row,
            });
        } else if let Some(open) = self.regions.get_mut(go.region as usize) {
            open.end = Some(t);
            go.region = open.outer;
        }
    }

    #[inline(always)]
    fn row_of(&mut self, g: GoId) -> GoRow {
        if g == GoId::NONE {
            return GoRow::NONE;
        }
        let row = self.rows.find(g);
        self.rows.get(row, g).map_or(GoRow::NONE, |row| GoRow(*row))
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // the fields of one record
    fn push(
        &mut self,
        local: &StayLocal,
        kind: StayKind,
        slot: SlotId,
        t: Nanos,
        waker: GoRow,
        waker_stack: StackId,
        open: bool,
    ) {
        let row = StayRow(self.list.len() as u32);
        let (mut waker_last, mut prev_wake) = (StayRow::NONE, StayRow::NONE);
        if let Some(by) = self.gos.get_mut(waker.0 as usize) {
            waker_last = by.last;
            prev_wake = std::mem::replace(&mut by.last_wake, row);
        }
        let Some(go) = self.gos.get_mut(local.row.0 as usize) else { return };
        self.list.push(Stay {
            start: local.since,
            end: t,
            runnable: 0,
            slot,
            g: local.row,
            prev: std::mem::replace(&mut go.last, row),
            waker,
            waker_last,
            waker_stack,
            prev_wake,
            region: go.region,
            kind,
            open,
        });
    }
}
