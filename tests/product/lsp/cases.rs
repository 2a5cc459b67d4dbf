//! With which of its cases a `select` went on: at a program in which behind each case stands how many waits did.

use serde_json::{Value, json};

use super::client::Client;
use super::judged::{at, cost_at, insert, int, list};
use super::*;
use crate::lsp_docs::names_all_keys;

fn source() -> PathBuf {
    testdata("truth/choices/main.go")
}

fn showing() -> Client {
    Client::showing(&testdata("truth/choices"), &testdata("truth/traces/choices.trace"))
}

/// The lines of the `select`s from 0, and of the cases behind which a number stands, with that.
fn expected(text: &str) -> Vec<(u32, Vec<(u32, i64)>)> {
    let mut selects: Vec<(u32, Vec<(u32, i64)>)> = Vec::new();
    for (line, text) in (0..).zip(text.lines()) {
        if text.trim() == "select {" {
            selects.push((line, Vec::new()));
        } else if let Some((_, n)) = text.split_once("// taken ") {
            selects.last_mut().unwrap().1.push((line, n.parse().unwrap()));
        }
    }
    selects
}

#[test]
fn selects_went_on_with_what_their_source_says() {
    let (mut client, file) = (showing(), source());
    let text = text_of(&file);
    let all = expected(&text);
    assert_eq!(all.iter().map(|select| select.1.len()).collect::<Vec<_>>(), [4, 3, 0, 1, 0]);
    for (line, cases) in all {
        let site = client.ask("waitline/site", at(&file, line));
        names_all_keys("waitline/site", &site);
        let hover = client.hover(&file, line).unwrap();
        if cases.is_empty() {
            // It waits for two clocks, or for two that may send, and no more can be seen.
            assert!(site["cases"].is_null() && !hover.contains("went on with"), "{hover}");
            continue;
        }
        let told = &site["cases"];
        let taken = list(told, "taken");
        let n: Vec<(u32, i64)> = taken
            .iter()
            .map(|case| (u32::try_from(int(case, "line")).unwrap(), int(case, "n")))
            .collect();
        assert_eq!(n, cases);
        assert_eq!(told["unknown"], json!({ "n": 0, "ns": 0 }));
        // All that the line waited.
        let ns: i64 = taken.iter().map(|case| int(case, "ns")).sum();
        assert_eq!((ns, cases.iter().map(|case| case.1).sum()), total(&site));
        for case in taken {
            let source = text.lines().nth(case["line"].as_u64().unwrap() as usize).unwrap().trim();
            let words = case["text"].as_str().unwrap();
            assert!(source.starts_with(&format!("{words}:")), "{case}");
            let (n, ns) = (int(case, "n"), ide::units::duration(int(case, "ns")));
            let is_hidden = taken.len() > 3 && !hover.contains(words);
            assert!(hover.contains(&format!("`{words}` {n}× ({ns})")) || is_hidden, "{hover}");
        }
        assert!(hover.contains("\nwent on with `case "), "{hover}");
    }
    client.end();
}

/// Nanoseconds and number of a line's waits.
fn total(site: &Value) -> (i64, i64) {
    let waits = list(site, "parts").iter().filter(|part| part["kind"] != "runnable");
    waits.fold((0, 0), |sum, part| (sum.0 + int(part, "ns"), sum.1 + int(part, "n")))
}

fn said(client: &mut Client, file: &Path, line: u32) -> Option<String> {
    cost_at(client, file, line).map(|cost| cost["text"].as_str().unwrap().to_owned())
}

/// What stands at the ends of the cases goes where they go.
#[test]
fn cases_say_so_at_their_lines_and_move_with_them() {
    let (mut client, file) = (showing(), source());
    let text = text_of(&file);
    client.open(&file, 1, &text);
    let [answers, clock] = ["case <-d.answers:", "case <-time.After(limit):"].map(|case| {
        u32::try_from(text.lines().position(|line| line.contains(case)).unwrap()).unwrap()
    });
    let first = said(&mut client, &file, answers).unwrap();
    assert!(first.starts_with("taken 5× · 1") && first.ends_with(" ms"), "{first}");
    assert!(said(&mut client, &file, clock).unwrap().starts_with("taken 4× · "));
    client.change(&file, 2, insert(0, "// above\n"));
    assert_eq!(said(&mut client, &file, answers + 1), Some(format!("~ {first}")));
    // Indented otherwise it is the same case; another one it is not.
    client.change(&file, 3, insert(answers + 1, "\t"));
    assert_eq!(said(&mut client, &file, answers + 1), Some(format!("~ {first}")));
    let place = |character: u32| json!({ "line": answers + 1, "character": character });
    let range = json!({ "start": place(0), "end": place(20) });
    client.change(&file, 4, json!([{ "range": range, "text": "\tcase <-others:" }]));
    assert_eq!(said(&mut client, &file, answers + 1), None);
    assert!(said(&mut client, &file, clock + 1).is_some());
    client.end();
}

/// Of a part of the trace they are of that part, and all of it as they were.
#[test]
fn in_a_range_cases_are_of_the_range() {
    let (mut client, file) = (showing(), source());
    let text = text_of(&file);
    let [(line, cases), ..] = &expected(&text)[..] else { panic!("no select") };
    let mut of = |range: Value| {
        client.ask("waitline/setRange", range);
        let site = client.ask("waitline/site", at(&file, *line));
        let taken = list(&site["cases"], "taken").to_vec();
        taken.iter().map(|case| int(case, "n")).collect::<Vec<_>>()
    };
    let all: Vec<i64> = cases.iter().map(|case| case.1).collect();
    // The answers come first: 2 ms each.
    let some = of(json!({ "t0": 0, "t1": 6_000_000 }));
    assert!(matches!(some[..], [2 | 3]), "{some:?}");
    assert_eq!(of(Value::Null), all);
    client.end();
}
