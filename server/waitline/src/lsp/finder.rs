//! Looks out for new traces in the folders that are open.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use super::folders::Folders;
use super::session::Session;
use futures::FutureExt as _;

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
            let folders = Folders::watch(&roots, notify::RecursiveMode::Recursive);
            // Only what is written from now on is new.
            if let Some(session) = session.upgrade() {
                session.newest();
            }
            loop {
                folders.wait(if folders.is_told { SLOW_POLL } else { POLL }, SETTLED);
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
