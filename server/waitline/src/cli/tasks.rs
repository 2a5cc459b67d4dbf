//! `waitline tasks`: the program's own tasks.

use std::io::Write;

use exectrace::TaskId;
use ide::Analysis;
use ide::summary::groups::Spans;
use ide::summary::{Keep, Sites, Summary, Task};
use ide::units::{NONE, count, duration};
use serde_json::{Value, json};

use super::analyses::{cell, name, place, place_json, print_spans, summarize};
use super::part::Lengths;
use super::table::{Side, Table};
use super::{TraceArg, answer, json_row, style};

/// Shows how long the program's own tasks took, and what they wrote.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tasks are those of runtime/trace's NewTask, in groups by type and the line that begins them. The \
histogram has five bars to a power of ten. With --json each line is a task: `id` (0 is the background \
task, for what has none), `name`, `parent`, `start` and `end` (ns from the trace's beginning; null: \
not in the trace), `logs` (how many messages), `regions` (how many began under it), `children`, \
`goroutines`, and `at` (where it was begun); with --logs also `messages`.

Examples:
  waitline tasks trace.out
  waitline tasks trace.out --name order --top 10
  waitline tasks trace.out --log timeout
  waitline tasks trace.out --name order --min 10ms
  waitline tasks trace.out --json --logs | jq 'select(.name == \"order\") | .messages[].message'")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// Show the tasks of this type, one row each, the longest first.
    #[arg(long, value_name = "TYPE")]
    name: Option<String>,
    /// Only tasks with a message that holds this text, one row each.
    #[arg(long, value_name = "TEXT")]
    log: Option<String>,
    #[command(flatten)]
    lengths: Lengths,
    /// Show what the tasks wrote.
    #[arg(long)]
    logs: bool,
    /// How many rows to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print JSON instead: all tasks, one object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (loaded, summary) = summarize(&args.trace, Keep { tasks: true, ..Keep::NONE })?;
    let analysis = &loaded.analysis;
    let sites = &Sites::new(analysis, &summary);
    let with_text = args.log.as_ref().map(|text| {
        let has = |l: &&ide::summary::Log| analysis.str(l.message).contains(text);
        let mut ids: Vec<TaskId> = summary.logs.iter().filter(has).map(|l| l.task).collect();
        ids.sort_unstable();
        ids
    });
    let lengths = args.lengths.wish();
    let wanted = |task: &&Task| {
        lengths.is_of_length(task.duration(analysis.totals.end))
            && args.name.as_ref().is_none_or(|n| analysis.str(task.name) == n)
            && with_text.as_ref().is_none_or(|ids| ids.binary_search(&task.id).is_ok())
    };
    let tasks = summary.tasks.iter().filter(wanted);
    let mut out = answer();
    if args.json {
        let mut logs = Vec::new();
        if args.logs {
            logs = summary.logs.clone();
            logs.sort_by_key(|l| (l.task, l.t));
        }
        for task in tasks {
            let mut object = task_json(analysis, sites, task);
            if args.logs {
                object["messages"] = messages(analysis, sites, &logs, task.id);
            }
            json_row(&mut out, object, analysis)?;
        }
    } else if args.name.is_some() || args.log.is_some() || args.logs {
        one_by_one(args, analysis, sites, &summary, tasks.collect(), &mut out)?;
    } else {
        in_groups(args, analysis, sites, tasks, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn task_json(analysis: &Analysis, sites: &Sites, task: &Task) -> Value {
    json!({
        "id": task.id.0,
        "name": analysis.str(task.name),
        "parent": task.parent.map(|p| p.0),
        "start": task.start.map(|t| t.0),
        "end": task.end.map(|t| t.0),
        "logs": task.logs,
        "regions": task.regions,
        "children": task.children,
        "goroutines": task.goroutines.iter().map(|g| g.0).collect::<Vec<_>>(),
        "at": place_json(analysis, sites.of(analysis, task.stack)),
    })
}

/// The messages of a task; `logs` are sorted by it.
fn messages(analysis: &Analysis, sites: &Sites, logs: &[ide::summary::Log], task: TaskId) -> Value {
    let from = logs.partition_point(|l| l.task < task);
    let of_task = logs[from..].iter().take_while(|l| l.task == task);
    let message = |l: &ide::summary::Log| {
        json!({
            "t": l.t.0,
            "g": l.g.some().map(|g| g.0),
            "category": analysis.str(l.category),
            "message": analysis.str(l.message),
            "at": place_json(analysis, sites.of(analysis, l.stack)),
        })
    };
    of_task.map(message).collect()
}

fn in_groups<'a>(
    args: &Args,
    analysis: &Analysis,
    sites: &Sites,
    tasks: impl Iterator<Item = &'a Task>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut spans = Spans::new(analysis, sites);
    for task in tasks.filter(|t| t.id.0 != 0) {
        spans.add_task(task);
    }
    let groups = spans.dearest_first();
    if groups.is_empty() {
        match args.lengths.wish().lengths {
            Some(_) => writeln!(out, "No task took that long.")?,
            None => writeln!(out, "No tasks. (trace.NewTask makes some.)")?,
        }
        return Ok(());
    }
    print_spans(analysis, &groups, "task", false, args.top, out)?;
    let dim = style::DIM;
    writeln!(out, "{dim}the longest of one type: --name TYPE; what they wrote: --logs{dim:#}")?;
    Ok(())
}

fn one_by_one(
    args: &Args,
    analysis: &Analysis,
    sites: &Sites,
    summary: &Summary,
    mut tasks: Vec<&Task>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let of = tasks.len();
    if of == 0 {
        writeln!(out, "No task is like that.")?;
        return Ok(());
    }
    let end = analysis.totals.end;
    let length = |t: &Task| t.duration(end);
    // The background task has no ends, and is no task of anybody's.
    tasks.sort_by_key(|t| (t.id.0 == 0, std::cmp::Reverse(length(t)), t.id));
    tasks.truncate(args.top);
    writeln!(out, "{} tasks, the longest first", count(of as u64))?;
    writeln!(out)?;
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut table = Table::new([
        right("duration"),
        right("start"),
        right("end"),
        right("id"),
        right("parent"),
        right("regions"),
        right("logs"),
        right("goroutines"),
        ("place".into(), Side::Left),
        ("task".into(), Side::Left),
    ]);
    let time = |t: Option<exectrace::Nanos>| t.map_or(NONE.into(), |t| duration(t.0));
    for task in &tasks {
        table.push(vec![
            cell(length(task)),
            time(task.start),
            time(task.end),
            task.id.0.to_string(),
            task.parent.map_or(NONE.into(), |p| p.0.to_string()),
            count(task.regions),
            count(task.logs),
            count(task.goroutines.len() as u64),
            place(analysis, sites.of(analysis, task.stack)),
            if task.id.0 == 0 { "(background)".into() } else { name(analysis.str(task.name)) },
        ]);
    }
    table.print(out)?;
    let dim = style::DIM;
    if args.logs || args.log.is_some() {
        writeln!(out)?;
        let is_shown = |id: TaskId| tasks.iter().any(|t| t.id == id);
        let has = |text: &str| args.log.as_ref().is_none_or(|wanted| text.contains(wanted));
        let logs = summary.logs.iter().filter(|l| is_shown(l.task) && has(analysis.str(l.message)));
        for log in logs.take(10 * args.top) {
            writeln!(
                out,
                "{dim}{:>10}  task {}  G{}{dim:#}  [{}] {}",
                duration(log.t.0),
                log.task.0,
                log.g.0,
                ide::text::plain(analysis.str(log.category)),
                ide::text::plain(analysis.str(log.message)),
            )?;
        }
    }
    if of > tasks.len() {
        writeln!(out)?;
        writeln!(out, "{dim}{} tasks more: --top {of}{dim:#}", of - tasks.len())?;
    }
    Ok(())
}
