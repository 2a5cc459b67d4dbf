//! Bytes -> batches and tables of a v1 trace, and when goroutines returned from system calls.
//!
//! An event is a byte (six bits for its type, two for how many numbers follow it) and numbers. With
//! three arguments or more their length in bytes stands before them.

use hashbrown::{HashMap, HashSet};

use super::spec::{self, MAX_ARGS, MAX_ARGS_SIZE, MAX_FRAMES, MAX_STRING_SIZE, ev};
use crate::intern::{Frame, Tables};
use crate::{HEADER_LEN, Problem, StackId, StrId, Version, varint};

/// The most Ps: far more than any program had, far fewer than a crafted file can name.
const MAX_PROCS: usize = 1 << 16;

/// What is known of a trace before its events are put in order.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(super) version: Version,
    /// Ps in the order of their first batch.
    pub(super) procs: Vec<Proc>,
    pub(super) batches: Vec<Batch>,
    /// By the time at which the profiler took them.
    pub(super) samples: Vec<Sample>,
    /// Nanoseconds in a tick.
    pub(super) ns: f64,
    /// Goroutines that stand for the runtime's timers.
    pub(super) timers: HashSet<u64>,
    pub(super) reasons: [StrId; 50],
    pub(super) stops: [StrId; 18],
    /// Returns from system calls that carry another time than that of their event, by that time.
    pub(super) exits: Vec<Exit>,
}

/// A return from a system call. It is written when the goroutine gets to run; it carries its true time, which
/// is before that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exit {
    /// Its true time, in ticks.
    pub(super) ticks: i64,
    /// When it was written.
    pub(super) written: i64,
    pub(super) g: u64,
    pub(super) at: u64,
}

impl Exit {
    /// Whether a return with this time of its own, 0 for none, stands elsewhere than it is written.
    #[inline(always)]
    pub(super) fn moves(written: i64, ticks: i64) -> bool {
        ticks != 0 && ticks != written
    }

    /// Whether it comes before another event; where both have one time, those come first that were written
    /// first.
    #[inline(always)]
    pub(super) fn is_before(&self, event: &Event) -> bool {
        (self.ticks, self.written) < (event.ticks, event.ticks)
    }
}

/// A P that wrote events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proc {
    pub(super) id: i32,
    pub(super) first: u32,
    last: u32,
}

/// Where a batch begins, and which is the next of the same P.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) start: u64,
    pub(super) next: u32,
}

/// A sample of the CPU profiler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) ticks: i64,
    pub(super) g: u64,
    pub(super) at: u64,
    pub(super) p: i32,
    pub(super) stack: u32,
}

/// The tables of a trace, by their ids on the wire.
pub(crate) struct TableRows {
    pub(crate) strings: Vec<(u64, StrId)>,
    pub(crate) stacks: Vec<(u64, StackId)>,
    /// Where the trace ends: the file's end, or where another trace begins.
    pub(crate) end: usize,
}

/// One event of a P.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Event {
    /// In ticks.
    pub(super) ticks: i64,
    /// The goroutine that made it, or that it starts; 0 is none.
    pub(super) g: u64,
    /// The time since the event before it, its arguments, its stack, as far as it has them. Behind them may
    /// be anything, but at the end, where 0 stands, or a sample's stack.
    pub(super) numbers: [u64; MAX_ARGS],
    pub(super) p: i32,
    pub(super) typ: u8,
    /// Where it stands.
    pub(super) at: u64,
}

impl Event {
    /// Its arguments; behind those that it has may be anything.
    #[inline(always)]
    pub(super) fn args(&self) -> [u64; 3] {
        let [_, a0, a1, a2, ..] = self.numbers;
        [a0, a1, a2]
    }

