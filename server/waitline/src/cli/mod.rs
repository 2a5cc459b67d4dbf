//! The command line: arguments, exit codes, what all commands share.
//!
//! Exit codes: 0 with an answer (also a partial one, then with a warning on stderr), 1 without one,
//! 2 for wrong use; `check-trace` has 3 for a trace that is not whole.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::traces::{self, Loaded, What};

mod analyses;
mod annotate;
mod check;
mod dump;
mod findings;
mod goroutines;
mod lines;
mod lsp;
pub(crate) mod mmu;
mod own_code;
mod part;
pub(crate) mod pprof;
mod record;
mod regions;
mod report;
pub(crate) mod style;
mod table;
mod tasks;
mod timeline;

/// Shows on which lines a Go program's goroutines wait, from an execution trace.
#[derive(Debug, Parser)]
#[command(name = "waitline", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  waitline record test ./pkg              record a trace: pkg/trace.out
  waitline report trace.out               the dearest lines
  waitline findings trace.out             what is worth a look
  waitline timeline trace.out             the trace over time, in the browser
  waitline annotate db.go --trace trace.out
  waitline lines trace.out --by here --json
  waitline pprof trace.out --type sync -o sync.pb.gz
  waitline goroutines trace.out           by function; also regions, tasks, mmu")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Report(report::Args),
    Findings(findings::Args),
    Annotate(annotate::Args),
    Lines(lines::Args),
    Pprof(pprof::Args),
    Goroutines(goroutines::Args),
    Regions(regions::Args),
    Tasks(tasks::Args),
    Mmu(mmu::Args),
    Dump(dump::Args),
    CheckTrace(check::Args),
    Record(record::Args),
    Timeline(timeline::Args),
    Lsp(lsp::Args),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = match Args::try_parse_from(record::as_go_writes(std::env::args_os())) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout and are answers; all else is wrong use.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let result = match args.command {
        Command::Report(args) => report::run(&args),
        Command::Findings(args) => findings::run(&args),
        Command::Annotate(args) => annotate::run(&args),
        Command::Lines(args) => lines::run(&args),
        Command::Pprof(args) => pprof::run(&args),
        Command::Goroutines(args) => goroutines::run(&args),
        Command::Regions(args) => regions::run(&args),
        Command::Tasks(args) => tasks::run(&args),
        Command::Mmu(args) => mmu::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::CheckTrace(args) => match check::run(&args) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Record(args) => record::run(&args),
        Command::Timeline(args) => timeline::run(&args),
        Command::Lsp(args) => lsp::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
            {
                return ExitCode::SUCCESS; // `| head` has seen enough
            }
            say(&format!("error: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// A sentence for the person, beside the answer.
pub(crate) fn say(sentence: &str) {
    let _ = writeln!(anstream::stderr(), "waitline: {sentence}");
}

/// Where answers go. It is buffered: flush it.
pub(crate) fn answer() -> io::BufWriter<anstream::AutoStream<io::StdoutLock<'static>>> {
    io::BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout().lock()))
}

/// How many columns there are to fill; without a terminal nothing is cut.
pub(crate) fn columns() -> usize {
    terminal_size::terminal_size().map_or(usize::MAX, |(width, _)| usize::from(width.0))
}

/// Loads a trace, with progress on a terminal if it takes long, and a warning if it is not whole.
pub(crate) fn load(path: &Path, what: What) -> anyhow::Result<Loaded> {
    let loaded = with_progress(path, |progress| {
        traces::load(path, what, &AtomicBool::new(false), progress)
    })?;
    warn(path, &loaded.analysis);
    Ok(loaded)
}

/// Reads a trace in some way, with progress on a terminal if it takes long.
fn with_progress<T>(
    path: &Path,
    read: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, traces::LoadError>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    let show = io::stderr().is_terminal();
    let mut shown = None;
    let result = read(&mut |read, of| {
        let percent = read * 100 / of.max(1);
        if show && started.elapsed() > Duration::from_millis(500) && shown != Some(percent) {
            shown = Some(percent);
            let _ =
                write!(io::stderr(), "\rwaitline: reading {}: {percent} %", traces::shown(path));
        }
    });
    if shown.is_some() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(result?)
}

/// Says what a person must know of a trace before they trust its figures.
fn warn(path: &Path, analysis: &ide::Analysis) {
    let name = traces::shown(path);
    if let Some(partial) = analysis.partial() {
        say(&format!("warning: {name} is {partial}"));
    }
    if let Some(offset) = analysis.next_trace {
        say(&format!(
            "note: {name} holds another trace, from byte {offset} on (this is the first of them; name it {} to see the next)",
            traces::shown(&traces::next(path))
        ));
    }
    const SHOWN: usize = 3;
    for note in analysis.notes.iter().take(SHOWN) {
        say(&format!("note: {name}: {} (at byte {})", note.what, note.offset));
    }
    if let Some(more) = analysis.notes.len().checked_sub(SHOWN).filter(|&n| n > 0) {
        say(&format!("note: {name}: {more} notes more (waitline check-trace shows them all)"));
    }
}

/// Writes a row of a `--json` answer. Of a trace that was not read to its end each row says so itself,
/// for who keeps the rows has lost the warning.
pub(crate) fn json_row(
    out: &mut impl Write,
    mut row: serde_json::Value,
    analysis: &ide::Analysis,
) -> io::Result<()> {
    if analysis.problem.is_some() {
        row["partial"] = true.into();
    }
    serde_json::to_writer(&mut *out, &row)?;
    out.write_all(b"\n")
}

/// The trace that a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct TraceArg {
    /// The trace file.
    #[arg(value_name = "TRACE")]
    pub(crate) trace: PathBuf,
}
