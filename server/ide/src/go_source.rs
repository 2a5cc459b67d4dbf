//! What Waitline needs to know of one Go file: its functions, and what can wait on each line.
//!
//! A mapping by path alone must fear drift: another release of a file puts a recorded line on a
//! plausible wrong one. So this says whether a frame of a trace can stand on a line, and which
//! operations the line holds. What follows from a mismatch is left to the callers.
//!
//! Lines are 0-based and counted as LSP counts them; columns are UTF-8 bytes.

mod frame_name;
mod operations;
mod selects;
mod walk;

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

pub(crate) use frame_name::{FrameName, Inner, unescaped};
pub use operations::Operations;
pub use selects::{Awaits, Case, Channel, Select};

/// Larger files are generated tables, not code in which goroutines wait.
const MAX_BYTES: usize = 8 << 20;

/// What a file may cost. Recovery from errors can take the parser seconds (4 s for 400 kB of noise);
/// ordinary code takes 1 ms for 6 kB and more (debug build, 2 GHz).
const TIME_LIMIT: Duration = Duration::from_millis(250);

/// What code without errors may cost whatever the clock says, in progress reports of the parser:
/// about 300 kB. So a busy machine does not make the structure of an ordinary file come and go.
const N_STEPS_GRANTED: u32 = 4_000;

/// A stretch of whole lines, both ends included, 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineSpan {
    /// The first line.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

impl LineSpan {
    /// Whether the line is one of these.
    pub fn contains(self, line: u32) -> bool {
        self.first <= line && line <= self.last
    }
}

/// A top-level function or method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name as a trace writes it after the package: `f`, `(*T).M`, `T.M`, `Map[...]`,
    /// `(*Cache[...]).Get`.
    pub name: String,
    /// The line of the name, 0-based.
    pub name_line: u32,
    /// The columns of the name (of a method without its receiver) in UTF-8 bytes.
    pub name_columns: Range<u32>,
    /// From `func` to the closing brace.
    pub lines: LineSpan,
    /// The function literals within, outer before inner.
    pub literals: Vec<LineSpan>,
    /// The `go` and `defer` statements within.
    spawns: Vec<LineSpan>,
    /// The calls of C within: cgo makes a function literal of each.
    c_calls: Vec<LineSpan>,
    /// The `range` loops within; the body of one over a function is a function of its own.
    range_loops: Vec<LineSpan>,
    /// The type of the receiver without pointer and type parameters.
    receiver: Option<String>,
    /// The name without receiver and type parameters.
    base_name: String,
}

/// Why nothing is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is larger than 8 MiB.
    TooLarge,
    /// The parser did not come to an end in the time that a file may cost.
    TooSlow,
}

/// The structure of one Go file.
#[derive(Clone, Debug, Default)]
pub struct GoSource {
    unknown: Option<Unknown>,
    has_errors: bool,
    package: Option<String>,
    functions: Vec<Function>,
    /// Top-level `var` declarations: the package's initialiser runs there.
    package_vars: Vec<LineSpan>,
    /// Function literals within top-level `var` declarations.
    package_literals: Vec<LineSpan>,
    /// `//go:linkname local import/path.name`: the local name, and the name that a trace writes.
    linknames: Vec<(String, String)>,
    /// By line; lines after the last operation are left out.
    operations: Vec<Operations>,
    /// In the order of their lines.
    selects: Vec<Select>,
    /// Channels that are sent to, received from or closed, with the line, in the order of the text.
    channels: Vec<(u32, Channel)>,
}

impl GoSource {
    /// The structure of a file. Broken code gives what could be understood.
    ///
    /// It gives up on files that are too large or take too long; see [`GoSource::unknown`].
    // The clock bounds the work on a hostile file; no answer depends on it otherwise.
    #[allow(clippy::disallowed_methods)]
    pub fn parse(text: &str) -> Self {
        let started = Instant::now();
        let mut n_steps = 0;
        Self::parse_while(text, &mut |has_error| {
            n_steps += 1;
            (n_steps <= N_STEPS_GRANTED && !has_error) || started.elapsed() < TIME_LIMIT
        })
    }

