//! Questions over the network, and the waits for their answers.
//!
//! Who writes to a connection and then waits for what comes there, over and over, has asked. So does who is
//! asked and answers: but that one's connection was accepted, or it lasts as long as the trace.

use hashbrown::HashMap;

use super::demand::is_half;
use super::facts::{Facts, Talk};
use super::groups::Group;
use super::people::{People, Person};
use crate::stays::{GoRow, Stay, StayRow, Stays};

/// What a goroutine has asked over the network.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// Something, and it has waited for nothing from there since.
    pub(super) now: bool,
    /// The same over a stream.
    pub(super) stream: bool,
    /// And it has received what came of that over a stream.
    again: bool,
}

/// What goroutines read of answers of HTTP servers. An answer has come to its end when its goroutine asks again
/// or is gone; events that a server tells one after the other come as an answer that has none.
#[derive(Debug)]
pub(super) struct Bodies {
    /// An answer that takes as long as half of this is no answer, in nanoseconds.
    duration: i64,
    /// By goroutine: how long it has waited for more of the last answer, by group.
    of: HashMap<GoRow, Vec<(u32, i64)>>,
    /// At so many, those that are gone are forgotten.
    full: usize,
}

impl Bodies {
    /// So many can be there before anybody looks whether they are gone.
    const FEW: usize = 1024;
    /// One answer is read at so many places, and in those alone it counts.
    const PLACES: usize = 8;

    pub(super) fn new(duration: i64) -> Bodies {
        Bodies { duration, of: HashMap::new(), full: Bodies::FEW }
    }

    /// A goroutine waited so long for more of its last answer; which counts only where it was seen to begin.
    pub(super) fn reads(&mut self, g: GoRow, group: u32, ns: i64) {
        let Some(body) = self.of.get_mut(&g) else { return };
        let has_room = body.len() < Bodies::PLACES;
        match body.iter_mut().find(|part| part.0 == group) {
            Some(part) => part.1 = part.1.saturating_add(ns),
            None if has_room => body.push((group, ns)),
            None => {}
        }
    }

    /// A goroutine asks, until `stay` ends: its last answer has come to its end, and a new one begins.
    pub(super) fn asks(&mut self, stay: &Stay, stays: &Stays, groups: &mut [Group]) {
        if self.of.len() >= self.full {
            self.forget(|g| stays.go(g).end < stay.end, groups);
            self.full = (2 * self.of.len()).max(Bodies::FEW);
        }
        let body = self.of.entry(stay.g).or_default();
        Self::ended(self.duration, body, groups);
        body.clear();
    }

    /// Nothing comes any more.
    pub(super) fn end(mut self, persons: &[Person], groups: &mut [Group]) {
        self.forget(|g| persons[g.0 as usize].ended, groups);
    }

    /// Counts what goroutines have read that are gone.
    fn forget(&mut self, is_gone: impl Fn(GoRow) -> bool, groups: &mut [Group]) {
        let duration = self.duration;
        self.of.retain(|&g, body| {
            let gone = is_gone(g);
            if gone {
                Self::ended(duration, body, groups);
            }
            !gone
        });
    }

    fn ended(duration: i64, body: &[(u32, i64)], groups: &mut [Group]) {
        let all = body.iter().fold(0i64, |sum, part| sum.saturating_add(part.1));
        if is_half(all, duration) {
            return;
        }
        for &(group, ns) in body {
            let sum = &mut groups[group as usize].bodies_ns;
            *sum = sum.saturating_add(ns);
        }
    }
}

impl People {
    /// Notes what a goroutine does with connections; and tells how much of this wait is for the answer to what
    /// it has just asked, over a connection that was opened for it.
    pub(super) fn trip(&mut self, talk: Talk, stay: &Stay, asked: &mut Asked) -> i64 {
        let person = &mut self.gos[stay.g.0 as usize];
        match talk {
            Talk::Nothing | Talk::Takes | Talk::Asks | Talk::Body => {}
            Talk::Accepts => person.accepts = true,
            Talk::Dials => person.dials = true,
            Talk::Writes => asked.now = true,
            // Of many messages that are sent few are seen, so that two answers say it for all. One may be what was
            // subscribed for.
            Talk::Streams if std::mem::take(&mut asked.stream) => {
                if std::mem::replace(&mut asked.again, true) {
                    return i64::MAX;
                }
            }
            Talk::Streams => {}
            Talk::Reads => {
                if std::mem::take(&mut asked.now) && self.is_opened(&[stay.g]) {
                    return stay.end.since(stay.start);
                }
            }
        }
        0
    }

    /// Whether one of these goroutines opened a connection, or who started it; and none comes of a connection
    /// that was accepted.
    pub(super) fn is_opened(&self, gos: &[GoRow]) -> bool {
        let of = |g: GoRow| self.gos.get(g.0 as usize);
        let persons = || gos.iter().filter_map(|&g| of(g));
        let accepted =
            |p: &Person| p.accepts || p.makers.iter().filter_map(|&m| of(m)).any(|m| m.accepts);
        persons().any(|p| p.dials || of(p.makers[0]).is_some_and(|maker| maker.dials))
            && !persons().any(accepted)
    }

    /// Whether a goroutine that had just read from the network ended a wait.
    pub(super) fn is_told_by_reader(&self, stay: &Stay, stays: &Stays, facts: &Facts) -> bool {
        stay.waker_last != StayRow::NONE
            && matches!(facts.fact(stays.slot(stay.waker_last)).talk, Talk::Reads | Talk::Takes)
    }
}
