//! Findings where an editor shows them: on the lines of a file as it is now.
//!
//! What cannot be believed is withheld: the file does not hold the function at that line, or the
//! line was edited since. What a person silenced, too: `//waitline:ignore CODE reason` at the end of
//! the line, or alone on the line above it. Findings without a line are left to the caller.

use std::ops::Range;

use exectrace::FrameId;

use crate::findings::{Code, Finding, Severity};
use crate::line_map::TextBuffer;
use crate::placement::{FileId, Placement};
use crate::staleness::{Lines, State};

/// A finding on a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The buffer's line, from 0.
    pub line: u32,
    /// Where the text of the line stands in it, in UTF-8 bytes: without indentation and comment.
    pub columns: Range<u32>,
    /// How serious.
    pub severity: Severity,
    /// What kind.
    pub code: Code,
    /// What it says.
    pub message: String,
    /// The page about findings of this kind, as a path in the repository.
    pub href: String,
    /// Other lines that belong to it.
    pub related: Vec<Elsewhere>,
}

/// A line that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The file.
    pub file: FileId,
    /// Its path, as the placement has it.
    pub path: String,
    /// From 0. In the diagnostic's own file it is the buffer's line; in another one the recorded
    /// one, which that file's own line map turns into its buffer's.
    pub line: u32,
    /// What happened there.
    pub text: String,
}

/// The diagnostics of a file, in the order of the findings. `lines` leads to those of `buffer`.
pub fn diagnostics(
    findings: &[Finding],
    placement: &Placement,
    file: FileId,
    lines: &Lines,
    buffer: &TextBuffer,
) -> Vec<Diagnostic> {
    let mut list = Vec::new();
    for finding in findings {
        let Some(line) = line_of(finding.frame, placement, file, lines) else { continue };
        if is_ignored(buffer, line, finding.code) {
            continue;
        }
        list.push(Diagnostic {
            line,
            columns: columns(buffer.line(line).unwrap_or_default()),
            severity: finding.severity,
            code: finding.code,
            message: finding.message.clone(),
            href: finding.code.page(),
            related: related(finding, placement, file, lines),
        });
    }
    list
}

/// The buffer's line of a frame, if it stands in this file and can be believed.
fn line_of(
    frame: Option<FrameId>,
    placement: &Placement,
    file: FileId,
    lines: &Lines,
) -> Option<u32> {
    let place = placement.place(frame?).filter(|p| p.file == file && p.state < State::Doubtful)?;
    lines.current(place.line).filter(|now| now.state < State::Doubtful).map(|now| now.line)
}

fn related(
    finding: &Finding,
    placement: &Placement,
    file: FileId,
    lines: &Lines,
) -> Vec<Elsewhere> {
    let mut list = Vec::new();
    for related in &finding.related {
        let Some(place) = placement.place(related.frame).filter(|p| p.holds) else { continue };
        let line = if place.file == file {
            lines.current(place.line).map(|now| now.line)
        } else {
            Some(place.line)
        };
        let Some(line) = line else { continue };
        list.push(Elsewhere {
            file: place.file,
            path: placement.source(place.file).path.clone(),
            line,
            text: related.text.clone(),
        });
    }
    list
}

/// What silences a finding, before its code.
const IGNORE: &str = "//waitline:ignore";

/// Whether a comment on the line, or alone on the line above it, silences findings of this kind.
pub fn is_ignored(buffer: &TextBuffer, line: u32, code: Code) -> bool {
    let here = buffer.line(line).is_some_and(|text| ignores(text, code));
    let above = line.checked_sub(1).and_then(|line| buffer.line(line));
    here || above.is_some_and(|text| text.trim_start().starts_with(IGNORE) && ignores(text, code))
}

/// Whether a line's comment silences this code. Several codes may stand there, with commas between;
/// all that follows is the reason, for people.
fn ignores(text: &str, code: Code) -> bool {
    text.split(IGNORE).skip(1).any(|rest| {
        // Else it is a longer word, or no code.
        rest.starts_with([' ', '\t'])
            && rest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .split(',')
                .any(|n| n == code.as_str())
    })
}

/// The comment that silences a finding of this kind, for a person to add a reason.
pub fn ignore_comment(code: Code) -> String {
    format!("{IGNORE} {} ", code.as_str())
}

/// Where the statement of a line stands in it: without indentation, and without a comment at its
/// end where there is surely one (no quote before it).
fn columns(text: &str) -> Range<u32> {
    let start = text.len() - text.trim_start().len();
    let comment =
        text.find("//").filter(|&at| at > start && !text[..at].contains(['"', '`', '\'']));
    let end = text[..comment.unwrap_or(text.len())].trim_end().len();
    let as_column = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    as_column(start)..as_column(end.max(start))
}

#[cfg(test)]
mod tests;
