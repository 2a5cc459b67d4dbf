//! Goroutines, regions, tasks, utilization and profiles through the protocol: equal to the answers
//! of Go's packages for the whole trace, and to each other for parts of it.

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::{Value, json};

use super::client::Client;
use super::judged::{int, list, webmix};
use super::{programs, trace};
use crate::answers::{Answered, answer_to};
use crate::lsp_docs::names_all_keys;

fn ask(client: &mut Client, method: &str, params: Value) -> Value {
    let answer = client.ask(method, params);
    let mut known = answer.clone();
    // Reasons are the runtime's words.
    forget(&mut known, "block");
    names_all_keys(method, &known);
    answer
}

fn forget(value: &mut Value, key: &str) {
    match value {
        Value::Object(members) => {
            if members
                .get(key)
                .is_some_and(|m| !m.as_object().is_some_and(|m| m.contains_key("p50")))
            {
                members.remove(key);
            }
            members.values_mut().for_each(|member| forget(member, key));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, key)),
        _ => {}
    }
}

fn answer() -> Answered {
    answer_to(&trace("g126/webmix")).unwrap()
}

fn column(row: &Value, name: &str) -> i64 {
    int(&row["columns"], name)
}

#[test]
fn goroutines_by_function_and_one_by_one() {
    let (mut client, _) = webmix();
    let all = ask(&mut client, "waitline/goroutineTable", json!({ "system": true, "limit": 1000 }));
    let mut want: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let answer = answer();
    for g in answer.list("goroutines") {
        let sum = want.entry(g["name"].as_str().unwrap()).or_default();
        *sum = (sum.0 + 1, sum.1 + int(g, "exec"));
    }
    let rows = list(&all, "functions");
    let have: BTreeMap<&str, (i64, i64)> = rows
        .iter()
        .map(|f| (f["func"].as_str().unwrap(), (int(f, "n"), int(&f["columns"]["exec"], "sum"))))
        .collect();
    assert_eq!(have, want);
    assert_eq!(int(&all, "goroutines"), want.values().map(|w| w.0).sum::<i64>());
    for f in rows {
        let exec = &f["columns"]["exec"];
        let in_order = ["min", "p50", "p90", "p99", "max"].map(|key| int(exec, key));
        assert!(in_order.is_sorted() && int(exec, "mean") <= int(exec, "max"), "{f}");
    }
    let few = ask(&mut client, "waitline/goroutineTable", json!({ "limit": 3, "sort": "net" }));
    assert!(int(&few, "of") < int(&all, "of"), "the runtime's own are left out");
    assert_eq!(list(&few, "functions")[0]["func"], "net/http.(*persistConn).readLoop");

    let func = "main.(*server).report.func1";
    let params = json!({ "func": func, "sort": "schedWait", "limit": 5, "offset": 2 });
    let page = ask(&mut client, "waitline/goroutineTable", params);
    let mut waits: Vec<i64> = answer
        .list("goroutines")
        .iter()
        .filter(|g| g["name"] == func)
        .map(|g| int(g, "sched_wait"))
        .collect();
    waits.sort_by_key(|ns| -ns);
    assert_eq!(int(&page, "of"), waits.len() as i64);
    let have: Vec<i64> = list(&page, "goroutines").iter().map(|g| column(g, "schedWait")).collect();
    assert_eq!(have, waits[2..7]);
    let params = json!({ "func": func, "sort": "schedWait", "limit": 1, "ascending": true });
    let least = ask(&mut client, "waitline/goroutineTable", params);
    assert_eq!(column(&list(&least, "goroutines")[0], "schedWait"), *waits.last().unwrap());

    let one = &answer.list("goroutines").iter().find(|g| g["name"] == "main.main").unwrap();
    let g = ask(&mut client, "waitline/goroutineTable", json!({ "filter": { "g": one["id"] } }));
    assert_eq!(list(&g, "goroutines").len(), 1);
    assert_eq!(list(&g, "goroutines")[0]["g"], one["id"]);
    client.end();
}

