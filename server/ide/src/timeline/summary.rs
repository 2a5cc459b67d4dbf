//! What a window, or a part of the trace, came to: time by tone, the dearest lines, the longest waits.

use exectrace::{FrameId, GoId, RangeKind, StackId};
use hashbrown::HashMap;

use super::class::{Class, TONES, Tone};
use super::lanes::{Lane, Span, Walk};
use super::slices::line_of;
use super::sums::unpack;
use super::{GoRef, Index};
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::verdicts::Verdict;
use crate::view::View;

/// How much of a goroutine's time from one instant to another counts.
pub type Inside<'a> = dyn Fn(GoId, i64, i64) -> i64 + 'a;

/// A line at which something stood still at somebody's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostlyLine {
    /// The line.
    pub frame: FrameId,
    /// For what it waited there.
    pub class: Class,
    /// For how long, in nanoseconds.
    pub ns: i64,
}

/// What some time came to.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    /// Time of all goroutines by tone, in nanoseconds; only what has any.
    pub by_tone: Vec<(Tone, i64)>,
    /// What was costly on lines of the workspace, by class: what reports and editors count. That is
    /// time that waited so, and what such a line ran to help the collector. Without source it is all
    /// that was costly.
    pub costly: Vec<(Class, i64)>,
    /// How long anybody helped the collector, on lines of the workspace or not.
    pub assisting: i64,
    /// The lines that cost most, the dearest first.
    pub lines: Vec<CostlyLine>,
    /// The longest costly waits, the longest first.
    pub longest: Vec<(GoRef, Span)>,
}

/// So many lines and waits are told.
const MOST: usize = 16;

impl Index {
    /// What a window came to. With `inside`, only the time that it counts; then every span of the
    /// window is gone over, else sums are taken where nothing is costly.
    pub fn sum(&self, view: &View, t0: i64, t1: i64, inside: Option<&Inside<'_>>) -> Sum {
        let mut adder = Adder {
            t0,
            t1,
            inside,
            go: GoRef(0),
            id: GoId(0),
            lane: None,
            by_tone: [0; TONES],
            by_site: HashMap::new(),
            longest: Vec::new(),
        };
        for go in self.alive(t0, t1) {
            let (Some(id), Some(lane)) = (self.gos.id(go), self.lane_of(go)) else { continue };
            (adder.go, adder.id, adder.lane) = (go, id, Some(lane));
            lane.walk(t0, t1, &mut adder);
        }
        let Adder { by_tone, by_site, mut longest, .. } = adder;
        let everywhere = view.placement.files.is_empty();
        // The line that stands for a stack where lines are summed up (`crate::sites`), if one does.
        let placed = |stack| {
            let mut frames = view.analysis.stack(stack).iter().copied();
            frames.find(|&frame| view.placement.place(frame).is_some())
        };
        let mut costly: HashMap<Class, i64> = HashMap::new();
        let mut lines: HashMap<(FrameId, Class), i64> = HashMap::new();
        for (site, ns) in by_site {
            let Some(site) = self.sites.get(site as usize) else { continue };
            if everywhere || placed(site.stack).is_some() {
                let sum = costly.entry(site.class).or_default();
                *sum = sum.saturating_add(ns);
            }
            if let Some(frame) = line_of(view, site.stack) {
                let sum = lines.entry((frame, site.class)).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        let mut assisting = 0i64;
        for (stack, ns) in assists(view, t0, t1, inside) {
            assisting = assisting.saturating_add(ns);
            if everywhere || placed(stack).is_some() {
                let sum = costly.entry(Class::Assist).or_default();
                *sum = sum.saturating_add(ns);
            }
            if let Some(frame) = line_of(view, stack) {
                let sum = lines.entry((frame, Class::Assist)).or_default();
                *sum = sum.saturating_add(ns);
            }
        }
        let mut lines: Vec<CostlyLine> =
            lines.into_iter().map(|((frame, class), ns)| CostlyLine { frame, class, ns }).collect();
        lines.sort_unstable_by_key(|l| (std::cmp::Reverse(l.ns), l.frame, l.class as u8));
        // A person's own lines are not crowded out by those of libraries.
        let mut n = [0; 2];
        lines.retain(|line| {
            let n = &mut n[usize::from(view.placement.place(line.frame).is_some())];
            *n += 1;
            *n <= MOST
        });
        cut(&mut longest);
        let by_tone = by_tone.into_iter().enumerate().filter(|(_, ns)| *ns > 0);
        let by_tone = by_tone.map(|(tone, ns)| (Tone(tone as u8), ns)).collect();
        let mut costly: Vec<_> = costly.into_iter().collect();
        costly.sort_unstable_by_key(|(class, _)| *class as u8);
        Sum { by_tone, costly, assisting, lines, longest }
    }
}

/// What goroutines ran in a window to help the collector, and where.
fn assists(
    view: &View,
    t0: i64,
    t1: i64,
    inside: Option<&Inside<'_>>,
) -> impl Iterator<Item = (StackId, i64)> {
    let analysis = &view.analysis;
    let part = |g, from: i64, to: i64| {
        let (from, to) = (from.max(t0), to.min(t1));
        if from >= to { 0 } else { inside.map_or(to - from, |f| f(g, from, to)) }
    };
    let mut ran: HashMap<SlotId, i64> = HashMap::new();
    for range in analysis.stays.iter().flat_map(|stays| &stays.ranges) {
        let Some(slot) = analysis.slots.get(range.slot.0 as usize) else { continue };
        if analysis.causes.cause(slot.cause) == Cause::Range(RangeKind::GcMarkAssist) {
            let sum = ran.entry(range.slot).or_default();
            *sum = sum.saturating_add(part(range.g, range.start.0, range.end.0));
        }
    }
    for (slot, ns) in view.stood_assisting(part) {
        if let Some(sum) = ran.get_mut(&slot) {
            *sum = sum.saturating_sub(ns).max(0);
        }
    }
    let of =
        move |(slot, ns): (SlotId, i64)| Some((analysis.slots.get(slot.0 as usize)?.stack, ns));
    ran.into_iter().filter_map(of).filter(|(_, ns)| *ns > 0)
}

/// Keeps the longest.
fn cut(longest: &mut Vec<(GoRef, Span)>) {
    longest
        .sort_unstable_by_key(|(go, s)| (std::cmp::Reverse(s.end - s.start), s.start, *go, s.row));
    longest.truncate(MOST);
}

fn is_costly(tone: Tone) -> bool {
    tone.verdict() == Some(Verdict::Costly)
}

struct Adder<'a> {
    t0: i64,
    t1: i64,
    inside: Option<&'a Inside<'a>>,
    go: GoRef,
    id: GoId,
    lane: Option<Lane<'a>>,
    by_tone: [i64; TONES],
    /// Of what is costly.
    by_site: HashMap<u32, i64>,
    longest: Vec<(GoRef, Span)>,
}

impl Adder<'_> {
    fn add(&mut self, tone: Tone, ns: i64) {
        let sum = &mut self.by_tone[usize::from(tone.0) % TONES];
        *sum = sum.saturating_add(ns);
    }
}

