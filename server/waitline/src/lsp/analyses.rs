//! Goroutines, regions, tasks, utilization and profiles, of a whole trace or a part of it, as
//! `docs/lsp-extensions.md` tells them.
//!
//! What they need beyond a view is read from the trace's file when it is first asked for, and kept
//! while that trace is shown: most sessions never ask.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use exectrace::{FrameId, GoId, StrId, TaskId};
use ide::Analysis;
use ide::scope::{Scope, Wish, goroutines, worth};
use ide::summary::groups::{Column, Functions, Histogram, Spans, Spread, Worth, columns};
use ide::summary::{Goroutine, Keep, Region, Row, Sites, Stats, Summary, Task, is_system};
use ide::text::plain;
use ide::view::View;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

mod filter;
mod spent;

pub(super) use filter::scope;
use filter::{lengths, site, wish};
use spent::{mmu, pprof, profile_of};

use super::backend::Backend;
use super::ext::{At, frame};
use super::parameters::{failed, invalid, number, word};
use super::session::{Session, Shown};
use crate::traces::{self, Stamp};

/// The most rows of an answer.
const MOST: usize = 1_000;
/// How many there are if the client does not say.
const USUAL: usize = 100;

/// The summary of the trace that is shown, once somebody asked for it.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<(Of, Arc<Summary>)>>);

/// What a summary is of: a file, its version, and how many generations, where not all.
type Of = (PathBuf, Stamp, Option<u32>);

impl Kept {
    /// That of the trace that is shown. Who asks while it is being made waits for it.
    fn of(&self, shown: &Shown, given_up: &AtomicBool) -> Result<Arc<Summary>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = shown.view.analysis.cut;
        let wanted = (shown.path.clone(), shown.stamp.clone(), cut);
        if let Some((of, summary)) = &*kept
            && *of == wanted
        {
            return Ok(summary.clone());
        }
        *kept = None;
        let (loaded, summary) = traces::summarize(&shown.path, Keep::ALL, cut, given_up, |_, _| {})
            .map_err(|error| failed(error.to_string()))?;
        // Both passes number what they meet in the file's order: their rows are the same.
        let (ours, its) = (&shown.view.analysis.tables, &loaded.analysis.tables);
        let sizes = |t: &exectrace::Tables| (t.n_strings(), t.n_frames(), t.n_stacks());
        if loaded.stamp != shown.stamp || sizes(ours) != sizes(its) {
            return Err(failed("the trace's file was rewritten meanwhile (load it again)"));
        }
        let summary = Arc::new(summary);
        *kept = Some((wanted, summary.clone()));
        Ok(summary)
    }

    /// Another trace is shown, or none. While a summary is being made it stays until the next is.
    pub(super) fn forget(&self) {
        match self.0.try_lock() {
            Ok(mut kept) => *kept = None,
            Err(TryLockError::Poisoned(kept)) => *kept.into_inner() = None,
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// What an answer is made of.
struct Asked<'a> {
    at: At<'a>,
    view: &'a View,
    analysis: &'a Analysis,
    summary: &'a Summary,
    scope: Scope,
    wish: Wish,
    params: &'a Value,
}

impl Backend {
    /// `waitline/goroutineTable`: what the time of goroutines went to.
    pub(super) async fn goroutine_table(&self, params: Value) -> Result<Value> {
        self.analysis(params, goroutine_table).await
    }

    /// `waitline/regionTable`: what the program's own regions took.
    pub(super) async fn region_table(&self, params: Value) -> Result<Value> {
        self.analysis(params, region_table).await
    }

    /// `waitline/taskTable`: what the program's own tasks took.
    pub(super) async fn task_table(&self, params: Value) -> Result<Value> {
        self.analysis(params, task_table).await
    }

    /// `waitline/mmu`: how much the collector left to the program, at the worst.
    pub(super) async fn mmu(&self, params: Value) -> Result<Value> {
        self.analysis(params, mmu).await
    }

    /// `waitline/profile`: where time was spent, by line and as a flame graph.
    pub(super) async fn profile(&self, params: Value) -> Result<Value> {
        self.analysis(params, profile_of).await
    }

    /// `waitline/pprof`: the same as a file for `go tool pprof`.
    pub(super) async fn pprof(&self, params: Value) -> Result<Value> {
        self.analysis(params, pprof).await
    }

    async fn analysis(
        &self,
        params: Value,
        make: impl FnOnce(&Asked<'_>) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        self.try_of_trace(move |session, shown, given_up| {
            let shown = &session.with_lives(shown, given_up)?;
            let summary = session.kept.of(shown, given_up)?;
            let asked = Asked::new(session, shown, &summary, &params)?;
            let mut answer = make(&asked)?;
            answer["analysis"] = shown.id.into();
            Ok(answer)
        })
        .await
    }
}

