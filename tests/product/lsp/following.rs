//! A trace's file grows while an editor looks at it, as one does that is being recorded.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, LIMIT, all_refreshes};
use super::loads::trace_of_stops;
use super::*;

/// As long as a program takes for a generation, or not so much longer that it counts as quiet.
const BETWEEN: Duration = Duration::from_millis(700);

/// Where the generations of a trace end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut reader = exectrace::Reader::new();
    reader.feed(bytes);
    reader.finish();
    let generations = std::iter::from_fn(|| reader.next().unwrap());
    generations.map(|g| g.offset() as usize + g.n_bytes()).collect()
}

fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// A file that grows, in a folder of its own, and an editor that shows another trace.
struct Growing {
    client: Client,
    path: PathBuf,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    _dir: tempfile::TempDir,
}

impl Growing {
    fn new(bytes: Vec<u8>) -> Growing {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("trace.out");
        let ends = ends(&bytes);
        let mut capabilities = all_refreshes();
        capabilities["experimental"] = json!({ "commands": { "commands": ["waitline.load"] } });
        capabilities["window"] = json!({ "workDoneProgress": true });
        let mut client = Client::start();
        client.initialize(&programs(), capabilities, Value::Null);
        Growing { client, path, bytes, ends, _dir: dir }
    }

    /// Twelve generations, a third of a megabyte each.
    fn long() -> Growing {
        Growing::new(trace_of_stops(12, 8))
    }

    /// The first `n` generations are there, and loaded.
    fn loaded(&mut self, n: usize) -> Value {
        fs::write(&self.path, &self.bytes[..self.ends[n - 1]]).unwrap();
        let state = self.client.ask("waitline/load", json!({ "trace": self.path }));
        assert_eq!(state["partial"], Value::Null);
        state
    }

    /// Writes on, to the end of the `n`th generation and a little more.
    fn grow(&mut self, n: usize) {
        let from = fs::metadata(&self.path).unwrap().len() as usize;
        let to = (self.ends[n - 1] + 1_000).min(self.bytes.len());
        append(&self.path, &self.bytes[from..to]);
    }

    /// Grows generation by generation until something of it is shown as growing. Gives how many there were.
    fn grow_until_seen(&mut self, from: usize) -> (usize, Value) {
        for n in from..self.ends.len() {
            let seen = self.client.log.len();
            self.grow(n);
            self.client.listen(BETWEEN);
            if let Some(state) = self.client.log[seen..].iter().find(|m| is_growing(m)) {
                return (n, state["params"].clone());
            }
        }
        panic!("nothing of a file that grows is shown");
    }
}

fn is_state(message: &Value) -> bool {
    message["method"] == "waitline/didChangeState"
}

fn is_growing(message: &Value) -> bool {
    let partial = message["params"]["partial"].as_str();
    is_state(message) && partial.is_some_and(|why| why.contains("still being written"))
}

/// What the lines of the workspace cost, by line and kind: numbers, times, percentiles, the longest.
fn costs(client: &mut Client) -> Vec<String> {
    let answer = client.ask("waitline/hotspots", json!({ "limit": 200 }));
    let lines = answer["lines"].as_array().cloned().unwrap_or_default();
    let figures = ["uri", "line", "kind", "n", "ns", "open", "p50", "p90", "p99", "longest"];
    let text = |line: &Value| figures.map(|name| line[name].to_string()).join(" ");
    let mut all: Vec<String> = lines.iter().map(text).collect();
    all.sort();
    all
}

/// What the command line says of so many bytes of a trace.
fn report_of(bytes: &[u8]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.trace");
    fs::write(&cut, bytes).unwrap();
    let run = crate::product::waitline(["report", cut.to_str().unwrap(), "--json"]);
    serde_json::from_slice(&run.stdout).unwrap()
}

