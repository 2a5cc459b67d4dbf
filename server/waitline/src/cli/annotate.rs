//! `waitline annotate`: a source file with the figures beside its lines.

use std::io::Write;
use std::path::{Path, PathBuf};

use ide::behind::Behind;
use ide::cases::Taken;
use ide::kinds::Kind;
use ide::placement::FileId;
use ide::sites::{Part, SiteLine};
use ide::staleness::State;
use ide::units::{count, counted, duration};
use ide::verdicts::Verdict;
use ide::view::View;

use crate::paths::{canonical, slashed};
use crate::traces::What;

use super::analyses::parse_duration;
use super::places::Here;
use super::{answer, open, say, style};
use crate::kept::Cache;
use crate::workspace;

/// Shows a source file with what each line cost beside it.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "waitline annotate [OPTIONS] <TRACE> <FILE.go>
       waitline annotate [OPTIONS] <FILE.go> --trace <TRACE>",
    after_help = "\
Beside a line stand its causes, each with all of its time, number, longest and mostly what verdict \
(`waitline explain verdicts`). What cost little is left out, or a file is full of it.

Examples:
  waitline annotate trace.out internal/db/pool.go
  waitline annotate trace.out internal/db/pool.go --hot --min 10ms
  waitline annotate internal/db/pool.go --trace trace.out"
)]
pub(crate) struct Args {
    /// The trace file.
    #[arg(value_name = "TRACE")]
    first: PathBuf,
    /// The Go file; it may also come first.
    #[arg(value_name = "FILE.go", required_unless_present = "trace")]
    second: Option<PathBuf>,
    /// The trace file, if it is named so.
    #[arg(long, value_name = "TRACE", conflicts_with = "second")]
    trace: Option<PathBuf>,
    /// The folder that holds the source [default: the module or folder that the file is in].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Only functions that cost so much somewhere.
    #[arg(long)]
    hot: bool,
    /// Leave out what cost less than this.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1ms")]
    min: i64,
}

impl Args {
    /// The Go file and the trace, in whatever order they came.
    fn files(&self) -> (&Path, &Path) {
        let is_go = |path: &Path| path.extension().is_some_and(|e| e == "go");
        match (&self.second, &self.trace) {
            (None, Some(trace)) => (&self.first, trace),
            (Some(second), _) if is_go(&self.first) && !is_go(second) => (&self.first, second),
            (Some(second), _) => (second, &self.first),
            (None, None) => (&self.first, &self.first),
        }
    }
}

/// The files of which the trace has most, as the rest of a sentence; nothing where none was found.
fn dearest_files(view: &View) -> String {
    const MOST: usize = 3;
    let placement = &view.placement;
    let mut files: Vec<(i64, &str)> = placement
        .files()
        .map(|id| {
            let parts = view.sites.lines(id).iter().flat_map(|line| &line.parts);
            let ns = parts.map(|part| part.figure.total()).fold(0, i64::saturating_add);
            (ns, placement.source(id).path.as_str())
        })
        .filter(|(ns, _)| *ns > 0)
        .collect();
    files.sort_by_key(|&(ns, path)| (std::cmp::Reverse(ns), path));
    let here = Here::new(None);
    let names: Vec<String> =
        files.iter().take(MOST).map(|(_, path)| ide::text::plain(&here.path(path))).collect();
    if names.is_empty() { String::new() } else { format!("; it has most on {}", names.join(", ")) }
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let (file, trace) = args.files();
    let shown = crate::traces::shown(file);
    let file = canonical(file).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => anyhow::anyhow!("{shown}: no such file (name a Go file)"),
        _ => anyhow::anyhow!("{shown}: cannot be read: {e}"),
    })?;
    if file.is_dir() || file.extension().is_none_or(|e| e != "go") {
        anyhow::bail!("{shown}: this is no Go file (name one that ends in .go)");
    }
    let source = workspace::read_source(&slashed(&file))
        .ok_or_else(|| anyhow::anyhow!("{shown}: cannot be read, or is larger than 8 MiB"))?;
    let opened = open(trace, What::Lives, cache)?;
    let root = args.workspace.clone().unwrap_or_else(|| module_of(&file));
    workspace::check_folder(&root)?;
    let (view, keep) = opened.view(root, true)?;
    let id = view.placement.file_at(&source.path);
    let lines: &[SiteLine] = id.map_or(&[], |id| view.sites.lines(id));
    let is_held = id.is_some_and(|id| view.behind.told(&view, id).next().is_some());
    if lines.is_empty() && !is_held {
        say(&format!("{shown}: the trace has nothing on this file{}", dearest_files(&view)));
    }
    let lost = lines.iter().filter(|l| !l.holds).count();
    if lost > 0 {
        say(&format!(
            "warning: {lost} lines of the trace are not where the file has their functions: it has changed since, and they are left out"
        ));
    }
    print(args, &view, &source, id, lines)?;
    keep.write(&view.analysis);
    Ok(())
}

