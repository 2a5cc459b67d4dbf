//! Bytes as they come -> whole generations.
//!
//! A generation is known to be whole by the mark at its end (Go 1.26), by the first batch of the
//! next one (before), or because the bytes end. Nothing is decoded here but tables; `Decoder`
//! reads the events.

use super::batch::{self, Batch, Next};
use super::generation::{Clock, Generation};
use super::spec::ev;
use crate::intern::Tables;
use crate::{Error, HEADER_LEN, Problem, Version, varint};

/// The most bytes of one generation: places in it are `u32`.
const MAX_GENERATION: usize = u32::MAX as usize - 2 * varint::WINDOW;

/// The most buffers that are kept for generations to come.
const MOST_RECYCLED: usize = 8;

const MARK_TOO_EARLY: &str = "a mark of Go 1.26 in a trace of an older format";

/// Takes the bytes of a trace and gives its generations.
///
/// ```text
/// loop { feed(bytes) or space()+filled(); while let Some(g) = next()? { ... } }  finish(); next()?
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    version: Option<Version>,
    /// Bytes that belong to no generation handed out so far, and after `len` room for more.
    buf: Vec<u8>,
    len: usize,
    /// Place of `buf[0]` in the file.
    offset: u64,
    /// Up to where in `buf` the batches are known.
    pos: usize,
    /// The generation whose batches these are, 0 before its first batch.
    number: u64,
    batches: Vec<Batch>,
    tables: Tables,
    ended: bool,
    done: bool,
    problem: Option<Problem>,
    /// The latest time of a batch in the generation that is being read, in ticks.
    latest: u64,
    /// The clock of the last generation, to tell times where there is no clock.
    clock: Clock,
    next_trace: Option<u64>,
    recycled: Vec<Vec<u8>>,
    /// The bytes ended inside the generation that is being read.
    unfinished: bool,
}

impl Reader {
    /// A reader that has seen nothing yet.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// The format's version, once the header is there.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// About how many bytes of memory it takes: the bytes that wait for the rest of their generation,
    /// and the tables.
    pub fn memory(&self) -> usize {
        let batches = self.batches.capacity() * size_of::<Batch>();
        let recycled: usize = self.recycled.iter().map(Vec::capacity).sum();
        self.buf.capacity() + recycled + batches + self.tables.memory()
    }

    /// The trace's tables, as far as generations were handed out.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Takes the tables out, at the end.
    pub fn into_tables(self) -> Tables {
        self.tables
    }

    /// What ended the reading before the bytes did.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// Where another trace begins in the same file: what was read is the one before it.
    pub fn next_trace(&self) -> Option<u64> {
        self.next_trace
    }

    /// What there is of the generation in which the bytes end, without names: the runtime writes
    /// those at a generation's end. Only after [`Reader::next`] gave the last whole one, and once.
    pub fn tail(&mut self) -> Option<Generation> {
        if !std::mem::take(&mut self.unfinished) {
            return None;
        }
        let version = self.version?;
        let mut bytes = std::mem::take(&mut self.buf);
        bytes.truncate(self.pos);
        bytes.resize(self.pos + varint::WINDOW, 0);
        self.len = 0;
        let batches = std::mem::take(&mut self.batches);
        Generation::unfinished(version, self.number, self.offset, bytes, &batches, self.clock)
    }

    /// Whether no more bytes are wanted.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// When the last batch begins of those that were read and belong to no generation that was
    /// handed out, in nanoseconds as the file has it: so far the trace went at least.
    pub fn lost_until(&self) -> Option<i64> {
        (self.latest != 0 && self.clock.is_known()).then(|| self.clock.nanos(self.latest))
    }

    /// How many bytes have come so far.
    pub fn n_bytes(&self) -> u64 {
        self.offset + self.len as u64
    }

    /// The bytes that will come stand in the file from `offset` on. To be said before they do.
    pub fn starts_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Room for `n` bytes more; say with [`Reader::filled`] how many came.
    pub fn space(&mut self, n: usize) -> &mut [u8] {
        let want = self.len + n;
        if self.buf.len() < want {
            self.buf.resize(want, 0);
        }
        &mut self.buf[self.len..want]
    }

