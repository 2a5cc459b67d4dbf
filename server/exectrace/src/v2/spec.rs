//! The event types of the v2 wire format (Go 1.22 and later) and the arguments of each.
//!
//! Facts of the format only; `merge` and `order` give them meaning. Source: Go's
//! `internal/trace/tracev2/events.go` and `runtime/traceevent.go`.

/// What stands on the wire for one event type.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The type's byte.
    pub typ: u8,
    /// The name that Go's own tools print.
    pub name: &'static str,
    /// The names of its arguments, each a varint. A timed event's first is `dt`.
    pub args: &'static [&'static str],
    /// Whether it stands in a thread's stream, with a time of its own.
    pub timed: bool,
    /// Which arguments (positions in `args`) are ids of stacks; the first is the stack of the
    /// goroutine that made the event.
    pub stacks: &'static [u8],
    /// Which arguments (positions in `args`) are ids of strings.
    pub strings: &'static [u8],
}

/// The most bytes a batch may hold.
pub const MAX_BATCH_SIZE: u64 = 64 << 10;
/// The most frames a stack may have.
pub const MAX_FRAMES: u64 = 128;
/// The most bytes a string may have.
pub const MAX_STRING_SIZE: u64 = 1 << 10;
/// The most arguments that a timed event has, `dt` included.
pub const MAX_TIMED_ARGS: usize = 5;

/// A status of a goroutine, as `GoStatus` gives it.
pub mod go_status {
    /// Able to run.
    pub const RUNNABLE: u64 = 1;
    /// Running on a thread.
    pub const RUNNING: u64 = 2;
    /// In a system call.
    pub const SYSCALL: u64 = 3;
    /// Blocked.
    pub const WAITING: u64 = 4;
}

/// A status of a P, as `ProcStatus` gives it.
pub mod proc_status {
    /// Runs a goroutine or looks for one.
    pub const RUNNING: u64 = 1;
    /// Nobody's.
    pub const IDLE: u64 = 2;
    /// Its goroutine is in a system call.
    pub const SYSCALL: u64 = 3;
    /// As `SYSCALL`, but which thread has it is not known any more.
    pub const SYSCALL_ABANDONED: u64 = 4;
}

