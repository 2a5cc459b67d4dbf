//! What the rules look at: waits by line and kind, what wakers did meanwhile, what is large.

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;

use super::places::mark;
use super::{Code, Finding, Known, NEAR, Related, part};
use crate::Analysis;
use crate::blame::{Blame, End, EndLine};
use crate::causes::Cause;
use crate::figures::{Instance, SlotId};
use crate::goroutines::{GoGroup, Life};
use crate::stays::{Brief, GoRow, Stay, StayKind, StayRow, Stays};
use crate::units::{count, duration, percent};
use crate::verdicts::{Facts, Judgement, Verdict, Verdicts, WaitKind, Why};

/// The waits of one kind at one line.
#[derive(Debug)]
pub(super) struct Site {
    /// The line.
    pub(super) frame: FrameId,
    /// What kind of wait.
    pub(super) kind: WaitKind,
    /// The sums that it is made of.
    pub(super) slots: Vec<SlotId>,
    /// All waits, in the order of their ends.
    pub(super) waits: Vec<StayRow>,
    /// Their time, those under way at the trace's end included, in nanoseconds.
    pub(super) ns: i64,
    /// The time of those under way at the trace's end, in nanoseconds.
    pub(super) open_ns: i64,
    by: Vec<Judged>,
}

/// The waits of a site that were judged alike.
#[derive(Debug)]
struct Judged {
    judgement: Judgement,
    /// They were under way at the trace's end.
    open: bool,
    picked: Picked,
}

impl Site {
    /// One more wait, which ends no earlier than the others.
    fn add(&mut self, row: StayRow, stay: &Stay, judgement: Judgement) {
        let ns = stay.end.since(stay.start);
        self.waits.push(row);
        self.ns = self.ns.saturating_add(ns);
        if stay.open {
            self.open_ns = self.open_ns.saturating_add(ns);
        }
        let is = |of: &Judged| of.judgement == judgement && of.open == stay.open;
        let at = self.by.iter().position(is).unwrap_or_else(|| {
            let (open, picked) = (stay.open, Picked::default());
            self.by.push(Judged { judgement, open, picked });
            self.by.len() - 1
        });
        self.by[at].picked.add(row, ns);
    }

    /// The waits that were judged as `take` wants; beside the verdict it is told whether they were under
    /// way at the trace's end.
    pub(super) fn judged(&self, take: impl Fn(Judgement, bool) -> bool) -> Picked {
        let mut picked = Picked::default();
        for of in self.by.iter().filter(|of| take(of.judgement, of.open)) {
            picked.merge(&of.picked);
        }
        picked
    }

    /// The costly ones that ended, for this reason.
    pub(super) fn costly(&self, why: Option<Why>) -> Picked {
        self.judged(|judgement, open| {
            judgement.verdict == Verdict::Costly
                && !open
                && why.is_none_or(|why| judgement.why == why)
        })
    }
}

/// Waits picked from a site.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Picked {
    /// How many.
    pub(super) n: u64,
    /// Their time, in nanoseconds.
    pub(super) ns: i64,
    /// The longest, the first of equals.
    pub(super) worst: Option<StayRow>,
    /// How long that is.
    worst_ns: i64,
}

impl Picked {
    pub(super) fn add(&mut self, row: StayRow, ns: i64) {
        self.merge(&Picked { n: 1, ns, worst: Some(row), worst_ns: ns });
    }

    fn merge(&mut self, other: &Picked) {
        self.n += other.n;
        self.ns = self.ns.saturating_add(other.ns);
        let rank = |of: &Picked| of.worst.map(|row| (of.worst_ns, std::cmp::Reverse(row)));
        if rank(other) > rank(self) {
            (self.worst, self.worst_ns) = (other.worst, other.worst_ns);
        }
    }
}

/// What the wakers of some waits did while these lasted, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    /// They ran.
    pub(super) running: i64,
    /// They were blocked, or in a system call: by site.
    pub(super) stood: HashMap<u32, (i64, SlotId)>,
}

/// When those ended that were started by goroutines which wait for such.
#[derive(Debug, Default)]
pub(super) struct Children(HashMap<GoRow, Ends>);

/// By their ends: those with a row, and brief ones, which have none.
#[derive(Debug, Default)]
struct Ends {
    gos: Vec<(i64, GoRow)>,
    briefs: Vec<i64>,
}

