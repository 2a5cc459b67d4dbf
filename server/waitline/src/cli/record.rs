//! `waitline record`: records a trace of a test or of a running program.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ide::units::{count, duration};
use ide::view::go_release;

use super::{answer, say};
use crate::record::{Endpoint, Recorded, Step, Test};
use crate::traces;

/// Records a trace, of a test or of a running program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  waitline record test ./server -run TestOrders     go test, with a trace: server/trace.out
  waitline record url localhost:6060 --seconds 5    what a program with net/http/pprof does now")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Test(TestArgs),
    Url(UrlArgs),
}

/// Runs go test for one package, and keeps the trace: also that of a test that fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What the test says goes to stderr. Flags after -- are those of go test.

Examples:
  waitline record test ./server -run 'TestOrders$'
  waitline record test . -- -race -run '^$' -bench Parse")]
struct TestArgs {
    /// The package: a folder, a file in it, or an import path.
    #[arg(value_name = "PKG", default_value = ".")]
    package: String,
    /// Which tests, as go test -run has it [default: all of the package].
    #[arg(long, value_name = "REGEX", default_value = "", hide_default_value = true)]
    run: String,
    /// The trace file; one that is there is written over if it is a trace [default: trace.out in
    /// the package's folder].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Other flags for go test.
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// Takes a trace from the net/http/pprof of a running program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only http and https are asked, and redirects are followed within the same host.

Examples:
  waitline record url localhost:6060 --seconds 5
  waitline record url https://shop.example.com/debug/pprof/trace --seconds 2 -o shop.trace")]
struct UrlArgs {
    /// The address; without a path it is /debug/pprof/trace there.
    #[arg(value_name = "URL")]
    url: String,
    /// How long the program is to record.
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::record::MAX_SECONDS)))]
    seconds: u32,
    /// The trace file; one that is there is written over if it is a trace [default: trace.out].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Go's people write `-run X`: that is `--run X` here.
pub(crate) fn as_go_writes(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    if args.get(1).is_some_and(|command| command == "record") {
        for arg in args.iter_mut().skip(2).take_while(|arg| *arg != "--") {
            let Some(text) = arg.to_str() else { continue };
            if text == "-run" || text.starts_with("-run=") {
                *arg = format!("-{text}").into();
            }
        }
    }
    args
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(cancel.clone());
    let recorded = match &args.what {
        What::Test(test) => {
            let test = Test {
                dir: std::env::current_dir()?,
                package: test.package.clone(),
                run: test.run.clone(),
                flags: test.flags.clone(),
                output: test.output.clone(),
            };
            test.record(&cancel, &mut |step| {
                if let Step::Line(line) = step {
                    let _ = writeln!(anstream::stderr(), "{line}");
                }
            })?
        }
        What::Url(url) => {
            let endpoint = Endpoint {
                url: url.url.clone(),
                seconds: url.seconds,
                output: Endpoint::output_in(Path::new(""), url.output.as_deref()),
            };
            let show = std::io::stderr().is_terminal();
            let recorded = endpoint.record(&cancel, &mut |step| {
                if let (true, Step::Bytes(bytes)) = (show, step) {
                    let _ =
                        write!(std::io::stderr(), "\rwaitline: recording: {} bytes", count(bytes));
                }
            });
            if show {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
            recorded?
        }
    };
    tell(&recorded)
}

/// What came of it, as a line to go on with.
fn tell(recorded: &Recorded) -> anyhow::Result<()> {
    // The folder that one is in need not be told.
    let here = std::env::current_dir().ok();
    let path =
        here.and_then(|here| recorded.path.strip_prefix(here).ok()).unwrap_or(&recorded.path);
    if let Some(warning) = &recorded.warning {
        say(&format!("warning: {warning}"));
    }
    let loaded = traces::load(path, traces::What::Figures, &AtomicBool::new(false), |_, _| {});
    let analysis = match loaded {
        Ok(loaded) => loaded.analysis,
        Err(error) => anyhow::bail!("what was recorded is of no use: {error}"),
    };
    if let Some(partial) = analysis.partial() {
        say(&format!("warning: {} is {partial}", traces::shown(path)));
    }
    let mut out = answer();
    writeln!(
        out,
        "{}: {} · {} events · {} bytes · Go {}",
        traces::shown(path),
        duration(analysis.duration()),
        count(analysis.events),
        count(recorded.bytes),
        go_release(analysis.version)
    )?;
    out.flush()?;
    say(&format!("next: waitline report {}", traces::shown(path)));
    Ok(())
}

/// Ctrl+C and a wish to end stop the recording, and what it started, and leave nothing behind.
fn end_on_signals(cancel: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            #[cfg(unix)]
            {
                use tokio::signal::unix::{SignalKind, signal};
                let Ok(mut end) = signal(SignalKind::terminate()) else { return };
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = end.recv() => {}
                }
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            cancel.store(true, Ordering::Relaxed);
        });
    });
}
