//! A trace seen from a workspace: all that an answer is made of, immutable, to be shared.

use exectrace::{FrameId, Version};

use crate::Analysis;
use crate::placement::{FileId, Placement};
use crate::sites::{SiteLine, Sites};

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
}

/// Least time that a line must cost to be shown, in nanoseconds.
pub const MIN_SHOWN_NS: i64 = 1_000_000;

impl View {
    /// Sums up the sites of a trace that was placed.
    pub fn new(name: String, analysis: Analysis, placement: Placement) -> View {
        let sites = Sites::new(&analysis, &placement);
        View { name, analysis, placement, sites }
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
        let version = go_release(self.analysis.version);
        let partial = match &self.analysis.problem {
            Some(_) => " · not read to its end",
            None => "",
        };
        let length = crate::units::duration(self.analysis.duration());
        format!("{} · {length} · Go {version}{partial}", crate::text::plain(&self.name))
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
    /// per cent of all that the program's lines cost or among the file's five dearest.
    pub fn shown(&self, file: FileId) -> Vec<&SiteLine> {
        let mut lines: Vec<&SiteLine> = self
            .sites
            .lines(file)
            .iter()
            .filter(|l| l.holds && l.dearest_ns() >= MIN_SHOWN_NS)
            .collect();
        lines.sort_by_key(|l| std::cmp::Reverse(l.dearest_ns()));
        let total = i128::from(self.sites.total_ns);
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

/// A function's name without the path of its package.
pub fn short_func(func: &str) -> &str {
    let package = crate::lines::package_of(func);
    func.get(package.len()..).map_or(func, |f| f.strip_prefix('.').unwrap_or(f))
}
