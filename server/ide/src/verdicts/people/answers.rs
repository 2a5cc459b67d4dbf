//! Who asked whom, and which waits were ended by an answer; or by one of its kind that gave back a slot.

use super::{At, People, Turns};
use crate::stays::{GoRow, Stay, StayRow, Stays};
use crate::verdicts::facts::{Fact, Facts, WaitKind};
use crate::verdicts::visited::Turn;

impl People {
    /// Who asked whom, and which waits were ended by an answer.
    pub(super) fn find_answers(
        &mut self,
        stays: &Stays,
        facts: &Facts,
        turns: &Turns,
        duration: i64,
    ) {
        for i in 0..self.at_of.len() {
            let at = self.at_of[i];
            if at.0 == At::NONE.0 {
                continue;
            }
            if !at.is(At::WOKEN) {
                self.begins_anew(StayRow(i as u32), stays, facts);
                continue;
            }
            let stay = &stays.stay(StayRow(i as u32));
            let fact = facts.fact(stay.slot);
            let at_site = self.row(at, &self.gos[stay.g.0 as usize], stay.g, fact.site);
            let closes = self.closes(fact, stay);
            let peer = !closes && self.is_peers(at_site, stay, fact, turns);
            if peer {
                self.at_of[i].0 |= At::PEER;
                let is_away = self.gos[stay.g.0 as usize].home != fact.site;
                if is_away
                    && (self.is_given_back_to_type(fact, stay) || self.is_further_on(fact, stay))
                {
                    let group = &mut self.groups[self.at_site[at_site].group as usize];
                    group.slot_ns = group.slot_ns.saturating_add(stay.end.since(stay.start));
                }
            }
            if fact.kind == WaitKind::Network {
                // A connection was closed, or given a deadline: no answer, and nothing to do either.
                continue;
            }
            let w = &self.gos[stay.waker.0 as usize];
            let with_kin = closes && self.is_told_with_kin(stay, stays);
            let by_kin = closes && self.is_told_by_kin(stay, stays);
            let is_taken = w.took_from == stay.g && !peer;
            let is_taken = is_taken && fact.kind.is_receiving() && !self.is_sending(fact, stay);
            let (asker, made) = (w.asker, w.makers.iter().position(|&maker| maker == stay.g));
            let answers_maker = made.is_some_and(|maker| w.woke_makers[maker] <= 2);
            // A worker that was started for a question has that in hand.
            let born_for_it = w.newborn && w.makers[0] == stay.g && !w.reads;
            if born_for_it {
                self.gos[stay.waker.0 as usize].newborn = false;
            }
            let asked = asker != GoRow::NONE
                && (asker == stay.g
                    || {
                        let asker = &self.gos[asker.0 as usize];
                        // What a reader brings that it started, came from outside.
                        asker.asker == stay.g || (asker.makers[0] == stay.g && !asker.reads)
                    }
                    || self.is_answered_with_others(asker, fact, stay));
            let ns = stay.end.since(stay.start);
            let is_closed = closes && !self.is_cancelled(stay);
            let group = &mut self.groups[self.at_site[at_site].group as usize];
            if is_closed {
                group.closed_ns = group.closed_ns.saturating_add(ns);
                group.n_closed = group.n_closed.saturating_add(1);
            }
            if by_kin {
                group.add_kin(stay, stays.go(stay.g).birth.0);
            }
            group.woken_ns = group.woken_ns.saturating_add(ns);
            if asked || is_taken || with_kin || answers_maker || born_for_it {
                group.answered_ns = group.answered_ns.saturating_add(ns);
            } else if fact.kind.is_receiving() {
                let person = &mut self.gos[stay.g.0 as usize];
                (person.asker, person.newborn) = (stay.waker, false);
            }
            if !peer && (self.is_sending(fact, stay) || self.selects_meet(fact, stay)) {
                self.gos[stay.waker.0 as usize].receives = true;
            }
            if !peer && self.is_sending(fact, stay) {
                self.gos[stay.waker.0 as usize].took_from = stay.g;
            }
        }
        for group in &mut self.groups {
            group.gets_answers = group.is_answered();
            group.makes_trips = group.is_of_trips();
            group.is_left = group.is_hung_up();
            group.polls = group.is_poll(duration);
        }
    }

