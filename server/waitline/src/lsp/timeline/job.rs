//! The index of a trace while it is made, and who wants it.
//!
//! It takes nothing of a view but what its waits are judged to be, and that comes last: so it is begun while
//! the trace is still loaded, or its lives are read, where somebody looks already.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ide::timeline::{Builder, Index};
use ide::view::View;
use tokio::sync::watch;

use super::growing::{self, Growing, SoFar};
use crate::index::{self, NoIndex};
use crate::lsp::session::{Session, Shown};
use crate::traces::Stamp;

/// How much of `limits.memory` an index may take, beside the trace: so that one that just fits has its
/// timeline, too.
const SHARE: u64 = 2;

/// What came of an index; `None` while it is made.
type Made = Option<Result<Arc<Index>, NoIndex>>;

/// How an index gets the view that it is closed with.
type Views = Sender<Result<Arc<View>, NoIndex>>;

/// The indexes of a session.
#[derive(Default)]
pub(in crate::lsp) struct Indexes {
    /// That of the trace that is shown.
    shown: Option<Arc<Job>>,
    /// That of a trace that is being loaded.
    ahead: Option<Arc<Job>>,
}

/// An index, being made or made.
pub(super) struct Job {
    path: PathBuf,
    stamp: Stamp,
    /// The view of the whole trace, which several numbers may stand for; none while that is loaded.
    view: OnceLock<Arc<View>>,
    /// The same with the lives of its goroutines, once it is there.
    pub(super) full: Arc<OnceLock<Arc<View>>>,
    /// Until the view is given.
    views: Mutex<Option<Views>>,
    pub(super) made: watch::Receiver<Made>,
    /// Thousandths.
    progress: Arc<AtomicU32>,
    cancel: Arc<AtomicBool>,
    /// What can be looked at before it is made.
    pub(super) growing: Arc<Growing>,
    /// How many requests wait for it. Changed only while the indexes are locked.
    n_waiting: AtomicU32,
    /// Somebody looks at the timeline, and will come back for it.
    is_looked_at: AtomicBool,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Job {
    /// Begins the index of a trace, of all generations, or of only so many.
    fn begin(path: PathBuf, stamp: Stamp, limit: Option<u32>, memory: u64) -> Job {
        let (tell, made) = watch::channel(None);
        let (views, given) = channel();
        let progress = Arc::new(AtomicU32::new(0));
        let cancel = Arc::new(AtomicBool::new(false));
        let (growing, mut answering) = growing::new();
        let job = Job {
            path: path.clone(),
            stamp: stamp.clone(),
            view: OnceLock::new(),
            full: Arc::default(),
            views: Mutex::new(Some(views)),
            made,
            progress: progress.clone(),
            cancel: cancel.clone(),
            growing,
            n_waiting: AtomicU32::new(0),
            is_looked_at: AtomicBool::new(false),
        };
        tokio::task::spawn_blocking(move || {
            let report = |read: u64, of: u64, builder: &mut Builder| {
                let share = read.saturating_mul(900) / of.max(1);
                progress.store(share.min(900) as u32, Ordering::Relaxed);
                answering.turn(builder);
            };
            crate::lsp::faults::point("index");
            let made = index::make(&path, &stamp, limit, &given, memory, &cancel, report);
            let is_cancelled = cancel.load(Ordering::Relaxed);
            if matches!(made, Err(NoIndex::Cancelled)) && !is_cancelled {
                return; // the view never came: a panic of ours, elsewhere
            }
            progress.store(1000, Ordering::Relaxed);
            let _ = tell.send(Some(made.map(Arc::new)));
        });
        job
    }

    /// The trace that it is of is loaded.
    fn give(&self, session: &Session, whole: &Arc<Shown>) {
        let _ = self.view.set(whole.view.clone());
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(views) = views else { return };
        if !whole.view.lacks_lives() {
            let _ = views.send(Ok(self.full.get_or_init(|| whole.view.clone()).clone()));
            return;
        }
        let (session, whole) = (session.this.clone(), whole.clone());
        let (full, cancel) = (self.full.clone(), self.cancel.clone());
        tokio::task::spawn_blocking(move || {
            let with_lives = session.upgrade().map(|session| session.with_lives(&whole, &cancel));
            let _ = views.send(match with_lives {
                Some(Ok(whole)) => Ok(full.get_or_init(|| whole.view.clone()).clone()),
                Some(Err(why)) => Err(why.into()),
                None => Err(NoIndex::Cancelled),
            });
        });
    }

    /// Whether it is the index of a trace, or will be.
    fn is_of(&self, whole: &Shown) -> bool {
        let is_like = |view: &Arc<View>| view.is_like(&whole.view);
        !self.is_broken() && self.view.get().is_some_and(is_like)
    }

    /// Whether it can be the index of a trace that is loaded now.
    fn fits(&self, whole: &Shown) -> bool {
        let failed = matches!(&*self.made.borrow(), Some(Err(_)));
        let is_same = self.path == whole.path && self.stamp == whole.stamp;
        is_same && !failed && !self.is_broken()
    }

    /// A panic of ours ended it: whoever asks next has it made anew.
    fn is_broken(&self) -> bool {
        self.made.has_changed().is_err() && self.made.borrow().is_none()
    }

    /// How far it is, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        f64::from(self.progress.load(Ordering::Relaxed)) / 1000.0
    }

