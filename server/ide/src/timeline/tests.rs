//! The parts that windows are made of; the whole is held against a slow model, on real traces, in
//! `tests/product/timeline.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use exectrace::{GoId, ProcId, TaskId, ThreadId};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::cells::{Cells, Window};
use super::class::{CLASSES, Class, TONES, Tone};
use super::coded::{BLOCK, Raw, Writer, set_tone};
use super::counters::{Counter, Counters, Series};
use super::gos::ByNumber;
use super::joiner::{Joiner, longest};
use super::lanes::{BlocksOf, Lane, Span, Spans, Walk};
use super::runs::{Run, Runs};
use super::sums::{Summing, unpack};
use super::tile::{Key, Rect};
use crate::verdicts::VERDICTS;

#[test]
fn keys_of_lanes() {
    assert_eq!(Key::parse("gc"), Some(Key::Gc));
    assert_eq!(Key::parse("p:0"), Some(Key::Proc(ProcId(0))));
    assert_eq!(Key::parse("m:18446744073709551615"), Some(Key::Thread(ThreadId(u64::MAX))));
    assert_eq!(Key::parse("g:1,2"), Some(Key::Gos(vec![GoId(1), GoId(2)])));
    assert_eq!(Key::parse("task:7"), Some(Key::Task(TaskId(7))));
    assert_eq!(Key::parse("group:go:3"), Some(Key::Group("go:3".into())));
    for odd in ["", "x", "p:", "p:-1", "p:1:2", "g:", "g:1,", "g:1,,2", "task:a", "m:1e3", "q:1"] {
        assert_eq!(Key::parse(odd), None, "{odd}");
    }
    let many = format!("g:{}", vec!["1"; 300].join(","));
    assert_eq!(Key::parse(&many), None);
}

/// An index never takes much more than it may, and says so where it is too little.
#[test]
#[allow(clippy::print_stderr)]
fn the_room_of_an_index() {
    let bytes = include_bytes!("../../../../testdata/traces/g126/webmix.trace");
    let mut builder = crate::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    let within = |room: u64| {
        let mut builder = super::Builder::new(None).within(room);
        builder.space(bytes.len()).copy_from_slice(bytes);
        builder.filled(bytes.len());
        builder.finish(&analysis)
    };
    let whole = within(u64::MAX).unwrap().bytes();
    assert_eq!(within(whole as u64 / 4).err(), Some(super::Failed::TooMany));
    let least = (1..).find(|quarter| within((whole * quarter / 4) as u64).is_ok()).unwrap();
    eprintln!("the index takes {whole} bytes, and is made within {least} quarters of that");
    assert!((2..=5).contains(&least), "{least}");
}

/// What is shown while the rest is read ends with its last event, what is cut off where the next generation
/// begins: whether that is before or long after.
#[test]
fn a_part_has_its_index_wherever_it_ends() {
    let generation = |n: u64, time: u64| {
        let text = format!(
            "go 1.26\nbatch gen={n} m=-1 time={time}\n  Sync\n  Frequency freq=1000000000\n  \
             ClockSnapshot dt=0 mono=1 sec=2 nsec=3\nbatch gen={n} m=1 time={time}\n  \
             ProcStatus dt=1 p=0 pstatus=1\n  GoStatus dt=1 g=1 m=1 gstatus=2\n  \
             GoStop dt=500 reason_string=0 stack=0\n  GoStart dt=500 g=1 g_seq=1\nEndOfGeneration\n"
        );
        exectrace::text::read(&text).unwrap()
    };
    let mut ends = Vec::new();
    for next in [1_100, 2_002, 9_000_000] {
        let first = generation(1, 1_000);
        let header = exectrace::HEADER_LEN;
        let rest = generation(2, next)[header..].to_vec();
        for is_stopped in [true, false] {
            let mut builder = crate::analysis::Builder::new();
            builder.space(first.len()).copy_from_slice(&first);
            builder.filled(first.len());
            assert!(builder.n_generations() == 1 && builder.cut("for a test".into()));
            if is_stopped {
                builder.stop();
            } else {
                builder.space(rest.len()).copy_from_slice(&rest);
                builder.filled(rest.len());
            }
            let analysis = builder.finish().unwrap();
            assert_eq!(analysis.cut, Some(1));
            let mut builder = super::Builder::new(analysis.cut);
            let bytes = [&first[..], &rest[..]].concat();
            builder.space(bytes.len()).copy_from_slice(&bytes);
            builder.filled(bytes.len());
            let index = builder.finish(&analysis);
            assert_eq!(index.map(|index| index.end), Ok(analysis.duration()), "{next}");
            ends.push(analysis.duration());
        }
    }
    assert_eq!(ends[..2], [ends[0]; 2]);
    assert!(ends[5] > 8_000_000 && ends[4] == ends[0], "{ends:?}");
}