/// Cut in two, the parts add up to the whole; and so they do for each column.
#[test]
fn parts_of_a_trace_add_up() {
    let (mut client, _) = webmix();
    let mut sums = |filter: Value| {
        let params = json!({ "filter": filter, "system": true, "limit": 1000 });
        let answer = ask(&mut client, "waitline/goroutineTable", params);
        let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
        for f in list(&answer, "functions") {
            for (name, spread) in f["columns"].as_object().unwrap() {
                if name != "sweep" && name != "unknown" {
                    let key = (f["func"].as_str().unwrap().to_owned(), name.clone());
                    *sums.entry(key).or_default() += int(spread, "sum");
                }
            }
        }
        sums.retain(|_, ns| *ns != 0);
        sums
    };
    let whole = sums(json!({}));
    let middle = 41_234_567;
    let mut parts = sums(json!({ "t0": 0, "t1": middle }));
    for (key, ns) in sums(json!({ "t0": middle, "t1": 1_000_000_000 })) {
        *parts.entry(key).or_default() += ns;
    }
    assert_eq!(parts, whole);
    client.end();
}

#[test]
fn regions_and_tasks_with_their_places_and_messages() {
    let (mut client, _) = webmix();
    let answer = answer();
    let groups = ask(&mut client, "waitline/regionTable", json!({}));
    for group in list(&groups, "groups") {
        let of: Vec<&Value> =
            answer.list("regions").iter().filter(|r| r["name"] == group["name"]).collect();
        let same_name = list(&groups, "groups").iter().filter(|g| g["name"] == group["name"]);
        let n: i64 = same_name.clone().map(|g| int(g, "complete") + int(g, "cut")).sum();
        let ns: i64 = same_name.map(|g| int(&g["durations"], "sum")).sum();
        assert_eq!(n, of.len() as i64, "{group}");
        assert_eq!(ns, of.iter().map(|r| int(r, "duration")).sum::<i64>(), "{group}");
        let counted: i64 = list(group, "histogram").iter().map(|part| int(part, "n")).sum();
        assert_eq!(counted, int(group, "complete"));
    }
    // `main.region` opens them for its callers.
    let db = list(&groups, "groups").iter().find(|g| g["name"] == "db").unwrap();
    assert_eq!(
        (&db["place"]["line"], &db["place"]["func"]),
        (&json!(69), &json!("main.(*server).order"))
    );
    let params = json!({ "name": "db", "limit": 2 });
    let longest = ask(&mut client, "waitline/regionTable", params);
    let first = &list(&longest, "regions")[0];
    assert_eq!(int(first, "duration"), int(&db["durations"], "max"));
    let parts: i64 = ["exec", "schedWait", "block", "syscall", "syscallBlock", "unknown"]
        .iter()
        .map(|name| column(first, name))
        .sum();
    assert_eq!(parts, column(first, "total"));

    let tasks = ask(&mut client, "waitline/taskTable", json!({ "name": "order", "limit": 3 }));
    assert_eq!(int(&tasks, "of"), 412);
    let task = &list(&tasks, "tasks")[0];
    assert!(int(task, "duration") >= column(task, "total"), "{task}");
    let whole = ask(&mut client, "waitline/taskTable", json!({ "id": task["id"] }));
    assert_eq!(list(&whole, "regions").len() as i64, int(task, "regions"));
    let of_task = json!({ "filter": { "task": task["id"] } });
    let groups = ask(&mut client, "waitline/regionTable", of_task);
    let n: i64 = list(&groups, "groups").iter().map(|g| int(g, "complete")).sum();
    assert_eq!(n, int(task, "regions"));
    // What its goroutine did meanwhile is what its regions tell.
    let of_g = json!({ "filter": { "task": task["id"], "g": task["g"] } });
    let during = ask(&mut client, "waitline/goroutineTable", of_g);
    let row = &list(&during, "goroutines")[0];
    for name in ["exec", "schedWait", "chan", "net", "total"] {
        assert_eq!(column(row, name), column(task, name), "{name}: {during}");
    }
    assert!(ask(&mut client, "waitline/taskTable", json!({ "id": 999_999 }))["task"].is_null());
    client.end();

    let mut client = Client::showing(&programs(), &trace("g126/annot"));
    let with_log = ask(&mut client, "waitline/taskTable", json!({ "log": "mixed" }));
    assert!(int(&with_log, "of") > 1);
    let id = &list(&with_log, "tasks")[0]["id"];
    let whole = ask(&mut client, "waitline/taskTable", json!({ "id": id }));
    assert!(list(&whole, "messages").iter().any(|m| m["message"] == "mixed"), "{whole}");
    let cut = ask(&mut client, "waitline/taskTable", json!({ "complete": false }));
    let n: i64 = list(&cut, "groups").iter().map(|g| int(g, "complete")).sum();
    assert_eq!(n, 0, "{cut}");
    client.end();
}