impl Children {
    fn new(stays: &Stays, sites: &[Site]) -> Children {
        let joins = sites.iter().filter(|site| site.kind == WaitKind::Join);
        let joining =
            joins.flat_map(|site| &site.waits).map(|&row| (stays.stay(row).g, Ends::default()));
        let mut ends: HashMap<GoRow, Ends> = joining.collect();
        if ends.is_empty() {
            return Children(ends);
        }
        for (row, go) in (0u32..).zip(&stays.gos).filter(|(_, go)| go.end.0 != i64::MAX) {
            if let Some(ends) = ends.get_mut(&go.creator) {
                ends.gos.push((go.end.0, GoRow(row)));
            }
        }
        for briefs in stays.briefs.chunk_by(|a, b| a.creator == b.creator) {
            if let Some(ends) = briefs.first().and_then(|brief| ends.get_mut(&brief.creator)) {
                ends.briefs.extend(briefs.iter().map(Brief::end));
            }
        }
        for ends in ends.values_mut() {
            ends.gos.sort_unstable();
            ends.briefs.sort_unstable();
        }
        Children(ends)
    }

    /// Of those that `g` started and that ended after `from`, up to `to`: how many there are, when the
    /// last but one ended, and when the last one, with its row. `None` of fewer than two.
    pub(super) fn last_two(
        &self,
        g: GoRow,
        from: i64,
        to: i64,
    ) -> Option<(usize, i64, (i64, GoRow))> {
        let Ends { gos, briefs } = self.0.get(&g)?;
        let gos = &gos[gos.partition_point(|go| go.0 <= from)..];
        let gos = &gos[..gos.partition_point(|go| go.0 <= to)];
        let briefs = &briefs[briefs.partition_point(|&end| end <= from)..];
        let briefs = &briefs[..briefs.partition_point(|&end| end <= to)];
        let mut last: Vec<(i64, GoRow)> = gos.iter().rev().take(2).copied().collect();
        last.extend(briefs.iter().rev().take(2).map(|&end| (end, GoRow::NONE)));
        last.sort_unstable();
        let [.., before, last] = last[..] else { return None };
        Some((gos.len() + briefs.len(), before.0, last))
    }
}

