//! `waitline cache`: what is kept of traces, so that they open at once the next time.

use std::io::Write;
use std::time::SystemTime;

use ide::units::{bytes, count};

use super::answer;
use crate::kept::Cache;

/// Shows or clears what is kept of traces, so that they open at once the next time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It lies in $XDG_CACHE_HOME/waitline, in ~/Library/Caches/waitline or in %LOCALAPPDATA%\\waitline\\cache; \
WAITLINE_CACHE=DIR names another folder, WAITLINE_CACHE=off none. What was not used for longest goes \
by itself. docs/settings.md tells what is kept.

Examples:
  waitline cache show
  waitline cache clear")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Where it is and how much there is
    Show,
    /// Takes all of it away
    Clear,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let mut out = answer();
    let Some(folder) = cache.folder() else {
        writeln!(out, "Nothing is kept: the cache is off.")?;
        return Ok(out.flush()?);
    };
    let place = crate::traces::shown(folder);
    match args.command {
        Command::Show => {
            let entries = cache.entries();
            let all: u64 = entries.iter().map(|entry| entry.bytes).sum();
            let (n, traces) = (entries.len() as u64, of(entries.len()));
            writeln!(out, "{place}: {} {traces}, {}", count(n), bytes(all))?;
            for entry in entries {
                let name = entry.path.file_stem().unwrap_or_default().to_string_lossy();
                let ago = SystemTime::now().duration_since(entry.used).unwrap_or_default();
                writeln!(out, "{name}  {:>9}  used {}", bytes(entry.bytes), ago_of(ago.as_secs()))?;
            }
        }
        Command::Clear => {
            let (n, gone) = cache.clear()?;
            writeln!(out, "{place}: {} {} taken away, {}", count(n as u64), of(n), bytes(gone))?;
        }
    }
    Ok(out.flush()?)
}

fn of(n: usize) -> &'static str {
    if n == 1 { "trace" } else { "traces" }
}

fn ago_of(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
