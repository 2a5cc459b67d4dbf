//! The timeline: its index, made when somebody first looks, and what is answered of it.

use std::sync::Arc;

use ide::timeline::Index;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use super::session::{Session, Shown};
use crate::index::NoIndex;

mod answers;
mod growing;
pub(super) mod host;
mod job;
pub(super) mod loading;
pub(super) mod page;
mod parameters;
mod requests;
mod slices;
mod summary;
pub(super) mod tiles;

pub(super) use job::Indexes;

/// What an answer about the timeline is made of.
pub(super) struct Seen {
    pub(super) shown: Arc<Shown>,
    pub(super) index: Arc<Index>,
}

impl Session {
    /// The trace that is shown and its index, once that is made. `None`: no trace is shown.
    pub(super) async fn seen(&self) -> Result<Option<Seen>> {
        loop {
            let Some(shown) = self.shown() else { return Ok(None) };
            let waiting = self.wait_for_timeline(&shown);
            let mut made = waiting.job.made.clone();
            let made = made.wait_for(Option::is_some).await;
            match made.ok().and_then(|m| m.clone()) {
                Some(Ok(index)) => {
                    let full = waiting.job.full.get().filter(|_| shown.view.lacks_lives());
                    let full = full.map(|view| Arc::new(shown.with_view(view.clone())));
                    return Ok(Some(Seen { shown: full.unwrap_or(shown), index }));
                }
                // Something else is shown since: asked of that.
                Some(Err(NoIndex::Cancelled)) => {}
                Some(Err(why)) => return Err(super::parameters::failed(why.to_string())),
                None => return Err(Error::internal_error()),
            }
        }
    }

    /// An answer about the timeline, made away from this task; `null` without a trace.
    pub(super) async fn of_timeline(
        self: &Arc<Self>,
        make: impl FnOnce(&Session, &Seen) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        let Some(seen) = self.seen().await? else { return Ok(Value::Null) };
        let session = self.clone();
        self.room.compute(move |_| make(&session, &seen)).await?
    }

    /// An answer of as much of the index as is there, for who asks for that; `None` once all of it is.
    async fn so_far<T: Send + 'static>(
        &self,
        params: &Value,
        make: impl FnOnce(&Shown, &Index) -> T + Send + 'static,
    ) -> Option<T> {
        if params.get("growing") != Some(&Value::Bool(true)) {
            return None;
        }
        let shown = self.shown()?;
        let job = self.timeline_job(&shown);
        if job.now().is_some() {
            return None;
        }
        job.growing.ask(move |index| make(&shown, index)).await
    }

    /// A tile; `None` without a trace.
    pub(super) async fn tile(self: &Arc<Self>, params: &Value) -> Result<Option<Vec<u8>>> {
        let asked = tiles::Asked::parse(params)?;
        let growing = asked.clone();
        let tile =
            self.so_far(params, move |shown, index| tiles::so_far(index, shown.id, &growing));
        if let Some(tile) = tile.await {
            return Ok(Some(tile));
        }
        let Some(seen) = self.seen().await? else { return Ok(None) };
        let made = self.room.compute(move |_| tiles::tile(&seen.index, seen.shown.id, &asked));
        made.await.map(Some)
    }
}
