//! What a fault of the server's own costs: one answer, and nothing else.
//!
//! A server that is built for tests panics where it is told to (`server/waitline/src/lsp/faults.rs`);
//! one that is released has no such ear, and then these tests say so and stop.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::{Client, all_refreshes, at, hints_of, uri};
use super::stress::times;
use super::*;
use crate::numbers::Numbers;

const FAULT: &str = "waitline/fault";

/// Wishes for faults, and gives how many there were so far.
fn wish(client: &mut Client, what: Value) -> Option<u64> {
    client.try_ask(FAULT, what).ok()?["faults"].as_u64()
}

/// `None`: this server cannot be told to fail.
fn client(root: &Path, trace: &Path) -> Option<Client> {
    let mut client = Client::showing(root, trace);
    if wish(&mut client, json!({})).is_none() {
        eprintln!("skipped: this server was built without debug assertions, and knows no {FAULT}");
        client.end();
        return None;
    }
    Some(client)
}

/// An answer, without what counts views and loads.
fn settled(mut answer: Result<Value, Value>) -> Result<Value, Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("analysis");
                members.remove("progress");
                members.remove("ready");
                // A tile begins with the view's number; a profile is packed with a time.
                members.remove("data");
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    if let Ok(answer) = &mut answer {
        strip(answer);
    }
    answer
}

/// Each request of the server, with parameters that have an answer.
fn requests(file: &Path, trace: &Path) -> Vec<(&'static str, Value)> {
    let document = json!({ "textDocument": { "uri": uri(file) } });
    let line = json!({ "uri": uri(file), "line": 112 });
    let in_range = json!({ "textDocument": { "uri": uri(file) }, "context": { "diagnostics": [] },
        "range": { "start": { "line": 112, "character": 0 }, "end": { "line": 112, "character": 1 } } });
    let verdict = json!({ "uri": uri(file), "line": 112, "verdict": "idle" });
    vec![
        ("textDocument/codeLens", document),
        ("textDocument/inlayHint", hints_of(file)),
        ("textDocument/hover", at(file, 112)),
        ("textDocument/codeAction", in_range),
        ("waitline/load", json!({ "trace": trace })),
        ("waitline/activate", json!({ "trace": trace })),
        ("waitline/cancelLoad", Value::Null),
        ("waitline/traces", Value::Null),
        ("waitline/found", Value::Null),
        ("waitline/lineCosts", json!({ "uri": uri(file) })),
        ("waitline/source", line.clone()),
        ("waitline/explain", json!({ "code": "fine-handoff" })),
        ("waitline/hotspots", json!({})),
        ("waitline/site", line.clone()),
        ("waitline/wakers", line.clone()),
        ("waitline/stacks", line.clone()),
        ("waitline/instance", line.clone()),
        ("waitline/unmapped", Value::Null),
        ("waitline/setVerdict", verdict),
        ("waitline/silence", json!({ "code": "fine-handoff" })),
        ("waitline/select", json!({})),
        ("waitline/setRange", json!({ "t0": 0, "t1": 100_000_000 })),
        ("waitline/setRange", Value::Null),
        ("waitline/goroutines", json!({})),
        ("waitline/findings", Value::Null),
        ("waitline/record", json!({ "test": 1 })),
        ("waitline/timelineInfo", Value::Null),
        ("waitline/timelineSummary", json!({})),
        ("waitline/timelineRows", json!({ "group": 0 })),
        ("waitline/timeline", json!({ "t0": 0, "t1": 1_000_000, "width": 10, "lanes": ["p:0"] })),
        ("waitline/timelineTasks", json!({})),
        ("waitline/timelineCounters", json!({})),
        ("waitline/timelineAt", json!({ "t": 5 })),
        ("waitline/timelineNames", json!({ "labels": [1] })),
        ("waitline/timelineSlice", json!({ "lane": "p:0", "t": 50_000_000 })),
        ("waitline/timelineInstances", line.clone()),
        ("waitline/timelineFlows", json!({ "lanes": ["p:0"] })),
        ("waitline/timelineChain", json!({ "g": 1, "t": 50_000_000 })),
        ("waitline/timelineFind", json!({ "query": "leak" })),
        ("waitline/goroutineTable", json!({})),
        ("waitline/regionTable", json!({})),
        ("waitline/taskTable", json!({})),
        ("waitline/mmu", json!({})),
        ("waitline/profile", json!({ "type": "sync" })),
        ("waitline/pprof", json!({ "type": "sync" })),
        (
            "workspace/executeCommand",
            json!({ "command": "waitline.evidence", "arguments": [line] }),
        ),
        // The last: nothing is shown afterwards.
        ("waitline/unload", json!({ "trace": trace })),
    ]
}

