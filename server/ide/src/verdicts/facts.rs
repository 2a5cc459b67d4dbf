//! What kind of wait each slot is, and at which site.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;

use super::names::{
    GRPC_RECEIVES, HTTP_ANSWERS, HTTP_BODY, HTTP_READS, IO_METHODS, dials, gives_answer,
    gives_slot, is_accept_of_net, limits_rate, listens, reads_packets, waits_for_turn,
    waits_for_work, waits_to_write, watches,
};
use crate::Analysis;
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::kinds::{is_the_runtimes, starts_workers};
use crate::lines::{is_in_packages, is_user_by_name, package_of, program_path};
use crate::stays::Stay;

/// What kind of wait, for judging it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WaitKind {
    /// For a mutex, a once, a file's lock.
    Lock,
    /// For a wait group.
    Join,
    /// For the collector.
    Gc,
    /// Sending on a channel.
    Send,
    /// Receiving from a channel.
    Receive,
    /// A select.
    Select,
    /// A `sync.Cond`.
    Cond,
    /// Accepting connections.
    Accept,
    /// Writing to the network.
    NetWrite,
    /// Any other wait for the network.
    Network,
    /// `time.Sleep`.
    Sleep,
    /// A system call.
    Syscall,
    /// One side of a coroutine.
    Coroutine,
    /// The runtime's own, the recorder's, signals, a test's turn, for ever.
    System,
    /// Neither reason nor stack tells.
    Unknown,
    /// A reason of another kind.
    Other,
}

impl WaitKind {
    /// Whether something is to come to the goroutine.
    pub fn is_receiving(self) -> bool {
        matches!(
            self,
            WaitKind::Receive
                | WaitKind::Select
                | WaitKind::Cond
                | WaitKind::Network
                | WaitKind::Accept
                | WaitKind::Sleep
        )
    }
}

/// What is known of a slot by its stack and cause alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) kind: WaitKind,
    pub(super) site: u32,
    /// Frames of the program's own code.
    pub(super) own_frames: u16,
    /// One of them is of the program itself, not of what it depends on.
    pub(super) in_program: bool,
    /// A library that called an I/O method of the program waits here, not the program.
    pub(super) wrapper: bool,
    /// It stands in the program's own code, and in no call from there.
    pub(super) direct: bool,
    /// It stands in a call that gives an answer.
    pub(super) call: bool,
    /// It stands in one that is answered when there is something to do.
    pub(super) asks_for_work: bool,
    /// It stands in a call that gives one of a limited number of things, or lets go on so many a second.
    pub(super) slot: bool,
    /// It is the latter.
    pub(super) rate: bool,
    /// What it does with a connection.
    pub(super) talk: Talk,
    /// It reads what the other side of a connection says next, that stays open.
    pub(super) listens: bool,
    /// A call of the system that returns when there is something to read: at a terminal, say.
    pub(super) watches: bool,
    /// It reads packets, whoever sent them.
    pub(super) packets: bool,
    /// It stands in a method of the program that writes for whoever calls it.
    pub(super) writes: bool,
    /// The function of the program's own that stands there, and the line.
    pub(super) func: StrId,
    pub(super) line: u32,
}

/// What a wait or a call does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    /// Nothing.
    Nothing,
    /// It waits for somebody else to open one.
    Accepts,
    /// It opens one.
    Dials,
    /// It writes to one.
    Writes,
    /// It waits for something to read from one.
    Reads,
    /// It reads what is there.
    Takes,
    /// It receives what comes over a stream that it opened to a server.
    Streams,
    /// It answers a client of HTTP.
    Answers,
}

impl Fact {
    /// What kind of wait a stay of the slot is: see [`Facts::kind_of_stay`].
    pub(super) fn kind_of(&self, stay: &Stay) -> WaitKind {
        if self.kind == WaitKind::Unknown && stay.start.0 > 0 {
            WaitKind::Coroutine
        } else {
            self.kind
        }
    }
}

/// What is known of each slot.
#[derive(Debug, Default)]
pub struct Facts {
    facts: Vec<Fact>,
    n_sites: usize,
    own: Vec<bool>,
    /// By frame: it is of the program itself, not of what it depends on.
    program: Vec<bool>,
    /// By frame: the first frame with the same file and line.
    lines: Vec<FrameId>,
}

