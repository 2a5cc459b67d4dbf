//! A person's word on a line, as `.waitline.toml` keeps it: of that line alone, taken back without a trace,
//! and followed when somebody else changes the file.

use std::path::Path;

use serde_json::{Value, json};

use super::client::Client;
use super::judged::{at, copy_of_webmix, cost_at, int};
use super::*;
use crate::lsp_docs::names_all_keys;

/// Three lines of one function, `(*client).step`, each of which waits for an answer.
const ORDER: u32 = 24;
const LIST: u32 = 26;

fn say(client: &mut Client, file: &Path, line: u32, verdict: Value) -> String {
    let mut params = at(file, line);
    params["verdict"] = verdict;
    let state = client.ask("waitline/setVerdict", params);
    names_all_keys("waitline/setVerdict", &state);
    state["said"].as_str().unwrap_or_else(|| panic!("it says nothing: {state}")).to_owned()
}

fn style(client: &mut Client, file: &Path, line: u32) -> String {
    cost_at(client, file, line).unwrap()["style"].as_str().unwrap().to_owned()
}

#[test]
fn a_word_on_a_line_is_of_that_line_and_can_be_taken_back() {
    let (_dir, root) = copy_of_webmix();
    let (file, toml) = (root.join("webmix/client.go"), root.join(".waitline.toml"));
    let mut client = Client::showing(&root, &trace("g126/webmix"));
    let before = [ORDER, LIST].map(|line| cost_at(&mut client, &file, line).unwrap());
    assert!(before.iter().all(|cost| cost["style"] == "costly"), "{before:?}");

    let said = say(&mut client, &file, ORDER, json!("idle"));
    assert_eq!(said, "client.go:25 is treated as idle now (.waitline.toml)");
    assert_eq!(style(&mut client, &file, ORDER), "idle");
    assert_eq!(cost_at(&mut client, &file, LIST).unwrap()["style"], "costly", "another line");
    let code =
        r#"resp, err = c.http.Post(c.base+"/order", "application/json", bytes.NewReader(b))"#;
    let text = text_of(&toml);
    assert!(text.contains("func = \"main.(*client).step\""), "{text}");
    assert!(text.contains(&format!("text = '{code}'")), "{text}");

    // It stays where the line goes, and when a comment is written behind it.
    let source = text_of(&file);
    let moved = source.replacen(code, &format!("{code} // to the shop"), 1).replacen(
        "package main\n",
        "// A client.\npackage main\n",
        1,
    );
    std::fs::write(&file, &moved).unwrap();
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    assert_eq!(style(&mut client, &file, ORDER + 1), "idle");
    assert_eq!(style(&mut client, &file, LIST + 1), "costly");
    std::fs::write(&file, &source).unwrap();
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));

    // Work after all: all is as it was.
    let said = say(&mut client, &file, ORDER, json!("costly"));
    assert_eq!(said, "client.go:25 is judged by the trace again (taken back from .waitline.toml)");
    assert!(!toml.exists(), "{}", text_of(&toml));
    assert_eq!([ORDER, LIST].map(|line| cost_at(&mut client, &file, line).unwrap()), before);
    let said = say(&mut client, &file, ORDER, Value::Null);
    assert_eq!(said, ".waitline.toml says nothing of client.go:25");

    // A file from before lines had words of their own.
    std::fs::write(&toml, "[[site]]\nfunc = \"main.(*client).step\"\nverdict = \"idle\"\n")
        .unwrap();
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    for line in [ORDER, LIST] {
        assert_eq!(style(&mut client, &file, line), "idle", "{line}");
    }
    let said = say(&mut client, &file, LIST, json!("costly"));
    assert_eq!(said, "client.go:27 is treated as work now (.waitline.toml)");
    assert_eq!(style(&mut client, &file, ORDER), "idle");
    assert_eq!(style(&mut client, &file, LIST), "costly");
    say(&mut client, &file, LIST, Value::Null);
    let said = say(&mut client, &file, LIST, Value::Null);
    let all = "all of (*client).step is judged by the trace again (taken back from .waitline.toml)";
    assert_eq!(said, all);
    assert_eq!([ORDER, LIST].map(|line| cost_at(&mut client, &file, line).unwrap()), before);

    // An editor that only runs commands is told by a message.
    let seen = client.log.len();
    let mut argument = at(&file, LIST);
    argument["verdict"] = json!("unsure");
    let run = json!({ "command": "waitline.setVerdict", "arguments": [argument] });
    client.ask("workspace/executeCommand", run);
    let told = client.wait_from(seen, "a message", |m| m["method"] == "window/showMessage");
    let said = "client.go:27 is treated as unsure now (.waitline.toml)";
    assert_eq!(told["params"]["message"], said);
    client.end();
}

#[test]
fn the_file_is_followed_when_somebody_else_changes_it() {
    let (_dir, root) = copy_of_webmix();
    let (file, toml) = (root.join("webmix/client.go"), root.join(".waitline.toml"));
    let mut client = Client::showing(&root, &trace("g126/webmix"));
    let whole = client.ask("waitline/traces", Value::Null)["traces"][0].clone();
    client.ask("waitline/setRange", json!({ "t0": 0, "t1": int(&whole, "duration") / 2 }));
    let until = |client: &mut Client, what: &str, style: &str| {
        poll(client, what, |client| {
            let traces = client.ask("waitline/traces", Value::Null);
            let is_range = traces["traces"][0]["range"]["t0"] == 0;
            is_range && cost_at(client, &file, ORDER).is_some_and(|cost| cost["style"] == style)
        });
    };
    let idle = "[[site]]\nfunc = \"main.(*client).step\"\nverdict = \"idle\"\n";
    std::fs::write(&toml, idle).unwrap();
    until(&mut client, "written", "idle");
    // Half a file is no word, and takes none away.
    let seen = client.log.len();
    std::fs::write(&toml, &idle[..idle.len() - 8]).unwrap();
    let told = client.wait_from(seen, "a message", |m| m["method"] == "window/showMessage");
    let message = told["params"]["message"].as_str().unwrap();
    assert!(message.starts_with(".waitline.toml: line 3: "), "{message}");
    assert!(message.ends_with(" (what it said before counts)"), "{message}");
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    assert_eq!(style(&mut client, &file, ORDER), "idle", "also when it is loaded again");
    client.ask("waitline/setRange", json!({ "t0": 0, "t1": int(&whole, "duration") / 2 }));
    std::fs::remove_file(&toml).unwrap();
    until(&mut client, "removed", "costly");
    client.end();
}