/// The byte of each event type.
pub mod ev {
    /// `EventBatch`.
    pub const EVENT_BATCH: u8 = 1;
    /// `Stacks`.
    pub const STACKS: u8 = 2;
    /// `Stack`.
    pub const STACK: u8 = 3;
    /// `Strings`.
    pub const STRINGS: u8 = 4;
    /// `String`.
    pub const STRING: u8 = 5;
    /// `CPUSamples`.
    pub const CPU_SAMPLES: u8 = 6;
    /// `CPUSample`.
    pub const CPU_SAMPLE: u8 = 7;
    /// `Frequency`.
    pub const FREQUENCY: u8 = 8;
    /// `ProcsChange`.
    pub const PROCS_CHANGE: u8 = 9;
    /// `ProcStart`.
    pub const PROC_START: u8 = 10;
    /// `ProcStop`.
    pub const PROC_STOP: u8 = 11;
    /// `ProcSteal`.
    pub const PROC_STEAL: u8 = 12;
    /// `ProcStatus`.
    pub const PROC_STATUS: u8 = 13;
    /// `GoCreate`.
    pub const GO_CREATE: u8 = 14;
    /// `GoCreateSyscall`.
    pub const GO_CREATE_SYSCALL: u8 = 15;
    /// `GoStart`.
    pub const GO_START: u8 = 16;
    /// `GoDestroy`.
    pub const GO_DESTROY: u8 = 17;
    /// `GoDestroySyscall`.
    pub const GO_DESTROY_SYSCALL: u8 = 18;
    /// `GoStop`.
    pub const GO_STOP: u8 = 19;
    /// `GoBlock`.
    pub const GO_BLOCK: u8 = 20;
    /// `GoUnblock`.
    pub const GO_UNBLOCK: u8 = 21;
    /// `GoSyscallBegin`.
    pub const GO_SYSCALL_BEGIN: u8 = 22;
    /// `GoSyscallEnd`.
    pub const GO_SYSCALL_END: u8 = 23;
    /// `GoSyscallEndBlocked`.
    pub const GO_SYSCALL_END_BLOCKED: u8 = 24;
    /// `GoStatus`.
    pub const GO_STATUS: u8 = 25;
    /// `STWBegin`.
    pub const STW_BEGIN: u8 = 26;
    /// `STWEnd`.
    pub const STW_END: u8 = 27;
    /// `GCActive`.
    pub const GC_ACTIVE: u8 = 28;
    /// `GCBegin`.
    pub const GC_BEGIN: u8 = 29;
    /// `GCEnd`.
    pub const GC_END: u8 = 30;
    /// `GCSweepActive`.
    pub const GC_SWEEP_ACTIVE: u8 = 31;
    /// `GCSweepBegin`.
    pub const GC_SWEEP_BEGIN: u8 = 32;
    /// `GCSweepEnd`.
    pub const GC_SWEEP_END: u8 = 33;
    /// `GCMarkAssistActive`.
    pub const GC_MARK_ASSIST_ACTIVE: u8 = 34;
    /// `GCMarkAssistBegin`.
    pub const GC_MARK_ASSIST_BEGIN: u8 = 35;
    /// `GCMarkAssistEnd`.
    pub const GC_MARK_ASSIST_END: u8 = 36;
    /// `HeapAlloc`.
    pub const HEAP_ALLOC: u8 = 37;
    /// `HeapGoal`.
    pub const HEAP_GOAL: u8 = 38;
    /// `GoLabel`.
    pub const GO_LABEL: u8 = 39;
    /// `UserTaskBegin`.
    pub const USER_TASK_BEGIN: u8 = 40;
    /// `UserTaskEnd`.
    pub const USER_TASK_END: u8 = 41;
    /// `UserRegionBegin`.
    pub const USER_REGION_BEGIN: u8 = 42;
    /// `UserRegionEnd`.
    pub const USER_REGION_END: u8 = 43;
    /// `UserLog`.
    pub const USER_LOG: u8 = 44;
    /// `GoSwitch`.
    pub const GO_SWITCH: u8 = 45;
    /// `GoSwitchDestroy`.
    pub const GO_SWITCH_DESTROY: u8 = 46;
    /// `GoCreateBlocked`.
    pub const GO_CREATE_BLOCKED: u8 = 47;
    /// `GoStatusStack`.
    pub const GO_STATUS_STACK: u8 = 48;
    /// `ExperimentalBatch`.
    pub const EXPERIMENTAL_BATCH: u8 = 49;
    /// `Sync`.
    pub const SYNC: u8 = 50;
    /// `ClockSnapshot`.
    pub const CLOCK_SNAPSHOT: u8 = 51;
    /// `EndOfGeneration`.
    pub const END_OF_GENERATION: u8 = 52;
    /// `Span`.
    pub const SPAN: u8 = 128;
    /// `SpanAlloc`.
    pub const SPAN_ALLOC: u8 = 129;
    /// `SpanFree`.
    pub const SPAN_FREE: u8 = 130;
    /// `HeapObject`.
    pub const HEAP_OBJECT: u8 = 131;
    /// `HeapObjectAlloc`.
    pub const HEAP_OBJECT_ALLOC: u8 = 132;
    /// `HeapObjectFree`.
    pub const HEAP_OBJECT_FREE: u8 = 133;
    /// `GoroutineStack`.
    pub const GOROUTINE_STACK: u8 = 134;
    /// `GoroutineStackAlloc`.
    pub const GOROUTINE_STACK_ALLOC: u8 = 135;
    /// `GoroutineStackFree`.
    pub const GOROUTINE_STACK_FREE: u8 = 136;
}

/// The specification of an event type, if there is one.
pub fn spec(typ: u8) -> Option<&'static Spec> {
    SPECS.iter().find(|s| s.typ == typ)
}

/// The specification with this name.
pub fn by_name(name: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|s| s.name == name)
}

/// The number of arguments of each timed event type, `dt` included; 0 for all others.
pub const TIMED_ARGS: [u8; 256] = {
    let mut n = [0; 256];
    let mut i = 0;
    while i < SPECS.len() {
        if SPECS[i].timed {
            n[SPECS[i].typ as usize] = SPECS[i].args.len() as u8;
        }
        i += 1;
    }
    n
};

