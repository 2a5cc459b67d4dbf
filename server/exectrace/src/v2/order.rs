//! Puts the events of generations into Go's order, and keeps the scheduler's state for that.
//!
//! Steps, for each generation: (1) the thread whose next event is the earliest goes on while its
//! next event stays the earliest (a *run*: 3 to 15 events on average, which halves the cost of
//! merging); (2) an event that cannot have happened yet, by the state of its goroutine or P, is
//! refused; then the other threads are tried in order of time; (3) an event that is accepted gets
//! its time, at least 1 ns after the one before, and goes to the sink.
//!
//! What an event needs and does stands in `advance` (goroutines and Ps) and `aside` (all others).

use hashbrown::HashMap;

use super::ahead::Ahead;
use super::context::Context;
use super::generation::Generation;
use super::merge::{Cursor, Frontier};
use crate::goroutines::{Living, Row};
use crate::v1::{self, Converter, Misuse};
use crate::{
    At, GoId, Nanos, Problem, ProcId, Sink, StrId, Tables, TaskId, ThreadId, sink::ProcState,
};

/// Orders the events of one generation after another.
///
/// `L` is what the sinks keep for each living goroutine ([`Sink::Local`]).
#[derive(Debug, Clone)]
pub struct Decoder<L> {
    pub(super) state: State<L>,
    frontier: FrontierBox,
}

/// A frontier holds nothing between generations, so a copy of a decoder starts with an empty one.
#[derive(Debug, Default)]
struct FrontierBox(Frontier);

impl Clone for FrontierBox {
    fn clone(&self) -> Self {
        FrontierBox::default()
    }
}

/// The state of the scheduler, as far as the events told.
#[derive(Debug, Clone)]
pub(super) struct State<L> {
    /// What is assumed, while the generation before is not decoded yet.
    pub(super) ahead: Option<Box<Ahead>>,
    pub(super) misused: Misused,
    problem: Option<Problem>,
    pub(super) gos: Living<Go<L>>,
    pub(super) procs: Procs,
    threads: HashMap<u64, u32>,
    pub(super) ms: Vec<M>,
    pub(super) tasks: HashMap<u64, (StrId, TaskId)>,
    pub(super) regions: HashMap<GoId, Vec<(u64, StrId)>>,
    /// Stops of the world under way: the kind's id on the wire, and its name.
    pub(super) stops: HashMap<GoId, Vec<(u64, StrId)>>,
    pub(super) gc: Gc,
    pub(super) gc_seq: u64,
    /// Counts generations from 1; sequence numbers start anew in each.
    pub(super) generation: u32,
    /// The first one with events that are not samples, 0 before it: what it tells of was there when
    /// the trace began.
    pub(super) first: u32,
    pub(super) clock: Bump,
}

/// A region that ended while another one, which began later, was open: Go's reader refuses the rest
/// of such a trace, and nothing that is summed up here needs it to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MisusedRegion {
    /// Where its end stands, in bytes from the file's beginning.
    pub offset: u64,
    /// The goroutine.
    pub g: GoId,
    /// The region's type.
    pub name: StrId,
}

/// What [`MisusedRegion`] is, in words.
pub(super) const MISUSE: &str = "a region ends inside another one that is still open";

/// Regions that were misused.
#[derive(Debug, Clone, Default)]
pub(super) struct Misused {
    /// The first is an error.
    strict: bool,
    list: Vec<MisusedRegion>,
}

impl Misused {
    /// So many are told; a program that does it once mostly does it always.
    const MAX: usize = 64;

    /// Whether the first is an error.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// One more. `false`: the trace must not be read further.
    pub(super) fn add(&mut self, region: MisusedRegion) -> bool {
        if self.list.len() < Self::MAX {
            self.list.push(region);
        }
        !self.strict
    }

    /// Those of a v1 trace. The error says where, if it must not be read further.
    fn of_v1(&mut self, misused: &[Misuse], generation: &Generation) -> Result<(), usize> {
        for misuse in misused {
            let name = generation.string(misuse.name).unwrap_or(StrId::NONE);
            let g = GoId(misuse.g);
            let offset = generation.offset + misuse.at;
            if !self.add(MisusedRegion { offset, g, name }) {
                return Err(misuse.at as usize);
            }
        }
        Ok(())
    }
}