impl Walk for Adder<'_> {
    fn until(&mut self, _: i64) -> i64 {
        if self.inside.is_none() { i64::MAX } else { i64::MIN }
    }

    fn sums(&mut self, from: i64, to: i64, parts: &[u64]) {
        // What is costly is told with its lines.
        if parts.iter().any(|&part| is_costly(unpack(part).0)) {
            for span in self.lane.into_iter().flat_map(|lane| lane.between(from, to)) {
                self.whole(span.start, span.end, span.tone, || Some(span));
            }
            return;
        }
        for &part in parts {
            let (tone, ns) = unpack(part);
            self.add(tone, ns as i64);
        }
    }

    fn span(&mut self, start: i64, end: i64, tone: Tone, row: u32) {
        let lane = self.lane;
        self.whole(start, end, tone, || lane.and_then(|lane| lane.span(row)));
    }
}

impl Adder<'_> {
    /// A span; `of`: itself, with why and whose.
    fn whole(&mut self, start: i64, end: i64, tone: Tone, of: impl FnOnce() -> Option<Span>) {
        let (from, to) = (start.max(self.t0), end.min(self.t1));
        let ns = self.inside.map_or(to - from, |inside| inside(self.id, from, to));
        if ns <= 0 {
            return;
        }
        self.add(tone, ns);
        if !is_costly(tone) {
            return;
        }
        let Some(span) = of() else { return };
        let sum = self.by_site.entry(span.site).or_default();
        *sum = sum.saturating_add(ns);
        self.longest.push((self.go, Span { start, end, ..span }));
        if self.longest.len() >= MOST * 64 {
            cut(&mut self.longest);
        }
    }
}