/// All event types, by their byte.
pub const SPECS: &[Spec] = &[
    Spec {
        typ: ev::EVENT_BATCH,
        name: "EventBatch",
        args: &["gen", "m", "time", "size"],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec { typ: ev::STACKS, name: "Stacks", args: &[], timed: false, stacks: &[], strings: &[] },
    Spec {
        typ: ev::STACK,
        name: "Stack",
        args: &["id", "nframes"],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec { typ: ev::STRINGS, name: "Strings", args: &[], timed: false, stacks: &[], strings: &[] },
    Spec {
        typ: ev::STRING,
        name: "String",
        args: &["id"],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::CPU_SAMPLES,
        name: "CPUSamples",
        args: &[],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::CPU_SAMPLE,
        name: "CPUSample",
        args: &["time", "m", "p", "g", "stack"],
        timed: false,
        stacks: &[4],
        strings: &[],
    },
    Spec {
        typ: ev::FREQUENCY,
        name: "Frequency",
        args: &["freq"],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::PROCS_CHANGE,
        name: "ProcsChange",
        args: &["dt", "procs_value", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[],
    },
    Spec {
        typ: ev::PROC_START,
        name: "ProcStart",
        args: &["dt", "p", "p_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::PROC_STOP,
        name: "ProcStop",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::PROC_STEAL,
        name: "ProcSteal",
        args: &["dt", "p", "p_seq", "m"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::PROC_STATUS,
        name: "ProcStatus",
        args: &["dt", "p", "pstatus"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_CREATE,
        name: "GoCreate",
        args: &["dt", "new_g", "new_stack", "stack"],
        timed: true,
        stacks: &[3, 2],
        strings: &[],
    },
    Spec {
        typ: ev::GO_CREATE_SYSCALL,
        name: "GoCreateSyscall",
        args: &["dt", "new_g"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_START,
        name: "GoStart",
        args: &["dt", "g", "g_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_DESTROY,
        name: "GoDestroy",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_DESTROY_SYSCALL,
        name: "GoDestroySyscall",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_STOP,
        name: "GoStop",
        args: &["dt", "reason_string", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[1],
    },
    Spec {
        typ: ev::GO_BLOCK,
        name: "GoBlock",
        args: &["dt", "reason_string", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[1],
    },
    Spec {
        typ: ev::GO_UNBLOCK,
        name: "GoUnblock",
        args: &["dt", "g", "g_seq", "stack"],
        timed: true,
        stacks: &[3],
        strings: &[],
    },
    Spec {
        typ: ev::GO_SYSCALL_BEGIN,
        name: "GoSyscallBegin",
        args: &["dt", "p_seq", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[],
    },
    Spec {
        typ: ev::GO_SYSCALL_END,
        name: "GoSyscallEnd",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_SYSCALL_END_BLOCKED,
        name: "GoSyscallEndBlocked",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_STATUS,
        name: "GoStatus",
        args: &["dt", "g", "m", "gstatus"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::STW_BEGIN,
        name: "STWBegin",
        args: &["dt", "kind_string", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[1],
    },
    Spec {
        typ: ev::STW_END,
        name: "STWEnd",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_ACTIVE,
        name: "GCActive",
        args: &["dt", "gc_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_BEGIN,
        name: "GCBegin",
        args: &["dt", "gc_seq", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[],
    },
    Spec {
        typ: ev::GC_END,
        name: "GCEnd",
        args: &["dt", "gc_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_SWEEP_ACTIVE,
        name: "GCSweepActive",
        args: &["dt", "p"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_SWEEP_BEGIN,
        name: "GCSweepBegin",
        args: &["dt", "stack"],
        timed: true,
        stacks: &[1],
        strings: &[],
    },
    Spec {
        typ: ev::GC_SWEEP_END,
        name: "GCSweepEnd",
        args: &["dt", "swept_value", "reclaimed_value"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_MARK_ASSIST_ACTIVE,
        name: "GCMarkAssistActive",
        args: &["dt", "g"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GC_MARK_ASSIST_BEGIN,
        name: "GCMarkAssistBegin",
        args: &["dt", "stack"],
        timed: true,
        stacks: &[1],
        strings: &[],
    },
    Spec {
        typ: ev::GC_MARK_ASSIST_END,
        name: "GCMarkAssistEnd",
        args: &["dt"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::HEAP_ALLOC,
        name: "HeapAlloc",
        args: &["dt", "heapalloc_value"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::HEAP_GOAL,
        name: "HeapGoal",
        args: &["dt", "heapgoal_value"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_LABEL,
        name: "GoLabel",
        args: &["dt", "label_string"],
        timed: true,
        stacks: &[],
        strings: &[1],
    },
    Spec {
        typ: ev::USER_TASK_BEGIN,
        name: "UserTaskBegin",
        args: &["dt", "task", "parent_task", "name_string", "stack"],
        timed: true,
        stacks: &[4],
        strings: &[3],
    },
    Spec {
        typ: ev::USER_TASK_END,
        name: "UserTaskEnd",
        args: &["dt", "task", "stack"],
        timed: true,
        stacks: &[2],
        strings: &[],
    },
    Spec {
        typ: ev::USER_REGION_BEGIN,
        name: "UserRegionBegin",
        args: &["dt", "task", "name_string", "stack"],
        timed: true,
        stacks: &[3],
        strings: &[2],
    },
    Spec {
        typ: ev::USER_REGION_END,
        name: "UserRegionEnd",
        args: &["dt", "task", "name_string", "stack"],
        timed: true,
        stacks: &[3],
        strings: &[2],
    },
    Spec {
        typ: ev::USER_LOG,
        name: "UserLog",
        args: &["dt", "task", "key_string", "value_string", "stack"],
        timed: true,
        stacks: &[4],
        strings: &[2, 3],
    },
    Spec {
        typ: ev::GO_SWITCH,
        name: "GoSwitch",
        args: &["dt", "g", "g_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_SWITCH_DESTROY,
        name: "GoSwitchDestroy",
        args: &["dt", "g", "g_seq"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GO_CREATE_BLOCKED,
        name: "GoCreateBlocked",
        args: &["dt", "new_g", "new_stack", "stack"],
        timed: true,
        stacks: &[3, 2],
        strings: &[],
    },
    Spec {
        typ: ev::GO_STATUS_STACK,
        name: "GoStatusStack",
        args: &["dt", "g", "m", "gstatus", "stack"],
        timed: true,
        stacks: &[4],
        strings: &[],
    },
    Spec {
        typ: ev::EXPERIMENTAL_BATCH,
        name: "ExperimentalBatch",
        args: &["exp", "gen", "m", "time"],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec { typ: ev::SYNC, name: "Sync", args: &[], timed: false, stacks: &[], strings: &[] },
    Spec {
        typ: ev::CLOCK_SNAPSHOT,
        name: "ClockSnapshot",
        args: &["dt", "mono", "sec", "nsec"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::END_OF_GENERATION,
        name: "EndOfGeneration",
        args: &[],
        timed: false,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::SPAN,
        name: "Span",
        args: &["dt", "id", "npages_value", "kindclass"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::SPAN_ALLOC,
        name: "SpanAlloc",
        args: &["dt", "id", "npages_value", "kindclass"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::SPAN_FREE,
        name: "SpanFree",
        args: &["dt", "id"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::HEAP_OBJECT,
        name: "HeapObject",
        args: &["dt", "id", "type"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::HEAP_OBJECT_ALLOC,
        name: "HeapObjectAlloc",
        args: &["dt", "id", "type"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::HEAP_OBJECT_FREE,
        name: "HeapObjectFree",
        args: &["dt", "id"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GOROUTINE_STACK,
        name: "GoroutineStack",
        args: &["dt", "id", "order"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GOROUTINE_STACK_ALLOC,
        name: "GoroutineStackAlloc",
        args: &["dt", "id", "order"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
    Spec {
        typ: ev::GOROUTINE_STACK_FREE,
        name: "GoroutineStackFree",
        args: &["dt", "id"],
        timed: true,
        stacks: &[],
        strings: &[],
    },
];
