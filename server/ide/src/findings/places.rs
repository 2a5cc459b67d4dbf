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

/// A file's last folder and its name, `http/transport.go`: enough to find it, whoever's it is. What a module's release
/// or its major version adds to a folder tells nothing.
pub fn in_folder(file: &str) -> String {
    let mut parts = file.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or(file);
    let unversioned = |dir: &'_ str| dir.split_once("@v").map_or(dir, |(dir, _)| dir).to_owned();
    let is_major = |dir: &str| {
        let number = dir.strip_prefix('v').unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    match parts.map(unversioned).find(|dir| !is_major(dir)) {
        Some(dir) if !dir.is_empty() => format!("{dir}/{name}"),
        _ => name.to_owned(),
    }
}

/// `db.go:72`, as short as a person can take it: where the line is now, or as recorded where it is gone. What is in no
/// file of the workspace has its folder before it, `http/transport.go:934`.
pub fn place(analysis: &Analysis, placement: Option<&Placement>, frame: FrameId) -> String {
    let placed = placement.map(|placement| placement.place(frame));
    let is_elsewhere = matches!(placed, Some(None));
    let now =
        placed.flatten().filter(|place| place.state != State::Lost).map(|place| place.line + 1);
    let frame = analysis.tables.frame(frame);
    let file = analysis.str(frame.file);
    let base = match is_elsewhere {
        true => in_folder(file),
        false => file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned(),
    };
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
