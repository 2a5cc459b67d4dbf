//! The texts that are open in the editor, and where the recorded lines are in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ide::line_map::{LineMap, TextBuffer, TextPosition, TextRange};
use lsp_types::{TextDocumentContentChangeEvent, Url};

use crate::paths::canonical;

/// All open documents, by the editor's own name for each: what a path leads to can change under an
/// open document.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: HashMap<Url, Document>,
    /// Counts texts, those of all documents together.
    revisions: u64,
}

/// A document that is open.
#[derive(Debug)]
struct Document {
    /// The canonical path when it was opened: another URI can name the same file.
    path: PathBuf,
    /// The editor's number of this text.
    version: i32,
    /// Our number of it. Versions begin anew whenever a document is opened, and some editors never
    /// count them.
    revision: u64,
    buffer: Arc<TextBuffer>,
    /// A change could not be applied: nothing is known of the text until it comes whole.
    lost: bool,
    /// Where the lines of a trace's file are, for the view with this number.
    map: Option<(u64, Arc<LineMap>)>,
}

/// What an answer about a document goes by.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// Which text: 0 for a document that is not open.
    pub(super) revision: u64,
    pub(super) map: Arc<LineMap>,
    /// The text, of a document that is open.
    pub(super) buffer: Option<Arc<TextBuffer>>,
}

impl Snapshot {
    /// A line of the text, without its terminator; empty for one that is not there.
    pub(super) fn line(&self, line: u32) -> &str {
        match &self.buffer {
            Some(buffer) => buffer.line(line).unwrap_or_default(),
            None => self.map.base_line(line),
        }
    }
}

/// The canonical path of a file URI. `None` for all that is no local file.
pub(super) fn path_of(uri: &Url) -> Option<PathBuf> {
    let path = uri.to_file_path().ok()?;
    // A file that is not there (yet) keeps its name.
    Some(canonical(&path).unwrap_or(path))
}

impl Documents {
    pub(super) fn open(&mut self, uri: Url, path: PathBuf, version: i32, text: String) {
        self.revisions += 1;
        let (revision, buffer) = (self.revisions, Arc::new(TextBuffer::new(text)));
        let document = Document { path, version, revision, buffer, lost: false, map: None };
        self.open.insert(uri, document);
    }

    pub(super) fn close(&mut self, uri: &Url) {
        self.open.remove(uri);
    }

    /// Applies changes one after another. Marks move with them.
    pub(super) fn change(
        &mut self,
        uri: &Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let Some(document) = self.open.get_mut(uri) else { return };
        self.revisions += 1;
        document.revision = self.revisions;
        if version < document.version {
            document.lose("its version goes back");
        }
        document.version = version;
        for change in changes {
            super::faults::point("lock");
            document.apply(change);
        }
    }

    /// The editor told of a text, and it could not be understood.
    pub(super) fn lose(&mut self, uri: &Url) {
        // One that is not known is lost, too: it is open there, and not the file.
        if !self.open.contains_key(uri)
            && let Some(path) = path_of(uri)
        {
            self.open(uri.clone(), path, i32::MIN, String::new());
        }
        self.revisions += 1;
        if let Some(document) = self.open.get_mut(uri) {
            document.revision = self.revisions;
            document.lose("it cannot be understood");
        }
    }

    /// The editor's name and number of the open document of a file.
    pub(super) fn opened(&self, path: &Path) -> Option<(Url, i32)> {
        self.open.iter().find(|(_, d)| d.path == path).map(|(uri, d)| (uri.clone(), d.version))
    }

    /// The text of an open document.
    pub(super) fn buffer(&self, uri: &Url) -> Option<Arc<TextBuffer>> {
        self.open.get(uri).filter(|d| !d.lost).map(|d| d.buffer.clone())
    }

    /// The path of an open document.
    pub(super) fn path(&self, uri: &Url) -> Option<&Path> {
        self.open.get(uri).map(|d| d.path.as_path())
    }

    /// Our number of a document's text; 0 if it is not open.
    pub(super) fn revision(&self, uri: &Url, path: &Path) -> u64 {
        let document = self.open.get(uri).or_else(|| self.open.values().find(|d| d.path == path));
        document.map_or(0, |d| d.revision)
    }

    /// Where the lines of `base`, the file as view `view` has it, are in the document now. `None`
    /// if nothing is known of its text. A document that is not open is the file itself.
    pub(super) fn snapshot(
        &mut self,
        uri: &Url,
        path: &Path,
        view: u64,
        base: &Arc<str>,
    ) -> Option<Snapshot> {
        let document = if self.open.contains_key(uri) {
            self.open.get_mut(uri)
        } else {
            self.open.values_mut().find(|d| d.path == path)
        };
        let Some(document) = document else {
            let map = Arc::new(LineMap::new(base.clone()));
            return Some(Snapshot { revision: 0, map, buffer: None });
        };
        if document.lost {
            return None;
        }
        document.follow(view, base);
        let (_, map) = document.map.as_ref()?;
        let buffer = Some(document.buffer.clone());
        Some(Snapshot { revision: document.revision, map: map.clone(), buffer })
    }
}

impl Document {
    /// Makes the marks follow the document from here on, if they do not already.
    fn follow(&mut self, view: u64, base: &Arc<str>) {
        if self.map.as_ref().is_none_or(|(of, _)| *of != view) {
            let map = if **base == *self.buffer.text() {
                LineMap::new(base.clone())
            } else {
                LineMap::between(base.clone(), self.buffer.text())
            };
            self.map = Some((view, Arc::new(map)));
        }
    }

    fn apply(&mut self, change: TextDocumentContentChangeEvent) {
        let edit = match change.range {
            None => {
                self.lost = false;
                Ok(Arc::make_mut(&mut self.buffer).replace(&change.text))
            }
            Some(_) if self.lost => return,
            Some(range) => {
                let position =
                    |p: lsp_types::Position| TextPosition { line: p.line, character: p.character };
                let range = TextRange { start: position(range.start), end: position(range.end) };
                Arc::make_mut(&mut self.buffer).apply(range, &change.text)
            }
        };
        match edit {
            Ok(edit) => {
                if let Some((_, map)) = &mut self.map {
                    Arc::make_mut(map).edit(edit, &self.buffer);
                }
            }
            Err(error) => self.lose(&error.to_string()),
        }
    }

    fn lose(&mut self, why: &str) {
        tracing::warn!(
            "a document's change does not fit, its marks are off until it comes whole: {why}"
        );
        self.lost = true;
        self.map = None;
    }
}
