//! What the server says of waiting beyond the protocol: verdicts, evidence, findings, ranges. Each
//! answer is held against another one that tells the same.
//!
//! The answers on one trace stand as text in `testdata/snapshots`, to be read by people. `UPDATE=1`
//! writes them anew.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::findings::actions;
use super::*;
use crate::lsp_docs::names_all_keys;

/// Line 70 of webmix/db.go: a slot of the pool is waited for.
pub(super) const POOL: u32 = 69;
pub(super) const CODE: &str = "slots-exhausted";

pub(super) fn db() -> PathBuf {
    programs().join("webmix/db.go")
}

pub(super) fn webmix() -> (Client, PathBuf) {
    (Client::showing(&programs(), &trace("g126/webmix")), db())
}

/// A folder of its own with a copy of `webmix`.
pub(super) fn copy_of_webmix() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for folder in ["webmix", "rec"] {
        std::fs::create_dir(root.join(folder)).unwrap();
        for entry in std::fs::read_dir(programs().join(folder)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), root.join(folder).join(entry.file_name())).unwrap();
        }
    }
    std::fs::copy(programs().join("go.mod"), root.join("go.mod")).unwrap();
    (dir, root)
}

pub(super) fn at(file: &Path, line: u32) -> Value {
    json!({ "uri": uri(file), "line": line })
}

pub(super) fn list<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().unwrap_or_else(|| panic!("no {key}: {answer}"))
}

pub(super) fn int(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_else(|| panic!("no {key}: {value}"))
}

fn sum(list: &[Value], key: &str) -> i64 {
    list.iter().map(|row| int(row, key)).sum()
}

fn line_costs(client: &mut Client, file: &Path) -> Vec<Value> {
    let answer = client.ask("waitline/lineCosts", json!({ "uri": uri(file) }));
    names_all_keys("waitline/lineCosts", &answer);
    list(&answer, "lines").to_vec()
}

pub(super) fn cost_at(client: &mut Client, file: &Path, line: u32) -> Option<Value> {
    line_costs(client, file).into_iter().find(|l| l["line"] == line)
}

/// The newest diagnostics of a file, whole.
pub(super) fn told(client: &Client, file: &Path) -> Vec<Value> {
    let uri = uri(file);
    let is =
        |m: &&Value| m["method"] == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri;
    let newest = client.log.iter().rev().find(is);
    newest.map(|m| list(&m["params"], "diagnostics").to_vec()).unwrap_or_default()
}

/// Until a file has so many diagnostics, and then a moment longer.
pub(super) fn until_told(client: &mut Client, file: &Path, n: usize, when: &str) {
    poll(client, when, |client| told(client, file).len() == n);
    client.listen(std::time::Duration::from_millis(60));
    assert_eq!(told(client, file).len(), n, "{when}");
}

pub(super) fn insert(line: u32, text: &str) -> Value {
    let place = json!({ "line": line, "character": 0 });
    json!([{ "range": { "start": place, "end": place }, "text": text }])
}

const EACH: [(&str, &str, &[&str]); 4] = [
    ("g126/webmix", "webmix", &["main.go", "db.go", "client.go", "server.go"]),
    ("g126/leak", "leak", &["main.go"]),
    ("g126/annot-3s", "annot", &["main.go"]),
    ("g126/gcmix", "gcmix", &["main.go", "coro_go123.go"]),
];