    /// `n` bytes of [`Reader::space`] are filled.
    pub fn filled(&mut self, n: usize) {
        self.len = (self.len + n).min(self.buf.len());
    }

    /// Takes some bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// There are no bytes any more.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The buffer of a generation that is done with, for one that comes.
    pub fn recycle(&mut self, generation: Generation) {
        // As many as are handed out at a time, at most.
        if self.recycled.len() < MOST_RECYCLED {
            self.recycled.push(generation.bytes);
        }
    }

    /// The next generation, if all its bytes are there. `None` asks for more bytes, and after
    /// [`Reader::finish`] says that there are no more generations ([`Reader::problem`] says why, if
    /// it is not the end).
    ///
    /// # Errors
    /// The bytes are no trace, or one of a version that is not read.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Generation>, Error> {
        if self.done {
            return Ok(None);
        }
        let version = match self.version {
            Some(version) => version,
            None => {
                if self.len < HEADER_LEN && !self.ended {
                    return Ok(None);
                }
                let version = Version::from_header(&self.buf[..self.len.min(HEADER_LEN)])?;
                self.version = Some(version);
                self.pos = HEADER_LEN;
                version
            }
        };
        if version.is_v1() {
            return Ok(if self.ended { self.whole_v1(version) } else { None });
        }
        loop {
            match batch::next(&self.buf[..self.len], self.pos) {
                Next::Batch(batch)
                    if version >= Version::GO_1_26
                        && batch.kind(&self.buf) == Some(ev::END_OF_GENERATION) =>
                {
                    // The mark in a batch of its own, which no writer makes, is one too.
                    self.pos = batch.end;
                    return Ok(self.cut(version, self.pos));
                }
                Next::Batch(batch) => {
                    if batch.generation == 0 {
                        return Ok(
                            self.stop("a batch of generation 0, a number that does not occur")
                        );
                    }
                    if self.number == 0 {
                        self.number = batch.generation;
                    }
                    if batch.generation != self.number {
                        if version >= Version::GO_1_26 {
                            return Ok(self.stop(format!(
                                "a batch of generation {} inside generation {} (two traces written into one file?)",
                                batch.generation, self.number
                            )));
                        }
                        if batch.generation != self.number.wrapping_add(1) {
                            return Ok(self.stop(format!(
                                "a batch of generation {} after generation {}: generations are out of order (two traces written into one file?)",
                                batch.generation, self.number
                            )));
                        }
                        return Ok(self.cut(version, self.pos));
                    }
                    if batch.kind(&self.buf) == Some(ev::END_OF_GENERATION) {
                        return Ok(self.stop(MARK_TOO_EARLY));
                    }
                    if batch.end > MAX_GENERATION {
                        return Ok(self.stop("a generation of more than 4 GiB"));
                    }
                    self.latest = self.latest.max(batch.time);
                    self.batches.push(batch);
                    self.pos = batch.end;
                }
                Next::EndOfGeneration if version >= Version::GO_1_26 => {
                    self.pos += 1;
                    return Ok(self.cut(version, self.pos));
                }
                Next::EndOfGeneration => return Ok(self.stop(MARK_TOO_EARLY)),
                Next::More if !self.ended => return Ok(None),
                Next::More if self.at_end() => return Ok(self.last(version, "")),
                Next::More => {
                    return Ok(self.last(version, "the file ends inside a batch: it was cut off"));
                }
                Next::Bad(_) if self.may_be_header() && !self.ended => return Ok(None),
                Next::Bad(_) if self.is_header() => {
                    self.next_trace = Some(self.offset + self.pos as u64);
                    return Ok(self.last(version, ""));
                }
                Next::Bad(what) => return Ok(self.last(version, &what)),
            }
        }
    }

    fn is_header(&self) -> bool {
        let rest = &self.buf[self.pos..self.len];
        rest.get(..HEADER_LEN).is_some_and(Version::is_header)
    }

    /// Whether what is there so far of a header could become one.
    fn may_be_header(&self) -> bool {
        let rest = &self.buf[self.pos..self.len];
        rest.len() < HEADER_LEN && b"go 1.".starts_with(&rest[..rest.len().min(5)])
    }

    /// Whether the bytes end where a batch could begin. An experimental batch of which only the
    /// type is there counts as none, as in Go's reader.
    fn at_end(&self) -> bool {
        self.pos == self.len
            || (self.pos + 1 == self.len && self.buf[self.pos] == ev::EXPERIMENTAL_BATCH)
    }

    /// The bytes can be read no further. Before Go 1.26 what is there counts as a whole generation:
    /// it may be one, since nothing marks its end.
    fn last(&mut self, version: Version, what: &str) -> Option<Generation> {
        let at = self.pos;
        let problem = (!what.is_empty()).then(|| self.problem_at(at, what));
        let mut generation = None;
        if version < Version::GO_1_26 {
            if self.number != 0 {
                generation = self.cut(version, self.pos);
            } else if problem.is_none() {
                self.problem = Some(self.problem_at(at, "the trace ends before its first event"));
            }
        } else if problem.is_none() && self.batches.iter().any(|b| self.has_events(b)) {
            let what = match self.next_trace {
                Some(_) => "another trace begins inside a generation, which lacks its end",
                None => {
                    "the file ends inside a generation, which lacks its end: tracing was not stopped, or the file was cut off"
                }
            };
            self.problem = Some(self.problem_at(at, what));
        }
        // Before Go 1.26 a generation is unfinished if its tables are not there.
        self.unfinished = generation.is_none() && self.number != 0;
        self.problem = self.problem.take().or(problem);
        self.done = true;
        generation
    }

    /// A v1 trace is one generation: its tables are at its end.
    fn whole_v1(&mut self, version: Version) -> Option<Generation> {
        self.done = true;
        let mut bytes = std::mem::take(&mut self.buf);
        bytes.truncate(self.len);
        match Generation::of_v1(version, self.offset, bytes, &mut self.tables) {
            Ok(generation) => {
                let end = generation.n_bytes();
                self.next_trace = (end < self.len).then(|| self.offset + end as u64);
                Some(generation)
            }
            Err(problem) => {
                self.problem = Some(problem);
                None
            }
        }
    }

    fn has_events(&self, batch: &Batch) -> bool {
        !batch.experimental
            && !matches!(
                batch.kind(&self.buf),
                Some(ev::STRINGS | ev::STACKS | ev::CPU_SAMPLES | ev::SYNC)
            )
    }

    fn stop(&mut self, what: impl Into<String>) -> Option<Generation> {
        self.problem = Some(self.problem_at(self.pos, what));
        self.done = true;
        None
    }

    fn problem_at(&self, at: usize, what: impl Into<String>) -> Problem {
        let generation = (self.number != 0).then_some(self.number);
        let problem = Problem::new(self.offset + at as u64, generation, what);
        problem.of_version(self.version.unwrap_or_default())
    }

    /// Makes a generation of all up to `end`; what follows stays for the next one.
    fn cut(&mut self, version: Version, end: usize) -> Option<Generation> {
        // What is behind the rest is overwritten before it is read: clearing it costs as much as copying.
        let mut rest = self.recycled.pop().unwrap_or_default();
        let left = &self.buf[end..self.len];
        if rest.len() < left.len() {
            rest.resize(left.len(), 0);
        }
        rest[..left.len()].copy_from_slice(left);
        let mut bytes = std::mem::replace(&mut self.buf, rest);
        bytes.truncate(end);
        bytes.resize(end + varint::WINDOW, 0);

        let offset = self.offset;
        let number = std::mem::take(&mut self.number);
        let batches = std::mem::take(&mut self.batches);
        let latest = std::mem::take(&mut self.latest);
        match Generation::new(version, number, offset, bytes, &batches, &mut self.tables) {
            Ok(generation) => {
                self.batches = batches;
                self.batches.clear();
                self.clock = generation.clock;
                self.offset += end as u64;
                self.len -= end;
                self.pos = 0;
                Some(generation)
            }
            Err((problem, bytes)) => {
                let rest = std::mem::replace(&mut self.buf, bytes);
                self.buf.truncate(end);
                self.buf.extend_from_slice(&rest[..self.len - end]);
                self.problem = Some(problem);
                self.number = number;
                self.batches = batches;
                self.latest = latest;
                self.done = true;
                None
            }
        }
    }
}
