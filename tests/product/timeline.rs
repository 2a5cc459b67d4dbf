//! The timeline's index against a model that keeps every span and goes over all of them.
//!
//! The model shares nothing with the index but the decoder: it writes down each goroutine's states as
//! they come, and works a window out by its definition, cell by cell.

use std::collections::BTreeMap;
use std::path::Path;

use exectrace::{
    At, Decoder, GoEvent, GoId, GoState, Nanos, RangeEvent, RangeKind, RangePhase, RangeScope,
    Reader, Sink, StrId, Tables,
};
use ide::timeline::{Builder, Class, Counter, Failed, Index, Key, Rect, Window};
use ide::view::View;
use proptest::prelude::*;

use crate::answers::{answer_to, files_below};
use crate::product::testdata;

mod sums;
mod tiles;

/// A span of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: i64,
    end: i64,
    state: GoState,
    assists: bool,
    reason: StrId,
}

/// Writes down every span.
#[derive(Default)]
struct Model {
    open: BTreeMap<u64, Span>,
    spans: BTreeMap<u64, Vec<Span>>,
    assists: BTreeMap<u64, bool>,
    sync: i64,
    end: i64,
    marks: Vec<(i64, i64)>,
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

    fn of(bytes: &[u8]) -> (Model, Tables) {
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

/// A trace: its bytes, its view, its index.
struct Trace {
    bytes: Vec<u8>,
    view: View,
    index: Index,
}

fn load(path: &Path) -> Trace {
    let bytes = std::fs::read(path).unwrap();
    let mut builder = ide::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    let index = index_of(&bytes, &analysis).unwrap();
    let placement = ide::placement::Placement::default();
    let view = View::new("a".into(), analysis, placement, &ide::view::Word::default());
    let mut index = index;
    index.seal(&view);
    Trace { bytes, view, index }
}

pub(crate) fn index_of(bytes: &[u8], analysis: &ide::Analysis) -> Result<Index, Failed> {
    let mut builder = Builder::new(None);
    // In odd pieces, as a file may come.
    for piece in bytes.chunks(77_777) {
        builder.space(piece.len()).copy_from_slice(piece);
        builder.filled(piece.len());
    }
    builder.finish(analysis)
}

/// The traces of the tests, small and of all kinds.
fn traces() -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for folder in ["g121", "g122", "g125", "g126", "g127"] {
        for entry in std::fs::read_dir(testdata(&format!("traces/{folder}"))).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "trace") {
                found.push(path);
            }
        }
    }
    if let Some(dir) = std::env::var_os("WAITLINE_TRACES") {
        let more = files_below(Path::new(&dir)).into_iter().filter(|path| {
            let folder = path.parent().and_then(Path::file_name).and_then(|n| n.to_str());
            path.extension().is_some_and(|e| e == "trace") && folder != Some("broken")
        });
        found.extend(more);
    }
    found.sort();
    assert!(found.len() >= 20, "{found:?}");
    found
}

