//! Text to wire.

use super::{FRAME_ARGS, RUNTIME_SIZE_WIDTH, TextError, minimal_width, v1};
use crate::Version;
use crate::v2::spec::{self, ev};

/// The most bytes that a varint of 64 bits takes.
const MAX_WIDTH: usize = 10;

/// Makes the bytes of a trace from its text.
///
/// # Errors
///
/// For a line that is not in the form that [`super`] describes.
pub fn read(text: &str) -> Result<Vec<u8>, TextError> {
    let mut builder = Builder::default();
    for (i, line) in text.split('\n').enumerate() {
        builder.line(line).map_err(|message| TextError::line(i + 1, message))?;
    }
    builder.end_batch();
    builder.end_v1_stack();
    if builder.out.is_empty() {
        return Err(TextError::line(1, "no header (such as: go 1.26)"));
    }
    Ok(builder.out)
}

/// The trace so far. What a line means depends on the lines before it in one respect: a stack
/// and a batch are open until a line that cannot belong to them, and have their counts before
/// what is counted.
#[derive(Default)]
struct Builder {
    out: Vec<u8>,
    batch: Option<OpenBatch>,
    /// The header is that of the older format.
    is_v1: bool,
    v1_stack: Option<v1::Open>,
}

struct OpenBatch {
    is_experimental: bool,
    /// Everything before the size.
    header: Vec<u8>,
    /// The size to claim instead of the true one.
    size: Option<u64>,
    /// The bytes of the size; `None` for as few as it needs.
    width: Option<usize>,
    data: Vec<u8>,
    stack: Option<OpenStack>,
}

struct OpenStack {
    /// The number of frames to claim instead of the true one.
    n_frames: Option<Arg>,
    n: u64,
    frames: Vec<u8>,
}

impl Builder {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let is_inside = line.starts_with([' ', '\t']);
        let mut words = Words { rest: line };
        let Some(word) = words.next()? else { return Ok(()) };
        let Word::Bare(word) = word else { return Err("a line begins with a name".to_owned()) };
        if self.is_v1 && word != "go" {
            return self.v1_line(word, words);
        }
        if is_inside {
            let batch = self.batch.as_mut().ok_or("an indented line must be in a batch")?;
            batch.line(word, words)
        } else {
            self.end_batch();
            self.top_line(word, words)
        }
    }

    fn v1_line(&mut self, word: &str, words: Words<'_>) -> Result<(), String> {
        if word.starts_with("pc=") {
            let stack = self.v1_stack.as_mut().ok_or("a frame must come after a Stack")?;
            let mut args = Args::read(words)?;
            args.add(word)?;
            return stack.frame(args);
        }
        self.end_v1_stack();
        if word == "bytes" {
            return hex(words, &mut self.out);
        }
        self.v1_stack = v1::read(word, Args::read(words)?, &mut self.out)?;
        Ok(())
    }

    fn end_v1_stack(&mut self) {
        if let Some(stack) = self.v1_stack.take() {
            stack.end(&mut self.out);
        }
    }

    fn top_line(&mut self, word: &str, mut words: Words<'_>) -> Result<(), String> {
        if word != "bytes" && self.out.is_empty() != (word == "go") {
            return Err(format!("the header must come first and once, found {word}"));
        }
        match word {
            "go" => {
                let Some(Word::Bare(version)) = words.next()? else {
                    return Err("a header needs its version".to_owned());
                };
                self.out.extend_from_slice(format!("go {version} trace\0\0\0").as_bytes());
                let header = Version::from_header(&self.out);
                self.is_v1 = header.is_ok_and(Version::is_v1);
                words.end()
            }
            "batch" => self.begin_batch(ev::EVENT_BATCH, words),
            "experimental" => self.begin_batch(ev::EXPERIMENTAL_BATCH, words),
            "EndOfGeneration" => {
                self.out.push(ev::END_OF_GENERATION);
                words.end()
            }
            "bytes" => hex(words, &mut self.out),
            _ => Err(format!("{word} is not known here (indent it when it stands in a batch)")),
        }
    }

    fn begin_batch(&mut self, typ: u8, words: Words<'_>) -> Result<(), String> {
        let mut args = Args::read(words)?;
        let is_experimental = typ == ev::EXPERIMENTAL_BATCH;
        let mut header = vec![typ];
        if is_experimental {
            let exp = args.need("exp")?.value;
            header.push(u8::try_from(exp).map_err(|_| format!("exp={exp} is not a byte"))?);
        }
        for name in ["gen", "m", "time"] {
            args.need(name)?.push(&mut header);
        }
        let size = args.take("size").map(|size| size.value);
        let width = match args.take_bare("width") {
            None => Some(RUNTIME_SIZE_WIDTH),
            Some("minimal") => None,
            Some(width) => match width.parse() {
                Ok(width @ 1..=MAX_WIDTH) => Some(width),
                _ => return Err(format!("width={width} is not 1 to {MAX_WIDTH}, nor minimal")),
            },
        };
        args.end()?;
        let data = Vec::new();
        self.batch = Some(OpenBatch { is_experimental, header, size, width, data, stack: None });
        Ok(())
    }

    fn end_batch(&mut self) {
        let Some(mut batch) = self.batch.take() else { return };
        batch.end_stack();
        let value = batch.size.unwrap_or(batch.data.len() as u64);
        let width = batch.width.unwrap_or(0).max(minimal_width(value));
        self.out.append(&mut batch.header);
        Arg { value, width }.push(&mut self.out);
        self.out.append(&mut batch.data);
    }
}

