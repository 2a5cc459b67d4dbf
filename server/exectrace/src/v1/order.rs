//! Puts the events of a v1 trace into the order in which they were written, as Go's reader does.
//!
//! Of the next event of each P, those that can have happened are in a heap, and the earliest of them
//! comes next; all others wait for the state of their goroutine that they need.
//!
//! Events of the same tick come as the heap has them. Only what Ps bring first is left to chance in Go's
//! reader (it walks through a map); here they come in the order of their first batch.

use hashbrown::HashMap;

use super::by_number::Gos;
use super::cursor::{Cursor, Wire, does_not_fit};
use super::heap::Heap;
use super::parse::{Bad, Event, Sample, Trace};
use super::spec::{self, ev};

/// The state of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Status {
    #[default]
    Dead,
    Runnable,
    Running,
    Waiting,
}

/// What an event needs of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Turn {
    /// Its place in the goroutine's sequence; the largest stands for any, as in Go's reader.
    seq: u64,
    status: Status,
}

/// What events of a type need and do. (Bits, and no `match` over the type: each of these would be a jump
/// that a processor foresees badly, for each event.)
#[derive(Debug, Clone, Copy)]
struct Rule {
    bits: u8,
    from: Status,
    to: Status,
}

impl Rule {
    /// There is one; all others can always happen.
    const IS: u8 = 1;
    /// It is of the goroutine that the first argument names, not of the event's own.
    const NAMED: u8 = 2;
    /// Its place in the sequence is the second argument.
    const PLACED: u8 = 4;
    /// The next place in the sequence is the next number.
    const COUNTS: u8 = 8;
    /// Whose it is and its place in the sequence are told by its type.
    const SPECIAL: u8 = 16;
    /// It has to do with system calls.
    const CALL: u8 = 32;

    const fn new(bits: u8, from: Status, to: Status) -> Rule {
        Rule { bits: Rule::IS | bits, from, to }
    }

    /// That of an event type.
    #[inline(always)]
    fn of(typ: u8) -> Rule {
        RULES[usize::from(typ & 63)]
    }
}

const RULES: [Rule; 64] = {
    use Status::{Dead, Runnable, Running, Waiting};
    const PLACED: u8 = Rule::PLACED | Rule::COUNTS;
    const SPECIAL: u8 = Rule::SPECIAL | Rule::COUNTS;
    let mut rules = [Rule { bits: 0, from: Dead, to: Dead }; 64];
    let mut typ = 0;
    while typ < rules.len() {
        rules[typ] = match typ as u8 {
            ev::GO_CREATE => Rule::new(SPECIAL, Dead, Runnable),
            ev::GO_WAITING => Rule::new(SPECIAL, Runnable, Waiting),
            ev::GO_IN_SYSCALL => Rule::new(SPECIAL | Rule::CALL, Runnable, Waiting),
            ev::GC_START => Rule::new(SPECIAL, Dead, Dead),
            ev::GO_START | ev::GO_START_LABEL => Rule::new(PLACED, Runnable, Running),
            ev::GO_START_LOCAL => Rule::new(Rule::COUNTS, Runnable, Running),
            ev::GO_SCHED | ev::GO_PREEMPT => Rule::new(0, Running, Runnable),
            ev::GO_STOP => rules[typ],
            ev::GO_UNBLOCK => Rule::new(Rule::NAMED | PLACED, Waiting, Runnable),
            ev::GO_SYS_EXIT => Rule::new(Rule::NAMED | PLACED | Rule::CALL, Waiting, Runnable),
            ev::GO_UNBLOCK_LOCAL => Rule::new(Rule::NAMED | Rule::COUNTS, Waiting, Runnable),
            ev::GO_SYS_EXIT_LOCAL => {
                Rule::new(Rule::NAMED | Rule::COUNTS | Rule::CALL, Waiting, Runnable)
            }
            ev::GO_SYS_BLOCK => Rule::new(Rule::CALL, Running, Waiting),
            typ if spec::block_reason(typ).is_some() => Rule::new(0, Running, Waiting),
            _ => rules[typ],
        };
        typ += 1;
    }
    rules
};

/// The collector's cycles are ordered like a goroutine of this number.
const COLLECTOR: u64 = u64::MAX - 1;

/// Whose state an event needs and changes, and how.
#[derive(Debug, Clone, Copy)]
struct Step {
    g: u64,
    needs: Turn,
    rule: Rule,
}

impl Step {
    /// That of an event; `None` for one that can always happen.
    #[inline(always)]
    fn of(event: &Event) -> Option<Step> {
        let rule = Rule::of(event.typ);
        if rule.bits & Rule::IS == 0 {
            return None;
        }
        let (mut g, mut seq) = (event.g, u64::MAX);
        if rule.bits & Rule::NAMED != 0 {
            g = event.args()[0];
        }
        if rule.bits & Rule::PLACED != 0 {
            seq = event.args()[1];
        }
        if rule.bits & Rule::SPECIAL != 0 {
            (g, seq) = match event.typ {
                ev::GO_CREATE => (event.args()[0], 0),
                ev::GC_START => (COLLECTOR, event.args()[0]),
                _ => (g, 1),
            };
        }
        Some(Step { g, needs: Turn { seq, status: rule.from }, rule })
    }

