//! What is alive while the pass goes over the events: goroutines with what they have come to and the
//! regions that are open in them, and tasks.

use exectrace::{GoId, ProcId, RangeKind, StackId, StrId, TaskId};

use crate::summary::{Stats, Task, add_to};

/// A region that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) name: StrId,
    pub(super) task: TaskId,
    pub(super) start: Option<i64>,
    pub(super) stack: StackId,
    /// What its goroutine had come to when it began.
    pub(super) before: Stats,
}

/// A goroutine that is alive. Of the times 0 is none.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: GoId,
    pub(super) name: StrId,
    /// The function that its work begins with; none while that is not known.
    pub(super) work: StrId,
    /// It was created in the trace.
    pub(super) born: bool,
    pub(super) created_at: StackId,
    pub(super) creation: i64,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) stats: Stats,
    pub(super) running: i64,
    pub(super) runnable: i64,
    pub(super) blocked: i64,
    pub(super) reason: StrId,
    pub(super) syscall: i64,
    pub(super) handed_off: i64,
    /// The P of its last system call.
    pub(super) syscall_p: ProcId,
    pub(super) ranges: Vec<(RangeKind, i64)>,
    pub(super) regions: Vec<Open>,
}

impl Live {
    pub(super) fn new(id: GoId, creation: i64) -> Live {
        Live {
            id,
            name: StrId::NONE,
            work: StrId::NONE,
            born: false,
            created_at: StackId::NONE,
            creation,
            start: 0,
            end: 0,
            stats: Stats::default(),
            running: 0,
            runnable: 0,
            blocked: 0,
            reason: StrId::NONE,
            syscall: 0,
            handed_off: 0,
            syscall_p: ProcId::NONE,
            ranges: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// What it comes to at `t`, what is under way included.
    pub(super) fn at(&self, t: i64) -> Stats {
        let mut stats = self.stats.clone();
        let since = |from: i64| t.wrapping_sub(from);
        if stats.total == 0 {
            stats.total = since(self.creation);
        }
        let add = |sum: &mut i64, from: i64| {
            if from != 0 {
                *sum = sum.wrapping_add(since(from));
            }
        };
        add(&mut stats.exec, self.running);
        add(&mut stats.sched_wait, self.runnable);
        if self.blocked != 0 {
            add_to(&mut stats.block, self.reason, since(self.blocked));
        }
        // Go's summarizer counts the time without the P here and as waiting for one.
        if self.syscall != 0 && self.handed_off != 0 {
            let kept = self.handed_off.wrapping_sub(self.syscall);
            stats.syscall = stats.syscall.wrapping_add(kept);
        } else {
            add(&mut stats.syscall, self.syscall);
        }
        add(&mut stats.syscall_block, self.handed_off);
        for &(kind, from) in &self.ranges {
            add_to(&mut stats.ranges, kind, since(from));
        }
        stats
    }
}

/// A task while its events come.
#[derive(Debug)]
pub(super) struct OpenTask {
    pub(super) task: Task,
    /// Goroutines are kept once each from so many on.
    pub(super) squeeze_at: usize,
}

impl OpenTask {
    pub(super) fn has(&mut self, g: GoId) {
        let list = &mut self.task.goroutines;
        if list.last() != Some(&g) {
            list.push(g);
            if list.len() >= self.squeeze_at {
                self.squeeze();
                self.squeeze_at = 2 * self.task.goroutines.len().max(32);
            }
        }
    }

    pub(super) fn squeeze(&mut self) {
        self.task.goroutines.sort_unstable();
        self.task.goroutines.dedup();
    }
}
