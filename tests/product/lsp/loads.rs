//! Traces come by every way there is, fail, overtake each other, and are given up.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::client::{Client, all_refreshes, uri};
use super::*;

const SLEEP: &str = "sleep 297 ms · 133×";

fn with_configuration() -> Value {
    let mut capabilities = all_refreshes();
    capabilities["workspace"]["configuration"] = json!(true);
    capabilities
}

fn command(client: &mut Client, name: &str, arguments: Value) -> Result<Value, Value> {
    client.try_ask("workspace/executeCommand", json!({ "command": name, "arguments": arguments }))
}

#[test]
fn the_setting_names_a_trace() {
    let (file, leak) = leak();
    let mut client = Client::start();
    client.configuration = json!({ "trace": { "file": leak } });
    client.initialize(&programs(), with_configuration(), Value::Null);
    until_shown(&mut client, &file);
    let first = client.hints(&file);
    assert_eq!(hint_at(&first, 112), Some(SLEEP));

    // Another value, told without saying which; then in the notification itself, below the folder.
    client.configuration = json!({ "trace": { "file": trace("g122/leak") } });
    client.notify("workspace/didChangeConfiguration", json!({ "settings": null }));
    poll(&mut client, "the other trace", |c| {
        let hints = c.hints(&file);
        !hints.is_empty() && hints != first
    });
    let relative = "../traces/g126/leak.trace";
    let settings = json!({ "waitline": { "trace": { "file": relative } } });
    client.notify("workspace/didChangeConfiguration", json!({ "settings": settings }));
    poll(&mut client, "the first one", |c| c.hints(&file) == first);

    // What a person loaded by hand stays when another setting changes.
    client.ask("waitline/load", json!({ "trace": trace("g126/webmix") }));
    client.notify("workspace/didChangeConfiguration", json!({ "settings": settings }));
    let asked = client.count("workspace/configuration");
    client.configuration = json!({ "trace": { "file": relative } });
    client.notify("workspace/didChangeConfiguration", json!({ "settings": {} }));
    poll(&mut client, "it asks", |c| c.count("workspace/configuration") > asked);
    // What would come now comes soon.
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        assert_eq!(client.hints(&file), Vec::<Value>::new());
        client.read_within(Duration::from_millis(20));
    }
    client.end();
}

#[test]
fn commands_load_and_unload() {
    let (file, leak) = leak();
    let mut client = Client::start();
    client.initialize(&programs(), json!({}), Value::Null);
    assert_eq!(client.hints(&file), Vec::<Value>::new());
    for named in [json!(leak), json!(uri(&leak)), json!("../traces/g126/leak.trace")] {
        let answer = command(&mut client, "waitline.load", json!([{ "trace": named }])).unwrap();
        assert_eq!(answer["events"].as_u64().map(|n| n > 1_000), Some(true), "{answer}");
        assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP), "shown when it is answered");
        assert_eq!(command(&mut client, "waitline.unload", json!([])), Ok(Value::Null));
        assert_eq!(client.hints(&file), Vec::<Value>::new());
        assert_eq!(client.hover(&file, 112), None);
        assert_eq!(
            command(&mut client, "waitline.unload", json!([])),
            Ok(Value::Null),
            "once more"
        );
    }
    for (name, arguments) in [
        ("waitline.load", json!([])),
        ("waitline.load", json!([{ "trace": 7 }])),
        ("no.such", json!([])),
    ] {
        let error = command(&mut client, name, arguments).unwrap_err();
        assert_eq!(error["code"], -32602, "{error}");
    }
    client.end();
}

