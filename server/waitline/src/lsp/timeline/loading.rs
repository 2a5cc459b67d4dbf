//! Pages are told how far a load is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use crate::lsp::backend::Backend;
use crate::lsp::ext;
use crate::lsp::session::Session;

/// What takes less long is over before a page has drawn anything.
const WORTH_TELLING: Duration = Duration::from_millis(150);
/// Before so much is read, nobody can tell how long the rest takes.
const FORESEEABLE: f64 = 0.05;

/// A load under way, as pages are told of it. That it is over is told when this is dropped.
pub(in crate::lsp) struct Loading {
    session: Arc<Session>,
    trace: String,
    begun: Instant,
    /// The last that was told; `u64::MAX`: nothing yet.
    percent: AtomicU64,
}

impl Loading {
    pub(in crate::lsp) fn new(session: &Arc<Session>, trace: String) -> Loading {
        let percent = AtomicU64::new(u64::MAX);
        Loading { session: session.clone(), trace, begun: Instant::now(), percent }
    }

    /// So many bytes of the file are read.
    pub(in crate::lsp) fn read(&self, read: u64, of: u64) {
        let took = self.begun.elapsed();
        let percent = read.saturating_mul(100) / of.max(1);
        if took < WORTH_TELLING || self.percent.swap(percent, Ordering::Relaxed) == percent {
            return;
        }
        let share = (read as f64 / of.max(1) as f64).min(1.0);
        let left = (share >= FORESEEABLE).then(|| took.as_secs_f64() * (1.0 - share) / share);
        self.session.set_loading(json!({
            "trace": self.trace,
            "share": share,
            "secondsLeft": left,
            "bytes": read,
            "of": of,
        }));
    }
}

impl Loading {
    /// All is read, and waits are judged: nobody can tell for how long.
    pub(in crate::lsp) fn judges(&self) {
        if self.begun.elapsed() < WORTH_TELLING {
            return;
        }
        self.percent.store(100, Ordering::Relaxed);
        let told =
            json!({ "trace": self.trace, "share": 1.0, "secondsLeft": null, "judging": true });
        self.session.set_loading(told);
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        if self.percent.load(Ordering::Relaxed) != u64::MAX {
            self.session.set_loading(Value::Null);
        }
    }
}

impl Session {
    fn set_loading(&self, loading: Value) {
        *self.loading.lock().unwrap_or_else(PoisonError::into_inner) = loading;
        self.tell_pages("state", self.page_state());
    }

    /// What pages are told: the state of what is shown, and the load under way; `null` for neither.
    pub(in crate::lsp) fn page_state(&self) -> Value {
        let loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut state = self.shown().map_or(Value::Null, |shown| ext::state(&shown));
        if !loading.is_null() {
            state["loading"] = loading;
        }
        state
    }
}

impl Backend {
    /// `waitline/cancelLoad`: ends the load under way, if there is one. What is shown stays.
    pub(in crate::lsp) async fn cancel_load(&self, _: Value) -> Result<Value> {
        self.session.cancel_load();
        Ok(Value::Null)
    }
}
