//! The evidence for a line: what it cost, who ended the waits, where they came from.
//!
//! It reads well as plain text, since some editors show Markdown as it is typed: no tables, no
//! links, short lists. It has at most 17 lines:
//!
//! ```text
//! **Waiting here** · 3.08 ms in 11 waits · 0.01 waiting on average
//! costly: 89 % of it behind cache.go:88, which ran with the lock · 38.0 % of all that is costly
//! p50 100 µs · p90 775 µs · max 867 µs (goroutine 81 at 1.57 ms)
//! here and in calls from here: 4.10 ms in 13 waits · 0.01 waiting on average
//! besides: runnable 5.55 ms (17×), gc assist 2.92 ms (7×), syscall 2.52 ms (21×) and 1 more
//!
//! - lock 2.72 ms · 5× · max 867 µs
//! - gc 360 µs · 4× · max 123 µs
//!
//! **Others wait for this line** · 1.21 ms of what is costly, 22 % of all, ends here: it ran up to here
//! they wait at `cache.go:31` 100 %
//!
//! went on with `case c := <-p.free` 10× (1.21 ms), `case <-ctx.Done()` 1× (1.87 ms)
//! woken from `db.go:54 (*pool).put` 45.5 %, `server.go:16 (*server).page` 36.4 % and 2 more
//! called from `main.go:12 main` 100 %
//!
//! `leak.trace` · 303 ms · Go 1.26 or newer
//! ```
//!
//! In a range the last line begins with it (`◔ 100–200 ms of`), and a finding, which is of the whole trace,
//! says so.

use crate::annotations::{still, tail};
use crate::behind::Behind;
use crate::cases::{Cases, Taken};
use crate::findings::Finding;
use crate::lines::Figure;
use crate::placement::FileId;
use crate::reasons::GOOD_PART;
use crate::sites::{Origin, Part, SiteLine, callers, wakers};
use crate::staleness::State;
use crate::text::{code, plain, words};
use crate::units::{count, counted, duration, percent, range};
use crate::view::View;

/// The most rows of a list.
const ROWS: usize = 4;
/// The most items of an enumeration in a line.
const ITEMS: usize = 3;

/// How a text is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// As Markdown. Names from the trace stand in code spans: nothing of them is ever markup.
    Markdown,
    /// Not at all.
    Plain,
}

/// The evidence for a recorded line (from 0) of a file; `None` if it cost nothing.
pub fn hover(view: &View, file: FileId, line: u32, markup: Markup) -> Option<String> {
    let of_site = view.sites.line(file, line).map(|site| site.state);
    let of_behind = || view.behind.at(file, line).map(|behind| behind.state);
    let of_case = || view.cases.case_at(file, line).map(|(cases, _)| cases.state);
    let state = of_site.or_else(of_behind).or_else(of_case)?;
    hover_as(view, file, line, state, markup)
}

/// The same for a line of which more is known: whether it is the recorded one still.
pub fn hover_as(
    view: &View,
    file: FileId,
    line: u32,
    state: State,
    markup: Markup,
) -> Option<String> {
    let writer = Writer { view, markup };
    let site = view.sites.line(file, line).filter(|s| s.holds);
    let behind = view.behind.at(file, line).filter(|behind| behind.is_told(view));
    let told = site.and_then(|site| writer.site(site, file, behind.is_some()));
    let case = view.cases.case_at(file, line);
    if told.is_none() && behind.is_none() && case.is_none() {
        return None;
    }
    let Paragraphs { before: mut paragraphs, after } = told.unwrap_or_default();
    paragraphs.extend(behind.map(|behind| writer.behind(behind)));
    paragraphs.extend(case.map(|(cases, taken)| writer.taken(cases, taken)));
    paragraphs.extend(after);
    let name = writer.code(&view.name);
    let then = match state {
        State::Exact => "",
        State::Shifted => " · the line has moved since",
        State::Doubtful | State::Lost => " · changed since: the line may be another one",
    };
    let range = view.range.map(|(t0, t1)| format!("◔ {} of ", range(t0.0, t1.0)));
    let range = range.unwrap_or_default();
    paragraphs.push(format!("{range}{}{then}", view.summary_as(&name)));
    Some(paragraphs.join("\n\n"))
}