impl Facts {
    /// Looks at all slots. `user` tells which frames are of the program's own code.
    pub fn new(analysis: &Analysis, user: &dyn Fn(FrameId) -> bool) -> Facts {
        let own: Vec<bool> =
            (0..analysis.tables.n_frames() as u32).map(|f| user(FrameId(f))).collect();
        // Where dependencies count as the program's own, their goroutines still are not.
        let path = program_path(analysis);
        let program = own
            .iter()
            .enumerate()
            .map(|(f, own)| {
                let func = analysis.str(analysis.tables.frame(FrameId(f as u32)).func);
                let inside = |path: &String| {
                    package_of(func) == "main" || is_in_packages(func, std::slice::from_ref(path))
                };
                *own && path.as_ref().is_none_or(inside)
            })
            .collect();
        let mut by_line: HashMap<(StrId, u32), FrameId> = HashMap::new();
        let lines = (0..analysis.tables.n_frames() as u32)
            .map(|f| {
                let frame = analysis.tables.frame(FrameId(f));
                *by_line.entry((frame.file, frame.line)).or_insert(FrameId(f))
            })
            .collect();
        let mut made = Facts { facts: Vec::new(), n_sites: 0, own, program, lines };
        let mut sites: HashMap<(Option<FrameId>, WaitKind), u32> = HashMap::new();
        for slot in &analysis.slots {
            let stack = analysis.stack(slot.stack);
            let user = stack.iter().position(|&f| made.is_own(f));
            let kind = kind(analysis, analysis.causes.cause(slot.cause), stack, user);
            let func = |f: FrameId| analysis.str(analysis.tables.frame(f).func);
            let frame = match user {
                Some(user) => Some(stack[user]),
                None => stack.iter().copied().find(|&f| !func(f).starts_with("runtime.")),
            };
            let next = sites.len() as u32;
            let site = *sites.entry((frame.map(|f| made.line(f)), kind)).or_insert(next);
            let above = stack.get(..user.unwrap_or(stack.len())).unwrap_or_default();
            let own_frames = stack.iter().filter(|&&f| made.is_own(f)).count() as u16;
            let any = |is: &dyn Fn(&str) -> bool| above.iter().any(|&f| is(func(f)));
            made.facts.push(Fact {
                kind,
                site,
                own_frames,
                in_program: stack.iter().any(|&f| made.is_program(f)),
                wrapper: is_wrapper(analysis, &made, stack),
                call: any(&gives_answer) && !any(&waits_for_work),
                direct: user.is_some_and(|user| user <= 1),
                asks_for_work: any(&waits_for_work),
                slot: any(&|f| gives_slot(f) || limits_rate(f)),
                rate: any(&limits_rate),
                talk: talk(kind, &any),
                listens: any(&listens)
                    || (user.is_some()
                        && any(&|f| f == HTTP_READS)
                        && !any(&|f| f.starts_with(HTTP_BODY))),
                watches: kind == WaitKind::Syscall
                    && any(&watches)
                    && !any(&|f| f.starts_with("internal/poll.")),
                packets: any(&reads_packets),
                writes: writes(stack, &made, &func),
                func: user.map_or(StrId::NONE, |user| analysis.tables.frame(stack[user]).func),
                line: user.map_or(0, |user| analysis.tables.frame(stack[user]).line),
            });
        }
        made.n_sites = sites.len();
        made
    }

    #[inline(always)]
    pub(super) fn fact(&self, slot: SlotId) -> Fact {
        const NOTHING: Fact = Fact {
            kind: WaitKind::Unknown,
            site: 0,
            own_frames: 0,
            in_program: false,
            wrapper: false,
            call: false,
            direct: false,
            asks_for_work: false,
            slot: false,
            rate: false,
            talk: Talk::Nothing,
            listens: false,
            watches: false,
            packets: false,
            writes: false,
            func: StrId::NONE,
            line: 0,
        };
        self.facts.get(slot.0 as usize).copied().unwrap_or(NOTHING)
    }

    /// Whether a frame is of the program's own code.
    pub fn is_own(&self, frame: FrameId) -> bool {
        self.own.get(frame.0 as usize).copied().unwrap_or(false)
    }

    /// Whether a frame is of the program itself, not of what it depends on.
    pub(super) fn is_program(&self, frame: FrameId) -> bool {
        self.program.get(frame.0 as usize).copied().unwrap_or(false)
    }

