//! Folders of which one is told when something in them changes, as far as their file system tells.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

/// Folders that are watched as long as this lives.
pub(super) struct Folders {
    changes: mpsc::Receiver<()>,
    /// Kept: with no sender left, waiting for a change would not wait.
    _changed: mpsc::Sender<()>,
    _watcher: Option<RecommendedWatcher>,
    /// Whether changes in all of them are told.
    pub(super) is_told: bool,
}

impl Folders {
    pub(super) fn watch(roots: &[PathBuf], mode: RecursiveMode) -> Folders {
        let (changed, changes) = mpsc::channel::<()>();
        let _changed = changed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // To read a file is no change of it.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = changed.send(());
            }
        });
        let mut watcher = watcher.ok();
        let is_told = watcher.as_mut().is_some_and(|watcher| {
            roots.iter().all(|root| {
                let watched = watcher.watch(root, mode);
                if let Err(error) = &watched {
                    tracing::warn!(
                        "{} cannot be watched, it is looked through instead: {error}",
                        crate::traces::shown(root)
                    );
                }
                watched.is_ok()
            })
        });
        Folders { changes, _changed, _watcher: watcher, is_told }
    }

    /// Waits for a change, or for so long; then until it is quiet for a while, but not for ever: somebody
    /// may write all the time.
    pub(super) fn wait(&self, at_most: Duration, quiet: Duration) {
        if self.changes.recv_timeout(at_most).is_err() {
            return;
        }
        let mut n = 0;
        while n < 10 && self.changes.recv_timeout(quiet).is_ok() {
            while self.changes.try_recv().is_ok() {}
            n += 1;
        }
    }
}
