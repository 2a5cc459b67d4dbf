//! Traces that are old, cut, doubled, damaged or hostile: what is said of them, and that nothing
//! falls over.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::product::{Run, root, testdata, waitline};

/// Inputs of Go's fuzzer on which Go's reader stops earlier or later than ours, with the number of
/// events that ours gives. Why stands in docs/broken-traces.md.
const DIFFER: [(&str, usize); 2] =
    [("fuzz/4055b17cae1a3443.bin", 2), ("fuzz/malformed-timestamp.bin", 1)];

/// Every trace of Go's own tests is taken as far as Go's reader takes it.
#[test]
fn go_suite_is_taken_and_refused_as_by_go() {
    let text = std::fs::read(testdata("peer-suite/manifest.json")).unwrap();
    let manifest: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let mut differ = String::new();
    for entry in &manifest {
        let name = entry["file"].as_str().unwrap();
        let run = dump(&testdata("peer-suite").join(name));
        let go = entry["events"].as_u64().unwrap() as usize;
        let known = DIFFER.iter().find(|(file, _)| *file == name).map(|(_, n)| *n);
        let want = known.unwrap_or(go);
        let have = run.text().lines().count();
        let fails = entry["error"].as_str().is_some_and(|e| !e.is_empty());
        let failed = run.code != Some(0) || run.stderr.contains("warning: the events end here");
        if have != want || (failed != fails && known.is_none()) || run.stderr.contains("panicked") {
            differ += &format!("{name}: {have} events, not {want}; {}\n", run.stderr);
        }
    }
    assert!(differ.is_empty(), "{differ}");
    assert_eq!(manifest.len(), 22 + 12 + 17);
}

/// The golden cases give the very events that Go's reader gives.
#[test]
fn golden_cases_give_the_events_of_go() {
    let mut n = 0;
    for entry in std::fs::read_dir(testdata("peer-suite/reader")).unwrap() {
        let trace = entry.unwrap().path();
        if trace.extension().is_none_or(|e| e != "trace") {
            continue;
        }
        let name = trace.with_extension("events");
        let name = name.file_name().unwrap();
        let want = std::fs::read_to_string(testdata("wire/go-suite").join(name)).unwrap();
        let run = dump(&trace);
        let error = if run.stderr.contains("warning:") { "error\n" } else { "" };
        assert_eq!(format!("{}{error}", run.text()), want, "{}", trace.display());
        n += 1;
    }
    assert_eq!(n, 22);
}

/// The first is shown, the next are named, and each can be read.
#[test]
fn two_traces_in_one_file_are_told_apart() {
    for (twice, once) in [("g126-twice", "g126/annot-3s"), ("g125-twice", "")] {
        let path = testdata(&format!("traces/broken/{twice}.trace"));
        let run = lines(&path);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stderr.contains("another trace"), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("{twice}.trace#2")), "{}", run.stderr);
        assert!(!run.stderr.contains("lost"), "the first trace is whole: {}", run.stderr);
        let second = lines(&numbered(&path, 2));
        assert_eq!(second.code, Some(0), "{}", second.stderr);
        assert!(second.stderr.is_empty(), "{}", second.stderr);
        assert_eq!(second.text(), run.text(), "both are the same trace");
        if !once.is_empty() {
            let once = lines(&testdata(&format!("traces/{once}.trace")));
            assert_eq!(once.text(), run.text());
        }
        let third = lines(&numbered(&path, 3));
        assert_eq!(third.code, Some(1));
        assert!(third.stderr.contains("2 traces only"), "{}", third.stderr);
    }
}

/// The same with the format before Go 1.22, and with one of each.
#[test]
fn old_and_new_traces_in_one_file_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mixed.out");
    let old = testdata("traces/g121/leak.trace");
    let new = testdata("traces/g126/leak.trace");
    let [a, b] = [&old, &new].map(|p| std::fs::read(p).unwrap());
    std::fs::write(&path, [&a[..], &a, &b, &a].concat()).unwrap();
    for (n, one) in [(1, &old), (2, &old), (3, &new), (4, &old)] {
        let part = if n == 1 { path.clone() } else { numbered(&path, n) };
        assert_eq!(lines(&part).text(), lines(one).text(), "trace {n}");
    }
}

/// A format that is not known yet is read as far as it goes, and what stops it is named.
#[test]
fn newer_formats_are_read_with_a_warning() {
    let path = testdata("traces/broken/future-version.trace");
    let run = lines(&path);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("1.99") && run.stderr.contains("newer"), "{}", run.stderr);

    // An event of a type that does not exist, in the place of one in the third generation.
    let mut bytes = std::fs::read(&path).unwrap();
    let flipped = std::fs::read(testdata("traces/broken/g126-flip-middle.trace")).unwrap();
    bytes[16..].copy_from_slice(&flipped[16..]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("newer.trace");
    std::fs::write(&path, bytes).unwrap();
    let run = lines(&path);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("newer than this Waitline"), "{}", run.stderr);
    assert!(run.stderr.contains("complete to 1.00 s of about 2.52 s"), "{}", run.stderr);
}

/// Go's reader ends at a region that ends inside another one; here it is named, and all is counted.
#[test]
fn misused_regions_end_no_load() {
    let text = std::fs::read_to_string(testdata("wire/broken-region-misuse.txt")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("regions.trace");
    std::fs::write(&path, exectrace::text::read(&text).unwrap()).unwrap();
    let run = lines(&path);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("the region \"a\" of goroutine 1 ends while"), "{}", run.stderr);
    assert!(dump(&path).stderr.contains("warning: the events end here"));
}

