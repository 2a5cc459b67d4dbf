//! A trace's figures, whole and for good; and the builder that makes them of bytes as they come.

use std::sync::Arc;

use exectrace::{
    Decoder, Error, FrameId, MisusedRegion, Nanos, Problem, Reader, StackId, StrId, Tables, Version,
};

use serde::{Deserialize, Serialize};

use crate::causes::Causes;
use crate::figures::{Figures, GoLocal, Pass, Slot, Totals, Waker};
use crate::sched::Queued;
use crate::stays::Stays;
use crate::tail::{self, Tail};

mod rounds;

use rounds::Rounds;

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
    /// How long goroutines waited for a P, if the life of each was asked for.
    pub queued: Option<Queued>,
    /// The life of every goroutine, if it was asked for. Of a trace that was read from what is kept of
    /// it, there is none.
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
    /// Only so many generations were read of more, because the rest takes too much memory.
    pub cut: Option<u32>,
    /// How many bytes of the file the figures stand for, with all before them.
    pub sound_bytes: u64,
    /// Until when the trace went on behind that, as far as what is lost can tell: at least so far.
    pub lost_until: Option<Nanos>,
    /// What the end of a trace that broke off still tells, which no figure counts.
    pub tail: Option<Tail>,
    /// Where another trace begins in the same file.
    pub next_trace: Option<u64>,
    /// What is odd about the trace and costs no figure.
    pub notes: Vec<Note>,
}

/// Something odd about a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where, in bytes from the file's beginning.
    pub offset: u64,
    /// What, in words.
    pub what: String,
}

impl Analysis {
    /// The trace's length in nanoseconds.
    pub fn duration(&self) -> i64 {
        self.totals.end.0
    }

    /// How far the figures go and what is lost, where the trace was not read to its end.
    pub fn partial(&self) -> Option<String> {
        let problem = self.problem.as_ref()?;
        let lost = self.lost_bytes();
        let of = match self.lost_until.map(|until| until.0) {
            Some(until) if until > self.duration() => {
                format!(" of about {}", crate::units::duration(until))
            }
            _ => String::new(),
        };
        Some(format!(
            "complete to {}{of}, {} of {} bytes are {}: {problem}",
            crate::units::duration(self.duration()),
            crate::units::count(lost),
            crate::units::count(self.bytes),
            if self.cut.is_some() { "left out" } else { "lost" },
        ))
    }

    /// How many bytes the figures do not stand for.
    pub fn lost_bytes(&self) -> u64 {
        if self.problem.is_some() { self.bytes.saturating_sub(self.sound_bytes) } else { 0 }
    }

