//! Traces of our own: random but lawful schedules, encoded, loaded, and every figure compared with
//! that of a slow, plain model.
//!
//! `WAITLINE_GENERATED=N` tries N traces for each test in the place of 1,000. `WAITLINE_GENERATED_TO=DIR`
//! also keeps some of them there, with their texts, to be read by other tools.

use std::collections::BTreeMap;
use std::path::Path;

use exectrace::{GoId, Nanos, StackId};
use ide::Analysis;
use ide::jobs::InTurn;
use ide::judged::{Depth, Judged, Question};
use ide::lines::{By, lines as lines_of_analysis};
use ide::placement::Placement;
use ide::summary::{Keep, Summarizer};
use ide::timeline::{Class, Key, Window};
use ide::view::{View, Word};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::numbers::Numbers;
use crate::outcome::lines_of;
use crate::timeline::{Drawn, bare, cells_of, index_of, quiet};

mod model;
mod schedule;

use model::{Figure, Where};
use schedule::{Made, Plan, State, make};

/// How many traces each test makes.
fn cases() -> u32 {
    std::env::var("WAITLINE_GENERATED").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

fn plans() -> impl Strategy<Value = Plan> {
    let minor = prop_oneof![Just(22), Just(23), Just(25), Just(26), Just(26)];
    let tick = prop_oneof![Just(1i64), Just(10), Just(64)];
    let length = prop_oneof![4 => 20usize..400, 1 => 400usize..4000];
    let numbers = length.prop_flat_map(|n| prop::collection::vec(any::<u32>(), n));
    (minor, tick, 1usize..6, 1usize..5, 1usize..12, numbers).prop_map(
        |(minor, tick, threads, procs, gos, numbers)| Plan {
            minor,
            tick,
            threads,
            procs,
            gos,
            numbers,
        },
    )
}

/// A trace that was made and loaded.
struct Loaded {
    made: Made,
    bytes: Vec<u8>,
    view: View,
}

impl Loaded {
    fn analysis(&self) -> &Analysis {
        &self.view.analysis
    }
}

fn load(plan: &Plan) -> Result<Loaded, TestCaseError> {
    let made = make(plan);
    let bytes = exectrace::text::read(&made.text)
        .map_err(|e| TestCaseError::fail(format!("{e}\n{}", made.text)))?;
    let mut builder = ide::analysis::Builder::new().with_stays();
    // In odd pieces, as a file may come.
    for piece in bytes.chunks(997) {
        builder.space(piece.len()).copy_from_slice(piece);
        builder.filled(piece.len());
    }
    let analysis = builder
        .finish()
        .map_err(|e| TestCaseError::fail(format!("not read: {e:?}\n{}", made.text)))?;
    prop_assert!(analysis.problem.is_none(), "{:?}\n{}", analysis.problem, made.text);
    prop_assert_eq!(u64::from(analysis.totals.generations), made.generations);
    prop_assert_eq!(analysis.duration(), made.end, "the trace's end\n{}", made.text);
    let view = View::new("a".into(), analysis, Placement::default(), &Word::default());
    Ok(Loaded { made, bytes, view })
}

/// Makes traces and checks each; tells how many, and the sum of what `check` counts.
fn try_all(what: &str, check: impl Fn(&Loaded) -> Result<usize, TestCaseError>) {
    let (traces, counted) = (std::cell::Cell::new(0u32), std::cell::Cell::new(0));
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    });
    let outcome = runner.run(&plans(), |plan| {
        let loaded = load(&plan)?;
        counted.set(counted.get() + check(&loaded)?);
        traces.set(traces.get() + 1);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{what}: {error}");
    }
    eprintln!("{} traces made, {} {what} are those of the model", traces.get(), counted.get());
    assert!(traces.get() >= cases() && counted.get() > 0);
}

/// Compares two tables, and shows the first place where they differ.
fn same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    made: &Made,
    what: &str,
    want: &BTreeMap<K, V>,
    have: &BTreeMap<K, V>,
) -> Result<usize, TestCaseError> {
    for key in want.keys().chain(have.keys()) {
        prop_assert!(
            want.get(key) == have.get(key),
            "{what} at {key:?}:\n  want {:?}\n  have {:?}\n{}\n{:#?}",
            want.get(key),
            have.get(key),
            made.text,
            made.facts
        );
    }
    Ok(want.len())
}

#[test]
fn cores_change_nothing() {
    try_all("generations that were decoded ahead", |loaded| {
        crate::side_by_side::try_ahead(&loaded.bytes)
            .map_err(|why| TestCaseError::fail(format!("{why}\n{}", loaded.made.text)))
    });
}