/// Line costs are what hints show; the evidence for each line adds up, and other requests agree.
#[test]
fn line_costs_and_evidence_add_up() {
    let (mut n_lines, mut n_parts, mut n_instances) = (0, 0, 0);
    for (name, program, files) in EACH {
        let mut client = Client::showing(&programs(), &trace(name));
        let hot = client.ask("waitline/hotspots", json!({}));
        let all_costly = int(&hot, "costly");
        for part in files {
            let file = programs().join(program).join(part);
            client.open(&file, 1, &text_of(&file));
            let costs = line_costs(&mut client, &file);
            let hints = client.hints(&file);
            assert_eq!(costs.len(), hints.len(), "{name} {part}");
            for (cost, hint) in costs.iter().zip(&hints) {
                let what = format!("{name} {part} {cost}");
                assert_eq!(cost["line"], line_of(hint), "{what}");
                let others = cost["others"].as_str().map(|others| format!(" · {others}"));
                let told =
                    format!("{}{}", cost["text"].as_str().unwrap(), others.unwrap_or_default());
                assert_eq!((&cost["hint"], &json!(told)), (&hint["label"], &hint["tooltip"]));
                let hint = cost["hint"].as_str().unwrap();
                assert!(hint.chars().count() <= 24, "{what}");
                let style = cost["style"].as_str().unwrap();
                let (costly, heat) = (int(cost, "costly"), int(cost, "heat"));
                assert_eq!(hint.starts_with("idle "), style == "idle", "{what}");
                assert_eq!(hint.starts_with("→ "), style == "through", "{what}");
                assert_eq!(heat > 0, style == "costly", "painted without a reason: {what}");
                let permille = i128::from(costly) * 1000;
                let want = [5, 20, 50, 200]
                    .iter()
                    .filter(|&&p| costly >= 1_000_000 && permille >= i128::from(all_costly) * p)
                    .count() as i64;
                assert!(heat == want || style != "costly", "{what}");
                let (lines, (parts, instances)) =
                    (1, evidence(&mut client, &file, cost["line"].as_u64().unwrap() as u32));
                n_lines += lines;
                n_parts += parts;
                n_instances += instances;
            }
            if let Some(first) = costs.first() {
                let line = json!({ "line": first["line"], "character": 0 });
                let range = json!({ "uri": uri(&file), "range": { "start": line, "end": line } });
                let some = client.ask("waitline/lineCosts", range);
                assert_eq!(list(&some, "lines"), std::slice::from_ref(first), "a range");
            }
        }
        client.end();
    }
    assert_eq!((n_lines, n_parts, n_instances), (61, 69, 178), "one that goes missing is told");
    eprintln!("{n_lines} lines, {n_parts} parts judged, {n_instances} instances add up");
}

/// All that is told of a line. Gives how many parts and instances were looked at.
fn evidence(client: &mut Client, file: &Path, line: u32) -> (usize, usize) {
    let site = client.ask("waitline/site", at(file, line));
    names_all_keys("waitline/site", &site);
    let what = format!("{}:{}", file.display(), line + 1);
    let parts = list(&site, "parts");
    let hover = client.hover(file, line).unwrap();
    assert_eq!(site["markdown"].as_str(), Some(hover.as_str()), "{what}");
    if parts.is_empty() && !site["cases"].is_null() {
        // A case has no waits of its own.
        assert!(hover.starts_with("**Taken** · "), "{what}: {hover}");
        return (0, 0);
    }
    let (mut judged, mut waits, mut waits_ns) = (0, 0, 0);
    let mut longest = 0;
    for part in parts {
        let verdicts = part["verdicts"].as_object().unwrap();
        let all: i64 = verdicts.values().map(|v| v.as_i64().unwrap()).sum();
        let kind = part["kind"].as_str().unwrap();
        let blame = list(part, "blame");
        if !["runnable", "assist", "sweep", "stw", "recording"].contains(&kind) {
            assert_eq!(all, int(part, "ns"), "{what} {kind}: verdicts");
            let blamed = sum(blame, "ns");
            assert!(blamed == all || (blame.len() == 16 && blamed < all), "{what} {kind}: blame");
            let largest = verdicts.values().filter_map(Value::as_i64).max().unwrap();
            if let Some(verdict) = part["verdict"].as_str() {
                assert_eq!(int(&part["verdicts"], verdict), largest, "{what} {kind}");
                assert!(part["reason"].as_str().unwrap().len() > 4, "{what} {kind}");
            }
            assert_eq!(int(&part["verdicts"], "costly"), int(part, "costly"), "{what}");
            judged += 1;
            if kind != "syscall" {
                waits += int(part, "n");
                waits_ns += int(part, "ns");
                longest = longest.max(part["longest"]["ns"].as_i64().unwrap_or(0));
            }
        } else {
            assert_eq!((all, &part["verdict"]), (0, &Value::Null), "{what} {kind}");
        }
        assert!(int(part, "p50") <= int(part, "p90") && int(part, "p90") <= int(part, "p99"));
    }
    assert!(int(&site["under"], "ns") >= waits_ns, "{what}: under");

    let stacks = client.ask("waitline/stacks", at(file, line));
    names_all_keys("waitline/stacks", &stacks);
    let stacks = list(&stacks, "stacks");
    let all = |of: &[Value]| (sum(of, "ns"), sum(of, "n"));
    if stacks.len() < 200 {
        assert_eq!(all(stacks), all(parts), "{what}: stacks");
    } else {
        assert!(all(stacks) < all(parts), "{what}: stacks");
    }
    assert!(stacks.windows(2).all(|w| int(&w[0], "ns") >= int(&w[1], "ns")));
    for stack in stacks {
        let here = |f: &Value| f["line"] == line && f["uri"] == uri(file);
        assert!(list(stack, "frames").iter().any(here), "{what}: a stack without it");
    }

    let wakers = client.ask("waitline/wakers", at(file, line));
    names_all_keys("waitline/wakers", &wakers);
    assert_eq!(wakers["wakers"], site["wakers"], "{what}");
    assert!(sum(list(&wakers, "wakers"), "n") <= waits, "{what}: wakers");

    let mut before = i64::MAX;
    let mut n = 0;
    for rank in 0..4 {
        let mut params = at(file, line);
        params["rank"] = rank.into();
        let one = client.ask("waitline/instance", params);
        let Some(of) = one["of"].as_u64() else {
            assert!(one.is_null(), "{one}");
            continue;
        };
        names_all_keys("waitline/instance", &one);
        assert!(rank < of, "{what}");
        let ns = int(&one, "ns");
        assert!(ns <= before && (rank > 0 || ns >= longest), "{what}: rank {rank} {one}");
        before = ns;
        n += 1;
    }
    assert_eq!(n > 0, waits > 0, "{what}: instances");
    (judged, n)
}

