//! A trace that is opened from what is kept of it: an editor sees no difference, and what needs more
//! than that has it when it is first asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, all_refreshes, at, uri};
use super::*;

const FILES: [&str; 3] = ["webmix/main.go", "webmix/db.go", "webmix/server.go"];

/// A trace that is large enough to be kept, alone in a folder with room for a cache.
fn setup() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.out");
    fs::write(&path, fs::read(trace("g126/webmix")).unwrap().repeat(4)).unwrap();
    std::thread::sleep(Duration::from_millis(150)); // until no later write can have the same time
    let cache = dir.path().join("cache");
    (dir, path, cache)
}

fn showing(mut client: Client, path: &Path, options: Value) -> Client {
    let mut all = json!({ "trace": path });
    all.as_object_mut().unwrap().extend(options.as_object().cloned().unwrap_or_default());
    client.initialize(&programs(), all_refreshes(), all);
    client.wait_for("the first refresh", |m| m["method"] == "workspace/codeLens/refresh");
    for file in FILES {
        let file = programs().join(file);
        client.open(&file, 1, &text_of(&file));
    }
    client
}

/// The kept files, with the times of their last writing.
fn kept(cache: &Path) -> Vec<(PathBuf, std::time::SystemTime)> {
    let files = fs::read_dir(cache).into_iter().flatten().flatten();
    let time = |file: &fs::DirEntry| file.metadata().unwrap().modified().unwrap();
    let is_kept = |path: &PathBuf| path.extension().is_some_and(|e| e == "kept");
    files.map(|f| (f.path(), time(&f))).filter(|(path, _)| is_kept(path)).collect()
}

/// Without the numbers of views, which count what was shown before.
fn without_numbers(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("analysis");
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

fn ask(client: &mut Client, answers: &mut Vec<(String, Value)>, method: &str, params: Value) {
    let answer = client.try_ask(method, params.clone());
    let answer = answer.unwrap_or_else(|error| json!({ "error": error }));
    answers.push((format!("{method} {params}"), without_numbers(answer)));
}

/// What stands on lines, and lists of them.
fn on_lines(client: &mut Client) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    for file in FILES.map(|file| programs().join(file)) {
        let document = json!({ "textDocument": { "uri": uri(&file) } });
        ask(client, &mut answers, "textDocument/codeLens", document);
        ask(client, &mut answers, "waitline/lineCosts", json!({ "uri": uri(&file) }));
        for line in 0..text_of(&file).lines().count() as u32 {
            ask(client, &mut answers, "textDocument/hover", at(&file, line));
            for method in ["waitline/site", "waitline/wakers", "waitline/stacks"] {
                ask(client, &mut answers, method, json!({ "uri": uri(&file), "line": line }));
            }
        }
    }
    ask(client, &mut answers, "waitline/hotspots", json!({}));
    ask(client, &mut answers, "waitline/findings", json!({}));
    ask(client, &mut answers, "waitline/goroutines", json!({}));
    ask(client, &mut answers, "waitline/unmapped", json!({}));
    answers
}