/// The folder of the go.mod above the file, else the file's own.
fn module_of(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new("."));
    workspace::module_around(folder).unwrap_or_else(|| folder.to_owned())
}

fn print(
    args: &Args,
    view: &View,
    source: &ide::placement::SourceFile,
    id: Option<FileId>,
    lines: &[SiteLine],
) -> std::io::Result<()> {
    let mut out = answer();
    let dim = style::DIM;
    let has_verdicts = super::columns() >= ROOM_FOR_VERDICTS;
    let verdict_width = if has_verdicts { 2 + VERDICT } else { 0 };
    let head = format!("{:>9} {:>8} {:>8}  {:10}", "total", "number", "longest", "cause");
    writeln!(
        out,
        "{dim}{}{dim:#}",
        format!("{head}{}", if has_verdicts { "  verdict" } else { "" }).trim_end()
    )?;
    let shown = |part: &&Part| part.figure.total() >= args.min;
    let told = id.into_iter().flat_map(|id| view.behind.told(view, id));
    let behind: Vec<&Behind> =
        told.filter(|b| b.ns >= args.min && b.state < State::Doubtful).collect();
    let selects = id.map_or(&[][..], |id| view.cases.of_file(id)).iter();
    let taken: Vec<&Taken> =
        selects.flat_map(|cases| &cases.taken).filter(|taken| taken.ns >= args.min).collect();
    let hot: Vec<_> = source
        .source
        .functions()
        .iter()
        .filter(|f| {
            let is_hot = |l: &SiteLine| l.parts.iter().any(|part| shown(&part));
            lines.iter().any(|l| l.holds && f.lines.contains(l.line) && is_hot(l))
                || behind.iter().any(|b| f.lines.contains(b.line))
        })
        .map(|f| f.lines)
        .collect();
    let (mut gap, mut is_open, mut is_marked, mut left_out) = (false, false, false, 0u64);
    let (mut is_held, mut is_taken) = (false, false);
    let width = 39 + verdict_width;
    for (number, text) in source.text.lines().enumerate() {
        let line = number as u32;
        let site = lines.binary_search_by_key(&line, |l| l.line).ok().map(|i| &lines[i]);
        let parts = site.filter(|s| s.holds).map_or(&[][..], |s| &s.parts);
        left_out += parts.iter().filter(|part| !shown(part)).count() as u64;
        if args.hot && !hot.iter().any(|span| span.contains(line)) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            writeln!(out, "{dim}{:>1$}{dim:#}", "⋮", width + 6)?;
        }
        let held = behind.iter().find(|b| b.line == line);
        let others = held.map(|b| row_of_behind(b.ns));
        let case = taken.iter().find(|taken| taken.line == line);
        is_taken |= case.is_some();
        let others = others.into_iter().chain(case.map(|case| row_of_case(case)));
        is_held |= held.is_some();
        let rows = parts.iter().filter(shown).map(|part| {
            is_open |= is_under_way(part);
            row(view, part, has_verdicts)
        });
        let mut rows = rows.chain(others);
        let first = rows.next().unwrap_or_default();
        let text = text.replace('\t', "    ");
        let state = site.map(|site| site.state).or(held.map(|b| b.state));
        let mark = state.map_or("", |state| state.mark().trim_end());
        let has_figures = !parts.is_empty() || held.is_some() || case.is_some();
        is_marked |= has_figures && !mark.is_empty();
        let number = format!("{}{}", if has_figures { mark } else { "" }, line + 1);
        writeln!(out, "{first:width$} {dim}{number:>5}{dim:#}  {text}")?;
        for row in rows {
            writeln!(out, "{dim}{}{dim:#}", row.trim_end())?;
        }
    }
    let mut notes = Vec::new();
    if is_open {
        notes.push("…: some of it was still under way when the trace ended".to_owned());
    }
    if is_held {
        notes.push("behind: what is costly on other lines, and ends at this one".to_owned());
    }
    if is_taken {
        notes.push(
            "taken: how often its select went on with this case, and how long it had waited then"
                .to_owned(),
        );
    }
    if is_marked {
        notes.push("the source has changed since the trace: ~ moved, ? doubtful".to_owned());
    }
    let gone = || lines.iter().filter(|line| !line.holds).flat_map(|line| &line.parts);
    if gone().next().is_some() {
        let (n, ns) = (
            gone().count() as u64,
            gone().map(|part| part.figure.total()).fold(0, i64::saturating_add),
        );
        let n = counted(n, "figure is", "figures are");
        notes.push(format!("{n} of lines that are gone since the trace: {}", duration(ns)));
    }
    if left_out > 0 {
        let n = counted(left_out, "figure", "figures");
        notes.push(format!("{n} of less than {} left out: --min 1ns", duration(args.min)));
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "{dim}{note}{dim:#}")?;
    }
    out.flush()
}

