//! The text of a document, and where the lines of a trace stand in it after edits.
//!
//! A recorded position belongs to the trace, a buffer position to the document; only [`LineMap`]
//! turns one into the other, and it may answer "gone".
//! What a moved or lost line then shows is left to the annotations; which text is the base (the
//! file as it was when the trace was loaded) is left to the caller.
//!
//! ```text
//!   base            buffer          current   recorded
//!   0 func f() {    0 func f() {    0 -> 0    0 -> 0
//!   1   mu.Lock()   1   // new      1 -> 2    1 -> none
//!   2   work()      2   mu.Lock()   2 -> none 2 -> 1
//!   3 }             3   play()      3 -> 4    3 -> none
//!                   4 }                       4 -> 3
//! ```
//!
//! All lines are 0-based and end as LSP counts them: at `\n`, `\r\n` or a lone `\r`.

mod text_buffer;

use std::ops::Range;
use std::sync::Arc;

use imara_diff::{Algorithm, Diff, IndentHeuristic, IndentLevel, InternedInput};

use text_buffer::line_content;
pub(crate) use text_buffer::line_starts;
pub use text_buffer::{Edit, OutOfRange, TextBuffer, TextPosition, TextRange};

/// Above this many lines in a gap, only its equal head and tail are found: the diff is for files
/// that people edit, and has a hard limit on the number of lines.
const MAX_DIFF_LINES: usize = 1 << 20;

/// A line without a partner on the other side.
const NONE: u32 = u32::MAX;

/// Which line of the base text stands where in the buffer now.
///
/// Invariants: a line is mapped only onto a line with the same text (line terminators aside), both
/// directions say the same, and mapped lines keep their order.
#[derive(Clone, Debug)]
pub struct LineMap {
    base: Arc<str>,
    /// Where each line of `base` starts, in bytes.
    base_starts: Arc<[usize]>,
    /// By line of the base: the line of the buffer, or [`NONE`].
    current: Vec<u32>,
    /// By line of the buffer: the line of the base, or [`NONE`].
    recorded: Vec<u32>,
}

impl LineMap {
    /// The map of a buffer that still holds the base text.
    pub fn new(base: Arc<str>) -> Self {
        let base_starts: Arc<[usize]> = line_starts(&base).into();
        let identity: Vec<u32> = (0..to_line(base_starts.len())).collect();
        Self { base, base_starts, current: identity.clone(), recorded: identity }
    }

    /// The map between the base text and a buffer whose edits were not seen, by a diff of lines.
    pub fn between(base: Arc<str>, current: &str) -> Self {
        let base_starts: Arc<[usize]> = line_starts(&base).into();
        let mut map = Self { base, base_starts, current: Vec::new(), recorded: Vec::new() };
        map.reset(current, &line_starts(current));
        map
    }

    /// The line of the buffer that a recorded line became; `None` when its text is gone.
    pub fn current(&self, recorded: u32) -> Option<u32> {
        partner(&self.current, recorded)
    }

    /// The recorded line that a line of the buffer was; `None` when it is new or was changed.
    pub fn recorded(&self, current: u32) -> Option<u32> {
        partner(&self.recorded, current)
    }

    /// How many lines the buffer has.
    pub fn n_lines(&self) -> u32 {
        to_line(self.recorded.len())
    }

    /// A line of the text that recorded lines refer to, without its terminator.
    pub fn base_line(&self, line: u32) -> &str {
        if (line as usize) < self.base_starts.len() {
            line_content(&self.base, &self.base_starts, line as usize)
        } else {
            ""
        }
    }

    /// Where recorded lines are gone: the stretches of them, each with what stands there now between
    /// the same neighbours, which may be nothing.
    pub fn gaps(&self) -> Vec<(Range<u32>, Range<u32>)> {
        let mut gaps = Vec::new();
        // Behind the last mapped line.
        let (mut first, mut first_now) = (0, 0);
        let ends = [to_line(self.recorded.len())];
        for (line, &now) in self.current.iter().chain(&ends).enumerate() {
            let line = to_line(line);
            if now == NONE {
                continue;
            }
            if first < line {
                gaps.push((first..line, first_now..now));
            }
            (first, first_now) = (line + 1, now + 1);
        }
        gaps
    }

    /// The text that recorded lines refer to.
    pub fn base(&self) -> &Arc<str> {
        &self.base
    }

