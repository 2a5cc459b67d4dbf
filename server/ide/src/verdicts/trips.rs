//! Questions over the network, and the waits for their answers.
//!
//! Who writes to a connection and then waits for what comes there, over and over, has asked. So does who is
//! asked and answers: but that one's connection was accepted, or it lasts as long as the trace.

use super::facts::{Facts, Talk};
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

impl People {
    /// Notes what a goroutine does with connections; and tells how much of this wait is for the answer to what
    /// it has just asked, over a connection that was opened for it.
    pub(super) fn trip(&mut self, talk: Talk, stay: &Stay, asked: &mut Asked) -> i64 {
        let person = &mut self.gos[stay.g.0 as usize];
        match talk {
            Talk::Nothing | Talk::Takes => {}
            Talk::Accepts => person.accepts = true,
            Talk::Dials => person.dials = true,
            Talk::Writes | Talk::Answers => asked.now = true,
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
