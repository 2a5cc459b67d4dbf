//! Editors as they introduce themselves (`testdata/initialize`): each has a server, and is asked for
//! nothing that it did not announce.

use std::path::Path;

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::*;

/// What a request of the server takes: where an editor announces it.
const ANNOUNCED: [(&str, &str); 6] = [
    ("workspace/codeLens/refresh", "/capabilities/workspace/codeLens/refreshSupport"),
    ("workspace/inlayHint/refresh", "/capabilities/workspace/inlayHint/refreshSupport"),
    ("workspace/configuration", "/capabilities/workspace/configuration"),
    ("window/workDoneProgress/create", "/capabilities/window/workDoneProgress"),
    ("window/showDocument", "/capabilities/window/showDocument/support"),
    ("client/registerCapability", "/no/such"),
];

fn editors() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = std::fs::read_dir(testdata("initialize"))
        .unwrap()
        .flatten()
        .filter_map(|file| {
            let name = file.file_name().into_string().unwrap();
            let name = name.strip_suffix(".json")?.to_owned();
            Some((name, serde_json::from_str(&text_of(&file.path())).unwrap()))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// The same editor, with another folder open.
fn in_folder(mut params: Value, folder: &Path) -> Value {
    fn replace(value: &mut Value, folder: &str) {
        match value {
            Value::String(text) => *text = text.replace("/home/gopher/shop", folder),
            Value::Array(items) => items.iter_mut().for_each(|item| replace(item, folder)),
            Value::Object(members) => members.values_mut().for_each(|item| replace(item, folder)),
            _ => {}
        }
    }
    replace(&mut params, folder.to_str().unwrap());
    params["processId"] = json!(std::process::id());
    params
}

#[test]
fn every_editor_has_a_server_and_is_asked_only_what_it_announced() {
    let (file, trace) = leak();
    let all = editors();
    for family in ["vscode", "neovim", "helix", "zed", "emacs", "sublime", "kate"] {
        assert!(all.iter().any(|(name, _)| name.starts_with(family)), "{family} is missing");
    }
    for (name, params) in &all {
        let params = in_folder(params.clone(), &programs());
        let mut client = Client::start();
        let answer = client.ask("initialize", params.clone());
        let server = &answer["capabilities"];
        assert_eq!(server["positionEncoding"], "utf-16", "{name}");
        for provider in ["hoverProvider", "codeLensProvider", "inlayHintProvider"] {
            assert!(!server[provider].is_null(), "{name}: {provider}");
        }
        client.notify("initialized", json!({}));
        let state = client.ask("waitline/load", json!({ "trace": trace }));
        assert!(state["summary"].as_str().unwrap().starts_with("leak.trace"), "{name}: {state}");
        client.open(&file, 1, &text_of(&file));
        let (lenses, hints) = all_of(&mut client, &file);
        assert!(lenses.len() > 5 && hints.len() > 5, "{name}");
        let hover = client.ask("textDocument/hover", super::client::at(&file, 112));
        let formats = params.pointer("/capabilities/textDocument/hover/contentFormat");
        let markdown = formats.is_some_and(|f| f.as_array().unwrap().contains(&json!("markdown")));
        let kind = if markdown { "markdown" } else { "plaintext" };
        assert_eq!(hover["contents"]["kind"], kind, "{name}");
        client.wait_for("diagnostics", |m| {
            m["method"] == "textDocument/publishDiagnostics" && m["params"]["uri"] == uri(&trace)
                || m["method"] == "textDocument/publishDiagnostics"
                    && m["params"]["uri"] == uri(&file)
        });
        client.listen(std::time::Duration::from_millis(300));
        for message in client.log.iter().filter(|m| m["method"].is_string() && !m["id"].is_null()) {
            let method = message["method"].as_str().unwrap();
            let announced = ANNOUNCED.iter().find(|(m, _)| *m == method);
            let pointer = announced.unwrap_or_else(|| panic!("{name}: {message}")).1;
            assert_eq!(
                params.pointer(pointer),
                Some(&json!(true)),
                "{name} did not announce {method}"
            );
        }
        let refreshed = client.count("workspace/codeLens/refresh") > 0;
        let can = params.pointer(ANNOUNCED[0].1) == Some(&json!(true));
        assert_eq!(refreshed, can, "{name}");
        client.end();
    }
    let n_recorded = all.iter().filter(|(name, _)| !name.ends_with("from-source")).count();
    eprintln!("{} editors, {n_recorded} of them recorded: each has a server", all.len());
}