#[test]
fn every_figure_of_every_line_is_the_models() {
    try_all("figures", |loaded| {
        let analysis = loaded.analysis();
        let mut n = 0;
        for (by, place) in
            [(By::Leaf, Where::Leaf), (By::Here, Where::Here), (By::Under, Where::Under)]
        {
            let want = model::lines(&loaded.made, place);
            let mut have = BTreeMap::new();
            for line in lines_of(analysis, by) {
                for (cause, figure) in &line.causes {
                    let name = analysis.causes.name(*cause).to_owned();
                    let key = (analysis.str(line.file).to_owned(), line.line, name);
                    let figure = Figure {
                        n: figure.n,
                        ns: figure.ns,
                        open_n: figure.open_n,
                        open_ns: figure.open_ns,
                        pre_n: figure.pre_n,
                        pre_ns: figure.pre_ns,
                        longest: figure.longest().map_or(-1, |worst| worst.ns),
                    };
                    prop_assert!(have.insert(key, figure).is_none(), "a line is there twice");
                }
            }
            n += same(&loaded.made, &format!("{by:?}"), &want, &have)?;
        }
        Ok(n)
    });
}

/// Percentiles are of the spans that ended, and off by a hundredth at most.
#[test]
fn percentiles_are_the_models() {
    try_all("percentiles", |loaded| {
        let mut want: BTreeMap<model::Key, Vec<i64>> = BTreeMap::new();
        for stay in model::all_stays(&loaded.made).iter().filter(|s| !s.open) {
            for (cause, stack) in &stay.charged {
                for (file, line) in model::places(*stack, Where::Leaf) {
                    let key = (file, line, cause.clone());
                    want.entry(key).or_default().push(stay.to - stay.told);
                }
            }
        }
        let analysis = loaded.analysis();
        let mut n = 0;
        for line in lines_of(analysis, By::Leaf) {
            for (cause, figure) in line.causes.iter().filter(|c| c.1.ns > 0) {
                let name = analysis.causes.name(*cause).to_owned();
                let key = (analysis.str(line.file).to_owned(), line.line, name);
                let values = figure.values(analysis);
                let Some(lengths) = want.get_mut(&key) else {
                    return Err(TestCaseError::fail(format!("{key:?} has percentiles")));
                };
                lengths.sort_unstable();
                prop_assert_eq!(values.len(), lengths.len() as u64, "{:?}", key);
                for (percent, have) in
                    [50u64, 90, 99].into_iter().zip(values.percentiles([50, 90, 99]))
                {
                    // The smallest length that so many of a hundred do not exceed.
                    let rank = (lengths.len() as u64 * percent).div_ceil(100).max(1);
                    let exact = lengths[rank as usize - 1];
                    let off = (have - exact).abs();
                    prop_assert!(
                        off * 100 <= exact,
                        "{:?} p{}: {} for {}",
                        key,
                        percent,
                        have,
                        exact
                    );
                    n += 1;
                }
            }
        }
        Ok(n)
    });
}

#[test]
fn whoever_ended_a_wait_is_the_models() {
    try_all("pairs of wait and waker", |loaded| {
        let analysis = loaded.analysis();
        let leaf = |stack: StackId| {
            let frame = analysis.stack(stack).first().map(|&f| analysis.tables.frame(f));
            frame.map_or((String::new(), 0), |f| (analysis.str(f.file).to_owned(), f.line))
        };
        let mut have = model::Wakers::new();
        for waker in &analysis.wakers {
            let slot = &analysis.slots[waker.slot.0 as usize];
            let cause = analysis.causes.name(slot.cause).to_owned();
            let sum = have.entry((cause, leaf(slot.stack), waker.stack.map(leaf))).or_default();
            *sum = (sum.0 + waker.n, sum.1 + waker.ns);
        }
        same(&loaded.made, "wakers", &model::wakers(&loaded.made), &have)
    });
}

