//! Whom a line holds up: at programs of which it is known by how they are written.

use serde_json::{Value, json};

use super::client::{Client, uri};
use super::judged::{cost_at, int, list};
use super::*;
use crate::lsp_docs::names_all_keys;

/// A program, what the line says that others wait for most, what it does meanwhile, and what the line says that waits.
const EACH: [(&str, &str, &str, &str); 10] = [
    ("fsynclock", "f.Sync()", "syscall", "mu.Lock()"),
    ("convoy", "mu.Unlock()", "running", "mu.Lock()"),
    ("lockslow", "mu.Unlock()", "running", "mu.Lock()"),
    ("gate", "time.Sleep(3 * time.Millisecond)", "sleep", "places <-"),
    ("sem", "time.Sleep(2 * time.Millisecond)", "sleep", "<-tokens"),
    ("crowded", "time.Sleep(3 * time.Millisecond)", "sleep", "o.desk <- f"),
    ("rwstarve", "time.Sleep(4 * time.Millisecond)", "sleep", "mu.RLock()"),
    ("httpext", "r.ReadString('\\n')", "network", "<-free"),
    ("conslow", "for range jobs", "running", "jobs <-"),
    ("bottleneck", "out <- x", "running", "out <- x"),
];

/// A program of known truth with its trace, and its source.
fn showing(program: &str) -> (Client, PathBuf) {
    let folder = testdata(&format!("truth/{program}"));
    let client = Client::showing(&folder, &testdata(&format!("truth/traces/{program}.trace")));
    (client, folder.join("main.go"))
}

#[test]
fn the_line_that_holds_others_up_says_so() {
    for (program, text, what, waits) in EACH {
        let (mut client, file) = showing(program);
        let hot = client.ask("waitline/hotspots", json!({}));
        names_all_keys("waitline/hotspots", &hot);
        let all = list(&hot, "behind");
        let first = all.first().unwrap_or_else(|| panic!("{program}: nobody waits for any line"));
        let source = first["source"].as_str().unwrap();
        assert!(source.contains(text), "{program}: {first}");
        assert_eq!(first["behind"]["ends"][0]["what"], what, "{program}");
        let held = &first["behind"]["waits"][0];
        assert_eq!((&first["uri"], &held["uri"]), (&uri(&file).into(), &uri(&file).into()));
        let source = text_of(&file);
        let waiter = &lines_of(&source)[held["line"].as_u64().unwrap() as usize];
        assert!(waiter.contains(waits), "{program}: {waiter}");
        for line in all {
            adds_up(&mut client, &file, line, int(&hot, "costly"), program);
        }
        // Most of what is costly: so its line says it, whatever it costs itself.
        let line = first["line"].as_u64().unwrap() as u32;
        let told = cost_at(&mut client, &file, line).unwrap_or_else(|| panic!("{program}: {line}"));
        let ns = ide::units::duration(int(&first["behind"], "ns"));
        let said = said_of(&told);
        assert!(said.contains(&format!("others wait {ns}")), "{program}: {told}");
        client.end();
    }
}

/// What stands at the end of a line, where there is room.
fn said_of(cost: &Value) -> String {
    let others = cost["others"].as_str().map_or_else(String::new, |o| format!(" · {o}"));
    format!("{}{others}", cost["text"].as_str().unwrap())
}

/// Sums of a line, and its hover.
fn adds_up(client: &mut Client, file: &Path, line: &Value, costly: i64, program: &str) {
    let behind = &line["behind"];
    let sum = |key: &str| list(behind, key).iter().map(|row| int(row, "ns")).sum::<i64>();
    let ns = int(behind, "ns");
    assert_eq!((sum("ends"), sum("waits")), (ns, ns), "{program}: {behind}");
    assert!(0 < ns && ns <= costly, "{program}: {ns} of {costly}");
    // What it waits for itself is in its own figures.
    assert!(list(behind, "waits").iter().all(|held| held["line"] != line["line"]), "{behind}");
    let number = line["line"].as_u64().unwrap() as u32;
    let site = client.ask("waitline/site", json!({ "uri": uri(file), "line": number }));
    assert_eq!(&site["behind"], behind, "{program}");
    let text = client.hover(file, number).unwrap_or_else(|| panic!("{program}: no hover"));
    assert_eq!(site["markdown"].as_str(), Some(text.as_str()));
    let told = format!("**Others wait for this line** · {}", ide::units::duration(ns));
    assert!(text.contains(&told) && text.contains("they wait at `main.go:"), "{program}: {text}");
}

