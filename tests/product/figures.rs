//! Figures against the answers of Go's own packages: not close, equal.
//!
//! `WAITLINE_TRACES=DIR` adds every trace below another folder that has an answer beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answers::{Answered, Figure, LineKey, answered_traces, files_below};
use crate::product::{testdata, waitline};
use crate::profile;

const BY: [(&str, &str); 3] =
    [("leaf", "lines_leaf"), ("here", "lines_user"), ("under", "lines_cum")];
const PROFILES: [&str; 4] = ["net", "sync", "syscall", "sched"];

#[test]
fn lines_equal_those_of_go() {
    let mut differ = Differences::default();
    for answered in traces() {
        compare_lines(&answered, &mut differ);
    }
    differ.end();
}

#[test]
fn profiles_equal_those_of_go() {
    let mut differ = Differences::default();
    for answered in traces() {
        compare_profiles(&answered, &mut differ);
    }
    differ.end();
}

/// What was whole before the damage is counted as if the trace had ended there.
#[test]
fn damaged_traces_give_what_was_whole() {
    let mut differ = Differences::default();
    for answered in answered_traces(&testdata("traces"), true) {
        if answered.is_usable() {
            compare_lines(&answered, &mut differ);
            compare_profiles(&answered, &mut differ);
        }
    }
    differ.end();
}

/// Figures that no reference gives must agree with those that one does, and with each other.
#[test]
fn figures_agree_with_each_other() {
    for answered in traces() {
        let name = answered.trace.display();
        let leaf = rows(&answered.trace, "leaf");
        let here = rows(&answered.trace, "here");
        let under = rows(&answered.trace, "under");
        for (key, row) in leaf.iter().chain(&here).chain(&under) {
            check_percentiles(row, answered.duration())
                .unwrap_or_else(|what| panic!("{name}: {key:?}: {what}: {}", row.json));
        }

        assert!(!leaf.is_empty() && !here.is_empty() && !under.is_empty(), "{name}: no lines");

        // Each span is charged to exactly one leaf and to exactly one line of "here".
        assert_eq!(sums(&leaf), sums(&here), "{name}: the sums by leaf and by here");

        // The leaf of a stack is in the stack, and so is the line of "here".
        for (key, row) in leaf.iter().chain(&here).filter(|((file, ..), _)| !file.is_empty()) {
            let Some(whole) = under.get(key) else {
                panic!("{name}: {key:?} is not under any line");
            };
            assert!(
                whole.figure.n >= row.figure.n && whole.figure.ns >= row.figure.ns,
                "{name}: {key:?} has more than what is under it: {} and {}",
                row.json,
                whole.json
            );
        }
    }
}

#[test]
fn no_trace_of_any_kind_crashes_or_hangs() {
    let files = files_below(&testdata("traces"));
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "trace")) {
        let run = waitline([Path::new("lines"), file, Path::new("--by=here"), Path::new("--json")]);
        assert!(
            matches!(run.code, Some(0 | 1)) && !run.stderr.contains("panicked"),
            "{}: exit {:?}: {}",
            file.display(),
            run.code,
            run.stderr
        );
    }
}

fn traces() -> Vec<Answered> {
    let mut traces = answered_traces(&testdata("traces"), false);
    assert!(!traces.is_empty(), "testdata/traces holds no trace with an answer");
    if let Some(dir) = std::env::var_os("WAITLINE_TRACES") {
        let more = answered_traces(&PathBuf::from(dir), false);
        eprintln!("WAITLINE_TRACES adds {} traces", more.len());
        traces.extend(more);
    }
    traces
}

fn compare_lines(answered: &Answered, differ: &mut Differences) {
    for (by, key) in BY {
        let have = rows(&answered.trace, by).into_iter().map(|(k, row)| (k, row.figure)).collect();
        differ.compare(&answered.trace, by, &answered.lines(key), &have);
    }
}

fn compare_profiles(answered: &Answered, differ: &mut Differences) {
    let dir = tempfile::tempdir().unwrap();
    for kind in PROFILES {
        let out = dir.path().join(kind);
        let trace = &answered.trace;
        let args = [Path::new("pprof"), trace, Path::new("--type"), Path::new(kind)];
        let run = waitline(args.into_iter().chain([Path::new("-o"), &out]));
        assert_eq!(run.code, Some(0), "pprof {} --type {kind}: {}", trace.display(), run.stderr);
        let bytes = std::fs::read(&out).unwrap_or_else(|e| {
            panic!("pprof {} --type {kind} wrote no file: {e}", trace.display())
        });
        let profile = profile::read(&bytes);
        differ.compare(trace, kind, &answered.profile(kind), &profile.stacks);
    }
}

