//! The function names of a trace, taken apart.
//!
//! ```text
//!   example.com/x/pkg.(*T[...]).M.func1.2      a closure in a closure of a method
//!   └── package ────┘ └─ core ───┘ └ inner ┘
//! ```
//!
//! How the compiler numbers closures is of no use here: it changes with every edit. What counts is
//! the kind of the innermost function.

use std::borrow::Cow;

/// What kind of function a frame is within the one that is written in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// The function itself.
    Body,
    /// A function literal: `func1`, `func2.1`.
    Literal,
    /// The wrapper of a `go` or `defer` statement: `gowrap1`, `deferwrap1`.
    Spawn,
    /// The body of a `range` loop over a function: `f-range1`.
    RangeBody,
}

/// A function name as a trace has it.
#[derive(Clone, Debug)]
pub(crate) struct FrameName {
    /// The import path, with what the linker escapes in it unescaped.
    pub(crate) package_path: String,
    /// The names between package and inner functions, receivers included, without type parameters:
    /// `["(*T)", "M"]`. More than that where closures came in by inlining.
    core: Vec<String>,
    pub(crate) inner: Inner,
}

impl FrameName {
    /// `None` for what is no function of a package.
    pub(crate) fn parse(func: &str) -> Option<Self> {
        let func = without_type_parameters(func).replace('·', ".");
        let element_start = func.rfind('/').map_or(0, |slash| slash + 1);
        let dot = element_start + func[element_start..].find('.')?;
        let mut parts: Vec<&str> = func[dot + 1..].split('.').collect();
        if func.is_empty() || dot == element_start || parts == [""] {
            return None;
        }
        let inner = inner_of(&parts);
        while parts.len() > 1 && parts.last().is_some_and(|part| is_inner(part)) {
            // A method may have the name of a closure.
            if inner == Inner::Body && !is_number(parts[parts.len() - 1]) {
                break;
            }
            parts.pop();
        }
        Some(Self {
            package_path: unescaped(&func[..dot]).into_owned(),
            core: parts.into_iter().map(|part| without_suffix(part).to_owned()).collect(),
            inner,
        })
    }

    /// Whether the frame names this function: `Some(true)` if as the first function of the name,
    /// which is the one that the package is of.
    pub(super) fn names(&self, receiver: Option<&str>, base_name: &str) -> Option<bool> {
        let is_method_at = |at: usize| {
            at > 0 && receiver.is_some_and(|receiver| receiver_type(&self.core[at - 1]) == receiver)
        };
        let is_after_receiver = |at: usize| at > 0 && self.core[at - 1].starts_with('(');
        let found = (0..self.core.len()).find(|&at| {
            self.core[at] == base_name
                && match receiver {
                    Some(_) => is_method_at(at),
                    None => !is_after_receiver(at),
                }
        })?;
        let first = found - usize::from(receiver.is_some());
        // Only closures carry the names of those they were inlined into; a function that is inlined
        // keeps its own.
        let is_whole = first == 0 && found + 1 == self.core.len();
        (is_whole || self.inner != Inner::Body).then_some(first == 0)
    }

    /// Whether the frame is of the package's variables and what initialises them: `init`,
    /// `init.func1`, `glob..func1`, `map.init.0`.
    pub(super) fn is_package_level(&self) -> bool {
        matches!(self.core.first().map(String::as_str), Some("init" | "glob" | "map"))
    }

    /// Whether a file with this package clause can be of the frame's package.
    ///
    /// The clause is not in the trace, only the import path is, and the two need not agree:
    /// `gopkg.in/yaml.v3`, `github.com/nats-io/nats.go`, `github.com/mattn/go-sqlite3`,
    /// `go.etcd.io/etcd/client/v3` (package `clientv3`), `github.com/tsenart/vegeta/v12/lib` (package
    /// `vegeta`). A test binary has the functions of a command under its import path, so `main` fits
    /// any path.
    pub(super) fn may_be_package(&self, clause: &str) -> bool {
        if clause == "main" {
            return true;
        }
        if self.package_path == "main" {
            return false;
        }
        let mut elements = self.package_path.rsplit('/');
        let last = elements.next().unwrap_or_default();
        // A version that is a package of its own: `k8s.io/api/core/v1`.
        if clause == last {
            return true;
        }
        let named = if is_version(last) { elements.next().unwrap_or(last) } else { last };
        let (clause, named) = (letters_and_digits(clause), letters_and_digits(named));
        if clause.is_empty() || named.is_empty() {
            return false;
        }
        let is_project = |element: &str| {
            !is_version(element) && without_go(&letters_and_digits(element)) == without_go(&clause)
        };
        named.contains(&clause) || clause.contains(&named) || elements.any(is_project)
    }
}

/// The kind of the innermost function, from the last parts of a name.
fn inner_of(parts: &[&str]) -> Inner {
    let Some((&last, before)) = parts.split_last() else { return Inner::Body };
    if is_range_body(last) {
        return Inner::RangeBody;
    }
    let Some(&previous) = before.last() else { return Inner::Body };
    if is_numbered(last, "gowrap") || is_numbered(last, "deferwrap") {
        return Inner::Spawn;
    }
    if is_number(last) {
        return match previous {
            "init" => Inner::Body,
            "dwrap" => Inner::Spawn,
            _ => Inner::Literal,
        };
    }
    if is_numbered(last, "func") && !previous.starts_with('(') {
        return Inner::Literal;
    }
    Inner::Body
}

fn is_inner(part: &str) -> bool {
    part.is_empty()
        || is_number(part)
        || part == "dwrap"
        || ["func", "gowrap", "deferwrap"].iter().any(|prefix| is_numbered(part, prefix))
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_numbered(part: &str, prefix: &str) -> bool {
    let part = part.split("-range").next().unwrap_or(part);
    part.strip_prefix(prefix).is_some_and(is_number)
}

fn is_range_body(part: &str) -> bool {
    part.rsplit_once("-range").is_some_and(|(_, number)| is_number(number))
}

/// `M` of the method value `M-fm`, `f` of the loop body `f-range1`.
fn without_suffix(part: &str) -> &str {
    let part = part.strip_suffix("-fm").unwrap_or(part);
    if is_range_body(part) { part.split("-range").next().unwrap_or(part) } else { part }
}

/// `T` of `(*T)` and of `T`.
fn receiver_type(part: &str) -> &str {
    part.trim_start_matches(['(', '*']).trim_end_matches(')')
}

fn without_type_parameters(func: &str) -> String {
    let mut depth = 0_usize;
    let mut text = String::with_capacity(func.len());
    for c in func.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    text
}

/// The linker writes `%2e` for a dot in the last element of an import path, and a few others so.
pub(crate) fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// `v2`, `v3`, … as the last element of an import path.
fn is_version(element: &str) -> bool {
    element.strip_prefix('v').is_some_and(is_number)
}

/// `redis` of `goredis` and of `redisgo`.
fn without_go(name: &str) -> &str {
    name.strip_prefix("go").or_else(|| name.strip_suffix("go")).unwrap_or(name)
}

fn letters_and_digits(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
