//! What is known of each goroutine: its root, its home, its groups, who asked it, who answers it.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::{HashMap, HashSet};

use super::facts::{Facts, WaitKind};
use crate::Analysis;
use crate::figures::SlotId;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};

/// Goroutines at a site that have the same root.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// Time of all waits, in nanoseconds.
    pub(super) ns: i64,
    /// Time that was ended by goroutines.
    woken_ns: i64,
    /// Time that was ended by an answer.
    answered_ns: i64,
    /// Time at the homes of its goroutines.
    home_ns: i64,
}

impl Group {
    /// Whether what it waits for are answers.
    pub(super) fn gets_answers(&self) -> bool {
        let percent = if self.home_ns * 2 > self.ns { 80 } else { 25 };
        self.answered_ns > 0 && self.answered_ns * 100 >= self.woken_ns * percent
    }
}

/// What a goroutine did at a site.
#[derive(Debug, Clone, Copy)]
struct AtSite {
    g: GoRow,
    site: u32,
    /// How often it was there.
    n: u32,
    /// The one of its slots there that has the fewest frames.
    slot: SlotId,
    group: u32,
}

/// What is known of all goroutines.
#[derive(Debug)]
pub(super) struct People {
    /// By goroutine: the name of its root function, and whether it is the program's own.
    roots: Vec<(StrId, bool)>,
    at_site: Vec<AtSite>,
    /// By stay: a row of `at_site`; `u32::MAX` for those that are no waits.
    at_of: Vec<u32>,
    /// By stay: a peer ended it.
    peers: Vec<bool>,
    /// By goroutine: whether it ended a wait for room in a channel, and was no peer.
    pub(super) receivers: Vec<bool>,
    /// By goroutine: the site that it comes back to with empty hands; `u32::MAX` for none.
    homes: Vec<u32>,
    /// When each goroutine was last seen outside the program's own code.
    seen_outside: Vec<i64>,
    pub(super) groups: Vec<Group>,
    /// Stays by goroutine, each in order: offsets by goroutine, then rows.
    offsets: Vec<u32>,
    by_go: Vec<StayRow>,
    main: GoRow,
    /// By stack.
    wakers: Vec<WakerStack>,
}

/// What the stack of a waker tells.
#[derive(Debug, Clone, Copy)]
struct WakerStack {
    /// Its leaf is no function of the runtime: a channel was closed, where it is one.
    plain: bool,
    /// It received.
    receives: bool,
}

impl People {
    pub(super) fn new(analysis: &Analysis, stays: &Stays, facts: &Facts) -> People {
        let mut made = People {
            roots: roots(analysis, stays, facts),
            at_site: Vec::new(),
            at_of: vec![u32::MAX; stays.len()],
            peers: vec![false; stays.len()],
            receivers: vec![false; stays.gos.len()],
            homes: vec![u32::MAX; stays.gos.len()],
            seen_outside: vec![i64::MIN; stays.gos.len()],
            groups: Vec::new(),
            offsets: Vec::new(),
            by_go: Vec::new(),
            main: stays
                .gos
                .iter()
                .position(|g| g.id.0 == 1)
                .map_or(GoRow::NONE, |i| GoRow(i as u32)),
            wakers: (0..analysis.tables.n_stacks() as u32)
                .map(|stack| {
                    let leaf = analysis.stack(StackId(stack)).first();
                    let func = leaf.map_or("", |&f| analysis.str(analysis.tables.frame(f).func));
                    WakerStack {
                        plain: !func.starts_with("runtime."),
                        receives: func.starts_with("runtime.chanrecv"),
                    }
                })
                .collect(),
        };
        made.index(stays);
        let wakes = made.visit(stays, facts);
        made.find_homes(facts);
        made.find_answers(stays, facts, &wakes);
        made
    }

    /// Stays by goroutine, for looking them up by time.
    fn index(&mut self, stays: &Stays) {
        self.offsets = vec![0; stays.gos.len() + 1];
        for row in stays.rows() {
            self.offsets[stays.g(row).0 as usize + 1] += 1;
        }
        for i in 0..stays.gos.len() {
            self.offsets[i + 1] += self.offsets[i];
        }
        let mut next = self.offsets.clone();
        self.by_go = vec![StayRow::NONE; stays.len()];
        for row in stays.rows() {
            let place = &mut next[stays.g(row).0 as usize];
            self.by_go[*place as usize] = row;
            *place += 1;
        }
    }

