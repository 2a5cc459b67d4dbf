//! Documents that change: figures move with their lines, and are never on another text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::client::{Client, at, hints_of, uri};
use super::*;
use crate::numbers::Numbers;

const SLEEP: &str = "sleep 297 ms · 133×";
/// On a line that has moved.
const MOVED: &str = "~ sleep 297 ms · 133×";
/// On a line that was edited.
const EDITED: &str = "? sleep 297 ms · 133×";

fn range(from: (u32, u32), to: (u32, u32)) -> Value {
    json!({ "start": { "line": from.0, "character": from.1 }, "end": { "line": to.0, "character": to.1 } })
}

/// Puts a text at the start of a line.
fn insert(line: u32, text: &str) -> Value {
    json!([{ "range": range((line, 0), (line, 0)), "text": text }])
}

#[test]
fn figures_follow_edits_and_undo() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let text = text_of(&file);
    client.open(&file, 7, &text);
    let before = all_of(&mut client, &file);
    let hover = client.hover(&file, 112).unwrap();

    client.change(&file, 8, insert(0, "// above\n"));
    let (lenses, hints) = all_of(&mut client, &file);
    assert_eq!(hint_at(&hints, 113), Some(MOVED));
    assert_eq!(hint_at(&hints, 112), None);
    assert!(lenses_at(&lenses, 83)[0].starts_with("1.51 s idle"));
    let moved = client.hover(&file, 113).unwrap();
    assert_eq!(moved, format!("{hover} · the line has moved since"));

    let edit = json!([{ "range": range((113, 13), (113, 14)), "text": "20" }]);
    client.change(&file, 9, edit);
    let (_, hints) = all_of(&mut client, &file);
    assert_eq!(hint_at(&hints, 113), Some(EDITED), "an edited line");
    assert!(client.hover(&file, 113).unwrap().ends_with("the line may be another one"));
    assert_eq!(hint_at(&hints, 84), Some("~ idle 1.51 s · open"), "its neighbours");

    // Another statement in its place: it is gone, and the function's lens says what was.
    let start = lines_of(&text)[112].find("time.Sleep").unwrap() as u32;
    let end = lines_of(&text)[112].chars().count() as u32 + 1;
    let gone = json!([{ "range": range((113, start), (113, end)), "text": "x := 1" }]);
    client.change(&file, 9, gone);
    let (lenses, hints) = all_of(&mut client, &file);
    assert_eq!(hint_at(&hints, 113), None, "a line that is gone");
    assert_eq!(client.hover(&file, 113), None, "a line that is gone");
    assert!(
        lenses.iter().any(|l| l["command"]["title"]
            .as_str()
            .is_some_and(|t| t.starts_with("Changed since the trace: ") && t.ends_with(" then"))),
        "{lenses:?}"
    );
    let back = json!([{ "range": range((113, start), (113, start + 6)), "text": &lines_of(&text)[112][start as usize..] }]);
    client.change(&file, 9, back);
    assert_eq!(hint_at(&client.hints(&file), 113), Some(MOVED));
    let edit = json!([{ "range": range((113, 13), (113, 14)), "text": "20" }]);
    client.change(&file, 9, edit);

    // Two changes in one notification; the second goes by the text after the first.
    let undo = json!([
        { "range": range((113, 13), (113, 15)), "text": "2" },
        { "range": range((0, 0), (1, 0)), "text": "" },
    ]);
    client.change(&file, 10, undo);
    assert_eq!(all_of(&mut client, &file), before);
    assert_eq!(client.hover(&file, 112).as_ref(), Some(&hover));

    // The whole text, with another line end on every line; then as it was.
    client.change(&file, 11, json!([{ "text": text.replace('\n', "\r\n") }]));
    assert_eq!(all_of(&mut client, &file), before, "CRLF");
    client.change(&file, 12, insert(20, "// in the middle\r\n"));
    assert_eq!(hint_at(&client.hints(&file), 113), Some(MOVED));
    client.change(&file, 13, json!([{ "text": text }]));
    assert_eq!(all_of(&mut client, &file), before);
    client.end();
}

