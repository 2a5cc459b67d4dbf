//! The text form of the wire, both ways: bytes of a trace to text and back. What follows is the format
//! of Go 1.22 and later; the older one stands in `v1`.
//!
//! It is for tests that a person can read and write, and for looking at what stands in a
//! file. It shows the wire as it is: it does not know which order the events have, nor
//! whether they make sense. [`write()`] then [`read()`] gives the same bytes again.
//!
//! ```text
//! go 1.26                                    # the file's header
//! batch gen=1 m=7 time=1000                  # a batch: its size is counted, not written
//!   ProcStatus dt=5 p=0 pstatus=1            # what stands in it is indented,
//!   GoCreate dt=1 new_g=2 new_stack=3 stack=4  #  arguments named as in `v2::spec`
//! batch gen=1 m=-1 time=1000                 # -1: all bits set, the runtime's "none"
//!   Strings
//!   String id=1 "main.main"                  # escapes: \" \\ \n \t \r \xNN
//! batch gen=1 m=-1 time=1000
//!   Stacks
//!   Stack id=4
//!     pc=0x1234 func=1 file=2 line=7         # leaf first
//! experimental exp=1 gen=1 m=7 time=1000     # its data is nobody's business: hex
//!   00ff10
//! EndOfGeneration
//! ```
//!
//! Numbers are decimal or `0x` hex. A number that does not stand in the fewest bytes has
//! their count after it (`line=7/3`). The size of a batch stands in 10 bytes, as the
//! runtime writes it; `width=minimal` or `width=N` says otherwise.
//!
//! To make what no writer makes, there are also: claims that need not be true (`size=` of a
//! batch, `nframes=` of a stack, `len=` of a string), and raw bytes anywhere (`bytes 01 ff`,
//! indented when they stand in a batch).

use std::fmt;

mod read;
mod v1;
mod write;

pub use read::read;
pub use write::write;

/// How many bytes the runtime takes for the size of a batch: it knows the size only when the
/// batch is full, so it leaves room for any number.
const RUNTIME_SIZE_WIDTH: usize = 10;

/// The names of a frame's numbers, in the order of the wire.
const FRAME_ARGS: [&str; 4] = ["pc", "func", "file", "line"];

/// Why bytes or text could not be converted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    at: At,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Byte(usize),
    Line(usize),
    Output,
}

impl TextError {
    fn byte(offset: usize, message: impl Into<String>) -> TextError {
        TextError { at: At::Byte(offset), message: message.into() }
    }

    fn line(number: usize, message: impl Into<String>) -> TextError {
        TextError { at: At::Line(number), message: message.into() }
    }

    /// The offset in the trace of the first byte that could not be understood, from [`write()`].
    pub fn byte_offset(&self) -> Option<usize> {
        match self.at {
            At::Byte(offset) => Some(offset),
            At::Line(_) | At::Output => None,
        }
    }

    /// The number of the line that could not be understood, from 1, from [`read()`].
    pub fn line_number(&self) -> Option<usize> {
        match self.at {
            At::Line(number) => Some(number),
            At::Byte(_) | At::Output => None,
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::Byte(offset) => write!(f, "byte {offset}: {}", self.message),
            At::Line(number) => write!(f, "line {number}: {}", self.message),
            At::Output => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for TextError {}

impl From<fmt::Error> for TextError {
    fn from(_: fmt::Error) -> TextError {
        TextError { at: At::Output, message: "cannot write the text".to_owned() }
    }
}

/// The fewest bytes that a varint takes.
fn minimal_width(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests;
