//! Answers about the timeline as a whole: what there is, rows, counters, names, what is found.

use exectrace::{GoId, StrId, TaskId, ThreadId};
use ide::text::plain;
use ide::timeline::{
    CLASSES, Class, Counter, Counts, Found, GoRef, Group, Index, Key, LABEL_GO, LABEL_TEXT, NO_GO,
    Query, Sort, line_of,
};
use ide::verdicts::Verdict;
use ide::view::{View, short_func};
use serde_json::{Map, Value, json};
use tower_lsp::jsonrpc::Result;

use super::job::Job;
use super::{Seen, parameters};
use crate::lsp::ext::{At, frame};
use crate::lsp::parameters::invalid;
use crate::lsp::session::{Session, Shown};

/// The most rows of a list.
const MOST: usize = 1000;
/// The most groups that are listed.
const MOST_GROUPS: usize = 500;
/// The most columns of counters.
const MOST_COLUMNS: usize = 4095;

/// A frame's place, with the column where its line's text begins.
pub(super) fn place(at: At<'_>, id: exectrace::FrameId) -> Value {
    let view = &at.shown.view;
    let mut row = frame(at, id);
    let col = view.placement.place(id).and_then(|place| {
        let text = view.placement.source(place.file).text.lines().nth(place.line as usize)?;
        Some(text.len() - text.trim_start().len())
    });
    row["col"] = col.into();
    row
}

/// A goroutine's first function, short.
pub(super) fn func_name(index: &Index, view: &View, go: GoRef) -> String {
    let func = index.func(&view.analysis.tables, go);
    if func == StrId::NONE {
        return "(no function was seen)".into();
    }
    plain(short_func(view.analysis.str(func)))
}

/// The number of a goroutine, as answers have it.
pub(super) fn number(index: &Index, go: GoRef) -> Option<u64> {
    (go != NO_GO).then(|| index.go(go).map(|go| go.id.0)).flatten()
}

/// The key of a goroutine's own lane.
pub(super) fn lane_of(index: &Index, go: GoRef) -> Option<String> {
    number(index, go).map(|g| format!("g:{g}"))
}

/// `waitline/timelineInfo`: what there is to draw, and how far its index is.
pub(super) fn info(session: &Session, shown: &Shown, job: &Job) -> Result<Value> {
    let view = &shown.view;
    let mut answer = json!({
        "analysis": shown.id,
        "trace": shown.path.to_string_lossy(),
        "summary": view.summary(),
        "duration": view.analysis.duration(),
        "partial": view.analysis.partial(),
        "range": view.range.map(|(t0, t1)| json!({ "t0": t0.0, "t1": t1.0 })),
        "gomaxprocs": view.analysis.totals.gomaxprocs,
        "threads": 0,
        "ready": false,
        "progress": job.progress().min(0.99),
        "groups": [],
        "hasTasks": false,
        "hasRegions": false,
        "hasCpuSamples": false,
        "lanes": [],
    });
    let index = match job.now() {
        None => {
            let so_far = job.so_far();
            if !so_far.lanes.is_empty() {
                answer["lanes"] = so_far.lanes.into();
                answer["until"] = so_far.until.into();
            }
            return Ok(answer);
        }
        Some(Ok(index)) => index,
        Some(Err(why)) => return Err(crate::lsp::parameters::failed(why.to_string())),
    };
    answer["ready"] = true.into();
    answer["progress"] = 1.into();
    let threads = index.thread_ids();
    answer["threads"] = threads.len().into();
    let at = At { session, shown };
    let groups = index.groups.iter().take(MOST_GROUPS).map(|group| group_json(at, &index, group));
    answer["groups"] = groups.collect();
    answer["hasTasks"] = (!index.tasks.is_empty()).into();
    answer["hasRegions"] = (!index.regions.is_empty()).into();
    answer["hasCpuSamples"] = (!index.samples.is_empty()).into();
    answer["lanes"] = lanes_of(&index, &threads).into();
    Ok(answer)
}

