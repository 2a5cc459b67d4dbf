//! What is measured and is no command of the product. Each part runs in a process of its own, so that
//! what it takes is that of a process.

use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use exectrace::v2::spec::{TIMED_ARGS, ev};
use exectrace::{HEADER_LEN, Reader};
use ide::timeline::{Builder, GoRef, Index, Key, Window};
use waitline::cores::Cores;
use waitline::traces::{self, What};

pub(crate) fn part(name: &str, file: &Path) {
    match name {
        "walk" => {
            let (n, sum) = walk(&std::fs::read(file).unwrap());
            println!("{n} {}", black_box(sum));
        }
        "index" => {
            let (index, _) = index(file, What::Figures);
            println!("{} spans, {} bytes", index.n_spans(), index.bytes());
        }
        "windows" => windows(file),
        "grow" => grow(file),
        other => panic!("no part {other}"),
    }
}

/// A number, as it stands in the bytes. It is at most ten long, which nobody checks here: the walk is
/// what the format itself costs.
#[inline(always)]
fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let mut byte = bytes[*at];
    *at += 1;
    if byte < 0x80 {
        return u64::from(byte);
    }
    let (mut value, mut shift) = (u64::from(byte & 0x7f), 7u32);
    loop {
        byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f).wrapping_shl(shift);
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

/// Goes over every event of a trace and each of its numbers, in the order of the file, on one thread:
/// no order, no state, no tables. As fast as that nothing that reads events can be. Gives how many there
/// are, and a sum, so that each is needed.
fn walk(bytes: &[u8]) -> (u64, u64) {
    let (mut at, mut n, mut sum) = (HEADER_LEN, 0u64, 0u64);
    while at < bytes.len() {
        let kind = bytes[at];
        at += 1;
        match kind {
            ev::END_OF_GENERATION => continue,
            ev::EXPERIMENTAL_BATCH => at += 1,
            ev::EVENT_BATCH => {}
            other => panic!("event {other} at {} is no batch", at - 1),
        }
        for _ in 0..3 {
            sum = sum.wrapping_add(number(bytes, &mut at));
        }
        let length = number(bytes, &mut at) as usize;
        let batch = &bytes[at..at + length];
        at += length;
        if kind == ev::EVENT_BATCH {
            let of_batch = walk_batch(batch);
            n += of_batch.0;
            sum = sum.wrapping_add(of_batch.1);
        }
    }
    (n, sum)
}

fn walk_batch(batch: &[u8]) -> (u64, u64) {
    let (mut at, mut n, mut sum) = (0, 0u64, 0u64);
    while at < batch.len() {
        let kind = batch[at];
        at += 1;
        let n_args = match TIMED_ARGS[kind as usize] {
            0 => match kind {
                // The heads of tables, which have no numbers; clocks, of which each has few.
                ev::STACKS | ev::STRINGS | ev::CPU_SAMPLES => continue,
                ev::STACK => {
                    sum = sum.wrapping_add(number(batch, &mut at));
                    4 * number(batch, &mut at)
                }
                ev::STRING => {
                    sum = sum.wrapping_add(number(batch, &mut at));
                    at += number(batch, &mut at) as usize;
                    0
                }
                ev::CPU_SAMPLE => 5,
                _ => break, // a batch of clocks
            },
            n => u64::from(n),
        };
        for _ in 0..n_args {
            sum = sum.wrapping_add(number(batch, &mut at));
        }
        n += 1;
    }
    (n, sum)
}

/// The figures of a trace, and its timeline: every span in memory.
fn index(file: &Path, what: What) -> (Index, traces::Loaded) {
    let loaded = traces::load(file, what, &AtomicBool::new(false), |_, _| {}).unwrap();
    let mut builder = Builder::new(None);
    let mut file = File::open(file).unwrap();
    loop {
        let n = file.read(builder.space(1 << 20)).unwrap();
        if !builder.filled(n) || n == 0 {
            break;
        }
    }
    (builder.finish(&loaded.analysis).expect("the same trace"), loaded)
}

