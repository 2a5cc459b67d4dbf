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
    /// The lines behind what it waits for, up to the next case or the brace at the end.
    pub body: Range<u32>,
    /// What it waits for.
    pub awaits: Awaits,
    /// The channel's name.
    pub channel: Channel,
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
    /// A clock: `time.After`, the `C` of a timer that was made in the same function.
    Clock,
    /// The end of a context.
    Context,
    /// Any of the latter three.
    Any,
}

/// By what name a channel is spoken of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// Of `s.quit` it is `quit`; empty for what has none, and for a parameter: that is named anew in each function.
    pub name: String,
    /// The first line of the function that has it, for a variable of one.
    pub within: Option<u32>,
}

impl Channel {
    /// Whether two are spoken of by the same name, which stands for the same.
    pub fn is_like(&self, other: &Channel) -> bool {
        !self.name.is_empty() && self == other
    }
}

impl Select {
    /// The case that a line is behind.
    pub fn case_at(&self, line: u32) -> Option<usize> {
        self.cases.iter().position(|case| case.body.contains(&line))
    }
}

/// What the variables of a function hold that are clocks, or tell of a context's end.
#[derive(Debug, Default)]
pub(super) struct Channels<'a> {
    /// `None`: it was given several values of which not all are the same.
    known: HashMap<&'a str, Option<Of>>,
    parameters: hashbrown::HashSet<&'a str>,
}

/// What a variable holds, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A channel.
    Channel(Awaits),
    /// A timer or a ticker.
    Timer,
    /// Something else.
    Other,
}

impl<'a> Channels<'a> {
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.parameters.clear();
    }

    /// A variable is given a value. Closures have variables of their own with the same names: so what is given
    /// several holds none for sure.
    pub(super) fn set(&mut self, name: &'a str, value: Node<'_>, text: &'a str) {
        let of = self.of(value, text);
        self.known
            .entry(name)
            .and_modify(|known| *known = known.filter(|k| *k == of))
            .or_insert(Some(of));
    }

    /// A parameter, or a variable that has a type and no value.
    pub(super) fn typed(&mut self, name: &'a str, of: Node<'_>, is_parameter: bool, text: &'a str) {
        let value = of.child_by_field_name("value").and_then(|value| text.get(value.byte_range()));
        // Nothing else is told by a context's end, or by a clock.
        let surely_sent = of.kind() == "channel_type"
            && value.is_some_and(|value| value != "time.Time" && value != "struct{}");
        let of = if surely_sent { Of::Other } else { Of::Channel(Awaits::Any) };
        self.known
            .entry(name)
            .and_modify(|known| *known = known.filter(|k| *k == of))
            .or_insert(Some(of));
        if is_parameter {
            self.parameters.insert(name);
        }
    }

    /// What it is to receive from a channel.
    pub(super) fn awaited(&self, channel: Node<'_>, text: &'a str) -> Awaits {
        match self.of(channel, text) {
            Of::Channel(awaits) => awaits,
            Of::Timer => Awaits::Any,
            Of::Other => Awaits::Sender,
        }
    }

    /// By what name it is spoken of, in a function that begins on a line and has these variables.
    pub(super) fn channel(
        &self,
        node: Node<'_>,
        text: &'a str,
        function: Option<u32>,
        is_variable: impl Fn(&str) -> bool,
    ) -> Channel {
        let name = name_of(node, text);
        let is_plain = node.kind() == "identifier";
        if is_plain && self.parameters.contains(name) {
            return Channel::default();
        }
        let within = function.filter(|_| is_plain && is_variable(name));
        Channel { name: name.to_owned(), within }
    }

    fn of(&self, mut node: Node<'_>, text: &'a str) -> Of {
        let part = |node: Node<'_>, field| {
            let node = node.child_by_field_name(field)?;
            text.get(node.byte_range())
        };
        while node.kind() == "parenthesized_expression" {
            let Some(inner) = node.named_child(0) else { return Of::Other };
            node = inner;
        }
        let name = text.get(node.byte_range()).unwrap_or_default();
        match node.kind() {
            "call_expression" => {
                let function = node.child_by_field_name("function");
                let of = function.map(|f| (part(f, "operand"), part(f, "field")));
                match of {
                    Some((Some(of), Some("Done"))) if is_context(of) => {
                        Of::Channel(Awaits::Context)
                    }
                    Some((_, Some("Done"))) => Of::Channel(Awaits::Any),
                    Some((Some("time"), Some("After" | "Tick"))) => Of::Channel(Awaits::Clock),
                    Some((Some("time"), Some("NewTimer" | "NewTicker"))) => Of::Timer,
                    _ => Of::Other,
                }
            }
            "selector_expression" if part(node, "field") == Some("C") => {
                let of = node.child_by_field_name("operand").map(|of| self.of(of, text));
                Of::Channel(if of == Some(Of::Timer) { Awaits::Clock } else { Awaits::Any })
            }
            "identifier" => match self.known.get(name) {
                Some(Some(of)) => *of,
                Some(None) => Of::Channel(Awaits::Any),
                None => Of::Other,
            },
            _ => Of::Other,
        }
    }
}

/// The last name of what stands for a channel.
fn name_of<'a>(mut node: Node<'_>, text: &'a str) -> &'a str {
    loop {
        let field = match node.kind() {
            "identifier" | "field_identifier" => {
                break text.get(node.byte_range()).unwrap_or_default();
            }
            "selector_expression" => "field",
            "index_expression" => "operand",
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
