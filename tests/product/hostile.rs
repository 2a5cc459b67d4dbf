//! Traces that are cut, damaged or made to harm: an answer or a sentence, soon, in little memory.
//!
//! Everything runs inside this process, in a build that checks arithmetic. The damage is the same at
//! every run: a failure names the trace, the seed and the place.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use exectrace::Reader;
use ide::Analysis;
use ide::analysis::{Unfinished, of_bytes};
use ide::lines::By;
use ide::profiles::{Profile, profile};

use crate::heap;
use crate::outcome::{digest, lines_of};
use crate::product::testdata;
use crate::wire;

/// Longer than a small trace takes on a busy machine in a build for tests.
const TIME_LIMIT: Duration = Duration::from_secs(5);

const DAMAGED: [&str; 11] = [
    "g122/annot",
    "g122/leak",
    "g122/mandel-seq-cpu",
    "g125/leak-trimpath",
    "g126/annot",
    "g126/annot-3s",
    "g126/leak-386",
    "g126/annot-allocfree",
    "g126/mandel-col",
    "g127/annot",
    "g127/pipeline-3s",
];

fn trace(name: &str) -> Vec<u8> {
    fs::read(testdata(&format!("traces/{name}.trace"))).unwrap()
}

/// The whole way from bytes to lines and profiles. Fails where it panics or takes too long.
fn survive(bytes: &[u8], what: impl Fn() -> String) -> Result<Analysis, Unfinished> {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let outcome = of_bytes(bytes);
        if let Ok(analysis) = &outcome {
            for by in [By::Leaf, By::Here, By::Under] {
                for line in lines_of(analysis, by) {
                    for (_, figure) in &line.causes {
                        figure.values(analysis).percentiles([50, 90, 99]);
                    }
                }
            }
            profile(analysis, Profile::OffCpu, true);
        }
        outcome
    }));
    let outcome = outcome.unwrap_or_else(|_| panic!("a panic on {}", what()));
    let took = started.elapsed();
    assert!(took < TIME_LIMIT, "{took:?} on {}", what());
    outcome
}

/// Where the generations end, and what is to be seen of those before each end.
struct Whole {
    ends: Vec<usize>,
    digests: Vec<u64>,
    /// Lines of events up to there.
    n_events: Vec<usize>,
    events: String,
}

impl Whole {
    fn new(bytes: &[u8]) -> Whole {
        let mut whole = Whole {
            ends: Vec::new(),
            digests: Vec::new(),
            n_events: Vec::new(),
            events: wire::events_of(bytes).0,
        };
        let mut reader = Reader::new();
        reader.feed(bytes);
        reader.finish();
        while let Ok(Some(generation)) = reader.next() {
            let end = generation.offset() as usize + generation.n_bytes();
            // A generation whose events contradict each other is not intact, nor is what follows.
            let Ok(analysis) = of_bytes(&bytes[..end]) else { break };
            if analysis.problem.is_some() {
                break;
            }
            whole.ends.push(end);
            whole.digests.push(digest(&analysis));
            // Without the Sync at the end.
            whole.n_events.push(wire::events_of(&bytes[..end]).0.lines().count() - 1);
        }
        whole
    }

    /// How many generations are intact in the first `len` bytes.
    fn intact(&self, len: usize) -> usize {
        self.ends.partition_point(|&end| end <= len)
    }
}

