//! With which of its cases a `select` went on.
//!
//! A trace says of a wait in a `select` where the statement stands, and no more. But it has who ended the wait and
//! how: by sending, by receiving, by closing a channel, by ending a context, or nobody, as a timer does; and the line
//! that ended the wait may have the channel's name. A case is told where these leave one, and where the goroutine was
//! next in the function does not speak against it. Where they leave none or several it is said that it is not known.

use std::cmp::Reverse;

use exectrace::{FrameId, StackId};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::figures::SlotId;
use crate::go_source::{Awaits, Channel, Select};
use crate::placement::{FileId, Placement, SourceFile};
use crate::sites::{SiteLine, Sites, ends_context};
use crate::staleness::State;
use crate::stays::{GoRow, Stay, StayKind, StayRow, Stays};
use crate::units::{count, duration};
use crate::verdicts::{Act, act};
use crate::view::View;

/// How some waits in a `select` ended, and where their goroutines were next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Went {
    /// Where they waited.
    pub slot: SlotId,
    /// How they ended.
    pub ended: Ended,
    /// Where in the function that has the `select` the goroutine stood when it was next seen, if that was in the
    /// same call of it.
    pub next: Option<FrameId>,
    /// The first line of a person's own on which somebody stood who ended them.
    pub by: Option<FrameId>,
    /// How many.
    pub n: u64,
    /// Their time, in nanoseconds.
    pub ns: i64,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ended {
    /// By no goroutine.
    Nobody,
    /// Somebody ended a context.
    Context,
    /// Somebody did this.
    By(Act),
}

/// How somebody ended a wait, and on which line.
type By = (Ended, Option<FrameId>);

/// Waits while they are followed, in the order of the trace.
struct Following<'a> {
    analysis: &'a Analysis,
    stays: &'a Stays,
    /// By slot: how deep in its stack the function stands that has the `select`, from the root on and from 1;
    /// 0 for what is none.
    depths: Vec<u32>,
    /// By stack, for those that ended a wait.
    acts: HashMap<StackId, By>,
    nexts: HashMap<(SlotId, StackId), Option<FrameId>>,
    went: HashMap<(SlotId, Option<FrameId>, By), (u64, i64)>,
    is_own: &'a dyn Fn(FrameId) -> bool,
    /// The time that counts.
    window: (i64, i64),
}

/// How the waits in `select`s of a person's own lines ended, in the order of their slots.
pub(crate) fn all(
    analysis: &Analysis,
    stays: &Stays,
    is_own: &dyn Fn(FrameId) -> bool,
) -> Vec<Went> {
    let Some(mut following) = Following::new(analysis, stays, is_own, (i64::MIN, i64::MAX)) else {
        return Vec::new();
    };
    let mut waits = vec![StayRow::NONE; stays.gos.len()];
    for row in stays.rows() {
        let Some(wait) = waits.get_mut(stays.g(row).0 as usize) else { continue };
        if *wait != StayRow::NONE {
            following.ended(std::mem::replace(wait, StayRow::NONE), Some(row));
        }
        if following.is_select(row) {
            *wait = row;
        }
    }
    waits.into_iter().filter(|wait| *wait != StayRow::NONE).for_each(|w| following.ended(w, None));
    following.finish()
}

/// The same of a time, in nanoseconds: `rows` are the stays that touch it, in the order of the trace. Where somebody
/// was next is looked for within it.
pub(crate) fn in_window(
    analysis: &Analysis,
    stays: &Stays,
    is_own: &dyn Fn(FrameId) -> bool,
    rows: impl Iterator<Item = StayRow>,
    window: (i64, i64),
) -> Vec<Went> {
    let Some(mut following) = Following::new(analysis, stays, is_own, window) else {
        return Vec::new();
    };
    let mut waits: HashMap<GoRow, StayRow> = HashMap::new();
    for row in rows {
        let g = stays.g(row);
        if let Some(wait) = waits.remove(&g) {
            following.ended(wait, Some(row));
        }
        if following.is_select(row) {
            waits.insert(g, row);
        }
    }
    waits.into_values().for_each(|wait| following.ended(wait, None));
    following.finish()
}

