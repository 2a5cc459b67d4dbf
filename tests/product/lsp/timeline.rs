//! The timeline of an editor: its panel, its page in a browser, and what each is told.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::client::{Client, LIMIT, uri};
use super::*;
use crate::http::leads_to;
use crate::lsp_docs::names_all_keys;

fn showing(capabilities: Value) -> Client {
    let mut client = Client::start();
    client.initialize(&programs(), capabilities, Value::Null);
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    client
}

fn run(client: &mut Client, command: &str, argument: Value) {
    client.ask("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }));
}

fn info(client: &mut Client) -> Value {
    let from = Instant::now();
    loop {
        let info = client.ask("waitline/timelineInfo", Value::Null);
        if info["ready"] == true {
            return info;
        }
        assert!(from.elapsed() < LIMIT, "{info}");
    }
}

/// An editor with a panel is asked to open it; nothing is served.
#[test]
fn a_panel_is_opened_by_the_editor() {
    let mut client = showing(json!({ "experimental": { "timeline": "webview" } }));
    run(&mut client, "waitline.timeline", json!({ "t0": 5, "t1": 10, "g": 3 }));
    let asked = client.wait_for("the panel", |m| m["method"] == "waitline/openTimeline");
    assert_eq!(asked["params"], json!({ "t0": 5, "t1": 10, "g": 3 }));
    let place = json!({ "uri": uri(&programs().join("webmix/db.go")), "line": 69 });
    run(&mut client, "waitline.reveal", place.clone());
    let told = client.wait_for("the line", |m| m["method"] == "waitline/reveal");
    assert_eq!(told["params"], place);
    assert_eq!(client.count("window/showDocument"), 0);
    client.end();
}

/// Any other editor is asked to show a page; a click in the page comes back to the editor.
#[test]
fn a_page_is_opened_in_the_browser() {
    use std::io::{BufRead, Read, Write};
    let mut client = showing(json!({
        "window": { "showDocument": { "support": true } },
        "experimental": { "timeline": "text" },
    }));
    run(&mut client, "waitline.timeline", json!({ "g": 35 }));
    let asked = client.wait_for("the page", |m| m["method"] == "window/showDocument");
    assert_eq!(asked["params"]["external"], true);
    let file = asked["params"]["uri"].as_str().unwrap().strip_prefix("file://").unwrap();
    let file = PathBuf::from(file);
    assert!(std::fs::read_to_string(&file).unwrap().contains("&amp;g=35"));
    let (port, ticket) = leads_to(&file);
    let send = |path: &str, token: &str, body: &Value| {
        let body = body.to_string();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream
    };
    let read = |mut stream: std::net::TcpStream| {
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.starts_with("HTTP/1.1 200"), "{all}");
        serde_json::from_str::<Value>(all.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let session = read(send("/session", "", &json!({ "token": ticket })));
    let session = session["session"].as_str().unwrap().to_owned();
    // The page listens.
    let mut events = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    events.set_read_timeout(Some(LIMIT)).unwrap();
    write!(
        events,
        "GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {session}\r\n\r\n"
    )
    .unwrap();
    let mut lines = std::io::BufReader::new(events).lines().map(Result::unwrap);
    let mut event = |name: &str| -> Value {
        let line = lines.find(|l| l.contains(&format!("\"event\":\"{name}\""))).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["payload"].clone()
    };
    assert!(event("state")["summary"].as_str().unwrap().starts_with("webmix.trace"));
    // A click: the editor shows the line, and says so.
    let db = uri(&programs().join("webmix/db.go"));
    let clicked =
        send("/open", &session, &json!({ "uri": db, "line": 69, "col": 1, "focus": false }));
    let seen = client.log.len();
    let shown = client.wait_from(seen.saturating_sub(1), "the source", |m| {
        m["method"] == "window/showDocument" && m["params"]["external"].is_null()
    });
    assert_eq!(shown["params"]["uri"], db.as_str());
    assert_eq!(shown["params"]["takeFocus"], false);
    assert_eq!(shown["params"]["selection"]["start"], json!({ "line": 69, "character": 1 }));
    assert_eq!(read(clicked)["opened"], true);
    // The editor's lines are the page's, and the page's range is the editor's.
    run(&mut client, "waitline.reveal", json!({ "uri": db, "line": 69 }));
    assert_eq!(event("reveal"), json!({ "uri": db, "line": 69 }));
    let range =
        json!({ "method": "waitline/setRange", "params": { "t0": 1_000_000, "t1": 40_000_000 } });
    read(send("/request", &session, &range));
    let state = client.ask("waitline/traces", Value::Null);
    assert_eq!(state["traces"][0]["range"], json!({ "t0": 1_000_000, "t1": 40_000_000 }));
    assert_eq!(event("range")["t0"], 1_000_000);
    // What is selected in one timeline is told to the others, with who said so.
    let span = json!({ "lane": "g:15", "g": 15, "start": 16_331_840, "end": 18_266_368,
        "row": 0, "from": "a page" });
    let select = json!({ "method": "waitline/select", "params": span });
    assert_eq!(read(send("/request", &session, &select))["result"], Value::Null);
    let told = client.wait_for("the selection", |m| m["method"] == "waitline/didSelect");
    assert_eq!(told["params"], span);
    assert_eq!(event("select"), span);
    let own = json!({ "lane": "p:1", "start": 5, "end": 9, "more": [1] });
    assert_eq!(client.ask("waitline/select", own), Value::Null);
    let all = json!({ "lane": "p:1", "g": 0, "start": 5, "end": 9, "row": 0, "from": "" });
    assert_eq!(event("select"), all);
    for odd in [json!({}), json!({ "lane": 3 }), json!({ "lane": "g:1", "start": -1 })] {
        assert_eq!(client.try_ask("waitline/select", odd.clone()).unwrap_err()["code"], -32602);
        let refused =
            send("/request", &session, &json!({ "method": "waitline/select", "params": odd }));
        assert_eq!(read(refused)["error"]["code"], -32602);
    }
    assert_eq!(client.count("waitline/didSelect"), 1);
    client.end();
    let gone = std::net::TcpStream::connect(("127.0.0.1", port));
    assert!(gone.is_err(), "the page's host ends with the editor's session");
}

/// An editor that can show no page is told where it is.
#[test]
fn an_editor_that_shows_no_page_is_told_of_it() {
    let mut client = showing(json!({}));
    run(&mut client, "waitline.timeline", Value::Null);
    let told = client.wait_for("a message", |m| m["method"] == "window/showMessage");
    let text = told["params"]["message"].as_str().unwrap();
    assert!(text.contains(".html") && !text.contains("token"), "{text}");
    client.end();
}

/// A filter by group is of that group alone, though others begin with the same function: mark workers
/// and goroutines that ran before the trace, and those of them that a line was seen to start.
#[test]
fn a_group_is_told_apart_from_others_with_its_function() {
    let running = [ide::timeline::Class::Running, ide::timeline::Class::Assist];
    let running = running.map(|class| json!(class as u8));
    for name in ["g126/gcmix", "g126/leak"] {
        let mut client = Client::start();
        client.initialize(&programs(), json!({}), Value::Null);
        client.ask("waitline/load", json!({ "trace": trace(name) }));
        let info = info(&mut client);
        let groups = info["groups"].as_array().unwrap();
        let shared =
            |g: &Value| groups.iter().any(|o| o["id"] != g["id"] && o["first"] == g["first"]);
        assert!(groups.iter().any(shared), "{name}: no two groups with one function");
        for group in groups {
            let of = json!({ "filter": { "group": group["id"] } });
            let sum = client.ask("waitline/timelineSummary", of);
            let classes = sum["byClass"].as_array().unwrap().iter();
            let ran = classes.filter(|class| running.contains(&class["class"]));
            let ran: i64 = ran.map(|class| class["ns"].as_i64().unwrap()).sum();
            assert_eq!(group["running"].as_i64(), Some(ran), "{name} {group}");
        }
        client.end();
    }
}

/// Every request of the timeline: sound answers, the keys of the page, and errors of one sentence.
#[test]
fn requests_are_answered_and_their_answers_described() {
    let mut client = showing(json!({}));
    let info = info(&mut client);
    names_all_keys("waitline/timelineInfo", &info);
    let duration = info["duration"].as_i64().unwrap();
    let lanes: Vec<&str> =
        info["lanes"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    assert!(lanes.starts_with(&["all", "gc", "stw", "p:0", "p:1"]), "{lanes:?}");
    let groups = info["groups"].as_array().unwrap().clone();
    let costly: Vec<i64> = groups.iter().map(|g| g["costly"].as_i64().unwrap()).collect();
    assert!(costly.is_sorted_by(|a, b| a >= b), "{costly:?}");
    let n: u64 = groups.iter().map(|g| g["n"].as_u64().unwrap()).sum();
    assert!(n > 1000, "{n} goroutines");
    let rows =
        client.ask("waitline/timelineRows", json!({ "group": groups[0]["id"], "sort": "costly" }));
    names_all_keys("waitline/timelineRows", &rows);
    let row = rows["rows"][0].clone();
    let whole = json!({ "t0": 0, "t1": duration });
    let line = json!({ "uri": uri(&programs().join("webmix/db.go")), "line": 69 });
    let middle = (row["start"].as_i64().unwrap() + row["end"].as_i64().unwrap()) / 2;
    let mut slices = 0;
    for (method, params) in [
        ("timelineTasks", whole.clone()),
        ("timelineSummary", whole.clone()),
        ("timelineSummary", json!({ "filter": { "group": groups[0]["id"] } })),
        ("timelineCounters", json!({ "t0": 0, "t1": duration, "width": 100 })),
        ("timelineAt", json!({ "t": middle })),
        ("timelineNames", json!({ "labels": [0, 1, 5, 1u32 << 31, (1 << 30) | 3] })),
        ("timelineSlice", json!({ "lane": row["lane"], "t": middle })),
        ("timelineInstances", line.clone()),
        ("timelineInstances", json!({ "func": "main.(*server).report.func1", "kind": "network" })),
        ("timelineFlows", json!({ "lanes": [row["lane"]], "t0": 0, "t1": duration })),
        ("timelineChain", json!({ "g": row["g"], "t": middle })),
        ("timelineChain", json!({ "g": row["g"], "t": middle, "direction": "forward" })),
        ("timelineFind", json!({ "query": "db.go:70" })),
        ("timelineFind", json!({ "state": "waiting", "minNs": 1_000_000, "verdict": "costly" })),
    ] {
        let method = format!("waitline/{method}");
        let answer = client.ask(&method, params.clone());
        assert!(!answer.is_null(), "{method} {params}");
        assert_eq!(answer["analysis"], info["analysis"], "{method}");
        let mut described = answer.clone();
        // The keys of names are labels.
        if let Some(names) = described.get_mut("names") {
            *names = Value::Null;
        }
        names_all_keys(&method, &described);
        slices += usize::from(answer["slice"].is_object());
    }
    assert_eq!(slices, 1);
    let tile = client
        .ask("waitline/timeline", json!({ "t0": 0, "t1": duration, "width": 500, "lanes": lanes }));
    names_all_keys("waitline/timeline", &tile);
    let data = tile["data"].as_str().unwrap();
    assert!(data.starts_with("V0xUM") && data.len() < 384 << 10, "{}", data.len());
    // What groups cost is what all costs, and that is what the editor is told, to the nanosecond; so is
    // what a range costs.
    let sum = |client: &mut Client, filter: Value| {
        client.ask("waitline/timelineSummary", json!({ "filter": filter }))["costly"].as_i64()
    };
    let all = sum(&mut client, Value::Null).unwrap();
    let by_group: i64 =
        groups.iter().map(|g| sum(&mut client, json!({ "group": g["id"] })).unwrap()).sum();
    assert!(all > 0 && by_group == all, "{by_group} of {all}");
    let hotspots = client.ask("waitline/hotspots", json!({ "limit": 200 }));
    assert_eq!(hotspots["costly"].as_i64(), Some(all));
    let summary = client.ask("waitline/timelineSummary", json!({}));
    let assist = json!(ide::timeline::Class::Assist as u8);
    let classes = summary["byClass"].as_array().unwrap();
    let assisting = classes.iter().find(|class| class["class"] == assist).unwrap();
    assert!(assisting["costly"].as_i64().unwrap() > 0, "{assisting}");
    let (t0, t1) = (duration / 3, duration / 2);
    client.ask("waitline/setRange", json!({ "t0": t0, "t1": t1 }));
    let told = client.ask("waitline/hotspots", json!({}))["costly"].as_i64().unwrap();
    let window = client.ask("waitline/timelineSummary", json!({ "t0": t0, "t1": t1 }));
    assert_eq!(window["costly"].as_i64(), Some(told));
    assert!(told > 0 && told < all, "{told} of {all}");
    // The evidence of a line is that of the range, or of the whole trace for who asks for that.
    let whole = json!({ "uri": line["uri"], "line": line["line"], "whole": true });
    let in_range = client.ask("waitline/site", line.clone());
    let in_whole = client.ask("waitline/site", whole.clone());
    client.ask("waitline/setRange", json!({}));
    let without = client.ask("waitline/site", line.clone());
    assert_eq!(in_whole["parts"], without["parts"]);
    assert_ne!(in_range["parts"], without["parts"]);
    assert_eq!(client.ask("waitline/site", whole)["parts"], without["parts"]);
    let found = client.ask("waitline/timelineFind", json!({ "query": "serveDB" }));
    for go in found["found"].as_array().unwrap() {
        let (start, end) = (go["start"].as_i64().unwrap(), go["end"].as_i64().unwrap());
        let Some(at) = go["at"].as_i64() else { continue };
        assert!((start..=end).contains(&at), "{go}");
    }
    assert!(found["found"].as_array().unwrap().iter().any(|go| go["at"].is_i64()), "{found}");
    let page = client.ask("waitline/explain", json!({ "code": "slots-exhausted" }));
    names_all_keys("waitline/explain", &page);
    assert!(page["page"].as_str().unwrap().starts_with("# slots-exhausted\n"), "{page}");
    let refused = client.try_ask("waitline/explain", json!({ "code": "none" }));
    assert_eq!(refused.unwrap_err()["code"], -32602);
    // The instances of a line are those that its figures count.
    let instances = client.ask("waitline/timelineInstances", line.clone());
    let site = client.ask("waitline/site", line);
    let n: u64 = site["parts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| {
            ["chan", "lock", "net", "sleep", "syscall"].contains(&p["kind"].as_str().unwrap())
        })
        .map(|p| p["n"].as_u64().unwrap())
        .sum();
    let running =
        client.ask("waitline/timelineFind", json!({ "query": "db.go:70", "state": "running" }));
    assert!(instances["of"].as_u64().unwrap() >= n, "{n}");
    assert!(running["of"].as_u64().is_some());
    for (method, params) in [
        ("timeline", json!({ "t0": 10, "t1": 5, "width": 5, "lanes": [] })),
        ("timeline", json!({ "t0": 0, "t1": 5, "width": 0, "lanes": [] })),
        ("timeline", json!({ "t0": 0, "t1": 5, "width": 100_000, "lanes": [] })),
        ("timeline", json!({ "t0": 0, "t1": 5, "width": 5, "lanes": ["x:1"] })),
        ("timeline", json!({ "t0": 0, "t1": 5, "width": 5, "lanes": vec!["gc"; 300] })),
        ("timeline", json!({ "t0": 1e300, "t1": 5, "width": 5, "lanes": [] })),
        ("timelineRows", json!({ "group": "none" })),
        ("timelineRows", json!({ "group": groups[0]["id"], "sort": "x" })),
        ("timelineSlice", json!({ "lane": "g:1" })),
        ("timelineAt", json!({})),
        ("timelineNames", json!({ "labels": ["a"] })),
        ("timelineFlows", json!({})),
        ("timelineChain", json!({ "t": 5 })),
        ("timelineFind", json!({ "state": "x" })),
        ("timelineSummary", json!({ "filter": { "group": "x" } })),
        ("timelineSummary", json!({ "t0": 5, "t1": 5 })),
        ("timelineInstances", json!({})),
    ] {
        let error = client.try_ask(&format!("waitline/{method}"), params.clone()).unwrap_err();
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
    }
    client.end();
}

/// A trace that was rewritten has no timeline until it is loaded again; one that is gone neither.
#[test]
fn a_file_that_changed_is_not_mixed_with_what_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace.out");
    std::fs::copy(trace("g126/leak"), &file).unwrap();
    let mut client = Client::start();
    client.initialize(&programs(), json!({}), Value::Null);
    client.ask("waitline/load", json!({ "trace": file }));
    std::fs::write(&file, "no trace at all").unwrap();
    let error = client.try_ask("waitline/timelineAt", json!({ "t": 0 })).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("has changed"), "{error}");
    assert_eq!(client.ask("waitline/traces", Value::Null)["traces"].as_array().unwrap().len(), 1);
    client.ask("waitline/unload", Value::Null);
    assert_eq!(client.ask("waitline/timelineInfo", Value::Null), Value::Null);
    assert_eq!(client.ask("waitline/timelineAt", json!({ "t": 0 })), Value::Null);
    client.end();
}