    /// Who answers many at once (a group commit) is known to have been asked by the last of them. The others
    /// are of its kind, and stand in the middle of their work: not where they wait for some.
    fn is_answered_with_others(&self, asker: GoRow, fact: Fact, stay: &Stay) -> bool {
        let [g, w, asker] = [stay.g, stay.waker, asker].map(|g| &self.gos[g.0 as usize]);
        asker.root == g.root
            && w.root != g.root
            && g.home != u32::MAX
            && g.home != fact.site
            && fact.kind.is_receiving()
            && !self.is_sending(fact, stay)
            && !self.selects_meet(fact, stay)
    }

    /// Whether who ended a wait by closing a channel did that as the last thing, and all that are like the one who
    /// started it wait for what it had done: a load, say, which the first of them began.
    fn is_told_with_kin(&self, stay: &Stay, stays: &Stays) -> bool {
        let [g, w] = [stay.g, stay.waker].map(|g| &self.gos[g.0 as usize]);
        let is_for_kin = || {
            let maker = self.gos.get(w.makers[0].0 as usize);
            w.root != g.root && maker.is_some_and(|maker| maker.root == g.root)
        };
        g.makers[0] != stay.waker && self.ends_so(stay, stays) && is_for_kin()
    }

    /// The same of goroutines that were started alike: they are made of one another, where each waits for several.
    fn is_told_by_kin(&self, stay: &Stay, stays: &Stays) -> bool {
        let [g, w] = [stay.g, stay.waker].map(|g| &self.gos[g.0 as usize]);
        w.root == g.root && w.makers[0] == g.makers[0] && self.ends_so(stay, stays)
    }

    /// Whether to end a wait was the last thing that a goroutine did, which was started in the trace.
    fn ends_so(&self, stay: &Stay, stays: &Stays) -> bool {
        let w = &self.gos[stay.waker.0 as usize];
        stays.go(stay.waker).birth.0 > 0 && w.ended && w.last_wait <= stay.waker_last
    }

    /// Whoever is at home again until a timer ends that, or the network, begins a round of its own: nobody
    /// has asked it, and what comes of the round answers no question. Two that were there before the trace,
    /// of whom the first answer was seen and not its question, are told apart by that.
    #[inline(always)]
    fn begins_anew(&mut self, row: StayRow, stays: &Stays, facts: &Facts) {
        use WaitKind::{Cond, Network, Receive, Select};
        let fact = facts.fact(stays.slot(row));
        if matches!(fact.kind, Receive | Select | Cond | Network) {
            let stay = stays.stay(row);
            let person = &mut self.gos[stay.g.0 as usize];
            // A library's goroutine may read the answer there to what it was asked elsewhere.
            let is_round = fact.kind != Network || person.own_root;
            if !stay.open && person.home == fact.site && is_round {
                person.asker = GoRow::NONE;
                // Where there is too much to do nobody waits for work, and what it does for others looks like home.
                if fact.kind != Network {
                    person.took_from = GoRow::NONE;
                }
            }
        }
    }

    /// Whether the waker, which closed nothing, stands for a slot that one of its kind gave back: it has the same root, is
    /// no child, and takes turns with the goroutine, or gave something back by what the method is named.
    /// Where roots differ it did that, and those of the two take turns.
    fn is_peers(&mut self, at: usize, stay: &Stay, fact: Fact, turns: &Turns) -> bool {
        let [g, w] = [stay.g, stay.waker].map(|g| &self.gos[g.0 as usize]);
        if w.makers[0] == stay.g {
            return false;
        }
        // Who waits for work at home is handed some by names like these, too.
        let is_named = g.home != fact.site && self.is_given_back_to_type(fact, stay);
        if w.root != g.root {
            let is_further_on = g.home != fact.site && self.is_further_on(fact, stay);
            return self.is_surely_given_back(fact, stay)
                || (is_named || is_further_on)
                    && turns.of_roots.contains(&(w.root, g.root, fact.site));
        }
        if self.at_site[at].n <= 2 || is_named {
            return true;
        }
        let at = &mut self.at_site[at];
        if !at.turn.is_of(stay.waker) {
            let in_turn = turns.of_gos.contains(&(stay.waker, stay.g, fact.site));
            at.turn = Turn::new(stay.waker, in_turn);
        }
        at.turn.0 & Turn::IN_TURN != 0
    }
}
