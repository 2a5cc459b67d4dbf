//! The events of one P, one after another, and whether they fit together as far as one P can tell: it
//! runs one goroutine at a time, and what a goroutine does is done by the one that runs.

use super::parse::{Bad, Event, Proc, Raw, Trace};
use super::spec::{self, MAX_ARGS, Role, ev};
use crate::v2::generation::Generation;
use crate::varint;

/// The bytes of a trace.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a> {
    pub(super) bytes: &'a [u8],
    /// With what follows, so that a window can be laid on each event.
    padded: &'a [u8],
}

impl<'a> Wire<'a> {
    pub(super) fn of(generation: &'a Generation) -> Wire<'a> {
        Wire { bytes: &generation.bytes[..generation.n_bytes()], padded: &generation.bytes }
    }
}

/// A P's place in its batches.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    proc: i32,
    next_batch: u32,
    pos: usize,
    ticks: i64,
    /// The goroutine that runs, over all batches; 0 is none.
    g: u64,
    runs: bool,
    sweeps: bool,
}

impl Cursor {
    pub(super) fn new(proc: &Proc) -> Cursor {
        Cursor {
            proc: proc.id,
            next_batch: proc.first,
            pos: usize::MAX,
            ticks: 0,
            g: 0,
            runs: false,
            sweeps: false,
        }
    }

    /// The P's next event that takes part in the order. `false`: there is none.
    #[inline(always)]
    pub(super) fn next(
        &mut self,
        trace: &Trace,
        wire: Wire<'_>,
        event: &mut Event,
    ) -> Result<bool, Bad> {
        match in_line(wire, self.pos, &mut event.numbers) {
            Some((typ, end)) => {
                (event.typ, event.at) = (typ, self.pos as u64);
                self.pos = end;
            }
            None => {
                if !self.read(trace, wire.bytes, event)? {
                    return Ok(false);
                }
            }
        }
        self.place(event)?;
        Ok(true)
    }

    /// Whether the P's next event is of this type. `None`: that takes a closer look.
    #[inline(always)]
    pub(super) fn is_next(&self, wire: Wire<'_>, typ: u8) -> Option<bool> {
        let &head = wire.bytes.get(self.pos)?;
        spec::numbers(head)?;
        Some(head & 63 == typ)
    }

    /// Reads an event that takes a closer look, or goes to the next batch. `false`: there is none.
    #[inline(never)]
    fn read(&mut self, trace: &Trace, bytes: &[u8], event: &mut Event) -> Result<bool, Bad> {
        loop {
            let at = self.pos;
            let head = bytes.get(at).map_or(ev::BATCH, |head| head & 63);
            if head == ev::BATCH {
                if !self.next_batch(trace, bytes)? {
                    return Ok(false);
                }
                continue;
            }
            let raw = Raw::read(bytes, at, trace.version)?;
            self.pos = raw.end;
            if spec::is_ordered(raw.typ) {
                event.numbers = raw.args(trace.version)?;
                (event.typ, event.at) = (raw.typ, at as u64);
                return Ok(true);
            }
        }
    }

    #[cold]
    fn next_batch(&mut self, trace: &Trace, bytes: &[u8]) -> Result<bool, Bad> {
        let Some(batch) = trace.batches.get(self.next_batch as usize) else { return Ok(false) };
        let raw = Raw::read(bytes, batch.start as usize, trace.version)?;
        self.ticks = raw.args(trace.version)?[1] as i64;
        self.next_batch = batch.next;
        self.pos = raw.end;
        Ok(true)
    }

    /// Says when and by whom an event was made whose numbers are read.
    #[inline(always)]
    fn place(&mut self, event: &mut Event) -> Result<(), Bad> {
        let (at, typ) = (event.at as usize, event.typ);
        let [first, ..] = event.args();
        self.ticks = self.ticks.wrapping_add(event.numbers[0] as i64);
        let mut g = self.g;
        let role = Role::of(typ);
        if role.is(Role::ACTS) {
            if g == 0 {
                return Err(does_not_fit(at, typ, g, "no goroutine runs on the P"));
            }
            if role.is(Role::ENDS) {
                self.g = 0;
            }
        } else if role.is(Role::STARTS) {
            if g != 0 {
                return Err(does_not_fit(at, typ, g, "the P runs a goroutine already"));
            }
            (self.g, g) = (first, first);
        } else if role.is(Role::OF_ANOTHER) {
            g = first;
        } else if role.is(Role::OF_THE_P) {
            self.of_the_p(typ).map_err(|what| does_not_fit(at, typ, g, what))?;
        }
        (event.ticks, event.g, event.p) = (self.ticks, g, self.proc);
        Ok(())
    }

    /// What a P does itself. The error says why it does not fit.
    #[cold]
    fn of_the_p(&mut self, typ: u8) -> Result<(), &'static str> {
        let (state, begins, odd) = match typ {
            ev::PROC_START => (&mut self.runs, true, "the P runs already"),
            ev::PROC_STOP if self.g != 0 => return Err("the P runs a goroutine"),
            ev::PROC_STOP => (&mut self.runs, false, "the P does not run"),
            ev::GC_SWEEP_START => (&mut self.sweeps, true, "the P sweeps already"),
            _ => (&mut self.sweeps, false, "the P does not sweep"),
        };
        if std::mem::replace(state, begins) == begins { Err(odd) } else { Ok(()) }
    }
}

#[cold]
pub(super) fn does_not_fit(at: usize, typ: u8, g: u64, what: &str) -> Bad {
    Bad::new(at, format!("{} of goroutine {g} does not fit: {what}", spec::name(typ)))
}

/// Reads the numbers of the event at `at`, if it takes part in the order and has as many as its type says;
/// tells its type and where it ends. `None` for all others, of which is told elsewhere.
#[inline(always)]
fn in_line(wire: Wire<'_>, at: usize, numbers: &mut [u64; MAX_ARGS]) -> Option<(u8, usize)> {
    // No position is so large that the sum wraps around and is in the bytes.
    let window = wire.padded.get(at..at.wrapping_add(varint::WINDOW))?.first_chunk()?;
    let mut cursor = varint::Cursor::new(window, 0);
    let head = cursor.byte();
    let (n, has_length) = spec::numbers(head)?;
    let length = if has_length { cursor.byte() } else { 0 };
    numbers.iter_mut().take(n).for_each(|number| *number = cursor.number());
    let read = cursor.pos()?;
    // A length of more than a byte is more than so few numbers have.
    let is_whole = !has_length || usize::from(length) + 2 == read;
    (is_whole && at + read <= wire.bytes.len()).then_some((head & 63, at + read))
}
