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
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::figures::SlotId;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};
use crate::verdicts::{Facts, Sum, Verdict, WaitKind};

mod sums;

use sums::{LineId, Sums};

/// Where a part of a wait ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// What a wait ended with, in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            End::Syscall => "a system call",
            End::Network => "the network",
            End::Timer => "a timer",
            End::Sleep => "a sleep",
            End::Gc => "the collector",
            other => other.name(),
        }
    }
}

/// An end and the line at which it was. The network and a timer have that of the program's own at which another
/// goroutine waited for them.
pub type EndLine = (End, Option<FrameId>);

/// What the waits of all slots end in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Blame {
    /// Nanoseconds by slot and end, in order.
    by_slot: Vec<(SlotId, EndLine, i64)>,
    /// A bit for each stay: what judging asks, and nobody later.
    #[serde(skip)]
    uncarried: Vec<u64>,
}

/// How far a walk goes.
const MAX_STAYS: u32 = 300;
const MAX_DEPTH: u32 = 64;

/// How many stays the walk of each wait may look at. Of a join that lasts long, and of what the main
/// goroutine waits for, 300 may be the last millisecond: so those get more, of a purse that all of them
/// share.
struct Budget {
    /// What counts as long, in nanoseconds.
    long: i64,
    main: GoRow,
    /// What is left of the purse.
    left: u32,
}

impl Budget {
    /// Of one long wait.
    const MOST: u32 = 1 << 17;
    /// Of all of them together.
    const PURSE: u32 = 1 << 20;

    fn new(analysis: &Analysis, stays: &Stays) -> Budget {
        Budget { long: analysis.duration() / 100, main: stays.main(), left: Budget::PURSE }
    }

    fn of(&self, facts: &Facts, stay: &Stay) -> u32 {
        let is_long = stay.end.since(stay.start) > self.long
            && (stay.g == self.main || facts.kind(stay.slot) == WaitKind::Join);
        if is_long { MAX_STAYS.max(Budget::MOST.min(self.left)) } else { MAX_STAYS }
    }

    /// A walk that had `had` has so many left.
    fn spent(&mut self, had: u32, left: u32) {
        self.left = self.left.saturating_sub((had - left).saturating_sub(MAX_STAYS));
    }
}

impl Blame {
    /// Walks all waits of a trace. `None` without stays.
    pub fn new(analysis: &Analysis, facts: &Facts) -> Option<Blame> {
        let stays = analysis.stays.as_ref()?;
        let lines = lines(analysis, facts);
        let mut uncarried = vec![0; stays.len().div_ceil(64)];
        let mut budget = Budget::new(analysis, stays);
        let mut walk = Walk::<false>::new(analysis, facts, stays, &lines, (0, 0));
        for row in stays.rows() {
            let stay = stays.stay(row);
            if !stay.is_wait() {
                continue;
            }
            (walk.outside, walk.more) = (0, 0);
            walk.wait(&stay, stay.start.0, facts, &mut budget);
            // What the walk did not come to counts for neither side.
            let known = stay.end.since(stay.start) - walk.more;
            let is_outside = walk.outside > 0 && walk.outside >= known - walk.outside;
            if stay.waker != GoRow::NONE && is_outside {
                uncarried[row.0 as usize / 64] |= 1 << (row.0 % 64);
            }
        }
        Some(Blame { by_slot: walk.sums.in_order(), uncarried })
    }

    /// What the parts of waits end in that lie between two times. `rows` are the stays that may do so.
    /// What the waker did then counts, wherever the wait began and ended. `None` without stays.
    pub fn in_window(
        analysis: &Analysis,
        facts: &Facts,
        rows: impl Iterator<Item = StayRow>,
        (t0, t1): (i64, i64),
    ) -> Option<Blame> {
        let stays = analysis.stays.as_ref()?;
        let lines = lines(analysis, facts);
        let mut budget = Budget::new(analysis, stays);
        let mut walk = Walk::<true>::new(analysis, facts, stays, &lines, (t0, t1));
        for row in rows {
            let stay = stays.stay(row);
            if stay.is_wait() && stay.start.0 < t1 && stay.end.0 > t0 {
                walk.wait(&stay, stay.start.0.max(t0), facts, &mut budget);
            }
        }
        Some(Blame { by_slot: walk.sums.in_order(), uncarried: Vec::new() })
    }

    /// Whether all rows are in order and of the trace: what was read from a file can be anything.
    pub(crate) fn is_sound(&self, analysis: &Analysis) -> bool {
        let (slots, frames) = (analysis.slots.len(), analysis.tables.n_frames());
        self.by_slot.is_sorted_by_key(|b| b.0)
            && self.by_slot.iter().all(|(slot, (_, frame), _)| {
                (slot.0 as usize) < slots && frame.is_none_or(|f| (f.0 as usize) < frames)
            })
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
        self.uncarried.get(row.0 as usize / 64).is_some_and(|bits| bits >> (row.0 % 64) & 1 != 0)
    }

