//! Fills the index while the events of a trace pass, and closes it.
//!
//! Each living goroutine has its last few spans at hand; they are filed (`filing`) block by block, when a
//! block is full or the goroutine is gone.

use exectrace::{
    At, Decoder, Generation, GoId, GoState, Living, ProcId, RangeKind, RangeScope, Reader, StackId,
    StackRow, StrId, Tables, TaskId, ThreadId,
};
use hashbrown::HashMap;

use super::class::{Class, Tone, of_wait};
use super::coded::{BLOCK, Raw, Writer};
use super::filing::Filing;
use super::sink::Pass;
use super::{Go, GoRef, Index, NO_GO, NO_WHERE, Proc, Runs, Site};
use crate::Analysis;

/// No site, nobody.
pub(super) const NONE: u32 = u32::MAX;

/// A goroutine that lives.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) go: GoRef,
    pub(super) spans: Vec<Raw>,
    pub(super) state: GoState,
    pub(super) class: Class,
    /// A mark assist is under way: the site of it.
    pub(super) assist: u32,
    /// Since when it runs, and on which P.
    pub(super) run: i64,
    pub(super) p: u32,
    /// Its first function is known.
    pub(super) has_root: bool,
    /// Its birth, as long as none of its spans are filed.
    pub(super) birth: Option<i64>,
}

/// The sites of one stack in this generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) running: u32,
    pub(super) runnable: u32,
    pub(super) syscall: u32,
    pub(super) wait: u32,
    pub(super) reason: StrId,
}

pub(super) const UNKNOWN: Entry =
    Entry { running: NONE, runnable: NONE, syscall: NONE, wait: NONE, reason: StrId::NONE };

/// Numbers of the runtime, made dense.
#[derive(Debug, Default)]
pub(super) struct Dense {
    pub(super) ids: Vec<u64>,
    rows: HashMap<u64, u32>,
    last: (u64, u32),
}

impl Dense {
    #[inline]
    pub(super) fn row(&mut self, id: u64) -> u32 {
        if id == u64::MAX {
            return NONE;
        }
        if self.last.0 == id && !self.ids.is_empty() {
            return self.last.1;
        }
        let full = self.ids.len() >= NO_WHERE as usize;
        let row = match self.rows.get(&id) {
            Some(&row) => row,
            // Nobody has so many; a crafted trace may name as many as it has events.
            None if full => return NONE,
            None => {
                self.ids.push(id);
                self.rows.insert(id, self.ids.len() as u32 - 1);
                self.ids.len() as u32 - 1
            }
        };
        self.last = (id, row);
        row
    }

    pub(super) fn find(&self, id: u64) -> Option<u32> {
        self.rows.get(&id).copied()
    }
}

/// What a P does beside running goroutines: the innermost counts.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) since: i64,
    pub(super) open: Vec<(Class, u32)>,
}

/// What a goroutine's record has for this pass.
#[derive(Debug, Clone)]
pub(super) struct Local(pub(super) u32);

impl Default for Local {
    fn default() -> Self {
        Local(NONE)
    }
}

/// The sink.
#[derive(Debug, Default)]
pub(super) struct Making {
    pub(super) index: Index,
    pub(super) filing: Filing,
    pub(super) writer: Writer,
    pub(super) opens: Vec<Open>,
    pub(super) free: Vec<u32>,
    pub(super) rows: Living<u32>,
    pub(super) entries: Vec<Entry>,
    pub(super) stacks: Vec<StackId>,
    pub(super) by_site: HashMap<(u8, StrId, StackId), u32>,
    pub(super) sync: i64,
    pub(super) end: i64,
    pub(super) beside: Vec<Beside>,
    pub(super) running_ps: Vec<bool>,
    pub(super) ranges: HashMap<(RangeKind, RangeScope), (i64, StackId)>,
    pub(super) tasks: HashMap<TaskId, u32>,
    pub(super) regions: HashMap<GoId, Vec<u32>>,
    pub(super) full: bool,
    /// How many bytes all of it may take; `None`: as many as there are rows for.
    pub(super) room: Option<usize>,
}

/// What a span and a goroutine take in the finished index, in bytes.
const SPAN_BYTES: usize = 14;
const GO_BYTES: usize = 40;

/// More spans than this are not kept: they take 4 GiB, and places of blocks have 32 bits.
const MOST_SPANS: usize = 300_000_000;
/// Nor are more goroutines.
const MOST_GOS: usize = 20_000_000;

impl Making {
    pub(super) fn site(&mut self, class: Class, reason: StrId, stack: StackId) -> u32 {
        let sites = &mut self.index.sites;
        *self.by_site.entry((class as u8, reason, stack)).or_insert_with(|| {
            sites.push(Site { class, reason, stack });
            sites.len() as u32 - 1
        })
    }

