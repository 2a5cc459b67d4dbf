//! One kept file: how it is written, and what of it is believed.
//!
//! ```text
//! MAGIC (8) | length of the head (4) | SHA-256 of the head (32) | head | analysis | judgements ...
//! ```
//!
//! The head names the trace and has a hash for each part behind it; a part is looked at only when it is
//! wanted, and only after its hash. Hashes find what was damaged. They do not find what was made up:
//! that is the work of `ide`, which refuses whatever no trace can be.

use std::fs::File;
use std::io::{self, Write};

use mapped::Mapped;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The first bytes. The last one counts changes of this form; what the parts are made of changes with
/// the program, whose build is in a file's name.
const MAGIC: &[u8; 8] = b"WLKEPT\n\x01";
/// What comes before the head.
const BEFORE_HEAD: usize = MAGIC.len() + 4 + 32;
/// The largest head, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// The largest file, in bytes: one that is larger is neither written nor read.
pub(super) const MAX_FILE: u64 = 64 << 20;

/// A hash of something.
pub(super) type Hash = [u8; 32];

pub(super) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// What stands first in a file: which trace it is of, and where the rest is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// What identifies the trace: see `Place`.
    pub(super) identity: Vec<u8>,
    /// What the trace was found in.
    pub(super) inside: Vec<String>,
    /// How much memory its load took, in bytes.
    pub(super) memory: u64,
    analysis: Part,
    judgements: Vec<(Hash, Part)>,
}

/// A stretch of the file behind the head.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Part {
    from: u64,
    to: u64,
    hash: Hash,
}

/// What is to be written.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) identity: Vec<u8>,
    pub(super) inside: Vec<String>,
    pub(super) memory: u64,
    pub(super) analysis: &'a [u8],
    /// By the hash of their question.
    pub(super) judgements: Vec<(Hash, &'a [u8])>,
}

impl Whole<'_> {
    /// Writes it.
    pub(super) fn write(self, out: &mut impl Write) -> io::Result<()> {
        let mut at = 0;
        let mut part = |bytes: &[u8]| {
            let from = at;
            at += bytes.len() as u64;
            Part { from, to: at, hash: hash(bytes) }
        };
        let head = Head {
            identity: self.identity,
            inside: self.inside,
            memory: self.memory,
            analysis: part(self.analysis),
            judgements: self.judgements.iter().map(|(key, bytes)| (*key, part(bytes))).collect(),
        };
        let head = postcard::to_stdvec(&head).map_err(io::Error::other)?;
        let all = (BEFORE_HEAD + head.len()) as u64 + at;
        if head.len() > MAX_HEAD || all > MAX_FILE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        out.write_all(MAGIC)?;
        out.write_all(&(head.len() as u32).to_le_bytes())?;
        out.write_all(&hash(&head))?;
        out.write_all(&head)?;
        out.write_all(self.analysis)?;
        self.judgements.iter().try_for_each(|(_, bytes)| out.write_all(bytes))
    }
}

/// A kept file that is open.
#[derive(Debug)]
pub(super) struct Kept {
    map: Mapped,
    pub(super) head: Head,
    /// Where the parts begin.
    parts: usize,
}

impl Kept {
    /// Reads the head. `None` if the file is none of these.
    pub(super) fn open(file: &File) -> Option<Kept> {
        let len = file.metadata().ok()?.len();
        if len > MAX_FILE {
            return None;
        }
        let map = Mapped::new(file, usize::try_from(len).ok()?).ok()?;
        let bytes = map.bytes();
        let rest = bytes.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (hashed, rest) = rest.split_first_chunk::<32>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let head = rest.get(..length).filter(|_| length <= MAX_HEAD)?;
        if hash(head) != *hashed {
            return None;
        }
        let (head, behind) = postcard::take_from_bytes::<Head>(head).ok()?;
        let is_plain = |text: &String| !text.chars().any(char::is_control);
        if !behind.is_empty() || !head.inside.iter().all(is_plain) {
            return None;
        }
        Some(Kept { parts: BEFORE_HEAD + length, map, head })
    }

    fn part(&self, part: &Part) -> Option<&[u8]> {
        let parts = self.map.bytes().get(self.parts..)?;
        let (from, to) = (usize::try_from(part.from).ok()?, usize::try_from(part.to).ok()?);
        parts.get(from..to).filter(|bytes| hash(bytes) == part.hash)
    }

    /// The trace, but for the lives of its goroutines.
    pub(super) fn analysis(&self) -> Option<&[u8]> {
        self.part(&self.head.analysis)
    }

    /// The answer to a question.
    pub(super) fn judgement(&self, key: &Hash) -> Option<&[u8]> {
        let (_, part) = self.head.judgements.iter().find(|(of, _)| of == key)?;
        self.part(part)
    }

    /// All answers, the oldest first.
    pub(super) fn judgements(&self) -> impl Iterator<Item = (Hash, &[u8])> {
        self.head.judgements.iter().filter_map(|(key, part)| Some((*key, self.part(part)?)))
    }
}