#[test]
fn utilization_with_its_worst_windows() {
    let (mut client, _) = webmix();
    let params = json!({ "windows": [10_000, 1_000_000, 10_000_000], "quantiles": [0, 0.5, 1] });
    let mmu = ask(&mut client, "waitline/mmu", params);
    let as_go: Vec<f64> = list(&mmu, "curve").iter().map(|p| p["asGo"].as_f64().unwrap()).collect();
    for (have, want) in as_go.iter().zip([0.0, 0.743424, 0.9743424]) {
        assert!((have - want).abs() < 1e-9);
    }
    for point in list(&mmu, "curve") {
        let shares: Vec<f64> =
            list(point, "quantiles").iter().map(|q| q.as_f64().unwrap()).collect();
        assert!(shares.is_sorted() && (shares[0] - point["mmu"].as_f64().unwrap()).abs() < 1e-9);
    }
    let worst = &list(&mmu, "worst")[0];
    assert_eq!(worst["mmu"], list(&mmu, "curve")[1]["mmu"]);
    assert_eq!(list(&mmu, "collections").len(), 2);
    assert!(list(&mmu, "collections").iter().all(|c| int(c, "goal") > 1 << 20), "{mmu}");

    let usual = ask(&mut client, "waitline/mmu", json!({}));
    let curve = list(&usual, "curve");
    assert!(curve.len() > 90 && int(curve.last().unwrap(), "window") == int(&usual, "duration"));
    // Between the collections the program has all.
    let filter = json!({ "filter": { "t0": 30_000_000, "t1": 60_000_000 } });
    let between = ask(&mut client, "waitline/mmu", filter);
    assert!(list(&between, "curve").iter().all(|p| p["mmu"] == 1.0), "{between}");
    assert!(list(&between, "worst").is_empty() && list(&between, "collections").is_empty());
    client.end();
}

