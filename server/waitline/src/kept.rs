//! What is kept of traces from one opening to the next, in the user's cache.
//!
//! ```text
//! first opening    trace --------------> analysis with lives --question--> judged --> answers
//!                                            |  without                       |
//!                                            +-----------> kept file <--------+
//! second opening   kept file ----------> analysis without lives ---------> judged --> answers
//! ```
//!
//! The lives of goroutines are by far the most of an analysis, and nothing needs them once the waits
//! are judged, but ranges, the timeline and single waits: who wants these loads the trace after all.
//!
//! A kept file is believed only for the very file that it was made of: its length, times and inode, and
//! samples of its bytes; and only by the very program that wrote it, whose build is in the file's name.
//! What is judged depends on the person's sources, too; so judgements are kept by what was asked.
//! Whatever is wrong with a kept file, the trace is loaded as if there were none.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use ide::Analysis;
use ide::judged::{Depth, Judged, Question};

use crate::cores::Cores;
use crate::traces::{self, Loaded, Stamp};

mod file;
mod folder;

pub use folder::{Cache, Entry};

use file::{Hash, Kept, Whole, hash};

/// A smaller trace is loaded as fast as what is kept of it, in bytes.
const LEAST: u64 = 1 << 20;
/// The most judgements on one trace that are kept: of the last workspaces and words.
const MOST_JUDGEMENTS: usize = 4;
/// How much later than it was written a file must have been read, so that no write can have followed in
/// the same tick of the file system's clock.
const TICK: Duration = Duration::from_millis(100);
/// The same where that clock tells only seconds.
const COARSE_TICK: Duration = Duration::from_millis(2_100);

/// Where something of one trace is kept, or can be.
#[derive(Debug)]
struct Place {
    cache: Cache,
    /// The file's name: of the trace's path and of this program's build.
    name: String,
    /// The trace's file, and what identifies it.
    path: PathBuf,
    stamp: Stamp,
    identity: Vec<u8>,
}

/// What is kept of a trace that is being opened, and what will be.
#[derive(Debug, Default)]
pub struct Keep {
    place: Option<Place>,
    kept: Option<Kept>,
    /// The trace was read now: what there is to be said of that.
    read: Option<About>,
    /// What was judged now, by the hash of its question.
    judged: Option<(Hash, Vec<u8>)>,
}

/// What is written of a load beside what it brought.
#[derive(Debug)]
struct About {
    stamp: Stamp,
    inside: Vec<String>,
    memory: u64,
}

impl Keep {
    /// Looks at what is kept of a trace.
    pub fn find(cache: &Cache, path: &Path) -> Keep {
        let place = Place::of(cache, path);
        let kept = place.as_ref().and_then(|place| {
            let kept = Kept::open(&place.cache.open(&place.name)?);
            let kept = kept.filter(|kept| kept.head.identity == place.identity);
            if kept.is_none() {
                tracing::debug!("what is kept of {} is not of it", traces::shown(path));
            }
            kept
        });
        Keep { place, kept, read: None, judged: None }
    }

    /// Reads the trace by `load`, and remembers that for [`Keep::write`].
    ///
    /// # Errors
    /// Those of `load`.
    pub fn load<E>(&mut self, load: impl FnOnce() -> Result<Loaded, E>) -> Result<Loaded, E> {
        let loaded = load()?;
        let Loaded { stamp, inside, memory, .. } = &loaded;
        let (stamp, inside) = (stamp.clone(), inside.clone());
        self.read = Some(About { stamp, inside, memory: *memory });
        Ok(loaded)
    }

    /// The trace without the lives of its goroutines, if that is kept, and if loading it would take no
    /// more than `memory` bytes: of one that takes more, only a part is shown.
    pub fn loaded(&mut self, memory: u64) -> Option<Loaded> {
        let (place, kept) = (self.place.as_ref()?, self.kept.as_ref()?);
        if kept.head.memory > memory {
            return None;
        }
        let Some(analysis) = kept.analysis().and_then(Analysis::of_bytes) else {
            tracing::debug!("what is kept of {} is damaged", traces::shown(&place.path));
            self.kept = None;
            return None;
        };
        Some(Loaded {
            path: place.path.clone(),
            stamp: place.stamp.clone(),
            inside: kept.head.inside.clone(),
            analysis,
            memory: kept.head.memory,
        })
    }

