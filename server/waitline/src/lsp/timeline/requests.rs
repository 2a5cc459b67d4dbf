//! The requests of the timeline, as the editor calls them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::{Seen, answers, slices, summary};
use crate::lsp::backend::Backend;
use crate::lsp::session::{Session, Shown};

impl Backend {
    /// `waitline/timeline`: a tile, as base64.
    pub(in crate::lsp) async fn timeline_tile(&self, params: Value) -> Result<Value> {
        let Some(tile) = self.session.tile(&params).await? else { return Ok(Value::Null) };
        let analysis = tile.get(4..8).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
        Ok(json!({ "analysis": analysis, "data": STANDARD.encode(tile) }))
    }

    /// `waitline/timelineInfo`: what there is to draw. Waits for nothing.
    pub(in crate::lsp) async fn timeline_info(&self, _: Value) -> Result<Value> {
        let Some(shown) = self.session.shown() else { return Ok(Value::Null) };
        // Begun here: on the other thread there is no runtime to begin it with.
        let job = self.session.timeline_job(&shown);
        let session = self.session.clone();
        crate::lsp::work::compute(move |_| answers::info(&session, &shown, &job)).await?
    }

    async fn of_index(
        &self,
        params: Value,
        make: fn(&Session, &Seen, &Value) -> Result<Value>,
    ) -> Result<Value> {
        self.session.of_timeline(move |session, seen| make(session, seen, &params)).await
    }

    /// `waitline/timelineSummary`.
    pub(in crate::lsp) async fn timeline_summary(&self, params: Value) -> Result<Value> {
        self.of_index(params, summary::summary).await
    }

    /// `waitline/timelineRows`.
    pub(in crate::lsp) async fn timeline_rows(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::rows).await
    }

    /// `waitline/timelineTasks`.
    pub(in crate::lsp) async fn timeline_tasks(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::tasks).await
    }

    /// `waitline/timelineCounters`.
    pub(in crate::lsp) async fn timeline_counters(&self, params: Value) -> Result<Value> {
        let asked = params.clone();
        let so_far = move |shown: &Shown, index: &ide::timeline::Index| {
            answers::counters_of(index, shown.id, &asked)
        };
        if let Some(counters) = self.session.so_far(&params, so_far).await {
            return counters;
        }
        self.of_index(params, answers::counters).await
    }

    /// `waitline/timelineAt`.
    pub(in crate::lsp) async fn timeline_at(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::at).await
    }

    /// `waitline/timelineNames`.
    pub(in crate::lsp) async fn timeline_names(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::names).await
    }

    /// `waitline/timelineSlice`.
    pub(in crate::lsp) async fn timeline_slice(&self, params: Value) -> Result<Value> {
        self.of_index(params, slices::slice).await
    }

    /// `waitline/timelineInstances`.
    pub(in crate::lsp) async fn timeline_instances(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::instances).await
    }

    /// `waitline/timelineFlows`.
    pub(in crate::lsp) async fn timeline_flows(&self, params: Value) -> Result<Value> {
        self.of_index(params, slices::flows).await
    }

    /// `waitline/timelineChain`.
    pub(in crate::lsp) async fn timeline_chain(&self, params: Value) -> Result<Value> {
        self.of_index(params, slices::chain).await
    }

    /// `waitline/timelineFind`.
    pub(in crate::lsp) async fn timeline_find(&self, params: Value) -> Result<Value> {
        self.of_index(params, answers::find).await
    }
}
