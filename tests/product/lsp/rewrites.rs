//! The trace's file is written anew while requests run, as `go test -trace` does.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, LIMIT, hints_of, uri};
use super::stress::{percentile, times};
use super::*;

/// A trace settles, is loaded and shown within this time.
const SOON: Duration = Duration::from_secs(8);

type Said = (Vec<Value>, Vec<Value>);

struct Setup {
    client: Client,
    file: PathBuf,
    /// What is written in turns, and what is said when it is shown.
    turns: [(Vec<u8>, Said); 2],
    shown: PathBuf,
    _dir: tempfile::TempDir,
    answers: usize,
}

impl Setup {
    fn new() -> Setup {
        let (file, leak) = leak();
        let other = trace("g122/leak");
        let mut client = Client::showing(&programs(), &leak);
        let of_leak = all_of(&mut client, &file);
        client.ask("waitline/load", json!({ "trace": other }));
        let of_other = all_of(&mut client, &file);
        assert_ne!(of_leak, of_other);
        let dir = tempfile::tempdir().unwrap();
        let shown = dir.path().canonicalize().unwrap().join("trace.out");
        let turns = [(fs::read(leak).unwrap(), of_leak), (fs::read(other).unwrap(), of_other)];
        fs::write(&shown, &turns[0].0).unwrap();
        client.ask("waitline/load", json!({ "trace": shown }));
        Setup { client, file, turns, shown, _dir: dir, answers: 0 }
    }

    /// Asks once for all; each answer must be that of one trace as a whole. Gives which.
    fn ask(&mut self) -> (usize, usize) {
        let lens = json!({ "textDocument": { "uri": uri(&self.file) } });
        let asked = [
            self.client.send("textDocument/codeLens", lens),
            self.client.send("textDocument/inlayHint", hints_of(&self.file)),
        ];
        let [lenses, hints] = asked.map(|id| self.client.answer(id).unwrap());
        self.answers += 2;
        let which = |of: &dyn Fn(&Said) -> Value, said: &Value| {
            self.turns
                .iter()
                .position(|(_, all)| of(all) == *said)
                .unwrap_or_else(|| panic!("a mix: {said}"))
        };
        (which(&|all| json!(all.0), &lenses), which(&|all| json!(all.1), &hints))
    }

    fn wait_for(&mut self, turn: usize) {
        let from = Instant::now();
        while self.ask() != (turn, turn) {
            assert!(from.elapsed() < SOON, "the newest is not shown");
        }
    }

    /// Nothing else is shown for this long.
    fn stays(&mut self, turn: usize, time: Duration) {
        let from = Instant::now();
        while from.elapsed() < time {
            assert_eq!(self.ask(), (turn, turn));
            self.client.read_within(Duration::from_millis(5));
        }
    }
}

fn rewrite(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    for part in bytes.chunks(bytes.len() / 3) {
        file.write_all(part).unwrap();
        file.sync_data().unwrap();
    }
}

#[test]
fn rewritten_in_place_and_renamed_over_no_answer_mixes() {
    let mut setup = Setup::new();
    for turn in [1, 0, 1, 0] {
        let (bytes, shown) = (setup.turns[turn].0.clone(), setup.shown.clone());
        let writer = std::thread::spawn(move || rewrite(&shown, &bytes));
        setup.wait_for(turn);
        writer.join().unwrap();
    }
    for turn in [1, 0, 1, 0] {
        let beside = setup.shown.with_extension("new");
        fs::write(&beside, &setup.turns[turn].0).unwrap();
        fs::rename(&beside, &setup.shown).unwrap();
        setup.wait_for(turn);
    }
    eprintln!("8 rewrites, {} answers, each of one trace", setup.answers);
    setup.client.end();
}

#[test]
fn deleted_or_half_written_it_stays() {
    let mut setup = Setup::new();
    fs::remove_file(&setup.shown).unwrap();
    setup.stays(0, Duration::from_millis(1_500));
    let half = setup.turns[1].0.len() / 2;
    fs::write(&setup.shown, &setup.turns[1].0[..half]).unwrap();
    setup.stays(0, Duration::from_millis(2_500));
    assert_eq!(setup.client.count("window/showMessage"), 0, "half a file is no news");
    fs::write(&setup.shown, &setup.turns[1].0).unwrap();
    setup.wait_for(1);
    // No trace at all is news, and takes nothing away.
    fs::write(&setup.shown, "package main, and more than a header's bytes").unwrap();
    setup.client.wait_for("a message", |m| m["method"] == "window/showMessage");
    assert_eq!(setup.ask(), (1, 1));
    fs::write(&setup.shown, &setup.turns[0].0).unwrap();
    setup.wait_for(0);
    setup.client.end();
}

