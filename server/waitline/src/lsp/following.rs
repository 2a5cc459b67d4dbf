//! A trace that is still being written is shown as it grows, generation by generation.
//!
//! A file is followed when it only grows: on from a version that was looked at, or for longer than writing a
//! trace takes that is there already. What is shown meanwhile has no verdicts, says that it grows, and stands
//! in the place of what was shown before, as the beginning of a large trace does (`growing`). When the file is
//! quiet it is loaded whole, as any that was written; when it is written anew, nothing of it is shown any more.
//!
//! It counts as a load under way: its progress can be cancelled, and a newer wish ends it.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::growing::Growing;
use super::loads::Followed;
use super::progress::Reporter;
use super::session::{Before, Session, Shown};
use crate::follow::{Follower, Seen, Step};
use crate::traces::{self, Stamp};
use crate::workspace::Places;

/// How long a file must grow without rest before it is followed, if nothing was seen of it before.
const GROWS: Duration = Duration::from_secs(2);
/// How often there is a new picture, at most: as often as Go's runtime ends a generation.
const EVERY: Duration = Duration::from_secs(1);
/// Pictures take at most this part of the time.
const SHARE: u32 = 10;
/// How often a file that is followed is looked at, and whether it is wanted still.
const LOOK: Duration = Duration::from_millis(20);
/// How long any file must be quiet before it counts as written.
const SETTLED: Duration = Duration::from_millis(300);
/// The same of one that is known to be recorded: longer than from one generation to the next.
const QUIET: Duration = Duration::from_millis(1_500);
/// The same of one that was taken for written too early, several times.
const MOST_QUIET: Duration = Duration::from_secs(30);
/// How long what was read is kept at hand for more to come.
const KEPT: Duration = Duration::from_secs(60);

/// Why following has paused or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paused {
    /// The file has been quiet: it is time to load it whole.
    Quiet,
    /// It is another one, nobody wants it, or something else is being loaded: what is there must be
    /// looked at again.
    Otherwise,
    /// The file is not watched any more.
    Unwatched,
}

/// A picture of a file that grows, and what reads on behind it.
pub(super) struct Begun {
    pub(super) follower: Follower,
    pub(super) growing: Growing,
}

/// What is known of a watched file, and what follows it.
pub(super) struct Following {
    path: PathBuf,
    follower: Option<Follower>,
    /// What is shown of it; dropped, what was shown before comes back.
    growing: Option<Growing>,
    /// A version of which something is known: one that was loaded, or could not be.
    seen: Option<Seen>,
    grows: Option<Grows>,
    /// It has gone on behind a whole generation: so it is no trace that somebody only writes in parts.
    is_live: bool,
    /// How long it must be quiet then.
    quiet: Duration,
    /// Somebody has cancelled it: until the file is another one.
    given_up: Option<Stamp>,
    last_read: Instant,
}

/// A file that only grows, as far as somebody has looked.
struct Grows {
    from: Instant,
    first: u64,
    last: Stamp,
}

impl Grows {
    fn since(now: &Stamp) -> Grows {
        Grows { from: Instant::now(), first: now.len(), last: now.clone() }
    }
}

impl Following {
    pub(super) fn new(path: PathBuf, begun: Option<Begun>) -> Following {
        let (follower, growing) = begun.map(|b| (b.follower, b.growing)).unzip();
        Following {
            path,
            follower,
            growing,
            seen: None,
            grows: None,
            is_live: true,
            quiet: QUIET,
            given_up: None,
            last_read: Instant::now(),
        }
    }

    /// A version of the file has been loaded, or cannot be: if it grows, it is followed from now on.
    pub(super) fn saw(&mut self, stamp: &Stamp) {
        if self.seen.as_ref().is_none_or(|seen| seen.stamp() != stamp) {
            self.seen = Seen::at(&self.path, stamp);
        }
        self.grows = None;
        if self.last_read.elapsed() > KEPT {
            self.follower = None;
        }
    }

    /// Somebody else has loaded this version.
    pub(super) fn saw_loaded(&mut self, seen: Seen) {
        self.seen = Some(seen);
    }

    /// What is shown of the file as it grew is not needed any more: a whole one has taken its place, or
    /// what was shown before must.
    pub(super) fn forget_growing(&mut self) {
        self.growing = None;
    }

    /// How long the file must be quiet before it is loaded whole, where that is not told by following it.
    pub(super) fn settled(&self, usual: Duration) -> Duration {
        if self.given_up.is_some() { 2 * QUIET } else { usual }
    }

    /// Whether the file is one to be followed, as it is now.
    pub(super) fn is_wanted(&mut self, now: Option<&Stamp>) -> bool {
        let Some(now) = now else {
            (self.grows, self.given_up) = (None, None);
            return false;
        };
        if let Some(given_up) = &mut self.given_up {
            if now.is_of_same_file(given_up) && now.len() >= given_up.len() {
                *given_up = now.clone();
                return false;
            }
            self.given_up = None;
        }
        if self.follower.as_ref().is_some_and(|follower| follower.has_more(now)) {
            self.is_live = true;
            return true;
        }
        let grows = self.grows.get_or_insert_with(|| Grows::since(now));
        if !now.is_of_same_file(&grows.last) || now.len() < grows.last.len() {
            *grows = Grows::since(now);
        }
        grows.last = now.clone();
        let is_growing = grows.from.elapsed() >= GROWS && now.len() > grows.first;
        if !is_growing && !self.seen.as_ref().is_some_and(|seen| seen.has_grown(&self.path, now)) {
            return false;
        }
        (self.is_live, self.quiet) = (false, QUIET);
        self.follower = Follower::open(&self.path);
        self.follower.is_some()
    }

