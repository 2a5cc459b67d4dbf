//! The page without an editor.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::lsp::backend::Backend;

/// How often the file gets a new address that nobody has used: one is good for a minute.
const RENEW: Duration = Duration::from_secs(40);

/// A load that takes longer is watched from the page.
const SOON: Duration = Duration::from_millis(500);

/// How a page is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    /// At which place of the trace.
    pub(crate) at: &'a Value,
    /// A person watches, and is to have it as soon as there is something to see.
    pub(crate) watches: bool,
    /// At which port; 0 is any.
    pub(crate) port: u16,
}

/// Loads a trace and serves its page until nobody looks any more. `ready` is told where the page is: when
/// the trace is loaded, if not before. `partial` is told what of the trace is missing.
pub(in crate::lsp) async fn serve(
    backend: &Backend,
    trace: &Path,
    Page { at, watches, port }: Page<'_>,
    ready: impl FnOnce(&Path) -> anyhow::Result<()>,
    partial: impl FnOnce(&str),
) -> anyhow::Result<()> {
    let session = &backend.session;
    let trace = std::path::absolute(trace)?;
    if port != 0 {
        let taken = || format!("port {port} of this machine cannot be listened on");
        session.listen(port).await.with_context(taken)?;
    }
    let told = |error: tower_lsp::jsonrpc::Error| anyhow::anyhow!("{}", error.message);
    // Most look at once: by the time that the browser is there, much of the index is, too.
    session.index_ahead(trace.clone());
    let mut load = std::pin::pin!(backend.show(trace));
    let mut ready = Some(ready);
    let mut launch = None;
    let soon = if watches { SOON } else { Duration::MAX };
    if let Ok(loaded) = tokio::time::timeout(soon, &mut load).await {
        loaded.map_err(told)?;
    } else {
        let early = session.launch(at).await.map_err(told)?;
        if let Some(ready) = ready.take() {
            ready(early.path())?;
        }
        launch = Some(early);
        load.await.map_err(told)?;
    }
    let Some(shown) = session.shown() else { anyhow::bail!("the trace is not shown") };
    session.timeline_job(&shown);
    if let Some(lost) = shown.view.analysis.partial() {
        partial(&lost);
    }
    drop(shown);
    let mut launch = match launch {
        Some(launch) => launch,
        None => session.launch(at).await.map_err(told)?,
    };
    if let Some(ready) = ready {
        ready(launch.path())?;
    }
    loop {
        let mut host = session.host.lock().await;
        let Some(here) = host.as_mut() else { return Ok(()) };
        let used = here.used();
        tokio::select! {
            () = here.ended() => return Ok(()),
            // The file goes with us.
            () = told_to_end() => return Ok(()),
            // Who opens the file once more gets in, too.
            () = used.notified() => {}
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