/// The figures of a trace that is cut are those of its intact generations, as if it ended there.
fn cut(name: &str, bytes: &[u8], whole: &Whole, len: usize) {
    let outcome = survive(&bytes[..len], || format!("the first {len} bytes of {name}"));
    let intact = whole.intact(len);
    match outcome {
        // All of the names stand at the end: what was cut off is said, or nothing is missing.
        Ok(analysis) if analysis.version.is_v1() => {
            let same = digest(&analysis) == whole.digests[0];
            assert!(same || analysis.problem.is_some(), "{name}, {len} bytes: other figures");
        }
        // Before Go 1.26 nothing marks a generation's end: what there is of the last one counts, as
        // in Go's reader.
        Ok(analysis) if bytes < b"go 1.26".as_slice() => {
            let have = analysis.totals.generations as usize;
            assert!(have >= intact, "{name}, {len} bytes: {have} of {intact} generations");
            if have == intact {
                assert_eq!(digest(&analysis), whole.digests[intact - 1], "{name}, {len} bytes");
            }
        }
        Ok(analysis) => {
            assert!(intact > 0, "{name}: an answer of {len} bytes");
            assert_eq!(digest(&analysis), whole.digests[intact - 1], "{name}, {len} bytes");
            let rest = whole.ends[intact - 1];
            assert!(
                analysis.problem.is_some() || holds_no_events(bytes, rest, len),
                "{name}, {len} bytes: nothing is said of the end"
            );
        }
        Err(Unfinished::Again { .. }) => panic!("{name}, {len} bytes: unfinished"),
        Err(_) if bytes < b"go 1.26".as_slice() && intact <= 1 => {}
        Err(error) => assert_eq!(intact, 0, "{name}, {len} bytes: {error:?}"),
    }
}

/// Whether only whole batches of tables stand there: losing those is no loss, as for Go's reader.
fn holds_no_events(bytes: &[u8], from: usize, to: usize) -> bool {
    let (mut before, mut all) = (String::new(), String::new());
    exectrace::text::write(&bytes[..from], &mut before).unwrap();
    // An experimental batch of which only the type is there counts as none.
    [to, to - 1].into_iter().any(|to| {
        all.clear();
        exectrace::text::write(&bytes[..to], &mut all).is_ok()
            && all[before.len()..]
                .lines()
                .all(|l| !l.contains(" dt=") || l.contains("ClockSnapshot"))
    })
}

/// And so are the events.
fn cut_events(name: &str, bytes: &[u8], whole: &Whole, len: usize) {
    let (events, _) = wire::events_of(&bytes[..len]);
    let Some(n) = whole.intact(len).checked_sub(1).map(|k| whole.n_events[k]) else { return };
    assert!(
        whole.events.lines().take(n).eq(events.lines().take(n)),
        "{name}, {len} bytes: other events"
    );
}

/// Real traces of every version, each shorter than 256 KiB.
const CUT: [&str; 20] = [
    "peer-suite/v1/stress_start_stop_1_11_good",
    "peer-suite/v1/http_1_19_good",
    "traces/g121/annot.trace",
    "traces/g121/leak.trace",
    "traces/g121/mandel-seq-cpu.trace",
    "traces/g122/annot.trace",
    "traces/g122/leak.trace",
    "traces/g122/mandel-seq-cpu.trace",
    "traces/g125/leak-trimpath.trace",
    "traces/g126/annot-3s.trace",
    "traces/g126/annot-allocfree.trace",
    "traces/g126/annot.trace",
    "traces/g126/leak-386.trace",
    "traces/g126/leak.trace",
    "traces/g126/mandel-col.trace",
    "traces/g126/mandel-colworkersbuffered.trace",
    "traces/g126/mandel-seq.trace",
    "traces/g127/annot.trace",
    "traces/g127/mandel-seq-cpu.trace",
    "traces/g127/pipeline-3s.trace",
];

/// So many bytes of a trace are cut at each offset.
const CUT_UP_TO: usize = 256 << 10;

