//! Pauses of handlers: a timer that runs out before there is more to do.

use hashbrown::HashMap;

use super::facts::{Fact, Talk, WaitKind};
use crate::stays::{GoRow, Stay};

/// By goroutine: the group of its last wait, the site, and how long it was, if a timer ended it in the program's code.
#[derive(Debug, Default)]
pub(super) struct Pauses(HashMap<GoRow, (u32, u32, i64)>);

impl Pauses {
    /// Takes the next wait or call of a goroutine that serves HTTP. Where the one before was a pause, after which it
    /// goes on in the program's code with something else than an answer to its client: the group of that, and how
    /// long it was.
    pub(super) fn next(&mut self, stay: &Stay, fact: &Fact, group: u32) -> Option<(u32, i64)> {
        let is_inside = fact.own_frames > 0;
        let is_timer = is_inside
            && stay.waker == GoRow::NONE
            && matches!(fact.kind, WaitKind::Receive | WaitKind::Select);
        let before = if is_timer {
            let ns = stay.end.since(stay.start);
            self.0.insert(stay.g, (group, fact.site, ns))
        } else {
            self.0.remove(&stay.g)
        };
        let (group, site, ns) = before?;
        let goes_on = is_inside && site != fact.site && fact.talk != Talk::Answers;
        goes_on.then_some((group, ns))
    }
}
