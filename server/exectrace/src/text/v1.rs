//! The older format (Go 1.11 to 1.21) in words, both ways.
//!
//! ```text
//! go 1.21
//! batch p=3 time=1000                       # p=-1: no P wrote it
//!   String id=1 "main.main"
//!   GoCreate dt=5 g=2 new_stack=3 stack=4   # the events of that P, up to its next batch
//!   Stack id=4
//!     pc=0x1234 func=1 file=2 line=7
//!   UserLog dt=1 task=0 key_string=5 stack=6 "the message"
//!   Frequency freq=15625000
//! ```
//!
//! An event is a byte of six bits for its type and two for how many numbers follow; four and more have
//! their length in bytes before them. Where a writer chose otherwise than the runtime does, that is
//! told: `more=` for the two bits, `len=` for the length. Batches have no size.

use std::fmt::Write;

use super::read::{Arg, Args};
use super::write::{Bytes, Number, write_frame, write_number, write_text};
use super::{FRAME_ARGS, TextError};
use crate::v1::spec::{self, ev};
use crate::{HEADER_LEN, Version};

/// The names of an event's numbers, in the order of the wire; `None` for what is none.
fn args(typ: u8) -> Option<&'static [&'static str]> {
    Some(match typ {
        ev::BATCH => &["p", "time"],
        ev::FREQUENCY => &["freq"],
        ev::STRING | ev::STACK => &["id"],
        ev::GOMAXPROCS => &["dt", "procs", "stack"],
        ev::PROC_START => &["dt", "thread"],
        ev::GC_START => &["dt", "gc_seq", "stack"],
        ev::STW_START => &["dt", "kind"],
        ev::GC_SWEEP_DONE => &["dt", "swept", "reclaimed"],
        ev::GO_CREATE => &["dt", "g", "new_stack", "stack"],
        ev::GO_START => &["dt", "g", "g_seq"],
        ev::GO_UNBLOCK => &["dt", "g", "g_seq", "stack"],
        ev::GO_SYS_EXIT => &["dt", "g", "g_seq", "time"],
        ev::GO_WAITING | ev::GO_IN_SYSCALL | ev::GO_START_LOCAL => &["dt", "g"],
        ev::HEAP_ALLOC | ev::HEAP_GOAL => &["dt", "bytes"],
        ev::TIMER_GOROUTINE => &["g"],
        ev::GO_UNBLOCK_LOCAL => &["dt", "g", "stack"],
        ev::GO_SYS_EXIT_LOCAL => &["dt", "g", "time"],
        ev::GO_START_LABEL => &["dt", "g", "g_seq", "label_string"],
        ev::USER_TASK_CREATE => &["dt", "task", "parent_task", "name_string", "stack"],
        ev::USER_TASK_END => &["dt", "task", "stack"],
        ev::USER_REGION => &["dt", "task", "mode", "name_string", "stack"],
        ev::USER_LOG => &["dt", "task", "key_string", "stack"],
        ev::CPU_SAMPLE => &["dt", "time", "p", "g", "stack"],
        _ => {
            let spec = spec::spec(typ, Version::GO_1_21)?;
            if spec.stack { &["dt", "stack"] } else { &["dt"] }
        }
    })
}

/// The two bits of an event with so many numbers.
fn more_of(numbers: usize) -> u8 {
    numbers.saturating_sub(1).min(3) as u8
}

/// Prints what stands behind the header.
pub(super) fn write(r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    loop {
        let start = r.at;
        let is_next = || Version::is_header(r.rest().get(..HEADER_LEN).unwrap_or(&[]));
        if r.rest().first() == Some(&b'g') && is_next() {
            return Err(TextError::byte(start, "another trace begins"));
        }
        let Some(byte) = r.byte() else { return Ok(()) };
        let (typ, more) = (byte & 63, byte >> 6);
        let Some(names) = args(typ) else {
            return Err(TextError::byte(start, format!("unknown event type {typ}")));
        };
        write_event(r, out, typ, more, names)?;
    }
}

