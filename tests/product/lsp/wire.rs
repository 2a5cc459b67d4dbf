//! The connection itself: its beginning, odd frames, cancels, and its end with a real process.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, at, frame, hints_of, uri};
use super::loads::Restless;
use super::*;
use crate::product::program;

/// The server is there and answers.
fn probe(client: &mut Client, file: &Path) {
    let hints = client.hints(file);
    assert_eq!(hint_at(&hints, 112), Some("sleep 297 ms · 133×"));
}

#[test]
fn exit_codes() {
    let quick = Duration::from_secs(2);
    let cases: [(&str, Option<i32>); 5] = [
        ("shutdown and exit", Some(0)),
        ("exit", Some(1)),
        ("end of input", Some(1)),
        ("exit before initialize", Some(1)),
        ("shutdown, end of input", Some(0)),
    ];
    for (case, want) in cases {
        let mut client = Client::start();
        if case != "exit before initialize" {
            client.initialize(&programs(), json!({}), json!({ "trace": leak().1 }));
        }
        if case.starts_with("shutdown") {
            client.ask("shutdown", Value::Null);
            let error = client.try_ask("textDocument/hover", at(&leak().0, 0)).unwrap_err();
            assert_eq!(error["code"], -32600, "{error}");
        }
        if case.ends_with("input") {
            client.close_input()
        } else {
            client.notify("exit", Value::Null)
        }
        let (code, took) = client.exit_code();
        assert_eq!(code, want, "{case}");
        assert!(took < quick, "{case} took {took:?}");
    }
}

#[test]
fn the_end_of_input_ends_a_load_at_once() {
    let restless = Restless::new();
    let mut client = Client::start();
    let capabilities = json!({ "window": { "workDoneProgress": true } });
    client.initialize(&programs(), capabilities, json!({ "trace": restless.path }));
    client.wait_for("progress", |m| m["method"] == "$/progress");
    client.close_input();
    let (code, took) = client.exit_code();
    assert_eq!(code, Some(1));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn an_editor_that_reads_no_more_is_left() {
    let mut child = program()
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } });
    let _ = stdin.write_all(&frame(&hello.to_string()));
    let from = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if from.elapsed() > client::LIMIT {
            let _ = child.kill();
            panic!("it is still there");
        }
        let _ = stdin.write_all(&frame("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"shutdownx\"}"));
        std::thread::yield_now();
    };
    assert_eq!(code, Some(1));
}

#[test]
fn odd_frames_keep_it_serving() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let hover = |id: u64| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": at(&file, 112) })
            .to_string()
    };
    let sound: [&dyn Fn(&str) -> String; 4] = [
        &|body| format!("content-length: {}\r\n\r\n{body}", body.len()),
        &|body| {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        },
        &|body| format!("X-A: b\r\nCONTENT-LENGTH:{}\r\nX-C: d\r\n\r\n{body}", body.len()),
        &|body| format!("Content-Length: {}\n\n{body}\r\n", body.len()),
    ];
    for (i, form) in sound.iter().enumerate() {
        let id = 10_000 + i as u64;
        client.send_bytes(form(&hover(id)).as_bytes());
        let answer = client.answer(id).unwrap();
        assert!(answer.to_string().contains("297 ms in 133 waits"), "form {i}: {answer}");
    }
    let damaged: [Vec<u8>; 12] = [
        frame("{"),
        frame("[]"),
        frame("{}"),
        frame("null"),
        frame("\"a text\""),
        frame("{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"x\"}"),
        frame(&"[".repeat(100_000)),
        b"Content-Length: 2\r\n\r\n\xff\xfe".to_vec(),
        b"Content-Length: -1\r\n\r\n".to_vec(),
        b"Content-Length: 18446744073709551615\r\n\r\n".to_vec(),
        b"no header at all\r\n\r\n{}".to_vec(),
        b"Content-Length: 500\r\n\r\n{\"jsonrpc\":\"2.0\"}".to_vec(),
    ];
    let n = damaged.len();
    for bytes in damaged {
        client.send_bytes(&bytes);
        probe(&mut client, &file);
    }
    eprintln!("{} odd forms, {n} damaged frames, all served after", sound.len());
    client.end();
}

