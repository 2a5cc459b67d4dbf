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

use super::class::{Class, TONES, Tone};
use super::lanes::{Runs, Walk, unpack};
use super::{GoRef, Index, NO_GO};

/// The largest tile, in bytes.
pub const TILE_BYTES: usize = 256 << 10;
/// The most lanes of a tile.
pub const MOST_LANES: usize = 256;
/// The widest window, in pixels: places have 16 bits, in sixteenths of a pixel.
pub const MOST_WIDTH: u32 = 4095;
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

/// A time and how wide it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning, in nanoseconds.
    pub t0: i64,
    /// Its end.
    pub t1: i64,
    /// Pixels.
    pub width: u32,
}

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

/// `a * b / c`, without losing anything on the way.
fn mul_div(a: i64, b: i64, c: i64) -> i64 {
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => (i128::from(a) * i128::from(b) / i128::from(c)) as i64,
    }
}

/// A window cut into cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cells {
    pub(super) t0: i64,
    pub(super) t1: i64,
    pub(super) n: i64,
    width: i64,
    /// What is longer than this is a rect of its own.
    pub(super) whole: i64,
}

impl Cells {
    /// `wide`: how many pixels a cell is.
    pub(super) fn new(window: &Window, wide: u32) -> Cells {
        let span = (window.t1 - window.t0).max(1);
        let n = i64::from(window.width.div_ceil(wide.max(1))).clamp(1, span);
        let (t0, t1) = (window.t0, window.t0 + span);
        Cells { t0, t1, n, width: i64::from(window.width.max(1)), whole: span / n }
    }

    /// Where a cell begins.
    pub(super) fn edge(&self, cell: i64) -> i64 {
        self.t0 + mul_div(cell, self.t1 - self.t0, self.n)
    }

    /// The cell that a time lies in.
    pub(super) fn cell(&self, t: i64) -> i64 {
        let at = (t - self.t0).max(0);
        let (n, span) = (self.n, self.t1 - self.t0);
        let cell = if at < 1 << 46 {
            ((at + 1) * n - 1) / span
        } else {
            ((i128::from(at + 1) * i128::from(n) - 1) / i128::from(span)) as i64
        };
        cell.clamp(0, n - 1)
    }

    /// A time's place in sixteenths of a pixel.
    pub(super) fn x(&self, t: i64) -> u16 {
        let at = t.clamp(self.t0, self.t1) - self.t0;
        mul_div(at, self.width * 16, self.t1 - self.t0).min(i64::from(u16::MAX - 1)) as u16
    }

    /// A rect between two times.
    fn rect(&self, from: i64, to: i64, tone: Tone) -> Rect {
        let x0 = self.x(from);
        let x1 = self.x(to).max(x0 + 1);
        let class = tone.class() as u8;
        Rect { x0, x1, class, verdict: tone.verdict_number(), fill: 255, ..Rect::default() }
    }
}

/// What most of some time went to: idle time only if it is three quarters of it.
pub(super) fn longest(sums: &[(u8, u64)]) -> Option<Tone> {
    let all: u64 = sums.iter().map(|s| s.1).sum();
    let idle: u64 = sums.iter().filter(|s| Tone(s.0).is_idle()).map(|s| s.1).sum();
    let shows_idle = u128::from(idle) * 4 >= u128::from(all) * 3;
    sums.iter()
        .filter(|s| s.1 > 0 && Tone(s.0).is_idle() == shows_idle)
        // The first of equals by number, so that the order of time does not matter.
        .max_by_key(|s| (s.1, std::cmp::Reverse(s.0)))
        .map(|s| Tone(s.0))
}

/// Joins the spans of one row, in the order of time.
struct Joiner<'a, D: Fn(u32) -> (u32, u32)> {
    cells: Cells,
    rects: &'a mut Vec<Rect>,
    /// The last rect of this row, if what follows may be joined to it: its row, one up.
    joins: usize,
    describe: D,
    flags: u8,
    /// Spans have gaps: a joined rect is as high as it is busy.
    gaps: bool,
    /// The end of the trace, where what is there is open.
    end: i64,
    cell: i64,
    cell_end: i64,
    /// The last whole span ended here.
    clear: i64,
    acc: [u64; TONES],
    tones: Vec<u8>,
    sums: Vec<(u8, u64)>,
    from: i64,
    to: i64,
    n: u32,
    row: u32,
}