    /// The functions of the program's own that stand somewhere; some of them more than once.
    pub(super) fn funcs(&self) -> impl Iterator<Item = StrId> + '_ {
        self.facts.iter().map(|fact| fact.func).filter(|func| func.is_some())
    }

    /// The first frame with the same file and line.
    pub fn line(&self, frame: FrameId) -> FrameId {
        self.lines.get(frame.0 as usize).copied().unwrap_or(frame)
    }

    /// What kind of wait a slot is.
    pub fn kind(&self, slot: SlotId) -> WaitKind {
        self.fact(slot).kind
    }

    /// What kind of wait a stay is. A stay without reason and stack that began in the trace is one
    /// side of a coroutine: the wire tells nothing else of those.
    pub fn kind_of_stay(&self, stay: &Stay) -> WaitKind {
        self.fact(stay.slot).kind_of(stay)
    }

    /// The site of a slot, a number below [`Facts::n_sites`].
    pub fn site(&self, slot: SlotId) -> u32 {
        self.fact(slot).site
    }

    /// How many sites there are.
    pub fn n_sites(&self) -> usize {
        self.n_sites
    }

    /// How many frames of the program's own code its stack has. A wrapper has none of its own.
    pub fn own_frames(&self, slot: SlotId) -> u16 {
        self.fact(slot).own_frames
    }

    /// A library that called an I/O method of the program waits here, not the program.
    pub fn is_wrapper(&self, slot: SlotId) -> bool {
        self.fact(slot).wrapper
    }

    /// The line of a stack that a person would look at: the program's own, else the first of a library,
    /// else the first of Go's own above what only reaches the system or the runtime, else the leaf.
    pub fn line_of(&self, analysis: &Analysis, stack: StackId) -> Option<FrameId> {
        let stack = analysis.stack(stack);
        let func = |f: FrameId| analysis.str(analysis.tables.frame(f).func);
        let first = |is: &dyn Fn(FrameId) -> bool| stack.iter().copied().find(|&f| is(f));
        let frame = first(&|f| self.is_own(f))
            .or_else(|| first(&|f| !is_deep(func(f)) && is_user_by_name(func(f))))
            .or_else(|| first(&|f| !is_deep(func(f))))
            .or_else(|| first(&|f| !func(f).starts_with("runtime.")))
            .or(stack.first().copied())?;
        Some(self.line(frame))
    }
}

/// Whether a function only reaches the system or the runtime for others.
fn is_deep(func: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["runtime.", "runtime/", "internal/", "sync.", "sync/", "syscall.", "golang.org/x/sys/"];
    PREFIXES.iter().any(|prefix| func.starts_with(prefix))
}

/// Whether a function above the line passes a test.
type Has<'a> = dyn Fn(&dyn Fn(&str) -> bool) -> bool + 'a;

fn kind(analysis: &Analysis, cause: Cause, stack: &[FrameId], user: Option<usize>) -> WaitKind {
    let above = stack.get(..user.unwrap_or(stack.len())).unwrap_or_default();
    let funcs = || above.iter().map(|&f| analysis.str(analysis.tables.frame(f).func));
    let has = |test: &dyn Fn(&str) -> bool| funcs().any(test);
    if has(&|f| f.starts_with("runtime/trace.") || f.starts_with("os/signal."))
        || has(&|f| f == "net/http/pprof.Trace" || waits_for_turn(f))
    {
        return WaitKind::System;
    }
    match cause {
        // What the one who accepts does to each connection is part of that.
        Cause::Syscall if has(&|f| f == "internal/poll.(*FD).Accept" || is_accept_of_net(f)) => {
            WaitKind::Accept
        }
        Cause::Syscall if has(&starts_workers) => WaitKind::Gc,
        Cause::Syscall => WaitKind::Syscall,
        Cause::Net => network(&has),
        Cause::Sleep => WaitKind::Sleep,
        Cause::Sync(reason) => match analysis.str(reason) {
            "chan send" => WaitKind::Send,
            "chan receive" if has(&starts_workers) => WaitKind::Gc,
            "chan receive" => WaitKind::Receive,
            "select" if has(&waits_to_write) => WaitKind::NetWrite,
            "select" => WaitKind::Select,
            "sync.(*Cond).Wait" => WaitKind::Cond,
            // For the goroutines of a bubble.
            "synctest" => WaitKind::Join,
            _ if is_the_runtimes(funcs()) => WaitKind::Gc,
            _ => semaphore(&has),
        },
        Cause::Wait(reason) => match analysis.str(reason) {
            "" => by_frames(stack, &has),
            "preempted" | "wait until GC ends" => WaitKind::Gc,
            "forever" | "system goroutine wait" => WaitKind::System,
            // The collector's own goroutines wait for work; others wait for it.
            text if text.starts_with("GC ") && user.is_none() => WaitKind::System,
            text if text.starts_with("GC ") => WaitKind::Gc,
            _ => WaitKind::Other,
        },
        _ => WaitKind::Other,
    }
}

