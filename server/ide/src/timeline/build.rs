//! Fills the index while the events of a trace pass, and closes it.
//!
//! Each living goroutine has its last few spans at hand; they go to the columns block by block, when
//! a block is full or the goroutine is gone. So nothing is sorted but the blocks, and nothing is kept
//! twice.

use exectrace::{
    At, Decoder, Generation, GoEvent, GoId, GoState, Living, Log, Metric, Nanos, ProcEvent, ProcId,
    ProcState, RangeEvent, RangeKind, RangePhase, RangeScope, Reader, Region, Sink, StackId,
    StackRow, StrId, Tables, Task, TaskId, ThreadId,
};
use hashbrown::HashMap;

use super::class::{Class, Tone, of_wait};
use super::counters::{Counter, Counters};
use super::lanes::{BLOCK, Block};
use super::{Go, GoRef, Index, Message, NO_GO, NO_WHERE, RegionSpan, Sample, Site, TaskSpan};
use crate::Analysis;

/// No site, nobody.
const NONE: u32 = u32::MAX;

/// A span before it is in the columns: it ends where the next begins.
#[derive(Debug, Clone, Copy)]
struct Raw {
    start: i64,
    site: u32,
    x: u32,
}

/// A goroutine that lives.
#[derive(Debug)]
struct Open {
    go: GoRef,
    spans: Vec<Raw>,
    state: GoState,
    class: Class,
    /// A mark assist is under way: the site of it.
    assist: u32,
    /// Since when it runs, and on which P.
    run: i64,
    p: u32,
}

/// The sites of one stack in this generation.
#[derive(Debug, Clone, Copy)]
struct Entry {
    running: u32,
    runnable: u32,
    syscall: u32,
    wait: u32,
    reason: StrId,
}

const UNKNOWN: Entry =
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
    fn row(&mut self, id: u64) -> u32 {
        if id == u64::MAX {
            return NONE;
        }
        if self.last.0 == id && !self.ids.is_empty() {
            return self.last.1;
        }
        let row = *self.rows.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.ids.len() as u32 - 1
        });
        self.last = (id, row);
        row
    }

    pub(super) fn find(&self, id: u64) -> Option<u32> {
        self.rows.get(&id).copied()
    }
}

/// What a P does beside running goroutines: the innermost counts.
#[derive(Debug, Default)]
struct Beside {
    since: i64,
    open: Vec<(Class, u32)>,
}

/// What a goroutine's record has for this pass.
#[derive(Debug, Clone)]
pub(super) struct Local(u32);

impl Default for Local {
    fn default() -> Self {
        Local(NONE)
    }
}

/// The sink.
#[derive(Debug, Default)]
struct Making {
    index: Index,
    /// Of each block its goroutine.
    owners: Vec<GoRef>,
    opens: Vec<Open>,
    free: Vec<u32>,
    rows: Living<u32>,
    entries: Vec<Entry>,
    stacks: Vec<StackId>,
    by_site: HashMap<(u8, StrId, StackId), u32>,
    sync: i64,
    end: i64,
    beside: Vec<Beside>,
    running_ps: Vec<bool>,
    ranges: HashMap<(RangeKind, RangeScope), (i64, StackId)>,
    tasks: HashMap<TaskId, u32>,
    regions: HashMap<GoId, Vec<u32>>,
    counters: Counters,
    full: bool,
}

/// More spans than this are not kept: their rows have 32 bits.
const MOST_SPANS: usize = u32::MAX as usize - 256;

impl Making {
    fn site(&mut self, class: Class, reason: StrId, stack: StackId) -> u32 {
        let sites = &mut self.index.sites;
        *self.by_site.entry((class as u8, reason, stack)).or_insert_with(|| {
            sites.push(Site { class, reason, stack });
            sites.len() as u32 - 1
        })
    }

    #[inline]
    fn running(&mut self, row: StackRow) -> u32 {
        let known = self.entries[row.0 as usize].running;
        if known != NONE {
            return known;
        }
        let site = self.site(Class::Running, StrId::NONE, self.stacks[row.0 as usize]);
        self.entries[row.0 as usize].running = site;
        site
    }