    #[inline]
    pub(super) fn running(&mut self, row: StackRow) -> u32 {
        let known = self.entries[row.0 as usize].running;
        if known != NONE {
            return known;
        }
        let site = self.site(Class::Running, StrId::NONE, self.stacks[row.0 as usize]);
        self.entries[row.0 as usize].running = site;
        site
    }

    #[inline]
    pub(super) fn runnable(&mut self, row: StackRow, reason: StrId) -> u32 {
        let known = self.entries[row.0 as usize].runnable;
        if known != NONE && reason == StrId::NONE {
            return known;
        }
        let site = self.site(Class::Runnable, reason, self.stacks[row.0 as usize]);
        if reason == StrId::NONE {
            self.entries[row.0 as usize].runnable = site;
        }
        site
    }

    #[inline]
    pub(super) fn syscall(&mut self, row: StackRow) -> u32 {
        let known = self.entries[row.0 as usize].syscall;
        if known != NONE {
            return known;
        }
        let site = self.site(Class::Syscall, StrId::NONE, self.stacks[row.0 as usize]);
        self.entries[row.0 as usize].syscall = site;
        site
    }

    #[inline]
    pub(super) fn wait(&mut self, row: StackRow, reason: StrId, tables: &Tables) -> u32 {
        let entry = self.entries[row.0 as usize];
        if entry.wait != NONE && entry.reason == reason {
            return entry.wait;
        }
        let stack = self.stacks[row.0 as usize];
        let site = self.site(of_wait(tables, reason, stack), reason, stack);
        let entry = &mut self.entries[row.0 as usize];
        (entry.wait, entry.reason) = (site, reason);
        site
    }

    /// Where something ran: the P below, the thread above.
    pub(super) fn where_at(&mut self, at: &At) -> u32 {
        let p = self.index.ps.row(at.p.0).min(NO_WHERE);
        let m = self.index.ms.row(at.m.0).min(NO_WHERE);
        p | m << 16
    }

    pub(super) fn born(&mut self, g: GoId, t: i64, created_at: StackId, root: StackId) -> u32 {
        self.full |= self.index.gos.len() > MOST_GOS || self.is_out_of_room();
        let go = Go { id: g, birth: t, end: i64::MAX, created_at, root };
        let go = self.index.gos.push(&go);
        let has_root = root != StackId::NONE;
        let (state, class) = (GoState::NotExist, Class::Unknown);
        let mut open = Open {
            go,
            spans: Vec::new(),
            state,
            class,
            assist: NONE,
            run: t,
            p: NONE,
            has_root,
            birth: Some(t),
        };
        let row = match self.free.pop() {
            Some(row) => {
                let before = &mut self.opens[row as usize];
                // Room for a few spans, which it needs, too.
                open.spans = std::mem::take(&mut before.spans);
                *before = open;
                row
            }
            None => {
                self.opens.push(open);
                self.opens.len() as u32 - 1
            }
        };
        self.rows.insert(g, row);
        row
    }

    /// The row of a living goroutine among those open.
    pub(super) fn open_of(&mut self, g: GoId) -> Option<u32> {
        if g == GoId::NONE {
            return None;
        }
        let row = self.rows.find(g);
        self.rows.get(row, g).copied()
    }

    fn is_out_of_room(&self) -> bool {
        let takes = self.filing.n * SPAN_BYTES + self.index.gos.len() * GO_BYTES;
        self.room.is_some_and(|room| takes > room)
    }

    /// Files what is at hand; `last`: no more will come.
    pub(super) fn flush(&mut self, row: u32, last: bool) {
        let is_out_of_room = self.is_out_of_room();
        let open = &mut self.opens[row as usize];
        let spans = &open.spans[..];
        if self.filing.n > MOST_SPANS || is_out_of_room {
            self.full = true;
            open.spans.clear();
            return;
        }
        let mut from = 0;
        for k in 1..=spans.len() {
            // A block is no longer than 4.29 s.
            let goes_on = spans.get(k).is_some_and(|span| {
                span.start >= spans[k - 1].start
                    && u32::try_from(span.start - spans[from].start).is_ok()
            });
            if !goes_on {
                let whole = from == 0 && k == spans.len();
                let only = last && whole && open.birth == Some(spans[0].start);
                let Index { sites, gos, .. } = &mut self.index;
                self.full |= !self.filing.file(open.go, &spans[from..k], only, sites, gos);
                (from, open.birth) = (k, None);
            }
        }
        open.spans.clear();
    }

