//! Which waiting matters.
//!
//! A goroutine waits with empty hands or with work in its hands, and only the second can delay
//! anything. It has work in hand when it says so by what it waits for (a lock, room in a channel),
//! when it stands in a request, or when someone else who has work in hand waits for it.
//!
//! Steps: (1) `facts` tells for each slot what kind of wait it is and where; (2) `people` tells of
//! each goroutine its root, its home and whom it answers, and `trips` what it asked over the network;
//! (3) `demand` goes backward in time and finds who is waited for; (4) `judging`, forward again, gives
//! each wait its verdict; (5) here a site of which too little is costly is taken back, and a person's
//! word overrides.
//! What the words mean stands in `docs/verdicts.md`.

use crate::Analysis;
use crate::blame::Blame;
use crate::figures::SlotId;
use crate::jobs::{Jobs, both};
use crate::stays::{StayRow, Stays};

mod demand;
mod facts;
mod groups;
mod homes;
mod idle;
mod judging;
mod names;
mod pauses;
mod people;
mod roots;
mod seen;
mod tally;
mod trips;
mod visited;
mod wakers;
mod words;

pub use facts::{Facts, WaitKind};
pub(crate) use names::{gives_answer, waits_for_turn};
use people::People;
pub(crate) use tally::Tally;
pub use wakers::Act;
pub(crate) use wakers::act;
pub use words::{Judgement, Sum, VERDICTS, Verdict, Why};

/// All verdicts of a trace.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// By the row of a slot.
    pub sums: Vec<Sum>,
    /// What kind of wait each slot is, and where.
    pub facts: Facts,
    judged: judging::Judged,
    /// By slot: what all judgements on it are changed to.
    rules: Vec<Rule>,
    /// By site: how many goroutines were there.
    goroutines: Vec<u32>,
}

/// What holds for all waits of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Each has its own verdict.
    Each,
    /// What was costly is too little of its site to be believed.
    Minority,
    /// A person said so.
    Told(Verdict),
}

impl Rule {
    fn again(self, judged: Judgement) -> Judgement {
        match self {
            Rule::Minority if judged.verdict == Verdict::Costly => {
                Judgement { verdict: Verdict::Unsure, why: Why::Minority }
            }
            Rule::Told(verdict) => Judgement { verdict, why: Why::Told },
            _ => judged,
        }
    }
}

impl Verdicts {
    /// The verdict on a stay; `None` for those that are no waits.
    pub fn of(&self, stays: &Stays, row: StayRow) -> Option<Judgement> {
        let judged = self.judged.of(row)?;
        let rule = self.rules.get(stays.slot(row).0 as usize);
        Some(rule.map_or(judged, |rule| rule.again(judged)))
    }

    /// For how much of a wait somebody with work in hand surely waited, in nanoseconds, at most
    /// 4.29 s. A person's word changes nothing here.
    pub fn demanded(&self, stays: &Stays, row: StayRow) -> u32 {
        self.judged.demanded(stays, row)
    }

    /// What is left of them without the lives of the goroutines: sums, and how many goroutines there
    /// were at each site. No single wait has a verdict then.
    pub(crate) fn of_sums(sums: Vec<Sum>, facts: Facts, goroutines: Vec<u32>) -> Verdicts {
        Verdicts { sums, facts, goroutines, ..Verdicts::default() }
    }

    /// By site: how many goroutines were there.
    pub(crate) fn goroutines(&self) -> &[u32] {
        &self.goroutines
    }

    /// How many goroutines waited in some slots; one that waited in several ways counts for each.
    pub fn n_goroutines(&self, slots: &[SlotId]) -> u64 {
        let mut sites: Vec<u32> = slots.iter().map(|&s| self.facts.site(s)).collect();
        sites.sort_unstable();
        sites.dedup();
        let of = |site: &u32| self.goroutines.get(*site as usize).copied().unwrap_or(0);
        sites.iter().map(|site| u64::from(of(site))).sum()
    }
}

/// About how many bytes of memory judging takes at most, beside the lives: counted high rather than
/// low, from what is known of them while they are read.
pub(crate) fn memory(stays: &Stays) -> usize {
    let (visiting, people) = People::memory(stays);
    let demand = demand::Demand::memory(stays);
    // A bit for each stay is blame's. All else is by slot or stack.
    visiting.max(people + demand + judging::memory(stays)) + stays.len() / 8
}

/// Judges all waits of a trace, and finds what they were really waiting for. A person's word about a
/// slot, in `told`, overrides. `None` without stays.
pub fn judge(
    analysis: &Analysis,
    facts: Facts,
    told: &dyn Fn(SlotId) -> Option<Verdict>,
    jobs: &dyn Jobs,
) -> Option<(Verdicts, Blame)> {
    judge_beside(analysis, facts, told, jobs, (|_| (), |_| ())).map(|(judged, ..)| judged)
}

/// The same, and two things more that need no verdict, made beside it: the first one while the tables of
/// people take the most memory, the other when that is over.
pub(crate) fn judge_beside<A: Send, B: Send>(
    analysis: &Analysis,
    facts: Facts,
    told: &dyn Fn(SlotId) -> Option<Verdict>,
    jobs: &dyn Jobs,
    (small, large): (impl FnOnce(&Facts) -> A + Send, impl FnOnce(&Facts) -> B + Send),
) -> Option<((Verdicts, Blame), A, B)> {
    let stays = analysis.stays.as_ref()?;
    let waited_for = || {
        let people = People::new(analysis, stays, &facts);
        let demand = demand::Demand::new(analysis, stays, &facts, &people);
        (people, demand)
    };
    let blame = || Some((Blame::new(analysis, &facts)?, small(&facts)));
    let ((people, demand), blame) = both(jobs, waited_for, blame)?;
    let (blame, small) = blame?;
    let goroutines = people.by_site();
    let judging = || judging::judge(analysis, stays, &facts, &people, demand, &blame);
    let (judging::Found { judged, tally, sites }, large) = both(jobs, judging, || large(&facts))?;
    let n = analysis.slots.len();
    let rules: Vec<Rule> = (0..n as u32)
        .map(|slot| match told(SlotId(slot)) {
            Some(verdict) => Rule::Told(verdict),
            None if is_minority(&facts, &sites, SlotId(slot)) => Rule::Minority,
            None => Rule::Each,
        })
        .collect();
    let sums = tally.sums(n, |slot, judged| rules[slot.0 as usize].again(judged));
    Some(((Verdicts { sums, judged, rules, facts, goroutines }, blame), small, large))
}

/// At a site of which little is costly, that little is more likely a mistake. `sites` are what is
/// costly of each, and all of it.
fn is_minority(facts: &Facts, sites: &[(i64, i64)], slot: SlotId) -> bool {
    let (costly, all) = sites.get(facts.site(slot) as usize).copied().unwrap_or_default();
    costly.saturating_mul(3) < all
        && matches!(
            facts.kind(slot),
            WaitKind::Network
                | WaitKind::Sleep
                | WaitKind::Select
                | WaitKind::Receive
                | WaitKind::Cond
        )
}