    /// Parses as long as `go_on` says so; it is told whether the code has errors.
    fn parse_while(text: &str, go_on: &mut dyn FnMut(bool) -> bool) -> Self {
        if text.len() > MAX_BYTES {
            return Self { unknown: Some(Unknown::TooLarge), ..Self::default() };
        }
        let mut parser = tree_sitter::Parser::new();
        let too_slow = || Self { unknown: Some(Unknown::TooSlow), ..Self::default() };
        // Grammar and library are pinned together: this cannot fail, and if it did, nothing would
        // be known of any file.
        if parser.set_language(&tree_sitter_go::LANGUAGE.into()).is_err() {
            return too_slow();
        }
        let mut progress = |state: &tree_sitter::ParseState| {
            if go_on(state.has_error()) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let options = tree_sitter::ParseOptions::new().progress_callback(&mut progress);
        let mut read = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
        match parser.parse_with_options(&mut read, None, Some(options)) {
            Some(tree) => walk::walk(&tree, text),
            None => too_slow(),
        }
    }

    /// Why nothing is known of the file, if so.
    pub fn unknown(&self) -> Option<Unknown> {
        self.unknown
    }

    /// Whether some of the text could not be understood, as while it is being typed.
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// The name in the package clause.
    pub fn package(&self) -> Option<&str> {
        self.package.as_deref()
    }

    /// The top-level functions and methods in the order of the file.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function that spans a line; the first one if several share it.
    pub fn function_at(&self, line: u32) -> Option<&Function> {
        self.functions_at(line).next()
    }

    /// The functions that a frame of this file with this full name can be of, by their rows: its own, or
    /// that in which its closure is written.
    pub(crate) fn functions_named(&self, func: &str) -> Vec<usize> {
        let Some(frame) = FrameName::parse(func) else { return Vec::new() };
        let is = |function: &Function| {
            frame.names(function.receiver.as_deref(), &function.base_name).is_some()
        };
        let rows = self.functions.iter().enumerate();
        rows.filter(|(_, function)| is(function)).map(|(row, _)| row).collect()
    }

    /// What the line holds that can wait.
    pub fn operations_at(&self, line: u32) -> Operations {
        self.operations.get(line as usize).copied().unwrap_or_default()
    }

    /// The `select` that begins on a line, if it is the only one there and can wait.
    pub fn select_at(&self, line: u32) -> Option<&Select> {
        let mut there = self.selects.iter().filter(|select| select.line == line);
        there.next().filter(|_| there.next().is_none())
    }

    /// The channels that something is sent to, received from or closed on a line, as far as they have names.
    pub fn channels_at(&self, line: u32) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(move |(at, _)| *at == line).map(|(_, channel)| channel)
    }

    /// Whether a frame of this file, with this full function name, can stand on this line.
    ///
    /// The function that spans the line must have the frame's name, and a closure needs a literal (or
    /// `go`, `defer`, `range`) on the line. The compiler names a closure that came in by inlining after
    /// all functions on its way (`main.main.worker.func3`): then the line may be in any of them. What
    /// the package is called does not count: where a path tells the file, that may be anything.
    pub fn holds_frame(&self, func: &str, line: u32) -> bool {
        FrameName::parse(func).is_some_and(|frame| self.holds(&frame, func, line, true))
    }

    /// Whether this can be the file of such a frame: its package clause must fit the import path, too
    /// (of an inlined closure, that of the first function on its way).
    pub fn may_be_file_of(&self, func: &str, line: u32) -> bool {
        let Some(frame) = FrameName::parse(func) else { return false };
        let fits_package =
            self.package.as_deref().is_some_and(|clause| frame.may_be_package(clause));
        self.holds(&frame, func, line, fits_package)
    }

    /// Whether this can be a file of the frame's package that has its function, on whatever line.
    pub fn may_have_function(&self, func: &str) -> bool {
        let Some(frame) = FrameName::parse(func) else { return false };
        self.package.as_deref().is_some_and(|clause| frame.may_be_package(clause))
            && !self.functions_named(func).is_empty()
    }

    fn holds(&self, frame: &FrameName, func: &str, line: u32, fits_package: bool) -> bool {
        let in_function = self.functions_at(line).any(|function| {
            let is_linked = || {
                self.linknames
                    .iter()
                    .any(|(local, linked)| linked == func && *local == function.base_name)
            };
            match frame.names(function.receiver.as_deref(), &function.base_name) {
                Some(in_first) => {
                    (fits_package || !in_first) && function.has_inner(frame.inner, line)
                }
                None => is_linked(),
            }
        });
        in_function
            || (fits_package && frame.is_package_level() && self.is_initialised(frame.inner, line))
    }

    fn functions_at(&self, line: u32) -> impl Iterator<Item = &Function> {
        // Functions are disjoint but for those that share a line, so the ends are sorted too.
        let first = self.functions.partition_point(|function| function.lines.last < line);
        self.functions[first..].iter().take_while(move |function| function.lines.contains(line))
    }

    fn is_initialised(&self, inner: Inner, line: u32) -> bool {
        let spans = match inner {
            Inner::Body => &self.package_vars,
            _ => &self.package_literals,
        };
        any_contains(spans, line)
    }
}

impl Function {
    /// The name without receiver and type parameters.
    pub fn base_name(&self) -> &str {
        &self.base_name
    }

    fn has_inner(&self, inner: Inner, line: u32) -> bool {
        match inner {
            Inner::Body => true,
            // Before Go 1.22 the wrapper of a `go` or `defer` was numbered among the closures.
            Inner::Literal => {
                [&self.literals, &self.spawns, &self.c_calls].iter().any(|s| any_contains(s, line))
            }
            Inner::Spawn => any_contains(&self.spawns, line),
            Inner::RangeBody => any_contains(&self.range_loops, line),
        }
    }
}

fn any_contains(spans: &[LineSpan], line: u32) -> bool {
    spans.iter().any(|span| span.contains(line))
}

#[cfg(test)]
mod tests;
