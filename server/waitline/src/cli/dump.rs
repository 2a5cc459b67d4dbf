//! `waitline dump`: what stands in a trace, for people who look at traces themselves.

use std::fmt;
use std::io::{self, Read, Write};

use exectrace::{
    At, Decoder, GoEvent, GoState, Log, Metric, Nanos, ProcEvent, ProcState, RangeEvent, RangeKind,
    RangePhase, RangeScope, Reader, Region, Sink, StackId, StackRow, StrId, Tables, Task,
};

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
    /// The text form of the wire format; `waitline` can read it back.
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
    let mut reader = Reader::new();
    reader.starts_at(opened.offset);
    // What is printed is what Go's own reader gives, no more.
    let mut decoder = Decoder::<()>::strict();
    let mut out = answer();
    let problem;
    let mut result = Ok(());
    'read: loop {
        let n = opened.stream.read(reader.space(1 << 20))?;
        reader.filled(n);
        if n == 0 {
            reader.finish();
        }
        loop {
            let next = reader
                .next()
                .map_err(|e| anyhow::anyhow!("{}: {e}", crate::traces::shown(path)))?;
            let Some(generation) = next else { break };
            let tables = reader.tables();
            let stacks = (0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r)));
            let mut printer =
                Printer { tables, stacks: stacks.collect(), out: &mut out, result: &mut result };
            if let Err(bad) = decoder.decode(&generation, tables, &mut printer) {
                problem = Some(bad);
                break 'read;
            }
            reader.recycle(generation);
        }
        if n == 0 || reader.is_done() {
            let mut printer = Printer {
                tables: reader.tables(),
                stacks: Vec::new(),
                out: &mut out,
                result: &mut result,
            };
            decoder.end(&mut printer);
            problem = reader.problem().cloned();
            break;
        }
    }
    result?;
    out.flush()?;
    if let Some(problem) = problem {
        if decoder.n_events() == 0 {
            anyhow::bail!("{}: {problem}", crate::traces::shown(path));
        }
        say(&format!("warning: the events end here: {problem}"));
    }
    Ok(())
}

/// Prints each event on a line.
struct Printer<'a, W> {
    tables: &'a Tables,
    stacks: Vec<StackId>,
    out: &'a mut W,
    result: &'a mut io::Result<()>,
}

impl<W: Write> Printer<'_, W> {
    fn line(&mut self, at: &At, what: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            let At { t, g, p, m } = *at;
            *self.result = writeln!(
                self.out,
                "{} M{} P{} G{} {what}",
                t.0,
                OrDash(m.0),
                OrDash(p.0),
                OrDash(g.0)
            );
        }
    }

    /// ` at FUNC FILE:LINE +N`, nothing where there is no stack.
    fn at(&self, word: &str, row: StackRow) -> String {
        let stack = self.stacks.get(row.0 as usize).copied().unwrap_or(StackId::NONE);
        let frames = self.tables.stack(stack);
        let Some(&leaf) = frames.first() else { return String::new() };
        let leaf = self.tables.frame(leaf);
        let (func, file) = (self.tables.str(leaf.func), self.tables.str(leaf.file));
        if frames.len() == 1 && leaf.pc == 0 && func.is_empty() {
            return String::new();
        }
        format!(" {word} {} {}:{} +{}", Plain(func), Plain(file), leaf.line, frames.len() - 1)
    }

    fn quoted(&self, s: StrId) -> Quoted<'_> {
        Quoted(self.tables.str(s))
    }
}

const NOBODY: At = At {
    t: Nanos(0),
    g: exectrace::GoId::NONE,
    p: exectrace::ProcId::NONE,
    m: exectrace::ThreadId::NONE,
};

