//! What a wait was really waiting for.
//!
//! ```text
//! G      |------------- wait ------------|         who ended it?  W
//! W   ...run|--wait--|run|runnable|..run..^         what did W do meanwhile?
//! V         ...run.......^                          and for whom did W wait?
//! ```
//!
//! The walk goes back over the waker's stays from the wake; what it ran is charged to the line of
//! the event that ended that piece (a wake that it raised, a block, a call), and where it waited
//! itself, the walk goes on with its waker over that part only. Every nanosecond of the wait ends
//! somewhere.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::figures::SlotId;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};
use crate::verdicts::{Facts, WaitKind};

/// Where a part of a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The waker ran.
    Running,
    /// The waker could run and had no P.
    Runnable,
    /// The waker was in a system call.
    Syscall,
    /// The network.
    Network,
    /// A timer.
    Timer,
    /// The waker slept.
    Sleep,
    /// The collector.
    Gc,
    /// The trace does not tell.
    NotKnown,
    /// The walk was broken off.
    More,
}

impl End {
    /// Its name in the machine's forms and for people.
    pub fn name(self) -> &'static str {
        match self {
            End::Running => "running",
            End::Runnable => "runnable",
            End::Syscall => "syscall",
            End::Network => "network",
            End::Timer => "timer",
            End::Sleep => "sleep",
            End::Gc => "gc",
            End::NotKnown => "not known",
            End::More => "more",
        }
    }
}

/// An end and the line at which it was.
pub type EndLine = (End, Option<FrameId>);

/// What the waits of all slots end in.
#[derive(Debug, Default)]
pub struct Blame {
    /// Nanoseconds by slot and end, in order.
    by_slot: Vec<(SlotId, EndLine, i64)>,
    /// By stay.
    uncarried: Vec<bool>,
}

/// How far a walk goes.
const MAX_STAYS: u32 = 300;
const MAX_DEPTH: u32 = 64;

