//! The model: writes down each goroutine's states as they come, and keeps them all.

use std::collections::BTreeMap;

use exectrace::{
    At, Decoder, GoEvent, GoState, Nanos, RangeEvent, RangeKind, RangePhase, RangeScope, Reader,
    Sink, StrId, Tables,
};

/// A span of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) state: GoState,
    pub(super) assists: bool,
    pub(super) reason: StrId,
}

/// Writes down every span.
#[derive(Default)]
pub(super) struct Model {
    open: BTreeMap<u64, Span>,
    pub(super) spans: BTreeMap<u64, Vec<Span>>,
    assists: BTreeMap<u64, bool>,
    sync: i64,
    pub(super) end: i64,
    pub(super) marks: Vec<(i64, i64)>,
    mark: Option<i64>,
}

impl Model {
    fn turn(&mut self, g: u64, t: i64, next: Option<Span>) {
        if let Some(mut open) = self.open.remove(&g) {
            open.end = t;
            self.spans.entry(g).or_default().push(open);
        }
        if let Some(next) = next {
            self.open.insert(g, next);
        }
    }

    pub(super) fn of(bytes: &[u8]) -> (Model, Tables) {
        let mut reader = Reader::new();
        reader.feed(bytes);
        reader.finish();
        let mut decoder = Decoder::<()>::new();
        let mut model = Model::default();
        while let Ok(Some(generation)) = reader.next() {
            decoder.decode(&generation, reader.tables(), &mut model).unwrap();
        }
        decoder.end(&mut model);
        let end = model.end;
        for g in model.open.keys().copied().collect::<Vec<u64>>() {
            model.turn(g, end, None);
        }
        if let Some(from) = model.mark {
            model.marks.push((from, end));
        }
        for spans in model.spans.values_mut() {
            spans.retain(|s| s.end > s.start);
        }
        (model, reader.into_tables())
    }
}

impl Sink for Model {
    type Local = ();

    fn generation(&mut self, t: Nanos, _: &exectrace::Generation, _: &Tables) {
        (self.sync, self.end) = (t.0, t.0);
    }

    fn end(&mut self, t: Nanos) {
        self.end = t.0;
    }

    fn go(&mut self, at: &At, event: &GoEvent, _: &mut ()) {
        if event.from == event.to {
            return;
        }
        let g = event.g.0;
        let start = if event.from == GoState::Undetermined { self.sync } else { at.t.0 };
        let assists = self.assists.get(&g).copied().unwrap_or(false);
        let next = Span { start, end: start, state: event.to, assists, reason: event.reason };
        if event.to == GoState::NotExist {
            self.assists.remove(&g);
            self.turn(g, at.t.0, None);
        } else {
            self.turn(g, at.t.0, Some(next));
        }
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let begins = event.phase != RangePhase::End;
        match (event.kind, event.scope) {
            (RangeKind::GcMarkAssist, RangeScope::Go(g)) => {
                let was = self.assists.insert(g.0, begins).unwrap_or(false);
                let Some(open) = self.open.get(&g.0).copied() else { return };
                if was != begins && open.state == GoState::Running {
                    let next = Span { start: at.t.0, assists: begins, ..open };
                    self.turn(g.0, at.t.0, Some(next));
                }
            }
            (RangeKind::GcMark, _) if begins => {
                let since = if event.phase == RangePhase::Active { self.sync } else { at.t.0 };
                self.mark.get_or_insert(since);
            }
            (RangeKind::GcMark, _) => {
                if let Some(from) = self.mark.take() {
                    self.marks.push((from, at.t.0));
                }
            }
            _ => {}
        }
    }
}