/// A goroutine that is alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Go<L> {
    /// Its place in the partial order; in two fields, so that the flags fill the gap.
    pub(super) n: u64,
    pub(super) generation: u32,
    /// As `go_status` numbers them; 0 is one that the format allows and the runtime never writes.
    pub(super) status: u8,
    /// A GC mark assist is under way.
    pub(super) assists: bool,
    /// It has entries in `regions` or `stops`, to be dropped at its end.
    pub(super) noted: bool,
    pub(crate) local: L,
}

impl<L> Go<L> {
    #[inline(always)]
    pub(super) fn seq(&self) -> Seq {
        Seq { generation: self.generation, n: self.n }
    }

    #[inline(always)]
    pub(super) fn set_seq(&mut self, seq: Seq) {
        (self.generation, self.n) = (seq.generation, seq.n);
    }
}

/// A P that was seen.
#[derive(Debug, Clone)]
pub(super) struct Proc {
    pub(super) seq: Seq,
    /// As `proc_status` numbers them.
    pub(super) status: u8,
    pub(super) sweeps: bool,
    /// The row of the thread that had it last; whether it still has it stands there.
    pub(super) owner: u32,
}

/// A thread that was seen: what it runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct M {
    pub(super) id: ThreadId,
    /// Whether an event of it, or one that names it, was looked at.
    pub(super) seen: bool,
    pub(super) g: GoId,
    pub(super) row: Row,
    pub(super) p: ProcId,
    pub(super) p_row: u32,
}

impl M {
    /// A thread of which nothing is known.
    pub(super) fn unseen(id: ThreadId) -> M {
        M { id, seen: false, g: GoId::NONE, row: Row::NONE, p: ProcId::NONE, p_row: Procs::NONE }
    }
}

/// The place of a goroutine or P in the partial order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seq {
    pub(super) generation: u32,
    pub(super) n: u64,
}

impl Seq {
    /// Whether this comes right after `before`.
    #[inline(always)]
    pub(super) fn follows(self, before: Seq) -> bool {
        self.generation == before.generation && self.n == before.n.wrapping_add(1)
    }
}

/// Whether the garbage collector marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gc {
    Undetermined,
    Off,
    Marking,
}

/// Gives events their times: each at least 1 ns after the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bump {
    /// The time of the first event, as the file has it.
    pub(super) base: i64,
    pub(super) last: i64,
    pub(super) n: u64,
}

impl Bump {
    /// The clock of a v1 trace, whose Sync is 1 ns before its first event, which is at 0.
    fn of_v1() -> Bump {
        Bump { base: -1, last: -2, n: 0 }
    }

    /// The time of the last event.
    pub(crate) fn now(&self) -> Nanos {
        Nanos(self.last.wrapping_sub(self.base))
    }

    #[inline(always)]
    pub(crate) fn stamp(&mut self, time: i64) -> Nanos {
        self.last = time.max(self.last.wrapping_add(1));
        self.n = self.n.wrapping_add(1);
        Nanos(self.last.wrapping_sub(self.base))
    }
}

/// Ps by the runtime's number: a vector while the numbers are small, as they always are.
#[derive(Debug, Clone, Default)]
pub(super) struct Procs {
    near: Vec<u32>,
    far: HashMap<u64, u32>,
    pub(super) rows: Vec<Proc>,
}

impl Procs {
    const NEAR: u64 = 1 << 12;
    pub(super) const NONE: u32 = u32::MAX;

    #[inline]
    pub(super) fn find(&self, p: ProcId) -> u32 {
        match self.near.get(p.0 as usize) {
            Some(&row) if p.0 < Self::NEAR => row,
            _ => self.far.get(&p.0).copied().unwrap_or(Self::NONE),
        }
    }

    #[inline]
    pub(super) fn get(&mut self, row: u32) -> Option<&mut Proc> {
        self.rows.get_mut(row as usize)
    }