#[test]
fn profiles_as_lines_as_a_graph_and_as_a_file() {
    let (mut client, _) = webmix();
    let answer = answer();
    for kind in ["net", "sync", "syscall", "sched"] {
        let want = answer.profile(kind);
        let n: i64 = want.values().map(|v| v.0).sum();
        let ns: i64 = want.values().map(|v| v.1).sum();
        for by in ["leaf", "here", "under"] {
            let params = json!({ "type": kind, "by": by, "limit": 1000 });
            let profile = ask(&mut client, "waitline/profile", params);
            assert_eq!((int(&profile, "n"), int(&profile, "ns")), (n, ns), "{kind}");
            let sum: i64 = list(&profile, "rows").iter().map(|row| int(row, "ns")).sum();
            assert!(if by == "under" { sum >= ns } else { sum == ns }, "{kind} {by}: {sum} {ns}");
            check_tree(&profile["tree"], list(&profile, "frames").len() as i64);
        }
        let file = ask(&mut client, "waitline/pprof", json!({ "type": kind }));
        let data = file["data"].as_str().unwrap();
        let data = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        assert_eq!(crate::profile::read(&data).stacks, want, "{kind}");
    }
    // Halves add up, but for spans that are cut: they count in both.
    for kind in ["waits", "offcpu", "sched-own", "running", "assist"] {
        let mut sum = |filter: Value| {
            let params = json!({ "type": kind, "filter": filter, "open": true });
            let profile = ask(&mut client, "waitline/profile", params);
            (int(&profile, "n"), int(&profile, "ns"))
        };
        let whole = sum(json!({}));
        let (a, b) = (sum(json!({ "t1": 40_000_000 })), sum(json!({ "t0": 40_000_000 })));
        assert!(whole.1 > 0 && a.1 + b.1 == whole.1, "{kind}: {a:?} + {b:?} is not {whole:?}");
        assert!(a.0 + b.0 >= whole.0, "{kind}: {a:?} {b:?} {whole:?}");
    }
    let params = json!({ "type": "waits", "filter": { "func": "main.serveDB" } });
    let of_func = ask(&mut client, "waitline/profile", params);
    let roots: Vec<&Value> = list(&of_func["tree"], "children").iter().collect();
    let frames = list(&of_func, "frames");
    for root in roots {
        assert_eq!(frames[int(root, "frame") as usize]["func"], "main.serveDB");
    }
    let params = json!({ "type": "waits", "filter": { "region": "db" } });
    let in_region = ask(&mut client, "waitline/profile", params);
    let row = &list(&in_region, "rows")[0];
    assert!(row["own"] == true && row["recorded"] == 70, "the pool is waited for: {row}");
    client.end();
}

/// Against the regions and tasks that Go's packages tell.
#[test]
fn regions_and_tasks_of_a_length_and_of_a_place() {
    let (mut client, _) = webmix();
    let answer = answer();
    let of_length = |kind: &str, name: &str, least: i64, most: i64| -> Vec<i64> {
        let is = |v: &&Value| v["name"] == name;
        let ns = |v: &Value| v["end"].as_i64().unwrap() - v["start"].as_i64().unwrap();
        let all = answer.list(kind).iter().filter(is).map(ns);
        all.filter(|ns| (least..=most).contains(ns)).collect()
    };
    for (least, most) in [(0, 300_000), (300_001, 1_000_000), (1_000_001, i64::MAX)] {
        let want = of_length("regions", "db", least, most);
        let mut filter = json!({ "region": "db", "minNs": least });
        let mut listed = json!({ "name": "db", "minNs": least });
        if most < i64::MAX {
            (filter["maxNs"], listed["maxNs"]) = (most.into(), most.into());
        }
        let table = ask(&mut client, "waitline/regionTable", listed);
        assert_eq!(int(&table, "of"), want.len() as i64, "{least} {most}");
        let params = json!({ "filter": filter, "system": true, "limit": 1000 });
        let table = ask(&mut client, "waitline/goroutineTable", params);
        let total: i64 = list(&table, "functions")
            .iter()
            .map(|f| f["columns"]["total"]["sum"].as_i64().unwrap())
            .sum();
        assert_eq!(total, want.iter().sum::<i64>(), "{least} {most}");
        let want = of_length("tasks", "order", least, most);
        let params = json!({ "name": "order", "minNs": least, "maxNs": most });
        let table = ask(&mut client, "waitline/taskTable", params);
        assert_eq!(int(&table, "of"), want.len() as i64, "{least} {most}");
    }
    // The tasks of a type, and their parts, are as many as they are one by one.
    let longest = json!({ "name": "order", "limit": 3 });
    let longest = ask(&mut client, "waitline/taskTable", longest);
    let shortest_of_three = int(&list(&longest, "tasks")[2], "duration");
    let mut profile = |filter: Value| {
        let params = json!({ "type": "offcpu", "open": true, "filter": filter });
        int(&ask(&mut client, "waitline/profile", params), "ns")
    };
    let one_by_one: i64 =
        list(&longest, "tasks").iter().map(|task| profile(json!({ "task": task["id"] }))).sum();
    let together = profile(json!({ "tasks": "order", "minNs": shortest_of_three }));
    assert!(one_by_one > 0 && one_by_one == together, "{one_by_one} {together}");
    // Each region has one place: the places of all come to all.
    let groups = ask(&mut client, "waitline/regionTable", json!({ "limit": 1000 }));
    for group in list(&groups, "groups") {
        let params = json!({ "name": group["name"], "site": group["site"] });
        let of_place = ask(&mut client, "waitline/regionTable", params);
        assert_eq!(int(&of_place, "of"), int(group, "complete") + int(group, "cut"), "{group}");
        let filter = json!({ "region": group["name"], "site": group["site"] });
        let params = json!({ "type": "offcpu", "open": true, "filter": filter });
        let columns = ["schedWait", "block", "syscall", "syscallBlock"];
        let want: i64 = columns.iter().map(|name| column(group, name)).sum();
        assert_eq!(int(&ask(&mut client, "waitline/profile", params), "ns"), want, "{group}");
    }
    client.end();
}

