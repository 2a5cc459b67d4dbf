//! One generation, whole: the bytes of its events and the tables that give their ids a meaning.
//!
//! Steps: (1) the batches are told apart by their first byte, (2) strings, then (3) frames and
//! stacks go into the trace's tables, and (4) the CPU samples and the clock are read. What is left
//! are the batches of events, for `merge`.

use hashbrown::HashMap;

use super::batch::Batch;
use super::gosort;
use super::spec::{MAX_FRAMES, MAX_STRING_SIZE, ev};
use crate::intern::{Frame, Tables};
use crate::{FrameId, GoId, Problem, ProcId, StackId, StackRow, StrId, ThreadId, Version, varint};

/// The part of a trace between two flushes of the runtime's tables, about a second long.
#[derive(Debug, Default)]
pub struct Generation {
    pub(crate) version: Version,
    pub(crate) number: u64,
    /// Place of `bytes[0]` in the file.
    pub(crate) offset: u64,
    /// All of its batches, then [`varint::WINDOW`] zero bytes.
    pub(crate) bytes: Vec<u8>,
    /// The batches of events, in the file's order.
    pub(crate) batches: Vec<EventBatch>,
    /// In the order of their first batch: ties between threads follow it.
    pub(crate) threads: Vec<Thread>,
    pub(crate) clock: Clock,
    /// By time.
    pub(crate) samples: Vec<Sample>,
    pub(super) strings: IdMap<StrId>,
    pub(super) stack_rows: IdMap<StackRow>,
    stacks: Vec<StackId>,
    /// Of a v1 trace, instead of batches: the trace is one generation.
    pub(crate) v1: Option<Box<crate::v1::Trace>>,
}

/// A batch of events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventBatch {
    /// In ticks.
    pub(crate) time: u64,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The next batch of the same thread; `u32::MAX` for none.
    pub(crate) next: u32,
}

/// A thread that wrote events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thread {
    pub(crate) id: ThreadId,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// How ticks become nanoseconds, and where the generation begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// Nanoseconds in a tick; 0 until it is known.
    ns: f64,
    /// The same where it is a whole number: below this many ticks the product is exact, so that it
    /// is the same in integers, and does without the way there and back. On Linux it is 64.
    exact_below: u64,
    factor: u64,
    /// The earliest time of a batch, in ticks.
    min: u64,
    snapshot: bool,
}

impl Clock {
    /// Whether its frequency was read.
    pub(crate) fn is_known(&self) -> bool {
        self.ns != 0.0
    }

    /// Ticks to nanoseconds, rounded as Go's reader does: each number by itself, towards zero.
    #[inline(always)]
    pub(crate) fn nanos(&self, ticks: u64) -> i64 {
        if ticks < self.exact_below {
            return ticks.wrapping_mul(self.factor) as i64;
        }
        (ticks as f64 * self.ns) as i64
    }

    fn set_frequency(&mut self, frequency: u64) {
        // In two steps, since Go's reader rounds twice.
        self.ns = 1.0 / (frequency as f64 / 1e9);
        if self.ns >= 1.0 && self.ns.fract() == 0.0 {
            self.factor = self.ns as u64;
            self.exact_below = (1 << 53) / self.factor;
        }
    }

    /// The time of the generation's Sync.
    pub(crate) fn start(&self) -> i64 {
        self.nanos(self.min)
    }
}

/// A sample of the CPU profiler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) time: i64,
    pub(crate) m: ThreadId,
    pub(crate) p: ProcId,
    pub(crate) g: GoId,
    pub(crate) stack: StackRow,
}

/// Ids of the wire to rows of ours.
///
/// Dense while the ids are small for how many there are, else a hash map: a crafted id of 2^60
/// must not size anything. Id 0 is that of nothing, and has the first row.
#[derive(Debug)]
pub(super) struct IdMap<T> {
    /// Looked at first; a hole is an id without a row, or one for `others`.
    dense: Vec<T>,
    others: Others<T>,
}

#[derive(Debug)]
enum Others<T> {
    None,
    Some(HashMap<u64, T>),
    /// The table was lost: every id has this row, which names nothing.
    All(T),
}

