//! Work that can go side by side. `ide` starts no threads: it says what is independent, and who uses it
//! runs that as it can.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A job: it is run once.
pub type Job<'a> = &'a mut (dyn FnMut() + Send);

/// Runs jobs.
pub trait Jobs: std::fmt::Debug + Sync {
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

/// Makes `n` things by their numbers, side by side where that can be, up to the first one after which
/// `goes_on` says no: it is asked in their order. What comes does not depend on how many cores there are.
pub(crate) fn each<T: Send>(
    jobs: &dyn Jobs,
    n: usize,
    make: impl Fn(usize) -> T + Sync,
    goes_on: impl FnMut(&T) -> bool + Send,
) -> Vec<T> {
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let made = Mutex::new(InOrder::new(goes_on));
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= n {
                return;
            }
            let one = make(at);
            if !made.lock().unwrap_or_else(PoisonError::into_inner).take(at, one) {
                is_over.store(true, Ordering::Relaxed);
            }
        }
    };
    let mut workers = vec![work; jobs.at_once().clamp(1, n.max(1))];
    let mut workers: Vec<Job<'_>> = workers.iter_mut().map(|worker| worker as Job<'_>).collect();
    jobs.all(&mut workers);
    made.into_inner().unwrap_or_else(PoisonError::into_inner).made
}

/// What comes in any order, put in order.
struct InOrder<T, F> {
    waiting: Vec<(usize, T)>,
    made: Vec<T>,
    goes_on: F,
    /// What comes now was under way when it was said that no more is wanted.
    is_over: bool,
}

impl<T, F: FnMut(&T) -> bool> InOrder<T, F> {
    fn new(goes_on: F) -> Self {
        InOrder { waiting: Vec::new(), made: Vec::new(), goes_on, is_over: false }
    }

    /// One more; whether others are wanted.
    fn take(&mut self, at: usize, one: T) -> bool {
        if self.is_over {
            return false;
        }
        self.waiting.push((at, one));
        while let Some(next) = self.waiting.iter().position(|(at, _)| *at == self.made.len()) {
            let (_, one) = self.waiting.swap_remove(next);
            let goes_on = (self.goes_on)(&one);
            self.made.push(one);
            if !goes_on {
                self.is_over = true;
                self.waiting.clear();
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Runs jobs on threads, as products do.
    #[derive(Debug)]
    struct Threads;

    impl Jobs for Threads {
        fn at_once(&self) -> usize {
            4
        }

        #[allow(clippy::disallowed_methods)]
        fn all(&self, jobs: &mut [Job<'_>]) {
            std::thread::scope(|scope| jobs.iter_mut().for_each(|job| drop(scope.spawn(job))));
        }
    }

    #[test]
    fn what_was_under_way_at_the_end_is_not_taken() {
        let mut order = InOrder::new(|&one: &u32| one != 7);
        assert!(order.take(1, 7) && order.take(2, 8) && order.made.is_empty());
        assert!(!order.take(0, 6));
        assert!(!order.take(3, 9) && !order.take(2, 8));
        assert_eq!(order.made, [6, 7]);
    }

    #[test]
    fn things_are_made_in_order_up_to_the_last_that_is_wanted() {
        let several: [&dyn Jobs; 3] = [&InTurn(1), &InTurn(3), &Threads];
        for jobs in several {
            for round in 0..100 {
                let all = each(jobs, 50, |at| at * 2, |_| true);
                assert_eq!(all, (0..50).map(|at| at * 2).collect::<Vec<_>>());
                let mut sum = 0;
                let some = each(
                    jobs,
                    50,
                    |at| at,
                    |&one| {
                        sum += one;
                        sum < round
                    },
                );
                let until = (0..50).position(|at| (0..=at).sum::<usize>() >= round).unwrap();
                assert_eq!(some, (0..=until).collect::<Vec<_>>(), "{jobs:?}, {round}");
                assert_eq!(each(jobs, 0, |at| at, |_| true), []);
            }
        }
    }
}