#[test]
fn a_bad_trace_is_one_sentence_and_takes_nothing_away() {
    let (file, leak) = leak();
    let dir = tempfile::tempdir().unwrap();
    let mut client = Client::showing(&programs(), &leak);
    let before = all_of(&mut client, &file);
    let fifo = dir.path().join("a.fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    let mut bad: Vec<PathBuf> =
        ["not-a-trace", "header-cut", "gzip", "g121-cut-60", "empty", "g126-cut-last"]
            .map(|name| trace(&format!("broken/{name}")))
            .into_iter()
            .filter(|path| !path.ends_with("g126-cut-last.trace"))
            .collect();
    bad.extend([
        dir.path().to_owned(),
        dir.path().join("absent.trace"),
        PathBuf::from("/dev/zero"),
    ]);
    bad.extend(made.is_ok_and(|status| status.success()).then_some(fifo));
    let n = bad.len();
    for path in bad {
        let error = client.try_ask("waitline/load", json!({ "trace": path })).unwrap_err();
        let message = error["message"].as_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(message.contains(name), "{message}");
        assert!(!message.contains('\n') && !message.ends_with('.'), "{message}");
        assert_eq!(all_of(&mut client, &file), before, "after {message}");
    }
    eprintln!("{n} bad traces, the good one is still there");
    client.end();
}

/// A trace that takes longer to read than any thread must wait for its turn.
fn long_trace() -> Vec<u8> {
    const GENERATIONS: u64 = 8;
    const BATCHES: u64 = 12;
    const EVENTS: usize = 20_000; // of three bytes each: a batch has 64 KiB at most
    let events = "  HeapAlloc dt=1 heapalloc_value=1\n".repeat(EVENTS);
    let header = exectrace::text::read("go 1.26\n").unwrap();
    let bytes = |text: &str| {
        exectrace::text::read(&format!("go 1.26\n{text}")).unwrap().split_off(header.len())
    };
    // All batches are alike but for their times.
    let mut trace = header.clone();
    for generation in 1..=GENERATIONS {
        for batch in 0..BATCHES {
            let start = 1_000_000 * (generation * BATCHES + batch);
            let at = format!("batch gen={generation} m=1 time={start}\n");
            if batch == 0 {
                trace.extend(bytes(&format!(
                    "batch gen={generation} m=-1 time={start}\n  Sync\n  Frequency freq=1000000000\n  \
                     ClockSnapshot dt=0 mono=1 sec=2 nsec=3\n{at}  ProcStatus dt=1 p=0 pstatus=1\n  \
                     GoStatus dt=1 g=1 m=1 gstatus=2\n"
                )));
            } else {
                trace.extend(bytes(&format!("{at}{events}")));
            }
        }
        trace.extend(bytes("EndOfGeneration\n"));
    }
    trace
}

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The bytes of what a text says of generations, without the header.
fn wire(text: &str) -> Vec<u8> {
    let header = exectrace::text::read("go 1.26\n").unwrap().len();
    exectrace::text::read(&format!("go 1.26\n{text}")).unwrap().split_off(header)
}

/// The bytes of one event, of numbers below 128 each.
fn event(text: &str) -> Vec<u8> {
    let n_args = text.matches('=').count();
    let bytes = wire(&format!("batch gen=1 m=1 time=1\n  {text}\n"));
    bytes[bytes.len() - 1 - n_args..].to_vec()
}

/// A trace of so many generations, a second each, in which thread 1 runs goroutine 1 and then has
/// these batches of events.
fn trace_of(generations: u64, batches: &[Vec<u8>]) -> Vec<u8> {
    let mut trace = exectrace::text::read("go 1.26\n").unwrap();
    for generation in 1..=generations {
        let second = 1_000_000_000 * generation;
        trace.extend(wire(&format!(
            "batch gen={generation} m=-1 time={second}\n  Sync\n  Frequency freq=1000000000\n  \
             ClockSnapshot dt=0 mono=1 sec=2 nsec=3\nbatch gen={generation} m=1 time={second}\n  \
             ProcStatus dt=1 p=0 pstatus=1\n  GoStatus dt=1 g=1 m=1 gstatus=2\n"
        )));
        for (at, events) in (1..).zip(batches) {
            assert!(events.len() < 64 << 10, "{}", events.len());
            trace.push(1);
            for number in [generation, 1, second + at * (900_000_000 / batches.len() as u64)] {
                varint(number, &mut trace);
            }
            varint(events.len() as u64, &mut trace);
            trace.extend(events);
        }
        trace.extend(wire("EndOfGeneration\n"));
    }
    trace
}

/// A trace that takes a while to go through, and has nothing to judge.
pub(super) fn heavy_trace(generations: u64) -> Vec<u8> {
    let events = event("HeapAlloc dt=1 heapalloc_value=1").repeat(20_000);
    trace_of(generations, &vec![events; 12])
}

/// A trace in which goroutine 1 stops and goes on, five thousand times in each of so many batches.
pub(super) fn trace_of_stops(generations: u64, batches: u64) -> Vec<u8> {
    let stop = event("GoStop dt=1 reason_string=0 stack=0");
    let mut start = event("GoStart dt=1 g=1 g_seq=0");
    start.pop();
    let batch = |at: u64| {
        let mut events = Vec::new();
        for seq in 1..=5_000 {
            events.extend(&stop);
            events.extend(&start);
            varint(at * 5_000 + seq, &mut events);
        }
        events
    };
    trace_of(generations, &(0..batches).map(batch).collect::<Vec<_>>())
}

/// A trace that nobody gets to the end of reading: it is never the same for long enough.
pub(super) struct Restless {
    pub(super) path: PathBuf,
    stop: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

impl Restless {
    pub(super) fn new() -> Restless {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("restless.trace");
        std::fs::write(&path, long_trace()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        // Several, for a busy machine may leave one of them waiting for as long as a load takes.
        for start in [1, 2, 3] {
            let file = File::options().write(true).open(&path).unwrap();
            let stopped = stop.clone();
            std::thread::spawn(move || {
                let mut time = SystemTime::UNIX_EPOCH + Duration::from_secs(start * 100_000_000);
                while !stopped.load(Ordering::Relaxed) {
                    time += Duration::from_micros(1);
                    file.set_modified(time).unwrap();
                    // Who sleeps is woken before those who compute.
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
        }
        let modified = || std::fs::metadata(&path).unwrap().modified().unwrap();
        let first = modified();
        while modified() == first {
            std::thread::yield_now();
        }
        Restless { path, stop, _dir: dir }
    }
}

impl Drop for Restless {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn with_progress() -> Value {
    let mut capabilities = all_refreshes();
    capabilities["window"] = json!({ "workDoneProgress": true });
    capabilities
}

fn is_progress(message: &Value, kind: &str) -> bool {
    message["method"] == "$/progress" && message["params"]["value"]["kind"] == kind
}

#[test]
fn progress_begins_ends_and_can_be_cancelled() {
    let (file, leak) = leak();
    let restless = Restless::new();
    let mut client = Client::start();
    client.initialize(&programs(), with_progress(), json!({ "trace": leak }));
    until_shown(&mut client, &file);
    let load = client.send("waitline/load", json!({ "trace": restless.path }));
    let begun = client.wait_for("progress", |m| is_progress(m, "begin"));
    assert_eq!(begun["params"]["value"]["cancellable"], true);
    let token = begun["params"]["token"].clone();
    let created = client.log.iter().position(|m| m["method"] == "window/workDoneProgress/create");
    assert_eq!(client.log[created.unwrap()]["params"]["token"], token);
    let from = Instant::now();
    client.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let error = client.answer(load).unwrap_err();
    // It is noticed after one more block, also between two attempts.
    assert!(from.elapsed() < Duration::from_secs(1), "{:?}", from.elapsed());
    assert!(error["message"].as_str().unwrap().contains("cancelled"), "{error}");
    client.wait_for("the end of progress", |m| {
        is_progress(m, "end") && m["params"]["token"] == token
    });
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP), "the one before stays");
    client.end();
}

/// An editor that did not announce progress waits in peace, and hears in the end.
#[test]
fn a_trace_that_never_comes_to_rest_is_given_up() {
    let (file, leak) = leak();
    let restless = Restless::new();
    let mut client = Client::showing(&programs(), &leak);
    let from = Instant::now();
    let error = client.try_ask("waitline/load", json!({ "trace": restless.path })).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("keeps changing"), "{error}");
    assert!(from.elapsed() < Duration::from_secs(8));
    assert_eq!(client.count("$/progress") + client.count("window/workDoneProgress/create"), 0);
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP));
    client.end();
}

#[test]
fn the_newest_wish_counts() {
    let (file, leak) = leak();
    let restless = Restless::new();
    let mut client = Client::showing(&programs(), &trace("g122/leak"));
    let first = client.send("waitline/load", json!({ "trace": restless.path }));
    client.ask("waitline/load", json!({ "trace": leak }));
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP));
    let error = client.answer(first).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("another trace"), "{error}");

    // Many at once: each has one answer, and the last one is what is shown.
    let asked: Vec<u64> = (0..40)
        .map(|i| {
            let path = if i % 2 == 0 { trace("g122/leak") } else { leak.clone() };
            client.send("waitline/load", json!({ "trace": path }))
        })
        .collect();
    let outcomes: Vec<_> = asked.into_iter().map(|id| client.answer(id)).collect();
    assert!(outcomes.last().unwrap().is_ok(), "{outcomes:?}");
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP));

    // Unloading ends what is under way, too.
    let load = client.send("waitline/load", json!({ "trace": restless.path }));
    client.ask("waitline/unload", Value::Null);
    client.answer(load).unwrap_err();
    assert_eq!(client.hints(&file), Vec::<Value>::new());
    client.end();
}

