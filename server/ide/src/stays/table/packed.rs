//! A stay in four words at most, and how they are taken apart.

use exectrace::StackId;

use super::{GoRow, StayKind, StayRow};
use crate::figures::SlotId;

/// A stay, and its waiting for a P after it: numbers beside each other in two words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed(pub(super) [u64; 2]);

pub(super) const BLOCK_SHIFT: u32 = 6;
pub(super) const ROWS: usize = 1 << BLOCK_SHIFT;

pub(super) const KINDS: [StayKind; 4] =
    [StayKind::Born, StayKind::Wait, StayKind::Syscall, StayKind::Stop];
pub(super) const KIND: u32 = 3;
pub(super) const OPEN: u32 = 4;
pub(super) const EXTRA: u32 = 8;
/// See `Table::aside`.
pub(super) const ASIDE: u32 = 16;

// Of the first word of a row: its length in nanoseconds, and for one that takes no time how long its
// goroutine was runnable then; its end's offset; how many rows of its block before it have extras; the
// kind and flags.
pub(super) const OFFSET_SHIFT: u32 = 32;
pub(super) const NTH_SHIFT: u32 = 53;
pub(super) const FLAGS_SHIFT: u32 = NTH_SHIFT + BLOCK_SHIFT;
/// See `Table::far`.
pub(super) const FAR: u64 = bits(NTH_SHIFT - OFFSET_SHIFT);

// Of the second word: the slot and 1, or 0 for none; whose; how many rows before this one the stay before
// lies, or 0 for none.
pub(super) const SLOT_BITS: u32 = 18;
pub(super) const GO_BITS: u32 = 25;
/// Tests have few rows.
pub(super) const BACK_BITS: u32 = if cfg!(test) { 8 } else { 21 };
pub(super) const GO_SHIFT: u32 = SLOT_BITS;
pub(super) const BACK_SHIFT: u32 = SLOT_BITS + GO_BITS;

pub(super) const fn bits(n: u32) -> u64 {
    (1 << n) - 1
}

impl Packed {
    #[inline(always)]
    pub(super) fn flags(&self) -> u32 {
        (self.0[0] >> FLAGS_SHIFT) as u32
    }

    #[inline(always)]
    pub(super) fn kind(&self) -> StayKind {
        KINDS[(self.flags() & KIND) as usize]
    }

    #[inline(always)]
    pub(super) fn is(&self, flag: u32) -> bool {
        self.0[0] & u64::from(flag) << FLAGS_SHIFT != 0
    }

    #[inline(always)]
    pub(super) fn ns(&self) -> u32 {
        self.0[0] as u32
    }

    #[inline(always)]
    pub(super) fn offset(&self) -> u64 {
        self.0[0] >> OFFSET_SHIFT & FAR
    }

    #[inline(always)]
    pub(super) fn nth(&self) -> u32 {
        (self.0[0] >> NTH_SHIFT) as u32 % ROWS as u32
    }

    #[inline(always)]
    pub(super) fn slot(&self) -> SlotId {
        SlotId(((self.0[1] & bits(SLOT_BITS)) as u32).wrapping_sub(1))
    }

    #[inline(always)]
    pub(super) fn g(&self) -> GoRow {
        GoRow((self.0[1] >> GO_SHIFT & bits(GO_BITS)) as u32)
    }

    #[inline(always)]
    pub(super) fn prev(&self, row: StayRow) -> StayRow {
        before(row, self.0[1] >> BACK_SHIFT)
    }

    /// A birth or a stop.
    #[inline(always)]
    pub(super) fn takes_no_time(&self) -> bool {
        takes_no_time(self.flags())
    }
}

#[inline(always)]
pub(super) fn takes_no_time(flags: u32) -> bool {
    const BORN: u32 = StayKind::Born as u32;
    const STOP: u32 = StayKind::Stop as u32;
    matches!(flags & KIND, BORN | STOP)
}

/// Who ended a stay, or created a goroutine, and what came around it: numbers beside each other in two
/// words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extra(pub(super) [u64; 2]);

