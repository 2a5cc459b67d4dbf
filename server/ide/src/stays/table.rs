//! Stays as they are kept: there are about as many as a third of the events, so they are small.
//!
//! ```text
//! rows    |ns  off  nth  flags|slot  g  back|  16 bytes each
//!
//! extras  |runnable  waker|last  prev wake  stack|  16 bytes, of those that can have them
//!
//! blocks  |base  first extra|  16 bytes for 64 rows: `off` and `nth` count from there
//! ```
//!
//! A stay that no goroutine can have ended, and after which its goroutine ran at once, needs no extra.
//! A birth and a stop take no time, so theirs is how long the goroutine was runnable then. Other
//! stays are named by how many rows they lie before this one: so a piece of the table means the same
//! wherever it stands. What does not fit, because it is longer than four seconds, or leads too far
//! back, stands aside, whole.

use exectrace::Nanos;
use hashbrown::HashMap;

use super::{GoRow, Stay, StayKind, StayRow};
use crate::figures::SlotId;

mod packed;

pub(super) use packed::Wake;
use packed::*;

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

/// What 64 rows have together.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The time that the offsets of their ends count from.
    base: i64,
    /// How many extras lie before the block.
    first_extra: u32,
    /// A row of `Table::far`, or `u32::MAX`.
    far: u32,
}

