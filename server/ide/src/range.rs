//! What a window of the trace cost, from what is kept in memory.
//!
//! ```text
//!                    t0              t1
//!   |------ wait ----|===|            |        the part inside counts, with the wait's own verdict
//!        |- wait -|  | |=run=|=wait===|--|     its time waiting for a P is a span of its own
//! ```
//!
//! Stays lie in the order of their ends, in blocks. Of each block it is known what time it touches at
//! most; blocks that do not touch the window are not looked at. So a window costs what lies in it, a
//! block for each span that is longer than it, and one look at each block of blocks.
//!
//! Running, creations and CPU samples are not in a window. Blame is walked anew, over the waits that
//! touch it. A span from before the trace counts as one that began with it (`Slot::pre_n` is 0).

use exectrace::{GoId, Nanos, StackId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::assists::{Assists, Stood};
use crate::causes::Causes;
use crate::figures::{Slot, SlotId, Waker};
use crate::stays::{Brief, GoRow, StayKind, StayRow, Stays};
use crate::units::duration;
use crate::verdicts::{Sum, Tally, Verdicts};

#[cfg(test)]
mod tests;

/// So many stays are in a block, and so many blocks in a block of blocks.
const BLOCK: usize = 64;

/// Why a window is none of a trace that is so long, if it is none: it lies outside, or ends before it
/// begins. Without an end it goes on to that of the trace. All in nanoseconds.
pub fn why_not(length: i64, t0: Option<i64>, t1: Option<i64>) -> Option<String> {
    let name = match (t0, t1) {
        (Some(t0), Some(t1)) => format!("{} to {}", duration(t0), duration(t1)),
        (None, Some(t)) | (Some(t), None) => duration(t),
        (None, None) => return None,
    };
    if t0.zip(t1).is_some_and(|(t0, t1)| t0 >= t1) {
        return Some(format!("{name} is no range (its end comes after its beginning)"));
    }
    let is = if t0.is_some_and(|t0| t0 >= length) {
        "behind its end"
    } else if t1.is_some_and(|t1| t1 <= 0) {
        "before its beginning"
    } else {
        return None;
    };
    Some(format!("the trace is {} long: {name} is {is}", duration(length)))
}

/// Where in time the stays of a trace lie.
#[derive(Debug)]
pub struct Index {
    blocks: Vec<Reach>,
    /// For each [`BLOCK`] of them.
    wide: Vec<Reach>,
    ranges: Vec<Reach>,
    briefs: Vec<Reach>,
    /// By stack: the slot of the time runnable after a stay there, and before a first run.
    runnable: Vec<[SlotId; 2]>,
    /// Where goroutines stood still while they helped the collector.
    stood: Vec<Stood>,
}

/// The time that some spans touch, all together.
#[derive(Debug, Clone, Copy)]
struct Reach {
    from: i64,
    to: i64,
}

impl Reach {
    const NOTHING: Reach = Reach { from: i64::MAX, to: i64::MIN };

    fn widen(&mut self, other: Reach) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
    }

    /// Whether it touches another. One that takes no time touches what it lies in or at.
    fn touches(self, other: Reach) -> bool {
        self.from <= other.to && self.to >= other.from
    }
}

/// The figures of a window, in the shape of those of a whole trace.
#[derive(Debug, Default)]
pub struct Window {
    /// As [`Analysis::slots`]: the spans that overlap the window, cut at its edges.
    pub slots: Vec<Slot>,
    /// As [`Verdicts::sums`]; empty without verdicts.
    pub sums: Vec<Sum>,
    /// As [`Analysis::wakers`]: the waits that end in the window, with their time in it.
    pub wakers: Vec<Waker>,
}