/// The lanes that hold something, in the order in which they are shown.
pub(super) fn lanes_of(index: &Index, threads: &[ThreadId]) -> Vec<String> {
    let mut lanes: Vec<String> = Vec::new();
    for (key, name) in [(Key::All, "all"), (Key::Gc, "gc"), (Key::Stw, "stw")] {
        if index.has(&key) {
            lanes.push(name.into());
        }
    }
    lanes.extend(index.proc_ids().iter().take(MOST).map(|(p, _)| format!("p:{}", p.0)));
    let rest =
        [(Key::Net, "net"), (Key::Timer, "timer"), (Key::Sys, "sys"), (Key::Samples, "samples")];
    for (key, name) in rest {
        if index.has(&key) {
            lanes.push(name.into());
        }
    }
    lanes.extend(threads.iter().take(MOST).map(|m| format!("m:{}", m.0)));
    lanes
}

fn group_json(at: At<'_>, index: &Index, group: &Group) -> Value {
    let view = &at.shown.view;
    let mut row = group.created_at.map_or_else(|| json!({}), |f| place(at, f));
    let func = view.analysis.str(group.func);
    let name = match func {
        "" => "(no function was seen)".to_owned(),
        func => plain(short_func(func)),
    };
    row["id"] = group.id.as_str().into();
    row["lane"] = format!("group:{}", group.id).into();
    row["name"] = name.into();
    row["first"] = plain(func).into();
    row["n"] = group.gos.len().into();
    row["costly"] = group.time.costly.into();
    row["waiting"] = group.time.waiting.into();
    row["running"] = group.time.running.into();
    let _ = index;
    row
}

/// `waitline/timelineRows`: the rows of a group in a window.
pub(in crate::lsp) fn rows(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let index = &seen.index;
    let (t0, t1) = parameters::window(params, index.end)?;
    let id = parameters::text(params, "group")?;
    let group = index.groups.iter().find(|g| g.id == id);
    let group =
        group.ok_or_else(|| invalid("name a group of timelineInfo: {\"group\": its id}"))?;
    let sort = match parameters::text(params, "sort")? {
        "" | "start" => Sort::Start,
        "costly" => Sort::Costly,
        "life" => Sort::Life,
        _ => return Err(invalid("sort is one of start, costly, life")),
    };
    let offset = parameters::count(params, "offset", 0, usize::MAX)?;
    let limit = parameters::count(params, "limit", 100, MOST)?;
    let (rows, cut) = index.rows(group, t0, t1, sort);
    let view = &seen.shown.view;
    let list: Vec<Value> = rows
        .iter()
        .skip(offset)
        .take(limit)
        .filter_map(|row| {
            let first = index.go(*row.gos.first()?)?;
            let gos = || row.gos.iter().filter_map(|&go| index.go(go));
            let times = || row.gos.iter().map(|&go| index.time_of(go));
            let ids: Vec<u64> = gos().map(|go| go.id.0).collect();
            let end = gos().map(|go| go.end.min(index.end)).max().unwrap_or(first.birth);
            let one = row.gos.len() == 1;
            let name = match one {
                true => format!("G{}", first.id.0),
                false => format!("{} goroutines", row.gos.len()),
            };
            Some(json!({
                "lane": index.row_key(row),
                "g": one.then_some(first.id.0),
                "name": name,
                "label": func_name(index, view, *row.gos.first()?),
                "start": first.birth,
                "end": end,
                "costly": times().map(|time| time.costly).sum::<i64>(),
                "waiting": times().map(|time| time.waiting).sum::<i64>(),
                "running": times().map(|time| time.running).sum::<i64>(),
                "packed": (!one).then_some(ids),
            }))
        })
        .collect();
    let _ = session;
    Ok(json!({ "analysis": seen.shown.id, "of": rows.len(), "cut": cut, "rows": list }))
}

/// The most regions that are told of one task.
const MOST_REGIONS: usize = 100;

