//! The lives of goroutines of a trace that was opened from what is kept of it.
//!
//! Lines, lenses and findings do without them. Who asks for a range, the timeline, goroutines or single
//! waits gets them first: the trace is read in full, once, and the view that has them takes the place of
//! the one that has not. All answers of the two are the same, so nobody is told and no number changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use ide::view::View;
use tower_lsp::jsonrpc::{Error, Result};

use super::parameters::failed;
use super::session::{Session, Shown};
use crate::cores::Cores;
use crate::index::NoIndex;
use crate::traces::{self, Bounds, What};

/// Why they cannot be had.
#[derive(Debug)]
pub(super) enum NoLives {
    /// The file is another one now, or cannot be read any more.
    Changed,
    /// They take more than so many bytes of memory.
    TooLarge(u64),
    /// Nobody wants them any more.
    Cancelled,
}

impl From<NoLives> for Error {
    fn from(why: NoLives) -> Error {
        match why {
            NoLives::Changed => failed("the trace's file was rewritten meanwhile (load it again)"),
            NoLives::TooLarge(memory) => failed(format!(
                "this takes more than the {} of memory that a trace may take (raise limits.memory, or record less)",
                ide::units::bytes(memory)
            )),
            NoLives::Cancelled => Error::request_cancelled(),
        }
    }
}

impl From<NoLives> for NoIndex {
    fn from(why: NoLives) -> NoIndex {
        match why {
            NoLives::Changed => NoIndex::Changed,
            NoLives::TooLarge(memory) => NoIndex::TooLarge(memory),
            NoLives::Cancelled => NoIndex::Cancelled,
        }
    }
}

impl Shown {
    /// The same with another view of the same trace.
    pub(super) fn with_view(&self, view: Arc<View>) -> Shown {
        Shown {
            id: self.id,
            view,
            path: self.path.clone(),
            stamp: self.stamp.clone(),
            whole: self.whole.clone(),
            made: self.made,
            growing: self.growing.clone(),
        }
    }
}

impl Session {
    /// What is shown, with the lives of its goroutines. Takes long where these must be read.
    pub(super) fn with_lives(
        &self,
        shown: &Arc<Shown>,
        given_up: &AtomicBool,
    ) -> std::result::Result<Arc<Shown>, NoLives> {
        if !shown.view.lacks_lives() {
            return Ok(shown.clone());
        }
        let with = |view| Ok(Arc::new(shown.with_view(view)));
        // Who comes while they are read waits for them.
        let _one = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(view) = self.view_with_lives(&shown.view) {
            return with(view);
        }
        let memory = self.settings().memory;
        let bounds = Bounds { memory, waits: false };
        let loaded = traces::load_within(&shown.path, What::Lives, bounds, given_up, |_, _| {});
        let loaded = loaded.map_err(|error| match error.is_cancelled() {
            true => NoLives::Cancelled,
            false => NoLives::Changed,
        })?;
        if loaded.analysis.cut.is_some() {
            return Err(NoLives::TooLarge(memory));
        }
        let is_wanted = || !given_up.load(Ordering::Relaxed);
        let is_same = loaded.stamp == shown.stamp;
        let view =
            is_same.then(|| shown.view.with_lives(loaded.analysis, &Cores, &is_wanted)).flatten();
        let Some(view) = view else {
            return Err(if is_wanted() { NoLives::Changed } else { NoLives::Cancelled });
        };
        let view = Arc::new(view);
        self.exchange(&view);
        with(view)
    }

    /// The same, away from the task that all handlers share.
    pub(super) async fn shown_with_lives(self: &Arc<Self>) -> Result<Option<Arc<Shown>>> {
        let Some(shown) = self.shown() else { return Ok(None) };
        if !shown.view.lacks_lives() {
            return Ok(Some(shown));
        }
        let session = self.clone();
        let work = move |given_up: &AtomicBool| session.with_lives(&shown, given_up);
        Ok(Some(self.room.compute(work).await??))
    }

    /// A view that differs only in that it has lives, if there is one.
    fn view_with_lives(&self, view: &View) -> Option<Arc<View>> {
        let shown = self.shown().map(|shown| shown.whole());
        let mut all = shown.into_iter().chain(self.all_loaded());
        let found = all.find(|one| one.view.is_like(view) && !one.view.lacks_lives());
        found.map(|one| one.view.clone())
    }

    /// Puts a view in the place of the one that lacks lives, wherever that stands.
    fn exchange(&self, view: &Arc<View>) {
        let exchanged = |one: &Arc<Shown>| {
            let is_it = one.view.is_like(view) && one.view.lacks_lives();
            is_it.then(|| Arc::new(one.with_view(view.clone())))
        };
        let mut gone = Vec::new();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        for one in loaded.iter_mut() {
            gone.extend(exchanged(one).map(|next| std::mem::replace(one, next)));
        }
        drop(loaded);
        gone.extend(self.exchange_shown(exchanged));
    }
}