impl OpenBatch {
    fn line(&mut self, word: &str, words: Words<'_>) -> Result<(), String> {
        if self.is_experimental {
            push_hex(word, &mut self.data)?;
            return hex(words, &mut self.data);
        }
        if word.starts_with("pc=") {
            return self.frame(word, words);
        }
        self.end_stack();
        if word == "bytes" {
            return hex(words, &mut self.data);
        }
        let spec = spec::by_name(word).ok_or_else(|| format!("no event is named {word}"))?;
        let mut args = Args::read(words)?;
        self.data.push(spec.typ);
        match spec.typ {
            ev::EVENT_BATCH | ev::EXPERIMENTAL_BATCH => {
                return Err(format!("{word} cannot stand in a batch"));
            }
            ev::STRING => {
                args.need("id")?.push(&mut self.data);
                let text = args.text.take().ok_or("a String needs its text in quotes")?;
                let len = args.take("len").unwrap_or_else(|| Arg::minimal(text.len() as u64));
                len.push(&mut self.data);
                self.data.extend_from_slice(&text);
            }
            ev::STACK => {
                args.need("id")?.push(&mut self.data);
                let n_frames = args.take("nframes");
                self.stack = Some(OpenStack { n_frames, n: 0, frames: Vec::new() });
            }
            _ => {
                for name in spec.args {
                    args.need(name)?.push(&mut self.data);
                }
            }
        }
        args.end()
    }

    fn frame(&mut self, pc: &str, words: Words<'_>) -> Result<(), String> {
        let stack = self.stack.as_mut().ok_or("a frame must come after a Stack")?;
        let mut args = Args::read(words)?;
        args.add(pc)?;
        for name in FRAME_ARGS {
            args.need(name)?.push(&mut stack.frames);
        }
        stack.n += 1;
        args.end()
    }

    fn end_stack(&mut self) {
        let Some(mut stack) = self.stack.take() else { return };
        stack.n_frames.unwrap_or_else(|| Arg::minimal(stack.n)).push(&mut self.data);
        self.data.append(&mut stack.frames);
    }
}

/// A number, and the bytes that it is to take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arg {
    pub(super) value: u64,
    width: usize,
}

impl Arg {
    pub(super) fn minimal(value: u64) -> Arg {
        Arg { value, width: minimal_width(value) }
    }

    fn parse(text: &str) -> Option<Arg> {
        let (value, width) = match text.split_once('/') {
            Some((value, width)) => (value, Some(width.parse::<usize>().ok()?)),
            None => (text, None),
        };
        let value = match value.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok()?,
            None if value == "-1" => u64::MAX,
            None => value.parse().ok()?,
        };
        let minimal = minimal_width(value);
        let width = width.unwrap_or(minimal);
        (minimal..=MAX_WIDTH).contains(&width).then_some(Arg { value, width })
    }

    pub(super) fn push(self, out: &mut Vec<u8>) {
        let mut value = self.value;
        for _ in 1..self.width {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
}

/// The `name=value` words of a line, and its text in quotes.
pub(super) struct Args<'a> {
    args: Vec<(&'a str, &'a str)>,
    pub(super) text: Option<Vec<u8>>,
}