/// The index has every goroutine's spans, as the model has them.
#[test]
fn spans_are_all_there() {
    let (mut spans, mut goroutines) = (0, 0);
    for path in traces() {
        let Trace { bytes, view, index } = load(&path);
        let (model, tables) = Model::of(&bytes);
        assert_eq!(index.end, model.end, "{path:?}");
        assert_eq!(index.gos.len(), model.spans.len(), "{path:?}: goroutines");
        for (&g, want) in &model.spans {
            let go =
                index.find_go(GoId(g)).unwrap_or_else(|| panic!("{path:?}: G{g} is not there"));
            let got: Vec<_> =
                index.spans(go, i64::MIN, i64::MAX).filter(|s| s.end > s.start).collect();
            assert_eq!(got.len(), want.len(), "{path:?}: G{g}");
            for (got, want) in got.iter().zip(want) {
                assert_eq!((got.start, got.end), (want.start, want.end), "{path:?}: G{g}");
                let class = got.tone.class();
                let fits = match want.state {
                    GoState::Running if want.assists => class == Class::Assist,
                    GoState::Running => class == Class::Running,
                    GoState::Runnable => class == Class::Runnable,
                    GoState::Syscall => class == Class::Syscall,
                    GoState::Waiting => class.is_wait(),
                    _ => false,
                };
                assert!(fits, "{path:?}: G{g} at {}: {class:?} for {want:?}", got.start);
                if want.state == GoState::Waiting {
                    let reason = view.analysis.str(index.site(got).unwrap().reason);
                    assert_eq!(reason, tables.str(want.reason), "{path:?}: G{g} at {}", got.start);
                }
            }
            spans += want.len();
            goroutines += 1;
        }
        let marks: Vec<_> =
            index.gc.between(i64::MIN, i64::MAX).map(|r| (r.start, r.end)).collect();
        let want: Vec<_> = model.marks.iter().copied().filter(|m| m.1 > m.0).collect();
        assert_eq!(marks, want, "{path:?}: the collector");
    }
    eprintln!("{spans} spans of {goroutines} goroutines");
    assert!(spans > 100_000, "{spans}");
}

/// What each goroutine's states come to is what Go's own reader says.
#[test]
fn sums_of_states_are_those_of_the_oracle() {
    let mut compared = 0;
    for path in traces() {
        let Some(answer) = answer_to(&path) else { continue };
        let Trace { view, index, .. } = load(&path);
        if view.analysis.problem.is_some() {
            continue;
        }
        for want in answer.goroutines() {
            let number = |name: &str| want[name].as_i64().unwrap_or(0);
            // The oracle has one without a number for what ran without a goroutine.
            let Some(id) = want["id"].as_u64() else { continue };
            let Some(go) = index.find_go(GoId(id)) else {
                panic!("{path:?}: {want}");
            };
            let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
            let (mut forever, mut open_syscall) = (false, false);
            for span in index.spans(go, i64::MIN, i64::MAX) {
                let class = span.tone.class();
                let reason = view.analysis.str(index.site(&span).unwrap().reason);
                forever |= class.is_wait() && reason == "forever";
                open_syscall |= class == Class::Syscall && span.end == index.end;
                let key = match class {
                    Class::Running | Class::Assist => "exec",
                    Class::Runnable => "sched_wait",
                    Class::Syscall => "syscall",
                    _ if reason == "forever" => "forever",
                    _ => "block",
                };
                *sums.entry(key).or_default() += span.end - span.start;
            }
            // The oracle has such a one's last system call twice, and ends a goroutine at a wait for ever.
            if open_syscall || forever {
                continue;
            }
            let of = |key: &str| sums.get(key).copied().unwrap_or(0);
            let block = want["block"].as_object().into_iter().flatten(); // null: it never waited
            let block: i64 = block.map(|(_, ns)| ns.as_i64().unwrap()).sum();
            let id = number("id");
            assert_eq!(of("exec"), number("exec"), "{path:?}: G{id} runs");
            assert_eq!(of("sched_wait"), number("sched_wait"), "{path:?}: G{id} is runnable");
            assert_eq!(of("block"), block, "{path:?}: G{id} waits");
            let syscall = number("syscall") + number("syscall_block");
            assert_eq!(of("syscall"), syscall, "{path:?}: G{id} is in system calls");
            compared += 1;
        }
    }
    eprintln!("{compared} goroutines");
    assert!(compared > 3000, "{compared}");
}

/// A span of a lane: from, to, tone.
pub(crate) type Drawn = (i64, i64, u8);
/// A rect of a density row: x0, x1, class, verdict, fill.
type Dense = (u16, u16, u8, u8, u8);

