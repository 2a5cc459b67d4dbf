//! Which part of a trace, and which of a list, a client names.

use std::sync::atomic::AtomicBool;

use exectrace::{FrameId, GoId, StrId, TaskId};
use ide::scope::{Scope, Wish};
use ide::view::View;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::lsp::parameters::{invalid, number, word};
use crate::lsp::session::{Session, Shown};

/// The part of the trace that a `filter` names.
pub(in crate::lsp) fn scope(session: &Session, shown: &Shown, filter: &Value) -> Result<Scope> {
    let view = &*shown.view;
    let wish = wish(view, filter)?;
    let facts = view.verdicts.as_ref().map(|v| &v.facts);
    let never = AtomicBool::new(false);
    Ok(Scope::new(&view.analysis, &*session.kept.of(shown, &never)?, facts, &wish))
}

/// What a `filter` names; without times, those of the range that is set.
pub(super) fn wish(view: &View, filter: &Value) -> Result<Wish> {
    let time = |key: &str| match filter.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(t) => t
            .as_i64()
            .or_else(|| t.as_f64().map(|t| t as i64)) // a page computes with floats
            .map(Some)
            .ok_or_else(|| invalid(&format!("{key} is a time in nanoseconds"))),
    };
    let (mut t0, mut t1) = (time("t0")?, time("t1")?);
    if t0.is_none() && t1.is_none() {
        (t0, t1) = (view.range.map(|r| r.0.0), view.range.map(|r| r.1.0));
    }
    if t0.zip(t1).is_some_and(|(t0, t1)| t0 >= t1) {
        return Err(invalid("t0 comes before t1"));
    }
    // A name that the trace does not have has nothing: no string is the row behind the last one.
    let tables = &view.analysis.tables;
    let string = |text: &str| tables.find(text).unwrap_or(StrId(u32::MAX));
    let named = |key: &str| {
        word(filter, key).map(|text| Some(text).filter(|text| !text.is_empty()).map(string))
    };
    let mut wish = Wish {
        t0,
        t1,
        funcs: named("func")?.map(|func| [func].into()),
        region: named("region")?,
        tasks: named("tasks")?,
        opened_at: site(filter)?,
        lengths: lengths(filter)?,
        ..Wish::default()
    };
    wish.g = number(filter, "g")?.map(GoId);
    wish.task = number(filter, "task")?.map(TaskId);
    let group = word(filter, "group")?;
    let row = |text: &str| text.parse::<u32>().ok();
    match group.split_once(':').map(|(kind, id)| (kind, row(id))) {
        None if group.is_empty() => {}
        Some(("go", Some(frame))) => wish.created_at = Some(FrameId(frame)),
        // Those that a line is known of are in the group of that line, whatever they run.
        Some(("fn", Some(func))) => {
            (wish.funcs, wish.from_nowhere) = (Some([StrId(func)].into()), true)
        }
        _ => return Err(invalid("group is the id of a group, such as go:17")),
    }
    Ok(wish)
}

/// The place of a group of regions or tasks, by the number that the group has it by.
pub(super) fn site(params: &Value) -> Result<Option<FrameId>> {
    // A number that the trace does not have is that of no place.
    Ok(number(params, "site")?.map(|n| FrameId(u32::try_from(n).unwrap_or(u32::MAX))))
}

/// From how long to how long, in nanoseconds, both included.
pub(super) fn lengths(params: &Value) -> Result<Option<(i64, i64)>> {
    let ns = |key: &str| match params.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(ns) => ns
            .as_f64()
            .filter(|ns| *ns >= 0.0)
            .map(|ns| Some(ns as i64)) // what is too large is the largest
            .ok_or_else(|| invalid(&format!("{key} is a length in nanoseconds"))),
    };
    let (least, most) = (ns("minNs")?, ns("maxNs")?);
    if least.is_none() && most.is_none() {
        return Ok(None);
    }
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(i64::MAX));
    if least > most {
        return Err(invalid("minNs is at most maxNs"));
    }
    Ok(Some((least, most)))
}