impl<'a> Args<'a> {
    fn read(mut words: Words<'a>) -> Result<Args<'a>, String> {
        let mut args = Args { args: Vec::new(), text: None };
        while let Some(word) = words.next()? {
            match word {
                Word::Bare(word) => args.add(word)?,
                Word::Quoted(text) if args.text.is_none() => args.text = Some(text),
                Word::Quoted(_) => return Err("two texts in a line".to_owned()),
            }
        }
        Ok(args)
    }

    fn add(&mut self, word: &'a str) -> Result<(), String> {
        let arg = word.split_once('=').ok_or_else(|| format!("{word} is not name=value"))?;
        if arg.0 != "width" && Arg::parse(arg.1).is_none() {
            return Err(format!("{word} is not name=number, nor name=number/width"));
        }
        self.args.push(arg);
        Ok(())
    }

    fn take_bare(&mut self, name: &str) -> Option<&'a str> {
        let i = self.args.iter().position(|arg| arg.0 == name)?;
        Some(self.args.remove(i).1)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Arg> {
        Arg::parse(self.take_bare(name)?)
    }

    pub(super) fn need(&mut self, name: &str) -> Result<Arg, String> {
        self.take(name).ok_or_else(|| format!("{name}= is missing"))
    }

    /// Everything must have been taken: a name that nobody asked for is a mistake in the text.
    pub(super) fn end(self) -> Result<(), String> {
        match (self.args.first(), self.text) {
            (Some((name, _)), _) => Err(format!("{name}= is not known here, or there twice")),
            (None, Some(_)) => Err("a text does not belong here".to_owned()),
            (None, None) => Ok(()),
        }
    }
}

enum Word<'a> {
    Bare(&'a str),
    Quoted(Vec<u8>),
}

/// Splits a line at blanks, minding quotes; a `#` outside of quotes ends it.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<Option<Word<'a>>, String> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() || self.rest.starts_with('#') {
            return Ok(None);
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let (text, rest) = unquote(rest)?;
            self.rest = rest;
            return Ok(Some(Word::Quoted(text)));
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || c == '#');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(Some(Word::Bare(word)))
    }

    fn end(mut self) -> Result<(), String> {
        match self.next()? {
            None => Ok(()),
            Some(_) => Err("more on the line than belongs there".to_owned()),
        }
    }
}

/// The bytes up to the closing quote, and what stands after it.
fn unquote(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(['"', '\\']).ok_or("a text without its closing quote")?;
        out.extend_from_slice(&rest.as_bytes()[..end]);
        let special = &rest[end..];
        if let Some(after) = special.strip_prefix('"') {
            return Ok((out, after));
        }
        let mut escape = special[1..].chars();
        match escape.next() {
            Some(c @ ('"' | '\\')) => out.push(c as u8),
            Some('n') => out.push(b'\n'),
            Some('t') => out.push(b'\t'),
            Some('r') => out.push(b'\r'),
            Some('x') => {
                let digits = escape.as_str().get(..2).ok_or("\\x needs two hex digits")?;
                push_hex(digits, &mut out)?;
                escape.nth(1);
            }
            _ => return Err("an escape is \\\" \\\\ \\n \\t \\r or \\xNN".to_owned()),
        }
        rest = escape.as_str();
    }
}

fn hex(mut words: Words<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    while let Some(word) = words.next()? {
        let Word::Bare(word) = word else { return Err("bytes are hex digits".to_owned()) };
        push_hex(word, out)?;
    }
    Ok(())
}

fn push_hex(digits: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
    for pair in digits.as_bytes().chunks(2) {
        match pair.iter().map(digit).collect::<Option<Vec<u8>>>().as_deref() {
            Some([high, low]) => out.push(high << 4 | low),
            _ => return Err(format!("{digits} is not bytes in hex")),
        }
    }
    Ok(())
}
