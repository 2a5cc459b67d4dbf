//! Decoding a generation before the one that comes ahead of it: what lets generations be decoded side by
//! side.
//!
//! ```text
//! one core:      |---- generation 1 ----|                     fits? -> goes on at the end of 2
//! another core:  |---- generation 2 ----| works ahead: assumes   |
//!                                         what 1 leaves behind --+  else 2 is decoded anew
//! ```
//!
//! The runtime tells the state of each goroutine and P in every generation before the first event of it,
//! so a decoder that knows nothing takes these words for what the generation before left behind, and
//! keeps what it assumed. When that one is decoded, all of it is held against what is known then: the
//! states, which thread had what, the number of the collector's cycle, the time of the last event. If
//! anything differs, or an event was no event, what was made ahead is thrown away and the generation is
//! decoded in its turn: so what comes of a trace never depends on how many cores there are.

use hashbrown::{HashMap, HashSet};

use super::generation::Generation;
use super::merge::{Cursor, Frontier};
use super::order::{Bump, Decoder, Gc, M, State};
use super::spec::{TIMED_ARGS, ev, proc_status};
use crate::goroutines::Row;
use crate::sink::{RangePhase, Sink};
use crate::{GoId, ProcId, StrId, Tables, TaskId};

/// What is assumed of the generation before.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    /// The time of its last event, as the file has it.
    last: i64,
    gos: HashMap<GoId, CarriedGo>,
    procs: HashMap<ProcId, CarriedProc>,
    /// By the decoder's number of the thread.
    threads: Vec<CarriedThread>,
    /// Whether the collector marked, and the number of its last event.
    gc: Option<(RangePhase, u64)>,
    /// Goroutines that were created: none of them may have been there.
    created: Vec<GoId>,
    /// What needs to be known of before, in order.
    log: Vec<Logged>,
}

/// A goroutine that was there.
#[derive(Debug, Clone, Copy)]
struct CarriedGo {
    status: u8,
    /// Whether it assisted the collector, if an event told.
    assists: Option<bool>,
}

/// A P that was there.
#[derive(Debug, Clone, Copy)]
struct CarriedProc {
    status: u8,
    /// Whether it swept, if an event told.
    sweeps: Option<bool>,
    /// It is known which thread had it.
    is_somebodys: bool,
}

/// What a thread had.
#[derive(Debug, Clone, Copy)]
struct CarriedThread {
    g: GoId,
    p: ProcId,
    /// Where its first event stands that is more than a status; `u32::MAX` if it has none.
    acts_at: u32,
    /// That event has happened: nothing more can be assumed of the thread.
    acted: bool,
}

const UNKNOWN: CarriedThread =
    CarriedThread { g: GoId::NONE, p: ProcId::NONE, acts_at: u32::MAX, acted: false };

impl CarriedThread {
    /// Whether what is told of it is how it was when the generation began; `at` is where it says so itself.
    fn is_told(&self, at: Option<u32>) -> bool {
        !self.acted && at.is_none_or(|at| at < self.acts_at)
    }
}

/// An event that is told in the light of what was before.
#[derive(Debug, Clone, Copy)]
enum Logged {
    TaskBegins(u64, (StrId, TaskId)),
    TaskEnds(u64),
    Region(RegionEnd),
    /// A goroutine that had regions is gone.
    Gone(GoId),
}

/// One end of a region, and where it stands in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct RegionEnd {
    pub(super) g: GoId,
    pub(super) task: u64,
    pub(super) name: StrId,
    pub(super) begins: bool,
    pub(super) offset: u64,
}

/// Whether an event does nothing but tell what is so.
fn is_status(typ: u8) -> bool {
    matches!(
        typ,
        ev::GO_STATUS
            | ev::GO_STATUS_STACK
            | ev::PROC_STATUS
            | ev::GC_SWEEP_ACTIVE
            | ev::GC_MARK_ASSIST_ACTIVE
    )
}

/// Goes to the thread's next event, if there is one. `None`: its bytes are none.
fn step(cursor: &mut Cursor, generation: &Generation) -> Option<bool> {
    let mut args = cursor.args(generation);
    for _ in 1..TIMED_ARGS[cursor.typ as usize] {
        args.number();
    }
    Some(cursor.go_on(generation, args.pos()?).ok()?.is_some())
}

