//! The timeline's index against a model that keeps every span and goes over all of them.
//!
//! The model shares nothing with the index but the decoder: it writes down each goroutine's states as
//! they come (`model`), and works a window out by its definition, cell by cell (`cells`).

use std::collections::BTreeMap;
use std::path::Path;

use exectrace::{GoId, GoState};
use ide::timeline::{Builder, Class, Counter, Failed, Index, Key, Rect, Window};
use ide::view::View;

use crate::answers::{answer_to, files_below};
use crate::product::testdata;

mod cells;
mod model;
mod sums;
mod tiles;

pub(crate) use cells::{Drawn, bare, cells_of, quiet};
use model::Model;

/// A trace: its bytes, its view, its index.
struct Trace {
    bytes: Vec<u8>,
    view: View,
    index: Index,
}

fn load(path: &Path) -> Trace {
    let bytes = std::fs::read(path).unwrap();
    let mut builder = ide::analysis::Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    let index = index_of(&bytes, &analysis).unwrap();
    let placement = ide::placement::Placement::default();
    let view = View::new("a".into(), analysis, placement, &ide::view::Word::default());
    let mut index = index;
    index.seal(&view);
    Trace { bytes, view, index }
}

pub(crate) fn index_of(bytes: &[u8], analysis: &ide::Analysis) -> Result<Index, Failed> {
    let mut builder = Builder::new(None);
    // In odd pieces, as a file may come.
    for piece in bytes.chunks(77_777) {
        builder.space(piece.len()).copy_from_slice(piece);
        builder.filled(piece.len());
    }
    builder.finish(analysis)
}

/// The traces of the tests, small and of all kinds.
fn traces() -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for folder in ["g121", "g122", "g125", "g126", "g127"] {
        for entry in std::fs::read_dir(testdata(&format!("traces/{folder}"))).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "trace") {
                found.push(path);
            }
        }
    }
    if let Some(dir) = std::env::var_os("WAITLINE_TRACES") {
        let more = files_below(Path::new(&dir)).into_iter().filter(|path| {
            let folder = path.parent().and_then(Path::file_name).and_then(|n| n.to_str());
            path.extension().is_some_and(|e| e == "trace") && folder != Some("broken")
        });
        found.extend(more);
    }
    found.sort();
    assert!(found.len() >= 20, "{found:?}");
    found
}

/// The index has every goroutine's spans, as the model has them.
#[test]
fn spans_are_all_there() {
    let (mut spans, mut goroutines) = (0, 0);
    for path in traces() {
        let Trace { bytes, view, index } = load(&path);
        let (model, tables) = Model::of(&bytes);
        assert_eq!(index.end, model.end, "{path:?}");
        assert_eq!(index.gos.len(), model.spans.len(), "{path:?}: goroutines");
        for (&g, want) in &model.spans {
            let go =
                index.find_go(GoId(g)).unwrap_or_else(|| panic!("{path:?}: G{g} is not there"));
            let got: Vec<_> =
                index.spans(go, i64::MIN, i64::MAX).filter(|s| s.end > s.start).collect();
            assert_eq!(got.len(), want.len(), "{path:?}: G{g}");
            for (got, want) in got.iter().zip(want) {
                assert_eq!((got.start, got.end), (want.start, want.end), "{path:?}: G{g}");
                let class = got.tone.class();
                let fits = match want.state {
                    GoState::Running if want.assists => class == Class::Assist,
                    GoState::Running => class == Class::Running,
                    GoState::Runnable => class == Class::Runnable,
                    GoState::Syscall => class == Class::Syscall,
                    GoState::Waiting => class.is_wait(),
                    _ => false,
                };
                assert!(fits, "{path:?}: G{g} at {}: {class:?} for {want:?}", got.start);
                if want.state == GoState::Waiting {
                    let reason = view.analysis.str(index.site(got).unwrap().reason);
                    assert_eq!(reason, tables.str(want.reason), "{path:?}: G{g} at {}", got.start);
                }
            }
            spans += want.len();
            goroutines += 1;
        }
        let marks: Vec<_> =
            index.gc.between(i64::MIN, i64::MAX).map(|r| (r.start, r.end)).collect();
        let want: Vec<_> = model.marks.iter().copied().filter(|m| m.1 > m.0).collect();
        assert_eq!(marks, want, "{path:?}: the collector");
    }
    eprintln!("{spans} spans of {goroutines} goroutines");
    assert!(spans > 100_000, "{spans}");
}

