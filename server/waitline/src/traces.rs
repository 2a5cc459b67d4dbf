//! Trace files: read in blocks, checked for change, made into analyses.
//!
//! A trace is never mapped into memory: `go test -trace` truncates and rewrites the same file, and
//! a map of it would then end the process. Nor are two versions of a file ever mixed: what was read
//! is thrown away when the file changed meanwhile.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use exectrace::Reader;
use ide::Analysis;
use ide::analysis::{Builder, Unfinished};
use ide::summary::{Keep, Summarizer, Summary, Summed};

use crate::cores::Cores;
use crate::paths::canonical;
use crate::unwrap::{Unwrapped, unwrap};

mod stamp;

pub use stamp::Stamp;

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
    Memory(u64),
    Cancelled,
    NoSuchTrace(u32),
    Wrapped(io::Error),
}

impl LoadError {
    /// That of a load which somebody stopped.
    pub fn cancelled(path: PathBuf) -> LoadError {
        LoadError { path, why: Why::Cancelled }
    }

    /// Somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.why, Why::Cancelled)
    }

    /// The file was written while it was read.
    pub fn is_changing(&self) -> bool {
        matches!(self.why, Why::Changing)
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
            Why::Memory(most) => write!(
                f,
                "the trace takes more than the {} of memory that a trace may take (raise limits.memory, or record less: two to ten seconds answer most questions)",
                ide::units::bytes(*most)
            ),
            Why::Cancelled => f.write_str("loading was cancelled"),
            Why::NoSuchTrace(n) => write!(
                f,
                "the file holds {n} {} only (name the file without its number to see the first)",
                if *n == 1 { "trace" } else { "traces" }
            ),
            Why::Wrapped(error) => write!(f, "{error}"),
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

/// `trace.out#2` is the second trace in `trace.out`, where no file has that very name.
fn file_and_number(path: &Path) -> (PathBuf, u32) {
    let whole = || (path.to_owned(), 1);
    let Some((file, number)) = path.to_str().and_then(|p| p.rsplit_once('#')) else {
        return whole();
    };
    match number.parse() {
        Ok(number @ 1..=9999) if !path.exists() => (PathBuf::from(file), number),
        _ => whole(),
    }
}

/// The name of the trace that follows this one in the same file.
pub fn next(path: &Path) -> PathBuf {
    let (mut name, number) = file_and_number(path);
    name.as_mut_os_string().push(format!("#{}", u64::from(number) + 1));
    name
}

/// A trace that was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// Where from.
    pub path: PathBuf,
    /// Which version of that file.
    pub stamp: Stamp,
    /// What the trace was found in, the outermost first: nothing, if the file is one.
    pub inside: Vec<String>,
    /// What is known of it.
    pub analysis: Analysis,
    /// The most memory that it was thought to take while it was loaded, in bytes, with its verdicts; 0
    /// where nobody looked.
    pub memory: u64,
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
            What::Figures => builder.on(Arc::new(Cores)),
            What::Lives => builder.with_stays(),
        }
    }
}

/// Something that is made of a trace's bytes.
trait Make: Sized {
    type Made;
    fn starts_at(&mut self, offset: u64);
    fn space(&mut self, n: usize) -> &mut [u8];
    fn filled(&mut self, n: usize) -> bool;
    fn n_bytes(&self) -> u64;
    /// About how much memory it takes by now, and in the end if no more came, in bytes; 0 where it is
    /// less than what is there already.
    fn memory(&self) -> (u64, u64) {
        (0, 0)
    }
    /// The rest takes too much memory. `false`: nothing can be made of what came so far.
    fn cut(&mut self, _why: String) -> bool {
        true
    }
    /// There are more bytes, and they are not given.
    fn stop(&mut self) {}
    fn finish(self) -> Result<Self::Made, Unfinished>;
    /// What is known of the trace itself.
    fn analysis(made: &mut Self::Made) -> &mut Analysis;
}

macro_rules! make {
    ($maker:ty, $made:ty, |$of:ident| $analysis:expr, { $($more:item)* }) => {
        impl Make for $maker {
            type Made = $made;
            fn starts_at(&mut self, offset: u64) {
                self.starts_at(offset);
            }
            fn space(&mut self, n: usize) -> &mut [u8] {
                self.space(n)
            }
            fn filled(&mut self, n: usize) -> bool {
                self.filled(n)
            }
            fn n_bytes(&self) -> u64 {
                self.n_bytes()
            }
            fn finish(self) -> Result<$made, Unfinished> {
                self.finish()
            }
            fn analysis($of: &mut $made) -> &mut Analysis {
                $analysis
            }
            $($more)*
        }
    };
}

