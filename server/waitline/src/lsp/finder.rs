//! Looks out for new traces in the folders that are open.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt as _;
use notify::Watcher;

use super::session::Session;

/// How long nothing may change before folders are looked through.
const SETTLED: Duration = Duration::from_millis(400);
/// How often they are looked through where nothing tells of changes.
const POLL: Duration = Duration::from_secs(10);
/// How often they are looked through beside being told: hints get lost.
const SLOW_POLL: Duration = Duration::from_secs(60);

impl Session {
    /// From now on the newest trace is shown, as long as that is set. Once is enough.
    pub(super) fn look_for_traces(self: &Arc<Self>) {
        if self.looks.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (session, roots) = (Arc::downgrade(self), self.info().roots.clone());
        let thread = std::thread::Builder::new().name("finder".into()).spawn(move || {
            let (changed, changes) = mpsc::channel::<()>();
            let _kept = changed.clone();
            let watcher =
                notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                    // To read a file is no change of it.
                    if event.is_ok_and(|event| !event.kind.is_access()) {
                        let _ = changed.send(());
                    }
                });
            let mut watcher = watcher.ok();
            let is_told = watcher.as_mut().is_some_and(|watcher| {
                roots.iter().all(|root| {
                    let watched = watcher.watch(root, notify::RecursiveMode::Recursive);
                    if let Err(error) = &watched {
                        tracing::warn!(
                            "{} cannot be watched, it is looked through instead: {error}",
                            crate::traces::shown(root)
                        );
                    }
                    watched.is_ok()
                })
            });
            // Only what is written from now on is new.
            if let Some(session) = session.upgrade() {
                session.newest();
            }
            loop {
                let _ = changes.recv_timeout(if is_told { SLOW_POLL } else { POLL });
                // Until it is quiet, but not for ever: somebody may write all the time.
                let mut n = 0;
                while n < 10 && changes.recv_timeout(SETTLED).is_ok() {
                    while changes.try_recv().is_ok() {}
                    n += 1;
                }
                let Some(session) = session.upgrade() else { return };
                let settings = session.settings();
                if settings.load_latest && settings.watch {
                    // A panic of ours costs this look, not those to come.
                    let look = AssertUnwindSafe(session.load_latest());
                    let _ = runtime.block_on(look.catch_unwind());
                }
            }
        });
        if let Err(error) = thread {
            tracing::warn!("new traces are not looked for: {error}");
        }
    }
}
