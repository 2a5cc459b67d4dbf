//! A line and what it cost, as tables and JSON tell it: its place, its cause in a word, its text.

use ide::Analysis;
use ide::blame::{End, EndLine};
use ide::cases::Cases;
use ide::kinds::Kind;
use ide::rows::At;
use ide::staleness::State;
use ide::units::{bytes, count};
use ide::verdicts::VERDICTS;
use ide::view::{View, short_func};
use serde_json::{Value, json};

use super::places::{Here, short};

/// A line and one kind of what it cost.
pub(crate) struct Row {
    pub(crate) place: String,
    pub(crate) cause: String,
    pub(crate) of: ide::rows::Row,
}

impl Row {
    pub(crate) fn new(view: &View, here: &Here, of: ide::rows::Row) -> Row {
        let place = match of.at {
            At::Workspace { .. } => here.in_column(of.file(view), of.line()),
            At::Recorded { .. } => short(of.file(view), of.line()),
        };
        let cause = of.kind.label(&view.analysis).to_owned();
        Row { place, cause, of }
    }

    /// Whether so much is most of it. What it waits for, how often and how long is known of all its waiting,
    /// and says nothing of a small part.
    pub(crate) fn is_mostly(&self, ns: i64) -> bool {
        i128::from(ns) * 2 >= i128::from(self.of.figure.total())
    }

    /// Whether its number and tail go with so much of it. A longest one that takes more than that is
    /// another verdict's, in part at least.
    pub(crate) fn has_number(&self, ns: i64) -> bool {
        self.is_mostly(ns) && self.of.figure.longest().is_none_or(|longest| longest.ns <= ns)
    }

    /// What its waits were really for, in few words.
    pub(crate) fn waits_for(&self, view: &View) -> String {
        if matches!(self.of.kind, Kind::Runnable | Kind::Assist | Kind::Syscall) {
            return String::new();
        }
        let ends =
            view.blame.as_ref().map(|b| b.ends_by_kind(&self.of.figure.slots)).unwrap_or_default();
        ide::reasons::end_short(view, &ends, &self.place).unwrap_or_default()
    }

    /// What is costly of it, by what it ends in.
    pub(crate) fn ends(&self, view: &View) -> Vec<(Ends, i64)> {
        let ends = match self.of.kind.is_blamed() {
            true => ide::blame::by_kind(view.costly_ends(&self.of.figure.slots)),
            false => Vec::new(),
        };
        let here = |what: &str| Ends {
            what: what.to_owned(),
            place: Some((self.of.file(view).to_owned(), self.of.line())),
        };
        if ends.is_empty() {
            return vec![(here(&self.cause), self.of.costly_ns)];
        }
        let name = |(end, frame): EndLine| match (end, frame) {
            // Nobody else of the program waited for that.
            (End::Network | End::Timer, None) => here(end.name()),
            (end, frame) => {
                Ends { what: end.name().to_owned(), place: frame.map(|f| place(view, f)) }
            }
        };
        let known = |end: &(EndLine, i64)| !matches!(end.0.0, End::NotKnown | End::More);
        ends.into_iter().filter(known).map(|(end, ns)| (name(end), ns)).collect()
    }

    /// Whether something ends at its own line.
    pub(crate) fn is_at(&self, view: &View, ends: &Ends) -> bool {
        let own = (self.of.file(view), self.of.line());
        ends.place.as_ref().is_some_and(|(file, line)| (file.as_str(), *line) == own)
    }

    /// Its source as it is now, with the mark of its state; where there is none, its function.
    pub(crate) fn source(&self, view: &View) -> String {
        let func = || ide::text::plain(short_func(view.analysis.str(self.of.func)));
        match (self.of.text(view), self.of.state()) {
            (Some(text), state) => {
                let cases = self.of.cases(view).map(Cases::short);
                let text = cases.unwrap_or_else(|| ide::text::plain(text));
                // What is deferred waits at a brace.
                let called = match text.contains(char::is_alphanumeric) {
                    true => None,
                    false => self.of.called(view),
                };
                let text = called.map_or(text.clone(), |func| format!("{text} {func}"));
                format!("{}{text}", state.mark())
            }
            (None, State::Lost) => format!("gone from {}", func()),
            (None, _) => func(),
        }
    }

    /// Its figures and verdicts.
    pub(crate) fn figures_json(&self, view: &View) -> Value {
        let Row { of: row, .. } = self;
        let mut line = super::lines::figure_json(&view.analysis, &row.figure);
        line["total"] = row.figure.total().into();
        for verdict in VERDICTS {
            line[crate::config::name(verdict)] = row.of(verdict).into();
        }
        if let Some(cases) = self.of.cases(view) {
            let taken = cases.taken.iter().map(|taken| {
                json!({ "line": taken.line.saturating_add(1), "text": taken.text, "n": taken.n, "ns": taken.ns })
            });
            line["cases"] = taken.collect();
        }
        line["reason"] = ide::reasons::reason(view, &row.judged, &row.figure.slots).into();
        line
    }

    /// Adds where it is and what it is.
    pub(crate) fn add_place(&self, view: &View, line: &mut Value) {
        line["file"] = self.of.file(view).into();
        line["line"] = self.of.line().into();
        line["func"] = view.analysis.str(self.of.func).into();
        line["cause"] = self.cause.as_str().into();
        line["text"] = self.of.text(view).into();
        line["state"] = self.of.state().as_str().into();
    }
}

/// What waits end in, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    pub(crate) what: String,
    /// The file, as rows have it, and the line, from 1.
    pub(crate) place: Option<(String, u32)>,
}

/// A frame's file and line, as rows have them: of the workspace, else as recorded.
fn place(view: &View, frame: exectrace::FrameId) -> (String, u32) {
    match view.placement.place(frame).filter(|place| place.state != State::Lost) {
        Some(place) => {
            (view.placement.source(place.file).path.clone(), place.line.saturating_add(1))
        }
        None => {
            let frame = view.analysis.tables.frame(frame);
            (view.analysis.str(frame.file).to_owned(), frame.line)
        }
    }
}

/// What is counted of a whole trace, in a line.
pub(crate) fn counts(analysis: &Analysis) -> String {
    let totals = &analysis.totals;
    let heap = match totals.heap_max {
        0 => String::new(),
        n => format!(" · heap up to {}", bytes(n)),
    };
    format!(
        "{} goroutines, {} at once · GOMAXPROCS {} · {} events · {} GC{}{heap}",
        count(totals.goroutines),
        count(totals.max_alive),
        totals.gomaxprocs,
        count(analysis.events),
        count(totals.gcs),
        if totals.gcs == 1 { "" } else { "s" }
    )
}

/// The same for programs.
pub(crate) fn trace_json(view: &View) -> Value {
    let analysis = &view.analysis;
    json!({
        "trace": view.name,
        "duration": analysis.duration(),
        "events": analysis.events,
        "goroutines": analysis.totals.goroutines,
        "goroutines_at_once": analysis.totals.max_alive,
        "gomaxprocs": analysis.totals.gomaxprocs,
        "partial": analysis.partial(),
        "problem": analysis.problem.as_ref().map(ToString::to_string),
    })
}