impl<'a, D: Fn(u32) -> (u32, u32)> Joiner<'a, D> {
    fn new(
        cells: Cells,
        rects: &'a mut Vec<Rect>,
        describe: D,
        flags: u8,
        gaps: bool,
        end: i64,
    ) -> Self {
        Joiner {
            cells,
            rects,
            joins: 0,
            describe,
            flags,
            gaps,
            end,
            cell: 0,
            cell_end: cells.edge(1),
            clear: i64::MIN,
            acc: [0; TONES],
            tones: Vec::new(),
            sums: Vec::new(),
            from: 0,
            to: 0,
            n: 0,
            row: 0,
        }
    }

    #[inline]
    fn advance(&mut self, t: i64) {
        if t >= self.cell_end {
            self.flush(self.cell_end);
            self.cell = self.cells.cell(t);
            self.cell_end = self.cells.edge(self.cell + 1);
        }
    }

    #[inline]
    fn add(&mut self, from: i64, to: i64, tone: u8, ns: u64) {
        let acc = &mut self.acc[usize::from(tone) % TONES];
        if *acc == 0 && ns > 0 {
            self.tones.push(tone);
        }
        *acc += ns;
        if self.n == 0 {
            self.from = from;
        }
        self.to = to;
    }

    /// Draws what is joined in this cell, which ends at `until` at the latest.
    fn flush(&mut self, until: i64) {
        if self.n == 0 {
            return;
        }
        self.sums.clear();
        for tone in self.tones.drain(..) {
            self.sums.push((tone, std::mem::take(&mut self.acc[usize::from(tone) % TONES])));
        }
        let n = std::mem::take(&mut self.n);
        let Some(tone) = longest(&self.sums) else { return };
        let (from, to) = if self.gaps {
            (self.cells.edge(self.cell).max(self.clear), self.cell_end.min(until))
        } else {
            (self.from, self.to)
        };
        let mut rect = self.cells.rect(from, to, tone);
        rect.flags = self.flags;
        if self.gaps {
            let busy: u64 = self.sums.iter().map(|s| s.1).sum();
            rect.fill = fill(busy, (to - from).max(1) as u64);
        }
        if n == 1 {
            (rect.label, rect.g) = (self.describe)(self.row);
        } else {
            rect.flags |= JOINED;
        }
        let touches = |last: &Rect| {
            last.x1 + u16::from(self.gaps) >= rect.x0
                && (last.class, last.verdict, last.fill) == (rect.class, rect.verdict, rect.fill)
        };
        let joins = self.joins == self.rects.len() && self.joins > 0;
        match self.rects.last_mut().filter(|last| joins && touches(last)) {
            Some(last) => {
                last.x1 = rect.x1.max(last.x1);
                last.flags |= JOINED;
                last.label = 0;
                last.g = if last.g == rect.g { rect.g } else { 0 };
            }
            None => self.rects.push(rect),
        }
        self.joins = self.rects.len();
    }
}

/// A share, in steps of a sixteenth so that neighbours can be joined; never nothing.
fn fill(part: u64, whole: u64) -> u8 {
    let steps = (u128::from(part) * 16).div_ceil(u128::from(whole.max(1))).clamp(1, 16);
    (steps * 16 - 1) as u8
}

impl<D: Fn(u32) -> (u32, u32)> Walk for Joiner<'_, D> {
    #[inline]
    fn fits(&mut self, from: i64, to: i64) -> bool {
        self.advance(from);
        to <= self.cell_end
    }

    #[inline]
    fn sums(&mut self, from: i64, to: i64, parts: &[u64]) {
        self.advance(from);
        for &part in parts {
            let (tone, ns) = unpack(part);
            self.add(from, to, tone.0, ns);
            self.n = self.n.max(1);
        }
        self.n += 1; // several spans
        self.row = u32::MAX;
    }

    #[inline]
    fn span(&mut self, from: i64, to: i64, tone: Tone, row: u32) {
        let (start, end) = (from.max(self.cells.t0), to.min(self.cells.t1));
        if to - from > self.cells.whole {
            self.advance(start);
            self.flush(start);
            let mut rect = self.cells.rect(start, end, tone);
            (rect.label, rect.g) = (self.describe)(row);
            rect.flags = self.flags
                | if from < self.cells.t0 { BEFORE } else { 0 }
                | if to > self.cells.t1 { AFTER } else { 0 }
                | if to >= self.end { OPEN } else { 0 };
            self.rects.push(rect);
            self.joins = 0;
            self.clear = end;
            return;
        }
        let mut at = start;
        while at < end {
            self.advance(at);
            let until = end.min(self.cell_end);
            self.add(at, until, tone.0, (until - at) as u64);
            self.n += 1;
            self.row = row;
            at = until;
        }
    }
}

