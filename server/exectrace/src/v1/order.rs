//! Puts the events of a v1 trace into the order in which Go's reader gives them.
//!
//! Steps: (1) of the next event of each P, those that can have happened are in a heap, and the
//! earliest of them comes next; all others wait for the state of their goroutine that they need. How many
//! events of which P follow each other is kept, so that the order need not be found again;
//! (2) a return from a system call carries its true time, which is before that of its event, and
//! moves there. Whether what the events say fits together is looked at where they are converted.
//!
//! Ps whose events have the same tick come in an order that Go's reader leaves to chance (it walks
//! through a map); here it is that of their first batch in the file.

use hashbrown::HashMap;

use super::by_number::{Bits, Gos, Ids};
use super::parse::{Bad, Cursor, Event, Sample, Trace};
use super::spec::{self, ev, fake_p};

/// What the convert pass needs to know of events before it comes to them.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The order of the events as they were written.
    runs: Vec<Run>,
    /// Returns from system calls, by time.
    exits: Vec<Exit>,
    /// By the number of a system call in the order: it blocked.
    pub(super) blocked: Bits,
    /// How many events name a stack that the file does not have: its end, where stacks stand, is lost.
    pub(crate) nameless: u64,
}

/// So many events of a P follow each other.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// A row of `Trace::procs`; one more stands for the profiler's samples.
    proc: u32,
    n: u32,
}

/// A return from a system call.
#[derive(Debug, Clone, Copy)]
struct Exit {
    ticks: i64,
    /// Its number among all events before it moved.
    number: u64,
    g: u64,
    at: u64,
}

impl Trace {
    /// Finds the order: how it was written, the returns from system calls with their true times, which
    /// calls blocked. `stacks` are the ids of those that are there.
    pub(super) fn order(&self, bytes: &[u8], stacks: &Ids) -> Result<Order, Bad> {
        let mut merge = Merge::new(self);
        let mut exits = Vec::new();
        let mut nameless = 0;
        let mut blocked = Bits::default();
        let mut n_calls = 0;
        let (mut number, mut last) = (0, i64::MIN);
        let mut event = Event::default();
        while merge.next(bytes, &mut event)? {
            let at = event.at as usize;
            if event.ticks < last {
                return Err(Bad::new(
                    at,
                    "the times contradict the order of the events (the clocks of two processors differ)",
                ));
            }
            last = event.ticks;
            nameless += u64::from(event.stack != 0 && !stacks.has(event.stack));
            // Whether a system call blocked is what the next event of the goroutine says.
            let call = merge.gos.get(event.g).map_or(0, |go| std::mem::take(&mut go.call));
            match event.typ {
                ev::GO_SYS_CALL => {
                    n_calls += 1;
                    merge.gos.entry(event.g).call = n_calls;
                }
                ev::GO_SYS_BLOCK | ev::GO_IN_SYSCALL => {
                    merge.gos.entry(event.g).block = event.ticks;
                    if event.typ == ev::GO_SYS_BLOCK && call != 0 {
                        blocked.set(call - 1);
                    }
                }
                ev::GO_SYS_EXIT => {
                    let mut ticks = event.args[2] as i64;
                    if ticks == 0 {
                        ticks = event.ticks;
                    } else {
                        match merge.gos.get(event.g).map_or(0, |go| go.block) {
                            0 => {
                                return Err(Bad::new(
                                    at,
                                    format!(
                                        "goroutine {} returns from a system call that it is not in",
                                        event.g
                                    ),
                                ));
                            }
                            block if ticks < block => {
                                return Err(Bad::new(
                                    at,
                                    format!(
                                        "goroutine {} returns from a system call before it is in it",
                                        event.g
                                    ),
                                ));
                            }
                            _ => {}
                        }
                    }
                    exits.push(Exit { ticks, number, g: event.g, at: event.at });
                }
                _ => {}
            }
            number += 1;
        }
        exits.sort_unstable_by_key(|e| (e.ticks, e.number));
        Ok(Order { runs: merge.runs, exits, blocked, nameless })
    }
}

