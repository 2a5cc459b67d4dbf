//! A wait, and what is known of it and its goroutine.

use super::facts::Fact;
use super::people::{AtSite, Person};
use crate::stays::{Stay, StayRow};

/// A wait, with all that a look at its tables tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) row: StayRow,
    pub(super) stay: &'a Stay,
    pub(super) fact: Fact,
    pub(super) at: &'a AtSite,
    pub(super) person: &'a Person,
    /// One of its kind ended it: what it waited for was a slot.
    pub(super) peer: bool,
    /// It was for the answer to what was asked over the network, by a goroutine that ended in the trace; or,
    /// `Some(false)`, that did not: it may as well be told what to do there, and answer.
    pub(super) trip: Option<bool>,
    /// It was for room in a channel, or for somebody to take.
    pub(super) sends: bool,
    /// It is of the program's first goroutine.
    pub(super) main: bool,
    /// Another goroutine ended it, not a timer, or it slept; and it was in the program's code for too long for a
    /// request.
    pub(super) told_inside: bool,
}

impl Seen<'_> {
    /// At most twice at this site, and the goroutine ended in the trace.
    pub(super) fn is_one_shot(&self) -> bool {
        self.at.n <= 2 && self.person.ended
    }

    /// Whether the goroutine waits again, or calls the system, after this.
    pub(super) fn has_later_stay(&self) -> bool {
        self.person.last_wait > self.row
    }

    /// Whether a wait is at its goroutine's home. One without a home is at home anywhere.
    pub(super) fn is_home(&self) -> bool {
        self.person.home == u32::MAX || self.person.home == self.fact.site
    }

    /// The root function of its goroutine is none of the program's own.
    pub(super) fn has_foreign_root(&self) -> bool {
        !self.person.own_root
    }

    /// What still lasts may be a request's handler: it stands in the program's code, and its root lies
    /// outside.
    pub(super) fn may_be_callback(&self) -> bool {
        self.fact.in_program
            && self.has_foreign_root()
            && !self.fact.wrapper
            && !self.fact.listens
            && !self.told_inside
    }

    /// A request's handler whose request ended: it stands in the program's code, its root lies
    /// outside, and it was seen outside again afterwards.
    pub(super) fn is_callback(&self) -> bool {
        self.may_be_callback() && self.person.seen_outside >= self.stay.end.0
    }
}
