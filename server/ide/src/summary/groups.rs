//! Goroutines, regions and tasks in groups, with the spread of every figure.

use exectrace::{FrameId, Nanos, RangeKind, StackId, StrId};
use hashbrown::HashMap;

use super::{Goroutine, Region, Sites, Stats, Summary, Task};
use crate::Analysis;
use crate::causes::Cause;
use crate::values::Values;

/// A figure of a goroutine or a region, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Column {
    /// It ran.
    Exec,
    /// It could run and had no P.
    SchedWait,
    /// It was blocked, for any reason.
    Block,
    /// Blocked on channels and selects.
    Chan,
    /// Blocked in the `sync` package.
    Sync,
    /// Blocked on the network.
    Net,
    /// Asleep.
    Sleep,
    /// Blocked by the collector.
    Gc,
    /// Blocked for any other reason.
    Other,
    /// In system calls that kept the P.
    Syscall,
    /// In system calls without the P.
    SyscallBlock,
    /// Helping the collector to mark; a part of the others.
    Assist,
    /// Sweeping; a part of the others.
    Sweep,
    /// All of its time.
    Total,
    /// What is in no other column.
    Unknown,
}

/// How many columns there are.
pub const COLUMNS: usize = 15;

impl Column {
    /// All of them.
    pub const ALL: [Column; COLUMNS] = [
        Column::Exec,
        Column::SchedWait,
        Column::Block,
        Column::Chan,
        Column::Sync,
        Column::Net,
        Column::Sleep,
        Column::Gc,
        Column::Other,
        Column::Syscall,
        Column::SyscallBlock,
        Column::Assist,
        Column::Sweep,
        Column::Total,
        Column::Unknown,
    ];

    /// Its name in the machine's forms.
    pub fn name(self) -> &'static str {
        match self {
            Column::Exec => "exec",
            Column::SchedWait => "schedWait",
            Column::Block => "block",
            Column::Chan => "chan",
            Column::Sync => "sync",
            Column::Net => "net",
            Column::Sleep => "sleep",
            Column::Gc => "gc",
            Column::Other => "other",
            Column::Syscall => "syscall",
            Column::SyscallBlock => "syscallBlock",
            Column::Assist => "assist",
            Column::Sweep => "sweep",
            Column::Total => "total",
            Column::Unknown => "unknown",
        }
    }

    /// The column of this name.
    pub fn parse(name: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Which column what somebody waited for counts in; none for what is no wait.
    pub fn of_cause(analysis: &Analysis, cause: Cause) -> Option<Column> {
        Some(match cause {
            Cause::Net => Column::Net,
            Cause::Sleep => Column::Sleep,
            Cause::Sync(reason) | Cause::Wait(reason) => Column::of_reason(analysis.str(reason)),
            Cause::Syscall => Column::Syscall,
            _ => return None,
        })
    }

    /// Which column a reason to be blocked counts in.
    fn of_reason(reason: &str) -> Column {
        match reason {
            "network" => Column::Net,
            "sleep" => Column::Sleep,
            "preempted" | "wait until GC ends" => Column::Gc,
            _ if reason.contains("chan") || reason.contains("select") => Column::Chan,
            _ if reason.contains("sync") => Column::Sync,
            _ if reason.starts_with("GC ") => Column::Gc,
            _ => Column::Other,
        }
    }
}

/// The figures of all columns, by [`Column`].
pub fn columns(analysis: &Analysis, stats: &Stats) -> [i64; COLUMNS] {
    let mut row = [0i64; COLUMNS];
    let mut add = |column: Column, ns: i64| {
        let sum = &mut row[column as usize];
        *sum = sum.saturating_add(ns);
    };
    add(Column::Exec, stats.exec);
    add(Column::SchedWait, stats.sched_wait);
    add(Column::Syscall, stats.syscall);
    add(Column::SyscallBlock, stats.syscall_block);
    add(Column::Total, stats.total);
    add(Column::Unknown, stats.unknown());
    for &(reason, ns) in &stats.block {
        add(Column::Block, ns);
        add(Column::of_reason(analysis.str(reason)), ns);
    }
    for &(kind, ns) in &stats.ranges {
        match kind {
            RangeKind::GcMarkAssist => add(Column::Assist, ns),
            RangeKind::GcSweep => add(Column::Sweep, ns),
            RangeKind::GcMark | RangeKind::StopTheWorld(_) => {}
        }
    }
    row
}

