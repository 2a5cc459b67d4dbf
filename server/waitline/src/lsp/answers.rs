//! Answers that were made, by file, view and text of the document: an editor asks the same again
//! and again.
//!
//! The map never hands out a guard, so that none can live over an await.

use std::path::PathBuf;
use std::sync::Arc;

use dashmap::DashMap;
use ide::staleness::Lines;
use lsp_types::{CodeLens, InlayHint};

/// What an answer is about: the file, the view's number, the number of the document's text.
pub(super) type Key = (PathBuf, u64, u64);

/// The most files of which an answer of a kind is kept.
const MOST: usize = 256;

/// Answers of each kind.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) lenses: Kept<Vec<CodeLens>>,
    pub(super) hints: Kept<Vec<InlayHint>>,
    /// Where the lines that matter are.
    pub(super) lines: Kept<Lines>,
}

impl Answers {
    pub(super) fn clear(&self) {
        self.lenses.map.clear();
        self.hints.map.clear();
        self.lines.map.clear();
    }
}

/// Answers of one kind.
pub(super) struct Kept<T> {
    /// Of each file the newest: nobody asks for what an older text was.
    map: DashMap<PathBuf, (u64, u64, Arc<T>)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { map: DashMap::new() }
    }
}

impl<T> Kept<T> {
    /// The answer for `key`, made by `make` if there is none. No lock is held meanwhile: two that
    /// ask at once may both make it.
    pub(super) fn get_or_make(&self, key: Key, make: impl FnOnce() -> T) -> Arc<T> {
        let (path, view, text) = key;
        let kept = self.map.get(&path).map(|kept| kept.value().clone());
        if let Some((_, _, kept)) = kept.as_ref().filter(|kept| (kept.0, kept.1) == (view, text)) {
            return kept.clone();
        }
        let made = Arc::new(make());
        // Who took long to make it of an older text keeps nobody from the newer one.
        // (A document that is closed has the text number 0.)
        if text == 0 || kept.is_none_or(|kept| (kept.0, kept.1) <= (view, text)) {
            if self.map.len() >= MOST {
                self.map.clear();
            }
            self.map.insert(path, (view, text, made.clone()));
        }
        made
    }
}