/// A real trace: what is shown after each generation are the figures of a trace that ends there.
#[test]
fn its_figures_are_those_of_a_trace_that_ends_there() {
    let bytes = fs::read(trace("g126/annot-3s")).unwrap();
    let mut growing = Growing::new(bytes.clone());
    assert_eq!(growing.ends.len(), 3);
    growing.loaded(1);
    let (n, state) = growing.grow_until_seen(2);
    let of_cut = report_of(&bytes[..growing.ends[n - 1]]);
    assert_eq!(state["events"], of_cut["events"], "{state}");
    assert_eq!(state["duration"], of_cut["duration"], "{state}");
    let shown = costs(&mut growing.client);
    assert!(!shown.is_empty());
    let partial = growing.client.ask("waitline/traces", Value::Null);
    assert_eq!(partial["traces"][0]["active"], true, "{partial}");

    // Quiet: the whole of it, with verdicts.
    let seen = growing.client.log.len();
    append(&growing.path, &bytes[fs::metadata(&growing.path).unwrap().len() as usize..]);
    let whole = growing
        .client
        .wait_from(seen, "the whole", |m| is_state(m) && m["params"]["partial"].is_null());
    let of_all = report_of(&bytes);
    assert_eq!(whole["params"]["events"], of_all["events"]);
    assert_ne!(costs(&mut growing.client), shown);

    // The same of a file that was cut there, loaded as any.
    let cut = growing.path.with_extension("cut");
    fs::write(&cut, &bytes[..growing.ends[n - 1]]).unwrap();
    growing.client.ask("waitline/load", json!({ "trace": cut }));
    assert_eq!(costs(&mut growing.client), shown);
    growing.client.end();
}

/// How many bytes the server's process has read so far, from files and pipes.
#[cfg(target_os = "linux")]
fn read_by(client: &Client) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", client.id())).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

/// Every byte is read once while the file is followed, and no generation costs more than the one before.
#[test]
#[cfg(target_os = "linux")]
fn a_generation_more_costs_its_own_bytes() {
    let mut growing = Growing::long();
    growing.loaded(1);
    let (first, _) = growing.grow_until_seen(2);
    growing.client.listen(Duration::from_millis(300));
    let mut each = Vec::new();
    for n in first + 1..growing.ends.len() {
        let (before, seen) = (read_by(&growing.client), growing.client.log.len());
        growing.grow(n);
        growing.client.listen(BETWEEN);
        let pictures = growing.client.log[seen..].iter().filter(|m| is_growing(m)).count();
        assert!(pictures <= 1, "at most one a second: {pictures}");
        each.push(read_by(&growing.client) - before);
    }
    let size = growing.ends[1] - growing.ends[0];
    eprintln!("generations of {size} bytes each, while {first} to 12 are there: read {each:?}");
    assert!(each.len() >= 6, "{each:?}");
    // Beside its own bytes, some of the head and of the last ones; what else a server reads.
    assert!(each.iter().all(|read| *read < size as u64 * 3 / 2), "{each:?}");
    let seen = growing.client.log.len();
    append(&growing.path, &growing.bytes[fs::metadata(&growing.path).unwrap().len() as usize..]);
    let whole = |m: &Value| is_state(m) && m["params"]["partial"].is_null();
    let whole = growing.client.wait_from(seen, "the whole", whole);
    assert_eq!(whole["params"]["events"], report_of(&growing.bytes)["events"]);
    growing.client.end();
}

/// While it is followed, the file is written anew or cut: nothing of it is shown from then on, and what was
/// whole before comes back.
#[test]
fn written_anew_or_cut_meanwhile() {
    for is_cut in [false, true] {
        let mut growing = Growing::long();
        let before = growing.loaded(1);
        growing.grow_until_seen(2);
        let seen = growing.client.log.len();
        let other = fs::read(trace("g126/leak")).unwrap();
        if is_cut {
            let file = File::options().write(true).open(&growing.path).unwrap();
            file.set_len(growing.ends[0] as u64 / 2).unwrap();
        } else {
            let mut file = File::create(&growing.path).unwrap();
            file.write_all(&other[..other.len() / 2]).unwrap();
        }
        let back = growing.client.wait_from(seen, "what was there before", |m| {
            is_state(m) && m["params"]["partial"].is_null()
        });
        assert_eq!(back["params"]["events"], before["events"], "{back}");
        growing.client.listen(Duration::from_millis(1_000));
        fs::write(&growing.path, &other).unwrap();
        let of_other = report_of(&other)["events"].clone();
        let newest = |m: &Value| is_state(m) && m["params"]["events"] == of_other;
        growing.client.wait_from(seen, "the new one", newest);
        // From then on each was one of the two, whole.
        for message in growing.client.log[seen..].iter().filter(|m| is_state(m)) {
            let (events, partial) = (&message["params"]["events"], &message["params"]["partial"]);
            assert!(*events == before["events"] || *events == of_other, "a mix: {message}");
            assert!(partial.is_null(), "{message}");
        }
        growing.client.end();
    }
}