    /// About how many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        crate::figures::memory(&self.slots, &self.wakers, self.stays.as_deref())
            + self.tables.memory()
    }

    /// About how many bytes of memory it takes at most, while it is judged.
    pub fn memory_judged(&self) -> usize {
        self.memory() + self.stays.as_deref().map_or(0, crate::verdicts::memory)
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
    /// The latest time in generations that come behind the problem, as the file has it.
    latest: Option<i64>,
    /// The one generation behind the problem, if there is but one: its end may have been lost.
    broken: Option<exectrace::Generation>,
    sound_bytes: u64,
    /// The limit is one of memory.
    is_cut: bool,
    /// There are more bytes, and they are not given.
    is_stopped: bool,
    rounds: Rounds,
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

    /// The bytes that will come stand in the file from `offset` on. To be said before they do.
    pub fn starts_at(&mut self, offset: u64) {
        self.reader.starts_at(offset);
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

    /// About how many bytes of memory what it keeps takes.
    pub fn memory(&self) -> usize {
        self.reader.memory() + self.figures.memory()
    }

    /// About how many bytes of memory the trace would take in the end if it ended now: with what
    /// judging it takes, where its lives are kept.
    pub fn memory_judged(&self) -> usize {
        self.memory() + self.figures.stays.as_ref().map_or(0, crate::verdicts::memory)
    }

    /// Counts no more generations than there are by now: the rest takes too much memory. The bytes
    /// that follow still tell how long the trace is. `why` is said of what is not counted. `false`:
    /// there is none yet.
    pub fn cut(&mut self, why: String) -> bool {
        self.round();
        if self.limit.is_none() && self.generations > 0 {
            let problem = Problem { offset: self.sound_bytes, generation: None, what: why };
            self.limit = Some((self.generations, problem));
            self.is_cut = true;
        }
        self.generations > 0
    }

    /// No more bytes come, though there are more: not even to tell how long the trace is.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Whether more has come than whole generations.
    pub fn has_more(&self) -> bool {
        self.reader.n_bytes() > self.sound_bytes
    }

    /// How many generations are decoded so far.
    pub fn n_generations(&self) -> u32 {
        self.generations
    }

    /// What is known by now of a trace that goes on, as if it ended with its last whole generation; `why`
    /// is said of what is not there. It costs as much as there are distinct stacks and living goroutines,
    /// however many events there were; so it has no lives. `None`: there is no generation yet, or no sound
    /// one follows.
    pub fn so_far(&mut self, why: String) -> Option<Analysis> {
        self.round();
        let is_sound = self.problem.is_none() && self.error.is_none();
        let version = self.reader.version().filter(|_| is_sound && self.generations > 0)?;
        let mut figures = self.figures.so_far();
        let (end, events) = self.decoder.would_end();
        figures.totals.end = end;
        let tables = self.reader.tables();
        figures.close(self.decoder.living(), tables);
        let Figures { slots, causes, mut wakers, totals, .. } = figures;
        wakers.sort_unstable_by_key(|w| (w.slot, std::cmp::Reverse(w.n), w.stack));
        Some(Analysis {
            tables: Arc::new(tables.clone()),
            causes,
            slots,
            wakers,
            totals,
            queued: None,
            stays: None,
            version,
            events,
            bytes: self.reader.n_bytes(),
            problem: Some(Problem { offset: self.sound_bytes, generation: None, what: why }),
            cut: Some(self.generations),
            sound_bytes: self.sound_bytes,
            lost_until: None,
            tail: None,
            next_trace: None,
            notes: notes(version, &self.decoder, tables),
        })
    }

    fn stopped(&self) -> bool {
        // Behind a generation that does not count, the rest still tells how long the trace was.
        let failed = matches!(self.problem, Some((false, _)));
        self.error.is_some() || failed || self.reader.is_done()
    }

    fn step(&mut self) {
        while !self.stopped() {
            let generation = match self.reader.next() {
                Ok(Some(generation)) => generation,
                Ok(None) => return,
                Err(error) => {
                    self.round();
                    // Behind what contradicts itself nobody would have read on.
                    if self.problem.is_none() {
                        self.error = Some(error);
                    }
                    return;
                }
            };
            if self.problem.is_none() && self.is_side_by_side() {
                self.queue(generation);
                continue;
            }
            self.round();
            if self.problem.is_some() {
                self.latest = Some(generation.latest());
                self.broken = None;
                self.reader.recycle(generation);
                continue;
            }
            let tables = self.reader.tables();
            let figures = &mut self.figures;
            if let Some((limit, problem)) = &self.limit
                && self.generations == *limit
            {
                // As in Go's tools: of a generation that is broken, its beginning counts.
                let mut pass = Pass::<false, false> { figures, tables };
                self.decoder.end_before(&generation, &mut pass);
                self.problem = Some((true, problem.clone()));
                self.latest = Some(generation.latest());
                self.broken = Some(generation);
                continue;
            }
            let decoded = if figures.stays.is_some() {
                let mut pass = Pass::<true, false> { figures, tables };
                self.decoder.decode(&generation, tables, &mut pass)
            } else {
                let mut pass = Pass::<false, false> { figures, tables };
                self.decoder.decode(&generation, tables, &mut pass)
            };
            if let Err(problem) = decoded {
                self.problem = Some((false, problem));
                return;
            }
            self.generations += 1;
            self.sound_bytes = generation.offset() + generation.n_bytes() as u64;
            self.reader.recycle(generation);
        }
    }

    /// There are no bytes any more: decodes what waits.
    pub fn ended(&mut self) {
        if !self.is_stopped {
            self.reader.finish();
            self.step();
            self.round();
        }
    }

    /// What there is, with no bytes any more.
    ///
    /// # Errors
    /// There is nothing to show, or the bytes must be given again: see [`Unfinished`].
    pub fn finish(mut self) -> Result<Analysis, Unfinished> {
        self.ended();
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
                self.decoder.end(&mut Pass::<false, false> { figures: &mut self.figures, tables });
                match &self.limit {
                    Some((_, problem)) if self.is_stopped => Some(problem.clone()),
                    _ => self.reader.problem().or(self.decoder.problem()).cloned(),
                }
            }
        };
        let (Some(version), true) = (self.reader.version(), self.generations > 0) else {
            return Err(Unfinished::Nothing(problem));
        };
        let lost_until = problem.as_ref().and_then(|_| {
            let latest = self.reader.lost_until().into_iter().chain(self.latest).max()?;
            Some(Nanos(latest.wrapping_sub(self.decoder.base())))
        });
        // One generation may have been all, after all.
        let cut = self.limit.filter(|_| self.is_cut && problem.is_some()).map(|(n, _)| n);
        let next_trace = self.reader.next_trace();
        let notes = notes(version, &self.decoder, self.reader.tables());
        let events = self.decoder.n_events();
        let bytes = self.reader.n_bytes();
        self.figures.close(self.decoder.living(), self.reader.tables());
        let broken_off = match self.reader.tail() {
            _ if cut.is_some() => None, // it is whole, only not counted
            None => self.broken.take().map(exectrace::Generation::without_names),
            tail => tail,
        };
        let tail = broken_off.and_then(|generation| {
            tail::read(&mut self.decoder, &generation, self.reader.tables())
        });
        let Figures { slots, causes, mut wakers, totals, stays, .. } = self.figures;
        wakers.sort_unstable_by_key(|w| (w.slot, std::cmp::Reverse(w.n), w.stack));
        Ok(Analysis {
            tables: Arc::new(self.reader.into_tables()),
            causes,
            slots,
            wakers,
            totals,
            queued: stays.as_ref().map(|stays| stays.sched.queued()),
            stays: stays.map(Arc::new),
            version,
            events,
            bytes,
            problem,
            cut,
            sound_bytes: self.sound_bytes,
            lost_until,
            tail,
            next_trace,
            notes,
        })
    }
}

/// What is odd, as far as reading a trace brings it to light.
pub(crate) fn notes<L: Default + Clone>(
    version: Version,
    decoder: &Decoder<L>,
    tables: &Tables,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if version.is_newer() {
        let what = format!(
            "its format, go 1.{}, is newer than this Waitline, which knows up to go 1.{}: it is read like that one",
            version.0,
            Version::GO_1_26.0
        );
        notes.push(Note { offset: 0, what });
    }
    for &MisusedRegion { offset, g, name } in decoder.misused_regions() {
        let name = crate::text::plain(tables.str(name));
        let what = format!(
            "the region \"{name}\" of goroutine {} ends while one that began inside it is still open (call End in the reverse order of StartRegion, in the same goroutine)",
            g.0
        );
        notes.push(Note { offset, what });
    }
    notes
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
