//! One span and what is around it, as JSON.

use exectrace::{FrameId, StackId, TaskId};
use ide::text::plain;
use ide::timeline::{
    Class, Flow, FlowKind, GoRef, Index, Key, NO_GO, Ref, Slice, SliceOf, TaskFlow, TaskSpan,
    line_of,
};
use ide::units::duration;
use ide::view::View;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::answers::{func_name, lane_of, number, place, the_go, what};
use super::{Seen, parameters};
use crate::lsp::ext::At;
use crate::lsp::parameters::invalid;
use crate::lsp::session::Session;

/// The most frames of a stack that are told.
const MOST_FRAMES: usize = 128;

/// `waitline/timelineSlice`: what stands in a lane at a time.
pub(in crate::lsp) fn slice(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let key = parameters::lane(params)?;
    let t = parameters::the_time(params, "t")?;
    let second = match params.get("row") {
        None | Some(Value::Null) => false,
        Some(row) => row.as_u64().ok_or_else(|| invalid("row is 0 or 1"))? == 1,
    };
    let lane = params.get("lane").and_then(Value::as_str).unwrap_or_default();
    let found = seen.index.slice_at(&key, t, second);
    let slice =
        found.map(|found| slice_json(At { session, shown: &seen.shown }, seen, lane, found));
    Ok(json!({ "analysis": seen.shown.id, "slice": slice }))
}

/// What every slice has; the rest is filled in where there is more to say.
fn empty(lane: &str, kind: &str, title: &str, start: i64, end: i64) -> Value {
    json!({
        "lane": lane,
        "g": null,
        "m": null,
        "p": null,
        "title": title,
        "state": kind,
        "kind": kind,
        "start": start,
        "end": end,
        "open": false,
        "verdict": null,
        "reason": null,
        "startStack": [],
        "endStack": [],
        "waker": null,
        "meanwhile": [],
        "incoming": [],
        "outgoing": [],
        "preceding": null,
        "following": null,
        "site": null,
        "rank": null,
        "of": null,
        "text": format!("{title}\n{}", times(start, end)),
    })
}

/// From when to when, in a line.
fn times(start: i64, end: i64) -> String {
    format!("{} to {}: {}", duration(start), duration(end), duration(end - start))
}

fn stack(at: At<'_>, id: StackId) -> Vec<Value> {
    let frames = at.shown.view.analysis.stack(id);
    frames.iter().take(MOST_FRAMES).map(|&f| place(at, f)).collect()
}

