//! `docs/lsp-extensions.md` against the server: each has what the other has.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::product::root;

fn page() -> String {
    std::fs::read_to_string(root().join("docs/lsp-extensions.md")).unwrap()
}

fn source(name: &str) -> String {
    std::fs::read_to_string(root().join("server/waitline/src/lsp").join(name)).unwrap()
}

/// All `PREFIXname` in a text.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            let name = &text[at + prefix.len()..];
            let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            format!("{prefix}{}", &name[..end])
        })
        .collect()
}

/// What stands in code spans, as words.
fn coded(page: &str) -> BTreeSet<String> {
    let spans = page.split('`').skip(1).step_by(2);
    spans
        .flat_map(|span| span.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned))
        .collect()
}

#[test]
fn requests_and_commands_are_those_of_the_server() {
    let page = page();
    let requests = names(&source("mod.rs"), "custom_method(\"waitline/");
    let mut requests: BTreeSet<String> =
        requests.iter().map(|r| r.replace("custom_method(\"", "")).collect();
    let notifications = names(&source("refresh.rs"), "= \"waitline/");
    assert!(!notifications.is_empty());
    requests.extend(notifications.iter().map(|n| n["= \"".len()..].to_owned()));
    let notifications = names(&source("timeline/host.rs"), "METHOD: &'static str = \"waitline/");
    assert_eq!(notifications.len(), 3, "{notifications:?}");
    requests.extend(notifications.iter().map(|n| n[n.find("waitline").unwrap()..].to_owned()));
    assert!(requests.len() >= 15, "{requests:?}");
    assert_eq!(names(&page, "waitline/"), requests);

    let mut commands = BTreeSet::new();
    for file in ["commands.rs", "findings.rs", "links.rs", "timeline/host.rs", "to_proto.rs"] {
        commands.extend(names(&source(file), "\"waitline.").iter().map(|c| c[1..].to_owned()));
    }
    assert!(commands.len() >= 7, "{commands:?}");
    let told = names(&page, "`waitline.");
    let told: BTreeSet<String> = told.iter().map(|c| c[1..].to_owned()).collect();
    assert_eq!(told, commands);
}

/// The page of the timeline may ask what reads, and set the range: not what loads or writes.
#[test]
fn the_page_may_ask_what_the_server_answers() {
    let asked = names(&source("timeline/host.rs"), "\"waitline/");
    let asked: BTreeSet<String> = asked.iter().map(|m| m[1..].to_owned()).collect();
    let answered = names(&source("mod.rs"), "custom_method(\"waitline/");
    let answered: BTreeSet<String> =
        answered.iter().map(|r| r.replace("custom_method(\"", "")).collect();
    let kept_back: BTreeSet<&str> = answered.difference(&asked).map(String::as_str).collect();
    let want = [
        "waitline/activate",
        "waitline/found",
        "waitline/load",
        "waitline/record",
        "waitline/setVerdict",
        "waitline/silence",
        "waitline/unload",
    ];
    assert_eq!(kept_back, BTreeSet::from(want));
    let told =
        ["waitline/openTimeline", "waitline/reveal", "waitline/didSelect"].map(str::to_owned);
    let unknown: Vec<_> = asked.difference(&answered).filter(|m| !told.contains(m)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn codes_of_the_trace_itself_and_titles_of_quick_fixes_are_there() {
    let page = page();
    let hints = source("to_proto.rs");
    let codes: Vec<&str> =
        hints.match_indices("hint(\"").map(|(at, m)| &hints[at + m.len()..]).collect();
    let mut codes: Vec<&str> = codes.iter().map(|rest| rest.split('"').next().unwrap()).collect();
    let multi = hints.split("hint(\n").skip(1).filter_map(|rest| rest.split('"').nth(1));
    codes.extend(multi);
    assert!(codes.len() >= 3, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("| `{code}` |")), "the page lacks {code}");
    }
    let fixes = source("findings.rs");
    for title in [
        "What {name} means",
        "Silence {name} on this line",
        "Treat this line as idle",
        "Silence {name} in package {}",
        "Silence {name} in this workspace",
    ] {
        assert!(fixes.contains(title), "the server lacks {title}");
        let title = title.replace("{name}", "CODE").replace("{}", "PATH");
        assert!(page.contains(&format!("| {title} |")), "the page lacks {title}");
    }
    assert!(fixes.contains("\"Go to {}:{}: {}\""), "the server has no ways");
    assert!(page.contains("| Go to FILE:LINE: WHAT HAPPENED THERE |"), "the page lacks ways");
}

/// Whether the page names every key of an answer.
pub(crate) fn names_all_keys(method: &str, answer: &Value) {
    let known = coded(&page());
    let mut keys = BTreeSet::new();
    collect(answer, &mut keys);
    let missing: Vec<_> = keys.difference(&known).collect();
    assert!(missing.is_empty(), "{method} answers {missing:?}, which the page does not name");
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                keys.insert(key.clone());
                collect(member, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        _ => {}
    }
}

/// `docs/settings.md` against the server: each setting, what it is at first, and nothing else.
#[test]
fn settings_are_those_of_the_server() {
    let page = std::fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let source = source("settings.rs");
    let keys = source.split("KEYS: [&str;").nth(1).unwrap().split("];").next().unwrap();
    let keys: BTreeSet<&str> = keys.split('"').skip(1).step_by(2).collect();
    assert!(keys.len() >= 12, "{keys:?}");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    assert_eq!(told, keys);
    // What the page gives for an example is understood: see the tests of `settings.rs`. Those that
    // were left out are none of the server's.
    let left_out = page.split("## What there is no setting for").nth(1).unwrap();
    let named: Vec<&str> = left_out
        .lines()
        .filter_map(|line| line.strip_prefix("- "))
        .flat_map(|line| line.split(':').next().unwrap().split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() >= 15, "{named:?}");
    for name in named {
        assert!(!keys.contains(name), "{name} is a setting");
    }
}
