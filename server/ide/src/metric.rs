//! Which figure a line shows and is coloured by.
//!
//! A metric is a way to look at the same sites: it says which kinds of cost count, and how much of
//! each. Hovers, verdicts and findings are the same whatever is looked at.
//!
//! What is idle counts in none: it is drawn dim, without heat, and comes last.

use crate::kinds::Kind;
use crate::lines::Figure;
use crate::sites::{Part, SiteLine, Sites};
use crate::verdicts::Verdict;
use crate::view::MIN_SHOWN_NS;

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Costly waiting, costly system calls, and helping the collector.
    #[default]
    Impact,
    /// All that blocks but idle waiting: also what goes through to other work.
    Block,
    /// Able to run, without a P.
    Sched,
    /// Helping the collector to mark.
    GcAssist,
    /// System calls and C code.
    Syscall,
}

/// All of them, the default first.
pub const METRICS: [Metric; 5] =
    [Metric::Impact, Metric::Block, Metric::Sched, Metric::GcAssist, Metric::Syscall];

impl Metric {
    /// Its name in the protocol and in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Metric::Impact => "impact",
            Metric::Block => "block",
            Metric::Sched => "sched",
            Metric::GcAssist => "gcAssist",
            Metric::Syscall => "syscall",
        }
    }

    /// The metric of a name.
    pub fn parse(name: &str) -> Option<Metric> {
        METRICS.into_iter().find(|metric| metric.as_str() == name)
    }

    /// What a function's lens calls the time that it sums up.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Impact | Metric::Block => "waiting",
            Metric::Sched => "runnable",
            Metric::GcAssist => "assisting the collector",
            Metric::Syscall => "in system calls",
        }
    }

    /// Whether lines show this kind of cost. With [`Metric::Impact`] it is every kind that is ranked.
    pub fn shows(self, kind: Kind) -> bool {
        match self {
            Metric::Impact => kind.is_ranked(),
            Metric::Block => kind.is_wait(),
            Metric::Sched => kind == Kind::Runnable,
            Metric::GcAssist => kind == Kind::Assist,
            Metric::Syscall => kind == Kind::Syscall,
        }
    }

    /// How much of a part counts, in nanoseconds.
    pub fn counted_ns(self, part: &Part) -> i64 {
        match self {
            _ if !self.shows(part.kind) => 0,
            Metric::Impact => part.costly_ns(),
            _ => part.figure.total().saturating_sub(part.judged.of(Verdict::Idle)).max(0),
        }
    }

    /// How much of a line counts, in nanoseconds.
    pub fn of_line(self, line: &SiteLine) -> i64 {
        line.parts.iter().map(|part| self.counted_ns(part)).fold(0, i64::saturating_add)
    }

    /// What all lines of the workspace come to, in nanoseconds: what shares are of.
    pub fn of_all(self, sites: &Sites) -> i64 {
        match self {
            Metric::Impact => sites.costly_ns,
            _ => sites.all().map(|line| self.of_line(line)).fold(0, i64::saturating_add),
        }
    }

    /// How hot a line is, 0 to 4, by its share of `of_all`.
    pub fn heat(self, line: &SiteLine, of_all: i64) -> u8 {
        crate::sites::heat(self.of_line(line), of_all)
    }

    /// The part that a line shows, if it has one that counts.
    pub fn first(self, line: &SiteLine) -> Option<&Part> {
        let mut shown = line.parts.iter().filter(|part| self.shows(part.kind));
        match self {
            // They stand in this order already; what is not ranked comes last, and is shown where
            // there is nothing else.
            Metric::Impact => line.parts.first(),
            // What counts little says less of a line than that it is idle.
            Metric::Block => shown.max_by_key(|part| {
                let counted = self.counted_ns(part);
                let counted = if counted < MIN_SHOWN_NS { 0 } else { counted };
                let first = part.figure.slots.first();
                (counted, part.figure.total(), std::cmp::Reverse(first))
            }),
            _ => shown.next(),
        }
    }

    /// What a function's lens sums up of a line: all of the waiting, or of the kind that counts.
    pub fn figure(self, line: &SiteLine) -> Figure {
        let mut sum = Figure::new();
        let counts = |kind: Kind| match self {
            Metric::Impact => kind.is_wait(),
            _ => self.shows(kind),
        };
        for part in line.parts.iter().filter(|part| counts(part.kind)) {
            sum.merge(&part.figure);
        }
        sum
    }

    /// The time of the dearest part that a line may show, in nanoseconds.
    pub fn dearest_ns(self, line: &SiteLine) -> i64 {
        let shown = line.parts.iter().filter(|part| self.shows(part.kind));
        shown.map(|part| part.figure.total()).max().unwrap_or(0)
    }
}
