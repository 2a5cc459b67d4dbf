//! The sites at which a goroutine was, while these are collected.

use hashbrown::HashMap;

use crate::figures::SlotId;
use crate::stays::GoRow;

/// What a goroutine did at a site, while that is collected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visited {
    pub(super) site: u32,
    pub(super) times: Times,
    /// The one of its slots there that has the fewest frames.
    pub(super) slot: SlotId,
    pub(super) group: u32,
    /// Who woke it there last, of those with its root.
    pub(super) turn: Turn,
    /// Time of its waits there, in nanoseconds.
    pub(super) ns: i64,
    /// The same goroutine's at another site, which it found earlier; `u32::MAX`: none. Then its row in
    /// `People::at_site`.
    pub(super) next: u32,
}

/// How often a goroutine was somewhere, and whether another one ever ended that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times(u32);

impl Times {
    const WOKEN: u32 = 1 << 31;

    pub(super) fn n(self) -> u32 {
        self.0 & !Times::WOKEN
    }

    /// Another goroutine ended a wait there.
    pub(super) fn is_woken(self) -> bool {
        self.0 & Times::WOKEN != 0
    }

    #[inline]
    pub(super) fn add(&mut self, woken: bool) {
        let n = (self.n() + 1).min(Times::WOKEN - 1);
        let woken = if woken { Times::WOKEN } else { self.0 & Times::WOKEN };
        self.0 = n | woken;
    }
}

/// A goroutine, and whether it takes turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn(pub(super) u32);

impl Turn {
    pub(super) const NOBODY: Turn = Turn(u32::MAX);
    pub(super) const IN_TURN: u32 = 1 << 31;

    pub(super) fn new(g: GoRow, in_turn: bool) -> Turn {
        Turn(g.0 | if in_turn { Turn::IN_TURN } else { 0 })
    }

    pub(super) fn is_of(self, g: GoRow) -> bool {
        self.0 & !Turn::IN_TURN == g.0
    }
}

/// Where the sites are of goroutines that have many. Others' are looked for one after the other.
#[derive(Debug, Default)]
pub(super) struct ManySites(pub(super) HashMap<(GoRow, u32), u32>);

impl ManySites {
    const MANY: u8 = 16;

    pub(super) fn find(
        &self,
        all: &[Visited],
        newest: u32,
        n: u8,
        g: GoRow,
        site: u32,
    ) -> Option<u32> {
        if n > ManySites::MANY {
            return self.0.get(&(g, site)).copied();
        }
        chain(all, newest).find(|&row| all[row as usize].site == site)
    }

    /// A goroutine found a new site, which is its newest of `n`.
    pub(super) fn add(&mut self, all: &[Visited], n: u8, g: GoRow, row: u32) {
        let n = match n.cmp(&(ManySites::MANY + 1)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => usize::MAX, // all that it had are not there yet
            std::cmp::Ordering::Greater => 1,
        };
        self.0.extend(chain(all, row).take(n).map(|row| ((g, all[row as usize].site), row)));
    }
}

/// The rows of a goroutine's sites, the newest first.
pub(super) fn chain(all: &[Visited], newest: u32) -> impl Iterator<Item = u32> + '_ {
    let some = |row: u32| (row != u32::MAX).then_some(row);
    std::iter::successors(some(newest), move |&row| some(all[row as usize].next))
}
