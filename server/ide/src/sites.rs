//! What each line of the workspace's files costs: its sites.
//!
//! A site is a line of the workspace and a kind of cost. The lines here are recorded ones, from 0;
//! `LineMap` turns them into lines of a buffer.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::figures::SlotId;
use crate::go_source::Operations;
use crate::kinds::{Kind, kind_of};
use crate::lines::Figure;
use crate::placement::{FileId, Placement};
use crate::staleness::{RUNS, State};
use crate::verdicts::{Sum, Verdict};

/// The sites of all files.
#[derive(Debug, Default)]
pub struct Sites {
    /// By the row of a file in the placement; lines in rising order.
    files: Vec<Vec<SiteLine>>,
    /// The time of all sites that are ranked, shown on a line or not, in nanoseconds.
    pub total_ns: i64,
    /// What of it is costly: waits and system calls so judged, and help for the collector.
    pub costly_ns: i64,
}

/// What one line costs.
#[derive(Debug, Clone)]
pub struct SiteLine {
    /// From 0: as recorded, or where the recorded line is now if the file has changed since.
    pub line: u32,
    /// The function that was met there first.
    pub func: StrId,
    /// What was spent here: what is costly enough for colour, then the dearest first. Kinds that are
    /// not ranked come last.
    pub parts: Vec<Part>,
    /// What was waited in calls made here, this line's own waits included.
    pub under: Under,
    /// Whether the file holds the function at that line, and something that can have cost this; else
    /// nothing is shown there.
    pub holds: bool,
    /// Whether the line is the recorded one.
    pub state: State,
}

/// One kind of cost at a line.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which.
    pub kind: Kind,
    /// How much.
    pub figure: Figure,
    /// How its waits and system calls were judged.
    pub judged: Sum,
    /// Of assists: for how long goroutines stood still in them, in nanoseconds. That time has waits of its
    /// own.
    pub stood_ns: i64,
}

impl Part {
    /// What of it is costly, in nanoseconds. What was run to help the collector always is.
    pub fn costly_ns(&self) -> i64 {
        match self.kind {
            Kind::Assist => self.figure.total().saturating_sub(self.stood_ns).max(0),
            _ => self.judged.of(Verdict::Costly),
        }
    }

    /// The verdict on over half of it, if there is one.
    pub fn mostly(&self) -> Option<Verdict> {
        let total = self.figure.total();
        let verdict = self.judged.largest()?;
        (i128::from(self.judged.of(verdict)) * 2 > i128::from(total)).then_some(verdict)
    }

    /// The verdict that the line is shown as: that on most of it. Where that goes through to others and yet a good
    /// part is costly, it is none.
    pub fn shows(&self) -> Option<Verdict> {
        let costly = i128::from(self.judged.of(Verdict::Costly));
        let is_partly = costly * crate::reasons::GOOD_PART >= i128::from(self.judged.total());
        self.mostly().filter(|&most| most != Verdict::Through || !is_partly)
    }

    /// What is costly enough for colour stands before all else, then the dearest.
    fn order(&self, costly_of_all: i64) -> (bool, bool, std::cmp::Reverse<i64>) {
        let hot = heat(self.costly_ns(), costly_of_all) > 0;
        // What stood still in assists is in other parts.
        let ns = self.figure.total().saturating_sub(self.stood_ns);
        (!self.kind.is_ranked(), !hot, std::cmp::Reverse(ns))
    }
}

/// What was waited below a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Under {
    /// How many waits.
    pub n: u64,
    /// Their time, in nanoseconds.
    pub ns: i64,
}

/// A line of the workspace that something comes from, for a person to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The frame; `None`: no goroutine, no stack, or none but the runtime's frames.
    pub frame: Option<FrameId>,
    /// How many.
    pub n: u64,
    /// Their time, in nanoseconds.
    pub ns: i64,
}

