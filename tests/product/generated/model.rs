//! The slow, plain model: goes over the list of facts for each question, and keeps to the definitions
//! (`docs/figures.md`). It shares nothing with the product, not even its types.

use std::collections::BTreeMap;

use super::schedule::{Fact, Frame, Made, Span, Stack, State};

/// Which line of a stack carries a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Leaf,
    Here,
    Under,
}

/// File, line, cause.
pub(crate) type Key = (String, u32, String);

/// What one cause costs on one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) n: u64,
    pub(crate) ns: i64,
    pub(crate) open_n: u64,
    pub(crate) open_ns: i64,
    pub(crate) pre_n: u64,
    pub(crate) pre_ns: i64,
    /// The longest, with its time before the event that told of it; -1: only counted.
    pub(crate) longest: i64,
}

/// A stay of a goroutine in a state, or a range.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    /// Whose; none for what belongs to no goroutine.
    pub(crate) g: Option<u64>,
    pub(crate) state: State,
    /// When it began; the trace's beginning, where it was under way then.
    pub(crate) from: i64,
    /// When the trace tells of it first.
    pub(crate) told: i64,
    pub(crate) to: i64,
    /// Still under way at the trace's end.
    pub(crate) open: bool,
    /// By cause: the stack that carries it.
    pub(crate) charged: Vec<(String, Stack)>,
    /// Who ended a wait: where the waker stood, if a goroutine did.
    pub(crate) waker: Option<Stack>,
    pub(crate) why: &'static str,
}

impl Stay {
    pub(crate) fn is_pre(&self) -> bool {
        self.from < self.told
    }
}

/// The cause of a wait.
fn cause_of(why: &str) -> String {
    match why {
        "network" => "net".into(),
        "sleep" => "sleep".into(),
        _ if why.contains("chan") || why.contains("sync") || why.contains("select") => {
            format!("sync:{why}")
        }
        _ => format!("wait:{why}"),
    }
}

fn range_cause(span: Span) -> String {
    match span {
        Span::Mark => "range:GC concurrent mark phase".into(),
        Span::Sweep { .. } => "range:GC incremental sweep".into(),
        Span::Assist { .. } => "range:GC mark assist".into(),
        Span::Stop { why, .. } => format!("range:stop-the-world ({why})"),
    }
}

/// The numbers of all goroutines.
pub(crate) fn goroutines(made: &Made) -> Vec<u64> {
    let mut all: Vec<u64> = made
        .facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            Fact::Go { g, .. } => Some(*g),
            _ => None,
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// All stays of one goroutine, in order.
pub(crate) fn stays_of(made: &Made, of: u64) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    let mut own_stack = Stack::NONE;
    for (t, fact) in &made.facts {
        let Fact::Go { g, from, to, why, stack, own, by } = fact else { continue };
        if *g != of {
            continue;
        }
        if let Some(stay) = stays.last_mut().filter(|_| *from != State::None) {
            (stay.to, stay.open) = (*t, false);
            match from {
                // A goroutine's running is charged to where it itself stopped.
                State::Running => {
                    let stack = if *by == Some(of) { *stack } else { Stack::NONE };
                    stay.charged = vec![("running".into(), stack)];
                }
                State::Waiting => stay.waker = by.map(|_| *stack),
                _ => {}
            }
        }
        if *own != Stack::NONE || *from == State::None {
            own_stack = *own;
        }
        if *to == State::None {
            continue;
        }
        let charged = match to {
            State::Running => vec![("running".into(), Stack::NONE)],
            State::Runnable => {
                let mut charged = vec![("sched".into(), *stack), ("sched_own".into(), own_stack)];
                if *why == "preempted" {
                    charged.push(("preempted".into(), *stack));
                }
                charged
            }
            State::Syscall => vec![("syscall".into(), *stack)],
            State::Waiting => vec![(cause_of(why), *stack)],
            State::Unknown | State::None => Vec::new(),
        };
        stays.push(Stay {
            g: Some(of),
            state: *to,
            from: if *from == State::Unknown { 0 } else { *t },
            told: *t,
            to: made.end,
            open: true,
            charged,
            waker: None,
            why,
        });
    }
    stays
}

/// All ranges, in the order of their beginnings.
pub(crate) fn ranges(made: &Made) -> Vec<Stay> {
    let mut ranges = Vec::new();
    for (row, (t, fact)) in made.facts.iter().enumerate() {
        let (span, from, stack) = match fact {
            Fact::Begins { span, stack } => (*span, *t, *stack),
            Fact::WasThere { span } => (*span, 0, Stack::NONE),
            _ => continue,
        };
        let end = made.facts[row..].iter().find(|(_, f)| *f == Fact::Ends { span });
        let g = match span {
            Span::Assist { g } | Span::Stop { g, .. } => Some(g),
            Span::Mark | Span::Sweep { .. } => None,
        };
        ranges.push(Stay {
            g,
            state: State::Unknown,
            from,
            told: *t,
            to: end.map_or(made.end, |end| end.0),
            open: end.is_none(),
            charged: vec![(range_cause(span), stack)],
            waker: None,
            why: "",
        });
    }
    ranges
}