/// What a cell shows, by the definition: goes over all spans.
pub(crate) fn cells_of(spans: &[Drawn], window: Window, idle: &dyn Fn(u8) -> bool) -> Vec<Rect> {
    let span = window.t1 - window.t0;
    let n = i64::from(window.width).min(span);
    let edge = |i: i64| window.t0 + (i128::from(span) * i128::from(i) / i128::from(n)) as i64;
    let x = |t: i64| {
        let t = t.clamp(window.t0, window.t1) - window.t0;
        (i128::from(t) * i128::from(window.width) * 16 / i128::from(span)) as i64
    };
    let is_whole = |s: &Drawn| s.1 - s.0 > span / n;
    let mut drawn: Vec<(i64, Rect, bool)> = Vec::new();
    let rect = |from: i64, to: i64, tone: u8| {
        let x0 = x(from);
        let x1 = x(to).max(x0 + 1);
        Rect {
            x0: x0 as u16,
            x1: x1 as u16,
            class: tone & 31,
            verdict: tone >> 5,
            ..Rect::default()
        }
    };
    for s in spans.iter().filter(|s| is_whole(s) && s.0 < window.t1 && s.1 > window.t0) {
        drawn.push((s.0.max(window.t0), rect(s.0.max(window.t0), s.1.min(window.t1), s.2), false));
    }
    for i in 0..n {
        let (from, to) = (edge(i), edge(i + 1));
        let mut sums: BTreeMap<u8, i64> = BTreeMap::new();
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for s in spans.iter().filter(|s| !is_whole(s) && s.0 < to && s.1 > from) {
            let (start, end) = (s.0.max(from), s.1.min(to));
            *sums.entry(s.2).or_default() += end - start;
            (first, last) = (first.min(start), last.max(end));
        }
        if sums.is_empty() {
            continue;
        }
        let all: i64 = sums.values().sum();
        let quiet: i64 = sums.iter().filter(|s| idle(*s.0)).map(|s| s.1).sum();
        let shows_idle = quiet * 4 >= all * 3;
        let most = sums
            .iter()
            .filter(|s| idle(*s.0) == shows_idle)
            .max_by_key(|s| (*s.1, -i64::from(*s.0)));
        drawn.push((first, rect(first, last, *most.unwrap().0), true));
    }
    drawn.sort_by_key(|d| d.0);
    let mut out: Vec<(Rect, bool)> = Vec::new();
    for (_, rect, joined) in drawn {
        match out.last_mut() {
            Some((last, true))
                if joined
                    && last.x1 >= rect.x0
                    && (last.class, last.verdict) == (rect.class, rect.verdict) =>
            {
                last.x1 = last.x1.max(rect.x1);
            }
            _ => out.push((rect, joined)),
        }
    }
    out.into_iter().map(|o| o.0).collect()
}

pub(crate) fn bare(rects: &[Rect]) -> Vec<(u16, u16, u8, u8)> {
    rects.iter().map(|r| (r.x0, r.x1, r.class, r.verdict)).collect()
}

pub(crate) fn quiet(tone: u8) -> bool {
    tone >> 5 == 3 || tone & 31 == Class::System as u8
}

