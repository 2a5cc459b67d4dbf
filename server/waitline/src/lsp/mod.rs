//! The language server: tower-lsp's service under a transport of our own.
//!
//! `backend` answers the editor, `requests` and `commands` what is not the protocol's own; `session` is
//! the state that answers are made of; `loads` brings traces in, watches them and takes them away.
//! `to_proto` turns what `ide` says into the protocol's types.

use std::sync::{Arc, OnceLock};

use tower_lsp::LspService;

mod analyses;
mod answers;
mod backend;
mod commands;
mod configuration;
mod documents;
mod excerpt;
mod ext;
mod faults;
mod finder;
mod findings;
mod folders;
mod following;
pub mod frames;
mod growing;
pub mod initialize;
mod links;
mod lives;
mod loads;
mod parameters;
mod progress;
mod recordings;
mod refresh;
mod requests;
mod session;
mod settings;
mod timeline;
mod to_proto;
pub mod transport;
mod word;
mod work;

use backend::Backend;
pub(crate) use timeline::page::Page;

use crate::kept::Cache;

/// Serves an editor over standard input and output, and ends the process with the session.
///
/// # Errors
/// The runtime cannot be started.
pub fn serve_stdio(cache: Cache) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let info = Arc::new(OnceLock::new());
    let (service, socket) = service(info.clone(), cache);
    let options = transport::ServeOptions::new(runtime.handle().clone(), info);
    transport::serve_stdio(service, socket, options)
}

/// Serves the timeline of one trace to a browser, without an editor, until nobody looks any more.
/// `ready` is told the file that leads there, and why the trace is not whole, if it is not.
///
/// # Errors
/// The trace cannot be loaded, or no page be served.
pub(crate) fn serve_page(
    trace: &std::path::Path,
    root: std::path::PathBuf,
    cache: Cache,
    page: Page<'_>,
    ready: impl FnOnce(&std::path::Path) -> anyhow::Result<()>,
    partial: impl FnOnce(&str),
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // An editor that can do nothing: a service that was never initialized sends it nothing either.
    let info = Arc::new(OnceLock::new());
    let _ = info.set(initialize::ClientInfo { roots: vec![root], ..Default::default() });
    let (service, _socket) = service(info, cache);
    let page = timeline::page::serve(service.inner(), trace, page, ready, partial);
    let served = runtime.block_on(page);
    runtime.shutdown_background();
    served
}

/// Reads what names a tile, for a conversation that needs no trace.
#[cfg(test)]
pub(crate) fn read_tile_request(params: &serde_json::Value) -> Result<(), crate::http::Refusal> {
    let asked = timeline::tiles::Asked::parse(params);
    asked.map(|_| ()).map_err(|error| (error.code.code(), error.message.into_owned()))
}

/// The service, for a transport to serve. `info` is filled by the transport before `initialize`.
fn service(
    info: Arc<OnceLock<initialize::ClientInfo>>,
    cache: Cache,
) -> (LspService<Backend>, tower_lsp::ClientSocket) {
    let service = LspService::build(|client| Backend::new(client, info, cache));
    #[cfg(debug_assertions)]
    let service = service.custom_method(faults::METHOD, Backend::fault);
    service
        .custom_method("waitline/load", Backend::load)
        .custom_method("waitline/unload", Backend::unload)
        .custom_method("waitline/cancelLoad", Backend::cancel_load)
        .custom_method("waitline/traces", Backend::traces)
        .custom_method("waitline/lineCosts", Backend::line_costs)
        .custom_method("waitline/source", Backend::source)
        .custom_method("waitline/explain", Backend::explain)
        .custom_method("waitline/hotspots", Backend::hotspots)
        .custom_method("waitline/site", Backend::site)
        .custom_method("waitline/wakers", Backend::wakers)
        .custom_method("waitline/stacks", Backend::stacks)
        .custom_method("waitline/instance", Backend::instance)
        .custom_method("waitline/unmapped", Backend::unmapped)
        .custom_method("waitline/setVerdict", Backend::set_verdict)
        .custom_method("waitline/silence", Backend::silence)
        .custom_method("waitline/setRange", Backend::set_range)
        .custom_method("waitline/goroutines", Backend::goroutines)
        .custom_method("waitline/findings", Backend::findings)
        .custom_method("waitline/record", Backend::record)
        .custom_method("waitline/found", Backend::found)
        .custom_method("waitline/activate", Backend::activate)
        .custom_method("waitline/select", Backend::select)
        .custom_method("waitline/timeline", Backend::timeline_tile)
        .custom_method("waitline/timelineInfo", Backend::timeline_info)
        .custom_method("waitline/timelineSummary", Backend::timeline_summary)
        .custom_method("waitline/timelineRows", Backend::timeline_rows)
        .custom_method("waitline/timelineTasks", Backend::timeline_tasks)
        .custom_method("waitline/timelineCounters", Backend::timeline_counters)
        .custom_method("waitline/timelineAt", Backend::timeline_at)
        .custom_method("waitline/timelineNames", Backend::timeline_names)
        .custom_method("waitline/timelineSlice", Backend::timeline_slice)
        .custom_method("waitline/timelineInstances", Backend::timeline_instances)
        .custom_method("waitline/timelineFlows", Backend::timeline_flows)
        .custom_method("waitline/timelineChain", Backend::timeline_chain)
        .custom_method("waitline/timelineFind", Backend::timeline_find)
        .custom_method("waitline/goroutineTable", Backend::goroutine_table)
        .custom_method("waitline/regionTable", Backend::region_table)
        .custom_method("waitline/taskTable", Backend::task_table)
        .custom_method("waitline/mmu", Backend::mmu)
        .custom_method("waitline/profile", Backend::profile)
        .custom_method("waitline/pprof", Backend::pprof)
        .custom_method(transport::TEXT_LOST, Backend::text_lost)
        .custom_method("window/workDoneProgress/cancel", Backend::cancel_progress)
        .finish()
}
