//! `waitline report`: what a person wants to know first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use ide::kinds::Kind;
use ide::lines::Figure;
use ide::staleness::State;
use ide::suite::Test;
use ide::units::{count, counted, duration, percent_short};
use ide::verdicts::Verdict;
use ide::view::{View, short_func};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::traces::What;

use super::fill::fill;
use super::places::{Here, short_of};
use super::rows::{Ends, Row, counts, trace_json};
use super::table::fitted;
use super::{TraceArg, answer, open, style};
use crate::kept::Cache;
use crate::workspace;

/// Shows where the program waits and what for, the waiting that matters first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lines are those of your code: of the workspace, if the trace's files are found in it, else by the \
names of the functions. `average` is how many goroutines stood there on average. `waitline explain \
verdicts` says what costly, through, idle and unsure mean. Of a test binary it also says how long \
each test took, and what most of that was.

Examples:
  waitline report trace.out
  waitline report trace.out --workspace ~/src/shop --top 40
  waitline report trace.out --json")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// The folder that holds the source [default: the module around the current folder, or that folder].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// How many lines to show.
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,
    /// Print JSON instead, one object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let opened = open(&args.trace.trace, What::Lives, cache)?;
    let root = args.workspace.clone().unwrap_or_else(workspace::unnamed);
    workspace::check_folder(&root)?;
    let here = Here::new(Some(&root));
    let (view, keep) = opened.view(root, args.workspace.is_some())?;
    let (rows, of_workspace) = rows(&view, &here);
    if args.json {
        print_json(args, &view, &rows)?;
    } else {
        print(args, &view, &here, &rows, of_workspace)?;
    }
    keep.write(&view.analysis);
    Ok(())
}

/// The dearest first; and whether they are lines of the workspace.
fn rows(view: &View, here: &Here) -> (Vec<Row>, bool) {
    let mut rows = ide::rows::of_workspace(view);
    let of_workspace = !rows.is_empty();
    if !of_workspace {
        rows = ide::rows::by_name(view);
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|row| Row::new(view, here, row)).collect();
    rows.sort_by(|a, b| {
        let order = |r: &Row| (r.of.costly_ns, r.of.figure.total());
        order(b).cmp(&order(a)).then_with(|| a.place.cmp(&b.place))
    });
    (rows, of_workspace)
}

