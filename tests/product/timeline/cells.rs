//! What lanes and density rows of a window show, worked out by the definition, cell by cell.

use std::collections::BTreeMap;

use exectrace::GoId;
use ide::timeline::{Class, Key, Rect, Window};
use proptest::prelude::*;

use super::{Trace, load};
use crate::product::testdata;

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
