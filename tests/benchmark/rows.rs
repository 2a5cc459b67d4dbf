//! The rows, in the order of the table.

use std::path::Path;

use serde_json::Value;

use crate::programs::{Argv, Took, argv, by_turns, free_memory, load, ours, part, said};
use crate::report::{Limit, Report, held, mib, seconds};
use crate::{editor, made, pages, product};

const MIB: f64 = (1 << 20) as f64;
/// Some rows are about traces of this size and more, in bytes.
const LARGE: u64 = 250_000_000;
/// Of smaller ones starting takes the most, in bytes.
const SMALL: u64 = 8 << 20;

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn rounds() -> usize {
    env("ROUNDS").and_then(|n| n.parse().ok()).unwrap_or(5).max(1)
}

/// What is measured without a trace of one's own.
pub(crate) fn once(report: &mut Report) {
    report.about("the server", &format!("load {}", load()));
    let binary = product::binary();
    let dir = tempfile::tempdir().unwrap();
    let stripped = dir.path().join("stripped");
    let mut strip = std::process::Command::new("strip");
    let strip = strip.args(["-s", "-o"]).arg(&stripped).arg(binary).output();
    let size = std::fs::metadata(binary).unwrap().len();
    if strip.is_ok_and(|done| done.status.success()) {
        let bytes = std::fs::metadata(&stripped).unwrap().len();
        report.row("binary", &format!("{} stripped, {} as built", mib(bytes), mib(size)));
        report.figure(bytes as f64 / MIB, "MiB", held(15.0));
    } else {
        report.not_run("binary, stripped", "there is no strip (Debian: apt-get install binutils)");
    }
    let starts = editor::initialize(21);
    let ms = |at: usize| starts[at].as_secs_f64() * 1e3;
    report.row("`initialize` answered after", &format!("{:.1} ms, median of 21 starts", ms(10)));
    report.figure(ms(10), "ms", held(20.0));
    let (p50, p99, loads) = editor::answers(4_000);
    let of = format!("4,000 while {loads} traces are loaded, in the server, p50 {p50:.2?}");
    report.row("answers, a file of 5,000 lines", &of);
    report.figure(p99.as_secs_f64() * 1e3, "ms p99", held(2.0));
    report.not_run(
        "a frame in the page",
        "it needs a browser: TRACE=FILE npm run bench, in editors/timeline",
    );
}

/// The rows of one trace.
pub(crate) fn of(report: &mut Report, file: &Path) {
    let path = file.to_str().unwrap_or_else(|| panic!("{}: no name in UTF-8", file.display()));
    let size = std::fs::metadata(file).unwrap_or_else(|e| panic!("{path}: {e}")).len();
    let rounds = rounds();
    let facts: Value = serde_json::from_str(&said(&ours(&["report", path, "--json"]))).unwrap();
    let count = |key: &str| facts[key].as_f64().unwrap_or_else(|| panic!("no {key} in {facts}"));
    let (events, goroutines) = (count("events"), count("goroutines"));
    let name = file.file_name().map_or(path, |name| name.to_str().unwrap_or(path));
    let about = format!(
        "{size} bytes, {events} events of {goroutines} goroutines, medians of {rounds} by turns, load {}",
        load()
    );
    report.about(name, &about);
    report.is_small = size < SMALL;
    if report.is_small {
        println!("  smaller than {}: all start-up, and held to nothing", mib(SMALL));
    }
    let trace = Trace { path, file, size: size as f64, events, goroutines, rounds };
    trace.passes(report);
    trace.growth(report);
    trace.growing(report);
    trace.cores(report);
    trace.windows(report);
    trace.second(report);
    trace.opening(report);
}

/// A command that has one core; `None` where that cannot be asked for.
fn on_one_core(command: Argv) -> Option<Argv> {
    let mut one = argv(&["taskset", "-c", "0"]);
    std::process::Command::new("taskset").arg("--version").output().ok()?;
    one.extend(command);
    Some(one)
}

struct Trace<'a> {
    path: &'a str,
    file: &'a Path,
    size: f64,
    events: f64,
    goroutines: f64,
    rounds: usize,
}

