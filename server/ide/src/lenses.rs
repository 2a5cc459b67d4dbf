//! What stands above a function, and above its dearest lines.

use exectrace::FrameId;
use hashbrown::HashMap;

use crate::annotations::tail;
use crate::go_source::{FrameName, Inner};
use crate::lines::Figure;
use crate::metric::Metric;
use crate::placement::FileId;
use crate::sites::{SiteLine, wakers};
use crate::staleness::{Lines, State};
use crate::suite::Most;
use crate::units::{count, duration, percent_short};
use crate::verdicts::Verdict;
use crate::view::View;

/// A lens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lens {
    /// The buffer's line, from 0.
    pub line: u32,
    /// Columns of what it is about, in UTF-8 bytes of the recorded line.
    pub columns: std::ops::Range<u32>,
    /// Its text.
    pub title: String,
    /// What it leads to.
    pub target: Target,
}

/// What a lens leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The evidence for the figures of a recorded line, from 0.
    Evidence(u32),
    /// A frame: the line that wakes, or where a test stood.
    Frame(FrameId),
}

/// Functions have a lens if they have this share of all waiting, or are among the first so many.
const MIN_SHARE: i128 = 100;
const TOP: usize = 20;
/// Lines have a lens if they have this share of all waiting, at most so many in a file.
const LINE_SHARE: i128 = 20;
const LINE_TOP: usize = 3;

/// The lenses of a file, by rising line: functions and lines by what a metric counts. What was edited
/// away has none.
pub fn lenses(view: &View, file: FileId, lines: &Lines, metric: Metric) -> Vec<Lens> {
    let mut list = lenses_beside_figures(view, file, lines, metric);
    let sites: Vec<&SiteLine> = view.sites.lines(file).iter().filter(|l| l.holds).collect();
    dear_lines(view, file, lines, metric, &sites, &mut list);
    list.sort_by_key(|l| l.line);
    list
}

/// The lenses of a file for an editor that draws the figures at the ends of lines itself: above a
/// dear line they would say the same once more, and move the code for it.
pub fn lenses_beside_figures(
    view: &View,
    file: FileId,
    lines: &Lines,
    metric: Metric,
) -> Vec<Lens> {
    let mut list = Vec::new();
    tests(view, file, lines, &mut list);
    functions(view, file, lines, metric, &mut list);
    go_statements(view, file, lines, &mut list);
    regions(view, file, lines, &mut list);
    list.sort_by_key(|l| l.line);
    list
}

/// What the waiting lines of a function came to.
struct Sum {
    figure: Figure,
    /// The dearest line, and what that costs.
    dearest: u32,
    ns: i64,
    /// The state of the line that is the least sure of all that wait.
    state: State,
}

fn functions(view: &View, file: FileId, lines: &Lines, metric: Metric, out: &mut Vec<Lens>) {
    let source = &view.placement.source(file).source;
    // By the line of a function's name.
    let mut sums: HashMap<u32, Sum> = HashMap::new();
    for site in view.sites.lines(file) {
        // A function some of whose waiting lines were edited still shows what it was: the lens
        // speaks of the trace, and stands as long as the line of its name does.
        let function = if site.holds {
            source.function_at(site.line)
        } else {
            let named = source.functions_named(view.analysis.str(site.func));
            named.first().map(|&row| &source.functions()[row])
        };
        if let Some(function) = function {
            let waiting = metric.figure(site);
            let sum = sums.entry(function.name_line).or_insert_with(|| Sum {
                figure: Figure::new(),
                dearest: site.line,
                ns: 0,
                state: State::Exact,
            });
            if waiting.total() > sum.ns && site.holds {
                (sum.dearest, sum.ns) = (site.line, waiting.total());
            }
            if waiting.total() > 0 {
                let now = if site.holds { lines.current(site.line) } else { None };
                sum.state = sum.state.max(now.map_or(State::Lost, |now| now.state));
            }
            sum.figure.merge(&waiting);
        }
    }
    let total = i128::from(total_ns(view, metric));
    let mut dear: Vec<(u32, Sum)> = sums
        .into_iter()
        .filter(|(_, sum)| sum.figure.total() >= crate::view::MIN_SHOWN_NS)
        .collect();
    dear.sort_by_key(|(line, sum)| (std::cmp::Reverse(sum.figure.total()), *line));
    for (rank, (name_line, sum)) in dear.into_iter().enumerate() {
        let Sum { figure: sum, dearest, state, .. } = sum;
        if rank >= TOP && i128::from(sum.total()) * MIN_SHARE < total {
            continue;
        }
        let Some(line) = lines.current(name_line).map(|now| now.line) else { continue };
        let Some(function) = source.functions().iter().find(|f| f.name_line == name_line) else {
            continue;
        };
        let about = view.approximately();
        let columns = function.name_columns.clone();
        if state == State::Lost {
            let (sum, word) = (duration(sum.total()), word(view, &sum, metric));
            out.push(Lens {
                line,
                columns,
                title: format!("{}Changed since the trace: {about}{sum} {word} then", view.badge()),
                target: Target::Evidence(dearest),
            });
            continue;
        }
        out.push(Lens {
            line,
            columns: columns.clone(),
            title: format!(
                "{}{}{about}{} {} · {about}{}×{}",
                if state == State::Doubtful { state.mark() } else { "" },
                view.badge(),
                duration(sum.total()),
                word(view, &sum, metric),
                count(sum.count()),
                tail(view, &sum)
            ),
            target: Target::Evidence(dearest),
        });
        out.extend(woken_from(view, &sum, line, columns));
    }
}