/// Everything that takes time.
pub(crate) fn all_stays(made: &Made) -> Vec<Stay> {
    let mut all: Vec<Stay> = goroutines(made).into_iter().flat_map(|g| stays_of(made, g)).collect();
    all.extend(ranges(made));
    all
}

/// The places that a stack's figures go to.
pub(crate) fn places(stack: Stack, by: Where) -> Vec<(String, u32)> {
    let place = |frame: Frame| (frame.file.to_owned(), frame.line);
    let nowhere = (String::new(), 0);
    match by {
        Where::Leaf => vec![stack.frames().next().map_or(nowhere, place)],
        Where::Here => vec![stack.frames().find(|f| f.user).map_or(nowhere, place)],
        Where::Under => {
            let mut places: Vec<_> = stack.frames().map(place).collect();
            places.sort();
            places.dedup();
            places
        }
    }
}

/// All figures of all lines.
pub(crate) fn lines(made: &Made, by: Where) -> BTreeMap<Key, Figure> {
    let mut lines: BTreeMap<Key, Figure> = BTreeMap::new();
    let mut at = |stack: Stack, cause: &str, add: &dyn Fn(&mut Figure)| {
        for (file, line) in places(stack, by) {
            let none = Figure { longest: -1, ..Figure::default() };
            add(lines.entry((file, line, cause.to_owned())).or_insert(none));
        }
    };
    for stay in all_stays(made) {
        for (cause, stack) in &stay.charged {
            at(*stack, cause, &|figure| {
                let (ns, pre) = (stay.to - stay.told, stay.told - stay.from);
                if stay.open {
                    figure.open_n += 1;
                    figure.open_ns += ns;
                } else {
                    figure.n += 1;
                    figure.ns += ns;
                }
                if stay.is_pre() {
                    figure.pre_n += 1;
                    figure.pre_ns += pre;
                }
                figure.longest = figure.longest.max(ns + pre);
            });
        }
    }
    for (_, fact) in &made.facts {
        match fact {
            Fact::Go { from: State::None, stack, .. } => {
                at(*stack, "create", &|figure| figure.n += 1);
            }
            Fact::Sample { stack } => at(*stack, "cpu_sample", &|figure| figure.n += 1),
            _ => {}
        }
    }
    lines
}

/// Number and time of the waits, system calls and ranges that overlap a window, by leaf.
pub(crate) fn window(made: &Made, t0: i64, t1: i64) -> BTreeMap<Key, (u64, i64)> {
    let mut lines: BTreeMap<Key, (u64, i64)> = BTreeMap::new();
    for stay in all_stays(made) {
        let ns = stay.to.min(t1) - stay.from.max(t0);
        if ns <= 0 || matches!(stay.state, State::Running | State::Runnable) {
            continue;
        }
        for (cause, stack) in &stay.charged {
            for (file, line) in places(*stack, Where::Leaf) {
                let sum = lines.entry((file, line, cause.clone())).or_default();
                *sum = (sum.0 + 1, sum.1 + ns);
            }
        }
    }
    lines
}

/// The time that goroutines were runnable in a window, all together.
pub(crate) fn runnable(made: &Made, t0: i64, t1: i64) -> i64 {
    let stays = goroutines(made).into_iter().flat_map(|g| stays_of(made, g));
    let runnable = stays.filter(|s| s.state == State::Runnable);
    runnable.map(|s| (s.to.min(t1) - s.from.max(t0)).max(0)).sum()
}

/// Who ended waits: cause, the line of the wait, the line of the waker (none: no goroutine did);
/// how many, and their time since it was told.
pub(crate) type Wakers = BTreeMap<(String, (String, u32), Option<(String, u32)>), (u64, i64)>;

pub(crate) fn wakers(made: &Made) -> Wakers {
    let leaf = |stack: Stack| places(stack, Where::Leaf).remove(0);
    let mut wakers = Wakers::new();
    for g in goroutines(made) {
        for stay in stays_of(made, g) {
            if stay.state == State::Waiting && !stay.open {
                let (cause, stack) = stay.charged[0].clone();
                // What the network ends is told of whoever starts the world then.
                let is_real = |waker: &Stack| {
                    let tells_poller = |f: Frame| f.func.starts_with("internal/poll.");
                    cause != "net" || waker.frames().next().is_some_and(tells_poller)
                };
                let waker = stay.waker.filter(is_real).map(leaf);
                let sum = wakers.entry((cause, leaf(stack), waker)).or_default();
                *sum = (sum.0 + 1, sum.1 + stay.to - stay.told);
            }
        }
    }
    wakers
}

