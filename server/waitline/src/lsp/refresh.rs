//! Tells the editor that what is shown has changed, at most every 200 ms however often it does.
//!
//! What the protocol has for that are requests to ask again; a client with views of its own gets the
//! new state as well.

use std::sync::{Arc, Weak};
use std::time::Duration;

use lsp_types::notification::Notification;
use serde_json::Value;
use tokio::sync::Notify;

use super::ext;
use super::initialize::ClientCapabilities;
use super::session::Session;

/// How often the editor is asked at most.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// How long an editor may take to answer before the next is sent all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// `waitline/didChangeState`: the state of what is shown now, or null.
enum DidChangeState {}

impl Notification for DidChangeState {
    type Params = Value;
    const METHOD: &'static str = "waitline/didChangeState";
}

/// Sends what the editor wants to be told.
pub(super) struct Refresher {
    session: Weak<Session>,
    wanted: Arc<Notify>,
    started: std::sync::Once,
}

impl Refresher {
    pub(super) fn new(session: Weak<Session>) -> Refresher {
        Refresher { session, wanted: Arc::new(Notify::new()), started: std::sync::Once::new() }
    }

    /// What is shown has changed.
    pub(super) fn ask(&self, capabilities: &ClientCapabilities) {
        let (lenses, hints) = (capabilities.code_lens_refresh, capabilities.inlay_hint_refresh);
        // Who draws or has commands of its own has views that follow what is shown.
        let state = capabilities.decorations || capabilities.own_commands;
        if !lenses && !hints && !state {
            return;
        }
        self.started.call_once(|| {
            let (session, wanted) = (self.session.clone(), self.wanted.clone());
            // Outside a runtime there is no session and nobody to ask.
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            runtime.spawn(async move {
                loop {
                    wanted.notified().await;
                    let Some(session) = session.upgrade() else { return };
                    let client = session.client.clone();
                    if state {
                        let now = session.shown().map_or(Value::Null, |shown| ext::state(&shown));
                        client.send_notification::<DidChangeState>(now).await;
                    }
                    drop(session);
                    // Side by side: an editor that answers one late gets the other in time.
                    let of_lenses = async {
                        if lenses {
                            // On its own: a late answer must still find its place.
                            let client = client.clone();
                            let asked =
                                tokio::spawn(async move { client.code_lens_refresh().await });
                            let _ = tokio::time::timeout(PATIENCE, asked).await;
                        }
                    };
                    let of_hints = async {
                        if hints {
                            let client = client.clone();
                            let asked =
                                tokio::spawn(async move { client.inlay_hint_refresh().await });
                            let _ = tokio::time::timeout(PATIENCE, asked).await;
                        }
                    };
                    tokio::join!(of_lenses, of_hints);
                    tokio::time::sleep(AT_MOST_EVERY).await;
                }
            });
        });
        self.wanted.notify_one();
    }
}
