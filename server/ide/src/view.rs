//! A trace seen from a workspace: all that an answer is made of, immutable, to be shared.

use exectrace::{FrameId, Version};

use crate::Analysis;
use crate::blame::Blame;
use crate::figures::SlotId;
use crate::lines::is_user_by_name;
use crate::placement::{FileId, Placement};
use crate::sites::{SiteLine, Sites};
use crate::verdicts::{Facts, Sum, Verdict, Verdicts, judge};

/// A trace and where it stands in the workspace.
#[derive(Debug)]
pub struct View {
    /// What the trace's file is called.
    pub name: String,
    /// What is known of the trace.
    pub analysis: Analysis,
    /// Where its frames stand.
    pub placement: Placement,
    /// What each line costs.
    pub sites: Sites,
    /// Which waits matter, if the trace was loaded with the lives of its goroutines.
    pub verdicts: Option<Verdicts>,
    /// What waits were really waiting for, likewise.
    pub blame: Option<Blame>,
}

/// A person's word on a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The function's full name.
    pub func: String,
    /// The kind's label, as lines show it; empty for all kinds.
    pub kind: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// Least time that a line must cost to be shown, in nanoseconds.
pub const MIN_SHOWN_NS: i64 = 1_000_000;

impl View {
    /// Judges the waits of a trace that was placed, and sums up its sites.
    pub fn new(name: String, analysis: Analysis, placement: Placement, told: &[Told]) -> View {
        // Without source, user code is told by the functions' names.
        let by_name = placement.files.is_empty();
        let is_user = |f: FrameId| {
            if by_name {
                is_user_by_name(analysis.str(analysis.tables.frame(f).func))
            } else {
                placement.place(f).is_some()
            }
        };
        let facts = Facts::new(&analysis, &is_user);
        let blame = Blame::new(&analysis, &facts);
        let overrule = |slot| told_of(&analysis, &is_user, told, slot);
        let verdicts = judge(&analysis, facts, blame.as_ref(), &overrule);
        let sites = Sites::new(&analysis, &placement, verdicts.as_ref());
        View { name, analysis, placement, sites, verdicts, blame }
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
            if let Some(judged) = self.verdicts.as_ref().and_then(|v| v.sums.get(slot.0 as usize)) {
                sum.merge(judged);
            }
        }
        sum
    }

    /// Figures carry this mark where the trace was not read to its end.
    pub fn approximately(&self) -> &'static str {
        if self.analysis.problem.is_some() { "≈ " } else { "" }
    }

    /// How many wait for this long together, on average over the trace: time over time.
    pub fn waiting_on_average(&self, ns: i64) -> String {
        crate::units::ratio(ns, self.analysis.duration().max(1))
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

    /// The lines of a file worth showing, in rising order: at least 1 ms, and either half a
    /// per cent of all that costs or among the file's five dearest.
    pub fn shown(&self, file: FileId) -> Vec<&SiteLine> {
        let mut lines: Vec<&SiteLine> = self
            .sites
            .lines(file)
            .iter()
            .filter(|l| l.holds && l.dearest_ns() >= MIN_SHOWN_NS)
            .collect();
        lines.sort_by_key(|l| std::cmp::Reverse(l.dearest_ns()));
        let total = i128::from(self.sites.costly_ns.max(1));
        let mut rank = 0;
        lines.retain(|l| {
            rank += 1;
            rank <= 5 || i128::from(l.dearest_ns()) * 200 >= total
        });
        lines.truncate(200);
        lines.sort_by_key(|l| l.line);
        lines
    }
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

/// What a person said of a slot's site.
fn told_of(
    analysis: &Analysis,
    is_user: &dyn Fn(FrameId) -> bool,
    told: &[Told],
    slot: SlotId,
) -> Option<Verdict> {
    if told.is_empty() {
        return None;
    }
    let slot = &analysis.slots[slot.0 as usize];
    let stack = analysis.stack(slot.stack);
    let user = stack.iter().position(|&f| is_user(f))?;
    let func = analysis.str(analysis.tables.frame(stack[user]).func);
    let kind = crate::kinds::kind_of(analysis, slot, user)?;
    let label = kind.label(analysis);
    let fits = |t: &&Told| t.func == func && (t.kind.is_empty() || t.kind == label);
    told.iter().rev().find(fits).map(|t| t.verdict)
}

/// A function's name without the path of its package.
pub fn short_func(func: &str) -> &str {
    let package = crate::lines::package_of(func);
    func.get(package.len()..).map_or(func, |f| f.strip_prefix('.').unwrap_or(f))
}
