//! Runs on a second core what `ide` says can go side by side.

use std::sync::OnceLock;

use ide::jobs::{InTurn, Jobs};

/// The cores of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cores;

impl Cores {
    /// Whether there is more than one, as far as this process may use them. Asked once: to tell it,
    /// the system's files are read.
    pub(crate) fn are_many() -> bool {
        static MANY: OnceLock<bool> = OnceLock::new();
        *MANY.get_or_init(|| std::thread::available_parallelism().is_ok_and(|n| n.get() > 1))
    }
}

impl Jobs for Cores {
    /// A panic in one of them goes on here when both are done.
    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        if !Cores::are_many() {
            return InTurn.both(one, other);
        }
        std::thread::scope(|scope| {
            scope.spawn(one);
            other();
        });
    }
}
