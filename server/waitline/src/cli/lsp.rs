//! `waitline lsp`: the language server.

use crate::kept::Cache;

/// Serves an editor over standard input and output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Editors start this by themselves; docs/neovim.md shows how. Logs go to stderr.

Example:
  waitline lsp")]
pub(crate) struct Args {
    /// Accepted and ignored: there is no other way to talk.
    #[arg(long)]
    stdio: bool,
    /// What is logged to stderr: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: tracing_subscriber::filter::LevelFilter,
}

pub(crate) fn run(args: &Args, cache: Cache) -> anyhow::Result<()> {
    let _ = args.stdio;
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(args.log)
        .init();
    // A panic of ours is caught where it costs one answer; it is told like any other trouble.
    std::panic::set_hook(Box::new(|panic| tracing::error!("internal error: {panic}")));
    crate::lsp::serve_stdio(cache)?;
    Ok(())
}
