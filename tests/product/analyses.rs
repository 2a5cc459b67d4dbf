//! Goroutines, regions, tasks and utilization against the answers of Go's own packages: equal.
//!
//! One difference is wanted: Go's summarizer counts a goroutine that is in a blocking system call
//! at the trace's end twice, so that its parts are more than its life.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::answers::{Answered, answer_to, answered_traces};
use crate::product::{testdata, waitline};

fn traces() -> Vec<Answered> {
    let mut traces = answered_traces(&testdata("traces"), false);
    if let Some(dir) = std::env::var_os("WAITLINE_TRACES") {
        traces.extend(answered_traces(Path::new(&dir), false));
    }
    assert!(traces.len() >= 10, "testdata/traces holds only {} answers", traces.len());
    traces
}

fn objects(trace: &Path, args: &[&str]) -> Vec<Value> {
    let args =
        [args[0]].into_iter().map(Path::new).chain([trace]).chain(args[1..].iter().map(Path::new));
    let run = waitline(args);
    assert_eq!(run.code, Some(0), "{}: {}", trace.display(), run.stderr);
    run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Some members of an object, those that are 0 or empty like those that are missing.
fn members(object: &Value, names: &[&str]) -> Vec<Value> {
    let member = |name: &&str| match &object[*name] {
        Value::Object(parts) => {
            json!(parts.iter().filter(|(_, ns)| **ns != 0).collect::<BTreeMap<_, _>>())
        }
        Value::Null if *name == "block" || *name == "range" => json!({}),
        other => other.clone(),
    };
    names.iter().map(member).collect()
}

fn sum(object: &Value, name: &str) -> i64 {
    match &object[name] {
        Value::Object(parts) => parts.values().filter_map(Value::as_i64).sum(),
        other => other.as_i64().unwrap_or(0),
    }
}

const PARTS: [&str; 5] = ["exec", "sched_wait", "block", "syscall", "syscall_block"];

/// Whether Go's figures of a goroutine or a region add up to more than its time.
fn is_counted_twice(object: &Value) -> bool {
    PARTS.iter().map(|part| sum(object, part)).sum::<i64>() > sum(object, "total")
}

#[test]
fn goroutines_equal_those_of_go() {
    const ALWAYS: [&str; 9] =
        ["id", "name", "creation", "start", "end", "exec", "block", "total", "range"];
    const ONCE: [&str; 4] = ["sched_wait", "syscall", "syscall_block", "unknown"];
    let (mut n, mut twice) = (0, 0);
    for answered in traces() {
        let name = answered.trace.display();
        let want = answered.list("goroutines");
        let have = objects(&answered.trace, &["goroutines", "--json"]);
        let have: BTreeMap<u64, &Value> =
            have.iter().map(|g| (g["id"].as_u64().unwrap(), g)).collect();
        assert_eq!(have.len(), want.len(), "{name}: the number of goroutines");
        for want in want {
            let have = have[&want["id"].as_u64().unwrap()];
            assert_eq!(members(have, &ALWAYS), members(want, &ALWAYS), "{name}: {have}");
            if is_counted_twice(want) {
                twice += 1;
                let parts: i64 = PARTS.iter().map(|part| sum(have, part)).sum();
                assert!(parts <= sum(have, "total"), "{name}: counted twice: {have}");
            } else {
                assert_eq!(members(have, &ONCE), members(want, &ONCE), "{name}: {have}");
            }
            n += 1;
        }
    }
    eprintln!("{n} goroutines are equal, {twice} of them but for what Go counts twice");
    assert!(n > 1_000 && twice < n / 10);
}

#[test]
fn regions_equal_those_of_go() {
    const SHOWN: [&str; 12] = [
        "g",
        "task",
        "name",
        "start",
        "end",
        "duration",
        "exec",
        "sched_wait",
        "block",
        "syscall",
        "total",
        "range",
    ];
    let mut n = 0;
    for answered in traces() {
        let sorted = |list: &[Value]| {
            let mut rows: Vec<String> =
                list.iter().map(|r| json!(members(r, &SHOWN)).to_string()).collect();
            rows.sort();
            rows
        };
        let once = |r: &&Value| !is_counted_twice(r);
        let want: Vec<Value> = answered.list("regions").iter().filter(once).cloned().collect();
        assert_eq!(want.len(), answered.list("regions").len(), "no trace has such a region so far");
        let have = objects(&answered.trace, &["regions", "--json"]);
        assert_eq!(sorted(&have), sorted(&want), "{}", answered.trace.display());
        n += have.len();
    }
    assert!(n > 1_000, "{n} regions");
}

#[test]
fn tasks_equal_those_of_go() {
    const SHOWN: [&str; 9] =
        ["id", "name", "parent", "start", "end", "logs", "regions", "children", "goroutines"];
    let (mut n, mut messages) = (0, 0);
    for answered in traces() {
        let have = objects(&answered.trace, &["tasks", "--json", "--logs"]);
        let want = answered.list("tasks");
        assert_eq!(have.len(), want.len(), "{}", answered.trace.display());
        for (have, want) in have.iter().zip(want) {
            let name = answered.trace.display();
            assert_eq!(members(have, &SHOWN), members(want, &SHOWN), "{name}");
            let logs = have["messages"].as_array().unwrap().len();
            assert_eq!(logs as u64, have["logs"].as_u64().unwrap(), "{name}");
            messages += logs;
        }
        n += have.len();
    }
    assert!(n > 500 && messages > 100, "{n} tasks, {messages} messages");
}

#[test]
fn utilization_equals_that_of_go() {
    let mut n = 0;
    for answered in traces() {
        for (flags, windows) in answered.mmu() {
            if windows.is_empty() {
                continue; // the trace does not tell GOMAXPROCS
            }
            let flags = flags.replace('|', ",");
            let list: Vec<&str> = windows.iter().map(|(w, _)| *w).collect();
            let args = ["mmu", "--flags", &flags, "--windows", &list.join(","), "--json"];
            let have = objects(&answered.trace, &args);
            for (have, (window, want)) in have.iter().zip(&windows) {
                let what = format!("{} {flags} {window}", answered.trace.display());
                assert_eq!(have["window"], *window, "{what}");
                let mmu = have["mmu"].as_f64().unwrap();
                assert!((mmu - want).abs() <= 1e-9, "{what}: want {want}, have {mmu}");
                let once = have["once"].as_f64().unwrap();
                assert!((0.0..=1.0).contains(&once), "{what}: {have}");
                n += 1;
            }
            assert_eq!(have.len(), windows.len());
        }
    }
    assert!(n > 100, "{n} windows");
}

/// The worker of `webmix` that starts again for the second time takes its P away for good, as Go
/// counts; at 16.5 ms none is left, and the curve ends. The second collection comes after that.
#[test]
fn utilization_is_of_the_whole_trace() {
    let trace = testdata("traces/g126/webmix.trace");
    let rows = objects(&trace, &["mmu", "--windows", "1ms,1s", "--json"]);
    assert_eq!(rows[0]["mmu"].as_f64().unwrap(), 0.743424);
    let worst = &rows[0]["worst"][0];
    assert!(worst["t"].as_i64().unwrap() > 67_000_000, "{worst}");
    assert!((worst["util"].as_f64().unwrap() - rows[0]["once"].as_f64().unwrap()).abs() < 1e-12);
    assert!(rows[0]["once"].as_f64() < rows[0]["mmu"].as_f64());
    let lost: i64 = worst["lost"].as_array().unwrap().iter().map(|l| sum(l, "ns")).sum();
    assert!(lost >= 500_000, "half a P at least: {worst}");
}

#[test]
fn tables_for_people_hold_the_figures() {
    let webmix = testdata("traces/g126/webmix.trace");
    let answer = answer_to(&webmix).unwrap();
    let shown = |args: &[&str]| {
        let args = [Path::new(args[0]), &webmix].into_iter().chain(args[1..].iter().map(Path::new));
        let run = waitline(args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.text().to_owned()
    };
    let table = shown(&["goroutines"]);
    let of_func = answer.list("goroutines").iter().filter(|g| g["name"] == "main.serveDB");
    let row = table.lines().find(|l| l.ends_with("main.serveDB")).unwrap();
    assert!(row.trim_start().starts_with(&format!("{} ", of_func.count())), "{row}");
    let table = shown(&["goroutines", "--func", "serveDB", "--top", "1"]);
    assert!(table.contains("3 goroutines") && table.contains("--top 3"), "{table}");
    assert!(shown(&["goroutines", "--func", "nobody"]).contains("No goroutine"));
    // Columns have the names that are printed, and those of the JSON.
    for (printed, other) in [("run", "exec"), ("ready", "sched_wait"), ("life", "total")] {
        let by = |name: &str| shown(&["goroutines", "--sort", name]);
        assert_eq!(by(printed), by(other), "{printed}");
    }
    assert!(shown(&["goroutines", "--sort", "gc"]).contains("sorted by blocked by the collector"));
    let run = waitline([Path::new("goroutines"), &webmix, Path::new("--sort=p50")]);
    let names = "run, ready, block, chan, sync, net, sleep, gc, other, syscall, life";
    assert!(run.code == Some(2) && run.stderr.contains(names), "{}", run.stderr);

    let table = shown(&["regions"]);
    let n = answer.list("regions").iter().filter(|r| r["name"] == "cache").count();
    let row = table.lines().find(|l| l.ends_with("cache")).unwrap();
    // Behind the total and its unit.
    assert!(row.split_whitespace().nth(2) == Some(&n.to_string()), "{row}");
    // `main.region` opens them all, for its callers.
    assert!(row.contains("server.go:89"), "{row}");
    assert!(shown(&["regions", "--name", "cache", "--top", "2"]).lines().count() >= 5);

    let table = shown(&["tasks"]);
    let row = table.lines().find(|l| l.ends_with("order")).unwrap();
    assert!(row.contains("server.go:51") && row.contains(" 412 "), "{row}");
    let table = shown(&["mmu", "--windows", "1ms"]);
    assert!(table.contains("2 collections") && table.contains("74.3"), "{table}");

    for command in ["regions", "tasks"] {
        let leak = testdata("traces/g126/leak.trace");
        let run = waitline([Path::new(command), &leak]);
        assert!(run.code == Some(0) && run.text().starts_with("No "), "{}", run.text());
    }
}

/// What goroutines did while they were in regions of a type and of some length comes to these
/// regions' lengths, whatever it was: against those that Go's packages tell.
#[test]
fn profiles_of_regions_of_a_length_come_to_their_lengths() {
    let webmix = testdata("traces/g126/webmix.trace");
    let answer = answer_to(&webmix).unwrap();
    let lengths: Vec<i64> =
        answer.list("regions").iter().filter(|r| r["name"] == "db").map(duration).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("part.pb.gz");
    let profile = |kind: &str, part: &[&str]| -> (i64, i64) {
        let mut args =
            vec![Path::new("pprof"), &webmix, Path::new("--open"), Path::new("-o"), &file];
        args.extend(["--type", kind].into_iter().chain(part.iter().copied()).map(Path::new));
        let run = waitline(args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let stacks = crate::profile::read(&std::fs::read(&file).unwrap()).stacks;
        (stacks.values().map(|v| v.0).sum(), stacks.values().map(|v| v.1).sum())
    };
    let mut parts = 0;
    for (least, most) in [(0, 500_000), (500_001, 1_000_000), (1_000_001, i64::MAX)] {
        let (min, max) = (format!("{least}ns"), format!("{most}ns"));
        let mut part = vec!["--region", "db"];
        if least > 0 {
            part.extend(["--min", &min]);
        }
        if most < i64::MAX {
            part.extend(["--max", &max]);
        }
        let of_length = lengths.iter().filter(|ns| (least..=most).contains(*ns));
        let want: i64 = of_length.clone().sum();
        assert!(of_length.count() > 10, "no part of this test is empty");
        let have = profile("running", &part).1 + profile("offcpu", &part).1;
        assert_eq!(have, want, "{part:?}");
        parts += have;
        let rows = objects(&webmix, &[&["regions", "--json", "--name", "db"], &part[2..]].concat());
        assert_eq!(rows.iter().map(duration).sum::<i64>(), want, "{part:?}");
    }
    assert_eq!(parts, lengths.iter().sum::<i64>());
    // A task is one region after another here, each of the three goroutines' at most.
    let of_tasks = profile("running", &["--tasks", "order"]).1;
    let long = profile("running", &["--tasks", "order", "--min", "1ms"]).1;
    let brief = profile("running", &["--tasks", "order", "--max", "999999ns"]).1;
    assert!(long > 0 && brief > 0 && long + brief == of_tasks, "{long} {brief} {of_tasks}");
    assert_eq!(profile("running", &["--tasks", "nothing"]), (0, 0));
    // A part of the name is enough, as in the table of goroutines.
    let full = profile("waits", &["--func", "main.serveDB"]);
    assert!(full.0 > 0 && profile("waits", &["--func", "serveDB"]) == full);
    let half = profile("waits", &["--to", "40ms"]).1 + profile("waits", &["--from", "40ms"]).1;
    assert_eq!(half, profile("waits", &["--to", "10s"]).1);
}

/// What a part is named by, and the trace does not have.
#[test]
fn parts_that_are_none_are_told() {
    let webmix = testdata("traces/g126/webmix.trace");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("part.pb.gz");
    let of = |part: &[&str]| {
        let args = [Path::new("pprof"), &webmix, Path::new("-o"), &file];
        let rest = ["--type", "waits"].into_iter().chain(part.iter().copied());
        waitline(args.into_iter().chain(rest.map(Path::new)))
    };
    for (part, want) in [
        (["--region", "dbs"], "the trace has no region \"dbs\" (did you mean \"db\"?)"),
        (["--region", "nope"], "the trace has no region \"nope\""),
        (["--tasks", "ordre"], "the trace has no task \"ordre\" (did you mean \"order\"?)"),
        (
            ["--func", "serveBD"],
            "no goroutine's function has \"serveBD\" in its name (did you mean \"main.serveDB\"?)",
        ),
        (["--task", "999999"], "the trace has no task 999999"),
        (["--goroutine", "999999"], "the trace has no goroutine 999999"),
    ] {
        let run = of(&part);
        assert_eq!(run.code, Some(0), "{part:?}: {}", run.stderr);
        assert_eq!(
            run.stderr.trim_end(),
            format!("waitline: the profile is empty: {want}"),
            "{part:?}"
        );
    }
    std::fs::remove_file(&file).unwrap();
    for (part, want) in [
        (&["--from", "5s", "--to", "6s"][..], "ms long: 5.00 s to 6.00 s is behind its end"),
        (&["--from", "5s"], "ms long: 5.00 s is behind its end"),
        (&["--from", "6ms", "--to", "5ms"], "6.00 ms to 5.00 ms is no range (its end comes"),
    ] {
        let run = of(part);
        assert_eq!(run.code, Some(1), "{part:?}: {}", run.stderr);
        assert!(run.stderr.contains(want) && !file.exists(), "{part:?}: {}", run.stderr);
    }
}

fn duration(region: &Value) -> i64 {
    region["duration"].as_i64().unwrap()
}

#[test]
fn windows_that_are_none_are_wrong_use() {
    let leak = testdata("traces/g126/leak.trace");
    for (option, value) in [("--windows", "10"), ("--windows", "-1ms"), ("--flags", "stop")] {
        let run = waitline([Path::new("mmu"), &leak, Path::new(&format!("{option}={value}"))]);
        assert_eq!(run.code, Some(2), "{option} {value}: {}", run.stderr);
        assert!(run.stdout.is_empty() && run.stderr.contains(value), "{}", run.stderr);
    }
}

/// Against a model that goes over the events as text and sees at each which Ps the collector has.
#[test]
fn each_p_counts_once() {
    for name in ["g126/webmix", "g126/gcmix", "g127/mandel-seq-cpu"] {
        let trace = testdata(&format!("traces/{name}.trace"));
        let points = utilization_of_text(&trace);
        for row in objects(&trace, &["mmu", "--windows", "10µs,1ms,10ms,1s", "--json"]) {
            let want = least(&points, row["ns"].as_i64().unwrap());
            let have = row["once"].as_f64().unwrap();
            assert!(
                (have - want).abs() < 1e-9,
                "{name} {}: want {want}, have {have}",
                row["window"]
            );
        }
    }
}

/// The share left to the program from each time on.
fn utilization_of_text(trace: &Path) -> Vec<(i64, f64)> {
    let run = waitline([Path::new("dump"), Path::new("--events"), trace]);
    let quoted = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let (mut procs, mut stopped, mut t) = (0usize, 0, 0);
    let mut on: BTreeMap<String, String> = BTreeMap::new(); // goroutine: its P
    let (mut assisting, mut marking) = (Vec::<String>::new(), Vec::<String>::new());
    let mut points: Vec<(i64, f64)> = Vec::new();
    for line in run.text().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        t = words[0].parse().unwrap();
        let (Some(&p), Some(&g), Some(&kind)) = (words.get(2), words.get(3), words.get(4)) else {
            continue;
        };
        let what = quoted(line);
        let scope = line.rsplit("\" ").next().unwrap().split(' ').next().unwrap().to_owned();
        match kind {
            "metric" if what == "/sched/gomaxprocs:threads" => procs = scope.parse().unwrap(),
            "begin" | "active" | "end" if what.starts_with("stop-the-world (GC") => {
                stopped += if kind == "end" { -1 } else { 1 };
            }
            "begin" | "active" if what == "GC mark assist" => assisting.push(scope),
            "end" if what == "GC mark assist" => assisting.retain(|g| *g != scope),
            "label" if what.starts_with("GC ") && what != "GC (idle)" => marking.push(g.to_owned()),
            "go" => {
                let (g, (from, to)) = (words[5], words[6].split_once("->").unwrap());
                let runs = |state| matches!(state, "running" | "syscall");
                if runs(to) && !runs(from) {
                    on.insert(g.to_owned(), p.to_owned());
                } else if runs(from) && !runs(to) {
                    on.remove(g);
                    marking.retain(|marks| marks != g);
                }
            }
            _ => {}
        }
        if procs == 0 {
            continue;
        }
        let busy: std::collections::BTreeSet<&String> =
            assisting.iter().chain(&marking).filter_map(|g| on.get(g)).collect();
        let lost = if stopped > 0 { procs } else { busy.len() };
        points.push((t, 1.0 - lost as f64 / procs as f64));
    }
    points.push((t, 0.0));
    points
}

/// The least mean over a window: those that begin or end at a change.
fn least(points: &[(i64, f64)], window: i64) -> f64 {
    let mut sums = vec![0.0];
    for pair in points.windows(2) {
        sums.push(sums[sums.len() - 1] + pair[0].1 * (pair[1].0 - pair[0].0) as f64);
    }
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let window = window.min(last - first);
    let integral = |t: i64| {
        let row = points.partition_point(|p| p.0 <= t) - 1;
        sums[row] + points[row].1 * (t - points[row].0) as f64
    };
    points
        .iter()
        .flat_map(|p| [p.0, p.0 - window])
        .filter(|&t| t >= first && t + window <= last)
        .map(|t| (integral(t + window) - integral(t)) / window as f64)
        .fold(1.0, f64::min)
}
