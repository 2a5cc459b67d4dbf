//! What an editor waits for: a client of the language server, as the tests have it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, all_refreshes, at, hints_of, uri};
use crate::product::{binary, testdata};
use crate::programs::{Took, ours, said, so_far};

/// From the start of the server until `initialize` is answered, at each of some starts, in rising order.
pub(crate) fn initialize(starts: usize) -> Vec<Duration> {
    let _ = binary(); // it is built by now
    let mut all: Vec<Duration> = (0..starts)
        .map(|_| {
            let from = Instant::now();
            let mut client = Client::start();
            let folder = testdata("programs");
            client.initialize(&folder, all_refreshes(), Value::Null);
            let took = from.elapsed();
            client.end();
            took
        })
        .collect();
    all.sort_unstable();
    all
}

/// The source among the bundled programs that a trace names first, if it does.
pub(crate) fn source_of(trace: &Path) -> Option<PathBuf> {
    let lines = said(&ours(&["lines", trace.to_str().unwrap(), "--by", "leaf", "--json"]));
    let mut files = lines.lines().filter_map(|line| {
        let row: Value = serde_json::from_str(line).ok()?;
        Some(row["file"].as_str()?.to_owned())
    });
    files.find_map(|file| {
        let mut parts = file.rsplit('/');
        let (name, folder) = (parts.next()?, parts.next()?);
        let source = testdata("programs").join(folder).join(name);
        source.is_file().then_some(source)
    })
}

/// From the start of the server until a lens of the trace stands in the source.
pub(crate) fn first_lens(trace: &Path, source: &Path) -> Option<Took> {
    const LIMIT: Duration = Duration::from_secs(120);
    let from = Instant::now();
    let mut client = Client::start();
    let folder = testdata("programs");
    client.initialize(&folder, all_refreshes(), json!({ "trace": trace }));
    client.open(source, 1, &std::fs::read_to_string(source).unwrap());
    while client.lenses(source).is_empty() {
        if from.elapsed() > LIMIT {
            return None;
        }
        client.listen(Duration::from_millis(2));
    }
    let wall = from.elapsed().as_secs_f64();
    let (cpu, peak) = so_far(client.id()).unwrap_or_default();
    Some(Took { cpu, wall, peak })
}

/// What questions about a file of 5,000 lines take while traces are loaded one after the other, by the
/// server's own clock: p50 and p99, and how many traces were loaded.
pub(crate) fn answers(questions: usize) -> (Duration, Duration, usize) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let (programs, trace) =
        (testdata("programs"), |name: &str| testdata(&format!("traces/{name}.trace")));
    std::fs::create_dir_all(root.join("leak")).unwrap();
    std::fs::copy(programs.join("go.mod"), root.join("go.mod")).unwrap();
    let file = root.join("leak/main.go");
    let more = (0..800).map(|i| {
        format!(
            "\nfunc more{i}(ch chan int) int {{\n\tn := <-ch\n\tch <- n + {i}\n\treturn n\n}}\n"
        )
    });
    let text = std::fs::read_to_string(programs.join("leak/main.go")).unwrap();
    let text = format!("{text}{}", more.collect::<String>());
    std::fs::write(&file, &text).unwrap();
    let mut client = Client::with_args(&["lsp", "--log", "debug"]);
    client.initialize(&root, all_refreshes(), json!({ "trace": trace("g126/leak") }));
    client.wait_for("the first refresh", |m| m["method"] == "workspace/codeLens/refresh");
    client.open(&file, 1, &text);
    let others = ["real/nats-server-forky", "g126/webmix", "g126/leak"].map(trace);
    let (mut loads, mut loading) = (0, None);
    for i in 0..questions {
        let is_over = |id: &u64| client.log.iter().any(|m| m["id"] == *id && m["method"].is_null());
        if loading.as_ref().is_none_or(is_over) {
            client.log.clear();
            let other = &others[loads % others.len()];
            loading = Some(client.send("waitline/load", json!({ "trace": other })));
            loads += 1;
        }
        let document = json!({ "textDocument": { "uri": uri(&file) } });
        let (method, params) = match i % 4 {
            0 => ("textDocument/hover", at(&file, 112)),
            1 => ("textDocument/codeLens", document),
            2 => ("textDocument/inlayHint", hints_of(&file)),
            _ => ("waitline/lineCosts", json!({ "uri": uri(&file) })),
        };
        client.ask(method, params);
    }
    let log = client.end_after_faults();
    let kinds = ["hover", "codeLens", "inlayHint", "lineCosts"];
    let mut took: Vec<Duration> = log
        .lines()
        .filter_map(|line| line.split_once("answered ")?.1.split_once(" in "))
        .filter(|(method, _)| kinds.iter().any(|kind| method.ends_with(kind)))
        .map(|(_, took)| Duration::from_micros(took.trim_end_matches(" µs").parse().unwrap()))
        .collect();
    assert!(took.len() >= questions, "{} answers in the log", took.len());
    took.sort_unstable();
    let percentile = |percent: usize| took[took.len() * percent / 100];
    (percentile(50), percentile(99), loads)
}
