//! What a window of a trace costs: `cargo bench -p ide`, or with a trace of one's own,
//! `WAITLINE_BENCH_TRACE=FILE cargo bench -p ide`.
//!
//! Groups: `window` (all, a tenth, a hundredth and a thousandth of the trace, each at sixteen places
//! in turn), `index` (made once after the load).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods)] // the trace is read here, as in a command

use std::cell::Cell;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
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
    let (verdicts, _) = judge(&analysis, facts, &|_| None, &InTurn).expect("stays");
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

criterion_group!(benches, ranges);
criterion_main!(benches);