/// What needs the lives of goroutines. Each of `first` can be the one that is asked first.
fn of_lives(client: &mut Client, first: usize) -> Vec<(String, Value)> {
    let db = programs().join("webmix/db.go");
    let range = json!({ "t0": 100_000_000, "t1": 300_000_000 });
    let mut asked: Vec<(&str, Value)> = Vec::new();
    for line in 0..text_of(&db).lines().count() {
        let waits = json!({ "uri": uri(&db), "line": line, "rank": 0 });
        asked.push(("waitline/instance", waits));
    }
    asked.push(("waitline/goroutineTable", json!({ "limit": 50 })));
    asked.push(("waitline/goroutineTable", json!({ "filter": range, "sort": "costly" })));
    asked.push(("waitline/regionTable", json!({ "filter": range })));
    asked.push(("waitline/profile", json!({ "type": "sync", "filter": range })));
    asked.push(("waitline/mmu", json!({})));
    asked.push(("waitline/timelineSummary", json!({ "t0": 0, "t1": 500_000_000 })));
    asked.push(("waitline/timelineRows", json!({ "t0": 0, "t1": 500_000_000 })));
    let n = asked.len();
    let early = match first {
        0 => ("waitline/setRange", range.clone()),
        1 => asked.remove(n - 2), // the timeline
        2 => asked.remove(n - 6), // goroutines of a part
        _ => asked.remove(n / 3), // one wait
    };
    let mut answers = Vec::new();
    ask(client, &mut answers, early.0, early.1);
    for (method, params) in asked {
        ask(client, &mut answers, method, params);
    }
    ask(client, &mut answers, "waitline/setRange", range);
    answers.extend(on_lines(client));
    ask(client, &mut answers, "waitline/setRange", Value::Null);
    ask(client, &mut answers, "waitline/hotspots", json!({}));
    answers
}

fn same(want: &[(String, Value)], got: &[(String, Value)], what: &str) {
    assert_eq!(want.len(), got.len());
    for ((asked, want), (_, got)) in want.iter().zip(got) {
        assert_eq!(want, got, "{what}: {asked}");
    }
}

#[test]
fn an_editor_sees_no_difference() {
    let (_dir, path, cache) = setup();
    let mut n = 0;
    for first in 0..4 {
        let mut alone = showing(Client::start(), &path, Value::Null);
        let lines = on_lines(&mut alone);
        let lives = of_lives(&mut alone, first);
        let told: usize = lives.iter().filter(|a| a.1.get("error").is_none()).count();
        assert!(told > lives.len() / 2, "{told} of {}", lives.len());
        alone.end();
        if first == 0 {
            let mut fresh = showing(Client::with_cache(&cache), &path, Value::Null);
            same(&lines, &on_lines(&mut fresh), "loaded");
            // It is written once it is shown.
            poll(&mut fresh, "the kept file", |_| !kept(&cache).is_empty());
            fresh.end();
        }
        let written = kept(&cache);
        let mut again = showing(Client::with_cache(&cache), &path, Value::Null);
        same(&lines, &on_lines(&mut again), "kept");
        same(&lives, &of_lives(&mut again, first), "kept, and lives asked for");
        same(&lines, &on_lines(&mut again), "and then");
        again.end();
        assert_eq!(written, kept(&cache), "it was loaded again");
        n += 2 * lines.len() + lives.len();
    }
    eprintln!("{n} answers are the same");
}

/// The trace is another one by the time that its lives are asked for: that is said, and lines stay.
#[test]
fn what_is_gone_is_said() {
    let (_dir, path, cache) = setup();
    let mut first = showing(Client::with_cache(&cache), &path, Value::Null);
    poll(&mut first, "the kept file", |_| !kept(&cache).is_empty());
    first.end();
    let options = json!({ "waitline": { "trace": { "watch": false } } });
    let mut client = showing(Client::with_cache(&cache), &path, options);
    let lines = on_lines(&mut client);
    fs::remove_file(&path).unwrap();
    for (method, params) in [
        ("waitline/setRange", json!({ "t0": 5, "t1": 10_000_000 })),
        ("waitline/goroutineTable", json!({})),
        ("waitline/timelineRows", json!({ "t0": 0, "t1": 10_000_000 })),
    ] {
        let error = client.try_ask(method, params).unwrap_err();
        let text = error["message"].as_str().unwrap();
        assert!(text.contains("load it again"), "{method}: {text}");
    }
    same(&lines, &on_lines(&mut client), "the file is gone");
    client.end();
}

/// `cache` is a setting.
#[test]
fn a_person_can_switch_it_off() {
    let (_dir, path, cache) = setup();
    let options = json!({ "waitline": { "cache": false } });
    let mut client = showing(Client::with_cache(&cache), &path, options);
    client.listen(Duration::from_millis(500));
    client.end();
    assert!(kept(&cache).is_empty());
}