/// Every byte of two, and every 61st of the others and around the ends of their generations.
/// `WAITLINE_CUTS=all`: every byte of all.
#[test]
fn a_cut_anywhere_leaves_what_was_whole() {
    let all = std::env::var_os("WAITLINE_CUTS").is_some_and(|v| v == "all");
    let mut n = 0;
    for name in CUT {
        let bytes = fs::read(testdata(name)).unwrap();
        let whole = Whole::new(&bytes);
        assert!(!whole.ends.is_empty());
        let every =
            all || ["g122/mandel-seq-cpu", "g126/annot-3s"].iter().any(|n| name.contains(n));
        let (before, started) = (n, Instant::now());
        for len in 0..=bytes.len().min(CUT_UP_TO) {
            let near_end = whole.ends.iter().any(|end| end.abs_diff(len) < 3);
            if every || len % 61 == 0 || near_end {
                cut(name, &bytes, &whole, len);
                n += 1;
            }
            if len % (61 * 7) == 0 || near_end {
                cut_events(name, &bytes, &whole, len);
            }
        }
        let generations = whole.ends.len();
        if all {
            let took = started.elapsed().as_secs_f32();
            eprintln!("{name}: {} cuts, {generations} generations, {took:.1} s", n - before);
        }
    }
    eprintln!("{n} cuts of {} traces: 0 panics, 0 hangs, 0 other figures", CUT.len());
    let mut n = 0;
    for case in wire::cases() {
        let good = case.name.starts_with("gen-") || case.name.starts_with("tables-");
        if !good || case.bytes.len() > 4096 {
            continue;
        }
        let whole = Whole::new(&case.bytes);
        for len in 0..=case.bytes.len() {
            cut(&case.name, &case.bytes, &whole, len);
            cut_events(&case.name, &case.bytes, &whole, len);
            n += 1;
        }
    }
    eprintln!("{n} cuts of wire cases");
}

/// xorshift64*: damage that is the same at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }
}

/// Damages one of the traces `n` times, and counts those that still give an answer. Where what is left
/// are the generations before the damage, their figures are those of the whole trace.
/// `WAITLINE_DAMAGE=N` does it N times.
fn damage(n: usize, seed: u64, spoil: impl Fn(&mut Random, &mut Vec<u8>)) {
    let n = std::env::var("WAITLINE_DAMAGE").ok().and_then(|n| n.parse().ok()).unwrap_or(n);
    let traces = DAMAGED.map(trace);
    let wholes: Vec<Whole> = traces.iter().map(|bytes| Whole::new(bytes)).collect();
    let mut random = Random(seed);
    let (mut answers, mut before) = (0, 0);
    for i in 0..n {
        let (name, which) = (DAMAGED[i % DAMAGED.len()], i % DAMAGED.len());
        let mut bytes = traces[which].clone();
        spoil(&mut random, &mut bytes);
        let what = || format!("{name}, damaged: number {i} of seed {seed}");
        let Ok(analysis) = survive(&bytes, what) else { continue };
        answers += 1;
        let same = traces[which].iter().zip(&bytes).take_while(|(a, b)| a == b).count();
        let intact = wholes[which].intact(same);
        if intact > 0 && analysis.totals.generations as usize == intact {
            assert_eq!(digest(&analysis), wholes[which].digests[intact - 1], "{}", what());
            before += 1;
        }
    }
    eprintln!(
        "{n} traces damaged: 0 panics, 0 hangs, {answers} with an answer, {before} of them with the \
         figures of what came before the damage"
    );
}

#[test]
fn a_flipped_bit_is_no_panic() {
    damage(3_000, 1, |random, bytes| {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    });
}

#[test]
fn a_burst_of_noise_is_no_panic() {
    damage(3_000, 2, |random, bytes| {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(64)).min(bytes.len());
        bytes[at..end].iter_mut().for_each(|b| *b = random.below(256) as u8);
    });
}

#[test]
fn blocks_in_other_places_are_no_panic() {
    damage(1_000, 3, |random, bytes| {
        let len = 1 + random.below(bytes.len() / 4);
        let from = random.below(bytes.len() - len);
        let to = random.below(bytes.len() - len);
        match random.below(3) {
            0 => bytes.copy_within(from..from + len, to),
            1 => {
                let block = bytes[from..from + len].to_vec();
                bytes.splice(to..to, block);
            }
            _ => {
                bytes.drain(from..from + len);
            }
        }
    });
}