fn write_event(
    r: &mut Bytes<'_>,
    out: &mut impl Write,
    typ: u8,
    more: u8,
    names: &[&str],
) -> Result<(), TextError> {
    let start = r.at - 1;
    // A string has no length before its number, whatever the two bits say.
    let len = match more == 3 && typ != ev::STRING && typ != ev::BATCH {
        true => Some(r.varint("len")?),
        false => None,
    };
    let numbers_at = r.at;
    let mut numbers = Vec::new();
    for name in names {
        numbers.push(r.varint(name)?);
    }
    let mut frames = Vec::new();
    let mut n_frames = Number::default();
    if typ == ev::STACK {
        n_frames = r.varint("nframes")?;
        for _ in 0..n_frames.value {
            let mut frame = [Number::default(); FRAME_ARGS.len()];
            for (arg, name) in frame.iter_mut().zip(FRAME_ARGS) {
                *arg = r.varint(name)?;
            }
            frames.push(frame);
        }
    }
    let has = r.at - numbers_at;
    // What its two bits and its length say must be what stands there.
    let n = names.len() + if typ == ev::STACK { 1 + 4 * frames.len() } else { 0 };
    let fits = match len {
        Some(len) => len.value == has as u64,
        None => typ == ev::STRING || usize::from(more) + 1 == n,
    };
    if !fits {
        let name = spec::name(typ);
        let message = format!("an event ({name}) has other arguments than it should");
        return Err(TextError::byte(start, message));
    }
    let text = match typ {
        ev::STRING | ev::USER_LOG => {
            let len = r.varint("len")?;
            let at = r.at;
            r.skip(len.value)?;
            Some((len, at..r.at))
        }
        _ => None,
    };

    let name = spec::name(typ);
    if typ == ev::BATCH {
        out.write_str("batch")?
    } else {
        write!(out, "  {name}")?
    }
    for (number, name) in numbers.iter().zip(names) {
        write_number(out, name, *number)?;
    }
    let usual = match typ {
        ev::STRING => 0,
        ev::STACK => 3,
        _ => more_of(n),
    };
    if more != usual {
        write!(out, " more={more}")?;
    }
    if let Some(len) = len.filter(|len| !len.is_minimal() || usual != 3) {
        write_number(out, "len", len)?;
    }
    if typ == ev::STACK && !n_frames.is_minimal() {
        write_number(out, "nframes", n_frames)?;
    }
    if let Some((len, range)) = text {
        if !len.is_minimal() {
            write_number(out, "text_len", len)?;
        }
        write_text(out, &r.bytes[range])?;
    }
    out.write_char('\n')?;
    frames.iter().try_for_each(|frame| write_frame(out, frame))
}

/// A stack whose frames are still to come.
pub(super) struct Open {
    head: u8,
    len: Option<Arg>,
    id: Arg,
    n_frames: Option<Arg>,
    n: u64,
    frames: Vec<u8>,
}

impl Open {
    /// One more frame.
    pub(super) fn frame(&mut self, mut args: Args<'_>) -> Result<(), String> {
        for name in FRAME_ARGS {
            args.need(name)?.push(&mut self.frames);
        }
        self.n += 1;
        args.end()
    }

    /// All frames are there.
    pub(super) fn end(mut self, out: &mut Vec<u8>) {
        let mut body = Vec::new();
        self.id.push(&mut body);
        self.n_frames.unwrap_or_else(|| Arg::minimal(self.n)).push(&mut body);
        body.append(&mut self.frames);
        out.push(self.head);
        if self.head >> 6 == 3 {
            self.len.unwrap_or_else(|| Arg::minimal(body.len() as u64)).push(out);
        }
        out.append(&mut body);
    }
}

/// Makes the bytes of one line; a stack stays open for its frames.
pub(super) fn read(
    word: &str,
    mut given: Args<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<Open>, String> {
    let typ = match word {
        "batch" => ev::BATCH,
        _ => (1..64)
            .find(|&typ| typ != ev::BATCH && args(typ).is_some() && spec::name(typ) == word)
            .ok_or_else(|| format!("no event of this format is named {word}"))?,
    };
    let names = args(typ).unwrap_or_default();
    let more = given.take("more").map(|more| more.value);
    let len = given.take("len");
    if more.is_some_and(|more| more > 3) {
        return Err("more= is a number from 0 to 3".to_owned());
    }
    if typ == ev::STACK {
        let (id, n_frames) = (given.need("id")?, given.take("nframes"));
        given.end()?;
        let head = typ | (more.unwrap_or(3) as u8) << 6;
        return Ok(Some(Open { head, len, id, n_frames, n: 0, frames: Vec::new() }));
    }
    let usual = if typ == ev::STRING { 0 } else { more_of(names.len()) };
    let more = more.map_or(usual, |more| more as u8);
    let mut numbers = Vec::new();
    for name in names {
        given.need(name)?.push(&mut numbers);
    }
    out.push(typ | more << 6);
    if more == 3 && typ != ev::STRING && typ != ev::BATCH {
        len.unwrap_or_else(|| Arg::minimal(numbers.len() as u64)).push(out);
    }
    out.append(&mut numbers);
    if typ == ev::STRING || typ == ev::USER_LOG {
        let text = given.text.take().ok_or_else(|| format!("{word} needs its text in quotes"))?;
        let len = given.take("text_len").unwrap_or_else(|| Arg::minimal(text.len() as u64));
        len.push(out);
        out.extend_from_slice(&text);
    }
    given.end()?;
    Ok(None)
}
