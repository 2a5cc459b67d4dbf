//! The answers of Go's own `internal/trace` that stand beside the traces (testdata/README.md).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::profile::{Frame, Stacks};

/// File, line, cause.
pub(crate) type LineKey = (String, u64, String);

/// What one cause costs on one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) n: u64,
    pub(crate) ns: u64,
    pub(crate) open_n: u64,
    pub(crate) open_ns: u64,
    pub(crate) pre_n: u64,
    pub(crate) pre_ns: u64,
}

impl Figure {
    /// From an object in which what is 0 may be left out.
    pub(crate) fn from_json(object: &Value) -> Figure {
        let get = |name| object.get(name).and_then(Value::as_u64).unwrap_or(0);
        Figure {
            n: get("n"),
            ns: get("ns"),
            open_n: get("open_n"),
            open_ns: get("open_ns"),
            pre_n: get("pre_n"),
            pre_ns: get("pre_ns"),
        }
    }
}

/// A trace with the answer beside it.
pub(crate) struct Answered {
    pub(crate) trace: PathBuf,
    answer: Value,
}

impl Answered {
    /// The figures by line; `key` is `lines_leaf`, `lines_user` or `lines_cum`.
    pub(crate) fn lines(&self, key: &str) -> BTreeMap<LineKey, Figure> {
        let mut lines = BTreeMap::new();
        for row in array(&self.answer[key]) {
            let (file, line) = (text(&row["file"]), row["line"].as_u64().unwrap());
            for (cause, figure) in row["cats"].as_object().unwrap() {
                let figure = Figure::from_json(figure);
                if figure != Figure::default() {
                    lines.insert((file.clone(), line, cause.clone()), figure);
                }
            }
        }
        lines
    }

    /// One of the four profiles.
    pub(crate) fn profile(&self, kind: &str) -> Stacks {
        let frames: Vec<Frame> = array(&self.answer["frames"])
            .iter()
            .map(|f| (text(&f["func"]), text(&f["file"]), f["line"].as_u64().unwrap_or(0)))
            .collect();
        let mut stacks = Stacks::new();
        for stack in array(&self.answer["profiles"][kind]["stacks"]) {
            let path = array(&stack["frames"])
                .iter()
                .map(|i| frames[i.as_u64().unwrap() as usize].clone())
                .collect();
            let sum = stacks.entry(path).or_default();
            sum.0 += stack["n"].as_i64().unwrap();
            sum.1 += stack["ns"].as_i64().unwrap();
        }
        stacks
    }

    /// A list of the answer, such as `goroutines`; empty where there is none.
    pub(crate) fn list(&self, key: &str) -> &[Value] {
        array(&self.answer[key])
    }

    /// The least utilization: for each choice of flags, for each window.
    pub(crate) fn mmu(&self) -> Vec<(&str, Vec<(&str, f64)>)> {
        let choices = self.answer["mmu"].as_object().into_iter().flatten();
        choices
            .map(|(flags, answer)| {
                let windows = answer["windows"].as_object().into_iter().flatten();
                let windows = windows.map(|(w, v)| (w.as_str(), v.as_f64().unwrap()));
                (flags.as_str(), windows.collect())
            })
            .collect()
    }

    /// What became of each goroutine.
    pub(crate) fn goroutines(&self) -> &[Value] {
        array(&self.answer["goroutines"])
    }

    /// Nanoseconds from the first event to the last valid one.
    pub(crate) fn duration(&self) -> u64 {
        self.answer["duration"].as_u64().unwrap()
    }

    /// Number of each kind of event in the file, by its name on the wire.
    pub(crate) fn raw_counts(&self) -> BTreeMap<String, u64> {
        let counts = self.answer["raw_counts"].as_object();
        counts.into_iter().flatten().map(|(k, v)| (k.clone(), v.as_u64().unwrap())).collect()
    }

    /// Whether Go's reader got any event out of it.
    pub(crate) fn is_usable(&self) -> bool {
        self.answer["valid_events"].as_u64().is_some_and(|n| n > 0)
    }
}

/// The answer to one trace.
pub(crate) fn answer_to(trace: &Path) -> Option<Answered> {
    let beside = trace.with_extension("json.gz");
    let mut json = Vec::new();
    GzDecoder::new(File::open(beside).ok()?).read_to_end(&mut json).unwrap();
    Some(Answered { trace: trace.to_owned(), answer: serde_json::from_slice(&json).unwrap() })
}

/// Every trace below a folder that has an answer beside it, in the order of their paths. Those in a folder called `broken` are left out unless asked for.
pub(crate) fn answered_traces(dir: &Path, broken: bool) -> Vec<Answered> {
    let mut found = Vec::new();
    for trace in files_below(dir) {
        let in_broken = trace.parent().and_then(Path::file_name).is_some_and(|n| n == "broken");
        if trace.extension().is_some_and(|e| e == "trace")
            && in_broken == broken
            && is_known(&trace)
        {
            found.extend(answer_to(&trace));
        }
    }
    found
}

/// Every file below a folder, in the order of their paths.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The header is `go 1.NN trace`, padded with zeros to 16 bytes. Only versions that exist: the others
/// are for the tests of messages.
fn is_known(trace: &Path) -> bool {
    let mut header = [0; 16];
    let read = File::open(trace).and_then(|mut f| f.read_exact(&mut header));
    let known: [&[u8; 16]; 7] = [
        b"go 1.11 trace\0\0\0",
        b"go 1.19 trace\0\0\0",
        b"go 1.21 trace\0\0\0",
        b"go 1.22 trace\0\0\0",
        b"go 1.23 trace\0\0\0",
        b"go 1.25 trace\0\0\0",
        b"go 1.26 trace\0\0\0",
    ];
    read.is_ok() && known.contains(&&header)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