    /// The goroutine's place in the sequence afterwards.
    #[inline(always)]
    fn seq_after(&self, before: u64) -> u64 {
        let is_placed = self.rule.bits & (Rule::PLACED | Rule::SPECIAL) != 0;
        let seq = if is_placed { self.needs.seq } else { before };
        seq.wrapping_add(u64::from(self.rule.bits & Rule::COUNTS != 0))
    }
}

/// What is known of a goroutine.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    seq: u64,
    /// When it last began to wait, in ticks.
    waits: i64,
    /// When it last returned from a system call, in ticks; 0 for never.
    exit: i64,
    /// So many Ps wait for it to be in another state.
    wanted: u32,
    status: Status,
    /// It waits for the network.
    network: bool,
    /// It blocked in a system call once.
    called: bool,
}

impl Known {
    #[inline(always)]
    fn fits(&self, needs: Turn) -> bool {
        needs.status == self.status && (needs.seq == self.seq || needs.seq == u64::MAX)
    }

    /// It is in a system call that blocks, or returns from one. The error says why that does not fit.
    fn call(&mut self, event: &Event) -> Result<(), &'static str> {
        match event.typ {
            // In Go's reader it is of the goroutine that runs there, which is in no system call.
            ev::GO_SYS_EXIT_LOCAL => return Err("the goroutine is in no system call"),
            ev::GO_SYS_EXIT => match event.args()[2] as i64 {
                0 => self.exit = event.ticks,
                _ if !self.called => {
                    return Err("it returns from a system call that it is not in");
                }
                exit if exit < self.waits => {
                    return Err("it returns from a system call before it is in it");
                }
                exit => self.exit = exit,
            },
            // 0 is never, in Go's reader.
            _ => self.called = event.ticks != 0,
        }
        Ok(())
    }
}

/// The next sample. `false`: there is none.
fn sample(samples: &mut std::slice::Iter<'_, Sample>, event: &mut Event) -> bool {
    let Some(sample) = samples.next() else { return false };
    *event = Event {
        ticks: sample.ticks,
        g: sample.g,
        numbers: [0, 0, 0, 0, 0, u64::from(sample.stack)],
        p: sample.p,
        typ: ev::CPU_SAMPLE,
        at: sample.at,
    };
    true
}

/// The events of all Ps side by side.
pub(super) struct Merge<'a> {
    trace: &'a Trace,
    wire: Wire<'a>,
    /// Of each P; one more stands for the profiler's samples.
    cursors: Vec<Cursor>,
    samples: std::slice::Iter<'a, Sample>,
    /// The next event of each, while it is in the heap or waits.
    next: Vec<Event>,
    /// Those whose event can happen now.
    heap: Heap,
    /// Those whose event waits, by the goroutine and the state that it needs of it.
    waiting: HashMap<(u64, Turn), Vec<u32>>,
    /// Whose event came last: its next one is still to be read.
    current: Option<u32>,
    /// The time of the last event, in ticks.
    last: i64,
    gos: Gos<Known>,
    /// The goroutine and the time of each sample, sorted.
    sampled: Vec<(u64, i64)>,
}

/// An event that comes next.
pub(super) struct Next {
    /// Whose it is: see [`Merge::event`].
    pub(super) proc: u32,
    /// Its goroutine, if it is woken, waited for the network.
    pub(super) from_network: bool,
}

