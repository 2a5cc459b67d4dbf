//! What is known of each goroutine: its root, its home, its groups, who asked it, who answers it.

use exectrace::StrId;
use hashbrown::{HashMap, HashSet};

use super::demand::is_half;
use super::facts::{Facts, Talk, WaitKind};
use super::groups::Group;
use super::names::{HTTP_SERVES, HTTP_WATCHES, calls_for_events};
use super::pauses::Pauses;
use super::roots::roots;
use super::seen::Seen;
use super::trips::Asked;
use super::visited::{ManySites, Times, Turn, Visited};
use super::wakers::{OfType, Types, WakerStack, waker_stacks};
use crate::Analysis;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};

mod answers;

/// What a goroutine did at a site, with the same goroutine's sites in the order in which it found
/// them.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtSite {
    /// How often it was there.
    pub(super) n: u32,
    pub(super) group: u32,
    /// Who woke it there last, of those with its root, and whether that one was in turn woken by it
    /// here.
    pub(super) turn: Turn,
}

/// What is known of a goroutine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    /// The name of its root function.
    pub(super) root: StrId,
    /// The site that it comes back to with empty hands; `u32::MAX` for none.
    pub(super) home: u32,
    /// Its creator, and the creator of that.
    pub(super) makers: [GoRow; 2],
    /// How often it woke these, up to 3.
    woke_makers: [u8; 2],
    /// It has not woken who started it, nor has anybody brought it anything.
    newborn: bool,
    /// Its root is the program's own, or calls it for no request.
    pub(super) own_root: bool,
    /// It is a test, or a benchmark.
    pub(super) test: bool,
    /// It serves a connection of HTTP.
    pub(super) serves_http: bool,
    /// It ended a wait for room in a channel, and was no peer.
    receives: bool,
    /// It ended in the trace.
    pub(super) ended: bool,
    /// Most of its receiving is from the network.
    pub(super) reads: bool,
    /// A timer started it.
    timers: bool,
    /// It tells others of signals.
    pub(super) signals: bool,
    /// It tells a handler of HTTP that its client is gone.
    pub(super) hangs_up: bool,
    /// It was seen in the program's code alone for half of the trace or more: no request takes that long.
    stays_inside: bool,
    /// It has waited outside of the program's code.
    waits_outside: bool,
    /// It ended a wait for a lock, or a join.
    pub(super) frees: bool,
    /// It opened a connection, and accepted one.
    pub(super) dials: bool,
    pub(super) accepts: bool,
    /// The site that it found last: a row of what was visited. Then its first row in
    /// `People::at_site`.
    pub(super) sites: u32,
    /// Its last wait or call.
    pub(super) last_wait: StayRow,
    /// Who asked it last.
    asker: GoRow,
    /// From whom it took something last that waited to hand it over: where there is too much to do nobody is woken
    /// by being asked.
    took_from: GoRow,
    /// When it was last seen outside the program's own code.
    pub(super) seen_outside: i64,
}

impl Person {
    /// Whether it ends waits of the one that started it.
    pub(super) fn answers_maker(&self) -> bool {
        self.woke_makers[0] > 0
    }
}

/// Where a goroutine was last, while it is followed.
#[derive(Debug, Clone, Copy)]
struct Last {
    /// Where it waited, and where it called: rows of what was visited, and which of its sites these are.
    at: [u32; 2],
    nth: [u8; 2],
    /// How many sites it has; no more than 255 are counted.
    n_sites: u8,
    asked: Asked,
    /// Whose wait it ended last.
    woke: GoRow,
}

/// What is known of all goroutines.
#[derive(Debug)]
pub(super) struct People {
    pub(super) gos: Vec<Person>,
    pub(super) at_site: Vec<AtSite>,
    /// By stay.
    at_of: Vec<At>,
    pub(super) many: ManySites,
    pub(super) groups: Vec<Group>,
    main: GoRow,
    /// By stack.
    pub(super) wakers: Vec<WakerStack>,
    /// By function in which somebody waited that takes something, by its name: the type of which it is a method.
    pub(super) types: HashMap<StrId, OfType>,
    /// Some of them ask over a stream.
    streams: bool,
    /// Some goroutine tells of signals.
    pub(super) signals: bool,
    /// By site: how many goroutines were there.
    pub(super) by_site: Vec<u32>,
}

/// For a stay: which of its goroutine's sites it is at, and what ended it.
#[derive(Debug, Clone, Copy)]
struct At(u8);