    /// The same, with all that ends at the network as one, and all at timers: with the line at which most of it does,
    /// if there is one. What stands for the whole is not told by which of many lines it is split into.
    pub fn ends_by_kind(&self, slots: &[SlotId]) -> Vec<(EndLine, i64)> {
        by_kind(self.ends(slots))
    }

    /// What the waits of some slots end in, the most first.
    pub fn ends(&self, slots: &[SlotId]) -> Vec<(EndLine, i64)> {
        sum_up(slots.iter().flat_map(|&slot| self.of(slot)).map(|&(_, end, ns)| (end, ns)))
    }

    /// What of the waits of some slots is costly, by what it ends in, the most first. Of a slot some of whose waits
    /// are costly each end has the same part of it.
    pub fn costly_ends(
        &self,
        analysis: &Analysis,
        sums: &[Sum],
        slots: &[SlotId],
    ) -> Vec<(EndLine, i64)> {
        let ends = slots.iter().flat_map(|&id| {
            let costly = sums.get(id.0 as usize).map_or(0, |sum| sum.of(Verdict::Costly));
            let all = analysis
                .slots
                .get(id.0 as usize)
                .map_or(0, |slot| slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns));
            let of = if costly > 0 { self.of(id) } else { &[] };
            of.iter().map(move |&(_, end, ns)| {
                let part = i128::from(ns) * i128::from(costly) / i128::from(all.max(1));
                (end, i64::try_from(part).unwrap_or(i64::MAX))
            })
        });
        sum_up(ends)
    }
}

/// Sums by end, the most first.
fn sum_up(ends: impl Iterator<Item = (EndLine, i64)>) -> Vec<(EndLine, i64)> {
    let mut sums: HashMap<EndLine, i64> = HashMap::new();
    for (end, ns) in ends {
        let sum: &mut i64 = sums.entry(end).or_default();
        *sum = sum.saturating_add(ns);
    }
    let mut list: Vec<_> = sums.into_iter().collect();
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list
}

/// With all that ends at the network as one, and all at timers.
pub fn by_kind(mut list: Vec<(EndLine, i64)>) -> Vec<(EndLine, i64)> {
    for kind in [End::Network, End::Timer] {
        let of_kind = |end: &(EndLine, i64)| end.0.0 == kind;
        let all =
            list.iter().filter(|end| of_kind(end)).fold(0i64, |sum, end| sum.saturating_add(end.1));
        let Some(&((_, line), most)) = list.iter().find(|end| of_kind(end)) else { continue };
        let line = line.filter(|_| i128::from(most) * 2 > i128::from(all));
        list.retain(|end| !of_kind(end));
        list.push(((kind, line), all));
    }
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list
}

/// What a walk asks of a slot.
#[derive(Debug, Clone, Copy)]
struct Place {
    stack: StackId,
    /// The line that stands for it.
    line: LineId,
    /// It is a line of the program's own, and not one that only stands between a library and the network.
    own: bool,
    /// What ends a wait there that no goroutine ends.
    outside: End,
}

const NOWHERE: Place =
    Place { stack: StackId::NONE, line: LineId::NONE, own: false, outside: End::NotKnown };

fn outside(kind: WaitKind) -> End {
    match kind {
        WaitKind::Network | WaitKind::Accept | WaitKind::NetWrite => End::Network,
        WaitKind::Sleep => End::Sleep,
        WaitKind::Gc => End::Gc,
        WaitKind::Select | WaitKind::Receive | WaitKind::Cond | WaitKind::Send => End::Timer,
        _ => End::NotKnown,
    }
}

/// By stack: the line that stands for it.
fn lines(analysis: &Analysis, facts: &Facts) -> Vec<LineId> {
    (0..analysis.tables.n_stacks() as u32)
        .map(|s| LineId::new(facts.line_of(analysis, StackId(s))))
        .collect()
}

/// Goes back over what ended waits. `CUT`: only what lies in a window counts.
struct Walk<'a, const CUT: bool> {
    window: (i64, i64),
    stays: &'a Stays,
    slots: Vec<Place>,
    /// By stack: the line that stands for it.
    lines: &'a [LineId],
    /// Whose wait it is about.
    slot: SlotId,
    sums: Sums,
    /// Time that ended outside on a way without a wait of the program's own.
    outside: i64,
    /// Time that it did not come to.
    more: i64,
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
    /// The line of the program's own at which the last wait on the way stood that did; none, if none did.
    carried: LineId,
}

