//! The words that a wait is judged in, and their sums.

use serde::{Deserialize, Serialize};

/// Whether a wait matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Verdict {
    /// Work in hand stood still here.
    Costly,
    /// It waits for work that it started or asked for: the cost is where that goes.
    Through,
    /// Empty hands.
    Idle,
    /// It cannot be told from the trace.
    Unsure,
}

/// All verdicts, in the order of [`Verdicts::ns`].
pub const VERDICTS: [Verdict; 4] =
    [Verdict::Costly, Verdict::Through, Verdict::Idle, Verdict::Unsure];

/// Why a wait got its verdict, for a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Why {
    /// One side of a coroutine.
    Coroutine,
    /// It accepts connections.
    Accepts,
    /// The runtime's own, or the recorder's.
    System,
    /// Somebody held the lock.
    Lock,
    /// The collector was to be waited for.
    Collector,
    /// The peer did not take what was written.
    NetWrite,
    /// It was there before the trace, and the file tells nothing of it.
    NothingKnown,
    /// A call of the system, with others waiting for it; unsure where it reads what comes from outside.
    SyscallInPath,
    /// A call of the system for which nobody waited, as far as can be seen.
    SyscallUnseen,
    /// It still waits at the end of the trace.
    StillWaits,
    /// It still sends at the end of the trace.
    StillSends,
    /// A join: what it waits for has its own lines.
    Join,
    /// A join of what waits outside, where no line carries it.
    JoinOutside,
    /// No slot was free: one of its kind gave it back.
    NoSlot,
    /// The receiver was busy.
    ReceiverBusy,
    /// Others wait for it, and the receiver did not come.
    ReceiverLate,
    /// The receiver had nothing to do either.
    ReceiverIdle,
    /// It waits for what it started or asked for.
    Asked,
    /// A peer woke it; whether a slot was short cannot be told.
    PeerUnsure,
    /// It waits for work that another brings.
    WaitsForWork,
    /// By the clock.
    Clock,
    /// It sleeps while others wait for it.
    SleepsInPath,
    /// A timer while others wait for it.
    TimerInPath,
    /// The network, with work in hand.
    NetworkInPath,
    /// Ended from outside, and only main waits, for the whole run.
    OnlyMain,
    /// A library reads or writes for it.
    Wrapped,
    /// In the middle of its work; nobody seen waiting for it.
    InTheMiddle,
    /// Ended from outside, in its usual place.
    Outside,
    /// It happened once.
    Once,
    /// Too little of the site is costly for the rest to be believed.
    Minority,
    /// A person said so.
    Told,
}

/// The verdict on one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Which.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
}

/// What was judged, by slot.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Nanoseconds by verdict, in the order of [`VERDICTS`].
    pub ns: [i64; 4],
    /// The reason that most of the time has, and that time, for each verdict.
    why: [(Option<Why>, i64); 4],
}

/// All reasons, in their order.
const WHYS: [Why; 31] = [
    Why::Coroutine,
    Why::Accepts,
    Why::System,
    Why::Lock,
    Why::Collector,
    Why::NetWrite,
    Why::NothingKnown,
    Why::SyscallInPath,
    Why::SyscallUnseen,
    Why::StillWaits,
    Why::StillSends,
    Why::Join,
    Why::JoinOutside,
    Why::NoSlot,
    Why::ReceiverBusy,
    Why::ReceiverLate,
    Why::ReceiverIdle,
    Why::Asked,
    Why::PeerUnsure,
    Why::WaitsForWork,
    Why::Clock,
    Why::SleepsInPath,
    Why::TimerInPath,
    Why::NetworkInPath,
    Why::OnlyMain,
    Why::Wrapped,
    Why::InTheMiddle,
    Why::Outside,
    Why::Once,
    Why::Minority,
    Why::Told,
];

impl Judgement {
    /// In seven bits, of which the lowest five are never all 0.
    pub(super) fn code(self) -> u8 {
        (self.verdict as u8) << 5 | (self.why as u8 + 1)
    }

    /// Of a code; `None` for 0.
    pub(super) fn of_code(code: u8) -> Option<Judgement> {
        let why = usize::from(code & 31).checked_sub(1).and_then(|i| WHYS.get(i).copied())?;
        Some(Judgement { verdict: VERDICTS[usize::from(code >> 5 & 3)], why })
    }
}

impl Sum {
    /// Adds time that has one reason. Of reasons with the same time the one that comes first stays.
    pub(super) fn add(&mut self, judged: Judgement, ns: i64) {
        let Judgement { verdict, why } = judged;
        let (whole, most) = (&mut self.ns[verdict as usize], &mut self.why[verdict as usize]);
        *whole = whole.saturating_add(ns);
        if ns > most.1 || most.0.is_none() {
            *most = (Some(why), ns);
        }
    }

    /// Of one wait of so many nanoseconds.
    pub fn one(judged: Judgement, ns: i64) -> Sum {
        let mut sum = Sum::default();
        let ns = ns.max(1);
        sum.ns[judged.verdict as usize] = ns;
        sum.why[judged.verdict as usize] = (Some(judged.why), ns);
        sum
    }

    /// All time.
    pub fn total(&self) -> i64 {
        self.ns.iter().fold(0, |sum, ns| sum.saturating_add(*ns))
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Sum) {
        for i in 0..4 {
            self.ns[i] = self.ns[i].saturating_add(other.ns[i]);
            if other.why[i].1 > self.why[i].1 {
                self.why[i] = other.why[i];
            }
        }
    }

    /// The verdict with the most time; of equals the one that promises less.
    pub fn largest(&self) -> Option<Verdict> {
        let most = *self.ns.iter().max()?;
        if most <= 0 {
            return None;
        }
        [Verdict::Unsure, Verdict::Idle, Verdict::Through, Verdict::Costly]
            .into_iter()
            .find(|&v| self.ns[v as usize] == most)
    }

    /// The reason that most of a verdict's time has.
    pub fn why(&self, verdict: Verdict) -> Option<Why> {
        self.why[verdict as usize].0
    }

    /// Nanoseconds of a verdict.
    pub fn of(&self, verdict: Verdict) -> i64 {
        self.ns[verdict as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_judgements() {
        assert_eq!(Judgement::of_code(0), None);
        for (i, why) in WHYS.into_iter().enumerate() {
            assert_eq!(why as usize, i);
            for verdict in VERDICTS {
                let judgement = Judgement { verdict, why };
                let code = judgement.code();
                assert!(code < 128 && code & 31 != 0);
                assert_eq!(Judgement::of_code(code), Some(judgement));
            }
        }
    }
}
