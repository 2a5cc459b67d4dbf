//! Generations that are decoded side by side: what comes of a trace is what comes of it in turn, in every
//! figure and every message, whatever the trace.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ide::Analysis;
use ide::analysis::{Builder, Unfinished};
use ide::jobs::InTurn;

use crate::answers::files_below;
use crate::numbers::Numbers;
use crate::outcome::described;
use crate::product::testdata;
use crate::wire;

/// How many generations were decoded ahead, and how many of these were thrown away.
#[derive(Debug, Default)]
struct Seen {
    taken: AtomicU32,
    thrown: AtomicU32,
}

fn loaded(bytes: &[u8], cores: usize, seen: &Seen) -> Result<Analysis, Unfinished> {
    let jobs = Arc::new(InTurn(cores));
    let mut builder = Builder::new().on(jobs.clone());
    loop {
        // In pieces, so that some generations come while others wait.
        for piece in bytes.chunks(5_000) {
            builder.space(piece.len()).copy_from_slice(piece);
            if !builder.filled(piece.len()) {
                break;
            }
        }
        builder.ended();
        let (taken, thrown) = builder.n_ahead();
        seen.taken.fetch_add(taken, Ordering::Relaxed);
        seen.thrown.fetch_add(thrown, Ordering::Relaxed);
        match builder.finish() {
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem).on(jobs.clone());
            }
            done => return done,
        }
    }
}

/// Whether a trace says the same on all numbers of cores.
fn check(name: &str, bytes: &[u8], seen: &Seen) {
    let in_turn = described(&loaded(bytes, 1, seen));
    for cores in [2, 3, 8] {
        let side_by_side = described(&loaded(bytes, cores, seen));
        assert!(side_by_side == in_turn, "{name} on {cores} cores:\n{side_by_side}\n{in_turn}");
    }
}

/// All traces that are bundled, with their names: whole and broken ones, those of Go's own tests, and
/// the cases that are written as text.
fn traces() -> Vec<(String, Vec<u8>)> {
    let files = ["traces", "peer-suite"].map(|name| files_below(&testdata(name)));
    let is_trace = |file: &PathBuf| file.extension().is_none_or(|ext| ext == "trace");
    let files = files.into_iter().flatten().filter(is_trace);
    let mut all: Vec<_> =
        files.map(|file| (file.display().to_string(), fs::read(&file).unwrap())).collect();
    all.extend(wire::cases().into_iter().map(|case| (case.name, case.bytes)));
    all
}

#[test]
fn every_trace_says_the_same_on_any_number_of_cores() {
    let (seen, traces) = (Seen::default(), traces());
    for (name, bytes) in &traces {
        check(name, bytes, &seen);
    }
    let (taken, thrown) = (seen.taken.into_inner(), seen.thrown.into_inner());
    eprintln!("{} traces; {taken} generations were decoded ahead, {thrown} again", traces.len());
    assert!(taken > 20, "{taken}");
}

/// A byte that is another one, or is not there: most of these contradict what was before, and some only
/// in a generation that is decoded ahead.
#[test]
fn every_damaged_trace_does_too() {
    let (seen, mut numbers, mut n) = (Seen::default(), Numbers(11), 0);
    for name in ["g125/webmix-3s-trimpath", "g126/annot-3s", "g127/pipeline-3s"] {
        let bytes = fs::read(testdata(&format!("traces/{name}.trace"))).unwrap();
        for i in 0..60 {
            let mut damaged = bytes.clone();
            let at = bytes.len() / 3 + numbers.below(bytes.len() * 2 / 3);
            match i % 3 {
                0 => damaged[at] = numbers.below(256) as u8,
                1 => damaged[at] ^= 1 << numbers.below(8),
                _ => drop(damaged.remove(at)),
            }
            check(&format!("{name}, {at}"), &damaged, &seen);
            n += 1;
        }
    }
    let (taken, thrown) = (seen.taken.into_inner(), seen.thrown.into_inner());
    eprintln!("{n} damaged traces; {taken} generations were decoded ahead, {thrown} again");
    assert!(n > 100 && taken > 50 && thrown > 10, "{n} {taken} {thrown}");
}

/// How many generations of a trace that was made were decoded ahead, for `generated`; or where it says
/// something else then.
pub(crate) fn try_ahead(bytes: &[u8]) -> Result<usize, String> {
    let seen = Seen::default();
    let in_turn = described(&loaded(bytes, 1, &seen));
    for cores in [2, 5] {
        let side_by_side = described(&loaded(bytes, cores, &seen));
        let mut lines = in_turn.lines().zip(side_by_side.lines());
        if let Some((want, have)) = lines.find(|(want, have)| want != have) {
            return Err(format!("on {cores} cores:\n  want {want}\n  have {have}"));
        }
    }
    Ok(seen.taken.into_inner() as usize)
}
