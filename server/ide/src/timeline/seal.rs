//! What a view adds to the index: verdicts, and with them tones, sums and groups.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use super::class::Tone;
use super::lanes::{NO_SUMS, Summing};
use super::{GoRef, Index, REACH};
use crate::stays::{StayKind, StayRow, Stays};
use crate::verdicts::Verdict;
use crate::view::View;

impl Index {
    /// Closes the index with the verdicts of a view of the same trace.
    pub fn seal(&mut self, view: &View) {
        self.spans.tone = self
            .spans
            .site
            .iter()
            .map(|&site| self.sites.get(site as usize).map_or(0, |s| Tone::new(s.class).0))
            .collect();
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
        // By goroutine: the block and the span within it that comes next.
        let mut next: Vec<(u32, u32)> = vec![(0, 0); self.gos.len()];
        for row in stays.rows() {
            let Some(verdict) = verdict(row) else { continue };
            let stay = stays.stay(row);
            if !matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                continue;
            }
            let Some(&go) = rows.get(stay.g.0 as usize).filter(|&&g| g != u32::MAX) else {
                continue;
            };
            let lane = self.gos[go as usize].lane;
            let first = lane.first as usize;
            let blocks = &self.spans.blocks[first..first + lane.n as usize];
            let (b, k) = &mut next[go as usize];
            while let Some(block) = blocks.get(*b as usize) {
                if *k >= block.n {
                    (*b, *k) = (*b + 1, 0);
                    continue;
                }
                let row = (block.first + *k) as usize;
                let end = if *k + 1 < block.n {
                    block.base + i64::from(self.spans.start[row + 1])
                } else {
                    blocks.get(*b as usize + 1).map_or(lane.end, |b| b.base)
                };
                if end > stay.end.0 {
                    break;
                }
                if end == stay.end.0 {
                    let tone = Tone(self.spans.tone[row]);
                    let class = tone.class();
                    if class.is_wait() || class == super::Class::Syscall {
                        self.spans.tone[row] = tone.judged(verdict).0;
                    }
                }
                *k += 1;
            }
        }
    }

    /// Sums up to each block, and what each goroutine came to.
    fn sum_up(&mut self) {
        let mut summing = Summing::default();
        let mut sums = Vec::new();
        for go in &mut self.gos {
            let blocks = self.spans.blocks(&go.lane);
            for (i, block) in blocks.iter().enumerate() {
                summing.mark();
                let end = blocks.get(i + 1).map_or(go.lane.end, |b| b.base);
                for span in self.spans.spans_of(block, end) {
                    summing.add(span.tone.0, (span.end - span.start).max(0) as u64);
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
            go.lane.sums = match summing.done(blocks.len()) {
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
