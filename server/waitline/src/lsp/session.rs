//! What the server knows: the trace that is shown, and the documents that are open.
//!
//! Locks are std ones, held for moments and never over an await; all that answers need is taken out
//! as an `Arc`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::SystemTime;

use exectrace::Nanos;
use ide::placement::FileId;
use ide::staleness::Lines;
use ide::view::View;
use lsp_types::Url;
use tower_lsp::Client;

use super::answers::Answers;
use super::configuration::Configured;
use super::documents::{Documents, Snapshot, path_of};
use super::findings::Told;
use super::initialize::ClientInfo;
use super::refresh::Refresher;
use super::settings::Settings;
use crate::kept::Cache;
use crate::paths::slashed;
use crate::traces::Stamp;

/// The state of a session with one editor.
pub(super) struct Session {
    pub(super) client: Client,
    info: Arc<OnceLock<ClientInfo>>,
    shown: RwLock<Option<Arc<Shown>>>,
    documents: Mutex<Documents>,
    pub(super) answers: Answers,
    /// Where long work is done.
    pub(super) room: super::work::Room,
    /// What analyses need beyond a view.
    pub(super) kept: super::analyses::Kept,
    pub(super) refresher: Refresher,
    pub(super) loads: Mutex<super::loads::Loads>,
    /// Itself, for what goes on by itself.
    pub(super) this: Weak<Session>,
    /// Where something is kept of traces.
    cache: Cache,
    /// Held while the lives of goroutines are read.
    pub(super) lives: Mutex<()>,
    /// The recording under way.
    pub(super) recording: Mutex<super::recordings::UnderWay>,
    /// What a person set, and the trace that it names.
    pub(super) configured: Mutex<Configured>,
    settings: RwLock<Arc<Settings>>,
    /// All traces that are loaded, whole; the oldest first.
    pub(super) loaded: Mutex<Vec<Arc<Shown>>>,
    /// Counts changes of what traces are placed and judged by: what was loaded before one is not what
    /// a load would show now.
    pub(super) epoch: AtomicU64,
    /// What `.waitline.toml` says.
    pub(super) words: Mutex<crate::config::Words>,
    /// What has diagnostics. Held while they are sent, so that they keep their order.
    pub(super) told: tokio::sync::Mutex<Told>,
    /// Whether somebody looks out for new traces.
    pub(super) looks: AtomicBool,
    /// Counts wishes for ranges: only the newest one counts.
    ranges: AtomicU64,
    /// The indexes of timelines, if somebody looked.
    pub(super) indexes: Mutex<super::timeline::Indexes>,
    /// The page's host, if somebody opened the page.
    pub(super) host: tokio::sync::Mutex<Option<crate::http::Host>>,
    /// The load under way, as pages are told of it; null without one.
    pub(super) loading: Mutex<serde_json::Value>,
    /// What pages are told.
    pub(super) events: tokio::sync::broadcast::Sender<crate::http::Event>,
}

/// A trace that is shown.
pub(super) struct Shown {
    /// Counts views: answers of different ones never mix.
    pub(super) id: u64,
    pub(super) view: Arc<View>,
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    /// The view of the whole trace, if this one is of a range.
    pub(super) whole: Option<Arc<Shown>>,
    /// When its sources were read, and by which choices it was judged.
    pub(super) made: (SystemTime, u64),
    /// It is only the beginning of a trace that is being read, and stands in the place of this.
    pub(super) growing: Option<Before>,
}

/// What is shown again when a load comes to nothing.
#[derive(Clone)]
pub(super) struct Before(pub(super) Option<Arc<Shown>>);

impl Shown {
    /// The view of the whole trace.
    pub(super) fn whole(self: &Arc<Shown>) -> Arc<Shown> {
        self.whole.clone().unwrap_or_else(|| self.clone())
    }
}

/// What an answer about one file is made of.
pub(super) struct About {
    pub(super) shown: Arc<Shown>,
    pub(super) file: FileId,
    pub(super) path: PathBuf,
    pub(super) text: Snapshot,
}