impl<W: Write> Sink for Printer<'_, W> {
    type Local = ();

    fn generation(&mut self, t: Nanos, _: &exectrace::Generation, _: &Tables) {
        self.line(&At { t, ..NOBODY }, format_args!("sync"));
    }

    fn end(&mut self, t: Nanos) {
        self.line(&At { t, ..NOBODY }, format_args!("sync"));
    }

    fn go(&mut self, at: &At, event: &GoEvent, (): &mut ()) {
        let stack = self.at("at", event.stack);
        let own = if event.own == event.stack { String::new() } else { self.at("own", event.own) };
        let reason = Quoted(self.tables.str(event.reason)).to_string();
        let (from, to) = (go_state(event.from), go_state(event.to));
        self.line(at, format_args!("go G{} {from}->{to} {reason}{stack}{own}", OrDash(event.g.0)));
    }

    fn proc(&mut self, at: &At, event: &ProcEvent) {
        let (from, to) = (proc_state(event.from), proc_state(event.to));
        self.line(at, format_args!("proc P{} {from}->{to}", event.p.0));
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let phase = match event.phase {
            RangePhase::Begin => "begin",
            RangePhase::Active => "active",
            RangePhase::End => "end",
        };
        let kind = match event.kind {
            RangeKind::StopTheWorld(why) => format!("stop-the-world ({})", self.tables.str(why)),
            RangeKind::GcMark => "GC concurrent mark phase".into(),
            RangeKind::GcSweep => "GC incremental sweep".into(),
            RangeKind::GcMarkAssist => "GC mark assist".into(),
        };
        let scope = match event.scope {
            RangeScope::Global => "-".into(),
            RangeScope::Go(g) => format!("G{}", OrDash(g.0)),
            RangeScope::Proc(p) => format!("P{}", OrDash(p.0)),
        };
        let stack = self.at("at", event.stack);
        self.line(at, format_args!("{phase} {} {scope}{stack}", Quoted(&kind)));
    }

    fn sample(&mut self, at: &At, stack: StackRow) {
        let stack = self.at("at", stack);
        self.line(at, format_args!("sample{stack}"));
    }

    fn metric(&mut self, at: &At, metric: Metric, value: u64, stack: StackRow) {
        let name = match metric {
            Metric::GoMaxProcs => "/sched/gomaxprocs:threads",
            Metric::HeapAlloc => "/memory/classes/heap/objects:bytes",
            Metric::HeapGoal => "/gc/heap/goal:bytes",
        };
        let stack = self.at("at", stack);
        self.line(at, format_args!("metric {} {value}{stack}", Quoted(name)));
    }

    fn label(&mut self, at: &At, label: StrId) {
        let label = self.quoted(label).to_string();
        self.line(at, format_args!("label {label}"));
    }

    fn task(&mut self, at: &At, task: &Task, stack: StackRow) {
        let end = if task.begins { "begin" } else { "end" };
        let (name, stack) = (self.quoted(task.name).to_string(), self.at("at", stack));
        let parent = OrDash(task.parent.0);
        self.line(at, format_args!("task-{end} {} parent={parent} {name}{stack}", task.id.0));
    }

    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {
        let end = if region.begins { "begin" } else { "end" };
        let (name, stack) = (self.quoted(region.name).to_string(), self.at("at", stack));
        self.line(at, format_args!("region-{end} {} {name}{stack}", region.task.0));
    }

    fn log(&mut self, at: &At, log: &Log, stack: StackRow) {
        let (category, message) =
            (self.quoted(log.category).to_string(), self.quoted(log.message).to_string());
        let stack = self.at("at", stack);
        self.line(at, format_args!("log {} {category} {message}{stack}", log.task.0));
    }

    fn experimental(&mut self, at: &At, typ: u8, args: &[u64]) {
        let name = exectrace::v2::spec::spec(typ).map_or("?", |s| s.name);
        let args: Vec<String> = args.iter().map(u64::to_string).collect();
        self.line(at, format_args!("experimental {} {}", Quoted(name), args.join(" ")));
    }
}

fn go_state(state: GoState) -> &'static str {
    match state {
        GoState::Undetermined => "undetermined",
        GoState::NotExist => "notexist",
        GoState::Runnable => "runnable",
        GoState::Running => "running",
        GoState::Syscall => "syscall",
        GoState::Waiting => "waiting",
    }
}

fn proc_state(state: ProcState) -> &'static str {
    match state {
        ProcState::Undetermined => "undetermined",
        ProcState::NotExist => "notexist",
        ProcState::Running => "running",
        ProcState::Idle => "idle",
    }
}

/// An id, or a dash for none.
struct OrDash(u64);

impl fmt::Display for OrDash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == u64::MAX { f.write_str("-") } else { write!(f, "{}", self.0) }
    }
}

/// Text of the trace without quotes: nothing in it may steer a terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(self.0, f)
    }
}

/// Text of the trace in quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escaped(self.0, f)?;
        f.write_str("\"")
    }
}

fn escaped(s: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in s.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}
