//! Finds, builds and runs the binary under test, and knows where the test data is.
//!
//! Cargo names a package's binary to that package's own tests only, and these stand in another one.
//! So the place is taken from that of the running test: `target/PROFILE/deps/product-HASH` has the
//! binary two folders up. It is built first, by the same profile and into the same folder, for Cargo
//! does not build it when only this package is tested, and an old one would answer for the new code.
//! `WAITLINE=PATH` tests a binary that is there already.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Longer than any run of a small trace takes on a busy machine: what lasts longer hangs.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What a run of a program left behind.
pub(crate) struct Run {
    /// The exit code, or `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    /// Its answer as text; every answer but a profile is UTF-8.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("the answer is UTF-8")
    }
}

/// Runs `waitline` with these arguments.
pub(crate) fn waitline<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Run {
    let mut command = program();
    // The tests' own environment must not decide what is printed.
    command.args(args).current_dir(root());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "RUST_LOG"] {
        command.env_remove(name);
    }
    run(command, TIME_LIMIT)
}

/// Runs a command to its end, and fails where it has none within the time limit.
pub(crate) fn run(mut command: Command, time_limit: Duration) -> Run {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let deadline = Instant::now() + time_limit;
    let out = read_all(child.stdout.take().unwrap());
    let err = read_all(child.stderr.take().unwrap());
    let left = || deadline.saturating_duration_since(Instant::now());
    let (stdout, stderr) = match (out.recv_timeout(left()), err.recv_timeout(left())) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        _ => {
            let _ = child.kill();
            panic!("{command:?} did not end within {time_limit:?}");
        }
    };
    let status = child.wait().unwrap();
    Run { code: status.code(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    receive
}

/// The binary under test, to be started. Whoever runs the tests has a cache of their own, which is
/// neither to be read nor filled.
pub(crate) fn program() -> Command {
    let mut command = Command::new(binary());
    command.env("WAITLINE_CACHE", "off");
    command
}

/// The binary under test.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("WAITLINE") {
        Some(path) => std::path::absolute(path).unwrap(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile_dir = test.ancestors().nth(2).expect("the test stands in target/PROFILE/deps");
    let target_dir = profile_dir.parent().expect("a profile's folder stands in the target folder");
    let profile = match profile_dir.file_name().and_then(OsStr::to_str).unwrap() {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "waitline", "--bin", "waitline"]);
    command.args(["--profile", profile]).arg("--target-dir").arg(target_dir);
    let status = command.current_dir(root()).status().expect("cargo can be started");
    assert!(status.success(), "cargo could not build waitline");
    profile_dir.join(format!("waitline{}", std::env::consts::EXE_SUFFIX))
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A path below `testdata/`.
pub(crate) fn testdata(path: &str) -> PathBuf {
    root().join("testdata").join(path)
}
