//! Requests beyond the protocol, as `docs/lsp-extensions.md` tells them.
//!
//! Each answer carries `analysis`, the number of the view that it is made of, so that a client can
//! drop those of an older one. Lines in parameters and answers are the buffer's, from 0; a line that
//! was edited away is null.

use std::path::Path;

use ide::annotations::annotations;
use ide::behind::Behind;
use ide::cases::Cases;
use ide::figures::{Instance, SlotId};
use ide::hover::Markup;
use ide::kinds::Kind;
use ide::lines::Figure;
use ide::placement::FileId;
use ide::sites::{Origin, Part, SiteLine, callers, wakers};
use ide::staleness::State;
use ide::verdicts::Sum;
use ide::view::View;
use lsp_types::Url;
use serde_json::{Value, json};

use super::session::{About, Session, Shown};
use super::to_proto;
use crate::paths::{self, slashed};

/// The most rows of a list, if the client does not ask for fewer.
const MOST: usize = 200;

/// `waitline/lineCosts {uri, range?}`: what stands at the ends of a document's lines.
pub(super) fn line_costs(session: &Session, about: &About, params: &Value) -> Value {
    let view = &about.shown.view;
    let line = |pointer: &str| params.pointer(pointer).and_then(Value::as_u64);
    let first = line("/range/start/line").unwrap_or(0);
    let last = line("/range/end/line").unwrap_or(u64::MAX);
    let settings = session.settings();
    let (least_ns, metric) = (settings.least_ns, settings.metric);
    let lines: Vec<Value> = annotations(view, about.file, &session.lines(about), least_ns, metric)
        .iter()
        .filter(|a| (first..=last).contains(&u64::from(a.line)))
        .map(|a| {
            json!({
                "line": a.line,
                "hint": a.hint,
                "text": a.long,
                "others": a.others,
                "style": a.style.as_str(),
                "heat": a.heat,
                "costly": a.costly_ns,
                "state": a.state.as_str(),
            })
        })
        .collect();
    json!({ "analysis": about.shown.id, "metric": metric.as_str(), "lines": lines })
}

/// `waitline/hotspots {limit?, uri?}`: the lines of the workspace that cost most, what counts first.
pub(super) fn hotspots(
    session: &Session,
    shown: &Shown,
    only: Option<&Url>,
    limit: usize,
) -> Value {
    let (view, at) = (&shown.view, At { session, shown });
    let metric = session.settings().metric;
    let counted = metric.of_all(&view.sites);
    let mut rows: Vec<(FileId, &SiteLine, &Part)> = Vec::new();
    for file in view.placement.files() {
        if only.is_some_and(|uri| !is_in(session, view, file, uri)) {
            continue;
        }
        for line in view.sites.lines(file).iter().filter(|l| l.holds) {
            rows.extend(
                line.parts.iter().filter(|p| metric.shows(p.kind)).map(|p| (file, line, p)),
            );
        }
    }
    rows.sort_by_key(|(file, line, part)| {
        (std::cmp::Reverse((metric.counted_ns(part), part.figure.total())), *file, line.line)
    });
    let rows: Vec<Value> = rows
        .into_iter()
        .filter(|(.., part)| part.figure.total() >= ide::view::MIN_SHOWN_NS)
        .take(limit.min(MOST))
        .filter_map(|(file, line, part)| {
            let source = view.placement.source(file);
            let uri = paths::uri(Path::new(&source.path))?;
            let text = source.text.lines().nth(line.line as usize).unwrap_or_default();
            let mut row = part_json(at, part);
            row["line"] = session.current_line(shown, file, &uri, line.line).into();
            row["uri"] = uri.as_str().into();
            row["func"] = ide::text::plain(view.analysis.str(line.func)).into();
            let cases = part.kind.is_wait().then(|| view.cases.at(file, line.line)).flatten();
            let text = cases.map_or_else(|| ide::text::plain(text.trim()), Cases::short);
            row["source"] = text.into();
            row["counted"] = metric.counted_ns(part).into();
            row["heat"] = metric.heat(line, counted).into();
            Some(row)
        })
        .collect();
    let is_of = |behind: &&Behind| {
        behind.is_told(view)
            && behind.state < State::Doubtful
            && only.is_none_or(|uri| is_in(session, view, behind.file, uri))
    };
    let behind: Vec<Value> = view
        .behind
        .all()
        .iter()
        .filter(is_of)
        .take(limit.min(MOST))
        .map(|behind| {
            let source = view.placement.source(behind.file);
            let text = source.text.lines().nth(behind.line as usize).unwrap_or_default();
            let mut row = line_at(at, behind.file, behind.line);
            row["func"] = ide::text::plain(view.analysis.str(behind.func)).into();
            row["source"] = ide::text::plain(text.trim()).into();
            row["behind"] = behind_json(at, behind);
            row
        })
        .collect();
    json!({
        "analysis": shown.id,
        "metric": metric.as_str(),
        "counted": counted,
        "costly": view.sites.costly_ns,
        "lines": rows,
        "behind": behind,
    })
}

