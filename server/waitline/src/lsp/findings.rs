//! Findings as diagnostics of the files that they stand in, and what silences them.
//!
//! They are pushed, for open files and others: who waits is worth knowing before the file is opened.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ide::diagnostics::{Elsewhere, diagnostics, ignore_comment};
use ide::findings::{Code, Severity};
use ide::line_map::TextBuffer;
use ide::placement::FileId;
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Command, Diagnostic,
    DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Position, Range,
    TextEdit, Url, WorkspaceEdit,
};
use serde_json::json;

use super::session::{Session, Shown};
use super::to_proto::{self, GO};
use crate::paths::{self, slashed};

/// Where the pages of the findings stand.
const PAGES: &str = "docs/findings";
/// The command that sets a person's verdict on a line.
pub(super) const SET_VERDICT: &str = "waitline.setVerdict";
/// The command that silences findings of a kind.
pub(super) const SILENCE: &str = "waitline.silence";
/// The command that tells what a finding means.
pub(super) const EXPLAIN: &str = "waitline.explain";

/// Which files have diagnostics now.
#[derive(Debug, Default)]
pub(super) struct Told {
    trace: Option<Url>,
    /// By file, the name that its diagnostics went to: an editor may have another one than the disk.
    files: HashMap<FileId, Url>,
}

/// The diagnostics of a file: its name in the editor, they themselves, and the text's number.
type OfFile = (Url, Vec<Diagnostic>, Option<i32>);

impl Session {
    /// Publishes what there is to say about the trace that is shown: of the trace file itself, and
    /// of each file with findings. What is shown when they are sent counts, so that the last ones
    /// are right whatever comes in between.
    pub(super) fn publish(self: &Arc<Self>) {
        let session = self.clone();
        tokio::spawn(async move {
            let mut told = session.told.lock().await;
            let shown = session.shown();
            let trace = shown.as_deref().and_then(|shown| {
                let uri = paths::uri(Path::new(&shown.path))?;
                Some((uri, to_proto::diagnostics(&shown.view)))
            });
            let files = shown.as_deref().map(|s| session.findings(s)).unwrap_or_default();
            let new: HashSet<Url> = files.iter().map(|(_, f)| f.0.clone()).collect();
            let old = std::mem::take(&mut *told);
            let gone = old.files.into_values().filter(|uri| !new.contains(uri));
            let gone_trace = old.trace.filter(|uri| trace.as_ref().is_none_or(|t| t.0 != *uri));
            for uri in gone.chain(gone_trace) {
                session.client.publish_diagnostics(uri, Vec::new(), None).await;
            }
            for (file, (uri, list, version)) in files {
                told.files.insert(file, uri.clone());
                session.client.publish_diagnostics(uri, list, version).await;
            }
            if let Some((uri, list)) = trace {
                session.client.publish_diagnostics(uri.clone(), list, None).await;
                told.trace = Some(uri);
            }
        });
    }

    /// Publishes the findings of one file again, after its text has changed.
    pub(super) fn publish_file(self: &Arc<Self>, uri: &Url) {
        let Some(shown) = self.shown() else { return };
        let Some(path) = self.path(uri) else { return };
        let Some(file) = shown.view.placement.file_at(&slashed(&path)) else {
            return;
        };
        if !files_with_findings(&shown).contains(&file) {
            return;
        }
        let session = self.clone();
        tokio::spawn(async move {
            let mut told = session.told.lock().await;
            if session.shown().is_none_or(|now| now.id != shown.id) {
                return; // all are published anew then
            }
            if let Some((uri, list, version)) = session.findings_of(&shown, file) {
                let before = told.files.insert(file, uri.clone());
                if let Some(before) = before.filter(|before| *before != uri) {
                    session.client.publish_diagnostics(before, Vec::new(), None).await;
                }
                session.client.publish_diagnostics(uri, list, version).await;
            }
            drop(told);
        });
    }

    fn findings(&self, shown: &Shown) -> Vec<(FileId, OfFile)> {
        let mut files: Vec<FileId> = files_with_findings(shown).into_iter().collect();
        files.sort_unstable();
        files.into_iter().filter_map(|file| Some((file, self.findings_of(shown, file)?))).collect()
    }