/// Windows of any place and width on lanes of real traces are what the model works out.
#[test]
fn windows_are_those_of_a_slow_model() {
    let windows = std::cell::Cell::new(0u32);
    for name in
        ["g126/webmix", "g126/gcmix", "g125/webmix-3s-trimpath", "g126/mandel-workers", "g126/leak"]
    {
        let path = testdata(&format!("traces/{name}.trace"));
        let Trace { index, .. } = load(&path);
        let mut lanes: Vec<(u64, Vec<Drawn>)> = index
            .gos
            .iter()
            .map(|go| {
                let row = index.find_go(go.id).unwrap();
                let spans = index.spans(row, i64::MIN, i64::MAX);
                (
                    go.id.0,
                    spans.filter(|s| s.end > s.start).map(|s| (s.start, s.end, s.tone.0)).collect(),
                )
            })
            .collect();
        lanes.sort_by_key(|l: &(u64, Vec<_>)| std::cmp::Reverse(l.1.len()));
        lanes.truncate(12);
        let end = index.end;
        let strategy = (0..lanes.len(), -1000..end, 1u32..60, 1u32..1500);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 400,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner
            .run(&strategy, |(lane, t0, zoom, width)| {
                // From the whole trace to a few nanoseconds.
                let length = ((end as f64) * 0.75f64.powi(zoom as i32)).max(3.0) as i64;
                let window = Window { t0, t1: t0 + length, width };
                let (g, spans) = &lanes[lane];
                let tile = index.tile(&[Key::Gos(vec![GoId(*g)])], &window);
                let want = cells_of(spans, window, &quiet);
                prop_assert!(!tile[0].coarse);
                prop_assert_eq!(bare(&tile[0].rects), bare(&want), "G{} {:?}", g, window);
                windows.set(windows.get() + 1);
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    eprintln!("{} windows", windows.get());
    assert!(windows.get() >= 2000, "{}", windows.get());
}

/// What a density row shows, by the definition: how many goroutines were in each state, cell by cell.
fn density_of(spans: &[Drawn], window: Window) -> (u32, Vec<Dense>) {
    let span = window.t1 - window.t0;
    let n = i64::from(window.width).min(span);
    let edge = |i: i64| window.t0 + (i128::from(span) * i128::from(i) / i128::from(n)) as i64;
    let x = |i: i64| {
        let at = i128::from(edge(i) - window.t0);
        (at * i128::from(window.width) * 16 / i128::from(span)) as u16
    };
    let cells: Vec<BTreeMap<u8, i64>> = (0..n)
        .map(|i| {
            let (from, to) = (edge(i), edge(i + 1));
            let mut sums = BTreeMap::new();
            for s in spans.iter().filter(|s| s.0 < to && s.1 > from) {
                *sums.entry(s.2).or_default() += s.1.min(to) - s.0.max(from);
            }
            sums
        })
        .collect();
    let width = |i: i64| edge(i + 1) - edge(i);
    let peak =
        (0i64..).zip(&cells).map(|(i, c)| (c.values().sum::<i64>() + width(i) - 1) / width(i));
    let peak = peak.max().unwrap_or(0);
    let mut out: Vec<Vec<Dense>> = Vec::new();
    for (i, cell) in (0i64..).zip(&cells) {
        let rects: Vec<_> = cell
            .iter()
            .map(|(tone, ns)| {
                let fill = (ns * 64 / (width(i) * peak)).min(64) * 4;
                (x(i), x(i + 1).max(x(i) + 1), tone & 31, tone >> 5, fill.clamp(1, 255) as u8)
            })
            .collect();
        let looks = |a: &Dense| (a.2, a.3, a.4);
        match out.last_mut() {
            Some(last)
                if !rects.is_empty()
                    && last.len() == rects.len()
                    && last.iter().zip(&rects).all(|(a, b)| looks(a) == looks(b) && a.1 == b.0) =>
            {
                last.iter_mut().zip(&rects).for_each(|(a, b)| a.1 = b.1);
            }
            _ => out.push(rects),
        }
    }
    (peak as u32, out.into_iter().flatten().collect())
}

/// Density rows of real traces are what the model works out.
#[test]
fn density_rows_are_those_of_a_slow_model() {
    let mut windows = 0;
    for name in ["g126/webmix", "g126/gcmix", "g126/mandel-pixel"] {
        let Trace { index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        for group in index.groups.iter().take(12) {
            let spans: Vec<Drawn> = group
                .gos
                .iter()
                .flat_map(|&go| index.spans(go, i64::MIN, i64::MAX))
                .filter(|s| s.end > s.start)
                .map(|s| (s.start, s.end, s.tone.0))
                .collect();
            for (part, width) in [(1, 97), (3, 200), (50, 60), (1000, 33)] {
                let length = (index.end / part).max(10);
                let window =
                    Window { t0: index.end / 3 - length / 3, t1: index.end / 3 + length, width };
                let tile = index.tile(&[Key::Group(group.id.clone())], &window);
                let got: Vec<_> = tile[0]
                    .rects
                    .iter()
                    .map(|r| (r.x0, r.x1, r.class, r.verdict, r.fill))
                    .collect();
                let (peak, want) = density_of(&spans, window);
                assert!(!tile[0].coarse);
                assert_eq!((tile[0].peak, got), (peak, want), "{name} {} {window:?}", group.id);
                windows += 1;
            }
        }
    }
    eprintln!("{windows} windows");
    assert!(windows >= 100, "{windows}");
}

/// What a P ran, cell by cell, comes to what its goroutines ran on it.
#[test]
fn ps_ran_what_goroutines_ran() {
    let mut compared = 0;
    for path in traces() {
        let Trace { index, .. } = load(&path);
        let mut of: BTreeMap<u64, i64> = BTreeMap::new();
        let mut nowhere = 0;
        for row in 0..index.gos.len() as u32 {
            for span in index.spans(ide::timeline::GoRef(row), i64::MIN, i64::MAX) {
                if span.tone.class().is_running() {
                    match index.ran_on(&span).0 {
                        Some(p) => *of.entry(p.0).or_default() += span.end - span.start,
                        None => nowhere += span.end - span.start,
                    }
                }
            }
        }
        for (p, row) in index.proc_ids() {
            let ran: i64 = index.procs[row as usize]
                .runs
                .between(i64::MIN, i64::MAX)
                .map(|r| r.end - r.start)
                .sum();
            let want = of.get(&p.0).copied().unwrap_or(0);
            assert!((ran - want).abs() <= nowhere, "{path:?}: P{} ran {ran}, {want}", p.0);
            compared += 1;
        }
    }
    eprintln!("{compared} Ps");
    assert!(compared >= 60, "{compared}");
}

/// Counts at an instant are those of the model, and no column is below the counts within it.
#[test]
fn counters_are_those_of_the_model() {
    let mut instants = 0;
    for name in ["g126/webmix", "g126/gcmix", "g125/webmix-3s-trimpath", "g127/pipeline-3s"] {
        let Trace { bytes, index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let (model, _) = Model::of(&bytes);
        for i in 0..200 {
            let t = index.end / 200 * i + i;
            let mut want = [0u32; 4];
            for span in model.spans.values().flatten().filter(|s| s.start <= t && s.end > t) {
                want[match span.state {
                    GoState::Running => 0,
                    GoState::Runnable => 1,
                    GoState::Waiting => 2,
                    _ => 3,
                }] += 1;
            }
            let got = index.counts_at(t);
            let got = [Counter::Running, Counter::Runnable, Counter::Waiting, Counter::Syscall]
                .map(|c| got[c as usize]);
            assert_eq!(got, want, "{name} at {t}");
            instants += 1;
        }
    }
    eprintln!("{instants} instants");
}

/// A wake that the trace tells of leads from the waker's span to the woken one's, both ways.
#[test]
fn wakes_lead_from_span_to_span() {
    let Trace { view, index, .. } = load(&testdata("traces/g126/webmix.trace"));
    let (mut wakes, mut creations, mut links) = (0, 0, 0);
    for row in 0..index.gos.len() as u32 {
        let go = ide::timeline::GoRef(row);
        let spans: Vec<_> = index.spans(go, i64::MIN, i64::MAX).collect();
        for pair in spans.windows(2) {
            let (wait, next) = (pair[0], pair[1]);
            if !wait.tone.class().is_wait() || next.tone.class() != Class::Runnable {
                continue;
            }
            let slice = index.slice(&view, go, wait);
            let Some(flow) = slice.waker.filter(|f| f.from != ide::timeline::NO_GO) else {
                continue;
            };
            wakes += 1;
            assert_eq!(flow.t, wait.end);
            let by = index.span_at(flow.from, flow.t).expect("the waker was there");
            let class = by.tone.class();
            assert!(class.is_running() || class == Class::Syscall, "a waker {class:?}");
            // What it did meanwhile fills the wait, as far as it was there.
            let born = index.go(flow.from).unwrap().birth.max(wait.start);
            let all: i64 = slice.meanwhile.iter().map(|m| m.ns).sum();
            assert!(all <= wait.end - born, "{all}");
            let (out, cut) = index.outgoing(flow.from, by.start, by.end, 10_000);
            assert!(cut || out.iter().any(|f| f.to == go && f.t == wait.end), "the way back");
        }
        if let Some(first) = spans.first()
            && let Some(flow) = index.flow_of(go, first)
        {
            creations += 1;
            assert_eq!(flow.t, index.go(go).unwrap().birth);
        }
        let last = spans.last().unwrap().start;
        let chain = index.chain(index.go(go).unwrap().id, last, true, 50);
        assert!(chain.windows(2).all(|w| w[1].0.t < w[0].0.t), "time goes back");
        links += chain.len();
    }
    eprintln!("{wakes} wakes, {creations} creations, {links} links");
    assert!(wakes > 500 && creations > 50 && links > 500);
}

/// Bytes that are not those of the analysis make no index.
#[test]
fn other_bytes_make_no_index() {
    let Trace { view, bytes, .. } = load(&testdata("traces/g126/leak.trace"));
    let other = std::fs::read(testdata("traces/g126/webmix.trace")).unwrap();
    assert_eq!(index_of(&other, &view.analysis).err(), Some(Failed::Other));
    assert!(index_of(&bytes[..bytes.len() / 2], &view.analysis).is_err());
    assert!(index_of(b"go 1.26 trace\0\0\0", &view.analysis).is_err());
}

/// What can be looked at while the index is being made is a part of what it is in the end: nothing of
/// it changes any more, and what is drawn of it is drawn so in the end.
#[test]
fn lanes_grow_to_what_they_are_in_the_end() {
    let (mut steps, mut runs, mut lanes) = (0, 0, 0);
    for name in ["g125/webmix-3s-trimpath", "g126/webmix", "g122/gcmix"] {
        let Trace { bytes, index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let mut builder = Builder::new(None);
        let mut until = 0;
        for piece in bytes.chunks(16 << 10) {
            builder.space(piece.len()).copy_from_slice(piece);
            builder.filled(piece.len());
            let so_far = builder.so_far();
            assert!((until..=index.end).contains(&so_far.end), "{name}: {until} {}", so_far.end);
            steps += usize::from(so_far.end > until);
            until = so_far.end;
            for (p, row) in so_far.proc_ids() {
                let have: Vec<_> =
                    so_far.procs[row as usize].runs.between(i64::MIN, i64::MAX).collect();
                let of = index.find_proc(p).unwrap();
                let all: Vec<_> =
                    index.procs[of as usize].runs.between(i64::MIN, i64::MAX).collect();
                assert!(all.starts_with(&have), "{name}: {p:?}");
                runs += have.len();
                // Up to the last run nothing is missing in the upper row.
                let Some(last) = have.last().filter(|last| last.start > 1000) else { continue };
                for t0 in [0, last.start / 3, last.start - 999] {
                    let window = Window { t0, t1: last.start, width: 300 };
                    let upper = |index: &Index| -> Vec<Rect> {
                        let tile = index.tile(&[Key::Proc(p)], &window);
                        tile[0].rects.iter().filter(|r| r.flags & 8 == 0).copied().collect()
                    };
                    assert_eq!(upper(so_far), upper(&index), "{name}: {p:?} from {t0}");
                    lanes += 1;
                }
            }
            let counts = so_far.most(0, until / 2);
            assert!(until == 0 || counts[Counter::Running as usize] > 0);
        }
    }
    eprintln!("{steps} steps, {runs} runs, {lanes} windows");
    assert!(steps >= 3 && runs > 1000 && lanes > 20, "{steps} {runs} {lanes}");
}