impl Blame {
    /// Walks all waits of a trace. `None` without stays.
    pub fn new(analysis: &Analysis, facts: &Facts) -> Option<Blame> {
        let stays = analysis.stays.as_ref()?;
        let lines: Vec<Option<FrameId>> = (0..analysis.tables.n_stacks() as u32)
            .map(|s| facts.line_of(analysis, StackId(s)))
            .collect();
        let mut sums: HashMap<(SlotId, EndLine), i64> = HashMap::new();
        let mut uncarried = vec![false; stays.len()];
        let mut walk =
            Walk { analysis, stays, facts, lines: &lines, ends: Vec::new(), outside: 0, left: 0 };
        for row in stays.rows() {
            let stay = stays.stay(row);
            if !matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                continue;
            }
            walk.ends.clear();
            walk.outside = 0;
            walk.left = MAX_STAYS;
            walk.top(&stay);
            let ns = stay.end.since(stay.start);
            uncarried[row.0 as usize] =
                stay.waker != GoRow::NONE && ns > 0 && walk.outside >= ns - walk.outside;
            for &(end, ns) in &walk.ends {
                let sum: &mut i64 = sums.entry((stay.slot, end)).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        let mut by_slot: Vec<_> =
            sums.into_iter().map(|((slot, end), ns)| (slot, end, ns)).collect();
        by_slot.sort_unstable();
        Some(Blame { by_slot, uncarried })
    }

    /// What the waits of a slot end in, with nanoseconds.
    pub fn of(&self, slot: SlotId) -> &[(SlotId, EndLine, i64)] {
        let from = self.by_slot.partition_point(|b| b.0 < slot);
        let to = self.by_slot.partition_point(|b| b.0 <= slot);
        &self.by_slot[from..to]
    }

    /// Whether half or more of a wait ends outside the program, on a way on which no line of the
    /// program's own waits: nobody else's line carries it.
    pub fn is_uncarried(&self, row: StayRow) -> bool {
        self.uncarried.get(row.0 as usize).copied().unwrap_or(false)
    }

    /// What the waits of some slots end in, the most first.
    pub fn ends(&self, slots: &[SlotId]) -> Vec<(EndLine, i64)> {
        let mut sums: HashMap<EndLine, i64> = HashMap::new();
        for &slot in slots {
            for &(_, end, ns) in self.of(slot) {
                let sum: &mut i64 = sums.entry(end).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        let mut list: Vec<_> = sums.into_iter().collect();
        list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        list
    }
}

struct Walk<'a> {
    analysis: &'a Analysis,
    stays: &'a Stays,
    facts: &'a Facts,
    /// By stack: the line that stands for it.
    lines: &'a [Option<FrameId>],
    ends: Vec<(EndLine, i64)>,
    /// Time that ended outside on a way without a wait of the program's own.
    outside: i64,
    /// How many stays may still be looked at.
    left: u32,
}

/// A part of a goroutine's life to be looked at, from its end backward.
struct Part {
    g: GoRow,
    /// Its last stay before the end.
    last: StayRow,
    /// The wake that ends it, to find those before.
    wake: StayRow,
    /// The stack at its end.
    stack: StackId,
    from: i64,
    to: i64,
    depth: u32,
    /// A wait on the way stood on a line of the program's own.
    carried: bool,
}

impl Walk<'_> {
    /// The wait itself.
    fn top(&mut self, stay: &Stay) {
        let (from, to) = (stay.start.0, stay.end.0);
        self.stay(stay, from, to, 0, false);
    }

    /// The part of a stay from `from` to `to`.
    fn stay(&mut self, stay: &Stay, from: i64, to: i64, depth: u32, carried: bool) {
        if to <= from {
            return;
        }
        let stack = self.stack_of(stay.slot);
        if stay.kind == StayKind::Syscall {
            return self.end(End::Syscall, stack, to - from, carried);
        }
        let kind = self.facts.kind_of_stay(stay);
        if stay.waker == GoRow::NONE {
            let end = match kind {
                _ if stay.open => End::NotKnown,
                WaitKind::Network | WaitKind::Accept | WaitKind::NetWrite => End::Network,
                WaitKind::Sleep => End::Sleep,
                WaitKind::Gc => End::Gc,
                WaitKind::Select | WaitKind::Receive | WaitKind::Cond | WaitKind::Send => {
                    End::Timer
                }
                _ => End::NotKnown,
            };
            return self.end(end, stack, to - from, carried);
        }
        if depth >= MAX_DEPTH {
            return self.end(End::More, StackId::NONE, to - from, carried);
        }
        self.part(Part {
            g: stay.waker,
            last: stay.waker_last,
            wake: stay.prev_wake,
            stack: stay.waker_stack,
            from,
            to,
            depth: depth + 1,
            carried,
        });
    }

    fn part(&mut self, mut part: Part) {
        while part.to > part.from {
            if part.last == StayRow::NONE || self.left == 0 {
                let end = if self.left == 0 { End::More } else { End::NotKnown };
                return self.end(end, StackId::NONE, part.to - part.from, part.carried);
            }
            self.left -= 1;
            let stay = self.stays.stay(part.last);
            let began = stay.end.0.saturating_add(self.stays.runnable(part.last));
            self.ran(&mut part, began);
            self.take(&mut part, stay.end.0, End::Runnable, StackId::NONE);
            if stay.start.0 < part.to {
                let (from, to) = (stay.start.0.max(part.from), part.to);
                let own = self.facts.own_frames(stay.slot) > 0;
                self.stay(&stay, from, to, part.depth, part.carried || own);
                part.to = from;
            }
            if stay.kind == StayKind::Born {
                // Before its birth, its creator.
                part.g = stay.waker;
                part.last = stay.waker_last;
                part.stack = stay.waker_stack;
                part.wake = stay.prev_wake;
            } else {
                part.stack = self.stack_of(stay.slot);
                part.last = stay.prev;
            }
        }
    }

    /// It ran from `began` on: cut at each wake that it raised.
    fn ran(&mut self, part: &mut Part, began: i64) {
        let from = began.max(part.from);
        while part.to > from {
            while part.wake != StayRow::NONE && self.stays.stay(part.wake).end.0 >= part.to {
                part.wake = self.stays.stay(part.wake).prev_wake;
            }
            let wake = (part.wake != StayRow::NONE).then(|| self.stays.stay(part.wake));
            match wake.filter(|w| w.end.0 > from && w.waker == part.g) {
                Some(wake) => {
                    self.end(End::Running, part.stack, part.to - wake.end.0, part.carried);
                    part.to = wake.end.0;
                    part.stack = wake.waker_stack;
                    part.wake = wake.prev_wake;
                }
                None => {
                    self.end(End::Running, part.stack, part.to - from, part.carried);
                    part.to = from;
                }
            }
        }
    }

    /// The part down to `from` ends in `end`.
    fn take(&mut self, part: &mut Part, from: i64, end: End, stack: StackId) {
        let from = from.max(part.from);
        if part.to > from {
            self.end(end, stack, part.to - from, part.carried);
            part.to = from;
        }
    }

    fn end(&mut self, end: End, stack: StackId, ns: i64, carried: bool) {
        if ns <= 0 {
            return;
        }
        let named = matches!(end, End::Running | End::Syscall | End::Sleep);
        let line = if named { self.lines.get(stack.0 as usize).copied().flatten() } else { None };
        if !carried && matches!(end, End::Network | End::Timer | End::Sleep) {
            self.outside = self.outside.saturating_add(ns);
        }
        match self.ends.iter_mut().find(|e| e.0 == (end, line)) {
            Some((_, sum)) => *sum = sum.saturating_add(ns),
            None => self.ends.push(((end, line), ns)),
        }
    }

    fn stack_of(&self, slot: SlotId) -> StackId {
        self.analysis.slots.get(slot.0 as usize).map_or(StackId::NONE, |s| s.stack)
    }
}