    /// The diagnostics of a file, under the name that the editor has for it.
    fn findings_of(&self, shown: &Shown, file: FileId) -> Option<OfFile> {
        let view = &shown.view;
        let source = view.placement.source(file);
        let path = Path::new(&source.path);
        let mut documents = self.documents();
        let (uri, version) = match documents.opened(path) {
            Some((uri, version)) => (uri, Some(version)),
            None => (paths::uri(path)?, None),
        };
        let Some(snapshot) = documents.snapshot(&uri, path, shown.id, &source.text) else {
            return Some((uri, Vec::new(), version)); // nothing is known of its text
        };
        drop(documents);
        let buffer = match &snapshot.buffer {
            Some(buffer) => buffer.clone(),
            None => Arc::new(TextBuffer::new(source.text.to_string())),
        };
        let lines = self.lines_in(shown, file, path.to_owned(), &snapshot);
        let mut found = diagnostics(&view.findings, &view.placement, file, &lines, &buffer);
        for related in found.iter_mut().flat_map(|d| &mut d.related).filter(|r| r.file != file) {
            // Another file's line is the recorded one still. Where that is gone, its place is best.
            let path = Path::new(&related.path);
            let Some(uri) = paths::uri(path) else { continue };
            related.line =
                self.current_line(shown, related.file, &uri, related.line).unwrap_or(related.line);
        }
        let list = found.into_iter().map(|d| to_diagnostic(&uri, file, &buffer, d)).collect();
        Some((uri, list, version))
    }

    /// What can be done about the findings of an editor's range.
    pub(super) fn actions(&self, uri: &Url, given: &[Diagnostic]) -> Vec<CodeActionOrCommand> {
        let Some(path) = self.path(uri) else { return Vec::new() };
        let Some(buffer) = self.documents().buffer(uri) else { return Vec::new() };
        let package = self.package_at(&path);
        let mut list = Vec::new();
        for diagnostic in given.iter().filter(|d| d.source.as_deref() == Some("waitline")) {
            let Some(NumberOrString::String(name)) = &diagnostic.code else { continue };
            let Some(code) = Code::parse(name) else { continue };
            let line = diagnostic.range.start.line;
            let Some(text) = buffer.line(line) else { continue };
            let end = Position::new(line, text.encode_utf16().count() as u32);
            let edit = TextEdit {
                range: Range::new(end, end),
                new_text: format!(" {}reason", ignore_comment(code)),
            };
            let mut action =
                |title, edit, command| add(&mut list, diagnostic, title, edit, command);
            if self.info().capabilities.runs(EXPLAIN) {
                let explain = command("What it means", EXPLAIN, json!({ "code": name }));
                action(format!("What {name} means"), None, Some(explain));
            }
            for (title, there) in self.ways(uri, code, line) {
                action(title, None, Some(there));
            }
            let changes = std::iter::once((uri.clone(), vec![edit])).collect();
            let edit = WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() };
            action(format!("Silence {name} on this line"), Some(edit), None);
            let treat = command(
                "Treat as idle",
                SET_VERDICT,
                json!({ "uri": uri, "line": line, "verdict": "idle" }),
            );
            action("Treat this line as idle".into(), None, Some(treat));
            if let Some(package) = &package {
                let silence = json!({ "code": name, "package": package });
                let title = format!("Silence {name} in package {}", ide::text::plain(package));
                action(title, None, Some(command("Silence", SILENCE, silence)));
            }
            let silence = command("Silence", SILENCE, json!({ "code": name }));
            action(format!("Silence {name} in this workspace"), None, Some(silence));
        }
        list
    }

    /// Ways from a finding to the other lines that belong to it: who gave back, who held, who woke.
    fn ways(&self, uri: &Url, code: Code, line: u32) -> Vec<(String, Command)> {
        let Some(about) = self.about(uri).filter(|_| self.info().capabilities.runs(GO)) else {
            return Vec::new();
        };
        let (view, lines) = (&about.shown.view, self.lines(&about));
        let now = |recorded| lines.current(recorded).map(|now| now.line);
        let place = |frame| view.placement.place(frame).filter(|place| place.holds);
        let is_here = |frame| {
            place(frame).is_some_and(|at| at.file == about.file && now(at.line) == Some(line))
        };
        let found = view.findings.iter().filter(|f| f.code == code && f.frame.is_some_and(is_here));
        let mut ways = Vec::new();
        for related in found.flat_map(|f| &f.related).filter(|r| !is_here(r.frame)) {
            let Some(at) = place(related.frame) else { continue };
            let path = &view.placement.source(at.file).path;
            let (to, now) = if at.file == about.file {
                (uri.clone(), now(at.line))
            } else {
                let Some(to) = paths::uri(Path::new(path)) else { continue };
                let now = self.current_line(&about.shown, at.file, &to, at.line);
                (to, now)
            };
            let Some(now) = now else { continue };
            let name = path.rsplit('/').next().unwrap_or(path);
            let title = format!("Go to {}:{}: {}", ide::text::plain(name), now + 1, related.text);
            let argument = json!({ "uri": to, "line": at.line, "now": now });
            if ways.iter().all(|(_, c): &(_, Command)| c.arguments != Some(vec![argument.clone()]))
            {
                ways.push((title, command("Go there", GO, argument)));
            }
        }
        ways
    }

    /// The import path of a file's package, by the functions that the trace has in it.
    fn package_at(&self, path: &Path) -> Option<String> {
        let shown = self.shown()?;
        let view = &shown.view;
        let file = view.placement.file_at(&slashed(path))?;
        let site = view.sites.lines(file).iter().find(|l| l.holds)?;
        Some(ide::lines::package_of(view.analysis.str(site.func)).to_owned())
    }
}

