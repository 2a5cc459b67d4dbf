//! Lines that the text of a finding names.
//!
//! What the rules find is kept, while the files that it tells of are edited: so a text has a mark for
//! each line, and where that is now is filled in when the text is to be read.

use exectrace::FrameId;

use super::{Finding, Found};
use crate::Analysis;
use crate::placement::Placement;
use crate::staleness::State;
use crate::text::plain;

const BEFORE: &str = "{frame ";
const AFTER: char = '}';

/// What stands for the line of a frame, until it is known where that is.
pub(super) fn mark(frame: FrameId) -> String {
    format!("{BEFORE}{}{AFTER}", frame.0)
}

/// `db.go:72`, as short as a person can take it: where the line is now, or as recorded where it is gone
/// or in no file of the workspace.
pub fn place(analysis: &Analysis, placement: Option<&Placement>, frame: FrameId) -> String {
    let now = placement.and_then(|placement| placement.place(frame));
    let now = now.filter(|place| place.state != State::Lost).map(|place| place.line + 1);
    let frame = analysis.tables.frame(frame);
    let file = analysis.str(frame.file);
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    plain(&format!("{base}:{}", now.unwrap_or(frame.line)))
}

impl Found {
    /// Says of each line that is named where it is.
    pub fn name_places(&mut self, analysis: &Analysis, placement: Option<&Placement>) {
        let name_in = |text: &mut String| name_in(text, analysis, placement);
        for finding in &mut self.findings {
            let Finding { message, detail, related, .. } = finding;
            let related = related.iter_mut().map(|related| &mut related.text);
            detail.iter_mut().chain(related).chain([message]).for_each(name_in);
        }
        self.looked.iter_mut().map(|looked| &mut looked.message).for_each(name_in);
    }
}

/// Puts the place in where a mark is.
fn name_in(text: &mut String, analysis: &Analysis, placement: Option<&Placement>) {
    if !text.contains(BEFORE) {
        return;
    }
    let mut parts = text.split(BEFORE);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A trace can hold names that look like a mark.
        let frame = part.split_once(AFTER).and_then(|(row, rest)| {
            let row =
                row.parse().ok().filter(|&row| (row as usize) < analysis.tables.n_frames())?;
            Some((FrameId(row), rest))
        });
        match frame {
            Some((frame, rest)) => {
                filled.push_str(&place(analysis, placement, frame));
                filled.push_str(rest);
            }
            None => {
                filled.push_str(BEFORE);
                filled.push_str(part);
            }
        }
    }
    *text = filled;
}