/// How wide a terminal must be to hold verdicts beside the figures and the source.
const ROOM_FOR_VERDICTS: usize = 100;
/// How wide the word of a verdict is.
const VERDICT: usize = 7;

fn is_under_way(part: &Part) -> bool {
    part.figure.open_n > 0 && part.kind != Kind::BeforeTrace
}

/// The figures of a part, 39 columns wide or a little more, and its verdict.
fn row(view: &View, part: &Part, has_verdict: bool) -> String {
    let figure = &part.figure;
    let max = figure.longest().map_or_else(|| ide::units::NONE.to_owned(), |w| duration(w.ns));
    let open = if is_under_way(part) { "…" } else { "" };
    let figures = format!(
        "{:>9} {:>8} {:>8}  {:10}",
        format!("{}{open}", duration(figure.total())),
        format!("{}×", count(figure.count())),
        max,
        ide::text::plain(part.kind.label(&view.analysis)),
    );
    match has_verdict {
        true => format!("{figures}  {:VERDICT$}", verdict(part)),
        false => figures,
    }
}

/// What others wait for a line, in the columns of a part.
fn row_of_behind(ns: i64) -> String {
    let none = ide::units::NONE;
    format!("{:>9} {none:>8} {none:>8}  {:10}", duration(ns), "behind")
}

/// A case that its select went on with, likewise.
fn row_of_case(taken: &Taken) -> String {
    let (ns, n) = (duration(taken.ns), format!("{}×", count(taken.n)));
    format!("{ns:>9} {n:>8} {:>8}  {:10}", ide::units::NONE, "taken")
}

/// What most of it is.
fn verdict(part: &Part) -> &'static str {
    let verdict = match part.kind {
        Kind::Assist if part.costly_ns() * 2 > part.figure.total() => Some(Verdict::Costly),
        _ => part.mostly(),
    };
    match verdict {
        Some(Verdict::Costly) => "costly",
        Some(Verdict::Through) => "through",
        Some(Verdict::Idle) => "idle",
        Some(Verdict::Unsure) => "unsure",
        None => "",
    }
}
