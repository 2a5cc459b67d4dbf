//! All that judging the waits of a trace tells, for one choice of which frames are a person's own.
//!
//! Judging goes over the life of every goroutine, several times; what comes of it is small. So it is
//! apart from what it is asked by ([`Question`]), can be written down, and be read again beside an
//! analysis that has no lives any more.

use std::borrow::Cow;

use exectrace::{FrameId, StrId};
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::blame::Blame;
use crate::cases::{self, Went};
use crate::figures::SlotId;
use crate::findings::{Found, Known, find};
use crate::goroutines::{GoGroup, groups, lives};
use crate::jobs::Jobs;
use crate::kept::{are_few, is_harmless, whole};
use crate::placement::Placement;
use crate::range::Index;
use crate::regions::RegionGroup;
use crate::staleness::statement_of;
use crate::suite::{Test, tests};
use crate::verdicts::{Facts, Sum, VERDICTS, Verdict, Verdicts, judge_beside};
use crate::view::Told;

/// What the judgement on a trace depends on, beside the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// By frame: it is of a person's own code.
    own: Vec<bool>,
    /// What a person said of slots, in their order.
    told: Vec<(SlotId, Verdict)>,
}

impl Question {
    /// With a person's word on sites: later ones count before earlier ones. A word on lines with a certain
    /// code counts only where the frames were placed in their sources.
    pub fn new(
        analysis: &Analysis,
        is_own: &dyn Fn(FrameId) -> bool,
        told: &[Told],
        placement: Option<&Placement>,
    ) -> Question {
        let own = (0..analysis.tables.n_frames() as u32).map(|f| is_own(FrameId(f))).collect();
        let mut made = Question { own, told: Vec::new() };
        if !told.is_empty() {
            let slots = (0..analysis.slots.len() as u32).map(SlotId);
            let of = |slot| made.told_of(analysis, told, placement, slot);
            made.told = slots.filter_map(|slot| Some((slot, of(slot)?))).collect();
        }
        made
    }

    /// Whether a frame is of a person's own code.
    pub fn is_own(&self, frame: FrameId) -> bool {
        self.own.get(frame.0 as usize).copied().unwrap_or(false)
    }

    /// As bytes: different questions have different ones.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = (self.own.len() as u64).to_le_bytes().to_vec();
        bytes.extend(self.own.chunks(8).map(|bits| {
            bits.iter().enumerate().fold(0u8, |byte, (i, &bit)| byte | u8::from(bit) << i)
        }));
        for (slot, verdict) in &self.told {
            bytes.extend(slot.0.to_le_bytes());
            bytes.push(*verdict as u8);
        }
        bytes
    }

    fn told(&self, slot: SlotId) -> Option<Verdict> {
        let at = self.told.binary_search_by_key(&slot, |told| told.0).ok()?;
        Some(self.told[at].1)
    }

    /// What a person said of a slot's site.
    fn told_of(
        &self,
        analysis: &Analysis,
        told: &[Told],
        placement: Option<&Placement>,
        slot: SlotId,
    ) -> Option<Verdict> {
        let slot = &analysis.slots[slot.0 as usize];
        let stack = analysis.stack(slot.stack);
        let user = stack.iter().position(|&f| self.is_own(f))?;
        let func = analysis.str(analysis.tables.frame(stack[user]).func);
        let kind = crate::kinds::kind_of(analysis, slot, user)?;
        let label = kind.label(analysis);
        let code = || placement.and_then(|placement| placement.code(stack[user]));
        let fits = |t: &&Told| {
            t.func == func
                && (t.kind.is_empty() || t.kind == label)
                && (t.text.is_empty() || code() == Some(statement_of(&t.text)))
        };
        told.iter().rev().find(fits).map(|t| t.verdict)
    }
}

/// How much of it is wanted. Each tells what the ones before do, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Depth {
    /// Verdicts, and what waits were really waiting for.
    Verdicts,
    /// And what is worth telling.
    Findings,
    /// And what became of goroutines, regions and tasks.
    Groups,
}

