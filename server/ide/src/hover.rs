//! The evidence for a line: what it cost, who ended the waits, where they came from.
//!
//! It reads well as plain text, since some editors show Markdown as it is typed: no tables, no
//! links, short lists.

use crate::annotations::still;
use crate::kinds::Kind;
use crate::lines::Figure;
use crate::placement::FileId;
use crate::sites::{Origin, SiteLine, callers, wakers};
use crate::text::{code, plain};
use crate::units::{count, duration, percent};
use crate::view::View;

/// The most rows of a list.
const ROWS: usize = 4;

/// The evidence for a recorded line (from 0) of a file, as Markdown; `None` if it cost nothing.
pub fn hover(view: &View, file: FileId, line: u32) -> Option<String> {
    let site = view.sites.line(file, line).filter(|s| s.holds)?;
    let waiting = site.waiting();
    let mut out = Vec::new();
    if waiting.count() > 0 {
        out.push(headline(view, "Waiting here", "wait", &waiting));
        out.push(spread(view, &waiting, site));
    } else if let Some(part) = site.parts.first() {
        let words = plain(part.kind.words(&view.analysis));
        out.push(headline(view, &capitalised(&words), "time", &part.figure));
        out.push(spread(view, &part.figure, site));
    }
    if site.under.ns > waiting.total() {
        let under = site.under;
        out.push(format!(
            "{}under here: {} in {} waits · {} waiting on average",
            if out.is_empty() { "" } else { "  \n" },
            duration(under.ns),
            count(under.n),
            view.waiting_on_average(under.ns)
        ));
    }
    if out.is_empty() {
        return None;
    }
    let mut text = out.concat();
    causes(view, site, &mut text);
    if waiting.count() > 0 {
        let wakers = wakers(&view.analysis, &view.placement, &waiting.slots);
        origins(view, "woken from", &wakers, &mut text, |o| (o.n, count(o.n)));
        let callers = callers(&view.analysis, &view.placement, &waiting.slots);
        if callers.iter().any(|c| c.frame.is_some()) {
            origins(view, "called from", &callers, &mut text, |o| {
                (o.ns.unsigned_abs(), duration(o.ns))
            });
        }
    }
    text.push_str(&format!("\n\n{}", view.summary()));
    Some(text)
}

/// `**Waiting here** · 1.21 s in 3,120 waits · 0.60 waiting on average`.
fn headline(view: &View, title: &str, noun: &str, figure: &Figure) -> String {
    let about = view.approximately();
    let n = figure.count();
    let plural = if n == 1 { "" } else { "s" };
    format!(
        "**{title}** · {about}{} in {about}{} {noun}{plural} · {about}{} {} on average{}",
        duration(figure.total()),
        count(n),
        view.waiting_on_average(figure.total()),
        if noun == "wait" { "waiting" } else { "at it" },
        still(figure.open_n)
    )
}

/// The percentiles, then how long the woken waited for a P.
fn spread(view: &View, figure: &Figure, site: &SiteLine) -> String {
    let mut parts = Vec::new();
    if figure.n > 1 {
        let worst = figure.worst.map_or(i64::MAX, |w| w.ns);
        let values = figure.values(&view.analysis).percentiles([50, 90, 99]);
        for (name, value) in ["p50", "p90", "p99"].into_iter().zip(values) {
            if name != "p99" || figure.n >= 100 {
                parts.push(format!("{name} {}", duration(value.min(worst))));
            }
        }
    }
    if let Some(longest) = figure.longest() {
        let from = duration(longest.start.0);
        parts.push(format!("max {} ({} at {from})", duration(longest.ns), longest.g));
    }
    if let Some(runnable) = site.parts.iter().find(|p| p.kind == Kind::Runnable)
        && site.parts.first().is_some_and(|p| p.kind != Kind::Runnable)
    {
        parts.push(format!("then runnable {}", duration(runnable.figure.total())));
    }
    if parts.is_empty() { String::new() } else { format!("  \n{}", parts.join(" · ")) }
}

fn causes(view: &View, site: &SiteLine, out: &mut String) {
    if site.parts.len() < 2
        && site.parts.first().is_none_or(|p| p.kind != Kind::BeforeTrace)
        && site.parts.first().is_some_and(|p| !p.kind.is_wait())
    {
        return;
    }
    if site.parts.is_empty() {
        return;
    }
    out.push_str("\n\ncauses\n");
    for part in site.parts.iter().take(ROWS + 2) {
        out.push_str(&format!(
            "- {} {} · {}×{}\n",
            plain(part.kind.words(&view.analysis)),
            duration(part.figure.total()),
            count(part.figure.count()),
            crate::annotations::tail(view, &part.figure)
        ));
    }
    out.truncate(out.trim_end().len());
}

fn origins(
    view: &View,
    title: &str,
    list: &[Origin],
    out: &mut String,
    amount: impl Fn(&Origin) -> (u64, String),
) {
    if list.is_empty() {
        return;
    }
    let all: u64 = list.iter().map(|o| amount(o).0).sum();
    out.push_str(&format!("\n\n{title}\n"));
    for origin in list.iter().take(ROWS) {
        let (part, shown) = amount(origin);
        let name = match origin.frame {
            Some(frame) => code(&view.frame_name(frame)),
            None if title == "called from" => "its goroutine's first function".into(),
            None => "no goroutine (network, timer, collector or the runtime)".into(),
        };
        out.push_str(&format!("- {name} · {shown} · {}\n", percent(part, all)));
    }
    if list.len() > ROWS {
        out.push_str(&format!("- and {} more\n", list.len() - ROWS));
    }
    out.truncate(out.trim_end().len());
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