/// A trace in which every number that sizes or names something can be given.
fn crafted(holes: &[(&str, String)]) -> String {
    let mut text = "go 1.26\n\
        batch gen=1 m=-1 time=1000\n  Sync\n  Frequency freq=FREQ\n  ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n\
        batch gen=1 m=-1 time=1000\n  Strings\n  String id=STRING \"main.f\"\n  String id=2 \"main.go\"\n\
        batch gen=1 m=-1 time=1000\n  Stacks\n  Stack id=STACK\n    pc=PC func=STRING file=2 line=LINE\n\
        batch gen=1 m=-1 time=1000\n  CPUSamples\n  CPUSample time=SAMPLE m=M p=P g=GO stack=STACK\n\
        batch gen=1 m=M time=TIME\n\
        \x20 ProcStatus dt=1 p=P pstatus=1\n\
        \x20 GoStatus dt=1 g=GO m=M gstatus=2\n\
        \x20 GoStatus dt=1 g=OTHER m=-1 gstatus=4\n\
        \x20 HeapAlloc dt=1 heapalloc_value=VALUE\n\
        \x20 GoUnblock dt=DT g=OTHER g_seq=1 stack=STACK\n\
        \x20 UserTaskBegin dt=1 task=TASK parent_task=0 name_string=STRING stack=STACK\n\
        \x20 UserRegionBegin dt=1 task=TASK name_string=STRING stack=STACK\n\
        \x20 GoCreate dt=1 new_g=NEW new_stack=STACK stack=STACK\n\
        \x20 GoBlock dt=1 reason_string=STRING stack=STACK\n\
        EndOfGeneration\n"
        .to_owned();
    let usual = [
        ("FREQ", "1000000000"),
        ("STRING", "1"),
        ("STACK", "1"),
        ("PC", "16"),
        ("LINE", "7"),
        ("SAMPLE", "1002"),
        ("TIME", "1000"),
        ("GO", "1"),
        ("OTHER", "2"),
        ("VALUE", "1"),
        ("DT", "1"),
        ("TASK", "1"),
        ("NEW", "3"),
        ("M", "5"),
        ("P", "0"),
    ];
    for (hole, value) in usual {
        let value = holes.iter().find(|h| h.0 == hole).map_or(value, |h| h.1.as_str());
        text = text.replace(&format!("={hole}"), &format!("={value}"));
    }
    text
}

