//! Cuts a byte stream into frames of the LSP base protocol, and puts a body into a frame.
//!
//! Bytes in, frames out: this file knows no streams, no JSON and no clocks.
//! A damaged frame costs that frame and never the connection, because the editor's session hangs on
//! it: the decoder says what was wrong and goes on at the next header that it can make sense of.
//!
//! ```text
//! Header --- length <= 64 MiB ------------> Body --- all there ------> Header, Frame::Body
//!   |  |                                     `--- a header inside ---> Header, Damaged
//!   |  `---- length <= 1 GiB, Damaged ----> Skip { left: length } ---> Header
//!   `------- anything else,   Damaged ----> Skip { left: no end } ---> Header
//! ```
//!
//! What makes recovery safe: JSON may not hold a raw line break inside a string, and outside of
//! strings `Content-Length:` is not JSON. So the line `Content-Length: 12` followed by a real line
//! break, wherever it turns up, is a header and proves that the length before it was wrong.

/// The largest header block that is read, in bytes.
pub const MAX_HEADER: usize = 8 * 1024;

/// The largest body that is kept, in bytes. A larger one is skipped.
pub const MAX_BODY: u64 = 64 << 20;

/// A larger claim than this is taken for damage: nobody is going to send the bytes, so they are not
/// waited for.
const MAX_CLAIM: u64 = 1 << 30;

/// A `Content-Length:` line with at most ten digits and a few blanks fits into this many bytes.
const SYNC_WINDOW: usize = 64;

/// One frame, or the news that one was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of a body. Nothing is known about them but their number.
    Body(Vec<u8>),
    /// A frame that could not be used. The decoder has already found its way past it.
    Damaged(DamageReason),
}

/// Why a frame was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageReason {
    /// No end of the header within [`MAX_HEADER`] bytes.
    HeaderTooLong,
    /// A line in the header that is no `name: value`.
    BadHeaderLine,
    /// A header without `Content-Length`.
    NoLength,
    /// A `Content-Length` that is no number, is told twice with two values, or is beyond all sense.
    BadLength,
    /// A body of this many bytes, more than [`MAX_BODY`]. It is skipped.
    BodyTooLarge(u64),
    /// A header where there should have been more of the body: the length was too large.
    BodyInterrupted,
}

impl std::fmt::Display for DamageReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HeaderTooLong => write!(f, "header is longer than {MAX_HEADER} bytes"),
            Self::BadHeaderLine => f.write_str("header line is not `name: value`"),
            Self::NoLength => f.write_str("header has no Content-Length"),
            Self::BadLength => f.write_str("Content-Length is not a usable number"),
            Self::BodyTooLarge(length) => {
                write!(f, "body of {length} bytes is larger than {MAX_BODY}")
            }
            Self::BodyInterrupted => {
                f.write_str("body ends before its Content-Length (another header follows)")
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Body {
        left: u64,
    },
    /// Looks for a header, but for `left` bytes at most. After damage there is no most.
    Skip {
        left: u64,
    },
}