impl<T: TableRow> Default for IdMap<T> {
    fn default() -> Self {
        IdMap { dense: vec![T::NOTHING], others: Others::None }
    }
}

/// A row of a table.
pub(super) trait TableRow: Copy + PartialEq {
    /// What it is a row of, in words.
    const NAME: &'static str;
    /// That of id 0.
    const NOTHING: Self;
    /// No row: the id does not occur in the generation's table.
    const HOLE: Self;
}

impl TableRow for StrId {
    const NAME: &'static str = "string";
    const NOTHING: StrId = StrId::NONE;
    const HOLE: StrId = StrId(u32::MAX);
}

impl TableRow for StackRow {
    const NAME: &'static str = "stack";
    const NOTHING: StackRow = StackRow::NONE;
    const HOLE: StackRow = StackRow(u32::MAX);
}

impl<T: TableRow> IdMap<T> {
    /// Of pairs in any order. The first id that occurs twice is the error.
    fn new(pairs: &[(u64, T)]) -> Result<IdMap<T>, u64> {
        let max = pairs.iter().map(|p| p.0).max().unwrap_or(0);
        if max < 4 * pairs.len() as u64 + 64 {
            let mut dense = vec![T::HOLE; max as usize + 1];
            dense[0] = T::NOTHING;
            for &(id, row) in pairs {
                if dense[id as usize] != T::HOLE {
                    return Err(id);
                }
                dense[id as usize] = row;
            }
            return Ok(IdMap { dense, others: Others::None });
        }
        let mut others = HashMap::with_capacity(pairs.len());
        for &(id, row) in pairs {
            if id == 0 || others.insert(id, row).is_some() {
                return Err(id);
            }
        }
        Ok(IdMap { others: Others::Some(others), ..IdMap::default() })
    }

    /// Without its table.
    fn lost() -> IdMap<T> {
        IdMap { others: Others::All(T::NOTHING), ..IdMap::default() }
    }

    fn get(&self, id: u64) -> Option<T> {
        self.near(id).or_else(|| self.far(id))
    }

    /// The row, where it is quickly found, as nearly every one is.
    #[inline(always)]
    pub(super) fn near(&self, id: u64) -> Option<T> {
        match self.dense.get(id as usize) {
            Some(&row) if row != T::HOLE && id <= usize::MAX as u64 => Some(row),
            _ => None,
        }
    }

    /// The row where it is not.
    pub(super) fn far(&self, id: u64) -> Option<T> {
        match &self.others {
            Others::None => None,
            Others::Some(rows) => rows.get(&id).copied(),
            Others::All(row) => Some(*row),
        }
        .filter(|&row| row != T::HOLE)
    }
}

