//! A trace seen from a workspace: all that an answer is made of, immutable, to be shared.

use std::sync::Arc;

use exectrace::{FrameId, GoId, Nanos, Version};

use crate::Analysis;
use crate::behind::AllBehind;
use crate::blame::{Blame, EndLine};
use crate::cases::{self, AllCases};
use crate::figures::SlotId;
use crate::findings::{Code, Finding, Found, Looked, Severity};
use crate::goroutines::GoGroup;
use crate::jobs::{InTurn, Jobs};
use crate::judged::{Depth, Judged, Question};
use crate::lines::{is_in_packages, own_by_name};
use crate::metric::Metric;
use crate::placement::{FileId, Placement};
use crate::range::{Index, window};
use crate::regions::RegionGroup;
use crate::sites::{SiteLine, Sites};
use crate::staleness::State;
use crate::suite::Test;
use crate::verdicts::{Sum, Verdict, Verdicts};

/// A trace and where it stands in the workspace.
#[derive(Debug)]
pub struct View {
    /// What the trace's file is called.
    pub name: String,
    /// What is known of the trace.
    pub analysis: Analysis,
    /// Where its frames stand.
    pub placement: Arc<Placement>,
    /// What each line costs.
    pub sites: Sites,
    /// Which waits matter, if the trace was judged. Without lives only their sums: see
    /// [`View::lacks_lives`].
    pub verdicts: Option<Arc<Verdicts>>,
    /// By the row of a slot: how its waits were judged, in the range if there is one.
    sums: Vec<Sum>,
    /// What waits were really waiting for, likewise; of the whole trace, also in a range.
    pub blame: Option<Arc<Blame>>,
    /// Whom lines hold up: what is costly elsewhere and ends there; likewise.
    pub behind: AllBehind,
    /// With which of their cases `select`s went on; likewise.
    pub cases: AllCases,
    /// What is worth telling, the dearest first.
    pub findings: Vec<Finding>,
    /// What rules looked at and what fell short, the nearest first: the whole trace's, always.
    pub looked: Arc<Vec<Looked>>,
    /// How many findings a person silenced by the configuration.
    pub n_silenced: usize,
    /// What became of the goroutines of each `go` statement; of the whole trace, also in a range.
    pub go_groups: Arc<Vec<GoGroup>>,
    /// User regions and tasks by the line that opens them; of the whole trace, also in a range.
    pub regions: Arc<Vec<RegionGroup>>,
    /// The tests of a test binary, the longest first; of the whole trace, also in a range.
    pub tests: Arc<Vec<Test>>,
    /// The window of the trace that all figures are of, if not the whole.
    pub range: Option<(Nanos, Nanos)>,
    /// By the slot of an assist: how long its goroutines stood still in it; in the range if there is one.
    stood: Vec<(SlotId, i64)>,
    index: Option<Arc<Index>>,
    /// What it was judged by.
    question: Arc<Question>,
}

/// What a workspace says of its own waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Verdicts on sites; later ones count before earlier ones.
    pub told: Vec<Told>,
    /// Findings that are not wanted.
    pub silenced: Vec<Silenced>,
    /// How serious findings of some kinds are told, in the place of what they are.
    pub severities: Vec<(Code, Severity)>,
    /// The most findings that are told, the dearest first; `None`: all.
    pub most: Option<usize>,
}

/// Findings that are not wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// Which, by their code.
    pub code: Code,
    /// Only below this import path; empty for everywhere.
    pub package: String,
}

/// A person's word on a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The function's full name.
    pub func: String,
    /// The code of its lines that are meant, without indentation and comment; empty for all of its lines.
    pub text: String,
    /// The kind's label, as lines show it; empty for all kinds.
    pub kind: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// Least time that a line must cost to be shown, in nanoseconds.
pub const MIN_SHOWN_NS: i64 = 1_000_000;

impl View {
    /// Judges the waits of a trace that was placed, and sums up its sites.
    pub fn new(name: String, analysis: Analysis, placement: Placement, word: &Word) -> View {
        #[allow(clippy::expect_used)] // it ends early only where somebody says so
        View::new_while(name, analysis, placement, word, &InTurn(1), &|| true)
            .expect("nobody stops it")
    }