/// `took 13.2 s · sleep poll_test.go:31 72 %`, above a test or a benchmark.
fn tests(view: &View, file: FileId, lines: &Lines, out: &mut Vec<Lens>) {
    let source = &view.placement.source(file).source;
    let long = view.tests.iter().take_while(|test| test.ns >= crate::view::MIN_SHOWN_NS);
    for (rank, test) in long.enumerate() {
        if rank >= TOP && i128::from(test.ns) * MIN_SHARE < i128::from(view.analysis.duration()) {
            break;
        }
        let is_here = view.placement.place(test.frame).is_some_and(|place| place.file == file);
        // A subtest is a function without a name, which stands within its test.
        let func = test.func(&view.analysis);
        let is_named = FrameName::parse(func).is_some_and(|name| name.inner == Inner::Body);
        if !is_here || !is_named {
            continue;
        }
        let Some(&row) = source.functions_named(func).first() else { continue };
        let function = &source.functions()[row];
        let Some(line) = lines.current(function.name_line).map(|now| now.line) else { continue };
        // The rounds of a benchmark are not told apart.
        let is_benchmark = crate::view::short_func(func).starts_with("Benchmark");
        let runs = match test.n {
            n if n > 1 && !is_benchmark => format!(" in {} runs", count(n)),
            _ => String::new(),
        };
        let file_and_line = |frame| {
            let name = view.frame_name(frame);
            name.split(' ').next().unwrap_or_default().to_owned()
        };
        let most = crate::suite::most_of(view, test, &file_and_line);
        let (about, took) = (view.approximately(), duration(test.ns));
        let at = match test.most().0 {
            Most::At(slot) => crate::suite::line(view, slot).and_then(|line| line.1),
            Most::Running | Most::Subtests => None,
        };
        let at = at.filter(|&frame| view.placement.place(frame).is_some());
        out.push(Lens {
            line,
            columns: function.name_columns.clone(),
            title: format!("{about}took {took}{runs} · {most}"),
            target: Target::Frame(at.unwrap_or(test.frame)),
        });
    }
}

/// `12,480 started · 512 alive at most · life p50 1.20 ms · 96.0 % waiting`, above a `go` statement.
fn go_statements(view: &View, file: FileId, lines: &Lines, out: &mut Vec<Lens>) {
    for group in view.go_groups.iter().filter(|g| g.started > 0) {
        let Some((line, columns, recorded)) = at(view, file, lines, group.created_at) else {
            continue;
        };
        let still = match group.still {
            0 => String::new(),
            n => format!(" · {} still there", count(n)),
        };
        out.push(Lens {
            line,
            columns,
            title: format!(
                "{} started · {} alive at most · life p50 {} · {} waiting{still}",
                count(group.started),
                count(group.alive_max),
                duration(group.life_p50),
                crate::units::percent(group.life.wait_ns, group.life.ns.max(1)),
            ),
            target: Target::Evidence(recorded),
        });
    }
}

/// `decode 4,010× · p50 1.10 ms · p99 18.0 ms · waiting 61.0 %`, above what opens a region or task.
fn regions(view: &View, file: FileId, lines: &Lines, out: &mut Vec<Lens>) {
    for group in view.regions.iter() {
        let Some((line, columns, recorded)) = at(view, file, lines, group.opened_at) else {
            continue;
        };
        let name = crate::text::plain(view.analysis.str(group.name));
        let [p50, p99, max] = group.values.percentiles([50, 99, 100]);
        let tail = match group.n {
            0 => String::new(),
            100.. => format!(" · p50 {} · p99 {}", duration(p50), duration(p99)),
            _ => format!(" · p50 {} · max {}", duration(p50), duration(max)),
        };
        let task = if group.is_task { "task " } else { "" };
        let waiting = match group.is_task {
            true => String::new(),
            false => {
                format!(" · waiting {}", crate::units::percent(group.wait_ns, group.ns.max(1)))
            }
        };
        let open = match group.open {
            0 => String::new(),
            n => format!(" · {} open at the end", count(n)),
        };
        out.push(Lens {
            line,
            columns,
            title: format!("{task}{name} {}×{tail}{waiting}{open}", count(group.n + group.open)),
            target: Target::Evidence(recorded),
        });
    }
}

