//! Figures for lines, of the sums by stack.
//!
//! ```text
//! stack, leaf first:   runtime.chansend1   db.(*pool).put   main.serve   main.main
//!   leaf                     ^
//!   here (workspace: db)                         ^
//!   under                    ^                   ^              ^            ^
//! ```

use exectrace::{FrameId, StrId};
use hashbrown::HashMap;

use crate::Analysis;
use crate::causes::CauseId;
use crate::figures::{Instance, SlotId};
use crate::go_source::unescaped;
use crate::sources::{import_path, is_released};
use crate::values::Values;

/// Which line of a stack carries its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The leaf.
    Leaf,
    /// The first frame, leaf upwards, that is user code.
    Here,
    /// Every line that occurs in the stack, once.
    Under,
}

/// A line and what was spent there.
#[derive(Debug, Clone)]
pub struct Line {
    /// The recorded file; empty where there is no stack, or no frame that counts.
    pub file: StrId,
    /// From 1; 0 where the file is empty.
    pub line: u32,
    /// The function of the first frame that was met there.
    pub func: StrId,
    /// That frame.
    pub frame: Option<FrameId>,
    /// By cause, in the order of [`crate::causes::Causes`].
    pub causes: Vec<(CauseId, Figure)>,
}

/// What one cause cost at one place. Times are in nanoseconds.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Spans that ended.
    pub n: u64,
    /// Their time together.
    pub ns: i64,
    /// Spans still under way at the trace's end.
    pub open_n: u64,
    /// Their time up to there.
    pub open_ns: i64,
    /// Spans that were under way when the trace began.
    pub pre_n: u64,
    /// Their time from the trace's beginning to the event that told of them.
    pub pre_ns: i64,
    /// The longest span that ended.
    pub worst: Option<Instance>,
    /// The longest span that an end of the trace cuts, with all of its time in the trace.
    pub cut_worst: Option<Instance>,
    /// The sums that this one is made of.
    pub slots: Vec<SlotId>,
}

impl Figure {
    /// What of a hundred that ended the second longest took, in nanoseconds. `None` of fewer than a hundred; and
    /// where more than one in a hundred are still under way, and most of the time is theirs: then the others tell
    /// nothing.
    pub fn p99(&self, analysis: &Analysis) -> Option<i64> {
        let cut_n = self.open_n.saturating_add(self.pre_n);
        let cut_ns = self.open_ns.saturating_add(self.pre_ns);
        let says = cut_n.saturating_mul(100) <= self.count() || cut_ns <= self.ns;
        if self.n < 100 || !says {
            return None;
        }
        let [p99] = self.values(analysis).percentiles([99]);
        Some(self.worst.map_or(p99, |worst| p99.min(worst.ns)))
    }

    /// Nothing yet.
    pub fn new() -> Figure {
        Figure {
            n: 0,
            ns: 0,
            open_n: 0,
            open_ns: 0,
            pre_n: 0,
            pre_ns: 0,
            worst: None,
            cut_worst: None,
            slots: Vec::new(),
        }
    }

    /// All time, that of spans which the trace's ends cut included.
    pub fn total(&self) -> i64 {
        self.ns.saturating_add(self.open_ns).saturating_add(self.pre_ns)
    }

    /// All spans.
    pub fn count(&self) -> u64 {
        self.n + self.open_n
    }