    /// A span begins.
    #[inline]
    pub(super) fn begin(&mut self, row: u32, start: i64, site: u32, x: u32) {
        if self.opens[row as usize].spans.len() >= BLOCK {
            self.flush(row, false);
        }
        self.opens[row as usize].spans.push(Raw { start, site, x });
    }

    /// What a goroutine ran is over: it is known now where it stopped.
    pub(super) fn ran(&mut self, row: u32, t: i64, p: u32, site: u32) {
        let open = &mut self.opens[row as usize];
        if open.assist == NONE
            && let Some(last) = open.spans.last_mut()
        {
            last.site = site;
        }
        let p = if p == NONE { open.p } else { p };
        let (go, from, assists) = (open.go, open.run, open.assist != NONE);
        if let Some(proc) = upper(&mut self.index.procs, p) {
            proc.runs.push(&mut self.writer, from, t, Tone::new(Class::Running), go.0);
        }
        if assists {
            self.beside_ends(p, t, Class::Assist);
        }
    }

    pub(super) fn beside_piece(&mut self, p: u32, t: i64) -> Option<&mut Beside> {
        upper(&mut self.index.procs, p)?;
        while self.beside.len() <= p as usize {
            self.beside.push(Beside::default());
        }
        let beside = self.beside.get_mut(p as usize)?;
        if let Some(&(class, go)) = beside.open.last() {
            let lane = self.index.procs.get_mut(p as usize)?;
            lane.beside.push(&mut self.writer, beside.since, t, Tone::new(class), go);
        }
        beside.since = t;
        Some(beside)
    }

    pub(super) fn beside_begins(&mut self, p: u32, t: i64, class: Class, go: u32) {
        if let Some(beside) = self.beside_piece(p, t)
            && beside.open.len() < 8
        {
            beside.open.push((class, go));
        }
    }

    pub(super) fn beside_ends(&mut self, p: u32, t: i64, class: Class) {
        if let Some(beside) = self.beside_piece(p, t)
            && let Some(at) = beside.open.iter().rposition(|o| o.0 == class)
        {
            beside.open.remove(at);
        }
    }
}

impl Making {
    pub(super) fn range_span(
        &mut self,
        kind: RangeKind,
        scope: RangeScope,
        from: i64,
        to: i64,
        stack: StackId,
    ) {
        match kind {
            RangeKind::GcMark => {
                let site = self.site(Class::GcMark, StrId::NONE, stack);
                self.index.gc.push(&mut self.writer, from, to, Tone::new(Class::GcMark), site);
            }
            RangeKind::StopTheWorld(why) => {
                let site = self.site(Class::Stw, why, stack);
                let before = self.index.stw.len();
                self.index.stw.push(&mut self.writer, from, to, Tone::new(Class::Stw), site);
                if self.index.stw.len() > before {
                    let go = match scope {
                        RangeScope::Go(g) => self.open_of(g),
                        _ => None,
                    };
                    let go = go.map_or(NO_GO, |o| self.opens[o as usize].go);
                    self.index.stw_by.push(go);
                }
            }
            RangeKind::GcSweep | RangeKind::GcMarkAssist => {}
        }
    }

    /// The trace is over: what is under way ends with it.
    fn close(mut self) -> Result<Index, Failed> {
        let end = self.end;
        let mut living: Vec<u32> = self.rows.iter_mut().map(|(_, row)| *row).collect();
        living.sort_unstable();
        for row in living {
            let open = &self.opens[row as usize];
            if open.state == GoState::Running {
                let (p, site) = (open.p, self.running(StackRow::NONE));
                self.ran(row, end, p, site);
            }
            self.flush(row, true);
        }
        for p in 0..self.beside.len() as u32 {
            self.beside_piece(p, end);
        }
        let mut open: Vec<_> = self.ranges.drain().collect();
        open.sort_unstable_by_key(|(_, range)| range.0);
        for ((kind, scope), (since, stack)) in open {
            self.range_span(kind, scope, since, end, stack);
        }
        let index = &mut self.index;
        index.end = end;
        index.counters.catch_up();
        let lanes = index.procs.iter_mut().flat_map(|proc| [&mut proc.runs, &mut proc.beside]);
        lanes.chain([&mut index.gc, &mut index.stw]).for_each(Runs::close);
        let (spans, has_room) = std::mem::take(&mut self.filing).finish(&mut index.gos);
        index.spans = spans;
        if self.full || !has_room { Err(Failed::TooMany) } else { Ok(self.index) }
    }
}