impl At {
    /// It is no wait.
    const NONE: At = At(u8::MAX);
    /// A goroutine ended it.
    const WOKEN: u8 = 1 << 7;
    /// That one is a peer.
    const PEER: u8 = 1 << 6;
    const NTH: u8 = At::PEER - 1;
    /// Its goroutine had as many sites as this before, or more: see `People::many`.
    const LATE: u8 = At::NTH - 1;

    fn is(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// Those that one goroutine started with one function.
pub(super) type Crew = (GoRow, StrId);

/// Who woke whom where.
#[derive(Debug, Default)]
struct Turns {
    /// Who was woken, by whom, at which site, among those with the same root.
    of_gos: HashSet<(GoRow, GoRow, u32)>,
    /// The same of roots that differ, where both were at the site.
    of_roots: HashSet<(StrId, StrId, u32)>,
    /// The one of these that was seen last.
    last: Option<(StrId, StrId, u32)>,
}

impl Turns {
    #[inline]
    fn roots(&mut self, turn: (StrId, StrId, u32)) {
        /// A trace that somebody made up may have any number.
        const MOST: usize = 1 << 16;
        if self.last != Some(turn) && self.of_roots.len() < MOST {
            self.last = Some(turn);
            self.of_roots.insert(turn);
        }
    }
}

/// Whose site it is: that of goroutines with one root, or with several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Nobodys,
    Of(StrId),
    Several,
}

impl People {
    pub(super) fn new(analysis: &Analysis, stays: &Stays, facts: &Facts) -> People {
        let mut types = Types::default();
        let wakers = waker_stacks(analysis, facts, &mut types);
        let types =
            facts.funcs().filter_map(|f| Some((f, types.takes(analysis.str(f))?))).collect();
        let mut made = People {
            signals: false,
            streams: wakers.iter().any(|w| w.asks),
            gos: persons(analysis, stays, facts),
            at_site: Vec::new(),
            at_of: Vec::with_capacity(stays.len()),
            many: ManySites::default(),
            groups: Vec::new(),
            main: stays.main(),
            wakers,
            types,
            by_site: vec![0; facts.n_sites()],
        };
        made.signals = made.gos.iter().any(|person| person.signals);
        let (visited, turns) = made.visit(stays, facts, analysis.duration());
        made.find_homes(visited, facts);
        made.find_answers(stays, facts, &turns, analysis.duration());
        made
    }

    /// About how many bytes of memory it takes at most while it is made, and from then on.
    pub(super) fn memory(stays: &Stays) -> (usize, usize) {
        let (places, wakes) = (stays.counts().places, stays.counts().wakes);
        let kept = stays.gos.len() * size_of::<Person>()
            + places * size_of::<AtSite>()
            + stays.len() * size_of::<At>();
        // Of wakes few are by one of its kind that was not the last to do so.
        let turns = wakes.min(places) / 4 * size_of::<(GoRow, GoRow, u32)>();
        let visited = places * size_of::<Visited>();
        let last = places + stays.gos.len() * size_of::<Last>();
        // Where each was last is forgotten before its sites are put side by side.
        let at_site = places * size_of::<AtSite>();
        (kept - at_site + visited + last.max(at_site) + turns, kept + turns)
    }

