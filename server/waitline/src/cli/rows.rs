//! A line and what it cost, as tables and JSON tell it: its place, its cause in a word, its text.

use ide::Analysis;
use ide::blame::{End, EndLine};
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
    /// The line as it stands now.
    pub(crate) text: Option<String>,
    pub(crate) of: ide::rows::Row,
}

impl Row {
    pub(crate) fn new(view: &View, here: &Here, of: ide::rows::Row) -> Row {
        let place = match of.at {
            At::Workspace { .. } => here.in_column(of.file(view), of.line()),
            At::Recorded { .. } => short(of.file(view), of.line()),
        };
        let cause = of.kind.label(&view.analysis).to_owned();
        Row { place, cause, text: of.text(view).map(str::to_owned), of }
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

    /// Its line without the folder.
    pub(crate) fn at(&self) -> &str {
        self.place.rsplit('/').next().unwrap_or(&self.place)
    }

    /// What is costly of it, by what it ends in: `network db.go:83`.
    pub(crate) fn ends(&self, view: &View) -> Vec<(String, i64)> {
        let (costly, all) = (self.of.costly_ns, self.of.figure.total());
        let ends = match (self.of.kind, &view.blame) {
            (Kind::Syscall | Kind::Assist, _) | (_, None) => Vec::new(),
            (_, Some(blame)) => blame.ends_by_kind(&self.of.figure.slots),
        };
        if ends.is_empty() {
            return vec![(format!("{} {}", self.cause, self.at()), costly)];
        }
        let part = |ns: i64| {
            let part = i128::from(ns) * i128::from(costly) / i128::from(all.max(1));
            i64::try_from(part).unwrap_or(i64::MAX)
        };
        let name = |end: EndLine| match end {
            // Nobody else of the program waited for that.
            (end @ (End::Network | End::Timer), None) => format!("{} {}", end.name(), self.at()),
            end => ide::reasons::end_name(view, end),
        };
        let known = |end: &(EndLine, i64)| !matches!(end.0.0, End::NotKnown | End::More);
        ends.into_iter().filter(known).map(|(end, ns)| (name(end), part(ns))).collect()
    }

    /// Its source as it is now, with the mark of its state; where there is none, its function.
    pub(crate) fn source(&self, view: &View) -> String {
        let func = || ide::text::plain(short_func(view.analysis.str(self.of.func)));
        match (&self.text, self.of.state()) {
            (Some(text), state) => format!("{}{}", state.mark(), ide::text::plain(text)),
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
        line["reason"] = ide::reasons::reason(view, &row.judged, &row.figure.slots).into();
        line
    }

    /// Adds where it is and what it is.
    pub(crate) fn add_place(&self, view: &View, line: &mut Value) {
        line["file"] = self.of.file(view).into();
        line["line"] = self.of.line().into();
        line["func"] = view.analysis.str(self.of.func).into();
        line["cause"] = self.cause.as_str().into();
        line["text"] = self.text.as_deref().into();
        line["state"] = self.of.state().as_str().into();
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
