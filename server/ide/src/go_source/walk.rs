//! From the syntax tree of a Go file to what is kept of it.
//!
//! One pass over all nodes with a cursor, never by recursion: the depth of a tree is the author's,
//! and a stack is ours.

use std::sync::LazyLock;

use hashbrown::HashSet;
use tree_sitter::{Node, Tree};

use super::selects::{Awaits, Case, Channel, Channels, Select};
use super::{Function, GoSource, LineSpan, Operations};
use crate::line_map::line_starts;

/// The kinds of nodes that matter; the rest are passed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    Assignment,
    Binary,
    Block,
    Call,
    Comment,
    CompositeLiteral,
    Conversion,
    Defer,
    Field,
    For,
    FunctionDeclaration,
    FunctionLiteral,
    Go,
    Import,
    MethodDeclaration,
    PackageClause,
    Parameter,
    Return,
    Select,
    Send,
    ShortVar,
    Unary,
    VarDeclaration,
    VarSpec,
}

/// Kinds by the grammar's number: comparing names would cost a scan of each node's name.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let language = tree_sitter::Language::from(tree_sitter_go::LANGUAGE);
    (0..language.node_kind_count())
        .map(|id| {
            let name = u16::try_from(id).ok().and_then(|id| language.node_kind_for_id(id));
            match name.unwrap_or_default() {
                "assignment_statement" => Kind::Assignment,
                "binary_expression" => Kind::Binary,
                "block" => Kind::Block,
                "call_expression" => Kind::Call,
                "comment" => Kind::Comment,
                "composite_literal" => Kind::CompositeLiteral,
                "defer_statement" => Kind::Defer,
                "field_declaration" => Kind::Field,
                "for_statement" => Kind::For,
                "func_literal" => Kind::FunctionLiteral,
                "function_declaration" => Kind::FunctionDeclaration,
                "go_statement" => Kind::Go,
                "import_spec" => Kind::Import,
                "method_declaration" => Kind::MethodDeclaration,
                "package_clause" => Kind::PackageClause,
                "parameter_declaration" => Kind::Parameter,
                "return_statement" => Kind::Return,
                "select_statement" => Kind::Select,
                "send_statement" => Kind::Send,
                "short_var_declaration" => Kind::ShortVar,
                "type_conversion_expression" => Kind::Conversion,
                "unary_expression" => Kind::Unary,
                "var_declaration" => Kind::VarDeclaration,
                "var_spec" => Kind::VarSpec,
                _ => Kind::Other,
            }
        })
        .collect()
});

/// Methods that wait, by name: those of `sync`, `errgroup`, `singleflight`, `semaphore`, `exec`.
const WAITING_METHODS: [&str; 5] = ["lock", "rlock", "wait", "do", "acquire"];

/// Functions of the language that cannot wait.
const NO_CALLS: [&str; 8] = ["cap", "complex", "imag", "len", "max", "min", "real", "recover"];

/// Types of the language to which something is converted in no time; one reads like a call.
const PLAIN_TYPES: [&str; 19] = [
    "any",
    "bool",
    "byte",
    "complex128",
    "complex64",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "rune",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

pub(super) fn walk(tree: &Tree, text: &str) -> GoSource {
    let mut walker = Walker {
        text,
        // The parser counts lines by `\n` alone: where that is not LSP's way, count ourselves.
        starts: line_starts(text),
        rows_are_lines: !text.replace("\r\n", "").contains('\r'),
        source: GoSource { has_errors: tree.root_node().has_error(), ..GoSource::default() },
        function_end: None,
        package_var_end: 0,
        has_c: false,
        variables: HashSet::new(),
        channels: Channels::default(),
        fields: HashSet::new(),
        methods: HashSet::new(),
        of_fields: Vec::new(),
    };
    let mut cursor = tree.walk();
    loop {
        walker.enter(cursor.node());
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walker.finish();
            }
        }
    }
}

