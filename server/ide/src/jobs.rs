//! Work that can go side by side. `ide` starts no threads: it says what is independent, and who uses it
//! runs that as it can.

/// A job: it is run once.
pub type Job<'a> = &'a mut (dyn FnMut() + Send);

/// Runs jobs.
pub trait Jobs: std::fmt::Debug {
    /// How many jobs it can run side by side.
    fn at_once(&self) -> usize;

    /// Runs each job once and comes back when all are done: side by side, where it can.
    fn all(&self, jobs: &mut [Job<'_>]);
}

/// One after the other, as if so many could go side by side: the last one first, so that nothing can lean
/// on what comes before it.
#[derive(Debug, Clone, Copy)]
pub struct InTurn(pub usize);

impl Jobs for InTurn {
    fn at_once(&self) -> usize {
        self.0
    }

    fn all(&self, jobs: &mut [Job<'_>]) {
        jobs.iter_mut().rev().for_each(|job| job());
    }
}

/// What both jobs make. `None` if one was not run, which breaks the word of [`Jobs::all`].
pub(crate) fn both<A: Send, B: Send>(
    jobs: &dyn Jobs,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> Option<(A, B)> {
    let (mut one, mut other) = (Some(one), Some(other));
    let (mut a, mut b) = (None, None);
    jobs.all(&mut [&mut || a = one.take().map(|one| one()), &mut || {
        b = other.take().map(|other| other())
    }]);
    a.zip(b)
}
