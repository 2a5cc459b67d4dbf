//! A trace can hold any text. Nothing of it steers an editor: no control characters, no change of
//! direction, no markup, no links.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::client::Client;
use super::*;

/// Markup, escapes and directions, in the bytes of the wire's text form.
const EVIL: &str = r#"\x1b[31m\x1b]8;;http://x\x07**evil**`](command:evil) ![i](http://x) <img src=x> ``` $(zap)\n# evil\r\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf\x00\xff|a|b|_evil_ ~evil~ &lt; \\* \" "#;

/// `leak`'s trace with other strings: a reason to wait, functions, a file.
fn evil_trace() -> Vec<u8> {
    let (_, trace) = leak();
    let mut wire = String::new();
    exectrace::text::write(&std::fs::read(trace).unwrap(), &mut wire).unwrap();
    let mut text = String::new();
    let mut n = 0;
    for line in wire.lines() {
        let evil = match line.split_once(" \"").map(|(_, value)| value.trim_end_matches('"')) {
            Some("forever") => Some(EVIL.to_owned()),
            Some("GC mark assist wait for work") => Some(format!("GC {EVIL}")),
            // Who wakes and who calls, and what is mapped by its path alone.
            Some("main.main") => Some(format!("main.{EVIL}")),
            Some("runtime.goexit") => Some(EVIL.to_owned()),
            Some(path) if path.ends_with("/rec/rec.go") => Some(format!("/evil/{EVIL}/x.go")),
            _ => None,
        };
        match evil {
            Some(evil) => {
                n += 1;
                let (start, _) = line.split_once(" \"").unwrap();
                writeln!(text, "{start} \"{evil}\"").unwrap();
            }
            None => writeln!(text, "{line}").unwrap(),
        }
    }
    assert!(n >= 4, "{n} strings only");
    exectrace::text::read(&text).unwrap()
}

/// Every text in an answer.
fn texts_in(value: &Value, key: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((key.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, key, found)),
        Value::Object(members) => members.iter().for_each(|(key, item)| texts_in(item, key, found)),
        _ => {}
    }
}

fn is_harmful(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    (c.is_control() && c != '\n') || turns
}

/// What is left of Markdown without its code spans and escaped characters.
fn outside_of_code(markdown: &str) -> String {
    let mut rest = markdown;
    let mut out = String::new();
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            rest = &rest[1 + escaped..];
        } else if c == '`' {
            let fence = rest.len() - rest.trim_start_matches('`').len();
            let after = &rest[fence..];
            let mut end = 0;
            let close = loop {
                let Some(at) = after[end..].find('`').map(|at| end + at) else { break None };
                let run = after[at..].len() - after[at..].trim_start_matches('`').len();
                if run == fence {
                    break Some(at + run);
                }
                end = at + run;
            };
            match close {
                Some(close) => rest = &after[close..],
                None => {
                    out.push_str(&rest[..fence]);
                    rest = after;
                }
            }
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

#[test]
fn nothing_in_a_trace_steers_an_editor() {
    let dir = tempfile::tempdir().unwrap();
    let name = "a*b*_c_ [x](command:evil) <img> `q` \u{1b}[31m\u{202e}.trace";
    let path = dir.path().canonicalize().unwrap().join(name);
    std::fs::write(&path, evil_trace()).unwrap();
    let (file, _) = leak();
    let mut client = Client::showing(&programs(), &path);
    client.open(&file, 1, &text_of(&file));
    let (lenses, hints) = all_of(&mut client, &file);
    let n_lines = lines_of(&text_of(&file)).len() as u32;
    let hovers: Vec<String> = (0..n_lines).filter_map(|line| client.hover(&file, line)).collect();
    for lens in &lenses {
        let command = &lens["command"];
        let params = json!({ "command": command["command"], "arguments": command["arguments"] });
        client.ask("workspace/executeCommand", params);
    }
    client.wait_for("diagnostics", |m| m["method"] == "textDocument/publishDiagnostics");
    client.wait_for("the evidence", |m| m["method"] == "window/showMessage");
    // A load that fails names the file too.
    let bad = path.with_file_name(format!("bad {name}"));
    std::fs::write(&bad, EVIL).unwrap();
    let error = client.try_ask("waitline/load", json!({ "trace": bad })).unwrap_err();

    let mut found = Vec::new();
    let from_us = client.log.iter().filter(|m| m.get("method").is_some()).cloned();
    let all: Vec<Value> = from_us.chain(lenses).chain(hints).chain([error]).collect();
    texts_in(&Value::Array(all), "", &mut found);
    found.extend(hovers.iter().map(|hover| ("hover".to_owned(), hover.clone())));
    let mut n_evil = 0;
    for (key, text) in &found {
        let harm: Vec<char> = text.chars().filter(|&c| is_harmful(c)).collect();
        assert!(harm.is_empty(), "{harm:?} in {key}: {text:?}");
        n_evil += usize::from(text.contains("evil"));
        if key == "label" {
            assert!(text.chars().count() <= 24, "{text}");
        }
    }
    for hover in &hovers {
        // Ours: what begins a paragraph, and what is less than a hundredth.
        let markup = outside_of_code(hover).replace("< 0.01", "");
        let lines = markup.lines().map(|line| {
            match line.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
                Some((title, rest)) => format!("{title}{rest}"),
                None => line.to_owned(),
            }
        });
        let markup = lines.collect::<Vec<_>>().join("\n");
        for mark in ["](", "![", "<", "**", "_", "~", "|", "`", "&lt", "# "] {
            assert!(!markup.contains(mark), "{mark:?} in {markup:?} of\n{hover}");
        }
    }
    assert!(n_evil >= 10, "the names are not shown at all ({n_evil})");
    eprintln!("{} texts, {n_evil} with names that would steer an editor, none does", found.len());
    client.end();
}
