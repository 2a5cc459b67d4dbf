//! A trace as it is found: plain, compressed (gzip, zstd), or inside an archive (zip, tar).
//!
//! What a file is, its bytes say and not its name. Everything is unpacked as it is read, and only
//! so far: a few bytes can hold gigabytes, so there is a limit on all of them together, and one on
//! how many times larger than what it was unpacked from it may be.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

mod profile;
mod tar;
mod zip;

/// The most bytes that a trace may be unpacked to.
pub(crate) const MAX_BYTES: u64 = 16 << 30;
/// So many bytes may come of however few.
const FREE_BYTES: u64 = 64 << 20;
/// How many times larger than what is packed the rest may be. Traces pack to a third to a tenth.
const MAX_RATIO: u64 = 200;
/// How many wrappings may lie around each other.
const MAX_DEPTH: u32 = 4;
/// How many members of an archive are looked at.
const MAX_MEMBERS: usize = 1000;
/// How many bytes it takes to tell what something is: the header of a tar.
const SNIFF: usize = 512;

/// A trace file, unpacked as it is read.
pub struct Unwrapped {
    reader: Box<dyn Read>,
    raw: Rc<Meter>,
    /// What it was found in, the outermost first: "gzip", "the member trace.out of a zip".
    pub inside: Vec<String>,
}

impl fmt::Debug for Unwrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unwrapped").field("inside", &self.inside).finish_non_exhaustive()
    }
}

impl Unwrapped {
    /// How many bytes of the file itself are read so far.
    pub fn n_raw(&self) -> u64 {
        self.raw.read.get()
    }
}

impl Read for Unwrapped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

/// Finds the trace in a file. What is no wrapping that is known comes back as it is, to be told what
/// it is by its header.
///
/// # Errors
/// It cannot be read, or it is an archive without a trace.
pub fn unwrap(file: File) -> io::Result<Unwrapped> {
    let raw = Rc::new(Meter::default());
    let mut head = Vec::new();
    let mut file = Counted { inner: file, n: raw.clone() };
    file.by_ref().take(SNIFF as u64).read_to_end(&mut head)?;
    file.inner.seek(SeekFrom::Start(0))?;
    raw.read.set(0);
    let mut inside = Vec::new();
    let reader = match Kind::of(&head) {
        Kind::Zip => zip::find(file.inner, &raw, &mut inside)?,
        Kind::Profile => return Err(is_profile()),
        Kind::Trace | Kind::Other => Box::new(file),
        kind => {
            let found = open(kind, Box::new(file), &raw, 0, &mut inside);
            found
                .map_err(|error| not_unpacked(&inside, &error))?
                .ok_or_else(|| no_trace(&inside))?
        }
    };
    Ok(Unwrapped { reader, raw, inside })
}

/// What something is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Trace,
    Gzip,
    Zstd,
    Zip,
    Tar,
    Profile,
    Other,
}

impl Kind {
    fn of(head: &[u8]) -> Kind {
        if head.starts_with(b"go 1.") {
            Kind::Trace
        } else if head.starts_with(&[0x1f, 0x8b]) {
            Kind::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Kind::Zstd
        } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Kind::Zip
        } else if tar::is_header(head) {
            Kind::Tar
        } else if profile::is_head(head) {
            Kind::Profile
        } else {
            Kind::Other
        }
    }
}

/// Looks into a stream, however it is wrapped. `None`: there is no trace in it; it is then used up.
fn look(
    mut stream: Box<dyn Read>,
    raw: &Rc<Meter>,
    depth: u32,
    inside: &mut Vec<String>,
) -> io::Result<Option<Box<dyn Read>>> {
    let mut head = Vec::new();
    stream.by_ref().take(SNIFF as u64).read_to_end(&mut head)?;
    let kind = Kind::of(&head);
    let stream: Box<dyn Read> = Box::new(io::Cursor::new(head).chain(stream));
    open(kind, stream, raw, depth, inside)
}

