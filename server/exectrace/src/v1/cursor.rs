//! The events of one P, one after another, and whether they fit together as far as one P can tell: it
//! runs one goroutine at a time, and what a goroutine does is done by the one that runs.

use super::parse::{Bad, Event, Proc, Raw, Trace};
use super::spec::{self, MAX_ARGS, Role, ev};
use crate::{Version, varint};

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
        bytes: &[u8],
        event: &mut Event,
    ) -> Result<bool, Bad> {
        loop {
            let Some(&head) = bytes.get(self.pos) else {
                if self.next_batch(trace, bytes)? {
                    continue;
                }
                return Ok(false);
            };
            match head & 63 {
                ev::BATCH => {
                    if !self.next_batch(trace, bytes)? {
                        return Ok(false);
                    }
                }
                ev::STRING | ev::STACK | ev::FREQUENCY | ev::TIMER_GOROUTINE | ev::CPU_SAMPLE => {
                    self.pos = Raw::read(bytes, self.pos, trace.version)?.end;
                }
                _ => {
                    self.event(bytes, trace.version, event)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Whether the P's next event is of this type. `None`: that takes a closer look.
    #[inline(always)]
    pub(super) fn is_next(&self, bytes: &[u8], typ: u8) -> Option<bool> {
        let &head = bytes.get(self.pos)?;
        spec::numbers(head)?;
        Some(head & 63 == typ)
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

    #[inline(always)]
    fn event(&mut self, bytes: &[u8], version: Version, event: &mut Event) -> Result<(), Bad> {
        let at = self.pos;
        let mut numbers = [0; MAX_ARGS];
        match in_line(bytes, at, &mut numbers) {
            Some(end) => self.pos = end,
            None => {
                let raw = Raw::read(bytes, at, version)?;
                self.pos = raw.end;
                numbers = raw.args(version)?;
            }
        }
        let typ = bytes[at] & 63;
        self.ticks = self.ticks.wrapping_add(numbers[0] as i64);
        // Where there is none, its place is behind all numbers.
        let stack = numbers[spec::stack_place(typ) % MAX_ARGS] as u32;
        let [_, a0, a1, a2, ..] = numbers;
        let args = [a0, a1, a2];
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
            (self.g, g) = (a0, a0);
        } else if role.is(Role::OF_ANOTHER) {
            g = a0;
        } else if role.is(Role::OF_THE_P) {
            self.of_the_p(typ).map_err(|what| does_not_fit(at, typ, g, what))?;
        }
        *event = Event { ticks: self.ticks, g, args, stack, p: self.proc, typ, at: at as u64 };
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
/// tells where it ends. `None` for all others, of which is told elsewhere.
#[inline(always)]
fn in_line(bytes: &[u8], at: usize, numbers: &mut [u64; MAX_ARGS]) -> Option<usize> {
    let mut cursor = varint::Cursor::new(bytes.get(at..)?.first_chunk()?, 0);
    let (n, has_length) = spec::numbers(cursor.byte())?;
    let length = if has_length { cursor.byte() } else { 0 };
    numbers.iter_mut().take(n).for_each(|number| *number = cursor.number());
    let read = cursor.pos()?;
    // A length of more than a byte is more than so few numbers have.
    (!has_length || usize::from(length) + 2 == read).then_some(at + read)
}