#[test]
fn tones_hold_a_class_and_a_verdict() {
    for class in CLASSES {
        let tone = Tone::new(class);
        assert_eq!((tone.class(), tone.verdict()), (class, None));
        assert_eq!(Class::parse(class.name()), Some(class));
        for verdict in VERDICTS {
            let judged = tone.judged(verdict);
            assert_eq!((judged.class(), judged.verdict()), (class, Some(verdict)));
            assert!(usize::from(judged.0) < TONES);
        }
    }
}

#[test]
fn idle_time_is_drawn_where_it_is_three_quarters() {
    let (run, idle) = (Tone::new(Class::Running).0, Tone::new(Class::System).0);
    let of = |sums: &[(u8, u64)]| longest(sums.iter().map(|&(tone, ns)| (Tone(tone), ns)));
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[(run, 25), (idle, 75)]), Some(Tone(idle)));
    assert_eq!(of(&[(run, 26), (idle, 74)]), Some(Tone(run)));
    // Of equals the one that comes first in the legend.
    let chan = Tone::new(Class::Channel).0;
    assert_eq!(of(&[(chan, 5), (run, 5)]), Some(Tone(run)));
}

#[test]
fn columns_show_the_most_within_them() {
    let mut counters = Counters::default();
    for i in 0..1000 {
        counters.change(i, None, Some(Counter::Running));
        if i % 2 == 1 {
            counters.change(i, Some(Counter::Running), Some(Counter::Waiting));
        }
    }
    counters.catch_up();
    let most = counters.most(0, 1000);
    assert_eq!(most[Counter::Waiting as usize], 500);
    assert!(most[Counter::Running as usize] >= 500);
    assert!(counters.most(0, 10)[Counter::Waiting as usize] <= 128);
    let mut heap = Series::default();
    assert_eq!(heap.most(0, 10), None);
    for i in 0..1000u64 {
        heap.push(i as i64 * 10, i % 300);
    }
    assert_eq!(
        (heap.at(-1), heap.at(0), heap.at(9), heap.at(10)),
        (None, Some(0), Some(0), Some(1))
    );
    assert_eq!(heap.most(0, 10_000), Some(299));
    assert_eq!(heap.most(15, 16), Some(1));
    assert_eq!(heap.most(3000, 3011), Some(1));
}

/// Adds up what it is shown.
struct Adder {
    cells: Cells,
    cell: i64,
    sums: Vec<u64>,
}

impl Walk for Adder {
    fn cells(&self) -> Option<Cells> {
        Some(self.cells)
    }

    fn until(&mut self, from: i64) -> i64 {
        self.cell = self.cells.cell(from);
        self.cells.edge(self.cell + 1)
    }

    fn sums(&mut self, from: i64, _: i64, parts: &[u64]) {
        let cell = self.cells.cell(from) as usize;
        self.sums[cell] += parts.iter().map(|&p| unpack(p).1).sum::<u64>();
    }

    fn span(&mut self, from: i64, to: i64, _: Tone, _: u32) {
        let (mut at, to) = (from.max(self.cells.t0), to.min(self.cells.t1));
        while at < to {
            let cell = self.cells.cell(at);
            let until = to.min(self.cells.edge(cell + 1));
            self.sums[cell as usize] += (until - at) as u64;
            at = until;
        }
    }
}

/// Hands on what it is shown; counts cells, or does not let on that there are any.
struct Through<'a, W> {
    walk: &'a mut W,
    hides: bool,
    cells: u32,
}

