//! Runs on all cores what `ide` says can go side by side.

use std::sync::OnceLock;

use ide::jobs::{InTurn, Job, Jobs};

/// The cores of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cores;

/// More cores than this are not worth the memory that each takes for what it works on.
const MOST: usize = 8;

impl Jobs for Cores {
    /// As many as this process may use. Asked once: to tell it, the system's files are read.
    fn at_once(&self) -> usize {
        static N: OnceLock<usize> = OnceLock::new();
        *N.get_or_init(|| std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST)))
    }

    /// A panic in one of them goes on here when all are done.
    fn all(&self, jobs: &mut [Job<'_>]) {
        let Some((last, others)) = jobs.split_last_mut().filter(|_| self.at_once() > 1) else {
            return InTurn(1).all(jobs);
        };
        std::thread::scope(|scope| {
            for job in others {
                scope.spawn(job);
            }
            last();
        });
    }
}
