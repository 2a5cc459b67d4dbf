//! The tests of a test binary: how long each took, and where that went.
//!
//! Go runs each test in a goroutine whose first function is the testing package's, so tables of goroutines
//! have all tests in one row. Which test it is, its stacks tell: the outermost function of the program's
//! own above the one that runs tests. (What a subtest was called is not in the trace.) One that never stood
//! still nor was stopped has no stack; so it took no time worth telling.

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::Analysis;
use crate::figures::SlotId;
use crate::goroutines::Life;
use crate::kinds::{Kind, kind_of};
use crate::stays::{Go, StayKind, StayRow, Stays};
use crate::units::percent_short;
use crate::verdicts::Facts;
use crate::view::View;

/// A test, a subtest or a benchmark, all its runs together. Times are in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// A line of its function.
    pub frame: FrameId,
    /// How many goroutines ran it. That of a benchmark does many rounds.
    pub n: u64,
    /// How long its runs took, without what they were paused for.
    pub ns: i64,
    /// The longest run.
    pub longest_ns: i64,
    /// How long its goroutines ran.
    pub run_ns: i64,
    /// How long they waited for subtests within their function: for those that are not parallel.
    pub subtests_ns: i64,
    /// How long they were paused: parallel tests begin when others are done, and a test ends with its parallel
    /// subtests.
    pub paused_ns: i64,
    /// What else they stood still for longest: a slot of that line, and the time of all of that line and
    /// kind.
    pub most: Option<(SlotId, i64)>,
}

/// What most of a test's time went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// It ran.
    Running,
    /// It waited for its subtests.
    Subtests,
    /// It stood still at a line, for what the slot tells.
    At(SlotId),
}

impl Test {
    fn new(frame: FrameId) -> Test {
        let (n, ns, longest_ns, run_ns, subtests_ns, paused_ns) = (0, 0, 0, 0, 0, 0);
        Test { frame, n, ns, longest_ns, run_ns, subtests_ns, paused_ns, most: None }
    }

    /// The full name of its function.
    pub fn func<'a>(&self, analysis: &'a Analysis) -> &'a str {
        analysis.str(analysis.tables.frame(self.frame).func)
    }

    /// What most of its time went to, and how much that was.
    pub fn most(&self) -> (Most, i64) {
        let most = self.most.map(|(slot, ns)| (Most::At(slot), ns));
        let all = [(Most::Running, self.run_ns), (Most::Subtests, self.subtests_ns)];
        let largest = |a: (Most, i64), b: (Most, i64)| if b.1 > a.1 { b } else { a };
        most.into_iter().chain(all).fold((Most::Running, 0), largest)
    }

    /// Whether it is a test of this trace: what was read from a file can be anything.
    pub(crate) fn is_sound(&self, analysis: &Analysis) -> bool {
        let times = [self.ns, self.longest_ns, self.run_ns, self.subtests_ns, self.paused_ns];
        analysis.has_frame(self.frame)
            && crate::kept::are_few(&[self.n])
            && times.iter().all(|&ns| ns >= 0)
            && self
                .most
                .is_none_or(|(slot, ns)| (slot.0 as usize) < analysis.slots.len() && ns >= 0)
    }
}

/// What a slot of [`Test::most`] was spent on, and the line that a person would look at.
pub fn line(view: &View, slot: SlotId) -> Option<(Kind, Option<FrameId>)> {
    let facts = &view.verdicts.as_ref()?.facts;
    let of = view.analysis.slots.get(slot.0 as usize)?;
    let kind = kind_at(&view.analysis, facts, slot)?;
    Some((kind, facts.line_of(&view.analysis, of.stack)))
}