    fn visit(&mut self, stays: &Stays, facts: &Facts) -> Wakes {
        let mut groups: HashMap<(u32, StrId), u32> = HashMap::new();
        let mut found: HashMap<(GoRow, u32), u32> = HashMap::new();
        // By goroutine: where it was last. Nearly all come back to where they were.
        let mut last = vec![u32::MAX; stays.gos.len()];
        let mut wakes = Wakes::default();
        for row in stays.rows() {
            let stay = &stays.stay(row);
            if !is_wait(stay) {
                continue;
            }
            let site = facts.site(stay.slot);
            let root = self.roots[stay.g.0 as usize].0;
            let last = &mut last[stay.g.0 as usize];
            if self.at_site.get(*last as usize).is_none_or(|at| at.site != site) {
                *last = *found.entry((stay.g, site)).or_insert_with(|| {
                    let group = *groups.entry((site, root)).or_insert_with(|| {
                        self.groups.push(Group::default());
                        self.groups.len() as u32 - 1
                    });
                    self.at_site.push(AtSite { g: stay.g, site, n: 0, slot: stay.slot, group });
                    self.at_site.len() as u32 - 1
                });
            }
            self.at_of[row.0 as usize] = *last;
            let at = &mut self.at_site[*last as usize];
            at.n += 1;
            // The one with the fewest frames stands for the site.
            if facts.own_frames(stay.slot) < facts.own_frames(at.slot) {
                at.slot = stay.slot;
            }
            let group = &mut self.groups[at.group as usize];
            group.ns = group.ns.saturating_add(stay.end.since(stay.start));
            if facts.own_frames(stay.slot) == 0 {
                let seen = &mut self.seen_outside[stay.g.0 as usize];
                *seen = (*seen).max(stay.end.0);
            }
            if stay.waker != GoRow::NONE {
                if self.roots[stay.waker.0 as usize].0 == root {
                    wakes.turns.insert((stay.g, stay.waker, site));
                }
                if made_by(stays, stay.waker, stay.g) {
                    *wakes.of_makers.entry((stay.waker, stay.g)).or_default() += 1;
                }
            }
        }
        for (seen, go) in self.seen_outside.iter_mut().zip(&stays.gos) {
            if go.end.0 != i64::MAX {
                *seen = (*seen).max(go.end.0);
            }
        }
        wakes
    }

    fn find_homes(&mut self, facts: &Facts) {
        let mut best: Vec<(u16, u32)> = vec![(u16::MAX, u32::MAX); self.homes.len()];
        for &AtSite { g, site, n, slot, .. } in &self.at_site {
            if n < 2 || !facts.kind(slot).is_receiving() {
                continue;
            }
            let foreign = !self.roots[g.0 as usize].1;
            let frames = if facts.is_wrapper(slot) && foreign { 0 } else { facts.own_frames(slot) };
            let home = &mut best[g.0 as usize];
            *home = (*home).min((frames, site));
        }
        for (home, (_, site)) in self.homes.iter_mut().zip(best) {
            *home = site;
        }
    }

    /// Who asked whom, and which waits were ended by an answer.
    fn find_answers(&mut self, stays: &Stays, facts: &Facts, wakes: &Wakes) {
        let mut askers = vec![GoRow::NONE; stays.gos.len()];
        for row in stays.rows() {
            let stay = &stays.stay(row);
            if !is_wait(stay) {
                continue;
            }
            let ns = stay.end.since(stay.start);
            let at_home = self.at_home(facts, row, stay);
            let group = self.group(row) as usize;
            let group = &mut self.groups[group];
            if at_home {
                group.home_ns = group.home_ns.saturating_add(ns);
            }
            if stay.waker == GoRow::NONE {
                continue;
            }
            self.peers[row.0 as usize] = self.is_peers(stays, facts, row, stay, &wakes.turns);
            let w = stay.waker;
            if !self.peers[row.0 as usize] && self.is_sending(facts, stay) {
                self.receivers[w.0 as usize] = true;
            }
            let asker = askers[w.0 as usize];
            let asked = asker != GoRow::NONE
                && (asker == stay.g
                    || askers[asker.0 as usize] == stay.g
                    || stays.go(asker).creator == stay.g);
            let answer = asked || wakes.of_makers.get(&(w, stay.g)).is_some_and(|&n| n <= 2);
            let group = self.group(row) as usize;
            let group = &mut self.groups[group];
            group.woken_ns = group.woken_ns.saturating_add(ns);
            if answer {
                group.answered_ns = group.answered_ns.saturating_add(ns);
            } else if facts.kind(stay.slot).is_receiving() {
                askers[stay.g.0 as usize] = w;
            }
        }
    }

