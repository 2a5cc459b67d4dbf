//! Loads of what is still being written: a file that is followed while it grows.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use lsp_types::NumberOrString;

use super::watch::{LOOK, SETTLED, watch};
use super::{Cancel, Outcome, token_of};
use crate::follow::{Follower, Step};
use crate::lsp::following::Begun;
use crate::lsp::session::{Session, Shown};
use crate::traces::Stamp;

/// A file that is followed is a load under way, too, as long as this lives.
pub(in crate::lsp) struct Followed {
    session: Weak<Session>,
    wish: u64,
    cancel: Cancel,
}

impl Followed {
    /// `None`: something is being loaded, or the file is not watched any more.
    pub(in crate::lsp) fn begin(session: &Arc<Session>, path: &Path) -> Option<Followed> {
        let mut loads = session.loads();
        let is_watched = loads.watch.as_ref().is_some_and(|watch| watch.path == path);
        if loads.cancel.is_some() || !is_watched {
            return None;
        }
        loads.wish += 1;
        let (wish, cancel) = (loads.wish, Cancel::default());
        loads.cancel = Some(cancel.clone());
        Some(Followed { session: Arc::downgrade(session), wish, cancel })
    }

    pub(in crate::lsp) fn wish(&self) -> u64 {
        self.wish
    }

    pub(in crate::lsp) fn token(&self) -> NumberOrString {
        token_of(self.wish)
    }

    pub(in crate::lsp) fn is_cancelled(&self) -> bool {
        self.cancel.flag().load(Ordering::Relaxed)
    }

    /// Whether nobody has wished for another trace since.
    pub(in crate::lsp) fn is_newest(&self) -> bool {
        self.session.upgrade().is_some_and(|session| session.loads().wish == self.wish)
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let Some(session) = self.session.upgrade() else { return };
        let mut loads = session.loads();
        if loads.wish == self.wish {
            loads.cancel = None;
        }
    }
}

impl Session {
    /// What there is of a file that somebody wishes for while it is being written, once a generation of it
    /// is whole. `None`: it does not grow, or soon comes to nothing.
    pub(super) fn first_picture(
        &self,
        path: &Path,
        before: &Stamp,
        cancel: &AtomicBool,
    ) -> Option<(Shown, Follower)> {
        /// Longer than a generation takes.
        const LIMIT: Duration = Duration::from_secs(3);
        let grows = |now: &Stamp| now.is_of_same_file(before) && now.len() > before.len();
        let is_new = |at: SystemTime| at.elapsed().is_ok_and(|age| age < LIMIT);
        let from = Instant::now();
        while !Stamp::at(path).is_some_and(|now| grows(&now)) {
            // It was read between two pieces, if it was written just now.
            let is_idle = from.elapsed() > SETTLED || !before.modified().is_some_and(is_new);
            if is_idle || cancel.load(Ordering::Relaxed) {
                return None;
            }
            std::thread::sleep(LOOK);
        }
        let mut follower = Follower::open(path)?;
        while follower.n_generations() == 0 {
            match follower.step(self.settings().memory) {
                _ if cancel.load(Ordering::Relaxed) || from.elapsed() > LIMIT => return None,
                Step::Replaced | Step::Over => return None,
                Step::Same => std::thread::sleep(LOOK),
                Step::Read | Step::Generation => {}
            }
        }
        let is_wanted = || !cancel.load(Ordering::Relaxed);
        let shown = self.picture(&mut follower, &mut None, &is_wanted)?;
        Some((shown, follower))
    }

    /// Shows it, and has it followed.
    pub(super) fn show_followed(
        self: &Arc<Self>,
        wish: u64,
        shown: Shown,
        follower: Follower,
    ) -> Outcome {
        let path = shown.path.clone();
        let Some(growing) = self.show_growing(wish, shown) else { return Outcome::Overtaken };
        let shown = growing.shown();
        let mut loads = self.loads();
        if loads.wish == wish {
            loads.watch = watch(self, path, Some(Begun { follower, growing }));
        }
        Outcome::Shown(shown)
    }
}
