//! Traces come, change on disk, and go.
//!
//! One load at a time counts: a newer wish cancels the one under way. What is shown is only ever
//! replaced by a whole new view; a trace that cannot be read takes nothing away.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::SystemTime;

use lsp_types::{MessageType, NumberOrString};
use tokio::sync::{Notify, oneshot};

use super::progress::Reporter;
use super::session::{Session, Shown};
use super::timeline::loading::Loading;
use crate::follow::{Follower, Seen};
use crate::found::Found;
use crate::kept::Keep;
use crate::traces::{self, Bounds, LoadError, Stamp};

mod followed;
mod watch;

pub(super) use followed::Followed;
use watch::{Watch, watch};

/// The load under way, and the watch on the trace that is shown.
#[derive(Default)]
pub(super) struct Loads {
    /// Counts wishes: only the newest one may show its trace.
    wish: u64,
    cancel: Option<Cancel>,
    watch: Option<Watch>,
    /// When the newest trace of the workspace was written, as far as somebody has looked.
    newest: Option<SystemTime>,
    /// What was loaded last, for whoever watches it: whether it only grows from then on.
    seen: Option<(PathBuf, Seen)>,
}

impl Loads {
    /// The number of the newest wish.
    pub(super) fn wish(&self) -> u64 {
        self.wish
    }

    /// Whether a trace is being loaded.
    pub(super) fn is_under_way(&self) -> bool {
        self.cancel.is_some()
    }
}

/// By which a load is ended: whoever waits for it goes on at once, and its work stops at its next step.
#[derive(Clone, Default)]
struct Cancel(Arc<(AtomicBool, Notify)>);

impl Cancel {
    fn now(&self) {
        self.0.0.store(true, Ordering::Relaxed);
        self.0.1.notify_one(); // also one who waits later: there is one
    }

    fn flag(&self) -> &AtomicBool {
        &self.0.0
    }

    async fn told(&self) {
        self.0.1.notified().await;
    }
}

/// What came of a load.
pub(super) enum Outcome {
    /// The trace is shown.
    Shown(Arc<Shown>),
    /// It cannot be: why, and what is shown stays.
    Failed(LoadError),
    /// A newer wish came.
    Overtaken,
    /// Nobody wants it any more.
    Cancelled,
    /// A panic of ours ended it.
    Broken,
}

/// What is to be done with a trace that was loaded, beside showing it.
enum Next {
    /// What is new of it is kept.
    Keep(Box<Keep>),
    /// It is still being written, and followed.
    Follow(Box<Follower>),
}

/// Why a trace is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Somebody wished for it, or the settings name it.
    Wish,
    /// The trace that is shown was rewritten. Nobody asked for that: it overtakes no wish.
    Rewrite,
    /// It is the newest. Nobody asked for this very one either.
    Newest,
    /// The trace that is shown is judged by something else. Who asked for another has that anyway.
    Judged,
}

/// The most traces that are kept loaded; of more, or where they take too much memory together, those
/// that were loaded first go.
const MOST_LOADED: usize = 4;

/// A load under way. When it is over, or given up by whoever waited for it, its work ends.
struct UnderWay<'a> {
    session: &'a Session,
    wish: u64,
    cancel: Cancel,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.cancel.now();
        let mut loads = self.session.loads();
        if loads.wish == self.wish {
            loads.cancel = None;
        }
    }
}

/// What the progress of a load is called.
fn token_of(wish: u64) -> NumberOrString {
    NumberOrString::String(format!("waitline-load-{wish}"))
}

/// The number of a new view.
pub(super) fn next_view() -> u64 {
    static VIEWS: AtomicU64 = AtomicU64::new(1);
    VIEWS.fetch_add(1, Ordering::Relaxed)
}

impl Session {
    pub(super) fn loads(&self) -> MutexGuard<'_, Loads> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a load was wished for, ever.
    pub(super) fn has_wish(&self) -> bool {
        self.loads().wish > 0
    }

    /// Loads a trace and shows it. Any other load ends.
    pub(super) async fn load(self: &Arc<Self>, path: PathBuf) -> Outcome {
        self.load_because(Why::Wish, path).await
    }