impl Ahead {
    /// A generation begins: where its threads begin to act.
    pub(super) fn start(&mut self, generation: &Generation, frontier: &Frontier) {
        for &(mut cursor) in frontier.cursors() {
            while is_status(cursor.typ) && step(&mut cursor, generation) == Some(true) {}
            if !is_status(cursor.typ) {
                self.thread(cursor.m).acts_at = cursor.at;
            }
        }
    }

    fn thread(&mut self, m: u32) -> &mut CarriedThread {
        let m = m as usize;
        if m >= self.threads.len() {
            self.threads.resize(m + 1, UNKNOWN);
        }
        &mut self.threads[m]
    }

    /// What each thread had, by its number.
    fn threads(&self) -> impl Iterator<Item = &CarriedThread> {
        self.threads.iter().chain(std::iter::repeat(&UNKNOWN))
    }

    /// The thread stands at this event now; `more`: it has not happened yet.
    #[cold]
    #[inline(never)]
    pub(super) fn goes_to(&mut self, m: u32, at: u32, more: bool) {
        let thread = self.thread(m);
        thread.acted |= at > thread.acts_at || !more && thread.acts_at != u32::MAX;
    }

    /// A goroutine was there in this state.
    pub(super) fn go(&mut self, g: GoId, status: u8) {
        self.gos.insert(g, CarriedGo { status, assists: None });
    }

    /// A P was there in this state.
    pub(super) fn proc(&mut self, p: ProcId, status: u8) {
        self.procs.insert(p, CarriedProc { status, sweeps: None, is_somebodys: false });
    }

    /// The thread had this goroutine when the generation began. `at` is where it says so itself.
    /// `false`: that cannot be told.
    pub(super) fn thread_had_g(&mut self, m: u32, g: GoId, at: Option<u32>) -> bool {
        let thread = self.thread(m);
        let fits = thread.is_told(at) && thread.g == GoId::NONE;
        thread.g = g;
        fits
    }

    /// The same for a P.
    pub(super) fn thread_had_p(&mut self, m: u32, p: ProcId, at: Option<u32>) -> bool {
        let thread = self.thread(m);
        let fits = thread.is_told(at) && thread.p == ProcId::NONE;
        thread.p = p;
        if let Some(proc) = self.procs.get_mut(&p) {
            proc.is_somebodys = true;
        }
        fits
    }

    /// Whether a P was in a syscall on a thread that is not known yet.
    pub(super) fn was_abandoned(&self, p: ProcId) -> bool {
        self.procs.get(&p).is_some_and(|proc| {
            u64::from(proc.status) == proc_status::SYSCALL_ABANDONED && !proc.is_somebodys
        })
    }

    /// What a goroutine's assisting was before this end of it, if it is told here first.
    pub(super) fn assisted(&mut self, g: GoId, phase: RangePhase) -> Option<bool> {
        first_told(&mut self.gos.get_mut(&g)?.assists, phase)
    }

    /// What a P's sweeping was before this end of it, if it is told here first.
    pub(super) fn swept(&mut self, p: ProcId, phase: RangePhase) -> Option<bool> {
        first_told(&mut self.procs.get_mut(&p)?.sweeps, phase)
    }

    /// An event of the collector, if it is the first: any can be.
    pub(super) fn first_gc(&mut self, phase: RangePhase, seq: u64) -> bool {
        let is_first = self.gc.is_none();
        self.gc.get_or_insert((phase, seq));
        is_first
    }

    pub(super) fn created(&mut self, g: GoId) {
        self.created.push(g);
    }

    pub(super) fn task_begins(&mut self, id: u64, task: (StrId, TaskId)) {
        self.log.push(Logged::TaskBegins(id, task));
    }

    pub(super) fn task_ends(&mut self, id: u64) {
        self.log.push(Logged::TaskEnds(id));
    }

    pub(super) fn region(&mut self, end: RegionEnd) {
        self.log.push(Logged::Region(end));
    }

    pub(super) fn gone(&mut self, g: GoId) {
        self.log.push(Logged::Gone(g));
    }
}

fn first_told(told: &mut Option<bool>, phase: RangePhase) -> Option<bool> {
    if told.is_some() {
        return None;
    }
    *told = Some(phase != RangePhase::Begin);
    *told
}