/// How well the trace goes with the source, in documents as they are now.
#[test]
fn lines_are_counted_by_what_became_of_them() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let counts = |client: &mut Client| {
        let answer = client.ask("waitline/unmapped", Value::Null);
        let found = &answer["found"];
        assert!(found["of"].as_i64() > Some(1_000_000_000), "{answer}");
        assert_eq!((&found["ns"], answer["prefixes"].as_array()), (&found["of"], Some(&vec![])));
        ["exact", "shifted", "doubtful", "lost"].map(|s| answer["lines"][s].as_u64().unwrap())
    };
    let whole = counts(&mut client);
    assert!(whole[0] > 10 && whole[1..] == [0, 0, 0], "{whole:?}");
    let text = text_of(&file);
    client.open(&file, 1, &text);
    assert_eq!(counts(&mut client), whole);

    client.change(&file, 2, insert(0, "// above\n"));
    let above = counts(&mut client);
    assert_eq!(above, [1, whole[0] - 1, 0, 0], "a line above all; one stands in another file");
    let twice = json!([{ "range": range((113, 13), (113, 14)), "text": "20" }]);
    client.change(&file, 3, twice);
    assert_eq!(counts(&mut client), [1, whole[0] - 2, 1, 0], "an edited line");
    let start = lines_of(&text)[112].find("time.Sleep").unwrap() as u32;
    let gone = json!([{ "range": range((113, start), (114, 0)), "text": "x := 1\n" }]);
    client.change(&file, 4, gone);
    assert_eq!(counts(&mut client), [1, whole[0] - 2, 0, 1], "a line that is gone");
    client.change(&file, 5, json!([{ "text": text }]));
    assert_eq!(counts(&mut client), whole);
    client.end();
}

/// Editors number the texts of each opening from the same number on, and Neovim from 0.
#[test]
fn a_document_opened_again_with_another_text_has_that_texts_lines() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let text = text_of(&file);
    for version in [0, 1] {
        assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP), "not open");
        client.open(&file, version, &format!("// a\n// b\n{text}"));
        let (lenses, hints) = all_of(&mut client, &file);
        assert_eq!(hint_at(&hints, 114), Some(MOVED));
        assert_eq!(hint_at(&hints, 112), None);
        assert!(lenses_at(&lenses, 84)[0].starts_with("1.51 s idle"));
        client.close(&file);
        client.open(&file, version, &text);
        let (lenses, hints) = all_of(&mut client, &file);
        assert_eq!(hint_at(&hints, 112), Some(SLEEP), "another text of the same number");
        assert!(lenses_at(&lenses, 82)[0].starts_with("1.51 s idle"));
        // A number that does not rise is no reason for an old answer either.
        client.change(&file, version, insert(0, "// c\n"));
        assert_eq!(
            hint_at(&client.hints(&file), 113),
            Some(MOVED),
            "a change without a new number"
        );
        client.close(&file);
    }
    client.end();
}

/// A change of which nothing can be made leaves no figures behind until the text comes whole.
#[test]
fn a_change_that_does_not_fit_takes_the_figures_away() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let text = text_of(&file);
    let broken = [
        json!([{ "range": range((100_000, 0), (100_000, 1)), "text": "x" }]),
        json!([{ "range": { "start": "here" }, "text": "x" }]),
        json!([{ "range": range((0, 0), (0, 0)) }]),
        json!("all of it"),
    ];
    client.open(&file, 1, &text);
    for (i, changes) in broken.into_iter().enumerate() {
        let version = 2 + 2 * i as i32;
        client.change(&file, version, changes.clone());
        assert_eq!(client.hints(&file), Vec::<Value>::new(), "after {changes}");
        assert_eq!(client.hover(&file, 112), None, "after {changes}");
        client.change(&file, version + 1, json!([{ "text": text }]));
        assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP), "whole again after {changes}");
    }
    client.end();
}

