//! The trace's file is written anew while requests run, as `go test -trace` does.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, hints_of, uri};
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
