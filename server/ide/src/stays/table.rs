//! Stays as they are kept: there are about as many as a third of the events, so they are small.
//!
//! ```text
//! rows    |kind flags slot|off  ns  g  back|  16 bytes each
//!
//! extras  |waker  last  stack  prev wake  runnable|  16 bytes, of those that can have them
//!
//! blocks  |base  which rows have extras|  24 bytes for 64 rows: `off` counts from the base
//! ```
//!
//! A stay that no goroutine can have ended, and after which its goroutine ran at once, needs no extra.
//! A birth and a stop take no time, so theirs is how long the goroutine was runnable then. Other
//! stays are named by how many rows they lie before this one: so a piece of the table means the same
//! wherever it stands. What does not fit, because it is longer than four seconds, or leads too far
//! back, stands aside, whole.

use exectrace::{Nanos, StackId};
use hashbrown::HashMap;

use super::{GoRow, Stay, StayKind, StayRow};
use crate::figures::SlotId;

/// All stays.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Packed>,
    extras: Vec<Extra>,
    blocks: Vec<Block>,
    /// The ends of the rows of some blocks, of which some are far from the block's base.
    far: Vec<[i64; ROWS]>,
    /// What does not fit into its row.
    aside: HashMap<StayRow, Whole>,
}

/// A stay, and its waiting for a P after it.
#[derive(Debug, Clone, Copy)]
struct Packed {
    /// Its length in nanoseconds, and for one that takes no time how long its goroutine was runnable
    /// then.
    ns: u32,
    /// From the lowest bit on: the kind, flags and the slot; a part of its end's offset.
    slot: u32,
    /// Whose, and a part of the offset.
    g: u32,
    /// How many rows before this one the stay before lies, 0 for none; and a part of the offset.
    back: u32,
}

/// What 64 rows have together.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The time that the offsets of their ends count from.
    base: i64,
    /// A bit for each row that has an extra.
    extras: u64,
    /// How many extras lie before the block.
    first_extra: u32,
    /// A row of `Table::far`, or `u32::MAX`.
    far: u32,
}

const BLOCK_SHIFT: u32 = 6;
const ROWS: usize = 1 << BLOCK_SHIFT;

const KINDS: [StayKind; 4] = [StayKind::Born, StayKind::Wait, StayKind::Syscall, StayKind::Stop];
const KIND: u32 = 3;
const OPEN: u32 = 4;
const EXTRA: u32 = 8;
/// See `Table::aside`.
const ASIDE: u32 = 16;
const SLOT_SHIFT: u32 = 5;

/// The bits of a number that has several.
const fn bits(n: u32) -> u32 {
    (1 << n) - 1
}
const SLOT_BITS: u32 = 19;
const NO_SLOT: u32 = bits(SLOT_BITS);
const GO_BITS: u32 = 26;
const NO_GO: u32 = bits(GO_BITS);
const BACK_BITS: u32 = 22;
/// Tests have few rows.
const MOST_BACK: u32 = if cfg!(test) { 300 } else { bits(BACK_BITS) };
const STACK_BITS: u32 = 26;
const NO_STACK: u32 = bits(STACK_BITS);
/// The offset of an end lies above the slot, the goroutine and the row, the lowest bits first.
const IN_SLOT: u32 = 32 - SLOT_SHIFT - SLOT_BITS;
const IN_GO: u32 = 32 - GO_BITS;
const OFFSET_BITS: u32 = IN_SLOT + IN_GO + 32 - BACK_BITS;
/// See `Table::far`.
const FAR: u32 = bits(OFFSET_BITS);

impl Packed {
    #[inline(always)]
    fn kind(&self) -> StayKind {
        KINDS[(self.slot & KIND) as usize]
    }

    #[inline(always)]
    fn is(&self, flag: u32) -> bool {
        self.slot & flag != 0
    }

    #[inline(always)]
    fn slot(&self) -> SlotId {
        match self.slot >> SLOT_SHIFT & NO_SLOT {
            NO_SLOT => SlotId::NONE,
            slot => SlotId(slot),
        }
    }

    #[inline(always)]
    fn g(&self) -> GoRow {
        GoRow(self.g & NO_GO)
    }

    #[inline(always)]
    fn offset(&self) -> u32 {
        self.slot >> (SLOT_SHIFT + SLOT_BITS)
            | self.g >> GO_BITS << IN_SLOT
            | self.back >> BACK_BITS << (IN_SLOT + IN_GO)
    }