/// One cause of one line as `waitline lines --json` prints it.
struct Row {
    figure: Figure,
    json: Value,
}

fn rows(trace: &Path, by: &str) -> BTreeMap<LineKey, Row> {
    let args = [Path::new("lines"), trace, Path::new("--by"), Path::new(by), Path::new("--json")];
    let run = waitline(args);
    assert_eq!(run.code, Some(0), "lines {} --by {by}: {}", trace.display(), run.stderr);
    let mut rows = BTreeMap::new();
    for text in run.text().lines() {
        let object: Value = serde_json::from_str(text)
            .unwrap_or_else(|e| panic!("{} --by {by}: {e} in {text}", trace.display()));
        let file = object["file"].as_str().expect("`file` is a string").to_owned();
        let line = object["line"].as_u64().expect("`line` is a number");
        let causes = object["causes"].as_object().expect("`causes` is an object");
        for (cause, json) in causes {
            let figure = Figure::from_json(json);
            if figure == Figure::default() {
                continue;
            }
            let key = (file.clone(), line, cause.clone());
            let twice = rows.insert(key, Row { figure, json: json.clone() });
            assert!(twice.is_none(), "{file}:{line} has {cause} twice in --by {by}");
        }
    }
    rows
}

fn sums(rows: &BTreeMap<LineKey, Row>) -> BTreeMap<&str, [u64; 6]> {
    let mut sums: BTreeMap<&str, [u64; 6]> = BTreeMap::new();
    for ((.., cause), row) in rows {
        let f = row.figure;
        let sum = sums.entry(cause).or_default();
        for (sum, value) in sum.iter_mut().zip([f.n, f.ns, f.open_n, f.open_ns, f.pre_n, f.pre_ns])
        {
            *sum += value;
        }
    }
    sums
}

/// Causes that only have a number (`create`, `cpu_sample`) have no percentiles.
fn check_percentiles(row: &Row, duration: u64) -> Result<(), &'static str> {
    let get = |name: &str| row.json.get(name).map(|v| v.as_u64().ok_or("not a whole number"));
    let (Some(max), Some(p50), Some(p90), Some(p99)) =
        (get("max"), get("p50"), get("p90"), get("p99"))
    else {
        return if row.figure.ns == 0 { Ok(()) } else { Err("time without max and percentiles") };
    };
    let (max, p50, p90, p99) = (max?, p50?, p90?, p99?);
    let f = row.figure;
    if !(p50 <= p90 && p90 <= p99 && p99 <= max) {
        return Err("p50 <= p90 <= p99 <= max does not hold");
    }
    if f.n == 1 && f.open_n == 0 && f.pre_n == 0 && [max, p50, p90, p99] != [f.ns; 4] {
        return Err("of one span, max and every percentile are its length");
    }
    if max > f.ns + f.open_ns + f.pre_ns {
        return Err("the longest is longer than all together");
    }
    if f.n.checked_mul(max).is_some_and(|most| most < f.ns) {
        return Err("all together are longer than so many of the longest");
    }
    let start = row.json.pointer("/worst/start");
    if start.is_some_and(|start| start.as_u64().is_none_or(|start| start > duration)) {
        return Err("the worst one does not begin within the trace");
    }
    Ok(())
}

/// Collects what differs, so that one failure shows the first of it for every trace.
#[derive(Default)]
struct Differences {
    compared: usize,
    n: usize,
    shown: String,
}

impl Differences {
    fn compare<K: Ord + Debug, V: PartialEq + Debug>(
        &mut self,
        trace: &Path,
        what: &str,
        want: &BTreeMap<K, V>,
        have: &BTreeMap<K, V>,
    ) {
        self.compared += want.len();
        let keys: BTreeSet<&K> = want.keys().chain(have.keys()).collect();
        let differ: Vec<&K> = keys.into_iter().filter(|k| want.get(k) != have.get(k)).collect();
        self.n += differ.len();
        for key in differ.iter().take(3) {
            self.shown += &format!(
                "{} {what}: {} differ, as {key:?}\n  want {:?}\n  have {:?}\n",
                trace.display(),
                differ.len(),
                want.get(key),
                have.get(key)
            );
        }
    }

    fn end(self) {
        assert!(self.n == 0, "{} of {} figures differ\n{}", self.n, self.compared, self.shown);
        assert!(self.compared > 0, "nothing was compared");
        eprintln!("{} figures are equal", self.compared);
    }
}