/// What each goroutine's states come to is what Go's own reader says.
#[test]
fn sums_of_states_are_those_of_the_oracle() {
    let mut compared = 0;
    for path in traces() {
        let Some(answer) = answer_to(&path) else { continue };
        let Trace { view, index, .. } = load(&path);
        if view.analysis.problem.is_some() {
            continue;
        }
        for want in answer.goroutines() {
            let number = |name: &str| want[name].as_i64().unwrap_or(0);
            // The oracle has one without a number for what ran without a goroutine.
            let Some(id) = want["id"].as_u64() else { continue };
            let Some(go) = index.find_go(GoId(id)) else {
                panic!("{path:?}: {want}");
            };
            let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
            let (mut forever, mut open_syscall) = (false, false);
            for span in index.spans(go, i64::MIN, i64::MAX) {
                let class = span.tone.class();
                let reason = view.analysis.str(index.site(&span).unwrap().reason);
                forever |= class.is_wait() && reason == "forever";
                open_syscall |= class == Class::Syscall && span.end == index.end;
                let key = match class {
                    Class::Running | Class::Assist => "exec",
                    Class::Runnable => "sched_wait",
                    Class::Syscall => "syscall",
                    _ if reason == "forever" => "forever",
                    _ => "block",
                };
                *sums.entry(key).or_default() += span.end - span.start;
            }
            // The oracle has such a one's last system call twice, and ends a goroutine at a wait for ever.
            if open_syscall || forever {
                continue;
            }
            let of = |key: &str| sums.get(key).copied().unwrap_or(0);
            let block = want["block"].as_object().into_iter().flatten(); // null: it never waited
            let block: i64 = block.map(|(_, ns)| ns.as_i64().unwrap()).sum();
            let id = number("id");
            assert_eq!(of("exec"), number("exec"), "{path:?}: G{id} runs");
            assert_eq!(of("sched_wait"), number("sched_wait"), "{path:?}: G{id} is runnable");
            assert_eq!(of("block"), block, "{path:?}: G{id} waits");
            let syscall = number("syscall") + number("syscall_block");
            assert_eq!(of("syscall"), syscall, "{path:?}: G{id} is in system calls");
            compared += 1;
        }
    }
    eprintln!("{compared} goroutines");
    assert!(compared > 3000, "{compared}");
}

/// What a P ran, cell by cell, comes to what its goroutines ran on it.
#[test]
fn ps_ran_what_goroutines_ran() {
    let mut compared = 0;
    for path in traces() {
        let Trace { index, .. } = load(&path);
        let mut of: BTreeMap<u64, i64> = BTreeMap::new();
        let mut nowhere = 0;
        for row in 0..index.gos.len() as u32 {
            for span in index.spans(ide::timeline::GoRef(row), i64::MIN, i64::MAX) {
                if span.tone.class().is_running() {
                    match index.ran_on(&span).0 {
                        Some(p) => *of.entry(p.0).or_default() += span.end - span.start,
                        None => nowhere += span.end - span.start,
                    }
                }
            }
        }
        for (p, row) in index.proc_ids() {
            let ran: i64 = index.procs[row as usize]
                .runs
                .between(i64::MIN, i64::MAX)
                .map(|r| r.end - r.start)
                .sum();
            let want = of.get(&p.0).copied().unwrap_or(0);
            assert!((ran - want).abs() <= nowhere, "{path:?}: P{} ran {ran}, {want}", p.0);
            compared += 1;
        }
    }
    eprintln!("{compared} Ps");
    assert!(compared >= 60, "{compared}");
}