/// What is told of a line's own figures: what it cost, and then who ended that and from where it was called.
#[derive(Default)]
struct Paragraphs {
    before: Vec<String>,
    after: Vec<String>,
}

struct Writer<'a> {
    view: &'a View,
    markup: Markup,
}

impl Writer<'_> {
    /// What the line itself cost.
    fn site(&self, site: &SiteLine, file: FileId, is_behind: bool) -> Option<Paragraphs> {
        let Writer { view, .. } = *self;
        let waiting = site.waiting();
        let mut head = Vec::new();
        let (waits, mut besides): (Vec<&Part>, Vec<&Part>) =
            site.parts.iter().partition(|p| p.kind.is_wait() && waiting.count() > 0);
        if waiting.count() > 0 {
            let kind = match waits[..] {
                [only] => format!(" · {}", self.words(only)),
                _ => String::new(),
            };
            let title = format!("{}{kind}", self.strong("Waiting here"));
            head.push(self.waits(&title, " · ", waiting.count(), waiting.total()));
            if let Some(head) = head.last_mut() {
                head.push_str(&still(waiting.open_n));
            }
            head.extend(self.reason(&waiting, site.costly_ns(), is_behind));
            head.extend(self.spread(&waiting));
        } else if let Some(part) = site.parts.first() {
            head.push(self.time(part));
            head.extend(self.reason(&part.figure, site.costly_ns(), is_behind));
            head.extend(self.spread(&part.figure));
            besides.retain(|other| other.kind != part.kind);
        }
        if site.under.ns > waiting.total() {
            let (title, then) = if head.is_empty() {
                (self.strong("Waiting in calls from here"), " · ")
            } else {
                ("here and in calls from here".to_owned(), ": ")
            };
            head.push(self.waits(&title, then, site.under.n, site.under.ns));
        }
        if head.is_empty() {
            return None;
        }
        head.extend(self.besides(&besides));
        let mut told = Paragraphs { before: vec![self.lines(&head)], after: Vec::new() };
        // One finding in full: a hover is read at a glance, and the diagnostics list them all.
        let mut found = view.findings_at(file).filter(|(at, _)| *at == site.line);
        if let Some((_, first)) = found.next() {
            let mut finding = self.finding(first);
            match found.count() {
                0 => {}
                1 => finding.push_str(" (and 1 more finding)"),
                n => finding.push_str(&format!(" (and {n} more findings)")),
            }
            told.before.insert(0, finding);
        }
        if waits.len() > 1 {
            told.before.push(self.kinds(&waits));
        }
        if waiting.count() > 0 {
            told.after.extend(self.origins(&waiting, view.cases.at(file, site.line)));
        }
        Some(told)
    }

    /// Whom it holds up, and what it did meanwhile.
    fn behind(&self, behind: &Behind) -> String {
        let about = self.view.approximately();
        let share = percent(behind.ns, self.view.sites.costly_ns.max(1));
        let places = behind.by_line(self.view);
        let places = places
            .iter()
            .map(|(at, ns)| format!("{} {}", self.code(at), percent(*ns, behind.ns.max(1))));
        self.lines(&[
            format!(
                "{} · {about}{} of what is costly, {share} of all, ends here: it {}",
                self.strong("Others wait for this line"),
                duration(behind.ns),
                behind.doing()
            ),
            format!("they wait at {}", enumerated(places)),
        ])
    }

    fn strong(&self, text: &str) -> String {
        match self.markup {
            Markup::Markdown => format!("**{text}**"),
            Markup::Plain => text.to_owned(),
        }
    }

    fn code(&self, name: &str) -> String {
        match self.markup {
            Markup::Markdown => code(name),
            Markup::Plain => plain(name),
        }
    }

    /// What a part is, in words that may be the runtime's.
    fn words(&self, part: &Part) -> String {
        let text = part.kind.words(&self.view.analysis);
        match self.markup {
            Markup::Markdown => words(text),
            Markup::Plain => plain(text),
        }
    }

    /// One paragraph of several lines.
    fn lines(&self, lines: &[String]) -> String {
        lines.join(match self.markup {
            Markup::Markdown => "  \n",
            Markup::Plain => "\n",
        })
    }

    /// `TITLE · 1.21 s in 3,120 waits · 0.60 waiting on average`.
    fn waits(&self, title: &str, then: &str, n: u64, ns: i64) -> String {
        let about = self.view.approximately();
        format!(
            "{title}{then}{about}{} in {about}{} wait{} · {about}{} waiting on average",
            duration(ns),
            count(n),
            if n == 1 { "" } else { "s" },
            self.view.waiting_on_average(ns),
        )
    }

    /// A finding: its code and what it says.
    fn finding(&self, finding: &Finding) -> String {
        let message = match self.markup {
            Markup::Markdown => escaped(&finding.message),
            Markup::Plain => finding.message.clone(),
        };
        // What is beside it is of the range then.
        let scope = if self.view.range.is_some() { " (of the whole trace)" } else { "" };
        format!("{}{scope}: {message}", self.strong(finding.code.as_str()))
    }

    /// The verdict in a sentence, and the line's share of all that is costly, where that is a good part of it.
    fn reason(&self, figure: &Figure, costly_ns: i64, is_behind: bool) -> Option<String> {
        let sum = self.view.judged(&figure.slots);
        let reason = crate::reasons::reason(self.view, &sum, &figure.slots)?;
        let reason = if is_behind { crate::reasons::but_demand(&reason) } else { &reason };
        let reason = match self.markup {
            Markup::Markdown => escaped(reason),
            Markup::Plain => reason.to_owned(),
        };
        if costly_ns == 0 || i128::from(costly_ns) * GOOD_PART < i128::from(sum.total()) {
            return Some(reason);
        }
        let share = percent(costly_ns, self.view.sites.costly_ns.max(1));
        Some(format!("{reason} · {share} of all that is costly"))
    }

    /// `**Runnable** · 5.55 ms · 17× · 0.02 on average`, for a line that does not wait.
    fn time(&self, part: &Part) -> String {
        let about = self.view.approximately();
        let (n, ns) = (part.figure.count(), part.figure.total());
        format!(
            "{} · {about}{} · {about}{}× · {about}{} on average",
            self.strong(&capitalised(&self.words(part))),
            duration(ns),
            count(n),
            self.view.waiting_on_average(ns),
        )
    }

    /// The percentiles of what ended, then the longest of all and where to look for it.
    fn spread(&self, figure: &Figure) -> Option<String> {
        let about = self.view.approximately();
        let mut parts = Vec::new();
        if figure.n > 1 {
            let worst = figure.worst.map_or(i64::MAX, |w| w.ns);
            let values = figure.values(&self.view.analysis).percentiles([50, 90, 99]);
            for (name, value) in ["p50", "p90", "p99"].into_iter().zip(values) {
                if name != "p99" || figure.n >= 100 {
                    parts.push(format!("{name} {about}{}", duration(value.min(worst))));
                }
            }
        }
        if let Some(longest) = figure.longest() {
            let of = match longest.g {
                exectrace::GoId::NONE => String::new(),
                g => format!("goroutine {} ", g.0),
            };
            let at = match longest.start.0 {
                0 => "when the trace began".to_owned(),
                at => format!("at {}", duration(at)),
            };
            parts.push(format!("max {about}{} ({of}{at})", duration(longest.ns)));
        }
        (!parts.is_empty()).then(|| parts.join(" · "))
    }

    /// What else the line cost: neither a wait nor in the sums above.
    fn besides(&self, parts: &[&Part]) -> Option<String> {
        let about = self.view.approximately();
        let named = parts.iter().map(|part| {
            let (n, ns) = (part.figure.count(), part.figure.total());
            format!("{} {about}{} ({about}{}×)", self.words(part), duration(ns), count(n))
        });
        (!parts.is_empty()).then(|| format!("besides: {}", enumerated(named)))
    }

    /// A list of the kinds of waits.
    fn kinds(&self, waits: &[&Part]) -> String {
        let about = self.view.approximately();
        let n_rows = if waits.len() > ROWS { ROWS - 1 } else { waits.len() };
        let mut rows: Vec<String> = waits[..n_rows]
            .iter()
            .map(|part| {
                format!(
                    "- {} {about}{} · {about}{}×{}",
                    self.words(part),
                    duration(part.figure.total()),
                    count(part.figure.count()),
                    tail(self.view, &part.figure)
                )
            })
            .collect();
        if waits.len() > n_rows {
            rows.push(format!("- and {} more", waits.len() - n_rows));
        }
        rows.join("\n")
    }

    /// How often the `select` of a case went on with it.
    fn taken(&self, cases: &Cases, taken: &Taken) -> String {
        let about = self.view.approximately();
        let (n, ns) = cases.total();
        format!(
            "{} · {about}{} of {about}{} of the select above, {about}{} of {about}{}",
            self.strong("Taken"),
            count(taken.n),
            counted(n, "wait", "waits"),
            duration(taken.ns),
            duration(ns)
        )
    }

    /// With which cases of a `select` the waits went on.
    fn cases(&self, cases: &Cases) -> String {
        let about = self.view.approximately();
        let one = |what: String, n: u64, ns: i64| {
            format!("{what} {about}{}× ({about}{})", count(n), duration(ns))
        };
        let taken = cases.by_time();
        let taken: Vec<String> =
            taken.iter().map(|taken| one(self.code(&taken.text), taken.n, taken.ns)).collect();
        let (n, ns) = cases.unknown;
        let unknown = if n > 0 { one("; not known of".to_owned(), n, ns) } else { String::new() };
        format!("went on with {}{unknown}", enumerated(taken.into_iter()))
    }

    /// How the waits went on, who ended them, and from where their line's function was called.
    fn origins(&self, waiting: &Figure, cases: Option<&Cases>) -> Option<String> {
        let View { analysis, placement, .. } = self.view;
        let wakers = wakers(analysis, placement, &waiting.slots);
        let callers = callers(analysis, placement, &waiting.slots);
        let mut lines: Vec<String> = cases.map(|cases| self.cases(cases)).into_iter().collect();
        if !wakers.is_empty() {
            let none = "the runtime (network, timer or collector)";
            lines.push(format!("woken from {}", self.shares(&wakers, none, |o| o.n)));
        }
        if callers.iter().any(|c| c.frame.is_some()) {
            let none = "the start of its goroutine";
            let shares = self.shares(&callers, none, |o| o.ns.unsigned_abs());
            lines.push(format!("called from {shares}"));
        }
        (!lines.is_empty()).then(|| self.lines(&lines))
    }

    fn shares(&self, list: &[Origin], none: &str, amount: impl Fn(&Origin) -> u64) -> String {
        let all: u128 = list.iter().map(|o| u128::from(amount(o))).sum();
        let all = i128::try_from(all).unwrap_or(i128::MAX);
        enumerated(list.iter().map(|origin| {
            let name = match origin.frame {
                Some(frame) => self.code(&self.view.frame_name(frame)),
                None => none.to_owned(),
            };
            format!("{name} {}", percent(amount(origin), all))
        }))
    }
}

/// A sentence of ours in which names of the trace stand: nothing of it is to be markup.
fn escaped(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    for c in sentence.chars() {
        if matches!(c, '*' | '_' | '`' | '[' | ']' | '<' | '\\' | '#' | '|' | '~' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `a, b, c and 2 more`.
fn enumerated(items: impl ExactSizeIterator<Item = String>) -> String {
    let n = items.len();
    let mut text = items.take(ITEMS).collect::<Vec<_>>().join(", ");
    if n > ITEMS {
        text.push_str(&format!(" and {} more", n - ITEMS));
    }
    text
}

fn capitalised(words: &str) -> String {
    if let Some(rest) = words.strip_prefix("gc ") {
        return format!("GC {rest}");
    }
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