    fn visit(&mut self, stays: &Stays, facts: &Facts, duration: i64) -> (Vec<Visited>, Turns) {
        let mut groups: HashMap<(u32, StrId), u32> = HashMap::new();
        let mut visited: Vec<Visited> = Vec::with_capacity(2 * stays.gos.len());
        // By row of `visited`: which of its goroutine's sites it is.
        let mut nths: Vec<u8> = Vec::with_capacity(2 * stays.gos.len());
        let nowhere = Last {
            at: [u32::MAX; 2],
            nth: [0; 2],
            n_sites: 0,
            asked: Asked::default(),
            woke: GoRow::NONE,
        };
        let mut lasts = vec![nowhere; stays.gos.len()];
        let mut turns = Turns::default();
        let mut pauses = Pauses::default();
        let mut whose = vec![Whose::Nobodys; facts.n_sites()];
        for row in stays.rows() {
            let stay = &stays.stay(row);
            if !stay.is_wait() {
                self.at_of.push(At::NONE);
                continue;
            }
            let fact = facts.fact(stay.slot);
            let site = fact.site;
            let person = &mut self.gos[stay.g.0 as usize];
            let root = person.root;
            // Nearly all come back to where they were.
            let calls = usize::from(stay.kind == StayKind::Syscall);
            let last = &mut lasts[stay.g.0 as usize];
            let mut last_at = last.at[calls];
            if visited.get(last_at as usize).is_none_or(|at| at.site != site) {
                last_at = match self.many.find(&visited, person.sites, last.n_sites, stay.g, site) {
                    Some(at) => at,
                    None => {
                        let group = *groups.entry((site, root)).or_insert_with(|| {
                            self.groups.push(Group::default());
                            self.groups.len() as u32 - 1
                        });
                        let whose = &mut whose[site as usize];
                        *whose = match *whose {
                            Whose::Nobodys => Whose::Of(root),
                            Whose::Of(other) if other == root => *whose,
                            _ => Whose::Several,
                        };
                        let row = visited.len() as u32;
                        visited.push(Visited {
                            site,
                            times: Times::default(),
                            slot: stay.slot,
                            group,
                            turn: Turn::NOBODY,
                            ns: 0,
                            next: std::mem::replace(&mut person.sites, row),
                        });
                        nths.push(last.n_sites.min(At::LATE));
                        last.n_sites = last.n_sites.saturating_add(1);
                        self.many.add(&visited, last.n_sites, stay.g, row);
                        row
                    }
                };
                last.at[calls] = last_at;
                last.nth[calls] = nths[last_at as usize];
            }
            let (nth, woke) = (last.nth[calls], last.woke);
            person.last_wait = row;
            if fact.own_frames == 0 {
                let since = person.seen_outside.max(stays.go(stay.g).birth.0);
                let inside = stay.start.0.saturating_sub(since).max(0);
                person.stays_inside |= is_half(inside, duration);
                person.seen_outside = person.seen_outside.max(stay.end.0);
                person.waits_outside = true;
            }
            if person.serves_http {
                let group = visited[last_at as usize].group;
                pauses.next(stay, &fact, group, &mut self.groups);
            }
            let at = &mut visited[last_at as usize];
            // Who ends a wait of the goroutine whose wait that one ended last may as well answer it.
            at.times.add(stay.waker != GoRow::NONE && stay.waker != woke);
            at.ns = at.ns.saturating_add(stay.end.since(stay.start));
            // The one with the fewest frames stands for the site.
            if at.slot != stay.slot && fact.own_frames < facts.own_frames(at.slot) {
                at.slot = stay.slot;
            }
            let group = at.group as usize;
            let mut trip = match fact.talk {
                Talk::Nothing => 0,
                talk => self.trip(talk, stay, &mut last.asked),
            };
            if last.asked.now
                && matches!(fact.kind, WaitKind::Receive | WaitKind::Select | WaitKind::Cond)
                && self.is_told_by_reader(stay, stays, facts)
            {
                last.asked.now = false;
                if self.is_opened(&[stay.g, stay.waker]) {
                    trip = stay.end.since(stay.start);
                }
            }
            if trip != 0 {
                let trips = &mut self.groups[group].trips_ns;
                *trips = trips.saturating_add(trip);
            }
            if stay.waker == GoRow::NONE {
                self.at_of.push(At(nth));
                continue;
            }
            self.at_of.push(At(nth | At::WOKEN));
            lasts[stay.waker.0 as usize].woke = stay.g;
            if self.streams && self.waker(stay).is_some_and(|w| w.asks) {
                lasts[stay.waker.0 as usize].asked.stream = true;
            }
            let waker = &mut self.gos[stay.waker.0 as usize];
            if waker.hangs_up {
                let hung = &mut self.groups[group].hung_ns;
                *hung = hung.saturating_add(stay.end.since(stay.start));
            }
            waker.frees |= matches!(fact.kind, WaitKind::Lock | WaitKind::Join);
            if waker.root != root {
                if whose[site as usize] == Whose::Several {
                    turns.roots((root, waker.root, site));
                }
            } else if !at.turn.is_of(stay.waker) {
                at.turn = Turn::new(stay.waker, false);
                turns.of_gos.insert((stay.g, stay.waker, site));
            }
            if let Some(maker) = waker.makers.iter().position(|&maker| maker == stay.g) {
                let n = &mut waker.woke_makers[maker];
                *n = (*n + 1).min(3);
            }
        }
        for (person, go) in self.gos.iter_mut().zip(&stays.gos) {
            if person.ended {
                let since = person.seen_outside.max(go.birth.0);
                person.stays_inside |= is_half(go.end.0.saturating_sub(since).max(0), duration);
                person.seen_outside = person.seen_outside.max(go.end.0);
            }
        }
        (visited, turns)
    }