    /// For a group: a goroutine without a home counts as at home where it was three times or more.
    fn at_home(&self, facts: &Facts, row: StayRow, stay: &Stay) -> bool {
        match self.homes[stay.g.0 as usize] {
            u32::MAX => self.n_at_site(row) >= 3,
            home => home == facts.site(stay.slot),
        }
    }

    /// Whether a wait is at its goroutine's home. One without a home is at home anywhere.
    pub(super) fn is_home(&self, facts: &Facts, stay: &Stay) -> bool {
        let home = self.homes[stay.g.0 as usize];
        home == u32::MAX || home == facts.site(stay.slot)
    }

    fn at(&self, row: StayRow) -> Option<&AtSite> {
        let at = self.at_of.get(row.0 as usize)?;
        self.at_site.get(*at as usize)
    }

    /// How often the goroutine was at the wait's site.
    pub(super) fn n_at_site(&self, row: StayRow) -> u32 {
        self.at(row).map_or(0, |at| at.n)
    }

    /// How many goroutines were at each site.
    pub(super) fn by_site(&self, n_sites: usize) -> Vec<u32> {
        let mut n = vec![0; n_sites];
        for at in &self.at_site {
            n[at.site as usize] += 1;
        }
        n
    }

    /// At most twice at this site, and the goroutine ended in the trace.
    pub(super) fn is_one_shot(&self, stays: &Stays, row: StayRow, stay: &Stay) -> bool {
        self.n_at_site(row) <= 2 && stays.go(stay.g).end.0 != i64::MAX
    }

    /// The group of a wait.
    pub(super) fn group(&self, row: StayRow) -> u32 {
        self.at(row).map_or(u32::MAX, |at| at.group)
    }

    /// Whether it is the program's first goroutine.
    pub(super) fn is_main(&self, g: GoRow) -> bool {
        g == self.main
    }

    /// Its root function is none of the program's own.
    pub(super) fn has_foreign_root(&self, g: GoRow) -> bool {
        self.roots.get(g.0 as usize).is_some_and(|r| !r.1)
    }

    /// A request's handler whose request ended: it stands in the program's code, its root lies
    /// outside, and it was seen outside again afterwards.
    pub(super) fn is_callback(&self, facts: &Facts, stay: &Stay) -> bool {
        facts.own_frames(stay.slot) > 0
            && self.has_foreign_root(stay.g)
            && !facts.is_wrapper(stay.slot)
            && self.seen_outside[stay.g.0 as usize] >= stay.end.0
    }

    /// Whether the waker stands for a slot that one of its kind gave back.
    pub(super) fn is_peer(&self, row: StayRow) -> bool {
        self.peers[row.0 as usize]
    }

    fn is_peers(
        &self,
        stays: &Stays,
        facts: &Facts,
        row: StayRow,
        stay: &Stay,
        turns: &HashSet<(GoRow, GoRow, u32)>,
    ) -> bool {
        let w = stay.waker;
        if self.roots[w.0 as usize].0 != self.roots[stay.g.0 as usize].0
            || stays.go(w).creator == stay.g
            || self.closes(facts, stay)
        {
            return false;
        }
        self.n_at_site(row) <= 2 || turns.contains(&(w, stay.g, facts.site(stay.slot)))
    }