#[test]
fn hotspots_begin_with_what_is_costly() {
    for (name, program, files) in EACH {
        let mut client = Client::showing(&programs(), &trace(name));
        let hot = client.ask("waitline/hotspots", json!({ "limit": 200 }));
        names_all_keys("waitline/hotspots", &hot);
        let rows = list(&hot, "lines");
        assert!(!rows.is_empty(), "{name}");
        let key = |row: &Value| (int(row, "costly"), int(row, "ns"));
        assert!(rows.windows(2).all(|w| key(&w[0]) >= key(&w[1])), "{name}: the order");
        let first = client.ask("waitline/hotspots", json!({ "limit": 3 }));
        assert_eq!(list(&first, "lines"), &rows[..3.min(rows.len())], "{name}");
        let file = programs().join(program).join(files[0]);
        let here = client.ask("waitline/hotspots", json!({ "limit": 200, "uri": uri(&file) }));
        let mine: Vec<Value> = rows.iter().filter(|r| r["uri"] == uri(&file)).cloned().collect();
        assert_eq!(list(&here, "lines"), mine, "{name}");
        for row in &mine {
            let line = row["line"].as_u64().unwrap() as u32;
            let text = lines_of(&text_of(&file))[line as usize].trim().to_owned();
            let source = row["source"].as_str().unwrap();
            // Of a `select`, with the cases that it went on with.
            let is_its =
                if text == "select {" { source.starts_with(&text) } else { source == text };
            assert!(is_its, "{name}: {source}, not {text}");
            let site = client.ask("waitline/site", at(&file, line));
            let part = list(&site, "parts").iter().find(|p| p["kind"] == row["kind"]).unwrap();
            assert_eq!((&part["ns"], &part["verdicts"]), (&row["ns"], &row["verdicts"]), "{name}");
            assert_eq!((&site["heat"], &site["func"]), (&row["heat"], &row["func"]), "{name}");
        }
        client.end();
    }
}

