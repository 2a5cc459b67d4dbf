//! Where the frames of a trace stand in the workspace, and whether that can be believed.
//!
//! A frame is placed when its recorded path maps onto a file of the workspace. Its line is believed
//! only if that file holds the frame's function there: a file of another version must not show
//! figures on lines that merely have the right number.

use std::sync::Arc;

use exectrace::{FrameId, StrId};
use hashbrown::{HashMap, HashSet};

use crate::Analysis;
use crate::go_source::{FrameName, GoSource, Inner};
use crate::lines::is_user_by_name;
use crate::sources::propose::common_folders;
use crate::sources::{Mapper, Mapping};
use crate::staleness::{State, settle, statement_of};

/// A file of the workspace, as it was when the trace was loaded.
#[derive(Debug)]
pub struct SourceFile {
    /// Absolute, `/`-separated.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
    /// What is known of it.
    pub source: GoSource,
}

impl SourceFile {
    /// The code of a line, from 0: without indentation and without a comment at its end.
    pub fn code(&self, line: u32) -> Option<&str> {
        self.text.lines().nth(line as usize).map(statement_of)
    }
}

/// A row in [`Placement::files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// From 0: as recorded, or where the recorded line is now if the file has changed since.
    pub line: u32,
    /// Whether the file holds the frame's function at that line.
    pub holds: bool,
    /// Whether the line is the recorded one.
    pub state: State,
}

/// A recorded path's beginning of which no file is known, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The folders, as recorded.
    pub prefix: String,
    /// Time of waits and system calls whose line would stand there, in nanoseconds.
    pub ns: i64,
    /// That of all waits and system calls with a line of the program's own, in nanoseconds.
    pub of_ns: i64,
}

/// All frames of a trace in the workspace.
#[derive(Debug, Default)]
pub struct Placement {
    /// The files that frames stand in.
    pub files: Vec<Arc<SourceFile>>,
    /// By the row of a frame.
    frames: Vec<Option<Place>>,
    /// Recorded paths that name no file, the dearest first.
    pub unmapped: Vec<Unmapped>,
    /// Time of all waits and system calls with a line of the program's own, in nanoseconds.
    pub own_ns: i64,
    /// The frames behind them, with the time of waits and system calls that would stand there, in
    /// nanoseconds, the dearest first.
    pub missing: Vec<(FrameId, i64)>,
    by_path: HashMap<String, FileId>,
}

impl Placement {
    /// Places all frames. `read` gives a file of the workspace by the path that `mapper` lists, or
    /// `None` if it cannot be read.
    pub fn new(
        analysis: &Analysis,
        mapper: &Mapper,
        read: &mut dyn FnMut(&str) -> Option<Arc<SourceFile>>,
    ) -> Placement {
        let mut made = Placement::default();
        let mut cache: HashMap<String, Option<Arc<SourceFile>>> = HashMap::new();
        let mut read = |path: &str| -> Option<Arc<SourceFile>> {
            cache.entry(path.to_owned()).or_insert_with(|| read(path)).clone()
        };
        // Of files that no path leads to for sure: which of the workspace are editions of which, and which functions
        // of it these have.
        let mut recorded = None;
        let mut editions: HashMap<StrId, HashMap<String, Option<HashMap<StrId, bool>>>> =
            HashMap::new();
        let mut unmapped = vec![false; analysis.tables.n_frames()];
        for (row, unmapped) in unmapped.iter_mut().enumerate() {
            let frame = analysis.tables.frame(FrameId(row as u32));
            let (file, func) = (analysis.str(frame.file), analysis.str(frame.func));
            let line = frame.line.saturating_sub(1);
            let mut verify =
                |path: &str| read(path).is_some_and(|file| file.source.may_be_file_of(func, line));
            let mut mapping = mapper.map(file, func, &mut verify);
            if mapping == Mapping::Unmapped {
                let recorded = recorded.get_or_insert_with(|| Recorded::new(analysis));
                let mut may_have_moved = |path: &str| {
                    let Some(source) = read(path) else { return false };
                    let edition = editions.entry(frame.file).or_default();
                    let edition = edition.entry_ref(path).or_insert_with(|| {
                        let is = recorded.is_edition(analysis, frame.file, &source);
                        is.then(HashMap::new)
                    });
                    let has = || source.source.may_have_function(func);
                    edition
                        .as_mut()
                        .is_some_and(|has_all| *has_all.entry(frame.func).or_insert_with(has))
                };
                mapping = mapper.map(file, func, &mut may_have_moved);
            }
            let place = match mapping {
                Mapping::Workspace { path, .. } => read(&path).map(|file| {
                    let holds = file.source.holds_frame(func, line);
                    let state = if holds { State::Exact } else { State::Lost };
                    Place { file: made.file(&file), line, holds, state }
                }),
                Mapping::Unmapped => {
                    *unmapped = is_user_by_name(func);
                    None
                }
                Mapping::Outside(_) | Mapping::NoFile => None,
            };
            made.frames.push(place);
        }
        (made.unmapped, made.own_ns) = made.costs(analysis, &unmapped);
        settle(analysis, &mut made);
        made
    }

    fn file(&mut self, file: &Arc<SourceFile>) -> FileId {
        *self.by_path.entry_ref(file.path.as_str()).or_insert_with(|| {
            self.files.push(file.clone());
            FileId(self.files.len() as u32 - 1)
        })
    }

