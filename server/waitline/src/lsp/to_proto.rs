//! What `ide` says, in the protocol's types. Columns become UTF-16.

use std::path::Path;

use ide::annotations::Annotation;
use ide::lenses::{Lens, Target};
use ide::staleness::Lines;
use ide::view::View;
use lsp_types::{
    CodeLens, Command, Diagnostic, DiagnosticSeverity, InlayHint, InlayHintLabel, InlayHintTooltip,
    Location, NumberOrString, Position, Range, Url,
};
use serde_json::json;

use super::session::About;
use crate::paths;

/// The command that shows the evidence for a line.
pub(super) const EVIDENCE: &str = "waitline.evidence";
/// The command that goes to a line.
pub(super) const GO: &str = "waitline.go";

/// The lines of a document, open or not, and those of its file.
pub(super) struct Texts<'a>(&'a super::documents::Snapshot);

impl<'a> Texts<'a> {
    pub(super) fn new(about: &'a About) -> Self {
        Texts(&about.text)
    }

    /// The columns of a line of the document, given those in UTF-8 of the recorded one: the same if
    /// the text is; else what stands there.
    fn columns(&self, line: u32, recorded: u32, of: &std::ops::Range<u32>) -> (u32, u32) {
        let (text, base) = (self.0.line(line), self.0.map.base_line(recorded));
        let column = |at: usize| text.get(..at).map_or(0, |t| t.encode_utf16().count()) as u32;
        if text == base {
            (column(of.start as usize), column(of.end as usize))
        } else {
            (column(text.len() - text.trim_start().len()), column(text.trim_end().len()))
        }
    }
}

/// A lens. `can`: whether the editor can run a command; else the lens is text.
pub(super) fn code_lens(
    about: &About,
    uri: &Url,
    texts: &Texts<'_>,
    lines: &Lines,
    lens: &Lens,
    can: impl Fn(&str) -> bool,
) -> CodeLens {
    let recorded = lines.recorded(lens.line).unwrap_or(lens.line);
    let (start, end) = texts.columns(lens.line, recorded, &lens.columns);
    let (command, argument) = match lens.target {
        Target::Evidence(line) => {
            // Where it stands now, for an editor that asks for the evidence itself.
            let now = about.text.map.current(line);
            (EVIDENCE, json!({ "uri": uri, "line": line, "now": now }))
        }
        Target::Frame(frame) => {
            let place = location(&about.shown.view, frame);
            (
                GO,
                place.map_or_else(
                    || json!({}),
                    |l| json!({ "uri": l.uri, "line": l.range.start.line }),
                ),
            )
        }
    };
    let command = if can(command) { command } else { "" };
    CodeLens {
        range: Range::new(Position::new(lens.line, start), Position::new(lens.line, end)),
        command: Some(Command {
            title: lens.title.clone(),
            command: command.to_owned(),
            arguments: (!command.is_empty()).then(|| vec![argument]),
        }),
        data: None,
    }
}

/// Where a frame stands in the workspace, on its recorded line.
pub(super) fn location(view: &View, frame: exectrace::FrameId) -> Option<Location> {
    let place = view.placement.place(frame)?;
    let file = view.placement.source(place.file);
    let uri = paths::uri(Path::new(&file.path))?;
    let position = Position::new(place.line, 0);
    Some(Location { uri, range: Range::new(position, position) })
}

/// A hint at its line's end.
pub(super) fn inlay_hint(texts: &Texts<'_>, annotation: &Annotation) -> InlayHint {
    let text = texts.0.line(annotation.line);
    let end = text.encode_utf16().count() as u32;
    let others = annotation.others.as_ref().map(|others| format!(" · {others}"));
    // There is room for one of the two.
    let hint = match &annotation.others {
        Some(others) if annotation.heat == 0 => others,
        _ => &annotation.hint,
    };
    InlayHint {
        position: Position::new(annotation.line, end),
        label: InlayHintLabel::String(hint.clone()),
        kind: None,
        text_edits: None,
        tooltip: Some(InlayHintTooltip::String(
            annotation.long.clone() + &others.unwrap_or_default(),
        )),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    }
}

/// What there is to say about the trace itself.
pub(super) fn diagnostics(view: &View) -> Vec<Diagnostic> {
    let hint = |code: &str, message: String| Diagnostic {
        range: Range::default(),
        severity: Some(DiagnosticSeverity::HINT),
        code: Some(NumberOrString::String(code.to_owned())),
        source: Some("waitline".to_owned()),
        message,
        ..Diagnostic::default()
    };
    let mut list = Vec::new();
    if let Some(partial) = view.analysis.partial() {
        list.push(hint("trace-partial", partial));
    }
    for note in view.analysis.notes.iter().take(8) {
        list.push(hint("trace-note", format!("{} (at byte {})", note.what, note.offset)));
    }
    // A path or two of no cost are in every trace; what matters is where the waiting is.
    let named: Vec<String> = view
        .placement
        .lacking(1)
        .take(3)
        .map(|u| {
            let share = ide::units::percent_short(u.ns, u.of_ns);
            format!("{share} of the program's waiting is in {}", ide::text::code(&u.prefix))
        })
        .collect();
    if !named.is_empty() {
        list.push(hint(
            "frames-unmapped",
            format!(
                "{}, which is no folder of this workspace (open the folder that holds it)",
                named.join("; ")
            ),
        ));
    }
    list
}
