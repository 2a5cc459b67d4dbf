//! What the program's own tasks took: by name and place, of one name each by itself, or one with all
//! that happened in it.

use exectrace::TaskId;
use ide::scope::Wish;
use ide::summary::groups::Spans;
use ide::summary::{Region, Sites, Stats, Task};
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::filter::{lengths, site};
use super::regions::region;
use super::{Asked, MOST, span_groups, touches};
use crate::lsp::parameters::{number, word};

/// `{filter?, name?, site?, query?, log?, id?, complete?, minNs?, maxNs?, offset?, limit?}`
pub(super) fn task_table(asked: &Asked<'_>) -> Result<Value> {
    let (analysis, summary) = (asked.analysis, asked.summary);
    let end = analysis.totals.end;
    let (offset, limit) = asked.page()?;
    let (name, query) = (word(asked.params, "name")?, word(asked.params, "query")?);
    let (log, id) = (word(asked.params, "log")?, number(asked.params, "id")?.map(TaskId));
    let complete = match asked.params.get("complete") {
        None | Some(Value::Null) => None,
        Some(_) => Some(asked.flag("complete")?),
    };
    let sites = &Sites::new(analysis, summary);
    if let Some(id) = id {
        let task = summary.task(id);
        return Ok(
            task.map_or_else(|| json!({ "task": null }), |task| whole_task(asked, sites, task))
        );
    }
    let with_text: Option<Vec<TaskId>> = (!log.is_empty()).then(|| {
        let has = |l: &&ide::summary::Log| analysis.str(l.message).contains(log);
        let mut ids: Vec<_> = summary.logs.iter().filter(has).map(|l| l.task).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    });
    let family: Option<Vec<TaskId>> = asked.wish.task.map(|id| summary.family(id));
    let of = Wish { lengths: lengths(asked.params)?, ..Wish::default() };
    let site = site(asked.params)?;
    let tasks = summary.tasks.iter().filter(|task| {
        let text = analysis.str(task.name);
        task.id.0 != 0
            && (name.is_empty() || text == name)
            && text.contains(query)
            && complete.is_none_or(|c| c == (task.start.is_some() && task.end.is_some()))
            && with_text.as_ref().is_none_or(|ids| ids.binary_search(&task.id).is_ok())
            && family.as_ref().is_none_or(|ids| ids.contains(&task.id))
            && (asked.wish.tasks.is_none() || asked.wish.is_task(task, end))
            && of.is_of_length(task.duration(end))
            && site.is_none_or(|at| sites.of(analysis, task.stack) == Some(at))
            && touches(asked, task.start, task.end)
            && (asked.scope.is_time_only() || task.goroutines.iter().any(|g| asked.scope.has(*g)))
    });
    if name.is_empty() && log.is_empty() {
        let mut spans = Spans::new(analysis, sites);
        tasks.for_each(|task| spans.add_task(task));
        return Ok(span_groups(asked, spans, offset, limit, false));
    }
    let mut list: Vec<&Task> = tasks.collect();
    list.sort_by_key(|t| (std::cmp::Reverse(t.duration(end)), t.id));
    let page: Vec<&Task> = list.iter().skip(offset).take(limit).copied().collect();
    let shown: std::collections::HashSet<TaskId> = page.iter().map(|t| t.id).collect();
    let mut stats = std::collections::HashMap::<TaskId, Stats>::new();
    let mut last: Option<&Region> = None;
    // Of regions inside each other the outermost of a task counts; what goroutines that it started
    // got of it (without a name) is time beside it.
    for region in summary.regions.iter().filter(|r| r.name.is_some() && shown.contains(&r.task)) {
        let inside = last.is_some_and(|last| {
            last.g == region.g
                && last.task == region.task
                && region.start < Some(last.end.unwrap_or(exectrace::Nanos(i64::MAX)))
        });
        if !inside {
            stats.entry(region.task).or_default().add(&region.stats);
            last = Some(region);
        }
    }
    let rows: Vec<Value> = page
        .iter()
        .map(|task| {
            let mut row = self::task(asked, sites, task);
            row["columns"] = asked.columns(&stats.remove(&task.id).unwrap_or_default());
            row
        })
        .collect();
    Ok(json!({ "of": list.len(), "tasks": rows }))
}

fn task(asked: &Asked<'_>, sites: &Sites, task: &Task) -> Value {
    json!({
        "id": task.id.0,
        "name": asked.str(task.name),
        "parent": task.parent.map(|p| p.0),
        "start": task.start.map(|t| t.0),
        "end": task.end.map(|t| t.0),
        "duration": task.duration(asked.analysis.totals.end),
        "complete": task.start.is_some() && task.end.is_some(),
        "logs": task.logs,
        "regions": task.regions,
        "children": task.children,
        "g": task.g.some().map(|g| g.0),
        "goroutines": task.goroutines.iter().take(MOST).map(|g| g.0).collect::<Vec<_>>(),
        "place": asked.place(sites.of(asked.analysis, task.stack)),
    })
}

/// A task with all that happened in it.
fn whole_task(asked: &Asked<'_>, sites: &Sites, task: &Task) -> Value {
    let summary = asked.summary;
    let parts: Vec<Value> = summary
        .regions
        .iter()
        .filter(|r| r.task == task.id && r.name.is_some())
        .take(MOST)
        .map(|r| region(asked, sites, r))
        .collect();
    let messages: Vec<Value> = summary
        .logs
        .iter()
        .filter(|l| l.task == task.id)
        .take(MOST)
        .map(|l| {
            json!({
                "t": l.t.0,
                "g": l.g.some().map(|g| g.0),
                "category": asked.str(l.category),
                "message": asked.str(l.message),
                "place": asked.place(sites.of(asked.analysis, l.stack)),
            })
        })
        .collect();
    let children: Vec<Value> = summary
        .tasks
        .iter()
        .filter(|t| t.parent == Some(task.id))
        .take(MOST)
        .map(|t| self::task(asked, sites, t))
        .collect();
    json!({
        "task": self::task(asked, sites, task),
        "regions": parts,
        "messages": messages,
        "children": children,
    })
}
