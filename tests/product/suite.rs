//! The tests of a test binary, against what their source says that they do (testdata/truth/suite).

use serde_json::{Value, json};

use crate::lsp::client::Client;
use crate::product::{testdata, waitline};

const MS: i64 = 1_000_000;

fn tests_of(trace: &str) -> Vec<Value> {
    let trace = testdata(trace);
    let run = waitline(["report".as_ref(), trace.as_os_str(), "--json".as_ref()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: Value = serde_json::from_str(run.text()).unwrap();
    report["tests"].as_array().unwrap().clone()
}

fn of<'a>(tests: &'a [Value], name: &str) -> &'a Value {
    let full = format!("example.com/truth/suite.{name}");
    tests.iter().find(|t| t["func"] == full.as_str()).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn tests_took_what_their_source_says() {
    let tests = tests_of("truth/traces/suite.trace");
    // How often, how many milliseconds, and where most of it went: the line, what for, how many.
    let slept = [
        ("TestParallel", 1, 50, 20, "sleep", 50),
        ("TestParallelToo", 1, 70, 25, "sleep", 70),
        ("TestSleeps", 1, 80, 29, "sleep", 60),
        ("TestSubtests.func1", 3, 60, 43, "sleep", 60),
        ("TestWaits", 1, 40, 58, "chan", 40),
        ("BenchmarkPauses", 2, 22, 65, "sleep", 22),
    ];
    for (name, n, took, line, cause, most) in slept {
        let test = of(&tests, name);
        assert_eq!(test["n"], n, "{name}");
        // A sleep is no shorter than was asked for, and on a busy machine somewhat longer.
        let near = |ns: &Value, ms: i64| {
            let ns = ns.as_i64().unwrap();
            assert!((ms * MS..(2 * ms + 10) * MS).contains(&ns), "{name}: {ns} for {ms} ms");
        };
        // A benchmark collects garbage before each round.
        near(&test["ns"], took);
        near(&test["most"]["ns"], most);
        assert_eq!(test["most"]["place"], format!("suite/suite_test.go:{line}"), "{name}");
        assert_eq!(test["most"]["cause"], cause, "{name}");
    }
    let spins = of(&tests, "TestSpins");
    assert!(spins["running"].as_i64().unwrap() >= 70 * MS, "{spins}");
    let parent = of(&tests, "TestSubtests");
    assert!(parent["subtests"].as_i64().unwrap() >= 60 * MS, "{parent}");
    let benchmark = of(&tests, "BenchmarkPauses");
    assert_eq!(benchmark["subtests"], 0, "the collector before each round is its own");
    // The parallel ones were paused until the others were done.
    let before: i64 = ["TestSleeps", "TestSpins", "TestSubtests", "TestWaits"]
        .map(|name| of(&tests, name)["ns"].as_i64().unwrap())
        .iter()
        .sum();
    for name in ["TestParallel", "TestParallelToo"] {
        let paused = of(&tests, name)["paused"].as_i64().unwrap();
        assert!((before..before + 20 * MS).contains(&paused), "{name}: {paused} of {before}");
    }
    assert_eq!(tests.len(), 8, "{tests:?}");
    let longest: Vec<i64> = tests.iter().map(|t| t["ns"].as_i64().unwrap()).collect();
    assert!(longest.is_sorted_by(|a, b| a >= b), "{longest:?}");
}

/// What tests wait for until their parallel subtests are done is no time of theirs, as `go test -v` counts it.
#[test]
fn parallel_subtests_are_no_time_of_their_parent() {
    let tests = tests_of("truth/traces/subtests.trace");
    let source = std::fs::read_to_string(testdata("truth/subtests/subtests_test.go")).unwrap();
    // In milliseconds, each at the line on which its function begins.
    let took = source.lines().filter_map(|line| line.split_once("//@ ")?.1.parse::<i64>().ok());
    let names = [
        "TestParent",
        "TestParent.func1",
        "TestParallelParent",
        "TestParallelParent.func1",
        "TestGroup",
        "TestGroup.func1",
        "TestGroup.func1.1",
        "TestCleansUp",
        "TestCleansUp.func2",
    ];
    let told = |name: &&str| {
        let full = format!("example.com/truth/subtests.{name}");
        let test = tests.iter().find(|t| t["func"] == full.as_str());
        test.unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(took.clone().count(), names.len());
    for (name, took) in names.iter().zip(took) {
        let ns = told(name)["ns"].as_i64().unwrap();
        assert!((took * MS..(took + 5) * MS).contains(&ns), "{name}: {ns} for {took} ms");
    }
    let within = told(&"TestGroup")["subtests"].as_i64().unwrap();
    assert!(within >= 40 * MS, "a group is waited for within the test: {within}");
    let paused = told(&"TestParent")["paused"].as_i64().unwrap();
    assert!(paused >= 90 * MS, "{paused}");
}

/// What is no test binary has no tests.
#[test]
fn other_programs_have_none() {
    assert_eq!(tests_of("traces/g126/webmix.trace"), Vec::<Value>::new());
}

#[test]
fn a_person_sees_which_test_takes_long() {
    let (trace, truth) = (testdata("truth/traces/suite.trace"), testdata("truth"));
    let run =
        waitline(["report".as_ref(), trace.as_os_str(), "--workspace".as_ref(), truth.as_os_str()]);
    let text = run.text();
    let at = text.find("\nTests the longest first").unwrap_or_else(|| panic!("{text}"));
    let rows: Vec<&str> = text[at + 1..].lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 2 + 5, "a third of 15 lines: {rows:?}");
    let sleeps = rows.iter().find(|row| row.contains("TestSleeps ")).unwrap();
    assert!(sleeps.contains("sleep testdata/truth/suite/suite_test.go:29"), "{sleeps}");
}

#[test]
fn a_test_says_above_it_how_long_it_took() {
    let truth = testdata("truth");
    let mut client = Client::start();
    client.initialize(&truth, json!({}), Value::Null);
    client.ask("waitline/load", json!({ "trace": truth.join("traces/suite.trace") }));
    let lenses = client.lenses(&truth.join("suite/suite_test.go"));
    let above = |line: u64| -> Vec<&str> {
        let here = lenses.iter().filter(|l| l["range"]["start"]["line"] == line - 1);
        here.filter_map(|l| l["command"]["title"].as_str()).collect()
    };
    let begins = |line, start: &str, end: &str| {
        let titles = above(line);
        let first = titles.first().unwrap_or_else(|| panic!("nothing above {line}: {lenses:?}"));
        assert!(first.starts_with(start) && first.contains(end), "{line}: {titles:?}");
    };
    begins(28, "took 83.3 ms · ", "sleep suite_test.go:29 7");
    begins(33, "took 89.1 ms · ", "running 9");
    begins(39, "took 66.8 ms · ", "its subtests ");
    begins(63, "took 49.6 ms · ", "sleep suite_test.go:65 ");
    let told = |line| above(line).iter().filter(|title| title.starts_with("took ")).count();
    assert_eq!([28, 33, 39, 63].map(told), [1; 4], "a subtest has none of its own");
}
