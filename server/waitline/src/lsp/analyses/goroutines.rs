//! What the time of goroutines went to: by the function that their work begins with, or of one function each by itself.

use exectrace::{GoId, StrId};
use ide::scope::{goroutines, worth};
use ide::summary::groups::{Column, Functions, Worth, columns};
use ide::summary::{Goroutine, Row, Stats, is_system};
use ide::text::plain;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::{Asked, named, spread};
use crate::lsp::parameters::{invalid, word};

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
pub(super) fn goroutine_table(asked: &Asked<'_>) -> Result<Value> {
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
                    "born": group.born,
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
        "func": asked.str(g.work),
        "created": asked.place(created),
        "creation": g.creation.0,
        "born": g.born,
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
    let of_name = |row: &Row| wanted(summary.work(*row));
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