impl<'a> Following<'a> {
    /// `None` where there is no `select` to follow.
    fn new(
        analysis: &'a Analysis,
        stays: &'a Stays,
        is_own: &'a dyn Fn(FrameId) -> bool,
        window: (i64, i64),
    ) -> Option<Following<'a>> {
        let func = |f: FrameId| analysis.str(analysis.tables.frame(f).func);
        let depth = |slot: &crate::figures::Slot| match *analysis.stack(slot.stack) {
            [leaf, own, ..] if func(leaf) == "runtime.selectgo" && is_own(own) => {
                analysis.stack(slot.stack).len() as u32 - 1
            }
            _ => 0,
        };
        let depths: Vec<u32> = analysis.slots.iter().map(depth).collect();
        depths.iter().any(|&depth| depth > 0).then(|| Following {
            analysis,
            stays,
            depths,
            acts: HashMap::new(),
            nexts: HashMap::new(),
            went: HashMap::new(),
            is_own,
            window,
        })
    }

    /// Whether a stay is a wait in one that is over.
    #[inline]
    fn is_select(&self, row: StayRow) -> bool {
        let depth = self.depths.get(self.stays.slot(row).0 as usize);
        depth.is_some_and(|&depth| depth > 0) && {
            let stay = self.stays.stay(row);
            stay.kind == StayKind::Wait && !stay.open
        }
    }

    /// A wait is over, and `next` is what its goroutine did then.
    fn ended(&mut self, wait: StayRow, next: Option<StayRow>) {
        let stay = self.stays.stay(wait);
        let (t0, t1) = self.window;
        if stay.end.0 <= t0 || stay.start.0 >= t1 {
            return;
        }
        let next = next.and_then(|next| self.next(stay.slot, next));
        let key = (stay.slot, next, self.by(&stay));
        let went = self.went.entry(key).or_default();
        went.0 += 1;
        went.1 = went.1.saturating_add((stay.end.0.min(t1) - stay.start.0.max(t0)).max(0));
    }

    fn by(&mut self, stay: &Stay) -> By {
        if stay.waker == GoRow::NONE {
            return (Ended::Nobody, None);
        }
        let (analysis, stack) = (self.analysis, stay.waker_stack);
        *self.acts.entry(stack).or_insert_with(|| {
            let ended = match ends_context(analysis, stack) {
                true => Ended::Context,
                false => Ended::By(act(analysis, stack)),
            };
            (ended, analysis.stack(stack).iter().copied().find(|&frame| (self.is_own)(frame)))
        })
    }

    /// Where in the function that waited the goroutine stood in another stay, if in the same call of it.
    fn next(&mut self, slot: SlotId, next: StayRow) -> Option<FrameId> {
        let analysis = self.analysis;
        let at = |slot: SlotId| analysis.slots.get(slot.0 as usize).map(|slot| slot.stack);
        let stack = self.stays.apart(next).or_else(|| at(self.stays.slot(next)))?;
        let depth = *self.depths.get(slot.0 as usize)? as usize;
        *self.nexts.entry((slot, stack)).or_insert_with(|| {
            let (before, after) = (analysis.stack(at(slot)?), analysis.stack(stack));
            let mut outer = before.iter().rev().zip(after.iter().rev()).take(depth);
            let (own, next) = outer.next_back()?;
            let frame = |f: &FrameId| analysis.tables.frame(*f);
            let is_call = |(a, b): (&FrameId, &FrameId)| {
                let (a, b) = (frame(a), frame(b));
                (a.func, a.line) == (b.func, b.line)
            };
            let is_same = after.len() >= depth && frame(own).func == frame(next).func;
            (is_same && outer.all(is_call)).then_some(*next)
        })
    }

    fn finish(self) -> Vec<Went> {
        let went = self.went.into_iter();
        let went =
            went.map(|((slot, next, (ended, by)), (n, ns))| Went { slot, ended, next, by, n, ns });
        let mut went: Vec<Went> = went.collect();
        went.sort_unstable_by_key(|went| (went.slot, went.ended, went.next, went.by));
        went
    }
}

