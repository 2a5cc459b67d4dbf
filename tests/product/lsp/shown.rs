//! What stands on the lines of an editor: figures, places, and only what the editor asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ide::units::{count, duration, ratio};
use serde_json::{Value, json};

use super::client::{Client, all_refreshes, at, uri};
use super::*;
use crate::answers::answer_to;

/// Number and time (ns) of spans.
type Sum = (u64, u64);

/// What Go's own reader says of the waits on each line (from 0) of a file, by cause; `part` is the
/// end of its recorded path.
fn waits_of(trace: &Path, part: &str) -> BTreeMap<u32, BTreeMap<String, Sum>> {
    let mut lines: BTreeMap<u32, BTreeMap<String, Sum>> = BTreeMap::new();
    for ((file, line, cause), figure) in answer_to(trace).unwrap().lines("lines_user") {
        let is_wait = ["net", "sleep"].contains(&cause.as_str())
            || cause.starts_with("sync:")
            || cause.starts_with("wait:");
        if is_wait && file.ends_with(part) {
            let sum = lines.entry(line as u32 - 1).or_default().entry(cause).or_default();
            sum.0 += figure.n + figure.open_n;
            sum.1 += figure.ns + figure.open_ns + figure.pre_ns;
        }
    }
    lines
}

fn sum_of(causes: &BTreeMap<String, Sum>) -> Sum {
    causes.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Each line that waits has a hover with the sum, its number and the waiters on average; a hint of
/// one cause has its time and number; the lens of a function has the sum of its lines.
#[test]
fn figures_on_lines_are_those_of_the_oracle() {
    let (mut hovers, mut hints_checked, mut lenses_checked) = (0, 0, 0);
    for (name, program, files) in [
        ("g126/leak", "leak", &["main.go"][..]),
        ("g126/leak-trimpath", "leak", &["main.go"]),
        ("g122/leak", "leak", &["main.go"]),
        ("g126/webmix", "webmix", &["main.go", "db.go", "client.go", "server.go"]),
        ("g125/webmix-3s-trimpath", "webmix", &["main.go", "db.go", "client.go", "server.go"]),
        ("g126/gcmix", "gcmix", &["main.go", "coro_go123.go"]),
        ("g126/annot-3s", "annot", &["main.go"]),
        ("g126/mandel-pixel", "mandel", &["main.go"]),
        ("g126/mandel-colworkersbuffered", "mandel", &["main.go"]),
        ("g127/pipeline-3s", "pipeline", &["main.go"]),
    ] {
        let trace = trace(name);
        let mut client = Client::showing(&programs(), &trace);
        for part in files {
            let file = programs().join(program).join(part);
            client.open(&file, 1, &text_of(&file));
            let want = waits_of(&trace, &format!("/{program}/{part}"));
            let (lenses, hints) = all_of(&mut client, &file);
            for (&line, causes) in &want {
                let (n, ns) = sum_of(causes);
                let what = format!("{name} {part}:{}", line + 1);
                let hover = client.hover(&file, line).unwrap_or_else(|| panic!("{what}: no hover"));
                let waits = if n == 1 { "wait" } else { "waits" };
                let head = format!(
                    "{} in {} {waits} · {} waiting on average",
                    duration(ns as i64),
                    count(n),
                    ratio(ns, answer_to(&trace).unwrap().duration())
                );
                assert!(hover.contains(&head), "{what}: no {head:?} in\n{hover}");
                assert!(hover.lines().count() <= 17, "{what}: too long\n{hover}");
                hovers += 1;
                // The same on both sides: words of one cause that is a whole kind.
                for (cause, label) in
                    [("sleep", "sleep "), ("net", "net "), ("sync:chan receive", "chan ")]
                {
                    // A verdict stands before the kind, or in its place.
                    let hint = hint_at(&hints, line).map(|h| h.strip_prefix("→ ").unwrap_or(h));
                    let judged =
                        if hint.is_some_and(|h| h.starts_with("idle ")) && causes.len() == 1 {
                            "idle "
                        } else {
                            label
                        };
                    let hint = hint.filter(|hint| hint.starts_with(judged));
                    let only = causes.keys().filter(|c| c.contains("chan") || c.contains("select"));
                    if let (Some(hint), Some(&(n, ns))) = (hint, causes.get(cause))
                        && (label != "chan " || only.count() == 1)
                    {
                        let total = format!("{judged}{}", duration(ns as i64));
                        assert!(hint.starts_with(&total), "{what}: {hint:?} and not {total:?}");
                        let number = format!(" · {}×", count(n));
                        assert!(!hint.contains('×') || hint.contains(&number), "{what}: {hint:?}");
                        hints_checked += 1;
                    }
                }
            }
            lenses_checked += check_function_lenses(name, &file, &lenses, &want);
        }
        client.end();
    }
    assert!(hovers > 120 && hints_checked > 25 && lenses_checked > 60, "too few were compared");
    eprintln!(
        "{hovers} hovers, {hints_checked} hints, {lenses_checked} lenses of functions are equal"
    );
}

/// Top-level functions of gofmt's code: from `func` at a line's start to the next `}` there.
fn check_function_lenses(
    name: &str,
    file: &Path,
    lenses: &[Value],
    want: &BTreeMap<u32, BTreeMap<String, Sum>>,
) -> usize {
    let lines = lines_of(&text_of(file));
    let mut checked = 0;
    for (first, line) in lines.iter().enumerate().filter(|(_, l)| l.starts_with("func ")) {
        let last = if line.ends_with('}') {
            first
        } else {
            first + lines[first..].iter().position(|l| l == "}").unwrap()
        };
        let within = want.range(first as u32..=last as u32);
        let sum =
            within.map(|(_, causes)| sum_of(causes)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let title = lenses_at(lenses, first as u32);
        let title = title.iter().find(|t| t.contains(" waiting · ") || t.contains(" idle · "));
        let word = if title.is_some_and(|t| t.contains(" idle · ")) { "idle" } else { "waiting" };
        let start = format!("{} {word} · {}×", duration(sum.1 as i64), count(sum.0));
        match title {
            Some(title) => {
                assert!(
                    title.starts_with(&start),
                    "{name}:{}: {title:?}, not {start:?}",
                    first + 1
                );
                checked += 1;
            }
            None => {
                assert!(sum.1 < 1_000_000 || checked > 10, "{name}:{}: no lens {start}", first + 1)
            }
        }
    }
    checked
}

/// A few, as a person would read them off the recorded file.
#[test]
fn figures_of_leak_spelt_out() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    // The document need not be open.
    let (lenses, hints) = all_of(&mut client, &file);
    assert_eq!(hint_at(&hints, 112), Some("sleep 297 ms · 133×"));
    assert_eq!(hint_at(&hints, 83), Some("idle 1.51 s · open"));
    assert!(lenses_at(&lenses, 82)[0].starts_with("1.51 s idle · 139×"), "{lenses:#?}");
    let columns = |lens: &Value| {
        (lens["range"]["start"]["character"].clone(), lens["range"]["end"]["character"].clone())
    };
    let worker = lenses.iter().find(|lens| line_of(lens) == 82).unwrap();
    assert_eq!(columns(worker), (json!(5), json!(11)), "the columns of `worker`");
    client.end();
}

#[test]
fn an_editor_gets_only_what_it_announced() {
    let (file, trace) = leak();
    let mut plain = Client::start();
    let capabilities = plain.initialize(&programs(), json!({}), json!({ "trace": trace }));
    assert_eq!(capabilities["positionEncoding"], "utf-16");
    let commands = capabilities["executeCommandProvider"]["commands"].to_string();
    assert!(commands.contains("\"waitline.load\"") && commands.contains("\"waitline.unload\""));
    assert!(capabilities.get("inlayHintProvider").is_some());
    until_shown(&mut plain, &file);
    plain.ask("workspace/executeCommand", json!({ "command": "waitline.unload" }));
    plain.ask("waitline/load", json!({ "trace": trace }));
    for method in ["workspace/codeLens/refresh", "workspace/inlayHint/refresh"] {
        assert_eq!(plain.count(method), 0, "{method} was never announced");
    }
    for method in ["window/workDoneProgress/create", "$/progress", "workspace/configuration"] {
        assert_eq!(plain.count(method), 0, "{method} was never announced");
    }
    plain.end();

    for (refreshed, other) in [("codeLens", "inlayHint"), ("inlayHint", "codeLens")] {
        let mut client = Client::start();
        let workspace = json!({ "workspace": { refreshed: { "refreshSupport": true } } });
        client.initialize(&programs(), workspace, json!({ "trace": trace }));
        let method = format!("workspace/{refreshed}/refresh");
        client.wait_for("the refresh", |m| m["method"] == method);
        client.end_after_count(&format!("workspace/{other}/refresh"));
    }
}

fn titled(lens: &Value, text: &str) -> bool {
    lens["command"]["title"].as_str().is_some_and(|title| title.contains(text))
}

#[test]
fn an_editor_with_commands_and_decorations_of_its_own() {
    let (file, trace) = leak();
    let mut client = Client::start();
    let mut capabilities = all_refreshes();
    capabilities["experimental"] = json!({
        "commands": { "commands": ["waitline.load", "waitline.unload", "waitline.waker", "waitline.evidence"] },
        "decorations": true,
        "hoverDialect": "vscode",
    });
    let server = client.initialize(&programs(), capabilities, Value::Null);
    assert!(!server["executeCommandProvider"].to_string().contains("waitline"), "{server}");
    assert!(server["inlayHintProvider"].is_null(), "{server}");
    let answer = client.ask("waitline/load", json!({ "trace": uri(&trace) }));
    assert_eq!(answer["trace"], json!(trace));
    assert_eq!(answer["duration"], answer_to(&trace).unwrap().duration());
    let lenses = client.lenses(&file);
    assert!(!lenses.is_empty(), "shown when the answer comes");
    let of_lines = |lenses: &[Value]| lenses.iter().filter(|l| titled(l, "on average")).count();
    assert_eq!(of_lines(&lenses), 0, "the editor draws that at the ends of lines: {lenses:?}");
    let mut other = Client::showing(&programs(), &trace);
    until_shown(&mut other, &file);
    assert!(of_lines(&other.lenses(&file)) > 0, "in other editors it stands above");
    other.end();
    for lens in &lenses {
        let command = &lens["command"];
        let named = !command["title"].as_str().unwrap().starts_with("woken from ");
        assert_eq!(command["command"], if named { "waitline.evidence" } else { "" }, "{lens}");
        let argument = &command["arguments"][0];
        assert_eq!(argument["now"], argument["line"], "nothing was edited: {lens}");
    }

    let changed = |m: &Value| m["method"] == "waitline/didChangeState";
    let told = client.wait_from(0, "the state", changed);
    assert_eq!(told["params"], answer, "the state that the request gave");
    let costs = client.ask("waitline/lineCosts", json!({ "uri": uri(&file) }));
    let line = costs["lines"][0]["line"].as_u64().unwrap();
    let hover = client.hover(&file, line as u32).unwrap();
    let links = hover.lines().last().unwrap();
    assert!(links.starts_with("[Waker](command:waitline.waker?%5B"), "{hover}");
    assert_eq!(links.matches("command:").count(), 1, "of what was announced: {links}");

    let mut last = answer["analysis"].as_u64().unwrap();
    for params in [json!({ "t0": 0, "t1": 1_000_000 }), Value::Null] {
        let seen = client.log.len();
        let narrowed = client.ask("waitline/setRange", params);
        let number = |state: &Value| state["analysis"].as_u64().unwrap();
        assert!(number(&narrowed) > last, "a view of its own: {narrowed}");
        last = number(&narrowed);
        let told = client.wait_from(seen, "the state of the range", changed);
        assert_eq!(told["params"], narrowed);
    }
    let seen = client.log.len();
    client.ask("waitline/unload", Value::Null);
    let told = client.wait_from(seen, "nothing is shown", changed);
    assert_eq!(told["params"], Value::Null);
    assert!(client.lenses(&file).is_empty(), "gone when the answer comes");
    client.end();
}

/// A lens is there to be clicked on: it tells the evidence, or goes where its text says.
#[test]
fn every_lens_leads_somewhere() {
    let (mut messages, mut places) = (0, 0);
    for (name, program) in [("g126/leak", "leak/main.go"), ("g126/webmix", "webmix/server.go")] {
        let file = programs().join(program);
        let mut client = Client::start();
        let mut capabilities = all_refreshes();
        capabilities["window"] = json!({ "showDocument": { "support": true } });
        client.initialize(&programs(), capabilities, json!({ "trace": trace(name) }));
        until_shown(&mut client, &file);
        client.open(&file, 1, &text_of(&file));
        let start = json!({ "line": 0, "character": 0 });
        let above = json!([{ "range": { "start": start, "end": start }, "text": "//\n//\n" }]);
        client.change(&file, 2, above);
        let text = format!("//\n//\n{}", text_of(&file));
        for lens in client.lenses(&file) {
            let seen = client.log.len();
            let command = &lens["command"];
            let params =
                json!({ "command": command["command"], "arguments": command["arguments"] });
            client.ask("workspace/executeCommand", params);
            if command["title"].as_str().unwrap().starts_with("woken from ") {
                let shown =
                    client.wait_from(seen, "a place", |m| m["method"] == "window/showDocument");
                assert_eq!(shown["params"]["uri"], uri(&file), "{lens}");
                let line = &shown["params"]["selection"]["start"]["line"];
                let line = &lines_of(&text)[line.as_u64().unwrap() as usize];
                let wakes = [
                    "<-",
                    "Unlock",
                    "Done",
                    "Signal",
                    "Broadcast",
                    "close",
                    "}(i)",
                    "Listen",
                    "send",
                ];
                assert!(wakes.iter().any(|word| line.contains(word)), "{lens} leads to {line:?}");
                places += 1;
            } else {
                let told =
                    client.wait_from(seen, "evidence", |m| m["method"] == "window/showMessage");
                let message = told["params"]["message"].as_str().unwrap();
                let title = command["title"].as_str().unwrap();
                if title.starts_with("task ") {
                    // Opening a task costs nothing there: it is told of, beside others of the line.
                    assert!(message.lines().any(|line| line == title), "{title}: {message}");
                } else if title.contains(" started · ") {
                    assert!(message.contains(" on average"), "{title}: {message}");
                } else {
                    assert!(message.contains("waiting"), "{title}: {message}");
                }
                messages += 1;
            }
        }
        client.end();
    }
    assert!(messages > 8 && places > 2, "{messages} {places}");
    eprintln!("{messages} lenses tell the evidence, {places} go to who wakes");
}

/// The program was edited since the trace: a line's number alone is no reason to show a figure.
#[test]
fn a_line_that_cannot_wait_shows_nothing() {
    let (_dir, file) = copy_of_leak(|text| {
        text.replace("\tfor j := range jobs {\n", "\t// more\n\tfor j := range jobs {\n")
    });
    let mut client = Client::showing(file.ancestors().nth(2).unwrap(), &leak().1);
    let text = text_of(&file);
    let hints = client.hints(&file);
    assert_eq!(line_with(&text, "// more"), 83);
    assert_eq!(hint_at(&hints, 83), None, "1.51 s of `range` on a comment");
    // 297 ms of `time.Sleep` on `sum += <-results`.
    assert_eq!(hint_at(&hints, 112), None);
    assert_eq!(client.hover(&file, 83), None);
    assert_eq!(hint_at(&hints, 24), Some("idle 1.52 s · 5× · open"), "above, all is as it was");
    client.end();
}

/// Lines with characters beyond ASCII: above, before the end, and in a name.
#[test]
fn positions_are_in_utf_16() {
    let (_dir, file) = copy_of_leak(|text| {
        text.replace(
            "\t\ttime.Sleep(2 * time.Millisecond)\n",
            "\t\t/* 𝄞é */ time.Sleep(2 * time.Millisecond) // 🦀🦀\n",
        )
        .replace("func leakSend()     ", "/* 🦀ü */ func leakSend()     ")
    });
    let (_, trace) = leak();
    let mut client = Client::showing(file.ancestors().nth(2).unwrap(), &trace);
    let text = text_of(&file);
    let sleep = line_with(&text, "𝄞");
    client.open(&file, 1, &text);
    let emoji = json!([{ "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } },
        "text": "// 🦀 one more line\n" }]);
    client.change(&file, 2, emoji);
    let (lenses, hints) = all_of(&mut client, &file);
    let hint = hints.iter().find(|h| line_of(h) == sleep + 1).unwrap();
    assert_eq!(hint["label"], "~ sleep 297 ms · 133×");
    let units = lines_of(&text)[sleep as usize].encode_utf16().count();
    assert_eq!(hint["position"]["character"], units);
    let send = line_with(&text, "func leakSend") + 1;
    let lens = lenses.iter().find(|l| line_of(l) == send).unwrap();
    // `/* 🦀ü */ func ` is 3 + 2 + 1 + 4 + 5 units.
    assert_eq!(lens["range"]["start"]["character"], 15);
    assert_eq!(lens["range"]["end"]["character"], 23);
    let hover = client.ask("textDocument/hover", at(&file, sleep + 1));
    assert_eq!(hover["range"]["end"]["character"], units);
    client.end();
}

#[test]
fn a_hover_without_markdown_has_no_markup() {
    let (file, trace) = leak();
    let mut client = Client::start();
    client.initialize(&programs(), json!({}), json!({ "trace": trace }));
    until_shown(&mut client, &file);
    let hover = client.ask("textDocument/hover", at(&file, 112));
    assert_eq!(hover["contents"]["kind"], "plaintext");
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("297 ms in 133 waits") && !text.contains(['*', '`', '\\']), "{text}");
    client.end();
}