    /// The longest span of all, with all of its time in the trace.
    pub fn longest(&self) -> Option<Instance> {
        match (self.worst, self.cut_worst) {
            (Some(a), Some(b)) => Some(if b.ns > a.ns { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// Adds a slot.
    pub fn add(&mut self, analysis: &Analysis, id: SlotId) {
        let slot = &analysis.slots[id.0 as usize];
        self.n += slot.n;
        self.ns = self.ns.saturating_add(slot.ns);
        self.open_n += slot.open_n;
        self.open_ns = self.open_ns.saturating_add(slot.open_ns);
        self.pre_n += slot.pre_n;
        self.pre_ns = self.pre_ns.saturating_add(slot.pre_ns);
        self.worst = longer(self.worst, slot.worst);
        self.cut_worst = longer(self.cut_worst, slot.cut_worst);
        self.slots.push(id);
    }

    /// Adds another figure.
    pub fn merge(&mut self, other: &Figure) {
        self.n += other.n;
        self.ns = self.ns.saturating_add(other.ns);
        self.open_n += other.open_n;
        self.open_ns = self.open_ns.saturating_add(other.open_ns);
        self.pre_n += other.pre_n;
        self.pre_ns = self.pre_ns.saturating_add(other.pre_ns);
        if let Some(worst) = other.worst {
            self.worst = longer(self.worst, worst);
        }
        if let Some(worst) = other.cut_worst {
            self.cut_worst = longer(self.cut_worst, worst);
        }
        self.slots.extend_from_slice(&other.slots);
    }

    /// The lengths of the spans that ended.
    pub fn values(&self, analysis: &Analysis) -> Values {
        let mut all = Values::default();
        for id in &self.slots {
            all.merge(&analysis.slots[id.0 as usize].values);
        }
        all
    }

    fn is_empty(&self) -> bool {
        self.n == 0 && self.open_n == 0 && self.pre_n == 0
    }
}

impl Default for Figure {
    fn default() -> Self {
        Figure::new()
    }
}

/// The longer of two; the earlier of two that are equal, so that the answer does not depend on
/// the order in which sums are added.
fn longer(a: Option<Instance>, b: Instance) -> Option<Instance> {
    if b.ns < 0 {
        return a;
    }
    match a {
        Some(a) if (a.ns, std::cmp::Reverse(a.start)) >= (b.ns, std::cmp::Reverse(b.start)) => {
            Some(a)
        }
        _ => Some(b),
    }
}

/// A frame for "no frame".
const NOWHERE: (StrId, u32, StrId) = (StrId::NONE, 0, StrId::NONE);

/// The lines of a trace, by file and line. `is_user` tells which frames count for [`By::Here`].
pub fn lines(analysis: &Analysis, by: By, is_user: &dyn Fn(FrameId) -> bool) -> Vec<Line> {
    let user: Vec<bool> = match by {
        By::Here => (0..analysis.tables.n_frames() as u32).map(|f| is_user(FrameId(f))).collect(),
        By::Leaf | By::Under => Vec::new(),
    };
    let mut table = Table { analysis, lines: Vec::new(), rows: HashMap::new() };
    let mut seen = Vec::new();
    for (row, slot) in analysis.slots.iter().enumerate() {
        let id = SlotId(row as u32);
        let stack = analysis.stack(slot.stack);
        match by {
            By::Leaf => table.add(stack.first().copied(), slot.cause, id),
            By::Here => {
                let frame = stack.iter().copied().find(|f| user[f.0 as usize]);
                table.add(frame, slot.cause, id);
            }
            By::Under => {
                seen.clear();
                for &f in stack {
                    let frame = analysis.tables.frame(f);
                    let place = (frame.file, frame.line);
                    if !seen.contains(&place) {
                        seen.push(place);
                        table.add(Some(f), slot.cause, id);
                    }
                }
            }
        }
    }
    let mut lines = table.lines;
    for line in &mut lines {
        line.causes.retain(|(_, figure)| !figure.is_empty());
        line.causes.sort_unstable_by_key(|c| c.0);
    }
    lines.retain(|line| !line.causes.is_empty());
    lines.sort_unstable_by(|a, b| {
        (analysis.str(a.file), a.line).cmp(&(analysis.str(b.file), b.line))
    });
    lines
}

struct Table<'a> {
    analysis: &'a Analysis,
    lines: Vec<Line>,
    rows: HashMap<(StrId, u32), usize>,
}

impl Table<'_> {
    fn add(&mut self, frame: Option<FrameId>, cause: CauseId, slot: SlotId) {
        let (file, line, func) = frame.map_or(NOWHERE, |f| {
            let frame = self.analysis.tables.frame(f);
            (frame.file, frame.line, frame.func)
        });
        let row = *self.rows.entry((file, line)).or_insert_with(|| {
            self.lines.push(Line { file, line, func, frame, causes: Vec::new() });
            self.lines.len() - 1
        });
        let causes = &mut self.lines[row].causes;
        let at = causes.iter().position(|c| c.0 == cause).unwrap_or_else(|| {
            causes.push((cause, Figure::new()));
            causes.len() - 1
        });
        causes[at].1.add(self.analysis, slot);
    }
}

/// Whether a function is user code by its name alone, where no workspace tells it: its package is
/// `main`, or the first element of its path has a dot and is not `vendor`.
pub fn is_user_by_name(func: &str) -> bool {
    let package = package_of(func);
    if package == "main" {
        return true;
    }
    let first = package.split('/').next().unwrap_or_default();
    first != "vendor" && first.contains('.')
}

/// By frame: user code where no workspace tells it. That is told by names, and released modules (in the
/// module cache, or with a version in their path) are left out, unless the program is one itself and has
/// no other code.
pub fn own_by_name(analysis: &Analysis) -> Vec<bool> {
    let frames =
        || (0..analysis.tables.n_frames() as u32).map(|f| analysis.tables.frame(FrameId(f)));
    let named: Vec<bool> =
        frames().map(|frame| is_user_by_name(analysis.str(frame.func))).collect();
    let left: Vec<bool> = named
        .iter()
        .zip(frames())
        .map(|(&named, frame)| named && !is_released(analysis.str(frame.file)))
        .collect();
    // Of a test binary, Go wrote the `main` itself.
    let has_code = left
        .iter()
        .zip(frames())
        .any(|(&left, frame)| left && !analysis.str(frame.file).ends_with("_testmain.go"));
    if has_code { left } else { named }
}

/// The import path below which the program's own packages lie: by the file of a function of its `main`
/// package; of a test binary, whose `main` nobody wrote, by the package of a test. `None` where none is
/// seen, or its path is no import path.
pub fn program_path(analysis: &Analysis) -> Option<String> {
    let mut of_test = None;
    for row in 0..analysis.tables.n_frames() as u32 {
        let frame = analysis.tables.frame(FrameId(row));
        let (func, file) = (analysis.str(frame.func), analysis.str(frame.file));
        let package = package_of(func);
        if package == "main" {
            if let Some(file) = import_path(file) {
                return project(file.rsplit_once('/')?.0);
            }
        } else if of_test.is_none() && file.ends_with("_test.go") {
            // Only test binaries have such files.
            of_test = project(package.strip_suffix("_test").unwrap_or(package));
        }
    }
    of_test
}

/// The part of a package's import path that is the project: `github.com/owner/name` of what is below.
fn project(package: &str) -> Option<String> {
    let mut parts = package.split('/');
    let host = parts.next().filter(|host| host.contains('.'))?;
    // Code hosts have an owner and a repository; a domain of one's own has a project.
    let hosts = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];
    let n = if hosts.contains(&host) || host.starts_with("golang.org") { 2 } else { 1 };
    Some(std::iter::once(host).chain(parts.take(n)).collect::<Vec<_>>().join("/"))
}

/// Whether a function is in one of these packages or below one of them.
pub fn is_in_packages(func: &str, packages: &[String]) -> bool {
    let package = unescaped(package_of(func));
    packages.iter().any(|p| {
        package
            .strip_prefix(&*unescaped(p))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The import path of a function's package, as its full name has it.
pub fn package_of(func: &str) -> &str {
    // Type arguments hold paths of their own.
    let plain = func.split('[').next().unwrap_or_default();
    let dir = plain.rfind('/').map_or(0, |i| i + 1);
    let base = plain[dir..].split('.').next().unwrap_or_default();
    &plain[..dir + base.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_code_by_name() {
        assert_eq!(package_of("example.com/x/pkg.(*T[go.shape.int]).M.func1"), "example.com/x/pkg");
        assert_eq!(package_of("main.Map[example.com/x.T]"), "main");
        assert_eq!(package_of("net/http.(*conn).serve"), "net/http");
        assert_eq!(package_of(""), "");
        for (func, user) in [
            ("main.main", true),
            ("example.com/workload/kit.Run", true),
            ("net/http.Serve", false),
            ("vendor/golang.org/x/net/http2.F", false),
            ("runtime.main", false),
            ("", false),
        ] {
            assert_eq!(is_user_by_name(func), user, "{func}");
        }
        let packages = ["github.com/a/b".to_owned()];
        assert!(is_in_packages("github.com/a/b.F", &packages));
        assert!(is_in_packages("github.com/a/b/c.(*T).M", &packages));
        assert!(!is_in_packages("github.com/a/bc.F", &packages));
        let packages = ["github.com/nats-io/nats.go".to_owned()];
        assert!(is_in_packages("github.com/nats-io/nats%2ego.(*Conn).Request", &packages));
        assert!(is_in_packages("github.com/nats-io/nats.go/jetstream.New", &packages));
        let packages = ["gopkg.in/yaml%2ev3".to_owned()];
        assert!(is_in_packages("gopkg.in/yaml%2ev3.Unmarshal", &packages));
    }
}