impl Went {
    pub(crate) fn is_sound(&self, analysis: &Analysis) -> bool {
        (self.slot.0 as usize) < analysis.slots.len()
            && [self.next, self.by].iter().flatten().all(|&frame| analysis.has_frame(frame))
            && self.ns >= 0
            && crate::kept::are_few(&[self.n])
    }
}

/// With which of their cases the `select`s of all files went on.
#[derive(Debug, Clone, Default)]
pub struct AllCases {
    /// By file and line.
    selects: Vec<Cases>,
}

/// With which of its cases a `select` went on.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The file that it is in.
    pub file: FileId,
    /// Where it stands, from 0, as lines of [`Sites`] are.
    pub line: u32,
    /// Those that it went on with, in the order of the text.
    pub taken: Vec<Taken>,
    /// How many waits went on with a case that is not known, and their time in nanoseconds.
    pub unknown: (u64, i64),
    /// Whether its line is the recorded one.
    pub state: State,
}

/// A case of a `select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Where it stands, from 0.
    pub line: u32,
    /// `case c := <-pool.free`, as it stands there, but on one line.
    pub text: String,
    /// How many waits went on with it.
    pub n: u64,
    /// Their time, in nanoseconds.
    pub ns: i64,
}

impl AllCases {
    /// Finds the cases in the files of a workspace. `went` are in the order of their slots.
    pub(crate) fn new(placement: &Placement, sites: &Sites, went: &[Went]) -> AllCases {
        let mut selects = Vec::new();
        for file in placement.files().filter(|_| !went.is_empty()) {
            let sites = sites.lines(file).iter();
            selects.extend(sites.filter_map(|site| of_line(placement, file, site, went)));
        }
        AllCases { selects }
    }

    /// Those of the `select` on a line, if any is known.
    pub fn at(&self, file: FileId, line: u32) -> Option<&Cases> {
        let at = self.selects.binary_search_by_key(&(file, line), |cases| (cases.file, cases.line));
        at.ok().map(|at| &self.selects[at])
    }

    /// The case on a line, if its `select` went on with it, and those of that.
    pub fn case_at(&self, file: FileId, line: u32) -> Option<(&Cases, &Taken)> {
        let mut all = self.of_file(file).iter();
        all.find_map(|cases| Some((cases, cases.taken.iter().find(|taken| taken.line == line)?)))
    }

    /// Those of all `select`s of a file.
    pub fn of_file(&self, file: FileId) -> &[Cases] {
        let from = self.selects.partition_point(|cases| cases.file < file);
        let to = self.selects.partition_point(|cases| cases.file <= file);
        &self.selects[from..to]
    }
}

