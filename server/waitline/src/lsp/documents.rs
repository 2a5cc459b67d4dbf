//! The texts that are open in the editor, and where the recorded lines are in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ide::line_map::{LineMap, TextBuffer, TextPosition, TextRange};
use lsp_types::{TextDocumentContentChangeEvent, Url};

/// All open documents, by canonical path: two URIs can name the same file.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: HashMap<PathBuf, Document>,
}

/// A document that is open.
#[derive(Debug)]
pub(super) struct Document {
    /// The editor's number of this text.
    pub(super) version: i32,
    buffer: TextBuffer,
    /// A change could not be applied: nothing is known of the text until it comes whole.
    lost: bool,
    /// Where the lines of a trace's file are, for the view with this number.
    map: Option<(u64, Arc<LineMap>)>,
}

/// What an answer about a document goes by.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) version: i32,
    pub(super) map: Arc<LineMap>,
}

/// The canonical path of a file URI. `None` for all that is no local file.
pub(super) fn path_of(uri: &Url) -> Option<PathBuf> {
    let path = uri.to_file_path().ok()?;
    // A file that is not there (yet) keeps its name.
    Some(path.canonicalize().unwrap_or(path))
}

impl Documents {
    pub(super) fn open(&mut self, path: PathBuf, version: i32, text: String) {
        let buffer = TextBuffer::new(text);
        self.open.insert(path, Document { version, buffer, lost: false, map: None });
    }

    pub(super) fn close(&mut self, path: &Path) {
        self.open.remove(path);
    }

    /// Applies changes one after another. Marks move with them.
    pub(super) fn change(
        &mut self,
        path: &Path,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let Some(document) = self.open.get_mut(path) else { return };
        if version < document.version {
            document.lose("its version goes back");
        }
        document.version = version;
        for change in changes {
            document.apply(change);
        }
    }

    /// The open document's version.
    pub(super) fn version(&self, path: &Path) -> Option<i32> {
        self.open.get(path).map(|d| d.version)
    }

    /// Where the lines of `base`, the file as view `view` has it, are in the document now. `None`
    /// if nothing is known of its text. A document that is not open is the file itself.
    pub(super) fn snapshot(&mut self, path: &Path, view: u64, base: &Arc<str>) -> Option<Snapshot> {
        let Some(document) = self.open.get_mut(path) else {
            return Some(Snapshot { version: 0, map: Arc::new(LineMap::new(base.clone())) });
        };
        if document.lost {
            return None;
        }
        document.follow(view, base);
        let (_, map) = document.map.as_ref()?;
        Some(Snapshot { version: document.version, map: map.clone() })
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
                Ok(self.buffer.replace(&change.text))
            }
            Some(_) if self.lost => return,
            Some(range) => {
                let position =
                    |p: lsp_types::Position| TextPosition { line: p.line, character: p.character };
                let range = TextRange { start: position(range.start), end: position(range.end) };
                self.buffer.apply(range, &change.text)
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
