//! `waitline timeline`: the timeline of a trace, as a page in the browser.

use std::io::Write;
use std::path::PathBuf;

use super::{TraceArg, answer, say};

/// Shows a trace over time, as a page in the browser.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The page is served on this machine only (127.0.0.1), to the browser that opens the file whose path is
printed; only you can read that file. It ends with Ctrl+C, or half an hour after the page was closed.
Sources are looked for in the current folder.

Examples:
  waitline timeline trace.out
  waitline timeline trace.out --workspace ~/src/shop
  waitline timeline trace.out --no-open")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// The folder that holds the source.
    #[arg(long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// Print the path of the file that leads to the page, and open nothing.
    #[arg(long)]
    no_open: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    crate::workspace::check_folder(&args.workspace)?;
    let root = args.workspace.canonicalize()?;
    crate::lsp::serve_page(&args.trace.trace, root, |path, partial| {
        if let Some(partial) = partial {
            say(&format!("warning: {} is {partial}", crate::traces::shown(&args.trace.trace)));
        }
        let mut out = answer();
        writeln!(out, "{}", path.display())?;
        out.flush()?;
        let opened = !args.no_open && opener::open(path).is_ok();
        if !opened {
            say("open that file in a browser; Ctrl+C ends it");
        }
        Ok(())
    })
}
