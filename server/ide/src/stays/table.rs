//! Stays as they are kept: there are about as many as a third of the events, so they are small.
//!
//! ```text
//! rows      |off  ns   slot+flags  g  link|  20 bytes each; a block of 64 has the time that `off` counts from
//!                                     |
//! extras    |waker  last  stack  prev wake  runnable  prev|  24 bytes, of those that can have them
//! ```
//!
//! A stay that no goroutine can have ended, and after which its goroutine ran at once, needs no extra:
//! its link leads to the stay before. A birth and a stop take no time, so theirs is how long the
//! goroutine was runnable then. What does not fit, because it is longer than four seconds or far from
//! the others of its block, stands in tables aside.

use exectrace::{Nanos, StackId};
use hashbrown::HashMap;

use super::{GoRow, Stay, StayKind, StayRow};
use crate::figures::SlotId;

/// All stays.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Packed>,
    extras: Vec<Extra>,
    /// By block of rows: the time that the offsets of their ends count from.
    bases: Vec<i64>,
    /// Ends that are far from those of their block.
    far: HashMap<StayRow, i64>,
    /// Times that do not fit: of the stays, and of being runnable after them.
    long: HashMap<StayRow, i64>,
    long_runnable: HashMap<StayRow, i64>,
}

/// A stay, and its waiting for a P after it.
#[derive(Debug, Clone, Copy)]
struct Packed {
    /// Its end in nanoseconds from its block's base on; `FAR`: see `Table::far`.
    offset: i32,
    /// Its length in nanoseconds, and for one that takes no time how long its goroutine was runnable
    /// then; `LONG`: see `Table::long` and `Table::long_runnable`.
    ns: u32,
    /// The kind in the lowest two bits, flags, the slot.
    slot: u32,
    g: GoRow,
    /// A row of `Table::extras` if it has one, else the stay before.
    link: u32,
}

const BLOCK_SHIFT: u32 = 6;
const FAR: i32 = i32::MIN;
const LONG: u32 = u32::MAX;

const KINDS: [StayKind; 4] = [StayKind::Born, StayKind::Wait, StayKind::Syscall, StayKind::Stop];
const KIND: u32 = 3;
const OPEN: u32 = 4;
const EXTRA: u32 = 8;
/// How long the goroutine was runnable then has no place but in `Table::long_runnable`.
const RUNNABLE_ASIDE: u32 = 16;
const SLOT_SHIFT: u32 = 5;
const NO_SLOT: u32 = u32::MAX >> SLOT_SHIFT;

impl Packed {
    #[inline(always)]
    fn kind(&self) -> StayKind {
        KINDS[(self.slot & KIND) as usize]
    }

    #[inline(always)]
    fn slot(&self) -> SlotId {
        match self.slot >> SLOT_SHIFT {
            NO_SLOT => SlotId::NONE,
            slot => SlotId(slot),
        }
    }

    /// A birth or a stop.
    #[inline(always)]
    fn takes_no_time(&self) -> bool {
        const BORN: u32 = StayKind::Born as u32;
        const STOP: u32 = StayKind::Stop as u32;
        matches!(self.slot & KIND, BORN | STOP)
    }

    #[inline(always)]
    fn extra(&self) -> Option<usize> {
        (self.slot & EXTRA != 0).then_some(self.link as usize)
    }
}

/// Who ended a stay, or created a goroutine, and what came around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extra {
    /// Who.
    pub(super) waker: GoRow,
    /// The waker's last stay before.
    pub(super) last: StayRow,
    /// Where the waker stood.
    pub(super) stack: StackId,
    /// The stay that the waker ended before this one.
    pub(super) prev_wake: StayRow,
    /// How long the goroutine was runnable then, in nanoseconds; `LONG`: see `Table::long_runnable`.
    runnable: u32,
    /// The stay before, of the same goroutine.
    prev: StayRow,
}

