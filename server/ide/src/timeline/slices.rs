//! One span looked at closely: what led to it, who ended it, what that one did meanwhile, what it
//! led to.

use exectrace::{FrameId, ProcId, StackId, StrId, TaskId, ThreadId};

use super::class::Class;
use super::column::{Instants, first};
use super::flows::{Flow, STEPS};
use super::lanes::Span;
use super::runs::Run;
use super::tile::Key;
use super::{GoRef, Index, NO_GO, RegionSpan, Sample, TaskSpan};
use crate::stays::StayRow;
use crate::verdicts::Judgement;
use crate::view::View;

/// What stands at a place of a lane.
#[derive(Debug, Clone, Copy)]
pub enum SliceOf {
    /// A goroutine's span.
    Go(GoRef, Span),
    /// The collector marks: [`Run::x`] is a site.
    Gc(Run),
    /// The world is stopped: [`Run::x`] is a site; and by whom.
    Stw(Run, GoRef),
    /// A P sweeps, for a goroutine: [`Run::x`].
    Sweep(Run, ProcId),
    /// A task.
    Task(TaskSpan),
    /// A region.
    Region(RegionSpan),
    /// A goroutine is woken, by nobody's doing but the network's, a timer's, or its system call ends.
    Wake(GoRef, i64),
    /// A sample.
    Sample(Sample),
}

/// A span by whose it is and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ref {
    /// Whose.
    pub go: GoRef,
    /// What.
    pub span: Span,
}

/// Something that a waker did during a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meanwhile {
    /// What.
    pub class: Class,
    /// Where.
    pub frame: Option<FrameId>,
    /// For how long, in nanoseconds.
    pub ns: i64,
}

/// A goroutine's span with all that is to be said of it.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Whose and what.
    pub at: Ref,
    /// It was under way when the trace ended.
    pub open: bool,
    /// The P and the thread that it was on.
    pub on: (Option<ProcId>, Option<ThreadId>),
    /// How its wait was judged.
    pub judged: Option<Judgement>,
    /// The runtime's reason; empty for none.
    pub reason: StrId,
    /// Where the goroutine stood when it began.
    pub start: StackId,
    /// Where it stood when it ended.
    pub end: StackId,
    /// Where a line of the program's own stands in it.
    pub site: Option<FrameId>,
    /// What ended the wait, or made the goroutine able to run.
    pub waker: Option<Flow>,
    /// What the waker did during the wait, the longest first.
    pub meanwhile: Vec<Meanwhile>,
    /// What led to it.
    pub incoming: Vec<Flow>,
    /// What it led to.
    pub outgoing: Vec<Flow>,
    /// Not all of them were looked for.
    pub outgoing_cut: bool,
    /// The span before.
    pub before: Option<Ref>,
    /// The span after.
    pub after: Option<Ref>,
    /// How many of the same line and kind are longer.
    pub rank: usize,
    /// How many there are.
    pub of: usize,
}

/// The most flows of a slice.
const MOST_FLOWS: usize = 200;

impl Index {
    /// What stands in a lane at a time. `second`: in its lower row.
    pub fn slice_at(&self, key: &Key, t: i64, second: bool) -> Option<SliceOf> {
        match key {
            Key::Gc => self.gc.at(t).filter(|r| t < r.end).map(SliceOf::Gc),
            Key::Stw => self.stw.at(t).filter(|r| t < r.end).map(|run| {
                let by = self.stw_by.get(run.row as usize).copied().unwrap_or(NO_GO);
                SliceOf::Stw(run, by)
            }),
            Key::Proc(id) => {
                let proc = self.procs.get(self.find_proc(*id)? as usize)?;
                let runs = if second { &proc.beside } else { &proc.runs };
                let run = runs.at(t).filter(|r| t < r.end)?;
                if run.tone.class() == Class::Sweep {
                    return Some(SliceOf::Sweep(run, *id));
                }
                let go = GoRef(run.x);
                Some(SliceOf::Go(go, self.span_at(go, t.max(run.start))?))
            }
            Key::Thread(id) => {
                let run = self.thread(*id)?.at(t).filter(|r| t < r.end)?;
                Some(SliceOf::Go(GoRef(run.x), self.span_at(GoRef(run.x), t)?))
            }
            Key::Gos(ids) => ids.iter().find_map(|&id| {
                let go = self.find_go(id)?;
                Some(SliceOf::Go(go, self.span_at(go, t)?))
            }),
            Key::Group(_) | Key::All => None,
            Key::Task(id) => {
                let inside = |start: i64, end: Option<i64>| {
                    start <= t && end.unwrap_or(self.end.saturating_add(1)) > t
                };
                if second {
                    let region = self.regions_of(*id).filter(|r| inside(r.start, r.end)).last();
                    if let Some(region) = region {
                        return Some(SliceOf::Region(region));
                    }
                }
                let task = self.task(*id)?;
                inside(task.start, task.end).then_some(SliceOf::Task(task))
            }
            Key::Net => wake_near(&self.net_wakes, t),
            Key::Timer => wake_near(&self.timer_wakes, t),
            Key::Sys => wake_near(&self.syscall_exits, t),
            Key::Samples => {
                let i = near(self.samples.len(), t, |i| self.samples.get(i).map_or(0, |s| s.t))?;
                Some(SliceOf::Sample(self.samples[i]))
            }
        }
    }

