//! The beginning of a large trace is shown while the rest is read.
//!
//! It is a partial trace like others, and says so. It stands in the place of what was shown before, which
//! comes back if the load comes to nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use super::session::{Before, Session, Shown};

/// A beginning that is shown. When its load is over and nothing has taken its place, what was shown
/// before does.
pub(super) struct Growing {
    session: Weak<Session>,
    shown: Arc<Shown>,
}

impl Drop for Growing {
    fn drop(&mut self) {
        let Some(session) = self.session.upgrade() else { return };
        let before = self.shown.growing.clone().and_then(|before| before.0);
        let view = &self.shown.view;
        let is_it =
            |now: Option<&Arc<Shown>>| now.is_some_and(|now| Arc::ptr_eq(&now.whole().view, view));
        if session.show_if(before, is_it).is_some() {
            session.publish();
        }
    }
}

impl Growing {
    pub(super) fn shown(&self) -> Arc<Shown> {
        self.shown.clone()
    }
}

impl Session {
    /// The beginning of a large trace. What a second tells of a program finds no faults in it.
    pub(super) fn beginning(&self, path: &Path, cancel: &AtomicBool) -> Option<Shown> {
        let loaded = crate::early::load(path, cancel)?;
        let stamp = loaded.stamp.clone();
        let now = SystemTime::now();
        let (choices, epoch) = self.choices();
        let made = (now, epoch);
        let is_wanted = || !cancel.load(Ordering::Relaxed);
        let mut view = crate::workspace::view_by(loaded, &self.info().roots, &choices, &is_wanted)?;
        view.findings.clear();
        view.looked = Arc::default();
        Some(Shown {
            id: super::loads::next_view(),
            view: Arc::new(view),
            path: path.to_owned(),
            stamp,
            whole: None,
            made,
            growing: Some(Before(None)),
        })
    }

    /// Shows it, if its load is still the newest wish.
    pub(super) fn show_growing(self: &Arc<Self>, wish: u64, mut shown: Shown) -> Option<Growing> {
        let loads = self.loads();
        if loads.wish() != wish {
            return None;
        }
        // In the place of another beginning: of what that one stands for.
        let before = self.shown().and_then(|now| match &now.growing {
            Some(before) => before.0.clone(),
            None => Some(now),
        });
        shown.growing = Some(Before(before));
        let shown = Arc::new(shown);
        let gone = self.show(Some(shown.clone()));
        drop(loads);
        super::loads::forget(gone);
        self.publish();
        Some(Growing { session: Arc::downgrade(self), shown })
    }
}