/// A P, if it can be one.
#[inline]
pub(super) fn upper(procs: &mut Vec<Proc>, p: u32) -> Option<&mut Proc> {
    if p >= NO_WHERE {
        return None;
    }
    if procs.len() <= p as usize {
        procs.resize_with(p as usize + 1, Proc::default);
    }
    procs.get_mut(p as usize)
}

/// Why there is no index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The bytes are not those that the analysis was made of.
    Other,
    /// There are more spans than can be kept, or than there is room for.
    TooMany,
    /// Give the same bytes again to a builder of so many generations.
    Again(u32),
}

/// Makes the index of a trace from the bytes that its analysis was made of.
#[derive(Debug, Default)]
pub struct Builder {
    reader: Reader,
    decoder: Decoder<Local>,
    making: Making,
    generations: u32,
    limit: Option<u32>,
    broken: bool,
    /// The first generation that does not count.
    next: Option<Generation>,
    failed: bool,
}

impl Builder {
    /// A builder that takes all generations, or only so many.
    pub fn new(limit: Option<u32>) -> Builder {
        Builder { limit, ..Builder::default() }
    }

    /// The index may take so many bytes.
    #[must_use]
    pub fn within(mut self, bytes: u64) -> Builder {
        self.making.room = Some(usize::try_from(bytes).unwrap_or(usize::MAX));
        self
    }

    /// The bytes that will come stand in the file from `offset` on. To be said before they do.
    pub fn starts_at(&mut self, offset: u64) {
        self.reader.starts_at(offset);
    }

    /// Room for `n` bytes more.
    pub fn space(&mut self, n: usize) -> &mut [u8] {
        self.reader.space(n)
    }

    /// `n` bytes of [`Builder::space`] are filled. `false`: no more are wanted.
    pub fn filled(&mut self, n: usize) -> bool {
        self.reader.filled(n);
        self.step();
        !self.stopped()
    }

    fn stopped(&self) -> bool {
        self.broken
            || self.next.is_some()
            || self.failed
            || self.making.full
            || self.reader.is_done()
    }

    fn step(&mut self) {
        while !self.stopped() {
            let generation = match self.reader.next() {
                Ok(Some(generation)) => generation,
                Ok(None) => return,
                Err(_) => {
                    self.failed = true;
                    return;
                }
            };
            if self.limit == Some(self.generations) {
                self.next = Some(generation);
                return;
            }
            let tables = self.reader.tables();
            let mut pass = Pass { making: &mut self.making, tables };
            if self.decoder.decode(&generation, tables, &mut pass).is_err() {
                self.broken = true;
                return;
            }
            self.generations += 1;
            self.reader.recycle(generation);
        }
    }

    /// What the bytes so far tell: the index with all that [`Key::grows`](super::Key::grows) names, and
    /// counters, up to its end. Nothing else of it may be asked for.
    pub fn so_far(&mut self) -> &Index {
        let index = &mut self.making.index;
        index.counters.catch_up();
        let of = |p: &super::Proc| p.runs.until().max(p.beside.until());
        index.end = index.procs.iter().map(of).max().unwrap_or(0);
        index
    }

    /// There are no bytes any more.
    ///
    /// # Errors
    /// There is no index: see [`Failed`].
    pub fn finish(mut self, analysis: &Analysis) -> Result<Index, Failed> {
        self.reader.finish();
        self.step();
        if self.broken && self.generations > 0 && self.limit.is_none() {
            return Err(Failed::Again(self.generations));
        }
        if self.making.full {
            return Err(Failed::TooMany);
        }
        if self.failed || self.broken {
            return Err(Failed::Other);
        }
        let tables = self.reader.tables();
        let mut pass = Pass { making: &mut self.making, tables };
        // What is shown while the rest is read ends with its last event, for nobody knew then when the next
        // generation begins.
        let ends_by_itself = self.decoder.would_end() == (analysis.totals.end, analysis.events);
        match self.next.filter(|_| !ends_by_itself) {
            Some(next) => self.decoder.end_before(&next, &mut pass),
            None => self.decoder.end(&mut pass),
        }
        let same = self.decoder.n_events() == analysis.events
            && self.making.end == analysis.totals.end.0
            && self.making.index.gos.len() as u64 == analysis.totals.goroutines;
        if !same {
            return Err(Failed::Other);
        }
        self.making.close()
    }
}

/// The number of a P, as a lane's key has it.
pub(super) fn proc_id(dense: &Dense, row: u32) -> Option<ProcId> {
    dense.ids.get(row as usize).map(|&id| ProcId(id))
}

/// The number of a thread.
pub(super) fn thread_id(dense: &Dense, row: u32) -> Option<ThreadId> {
    dense.ids.get(row as usize).map(|&id| ThreadId(id))
}