    pub(super) fn insert(&mut self, p: ProcId, proc: Proc) -> u32 {
        let row = self.rows.len() as u32;
        self.rows.push(proc);
        if p.0 < Self::NEAR {
            if self.near.len() <= p.0 as usize {
                self.near.resize(p.0 as usize + 1, Self::NONE);
            }
            self.near[p.0 as usize] = row;
        } else {
            self.far.insert(p.0, row);
        }
        row
    }
}

/// What came of trying an event: how many bytes it has, if it happened.
pub(super) type Tried = Result<usize, Refused>;

/// An event that does not happen. One word, so that what nearly always happens stays in registers.
#[derive(Debug)]
pub(super) enum Refused {
    /// It cannot have happened yet.
    NotYet,
    /// It never can.
    Never(Box<Never>),
}

/// Why an event can never happen.
#[derive(Debug)]
pub(super) struct Never {
    pub(super) what: String,
}

impl From<String> for Refused {
    #[cold]
    fn from(what: String) -> Refused {
        Refused::Never(Box::new(Never { what }))
    }
}

impl<L: Default + Clone> Default for Decoder<L> {
    fn default() -> Self {
        Decoder::new()
    }
}

impl<L: Default + Clone> Decoder<L> {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Decoder {
            state: State {
                ahead: None,
                misused: Misused::default(),
                problem: None,
                gos: Living::default(),
                procs: Procs::default(),
                threads: HashMap::new(),
                ms: Vec::new(),
                tasks: HashMap::new(),
                regions: HashMap::new(),
                stops: HashMap::new(),
                gc: Gc::Undetermined,
                gc_seq: 0,
                generation: 0,
                first: 0,
                clock: Bump::default(),
            },
            frontier: FrontierBox::default(),
        }
    }

    /// The same, but a region that ends inside another one ends the decoding, as in Go's reader.
    pub fn strict() -> Self {
        let mut decoder = Decoder::new();
        decoder.state.misused.strict = true;
        decoder
    }

    /// Regions that ended inside another one that was still open, the first of them.
    pub fn misused_regions(&self) -> &[MisusedRegion] {
        &self.state.misused.list
    }

    /// What is lost of a trace that could be decoded to its end.
    pub fn problem(&self) -> Option<&Problem> {
        self.state.problem.as_ref()
    }

    /// How many events there were so far, Syncs included, as Go's reader counts them.
    pub fn n_events(&self) -> u64 {
        self.state.clock.n
    }

    /// The time of the first event, in nanoseconds as the file has it.
    pub fn base(&self) -> i64 {
        self.state.clock.base
    }

    /// The goroutines that are alive now.
    pub fn living(&mut self) -> impl Iterator<Item = (GoId, &mut L)> {
        self.state.gos.iter_mut().map(|(g, go)| (g, &mut go.local))
    }

    /// How many goroutines are alive now.
    pub fn n_living(&self) -> usize {
        self.state.gos.len()
    }

    /// The time of the last event.
    pub fn last(&self) -> Nanos {
        self.state.clock.now()
    }

    /// Decodes a generation; they come in the file's order.
    ///
    /// # Errors
    /// The events contradict each other, or one is no event. The sink has then seen a part of the
    /// generation; Go's tools count nothing of it but its beginning.
    pub fn decode<S: Sink<Local = L>>(
        &mut self,
        generation: &Generation,
        tables: &Tables,
        sink: &mut S,
    ) -> Result<(), Problem> {
        let problem = |at: usize, what: String| {
            let number = (!generation.version.is_v1()).then_some(generation.number);
            Problem::new(generation.offset + at as u64, number, what).of_version(generation.version)
        };
        let Decoder { state, frontier: FrontierBox(frontier) } = self;
        if let Some(trace) = &generation.v1 {
            let bad = |bad: v1::Bad| problem(bad.at, bad.what);
            let misuse = |at: usize| problem(at, MISUSE.into());
            if state.misused.strict {
                // Go's reader gives no event of a trace that it refuses later.
                let (mut gos, mut clock) = (Living::default(), Bump::of_v1());
                let odd = Converter::new(generation, tables, &mut (), &mut gos, &mut clock)
                    .run(trace)
                    .map_err(bad)?;
                state.misused.of_v1(&odd.misused, generation).map_err(misuse)?;
            }
            state.clock = Bump::of_v1();
            let t = state.clock.stamp(state.clock.base);
            sink.generation(t, generation, tables);
            let odd = Converter::new(generation, tables, sink, &mut state.gos, &mut state.clock)
                .run(trace)
                .map_err(bad)?;
            state.misused.of_v1(&odd.misused, generation).map_err(misuse)?;
            state.problem = odd.problem().map(|what| problem(generation.n_bytes(), what));
            return state.check_length().map_err(|what| problem(0, what));
        }
        state.generation += 1;
        let t = state.sync(generation.clock.start());
        sink.generation(t, generation, tables);
        frontier
            .start(generation, |thread| state.thread(thread))
            .map_err(|bad| problem(bad.at, bad.what))?;
        if let Some(ahead) = &mut state.ahead {
            ahead.start(generation, frontier);
        }
        if state.first == 0 && frontier.len() > 0 {
            state.first = state.generation;
        }

        let mut samples = generation.samples.as_slice();
        loop {
            let first = frontier.first_time();
            if let Some((sample, rest)) = samples.split_first()
                && first.is_none_or(|first| sample.time < first)
            {
                samples = rest;
                let t = state.clock.stamp(sample.time);
                sink.sample(&At { t, g: sample.g, p: sample.p, m: sample.m }, sample.stack);
                continue;
            }
            if first.is_none() {
                return state.check_length().map_err(|what| problem(0, what));
            }
            let limit = frontier.limit().min(samples.first().map_or(i64::MAX, |s| s.time));
            let mut cursor = frontier.cursor(0);
            let mut context = state.enter(cursor.m);
            let mut args = cursor.args(generation);
            loop {
                let len = match state.advance(generation, sink, &cursor, &mut context, args) {
                    Ok(len) => len,
                    Err(Refused::NotYet) => {
                        frontier.keep(cursor);
                        state.leave(&context);
                        state.stands_at(cursor.m, cursor.at, true);
                        detour(state, frontier, generation, sink)
                            .map_err(|(at, what)| problem(at, what))?;
                        break;
                    }
                    Err(Refused::Never(never)) => {
                        return Err(problem(cursor.args_at() as usize, never.what));
                    }
                };
                let next =
                    cursor.go_on(generation, len).map_err(|bad| problem(bad.at, bad.what))?;
                let more = next.is_some();
                if let Some(next) = next
                    && cursor.time <= limit
                {
                    args = next;
                    continue;
                }
                state.leave(&context);
                state.stands_at(cursor.m, cursor.at, more);
                if more {
                    frontier.advanced(0, cursor);
                } else {
                    frontier.remove(0);
                }
                break;
            }
        }
    }

    /// This generation is not to be decoded: its Sync is the last.
    pub fn end_before<S: Sink<Local = L>>(&mut self, generation: &Generation, sink: &mut S) {
        let t = self.state.sync(generation.clock.start());
        sink.end(t);
    }

    /// When [`Decoder::end`] would be, and how many events there would be with it, of a trace that goes on.
    pub fn would_end(&self) -> (Nanos, u64) {
        let mut clock = self.state.clock;
        let t = clock.stamp(clock.last);
        (t, clock.n)
    }

    /// There are no generations any more: the last Sync.
    pub fn end<S: Sink<Local = L>>(&mut self, sink: &mut S) {
        let last = self.state.clock.last;
        let t = self.state.sync(last);
        sink.end(t);
    }
}