    /// A birth or a stop.
    #[inline(always)]
    fn takes_no_time(&self) -> bool {
        takes_no_time(self.slot)
    }
}

#[inline(always)]
fn takes_no_time(flags: u32) -> bool {
    const BORN: u32 = StayKind::Born as u32;
    const STOP: u32 = StayKind::Stop as u32;
    matches!(flags & KIND, BORN | STOP)
}

impl Block {
    /// The extra of a row that has one.
    #[inline(always)]
    fn extra(&self, row: StayRow) -> usize {
        let before = self.extras & ((1 << (row.0 % ROWS as u32)) - 1);
        self.first_extra.wrapping_add(before.count_ones()) as usize
    }
}

/// Who ended a stay, or created a goroutine, and what came around it.
#[derive(Debug, Clone, Copy)]
struct Extra {
    /// Who, and a part of the stack.
    waker: u32,
    /// How many rows before this one the waker's last stay lies, 0 for none; and a part of the stack.
    last: u32,
    /// How many rows before this one the stay lies that the waker ended before, 0 for none; and a part
    /// of the stack.
    prev_wake: u32,
    /// How long the goroutine was runnable then, in nanoseconds.
    runnable: u32,
}

/// The stack of a waker lies above the goroutine and the rows, the lowest bits first.
const STACK_IN_GO: u32 = 32 - GO_BITS;
const STACK_IN_BACK: u32 = 32 - BACK_BITS;

impl Extra {
    /// Nobody ended it.
    const NOBODY: Extra = Extra {
        waker: u32::MAX,
        last: bits(STACK_IN_BACK) << BACK_BITS,
        prev_wake: bits(STACK_IN_BACK) << BACK_BITS,
        runnable: 0,
    };

    #[inline(always)]
    fn waker(&self) -> GoRow {
        match self.waker & NO_GO {
            NO_GO => GoRow::NONE,
            g => GoRow(g),
        }
    }

    #[inline(always)]
    fn stack(&self) -> StackId {
        let stack = self.waker >> GO_BITS
            | self.last >> BACK_BITS << STACK_IN_GO
            | self.prev_wake >> BACK_BITS << (STACK_IN_GO + STACK_IN_BACK);
        if stack == NO_STACK { StackId::NONE } else { StackId(stack) }
    }

    /// What it tells of the stay in a row.
    #[inline(always)]
    fn wake(&self, row: StayRow) -> Wake {
        Wake {
            waker: self.waker(),
            last: before(row, self.last),
            stack: self.stack(),
            prev: before(row, self.prev_wake),
        }
    }
}

/// The row so many before another one.
#[inline(always)]
fn before(row: StayRow, back: u32) -> StayRow {
    match back & bits(BACK_BITS) {
        0 => StayRow::NONE,
        back => StayRow(row.0.wrapping_sub(back)),
    }
}

/// How many rows before another one a row lies; more than [`MOST_BACK`] where it does not.
#[inline(always)]
fn back(row: StayRow, to: StayRow) -> u32 {
    if to == StayRow::NONE { 0 } else { row.0.wrapping_sub(to.0).wrapping_sub(1).saturating_add(1) }
}

