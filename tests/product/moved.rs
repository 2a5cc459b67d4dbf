//! A checkout elsewhere than where the program was built, whose files have been edited since.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::product::{testdata, waitline};

fn trace() -> std::path::PathBuf {
    testdata("traces/g126/webmix.trace")
}

fn rows(command: &[&str], workspace: &Path) -> Vec<Value> {
    let trace = trace();
    let mut args: Vec<_> = command.iter().map(AsRef::as_ref).collect();
    args.extend([trace.as_os_str(), "--workspace".as_ref(), workspace.as_os_str()]);
    let run = waitline(args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// By recorded line: all time of its waits.
fn lines(workspace: &Path) -> BTreeMap<(String, u64), i64> {
    let mut sums = BTreeMap::new();
    for row in rows(&["lines", "--by", "here", "--json"], workspace) {
        let file = row["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let verdicts = row["verdicts"].as_object().into_iter().flatten();
        let ns: i64 = verdicts.map(|(_, ns)| ns.as_i64().unwrap()).sum();
        *sums.entry((file, row["line"].as_u64().unwrap())).or_default() += ns;
    }
    sums
}

/// Two lines more above each function put most recorded lines outside theirs. All figures stay with the lines
/// that they belong to, and messages name these by where they are now.
#[test]
fn lines_of_functions_that_moved_keep_their_figures() {
    let programs = testdata("programs");
    let dir = tempfile::tempdir().unwrap();
    let mut now: BTreeMap<(String, u64), u64> = BTreeMap::new();
    std::fs::copy(programs.join("go.mod"), dir.path().join("go.mod")).unwrap();
    let files = ["webmix", "rec"].map(|package| {
        std::fs::create_dir(dir.path().join(package)).unwrap();
        std::fs::read_dir(programs.join(package)).unwrap().map(move |file| (package, file.unwrap()))
    });
    for (package, file) in files.into_iter().flatten() {
        let name = file.file_name().into_string().unwrap();
        let mut edited = String::new();
        for (i, line) in std::fs::read_to_string(file.path()).unwrap().lines().enumerate() {
            if line.starts_with("func ") {
                edited += "// One line more.\n// And another.\n";
            }
            edited = edited + line + "\n";
            now.insert((name.clone(), i as u64 + 1), edited.lines().count() as u64);
        }
        std::fs::write(dir.path().join(package).join(name), edited).unwrap();
    }
    assert_eq!(lines(&programs), lines(dir.path()));

    let found = |workspace: &Path| {
        let rows = rows(&["findings", "--json"], workspace).into_iter();
        rows.map(|row| (row["code"].clone(), row["line"].as_u64(), row["message"].clone()))
            .collect::<Vec<_>>()
    };
    let told = |workspace: &Path| {
        let args =
            ["report".as_ref(), trace().as_os_str(), "--workspace".as_ref(), workspace.as_os_str()]
                .map(std::ffi::OsStr::to_owned);
        waitline(args).text().contains("\nyour source has changed since the trace: ")
    };
    assert_eq!((told(&programs), told(dir.path())), (false, true));
    let (before, after) = (found(&programs), found(dir.path()));
    assert_eq!(before.len(), after.len(), "{before:#?} {after:#?}");
    let moved = |place: &str| {
        let (file, line) = place.split_once(':')?;
        let line = now.get(&(file.to_owned(), line.parse().ok()?))?;
        Some(format!("{file}:{line}"))
    };
    let mut n_named = 0;
    for (before, after) in before.iter().zip(&after) {
        let words = before.2.as_str().unwrap().split(' ').map(|word| {
            let (bare, end) = word.strip_suffix(',').map_or((word, ""), |bare| (bare, ","));
            n_named += usize::from(moved(bare).is_some_and(|now| now != bare));
            moved(bare).map_or_else(|| word.to_owned(), |now| now + end)
        });
        assert_eq!(words.collect::<Vec<_>>().join(" "), after.2.as_str().unwrap());
        assert_eq!(before.0, after.0);
    }
    assert!(n_named > 0, "no message names a line: {before:#?}");
}