#[test]
fn goroutines_regions_tasks_and_logs_are_the_models() {
    try_all("goroutines, regions, tasks and logs", |loaded| {
        let made = &loaded.made;
        let mut summarizer = Summarizer::new(Keep::ALL);
        summarizer.space(loaded.bytes.len()).copy_from_slice(&loaded.bytes);
        summarizer.filled(loaded.bytes.len());
        let summed = summarizer
            .finish()
            .map_err(|e| TestCaseError::fail(format!("not summed up: {e:?}")))?;
        let (summary, analysis) = (&summed.summary, &summed.analysis);
        let text = |id| analysis.str(id).to_owned();

        let numbers = model::goroutines(made);
        prop_assert_eq!(summary.len(), numbers.len());
        let mut n = 0;
        let mut others = Vec::new();
        for g in numbers {
            let want = model::life(made, g);
            let Some(row) = summary.find(GoId(g)) else {
                return Err(TestCaseError::fail(format!("goroutine {g} is not there")));
            };
            let have = summary.goroutine(row);
            prop_assert_eq!(have.creation.0, want.creation, "G{}\n{}", g, made.text);
            // What the runtime's own leave open is dropped there.
            if ide::summary::is_system(&text(have.name)) {
                others.push(g);
            }
            // To block for ever is an end there, and what follows is nobody's.
            if want.block.contains_key("forever") {
                others.push(g);
                continue;
            }
            let have = model::Life {
                creation: have.creation.0,
                end: have.end.map(|t| t.0),
                exec: have.stats.exec,
                runnable: have.stats.sched_wait,
                block: have.stats.block.iter().map(|&(why, ns)| (text(why), ns)).collect(),
                syscall: have.stats.syscall + have.stats.syscall_block,
            };
            prop_assert_eq!(have, want, "G{}\n{}", g, made.text);
            n += 1;
        }

        let mut regions: Vec<model::Region> = summary
            .regions
            .iter()
            .filter_map(|r| Some((r.g.0, r.task.0, text(r.name), r.start?.0, r.end?.0)))
            .collect();
        let mut want = model::regions(made);
        // Those without a name are told apart from the ones that stand for a task nowhere.
        let counts = |r: &model::Region| !r.2.is_empty() && !others.contains(&r.0);
        regions.retain(counts);
        want.retain(counts);
        regions.sort();
        prop_assert_eq!(&regions, &want, "regions\n{}", made.text);

        let tasks: Vec<_> = summary
            .tasks
            .iter()
            .filter_map(|t| Some((t.id.0, text(t.name), t.start?.0, t.end.map(|end| end.0))))
            .collect();
        prop_assert_eq!(&tasks, &model::tasks(made), "tasks\n{}", made.text);

        let logs: Vec<_> = summary
            .logs
            .iter()
            .map(|l| (l.t.0, l.g.0, l.task.0, text(l.category), text(l.message)))
            .collect();
        prop_assert_eq!(&logs, &model::logs(made), "logs\n{}", made.text);
        Ok(n + regions.len() + tasks.len() + logs.len())
    });
}

/// Figures of a range of time, wherever it lies.
#[test]
fn figures_of_a_window_are_the_models() {
    try_all("figures of windows", |loaded| {
        let (made, end) = (&loaded.made, loaded.made.end);
        let mut n = 0;
        for (t0, t1) in
            [(0, end), (end / 3, end / 2), (end / 2, end), (end / 5, end / 5 + 1), (end - 1, end)]
        {
            if t0 >= t1 {
                continue;
            }
            let view = loaded.view.in_range(Nanos(t0), Nanos(t1));
            let analysis = &view.analysis;
            let (mut have, mut runnable) = (BTreeMap::new(), 0);
            for line in lines_of_analysis(analysis, By::Leaf, &|_| false) {
                for (cause, figure) in &line.causes {
                    let name = analysis.causes.name(*cause);
                    if matches!(name, "sched" | "sched_own") {
                        runnable += figure.total();
                        continue;
                    }
                    let key = (analysis.str(line.file).to_owned(), line.line, name.to_owned());
                    // What begins at the trace's very end takes no time, and counts only here.
                    if figure.total() > 0 {
                        have.insert(key, (figure.count(), figure.total()));
                    }
                }
            }
            let what = format!("from {t0} to {t1}");
            n += same(made, &what, &model::window(made, t0, t1), &have)?;
            prop_assert_eq!(runnable, model::runnable(made, t0, t1), "{}\n{}", what, made.text);
        }
        Ok(n)
    });
}