impl<'a> Asked<'a> {
    fn new(
        session: &'a Session,
        shown: &'a Shown,
        summary: &'a Summary,
        params: &'a Value,
    ) -> Result<Asked<'a>> {
        let view = &*shown.view;
        let analysis = &view.analysis;
        let wish = wish(view, params.get("filter").unwrap_or(&Value::Null))?;
        let facts = view.verdicts.as_ref().map(|v| &v.facts);
        let scope = Scope::new(analysis, summary, facts, &wish);
        Ok(Asked { at: At { session, shown }, view, analysis, summary, scope, wish, params })
    }

    fn str(&self, id: StrId) -> String {
        plain(self.analysis.str(id))
    }

    fn place(&self, at: Option<FrameId>) -> Value {
        at.map_or(Value::Null, |f| frame(self.at, f))
    }

    /// Which rows of a list the client wants.
    fn page(&self) -> Result<(usize, usize)> {
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let offset = size(number(self.params, "offset")?.unwrap_or(0));
        let limit = number(self.params, "limit")?.map_or(USUAL, size).min(MOST);
        Ok((offset, limit))
    }

    fn flag(&self, key: &str) -> Result<bool> {
        match self.params.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => {
                value.as_bool().ok_or_else(|| invalid(&format!("{key} is true or false")))
            }
        }
    }

    /// The time of each column.
    fn columns(&self, stats: &Stats) -> Value {
        let row = columns(self.analysis, stats);
        named(|column| row[column as usize].into())
    }

    /// The time by the runtime's reasons.
    fn block(&self, stats: &Stats) -> Value {
        let reason = |(reason, ns): &(StrId, i64)| (self.str(*reason), (*ns).into());
        Value::Object(stats.block.iter().map(reason).collect())
    }
}

fn named(value: impl Fn(Column) -> Value) -> Value {
    Value::Object(Column::ALL.into_iter().map(|c| (c.name().to_owned(), value(c))).collect())
}

fn spread(spread: &Spread) -> Value {
    let [p50, p90, p99] = spread.percentiles([50, 90, 99]);
    json!({
        "sum": spread.sum,
        "min": spread.min,
        "mean": spread.mean(),
        "max": spread.max,
        "p50": p50,
        "p90": p90,
        "p99": p99,
    })
}

fn histogram(histogram: &Histogram) -> Value {
    let part = |(part, n): (u8, u64)| {
        let (from, to) = Histogram::bounds(part);
        json!({ "from": from, "to": to, "n": n })
    };
    histogram.parts().map(part).collect()
}

/// What goroutines are sorted by.
#[derive(Clone, Copy)]
enum Order {
    Column(Column),
    Costly,
    Idle,
}

/// What sorts, and whether the least comes first.
fn order(asked: &Asked<'_>) -> Result<(Order, bool)> {
    let order = match word(asked.params, "sort")? {
        "" => Order::Column(Column::Exec),
        "costly" => Order::Costly,
        "idle" => Order::Idle,
        name => Order::Column(
            Column::parse(name)
                .ok_or_else(|| invalid(&format!("there is no column {}", plain(name))))?,
        ),
    };
    Ok((order, asked.flag("ascending")?))
}

