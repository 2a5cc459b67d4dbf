//! Verdicts, blame and findings against programs whose waiting is known by how they are written
//! (testdata/truth), and against what every trace must hold.

use std::collections::BTreeSet;
use std::path::Path;

use exectrace::FrameId;
use ide::Analysis;
use ide::analysis::{Builder, Unfinished};
use ide::blame::Blame;
use ide::causes::Cause;
use ide::findings::{Finding, Known, find};
use ide::goroutines::{groups, lives};
use ide::jobs::InTurn;
use ide::lines::{By, Figure, is_user_by_name, lines};
use ide::verdicts::{Facts, Sum, Verdict, Verdicts, judge};
use serde_json::Value;

use crate::answers::files_below;
use crate::product::testdata;

/// A trace with all that is said about it.
struct Judged {
    analysis: Analysis,
    verdicts: Verdicts,
    blame: Blame,
}

/// `None` for what cannot be read.
fn judged(trace: &Path) -> Option<Judged> {
    let bytes = std::fs::read(trace).unwrap();
    let mut builder = Builder::new().with_stays();
    let analysis = loop {
        builder.space(bytes.len()).copy_from_slice(&bytes);
        builder.filled(bytes.len());
        match builder.finish() {
            Ok(analysis) => break analysis,
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem).with_stays();
            }
            Err(_) => return None,
        }
    };
    let user = |f| is_user(&analysis, f);
    let facts = Facts::new(&analysis, &user);
    let (verdicts, blame) = judge(&analysis, facts, &|_| None, &InTurn(1)).unwrap();
    Some(Judged { analysis, verdicts, blame })
}

fn is_user(analysis: &Analysis, frame: FrameId) -> bool {
    is_user_by_name(analysis.str(analysis.tables.frame(frame).func))
}

impl Judged {
    /// Each line's waits and system calls: file, line, and the figures by cause.
    fn waits(&self) -> Vec<(String, u64, Vec<Figure>)> {
        lines(&self.analysis, By::Here, &|f| is_user(&self.analysis, f))
            .into_iter()
            .map(|line| {
                let causes = line.causes.into_iter().filter(|(cause, _)| {
                    let cause = self.analysis.causes.cause(*cause);
                    cause.is_wait() || cause == Cause::Syscall
                });
                let file = self.analysis.str(line.file);
                let file = file.strip_prefix("example.com/truth/").unwrap_or(file);
                (file.to_owned(), u64::from(line.line), causes.map(|(_, f)| f).collect())
            })
            .collect()
    }

    fn sum(&self, figures: &[Figure]) -> Sum {
        let mut sum = Sum::default();
        for slot in figures.iter().flat_map(|f| &f.slots) {
            sum.merge(&self.verdicts.sums[slot.0 as usize]);
        }
        sum
    }

    fn findings(&self) -> Vec<Finding> {
        let Judged { analysis, verdicts, blame } = self;
        let stays = analysis.stays.as_ref().unwrap();
        let lives = lives(analysis, stays);
        let groups = groups(analysis, stays, &verdicts.facts, &lives);
        let stood = ide::assists::stood(analysis);
        let known = Known { verdicts, blame, lives: &lives, groups: &groups, stood: &stood };
        find(analysis, &known, &|f| is_user(analysis, f), &InTurn(1)).findings
    }

    /// Code, file and line.
    fn found(&self) -> BTreeSet<(String, String, u64)> {
        let place = |finding: &Finding| match finding.frame {
            None => (String::new(), 0),
            Some(f) => {
                let frame = self.analysis.tables.frame(f);
                let file = self.analysis.str(frame.file);
                let file = file.strip_prefix("example.com/truth/").unwrap_or(file);
                (file.to_owned(), u64::from(frame.line))
            }
        };
        self.findings()
            .iter()
            .map(|finding| {
                let (file, line) = place(finding);
                (finding.code.as_str().to_owned(), file, line)
            })
            .collect()
    }
}

