//! `waitline goroutines`: what became of every goroutine.

use std::io::Write;

use exectrace::Nanos;
use ide::Analysis;
use ide::starters::started_at;
use ide::summary::groups::{Column, columns, functions};
use ide::summary::{Goroutine, Keep, Row, Summary, is_system};
use ide::units::{count, duration};
use serde_json::{Value, json};

use super::analyses::{add_stats, cell, place, place_json, summarize};
use super::table::{Side, Table};
use super::{TraceArg, answer, json_row, style};

/// Shows what the time of every goroutine went to, by function or one by one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The columns are those of `go tool trace`'s goroutine analysis. The percentiles and the maximum are of \
the column that the rows are sorted by. Functions are those that a goroutine's work begins with: of one that \
`sync.WaitGroup.Go`, an errgroup or the testing package started, what these call. With --json each line is a \
goroutine: `id`, `name` (its first function), `work` (that function, where it is another one), \
`system`, `creation`, `start` (it first ran) and `end` (ns from the trace's beginning; \
null: never), `exec`, `sched_wait`, `block` (by reason), `syscall`, `syscall_block` (without its P), \
`total`, `unknown`, `range` (overlaps the others) and `created` (the go statement). All are ns.

Examples:
  waitline goroutines trace.out
  waitline goroutines trace.out --sort ready --top 10
  waitline goroutines trace.out --func main.worker --sort life
  waitline goroutines trace.out --json | jq 'select(.end == null)'")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// Show the goroutines whose function has this in its name, one row each.
    #[arg(long, value_name = "NAME")]
    func: Option<String>,
    /// Which column comes first.
    #[arg(long, value_enum, default_value_t = Sort::Run)]
    sort: Sort,
    /// How many rows to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Show the runtime's own goroutines, too.
    #[arg(long)]
    system: bool,
    /// Print JSON instead: all goroutines, one object a line.
    #[arg(long)]
    json: bool,
}

/// By the names above the columns; the names that the columns have in JSON do, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Sort {
    /// Running
    #[value(alias = "exec")]
    Run,
    /// Able to run, without a P
    #[value(alias = "sched_wait")]
    Ready,
    /// Blocked, for any reason
    Block,
    /// Blocked on channels and selects
    Chan,
    /// Blocked in the sync package
    Sync,
    /// Blocked on the network
    Net,
    /// Asleep
    Sleep,
    /// Blocked by the collector
    Gc,
    /// Blocked for any other reason
    Other,
    /// In system calls
    Syscall,
    /// From its creation to its end
    #[value(alias = "total")]
    Life,
}

/// What a row shows, and the words above it.
const SHOWN: [(Column, &str); 9] = [
    (Column::Exec, "run"),
    (Column::SchedWait, "ready"),
    (Column::Chan, "chan"),
    (Column::Sync, "sync"),
    (Column::Net, "net"),
    (Column::Sleep, "sleep"),
    (Column::Gc, "gc"),
    (Column::Other, "other"),
    (Column::Total, "life"),
];