/// `{filter?, func?, query?, sort?, ascending?, system?, offset?, limit?}`
fn goroutine_table(asked: &Asked<'_>) -> Result<Value> {
    let analysis = asked.analysis;
    let (order, ascending) = order(asked)?;
    let (offset, limit) = asked.page()?;
    let judged = match (&analysis.stays, &asked.view.verdicts) {
        (Some(stays), Some(verdicts)) => worth(analysis, stays, verdicts, &asked.scope),
        _ => Default::default(),
    };
    let nothing = Worth::default();
    let worth_of = |g: GoId| judged.get(&g).unwrap_or(&nothing);
    let func = word(asked.params, "func")?;
    let query = word(asked.params, "query")?;
    let with_system = asked.flag("system")?;
    let one = asked.params.pointer("/filter/g").is_some_and(|g| !g.is_null());
    let wanted = |name: StrId| {
        let name = analysis.str(name);
        (func.is_empty() || name == func)
            && name.contains(query)
            && (with_system || one || !func.is_empty() || !is_system(name))
    };
    if func.is_empty() && !one {
        let mut groups = Functions::default();
        each_goroutine(asked, wanted, |g, stats| groups.add(analysis, &g, stats, worth_of(g.id)));
        let mut list = groups.by(analysis, |group| match order {
            Order::Column(column) => group.columns[column as usize].sum,
            Order::Costly => group.costly.sum,
            Order::Idle => group.idle.sum,
        });
        if ascending {
            list.reverse();
        }
        let of = list.len();
        let goroutines: u64 = list.iter().map(|g| g.n).sum();
        let rows: Vec<Value> = list
            .iter()
            .skip(offset)
            .take(limit)
            .map(|group| {
                let created = analysis.stack(group.created_at);
                let created = asked
                    .view
                    .verdicts
                    .as_ref()
                    .and_then(|v| v.facts.line_of(analysis, group.created_at))
                    .or(created.first().copied());
                json!({
                    "func": asked.str(group.name),
                    "created": asked.place(created),
                    "n": group.n,
                    "alive": group.alive,
                    "columns": named(|c| spread(&group.columns[c as usize])),
                    "busy": named(|c| spread(&group.busy[c as usize])),
                    "costly": spread(&group.costly),
                    "idle": spread(&group.idle),
                    "block": asked.block(&group.stats),
                })
            })
            .collect();
        return Ok(json!({ "of": of, "goroutines": goroutines, "functions": rows }));
    }
    // Of millions only the page is kept.
    let keep = offset.saturating_add(limit);
    let mut best: Vec<(i64, GoId, Stats)> = Vec::new();
    let mut of = 0u64;
    let squeeze = |best: &mut Vec<(i64, GoId, Stats)>| {
        best.sort_by_key(|row| (row.0, row.1));
        best.truncate(keep);
    };
    each_goroutine(asked, wanted, |g, stats| {
        of += 1;
        let ns = match order {
            Order::Column(column) => columns(analysis, stats)[column as usize],
            Order::Costly => worth_of(g.id).costly,
            Order::Idle => worth_of(g.id).idle(),
        };
        best.push((if ascending { ns } else { -ns }, g.id, stats.clone()));
        if best.len() > keep.saturating_mul(2).saturating_add(1_000) {
            squeeze(&mut best);
        }
    });
    squeeze(&mut best);
    let rows: Vec<Value> = best
        .into_iter()
        .skip(offset)
        .filter_map(|(_, id, stats)| {
            let g = asked.summary.goroutine(asked.summary.find(id)?);
            Some(goroutine(asked, &g, &stats, worth_of(id)))
        })
        .collect();
    Ok(json!({ "of": of, "goroutines": rows }))
}

fn goroutine(asked: &Asked<'_>, g: &Goroutine, stats: &Stats, worth: &Worth) -> Value {
    let analysis = asked.analysis;
    let facts = asked.view.verdicts.as_ref().map(|v| &v.facts);
    let created = facts.and_then(|facts| facts.line_of(analysis, g.created_at));
    let created = created.or_else(|| analysis.stack(g.created_at).first().copied());
    let busy = worth.busy(columns(analysis, stats));
    json!({
        "g": g.id.0,
        "func": asked.str(g.name),
        "created": asked.place(created),
        "creation": g.creation.0,
        "start": g.start.map(|t| t.0),
        "end": g.end.map(|t| t.0),
        "columns": asked.columns(stats),
        "busy": named(|c| busy[c as usize].into()),
        "costly": worth.costly,
        "idle": worth.idle(),
        "block": asked.block(stats),
    })
}

