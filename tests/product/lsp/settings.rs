//! What a person sets counts at once, and what makes no sense is told.

use serde_json::{Value, json};

use super::client::{Client, all_refreshes};
use super::*;

/// Sets this, as an editor does that pushes all of its settings.
fn set(client: &mut Client, settings: Value) {
    client.notify(
        "workspace/didChangeConfiguration",
        json!({ "settings": { "waitline": settings } }),
    );
}

fn warnings(client: &Client) -> Vec<String> {
    let shown = client.log.iter().filter(|m| m["method"] == "window/showMessage");
    shown.map(|m| m["params"]["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn settings_of_what_is_shown_count_at_once() {
    let (file, trace) = leak();
    let mut client = Client::showing(&programs(), &trace);
    let (lenses, hints) = all_of(&mut client, &file);
    assert!(!lenses.is_empty() && hints.len() > 5);

    set(&mut client, json!({ "codeLens": { "enable": false } }));
    poll(&mut client, "no lenses", |c| c.lenses(&file).is_empty());
    assert_eq!(client.hints(&file), hints);
    set(&mut client, json!({ "annotations.enable": false }));
    poll(&mut client, "no hints", |c| c.hints(&file).is_empty());
    assert_eq!(client.lenses(&file), lenses);
    set(&mut client, json!({ "annotations": { "minDuration": "300ms" } }));
    poll(&mut client, "fewer hints", |c| {
        let fewer = c.hints(&file);
        !fewer.is_empty() && fewer.len() < hints.len() && hint_at(&fewer, 112).is_none()
    });
    set(&mut client, json!({}));
    poll(&mut client, "all of it again", |c| all_of(c, &file) == (lenses.clone(), hints.clone()));

    // An edited line in each of the ways.
    client.open(&file, 1, &text_of(&file));
    let twice = json!([{ "range": { "start": { "line": 112, "character": 13 },
        "end": { "line": 112, "character": 14 } }, "text": "20" }]);
    client.change(&file, 2, twice);
    for (mode, hint) in [
        ("mark", Some("? sleep 297 ms · 133×")),
        ("hide", None),
        ("ignore", Some("sleep 297 ms · 133×")),
    ] {
        set(&mut client, json!({ "stale": { "mode": mode } }));
        poll(&mut client, mode, |c| hint_at(&c.hints(&file), 112) == hint);
        let costs = client.ask("waitline/lineCosts", json!({ "uri": super::client::uri(&file) }));
        let line = costs["lines"].as_array().unwrap().iter().find(|l| l["line"] == 112);
        let state = line.map(|l| l["state"].as_str().unwrap());
        let want = [("mark", "doubtful"), ("ignore", "exact")];
        assert_eq!(state, want.iter().find(|w| w.0 == mode).map(|w| w.1), "{mode}");
        assert!(line.is_none_or(|l| mode == "ignore" || l["heat"] == 0), "{mode}");
    }
    assert_eq!(warnings(&client), Vec::<String>::new());
    client.end();
}

#[test]
fn settings_of_findings_judge_anew() {
    let trace = trace("g126/webmix");
    let mut client = Client::showing(&programs(), &trace);
    let found = |client: &mut Client| {
        let found = client.ask("waitline/findings", Value::Null);
        let list = found["findings"].as_array().unwrap().clone();
        list.iter()
            .map(|f| {
                (f["code"].as_str().unwrap().to_owned(), f["severity"].as_str().unwrap().to_owned())
            })
            .collect::<Vec<_>>()
    };
    let all = found(&mut client);
    assert!(!all.is_empty());
    let code = all[0].0.clone();
    set(&mut client, json!({ "findings": { "severity": { code.as_str(): "error" } } }));
    poll(&mut client, "an error", |c| found(c)[0] == (code.clone(), "error".to_owned()));
    let db = programs().join("webmix/db.go");
    poll(&mut client, "told as an error", |c| {
        c.log.iter().rev().any(|m| {
            m["method"] == "textDocument/publishDiagnostics"
                && m["params"]["uri"] == super::client::uri(&db)
                && m["params"]["diagnostics"][0]["severity"] == 1
        })
    });
    set(&mut client, json!({ "findings": { "disabled": [code] } }));
    poll(&mut client, "silenced", |c| found(c).len() < all.len());
    set(&mut client, json!({ "findings.max": 0 }));
    poll(&mut client, "none", |c| found(c).is_empty());
    set(&mut client, json!({}));
    poll(&mut client, "as before", |c| found(c) == all);
    client.end();
}

/// A name that nobody knows, and a value of another kind: one sentence each, once.
#[test]
fn what_makes_no_sense_is_told_once() {
    let (file, trace) = leak();
    let mut client = Client::start();
    let options =
        json!({ "trace": trace, "waitline": null, "stale.mod": "hide", "heat": { "x": 1 } });
    client.initialize(&programs(), all_refreshes(), options);
    until_shown(&mut client, &file);
    client.wait_for("a warning", |m| m["method"] == "window/showMessage");
    let odd = json!({ "findings": { "max": "many" }, "trace": { "globbs": [] } });
    for _ in 0..3 {
        set(&mut client, odd.clone());
    }
    poll(&mut client, "the second warning", |c| warnings(c).len() >= 2);
    client.listen(std::time::Duration::from_millis(300));
    let told = warnings(&client);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        told[0],
        "there is no setting waitline.stale.mod: did you mean waitline.stale.mode?"
    );
    assert!(told[1].contains("did you mean waitline.trace.globs?"), "{told:?}");
    assert!(told[1].contains("waitline.findings.max: a number from 0 is wanted, not \"many\""));
    client.end();
}

/// A program that was built in a container, where nothing of the path is as it is here.
#[test]
fn a_rule_leads_to_the_files() {
    // Two copies of the program: without a rule nobody can tell which one it is.
    let (dir, file) = copy_of_leak(str::to_owned);
    let root = dir.path().canonicalize().unwrap();
    std::fs::remove_file(root.join("go.mod")).unwrap();
    let copy = root.join("old/leak/main.go");
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::copy(&file, &copy).unwrap();
    let (_, trace) = leak();
    let mut client = Client::showing(&root, &trace);
    let unmapped = client.ask("waitline/unmapped", Value::Null);
    let prefix = unmapped["prefixes"][0]["prefix"].as_str().unwrap().to_owned();
    assert_eq!(prefix, "/home/gopher/workloads/leak/");
    assert!(unmapped["prefixes"][0]["ns"].as_i64() > Some(1_000_000_000));
    let missing: i64 =
        unmapped["prefixes"].as_array().unwrap().iter().filter_map(|p| p["ns"].as_i64()).sum();
    let of = unmapped["found"]["of"].as_i64().unwrap();
    assert_eq!(unmapped["prefixes"][0]["of"], of);
    assert_eq!(unmapped["found"]["ns"], of - missing);
    client.wait_for("the hint", |m| {
        let list = &m["params"]["diagnostics"];
        list.to_string().contains("frames-unmapped") && list.to_string().contains(&prefix)
    });
    assert!(client.hints(&file).is_empty() && client.hints(&copy).is_empty());
    // What is proposed is general, and says that there is another folder which fits.
    let proposed = unmapped["rules"].as_array().unwrap();
    assert_eq!(proposed.len(), 1, "{unmapped}");
    assert_eq!(proposed[0]["from"], root.to_str().unwrap());
    assert_eq!(proposed[0]["to"], "/home/gopher/workloads");
    assert_eq!(proposed[0]["others"], json!([root.join("old")]));
    assert_eq!(proposed[0]["ns"], unmapped["prefixes"][0]["ns"]);
    let rules = |from: &str, to: &str| json!({ "substitutePath": [{ "from": from, "to": to }] });
    for (rule, there, not_there) in [
        (rules(root.to_str().unwrap(), "/home/gopher/workloads"), &file, &copy),
        (rules("${workspaceFolder}/old/", "/home/gopher/workloads/"), &copy, &file),
        // Written the wrong way round.
        (rules("/home/gopher/workloads/", root.to_str().unwrap()), &file, &copy),
    ] {
        set(&mut client, rule.clone());
        poll(&mut client, "the rule's file", |c| {
            hint_at(&c.hints(there), 112) == Some("sleep 297 ms · 133×")
        });
        assert!(client.hints(not_there).is_empty(), "{rule}");
    }
    // Not one's own code: no figures, and nothing is missing either.
    set(
        &mut client,
        json!({
            "substitutePath": [{ "from": root, "to": "/home/gopher/workloads" }],
            "exclude": ["leak/**"],
        }),
    );
    poll(&mut client, "excluded", |c| c.hints(&file).is_empty());
    let unmapped = client.ask("waitline/unmapped", Value::Null);
    assert!(!unmapped.to_string().contains("/leak/"), "{unmapped}");
    client.end();
}

/// A rule may name any folder that can be read, but no link leads out of it.
#[test]
#[cfg(unix)]
fn a_rule_leads_out_of_the_workspace_and_a_link_does_not() {
    let (dir, file) = copy_of_leak(str::to_owned);
    let outside = dir.path().canonicalize().unwrap();
    let (open, linked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(open.path().join("go.mod"), "module example.com/elsewhere\n").unwrap();
    std::os::unix::fs::symlink(outside.join("leak"), linked.path().join("leak")).unwrap();
    let (_, trace) = leak();
    let mut client = Client::showing(open.path(), &trace);
    assert!(client.hints(&file).is_empty());
    let rule = |from: &Path| json!({ "substitutePath": [{ "from": from, "to": "/home/gopher/workloads" }] });
    // The folder itself may be reached by a link: a person named it.
    let by_link = linked.path().join("all");
    std::os::unix::fs::symlink(&outside, &by_link).unwrap();
    for folder in [&outside, &by_link] {
        set(&mut client, rule(folder));
        poll(&mut client, "the rule's file", |c| {
            hint_at(&c.hints(&file), 112) == Some("sleep 297 ms · 133×")
        });
        set(&mut client, rule(linked.path()));
        poll(&mut client, "nothing behind the link", |c| c.hints(&file).is_empty());
        let unmapped = client.ask("waitline/unmapped", Value::Null);
        assert!(unmapped["prefixes"].to_string().contains("/leak/"), "{unmapped}");
        assert_eq!(unmapped["rules"], json!([]), "nothing is proposed that is not there");
    }
    client.end();
}

#[test]
fn traces_are_found_and_the_newest_is_shown() {
    let (dir, file) = copy_of_leak(str::to_owned);
    let root = dir.path().canonicalize().unwrap();
    let write = |name: &str, from: &str, age: u64| {
        let path = root.join(name);
        std::fs::copy(trace(from), &path).unwrap();
        let when = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(when).unwrap();
        path
    };
    let old = write("old.trace", "g122/leak", 100);
    let new = write("leak/trace.out", "g126/leak", 10);
    let mut client = Client::start();
    client.initialize(&root, all_refreshes(), json!({ "trace.autoLoad": "latest" }));
    let found = client.ask("waitline/found", Value::Null);
    crate::lsp_docs::names_all_keys("waitline/found", &found);
    let paths: Vec<&str> =
        found["traces"].as_array().unwrap().iter().map(|t| t["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [new.to_str().unwrap(), old.to_str().unwrap()]);
    assert_eq!(found["traces"][0]["bytes"], std::fs::metadata(&new).unwrap().len());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    assert!((1..60_000).contains(&(now - found["traces"][0]["modified"].as_u64().unwrap())));
    let active = |client: &mut Client| {
        let traces = client.ask("waitline/traces", Value::Null);
        let first = &traces["traces"][0];
        (first["active"] == true).then(|| first["trace"].as_str().unwrap().to_owned())
    };
    poll(&mut client, "the newest", |c| active(c).as_deref() == new.to_str());
    assert_eq!(hint_at(&client.hints(&file), 112), Some("sleep 297 ms · 133×"));
    // A newer one comes; nobody said that it would.
    let newer = write("newer.trace", "g122/leak", 0);
    poll(&mut client, "the newer one", |c| active(c).as_deref() == newer.to_str());
    // What a person loads by hand stays, until something newer is written.
    client.ask("waitline/load", json!({ "trace": old }));
    // Somebody saves a file meanwhile: folders are looked through, and nothing new is found.
    std::fs::write(root.join("notes.txt"), "x").unwrap();
    client.listen(std::time::Duration::from_millis(1500));
    assert_eq!(active(&mut client).as_deref(), old.to_str());
    let newest = write("newest.trace", "g126/leak", 0);
    poll(&mut client, "what is newer than all", |c| active(c).as_deref() == newest.to_str());
    set(&mut client, json!({ "trace": { "globs": ["*.trace"], "autoLoad": "off" } }));
    poll(&mut client, "fewer are found", |c| {
        c.ask("waitline/found", Value::Null)["traces"].as_array().unwrap().len() == 3
    });
    client.end();
}

/// Several traces are loaded; to change between them takes no load.
#[test]
fn several_traces_are_loaded_and_one_is_shown() {
    let (file, leak) = leak();
    let other = trace("g122/leak");
    let mut client = Client::showing(&programs(), &leak);
    let of_leak = all_of(&mut client, &file);
    let error = client.try_ask("waitline/activate", json!({ "trace": other })).unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("not loaded"), "{error}");
    client.ask("waitline/load", json!({ "trace": other }));
    let of_other = all_of(&mut client, &file);
    assert_ne!(of_leak, of_other);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let state = client.ask("waitline/activate", json!({ "trace": leak }));
        assert_eq!(all_of(&mut client, &file), of_leak);
        seen.insert(state["analysis"].as_u64());
        let state = client.ask("waitline/activate", json!({ "trace": other }));
        assert_eq!(all_of(&mut client, &file), of_other);
        seen.insert(state["analysis"].as_u64());
    }
    assert_eq!(seen.len(), 10, "each is a new view");
    let list = client.ask("waitline/traces", Value::Null);
    crate::lsp_docs::names_all_keys("waitline/traces", &list);
    let rows: Vec<(&str, bool)> = list["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["trace"].as_str().unwrap(), t["active"] == true))
        .collect();
    assert_eq!(rows, [(other.to_str().unwrap(), true), (leak.to_str().unwrap(), false)]);
    // One goes, and the other stays; of many the first goes.
    client.ask("waitline/unload", json!({ "trace": leak }));
    assert_eq!(all_of(&mut client, &file), of_other);
    for name in ["g121/leak", "g126/leak-386", "g126/leak-trimpath", "g126/leak"] {
        client.ask("waitline/load", json!({ "trace": trace(name) }));
    }
    let list = client.ask("waitline/traces", Value::Null);
    assert_eq!(list["traces"].as_array().unwrap().len(), 4);
    assert!(!list.to_string().contains("g122"));
    client.ask("waitline/unload", json!({ "trace": leak }));
    poll(&mut client, "none is shown", |c| c.hints(&file).is_empty());
    client.ask("waitline/activate", json!({ "trace": trace("g126/leak-trimpath") }));
    assert!(!client.hints(&file).is_empty());
    client.ask("waitline/unload", Value::Null);
    assert_eq!(client.ask("waitline/traces", Value::Null), json!({ "traces": [] }));
    client.end();
}

/// An editor that says what is set only when it is asked.
#[test]
fn settings_are_asked_for() {
    let (file, trace) = leak();
    let mut client = Client::start();
    client.configuration =
        json!({ "trace": { "file": trace }, "annotations": { "minDuration": "300ms" } });
    let mut capabilities = all_refreshes();
    capabilities["workspace"]["configuration"] = json!(true);
    client.initialize(&programs(), capabilities, Value::Null);
    until_shown(&mut client, &file);
    assert_eq!(hint_at(&client.hints(&file), 112), None);
    client.configuration["annotations"] = Value::Null;
    client.notify("workspace/didChangeConfiguration", json!({ "settings": null }));
    poll(&mut client, "asked again", |c| hint_at(&c.hints(&file), 112).is_some());
    assert_eq!(warnings(&client), Vec::<String>::new());
    client.end();
}

/// What lines show and are coloured by follows the metric, against the parts that `waitline/site` tells
/// of each line, which are the same whatever is looked at.
#[test]
fn a_metric_says_what_lines_show() {
    let trace = trace("g126/webmix");
    let mut client = Client::showing(&programs(), &trace);
    let file = programs().join("webmix/db.go");
    client.open(&file, 1, &text_of(&file));
    let at = super::client::uri(&file);
    let costs = |client: &mut Client| client.ask("waitline/lineCosts", json!({ "uri": at }));
    let hot = |client: &mut Client| client.ask("waitline/hotspots", json!({ "limit": 200 }));
    let lenses = |client: &mut Client| client.lenses(&file);
    let first = (costs(&mut client), hot(&mut client), lenses(&mut client));
    assert_eq!(first.0["metric"], "impact");
    assert_eq!(first.1["counted"], first.1["costly"]);
    let n_lines = text_of(&file).lines().count();
    let parts: Vec<Value> = (0..n_lines)
        .map(|line| client.ask("waitline/site", json!({ "uri": at, "line": line })))
        .map(|site| site["parts"].clone())
        .collect();
    let waits = ["lock", "group", "cond", "chan", "net", "sleep", "gc", "waiting"];
    let mut seen = std::collections::BTreeMap::new();
    for (metric, kinds) in [
        ("block", &waits[..]),
        ("sched", &["runnable"]),
        ("gcAssist", &["assist"]),
        ("syscall", &["syscall"]),
    ] {
        set(&mut client, json!({ "metric": metric }));
        poll(&mut client, metric, |c| costs(c)["metric"] == metric);
        let (now, list) = (costs(&mut client), hot(&mut client));
        crate::lsp_docs::names_all_keys("waitline/lineCosts", &now);
        crate::lsp_docs::names_all_keys("waitline/hotspots", &list);
        let all = list["counted"].as_f64().unwrap();
        let counted = |part: &Value| {
            let idle = part["verdicts"]["idle"].as_f64().unwrap();
            if kinds.contains(&part["kind"].as_str().unwrap()) {
                part["ns"].as_f64().unwrap() - idle
            } else {
                0.0
            }
        };
        let mut hottest = 0;
        for line in now["lines"].as_array().unwrap() {
            let text = line["text"].as_str().unwrap();
            let of = parts[line["line"].as_u64().unwrap() as usize].as_array().unwrap();
            let ns: f64 = of.iter().map(counted).sum();
            let share = if ns < 1e6 { 0.0 } else { ns / all };
            let heat = [0.005, 0.02, 0.05, 0.2].iter().filter(|&&least| share >= least).count();
            let said =
                |kind: &&&str| text.starts_with(**kind) || text.starts_with(&format!("→ {kind}"));
            assert!(
                kinds.iter().any(|kind| said(&kind)) || text.starts_with("idle"),
                "{metric}: {text}"
            );
            // Where hardly anything counts, the line is called by what it mostly waits for.
            if of.iter().all(|part| counted(part) < 1e6) {
                let own = of.iter().filter(|p| kinds.contains(&p["kind"].as_str().unwrap()));
                let most = own.max_by_key(|part| part["ns"].as_i64()).unwrap();
                let kind = most["kind"].as_str().unwrap();
                assert!(said(&&kind) || text.starts_with("idle"), "{metric}: {text}, not {kind}");
            }
            // A line that is mostly idle is dim, however much else of it counts.
            if line["style"] != "idle" {
                assert_eq!(line["heat"].as_u64().unwrap() as usize, heat, "{metric}: {text}");
            }
            hottest = hottest.max(heat);
        }
        let rows = list["lines"].as_array().unwrap();
        let of_file: f64 = rows.iter().map(|row| row["counted"].as_f64().unwrap()).sum();
        assert!(
            of_file <= all && rows.iter().all(|row| kinds.contains(&row["kind"].as_str().unwrap()))
        );
        let order: Vec<i64> = rows.iter().map(|row| row["counted"].as_i64().unwrap()).collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "{metric}: {order:?}");
        seen.insert(metric, (rows.len(), hottest));
    }
    // Something is hot in each of those that this file has.
    assert!(seen["block"].1 == 4 && seen["sched"].1 > 0 && seen["syscall"].1 > 0, "{seen:?}");
    set(&mut client, json!({ "metric": "syscall" }));
    poll(&mut client, "lenses follow", |c| {
        lenses(c)
            .iter()
            .any(|l| l["command"]["title"].as_str().unwrap().contains(" in system calls · "))
    });
    set(&mut client, json!({ "metric": "cost" }));
    client.wait_for("what it may be", |m| {
        m["params"]["message"].as_str().is_some_and(|text| text.contains("impact, block, sched"))
    });
    poll(&mut client, "as before", |c| (costs(c), hot(c), lenses(c)) == first);
    client.end();
}

/// What is said last holds, however close it comes behind another.
#[test]
fn the_last_word_counts() {
    let (file, leak) = leak();
    let mut client = Client::showing(&programs(), &leak);
    until_shown(&mut client, &file);
    let metrics = ["impact", "block", "sched", "gcAssist", "syscall"];
    for i in 0..200 {
        for ahead in 0..4 {
            let metric = metrics[(i + ahead) % metrics.len()];
            let settings = json!({ "waitline": { "metric": metric } });
            client.notify("workspace/didChangeConfiguration", json!({ "settings": settings }));
        }
        let last = metrics[(i + 3) % metrics.len()];
        poll(&mut client, "the last metric", |c| {
            c.ask("waitline/lineCosts", json!({ "uri": super::client::uri(&file) }))["metric"]
                == last
        });
    }
    client.end();
}
