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

/// The most answers of a kind that are kept.
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
    map: DashMap<Key, Arc<T>>,
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
        if let Some(kept) = self.map.get(&key).map(|kept| kept.value().clone()) {
            return kept;
        }
        let made = Arc::new(make());
        if self.map.len() >= MOST {
            self.map.clear();
        }
        self.map.insert(key, made.clone());
        made
    }
}