/// Whether a file of the trace is this document's.
fn is_in(session: &Session, view: &View, file: FileId, uri: &Url) -> bool {
    session.path(uri).is_some_and(|path| slashed(&path) == view.placement.source(file).path)
}

/// `waitline/site {uri, line}`: the evidence for a line.
pub(super) fn site(session: &Session, about: &About, recorded: u32) -> Option<Value> {
    let (view, at) = (&about.shown.view, At { session, shown: &about.shown });
    let site = view.sites.line(about.file, recorded).filter(|s| s.holds);
    let behind = view.behind.at(about.file, recorded).filter(|behind| behind.is_told(view));
    let cases = view.cases.at(about.file, recorded);
    let cases = cases.or_else(|| view.cases.case_at(about.file, recorded).map(|case| case.0));
    let of_select = || view.sites.line(about.file, cases?.line);
    let func = site.map(|site| site.func).or_else(|| Some(behind?.func));
    let func = func.or_else(|| Some(of_select()?.func))?;
    let waiting = site.map(SiteLine::waiting).unwrap_or_default();
    let under = site.map(|site| site.under).unwrap_or_default();
    let parts = site.map_or(&[][..], |site| &site.parts);
    let state = session.lines(about).current(recorded)?.state;
    let metric = session.settings().metric;
    let hover = |markup| ide::hover::hover_as(view, about.file, recorded, state, markup);
    Some(json!({
        "analysis": about.shown.id,
        "func": ide::text::plain(view.analysis.str(func)),
        "parts": parts.iter().map(|p| part_json(at, p)).collect::<Vec<_>>(),
        "under": { "n": under.n, "ns": under.ns },
        "heat": site.map_or(0, |site| metric.heat(site, metric.of_all(&view.sites))),
        "state": state.as_str(),
        "markdown": hover(Markup::Markdown),
        "text": hover(Markup::Plain),
        "wakers": origins(at, &wakers(&view.analysis, &view.placement, &waiting.slots)),
        "callers": origins(at, &callers(&view.analysis, &view.placement, &waiting.slots)),
        "blame": blame(at, &waiting.slots),
        "behind": behind.map(|behind| behind_json(at, behind)),
        "cases": cases.map(|cases| cases_json(at, cases)),
    }))
}

/// With which of its cases a `select` went on.
fn cases_json(at: At<'_>, cases: &Cases) -> Value {
    let taken = cases.taken.iter().take(MOST).map(|taken| {
        let mut row = line_at(at, cases.file, taken.line);
        row["text"] = taken.text.as_str().into();
        row["n"] = taken.n.into();
        row["ns"] = taken.ns.into();
        row
    });
    let (n, ns) = cases.unknown;
    json!({ "taken": taken.collect::<Vec<_>>(), "unknown": { "n": n, "ns": ns } })
}