/// A way of writing a trace: it ends with a whole one, and the file is quiet from then on.
type Way = (&'static str, fn(&Path, &[u8]));

fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir(path);
}

#[cfg(unix)]
const WAYS: [Way; 8] = [
    ("truncated and rewritten", |path, new| fs::write(path, new).unwrap()),
    ("written in parts", |path, new| {
        let mut file = File::create(path).unwrap();
        for part in new.chunks(new.len() / 5 + 1) {
            file.write_all(part).unwrap();
            std::thread::sleep(Duration::from_millis(40));
        }
    }),
    ("renamed over", |path, new| {
        let beside = path.with_extension("new");
        fs::write(&beside, new).unwrap();
        fs::rename(&beside, path).unwrap();
    }),
    ("appended to", |path, new| {
        // Half a trace first, which is none yet.
        fs::write(path, &new[..new.len() / 2]).unwrap();
        pause();
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(&new[new.len() / 2..]).unwrap();
    }),
    ("unlinked", |path, new| {
        fs::remove_file(path).unwrap();
        pause();
        fs::write(path, new).unwrap();
    }),
    ("a pipe meanwhile", |path, new| {
        remove(path);
        let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
        pause();
        remove(path);
        fs::write(path, new).unwrap();
    }),
    ("a folder meanwhile", |path, new| {
        remove(path);
        fs::create_dir(path).unwrap();
        pause();
        remove(path);
        fs::write(path, new).unwrap();
    }),
    ("/dev/zero meanwhile", |path, new| {
        remove(path);
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
        pause();
        remove(path);
        fs::write(path, new).unwrap();
    }),
];

/// A trace's file is written anew in every way that there is, and swapped for what is no file: each
/// way has an editor of its own, all at once.
#[test]
#[cfg(unix)]
fn a_trace_that_is_rewritten_in_every_way() {
    let rounds = times(1_000, 3);
    let all = WAYS.map(|way| std::thread::spawn(move || rewritten(way, rounds)));
    let (mut took, mut n_asked) = (Vec::new(), 0);
    for (way, all) in WAYS.iter().zip(all) {
        let (mut times, n) = all.join().unwrap();
        let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
        let late = times.iter().filter(|t| **t > Duration::from_millis(1_500)).count();
        eprintln!(
            "{} times {}: 0 crashes, 0 mixes in {n} answers, the newest shown {p50:.2?} after quiet (p99 {p99:.2?}, at most {:.2?}, {late} later than 1.5 s)",
            times.len(),
            way.0,
            times.last().unwrap()
        );
        took.extend(times);
        n_asked += n;
    }
    let (p50, p99) = (percentile(&mut took, 50), percentile(&mut took, 99));
    eprintln!(
        "{} cycles of {} kinds, {n_asked} answers: p50 {p50:.2?}, p99 {p99:.2?}, at most {:.2?}",
        took.len(),
        WAYS.len(),
        took.last().unwrap()
    );
    // A busy machine may take longer; what hangs takes much longer.
    assert!(p50 < Duration::from_millis(1_500), "{p50:?}");
}

/// How long each new trace took to be shown, and how many answers there were meanwhile.
#[cfg(unix)]
fn rewritten((way, write): Way, rounds: usize) -> (Vec<Duration>, usize) {
    let mut setup = Setup::new();
    let (mut took, before) = (Vec::new(), setup.answers);
    for round in 0..rounds {
        let turn = (round + 1) % 2;
        write(&setup.shown, &setup.turns[turn].0);
        let from = Instant::now();
        while setup.ask() != (turn, turn) {
            assert!(from.elapsed() < LIMIT, "{way}: the newest is not shown");
            setup.client.listen(Duration::from_millis(10));
        }
        took.push(from.elapsed());
        setup.client.log.clear();
    }
    let n_asked = setup.answers - before;
    setup.client.end();
    (took, n_asked)
}
