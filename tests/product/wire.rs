//! The wire cases (testdata/wire): small traces as text, and the events that Go's own reader gives.
//!
//! They show each event, each rule of the order and each way to break it, and they run inside this
//! process: through the text form both ways, then as `waitline dump --events` prints them.

use std::fs;
use std::path::{Path, PathBuf};

use waitline::events;

use crate::product::testdata;

/// A case: its trace, and Go's answer.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// The events, without the last line `error` where the reader ended with one.
    events: String,
    fails: bool,
}

/// What is not as in Go's reader, on purpose: case, Go's words, ours.
const OTHERWISE: [(&str, &str, &str); 2] = [
    // The end of a stop names its reason by the string's number in the generation of its beginning,
    // and Go's reader looks that number up in the generation of the end.
    (
        "gen-stw",
        "end \"stop-the-world (read mem stats)\"",
        "end \"stop-the-world (GC mark termination)\"",
    ),
    // No file has as many lines as 32 bits count.
    ("large-values", "big id:4294967296", "big id:4294967295"),
];

/// All cases, in the order of their names.
pub(crate) fn cases() -> Vec<Case> {
    let root = testdata("wire");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    files.iter().map(|file| case(&root, file)).collect()
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "txt")
            && path.with_extension("events").exists()
        {
            files.push(path);
        }
    }
}

fn case(root: &Path, file: &Path) -> Case {
    let name = file.strip_prefix(root).unwrap().with_extension("").display().to_string();
    let text = fs::read_to_string(file).unwrap();
    let bytes = exectrace::text::read(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let answer = fs::read_to_string(file.with_extension("events")).unwrap();
    match answer.strip_suffix("error\n") {
        Some(events) => Case { name, bytes, events: events.to_owned(), fails: true },
        None => Case { name, bytes, events: answer, fails: false },
    }
}

/// The events as text, and what ended them too early.
pub(crate) fn events_of(mut bytes: &[u8]) -> (String, Option<String>) {
    let mut out = Vec::new();
    let printed = events::print(&mut bytes, &mut out).expect("bytes can be read, and text kept");
    let problem = match printed {
        Ok(printed) => printed.problem.map(|p| p.to_string()),
        Err(error) => Some(error.to_string()),
    };
    (String::from_utf8(out).unwrap(), problem)
}

#[test]
fn bytes_to_text_and_back_are_the_same_bytes() {
    let cases = cases();
    let mut cut = 0;
    for Case { name, bytes, fails, .. } in &cases {
        let mut text = String::new();
        // What is no trace from some byte on is written as far as it is one.
        if let Err(error) = exectrace::text::write(bytes, &mut text) {
            assert!(fails, "{name}: {error}");
            cut += 1;
            continue;
        }
        let again = exectrace::text::read(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        assert!(again == *bytes, "{name}: other bytes from\n{text}");
    }
    eprintln!("{} wire cases, and {cut} that end as no text can", cases.len() - cut);
}

/// Old traces in words, and back: every file of Go 1.11 to 1.21, whole or not.
#[test]
fn old_bytes_to_text_and_back_are_the_same_bytes() {
    let files = ["traces/g121", "peer-suite", "traces/broken"].map(testdata);
    let files = files.iter().flat_map(|dir| crate::answers::files_below(dir));
    let (mut whole, mut cut, mut n_bytes) = (0, 0, 0);
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let header = &bytes[..bytes.len().min(exectrace::HEADER_LEN)];
        if !exectrace::Version::from_header(header).is_ok_and(exectrace::Version::is_v1) {
            continue;
        }
        let mut text = String::new();
        let end = match exectrace::text::write(&bytes, &mut text) {
            Ok(()) => bytes.len(),
            Err(error) => error.byte_offset().unwrap_or_else(|| panic!("{file:?}: {error}")),
        };
        let again =
            exectrace::text::read(&text).unwrap_or_else(|e| panic!("{file:?}: {e}\n{text}"));
        // What is no event is left out, and may begin before the byte that shows it.
        assert!(bytes.starts_with(&again) && again.len() <= end, "{file:?}: other bytes");
        if end == bytes.len() {
            assert_eq!(again.len(), bytes.len(), "{file:?}: some are missing");
            whole += 1;
        } else {
            cut += 1;
        }
        n_bytes += again.len();
    }
    eprintln!("{whole} old traces, and {cut} that end as no text can: {n_bytes} bytes");
    assert!(whole >= 15, "{whole}");
}

/// Read like the newest format that is known, which Go's reader does not do (docs/broken-traces.md).
const READ_ANYWAY: &str = "broken-header-127";

#[test]
fn the_events_are_those_of_gos_reader() {
    let mut cases = cases();
    cases.retain(|case| case.name != READ_ANYWAY);
    let (mut fail, mut n_events, mut wrong) = (0, 0, Vec::new());
    for case in &cases {
        n_events += case.events.lines().count();
        fail += usize::from(case.fails);
        if let Err(what) = compare(case) {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    eprintln!("{} wire cases, {fail} of them broken, {n_events} events", cases.len());
}

fn compare(case: &Case) -> Result<(), String> {
    let (have, problem) = events_of(&case.bytes);
    if case.fails != problem.is_some() {
        return Err(format!("Go's reader fails: {}, ours: {problem:?}", case.fails));
    }
    let mut events = case.events.clone();
    if let Some((_, theirs, ours)) = OTHERWISE.iter().find(|o| o.0 == case.name) {
        if !events.contains(theirs) {
            return Err(format!("Go's answer does not hold {theirs:?} any more"));
        }
        events = events.replace(theirs, ours);
    }
    let mut have = have.lines();
    for (i, want) in events.lines().enumerate() {
        let have = have.next();
        if have != Some(want) {
            return Err(format!("event {i}:\n  want {want:?}\n  have {have:?}"));
        }
    }
    // Go's reader reads one event ahead on each thread, and so loses the good event right before one
    // that cannot be read.
    let more: Vec<&str> = have.collect();
    if more.len() > usize::from(case.fails) {
        return Err(format!("{} events more: {more:#?}", more.len()));
    }
    Ok(())
}