#[test]
fn go_statements_have_lenses_that_agree_with_the_request() {
    let mut n = 0;
    for (name, program, files) in EACH {
        let mut client = Client::showing(&programs(), &trace(name));
        let all = client.ask("waitline/goroutines", Value::Null);
        names_all_keys("waitline/goroutines", &all);
        for part in files {
            let file = programs().join(program).join(part);
            let lenses = client.lenses(&file);
            for group in list(&all, "groups").iter().filter(|g| g["uri"] == uri(&file)) {
                let line = group["line"].as_u64().unwrap() as u32;
                let start = format!(
                    "{} started · {} alive at most · life p50 {} · ",
                    ide::units::count(int(group, "started") as u64),
                    ide::units::count(int(group, "aliveAtMost") as u64),
                    ide::units::duration(int(group, "lifeP50")),
                );
                let titles = lenses_at(&lenses, line);
                let title = titles.iter().find(|t| t.starts_with(&start));
                let title = title.unwrap_or_else(|| panic!("{name}: no {start:?} in {titles:?}"));
                let still = int(group, "still");
                assert_eq!(title.contains("still there"), still > 0, "{title}");
                assert_eq!(int(group, "started"), int(group, "ended") + still);
                let spent = ["running", "waiting", "syscall", "runnable"].map(|k| int(group, k));
                assert_eq!(spent.iter().sum::<i64>(), int(group, "life"), "{group}");
                let here = client.ask("waitline/goroutines", at(&file, line));
                assert!(list(&here, "groups").contains(group), "{name}");
                assert!(list(&here, "groups").iter().all(|g| g["line"] == line), "{name}");
                n += 1;
            }
        }
        client.end();
    }
    assert!(n > 12, "too few: {n}");
    eprintln!("{n} go statements agree");
}

#[test]
fn regions_and_tasks_have_lenses() {
    let file = programs().join("annot/main.go");
    let text = text_of(&file);
    let mut client = Client::showing(&programs(), &trace("g126/annot-3s"));
    let lenses = client.lenses(&file);
    for (part, start) in [
        ("trace.NewTask(ctx, \"order\")", "task order "),
        ("trace.StartRegion(ctx, \"steamMilk\")", "steamMilk "),
        ("trace.WithRegion(ctx, \"extractCoffee\"", "extractCoffee "),
        ("trace.WithRegion(ctx, \"grind\"", "grind "),
        ("trace.StartRegion(ctx, \"neverEnded\")", "neverEnded "),
        ("trace.NewTask(ctx, \"taskNeverEnded\")", "task taskNeverEnded "),
    ] {
        let titles = lenses_at(&lenses, line_with(&text, part));
        let title = titles.iter().find(|t| t.starts_with(start));
        let title = title.unwrap_or_else(|| panic!("no {start:?} in {titles:?}"));
        assert!(title.contains('×'), "{title}");
        assert_eq!(title.contains("waiting "), !start.starts_with("task"), "{title}");
        assert_eq!(title.contains("open at the end"), start.contains("ever"), "{title}");
        assert_eq!(title.contains("p50 "), !start.contains("ever"), "{title}");
    }
    client.end();
}