    /// The id of its stack; 0 is none.
    #[inline(always)]
    pub(super) fn stack(&self) -> u32 {
        self.numbers[spec::stack_place(self.typ) % MAX_ARGS] as u32
    }
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Bad {
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Bad {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Bad {
        Bad { at, what: what.into() }
    }
}

impl From<Bad> for Problem {
    fn from(bad: Bad) -> Problem {
        Problem::new(bad.at as u64, None, bad.what)
    }
}

/// An event as it stands in the bytes.
pub(super) struct Raw<'a> {
    pub(super) typ: u8,
    pub(super) at: usize,
    /// The bytes of its numbers.
    pub(super) numbers: &'a [u8],
    /// A string, or the message of a log.
    pub(super) text: &'a [u8],
    pub(super) end: usize,
}

impl<'a> Raw<'a> {
    /// The event at `at`, which is in `bytes`.
    pub(super) fn read(bytes: &'a [u8], at: usize, version: Version) -> Result<Raw<'a>, Bad> {
        let typ = bytes[at] & 63;
        let more = bytes[at] >> 6;
        if spec::spec(typ, version).is_none() {
            return Err(Bad::new(at, format!("there is no event type {typ} in this version")));
        }
        let mut pos = at + 1;
        let cut = || Bad::new(at, format!("the file ends inside an event ({})", spec::name(typ)));
        let number =
            |pos: &mut usize| varint::read(bytes, pos).ok_or_else(|| cut_or_long(bytes, *pos, typ));
        let mut text: &[u8] = &[];
        let start;
        let numbers_end;
        if typ == ev::STRING {
            start = pos;
            number(&mut pos)?;
            numbers_end = pos;
            text = take_text(bytes, &mut pos, at)?;
        } else if typ == ev::BATCH || more < 3 {
            if typ == ev::BATCH && more != 1 {
                return Err(Bad::new(at, "a batch has another number of arguments than two"));
            }
            start = pos;
            for _ in 0..=more {
                number(&mut pos)?;
            }
            numbers_end = pos;
        } else {
            let len = number(&mut pos)?;
            if len > MAX_ARGS_SIZE {
                return Err(Bad::new(
                    at,
                    format!("an event claims {len} bytes of arguments, more than {MAX_ARGS_SIZE}"),
                ));
            }
            start = pos;
            pos += len as usize;
            if pos > bytes.len() {
                return Err(cut());
            }
            numbers_end = pos;
            if typ == ev::USER_LOG {
                text = take_text(bytes, &mut pos, at)?;
            }
        }
        Ok(Raw { typ, at, numbers: &bytes[start..numbers_end], text, end: pos })
    }

    /// The numbers, at most [`MAX_ARGS`] of them, and how many there are.
    fn numbers(&self) -> Result<([u64; MAX_ARGS], usize), Bad> {
        let mut numbers = [0; MAX_ARGS];
        let (mut n, mut pos) = (0, 0);
        while pos < self.numbers.len() {
            let number = varint::read(self.numbers, &mut pos).ok_or_else(|| self.odd())?;
            *numbers.get_mut(n).ok_or_else(|| self.odd())? = number;
            n += 1;
        }
        Ok((numbers, n))
    }

    /// The numbers of an event that must have as many as its type says.
    pub(super) fn args(&self, version: Version) -> Result<[u64; MAX_ARGS], Bad> {
        let (numbers, n) = self.numbers()?;
        let wanted = spec::spec(self.typ, version)
            .map_or(0, |s| usize::from(s.args) + usize::from(s.stack) + usize::from(s.timed));
        if n == wanted { Ok(numbers) } else { Err(self.odd()) }
    }

    fn odd(&self) -> Bad {
        let name = spec::name(self.typ);
        Bad::new(self.at, format!("an event ({name}) has other arguments than it should"))
    }
}

#[cold]
fn cut_or_long(bytes: &[u8], pos: usize, typ: u8) -> Bad {
    let name = spec::name(typ);
    // A number has ten bytes at most: if they are there, it is the number that is wrong.
    let what = if bytes.len().saturating_sub(pos) < 10 {
        format!("the file ends inside an event ({name})")
    } else {
        format!("an event ({name}) has a number of more than 64 bits")
    };
    Bad::new(pos, what)
}

/// A length and as many bytes.
fn take_text<'a>(bytes: &'a [u8], pos: &mut usize, at: usize) -> Result<&'a [u8], Bad> {
    let len = varint::read(bytes, pos)
        .ok_or_else(|| Bad::new(at, "the file ends inside a string, or its length is none"))?;
    if len > MAX_STRING_SIZE {
        return Err(Bad::new(
            at,
            format!("a string claims {len} bytes, more than {MAX_STRING_SIZE}"),
        ));
    }
    let end = *pos + len as usize;
    let text = bytes.get(*pos..end).ok_or_else(|| Bad::new(at, "the file ends inside a string"))?;
    *pos = end;
    Ok(text)
}

/// The first pass: where the batches are, and everything that is no event of a P.
pub(crate) struct Parser<'a> {
    bytes: &'a [u8],
    tables: &'a mut Tables,
    trace: Trace,
    procs: HashMap<i32, u32>,
    strings: Vec<(u64, StrId)>,
    /// Where stacks stand: their frames name strings that come later.
    stacks: Vec<usize>,
    ticks_per_second: i64,
    /// Of the batch that is read: the time before an event of it, in ticks, and where that stands.
    since: (i64, usize),
}

