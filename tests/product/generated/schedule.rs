//! Makes traces: a little scheduler that does what it is told by a list of numbers, and writes down
//! what happens twice, as the text form of the wire and as a plain list of facts.
//!
//! ```text
//! numbers --World--> text of a v2 trace --exectrace::text--> bytes --> what is tested
//!              `---> facts, in order, with times ------------------> the slow model
//! ```
//!
//! What it does is lawful: each event fits the state of its thread, P and goroutine, and everything
//! alive is told once in a generation, at its first event or at the end. Events of different threads
//! never have the same time, so there is one order of them, and the list is in it. Where two events of
//! one thread have the same time the second comes 1 ns later, as the reader has it.

use std::fmt::Write as _;

mod acts;

/// A frame of the programs that are made up here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) func: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    /// Whether a person wrote it: its package is `main`, or its path begins with a domain.
    pub(crate) user: bool,
}

const fn frame(func: &'static str, file: &'static str, line: u32, user: bool) -> Frame {
    Frame { func, file, line, user }
}

const FRAMES: [Frame; 11] = [
    frame("main.main", "/w/main.go", 10, true),
    frame("main.worker", "/w/main.go", 20, true),
    frame("main.worker.func1", "/w/main.go", 21, true),
    frame("example.com/w/pool.(*Pool[...]).Get", "/w/pool/pool.go", 7, true),
    frame("sync.(*Mutex).Lock", "/go/sync/mutex.go", 90, false),
    frame("runtime.chansend1", "/go/runtime/chan.go", 160, false),
    frame("runtime.gcBgMarkWorker", "/go/runtime/mgc.go", 1400, false),
    frame("vendor/golang.org/x/net.read", "/go/vendor/net.go", 3, false),
    // A helper that was inlined into its caller on the same line.
    frame("main.helper", "/w/main.go", 20, true),
    frame("net.(*conn).Read", "/go/net/net.go", 189, false),
    // Who closes a connection ends what waits for it.
    frame("internal/poll.runtime_pollUnblock", "/go/runtime/netpoll.go", 400, false),
];

/// Stacks, leaf first; the first is "no stack".
const STACKS: [&[usize]; 10] = [
    &[],
    &[0],
    &[4, 1, 0],
    &[5, 2],
    &[6],
    &[9, 7, 3, 1, 0],
    &[8, 1, 0],
    &[1, 0, 1],
    &[7, 6],
    &[10, 1],
];

/// One of [`STACKS`], by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stack(usize);

impl Stack {
    pub(crate) const NONE: Stack = Stack(0);

    pub(crate) fn frames(self) -> impl Iterator<Item = Frame> {
        STACKS[self.0].iter().map(|&f| FRAMES[f])
    }
}

const BLOCKS: [&str; 11] = [
    "chan send",
    "chan receive",
    "select",
    "sync",
    "sync.(*Cond).Wait",
    "network",
    "sleep",
    "GC mark assist wait for work",
    "system goroutine wait",
    "forever",
    "",
];
const STOPS: [&str; 3] = ["preempted", "runtime.Gosched", "runtime.GC"];
const WORLD_STOPS: [&str; 3] = ["read mem stats", "GC sweep termination", "start trace"];
const NAMES: [&str; 4] = ["request", "parse", "a task with \u{202e}odd\u{1b}[31m letters", ""];

/// What a goroutine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is known yet.
    Unknown,
    Runnable,
    Running,
    Syscall,
    Waiting,
    /// Before and after its life.
    None,
}

/// What a range of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Span {
    Mark,
    Sweep { p: u64 },
    Assist { g: u64 },
    Stop { g: u64, why: &'static str },
}

/// Something that happened. Times are in nanoseconds since the first Sync.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fact {
    /// A goroutine goes from state to state. `by` made the event, where a goroutine did.
    Go {
        g: u64,
        from: State,
        to: State,
        why: &'static str,
        stack: Stack,
        /// Where the goroutine itself stood, if the event tells that.
        own: Stack,
        by: Option<u64>,
    },
    Begins {
        span: Span,
        stack: Stack,
    },
    /// It was under way when the trace began.
    WasThere {
        span: Span,
    },
    Ends {
        span: Span,
    },
    Sample {
        stack: Stack,
    },
    Task {
        id: u64,
        begins: bool,
        name: &'static str,
    },
    Region {
        g: u64,
        task: u64,
        begins: bool,
        name: &'static str,
    },
    Log {
        g: u64,
        task: u64,
        category: &'static str,
        message: &'static str,
    },
}