/// The earliest event cannot have happened yet: the other threads' in order of time.
#[inline(never)]
fn detour<S: Sink>(
    state: &mut State<S::Local>,
    frontier: &mut Frontier,
    generation: &Generation,
    sink: &mut S,
) -> Result<(), (usize, String)> {
    frontier.sort();
    for i in 1..frontier.len() {
        let mut cursor = frontier.cursor(i);
        let mut context = state.enter(cursor.m);
        let args = cursor.args(generation);
        let tried = state.advance(generation, sink, &cursor, &mut context, args);
        state.leave(&context);
        let len = match tried {
            Ok(len) => len,
            Err(Refused::NotYet) => continue,
            Err(Refused::Never(never)) => return Err((cursor.args_at() as usize, never.what)),
        };
        let next = cursor.go_on(generation, len).map_err(|bad| (bad.at, bad.what))?;
        let more = next.is_some();
        state.stands_at(cursor.m, cursor.at, more);
        if more {
            frontier.advanced(i, cursor);
        } else {
            frontier.remove(i);
        }
        return Ok(());
    }
    let waiting: Vec<String> =
        (0..frontier.len().min(8)).map(|i| stuck(frontier.cursor(i))).collect();
    Err((
        frontier.cursor(0).args_at() as usize,
        format!("the events contradict each other: no thread can go on ({})", waiting.join(", ")),
    ))
}