/// What most of a test's time went to, in few words; `place` is how a line is told.
pub fn most_of(view: &View, test: &Test, place: &dyn Fn(FrameId) -> String) -> String {
    let (most, ns) = test.most();
    let share = percent_short(ns, test.ns.max(1));
    let slot = match most {
        Most::Running => return format!("running {share}"),
        Most::Subtests => return format!("its subtests {share}"),
        Most::At(slot) => slot,
    };
    let Some((kind, frame)) = line(view, slot) else { return share };
    let kind = crate::text::plain(kind.label(&view.analysis));
    match frame {
        Some(frame) => format!("{kind} {} {share}", place(frame)),
        None => format!("{kind} {share}"),
    }
}

/// What a slot was spent on, as its line shows it.
fn kind_at(analysis: &Analysis, facts: &Facts, slot: SlotId) -> Option<Kind> {
    let slot = analysis.slots.get(slot.0 as usize)?;
    let stack = analysis.stack(slot.stack);
    let user = stack.iter().position(|&f| facts.is_own(f)).unwrap_or(stack.len());
    kind_of(analysis, slot, user)
}

/// What a goroutine of the testing package does at a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Subtests,
    Paused,
    /// The test's own work, at this line.
    Work(Option<FrameId>),
}

/// A test while its runs are summed up.
struct Making {
    test: Test,
    /// By line and kind: a slot, and the time.
    at: HashMap<(Option<FrameId>, Option<Kind>), (SlotId, i64)>,
}

/// The tests that a trace has, the longest first. `lives` are those of its goroutines.
pub fn tests(analysis: &Analysis, stays: &Stays, facts: &Facts, lives: &[Life]) -> Vec<Test> {
    // Other programs pay for nothing.
    if RUNNERS.iter().all(|runner| analysis.tables.find(runner).is_none()) {
        return Vec::new();
    }
    let mut stands = Stands { analysis, facts, known: HashMap::new(), kinds: HashMap::new() };
    let mut rows: HashMap<StrId, usize> = HashMap::new();
    let mut made: Vec<Making> = Vec::new();
    for (go, life) in stays.gos.iter().zip(lives) {
        let Some(frame) = stands.test_of(stays, go) else { continue };
        let row = *rows.entry(analysis.tables.frame(frame).func).or_insert_with(|| {
            made.push(Making { test: Test::new(frame), at: HashMap::new() });
            made.len() - 1
        });
        let Making { test, at } = &mut made[row];
        let mut paused = 0i64;
        let mut row = go.last;
        while row != StayRow::NONE {
            let stay = stays.stay(row);
            let ns = stay.end.since(stay.start);
            if matches!(stay.kind, StayKind::Wait | StayKind::Syscall) {
                let stack = stands.stack(stays, row);
                match stands.of(stack).1 {
                    Doing::Subtests => test.subtests_ns = test.subtests_ns.saturating_add(ns),
                    Doing::Paused => paused = paused.saturating_add(ns),
                    Doing::Work(line) => {
                        let key = (line, stands.kind(stay.slot));
                        let sum = at.entry(key).or_insert((stay.slot, 0));
                        sum.1 = sum.1.saturating_add(ns);
                    }
                }
            }
            row = stay.prev;
        }
        let took = life.ns.saturating_sub(paused).max(0);
        test.n += 1;
        test.ns = test.ns.saturating_add(took);
        test.longest_ns = test.longest_ns.max(took);
        test.run_ns = test.run_ns.saturating_add(life.run_ns);
        test.paused_ns = test.paused_ns.saturating_add(paused);
    }
    let mut tests: Vec<Test> = made
        .into_iter()
        .map(|Making { test, at }| {
            let most = at.into_values().max_by_key(|&(slot, ns)| (ns, std::cmp::Reverse(slot)));
            Test { most, ..test }
        })
        .collect();
    tests.sort_by_key(|test| (std::cmp::Reverse(test.ns), test.frame));
    tests
}

/// The functions of the testing package that call tests and benchmarks.
const RUNNERS: [&str; 2] = ["testing.tRunner", "testing.(*B).runN"];

/// What stacks tell of tests, each looked at once.
struct Stands<'a> {
    analysis: &'a Analysis,
    facts: &'a Facts,
    known: HashMap<StackId, (Option<FrameId>, Doing)>,
    kinds: HashMap<SlotId, Option<Kind>>,
}

