//! What a recorded line must hold: the operation that waited, or the call that led to it.

use exectrace::FrameId;

use crate::Analysis;
use crate::causes::Cause;
use crate::figures::Slot;
use crate::go_source::{FrameName, Inner, Operations};
use crate::kinds::{Kind, kind_of};

/// What a line must hold to be the recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Need<'a> {
    /// Any of these.
    pub(crate) any_of: Operations,
    /// What surely was there: a channel operation of some kind.
    surely: Operations,
    /// The name of the function that was called, where it has one that the text must have as well.
    pub(crate) name: Option<&'a str>,
    /// Without the name nothing is proven: a function of somebody else's is hardly ever called by
    /// another one. (One's own often are, as values.)
    pub(crate) by_name: bool,
}

/// How well a line fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It holds nothing that can have cost this.
    None,
    /// It may run anything: a call, a `return` with deferred calls.
    Weak,
    /// It holds the very operation, or names the function.
    Strong,
}

/// What runs code that is not to be seen on the line.
pub(crate) const RUNS: Operations = Operations::CALL
    .or(Operations::LOCK)
    .or(Operations::RANGE)
    .or(Operations::GO)
    .or(Operations::DEFER)
    .or(Operations::RETURN)
    .or(Operations::CLOSE_BRACE);
const CHANNEL: Operations =
    Operations::SEND.or(Operations::RECEIVE).or(Operations::SELECT).or(Operations::RANGE);

