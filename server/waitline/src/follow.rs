//! A trace file that is still being written: read as it grows, each byte once.
//!
//! Only a plain file is followed, in which generations come one after the other. What was read is the
//! beginning of the same version of the file still: before bytes are taken for the next ones, and after, the
//! file is the same and no shorter, and its head and the last bytes that were read stand as they did. Two
//! traces share the header and hardly a byte behind it, for the first batch has a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use exectrace::{HEADER_LEN, Version};
use ide::analysis::Builder;

use crate::traces::{self, Loaded, Stamp};

/// How much is read at a time, in bytes: between two, somebody may look whether it is wanted still.
const BLOCK: usize = 1 << 20;
/// How much is compared of the head, and of the last bytes that were read.
const COMPARED: usize = 4 << 10;

/// What stands at two places of one version of a file.
#[derive(Debug, Default)]
struct Mark {
    head: Vec<u8>,
    last: Vec<u8>,
    /// Behind the last bytes.
    until: u64,
}

impl Mark {
    /// That of the first `until` bytes.
    fn of(file: &File, until: u64) -> Option<Mark> {
        let n = until.min(COMPARED as u64);
        let mut mark = Mark { head: vec![0; n as usize], last: vec![0; n as usize], until };
        (read_whole(file, &mut mark.head, 0) && read_whole(file, &mut mark.last, until - n))
            .then_some(mark)
    }

    fn stands_in(&self, file: &File) -> bool {
        let same = Mark::of(file, self.until);
        same.is_some_and(|same| same.head == self.head && same.last == self.last)
    }
}

/// Whether a file only grew since it was looked at.
#[derive(Debug)]
pub(crate) struct Seen {
    stamp: Stamp,
    mark: Mark,
}

impl Seen {
    /// A look at this version of a file; `None` if it is another one now, or is none.
    pub(crate) fn at(path: &Path, stamp: &Stamp) -> Option<Seen> {
        let file = traces::open_regular(path)?;
        let mark = Mark::of(&file, stamp.len())?;
        (Stamp::at(path).as_ref() == Some(stamp)).then(|| Seen { stamp: stamp.clone(), mark })
    }

    /// Which version was looked at.
    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Whether that version is the beginning of this one.
    pub(crate) fn has_grown(&self, path: &Path, now: &Stamp) -> bool {
        now.is_of_same_file(&self.stamp)
            && now.len() > self.stamp.len()
            && traces::open_regular(path).is_some_and(|file| self.mark.stands_in(&file))
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is nothing new.
    Same,
    /// More is read.
    Read,
    /// More is read, and a generation is whole.
    Generation,
    /// It is another file now, or another version, and nothing of what was read counts for it.
    Replaced,
    /// What was read stands, and no more is read: it is broken behind that, or takes too much memory.
    Over,
}

/// A file that is read as it grows.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    file: File,
    builder: Builder,
    mark: Mark,
    /// The last version that was looked at.
    stamp: Stamp,
    is_over: bool,
    /// Takes too much memory: as much as this, in bytes.
    is_full: Option<u64>,
}

impl Follower {
    /// Begins at a file's beginning. `None`: there is none, or none that can be followed, as one that is
    /// packed, the second trace in a file, or one of before Go 1.22, whose tables are at its end.
    pub(crate) fn open(path: &Path) -> Option<Follower> {
        let file = traces::open_regular(path)?;
        let stamp = Stamp::of(&file.metadata().ok()?);
        let mut header = [0; HEADER_LEN];
        let is_trace = read_whole(&file, &mut header, 0)
            && Version::from_header(&header).is_ok_and(|version| !version.is_v1());
        (is_trace && Stamp::at(path).is_some_and(|now| now.is_of_same_file(&stamp))).then(|| {
            Follower {
                path: path.to_owned(),
                file,
                builder: Builder::new(),
                mark: Mark::default(),
                stamp,
                is_over: false,
                is_full: None,
            }
        })
    }

    /// How many bytes are read so far: all of them once.
    #[cfg(test)]
    pub(crate) fn n_read(&self) -> u64 {
        self.mark.until
    }