    /// The same, as long as somebody wants it: `None` soon after `is_wanted` says no.
    pub fn new_while(
        name: String,
        analysis: Analysis,
        placement: Placement,
        word: &Word,
        jobs: &dyn Jobs,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<View> {
        let question = View::question(&analysis, &placement, word);
        let judged = Judged::new(&analysis, &question, Depth::Groups, jobs, is_wanted);
        if !is_wanted() {
            return None;
        }
        Some(View::judged_so(name, analysis, placement, word, question, judged))
    }

    /// What a trace that was placed is judged by.
    pub fn question(analysis: &Analysis, placement: &Placement, word: &Word) -> Question {
        // Without source, user code is told by the functions' names.
        let by_name = placement.files.is_empty().then(|| own_by_name(analysis));
        let is_own = |f: FrameId| match &by_name {
            Some(own) => own[f.0 as usize],
            None => placement.place(f).is_some(),
        };
        Question::new(analysis, &is_own, &word.told, Some(placement))
    }

    /// The view of a trace that was placed and judged: `judged` is the answer to `question`.
    pub fn judged_so(
        name: String,
        analysis: Analysis,
        placement: Placement,
        word: &Word,
        question: Question,
        judged: Option<Judged>,
    ) -> View {
        let (mut verdicts, mut blame, mut found) = (None, None, Found::default());
        let (mut go_groups, mut regions, mut index) = (Vec::new(), Vec::new(), None);
        let (mut tests, mut stood, mut went) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(judged) = judged {
            (verdicts, blame) = (Some(Arc::new(judged.verdicts)), Some(Arc::new(judged.blame)));
            (found, go_groups, regions) = (judged.found, judged.go_groups, judged.regions);
            (tests, stood, went) = (judged.tests, judged.stood, judged.went);
            index = judged.index.map(Arc::new);
        }
        found.name_places(&analysis, Some(&placement));
        let Found { findings, looked } = &mut found;
        let all = findings.len();
        let silenced = |code, frame| is_silenced(&analysis, code, frame, &word.silenced);
        findings.retain(|finding| !silenced(finding.code, finding.frame));
        looked.retain(|looked| !silenced(looked.code, looked.frame));
        let n_silenced = all - findings.len();
        findings.truncate(word.most.unwrap_or(usize::MAX));
        for finding in findings {
            let told = word.severities.iter().rev().find(|(code, _)| *code == finding.code);
            finding.severity = told.map_or(finding.severity, |(_, severity)| *severity);
        }
        let sums = verdicts.as_ref().map(|v| v.sums.clone()).unwrap_or_default();
        let sites = Sites::new(&analysis, &placement, &sums, &stood);
        View {
            behind: AllBehind::new(&analysis, &placement, &sites, &sums, blame.as_deref()),
            cases: AllCases::new(&placement, &sites, &went),
            name,
            analysis,
            stood,
            placement: Arc::new(placement),
            sites,
            verdicts,
            sums,
            blame,
            findings: found.findings,
            looked: Arc::new(found.looked),
            n_silenced,
            go_groups: Arc::new(go_groups),
            regions: Arc::new(regions),
            tests: Arc::new(tests),
            range: None,
            index,
            question: Arc::new(question),
        }
    }

    /// Whether it was judged and has no lives of goroutines: then it has no ranges, and no verdicts on
    /// single waits.
    pub fn lacks_lives(&self) -> bool {
        self.verdicts.is_some() && self.analysis.stays.is_none()
    }

    /// Whether it is the same view of the same trace, with lives or without.
    pub fn is_like(&self, other: &View) -> bool {
        Arc::ptr_eq(&self.question, &other.question) && self.range == other.range
    }

    /// The same view with the lives of its goroutines, which `analysis` has: that of the same trace,
    /// read again. `None` if it is of another, and soon after `is_wanted` says no.
    pub fn with_lives(
        &self,
        analysis: Analysis,
        jobs: &dyn Jobs,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<View> {
        if !analysis.tables.are_those(&self.analysis.tables) {
            return None;
        }
        let judged = Judged::new(&analysis, &self.question, Depth::Verdicts, jobs, is_wanted)?;
        let sums = judged.verdicts.sums.clone();
        let sites = Sites::new(&analysis, &self.placement, &sums, &self.stood);
        Some(View {
            name: self.name.clone(),
            placement: self.placement.clone(),
            behind: AllBehind::new(&analysis, &self.placement, &sites, &sums, Some(&judged.blame)),
            cases: self.cases.clone(),
            sites,
            stood: self.stood.clone(),
            verdicts: Some(Arc::new(judged.verdicts)),
            sums,
            blame: Some(Arc::new(judged.blame)),
            findings: self.findings.clone(),
            looked: self.looked.clone(),
            n_silenced: self.n_silenced,
            go_groups: self.go_groups.clone(),
            regions: self.regions.clone(),
            tests: self.tests.clone(),
            range: None,
            index: Index::new(&analysis).map(Arc::new),
            question: self.question.clone(),
            analysis,
        })
    }

    /// The same trace with figures of the time from `t0` to `t1` only. Verdicts stay the
    /// whole trace's; findings are those whose line cost something in that time.
    pub fn in_range(&self, t0: Nanos, t1: Nanos) -> View {
        let end = self.analysis.totals.end;
        let (t0, t1) = (t0.max(Nanos(0)).min(end), t1.max(Nanos(0)).min(end));
        let mut analysis = self.analysis.clone();
        let mut sums = Vec::new();
        let (mut blame, mut stood, mut went) = (None, Vec::new(), Vec::new());
        if let Some(index) = &self.index {
            let cut = window(&self.analysis, index, self.verdicts.as_deref(), t0, t1);
            analysis.slots = cut.slots;
            analysis.wakers = cut.wakers;
            sums = cut.sums;
            stood = index.stood(|_, from, to| to.min(t1.0) - from.max(t0.0));
            let n_stays = self.analysis.stays.as_ref().map_or(0, |stays| stays.len());
            let rows = || index.stays_between(t0, t1).filter(move |row| (row.0 as usize) < n_stays);
            if let Some(stays) = &self.analysis.stays {
                let is_own = |f| self.question.is_own(f);
                let window = (t0.0, t1.0);
                went = cases::in_window(&self.analysis, stays, &is_own, rows(), window);
            }
            blame = self.verdicts.as_ref().and_then(|verdicts| {
                Blame::in_window(&self.analysis, &verdicts.facts, rows(), (t0.0, t1.0))
            });
        }
        let sites = Sites::new(&analysis, &self.placement, &sums, &stood);
        let behind = AllBehind::new(&analysis, &self.placement, &sites, &sums, blame.as_ref());
        let cases = AllCases::new(&self.placement, &sites, &went);
        let costs = |finding: &&Finding| match finding.frame.and_then(|f| self.placement.place(f)) {
            Some(place) => sites.line(place.file, place.line).is_some(),
            None => true,
        };
        View {
            name: self.name.clone(),
            findings: self.findings.iter().filter(costs).cloned().collect(),
            looked: self.looked.clone(),
            n_silenced: self.n_silenced,
            analysis,
            placement: self.placement.clone(),
            behind,
            cases,
            sites,
            verdicts: self.verdicts.clone(),
            sums,
            stood,
            blame: blame.map(Arc::new),
            go_groups: self.go_groups.clone(),
            regions: self.regions.clone(),
            tests: self.tests.clone(),
            range: Some((t0, t1)),
            index: self.index.clone(),
            question: self.question.clone(),
        }
    }

    /// The length of the time that all figures are of, in nanoseconds.
    pub fn length(&self) -> i64 {
        self.range.map_or(self.analysis.duration(), |(t0, t1)| t1.since(t0))
    }

    /// What stands before figures of a range: the badge.
    pub fn badge(&self) -> &'static str {
        if self.range.is_some() { "◔ " } else { "" }
    }

    /// Whether a frame is of the program's own code.
    pub fn is_user(&self, frame: FrameId) -> bool {
        match &self.verdicts {
            Some(verdicts) => verdicts.facts.is_own(frame),
            None => self.placement.place(frame).is_some(),
        }
    }

    /// How many goroutines waited in some slots.
    pub fn n_goroutines(&self, slots: &[SlotId]) -> u64 {
        self.verdicts.as_ref().map_or(0, |v| v.n_goroutines(slots))
    }

    /// What some slots were judged.
    pub fn judged(&self, slots: &[SlotId]) -> Sum {
        let mut sum = Sum::default();
        for slot in slots {
            if let Some(judged) = self.sums.get(slot.0 as usize) {
                sum.merge(judged);
            }
        }
        sum
    }

    /// What of some slots is costly, by what it ends in, the most first.
    pub fn costly_ends(&self, slots: &[SlotId]) -> Vec<(EndLine, i64)> {
        let blame = self.blame.as_ref();
        blame.map(|b| b.costly_ends(&self.analysis, &self.sums, slots)).unwrap_or_default()
    }

    /// What goroutines ran in an assist's slot, in nanoseconds: what it costs beside the waits in it. All
    /// of it where nothing was judged.
    pub fn ran_assisting(&self, slot: SlotId) -> i64 {
        let of = self.analysis.slots.get(slot.0 as usize);
        let all = of.map_or(0, |s| s.ns.saturating_add(s.open_ns).saturating_add(s.pre_ns));
        (all - crate::assists::of(&self.stood, slot)).max(0)
    }

    /// By the slot of an assist, in order: how long its goroutines stood still in it in time that
    /// `inside` counts, in nanoseconds.
    pub(crate) fn stood_assisting(
        &self,
        inside: impl Fn(GoId, i64, i64) -> i64,
    ) -> Vec<(SlotId, i64)> {
        self.index.as_ref().map(|index| index.stood(inside)).unwrap_or_default()
    }

    /// Figures carry this mark where the trace was not read to its end.
    pub fn approximately(&self) -> &'static str {
        if self.analysis.problem.is_some() { "≈ " } else { "" }
    }

