//! Functions of libraries that start the work of others in a goroutine: what such a goroutine does tells the function
//! that they call, and who started it the line that calls them.

use exectrace::{FrameId, StackId, StrId, Tables};

/// Whether a function starts the work of others.
pub(crate) fn is_starter(func: &str) -> bool {
    const PREFIXES: [&str; 7] = [
        "sync.(*WaitGroup).Go",
        "golang.org/x/sync/errgroup.(*Group).Go",
        "golang.org/x/sync/errgroup.(*Group).TryGo",
        "testing.tRunner",
        "testing.(*",
        "github.com/oklog/run.",
        "github.com/sourcegraph/conc",
    ];
    PREFIXES.iter().any(|prefix| func.starts_with(prefix))
}

/// The function that a stack's work begins with, past those that only start it; none where there is no other.
pub(crate) fn work(tables: &Tables, stack: StackId) -> StrId {
    let funcs = tables.stack(stack).iter().rev().map(|&frame| tables.frame(frame).func);
    let mut work = funcs.filter(|&func| !is_starter(tables.str(func)));
    work.next().unwrap_or(StrId::NONE)
}

/// The line of a `go` statement's stack that had something started: past the functions that start it for others, where
/// there is one.
pub fn started_at(tables: &Tables, stack: StackId) -> Option<FrameId> {
    let stack = tables.stack(stack);
    let is_other = |frame: &&FrameId| !is_starter(tables.str(tables.frame(**frame).func));
    stack.iter().find(is_other).or(stack.first()).copied()
}

/// Whether a line is none of a person's: Go itself wrote the `main` of test binaries, and the testing package starts
/// each test.
pub(crate) fn is_of_tests(tables: &Tables, line: FrameId) -> bool {
    let frame = tables.frame(line);
    tables.str(frame.func).starts_with("testing.")
        || tables.str(frame.file).ends_with("_testmain.go")
}
