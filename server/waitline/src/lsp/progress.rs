//! Tells the editor how far something is, if it takes long enough to be worth it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lsp_types::notification::Progress;
use lsp_types::request::WorkDoneProgressCreate;
use lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
};

use super::session::Session;

/// The progress of one thing that can be cancelled. It ends when this is dropped.
pub(super) struct Reporter {
    tell: Option<(tower_lsp::Client, tokio::runtime::Handle)>,
    token: NumberOrString,
    title: String,
    started: Instant,
    state: Mutex<State>,
    /// The editor wants no progress for this token.
    refused: AtomicBool,
}

#[derive(Default)]
struct State {
    has_begun: bool,
    percent: Option<u32>,
}

/// What takes less long is over before an editor has drawn anything.
const WORTH_TELLING: Duration = Duration::from_millis(300);

impl Reporter {
    pub(super) fn new(session: &Session, token: NumberOrString, title: String) -> Reporter {
        let can = session.info().capabilities.work_done_progress;
        let runtime = tokio::runtime::Handle::try_current().ok().filter(|_| can);
        Reporter {
            tell: runtime.map(|r| (session.client.clone(), r)),
            token,
            title,
            started: Instant::now(),
            state: Mutex::default(),
            refused: AtomicBool::new(false),
        }
    }

    /// How much of how much is done.
    pub(super) fn percent(&self, done: u64, of: u64) {
        self.report(Some((done.saturating_mul(100) / of.max(1)).min(100) as u32), None);
    }

    /// It goes on, and nobody knows for how long.
    pub(super) fn goes_on(&self) {
        self.report(None, None);
    }

    /// It goes on with something else, and nobody knows for how long.
    pub(super) fn says(&self, what: &str) {
        self.report(None, Some(what.to_owned()));
    }

    fn report(&self, percent: Option<u32>, message: Option<String>) {
        if self.tell.is_none() || self.started.elapsed() < WORTH_TELLING {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut state.has_begun, true) {
            self.send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
                title: self.title.clone(),
                cancellable: Some(true),
                percentage: percent,
                message,
            }));
        } else if state.percent != percent {
            self.send(WorkDoneProgress::Report(WorkDoneProgressReport {
                percentage: percent,
                message,
                ..WorkDoneProgressReport::default()
            }));
        }
        state.percent = percent;
    }

    pub(super) fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.has_begun) {
            self.send(WorkDoneProgress::End(WorkDoneProgressEnd::default()));
        }
    }

    /// Sends a step, in order: the next is not begun before the one before is on its way.
    fn send(&self, step: WorkDoneProgress) {
        let Some((client, runtime)) = &self.tell else { return };
        let begins = matches!(step, WorkDoneProgress::Begin(_));
        let token = self.token.clone();
        let client = client.clone();
        if self.refused.load(Ordering::Relaxed) {
            return;
        }
        runtime.block_on(async move {
            if begins {
                let create = WorkDoneProgressCreateParams { token: token.clone() };
                // On its own: tower-lsp panics at a reply that comes when nobody waits any more.
                let asked = client.clone();
                let created = tokio::spawn(async move {
                    asked.send_request::<WorkDoneProgressCreate>(create).await
                });
                let created = tokio::time::timeout(Duration::from_secs(1), created).await;
                if matches!(created, Ok(Ok(Err(_)))) {
                    self.refused.store(true, Ordering::Relaxed);
                    return;
                }
            }
            let value = ProgressParamsValue::WorkDone(step);
            client.send_notification::<Progress>(ProgressParams { token, value }).await;
        });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.end(); // also after an error
    }
}
