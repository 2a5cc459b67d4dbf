//! What a window shows of some lanes, as rectangles: never more than pixels can show.
//!
//! ```text
//! cell (a pixel, or a few):   |           |           |           |
//! spans:                      AAAAAAAAAAAAAABCBCBCDEEEEEEEEEEEEEEEEE
//! rects:                      [whole A     ][joined: C][whole E     ]
//! ```
//!
//! A span longer than a cell is a rect of its own, with its exact ends. Shorter ones are joined: what
//! most of a cell's time went to is drawn, and idle time only where it is three quarters of it. Cells
//! are pixels; when a tile would become too large, they get wider for all of its lanes.

use exectrace::{GoId, ProcId, TaskId, ThreadId};

use super::cells::{Cells, Window};
use super::class::{Class, Tone};
use super::column::{Instants, first};
use super::guess::{Asked, Guess};
use super::joiner::Joiner;
use super::runs::Runs;
use super::{GoRef, Index, NO_GO};
use crate::jobs::{InTurn, Jobs, each};

/// The largest tile, in bytes.
pub const TILE_BYTES: usize = 256 << 10;
/// The most lanes of a tile.
pub const MOST_LANES: usize = 256;
/// The widest window, in pixels: places have 16 bits, in sixteenths of a pixel.
pub const MOST_WIDTH: u32 = 4095;
/// A window with fewer blocks of spans is drawn in about a millisecond.
const MANY_BLOCKS: usize = 1000;
/// What a rect takes, in bytes.
pub const RECT_BYTES: usize = 16;
/// What a tile and each of its lanes have before the rects, in bytes.
pub const HEAD_BYTES: usize = 32;
/// Of each lane.
pub const LANE_BYTES: usize = 16;

/// Several spans are joined.
pub const JOINED: u8 = 1;
/// It begins before the window.
pub const BEFORE: u8 = 2;
/// It ends after it.
pub const AFTER: u8 = 4;
/// It is in the second row of its lane.
pub const SECOND: u8 = 8;
/// It had not ended when the trace did.
pub const OPEN: u8 = 16;

/// In a label: the rest is a row of [`Index::gos`].
pub const LABEL_GO: u32 = 1 << 31;
/// In a label: the rest is a string of the trace.
pub const LABEL_TEXT: u32 = 1 << 30;

/// A rectangle of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Where it begins, in sixteenths of a pixel.
    pub x0: u16,
    /// Where it ends: further than that.
    pub x1: u16,
    /// What it is, as [`Class`] numbers it.
    pub class: u8,
    /// How it was judged; 0 is not at all.
    pub verdict: u8,
    /// Of [`JOINED`] and the others.
    pub flags: u8,
    /// How much of it is covered, of 255.
    pub fill: u8,
    /// What it is called; 0 is nothing.
    pub label: u32,
    /// Whose; 0 is nobody's, or several goroutines'.
    pub g: u32,
}

/// What a lane shows in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneRects {
    /// In the order of time.
    pub rects: Vec<Rect>,
    /// Of a density row: how many goroutines there were at most, on a cell's average, rounded up.
    pub peak: u32,
    /// Cells are wider than a pixel.
    pub coarse: bool,
}

/// What a lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// When the collector marked.
    Gc,
    /// When the world was stopped.
    Stw,
    /// A P.
    Proc(ProcId),
    /// A thread.
    Thread(ThreadId),
    /// Goroutines that were never there at once, as one row.
    Gos(Vec<GoId>),
    /// All goroutines that were created at one place.
    Group(String),
    /// All goroutines there are.
    All,
    /// A task with its regions.
    Task(TaskId),
    /// Wakes by the network.
    Net,
    /// Wakes by nobody else: timers.
    Timer,
    /// System calls that ended without a P.
    Sys,
    /// Samples of the CPU profiler.
    Samples,
}

/// The most goroutines of one row.
const MOST_PACKED: usize = 256;

impl Key {
    /// Whether the lane can be looked at while the index is still being made.
    pub fn grows(&self) -> bool {
        match self {
            Key::Gc | Key::Stw | Key::Proc(_) | Key::Net | Key::Timer | Key::Sys => true,
            Key::Samples => true,
            // Spans are not in order before the end, and these are not summed up.
            Key::Thread(_) | Key::Gos(_) | Key::Group(_) | Key::All | Key::Task(_) => false,
        }
    }

