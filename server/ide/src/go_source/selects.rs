//! The `select` statements of a file, and what each of their cases waits for.

use std::ops::Range;

use hashbrown::HashMap;
use tree_sitter::Node;

/// A `select` that can wait: it has no `default`, and two cases or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The line of the word, 0-based: where its waits stand.
    pub line: u32,
    /// Its cases in their order.
    pub cases: Vec<Case>,
}

/// A case of a [`Select`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The line of the word, 0-based.
    pub line: u32,
    /// The last line before the next case, or before the brace at the end.
    pub last: u32,
    /// What it waits for.
    pub awaits: Awaits,
    /// The channel's name: of `s.quit` it is `quit`. Empty for what has none.
    pub channel: String,
    /// Where that is written, in bytes.
    pub communication: Range<usize>,
}

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// Somebody who takes what it sends.
    Receiver,
    /// Something that is sent, or a channel to be closed.
    Sender,
    /// A clock: `time.After`, the `C` of a timer.
    Clock,
    /// The end of a context.
    Context,
}

impl Select {
    /// The case that a line is in.
    pub fn case_at(&self, line: u32) -> Option<usize> {
        self.cases.iter().position(|case| case.line <= line && line <= case.last)
    }
}

/// What the variables of a function hold that are clocks, or tell of a context's end.
#[derive(Debug, Default)]
pub(super) struct Channels<'a>(HashMap<&'a str, Awaits>);

impl<'a> Channels<'a> {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A variable is given a value, or has a type.
    pub(super) fn set(&mut self, name: &'a str, value: Node<'_>, text: &'a str) {
        match self.of(value, text) {
            Some(awaits) => self.0.insert(name, awaits),
            None => None,
        };
    }

    /// What it is to receive from a channel.
    pub(super) fn awaited(&self, channel: Node<'_>, text: &'a str) -> Awaits {
        self.of(channel, text).unwrap_or(Awaits::Sender)
    }

    fn of(&self, mut node: Node<'_>, text: &'a str) -> Option<Awaits> {
        let part = |node: Node<'_>, field| {
            let node = node.child_by_field_name(field)?;
            text.get(node.byte_range())
        };
        while node.kind() == "parenthesized_expression" {
            node = node.named_child(0)?;
        }
        match node.kind() {
            "call_expression" => {
                let function = node.child_by_field_name("function")?;
                match (part(function, "operand")?, part(function, "field")?) {
                    (of, "Done") if is_context(of) => Some(Awaits::Context),
                    ("time", "After" | "Tick") => Some(Awaits::Clock),
                    _ => None,
                }
            }
            "selector_expression" => (part(node, "field")? == "C").then_some(Awaits::Clock),
            "channel_type" => {
                let is_clock = part(node, "value") == Some("time.Time");
                is_clock.then_some(Awaits::Clock)
            }
            "identifier" => self.0.get(text.get(node.byte_range())?).copied(),
            _ => None,
        }
    }
}

/// The last name of what stands for a channel.
pub(super) fn name_of<'a>(mut node: Node<'_>, text: &'a str) -> &'a str {
    loop {
        let field = match node.kind() {
            "identifier" | "field_identifier" => {
                break text.get(node.byte_range()).unwrap_or_default();
            }
            "selector_expression" => "field",
            "index_expression" => "operand",
            "call_expression" => "function",
            _ => break "",
        };
        let Some(inner) = node.child_by_field_name(field) else { break "" };
        node = inner;
    }
}

/// Whether what has a `Done` is a context, by its name: `ctx`, `s.ctx`, `r.Context()`. Others have such a method, too.
fn is_context(text: &str) -> bool {
    let name = text.rsplit('.').next().unwrap_or(text).to_ascii_lowercase();
    name.contains("ctx") || name.contains("context")
}