    /// How many generations are whole.
    pub(crate) fn n_generations(&self) -> u32 {
        self.builder.n_generations()
    }

    /// Whether it goes on behind the last generation that is whole.
    pub(crate) fn goes_on(&self) -> bool {
        self.builder.has_more()
    }

    /// Whether there is more of the same version than was read, as far as its length tells.
    pub(crate) fn has_more(&self, now: &Stamp) -> bool {
        now.is_of_same_file(&self.stamp) && now.len() > self.mark.until
    }

    /// Reads a piece more, if there is one. The trace may take so much memory, in bytes.
    pub(crate) fn step(&mut self, memory: u64) -> Step {
        let Some(now) = Stamp::at(&self.path) else { return Step::Replaced };
        if now == self.stamp && now.len() == self.mark.until {
            return if self.is_over { Step::Over } else { Step::Same };
        }
        self.stamp = now;
        if !self.is_same() {
            return Step::Replaced;
        }
        if self.is_over {
            return Step::Over;
        }
        if self.stamp.len() == self.mark.until {
            return Step::Same; // it was touched
        }
        let n = (self.stamp.len() - self.mark.until).min(BLOCK as u64) as usize;
        let space = self.builder.space(n);
        let Ok(n) = read_at(&self.file, space, self.mark.until) else { return Step::Replaced };
        // What came may be of a version that is written since.
        self.remember(n);
        match Stamp::at(&self.path) {
            Some(now) => self.stamp = now,
            None => return Step::Replaced,
        }
        if !self.is_same() {
            return Step::Replaced;
        }
        let before = self.builder.n_generations();
        self.is_over = !self.builder.filled(n);
        if self.builder.memory_judged() as u64 > memory {
            (self.is_over, self.is_full) = (true, Some(memory));
        }
        match self.builder.n_generations() > before {
            true => Step::Generation,
            false if self.is_over => Step::Over,
            false if n == 0 => Step::Same,
            false => Step::Read,
        }
    }

    /// The `n` bytes that now stand in the builder's space are read.
    fn remember(&mut self, n: usize) {
        let bytes = &self.builder.space(n)[..n];
        let mark = &mut self.mark;
        let missing = COMPARED - mark.head.len();
        mark.head.extend_from_slice(&bytes[..missing.min(n)]);
        mark.last.extend_from_slice(&bytes[n.saturating_sub(COMPARED)..]);
        let too_much = mark.last.len().saturating_sub(COMPARED);
        mark.last.drain(..too_much);
        mark.until += n as u64;
    }

    fn is_same(&self) -> bool {
        let opened = self.file.metadata().map(|meta| Stamp::of(&meta));
        opened.is_ok_and(|opened| opened.is_of_same_file(&self.stamp))
            && self.stamp.len() >= self.mark.until
            && self.mark.stands_in(&self.file)
    }

    /// What the generations that are whole by now tell, marked as partial.
    pub(crate) fn so_far(&mut self) -> Option<Loaded> {
        let why = match self.is_full {
            Some(most) => format!(
                "the rest takes more than the {} of memory that a trace may take (raise limits.memory, or record less)",
                ide::units::bytes(most)
            ),
            None => "the file is still being written".to_owned(),
        };
        let mut analysis = self.builder.so_far(why)?;
        analysis.bytes = self.stamp.len();
        let (path, stamp) = (self.path.clone(), self.stamp.clone());
        Some(Loaded { path, stamp, inside: Vec::new(), analysis, memory: 0 })
    }
}

fn read_whole(file: &File, bytes: &mut [u8], at: u64) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        match read_at(file, &mut bytes[done..], at + done as u64) {
            Ok(n) if n > 0 => done += n,
            _ => return false,
        }
    }
    true
}

/// Reads at a place, wherever others stand in the file.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    #[cfg(unix)]
    loop {
        match std::os::unix::fs::FileExt::read_at(file, bytes, at) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, bytes, at); // elsewhere nothing tells that it is the same file
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, unix))]
mod tests;