/// With which of its cases the `select` of a line went on; `None` if there is none, or no case is known.
fn of_line(placement: &Placement, file: FileId, site: &SiteLine, went: &[Went]) -> Option<Cases> {
    if !site.holds || site.state >= State::Doubtful {
        return None;
    }
    let source = placement.source(file);
    let select = source.source.select_at(site.line)?;
    let mut known: Vec<(u64, i64)> = vec![(0, 0); select.cases.len()];
    let mut unknown = (0, 0i64);
    let parts = site.parts.iter().filter(|part| part.kind.is_wait());
    for slot in parts.flat_map(|part| &part.figure.slots) {
        let first = went.partition_point(|went| went.slot < *slot);
        for went in went[first..].iter().take_while(|went| went.slot == *slot) {
            let place = |frame| placement.place(frame).filter(|p| p.state < State::Doubtful);
            let next = went.next.and_then(place).filter(|next| next.file == file);
            let by: Vec<&Channel> = went.by.and_then(place).map_or_else(Vec::new, |by| {
                let channels = placement.source(by.file).source.channels_at(by.line);
                // A variable of a function is none of another file's.
                channels.filter(|c| c.within.is_none() || by.file == file).collect()
            });
            let case = taken(select, went.ended, next.map(|next| next.line), &by);
            let sum = case.and_then(|case| known.get_mut(case)).unwrap_or(&mut unknown);
            *sum = (sum.0 + went.n, sum.1.saturating_add(went.ns));
        }
    }
    let taken: Vec<Taken> = select
        .cases
        .iter()
        .zip(known)
        .filter(|(_, (n, _))| *n > 0)
        .map(|(case, (n, ns))| Taken {
            line: case.line,
            text: text(source, &case.communication),
            n,
            ns,
        })
        .collect();
    let cases = Cases { file, line: site.line, taken, unknown, state: site.state };
    (!cases.taken.is_empty()).then_some(cases)
}

/// The case of a `select` that went on: by how its wait ended, and what channels stand on the line that ended it. On
/// which line the goroutine was next may be that of a later turn of a loop, whose own case was ready at once: so it
/// tells no case, and only that what else seems to be one is not known.
fn taken(select: &Select, ended: Ended, next: Option<u32>, by: &[&Channel]) -> Option<usize> {
    use Awaits::{Any, Clock, Context, Receiver, Sender};
    // What comes first is meant, if there is any.
    let can_be: [&[Awaits]; 2] = match ended {
        Ended::Nobody => [&[Clock, Any], &[Sender, Context]],
        Ended::Context => [&[Context, Any], &[Sender]],
        Ended::By(Act::Sent | Act::Plain) => [&[Sender, Any], &[Context, Clock]],
        Ended::By(Act::Received) => [&[Receiver], &[]],
        Ended::By(Act::Selected | Act::Other) => [&[Sender, Receiver, Clock, Context, Any], &[]],
    };
    let fit = |of: &[Awaits]| -> Vec<usize> {
        let cases = select.cases.iter().enumerate();
        cases.filter(|(_, case)| of.contains(&case.awaits)).map(|(i, _)| i).collect()
    };
    let (rank, fit) = (0..).zip(can_be.map(fit)).find(|(_, fit)| !fit.is_empty())?;
    let is_next = next.and_then(|line| select.case_at(line));
    let case = match fit[..] {
        [only] => only,
        _ => {
            let is_named = |case: &usize| {
                let channel = &select.cases[*case].channel;
                by.iter().any(|other| channel.is_like(other))
            };
            let mut named = fit.iter().copied().filter(is_named);
            named.next().filter(|_| named.next().is_none())?
        }
    };
    let is_sure =
        rank == 0 && fit.len() == 1 && !matches!(ended, Ended::Nobody | Ended::By(Act::Plain));
    (is_sure || is_next.is_none_or(|next| next == case)).then_some(case)
}

/// The most characters of a case's text.
const MOST: usize = 60;

fn text(source: &SourceFile, communication: &std::ops::Range<usize>) -> String {
    let text = source.text.get(communication.clone()).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = format!("case {}", words.join(" "));
    crate::text::plain(&match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    })
}

impl Taken {
    /// `taken 970× · 430 ms`, for the end of its line.
    pub fn hint(&self, view: &View) -> String {
        let about = view.approximately();
        format!("taken {about}{}× · {about}{}", count(self.n), duration(self.ns))
    }
}

impl Cases {
    /// The cases, those first that most of the time went on with.
    pub fn by_time(&self) -> Vec<&Taken> {
        let mut taken: Vec<&Taken> = self.taken.iter().collect();
        taken.sort_by_key(|taken| (Reverse(taken.ns), taken.line));
        taken
    }

