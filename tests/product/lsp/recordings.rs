//! Recordings that an editor asks for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, all_refreshes, uri};
use crate::record::{has_go, module};

/// Whether a process runs that was started for this text.
fn runs(part: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(part))
    })
}

fn start(root: &std::path::Path) -> Client {
    let mut client = Client::start();
    let mut capabilities = all_refreshes();
    capabilities["window"] = json!({ "workDoneProgress": true });
    client.initialize(root, capabilities, Value::Null);
    client
}

#[test]
fn tests_are_recorded_and_shown() {
    if !has_go() {
        return;
    }
    let dir = module();
    let root = dir.path().canonicalize().unwrap();
    let mut client = start(&root);
    let file = root.join("some/some_test.go");
    let asked = json!({ "test": uri(&file), "run": "TestPasses$" });
    let state = client.ask("waitline/record", asked.clone());
    crate::lsp_docs::names_all_keys("waitline/record", &state);
    assert_eq!(state["warning"], Value::Null);
    assert_eq!(state["trace"], root.join("some/trace.out").to_str().unwrap());
    let hints = client.hints(&file);
    assert!(super::hint_at(&hints, 15).is_some_and(|h| h.starts_with("lock ")), "{hints:?}");
    // The same again, of a test that fails, by the command; what is shown is the new one.
    let fails = json!({ "test": "./some", "run": "Fails" });
    let params = json!({ "command": "waitline.record", "arguments": [fails] });
    let again = client.ask("workspace/executeCommand", params);
    assert!(again["warning"].as_str().unwrap().contains("TestFails failed"), "{again}");
    assert!(again["analysis"].as_u64() > state["analysis"].as_u64());
    client.wait_for("the warning", |m| {
        m["method"] == "window/showMessage" && m["params"]["type"] == 2
    });
    for (params, code) in [
        (json!({ "test": "./broken" }), -32803),
        (json!({ "test": "./none" }), -32803),
        (json!({ "url": "ftp://x" }), -32803),
        (json!({ "url": "http://x", "seconds": 0 }), -32803),
        (json!({}), -32602),
        (json!({ "test": "a", "url": "b" }), -32602),
        (json!({ "test": 7 }), -32602),
        (json!({ "url": "x", "seconds": "x" }), -32602),
    ] {
        let error = client.try_ask("waitline/record", params.clone()).unwrap_err();
        assert_eq!(error["code"], code, "{params}: {error}");
    }
    let traces = client.ask("waitline/traces", Value::Null);
    assert_eq!(traces["traces"][0]["trace"], again["trace"], "what was shown stays");
    client.end();
}

/// By its progress, by its request, by the end of the editor: the test ends, and nothing stays.
#[test]
fn recordings_are_ended() {
    if !has_go() {
        return;
    }
    for how in ["progress", "request", "editor"] {
        let dir = module();
        let root = dir.path().canonicalize().unwrap();
        let mut client = start(&root);
        let id = client.send("waitline/record", json!({ "test": "./some", "run": "Long" }));
        let begun = client.wait_for("progress", |m| {
            m["method"] == "$/progress" && m["params"]["value"]["kind"] == "begin"
        });
        assert_eq!(begun["params"]["value"]["cancellable"], true);
        // `-test.testlogfile`, `-test.trace=DIR/...`: the test's own process.
        let own = format!("-test.trace={}", root.to_str().unwrap());
        let from = Instant::now();
        while !runs(&own) {
            assert!(from.elapsed() < super::client::LIMIT, "the test does not run");
            std::thread::sleep(Duration::from_millis(20));
        }
        let second = client.try_ask("waitline/record", json!({ "test": "./some" })).unwrap_err();
        assert!(second["message"].as_str().unwrap().contains("under way"), "{second}");
        let from = Instant::now();
        match how {
            "progress" => {
                let token = begun["params"]["token"].clone();
                client.notify("window/workDoneProgress/cancel", json!({ "token": token }));
                let error = client.answer(id).unwrap_err();
                assert!(error["message"].as_str().unwrap().contains("cancelled"), "{error}");
            }
            "request" => {
                client.notify("$/cancelRequest", json!({ "id": id }));
                assert_eq!(client.answer(id).unwrap_err()["code"], -32800);
            }
            _ => {
                client.close_input();
                assert_eq!(client.exit_code().0, Some(1));
            }
        }
        while runs(&own) {
            assert!(from.elapsed() < Duration::from_secs(5), "{how}: the test still runs");
            std::thread::sleep(Duration::from_millis(20));
        }
        let left = || std::fs::read_dir(root.join("some")).unwrap().count();
        while left() > 1 {
            assert!(from.elapsed() < Duration::from_secs(5), "{how}: something is left");
            std::thread::sleep(Duration::from_millis(20));
        }
        if how != "editor" {
            client.end();
        }
        eprintln!("ended by the {how} in {:?}", from.elapsed());
    }
}
