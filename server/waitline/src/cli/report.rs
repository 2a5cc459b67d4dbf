//! `waitline report`: what a person wants to know first.

use std::io::Write;
use std::path::PathBuf;

use ide::kinds::Kind;
use ide::lines::{By, Figure, is_user_by_name, lines};
use ide::units::{DurationUnit, count, duration, duration_in, percent_short};
use ide::view::{View, short_func};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::{TraceArg, answer, load, style};
use crate::workspace;

/// Shows the lines on which most time was spent waiting.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lines are those of your code: of the workspace, if the trace's files are found in it, else by the
names of the functions. `waiting` is how many goroutines waited there on average. Which of the
waiting matters is not judged yet: most of it may be idle.

Examples:
  waitline report trace.out
  waitline report trace.out --workspace ~/src/shop --top 40
  waitline report trace.out --json")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// The folder that holds the source [default: the current one].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// How many lines to show.
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,
    /// Print JSON instead, one object.
    #[arg(long)]
    json: bool,
}

/// A line and one kind of what it cost.
struct Row {
    place: String,
    file: String,
    line: u32,
    func: String,
    cause: String,
    figure: Figure,
    text: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let loaded = load(&args.trace.trace)?;
    let root = args.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    workspace::check_folder(&root)?;
    let view = workspace::view(loaded, &[root]);
    let (rows, of_workspace) = rows(&view);
    if args.json { print_json(args, &view, &rows) } else { print(args, &view, &rows, of_workspace) }
}

/// The dearest first; and whether they are lines of the workspace.
fn rows(view: &View) -> (Vec<Row>, bool) {
    let mut rows = Vec::new();
    for (file, source) in view.placement.files.iter().enumerate() {
        let file = ide::placement::FileId(file as u32);
        for site in view.sites.lines(file) {
            let text = source.text.lines().nth(site.line as usize).filter(|_| site.holds);
            for part in site.parts.iter().filter(|p| p.kind.is_ranked()) {
                rows.push(Row {
                    place: place(&source.path, site.line + 1),
                    file: source.path.clone(),
                    line: site.line + 1,
                    func: view.analysis.str(site.func).to_owned(),
                    cause: part.kind.label(&view.analysis).to_owned(),
                    figure: part.figure.clone(),
                    text: text.map(|t| t.trim().to_owned()),
                });
            }
        }
    }
    let of_workspace = !rows.is_empty();
    if !of_workspace {
        rows = rows_by_name(view);
    }
    rows.sort_by(|a, b| {
        b.figure.total().cmp(&a.figure.total()).then_with(|| a.place.cmp(&b.place))
    });
    (rows, of_workspace)
}

/// Without source: user code is told by the functions' names.
fn rows_by_name(view: &View) -> Vec<Row> {
    let analysis = &view.analysis;
    let name = |f| analysis.str(analysis.tables.frame(f).func);
    let mut rows = Vec::new();
    for line in lines(analysis, By::Here, &|f| is_user_by_name(name(f))) {
        if line.line == 0 {
            continue;
        }
        let mut parts: Vec<(Kind, Figure)> = Vec::new();
        for slot in line.causes.iter().flat_map(|(_, figure)| &figure.slots) {
            let row = &analysis.slots[slot.0 as usize];
            let stack = analysis.stack(row.stack);
            let user = stack.iter().position(|&f| is_user_by_name(name(f))).unwrap_or(0);
            let Some(kind) = ide::kinds::kind_of(analysis, row, user) else { continue };
            let at = parts.iter().position(|p| p.0 == kind).unwrap_or_else(|| {
                parts.push((kind, Figure::new()));
                parts.len() - 1
            });
            parts[at].1.add(analysis, *slot);
        }
        for (kind, figure) in parts {
            if kind.is_ranked() && figure.count() > 0 {
                rows.push(Row {
                    place: place(analysis.str(line.file), line.line),
                    file: analysis.str(line.file).to_owned(),
                    line: line.line,
                    func: analysis.str(line.func).to_owned(),
                    cause: kind.label(analysis).to_owned(),
                    figure,
                    text: None,
                });
            }
        }
    }
    rows
}

/// The file's last folder and name, and the line: enough to find it, short enough for a column.
fn place(file: &str, line: u32) -> String {
    let mut parts = file.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or(file);
    match parts.next() {
        Some(dir) if !dir.is_empty() => {
            format!("{}/{}:{line}", ide::text::plain(dir), ide::text::plain(name))
        }
        _ => format!("{}:{line}", ide::text::plain(name)),
    }
}