    async fn load_because(self: &Arc<Self>, why: Why, path: PathBuf) -> Outcome {
        let cancel = Cancel::default();
        let wish = {
            let mut loads = self.loads();
            let is_watched = loads.watch.as_ref().is_some_and(|w| w.path == path);
            let is_busy = loads.cancel.is_some();
            match why {
                Why::Rewrite if is_busy || !is_watched => return Outcome::Overtaken,
                Why::Newest | Why::Judged if is_busy => return Outcome::Overtaken,
                _ => {}
            }
            loads.wish += 1;
            if let Some(other) = loads.cancel.replace(cancel.clone()) {
                other.now();
            }
            loads.wish
        };
        let _under_way = UnderWay { session: self, wish, cancel: cancel.clone() };
        if let Some(kept) = self.kept(&path) {
            // A new view of the same: clients drop what is older than what they have seen.
            let shown = Shown {
                id: next_view(),
                view: kept.view.clone(),
                path,
                stamp: kept.stamp.clone(),
                whole: None,
                made: kept.made,
                growing: None,
            };
            return self.replace(wish, Arc::new(shown));
        }
        let name = path.file_name().map_or_else(String::new, |n| traces::shown(Path::new(n)));
        let progress = Reporter::new(self, token_of(wish), format!("Loading {name}"));
        let session = self.clone();
        let told = Loading::new(self, path.to_string_lossy().into_owned());
        let asked = path.clone();
        let wanted = cancel.clone();
        // A rewrite keeps what is shown until it is whole, and so does a trace that is loaded again.
        let may_grow = why != Why::Rewrite && self.shown().is_none_or(|shown| shown.path != path);
        let may_follow = why != Why::Rewrite && self.settings().watch;
        let (grow, mut grown) = oneshot::channel();
        let mut work = tokio::task::spawn_blocking(move || {
            let told = told; // dropped with the work
            super::faults::point("work");
            let mut keep = Keep::find(&session.cache(), &path);
            let memory = session.settings().memory;
            let kept = keep.loaded(memory);
            // Beside the load, which it would hold up else.
            if may_grow && kept.is_none() {
                let (session, path, wanted) = (session.clone(), path.clone(), wanted.clone());
                tokio::task::spawn_blocking(move || {
                    let _ = grow.send(session.beginning(&path, wanted.flag()));
                });
            }
            let load = |waits| {
                let bounds = Bounds { memory, waits };
                let lives = traces::What::Lives;
                traces::load_within(&path, lives, bounds, wanted.flag(), |read, of| {
                    progress.percent(read, of);
                    told.read(read, of);
                })
            };
            let before = Stamp::at(&path).filter(|_| may_follow);
            let waits = why != Why::Rewrite && before.is_none();
            let loaded = kept.map_or_else(|| keep.load(|| load(waits)), Ok);
            let loaded = match (loaded, &before) {
                (Err(error), Some(before)) if error.may_pass() => {
                    let first = session.first_picture(&path, before, wanted.flag());
                    if let Some((shown, follower)) = first {
                        return Ok((shown, Next::Follow(Box::new(follower))));
                    }
                    if !error.is_changing() {
                        return Err(error);
                    }
                    keep.load(|| load(true))?
                }
                (loaded, _) => loaded?,
            };
            if loaded.analysis.stays.is_some() {
                progress.says("judging the waits");
                told.judges();
            }
            let (path, stamp) = (loaded.path.clone(), loaded.stamp.clone());
            if before.is_some() {
                let seen = Seen::at(&path, &stamp).map(|seen| (path.clone(), seen));
                session.loads().seen = seen;
            }
            // Before the sources are read: what changes meanwhile is newer.
            let now = SystemTime::now();
            let (choices, epoch) = session.choices();
            let made = (now, epoch);
            let roots = &session.info().roots;
            let is_wanted = || !wanted.flag().load(Ordering::Relaxed);
            let by = (&roots[..], &choices);
            let view =
                crate::workspace::view_kept(loaded, &mut keep, || load(waits), by, &is_wanted)?;
            progress.end();
            let (id, view) = (next_view(), Arc::new(view));
            let shown = Shown { id, view, path, stamp, whole: None, made, growing: None };
            Ok::<_, LoadError>((shown, Next::Keep(Box::new(keep))))
        });
        let mut growing = None;
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                () = cancel.told() => break Ok(Err(LoadError::cancelled(asked))),
                beginning = &mut grown, if !grown.is_terminated() => {
                    let beginning = beginning.ok().flatten();
                    growing = beginning.and_then(|beginning| self.show_growing(wish, beginning));
                }
            }
        };
        let outcome = self.outcome(wish, result);
        drop(growing); // if it is shown still, what was shown before comes back
        outcome
    }

    /// What came of the work of a load; a whole trace is shown.
    fn outcome(
        self: &Arc<Self>,
        wish: u64,
        result: Result<Result<(Shown, Next), LoadError>, tokio::task::JoinError>,
    ) -> Outcome {
        let (shown, keep) = match result {
            Ok(Ok((shown, Next::Follow(follower)))) => {
                return self.show_followed(wish, shown, *follower);
            }
            Ok(Ok((shown, Next::Keep(keep)))) => (Arc::new(shown), keep),
            Ok(Err(error)) if error.is_cancelled() => {
                let is_newest = self.loads().wish == wish;
                return if is_newest { Outcome::Cancelled } else { Outcome::Overtaken };
            }
            Ok(Err(error)) => return Outcome::Failed(error),
            Err(error) => {
                // A panic of ours costs this load, not the session.
                tracing::error!("internal error: a load ended early: {error}");
                return Outcome::Broken;
            }
        };
        let view = shown.view.clone();
        let outcome = self.replace(wish, shown);
        // Now that it is shown: nobody waits for that.
        tokio::task::spawn_blocking(move || keep.write(&view.analysis));
        outcome
    }

    /// Shows a whole trace in the place of what is shown, unless a newer wish came.
    fn replace(self: &Arc<Self>, wish: u64, shown: Arc<Shown>) -> Outcome {
        let before = {
            let mut loads = self.loads();
            if loads.wish != wish {
                return Outcome::Overtaken;
            }
            let gone = self.keep(shown.clone());
            let before = self.show(Some(shown.clone()));
            if !self.settings().watch {
                loads.watch = None;
            } else if loads.watch.as_ref().is_none_or(|w| w.path != shown.path) {
                loads.watch = watch(self, shown.path.clone(), None);
            }
            (before, gone)
        };
        forget(before);
        self.publish();
        Outcome::Shown(shown)
    }

    /// All traces that are loaded, whole.
    pub(super) fn all_loaded(&self) -> Vec<Arc<Shown>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Enters a trace among those that are loaded. Gives what goes for it.
    fn keep(&self, shown: Arc<Shown>) -> Vec<Arc<Shown>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|other| other.path == shown.path);
        if let Some(at) = at {
            return vec![std::mem::replace(&mut loaded[at], shown)];
        }
        loaded.push(shown);
        let takes = |loaded: &[Arc<Shown>]| -> u64 {
            loaded.iter().map(|l| l.view.analysis.memory_judged() as u64).sum()
        };
        let most = self.settings().memory;
        let mut n_gone = loaded.len().saturating_sub(MOST_LOADED);
        while n_gone + 1 < loaded.len() && takes(&loaded[n_gone..]) > most {
            n_gone += 1;
        }
        loaded.drain(..n_gone).collect()
    }

    /// A trace that is loaded and not shown, if a load would give the same: neither its file, nor a
    /// source, nor what it is judged by has changed.
    fn kept(&self, path: &Path) -> Option<Arc<Shown>> {
        if self.shown().is_some_and(|shown| shown.path == path) {
            return None; // who loads it again wants it made anew
        }
        let kept = self.all_loaded().into_iter().find(|loaded| loaded.path == path)?;
        let (read, epoch) = kept.made;
        let is_new = |source: &Arc<ide::placement::SourceFile>| {
            let modified = std::fs::metadata(&source.path).and_then(|meta| meta.modified());
            modified.is_ok_and(|modified| modified >= read)
        };
        let is_same = Stamp::at(path).as_ref() == Some(&kept.stamp)
            && epoch == self.epoch.load(Ordering::Relaxed)
            && !kept.view.placement.files.iter().any(is_new);
        is_same.then_some(kept)
    }

    /// Takes one trace away. If it is shown, none is shown then.
    pub(super) fn unload_one(self: &Arc<Self>, path: &Path) {
        if self.shown().is_some_and(|shown| shown.path == path) {
            self.stop_showing();
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().position(|loaded| loaded.path == path);
        let gone = at.map(|at| loaded.remove(at));
        drop(loaded);
        forget(gone);
    }

    /// Loads what is shown again, by what is chosen now. A range stays.
    pub(super) fn reload(self: &Arc<Self>, shown: Arc<Shown>) {
        let session = self.clone();
        tokio::spawn(async move { session.load_again(Why::Wish, &shown).await });
    }

    /// Judges what is shown by what counts now, if it was judged by something else. Whether that is done:
    /// while something is being loaded it is not.
    pub(super) async fn judge_by_new_words(self: &Arc<Self>) -> bool {
        let Some(shown) = self.shown() else { return self.loads().cancel.is_none() };
        let is_old = shown.made.1 != self.epoch.load(Ordering::Relaxed);
        !is_old || !matches!(self.load_again(Why::Judged, &shown).await, Outcome::Overtaken)
    }

    async fn load_again(self: &Arc<Self>, why: Why, shown: &Shown) -> Outcome {
        let outcome = self.load_because(why, shown.path.clone()).await;
        if let (Outcome::Shown(_), Some(range)) = (&outcome, shown.view.range) {
            let wish = self.wish_range();
            let of = self.clone();
            let narrow = move || of.set_range(wish, Some(range));
            let _ = tokio::task::spawn_blocking(narrow).await;
            self.publish();
        }
        outcome
    }

    /// Watching was switched on or off.
    pub(super) fn watch_again(self: &Arc<Self>) {
        let mut loads = self.loads();
        loads.watch = match self.shown() {
            Some(shown) if self.settings().watch => watch(self, shown.path.clone(), None),
            _ => None,
        };
    }

    /// Loads the newest trace of the workspace, unless it is shown already or somebody loads one. What
    /// somebody has loaded stays until a trace is written that is newer than all that were there.
    pub(super) async fn load_latest(self: &Arc<Self>) {
        let session = self.clone();
        let newest = tokio::task::spawn_blocking(move || session.newest());
        let Ok(Some((newest, seen))) = newest.await else { return };
        let is_shown = self.shown().is_some_and(|shown| shown.path == newest.path);
        let is_new = seen.is_some_and(|seen| seen < newest.modified);
        if !is_shown
            && (is_new || !self.has_wish())
            && let Outcome::Failed(error) = self.load_because(Why::Newest, newest.path).await
        {
            tracing::warn!("{error}");
        }
    }

    /// The newest trace of the workspace, and when the newest was written that this has told before.
    pub(super) fn newest(&self) -> Option<(Found, Option<SystemTime>)> {
        let found = crate::found::traces(&self.info().roots, &self.settings().globs);
        let newest = found.into_iter().next()?;
        let mut loads = self.loads();
        let seen = loads.newest;
        loads.newest = seen.max(Some(newest.modified));
        drop(loads);
        Some((newest, seen))
    }

    /// Takes all traces away, and ends a load under way.
    pub(super) fn unload(self: &Arc<Self>) {
        self.stop_showing();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = std::mem::take(&mut *loaded);
        drop(loaded);
        forget(gone);
    }

    fn stop_showing(self: &Arc<Self>) {
        let before = {
            let mut loads = self.loads();
            loads.wish += 1;
            loads.watch = None;
            if let Some(cancel) = loads.cancel.take() {
                cancel.now();
            }
            self.show(None)
        };
        forget(before);
        self.publish();
    }

    /// Ends the load under way.
    pub(super) fn cancel_load(&self) {
        if let Some(cancel) = &self.loads().cancel {
            cancel.now();
        }
    }

    /// Ends the load that this progress token stands for.
    pub(super) fn cancel_progress(&self, token: &NumberOrString) {
        let loads = self.loads();
        if *token == token_of(loads.wish)
            && let Some(cancel) = &loads.cancel
        {
            cancel.now();
        }
    }

    /// Loads a trace that nobody waits for: what fails is told.
    pub(super) fn load_and_tell(self: &Arc<Self>, path: PathBuf) {
        let session = self.clone();
        tokio::spawn(async move {
            match session.load(path).await {
                Outcome::Failed(error) => {
                    session.client.show_message(MessageType::WARNING, error).await;
                }
                Outcome::Broken => {
                    let text = "internal error: the trace is not loaded (the log says more)";
                    session.client.show_message(MessageType::ERROR, text).await;
                }
                Outcome::Shown(_) | Outcome::Overtaken | Outcome::Cancelled => {}
            }
        });
    }
}

/// Lets go of a trace. To give all of its memory back takes a while, which no other message must
/// wait for.
pub(super) fn forget(before: impl Send + 'static) {
    tokio::task::spawn_blocking(move || drop(before));
}
