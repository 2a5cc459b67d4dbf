//! Asks the editor to ask again, at most every 200 ms however often things change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tower_lsp::Client;

use super::initialize::ClientCapabilities;

/// How often the editor is asked at most.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// How long an editor may take to answer before the next is sent all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends refresh requests.
pub(super) struct Refresher {
    client: Client,
    wanted: Arc<Notify>,
    started: std::sync::Once,
}

impl Refresher {
    pub(super) fn new(client: Client) -> Refresher {
        Refresher { client, wanted: Arc::new(Notify::new()), started: std::sync::Once::new() }
    }

    /// What is shown has changed.
    pub(super) fn ask(&self, capabilities: &ClientCapabilities) {
        let (lenses, hints) = (capabilities.code_lens_refresh, capabilities.inlay_hint_refresh);
        if !lenses && !hints {
            return;
        }
        self.started.call_once(|| {
            let (client, wanted) = (self.client.clone(), self.wanted.clone());
            // Outside a runtime there is no session and nobody to ask.
            let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
            runtime.spawn(async move {
                loop {
                    wanted.notified().await;
                    // Side by side: an editor that answers one late gets the other in time.
                    let of_lenses = async {
                        if lenses {
                            let asked = client.code_lens_refresh();
                            let _ = tokio::time::timeout(PATIENCE, asked).await;
                        }
                    };
                    let of_hints = async {
                        if hints {
                            let asked = client.inlay_hint_refresh();
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
