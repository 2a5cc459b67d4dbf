//! Generations side by side: while one is decoded in its turn, others are decoded ahead of it.
//!
//! ```text
//! read --> waiting: | in turn | ahead | ahead |  --> the first of these, when it is done: joined
//!                        ^ here    ^ on other cores
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use exectrace::{Decoder, Generation, Problem, Tables};

use super::Builder;
use crate::figures::{Figures, GoLocal, Pass};
use crate::jobs::Jobs;

/// Generations that were read and are not summed up yet.
#[derive(Debug, Default)]
pub(super) struct SideBySide {
    jobs: Option<Arc<dyn Jobs + Send + Sync>>,
    waiting: VecDeque<Waiting>,
    /// How many were taken in that were decoded ahead, and how many were decoded again.
    taken: u32,
    thrown: u32,
    /// How often one was decoded again, one time after the other.
    misses: u32,
}

#[derive(Debug)]
struct Waiting {
    generation: Arc<Generation>,
    /// What comes of it, if it is being decoded ahead.
    ahead: Option<Receiver<Ahead>>,
}

/// What came of a generation that was decoded ahead.
#[derive(Debug)]
struct Ahead {
    decoder: Decoder<GoLocal>,
    figures: Figures,
    is_done: bool,
}

/// Whoever writes traces so that this never fits pays for it no more often than this.
const MOST_MISSES: u32 = 4;

impl Builder {
    /// Decodes generations side by side, as far as `jobs` can run them so. What comes of it is the same.
    /// Lives of goroutines are kept in turn.
    #[must_use]
    pub fn on(mut self, jobs: Arc<dyn Jobs + Send + Sync>) -> Builder {
        self.side_by_side.jobs = Some(jobs);
        self
    }

    /// How many generations were decoded ahead of the one before and taken in, and how many had to be
    /// decoded again in their turn.
    pub fn n_ahead(&self) -> (u32, u32) {
        (self.side_by_side.taken, self.side_by_side.thrown)
    }

    fn at_once(&self) -> usize {
        self.side_by_side.jobs.as_ref().map_or(1, |jobs| jobs.at_once())
    }

    /// Whether the next generation can wait for others: the first tells what was there.
    pub(super) fn is_side_by_side(&self) -> bool {
        let is_plain = self.figures.stays.is_none() && self.limit.is_none() && self.generations > 0;
        is_plain && self.side_by_side.misses < MOST_MISSES && self.at_once() > 1
    }

    /// A generation more; takes in what is done meanwhile.
    pub(super) fn wait(&mut self, generation: Generation) {
        let generation = Arc::new(generation);
        let ahead = self.begin(&generation);
        self.side_by_side.waiting.push_back(Waiting { generation, ahead });
        // One more than cores are at work, so that none has to wait for what is read here.
        self.take_in(self.at_once() + 1);
    }

    /// Begins to decode a generation ahead of those that wait, if a core is free for it.
    fn begin(&mut self, generation: &Arc<Generation>) -> Option<Receiver<Ahead>> {
        let SideBySide { jobs, waiting, .. } = &self.side_by_side;
        let (jobs, before) = (jobs.as_ref()?, waiting.back()?);
        if waiting.iter().filter(|w| w.ahead.is_some()).count() >= jobs.at_once() {
            return None;
        }
        let mut decoder = self.decoder.ahead(waiting.len() as u32)?;
        let mut figures = Figures::ahead(self.reader.tables());
        let (before, generation) = (before.generation.clone(), generation.clone());
        let (done, ahead) = sync_channel(1);
        jobs.begin(Box::new(move || {
            // Nothing is named yet: the tables grow while this goes on.
            let tables = Tables::default();
            let mut pass = Pass { figures: &mut figures, tables: &tables };
            let is_done = decoder.decode_ahead(&before, &generation, &tables, &mut pass);
            drop((before, generation));
            // If nobody wants it any more, the load was given up.
            let _ = done.send(Ahead { decoder, figures, is_done });
        }));
        Some(ahead)
    }

    /// Takes in what is done, in order, until at most `most` wait.
    pub(super) fn take_in(&mut self, most: usize) {
        while let Some(first) = self.side_by_side.waiting.front() {
            let must = self.side_by_side.waiting.len() > most;
            let ahead = match &first.ahead {
                None if must => None,
                Some(ahead) if must => ahead.recv().ok(),
                Some(ahead) => match ahead.try_recv() {
                    Ok(ahead) => Some(ahead),
                    Err(TryRecvError::Disconnected) => None,
                    Err(TryRecvError::Empty) => return,
                },
                None => return,
            };
            let Some(Waiting { generation, .. }) = self.side_by_side.waiting.pop_front() else {
                return;
            };
            if let Err(problem) = self.join(&generation, ahead) {
                self.problem = Some((false, problem));
                self.side_by_side.waiting.clear();
                return;
            }
            self.generations += 1;
            self.sound_bytes = generation.offset() + generation.n_bytes() as u64;
            if let Ok(generation) = Arc::try_unwrap(generation) {
                self.reader.recycle(generation);
            }
        }
    }

    /// Takes in what was decoded ahead, or decodes the generation.
    fn join(&mut self, generation: &Generation, ahead: Option<Ahead>) -> Result<(), Problem> {
        let tables = self.reader.tables();
        let mut pass = Pass { figures: &mut self.figures, tables };
        let was_ahead = ahead.is_some();
        match ahead.filter(|ahead| ahead.is_done) {
            Some(Ahead { decoder, figures, .. })
                if self.decoder.fits(&decoder) && pass.figures.fits(&figures) =>
            {
                self.side_by_side.misses = 0;
                self.side_by_side.taken += 1;
                pass.join(generation, figures, &mut self.decoder, decoder);
                Ok(())
            }
            _ => {
                self.side_by_side.misses += u32::from(was_ahead);
                self.side_by_side.thrown += u32::from(was_ahead);
                self.decoder.decode(generation, tables, &mut pass)
            }
        }
    }
}