/// What is known of a stay beside its end and its flags.
#[derive(Debug, Clone, Copy)]
struct Whole {
    ns: i64,
    runnable: i64,
    slot: SlotId,
    g: GoRow,
    prev: StayRow,
    wake: Wake,
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
        size_of_val(&*self.rows)
            + size_of_val(&*self.extras)
            + size_of_val(&*self.blocks)
            + size_of_val(&*self.far)
            + 2 * self.aside.len() * size_of::<(StayRow, Whole)>()
    }

    #[inline(always)]
    pub(super) fn stay(&self, row: StayRow) -> Stay {
        let packed = &self.rows[row.0 as usize];
        let block = &self.blocks[row.0 as usize >> BLOCK_SHIFT];
        let end = self.end_in(block, packed, row);
        if packed.is(ASIDE) {
            return self.stay_aside(row, packed, end);
        }
        let ns = if packed.takes_no_time() { 0 } else { i64::from(packed.ns) };
        let extra = match packed.is(EXTRA) {
            true => &self.extras[block.extra(row)],
            false => &Extra::NOBODY,
        };
        Stay {
            start: Nanos(end.wrapping_sub(ns)),
            end: Nanos(end),
            slot: packed.slot(),
            g: packed.g(),
            prev: before(row, packed.back),
            waker: extra.waker(),
            waker_last: before(row, extra.last),
            waker_stack: extra.stack(),
            prev_wake: before(row, extra.prev_wake),
            kind: packed.kind(),
            open: packed.is(OPEN),
        }
    }

    #[cold]
    #[inline(never)]
    fn stay_aside(&self, row: StayRow, packed: &Packed, end: i64) -> Stay {
        let Whole { ns, slot, g, prev, wake, .. } = self.whole(row);
        Stay {
            start: Nanos(end.wrapping_sub(ns)),
            end: Nanos(end),
            slot,
            g,
            prev,
            waker: wake.waker,
            waker_last: wake.last,
            waker_stack: wake.stack,
            prev_wake: wake.prev,
            kind: packed.kind(),
            open: packed.is(OPEN),
        }
    }

    #[inline(always)]
    pub(super) fn end(&self, row: StayRow) -> i64 {
        let block = &self.blocks[row.0 as usize >> BLOCK_SHIFT];
        self.end_in(block, &self.rows[row.0 as usize], row)
    }

    #[inline(always)]
    fn end_in(&self, block: &Block, packed: &Packed, row: StayRow) -> i64 {
        match packed.offset() {
            FAR => self.far.get(block.far as usize).map_or(block.base, |ends| ends[within(row)]),
            offset => block.base.wrapping_add(i64::from(offset)),
        }
    }

    #[inline(always)]
    pub(super) fn g(&self, row: StayRow) -> GoRow {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) { self.whole(row).g } else { packed.g() }
    }

    #[inline(always)]
    pub(super) fn slot(&self, row: StayRow) -> SlotId {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) { self.whole(row).slot } else { packed.slot() }
    }

    pub(super) fn kind(&self, row: StayRow) -> Option<StayKind> {
        self.rows.get(row.0 as usize).map(Packed::kind)
    }

    /// How long the goroutine was runnable after a stay, in nanoseconds.
    #[inline(always)]
    pub(super) fn runnable(&self, row: StayRow) -> i64 {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) {
            self.whole(row).runnable
        } else if packed.takes_no_time() {
            i64::from(packed.ns)
        } else if packed.is(EXTRA) {
            let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(row);
            i64::from(self.extras[extra].runnable)
        } else {
            0
        }
    }

    /// The waker of a stay, what it did before, and where it stood.
    pub(super) fn wake(&self, row: StayRow) -> Option<Wake> {
        self.rows
            .get(row.0 as usize)?
            .is(EXTRA)
            .then(|| self.whole(row).wake)
            .filter(|wake| wake.waker != GoRow::NONE)
    }

    /// All that is known of a stay, wherever it is kept.
    #[cold]
    #[inline(never)]
    fn whole(&self, row: StayRow) -> Whole {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE)
            && let Some(whole) = self.aside.get(&row)
        {
            return *whole;
        }
        let extra = match packed.is(EXTRA) {
            true => &self.extras[self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(row)],
            false => &Extra::NOBODY,
        };
        whole(row, packed, extra)
    }

    /// What stands aside of a stay from now on.
    #[cold]
    #[inline(never)]
    fn aside(&mut self, row: StayRow) -> &mut Whole {
        let whole = self.whole(row);
        if let Some(packed) = self.rows.get_mut(row.0 as usize) {
            packed.slot |= ASIDE;
        }
        self.aside.entry(row).or_insert(whole)
    }

    pub(super) fn set_slot(&mut self, row: StayRow, slot: SlotId) {
        let Some(packed) = self.rows.get_mut(row.0 as usize) else { return };
        match slot_bits(slot) {
            Some(slot) if !packed.is(ASIDE) => {
                packed.slot = packed.slot & !(NO_SLOT << SLOT_SHIFT) | slot << SLOT_SHIFT;
            }
            _ => self.aside(row).slot = slot,
        }
    }

    #[inline(always)]
    pub(super) fn set_runnable(&mut self, row: StayRow, ns: i64) {
        let Some(packed) = self.rows.get_mut(row.0 as usize) else { return };
        let Ok(short) = u32::try_from(ns) else {
            self.aside(row).runnable = ns;
            return;
        };
        if packed.is(ASIDE) {
            self.aside(row).runnable = ns;
        } else if packed.takes_no_time() {
            packed.ns = short;
        } else if packed.is(EXTRA) {
            let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(row);
            self.extras[extra].runnable = short;
        } else if ns != 0 {
            self.aside(row).runnable = ns;
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, new: &New) {
        let row = StayRow(self.rows.len() as u32);
        let flags = new.kind as u32
            | if new.open { OPEN } else { 0 }
            | if new.wake.is_some() { EXTRA } else { 0 };
        let ns = match new.kind {
            StayKind::Born | StayKind::Stop => 0,
            StayKind::Wait | StayKind::Syscall => new.ns,
        };
        let whole = Whole {
            ns,
            runnable: 0,
            slot: new.slot,
            g: new.g,
            prev: new.prev,
            wake: new.wake.unwrap_or(Wake::BY_NONE),
        };
        let (packed, extra) = self.pack(row, flags, new.end.0, &whole, self.extras.len());
        self.rows.push(packed);
        self.extras.extend(extra);
    }

    /// The row of a stay, and its extra, if it has one. All rows before are packed already, and
    /// `extras` of them have extras.
    #[inline(always)]
    fn pack(
        &mut self,
        row: StayRow,
        flags: u32,
        end: i64,
        whole: &Whole,
        extras: usize,
    ) -> (Packed, Option<Extra>) {
        let at = row.0 as usize >> BLOCK_SHIFT;
        if at >= self.blocks.len() {
            self.blocks.push(Block {
                base: end,
                extras: 0,
                first_extra: extras as u32,
                far: u32::MAX,
            });
        }
        let mut offset = FAR;
        if let Some(block) = self.blocks.last_mut() {
            block.extras |= u64::from(flags & EXTRA != 0) << within(row);
            match u32::try_from(end.wrapping_sub(block.base)) {
                Ok(ns) if ns < FAR => offset = ns,
                _ => stand_far(&mut self.far, block, row, end),
            }
        }
        let Whole { slot, g, prev, wake, .. } = *whole;
        let time = if takes_no_time(flags) { whole.runnable } else { whole.ns };
        let (ns, slot, back_) = (u32::try_from(time), slot_bits(slot), back(row, prev));
        let last = back(row, wake.last);
        let prev_wake = back(row, wake.prev);
        let runnable = u32::try_from(whole.runnable);
        let no_waker = wake.waker == GoRow::NONE;
        let no_stack = wake.stack == StackId::NONE;
        let has_extra = flags & EXTRA != 0;
        let fits = ns.is_ok()
            && slot.is_some()
            && g.0 < NO_GO
            && back_ <= MOST_BACK
            && last <= MOST_BACK
            && prev_wake <= MOST_BACK
            && (no_waker || wake.waker.0 < NO_GO)
            && (no_stack || wake.stack.0 < NO_STACK)
            && (has_extra || takes_no_time(flags) || whole.runnable == 0)
            && runnable.is_ok();
        let mut flags = flags;
        if !fits {
            flags |= ASIDE;
            self.aside.insert(row, *whole);
        }
        let packed = Packed {
            ns: ns.unwrap_or(0),
            slot: flags | slot.unwrap_or(0) << SLOT_SHIFT | offset << (SLOT_SHIFT + SLOT_BITS),
            g: g.0 & NO_GO | offset >> IN_SLOT << GO_BITS,
            back: back_ & bits(BACK_BITS) | offset >> (IN_SLOT + IN_GO) << BACK_BITS,
        };
        let stack = if no_stack { NO_STACK } else { wake.stack.0 };
        let extra = Extra {
            waker: wake.waker.0 & NO_GO | stack << GO_BITS,
            last: last & bits(BACK_BITS) | stack >> STACK_IN_GO << BACK_BITS,
            prev_wake: prev_wake & bits(BACK_BITS)
                | stack >> (STACK_IN_GO + STACK_IN_BACK) << BACK_BITS,
            runnable: runnable.unwrap_or(0),
        };
        (packed, has_extra.then_some(extra))
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
        let is_gone =
            |row: usize| row.checked_sub(from).and_then(|i| gone.get(i)).copied().unwrap_or(false);
        // A wake that went is left out of its waker's list. Rows come after those that they lead to.
        for row in (from as u32..self.rows.len() as u32).map(StayRow) {
            let prev = match self.rows[row.0 as usize].is(EXTRA) {
                true => self.whole(row).wake.prev,
                false => continue,
            };
            if prev != StayRow::NONE && is_gone(prev.0 as usize) {
                let skipped = self.whole(prev).wake.prev;
                self.set_prev_wake(row, skipped);
            }
        }
        // The block that `from` lies in is written anew as a whole.
        let first = from >> BLOCK_SHIFT;
        let old = self.blocks.split_off(first.min(self.blocks.len()));
        let n_far = self.blocks.iter().filter(|block| block.far != u32::MAX).count();
        let old_far = self.far.split_off(n_far);
        let mut to = first << BLOCK_SHIFT;
        let mut to_extra = old.first().map_or(self.extras.len(), |b| b.first_extra as usize);
        for i in to..self.rows.len() {
            let row = StayRow(i as u32);
            let packed = self.rows[i];
            let block = &old[(i >> BLOCK_SHIFT) - first];
            let end = match packed.offset() {
                FAR => old_far
                    .get((block.far as usize).wrapping_sub(n_far))
                    .map_or(block.base, |ends| ends[within(row)]),
                offset => block.base.wrapping_add(i64::from(offset)),
            };
            let extra = match packed.is(EXTRA) {
                true => self.extras[block.extra(row)],
                false => Extra::NOBODY,
            };
            let aside = match packed.is(ASIDE) {
                true => self.aside.remove(&row),
                false => None,
            };
            if is_gone(i) {
                continue;
            }
            let mut whole = aside.unwrap_or_else(|| whole(row, &packed, &extra));
            if i >= from {
                go(&mut whole.g);
                go(&mut whole.wake.waker);
            }
            moved.stay(&mut whole.prev);
            moved.stay(&mut whole.wake.last);
            moved.stay(&mut whole.wake.prev);
            let flags = packed.slot & (KIND | OPEN | EXTRA);
            let (packed, extra) = self.pack(StayRow(to as u32), flags, end, &whole, to_extra);
            self.rows[to] = packed;
            to += 1;
            if let Some(extra) = extra {
                self.extras[to_extra] = extra;
                to_extra += 1;
            }
        }
        self.rows.truncate(to);
        self.extras.truncate(to_extra);
        moved
    }

    fn set_prev_wake(&mut self, row: StayRow, prev: StayRow) {
        let packed = &self.rows[row.0 as usize];
        let n = back(row, prev);
        if packed.is(ASIDE) || n > MOST_BACK {
            self.aside(row).wake.prev = prev;
            return;
        }
        let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(row);
        let extra = &mut self.extras[extra];
        extra.prev_wake = extra.prev_wake & !bits(BACK_BITS) | n;
    }
}