impl Sites {
    /// Sums up the slots of a trace by line of the workspace and kind.
    /// `sums` are the verdicts by slot, `stood` tells of assists how long goroutines stood still in them.
    pub fn new(
        analysis: &Analysis,
        placement: &Placement,
        sums: &[Sum],
        stood: &[(SlotId, i64)],
    ) -> Sites {
        let mut rows: Vec<HashMap<(u32, bool), SiteLine>> =
            placement.files.iter().map(|_| HashMap::new()).collect();
        let (mut total_ns, mut costly_ns) = (0i64, 0i64);
        let mut seen = Vec::new();
        for (row, slot) in analysis.slots.iter().enumerate() {
            let stack = analysis.stack(slot.stack);
            let Some(user) = stack.iter().position(|&f| placement.place(f).is_some()) else {
                continue;
            };
            let Some(kind) = kind_of(analysis, slot, user) else { continue };
            let line = line_at(&mut rows, analysis, placement, stack[user]);
            let id = SlotId(row as u32);
            let at = line.parts.iter().position(|p| p.kind == kind).unwrap_or_else(|| {
                let (figure, judged) = (Figure::new(), Sum::default());
                line.parts.push(Part { kind, figure, judged, stood_ns: 0 });
                line.parts.len() - 1
            });
            let part = &mut line.parts[at];
            part.figure.add(analysis, id);
            part.stood_ns = part.stood_ns.saturating_add(crate::assists::of(stood, id));
            if let Some(judged) = sums.get(row) {
                part.judged.merge(judged);
            }
            let ns = slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns);
            if kind.is_ranked() && kind != Kind::Runnable {
                total_ns = total_ns.saturating_add(ns);
            }
            if kind.is_wait() {
                seen.clear();
                for &frame in &stack[user..] {
                    let Some(place) = placement.place(frame) else { continue };
                    if !seen.contains(&(place.file, place.line)) {
                        seen.push((place.file, place.line));
                        let under = &mut line_at(&mut rows, analysis, placement, frame).under;
                        under.n += slot.n + slot.open_n;
                        under.ns = under.ns.saturating_add(ns);
                    }
                }
            }
        }
        let mut files: Vec<Vec<SiteLine>> = rows
            .into_iter()
            .map(|lines| {
                let mut lines: Vec<SiteLine> = lines.into_values().collect();
                lines.sort_unstable_by_key(|l| (l.line, !l.holds));
                for line in &mut lines {
                    line.parts.retain(|p| p.figure.count() > 0);
                    costly_ns = costly_ns.saturating_add(line.costly_ns());
                }
                lines.retain(|l| !l.parts.is_empty() || l.under.n > 0);
                lines
            })
            .collect();
        for (lines, file) in files.iter_mut().zip(&placement.files) {
            for line in lines {
                line.parts.sort_by_key(|part| part.order(costly_ns));
                // Within functions that is settled already, by all of their lines.
                if file.source.function_at(line.line).is_none()
                    && !can_wait(line, file.source.operations_at(line.line))
                {
                    (line.holds, line.state) = (false, State::Lost);
                }
            }
        }
        Sites { files, total_ns, costly_ns }
    }

    /// The lines of a file that cost anything, in rising order.
    pub fn lines(&self, file: FileId) -> &[SiteLine] {
        self.files.get(file.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The lines of all files.
    pub fn all(&self) -> impl Iterator<Item = &SiteLine> {
        self.files.iter().flatten()
    }

    /// What a line of a file costs.
    pub fn line(&self, file: FileId, line: u32) -> Option<&SiteLine> {
        let lines = self.lines(file);
        // A line that is gone may have the number of another one.
        let first = lines.partition_point(|l| l.line < line);
        lines.get(first).filter(|l| l.line == line)
    }
}

/// Whether a line that holds these operations can be the one that was recorded. A function that was
/// edited since the trace still spans the line, and then another statement stands there.
fn can_wait(line: &SiteLine, operations: Operations) -> bool {
    let runs = RUNS;
    let channel = Operations::SEND | Operations::RECEIVE | Operations::SELECT;
    // Allocations wait for the collector, and stand where nothing tells of them.
    let dearest = line
        .parts
        .iter()
        .map(|part| part.kind)
        .find(|kind| *kind == Kind::Syscall || (kind.is_wait() && *kind != Kind::Gc));
    match dearest {
        Some(Kind::Chan | Kind::Other(_) | Kind::BeforeTrace) => {
            operations.intersects(runs | channel)
        }
        Some(_) => operations.intersects(runs),
        None => line.under.n == 0 || !line.parts.is_empty() || operations.intersects(runs),
    }
}

fn line_at<'a>(
    rows: &'a mut [HashMap<(u32, bool), SiteLine>],
    analysis: &Analysis,
    placement: &Placement,
    frame: FrameId,
) -> &'a mut SiteLine {
    // Only placed frames come here; an unplaced one would count at the first file's first line.
    let place = placement.place(frame);
    let (file, line, state) =
        place.map_or((0, 0, State::Lost), |p| (p.file.0 as usize, p.line, p.state));
    let holds = state != State::Lost;
    let site = rows[file].entry((line, holds)).or_insert_with(|| SiteLine {
        line,
        func: analysis.tables.frame(frame).func,
        parts: Vec::new(),
        under: Under::default(),
        holds,
        state,
    });
    site.state = site.state.max(state);
    site
}

