//! Brief goroutines leave the tables.
//!
//! Whoever only ran and was gone needs no row of its own: nothing refers to it but its creator's
//! list of wakes. Of `go` statements that follow each other at one place, with nothing of the creator's
//! between them, the last one tells as much for blame as all of them: what ran before each is
//! charged to that place. The others are taken out, from time to time, from what came since the last
//! time.

use super::table::{Moved, rekey};
use super::{Alive, Brief, GoRow, StayKind, StayRow, Stays};

/// What has been swept, and what there is to sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Stays and goroutines from here on came since the last time.
    list: usize,
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

impl Stays {
    /// A goroutine died that woke nobody and had no region.
    #[inline(always)]
    pub(super) fn dies_unseen(&mut self, alive: Alive) {
        // One that came before the last time stays where it is.
        if alive.row.0 as usize >= self.sweep.gos && self.is_brief(alive.last) {
            self.sweep.brief.push(alive.row);
        }
    }

    /// Whether a goroutine's last stay is its birth, and it was brief.
    fn is_brief(&self, last: StayRow) -> bool {
        self.table.kind(last) == Some(StayKind::Born) && self.table.wake(last).is_some() && {
            let go = &self.gos[self.table.g(last).0 as usize];
            let life = go.end.0.saturating_sub(go.birth.0);
            u32::try_from(go.id.0).is_ok() && u32::try_from(life).is_ok_and(|life| life < MOST_NS)
        }
    }

    /// Takes out the brief goroutines that died since the last time.
    #[cold]
    pub(super) fn sweep(&mut self) {
        let brief = std::mem::take(&mut self.sweep.brief);
        // Not worth it where there are few.
        if brief.len() * 4 >= self.table.len() - self.sweep.list {
            self.take_out(&brief);
        }
        self.sweep.list = self.table.len();
        self.sweep.gos = self.gos.len();
        self.sweep.regions = self.regions.len();
        self.sweep.at = self.table.len() + EVERY.max(self.table.len() / 2);
        self.sweep.brief = brief;
        self.sweep.brief.clear();
    }

    fn take_out(&mut self, brief: &[GoRow]) {
        let (list, gos) = (self.sweep.list, self.sweep.gos);
        let mut is_brief = vec![false; self.gos.len() - gos];
        brief.iter().for_each(|g| is_brief[g.0 as usize - gos] = true);

        // A birth goes if the creator's next wake is at the same place, and it did nothing between.
        let table = &self.table;
        let rows = || (list as u32..table.len() as u32).map(StayRow);
        let mut gone = vec![false; table.len() - list];
        for row in rows() {
            let Some(wake) = table.wake(row) else { continue };
            let Some(before) = (wake.prev.0 as usize).checked_sub(list) else { continue };
            if table.kind(wake.prev) != Some(StayKind::Born) {
                continue;
            }
            let same = table
                .wake(wake.prev)
                .is_some_and(|w| (w.waker, w.last, w.stack) == (wake.waker, wake.last, wake.stack));
            let g = (table.g(wake.prev).0 as usize).checked_sub(gos);
            gone[before] = same && g.is_some_and(|g| is_brief[g]);
        }
        let mut go_gone = vec![false; self.gos.len() - gos];
        for (row, _) in rows().zip(&gone).filter(|(_, gone)| **gone) {
            go_gone[table.g(row).0 as usize - gos] = true;
        }
        let moved_gos = Moved::new(gos, &go_gone);
        for (row, _) in rows().zip(&gone).filter(|(_, gone)| **gone) {
            let go = &self.gos[table.g(row).0 as usize];
            let life = go.end.since(go.birth);
            let runnable = table.runnable(row);
            let birth = table.end(row);
            self.briefs.push(Brief {
                birth: [birth as u32, (birth as u64 >> 32) as u32],
                runnable: u32::try_from(runnable).unwrap_or(u32::MAX),
                ran: (life - runnable).max(0) as u32,
                slot: table.slot(row),
                creator: GoRow(moved_gos.of(go.creator.0)),
                id: go.id.0 as u32,
            });
        }

        let moved_stays = self.table.take_out(list, &gone, &|g| moved_gos.go(g));
        keep(&mut self.gos, gos, &go_gone);
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