    #[inline]
    fn runnable(&mut self, row: StackRow, reason: StrId) -> u32 {
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
    fn syscall(&mut self, row: StackRow) -> u32 {
        let known = self.entries[row.0 as usize].syscall;
        if known != NONE {
            return known;
        }
        let site = self.site(Class::Syscall, StrId::NONE, self.stacks[row.0 as usize]);
        self.entries[row.0 as usize].syscall = site;
        site
    }

    #[inline]
    fn wait(&mut self, row: StackRow, reason: StrId, tables: &Tables) -> u32 {
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
    fn where_at(&mut self, at: &At) -> u32 {
        let p = self.index.ps.row(at.p.0).min(NO_WHERE);
        let m = self.index.ms.row(at.m.0).min(NO_WHERE);
        p | m << 16
    }

    fn born(&mut self, g: GoId, t: i64, creator: GoRef, created_at: StackId, root: StackId) -> u32 {
        let go = GoRef(self.index.gos.len() as u32);
        self.index.gos.push(Go {
            id: g,
            birth: t,
            end: i64::MAX,
            creator,
            created_at,
            root,
            lane: super::lanes::Lane { first: 0, n: 0, end: 0, levels: super::lanes::NO_LEVELS },
            costly: 0,
            waiting: 0,
            running: 0,
            stays: NONE,
        });
        let spans = Vec::new();
        let (state, class) = (GoState::NotExist, Class::Unknown);
        let open = Open { go, spans, state, class, assist: NONE, run: t, p: NONE };
        let row = match self.free.pop() {
            Some(row) => {
                self.opens[row as usize] = open;
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
    fn open_of(&mut self, g: GoId) -> Option<u32> {
        if g == GoId::NONE {
            return None;
        }
        let row = self.rows.find(g);
        self.rows.get(row, g).copied()
    }

    /// Writes what is at hand into the columns.
    fn flush(&mut self, row: u32) {
        let open = &mut self.opens[row as usize];
        let Some(first) = open.spans.first() else { return };
        let spans = &mut self.index.spans;
        if spans.start.len() > MOST_SPANS {
            self.full = true;
            open.spans.clear();
            return;
        }
        let mut block = Block { base: first.start, first: spans.start.len() as u32, n: 0 };
        for raw in open.spans.drain(..) {
            let rel = match u32::try_from(raw.start - block.base) {
                Ok(rel) => rel,
                Err(_) => {
                    spans.blocks.push(block);
                    self.owners.push(open.go);
                    block = Block { base: raw.start, first: spans.start.len() as u32, n: 0 };
                    0
                }
            };
            spans.start.push(rel);
            spans.site.push(raw.site);
            spans.x.push(raw.x);
            block.n += 1;
        }
        spans.blocks.push(block);
        self.owners.push(open.go);
    }

    /// A span begins.
    #[inline]
    fn begin(&mut self, row: u32, start: i64, site: u32, x: u32) {
        if self.opens[row as usize].spans.len() >= BLOCK {
            self.flush(row);
        }
        self.opens[row as usize].spans.push(Raw { start, site, x });
    }

    /// What a goroutine ran is over: it is known now where it stopped.
    fn ran(&mut self, row: u32, t: i64, p: u32, site: u32) {
        let open = &mut self.opens[row as usize];
        if open.assist == NONE
            && let Some(last) = open.spans.last_mut()
        {
            last.site = site;
        }
        let p = if p == NONE { open.p } else { p };
        let (go, from, assists) = (open.go, open.run, open.assist != NONE);
        if let Some(runs) = self.upper(p) {
            runs.push(from, t, Tone::new(Class::Running), go.0);
        }
        if assists {
            self.beside_ends(p, t, Class::Assist);
        }
    }

    fn upper(&mut self, p: u32) -> Option<&mut super::Runs> {
        if p >= NO_WHERE {
            return None;
        }
        let lanes = &mut self.index.procs;
        while lanes.len() <= p as usize {
            lanes.push(super::Proc::default());
        }
        lanes.get_mut(p as usize).map(|l| &mut l.runs)
    }

    fn beside_piece(&mut self, p: u32, t: i64) -> Option<&mut Beside> {
        self.upper(p)?;
        while self.beside.len() <= p as usize {
            self.beside.push(Beside::default());
        }
        let beside = self.beside.get_mut(p as usize)?;
        if let Some(&(class, go)) = beside.open.last() {
            let lane = self.index.procs.get_mut(p as usize)?;
            lane.beside.push(beside.since, t, Tone::new(class), go);
        }
        beside.since = t;
        Some(beside)
    }

    fn beside_begins(&mut self, p: u32, t: i64, class: Class, go: u32) {
        if let Some(beside) = self.beside_piece(p, t)
            && beside.open.len() < 8
        {
            beside.open.push((class, go));
        }
    }

    fn beside_ends(&mut self, p: u32, t: i64, class: Class) {
        if let Some(beside) = self.beside_piece(p, t)
            && let Some(at) = beside.open.iter().rposition(|o| o.0 == class)
        {
            beside.open.remove(at);
        }
    }
}

/// One generation's events on their way into the index.
struct Pass<'a> {
    making: &'a mut Making,
    tables: &'a Tables,
}

impl Sink for Pass<'_> {
    type Local = Local;

    fn generation(&mut self, t: Nanos, generation: &Generation, _: &Tables) {
        let m = &mut *self.making;
        (m.sync, m.end) = (t.0, t.0);
        m.entries.clear();
        m.entries.resize(generation.n_stacks(), UNKNOWN);
        m.stacks.clear();
        m.stacks.extend((0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r))));
    }

    fn end(&mut self, t: Nanos) {
        self.making.end = t.0;
    }

    fn go(&mut self, at: &At, event: &GoEvent, local: &mut Local) {
        if event.from == event.to {
            return;
        }
        let m = &mut *self.making;
        let t = at.t.0;
        let mut start = t;
        match event.from {
            GoState::NotExist | GoState::Undetermined => {
                let created = event.from == GoState::NotExist;
                let creator = if created { m.open_of(at.g) } else { None };
                let creator = creator.map_or(NO_GO, |c| m.opens[c as usize].go);
                let stack = |row: StackRow| m.stacks[row.0 as usize];
                let created_at = if created { stack(event.stack) } else { StackId::NONE };
                let root = stack(event.own);
                if !created {
                    start = m.sync;
                }
                local.0 = m.born(event.g, start, creator, created_at, root);
            }
            _ => {}
        }
        let row = local.0;
        let Some(open) = m.opens.get(row as usize) else { return };
        let (go, was, class) = (open.go, open.state, open.class);
        let before = m.index.gos.get_mut(go.0 as usize);
        if let Some(before) = before
            && before.root == StackId::NONE
        {
            before.root = m.stacks[event.own.0 as usize];
        }
        // What ends.
        let mut from = None;
        match was {
            GoState::Running => {
                let stack = if at.g == event.g { event.stack } else { StackRow::NONE };
                let site = m.running(stack);
                let p = m.index.ps.row(at.p.0);
                m.ran(row, t, p, site);
                from = Some(Counter::Running);
            }
            GoState::Runnable => from = Some(Counter::Runnable),
            GoState::Syscall => {
                from = Some(Counter::Syscall);
                let p = m.opens[row as usize].p;
                m.beside_ends(p, t, Class::Syscall);
                if event.to == GoState::Runnable {
                    m.index.syscall_exits.push((t, go.0));
                }
            }
            GoState::Waiting => {
                from = Some(Counter::Waiting);
                if class == Class::GcWait {
                    m.counters.change(t, Some(Counter::GcWaiting), None);
                }
                if class == Class::Network {
                    m.index.net_wakes.push((t, go.0));
                } else if at.g == GoId::NONE {
                    m.index.timer_wakes.push((t, go.0));
                }
            }
            GoState::Undetermined | GoState::NotExist => {}
        }
        // What begins.
        let mut to = None;
        let mut now = Class::Unknown;
        match event.to {
            GoState::Running => {
                to = Some(Counter::Running);
                let x = m.where_at(at);
                let p = m.index.ps.row(at.p.0);
                let open = &mut m.opens[row as usize];
                (open.run, open.p) = (t, p);
                let assist = open.assist;
                now = if assist == NONE { Class::Running } else { Class::Assist };
                let site = if assist == NONE { m.running(StackRow::NONE) } else { assist };
                if assist != NONE {
                    m.beside_begins(p, t, Class::Assist, go.0);
                }
                m.begin(row, start, site, x);
            }
            GoState::Runnable => {
                to = Some(Counter::Runnable);
                now = Class::Runnable;
                let by = if at.g == event.g { None } else { m.open_of(at.g) };
                let by = by.map_or(NONE, |o| m.opens[o as usize].go.0);
                let woken = matches!(was, GoState::Waiting | GoState::NotExist);
                let x = if woken && event.from != GoState::Undetermined { by } else { NONE };
                let site = m.runnable(event.stack, event.reason);
                m.begin(row, start, site, x);
            }
            GoState::Syscall => {
                to = Some(Counter::Syscall);
                now = Class::Syscall;
                let x = m.where_at(at);
                let site = m.syscall(event.stack);
                m.begin(row, start, site, x);
                let p = m.index.ps.row(at.p.0);
                m.opens[row as usize].p = p;
                // A status tells of another thread's goroutine.
                if event.from == GoState::Running {
                    m.beside_begins(p, t, Class::Syscall, go.0);
                }
            }
            GoState::Waiting => {
                to = Some(Counter::Waiting);
                let site = m.wait(event.stack, event.reason, self.tables);
                now = m.index.sites[site as usize].class;
                if now == Class::GcWait {
                    m.counters.change(t, None, Some(Counter::GcWaiting));
                }
                m.begin(row, start, site, NONE);
            }
            GoState::NotExist => {
                m.flush(row);
                if let Some(go) = m.index.gos.get_mut(go.0 as usize) {
                    go.end = t;
                }
                let at = m.rows.find(event.g);
                m.rows.remove(at);
                m.opens[row as usize].spans = Vec::new();
                m.free.push(row);
                m.regions.remove(&event.g);
                local.0 = NONE;
            }
            GoState::Undetermined => {}
        }
        m.counters.change(start, from, to);
        if let Some(open) = m.opens.get_mut(row as usize) {
            (open.state, open.class) = (event.to, now);
        }
    }

    fn proc(&mut self, at: &At, event: &ProcEvent) {
        let m = &mut *self.making;
        if event.from == event.to {
            return;
        }
        let p = m.index.ps.row(event.p.0);
        if m.upper(p).is_none() {
            return;
        }
        while m.running_ps.len() <= p as usize {
            m.running_ps.push(false);
        }
        let runs = event.to == ProcState::Running;
        let ran = std::mem::replace(&mut m.running_ps[p as usize], runs);
        if runs != ran {
            let (from, to) =
                if runs { (None, Some(Counter::Threads)) } else { (Some(Counter::Threads), None) };
            m.counters.change(at.t.0, from, to);
        }
        if !runs {
            m.beside_ends(p, at.t.0, Class::Syscall);
        }
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let m = &mut *self.making;
        let t = at.t.0;
        let begins = event.phase != RangePhase::End;
        match (event.kind, event.scope) {
            (RangeKind::GcMarkAssist, RangeScope::Go(g)) => {
                let Some(row) = m.open_of(g) else { return };
                let (go, state) = (m.opens[row as usize].go, m.opens[row as usize].state);
                let was = m.opens[row as usize].assist;
                if begins == (was != NONE) {
                    return; // named again at a generation's beginning
                }
                let runs = state == GoState::Running;
                let p = m.opens[row as usize].p;
                let x = m.where_at(at);
                if begins {
                    if runs {
                        let site = m.running(event.stack);
                        if let Some(last) = m.opens[row as usize].spans.last_mut() {
                            last.site = site;
                        }
                    }
                    let stack = m.stacks[event.stack.0 as usize];
                    let site = m.site(Class::Assist, StrId::NONE, stack);
                    m.opens[row as usize].assist = site;
                    if runs {
                        m.begin(row, t, site, x);
                        m.beside_begins(p, t, Class::Assist, go.0);
                    }
                } else {
                    m.opens[row as usize].assist = NONE;
                    if runs {
                        let site = m.running(StackRow::NONE);
                        m.begin(row, t, site, x);
                        m.beside_ends(p, t, Class::Assist);
                    }
                }
            }
            (RangeKind::GcSweep, RangeScope::Proc(p)) => {
                let p = m.index.ps.row(p.0);
                let key = (event.kind, event.scope);
                if begins {
                    if m.ranges.insert(key, (t, StackId::NONE)).is_none() {
                        let go = m.open_of(at.g).map_or(NONE, |o| m.opens[o as usize].go.0);
                        m.beside_begins(p, t, Class::Sweep, go);
                    }
                } else if m.ranges.remove(&key).is_some() {
                    m.beside_ends(p, t, Class::Sweep);
                }
            }
            (kind, scope) => {
                if begins {
                    let since = if event.phase == RangePhase::Active { m.sync } else { t };
                    let stack = m.stacks[event.stack.0 as usize];
                    m.ranges.entry((kind, scope)).or_insert((since, stack));
                } else if let Some((since, stack)) = m.ranges.remove(&(kind, scope)) {
                    m.range_span(kind, scope, since, t, stack);
                }
            }
        }
    }

    fn sample(&mut self, at: &At, stack: StackRow) {
        let m = &mut *self.making;
        let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
        let (p, th) = (at.p, at.m);
        let stack = m.stacks[stack.0 as usize];
        m.index.samples.push(Sample { t: at.t.0, go, p, m: th, stack });
    }

    fn metric(&mut self, at: &At, metric: Metric, value: u64, _: StackRow) {
        let m = &mut *self.making;
        match metric {
            Metric::GoMaxProcs => m.index.gomaxprocs = value,
            Metric::HeapAlloc => m.index.heap.push(at.t.0, value),
            Metric::HeapGoal => m.index.goal.push(at.t.0, value),
        }
    }

    fn task(&mut self, at: &At, task: &Task, stack: StackRow) {
        let m = &mut *self.making;
        if task.begins {
            let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
            m.tasks.insert(task.id, m.index.tasks.len() as u32);
            m.index.tasks.push(TaskSpan {
                id: task.id,
                parent: task.parent,
                name: task.name,
                start: at.t.0,
                end: None,
                go,
                stack: m.stacks[stack.0 as usize],
            });
        } else if let Some(row) = m.tasks.remove(&task.id) {
            m.index.tasks[row as usize].end = Some(at.t.0);
        }
    }

    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {
        let m = &mut *self.making;
        if region.begins {
            let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
            m.regions.entry(at.g).or_default().push(m.index.regions.len() as u32);
            m.index.regions.push(RegionSpan {
                task: region.task,
                name: region.name,
                start: at.t.0,
                end: None,
                go,
                stack: m.stacks[stack.0 as usize],
            });
        } else if let Some(open) = m.regions.get_mut(&at.g) {
            let regions = &mut m.index.regions;
            let is = |&row: &u32| regions[row as usize].name == region.name;
            let at_row = open.iter().rposition(is);
            if let Some(row) = at_row.map(|i| open.remove(i)) {
                regions[row as usize].end = Some(at.t.0);
            }
        }
    }

    fn log(&mut self, at: &At, log: &Log, stack: StackRow) {
        let m = &mut *self.making;
        let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
        m.index.logs.push(Message {
            t: at.t.0,
            go,
            task: log.task,
            category: log.category,
            text: log.message,
            stack: m.stacks[stack.0 as usize],
        });
    }
}

impl Making {
    fn range_span(
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
                self.index.gc.push(from, to, Tone::new(Class::GcMark), site);
            }
            RangeKind::StopTheWorld(why) => {
                let site = self.site(Class::Stw, why, stack);
                let before = self.index.stw.len();
                self.index.stw.push(from, to, Tone::new(Class::Stw), site);
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
    fn close(mut self) -> Index {
        let end = self.end;
        let mut living: Vec<u32> = self.rows.iter_mut().map(|(_, row)| *row).collect();
        living.sort_unstable();
        for row in living {
            let open = &self.opens[row as usize];
            if open.state == GoState::Running {
                let (p, site) = (open.p, self.running(StackRow::NONE));
                self.ran(row, end, p, site);
            }
            self.flush(row);
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
        index.counters = self.counters.done();
        // Blocks, goroutine by goroutine; each goroutine's are in the order of time already.
        let mut first = vec![0u32; index.gos.len() + 1];
        for owner in &self.owners {
            first[owner.0 as usize + 1] += 1;
        }
        for row in 1..first.len() {
            first[row] += first[row - 1];
        }
        let mut next = first.clone();
        let mut blocks = vec![Block { base: 0, first: 0, n: 0 }; index.spans.blocks.len()];
        for (block, owner) in index.spans.blocks.iter().zip(&self.owners) {
            let at = &mut next[owner.0 as usize];
            blocks[*at as usize] = *block;
            *at += 1;
        }
        index.spans.blocks = blocks;
        for (row, go) in index.gos.iter_mut().enumerate() {
            go.lane.first = first[row];
            go.lane.n = first[row + 1] - first[row];
            go.lane.end = go.end.min(end);
        }
        self.index
    }
}

/// Why there is no index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The bytes are not those that the analysis was made of.
    Other,
    /// There are more spans than can be kept.
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
    ended: bool,
    failed: bool,
}

impl Builder {
    /// A builder that takes all generations, or only so many.
    pub fn new(limit: Option<u32>) -> Builder {
        Builder { limit, ..Builder::default() }
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
        self.broken || self.ended || self.failed || self.making.full || self.reader.is_done()
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
            let tables = self.reader.tables();
            let mut pass = Pass { making: &mut self.making, tables };
            if self.limit == Some(self.generations) {
                self.decoder.end_before(&generation, &mut pass);
                self.ended = true;
                return;
            }
            if self.decoder.decode(&generation, tables, &mut pass).is_err() {
                self.broken = true;
                return;
            }
            self.generations += 1;
            self.reader.recycle(generation);
        }
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
        if !self.ended {
            let tables = self.reader.tables();
            self.decoder.end(&mut Pass { making: &mut self.making, tables });
        }
        let same = self.decoder.n_events() == analysis.events
            && self.making.end == analysis.totals.end.0
            && self.making.index.gos.len() as u64 == analysis.totals.goroutines;
        if !same {
            return Err(Failed::Other);
        }
        Ok(self.making.close())
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