/// Where a frame of this file is in the buffer: its line, the columns of its text, and the recorded
/// line.
fn at(
    view: &View,
    file: FileId,
    lines: &Lines,
    frame: FrameId,
) -> Option<(u32, std::ops::Range<u32>, u32)> {
    let place = view.placement.place(frame).filter(|p| p.file == file && p.holds)?;
    let line = lines.current(place.line).filter(|now| now.state < State::Doubtful)?.line;
    let text = view.placement.source(file).text.lines().nth(place.line as usize)?;
    let indent = (text.len() - text.trim_start().len()) as u32;
    Some((line, indent..text.trim_end().len() as u32, place.line))
}

/// The time that lenses are chosen by: that of all sites which a metric may show.
fn total_ns(view: &View, metric: Metric) -> i64 {
    match metric {
        Metric::Impact => view.sites.total_ns,
        _ => metric.of_all(&view.sites),
    }
}

/// `waiting` or what else is looked at, or `idle` where most of it is.
fn word(view: &View, sum: &Figure, metric: Metric) -> &'static str {
    let judged = view.judged(&sum.slots);
    let idle = i128::from(judged.of(Verdict::Idle)) * 2 > i128::from(sum.total());
    if idle { "idle" } else { metric.word() }
}

/// `woken from (*Cache).flush 92 %`, where one line of the program does most of it.
fn woken_from(view: &View, sum: &Figure, line: u32, columns: std::ops::Range<u32>) -> Option<Lens> {
    let wakers = wakers(&view.analysis, &view.placement, &sum.slots);
    let all: u64 = wakers.iter().map(|w| w.n).sum();
    let first = wakers.first()?;
    let frame = first.frame.filter(|&f| view.placement.place(f).is_some())?;
    if first.n.saturating_mul(4) < all {
        return None;
    }
    let func = view.analysis.tables.frame(frame).func;
    let func = crate::text::plain(crate::view::short_func(view.analysis.str(func)));
    let share = percent_short(first.n, all);
    Some(Lens {
        line,
        columns,
        title: format!("woken from {func} {share}"),
        target: Target::Frame(frame),
    })
}

/// What the line's end has no room for: how many wait on average, and who wakes them.
fn dear_lines(
    view: &View,
    file: FileId,
    lines: &Lines,
    metric: Metric,
    sites: &[&SiteLine],
    out: &mut Vec<Lens>,
) {
    let total = i128::from(total_ns(view, metric));
    let mut dear: Vec<(&SiteLine, Figure)> = sites
        .iter()
        .map(|site| (*site, metric.figure(site)))
        .filter(|(_, sum)| {
            sum.total() >= crate::view::MIN_SHOWN_NS
                && i128::from(sum.total()) * LINE_SHARE >= total
                && word(view, sum, metric) != "idle"
        })
        .collect();
    dear.sort_by_key(|(site, sum)| (std::cmp::Reverse(sum.total()), site.line));
    let source = &view.placement.source(file).source;
    for (site, sum) in dear.into_iter().take(LINE_TOP) {
        // What is doubtful is told at the line's end, with a mark, and no louder.
        let sure = lines.current(site.line).filter(|now| now.state < State::Doubtful);
        let Some(line) = sure.map(|now| now.line) else { continue };
        if source.function_at(site.line).is_some_and(|f| f.name_line == site.line) {
            continue; // the function's own lens says it
        }
        let text = view.placement.source(file).text.lines().nth(site.line as usize).unwrap_or("");
        let indent = (text.len() - text.trim_start().len()) as u32;
        let columns = indent..text.trim_end().len() as u32;
        let about = view.approximately();
        out.push(Lens {
            line,
            columns: columns.clone(),
            title: format!(
                "{}{about}{} {} · {about}{} on average",
                view.badge(),
                duration(sum.total()),
                word(view, &sum, metric),
                view.waiting_on_average(sum.total())
            ),
            target: Target::Evidence(site.line),
        });
        out.extend(woken_from(view, &sum, line, columns));
    }
}
