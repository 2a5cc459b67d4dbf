//! Odd and damaged input: it costs an error, never the session.

use super::super::*;
use super::editor::Editor;
use crate::lsp::frames::MAX_BODY;
use crate::lsp::initialize::tests::odd_initialize_params;

#[test]
fn odd_but_legal_frames_are_served() {
    let mut editor = Editor::start();
    let headers = [
        "content-length: {}\r\n\r\n",
        "CONTENT-LENGTH:{}\r\n\r\n",
        "Content-Length: {}\r\nContent-Type: application/json\r\n\r\n",
        "Content-Type: application/vscode-jsonrpc\r\nContent-Length: {}\r\n\r\n",
        "Content-Length: {}\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
        "Content-Length: {}\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n\r\n",
        "X-A: 1\r\nContent-Length: {}\r\nX-B: 2\r\n\r\n",
    ];
    for (id, header) in (1..).zip(headers) {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "echo", "params": [id] });
        let header = header.replace("{}", &body.to_string().len().to_string());
        editor.send_bytes(format!("{header}{body}").as_bytes());
        assert_eq!(editor.answer(id)["result"], json!([id]), "{header:?}");
    }
    assert_eq!(editor.n_untaken_answers(), 0);
}

/// Frames with a body that is no message, and the error that each one costs.
fn damaged_bodies() -> Vec<(Vec<u8>, i64)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [(&[u8], i64); 15] = [
        (b"", -32700),
        (b"not json", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"method\":", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\xfe\"}", -32700),
        (b"\xef\xbb\xbf{}", -32700),
        (b"{\"jsonrpc\":\"2.0\"} {\"jsonrpc\":\"2.0\"}", -32700),
        (b"\0\0\0\0", -32700),
        (deep.as_bytes(), -32700),
        (b"[]", -32600),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}]", -32600),
        (b"{}", -32600),
        (b"null", -32600),
        (b"{\"jsonrpc\":\"1.0\",\"method\":\"note\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"method\":7}", -32600),
    ];
    bodies.iter().map(|(body, code)| (encode(body), *code)).collect()
}

#[test]
fn a_damaged_body_costs_one_error() {
    let mut editor = Editor::start();
    for (frame, code) in damaged_bodies() {
        editor.send_bytes(&frame);
        assert_eq!(editor.error_code(Value::Null), code, "{:?}", String::from_utf8_lossy(&frame));
        assert_eq!(editor.n_untaken_answers(), 0);
    }
}

#[test]
fn a_wrong_length_costs_one_error() {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "echo", "params": [1] }).to_string();
    // Too small by one to many, and too large by up to a swallowed header.
    for length in (1..body.len()).chain(body.len() + 1..body.len() + 30) {
        let mut editor = Editor::start();
        editor.send_bytes(format!("Content-Length: {length}\r\n\r\n{body}").as_bytes());
        editor.probe("after");
        assert!(matches!(editor.error_code(Value::Null), -32700 | -32600), "length {length}");
        assert_eq!(editor.n_untaken_answers(), 0, "length {length}");
    }
}

#[test]
fn a_thousand_damaged_bodies_leave_the_server_well() {
    let mut editor = Editor::start();
    let damaged = damaged_bodies();
    for n in 0..1000 {
        let (frame, code) = &damaged[n % damaged.len()];
        editor.send_bytes(frame);
        if n % 100 == 99 {
            editor.probe(&format!("probe {n}"));
        }
        assert_eq!(editor.error_code(Value::Null), *code);
    }
}

#[test]
fn damaged_headers_lose_no_message_but_their_own() {
    let mut editor = Editor::start();
    let headers = [
        "Content-Length: abc\r\n\r\n{}",
        "Content-Length: -2\r\n\r\n{}",
        "Content-Length:\r\n\r\n{}",
        "Content-Length: 18446744073709551615\r\n\r\n{}",
        "Content-Length: 99999999999999999999999\r\n\r\n{}",
        "Content-Length: 2000000000\r\n\r\n{}",
        "Content-Length: 1\r\nContent-Length: 3\r\n\r\n{}",
        "Content-Type: application/json\r\n\r\n{}",
        "Content-Length 2\r\n\r\n{}",
        "{}",
        "a line of log\n",
    ];
    for (n, header) in (0..500).zip(headers.iter().cycle()) {
        editor.send_bytes(header.as_bytes());
        editor.request(n, "echo", json!([n]));
    }
    for n in 0..500 {
        assert_eq!(editor.answer(n)["result"], json!([n]), "{:?}", headers[n % headers.len()]);
    }
    editor.probe("after");
}

#[test]
fn a_body_over_the_cap_is_refused_and_one_below_it_served() {
    let mut editor = Editor::start();
    let length = 65_usize << 20;
    editor.send_bytes(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    assert_eq!(editor.error_code(Value::Null), -32600);
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..65 {
        editor.send_bytes(&chunk);
    }
    editor.probe("behind the large body");

    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "lastNote" }).to_string();
    let padding = MAX_BODY as usize - message.len();
    editor.send_bytes(format!("Content-Length: {MAX_BODY}\r\n\r\n{message}").as_bytes());
    for rest in vec![b' '; padding].chunks(1 << 20) {
        editor.send_bytes(rest);
    }
    assert_eq!(editor.answer(1)["result"], json!(0));
    assert_eq!(editor.n_untaken_answers(), 0);
}

#[test]
fn messages_may_come_byte_by_byte_or_all_at_once() {
    let mut editor = Editor::start();
    let frame = |id: i32| {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": "echo", "params": [id] });
        encode(body.to_string().as_bytes())
    };
    for byte in frame(1) {
        editor.send_bytes(&[byte]);
    }
    assert_eq!(editor.answer(1)["result"], json!([1]));
    editor.send_bytes(&(2..500).flat_map(frame).collect::<Vec<u8>>());
    for id in 2..500 {
        assert_eq!(editor.answer(id)["result"], json!([id]));
    }
}

#[test]
fn every_odd_initialize_starts_a_session() {
    for (params, ..) in odd_initialize_params() {
        let mut editor = Editor::connect();
        editor.request(0, "initialize", params.clone());
        let answer = editor.answer(0);
        assert!(answer["result"].is_object(), "{params}: {answer}");
        assert!(editor.client.get().is_some());
        editor.probe("after");
    }
}

#[test]
fn the_client_is_known_before_its_initialize_is_answered() {
    let mut editor = Editor::connect();
    let params = json!({
        "clientInfo": { "name": "test" },
        "rootUri": "/plain",
        "trace": "compact",
        "capabilities": { "workspace": { "diagnostics": { "refreshSupport": true } } }
    });
    editor.request(0, "initialize", params);
    editor.answer(0);
    let client = editor.client.get().unwrap();
    assert_eq!(client.name.as_deref(), Some("test"));
    assert_eq!(client.roots, [std::path::PathBuf::from("/plain")]);
    assert!(client.capabilities.diagnostic_refresh);
}
