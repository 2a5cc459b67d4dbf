//! What a view adds to the index: verdicts, and with them tones, sums and groups.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use super::class::Class;
use super::coded::{Block, set_tone, take};
use super::lanes::{NO_SUMS, Spans};
use super::sums::Summing;
use super::{GoRef, Index, REACH};
use crate::stays::{StayKind, StayRow, Stays};
use crate::verdicts::Verdict;
use crate::view::View;

impl Index {
    /// Closes the index with the verdicts of a view of the same trace.
    pub fn seal(&mut self, view: &View) {
        if let (Some(stays), Some(verdicts)) = (&view.analysis.stays, &view.verdicts) {
            self.judge(stays, &|row| verdicts.of(stays, row).map(|j| j.verdict));
        }
        self.by_id = (0u32..).zip(&self.gos).map(|(row, go)| (go.id, GoRef(row))).collect();
        self.by_task =
            (0u32..).zip(&self.tasks).map(|(row, task)| (task.id, (row, Vec::new()))).collect();
        for (row, region) in (0u32..).zip(&self.regions) {
            if let Some((_, regions)) = self.by_task.get_mut(&region.task) {
                regions.push(row);
            }
        }
        self.reach = self
            .gos
            .chunks(REACH)
            .map(|some| {
                let birth = some.iter().map(|g| g.birth).min().unwrap_or(0);
                (birth, some.iter().map(|g| g.end).max().unwrap_or(0))
            })
            .collect();
        self.sum_up();
        let mut lines: HashMap<StackId, Option<FrameId>> = HashMap::new();
        let mut line_of = |stack: StackId| {
            *lines.entry(stack).or_insert_with(|| match &view.verdicts {
                Some(verdicts) => verdicts.facts.line_of(&view.analysis, stack),
                None => view.analysis.stack(stack).first().copied(),
            })
        };
        self.group(&view.analysis.tables, &mut line_of);
    }

    /// Writes the verdicts on waits into their spans. Both lists of goroutines are in the order of
    /// first sight, and both lists of spans in the order of their ends: nothing is searched for.
    fn judge(&mut self, stays: &Stays, verdict: &dyn Fn(StayRow) -> Option<Verdict>) {
        let mut rows = vec![u32::MAX; stays.gos.len()];
        let mut at = 0;
        for (row, go) in stays.gos.iter().enumerate() {
            let Some(found) = self.gos[at..].iter().position(|g| g.id == go.id) else { break };
            at += found;
            rows[row] = at as u32;
            self.gos[at].stays = row as u32;
            at += 1;
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
            let Some(place) = self.gos.get(go as usize).map(|go| go.place) else { continue };
            let Spans { arena, bases, ats, .. } = &mut self.spans;
            let blocks = place.first as usize..place.first as usize + place.n as usize;
            let (bases, ats) = (&bases[blocks.clone()], &ats[blocks]);
            while let Some(&at) = ats.get(next.block as usize) {
                let block = next.block as usize;
                let end_of_block = bases.get(block + 1).copied().unwrap_or(place.end);
                let spans = Block::new(arena.at(at));
                let (end, then) = next.end(&spans, bases[block], end_of_block);
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

    /// Sums up to each block, and what each goroutine came to.
    fn sum_up(&mut self) {
        let mut summing = Summing::default();
        let mut sums = Vec::new();
        for go in &mut self.gos {
            let lane = self.spans.lane(&go.place);
            for i in 0..lane.n_blocks() {
                summing.mark();
                for (start, end, tone) in lane.times(i) {
                    summing.add(tone.0, (end - start).max(0) as u64);
                }
            }
            summing.mark();
            (go.costly, go.waiting, go.running) = (0, 0, 0);
            for (tone, ns) in summing.so_far() {
                let ns = ns as i64;
                if tone.verdict() == Some(Verdict::Costly) {
                    go.costly += ns;
                }
                if tone.class().is_wait() {
                    go.waiting += ns;
                } else if tone.class().is_running() {
                    go.running += ns;
                }
            }
            go.place.sums = match summing.done(lane.n_blocks()) {
                Some(made) => {
                    sums.push(made);
                    sums.len() as u32 - 1
                }
                None => NO_SUMS,
            };
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
        let end = start.wrapping_add_unsigned(take(block.bytes, &mut at, &mut (widths >> (2 * k))));
        (end, Next { block: self.block, k: self.k + 1, at: at as u16, start: end })
    }
}
