//! Generations side by side: the first of a round is decoded in its turn, the others ahead of it.

use std::sync::Arc;

use exectrace::{Decoder, Generation, Problem};

use super::Builder;
use crate::figures::{Figures, GoLocal, Pass};
use crate::jobs::{Job, Jobs};

/// Generations that wait until there are enough for a round.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    jobs: Option<Arc<dyn Jobs + Send>>,
    queue: Vec<Generation>,
    /// How many were taken in that were decoded ahead, and how many were decoded again.
    taken: u32,
    thrown: u32,
    /// How often one was decoded again, one time after the other.
    misses: u32,
}

impl Rounds {
    /// How many generations are decoded side by side.
    fn at_once(&self) -> usize {
        self.jobs.as_ref().map_or(1, |jobs| jobs.at_once())
    }
}

/// Whoever writes traces so that this never fits pays for it no more often than this.
const MOST_MISSES: u32 = 4;

/// A generation that is decoded ahead.
struct Ahead {
    decoder: Decoder<GoLocal>,
    figures: Figures,
    is_done: bool,
}

impl Builder {
    /// Decodes generations side by side, as far as `jobs` can run them so. What comes of it is the same.
    /// Lives of goroutines are kept in turn.
    #[must_use]
    pub fn on(mut self, jobs: Arc<dyn Jobs + Send>) -> Builder {
        self.rounds.jobs = Some(jobs);
        self
    }

    /// How many generations were decoded ahead of the one before and taken in, and how many had to be
    /// decoded again in their turn.
    pub fn n_ahead(&self) -> (u32, u32) {
        (self.rounds.taken, self.rounds.thrown)
    }

    /// Whether the next generation can wait for others: the first tells what was there.
    pub(super) fn is_side_by_side(&self) -> bool {
        let is_plain = self.figures.stays.is_none() && self.limit.is_none() && self.generations > 0;
        is_plain && self.rounds.misses < MOST_MISSES && self.rounds.at_once() > 1
    }

    /// A generation more; decodes those that wait if there are enough.
    pub(super) fn queue(&mut self, generation: Generation) {
        self.rounds.queue.push(generation);
        if self.rounds.queue.len() >= self.rounds.at_once() {
            self.round();
        }
    }

    /// Decodes all generations that wait.
    pub(super) fn round(&mut self) {
        let queue = std::mem::take(&mut self.rounds.queue);
        let Some(jobs) = self.rounds.jobs.clone().filter(|_| !queue.is_empty()) else { return };
        let tables = self.reader.tables();
        let mut ahead: Vec<Option<Ahead>> = (1u32..)
            .zip(&queue[1..])
            .map(|(n, _)| {
                let decoder = self.decoder.ahead(n)?;
                Some(Ahead { decoder, figures: Figures::ahead(), is_done: false })
            })
            .collect();

        let mut first = Ok(());
        {
            let Builder { decoder, figures, .. } = self;
            let (queue, first) = (&queue, &mut first);
            let mut in_turn = move || {
                *first = decoder.decode(
                    &queue[0],
                    tables,
                    &mut Pass::<false, false> { figures, tables },
                );
            };
            let mut others: Vec<_> = queue
                .windows(2)
                .zip(&mut ahead)
                .filter_map(|(pair, ahead)| {
                    let Ahead { decoder, figures, is_done } = ahead.as_mut()?;
                    Some(move || {
                        let pass = &mut Pass::<false, true> { figures, tables };
                        *is_done = decoder.decode_ahead(&pair[0], &pair[1], tables, pass);
                    })
                })
                .collect();
            let mut all: Vec<Job<'_>> = vec![&mut in_turn];
            all.extend(others.iter_mut().map(|job| job as Job<'_>));
            jobs.all(&mut all);
        }

        let (mut first, mut ahead) = (Some(first), ahead.into_iter());
        for generation in queue {
            let result = match first.take() {
                Some(in_turn) => in_turn,
                None => self.join(&generation, ahead.next().flatten()),
            };
            if let Err(problem) = result {
                self.problem = Some((false, problem));
                return;
            }
            self.generations += 1;
            self.sound_bytes = generation.offset() + generation.n_bytes() as u64;
            self.reader.recycle(generation);
        }
    }

    /// Takes in what was decoded ahead, or decodes the generation.
    fn join(&mut self, generation: &Generation, ahead: Option<Ahead>) -> Result<(), Problem> {
        let tables = self.reader.tables();
        let mut pass = Pass::<false, false> { figures: &mut self.figures, tables };
        match ahead.filter(|ahead| ahead.is_done) {
            Some(Ahead { decoder, figures, .. })
                if self.decoder.fits(&decoder) && pass.figures.fits(&figures) =>
            {
                self.rounds.misses = 0;
                self.rounds.taken += 1;
                pass.join(generation, figures, &mut self.decoder, decoder);
                Ok(())
            }
            _ => {
                self.rounds.misses += 1;
                self.rounds.thrown += 1;
                self.decoder.decode(generation, tables, &mut pass)
            }
        }
    }
}