fn print(
    args: &Args,
    view: &View,
    here: &Here,
    rows: &[Row],
    of_workspace: bool,
) -> anyhow::Result<()> {
    let mut out = answer();
    head(view, rows, &mut out)?;
    let (bold, dim) = (style::BOLD, style::DIM);
    if view.findings.is_empty() {
        let n = count(view.analysis.events);
        writeln!(out, "\n{bold}No findings{bold:#} {dim}in {n} events{dim:#}")?;
    } else {
        let how = "waitline explain CODE says what each means";
        writeln!(out, "\n{bold}Findings{bold:#}: {dim}{how}{dim:#}")?;
        for finding in view.findings.iter().take(FINDINGS) {
            let at = finding.frame.map_or_else(|| "whole trace".into(), |f| here.of_frame(view, f));
            let (at, message) = (format!("  {at}: "), format!(": {}", finding.message));
            let code = (bold, finding.code.as_str());
            fill(&mut out, &[(style::PLAIN, &at), code, (style::PLAIN, &message)], 4)?;
        }
        if view.findings.len() > FINDINGS {
            let more = count((view.findings.len() - FINDINGS) as u64);
            writeln!(out, "  {dim}and {more} more: waitline findings{dim:#}")?;
        }
    }
    tests(args, view, here, &mut out)?;
    let costly = best(rows, args.top, |r| r.of.costly_ns);
    if costly.is_empty() {
        writeln!(out, "\n{bold}Nothing costly{bold:#} {dim}on the lines of your code{dim:#}")?;
    } else {
        writeln!(out, "\n{bold}Costly{bold:#}: {dim}work in hand stood still here{dim:#}")?;
        table(view, &costly, "costly", |r| r.of.costly_ns, &mut out)?;
        if let Some(ends) = ends_of_costly(view, rows) {
            writeln!(out)?;
            let title = format!("{ENDS_INDENT}All of it ends in");
            fill(&mut out, &[(bold, &title), (style::PLAIN, &format!(": {ends}"))], 6)?;
        }
    }
    // Where that is the most, a line of it would hide what a person is looking for.
    let unsure_ns = |row: &Row| row.of.judged.of(Verdict::Unsure);
    let sum = |of: &dyn Fn(&Row) -> i64| rows.iter().map(of).fold(0, i64::saturating_add);
    let is_most = sum(&unsure_ns) > sum(&|row| row.of.costly_ns);
    let unsure = if is_most { best(rows, 3, unsure_ns) } else { Vec::new() };
    if !unsure.is_empty() {
        let of = "may be costly or not; waitline explain verdicts says why";
        writeln!(out, "\n{bold}Unsure{bold:#}: {dim}{of}{dim:#}")?;
        table(view, &unsure, "unsure", unsure_ns, &mut out)?;
    }
    let through = best(rows, 3, through_ns);
    if !through.is_empty() {
        let of = "waits for work that it started or asked for";
        writeln!(out, "\n{bold}Through{bold:#}: {dim}{of}{dim:#}")?;
        table(view, &through, "through", through_ns, &mut out)?;
    }
    let queued =
        best(rows, 3, |r| if r.of.kind == Kind::Runnable { r.of.figure.total() } else { 0 });
    if !queued.is_empty() {
        let ns = rows
            .iter()
            .filter(|r| r.of.kind == Kind::Runnable)
            .map(|r| r.of.figure.total())
            .fold(0, i64::saturating_add);
        let note = queue_note(view, ns);
        writeln!(out)?;
        let what = format!(": waits for a core{note}");
        fill(&mut out, &[(bold, "Runnable"), (dim, &what)], 4)?;
        table(view, &queued, "total", |r| r.of.figure.total(), &mut out)?;
    }
    for (verdict, title) in [(Verdict::Idle, "Idle"), (Verdict::Unsure, "Unsure")] {
        if verdict == Verdict::Unsure && !unsure.is_empty() {
            continue;
        }
        if let Some(line) = summed(view, rows, verdict) {
            writeln!(out)?;
            fill(&mut out, &[(bold, title), (style::PLAIN, &format!(": {line}"))], 4)?;
        }
    }
    let has_parts = costly.iter().any(|row| !row.has_number(row.of.costly_ns))
        || through.iter().any(|row| !row.has_number(through_ns(row)))
        || unsure.iter().any(|row| !row.has_number(unsure_ns(row)));
    notes(args, view, rows, (costly.len(), has_parts), of_workspace, &mut out)?;
    out.flush()?;
    Ok(())
}

/// The tests of a test binary, and where their time went.
fn tests(args: &Args, view: &View, here: &Here, out: &mut impl Write) -> anyhow::Result<()> {
    let (bold, dim) = (style::BOLD, style::DIM);
    let long: Vec<&Test> =
        view.tests.iter().filter(|test| test.ns >= ide::view::MIN_SHOWN_NS).collect();
    let shown = args.top.div_ceil(TESTS_IN).min(long.len());
    if shown == 0 {
        return Ok(());
    }
    let more = match long.len() - shown {
        0 => String::new(),
        n => format!("; {} more of a millisecond or longer", count(n as u64)),
    };
    writeln!(out, "\n{bold}Tests{bold:#} {dim}the longest first{more}{dim:#}")?;
    let name = |test: &Test| ide::text::plain(short_func(test.func(&view.analysis)));
    let width = long.iter().take(shown).map(|test| name(test).width()).max().unwrap_or(0).max(4);
    let [title, number, longest, running] = ["took", "number", "longest", "running"];
    writeln!(
        out,
        "{dim}{title:>10} {number:>8} {longest:>8} {running:>8}  {:width$}  largest part{dim:#}",
        "test"
    )?;
    for test in long.into_iter().take(shown) {
        writeln!(
            out,
            "{:>10} {:>8} {:>8} {:>8}  {:width$}  {}",
            duration(test.ns),
            format!("{}×", count(test.n)),
            duration(test.longest_ns),
            duration(test.run_ns),
            name(test),
            ide::suite::most_of(view, test, &|f| here.of_frame(view, f)),
        )?;
    }
    Ok(())
}

/// Of so many lines that a report may show, one is a test.
const TESTS_IN: usize = 3;

/// The most findings that a report names.
const FINDINGS: usize = 8;

