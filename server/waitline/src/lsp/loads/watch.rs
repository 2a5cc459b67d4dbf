//! The watch on the file of the trace that is shown: a thread that is told of changes and looks itself,
//! since not every file system tells.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use lsp_types::MessageType;
use notify::Watcher;

use super::{Outcome, Why};
use crate::lsp::following::{Begun, Following, Paused};
use crate::lsp::session::Session;
use crate::traces::{self, Stamp};

/// How long a file must stay the same before it is read.
pub(super) const SETTLED: Duration = Duration::from_millis(300);
/// How often a file that was just written is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(50);
/// How often a file is looked at where nothing tells of its changes.
const POLL: Duration = Duration::from_millis(700);
/// The same beside being told.
const SLOW_POLL: Duration = Duration::from_secs(1);

/// Ends its thread when it is dropped.
pub(super) struct Watch {
    pub(super) path: PathBuf,
    _stop: mpsc::Sender<()>,
}

/// Watches a trace file: when another version of it has settled, it is loaded, and one that grows is
/// followed.
pub(super) fn watch(session: &Arc<Session>, path: PathBuf, begun: Option<Begun>) -> Option<Watch> {
    let (stop, stopped) = mpsc::channel::<()>();
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    let weak = Arc::downgrade(session);
    let watched = path.clone();
    let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
        let (changed, changes) = mpsc::channel::<()>();
        // Kept: with no sender left, waiting for a change would not wait.
        let _kept = changed.clone();
        // The folder, not the file: one that is renamed over the old file is a new file.
        let mut watcher = notify::recommended_watcher(move |_| {
            let _ = changed.send(());
        });
        let told = watched.parent().is_some_and(|dir| match &mut watcher {
            Ok(watcher) => match watcher.watch(dir, notify::RecursiveMode::NonRecursive) {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(
                        "{} cannot be watched, it is looked at instead: {error}",
                        traces::shown(dir)
                    );
                    false
                }
            },
            Err(error) => {
                tracing::warn!("folders cannot be watched, they are looked at instead: {error}");
                false
            }
        });
        let _entered = runtime.enter();
        let mut following = Following::new(watched.clone(), begun);
        let is_stopped = || stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected);
        let mut tried: Option<Stamp> = None;
        // Changes are hints only, so a poll goes on beside them.
        let usual = if told { SLOW_POLL } else { POLL };
        // What was written before the watch began told nobody.
        let mut pause = Duration::ZERO;
        loop {
            let _ = changes.recv_timeout(pause);
            while changes.try_recv().is_ok() {}
            if is_stopped() {
                return;
            }
            pause = usual;
            let Some(session) = weak.upgrade() else { return };
            let Some(stamp) = Stamp::at(&watched) else { continue };
            let known = session
                .shown()
                .is_some_and(|s| s.path == watched && s.stamp == stamp && s.growing.is_none());
            if known || tried.as_ref() == Some(&stamp) {
                following.saw(&stamp);
                continue;
            }
            let seen = session.loads().seen.take_if(|(path, _)| *path == watched);
            if let Some((_, seen)) = seen {
                following.saw_loaded(seen);
            }
            drop(session);
            // As long as it is being written: what is told of that is over by then.
            let mut settled = Some(stamp);
            let mut since = Instant::now();
            while since.elapsed() < following.settled(SETTLED) {
                std::thread::sleep(LOOK);
                if is_stopped() {
                    return;
                }
                let mut now = Stamp::at(&watched);
                if following.is_wanted(now.as_ref()) {
                    let paused = following.follow(&weak, &runtime, &|| !is_stopped());
                    now = Stamp::at(&watched);
                    match paused {
                        Paused::Unwatched => return,
                        Paused::Quiet => {
                            settled = now;
                            break;
                        }
                        Paused::Otherwise => {}
                    }
                }
                if now != settled {
                    (settled, since) = (now, Instant::now());
                }
            }
            while changes.try_recv().is_ok() {}
            // What changed after the last look is seen now, or tells of itself.
            let Some(stamp) = settled.filter(|s| Stamp::at(&watched).as_ref() == Some(s)) else {
                pause = Duration::ZERO;
                continue;
            };
            if tried.as_ref() == Some(&stamp) {
                continue;
            }
            let Some(session) = weak.upgrade() else { return };
            tried = Some(stamp);
            let load = session.load_because(Why::Rewrite, watched.clone());
            // A panic of ours costs this load, not the watch.
            let outcome = runtime.block_on(AssertUnwindSafe(load).catch_unwind());
            let outcome = outcome.unwrap_or(Outcome::Broken);
            if !matches!(outcome, Outcome::Overtaken) {
                following.forget_growing();
            }
            if let Some(stamp) = &tried {
                following.saw(stamp);
            }
            match outcome {
                Outcome::Failed(error) => {
                    // What is shown stays; a file that is half written is no news.
                    tracing::warn!("{error}");
                    if error.is_changing() {
                        // It is written anew already.
                        (tried, pause) = (None, Duration::ZERO);
                    } else if !error.may_pass() {
                        let told = session.client.show_message(MessageType::WARNING, error);
                        runtime.block_on(told);
                    }
                }
                // Something else was loading, and may come to nothing.
                Outcome::Overtaken => (tried, pause) = (None, SETTLED),
                Outcome::Shown(_) | Outcome::Cancelled | Outcome::Broken => {}
            }
        }
    });
    match thread {
        Ok(_) => Some(Watch { path, _stop: stop }),
        Err(error) => {
            tracing::warn!("the trace is not watched: {error}");
            None
        }
    }
}