/// Whom a line holds up.
fn behind_json(at: At<'_>, behind: &Behind) -> Value {
    let view = &at.shown.view;
    let ends = behind.ends.iter().map(|(end, ns)| json!({ "what": end.name(), "ns": ns }));
    let waits = behind.waits.iter().take(MOST).map(|held| {
        let mut row = line_at(at, held.file, held.line);
        row["kind"] = held.kind.label(&view.analysis).into();
        row["ns"] = held.ns.into();
        row
    });
    json!({
        "ns": behind.ns,
        "ends": ends.collect::<Vec<_>>(),
        "waits": waits.collect::<Vec<_>>(),
    })
}

/// A line of a file of the trace, where it is in the editor now.
fn line_at(at: At<'_>, file: FileId, line: u32) -> Value {
    let source = at.shown.view.placement.source(file);
    let uri = paths::uri(Path::new(&source.path));
    let now = uri.as_ref().and_then(|uri| at.session.current_line(at.shown, file, uri, line));
    json!({
        "uri": uri.map(|uri| uri.as_str().to_owned()),
        "file": ide::text::plain(&source.path),
        "recorded": u64::from(line) + 1,
        "line": now,
    })
}

/// `waitline/wakers {uri, line}`: who ended the waits of a line, the most frequent first.
pub(super) fn wakers_of(session: &Session, about: &About, recorded: u32) -> Option<Value> {
    let (view, at) = (&about.shown.view, At { session, shown: &about.shown });
    let site = view.sites.line(about.file, recorded).filter(|s| s.holds)?;
    let list = wakers(&view.analysis, &view.placement, &site.waiting().slots);
    Some(json!({ "analysis": about.shown.id, "wakers": origins(at, &list) }))
}

/// `waitline/stacks {uri, line}`: the stacks of a line's spans, the dearest first.
pub(super) fn stacks(session: &Session, about: &About, recorded: u32) -> Option<Value> {
    let (view, at) = (&about.shown.view, At { session, shown: &about.shown });
    let site = view.sites.line(about.file, recorded).filter(|s| s.holds)?;
    let slots = site.parts.iter().flat_map(|p| p.figure.slots.iter().map(move |s| (*s, p.kind)));
    let mut rows: Vec<(SlotId, Kind, Figure)> = slots
        .map(|(slot, kind)| {
            let mut figure = Figure::new();
            figure.add(&view.analysis, slot);
            (slot, kind, figure)
        })
        .collect();
    rows.sort_by_key(|(slot, _, figure)| (std::cmp::Reverse(figure.total()), *slot));
    let stacks: Vec<Value> = rows
        .into_iter()
        .take(MOST)
        .map(|(slot, kind, figure)| {
            let stack = view.analysis.slots[slot.0 as usize].stack;
            let frames: Vec<Value> =
                view.analysis.stack(stack).iter().map(|&f| frame(at, f)).collect();
            json!({
                "kind": kind.label(&view.analysis),
                "n": figure.count(),
                "ns": figure.total(),
                "frames": frames,
            })
        })
        .collect();
    Some(json!({ "analysis": about.shown.id, "stacks": stacks }))
}

