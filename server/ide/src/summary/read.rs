//! Makes a [`Summary`] of a trace's bytes as they come.

use std::sync::Arc;

use exectrace::{Decoder, Error, Nanos, Problem, Reader};

use super::pass::{Collector, LiveRow, SummaryPass};
use super::{Keep, Summary};
use crate::Analysis;
use crate::analysis::Unfinished;
use crate::causes::Causes;
use crate::figures::Totals;

/// A trace summed up.
#[derive(Debug)]
pub struct Summed {
    /// The trace itself: its tables, length and problems, without figures.
    pub analysis: Analysis,
    /// What became of its goroutines.
    pub summary: Summary,
}

/// Makes a [`Summed`] of bytes.
#[derive(Debug)]
pub struct Summarizer {
    keep: Keep,
    reader: Reader,
    decoder: Decoder<LiveRow>,
    collector: Option<Collector>,
    generations: u32,
    problem: Option<Problem>,
    error: Option<Error>,
    /// When the generations that came so far began: the last is the end of what is sound.
    begun: Nanos,
    latest: Option<i64>,
    sound_bytes: u64,
    /// How many generations count.
    cut: Option<u32>,
}

impl Summarizer {
    /// One that has seen nothing.
    pub fn new(keep: Keep) -> Summarizer {
        Summarizer {
            keep,
            reader: Reader::new(),
            decoder: Decoder::new(),
            collector: None,
            generations: 0,
            problem: None,
            error: None,
            begun: Nanos(0),
            latest: None,
            sound_bytes: 0,
            cut: None,
        }
    }

    /// Counts only so many generations: as many as an analysis that was cut.
    pub fn up_to(mut self, generations: Option<u32>) -> Summarizer {
        self.cut = generations;
        self
    }

    /// The bytes that will come stand in the file from `offset` on. To be said before they do.
    pub fn starts_at(&mut self, offset: u64) {
        self.reader.starts_at(offset);
    }

    /// Room for `n` bytes more; say with [`Summarizer::filled`] how many came.
    pub fn space(&mut self, n: usize) -> &mut [u8] {
        self.reader.space(n)
    }

    /// `n` bytes of [`Summarizer::space`] are filled. `false`: no more are wanted.
    pub fn filled(&mut self, n: usize) -> bool {
        self.reader.filled(n);
        self.step();
        !self.stopped()
    }

    /// How many bytes have come so far.
    pub fn n_bytes(&self) -> u64 {
        self.reader.n_bytes()
    }

    fn stopped(&self) -> bool {
        self.error.is_some() || self.reader.is_done()
    }

    fn step(&mut self) {
        while !self.stopped() {
            let generation = match self.reader.next() {
                Ok(Some(generation)) => generation,
                Ok(None) => return,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            if self.cut == Some(self.generations) && self.problem.is_none() {
                // What counts ends here, as at the end of a trace.
                if let Some(to) = &mut self.collector {
                    let tables = self.reader.tables();
                    self.decoder.end(&mut SummaryPass { to, tables });
                    self.begun = self.decoder.last();
                }
                let what = "the rest is not counted".to_owned();
                let offset = self.sound_bytes;
                self.problem = Some(Problem { offset, generation: None, what });
            }
            if self.problem.is_some() {
                // Behind what does not count, the rest still tells how long the trace was.
                self.latest = Some(generation.latest());
                self.reader.recycle(generation);
                continue;
            }
            let is_v1 = self.reader.version().is_some_and(|v| v.is_v1());
            let keep = self.keep;
            let to = self.collector.get_or_insert_with(|| Collector::new(keep, is_v1));
            let tables = self.reader.tables();
            let decoded = self.decoder.decode(&generation, tables, &mut SummaryPass { to, tables });
            self.begun = to.summary.gc.end;
            match decoded {
                Ok(()) => {
                    self.generations += 1;
                    self.sound_bytes = generation.offset() + generation.n_bytes() as u64;
                }
                Err(problem) => {
                    self.latest = Some(generation.latest());
                    self.problem = Some(problem);
                }
            }
            self.reader.recycle(generation);
        }
    }

    /// There are no bytes any more.
    ///
    /// # Errors
    /// There is nothing to show.
    pub fn finish(mut self) -> Result<Summed, Unfinished> {
        self.reader.finish();
        self.step();
        if let Some(error) = self.error {
            return Err(Unfinished::Error(error));
        }
        let mut problem = self.problem;
        let (Some(version), Some(mut to), true) =
            (self.reader.version(), self.collector, self.generations > 0)
        else {
            return Err(Unfinished::Nothing(problem.or(self.reader.problem().cloned())));
        };
        let mut end = self.begun;
        if problem.is_none() {
            let tables = self.reader.tables();
            self.decoder.end(&mut SummaryPass { to: &mut to, tables });
            end = self.decoder.last();
            problem = self.reader.problem().or(self.decoder.problem()).cloned();
        }
        let lost_until = problem.as_ref().and_then(|_| {
            let latest = self.reader.lost_until().into_iter().chain(self.latest).max()?;
            Some(Nanos(latest.wrapping_sub(self.decoder.base())))
        });
        let mut summary = to.close_all(self.decoder.last(), self.reader.tables());
        summary.gc.cut(end);
        let mut totals = Totals::default();
        (totals.end, totals.generations) = (end, self.generations);
        let (events, bytes) = (self.decoder.n_events(), self.reader.n_bytes());
        let next_trace = self.reader.next_trace();
        let notes = crate::analysis::notes(version, &self.decoder, self.reader.tables());
        let analysis = Analysis {
            tables: Arc::new(self.reader.into_tables()),
            causes: Causes::default(),
            slots: Vec::new(),
            wakers: Vec::new(),
            totals,
            queued: None,
            stays: None,
            version,
            events,
            bytes,
            problem,
            cut: None,
            sound_bytes: self.sound_bytes,
            lost_until,
            tail: None, // the figures by line tell of it
            next_trace,
            notes,
        };
        Ok(Summed { analysis, summary })
    }
}
