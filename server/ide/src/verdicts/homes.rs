//! Where each goroutine comes back to with empty hands.

use hashbrown::HashSet;

use super::facts::{Facts, WaitKind};
use super::people::{AtSite, People, Person};
use super::visited::{Turn, Visited, chain};
use crate::stays::GoRow;

/// How near a site is to be a home: the least one is it. The frames of the program's own come first, and of those that
/// are alike in all the site that was found first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Nearness {
    frames: u16,
    /// It stands in a call, or waits for one of a limited number of things.
    holds: bool,
    pauses: bool,
    site: u32,
}

/// Nobody tells a goroutine anything there: it sleeps, or waits for a timer alone.
fn pauses(facts: &Facts, at: &Visited) -> bool {
    match facts.kind(at.slot) {
        WaitKind::Sleep => true,
        WaitKind::Network => false,
        _ => !at.times.is_woken(),
    }
}

/// The home of a goroutine that was at some sites, where it received.
fn home<'a>(
    facts: &Facts,
    person: &Person,
    serves: bool,
    at: impl Iterator<Item = &'a Visited> + Clone,
) -> u32 {
    let all = at.clone().fold(0i64, |sum, at| sum.saturating_add(at.ns));
    // Where it spends next to nothing of its time, it does not come home to.
    let candidates = || at.clone().filter(|at| at.times.n() >= 2 && at.ns >= all / 20);
    // Who serves a connection is at home where it reads from that, not in its pauses.
    let reads = serves && candidates().any(|at| facts.kind(at.slot) == WaitKind::Network);
    let nearness = |at: &Visited| {
        let fact = facts.fact(at.slot);
        let wraps = fact.wrapper && !person.own_root;
        Nearness {
            frames: if wraps { 0 } else { fact.own_frames },
            holds: fact.call || fact.slot,
            pauses: pauses(facts, at),
            site: at.site,
        }
    };
    let nearest = candidates().filter(|at| !reads || !pauses(facts, at)).map(nearness).min();
    nearest.map_or(u32::MAX, |nearest| nearest.site)
}

impl People {
    /// Finds the home of each goroutine, and how much of its time a group is at them. For a group,
    /// a goroutine without a home counts as at home where it was three times or more. The sites of one
    /// goroutine stand side by side from then on.
    pub(super) fn find_homes(&mut self, mut visited: Vec<Visited>, facts: &Facts) {
        self.at_site.reserve_exact(visited.len());
        // Whoever opens connections, too, may have started others for those.
        let accept = (0u32..).map(GoRow).zip(&self.gos);
        let accept = accept.filter(|(_, person)| person.accepts && !person.dials);
        let accept: HashSet<GoRow> = accept.map(|(g, _)| g).collect();
        let mut rows = Vec::new();
        for person in &mut self.gos {
            rows.clear();
            rows.extend(chain(&visited, person.sites));
            let at = rows.iter().map(|&row| &visited[row as usize]);
            let receiving = at.filter(|at| facts.kind(at.slot).is_receiving());
            let sum = |sum: i64, at: &Visited| sum.saturating_add(at.ns);
            let from_network = receiving.clone();
            let read = from_network.filter(|at| facts.kind(at.slot) == WaitKind::Network);
            let (read, all) = (read.fold(0, sum), receiving.clone().fold(0, sum));
            person.reads = read > all - read;
            let serves = !person.dials && accept.contains(&person.makers[0]);
            person.home = home(facts, person, serves, receiving);
            person.sites = self.at_site.len() as u32;
            for row in rows.drain(..).rev() {
                let at = &mut visited[row as usize];
                at.next = self.at_site.len() as u32;
                let n = at.times.n();
                self.at_site.push(AtSite { n, group: at.group, turn: Turn::NOBODY });
                self.by_site[at.site as usize] += 1;
                let group = &mut self.groups[at.group as usize];
                group.ns = group.ns.saturating_add(at.ns);
                group.n = group.n.saturating_add(n.into());
                group.n_goroutines = group.n_goroutines.saturating_add(1);
                let at_home = match person.home {
                    u32::MAX => n >= 3,
                    home => home == at.site,
                };
                if at_home {
                    group.home_ns = group.home_ns.saturating_add(at.ns);
                }
            }
        }
        for at in self.many.0.values_mut() {
            *at = visited[*at as usize].next;
        }
    }
}