/// `waitline/instance {uri, line, rank?}`: one wait of a line, by its length; 0 is the longest.
pub(super) fn instance(
    session: &Session,
    about: &About,
    recorded: u32,
    rank: usize,
) -> Option<Value> {
    let (view, at) = (&about.shown.view, At { session, shown: &about.shown });
    let site = view.sites.line(about.file, recorded).filter(|s| s.holds)?;
    let slots = &site.waiting().slots;
    let stays = view.analysis.stays.as_ref()?;
    let mut rows: Vec<_> =
        stays.rows().filter(|&row| slots.contains(&stays.stay(row).slot)).collect();
    let length = |row| {
        let stay = stays.stay(row);
        stay.end.since(stay.start)
    };
    rows.sort_by_key(|&row| (std::cmp::Reverse(length(row)), row));
    let n = rows.len();
    let row = *rows.get(rank)?;
    let stay = stays.stay(row);
    let judged = view.verdicts.as_ref().and_then(|v| v.of(stays, row));
    let waker = (stay.waker != ide::stays::GoRow::NONE).then(|| {
        let leaf = view.verdicts.as_ref()?.facts.line_of(&view.analysis, stay.waker_stack);
        let mut waker = leaf.map_or_else(|| json!({}), |f| frame(at, f));
        waker["g"] = stays.go(stay.waker).id.0.into();
        Some(waker)
    });
    Some(json!({
        "analysis": about.shown.id,
        "of": n,
        "g": stays.go(stay.g).id.0,
        "start": stay.start.0,
        "ns": length(row),
        "open": stay.open,
        "runnable": stays.runnable(row),
        "verdict": judged.map(|j| crate::config::name(j.verdict)),
        "waker": waker.flatten(),
    }))
}

/// `waitline/unmapped`: recorded folders of which no file is known, the dearest first, the rules that
/// would find most of them, what is found of the program, and how many of its lines are the recorded
/// ones.
pub(super) fn unmapped(session: &Session, shown: &Shown) -> Value {
    let placement = &shown.view.placement;
    let rows: Vec<Value> = placement
        .unmapped
        .iter()
        .take(MOST)
        .map(|u| json!({ "prefix": ide::text::plain(&u.prefix), "ns": u.ns, "of": u.of_ns }))
        .collect();
    let missing = placement.unmapped.iter().fold(0i64, |sum, u| sum.saturating_add(u.ns));
    let mut lines = serde_json::Map::new();
    for (state, n) in states(session, shown) {
        lines.insert(state.as_str().to_owned(), n.into());
    }
    let of = shown.view.placement.unmapped.first().map_or(0, |u| u.of_ns);
    let rules: Vec<Value> = crate::workspace::proposals(&shown.view, &session.info().roots)
        .iter()
        .map(|p| {
            json!({
                "from": p.rule.from,
                "to": ide::text::plain(&p.rule.to),
                "ns": p.ns,
                "of": of,
                "files": p.n_files,
                "others": p.others,
            })
        })
        .collect();
    json!({
        "analysis": shown.id,
        "prefixes": rows,
        "rules": rules,
        "found": { "ns": placement.own_ns.saturating_sub(missing), "of": placement.own_ns },
        "lines": lines,
    })
}

/// How many lines with figures are in each state: as the editor has them, where it has the file open.
fn states(session: &Session, shown: &Shown) -> [(State, u64); 4] {
    let mut all =
        [State::Exact, State::Shifted, State::Doubtful, State::Lost].map(|state| (state, 0));
    let view = &shown.view;
    for file in view.placement.files() {
        let source = view.placement.source(file);
        let path = std::path::Path::new(&source.path);
        let open = session.documents().opened(path);
        let lines = open.map(|(uri, _)| {
            let text = session.documents().snapshot(&uri, path, shown.id, &source.text)?;
            Some(session.lines_in(shown, file, path.to_owned(), &text))
        });
        for line in view.sites.lines(file) {
            let state = match &lines {
                _ if !line.holds => State::Lost,
                None => line.state,
                // Of a document whose text is not known no line is.
                Some(None) => State::Lost,
                Some(Some(lines)) => lines.state(line.line),
            };
            all[state as usize].1 += 1;
        }
    }
    all
}