/// What judging told.
#[derive(Debug)]
pub struct Judged {
    /// Which waits matter. Of a trace without lives only the sums.
    pub verdicts: Verdicts,
    /// What waits were really waiting for.
    pub blame: Blame,
    /// What is worth telling, if that was asked.
    pub found: Found,
    /// What became of the goroutines of each `go` statement, likewise.
    pub go_groups: Vec<GoGroup>,
    /// User regions and tasks by the line that opens them, likewise.
    pub regions: Vec<RegionGroup>,
    /// The tests of a test binary, likewise.
    pub tests: Vec<Test>,
    /// How the waits in `select`s ended, likewise.
    pub went: Vec<Went>,
    /// By the slot of an assist: how long its goroutines stood still in it, in nanoseconds, if more was asked
    /// than verdicts.
    pub stood: Vec<(SlotId, i64)>,
    /// Where in time the lives lie, where these are there and all was asked.
    pub index: Option<Index>,
}

/// What judging told as it stands in the file.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    depth: Depth,
    sums: Cow<'a, [Sum]>,
    goroutines: Cow<'a, [u32]>,
    blame: Cow<'a, Blame>,
    found: Cow<'a, Found>,
    go_groups: Cow<'a, [GoGroup]>,
    regions: Cow<'a, [RegionGroup]>,
    tests: Cow<'a, [Test]>,
    went: Cow<'a, [Went]>,
    stood: Cow<'a, [(SlotId, i64)]>,
}

