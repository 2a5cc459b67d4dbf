//! The event types of the v1 wire format (Go 1.11 to 1.21) and the arguments of each.
//!
//! Facts of the format only. Source: Go's `internal/trace/internal/tracev1/parser.go`, which has
//! them from the `runtime/trace.go` of those releases.

/// What stands on the wire for one event type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    /// The name that Go's own tools print.
    pub(crate) name: &'static str,
    /// How many arguments it has, without its time and its stack.
    pub(super) args: u8,
    /// Whether its last argument is the id of a stack.
    pub(crate) stack: bool,
    /// Whether its first argument is a time.
    pub(super) timed: bool,
}

/// The most bytes that the arguments of an event may have.
pub(super) const MAX_ARGS_SIZE: u64 = 2048;
/// The most arguments that an event with a time may have: itself, four more, a stack.
pub(super) const MAX_ARGS: usize = 6;
/// The most frames of a stack.
pub(super) const MAX_FRAMES: u64 = 1000;
/// The most bytes of a string.
pub(super) const MAX_STRING_SIZE: u64 = 1_000_000;

/// Ps that are none: where things happen that no P does.
pub(super) mod fake_p {
    /// Timers.
    pub(in crate::v1) const TIMERS: i32 = 1_000_001;
    /// The network poller.
    pub(in crate::v1) const NETPOLL: i32 = 1_000_002;
    /// Returns from system calls.
    pub(in crate::v1) const SYSCALLS: i32 = 1_000_003;
    /// The collector.
    pub(in crate::v1) const GC: i32 = 1_000_004;
}

/// The number of each event type.
#[allow(missing_docs)] // their names are those of Go
pub(crate) mod ev {
    pub(crate) const BATCH: u8 = 1;
    pub(crate) const FREQUENCY: u8 = 2;
    pub(crate) const STACK: u8 = 3;
    pub(crate) const GOMAXPROCS: u8 = 4;
    pub(crate) const PROC_START: u8 = 5;
    pub(crate) const PROC_STOP: u8 = 6;
    pub(crate) const GC_START: u8 = 7;
    pub(crate) const GC_DONE: u8 = 8;
    pub(crate) const STW_START: u8 = 9;
    pub(crate) const STW_DONE: u8 = 10;
    pub(crate) const GC_SWEEP_START: u8 = 11;
    pub(crate) const GC_SWEEP_DONE: u8 = 12;
    pub(crate) const GO_CREATE: u8 = 13;
    pub(crate) const GO_START: u8 = 14;
    pub(crate) const GO_END: u8 = 15;
    pub(crate) const GO_STOP: u8 = 16;
    pub(crate) const GO_SCHED: u8 = 17;
    pub(crate) const GO_PREEMPT: u8 = 18;
    pub(crate) const GO_SLEEP: u8 = 19;
    pub(crate) const GO_BLOCK: u8 = 20;
    pub(crate) const GO_UNBLOCK: u8 = 21;
    pub(crate) const GO_BLOCK_SEND: u8 = 22;
    pub(crate) const GO_BLOCK_RECV: u8 = 23;
    pub(crate) const GO_BLOCK_SELECT: u8 = 24;
    pub(crate) const GO_BLOCK_SYNC: u8 = 25;
    pub(crate) const GO_BLOCK_COND: u8 = 26;
    pub(crate) const GO_BLOCK_NET: u8 = 27;
    pub(crate) const GO_SYS_CALL: u8 = 28;
    pub(crate) const GO_SYS_EXIT: u8 = 29;
    pub(crate) const GO_SYS_BLOCK: u8 = 30;
    pub(crate) const GO_WAITING: u8 = 31;
    pub(crate) const GO_IN_SYSCALL: u8 = 32;
    pub(crate) const HEAP_ALLOC: u8 = 33;
    pub(crate) const HEAP_GOAL: u8 = 34;
    pub(crate) const TIMER_GOROUTINE: u8 = 35;
    pub(crate) const FUTILE_WAKEUP: u8 = 36;
    pub(crate) const STRING: u8 = 37;
    pub(crate) const GO_START_LOCAL: u8 = 38;
    pub(crate) const GO_UNBLOCK_LOCAL: u8 = 39;
    pub(crate) const GO_SYS_EXIT_LOCAL: u8 = 40;
    pub(crate) const GO_START_LABEL: u8 = 41;
    pub(crate) const GO_BLOCK_GC: u8 = 42;
    pub(crate) const GC_MARK_ASSIST_START: u8 = 43;
    pub(crate) const GC_MARK_ASSIST_DONE: u8 = 44;
    pub(crate) const USER_TASK_CREATE: u8 = 45;
    pub(crate) const USER_TASK_END: u8 = 46;
    pub(crate) const USER_REGION: u8 = 47;
    pub(crate) const USER_LOG: u8 = 48;
    pub(crate) const CPU_SAMPLE: u8 = 49;
}

