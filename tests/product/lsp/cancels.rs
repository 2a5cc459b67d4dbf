//! What nobody wants any more is not answered late, and not computed either.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, all_refreshes, at, hints_of};
use super::loads::{heavy_trace, trace_of_stops};
use super::stress::{percentile, times};
use super::*;

/// The CPU time of a process so far.
#[cfg(target_os = "linux")]
fn cpu(id: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // Behind the name in parentheses, which may hold anything: the 14th and 15th field of all.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10) // a hundredth of a second each, on every Linux
}

/// When the server has stopped computing, after this moment. It is looked at every 20 ms, and a
/// message of ours costs it less than a tick.
#[cfg(target_os = "linux")]
fn quiet_after(id: u32, from: Instant) -> Duration {
    let (mut last, mut since) = (cpu(id), from.elapsed());
    while from.elapsed() < since + Duration::from_millis(300) {
        std::thread::sleep(Duration::from_millis(20));
        let now = cpu(id);
        if now > last {
            (last, since) = (now, from.elapsed());
        }
        assert!(since < super::client::LIMIT, "it goes on computing");
    }
    since
}

/// Cancelled with 1, 4, 64 and 256 requests in flight, each of which waits for or does what takes
/// seconds.
#[test]
#[cfg(target_os = "linux")]
fn a_cancel_is_answered_at_once_and_stops_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let heavy = dir.path().canonicalize().unwrap().join("heavy.trace");
    std::fs::write(&heavy, heavy_trace(times(120, 48) as u64)).unwrap();
    let (file, leak) = leak();
    let mut client = Client::start();
    client.initialize(&programs(), all_refreshes(), Value::Null);
    client.open(&file, 0, &text_of(&file));
    client.ask("waitline/load", json!({ "trace": heavy }));
    // What all of the work takes, if nobody cancels it.
    let from = Instant::now();
    client.ask("waitline/goroutineTable", json!({}));
    let whole = from.elapsed();
    let kinds: [(&str, &str, Value); 4] = [
        ("the summary", "waitline/goroutineTable", json!({})),
        ("the timeline", "waitline/timelineAt", json!({ "t": 5 })),
        ("a load", "waitline/load", json!({ "trace": heavy })),
        ("all of them", "", Value::Null),
    ];
    let mut worst = (Duration::ZERO, Duration::ZERO);
    for (what, method, params) in &kinds {
        for n in [1, 4, 64, 256] {
            // What was made is forgotten when another trace is shown.
            client.ask("waitline/load", json!({ "trace": leak }));
            client.ask("waitline/load", json!({ "trace": heavy }));
            client.log.clear();
            let ids: Vec<u64> = (0..n)
                .map(|i| match (method.is_empty(), i % 4) {
                    (false, _) => client.send(method, params.clone()),
                    (true, 0) => client.send("textDocument/hover", at(&file, 112)),
                    (true, 1) => client.send("textDocument/inlayHint", hints_of(&file)),
                    (true, i) => client.send(kinds[i - 2].1, kinds[i - 2].2.clone()),
                })
                .collect();
            // So that the work has begun.
            client.listen(Duration::from_millis(60));
            let from = Instant::now();
            for id in &ids {
                client.notify("$/cancelRequest", json!({ "id": id }));
            }
            let (mut took, mut n_cancelled) = (Vec::new(), 0);
            for id in &ids {
                match client.answer(*id) {
                    Err(error) if error["code"] == -32800 => n_cancelled += 1,
                    // A load that the next one overtook, or answered before.
                    Ok(_) | Err(_) => {}
                }
                took.push(from.elapsed());
            }
            let stopped = quiet_after(client.id(), from);
            let last = percentile(&mut took, 100);
            eprintln!(
                "{what}, {n} in flight: {n_cancelled} cancelled, the last answer after {last:.1?}, quiet after {stopped:.1?}"
            );
            worst = (worst.0.max(last), worst.1.max(stopped));
            // (One hover is over before anybody can cancel it.)
            let is_one = method.is_empty() && n == 1;
            assert!(n_cancelled > 0 || is_one, "{what}: none of {n} was still under way");
        }
    }
    eprintln!(
        "cancels: answered after {:.1?} at most, work over after {:.1?} at most; the summary alone takes {whole:.2?}",
        worst.0, worst.1
    );
    // The aims are 50 and 200 ms, of an optimised server on a quiet machine.
    assert!(worst.0 < Duration::from_secs(2), "{worst:?}");
    assert!(worst.1 < Duration::from_secs(4), "{worst:?}");
    // And what is asked then is answered.
    client.ask("waitline/load", json!({ "trace": leak }));
    assert!(!client.hints(&file).is_empty());
    client.ask("waitline/goroutineTable", json!({}));
    client.ask("waitline/timelineAt", json!({ "t": 5 }));
    client.end();
}

