//! Order, cancels, panics, replies and back-pressure.

use super::super::*;
use super::editor::{Editor, file};

#[test]
fn a_request_sees_every_notification_before_it() {
    let mut editor = Editor::start();
    for n in 1..=2000 {
        editor.notify("note", json!(n));
        editor.request(n, "lastNote", Value::Null);
    }
    for n in 1..=2000 {
        assert_eq!(editor.answer(n)["result"], json!(n));
    }
}

#[test]
fn a_cancel_is_answered_at_once_whatever_else_is_in_flight() {
    for n_slow in [1_usize, 4, 64, 256] {
        let mut editor = Editor::start();
        for id in 1..=n_slow {
            editor.request(id, "wait", Value::Null);
        }
        editor.until_started(n_slow);
        let start = Instant::now();
        editor.cancel(n_slow);
        assert_eq!(editor.error_code(n_slow), -32800);
        let took = start.elapsed();
        assert!(took < Duration::from_millis(50), "{took:?} with {n_slow} in flight");
        editor.until_dropped(1);
        // A quick one is not held up either, and the id is free again.
        editor.request(n_slow, "echo", json!([1]));
        assert_eq!(editor.answer(n_slow)["result"], json!([1]));
    }
}

#[test]
fn a_cancel_is_answered_while_handlers_compute() {
    for method in ["compute", "computeLater"] {
        let mut editor = Editor::start();
        // Both workers of the runtime are busy then, or the dispatcher is.
        let n_started = if method == "compute" { 1 } else { 2 };
        for id in [1, 2] {
            editor.request(id, method, Value::Null);
        }
        editor.until_started(n_started);
        editor.request(3, "echo", json!([3]));
        let start = Instant::now();
        for id in [1, 2, 3] {
            editor.cancel(id);
        }
        for id in [1, 2] {
            assert_eq!(editor.error_code(id), -32800, "{method}");
        }
        let took = start.elapsed();
        assert!(took < Duration::from_millis(50), "{took:?} for {method}");
        editor.seen.open();
        assert_eq!(editor.answer(3)["id"], 3);
        assert_eq!(editor.n_untaken_answers(), 0, "one answer each");
    }
}

#[test]
fn every_kind_of_id_can_be_cancelled() {
    let mut editor = Editor::start();
    let ids = [json!(7), json!("seven"), json!(1_u64 << 40), json!(-1), json!(i64::MAX)];
    for id in &ids {
        editor.request(id.clone(), "wait", Value::Null);
    }
    editor.until_started(ids.len());
    for id in &ids {
        editor.cancel(id.clone());
        assert_eq!(editor.error_code(id.clone()), -32800);
    }
    editor.until_dropped(ids.len());
    // Cancels of what is unknown or done say nothing.
    editor.cancel(7);
    editor.cancel("never there");
    assert_eq!(editor.n_untaken_answers(), 0);
}

#[test]
fn a_panic_costs_one_answer() {
    let mut editor = Editor::start();
    for round in 0..3 {
        for method in ["panic", "panicLater"] {
            editor.request(1, method, Value::Null);
            let answer = editor.answer(1);
            assert_eq!(answer["error"]["code"], -32603, "{answer}");
            let text = answer["error"]["message"].as_str().unwrap();
            assert!(text.starts_with("internal error: "), "{text}");
        }
        editor.notify("panicNote", Value::Null);
        editor.notify("note", json!(round));
        editor.request(2, "lastNote", Value::Null);
        assert_eq!(editor.answer(2)["result"], json!(round));
    }
}

#[test]
fn a_duplicate_id_is_refused_while_the_first_is_in_flight() {
    let mut editor = Editor::start();
    editor.request(1, "wait", Value::Null);
    editor.until_started(1);
    editor.request(1, "echo", json!([1]));
    assert_eq!(editor.error_code(1), -32600);
    editor.cancel(1);
    assert_eq!(editor.error_code(1), -32800);
    editor.request(1, "echo", json!([1]));
    assert_eq!(editor.answer(1)["result"], json!([1]));
}

#[test]
fn more_requests_than_anybody_has_are_refused() {
    let mut editor = Editor::start();
    for id in 0..4096 {
        editor.request(id, "wait", Value::Null);
    }
    editor.request("one more", "echo", json!([1]));
    assert_eq!(editor.error_code("one more"), -32803);
    editor.cancel(0);
    assert_eq!(editor.error_code(0), -32800);
    editor.probe("after");
}

#[test]
fn handlers_that_wait_for_the_client_do_not_lock_each_other_out() {
    let mut editor = Editor::start();
    let n = 300;
    for id in 0..n {
        editor.request(id, "ask", Value::Null);
        editor.notify("note", json!(id));
    }
    for _ in 0..n {
        let question = editor.find(|message| message["method"] == "workspace/configuration");
        editor.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": [question["id"]] }));
    }
    for id in 0..n {
        assert!(editor.answer(id)["result"].is_array());
    }
}

