//! A trace's figures, whole and for good; and the builder that makes them of bytes as they come.

use std::sync::Arc;

use exectrace::{Decoder, Error, FrameId, Problem, Reader, StackId, StrId, Tables, Version};

use crate::causes::Causes;
use crate::figures::{Figures, GoLocal, Pass, Slot, Totals, Waker};
use crate::stays::Stays;

/// What is known of a trace: an immutable snapshot, to be shared.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Strings, frames and stacks.
    pub tables: Arc<Tables>,
    /// The causes that occur.
    pub causes: Causes,
    /// Sums by stack and cause.
    pub slots: Vec<Slot>,
    /// Who ended waits, in the order of their slots.
    pub wakers: Vec<Waker>,
    /// Counts of the whole trace.
    pub totals: Totals,
    /// The life of every goroutine, if it was asked for.
    pub stays: Option<Arc<Stays>>,
    /// The format's version.
    pub version: Version,
    /// How many events there are, as Go's reader counts them.
    pub events: u64,
    /// How many bytes were there.
    pub bytes: u64,
    /// Why the trace was not read to its end, if it was not: the figures are those of what came
    /// before.
    pub problem: Option<Problem>,
}

impl Analysis {
    /// The trace's length in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.totals.end.0
    }

    /// The text of a string.
    pub fn str(&self, id: StrId) -> &str {
        self.tables.str(id)
    }

    /// The frames of a stack, leaf first.
    pub fn stack(&self, id: StackId) -> &[FrameId] {
        self.tables.stack(id)
    }

    /// The wakers of a slot.
    pub fn wakers_of(&self, slot: crate::figures::SlotId) -> &[Waker] {
        let from = self.wakers.partition_point(|w| w.slot < slot);
        let to = self.wakers.partition_point(|w| w.slot <= slot);
        &self.wakers[from..to]
    }
}

/// Why there is no analysis.
#[derive(Debug)]
pub enum Unfinished {
    /// The bytes are no trace that can be read.
    Error(Error),
    /// The trace is broken before its first generation ends: there is nothing to show.
    Nothing(Option<Problem>),
    /// The events of a generation contradict each other, and the figures hold a part of it. Give
    /// the same bytes again to a builder made with [`Builder::up_to`] this number of generations.
    Again {
        /// How many generations are sound.
        generations: u32,
        /// What is wrong in the next one.
        problem: Problem,
    },
}

/// Makes an [`Analysis`] of a trace's bytes, one generation after another.
#[derive(Debug, Default)]
pub struct Builder {
    reader: Reader,
    decoder: Decoder<GoLocal>,
    figures: Figures,
    limit: Option<(u32, Problem)>,
    generations: u32,
    problem: Option<(bool, Problem)>,
    error: Option<Error>,
}

impl Builder {
    /// A builder that has seen nothing.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A builder that counts only the first `generations`, because of `problem` in the next one.
    pub fn up_to(generations: u32, problem: Problem) -> Builder {
        Builder { limit: Some((generations, problem)), ..Builder::default() }
    }

    /// Keeps the life of every goroutine too: verdicts and blame are made of it.
    pub fn with_stays(mut self) -> Builder {
        self.figures.stays = Some(Stays::default());
        self
    }

    /// Room for `n` bytes more; say with [`Builder::filled`] how many came.
    pub fn space(&mut self, n: usize) -> &mut [u8] {
        self.reader.space(n)
    }

    /// `n` bytes of [`Builder::space`] are filled: decodes the generations that are whole now.
    /// `false`: no more bytes are wanted.
    pub fn filled(&mut self, n: usize) -> bool {
        self.reader.filled(n);
        self.step();
        !self.stopped()
    }

    /// How many bytes have come so far.
    pub fn n_bytes(&self) -> u64 {
        self.reader.n_bytes()
    }

    /// How many generations are decoded so far.
    pub fn n_generations(&self) -> u32 {
        self.generations
    }

    fn stopped(&self) -> bool {
        self.error.is_some() || self.problem.is_some() || self.reader.problem().is_some()
    }

    fn step(&mut self) {
        while self.problem.is_none() && self.error.is_none() {
            let generation = match self.reader.next() {
                Ok(Some(generation)) => generation,
                Ok(None) => return,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            let tables = self.reader.tables();
            let mut pass = Pass { figures: &mut self.figures, tables };
            if let Some((limit, problem)) = &self.limit
                && self.generations == *limit
            {
                // As in Go's tools: of a generation that is broken, its beginning counts.
                self.decoder.end_before(&generation, &mut pass);
                self.problem = Some((true, problem.clone()));
                return;
            }
            if let Err(problem) = self.decoder.decode(&generation, tables, &mut pass) {
                self.problem = Some((false, problem));
                return;
            }
            self.generations += 1;
            self.reader.recycle(generation);
        }
    }

    /// There are no bytes any more.
    ///
    /// # Errors
    /// There is nothing to show, or the bytes must be given again: see [`Unfinished`].
    pub fn finish(mut self) -> Result<Analysis, Unfinished> {
        self.reader.finish();
        self.step();
        if let Some(error) = self.error {
            return Err(Unfinished::Error(error));
        }
        let problem = match self.problem {
            Some((false, problem)) => {
                if self.generations == 0 {
                    return Err(Unfinished::Nothing(Some(problem)));
                }
                return Err(Unfinished::Again { generations: self.generations, problem });
            }
            Some((true, problem)) => Some(problem),
            None => {
                let tables = self.reader.tables();
                self.decoder.end(&mut Pass { figures: &mut self.figures, tables });
                self.reader.problem().cloned()
            }
        };
        let (Some(version), true) = (self.reader.version(), self.generations > 0) else {
            return Err(Unfinished::Nothing(problem));
        };
        let events = self.decoder.n_events();
        let bytes = self.reader.n_bytes();
        self.figures.close(self.decoder.living(), self.reader.tables());
        let Figures { slots, causes, mut wakers, totals, stays, .. } = self.figures;
        wakers.sort_unstable_by_key(|w| (w.slot, std::cmp::Reverse(w.n), w.stack));
        Ok(Analysis {
            tables: Arc::new(self.reader.into_tables()),
            causes,
            slots,
            wakers,
            totals,
            stays: stays.map(Arc::new),
            version,
            events,
            bytes,
            problem,
        })
    }
}

/// Feeds all of `bytes` and finishes; gives them again where that is asked for.
///
/// # Errors
/// There is nothing to show.
pub fn of_bytes(bytes: &[u8]) -> Result<Analysis, Unfinished> {
    let mut builder = Builder::new();
    loop {
        builder.space(bytes.len()).copy_from_slice(bytes);
        builder.filled(bytes.len());
        match builder.finish() {
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem);
            }
            done => return done,
        }
    }
}
