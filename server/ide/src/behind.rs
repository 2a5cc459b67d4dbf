//! Whom a line holds up: what is costly elsewhere and ends there.
//!
//! A line that runs with a lock, or calls the system while others wait, may wait for nothing itself, and so has no
//! figure of its own. Blame tells of each wait where it ends; here that is turned round, and told at the line
//! where it ends. What a line waits for itself is left to its own figures.

use std::cmp::Reverse;

use exectrace::StrId;
use hashbrown::HashMap;

use crate::Analysis;
use crate::blame::{Blame, End};
use crate::go_source::Operations;
use crate::kinds::Kind;
use crate::placement::{FileId, Place, Placement};
use crate::sites::Sites;
use crate::staleness::{RUNS, State};
use crate::units::{duration, percent};
use crate::verdicts::Sum;
use crate::view::{MIN_SHOWN_NS, View};

/// What of all lines is held up by which.
#[derive(Debug, Default)]
pub struct AllBehind {
    /// The most held up first.
    lines: Vec<Behind>,
}

/// What is held up by a line.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The file that the line is in.
    pub file: FileId,
    /// From 0, as lines of [`Sites`] are.
    pub line: u32,
    /// The function that was met there first.
    pub func: StrId,
    /// Whether the line is the recorded one.
    pub state: State,
    /// What is costly elsewhere and ends here, in nanoseconds: the time of all goroutines that waited.
    pub ns: i64,
    /// What it was doing meanwhile, with nanoseconds, the most first.
    pub ends: Vec<(End, i64)>,
    /// Who waited, the most first.
    pub waits: Vec<Held>,
}

/// A line that waits behind another.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Its file.
    pub file: FileId,
    /// From 0.
    pub line: u32,
    /// What it waits in.
    pub kind: Kind,
    /// How much of that, in nanoseconds.
    pub ns: i64,
}

impl AllBehind {
    /// Turns round what the costly waits of all lines end in. `sums` are the verdicts by slot.
    pub(crate) fn new(
        analysis: &Analysis,
        placement: &Placement,
        sites: &Sites,
        sums: &[Sum],
        blame: Option<&Blame>,
    ) -> AllBehind {
        let Some(blame) = blame else { return AllBehind::default() };
        let mut lines: HashMap<(FileId, u32), Behind> = HashMap::new();
        for file in placement.files() {
            for site in sites.lines(file).iter().filter(|site| site.holds) {
                let waits = site.parts.iter().filter(|p| p.kind.is_ranked() && p.kind.is_blamed());
                for part in waits {
                    for ((end, frame), ns) in blame.costly_ends(analysis, sums, &part.figure.slots)
                    {
                        let placed = frame.and_then(|f| Some((f, placement.place(f)?)));
                        let Some((frame, place)) = placed else { continue };
                        let is_itself = (place.file, place.line) == (file, site.line);
                        if is_itself || !can_be_it(placement, place) || ns <= 0 {
                            continue;
                        }
                        let behind = lines.entry((place.file, place.line)).or_insert(Behind {
                            file: place.file,
                            line: place.line,
                            func: analysis.tables.frame(frame).func,
                            state: place.state,
                            ns: 0,
                            ends: Vec::new(),
                            waits: Vec::new(),
                        });
                        behind.state = behind.state.max(place.state);
                        behind.add(end, Held { file, line: site.line, kind: part.kind, ns });
                    }
                }
            }
        }
        let mut lines: Vec<Behind> = lines.into_values().collect();
        for line in &mut lines {
            line.ends.sort_by_key(|&(end, ns)| (Reverse(ns), end));
            line.waits.sort_by_key(|held| (Reverse(held.ns), held.file, held.line));
        }
        lines.sort_by_key(|line| (Reverse(line.ns), line.file, line.line));
        AllBehind { lines }
    }

    /// All of them, the most held up first.
    pub fn all(&self) -> &[Behind] {
        &self.lines
    }

    /// What is held up by a line of a file.
    pub fn at(&self, file: FileId, line: u32) -> Option<&Behind> {
        self.lines.iter().find(|behind| (behind.file, behind.line) == (file, line))
    }

    /// Those of a file that are worth a word where somebody asks.
    pub fn told<'a>(&'a self, view: &'a View, file: FileId) -> impl Iterator<Item = &'a Behind> {
        self.lines.iter().filter(move |behind| behind.file == file && behind.is_told(view))
    }