impl Generation {
    /// When its last event is, in nanoseconds as the file has it; later only if events were at the same
    /// time. `None` if its bytes are no events.
    fn ends_at(&self) -> Option<i64> {
        let mut frontier = Frontier::default();
        let mut last = self.clock.start().max(self.samples.last().map_or(i64::MIN, |s| s.time));
        // Of each thread its last batch with events is enough.
        let mut threads = self.threads.clone();
        for thread in &mut threads {
            thread.first = thread.last;
            let batch = self.batches.get(thread.last as usize)?;
            if batch.start == batch.end {
                return None;
            }
        }
        frontier.start_with(self, &threads, |_| 0).ok()?;
        for &(mut cursor) in frontier.cursors() {
            last = last.max(cursor.time);
            while step(&mut cursor, self)? {
                last = last.max(cursor.time);
            }
        }
        Some(last)
    }
}

impl<L: Default + Clone> Decoder<L> {
    /// A decoder for the generation that comes `n` behind the next one, before that is decoded:
    /// [`Decoder::decode_ahead`] does.
    ///
    /// Its sink sees the same events as in turn, but for those of what was there before: statuses tell
    /// [`crate::Sink::carried`] of a goroutine; ranges, tasks and regions can end that never began.
    /// `None`: nothing is known to begin with.
    pub fn ahead(&self, n: u32) -> Option<Decoder<L>> {
        let State { generation, first, clock, misused, .. } = &self.state;
        if *first == 0 || misused.is_strict() {
            return None;
        }
        let mut ahead = Decoder::new();
        ahead.state.generation = generation + n;
        ahead.state.first = *first;
        ahead.state.clock = Bump { base: clock.base, last: clock.base, n: 0 };
        ahead.state.ahead = Some(Box::default());
        Some(ahead)
    }

    /// Decodes a generation ahead of `before`, the one before it. `false`: it must be done in turn.
    pub fn decode_ahead<S: Sink<Local = L>>(
        &mut self,
        before: &Generation,
        generation: &Generation,
        tables: &Tables,
        sink: &mut S,
    ) -> bool {
        let (Some(last), Some(ahead)) = (before.ends_at(), &mut self.state.ahead) else {
            return false;
        };
        (ahead.last, self.state.clock.last) = (last, last);
        self.decode(generation, tables, sink).is_ok()
    }

    /// Whether what `later` assumed is so: it decoded ahead the generation behind the last one here.
    pub fn fits(&mut self, later: &Decoder<L>) -> bool {
        self.state.fits(&later.state).is_some()
    }

    /// Goes on behind what `later` decoded, which [`Decoder::fits`]. `merge` makes of what the pass keeps
    /// here for a goroutine, if that was there before, and of what it keeps there, what it goes on with.
    pub fn adopt(&mut self, later: Decoder<L>, merge: impl FnMut(Option<&L>, L) -> L) {
        self.state.adopt(later.state, merge);
    }

    /// What the pass keeps for a living goroutine.
    pub fn local(&mut self, g: GoId) -> Option<&mut L> {
        let row = self.state.gos.find(g);
        self.state.gos.get(row, g).map(|go| &mut go.local)
    }
}

impl<L: Default + Clone> State<L> {
    /// `None`: something was assumed that is not so.
    fn fits(&mut self, later: &State<L>) -> Option<()> {
        let ahead = later.ahead.as_deref()?;
        let so = |fits: bool| fits.then_some(());
        so(self.generation + 1 == later.generation && self.first == later.first)?;
        so(self.clock.last == ahead.last && self.clock.base == later.clock.base)?;
        so(self.stops.values().all(Vec::is_empty))?;
        later.check_length().ok()?;

        for (&g, carried) in &ahead.gos {
            let row = self.gos.find(g);
            let go = self.gos.get(row, g)?;
            so(go.status == carried.status)?;
            so(carried.assists.is_none_or(|assists| assists == go.assists))?;
        }
        for &g in &ahead.created {
            so(self.gos.find(g) == Row::NONE)?;
        }
        for (&p, carried) in &ahead.procs {
            let row = self.procs.find(p);
            let proc = self.procs.get(row)?;
            // One that is about to be taken is in a syscall, and it is known whose.
            let status = match u64::from(carried.status) {
                proc_status::SYSCALL_ABANDONED => proc_status::SYSCALL as u8,
                _ => carried.status,
            };
            so(proc.status == status)?;
            so(carried.sweeps.is_none_or(|sweeps| sweeps == proc.sweeps))?;
        }
        for (m, carried) in later.ms.iter().zip(ahead.threads()) {
            let had = self.met(m.id).map_or(M::unseen(m.id), |m| *m);
            so(had.g == carried.g || !carried.acted && carried.g == GoId::NONE)?;
            so(had.p == carried.p || !carried.acted && carried.p == ProcId::NONE)?;
        }
        if let Some((phase, seq)) = ahead.gc {
            let follows = seq == self.gc_seq.wrapping_add(1);
            so(match phase {
                RangePhase::Begin => self.gc == Gc::Undetermined || self.gc == Gc::Off && follows,
                RangePhase::Active | RangePhase::End => self.gc == Gc::Marking && follows,
            })?;
        }
        let mut ended = HashSet::new();
        for logged in &ahead.log {
            match logged {
                Logged::TaskBegins(id, _) => {
                    so(!self.tasks.contains_key(id) || ended.contains(id))?;
                }
                Logged::TaskEnds(id) => {
                    ended.insert(*id);
                }
                Logged::Region(_) | Logged::Gone(_) => {}
            }
        }
        Some(())
    }

