//! What a person or a script meets: exit codes, messages, help, and the forms for people.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::answers::answer_to;
use crate::product::{Run, program, testdata, waitline};

const COMMANDS: [&str; 15] = [
    "report",
    "findings",
    "explain",
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

/// What was so when a trace of Go 1.21 began stands in its first batch, and Go's converter makes no event of it.
#[test]
fn gomaxprocs_of_old_traces_is_that_of_the_wire() {
    for name in ["annot", "leak", "mandel-seq-cpu", "pipeline-3s"] {
        let trace = testdata(&format!("traces/g121/{name}.trace"));
        let run = |args: &[&str]| {
            let run = waitline(args.iter().map(Path::new).chain([trace.as_path()]));
            assert_eq!(run.code, Some(0), "{name} {args:?}: {}", run.stderr);
            String::from_utf8(run.stdout).unwrap()
        };
        let wire = run(&["dump", "--wire"]);
        let (_, rest) = wire.split_once("Gomaxprocs ").unwrap();
        let (_, procs) = rest.split_once("procs=").unwrap();
        let procs = procs.split_whitespace().next().unwrap();
        let told = run(&["report"]);
        assert!(told.contains(&format!("GOMAXPROCS {procs} ")), "{name}: {told}");
    }
}

/// Nothing in: one sentence that names the file and says what it is, and exit 1.
#[test]
fn a_file_without_an_answer_gives_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.trace");
    std::fs::write(&empty, b"").unwrap();
    let old = dir.path().join("old.trace");
    std::fs::write(&old, b"go 1.9 trace\0\0\0\0").unwrap();
    let broken = |name: &str| testdata(&format!("traces/broken/{name}.trace"));
    let profile = dir.path().join("cpu.pprof");
    std::fs::write(&profile, gzipped_profile()).unwrap();
    let cases: [(PathBuf, &[&str]); 9] = [
        (dir.path().join("absent.trace"), &["no such file"]),
        (dir.path().to_owned(), &["folder", "directory"]),
        (empty, &["empty"]),
        (broken("not-a-trace"), &["not a go execution trace"]),
        (broken("header-cut"), &["header", "not a go execution trace"]),
        (broken("gzip"), &["gzip"]),
        (old, &["go 1.9"]),
        (profile, &["this is a pprof profile, not an execution trace"]),
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
    let cases: [(&[&str], &str); 10] = [
        (&[], "report"),
        (&["no-such-command"], "no-such-command"),
        (&["report"], "TRACE"),
        (&["lines", leak, "--by", "stack", "--json"], "under"),
        (&["pprof", leak, "--type", "heap", "-o", "x"], "sched"),
        (&["annotate", "main.go"], "--trace"),
        (&["run.trace"], "try: waitline report run.trace"),
        (&[leak], "try: waitline report "),
        (&["main.go"], "try: waitline annotate TRACE main.go"),
        (&["explain", "slot-exhausted"], "did you mean slots-exhausted?"),
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

/// What the runtime writes: its first field is the time.
fn gzipped_profile() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let head = [0x48, 0x96, 0xf0, 0x9d, 0x8f, 0xbd, 0x9b, 0xa1, 0xf6, 0x18, 0x0a, 4, 8, 1, 0x10, 2];
    gzip.write_all(&head).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn help_and_version_are_words_too() {
    for (words, flags) in [
        (["help"].as_slice(), ["--help"].as_slice()),
        (&["help", "report"], &["report", "--help"]),
        (&["help", "record", "test"], &["record", "test", "--help"]),
        (&["version"], &["--version"]),
    ] {
        let (run, want) = (waitline(words), waitline(flags));
        assert_eq!((run.code, run.text()), (Some(0), want.text()), "{words:?}");
    }
}

/// Help is broken once: where the terminal ends.
#[test]
fn help_fills_its_lines() {
    for command in COMMANDS {
        let mut narrow = program();
        narrow.args([command, "--help"]).env("COLUMNS", "60");
        let run = crate::product::run(narrow, std::time::Duration::from_secs(60));
        let text = run.text().split("\nExample").next().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            let [line, next] = [pair[0], pair[1]];
            // A line that is followed by its rest has no room for the next word.
            let goes_on = next.starts_with(|c: char| c.is_ascii_lowercase());
            let word = next.split(' ').next().unwrap();
            let room = 60 - line.chars().count().min(60);
            assert!(
                !goes_on || line.is_empty() || word.chars().count() + 1 > room,
                "{command}: {line:?} has room for {word:?}"
            );
        }
    }
}

/// A page for each code, in the program itself.
#[test]
fn every_code_is_explained() {
    let list = waitline(["explain"]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    for code in ide::findings::CODES {
        let name = code.as_str();
        let listed = |line: &str| line.split_once(' ').is_some_and(|(first, _)| first == name);
        assert!(list.text().lines().any(listed), "{name} is not listed");
        let run = waitline(["explain", name]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        let page = std::fs::read_to_string(crate::product::root().join(code.page())).unwrap();
        assert_eq!(run.text().lines().next(), Some(name));
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        // The last paragraph is there: nothing was cut.
        let last = page.trim_end().rsplit("\n\n").next().unwrap();
        let last = squeeze(last.split(['[', '|', '`']).next().unwrap());
        assert!(squeeze(run.text()).contains(&last), "{name} lacks {last:?}");
    }
    for word in ["verdicts", "costly", "figures", "findings"] {
        assert!(waitline(["explain", word]).stdout.len() > 500, "{word}");
    }
}

/// `-` is a trace that comes over a pipe, for whoever has it packed elsewhere.
#[test]
fn a_trace_can_come_over_standard_input() {
    let leak = testdata("traces/g126/leak.trace");
    let mut command = program();
    command.args(["findings", "-"]).stdin(std::fs::File::open(&leak).unwrap());
    command.current_dir(crate::product::root());
    let piped = command.output().unwrap();
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    assert_eq!(piped.stdout, waitline([Path::new("findings"), &leak]).stdout);
}

/// Whoever runs them in the folder of the program gets the same lines of both, with paths that lead there.
#[test]
fn report_and_findings_take_the_current_folder() {
    let webmix = testdata("traces/g126/webmix.trace");
    let findings = waitline([Path::new("findings"), &webmix]);
    let report = waitline([Path::new("report"), &webmix]);
    let place = "testdata/programs/webmix/db.go:70: slots-exhausted: ";
    assert!(findings.text().lines().any(|line| line.starts_with(place)), "{}", findings.text());
    assert!(report.text().contains(place), "{}", report.text());
    assert!(crate::product::root().join("testdata/programs/webmix/db.go").is_file());

    // From a folder of the module, too, it is the whole module.
    let mut below = program();
    below.arg("findings").arg(&webmix).current_dir(testdata("programs/gcmix"));
    let run = crate::product::run(below, std::time::Duration::from_secs(60));
    assert!(run.text().starts_with("../webmix/db.go:70: slots-exhausted: "), "{}", run.text());

    // Where the program is not, names tell its code: also where a package that it uses is. (Two folders
    // of the repository could be that of `leak`.)
    let leak = testdata("traces/g126/leak.trace");
    let empty = tempfile::tempdir().unwrap();
    for dir in [empty.path(), crate::product::root()] {
        for name in ["findings", "report"] {
            let mut command = program();
            command.arg(name).arg(&leak).current_dir(dir);
            let run = crate::product::run(command, std::time::Duration::from_secs(60));
            assert!(run.text().contains("leak/main.go:31: stuck-lock: "), "{}", run.text());
            assert!(run.stderr.is_empty(), "{}", run.stderr);
        }
    }
}

#[test]
fn what_a_person_names_in_vain_is_said() {
    let leak = testdata("traces/g126/leak.trace");
    let empty = tempfile::tempdir().unwrap();
    for (option, value, hint) in [
        (
            "--user",
            "orders",
            "no function of the trace is in orders or below (it has example.com/workload/rec, main)",
        ),
        ("--workspace", empty.path().to_str().unwrap(), "none of the trace's files is in "),
    ] {
        for command in ["findings", "lines"] {
            let mut args = vec![command, leak.to_str().unwrap(), option, value];
            if command == "lines" {
                args.push("--json");
            }
            let run = waitline(&args);
            assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
            assert!(run.stderr.contains(hint), "{args:?}: {}", run.stderr);
        }
    }
}

/// A folder that lacks a part of the program: its lines are missing from the answer.
#[test]
fn what_a_workspace_lacks_is_said() {
    let trace = testdata("traces/g126/webmix.trace");
    let whole = testdata("programs");
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("webmix")).unwrap();
    for file in ["go.mod", "webmix/main.go"] {
        std::fs::copy(whole.join(file), dir.path().join(file)).unwrap();
    }
    for (workspace, is_part) in [(dir.path(), true), (whole.as_path(), false)] {
        let options = [["lines", "--json"], ["findings", "--json"], ["report", "--top=3"]];
        for [command, option] in options {
            let workspace = workspace.to_str().unwrap();
            let run =
                waitline([command, trace.to_str().unwrap(), option, "--workspace", workspace]);
            let told = if command == "report" { run.text() } else { run.stderr.as_str() };
            let told = told.contains(" of the program's waiting is in ");
            assert_eq!((run.code, told), (Some(0), is_part), "{command}: {}", run.stderr);
        }
    }
}

/// Lines of figures are for scripts: an answer that depends on where they run is of no use to them.
#[test]
fn lines_take_the_current_folder_in_a_module_only() {
    let trace = testdata("traces/g126/webmix.trace");
    let lines = |dir: &Path| {
        let mut command = program();
        command.args(["lines", "--by", "here", "--json"]).arg(&trace).current_dir(dir);
        let run = crate::product::run(command, std::time::Duration::from_secs(60));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let empty = tempfile::tempdir().unwrap();
    let elsewhere = lines(empty.path());
    assert_eq!(lines(crate::product::root()), elsewhere, "no module, though some lie below");
    let programs = testdata("programs");
    let named = waitline([
        Path::new("lines"),
        &trace,
        "--json".as_ref(),
        "--workspace".as_ref(),
        &programs,
    ]);
    assert_eq!(lines(&programs), named.stdout, "a module");
    assert_ne!(named.stdout, elsewhere);
}

#[test]
fn long_sentences_break_between_words() {
    let webmix = testdata("traces/g126/webmix.trace");
    let said = |columns: Option<&str>| {
        let mut command = program();
        command.arg("findings").arg(&webmix).current_dir(crate::product::root());
        command.env_remove("COLUMNS").envs(columns.map(|columns| ("COLUMNS", columns)));
        crate::product::run(command, std::time::Duration::from_secs(60)).text().to_owned()
    };
    let (whole, narrow) = (said(None), said(Some("60")));
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeeze(&whole), squeeze(&narrow));
    assert!(whole.lines().any(|line| line.chars().count() > 90), "nothing is cut without need");
    for line in narrow.lines() {
        let words = line.split_whitespace().count();
        assert!(line.chars().count() <= 60 || words <= 2, "{line:?}");
    }
}

/// Both orders, and the option; a trifle is not shown, and that there are some is.
#[test]
fn annotate_takes_its_files_in_any_order() {
    let source = testdata("programs/leak/main.go");
    let trace = testdata("traces/g126/leak.trace");
    let runs = [
        waitline([Path::new("annotate"), &trace, &source]),
        waitline([Path::new("annotate"), &source, &trace]),
        waitline([Path::new("annotate"), &source, "--trace".as_ref(), &trace]),
    ];
    for run in &runs {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stdout, runs[0].stdout);
    }
    let text = runs[0].text();
    // The first figure of a row is all of its time.
    let total = |line: &str| line.get(..11).unwrap_or_default().trim().to_owned();
    let totals: Vec<String> = text.lines().map(total).collect();
    assert!(!totals.iter().any(|ns| ns.ends_with("µs") || ns.ends_with("ns")), "{text}");
    assert!(text.contains("of less than 1.00 ms left out: --min 1ns"), "{text}");
    assert!(text.contains("…: some of it was still under way"), "{text}");
    let lock = text.lines().find(|line| line.contains("mu.Lock()") && line.contains(" 31  "));
    assert!(lock.is_some_and(|line| line.contains("costly")), "{text}");
    let all = waitline([Path::new("annotate"), &trace, &source, "--min".as_ref(), "1ns".as_ref()]);
    let trifles = all.text().lines().filter(|line| total(line).ends_with("µs")).count();
    assert!(trifles > 5 && !all.text().contains("left out"), "{}", all.text());
}

/// Of a line with waits of two verdicts, number and tail stand where most of it is.
#[test]
fn a_part_of_a_line_has_not_the_number_of_all() {
    let run = waitline([Path::new("report"), &testdata("traces/g126/webmix.trace")]);
    let text = run.text();
    let rows: Vec<&str> =
        text.lines().filter(|line| line.contains("webmix/client.go:25 ")).collect();
    let (costly, through) = (rows[0], rows[1]);
    assert!(costly.contains("380 ms     826×  3.59 ms"), "{costly}");
    assert!(through.contains("37.8 ms") && !through.contains('×'), "{through}");
    assert!(text.contains("\nno number and tail: "), "{text}");
    // What is said of the whole program stands beside what is said of the person's lines.
    assert!(text.contains("\nyour lines: costly 1.20 s"), "{text}");
    let both =
        "Runnable: waits for a core: 2.15 on average on your lines, 3.69 in the whole program";
    assert!(text.contains(both), "{text}");
}

/// What the README shows is what its command prints.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = std::fs::read_to_string(crate::product::root().join("README.md")).unwrap();
    let run = waitline(["report", "testdata/traces/g126/webmix.trace"]);
    assert!(readme.contains(&format!("```text\n{}```\n", run.text())), "{}", run.text());
    let analyses =
        std::fs::read_to_string(crate::product::root().join("docs/analyses.md")).unwrap();
    for command in
        ["goroutines --top 4", "regions", "tasks", "mmu --windows 100µs,1ms,10ms --top 1"]
    {
        let (name, options) = command.split_once(' ').unwrap_or((command, ""));
        let shown = format!("$ waitline {name} webmix.trace {options}").trim_end().to_owned();
        let args = [name, "testdata/traces/g126/webmix.trace"];
        let run = waitline(args.into_iter().chain(options.split_terminator(' ')));
        assert!(analyses.contains(&format!("{shown}\n{}```", run.text())), "{}", run.text());
    }
}

/// A unit for each figure: what is small has three digits, too.
#[test]
fn small_figures_of_a_table_are_told() {
    let webmix = testdata("traces/g126/webmix.trace");
    for command in ["goroutines", "regions", "tasks"] {
        let run = waitline([Path::new(command), &webmix]);
        assert!(!run.text().contains("< 0.01") && run.text().contains(" µs"), "{}", run.text());
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
    assert!(line.trim_start().starts_with("1.51 s "), "another time in {line:?}");
    assert!(report.text().contains("303 ms"), "no duration of the trace in\n{}", report.text());
    assert!(report.text().contains("main.go:31: stuck-lock: "), "{}", report.text());
    let idle = report.text().lines().find(|l| l.starts_with("Idle: ")).unwrap();
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