/// Every goroutine of the scope, with what counts for it.
fn each_goroutine(
    asked: &Asked<'_>,
    wanted: impl Fn(StrId) -> bool,
    mut each: impl FnMut(Goroutine, &Stats),
) {
    let (summary, scope) = (asked.summary, &asked.scope);
    let of_name = |row: &Row| wanted(summary.name(*row));
    if scope.is_whole(asked.analysis) {
        for row in summary.rows().filter(of_name) {
            let g = summary.goroutine(row);
            let stats = g.stats.clone();
            each(g, &stats);
        }
        return;
    }
    let Some(stays) = &asked.analysis.stays else { return };
    let all = goroutines(asked.analysis, stays, summary, scope);
    for row in summary.rows().filter(of_name) {
        if let Some(stats) = all.get(&summary.id(row)) {
            each(summary.goroutine(row), stats);
        }
    }
}

/// Whether a span that may lack an end touches the scope.
fn touches(
    asked: &Asked<'_>,
    start: Option<exectrace::Nanos>,
    end: Option<exectrace::Nanos>,
) -> bool {
    let (from, to) = (start.map_or(0, |t| t.0), end.map_or(i64::MAX, |t| t.0));
    from < asked.scope.t1.max(1) && to > asked.scope.t0 || (from == to && from == asked.scope.t0)
}

fn regions<'a>(asked: &'a Asked<'_>) -> impl Iterator<Item = &'a Region> {
    let scope = &asked.scope;
    let end = asked.analysis.duration();
    asked.summary.regions.iter().filter(move |r| {
        let (from, to) = (r.start.map_or(0, |t| t.0), r.end.map_or(end, |t| t.0));
        r.name.is_some()
            && touches(asked, r.start, r.end)
            && (scope.is_time_only() || scope.inside(r.g, from, to) > 0)
    })
}

/// `{filter?, name?, site?, query?, minNs?, maxNs?, offset?, limit?}`
fn region_table(asked: &Asked<'_>) -> Result<Value> {
    let analysis = asked.analysis;
    let end = analysis.totals.end;
    let (offset, limit) = asked.page()?;
    let (name, query) = (word(asked.params, "name")?, word(asked.params, "query")?);
    let sites = &Sites::new(analysis, asked.summary);
    let of = Wish { lengths: lengths(asked.params)?, ..Wish::default() };
    let site = site(asked.params)?;
    let wanted = |r: &&Region| {
        let text = analysis.str(r.name);
        (name.is_empty() || text == name)
            && text.contains(query)
            && of.is_of_length(r.duration(end))
            && site.is_none_or(|at| sites.of(analysis, r.stack) == Some(at))
    };
    if name.is_empty() {
        let mut spans = Spans::new(analysis, sites);
        regions(asked).filter(wanted).for_each(|r| spans.add_region(r, &r.stats));
        return Ok(span_groups(asked, spans, offset, limit, true));
    }
    let mut list: Vec<&Region> = regions(asked).filter(wanted).collect();
    list.sort_by_key(|r| (std::cmp::Reverse(r.duration(end)), r.start, r.g));
    let rows: Vec<Value> =
        list.iter().skip(offset).take(limit).map(|r| region(asked, sites, r)).collect();
    Ok(json!({ "of": list.len(), "regions": rows }))
}

fn region(asked: &Asked<'_>, sites: &Sites, region: &Region) -> Value {
    json!({
        "name": asked.str(region.name),
        "g": region.g.0,
        "task": region.task.0,
        "start": region.start.map(|t| t.0),
        "end": region.end.map(|t| t.0),
        "duration": region.duration(asked.analysis.totals.end),
        "columns": asked.columns(&region.stats),
        "place": asked.place(sites.of(asked.analysis, region.stack)),
    })
}

fn span_groups(
    asked: &Asked<'_>,
    spans: Spans<'_>,
    offset: usize,
    limit: usize,
    with_columns: bool,
) -> Value {
    let list = spans.dearest_first();
    let rows: Vec<Value> = list
        .iter()
        .skip(offset)
        .take(limit)
        .map(|group| {
            let mut row = json!({
                "name": asked.str(group.name),
                "place": asked.place(group.site),
                "site": group.site.map(|f| f.0),
                "complete": group.complete,
                "cut": group.cut,
                "durations": spread(&group.durations),
                "histogram": histogram(&group.histogram),
            });
            if with_columns {
                row["columns"] = asked.columns(&group.stats);
            }
            row
        })
        .collect();
    json!({ "of": list.len(), "groups": rows })
}

/// `{filter?, name?, site?, query?, log?, id?, complete?, minNs?, maxNs?, offset?, limit?}`
fn task_table(asked: &Asked<'_>) -> Result<Value> {
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
