//! Peak heap and resident memory, of all bundled traces.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use waitline::traces::{self, What};

use crate::programs::{by_turns, load, ours};

/// All traces below a folder that are whole, by name.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("broken") {
            found.extend(below(&path));
        } else if path.extension().is_some_and(|ext| ext == "trace") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The heap at its fullest of a load, on the thread that does it, how many events there were, and what
/// it was thought to take.
fn heap(file: &Path, what: What) -> (usize, u64, usize) {
    let ((events, told), peak, _) = crate::heap::peak_of(|| {
        let loaded = traces::load(file, what, &AtomicBool::new(false), |_, _| {}).unwrap();
        let (events, told) = (loaded.analysis.events, loaded.analysis.memory_judged());
        if what == What::Lives {
            drop(waitline::workspace::view(loaded, &[]));
        }
        (events, told)
    });
    (peak, events, told)
}

/// Prints the table. Heap is what one thread has asked for at once; resident is the whole process, its
/// code and libraries too; thought is what the limit of memory counts.
pub(crate) fn table() {
    let folder = crate::product::testdata("traces");
    println!("load {}", load());
    println!(
        "| trace | bytes | events | figures: heap | resident | all: heap | resident | thought |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mib = |bytes: u64| format!("{:.2}", bytes as f64 / f64::from(1 << 20));
    let (mut n, mut most) = (0, 0.0f64);
    for file in below(&folder) {
        let bytes = std::fs::metadata(&file).unwrap().len();
        let path = file.to_str().unwrap();
        let took = by_turns(
            &[ours(&["lines", path, "--by", "leaf", "--json"]), ours(&["report", path])],
            3,
        );
        let (figures, events, _) = heap(&file, What::Figures);
        let (all, _, told) = heap(&file, What::Lives);
        let name = file.strip_prefix(&folder).unwrap().with_extension("");
        println!(
            "| {} | {bytes} | {events} | {} | {} | {} | {} | {} |",
            name.display(),
            mib(figures as u64),
            mib(took[0].peak),
            mib(all as u64),
            mib(took[1].peak),
            mib(told as u64)
        );
        n += 1;
        most = most.max((all as f64 - f64::from(64 << 20)) / bytes as f64);
    }
    println!("MiB. {n} traces: heap within 64 MiB and {:.1} times the trace", most.max(0.0));
}
