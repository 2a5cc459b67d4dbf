//! Traces of well-known programs against their sources: the release that was built, and another one.
//!
//! The sources are large and not ours, so they are not here: `WAITLINE_REAL=DIR` names a folder of
//! traces, and the sources are taken from Go's module cache, as far as they are in it
//! (`go mod download MODULE@VERSION`; `tests/real DIR` fetches them all and runs this). What is missing
//! is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use exectrace::FrameId;
use ide::Analysis;
use ide::placement::Placement;
use ide::staleness::State;
use waitline::traces::{self, What};

/// A trace, the module that it was built from, and other releases of that.
const PROGRAMS: [(&str, &str, &[&str]); 5] = [
    (
        "nats-server-forky",
        "github.com/nats-io/nats-server/v2@v2.15.1",
        &["github.com/nats-io/nats-server/v2@v2.14.0", "github.com/nats-io/nats-server/v2@v2.11.0"],
    ),
    (
        "node-exporter-forky",
        "github.com/prometheus/node_exporter@v1.11.1",
        &["github.com/prometheus/node_exporter@v1.9.0"],
    ),
    ("etcd-trixie", "go.etcd.io/etcd/server/v3@v3.5.16", &["go.etcd.io/etcd/server/v3@v3.5.9"]),
    ("gopls-trixie", "golang.org/x/tools/gopls@v0.16.1", &["golang.org/x/tools/gopls@v0.15.3"]),
    (
        "docker-registry-bookworm",
        "github.com/docker/distribution@v2.8.2+incompatible",
        &["github.com/docker/distribution@v2.8.1+incompatible"],
    ),
];

fn module_cache() -> Option<PathBuf> {
    let answer = Command::new("go").args(["env", "GOMODCACHE"]).output().ok()?;
    let path = String::from_utf8(answer.stdout).ok()?;
    Some(PathBuf::from(path.trim())).filter(|path| path.is_dir())
}

fn count<T: Ord + Copy>(of: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    of.for_each(|item| *counts.entry(item).or_insert(0) += 1);
    counts
}

/// The code of a placed frame's line, without indentation and comment.
fn code(placement: &Placement, frame: FrameId) -> Option<String> {
    let place = placement.place(frame)?;
    let text = placement.source(place.file).text.lines().nth(place.line as usize)?;
    Some(text.split("//").next().unwrap_or_default().trim().to_owned())
}

/// Of the lines of the module that call what blocks: how many there are, and on how many of them the
/// text as it stands there says so. Found by the callee's name, which Waitline does not go by.
fn blocking_lines(
    analysis: &Analysis,
    placement: &Placement,
    own: &[FrameId],
) -> (usize, usize, Vec<String>) {
    let own: BTreeSet<FrameId> = own.iter().copied().collect();
    let mut lines: BTreeMap<(u32, u32), (bool, String)> = BTreeMap::new();
    for slot in analysis.slots.iter().filter(|s| analysis.causes.cause(s.cause).is_wait()) {
        let stack = analysis.stack(slot.stack);
        let Some(at) = stack.iter().position(|f| own.contains(f)).filter(|&at| at > 0) else {
            continue;
        };
        let callee = analysis.str(analysis.tables.frame(stack[at - 1]).func);
        let words: &[&str] = match callee {
            "runtime.chansend1" => &["<-"],
            "runtime.chanrecv1" | "runtime.chanrecv2" => &["<-", "range "],
            "runtime.selectgo" => &["select "],
            "sync.(*Mutex).Lock" | "sync.(*RWMutex).Lock" => &[".Lock("],
            "sync.(*RWMutex).RLock" => &[".RLock("],
            "sync.(*WaitGroup).Wait" | "sync.(*Cond).Wait" => &[".Wait("],
            "time.Sleep" => &["Sleep("],
            _ => continue,
        };
        let Some(place) = placement.place(stack[at]) else { continue };
        let text = code(placement, stack[at]).unwrap_or_default();
        let holds = words.iter().any(|word| text.contains(word));
        lines.insert((place.file.0, place.line), (holds, format!("{callee}: {text}")));
    }
    let without: Vec<String> =
        lines.values().filter(|(holds, _)| !holds).map(|(_, said)| said.clone()).collect();
    (lines.len(), lines.len() - without.len(), without)
}