impl Trace<'_> {
    fn lines(&self, by: &str) -> Argv {
        ours(&["lines", self.path, "--by", by, "--json"])
    }

    /// Whether goroutines are born for a few events each.
    fn is_brief(&self) -> bool {
        self.goroutines * 5.0 > self.events
    }

    fn fits(&self, times: f64) -> bool {
        free_memory().is_none_or(|free| free as f64 > self.size * times)
    }

    /// Figures, verdicts, every span; and what they are compared with.
    fn passes(&self, report: &mut Report) {
        // What more cores save and cost is a row of its own.
        let leaf = on_one_core(self.lines("leaf")).unwrap_or_else(|| self.lines("leaf"));
        let mut commands = vec![leaf, self.lines("here"), part("walk", self.file)];
        let has_index = self.fits(8.0);
        if has_index {
            commands.push(part("index", self.file));
        }
        let peer = env("PEER");
        if let Some(peer) = &peer {
            commands.push(argv(&[peer, self.path]));
        }
        let took = by_turns(&commands, self.rounds);
        let (leaf, here, walk) = (took[0], took[1], took[2]);
        let go = peer.is_some().then(|| took[took.len() - 1]);
        match go {
            Some(go) => report.row("Go's reader, nothing kept (a)", &self.figures(go)),
            None => report.not_run(
                "Go's reader (a), and ratios to it",
                &env("NO_PEER").unwrap_or_else(|| "PEER names none".to_owned()),
            ),
        }
        report.row("walk of all wire events (b)", &self.figures(walk));
        let against = |report: &mut Report, took: Took, of: &str, limit: Limit| {
            if let Some(go) = go {
                report.ratio(took.cpu / go.cpu, of, limit);
            }
        };

        report.row("line figures", &self.figures(leaf));
        let (of_a, of_b) = if self.is_brief() { (7.0, 6.5) } else { (6.0, 4.5) };
        let limit = Limit { held: 1.0 / 2.0, reach: Some(1.0 / of_a) };
        against(report, leaf, "(a)", limit);
        report.ratio(leaf.cpu / walk.cpu, "(b)", held(of_b));
        let limit = if self.size >= LARGE as f64 { (0.45, 32.0) } else { (3.0, 0.0) };
        self.memory(report, leaf, limit);
        if let Some(go) = go
            && self.size >= 1e9
        {
            let all = by_turns(&[self.lines("leaf")], self.rounds)[0];
            report.ratio(
                all.wall / go.wall,
                "(a), both by the clock, on all cores",
                held(1.0 / 7.0),
            );
        }

        report.not_run(
            "plus a coarse timeline index",
            "there is none: the timeline's index has every span, below",
        );
        report.row("plus verdicts and blame", &self.figures(here));
        against(report, here, "(a)", held(1.0 / 3.5));
        self.memory(report, here, (3.0, 64.0));
        if has_index {
            report.row("figures, and every span", &self.figures(took[3]));
            against(report, took[3], "(a)", held(1.0 / 4.0));
            let limit = if self.size >= LARGE as f64 { (1.3, 32.0) } else { (2.0, 32.0) };
            self.memory(report, took[3], limit);
        } else {
            report
                .not_run("figures, and every span", "less than 8 times the file is free in memory");
        }
    }

    fn figures(&self, took: Took) -> String {
        let peak = if took.peak > 0 { mib(took.peak) } else { "no peak told".to_owned() };
        let ns = took.cpu * 1e9 / self.events;
        format!(
            "{} CPU, {} by the clock, {peak}; {ns:.1} ns an event",
            seconds(took.cpu),
            seconds(took.wall)
        )
    }

    /// At most so many files, and MiB more.
    fn memory(&self, report: &mut Report, took: Took, (files, more): (f64, f64)) {
        if took.peak == 0 {
            report.not_run(
                "  its memory",
                "there is no /usr/bin/time (Debian: apt-get install time)",
            );
            return;
        }
        let of =
            if more > 0.0 { format!("x file, without {more} MiB") } else { "x file".to_owned() };
        let files_taken = (took.peak as f64 - more * MIB).max(0.0) / self.size;
        report.figure(files_taken, &of, held(files));
    }

    /// How cost grows with size: this trace, and its first half.
    fn growth(&self, report: &mut Report) {
        let ends = made::ends(self.file);
        if ends.len() < 2 {
            report.not_run("how cost grows with size", "the trace has one generation");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let n = ends.len() / 2;
        let half = self.beginning(&dir, ends[n - 1]);
        let half_path = half.as_str();
        let facts: Value =
            serde_json::from_str(&said(&ours(&["report", half_path, "--json"]))).unwrap();
        let events = facts["events"].as_f64().unwrap();
        for (by, what) in [("leaf", "line figures"), ("here", "with verdicts")] {
            let ours = [ours(&["lines", half_path, "--by", by, "--json"]), self.lines(by)];
            let took = by_turns(&ours, self.rounds);
            let each = [took[0].cpu / events, took[1].cpu / self.events].map(|s| s * 1e9);
            let text = format!(
                "{:.1} ns an event of the first {n} of its generations, {:.1} of all {}",
                each[0],
                each[1],
                ends.len()
            );
            report.row(&format!("grows with size, {what}"), &text);
            report.ratio(each[1] / each[0], "the first half's", held(1.2));
        }
        if self.is_brief() {
            self.gone(&ends, report);
        }
    }

    /// A file of the trace's first bytes.
    fn beginning(&self, dir: &tempfile::TempDir, bytes: u64) -> String {
        let path = dir.path().join(format!("{bytes}.trace"));
        let from = std::fs::File::open(self.file).unwrap();
        let mut to = std::fs::File::create(&path).unwrap();
        std::io::copy(&mut std::io::Read::take(from, bytes), &mut to).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What goroutines leave behind that are gone. Buffers follow the largest generation, which is none of
    /// that: so it is told of the longest stretch without one larger than all before.
    fn gone(&self, ends: &[u64], report: &mut Report) {
        let Some((first, last)) = level(ends) else {
            report.not_run("memory a goroutine that is gone", "each generation is larger");
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let paths = [first, last].map(|n| self.beginning(&dir, ends[n - 1]));
        let goroutines = paths.each_ref().map(|path| {
            let facts: Value =
                serde_json::from_str(&said(&ours(&["report", path, "--json"]))).unwrap();
            facts["goroutines"].as_f64().unwrap()
        });
        // How many generations are at hand at a time is none of it either.
        let of = paths.each_ref().map(|path| ours(&["lines", path, "--by", "leaf", "--json"]));
        let of = of.map(|command| on_one_core(command.clone()).unwrap_or(command));
        let took = by_turns(&of, self.rounds);
        if took[0].peak == 0 {
            return;
        }
        let more = took[1].peak.saturating_sub(took[0].peak) as f64;
        let more = more / (goroutines[1] - goroutines[0]).max(1.0);
        let text = format!("{more:.2} bytes, generations {first} to {last}");
        report.row("memory a goroutine that is gone", &text);
        report.figure(more, "bytes", held(1.0));
    }

    /// A generation more of a file that is being written.
    fn growing(&self, report: &mut Report) {
        let what = "a generation more of one that grows";
        let ends = made::ends(self.file);
        if ends.len() < 4 {
            report.not_run(what, "the trace has less than four generations");
            return;
        }
        let told = said(&part("grow", self.file));
        let each: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let text =
            format!("{:.1} ns a byte in the first half, {:.1} in the second", each[0], each[1]);
        report.row(what, &text);
        report.ratio(each[1] / each[0], "the first half's", held(1.2));
    }

    /// One core against all.
    fn cores(&self, report: &mut Report) {
        let what = "all cores against one";
        if self.size < LARGE as f64 {
            report.not_run(what, "the trace is smaller than 250 MB");
            return;
        }
        let Some(one) = on_one_core(self.lines("leaf")) else {
            report.not_run(what, "there is no taskset (Debian: util-linux)");
            return;
        };
        let took = by_turns(&[one, self.lines("leaf")], self.rounds);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let text = format!(
            "{} on one, {} on {cores}, by the clock",
            seconds(took[0].wall),
            seconds(took[1].wall)
        );
        report.row(what, &text);
        report.ratio(took[1].wall / took[0].wall, "(one core), by the clock", held(1.0 / 1.8));
        report.ratio(took[1].cpu / took[0].cpu, "its CPU", held(1.1));
    }

    fn windows(&self, report: &mut Report) {
        let what = "a window, 2,000 px, 60 lanes";
        if !self.fits(12.0) {
            report.not_run(what, "less than 12 times the file is free in memory");
            return;
        }
        let told = said(&part("windows", self.file));
        let rows: Vec<Vec<f64>> = told
            .lines()
            .map(|line| line.split(' ').filter_map(|word| word.parse().ok()).collect())
            .collect();
        let widest = rows.iter().max_by(|a, b| a[2].total_cmp(&b[2])).unwrap();
        let all: Vec<String> =
            rows.iter().map(|row| format!("1/{}: {:.1}", row[0], row[2])).collect();
        report.row(what, &format!("p99 in ms by its part of the trace: {}", all.join(", ")));
        report.figure(widest[2], "ms p99, the dearest zoom", held(10.0));
        let most = rows.iter().map(|row| row[3]).fold(0.0, f64::max);
        report.figure(most / 1024.0, "KiB of a tile at most", held(256.0));
    }

    /// The same trace opened again.
    fn second(&self, report: &mut Report) {
        let what = "second opening";
        if !said(&ours(&["report", "--help"])).contains("--no-cache") {
            report.not_run(
                what,
                "this `waitline report` has no --no-cache: it keeps nothing of a load",
            );
            return;
        }
        // The product makes the folder itself: one that others could enter it would not use.
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        let folder = format!("WAITLINE_CACHE={}", cache.display());
        let mut cached = argv(&["env", &folder]);
        cached.extend(ours(&["report", self.path, "--json"]));
        let mut first = cached.clone();
        first.push("--no-cache".to_owned());
        said(&cached); // by which it is kept
        let took = by_turns(&[first, cached], self.rounds);
        let kept = std::fs::read_dir(&cache).map_or(0, Iterator::count);
        if kept == 0 {
            return report.not_run(what, "nothing is kept of so small a trace");
        }
        let text = format!("{} CPU after {}", seconds(took[1].cpu), seconds(took[0].cpu));
        let text = format!("{text}, {} of memory after {}", mib(took[1].peak), mib(took[0].peak));
        report.row(what, &text);
        let part = if self.size >= LARGE as f64 { 50.0 } else { 10.0 };
        report.ratio(took[1].cpu / took[0].cpu, "(the first)", held(1.0 / part));
    }

    /// From opening to the first lens, against the first page of `go tool trace`.
    fn opening(&self, report: &mut Report) {
        let what = "opening to first lens";
        let Some(source) = editor::source_of(self.file) else {
            report.not_run(what, "the trace names no source of testdata/programs");
            return;
        };
        // It takes about 240 times the file.
        let why_not = match env("GO_TRACE") {
            None => Some("there is no `go tool trace` here".to_owned()),
            Some(_) if !self.fits(400.0) => Some(format!(
                "`go tool trace` takes about {} of memory for it",
                mib(self.size as u64 * 240)
            )),
            Some(_) => None,
        };
        let tool = env("GO_TRACE").filter(|_| why_not.is_none());
        // Theirs takes a quarter of a minute.
        let rounds = if tool.is_some() { self.rounds.min(3) } else { self.rounds };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            match editor::first_lens(self.file, &source) {
                Some(took) => ours.push(took),
                None => return report.not_run(what, "no lens came within two minutes"),
            }
            if let Some(tool) = &tool {
                match pages::first_page(tool, self.file) {
                    Ok(took) => theirs.push(took),
                    Err(why) => println!("      `go tool trace` has no page: {why}"),
                }
            }
        }
        let median = |took: &mut Vec<Took>| {
            took.sort_unstable_by(|a, b| a.wall.total_cmp(&b.wall));
            took.get(took.len() / 2).copied()
        };
        let text = |took: Took| {
            format!(
                "{} by the clock, {} CPU, {}",
                seconds(took.wall),
                seconds(took.cpu),
                mib(took.peak)
            )
        };
        let Some(ours) = median(&mut ours) else { return };
        report.row(what, &text(ours));
        let Some(theirs) = median(&mut theirs) else {
            let why = why_not.unwrap_or_else(|| "it had no page".to_owned());
            return report.not_run("`go tool trace` to its first page", &why);
        };
        report.row("`go tool trace` to its first page", &text(theirs));
        report.ratio(ours.wall / theirs.wall, "(that page), by the clock", held(1.0 / 100.0));
        report.ratio(ours.peak as f64 / theirs.peak as f64, "(its memory)", held(1.0 / 50.0));
    }
}

/// The longest stretch of generations none of which is larger than the largest before it: how many there are
/// before it, and with it. `None` if there is none of two or more. The first few are left out, in which
/// buffers come to be.
fn level(ends: &[u64]) -> Option<(usize, usize)> {
    let sizes: Vec<u64> =
        ends.iter().zip([0].iter().chain(ends)).map(|(end, start)| end - start).collect();
    let mut best: Option<(usize, usize)> = None;
    let mut from = FEW.min(sizes.len());
    let mut largest = sizes[..from].iter().copied().max().unwrap_or(0);
    for (n, &size) in (1..).zip(&sizes).skip(from) {
        if size > largest {
            (largest, from) = (size, n);
        } else if n - from >= 2
            && best.is_none_or(|(a, b)| ends[n - 1] - ends[from - 1] > ends[b - 1] - ends[a - 1])
        {
            best = Some((from, n));
        }
    }
    best
}

/// Generations in which a load's buffers come to be.
const FEW: usize = 4;