/// Which row of its block a row is.
#[inline(always)]
fn within(row: StayRow) -> usize {
    row.0 as usize % ROWS
}

/// A slot as it is kept, if it fits.
#[inline(always)]
fn slot_bits(slot: SlotId) -> Option<u32> {
    match slot {
        SlotId::NONE => Some(NO_SLOT),
        SlotId(slot) => (slot < NO_SLOT).then_some(slot),
    }
}

/// An end that is far from the base of its block.
#[cold]
#[inline(never)]
fn stand_far(far: &mut Vec<[i64; ROWS]>, block: &mut Block, row: StayRow, end: i64) {
    if block.far == u32::MAX {
        block.far = far.len() as u32;
        far.push([0; ROWS]);
    }
    if let Some(ends) = far.get_mut(block.far as usize) {
        ends[within(row)] = end;
    }
}

/// What a row that has all in it tells.
#[inline(always)]
fn whole(row: StayRow, packed: &Packed, extra: &Extra) -> Whole {
    let time = i64::from(packed.ns);
    let (ns, runnable) = match packed.takes_no_time() {
        true => (0, time),
        false => (time, i64::from(extra.runnable)),
    };
    Whole {
        ns,
        runnable,
        slot: packed.slot(),
        g: packed.g(),
        prev: before(row, packed.back),
        wake: extra.wake(row),
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
                stack: [StackId::NONE, StackId(dice.below(1 << 27) as u32)][dice.below(2) as usize],
                prev: before(dice),
            },
        };
        let slot = [SlotId::NONE, SlotId(dice.below(1_000) as u32)][dice.below(2) as usize];
        let new = New {
            end: Nanos(t),
            ns,
            kind,
            slot,
            g: GoRow([dice.below(9), dice.below(1 << 28)][dice.below(2) as usize] as u32),
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
                    // Some are more than fit into a row.
                    let slot = SlotId(dice.below(1 << 20) as u32);
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