    /// Whether the waker closed the channel: what wakes otherwise is a function of the runtime.
    fn closes(&self, facts: &Facts, stay: &Stay) -> bool {
        matches!(facts.kind(stay.slot), WaitKind::Receive | WaitKind::Select | WaitKind::Send)
            && self.waker(stay).is_some_and(|w| w.plain)
    }

    /// What the stack of the goroutine that ended a wait tells.
    fn waker(&self, stay: &Stay) -> Option<WakerStack> {
        (stay.waker != GoRow::NONE)
            .then(|| self.wakers.get(stay.waker_stack.0 as usize).copied())
            .flatten()
    }

    /// Whether the wait was for room in a channel, or for somebody to take.
    pub(super) fn is_sending(&self, facts: &Facts, stay: &Stay) -> bool {
        match facts.kind(stay.slot) {
            WaitKind::Send => true,
            WaitKind::Select => self.waker(stay).is_some_and(|w| w.receives),
            _ => false,
        }
    }

    /// The stays of a goroutine, in order.
    pub(super) fn stays_of(&self, g: GoRow) -> &[StayRow] {
        let g = g.0 as usize;
        &self.by_go[self.offsets[g] as usize..self.offsets[g + 1] as usize]
    }

    /// Whether the goroutine waits again, or calls the system, after this stay.
    pub(super) fn has_later_stay(&self, stays: &Stays, row: StayRow) -> bool {
        let rows = self.stays_of(stays.g(row)).iter().rev();
        rows.take_while(|&&r| r > row).any(|&r| is_wait(&stays.stay(r)))
    }
}

/// Who woke whom, of whom that matters.
#[derive(Debug, Default)]
struct Wakes {
    /// (Who was woken, by whom, at which site), among those with the same root.
    turns: HashSet<(GoRow, GoRow, u32)>,
    /// How often a goroutine woke its creator, or its creator's: (who, whom).
    of_makers: HashMap<(GoRow, GoRow), u32>,
}

/// Whether a goroutine was created by another, or by one that that one created.
fn made_by(stays: &Stays, made: GoRow, by: GoRow) -> bool {
    let creator = stays.go(made).creator;
    creator == by || (creator != GoRow::NONE && stays.go(creator).creator == by)
}

fn is_wait(stay: &Stay) -> bool {
    matches!(stay.kind, StayKind::Wait | StayKind::Syscall)
}

/// By goroutine: the function that its work begins with, and whether that is the program's own.
fn roots(analysis: &Analysis, stays: &Stays, facts: &Facts) -> Vec<(StrId, bool)> {
    let mut roots = vec![(StrId::NONE, false); stays.gos.len()];
    for stay in stays.all() {
        let root = &mut roots[stay.g.0 as usize];
        if root.0.is_some() || stay.kind == StayKind::Born {
            continue;
        }
        let Some(slot) = analysis.slots.get(stay.slot.0 as usize) else { continue };
        if let Some(found) = root_of(analysis, facts, slot.stack) {
            *root = found;
        }
    }
    for (root, go) in roots.iter_mut().zip(&stays.gos) {
        if !root.0.is_some()
            && let Some(found) = root_of(analysis, facts, go.entry)
        {
            *root = found;
        }
    }
    roots
}

/// The root-most function of a stack, past the runtime and what only starts others.
fn root_of(analysis: &Analysis, facts: &Facts, stack: StackId) -> Option<(StrId, bool)> {
    let frames = analysis.stack(stack);
    let name = |f: FrameId| analysis.tables.frame(f).func;
    let work = frames.iter().rev().copied().find(|&f| !is_starter(analysis.str(name(f))));
    let frame = work.or(frames.last().copied())?;
    name(frame).is_some().then(|| (name(frame), facts.is_program(frame)))
}

/// A function that starts the work of others.
fn is_starter(func: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "runtime.",
        "sync.(*WaitGroup).Go",
        "golang.org/x/sync/errgroup.(*Group).Go",
        "golang.org/x/sync/errgroup.(*Group).TryGo",
        "testing.tRunner",
        "testing.(*",
        "github.com/oklog/run.",
        "github.com/sourcegraph/conc",
    ];
    func.is_empty() || PREFIXES.iter().any(|p| func.starts_with(p))
}