/// The file may vanish under an open document (another branch is checked out), or come by another
/// name: the editor's own name for the document counts.
#[test]
fn a_document_stays_itself_whatever_happens_to_its_file() {
    let (_dir, file) = copy_of_leak(str::to_owned);
    let (_, trace) = leak();
    let root = file.ancestors().nth(2).unwrap().to_owned();
    let link_dir = tempfile::tempdir().unwrap();
    let link = link_dir.path().canonicalize().unwrap().join("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    let linked = link.join("leak/main.go");
    let mut client = Client::showing(&link, &trace);
    client.open(&linked, 1, &text_of(&file));
    assert_eq!(hint_at(&client.hints(&linked), 112), Some(SLEEP));
    std::fs::rename(&file, root.join("main.gone")).unwrap();
    client.change(&linked, 2, insert(0, "// above\n"));
    assert_eq!(hint_at(&client.hints(&linked), 113), Some(MOVED));
    std::fs::rename(root.join("main.gone"), &file).unwrap();
    assert_eq!(hint_at(&client.hints(&linked), 113), Some(MOVED));
    client.change(&linked, 3, insert(0, "// above\n"));
    assert_eq!(hint_at(&client.hints(&linked), 114), Some(MOVED));
    client.end();
}

/// A request that is asked right after a change sees it, and one that was asked before never speaks
/// of lines that it did not know.
#[test]
fn order_of_changes_and_requests() {
    const PAIRS: u32 = 500;
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    client.open(&file, 0, &text_of(&file));
    let mut asked = Vec::new();
    for i in 1..=PAIRS {
        client.change(&file, i as i32, insert(0, "// above\n"));
        asked.push((112 + i, client.send("textDocument/inlayHint", hints_of(&file))));
        asked.push((112 + i, client.send("textDocument/hover", at(&file, 112 + i))));
        if i % 50 == 0 {
            // Nothing comes behind these: they must have an answer, and see the change.
            let hint = client.answer(asked[asked.len() - 2].1).unwrap();
            assert_eq!(hint_at(hint.as_array().unwrap(), 112 + i), Some(MOVED));
            let hover = client.answer(asked[asked.len() - 1].1).unwrap();
            assert!(hover.to_string().contains("297 ms in 133 waits"), "{hover}");
        }
    }
    let (mut answered, mut outdated) = (0, 0);
    for (line, id) in asked {
        match client.answer(id) {
            Ok(Value::Array(hints)) => {
                assert_eq!(hint_at(&hints, line), Some(MOVED), "hints of another text");
                answered += 1;
            }
            Ok(hover) => {
                assert!(hover.to_string().contains("297 ms in 133 waits"), "{hover} at {line}");
                answered += 1;
            }
            Err(error) => {
                assert_eq!(error["code"], -32801, "{error}");
                outdated += 1;
            }
        }
    }
    eprintln!(
        "{PAIRS} changes: {answered} answers see them, {outdated} say that the text moved on"
    );
    client.end();
}

/// The document as the editor has it.
struct Model {
    text: String,
}

impl Model {
    /// The position of a byte offset, in UTF-16.
    fn position(&self, offset: usize) -> (u32, u32) {
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() as u32;
        (line, before[line_start..].encode_utf16().count() as u32)
    }

    fn boundary(&self, mut offset: usize) -> usize {
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[test]
fn random_edits_never_put_a_figure_on_another_text() {
    let n_edits = super::stress::times(10_000, 1_000);
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let original = text_of(&file);
    let mut model = Model { text: original.clone() };
    client.open(&file, 1, &original);
    // Which texts may have a hint, by what it says in full.
    let base = lines_of(&original);
    let mut texts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for hint in client.hints(&file) {
        let line = base[line_of(&hint) as usize].as_str();
        texts.entry(hint["tooltip"].to_string()).or_default().insert(line);
    }
    assert!(texts.len() > 5);

    let snippets = [
        "",
        "",
        "x",
        "\n",
        "// 🦀é\n",
        "\tsecond.Lock()\n",
        "\t\ttime.Sleep(2 * time.Millisecond)\n",
        "}\n",
        " ",
        "日本",
    ];
    let (mut numbers, mut version, mut hints_seen, mut n_doubtful) = (Numbers(42), 1, 0, 0);
    for i in 0..n_edits {
        version += 1;
        if i % 100 == 99 {
            model.text = original.clone();
            client.change(&file, version, json!([{ "text": original }]));
        } else {
            let n_changes = 1 + numbers.below(3);
            let mut changes = Vec::new();
            for _ in 0..n_changes {
                let from = numbers.below(model.text.len() + 1);
                let from = model.boundary(from);
                let length =
                    if numbers.below(3) == 0 { numbers.below(80) } else { numbers.below(3) };
                let to = model.boundary((from + length).min(model.text.len()));
                let (from, to) = (from.min(to), to.max(from));
                let text = snippets[numbers.below(snippets.len())];
                changes.push(json!({ "range": range(model.position(from), model.position(to)), "text": text }));
                model.text.replace_range(from..to, text);
            }
            client.change(&file, version, Value::Array(changes));
        }
        let lines = lines_of(&model.text);
        let code = |line: &str| line.split("//").next().unwrap_or_default().trim().to_owned();
        for hint in client.hints(&file) {
            let line = &lines[line_of(&hint) as usize];
            let said = hint["tooltip"].as_str().unwrap();
            if said.starts_with("? ") {
                // It says itself that it may be another line.
                assert!(!line.trim().is_empty(), "edit {i}: {hint} on {line:?}");
                n_doubtful += 1;
                continue;
            }
            let allowed = &texts[&json!(said.trim_start_matches("~ ")).to_string()];
            let is_one = allowed.iter().any(|allowed| code(allowed) == code(line));
            assert!(is_one, "edit {i}: {hint} on {line:?}");
            assert_eq!(
                hint["position"]["character"],
                line.encode_utf16().count(),
                "edit {i}: {hint}"
            );
            hints_seen += 1;
        }
        if i % 10 == 0 {
            let line = numbers.below(lines.len());
            if client.hover(&file, line as u32).is_some() {
                let hover = client.hover(&file, line as u32).unwrap();
                let doubts = hover.ends_with("the line may be another one");
                // Indentation and comments are not what waits.
                let is = doubts || base.iter().any(|b| code(b) == code(&lines[line]));
                assert!(is, "edit {i}: a hover on {:?}: {hover}", lines[line]);
            }
        }
    }
    client.change(&file, version + 1, json!([{ "text": original }]));
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP));
    assert!(hints_seen > n_edits, "{hints_seen} hints only");
    eprintln!(
        "{n_edits} edits of {}: {hints_seen} hints, each on its text, and {n_doubtful} in doubt",
        uri(&file)
    );
    client.end();
}