#[test]
fn a_damaged_trace_and_one_of_another_folder_are_told_about() {
    let partial = trace("broken/g126-cut-60");
    let whole = trace("g126/leak");
    let mut client = Client::showing(&programs(), &partial);
    let codes = |list: Vec<(String, String)>| list.into_iter().map(|d| d.0).collect::<Vec<_>>();
    let is_partial = |c: &mut Client| {
        c.diagnostics(&partial).map(codes) == Some(vec!["trace-partial".to_owned()])
    };
    poll(&mut client, "trace-partial", is_partial);
    let (_, message) = client.diagnostics(&partial).unwrap().remove(0);
    assert!(message.contains("bytes are lost") && !message.contains('\n'), "{message}");
    let answer = client.ask("waitline/load", json!({ "trace": whole }));
    assert!(answer["partial"].is_null(), "{answer}");
    poll(&mut client, "cleared by another trace", |c| c.diagnostics(&partial) == Some(Vec::new()));
    let answer = client.ask("waitline/load", json!({ "trace": partial }));
    assert!(answer["partial"].is_string(), "{answer}");
    poll(&mut client, "trace-partial again", is_partial);
    client.ask("waitline/unload", Value::Null);
    poll(&mut client, "cleared by unload", |c| c.diagnostics(&partial) == Some(Vec::new()));
    // As fast as can be asked: the last word is the right one.
    for _ in 0..30 {
        client.send("waitline/load", json!({ "trace": partial }));
        let unload = client.send("waitline/unload", Value::Null);
        client.answer(unload).unwrap();
    }
    client.ask("waitline/load", json!({ "trace": whole }));
    poll(&mut client, "cleared in the end", |c| c.diagnostics(&partial) == Some(Vec::new()));
    client.end();

    // Only `rec` of the programs is there.
    let dir: PathBuf = tempfile::tempdir().unwrap().keep().canonicalize().unwrap();
    std::fs::create_dir(dir.join("rec")).unwrap();
    std::fs::copy(programs().join("rec/rec.go"), dir.join("rec/rec.go")).unwrap();
    let mut client = Client::showing(&dir, &whole);
    poll(&mut client, "frames-unmapped", |c| {
        c.diagnostics(&whole).map(codes) == Some(vec!["frames-unmapped".to_owned()])
    });
    let (_, message) = client.diagnostics(&whole).unwrap().remove(0);
    assert!(message.contains("/leak/") && message.contains("100 %"), "{message}");
    client.end();
    std::fs::remove_dir_all(dir).unwrap();
}

impl Client {
    /// Ends a client for which a message never came.
    fn end_after_count(self, method: &str) {
        assert_eq!(self.count(method), 0, "{method} was never announced");
        self.end();
    }
}
