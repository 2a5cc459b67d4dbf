//! The text around a line, for a page that has no editor: of sources of the trace alone.

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::judged::{POOL, at, list, webmix};
use super::*;
use crate::lsp_docs::names_all_keys;

fn excerpt(client: &mut Client, file: &Path, line: u32) -> (u64, Vec<String>) {
    let answer = client.ask("waitline/source", at(file, line));
    names_all_keys("waitline/source", &answer);
    assert_eq!(answer["path"], file.display().to_string());
    let lines = list(&answer, "lines").iter().map(|l| l.as_str().unwrap().to_owned());
    (answer["first"].as_u64().unwrap(), lines.collect())
}

#[test]
fn the_text_around_a_line_is_that_of_the_file() {
    let (mut client, file) = webmix();
    let text = text_of(&file);
    let whole: Vec<&str> = text.split('\n').collect();
    assert_eq!(
        excerpt(&mut client, &file, POOL),
        (0, whole.iter().map(ToString::to_string).collect())
    );
    // A line that is not there is the last one.
    assert_eq!(excerpt(&mut client, &file, u32::MAX).1, whole);
    let other = programs().join("webmix/none.go");
    for params in
        [at(&other, 0), at(Path::new("/etc/passwd"), 0), at(&programs().join("go.mod"), 0)]
    {
        assert_eq!(client.ask("waitline/source", params.clone()), Value::Null, "{params}");
    }
    for params in [
        json!({ "uri": uri(&file) }),
        json!({ "line": 3 }),
        json!({ "uri": uri(&file), "line": -1 }),
    ] {
        let refused = client.try_ask("waitline/source", params.clone());
        assert_eq!(refused.expect_err("no place")["code"], -32602, "{params}");
    }
    client.end();
}

#[test]
fn of_a_long_file_it_is_a_part_and_of_an_open_one_what_the_editor_has() {
    let (mut client, file) = webmix();
    let above = "// above\n".repeat(1000);
    let long = format!("// {}\n{above}{}", "x".repeat(1000), text_of(&file));
    client.open(&file, 1, &long);
    let line = 1001 + POOL;
    let (first, lines) = excerpt(&mut client, &file, line);
    let whole: Vec<&str> = long.split('\n').collect();
    assert_eq!(first, u64::from(line) - 200);
    let end = (line as usize + 201).min(whole.len());
    assert_eq!(lines, whole[first as usize..end]);
    // Where its figures stand is told of the same lines.
    let costs = client.ask("waitline/lineCosts", json!({ "uri": uri(&file) }));
    assert!(list(&costs, "lines").iter().any(|l| l["line"] == line), "{costs}");
    let (_, lines) = excerpt(&mut client, &file, 0);
    assert_eq!(lines[0].len(), 400);
    assert_eq!(lines.len(), 201);
    client.end();
}
