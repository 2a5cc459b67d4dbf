//! The language server through its real protocol: a child process, its pipes, and a client.

mod analyses;
mod behind;
mod cancels;
mod cases;
pub(crate) mod client;
mod editors;
mod edits;
mod excerpts;
mod faults;
mod findings;
mod following;
mod hostile;
mod judged;
mod kept;
mod loads;
mod recordings;
mod rewrites;
mod settings;
mod shown;
mod stress;
mod timeline;
mod wire;
mod word;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::product::testdata;
use client::Client;

/// The folder of the bundled programs, which is the module `example.com/workload`.
fn programs() -> PathBuf {
    testdata("programs")
}

fn trace(name: &str) -> PathBuf {
    testdata(&format!("traces/{name}.trace"))
}

/// The bundled program `leak`, and a trace of it.
fn leak() -> (PathBuf, PathBuf) {
    (programs().join("leak/main.go"), trace("g126/leak"))
}

/// A folder of its own that holds a copy of `leak` in a module of the same path, with `edit` applied
/// to its text.
fn copy_of_leak(edit: impl Fn(&str) -> String) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("leak")).unwrap();
    std::fs::create_dir(root.join("rec")).unwrap();
    for name in ["go.mod", "rec/rec.go"] {
        std::fs::copy(programs().join(name), root.join(name)).unwrap();
    }
    let text = std::fs::read_to_string(programs().join("leak/main.go")).unwrap();
    let file = root.join("leak/main.go");
    std::fs::write(&file, edit(&text)).unwrap();
    (dir, file)
}

fn text_of(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// The lines of a text as the protocol counts them.
fn lines_of(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect()
}

/// The line (from 0) of the first text like this.
fn line_with(text: &str, part: &str) -> u32 {
    let found = lines_of(text).iter().position(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no line with {part:?}")) as u32
}

fn line_of(item: &Value) -> u32 {
    let start = item.pointer("/position/line").or_else(|| item.pointer("/range/start/line"));
    start.and_then(Value::as_u64).unwrap() as u32
}

/// The label of the hint at a line.
fn hint_at(hints: &[Value], line: u32) -> Option<&str> {
    hints.iter().find(|hint| line_of(hint) == line).and_then(|hint| hint["label"].as_str())
}

/// The titles of the lenses at a line.
fn lenses_at(lenses: &[Value], line: u32) -> Vec<&str> {
    let here = lenses.iter().filter(|lens| line_of(lens) == line);
    here.filter_map(|lens| lens["command"]["title"].as_str()).collect()
}

/// All that is said about a file.
fn all_of(client: &mut Client, file: &Path) -> (Vec<Value>, Vec<Value>) {
    (client.lenses(file), client.hints(file))
}

/// Asks again until it is so, for as long as an answer may take.
fn poll(client: &mut Client, what: &str, is: impl Fn(&mut Client) -> bool) {
    let from = std::time::Instant::now();
    while !is(client) {
        assert!(from.elapsed() < client::LIMIT, "never so: {what}");
        client.listen(std::time::Duration::from_millis(10));
    }
}

/// For an editor that is not told of it.
fn until_shown(client: &mut Client, file: &Path) {
    poll(client, "a trace is shown", |client| !client.lenses(file).is_empty());
}
