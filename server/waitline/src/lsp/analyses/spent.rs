//! Where time was spent: what the collector left to the program, and profiles.

use exectrace::FrameId;
use ide::mmu::{Count, Curve, Flags, Lost};
use ide::profiles::{Flame, Profile, Sample, Spent, flame, profile, profile_in};
use serde_json::{Map, Value, json};
use tower_lsp::jsonrpc::Result;

use super::{Asked, MOST};
use crate::lsp::ext::frame;
use crate::lsp::parameters::{failed, invalid, number, word};

/// The most windows of a utilization curve.
const MOST_WINDOWS: usize = 400;

/// `{flags?, windows?, filter?, quantiles?, window?, worst?}`
pub(super) fn mmu(asked: &Asked<'_>) -> Result<Value> {
    let list = |key: &str| match asked.params.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(list) => list.as_array().map(Some).ok_or_else(|| invalid(&format!("{key} is a list"))),
    };
    let mut flags = Flags::default();
    if let Some(names) = list("flags")? {
        flags =
            Flags { stw: false, background: false, assist: false, sweep: false, per_proc: false };
        for name in names {
            match name.as_str() {
                Some("stw") => flags.stw = true,
                Some("background") => flags.background = true,
                Some("assist") => flags.assist = true,
                Some("sweep") => flags.sweep = true,
                Some("perProc") => flags.per_proc = true,
                _ => return Err(invalid("flags are stw, background, assist, sweep, perProc")),
            }
        }
    }
    let (t0, t1) = (asked.scope.t0, asked.scope.t1);
    let gc = &asked.summary.gc;
    let curve = |count| {
        let series = gc.utilisation(flags, count);
        if t0 <= 0 && t1 >= asked.analysis.duration() {
            Curve::new(series)
        } else {
            Curve::of_range(series, t0, t1)
        }
    };
    let (once, as_go) = (curve(Count::Once), curve(Count::AsGo));
    let windows: Vec<i64> = match list("windows")? {
        Some(list) => {
            let ns = |w: &Value| w.as_f64().filter(|w| *w >= 1.0 && *w < 9e18).map(|w| w as i64);
            let windows: Option<Vec<i64>> = list.iter().take(MOST_WINDOWS).map(ns).collect();
            windows.ok_or_else(|| invalid("windows are lengths in nanoseconds"))?
        }
        None => usual_windows(once.duration()),
    };
    let shares: Vec<f64> = match list("quantiles")? {
        Some(list) => {
            let share = |q: &Value| q.as_f64().filter(|q| (0.0..=1.0).contains(q));
            let shares: Option<Vec<f64>> = list.iter().take(8).map(share).collect();
            shares.ok_or_else(|| invalid("quantiles are shares from 0 to 1"))?
        }
        None => Vec::new(),
    };
    let points: Vec<Value> = windows
        .iter()
        .map(|&window| {
            let mut point =
                json!({ "window": window, "mmu": once.mmu(window), "asGo": as_go.mmu(window) });
            if !shares.is_empty() {
                point["quantiles"] = once.quantiles(window, &shares).into();
            }
            point
        })
        .collect();
    let window = number(asked.params, "window")?.map_or(1_000_000, |w| w.min(1 << 62) as i64);
    let n = number(asked.params, "worst")?.unwrap_or(10).min(50) as usize;
    let worst: Vec<Value> = once
        .worst(window, n)
        .iter()
        .map(|w| {
            let lost = gc.lost_to(w.t, w.t + w.window).into_iter();
            let lost: Vec<Value> = lost
                .map(|(what, ns)| json!({ "what": lost_words(asked, what), "ns": ns }))
                .collect();
            json!({ "t": w.t, "window": w.window, "mmu": w.util, "series": w.series, "lost": lost })
        })
        .collect();
    let in_scope = |c: &&ide::mmu::Collection| c.start.0 < t1 && c.end.0 > t0;
    let collections = gc.collections();
    let of = collections.iter().filter(in_scope).count();
    let collections: Vec<Value> = collections
        .iter()
        .filter(in_scope)
        .take(MOST)
        .map(|c| {
            json!({
                "start": c.start.0,
                "mark": c.end.since(c.start),
                "stopped": c.stopped,
                "goal": c.goal,
            })
        })
        .collect();
    Ok(json!({
        "duration": once.duration(),
        "mean": once.mean(),
        "curve": points,
        "worst": worst,
        "of": of,
        "collections": collections,
    }))
}

fn lost_words(asked: &Asked<'_>, lost: Lost) -> String {
    crate::cli::mmu::words(asked.analysis, lost)
}

/// 100 lengths from 1 µs to the whole, evenly on a logarithmic scale.
fn usual_windows(duration: i64) -> Vec<i64> {
    const N: i32 = 100;
    let (from, to) = (1e3f64, (duration as f64).max(1e3));
    let at = |i: i32| (from * (to / from).powf(f64::from(i) / f64::from(N - 1))).round() as i64;
    let mut windows: Vec<i64> = (0..N).map(at).collect();
    windows.dedup();
    windows
}

const PROFILES: [(&str, Profile); 10] = [
    ("net", Profile::Net),
    ("sync", Profile::Sync),
    ("syscall", Profile::Syscall),
    ("sched", Profile::Sched),
    ("waits", Profile::Waits),
    ("offcpu", Profile::OffCpu),
    ("sched-own", Profile::SchedOwn),
    ("assist", Profile::Assist),
    ("running", Profile::Running),
    ("cpu", Profile::Cpu),
];