impl Extra {
    /// Nobody ended it.
    const NOBODY: Extra = Extra {
        waker: GoRow::NONE,
        last: StayRow::NONE,
        stack: StackId::NONE,
        prev_wake: StayRow::NONE,
        runnable: 0,
        prev: StayRow::NONE,
    };
}

/// A stay to be kept.
pub(super) struct New {
    pub(super) end: Nanos,
    pub(super) ns: i64,
    pub(super) kind: StayKind,
    pub(super) slot: SlotId,
    pub(super) g: GoRow,
    pub(super) prev: StayRow,
    pub(super) open: bool,
    /// Who ended it: `None` if that can be nobody, and the goroutine is not runnable after it.
    pub(super) wake: Option<Wake>,
}

/// Who ended a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wake {
    /// `NONE`: no goroutine.
    pub(super) waker: GoRow,
    pub(super) last: StayRow,
    pub(super) stack: StackId,
    pub(super) prev: StayRow,
}

impl Wake {
    /// No goroutine did.
    pub(super) const BY_NONE: Wake =
        Wake { waker: GoRow::NONE, last: StayRow::NONE, stack: StackId::NONE, prev: StayRow::NONE };
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many bytes they take.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.rows) + size_of_val(&*self.extras) + size_of_val(&*self.bases)
    }

    #[inline(always)]
    pub(super) fn stay(&self, row: StayRow) -> Stay {
        let packed = &self.rows[row.0 as usize];
        let end = self.end(row);
        let ns = match packed.ns {
            _ if packed.takes_no_time() => 0,
            LONG => self.long.get(&row).copied().unwrap_or(i64::from(LONG)),
            ns => i64::from(ns),
        };
        let extra = packed.extra().map_or(&Extra::NOBODY, |extra| &self.extras[extra]);
        Stay {
            start: Nanos(end.wrapping_sub(ns)),
            end: Nanos(end),
            slot: packed.slot(),
            g: packed.g,
            prev: if packed.slot & EXTRA != 0 { extra.prev } else { StayRow(packed.link) },
            waker: extra.waker,
            waker_last: extra.last,
            waker_stack: extra.stack,
            prev_wake: extra.prev_wake,
            kind: packed.kind(),
            open: packed.slot & OPEN != 0,
        }
    }

    #[inline(always)]
    pub(super) fn end(&self, row: StayRow) -> i64 {
        match self.rows[row.0 as usize].offset {
            FAR => self.far.get(&row).copied().unwrap_or_default(),
            offset => self.bases[row.0 as usize >> BLOCK_SHIFT].wrapping_add(i64::from(offset)),
        }
    }

    #[inline(always)]
    pub(super) fn g(&self, row: StayRow) -> GoRow {
        self.rows[row.0 as usize].g
    }

    #[inline(always)]
    pub(super) fn slot(&self, row: StayRow) -> SlotId {
        self.rows[row.0 as usize].slot()
    }

    pub(super) fn kind(&self, row: StayRow) -> Option<StayKind> {
        self.rows.get(row.0 as usize).map(Packed::kind)
    }

    /// How long the goroutine was runnable after a stay, in nanoseconds.
    #[inline(always)]
    pub(super) fn runnable(&self, row: StayRow) -> i64 {
        let packed = &self.rows[row.0 as usize];
        let ns = match packed.extra() {
            _ if packed.takes_no_time() => packed.ns,
            _ if packed.slot & RUNNABLE_ASIDE != 0 => LONG,
            Some(extra) => self.extras[extra].runnable,
            None => 0,
        };
        match ns {
            LONG => self.long_runnable.get(&row).copied().unwrap_or(i64::from(LONG)),
            ns => i64::from(ns),
        }
    }

    /// The waker of a stay, what it did before, and where it stood.
    pub(super) fn wake(&self, row: StayRow) -> Option<Wake> {
        let extra = &self.extras[self.rows.get(row.0 as usize)?.extra()?];
        let Extra { waker, last, stack, prev_wake, .. } = *extra;
        (waker != GoRow::NONE).then_some(Wake { waker, last, stack, prev: prev_wake })
    }

    pub(super) fn set_slot(&mut self, row: StayRow, slot: SlotId) {
        if let Some(packed) = self.rows.get_mut(row.0 as usize) {
            packed.slot =
                packed.slot & !(NO_SLOT << SLOT_SHIFT) | slot.0.min(NO_SLOT) << SLOT_SHIFT;
        }
    }

    #[inline(always)]
    pub(super) fn set_runnable(&mut self, row: StayRow, ns: i64) {
        let Some(packed) = self.rows.get_mut(row.0 as usize) else { return };
        let short = u32::try_from(ns).unwrap_or(LONG);
        if short == LONG {
            self.long_runnable.insert(row, ns);
        }
        if packed.takes_no_time() {
            packed.ns = short;
            return;
        }
        match packed.extra().and_then(|extra| self.extras.get_mut(extra)) {
            Some(extra) => extra.runnable = short,
            None if ns != 0 => {
                packed.slot |= RUNNABLE_ASIDE;
                self.long_runnable.insert(row, ns);
            }
            None => {}
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, new: &New) {
        let row = StayRow(self.rows.len() as u32);
        let mut slot = new.kind as u32 | new.slot.0.min(NO_SLOT) << SLOT_SHIFT;
        if new.open {
            slot |= OPEN;
        }
        let mut link = new.prev.0;
        if let Some(Wake { waker, last, stack, prev: prev_wake }) = new.wake {
            slot |= EXTRA;
            link = self.extras.len() as u32;
            self.extras.push(Extra { waker, last, stack, prev_wake, runnable: 0, prev: new.prev });
        }
        let ns = match new.kind {
            StayKind::Born | StayKind::Stop => 0,
            StayKind::Wait | StayKind::Syscall => u32::try_from(new.ns).unwrap_or(LONG),
        };
        if ns == LONG {
            self.long.insert(row, new.ns);
        }
        let offset = self.offset(row, new.end.0);
        self.rows.push(Packed { offset, ns, slot, g: new.g, link });
    }

    /// The offset of the end of the row that comes next.
    #[inline(always)]
    fn offset(&mut self, row: StayRow, end: i64) -> i32 {
        let block = row.0 as usize >> BLOCK_SHIFT;
        if block >= self.bases.len() {
            self.bases.push(end);
        }
        let base = self.bases.last().copied().unwrap_or(end);
        let offset = i32::try_from(end.wrapping_sub(base)).unwrap_or(FAR);
        if offset == FAR {
            self.far.insert(row, end);
        }
        offset
    }

    /// Takes out the rows from `from` on that are `gone`, with their extras, and gives what stays its
    /// new rows. Rows of goroutines move as `go` tells.
    pub(super) fn take_out(
        &mut self,
        from: usize,
        gone: &[bool],
        go: &dyn Fn(&mut GoRow),
    ) -> Moved {
        let moved = Moved::new(from, gone);
        let is_gone = |row: usize| gone.get(row - from).copied().unwrap_or(false);
        // A wake that went is left out of its waker's list. Rows come after those that they lead to.
        let first_extra =
            self.rows[from..].iter().find_map(Packed::extra).unwrap_or(self.extras.len());
        for i in first_extra..self.extras.len() {
            let prev = self.extras[i].prev_wake;
            if (prev.0 as usize) < from || prev == StayRow::NONE || !is_gone(prev.0 as usize) {
                continue;
            }
            if let Some(skipped) = self.rows[prev.0 as usize].extra() {
                self.extras[i].prev_wake = self.extras[skipped].prev_wake;
            }
        }
        let ends: Vec<i64> =
            (from..self.rows.len()).map(|row| self.end(StayRow(row as u32))).collect();
        self.far.retain(|row, _| (row.0 as usize) < from);
        self.bases.truncate(from.div_ceil(1 << BLOCK_SHIFT));
        let (mut to, mut to_extra) = (from, first_extra);
        for (i, end) in (from..).zip(ends) {
            if is_gone(i) {
                continue;
            }
            let mut packed = self.rows[i];
            go(&mut packed.g);
            if let Some(extra) = packed.extra() {
                let mut extra = self.extras[extra];
                go(&mut extra.waker);
                moved.stay(&mut extra.last);
                moved.stay(&mut extra.prev_wake);
                moved.stay(&mut extra.prev);
                self.extras[to_extra] = extra;
                packed.link = to_extra as u32;
                to_extra += 1;
            } else {
                packed.link = moved.of(packed.link);
            }
            packed.offset = self.offset(StayRow(to as u32), end);
            self.rows[to] = packed;
            to += 1;
        }
        self.rows.truncate(to);
        self.extras.truncate(to_extra);
        rekey(&mut self.long, &moved);
        rekey(&mut self.long_runnable, &moved);
        moved
    }
}