fn slice_json(at: At<'_>, seen: &Seen, lane: &str, found: SliceOf) -> Value {
    let (index, view) = (&seen.index, &at.shown.view);
    let line = |stack: StackId| line_of(view, stack).map(|f| place(at, f));
    match found {
        SliceOf::Go(go, span) => {
            let slice = index.slice(view, go, span);
            go_json(at, index, lane, &slice)
        }
        SliceOf::Gc(run) | SliceOf::Stw(run, _) => {
            let Some(site) = index.sites.get(run.x as usize) else { return Value::Null };
            let title = what(view, site.class, site.reason);
            let mut row = empty(lane, site.class.name(), &title, run.start, run.end);
            row["open"] = (run.end >= index.end).into();
            row["startStack"] = stack(at, site.stack).into();
            row["site"] = line(site.stack).into();
            if let SliceOf::Stw(_, by) = found {
                row["g"] = number(index, by).into();
            }
            row
        }
        SliceOf::Sweep(run, p) => {
            let go = GoRef(run.x);
            let mut row = empty(lane, "sweep", "GC incremental sweep", run.start, run.end);
            row["p"] = p.0.into();
            row["g"] = number(index, go).into();
            row
        }
        SliceOf::Task(task) => {
            let title = format!("task {}", plain(view.analysis.str(task.name)));
            let end = task.end.unwrap_or(index.end);
            let mut row = empty(lane, "task", &title, task.start, end);
            row["open"] = task.end.is_none().into();
            row["g"] = number(index, task.go).into();
            row["startStack"] = stack(at, task.stack).into();
            row["site"] = line(task.stack).into();
            let (flows, of) = index.task_flows(&[task.id], i64::MIN, i64::MAX, MOST_PARTS);
            let (incoming, outgoing): (Vec<_>, Vec<_>) =
                flows.iter().partition(|flow| flow.part.id == task.id);
            let flows = |flows: Vec<&TaskFlow>| -> Value {
                flows.into_iter().map(|flow| task_flow_json(at, index, flow)).collect()
            };
            row["outgoingCut"] = (of > incoming.len() + outgoing.len()).into();
            (row["incoming"], row["outgoing"]) = (flows(incoming), flows(outgoing));
            row
        }
        SliceOf::Region(region) => {
            let title = format!("region {}", plain(view.analysis.str(region.name)));
            let end = region.end.unwrap_or(index.end);
            let mut row = empty(lane, "region", &title, region.start, end);
            row["open"] = region.end.is_none().into();
            row["g"] = number(index, region.go).into();
            row["startStack"] = stack(at, region.stack).into();
            row["site"] = line(region.stack).into();
            row
        }
        SliceOf::Wake(go, t) => {
            let title = match Key::parse(lane) {
                Some(Key::Net) => "unblocked by the network",
                Some(Key::Timer) => "unblocked by a timer or the runtime",
                _ => "a system call ended, without a P",
            };
            let g = number(index, go);
            let name = format!("G{} {title}", g.unwrap_or(0));
            let mut row = empty(lane, "instant", &name, t, t);
            row["g"] = g.into();
            // What the wake made able to run leads on.
            if let Some(span) = index.span_at(go, t) {
                row["following"] = ref_json(index, view, Ref { go, span });
                if let Some(flow) = index.flow_of(go, &span) {
                    row["outgoing"] = json!([flow_json(at, index, &flow)]);
                }
                if let Some(before) = index.before(go, &span) {
                    row["preceding"] = ref_json(index, view, Ref { go, span: before });
                    let site = index.site(&before).map(|s| s.stack).unwrap_or(StackId::NONE);
                    row["startStack"] = stack(at, site).into();
                    row["site"] = line(site).into();
                }
            }
            row
        }
        SliceOf::Sample(sample) => {
            let mut row = empty(lane, "instant", "CPU profile sample", sample.t, sample.t);
            row["g"] = number(index, sample.go).into();
            row["p"] = sample.p.some().map(|p| p.0).into();
            row["m"] = sample.m.some().map(|m| m.0).into();
            row["startStack"] = stack(at, sample.stack).into();
            row["site"] = line(sample.stack).into();
            row
        }
    }
}

/// The state that a class is one of.
fn state(class: ide::timeline::Class) -> &'static str {
    use ide::timeline::Class;
    match class {
        Class::Running | Class::Assist => "running",
        Class::Runnable => "runnable",
        Class::Syscall => "syscall",
        _ => "waiting",
    }
}

fn go_json(at: At<'_>, index: &Index, lane: &str, slice: &Slice) -> Value {
    let view = &at.shown.view;
    let (go, span) = (slice.at.go, slice.at.span);
    let class = span.tone.class();
    let title = what(view, class, slice.reason);
    let mut row = empty(lane, class.name(), &title, span.start, span.end);
    let reason = slice
        .judged
        .and_then(|judged| ide::reasons::of_one(view, judged, span.end - span.start, slice.start));
    row["state"] = state(class).into();
    row["g"] = number(index, go).into();
    row["name"] = func_name(index, view, go).into();
    row["p"] = slice.on.0.map(|p| p.0).into();
    row["m"] = slice.on.1.map(|m| m.0).into();
    row["open"] = slice.open.into();
    row["verdict"] = slice.judged.map(|j| crate::config::name(j.verdict)).into();
    row["reason"] = reason.clone().into();
    row["startStack"] = stack(at, slice.start).into();
    row["endStack"] = stack(at, slice.end).into();
    row["site"] = slice.site.map(|f| place(at, f)).into();
    row["group"] = index.go(go).and_then(|go| index.group_of(go.id)).map(|g| g.id.as_str()).into();
    let (region, task) = index.inside(go, span.start);
    row["region"] = region.map(|r| json!({ "name": plain(view.analysis.str(r.name)) })).into();
    let task = task.map(|t| json!({ "id": t.id.0, "name": plain(view.analysis.str(t.name)) }));
    row["task"] = task.into();
    row["rank"] = slice.rank.into();
    row["of"] = slice.of.into();
    row["waker"] = slice.waker.map(|flow| waker_json(at, index, &flow)).into();
    let meanwhile = slice.meanwhile.iter().map(|m| {
        let frame: Option<FrameId> = m.frame;
        json!({ "what": m.class.name(), "ns": m.ns, "place": frame.map(|f| place(at, f)) })
    });
    row["meanwhile"] = meanwhile.collect();
    let flows =
        |flows: &[Flow]| -> Value { flows.iter().map(|flow| flow_json(at, index, flow)).collect() };
    row["incoming"] = flows(&slice.incoming);
    row["outgoing"] = flows(&slice.outgoing);
    row["outgoingCut"] = slice.outgoing_cut.into();
    row["preceding"] = slice.before.map(|r| ref_json(index, view, r)).into();
    row["following"] = slice.after.map(|r| ref_json(index, view, r)).into();
    row["text"] = text(index, view, slice, &title, reason.as_deref()).into();
    row
}

