//! `waitline dump`: what stands in a trace, for people who look at traces themselves.

use std::fmt;
use std::io::{self, Write};

use super::{TraceArg, answer, say};

/// Prints what stands in a trace: the wire, the ordered events, or their sizes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  waitline dump trace.out --wire | less         batches and events as they stand in the file
  waitline dump trace.out --events | grep G7    events in order, times in ns since the first
  waitline dump trace.out --footprint           number and bytes of each event type")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The text form of the wire, of every version: the tests read it back byte for byte.
    #[arg(long)]
    wire: bool,
    /// The events in order, as Go's own reader gives them.
    #[arg(long)]
    events: bool,
    /// How many events of each type there are, and their bytes.
    #[arg(long)]
    footprint: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.what.events {
        return events(args);
    }
    let bytes = crate::traces::read(&args.trace.trace)?;
    exectrace::Version::from_header(&bytes[..bytes.len().min(exectrace::HEADER_LEN)])
        .map_err(|error| anyhow::anyhow!("{}: {error}", crate::traces::shown(&args.trace.trace)))?;
    let mut out = answer();
    if args.what.wire {
        let mut text = Printed { out: &mut out, error: None };
        let result = exectrace::text::write(&bytes, &mut text);
        if let Some(error) = text.error {
            return Err(error.into());
        }
        out.flush()?;
        if let Err(error) = result {
            say(&format!("warning: the rest is no trace: {error}"));
        }
        return Ok(());
    }
    let footprint = exectrace::v2::footprint::footprint(&bytes);
    writeln!(out, "{:>12} {:>14} {:>7}  event", "number", "bytes", "%")?;
    let total: u64 = footprint.rows.iter().map(|r| r.bytes).sum();
    for row in &footprint.rows {
        let percent = row.bytes as f64 * 100.0 / total.max(1) as f64;
        writeln!(out, "{:>12} {:>14} {percent:>6.2}   {}", row.n, row.bytes, row.name)?;
    }
    out.flush()?;
    if let Some(problem) = footprint.problem {
        say(&format!("warning: the rest is no trace: {problem}"));
    }
    Ok(())
}

/// Lets text be written where bytes go.
struct Printed<'a, W> {
    out: &'a mut W,
    error: Option<io::Error>,
}

impl<W: Write> fmt::Write for Printed<'_, W> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.out.write_all(s.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}

fn events(args: &Args) -> anyhow::Result<()> {
    let path = &args.trace.trace;
    let mut opened = crate::traces::open(path)?;
    let mut out = answer();
    let printed = crate::events::print_from(opened.offset, &mut opened.stream, &mut out)?
        .map_err(|error| anyhow::anyhow!("{}: {error}", crate::traces::shown(path)))?;
    out.flush()?;
    if let Some(problem) = printed.problem {
        if printed.n == 0 {
            anyhow::bail!("{}: {problem}", crate::traces::shown(path));
        }
        say(&format!("warning: the events end here: {problem}"));
    }
    Ok(())
}
