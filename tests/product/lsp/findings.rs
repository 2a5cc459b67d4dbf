//! Findings in an editor: diagnostics that follow edits, and quick fixes that silence them.

use std::path::Path;

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::judged::{
    CODE, POOL, at, copy_of_webmix, cost_at, db, insert, int, list, told, until_told, webmix,
};
use super::*;
use crate::lsp_docs::names_all_keys;

/// Where the holders of a connection wait for the database.
const QUERY: u32 = 82;

#[test]
fn a_finding_is_a_diagnostic_that_follows_edits() {
    let (mut client, file) = webmix();
    // Before the file is opened.
    until_told(&mut client, &file, 1, "not open");
    let first = told(&client, &file);
    let finding = &first[0];
    assert_eq!((&finding["code"], &finding["source"]), (&json!(CODE), &json!("waitline")));
    assert_eq!(finding["severity"], 3, "information");
    let text = text_of(&file);
    let end = lines_of(&text)[POOL as usize].trim_end().len();
    assert_eq!(finding["range"]["start"], json!({ "line": POOL, "character": 1 }));
    assert_eq!(finding["range"]["end"], json!({ "line": POOL, "character": end }));
    assert_eq!(finding["data"]["page"], format!("docs/findings/{CODE}.md"));
    let related: Vec<_> = list(finding, "relatedInformation")
        .iter()
        .map(|r| {
            (r["location"]["uri"].clone(), line_of(&r["location"]), r["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(related.len(), 3, "{related:?}");
    assert_eq!((&related[0].0, related[0].1), (&json!(uri(&file)), POOL));
    assert!(related[0].2.starts_with("the longest wait: "), "{related:?}");
    assert_eq!((&related[1].0, related[1].1), (&json!(uri(&file)), POOL + 2));
    assert_eq!((&related[2].0, related[2].1), (&json!(uri(&file)), QUERY));
    assert!(related[2].2.ends_with(" of the waiting here ends with the network at this line"));

    // The request tells the same.
    let answer = client.ask("waitline/findings", Value::Null);
    names_all_keys("waitline/findings", &answer);
    let rows = list(&answer, "findings");
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["message"], &rows[0]["line"]), (&finding["message"], &json!(POOL)));
    assert_eq!(rows[0]["severity"], "information");
    // Its longest wait is one of the line's, though the line may have longer ones that cost nothing.
    let of_the_line = (0..).map_while(|rank| {
        let mut params = at(&file, POOL);
        params["rank"] = json!(rank);
        Some(client.ask("waitline/instance", params)).filter(|wait| !wait.is_null())
    });
    let same =
        |wait: &Value| ["g", "start", "ns"].iter().all(|key| wait[key] == rows[0]["at"][key]);
    let wait = of_the_line.into_iter().find(same).expect("a wait of the line");
    assert_eq!(wait["verdict"], "costly");
    let hover = client.hover(&file, POOL).unwrap();
    let start = format!("**{CODE}**: {}", finding["message"].as_str().unwrap());
    assert!(hover.replace('\\', "").starts_with(&start), "{hover}");

    client.open(&file, 1, &text);
    client.change(&file, 2, insert(0, "// above\n"));
    until_told(&mut client, &file, 1, "moved");
    poll(&mut client, "it moves", |c| line_of(&told(c, &db())[0]) == POOL + 1);
    let rows = client.ask("waitline/findings", json!({}));
    assert_eq!(rows["findings"][0]["line"], POOL + 1, "the buffer's line");
    assert_eq!(rows["findings"][0]["recorded"], POOL + 1, "the trace's, from 1");
    client.change(&file, 3, insert(POOL + 1, "x"));
    until_told(&mut client, &file, 0, "the line is edited");
    let rows = client.ask("waitline/findings", json!({}));
    assert_eq!(rows["findings"][0]["line"], POOL + 1, "it still selects, so it may be that line");
    client.change(&file, 4, json!([{ "text": text }]));
    until_told(&mut client, &file, 1, "undone");
    assert_eq!(told(&client, &file), first);

    // Many edits, one after another: what is said last is about the last text.
    for version in 0..40 {
        let line = if version % 2 == 0 { "x" } else { "" };
        let mut now = text.clone();
        now.insert_str(text.find("\tselect {").unwrap(), line);
        client.change(&file, 5 + version, json!([{ "text": now }]));
    }
    until_told(&mut client, &file, 1, "after many edits");
    let uri_ = uri(&file);
    let versions: Vec<i64> = client
        .log
        .iter()
        .filter(|m| m["method"] == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri_)
        .filter_map(|m| m["params"]["version"].as_i64())
        .collect();
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!(versions.last(), Some(&44));

    // A comment above it, in the buffer only.
    client.change(&file, 50, insert(POOL, &format!("\t//waitline:ignore {CODE} it is so\n")));
    until_told(&mut client, &file, 0, "silenced");
    client.change(&file, 51, json!([{ "text": text.replace("\tselect {", "\tselect { // x") }]));
    until_told(&mut client, &file, 1, "a comment changes nothing");
    client.change(&file, 52, json!([{ "text": text.replace("\tselect {", "\tif x {") }]));
    until_told(&mut client, &file, 0, "another text");
    client.close(&file);
    until_told(&mut client, &file, 1, "the file itself counts again");
    client.open(&file, 1, &text.replace("\tselect {", "\tif y {"));
    until_told(&mut client, &file, 0, "opened with another text");
    client.close(&file);
    until_told(&mut client, &file, 1, "closed");
    client.ask("waitline/unload", Value::Null);
    until_told(&mut client, &file, 0, "unloaded");
    client.end();
}

/// The editor's name for a file is the one that its findings go to, also when it has another one.
#[cfg(unix)]
#[test]
fn findings_go_to_the_name_that_the_editor_has() {
    let (dir, root) = copy_of_webmix();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(root.join("webmix"), &link).unwrap();
    let (file, other) = (root.join("webmix/db.go"), link.join("db.go"));
    let mut client = Client::showing(&root, &trace("g126/webmix"));
    until_told(&mut client, &file, 1, "by its path");
    client.open(&other, 1, &text_of(&file));
    until_told(&mut client, &other, 1, "by the editor's name");
    until_told(&mut client, &file, 0, "and by no other");
    client.ask("waitline/unload", Value::Null);
    until_told(&mut client, &other, 0, "unloaded");
    client.end();
}

pub(super) fn actions(client: &mut Client, file: &Path, diagnostics: &[Value]) -> Vec<Value> {
    let range = json!({ "start": { "line": POOL, "character": 0 }, "end": { "line": POOL, "character": 1 } });
    let params = json!({
        "textDocument": { "uri": uri(file) },
        "range": range,
        "context": { "diagnostics": diagnostics },
    });
    client.ask("textDocument/codeAction", params).as_array().unwrap().clone()
}

fn run(client: &mut Client, action: &Value) -> Value {
    let command = &action["command"];
    let params = json!({ "command": command["command"], "arguments": command["arguments"] });
    client.ask("workspace/executeCommand", params)
}

#[test]
fn quick_fixes_silence() {
    let (_dir, root) = copy_of_webmix();
    let file = root.join("webmix/db.go");
    let toml = root.join(".waitline.toml");
    let text = text_of(&file);
    let mut client = Client::showing(&root, &trace("g126/webmix"));
    client.open(&file, 1, &text);
    until_told(&mut client, &file, 1, "at first");
    let found = told(&client, &file);
    let fixes = actions(&mut client, &file, &found);
    let titles: Vec<&str> = fixes.iter().map(|a| a["title"].as_str().unwrap()).collect();
    assert_eq!(
        titles,
        [
            "What slots-exhausted means",
            "Go to db.go:72: goroutine 308 ended it here",
            "Go to db.go:83: 51.3 % of the waiting here ends with the network at this line",
            "Silence slots-exhausted on this line",
            "Treat this line as idle",
            "Silence slots-exhausted in package main",
            "Silence slots-exhausted in this workspace",
        ]
    );
    assert!(fixes.iter().all(|a| a["kind"] == "quickfix" && a["diagnostics"][0] == found[0]));
    // What several findings of a line have in common is there once, for all of them.
    let mut other = found[0].clone();
    other["code"] = json!("lock-contention");
    let of_both = actions(&mut client, &file, &[found[0].clone(), found[0].clone(), other]);
    let mut once: Vec<&str> = of_both.iter().map(|a| a["title"].as_str().unwrap()).collect();
    assert_eq!(once.len(), titles.len() + 4, "{once:?}");
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), of_both.len(), "{once:?}");
    let idle = of_both.iter().find(|a| a["title"] == "Treat this line as idle").unwrap();
    assert_eq!(list(idle, "diagnostics").len(), 3);
    let foreign =
        json!([{ "range": found[0]["range"], "message": "x", "source": "gopls", "code": CODE }]);
    assert_eq!(actions(&mut client, &file, foreign.as_array().unwrap()), Vec::<Value>::new());

    // What it means, as a message for an editor that has nothing of its own, and the way to who gave back.
    let page = run(&mut client, &fixes[0]);
    assert!(page["page"].as_str().unwrap().starts_with("# slots-exhausted\n"), "{page}");
    let said = client.wait_for("a message", |m| m["method"] == "window/showMessage");
    assert!(
        said["params"]["message"]
            .as_str()
            .unwrap()
            .starts_with("slots-exhausted\n\nGoroutines wait"),
        "{said}"
    );
    let there = &fixes[1]["command"]["arguments"][0];
    assert_eq!(*there, json!({ "uri": uri(&file), "line": 71, "now": 71 }));
    let fixes = &fixes[3..];
    let titles = &titles[3..];

    // The edit.
    let edit = &fixes[0]["edit"]["changes"][uri(&file)][0];
    let change = json!([{ "range": edit["range"], "text": edit["newText"] }]);
    client.change(&file, 2, change);
    until_told(&mut client, &file, 0, "silenced on the line");
    let silenced = text.replacen(
        "\tselect {\n\tcase c := <-p.free:",
        &format!("\tselect {{ //waitline:ignore {CODE} reason\n\tcase c := <-p.free:"),
        1,
    );
    assert_ne!(silenced, text);
    std::fs::write(&file, &silenced).unwrap();
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    until_told(&mut client, &file, 0, "also when it is saved and loaded again");
    assert!(client.hover(&file, POOL).is_some(), "its figures stay");
    std::fs::write(&file, &text).unwrap();
    client.change(&file, 3, json!([{ "text": text }]));
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    until_told(&mut client, &file, 1, "as it was");

    // The package, the workspace.
    for fix in [2, 3] {
        let state = run(&mut client, &fixes[fix]);
        assert_eq!(state["findings"], 0, "{state}");
        until_told(&mut client, &file, 0, titles[fix]);
        assert!(!client.hover(&file, POOL).unwrap().contains(CODE));
        let said = text_of(&toml);
        assert!(said.starts_with("[[silence]]\ncode = \"slots-exhausted\"\n"), "{said}");
        assert_eq!(said.contains("package = \"main\""), fix == 2, "{said}");
        std::fs::remove_file(&toml).unwrap();
        client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
        until_told(&mut client, &file, 1, "the file is gone");
    }

    // The verdict: the line is dim then, and has no finding.
    let before = cost_at(&mut client, &file, POOL).unwrap();
    assert_eq!((&before["style"], &before["heat"]), (&json!("costly"), &json!(4)));
    let state = run(&mut client, &fixes[1]);
    names_all_keys("waitline/setVerdict", &state);
    let idle = cost_at(&mut client, &file, POOL).unwrap();
    assert_eq!((&idle["style"], &idle["heat"]), (&json!("idle"), &json!(0)), "{idle}");
    assert_eq!(idle["costly"], 0, "{idle}");
    assert!(idle["hint"].as_str().unwrap().starts_with("idle 444 ms"), "{idle}");
    let site = client.ask("waitline/site", at(&file, POOL));
    let chan = list(&site, "parts").iter().find(|p| p["kind"] == "chan").unwrap();
    assert_eq!((&chan["verdict"], &chan["verdicts"]["idle"]), (&json!("idle"), &chan["ns"]));
    until_told(&mut client, &file, 0, "idle waits have no finding");
    let hover = client.hover(&file, POOL).unwrap();
    assert!(hover.contains("idle: as .waitline.toml says"), "{hover}");
    let word = "[[site]]\nfunc = \"main.(*pool).query\"\ntext = \"select {\"\nverdict = \"idle\"\n";
    assert_eq!(text_of(&toml), word);
    let mut back = at(&file, POOL);
    back["verdict"] = Value::Null;
    client.ask("waitline/setVerdict", back);
    assert_eq!(cost_at(&mut client, &file, POOL).unwrap(), before, "taken back");
    assert!(!toml.exists(), "nothing is left of it");
    until_told(&mut client, &file, 1, "taken back");

    // One kind; within a range, which stays.
    let whole = client.ask("waitline/traces", Value::Null)["traces"][0].clone();
    client.ask("waitline/setRange", json!({ "t0": 0, "t1": int(&whole, "duration") / 2 }));
    let mut through = at(&file, POOL);
    (through["verdict"], through["kind"]) = (json!("through"), json!("chan"));
    let state = client.ask("waitline/setVerdict", through.clone());
    assert_eq!(state["range"]["t1"], int(&whole, "duration") / 2, "{state}");
    assert_eq!(cost_at(&mut client, &file, POOL).unwrap()["style"], "through");
    assert!(text_of(&toml).contains("kind = \"chan\""));
    through["kind"] = json!("lock");
    let error = client.try_ask("waitline/setVerdict", through).unwrap_err();
    assert_eq!(error["code"], -32602, "{error}");
    client.ask("waitline/setRange", Value::Null);

    // Nobody writes into what is not understood, or elsewhere.
    std::fs::write(&toml, "[[site]]\nverdict = 1\n").unwrap();
    let error = client.try_ask("waitline/silence", json!({ "code": CODE })).unwrap_err();
    assert_eq!(error["message"], ".waitline.toml: the verdict is no text: write it in quotes");
    assert_eq!(text_of(&toml), "[[site]]\nverdict = 1\n");
    client.end();
}