    /// `select { case c := <-pool.free 97 %, case <-ctx.Done() 3 %`, for the text of its line, which says nothing: of
    /// their time, those that have most of it first.
    pub fn short(&self) -> String {
        let all = self.total().1.max(1);
        let named = self
            .by_time()
            .into_iter()
            .map(|taken| format!("{} {}", taken.text, crate::units::percent_short(taken.ns, all)));
        format!("select {{ {}", named.collect::<Vec<_>>().join(", "))
    }

    /// All waits, and their time in nanoseconds.
    pub fn total(&self) -> (u64, i64) {
        let taken = self.taken.iter();
        taken.fold(self.unknown, |all, one| (all.0 + one.n, all.1.saturating_add(one.ns)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::go_source::GoSource;

    /// The words of the case that is told, `-` for none.
    fn told(cases: &str, ended: Ended, next: Option<u32>, by: &str) -> String {
        let mut text = "package p\nfunc f() {\n\tselect {\n".to_owned();
        for case in cases.split(';') {
            text.push_str(&format!("\tcase {case}:\n\t\trest()\n"));
        }
        text.push_str(&format!("\t}}\n}}\nfunc g(in chan int) {{\n\t{by}\n}}\n"));
        let source = GoSource::parse(&text);
        let select = source.select_at(2).unwrap();
        let by: Vec<&Channel> = source.channels_at(text.lines().count() as u32 - 2).collect();
        let case = taken(select, ended, next.map(|case| 4 + 2 * case), &by);
        case.map_or("-", |case| cases.split(';').nth(case).unwrap()).to_owned()
    }

    #[test]
    fn a_case_is_told_by_what_ended_the_wait() {
        const ALL: &str = "x := <-in;out <- 1;<-time.After(d);<-ctx.Done()";
        let by = Ended::By;
        for (ended, case) in [
            (by(Act::Sent), "x := <-in"),
            (by(Act::Received), "out <- 1"),
            (by(Act::Plain), "x := <-in"),
            (by(Act::Selected), "-"),
            (by(Act::Other), "-"),
            (Ended::Nobody, "<-time.After(d)"),
            (Ended::Context, "<-ctx.Done()"),
        ] {
            assert_eq!(told(ALL, ended, None, ""), case, "{ended:?}");
        }
        // There is no such case: then it is one that can be.
        assert_eq!(told("<-in;out <- 1", Ended::Nobody, None, ""), "<-in");
        assert_eq!(told("<-in;out <- 1", Ended::Context, None, ""), "<-in");
        assert_eq!(told("a <- 1;out <- 1", by(Act::Sent), None, ""), "-");
        // Others than clocks have a C, and others than contexts a Done.
        assert_eq!(told("<-s.C;<-quit", by(Act::Sent), None, ""), "-");
        assert_eq!(told("<-app.Done();<-ctx.Done()", Ended::Context, None, ""), "-");
    }

    #[test]
    fn of_several_that_can_be_it_is_told_by_names() {
        const TWO: &str = "x := <-in;<-h.quit;out <- 1;<-time.After(d)";
        let (sent, closed) = (Ended::By(Act::Sent), Ended::By(Act::Plain));
        assert_eq!(told(TWO, sent, None, ""), "-");
        // A later turn of a loop may have gone there.
        assert_eq!(told(TWO, sent, Some(1), ""), "-");
        assert_eq!(told(TWO, Ended::By(Act::Received), Some(0), ""), "out <- 1");
        assert_eq!(told(TWO, Ended::Nobody, Some(0), ""), "-");
        assert_eq!(told(TWO, closed, None, "close(s.quit)"), "<-h.quit");
        assert_eq!(told(TWO, closed, Some(0), "close(s.quit)"), "-");
        // Parameters, and what is sent, have names of their own.
        assert_eq!(told(TWO, sent, None, "in <- 1"), "-");
        assert_eq!(told(TWO, sent, None, "other <- event{quit: 1}"), "-");
        assert_eq!(told(TWO, sent, None, "h.quit <- 1; s.in <- 1"), "-");
    }
}