impl Block {
    /// The extra of a row of it that has one.
    #[inline(always)]
    fn extra(&self, packed: &Packed) -> usize {
        self.first_extra.wrapping_add(packed.nth()) as usize
    }
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
        self.stay_of(row, packed, block, self.extra_of(packed, block))
    }

    /// A stay, of which all is found.
    #[inline(always)]
    fn stay_of(&self, row: StayRow, packed: &Packed, block: &Block, extra: &Extra) -> Stay {
        let end = self.end_in(block, packed, row);
        if packed.is(ASIDE) {
            let aside = self.aside(row);
            return Stay {
                start: Nanos(end.wrapping_sub(aside.ns)),
                end: Nanos(end),
                slot: aside.slot,
                g: aside.g,
                prev: aside.prev,
                waker: aside.wake.waker,
                waker_last: aside.wake.last,
                waker_stack: aside.wake.stack,
                prev_wake: aside.wake.prev,
                kind: packed.kind(),
                open: packed.is(OPEN),
            };
        }
        let ns = if packed.takes_no_time() { 0 } else { i64::from(packed.ns()) };
        Stay {
            start: Nanos(end.wrapping_sub(ns)),
            end: Nanos(end),
            slot: packed.slot(),
            g: packed.g(),
            prev: packed.prev(row),
            waker: extra.waker(),
            waker_last: extra.last(row),
            waker_stack: extra.stack(),
            prev_wake: extra.prev_wake(row),
            kind: packed.kind(),
            open: packed.is(OPEN),
        }
    }

    /// A stay, and how long the goroutine was runnable then: cheaper than one after the other.
    #[inline(always)]
    pub(super) fn stay_and_runnable(&self, row: StayRow) -> (Stay, i64) {
        let packed = &self.rows[row.0 as usize];
        let block = &self.blocks[row.0 as usize >> BLOCK_SHIFT];
        let extra = self.extra_of(packed, block);
        let runnable = match packed {
            _ if packed.is(ASIDE) => self.aside(row).runnable,
            _ if packed.takes_no_time() => i64::from(packed.ns()),
            _ => i64::from(extra.runnable()),
        };
        (self.stay_of(row, packed, block, extra), runnable)
    }

    #[inline(always)]
    fn extra_of(&self, packed: &Packed, block: &Block) -> &Extra {
        match packed.is(EXTRA) {
            true => &self.extras[block.extra(packed)],
            false => &Extra::NOBODY,
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
            offset => block.base.wrapping_add(offset as i64),
        }
    }

    #[inline(always)]
    pub(super) fn g(&self, row: StayRow) -> GoRow {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) { self.aside(row).g } else { packed.g() }
    }

    #[inline(always)]
    pub(super) fn slot(&self, row: StayRow) -> SlotId {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) { self.aside(row).slot } else { packed.slot() }
    }

    pub(super) fn kind(&self, row: StayRow) -> Option<StayKind> {
        self.rows.get(row.0 as usize).map(Packed::kind)
    }

    /// How long the goroutine was runnable after a stay, in nanoseconds.
    #[inline(always)]
    pub(super) fn runnable(&self, row: StayRow) -> i64 {
        let packed = &self.rows[row.0 as usize];
        if packed.is(ASIDE) {
            self.aside(row).runnable
        } else if packed.takes_no_time() {
            i64::from(packed.ns())
        } else if packed.is(EXTRA) {
            let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(packed);
            i64::from(self.extras[extra].runnable())
        } else {
            0
        }
    }

    /// The waker of a stay, what it did before, and where it stood.
    #[inline(always)]
    pub(super) fn wake(&self, row: StayRow) -> Option<Wake> {
        let packed = self.rows.get(row.0 as usize).filter(|packed| packed.is(EXTRA))?;
        let wake = match packed.is(ASIDE) {
            true => self.aside(row).wake,
            false => {
                let block = &self.blocks[row.0 as usize >> BLOCK_SHIFT];
                self.extras[block.extra(packed)].wake(row)
            }
        };
        (wake.waker != GoRow::NONE).then_some(wake)
    }

    /// What stands aside of a stay. By reference, so that no stay has to go through memory for it.
    #[cold]
    #[inline(never)]
    fn aside(&self, row: StayRow) -> &Whole {
        self.aside.get(&row).unwrap_or(&Whole::NOTHING)
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
        let block = &self.blocks[row.0 as usize >> BLOCK_SHIFT];
        whole(row, packed, self.extra_of(packed, block))
    }

    /// What stands aside of a stay from now on.
    #[cold]
    #[inline(never)]
    fn aside_mut(&mut self, row: StayRow) -> &mut Whole {
        let whole = self.whole(row);
        if let Some(packed) = self.rows.get_mut(row.0 as usize) {
            packed.0[0] |= u64::from(ASIDE) << FLAGS_SHIFT;
        }
        self.aside.entry(row).or_insert(whole)
    }

    pub(super) fn set_slot(&mut self, row: StayRow, slot: SlotId) {
        let Some(packed) = self.rows.get_mut(row.0 as usize) else { return };
        let slot_and_one = and_one(slot.0);
        if packed.is(ASIDE) || slot_and_one > bits(SLOT_BITS) {
            self.aside_mut(row).slot = slot;
        } else {
            packed.0[1] = packed.0[1] & !bits(SLOT_BITS) | slot_and_one;
        }
    }

    #[inline(always)]
    pub(super) fn set_runnable(&mut self, row: StayRow, ns: i64) {
        let Some(packed) = self.rows.get_mut(row.0 as usize) else { return };
        let Ok(short) = u32::try_from(ns) else {
            self.aside_mut(row).runnable = ns;
            return;
        };
        if packed.is(ASIDE) {
            self.aside_mut(row).runnable = ns;
        } else if packed.takes_no_time() {
            packed.0[0] = packed.0[0] & !bits(32) | u64::from(short);
        } else if packed.is(EXTRA) {
            let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(packed);
            let extra = &mut self.extras[extra].0[0];
            *extra = *extra & !bits(32) | u64::from(short);
        } else if ns != 0 {
            self.aside_mut(row).runnable = ns;
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
        if let Some(extra) = extra {
            self.extras.push(extra);
        }
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
            self.blocks.push(Block { base: end, first_extra: extras as u32, far: u32::MAX });
        }
        let (mut offset, mut nth) = (FAR, 0);
        if let Some(block) = self.blocks.last_mut() {
            nth = extras as u64 - u64::from(block.first_extra);
            offset = (end as u64).wrapping_sub(block.base as u64);
            if offset >= FAR {
                offset = FAR;
                stand_far(&mut self.far, block, row, end);
            }
        }
        let Whole { ns, runnable, slot, g, prev, wake } = *whole;
        let has_extra = flags & EXTRA != 0;
        let no_time = takes_no_time(flags);
        let time = if no_time { runnable } else { ns } as u64;
        let runnable = if no_time { 0 } else { runnable as u64 };
        let (slot, g, prev) = (and_one(slot.0), u64::from(g.0), back(row, prev));
        let (waker, last) = (and_one(wake.waker.0), back(row, wake.last));
        let (prev_wake, stack) = (back(row, wake.prev), u64::from(wake.stack.0));
        let too_much = (time | runnable) >> 32
            | (g | waker) >> GO_BITS
            | (prev | last | prev_wake) >> BACK_BITS
            | slot >> SLOT_BITS
            | stack >> STACK_BITS;
        let mut flags = flags;
        if too_much != 0 || (runnable != 0 && !has_extra) {
            flags |= ASIDE;
            // Made anew, so that one that fits never goes through memory.
            let Whole { ns, runnable, slot, g, prev, wake } = *whole;
            let Wake { waker, last, stack, prev: prev_wake } = wake;
            let wake = Wake { waker, last, stack, prev: prev_wake };
            self.put_aside(row, Whole { ns, runnable, slot, g, prev, wake });
        }
        let packed = Packed([
            time & bits(32)
                | offset << OFFSET_SHIFT
                | nth << NTH_SHIFT
                | u64::from(flags) << FLAGS_SHIFT,
            slot & bits(SLOT_BITS)
                | (g & bits(GO_BITS)) << GO_SHIFT
                | (prev & bits(BACK_BITS)) << BACK_SHIFT,
        ]);
        let extra = Extra([
            runnable & bits(32) | (waker & bits(GO_BITS)) << WAKER_SHIFT,
            last & bits(BACK_BITS)
                | (prev_wake & bits(BACK_BITS)) << PREV_WAKE_SHIFT
                | stack << STACK_SHIFT,
        ]);
        (packed, has_extra.then_some(extra))
    }

    #[cold]
    #[inline(never)]
    fn put_aside(&mut self, row: StayRow, whole: Whole) {
        self.aside.insert(row, whole);
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
            // Who ends nothing has no list.
            let Some(Wake { prev, .. }) = self.wake(row) else { continue };
            if prev != StayRow::NONE && is_gone(prev.0 as usize) {
                let skipped = self.wake(prev).map_or(StayRow::NONE, |wake| wake.prev);
                self.set_prev_wake(row, skipped);
            }
        }
        // The block that `from` lies in is written anew as a whole.
        let first = from >> BLOCK_SHIFT;
        let old = self.blocks.split_off(first.min(self.blocks.len()));
        let n_far = self.blocks.iter().filter(|block| block.far != u32::MAX).count();
        let old_far = self.far.split_off(n_far);
        let begin = first << BLOCK_SHIFT;
        let mut to = begin;
        let mut to_extra = old.first().map_or(self.extras.len(), |b| b.first_extra as usize);
        for i in begin..self.rows.len() {
            let row = StayRow(i as u32);
            let packed = self.rows[i];
            if is_gone(i) {
                if packed.is(ASIDE) {
                    self.aside.remove(&row);
                }
                continue;
            }
            let block = &old[(i >> BLOCK_SHIFT) - first];
            let end = match packed.offset() {
                FAR => old_far
                    .get((block.far as usize).wrapping_sub(n_far))
                    .map_or(block.base, |ends| ends[within(row)]),
                offset => block.base.wrapping_add(offset as i64),
            };
            let extra = match packed.is(EXTRA) {
                true => self.extras[block.extra(&packed)],
                false => Extra::NOBODY,
            };
            let aside = match packed.is(ASIDE) {
                true => self.aside.remove(&row),
                false => None,
            };
            let mut whole = aside.unwrap_or_else(|| whole(row, &packed, &extra));
            if i >= from {
                go(&mut whole.g);
                go(&mut whole.wake.waker);
            }
            moved.stay(&mut whole.prev);
            moved.stay(&mut whole.wake.last);
            moved.stay(&mut whole.wake.prev);
            let flags = packed.flags() & (KIND | OPEN | EXTRA);
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

    #[inline(always)]
    fn set_prev_wake(&mut self, row: StayRow, prev: StayRow) {
        let packed = &self.rows[row.0 as usize];
        let n = back(row, prev);
        if packed.is(ASIDE) || n > bits(BACK_BITS) {
            self.aside_mut(row).wake.prev = prev;
            return;
        }
        let extra = self.blocks[row.0 as usize >> BLOCK_SHIFT].extra(packed);
        let extra = &mut self.extras[extra].0[1];
        *extra = *extra & !(bits(BACK_BITS) << PREV_WAKE_SHIFT) | n << PREV_WAKE_SHIFT;
    }
}

/// Which row of its block a row is.
#[inline(always)]
fn within(row: StayRow) -> usize {
    row.0 as usize % ROWS
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
pub(super) mod tests;
