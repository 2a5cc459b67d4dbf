//! A document as an editor changes it: its text, where its lines start, and edits in the positions
//! that LSP uses.
//!
//! What the edits mean for recorded lines is left to the line map.

use std::ops::Range;

/// A position in a document as LSP counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextPosition {
    /// 0-based line.
    pub line: u32,
    /// 0-based column in UTF-16 code units. Beyond the end of the line it means the end of the
    /// line; within a surrogate pair it means the pair's start.
    pub character: u32,
}

/// A half-open range of a document. Ends in the wrong order are exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TextRange {
    /// The first position.
    pub start: TextPosition,
    /// The position after the last.
    pub end: TextPosition,
}

/// What an edit did to the lines: `removed` lines from `first_line` on gave way to `inserted` ones.
///
/// It is as small as the edit allows: lines that it left whole are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// The first changed line, 0-based, the same before and after the edit.
    pub first_line: u32,
    /// Number of lines before the edit that are no more.
    pub removed: u32,
    /// Number of lines after the edit that stand in their place.
    pub inserted: u32,
}

impl Edit {
    pub(super) fn removed_lines(self) -> Range<usize> {
        let first = self.first_line as usize;
        first..first + self.removed as usize
    }

    pub(super) fn inserted_lines(self) -> Range<usize> {
        let first = self.first_line as usize;
        first..first + self.inserted as usize
    }
}

/// An edit names a line that the document does not have: the two sides no longer hold the same
/// text, and only the whole text can heal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The line asked for, 0-based.
    pub line: u32,
    /// Number of lines that the document has.
    pub n_lines: u32,
}

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} is beyond the document's {} lines", self.line, self.n_lines)
    }
}

impl std::error::Error for OutOfRange {}

/// The text of an open document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBuffer {
    text: String,
    /// Where each line starts, in bytes; there is always a first line.
    starts: Vec<usize>,
}

impl TextBuffer {
    /// A document with this text.
    pub fn new(text: String) -> Self {
        let starts = line_starts(&text);
        Self { text, starts }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number of lines; at least one, since an empty text has an empty line.
    pub fn n_lines(&self) -> u32 {
        super::to_line(self.starts.len())
    }

    /// The text of a line, 0-based, without its terminator.
    pub fn line(&self, line: u32) -> Option<&str> {
        let line = line as usize;
        (line < self.starts.len()).then(|| line_content(&self.text, &self.starts, line))
    }

    /// The column in UTF-16 code units of a column in UTF-8 bytes, both clamped to the line's end
    /// and to the start of a character; 0 on a line that does not exist.
    pub fn utf16_column(&self, line: u32, utf8_column: u32) -> u32 {
        let Some(line) = self.line(line) else { return 0 };
        let mut utf16_column = 0;
        for (at, c) in line.char_indices() {
            if at + c.len_utf8() > utf8_column as usize {
                break;
            }
            utf16_column += c.len_utf16();
        }
        super::to_line(utf16_column)
    }

    /// The byte offset of a position.
    pub fn offset(&self, position: TextPosition) -> Result<usize, OutOfRange> {
        let line = self
            .line(position.line)
            .ok_or(OutOfRange { line: position.line, n_lines: self.n_lines() })?;
        let mut left = position.character as usize;
        let mut within = line.len();
        for (at, c) in line.char_indices() {
            if left < c.len_utf16() {
                within = at;
                break;
            }
            left -= c.len_utf16();
        }
        Ok(self.starts[position.line as usize] + within)
    }

    /// Puts `new_text` in the place of a range, and says which lines that changed.
    ///
    /// # Errors
    /// If a position names a line that the document does not have; the document stays as it was.
    pub fn apply(&mut self, range: TextRange, new_text: &str) -> Result<Edit, OutOfRange> {
        let (start, end) = (range.start.min(range.end), TextPosition::max(range.start, range.end));
        let bytes = self.offset(start)?..self.offset(end)?;
        Ok(self.splice(bytes, start.line as usize, end.line as usize, new_text))
    }

    /// Puts a new text in the place of the whole document, and says which lines that changed.
    pub fn replace(&mut self, new_text: &str) -> Edit {
        let last_line = self.starts.len() - 1;
        self.splice(0..self.text.len(), 0, last_line, new_text)
    }

    pub(super) fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The steps of every edit:
    ///
    /// 1. The block of lines that the edit reaches into: lines outside it keep their text.
    /// 2. Splice the text; find the line starts of the block anew, move those after it.
    /// 3. Take out of the block what the edit left whole.
    ///
    /// A block begins one line earlier when a lone `\r` ends that line: a `\n` may come to stand
    /// behind it and make one terminator of two.
    fn splice(
        &mut self,
        bytes: Range<usize>,
        first_line: usize,
        last_line: usize,
        new_text: &str,
    ) -> Edit {
        let follows_cr =
            bytes.start > 0 && self.text.as_bytes().get(bytes.start - 1) == Some(&b'\r');
        let first = if follows_cr { first_line.saturating_sub(1) } else { first_line };
        let old_end_line = last_line + 1;
        let old_end = self.starts.get(old_end_line).copied().unwrap_or(self.text.len());
        let block_start = self.starts[first];
        let old_block = self.text[block_start..old_end].to_owned();
        let old_relative: Vec<usize> =
            self.starts[first..old_end_line].iter().map(|start| start - block_start).collect();
        let starts_whole = bytes.end == self.starts[last_line];

        self.text.replace_range(bytes.clone(), new_text);
        let new_end = old_end - bytes.len() + new_text.len();
        let edit_end = bytes.start + new_text.len();
        let mut block_starts = line_starts(&self.text[block_start..new_end]);
        // A block that ends with a terminator has no empty line behind it: that is the next one.
        if old_end_line < self.starts.len() {
            block_starts.pop();
        }
        let new_relative = block_starts.clone();
        for start in &mut block_starts {
            *start += block_start;
        }
        let n_new = block_starts.len();
        self.starts.splice(first..old_end_line, block_starts);
        for start in &mut self.starts[first + n_new..] {
            *start = *start - old_end + new_end;
        }

        let new_block = &self.text[block_start..new_end];
        let old_line = |line: usize| line_content(&old_block, &old_relative, line);
        let new_line = |line: usize| line_content(new_block, &new_relative, line);
        let (mut head, mut old_tail, mut new_tail) = (0, old_relative.len(), n_new);
        // An edit at the start of a line that leaves it at the start of a line has not touched it,
        // whatever equal lines stand above.
        if starts_whole && new_tail > 0 && new_relative[new_tail - 1] + block_start == edit_end {
            old_tail -= 1;
            new_tail -= 1;
        }
        while head < old_tail.min(new_tail) && old_line(head) == new_line(head) {
            head += 1;
        }
        while head < old_tail.min(new_tail) && old_line(old_tail - 1) == new_line(new_tail - 1) {
            old_tail -= 1;
            new_tail -= 1;
        }
        Edit {
            first_line: super::to_line(first + head),
            removed: super::to_line(old_tail - head),
            inserted: super::to_line(new_tail - head),
        }
    }
}

/// Where each line starts, in bytes. A text has one line more than it has terminators.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (at, &byte) in bytes.iter().enumerate() {
        if byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
            starts.push(at + 1);
        }
    }
    starts
}

/// A line without its terminator.
pub(super) fn line_content<'a>(text: &'a str, starts: &[usize], line: usize) -> &'a str {
    let Some(&start) = starts.get(line) else { return "" };
    let end = starts.get(line + 1).copied().unwrap_or(text.len());
    text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n'])
}
