//! How sessions end, and with which exit code.

use super::super::*;
use super::editor::Editor;

/// What takes longer has waited for something.
const AT_ONCE: Duration = Duration::from_secs(1);

fn assert_ends(editor: &Editor, code: i32, case: &str) {
    let start = Instant::now();
    assert_eq!(editor.exit_code(), code, "{case}");
    assert!(start.elapsed() < AT_ONCE, "{:?} for {case}", start.elapsed());
}

#[test]
fn exit_ends_the_session_at_once_with_stdin_open() {
    let mut without_shutdown = Editor::start();
    without_shutdown.notify("exit", Value::Null);
    assert_ends(&without_shutdown, 1, "exit without shutdown");

    let mut with_shutdown = Editor::start();
    with_shutdown.request(1, "shutdown", Value::Null);
    assert_eq!(with_shutdown.answer(1)["result"], Value::Null);
    with_shutdown.notify("exit", Value::Null);
    assert_ends(&with_shutdown, 0, "exit after shutdown");

    let mut before_anything = Editor::connect();
    before_anything.send(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    assert_ends(&before_anything, 1, "exit before initialize");
}

#[test]
fn the_answer_to_shutdown_is_written_though_exit_is_right_behind_it() {
    let mut editor = Editor::start();
    let shutdown = json!({ "jsonrpc": "2.0", "id": 1, "method": "shutdown" }).to_string();
    let exit = json!({ "jsonrpc": "2.0", "method": "exit" }).to_string();
    editor.send_bytes(&[encode(shutdown.as_bytes()), encode(exit.as_bytes())].concat());
    assert_ends(&editor, 0, "shutdown and exit in one write");
    assert_eq!(editor.answer(1)["result"], Value::Null);
}

#[test]
fn after_shutdown_requests_are_refused() {
    let mut editor = Editor::start();
    editor.request(1, "shutdown", Value::Null);
    editor.request(2, "echo", json!([1]));
    assert_eq!(editor.answer(1)["result"], Value::Null);
    assert_eq!(editor.error_code(2), -32600);
}

#[test]
fn the_end_of_input_ends_the_session_whatever_handlers_do() {
    let cases: [(&str, &[&str]); 6] = [
        ("idle", &[]),
        ("a handler in flight", &["wait"]),
        ("64 handlers in flight", &["wait"; 64]),
        ("a handler that waits for the client", &["ask"]),
        ("a handler that computes on the runtime", &["computeLater", "computeLater"]),
        ("a handler that computes on the dispatcher", &["compute", "wait"]),
    ];
    for (case, methods) in cases {
        for ending in ["eof", "exit"] {
            let mut editor = Editor::start();
            for (id, method) in (1..).zip(methods) {
                editor.request(id, method, Value::Null);
            }
            if methods.contains(&"ask") {
                editor.find(|message| message["method"] == "workspace/configuration");
            } else {
                let blocks = methods.contains(&"compute");
                editor.until_started(if blocks { 1 } else { methods.len() });
            }
            match ending {
                "eof" => editor.close_input(),
                _ => editor.notify("exit", Value::Null),
            }
            assert_ends(&editor, 1, &format!("{ending} with {case}"));
            if methods.contains(&"ask") || methods.iter().all(|method| *method == "wait") {
                editor.until_dropped(methods.len());
            }
        }
    }
}

#[test]
fn the_end_of_input_after_shutdown_is_no_failure() {
    let mut editor = Editor::start();
    editor.request(1, "shutdown", Value::Null);
    editor.answer(1);
    editor.close_input();
    assert_ends(&editor, 0, "EOF after shutdown");
}

#[test]
fn the_end_of_input_during_initialize_ends_the_session() {
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "capabilities": {}, "locale": "never" }));
    editor.notify("note", json!(1));
    editor.close_input();
    assert_ends(&editor, 1, "EOF during initialize");

    let mut cancelled = Editor::connect();
    cancelled.request(0, "initialize", json!({ "capabilities": {}, "locale": "never" }));
    cancelled.cancel(0);
    assert_eq!(cancelled.error_code(0), -32800);
    cancelled.request(1, "initialize", json!({ "capabilities": {} }));
    assert!(cancelled.answer(1)["result"].is_object());
}

#[test]
fn what_came_before_the_end_of_input_is_answered() {
    let mut editor = Editor::start();
    editor.notify("note", json!(3));
    for id in 1..=100 {
        editor.request(id, "lastNote", Value::Null);
    }
    editor.close_input();
    assert_ends(&editor, 1, "EOF behind requests");
    for id in 1..=100 {
        assert_eq!(editor.answer(id)["result"], json!(3));
    }
}

#[test]
fn a_frame_that_is_cut_off_by_the_end_is_no_matter() {
    for cut in ["Content-Le", "Content-Length: 10\r\n", "Content-Length: 10\r\n\r\n{\"a\""] {
        let mut editor = Editor::start();
        editor.send_bytes(cut.as_bytes());
        editor.close_input();
        assert_ends(&editor, 1, cut);
    }
}

#[test]
fn a_closed_output_ends_the_session() {
    let mut editor = Editor::connect();
    editor.close_output();
    editor.request(0, "initialize", json!({ "capabilities": {} }));
    assert_ends(&editor, 1, "closed output");
}

#[test]
fn a_client_that_reads_nothing_cannot_delay_the_end() {
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "capabilities": {} }));
    for id in 1..=100 {
        editor.request(id, "text", json!(1 << 20));
    }
    editor.request("last", "wait", Value::Null);
    editor.until_started(1);
    editor.notify("exit", Value::Null);
    assert_ends(&editor, 1, "exit with a full output");
}

#[cfg(target_os = "linux")]
#[test]
fn the_death_of_the_editor_ends_the_session_though_the_pipe_is_held() {
    let mut parent = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "processId": parent.id(), "capabilities": {} }));
    editor.answer(0);
    assert_eq!(editor.client.get().unwrap().process_id, Some(parent.id()));
    editor.request(1, "wait", Value::Null);
    editor.until_started(1);
    assert!(!editor.has_ended());
    // Not waited for yet: a process that only waits to be reaped is dead.
    parent.kill().unwrap();
    assert_ends(&editor, 1, "death of the parent");
    parent.wait().unwrap();
    editor.until_dropped(1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_was_never_seen_is_not_missed() {
    // As an editor outside of a container has it.
    let mut editor = Editor::connect();
    editor.request(0, "initialize", json!({ "processId": u32::MAX - 1, "capabilities": {} }));
    editor.answer(0);
    // Several looks at a poll of 10 ms.
    let end = Instant::now() + Duration::from_millis(60);
    while Instant::now() < end {
        assert!(!editor.has_ended());
        std::thread::yield_now();
    }
    editor.probe("still there");
}
