//! How fast a trace is loaded, step by step: `cargo bench -p waitline`, or with a trace of one's own,
//! `WAITLINE_BENCH_TRACE=FILE cargo bench -p waitline`.
//!
//! Groups: `decode` (ordered events, nothing kept), `figures` (sums by stack), `lines` (those made
//! into lines), `load` (a file, by the way that every command takes). Throughput is in bytes of the
//! trace. `tests/bench` compares with Go's own reader.
//!
//! `figures by size` and `load by size` show how cost grows: one trace, cut after 1, 2, 4, 8 generations
//! (as far as it has them) and whole, which are traces, too. Throughput is in events, and stays the same
//! where cost grows with size and no faster.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use waitline::traces::What;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use exectrace::{Decoder, Reader};
use ide::Analysis;
use ide::lines::{By, is_user_by_name, lines};

/// Many wakes and causes; three generations; one goroutine a pixel; a real server.
const BUNDLED: [&str; 4] =
    ["g126/webmix", "g125/webmix-3s-trimpath", "g126/mandel-pixel", "real/nats-server-forky"];

fn traces() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/traces");
    let bundled = BUNDLED.iter().map(|n| ((*n).to_owned(), folder.join(format!("{n}.trace"))));
    let own = std::env::var_os("WAITLINE_BENCH_TRACE").map(|file| ("own".to_owned(), file.into()));
    bundled.chain(own).collect()
}

/// All events in their order, seen by nobody.
fn decode(bytes: &[u8]) -> u64 {
    let mut reader = Reader::new();
    let mut decoder = Decoder::<()>::new();
    for block in bytes.chunks(1 << 20) {
        reader.feed(block);
        while let Some(generation) = reader.next().unwrap() {
            decoder.decode(&generation, reader.tables(), &mut ()).unwrap();
            reader.recycle(generation);
        }
    }
    reader.finish();
    while let Some(generation) = reader.next().unwrap() {
        decoder.decode(&generation, reader.tables(), &mut ()).unwrap();
    }
    decoder.end(&mut ());
    decoder.n_events()
}

fn all_lines(analysis: &Analysis) -> usize {
    let is_user = |f| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    [By::Leaf, By::Here, By::Under].map(|by| lines(analysis, by, &is_user).len()).iter().sum()
}

fn load(c: &mut Criterion) {
    for (name, file) in traces() {
        let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let analysis = ide::analysis::of_bytes(&bytes).expect("a whole trace");
        let mut bench = |group: &str, work: &dyn Fn()| {
            let mut group = c.benchmark_group(group);
            group.sample_size(20).throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::from_parameter(&name), |b| b.iter(work));
            group.finish();
        };
        bench("decode", &|| {
            black_box(decode(&bytes));
        });
        bench("figures", &|| {
            black_box(ide::analysis::of_bytes(&bytes).expect("a whole trace"));
        });
        bench("lines", &|| {
            black_box(all_lines(&analysis));
        });
        bench("load", &|| {
            let never = AtomicBool::new(false);
            black_box(
                waitline::traces::load(&file, What::Figures, &never, |_, _| {})
                    .expect("a whole trace"),
            );
        });
    }
}

/// Of several generations, which not many bundled traces have.
const LONG: &str = "g125/webmix-3s-trimpath";

/// The ends of 1, 2, 4, 8, ... generations, and of the whole.
fn cuts(bytes: &[u8]) -> Vec<(u32, usize)> {
    let mut reader = Reader::new();
    reader.feed(bytes);
    reader.finish();
    let mut ends = Vec::new();
    while let Some(generation) = reader.next().unwrap() {
        ends.push(generation.offset() as usize + generation.n_bytes());
    }
    let whole = ends.len() as u32;
    let all = (1u32..).zip(ends);
    all.filter(|(n, _)| n.is_power_of_two() || *n == whole).collect()
}

fn size(c: &mut Criterion) {
    let own = std::env::var_os("WAITLINE_BENCH_TRACE").map(PathBuf::from);
    let bundled =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../testdata/traces/{LONG}.trace"));
    let file = own.unwrap_or(bundled);
    let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let dir = tempfile::tempdir().unwrap();
    for (n, end) in cuts(&bytes) {
        let cut = &bytes[..end];
        let file = dir.path().join(format!("{n}.trace"));
        std::fs::write(&file, cut).unwrap();
        let never = AtomicBool::new(false);
        let view = |what| {
            let loaded = waitline::traces::load(&file, what, &never, |_, _| {});
            waitline::workspace::view(loaded.expect("a trace that was cut"), &[])
        };
        let events = view(What::Figures).analysis.events;
        let mut bench = |group: &str, what| {
            let mut group = c.benchmark_group(group);
            group.sample_size(20).throughput(Throughput::Elements(events));
            group.bench_function(BenchmarkId::from_parameter(n), |b| {
                b.iter(|| black_box(view(what)));
            });
            group.finish();
        };
        bench("figures by size", What::Figures);
        bench("load by size", What::Lives);
    }
}

criterion_group!(benches, load, size);
criterion_main!(benches);