fn print(args: &Args, view: &View, rows: &[Row], of_workspace: bool) -> anyhow::Result<()> {
    let mut out = answer();
    let analysis = &view.analysis;
    let totals = &analysis.totals;
    let (bold, dim) = (style::BOLD, style::DIM);
    writeln!(out, "{bold}{}{bold:#}", view.summary())?;
    let heap = match totals.heap_max {
        0 => String::new(),
        n => format!(" · heap up to {}", ide::units::bytes(n)),
    };
    writeln!(
        out,
        "{} goroutines, {} at once · GOMAXPROCS {} · {} events · {} GC{}{heap}",
        count(totals.goroutines),
        count(totals.max_alive),
        totals.gomaxprocs,
        count(analysis.events),
        count(totals.gcs),
        if totals.gcs == 1 { "" } else { "s" }
    )?;
    if rows.is_empty() {
        writeln!(out, "\nNo line of your code waited.")?;
        out.flush()?;
        return Ok(());
    }
    let shown = &rows[..rows.len().min(args.top)];
    let unit = DurationUnit::of(shown.iter().map(|r| r.figure.total()).max().unwrap_or(0));
    let width = |cell: &dyn Fn(&Row) -> String, least: usize| {
        shown.iter().map(|r| cell(r).width()).max().unwrap_or(0).max(least)
    };
    let place_width = width(&|r| r.place.clone(), 4);
    let cause_width = width(&|r| r.cause.clone(), 5);
    let columns = super::columns();
    writeln!(
        out,
        "\n{dim}{:>9} {:>8} {:>8} {:>8}  {:cause_width$}  {:place_width$}  {}{dim:#}",
        format!("total {}", unit.symbol()),
        "number",
        "tail",
        "waiting",
        "cause",
        "line",
        if of_workspace { "source" } else { "function" },
    )?;
    for row in shown {
        let figure = &row.figure;
        let used = 9 + 1 + 8 + 1 + 8 + 1 + 8 + 2 + cause_width + 2 + place_width + 2;
        let last = match &row.text {
            Some(text) => ide::text::plain(text),
            None => ide::text::plain(short_func(&row.func)),
        };
        writeln!(
            out,
            "{:>9} {:>8} {:>8} {:>8}  {:cause_width$}  {:place_width$}  {}",
            duration_in(figure.total(), unit),
            format!("{}×", count(figure.count())),
            tail(view, figure),
            view.waiting_on_average(figure.total()),
            ide::text::plain(&row.cause),
            row.place,
            fitted(&last, columns.saturating_sub(used))
        )?;
    }
    notes(args, view, rows, shown.len(), of_workspace, &mut out)?;
    out.flush()?;
    Ok(())
}

fn notes(
    args: &Args,
    view: &View,
    rows: &[Row],
    shown: usize,
    of_workspace: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let dim = style::DIM;
    let open: u64 = rows[..shown].iter().map(|r| r.figure.open_n).sum();
    let mut notes = Vec::new();
    if rows.len() > shown {
        notes.push(format!(
            "{} lines more: --top {}",
            count((rows.len() - shown) as u64),
            rows.len()
        ));
    }
    if open > 0 {
        notes.push(format!("{} of these waits were still under way at the end", count(open)));
    }
    notes.push("tail: the 99th percentile from 100 on, else the longest".into());
    if !of_workspace {
        notes.push(match &args.workspace {
            Some(_) => "none of the trace's files was found in that folder".into(),
            None => "for the source beside each line: --workspace DIR".into(),
        });
    } else if let Some(first) = view.placement.unmapped.first()
        && i128::from(first.ns) * 100 >= i128::from(first.of_ns)
    {
        notes.push(format!(
            "{} of the program's waiting is in {}, which is not in the workspace",
            percent_short(first.ns, first.of_ns),
            ide::text::plain(&first.prefix)
        ));
    }
    writeln!(out)?;
    for note in notes {
        writeln!(out, "{dim}{note}{dim:#}")?;
    }
    Ok(())
}

fn tail(view: &View, figure: &Figure) -> String {
    if figure.n >= 100 {
        let [p99] = figure.values(&view.analysis).percentiles([99]);
        return duration(figure.worst.map_or(p99, |w| p99.min(w.ns)));
    }
    figure.longest().map_or_else(|| ide::units::NONE.to_owned(), |w| duration(w.ns))
}

/// As much of a text as the terminal has room for.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1; // for the mark that something is missing
    let kept = text.chars().take_while(|&c| {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        used <= width
    });
    kept.chain(std::iter::once('…')).collect()
}

fn print_json(args: &Args, view: &View, rows: &[Row]) -> anyhow::Result<()> {
    let analysis = &view.analysis;
    let lines: Vec<_> = rows
        .iter()
        .take(args.top)
        .map(|row| {
            let mut line = super::lines::figure_json(analysis, &row.figure);
            line["file"] = row.file.as_str().into();
            line["line"] = row.line.into();
            line["func"] = row.func.as_str().into();
            line["cause"] = row.cause.as_str().into();
            line["total"] = row.figure.total().into();
            line["text"] = row.text.as_deref().into();
            line
        })
        .collect();
    let value = json!({
        "trace": view.name,
        "duration": analysis.duration(),
        "events": analysis.events,
        "goroutines": analysis.totals.goroutines,
        "goroutines_at_once": analysis.totals.max_alive,
        "gomaxprocs": analysis.totals.gomaxprocs,
        "partial": analysis.partial(),
        "problem": analysis.problem.as_ref().map(ToString::to_string),
        "lines": lines,
    });
    let mut out = answer();
    serde_json::to_writer(&mut out, &value)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