impl<'a, const CUT: bool> Walk<'a, CUT> {
    fn new(
        analysis: &Analysis,
        facts: &Facts,
        stays: &'a Stays,
        lines: &'a [LineId],
        window: (i64, i64),
    ) -> Walk<'a, CUT> {
        let slots = (0u32..).zip(&analysis.slots).map(|(id, slot)| Place {
            stack: slot.stack,
            line: lines.get(slot.stack.0 as usize).copied().unwrap_or(LineId::NONE),
            own: facts.own_frames(SlotId(id)) > 0 && !facts.is_wrapper(SlotId(id)),
            outside: outside(facts.kind(SlotId(id))),
        });
        Walk {
            window,
            stays,
            slots: slots.collect(),
            lines,
            slot: SlotId::NONE,
            sums: Sums::new(),
            outside: 0,
            more: 0,
            left: 0,
        }
    }

    /// A wait, from `from` on.
    #[inline(always)]
    fn wait(&mut self, stay: &Stay, from: i64, facts: &Facts, budget: &mut Budget) {
        let most = budget.of(facts, stay);
        (self.slot, self.left) = (stay.slot, most);
        self.stay(stay, from, stay.end.0, 0, LineId::NONE);
        budget.spent(most, self.left);
    }

    /// The part of a stay from `from` to `to`. Inlined, so that no stay goes through memory.
    #[inline(always)]
    fn stay(&mut self, stay: &Stay, from: i64, to: i64, depth: u32, carried: LineId) {
        if to <= from {
            return;
        }
        let place = self.place(stay.slot);
        if stay.kind == StayKind::Syscall {
            return self.end(End::Syscall, place.line, from, to);
        }
        if stay.waker == GoRow::NONE {
            let end = if stay.open { End::NotKnown } else { place.outside };
            if carried.is_none() && matches!(end, End::Network | End::Timer | End::Sleep) {
                self.outside = self.outside.saturating_add(to - from);
            }
            let line = match end {
                End::Sleep => place.line,
                // Where the one stood that ended it all; of the wait itself everybody knows.
                End::Network | End::Timer if depth > 0 && place.own => place.line,
                // Or who waited for that, where a library's goroutine did.
                End::Network | End::Timer => carried,
                _ => LineId::NONE,
            };
            return self.end(end, line, from, to);
        }
        if depth >= MAX_DEPTH {
            return self.more(from, to);
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

    #[inline(never)]
    fn part(&mut self, mut part: Part) {
        while part.to > part.from {
            if self.left == 0 {
                return self.more(part.from, part.to);
            }
            if part.last == StayRow::NONE {
                return self.end(End::NotKnown, LineId::NONE, part.from, part.to);
            }
            self.left -= 1;
            let (stay, runnable) = self.stays.stay_and_runnable(part.last);
            let began = stay.end.0.saturating_add(runnable);
            self.ran(&mut part, began);
            let runnable = stay.end.0.max(part.from);
            if part.to > runnable {
                self.end(End::Runnable, LineId::NONE, runnable, part.to);
                part.to = runnable;
            }
            let place = self.place(stay.slot);
            if stay.start.0 < part.to {
                let (from, to) = (stay.start.0.max(part.from), part.to);
                let carried = if place.own { place.line } else { part.carried };
                self.stay(&stay, from, to, part.depth, carried);
                part.to = from;
            }
            if stay.kind == StayKind::Born {
                if part.to > part.from && self.stays.go(stay.g).is_timers() {
                    return self.timer_ran(&part);
                }
                // Before its birth, its creator.
                part.g = stay.waker;
                part.last = stay.waker_last;
                part.stack = stay.waker_stack;
                part.wake = stay.prev_wake;
            } else {
                part.stack = place.stack;
                part.last = stay.prev;
            }
        }
    }

    /// It ran from `began` on: cut at each wake that it raised.
    fn ran(&mut self, part: &mut Part, began: i64) {
        let from = began.max(part.from);
        while part.to > from {
            let mut wake = None;
            while part.wake != StayRow::NONE {
                let stay = self.stays.stay(part.wake);
                if stay.end.0 < part.to {
                    wake = Some(stay);
                    break;
                }
                part.wake = stay.prev_wake;
            }
            let line = self.lines.get(part.stack.0 as usize).copied().unwrap_or(LineId::NONE);
            match wake.filter(|w| w.end.0 > from && w.waker == part.g) {
                Some(wake) => {
                    self.end(End::Running, line, wake.end.0, part.to);
                    part.to = wake.end.0;
                    part.stack = wake.waker_stack;
                    part.wake = wake.prev_wake;
                }
                None => {
                    self.end(End::Running, line, from, part.to);
                    part.to = from;
                }
            }
        }
    }

    /// Before the birth of a goroutine that a timer started.
    #[cold]
    fn timer_ran(&mut self, part: &Part) {
        if part.carried.is_none() {
            self.outside = self.outside.saturating_add(part.to - part.from);
        }
        self.end(End::Timer, LineId::NONE, part.from, part.to);
    }

    /// The walk is broken off.
    #[cold]
    fn more(&mut self, from: i64, to: i64) {
        self.more = self.more.saturating_add(to - from);
        self.end(End::More, LineId::NONE, from, to);
    }

    #[inline(always)]
    fn end(&mut self, end: End, line: LineId, from: i64, to: i64) {
        let ns = match CUT {
            true => to.min(self.window.1) - from.max(self.window.0),
            false => to - from,
        };
        if ns > 0 {
            self.sums.add(self.slot, end, line, ns);
        }
    }

    #[inline(always)]
    fn place(&self, slot: SlotId) -> Place {
        self.slots.get(slot.0 as usize).copied().unwrap_or(NOWHERE)
    }
}