struct Walker<'a> {
    text: &'a str,
    starts: Vec<usize>,
    rows_are_lines: bool,
    source: GoSource,
    /// Where the function being walked ends, in bytes. It is the last one of the source.
    function_end: Option<usize>,
    /// Where the top-level `var` declaration being walked ends, in bytes.
    package_var_end: usize,
    /// Whether the file calls C.
    has_c: bool,
    /// The parameters and variables of the function being walked, as far as it.
    variables: HashSet<&'a str>,
    /// What of these are clocks and ends of contexts.
    channels: Channels<'a>,
    /// The names of the fields that structs of the file have, and those of its methods.
    fields: HashSet<&'a str>,
    methods: HashSet<&'a str>,
    /// Calls that read like calls of methods, by their name and the lines that they begin and end on: of
    /// which names there are fields is known at the end.
    of_fields: Vec<(&'a str, [u32; 2])>,
}

impl<'a> Walker<'a> {
    fn finish(mut self) -> GoSource {
        for (name, lines) in std::mem::take(&mut self.of_fields) {
            if self.fields.contains(name) && !self.methods.contains(name) {
                lines.into_iter().for_each(|line| self.mark(line, Operations::VALUE));
            }
        }
        self.source
    }

    fn enter(&mut self, node: Node<'_>) {
        let kind = KINDS.get(usize::from(node.kind_id())).copied().unwrap_or(Kind::Other);
        if kind == Kind::Other {
            return;
        }
        if self.function_end.is_some_and(|end| node.start_byte() >= end) {
            self.function_end = None;
        }
        match kind {
            Kind::Other => {}
            Kind::PackageClause => {
                let name = node.named_children(&mut node.walk()).last();
                let name = name.map(|name| self.text_of(name)).filter(|name| !name.is_empty());
                self.source.package = name.map(str::to_owned);
            }
            Kind::Comment => self.comment(node),
            Kind::FunctionDeclaration | Kind::MethodDeclaration => self.declaration(node),
            Kind::VarDeclaration => {
                if self.function_end.is_none() {
                    self.package_var_end = node.end_byte();
                    let span = self.span(node);
                    self.source.package_vars.push(span);
                }
            }
            // A variable that outlives its block is allocated where it is declared.
            Kind::VarSpec => {
                self.mark_start(node, Operations::ALLOC);
                self.variables(node);
                self.typed_channels(node, false);
            }
            Kind::Parameter => {
                self.variables(node);
                self.typed_channels(node, true);
            }
            Kind::ShortVar => {
                self.left_variables(node);
                self.left_channels(node);
            }
            Kind::Field if may_be_function(node, self.text) => {
                let mut cursor = node.walk();
                let names = node.children_by_field_name("name", &mut cursor);
                let names: Vec<&str> = names.map(|name| self.text_of(name)).collect();
                self.fields.extend(names);
            }
            Kind::Field => {}
            Kind::Import => {
                let path = node.child_by_field_name("path").map(|path| self.text_of(path));
                self.has_c |= path == Some("\"C\"");
            }
            Kind::FunctionLiteral => {
                self.mark_start(node, Operations::ALLOC);
                let span = self.span(node);
                if let Some(function) = self.function() {
                    function.literals.push(span);
                } else if node.start_byte() < self.package_var_end {
                    self.source.package_literals.push(span);
                }
            }
            Kind::Go => self.spawn(node, Operations::GO | Operations::ALLOC),
            Kind::Defer => self.spawn(node, Operations::DEFER),
            Kind::For => self.for_statement(node),
            Kind::Select => {
                self.mark_start(node, Operations::SELECT);
                self.select(node);
            }
            Kind::Send => {
                // The statement begins with the channel, which may stand lines above the arrow.
                self.mark_start(node, Operations::SEND);
                if let Some(channel) = node.child_by_field_name("channel") {
                    self.mark_end(channel, Operations::SEND);
                    self.channel_at(channel);
                }
            }
            Kind::Unary => {
                let operator = node.child_by_field_name("operator");
                if operator.is_some_and(|operator| operator.kind() == "<-") {
                    self.mark_start(node, Operations::RECEIVE);
                    node.child_by_field_name("operand")
                        .into_iter()
                        .for_each(|c| self.channel_at(c));
                }
            }
            Kind::Binary => {
                let operator = node.child_by_field_name("operator");
                if operator.is_some_and(|operator| operator.kind() == "+") && !is_sum(node) {
                    self.mark_start(node, Operations::ALLOC);
                }
            }
            Kind::Assignment => self.assignment(node),
            Kind::Call => self.call(node),
            Kind::CompositeLiteral => self.mark_start(node, Operations::ALLOC),
            Kind::Conversion => {
                // `f[int](x)` reads like a conversion to a generic type, and may be a call of f.
                let to_type = node.child_by_field_name("type");
                let may_be_call = to_type.is_some_and(|to_type| to_type.kind() == "generic_type");
                let call = if may_be_call { Operations::CALL } else { Operations::default() };
                self.mark_start(node, call | Operations::ALLOC);
            }
            Kind::Return => self.mark_start(node, Operations::RETURN),
            Kind::Block => self.mark_end(node, Operations::CLOSE_BRACE),
        }
    }