/// How a goroutine's waits were judged. Nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worth {
    /// At somebody's cost.
    pub costly: i64,
    /// Idle, by the column that it counts in.
    pub idle: Vec<(Column, i64)>,
}

impl Worth {
    /// All that is idle.
    pub fn idle(&self) -> i64 {
        self.idle.iter().fold(0, |sum, (_, ns)| sum.saturating_add(*ns))
    }

    /// Adds idle time.
    pub fn add_idle(&mut self, column: Column, ns: i64) {
        match self.idle.iter_mut().find(|(known, _)| *known == column) {
            Some((_, sum)) => *sum = sum.saturating_add(ns),
            None => self.idle.push((column, ns)),
        }
    }

    /// Figures by [`Column`] without what is idle; all of the time stays all of it.
    pub fn busy(&self, mut row: [i64; COLUMNS]) -> [i64; COLUMNS] {
        for &(column, ns) in &self.idle {
            let mut left = ns;
            let mut take = |column: Column| {
                let of = &mut row[column as usize];
                let taken = left.min(*of).max(0);
                (*of, left) = (*of - taken, left - taken);
            };
            // Of a long system call most is without the P.
            if column == Column::Syscall {
                take(Column::SyscallBlock);
            }
            take(column);
            if column != Column::Syscall {
                let block = &mut row[Column::Block as usize];
                *block = (*block - ns).max(0);
            }
        }
        row
    }
}

/// Many durations: their sum, ends, percentiles and histogram. Nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// How many.
    pub n: u64,
    /// All together.
    pub sum: i64,
    /// The least; 0 of none.
    pub min: i64,
    /// The most; 0 of none.
    pub max: i64,
    values: Values,
}

impl Spread {
    /// Adds one.
    pub fn add(&mut self, ns: i64) {
        self.min = if self.n == 0 { ns } else { self.min.min(ns) };
        self.max = if self.n == 0 { ns } else { self.max.max(ns) };
        self.n += 1;
        self.sum = self.sum.saturating_add(ns);
        self.values.add(ns);
    }

    /// The mean; 0 of none.
    pub fn mean(&self) -> i64 {
        if self.n == 0 { 0 } else { (i128::from(self.sum) / i128::from(self.n)) as i64 }
    }

    /// Percentiles; 0 of none.
    pub fn percentiles<const N: usize>(&self, ranks: [u64; N]) -> [i64; N] {
        if self.n == 0 {
            return [0; N];
        }
        self.values.percentiles(ranks).map(|p| p.clamp(self.min, self.max))
    }
}

/// How many durations lie in each part of a logarithmic scale: five parts to a power of ten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: std::collections::BTreeMap<u8, u64>,
}

impl Histogram {
    /// The bounds of a part, in nanoseconds; the second is in the next one.
    pub fn bounds(part: u8) -> (i64, i64) {
        let at = |part: u8| 10f64.powf(f64::from(part) / 5.0).round() as i64;
        (if part == 0 { 0 } else { at(part) }, at(part.saturating_add(1)))
    }

    /// Adds a duration in nanoseconds.
    pub fn add(&mut self, ns: i64) {
        let guess = if ns < 1 { 0 } else { ((ns as f64).log10() * 5.0) as u8 };
        // The logarithm is off by a hair at the bounds.
        let part = if Self::bounds(guess).1 <= ns {
            guess + 1
        } else if Self::bounds(guess).0 > ns {
            guess.saturating_sub(1)
        } else {
            guess
        };
        *self.counts.entry(part).or_default() += 1;
    }

    /// The parts that are not empty, in rising order.
    pub fn parts(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        self.counts.iter().map(|(part, n)| (*part, *n))
    }
}

/// The goroutines whose work begins with the same function.
#[derive(Debug, Clone)]
pub struct FunctionGroup {
    /// The function; empty where no stack was seen.
    pub name: StrId,
    /// Where those that were started in the trace were; `NONE` for none, or if there are several.
    pub created_at: StackId,
    /// How many there are.
    pub n: u64,
    /// How many of them were created in the trace.
    pub born: u64,
    /// How many had not ended.
    pub alive: u64,
    /// By [`Column`].
    pub columns: [Spread; COLUMNS],
    /// The same without what is idle.
    pub busy: [Spread; COLUMNS],
    /// What was waited at somebody's cost.
    pub costly: Spread,
    /// What was waited idly.
    pub idle: Spread,
    /// What all of them came to.
    pub stats: Stats,
}

