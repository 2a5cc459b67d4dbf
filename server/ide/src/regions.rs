//! User regions and tasks by the line that opens them: how often, how long, how much of it waiting.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::stays::{NO_REGION, Stays};
use crate::values::Values;
use crate::verdicts::Facts;

/// The regions or tasks of one type that one line opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegionGroup {
    /// The line that opens them.
    pub opened_at: FrameId,
    /// Their type.
    pub name: StrId,
    /// Whether they are tasks.
    pub is_task: bool,
    /// How many ended within the trace.
    pub n: u64,
    /// How many were open at its end.
    pub open: u64,
    /// How long those that ended took, in nanoseconds.
    pub values: Values,
    /// The time of all, in nanoseconds.
    pub ns: i64,
    /// How much of it the goroutine of a region was blocked, in nanoseconds; 0 for tasks, which
    /// have no goroutine of their own.
    pub wait_ns: i64,
}

/// All regions and tasks of a trace, in the order of their lines.
pub fn groups(analysis: &Analysis, stays: &Stays, facts: &Facts) -> Vec<RegionGroup> {
    let mut waits = vec![0i64; stays.regions.len()];
    stays.waits_in_regions(|stay, mut region| {
        while region != NO_REGION {
            let span = &stays.regions[region as usize];
            waits[region as usize] += stay.end.since(stay.start.max(span.start));
            region = span.outer;
        }
    });
    let end = analysis.totals.end;
    let mut made = Groups { analysis, facts, list: Vec::new(), rows: HashMap::new() };
    for (span, wait_ns) in stays.regions.iter().zip(waits) {
        let ns = span.end().unwrap_or(end).since(span.start);
        made.add(span.stack, span.name, false, span.end().is_some(), ns, wait_ns);
    }
    for span in &stays.tasks {
        let ns = span.end().unwrap_or(end).since(span.start);
        made.add(span.stack, span.name, true, span.end().is_some(), ns, 0);
    }
    made.list.sort_by_key(|g| (g.opened_at, g.is_task, g.name));
    made.list
}

struct Groups<'a> {
    analysis: &'a Analysis,
    facts: &'a Facts,
    list: Vec<RegionGroup>,
    rows: HashMap<(FrameId, StrId, bool), usize>,
}

impl Groups<'_> {
    fn add(
        &mut self,
        stack: StackId,
        name: StrId,
        is_task: bool,
        ended: bool,
        ns: i64,
        wait_ns: i64,
    ) {
        let Some(opened_at) = self.facts.line_of(self.analysis, stack) else { return };
        let row = *self.rows.entry((opened_at, name, is_task)).or_insert_with(|| {
            self.list.push(RegionGroup {
                opened_at,
                name,
                is_task,
                n: 0,
                open: 0,
                values: Values::default(),
                ns: 0,
                wait_ns: 0,
            });
            self.list.len() - 1
        });
        let group = &mut self.list[row];
        group.ns = group.ns.saturating_add(ns);
        group.wait_ns = group.wait_ns.saturating_add(wait_ns);
        if ended {
            group.n += 1;
            group.values.add(ns);
        } else {
            group.open += 1;
        }
    }
}
