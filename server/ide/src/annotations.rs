//! What a line shows at its end: the dearest kind with its total, number and tail.

use crate::behind::Behind;
use crate::cases::{Cases, Taken};
use crate::kinds::Kind;
use crate::lines::Figure;
use crate::metric::Metric;
use crate::placement::FileId;
use crate::sites::{Part, SiteLine};
use crate::staleness::{Lines, State};
use crate::units::{count, duration};
use crate::verdicts::Verdict;
use crate::view::View;

/// The most characters of a hint: editors cut longer ones.
pub const MAX_HINT: usize = 24;

/// What stands at a line's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The buffer's line, from 0.
    pub line: u32,
    /// The recorded line, from 0.
    pub recorded: u32,
    /// At most [`MAX_HINT`] characters.
    pub hint: String,
    /// The whole story in a line.
    pub long: String,
    /// Of a line that costs something itself: how much others wait for it, where that is a good part of all.
    pub others: Option<String>,
    /// How it is drawn.
    pub style: Style,
    /// 0 to 4, by the line's share of all that counts; above 0 where it is drawn as costly.
    pub heat: u8,
    /// What of the line is costly, in nanoseconds.
    pub costly_ns: i64,
    /// Whether the line is the recorded one. What is doubtful is plain, without heat.
    pub state: State,
}

/// How a line's figures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Work in hand stands still here, or what else the metric counts: with heat.
    Costly,
    /// It waits for other work: plain, without heat.
    Through,
    /// Empty hands: dim.
    Idle,
    /// Neither: plain, without heat.
    Plain,
}

impl Style {
    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Style::Costly => "costly",
            Style::Through => "through",
            Style::Idle => "idle",
            Style::Plain => "plain",
        }
    }
}

/// The annotations of a file, by rising line: of lines that cost at least this time, in nanoseconds,
/// by what a metric counts. Lines that are gone have none.
pub fn annotations(
    view: &View,
    file: FileId,
    lines: &Lines,
    least_ns: i64,
    metric: Metric,
) -> Vec<Annotation> {
    let of_all = metric.of_all(&view.sites);
    let behind: Vec<&Behind> = match metric {
        Metric::Impact => view.behind.shown(file, least_ns, view.sites.costly_ns).collect(),
        _ => Vec::new(),
    };
    let held_up = |line: u32| behind.iter().find(|behind| behind.line == line);
    let mut list: Vec<Annotation> = view
        .shown_by(file, least_ns, metric)
        .into_iter()
        .filter_map(|site| {
            let part = metric.first(site)?;
            let now = lines.current(site.line)?;
            let heat = metric.heat(site, of_all);
            let others = held_up(site.line).filter(|_| now.state < State::Doubtful);
            let style = match part.shows() {
                _ if now.state == State::Doubtful => Style::Plain,
                // Its own wait is idle, and yet others wait for what it brings.
                Some(Verdict::Idle) if others.is_some() => Style::Plain,
                Some(Verdict::Idle) => Style::Idle,
                Some(Verdict::Through) if metric == Metric::Impact => Style::Through,
                _ if heat > 0 => Style::Costly,
                _ => Style::Plain,
            };
            Some(Annotation {
                line: now.line,
                recorded: site.line,
                hint: hint(view, part, now.state),
                long: format!("{}{}", now.state.mark(), long(view, site, part)),
                others: others.map(|behind| behind.hint(view)),
                state: now.state,
                style,
                heat: if style == Style::Costly { heat } else { 0 },
                costly_ns: site.costly_ns(),
            })
        })
        .collect();
    let alone = behind.iter().filter(|b| list.iter().all(|a| a.recorded != b.line));
    let alone: Vec<Annotation> =
        alone.filter_map(|behind| of_behind(view, behind, lines)).collect();
    list.extend(alone);
    let of_file = match metric {
        Metric::Impact => view.cases.of_file(file),
        _ => &[],
    };
    let cases: Vec<Annotation> =
        of_file.iter().flat_map(|cases| of_cases(view, cases, &list, lines, least_ns)).collect();
    list.extend(cases);
    list.sort_by_key(|a| a.line);
    list
}

/// What stands at the ends of a `select`'s cases, where its own line tells what its waits cost and not just that they
/// are idle; at lines that have nothing of their own.
fn of_cases(
    view: &View,
    cases: &Cases,
    list: &[Annotation],
    lines: &Lines,
    least_ns: i64,
) -> Vec<Annotation> {
    let is_told = list.iter().any(|a| a.recorded == cases.line && a.style != Style::Idle);
    let of = |taken: &Taken| {
        let now = lines.current(taken.line)?;
        let state = now.state.max(cases.state);
        let is_free = list.iter().all(|a| a.recorded != taken.line);
        let marks = format!("{}{}", state.mark(), view.badge());
        let hint = format!("{marks}{}", taken.hint(view));
        (is_free && state < State::Doubtful).then(|| Annotation {
            line: now.line,
            recorded: taken.line,
            hint: cut(&hint, MAX_HINT),
            long: hint,
            others: None,
            state,
            style: Style::Plain,
            heat: 0,
            costly_ns: 0,
        })
    };
    let shown = cases.taken.iter().filter(|taken| is_told && taken.ns >= least_ns);
    shown.filter_map(of).collect()
}