impl<W: Walk> Walk for Through<'_, W> {
    fn cells(&self) -> Option<Cells> {
        self.walk.cells().filter(|_| !self.hides)
    }

    fn cell(&mut self, from: i64, to: i64, parts: &[u64]) {
        self.cells += 1;
        self.walk.cell(from, to, parts);
    }

    fn until(&mut self, from: i64) -> i64 {
        self.walk.until(from)
    }

    fn sums(&mut self, from: i64, to: i64, parts: &[u64]) {
        self.walk.sums(from, to, parts);
    }

    fn span(&mut self, from: i64, to: i64, tone: Tone, row: u32) {
        self.walk.span(from, to, tone, row);
    }
}

/// What is drawn of a lane, and how many cells were taken from edge to edge.
fn drawn(
    cells: Cells,
    gaps: bool,
    hides: bool,
    walk: impl FnOnce(&mut Through<'_, Joiner<'_, fn(u32) -> (u32, u32)>>),
) -> (Vec<Rect>, u32) {
    let mut rects = Vec::new();
    let describe: fn(u32) -> (u32, u32) = |row| (row.wrapping_add(1), row);
    let mut joiner = Joiner::new(cells, &mut rects, describe, 0, gaps, i64::MAX);
    let mut through = Through { walk: &mut joiner, hides, cells: 0 };
    walk(&mut through);
    let n = through.cells;
    joiner.flush(i64::MAX);
    (rects, n)
}

/// What goroutines' spans are.
fn of_spans() -> Vec<Class> {
    let all = CLASSES.into_iter();
    all.filter(|c| c.is_wait() || c.has_where() || *c == Class::Runnable).collect()
}

/// A lane of its own, of spans of such lengths.
fn lane_of(spans: &[(Tone, i64)]) -> (Spans, i64) {
    let mut t = 1000;
    let raw = |(row, &(_, ns)): (usize, &(Tone, i64))| {
        let span = Raw { start: t, site: row as u32, x: row as u32 };
        t += ns;
        span
    };
    let raws: Vec<Raw> = spans.iter().enumerate().map(raw).collect();
    let (mut made, mut summing, mut writer) =
        (Spans::default(), Summing::default(), Writer::default());
    for (block, spans) in raws.chunks(BLOCK).zip(spans.chunks(BLOCK)) {
        made.heads.bases.push(block[0].start);
        writer.spans(block, |site| spans[site as usize % BLOCK].0);
        made.heads.ats.push(made.arena.push(writer.block()).unwrap());
        summing.mark();
        spans.iter().for_each(|&(tone, ns)| summing.add(tone.0, ns as u64));
    }
    summing.mark();
    made.sums.extend(summing.done(made.heads.bases.len()));
    (made, t)
}

fn whole(made: &Spans, end: i64) -> Lane<'_> {
    Lane::new(made, BlocksOf::all(&made.heads), end)
}

/// Short spans and here and there a long one, or one that takes no time.
fn steps() -> impl Strategy<Value = Vec<(usize, i64, i64)>> {
    let gap = prop_oneof![Just(0i64), 0i64..50];
    let len = prop_oneof![60 => 1i64..100, 1 => Just(0i64), 1 => 100i64..20_000];
    prop::collection::vec((0..CLASSES.len(), gap, len), 200..4000)
}