#[test]
fn programs_that_everybody_knows() {
    let Some(dir) = std::env::var_os("WAITLINE_REAL") else {
        eprintln!("skipped: WAITLINE_REAL names no folder of traces");
        return;
    };
    let Some(cache) = module_cache() else {
        eprintln!("skipped: there is no module cache of Go");
        return;
    };
    let (mut n_done, mut rows) = (0, Vec::new());
    for (name, module, others) in PROGRAMS {
        let path = Path::new(&dir).join(format!("{name}.trace"));
        let root = |module: &str| Some(cache.join(module)).filter(|root| root.is_dir());
        let Some(sources) = root(module).filter(|_| path.is_file()) else {
            eprintln!("{name}: skipped, its trace or {module} is not here");
            continue;
        };
        n_done += 1;
        let loaded =
            traces::load(&path, What::Figures, &AtomicBool::new(false), |_, _| {}).unwrap();
        let analysis = &loaded.analysis;
        let placement = waitline::workspace::place(analysis, &[sources]);
        // Frames of the module, by their functions' names.
        let path_of_module = module.split('@').next().unwrap().trim_end_matches("/v2");
        let own: Vec<FrameId> = (0..analysis.tables.n_frames() as u32)
            .map(FrameId)
            .filter(|&f| {
                let frame = analysis.tables.frame(f);
                analysis.str(frame.file).contains(path_of_module.trim_end_matches("/v3"))
                    && analysis.str(frame.file).ends_with(".go")
            })
            .collect();
        let mapped = own.iter().filter(|&&f| placement.place(f).is_some()).count();
        let states = count(own.iter().filter_map(|&f| placement.place(f)).map(|p| p.state));
        eprintln!("{name} on {module}: {mapped} of {} frames mapped, {}", own.len(), said(&states));
        let (n, n_hold, without) = blocking_lines(analysis, &placement, &own);
        eprintln!("  {n_hold} of {n} lines that call what blocks hold it");
        without.iter().for_each(|said| eprintln!("    not: {said}"));
        rows.push(format!(
            "| {name} | `{module}` | {mapped} of {} | {} | {n_hold} of {n} |",
            own.len(),
            said(&states)
        ));
        assert!(n_hold * 100 >= n * 97, "{name}: {without:?}");
        for &frame in &own {
            if let Some(place) = placement.place(frame).filter(|p| p.state != State::Exact) {
                let recorded = analysis.tables.frame(frame);
                eprintln!(
                    "  {} {}:{} is {} on line {}: {:?}",
                    analysis.str(recorded.func),
                    analysis.str(recorded.file),
                    recorded.line,
                    place.state.as_str(),
                    place.line + 1,
                    code(&placement, frame).unwrap_or_default()
                );
            }
        }
        let exact = states.get(&State::Exact).copied().unwrap_or(0);
        assert!(mapped > 0 && exact * 100 >= mapped * 97, "{name}: {states:?}");
        for other in others {
            let Some(sources) = root(other) else {
                eprintln!("  {other}: skipped, it is not here");
                continue;
            };
            let there = waitline::workspace::place(analysis, &[sources]);
            let mut wrong: HashMap<State, usize> = HashMap::new();
            let states = count(own.iter().filter_map(|&f| there.place(f)).map(|p| p.state));
            for &frame in &own {
                let Some(place) = there.place(frame) else { continue };
                let (right, now) = (code(&placement, frame), code(&there, frame));
                if right.is_some() && right != now {
                    *wrong.entry(place.state).or_insert(0) += 1;
                    if place.state < State::Doubtful {
                        let (right, now) = (right.unwrap_or_default(), now.unwrap_or_default());
                        eprintln!("  {}: {right:?} on {now:?}", place.state.as_str());
                    }
                }
            }
            let n = |state: State| wrong.get(&state).copied().unwrap_or(0);
            eprintln!(
                "  on {other}: {}; on another text than the recorded one: {} exact, {} shifted, {} doubtful",
                said(&states),
                n(State::Exact),
                n(State::Shifted),
                n(State::Doubtful)
            );
        }
    }
    eprintln!("| trace | source | frames mapped | their lines | blocking lines that hold it |");
    eprintln!("|---|---|---|---|---|");
    rows.iter().for_each(|row| eprintln!("{row}"));
    eprintln!("{n_done} programs");
}

fn said(states: &BTreeMap<State, usize>) -> String {
    let said: Vec<String> = states.iter().map(|(s, n)| format!("{n} {}", s.as_str())).collect();
    said.join(", ")
}