/// What stands at the end of a line that costs nothing itself, and for which others wait.
fn of_behind(view: &View, behind: &Behind, lines: &Lines) -> Option<Annotation> {
    let now = lines.current(behind.line)?;
    let state = now.state;
    if state >= State::Doubtful {
        return None;
    }
    let costly_ns = view.sites.line(behind.file, behind.line).map_or(0, SiteLine::costly_ns);
    let marks = format!("{}{}", state.mark(), view.badge());
    Some(Annotation {
        line: now.line,
        recorded: behind.line,
        hint: cut(&format!("{marks}{}", behind.hint(view)), MAX_HINT),
        long: format!("{marks}{}", behind.long(view)),
        others: None,
        state,
        style: Style::Plain,
        heat: 0,
        costly_ns,
    })
}

/// `chan 444 ms · 974×`; what does not fit is left out from the end, `still waiting` never.
fn hint(view: &View, part: &Part, state: State) -> String {
    let about = view.approximately();
    let total = duration(part.figure.total());
    let room = MAX_HINT.saturating_sub(about.chars().count() + total.chars().count() + 1);
    let marks = format!("{}{}", state.mark(), view.badge());
    let room = room.saturating_sub(marks.chars().count());
    let start = format!("{marks}{} {about}{total}", cut(&label(view, part), room));
    let number = format!(" · {about}{}×", count(part.figure.count()));
    let open =
        if part.figure.open_n > 0 && part.kind != Kind::BeforeTrace { " · open" } else { "" };
    let fits = |s: &String| s.chars().count() <= MAX_HINT;
    [
        format!("{start}{number}{open}"),
        format!("{start}{open}"),
        format!("{start}{number}"),
        start.clone(),
    ]
    .into_iter()
    .find(fits)
    .unwrap_or(start)
}

/// What the line's end begins with: the kind; `idle` where it mostly is; an arrow where it mostly
/// waits for work that it started or asked for.
fn label(view: &View, part: &Part) -> String {
    let label = crate::text::plain(part.kind.label(&view.analysis));
    match part.shows() {
        Some(Verdict::Idle) => "idle".into(),
        Some(Verdict::Through) => format!("→ {label}"),
        _ => label,
    }
}

/// At most `n` characters of a text.
fn cut(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    text.chars().take(n.saturating_sub(1)).chain(['…']).collect()
}

/// The same with the tail, or what says more: whose waiting is idle, where a wait goes through to.
fn long(view: &View, site: &SiteLine, part: &Part) -> String {
    let about = view.approximately();
    let figure = &part.figure;
    let total = duration(figure.total());
    let mut text = match part.shows() {
        Some(Verdict::Idle) => {
            let n = view.n_goroutines(&figure.slots);
            format!("idle {about}{total} · {} goroutine{}", count(n), if n == 1 { "" } else { "s" })
        }
        Some(Verdict::Through) => {
            let ends =
                view.blame.as_ref().map(|b| b.ends_by_kind(&figure.slots)).unwrap_or_default();
            let end = crate::reasons::end_short(view, &ends, "");
            let end = end.map_or_else(String::new, |e| format!(" · {e}"));
            format!("{} {about}{total} · {about}{}×{end}", label(view, part), count(figure.count()))
        }
        _ => {
            let (label, n) = (label(view, part), count(figure.count()));
            let mut text = format!("{label} {about}{total} · {about}{n}×{}", tail(view, figure));
            text.push_str(&still(figure.open_n));
            text
        }
    };
    text.insert_str(0, view.badge());
    let is_other = |p: &&Part| p.kind != part.kind && p.kind.is_ranked();
    let others = site.parts.iter().filter(is_other).count();
    if others > 0 {
        text.push_str(&format!(" +{others}"));
    }
    text
}

/// ` · still waiting`, with how many if they are several.
pub fn still(open: u64) -> String {
    match open {
        0 => String::new(),
        1 => " · still waiting".into(),
        n => format!(" · {} still waiting", count(n)),
    }
}

/// ` · p99 1.25 ms`, or the longest where there are too few for a percentile to mean anything.
pub fn tail(view: &View, figure: &Figure) -> String {
    let about = view.approximately();
    if let Some(p99) = figure.p99(&view.analysis) {
        return format!(" · p99 {about}{}", duration(p99));
    }
    match figure.longest() {
        Some(longest) if figure.count() > 1 => format!(" · max {about}{}", duration(longest.ns)),
        _ => String::new(),
    }
}
