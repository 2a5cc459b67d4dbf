//! What a person or a script meets: exit codes, messages, help, and the forms for people.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::answers::answer_to;
use crate::product::{Run, program, testdata, waitline};

const COMMANDS: [&str; 14] = [
    "report",
    "findings",
    "annotate",
    "lines",
    "pprof",
    "goroutines",
    "regions",
    "tasks",
    "mmu",
    "dump",
    "check-trace",
    "record",
    "timeline",
    "lsp",
];

/// Nothing in: one sentence that names the file and says what it is, and exit 1.
#[test]
fn a_file_without_an_answer_gives_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.trace");
    std::fs::write(&empty, b"").unwrap();
    let old = dir.path().join("old.trace");
    std::fs::write(&old, b"go 1.9 trace\0\0\0\0").unwrap();
    let broken = |name: &str| testdata(&format!("traces/broken/{name}.trace"));
    let cases: [(PathBuf, &[&str]); 8] = [
        (dir.path().join("absent.trace"), &["no such file"]),
        (dir.path().to_owned(), &["folder", "directory"]),
        (empty, &["empty"]),
        (broken("not-a-trace"), &["not a go execution trace"]),
        (broken("header-cut"), &["header", "not a go execution trace"]),
        (broken("gzip"), &["gzip"]),
        (old, &["go 1.9"]),
        (broken("g121-cut-60"), &["ends inside"]),
    ];
    for (file, any_of) in cases {
        for form in [["report"].as_slice(), &["lines", "--by=leaf", "--json"]] {
            let run = waitline(form.iter().map(Path::new).chain([file.as_path()]));
            let what = format!("{form:?} {}: {:?}", file.display(), run.stderr);
            assert_eq!(run.code, Some(1), "{what}");
            assert!(run.stdout.is_empty(), "{what} prints an answer as well");
            assert_eq!(run.stderr.trim_end().lines().count(), 1, "{what} is not one sentence");
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(run.stderr.contains(name), "{what} does not name the file");
            let said = run.stderr.to_lowercase();
            assert!(any_of.iter().any(|text| said.contains(text)), "{what} lacks {any_of:?}");
        }
    }
}

/// A part is an answer: exit 0, and a warning of one sentence with how far it goes.
#[test]
fn a_damaged_trace_gives_what_was_whole_and_a_warning() {
    for name in ["g122-cut-60", "g126-cut-60", "g126-flip-middle", "g126-text-tail"] {
        let file = testdata(&format!("traces/broken/{name}.trace"));
        let run = waitline([Path::new("report"), &file]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        assert!(!run.stdout.is_empty(), "{name} has no answer");
        let said = run.stderr.to_lowercase();
        assert_eq!(said.trim_end().lines().count(), 1, "{name}: {said:?} is not one sentence");
        assert!(said.contains(name), "{name}: {said:?} does not name the file");
        assert!(said.contains("byte"), "{name}: {said:?} does not say where");
        assert!(said.contains("lost"), "{name}: {said:?} does not say how much was lost");
    }
}

#[test]
fn wrong_use_gives_2_and_says_what_would_be_right() {
    let leak = testdata("traces/g126/leak.trace");
    let leak = leak.to_str().unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&[], "report"),
        (&["no-such-command"], "no-such-command"),
        (&["report"], "TRACE"),
        (&["lines", leak, "--by", "stack", "--json"], "under"),
        (&["pprof", leak, "--type", "heap", "-o", "x"], "sched"),
        (&["annotate", "main.go"], "--trace"),
    ];
    for (args, hint) in cases {
        let run = waitline(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(hint), "{args:?} does not say {hint:?}: {}", run.stderr);
    }
}

#[test]
fn help_of_every_command_has_an_example() {
    let run = waitline(["--help"]);
    assert_eq!(run.code, Some(0));
    for command in COMMANDS {
        assert!(run.text().contains(command), "`waitline --help` does not name {command}");
        let run = waitline([command, "--help"]);
        assert_eq!(run.code, Some(0), "{command} --help");
        let example = format!("waitline {command} ");
        let after = run.text().split_once("xample").map(|(_, after)| after);
        assert!(
            after.is_some_and(|after| after.contains(example.trim_end())),
            "`waitline {command} --help` has no example:\n{}",
            run.text()
        );
    }
}