#[test]
fn replies_that_nobody_waits_for_are_ignored() {
    let mut editor = Editor::start();
    editor.request(1, "ask", Value::Null);
    let question = editor.find(|message| message["method"] == "workspace/configuration");
    editor.cancel(1);
    assert_eq!(editor.error_code(1), -32800);
    editor.until_dropped(1);
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": [] });
    // Too late, once more, and to questions that were never asked.
    editor.send(&reply);
    editor.send(&reply);
    for id in [json!(4711), json!("x"), json!(null)] {
        editor.send(&json!({ "jsonrpc": "2.0", "id": id, "result": null }));
        editor.send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": 1, "message": "" } }));
    }
    assert_eq!(editor.n_untaken_answers(), 0);
}

#[test]
fn replies_may_be_sloppy() {
    for (reply, refused) in [
        (json!({ "result": [1], "error": null }), false),
        (json!({ "error": { "code": -1, "message": "no", "more": 1 } }), true),
        (json!({ "error": "no" }), true),
        // A list was asked for, and this is none; but it is an answer.
        (json!({}), true),
    ] {
        let mut editor = Editor::start();
        editor.request(1, "ask", Value::Null);
        let question = editor.find(|message| message["method"] == "workspace/configuration");
        let mut message = reply.clone();
        message["jsonrpc"] = json!("2.0");
        message["id"] = question["id"].clone();
        editor.send(&message);
        assert_eq!(editor.answer(1).get("error").is_some(), refused, "{reply}");
    }
}

#[test]
fn a_client_that_does_not_read_is_still_listened_to() {
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "capabilities": {} }));
    // 200 MiB of answers that nobody reads: what does not fit is not kept.
    let n_texts = 200;
    for id in 1..=n_texts {
        editor.request(id, "text", json!(1 << 20));
    }
    for n in 1..=10_000 {
        editor.notify("note", json!(n));
    }
    editor.request("slow", "wait", Value::Null);
    editor.until_started(1);
    assert_eq!(editor.seen.last_note.load(Ordering::SeqCst), 10_000);
    editor.cancel("slow");
    editor.until_dropped(1);

    // Once it reads, every request has its one answer.
    let (mut n_whole, mut n_stale) = (0, 0);
    for id in 1..=n_texts {
        match editor.answer(id)["error"]["code"].as_i64() {
            None => n_whole += 1,
            Some(-32801) => n_stale += 1,
            Some(code) => panic!("{code}"),
        }
    }
    assert!((10..=18).contains(&n_whole), "{n_whole} whole, {n_stale} stale");
    assert_eq!(editor.error_code("slow"), -32800);
    editor.probe("after");
}

#[test]
fn what_is_pipelined_behind_initialize_is_served() {
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "capabilities": {}, "locale": "slow" }));
    editor.notify("initialized", json!(null));
    editor.notify("note", json!(5));
    editor.request(1, "lastNote", Value::Null);
    assert_eq!(editor.answer(1)["result"], json!(5));
}

#[test]
fn the_server_says_next_to_nothing_before_it_has_answered_initialize() {
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "capabilities": {}, "locale": "slow" }));
    loop {
        let message = editor.next();
        if message["id"] == 0 {
            break;
        }
        assert_eq!(message["method"], "window/logMessage");
    }
    let diagnostics = editor.find(|message| message["method"] == "textDocument/publishDiagnostics");
    assert_eq!(diagnostics["params"]["uri"], file().as_str());
}

#[test]
fn requests_before_initialize_are_refused_and_it_can_come_later() {
    let mut editor = Editor::connect();
    editor.request(1, "echo", json!([1]));
    assert_eq!(editor.error_code(1), -32002);
    editor.request(2, "initialize", json!({ "capabilities": {} }));
    assert!(editor.answer(2)["result"].is_object());
    editor.request(3, "initialize", json!({ "capabilities": {} }));
    assert_eq!(editor.error_code(3), -32600);
    editor.probe("after");
}

#[test]
fn parameters_may_be_null_or_missing() {
    let mut editor = Editor::start();
    editor.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "lastNote", "params": null }));
    assert_eq!(editor.answer(1)["result"], json!(0));
    editor.send(&json!({ "jsonrpc": "2.0", "method": "initialized" }));
    editor.request(2, "shutdown", json!({}));
    assert_eq!(editor.answer(2)["result"], Value::Null);
}

#[test]
fn unknown_methods_are_answered_even_those_with_a_dollar() {
    let mut editor = Editor::start();
    for method in ["unknown", "$/unknown"] {
        editor.request(1, method, Value::Null);
        assert_eq!(editor.error_code(1), -32601);
        editor.notify(method, Value::Null);
    }
    assert_eq!(editor.n_untaken_answers(), 0);
}