impl Judged {
    /// Judges a trace, as long as somebody wants it: `None` soon after `is_wanted` says no, and for a
    /// trace without lives.
    pub fn new(
        analysis: &Analysis,
        question: &Question,
        depth: Depth,
        jobs: &dyn Jobs,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<Judged> {
        let go_on = || is_wanted().then_some(());
        let stays = analysis.stays.as_ref()?;
        let is_own = |f| question.is_own(f);
        let facts = Facts::new(analysis, &is_own);
        go_on()?;
        let told = |slot| question.told(slot);
        let of_regions = |facts: &Facts| match depth {
            Depth::Groups => {
                let index = Index::new(analysis);
                let stood = index.as_ref().map(|index| index.stood(|_, from, to| to - from));
                let stood = stood.unwrap_or_default();
                (crate::regions::groups(analysis, stays, facts), index, stood)
            }
            Depth::Findings => (Vec::new(), None, crate::assists::stood(analysis)),
            Depth::Verdicts => (Vec::new(), None, Vec::new()),
        };
        let of_goroutines = |facts: &Facts| {
            (depth >= Depth::Findings).then(|| {
                let lives = lives(analysis, stays);
                let groups = groups(analysis, stays, facts, &lives);
                let tests = tests(analysis, stays, facts, &lives);
                let went = match depth {
                    Depth::Groups => cases::all(analysis, stays, &is_own),
                    _ => Vec::new(),
                };
                (lives, groups, tests, went)
            })
        };
        let beside = (of_regions, of_goroutines);
        let ((verdicts, blame), (regions, index, stood), goroutines) =
            judge_beside(analysis, facts, &told, jobs, beside)?;
        go_on()?;
        let (go_groups, tests, went, found) = match goroutines {
            Some((lives, groups, tests, went)) => {
                let known = Known {
                    verdicts: &verdicts,
                    blame: &blame,
                    lives: &lives,
                    groups: &groups,
                    stood: &stood,
                };
                let found = find(analysis, &known, &is_own, jobs);
                (groups, tests, went, found)
            }
            None => (Vec::new(), Vec::new(), Vec::new(), Found::default()),
        };
        go_on()?;
        Some(Judged { verdicts, blame, found, go_groups, regions, tests, went, stood, index })
    }

    /// All of it but the verdicts on single waits, as bytes.
    pub fn to_bytes(&self, depth: Depth) -> Option<Vec<u8>> {
        let form = Form {
            depth,
            sums: Cow::Borrowed(&self.verdicts.sums),
            goroutines: Cow::Borrowed(self.verdicts.goroutines()),
            blame: Cow::Borrowed(&self.blame),
            found: Cow::Borrowed(&self.found),
            go_groups: Cow::Borrowed(&self.go_groups),
            regions: Cow::Borrowed(&self.regions),
            tests: Cow::Borrowed(&self.tests),
            went: Cow::Borrowed(&self.went),
            stood: Cow::Borrowed(&self.stood),
        };
        postcard::to_stdvec(&form).ok()
    }

    /// What such bytes tell of a trace for the question that they are an answer to; `None` if they are
    /// not of this trace, or tell less than is wanted.
    pub fn of_bytes(
        bytes: &[u8],
        analysis: &Analysis,
        question: &Question,
        depth: Depth,
    ) -> Option<Judged> {
        let form: Form<'_> = whole(bytes)?;
        if form.depth < depth {
            return None;
        }
        let facts = Facts::new(analysis, &|f| question.is_own(f));
        if !form.is_sound(analysis, &facts) {
            return None;
        }
        Some(Judged {
            verdicts: Verdicts::of_sums(
                form.sums.into_owned(),
                facts,
                form.goroutines.into_owned(),
            ),
            blame: form.blame.into_owned(),
            found: form.found.into_owned(),
            go_groups: form.go_groups.into_owned(),
            regions: form.regions.into_owned(),
            tests: form.tests.into_owned(),
            went: form.went.into_owned(),
            stood: form.stood.into_owned(),
            index: None,
        })
    }
}

impl Form<'_> {
    fn is_sound(&self, analysis: &Analysis, facts: &Facts) -> bool {
        let has = |frame: Option<FrameId>| frame.is_none_or(|f| analysis.has_frame(f));
        let lies = |wait: Option<crate::figures::Instance>| {
            wait.is_none_or(|instance| analysis.has_instance(&instance))
        };
        let is_time = |sum: &Sum| VERDICTS.iter().all(|&v| sum.of(v) >= 0);
        self.sums.len() == analysis.slots.len()
            && self.sums.iter().all(is_time)
            && self.goroutines.len() == facts.n_sites()
            && self.stood.is_sorted_by_key(|(slot, _)| *slot)
            && self
                .stood
                .iter()
                .all(|(slot, ns)| (slot.0 as usize) < analysis.slots.len() && *ns >= 0)
            && self.tests.iter().all(|test| test.is_sound(analysis))
            && self.went.is_sorted_by_key(|went| went.slot)
            && self.went.iter().all(|went| went.is_sound(analysis))
            && self.blame.is_sound(analysis)
            && self.found.findings.iter().all(|finding| {
                has(finding.frame)
                    && is_harmless(&finding.message)
                    && finding.detail.iter().all(|text| is_harmless(text))
                    && finding.related.iter().all(|related| {
                        analysis.has_frame(related.frame)
                            && is_harmless(&related.text)
                            && lies(related.wait)
                    })
            })
            && self.found.looked.iter().all(|looked| {
                has(looked.frame)
                    && is_harmless(&looked.message)
                    && is_harmless(&looked.limit)
                    && looked.nearness.is_finite()
                    && lies(looked.wait)
            })
            && self.go_groups.iter().all(|group| {
                let counts = [group.started, group.ended, group.still, group.alive_max];
                analysis.has_frame(group.created_at)
                    && (group.func == StrId::NONE || analysis.has_str(group.func))
                    && are_few(&counts)
            })
            && self.regions.iter().all(|group| {
                analysis.has_frame(group.opened_at)
                    && analysis.has_str(group.name)
                    && are_few(&[group.n, group.open])
                    && group.values.is_sound()
            })
    }
}
