//! The members of a zip, by the directory at its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// The longest that the end record can be: 22 bytes and a comment.
const MAX_END: u64 = 22 + 65_535;
/// The most bytes of the directory that are read.
const MAX_DIRECTORY: u64 = 16 << 20;

struct Entry {
    name: String,
    method: u16,
    encrypted: bool,
    packed: u64,
    /// Where its own header is.
    header: u64,
}

/// The first member that is a trace, packed or not.
pub(super) fn find(
    file: File,
    raw: &Rc<super::Meter>,
    inside: &mut Vec<String>,
) -> io::Result<Box<dyn Read>> {
    let entries = directory(&file)?;
    let n = entries.len();
    for entry in entries.into_iter().take(super::MAX_MEMBERS) {
        if entry.encrypted || !matches!(entry.method, 0 | 8) {
            continue;
        }
        let Some(start) = data_start(&file, entry.header)? else { continue };
        let data = Section { file: file.try_clone()?, pos: start, left: entry.packed };
        let data = super::Counted { inner: data, n: raw.clone() };
        inside.clear();
        inside.push(format!("the member {} of a zip", entry.name));
        let unpacked: Box<dyn Read> = if entry.method == 8 {
            super::capped(flate2::read::DeflateDecoder::new(data), raw)
        } else {
            Box::new(data)
        };
        if let Ok(Some(found)) = super::look(unpacked, raw, 1, inside) {
            return Ok(found);
        }
    }
    Err(bad(&format!("this is a zip file, and none of its {n} members is a Go execution trace")))
}

/// A part of a file. Several of them share its place, so each goes to its own before it reads.
struct Section {
    file: File,
    pos: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        self.file.seek(SeekFrom::Start(self.pos))?;
        let n = self.file.read(&mut buf[..most])?;
        self.pos += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn read_at(mut file: &File, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    file.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// All entries of the directory that are whole.
fn directory(file: &File) -> io::Result<Vec<Entry>> {
    let cut = || {
        bad(
            "this is a zip file without its directory: it was cut off (record the trace again, or unpack what is there)",
        )
    };
    let len = file.metadata()?.len();
    let from = len.saturating_sub(MAX_END);
    let tail = read_at(file, from, MAX_END)?;
    let end = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(cut)?;
    let mut start = u64::from(u32_at(&tail, end + 16).ok_or_else(cut)?);
    let mut size = u64::from(u32_at(&tail, end + 12).ok_or_else(cut)?);
    if start == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
        // A large one: 20 bytes before the end stands where its true end record is.
        let locator = end.checked_sub(20).filter(|&at| tail[at..].starts_with(b"PK\x06\x07"));
        let at = locator.and_then(|at| u64_at(&tail, at + 8)).ok_or_else(cut)?;
        let record = read_at(file, at, 56)?;
        size = u64_at(&record, 40).ok_or_else(cut)?;
        start = u64_at(&record, 48).ok_or_else(cut)?;
    }
    let bytes = read_at(file, start, size.min(MAX_DIRECTORY))?;
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some((entry, next)) = entry(&bytes, at) {
        entries.push(entry);
        at = next;
    }
    Ok(entries)
}

/// The entry at `at`, and where the next one is.
fn entry(bytes: &[u8], at: usize) -> Option<(Entry, usize)> {
    let rest = bytes.get(at..)?;
    if !rest.starts_with(b"PK\x01\x02") {
        return None;
    }
    let name_len = usize::from(u16_at(rest, 28)?);
    let extra_len = usize::from(u16_at(rest, 30)?);
    let comment_len = usize::from(u16_at(rest, 32)?);
    let name = rest.get(46..46 + name_len)?;
    let extra = rest.get(46 + name_len..46 + name_len + extra_len)?;
    let (mut packed, unpacked) = (u64::from(u32_at(rest, 20)?), u32_at(rest, 24)?);
    let mut header = u64::from(u32_at(rest, 42)?);
    // What does not fit stands in a field of its own, in this order.
    let mut large = large(extra);
    let mut take = || {
        let value = u64_at(large, 0)?;
        large = &large[8..];
        Some(value)
    };
    if unpacked == u32::MAX {
        take()?;
    }
    if packed == u64::from(u32::MAX) {
        packed = take()?;
    }
    if header == u64::from(u32::MAX) {
        header = take()?;
    }
    let entry = Entry {
        name: ide::text::plain(&String::from_utf8_lossy(name)),
        method: u16_at(rest, 10)?,
        encrypted: u16_at(rest, 8)? & 1 != 0,
        packed,
        header,
    };
    Some((entry, at + 46 + name_len + extra_len + comment_len))
}

/// The field for large files among the extra ones; empty if there is none.
fn large(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let end = 4 + usize::from(len);
        let Some(field) = extra.get(4..end) else { break };
        if id == 1 {
            return field;
        }
        extra = &extra[end..];
    }
    &[]
}

/// Where a member's data begins: behind its own header, whose lengths may differ from the
/// directory's.
fn data_start(file: &File, header: u64) -> io::Result<Option<u64>> {
    let bytes = read_at(file, header, 30)?;
    let (Some(name), Some(extra)) = (u16_at(&bytes, 26), u16_at(&bytes, 28)) else {
        return Ok(None);
    };
    if !bytes.starts_with(b"PK\x03\x04") {
        return Ok(None);
    }
    Ok(header.checked_add(30 + u64::from(name) + u64::from(extra)))
}