/// A slice as text to be copied.
fn text(index: &Index, view: &View, slice: &Slice, title: &str, reason: Option<&str>) -> String {
    let (go, span) = (slice.at.go, slice.at.span);
    let mut lines = vec![
        format!("G{} {}: {title}", number(index, go).unwrap_or(0), func_name(index, view, go)),
        times(span.start, span.end),
    ];
    if let Some(judged) = slice.judged {
        let verdict = crate::config::name(judged.verdict);
        // A reason begins with its verdict, but for what goes through.
        lines.push(match (reason, judged.verdict) {
            (Some(why), ide::verdicts::Verdict::Through) => format!("{verdict}: {why}"),
            (why, _) => why.unwrap_or(verdict).to_owned(),
        });
    }
    if let Some(flow) = &slice.waker {
        let by = match number(index, flow.from) {
            Some(g) => format!("G{g} {}", func_name(index, view, flow.from)),
            None => "no goroutine".to_owned(),
        };
        let at = line_of(view, flow.stack)
            .map_or_else(String::new, |f| format!(" at {}", view.frame_name(f)));
        lines.push(format!("{} by {by}{at}, at {}", flow.kind.name(), duration(flow.t)));
        lines.extend(frames(view, flow.stack).map(|frame| format!("  {frame}")));
    }
    for one in &slice.meanwhile {
        let at = one.frame.map_or_else(String::new, |f| format!(" {}", view.frame_name(f)));
        lines.push(format!("meanwhile {}{at}: {}", one.class.name(), duration(one.ns)));
    }
    lines.extend(frames(view, slice.end));
    lines.join("\n")
}

/// The frames of a stack as text.
fn frames(view: &View, stack: StackId) -> impl Iterator<Item = String> {
    view.analysis.stack(stack).iter().take(MOST_FRAMES).map(|&f| {
        let frame = view.analysis.tables.frame(f);
        let (func, file) = (view.analysis.str(frame.func), view.analysis.str(frame.file));
        format!("  {} {}:{}", plain(func), plain(file), frame.line)
    })
}

fn ref_json(index: &Index, view: &View, at: Ref) -> Value {
    let title =
        index.site(&at.span).map_or_else(String::new, |site| what(view, site.class, site.reason));
    json!({
        "lane": lane_of(index, at.go),
        "g": number(index, at.go),
        "start": at.span.start,
        "end": at.span.end,
        "title": title,
        "kind": at.span.tone.class().name(),
    })
}

fn waker_json(at: At<'_>, index: &Index, flow: &Flow) -> Value {
    let view = &at.shown.view;
    let what = match (flow.kind, flow.from) {
        (FlowKind::SyscallExit, _) => "the system call ended",
        (FlowKind::Creation | FlowKind::Task, _) => "created it",
        (FlowKind::Wake, NO_GO) => nobody(index, flow),
        (FlowKind::Wake, _) => "woke it",
    };
    json!({
        "g": number(index, flow.from),
        "name": number(index, flow.from).map(|_| func_name(index, view, flow.from)),
        "lane": lane_of(index, flow.from),
        "t": flow.t,
        "what": what,
        "place": line_of(view, flow.stack).map(|f| place(at, f)),
        "stack": stack(at, flow.stack),
    })
}