fn stuck(cursor: Cursor) -> String {
    let name = super::spec::spec(cursor.typ).map_or("?", |s| s.name);
    format!("thread {} at {name}", cursor.thread.0)
}

impl<L: Default + Clone> State<L> {
    fn sync(&mut self, time: i64) -> Nanos {
        if self.clock.n == 0 && self.ahead.is_none() {
            // Go's reader starts at 0 and lets no event be there.
            self.clock.base = time.max(1);
        }
        self.clock.stamp(time)
    }

    /// No trace is that long: its clock is damaged, or somebody made it up. What is computed with times
    /// relies on it. Go's reader takes any time, and so does a strict decoder.
    pub(super) fn check_length(&self) -> Result<(), String> {
        const LONGEST: i64 = 1 << 53;
        let length = self.clock.last.wrapping_sub(self.clock.base);
        if self.misused.strict || (0..LONGEST).contains(&length) {
            return Ok(());
        }
        let days = length.unsigned_abs() / (86_400 * 1_000_000_000);
        Err(format!("its events reach {days} days from the trace's beginning (a damaged clock)"))
    }

    /// Whether this is the generation that tells what was there when the trace began.
    pub(super) fn is_first(&self) -> bool {
        self.generation == self.first
    }

    pub(super) fn thread(&mut self, id: ThreadId) -> u32 {
        *self.threads.entry(id.0).or_insert_with(|| {
            self.ms.push(M::unseen(id));
            self.ms.len() as u32 - 1
        })
    }

    /// The thread, if it was seen; else it counts as seen from here on, with this goroutine.
    pub(super) fn meet(&mut self, id: ThreadId, g: GoId, row: Row) -> Option<M> {
        let m = self.thread(id);
        let m = &mut self.ms[m as usize];
        if m.seen {
            return Some(*m);
        }
        (m.seen, m.g, m.row) = (true, g, row);
        None
    }

    /// The thread, if it was seen.
    pub(super) fn met(&mut self, id: ThreadId) -> Option<&mut M> {
        let m = *self.threads.get(&id.0)?;
        self.ms.get_mut(m as usize).filter(|m| m.seen)
    }

    #[inline(always)]
    fn enter(&mut self, m: u32) -> Context {
        let thread = &mut self.ms[m as usize];
        thread.seen = true;
        Context::of(m, thread)
    }

    /// A thread's run is over; it has come to this event, which has not happened if there are `more`.
    #[inline(always)]
    fn stands_at(&mut self, m: u32, at: u32, more: bool) {
        if let Some(ahead) = &mut self.ahead {
            ahead.goes_to(m, at, more);
        }
    }

    #[inline(always)]
    fn leave(&mut self, context: &Context) {
        let m = &mut self.ms[context.m as usize];
        m.g = context.g;
        m.row = context.row;
        m.p = context.p;
        m.p_row = context.p_row;
    }
}

/// A P's state for people, of its status on the wire.
pub(super) fn proc_state(status: u8) -> ProcState {
    use super::spec::proc_status as s;
    match u64::from(status) {
        s::RUNNING | s::SYSCALL => ProcState::Running,
        s::IDLE | s::SYSCALL_ABANDONED => ProcState::Idle,
        _ => ProcState::Undetermined,
    }
}