/// A helper waits for those who want a token, and for one whom nobody waits for: only what is costly of that counts.
#[test]
fn of_a_helper_only_those_count_that_are_late() {
    let (mut client, _) = showing("helper");
    let hot = client.ask("waitline/hotspots", json!({}));
    let all: Vec<&str> =
        list(&hot, "behind").iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert!(matches!(all[..], [only] if only.starts_with("tokens <-")), "{all:?}");
    client.end();
}

/// What others wait for at a line that costs nothing itself is followed as figures are.
#[test]
fn a_line_without_figures_is_followed_too() {
    let (mut client, file) = showing("helper");
    let text = text_of(&file);
    let lines = lines_of(&text);
    let give = lines.iter().position(|l| l.contains("tokens <- struct{}{} //")).unwrap() as u32;
    let site = |client: &mut Client, line: u32| {
        client.ask("waitline/site", json!({ "uri": uri(&file), "line": line }))
    };
    client.open(&file, 1, &text);
    let before = site(&mut client, give);
    assert!(list(&before, "parts").is_empty(), "{before}");
    let said = said_of(&cost_at(&mut client, &file, give).unwrap());
    assert!(said.starts_with("others wait 1.75 s, 100 % of it at main.go:17"), "{said}");
    // The same code, indented otherwise: as a line with figures.
    let place = |character: usize| json!({ "line": give, "character": character });
    let indent = json!([{ "range": { "start": place(0), "end": place(0) }, "text": "\t" }]);
    client.change(&file, 2, indent);
    let moved = cost_at(&mut client, &file, give).map(|cost| said_of(&cost));
    assert_eq!(moved, Some(format!("~ {said}")));
    assert_eq!(site(&mut client, give)["state"], "shifted");
    let end = lines[give as usize].len() + 1;
    let other = json!([{ "range": { "start": place(2), "end": place(end) }, "text": "run()" }]);
    client.change(&file, 3, other);
    assert_eq!(cost_at(&mut client, &file, give), None);
    client.end();
}

/// A program in which nothing is costly has no such line.
#[test]
fn where_nothing_is_costly_nobody_is_held_up() {
    for program in ["prodslow", "ctxcancel", "hub", "leak"] {
        let (mut client, _) = showing(program);
        let hot = client.ask("waitline/hotspots", json!({}));
        assert!(list(&hot, "behind").is_empty(), "{program}: {}", hot["behind"]);
        client.end();
    }
}

/// The line is followed where it moves, and says nothing where it was edited.
#[test]
fn it_moves_with_its_line() {
    let (mut client, file) = showing("convoy");
    let text = text_of(&file);
    client.open(&file, 1, &text);
    let unlock = lines_of(&text).iter().position(|l| l.contains("mu.Unlock()")).unwrap() as u32;
    let said = |client: &mut Client, line| cost_at(client, &file, line).map(|cost| said_of(&cost));
    let before = said(&mut client, unlock).expect("it is told");
    assert!(before.ends_with("others wait 265 ms"), "{before}");
    client.change(&file, 2, super::judged::insert(0, "// above\n"));
    assert_eq!(said(&mut client, unlock), None);
    assert_eq!(said(&mut client, unlock + 1).as_ref(), Some(&format!("~ {before}")));
    let place = |character| json!({ "line": unlock + 1, "character": character });
    let edit = json!([{ "range": { "start": place(0), "end": place(3) }, "text": "other" }]);
    client.change(&file, 3, edit);
    let after = said(&mut client, unlock + 1).expect("what it cost itself is doubtful");
    assert!(after.starts_with("? ") && !after.contains("others"), "{after}");
    client.end();
}
