//! What is worth telling a person about a trace: few things, each with its line and its evidence.
//!
//! Every finding has a stable code with a page of its own, `docs/findings/CODE.md`, which says the
//! rule in words. The rules are here by subject: `locks`, `channels`, `paths` (sleeps and system
//! calls while others wait), `goroutines`, `scheduler`, `collector`; `scene` gathers what they look
//! at. A finding needs cost: of waits that delay nobody there is none.

use exectrace::FrameId;
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::blame::Blame;
use crate::figures::{Instance, SlotId};
use crate::goroutines::{GoGroup, Life};
use crate::jobs::{Jobs, each};
use crate::verdicts::Verdicts;

mod channels;
mod collector;
mod goroutines;
mod locks;
mod paths;
mod places;
mod scene;
mod scheduler;
#[cfg(test)]
mod tests;

pub use places::{in_folder, place};
use scene::Scene;

/// Which kind of finding. The order is that of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// Goroutines wait for a lock that another has.
    LockContention,
    /// Who has the lock waits itself.
    LockHeldWhileWaiting,
    /// Goroutines queue for a lock nearly all the time.
    Convoy,
    /// A lock that does not come free.
    StuckLock,
    /// A send that nobody takes.
    StuckSend,
    /// Sends wait for a receiver that is busy.
    ChanBackpressure,
    /// No slot is free: all are with goroutines of the same kind.
    SlotsExhausted,
    /// Waits that were given a while, which ran out.
    GaveUp,
    /// Items so small that handing them over costs more than what is done with them.
    FineHandoff,
    /// Workers wait for one that brings too little work.
    Starved,
    /// Sleeps while others wait for it.
    SleepInPath,
    /// Slow system calls while others wait for them.
    SyscallInPath,
    /// Goroutines started side by side that run one after another.
    SerialFanout,
    /// A join that mostly waits for the last one.
    Straggler,
    /// One goroutine does nearly all of the work.
    OneAtATime,
    /// So many goroutines for so little work each.
    GoroutineChurn,
    /// A line that allocates faster than the collector works.
    GcAssistHot,
    /// The world was stopped for long.
    StwStall,
    /// Goroutines that look as if nobody will ever wake them.
    LeakSuspect,
    /// After a wait it takes long to run again though a P is idle.
    WakeupSlow,
    /// Goroutines could run, a P is idle, and the system gives no thread.
    ThreadsStarved,
}

/// All codes, in order.
pub const CODES: [Code; 21] = [
    Code::LockContention,
    Code::LockHeldWhileWaiting,
    Code::Convoy,
    Code::StuckLock,
    Code::StuckSend,
    Code::ChanBackpressure,
    Code::SlotsExhausted,
    Code::GaveUp,
    Code::FineHandoff,
    Code::Starved,
    Code::SleepInPath,
    Code::SyscallInPath,
    Code::SerialFanout,
    Code::Straggler,
    Code::OneAtATime,
    Code::GoroutineChurn,
    Code::GcAssistHot,
    Code::StwStall,
    Code::LeakSuspect,
    Code::WakeupSlow,
    Code::ThreadsStarved,
];

impl Code {
    /// Its name, for good.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::LockContention => "lock-contention",
            Code::LockHeldWhileWaiting => "lock-held-while-waiting",
            Code::Convoy => "convoy",
            Code::StuckLock => "stuck-lock",
            Code::StuckSend => "stuck-send",
            Code::ChanBackpressure => "chan-backpressure",
            Code::SlotsExhausted => "slots-exhausted",
            Code::GaveUp => "gave-up",
            Code::FineHandoff => "fine-handoff",
            Code::Starved => "starved",
            Code::SleepInPath => "sleep-in-path",
            Code::SyscallInPath => "syscall-in-path",
            Code::SerialFanout => "serial-fanout",
            Code::Straggler => "straggler",
            Code::OneAtATime => "one-at-a-time",
            Code::GoroutineChurn => "goroutine-churn",
            Code::GcAssistHot => "gc-assist-hot",
            Code::StwStall => "stw-stall",
            Code::LeakSuspect => "leak-suspect",
            Code::WakeupSlow => "wakeup-slow",
            Code::ThreadsStarved => "threads-starved",
        }
    }

    /// The code with this name.
    pub fn parse(name: &str) -> Option<Code> {
        CODES.into_iter().find(|c| c.as_str() == name)
    }

    /// Its page, as a path in the repository.
    pub fn page(self) -> String {
        format!("docs/findings/{}.md", self.as_str())
    }

    /// How serious it is: a warning is what will not end by itself.
    pub fn severity(self) -> Severity {
        match self {
            Code::StuckLock | Code::StuckSend | Code::LeakSuspect => Severity::Warning,
            _ => Severity::Information,
        }
    }
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// A person wants it told quietly.
    Hint,
    /// Time could be saved.
    Information,
    /// Something does not end.
    Warning,
    /// A person wants it told loudly.
    Error,
}