make!(Builder, Analysis, |made| made, {
    fn memory(&self) -> (u64, u64) {
        (self.memory() as u64, self.memory_judged() as u64)
    }
    fn cut(&mut self, why: String) -> bool {
        self.cut(why)
    }
    fn stop(&mut self) {
        self.stop();
    }
});
make!(Summarizer, Summed, |made| &mut made.analysis, {});

/// What a load must keep to.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most memory that the trace may take, in bytes: figures, verdicts and all.
    pub memory: u64,
    /// Whether to wait for a file that changes while it is read. Who watches the file knows better
    /// when it is quiet.
    pub waits: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { memory: u64::MAX, waits: true }
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
    progress: impl FnMut(u64, u64),
) -> Result<Loaded, LoadError> {
    load_within(path, what, Bounds::default(), cancel, progress)
}

/// Loads a trace within bounds. Of one that takes more memory, as much is loaded as there is room
/// for.
///
/// # Errors
/// There is nothing to show: see [`LoadError`].
pub fn load_within(
    path: &Path,
    what: What,
    bounds: Bounds,
    cancel: &AtomicBool,
    progress: impl FnMut(u64, u64),
) -> Result<Loaded, LoadError> {
    let new = |limit: Option<(u32, exectrace::Problem)>| {
        what.of(limit.map_or_else(Builder::new, |(n, problem)| Builder::up_to(n, problem)))
    };
    let Read { stamp, inside, memory, made } = load_with(path, new, bounds, cancel, progress)?;
    Ok(Loaded { path: path.to_owned(), stamp, inside, analysis: made, memory })
}

/// Sums up a trace's goroutines, regions and tasks, in all or only the first `generations`. What comes with it has no figures of lines.
///
/// # Errors
/// As with [`load`].
pub fn summarize(
    path: &Path,
    keep: Keep,
    generations: Option<u32>,
    cancel: &AtomicBool,
    progress: impl FnMut(u64, u64),
) -> Result<(Loaded, Summary), LoadError> {
    let new = |_| Summarizer::new(keep).up_to(generations);
    let read = load_with(path, new, Bounds::default(), cancel, progress)?;
    let Read { stamp, inside, memory, made: Summed { analysis, summary } } = read;
    Ok((Loaded { path: path.to_owned(), stamp, inside, analysis, memory }, summary))
}

/// What was read: the version of the file, what the trace was found in, how much memory it took, and
/// what was made of it.
struct Read<M> {
    stamp: Stamp,
    inside: Vec<String>,
    memory: u64,
    made: M,
}

fn load_with<M: Make>(
    path: &Path,
    new: impl Fn(Option<(u32, exectrace::Problem)>) -> M,
    bounds: Bounds,
    cancel: &AtomicBool,
    mut progress: impl FnMut(u64, u64),
) -> Result<Read<M::Made>, LoadError> {
    let fail = |why| LoadError { path: path.to_owned(), why };
    let retries: &[Duration] = if bounds.waits { &RETRIES } else { &[] };
    for pause in retries.iter().map(Some).chain([None]) {
        match attempt(path, &new, bounds.memory, cancel, &mut progress) {
            Ok(Some(made)) => return Ok(made),
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
fn attempt<M: Make>(
    path: &Path,
    new: &impl Fn(Option<(u32, exectrace::Problem)>) -> M,
    memory: u64,
    cancel: &AtomicBool,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Option<Read<M::Made>>, Why> {
    let mut builder = new(None);
    loop {
        let Opened { mut stream, file, offset } = open_file(path)?;
        builder.starts_at(offset);
        let stamp = Stamp::of(&file.metadata().map_err(Why::Io)?);
        let unchanged = |file: &File| -> bool {
            file.metadata().is_ok_and(|m| Stamp::of(&m) == stamp)
                && Stamp::at(path).is_some_and(|s| s == stamp)
        };
        let mut damage = None;
        let mut checked = 0;
        let mut read = 0;
        let mut most = 0;
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Why::Cancelled);
            }
            let n = match stream.read(builder.space(BLOCK)) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_damage(&error) && !stream.inside.is_empty() => {
                    // What was unpacked before the damage stands.
                    damage = Some(error);
                    0
                }
                Err(error) => return Err(Why::Io(error)),
            };
            read += n as u64;
            if n == 0 || !builder.filled(n) {
                break;
            }
            progress(stream.n_raw(), stamp.len());
            let (takes, will_take) = builder.memory();
            most = most.max(will_take);
            if will_take > memory {
                let why = format!(
                    "the rest takes more than the {} of memory that a trace may take (raise limits.memory, or record less)",
                    ide::units::bytes(memory)
                );
                if !builder.cut(why) {
                    return Err(Why::Memory(memory));
                }
                // What is read on for is only how long the trace is.
                if takes > memory {
                    builder.stop();
                    break;
                }
            }
            if read - checked >= CHECK_EVERY {
                checked = read;
                if !unchanged(&file) {
                    return Ok(None);
                }
            }
        }
        let bytes = if stream.inside.is_empty() { stamp.len() } else { builder.n_bytes() };
        let finished = builder.finish();
        if !unchanged(&file) {
            return Ok(None);
        }
        builder = match finished {
            Ok(mut made) => {
                let analysis = M::analysis(&mut made);
                analysis.bytes = bytes;
                if let Some(error) = damage {
                    let wrapping = stream.inside.join(", ");
                    let what = format!("the file cannot be unpacked further ({wrapping}: {error})");
                    analysis.problem =
                        Some(exectrace::Problem { offset: bytes, generation: None, what });
                }
                return Ok(Some(Read { stamp, inside: stream.inside, memory: most, made }));
            }
            Err(Unfinished::Again { generations, problem }) => new(Some((generations, problem))),
            Err(Unfinished::Error(error)) => return Err(Why::NotATrace(error)),
            Err(Unfinished::Nothing(problem)) => return Err(Why::Nothing(problem, bytes)),
        };
    }
}