/// `waitline/timelineTasks`: the tasks in a window, with their regions.
pub(in crate::lsp) fn tasks(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, at) = (&seen.index, At { session, shown: &seen.shown });
    let view = &seen.shown.view;
    let (t0, t1) = parameters::window(params, index.end)?;
    let offset = parameters::count(params, "offset", 0, usize::MAX)?;
    let limit = parameters::count(params, "limit", 100, MOST)?;
    let within = |start: i64, end: Option<i64>| start < t1 && end.unwrap_or(index.end + 1) > t0;
    let tasks: Vec<_> = index.tasks.iter().filter(|t| within(t.start, t.end)).collect();
    let list: Vec<Value> = tasks
        .iter()
        .skip(offset)
        .take(limit)
        .map(|task| {
            let regions: Vec<Value> = index
                .regions_of(task.id)
                .take(MOST_REGIONS)
                .map(|r| {
                    let line = line_of(view, r.stack);
                    json!({
                        "name": plain(view.analysis.str(r.name)),
                        "start": r.start,
                        "end": r.end.unwrap_or(index.end),
                        "complete": r.end.is_some(),
                        "g": number(index, r.go),
                        "place": line.map(|f| place(at, f)),
                    })
                })
                .collect();
            let line = line_of(view, task.stack);
            json!({
                "lane": format!("task:{}", task.id.0),
                "id": task.id.0,
                "parent": (task.parent != TaskId::NONE && task.parent.0 != 0).then_some(task.parent.0),
                "name": plain(view.analysis.str(task.name)),
                "start": task.start,
                "end": task.end.unwrap_or(index.end),
                "complete": task.end.is_some(),
                "g": number(index, task.go),
                "place": line.map(|f| place(at, f)),
                "regions": regions,
            })
        })
        .collect();
    Ok(json!({ "analysis": seen.shown.id, "of": tasks.len(), "rows": list }))
}

const COUNTERS: [(Counter, &str); 5] = [
    (Counter::Running, "running"),
    (Counter::Runnable, "runnable"),
    (Counter::Waiting, "waiting"),
    (Counter::Syscall, "syscall"),
    (Counter::GcWaiting, "gcWaiting"),
];

/// `waitline/timelineCounters`: the most of each counter, column by column.
pub(in crate::lsp) fn counters(_: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    counters_of(&seen.index, seen.shown.id, params)
}

pub(super) fn counters_of(index: &Index, analysis: u64, params: &Value) -> Result<Value> {
    let (t0, t1) = parameters::window(params, index.end)?;
    let width = parameters::count(params, "width", 1000, MOST_COLUMNS)?.max(1) as i64;
    let width = width.min((t1 - t0).max(1));
    let edge = |i: i64| t0 + (i128::from(t1 - t0) * i128::from(i) / i128::from(width)) as i64;
    let edges: Vec<(i64, i64)> = (0..width).map(|i| (edge(i), edge(i + 1))).collect();
    let counts: Vec<Counts> = edges.iter().map(|&(from, to)| index.most(from, to)).collect();
    let heap = edges.iter().map(|&(from, to)| index.heap_most(from, to));
    let (heap, goal): (Vec<Option<u64>>, Vec<Option<u64>>) = heap.unzip();
    let of = |counter: Counter| -> Value { counts.iter().map(|c| c[counter as usize]).collect() };
    let mut answer = json!({ "analysis": analysis });
    answer["x"] = edges.iter().map(|e| e.0).collect();
    for (counter, name) in COUNTERS {
        answer[name] = of(counter);
    }
    answer["threadsRunning"] = of(Counter::Threads);
    // A goroutine in a system call has a thread of its own.
    answer["threadsSyscall"] = of(Counter::Syscall);
    answer["heap"] = heap.into();
    answer["heapGoal"] = goal.into();
    Ok(answer)
}

/// `waitline/timelineAt`: the exact counts at a time.
pub(in crate::lsp) fn at(_: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let index = &seen.index;
    let t = parameters::the_time(params, "t")?;
    let counts = index.counts_at(t);
    let (heap, goal) = index.heap_at(t);
    let mut answer = json!({
        "analysis": seen.shown.id,
        "t": t,
        "heap": heap,
        "heapGoal": goal,
        "threadsRunning": counts[Counter::Threads as usize],
        "threadsSyscall": counts[Counter::Syscall as usize],
        "threads": index.thread_ids().len(),
    });
    for (counter, name) in COUNTERS {
        answer[name] = counts[counter as usize].into();
    }
    Ok(answer)
}

/// The most labels of one request.
const MOST_LABELS: usize = 4096;

/// `waitline/timelineNames`: what labels in tiles are.
pub(in crate::lsp) fn names(_: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let Some(labels) = params.get("labels").and_then(Value::as_array) else {
        return Err(invalid("name the labels: {\"labels\": [...]}"));
    };
    if labels.len() > MOST_LABELS {
        return Err(invalid(&format!("at most {MOST_LABELS} labels at a time")));
    }
    let mut names = Map::new();
    for label in labels {
        let label = label.as_u64().and_then(|l| u32::try_from(l).ok());
        let label = label.ok_or_else(|| invalid("a label is a number from a tile"))?;
        names.insert(label.to_string(), name(seen, label).into());
    }
    Ok(json!({ "analysis": seen.shown.id, "names": names }))
}