    /// Why and where a span is.
    pub fn site(&self, span: &Span) -> Option<&super::Site> {
        self.sites.get(span.site as usize)
    }

    /// The span before another of the same goroutine.
    pub fn before(&self, go: GoRef, span: &Span) -> Option<Span> {
        self.span_at(go, span.start.checked_sub(1)?).filter(|s| s.end == span.start)
    }

    /// The span after another of the same goroutine.
    pub fn after(&self, go: GoRef, span: &Span) -> Option<Span> {
        self.span_at(go, span.end)
    }

    /// Where a goroutine stood when a span began.
    fn stood(&self, go: GoRef, span: &Span) -> StackId {
        let class = span.tone.class();
        if class.is_wait() || class == Class::Syscall {
            return self.site(span).map_or(StackId::NONE, |s| s.stack);
        }
        let mut at = *span;
        // A goroutine that waits for a P stands where it stood before.
        for _ in 0..4 {
            let Some(before) = self.before(go, &at) else { break };
            if before.tone.class() != Class::Runnable {
                return self.site(&before).map_or(StackId::NONE, |s| s.stack);
            }
            at = before;
        }
        self.go(go).map_or(StackId::NONE, |go| go.root)
    }

    /// What a goroutine did in some time, by kind and line, the longest first.
    fn meanwhile(&self, view: &View, go: GoRef, t0: i64, t1: i64) -> Vec<Meanwhile> {
        let mut sums: Vec<(u32, i64)> = Vec::new();
        for span in self.spans(go, t0, t1).take(STEPS) {
            let ns = span.end.min(t1) - span.start.max(t0);
            let room = sums.len() < 4096;
            match sums.iter_mut().find(|s| s.0 == span.site) {
                Some(sum) => sum.1 += ns,
                None if room => sums.push((span.site, ns)),
                None => {}
            }
        }
        let mut list: Vec<Meanwhile> = Vec::new();
        for (site, ns) in sums {
            let Some(site) = self.sites.get(site as usize) else { continue };
            let frame = match site.class {
                // Its stack is the waker's.
                Class::Runnable => None,
                _ => line_of(view, site.stack),
            };
            match list.iter_mut().find(|m| (m.class, m.frame) == (site.class, frame)) {
                Some(one) => one.ns += ns,
                None => list.push(Meanwhile { class: site.class, frame, ns }),
            }
        }
        list.sort_by_key(|m| (std::cmp::Reverse(m.ns), m.class as u8, m.frame));
        list.truncate(8);
        list
    }

    /// All that is to be said of a goroutine's span.
    pub fn slice(&self, view: &View, go: GoRef, span: Span) -> Slice {
        let class = span.tone.class();
        let site = self.site(&span).copied();
        let waker = self.waker_of(go, &span);
        let waits = class.is_wait();
        let meanwhile = match waker.filter(|f| waits && f.from != NO_GO) {
            Some(flow) => self.meanwhile(view, flow.from, span.start, span.end),
            None => Vec::new(),
        };
        let (outgoing, outgoing_cut) = if class.is_running() {
            self.outgoing(go, span.start, span.end, MOST_FLOWS)
        } else {
            (Vec::new(), false)
        };
        let incoming = match waker {
            Some(flow) if !waits && class != Class::Syscall => vec![flow],
            _ => Vec::new(),
        };
        let start = self.stood(go, &span);
        let end = match site {
            Some(site) if class.is_running() => site.stack,
            _ => start,
        };
        let frame = line_of(view, if class.is_running() { end } else { start });
        let (rank, of) = self.rank(view, go, &span, class, frame);
        let of_go = |span: Span| Ref { go, span };
        Slice {
            at: of_go(span),
            open: span.end >= self.end && self.go(go).is_some_and(|g| g.end > self.end),
            on: self.ran_on(&span),
            judged: self.judgement(view, go, &span),
            reason: site.map_or(StrId::NONE, |s| s.reason),
            start,
            end,
            site: frame,
            waker,
            meanwhile,
            incoming,
            outgoing,
            outgoing_cut,
            before: self.before(go, &span).map(of_go),
            after: self.after(go, &span).map(of_go),
            rank,
            of,
        }
    }