impl Sort {
    fn column(self) -> Column {
        match self {
            Sort::Run => Column::Exec,
            Sort::Ready => Column::SchedWait,
            Sort::Block => Column::Block,
            Sort::Chan => Column::Chan,
            Sort::Sync => Column::Sync,
            Sort::Net => Column::Net,
            Sort::Sleep => Column::Sleep,
            Sort::Gc => Column::Gc,
            Sort::Other => Column::Other,
            Sort::Syscall => Column::Syscall,
            Sort::Life => Column::Total,
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (loaded, summary) = summarize(&args.trace, Keep { goroutines: true, ..Keep::NONE })?;
    let analysis = &loaded.analysis;
    let wanted = |name: &str| {
        args.func
            .as_ref()
            .map_or(args.json || args.system || !is_system(name), |f| name.contains(f))
    };
    let rows = summary.rows().filter(|&row| wanted(analysis.str(summary.work(row))));
    let mut out = answer();
    if args.json {
        for row in rows {
            json_row(&mut out, goroutine_json(analysis, &summary.goroutine(row)), analysis)?;
        }
    } else if args.func.is_some() {
        one_by_one(args, analysis, &summary, rows.collect(), &mut out)?;
    } else {
        by_function(args, analysis, &summary, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn goroutine_json(analysis: &Analysis, g: &Goroutine) -> Value {
    let name = analysis.str(g.name);
    let mut object = json!({
        "id": g.id.0,
        "name": name,
        "creation": g.creation.0,
        "start": g.start.map(|t| t.0),
        "end": g.end.map(|t| t.0),
    });
    if is_system(name) {
        object["system"] = true.into();
    }
    if g.work != g.name {
        object["work"] = analysis.str(g.work).into();
    }
    add_stats(analysis, &g.stats, &mut object);
    let created = analysis.stack(g.created_at).first().copied();
    object["created"] = place_json(analysis, created);
    object
}

/// The figures of a row: system calls with and without their P in one.
fn figures(row: &[i64]) -> Vec<i64> {
    let mut figures: Vec<i64> = SHOWN.iter().map(|(column, _)| row[*column as usize]).collect();
    let syscall = row[Column::Syscall as usize].saturating_add(row[Column::SyscallBlock as usize]);
    figures.insert(figures.len() - 1, syscall);
    figures
}

fn heads() -> Vec<&'static str> {
    let mut heads: Vec<&str> = SHOWN.iter().map(|(_, head)| *head).collect();
    heads.insert(heads.len() - 1, "syscall");
    heads
}

fn by_function(
    args: &Args,
    analysis: &Analysis,
    summary: &Summary,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let column = args.sort.column();
    let mut groups = functions(analysis, summary, column);
    let all = groups.len();
    groups.retain(|g| args.system || !is_system(analysis.str(g.name)));
    let hidden = all - groups.len();
    let n: u64 = groups.iter().map(|g| g.n).sum();
    let dim = style::DIM;
    writeln!(
        out,
        "{} goroutines of {} functions in {}; sorted by {}",
        count(n),
        count(groups.len() as u64),
        duration(analysis.duration()),
        column_words(column),
    )?;
    writeln!(out)?;
    let shown = &groups[..groups.len().min(args.top)];
    let sums = |g: &ide::summary::groups::FunctionGroup| {
        let sums: Vec<i64> = g.columns.iter().map(|spread| spread.sum).collect();
        figures(&sums)
    };
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut columns = vec![right("n"), right("alive")];
    columns.extend(heads().into_iter().chain(["p50", "p99", "max"]).map(right));
    columns.push(("function".into(), Side::Name));
    let mut table = Table::new(columns);
    for group in shown {
        let spread = &group.columns[column as usize];
        let [p50, p99] = spread.percentiles([50, 99]);
        let alive = if group.alive == 0 { ide::units::NONE.into() } else { count(group.alive) };
        let mut row = vec![count(group.n), alive];
        row.extend(sums(group).into_iter().map(cell));
        row.extend([p50, p99, spread.max].map(cell));
        row.push(function(analysis.str(group.name)));
        table.push(row);
    }
    table.print(out)?;
    writeln!(out)?;
    if groups.len() > shown.len() {
        let more = groups.len() - shown.len();
        writeln!(out, "{dim}{more} functions more: --top {}{dim:#}", groups.len())?;
    }
    if hidden > 0 {
        writeln!(out, "{dim}{hidden} functions of the runtime are left out: --system{dim:#}")?;
    }
    writeln!(out, "{dim}one function's goroutines: --func NAME{dim:#}")?;
    Ok(())
}

fn one_by_one(
    args: &Args,
    analysis: &Analysis,
    summary: &Summary,
    mut rows: Vec<Row>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let column = args.sort.column();
    let of = rows.len();
    if of == 0 {
        let func = ide::text::plain(args.func.as_deref().unwrap_or_default());
        writeln!(out, "No goroutine's function has \"{func}\" in its name.")?;
        return Ok(());
    }
    // Only the figure that sorts is kept for all of them: there may be millions.
    let key = |row: &Row| {
        let g = summary.goroutine(*row);
        (std::cmp::Reverse(columns(analysis, &g.stats)[column as usize]), g.id)
    };
    rows.sort_by_cached_key(key);
    rows.truncate(args.top);
    let shown: Vec<Goroutine> = rows.iter().map(|&row| summary.goroutine(row)).collect();
    writeln!(out, "{} goroutines; sorted by {}", count(of as u64), column_words(column))?;
    writeln!(out)?;
    let of_one = |g: &Goroutine| figures(&columns(analysis, &g.stats));
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut titles = vec![right("goroutine"), right("created"), right("ended")];
    titles.extend(heads().into_iter().map(right));
    titles.extend([("started at".into(), Side::Left), ("function".into(), Side::Name)]);
    let mut table = Table::new(titles);
    for g in &shown {
        let time = |t: Option<Nanos>| t.map_or(ide::units::NONE.into(), |t| duration(t.0));
        let mut row = vec![format!("G{}", g.id.0), duration(g.creation.0), time(g.end)];
        row.extend(of_one(g).into_iter().map(cell));
        row.push(place(analysis, started_at(&analysis.tables, g.created_at)));
        row.push(function(analysis.str(g.work)));
        table.push(row);
    }
    table.print(out)?;
    if of > shown.len() {
        let dim = style::DIM;
        writeln!(out)?;
        writeln!(out, "{dim}{} goroutines more: --top {of}{dim:#}", of - shown.len())?;
    }
    Ok(())
}

fn function(name: &str) -> String {
    if name.is_empty() { "(no stack was recorded)".to_owned() } else { ide::text::plain(name) }
}

fn column_words(column: Column) -> &'static str {
    match column {
        Column::Exec => "running",
        Column::SchedWait => "able to run, without a P",
        Column::Block => "blocked",
        Column::Chan => "blocked on channels and selects",
        Column::Sync => "blocked in the sync package",
        Column::Net => "blocked on the network",
        Column::Sleep => "asleep",
        Column::Gc => "blocked by the collector",
        Column::Other => "blocked for other reasons",
        Column::Syscall => "in system calls",
        _ => "life",
    }
}
