//! What a view adds to the index: verdicts, and with them tones, sums and groups.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use super::class::Class;
use super::coded::{Block, set_tone, take_length};
use super::gos::{ByNumber, MANY, NOWHERE};
use super::lanes::{LONG, Spans};
use super::sums::{Summing, UpTo};
use super::{GoRef, Index, reach};
use crate::jobs::{InTurn, Jobs, each};
use crate::stays::{StayKind, StayRow, Stays};
use crate::verdicts::Verdict;
use crate::view::View;

impl Index {
    /// Closes the index with the verdicts of a view of the same trace.
    pub fn seal(&mut self, view: &View) {
        self.seal_by(view, &InTurn(1));
    }

    /// The same, on all cores.
    pub fn seal_by(&mut self, view: &View, jobs: &dyn Jobs) {
        if let (Some(stays), Some(verdicts)) = (&view.analysis.stays, &view.verdicts) {
            self.judge(stays, &|row| verdicts.of(stays, row).map(|j| j.verdict));
        }
        self.by_id =
            ByNumber::new(|| self.gos.refs().filter_map(|go| self.gos.id(go)).map(|id| id.0));
        self.tasks.close(&self.regions);
        self.reach = reach(&self.gos, self.gos.refs());
        self.sum_up(jobs);
        let mut lines: HashMap<StackId, Option<FrameId>> = HashMap::new();
        let mut line_of = |stack: StackId| {
            *lines.entry(stack).or_insert_with(|| match &view.verdicts {
                Some(verdicts) => verdicts.facts.line_of(&view.analysis, stack),
                None => view.analysis.stack(stack).first().copied(),
            })
        };
        self.group(&view.analysis.tables, &mut line_of, jobs);
    }

    /// Writes the verdicts on waits into their spans. Both lists of goroutines are in the order of
    /// first sight, and both lists of spans in the order of their ends: nothing is searched for.
    fn judge(&mut self, stays: &Stays, verdict: &dyn Fn(StayRow) -> Option<Verdict>) {
        let mut next: Vec<Next> = Vec::with_capacity(stays.gos.len());
        let mut at = 0;
        for go in &stays.gos {
            let is = |&at: &u32| self.gos.id(GoRef(at)).is_some_and(|id| id == go.id);
            let Some(found) = (at..self.gos.len() as u32).find(is) else { break };
            next.push(Next::of(GoRef(found), 0));
            at = found + 1;
        }
        let Index { gos, spans, end, .. } = self;
        let Spans { arena, heads, .. } = spans;
        for row in stays.rows() {
            let Some(verdict) = verdict(row) else { continue };
            let stay = stays.stay(row);
            if !matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                continue;
            }
            let Some(next) = next.get_mut(stay.g.0 as usize) else { continue };
            while next.is_there(|go, block| {
                let blocks = heads.of(gos, go)?;
                let (at, base) = (blocks.at(block)?, blocks.base(block)?);
                let end_of_lane = || gos.life(go).map_or(*end, |life| life.1.min(*end));
                let end = blocks.base(block + 1).unwrap_or_else(end_of_lane);
                Some((at, Block::new(arena.at(at)), base, end))
            }) {
                let spans = Block { bytes: arena.at(next.written), n: usize::from(next.n) };
                let (end, then) = next.end(spans.bytes);
                if end > stay.end.0 {
                    break;
                }
                if end == stay.end.0 {
                    let (k, tone) = (usize::from(next.k), spans.tone(usize::from(next.k)));
                    let class = tone.class();
                    if class.is_wait() || class == Class::Syscall {
                        set_tone(arena.at_mut(next.written), k, tone.judged(verdict));
                    }
                }
                *next = then;
            }
        }
    }

    /// Sums up to each block of long lanes.
    fn sum_up(&mut self, jobs: &dyn Jobs) {
        let some = self.gos.len().div_ceil(AT_ONCE);
        let made = each(jobs, some, |some| self.sums_of(some), |_| true);
        self.spans.sums = Vec::with_capacity(made.iter().map(Vec::len).sum());
        for (row, sums) in made.into_iter().flatten() {
            self.spans.heads.places[row].sums = self.spans.sums.len() as u32;
            self.spans.sums.push(sums);
        }
    }

    /// Those of some goroutines, and the rows of their places.
    fn sums_of(&self, some: usize) -> Vec<(usize, UpTo)> {
        let gos = some * AT_ONCE..self.gos.len().min((some + 1) * AT_ONCE);
        let mut summing = Summing::default();
        let mut made = Vec::new();
        for go in gos.map(|row| GoRef(row as u32)) {
            let Some(at) = self.gos.placed(go) else { continue };
            let Some(lane) = self.lane_of(go).filter(|lane| lane.n_blocks() >= LONG) else {
                continue;
            };
            for i in 0..lane.n_blocks() {
                summing.mark();
                for (start, end, tone) in lane.times(i) {
                    summing.add(tone.0, (end - start).max(0) as u64);
                }
            }
            summing.mark();
            if let Some(sums) = summing.done(lane.n_blocks()) {
                made.push(((at - MANY) as usize, sums));
            }
        }
        made
    }
}

/// The lanes of so many goroutines are summed up in one go: few, for those that live long are often born
/// one after the other.
const AT_ONCE: usize = 16;

/// The span of a goroutine that comes next. What its block begins with is at hand: there are about two spans
/// for each wait, and each is looked at here.
#[derive(Clone, Copy)]
struct Next {
    go: GoRef,
    /// Its block, and where that is written: [`UNREAD`] before it is looked for, [`NOWHERE`] where there
    /// is none.
    block: u32,
    written: u32,
    /// Which of how many of the block's it is.
    k: u8,
    n: u8,
    /// Where its length is written there, and the widths of that one and those that follow.
    at: u16,
    widths: u64,
    /// Its beginning.
    start: i64,
    /// Where the block ends.
    end_of_block: i64,
}

/// A block that was not looked for yet.
const UNREAD: u32 = NOWHERE - 1;

impl Next {
    /// The first one of a block.
    fn of(go: GoRef, block: u32) -> Next {
        let (k, n, at, widths) = (0, 0, 0, 0);
        Next { go, block, written: UNREAD, k, n, at, widths, start: 0, end_of_block: 0 }
    }

    /// Whether there is one. `find`: where a block is written, it, its beginning and its end.
    #[inline]
    fn is_there<'a>(
        &mut self,
        find: impl Fn(GoRef, usize) -> Option<(u32, Block<'a>, i64, i64)>,
    ) -> bool {
        if self.written == UNREAD {
            self.written = NOWHERE;
            if let Some((written, block, start, end_of_block)) = find(self.go, self.block as usize)
            {
                let (widths, at) = block.lengths();
                let (n, at) = (block.n as u8, at as u16);
                *self = Next { written, n, at, widths, start, end_of_block, ..*self };
            }
        }
        self.written != NOWHERE
    }

    /// Its end, and the one that follows.
    #[inline]
    fn end(self, block: &[u8]) -> (i64, Next) {
        if self.k + 1 >= self.n {
            return (self.end_of_block, Next::of(self.go, self.block + 1));
        }
        let (mut at, mut widths) = (self.at.into(), self.widths);
        let length = take_length(block, &mut at, &mut widths);
        let end = self.start.wrapping_add_unsigned(length);
        (end, Next { k: self.k + 1, at: at as u16, widths, start: end, ..self })
    }
}
