//! `waitline regions`: the program's own regions.

use std::io::Write;

use ide::Analysis;
use ide::summary::groups::Spans;
use ide::summary::{Keep, Region, Sites};
use ide::units::{NONE, count, duration};
use serde_json::{Value, json};

use super::analyses::{add_stats, cell, name, place, place_json, print_spans, summarize};
use super::part::Lengths;
use super::table::{Side, Table};
use super::{TraceArg, answer, json_row, style};

/// Shows how long the program's own regions took and what their time went to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Regions are those of runtime/trace's StartRegion and WithRegion, in groups by type and the line that \
opens them. The histogram has five bars to a power of ten. With --json each line is a region: `g`, \
`task`, `name`, `start` and `end` (ns from the trace's beginning; null: not in the trace), \
`duration`, `exec`, `sched_wait`, `block`, `syscall`, `syscall_block`, `total`, `unknown`, `range` and \
`at` (where it was opened). One without a name stands for the task that a goroutine got from the one \
that started it; `go tool trace` counts these, too.

Examples:
  waitline regions trace.out
  waitline regions trace.out --name db --top 10
  waitline regions trace.out --name db --min 1ms --max 5ms
  waitline regions trace.out --json | jq 'select(.duration > 1000000)'")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// Show the regions of this type, one row each, the longest first.
    #[arg(long, value_name = "TYPE")]
    name: Option<String>,
    #[command(flatten)]
    lengths: Lengths,
    /// How many rows to show.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print JSON instead: all regions, one object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (loaded, summary) = summarize(&args.trace, Keep { regions: true, ..Keep::NONE })?;
    let analysis = &loaded.analysis;
    let sites = &Sites::new(analysis, &summary);
    let lengths = args.lengths.wish();
    let wanted = |r: &&Region| {
        args.name.as_ref().is_none_or(|n| analysis.str(r.name) == n)
            && lengths.is_of_length(r.duration(analysis.totals.end))
    };
    let regions = summary.regions.iter().filter(wanted);
    let mut out = answer();
    if args.json {
        for region in regions {
            json_row(&mut out, region_json(analysis, sites, region), analysis)?;
        }
    } else if args.name.is_some() {
        one_by_one(args, analysis, sites, regions.collect(), &mut out)?;
    } else {
        in_groups(args, analysis, sites, regions, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn region_json(analysis: &Analysis, sites: &Sites, region: &Region) -> Value {
    let mut object = json!({
        "g": region.g.0,
        "task": region.task.0,
        "name": analysis.str(region.name),
        "start": region.start.map(|t| t.0),
        "end": region.end.map(|t| t.0),
        "duration": region.duration(analysis.totals.end),
    });
    add_stats(analysis, &region.stats, &mut object);
    object["at"] = place_json(analysis, sites.of(analysis, region.stack));
    object
}

fn in_groups<'a>(
    args: &Args,
    analysis: &Analysis,
    sites: &Sites,
    regions: impl Iterator<Item = &'a Region>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut spans = Spans::new(analysis, sites);
    // One without a name was opened by nobody.
    for region in regions.filter(|r| r.name.is_some()) {
        spans.add_region(region, &region.stats);
    }
    let groups = spans.dearest_first();
    if groups.is_empty() {
        match args.lengths.wish().lengths {
            Some(_) => writeln!(out, "No region took that long.")?,
            None => {
                writeln!(out, "No regions. (trace.WithRegion and trace.StartRegion make some.)")?
            }
        }
        return Ok(());
    }
    print_spans(analysis, &groups, "region", true, args.top, out)?;
    let dim = style::DIM;
    writeln!(out, "{dim}the longest of one type: --name TYPE{dim:#}")?;
    Ok(())
}

fn one_by_one(
    args: &Args,
    analysis: &Analysis,
    sites: &Sites,
    mut regions: Vec<&Region>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let end = analysis.totals.end;
    let of = regions.len();
    if of == 0 {
        let name = ide::text::plain(args.name.as_deref().unwrap_or_default());
        let so = if args.lengths.wish().lengths.is_some() { " and took that long" } else { "" };
        writeln!(out, "No region has the type \"{name}\"{so}.")?;
        return Ok(());
    }
    regions.sort_by_key(|r| (std::cmp::Reverse(r.duration(end)), r.start, r.g));
    regions.truncate(args.top);
    writeln!(out, "{} regions, the longest first", count(of as u64))?;
    writeln!(out)?;
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut table = Table::new([
        right("duration"),
        right("run"),
        right("ready"),
        right("blocked"),
        right("syscall"),
        right("start"),
        right("task"),
        right("goroutine"),
        ("place".into(), Side::Left),
        ("region".into(), Side::Left),
    ]);
    for region in &regions {
        let stats = &region.stats;
        let syscall = stats.syscall.saturating_add(stats.syscall_block);
        let mut row = vec![cell(region.duration(end))];
        row.extend([stats.exec, stats.sched_wait, stats.blocked(), syscall].map(cell));
        row.push(region.start.map_or(NONE.into(), |t| duration(t.0)));
        row.push(if region.task.0 == 0 { NONE.into() } else { region.task.0.to_string() });
        row.push(format!("G{}", region.g.0));
        row.push(place(analysis, sites.of(analysis, region.stack)));
        row.push(name(analysis.str(region.name)));
        table.push(row);
    }
    table.print(out)?;
    if of > regions.len() {
        let dim = style::DIM;
        writeln!(out)?;
        writeln!(out, "{dim}{} regions more: --top {of}{dim:#}", of - regions.len())?;
    }
    Ok(())
}
