//! What a span of time was spent on.
//!
//! The names are those of `docs/figures.md`; [`Causes::name`] gives them as the machine's forms
//! print them, with the runtime's own words for reasons.

use exectrace::{RangeKind, StrId, Tables};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// A cause, by its row in [`Causes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CauseId(pub u16);

/// What kind of cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// Running, on the line of the event that ended it.
    Running,
    /// Able to run and waiting for a P, on the line of who made it so.
    Sched,
    /// The same spans on the line where the goroutine itself stands.
    SchedOwn,
    /// Those among them that a preemption began.
    Preempted,
    /// In a system call or in C.
    Syscall,
    /// Blocked on the network.
    Net,
    /// `time.Sleep`.
    Sleep,
    /// Blocked on a channel, a select or the `sync` package, by the runtime's reason.
    Sync(StrId),
    /// Blocked for any other reason; the empty one is a wait that began before the trace.
    Wait(StrId),
    /// In a range of the collector or of a stopped world.
    Range(RangeKind),
    /// Goroutines created: counted, not timed.
    Create,
    /// Samples of the CPU profiler: counted, not timed.
    CpuSample,
}

impl Cause {
    /// Whether a goroutine was blocked.
    pub fn is_wait(self) -> bool {
        matches!(self, Cause::Net | Cause::Sleep | Cause::Sync(_) | Cause::Wait(_))
    }
}

/// The causes that a trace has.
#[derive(Debug, Clone)]
pub struct Causes {
    list: Vec<(Cause, String)>,
    by_reason: HashMap<StrId, CauseId>,
    by_range: HashMap<RangeKind, CauseId>,
}

impl Default for Causes {
    fn default() -> Self {
        let fixed = [
            (Cause::Running, "running"),
            (Cause::Sched, "sched"),
            (Cause::SchedOwn, "sched_own"),
            (Cause::Preempted, "preempted"),
            (Cause::Syscall, "syscall"),
            (Cause::Net, "net"),
            (Cause::Sleep, "sleep"),
            (Cause::Create, "create"),
            (Cause::CpuSample, "cpu_sample"),
        ];
        Causes {
            list: fixed.into_iter().map(|(cause, name)| (cause, name.to_owned())).collect(),
            by_reason: HashMap::new(),
            by_range: HashMap::new(),
        }
    }
}

impl Causes {
    /// [`Cause::Running`].
    pub const RUNNING: CauseId = CauseId(0);
    /// [`Cause::Sched`].
    pub const SCHED: CauseId = CauseId(1);
    /// [`Cause::SchedOwn`].
    pub const SCHED_OWN: CauseId = CauseId(2);
    /// [`Cause::Preempted`].
    pub const PREEMPTED: CauseId = CauseId(3);
    /// [`Cause::Syscall`].
    pub const SYSCALL: CauseId = CauseId(4);
    /// [`Cause::Net`].
    pub const NET: CauseId = CauseId(5);
    /// [`Cause::Sleep`].
    pub const SLEEP: CauseId = CauseId(6);
    /// [`Cause::Create`].
    pub const CREATE: CauseId = CauseId(7);
    /// [`Cause::CpuSample`].
    pub const CPU_SAMPLE: CauseId = CauseId(8);
    /// More causes than this are one: a crafted trace can name as many reasons as it has bytes.
    const MOST: usize = 4096;

    /// What kind of cause.
    pub fn cause(&self, id: CauseId) -> Cause {
        self.list[id.0 as usize].0
    }

    /// Its name in the machine's forms.
    pub fn name(&self, id: CauseId) -> &str {
        &self.list[id.0 as usize].1
    }

    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = CauseId> {
        (0..self.list.len() as u16).map(CauseId)
    }

    /// Causes as they were met, from their kinds; `None` if these never came so.
    pub(crate) fn of(kinds: &[Cause], tables: &Tables) -> Option<Causes> {
        let mut made = Causes::default();
        let n = made.list.len();
        let fixed = made.list.iter().map(|(cause, _)| cause);
        if !fixed.eq(kinds.get(..n)?) {
            return None;
        }
        for (row, kind) in kinds.iter().enumerate().skip(n) {
            let is_there = |reason: StrId| (reason.0 as usize) < tables.n_strings();
            let id = match *kind {
                Cause::Sync(reason) | Cause::Wait(reason) if is_there(reason) => {
                    made.of_reason(reason, tables)
                }
                Cause::Range(RangeKind::StopTheWorld(why)) if !is_there(why) => return None,
                Cause::Range(range) => made.of_range(range, tables),
                _ => return None,
            };
            if usize::from(id.0) != row || made.cause(id) != *kind {
                return None;
            }
        }
        Some(made)
    }

    /// Whether there can be more of them.
    pub(crate) fn has_room(&self) -> bool {
        self.list.len() < Self::MOST
    }

    /// The cause of a wait for this reason.
    #[inline]
    pub fn of_reason(&mut self, reason: StrId, tables: &Tables) -> CauseId {
        if let Some(&id) = self.by_reason.get(&reason) {
            return id;
        }
        let text = tables.str(reason);
        let id = match text {
            "network" => Causes::NET,
            "sleep" => Causes::SLEEP,
            // The words by which Go's own tool tells its synchronization profile.
            _ if ["chan", "sync", "select"].iter().any(|word| text.contains(word)) => {
                self.add(Cause::Sync(reason), format!("sync:{text}"))
            }
            _ => self.add(Cause::Wait(reason), format!("wait:{text}")),
        };
        self.by_reason.insert(reason, id);
        id
    }

    /// The cause of a range of this kind.
    pub fn of_range(&mut self, kind: RangeKind, tables: &Tables) -> CauseId {
        if let Some(&id) = self.by_range.get(&kind) {
            return id;
        }
        let name = match kind {
            RangeKind::StopTheWorld(why) => {
                format!("range:stop-the-world ({})", tables.str(why))
            }
            RangeKind::GcMark => "range:GC concurrent mark phase".into(),
            RangeKind::GcSweep => "range:GC incremental sweep".into(),
            RangeKind::GcMarkAssist => "range:GC mark assist".into(),
        };
        let id = self.add(Cause::Range(kind), name);
        self.by_range.insert(kind, id);
        id
    }

    fn add(&mut self, cause: Cause, name: String) -> CauseId {
        if self.list.len() >= Self::MOST {
            return CauseId(Self::MOST as u16 - 1);
        }
        self.list.push((cause, name));
        CauseId(self.list.len() as u16 - 1)
    }
}