impl Index {
    /// What some lanes show in a window. Their rects fit into [`TILE_BYTES`]; lanes that are not
    /// there are empty.
    pub fn tile(&self, keys: &[Key], window: &Window) -> Vec<LaneRects> {
        let room = TILE_BYTES.saturating_sub(HEAD_BYTES + keys.len() * LANE_BYTES) / RECT_BYTES;
        // Density rows have a rect for each class in each cell: they get wider cells first.
        let (mut wide, mut dense) = (1, 1);
        while wide <= MOST_WIDTH {
            let too_many = match self.lanes(keys, window, wide, dense, room) {
                Ok(lanes) => return lanes,
                Err(too_many) => too_many,
            };
            // Twice as wide is about half as many: what cannot be enough is not tried.
            for _ in 0..too_many.max(2).ilog2() {
                if dense < wide * 4 {
                    dense *= 2;
                } else {
                    wide *= 2;
                }
            }
        }
        vec![LaneRects { coarse: true, ..LaneRects::default() }; keys.len()]
    }

    /// The same with cells of `wide` pixels, of `dense` in density rows. The error: there would be
    /// about so many times more rects than `room`.
    fn lanes(
        &self,
        keys: &[Key],
        window: &Window,
        wide: u32,
        dense: u32,
        room: usize,
    ) -> Result<Vec<LaneRects>, usize> {
        let mut lanes = Vec::with_capacity(keys.len());
        let mut n = 0;
        for key in keys {
            let wide = if matches!(key, Key::Group(_) | Key::All) { dense } else { wide };
            let mut lane = self.lane(key, Cells::new(window, wide));
            lane.coarse = wide > 1;
            n += lane.rects.len();
            lanes.push(lane);
            if n > room {
                let all = n as f64 * keys.len() as f64 / lanes.len() as f64;
                return Err((all / room.max(1) as f64) as usize);
            }
        }
        Ok(lanes)
    }

    fn lane(&self, key: &Key, cells: Cells) -> LaneRects {
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
            Key::Group(id) => {
                if let Some(group) = self.groups.iter().find(|g| g.id == *id) {
                    self.density(group, cells, &mut lane);
                }
            }
            Key::All => self.density(self.all(), cells, &mut lane),
            Key::Task(id) => self.task_row(*id, cells, &mut lane),
            Key::Net => self.instants(&self.net_wakes, |w| (w.0, GoRef(w.1)), cells, &mut lane),
            Key::Timer => self.instants(&self.timer_wakes, |w| (w.0, GoRef(w.1)), cells, &mut lane),
            Key::Sys => self.instants(&self.syscall_exits, |w| (w.0, GoRef(w.1)), cells, &mut lane),
            Key::Samples => self.instants(&self.samples, |s| (s.t, s.go), cells, &mut lane),
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
        let describe = |row: u32| match runs.get(row) {
            Some(run) => {
                let (label, go) = of(run.x);
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
        gos.sort_unstable_by_key(|&go| self.gos[go.0 as usize].birth);
        let mut free = i64::MIN;
        for go in gos {
            let Some(it) = self.go(go) else { continue };
            // Two at once cannot be one row.
            if it.birth < free || it.birth >= cells.t1 || it.lane.end <= cells.t0 {
                continue;
            }
            free = it.lane.end;
            let g = self.number(go);
            let describe = |row: u32| match self.spans.site.get(row as usize) {
                Some(site) => (site + 1, g),
                None => (0, g),
            };
            let first = lane.rects.len();
            let mut joiner = Joiner::new(cells, &mut lane.rects, describe, 0, false, self.end);
            self.spans.walk(&it.lane, cells.t0, cells.t1, &mut joiner);
            joiner.flush(i64::MAX);
            lane.rects[first..].iter_mut().for_each(|r| r.g = g);
        }
    }

    fn task_row(&self, id: TaskId, cells: Cells, lane: &mut LaneRects) {
        let Some(task) = self.task(id).copied() else { return };
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

    fn instants<T>(
        &self,
        list: &[T],
        of: impl Fn(&T) -> (i64, GoRef),
        cells: Cells,
        lane: &mut LaneRects,
    ) {
        let mut i = list.partition_point(|w| of(w).0 < cells.t0);
        while let Some(first) = list.get(i) {
            let (t, go) = of(first);
            if t >= cells.t1 {
                break;
            }
            let cell = cells.cell(t);
            let end = cells.edge(cell + 1);
            let n = list[i..].partition_point(|w| of(w).0 < end).max(1);
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
