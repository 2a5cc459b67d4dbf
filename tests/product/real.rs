//! Traces of well-known programs against their sources: the release that was built, and another one.
//!
//! The sources are large and not ours, so they are not here: `WAITLINE_REAL=DIR` names a folder of
//! traces, and the sources are taken from Go's module cache, as far as they are in it
//! (`go mod download MODULE@VERSION`). What is missing is said.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use exectrace::FrameId;
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
    let mut n_done = 0;
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
                let right = code(&placement, frame);
                if right.is_some() && right != code(&there, frame) {
                    *wrong.entry(place.state).or_insert(0) += 1;
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
    eprintln!("{n_done} programs");
}

fn said(states: &BTreeMap<State, usize>) -> String {
    let said: Vec<String> = states.iter().map(|(s, n)| format!("{n} {}", s.as_str())).collect();
    said.join(", ")
}
