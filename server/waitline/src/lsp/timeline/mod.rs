//! The timeline: its index, made when somebody first looks, and what is answered of it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

use ide::timeline::Index;
use ide::view::View;
use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::jsonrpc::{Error, Result};

use super::session::{Session, Shown};
use crate::index::{self, NoIndex};

mod answers;
pub(super) mod host;
pub(super) mod loading;
pub(super) mod page;
mod parameters;
mod requests;
mod slices;
mod summary;
pub(super) mod tiles;

/// What came of an index; `None` while it is made.
type Made = Option<std::result::Result<Arc<Index>, NoIndex>>;

/// The index of the trace that is shown, being made or made.
pub(super) struct Job {
    /// The view of the whole trace, which several numbers may stand for.
    view: Arc<View>,
    made: watch::Receiver<Made>,
    /// Thousandths.
    progress: Arc<AtomicU32>,
    cancel: Arc<AtomicBool>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Job {
    fn start(whole: Arc<Shown>) -> Job {
        let (tell, made) = watch::channel(None);
        let progress = Arc::new(AtomicU32::new(0));
        let cancel = Arc::new(AtomicBool::new(false));
        let view = whole.view.clone();
        let job = Job { view, made, progress: progress.clone(), cancel: cancel.clone() };
        tokio::task::spawn_blocking(move || {
            let report = |read: u64, of: u64| {
                let share = read.saturating_mul(900) / of.max(1);
                progress.store(share.min(900) as u32, Ordering::Relaxed);
            };
            let made = index::make(&whole.path, &whole.stamp, &whole.view, &cancel, &report);
            progress.store(1000, Ordering::Relaxed);
            let _ = tell.send(Some(made.map(Arc::new)));
        });
        job
    }

    /// How far it is, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        f64::from(self.progress.load(Ordering::Relaxed)) / 1000.0
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

impl Session {
    /// The index of a trace that is shown, which is begun if need be.
    pub(super) fn timeline_job(&self, shown: &Arc<Shown>) -> Arc<Job> {
        let whole = shown.whole();
        let mut job = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        match &*job {
            Some(job) if Arc::ptr_eq(&job.view, &whole.view) => job.clone(),
            _ => {
                let begun = Arc::new(Job::start(whole));
                *job = Some(begun.clone());
                begun
            }
        }
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
        let job = self.timeline_job(&shown);
        let mut made = job.made.clone();
        let made = made.wait_for(Option::is_some).await;
        match made.ok().and_then(|m| m.clone()) {
            Some(Ok(index)) => Ok(Some(Seen { shown, index })),
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
        let work = tokio::task::spawn_blocking(move || make(&session, &seen));
        work.await.map_err(|_| Error::internal_error())?
    }

    /// A tile; `None` without a trace.
    pub(super) async fn tile(self: &Arc<Self>, params: &Value) -> Result<Option<Vec<u8>>> {
        let asked = tiles::Asked::parse(params)?;
        let Some(seen) = self.seen().await? else { return Ok(None) };
        let work =
            tokio::task::spawn_blocking(move || tiles::tile(&seen.index, seen.shown.id, &asked));
        work.await.map(Some).map_err(|_| Error::internal_error())
    }
}