fn name(seen: &Seen, label: u32) -> String {
    let (index, view) = (&seen.index, &seen.shown.view);
    if label & LABEL_GO != 0 {
        let go = GoRef(label & !LABEL_GO);
        return match index.go(go) {
            Some(it) => format!("G{} {}", it.id.0, func_name(index, view, go)),
            None => String::new(),
        };
    }
    if label & LABEL_TEXT != 0 {
        let row = label & !LABEL_TEXT;
        return match (row as usize) < view.analysis.tables.n_strings() {
            true => plain(view.analysis.str(StrId(row))),
            false => String::new(),
        };
    }
    match label.checked_sub(1).and_then(|row| index.sites.get(row as usize)) {
        Some(site) => site_title(view, site),
        None => String::new(),
    }
}

/// What a site's spans are, in a few words.
pub(super) fn site_title(view: &View, site: &ide::timeline::Site) -> String {
    let what = what(view, site.class, site.reason);
    if site.class == Class::Runnable {
        return what;
    }
    match line_of(view, site.stack) {
        Some(f) => format!("{what} {}", view.frame_name(f)),
        None => what,
    }
}

/// The runtime's reason, else the kind.
pub(super) fn what(view: &View, class: Class, reason: StrId) -> String {
    match (class, view.analysis.str(reason)) {
        (Class::Stw, why) => format!("stop the world ({})", plain(why)),
        (Class::GcMark, _) => "GC concurrent mark".into(),
        (Class::Assist, _) => "GC mark assist".into(),
        (Class::Unknown, "") => "waiting, since before the trace".into(),
        (_, "") => class.name().into(),
        (Class::Runnable, reason) => format!("runnable ({})", plain(reason)),
        (_, reason) => plain(reason),
    }
}

/// The states that a search may name, and what they hold.
fn classes_of(state: &str) -> Option<Vec<Class>> {
    Some(match state {
        "running" => vec![Class::Running, Class::Assist],
        "runnable" => vec![Class::Runnable],
        "syscall" => vec![Class::Syscall],
        "waiting" => CLASSES.into_iter().filter(|c| c.is_wait()).collect(),
        _ => return None,
    })
}

/// `waitline/timelineFind`: spans, goroutines, tasks and regions that fit, the longest first.
pub(in crate::lsp) fn find(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, view) = (&seen.index, &seen.shown.view);
    let (t0, t1) = parameters::window(params, index.end.saturating_add(1))?;
    let mut query = Query {
        text: parameters::text(params, "query")?.chars().take(512).collect(),
        t0,
        t1,
        min_ns: parameters::time(params, "minNs")?.unwrap_or(0),
        ..Query::default()
    };
    match parameters::text(params, "state")? {
        "" => {}
        state => {
            query.classes = classes_of(state)
                .ok_or_else(|| invalid("state is one of running, runnable, waiting, syscall"))?;
        }
    }
    match parameters::text(params, "kind")? {
        "" => {}
        kind => {
            let kind = Class::parse(kind).ok_or_else(|| invalid("there is no such kind"))?;
            query.classes = vec![kind];
        }
    }
    match parameters::text(params, "verdict")? {
        "" => {}
        verdict => {
            let verdict: Option<Verdict> = crate::config::verdict(verdict);
            query.verdict = Some(
                verdict
                    .ok_or_else(|| invalid("a verdict is one of costly, through, idle, unsure"))?,
            );
        }
    }
    let limit = parameters::count(params, "limit", 100, MOST)?;
    let (found, of) = index.find(view, &query, limit);
    let end = |end: Option<i64>| end.unwrap_or(index.end);
    let list: Vec<Value> = found
        .into_iter()
        .filter_map(|found| {
            Some(match found {
                Found::Span(go, span) => {
                    let site = index.site(&span)?;
                    let title = what(view, site.class, site.reason);
                    let line = line_of(view, site.stack).filter(|_| site.class != Class::Runnable);
                    found_json(
                        index,
                        go,
                        span.start,
                        span.end,
                        title,
                        line.map(|f| view.frame_name(f)),
                    )
                }
                Found::Go(go) => {
                    let it = index.go(go)?;
                    let title = format!("G{} {}", it.id.0, func_name(index, view, go));
                    let line = line_of(view, it.created_at).map(|f| view.frame_name(f));
                    let end = it.end.min(index.end);
                    let mut row = found_json(index, go, it.birth, end, title, line);
                    // In the middle of a life there stands whatever happens to.
                    let spans = index.spans(go, it.birth, end);
                    let longest =
                        spans.max_by_key(|s| (s.end - s.start, std::cmp::Reverse(s.start)));
                    row["at"] = longest.map(|s| s.start + (s.end - s.start) / 2).into();
                    row
                }
                Found::Task(task) => {
                    let title = format!("task {}", plain(view.analysis.str(task.name)));
                    let line = line_of(view, task.stack).map(|f| view.frame_name(f));
                    let mut row =
                        found_json(index, task.go, task.start, end(task.end), title, line);
                    row["lane"] = format!("task:{}", task.id.0).into();
                    row
                }
                Found::Region(region) => {
                    let title = format!("region {}", plain(view.analysis.str(region.name)));
                    let line = line_of(view, region.stack).map(|f| view.frame_name(f));
                    found_json(index, region.go, region.start, end(region.end), title, line)
                }
            })
        })
        .collect();
    let _ = session;
    Ok(json!({ "analysis": seen.shown.id, "of": of, "found": list }))
}

