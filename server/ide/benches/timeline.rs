//! What the timeline costs: its index, and windows of it at random places, at every zoom.
//! `cargo bench -p ide --bench timeline`, or with a trace of one's own,
//! `WAITLINE_BENCH_TRACE=FILE cargo bench -p ide --bench timeline`.
//!
//! A window is 2,000 pixels of 60 lanes: the Ps, the 48 goroutines with the most spans, ten brief
//! ones. Percentiles are what a person feels, so they are printed instead of a mean. All times are the
//! thread's own, where the system tells them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]
#![allow(clippy::disallowed_methods)] // the trace is read and the clock looked at here, as in a command

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ide::placement::Placement;
use ide::timeline::{Builder, GoRef, Key, Window};
use ide::view::{View, Word};

fn file() -> PathBuf {
    let bundled = "../../testdata/traces/g125/webmix-3s-trimpath.trace";
    std::env::var_os("WAITLINE_BENCH_TRACE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(bundled), PathBuf::from)
}

/// How long this thread ran, where the system tells: on a busy machine the clock tells little.
fn ran() -> Option<Duration> {
    // The scheduler counts up to now when it is asked for somebody else, else by its steps of 4 ms.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The processor's time since another moment, else the clock's.
fn since(from: (Instant, Option<Duration>)) -> Duration {
    match (from.1, ran()) {
        (Some(from), Some(now)) => now.saturating_sub(from),
        _ => from.0.elapsed(),
    }
}

fn now() -> (Instant, Option<Duration>) {
    (Instant::now(), ran())
}

fn percentile(times: &mut [Duration], p: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * p / 100).min(times.len() - 1);
    times[at].as_secs_f64() * 1e3
}

fn main() {
    let bytes = std::fs::read(file()).unwrap_or_else(|e| panic!("{}: {e}", file().display()));
    let from = now();
    let mut builder = ide::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().expect("a whole trace");
    let load = since(from);
    let view = View::new("trace".into(), analysis, Placement::default(), &Word::default());
    let judged = since(from);
    let from = now();
    let mut builder = Builder::new(None);
    for piece in bytes.chunks(1 << 20) {
        builder.space(piece.len()).copy_from_slice(piece);
        builder.filled(piece.len());
    }
    let mut index = builder.finish(&view.analysis).expect("the same trace");
    let made = since(from);
    index.seal(&view);
    let sealed = since(from);
    println!(
        "{} bytes, {} events: loaded in {load:.2?}, judged after {judged:.2?}",
        bytes.len(),
        view.analysis.events
    );
    println!(
        "index: {} spans of {} goroutines, made in {made:.2?}, sealed after {sealed:.2?}, {} bytes: {:.1} a span, {:.2} of the file",
        index.n_spans(),
        index.gos.len(),
        index.bytes(),
        index.bytes() as f64 / index.n_spans().max(1) as f64,
        index.bytes() as f64 / bytes.len() as f64
    );
    let mut gos: Vec<(usize, GoRef)> = (0..index.gos.len() as u32)
        .map(GoRef)
        .map(|go| (index.spans(go, i64::MIN, i64::MAX).count(), go))
        .collect();
    gos.sort_unstable_by_key(|g| std::cmp::Reverse(*g));
    let key = |&(_, go): &(usize, GoRef)| Key::Gos(vec![index.go(go).expect("it").id]);
    let mut keys: Vec<Key> = index.proc_ids().iter().map(|(p, _)| Key::Proc(*p)).collect();
    keys.extend(gos.iter().take(48).map(key));
    keys.extend(gos.iter().rev().take(60 - keys.len().min(60)).map(key));
    let groups: Vec<Key> = index.groups.iter().take(30).map(|g| Key::Group(g.id.clone())).collect();
    let mut seed = 1u64;
    let mut random = |below: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as i64) % below.max(1)
    };
    for (what, keys) in [("60 lanes", &keys), ("30 density rows", &groups)] {
        println!(
            "{what}, 2,000 pixels: window, p50 ms, p99 ms, most bytes, cells wider than a pixel"
        );
        for zoom in 0..10 {
            let length =
                index.end / [1, 3, 10, 30, 100, 300, 1000, 10_000, 100_000, 1_000_000][zoom];
            let length = length.max(100);
            let n = if zoom == 0 { 40 } else { 200 };
            let (mut times, mut most, mut coarse) = (Vec::new(), 0, 0);
            for _ in 0..n {
                let t0 = random(index.end - length);
                let from = now();
                let tile =
                    black_box(index.tile(keys, &Window { t0, t1: t0 + length, width: 2000 }));
                times.push(since(from));
                let rects: usize = tile.iter().map(|l| l.rects.len()).sum();
                most = most.max(32 + tile.len() * 16 + rects * 16);
                coarse += usize::from(tile.iter().any(|l| l.coarse));
            }
            let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
            println!("  {:>12} ns  {p50:>8.2}  {p99:>8.2}  {most:>8}  {coarse} of {n}", length);
        }
    }
}