/// What a goroutine's time went to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) creation: i64,
    pub(crate) end: Option<i64>,
    pub(crate) exec: i64,
    pub(crate) runnable: i64,
    pub(crate) block: BTreeMap<String, i64>,
    /// In system calls, with a P or without.
    pub(crate) syscall: i64,
}

pub(crate) fn life(made: &Made, g: u64) -> Life {
    let stays = stays_of(made, g);
    let mut life = Life { creation: stays[0].from, ..Life::default() };
    for stay in &stays {
        let ns = stay.to - stay.from;
        match stay.state {
            State::Running => life.exec += ns,
            State::Runnable => life.runnable += ns,
            State::Syscall => life.syscall += ns,
            State::Waiting => *life.block.entry(stay.why.to_owned()).or_default() += ns,
            State::Unknown | State::None => {}
        }
    }
    life.end = stays.last().filter(|s| !s.open).map(|s| s.to);
    life
}

/// A region that ended: its goroutine, task, name, beginning and end.
pub(crate) type Region = (u64, u64, String, i64, i64);

/// The regions that ended, at the latest with their goroutine; sorted.
pub(crate) fn regions(made: &Made) -> Vec<Region> {
    let mut open: BTreeMap<u64, Vec<(u64, &str, i64)>> = BTreeMap::new();
    let mut ended = Vec::new();
    for (t, fact) in &made.facts {
        match fact {
            Fact::Region { g, task, begins: true, name } => {
                open.entry(*g).or_default().push((*task, name, *t));
            }
            Fact::Region { g, .. } => {
                if let Some((task, name, from)) = open.entry(*g).or_default().pop() {
                    ended.push((*g, task, name.to_owned(), from, *t));
                }
            }
            Fact::Go { g, to: State::None, .. } => {
                for (task, name, from) in open.remove(g).unwrap_or_default() {
                    ended.push((*g, task, name.to_owned(), from, *t));
                }
            }
            _ => {}
        }
    }
    ended.sort();
    ended
}

/// Tasks that began: number, name, beginning, end.
pub(crate) fn tasks(made: &Made) -> Vec<(u64, String, i64, Option<i64>)> {
    let mut tasks = Vec::new();
    for (t, fact) in &made.facts {
        let Fact::Task { id, begins: true, name } = fact else { continue };
        let ends =
            |f: &Fact| matches!(f, Fact::Task { id: other, begins: false, .. } if other == id);
        let end = made.facts.iter().find(|(_, f)| ends(f)).map(|end| end.0);
        tasks.push((*id, (*name).to_owned(), *t, end));
    }
    tasks.sort();
    tasks
}

/// Messages: when, whose, of which task, category, text.
pub(crate) fn logs(made: &Made) -> Vec<(i64, u64, u64, String, String)> {
    let log = |(t, fact): &(i64, Fact)| match fact {
        Fact::Log { g, task, category, message } => {
            Some((*t, *g, *task, (*category).to_owned(), (*message).to_owned()))
        }
        _ => None,
    };
    made.facts.iter().filter_map(log).collect()
}

/// What a goroutine's lane shows: from, to, state, and whether it helps the collector meanwhile.
pub(crate) fn lane(made: &Made, g: u64) -> Vec<(i64, i64, State, bool)> {
    let assists: Vec<(i64, i64)> = ranges(made)
        .iter()
        .filter(|r| r.g == Some(g) && r.charged[0].0 == "range:GC mark assist")
        .map(|r| (r.from, r.to))
        .collect();
    let mut spans = Vec::new();
    for stay in stays_of(made, g) {
        if stay.state != State::Running {
            spans.push((stay.from, stay.to, stay.state, false));
            continue;
        }
        // Where assists begin and end while it runs, another span begins.
        let mut edges = vec![stay.from, stay.to];
        for &(from, to) in &assists {
            edges.extend([from, to].into_iter().filter(|e| (stay.from..stay.to).contains(e)));
        }
        edges.sort_unstable();
        edges.dedup();
        for pair in edges.windows(2) {
            let helps = assists.iter().any(|a| a.0 <= pair[0] && pair[0] < a.1);
            spans.push((pair[0], pair[1], State::Running, helps));
        }
    }
    spans.retain(|s| s.1 > s.0);
    spans
}