/// `waitline/goroutines {uri?, line?}`: what became of the goroutines of each `go` statement, those
/// with the most waiting first.
pub(super) fn goroutines(
    session: &Session,
    shown: &Shown,
    uri: Option<&Url>,
    line: Option<u64>,
) -> Value {
    let (view, at) = (&shown.view, At { session, shown });
    let mut groups: Vec<_> = view.go_groups.iter().collect();
    groups.sort_by_key(|g| (std::cmp::Reverse(g.life.wait_ns), g.created_at));
    let rows: Vec<Value> = groups
        .into_iter()
        .filter_map(|group| {
            let mut row = frame(at, group.created_at);
            if let Some(uri) = uri {
                let place = view.placement.place(group.created_at)?;
                let path = &view.placement.source(place.file).path;
                let same = session.path(uri).is_some_and(|p| slashed(&p) == *path);
                let now = session.current_line(shown, place.file, uri, place.line);
                if !same || line.is_some_and(|line| now.map(u64::from) != Some(line)) {
                    return None;
                }
            }
            let runs = view.analysis.str(group.func);
            row["runs"] = (!runs.is_empty()).then(|| ide::text::plain(runs)).into();
            row["started"] = group.started.into();
            row["aliveAtMost"] = group.alive_max.into();
            row["lifeP50"] = group.life_p50.into();
            row["runP50"] = group.run_p50.into();
            row["ended"] = group.ended.into();
            row["still"] = group.still.into();
            row["running"] = group.life.run_ns.into();
            row["waiting"] = group.life.wait_ns.into();
            row["syscall"] = group.life.syscall_ns.into();
            row["runnable"] = group.life.runnable_ns.into();
            row["life"] = group.life.ns.into();
            Some(row)
        })
        .take(MOST)
        .collect();
    json!({ "analysis": shown.id, "groups": rows })
}

/// `waitline/findings`: what is worth telling about the trace, the dearest first.
pub(super) fn findings(session: &Session, shown: &Shown) -> Value {
    let (view, at) = (&shown.view, At { session, shown });
    let rows: Vec<Value> = view
        .findings
        .iter()
        .map(|finding| {
            let mut row = finding.frame.map_or_else(|| json!({}), |f| frame(at, f));
            row["code"] = finding.code.as_str().into();
            row["severity"] = finding.severity.as_str().into();
            row["message"] = finding.message.as_str().into();
            row["detail"] = finding.detail.as_slice().into();
            row["ns"] = finding.ns.into();
            row["at"] = finding.related.iter().find_map(|r| r.wait).map(longest).into();
            let related = finding.related.iter().map(|other| {
                let mut row = frame(at, other.frame);
                row["text"] = other.text.as_str().into();
                row
            });
            row["related"] = related.collect();
            row
        })
        .collect();
    let looked: Vec<Value> = view
        .looked
        .iter()
        .map(|looked| {
            let mut row = looked.frame.map_or_else(|| json!({}), |f| frame(at, f));
            row["code"] = looked.code.as_str().into();
            row["message"] = looked.message.as_str().into();
            row["limit"] = looked.limit.as_str().into();
            row["at"] = looked.wait.map(longest).into();
            row
        })
        .collect();
    json!({
        "analysis": shown.id,
        "findings": rows,
        "checks": ide::findings::CODES.len(),
        "lookedAt": looked,
        "silenced": view.n_silenced,
    })
}

/// `waitline/traces`: what is loaded, first that of it which is shown.
pub(super) fn traces(loaded: &[std::sync::Arc<Shown>], shown: Option<&Shown>) -> Value {
    let rows = loaded.iter().map(|loaded| {
        let shown = shown.filter(|shown| shown.path == loaded.path);
        let mut row = state(shown.unwrap_or(loaded));
        row["active"] = shown.is_some().into();
        row
    });
    let mut rows: Vec<Value> = rows.collect();
    if let Some(growing) = shown.filter(|shown| shown.growing.is_some()) {
        rows.retain(|row| row["active"] != true); // the one before of the same file
        let mut row = state(growing);
        row["active"] = true.into();
        rows.push(row);
    }
    rows.sort_by_key(|row| row["active"] != true);
    json!({ "traces": rows })
}