/// How many waited for a core, for `own` nanoseconds on the person's lines, and in all; and whether they
/// did because all were busy.
fn queue_note(view: &View, own: i64) -> String {
    let Some(queued) = view.analysis.queued else { return String::new() };
    let (all, idle) = (queued.ns, queued.idle_ns);
    if all == 0 {
        return String::new();
    }
    let on_average = format!(
        "{} on average on your lines, {} in the whole program",
        view.waiting_on_average(own),
        view.waiting_on_average(all)
    );
    if idle.saturating_mul(2) >= all {
        let share = percent_short(idle, all);
        return format!(
            ": {on_average}; for {share} of that a P was idle: to wake up took so long"
        );
    }
    if idle.saturating_mul(100) >= all {
        return format!(": {on_average}; for {} of that a P was idle", percent_short(idle, all));
    }
    format!(": {on_average}; no P was idle meanwhile")
}

/// What has become of the lines that were recorded, if not all are as they were.
fn changes(view: &View, rows: &[Row]) -> Option<String> {
    let n = |state| {
        let lines = rows.iter().filter(|row| row.of.state() == state);
        lines.map(|row| (row.of.file(view), row.of.line())).collect::<BTreeSet<_>>().len()
    };
    let told =
        [(State::Shifted, "moved (~)"), (State::Doubtful, "doubtful (?)"), (State::Lost, "gone")];
    let mut told = told.map(|(state, what)| (n(state) as u64, what)).into_iter();
    let (first, what) = told.find(|(n, _)| *n > 0)?;
    let rest = told.filter(|(n, _)| *n > 0);
    let first = format!("{} {what}", counted(first, "line", "lines"));
    Some(rest.fold(first, |all, (n, what)| format!("{all}, {} {what}", count(n))))
}

/// The trace in three lines.
fn head(view: &View, rows: &[Row], out: &mut impl Write) -> anyhow::Result<()> {
    let analysis = &view.analysis;
    let bold = style::BOLD;
    writeln!(out, "{bold}{}{bold:#}", view.summary())?;
    writeln!(out, "{}", counts(analysis))?;
    let of = |verdict| rows.iter().map(|r| r.of.judged.of(verdict)).fold(0, i64::saturating_add);
    let costly = rows.iter().map(|r| r.of.costly_ns).fold(0, i64::saturating_add);
    let runnable: i64 = rows
        .iter()
        .filter(|r| r.of.kind == Kind::Runnable)
        .map(|r| r.of.figure.total())
        .fold(0, i64::saturating_add);
    writeln!(
        out,
        "your lines: costly {}, {} on average · through {} · runnable {} · idle {} · unsure {}",
        duration(costly),
        view.waiting_on_average(costly),
        duration(of(Verdict::Through)),
        duration(runnable),
        duration(of(Verdict::Idle)),
        duration(of(Verdict::Unsure))
    )?;
    if let Some(changes) = changes(view, rows) {
        writeln!(out, "your source has changed since the trace: {changes}")?;
    }
    if let Some(tail) = &analysis.tail {
        writeln!(out, "{}", tail.sentence())?;
    }
    Ok(())
}

/// The rows with the most of something, at least a millisecond.
fn best(rows: &[Row], n: usize, of: impl Fn(&Row) -> i64) -> Vec<&Row> {
    let mut best: Vec<&Row> = rows.iter().filter(|r| of(r) >= ide::view::MIN_SHOWN_NS).collect();
    best.sort_by(|a, b| of(b).cmp(&of(a)).then_with(|| a.place.cmp(&b.place)));
    best.truncate(n);
    best
}

/// All of a verdict in a line, with the lines that have most of it; `None` if none has a millisecond.
fn summed(view: &View, rows: &[Row], verdict: Verdict) -> Option<String> {
    let mut by_line: BTreeMap<(&str, u32), (&str, i64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.of.judged.of(verdict) > 0) {
        let line = by_line.entry((row.of.file(view), row.of.line())).or_insert((&row.place, 0));
        line.1 += row.of.judged.of(verdict);
    }
    let mut lines: Vec<(&str, i64)> = by_line.into_values().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.1));
    let ns: i64 = lines.iter().map(|line| line.1).sum();
    let shown = lines.iter().take(3).take_while(|line| line.1 >= ide::view::MIN_SHOWN_NS);
    let named: Vec<String> =
        shown.map(|(place, ns)| format!("{place} {}", duration(*ns))).collect();
    match (&named[..], &lines[..]) {
        ([], _) => None,
        (_, [(place, _)]) => Some(format!("{} on {place}", duration(ns))),
        _ => {
            let n = count(lines.len() as u64);
            let most = if named.len() == lines.len() { ":" } else { ", most of it" };
            Some(format!("{} on {n} lines{most} {}", duration(ns), named.join(", ")))
        }
    }
}

