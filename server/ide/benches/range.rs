//! What a window of a trace costs: `cargo bench -p ide`, or with a trace of one's own,
//! `WAITLINE_BENCH_TRACE=FILE cargo bench -p ide`.
//!
//! Groups: `window` (all, a tenth, a hundredth and a thousandth of the trace, each at sixteen places
//! in turn), `index` (made once after the load), `timeline by size` (the timeline's index of the trace cut
//! after 1, 2, 4, 8 generations and whole, in events: the same throughput where cost grows with size).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // the trace is read here, as in a command

use std::cell::Cell;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exectrace::Nanos;
use ide::analysis::Builder;
use ide::jobs::InTurn;
use ide::lines::is_user_by_name;
use ide::range::{Index, window};
use ide::verdicts::{Facts, judge};

fn file() -> PathBuf {
    let bundled = "../../testdata/traces/g125/webmix-3s-trimpath.trace";
    std::env::var_os("WAITLINE_BENCH_TRACE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(bundled), PathBuf::from)
}

fn ranges(c: &mut Criterion) {
    let bytes = std::fs::read(file()).unwrap_or_else(|e| panic!("{}: {e}", file().display()));
    let mut builder = Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().expect("a whole trace");
    let user = |f| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    let facts = Facts::new(&analysis, &user);
    let (verdicts, _) = judge(&analysis, facts, &|_| None, &InTurn(1)).expect("stays");
    let index = Index::new(&analysis).expect("stays");
    let mut group = c.benchmark_group("window");
    group.sample_size(20);
    for (name, parts) in [("100 %", 1), ("10 %", 10), ("1 %", 100), ("0.1 %", 1000)] {
        let width = analysis.duration() / parts;
        let place = Cell::new(0);
        group.bench_function(name, |b| {
            b.iter(|| {
                place.set((place.get() + 1) % 16);
                let t0 = (analysis.duration() - width) / 16 * place.get();
                let (t0, t1) = (Nanos(t0), Nanos(t0 + width));
                black_box(window(&analysis, &index, Some(&verdicts), t0, t1))
            });
        });
    }
    group.finish();
    c.bench_function("index", |b| b.iter(|| black_box(Index::new(&analysis))));
}

/// The timeline of a trace's first generations.
fn timeline(c: &mut Criterion) {
    let bytes = std::fs::read(file()).unwrap_or_else(|e| panic!("{}: {e}", file().display()));
    let analysis_of = |bytes: &[u8]| ide::analysis::of_bytes(bytes).expect("a trace");
    let whole = analysis_of(&bytes).totals.generations;
    let mut reader = exectrace::Reader::new();
    reader.feed(&bytes);
    reader.finish();
    let mut group = c.benchmark_group("timeline by size");
    group.sample_size(20);
    for n in 1..=whole {
        let Some(generation) = reader.next().expect("a trace") else { break };
        if !n.is_power_of_two() && n != whole {
            continue;
        }
        let cut = &bytes[..generation.offset() as usize + generation.n_bytes()];
        let analysis = analysis_of(cut);
        group.throughput(Throughput::Elements(analysis.events));
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| {
                let mut builder = ide::timeline::Builder::new(None);
                builder.space(cut.len()).copy_from_slice(cut);
                builder.filled(cut.len());
                black_box(builder.finish(&analysis).expect("the same trace"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ranges, timeline);
criterion_main!(benches);
