//! Bytes come in blocks: no cut of a trace changes its figures, and none waits longer than it must.

use std::fs;

use exectrace::Reader;
use ide::Analysis;
use ide::analysis::{Builder, Unfinished, of_bytes};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::outcome::described;
use crate::product::testdata;
use crate::wire;

/// Headers 1.22, 1.25 and 1.26, one generation and several, whole and broken.
const TRACES: [&str; 9] = [
    "g122/mandel-seq-cpu",
    "g125/leak-trimpath",
    "g126/annot-3s",
    "g126/leak-386",
    "g127/mandel-seq-cpu",
    "broken/g122-cut-60",
    "broken/g126-cut-60",
    "broken/g126-flip-middle",
    "broken/g126-twice",
];

fn traces() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = TRACES
        .iter()
        .map(|name| {
            let file = testdata(&format!("traces/{name}.trace"));
            ((*name).to_owned(), fs::read(file).unwrap())
        })
        .collect();
    // And text cases: header 1.23, and each way in which a generation can end.
    for case in wire::cases() {
        if case.bytes.starts_with(b"go 1.23") || case.name.starts_with("gen-") {
            all.push((case.name, case.bytes));
        }
    }
    all
}

/// The analysis of `bytes` in blocks of these sizes, over and over, as a file's loader feeds them.
fn in_blocks(bytes: &[u8], sizes: &[usize]) -> Result<Analysis, Unfinished> {
    let mut builder = Builder::new();
    loop {
        let mut rest = bytes;
        for &size in sizes.iter().cycle() {
            let (block, after) = rest.split_at(size.min(rest.len()));
            // More room than is filled is usual: the last read of a file is short.
            builder.space(size)[..block.len()].copy_from_slice(block);
            if !builder.filled(block.len()) || after.is_empty() {
                break;
            }
            rest = after;
        }
        match builder.finish() {
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem);
            }
            done => return done,
        }
    }
}

#[test]
fn any_cut_into_blocks_gives_the_same_analysis() {
    let size = prop_oneof![Just(0), Just(1), 2usize..32, 32usize..4096, Just(1 << 20)];
    let sizes = prop::collection::vec(size, 1..12)
        .prop_filter("some block must have bytes", |sizes| sizes.iter().any(|&s| s > 0));
    let traces = traces();
    for (name, bytes) in &traces {
        let whole = described(&of_bytes(bytes));
        assert!(described(&in_blocks(bytes, &[1])) == whole, "{name}: other in blocks of 1 byte");
        let cases = if bytes.len() > 5_000 { 64 } else { 128 };
        let mut runner =
            TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let result = runner.run(&sizes, |sizes| {
            prop_assert!(described(&in_blocks(bytes, &sizes)) == whole);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}: another analysis in blocks: {error}");
        }
    }
    eprintln!("{} traces in blocks", traces.len());
}

/// For a file that is still growing: a generation comes with its last byte.
#[test]
fn a_generation_is_there_with_its_last_byte() {
    let mut generations = 0;
    for (name, bytes) in traces().iter().filter(|t| t.1.starts_with(b"go 1.26")) {
        let mut reader = Reader::new();
        let (mut end, mut here) = (0, 0);
        for (i, byte) in bytes.iter().enumerate() {
            reader.feed(&[*byte]);
            if let Some(generation) = reader.next().unwrap() {
                assert_eq!(generation.offset(), end, "{name}");
                end += generation.n_bytes() as u64;
                assert_eq!(end, i as u64 + 1, "{name}: generation {} late", generation.number());
                here += 1;
            }
        }
        // The text form finds the marks by itself.
        let mut text = String::new();
        if reader.problem().is_none() && exectrace::text::write(bytes, &mut text).is_ok() {
            let marks = text.lines().filter(|line| *line == "EndOfGeneration").count();
            assert_eq!(marks, here, "{name}");
        }
        generations += here;
    }
    assert!(generations > 10, "{generations}");
    eprintln!("{generations} generations came with their last byte");
}

/// Nothing marks a generation's end before Go 1.26: the first batch of the next one tells it.
#[test]
fn an_older_generation_is_there_with_the_next_ones_first_batch() {
    let text = |second: &str| {
        let first = "go 1.22\n\
            batch gen=1 m=-1 time=1000\n  Frequency freq=1000000000\n\
            batch gen=1 m=1 time=1000\n  ProcStatus dt=1 p=0 pstatus=1\n";
        exectrace::text::read(&format!("{first}{second}")).unwrap()
    };
    let first = text("");
    let both = text("batch gen=2 m=1 time=2000\n  ProcStatus dt=1 p=0 pstatus=1\n");
    let mut reader = Reader::new();
    reader.feed(&both[..both.len() - 1]);
    assert!(reader.next().unwrap().is_none());
    reader.feed(&both[both.len() - 1..]);
    let generation = reader.next().unwrap().expect("the next generation has begun");
    assert_eq!((generation.number(), generation.n_bytes()), (1, first.len()));
    assert!(reader.next().unwrap().is_none());
}
