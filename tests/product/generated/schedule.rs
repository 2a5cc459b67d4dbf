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

const FRAMES: [Frame; 10] = [
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
];

/// Stacks, leaf first; the first is "no stack".
const STACKS: [&[usize]; 9] =
    [&[], &[0], &[4, 1, 0], &[5, 2], &[6], &[9, 7, 3, 1, 0], &[8, 1, 0], &[1, 0, 1], &[7, 6]];

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

    fn block(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let (why, stack) = (self.pick(&BLOCKS), self.any_stack());
        let (reason, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("GoBlock reason_string={reason} stack={stack_id}"));
        self.turn(t, m, g, State::Waiting, why, stack);
        self.threads[m].g = None;
    }

    fn stop(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let (why, stack) = (self.pick(&STOPS), self.any_stack());
        let (reason, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("GoStop reason_string={reason} stack={stack_id}"));
        self.turn(t, m, g, State::Runnable, why, stack);
        self.threads[m].g = None;
    }

    fn create(&mut self, m: usize, blocked: bool) {
        self.tell_thread(m);
        let (entry, stack) = (self.any_stack(), self.any_stack());
        let g = self.gos.len();
        let name = if blocked { "GoCreateBlocked" } else { "GoCreate" };
        let (own_id, stack_id) = (self.stack_id(entry), self.stack_id(stack));
        let t =
            self.write(m, format!("{name} new_g={} new_stack={own_id} stack={stack_id}", id(g)));
        let to = if blocked { State::Waiting } else { State::Runnable };
        self.gos.push(Go { told: true, ..Go::born(to) });
        let (from, by) = (State::None, self.threads[m].g.map(id));
        self.fact(t, Fact::Go { g: id(g), from, to, why: "", stack, own: entry, by });
    }

    fn may_end(&self, g: usize) -> bool {
        !self.gos[g].assists && self.gos[g].stop.is_none()
    }

    fn destroy(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let t = self.write(m, "GoDestroy".into());
        self.turn(t, m, g, State::None, "", Stack::NONE);
        self.threads[m].g = None;
    }

    /// One goroutine hands over to another, and waits or ends.
    fn switch(&mut self, m: usize, g: usize) {
        let Some(next) = self.some_go(State::Waiting) else { return };
        self.tell_thread(m);
        self.tell_go(m, next);
        let ends = self.may_end(g) && self.number(3) == 0;
        self.gos[next].seq += 1;
        let name = if ends { "GoSwitchDestroy" } else { "GoSwitch" };
        let seq = self.gos[next].seq;
        let t = self.write(m, format!("{name} g={} g_seq={seq}", id(next)));
        self.turn(t, m, next, State::Runnable, "", Stack::NONE);
        let t = self.stamp();
        let to = if ends { State::None } else { State::Waiting };
        self.turn(t, m, g, to, "", Stack::NONE);
        self.threads[m].g = None;
        let t = self.stamp();
        self.turn(t, m, next, State::Running, "", Stack::NONE);
        self.threads[m].g = Some(next);
    }

    fn syscall(&mut self, m: usize, g: usize) {
        let Some(p) = self.threads[m].p else { return };
        self.tell_thread(m);
        let stack = self.any_stack();
        self.procs[p].seq += 1;
        let (seq, stack_id) = (self.procs[p].seq, self.stack_id(stack));
        let t = self.write(m, format!("GoSyscallBegin p_seq={seq} stack={stack_id}"));
        self.turn(t, m, g, State::Syscall, "", stack);
        self.procs[p].state = ProcState::Syscall;
    }

    /// A thread that runs nothing: it comes out of a system call, starts a goroutine, takes a P or
    /// gives it away.
    fn go_on(&mut self, m: usize) {
        let Thread { p, g, .. } = &self.threads[m];
        match (*p, *g) {
            (Some(p), Some(g)) => {
                self.tell_thread(m);
                if self.number(4) == 0 {
                    self.write(m, "ProcStop".into());
                    self.lose(m, p);
                } else {
                    let t = self.write(m, "GoSyscallEnd".into());
                    self.turn(t, m, g, State::Running, "", Stack::NONE);
                    self.procs[p].state = ProcState::Running;
                }
            }
            (None, Some(g)) => {
                self.tell_thread(m);
                let t = self.write(m, "GoSyscallEndBlocked".into());
                self.turn(t, m, g, State::Runnable, "", Stack::NONE);
                self.threads[m].g = None;
            }
            (Some(p), None) => match self.some_go(State::Runnable) {
                Some(g) if self.number(6) != 0 => {
                    self.tell_thread(m);
                    self.tell_go(m, g);
                    self.gos[g].seq += 1;
                    let seq = self.gos[g].seq;
                    let t = self.write(m, format!("GoStart g={} g_seq={seq}", id(g)));
                    self.turn(t, m, g, State::Running, "", Stack::NONE);
                    self.threads[m].g = Some(g);
                }
                _ if self.number(3) == 0 => {
                    self.tell_thread(m);
                    self.write(m, "ProcStop".into());
                    self.lose(m, p);
                }
                _ => {}
            },
            (None, None) => {
                let idle: Vec<usize> = (0..self.procs.len())
                    .filter(|&p| self.procs[p].state == ProcState::Idle)
                    .collect();
                if !idle.is_empty() {
                    let p = self.pick(&idle);
                    self.tell_proc(m, p);
                    self.procs[p].seq += 1;
                    let seq = self.procs[p].seq;
                    self.write(m, format!("ProcStart p={p} p_seq={seq}"));
                    self.threads[m].p = Some(p);
                    self.procs[p].state = ProcState::Running;
                }
            }
        }
    }

    fn lose(&mut self, m: usize, p: usize) {
        self.threads[m].p = None;
        self.procs[p].state = ProcState::Idle;
    }

    /// Takes the P of a thread that is in a system call.
    fn steal(&mut self, m: usize) {
        let victims: Vec<usize> = (0..self.threads.len())
            .filter(|&v| v != m)
            .filter(|&v| {
                self.threads[v].p.is_some_and(|p| self.procs[p].state == ProcState::Syscall)
            })
            .collect();
        if victims.is_empty() {
            return;
        }
        let victim = self.pick(&victims);
        let Some(p) = self.threads[victim].p else { return };
        self.tell_thread(m);
        if !self.procs[p].told && self.generation > 1 && self.number(2) == 0 {
            // Who takes it says so, for the one in the system call says nothing.
            self.procs[p].told = true;
            self.write(m, format!("ProcStatus p={p} pstatus=4"));
        }
        if !self.procs[p].told {
            self.tell_thread(victim);
        }
        self.procs[p].seq += 1;
        let seq = self.procs[p].seq;
        self.write(m, format!("ProcSteal p={p} p_seq={seq} m={victim}"));
        self.lose(victim, p);
    }

    fn unblock(&mut self, m: usize) {
        let Some(g) = self.some_go(State::Waiting) else { return };
        self.tell_thread(m);
        self.tell_go(m, g);
        // From a system call no goroutine wakes another one.
        let by = self.threads[m].g;
        if by.is_some() && self.running(m).is_none() {
            return;
        }
        let stack = if by.is_some() { self.any_stack() } else { Stack::NONE };
        self.gos[g].seq += 1;
        let (seq, stack_id) = (self.gos[g].seq, self.stack_id(stack));
        let t = self.write(m, format!("GoUnblock g={} g_seq={seq} stack={stack_id}", id(g)));
        self.turn(t, m, g, State::Runnable, "", stack);
    }

    fn collect(&mut self, m: usize, _: usize) {
        self.tell_thread(m);
        let first = self.gc == Gc::Unknown;
        let seq = if first { 1 + self.number(50) as u64 } else { self.gc_seq + 1 };
        let stack = self.any_stack();
        let (was_there, again) = (self.number(2) == 0, self.number(3) == 0);
        let (event, fact, now) = match self.gc {
            Gc::Unknown if self.generation == 1 && was_there => (
                format!("GCActive gc_seq={seq}"),
                Some(Fact::WasThere { span: Span::Mark }),
                Gc::Marking,
            ),
            Gc::Unknown | Gc::Off => (
                format!("GCBegin gc_seq={seq} stack={}", self.stack_id(stack)),
                Some(Fact::Begins { span: Span::Mark, stack }),
                Gc::Marking,
            ),
            // It is told again in a later generation; nothing begins by that.
            Gc::Marking if self.generation > 1 && again => {
                (format!("GCActive gc_seq={seq}"), None, Gc::Marking)
            }
            Gc::Marking => {
                (format!("GCEnd gc_seq={seq}"), Some(Fact::Ends { span: Span::Mark }), Gc::Off)
            }
        };
        (self.gc, self.gc_seq) = (now, seq);
        let t = self.write(m, event);
        if let Some(fact) = fact {
            self.fact(t, fact);
        }
    }

    fn stop_world(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        if let Some(why) = self.gos[g].stop.take() {
            let t = self.write(m, "STWEnd".into());
            self.fact(t, Fact::Ends { span: Span::Stop { g: id(g), why } });
            return;
        }
        let (why, stack) = (self.pick(&WORLD_STOPS), self.any_stack());
        let (kind, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("STWBegin kind_string={kind} stack={stack_id}"));
        self.gos[g].stop = Some(why);
        self.fact(t, Fact::Begins { span: Span::Stop { g: id(g), why }, stack });
    }

    fn sweep(&mut self, m: usize) {
        let Some(p) = self.threads[m].p else { return };
        self.tell_thread(m);
        let span = Span::Sweep { p: p as u64 };
        let (event, fact) = if self.procs[p].sweeps {
            ("GCSweepEnd swept_value=8192 reclaimed_value=1".into(), Fact::Ends { span })
        } else {
            let stack = self.any_stack();
            let id = self.stack_id(stack);
            (format!("GCSweepBegin stack={id}"), Fact::Begins { span, stack })
        };
        self.procs[p].sweeps = !self.procs[p].sweeps;
        let t = self.write(m, event);
        self.fact(t, fact);
    }

    fn assist(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let span = Span::Assist { g: id(g) };
        let (event, fact) = if self.gos[g].assists {
            ("GCMarkAssistEnd".into(), Fact::Ends { span })
        } else {
            let stack = self.any_stack();
            let id = self.stack_id(stack);
            (format!("GCMarkAssistBegin stack={id}"), Fact::Begins { span, stack })
        };
        self.gos[g].assists = !self.gos[g].assists;
        let t = self.write(m, event);
        self.fact(t, fact);
    }

    fn region(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let begins = self.gos[g].regions.is_empty() || self.number(2) == 0;
        let (task, name) = if begins {
            let tasks: Vec<u64> = [0].into_iter().chain(self.tasks.iter().map(|t| t.0)).collect();
            let region = (self.pick(&tasks), self.pick(&NAMES));
            self.gos[g].regions.push(region);
            region
        } else {
            let Some(region) = self.gos[g].regions.pop() else { return };
            region
        };
        let word = if begins { "UserRegionBegin" } else { "UserRegionEnd" };
        let (string, stack) = (self.string(name), self.any_stack());
        let stack_id = self.stack_id(stack);
        let t = self.write(m, format!("{word} task={task} name_string={string} stack={stack_id}"));
        self.fact(t, Fact::Region { g: id(g), task, begins, name });
    }

    fn task(&mut self, m: usize, _: usize) {
        self.tell_thread(m);
        let stack = self.any_stack();
        let stack_id = self.stack_id(stack);
        if self.tasks.is_empty() || self.number(2) == 0 {
            let parent = self.tasks.last().map_or(0, |t| t.0);
            let (task, name) = (self.next_task, self.pick(&NAMES));
            self.next_task += 1;
            self.tasks.push((task, name));
            let string = self.string(name);
            let t = self.write(
                m,
                format!(
                    "UserTaskBegin task={task} parent_task={parent} name_string={string} \
                     stack={stack_id}"
                ),
            );
            self.fact(t, Fact::Task { id: task, begins: true, name });
        } else {
            let at = self.number(self.tasks.len());
            let (task, name) = self.tasks.remove(at);
            let t = self.write(m, format!("UserTaskEnd task={task} stack={stack_id}"));
            self.fact(t, Fact::Task { id: task, begins: false, name });
        }
    }

    fn log(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let tasks: Vec<u64> = [0].into_iter().chain(self.tasks.iter().map(|t| t.0)).collect();
        let task = self.pick(&tasks);
        let (category, message) = (self.pick(&NAMES), self.pick(&NAMES));
        let (key, value) = (self.string(category), self.string(message));
        let t = self
            .write(m, format!("UserLog task={task} key_string={key} value_string={value} stack=0"));
        self.fact(t, Fact::Log { g: id(g), task, category, message });
    }

    /// Numbers that the runtime tells, and a label.
    fn numbers(&mut self, m: usize) {
        self.tell_thread(m);
        let value = self.number(1 << 20);
        let event = match self.number(4) {
            0 => format!("HeapAlloc heapalloc_value={value}"),
            1 => format!("HeapGoal heapgoal_value={value}"),
            2 => format!("ProcsChange procs_value={} stack=0", self.procs.len()),
            _ => {
                let label = self.string("worker 3");
                format!("GoLabel label_string={label}")
            }
        };
        self.write(m, event);
    }

    /// The profiler sees what a thread runs.
    fn sample(&mut self, m: usize) {
        let stack = self.any_stack();
        self.now += 1;
        self.wrote = NOBODY;
        let or_none = |row: Option<usize>| row.map_or("-1".to_owned(), |row| row.to_string());
        let g = self.threads[m].g.map_or(0, id);
        let _ = writeln!(
            self.samples,
            "  CPUSample time={} m={m} p={} g={g} stack={}",
            self.now,
            or_none(self.threads[m].p),
            self.stack_id(stack)
        );
        let t = self.stamp();
        self.fact(t, Fact::Sample { stack });
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
        for row in 1..STACKS.len() {
            let _ = writeln!(stacks, "  Stack id={}", self.stack_id(Stack(row)));
            for &f in STACKS[row] {
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