impl SiteLine {
    /// The time of all kinds that are waits, in nanoseconds, and their number.
    pub fn waiting(&self) -> Figure {
        let mut sum = Figure::new();
        for part in self.parts.iter().filter(|p| p.kind.is_wait()) {
            sum.merge(&part.figure);
        }
        sum
    }

    /// What of the line is costly, in nanoseconds.
    pub fn costly_ns(&self) -> i64 {
        self.parts.iter().filter(|p| p.kind.is_ranked()).map(Part::costly_ns).sum()
    }
}

/// How hot something is, 0 to 4: below and from 0.5, 2, 5 and 20 % of all that counts.
pub(crate) fn heat(ns: i64, of_all: i64) -> u8 {
    let (part, all) = (i128::from(ns), i128::from(of_all));
    // A large share of hardly anything is no reason for colour.
    if part < i128::from(crate::view::MIN_SHOWN_NS) || all == 0 {
        return 0;
    }
    [5, 20, 50, 200].iter().filter(|&&permille| part * 1000 >= all * permille).count() as u8
}

/// Who ended the waits of some slots, by the waker's line: the first frame of the workspace, else
/// the first that is not the runtime's own. The most frequent first.
pub fn wakers(analysis: &Analysis, placement: &Placement, slots: &[SlotId]) -> Vec<Origin> {
    wakers_but(analysis, placement, slots, |_| false)
}

/// The same without those that ended a context: they gave nothing.
pub fn givers(analysis: &Analysis, placement: &Placement, slots: &[SlotId]) -> Vec<Origin> {
    wakers_but(analysis, placement, slots, |stack| ends_context(analysis, stack))
}

/// Whether who stands there ends a context.
pub(crate) fn ends_context(analysis: &Analysis, stack: StackId) -> bool {
    let leaf = analysis.stack(stack).first();
    leaf.is_some_and(|&f| analysis.str(analysis.tables.frame(f).func).starts_with("context."))
}

fn wakers_but(
    analysis: &Analysis,
    placement: &Placement,
    slots: &[SlotId],
    but: impl Fn(StackId) -> bool,
) -> Vec<Origin> {
    let mut origins = Origins::new(analysis);
    for &slot in slots {
        for waker in analysis.wakers_of(slot) {
            if waker.stack.is_some_and(&but) {
                continue;
            }
            let frame = waker.stack.and_then(|stack| near_frame(analysis, placement, stack));
            origins.add(frame, waker.n, waker.ns);
        }
    }
    origins.sorted(|o| (o.n, o.ns))
}

/// From where the waits of some slots were called: the frame of the workspace that calls the line's
/// function. The dearest first.
pub fn callers(analysis: &Analysis, placement: &Placement, slots: &[SlotId]) -> Vec<Origin> {
    let mut origins = Origins::new(analysis);
    for &id in slots {
        let slot = &analysis.slots[id.0 as usize];
        let own = |f: &&FrameId| placement.place(**f).is_some();
        let caller = analysis.stack(slot.stack).iter().filter(own).nth(1).copied();
        let ns = slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns);
        origins.add(caller, slot.n + slot.open_n, ns);
    }
    origins.sorted(|o| (o.ns.unsigned_abs(), o.n as i64))
}

fn near_frame(analysis: &Analysis, placement: &Placement, stack: StackId) -> Option<FrameId> {
    let frames = analysis.stack(stack);
    let is_runtime = |f: FrameId| {
        let func = analysis.str(analysis.tables.frame(f).func);
        func.starts_with("runtime.")
    };
    let placed = frames.iter().copied().find(|&f| placement.place(f).is_some());
    placed.or_else(|| frames.iter().copied().find(|&f| !is_runtime(f)))
}

struct Origins<'a> {
    analysis: &'a Analysis,
    list: Vec<Origin>,
    rows: HashMap<Option<(StrId, u32)>, usize>,
}

impl<'a> Origins<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        Origins { analysis, list: Vec::new(), rows: HashMap::new() }
    }

    fn add(&mut self, frame: Option<FrameId>, n: u64, ns: i64) {
        if n == 0 {
            return;
        }
        let key = frame.map(|f| {
            let frame = self.analysis.tables.frame(f);
            (frame.file, frame.line)
        });
        let row = *self.rows.entry(key).or_insert_with(|| {
            self.list.push(Origin { frame, n: 0, ns: 0 });
            self.list.len() - 1
        });
        self.list[row].n += n;
        self.list[row].ns = self.list[row].ns.saturating_add(ns);
    }

    fn sorted(mut self, key: impl Fn(&Origin) -> (u64, i64)) -> Vec<Origin> {
        self.list.sort_by(|a, b| key(b).cmp(&key(a)).then_with(|| a.frame.cmp(&b.frame)));
        self.list
    }
}