    /// Reads a lane's key, such as `p:3`.
    pub fn parse(text: &str) -> Option<Key> {
        let number = |text: &str| text.parse::<u64>().ok();
        Some(match text.split_once(':') {
            None => match text {
                "all" => Key::All,
                "gc" => Key::Gc,
                "stw" => Key::Stw,
                "net" => Key::Net,
                "timer" => Key::Timer,
                "sys" => Key::Sys,
                "samples" => Key::Samples,
                _ => return None,
            },
            Some(("p", n)) => Key::Proc(ProcId(number(n)?)),
            Some(("m", n)) => Key::Thread(ThreadId(number(n)?)),
            Some(("task", n)) => Key::Task(TaskId(number(n)?)),
            Some(("group", id)) => Key::Group(id.to_owned()),
            Some(("g", list)) => {
                let mut gos = Vec::new();
                for g in list.split(',') {
                    if gos.len() >= MOST_PACKED {
                        return None;
                    }
                    gos.push(GoId(number(g)?));
                }
                Key::Gos(gos)
            }
            _ => return None,
        })
    }
}

impl Index {
    /// What some lanes show in a window. Their rects fit into [`TILE_BYTES`]; lanes that are not
    /// there are empty.
    pub fn tile(&self, keys: &[Key], window: &Window) -> Vec<LaneRects> {
        self.tile_by(keys, window, &InTurn(1))
    }

    /// The same, where it takes long lane by lane on all cores.
    pub fn tile_by(&self, keys: &[Key], window: &Window, jobs: &dyn Jobs) -> Vec<LaneRects> {
        let jobs = if self.is_long(keys, window) { jobs } else { &InTurn(1) };
        let pixels = Cells::new(window, 1);
        let of = |key: &Key| match key {
            Key::Group(id) => self.groups.iter().find(|g| g.id == *id),
            Key::All => self.all.as_ref(),
            _ => None,
        };
        let asked = |lane: usize| {
            let key = &keys[lane];
            Asked { key, sums: of(key).map(|group| self.group_sums(group, pixels)) }
        };
        let asked = each(jobs, keys.len(), asked, |_| true);
        let room = TILE_BYTES.saturating_sub(HEAD_BYTES + keys.len() * LANE_BYTES) / RECT_BYTES;
        let mut guess = self.guess(&asked, window, room);
        while guess.wide <= MOST_WIDTH && guess.dense <= MOST_WIDTH {
            match self.lanes(&asked, window, &guess, room, jobs) {
                Ok(lanes) => return lanes,
                Err(found) => guess.was_wrong(&found),
            }
            guess.widen(room as f64);
        }
        vec![LaneRects { coarse: true, ..LaneRects::default() }; keys.len()]
    }

    /// Whether a window takes so long that other cores are worth asking.
    fn is_long(&self, keys: &[Key], window: &Window) -> bool {
        let mut blocks = 0;
        keys.iter().any(|key| {
            blocks += match key {
                Key::Proc(id) => {
                    let proc = self.find_proc(*id).and_then(|p| self.procs.get(p as usize));
                    proc.map_or(0, |proc| proc.runs.blocks_in(window.t0, window.t1).len())
                }
                Key::Gos(ids) => {
                    let lanes = ids.iter().filter_map(|&id| self.lane_of(self.find_go(id)?));
                    lanes.map(|lane| lane.blocks_in(window.t0, window.t1).len()).sum()
                }
                Key::Thread(id) => {
                    let runs = self.thread(*id);
                    runs.map_or(0, |runs| runs.blocks_in(window.t0, window.t1).len())
                }
                // What is few is gone over, and what is much takes sums of all pixels.
                Key::Group(_) | Key::All => MANY_BLOCKS,
                _ => 0,
            };
            blocks >= MANY_BLOCKS
        })
    }

