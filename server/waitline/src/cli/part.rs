//! Which part of a trace a command counts.

use exectrace::{GoId, StrId, TaskId};
use ide::Analysis;
use ide::scope::Wish;

use super::analyses::parse_duration;

/// Only what took so long.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(super) struct Lengths {
    /// Only what took at least so long, such as 250µs.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    min: Option<i64>,
    /// Only what took at most so long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max: Option<i64>,
}

impl Lengths {
    /// In nanoseconds, both ends included.
    pub(super) fn wish(&self) -> Wish {
        let both = (self.min.unwrap_or(0), self.max.unwrap_or(i64::MAX));
        let lengths = (self.min.is_some() || self.max.is_some()).then_some(both);
        Wish { lengths, ..Wish::default() }
    }
}

/// A part of a trace. Several together: what all of them leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "A part of the trace")]
pub(super) struct Part {
    /// From here on, since the trace's beginning, such as 16.3ms.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    from: Option<i64>,
    /// Up to here.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    to: Option<i64>,
    /// Goroutines whose first function this is, by its full name.
    #[arg(long, value_name = "NAME")]
    func: Option<String>,
    /// One goroutine.
    #[arg(long, value_name = "N")]
    goroutine: Option<u64>,
    /// While they were in a region of this type.
    #[arg(long, value_name = "TYPE")]
    region: Option<String>,
    /// While they were in the regions of a task of this type, or of its parts.
    #[arg(long, value_name = "TYPE")]
    tasks: Option<String>,
    /// The same of one task.
    #[arg(long, value_name = "N")]
    task: Option<u64>,
    /// Only the regions, or the tasks if a type of them is named, that took so long.
    #[command(flatten)]
    lengths: Lengths,
}

impl Part {
    /// What is wished for.
    pub(super) fn wish(&self, analysis: &Analysis) -> Wish {
        // A name that the trace does not have has nothing: no string is the row behind the last.
        let string = |text: &String| analysis.tables.find(text).unwrap_or(StrId(u32::MAX));
        Wish {
            t0: self.from,
            t1: self.to,
            func: self.func.as_ref().map(string),
            g: self.goroutine.map(GoId),
            region: self.region.as_ref().map(string),
            tasks: self.tasks.as_ref().map(string),
            task: self.task.map(TaskId),
            ..self.lengths.wish()
        }
    }

    /// Whether no part is named.
    pub(super) fn is_all(&self) -> bool {
        *self == Part::default()
    }
}
