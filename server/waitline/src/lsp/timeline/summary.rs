//! What a window, or a part of the trace, came to.

use std::collections::BTreeMap;

use ide::timeline::Inside;
use ide::verdicts::Verdict;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::answers::{lane_of, number, place};
use super::{Seen, parameters};
use crate::lsp::analyses;
use crate::lsp::ext::At;
use crate::lsp::session::Session;

/// `waitline/timelineSummary`: time by class, the dearest lines, the longest costly waits.
pub(in crate::lsp) fn summary(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, view) = (&seen.index, &seen.shown.view);
    let at = At { session, shown: &seen.shown };
    let (mut t0, mut t1) = parameters::window(params, index.end)?;
    let scope = match params.get("filter") {
        None | Some(Value::Null) => None,
        Some(filter) => Some(analyses::scope(session, &seen.shown, filter)?),
    };
    if let Some(scope) = &scope {
        (t0, t1) = (t0.max(scope.t0), t1.min(scope.t1).max(t0.max(scope.t0)));
    }
    // Of time alone the sums of the index are enough.
    let inside = scope
        .as_ref()
        .filter(|scope| !scope.is_time_only())
        .map(|scope| move |g: exectrace::GoId, from: i64, to: i64| scope.inside(g, from, to));
    let inside: Option<&Inside<'_>> = inside.as_ref().map(|f| f as &Inside<'_>);
    let sum = index.sum(view, t0, t1, inside);
    let (mut costly_anywhere, mut idle, mut unsure) = (sum.assisting, 0i64, 0i64);
    let mut runnable = 0i64;
    let mut classes: BTreeMap<u8, (i64, i64)> = BTreeMap::new();
    for &(tone, ns) in &sum.by_tone {
        let class = classes.entry(tone.class() as u8).or_default();
        class.1 = class.1.saturating_add(ns);
        match tone.verdict() {
            Some(Verdict::Costly) => costly_anywhere = costly_anywhere.saturating_add(ns),
            Some(Verdict::Idle) => idle = idle.saturating_add(ns),
            Some(Verdict::Unsure) => unsure = unsure.saturating_add(ns),
            _ if tone.class() == ide::timeline::Class::Runnable => {
                runnable = runnable.saturating_add(ns);
            }
            _ => {}
        }
    }
    // As everywhere else, what is costly is told of lines that a person can change.
    let mut costly = 0i64;
    for &(class, ns) in &sum.costly {
        costly = costly.saturating_add(ns);
        classes.entry(class as u8).or_default().0 = ns;
    }
    let by_class = classes
        .into_iter()
        .map(|(class, (costly, ns))| json!({ "class": class, "costly": costly, "ns": ns }));
    let lines = sum.lines.iter().map(|line| {
        json!({
            "place": place(at, line.frame),
            "kind": line.class.name(),
            "costly": line.ns,
            "share": line.ns as f64 / costly.max(1) as f64,
        })
    });
    let longest = sum.longest.iter().map(|(go, span)| {
        let line = index
            .site(span)
            .and_then(|site| ide::timeline::line_of(view, site.stack))
            .map(|frame| place(at, frame));
        json!({
            "lane": lane_of(index, *go),
            "g": number(index, *go),
            "start": span.start,
            "ns": span.end - span.start,
            "place": line,
        })
    });
    // Of what is shown while the rest is read nothing is judged.
    let judged = |ns: i64| view.verdicts.is_some().then_some(ns);
    Ok(json!({
        "analysis": seen.shown.id,
        "t0": t0,
        "t1": t1,
        "costly": judged(costly),
        "costlyElsewhere": judged(costly_anywhere.saturating_sub(costly)),
        "runnable": runnable,
        "idle": judged(idle),
        "unsure": judged(unsure),
        "byClass": by_class.collect::<Vec<Value>>(),
        "lines": lines.collect::<Vec<Value>>(),
        "longest": longest.collect::<Vec<Value>>(),
    }))
}