/// `waitline/found`: traces that are in the workspace.
pub(super) fn found(found: &[crate::found::Found]) -> Value {
    let rows = found.iter().map(|found| {
        json!({
            "path": found.path.to_string_lossy(),
            "modified": found.modified_ms(),
            "bytes": found.bytes,
        })
    });
    json!({ "traces": rows.collect::<Vec<Value>>() })
}

/// A trace that is shown, in a few figures.
pub(super) fn state(shown: &Shown) -> Value {
    let view = &shown.view;
    json!({
        "analysis": shown.id,
        "trace": shown.path.to_string_lossy(),
        "summary": view.summary(),
        "duration": view.analysis.duration(),
        "events": view.analysis.events,
        "costly": view.sites.costly_ns,
        "findings": view.findings.len(),
        "range": view.range.map(|(t0, t1)| json!({ "t0": t0.0, "t1": t1.0 })),
        "partial": view.analysis.partial(),
    })
}

fn part_json(at: At<'_>, part: &Part) -> Value {
    let view = &at.shown.view;
    let figure = &part.figure;
    let worst = figure.worst.map_or(i64::MAX, |w| w.ns);
    let [p50, p90, p99] =
        figure.values(&view.analysis).percentiles([50, 90, 99]).map(|p| p.min(worst));
    json!({
        "kind": part.kind.label(&view.analysis),
        "n": figure.count(),
        "ns": figure.total(),
        "open": figure.open_n,
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "longest": figure.longest().map(longest),
        "costly": part.costly_ns(),
        "verdicts": verdicts(&part.judged),
        "verdict": part.judged.largest().map(crate::config::name),
        "reason": ide::reasons::reason(view, &part.judged, &figure.slots),
        "blame": blame(at, &figure.slots),
    })
}

fn longest(instance: Instance) -> Value {
    json!({ "g": instance.g.some().map(|g| g.0), "start": instance.start.0, "ns": instance.ns })
}

fn verdicts(sum: &Sum) -> Value {
    let named =
        ide::verdicts::VERDICTS.map(|v| (crate::config::name(v).to_owned(), sum.of(v).into()));
    Value::Object(named.into_iter().collect())
}

fn blame(at: At<'_>, slots: &[SlotId]) -> Vec<Value> {
    let ends = at.shown.view.blame.as_ref().map(|b| b.ends(slots)).unwrap_or_default();
    ends.into_iter()
        .take(16)
        .map(|((end, line), ns)| {
            let mut row = line.map_or_else(|| json!({}), |f| frame(at, f));
            row["what"] = end.name().into();
            row["ns"] = ns.into();
            row
        })
        .collect()
}

fn origins(at: At<'_>, list: &[Origin]) -> Vec<Value> {
    list.iter()
        .take(MOST)
        .map(|origin| {
            let mut row = origin.frame.map_or_else(|| json!({}), |f| frame(at, f));
            row["n"] = origin.n.into();
            row["ns"] = origin.ns.into();
            row
        })
        .collect()
}

/// A view, and a session that knows where its lines are in the editor now.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) session: &'a Session,
    pub(super) shown: &'a Shown,
}

/// A frame: its function, its recorded file and line (from 1), and where that is in the editor now.
pub(super) fn frame(at: At<'_>, id: exectrace::FrameId) -> Value {
    let view = &at.shown.view;
    let frame = view.analysis.tables.frame(id);
    let place = to_proto::location(view, id);
    let line = view.placement.place(id).zip(place.as_ref()).and_then(|(place, location)| {
        at.session.current_line(at.shown, place.file, &location.uri, place.line)
    });
    json!({
        "func": ide::text::plain(view.analysis.str(frame.func)),
        "file": ide::text::plain(view.analysis.str(frame.file)),
        "recorded": frame.line,
        "uri": place.as_ref().map(|l| l.uri.as_str().to_owned()),
        "line": line,
    })
}
