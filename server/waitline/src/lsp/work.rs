//! Work that is done away from the task that all handlers share.
//!
//! Nobody can stop a thread from outside. So whoever waits for work holds its [`Guard`], work looks
//! at it where it takes long, and what has not begun when nobody waits any more never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;
use tower_lsp::jsonrpc::{Error, Result};

use super::faults;

/// Says, when it is dropped, that nobody wants the work any more.
pub(super) struct Guard(pub(super) Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Room for long work: more of it at once than there are cores only makes all of it later, and a
/// cancel leaves behind what has begun.
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Room(Arc::new(Semaphore::new(cores.max(2))))
    }
}

impl Room {
    /// Does work that may take long, when there is room. `work` is told whether it is given up.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T> {
        let room = self.0.clone().acquire_owned().await;
        compute(move |given_up| {
            let _room = room; // as long as it runs, also when nobody waits for it any more
            work(given_up)
        })
        .await
    }
}

/// Does work that is short, if not always shorter than a message may wait.
pub(super) async fn compute<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Result<T> {
    let given_up = Arc::new(AtomicBool::new(false));
    let guard = Guard(given_up.clone());
    let done = tokio::task::spawn_blocking(move || {
        if given_up.load(Ordering::Relaxed) {
            return None;
        }
        faults::point("work");
        Some(work(&given_up))
    });
    let done = done.await;
    drop(guard);
    match done {
        Ok(Some(done)) => Ok(done),
        Ok(None) => Err(Error::request_cancelled()),
        Err(error) => {
            tracing::error!("internal error: the work for an answer ended early: {error}");
            Err(Error::internal_error())
        }
    }
}