/// Groups goroutines by the function that their work begins with.
#[derive(Debug, Default)]
pub struct Functions {
    rows: HashMap<StrId, usize>,
    list: Vec<FunctionGroup>,
}

impl Functions {
    /// Adds a goroutine with the figures that count for it.
    pub fn add(&mut self, analysis: &Analysis, g: &Goroutine, stats: &Stats, worth: &Worth) {
        let row = *self.rows.entry(g.work).or_insert_with(|| {
            self.list.push(FunctionGroup {
                name: g.work,
                created_at: g.created_at,
                n: 0,
                born: 0,
                alive: 0,
                columns: std::array::from_fn(|_| Spread::default()),
                busy: std::array::from_fn(|_| Spread::default()),
                costly: Spread::default(),
                idle: Spread::default(),
                stats: Stats::default(),
            });
            self.list.len() - 1
        });
        let group = &mut self.list[row];
        if group.created_at == StackId::NONE {
            group.created_at = g.created_at;
        }
        group.n += 1;
        group.born += u64::from(g.born);
        group.alive += u64::from(g.end.is_none());
        let row = columns(analysis, stats);
        for (spread, ns) in group.columns.iter_mut().zip(row) {
            spread.add(ns);
        }
        for (spread, ns) in group.busy.iter_mut().zip(worth.busy(row)) {
            spread.add(ns);
        }
        group.costly.add(worth.costly);
        group.idle.add(worth.idle());
        group.stats.add(stats);
    }

    /// The groups, by a sum, the largest first.
    pub fn by(
        self,
        analysis: &Analysis,
        sum: impl Fn(&FunctionGroup) -> i64,
    ) -> Vec<FunctionGroup> {
        let mut list = self.list;
        list.sort_by(|a, b| {
            sum(b).cmp(&sum(a)).then_with(|| analysis.str(a.name).cmp(analysis.str(b.name)))
        });
        list
    }
}

/// All goroutines of a summary by function.
pub fn functions(analysis: &Analysis, summary: &Summary, column: Column) -> Vec<FunctionGroup> {
    let mut groups = Functions::default();
    for row in summary.rows() {
        let g = summary.goroutine(row);
        groups.add(analysis, &g, &g.stats, &Worth::default());
    }
    groups.by(analysis, |group| group.columns[column as usize].sum)
}

/// Regions or tasks of one type that are opened at the same place.
#[derive(Debug, Clone)]
pub struct SpanGroup {
    /// The type.
    pub name: StrId,
    /// Where they are opened; none where that is not known.
    pub site: Option<FrameId>,
    /// How many there are with both ends in the trace.
    pub complete: u64,
    /// How many there are with one end, or none, in the trace.
    pub cut: u64,
    /// The durations of the complete ones.
    pub durations: Spread,
    /// Those, on a logarithmic scale.
    pub histogram: Histogram,
    /// What the time of all of them went to; nothing for tasks.
    pub stats: Stats,
}

/// Groups spans by place and type.
#[derive(Debug)]
pub struct Spans<'a> {
    analysis: &'a Analysis,
    sites: &'a Sites,
    rows: HashMap<(Option<FrameId>, StrId), usize>,
    list: Vec<SpanGroup>,
}