    /// What is asked for, in cells as wide as guessed. The error: there are more rects than `room`, or
    /// there will be; so many of the lanes that were drawn.
    fn lanes(
        &self,
        asked: &[Asked<'_>],
        window: &Window,
        guess: &Guess,
        room: usize,
        jobs: &dyn Jobs,
    ) -> Result<Vec<LaneRects>, Vec<usize>> {
        let (plain, dense) = (Cells::new(window, guess.wide), Cells::new(window, guess.dense));
        let draw = |lane: usize| {
            let Asked { key, sums } = &asked[lane];
            let (mut lane, wide) = match sums {
                Some(sums) => (sums.rects(dense, guess.dense, 0..dense.n), guess.dense),
                None => (self.lane(key, plain), guess.wide),
            };
            lane.coarse = wide > 1;
            lane
        };
        let (mut n, mut drawn, mut fits) = (0, 0, true);
        let lanes = each(jobs, asked.len(), draw, |lane| {
            (n, drawn) = (n + lane.rects.len(), drawn + 1);
            fits = n <= room && guess.will_be(drawn, n) <= room as f64;
            fits
        });
        if fits { Ok(lanes) } else { Err(lanes.iter().map(|lane| lane.rects.len()).collect()) }
    }

    pub(super) fn lane(&self, key: &Key, cells: Cells) -> LaneRects {
        let mut lane = LaneRects::default();
        match key {
            Key::Gc => self.runs(&self.gc, cells, 0, &mut lane, |x| (x + 1, NO_GO)),
            Key::Stw => self.runs(&self.stw, cells, 0, &mut lane, |x| (x + 1, NO_GO)),
            Key::Proc(id) => {
                if let Some(proc) = self.find_proc(*id).and_then(|p| self.procs.get(p as usize)) {
                    let whose = |x: u32| (x | LABEL_GO, GoRef(x));
                    self.runs(&proc.runs, cells, 0, &mut lane, whose);
                    self.runs(&proc.beside, cells, SECOND, &mut lane, whose);
                }
            }
            Key::Thread(id) => {
                if let Some(runs) = self.thread(*id) {
                    self.runs(runs, cells, 0, &mut lane, |x| (x | LABEL_GO, GoRef(x)));
                }
            }
            Key::Gos(ids) => self.gos_row(ids, cells, &mut lane),
            // Density rows are drawn of their sums.
            Key::Group(_) | Key::All => {}
            Key::Task(id) => self.task_row(*id, cells, &mut lane),
            Key::Net => self.wakes(&self.net_wakes, cells, &mut lane),
            Key::Timer => self.wakes(&self.timer_wakes, cells, &mut lane),
            Key::Sys => self.wakes(&self.syscall_exits, cells, &mut lane),
            Key::Samples => {
                let of = |row: usize| self.samples.get(row).map(|s| (s.t, s.go));
                self.instants(self.samples.len(), of, cells, &mut lane);
            }
        }
        lane
    }

    /// A goroutine's number as rects have it.
    fn number(&self, go: GoRef) -> u32 {
        self.go(go).and_then(|g| u32::try_from(g.id.0).ok()).unwrap_or(0)
    }

    fn runs(
        &self,
        runs: &Runs,
        cells: Cells,
        flags: u8,
        lane: &mut LaneRects,
        of: impl Fn(u32) -> (u32, GoRef),
    ) {
        let xs = runs.xs();
        let describe = |row: u32| match xs.of(row) {
            Some(x) => {
                let (label, go) = of(x);
                (label, self.number(go))
            }
            None => (0, 0),
        };
        let mut joiner = Joiner::new(cells, &mut lane.rects, describe, flags, true, self.end);
        runs.walk(cells.t0, cells.t1, &mut joiner);
        joiner.flush(i64::MAX);
    }

    fn gos_row(&self, ids: &[GoId], cells: Cells, lane: &mut LaneRects) {
        let mut gos: Vec<GoRef> = ids.iter().filter_map(|&id| self.find_go(id)).collect();
        gos.sort_unstable_by_key(|&go| self.gos.life(go).map(|life| life.0));
        let mut free = i64::MIN;
        for go in gos {
            let (Some(it), Some(spans)) = (self.go(go), self.lane_of(go)) else { continue };
            // Two at once cannot be one row.
            if it.birth < free || it.birth >= cells.t1 || spans.end() <= cells.t0 {
                continue;
            }
            free = spans.end();
            let g = self.number(go);
            let sites = spans.sites();
            let describe = |row: u32| match sites.of(row) {
                Some(site) => (site + 1, g),
                None => (0, g),
            };
            let first = lane.rects.len();
            let mut joiner = Joiner::new(cells, &mut lane.rects, describe, 0, false, self.end);
            spans.walk(cells.t0, cells.t1, &mut joiner);
            joiner.flush(i64::MAX);
            lane.rects[first..].iter_mut().for_each(|r| r.g = g);
        }
    }

    fn task_row(&self, id: TaskId, cells: Cells, lane: &mut LaneRects) {
        let Some(task) = self.task(id) else { return };
        let end = task.end.unwrap_or(self.end);
        let mut draw = |from: i64, to: i64, class: Class, name: u32, go: GoRef, flags: u8| {
            if from >= cells.t1 || to <= cells.t0 {
                return;
            }
            let (start, until) = (from.max(cells.t0), to.min(cells.t1));
            let mut rect = cells.rect(start, until, Tone::new(class));
            rect.flags = flags
                | if from < cells.t0 { BEFORE } else { 0 }
                | if to > cells.t1 { AFTER } else { 0 };
            rect.label = name | LABEL_TEXT;
            rect.g = self.number(go);
            let same = |last: &Rect| {
                last.class == rect.class && last.x1 >= rect.x0 && rect.x1 - rect.x0 < 16
            };
            // Regions too short to be seen are one.
            match lane.rects.last_mut().filter(|last| class == Class::Region && same(last)) {
                Some(last) => (last.x1, last.flags) = (last.x1.max(rect.x1), last.flags | JOINED),
                None => lane.rects.push(rect),
            }
        };
        let open = if task.end.is_none() { OPEN } else { 0 };
        draw(task.start, end, Class::Task, task.name.0, task.go, open);
        for region in self.regions_of(id) {
            let open = if region.end.is_none() { OPEN } else { 0 };
            let end = region.end.unwrap_or(self.end);
            draw(region.start, end, Class::Region, region.name.0, region.go, SECOND | open);
        }
    }

    fn wakes(&self, wakes: &Instants, cells: Cells, lane: &mut LaneRects) {
        self.instants(wakes.len(), |row| wakes.get(row), cells, lane);
    }

    fn instants(
        &self,
        n_all: usize,
        of: impl Fn(usize) -> Option<(i64, GoRef)>,
        cells: Cells,
        lane: &mut LaneRects,
    ) {
        let is_before = |row: usize, end: i64| of(row).is_some_and(|it| it.0 < end);
        let mut i = first(0, n_all, |row| is_before(row, cells.t0));
        while let Some((t, go)) = of(i) {
            if t >= cells.t1 {
                break;
            }
            let cell = cells.cell(t);
            let end = cells.edge(cell + 1);
            let n = (first(i, n_all, |row| is_before(row, end)) - i).max(1);
            let mut rect = cells.rect(cells.edge(cell), end, Tone::new(Class::Instant));
            rect.fill = n.min(255) as u8;
            if n == 1 {
                // An instant is where it is, and as wide as can be seen.
                rect.x0 = cells.x(t);
                rect.x1 = rect.x0 + 1;
                rect.label = if go == NO_GO { 0 } else { go.0 | LABEL_GO };
                rect.g = self.number(go);
            } else {
                rect.flags |= JOINED;
            }
            lane.rects.push(rect);
            i += n;
        }
    }

    /// Whether a lane of this kind has anything.
    pub fn has(&self, key: &Key) -> bool {
        match key {
            Key::Gc => !self.gc.is_empty(),
            Key::Stw => !self.stw.is_empty(),
            Key::Net => !self.net_wakes.is_empty(),
            Key::Timer => !self.timer_wakes.is_empty(),
            Key::Sys => !self.syscall_exits.is_empty(),
            Key::Samples => !self.samples.is_empty(),
            Key::Proc(id) => self.find_proc(*id).is_some(),
            Key::Thread(id) => self.ms.find(id.0).is_some(),
            Key::Gos(ids) => ids.iter().any(|&id| self.find_go(id).is_some()),
            Key::Group(id) => self.groups.iter().any(|g| g.id == *id),
            Key::All => !self.gos.is_empty(),
            Key::Task(id) => self.task(*id).is_some(),
        }
    }
}