    /// What of it can be looked at before it is there.
    pub(super) fn so_far(&self) -> SoFar {
        self.growing.so_far()
    }

    /// The index, if it is there.
    pub(super) fn now(&self) -> Made {
        self.made.borrow().clone()
    }
}

/// A request that waits for an index. When none does any more, and nobody looks, it is not made.
pub(super) struct Waiting<'a> {
    session: &'a Session,
    pub(super) job: Arc<Job>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut indexes = self.session.indexes();
        let is_last = self.job.n_waiting.fetch_sub(1, Ordering::Relaxed) == 1;
        let is_shown = indexes.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &self.job));
        let is_looked_at = self.job.is_looked_at.load(Ordering::Relaxed);
        if is_last && is_shown && !is_looked_at && self.job.now().is_none() {
            self.job.cancel.store(true, Ordering::Relaxed);
            indexes.shown = None;
        }
    }
}

impl Session {
    fn indexes(&self) -> MutexGuard<'_, Indexes> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_index(&self, path: PathBuf, stamp: Stamp, limit: Option<u32>) -> Arc<Job> {
        let memory = self.settings().memory.saturating_mul(SHARE);
        Arc::new(Job::begin(path, stamp, limit, memory))
    }

    /// The index of a trace that is shown, for somebody who looks and will come back.
    pub(super) fn timeline_job(&self, shown: &Arc<Shown>) -> Arc<Job> {
        self.timeline_job_for(shown, |job| job.is_looked_at.store(true, Ordering::Relaxed))
    }

    pub(super) fn wait_for_timeline(&self, shown: &Arc<Shown>) -> Waiting<'_> {
        let count = |job: &Job| {
            job.n_waiting.fetch_add(1, Ordering::Relaxed);
        };
        Waiting { session: self, job: self.timeline_job_for(shown, count) }
    }

    /// The index of a trace that is shown, which is begun if need be. `wanted` notes who wants it.
    fn timeline_job_for(&self, shown: &Arc<Shown>, wanted: impl FnOnce(&Job)) -> Arc<Job> {
        let whole = shown.whole();
        let is_shown = || self.shown().is_some_and(|now| now.whole().view.is_like(&whole.view));
        // Of a beginning that is shown while the rest is read, that of the rest is begun, too.
        let is_loaded = shown.growing.is_some() && self.loads().is_under_way();
        let mut indexes = self.indexes();
        let job = match &indexes.shown {
            Some(job) if job.is_of(&whole) => job.clone(),
            _ => {
                let limit = whole.view.analysis.cut;
                let begun = self.begin_index(whole.path.clone(), whole.stamp.clone(), limit);
                begun.give(self, &whole);
                // Looked at while they are locked: what is shown next comes after that. Who asks of what was
                // shown before has an index to himself.
                if is_shown() {
                    indexes.shown = Some(begun.clone());
                }
                begun
            }
        };
        wanted(&job);
        if is_loaded && indexes.ahead.is_none() && is_shown() {
            indexes.ahead = Some(self.begin_index(whole.path.clone(), whole.stamp.clone(), None));
        }
        job
    }

    /// Somebody will look at the timeline of a trace that is going to be loaded.
    pub(super) fn index_ahead(&self, path: PathBuf) {
        if let Some(stamp) = Stamp::at(&path) {
            self.indexes().ahead = Some(self.begin_index(path, stamp, None));
        }
    }

    /// Another trace is shown, or none: the index of the one before goes. What was made of it ahead is its
    /// own now, or goes with it, unless it is still loaded.
    pub(in crate::lsp) fn exchange_timeline(&self, next: Option<&Arc<Shown>>) {
        let whole = next.map(Shown::whole);
        let still_loads = next.is_some_and(|next| next.growing.is_some());
        let runtime = tokio::runtime::Handle::try_current().ok();
        // Lives that are lacking are read on another thread.
        let can_give = |whole: &Shown| !whole.view.lacks_lives() || runtime.is_some();
        let mut indexes = self.indexes();
        let mut before = indexes.shown.take();
        let mut gone = None;
        match (indexes.ahead.take(), &whole) {
            (Some(job), Some(whole)) if still_loads && job.fits(whole) => indexes.ahead = Some(job),
            (Some(job), Some(whole)) if can_give(whole) && job.fits(whole) => {
                job.give(self, whole);
                job.is_looked_at.store(true, Ordering::Relaxed);
                indexes.shown = Some(job);
            }
            (other, _) => gone = other,
        }
        // Somebody may have asked for the next one already.
        if indexes.shown.is_none() {
            let is_of_next =
                |job: &mut Arc<Job>| whole.as_ref().is_some_and(|next| job.is_of(next));
            indexes.shown = before.take_if(is_of_next);
        }
        drop(indexes);
        // Whoever waits for them asks for what is shown now.
        for job in before.iter().chain(&gone) {
            job.cancel.store(true, Ordering::Relaxed);
        }
        // To give their memory back takes a while.
        match runtime.filter(|_| before.is_some() || gone.is_some()) {
            Some(runtime) => drop(runtime.spawn_blocking(move || drop((before, gone)))),
            None => drop((before, gone)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::kept::Cache;
    use crate::lsp::backend::Backend;

    fn trace(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/traces/g126").join(name)
    }

    fn ahead(session: &Session) -> Option<Arc<Job>> {
        session.indexes().ahead.clone()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_begun_beside_a_load_goes_on_with_its_trace() {
        let (service, _socket) = tower_lsp::LspService::new(|client| {
            Backend::new(client, Arc::default(), Cache::none())
        });
        let session = &service.inner().session;
        let path = trace("leak.trace");
        session.index_ahead(path.clone());
        let begun = ahead(session).unwrap();
        service.inner().show(path.clone()).await.unwrap();
        let shown = session.shown().unwrap();
        assert!(Arc::ptr_eq(&session.timeline_job(&shown), &begun));
        assert!(ahead(session).is_none());
        let seen = session.seen().await.unwrap().unwrap();
        assert_eq!(seen.index.end, shown.view.analysis.duration());

        // Of another trace, or of another version of it, it is nothing.
        session.index_ahead(path);
        let begun = Arc::downgrade(&ahead(session).unwrap());
        service.inner().show(trace("annot.trace")).await.unwrap();
        assert!(ahead(session).is_none());
        for _ in 0..500 {
            if begun.upgrade().is_none() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(begun.upgrade().is_none(), "it is given up");
        let shown = session.shown().unwrap();
        let seen = session.seen().await.unwrap().unwrap();
        assert_eq!(seen.index.end, shown.view.analysis.duration());
    }

    /// Of what is kept the lives are read while the index is made.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_begun_beside_goes_on_with_a_trace_that_was_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.out");
        std::fs::write(&path, std::fs::read(trace("webmix.trace")).unwrap().repeat(4)).unwrap();
        // Until no later write can have the same time.
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        let cache = Cache::at(dir.path().join("cache"));
        for is_kept in [false, true] {
            assert_eq!(!cache.entries().is_empty(), is_kept);
            let (service, _socket) = tower_lsp::LspService::new(|client| {
                Backend::new(client, Arc::default(), cache.clone())
            });
            let session = &service.inner().session;
            session.index_ahead(path.clone());
            let begun = ahead(session).unwrap();
            service.inner().show(path.clone()).await.unwrap();
            let shown = session.shown().unwrap();
            assert!(Arc::ptr_eq(&session.timeline_job(&shown), &begun));
            let seen = session.seen().await.unwrap().unwrap();
            assert!(!seen.shown.view.lacks_lives());
            assert_eq!(seen.index.end, shown.view.analysis.duration());
            for _ in 0..500 {
                if !cache.entries().is_empty() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }

    /// Who waits for an index when something else is shown is answered of that; when nothing is, of nothing.
    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_is_answered_of_what_is_shown_then() {
        let (service, _socket) = tower_lsp::LspService::new(|client| {
            Backend::new(client, Arc::default(), Cache::none())
        });
        let session = &service.inner().session;
        for next in [Some(trace("annot.trace")), None] {
            service.inner().show(trace("leak.trace")).await.unwrap();
            let shown = session.shown().unwrap();
            // One that waits for a view forever.
            let never = session.begin_index(shown.path.clone(), shown.stamp.clone(), None);
            let _ = never.view.set(shown.view.clone());
            session.indexes().shown = Some(never.clone());
            let asking = session.clone();
            let asked = tokio::spawn(async move { asking.seen().await.unwrap() });
            while never.n_waiting.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            match &next {
                Some(next) => drop(service.inner().show(next.clone()).await.unwrap()),
                None => session.unload(),
            }
            let seen = tokio::time::timeout(std::time::Duration::from_secs(60), asked).await;
            let seen = seen.unwrap().unwrap();
            assert_eq!(seen.map(|seen| seen.shown.path.clone()), next);
        }
    }
}