/// A trace, for the rules.
pub(super) struct Scene<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) stays: &'a Stays,
    pub(super) verdicts: &'a Verdicts,
    pub(super) blame: &'a Blame,
    pub(super) facts: &'a Facts,
    /// Length of the trace, in nanoseconds.
    pub(super) duration: i64,
    /// Running time of all goroutines, in nanoseconds.
    pub(super) running: i64,
    /// On the program's own lines, in the order of their numbers.
    pub(super) sites: Vec<Site>,
    /// What the life of each goroutine went to.
    pub(super) lives: &'a [Life],
    /// By slot: how long goroutines stood still in assists, in nanoseconds.
    pub(super) stood: &'a [(SlotId, i64)],
    /// Goroutines by `go` statement of the program's own.
    pub(super) groups: Vec<&'a GoGroup>,
    pub(super) children: Children,
    user: &'a (dyn Fn(FrameId) -> bool + Sync),
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        analysis: &'a Analysis,
        stays: &'a Stays,
        known: &Known<'a>,
        user: &'a (dyn Fn(FrameId) -> bool + Sync),
    ) -> Scene<'a> {
        let Known { verdicts, blame, lives, groups, stood } = *known;
        let facts = &verdicts.facts;
        let is_own = |g: &&GoGroup| facts.is_own(g.created_at) && user(g.created_at);
        let groups = groups.iter().filter(is_own).collect();
        let briefs = stays.briefs.iter().map(|b| i64::from(b.ran));
        let running = lives.iter().map(|life| life.run_ns).chain(briefs);
        let running = running.fold(0i64, i64::saturating_add);
        let mut made = Scene {
            analysis,
            stays,
            verdicts,
            blame,
            facts,
            duration: analysis.duration(),
            running,
            sites: Vec::new(),
            lives,
            stood,
            groups,
            children: Children::default(),
            user,
        };
        made.sites = made.gather();
        made.children = Children::new(stays, &made.sites);
        made
    }

    fn gather(&self) -> Vec<Site> {
        let mut sites: Vec<Option<Site>> = Vec::new();
        sites.resize_with(self.facts.n_sites(), || None);
        // Whether a slot's waits are on a line of the program's own, looked up once.
        let mut of_slot: Vec<Option<u32>> = vec![None; self.analysis.slots.len()];
        for (row, slot) in self.analysis.slots.iter().enumerate() {
            let cause = self.analysis.causes.cause(slot.cause);
            if !cause.is_wait() && cause != Cause::Syscall {
                continue;
            }
            let Some(frame) = self.own_line(slot.stack) else { continue };
            let id = SlotId(row as u32);
            let site = self.facts.site(id);
            of_slot[row] = Some(site);
            let Some(entry) = sites.get_mut(site as usize) else { continue };
            entry
                .get_or_insert_with(|| Site {
                    frame,
                    kind: self.facts.kind(id),
                    slots: Vec::new(),
                    waits: Vec::new(),
                    ns: 0,
                    open_ns: 0,
                    by: Vec::new(),
                })
                .slots
                .push(id);
        }
        for row in self.stays.rows() {
            let slot = self.stays.slot(row);
            let Some(Some(site)) = of_slot.get(slot.0 as usize) else { continue };
            let Some(judgement) = self.judgement(row) else { continue };
            if let Some(Some(site)) = sites.get_mut(*site as usize) {
                site.add(row, &self.stays.stay(row), judgement);
            }
        }
        sites.into_iter().flatten().filter(|s| !s.waits.is_empty()).collect()
    }

    /// The verdict on a stay, if it is a wait.
    pub(super) fn judgement(&self, row: StayRow) -> Option<Judgement> {
        self.verdicts.of(self.stays, row)
    }

    /// The line of a stack that is the program's own and may carry a finding.
    pub(super) fn own_line(&self, stack: StackId) -> Option<FrameId> {
        let frame = self.analysis.stack(stack).iter().copied().find(|&f| self.facts.is_own(f))?;
        (self.user)(frame).then(|| self.facts.line(frame))
    }

    /// The stack of a wait.
    pub(super) fn stack_of(&self, slot: SlotId) -> StackId {
        self.analysis.slots.get(slot.0 as usize).map_or(StackId::NONE, |s| s.stack)
    }

    /// Whether a function whose name begins so stands in the stack of a wait.
    pub(super) fn is_in(&self, wait: Option<StayRow>, prefix: &str) -> bool {
        let Some(row) = wait else { return false };
        let name = |&f: &FrameId| self.analysis.str(self.analysis.tables.frame(f).func);
        let stack = self.analysis.stack(self.stack_of(self.stays.stay(row).slot));
        stack.iter().any(|f| name(f).starts_with(prefix))
    }

    /// Worth a person's time: at least 1 % of the trace, and 2 ms.
    pub(super) fn is_big(&self, ns: i64) -> bool {
        ns >= 2_000_000 && i128::from(ns) * 100 >= i128::from(self.duration)
    }

    /// How much of what is worth a person's time that is.
    pub(super) fn bigness(&self, ns: i64) -> f64 {
        part(ns, 2_000_000.max(self.duration / 100))
    }

    /// A wait, for looking at it.
    pub(super) fn wait(&self, row: StayRow) -> Instance {
        let stay = self.stays.stay(row);
        let ns = stay.end.since(stay.start);
        Instance { g: self.stays.go(stay.g).id, start: stay.start, ns }
    }

    /// Less the share of a site's blame for which the waker could run and had no P: then no lock or
    /// channel is at fault. Nothing is left where that is over three quarters.
    pub(super) fn real(&self, site: &Site, ns: i64) -> i64 {
        let runnable = self.ends_in(site, |end| end == End::Runnable);
        // Waits that did not end blame nobody.
        let ended = site.ns - site.open_ns;
        if ended <= 0 || i128::from(runnable) * 4 > i128::from(ended) * 3 {
            return 0;
        }
        let off = i128::from(ns) * i128::from(runnable) / i128::from(ended);
        ns.saturating_sub(i64::try_from(off).unwrap_or(i64::MAX))
    }

    /// How much of a site's waiting ends so, in nanoseconds.
    pub(super) fn ends_in(&self, site: &Site, is: impl Fn(End) -> bool) -> i64 {
        let all = site.slots.iter().flat_map(|&slot| self.blame.of(slot));
        all.filter(|(_, (end, _), _)| is(*end)).fold(0, |sum, (_, _, ns)| sum.saturating_add(*ns))
    }

    /// The lines of the program's own that a site's waiting ends at, those with a tenth of it or more, the most first:
    /// less explains nothing.
    pub(super) fn chain_ends(&self, site: &Site) -> Vec<(End, FrameId, i64)> {
        let ends = self.blame.ends(&site.slots);
        let of_own = |((end, line), ns): (EndLine, i64)| {
            let line = line.filter(|&f| self.facts.is_own(f))?;
            (i128::from(ns) * 10 >= i128::from(site.ns)).then_some((end, line, ns))
        };
        ends.into_iter().filter_map(of_own).collect()
    }

    /// The first of them.
    pub(super) fn chain_end(&self, site: &Site) -> Option<(End, FrameId, i64)> {
        self.chain_ends(site).first().copied()
    }

    /// The waits of a site that `take` wants: it looks at each.
    pub(super) fn pick(&self, site: &Site, take: impl Fn(&Stay) -> bool) -> Picked {
        let mut picked = Picked::default();
        for &row in &site.waits {
            let stay = self.stays.stay(row);
            if take(&stay) {
                picked.add(row, stay.end.since(stay.start));
            }
        }
        picked
    }

    /// A finding about waits at a site that are under way when the trace ends. `message` is told how long the
    /// longest is.
    pub(super) fn still(
        &self,
        code: Code,
        site: &Site,
        picked: &Picked,
        message: impl FnOnce(&str) -> String,
    ) -> Option<Finding> {
        let worst = picked.worst?;
        let longest = duration(self.wait(worst).ns);
        let mut finding = Finding::new(code, Some(site.frame), picked.ns, message(&longest));
        finding.detail = vec![self.figures(picked)];
        self.instance(site.frame, worst, "the longest wait", &mut finding.related);
        Some(finding)
    }

    /// Whether the costly waiting of a site is enough for a finding, or to be told of as one that fell
    /// short.
    pub(super) fn may_matter(&self, site: &Site) -> bool {
        let of = |slot: &SlotId| self.verdicts.sums.get(slot.0 as usize);
        let sums = site.slots.iter().filter_map(of).map(|sum| sum.of(Verdict::Costly));
        self.bigness(sums.fold(0i64, i64::saturating_add)) >= NEAR
    }

    /// What the wakers of a site's waits did meanwhile. It looks one step far: what they themselves
    /// waited for is not followed.
    pub(super) fn meanwhile(&self, site: &Site) -> Meanwhile {
        let mut sums = Meanwhile::default();
        for &row in &site.waits {
            let stay = self.stays.stay(row);
            if stay.waker != GoRow::NONE && self.judgement(row).is_some() {
                self.waker_did(&stay, &mut sums);
            }
        }
        sums
    }

    fn waker_did(&self, wait: &Stay, sums: &mut Meanwhile) {
        /// As far as a walk for blame goes.
        const MOST: usize = 300;
        let (from, mut to) = (wait.start.0, wait.end.0);
        let mut row = wait.waker_last;
        for _ in 0..MOST {
            if to <= from || row == StayRow::NONE {
                return;
            }
            let stay = self.stays.stay(row);
            let began = stay.end.0.saturating_add(self.stays.runnable(row));
            sums.running = sums.running.saturating_add((to - began.max(from)).max(0));
            to = to.min(stay.end.0);
            if matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                let ns = (to - stay.start.0.max(from)).max(0);
                let site = self.facts.site(stay.slot);
                let stood = &mut sums.stood.entry(site).or_insert((0, stay.slot)).0;
                *stood = stood.saturating_add(ns);
                to = to.min(stay.start.0);
            }
            // Before its birth, its creator.
            row = if stay.kind == StayKind::Born { stay.waker_last } else { stay.prev };
        }
    }

    /// The line at which the wakers of a site's waits stood the longest meanwhile, and for how long; the
    /// site itself, where a queue stands, left out. Rather not at a lock: that is a queue, too.
    pub(super) fn stood_at(&self, site: &Site, meanwhile: &Meanwhile) -> Option<(FrameId, i64)> {
        let own = site.slots.first().map(|&slot| self.facts.site(slot));
        let longest = |is_queue: bool| {
            let others = meanwhile.stood.iter().filter(|(number, _)| Some(**number) != own);
            let of_kind = others
                .filter(|(_, (_, slot))| (self.facts.kind(*slot) == WaitKind::Lock) == is_queue);
            let first = of_kind.max_by_key(|(number, (ns, _))| (*ns, std::cmp::Reverse(**number)));
            first.map(|(_, &stood)| stood)
        };
        let queue = longest(true);
        // A moment beside a long queue says nothing.
        let says = |(ns, _): &(i64, _)| queue.is_none_or(|q| ns.saturating_mul(4) >= q.0);
        let (ns, slot) = longest(false).filter(says).or(queue)?;
        Some((self.facts.line_of(self.analysis, self.stack_of(slot))?, ns))
    }

    /// Whether some P was idle for half of the trace.
    pub(super) fn idle_ps(&self) -> bool {
        self.stays.sched.idle_ns().saturating_mul(2) >= self.duration
    }

    /// For how much of the trace all Ps ran, if that is nine tenths of it or more.
    pub(super) fn saturated(&self) -> Option<String> {
        let idle = self.stays.sched.idle_ns();
        let ran = self.duration.saturating_sub(idle);
        (idle.saturating_mul(10) <= self.duration).then(|| percent(ran, self.duration))
    }

    /// `in 974 waits, 5.19 at any time on average`.
    pub(super) fn on_average(&self, ns: i64) -> String {
        crate::units::ratio(ns, self.duration.max(1))
    }

    /// The line of a frame, in a text: see [`super::places`].
    pub(super) fn place(&self, frame: FrameId) -> String {
        mark(frame)
    }

    /// Whether a line is in a test's file.
    pub(super) fn is_test(&self, frame: FrameId) -> bool {
        self.analysis.str(self.analysis.tables.frame(frame).file).ends_with("_test.go")
    }

    /// The longest wait, who ended it, and where the chain of wakes mostly ends.
    pub(super) fn related(&self, site: &Site, picked: &Picked) -> Vec<Related> {
        let mut related = Vec::new();
        if let Some(worst) = picked.worst {
            self.instance(site.frame, worst, "the longest wait", &mut related);
        }
        for (end, frame, ns) in self.chain_ends(site).into_iter().take(MOST_ENDS) {
            let share = percent(ns, site.ns);
            let text = match end {
                End::Running => {
                    format!("{share} of the waiting here was behind what ran up to this line")
                }
                _ => format!("{share} of the waiting here ends with {} at this line", end.words()),
            };
            related.push(Related::new(frame, text));
        }
        related
    }

    /// One wait, and the line that ended it.
    pub(super) fn instance(
        &self,
        frame: FrameId,
        row: StayRow,
        what: &str,
        related: &mut Vec<Related>,
    ) {
        let stay = self.stays.stay(row);
        let ns = stay.end.since(stay.start);
        related.push(Related {
            frame,
            text: format!(
                "{what}: {}, goroutine {}, from {} on",
                duration(ns),
                self.stays.go(stay.g).id.0,
                moment(stay.start.0)
            ),
            wait: Some(self.wait(row)),
        });
        if stay.waker != GoRow::NONE
            && let Some(line) = self.facts.line_of(self.analysis, stay.waker_stack)
        {
            let id = self.stays.go(stay.waker).id.0;
            related.push(Related::new(line, format!("goroutine {id} ended it here")));
        }
    }

    /// The figures of picked waits, for the evidence.
    pub(super) fn figures(&self, picked: &Picked) -> String {
        format!(
            "{} in {} waits, {} at any time on average, {} of the trace's length",
            duration(picked.ns),
            count(picked.n),
            self.on_average(picked.ns),
            percent(picked.ns, self.duration)
        )
    }

    /// What a site's waiting ends in, for the evidence.
    pub(super) fn blamed(&self, site: &Site) -> String {
        let ends: Vec<String> = self
            .blame
            .ends(&site.slots)
            .into_iter()
            .take(4)
            .map(|((end, frame), ns)| {
                let at = frame.map_or_else(String::new, |f| format!(" {}", self.place(f)));
                format!("{}{at} {}", end.name(), percent(ns, site.ns))
            })
            .collect();
        format!("what it ends in: {}", ends.join(", "))
    }
}

/// So many lines are named at which the waiting of one ends.
const MOST_ENDS: usize = 3;

/// The words for what is worth a person's time.
pub(super) const BIG: &str = "at least 2 ms and 1 % of the trace";

impl Finding {
    pub(super) fn new(code: Code, frame: Option<FrameId>, ns: i64, message: String) -> Finding {
        Finding {
            code,
            severity: code.severity(),
            frame,
            message,
            detail: Vec::new(),
            related: Vec::new(),
            ns,
        }
    }
}

/// An instant of the trace, to the microsecond: `16.332 ms`.
pub(super) fn moment(ns: i64) -> String {
    let us = ns.div_euclid(1_000);
    format!("{}.{:03} ms", us.div_euclid(1_000), us.rem_euclid(1_000))
}