    /// The judgement on a wait, with its reason. Stays lie in the order of their ends, but for births: who was there
    /// before the trace was born at 0, wherever it is first seen.
    pub(super) fn judgement(&self, view: &View, go: GoRef, span: &Span) -> Option<Judgement> {
        span.tone.verdict()?;
        let stays = view.analysis.stays.as_ref()?;
        let verdicts = view.verdicts.as_ref()?;
        let id = self.gos.id(go)?;
        let n = stays.len();
        let ends_before = |row: usize| {
            let mut ends = (row..n).map(|row| stays.end(StayRow(row as u32)).0);
            ends.find(|&end| end != 0).is_some_and(|end| end < span.end)
        };
        let from = first(0, n, ends_before);
        (from as u32..n as u32)
            .map(StayRow)
            .take_while(|&r| stays.end(r).0 <= span.end)
            .filter(|&r| stays.end(r).0 == span.end)
            .filter(|&r| stays.gos.get(stays.g(r).0 as usize).is_some_and(|of| of.id == id))
            .find_map(|r| verdicts.of(stays, r))
    }

    /// The sites of a kind on a line of the program's own.
    pub(super) fn sites_on(&self, view: &View, frame: FrameId, class: Option<Class>) -> Vec<bool> {
        let line = |f: FrameId| {
            let frame = view.analysis.tables.frame(f);
            (frame.file, frame.line)
        };
        let wanted = line(frame);
        self.sites
            .iter()
            .map(|site| {
                site.class != Class::Runnable
                    && class.is_none_or(|class| class == site.class)
                    && line_of(view, site.stack).is_some_and(|f| line(f) == wanted)
            })
            .collect()
    }

    /// Calls `each` for all spans of some sites.
    pub(super) fn spans_of_sites(&self, sites: &[bool], mut each: impl FnMut(GoRef, Span)) {
        let is = |site: u32| sites.get(site as usize).copied().unwrap_or(false);
        for go in self.gos.refs() {
            let Some(lane) = self.lane_of(go) else { continue };
            for i in (0..lane.n_blocks()).filter(|&i| lane.has_site(i, is)) {
                for span in lane.spans_of(i).filter(|s| is(s.site)) {
                    each(go, span);
                }
            }
        }
    }

    fn rank(
        &self,
        view: &View,
        go: GoRef,
        span: &Span,
        class: Class,
        frame: Option<FrameId>,
    ) -> (usize, usize) {
        let Some(frame) = frame.filter(|_| class != Class::Runnable) else { return (0, 0) };
        let sites = self.sites_on(view, frame, Some(class));
        let key = |go: GoRef, s: &Span| (std::cmp::Reverse(s.end - s.start), s.start, go, s.row);
        let (mut rank, mut of) = (0, 0);
        self.spans_of_sites(&sites, |whose, other| {
            of += 1;
            rank += usize::from(key(whose, &other) < key(go, span));
        });
        (rank, of)
    }

    /// The innermost region and task that a goroutine was in at a time.
    pub fn inside(&self, go: GoRef, t: i64) -> (Option<RegionSpan>, Option<TaskSpan>) {
        let began = self.regions.begun(|start| start <= t);
        let region = self
            .regions
            .some(0..began)
            .rev()
            .find(|region| region.go == go && region.end.is_none_or(|end| end > t));
        let of_region = region.filter(|r| r.task != TaskId(0)).and_then(|r| self.task(r.task));
        let task = of_region.or_else(|| {
            let began = self.tasks.begun(|start| start <= t);
            let mut began = self.tasks.some(0..began).rev();
            began.find(|task| task.go == go && task.end.is_none_or(|end| end > t))
        });
        (region, task)
    }
}

/// The line of a stack that a person knows.
pub fn line_of(view: &View, stack: StackId) -> Option<FrameId> {
    if stack == StackId::NONE {
        return None;
    }
    match &view.verdicts {
        Some(verdicts) => verdicts.facts.line_of(&view.analysis, stack),
        None => view.analysis.stack(stack).first().copied(),
    }
}

/// The row of what is nearest to a time, of `n` in order.
fn near(n: usize, t: i64, of: impl Fn(usize) -> i64) -> Option<usize> {
    let i = first(0, n, |row| of(row) < t);
    let before = i.checked_sub(1);
    match before {
        Some(b) if i < n => Some(if t - of(b) <= of(i) - t { b } else { i }),
        Some(b) => Some(b),
        None => (i < n).then_some(i),
    }
}

fn wake_near(list: &Instants, t: i64) -> Option<SliceOf> {
    let (t, go) = list.get(near(list.len(), t, |row| list.get(row).map_or(0, |wake| wake.0))?)?;
    Some(SliceOf::Wake(go, t))
}
