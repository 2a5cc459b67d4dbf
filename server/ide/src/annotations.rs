//! What a line shows at its end: the dearest kind with its total, number and tail.

use crate::kinds::Kind;
use crate::line_map::LineMap;
use crate::lines::Figure;
use crate::placement::FileId;
use crate::sites::{Part, SiteLine};
use crate::units::{count, duration};
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
}

/// The annotations of a file, by rising line. Lines that were edited have none.
pub fn annotations(view: &View, file: FileId, map: &LineMap) -> Vec<Annotation> {
    let mut list: Vec<Annotation> = view
        .shown(file)
        .into_iter()
        .filter_map(|site| {
            let part = site.parts.first()?;
            Some(Annotation {
                line: map.current(site.line)?,
                recorded: site.line,
                hint: hint(view, part),
                long: long(view, site, part),
            })
        })
        .collect();
    list.sort_by_key(|a| a.line);
    list
}

/// `chan 444 ms · 974×`; what does not fit is left out from the end, `still waiting` never.
fn hint(view: &View, part: &Part) -> String {
    let about = view.approximately();
    let total = duration(part.figure.total());
    let label = crate::text::plain(part.kind.label(&view.analysis));
    let label =
        cut(&label, MAX_HINT.saturating_sub(about.chars().count() + total.chars().count() + 1));
    let start = format!("{label} {about}{total}");
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

/// At most `n` characters of a text.
fn cut(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    text.chars().take(n.saturating_sub(1)).chain(['…']).collect()
}

/// The same with the tail and how many other kinds there are.
fn long(view: &View, site: &SiteLine, part: &Part) -> String {
    let about = view.approximately();
    let mut text = format!(
        "{} {about}{} · {about}{}×{}",
        crate::text::plain(part.kind.words(&view.analysis)),
        duration(part.figure.total()),
        count(part.figure.count()),
        tail(view, &part.figure)
    );
    if part.figure.open_n > 0 {
        text.push_str(&still(part.figure.open_n));
    }
    let others = site.parts.iter().skip(1).filter(|p| p.kind.is_ranked()).count();
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
    if figure.n >= 100 {
        let [p99] = figure.values(&view.analysis).percentiles([99]);
        let p99 = figure.worst.map_or(p99, |w| p99.min(w.ns));
        return format!(" · p99 {about}{}", duration(p99));
    }
    match figure.longest() {
        Some(longest) if figure.count() > 1 => format!(" · max {about}{}", duration(longest.ns)),
        _ => String::new(),
    }
}