impl<'a> Need<'a> {
    /// That of the line on which a slot's time stands; `None` where nothing on the line would tell.
    pub(crate) fn of_slot(analysis: &'a Analysis, slot: &Slot, user: usize) -> Option<Need<'a>> {
        let cause = analysis.causes.cause(slot.cause);
        // Where goroutines were started, on the statement itself.
        if user == 0 && cause == Cause::Create {
            let go = Operations::GO;
            return Some(Need { any_of: go, surely: go, name: None, by_name: false });
        }
        let callee = user.checked_sub(1).map(|at| analysis.stack(slot.stack)[at]);
        let callee = callee.map(|f| analysis.str(analysis.tables.frame(f).func));
        let name = callee.and_then(name_of);
        let any_of = match kind_of(analysis, slot, user)? {
            Kind::Chan | Kind::Other(_) | Kind::BeforeTrace => RUNS | CHANNEL,
            Kind::Syscall => RUNS,
            kind if kind.is_wait() && kind != Kind::Gc => RUNS,
            // Allocations stand where nothing tells of them, and so does what was preempted; within
            // a call, it is the call that tells.
            _ if name.is_some() => RUNS,
            _ => return None,
        };
        let surely = callee.map(surely).unwrap_or_default();
        Some(Need { any_of, surely, name, by_name: name.is_some() })
    }

    /// That of a line which called `callee`, a function of one's own or somebody else's.
    pub(crate) fn of_call(analysis: &'a Analysis, callee: FrameId, is_own: bool) -> Need<'a> {
        let func = analysis.str(analysis.tables.frame(callee).func);
        let name = name_of(func);
        let by_name = name.is_some() && !is_own;
        Need { any_of: RUNS, surely: Operations::default(), name, by_name }
    }

    /// That of a line which called `callee`, as far as that can be seen: what the runtime does beside the
    /// program (it allocates, it grows a stack) stands nowhere.
    pub(crate) fn of_callee(
        analysis: &'a Analysis,
        callee: FrameId,
        is_own: bool,
    ) -> Option<Need<'a>> {
        let need = Need::of_call(analysis, callee, is_own);
        let surely = surely(analysis.str(analysis.tables.frame(callee).func));
        if surely != Operations::default() {
            return Some(Need { any_of: surely, surely, ..need });
        }
        need.name.is_some().then_some(need)
    }

    /// Whether a line may hold it and not show it.
    pub(crate) fn may_be_unseen(&self) -> bool {
        !self.by_name && self.surely == Operations::default()
    }

    /// Whether a line may run it by a value: what is surely one, or has the name but for its case
    /// (`Run: run`, `decode: decoder.Decode`).
    pub(crate) fn may_be_value(&self, operations: Operations, text: &str) -> bool {
        let in_any_case = |name: &str| {
            operations.intersects(Operations::CALL)
                && calls(code_of(text), name, str::eq_ignore_ascii_case)
        };
        // An operation of the language has no name, and is never a value.
        self.name.is_some_and(|name| operations.intersects(Operations::VALUE) || in_any_case(name))
    }

    /// Whether a line calls it by its name.
    pub(crate) fn is_called(&self, operations: Operations, text: &str) -> bool {
        !operations.intersects(Operations::VALUE)
            && self
                .name
                .is_some_and(|name| calls(code_of(text), name, |called, name| called == name))
    }

    /// How well a line fits: its operations, and its text together with that of the lines over which
    /// its statement goes on.
    pub(crate) fn fit(&self, operations: Operations, text: &str) -> Fit {
        let names = self.name.is_some_and(|name| has_word(text, name));
        if operations.intersects(self.surely) || (names && operations.intersects(RUNS)) {
            Fit::Strong
        } else if operations.intersects(self.any_of) {
            Fit::Weak
        } else {
            Fit::None
        }
    }

    /// The same for a line of which only the text is known.
    pub(crate) fn fit_text(&self, text: &str) -> Fit {
        if self.name.is_some_and(|name| has_word(text, name)) {
            return Fit::Strong;
        }
        let code = code_of(text);
        let holds = |operation: Operations, what: &str| {
            self.surely.intersects(operation) && code.contains(what)
        };
        if holds(Operations::SEND, "<-")
            || holds(Operations::RECEIVE, "<-")
            || (self.surely.intersects(Operations::SELECT) && has_word(code, "select"))
            || (self.surely.intersects(Operations::RANGE) && has_word(code, "range"))
            || (self.surely.intersects(Operations::GO) && has_word(code, "go"))
        {
            return Fit::Strong;
        }
        let may_run = code.contains('(') || code.contains('}') || has_word(code, "return");
        if may_run && self.any_of.intersects(RUNS) { Fit::Weak } else { Fit::None }
    }
}

/// What surely stands where a function of the runtime was called: a channel operation of some kind.
fn surely(callee: &str) -> Operations {
    match callee {
        "runtime.chansend1" => Operations::SEND,
        "runtime.chanrecv1" => Operations::RECEIVE,
        "runtime.chanrecv2" => Operations::RECEIVE | Operations::RANGE,
        // With a default there may be the line of the case.
        "runtime.selectnbsend" => Operations::SELECT | Operations::SEND,
        "runtime.selectnbrecv" => Operations::SELECT | Operations::RECEIVE,
        "runtime.selectgo" | "runtime.block" => Operations::SELECT,
        _ => Operations::default(),
    }
}

/// The name by which source calls a function; `None` for what is called without a name of its own.
fn name_of(func: &str) -> Option<&str> {
    // The runtime's own functions stand behind operators and built-in functions.
    if func.starts_with("runtime.") {
        return None;
    }
    let frame = FrameName::parse(func)?;
    if frame.inner != Inner::Body {
        return None;
    }
    let without = func.split('[').next().unwrap_or(func);
    let tail = if func.contains('[') && !func.ends_with("[...]") {
        func.rsplit(['.', ']']).next().unwrap_or(func)
    } else {
        without.rsplit('.').next().unwrap_or(without)
    };
    let tail = tail.strip_suffix("-fm").unwrap_or(tail);
    // What C is called by.
    let tail = tail.strip_prefix("_Cfunc_").unwrap_or(tail);
    let is_name = !tail.is_empty() && tail.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(tail)
}

/// Whether a text has this word, not as a part of another.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_letter) && !text[at + word.len()..].starts_with(is_letter)
    })
}

/// Whether a text calls something whose name is like this one.
fn calls(text: &str, name: &str, is_like: impl Fn(&str, &str) -> bool) -> bool {
    text.match_indices(['(', '[']).any(|(end, _)| {
        let at = end.checked_sub(name.len());
        let called = at.and_then(|at| Some((text.get(..at)?, text.get(at..end)?)));
        called.is_some_and(|(before, called)| is_like(called, name) && !before.ends_with(is_letter))
    })
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A line of code without the comment at its end. It does not begin within a text of several lines, as
/// none does that waits.
pub fn statement_of(line: &str) -> &str {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match quote {
            None if line[at..].starts_with("//") => return line[..at].trim(),
            None => quote = Some(c).filter(|c| matches!(c, '"' | '`' | '\'')),
            Some(_) if is_escaped => is_escaped = false,
            Some(of) if c == of => quote = None,
            Some(of) => is_escaped = c == '\\' && of != '`',
        }
    }
    line.trim()
}

/// A line without the comment at its end, where there is surely one.
pub(crate) fn code_of(line: &str) -> &str {
    let comment = line.find("//").filter(|&at| !line[..at].contains(['"', '`', '\'']));
    line[..comment.unwrap_or(line.len())].trim()
}