/// Children come to what their parent has, at most.
fn check_tree(node: &Value, frames: i64) {
    let children = node["children"].as_array().map_or(&[][..], Vec::as_slice);
    let sum: i64 = children.iter().map(|c| int(c, "ns")).sum();
    assert!(sum <= int(node, "ns"), "{node}");
    for child in children {
        assert!((0..frames).contains(&int(child, "frame")));
        check_tree(child, frames);
    }
}

#[test]
fn a_range_narrows_them_and_odd_parameters_are_told() {
    let (mut client, _) = webmix();
    client.ask("waitline/setRange", json!({ "t0": 20_000_000, "t1": 40_000_000 }));
    let in_range = ask(&mut client, "waitline/goroutineTable", json!({ "func": "main.main" }));
    assert_eq!(column(&list(&in_range, "goroutines")[0], "total"), 20_000_000);
    let params = json!({ "func": "main.main", "filter": { "t0": 0, "t1": 10_000_000 } });
    let named = ask(&mut client, "waitline/goroutineTable", params);
    assert_eq!(column(&list(&named, "goroutines")[0], "total"), 10_000_000);
    for (method, params) in [
        ("waitline/goroutineTable", json!({ "sort": "cost" })),
        ("waitline/goroutineTable", json!({ "filter": { "t0": 9, "t1": 3 } })),
        ("waitline/goroutineTable", json!({ "filter": { "group": "17" } })),
        ("waitline/regionTable", json!({ "name": 3 })),
        ("waitline/regionTable", json!({ "minNs": "1ms" })),
        ("waitline/profile", json!({ "type": "net", "filter": { "minNs": 9, "maxNs": 3 } })),
        ("waitline/profile", json!({ "type": "net", "filter": { "site": -1 } })),
        ("waitline/taskTable", json!({ "id": -1 })),
        ("waitline/mmu", json!({ "flags": ["gc"] })),
        ("waitline/mmu", json!({ "windows": [0] })),
        ("waitline/profile", json!({})),
        ("waitline/profile", json!({ "type": "net", "by": "stack" })),
        ("waitline/pprof", json!({ "type": "heap" })),
    ] {
        let error = client.try_ask(method, params.clone()).unwrap_err();
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
    }
    let nobody = json!({ "filter": { "func": "main.nobody" } });
    assert_eq!(ask(&mut client, "waitline/goroutineTable", nobody)["of"], 0);
    client.ask("waitline/unload", Value::Null);
    assert!(client.ask("waitline/mmu", json!({})).is_null());
    client.end();
}