#[test]
fn a_pipe_gets_no_escape_codes() {
    let leak = testdata("traces/g126/leak.trace");
    let source = testdata("programs/leak/main.go");
    let runs = [
        waitline([Path::new("report"), &leak]),
        waitline([Path::new("annotate"), &source, Path::new("--trace"), &leak]),
        waitline([Path::new("dump"), Path::new("--footprint"), &leak]),
        waitline(["--help"]),
        waitline(["report", "/no/such/file"]),
    ];
    for run in runs {
        assert!(!run.stdout.is_empty() || !run.stderr.is_empty(), "nothing was printed");
        assert!(!run.stdout.contains(&0x1b), "escape codes in a pipe: {:?}", run.text());
        assert!(!run.stderr.contains('\x1b'), "escape codes in a pipe: {:?}", run.stderr);
    }
}

/// `| head -1` closes the pipe early: that is no error of anybody's.
#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let mut command = program();
    command.args(["dump", "--events"]).arg(testdata("traces/g126/webmix.trace"));
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("waitline starts");
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    assert!(!first.is_empty(), "no event was printed");
    assert!(said.is_empty(), "{said}");
    assert_ne!(status.code(), Some(101), "a panic");
}

/// Of the lines that cost, `mu.Lock()` of five goroutines that wait for ever is the dearest: 1.51 s.
/// What waits for channels with empty hands is summed up in a line.
#[test]
fn report_names_a_dear_line_and_its_text() {
    let report = report_of_leak();
    let line =
        report.text().lines().find(|l| l.contains("main.go:31  ") && l.contains("mu.Lock()"));
    let line = line.unwrap_or_else(|| panic!("no main.go:31 in\n{}", report.text()));
    assert!(report.text().contains("costly s"), "the column's unit is not in\n{}", report.text());
    assert!(line.trim_start().starts_with("1.51 "), "another time in {line:?}");
    assert!(report.text().contains("303 ms"), "no duration of the trace in\n{}", report.text());
    assert!(report.text().contains("main.go:31: stuck-lock: "), "{}", report.text());
    let idle = report.text().lines().find(|l| l.starts_with("Idle ")).unwrap();
    assert!(idle.contains("main.go:25 1."), "{idle}");
}

#[test]
fn annotate_keeps_every_line_and_adds_the_figures() {
    let source = testdata("programs/leak/main.go");
    let trace = testdata("traces/g126/leak.trace");
    let run = waitline([Path::new("annotate"), &source, Path::new("--trace"), &trace]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);

    // The text of the source, in its order: tabs may have become spaces.
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut printed = run.text().lines().map(squeeze);
    for line in std::fs::read_to_string(&source).unwrap().lines() {
        let line = squeeze(line);
        assert!(printed.any(|p| p.contains(&line)), "{line:?} is missing, or out of order");
    }

    for (text, figure) in [
        ("func leakSend()", "1.52 s"),
        ("for j := range jobs", "1.51 s"),
        ("second.Lock()", "592 ms"),
    ] {
        let line = run.text().lines().find(|l| l.contains(text)).unwrap();
        assert!(line.contains(figure), "{figure} does not stand at {line:?}");
    }
}

#[test]
fn dump_shows_the_wire_the_events_and_their_sizes() {
    let trace = testdata("traces/g126/leak.trace");
    let dump = |form: &str| {
        let run = waitline([Path::new("dump"), Path::new(form), &trace]);
        assert_eq!(run.code, Some(0), "dump {form}: {}", run.stderr);
        run
    };

    let wire = dump("--wire");
    assert!(wire.text().contains("\nbatch gen=1 "), "no batch in the wire's text");
    assert!(wire.text().contains("GoUnblock"), "no event in the wire's text");

    assert!(dump("--events").text().lines().count() > 2_000, "fewer events than the trace has");

    // Every event that Go's reader counts stands there with its number.
    let footprint = dump("--footprint");
    for (event, n) in answer_to(&trace).unwrap().raw_counts() {
        let has = footprint.text().lines().any(|line| {
            let mut words = line.split_whitespace();
            words.any(|word| word == event)
                && line.split_whitespace().any(|word| word.replace(',', "") == n.to_string())
        });
        assert!(has, "no line for {event} with {n} in\n{}", footprint.text());
    }
}

fn report_of_leak() -> Run {
    let trace = testdata("traces/g126/leak.trace");
    let programs = testdata("programs");
    let run = waitline([Path::new("report"), &trace, Path::new("--workspace"), &programs]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.is_empty(), "a whole trace needs no warning: {}", run.stderr);
    run
}