impl Severity {
    /// Its name in the machine's form.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Information => "information",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// That of its name.
    pub fn parse(name: &str) -> Option<Severity> {
        let all = [Severity::Hint, Severity::Information, Severity::Warning, Severity::Error];
        all.into_iter().find(|severity| severity.as_str() == name)
    }
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// How serious.
    pub severity: Severity,
    /// The line that it stands on; `None`: it is about the whole trace.
    pub frame: Option<FrameId>,
    /// One plain sentence with the figures, without a full stop.
    pub message: String,
    /// How it was found: the figures that the rule looked at.
    pub detail: Vec<String>,
    /// Other lines that belong to it: the worst instance, its waker, where the chain of wakes ends.
    pub related: Vec<Related>,
    /// What it costs, in nanoseconds, for order.
    pub ns: i64,
}

/// A line that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// The line.
    pub frame: FrameId,
    /// What happened there.
    pub text: String,
    /// The wait that is told of, if it is one.
    pub wait: Option<Instance>,
}

impl Related {
    fn new(frame: FrameId, text: String) -> Related {
        Related { frame, text, wait: None }
    }
}

/// Something that a rule looked at and that fell short of a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Which rule.
    pub code: Code,
    /// The line; `None`: it is about the whole trace.
    pub frame: Option<FrameId>,
    /// What was seen: one plain sentence with the figures, without a full stop.
    pub message: String,
    /// The limit that it was furthest from, in words.
    pub limit: String,
    /// How much of that limit it reached, below 1.
    pub nearness: f64,
    /// The wait to look at, where there is one.
    pub wait: Option<Instance>,
}

/// What the rules found, and what they looked at in vain.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Found {
    /// The dearest first.
    pub findings: Vec<Finding>,
    /// What came nearest to a limit first, at most [`MOST_LOOKED`].
    pub looked: Vec<Looked>,
}

impl Found {
    fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What falls short of some limits is told by the one that it is furthest from: a share of it,
    /// and words. What is far from it is not worth a line.
    fn near(
        &mut self,
        code: Code,
        frame: Option<FrameId>,
        wait: Option<Instance>,
        message: String,
        limits: &[(f64, &str)],
    ) {
        let Some(&(nearness, limit)) = limits.iter().min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return;
        };
        if (NEAR..1.0).contains(&nearness) {
            self.looked.push(Looked { code, frame, message, limit: limit.into(), nearness, wait });
        }
    }
}

/// What reaches less of a limit is not told.
const NEAR: f64 = 0.1;
/// The most that is told of what was looked at.
pub const MOST_LOOKED: usize = 20;

/// How much of `limit` a figure is.
fn part(figure: i64, limit: i64) -> f64 {
    figure as f64 / limit.max(1) as f64
}

/// The rules. Each goes by itself.
const RULES: [fn(&Scene<'_>, &mut Found); 6] =
    [locks::find, channels::find, paths::find, goroutines::find, scheduler::find, collector::find];

/// The most findings that are told.
pub const MOST: usize = 50;

/// What is known of a trace, for the rules.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Which waits matter.
    pub verdicts: &'a Verdicts,
    /// What waits were really waiting for.
    pub blame: &'a Blame,
    /// What the life of each goroutine went to.
    pub lives: &'a [Life],
    /// All goroutines, by `go` statement.
    pub groups: &'a [GoGroup],
    /// How long goroutines stood still in assists: [`crate::assists::stood`].
    pub stood: &'a [(SlotId, i64)],
}

/// All findings of a trace, the dearest first, one for each code and line, at most [`MOST`]; and what
/// came near. `user` tells on which lines findings may stand. None for a trace that was loaded without
/// its goroutines' lives.
pub fn find(
    analysis: &Analysis,
    known: &Known<'_>,
    user: &(dyn Fn(FrameId) -> bool + Sync),
    jobs: &dyn Jobs,
) -> Found {
    let Some(stays) = &analysis.stays else { return Found::default() };
    if analysis.duration() <= 0 {
        return Found::default();
    }
    let scene = Scene::new(analysis, stays, known, user);
    let by_rule = |rule: usize| {
        let mut found = Found::default();
        RULES[rule](&scene, &mut found);
        found
    };
    let mut found = Found::default();
    for some in each(jobs, RULES.len(), by_rule, |_| true) {
        found.findings.extend(some.findings);
        found.looked.extend(some.looked);
    }
    let Found { findings, looked } = &mut found;
    findings.sort_by(|a, b| {
        (b.ns, a.code, a.frame)
            .cmp(&(a.ns, b.code, b.frame))
            .then_with(|| a.message.cmp(&b.message))
    });
    let mut seen = hashbrown::HashSet::new();
    findings.retain(|f| seen.insert((f.code, f.frame)));
    findings.truncate(MOST);
    looked.sort_by(|a, b| {
        b.nearness.total_cmp(&a.nearness).then_with(|| (a.code, a.frame).cmp(&(b.code, b.frame)))
    });
    looked.retain(|l| seen.insert((l.code, l.frame)));
    looked.truncate(MOST_LOOKED);
    found
}