/// The timeline: each goroutine's spans, and its lane in windows of any width.
#[test]
fn lanes_are_the_models() {
    try_all("lanes", |loaded| {
        let (made, end) = (&loaded.made, loaded.made.end);
        let mut index = index_of(&loaded.bytes, loaded.analysis())
            .map_err(|e| TestCaseError::fail(format!("no index: {e:?}")))?;
        index.seal(&loaded.view);
        let mut n = 0;
        for g in model::goroutines(made) {
            let Some(go) = index.find_go(GoId(g)) else {
                return Err(TestCaseError::fail(format!("goroutine {g} is not there")));
            };
            let want = model::lane(made, g);
            let have: Vec<_> =
                index.spans(go, i64::MIN, i64::MAX).filter(|s| s.end > s.start).collect();
            prop_assert_eq!(have.len(), want.len(), "G{}\n{}", g, made.text);
            let mut drawn: Vec<Drawn> = Vec::new();
            for (have, want) in have.iter().zip(&want) {
                let class = have.tone.class();
                let fits = match (want.2, want.3) {
                    (State::Running, true) => class == Class::Assist,
                    (State::Running, false) => class == Class::Running,
                    (State::Runnable, _) => class == Class::Runnable,
                    (State::Syscall, _) => class == Class::Syscall,
                    _ => class.is_wait(),
                };
                prop_assert!(
                    fits && (have.start, have.end) == (want.0, want.1),
                    "G{}: {:?} for {:?}\n{}",
                    g,
                    have,
                    want,
                    made.text
                );
                drawn.push((want.0, want.1, have.tone.0));
            }
            for (t0, t1, width) in [(0, end, 100), (end / 4, end / 2, 7), (-5, end + 5, 33)] {
                if t0 >= t1 {
                    continue;
                }
                let window = Window { t0, t1, width };
                let tile = index.tile(&[Key::Gos(vec![GoId(g)])], &window);
                let want = cells_of(&drawn, window, &quiet);
                prop_assert_eq!(
                    bare(&tile[0].rects),
                    bare(&want),
                    "G{} {:?}\n{}",
                    g,
                    window,
                    made.text
                );
                n += 1;
            }
        }
        Ok(n)
    });
}

/// Counts that no test above has: the schedules reach all that they are meant to reach.
#[test]
fn schedules_have_everything_in_them() {
    let words = std::cell::RefCell::new(BTreeMap::<String, u32>::new());
    try_all("events", |loaded| {
        let mut words = words.borrow_mut();
        for word in loaded.made.text.split_whitespace() {
            if word.starts_with(|c: char| c.is_ascii_uppercase()) {
                *words.entry(word.to_owned()).or_default() += 1;
            }
        }
        Ok(loaded.made.facts.len())
    });
    let words = words.into_inner();
    for event in [
        "GoCreate",
        "GoCreateBlocked",
        "GoStart",
        "GoBlock",
        "GoStop",
        "GoDestroy",
        "GoUnblock",
        "GoSwitch",
        "GoSwitchDestroy",
        "GoSyscallBegin",
        "GoSyscallEnd",
        "GoSyscallEndBlocked",
        "GoStatus",
        "GoStatusStack",
        "ProcStatus",
        "ProcStart",
        "ProcStop",
        "ProcSteal",
        "GCActive",
        "GCBegin",
        "GCEnd",
        "STWBegin",
        "STWEnd",
        "GCSweepBegin",
        "GCSweepEnd",
        "GCMarkAssistBegin",
        "GCMarkAssistEnd",
        "UserTaskBegin",
        "UserTaskEnd",
        "UserRegionBegin",
        "UserRegionEnd",
        "UserLog",
        "GoLabel",
        "HeapAlloc",
        "HeapGoal",
        "ProcsChange",
        "CPUSample",
    ] {
        assert!(words.get(event).is_some_and(|&n| n > 10), "{event} is rare: {words:?}");
    }
}

/// What judging takes is told from the lives alone, before it is done: so much, and not many times as
/// much.
#[test]
fn judging_takes_no_more_memory_than_was_told() {
    for gos in [20, 2_000] {
        let mut dice = Numbers(gos as u64);
        let numbers = (0..200_000).map(|_| dice.below(1 << 31) as u32).collect();
        let plan = Plan { minor: 26, tick: 1, threads: 8, procs: 4, gos, numbers };
        let analysis = load(&plan).unwrap().view.analysis;
        let told = analysis.memory_judged() - analysis.memory();
        let question = Question::new(&analysis, &|_| true, &[], None);
        let judge = || Judged::new(&analysis, &question, Depth::Groups, &InTurn(1), &|| true);
        let (judged, took, _) = crate::heap::peak_of(judge);
        assert!(judged.is_some());
        let n = analysis.stays.as_ref().map_or(0, |stays| stays.len());
        eprintln!("{n} stays: told {told} bytes, took {took}");
        // By slot and stack there is what a trace of any length has.
        assert!(took <= told + (1 << 20), "told {told} bytes, took {took}");
        assert!(told <= 4 * took, "told {told} bytes, took {took}");
    }
}

/// The text of a trace that was made, and its bytes: for other readers of traces.
#[test]
fn what_was_made_can_be_kept() {
    let Some(dir) = std::env::var_os("WAITLINE_GENERATED_TO") else { return };
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir).unwrap();
    let n = std::cell::Cell::new(0);
    try_all("files", |loaded| {
        let name = format!("generated-{}", n.get());
        std::fs::write(dir.join(format!("{name}.trace")), &loaded.bytes).unwrap();
        std::fs::write(dir.join(format!("{name}.txt")), &loaded.made.text).unwrap();
        n.set(n.get() + 1);
        Ok(1)
    });
}