    fn declaration(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let base_name = self.text_of(name);
        let receiver = node.child_by_field_name("receiver").and_then(|list| {
            let parameter = list.named_children(&mut list.walk()).find(|child| !child.is_extra());
            self.receiver(parameter?.child_by_field_name("type")?)
        });
        if receiver.is_some() {
            self.methods.insert(base_name);
        }
        let trace_name = match &receiver {
            Some(receiver) => format!("{}.{base_name}", receiver.in_trace()),
            None if node.child_by_field_name("type_parameters").is_some() => {
                format!("{base_name}[...]")
            }
            None => base_name.to_owned(),
        };
        let name_line = self.line(name.start_byte(), name.start_position().row);
        let line_start = self.starts.get(name_line as usize).copied().unwrap_or_default();
        let column = |byte: usize| u32::try_from(byte.saturating_sub(line_start)).unwrap_or(0);
        let function = Function {
            name: trace_name,
            name_line,
            name_columns: column(name.start_byte())..column(name.end_byte()),
            lines: self.span(node),
            literals: Vec::new(),
            spawns: Vec::new(),
            c_calls: Vec::new(),
            range_loops: Vec::new(),
            receiver: receiver.map(|receiver| receiver.name.to_owned()),
            base_name: base_name.to_owned(),
        };
        self.source.functions.push(function);
        self.variables.clear();
        self.channels.clear();
        self.function_end = Some(node.end_byte());
    }

