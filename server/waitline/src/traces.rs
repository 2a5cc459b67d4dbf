//! Trace files: read in blocks, checked for change, made into analyses.
//!
//! A trace is never mapped into memory: `go test -trace` truncates and rewrites the same file, and
//! a map of it would then end the process. Nor are two versions of a file ever mixed: what was read
//! is thrown away when the file changed meanwhile.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ide::Analysis;
use ide::analysis::{Builder, Unfinished};

/// How much is read at a time, in bytes.
const BLOCK: usize = 1 << 20;
/// How much is read between two looks at whether the file changed, in bytes.
const CHECK_EVERY: u64 = 64 << 20;
/// How long to wait before a file that changed is read again.
const RETRIES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// How long a pause goes on after somebody asked to stop, at most.
const CANCEL_WITHIN: Duration = Duration::from_millis(50);

/// Why a trace could not be loaded. Its text says what, where and what to do.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Missing,
    Folder,
    NotAFile,
    Io(io::Error),
    NotATrace(exectrace::Error),
    Nothing(Option<exectrace::Problem>, u64),
    Changing,
    Cancelled,
}

impl LoadError {
    /// Somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.why, Why::Cancelled)
    }

    /// The file may still become a trace: it is missing, empty, or being written.
    pub fn may_pass(&self) -> bool {
        match &self.why {
            Why::Missing | Why::Changing | Why::Nothing(..) => true,
            Why::NotATrace(error) => error.is_empty(),
            _ => false,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", shown(&self.path))?;
        match &self.why {
            Why::Missing => {
                f.write_str("no such file (record a trace with: go test -trace trace.out)")
            }
            Why::Folder => f.write_str("this is a folder (name a trace file in it)"),
            Why::NotAFile => {
                f.write_str("not a regular file (save the trace to a file and name that)")
            }
            Why::Io(error) => write!(f, "cannot be read: {error}"),
            Why::NotATrace(error) => write!(f, "{error}"),
            Why::Nothing(Some(problem), bytes) => write!(
                f,
                "no part of the trace can be used: {problem}; all {bytes} bytes are lost (record it again, and stop tracing before the program ends)"
            ),
            Why::Nothing(None, bytes) => write!(
                f,
                "the trace of {bytes} bytes holds no events (record it again, and stop tracing before the program ends)"
            ),
            Why::Changing => f.write_str(
                "the file keeps changing while it is read (try again when it is written)",
            ),
            Why::Cancelled => f.write_str("loading was cancelled"),
        }
    }
}

impl std::error::Error for LoadError {}

/// A path as a person may see it: without the control and direction characters that a name can hold.
pub fn shown(path: &Path) -> String {
    let is_harmful = |c: char| c.is_control() || ide::text::is_invisible(c);
    let path = path.to_string_lossy();
    path.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// What identifies one version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())
        };
        #[cfg(not(unix))]
        let inode = (0, 0, 0, 0);
        Stamp { len: meta.len(), modified: meta.modified().ok(), inode }
    }

    /// That of the file at `path` now; `None` if there is none.
    pub fn at(path: &Path) -> Option<Stamp> {
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|m| Stamp::of(&m))
    }

    /// How long the file is, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A trace that was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// Where from.
    pub path: PathBuf,
    /// Which version of that file.
    pub stamp: Stamp,
    /// What is known of it.
    pub analysis: Analysis,
}

/// What is to be known of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Sums by line.
    Figures,
    /// The life of every goroutine too, for verdicts and blame.
    Lives,
}

impl What {
    fn of(self, builder: Builder) -> Builder {
        match self {
            What::Figures => builder,
            What::Lives => builder.with_stays(),
        }
    }
}

/// Loads a trace. `progress` is told how many bytes of how many are read; `cancel` ends the load.
///
/// # Errors
/// There is nothing to show: see [`LoadError`].
pub fn load(
    path: &Path,
    what: What,
    cancel: &AtomicBool,
    mut progress: impl FnMut(u64, u64),
) -> Result<Loaded, LoadError> {
    let fail = |why| LoadError { path: path.to_owned(), why };
    for pause in RETRIES.iter().map(Some).chain([None]) {
        match attempt(path, what, cancel, &mut progress) {
            Ok(Some((stamp, analysis))) => {
                return Ok(Loaded { path: path.to_owned(), stamp, analysis });
            }
            Ok(None) => {} // it changed
            Err(why) => return Err(fail(why)),
        }
        let Some(mut left) = pause.copied() else { break };
        while !left.is_zero() {
            if cancel.load(Ordering::Relaxed) {
                return Err(fail(Why::Cancelled));
            }
            let some = left.min(CANCEL_WITHIN);
            std::thread::sleep(some);
            left -= some;
        }
    }
    Err(fail(Why::Changing))
}

/// One attempt. `None`: the file changed meanwhile.
fn attempt(
    path: &Path,
    what: What,
    cancel: &AtomicBool,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Option<(Stamp, Analysis)>, Why> {
    let mut builder = what.of(Builder::new());
    loop {
        let mut file = open_file(path)?;
        let stamp = Stamp::of(&file.metadata().map_err(Why::Io)?);
        let unchanged = |file: &File| -> bool {
            file.metadata().is_ok_and(|m| Stamp::of(&m) == stamp)
                && Stamp::at(path).is_some_and(|s| s == stamp)
        };
        let mut checked = 0;
        let mut read = 0;
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Why::Cancelled);
            }
            let n = match file.read(builder.space(BLOCK)) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Why::Io(error)),
            };
            read += n as u64;
            if n == 0 || !builder.filled(n) {
                break;
            }
            progress(read, stamp.len);
            if read - checked >= CHECK_EVERY {
                checked = read;
                if !unchanged(&file) {
                    return Ok(None);
                }
            }
        }
        let finished = builder.finish();
        if !unchanged(&file) {
            return Ok(None);
        }
        builder = match finished {
            Ok(mut analysis) => {
                analysis.bytes = stamp.len;
                return Ok(Some((stamp, analysis)));
            }
            Err(Unfinished::Again { generations, problem }) => {
                what.of(Builder::up_to(generations, problem))
            }
            Err(Unfinished::Error(error)) => return Err(Why::NotATrace(error)),
            Err(Unfinished::Nothing(problem)) => return Err(Why::Nothing(problem, stamp.len)),
        };
    }
}

/// Opens a trace file for reading.
///
/// # Errors
/// There is none, or it is none.
pub fn open(path: &Path) -> Result<File, LoadError> {
    open_file(path).map_err(|why| LoadError { path: path.to_owned(), why })
}

/// All bytes of a trace file, for what needs them at once.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let fail = |why| LoadError { path: path.to_owned(), why };
    let mut bytes = Vec::new();
    open_file(path).map_err(fail)?.read_to_end(&mut bytes).map_err(|e| fail(Why::Io(e)))?;
    Ok(bytes)
}

fn open_file(path: &Path) -> Result<File, Why> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Without it, a pipe in the trace's place would hold the load for ever.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Why::Missing,
        io::ErrorKind::IsADirectory => Why::Folder,
        _ if path.is_dir() => Why::Folder,
        _ => Why::Io(error),
    })?;
    let kind = file.metadata().map_err(Why::Io)?.file_type();
    if kind.is_dir() {
        return Err(Why::Folder);
    }
    if !kind.is_file() {
        return Err(Why::NotAFile);
    }
    Ok(file)
}