/// The methods that the server registers, and those of the protocol that it serves.
fn served() -> BTreeSet<String> {
    let source = crate::product::root().join("server/waitline/src/lsp/mod.rs");
    let text = text_of(&source);
    let own = text.match_indices("custom_method(\"waitline/").map(|(at, found)| {
        let name = &text[at + found.len()..];
        format!("waitline/{}", &name[..name.find('"').unwrap()])
    });
    let protocol = ["codeLens", "inlayHint", "hover", "codeAction"];
    own.chain(protocol.iter().map(|m| format!("textDocument/{m}")))
        .chain(["workspace/executeCommand".to_owned()])
        .collect()
}

#[test]
fn a_panic_in_any_handler_costs_that_answer() {
    let (dir, file) = copy_of_leak(str::to_owned);
    let root = dir.path().canonicalize().unwrap();
    let (_, trace) = leak();
    let Some(mut client) = client(&root, &trace) else { return };
    client.open(&file, 0, &text_of(&file));
    let requests = requests(&file, &trace);
    let asked: BTreeSet<String> = requests.iter().map(|(method, _)| (*method).to_owned()).collect();
    assert_eq!(asked, served(), "each handler has its turn");
    let before = client.hints(&file);
    assert!(!before.is_empty());
    let (mut n_handlers, mut n_work) = (0, 0);
    for (method, params) in &requests {
        // An answer about the timeline's index is another one until that is made.
        let made = |client: &mut Client| {
            if *method == "waitline/timelineInfo" {
                client.ask("waitline/timelineAt", json!({ "t": 5 }));
            }
        };
        made(&mut client);
        let sound = settled(client.try_ask(method, params.clone()));
        if *method == "waitline/unload" {
            client.ask("waitline/load", json!({ "trace": trace }));
        }
        // In the handler; and in the work that it has done elsewhere, if it has.
        for place in [format!("handler {method}"), "work".to_owned()] {
            let n = wish(&mut client, json!({ "at": place })).unwrap();
            let answer = settled(client.try_ask(method, params.clone()));
            if wish(&mut client, json!({})).unwrap() > n {
                let error = answer.unwrap_err();
                assert_eq!(error["code"], -32603, "{method} at {place}: {error}");
                n_handlers += usize::from(place != "work");
                n_work += usize::from(place == "work");
            } else {
                assert_eq!(place, "work", "{method}: no fault in its handler");
                assert_eq!(answer, sound, "{method}: no fault, no other answer");
            }
            made(&mut client);
            let next = settled(client.try_ask(method, params.clone()));
            assert_eq!(next, sound, "{method} after a fault at {place}");
            if *method == "waitline/unload" {
                client.ask("waitline/load", json!({ "trace": trace }));
            }
        }
    }
    assert_eq!(n_handlers, requests.len());
    assert!(n_work > 25, "{n_work}");
    client.ask("waitline/setVerdict", json!({ "uri": uri(&file), "line": 112, "verdict": null }));
    assert_eq!(client.hints(&file), before, "nothing is lost");

    // While the timeline's index is made, and under the lock of what is shown.
    client.ask("waitline/load", json!({ "trace": trace }));
    wish(&mut client, json!({ "at": "index" }));
    let rows = client.try_ask("waitline/timelineAt", json!({ "t": 5 }));
    assert_eq!(rows.unwrap_err()["code"], -32603);
    client.ask("waitline/timelineAt", json!({ "t": 5 }));
    wish(&mut client, json!({ "at": "lock" }));
    let load = client.try_ask("waitline/load", json!({ "trace": trace }));
    assert_eq!(load.unwrap_err()["code"], -32603);
    assert_eq!(client.hints(&file), before);
    client.ask("waitline/load", json!({ "trace": trace }));

    // What is told of a document and lost in a panic leaves nothing on wrong lines.
    let text = text_of(&file);
    let line_above = json!([{ "range": { "start": { "line": 0, "character": 0 },
        "end": { "line": 0, "character": 0 } }, "text": "// above\n" }]);
    let mut version = 0;
    for place in ["handler textDocument/didChange", "lock"] {
        version += 1;
        wish(&mut client, json!({ "at": place }));
        client.change(&file, version, line_above.clone());
        assert_eq!(
            client.hints(&file),
            Vec::<Value>::new(),
            "{place}: nothing is known of the text"
        );
        client.change(&file, version + 1, line_above.clone());
        assert_eq!(client.hints(&file), Vec::<Value>::new(), "{place}: not before it comes whole");
        version += 2;
        client.change(&file, version, json!([{ "text": text }]));
        assert_eq!(client.hints(&file), before, "{place}: it came whole");
    }
    for place in ["handler textDocument/didClose", "handler textDocument/didOpen"] {
        wish(&mut client, json!({ "at": place }));
        client.close(&file);
        client.open(&file, 0, &format!("// another\n{text}"));
        let shown = client.hints(&file);
        // Closed in spite of the fault, it is opened; not opened, it is no more known.
        let is_shown = hint_at(&shown, 113).is_some();
        assert_eq!(is_shown, place.ends_with("didClose"), "{place}: {shown:?}");
        assert!(hint_at(&shown, 112).is_none(), "{place}: {shown:?}");
        client.close(&file);
        assert_eq!(client.hints(&file), before, "{place}: the file itself");
        client.open(&file, 0, &text);
        assert_eq!(client.hints(&file), before, "{place}");
    }
    let notifications = [
        ("workspace/didChangeConfiguration", json!({ "settings": {} })),
        ("window/workDoneProgress/cancel", json!({ "token": "x" })),
        ("initialized", json!({})),
    ];
    for (method, params) in &notifications {
        wish(&mut client, json!({ "at": format!("handler {method}") }));
        client.notify(method, params.clone());
        assert_eq!(client.hints(&file), before, "{method}");
    }
    eprintln!(
        "{n_handlers} requests with a panic in their handler, {n_work} with one in their work, 9 in what is told: -32603 each, and the next answer as before"
    );
    client.end_after_faults();
}

