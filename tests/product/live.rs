//! Where Go is installed: builds the bundled programs, records fresh traces, and compares with what
//! `go tool trace` says about them then and there.
//!
//! No recorded file can show what the scheduler will do next time; this test meets another
//! interleaving at every run. What it finds stays behind: the trace of a failure is kept and named.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::product::{run, testdata, waitline};
use crate::profile;

/// A cold build of Go's standard library and of its trace tool, on a busy machine.
const BUILD_LIMIT: Duration = Duration::from_secs(600);
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// Program, arguments, settings of the runtime. Sizes are small: all of it takes a few seconds.
const RECORDINGS: [(&str, &[&str], &str); 12] = [
    ("leak", &["-dur=100ms", "-n=3"], ""),
    ("leak", &["-dur=50ms", "-cpu"], "gctrace=0"),
    ("annot", &["-orders=15"], ""),
    ("annot", &["-orders=20", "-spread=1500ms"], ""), // two generations
    ("annot", &["-orders=10"], "traceallocfree=1"),
    ("gcmix", &["-dur=60ms"], ""),
    ("mandel", &["-variant=pixel", "-n=24"], ""),
    ("mandel", &["-variant=colworkersbuffered", "-n=48"], ""),
    ("manyg", &["-flat=100", "-depth=5", "-deep=30"], ""),
    ("pipeline", &["-items=300"], ""),
    ("webmix", &["-reqs=80"], ""),
    ("pprofsrv", &["-seconds=0.2"], ""), // the recorder sees itself
];

#[test]
fn fresh_profiles_equal_those_of_go_tool_trace() {
    let Some(version) = go_version() else {
        eprintln!("skipped: go is not on PATH");
        return;
    };
    // The tools of older releases print other figures for the same file (docs/figures.md).
    if version < (1, 26) {
        eprintln!("skipped: go 1.{} is installed, and the figures are those of 1.26", version.1);
        return;
    }

    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let mut build = go(["build", "-o"]);
    build.arg(&bin).arg("./...").current_dir(testdata("programs"));
    let built = run(build, BUILD_LIMIT);
    assert_eq!(built.code, Some(0), "go build: {}", built.stderr);

    let mut stacks = 0;
    for (i, (program, args, godebug)) in RECORDINGS.iter().enumerate() {
        let trace = dir.path().join(format!("{i}-{program}.trace"));
        let mut record = Command::new(bin.join(program));
        record.args(*args).arg("-o").arg(&trace).current_dir(dir.path());
        record.env("GODEBUG", godebug);
        let recorded = run(record, RUN_LIMIT);
        assert_eq!(recorded.code, Some(0), "{program} {args:?}: {}", recorded.stderr);
        for kind in ["net", "sync", "syscall", "sched"] {
            match compare(&trace, kind) {
                Ok(n) => stacks += n,
                Err(what) => {
                    let kept = keep(&trace);
                    panic!("{program} {args:?} --type {kind}: {what}\nkept: {}", kept.display());
                }
            }
        }
    }
    assert!(stacks > 0, "nothing was compared");
    eprintln!("{stacks} stacks of {} fresh traces are equal", RECORDINGS.len());
}

fn compare(trace: &Path, kind: &str) -> Result<usize, String> {
    let mut peer = go(["tool", "trace"]);
    peer.arg(format!("-pprof={kind}")).arg(trace);
    // The tool is built on its first use.
    let peer = run(peer, BUILD_LIMIT);
    if peer.code != Some(0) {
        return Err(format!("go tool trace: {}", peer.stderr));
    }
    let want = profile::read(&peer.stdout);

    let out = trace.with_extension(kind);
    let args = [Path::new("pprof"), trace, Path::new("--type"), Path::new(kind)];
    let ours = waitline(args.into_iter().chain([Path::new("-o"), &out]));
    if ours.code != Some(0) {
        return Err(ours.stderr);
    }
    let have = profile::read(&std::fs::read(&out).map_err(|e| e.to_string())?);

    if want.sample_types != have.sample_types {
        return Err(format!("types {:?} and {:?}", want.sample_types, have.sample_types));
    }
    // Go tells stacks apart by their addresses, and gives them in no order; read as functions and
    // lines, in a map, those that look alike are one on both sides.
    let mut stacks = want.stacks.keys().chain(have.stacks.keys());
    match stacks.find(|stack| want.stacks.get(*stack) != have.stacks.get(*stack)) {
        None => Ok(want.stacks.len()),
        Some(stack) => Err(format!(
            "{stack:#?}\n  want {:?}\n  have {:?}",
            want.stacks.get(stack),
            have.stacks.get(stack)
        )),
    }
}

/// Copies a trace that showed a difference to where it outlives the test.
fn keep(trace: &Path) -> PathBuf {
    let kept = std::env::temp_dir().join(format!(
        "waitline-differs-{}-{}",
        std::process::id(),
        trace.file_name().unwrap().to_string_lossy()
    ));
    std::fs::copy(trace, &kept).unwrap();
    kept
}

/// `(1, 26)` for `go1.26.8`, `go1.26-something` or `go1.26rc1`.
fn go_version() -> Option<(u32, u32)> {
    let out = go(["env", "GOVERSION"]).output().ok().filter(|out| out.status.success())?;
    let text = String::from_utf8(out.stdout).ok()?;
    let (major, rest) = text.trim().strip_prefix("go")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The installed Go and no other: it must not fetch a toolchain or a module.
fn go<const N: usize>(args: [&str; N]) -> Command {
    let mut go = Command::new("go");
    go.args(args).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    go
}
