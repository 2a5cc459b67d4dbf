//! Time by slot and end, as the walks find it: added to several times a wait, of few different ones.

use exectrace::FrameId;
use hashbrown::HashMap;

use super::{End, EndLine};
use crate::figures::SlotId;

/// Sums by slot and end.
pub(super) struct Sums {
    /// Those that were added to last, by some bits of their key. What is crowded out goes to `all`.
    recent: Vec<(Key, i64)>,
    all: HashMap<Key, i64>,
}

/// A slot, a line and an end.
type Key = u64;

/// A line, or none, in 28 bits: there are never so many frames.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineId(u32);

impl LineId {
    pub(super) const NONE: LineId = LineId(0);

    pub(super) fn new(line: Option<FrameId>) -> LineId {
        LineId(line.map_or(0, |line| line.0.saturating_add(1).min(u32::MAX >> 4)))
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }
}

const NO_KEY: Key = Key::MAX;
const RECENT_BITS: u32 = 13;
const ENDS: [End; 9] = [
    End::Running,
    End::Runnable,
    End::Syscall,
    End::Network,
    End::Timer,
    End::Sleep,
    End::Gc,
    End::NotKnown,
    End::More,
];

impl Sums {
    pub(super) fn new() -> Sums {
        Sums { recent: vec![(NO_KEY, 0); 1 << RECENT_BITS], all: HashMap::new() }
    }

    /// So much time of a slot ends so.
    #[inline(always)]
    pub(super) fn add(&mut self, slot: SlotId, end: End, line: LineId, ns: i64) {
        let key = u64::from(slot.0) << 32 | u64::from(line.0) << 4 | end as u64;
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT_BITS);
        let recent = &mut self.recent[mixed as usize];
        if recent.0 == key {
            recent.1 = recent.1.saturating_add(ns);
        } else {
            let old = std::mem::replace(recent, (key, ns));
            self.crowded_out(old);
        }
    }

    #[inline(never)]
    fn crowded_out(&mut self, (key, ns): (Key, i64)) {
        if key != NO_KEY {
            let sum = self.all.entry(key).or_default();
            *sum = sum.saturating_add(ns);
        }
    }

    /// All sums, in order.
    pub(super) fn in_order(mut self) -> Vec<(SlotId, EndLine, i64)> {
        for recent in std::mem::take(&mut self.recent) {
            self.crowded_out(recent);
        }
        let mut all: Vec<_> = self
            .all
            .into_iter()
            .map(|(key, ns)| {
                let line = (key as u32 >> 4).checked_sub(1).map(FrameId);
                let end = ENDS.get(key as usize & 15).copied().unwrap_or(End::NotKnown);
                (SlotId((key >> 32) as u32), (end, line), ns)
            })
            .collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_each_slot_and_end() {
        let mut sums = Sums::new();
        let mut slow = std::collections::BTreeMap::new();
        let mut x = 1u32;
        for i in 0..200_000 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slot = SlotId(x >> 24);
            let line = (x >> 8 & 63).checked_sub(1).map(FrameId);
            let end = ENDS[(x >> 16) as usize % ENDS.len()];
            assert_eq!(ENDS[end as usize], end);
            sums.add(slot, end, LineId::new(line), i);
            *slow.entry((slot, (end, line))).or_insert(0) += i;
        }
        let slow: Vec<_> = slow.into_iter().map(|((slot, end), ns)| (slot, end, ns)).collect();
        assert!(slow.len() > 1 << RECENT_BITS);
        assert_eq!(sums.in_order(), slow);
    }
}
