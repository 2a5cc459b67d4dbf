//! The ordered events of a trace as text, one line each: for people, and to compare with Go's reader.
//!
//! The form of a line is that of `tests/go/events`, which prints what Go's own reader gives:
//!
//! ```text
//! 4352 M3 P1 G7 go G9 waiting->runnable "" at main.send main.go:12 +2
//! ```

use std::fmt;
use std::io::{self, Read, Write};

use exectrace::{
    At, Decoder, Error, GoEvent, GoState, Log, Metric, Nanos, Problem, ProcEvent, ProcState,
    RangeEvent, RangeKind, RangePhase, RangeScope, Reader, Region, Sink, StackId, StackRow, StrId,
    Tables, Task,
};

/// How much is read at a time, in bytes.
const BLOCK: usize = 1 << 20;

/// What came of printing.
#[derive(Debug)]
pub struct Printed {
    /// How many events there are, Syncs included.
    pub n: u64,
    /// Why they end before the trace does, if they do.
    pub problem: Option<Problem>,
}

/// Prints the events of `trace` to `out` as far as they go. The inner error: the bytes are no trace.
///
/// # Errors
/// The trace cannot be read, or the text not be written.
pub fn print(trace: &mut impl Read, out: &mut impl Write) -> io::Result<Result<Printed, Error>> {
    print_from(0, trace, out)
}

/// The same for a trace that stands in its file from byte `offset` on.
///
/// # Errors
/// As with [`print`].
pub fn print_from(
    offset: u64,
    trace: &mut impl Read,
    out: &mut impl Write,
) -> io::Result<Result<Printed, Error>> {
    let mut reader = Reader::new();
    reader.starts_at(offset);
    // What is printed is what Go's own reader gives, no more.
    let mut decoder = Decoder::<()>::strict();
    let mut result = Ok(());
    loop {
        let n = match trace.read(reader.space(BLOCK)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            n => n?,
        };
        reader.filled(n);
        if n == 0 {
            reader.finish();
        }
        loop {
            let generation = match reader.next() {
                Ok(Some(generation)) => generation,
                Ok(None) => break,
                Err(error) => return Ok(Err(error)),
            };
            let tables = reader.tables();
            let stacks = (0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r)));
            let mut printer =
                Printer { tables, stacks: stacks.collect(), out, result: &mut result };
            let decoded = decoder.decode(&generation, tables, &mut printer);
            std::mem::replace(&mut result, Ok(()))?;
            if let Err(problem) = decoded {
                return Ok(Ok(Printed { n: decoder.n_events(), problem: Some(problem) }));
            }
            reader.recycle(generation);
        }
        if n == 0 || reader.is_done() {
            let tables = reader.tables();
            decoder.end(&mut Printer { tables, stacks: Vec::new(), out, result: &mut result });
            result?;
            let problem = reader.problem().or(decoder.problem()).cloned();
            return Ok(Ok(Printed { n: decoder.n_events(), problem }));
        }
    }
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

/// Text of the trace without quotes around it: nothing in it may steer a terminal.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(self.0, false, f)
    }
}

/// Text of the trace in quotes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        escaped(self.0, true, f)?;
        f.write_str("\"")
    }
}

fn escaped(s: &str, quoted: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in s.chars() {
        match c {
            '"' if quoted => f.write_str("\\\"")?,
            '\\' if quoted => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}