#[test]
fn a_range_narrows_everything() {
    let (mut client, file) = webmix();
    let whole = client.ask("waitline/traces", Value::Null)["traces"][0].clone();
    names_all_keys("waitline/traces", &whole);
    let duration = int(&whole, "duration");
    let part = |client: &mut Client| {
        let site = client.ask("waitline/site", at(&db(), POOL));
        (int(&site["parts"][0], "n"), int(&site["parts"][0], "ns"), site["parts"][0].clone())
    };
    let costs = line_costs(&mut client, &file);
    let lenses = client.lenses(&file);
    let (n, ns, all) = part(&mut client);

    let state = client.ask("waitline/setRange", json!({ "t0": 20_000_000, "t1": 50_000_000 }));
    names_all_keys("waitline/setRange", &state);
    assert_eq!(state["range"], json!({ "t0": 20_000_000, "t1": 50_000_000 }));
    assert_ne!(state["analysis"], whole["analysis"]);
    assert_eq!(state["duration"], whole["duration"]);
    let (few, less, _) = part(&mut client);
    assert!(few < n && few > n / 5 && less < ns && less > ns / 5, "{few} of {n}, {less} of {ns}");
    let cost = cost_at(&mut client, &file, POOL).unwrap();
    assert!(cost["hint"].as_str().unwrap().starts_with("◔ chan "), "{cost}");
    assert!(cost["text"].as_str().unwrap().starts_with("◔ chan "), "{cost}");
    // What is of the range and what is not, says so.
    let hover = client.hover(&file, POOL).unwrap();
    assert!(hover.starts_with(&format!("**{CODE}** (of the whole trace): ")), "{hover}");
    assert!(hover.contains("\n◔ 20.0–50.0 ms of `webmix.trace` · "), "{hover}");
    assert!(hover.lines().count() <= 17, "{hover}");
    let hints = client.hints(&file);
    assert_eq!(hint_at(&hints, POOL), cost["hint"].as_str());
    let narrow = client.lenses(&file);
    assert!(
        lenses_at(&narrow, POOL - 1)[0].starts_with("◔ "),
        "{:?}",
        lenses_at(&narrow, POOL - 1)
    );
    // The same window in two halves has all of its time.
    let half = |client: &mut Client, t0: i64, t1: i64| {
        client.ask("waitline/setRange", json!({ "t0": t0, "t1": t1 }));
        part(client).1
    };
    let halves =
        half(&mut client, 20_000_000, 33_000_000) + half(&mut client, 33_000_000, 50_000_000);
    assert_eq!(halves, less);

    // All of it is the whole trace.
    client.ask("waitline/setRange", json!({ "t0": 0, "t1": duration }));
    let (as_many, as_long, _) = part(&mut client);
    assert_eq!((as_many, as_long), (n, ns));
    let strip =
        |c: &Value| (c["line"].clone(), c["costly"].clone(), c["heat"].clone(), c["style"].clone());
    let ranged: Vec<_> = line_costs(&mut client, &file).iter().map(strip).collect();
    assert_eq!(ranged, costs.iter().map(strip).collect::<Vec<_>>());
    for none in [json!({}), Value::Null, json!({ "t0": null, "t1": null })] {
        let ranged_state = client.ask("waitline/setRange", json!({ "t0": 1, "t1": 2_000_000 }));
        let state = client.ask("waitline/setRange", none);
        assert_eq!(state["range"], Value::Null);
        // A client that drops what is older than what it has must not drop the whole trace.
        assert!(int(&state, "analysis") > int(&ranged_state, "analysis"), "{state}");
        assert_eq!(part(&mut client).2, all);
    }
    assert_eq!(line_costs(&mut client, &file), costs);
    assert_eq!(client.lenses(&file), lenses);

    // Of many the last one counts; and a load counts before them.
    let ids: Vec<u64> = (1..=20i64)
        .map(|i| client.send("waitline/setRange", json!({ "t0": 0, "t1": i * 1_000_000 })))
        .collect();
    for id in ids {
        client.answer(id).unwrap();
    }
    let now = client.ask("waitline/traces", Value::Null);
    assert_eq!(now["traces"][0]["range"]["t1"], 20_000_000, "{now}");
    let load = client.send("waitline/load", json!({ "trace": trace("g126/leak") }));
    let ids: Vec<u64> = (1..=40i64)
        .map(|i| {
            let range =
                if i % 2 == 0 { json!({}) } else { json!({ "t0": 0, "t1": i * 1_000_000 }) };
            client.send("waitline/setRange", range)
        })
        .collect();
    for id in ids {
        client.answer(id).unwrap();
    }
    client.answer(load).unwrap();
    let now = client.ask("waitline/traces", Value::Null);
    let path = now["traces"][0]["trace"].as_str().unwrap();
    assert!(path.ends_with("leak.trace"), "the load is not undone: {now}");
    client.end();
}