/// Reads what there is to be known of a whole trace before its events.
pub(crate) fn parse(
    version: Version,
    bytes: &[u8],
    tables: &mut Tables,
) -> Result<(Trace, TableRows), Bad> {
    let trace = Trace {
        version,
        procs: Vec::new(),
        batches: Vec::new(),
        samples: Vec::new(),
        ns: 0.0,
        timers: HashSet::new(),
        reasons: std::array::from_fn(|typ| {
            spec::block_reason(typ as u8).map_or(StrId::NONE, |reason| tables.intern(reason))
        }),
        stops: std::array::from_fn(|kind| tables.intern(spec::stop_reason(version, kind as u64))),
        exits: Vec::new(),
    };
    let parser = Parser {
        bytes,
        tables,
        trace,
        procs: HashMap::new(),
        strings: Vec::new(),
        stacks: Vec::new(),
        ticks_per_second: 0,
        since: (0, 0),
    };
    parser.run()
}

impl Parser<'_> {
    fn run(mut self) -> Result<(Trace, TableRows), Bad> {
        let mut pos = HEADER_LEN;
        let version = self.trace.version;
        while pos < self.bytes.len() {
            if let Some(end) = self.skip(pos) {
                pos = end;
                continue;
            }
            // What begins like a trace is one: no event could stand there.
            if Version::is_header(self.bytes[pos..].get(..HEADER_LEN).unwrap_or(&[])) {
                break;
            }
            let raw = Raw::read(self.bytes, pos, version).map_err(|bad| self.cut_off(bad))?;
            pos = raw.end;
            self.take(&raw)?;
        }
        if self.ticks_per_second == 0 {
            return Err(self.cut_off(Bad::new(pos, "the clock's frequency is missing")));
        }
        self.trace.ns = 1e9 / self.ticks_per_second as f64;
        // Equal times come in the order that Go's unstable sort gives them.
        crate::v2::gosort::sort_by_key(&mut self.trace.samples, |s| s.ticks);
        // Those of one time come in the order in which they were written, as far as times tell that.
        self.trace.exits.sort_unstable_by_key(|e| (e.ticks, e.written, e.at));
        let stacks = self.frames()?;
        let rows = TableRows { strings: self.strings, stacks, end: pos };
        Ok((self.trace, rows))
    }

    /// The end of an event at `at` of which nothing is to be taken here; `None` if that takes a closer look.
    #[inline(always)]
    fn skip(&self, at: usize) -> Option<usize> {
        let (_, end) = span(self.bytes, at)?;
        (self.bytes[at] & 63 != ev::GO_SYS_EXIT && !self.trace.batches.is_empty()).then_some(end)
    }

    /// Without the clock, which is written last, no time can be told: then that is what matters.
    fn cut_off(&self, bad: Bad) -> Bad {
        if self.ticks_per_second != 0 {
            return bad;
        }
        let what = format!(
            "{}; a trace of this age has its clock and its stacks at its very end, and without them nothing can be told",
            bad.what
        );
        Bad { what, ..bad }
    }

    fn take(&mut self, raw: &Raw<'_>) -> Result<(), Bad> {
        let version = self.trace.version;
        match raw.typ {
            ev::BATCH => {
                let [id, ..] = raw.args(version)?;
                let id = match i32::try_from(id) {
                    Ok(id) => id,
                    Err(_) if id == u64::MAX => -1,
                    Err(_) => {
                        return Err(Bad::new(
                            raw.at,
                            format!("a batch of P {id}, which cannot be"),
                        ));
                    }
                };
                self.since = (raw.args(version)?[1] as i64, raw.end);
                return self.push_batch(id, raw.at);
            }
            ev::STRING => {
                let (id, _) = (raw.numbers()?.0[0], ());
                if raw.text.is_empty() {
                    return Err(Bad::new(raw.at, format!("string {id} has no text")));
                }
                let text = self.tables.intern(&String::from_utf8_lossy(raw.text));
                self.strings.push((id, text));
                return Ok(());
            }
            _ => {}
        }
        if self.trace.batches.is_empty() {
            return Err(Bad::new(raw.at, "an event stands before the first batch"));
        }
        match raw.typ {
            ev::FREQUENCY => {
                let [frequency, ..] = raw.args(version)?;
                self.ticks_per_second = frequency as i64;
                if self.ticks_per_second <= 0 {
                    return Err(Bad::new(raw.at, "the clock's frequency is not positive"));
                }
            }
            ev::TIMER_GOROUTINE => {
                self.trace.timers.insert(raw.args(version)?[0]);
            }
            ev::STACK => self.stacks.push(raw.at),
            ev::CPU_SAMPLE => {
                let [_, time, p, g, stack, _] = raw.args(version)?;
                self.trace.samples.push(Sample {
                    ticks: time as i64,
                    g,
                    at: raw.at as u64,
                    p: p as i32,
                    stack: stack as u32,
                });
            }
            ev::USER_LOG => {
                self.tables.intern(&String::from_utf8_lossy(raw.text));
            }
            ev::GO_SYS_EXIT => {
                // What is odd about it is told where it comes up.
                if let Ok([_, g, _, ticks, ..]) = raw.args(version) {
                    self.push_exit(g, ticks as i64, raw.at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A return from a system call at this time; 0 is that of its event.
    fn push_exit(&mut self, g: u64, ticks: i64, at: usize) {
        // Few are, so times are added up only as far as there is one.
        let (mut written, mut pos) = self.since;
        while pos <= at {
            let (numbers, end) = match span(self.bytes, pos) {
                Some((start, end)) => (&self.bytes[start..end], end),
                None => match Raw::read(self.bytes, pos, self.trace.version) {
                    Ok(raw) if spec::is_ordered(raw.typ) => (raw.numbers, raw.end),
                    Ok(raw) => (&[][..], raw.end),
                    Err(_) => return,
                },
            };
            let ticks = varint::read(numbers, &mut 0).unwrap_or(0);
            written = written.wrapping_add(ticks as i64);
            pos = end;
        }
        self.since = (written, pos);
        if Exit::moves(written, ticks) {
            self.trace.exits.push(Exit { ticks, written, g, at: at as u64 });
        }
    }

    fn push_batch(&mut self, id: i32, at: usize) -> Result<(), Bad> {
        let trace = &mut self.trace;
        let row = trace.batches.len() as u32;
        trace.batches.push(Batch { start: at as u64, next: u32::MAX });
        let proc = match self.procs.get(&id) {
            Some(&proc) => proc,
            None => {
                if trace.procs.len() == MAX_PROCS {
                    return Err(Bad::new(at, format!("batches of more than {MAX_PROCS} Ps")));
                }
                trace.procs.push(Proc { id, first: row, last: row });
                self.procs.insert(id, trace.procs.len() as u32 - 1);
                return Ok(());
            }
        };
        let proc = &mut trace.procs[proc as usize];
        trace.batches[proc.last as usize].next = row;
        proc.last = row;
        Ok(())
    }

    /// The stacks by their ids.
    fn frames(&mut self) -> Result<Vec<(u64, StackId)>, Bad> {
        // The strings' ids are few and may be anything; that they differ is checked with the table.
        let strings: HashMap<u64, StrId> = self.strings.iter().copied().collect();
        let text = |id: u64| strings.get(&id).copied().unwrap_or(StrId::NONE);
        let mut pcs = HashMap::new();
        let mut stacks = HashMap::new();
        let mut frames = Vec::new();
        for &at in &self.stacks {
            let raw = Raw::read(self.bytes, at, self.trace.version)?;
            let mut pos = 0;
            let mut number = || varint::read(raw.numbers, &mut pos).ok_or_else(|| raw.odd());
            let id = number()? as u32;
            let n = number()?;
            if n > MAX_FRAMES {
                return Err(Bad::new(
                    at,
                    format!("a stack claims {n} frames, more than {MAX_FRAMES}"),
                ));
            }
            frames.clear();
            for _ in 0..n {
                let (pc, func, file, line) = (number()?, number()?, number()?, number()?);
                // Only the first frame seen for a program counter counts, as in Go's reader.
                frames.push(*pcs.entry(pc).or_insert_with(|| {
                    let line = u32::try_from(line).unwrap_or(u32::MAX);
                    let frame = Frame { pc, func: text(func), file: text(file), line };
                    self.tables.intern_frame(frame)
                }));
            }
            if pos != raw.numbers.len() {
                return Err(raw.odd());
            }
            if id != 0 {
                let stack = match frames.is_empty() {
                    true => StackId::NONE,
                    false => self.tables.intern_stack(&frames),
                };
                stacks.insert(u64::from(id), stack);
            }
        }
        Ok(stacks.into_iter().collect())
    }
}

/// Where the numbers begin of an event that takes part in the order and is as short as nearly all are, and
/// where it ends. `None`: that takes a closer look.
#[inline(always)]
fn span(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    const ENDS: u64 = 0x8080_8080_8080_8080;
    let window: &[u8; 9] = bytes.get(at..)?.first_chunk()?;
    let (n, has_length) = spec::numbers(window[0])?;
    let next = window.last_chunk::<8>()?;
    if has_length {
        let (start, end) = (at + 2, at + 2 + usize::from(next[0]));
        return (next[0] < 0x80 && end <= bytes.len()).then_some((start, end));
    }
    // The last byte of a number has no highest bit.
    let mut ends = !u64::from_le_bytes(*next) & ENDS;
    for _ in 1..n {
        ends &= ends.wrapping_sub(1);
    }
    (ends != 0).then(|| (at + 1, at + 2 + ends.trailing_zeros() as usize / 8))
}