    /// Follows one edit; `buffer` is the document after it.
    ///
    /// 1. Lines above the changed block stay, lines below it move.
    /// 2. The block's own lines are gone.
    /// 3. The gap between the nearest mapped neighbours is compared with the base text again: what
    ///    an undo restored comes back, and nothing outside the gap can be taken for it.
    ///
    /// A buffer that holds the base text again is the base again, whatever way led there. An edit
    /// that does not fit the buffer makes a fresh diff of the whole text.
    pub fn edit(&mut self, edit: Edit, buffer: &TextBuffer) {
        if buffer.text() == &*self.base {
            self.reset(buffer.text(), buffer.starts());
            return;
        }
        let removed = edit.removed_lines();
        let n_lines_after = (self.recorded.len() + edit.inserted as usize)
            .checked_sub(edit.removed as usize)
            .filter(|_| removed.end <= self.recorded.len());
        if n_lines_after != Some(buffer.starts().len()) {
            self.reset(buffer.text(), buffer.starts());
            return;
        }

        for &base_line in &self.recorded[removed.clone()] {
            if base_line != NONE {
                self.current[base_line as usize] = NONE;
            }
        }
        self.recorded.splice(removed, std::iter::repeat_n(NONE, edit.inserted as usize));
        let inserted = edit.inserted_lines();
        if edit.inserted != edit.removed {
            for (line, &base_line) in self.recorded.iter().enumerate().skip(inserted.end) {
                if base_line != NONE {
                    self.current[base_line as usize] = to_line(line);
                }
            }
        }

        let before = self.recorded[..inserted.start].iter().rposition(|&line| line != NONE);
        let after = self.recorded[inserted.end..].iter().position(|&line| line != NONE);
        let gap = before.map_or(0, |line| line + 1)
            ..after.map_or(self.recorded.len(), |offset| inserted.end + offset);
        let base_gap = before.map_or(0, |line| self.recorded[line] as usize + 1)
            ..self.recorded.get(gap.end).map_or(self.current.len(), |&line| line as usize);
        self.compare(base_gap, gap, buffer.text(), buffer.starts());
    }

    fn reset(&mut self, text: &str, starts: &[usize]) {
        self.current = vec![NONE; self.base_starts.len()];
        self.recorded = vec![NONE; starts.len()];
        self.compare(0..self.base_starts.len(), 0..starts.len(), text, starts);
    }

    /// Maps what is equal in two gaps that hold no mapped line, or only lines of this very gap.
    fn compare(
        &mut self,
        mut base_gap: Range<usize>,
        mut gap: Range<usize>,
        text: &str,
        starts: &[usize],
    ) {
        let base = Arc::clone(&self.base);
        let base_starts = Arc::clone(&self.base_starts);
        let base_line = |line: usize| line_content(&base, &base_starts, line);
        let buffer_line = |line: usize| line_content(text, starts, line);

        while !base_gap.is_empty()
            && !gap.is_empty()
            && base_line(base_gap.start) == buffer_line(gap.start)
        {
            self.join(base_gap.start, gap.start);
            base_gap.start += 1;
            gap.start += 1;
        }
        while !base_gap.is_empty()
            && !gap.is_empty()
            && base_line(base_gap.end - 1) == buffer_line(gap.end - 1)
        {
            base_gap.end -= 1;
            gap.end -= 1;
            self.join(base_gap.end, gap.end);
        }
        if base_gap.is_empty() || gap.is_empty() || base_gap.len() + gap.len() > MAX_DIFF_LINES {
            return;
        }

        let mut input = InternedInput::default();
        input.reserve(to_line(base_gap.len()), to_line(gap.len()));
        input.update_before(base_gap.clone().map(base_line));
        input.update_after(gap.clone().map(buffer_line));
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_with_heuristic(
            &input,
            IndentHeuristic::new(|token| {
                IndentLevel::for_ascii_line(input.interner[token].bytes(), 8)
            }),
        );
        let (mut base_at, mut at) = (base_gap.start, gap.start);
        let end_hunk = to_line(base_gap.len())..to_line(base_gap.len());
        for hunk in diff.hunks().map(|hunk| (hunk.before, hunk.after)).chain([(end_hunk, 0..0)]) {
            let (removed, inserted) = hunk;
            while base_at < base_gap.start + removed.start as usize {
                self.join(base_at, at);
                base_at += 1;
                at += 1;
            }
            base_at += removed.len();
            at += inserted.len();
        }
    }

    fn join(&mut self, base_line: usize, line: usize) {
        self.current[base_line] = to_line(line);
        self.recorded[line] = to_line(base_line);
    }
}

fn partner(lines: &[u32], line: u32) -> Option<u32> {
    lines.get(line as usize).copied().filter(|&line| line != NONE)
}

/// A count or number of lines as LSP has it. Texts are far smaller than 4 Gi lines.
fn to_line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(NONE)
}

#[cfg(test)]
mod tests;
