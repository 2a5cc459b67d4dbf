//! What handlers of HTTP do when a wait is over: a pause before there is more to do is told from what a client is sent
//! by the clock.

use hashbrown::HashMap;

use super::facts::{Fact, Talk, WaitKind};
use super::groups::Group;
use crate::figures::SlotId;
use crate::stays::{GoRow, Stay};

/// By goroutine that serves HTTP: where it waited last to hear something, in the program's code.
#[derive(Debug, Default)]
pub(super) struct Pauses(HashMap<GoRow, Heard>);

#[derive(Debug, Clone, Copy)]
struct Heard {
    group: u32,
    site: u32,
    slot: SlotId,
    ns: i64,
    /// A goroutine ended that, no timer.
    woken: bool,
    /// It has done something else since, within the request.
    goes_on: bool,
    /// What came of it is known.
    over: bool,
}

impl Pauses {
    /// Takes the next wait or call of a goroutine that serves HTTP, and tells the group of an earlier one what came of
    /// that, when it is known.
    pub(super) fn next(&mut self, stay: &Stay, fact: &Fact, group: u32, groups: &mut [Group]) {
        let is_inside = fact.own_frames > 0;
        let hears = is_inside && matches!(fact.kind, WaitKind::Receive | WaitKind::Select);
        let woken = stay.waker != GoRow::NONE;
        if let Some(heard) = self.0.get_mut(&stay.g) {
            let of = &mut groups[heard.group as usize];
            // It hears of something there, and a timer is a beat meanwhile.
            of.is_told |= hears && heard.slot == stay.slot && (woken || heard.woken);
            match fact.talk {
                _ if heard.over => {}
                Talk::Answers if is_inside => {
                    of.streamed_ns = of.streamed_ns.saturating_add(heard.ns);
                    heard.over = true;
                }
                // A question, may be: then it waits for the answer. Or it tells somebody by the clock.
                Talk::Writes => {}
                _ if is_inside && heard.site != fact.site && (woken || !hears) => {
                    heard.goes_on = true;
                }
                _ => {
                    let goes_on = heard.goes_on || is_inside && heard.site != fact.site;
                    if goes_on && !heard.woken {
                        of.paused_ns = of.paused_ns.saturating_add(heard.ns);
                    }
                    heard.over = true;
                }
            }
        }
        // A pause is followed until it is known what came of it, or until the next one.
        let is_done = |heard: &Heard| heard.over || heard.woken || !woken;
        if hears && self.0.get(&stay.g).is_none_or(is_done) {
            let ns = stay.end.since(stay.start);
            let (site, slot) = (fact.site, stay.slot);
            let heard = Heard { group, site, slot, ns, woken, goes_on: false, over: false };
            self.0.insert(stay.g, heard);
        }
    }
}