/// Who looks at the timeline while a large trace is loaded has the index of the whole begun beside that.
/// It is the one that is made afterwards else.
#[test]
fn an_index_begun_beside_a_load_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().canonicalize().unwrap().join("large.trace");
    std::fs::write(&large, super::loads::trace_of_stops(60, 8)).unwrap();
    assert!(std::fs::metadata(&large).unwrap().len() > 16 << 20);
    let told = |client: &mut Client| {
        let mut at = client.ask("waitline/timelineAt", json!({ "t": 5 }));
        let mut info = info(client);
        let ask = json!({ "t0": 0, "t1": info["duration"], "width": 200, "lanes": info["lanes"] });
        let tile = client.ask("waitline/timeline", ask);
        for answer in [&mut info, &mut at] {
            answer["analysis"] = Value::Null;
        }
        // A tile begins with the number of what it is of.
        let data = tile["data"].as_str().unwrap()[12..].to_owned();
        (at, info, data)
    };
    let capabilities = json!({ "experimental": { "commands": { "commands": ["waitline.load"] } } });
    let mut beside = Client::start();
    beside.initialize(&programs(), capabilities, Value::Null);
    let load = beside.send("waitline/load", json!({ "trace": large }));
    let grows =
        |m: &Value| m["params"]["partial"].as_str().is_some_and(|p| p.contains("being read"));
    let beginning = beside.wait_for("its beginning", grows)["params"]["analysis"].clone();
    beside.ask("waitline/timelineInfo", Value::Null);
    // On a busy machine the whole may be there by then.
    let summary = beside.try_ask("waitline/timelineSummary", json!({}));
    if let Some(summary) = summary.ok().filter(|summary| summary["analysis"] == beginning) {
        assert_eq!((&summary["costly"], &summary["idle"]), (&Value::Null, &Value::Null));
    }
    beside.answer(load).unwrap();
    let beside = {
        let told = told(&mut beside);
        beside.end();
        told
    };
    let mut afterwards = Client::start();
    afterwards.initialize(&programs(), json!({}), Value::Null);
    afterwards.ask("waitline/load", json!({ "trace": large }));
    assert_eq!(told(&mut afterwards), beside);
    assert!(beside.1["lanes"].as_array().unwrap().contains(&json!("p:0")), "{}", beside.1);
    afterwards.end();
}