/// Where the rows that stay have gone.
pub(super) struct Moved {
    /// The first row that may have moved, and the new row of each from there on.
    from: usize,
    to: Vec<u32>,
}

impl Moved {
    pub(super) fn new(from: usize, gone: &[bool]) -> Moved {
        let mut next = from as u32;
        let to = gone.iter().map(|&gone| {
            let row = next;
            next += u32::from(!gone);
            row
        });
        Moved { from, to: to.collect() }
    }

    pub(super) fn of(&self, row: u32) -> u32 {
        let at = (row as usize).checked_sub(self.from).and_then(|i| self.to.get(i));
        at.copied().unwrap_or(row)
    }

    pub(super) fn stay(&self, row: &mut StayRow) {
        row.0 = self.of(row.0);
    }

    pub(super) fn go(&self, row: &mut GoRow) {
        row.0 = self.of(row.0);
    }
}

/// Gives what a table has by rows its new rows.
pub(super) fn rekey<T>(map: &mut HashMap<StayRow, T>, moved: &Moved) {
    if map.keys().any(|row| row.0 as usize >= moved.from) {
        let old = std::mem::take(map);
        map.extend(old.into_iter().map(|(row, value)| (StayRow(moved.of(row.0)), value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % n
        }
    }

    /// What a stay is, as it was pushed, and how long its goroutine was runnable then.
    type Plain = (Stay, i64);

    fn fields(stay: &Stay) -> impl PartialEq + std::fmt::Debug {
        let Stay {
            start,
            end,
            slot,
            g,
            prev,
            waker,
            waker_last,
            waker_stack,
            prev_wake,
            kind,
            open,
        } = *stay;
        ((start, end, slot, g, prev, kind, open), (waker, waker_last, waker_stack, prev_wake))
    }

    fn same(table: &Table, plain: &[Plain]) {
        assert_eq!(table.len(), plain.len());
        for (row, (stay, runnable)) in (0u32..).map(StayRow).zip(plain) {
            assert_eq!(fields(&table.stay(row)), fields(stay), "{row:?}");
            assert_eq!(table.runnable(row), *runnable, "{row:?}");
            assert_eq!((table.end(row), table.g(row)), (stay.end.0, stay.g));
            assert_eq!((table.slot(row), table.kind(row)), (stay.slot, Some(stay.kind)));
        }
    }

    fn push(table: &mut Table, plain: &mut Vec<Plain>, dice: &mut Dice, t: i64) {
        let n = plain.len() as u64;
        let before = |dice: &mut Dice| match dice.below(n + 1) {
            row if row == n => StayRow::NONE,
            row => StayRow(row as u32),
        };
        let kind = KINDS[dice.below(4) as usize];
        let long = [9, 1_000, 5_000_000_000][dice.below(3) as usize];
        let ns = match kind {
            StayKind::Born | StayKind::Stop => 0,
            StayKind::Wait | StayKind::Syscall => dice.below(long) as i64,
        };
        let has_wake = match kind {
            StayKind::Born | StayKind::Wait => true,
            StayKind::Syscall => dice.below(2) == 0,
            StayKind::Stop => false,
        };
        let wake = match dice.below(3) {
            0 => Wake::BY_NONE,
            _ => Wake {
                waker: GoRow(dice.below(9) as u32),
                last: before(dice),
                stack: StackId(dice.below(9) as u32),
                prev: before(dice),
            },
        };
        let slot = [SlotId::NONE, SlotId(dice.below(1_000) as u32)][dice.below(2) as usize];
        let new = New {
            end: Nanos(t),
            ns,
            kind,
            slot,
            g: GoRow(dice.below(9) as u32),
            prev: before(dice),
            open: dice.below(5) == 0,
            wake: has_wake.then_some(wake),
        };
        table.push(&new);
        let Wake { waker, last, stack, prev } = new.wake.unwrap_or(Wake::BY_NONE);
        let stay = Stay {
            start: Nanos(t - ns),
            end: Nanos(t),
            slot,
            g: new.g,
            prev: new.prev,
            waker,
            waker_last: last,
            waker_stack: stack,
            prev_wake: prev,
            kind,
            open: new.open,
        };
        let row = StayRow(plain.len() as u32);
        let runnable = if dice.below(3) > 0 { dice.below(long) as i64 } else { 0 };
        table.set_runnable(row, runnable);
        plain.push((stay, runnable));
    }

    /// Whatever the times are, they are kept; rows that are taken out leave all others as they were.
    #[test]
    fn what_was_pushed_is_there() {
        let mut dice = Dice(7);
        for _ in 0..20 {
            let (mut table, mut plain, mut t) = (Table::default(), Vec::new(), 5_000_000_000);
            for _ in 0..500 {
                // The first of a generation can lie before the last of the one before.
                t += match dice.below(40) {
                    0 => 3_000_000_000,
                    1 => -2_500_000_000,
                    _ => dice.below(2_000) as i64,
                };
                push(&mut table, &mut plain, &mut dice, t);
                if dice.below(8) == 0 {
                    let row = StayRow(dice.below(plain.len() as u64) as u32);
                    let slot = SlotId(dice.below(100_000) as u32);
                    table.set_slot(row, slot);
                    plain[row.0 as usize].0.slot = slot;
                }
            }
            same(&table, &plain);

            let from = dice.below(400) as usize;
            let gone: Vec<bool> = (from..500)
                .map(|row| plain[row].0.kind == StayKind::Born && dice.below(2) == 0)
                .collect();
            let is_gone = |row: StayRow| {
                (row.0 as usize) < 500 && row.0 as usize >= from && gone[row.0 as usize - from]
            };
            let go = |g: &mut GoRow| {
                if g.0 < 9 {
                    g.0 += 100
                }
            };
            // In the order of the rows, a wake skips to one that stays or was looked at before.
            for row in from..500 {
                let prev = plain[row].0.prev_wake;
                if is_gone(prev) {
                    plain[row].0.prev_wake = plain[prev.0 as usize].0.prev_wake;
                }
            }
            let moved = table.take_out(from, &gone, &go);
            let kept = (0u32..500).map(StayRow).filter(|&row| !is_gone(row));
            let plain: Vec<Plain> = kept
                .map(|row| {
                    let (mut stay, runnable) = plain[row.0 as usize];
                    if row.0 as usize >= from {
                        go(&mut stay.g);
                        go(&mut stay.waker);
                        for row in [&mut stay.prev, &mut stay.waker_last, &mut stay.prev_wake] {
                            moved.stay(row);
                        }
                    }
                    (stay, runnable)
                })
                .collect();
            same(&table, &plain);
        }
    }
}