    /// The type of a receiver through pointers, parentheses and type arguments.
    fn receiver(&self, mut node: Node<'_>) -> Option<Receiver<'a>> {
        let mut receiver = Receiver { name: "", is_pointer: false, is_generic: false };
        loop {
            node = match node.kind() {
                "pointer_type" => {
                    receiver.is_pointer = true;
                    node.named_child(0)?
                }
                "parenthesized_type" => node.named_child(0)?,
                "generic_type" => {
                    receiver.is_generic = true;
                    node.child_by_field_name("type")?
                }
                _ => {
                    receiver.name = self.text_of(node);
                    return Some(receiver);
                }
            };
        }
    }

    fn spawn(&mut self, node: Node<'_>, operations: Operations) {
        self.mark_start(node, operations);
        let span = self.span(node);
        if let Some(function) = self.function() {
            function.spawns.push(span);
        }
    }

    fn for_statement(&mut self, node: Node<'_>) {
        let clause = node.named_children(&mut node.walk()).find(|n| n.kind() == "range_clause");
        let Some(clause) = clause else { return };
        self.mark_start(node, Operations::RANGE);
        self.left_variables(clause);
        if let Some(right) = clause.child_by_field_name("right") {
            self.mark_start(right, Operations::RANGE);
        }
        let span = self.span(node);
        if let Some(function) = self.function() {
            function.range_loops.push(span);
        }
    }

    fn assignment(&mut self, node: Node<'_>) {
        let operator = node.child_by_field_name("operator");
        let adds = operator.is_some_and(|operator| operator.kind() == "+=") && !is_sum(node);
        // A map grows where it is assigned to.
        let indexes = node.child_by_field_name("left").is_some_and(|left| {
            left.named_children(&mut left.walk()).any(|n| n.kind() == "index_expression")
        });
        if adds || indexes {
            self.mark_start(node, Operations::ALLOC);
        }
        self.left_channels(node);
    }

    /// Notes a `select`, unless it never waits.
    fn select(&mut self, node: Node<'_>) {
        let mut cursor = node.walk();
        let clauses: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        let of = |kind: &'static str| clauses.iter().filter(move |clause| clause.kind() == kind);
        if of("default_case").next().is_some() {
            return;
        }
        let first_line =
            |of: &Self, node: Node<'_>| of.line(node.start_byte(), node.start_position().row);
        let mut cases: Vec<Case> = Vec::new();
        for clause in of("communication_case") {
            let Some(communication) = clause.child_by_field_name("communication") else { continue };
            let received = communication.child_by_field_name("right");
            let received = received.and_then(|right| right.child_by_field_name("operand"));
            let sent = communication.child_by_field_name("channel");
            let awaits = match (sent, received) {
                (Some(_), _) => Awaits::Receiver,
                (_, Some(channel)) => self.channels.awaited(channel, self.text),
                _ => Awaits::Any,
            };
            let channel = sent.or(received).map(|channel| self.channel(channel));
            let line = first_line(self, *clause);
            if let Some(before) = cases.last_mut() {
                before.body.end = line.max(before.body.start);
            }
            let body = self.span(communication).last + 1;
            cases.push(Case {
                line,
                body: body..self.span(node).last.max(body),
                awaits,
                channel: channel.unwrap_or_default(),
                communication: communication.byte_range(),
            });
        }
        if cases.len() > 1 {
            let line = first_line(self, node);
            self.source.selects.push(Select { line, cases });
        }
    }

    /// By what name a channel is spoken of.
    fn channel(&self, node: Node<'_>) -> Channel {
        let function = self.function_end.and(self.source.functions.last());
        let is_variable = |name: &str| self.variables.contains(name);
        self.channels.channel(node, self.text, function.map(|f| f.lines.first), is_variable)
    }

    /// Notes a channel that something is done with on a line.
    fn channel_at(&mut self, node: Node<'_>) {
        let channel = self.channel(node);
        if !channel.name.is_empty() {
            let line = self.line(node.start_byte(), node.start_position().row);
            self.source.channels.push((line, channel));
        }
    }

    /// Notes which variables on the left side are given clocks, or what tells of a context's end.
    fn left_channels(&mut self, node: Node<'_>) {
        let sides = ["left", "right"].map(|side| node.child_by_field_name(side));
        let [Some(left), Some(right)] = sides else { return };
        let (mut of_left, mut of_right) = (left.walk(), right.walk());
        let pairs = left.named_children(&mut of_left).zip(right.named_children(&mut of_right));
        for (name, value) in pairs {
            let name = self.text_of(name);
            self.channels.set(name, value, self.text);
        }
    }

    fn call(&mut self, node: Node<'_>) {
        let Some(function) = node.child_by_field_name("function") else { return };
        if self.text_of(function) == "close"
            && let Some(arguments) = node.child_by_field_name("arguments")
            && let Some(channel) = arguments.named_child(0)
        {
            self.channel_at(channel);
        }
        let operations = match function.kind() {
            "identifier" => match self.text_of(function) {
                "make" | "new" | "append" | "string" => Operations::ALLOC,
                name if NO_CALLS.contains(&name) || PLAIN_TYPES.contains(&name) => return,
                name if self.variables.contains(name) => Operations::CALL | Operations::VALUE,
                _ => Operations::CALL,
            },
            "call_expression" | "type_assertion_expression" => Operations::CALL | Operations::VALUE,
            "selector_expression" => {
                let name = function.child_by_field_name("field").map(|field| self.text_of(field));
                if let Some(name) = name {
                    let start = self.line(node.start_byte(), node.start_position().row);
                    self.of_fields.push((name, [start, self.span(function).last]));
                }
                let operand = function.child_by_field_name("operand");
                if self.has_c && operand.is_some_and(|operand| self.text_of(operand) == "C") {
                    let span = self.span(node);
                    if let Some(function) = self.function() {
                        function.c_calls.push(span);
                    }
                }
                if name.is_some_and(is_waiting_method) {
                    Operations::CALL | Operations::LOCK
                } else {
                    Operations::CALL
                }
            }
            _ => Operations::CALL,
        };
        // Of a call over several lines, the recorded line is that of its start or its last name;
        // only the latter says which method it is.
        self.mark_end(function, operations);
        if operations.contains(Operations::CALL) {
            let value = Operations::VALUE;
            let value = if operations.contains(value) { value } else { Operations::default() };
            self.mark_start(node, Operations::CALL | value);
        }
    }

    /// Notes the variables that a node declares.
    fn variables(&mut self, node: Node<'_>) {
        if self.function_end.is_some() {
            let mut cursor = node.walk();
            let names = node.children_by_field_name("name", &mut cursor);
            let names: Vec<&str> = names.map(|name| self.text_of(name)).collect();
            self.variables.extend(names);
        }
    }

    /// Notes what those that have a type and no value can be.
    fn typed_channels(&mut self, node: Node<'_>, is_parameter: bool) {
        let Some(of) = node.child_by_field_name("type") else { return };
        if node.child_by_field_name("value").is_some() {
            return;
        }
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            let name = self.text_of(name);
            self.channels.typed(name, of, is_parameter, self.text);
        }
    }