    /// Judges a trace, or tells what is kept of that. `None` if there is nothing to judge by: it is
    /// not kept, and the trace has no lives; and soon after `is_wanted` says no.
    pub fn judged(
        &mut self,
        analysis: &Analysis,
        question: &Question,
        depth: Depth,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<Judged> {
        if analysis.stays.is_some() {
            let judged = Judged::new(analysis, question, depth, &Cores, is_wanted)?;
            if self.place.is_some() && analysis.problem.is_none() {
                self.judged = judged.to_bytes(depth).map(|bytes| (hash(&question.bytes()), bytes));
            }
            return Some(judged);
        }
        let kept = self.kept.as_ref()?.judgement(&hash(&question.bytes()))?;
        Judged::of_bytes(kept, analysis, question, depth)
    }

    /// Writes down what is new, if there is something: the trace was read now, to its end, and its file
    /// is the one that was looked at before. What cannot be written is not kept, and nobody is told.
    pub fn write(self, analysis: &Analysis) {
        let Keep { place: Some(place), kept, read: Some(read), judged } = self else { return };
        let is_new = judged.is_some() || kept.is_none();
        if !is_new || place.stamp != read.stamp || place.is_another() {
            return;
        }
        let Some(bytes) = analysis.to_bytes() else { return };
        let mut judgements: Vec<(Hash, &[u8])> = kept.iter().flat_map(Kept::judgements).collect();
        if let Some((key, bytes)) = &judged {
            judgements.retain(|(of, _)| of != key);
            judgements.push((*key, bytes));
        }
        let n_gone = judgements.len().saturating_sub(MOST_JUDGEMENTS);
        judgements.drain(..n_gone);
        let whole = Whole {
            identity: place.identity,
            inside: read.inside,
            memory: read.memory,
            analysis: &bytes,
            judgements,
        };
        if let Err(error) = place.cache.put(&place.name, |mut out| whole.write(&mut out)) {
            tracing::debug!("nothing is kept of {}: {error}", traces::shown(&place.path));
        }
    }
}

impl Place {
    /// `None` if nothing of this trace is to be kept.
    fn of(cache: &Cache, path: &Path) -> Option<Place> {
        cache.folder()?;
        let (file, stamp) = traces::look(path)?;
        if stamp.len() < LEAST || !is_settled(&stamp) {
            return None;
        }
        let (real, number) = traces::real(path)?;
        let mut identity = stamp.bytes();
        identity.extend(number.to_le_bytes());
        identity.extend(samples(&file, stamp.len())?);
        let mut named = build()?.to_owned();
        named.extend(number.to_le_bytes());
        named.extend(real.as_os_str().as_encoded_bytes());
        let name = hash(&named).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(Place { cache: cache.clone(), name, path: path.to_owned(), stamp, identity })
    }

    /// Whether the file is another one by now.
    fn is_another(&self) -> bool {
        Stamp::at(&self.path).as_ref() != Some(&self.stamp)
    }
}

/// Whether a write that the file's times do not tell of can be ruled out.
fn is_settled(stamp: &Stamp) -> bool {
    let now = SystemTime::now();
    stamp.times().into_iter().all(|time| {
        let nanos = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.subsec_nanos());
        let tick = if nanos == 0 { COARSE_TICK } else { TICK };
        now.duration_since(time).is_ok_and(|ago| ago >= tick)
    })
}

/// A hash over samples of a file: its beginning, its end, and some of what lies between.
fn samples(file: &File, len: u64) -> Option<Hash> {
    const ENDS: u64 = 64 << 10;
    const BETWEEN: u64 = 30;
    const SAMPLE: u64 = 4 << 10;
    let mut bytes = Vec::new();
    let mut take = |from: u64, n: u64| {
        let at = bytes.len();
        bytes.resize(at + n as usize, 0);
        traces::read_at(file, &mut bytes[at..], from).ok()
    };
    take(0, ENDS.min(len))?;
    take(len.saturating_sub(ENDS), ENDS.min(len))?;
    for i in 1..=BETWEEN {
        take(len / (BETWEEN + 1) * i, SAMPLE.min(len))?;
    }
    Some(hash(&bytes))
}

/// What identifies this build of the program: an older or newer one may count otherwise.
fn build() -> Option<&'static [u8]> {
    static BUILD: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let made = BUILD.get_or_init(|| {
        let path: PathBuf = std::env::current_exe().ok()?;
        let mut bytes = env!("CARGO_PKG_VERSION").as_bytes().to_vec();
        bytes.extend(Stamp::at(&path)?.of_content());
        Some(bytes)
    });
    made.as_deref()
}
