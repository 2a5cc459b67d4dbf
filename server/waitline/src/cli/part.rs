//! Which part of a trace a command counts.

use std::collections::BTreeSet;

use exectrace::{GoId, StrId, TaskId};
use ide::Analysis;
use ide::scope::Wish;
use ide::summary::Summary;
use ide::text::plain;

use super::analyses::parse_duration;
use crate::nearest::nearest;

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
    /// Goroutines whose work begins with a function that has this in its name.
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
    pub(super) fn wish(&self, analysis: &Analysis, summary: &Summary) -> Wish {
        // A name that the trace does not have has nothing: no string is the row behind the last.
        let string = |text: &String| analysis.tables.find(text).unwrap_or(StrId(u32::MAX));
        let named = |func: &String| {
            let names: BTreeSet<StrId> = summary.rows().map(|row| summary.work(row)).collect();
            names.into_iter().filter(|name| analysis.str(*name).contains(func)).collect()
        };
        Wish {
            t0: self.from,
            t1: self.to,
            funcs: self.func.as_ref().map(named),
            g: self.goroutine.map(GoId),
            region: self.region.as_ref().map(string),
            tasks: self.tasks.as_ref().map(string),
            task: self.task.map(TaskId),
            ..self.lengths.wish()
        }
    }

    /// What of it the trace does not have, in a sentence, with what was probably meant.
    pub(super) fn lacks(&self, analysis: &Analysis, summary: &Summary) -> Option<String> {
        let near = |name: &str, names: BTreeSet<StrId>| {
            let names =
                names.iter().map(|name| analysis.str(*name)).filter(|name| !name.is_empty());
            nearest(name, names)
                .map_or(String::new(), |near| format!(" (did you mean \"{}\"?)", plain(near)))
        };
        let lacks = |kind: &str, name: &Option<String>, names: &dyn Fn() -> BTreeSet<StrId>| {
            let name = name.as_ref()?;
            let names = names();
            let has = analysis.tables.find(name).is_some_and(|name| names.contains(&name));
            let text =
                || format!("the trace has no {kind} \"{}\"{}", plain(name), near(name, names));
            (!has).then(text)
        };
        if let Some(func) = &self.func {
            let names: BTreeSet<StrId> = summary.rows().map(|row| summary.work(row)).collect();
            if !names.iter().any(|name| analysis.str(*name).contains(func)) {
                let (func, near) = (plain(func), near(func, names));
                return Some(format!("no goroutine's function has \"{func}\" in its name{near}"));
            }
        }
        let g = self.goroutine.filter(|g| summary.find(GoId(*g)).is_none());
        let task = self.task.filter(|task| summary.task(TaskId(*task)).is_none());
        let regions = || summary.regions.iter().map(|region| region.name).collect();
        let tasks = || summary.tasks.iter().map(|task| task.name).collect();
        g.map(|g| format!("the trace has no goroutine {g}"))
            .or_else(|| lacks("region", &self.region, &regions))
            .or_else(|| lacks("task", &self.tasks, &tasks))
            .or_else(|| task.map(|task| format!("the trace has no task {task}")))
    }

    /// Says why its times name no part of a trace, if they name none.
    pub(super) fn check(&self, analysis: &Analysis) -> anyhow::Result<()> {
        match ide::range::why_not(analysis.duration(), self.from, self.to) {
            Some(why) => anyhow::bail!("{why}"),
            None => Ok(()),
        }
    }

    /// Whether no part is named.
    pub(super) fn is_all(&self) -> bool {
        *self == Part::default()
    }
}