/// It stops inside a generation for long: what there is is loaded as any trace that breaks off. Then it goes
/// on, and is followed again.
#[test]
fn it_stops_inside_a_generation_and_goes_on() {
    let mut growing = Growing::long();
    growing.loaded(1);
    let (n, _) = growing.grow_until_seen(2);
    let seen = growing.client.log.len();
    let half = (growing.ends[n] + growing.ends[n + 1]) / 2;
    let from = fs::metadata(&growing.path).unwrap().len() as usize;
    append(&growing.path, &growing.bytes[from..half]);
    let broken_off = growing.client.wait_from(seen, "what there is", |m| {
        let partial = m["params"]["partial"].as_str();
        is_state(m) && partial.is_some_and(|why| why.contains("ends inside a"))
    });
    assert_eq!(broken_off["params"]["events"], report_of(&growing.bytes[..half])["events"]);
    let (m, state) = growing.grow_until_seen(n + 2);
    assert!(m > n, "{state}");
    let events = state["events"].as_u64();
    assert!(events > broken_off["params"]["events"].as_u64(), "{state}");
    growing.client.end();
}

/// Who cancels it gets back what was there before, at once, and no more of it as long as it grows.
#[test]
fn it_is_cancelled_and_overtaken() {
    let mut growing = Growing::long();
    let before = growing.loaded(1);
    let (n, _) = growing.grow_until_seen(2);
    let seen = growing.client.log.len();
    let from = Instant::now();
    growing.client.ask("waitline/cancelLoad", Value::Null);
    let back = growing.client.wait_from(seen, "what was there before", |m| {
        is_state(m) && m["params"]["partial"].is_null()
    });
    eprintln!("cancelled after {:?}", from.elapsed());
    assert_eq!(back["params"]["events"], before["events"]);
    assert!(from.elapsed() < Duration::from_millis(500), "{:?}", from.elapsed());
    for n in n + 1..n + 4 {
        growing.grow(n);
        growing.client.listen(BETWEEN);
    }
    assert!(!growing.client.log[seen..].iter().any(is_growing));

    // Another trace is wished for while one is followed.
    let mut growing = Growing::long();
    growing.loaded(1);
    let (n, _) = growing.grow_until_seen(2);
    let (_, leak) = leak();
    let state = growing.client.ask("waitline/load", json!({ "trace": leak }));
    assert_eq!(state["trace"], json!(leak));
    let seen = growing.client.log.len();
    for n in n + 1..n + 4 {
        growing.grow(n);
        growing.client.listen(BETWEEN);
    }
    let of_it = |m: &Value| is_state(m) && m["params"]["trace"] == json!(growing.path);
    assert!(!growing.client.log[seen..].iter().any(of_it), "{:?}", &growing.client.log[seen..]);
    growing.client.end();
}

/// Somebody wishes for a trace while it is being written, with no rest in which it could be read.
#[test]
fn one_that_never_rests_is_shown_all_the_same() {
    let mut growing = Growing::long();
    fs::write(&growing.path, &growing.bytes[..growing.ends[0] / 2]).unwrap();
    let (path, bytes) = (growing.path.clone(), growing.bytes.clone());
    let writer = std::thread::spawn(move || {
        let start = fs::metadata(&path).unwrap().len() as usize;
        let mut file = File::options().append(true).open(&path).unwrap();
        for piece in bytes[start..].chunks(4_000) {
            file.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let first = growing.client.ask("waitline/load", json!({ "trace": growing.path }));
    assert!(!writer.is_finished());
    // On a busy machine it may have been read between two pieces.
    let seen = growing.client.log.len();
    growing.client.wait_from(seen, "more of it", is_growing);
    let grown = growing.client.wait_from(growing.client.log.len(), "still more of it", is_growing);
    assert!(grown["params"]["events"].as_u64() > first["events"].as_u64(), "{grown}");
    writer.join().unwrap();
    let whole = |m: &Value| is_state(m) && m["params"]["partial"].is_null();
    let whole = growing.client.wait_from(seen, "the whole", whole);
    assert_eq!(whole["params"]["events"], report_of(&growing.bytes)["events"]);
    growing.client.end();
}

/// What is packed is not followed, and comes when it is quiet.
#[test]
fn what_is_packed_waits_until_it_is_whole() {
    let mut growing = Growing::long();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&growing.bytes).unwrap();
    let packed = packer.finish().unwrap();
    growing.loaded(1);
    let seen = growing.client.log.len();
    let from = Instant::now();
    let mut file = File::create(&growing.path).unwrap();
    for piece in packed.chunks(packed.len() / 40 + 1) {
        file.write_all(piece).unwrap();
        growing.client.listen(Duration::from_millis(100));
    }
    assert!(from.elapsed() < LIMIT);
    let events = report_of(&growing.bytes)["events"].clone();
    growing.client.wait_from(seen, "the whole", |m| is_state(m) && m["params"]["events"] == events);
    assert!(!growing.client.log[seen..].iter().any(is_growing));
    growing.client.end();
}