impl<'a> Merge<'a> {
    pub(super) fn new(trace: &'a Trace, wire: Wire<'a>) -> Result<Merge<'a>, Bad> {
        let mut sampled: Vec<_> = trace.samples.iter().map(|s| (s.g, s.ticks)).collect();
        sampled.sort_unstable();
        let mut merge = Merge {
            trace,
            wire,
            cursors: trace.procs.iter().map(Cursor::new).collect(),
            samples: trace.samples.iter(),
            next: vec![Event::default(); trace.procs.len() + 1],
            heap: Heap::default(),
            waiting: HashMap::new(),
            current: None,
            last: i64::MIN,
            gos: Gos::default(),
            sampled,
        };
        // What runs while no goroutine does.
        merge.gos.entry(0).status = Status::Running;
        for proc in 0..=trace.procs.len() as u32 {
            if merge.read(proc)? {
                merge.stand(proc, Step::of(&merge.next[proc as usize]));
            }
        }
        Ok(merge)
    }

    /// That of a P that [`Merge::next`] has named last.
    #[inline(always)]
    pub(super) fn event(&self, proc: u32) -> &Event {
        &self.next[proc as usize]
    }

    /// The next event. `None`: there is none.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<Next>, Bad> {
        if let Some(proc) = self.current.take()
            && self.read(proc)?
        {
            let event = &self.next[proc as usize];
            let step = Step::of(event);
            if !self.heap.passes_by(event.ticks) {
                self.stand(proc, step);
            } else if let Some(next) = self.happens(proc, step)? {
                return Ok(Some(next));
            } else {
                self.wait(proc, step);
            }
        }
        let Some((_, proc)) = self.heap.pop() else { return self.stuck() };
        let event = &self.next[proc as usize];
        let (at, typ, g) = (event.at as usize, event.typ, event.g);
        match self.happens(proc, Step::of(event))? {
            None => Err(does_not_fit(at, typ, g, "the state of the goroutine is another one")),
            next => Ok(next),
        }
    }

    /// Reads the next event of a P. `false`: there is none.
    #[inline(always)]
    fn read(&mut self, proc: u32) -> Result<bool, Bad> {
        let next = &mut self.next[proc as usize];
        match self.cursors.get_mut(proc as usize) {
            Some(cursor) => cursor.next(self.trace, self.wire, next),
            None => Ok(sample(&mut self.samples, next)),
        }
    }

    /// The event of a P that was just read can happen now, or waits.
    fn stand(&mut self, proc: u32, step: Option<Step>) {
        if step.is_none_or(|step| self.gos.entry(step.g).fits(step.needs)) {
            self.push(proc);
        } else {
            self.wait(proc, step);
        }
    }

    /// The event of a P must wait for the state of its goroutine.
    fn wait(&mut self, proc: u32, step: Option<Step>) {
        if let Some(step) = step {
            self.gos.entry(step.g).wanted += 1;
            self.waiting.entry((step.g, step.needs)).or_default().push(proc);
        }
    }

    /// The event of a P happens. `None`: it can not happen now.
    #[inline(always)]
    fn happens(&mut self, proc: u32, step: Option<Step>) -> Result<Option<Next>, Bad> {
        let event = &self.next[proc as usize];
        let at = event.at as usize;
        let mut from_network = false;
        let is_in_order = event.ticks >= self.last;
        if let Some(step) = step {
            let go = self.gos.entry(step.g);
            if !go.fits(step.needs) {
                return Ok(None);
            }
            if step.rule.bits & Rule::CALL != 0 {
                go.call(event).map_err(|what| does_not_fit(at, event.typ, step.g, what))?;
            }
            if step.rule.to == Status::Running && event.ticks < go.exit && go.exit != 0 {
                let what = "the goroutine is still in a system call";
                return Err(does_not_fit(at, event.typ, step.g, what));
            }
            from_network = std::mem::replace(&mut go.network, event.typ == ev::GO_BLOCK_NET);
            go.seq = step.seq_after(go.seq);
            go.status = step.rule.to;
            if go.status == Status::Waiting {
                go.waits = event.ticks;
            }
            self.last = event.ticks;
            if go.wanted > 0 {
                let turn = Turn { seq: go.seq, status: go.status };
                self.wake(step.g, turn);
            }
        } else {
            self.last = event.ticks;
        }
        if !is_in_order {
            let what = "the times contradict the order of the events (the clocks of two processors differ)";
            return Err(Bad::new(at, what));
        }
        self.current = Some(proc);
        Ok(Some(Next { proc, from_network }))
    }

    /// Whether the system call that the event of this P begins blocks: that is what the goroutine's next
    /// event says, which can be a sample.
    #[inline(always)]
    pub(super) fn blocks(&self, proc: u32) -> Result<bool, Bad> {
        let Some(cursor) = self.cursors.get(proc as usize) else { return Ok(false) };
        match cursor.is_next(self.wire, ev::GO_SYS_BLOCK) {
            Some(true) if self.sampled.is_empty() => Ok(true),
            Some(false) => Ok(false),
            _ => self.blocks_unsampled(cursor.clone(), &self.next[proc as usize]),
        }
    }

    #[inline(never)]
    fn blocks_unsampled(&self, mut cursor: Cursor, call: &Event) -> Result<bool, Bad> {
        let mut next = Event::default();
        if !cursor.next(self.trace, self.wire, &mut next)? || next.typ != ev::GO_SYS_BLOCK {
            return Ok(false);
        }
        let first = self.sampled.partition_point(|&sample| sample < (call.g, call.ticks));
        let sample = self.sampled.get(first).filter(|sample| sample.0 == call.g);
        Ok(sample.is_none_or(|sample| sample.1 >= next.ticks))
    }

    /// What waited for this state of a goroutine can happen now.
    #[inline(never)]
    fn wake(&mut self, g: u64, turn: Turn) {
        for seq in [turn.seq, u64::MAX] {
            let procs = self.waiting.remove(&(g, Turn { seq, ..turn })).unwrap_or_default();
            self.gos.entry(g).wanted -= procs.len() as u32;
            for proc in procs {
                self.push(proc);
            }
        }
    }

    /// No event can happen: all is over, or they contradict each other.
    #[cold]
    fn stuck(&self) -> Result<Option<Next>, Bad> {
        let events = self.waiting.values().flatten().map(|&proc| &self.next[proc as usize]);
        match events.min_by_key(|e| (e.ticks, e.at)) {
            None => Ok(None),
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

    fn push(&mut self, proc: u32) {
        self.heap.push((self.next[proc as usize].ticks, proc));
    }
}
