//! The page without an editor.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::lsp::backend::Backend;

/// How often the file gets a new address: one is good for a minute.
const RENEW: Duration = Duration::from_secs(40);

/// Loads a trace and serves its page until nobody looks any more.
pub(in crate::lsp) async fn serve(
    backend: &Backend,
    trace: &Path,
    ready: impl FnOnce(&Path, Option<String>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let session = &backend.session;
    let trace = std::path::absolute(trace)?;
    backend.show(trace).await.map_err(|error| anyhow::anyhow!("{}", error.message))?;
    let Some(shown) = session.shown() else { anyhow::bail!("the trace is not shown") };
    let open = json!({});
    let mut launch =
        session.launch(&open).await.map_err(|error| anyhow::anyhow!("{}", error.message))?;
    // Most look at once: by the time that the browser is there, so is the index.
    session.timeline_job(&shown);
    ready(launch.path(), shown.view.analysis.partial())?;
    drop(shown);
    loop {
        let mut host = session.host.lock().await;
        let Some(here) = host.as_mut() else { return Ok(()) };
        tokio::select! {
            () = here.ended() => return Ok(()),
            // The file goes with us.
            () = told_to_end() => return Ok(()),
            () = tokio::time::sleep(RENEW) => {}
        }
        launch.renew(&here.address(&NOTHING)?)?;
    }
}

/// Somebody ends the program.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut told) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = told.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

const NOTHING: [(&str, String); 0] = [];