/// Before what costly waiting ends in: it belongs to the table above.
const ENDS_INDENT: &str = "    ";

/// What all that is costly ends in.
struct AllEnds {
    /// The most first, in nanoseconds.
    ends: Vec<(Ends, i64)>,
    /// What of it is at other lines than those that wait.
    elsewhere: i64,
    /// All that is costly of these lines.
    all: i64,
}

impl AllEnds {
    fn new(view: &View, rows: &[Row]) -> AllEnds {
        let costly: Vec<&Row> =
            rows.iter().filter(|row| row.of.costly_ns >= ide::view::MIN_SHOWN_NS).collect();
        let all: i64 = costly.iter().map(|row| row.of.costly_ns).fold(0, i64::saturating_add);
        let (mut sums, mut elsewhere): (BTreeMap<Ends, i64>, i64) = (BTreeMap::new(), 0);
        for row in &costly {
            for (end, ns) in row.ends(view) {
                if !row.is_at(view, &end) {
                    elsewhere = elsewhere.saturating_add(ns);
                }
                let sum = sums.entry(end).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        let mut ends: Vec<(Ends, i64)> = sums.into_iter().collect();
        ends.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        AllEnds { ends, elsewhere, all }
    }
}

/// What all that is costly ends in, the most first: a line that holds many others up is none of the dearest itself,
/// may be. `None` where that says no more than the table does.
fn ends_of_costly(view: &View, rows: &[Row]) -> Option<String> {
    const MOST: usize = 4;
    let AllEnds { ends, elsewhere, all } = AllEnds::new(view, rows);
    // A twentieth and more; the rest is of many kinds.
    let shown = ends.iter().take_while(|(_, ns)| ns.saturating_mul(20) >= all).take(MOST);
    let shown: Vec<&(Ends, i64)> = shown.collect();
    let base = |file: &'_ str| file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let is_of_workspace = |file: &str| view.placement.file_at(file).is_some();
    let name = |ends: &Ends| {
        let Some((file, line)) = &ends.place else { return ends.what.clone() };
        let is_like = |other: &&&(Ends, i64)| {
            other.0.place.as_ref().is_some_and(|o| o.0 != *file && base(&o.0) == base(file))
        };
        // What is in no file of the workspace has its folder everywhere.
        let file = match shown.iter().find(is_like) {
            None if is_of_workspace(file) || view.placement.files.is_empty() => base(file),
            _ => ide::findings::in_folder(file),
        };
        ide::text::plain(&format!("{} {file}:{line}", ends.what))
    };
    let named: Vec<String> = shown
        .iter()
        .map(|(ends, ns)| format!("{} {}", name(ends), percent_short(*ns, all)))
        .collect();
    let says_more = elsewhere.saturating_mul(5) >= all;
    (says_more && !named.is_empty()).then(|| named.join(", "))
}

/// Rows with their figures in columns.
fn table(
    view: &View,
    rows: &[&Row],
    title: &str,
    of: impl Fn(&Row) -> i64,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let dim = style::DIM;
    let waits_for = |r: &&Row| if r.is_mostly(of(r)) { r.waits_for(view) } else { String::new() };
    let waits: Vec<String> = rows.iter().map(waits_for).collect();
    let place_width = rows.iter().map(|r| r.place.width()).max().unwrap_or(0).max(4);
    let cause_width = rows.iter().map(|r| r.cause.width()).max().unwrap_or(0).max(5);
    let wait_width = waits.iter().map(|w| w.width()).max().unwrap_or(0);
    let wait_title = if wait_width == 0 { "" } else { "waits for" };
    let wait_width = wait_width.max(wait_title.width());
    let used = 10 + 1 + 8 + 1 + 8 + 1 + 8 + 2 + cause_width + 2 + place_width + 2 + wait_width + 2;
    let room = Some(super::columns().saturating_sub(used)).filter(|&room| room >= LEAST_SOURCE);
    let source_title = match room {
        None => "",
        Some(_) if rows.iter().any(|r| r.of.text(view).is_some()) => "source",
        Some(_) => "function",
    };
    let heads = format!(
        "{:>10} {:>8} {:>8} {:>8}  {:cause_width$}  {:place_width$}  {wait_title:wait_width$}  {source_title}",
        title, "number", "tail", "average", "cause", "line",
    );
    writeln!(out, "{dim}{}{dim:#}", heads.trim_end())?;
    for (row, waits) in rows.iter().zip(waits) {
        let (number, tail) = match row.has_number(of(row)) {
            true => (format!("{}×", count(row.of.figure.count())), tail(view, &row.of.figure)),
            false => (String::new(), String::new()),
        };
        let line = format!(
            "{:>10} {number:>8} {tail:>8} {:>8}  {:cause_width$}  {:place_width$}  {waits:wait_width$}  {}",
            duration(of(row)),
            view.waiting_on_average(of(row)),
            ide::text::plain(&row.cause),
            row.place,
            room.map_or_else(String::new, |room| fitted(&row.source(view), room))
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// With less room than this, in columns, a line of source says nothing.
const LEAST_SOURCE: usize = 15;

fn through_ns(row: &Row) -> i64 {
    row.of.judged.of(Verdict::Through)
}

fn notes(
    args: &Args,
    view: &View,
    rows: &[Row],
    (shown, has_parts): (usize, bool),
    of_workspace: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let dim = style::DIM;
    let mut notes = Vec::new();
    let costly = rows.iter().filter(|r| r.of.costly_ns >= ide::view::MIN_SHOWN_NS).count();
    if costly > shown {
        let more = count((costly - shown) as u64);
        notes.push(format!("{more} costly lines more: --top {costly}"));
    }
    notes.push("tail: the 99th percentile from 100 on, else the longest".into());
    if has_parts {
        notes.push(
            "no number and tail: a part of the line's waiting, most of which has another verdict"
                .into(),
        );
    }
    if !of_workspace {
        notes.push(match &args.workspace {
            Some(_) => "none of the trace's files was found in that folder".into(),
            None => "none of the trace's files is in this folder or its module; for the source beside each line: --workspace DIR".into(),
        });
    } else if let Some(first) = view.placement.lacking(1).next() {
        notes.push(super::own_code::lacks(first));
    }
    writeln!(out)?;
    for note in notes {
        writeln!(out, "{dim}{note}{dim:#}")?;
    }
    Ok(())
}

fn tail(view: &View, figure: &Figure) -> String {
    if let Some(p99) = figure.p99(&view.analysis) {
        return duration(p99);
    }
    figure.longest().map_or_else(|| ide::units::NONE.to_owned(), |w| duration(w.ns))
}

fn print_json(args: &Args, view: &View, rows: &[Row]) -> anyhow::Result<()> {
    let lines: Vec<_> = rows
        .iter()
        .take(args.top)
        .map(|row| {
            let mut line = row.figures_json(view);
            row.add_place(view, &mut line);
            line
        })
        .collect();
    let mut value = trace_json(view);
    value["findings"] = view
        .findings
        .iter()
        .map(|f| {
            json!({
                "code": f.code.as_str(),
                "severity": f.severity.as_str(),
                "place": f.frame.map(|f| short_of(view, f)),
                "message": f.message,
                "ns": f.ns,
            })
        })
        .collect();
    value["tests"] = view.tests.iter().take(args.top).map(|test| test_json(view, test)).collect();
    value["lines"] = lines.into();
    let ends = AllEnds::new(view, rows).ends;
    let ends = ends.iter().take(args.top).map(|(end, ns)| {
        let (file, line) = end.place.as_ref().map(|(file, line)| (file, line)).unzip();
        json!({ "what": end.what, "file": file, "line": line, "ns": ns })
    });
    value["ends"] = ends.collect();
    let mut out = answer();
    serde_json::to_writer(&mut out, &value)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn test_json(view: &View, test: &Test) -> serde_json::Value {
    let most = test.most.map(|(slot, ns)| {
        let (kind, frame) = ide::suite::line(view, slot).unzip();
        json!({
            "place": frame.flatten().map(|f| short_of(view, f)),
            "cause": kind.map(|kind| kind.label(&view.analysis)),
            "ns": ns,
        })
    });
    json!({
        "func": test.func(&view.analysis),
        "n": test.n,
        "ns": test.ns,
        "longest": test.longest_ns,
        "running": test.run_ns,
        "subtests": test.subtests_ns,
        "paused": test.paused_ns,
        "most": most,
    })
}