#[test]
fn whatever_initialize_holds_there_is_a_server() {
    let root = uri(&programs());
    let odd = [
        json!({}),
        Value::Null,
        json!({ "capabilities": { "general": { "positionEncodings": ["utf-8", "utf-7"] } } }),
        json!({ "processId": -1, "capabilities": {}, "trace": "compact" }),
        json!({ "processId": 1.0, "rootUri": "/not/a/uri", "capabilities": {} }),
        json!({ "capabilities": { "textDocument": { "hover": { "contentFormat": ["html", 7] } } } }),
        json!({ "capabilities": { "workspace": { "workspaceEdit": { "resourceOperations": ["explode"] } } } }),
        json!({ "capabilities": [], "workspaceFolders": "all", "clientInfo": 7, "locale": {} }),
        json!({ "capabilities": {}, "initializationOptions": [[[]]] }),
        json!({ "capabilities": {}, "workspaceFolders": [{ "uri": "vscode-vfs://x/y", "name": "y" }, { "uri": root }] }),
    ];
    let n = odd.len();
    for params in odd {
        let mut client = Client::start();
        let answer = client.ask("initialize", params.clone());
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16", "{params}");
        assert_eq!(answer["serverInfo"]["name"], "waitline");
        client.notify("initialized", json!({}));
        client.end();
    }
    eprintln!("{n} odd kinds of initialize, each has a server");
}

#[test]
fn what_comes_out_of_turn_is_an_error_and_no_more() {
    let (file, trace) = leak();
    let mut client = Client::with_args(&["lsp", "--stdio"]);
    for method in ["textDocument/hover", "waitline/load", "shutdown"] {
        let params = if method == "shutdown" { Value::Null } else { at(&file, 1) };
        if method != "shutdown" {
            let error = client.try_ask(method, params).unwrap_err();
            assert_eq!(error["code"], -32002, "{method}: {error}");
        }
    }
    client.notify("textDocument/didOpen", json!({ "textDocument": 7 }));
    client.initialize(&programs(), json!({}), json!({ "trace": trace }));
    let error = client.try_ask("initialize", json!({ "capabilities": {} })).unwrap_err();
    assert_eq!(error["code"], -32600, "{error}");
    for method in ["textDocument/completion", "no/such", "$/no/such"] {
        let error = client.try_ask(method, at(&file, 1)).unwrap_err();
        assert_eq!(error["code"], -32601, "{method}: {error}");
    }
    for method in
        ["no/such", "$/setTrace", "workspace/didChangeWatchedFiles", "textDocument/didSave"]
    {
        client.notify(method, json!({ "odd": true }));
    }
    for params in [json!(7), json!([]), json!({ "textDocument": { "uri": "no uri" } }), Value::Null]
    {
        assert!(client.try_ask("textDocument/codeLens", params.clone()).is_err(), "{params}");
    }
    // Documents that are no files have nothing to show, and are no trouble.
    for other in [
        "untitled:Untitled-1",
        "git:/a/main.go?x",
        "vscode-vfs://github/a/main.go",
        "file://host/share/main.go",
    ] {
        let document =
            json!({ "uri": other, "languageId": "go", "version": 1, "text": "package a" });
        client.notify("textDocument/didOpen", json!({ "textDocument": document }));
        let answer =
            client.ask("textDocument/codeLens", json!({ "textDocument": { "uri": other } }));
        assert_eq!(answer, json!([]), "{other}");
    }
    until_shown(&mut client, &file);
    probe(&mut client, &file);
    client.end();
}

/// Each cancelled request has exactly one answer: its own, or that it was cancelled.
#[test]
fn cancelled_requests_are_answered_once() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    client.open(&file, 0, &text_of(&file));
    let mut asked = Vec::new();
    for i in 1..=200 {
        // Another text each time, so that there is something to compute.
        let start = json!({ "line": 0, "character": 0 });
        let change = json!([{ "range": { "start": start, "end": start }, "text": "//\n" }]);
        client.change(&file, i, change);
        let id = client.send("textDocument/inlayHint", hints_of(&file));
        client.notify("$/cancelRequest", json!({ "id": id }));
        asked.push(id);
    }
    client.notify("$/cancelRequest", json!({ "id": "nobody's" }));
    client.notify("$/cancelRequest", json!({ "id": asked[0] }));
    let (mut cancelled, mut answered) = (0, 0);
    for &id in &asked {
        match client.answer(id) {
            Ok(_) => answered += 1,
            // -32801: the next change came first.
            Err(error) if error["code"] == -32801 => answered += 1,
            Err(error) => {
                assert_eq!(error["code"], -32800, "{error}");
                cancelled += 1;
            }
        }
    }
    let last = client.hints(&file);
    assert_eq!(hint_at(&last, 312), Some("~ sleep 297 ms · 133×"));
    for id in asked {
        let n = client.log.iter().filter(|m| m["id"] == id && m.get("method").is_none()).count();
        assert_eq!(n, 1, "request {id}");
    }
    eprintln!("200 cancels: {cancelled} requests cancelled, {answered} answered first");
    client.end();
}