impl<'a> Spans<'a> {
    /// Nothing yet.
    pub fn new(analysis: &'a Analysis, sites: &'a Sites) -> Spans<'a> {
        Spans { analysis, sites, rows: HashMap::new(), list: Vec::new() }
    }

    fn row(&mut self, site: Option<FrameId>, name: StrId) -> &mut SpanGroup {
        let row = *self.rows.entry((site, name)).or_insert_with(|| {
            self.list.push(SpanGroup {
                name,
                site,
                complete: 0,
                cut: 0,
                durations: Spread::default(),
                histogram: Histogram::default(),
                stats: Stats::default(),
            });
            self.list.len() - 1
        });
        &mut self.list[row]
    }

    /// Adds a region, with the figures that count for it.
    pub fn add_region(&mut self, region: &Region, stats: &Stats) {
        let site = self.sites.of(self.analysis, region.stack);
        let group = self.row(site, region.name);
        group.add(region.start, region.end);
        group.stats.add(stats);
    }

    /// Adds a task.
    pub fn add_task(&mut self, task: &Task) {
        let site = self.sites.of(self.analysis, task.stack);
        self.row(site, task.name).add(task.start, task.end);
    }

    /// The groups, those that took the most time together first.
    pub fn dearest_first(self) -> Vec<SpanGroup> {
        let (analysis, mut list) = (self.analysis, self.list);
        list.sort_by(|a, b| {
            let dear = |g: &SpanGroup| (g.durations.sum, g.cut);
            dear(b)
                .cmp(&dear(a))
                .then_with(|| analysis.str(a.name).cmp(analysis.str(b.name)))
                .then_with(|| a.site.cmp(&b.site))
        });
        list
    }
}

impl SpanGroup {
    fn add(&mut self, start: Option<Nanos>, end: Option<Nanos>) {
        match (start, end) {
            (Some(start), Some(end)) => {
                let ns = end.since(start);
                self.complete += 1;
                self.durations.add(ns);
                self.histogram.add(ns);
            }
            _ => self.cut += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_lies_within_the_bounds_of_its_part() {
        let mut ns = 0i64;
        while ns < 1 << 60 {
            for ns in [ns, ns + 1, (ns - 1).max(0)] {
                let mut histogram = Histogram::default();
                histogram.add(ns);
                let parts: Vec<_> = histogram.parts().collect();
                let (from, to) = Histogram::bounds(parts[0].0);
                assert!(parts.len() == 1 && (from..to).contains(&ns), "{ns}: {from}..{to}");
            }
            ns = (ns as f64 * 1.3) as i64 + 1;
        }
        for part in 0..90 {
            let (from, _) = Histogram::bounds(part + 1);
            let mut histogram = Histogram::default();
            histogram.add(from);
            let (low, high) = Histogram::bounds(histogram.parts().next().unwrap_or_default().0);
            assert!((low..high).contains(&from), "{from}");
        }
    }

    #[test]
    fn what_is_idle_is_taken_from_where_it_counts() {
        let mut row = [0; COLUMNS];
        for (column, ns) in [
            (Column::Block, 100),
            (Column::Chan, 70),
            (Column::Net, 30),
            (Column::Syscall, 10),
            (Column::SyscallBlock, 50),
            (Column::Total, 200),
        ] {
            row[column as usize] = ns;
        }
        let mut worth = Worth::default();
        assert_eq!(worth.busy(row), row);
        worth.add_idle(Column::Chan, 60);
        worth.add_idle(Column::Syscall, 40);
        worth.add_idle(Column::Syscall, 15);
        assert_eq!(worth.idle(), 115);
        let busy = worth.busy(row);
        let of = |column: Column| busy[column as usize];
        assert_eq!((of(Column::Chan), of(Column::Net), of(Column::Block)), (10, 30, 40));
        assert_eq!((of(Column::Syscall), of(Column::SyscallBlock)), (5, 0));
        assert_eq!(of(Column::Total), 200);
    }

    #[test]
    fn a_spread_is_exact_while_it_is_small() {
        let mut spread = Spread::default();
        assert_eq!((spread.mean(), spread.percentiles([50])), (0, [0]));
        for ns in [7, 1, 3, 5] {
            spread.add(ns);
        }
        assert_eq!((spread.n, spread.sum, spread.min, spread.max), (4, 16, 1, 7));
        assert_eq!((spread.mean(), spread.percentiles([50, 99])), (4, [3, 7]));
    }

    #[test]
    fn reasons_have_one_column_each() {
        for (reason, column) in [
            ("chan receive", Column::Chan),
            ("select (no cases)", Column::Chan),
            ("sync.(*Cond).Wait", Column::Sync),
            ("GC mark assist wait for work", Column::Gc),
            ("system goroutine wait", Column::Other),
            ("", Column::Other),
        ] {
            assert_eq!(Column::of_reason(reason), column, "{reason}");
        }
        for column in Column::ALL {
            assert_eq!(Column::parse(column.name()), Some(column));
            assert_eq!(Column::ALL[column as usize], column);
        }
    }
}