/// Whoever keeps the rows of an answer has lost the warning, so each says it itself.
#[test]
fn rows_of_a_partial_trace_say_so() {
    let cut = testdata("traces/broken/g126-cut-60.trace");
    let whole = testdata("traces/g126/annot-3s.trace");
    for command in ["lines", "goroutines", "regions", "tasks", "mmu", "findings"] {
        let mut n = 0;
        for (path, partial) in [(&cut, true), (&whole, false)] {
            let run = waitline([Path::new(command), path, Path::new("--json")]);
            assert_eq!(run.code, Some(0), "{command}: {}", run.stderr);
            assert_eq!(
                run.stderr.contains("complete to 1.00 s"),
                partial,
                "{command}: {}",
                run.stderr
            );
            for line in run.text().lines() {
                let row: Value = serde_json::from_str(line).unwrap();
                assert_eq!(row["partial"] == true, partial, "{command}: {line}");
                n += 1;
            }
        }
        assert!(n > 0 || command == "findings", "{command} has no rows");
    }
}

#[test]
fn check_trace_says_what_a_file_is() {
    let check = |path: &Path| {
        let run = waitline([Path::new("check-trace"), path, Path::new("--json")]);
        let value: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert!(run.stderr.is_empty(), "{}", run.stderr);
        let text = waitline([Path::new("check-trace"), path]);
        assert_eq!(text.code, run.code);
        assert!(!text.stdout.is_empty());
        (run.code, value)
    };
    let broken = |name: &str| testdata(&format!("traces/broken/{name}.trace"));

    let (code, whole) = check(&testdata("traces/g121/leak.trace"));
    assert_eq!((code, &whole["state"], &whole["go"]), (Some(0), &"whole".into(), &"1.21".into()));

    let (code, cut) = check(&broken("g126-cut-60"));
    assert_eq!((code, &cut["state"]), (Some(3), &"partial".into()));
    assert_eq!(cut["generations"], 1);
    let (lost, bytes) = (cut["lost_bytes"].as_u64().unwrap(), cut["bytes"].as_u64().unwrap());
    assert!(lost > bytes / 4 && lost < bytes, "{lost} of {bytes}");
    assert!(cut["lost_until"].as_u64() > cut["duration"].as_u64(), "{cut}");

    let (code, twice) = check(&broken("g126-twice"));
    assert_eq!((code, &twice["next_trace"]), (Some(0), &25_963.into()));

    for name in ["empty", "not-a-trace", "header-cut", "g121-cut-60"] {
        let (code, unusable) = check(&broken(name));
        assert_eq!((code, &unusable["state"]), (Some(1), &"unusable".into()), "{name}");
        assert!(unusable["error"].as_str().unwrap().contains(name));
    }
}

/// The table of sentences in the docs is what is said today.
#[test]
fn sentences_in_the_docs_are_those_that_are_said() {
    let docs = std::fs::read_to_string(root().join("docs/broken-traces.md")).unwrap();
    let table = docs.split("## What the sentences look like").nth(1).unwrap();
    let mut n = 0;
    for row in
        table.lines().skip_while(|l| !l.starts_with("| `")).take_while(|l| l.starts_with("| `"))
    {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [file, exit, said] = cells[..] else { panic!("{row}") };
        let name = file.split('`').nth(1).unwrap();
        let path = testdata(&format!("traces/broken/{name}.trace"));
        let run = waitline([Path::new("check-trace"), &path]);
        assert_eq!(run.code, exit.parse().ok(), "{name}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // The table has the files' names, as if they were called from their folder.
        let folder = format!("{}/", path.parent().unwrap().display());
        let have = (words(run.text()) + &words(&run.stderr)).replace(&folder, "");
        let want = words(said);
        assert!(have.contains(&want), "{name}:\n  docs {want}\n  said {have}");
        n += 1;
    }
    let files = crate::answers::files_below(&testdata("traces/broken"));
    let traces = files.iter().filter(|f| f.extension().is_some_and(|e| e == "trace")).count();
    assert_eq!(n, traces, "each broken trace stands in the table");
}

/// Every shorter version of a v1 trace, and damage of all kinds: no panic, and an end.
#[test]
fn damaged_v1_traces_never_crash() {
    let mut n = 0;
    for name in ["g121/leak", "g121/mandel-seq-cpu"] {
        let bytes = std::fs::read(testdata(&format!("traces/{name}.trace"))).unwrap();
        for len in (0..bytes.len()).step_by(7) {
            let _ = ide::analysis::of_bytes(&bytes[..len]);
            n += 1;
        }
        let mut random = 1u64;
        for _ in 0..1_500 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + next(&mut random) % 3 {
                let at = next(&mut random) as usize % damaged.len();
                match next(&mut random) % 3 {
                    0 => damaged[at] ^= 1 << (next(&mut random) % 8),
                    1 => damaged[at] = next(&mut random) as u8,
                    _ => {
                        let from = next(&mut random) as usize % damaged.len();
                        let len = (next(&mut random) as usize % 64)
                            .min(damaged.len() - at)
                            .min(damaged.len() - from);
                        damaged.copy_within(from..from + len, at);
                    }
                }
            }
            let _ = ide::analysis::of_bytes(&damaged);
            n += 1;
        }
    }
    eprintln!("{n} damaged traces, no panic");
}

/// A plain generator: the same numbers on every machine.
fn next(random: &mut u64) -> u64 {
    *random =
        random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    PathBuf::from(format!("{}#{n}", path.display()))
}

fn dump(path: &Path) -> Run {
    waitline([Path::new("dump"), Path::new("--events"), path])
}

fn lines(path: &Path) -> Run {
    waitline([Path::new("lines"), path, Path::new("--by=here"), Path::new("--json")])
}