impl Session {
    pub(super) fn new(
        client: Client,
        info: Arc<OnceLock<ClientInfo>>,
        cache: Cache,
    ) -> Arc<Session> {
        Arc::new_cyclic(|session| Session {
            refresher: Refresher::new(session.clone()),
            this: session.clone(),
            cache,
            lives: Mutex::default(),
            client,
            info,
            shown: RwLock::new(None),
            documents: Mutex::new(Documents::default()),
            answers: Answers::default(),
            room: super::work::Room::default(),
            kept: super::analyses::Kept::default(),
            loads: Mutex::new(super::loads::Loads::default()),
            recording: Mutex::default(),
            configured: Mutex::default(),
            settings: RwLock::default(),
            loaded: Mutex::default(),
            epoch: AtomicU64::new(0),
            words: Mutex::default(),
            told: tokio::sync::Mutex::default(),
            looks: AtomicBool::new(false),
            ranges: AtomicU64::new(0),
            indexes: Mutex::default(),
            host: tokio::sync::Mutex::new(None),
            loading: Mutex::default(),
            events: crate::http::events(),
        })
    }

    /// What the editor said about itself.
    pub(super) fn info(&self) -> &ClientInfo {
        self.info.get_or_init(ClientInfo::default)
    }

    /// The path of a trace as people and editors write it: a relative one is below the first folder.
    pub(super) fn trace_path(&self, text: &str) -> Option<PathBuf> {
        if text.is_empty() {
            return None;
        }
        if text.starts_with("file:") {
            return Url::parse(text).ok()?.to_file_path().ok();
        }
        let path = Path::new(text);
        match self.info().roots.first() {
            Some(root) if path.is_relative() => Some(root.join(path)),
            _ => Some(path.to_owned()),
        }
    }

    /// What a person set.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where something is kept of traces, if a person wants that.
    pub(super) fn cache(&self) -> Cache {
        if self.settings().cache { self.cache.clone() } else { Cache::none() }
    }