    /// Where a goroutine was at a wait: a row of `at_site`.
    #[inline(always)]
    fn row(&self, at: At, person: &Person, g: GoRow, site: u32) -> usize {
        match at.0 & At::NTH {
            At::LATE => self.late_row(g, site),
            nth => person.sites as usize + usize::from(nth),
        }
    }

    #[cold]
    #[inline(never)]
    fn late_row(&self, g: GoRow, site: u32) -> usize {
        self.many.0.get(&(g, site)).map_or(0, |&at| at as usize)
    }

    /// A wait. `None` for other stays.
    #[inline(always)]
    pub(super) fn see<'a>(
        &'a self,
        facts: &Facts,
        row: StayRow,
        stay: &'a Stay,
    ) -> Option<Seen<'a>> {
        let at = self.at_of[row.0 as usize];
        if at.0 == At::NONE.0 {
            return None;
        }
        let fact = facts.fact(stay.slot);
        let person = &self.gos[stay.g.0 as usize];
        let at_site = &self.at_site[self.row(at, person, stay.g, fact.site)];
        Some(Seen {
            row,
            stay,
            fact,
            at: at_site,
            person,
            peer: at.is(At::PEER),
            trip: self.groups[at_site.group as usize].makes_trips.then_some(person.ended),
            sends: self.is_sending(fact, stay),
            main: stay.g == self.main,
            told_inside: person.stays_inside
                && match self.gos.get(stay.waker.0 as usize) {
                    Some(waker) => !waker.timers,
                    // What is called for one request after the other is seen between them.
                    None => fact.kind == WaitKind::Sleep && !person.waits_outside,
                },
        })
    }

    /// With whom a goroutine was started.
    pub(super) fn crew(&self, g: GoRow) -> Crew {
        let person = &self.gos[g.0 as usize];
        (person.makers[0], person.root)
    }

    /// Whether what a goroutine receives comes from the network, for the most of that time.
    pub(super) fn reads(&self, g: GoRow) -> bool {
        self.gos.get(g.0 as usize).is_some_and(|person| person.reads)
    }

    /// By goroutine.
    pub(super) fn receivers(&self) -> impl Iterator<Item = bool> + '_ {
        self.gos.iter().map(|person| person.receives)
    }

    /// How many goroutines were at each site.
    pub(super) fn by_site(&self) -> Vec<u32> {
        self.by_site.clone()
    }
}

/// More than clearing up after a wait, in nanoseconds: and more than next to nothing beside how long it was.
pub(super) fn weight(stay: &Stay) -> i64 {
    (stay.end.since(stay.start) / 128).max(20_000)
}

/// By goroutine, what its life begins with.
fn persons(analysis: &Analysis, stays: &Stays, facts: &Facts) -> Vec<Person> {
    let maker_of = |row: GoRow| stays.gos.get(row.0 as usize).map_or(GoRow::NONE, |g| g.creator);
    let roots = roots(analysis, stays, facts);
    let persons = stays.gos.iter().zip(roots).map(|(go, root)| Person {
        root: root.map_or(StrId::NONE, |r| r.func),
        own_root: root.is_some_and(|r| r.own || calls_for_events(analysis.str(r.func))),
        test: root.is_some_and(|r| r.test),
        serves_http: root.is_some_and(|r| analysis.str(r.func) == HTTP_SERVES),
        home: u32::MAX,
        makers: [go.creator, maker_of(go.creator)],
        woke_makers: [0; 2],
        newborn: true,
        receives: false,
        reads: false,
        signals: root.is_some_and(|r| analysis.str(r.func).starts_with("os/signal.")),
        hangs_up: root.is_some_and(|r| analysis.str(r.func).starts_with(HTTP_WATCHES)),
        stays_inside: false,
        waits_outside: false,
        frees: false,
        timers: go.is_timers(),
        dials: false,
        accepts: false,
        ended: go.end.0 != i64::MAX,
        sites: u32::MAX,
        last_wait: StayRow(0),
        asker: GoRow::NONE,
        took_from: GoRow::NONE,
        seen_outside: i64::MIN,
    });
    persons.collect()
}