/// A trace that was made up.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) text: String,
    pub(crate) facts: Vec<(i64, Fact)>,
    /// The time of the last Sync.
    pub(crate) end: i64,
    pub(crate) generations: u64,
}

/// What a trace is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `22`, `23`, `25` or `26`.
    pub(crate) minor: u32,
    /// Nanoseconds of a tick.
    pub(crate) tick: i64,
    pub(crate) threads: usize,
    pub(crate) procs: usize,
    /// Goroutines that are there when the trace begins.
    pub(crate) gos: usize,
    pub(crate) numbers: Vec<u32>,
}

/// Makes a trace by a plan. The same plan gives the same trace.
pub(crate) fn make(plan: &Plan) -> Made {
    let mut world = World::new(plan);
    while world.at < plan.numbers.len() {
        world.step();
    }
    world.end()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProcState {
    Idle,
    Running,
    Syscall,
}

struct Proc {
    state: ProcState,
    seq: u64,
    told: bool,
    sweeps: bool,
}

struct Go {
    state: State,
    seq: u64,
    told: bool,
    assists: bool,
    stop: Option<&'static str>,
    regions: Vec<(u64, &'static str)>,
}

#[derive(Default)]
struct Thread {
    p: Option<usize>,
    g: Option<usize>,
    /// Times in ticks, and events without their `dt`.
    written: Vec<(i64, String)>,
}

/// What of a range there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gc {
    Unknown,
    Off,
    Marking,
}

struct World<'p> {
    plan: &'p Plan,
    at: usize,
    generation: u64,
    /// When the generation began, and the last event, in ticks.
    began: i64,
    now: i64,
    base: i64,
    last: i64,
    wrote: usize,
    threads: Vec<Thread>,
    procs: Vec<Proc>,
    gos: Vec<Go>,
    tasks: Vec<(u64, &'static str)>,
    next_task: u64,
    gc: Gc,
    gc_seq: u64,
    samples: String,
    /// By which the ids of stacks and strings of this generation are moved.
    moved: u64,
    strings: Vec<&'static str>,
    facts: Vec<(i64, Fact)>,
    text: String,
}

const NOBODY: usize = usize::MAX;

impl World<'_> {
    fn new(plan: &Plan) -> World<'_> {
        let mut world = World {
            plan,
            at: 0,
            generation: 1,
            began: 1000,
            now: 1000,
            base: 1000 * plan.tick,
            last: 0,
            wrote: NOBODY,
            threads: Vec::new(),
            procs: Vec::new(),
            gos: Vec::new(),
            tasks: Vec::new(),
            next_task: 1,
            gc: Gc::Unknown,
            gc_seq: 0,
            samples: String::new(),
            moved: 1,
            strings: Vec::new(),
            facts: Vec::new(),
            text: format!("go 1.{}\n", plan.minor),
        };
        for _ in 0..plan.procs {
            let proc = Proc { state: ProcState::Idle, seq: 0, told: false, sweeps: false };
            world.procs.push(proc);
        }
        world.threads.resize_with(plan.threads, Thread::default);
        for _ in 0..plan.gos {
            let state = if world.number(2) == 0 { State::Waiting } else { State::Runnable };
            world.gos.push(Go::born(state));
        }
        // Some threads have a P, some of them run something or are in a system call.
        for m in 0..plan.threads.min(plan.procs) {
            if world.number(4) == 0 {
                continue;
            }
            world.threads[m].p = Some(m);
            world.procs[m].state = ProcState::Running;
            if m < plan.gos && world.number(4) != 0 {
                world.threads[m].g = Some(m);
                world.gos[m].state = State::Running;
                if world.number(4) == 0 {
                    world.gos[m].state = State::Syscall;
                    world.procs[m].state = ProcState::Syscall;
                    if world.number(3) == 0 {
                        world.threads[m].p = None;
                        world.procs[m].state = ProcState::Idle;
                    }
                }
            }
        }
        world
    }

    /// The next of the plan's numbers, below `n`.
    fn number(&mut self, n: usize) -> usize {
        let number = self.plan.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        number as usize % n
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.number(list.len())]
    }

    fn any_stack(&mut self) -> Stack {
        Stack(self.number(STACKS.len()))
    }

    fn stack_id(&self, stack: Stack) -> u64 {
        if stack == Stack::NONE { 0 } else { stack.0 as u64 + self.moved }
    }

    /// The string's number in this generation; 0 is the empty one.
    fn string(&mut self, text: &'static str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let row = self.strings.iter().position(|&s| s == text).unwrap_or_else(|| {
            self.strings.push(text);
            self.strings.len() - 1
        });
        row as u64 + 100 + self.moved
    }

    /// Writes an event of a thread, and tells its time.
    fn write(&mut self, m: usize, event: String) -> i64 {
        let same = self.wrote == m && self.number(8) == 0;
        if !same {
            self.now += 1 + self.number(40) as i64 * self.number(2) as i64;
        }
        self.wrote = m;
        self.threads[m].written.push((self.now, event));
        self.stamp()
    }

    /// The time of the event that was written last, or of one more that it stands for.
    fn stamp(&mut self) -> i64 {
        self.last = (self.now * self.plan.tick - self.base).max(self.last + 1);
        self.last
    }

    fn fact(&mut self, t: i64, fact: Fact) {
        self.facts.push((t, fact));
    }

    /// A goroutine changes its state by an event that thread `m` wrote.
    fn turn(&mut self, t: i64, m: usize, g: usize, to: State, why: &'static str, stack: Stack) {
        let (from, by) = (self.gos[g].state, self.threads[m].g.map(id));
        let own = if from == State::Running { stack } else { Stack::NONE };
        self.gos[g].state = to;
        self.fact(t, Fact::Go { g: id(g), from, to, why, stack, own, by });
    }

    /// Tells what a thread has, before its first event of a generation.
    fn tell_thread(&mut self, m: usize) {
        if let Some(p) = self.threads[m].p
            && !self.procs[p].told
        {
            self.procs[p].told = true;
            let status = if self.procs[p].state == ProcState::Syscall { 3 } else { 1 };
            self.write(m, format!("ProcStatus p={p} pstatus={status}"));
        }
        if let Some(g) = self.threads[m].g
            && !self.gos[g].told
        {
            let (told, status) = match self.gos[g].state {
                State::Syscall => (State::Syscall, 3),
                _ => (State::Running, 2),
            };
            self.status(m, g, told, format!("m={m} gstatus={status}"));
        }
    }

    /// Tells of a goroutine that no thread has.
    fn tell_go(&mut self, m: usize, g: usize) {
        if !self.gos[g].told {
            let state = self.gos[g].state;
            let status = if state == State::Waiting { 4 } else { 1 };
            self.status(m, g, state, format!("m=-1 gstatus={status}"));
        }
    }

    fn status(&mut self, m: usize, g: usize, told: State, rest: String) {
        self.gos[g].told = true;
        let stack = match self.plan.minor {
            22 => Stack::NONE,
            _ => self.any_stack(),
        };
        let event = match stack {
            Stack::NONE => format!("GoStatus g={} {rest}", id(g)),
            _ => format!("GoStatusStack g={} {rest} stack={}", id(g), self.stack_id(stack)),
        };
        // A running goroutine's thread has it from here on.
        let by = self.threads[m].g.filter(|&other| other != g).map(id);
        let t = self.write(m, event);
        if self.generation == 1 {
            let (from, why) = (State::Unknown, "");
            let own = stack;
            self.fact(t, Fact::Go { g: id(g), from, to: told, why, stack, own, by });
        }
    }

    fn tell_proc(&mut self, m: usize, p: usize) {
        if !self.procs[p].told {
            self.procs[p].told = true;
            self.write(m, format!("ProcStatus p={p} pstatus=2"));
        }
    }

    /// What thread `m` runs, if it runs something.
    fn running(&self, m: usize) -> Option<usize> {
        self.threads[m].g.filter(|&g| self.gos[g].state == State::Running)
    }

    /// Some goroutine in this state that no thread has.
    fn some_go(&mut self, state: State) -> Option<usize> {
        let fits: Vec<usize> = (0..self.gos.len())
            .filter(|&g| self.gos[g].state == state && self.threads.iter().all(|m| m.g != Some(g)))
            .collect();
        (!fits.is_empty()).then(|| self.pick(&fits))
    }

    /// Does something, if it can be done now.
    fn step(&mut self) {
        let m = self.number(self.threads.len());
        let what = self.number(40);
        let knows_switch = self.plan.minor > 22;
        match (what, self.running(m)) {
            (0..4, Some(g)) => self.block(m, g),
            (4..6, Some(g)) => self.stop(m, g),
            (6..9, Some(_)) => self.create(m, false),
            (9..12, Some(g)) => self.syscall(m, g),
            (12, Some(g)) if self.may_end(g) => self.destroy(m, g),
            (13, Some(g)) if knows_switch => self.switch(m, g),
            (14, Some(_)) if knows_switch => self.create(m, true),
            (15, Some(g)) => self.collect(m, g),
            (16..18, Some(g)) => self.stop_world(m, g),
            (18, Some(_)) => self.sweep(m),
            (19, Some(g)) => self.assist(m, g),
            (20..22, Some(g)) => self.region(m, g),
            (22, Some(g)) => self.task(m, g),
            (23, Some(g)) => self.log(m, g),
            (24, Some(_)) => self.numbers(m),
            (25..28, _) => self.unblock(m),
            (28, _) => self.sample(m),
            (29, _) if self.at > 100 && self.number(3) == 0 => self.next_generation(),
            (30..32, None) => self.steal(m),
            (_, None) => self.go_on(m),
            _ => {}
        }
    }

    fn next_generation(&mut self) {
        // The end of a stop names its reason by a number of its own generation, in Go's reader.
        if self.gos.iter().any(|g| g.stop.is_some()) {
            return;
        }
        self.flush();
        self.generation += 1;
        self.now += 1 + self.number(100) as i64;
        self.began = self.now;
        self.last = (self.now * self.plan.tick - self.base).max(self.last + 1); // the Sync
        self.wrote = NOBODY;
        self.moved = 1 + self.number(300) as u64;
        self.strings.clear();
        for go in &mut self.gos {
            (go.told, go.seq) = (false, 0);
        }
        for proc in &mut self.procs {
            (proc.told, proc.seq) = (false, 0);
        }
    }

    /// Tells of all that was not named in the generation, and writes it down.
    fn flush(&mut self) {
        for m in 0..self.threads.len() {
            self.tell_thread(m);
        }
        let teller = self.number(self.threads.len());
        for g in 0..self.gos.len() {
            if self.gos[g].state != State::None {
                self.tell_go(teller, g);
            }
        }
        for p in 0..self.procs.len() {
            self.tell_proc(teller, p);
        }
        let (n, began) = (self.generation, self.began);
        let frequency = 1_000_000_000 / self.plan.tick;
        let head = |kind: &str| format!("batch gen={n} m=-1 time={began}\n  {kind}\n");
        let mut text = String::new();
        if self.plan.minor >= 25 {
            text += &head("Sync");
            let _ = writeln!(text, "  Frequency freq={frequency}");
            text += "  ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n";
        } else {
            text += &head(&format!("Frequency freq={frequency}"));
        }
        let mut stacks = head("Stacks");
        for (row, frames) in STACKS.iter().enumerate().skip(1) {
            let _ = writeln!(stacks, "  Stack id={}", self.stack_id(Stack(row)));
            for &f in *frames {
                let Frame { func, file, line, .. } = FRAMES[f];
                let (func, file) = (self.string(func), self.string(file));
                let _ =
                    writeln!(stacks, "    pc={} func={func} file={file} line={line}", 0x400 + f);
            }
        }
        text += &head("Strings");
        for (row, string) in self.strings.iter().enumerate() {
            let id = row as u64 + 100 + self.moved;
            let escaped: String = string
                .bytes()
                .map(|b| match b {
                    b'"' | b'\\' => format!("\\{}", char::from(b)),
                    0x20..0x7f => char::from(b).to_string(),
                    _ => format!("\\x{b:02x}"),
                })
                .collect();
            let _ = writeln!(text, "  String id={id} \"{escaped}\"");
        }
        text += &stacks;
        if !self.samples.is_empty() {
            text += &head("CPUSamples");
            text += &self.samples;
            self.samples.clear();
        }
        for m in 0..self.threads.len() {
            let mut before = 0;
            let written = std::mem::take(&mut self.threads[m].written);
            for (row, (time, event)) in written.into_iter().enumerate() {
                if row == 0 || self.number(30) == 0 {
                    before = if row == 0 { began } else { before };
                    let _ = writeln!(text, "batch gen={n} m={m} time={before}");
                }
                let (name, args) = event.split_once(' ').unwrap_or((&event, ""));
                let _ = writeln!(text, "  {name} dt={} {args}", time - before);
                before = time;
            }
        }
        if self.plan.minor >= 26 {
            text += "EndOfGeneration\n";
        }
        self.text += &text;
    }

    fn end(mut self) -> Made {
        self.flush();
        // The last Sync comes behind the last event.
        let (end, generations) = (self.last + 1, self.generation);
        Made { text: self.text, facts: self.facts, end, generations }
    }
}

impl Go {
    fn born(state: State) -> Go {
        Go { state, seq: 0, told: false, assists: false, stop: None, regions: Vec::new() }
    }
}

/// The runtime's number of a goroutine, by its row.
fn id(row: usize) -> u64 {
    row as u64 + 1
}