    /// How many wait for this long together, on average over the trace: time over time.
    pub fn waiting_on_average(&self, ns: i64) -> String {
        crate::units::ratio(ns, self.length().max(1))
    }

    /// The trace in a line: its name, length and Go's version.
    pub fn summary(&self) -> String {
        self.summary_as(&crate::text::plain(&self.name))
    }

    /// The same with the name as the caller writes it.
    pub(crate) fn summary_as(&self, name: &str) -> String {
        let version = go_release(self.analysis.version);
        let partial = match &self.analysis.problem {
            Some(_) => " · not read to its end",
            None => "",
        };
        let length = crate::units::duration(self.analysis.duration());
        format!("{name} · {length} · Go {version}{partial}")
    }

    /// `file.go:12 (*T).Method`, as short as a person can take it.
    pub fn frame_name(&self, frame: FrameId) -> String {
        let frame = self.analysis.tables.frame(frame);
        let file = self.analysis.str(frame.file);
        let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let func = short_func(self.analysis.str(frame.func));
        crate::text::plain(&format!("{base}:{} {func}", frame.line))
    }

    /// The findings on the lines of a file, with the recorded line, from 0.
    pub fn findings_at(&self, file: FileId) -> impl Iterator<Item = (u32, &Finding)> {
        self.findings.iter().filter_map(move |finding| {
            let place = self.placement.place(finding.frame?)?;
            // What is told of a function that has changed need not be true any more.
            let is_sure = place.state < State::Doubtful;
            (place.file == file && is_sure).then_some((place.line, finding))
        })
    }