    /// What stands behind recorded paths that are not mapped, and behind all of the program's own.
    fn costs(&mut self, analysis: &Analysis, unmapped: &[bool]) -> (Vec<Unmapped>, i64) {
        let mut by_frame: HashMap<FrameId, i64> = HashMap::new();
        let mut all = 0i64;
        for slot in &analysis.slots {
            let cause = analysis.causes.cause(slot.cause);
            if !cause.is_wait() && cause != crate::causes::Cause::Syscall {
                continue;
            }
            let own = analysis
                .stack(slot.stack)
                .iter()
                .find(|f| self.place(**f).is_some() || unmapped[f.0 as usize]);
            let Some(&own) = own else { continue };
            let ns = slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns);
            all = all.saturating_add(ns);
            if unmapped[own.0 as usize] {
                let sum = by_frame.entry(own).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        self.missing = by_frame.into_iter().collect();
        self.missing.sort_by_key(|&(frame, ns)| (std::cmp::Reverse(ns), frame));
        let file = |frame: FrameId| analysis.str(analysis.tables.frame(frame).file);
        let files: Vec<&str> = self.missing.iter().map(|(frame, _)| file(*frame)).collect();
        let folders = common_folders(&files);
        let mut by_prefix: HashMap<&str, i64> = HashMap::new();
        for &(frame, ns) in &self.missing {
            let sum = by_prefix.entry(folders[file(frame)]).or_default();
            *sum = sum.saturating_add(ns);
        }
        let mut list: Vec<Unmapped> = by_prefix
            .into_iter()
            .map(|(prefix, ns)| Unmapped { prefix: prefix.to_owned(), ns, of_ns: all })
            .collect();
        list.sort_by(|a, b| b.ns.cmp(&a.ns).then_with(|| a.prefix.cmp(&b.prefix)));
        (list, all)
    }

    /// What is not in the workspace and is so many parts in 100 of all, or more, the dearest first.
    pub fn lacking(&self, percent: i64) -> impl Iterator<Item = &Unmapped> {
        self.unmapped.iter().take_while(move |folder| {
            let [ns, of, percent] = [folder.ns, folder.of_ns, percent].map(i128::from);
            ns > 0 && ns * 100 >= of * percent
        })
    }

    /// The frames that stand in the workspace.
    pub(crate) fn placed(&self) -> Vec<FrameId> {
        let rows = self.frames.iter().enumerate();
        rows.filter(|(_, place)| place.is_some()).map(|(row, _)| FrameId(row as u32)).collect()
    }

    /// Says where a frame's line is in the file, and how sure that is.
    pub(crate) fn settle(&mut self, frame: FrameId, line: u32, state: State) {
        if let Some(Some(place)) = self.frames.get_mut(frame.0 as usize) {
            (place.line, place.state, place.holds) = (line, state, state != State::Lost);
        }
    }

    /// Where a frame stands; `None` if not in the workspace.
    pub fn place(&self, frame: FrameId) -> Option<Place> {
        self.frames.get(frame.0 as usize).copied().flatten()
    }

    /// The code of a frame's line as it stands in its file, without indentation and without a comment at its
    /// end; `None` if the frame stands in no file that holds its function there.
    pub fn code(&self, frame: FrameId) -> Option<&str> {
        let place = self.place(frame).filter(|place| place.holds)?;
        self.source(place.file).code(place.line)
    }

    /// The file with this path, if frames stand in it.
    pub fn file_at(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// All files in which frames stand.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// A file.
    pub fn source(&self, file: FileId) -> &Arc<SourceFile> {
        &self.files[file.0 as usize]
    }
}

/// The functions that each recorded file has, as far as the trace tells, without those written within others:
/// with a line of each.
struct Recorded(HashMap<StrId, Vec<(StrId, u32)>>);

impl Recorded {
    fn new(analysis: &Analysis) -> Recorded {
        let mut made: HashMap<StrId, Vec<(StrId, u32)>> = HashMap::new();
        let mut seen: HashSet<(StrId, StrId)> = HashSet::new();
        for row in 0..analysis.tables.n_frames() as u32 {
            let frame = analysis.tables.frame(FrameId(row));
            let is_body = |func| FrameName::parse(func).is_some_and(|f| f.inner == Inner::Body);
            if seen.insert((frame.file, frame.func)) && is_body(analysis.str(frame.func)) {
                let line = frame.line.saturating_sub(1);
                made.entry(frame.file).or_default().push((frame.func, line));
            }
        }
        Recorded(made)
    }

    /// Whether a file may be a later or an earlier edition of a recorded one, of which only the end of the path
    /// tells, two elements or more: it has three quarters of the functions or more, and at least two, or one where
    /// it was.
    fn is_edition(&self, analysis: &Analysis, file: StrId, source: &SourceFile) -> bool {
        /// No file of a person's has more, and each is compared with all that the source has.
        const MOST: usize = 2_000;
        let Some(functions) = self.0.get(&file).filter(|list| list.len() <= MOST) else {
            return false;
        };
        let elements = |path: &str| path.rsplit(['/', '\\']).map(str::to_owned).collect::<Vec<_>>();
        let (here, there) = (elements(&source.path), elements(analysis.str(file)));
        if here.iter().zip(&there).take(2).filter(|(a, b)| a == b).count() < 2 {
            return false;
        }
        let source = &source.source;
        let n = |is: &dyn Fn(&str, u32) -> bool| {
            functions.iter().filter(|(func, line)| is(analysis.str(*func), *line)).count()
        };
        let there = n(&|func, _| source.may_have_function(func));
        let stands = || n(&|func, line| source.may_be_file_of(func, line)) > 0;
        there * 4 >= functions.len() * 3 && (there >= 2 || stands())
    }
}
