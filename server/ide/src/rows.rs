//! What each line of a person's own code cost, by kind: the rows of a report.
//!
//! Lines of the workspace are those of `sites`. What stands in no file of it has lines as they were
//! recorded, where the function's name tells that it is a person's own. Which rows are shown, and in
//! which order, is left to the callers.

use exectrace::{FrameId, StrId};

use crate::cases::Cases;
use crate::figures::SlotId;
use crate::kinds::{Kind, kind_of};
use crate::lines::{By, Figure, lines, own_by_name};
use crate::placement::FileId;
use crate::staleness::State;
use crate::verdicts::{Sum, Verdict};
use crate::view::View;

/// A line and one kind of what it cost.
#[derive(Debug, Clone)]
pub struct Row {
    /// The line.
    pub at: At,
    /// The function that was met there first.
    pub func: StrId,
    /// The kind.
    pub kind: Kind,
    /// How much.
    pub figure: Figure,
    /// How its waits and system calls were judged.
    pub judged: Sum,
    /// What of it is costly, in nanoseconds: with what was run to help the collector.
    pub costly_ns: i64,
}

/// Where the line of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// In a file of the workspace.
    Workspace {
        /// The file.
        file: FileId,
        /// From 0: where it is now, or as recorded where it is gone.
        line: u32,
        /// Whether it is the recorded one.
        state: State,
    },
    /// In none.
    Recorded {
        /// The file, as recorded.
        file: StrId,
        /// From 1.
        line: u32,
    },
}

impl Row {
    /// Its file: of the workspace, else as recorded.
    pub fn file<'a>(&self, view: &'a View) -> &'a str {
        match self.at {
            At::Workspace { file, .. } => &view.placement.source(file).path,
            At::Recorded { file, .. } => view.analysis.str(file),
        }
    }

    /// Its line, from 1.
    pub fn line(&self) -> u32 {
        match self.at {
            At::Workspace { line, .. } => line.saturating_add(1),
            At::Recorded { line, .. } => line,
        }
    }

    /// Whether that is the recorded one.
    pub fn state(&self) -> State {
        match self.at {
            At::Workspace { state, .. } => state,
            At::Recorded { .. } => State::Exact,
        }
    }

    /// The line as it stands now; `None` where it is gone, or its file is not in the workspace.
    pub fn text<'a>(&self, view: &'a View) -> Option<&'a str> {
        match self.at {
            At::Workspace { file, line, state } if state != State::Lost => {
                view.placement.source(file).text.lines().nth(line as usize).map(str::trim)
            }
            _ => None,
        }
    }

    /// With which of its cases it went on, where it waits in a `select`.
    pub fn cases<'a>(&self, view: &'a View) -> Option<&'a Cases> {
        match self.at {
            At::Workspace { file, line, .. } if self.kind.is_wait() => view.cases.at(file, line),
            _ => None,
        }
    }

    /// The function that most of it was spent in, called from the line, as short as a person can take it.
    pub fn called(&self, view: &View) -> Option<String> {
        let analysis = &view.analysis;
        let of = |slot: &SlotId| analysis.slots.get(slot.0 as usize);
        let slots = self.figure.slots.iter().filter_map(of);
        let stack = analysis.stack(slots.max_by_key(|slot| slot.ns)?.stack);
        let user = stack.iter().position(|&frame| view.placement.place(frame).is_some())?;
        let func = analysis.tables.frame(*stack.get(user.checked_sub(1)?)?).func;
        Some(crate::text::plain(crate::view::short_func(analysis.str(func))))
    }

    /// Nanoseconds of a verdict; what is costly counts what was run to help the collector.
    pub fn of(&self, verdict: Verdict) -> i64 {
        match verdict {
            Verdict::Costly => self.costly_ns,
            _ => self.judged.of(verdict),
        }
    }
}

/// The rows of all lines of the workspace.
pub fn of_workspace(view: &View) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in view.placement.files() {
        for site in view.sites.lines(file) {
            let state = if site.holds { site.state } else { State::Lost };
            for part in site.parts.iter().filter(|part| part.kind.is_ranked()) {
                rows.push(Row {
                    at: At::Workspace { file, line: site.line, state },
                    func: site.func,
                    kind: part.kind,
                    figure: part.figure.clone(),
                    judged: part.judged,
                    costly_ns: part.costly_ns(),
                });
            }
        }
    }
    rows
}

/// The rows of all lines that are a person's own by the names of their functions, of stacks on which no
/// line of the workspace stands.
pub fn by_name(view: &View) -> Vec<Row> {
    let analysis = &view.analysis;
    let own = own_by_name(analysis);
    let is_own = |f: FrameId| own[f.0 as usize];
    let is_placed = |f: &FrameId| view.placement.place(*f).is_some();
    let mut rows = Vec::new();
    for line in lines(analysis, By::Here, &is_own) {
        // Of a test binary, Go wrote the `main` itself.
        if line.line == 0 || analysis.str(line.file).ends_with("_testmain.go") {
            continue;
        }
        let mut parts: Vec<(Kind, Figure)> = Vec::new();
        for slot in line.causes.iter().flat_map(|(_, figure)| &figure.slots) {
            let row = &analysis.slots[slot.0 as usize];
            let stack = analysis.stack(row.stack);
            if stack.iter().any(is_placed) {
                continue;
            }
            let user = stack.iter().position(|&f| is_own(f)).unwrap_or(0);
            let Some(kind) = kind_of(analysis, row, user) else { continue };
            let at = parts.iter().position(|p| p.0 == kind).unwrap_or_else(|| {
                parts.push((kind, Figure::new()));
                parts.len() - 1
            });
            parts[at].1.add(analysis, *slot);
        }
        for (kind, figure) in parts {
            if kind.is_ranked() && figure.count() > 0 {
                let judged = view.judged(&figure.slots);
                let ran = |slot: &_| view.ran_assisting(*slot);
                let assist = match kind {
                    Kind::Assist => figure.slots.iter().map(ran).fold(0, i64::saturating_add),
                    _ => 0,
                };
                rows.push(Row {
                    at: At::Recorded { file: line.file, line: line.line },
                    func: line.func,
                    kind,
                    figure,
                    judged,
                    costly_ns: judged.of(Verdict::Costly).saturating_add(assist),
                });
            }
        }
    }
    rows
}