    fn adopt(&mut self, mut later: State<L>, mut merge: impl FnMut(Option<&L>, L) -> L) {
        let Some(ahead) = later.ahead.take() else { return };
        self.generation = later.generation;
        self.clock.last = later.clock.last;
        self.clock.n += later.clock.n;
        if ahead.gc.is_some() {
            (self.gc, self.gc_seq) = (later.gc, later.gc_seq);
        }
        for &logged in &ahead.log {
            match logged {
                Logged::TaskBegins(id, task) => {
                    self.tasks.insert(id, task);
                }
                Logged::TaskEnds(id) => {
                    self.tasks.remove(&id);
                }
                Logged::Region(end) => {
                    if let Some(misused) = self.region(&end) {
                        self.misused.add(misused);
                    }
                }
                Logged::Gone(g) => {
                    self.regions.remove(&g);
                }
            }
        }
        for (g, stops) in later.stops {
            self.stops.insert(g, stops);
        }

        for &g in ahead.gos.keys() {
            if later.gos.find(g) == Row::NONE {
                let row = self.gos.find(g);
                if self.gos.get(row, g).is_some_and(|go| go.noted) {
                    self.regions.remove(&g);
                    self.stops.remove(&g);
                }
                self.gos.remove(row);
            }
        }
        for (g, theirs) in later.gos.iter_mut() {
            let row = self.gos.find(g);
            let local = std::mem::take(&mut theirs.local);
            match self.gos.get(row, g) {
                Some(go) => {
                    (go.n, go.generation, go.status) = (theirs.n, theirs.generation, theirs.status);
                    if ahead.gos.get(&g).is_none_or(|carried| carried.assists.is_some()) {
                        go.assists = theirs.assists;
                    }
                    go.noted |= theirs.noted;
                    go.local = merge(Some(&go.local), local);
                }
                None => {
                    theirs.local = merge(None, local);
                    self.gos.insert(g, theirs.clone());
                }
            }
        }
        for (&p, carried) in &ahead.procs {
            let (row, theirs) = (self.procs.find(p), later.procs.find(p));
            if let (Some(proc), Some(theirs)) = (self.procs.get(row), later.procs.get(theirs)) {
                (proc.seq, proc.status) = (theirs.seq, theirs.status);
                if carried.sweeps.is_some() {
                    proc.sweeps = theirs.sweeps;
                }
            }
        }
        for (theirs, carried) in later.ms.iter().zip(ahead.threads()) {
            if !theirs.seen && carried.p == ProcId::NONE {
                continue;
            }
            let (row, p_row) = (self.gos.find(theirs.g), self.procs.find(theirs.p));
            let owner = self.thread(theirs.id);
            let m = &mut self.ms[owner as usize];
            m.seen |= theirs.seen;
            if carried.acted || carried.g != GoId::NONE {
                (m.g, m.row) = (theirs.g, row);
            }
            if carried.acted || carried.p != ProcId::NONE {
                (m.p, m.p_row) = (theirs.p, p_row);
                if let Some(proc) = self.procs.get(p_row) {
                    proc.owner = owner;
                }
            }
        }
    }
}