impl Index {
    /// Looks at all stays of a trace, once. `None` without stays.
    pub fn new(analysis: &Analysis) -> Option<Index> {
        let stays = analysis.stays.as_ref()?;
        let mut blocks = vec![Reach::NOTHING; stays.len().div_ceil(BLOCK)];
        let mut assists = Assists::new(analysis, stays);
        for row in stays.rows() {
            let (stay, runnable) = stays.stay_and_runnable(row);
            let to = stay.end.0.saturating_add(runnable);
            blocks[row.0 as usize / BLOCK].widen(Reach { from: stay.start.0, to });
            assists.add(stays, &stay, runnable);
        }
        let together = |reaches: &[Reach]| {
            let mut all = Reach::NOTHING;
            reaches.iter().for_each(|&r| all.widen(r));
            all
        };
        let ranges: Vec<Reach> =
            stays.ranges.iter().map(|r| Reach { from: r.start.0, to: r.end.0 }).collect();
        let brief =
            |b: &Brief| Reach { from: b.birth().0, to: b.birth().0 + i64::from(b.runnable) };
        let briefs = stays.briefs.chunks(BLOCK * 4).map(|some| {
            let mut all = Reach::NOTHING;
            some.iter().for_each(|b| all.widen(brief(b)));
            all
        });
        let mut runnable = Vec::new();
        for (row, slot) in analysis.slots.iter().enumerate() {
            let own = slot.cause == Causes::SCHED_OWN && !slot.early;
            if own || (slot.cause == Causes::SCHED && slot.early) {
                let stack = slot.stack.0 as usize;
                if stack >= runnable.len() {
                    runnable.resize(stack + 1, [SlotId::NONE; 2]);
                }
                runnable[stack][usize::from(slot.early)] = SlotId(row as u32);
            }
        }
        Some(Index {
            wide: blocks.chunks(BLOCK).map(together).collect(),
            blocks,
            ranges: ranges.chunks(BLOCK).map(together).collect(),
            briefs: briefs.collect(),
            runnable,
            stood: assists.stood(),
        })
    }

    /// By the slot of an assist, in order: how long its goroutines stood still in it, as far as `inside`
    /// counts that, in nanoseconds.
    pub(crate) fn stood(&self, inside: impl Fn(GoId, i64, i64) -> i64) -> Vec<(SlotId, i64)> {
        crate::assists::sum(&self.stood, inside)
    }

    /// The rows of the stays that may lie in a window, block by block.
    fn rows(&self, window: Reach) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let wide = self.wide.iter().enumerate().filter(move |(_, r)| r.touches(window));
        let blocks = wide.flat_map(move |(i, _)| {
            let inner = &self.blocks[i * BLOCK..self.blocks.len().min((i + 1) * BLOCK)];
            let inner = inner.iter().enumerate().filter(move |(_, r)| r.touches(window));
            inner.map(move |(j, _)| i * BLOCK + j)
        });
        blocks.map(|block| block * BLOCK..(block + 1) * BLOCK)
    }

    /// The stays that may lie between two times.
    pub fn stays_between(&self, t0: Nanos, t1: Nanos) -> impl Iterator<Item = StayRow> + '_ {
        self.rows(Reach { from: t0.0, to: t1.0 }).flatten().map(|row| StayRow(row as u32))
    }

    fn runnable(&self, stack: StackId, early: bool) -> SlotId {
        self.runnable.get(stack.0 as usize).map_or(SlotId::NONE, |s| s[usize::from(early)])
    }
}

/// What the time from `t0` to `t1` cost; nothing where that is no time. `verdicts` are those of the
/// whole trace: a window never judges anew.
pub fn window(
    analysis: &Analysis,
    index: &Index,
    verdicts: Option<&Verdicts>,
    t0: Nanos,
    t1: Nanos,
) -> Window {
    let slots = analysis.slots.iter().map(|s| Slot::new(s.cause, s.stack, s.early)).collect();
    let mut cut = Cut {
        window: Reach { from: t0.0, to: t1.0 },
        slots,
        tally: Tally::default(),
        wakers: HashMap::new(),
    };
    if let Some(stays) = analysis.stays.as_ref().filter(|_| t0 < t1) {
        for rows in index.rows(cut.window) {
            for row in rows.start..rows.end.min(stays.len()) {
                cut.stay(analysis, stays, index, verdicts, StayRow(row as u32));
            }
        }
        for (block, reach) in stays.briefs.chunks(BLOCK * 4).zip(&index.briefs) {
            if reach.touches(cut.window) {
                for brief in block {
                    let (from, ns) = (brief.birth().0, i64::from(brief.runnable));
                    cut.span(brief.slot, brief.id(), Reach { from, to: from + ns }, false);
                }
            }
        }
        for (block, reach) in stays.ranges.chunks(BLOCK).zip(&index.ranges) {
            if reach.touches(cut.window) {
                for range in block {
                    let span = Reach { from: range.start.0, to: range.end.0 };
                    cut.span(range.slot, range.g, span, range.open);
                }
            }
        }
    }
    let mut wakers: Vec<Waker> = cut
        .wakers
        .into_iter()
        .map(|((slot, stack), (n, ns))| Waker { slot, stack, n, ns })
        .collect();
    wakers.sort_unstable_by_key(|w| (w.slot, std::cmp::Reverse(w.n), w.stack));
    let sums =
        verdicts.map_or_else(Vec::new, |_| cut.tally.sums(cut.slots.len(), |_, judged| judged));
    Window { slots: cut.slots, sums, wakers }
}

