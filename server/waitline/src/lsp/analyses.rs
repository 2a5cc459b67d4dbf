//! Goroutines, regions, tasks, utilization and profiles, of a whole trace or a part of it, as
//! `docs/lsp-extensions.md` tells them.
//!
//! What they need beyond a view is read from the trace's file when it is first asked for, and kept
//! while that trace is shown: most sessions never ask.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use exectrace::{FrameId, StrId};
use ide::Analysis;
use ide::scope::{Scope, Wish};
use ide::summary::groups::{Column, Histogram, Spans, Spread, columns};
use ide::summary::{Keep, Stats, Summary};
use ide::text::plain;
use ide::view::View;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

mod filter;
mod goroutines;
mod regions;
mod spent;
mod tasks;

pub(super) use filter::scope;
use filter::wish;
use goroutines::goroutine_table;
use regions::region_table;
use spent::{mmu, pprof, profile_of};
use tasks::task_table;

use super::backend::Backend;
use super::ext::{At, frame};
use super::parameters::{failed, invalid, number};
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

/// Whether a span that may lack an end touches the scope.
fn touches(
    asked: &Asked<'_>,
    start: Option<exectrace::Nanos>,
    end: Option<exectrace::Nanos>,
) -> bool {
    let (from, to) = (start.map_or(0, |t| t.0), end.map_or(i64::MAX, |t| t.0));
    from < asked.scope.t1.max(1) && to > asked.scope.t0 || (from == to && from == asked.scope.t0)
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