/// What the reason would have said, where it is missing: the wait began before the trace.
fn by_frames(stack: &[FrameId], has: &Has<'_>) -> WaitKind {
    if stack.is_empty() {
        WaitKind::Unknown
    } else if has(&|f| f.starts_with("iter.Pull") || f.contains("coro")) {
        WaitKind::Coroutine
    } else if has(&|f| f == "internal/poll.runtime_pollWait") {
        network(has)
    } else if has(&|f| f == "time.Sleep") {
        WaitKind::Sleep
    } else if has(&|f| f == "sync.(*Cond).Wait") {
        WaitKind::Cond
    } else if has(&|f| f.starts_with("sync.")) {
        semaphore(has)
    } else if has(&|f| f.starts_with("runtime.chanrecv")) {
        WaitKind::Receive
    } else if has(&|f| f.starts_with("runtime.chansend")) {
        WaitKind::Send
    } else if has(&|f| f == "runtime.selectgo") {
        WaitKind::Select
    } else if has(&|f| f == "runtime.block" || f.starts_with("runtime.bgs")) {
        WaitKind::System
    } else {
        WaitKind::Other
    }
}

fn network(has: &Has<'_>) -> WaitKind {
    if has(&|f| f.ends_with(".accept") || f.ends_with(".Accept")) {
        WaitKind::Accept
    } else if has(&|f| f.starts_with("internal/poll.(*FD).Write")) {
        WaitKind::NetWrite
    } else {
        WaitKind::Network
    }
}

fn semaphore(has: &Has<'_>) -> WaitKind {
    if has(&|f| f == "sync.(*WaitGroup).Wait") { WaitKind::Join } else { WaitKind::Lock }
}

fn is_wrapper(analysis: &Analysis, facts: &Facts, stack: &[FrameId]) -> bool {
    let Some(root) = stack.iter().rposition(|&f| facts.is_own(f)) else { return false };
    if root + 1 == stack.len() {
        return false; // nobody called it
    }
    let func = analysis.str(analysis.tables.frame(stack[root]).func);
    func.contains(").") && func.rsplit('.').next().is_some_and(|m| IO_METHODS.contains(&m))
}

/// Whether a method of the program's own stands there that was called with something to be taken:
/// `(*Stream).Write`, say. Who begins in one was called by nobody.
fn writes<'a>(stack: &[FrameId], facts: &Facts, func: &impl Fn(FrameId) -> &'a str) -> bool {
    const NAMES: [&str; 3] = ["Write", "WriteString", "WriteMessage"];
    let is_one = |f: FrameId| {
        let name = func(f);
        let (before, method) = name.rsplit_once('.').unwrap_or_default();
        // A function of a package has no dot before its name but those of the path.
        NAMES.contains(&method) && before.rsplit('/').next().is_some_and(|last| last.contains('.'))
    };
    let called = stack.split_last().map_or(stack, |(_, called)| called);
    called.iter().any(|&f| facts.is_own(f) && is_one(f))
}

fn talk(kind: WaitKind, has: &Has<'_>) -> Talk {
    use WaitKind::{Network, Receive, Select, Syscall};
    match kind {
        WaitKind::Accept => Talk::Accepts,
        Network | Syscall | Receive | Select if has(&dials) => Talk::Dials,
        // What comes when there is something to be done answers nothing.
        _ if has(&waits_for_work) => Talk::Nothing,
        WaitKind::NetWrite | WaitKind::Syscall if has(&|f| f == HTTP_ANSWERS) => Talk::Answers,
        WaitKind::NetWrite | WaitKind::Syscall
            if has(&|f| {
                f.starts_with("net.(*netFD).Write") || f.starts_with("net.(*netFD).write")
            }) =>
        {
            Talk::Writes
        }
        WaitKind::Syscall
            if has(&|f| {
                f.starts_with("net.(*netFD).Read") || f.starts_with("net.(*netFD).read")
            }) =>
        {
            Talk::Takes
        }
        // All that comes, until the other side closes, is no answer.
        WaitKind::Network if has(&|f| f == "io.copyBuffer") => Talk::Nothing,
        WaitKind::Network => Talk::Reads,
        Receive | Select if has(&|f| f == GRPC_RECEIVES) => Talk::Streams,
        _ => Talk::Nothing,
    }
}