/// The events of all Ps with every return from a system call at its true time.
pub(super) struct Ordered<'a> {
    trace: &'a Trace,
    /// Of each P, and of the samples.
    cursors: Vec<Cursor>,
    samples: std::slice::Iter<'a, Sample>,
    runs: std::slice::Iter<'a, Run>,
    run: Run,
    /// The next event that is no return, if it was read already; and its number.
    head: Event,
    has_head: bool,
    number: u64,
    exits: std::slice::Iter<'a, Exit>,
}

impl<'a> Ordered<'a> {
    pub(super) fn new(trace: &'a Trace) -> Ordered<'a> {
        Ordered {
            trace,
            cursors: trace.procs.iter().map(Cursor::new).collect(),
            samples: trace.samples.iter(),
            runs: trace.order.runs.iter(),
            run: Run { proc: 0, n: 0 },
            head: Event::default(),
            has_head: false,
            number: 0,
            exits: trace.order.exits.iter(),
        }
    }

    /// The next event as it was written. `false`: there is none.
    #[inline(always)]
    fn written(&mut self, bytes: &[u8], event: &mut Event) -> Result<bool, Bad> {
        while self.run.n == 0 {
            let Some(&run) = self.runs.next() else { return Ok(false) };
            self.run = run;
        }
        self.run.n -= 1;
        let is_one = match self.cursors.get_mut(self.run.proc as usize) {
            Some(cursor) => cursor.next(self.trace, bytes, event)?,
            None => sample(&mut self.samples, event),
        };
        event.typ = without_local(event.typ);
        Ok(is_one)
    }

    /// The next event. `false`: there is none.
    #[inline]
    pub(super) fn next(&mut self, bytes: &[u8], event: &mut Event) -> Result<bool, Bad> {
        let mut is_one = true;
        if std::mem::take(&mut self.has_head) {
            *event = self.head;
        } else {
            loop {
                is_one = self.written(bytes, event)?;
                if !is_one || event.typ != ev::GO_SYS_EXIT {
                    break;
                }
                self.number += 1;
            }
        }
        if let Some(exit) = self.exits.as_slice().first()
            && (!is_one || (exit.ticks, exit.number) < (event.ticks, self.number))
        {
            self.exits.next();
            (self.has_head, self.head) = (is_one, *event);
            *event = Event {
                ticks: exit.ticks,
                g: exit.g,
                args: [exit.g, 0, 0],
                stack: 0,
                p: fake_p::SYSCALLS,
                typ: ev::GO_SYS_EXIT,
                at: exit.at,
            };
            return Ok(true);
        }
        self.number += 1;
        if event.typ == ev::GO_UNBLOCK && self.trace.timers.contains(&event.g) {
            event.p = fake_p::TIMERS;
        }
        Ok(is_one)
    }
}

/// The state of a goroutine as far as the order needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Status {
    #[default]
    Dead,
    Runnable,
    Running,
    Waiting,
}

/// What an event needs of a goroutine: its place in the goroutine's sequence, where it names one,
/// and the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Turn {
    seq: Option<u64>,
    status: Status,
}

/// What an event does to the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seq {
    Keep,
    Add,
    Set(u64),
}

/// The collector's cycles are ordered like a goroutine of this number.
const COLLECTOR: u64 = u64::MAX - 1;