    /// Those of a file that are a part of all that is costly worth a word at the end of a line.
    pub fn shown(
        &self,
        file: FileId,
        least_ns: i64,
        costly_ns: i64,
    ) -> impl Iterator<Item = &Behind> {
        self.lines.iter().filter(move |behind| {
            behind.file == file
                && behind.ns >= least_ns.max(MIN_SHOWN_NS)
                && i128::from(behind.ns) * GOOD_PART >= i128::from(costly_ns)
        })
    }
}

/// Whether a line can be the one that was recorded: outside of functions only its operations tell.
fn can_be_it(placement: &Placement, place: Place) -> bool {
    let source = &placement.source(place.file).source;
    let channel = Operations::SEND | Operations::RECEIVE | Operations::SELECT;
    place.state != State::Lost
        && (source.function_at(place.line).is_some()
            || source.operations_at(place.line).intersects(RUNS | channel))
}

/// A line that holds up this part of all that is costly says so.
const GOOD_PART: i128 = 20;

/// Names of so many lines are told apart.
const MOST_LINES: usize = 100;

impl Behind {
    fn add(&mut self, end: End, held: Held) {
        self.ns = self.ns.saturating_add(held.ns);
        match self.ends.iter_mut().find(|(known, _)| *known == end) {
            Some((_, ns)) => *ns = ns.saturating_add(held.ns),
            None => self.ends.push((end, held.ns)),
        }
        // They come line by line.
        let of_line =
            self.waits.iter_mut().rev().take_while(|o| (o.file, o.line) == (held.file, held.line));
        match of_line.into_iter().find(|other| other.kind == held.kind) {
            Some(other) => other.ns = other.ns.saturating_add(held.ns),
            None => self.waits.push(held),
        }
    }

    /// The lines that wait, whatever in, with nanoseconds, the most first; as short as tells them apart.
    pub fn by_line(&self, view: &View) -> Vec<(String, i64)> {
        let mut lines: Vec<(FileId, u32, i64)> = Vec::new();
        let mut sorted: Vec<&Held> = self.waits.iter().collect();
        sorted.sort_by_key(|held| (held.file, held.line));
        for held in sorted {
            match lines.last_mut() {
                Some(last) if (last.0, last.1) == (held.file, held.line) => {
                    last.2 = last.2.saturating_add(held.ns);
                }
                _ => lines.push((held.file, held.line, held.ns)),
            }
        }
        lines.sort_by_key(|&(file, line, ns)| (Reverse(ns), file, line));
        let path = |file: FileId| view.placement.source(file).path.as_str();
        let base = |file| path(file).rsplit('/').next().unwrap_or_default();
        let shown: Vec<FileId> = lines.iter().take(MOST_LINES).map(|line| line.0).collect();
        let named = lines.iter().map(|&(file, line, ns)| {
            let is_like = |&other: &FileId| other != file && base(other) == base(file);
            let name = match shown.iter().any(is_like) {
                true => crate::findings::in_folder(path(file)),
                false => base(file).to_owned(),
            };
            (crate::text::plain(&format!("{name}:{}", u64::from(line) + 1)), ns)
        });
        named.collect()
    }

    /// Whether it is worth a word where somebody asks about its line.
    pub fn is_told(&self, view: &View) -> bool {
        self.ns >= MIN_SHOWN_NS && i128::from(self.ns) * 100 >= i128::from(view.sites.costly_ns)
    }

    /// `others wait 372 ms`, for the end of its line.
    pub fn hint(&self, view: &View) -> String {
        format!("others wait {}{}", view.approximately(), duration(self.ns))
    }

    /// The same with where most of them wait, and what was done meanwhile.
    pub fn long(&self, view: &View) -> String {
        let most = self.by_line(view).first().map_or_else(String::new, |(at, ns)| {
            format!(", {} of it at {at}", percent(*ns, self.ns.max(1)))
        });
        format!("{}{most}", self.hint(view))
    }

    /// What was done here meanwhile: `it ran up to here 80 %, it was in a system call 20 %`.
    pub fn doing(&self) -> String {
        let words = |end: End| match end {
            End::Running => "ran up to here",
            End::Syscall => "was in a system call",
            End::Network => "waited for the network",
            End::Timer => "waited for a timer",
            End::Sleep => "slept",
            End::Gc => "waited for the collector",
            End::Runnable => "waited for a core",
            End::NotKnown | End::More => "did what is not known",
        };
        match self.ends[..] {
            [(only, _)] => words(only).to_owned(),
            _ => {
                let each = self.ends.iter().take(3);
                let each = each
                    .map(|&(end, ns)| format!("{} {}", words(end), percent(ns, self.ns.max(1))));
                each.collect::<Vec<_>>().join(", ")
            }
        }
    }
}