/// Claims of sizes, and ids that must size nothing.
fn crafted_cases() -> Vec<(String, Vec<u8>)> {
    let mut cases = Vec::new();
    let mut add = |name: String, text: &str| {
        let bytes = exectrace::text::read(text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        cases.push((name, bytes));
    };
    for hole in [
        "FREQ", "STRING", "STACK", "PC", "LINE", "SAMPLE", "TIME", "GO", "OTHER", "VALUE", "DT",
        "TASK", "NEW", "M", "P",
    ] {
        for value in [1 << 32, 1 << 60, 1 << 63, u64::MAX - 1] {
            add(format!("{hole}={value}"), &crafted(&[(hole, value.to_string())]));
        }
        // A small number in ten bytes.
        add(format!("{hole}=2/10"), &crafted(&[(hole, "2/10".into())]));
    }
    let head = "go 1.26\nbatch gen=1 m=-1 time=1000\n  Sync\n  Frequency freq=1000000000\n  \
        ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n";
    for n in [65_537, 1 << 32, 1 << 63, u64::MAX] {
        add(format!("a batch of {n} bytes"), &format!("{head}batch gen=1 m=1 time=1 size={n}\n"));
        add(
            format!("a string of {n} bytes"),
            &format!(
                "{head}batch gen=1 m=-1 time=1\n  Strings\n  String id=1 len={n} \"x\"\nEndOfGeneration\n"
            ),
        );
        add(
            format!("a stack of {n} frames"),
            &format!(
                "{head}batch gen=1 m=-1 time=1\n  Stacks\n  Stack id=1 nframes={n}\n    pc=1 func=0 file=0 line=0\nEndOfGeneration\n"
            ),
        );
        add(format!("generation {n}"), &format!("go 1.22\nbatch gen={n} m=1 time=1\n"));
    }
    add("a number without an end".into(), &format!("{head}bytes 01ffffffffffffffffffffffff\n"));
    cases
}

/// Many goroutines, each far from the others by its number.
fn far_apart(step: u64, n: u64) -> Vec<u8> {
    let mut text = "go 1.26\nbatch gen=1 m=-1 time=1000\n  Sync\n  Frequency freq=1000000000\n  \
        ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n"
        .to_owned();
    for i in 0..n {
        if i % 4_096 == 0 {
            text += "batch gen=1 m=1 time=1000\n";
        }
        text += &format!("  GoStatus dt=1 g={} m=1 gstatus=4\n", 1 + i * step);
    }
    exectrace::text::read(&(text + "EndOfGeneration\n")).unwrap()
}

#[test]
fn no_claim_in_a_trace_sizes_the_memory() {
    let mut cases = crafted_cases();
    for step in [16, 256, 4096, 262_144, 1 << 40] {
        cases.push((format!("goroutines {step} apart"), far_apart(step, 100_000)));
    }
    let mut most = (0, String::new());
    let mut wrong = Vec::new();
    for (name, bytes) in &cases {
        let (_, peak, largest) = heap::peak_of(|| survive(bytes, || name.clone()));
        if peak > (64 << 20) + 8 * bytes.len() {
            wrong.push(format!("{name}: {peak} bytes for {}", bytes.len()));
        }
        if bytes.len() < 4096 && largest > 2 * bytes.len() + (1 << 20) {
            wrong.push(format!("{name}: {largest} bytes at once for {}", bytes.len()));
        }
        most = most.max((peak, name.clone()));
    }
    assert!(wrong.is_empty(), "too much memory:\n{}", wrong.join("\n"));
    eprintln!("{} crafted traces, at most {} KiB ({})", cases.len(), most.0 >> 10, most.1);
}

/// Each of very many threads has a P in a system call, and then it is told again and again that one of
/// these is about to be taken: whose it is must not be looked for among all.
#[test]
fn a_p_that_is_about_to_be_taken_is_not_looked_for() {
    const THREADS: usize = 30_000;
    let mut text = String::from(
        "go 1.26\nbatch gen=1 m=-1 time=100\n  Sync\n  Frequency freq=1000000000\n  \
         ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n",
    );
    for m in 1..=THREADS {
        let time = 1000 + m;
        text += &format!("batch gen=1 m={m} time={time}\n  ProcStatus dt=1 p={m} pstatus=3\n");
    }
    let told = format!("  ProcStatus dt=1 p={THREADS} pstatus=4\n").repeat(6_000);
    for batch in 0..200 {
        let time = 1_000_000 * (batch + 1);
        text += &format!("batch gen=1 m={} time={time}\n{told}", THREADS + 1);
    }
    text += "EndOfGeneration\n";
    let bytes = exectrace::text::read(&text).unwrap();
    let analysis = survive(&bytes, || "a P that is about to be taken".to_owned()).unwrap();
    assert_eq!(analysis.partial(), None);
    assert!(analysis.events as usize > THREADS + 1_200_000, "{}", analysis.events);
}

/// So many goroutines wait for so long that all of it together is more than 63 bits hold.
#[test]
fn waits_that_sum_up_to_centuries_are_no_panic() {
    let mut text = "go 1.26\nbatch gen=1 m=-1 time=1000\n  Sync\n  Frequency freq=1000000000\n  \
        ClockSnapshot dt=0 mono=1 sec=2 nsec=3\nbatch gen=1 m=1 time=1000\n  \
        ProcStatus dt=1 p=0 pstatus=1\n  GoStatus dt=1 g=1 m=1 gstatus=2\n"
        .to_owned();
    let n = 3_000;
    for g in 2..n {
        text += &format!("  GoStatus dt=1 g={g} m=-1 gstatus=4\n");
    }
    text += &format!("  HeapAlloc dt={} heapalloc_value=1\n", (1u64 << 53) - 100_000);
    for g in 2..n / 2 {
        text += &format!("  GoUnblock dt=1 g={g} g_seq=1 stack=0\n");
    }
    let bytes = exectrace::text::read(&(text + "EndOfGeneration\n")).unwrap();
    let mut builder = ide::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    assert_eq!(analysis.totals.goroutines, n - 1);
    let end = analysis.totals.end;
    let placement = ide::placement::Placement::default();
    let view = ide::view::View::new("a".into(), analysis, placement, &Default::default());
    assert!(!view.summary().is_empty());
    view.in_range(exectrace::Nanos(end.0 / 2), end);
}