impl Generation {
    /// The runtime's number of it, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes of the file it has.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(varint::WINDOW)
    }

    /// Where in the file it begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// When its last batch of events begins, in nanoseconds as the file has it.
    pub fn latest(&self) -> i64 {
        self.clock.nanos(self.batches.iter().map(|b| b.time).max().unwrap_or(self.clock.min))
    }

    /// Which of the trace's stacks a row is.
    #[inline]
    pub fn stack(&self, row: StackRow) -> StackId {
        self.stacks.get(row.0 as usize).copied().unwrap_or(StackId::NONE)
    }

    /// How many stacks it has, "no stack" (row 0) included.
    pub fn n_stacks(&self) -> usize {
        self.stacks.len()
    }

    /// The row of a stack's id on the wire; `None` if the generation's table lacks it.
    #[inline]
    pub(crate) fn stack_row(&self, id: u64) -> Option<StackRow> {
        self.stack_rows.get(id)
    }

    /// The string of an id on the wire; `None` if the generation's table lacks it.
    #[inline]
    pub(crate) fn string(&self, id: u64) -> Option<StrId> {
        self.strings.get(id)
    }

    /// Makes a generation of its bytes and batches. On a problem nothing of it can be used, as in
    /// Go's reader; its bytes come back with the problem.
    pub(crate) fn new(
        version: Version,
        number: u64,
        offset: u64,
        bytes: Vec<u8>,
        batches: &[Batch],
        tables: &mut Tables,
    ) -> Result<Generation, (Problem, Vec<u8>)> {
        let mut made = Generation { version, number, offset, bytes, ..Generation::default() };
        match made.fill(version, batches, tables) {
            Ok(()) => Ok(made),
            Err(bad) => {
                let problem = Problem::new(offset + bad.at as u64, Some(number), bad.what);
                Err((problem.of_version(version), made.bytes))
            }
        }
    }

    /// Makes a generation without names of what there is of one that lacks its end: its tables
    /// would have been written then. `clock` is that of the generation before. `None` where no time
    /// can be told.
    pub(crate) fn unfinished(
        version: Version,
        number: u64,
        offset: u64,
        bytes: Vec<u8>,
        batches: &[Batch],
        clock: Clock,
    ) -> Option<Generation> {
        let mut made = Generation { version, number, offset, bytes, ..Generation::default() };
        let mut threads = HashMap::new();
        for batch in batches {
            if made.clock.min == 0 || batch.time < made.clock.min {
                made.clock.min = batch.time;
            }
            match batch.kind(&made.bytes) {
                Some(ev::STRINGS | ev::STACKS | ev::CPU_SAMPLES | ev::FREQUENCY) => {}
                Some(ev::SYNC) => made.read_clock(batch).ok()?,
                _ if batch.experimental => {}
                _ => made.push_events(batch, &mut threads),
            }
        }
        if !made.clock.is_known() {
            made.clock = Clock { min: made.clock.min, ..clock };
        }
        (made.clock.is_known() && !made.batches.is_empty()).then(|| made.without_names())
    }

    /// The same without strings, stacks and samples: what is left if its tables are not whole.
    #[must_use]
    pub fn without_names(mut self) -> Generation {
        self.strings = IdMap::lost();
        self.stack_rows = IdMap::lost();
        self.stacks = vec![StackId::NONE];
        self.samples.clear();
        self
    }

    /// Makes one generation of a whole v1 trace.
    pub(crate) fn of_v1(
        version: Version,
        offset: u64,
        mut bytes: Vec<u8>,
        tables: &mut Tables,
    ) -> Result<Generation, Problem> {
        let (trace, rows) = crate::v1::parse::parse(version, &bytes, tables)
            .map_err(|bad| Problem::new(offset + bad.at as u64, None, bad.what))?;
        bytes.truncate(rows.end);
        bytes.resize(rows.end + varint::WINDOW, 0);
        let v1 = Some(Box::new(trace));
        let mut made =
            Generation { version, number: 1, offset, bytes, v1, ..Generation::default() };
        made.set_strings(&rows.strings)
            .and_then(|()| made.set_stacks(&rows.stacks))
            .map_err(|bad| Problem::new(offset, None, bad.what))?;
        Ok(made)
    }

    fn set_strings(&mut self, strings: &[(u64, StrId)]) -> Result<(), Bad> {
        self.strings = IdMap::new(strings)
            .map_err(|id| Bad { at: 0, what: format!("string {id} is there twice") })?;
        Ok(())
    }

    fn set_stacks(&mut self, stacks: &[(u64, StackId)]) -> Result<(), Bad> {
        self.stacks.push(StackId::NONE);
        let rows: Vec<_> = stacks
            .iter()
            .map(|&(id, stack)| {
                self.stacks.push(stack);
                (id, StackRow(self.stacks.len() as u32 - 1))
            })
            .collect();
        self.stack_rows = IdMap::new(&rows)
            .map_err(|id| Bad { at: 0, what: format!("stack {id} is there twice") })?;
        Ok(())
    }

    fn fill(
        &mut self,
        version: Version,
        batches: &[Batch],
        tables: &mut Tables,
    ) -> Result<(), Bad> {
        let mut threads = HashMap::new();
        let mut strings = Vec::new();
        for batch in batches {
            if self.clock.min == 0 || batch.time < self.clock.min {
                self.clock.min = batch.time;
            }
            match batch.kind(&self.bytes) {
                Some(ev::STRINGS) => read_strings(&self.bytes, batch, tables, &mut strings)?,
                Some(ev::FREQUENCY) if version < Version::GO_1_25 => self.read_clock(batch)?,
                Some(ev::SYNC) if version >= Version::GO_1_25 => self.read_clock(batch)?,
                Some(ev::STACKS | ev::CPU_SAMPLES) => {}
                _ if batch.experimental => {} // data of a format of its own: passed over
                _ => self.push_events(batch, &mut threads),
            }
        }
        self.set_strings(&strings)?;

        let mut stacks = Vec::new();
        let mut pcs = HashMap::new();
        for batch in batches.iter().filter(|b| b.kind(&self.bytes) == Some(ev::STACKS)) {
            self.read_stacks(batch, tables, &mut pcs, &mut stacks)?;
        }
        self.set_stacks(&stacks)?;

        if self.clock.ns == 0.0 {
            return Err(Bad { at: 0, what: "the generation has no frequency of its clock".into() });
        }
        if version >= Version::GO_1_25 && !self.clock.snapshot {
            return Err(Bad { at: 0, what: "the generation has no clock snapshot".into() });
        }
        for batch in batches {
            if batch.kind(&self.bytes) == Some(ev::CPU_SAMPLES) {
                self.read_samples(batch)?;
            }
        }
        gosort::sort_by_key(&mut self.samples, |s| s.time);
        Ok(())
    }

    fn push_events(&mut self, batch: &Batch, threads: &mut HashMap<u64, u32>) {
        let row = self.batches.len() as u32;
        self.batches.push(EventBatch {
            time: batch.time,
            start: batch.start as u32,
            end: batch.end as u32,
            next: u32::MAX,
        });
        let thread = *threads.entry(batch.thread).or_insert_with(|| {
            self.threads.push(Thread { id: ThreadId(batch.thread), first: row, last: row });
            self.threads.len() as u32 - 1
        });
        let thread = &mut self.threads[thread as usize];
        if thread.last != row {
            self.batches[thread.last as usize].next = row;
            thread.last = row;
        }
    }

    fn read_clock(&mut self, batch: &Batch) -> Result<(), Bad> {
        let mut entries = Entries::new(&self.bytes, batch);
        if self.bytes[batch.start] == ev::SYNC {
            entries.pos += 1;
        }
        while let Some(typ) = entries.typ() {
            match typ {
                ev::FREQUENCY if self.clock.ns == 0.0 => {
                    let frequency = entries.number("the clock's frequency")?;
                    if frequency == 0 {
                        return Err(entries.bad("the clock's frequency is 0"));
                    }
                    self.clock.set_frequency(frequency);
                }
                ev::CLOCK_SNAPSHOT
                    if !self.clock.snapshot && self.bytes[batch.start] == ev::SYNC =>
                {
                    for _ in 0..4 {
                        entries.number("a clock snapshot")?;
                    }
                    self.clock.snapshot = true;
                }
                ev::FREQUENCY => return Err(entries.bad("the generation has two frequencies")),
                ev::CLOCK_SNAPSHOT => {
                    return Err(entries.bad("the generation has two clock snapshots"));
                }
                other => {
                    return Err(
                        entries.bad(format!("event type {other} in a batch of clock events"))
                    );
                }
            }
        }
        Ok(())
    }

    fn read_stacks(
        &self,
        batch: &Batch,
        tables: &mut Tables,
        pcs: &mut HashMap<u64, FrameId>,
        stacks: &mut Vec<(u64, StackId)>,
    ) -> Result<(), Bad> {
        let mut entries = Entries::new(&self.bytes, batch);
        entries.pos += 1;
        let mut frames = Vec::new();
        while let Some(typ) = entries.typ() {
            if typ != ev::STACK {
                return Err(entries.bad(format!("event type {typ} in a batch of stacks")));
            }
            let id = entries.number("a stack")?;
            let n = entries.number("a stack")?;
            if n > MAX_FRAMES {
                return Err(
                    entries.bad(format!("a stack claims {n} frames, more than {MAX_FRAMES}"))
                );
            }
            frames.clear();
            for _ in 0..n {
                let [pc, func, file, line] = entries.numbers("a frame")?;
                // Only the first frame seen for a program counter counts, as in Go's reader.
                let frame = match pcs.get(&pc) {
                    Some(&frame) => frame,
                    None => {
                        let (Some(func), Some(file)) = (self.string(func), self.string(file))
                        else {
                            return Err(entries.bad("a frame names a string that is not there"));
                        };
                        let line = u32::try_from(line).unwrap_or(u32::MAX);
                        let frame = tables.intern_frame(Frame { pc, func, file, line });
                        pcs.insert(pc, frame);
                        frame
                    }
                };
                frames.push(frame);
            }
            stacks.push((id, tables.intern_stack(&frames)));
        }
        Ok(())
    }

    fn read_samples(&mut self, batch: &Batch) -> Result<(), Bad> {
        let mut samples = std::mem::take(&mut self.samples);
        let mut entries = Entries::new(&self.bytes, batch);
        entries.pos += 1;
        while let Some(typ) = entries.typ() {
            if typ != ev::CPU_SAMPLE {
                return Err(entries.bad(format!("event type {typ} in a batch of CPU samples")));
            }
            let [time, m, p, g, stack] = entries.numbers("a CPU sample")?;
            samples.push(Sample {
                time: self.clock.nanos(time),
                m: ThreadId(m),
                p: ProcId(p),
                g: if g == 0 { GoId::NONE } else { GoId(g) },
                stack: self.stack_row(stack).unwrap_or(StackRow::NONE),
            });
        }
        self.samples = samples;
        Ok(())
    }
}