/// A trace that is watched is watched still.
#[test]
fn a_panic_does_not_end_the_watch() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("trace.out");
    let (file, first) = leak();
    std::fs::copy(&first, &path).unwrap();
    let Some(mut client) = client(&programs(), &path) else { return };
    let before = client.hints(&file);
    for place in ["work", "lock"] {
        let n = wish(&mut client, json!({ "at": place })).unwrap();
        std::fs::copy(trace("g122/leak"), &path).unwrap();
        while wish(&mut client, json!({ "at": place })).unwrap() == n {
            client.listen(std::time::Duration::from_millis(50));
        }
        wish(&mut client, json!({}));
        assert_eq!(client.hints(&file), before, "{place}: the last good one stays");
        std::fs::copy(&first, &path).unwrap();
        std::fs::copy(trace("g122/leak"), &path).unwrap();
        let from = std::time::Instant::now();
        while client.hints(&file) == before {
            assert!(from.elapsed() < super::client::LIMIT, "{place}: it is not watched any more");
            client.listen(std::time::Duration::from_millis(50));
        }
        client.ask("waitline/load", json!({ "trace": first }));
        client.ask("waitline/unload", json!({ "trace": path }));
        std::fs::copy(&first, &path).unwrap();
        client.ask("waitline/load", json!({ "trace": path }));
    }
    client.end_after_faults();
}