/// Counts at an instant are those of the model, and no column is below the counts within it.
#[test]
fn counters_are_those_of_the_model() {
    let mut instants = 0;
    for name in ["g126/webmix", "g126/gcmix", "g125/webmix-3s-trimpath", "g127/pipeline-3s"] {
        let Trace { bytes, index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let (model, _) = Model::of(&bytes);
        for i in 0..200 {
            let t = index.end / 200 * i + i;
            let mut want = [0u32; 4];
            for span in model.spans.values().flatten().filter(|s| s.start <= t && s.end > t) {
                want[match span.state {
                    GoState::Running => 0,
                    GoState::Runnable => 1,
                    GoState::Waiting => 2,
                    _ => 3,
                }] += 1;
            }
            let got = index.counts_at(t);
            let got = [Counter::Running, Counter::Runnable, Counter::Waiting, Counter::Syscall]
                .map(|c| got[c as usize]);
            assert_eq!(got, want, "{name} at {t}");
            instants += 1;
        }
    }
    eprintln!("{instants} instants");
}

/// A wake that the trace tells of leads from the waker's span to the woken one's, both ways.
#[test]
fn wakes_lead_from_span_to_span() {
    let Trace { view, index, .. } = load(&testdata("traces/g126/webmix.trace"));
    let (mut wakes, mut creations, mut links) = (0, 0, 0);
    for row in 0..index.gos.len() as u32 {
        let go = ide::timeline::GoRef(row);
        let spans: Vec<_> = index.spans(go, i64::MIN, i64::MAX).collect();
        for pair in spans.windows(2) {
            let (wait, next) = (pair[0], pair[1]);
            if !wait.tone.class().is_wait() || next.tone.class() != Class::Runnable {
                continue;
            }
            let slice = index.slice(&view, go, wait);
            let Some(flow) = slice.waker.filter(|f| f.from != ide::timeline::NO_GO) else {
                continue;
            };
            wakes += 1;
            assert_eq!(flow.t, wait.end);
            let by = index.span_at(flow.from, flow.t).expect("the waker was there");
            let class = by.tone.class();
            assert!(class.is_running() || class == Class::Syscall, "a waker {class:?}");
            // What it did meanwhile fills the wait, as far as it was there.
            let born = index.go(flow.from).unwrap().birth.max(wait.start);
            let all: i64 = slice.meanwhile.iter().map(|m| m.ns).sum();
            assert!(all <= wait.end - born, "{all}");
            let (out, cut) = index.outgoing(flow.from, by.start, by.end, 10_000);
            assert!(cut || out.iter().any(|f| f.to == go && f.t == wait.end), "the way back");
        }
        if let Some(first) = spans.first()
            && let Some(flow) = index.flow_of(go, first)
        {
            creations += 1;
            assert_eq!(flow.t, index.go(go).unwrap().birth);
        }
        let last = spans.last().unwrap().start;
        let chain = index.chain(index.go(go).unwrap().id, last, true, 50);
        assert!(chain.windows(2).all(|w| w[1].0.t < w[0].0.t), "time goes back");
        links += chain.len();
    }
    eprintln!("{wakes} wakes, {creations} creations, {links} links");
    assert!(wakes > 500 && creations > 50 && links > 500);
}

/// Bytes that are not those of the analysis make no index.
#[test]
fn other_bytes_make_no_index() {
    let Trace { view, bytes, .. } = load(&testdata("traces/g126/leak.trace"));
    let other = std::fs::read(testdata("traces/g126/webmix.trace")).unwrap();
    assert_eq!(index_of(&other, &view.analysis).err(), Some(Failed::Other));
    assert!(index_of(&bytes[..bytes.len() / 2], &view.analysis).is_err());
    assert!(index_of(b"go 1.26 trace\0\0\0", &view.analysis).is_err());
}

/// What can be looked at while the index is being made is a part of what it is in the end: nothing of
/// it changes any more, and what is drawn of it is drawn so in the end.
#[test]
fn lanes_grow_to_what_they_are_in_the_end() {
    let (mut steps, mut runs, mut lanes) = (0, 0, 0);
    for name in ["g125/webmix-3s-trimpath", "g126/webmix", "g122/gcmix"] {
        let Trace { bytes, index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let mut builder = Builder::new(None);
        let mut until = 0;
        for piece in bytes.chunks(16 << 10) {
            builder.space(piece.len()).copy_from_slice(piece);
            builder.filled(piece.len());
            let so_far = builder.so_far();
            assert!((until..=index.end).contains(&so_far.end), "{name}: {until} {}", so_far.end);
            steps += usize::from(so_far.end > until);
            until = so_far.end;
            for (p, row) in so_far.proc_ids() {
                let have: Vec<_> =
                    so_far.procs[row as usize].runs.between(i64::MIN, i64::MAX).collect();
                let of = index.find_proc(p).unwrap();
                let all: Vec<_> =
                    index.procs[of as usize].runs.between(i64::MIN, i64::MAX).collect();
                assert!(all.starts_with(&have), "{name}: {p:?}");
                runs += have.len();
                // Up to the last run nothing is missing in the upper row.
                let Some(last) = have.last().filter(|last| last.start > 1000) else { continue };
                for t0 in [0, last.start / 3, last.start - 999] {
                    let window = Window { t0, t1: last.start, width: 300 };
                    let upper = |index: &Index| -> Vec<Rect> {
                        let tile = index.tile(&[Key::Proc(p)], &window);
                        tile[0].rects.iter().filter(|r| r.flags & 8 == 0).copied().collect()
                    };
                    assert_eq!(upper(so_far), upper(&index), "{name}: {p:?} from {t0}");
                    lanes += 1;
                }
            }
            let counts = so_far.most(0, until / 2);
            assert!(until == 0 || counts[Counter::Running as usize] > 0);
        }
    }
    eprintln!("{steps} steps, {runs} runs, {lanes} windows");
    assert!(steps >= 3 && runs > 1000 && lanes > 20, "{steps} {runs} {lanes}");
}