fn open(
    kind: Kind,
    stream: Box<dyn Read>,
    raw: &Rc<Meter>,
    depth: u32,
    inside: &mut Vec<String>,
) -> io::Result<Option<Box<dyn Read>>> {
    if matches!(kind, Kind::Gzip | Kind::Zstd | Kind::Tar) && depth == MAX_DEPTH {
        return Err(io::Error::other(format!(
            "more than {MAX_DEPTH} wrappings lie around each other (unpack it first)"
        )));
    }
    match kind {
        Kind::Trace => Ok(Some(stream)),
        // A zip begins at its end, which a stream reaches last.
        Kind::Zip | Kind::Other => Ok(None),
        // Of a member of an archive, there may be a trace beside it.
        Kind::Profile if inside.iter().any(|what| what.starts_with("the member ")) => Ok(None),
        Kind::Profile => Err(is_profile()),
        Kind::Gzip => {
            inside.push("gzip".into());
            let unpacked = flate2::read::MultiGzDecoder::new(BufReader::new(stream));
            look(capped(unpacked, raw), raw, depth + 1, inside)
        }
        Kind::Zstd => {
            inside.push("zstd".into());
            let unpacked = Zstd { state: ZstdState::Between(BufReader::new(stream)) };
            look(capped(unpacked, raw), raw, depth + 1, inside)
        }
        Kind::Tar => tar::find(stream, raw, depth + 1, inside),
    }
}

/// The sentence for a profile, which people take for a trace since both come from `/debug/pprof`.
const IS_PROFILE: &str = "this is a pprof profile, not an execution trace (go tool pprof shows it; record a trace with go test -trace trace.out, or from /debug/pprof/trace)";

fn is_profile() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, IS_PROFILE)
}

fn not_unpacked(inside: &[String], error: &io::Error) -> io::Error {
    if error.to_string() == IS_PROFILE {
        return is_profile();
    }
    let what = inside.first().map_or("packed", String::as_str);
    io::Error::new(error.kind(), format!("this is a {what} file that cannot be unpacked: {error}"))
}

fn no_trace(inside: &[String]) -> io::Error {
    let what = inside.first().map_or("", String::as_str);
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("this is a {what} file, and there is no Go execution trace in it"),
    )
}

/// How many bytes went through, over all members and layers.
#[derive(Debug, Default)]
struct Meter {
    /// Of the file itself.
    read: Cell<u64>,
    /// That came out of something packed.
    unpacked: Cell<u64>,
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    n: Rc<Meter>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.n.read.set(self.n.read.get() + n as u64);
        Ok(n)
    }
}

/// What is unpacked, with an end to it.
struct Capped<R> {
    inner: R,
    meter: Rc<Meter>,
}

fn capped(inner: impl Read + 'static, raw: &Rc<Meter>) -> Box<dyn Read> {
    Box::new(Capped { inner, meter: raw.clone() })
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let unpacked = self.meter.unpacked.get() + n as u64;
        self.meter.unpacked.set(unpacked);
        let raw = self.meter.read.get();
        if unpacked > MAX_BYTES {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} GiB (unpack it first, if it is what it should be)",
                MAX_BYTES >> 30
            )));
        }
        if unpacked > FREE_BYTES && unpacked / MAX_RATIO > raw {
            return Err(io::Error::other(format!(
                "its first {raw} bytes unpack to more than {MAX_RATIO} times as many, as those of no trace do (unpack it first, if it is what it should be)"
            )));
        }
        Ok(n)
    }
}

/// The frames of a zstd stream, one after another.
struct Zstd<R: Read> {
    state: ZstdState<R>,
}

enum ZstdState<R: Read> {
    Between(R),
    Within(Box<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl<R: io::BufRead> Read for Zstd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, ZstdState::Done) {
                ZstdState::Done => return Ok(0),
                ZstdState::Between(mut stream) => {
                    if stream.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = ruzstd::decoding::StreamingDecoder::new(stream)
                        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
                    self.state = ZstdState::Within(Box::new(decoder));
                }
                ZstdState::Within(mut decoder) => {
                    let n = decoder.read(buf)?;
                    if n == 0 && !buf.is_empty() {
                        self.state = ZstdState::Between(decoder.into_inner());
                        continue;
                    }
                    self.state = ZstdState::Within(decoder);
                    return Ok(n);
                }
            }
        }
    }
}