/// Panics by chance, anywhere, while an editor types, asks and loads: an answer is right, or it is an
/// error; and afterwards all is as if nothing had been.
#[test]
fn a_thousand_panics_under_load() {
    let n_wanted = times(1_000, 120) as u64;
    let (dir, file) = copy_of_leak(str::to_owned);
    let root = dir.path().canonicalize().unwrap();
    let traces = [trace("g126/leak"), trace("g122/leak")];
    let Some(mut client) = client(&root, &traces[0]) else { return };
    client.open(&file, 0, &text_of(&file));
    // What lines say, by the trace that is shown; hints move with the lines above.
    let mut said = Vec::new();
    for trace in traces.iter().rev() {
        client.ask("waitline/load", json!({ "trace": trace }));
        said.push(client.hints(&file));
    }
    assert_ne!(said[0], said[1]);
    let moved = |hints: &[Value], by: u32| -> Vec<(u32, String)> {
        // What it says in full: the short form of a line that moved has room for less.
        let said = |h: &Value| h["tooltip"].as_str().unwrap().trim_start_matches("~ ").to_owned();
        let row = |h: &Value| (line_of(h) + by, said(h));
        hints.iter().map(row).collect()
    };
    let mut numbers = Numbers(11);
    let start = wish(&mut client, json!({ "oneIn": 12, "seed": 7 })).unwrap();
    let (mut version, mut above, mut n_asked, mut n_errors, mut n_faults) = (0, 0u32, 0, 0, 0);
    let (mut n_right, mut n_nothing) = (0, 0);
    while n_faults < n_wanted {
        let mut flight = Vec::new();
        for _ in 0..24 {
            let document = json!({ "textDocument": { "uri": uri(&file) } });
            let (method, params) = match numbers.below(12) {
                0 => {
                    let which = numbers.below(2);
                    ("waitline/load", json!({ "trace": traces[which] }))
                }
                1 => ("waitline/goroutineTable", json!({})),
                2 => ("waitline/timelineAt", json!({ "t": 5 })),
                3 => ("waitline/hotspots", json!({})),
                4 => ("textDocument/codeLens", document),
                5 => ("textDocument/hover", at(&file, 112 + above)),
                6 => {
                    version += 1;
                    let start = json!({ "line": 0, "character": 0 });
                    // Now and then it comes whole, for a panic may have cost the text.
                    let change = if numbers.below(3) == 0 {
                        above = 0;
                        json!([{ "text": text_of(&file) }])
                    } else {
                        above += 1;
                        json!([{ "range": { "start": start, "end": start }, "text": "//\n" }])
                    };
                    client.change(&file, version, change);
                    continue;
                }
                _ => ("textDocument/inlayHint", hints_of(&file)),
            };
            flight.push((client.send(method, params), method, above));
        }
        for (id, method, above) in flight {
            n_asked += 1;
            match client.answer(id) {
                Ok(answer) if method == "textDocument/inlayHint" => {
                    let hints = answer.as_array().cloned().unwrap_or_default();
                    if hints.is_empty() {
                        n_nothing += 1;
                        continue;
                    }
                    let is_right = said.iter().any(|said| moved(said, above) == moved(&hints, 0));
                    assert!(is_right, "{above} lines above: {hints:?}");
                    n_right += 1;
                }
                Ok(_) => {}
                Err(error) => {
                    let code = error["code"].as_i64().unwrap();
                    // A panic; a text that changed; a load that another one overtook.
                    assert!([-32603, -32801, -32803].contains(&code), "{method}: {error}");
                    n_errors += usize::from(code == -32603);
                }
            }
        }
        client.log.clear();
        n_faults =
            wish(&mut client, json!({ "oneIn": 12, "seed": 100 + n_asked })).unwrap() - start;
    }
    wish(&mut client, json!({}));
    // Afterwards: as if nothing had been.
    client.change(&file, version + 1, json!([{ "text": text_of(&file) }]));
    client.ask("waitline/load", json!({ "trace": traces[0] }));
    let mut fresh = Client::start();
    fresh.initialize(&root, all_refreshes(), Value::Null);
    fresh.open(&file, 0, &text_of(&file));
    fresh.ask("waitline/load", json!({ "trace": traces[0] }));
    for (method, params) in requests(&file, &traces[0]) {
        if method != "waitline/traces" {
            if method == "waitline/timelineInfo" {
                // What there is of the timeline before the index is made differs by a moment.
                for client in [&mut client, &mut fresh] {
                    client.ask("waitline/timelineAt", json!({ "t": 5 }));
                }
            }
            let [ours, theirs] =
                [&mut client, &mut fresh].map(|c| settled(c.try_ask(method, params.clone())));
            assert_eq!(ours, theirs, "{method}");
        }
    }
    eprintln!(
        "{n_faults} panics in {n_asked} requests: {n_errors} answered with -32603, {n_right} figures right, {n_nothing} times none, 0 wrong; afterwards all answers are those of a fresh server"
    );
    assert!(n_right > 10, "{n_right}");
    client.end_after_faults();
    fresh.end();
}