/// The event types, by their number from 1.
const SPECS: [Spec; 49] = [
    own("Batch", 2),
    own("Frequency", 1),
    own("Stack", 0), // as many as its frames need
    stack("Gomaxprocs", 1),
    plain("ProcStart", 1),
    plain("ProcStop", 0),
    stack("GCStart", 1),
    plain("GCDone", 0),
    plain("STWStart", 1),
    plain("STWDone", 0),
    stack("GCSweepStart", 0),
    plain("GCSweepDone", 2),
    stack("GoCreate", 2),
    plain("GoStart", 2),
    plain("GoEnd", 0),
    stack("GoStop", 0),
    stack("GoSched", 0),
    stack("GoPreempt", 0),
    stack("GoSleep", 0),
    stack("GoBlock", 0),
    stack("GoUnblock", 2),
    stack("GoBlockSend", 0),
    stack("GoBlockRecv", 0),
    stack("GoBlockSelect", 0),
    stack("GoBlockSync", 0),
    stack("GoBlockCond", 0),
    stack("GoBlockNet", 0),
    stack("GoSysCall", 0),
    plain("GoSysExit", 3),
    plain("GoSysBlock", 0),
    plain("GoWaiting", 1),
    plain("GoInSyscall", 1),
    plain("HeapAlloc", 1),
    plain("HeapGoal", 1),
    own("TimerGoroutine", 1),
    plain("FutileWakeup", 0),
    own("String", 0), // a string follows
    plain("GoStartLocal", 1),
    stack("GoUnblockLocal", 1),
    plain("GoSysExitLocal", 2),
    plain("GoStartLabel", 3),
    stack("GoBlockGC", 0),
    stack("GCMarkAssistStart", 0),
    plain("GCMarkAssistDone", 0),
    stack("UserTaskCreate", 3),
    stack("UserTaskEnd", 1),
    stack("UserRegion", 3),
    stack("UserLog", 2),
    stack("CPUSample", 3),
];

const fn own(name: &'static str, args: u8) -> Spec {
    Spec { name, args, stack: false, timed: false }
}

const fn plain(name: &'static str, args: u8) -> Spec {
    Spec { name, args, stack: false, timed: true }
}

const fn stack(name: &'static str, args: u8) -> Spec {
    Spec { name, args, stack: true, timed: true }
}

/// The specification of an event type; `None` for what is none in this version.
pub(crate) fn spec(typ: u8, version: crate::Version) -> Option<&'static Spec> {
    if typ == ev::CPU_SAMPLE && version.0 < 19 {
        return None;
    }
    SPECS.get(usize::from(typ).checked_sub(1)?)
}

/// Whether events of this type take part in the order. (Samples are an order of their own.)
pub(super) const fn is_ordered(typ: u8) -> bool {
    typ != ev::CPU_SAMPLE && matches!(typ, 1..=49) && SPECS[typ as usize - 1].timed
}

/// The place of an event's stack among its numbers, the time included; [`MAX_ARGS`] - 1, where nothing
/// stands, for one without. A stack that is there is never so far back.
#[inline(always)]
pub(super) fn stack_place(typ: u8) -> usize {
    const PLACES: [u8; 64] = {
        let mut places = [MAX_ARGS as u8 - 1; 64];
        let mut i = 0;
        while i < SPECS.len() {
            if SPECS[i].stack && is_ordered(i as u8 + 1) {
                places[i + 1] = SPECS[i].args + 1;
            }
            i += 1;
        }
        places
    };
    PLACES[(typ & 63) as usize] as usize
}

