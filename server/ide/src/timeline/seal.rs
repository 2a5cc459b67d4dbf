//! What a view adds to the index: verdicts, and with them tones, sums and groups.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use super::class::Class;
use super::coded::{Block, set_tone, take_length};
use super::gos::{ByNumber, MANY};
use super::lanes::{LONG, Spans};
use super::sums::Summing;
use super::{GoRef, Index, reach};
use crate::jobs::{InTurn, Jobs};
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
        self.sum_up();
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
        let mut rows = vec![u32::MAX; stays.gos.len()];
        let mut at = 0;
        for (row, go) in stays.gos.iter().enumerate() {
            let Some(found) = (at..self.gos.len() as u32)
                .find(|&at| self.gos.id(GoRef(at)).is_some_and(|id| id == go.id))
            else {
                break;
            };
            rows[row] = found;
            at = found + 1;
        }
        let mut next: Vec<Next> = Vec::new();
        next.resize_with(rows.len(), Next::default);
        for row in stays.rows() {
            let Some(verdict) = verdict(row) else { continue };
            let stay = stays.stay(row);
            if !matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                continue;
            }
            let at = stay.g.0 as usize;
            let (Some(next), Some(&go)) = (next.get_mut(at), rows.get(at)) else { continue };
            let Spans { arena, heads, .. } = &mut self.spans;
            let go = GoRef(go);
            let Some(blocks) = heads.of(&self.gos, go) else { continue };
            while let Some((at, base)) =
                blocks.at(next.block as usize).zip(blocks.base(next.block as usize))
            {
                let end_of_block = blocks.base(next.block as usize + 1).unwrap_or_else(|| {
                    self.gos.life(go).map_or(self.end, |life| life.1.min(self.end))
                });
                let spans = Block::new(arena.at(at));
                let (end, then) = next.end(&spans, base, end_of_block);
                if end > stay.end.0 {
                    break;
                }
                let tone = spans.tone(usize::from(next.k));
                let class = tone.class();
                if end == stay.end.0 && (class.is_wait() || class == Class::Syscall) {
                    set_tone(arena.at_mut(at), usize::from(next.k), tone.judged(verdict));
                }
                *next = then;
            }
        }
    }

    /// Sums up to each block of long lanes.
    fn sum_up(&mut self) {
        let mut summing = Summing::default();
        let (mut sums, mut rows) = (Vec::new(), Vec::new());
        for go in self.gos.refs() {
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
            if let Some(made) = summing.done(lane.n_blocks()) {
                rows.push(((at - MANY) as usize, sums.len() as u32));
                sums.push(made);
            }
        }
        for (row, sums) in rows {
            self.spans.heads.places[row].sums = sums;
        }
        self.spans.sums = sums;
    }
}

/// The span of a goroutine that comes next.
#[derive(Clone, Copy, Default)]
struct Next {
    block: u32,
    k: u8,
    /// Where its length is written, if it is not the first one.
    at: u16,
    /// Its beginning, if it is not the first one.
    start: i64,
}

impl Next {
    /// Its end, and the one that follows.
    #[inline]
    fn end(self, block: &Block<'_>, base: i64, end_of_block: i64) -> (i64, Next) {
        let (widths, first) = block.lengths();
        let k = usize::from(self.k);
        if k + 1 >= block.n {
            return (end_of_block, Next { block: self.block + 1, ..Next::default() });
        }
        let (start, mut at) = if k == 0 { (base, first) } else { (self.start, self.at.into()) };
        let end = start.wrapping_add_unsigned(take_length(
            block.bytes,
            &mut at,
            &mut (widths >> (2 * k)),
        ));
        (end, Next { block: self.block, k: self.k + 1, at: at as u16, start: end })
    }
}