#[test]
fn odd_parameters_are_told_in_a_sentence() {
    let (mut client, file) = webmix();
    let here = uri(&file);
    let odd = [
        ("waitline/load", json!({})),
        ("waitline/lineCosts", json!({})),
        ("waitline/lineCosts", json!({ "uri": here, "range": 3 })),
        ("waitline/hotspots", json!({ "uri": "no uri" })),
        ("waitline/hotspots", json!({ "limit": "all" })),
        ("waitline/site", json!({ "uri": here })),
        ("waitline/site", json!({ "uri": here, "line": -1 })),
        ("waitline/wakers", json!({ "uri": 3, "line": 1 })),
        ("waitline/stacks", json!([])),
        ("waitline/instance", json!({ "uri": here, "line": POOL, "rank": "longest" })),
        ("waitline/goroutines", json!({ "uri": "" })),
        ("waitline/goroutines", json!({ "uri": here, "line": "x" })),
        ("waitline/setVerdict", json!({ "uri": here, "line": POOL, "verdict": "lazy" })),
        ("waitline/setVerdict", json!({ "uri": here, "line": POOL, "verdict": 7 })),
        ("waitline/setVerdict", json!({ "uri": here, "line": 0, "verdict": "idle" })),
        ("waitline/silence", json!({ "code": "no-such" })),
        ("waitline/silence", json!({ "code": CODE, "package": 1 })),
        ("waitline/setRange", json!({ "t0": 1 })),
        ("waitline/setRange", json!({ "t0": "1", "t1": "2" })),
        ("waitline/setRange", json!({ "t0": 2, "t1": 2 })),
        ("waitline/setRange", json!({ "t0": 6, "t1": 5 })),
        ("waitline/setRange", json!({ "t0": -5, "t1": 0 })),
        ("waitline/setRange", json!({ "t0": 5_000_000_000_i64, "t1": 6_000_000_000_i64 })),
    ];
    for (method, params) in odd {
        let error = client.try_ask(method, params.clone());
        let error = error.expect_err(&format!("{method} {params}"));
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
        let text = error["message"].as_str().unwrap();
        assert!((10..100).contains(&text.len()) && !text.contains('\n'), "{method}: {text}");
    }
    let behind = json!({ "t0": 5_000_000_000_i64, "t1": 6_000_000_000_i64 });
    let error = client.try_ask("waitline/setRange", behind).unwrap_err();
    let text = error["message"].as_str().unwrap();
    assert!(
        text.starts_with("the trace is ")
            && text.ends_with(" ms long: 5.00 s to 6.00 s is behind its end"),
        "{text}"
    );
    let partly = client.ask("waitline/setRange", json!({ "t0": -5, "t1": 6_000_000_000_i64 }));
    assert_eq!(partly["range"], json!({ "t0": 0, "t1": partly["duration"] }));
    client.ask("waitline/setRange", json!({}));
    // There is nothing to say of these.
    for (method, params) in [
        ("waitline/site", at(&file, 0)),
        ("waitline/site", at(&file, 1_000_000)),
        ("waitline/site", at(Path::new("/no/such.go"), 1)),
        ("waitline/lineCosts", json!({ "uri": "file:///no/such.go" })),
        ("waitline/lineCosts", json!({ "uri": "untitled:x" })),
    ] {
        assert_eq!(client.ask(method, params.clone()), Value::Null, "{method} {params}");
    }
    assert!(!programs().join(".waitline.toml").exists());
    client.ask("waitline/unload", Value::Null);
    for method in ["hotspots", "goroutines", "findings", "unmapped", "setRange"] {
        assert_eq!(client.ask(&format!("waitline/{method}"), Value::Null), Value::Null, "{method}");
    }
    assert_eq!(client.ask("waitline/traces", Value::Null), json!({ "traces": [] }));
    client.end();
}