/// Cuts bytes into frames, however the bytes were chopped up on their way.
///
/// [`Iterator::next`] gives `None` when it needs more bytes; after the next [`FrameDecoder::push`]
/// it may go on.
#[derive(Debug)]
pub struct FrameDecoder {
    /// Bytes not yet used begin at `pos`.
    buf: Vec<u8>,
    pos: usize,
    state: State,
    /// The body so far. It grows with the bytes that are there, never by the length that a header
    /// claims.
    body: Vec<u8>,
    /// The end of the last body: a length that was a few bytes too large leaves half of a header in
    /// it.
    last_body_end: Vec<u8>,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self {
            buf: Vec::new(),
            pos: 0,
            state: State::Header,
            body: Vec::new(),
            last_body_end: Vec::new(),
        }
    }

    /// Adds the bytes that came next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.pos);
        self.pos = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// Reads a header. `None` when its end is not there yet.
    fn header(&mut self) -> Option<Result<u64, DamageReason>> {
        if !self.last_body_end.is_empty() {
            self.put_back_swallowed();
        }
        let rest = &self.buf[self.pos..];
        // Blank lines in front are somebody's habit of ending a body with a line break.
        let blank = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let block = &rest[blank..];
        let read = match header_end(block) {
            Some(end) if end <= MAX_HEADER => match content_length(&block[..end]) {
                Ok(length) if length <= MAX_CLAIM => {
                    self.pos += end;
                    Ok(length)
                }
                Ok(_) => Err(DamageReason::BadLength),
                Err(reason) => Err(reason),
            },
            Some(_) => Err(DamageReason::HeaderTooLong),
            None if block.len() > MAX_HEADER => Err(DamageReason::HeaderTooLong),
            None if block.is_empty() => {
                // What may still belong to a header within the last body stays behind it.
                if self.last_body_end.is_empty() {
                    self.pos += blank;
                }
                return None;
            }
            None => return None,
        };
        // A header that is no good is passed over from its own first byte: from a blank before it the
        // search would find it again.
        self.pos += blank;
        Some(read)
    }

    /// Starts the search for the next header after the one at `pos` was no good.
    fn lose_header(&mut self) {
        // One byte on, so that the same header is not found again.
        self.pos = (self.pos + 1).min(self.buf.len());
        self.state = State::Skip { left: u64::MAX };
    }

    /// Puts back the beginning of a header that was taken for the end of the last body.
    fn put_back_swallowed(&mut self) {
        let rest = &self.buf[self.pos..];
        let Some(line_break) = rest.iter().take(SYNC_WINDOW).position(|b| *b == b'\n') else {
            if rest.len() >= SYNC_WINDOW {
                self.last_body_end.clear();
            }
            return;
        };
        let n_swallowed = self.last_body_end.len();
        let mut joined = std::mem::take(&mut self.last_body_end);
        joined.extend_from_slice(&rest[..=line_break]);
        if let Some(start) = find_sync_point(&joined, n_swallowed).filter(|at| *at < n_swallowed) {
            joined.drain(..start);
            joined.extend_from_slice(&rest[line_break + 1..]);
            self.buf = joined;
            self.pos = 0;
        }
    }

    /// Takes what is there of the body. `None` when there should be more.
    fn body(&mut self, left: u64) -> Option<Frame> {
        let old = self.body.len();
        let take = at_most(left, self.buf.len() - self.pos);
        self.body.extend_from_slice(&self.buf[self.pos..self.pos + take]);
        self.pos += take;

        if let Some(start) = find_sync_point(&self.body, old) {
            let mut joined = self.body.split_off(start);
            joined.extend_from_slice(&self.buf[self.pos..]);
            self.buf = joined;
            self.pos = 0;
            self.body = Vec::new();
            self.last_body_end.clear();
            self.state = State::Header;
            return Some(Frame::Damaged(DamageReason::BodyInterrupted));
        }

        let left = left - take as u64;
        self.state = State::Body { left };
        if left > 0 {
            return None;
        }
        self.state = State::Header;
        let body = std::mem::take(&mut self.body);
        let end = body.len().saturating_sub(SYNC_WINDOW);
        self.last_body_end.extend_from_slice(&body[end..]);
        Some(Frame::Body(body))
    }

    /// Passes over bytes until a header shows up or `left` of them are gone. False when there
    /// should be more.
    fn skip(&mut self, left: u64) -> bool {
        let window = at_most(left, self.buf.len() - self.pos);
        let rest = &self.buf[self.pos..self.pos + window];
        if let Some(start) = find_sync_point(rest, 0) {
            self.pos += start;
            self.state = State::Header;
            return true;
        }
        if window as u64 == left {
            self.pos += window;
            self.state = State::Header;
            return true;
        }
        // The end may be the first half of a header.
        let passed = window.saturating_sub(SYNC_WINDOW);
        self.pos += passed;
        self.state =
            State::Skip { left: if left == u64::MAX { left } else { left - passed as u64 } };
        false
    }
}

impl Iterator for FrameDecoder {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        loop {
            match self.state {
                State::Header => match self.header()? {
                    Ok(length) if length <= MAX_BODY => {
                        self.last_body_end.clear();
                        self.state = State::Body { left: length };
                    }
                    Ok(length) => {
                        self.last_body_end.clear();
                        self.state = State::Skip { left: length };
                        return Some(Frame::Damaged(DamageReason::BodyTooLarge(length)));
                    }
                    Err(reason) => {
                        self.lose_header();
                        return Some(Frame::Damaged(reason));
                    }
                },
                State::Body { left } => return self.body(left),
                State::Skip { left } => {
                    if !self.skip(left) {
                        return None;
                    }
                }
            }
        }
    }
}

/// Puts a body into a frame.
pub fn encode(body: &[u8]) -> Vec<u8> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame
}

fn at_most(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}

/// The index after the empty line that ends a header. Lines may end without `\r`.
fn header_end(bytes: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (i, _) in bytes.iter().enumerate().filter(|(_, b)| **b == b'\n') {
        if matches!(&bytes[line_start..i], b"" | b"\r") {
            return Some(i + 1);
        }
        line_start = i + 1;
    }
    None
}

/// The length in a whole header block. All other headers are ignored, `Content-Type` among them:
/// the body is UTF-8 whatever it says.
fn content_length(block: &[u8]) -> Result<u64, DamageReason> {
    let mut length = None;
    for line in block.split(|b| *b == b'\n').map(<[u8]>::trim_ascii) {
        if line.is_empty() {
            continue;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            return Err(DamageReason::BadHeaderLine);
        };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let value = number(line[colon + 1..].trim_ascii()).ok_or(DamageReason::BadLength)?;
        if length.is_some_and(|length| length != value) {
            return Err(DamageReason::BadLength);
        }
        length = Some(value);
    }
    length.ok_or(DamageReason::NoLength)
}

/// Digits and nothing else: `str::parse` would take `+5`.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The start of the first `Content-Length: <digits>` whose line break is at `from` or later.
/// It may begin in the middle of a line.
fn find_sync_point(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(offset) = bytes.get(at..)?.iter().position(|b| *b == b'\n') {
        let line_break = at + offset;
        let window = line_break.saturating_sub(SYNC_WINDOW);
        if let Some(start) = sync_point(&bytes[window..line_break]) {
            return Some(window + start);
        }
        at = line_break + 1;
    }
    None
}

/// Whether bytes in front of a line break end in a length header, and where it begins.
fn sync_point(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let digits = line.trim_ascii_end();
    let n_digits = digits.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=10).contains(&n_digits) {
        return None;
    }
    let name = digits[..digits.len() - n_digits].trim_ascii_end();
    let start = name.len().checked_sub(NAME.len())?;
    name[start..].eq_ignore_ascii_case(NAME).then_some(start)
}

#[cfg(test)]
mod tests;
