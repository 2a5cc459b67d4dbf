//! Judged time, summed up by slot.

use super::words::{Judgement, Sum};
use crate::figures::SlotId;

/// Sums by slot and judgement. A slot has few of them, so each has a list.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By slot: the first of its sums, and `NONE` without any.
    first: Vec<u32>,
    sums: Vec<Part>,
}

/// The time of a slot that was judged in one way.
#[derive(Debug, Clone, Copy)]
struct Part {
    ns: i64,
    next: u32,
    code: u8,
}

const NONE: u32 = u32::MAX;

impl Tally {
    /// So much time of a slot was judged so.
    #[inline]
    pub(crate) fn add(&mut self, slot: SlotId, judged: Judgement, ns: i64) {
        let code = judged.code();
        let mut at = self.first.get(slot.0 as usize).copied().unwrap_or(NONE);
        while let Some(part) = self.sums.get_mut(at as usize) {
            if part.code == code {
                part.ns = part.ns.saturating_add(ns);
                return;
            }
            at = part.next;
        }
        self.add_new(slot, code, ns);
    }

    #[cold]
    fn add_new(&mut self, slot: SlotId, code: u8, ns: i64) {
        let at = slot.0 as usize;
        if at >= self.first.len() {
            self.first.resize(at + 1, NONE);
        }
        let next = std::mem::replace(&mut self.first[at], self.sums.len() as u32);
        self.sums.push(Part { ns, next, code });
    }

    /// The sums of the first `n` slots, after each judgement was looked at again.
    pub(crate) fn sums(
        &self,
        n: usize,
        again: impl Fn(SlotId, Judgement) -> Judgement,
    ) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); n];
        let mut parts: Vec<(Judgement, i64)> = Vec::new();
        for ((slot, sum), &first) in (0u32..).zip(&mut sums).zip(&self.first) {
            parts.clear();
            let mut at = first;
            while let Some(part) = self.sums.get(at as usize) {
                at = part.next;
                let Some(judged) = Judgement::of_code(part.code) else { continue };
                let judged = again(SlotId(slot), judged);
                match parts.iter_mut().find(|p| p.0 == judged) {
                    Some((_, ns)) => *ns = ns.saturating_add(part.ns),
                    None => parts.push((judged, part.ns)),
                }
            }
            parts.sort_unstable_by_key(|(judged, _)| judged.why);
            parts.iter().for_each(|&(judged, ns)| sum.add(judged, ns));
        }
        sums
    }
}