impl Stands<'_> {
    /// The test that a goroutine runs: a line of its function.
    fn test_of(&mut self, stays: &Stays, go: &Go) -> Option<FrameId> {
        let is_ours = |stack: StackId| {
            let root = self.analysis.stack(stack).last();
            root.is_some_and(|&root| self.func(root).starts_with("testing."))
        };
        let stack_of = |slot: SlotId| self.analysis.slots.get(slot.0 as usize).map(|s| s.stack);
        let stacks = go.first.iter().filter_map(|&slot| stack_of(slot)).chain([go.entry]);
        if !stacks.into_iter().any(is_ours) {
            return None;
        }
        // Its first stack may be that of what the testing package does before.
        let (mut found, mut row) = (None, go.last);
        while row != StayRow::NONE {
            let stay = stays.stay(row);
            if stay.kind != StayKind::Born {
                let stack = self.stack(stays, row);
                found = self.of(stack).0.or(found);
            }
            row = stay.prev;
        }
        found
    }

    /// Where a goroutine stood in a stay.
    fn stack(&self, stays: &Stays, row: StayRow) -> StackId {
        let of_slot = || self.analysis.slots.get(stays.slot(row).0 as usize).map(|s| s.stack);
        stays.apart(row).or_else(of_slot).unwrap_or(StackId::NONE)
    }

    /// What a slot was spent on.
    fn kind(&mut self, slot: SlotId) -> Option<Kind> {
        let kind = || kind_at(self.analysis, self.facts, slot);
        *self.kinds.entry(slot).or_insert_with(kind)
    }

    fn func(&self, frame: FrameId) -> &str {
        self.analysis.str(self.analysis.tables.frame(frame).func)
    }

    fn of(&mut self, stack: StackId) -> (Option<FrameId>, Doing) {
        if let Some(&known) = self.known.get(&stack) {
            return known;
        }
        let known = self.look(stack);
        self.known.insert(stack, known);
        known
    }

    /// The test that stands there, and what it does.
    fn look(&self, stack: StackId) -> (Option<FrameId>, Doing) {
        let frames = self.analysis.stack(stack);
        let Some(runner) = frames.iter().rposition(|&f| RUNNERS.contains(&self.func(f))) else {
            return (None, Doing::Work(self.facts.line_of(self.analysis, stack)));
        };
        let called = frames.get(..runner).unwrap_or_default();
        let is_testing = |f: FrameId| self.func(f).starts_with("testing.");
        let is_go = |f: FrameId| is_testing(f) || self.func(f).starts_with("runtime.");
        // What is cleared up may be a function of anybody's.
        let clears_up = called.iter().any(|&f| self.func(f) == "testing.(*common).runCleanup");
        let called = if clears_up { &[] } else { called };
        let own = called.iter().rev().copied().find(|&f| self.facts.is_own(f));
        // Before a benchmark, the testing package collects garbage.
        let test = own.or_else(|| called.iter().rev().copied().find(|&f| !is_go(f)));
        let leaf = frames.iter().copied().find(|&f| {
            let func = self.func(f);
            !func.starts_with("runtime.") && !func.starts_with("sync.")
        });
        let work = || Doing::Work(self.facts.line_of(self.analysis, stack));
        let doing = match leaf.and_then(|f| self.func(f).strip_prefix("testing.")) {
            Some("(*T).Run" | "(*B).Run" | "(*B).run" | "(*B).doBench") => Doing::Subtests,
            // What is left of a test when its function has returned are its parallel subtests: it stands beside
            // them until each has had its turn, and Go does not count that as its time.
            Some(f) if f.starts_with("tRunner") => Doing::Paused,
            Some(f) if f.ends_with(".Parallel") || f.ends_with(".waitParallel") => Doing::Paused,
            // The collector before a benchmark, and what one does on several goroutines, are its own.
            _ => work(),
        };
        (test, doing)
    }
}