    /// Those on the left side of a node.
    fn left_variables(&mut self, node: Node<'_>) {
        if let (Some(left), true) = (node.child_by_field_name("left"), self.function_end.is_some())
        {
            let mut cursor = left.walk();
            let names = left.named_children(&mut cursor);
            let names: Vec<&str> = names.map(|name| self.text_of(name)).collect();
            self.variables.extend(names);
        }
    }

    fn comment(&mut self, node: Node<'_>) {
        let Some(rest) = self.text_of(node).strip_prefix("//go:linkname ") else { return };
        let mut words = rest.split_whitespace();
        if let (Some(local), Some(linked)) = (words.next(), words.next()) {
            self.source.linknames.push((local.to_owned(), linked.to_owned()));
        }
    }

    fn function(&mut self) -> Option<&mut Function> {
        self.function_end?;
        self.source.functions.last_mut()
    }

    fn mark_start(&mut self, node: Node<'_>, operations: Operations) {
        self.mark(self.line(node.start_byte(), node.start_position().row), operations);
    }

    fn mark_end(&mut self, node: Node<'_>, operations: Operations) {
        self.mark(self.span(node).last, operations);
    }

    fn mark(&mut self, line: u32, operations: Operations) {
        let line = line as usize;
        if line >= self.source.operations.len() {
            self.source.operations.resize(line + 1, Operations::default());
        }
        self.source.operations[line] |= operations;
    }

    fn span(&self, node: Node<'_>) -> LineSpan {
        let first = self.line(node.start_byte(), node.start_position().row);
        // A node's end is behind its last character, which may be a line break.
        let end = node.end_position();
        let last = if end.column == 0 { end.row.saturating_sub(1) } else { end.row };
        let last = self.line(node.end_byte().saturating_sub(1), last);
        LineSpan { first, last: last.max(first) }
    }

    fn line(&self, byte: usize, row: usize) -> u32 {
        let line = if self.rows_are_lines {
            row
        } else {
            self.starts.partition_point(|&start| start <= byte).saturating_sub(1)
        };
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    fn text_of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

struct Receiver<'a> {
    name: &'a str,
    is_pointer: bool,
    is_generic: bool,
}

impl Receiver<'_> {
    fn in_trace(&self) -> String {
        let arguments = if self.is_generic { "[...]" } else { "" };
        let name = self.name;
        if self.is_pointer { format!("(*{name}{arguments})") } else { format!("{name}{arguments}") }
    }
}

fn is_waiting_method(name: &str) -> bool {
    let in_lower_case = name.to_ascii_lowercase();
    WAITING_METHODS.contains(&in_lower_case.as_str())
        // `LockContext`, `AcquireAll`, `WaitDelay`; and not `Unlock`, which has a small l.
        || ["Lock", "RLock", "Wait", "Acquire"].iter().any(|word| name.starts_with(word))
        || (name.ends_with("Lock") && !name.starts_with("Try"))
}

/// Whether a `+` surely adds numbers.
fn is_sum(node: Node<'_>) -> bool {
    let is_number = |side: Node<'_>| {
        matches!(side.kind(), "int_literal" | "float_literal" | "imaginary_literal")
    };
    ["left", "right"].iter().filter_map(|side| node.child_by_field_name(side)).any(|side| {
        is_number(side)
            || (side.kind() == "expression_list" && side.named_child(0).is_some_and(is_number))
    })
}

/// Whether a field may hold a function: by its type, which may have been given a name elsewhere.
fn may_be_function(field: Node<'_>, text: &str) -> bool {
    field.child_by_field_name("type").is_some_and(|of| match of.kind() {
        "function_type" | "qualified_type" | "generic_type" => true,
        "type_identifier" => {
            let name = text.get(of.byte_range()).unwrap_or_default();
            !PLAIN_TYPES.contains(&name) && !matches!(name, "string" | "error")
        }
        _ => false,
    })
}
