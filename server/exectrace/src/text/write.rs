//! Wire to text: prints what is good up to the first byte that is not.

use std::fmt::Write;

use super::{FRAME_ARGS, RUNTIME_SIZE_WIDTH, TextError, minimal_width, v1};
use crate::Version;
use crate::v2::spec::{self, Spec, ev};

/// How many bytes of experimental data stand on a line.
const HEX_PER_LINE: usize = 32;

/// Prints a trace as text.
///
/// # Errors
///
/// For bytes that are not in the format; everything before them has then been printed. Also
/// when `out` refuses.
pub fn write(bytes: &[u8], out: &mut impl Write) -> Result<(), TextError> {
    let mut r = Bytes { bytes, at: 0 };
    if write_header(&mut r, out)? {
        return v1::write(&mut r, out);
    }
    while let Some(typ) = r.byte() {
        match typ {
            ev::EVENT_BATCH => write_batch(&mut r, out)?,
            ev::EXPERIMENTAL_BATCH => write_experimental_batch(&mut r, out)?,
            ev::END_OF_GENERATION => out.write_str("EndOfGeneration\n")?,
            _ => return Err(TextError::byte(r.at - 1, format!("not a batch: {}", describe(typ)))),
        }
    }
    Ok(())
}

/// Prints the header, and tells whether it is that of the older format.
fn write_header(r: &mut Bytes<'_>, out: &mut impl Write) -> Result<bool, TextError> {
    let minor = (r.bytes.strip_prefix(b"go 1."))
        .and_then(|rest| rest.get(..2))
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .filter(|_| r.bytes.get(7..16) == Some(b" trace\0\0\0"))
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let Some(minor) = minor else {
        return Err(TextError::byte(0, "no header of a Go execution trace"));
    };
    let is_v1 = minor < "22";
    if is_v1 && !Version::from_header(&r.bytes[..16]).is_ok_and(Version::is_v1) {
        return Err(TextError::byte(0, format!("go 1.{minor} is no format that is read")));
    }
    r.at = 16;
    writeln!(out, "go 1.{minor}")?;
    Ok(is_v1)
}

fn write_batch(r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    let header = BatchHeader::read(r)?;
    let mut batch = r.sub(header.size.value);
    out.write_str("batch")?;
    header.write(&batch, out)?;
    while let Some(typ) = batch.byte() {
        write_event(typ, &mut batch, out)?;
    }
    r.skip(header.size.value)
}

fn write_experimental_batch(r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    // A byte, and not a varint as all else: that is how Go's reader takes it.
    let exp = r.byte().ok_or_else(|| TextError::byte(r.at, "ends before exp"))?;
    let header = BatchHeader::read(r)?;
    let batch = r.sub(header.size.value);
    write!(out, "experimental exp={exp}")?;
    header.write(&batch, out)?;
    for line in batch.rest().chunks(HEX_PER_LINE) {
        out.write_str("  ")?;
        for byte in line {
            write!(out, "{byte:02x}")?;
        }
        out.write_char('\n')?;
    }
    r.skip(header.size.value)
}

/// What both kinds of batches begin with.
struct BatchHeader {
    generation: Number,
    m: Number,
    time: Number,
    size: Number,
}

impl BatchHeader {
    fn read(r: &mut Bytes<'_>) -> Result<BatchHeader, TextError> {
        Ok(BatchHeader {
            generation: r.varint("gen")?,
            m: r.varint("m")?,
            time: r.varint("time")?,
            size: r.varint("size")?,
        })
    }

    fn write(&self, batch: &Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
        write_number(out, "gen", self.generation)?;
        write_number(out, "m", self.m)?;
        write_number(out, "time", self.time)?;
        if self.size.width != RUNTIME_SIZE_WIDTH {
            if self.size.is_minimal() {
                out.write_str(" width=minimal")?;
            } else {
                write!(out, " width={}", self.size.width)?;
            }
        }
        if self.size.value != batch.rest().len() as u64 {
            // The file ends early: without the claim, the text would be that of a whole one.
            write!(out, " size={}", self.size.value)?;
        }
        Ok(out.write_char('\n')?)
    }
}

/// Prints the event of type `typ`, whose byte has just been read: nothing of it when its
/// arguments are not all there, its frames as far as they are good.
fn write_event(typ: u8, r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    let start = r.at - 1;
    let spec = match spec::spec(typ) {
        Some(spec) if !matches!(typ, ev::EVENT_BATCH | ev::EXPERIMENTAL_BATCH) => spec,
        _ => return Err(TextError::byte(start, format!("not an event: {}", describe(typ)))),
    };
    match typ {
        ev::STRING => write_string(spec, r, out),
        ev::STACK => write_stack(spec, r, out),
        _ => {
            let mut args = [Number::default(); spec::MAX_TIMED_ARGS];
            for (arg, name) in args.iter_mut().zip(spec.args) {
                *arg = r.varint(name)?;
            }
            write!(out, "  {}", spec.name)?;
            for (arg, name) in args.iter().zip(spec.args) {
                write_number(out, name, *arg)?;
            }
            Ok(out.write_char('\n')?)
        }
    }
}