    /// Follows the file until it is quiet, or something comes in between.
    pub(super) fn follow(
        &mut self,
        session: &Weak<Session>,
        runtime: &tokio::runtime::Handle,
        is_watched: &dyn Fn() -> bool,
    ) -> Paused {
        let _runtime = runtime.enter(); // for progress
        self.grows = None;
        let work = AssertUnwindSafe(|| self.follow_on(session, is_watched));
        std::panic::catch_unwind(work).unwrap_or_else(|_| {
            // A panic of ours costs this picture, not the watch.
            (self.follower, self.growing) = (None, None);
            Paused::Otherwise
        })
    }

    fn follow_on(&mut self, weak: &Weak<Session>, is_watched: &dyn Fn() -> bool) -> Paused {
        let Some(mut follower) = self.follower.take() else { return Paused::Otherwise };
        let Some(session) = weak.upgrade() else { return Paused::Unwatched };
        let Some(followed) = Followed::begin(&session, &self.path) else {
            self.follower = Some(follower);
            return Paused::Otherwise;
        };
        let name = self.path.file_name().map_or_else(String::new, |n| traces::shown(Path::new(n)));
        let progress = Reporter::new(&session, followed.token(), format!("Following {name}"));
        let mut places = None;
        // What is shown whole, with verdicts, is not shown again without.
        let whole = session.shown().filter(|shown| {
            let seen = self.seen.as_ref().map(Seen::stamp);
            shown.path == self.path && shown.growing.is_none() && seen == Some(&shown.stamp)
        });
        let base = whole.map_or(0, |shown| shown.view.analysis.totals.generations);
        drop(session);
        let mut pending = self.growing.is_none() && follower.n_generations() > base;
        let mut next = Instant::now();
        self.last_read = next;
        loop {
            if !is_watched() {
                return Paused::Unwatched;
            }
            let Some(session) = weak.upgrade() else { return Paused::Unwatched };
            if followed.is_cancelled() {
                return self.cancelled(&session, &followed, follower);
            }
            progress.goes_on();
            let step = follower.step(session.settings().memory);
            match step {
                Step::Replaced => {
                    (self.growing, self.seen) = (None, None);
                    return Paused::Otherwise;
                }
                Step::Generation => {
                    pending = follower.n_generations() > base;
                    self.last_read = Instant::now();
                }
                Step::Read => self.last_read = Instant::now(),
                Step::Same | Step::Over => {}
            }
            self.is_live |= pending && follower.goes_on();
            if pending && self.is_live && Instant::now() >= next {
                let from = Instant::now();
                self.show(&session, &followed, &mut follower, &mut places);
                pending = false;
                next = from + EVERY.max(from.elapsed() * SHARE);
            }
            if matches!(step, Step::Same | Step::Over) {
                drop(session);
                let quiet = if self.is_live { self.quiet } else { SETTLED };
                if self.last_read.elapsed() >= quiet {
                    self.quiet = (self.quiet * 2).min(MOST_QUIET);
                    self.follower = Some(follower);
                    return Paused::Quiet;
                }
                std::thread::sleep(LOOK);
            }
        }
    }

    /// Who cancels wants it no more; who wishes for another trace may get none.
    fn cancelled(
        &mut self,
        session: &Arc<Session>,
        followed: &Followed,
        follower: Follower,
    ) -> Paused {
        if !followed.is_newest() {
            self.follower = Some(follower);
            return Paused::Otherwise;
        }
        self.given_up = Stamp::at(&self.path);
        self.growing = None;
        if session.shown().is_none_or(|shown| shown.path != self.path) {
            // What is shown now is what is to be watched.
            session.watch_again();
        }
        Paused::Otherwise
    }

    fn show(
        &mut self,
        session: &Arc<Session>,
        followed: &Followed,
        follower: &mut Follower,
        places: &mut Option<(u64, Places)>,
    ) {
        let is_wanted = || !followed.is_cancelled();
        let Some(shown) = session.picture(follower, places, &is_wanted) else { return };
        if let Some(growing) = session.show_growing(followed.wish(), shown) {
            self.growing = Some(growing);
        }
    }
}

impl Session {
    /// What there is by now of a file that grows. What it is placed in is looked at once.
    pub(super) fn picture(
        &self,
        follower: &mut Follower,
        places: &mut Option<(u64, Places)>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<Shown> {
        let loaded = follower.so_far()?;
        let (path, stamp) = (loaded.path.clone(), loaded.stamp.clone());
        let now = SystemTime::now();
        let (choices, epoch) = self.choices();
        let (made, roots) = ((now, epoch), &self.info().roots);
        if places.as_ref().is_none_or(|(of, _)| *of != epoch) {
            *places = Some((epoch, Places::new(roots, &choices)));
        }
        let (_, places) = places.as_mut()?;
        let view = Arc::new(places.view(loaded, roots, &choices, is_wanted)?);
        let growing = Some(Before(None));
        let id = super::loads::next_view();
        Some(Shown { id, view, path, stamp, whole: None, made, growing })
    }
}