fn truth() -> Vec<Value> {
    let json = std::fs::read(testdata("truth/truth.json")).unwrap();
    serde_json::from_slice::<Value>(&json).unwrap().as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Sites of less than this are too short to be judged, in nanoseconds.
const LEAST_NS: i64 = 1_000_000;
/// Those that are long enough.
const N_SITES: usize = 281;

/// No idle site is called costly, no costly one idle, and nearly all are right.
#[test]
fn sites_have_the_verdict_that_the_source_says() {
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for program in truth() {
        let trace = text(&program["traces"][0]);
        let judged = judged(&testdata(&format!("truth/{trace}"))).unwrap();
        let waits = judged.waits();
        for site in list(&program["sites"]) {
            let (file, line) = (text(&site["file"]), site["line"].as_u64().unwrap());
            let Some((_, _, figures)) = waits.iter().find(|w| w.0 == file && w.1 == line) else {
                continue;
            };
            let sum = judged.sum(figures);
            if sum.total() < LEAST_NS {
                continue;
            }
            let verdict = match sum.largest().unwrap() {
                Verdict::Costly => "costly",
                Verdict::Through => "through",
                Verdict::Idle => "idle",
                Verdict::Unsure => "unsure",
            };
            let expected = text(&site["expect"]);
            let allowed = list(&site["also"]).iter().any(|v| v == verdict);
            all += 1;
            if expected == verdict || allowed {
                right += 1;
                continue;
            }
            let opposite = matches!(
                (expected.as_str(), verdict),
                ("idle", "costly") | ("costly", "idle") | ("through", "costly")
            );
            assert!(!opposite, "{file}:{line} is {expected} and is called {verdict}");
            wrong.push(format!("{file}:{line} is {expected}, called {verdict}"));
        }
    }
    eprintln!("{right} of {all} sites right; {}", wrong.join("; "));
    assert_eq!(all, N_SITES);
    assert!(right >= 279, "{right} of {all}: {wrong:#?}");
}

/// Exactly those that the programs were made for; some more may be, and nothing else.
#[test]
fn findings_are_those_that_the_programs_were_made_for() {
    let (mut made, mut allowed) = (0, 0);
    for program in truth() {
        let may: Vec<String> = list(&program["may_find"]).iter().map(text).collect();
        let must: BTreeSet<_> = list(&program["findings"])
            .iter()
            .map(|f| (text(&f["code"]), text(&f["file"]), f["line"].as_u64().unwrap()))
            .collect();
        for trace in list(&program["traces"]) {
            let trace = text(trace);
            let found = judged(&testdata(&format!("truth/{trace}"))).unwrap().found();
            for finding in &must {
                // The waits for a slot all began before this trace: the file has no line for them.
                let before = trace.ends_with("sem-late.trace") && finding.0 == "slots-exhausted";
                assert!(before || found.contains(finding), "{trace} lacks {finding:?}: {found:#?}");
            }
            for finding in found.difference(&must) {
                assert!(may.contains(&finding.0), "{trace}: {finding:?} is wrong");
                allowed += 1;
            }
            made += found.intersection(&must).count();
        }
    }
    eprintln!("{made} findings as they must be, {allowed} more that may be");
}

/// The five versions of a picture, recorded with 8 Ps on 2 CPUs: the bad ones are told what is
/// bad about them, the good ones nothing but that threads were short, which is true there.
#[test]
fn the_five_ways_to_draw_a_picture() {
    let cases: [(&str, &[(&str, u64)]); 5] = [
        ("seq", &[("one-at-a-time", 0)]),
        ("pixel", &[("goroutine-churn", 67), ("threads-starved", 0)]),
        ("col", &[("threads-starved", 0)]),
        (
            "workers",
            &[
                ("chan-backpressure", 111),
                ("fine-handoff", 103),
                ("fine-handoff", 111),
                ("threads-starved", 0),
            ],
        ),
        ("colworkersbuffered", &[("threads-starved", 0)]),
    ];
    for (variant, expected) in cases {
        let trace = testdata(&format!("traces/g126/mandel-{variant}.trace"));
        let found = judged(&trace).unwrap().found();
        let found: Vec<_> = found.iter().map(|(code, _, line)| (code.as_str(), *line)).collect();
        assert_eq!(found, expected, "{variant}");
    }
}

/// Verdicts and blame are two ways to share out the same time: they add up to the nanosecond, on
/// each line of each trace.
#[test]
fn verdicts_and_blame_add_up() {
    let (mut n_traces, mut n_lines) = (0, 0);
    for trace in files_below(&testdata("")) {
        if trace.extension().is_none_or(|e| e != "trace") {
            continue;
        }
        let Some(judged) = judged(&trace) else { continue };
        n_traces += 1;
        for (file, line, figures) in judged.waits() {
            let ns: i64 = figures.iter().map(Figure::total).sum();
            let slots: Vec<_> = figures.iter().flat_map(|f| f.slots.iter().copied()).collect();
            let blamed: i64 = judged.blame.ends(&slots).iter().map(|(_, ns)| ns).sum();
            let at = format!("{} {file}:{line}", trace.display());
            assert_eq!(judged.sum(&figures).total(), ns, "verdicts of {at}");
            assert_eq!(blamed, ns, "blame of {at}");
            n_lines += u64::from(ns > 0);
        }
        for finding in judged.findings() {
            assert!(finding.ns > 0, "{}: {finding:?} costs nothing", trace.display());
            assert!(!finding.detail.is_empty(), "{}: {finding:?}", trace.display());
        }
    }
    eprintln!("{n_lines} lines of {n_traces} traces add up");
    assert!(n_traces >= 80, "{n_traces}");
}