fn write_string(spec: &Spec, r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    let id = r.varint("id")?;
    let len = r.varint("len")?;
    let start = r.at;
    r.skip(len.value)?;
    write!(out, "  {}", spec.name)?;
    write_number(out, "id", id)?;
    if !len.is_minimal() {
        write_number(out, "len", len)?;
    }
    write_text(out, &r.bytes[start..r.at])?;
    Ok(out.write_char('\n')?)
}

/// A text in quotes, with escapes.
pub(super) fn write_text(out: &mut impl Write, text: &[u8]) -> Result<(), TextError> {
    out.write_str(" \"")?;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => write!(out, "\\{c}")?,
                '\n' => out.write_str("\\n")?,
                '\t' => out.write_str("\\t")?,
                '\r' => out.write_str("\\r")?,
                c if c.is_control() => {
                    write_hex_escapes(out, c.encode_utf8(&mut [0; 4]).as_bytes())?;
                }
                c => out.write_char(c)?,
            }
        }
        write_hex_escapes(out, chunk.invalid())?;
    }
    Ok(out.write_char('"')?)
}

fn write_hex_escapes(out: &mut impl Write, bytes: &[u8]) -> Result<(), TextError> {
    for byte in bytes {
        write!(out, "\\x{byte:02x}")?;
    }
    Ok(())
}

fn write_stack(spec: &Spec, r: &mut Bytes<'_>, out: &mut impl Write) -> Result<(), TextError> {
    let id = r.varint("id")?;
    let n_frames = r.varint("nframes")?;
    write!(out, "  {}", spec.name)?;
    write_number(out, "id", id)?;
    if !n_frames.is_minimal() {
        write_number(out, "nframes", n_frames)?;
    }
    out.write_char('\n')?;
    for _ in 0..n_frames.value {
        let mut frame = [Number::default(); FRAME_ARGS.len()];
        for (arg, name) in frame.iter_mut().zip(FRAME_ARGS) {
            *arg = r.varint(name)?;
        }
        write_frame(out, &frame)?;
    }
    Ok(())
}

/// One frame of a stack, on a line of its own.
pub(super) fn write_frame(
    out: &mut impl Write,
    frame: &[Number; FRAME_ARGS.len()],
) -> Result<(), TextError> {
    let [pc, others @ ..] = frame;
    write!(out, "    pc={:#x}{}", pc.value, pc.width_suffix())?;
    for (arg, name) in others.iter().zip(&FRAME_ARGS[1..]) {
        write_number(out, name, *arg)?;
    }
    Ok(out.write_char('\n')?)
}

pub(super) fn write_number(out: &mut impl Write, name: &str, n: Number) -> Result<(), TextError> {
    match n.value {
        u64::MAX => write!(out, " {name}=-1")?,
        value => write!(out, " {name}={value}{}", n.width_suffix())?,
    }
    Ok(())
}

fn describe(typ: u8) -> String {
    match spec::spec(typ) {
        Some(spec) => spec.name.to_owned(),
        None => format!("unknown event type {typ}"),
    }
}

/// A varint as it stands on the wire.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Number {
    pub(super) value: u64,
    /// How many bytes it takes.
    width: usize,
}

impl Number {
    pub(super) fn is_minimal(self) -> bool {
        self.width == minimal_width(self.value)
    }

    /// What stands after the value when it takes more bytes than it needs.
    fn width_suffix(self) -> String {
        if self.is_minimal() { String::new() } else { format!("/{}", self.width) }
    }
}

/// The bytes of the trace up to where reading must stop, and how far it has come.
pub(super) struct Bytes<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The next `len` bytes, or as many of them as there are.
    fn sub(&self, len: u64) -> Bytes<'a> {
        let here = usize::try_from(len).unwrap_or(usize::MAX).min(self.rest().len());
        Bytes { bytes: &self.bytes[..self.at + here], at: self.at }
    }

    /// Moves past the next `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), TextError> {
        let sub = self.sub(len);
        let here = sub.rest().len();
        if (here as u64) < len {
            let message = format!("ends early: {len} bytes should follow, {here} do");
            return Err(TextError::byte(self.at, message));
        }
        self.at += here;
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn varint(&mut self, name: &str) -> Result<Number, TextError> {
        let mut value = 0;
        for (i, &byte) in self.rest().iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            if i == 9 && byte > 1 {
                return Err(TextError::byte(self.at, format!("{name} does not fit in 64 bits")));
            }
            value |= bits << (7 * i);
            if byte < 0x80 {
                self.at += i + 1;
                return Ok(Number { value, width: i + 1 });
            }
        }
        Err(TextError::byte(self.at, format!("ends before {name}, or within it")))
    }
}