    /// The lines of a file worth showing, in rising order: at least 1 ms, and half a per
    /// cent of all that costs, or among the file's five dearest, or with a finding.
    pub fn shown(&self, file: FileId) -> Vec<&SiteLine> {
        self.shown_by(file, MIN_SHOWN_NS, Metric::Impact)
    }

    /// The same with another least time, in nanoseconds, by what a metric counts.
    pub fn shown_by(&self, file: FileId, least_ns: i64, metric: Metric) -> Vec<&SiteLine> {
        let mut lines: Vec<&SiteLine> = self
            .sites
            .lines(file)
            .iter()
            .filter(|l| l.holds && metric.dearest_ns(l) >= least_ns)
            .collect();
        let found: Vec<u32> = self.findings_at(file).map(|(line, _)| line).collect();
        lines.sort_by_key(|l| std::cmp::Reverse(metric.dearest_ns(l)));
        let total = i128::from(metric.of_all(&self.sites).max(1));
        let mut rank = 0;
        lines.retain(|l| {
            rank += 1;
            rank <= 5 || i128::from(metric.dearest_ns(l)) * 200 >= total || found.contains(&l.line)
        });
        lines.truncate(200);
        lines.sort_by_key(|l| l.line);
        lines
    }
}

fn is_silenced(
    analysis: &Analysis,
    code: Code,
    frame: Option<FrameId>,
    silenced: &[Silenced],
) -> bool {
    let func = frame.map(|f| analysis.str(analysis.tables.frame(f).func));
    silenced.iter().filter(|s| s.code == code).any(|s| {
        s.package.is_empty()
            || func.is_some_and(|f| is_in_packages(f, std::slice::from_ref(&s.package)))
    })
}

/// Which releases of Go write this version of the format.
pub fn go_release(version: Version) -> &'static str {
    match version {
        Version::GO_1_11 => "1.11 to 1.18",
        Version::GO_1_19 => "1.19 or 1.20",
        Version::GO_1_21 => "1.21",
        Version::GO_1_22 => "1.22",
        Version::GO_1_23 => "1.23 or 1.24",
        Version::GO_1_25 => "1.25",
        Version::GO_1_26 => "1.26 or newer",
        _ => "newer than this Waitline",
    }
}

/// A function's name without the path of its package.
pub fn short_func(func: &str) -> &str {
    let package = crate::lines::package_of(func);
    func.get(package.len()..).map_or(func, |f| f.strip_prefix('.').unwrap_or(f))
}
