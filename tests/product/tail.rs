//! A trace that breaks off inside a generation: no figure counts the rest, but it is told how far it
//! went and what the goroutines did then.

use std::collections::HashMap;

use exectrace::{At, Decoder, GoEvent, GoId, GoState, Nanos, Reader, Sink};
use ide::analysis::of_bytes;
use ide::tail::Tail;

use crate::product::{testdata, waitline};

const BROKEN_OFF: [&str; 2] = ["g126/annot-3s", "g127/pipeline-3s"];

/// What each goroutine does at the end, by the whole trace.
#[derive(Default)]
struct States {
    of: HashMap<GoId, GoState>,
    last: Nanos,
}

impl Sink for States {
    type Local = ();

    fn go(&mut self, at: &At, event: &GoEvent, _: &mut ()) {
        self.last = at.t;
        match event.to {
            GoState::NotExist => self.of.remove(&event.g),
            state => self.of.insert(event.g, state),
        };
    }
}

impl States {
    fn n(&self, state: GoState) -> u64 {
        self.of.values().filter(|&&s| s == state).count() as u64
    }
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(testdata(&format!("traces/{name}.trace"))).unwrap()
}

/// States and number of events, of the last generation alone, and the time before it.
fn whole(bytes: &[u8]) -> (States, u64, Nanos) {
    let (mut reader, mut decoder) = (Reader::new(), Decoder::default());
    reader.feed(bytes);
    reader.finish();
    let (mut states, mut before) = (States::default(), (0, Nanos(0)));
    while let Some(generation) = reader.next().unwrap() {
        before = (decoder.n_events(), decoder.last());
        states = States::default();
        decoder.decode(&generation, reader.tables(), &mut states).unwrap();
    }
    (states, decoder.n_events() - before.0, before.1)
}

/// Without the mark at its end a generation is as good as lost, though all its events are there.
#[test]
fn the_tail_is_what_the_whole_trace_says() {
    for name in BROKEN_OFF {
        let bytes = bytes(name);
        let (states, events, from) = whole(&bytes);
        let analysis = of_bytes(&bytes[..bytes.len() - 1]).unwrap();
        let tail = analysis.tail.unwrap();
        let want = Tail {
            from: analysis.totals.end,
            until: tail.until,
            events,
            running: states.n(GoState::Running),
            runnable: states.n(GoState::Runnable),
            waiting: states.n(GoState::Waiting),
            syscall: states.n(GoState::Syscall),
            longest: tail.longest,
        };
        assert_eq!(tail, want, "{name}");
        assert_eq!(tail.from.0, from.0 + 1, "the Sync that ends the figures comes 1 ns later");
        assert!(tail.until >= states.last && tail.from < states.last, "{name}: {tail:?}");
        assert!(tail.sentence().contains("without names"), "{}", tail.sentence());
    }
}

/// However it is cut, the tail lies behind the figures and within the trace.
#[test]
fn a_tail_never_reaches_beyond_the_trace() {
    let (mut with, mut without) = (0, 0);
    for name in BROKEN_OFF {
        let bytes = bytes(name);
        let whole = of_bytes(&bytes).unwrap();
        assert_eq!(whole.tail, None, "{name} is whole");
        for len in (0..bytes.len()).step_by(97) {
            let Ok(analysis) = of_bytes(&bytes[..len]) else { continue };
            let Some(tail) = analysis.tail else {
                without += 1;
                continue;
            };
            with += 1;
            assert!(analysis.problem.is_some(), "{name}, {len} bytes");
            assert_eq!(tail.from, analysis.totals.end, "{name}, {len} bytes");
            assert!(tail.from < tail.until && tail.until <= whole.totals.end, "{name}, {len}");
            let longest = tail.longest.map_or(tail.until, |(_, since)| since);
            assert!(longest > tail.from && longest <= tail.until, "{name}, {len} bytes");
        }
    }
    eprintln!("{with} cuts with a tail, {without} without");
    assert!(with > 100);
}

#[test]
fn check_trace_tells_of_the_tail() {
    let bytes = bytes("g126/annot-3s");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("crashed.trace");
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let path = path.to_str().unwrap();
    let run = waitline(["check-trace", path]);
    let row = run.text().lines().find(|l| l.trim_start().starts_with("tail ")).unwrap().to_owned();
    assert!(row.contains("can be read without names"), "{row}");
    let json: serde_json::Value =
        serde_json::from_slice(&waitline(["check-trace", path, "--json"]).stdout).unwrap();
    let tail = of_bytes(&bytes[..bytes.len() - 1]).unwrap().tail.unwrap();
    assert_eq!(json["tail"]["until"], tail.until.0);
    assert_eq!(json["tail"]["waiting"], tail.waiting);
    assert!(json["duration"].as_i64().unwrap() < tail.until.0, "no figure counts it");
}
