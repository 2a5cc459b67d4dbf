//! Follows what a person sets in their editor.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use lsp_types::{ConfigurationItem, MessageType};
use serde_json::Value;

use super::session::Session;
use super::settings::{Said, Settings, take};

/// How long the editor may take to say what is set.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first trace waits for that, so that it is not loaded twice.
const FIRST: Duration = Duration::from_secs(1);

/// What a person set, by where it comes from.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// `initializationOptions`.
    options: Said,
    /// What the editor said since; it counts before.
    settings: Said,
    /// The trace that the settings name, as they last said.
    trace: Option<PathBuf>,
    /// What was complained of.
    told: HashSet<String>,
    /// How often the editor has said that something is set otherwise.
    n_said: u64,
    /// Which of those times counts now: what comes later and was said earlier is old.
    counts: u64,
}

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// `initializationOptions`.
    Options,
    /// The editor's configuration, by the number of the time that it said so.
    Settings(u64),
}

impl Session {
    /// Takes in settings as an editor writes them, and does what follows from them. Gives the trace
    /// that they name, if it is another one than before.
    pub(super) fn configure(self: &Arc<Self>, from: From, value: &Value) -> Option<PathBuf> {
        let mut said = Said::new();
        let mut complaints = take(value, &mut said);
        let (before, now, trace) = {
            let mut configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
            match from {
                // They stand below what was said since, however late they come.
                From::Options => configured.options = said,
                From::Settings(number) if number < configured.counts => return None,
                From::Settings(number) => (configured.counts, configured.settings) = (number, said),
            }
            let mut all = configured.options.clone();
            all.extend(configured.settings.clone());
            let (settings, senseless) = Settings::read(&all);
            complaints.extend(senseless);
            complaints.retain(|complaint| configured.told.insert(complaint.clone()));
            let path = settings.trace.as_deref().and_then(|trace| self.trace_path(trace));
            let before = std::mem::replace(&mut configured.trace, path.clone());
            let trace = path.filter(|path| before.as_ref() != Some(path));
            // While nobody else can: what is set is what was said last.
            (self.set(settings.clone()), settings, trace)
        };
        self.complain(&complaints);
        if before.choices != now.choices || before.memory != now.memory {
            self.epoch.fetch_add(1, Ordering::Relaxed);
            // Whoever names another trace has it loaded by the new choices anyway.
            if let Some(shown) = self.shown().filter(|_| trace.is_none()) {
                self.reload(shown);
            }
        }
        let drawn = |s: &Settings| (s.lenses, s.hints, s.least_ns, s.stale, s.metric);
        if drawn(&before) != drawn(&now) {
            self.redraw();
            self.publish();
        }
        if before.watch != now.watch {
            self.watch_again();
        }
        if now.load_latest && now.watch {
            self.look_for_traces();
        }
        trace
    }

    /// Tells of settings that make no sense, each once.
    fn complain(&self, complaints: &[String]) {
        if complaints.is_empty() {
            return;
        }
        for complaint in complaints {
            tracing::warn!("{complaint}");
        }
        let mut text = complaints.iter().take(3).cloned().collect::<Vec<_>>().join("\n");
        if complaints.len() > 3 {
            text.push_str(&format!("\nand {} more", complaints.len() - 3));
        }
        let client = self.client.clone();
        tokio::spawn(async move { client.show_message(MessageType::WARNING, text).await });
    }

    /// What the editor says is set, if it can say so.
    pub(super) async fn ask_for_settings(&self) -> Option<Value> {
        if !self.info().capabilities.configuration {
            return None;
        }
        let item = ConfigurationItem { scope_uri: None, section: Some("waitline".into()) };
        // On its own: an answer that comes when nobody waits any more must still find its place.
        let client = self.client.clone();
        let asked = tokio::spawn(async move { client.configuration(vec![item]).await });
        let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?.ok()?;
        answer.into_iter().next()
    }

    /// The session begins: settles what is set, then shows the trace that somebody named, or the
    /// newest if that is wished for.
    pub(super) async fn begin(self: Arc<Self>, named: Option<PathBuf>) {
        self.watch_words();
        let options = self.info().initialization_options.clone();
        let by_options = self.configure(From::Options, &options);
        let mut trace = named.clone().or(by_options);
        let session = self.clone();
        let mut asked = tokio::spawn(async move {
            let settings = session.ask_for_settings().await?;
            session.configure(From::Settings(0), &settings)
        });
        match tokio::time::timeout(FIRST, &mut asked).await {
            Ok(by_settings) => trace = named.or(by_settings.ok().flatten()).or(trace),
            Err(_) => {
                // It comes later, and is followed then.
                let session = self.clone();
                tokio::spawn(async move {
                    if let Ok(Some(trace)) = asked.await {
                        session.load_and_tell(trace);
                    }
                });
            }
        }
        if self.has_wish() {
            return; // somebody was quicker
        }
        match trace {
            Some(trace) => self.load_and_tell(trace),
            None if self.settings().load_latest => self.load_latest().await,
            None => {}
        }
    }

    /// Numbers the times that the editor says that something is set otherwise.
    pub(super) fn settings_said(&self) -> u64 {
        let mut configured = self.configured.lock().unwrap_or_else(PoisonError::into_inner);
        configured.n_said += 1;
        configured.n_said
    }

    /// Settings have changed: those in the notification, or else those that the editor tells.
    pub(super) async fn configure_again(self: Arc<Self>, number: u64, pushed: Value) {
        let mut said = Said::new();
        let unknown = take(&pushed, &mut said);
        let is_told = !said.is_empty() || !unknown.is_empty();
        let told = if !is_told && self.info().capabilities.configuration {
            self.ask_for_settings().await
        } else {
            // Nothing is set any more, if there is nothing in it.
            Some(pushed).filter(Value::is_object)
        };
        let Some(trace) = told.and_then(|told| self.configure(From::Settings(number), &told))
        else {
            if self.settings().load_latest {
                self.load_latest().await;
            }
            return;
        };
        // What a person loaded by hand outlives a change of some other setting.
        if self.shown().is_none_or(|shown| shown.path != trace) {
            self.load_and_tell(trace);
        }
    }
}