/// How many numbers follow this first byte of an event, where it is one that takes part in the order and
/// they are as many as its type says; and whether their length in bytes stands before them.
#[inline(always)]
pub(super) fn numbers(head: u8) -> Option<(usize, bool)> {
    const NUMBERS: [u8; 256] = {
        let mut numbers = [0; 256];
        let mut i = 0;
        while i < SPECS.len() {
            let (spec, typ) = (SPECS[i], i as u8 + 1);
            let n = spec.args + spec.stack as u8 + 1;
            // Text follows a log.
            if is_ordered(typ) && typ != ev::USER_LOG {
                let more = if n > 3 { 3 } else { n - 1 };
                numbers[(typ | more << 6) as usize] = n;
            }
            i += 1;
        }
        numbers
    };
    match NUMBERS[head as usize] {
        0 => None,
        n => Some((n as usize, n > 3)),
    }
}

/// What an event has to do with the goroutine that runs on its P, in bits; none of them if it is of that one,
/// if one runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role(u8);

impl Role {
    /// The first argument runs from now on; nobody did.
    pub(super) const STARTS: u8 = 1;
    /// The one that runs, which must be one, does it.
    pub(super) const ACTS: u8 = 2;
    /// It runs no longer.
    pub(super) const ENDS: u8 = 4;
    /// It is of the first argument, wherever that is.
    pub(super) const OF_ANOTHER: u8 = 8;
    /// The P does it.
    pub(super) const OF_THE_P: u8 = 16;

    /// That of an event type.
    #[inline(always)]
    pub(super) fn of(typ: u8) -> Role {
        const ROLES: [Role; 64] = {
            let mut roles = [Role(0); 64];
            let mut typ = 0;
            while typ < roles.len() {
                roles[typ] = Role(match typ as u8 {
                    ev::GO_START | ev::GO_START_LOCAL | ev::GO_START_LABEL => Role::STARTS,
                    ev::GO_SYS_CALL => Role::ACTS,
                    ev::GO_END | ev::GO_SYS_BLOCK => Role::ACTS | Role::ENDS,
                    ev::GO_SYS_EXIT | ev::GO_WAITING | ev::GO_IN_SYSCALL => Role::OF_ANOTHER,
                    ev::PROC_START | ev::PROC_STOP | ev::GC_SWEEP_START | ev::GC_SWEEP_DONE => {
                        Role::OF_THE_P
                    }
                    typ if block_reason(typ).is_some() => Role::ACTS | Role::ENDS,
                    _ => 0,
                });
                typ += 1;
            }
            roles
        };
        ROLES[(typ & 63) as usize]
    }

    #[inline(always)]
    pub(super) fn is(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// The name of an event type.
pub(crate) fn name(typ: u8) -> &'static str {
    SPECS.get(usize::from(typ).wrapping_sub(1)).map_or("?", |s| s.name)
}

/// Why the world was stopped, in the runtime's words.
pub(super) fn stop_reason(version: crate::Version, kind: u64) -> &'static str {
    // Until 1.20 there were two kinds, without a name.
    let kind = if version.0 < 21 { if kind < 2 { kind + 1 } else { 0 } } else { kind };
    const REASONS: [&str; 17] = [
        "",
        "GC mark termination",
        "GC sweep termination",
        "write heap dump",
        "goroutine profile",
        "goroutine profile cleanup",
        "all goroutine stack trace",
        "read mem stats",
        "AllThreadsSyscall",
        "GOMAXPROCS",
        "start trace",
        "stop trace",
        "CountPagesInUse (test)",
        "ReadMetricsSlow (test)",
        "ReadMemStatsSlow (test)",
        "PageCachePagesLeaked (test)",
        "ResetDebugLog (test)",
    ];
    usize::try_from(kind).ok().and_then(|k| REASONS.get(k)).copied().unwrap_or("")
}

/// Why a goroutine stopped running, in the words of later versions; `None` for other events.
pub(super) const fn block_reason(typ: u8) -> Option<&'static str> {
    Some(match typ {
        ev::GO_STOP => "forever",
        ev::GO_SCHED => "runtime.Gosched",
        ev::GO_PREEMPT => "preempted",
        ev::GO_SLEEP => "sleep",
        ev::GO_BLOCK => "",
        ev::GO_BLOCK_SEND => "chan send",
        ev::GO_BLOCK_RECV => "chan receive",
        ev::GO_BLOCK_SELECT => "select",
        ev::GO_BLOCK_SYNC => "sync",
        ev::GO_BLOCK_COND => "sync.(*Cond).Wait",
        ev::GO_BLOCK_NET => "network",
        ev::GO_BLOCK_GC => "GC mark assist wait for work",
        _ => return None,
    })
}
