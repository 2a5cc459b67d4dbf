//! The timeline: its index, made when somebody first looks, and what is answered of it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use ide::timeline::{Builder, Index};
use ide::view::View;
use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::jsonrpc::{Error, Result};

use super::session::{Session, Shown};
use crate::index::{self, NoIndex};

mod answers;
mod growing;
pub(super) mod host;
pub(super) mod loading;
pub(super) mod page;
mod parameters;
mod requests;
mod slices;
mod summary;
pub(super) mod tiles;

/// How much of `limits.memory` an index may take, beside the trace: so that one that just fits has its
/// timeline, too.
const INDEX_SHARE: u64 = 2;

/// What came of an index; `None` while it is made.
type Made = Option<std::result::Result<Arc<Index>, NoIndex>>;

/// The index of the trace that is shown, being made or made.
pub(super) struct Job {
    /// The view of the whole trace, which several numbers may stand for.
    view: Arc<View>,
    /// The same with the lives of its goroutines, once it is there.
    full: Arc<OnceLock<Arc<View>>>,
    made: watch::Receiver<Made>,
    /// Thousandths.
    progress: Arc<AtomicU32>,
    cancel: Arc<AtomicBool>,
    /// What can be looked at before it is made.
    growing: Arc<growing::Growing>,
    /// How many requests wait for it. Changed only while `Session::timeline` is locked.
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
    /// A panic of ours ended it: whoever asks next has it made anew.
    fn is_broken(&self) -> bool {
        self.made.has_changed().is_err() && self.made.borrow().is_none()
    }

    fn start(session: Weak<Session>, whole: Arc<Shown>, memory: u64) -> Job {
        let (tell, made) = watch::channel(None);
        let progress = Arc::new(AtomicU32::new(0));
        let cancel = Arc::new(AtomicBool::new(false));
        let view = whole.view.clone();
        let full = Arc::new(OnceLock::new());
        let (growing, mut answering) = growing::new();
        let job = Job {
            view,
            full: full.clone(),
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
            super::faults::point("index");
            let made = match session.upgrade().map(|session| session.with_lives(&whole, &cancel)) {
                Some(Ok(whole)) => {
                    let view = full.get_or_init(|| whole.view.clone());
                    index::make(&whole.path, &whole.stamp, view, memory, &cancel, report)
                }
                Some(Err(why)) => Err(why.into()),
                None => Err(NoIndex::Cancelled),
            };
            progress.store(1000, Ordering::Relaxed);
            let _ = tell.send(Some(made.map(Arc::new)));
        });
        job
    }

    /// How far it is, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        f64::from(self.progress.load(Ordering::Relaxed)) / 1000.0
    }

    /// What of it can be looked at before it is there.
    fn so_far(&self) -> growing::SoFar {
        self.growing.so_far()
    }

    /// The index, if it is there.
    pub(super) fn now(&self) -> Made {
        self.made.borrow().clone()
    }
}

/// What an answer about the timeline is made of.
pub(super) struct Seen {
    pub(super) shown: Arc<Shown>,
    pub(super) index: Arc<Index>,
}

/// A request that waits for an index. When none does any more, and nobody looks, it is not made.
struct Waiting<'a> {
    session: &'a Session,
    job: Arc<Job>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut current = self.session.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = self.job.n_waiting.fetch_sub(1, Ordering::Relaxed) == 1;
        let is_current = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &self.job));
        let is_looked_at = self.job.is_looked_at.load(Ordering::Relaxed);
        if is_last && is_current && !is_looked_at && self.job.now().is_none() {
            self.job.cancel.store(true, Ordering::Relaxed);
            *current = None;
        }
    }
}

impl Session {
    /// The index of a trace that is shown, for somebody who looks and will come back.
    pub(super) fn timeline_job(&self, shown: &Arc<Shown>) -> Arc<Job> {
        self.timeline_job_for(shown, |job| job.is_looked_at.store(true, Ordering::Relaxed))
    }

    fn wait_for_timeline(&self, shown: &Arc<Shown>) -> Waiting<'_> {
        let count = |job: &Job| {
            job.n_waiting.fetch_add(1, Ordering::Relaxed);
        };
        Waiting { session: self, job: self.timeline_job_for(shown, count) }
    }

    /// The index of a trace that is shown, which is begun if need be. `wanted` notes who wants it.
    fn timeline_job_for(&self, shown: &Arc<Shown>, wanted: impl FnOnce(&Job)) -> Arc<Job> {
        let whole = shown.whole();
        let mut job = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &*job {
            Some(job) if job.view.is_like(&whole.view) && !job.is_broken() => job.clone(),
            _ => {
                let memory = self.settings().memory.saturating_mul(INDEX_SHARE);
                let begun = Arc::new(Job::start(self.this.clone(), whole, memory));
                *job = Some(begun.clone());
                begun
            }
        };
        wanted(&job);
        job
    }

    /// Another trace is shown, or none: its index goes.
    pub(super) fn forget_timeline(&self) {
        let job = self.timeline.lock().unwrap_or_else(PoisonError::into_inner).take();
        if job.is_some() {
            // To give its memory back takes a while.
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(move || drop(job))),
                Err(_) => drop(job),
            }
        }
    }

    /// The trace that is shown and its index, once that is made. `None`: no trace is shown.
    pub(super) async fn seen(&self) -> Result<Option<Seen>> {
        let Some(shown) = self.shown() else { return Ok(None) };
        let waiting = self.wait_for_timeline(&shown);
        let mut made = waiting.job.made.clone();
        let made = made.wait_for(Option::is_some).await;
        match made.ok().and_then(|m| m.clone()) {
            Some(Ok(index)) => {
                let full = waiting.job.full.get().filter(|_| shown.view.lacks_lives());
                let full = full.map(|view| Arc::new(shown.with_view(view.clone())));
                Ok(Some(Seen { shown: full.unwrap_or(shown), index }))
            }
            Some(Err(why)) => Err(super::backend::failed(why.to_string())),
            None => Err(Error::internal_error()),
        }
    }

    /// An answer about the timeline, made away from this task; `null` without a trace.
    pub(super) async fn of_timeline(
        self: &Arc<Self>,
        make: impl FnOnce(&Session, &Seen) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        let Some(seen) = self.seen().await? else { return Ok(Value::Null) };
        let session = self.clone();
        self.room.compute(move |_| make(&session, &seen)).await?
    }

    /// An answer of as much of the index as is there, for who asks for that; `None` once all of it is.
    async fn so_far<T: Send + 'static>(
        &self,
        params: &Value,
        make: impl FnOnce(&Shown, &Index) -> T + Send + 'static,
    ) -> Option<T> {
        if params.get("growing") != Some(&Value::Bool(true)) {
            return None;
        }
        let shown = self.shown()?;
        let job = self.timeline_job(&shown);
        if job.now().is_some() {
            return None;
        }
        job.growing.ask(move |index| make(&shown, index)).await
    }

    /// A tile; `None` without a trace.
    pub(super) async fn tile(self: &Arc<Self>, params: &Value) -> Result<Option<Vec<u8>>> {
        let asked = tiles::Asked::parse(params)?;
        let growing = asked.clone();
        let tile =
            self.so_far(params, move |shown, index| tiles::so_far(index, shown.id, &growing));
        if let Some(tile) = tile.await {
            return Ok(Some(tile));
        }
        let Some(seen) = self.seen().await? else { return Ok(None) };
        let made = self.room.compute(move |_| tiles::tile(&seen.index, seen.shown.id, &asked));
        made.await.map(Some)
    }
}