/// A trace file, opened.
#[derive(Debug)]
pub struct Opened {
    /// The bytes of the trace.
    pub stream: Unwrapped,
    /// Where the trace begins in what the file holds.
    pub offset: u64,
    /// The file itself, to look at whether it changed.
    file: File,
}

/// Opens a trace file for reading, unpacked and at the trace that was asked for.
///
/// # Errors
/// There is none, or it is none.
pub fn open(path: &Path) -> Result<Opened, LoadError> {
    open_file(path).map_err(|why| LoadError { path: path.to_owned(), why })
}

/// A trace's file and its version, without reading any of it; `None` if it is none, or changes.
pub(crate) fn look(path: &Path) -> Option<(File, Stamp)> {
    let (path, _) = file_and_number(path);
    let file = open_plain(&path).ok()?;
    let stamp = Stamp::of(&file.metadata().ok()?);
    (Stamp::at(&path).as_ref() == Some(&stamp)).then_some((file, stamp))
}

/// Where a trace's file really is, and which of the traces in it is meant.
pub(crate) fn real(path: &Path) -> Option<(PathBuf, u32)> {
    let (path, number) = file_and_number(path);
    Some((canonical(&path).ok()?, number))
}

/// Fills `bytes` with those of a file from `offset` on.
///
/// # Errors
/// It has less of them, or cannot be read.
pub(crate) fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    file.seek(io::SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// All bytes of a trace file, for what needs them at once.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let fail = |why| LoadError { path: path.to_owned(), why };
    let mut bytes = Vec::new();
    let mut opened = open_file(path).map_err(fail)?;
    opened.stream.read_to_end(&mut bytes).map_err(|e| fail(Why::Io(e)))?;
    Ok(bytes)
}

fn open_file(path: &Path) -> Result<Opened, Why> {
    let (path, number) = file_and_number(path);
    let open = || -> Result<(Unwrapped, File), Why> {
        let file = open_plain(&path)?;
        let same = file.try_clone().map_err(Why::Io)?;
        Ok((unwrap(file).map_err(Why::Wrapped)?, same))
    };
    let mut offset = 0;
    for before in 1..number {
        // Where a trace ends, only reading it tells.
        let (mut stream, _) = open()?;
        skip(&mut stream, offset).map_err(Why::Io)?;
        offset = next_trace(&mut stream, offset)?.ok_or(Why::NoSuchTrace(before))?;
    }
    let (mut stream, file) = open()?;
    skip(&mut stream, offset).map_err(Why::Io)?;
    Ok(Opened { stream, offset, file })
}

/// Something packed ends too early, or is damaged; nothing of that is the disk's fault.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput)
}

fn skip(stream: &mut Unwrapped, bytes: u64) -> io::Result<()> {
    io::copy(&mut stream.take(bytes), &mut io::sink()).map(|_| ())
}

/// Where the trace that follows the one at `offset` begins.
fn next_trace(stream: &mut Unwrapped, offset: u64) -> Result<Option<u64>, Why> {
    let mut reader = Reader::new();
    reader.starts_at(offset);
    while !reader.is_done() {
        let n = stream.read(reader.space(BLOCK)).map_err(Why::Io)?;
        reader.filled(n);
        if n == 0 {
            reader.finish();
        }
        while let Some(generation) = reader.next().map_err(Why::NotATrace)? {
            reader.recycle(generation);
        }
    }
    Ok(reader.next_trace())
}

/// Opens a regular file as it is.
pub(crate) fn open_regular(path: &Path) -> Option<File> {
    open_plain(path).ok()
}

fn open_plain(path: &Path) -> Result<File, Why> {
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