// Of the first word: how long the goroutine was runnable then, in nanoseconds; the waker and 1, or 0
// for none.
pub(super) const WAKER_SHIFT: u32 = 32;

// Of the second word: how many rows before this one the waker's last stay lies, and the stay that it
// ended before, each 0 for none; where it stood.
pub(super) const PREV_WAKE_SHIFT: u32 = 21;
pub(super) const STACK_SHIFT: u32 = 42;
pub(super) const STACK_BITS: u32 = 22;

impl Extra {
    /// Nobody ended it.
    pub(super) const NOBODY: Extra = Extra([0; 2]);

    #[inline(always)]
    pub(super) fn runnable(&self) -> u32 {
        self.0[0] as u32
    }

    #[inline(always)]
    pub(super) fn waker(&self) -> GoRow {
        GoRow(((self.0[0] >> WAKER_SHIFT) as u32).wrapping_sub(1))
    }

    #[inline(always)]
    pub(super) fn last(&self, row: StayRow) -> StayRow {
        before(row, self.0[1] & bits(BACK_BITS))
    }

    #[inline(always)]
    pub(super) fn prev_wake(&self, row: StayRow) -> StayRow {
        before(row, self.0[1] >> PREV_WAKE_SHIFT & bits(BACK_BITS))
    }

    #[inline(always)]
    pub(super) fn stack(&self) -> StackId {
        StackId((self.0[1] >> STACK_SHIFT) as u32)
    }

    /// What it tells of the stay in a row.
    #[inline(always)]
    pub(super) fn wake(&self, row: StayRow) -> Wake {
        Wake {
            waker: self.waker(),
            last: self.last(row),
            stack: self.stack(),
            prev: self.prev_wake(row),
        }
    }
}

/// The row so many before another one.
#[inline(always)]
pub(super) fn before(row: StayRow, back: u64) -> StayRow {
    match back as u32 {
        0 => StayRow::NONE,
        back => StayRow(row.0.wrapping_sub(back)),
    }
}

/// How many rows before another one a row lies. Too many, where it does not.
#[inline(always)]
pub(super) fn back(row: StayRow, to: StayRow) -> u64 {
    match to {
        StayRow::NONE => 0,
        to if to == row => u64::MAX,
        to => u64::from(row.0).wrapping_sub(u64::from(to.0)),
    }
}

/// An identifier that can be none, from 0 on.
#[inline(always)]
pub(super) fn and_one(id: u32) -> u64 {
    u64::from(id.wrapping_add(1))
}

/// What is known of a stay beside its end and its flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) ns: i64,
    pub(super) runnable: i64,
    pub(super) slot: SlotId,
    pub(super) g: GoRow,
    pub(super) prev: StayRow,
    pub(super) wake: Wake,
}

impl Whole {
    pub(super) const NOTHING: Whole = Whole {
        ns: 0,
        runnable: 0,
        slot: SlotId::NONE,
        g: GoRow(0),
        prev: StayRow::NONE,
        wake: Wake::BY_NONE,
    };
}

/// Who ended a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stays) struct Wake {
    /// `NONE`: no goroutine.
    pub(in crate::stays) waker: GoRow,
    pub(in crate::stays) last: StayRow,
    pub(in crate::stays) stack: StackId,
    pub(in crate::stays) prev: StayRow,
}

impl Wake {
    /// No goroutine did.
    pub(in crate::stays) const BY_NONE: Wake =
        Wake { waker: GoRow::NONE, last: StayRow::NONE, stack: StackId::NONE, prev: StayRow::NONE };
}

/// What a row that has all in it tells.
#[inline(always)]
pub(super) fn whole(row: StayRow, packed: &Packed, extra: &Extra) -> Whole {
    let time = i64::from(packed.ns());
    let (ns, runnable) = match packed.takes_no_time() {
        true => (0, time),
        false => (time, i64::from(extra.runnable())),
    };
    Whole {
        ns,
        runnable,
        slot: packed.slot(),
        g: packed.g(),
        prev: packed.prev(row),
        wake: extra.wake(row),
    }
}
