#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use super::*;
use crate::analysis::Builder;
use crate::findings::{Known, find};
use crate::go_source::GoSource;
use crate::goroutines::{groups, lives};
use crate::jobs::InTurn;
use crate::line_map::{LineMap, TextPosition, TextRange};
use crate::placement::SourceFile;
use crate::sources::{Mapper, Module, Workspace};
use crate::verdicts::{Facts, judge};

const TRACE: &[u8] = include_bytes!("../../../../testdata/truth/traces/lockslow.trace");
const SOURCE: &str = include_str!("../../../../testdata/truth/lockslow/main.go");
const PATH: &str = "/ws/lockslow/main.go";
/// `mu.Lock() //@ costly: ...`, from 0.
const LINE: u32 = 13;

/// The trace of a lock that is held for long, in a workspace with this text as its source.
fn placed(text: &str) -> (Vec<Finding>, Placement) {
    let mut builder = Builder::new().with_stays();
    builder.space(TRACE.len()).copy_from_slice(TRACE);
    builder.filled(TRACE.len());
    let analysis = builder.finish().unwrap();
    let workspace = Workspace {
        roots: vec!["/ws".to_owned()],
        modules: vec![Module { dir: "/ws".to_owned(), path: "example.com/truth".to_owned() }],
        files: vec![PATH.to_owned()],
        ..Workspace::default()
    };
    let mut read = |path: &str| {
        let text: Arc<str> = text.into();
        let source = GoSource::parse(&text);
        Some(Arc::new(SourceFile { path: path.to_owned(), text, source }))
    };
    let placement = Placement::new(&analysis, &Mapper::new(workspace), &mut read);
    let user = |f| placement.place(f).is_some();
    let facts = Facts::new(&analysis, &user);
    let (verdicts, blame) = judge(&analysis, facts, &|_| None, &InTurn(1)).unwrap();
    let stays = analysis.stays.as_ref().unwrap();
    let lives = lives(&analysis, stays);
    let groups = groups(&analysis, stays, &verdicts.facts, &lives);
    let stood = crate::assists::stood(&analysis);
    let (verdicts, blame) = (&verdicts, &blame);
    let known = Known { verdicts, blame, lives: &lives, groups: &groups, stood: &stood };
    (find(&analysis, &known, &user, &InTurn(1)).findings, placement)
}

/// What is shown after some edits: each replaces columns of a line.
fn shown(text: &str, edits: &[(u32, std::ops::Range<u32>, &str)]) -> Vec<Diagnostic> {
    let (found, placement) = placed(text);
    let Some(file) = placement.file_at(PATH) else { return Vec::new() };
    let mut map = LineMap::new(text.into());
    let mut buffer = TextBuffer::new(text.to_owned());
    for (line, columns, new) in edits {
        let at = |character| TextPosition { line: *line, character };
        let range = TextRange { start: at(columns.start), end: at(columns.end) };
        let edit = buffer.apply(range, new).unwrap();
        map.edit(edit, &buffer);
    }
    diagnostics(&found, &placement, file, &Lines::of_map(Arc::new(map)), &buffer)
}

fn at_lock(list: &[Diagnostic], line: u32) -> Vec<Code> {
    list.iter().filter(|d| d.line == line).map(|d| d.code).collect()
}

#[test]
fn a_finding_stands_on_its_line() {
    let list = shown(SOURCE, &[]);
    let first = list.iter().find(|d| d.line == LINE).unwrap();
    assert_eq!(first.code, Code::LockContention);
    assert_eq!(first.severity, Severity::Information);
    assert_eq!(first.href, "docs/findings/lock-contention.md");
    let text = SOURCE.lines().nth(LINE as usize).unwrap();
    let columns = first.columns.start as usize..first.columns.end as usize;
    assert_eq!(&text[columns], "mu.Lock()");
    assert!(first.message.starts_with("Waits "), "{}", first.message);
    assert!(!first.related.is_empty());
    assert!(first.related.iter().all(|r| r.path == PATH));
    // Findings about the whole trace have no line.
    assert!(list.iter().all(|d| d.code != Code::ThreadsStarved));
}

#[test]
fn it_moves_with_its_line_and_goes_with_it() {
    let moved = shown(SOURCE, &[(0, 0..0, "// One.\n// Two.\n")]);
    assert!(at_lock(&moved, LINE + 2).contains(&Code::LockContention));
    assert!(at_lock(&moved, LINE).is_empty());
    let edited = shown(SOURCE, &[(LINE, 1..3, "other")]);
    assert!(at_lock(&edited, LINE).is_empty());
}

#[test]
fn a_comment_silences_it() {
    let above = |comment: &str| {
        let list = shown(SOURCE, &[(LINE, 0..0, comment)]);
        at_lock(&list, LINE + 1)
    };
    assert!(
        !above("\t//waitline:ignore lock-contention it is meant\n").contains(&Code::LockContention)
    );
    assert!(!above("\t//waitline:ignore convoy,lock-contention\n").contains(&Code::LockContention));
    assert!(above("\t//waitline:ignore convoy other\n").contains(&Code::LockContention));
    assert!(above("\t//waitline:ignored lock-contention\n").contains(&Code::LockContention));
    assert!(
        above("\tx() //waitline:ignore lock-contention not this line\n")
            .contains(&Code::LockContention)
    );
    assert_eq!(ignore_comment(Code::Convoy), "//waitline:ignore convoy ");
}

#[test]
fn a_file_that_does_not_hold_the_function_shows_nothing() {
    assert_eq!(shown("package main\n\nfunc other() {}\n", &[]), []);
    let elsewhere = format!("package main\n{}", "\n".repeat(60)) + "func main() {}\n";
    assert_eq!(shown(&elsewhere, &[]), []);
}

#[test]
fn columns_leave_out_indentation_and_comment() {
    assert_eq!(columns("\tmu.Lock() // why"), 1..10);
    assert_eq!(columns("get(\"http://x\")"), 0..15);
    assert_eq!(columns("// all of it"), 0..12);
    assert_eq!(columns("   "), 3..3);
    assert_eq!(columns(""), 0..0);
}