/// A trace that comes generation by generation, with a picture of what there is after each: what a byte of
/// the first half of the generations costs, and one of the second, in ns.
fn grow(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let mut builder = ide::analysis::Builder::new();
    let (mut at, mut each) = (0, Vec::new());
    let from = Instant::now();
    for end in ends(file) {
        let more = &bytes[at..end as usize];
        let before = ran(from);
        builder.space(more.len()).copy_from_slice(more);
        builder.filled(more.len());
        black_box(builder.so_far("it grows".to_owned()));
        each.push((ran(from).saturating_sub(before), more.len()));
        at = end as usize;
    }
    let half = each.len() / 2;
    let (first, second) = (&each[..half], &each[each.len() - half..]);
    let cost = |part: &[(Duration, usize)]| {
        let ns: u128 = part.iter().map(|(took, _)| took.as_nanos()).sum();
        ns as f64 / part.iter().map(|(_, bytes)| bytes).sum::<usize>().max(1) as f64
    };
    println!("{:.3} {:.3}", cost(first), cost(second));
}

/// How long this thread ran, where the system tells; else the clock.
fn ran(from: Instant) -> Duration {
    std::thread::yield_now(); // by which the scheduler counts up to now
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|told| told.split(' ').next()?.parse().ok());
    told.map_or_else(|| from.elapsed(), Duration::from_nanos)
}

/// What windows of the timeline take, 2,000 pixels of 60 lanes at random places, from the whole trace to
/// a millionth of it, by the clock on all cores, as the server makes them: for each zoom its part of the
/// trace, p50 and p99 in ms, and the most bytes.
fn windows(file: &Path) {
    let (mut index, loaded) = index(file, What::Lives);
    index.seal(&waitline::workspace::view(loaded, &[]));
    let mut gos: Vec<(usize, GoRef)> = (0..index.gos.len() as u32)
        .map(|go| (index.spans(GoRef(go), i64::MIN, i64::MAX).count(), GoRef(go)))
        .collect();
    gos.sort_unstable_by_key(|go| std::cmp::Reverse(*go));
    let key = |go: &(usize, GoRef)| Key::Gos(vec![index.go(go.1).unwrap().id]);
    let mut keys: Vec<Key> = index.proc_ids().iter().map(|(p, _)| Key::Proc(*p)).collect();
    keys.extend(gos.iter().take(48).map(key));
    keys.extend(gos.iter().rev().take(60usize.saturating_sub(keys.len())).map(key));
    let mut seed = 1u64;
    let mut random = |below: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as i64) % below.max(1)
    };
    for zoom in [1, 3, 10, 30, 100, 300, 1_000, 10_000, 100_000, 1_000_000] {
        let length = (index.end / zoom).max(100);
        let (mut times, mut most) = (Vec::new(), 0);
        for _ in 0..if zoom == 1 { 40 } else { 200 } {
            let t0 = random(index.end - length);
            let window = Window { t0, t1: t0 + length, width: 2000 };
            let from = Instant::now();
            let tile = black_box(index.tile_by(&keys, &window, &Cores));
            times.push(from.elapsed());
            let rects: usize = tile.iter().map(|lane| lane.rects.len()).sum();
            most = most.max(32 + tile.len() * 16 + rects * 16);
        }
        times.sort_unstable();
        let ms = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
        println!("{zoom} {:.3} {:.3} {most}", ms(50), ms(99));
    }
}

/// Where the generations of a trace end, in bytes. Those of a trace before Go 1.22: nowhere.
pub(crate) fn ends(file: &Path) -> Vec<u64> {
    let mut reader = Reader::new();
    let mut opened = File::open(file).unwrap();
    let mut ends = Vec::new();
    loop {
        let n = opened.read(reader.space(1 << 20)).unwrap();
        reader.filled(n);
        if n == 0 {
            reader.finish();
        }
        while let Ok(Some(generation)) = reader.next() {
            ends.push(generation.offset() + generation.n_bytes() as u64);
            reader.recycle(generation);
        }
        if n == 0 {
            return ends;
        }
    }
}