/// Who cancels a load is answered at once, and what it would have shown never comes.
#[test]
fn a_cancelled_load_is_over() {
    let (file, leak) = leak();
    let restless = Restless::new();
    let mut client = Client::start();
    client.initialize(&programs(), with_progress(), json!({ "trace": leak }));
    until_shown(&mut client, &file);
    let load = client.send("waitline/load", json!({ "trace": restless.path }));
    client.wait_for("progress", |m| is_progress(m, "begin"));
    let from = Instant::now();
    client.notify("$/cancelRequest", json!({ "id": load }));
    let error = client.answer(load).unwrap_err();
    assert_eq!(error["code"], -32800, "{error}");
    assert!(from.elapsed() < Duration::from_secs(1), "{:?}", from.elapsed());
    // The work ends too: its progress does.
    client.wait_for("the end of progress", |m| is_progress(m, "end"));
    assert!(from.elapsed() < Duration::from_secs(2), "{:?}", from.elapsed());
    assert_eq!(hint_at(&client.hints(&file), 112), Some(SLEEP));
    client.end();
}

/// The shown trace is rewritten while another one loads: nobody asked for that, so it must wait.
#[test]
fn a_rewrite_does_not_overtake_a_load_that_a_person_wished_for() {
    let (file, leak) = leak();
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().canonicalize().unwrap().join("shown.trace");
    std::fs::copy(trace("g122/leak"), &shown).unwrap();
    let mut client = Client::showing(&programs(), &shown);
    let restless = Restless::new();
    let load = client.send("waitline/load", json!({ "trace": restless.path }));
    std::fs::copy(&leak, &shown).unwrap();
    let error = client.answer(load).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("keeps changing"), "{error}");
    // And then its turn comes.
    poll(&mut client, "the rewritten trace", |c| hint_at(&c.hints(&file), 112) == Some(SLEEP));
    client.end();
}

