//! `go test -trace`, for one package.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{DEFAULT_NAME, RecordError, Recorded, Step, Target, begins_as_trace, failed, quoted};
use crate::traces::shown;

/// How often a recording looks at whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How long what was told to stop may take; Go removes its temporary files then.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is waited for that a child of the test keeps open.
const LINGER: Duration = Duration::from_secs(1);
/// The most lines of output that are kept for a message.
const KEPT: usize = 200;

/// A test to record.
#[derive(Debug, Clone)]
pub struct Test {
    /// The folder in which a package is named.
    pub dir: PathBuf,
    /// One package: a folder, a file in it, or an import path.
    pub package: String,
    /// Which tests, as `go test -run` takes it; all of them if empty.
    pub run: String,
    /// More flags for `go test`.
    pub flags: Vec<String>,
    /// Where the trace goes; else `trace.out` in the package's folder.
    pub output: Option<PathBuf>,
}

/// What there is to run.
struct Package {
    /// Where Go is started.
    dir: PathBuf,
    /// How it is named there.
    name: String,
    /// The folder of its files.
    folder: PathBuf,
}

impl Test {
    /// Runs the test and keeps its trace, also that of a test that fails.
    ///
    /// # Errors
    /// There is no trace: see [`RecordError`].
    pub fn record(
        &self,
        cancel: &AtomicBool,
        step: &mut dyn FnMut(Step<'_>),
    ) -> Result<Recorded, RecordError> {
        let package = self.package(cancel)?;
        let output = match &self.output {
            Some(path) => self.dir.join(path),
            None => package.folder.join(DEFAULT_NAME),
        };
        let target = Target::new(output)?;
        // Go itself is started in the package's folder.
        let part = std::path::absolute(target.part());
        let part = part.map_err(|e| RecordError::Failed(format!("there is no folder: {e}")))?;
        let mut command = go(&package.dir);
        command.args(["test", "-count=1", "-trace"]).arg(&part);
        if !self.run.is_empty() {
            command.arg(format!("-run={}", self.run));
        }
        command.args(&self.flags).arg(&package.name);
        let said = run(command, cancel, step)?;
        if let Some(nothing) = said.nothing_ran(&package.name, &self.run) {
            return failed(nothing);
        }
        if !begins_as_trace(&part) {
            return failed(said.why_no_trace(&package.name));
        }
        let warning = (!said.is_success).then(|| said.why_failed());
        target.keep(warning)
    }

    /// Which package is meant.
    fn package(&self, cancel: &AtomicBool) -> Result<Package, RecordError> {
        let named = self.package.as_str();
        if named.is_empty() || named.starts_with('-') {
            return failed("name a package: a folder such as ./server, or an import path");
        }
        if named.contains("...") {
            return failed(format!(
                "{}: a trace is of one package (name one, without ...)",
                quoted(named)
            ));
        }
        // Without the `.` that a person writes before it.
        let path: PathBuf = self.dir.join(named).components().collect();
        let is_path = Path::new(named).is_absolute()
            || named.split(['/', '\\']).next().is_some_and(|first| matches!(first, "." | ".."));
        if path.is_dir() || is_path || path.is_file() {
            let folder = if path.is_file() { path.parent() } else { Some(path.as_path()) };
            let folder = folder.unwrap_or(&path).to_owned();
            if !folder.is_dir() {
                return failed(format!("{}: no such folder (name a package)", shown(&folder)));
            }
            // In its own folder it is of its own module, whatever others are around.
            return Ok(Package { dir: folder.clone(), name: ".".into(), folder });
        }
        let mut command = go(&self.dir);
        command.args(["list", "-f", "{{.Dir}}", named]);
        let said = run(command, cancel, &mut |_| {})?;
        match said.lines.back().filter(|_| said.is_success) {
            Some(folder) => Ok(Package {
                dir: self.dir.clone(),
                name: named.to_owned(),
                folder: PathBuf::from(folder),
            }),
            None => failed(format!(
                "{}: Go knows no such package: {}",
                quoted(named),
                said.first_trouble()
            )),
        }
    }
}

fn go(dir: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that the test's own children end with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// What came of running Go.
struct Said {
    is_success: bool,
    /// The last lines.
    lines: VecDeque<String>,
}

impl Said {
    fn has(&self, part: &str) -> bool {
        self.lines.iter().any(|line| line.contains(part))
    }

    /// The first line that tells of trouble rather than of where.
    fn first_trouble(&self) -> String {
        let is_frame = |line: &&String| {
            let line = line.trim();
            line.is_empty()
                || line.starts_with('#')
                || line.starts_with("FAIL")
                || line.starts_with("===")
                || line.starts_with("ok ")
                || line.starts_with("go: downloading ")
        };
        let first = self.lines.iter().find(|line| !is_frame(line));
        first.map_or_else(|| "it said nothing".to_owned(), |line| quoted(line))
    }

    /// Why the test left no trace worth keeping, if nothing of it ran.
    fn nothing_ran(&self, package: &str, run: &str) -> Option<String> {
        let package = if package == "." { "the package" } else { package };
        if self.has("[no test files]") {
            return Some(format!("{} has no tests to record", quoted(package)));
        }
        let nothing = self.has("no tests to run");
        let benchmarks = self.lines.iter().any(|line| line.starts_with("Benchmark"));
        (nothing && !benchmarks).then(|| match run {
            "" => format!("{} has no tests to record", quoted(package)),
            run => {
                format!("no test of {} is called {} (nothing ran)", quoted(package), quoted(run))
            }
        })
    }

    fn why_no_trace(&self, package: &str) -> String {
        let package = if package == "." { "the package" } else { package };
        if self.has("[build failed]") || self.has("[setup failed]") {
            return format!(
                "{} or its test does not build: {}",
                quoted(package),
                self.first_trouble()
            );
        }
        if self.is_success {
            return "go test ended without a trace (was it given other flags for one?)".into();
        }
        if self.has("cannot find main module") || self.has("go.mod file not found") {
            return format!(
                "there is no Go module here (run this in the folder of your module, or below): {}",
                self.first_trouble()
            );
        }
        match self.lines.iter().find(|line| line.starts_with("panic: ")) {
            Some(panic) => {
                format!("the test ended before its trace was written: {}", quoted(panic))
            }
            None => format!("go test failed: {}", self.first_trouble()),
        }
    }

    fn why_failed(&self) -> String {
        let failed: Vec<String> = self
            .lines
            .iter()
            .filter_map(|line| line.trim_start().strip_prefix("--- FAIL: "))
            .map(|name| quoted(name.split(' ').next().unwrap_or(name)))
            .collect();
        match failed.split_first() {
            Some((first, [])) => format!("{first} failed: the trace is of a run that failed"),
            Some((first, more)) => {
                format!("{first} and {} more failed: the trace is of a run that failed", more.len())
            }
            None => format!("go test failed, and left a trace: {}", self.first_trouble()),
        }
    }
}

/// Runs a command to its end, with its output line by line.
fn run(
    mut command: Command,
    cancel: &AtomicBool,
    step: &mut dyn FnMut(Step<'_>),
) -> Result<Said, RecordError> {
    let child = command.spawn().map_err(|error| {
        RecordError::Failed(match error.kind() {
            std::io::ErrorKind::NotFound => {
                "there is no go on PATH: install Go, or start the editor from a shell that has it"
                    .into()
            }
            _ => format!("go cannot be started: {error}"),
        })
    })?;
    let mut running = Running::new(child);
    let (send, lines) = channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        running.child.stdout.take().map(|pipe| Box::new(pipe) as _),
        running.child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for pipe in pipes.into_iter().flatten() {
        let send: Sender<String> = send.clone();
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            // A line without an end must not take all memory.
            while let Ok(1..) = (&mut pipe).take(1 << 16).read_until(b'\n', &mut line) {
                let text = String::from_utf8_lossy(&line);
                if send.send(text.trim_end_matches(['\r', '\n']).to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
    drop(send);
    let mut kept = VecDeque::new();
    let mut ended: Option<(bool, Instant)> = None;
    let mut is_all = false;
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                step(Step::Line(&line));
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => step(Step::GoesOn),
            Err(RecvTimeoutError::Disconnected) => {
                is_all = true;
                std::thread::sleep(LOOK / 5);
            }
        }
        if cancel.load(Ordering::Relaxed) {
            return Err(RecordError::Cancelled); // and what runs is ended
        }
        if ended.is_none()
            && let Ok(Some(status)) = running.child.try_wait()
        {
            ended = Some((status.success(), Instant::now()));
        }
        // All has been read, or somebody else holds the pipe.
        if let Some((is_success, at)) = ended
            && (is_all || at.elapsed() > LINGER)
        {
            running.is_over = true;
            running.forget();
            return Ok(Said { is_success, lines: kept });
        }
    }
}

/// A child and what it started. All of it ends with this.
struct Running {
    child: Child,
    is_over: bool,
}

/// The groups of what runs, by the id of its first process, for the end of the process.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Ends what recordings started, at once.
pub(super) fn end_all() {
    let running = std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner));
    for id in running {
        signal(id, true);
    }
}

impl Running {
    fn new(child: Child) -> Running {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).insert(child.id());
        Running { child, is_over: false }
    }

    fn forget(&self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        signal(self.child.id(), false);
        let from = Instant::now();
        while from.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK / 5);
        }
        // What the test started may be there still.
        signal(self.child.id(), true);
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.forget();
    }
}

/// Asks a process group to end, or ends it.
#[cfg(unix)]
fn signal(id: u32, at_once: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = if at_once { Signal::KILL } else { Signal::INT };
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

/// There are no groups to ask.
#[cfg(not(unix))]
fn signal(_: u32, _: bool) {}