/// What is wrong, and where in the generation's bytes.
struct Bad {
    at: usize,
    what: String,
}

/// A batch of table entries, read one number after another.
struct Entries<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Entries<'a> {
    fn new(bytes: &'a [u8], batch: &Batch) -> Self {
        Entries { bytes: &bytes[..batch.end], pos: batch.start }
    }

    /// The next entry's type; `None` at the batch's end.
    fn typ(&mut self) -> Option<u8> {
        let typ = self.bytes.get(self.pos).copied();
        self.pos += 1;
        typ
    }

    fn number(&mut self, of: &str) -> Result<u64, Bad> {
        match varint::read(self.bytes, &mut self.pos) {
            Some(n) => Ok(n),
            None => Err(self.bad(format!("{of} is cut off, or has a number of more than 64 bits"))),
        }
    }

    fn numbers<const N: usize>(&mut self, of: &str) -> Result<[u64; N], Bad> {
        let mut numbers = [0; N];
        for n in &mut numbers {
            *n = self.number(of)?;
        }
        Ok(numbers)
    }

    fn bad(&self, what: impl Into<String>) -> Bad {
        Bad { at: self.pos.saturating_sub(1), what: what.into() }
    }
}

fn read_strings(
    bytes: &[u8],
    batch: &Batch,
    tables: &mut Tables,
    strings: &mut Vec<(u64, StrId)>,
) -> Result<(), Bad> {
    let mut entries = Entries::new(bytes, batch);
    entries.pos += 1;
    while let Some(typ) = entries.typ() {
        if typ != ev::STRING {
            return Err(entries.bad(format!("event type {typ} in a batch of strings")));
        }
        let id = entries.number("a string")?;
        let len = entries.number("a string")?;
        if len > MAX_STRING_SIZE {
            return Err(
                entries.bad(format!("a string claims {len} bytes, more than {MAX_STRING_SIZE}"))
            );
        }
        let end = entries.pos + len as usize;
        let Some(text) = entries.bytes.get(entries.pos..end) else {
            return Err(entries.bad("a string is longer than its batch"));
        };
        strings.push((id, tables.intern(&String::from_utf8_lossy(text))));
        entries.pos = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short way of whole factors and the long way are the same.
    #[test]
    fn ticks_to_nanoseconds() {
        for frequency in [1, 3, 1000, 15_625_000, 24_000_000, 999_999_999, 1_000_000_000, 1 << 60] {
            let mut clock = Clock::default();
            clock.set_frequency(frequency);
            let long = Clock { exact_below: 0, ..clock };
            let edge = clock.exact_below;
            let near = [edge.saturating_sub(1), edge, edge + 1];
            for ticks in (0..64).map(|e| (1 << e) + 5).chain(near).chain([0, 1, u64::MAX]) {
                assert_eq!(clock.nanos(ticks), long.nanos(ticks), "{ticks} at {frequency} Hz");
            }
        }
    }
}