/// A trace of more than there is memory for is shown as far as it goes, or refused in a sentence.
#[test]
fn a_limit_of_memory() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    // Lives of goroutines take memory, and are what a trace consists of.
    let write = |name: &str, generations: u64, batches: u64| -> PathBuf {
        let path = root.join(name);
        std::fs::write(&path, trace_of_stops(generations, batches)).unwrap();
        path
    };
    let large = write("large.trace", 40, 8);
    let huge = write("huge.trace", 1, 240);
    let (file, leak) = leak();
    let mut client = Client::start();
    client.initialize(&programs(), all_refreshes(), json!({ "limits": { "memory": "16MiB" } }));
    let state = client.ask("waitline/load", json!({ "trace": leak }));
    assert!(state["partial"].is_null(), "{state}");
    let before = client.hints(&file);
    assert!(!before.is_empty());

    // One generation that does not fit: what is shown stays.
    let error = client.try_ask("waitline/load", json!({ "trace": huge })).unwrap_err();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("more than the 16") && message.contains("limits.memory"), "{message}");
    assert_eq!(client.hints(&file), before, "the last good one stays");

    // Many generations: as many as fit, and all that is shown is of them.
    let state = client.ask("waitline/load", json!({ "trace": large }));
    let partial = state["partial"].as_str().unwrap().to_owned();
    for part in ["complete to ", " of about 39.", "left out", "limits.memory"] {
        assert!(partial.contains(part), "{part}: {partial}");
    }
    let duration = state["duration"].as_i64().unwrap();
    assert!((1_000_000_000..39_000_000_000).contains(&duration), "{duration}");
    // What reads the file again stops where the load did: else these two would find other tables,
    // and another end, and say that the file has changed.
    let of_part = client.ask("waitline/goroutineTable", json!({ "system": true }));
    let counters = client.ask("waitline/timelineAt", json!({ "t": duration / 2 }));
    assert!(counters["running"].is_number(), "{counters}");

    // A higher limit counts at once.
    client.notify(
        "workspace/didChangeConfiguration",
        json!({ "settings": { "waitline": { "limits": { "memory": "1GiB" } } } }),
    );
    let from = Instant::now();
    let whole = loop {
        let traces = client.ask("waitline/traces", Value::Null);
        if traces["traces"][0]["partial"].is_null() {
            break traces["traces"][0]["duration"].as_i64().unwrap();
        }
        assert!(from.elapsed() < super::client::LIMIT, "{traces}");
        client.listen(Duration::from_millis(50));
    };
    assert!(whole > 39_000_000_000, "{whole}");
    // What was summed up of the part is not taken for the whole.
    let of_whole = client.ask("waitline/goroutineTable", json!({ "system": true }));
    assert_ne!(of_part["functions"], of_whole["functions"]);

    // Several that do not fit together: those that were loaded first are let go.
    client.notify(
        "workspace/didChangeConfiguration",
        json!({ "settings": { "waitline": { "limits": { "memory": "16MiB" } } } }),
    );
    let other = write("other.trace", 40, 8);
    client.ask("waitline/load", json!({ "trace": large }));
    client.ask("waitline/load", json!({ "trace": other }));
    let traces = client.ask("waitline/traces", Value::Null);
    let names: Vec<&str> =
        traces["traces"].as_array().unwrap().iter().map(|t| t["trace"].as_str().unwrap()).collect();
    assert_eq!(names, [other.to_str().unwrap()], "the one before made room");
    eprintln!("16 MiB: {partial}; whole it has {whole} ns");
    client.end();
}