/// From edge to edge the same is drawn as block by block and span by span.
#[test]
fn edges_of_cells_tell_what_spans_tell() {
    let (jumped, walked) = (std::cell::Cell::new(0u64), std::cell::Cell::new(0u64));
    let strategy = (steps(), 0.0f64..1.0, 0.0f64..1.2, 1u32..80, 1u32..4, 1u8..17);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&strategy, |(steps, from, length, width, wide, few)| {
            let of_spans = of_spans();
            let tone =
                |class: usize| Tone::new(of_spans[class % usize::from(few).min(of_spans.len())]);
            let spans: Vec<_> = steps.iter().map(|&(c, _, len)| (tone(c), len)).collect();
            let (made, end_of_lane) = lane_of(&spans);
            let (mut runs, mut writer) = (Runs::default(), Writer::default());
            let mut t = 1000;
            for (row, &(class, gap, len)) in (0u32..).zip(&steps) {
                runs.push(&mut writer, t + gap, t + gap + len, tone(class), row);
                t += gap + len;
            }
            for (end, gaps) in [(end_of_lane, false), (t, true)] {
                let t0 = (end as f64 * from) as i64;
                let t1 = t0 + 1 + (end as f64 * length) as i64;
                let cells = Cells::new(&Window { t0, t1, width }, wide);
                let of = |hides: bool| match gaps {
                    true => drawn(cells, true, hides, |walk| runs.walk(t0, t1, walk)),
                    false => drawn(cells, false, hides, |walk| {
                        whole(&made, end_of_lane).walk(t0, t1, walk)
                    }),
                };
                let ((got, n), (want, none)) = (of(false), of(true));
                prop_assert_eq!(none, 0);
                prop_assert_eq!(got, want);
                jumped.set(jumped.get() + u64::from(n));
                walked.set(walked.get() + cells.n as u64 - u64::from(n));
            }
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
    let (jumped, walked) = (jumped.get(), walked.get());
    assert!(jumped > 1000 && walked > 1000, "{jumped} cells by their edges, {walked} else");
}

/// What blocks hold is what was written: tones, times, sites and xs of all sizes.
#[test]
fn blocks_hold_what_was_written() {
    let number = || prop_oneof![0u32..4, 0u32..300, 0u32..70_000, any::<u32>(), Just(u32::MAX)];
    let length = |most: i64| prop_oneof![0i64..300, 0i64..70_000, 0i64..20_000_000, 0i64..most];
    let span = (0usize..11, 0u8..5, length(1 << 32), number(), number(), length(1 << 50));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let verdict = |tone: Tone, v: u8| match v.checked_sub(1) {
        Some(v) => tone.judged(VERDICTS[usize::from(v)]),
        None => tone,
    };
    runner
        .run(&prop::collection::vec(span, 1..150), |spans| {
            let of_spans = of_spans();
            let (mut t, mut writer, mut raws, mut want) = (7, Writer::default(), vec![], vec![]);
            for (row, &(class, v, ns, site, x, _)) in spans.iter().enumerate() {
                let tone = verdict(Tone::new(of_spans[class]), v);
                raws.push(Raw { start: t, site, x });
                want.push(Span { row: row as u32, start: t, end: t + ns, tone, site, x });
                t += ns;
            }
            let mut made = Spans::default();
            for (raws, spans) in raws.chunks(BLOCK).zip(spans.chunks(BLOCK)) {
                let mut classes = spans.iter().map(|s| Tone::new(of_spans[s.0]));
                made.heads.bases.push(raws[0].start);
                writer.spans(raws, |_| classes.next().unwrap());
                let at = made.arena.push(writer.block()).unwrap();
                made.heads.ats.push(at);
                // Verdicts come later, in any order.
                for (k, span) in spans.iter().enumerate().rev() {
                    let tone = verdict(Tone::new(of_spans[span.0]), span.1);
                    set_tone(made.arena.at_mut(at), k, tone);
                }
            }
            let lane = whole(&made, t);
            prop_assert_eq!(&lane.all().collect::<Vec<Span>>(), &want);
            let sites = lane.sites();
            for span in want {
                prop_assert_eq!(
                    (lane.span(span.row), sites.of(span.row)),
                    (Some(span), Some(span.site))
                );
            }
            let (mut runs, mut want, mut t) = (Runs::default(), vec![], 7);
            for (row, &(class, v, ns, _, x, gap)) in spans.iter().enumerate() {
                let tone = verdict(Tone::new(of_spans[class % (1 + spans.len() % 11)]), v);
                let start = t + gap;
                t = start + 1 + ns;
                runs.push(&mut writer, start, t, tone, x);
                want.push(Run { row: row as u32, start, end: t, tone, x });
            }
            prop_assert_eq!(&runs.between(i64::MIN, i64::MAX).collect::<Vec<Run>>(), &want);
            let xs = runs.xs();
            for run in want {
                prop_assert_eq!(runs.get(run.row), Some(run));
                prop_assert_eq!(xs.of(run.row), Some(run.x));
                prop_assert_eq!(runs.at(run.start), Some(run));
            }
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}

/// Rows are found by numbers that follow each other, and by those that are anywhere.
#[test]
fn rows_by_number() {
    for step in [1u64, 90, 300, 1 << 40] {
        let numbers: Vec<u64> = (0..2000).map(|i| i * step).rev().chain([0, step]).collect();
        let rows = ByNumber::new(|| numbers.iter().copied());
        let is_paged = matches!(rows, ByNumber::Pages(_));
        assert_eq!(is_paged, step == 1, "{step}");
        for (row, &number) in (0u32..).zip(&numbers) {
            // Of equal ones the last.
            let last = if number <= step { 2000 + (number / step) as u32 } else { row };
            assert_eq!(rows.find(number), Some(last));
        }
        assert_eq!(rows.find(2000 * step + 1), None);
    }
}

proptest! {
    #[test]
    fn each_time_lies_in_one_cell(
        t0 in -1_000_000i64..1 << 50,
        length in 1i64..1 << 53,
        width in 1u32..4096,
        wide in 1u32..64,
        at in 0.0f64..1.0,
    ) {
        let cells = Cells::new(&Window { t0, t1: t0 + length, width }, wide);
        prop_assert_eq!((cells.edge(0), cells.edge(cells.n)), (t0, t0 + length));
        let t = t0 + ((length - 1) as f64 * at) as i64;
        let cell = cells.cell(t);
        prop_assert!(cells.edge(cell) <= t && t < cells.edge(cell + 1), "{}", t);
        prop_assert!(cells.x(t) <= cells.x(t + 1));
        prop_assert!(u32::from(cells.x(t0 + length)) <= width * 16);
    }

    /// Runs with gaps, of any length: what the walk adds up by way of blocks and sums is what
    /// going over all of them adds up.
    #[test]
    fn blocks_and_sums_lose_no_time(
        steps in prop::collection::vec((0i64..2000, 1i64..3000), 1..3000),
        far in any::<bool>(),
        t0 in -100i64..2_000_000,
        length in 1i64..9_000_000,
        width in 1u32..300,
    ) {
        let (mut runs, mut writer) = (Runs::default(), Writer::default());
        let mut all = Vec::new();
        let mut t = 0;
        for (i, (gap, len)) in steps.into_iter().enumerate() {
            // Blocks hold times of 4.29 s.
            t += gap + if far && i == 100 { 6_000_000_000 } else { 0 };
            let tone = Tone::new(CLASSES[i % 3]);
            runs.push(&mut writer, t, t + len, tone, i as u32);
            all.push((t, t + len));
            t += len;
        }
        prop_assert_eq!(runs.len(), all.len());
        let cells = Cells::new(&Window { t0, t1: t0 + length, width }, 1);
        let mut adder = Adder { cells, cell: 0, sums: vec![0; cells.n as usize] };
        runs.walk(t0, t0 + length, &mut adder);
        for cell in 0..cells.n {
            let (from, to) = (cells.edge(cell), cells.edge(cell + 1));
            let want: i64 = all.iter().map(|&(s, e)| (e.min(to) - s.max(from)).max(0)).sum();
            prop_assert_eq!(adder.sums[cell as usize], want as u64, "cell {}", cell);
        }
        let between: Vec<_> = runs.between(t0, t0 + length).map(|r| (r.start, r.end)).collect();
        let want: Vec<_> = all.iter().copied().filter(|r| r.1 > t0 && r.0 < t0 + length).collect();
        prop_assert_eq!(between, want);
    }
}

/// Whatever is drawn as judged has its judgement told when it is selected.
#[test]
fn each_judged_span_has_its_judgement() {
    let bytes = include_bytes!("../../../../testdata/traces/g126/webmix.trace");
    let mut builder = crate::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    let mut builder = super::Builder::new(None);
    builder.space(bytes.len()).copy_from_slice(bytes);
    builder.filled(bytes.len());
    let mut index = builder.finish(&analysis).unwrap();
    let placement = crate::placement::Placement::default();
    let view = crate::view::View::new("t".into(), analysis, placement, &Default::default());
    index.seal(&view);
    let mut n = 0;
    for go in index.gos.refs() {
        for span in index.spans(go, i64::MIN, i64::MAX).filter(|s| s.tone.verdict().is_some()) {
            let judged = index.judgement(&view, go, &span).map(|judged| judged.verdict);
            assert_eq!(judged, span.tone.verdict(), "{go:?} {span:?}");
            n += 1;
        }
    }
    assert!(n > 1000, "{n}");
}