/// Adds what can be done about a finding. What several on a line have in common is there once, for all
/// of them.
fn add(
    list: &mut Vec<CodeActionOrCommand>,
    diagnostic: &Diagnostic,
    title: String,
    edit: Option<WorkspaceEdit>,
    command: Option<Command>,
) {
    let same = list.iter_mut().find_map(|other| match other {
        CodeActionOrCommand::CodeAction(other) => {
            (other.edit == edit && other.command == command).then_some(other)
        }
        CodeActionOrCommand::Command(_) => None,
    });
    match same {
        Some(same) => same.diagnostics.get_or_insert_default().push(diagnostic.clone()),
        None => list.push(CodeActionOrCommand::CodeAction(CodeAction {
            title,
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![diagnostic.clone()]),
            edit,
            command,
            ..CodeAction::default()
        })),
    }
}

fn files_with_findings(shown: &Shown) -> HashSet<FileId> {
    let placement = &shown.view.placement;
    let frames = shown.view.findings.iter().filter_map(|f| f.frame);
    frames.filter_map(|f| placement.place(f)).map(|place| place.file).collect()
}

fn command(title: &str, name: &str, argument: serde_json::Value) -> Command {
    Command { title: title.into(), command: name.into(), arguments: Some(vec![argument]) }
}

fn to_diagnostic(
    uri: &Url,
    file: FileId,
    buffer: &TextBuffer,
    found: ide::diagnostics::Diagnostic,
) -> Diagnostic {
    let column = |utf8| buffer.utf16_column(found.line, utf8);
    let start = Position::new(found.line, column(found.columns.start));
    let end = Position::new(found.line, column(found.columns.end));
    let related = |other: &Elsewhere| {
        let uri =
            if other.file == file { uri.clone() } else { paths::uri(Path::new(&other.path))? };
        let position = Position::new(other.line, 0);
        let location = Location { uri, range: Range::new(position, position) };
        Some(DiagnosticRelatedInformation { location, message: other.text.clone() })
    };
    Diagnostic {
        range: Range::new(start, end),
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Hint => DiagnosticSeverity::HINT,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Information => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(found.code.as_str().to_owned())),
        source: Some("waitline".to_owned()),
        message: found.message,
        related_information: Some(found.related.iter().filter_map(related).collect()),
        data: Some(json!({ "page": format!("{PAGES}/{}.md", found.code.as_str()) })),
        ..Diagnostic::default()
    }
}
