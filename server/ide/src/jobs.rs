//! Work that can go side by side. `ide` starts no threads: it says what is independent, and who uses it
//! runs that as it can.

/// Runs jobs.
pub trait Jobs {
    /// Runs both jobs once and comes back when both are done: side by side, where it can.
    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send));
}

/// One after the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct InTurn;

impl Jobs for InTurn {
    fn both(&self, one: &mut (dyn FnMut() + Send), other: &mut (dyn FnMut() + Send)) {
        one();
        other();
    }
}

/// What both jobs make. `None` if one was not run, which breaks the word of [`Jobs::both`].
pub(crate) fn both<A: Send, B: Send>(
    jobs: &dyn Jobs,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> Option<(A, B)> {
    let (mut one, mut other) = (Some(one), Some(other));
    let (mut a, mut b) = (None, None);
    jobs.both(&mut || a = one.take().map(|one| one()), &mut || {
        b = other.take().map(|other| other())
    });
    a.zip(b)
}
