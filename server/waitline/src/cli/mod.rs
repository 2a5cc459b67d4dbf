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

use ide::Analysis;
use ide::judged::{Depth, Judged, Question};
use ide::view::View;

use crate::kept::{Cache, Keep};
use crate::traces::{self, LoadError, Loaded, What};
use crate::workspace::{self, Choices};

mod analyses;
mod annotate;
mod cache;
mod check;
mod dump;
pub(crate) mod explain;
mod fill;
mod findings;
mod goroutines;
mod lines;
mod lsp;
mod meant;
pub(crate) mod mmu;
mod own_code;
mod part;
mod places;
pub(crate) mod pprof;
mod record;
mod regions;
mod report;
mod rows;
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
  waitline explain slots-exhausted        what a finding means, and what helps
  waitline timeline trace.out             the trace over time, in the browser
  waitline annotate trace.out db.go       a file with the figures beside its lines
  waitline lines trace.out --by here --json
  waitline pprof trace.out --type sync -o sync.pb.gz
  waitline goroutines trace.out           by function; also regions, tasks, mmu")]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// Keep nothing of this trace for the next time, and use nothing that was kept.
    #[arg(long, global = true, help_heading = "For all commands")]
    no_cache: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Report(report::Args),
    Findings(findings::Args),
    Explain(explain::Args),
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
    Cache(cache::Args),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let mut typed = meant::words(std::env::args_os());
    // Gone with this function: a trace that came over standard input has no other name.
    let piped = match meant::from_stdin(&mut typed) {
        Ok(piped) => piped,
        Err(error) => {
            say(&format!("error: {error:#}"));
            return ExitCode::from(1);
        }
    };
    let args = match Args::try_parse_from(&typed) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout and are answers; all else is wrong use.
            let code = if error.use_stderr() { 2 } else { 0 };
            match meant::instead(&error) {
                Some(sentence) => say(&format!("error: {sentence}")),
                None => drop(error.print()),
            }
            return ExitCode::from(code);
        }
    };
    let is_kept = !args.no_cache && piped.is_none();
    let cache = if is_kept { Cache::of_user() } else { Cache::none() };
    let result = match args.command {
        Command::Report(args) => report::run(&args, &cache),
        Command::Findings(args) => findings::run(&args, &cache),
        Command::Explain(args) => explain::run(&args),
        Command::Annotate(args) => annotate::run(&args, &cache),
        Command::Lines(args) => lines::run(&args, &cache),
        Command::Pprof(args) => pprof::run(&args, &cache),
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
        Command::Timeline(args) => timeline::run(&args, cache),
        Command::Lsp(args) => lsp::run(&args, cache),
        Command::Cache(args) => cache::run(&args, &cache),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.downcast_ref().is_some_and(is_closed_pipe) {
                return ExitCode::SUCCESS; // `| head` has seen enough
            }
            say(&format!("error: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// Whether nobody reads on. Windows has a second way to say so: "no process is on the other end of
/// the pipe", to which the standard library gives no kind.
fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
        || (cfg!(windows) && error.raw_os_error() == Some(233))
}

/// A sentence for the person, beside the answer.
pub(crate) fn say(sentence: &str) {
    let _ = writeln!(anstream::stderr(), "waitline: {sentence}");
}

/// Where answers go. It is buffered: flush it.
pub(crate) fn answer() -> io::BufWriter<anstream::AutoStream<io::StdoutLock<'static>>> {
    io::BufWriter::with_capacity(1 << 16, anstream::AutoStream::auto(io::stdout().lock()))
}

/// How many columns there are to fill: of the terminal that the answer goes to, or as `COLUMNS` says.
/// Else nothing is cut.
pub(crate) fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.filter(|&columns| columns > 0).unwrap_or_else(|| {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.map_or(usize::MAX, |(width, _)| usize::from(width.0))
    })
}

/// A trace that a command is about, and what is kept of it.
pub(crate) struct Opened {
    pub(crate) loaded: Loaded,
    keep: Keep,
}

/// Opens a trace, with progress on a terminal if it takes long, and a warning if it is not whole.
pub(crate) fn open(path: &Path, what: What, cache: &Cache) -> anyhow::Result<Opened> {
    let mut keep = Keep::find(cache, path);
    let loaded = match keep.loaded(u64::MAX) {
        Some(loaded) => loaded,
        None => keep.load(|| load(path, what))?,
    };
    warn(path, &loaded.analysis);
    Ok(Opened { loaded, keep })
}

impl Opened {
    /// How the waits were judged; `None` for a trace that was loaded without lives. `own` tells the
    /// code that is a person's own, and comes back with it.
    pub(crate) fn judged<T>(
        &mut self,
        depth: Depth,
        own: impl Fn(&Analysis) -> anyhow::Result<(T, Question)>,
    ) -> anyhow::Result<(T, Option<Judged>)> {
        let (mut its, mut question) = own(&self.loaded.analysis)?;
        let judge = |opened: &mut Opened, question: &Question| {
            let _judging = Judging::begin(&opened.loaded);
            opened.keep.judged(&opened.loaded.analysis, question, depth, &|| true)
        };
        let mut judged = judge(self, &question);
        if judged.is_none() && self.loaded.analysis.stays.is_none() {
            let path = self.loaded.path.clone();
            self.loaded = self.keep.load(|| load(&path, What::Lives))?;
            (its, question) = own(&self.loaded.analysis)?;
            judged = judge(self, &question);
        }
        Ok((its, judged))
    }

    /// The trace in the workspace that a folder is; one that nobody named only if the program is there.
    pub(crate) fn view(self, root: PathBuf, is_named: bool) -> anyhow::Result<(View, Keep)> {
        let Opened { loaded, mut keep } = self;
        let _judging = Judging::begin(&loaded);
        let path = loaded.path.clone();
        let choices = Choices { by_chance: !is_named, ..Choices::default() };
        let by = (&[root][..], &choices);
        let view =
            workspace::view_kept(loaded, &mut keep, || load(&path, What::Lives), by, &|| true)?;
        Ok((view, keep))
    }

    /// Keeps what is new of it, once the answer is out.
    pub(crate) fn keep(self) {
        self.keep.write(&self.loaded.analysis);
    }
}

fn load(path: &Path, what: What) -> Result<Loaded, LoadError> {
    with_progress(path, |progress| traces::load(path, what, &AtomicBool::new(false), progress))
}

/// Reads a trace in some way, with progress on a terminal if it takes long.
fn with_progress<T>(
    path: &Path,
    read: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
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
    result
}

/// On a terminal, says that the waits of a large trace are being judged, until it is dropped.
struct Judging;

impl Judging {
    /// A trace of fewer events is judged before anybody has read this.
    const WORTH_TELLING: u64 = 10_000_000;

    fn begin(loaded: &Loaded) -> Option<Judging> {
        let Loaded { path, analysis, .. } = loaded;
        let is_long = analysis.stays.is_some() && analysis.events >= Self::WORTH_TELLING;
        if !is_long || !io::stderr().is_terminal() {
            return None;
        }
        let name = traces::shown(path);
        let _ = write!(io::stderr(), "\rwaitline: judging the waits of {name}");
        Some(Judging)
    }
}

impl Drop for Judging {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
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
    /// The trace file; `-` is standard input.
    #[arg(value_name = "TRACE")]
    pub(crate) trace: PathBuf,
}