/// The samples of `{type, filter?, open?}`.
fn samples(asked: &Asked<'_>) -> Result<(&'static str, Vec<Sample>)> {
    let name = word(asked.params, "type")?;
    let Some(&(name, which)) = PROFILES.iter().find(|(known, _)| *known == name) else {
        let all: Vec<&str> = PROFILES.iter().map(|(name, _)| *name).collect();
        return Err(invalid(&format!("type is one of {}", all.join(", "))));
    };
    let open = asked.flag("open")?;
    let analysis = asked.analysis;
    let samples = match &analysis.stays {
        Some(stays) if !asked.scope.is_whole(analysis) => {
            profile_in(analysis, stays, asked.summary, &asked.scope, which, open)
        }
        _ => profile(analysis, which, open),
    };
    Ok((name, samples))
}

/// `{type, by?, filter?, open?, offset?, limit?}`
pub(super) fn profile_of(asked: &Asked<'_>) -> Result<Value> {
    let (name, samples) = samples(asked)?;
    let (offset, limit) = asked.page()?;
    let by = word(asked.params, "by")?;
    if !["", "leaf", "here", "under"].contains(&by) {
        return Err(invalid("by is leaf, here or under"));
    }
    let analysis = asked.analysis;
    let line = |f: FrameId| {
        let frame = analysis.tables.frame(f);
        (frame.func, frame.file, frame.line)
    };
    let mut rows: std::collections::HashMap<_, (Option<FrameId>, Spent)> = Default::default();
    let mut add = |at: Option<FrameId>, sample: &Sample| {
        rows.entry(at.map(line)).or_insert((at, Spent::default())).1.merge(&sample.spent);
    };
    for sample in &samples {
        match by {
            "leaf" => add(sample.frames.first().copied(), sample),
            "under" => {
                let mut met = Vec::new();
                for &f in &sample.frames {
                    if !met.contains(&line(f)) {
                        met.push(line(f));
                        add(Some(f), sample);
                    }
                }
            }
            _ => add(sample.frames.iter().copied().find(|&f| asked.view.is_user(f)), sample),
        }
    }
    let mut list: Vec<_> = rows.into_values().collect();
    list.sort_by_key(|(at, spent)| (std::cmp::Reverse((spent.ns, spent.n)), *at));
    let shown: Vec<Value> = list
        .iter()
        .skip(offset)
        .take(limit)
        .map(|(at, spent)| {
            let mut row = at.map_or_else(|| json!({}), |f| frame(asked.at, f));
            row["own"] = at.is_some_and(|f| asked.view.is_user(f)).into();
            row["text"] = at.and_then(|f| source_line(asked, f)).into();
            let [p50, p99] = spent.values.percentiles([50, 99]).map(|p| p.min(spent.max));
            row["n"] = spent.n.into();
            row["ns"] = spent.ns.into();
            row["mean"] = spent.mean().into();
            row["p50"] = p50.into();
            row["p99"] = p99.into();
            row["max"] = spent.max.into();
            row
        })
        .collect();
    let graph = flame(analysis, &samples, 0.001);
    let mut frames = Frames { asked, list: Vec::new(), rows: Default::default() };
    let tree = frames.node(&graph);
    Ok(json!({
        "type": name,
        "n": graph.n,
        "ns": graph.ns,
        "stacks": samples.len(),
        "of": list.len(),
        "rows": shown,
        "frames": frames.list,
        "tree": tree,
    }))
}

/// The most characters of a source line.
const LONGEST_LINE: usize = 200;

/// The line where a frame stands.
fn source_line(asked: &Asked<'_>, frame: FrameId) -> Option<String> {
    let place = asked.view.placement.place(frame)?;
    let text = asked.view.placement.source(place.file).text.lines().nth(place.line as usize)?;
    let text: String = text.trim().chars().take(LONGEST_LINE).collect();
    Some(ide::text::plain(&text.replace('\t', " ")))
}

/// The frames of a flame graph, once each.
struct Frames<'a> {
    asked: &'a Asked<'a>,
    list: Vec<Value>,
    rows: std::collections::HashMap<FrameId, usize>,
}

impl Frames<'_> {
    fn row(&mut self, f: FrameId) -> usize {
        if let Some(&row) = self.rows.get(&f) {
            return row;
        }
        let mut place = frame(self.asked.at, f);
        place["own"] = self.asked.view.is_user(f).into();
        self.list.push(place);
        self.rows.insert(f, self.list.len() - 1);
        self.list.len() - 1
    }

    fn node(&mut self, flame: &Flame) -> Value {
        let mut node = Map::new();
        if let Some(f) = flame.frame {
            node.insert("frame".into(), self.row(f).into());
        }
        node.insert("n".into(), flame.n.into());
        node.insert("ns".into(), flame.ns.into());
        if !flame.children.is_empty() {
            let children: Vec<Value> = flame.children.iter().map(|c| self.node(c)).collect();
            node.insert("children".into(), children.into());
        }
        if flame.left_out > 0 {
            node.insert("leftOut".into(), flame.left_out.into());
        }
        Value::Object(node)
    }
}

/// `{type, filter?, open?}`
pub(super) fn pprof(asked: &Asked<'_>) -> Result<Value> {
    use base64::Engine;
    let (name, samples) = samples(asked)?;
    let bytes = crate::cli::pprof::gzipped(asked.analysis, &samples)
        .map_err(|error| failed(error.to_string()))?;
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    Ok(json!({ "name": format!("{name}.pb.gz"), "data": data }))
}