/// What wakes where no goroutine does, as far as what was waited for tells it.
fn nobody(index: &Index, flow: &Flow) -> &'static str {
    match index.span_at(flow.to, flow.t - 1).map(|span| span.tone.class()) {
        Some(Class::Network) => "the network",
        Some(Class::Sleep) => "a timer",
        Some(Class::Lock | Class::Channel) => "a timer or the runtime",
        Some(Class::GcWait) => "the collector",
        _ => "the network, a timer or the runtime",
    }
}

fn flow_json(at: At<'_>, index: &Index, flow: &Flow) -> Value {
    let view = &at.shown.view;
    let end = |go: GoRef, t: i64| {
        let on = index.span_at(go, t).map(|s| index.ran_on(&s).0).unwrap_or_default();
        json!({
            "lane": lane_of(index, go),
            "g": number(index, go),
            "t": t,
            "p": on.map(|p| p.0),
        })
    };
    json!({
        "kind": flow.kind.name(),
        "t": flow.t,
        "from": end(flow.from, flow.t),
        "to": end(flow.to, flow.ran),
        "by": (flow.kind == FlowKind::Wake && flow.from == NO_GO).then(|| nobody(index, flow)),
        "place": line_of(view, flow.stack).map(|f| place(at, f)),
    })
}

fn task_flow_json(at: At<'_>, index: &Index, flow: &TaskFlow) -> Value {
    let t = flow.part.start;
    let end = |task: &TaskSpan| {
        json!({
            "lane": format!("task:{}", task.id.0),
            "g": number(index, task.go),
            "t": t,
            "p": null,
        })
    };
    json!({
        "kind": FlowKind::Task.name(),
        "t": t,
        "from": end(&flow.parent),
        "to": end(&flow.part),
        "by": null,
        "place": line_of(&at.shown.view, flow.part.stack).map(|f| place(at, f)),
    })
}

/// The most parts of a task that are told with it.
const MOST_PARTS: usize = 200;
/// The most lanes that flows are asked of.
const MOST_LANES: usize = 256;
/// The most flows of an answer.
const MOST_FLOWS: usize = 5000;

/// `waitline/timelineFlows`: wakes, creations and ends of system calls on some lanes.
pub(in crate::lsp) fn flows(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, at) = (&seen.index, At { session, shown: &seen.shown });
    let (t0, t1) = parameters::window(params, index.end)?;
    let lanes = parameters::lanes(params, MOST_LANES)?;
    let limit = parameters::count(params, "limit", 500, MOST_FLOWS)?;
    let (flows, of, cut) = index.flows(&lanes, t0, t1, limit);
    let mut list: Vec<Value> = flows.iter().map(|flow| flow_json(at, index, flow)).collect();
    let tasks: Vec<TaskId> = lanes
        .iter()
        .filter_map(|key| match key {
            Key::Task(id) => Some(*id),
            _ => None,
        })
        .collect();
    let room = limit.saturating_sub(list.len());
    let (of_tasks, n_tasks) = index.task_flows(&tasks, t0, t1, room);
    list.extend(of_tasks.iter().map(|flow| task_flow_json(at, index, flow)));
    let of = of + n_tasks;
    Ok(json!({ "analysis": seen.shown.id, "of": of, "cut": cut, "flows": list }))
}

/// The most links of a chain.
const MOST_LINKS: usize = 100;

/// `waitline/timelineChain`: what led to a span, or what it led to, wake by wake.
pub(in crate::lsp) fn chain(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, at) = (&seen.index, At { session, shown: &seen.shown });
    let t = parameters::the_time(params, "t")?;
    let back = match parameters::text(params, "direction")? {
        "" | "back" => true,
        "forward" => false,
        _ => return Err(invalid("direction is back or forward")),
    };
    let limit = parameters::count(params, "limit", 20, MOST_LINKS)?;
    let links: Vec<Value> = index
        .chain(the_go(params)?, t, back, limit)
        .iter()
        .map(|(flow, slice)| {
            json!({
                "flow": flow_json(at, index, flow),
                "slice": ref_json(index, &at.shown.view, *slice),
            })
        })
        .collect();
    Ok(json!({ "analysis": seen.shown.id, "links": links }))
}