    /// Sets it. Gives what was before.
    pub(super) fn set(&self, settings: Settings) -> Arc<Settings> {
        let mut now = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, Arc::new(settings))
    }

    /// What is shown is the same, and is drawn otherwise.
    pub(super) fn redraw(&self) {
        self.answers.clear();
        self.refresher.ask(&self.info().capabilities);
    }

    /// The trace that is shown.
    pub(super) fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows another trace, or none. Gives the one before.
    pub(super) fn show(&self, next: Option<Arc<Shown>>) -> Option<Arc<Shown>> {
        self.show_if(next, |_| true).unwrap_or_default()
    }

    /// The same, if what is shown allows it; `None` if it does not.
    pub(super) fn show_if(
        &self,
        next: Option<Arc<Shown>>,
        allows: impl FnOnce(Option<&Arc<Shown>>) -> bool,
    ) -> Option<Option<Arc<Shown>>> {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        super::faults::point("lock");
        if !allows(shown.as_ref()) {
            return None;
        }
        let before = std::mem::replace(&mut *shown, next);
        let path = |shown: &Option<Arc<Shown>>| shown.as_ref().map(|shown| shown.path.clone());
        if path(&before) != path(&shown) {
            self.kept.forget();
        }
        let now = shown.clone();
        drop(shown);
        self.exchange_timeline(now.as_ref());
        self.answers.clear();
        self.refresher.ask(&self.info().capabilities);
        self.tell_pages_state();
        Some(before)
    }

    /// Puts another in the place of what is shown, of which all answers are the same.
    pub(super) fn exchange_shown(
        &self,
        other: impl FnOnce(&Arc<Shown>) -> Option<Arc<Shown>>,
    ) -> Option<Arc<Shown>> {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_mut()?;
        other(shown).map(|next| std::mem::replace(shown, next))
    }

    /// The number of a wish for a range.
    pub(super) fn wish_range(&self) -> u64 {
        self.ranges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Narrows what is shown to a range of the trace, or shows the whole of it again. Gives what is
    /// shown then.
    pub(super) fn set_range(&self, wish: u64, range: Option<(Nanos, Nanos)>) -> Option<Arc<Shown>> {
        let mut whole = self.shown()?.whole();
        if range.is_none() && self.shown()?.whole.is_none() {
            return Some(whole); // it is shown already
        }
        if range.is_some() {
            match self.with_lives(&whole, &AtomicBool::new(false)) {
                Ok(with_lives) => whole = with_lives,
                Err(_) => return self.shown(), // who asked was told
            }
        }
        if range.is_some() && whole.view.analysis.stays.is_none() {
            return Some(whole); // it grows: what happened when is known once it is whole
        }
        // The whole trace after a range counts as a new view, too: clients drop what is older.
        let next = Arc::new(Shown {
            id: super::loads::next_view(),
            view: match range {
                None => whole.view.clone(),
                Some((t0, t1)) => Arc::new(whole.view.in_range(t0, t1)),
            },
            path: whole.path.clone(),
            stamp: whole.stamp.clone(),
            whole: range.map(|_| whole.clone()),
            made: whole.made,
            growing: whole.growing.clone(),
        });
        // A load may have come in between: what it shows is newer than a range of the old one. So
        // is another range that was wished for since.
        let mut now = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let of_another = |now: &Arc<Shown>| !now.whole().view.is_like(&whole.view);
        let stale =
            now.as_ref().is_none_or(of_another) || self.ranges.load(Ordering::Relaxed) != wish;
        if stale {
            return now.clone();
        }
        *now = Some(next.clone());
        drop(now);
        self.answers.clear();
        self.refresher.ask(&self.info().capabilities);
        self.tell_pages_state();
        Some(next)
    }

    /// Tells pages what is shown, and of what range.
    fn tell_pages_state(&self) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let state = self.page_state();
        self.tell_pages("range", state["range"].clone());
        self.tell_pages("state", state);
    }

    pub(super) fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The canonical path of a document.
    pub(super) fn path(&self, uri: &Url) -> Option<PathBuf> {
        let open = self.documents().path(uri).map(Path::to_owned);
        open.or_else(|| path_of(uri))
    }

    /// What an answer about a document is made of; `None` if there is nothing to say.
    pub(super) fn about(&self, uri: &Url) -> Option<About> {
        let path = self.path(uri)?;
        let shown = self.shown()?;
        let file = shown.view.placement.file_at(&slashed(&path))?;
        let base = &shown.view.placement.source(file).text;
        let text = self.documents().snapshot(uri, &path, shown.id, base)?;
        Some(About { file, path, text, shown })
    }

    /// Where the lines that matter are in a document.
    pub(super) fn lines(&self, about: &About) -> Arc<Lines> {
        self.lines_in(&about.shown, about.file, about.path.clone(), &about.text)
    }

    /// The same for a text of a file.
    pub(super) fn lines_in(
        &self,
        shown: &Shown,
        file: FileId,
        path: PathBuf,
        text: &Snapshot,
    ) -> Arc<Lines> {
        let mode = self.settings().stale;
        self.answers.lines.get_or_make((path, shown.id, text.revision), || {
            Lines::new(&shown.view, file, text.map.clone(), text.buffer.as_deref(), mode)
        })
    }

    /// Where a recorded line of a file is in the editor now; `None` if it was edited away.
    pub(super) fn current_line(
        &self,
        shown: &Shown,
        file: FileId,
        uri: &Url,
        recorded: u32,
    ) -> Option<u32> {
        let path = self.path(uri)?;
        let base = &shown.view.placement.source(file).text;
        let text = self.documents().snapshot(uri, &path, shown.id, base)?;
        self.lines_in(shown, file, path, &text).current(recorded).map(|now| now.line)
    }

    /// Our number of a document's text.
    pub(super) fn revision(&self, uri: &Url) -> Option<u64> {
        let path = self.path(uri)?;
        Some(self.documents().revision(uri, &path))
    }
}
