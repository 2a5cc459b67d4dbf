//! Brief goroutines leave the tables.
//!
//! Whoever only ran and was gone needs no row of its own: nothing refers to it but its creator's
//! list of wakes. Of `go` statements that follow each other at one place, with nothing of the creator's
//! between them, the last one tells as much for blame as all of them: what ran before each is
//! charged to that place. The others are taken out, from time to time, from what came since the last
//! time.

use exectrace::Nanos;
use hashbrown::HashMap;

use super::{Alive, Brief, GoRow, Packed, StayKind, StayRow, Stays, Wake};

/// What has been swept, and what there is to sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Stays, wakes and goroutines from here on came since the last time.
    list: usize,
    wakes: usize,
    gos: usize,
    regions: usize,
    /// Goroutines among those that may go.
    brief: Vec<GoRow>,
    /// When the next time is.
    at: usize,
}

/// At least so many stays come between two times.
const EVERY: usize = if cfg!(test) { 16 } else { 1 << 16 };

/// Who lived longer is not brief.
const MOST_NS: u32 = 1_000_000_000;

impl Sweep {
    /// From how many stays on it is time.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        self.at.max(EVERY)
    }
}

/// Where the rows that stay have gone.
struct Moved {
    /// The first row that may have moved, and the new row of each from there on.
    from: usize,
    to: Vec<u32>,
}

impl Moved {
    fn new(from: usize, gone: &[bool]) -> Moved {
        let mut next = from as u32;
        let to = gone.iter().map(|&gone| {
            let row = next;
            next += u32::from(!gone);
            row
        });
        Moved { from, to: to.collect() }
    }

    fn of(&self, row: u32) -> u32 {
        let at = (row as usize).checked_sub(self.from).and_then(|i| self.to.get(i));
        at.copied().unwrap_or(row)
    }

    fn stay(&self, row: &mut StayRow) {
        row.0 = self.of(row.0);
    }

    fn go(&self, row: &mut GoRow) {
        row.0 = self.of(row.0);
    }
}

impl Stays {
    /// A goroutine died that woke nobody and had no region.
    #[inline(always)]
    pub(super) fn dies_unseen(&mut self, alive: Alive) {
        // One that came before the last time stays where it is.
        let born = self.list.get(alive.last.0 as usize);
        if alive.row.0 as usize >= self.sweep.gos && born.is_some_and(|s| self.is_brief(s)) {
            self.sweep.brief.push(alive.row);
        }
    }

    fn is_brief(&self, born: &Packed) -> bool {
        let go = &self.gos[born.g.0 as usize];
        let life = go.end.0.saturating_sub(go.birth.0);
        born.kind() == StayKind::Born
            && born.wake != u32::MAX
            && u32::try_from(go.id.0).is_ok()
            && u32::try_from(life).is_ok_and(|life| life < MOST_NS)
    }

    /// Takes out the brief goroutines that died since the last time.
    #[cold]
    pub(super) fn sweep(&mut self) {
        let brief = std::mem::take(&mut self.sweep.brief);
        // Not worth it where there are few.
        if brief.len() * 4 >= self.list.len() - self.sweep.list {
            self.take_out(&brief);
        }
        self.sweep.list = self.list.len();
        self.sweep.wakes = self.wakes.len();
        self.sweep.gos = self.gos.len();
        self.sweep.regions = self.regions.len();
        self.sweep.at = self.list.len() + EVERY.max(self.list.len() / 2);
        self.sweep.brief = brief;
        self.sweep.brief.clear();
    }

