//! What a piece of a lane is drawn as.

use exectrace::{StackId, StrId, Tables};

use crate::verdicts::Verdict;

/// What a span is, as the page's legend has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// It runs.
    Running = 1,
    /// It could run and has no P.
    Runnable,
    /// It waits for a lock, a condition or a wait group.
    Lock,
    /// It waits on a channel or a select.
    Channel,
    /// It waits for the network.
    Network,
    /// It sleeps.
    Sleep,
    /// It is in a system call or in C.
    Syscall,
    /// It runs to help the collector.
    Assist,
    /// It waits for the collector.
    GcWait,
    /// It is the runtime's own and has nothing to do.
    System,
    /// The collector marks.
    GcMark,
    /// The world is stopped.
    Stw,
    /// A P sweeps.
    Sweep,
    /// A user task.
    Task,
    /// A user region.
    Region,
    /// Something that takes no time: a wake, a sample.
    Instant,
    /// It waits, and the trace does not say for what.
    Unknown,
}

/// All classes, by their number less one.
pub const CLASSES: [Class; 17] = [
    Class::Running,
    Class::Runnable,
    Class::Lock,
    Class::Channel,
    Class::Network,
    Class::Sleep,
    Class::Syscall,
    Class::Assist,
    Class::GcWait,
    Class::System,
    Class::GcMark,
    Class::Stw,
    Class::Sweep,
    Class::Task,
    Class::Region,
    Class::Instant,
    Class::Unknown,
];

impl Class {
    /// The word for it in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Class::Running => "running",
            Class::Runnable => "runnable",
            Class::Lock => "lock",
            Class::Channel => "channel",
            Class::Network => "network",
            Class::Sleep => "sleep",
            Class::Syscall => "syscall",
            Class::Assist => "assist",
            Class::GcWait => "gc wait",
            Class::System => "system",
            Class::GcMark => "gc mark",
            Class::Stw => "stw",
            Class::Sweep => "sweep",
            Class::Task => "task",
            Class::Region => "region",
            Class::Instant => "instant",
            Class::Unknown => "unknown",
        }
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Option<Class> {
        CLASSES.into_iter().find(|c| c.name() == name)
    }

    /// Whether the goroutine is blocked.
    pub fn is_wait(self) -> bool {
        matches!(
            self,
            Class::Lock
                | Class::Channel
                | Class::Network
                | Class::Sleep
                | Class::GcWait
                | Class::System
                | Class::Unknown
        )
    }

    /// Whether a goroutine's span has a P and a thread that it was on.
    pub(super) fn has_where(self) -> bool {
        self.is_running() || self == Class::Syscall
    }

    /// Whether the goroutine runs.
    pub fn is_running(self) -> bool {
        matches!(self, Class::Running | Class::Assist)
    }
}

/// A class and how its wait was judged, in a byte: what one colour and form stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tone(pub u8);

/// Tones are below this.
pub(super) const TONES: usize = 5 << 5;

/// By [`Tone::code`].
const BY_CODE: [u8; 64] = {
    let mut tones = [Class::Unknown as u8; 64];
    let mut code = 0;
    while code < 55 {
        let class = if code < 50 { code / 5 + 1 } else { Class::Unknown as usize };
        tones[code] = class as u8 | ((code % 5) << 5) as u8;
        code += 1;
    }
    tones
};

impl Tone {
    /// A class without a verdict.
    pub fn new(class: Class) -> Tone {
        Tone(class as u8)
    }

    /// The same class with a verdict.
    pub fn judged(self, verdict: Verdict) -> Tone {
        let verdict = match verdict {
            Verdict::Costly => 1,
            Verdict::Through => 2,
            Verdict::Idle => 3,
            Verdict::Unsure => 4,
        };
        Tone((self.0 & 31) | verdict << 5)
    }

    /// One of a goroutine's spans in six bits: of eleven classes with five verdicts each.
    pub(super) fn code(self) -> u8 {
        let class = match self.0 & 31 {
            class @ 1..=10 => class - 1,
            _ => 10, // Class::Unknown
        };
        class * 5 + (self.0 >> 5).min(4)
    }

    /// The tone of a code.
    #[inline]
    pub(super) fn of_code(code: u8) -> Tone {
        Tone(BY_CODE[usize::from(code & 63)])
    }

    /// What it is.
    pub fn class(self) -> Class {
        let row = usize::from(self.0 & 31).wrapping_sub(1);
        CLASSES.get(row).copied().unwrap_or(Class::Unknown)
    }

    /// How it was judged, by the number that tiles have: 0 is not at all.
    pub fn verdict_number(self) -> u8 {
        self.0 >> 5
    }

    /// How it was judged.
    pub fn verdict(self) -> Option<Verdict> {
        match self.0 >> 5 {
            1 => Some(Verdict::Costly),
            2 => Some(Verdict::Through),
            3 => Some(Verdict::Idle),
            4 => Some(Verdict::Unsure),
            _ => None,
        }
    }

    /// Whether it is nobody's loss: judged idle, or the runtime's own.
    pub fn is_idle(self) -> bool {
        self.0 >> 5 == 3 || self.0 & 31 == Class::System as u8
    }
}

/// What a wait is, by the runtime's reason and where the goroutine stood.
pub(super) fn of_wait(tables: &Tables, reason: StrId, stack: StackId) -> Class {
    match tables.str(reason) {
        "network" => Class::Network,
        "sleep" => Class::Sleep,
        "sync.(*Cond).Wait" => Class::Lock,
        "sync" => {
            // The runtime's own semaphores stand right under the code that allocates.
            let mut funcs = tables.stack(stack).iter().map(|&f| tables.str(tables.frame(f).func));
            let first = funcs.find(|f| !f.starts_with("runtime."));
            match first {
                Some(f) if f.starts_with("sync.") || f.starts_with("internal/") => Class::Lock,
                Some(_) => Class::GcWait,
                None => Class::System,
            }
        }
        "GC worker (idle)" | "GC background sweeper wait" | "GC scavenge wait" => Class::System,
        "preempted" | "wait until GC ends" => Class::GcWait,
        "" => Class::Unknown,
        text if text.contains("chan") || text.contains("select") => Class::Channel,
        text if text.starts_with("GC ") => Class::GcWait,
        "forever"
        | "system goroutine wait"
        | "finalizer wait"
        | "force gc (idle)"
        | "synctest"
        | "wait for debug call"
        | "trace reader (blocked)"
        | "debug call" => Class::System,
        _ => Class::Unknown,
    }
}