/// A window while it is filled.
struct Cut {
    window: Reach,
    slots: Vec<Slot>,
    tally: Tally,
    wakers: HashMap<(SlotId, Option<StackId>), (u64, i64)>,
}

impl Cut {
    fn stay(
        &mut self,
        analysis: &Analysis,
        stays: &Stays,
        index: &Index,
        verdicts: Option<&Verdicts>,
        row: StayRow,
    ) {
        let stay = stays.stay(row);
        let g = stays.go(stay.g).id;
        if matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
            let span = Reach { from: stay.start.0, to: stay.end.0 };
            if let Some(ns) = self.span(stay.slot, g, span, stay.open) {
                let judged = verdicts.and_then(|v| v.of(stays, row));
                if let Some(judged) = judged {
                    self.tally.add(stay.slot, judged, ns);
                }
                let ends = stay.end.0 <= self.window.to && !stay.open;
                if ends && stay.kind == StayKind::Wait {
                    let stack = (stay.waker != GoRow::NONE).then_some(stay.waker_stack);
                    let waker = self.wakers.entry((stay.slot, stack)).or_default();
                    *waker = (waker.0 + 1, waker.1.saturating_add(ns));
                }
            }
        }
        let ns = stays.runnable(row);
        if ns > 0 && stay.end.0 < self.window.to {
            let end = stay.end.0.saturating_add(ns);
            let slot = runnable_slot(analysis, stays, index, row);
            let span = Reach { from: stay.end.0, to: end };
            self.span(slot, g, span, stays.is_runnable_at_end(row));
        }
    }

    /// Counts the part of a span that lies in the window, and tells how long that is.
    fn span(&mut self, slot: SlotId, g: GoId, span: Reach, open: bool) -> Option<i64> {
        let from = span.from.max(self.window.from);
        let ns = span.to.min(self.window.to).saturating_sub(from);
        // What began at the trace's very end takes no time, and is there all the same.
        let at_end = open && ns == 0 && span.from == span.to;
        if ns <= 0 && !at_end {
            return None;
        }
        let slot = self.slots.get_mut(slot.0 as usize)?;
        if open && span.to <= self.window.to {
            slot.add_open(g, Nanos(span.from), ns, None);
        } else {
            slot.add(g, Nanos(span.from), ns);
        }
        Some(ns)
    }
}

/// The slot that has the time runnable after a stay.
fn runnable_slot(analysis: &Analysis, stays: &Stays, index: &Index, row: StayRow) -> SlotId {
    let stay = stays.stay(row);
    if stay.kind == StayKind::Born {
        return stay.slot;
    }
    // Such a goroutine stood still since its birth: this is its first run.
    let before = (stay.prev != StayRow::NONE).then(|| stays.stay(stay.prev));
    let first = before.is_some_and(|b| b.kind == StayKind::Born && b.start == stay.start)
        && stays.runnable(stay.prev) == 0;
    if first {
        index.runnable(stay.waker_stack, true)
    } else {
        let stack = || analysis.slots.get(stay.slot.0 as usize).map(|s| s.stack);
        let stack = stays.apart(row).or_else(stack).unwrap_or(StackId::NONE);
        index.runnable(stack, false)
    }
}