/// Programs whose waiting is known: verdicts and findings, as an editor is told them.
#[test]
fn known_programs_are_judged_right() {
    let truth = testdata("truth");
    let all: Value = serde_json::from_str(&text_of(&truth.join("truth.json"))).unwrap();
    let mut client = Client::start();
    client.initialize(&truth, json!({}), Value::Null);
    let (mut right, mut of, mut n_findings) = (0, 0, 0);
    for program in all.as_array().unwrap() {
        let name = program["program"].as_str().unwrap();
        let trace = truth.join(format!("traces/{name}.trace"));
        client.ask("waitline/load", json!({ "trace": trace }));
        for site in list(program, "sites") {
            let file = truth.join(site["file"].as_str().unwrap());
            let line = int(site, "line") as u32 - 1;
            let answer = client.ask("waitline/site", at(&file, line));
            let parts = answer["parts"].as_array().map_or(&[][..], Vec::as_slice);
            let sums = ["costly", "through", "idle", "unsure"].map(|verdict| {
                (parts.iter().map(|p| int(&p["verdicts"], verdict)).sum::<i64>(), verdict)
            });
            let (ns, verdict) = sums.into_iter().max().unwrap();
            if ns < 1_000_000 {
                continue;
            }
            of += 1;
            let fits = site["expect"] == verdict || list(site, "also").contains(&json!(verdict));
            right += usize::from(fits);
            let cost = cost_at(&mut client, &file, line);
            if let Some(cost) = cost.filter(|_| site["expect"] == "idle") {
                assert_eq!(cost["heat"], 0, "{name}:{}: an idle line is painted", line + 1);
            }
        }
        let told = client.ask("waitline/findings", Value::Null);
        for want in list(program, "findings") {
            let is = |f: &Value| {
                let file = f["file"].as_str().unwrap_or_default();
                f["code"] == want["code"]
                    && file.ends_with(want["file"].as_str().unwrap())
                    && f["recorded"].as_i64().unwrap_or(0) == int(want, "line")
            };
            assert!(list(&told, "findings").iter().any(is), "{name} lacks {want}: {told}");
            n_findings += 1;
        }
    }
    assert!(right >= 90, "{right} of {of}");
    eprintln!("{right} of {of} sites right, {n_findings} findings");
    client.end();
}

/// Every answer on one trace, as a person reads it.
#[test]
fn snapshots() {
    let (mut client, file) = webmix();
    client.open(&file, 1, &text_of(&file));
    let here = at(&file, POOL);
    let text = json!({ "textDocument": { "uri": uri(&file) } });
    until_told(&mut client, &file, 1, "at first");
    let diagnostics = told(&client, &file);
    let mut all = vec![
        ("traces", client.ask("waitline/traces", Value::Null)),
        ("lineCosts", client.ask("waitline/lineCosts", json!({ "uri": uri(&file) }))),
        ("hotspots", client.ask("waitline/hotspots", json!({ "limit": 3 }))),
        ("site", client.ask("waitline/site", here.clone())),
        ("wakers", client.ask("waitline/wakers", here.clone())),
        ("stacks", client.ask("waitline/stacks", here.clone())),
        ("instance", client.ask("waitline/instance", here.clone())),
        ("goroutines", client.ask("waitline/goroutines", Value::Null)),
        ("findings", client.ask("waitline/findings", Value::Null)),
        ("unmapped", client.ask("waitline/unmapped", Value::Null)),
        ("lenses", client.ask("textDocument/codeLens", text)),
        ("diagnostics", Value::Array(diagnostics.clone())),
        ("actions", Value::Array(actions(&mut client, &file, &diagnostics))),
    ];
    for action in all.last_mut().unwrap().1.as_array_mut().unwrap() {
        action.as_object_mut().unwrap().remove("diagnostics"); // they stand beside it
    }
    let range = json!({ "t0": 20_000_000, "t1": 50_000_000 });
    all.push(("setRange", client.ask("waitline/setRange", range)));
    all.push(("lineCosts-range", client.ask("waitline/lineCosts", json!({ "uri": uri(&file) }))));
    client.end();
    let folder = testdata("snapshots");
    let root = programs().parent().unwrap().to_str().unwrap().to_owned();
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, mut answer) in all {
        names_all_keys(name, &if answer.is_array() { Value::Null } else { answer.clone() });
        if let Some(analysis) = answer.pointer_mut("/analysis") {
            *analysis = json!(1); // counts what a session did
        }
        let text =
            serde_json::to_string_pretty(&answer).unwrap().replace(&root, "/testdata") + "\n";
        let path = folder.join(format!("webmix-{name}.json"));
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?} answer otherwise (UPDATE=1 writes what they say now)");
}