/// Whose state an event needs and changes, and how; `None` for one that can always happen.
fn transition(event: &Event) -> Option<(u64, Turn, Seq, Status)> {
    let [a0, a1, ..] = event.args;
    let turn = |seq, status| Turn { seq, status };
    Some(match event.typ {
        ev::GO_CREATE => (a0, turn(Some(0), Status::Dead), Seq::Set(1), Status::Runnable),
        ev::GO_WAITING | ev::GO_IN_SYSCALL => {
            (event.g, turn(Some(1), Status::Runnable), Seq::Set(2), Status::Waiting)
        }
        ev::GO_START | ev::GO_START_LABEL => {
            let next = Seq::Set(a1.wrapping_add(1));
            (event.g, turn(sequence(a1), Status::Runnable), next, Status::Running)
        }
        ev::GO_START_LOCAL => (event.g, turn(None, Status::Runnable), Seq::Add, Status::Running),
        ev::GO_SCHED | ev::GO_PREEMPT => {
            (event.g, turn(None, Status::Running), Seq::Keep, Status::Runnable)
        }
        ev::GO_STOP => return None,
        ev::GO_UNBLOCK | ev::GO_SYS_EXIT => {
            let next = Seq::Set(a1.wrapping_add(1));
            (a0, turn(sequence(a1), Status::Waiting), next, Status::Runnable)
        }
        ev::GO_UNBLOCK_LOCAL | ev::GO_SYS_EXIT_LOCAL => {
            (a0, turn(None, Status::Waiting), Seq::Add, Status::Runnable)
        }
        ev::GC_START => (
            COLLECTOR,
            turn(sequence(a0), Status::Dead),
            Seq::Set(a0.wrapping_add(1)),
            Status::Dead,
        ),
        ev::GO_SYS_BLOCK => (event.g, turn(None, Status::Running), Seq::Keep, Status::Waiting),
        typ if spec::block_reason(typ).is_some() => {
            (event.g, turn(None, Status::Running), Seq::Keep, Status::Waiting)
        }
        _ => return None,
    })
}

/// A number in a sequence; the largest stands for none in Go's reader, whatever wrote it.
fn sequence(n: u64) -> Option<u64> {
    (n != u64::MAX).then_some(n)
}

/// What the order knows of a goroutine.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    seq: u64,
    status: Status,
    /// When it last blocked in a system call, in ticks; 0 for never.
    block: i64,
    /// The number of its last system call, from 1, until its next event; 0 after that.
    call: usize,
}

/// An event type, for a goroutine of the same P or of any.
#[inline(always)]
fn without_local(typ: u8) -> u8 {
    match typ {
        ev::GO_START_LOCAL => ev::GO_START,
        ev::GO_UNBLOCK_LOCAL => ev::GO_UNBLOCK,
        ev::GO_SYS_EXIT_LOCAL => ev::GO_SYS_EXIT,
        typ => typ,
    }
}

/// The next sample. `false`: there is none.
fn sample(samples: &mut std::slice::Iter<'_, Sample>, event: &mut Event) -> bool {
    let Some(sample) = samples.next() else { return false };
    *event = Event {
        ticks: sample.ticks,
        g: sample.g,
        args: [0; 3],
        stack: sample.stack,
        p: sample.p,
        typ: ev::CPU_SAMPLE,
        at: sample.at,
    };
    true
}

/// The events of all Ps side by side.
struct Merge<'a> {
    trace: &'a Trace,
    /// Of each P; one more stands for the profiler's samples.
    cursors: Vec<Cursor>,
    samples: std::slice::Iter<'a, Sample>,
    /// The next event of each, while it is in the heap or waits.
    next: Vec<Event>,
    /// Those whose event can happen now, a heap by time.
    heap: Vec<(i64, u32)>,
    /// Ps whose next event must be looked at.
    ready: Vec<u32>,
    /// Those whose event waits, by the goroutine and the state that it needs of it.
    waiting: HashMap<(u64, Turn), Vec<u32>>,
    gos: Gos<Known>,
    runs: Vec<Run>,
}

