//! `waitline check-trace`: what a file is, and what is missing or odd in it.

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use ide::Analysis;
use ide::units::{count, duration};
use ide::view::go_release;
use serde_json::{Value, json};

use super::{TraceArg, answer};
use crate::traces::{self, LoadError, Loaded};

/// Says what a trace file is, which Go wrote it, and what is missing or odd in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the trace is whole; 3 it is not, and what is there can be used; 1 nothing of it can.

Examples:
  waitline check-trace trace.out
  waitline check-trace trace.out --json | jq -r .state     whole, partial or unusable
  waitline check-trace bug-report.zip                      the first trace in it")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// The exit code for a trace that is not whole.
const PARTIAL: u8 = 3;

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let path = &args.trace.trace;
    let result = traces::load(path, traces::What::Figures, &AtomicBool::new(false), |_, _| {});
    let code = match &result {
        Ok(loaded) if loaded.analysis.problem.is_none() => 0,
        Ok(_) => PARTIAL,
        Err(_) => 1,
    };
    let mut out = answer();
    if args.json {
        serde_json::to_writer(&mut out, &to_json(&traces::shown(path), &result))?;
        writeln!(out)?;
    } else {
        match result {
            Ok(loaded) => print(&mut out, &loaded)?,
            Err(error) => writeln!(out, "{error}")?,
        }
    }
    out.flush()?;
    Ok(ExitCode::from(code))
}

fn print(out: &mut impl Write, loaded: &Loaded) -> std::io::Result<()> {
    let analysis = &loaded.analysis;
    let state = if analysis.problem.is_some() { "not whole" } else { "whole" };
    writeln!(out, "{}: a Go execution trace, {state}", traces::shown(&loaded.path))?;
    let mut row = |name: &str, value: String| writeln!(out, "  {name:<12} {value}");
    if !loaded.inside.is_empty() {
        row("found in", loaded.inside.join(", "))?;
    }
    let version = analysis.version;
    row("written by", format!("Go {} (format go 1.{})", go_release(version), version.0))?;
    row("size", format!("{} bytes", count(analysis.bytes)))?;
    row("length", duration(analysis.duration()))?;
    row("generations", count(u64::from(analysis.totals.generations)))?;
    row("events", count(analysis.events))?;
    let totals = &analysis.totals;
    row(
        "goroutines",
        format!("{}, at most {} at once", count(totals.goroutines), count(totals.max_alive)),
    )?;
    if let Some(partial) = analysis.partial() {
        row("missing", partial)?;
    }
    if let Some(tail) = &analysis.tail {
        row("tail", tail.sentence())?;
    }
    if let Some(offset) = analysis.next_trace {
        let next = traces::shown(&traces::next(&loaded.path));
        row("odd", format!("another trace begins at byte {offset} (name it {next})"))?;
    }
    for note in &analysis.notes {
        row("odd", format!("{} (at byte {})", note.what, note.offset))?;
    }
    Ok(())
}

fn to_json(path: &str, result: &Result<Loaded, LoadError>) -> Value {
    let loaded = match result {
        Ok(loaded) => loaded,
        Err(error) => {
            return json!({ "trace": path, "state": "unusable", "error": error.to_string() });
        }
    };
    let Analysis { totals, version, .. } = &loaded.analysis;
    let analysis = &loaded.analysis;
    let problem = analysis.problem.as_ref();
    let notes: Vec<Value> =
        analysis.notes.iter().map(|n| json!({ "offset": n.offset, "what": n.what })).collect();
    json!({
        "trace": path,
        "state": if problem.is_some() { "partial" } else { "whole" },
        "found_in": loaded.inside,
        "format": format!("go 1.{}", version.0),
        "go": go_release(*version),
        "bytes": analysis.bytes,
        "duration": analysis.duration(),
        "generations": totals.generations,
        "events": analysis.events,
        "goroutines": totals.goroutines,
        "goroutines_at_once": totals.max_alive,
        "problem": problem.map(|p| json!({ "offset": p.offset, "generation": p.generation, "what": p.what })),
        "lost_bytes": analysis.lost_bytes(),
        "lost_until": analysis.lost_until.map(|t| t.0),
        "tail": analysis.tail.as_ref().map(|tail| json!({
            "from": tail.from.0,
            "until": tail.until.0,
            "events": tail.events,
            "running": tail.running,
            "runnable": tail.runnable,
            "waiting": tail.waiting,
            "syscall": tail.syscall,
        })),
        "next_trace": analysis.next_trace,
        "notes": notes,
    })
}