    fn take_out(&mut self, brief: &[GoRow]) {
        let (list, wakes, gos) = (self.sweep.list, self.sweep.wakes, self.sweep.gos);
        let mut is_brief = vec![false; self.gos.len() - gos];
        brief.iter().for_each(|g| is_brief[g.0 as usize - gos] = true);

        // A birth goes if the creator's next wake is at the same place, and it did nothing between.
        let mut gone = vec![false; self.list.len() - list];
        for packed in &self.list[list..] {
            let Some(wake) = self.wakes.get(packed.wake as usize) else { continue };
            let Some(before) = (wake.prev.0 as usize).checked_sub(list) else { continue };
            let Some(prev) = self.list.get(wake.prev.0 as usize) else { continue };
            let same = self
                .wakes
                .get(prev.wake as usize)
                .is_some_and(|w| (w.waker, w.last, w.stack) == (wake.waker, wake.last, wake.stack));
            let born = prev.kind() == StayKind::Born;
            let may = (prev.g.0 as usize).checked_sub(gos).is_some_and(|g| is_brief[g]);
            gone[before] = born && same && may;
        }
        let mut go_gone = vec![false; self.gos.len() - gos];
        let mut wake_gone = vec![false; self.wakes.len() - wakes];
        for (packed, _) in self.list[list..].iter().zip(&gone).filter(|(_, gone)| **gone) {
            go_gone[packed.g.0 as usize - gos] = true;
            wake_gone[packed.wake as usize - wakes] = true;
        }
        let moved_gos = Moved::new(gos, &go_gone);
        for (packed, _) in self.list[list..].iter().zip(&gone).filter(|(_, gone)| **gone) {
            let go = &self.gos[packed.g.0 as usize];
            let life = go.end.since(go.birth);
            self.briefs.push(Brief {
                birth: Nanos(packed.end()),
                runnable: packed.runnable,
                ran: (life - i64::from(packed.runnable)).max(0) as u32,
                slot: packed.slot(),
                creator: GoRow(moved_gos.of(go.creator.0)),
                id: go.id.0 as u32,
            });
        }
        // The list of wakes leads past what goes. Rows come after those that they lead to.
        for i in wakes..self.wakes.len() {
            let prev = self.wakes[i].prev;
            let Some(before) = (prev.0 as usize).checked_sub(list) else { continue };
            if gone.get(before).copied().unwrap_or(false) {
                let skipped = self.list[prev.0 as usize].wake as usize;
                self.wakes[i].prev = self.wakes[skipped].prev;
            }
        }

        let moved_stays = Moved::new(list, &gone);
        let moved_wakes = Moved::new(wakes, &wake_gone);
        keep(&mut self.list, list, &gone);
        keep(&mut self.wakes, wakes, &wake_gone);
        keep(&mut self.gos, gos, &go_gone);
        for packed in &mut self.list[list..] {
            moved_gos.go(&mut packed.g);
            moved_stays.stay(&mut packed.prev);
            packed.wake = moved_wakes.of(packed.wake);
        }
        for Wake { waker, last, prev, .. } in &mut self.wakes[wakes..] {
            moved_gos.go(waker);
            moved_stays.stay(last);
            moved_stays.stay(prev);
        }
        for go in &mut self.gos {
            moved_stays.stay(&mut go.last);
        }
        for go in &mut self.gos[gos..] {
            moved_gos.go(&mut go.creator);
        }
        for alive in &mut self.alive {
            moved_gos.go(&mut alive.row);
            moved_stays.stay(&mut alive.last);
            moved_stays.stay(&mut alive.last_wake);
        }
        for region in &mut self.regions[self.sweep.regions..] {
            moved_gos.go(&mut region.g);
        }
        rekey(&mut self.long, &moved_stays);
        rekey(&mut self.long_runnable, &moved_stays);
        rekey(&mut self.apart, &moved_stays);
    }
}

/// Keeps the rows from `from` on that are not gone.
fn keep<T>(rows: &mut Vec<T>, from: usize, gone: &[bool]) {
    let mut to = from;
    for (i, _) in gone.iter().enumerate().filter(|(_, gone)| !**gone) {
        rows.swap(to, from + i);
        to += 1;
    }
    rows.truncate(to);
}

fn rekey<T>(map: &mut HashMap<StayRow, T>, moved: &Moved) {
    if map.keys().any(|row| row.0 as usize >= moved.from) {
        let old = std::mem::take(map);
        map.extend(old.into_iter().map(|(row, value)| (StayRow(moved.of(row.0)), value)));
    }
}