impl<'a> Merge<'a> {
    fn new(trace: &'a Trace) -> Merge<'a> {
        Merge {
            trace,
            cursors: trace.procs.iter().map(Cursor::new).collect(),
            samples: trace.samples.iter(),
            next: vec![Event::default(); trace.procs.len() + 1],
            heap: Vec::new(),
            ready: (0..=trace.procs.len() as u32).rev().collect(),
            waiting: HashMap::new(),
            gos: Gos::default(),
            runs: Vec::new(),
        }
    }

    /// The next event. `false`: there is none.
    #[inline(always)]
    fn next(&mut self, bytes: &[u8], event: &mut Event) -> Result<bool, Bad> {
        while let Some(proc) = self.ready.pop() {
            let next = &mut self.next[proc as usize];
            let is_one = match self.cursors.get_mut(proc as usize) {
                Some(cursor) => cursor.next(self.trace, bytes, next)?,
                None => sample(&mut self.samples, next),
            };
            if !is_one {
                continue;
            }
            let (ticks, transition) = (next.ticks, transition(next));
            match transition {
                Some((g, needs, ..)) if !self.fits(g, needs) => {
                    self.waiting.entry((g, needs)).or_default().push(proc);
                }
                _ => self.push((ticks, proc)),
            }
        }
        if self.heap.is_empty() {
            return self.stuck();
        }
        let (_, proc) = self.pop();
        *event = self.next[proc as usize];
        if let Some((g, needs, seq, status)) = transition(event) {
            if !self.fits(g, needs) {
                return Err(Bad::new(
                    event.at as usize,
                    format!("{} does not fit the state of goroutine {g}", spec::name(event.typ)),
                ));
            }
            let go = self.gos.entry(g);
            let n = match seq {
                Seq::Keep => go.seq,
                Seq::Add => go.seq.wrapping_add(1),
                Seq::Set(n) => n,
            };
            (go.seq, go.status) = (n, status);
            if !self.waiting.is_empty() {
                self.wake(g, n, status);
            }
        }
        self.ready.push(proc);
        match self.runs.last_mut() {
            Some(run) if run.proc == proc && run.n < u32::MAX => run.n += 1,
            _ => self.runs.push(Run { proc, n: 1 }),
        }
        event.typ = without_local(event.typ);
        Ok(true)
    }

    /// What waited for this state of a goroutine can happen now.
    #[inline(never)]
    fn wake(&mut self, g: u64, n: u64, status: Status) {
        for seq in [Some(n), None] {
            for proc in self.waiting.remove(&(g, Turn { seq, status })).unwrap_or_default() {
                self.push((self.next[proc as usize].ticks, proc));
            }
        }
    }

    /// No event can happen: all is over, or they contradict each other.
    #[cold]
    fn stuck(&self) -> Result<bool, Bad> {
        let events = self.waiting.values().flatten().map(|&proc| &self.next[proc as usize]);
        match events.min_by_key(|e| (e.ticks, e.at)) {
            None => Ok(false),
            Some(event) => Err(Bad::new(
                event.at as usize,
                format!(
                    "the events contradict each other: no P can go on (P {} at {})",
                    event.p,
                    spec::name(event.typ)
                ),
            )),
        }
    }

    #[inline(always)]
    fn fits(&mut self, g: u64, needs: Turn) -> bool {
        let go = self.gos.get(g).copied().unwrap_or_default();
        needs.status == go.status && needs.seq.is_none_or(|n| n == go.seq)
    }

    fn push(&mut self, item: (i64, u32)) {
        self.heap.push(item);
        let mut i = self.heap.len() - 1;
        while i > 0 && self.heap[i].0 < self.heap[(i - 1) / 2].0 {
            self.heap.swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    /// The earliest; there must be one.
    fn pop(&mut self) -> (i64, u32) {
        let first = self.heap.swap_remove(0);
        let mut i = 0;
        loop {
            let mut child = 2 * i + 1;
            if child >= self.heap.len() {
                return first;
            }
            if child + 1 < self.heap.len() && self.heap[child + 1].0 < self.heap[child].0 {
                child += 1;
            }
            if self.heap[child].0 >= self.heap[i].0 {
                return first;
            }
            self.heap.swap(i, child);
            i = child;
        }
    }
}
