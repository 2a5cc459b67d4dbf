//! Records traces: of a test, by `go test`; of a running program, from its `/debug/pprof/trace`.
//!
//! Nothing here runs unless a person asked for a recording. What is recorded is written to a file of
//! ours beside the target, which only its owner may read, and takes the target's place when it is
//! done: whoever watches the target sees one whole trace after another.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::traces::shown;

mod go_test;
mod url;

pub use go_test::Test;
pub use url::{Endpoint, MAX_SECONDS};

/// The name of a trace where none was asked for.
pub const DEFAULT_NAME: &str = "trace.out";
/// What every trace begins with.
const MAGIC: &[u8] = b"go 1.";

/// What was recorded.
#[derive(Debug)]
pub struct Recorded {
    /// The trace.
    pub path: PathBuf,
    /// How long the file is, in bytes.
    pub bytes: u64,
    /// What a person must know of it: the test failed, the connection broke.
    pub warning: Option<String>,
}

/// How a recording goes on.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A line that `go test` said.
    Line(&'a str),
    /// Nothing new, and it is not over.
    GoesOn,
    /// How many bytes of the trace have come; told several times a second, whatever they are.
    Bytes(u64),
}

/// Why there is no trace. Its text says what is wrong and what to do.
#[derive(Debug)]
pub enum RecordError {
    /// Somebody asked to stop.
    Cancelled,
    /// A sentence for a person.
    Failed(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Cancelled => f.write_str("the recording was cancelled"),
            RecordError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RecordError {}

/// Ends all recordings and takes away what they have written, for a process that is about to end.
pub fn end_all() {
    go_test::end_all();
    for part in std::mem::take(&mut *parts()) {
        let _ = std::fs::remove_file(part);
    }
}

/// The files that recordings write to.
fn parts() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static PARTS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed<T>(why: impl Into<String>) -> Result<T, RecordError> {
    Err(RecordError::Failed(why.into()))
}

/// The file that a trace goes to, and the one it is written to until it is whole.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    /// Until it is kept.
    part: Option<NamedTempFile>,
}

impl Target {
    /// Makes the file beside `path`. What stands at `path` must be nothing, or a trace: no slip of
    /// the hand may cost a source file.
    fn new(path: PathBuf) -> Result<Target, RecordError> {
        let name = shown(&path);
        let is_ours = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return failed(format!("{name}: cannot be written: {error}")),
            Ok(meta) if !meta.is_file() => {
                return failed(format!("{name}: this is no regular file (name another one)"));
            }
            Ok(meta) => meta.len() == 0 || begins_as_trace(&path),
        };
        if !is_ours {
            return failed(format!(
                "{name}: there is a file that is no trace, and it stays (name another one)"
            ));
        }
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        };
        // Its name fits no glob for traces; its mode is 0600.
        let part = tempfile::Builder::new().prefix(".waitline-").suffix(".part").tempfile_in(dir);
        match part {
            Ok(part) => {
                parts().insert(part.path().to_owned());
                Ok(Target { path, part: Some(part) })
            }
            Err(error) => failed(format!("{}: cannot be written to: {error}", shown(dir))),
        }
    }

    /// Where the trace is written until it is whole.
    fn part(&self) -> &Path {
        self.part.as_ref().map_or(&self.path, NamedTempFile::path)
    }

    /// The file to write to.
    fn open(&self) -> Result<File, RecordError> {
        let file = self.part.as_ref().map(NamedTempFile::reopen);
        match file {
            Some(Ok(file)) => Ok(file),
            Some(Err(error)) => failed(format!("the trace cannot be written: {error}")),
            None => failed("internal error: the trace is kept already"),
        }
    }

    /// Puts what was written in its place.
    fn keep(mut self, warning: Option<String>) -> Result<Recorded, RecordError> {
        let bytes = self.part().metadata().map_or(0, |meta| meta.len());
        parts().remove(self.part());
        let path = self.path.clone();
        match self.part.take().map(|part| part.persist(&path)) {
            Some(Err(error)) => {
                failed(format!("{}: cannot be written: {}", shown(&path), error.error))
            }
            _ => Ok(Recorded { path, bytes, warning }),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            parts().remove(part.path());
        }
    }
}

fn begins_as_trace(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == MAGIC
}

/// A line of somebody else's text for a message: harmless, and not too long.
fn quoted(line: &str) -> String {
    const MOST: usize = 200;
    let line = ide::text::plain(line.trim());
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_trace_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("main.go"), "package main\n").unwrap();
        std::fs::write(path("old.trace"), "go 1.26 trace\0\0\0").unwrap();
        std::fs::write(path("empty"), "").unwrap();
        for (name, may) in
            [("main.go", false), (".", false), ("old.trace", true), ("empty", true), ("new", true)]
        {
            assert_eq!(Target::new(path(name)).is_ok(), may, "{name}");
        }
        assert!(Target::new(path("no/such/dir")).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left behind");
        let target = Target::new(path("old.trace")).unwrap();
        std::fs::write(target.part(), "go 1.27 trace\0\0\0new").unwrap();
        assert_eq!(target.keep(None).unwrap().bytes, 19);
        assert!(std::fs::read(path("old.trace")).unwrap().ends_with(b"new"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let mode = path("old.trace").metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            symlink(path("main.go"), path("link")).unwrap();
            assert!(Target::new(path("link")).is_err());
        }
    }
}