/// The beginning of a large trace is shown while the rest is read, and says so; what was shown before
/// comes back when the load is given up.
#[test]
fn a_large_trace_is_shown_from_its_first_second_on() {
    let (file, leak) = leak();
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().canonicalize().unwrap().join("large.trace");
    std::fs::write(&large, trace_of_stops(200, 8)).unwrap();
    let bytes = std::fs::metadata(&large).unwrap().len();
    assert!(bytes > 64 << 20, "{bytes}");
    let mut capabilities = all_refreshes();
    capabilities["experimental"] = json!({ "commands": { "commands": ["waitline.load"] } });
    let mut client = Client::start();
    client.initialize(&programs(), capabilities, Value::Null);
    client.ask("waitline/load", json!({ "trace": leak }));
    let before = client.hints(&file);

    let grows = |m: &Value| {
        m["method"] == "waitline/didChangeState"
            && m["params"]["trace"] == json!(large)
            && m["params"]["partial"].as_str().is_some_and(|p| p.contains("the rest is being read"))
    };
    let seen = client.log.len();
    let from = Instant::now();
    let load = client.send("waitline/load", json!({ "trace": large }));
    let told = client.wait_from(seen, "its beginning", grows);
    let first = from.elapsed();
    let traces = client.ask("waitline/traces", Value::Null);
    let whole = client.answer(load).unwrap();
    let second = from.elapsed();
    assert_eq!(whole["partial"], Value::Null, "{whole}");
    assert!(whole["analysis"].as_u64() > told["params"]["analysis"].as_u64());
    assert!(whole["duration"].as_i64() > told["params"]["duration"].as_i64());
    if traces["traces"][0]["analysis"] == told["params"]["analysis"] {
        assert_eq!(traces["traces"][0]["active"], true, "{traces}");
    }
    eprintln!("{bytes} bytes: the first second after {first:?}, all of it after {second:?}");

    // Given up: what was shown is shown again, and nothing of the beginning stays. (On a busy machine
    // the whole may be there before it can be given up.)
    let given_up = (0..5).any(|_| {
        client.ask("waitline/load", json!({ "trace": leak }));
        client.ask("waitline/unload", json!({ "trace": large }));
        let seen = client.log.len();
        let load = client.send("waitline/load", json!({ "trace": large }));
        client.wait_from(seen, "its beginning, once more", grows);
        client.notify("$/cancelRequest", json!({ "id": load }));
        client.answer(load).is_err_and(|error| error["code"] == -32800)
    });
    assert!(given_up);
    poll(&mut client, "the one before", |c| c.hints(&file) == before);
    let traces = client.ask("waitline/traces", Value::Null);
    assert_eq!(traces["traces"].as_array().map(Vec::len), Some(1), "{traces}");
    client.end();
}
