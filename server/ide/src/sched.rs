//! Whether goroutines that could run had to wait because all Ps were taken, or though one was idle.
//!
//! ```text
//! Ps running     2    1        2      1    2        GOMAXPROCS 2
//! I(t)           0    rising   same   ...  same     time so far with fewer Ps running than that
//! runnable            |---- a .. b ----|            its part with an idle P: I(b) - I(a)
//! ```
//!
//! Where a P was idle for half of the time or more, the waking up was slow: the system gave no
//! thread, because there are fewer CPUs than GOMAXPROCS, or a quota, or the machine is loaded.
//! Else the Ps were saturated. Kept together with the stays, and only then.

use exectrace::{Nanos, ProcEvent, ProcState};
use serde::{Deserialize, Serialize};

use crate::figures::SlotId;

/// How long Ps were idle: in all, and while goroutines could run.
#[derive(Debug, Default, Clone)]
pub struct Sched {
    gomaxprocs: u64,
    running: u64,
    /// When one of these two changed last.
    since: i64,
    /// I(t) up to then.
    idle_ns: i64,
    /// Time in which goroutines could run, in nanoseconds.
    runnable_ns: i64,
    /// The part of it with an idle P.
    runnable_idle_ns: i64,
    /// By slot, as far as any had such a part.
    by_slot: Vec<i64>,
}

/// How long goroutines waited for a P, all of them together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// In all, in nanoseconds.
    pub ns: i64,
    /// The part of it in which a P was idle.
    pub idle_ns: i64,
}

impl Sched {
    /// How long goroutines waited for a P.
    pub fn queued(&self) -> Queued {
        Queued { ns: self.runnable_ns, idle_ns: self.runnable_idle_ns }
    }

    /// The time in which fewer Ps ran than GOMAXPROCS, in nanoseconds.
    pub fn idle_ns(&self) -> i64 {
        self.idle_ns
    }

    /// The time for which goroutines could run and had no P, all of them together, in nanoseconds.
    pub fn runnable_ns(&self) -> i64 {
        self.runnable_ns
    }

    /// The part of [`Sched::runnable_ns`] in which a P was idle.
    pub fn runnable_idle_ns(&self) -> i64 {
        self.runnable_idle_ns
    }

    /// The part of a slot's time in which a P was idle, in nanoseconds; for slots of runnable spans
    /// (`sched` and `sched_own`).
    pub fn idle_of(&self, slot: SlotId) -> i64 {
        self.by_slot.get(slot.0 as usize).copied().unwrap_or(0)
    }

    /// I(t), for a `t` that is not earlier than the last change.
    #[inline(always)]
    pub(crate) fn idle_at(&self, t: Nanos) -> i64 {
        if self.running < self.gomaxprocs {
            self.idle_ns.wrapping_add(t.0.wrapping_sub(self.since))
        } else {
            self.idle_ns
        }
    }

    fn step(&mut self, t: Nanos) {
        self.idle_ns = self.idle_at(t);
        self.since = t.0;
    }

    /// A P changes its state.
    #[inline(always)]
    pub(crate) fn proc(&mut self, t: Nanos, event: &ProcEvent) {
        let (from, to) = (event.from == ProcState::Running, event.to == ProcState::Running);
        if from != to {
            self.step(t);
            self.running = if to { self.running + 1 } else { self.running.saturating_sub(1) };
        }
    }

    /// GOMAXPROCS is told.
    pub(crate) fn gomaxprocs(&mut self, t: Nanos, n: u64) {
        if n != self.gomaxprocs {
            self.step(t);
            self.gomaxprocs = n;
        }
    }

    /// A goroutine runs at `t` after it could for `ns`; `before` is I(t) when that began, and these
    /// are the slots of the span.
    #[inline(always)]
    pub(crate) fn waited(&mut self, before: i64, slots: [SlotId; 2], t: Nanos, ns: i64) {
        self.runnable_ns = self.runnable_ns.wrapping_add(ns);
        let idle = self.idle_at(t).wrapping_sub(before);
        if idle == 0 {
            return;
        }
        self.runnable_idle_ns = self.runnable_idle_ns.wrapping_add(idle);
        for slot in slots {
            self.add(slot, idle);
        }
    }

    fn add(&mut self, slot: SlotId, idle: i64) {
        if slot == SlotId::NONE {
            return;
        }
        let i = slot.0 as usize;
        if i >= self.by_slot.len() {
            self.by_slot.resize(i + 1, 0);
        }
        if let Some(sum) = self.by_slot.get_mut(i) {
            *sum = sum.wrapping_add(idle);
        }
    }

    /// The trace ends.
    pub(crate) fn end(&mut self, t: Nanos) {
        self.step(t);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exectrace::ProcId;

    #[test]
    fn idle_is_fewer_than_gomaxprocs() {
        let mut sched = Sched::default();
        let p = ProcId::NONE;
        let start = ProcEvent { p, from: ProcState::Idle, to: ProcState::Running };
        let stop = ProcEvent { p, from: ProcState::Running, to: ProcState::Idle };
        let again = ProcEvent { p, from: ProcState::Running, to: ProcState::Running };
        sched.gomaxprocs(Nanos(10), 2);
        sched.proc(Nanos(10), &start);
        assert_eq!(sched.idle_at(Nanos(15)), 5);
        sched.proc(Nanos(20), &start); // both run
        sched.proc(Nanos(30), &again);
        let before = sched.idle_at(Nanos(30));
        assert_eq!(before, 10);
        sched.proc(Nanos(50), &stop);
        sched.waited(before, [SlotId(3), SlotId::NONE], Nanos(60), 30);
        assert_eq!((sched.runnable_ns(), sched.runnable_idle_ns()), (30, 10));
        assert_eq!((sched.idle_of(SlotId(3)), sched.idle_of(SlotId(9))), (10, 0));
        sched.end(Nanos(70));
        assert_eq!(sched.idle_ns(), 30);
    }

    /// Two Ps on two CPUs, under load: saturated.
    #[test]
    fn a_loaded_server_is_saturated() {
        const WEBMIX: &[u8] = include_bytes!("../../../testdata/traces/g126/webmix.trace");
        let mut builder = crate::analysis::Builder::new().with_stays();
        builder.space(WEBMIX.len()).copy_from_slice(WEBMIX);
        builder.filled(WEBMIX.len());
        let stays = builder.finish().ok().and_then(|a| a.stays).unwrap_or_default();
        let sched = &stays.sched;
        let (ns, idle) = (sched.runnable_ns(), sched.runnable_idle_ns());
        assert!(ns > 100_000_000, "{ns}");
        assert!(idle * 100 < ns * 10, "{idle} of {ns}");
    }
}