fn found_json(
    index: &Index,
    go: GoRef,
    start: i64,
    end: i64,
    title: String,
    place: Option<String>,
) -> Value {
    json!({
        "lane": lane_of(index, go),
        "g": number(index, go),
        "start": start,
        "end": end,
        "title": title,
        "where": place,
        "at": null,
    })
}

/// The most instances of a line that are listed.
const MOST_INSTANCES: usize = 1000;

/// `waitline/timelineInstances`: the spans of a line, the longest first.
pub(in crate::lsp) fn instances(session: &Session, seen: &Seen, params: &Value) -> Result<Value> {
    let (index, view) = (&seen.index, &seen.shown.view);
    let class = match parameters::text(params, "kind")? {
        "" => None,
        kind => Some(Class::parse(kind).ok_or_else(|| invalid("there is no such kind"))?),
    };
    let func = parameters::text(params, "func")?;
    let found = if func.is_empty() {
        let uri = params.get("uri").and_then(Value::as_str);
        let uri = uri.and_then(|uri| lsp_types::Url::parse(uri).ok());
        let uri =
            uri.ok_or_else(|| invalid("name a line, {\"uri\", \"line\"}, or a {\"func\"}"))?;
        let line = params.get("line").and_then(Value::as_u64).and_then(|l| u32::try_from(l).ok());
        let line = line.ok_or_else(|| invalid("name the line, from 0"))?;
        let Some(about) = session.about(&uri) else { return Ok(Value::Null) };
        let Some(recorded) = about.text.map.recorded(line) else { return Ok(Value::Null) };
        let is_line = |f: exectrace::FrameId| {
            view.placement.place(f).is_some_and(|p| p.file == about.file && p.line == recorded)
        };
        index.instances(view, &is_line, class)
    } else {
        let is_func =
            |f: exectrace::FrameId| view.analysis.str(view.analysis.tables.frame(f).func) == func;
        index.instances(view, &is_func, class)
    };
    let shown = found.all.iter().take(MOST_INSTANCES);
    let mut ticks: Vec<i64> = shown.clone().map(|i| i.1).collect();
    ticks.sort_unstable();
    let list: Vec<Value> = shown
        .map(|&(ns, start, go)| {
            json!({
                "lane": lane_of(index, go),
                "g": number(index, go),
                "start": start,
                "end": start + ns,
            })
        })
        .collect();
    Ok(json!({
        "analysis": seen.shown.id,
        "of": found.all.len(),
        "ns": found.ns,
        "p99": found.p99,
        "instances": list,
        "ticks": ticks,
    }))
}

/// A goroutine that parameters must name.
pub(super) fn the_go(params: &Value) -> Result<GoId> {
    let g = params.get("g").and_then(Value::as_u64);
    g.map(GoId).ok_or_else(|| invalid("name the goroutine: {\"g\": its number}"))
}