/// What is copied of a span tells its verdict, and tells it once: a reason begins with it in most cases.
#[test]
fn the_words_of_a_slice_tell_its_verdict_once() {
    let (mut client, _) = super::judged::webmix();
    for verdict in ["costly", "through", "idle", "unsure"] {
        let query = json!({ "state": "waiting", "verdict": verdict, "limit": 40 });
        let found = client.ask("waitline/timelineFind", query);
        let found = found["found"].as_array().unwrap();
        assert!(!found.is_empty(), "{verdict}");
        for span in found {
            let at = json!({ "lane": span["lane"], "t": span["start"] });
            let slice = client.ask("waitline/timelineSlice", at)["slice"].take();
            assert_eq!(slice["verdict"], verdict, "{slice}");
            let text = slice["text"].as_str().unwrap();
            let told = text.lines().filter(|line| line.starts_with(verdict)).count();
            assert_eq!(
                (told, text.matches(&format!("{verdict}: {verdict}")).count()),
                (1, 0),
                "{text}"
            );
        }
    }
    client.end();
}

/// Of a single wait as of its line.
#[test]
fn a_test_that_waits_for_its_turn_is_told_as_that() {
    let truth = testdata("truth");
    let mut client = Client::showing(&truth, &truth.join("traces/subtests.trace"));
    let query = json!({ "query": "Parallel", "state": "waiting", "verdict": "idle", "limit": 8 });
    let found = client.ask("waitline/timelineFind", query);
    let found = found["found"].as_array().unwrap();
    assert!(!found.is_empty());
    let turns = found.iter().filter(|span| {
        let at = json!({ "lane": span["lane"], "t": span["start"] });
        let slice = client.ask("waitline/timelineSlice", at)["slice"].take();
        let waits = |place: &Value| place["func"] == "testing.(*T).Parallel";
        let is_turn = slice["startStack"].as_array().unwrap().iter().any(waits);
        let is_told = slice["reason"] == "idle: a test that waits for its turn";
        assert_eq!(is_told, is_turn, "{slice}");
        is_turn
    });
    assert!(turns.count() > 0, "{found:?}");
    client.end();
}
