//! The loopback host of the timeline from outside: who may ask, what a peer can take, what stays
//! secret. All of it over plain sockets, so that nothing is sent that a test did not write.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use crate::product::testdata;

mod served;
mod traced;

pub(crate) use served::leads_to;
use served::{LIMIT, Served, read_answer};
use traced::trace_opens;

/// T16: of all combinations of method, path, host, origin, fetch site and token, only those that a
/// page of ours sends are answered; the others get no byte of what the trace holds.
#[test]
fn only_our_page_is_answered() {
    let served = Served::webmix();
    let good = served.session();
    served.info(&good);
    let port = served.port;
    let hosts: Vec<Option<String>> = vec![
        Some(format!("127.0.0.1:{port}")),
        Some(format!("localhost:{port}")),
        Some(format!("[::1]:{port}")),
        Some("127.0.0.1".into()),
        Some(format!("127.0.0.1:{}", port.wrapping_add(1))),
        Some(format!("evil.example:{port}")),
        Some(format!("127.0.0.1.evil.example:{port}")),
        None,
    ];
    let bodies = |path: &str| match path {
        "/session" => json!({ "token": "A".repeat(43) }),
        "/request" => json!({ "method": "waitline/traces", "params": null }),
        "/tile" => json!({ "t0": 0, "t1": 1000, "width": 10, "lanes": ["gc"] }),
        _ => json!({ "uri": "file:///nothing.go", "line": 0, "col": 0 }),
    };
    let (mut rows, mut answered) = (0u32, 0u32);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/", "/session", "/request", "/tile", "/events", "/nothing", "/?a"] {
            for host in &hosts {
                let own = host.as_deref().map(|h| format!("http://{h}"));
                let origins = [None, own.as_deref(), Some("http://evil.example"), Some("null")];
                for origin in origins {
                    for site in [None, Some("same-origin"), Some("cross-site"), Some("same-site")] {
                        for token in [None, Some("B".repeat(43)), Some(good.clone())] {
                            let body = bodies(path).to_string();
                            let line = |name: &str, value: Option<&str>| {
                                value.map(|v| format!("{name}: {v}\r\n")).unwrap_or_default()
                            };
                            let bearer = token.as_deref().map(|t| format!("Bearer {t}"));
                            let request = format!(
                                "{method} {path} HTTP/1.1\r\n{}{}{}{}Content-Type: application/json\r\n\
                                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                                line("Host", host.as_deref()),
                                line("Origin", origin),
                                line("Sec-Fetch-Site", site),
                                line("Authorization", bearer.as_deref()),
                                body.len(),
                            );
                            let answer = served.send(request.as_bytes());
                            let host_is_ours = hosts[..3].contains(host);
                            let no_stranger = (origin.is_none() || origin == own.as_deref())
                                && matches!(site, None | Some("same-origin"));
                            let may = token.as_deref() == Some(&good);
                            let allowed = host_is_ours
                                && no_stranger
                                && match (method, path) {
                                    ("GET" | "HEAD", "/") => true,
                                    ("POST", "/request" | "/tile") | ("GET", "/events") => may,
                                    _ => false,
                                };
                            let is = (200..300).contains(&answer.status);
                            assert_eq!(is, allowed, "{request}\n{answer:?}");
                            if !is {
                                let told = String::from_utf8_lossy(&answer.body);
                                assert!(answer.body.len() < 100, "{request}\n{told}");
                                assert!(!told.contains("webmix"), "{request}\n{told}");
                            }
                            let cors =
                                answer.headers.keys().any(|k| k.starts_with("access-control"));
                            assert!(!cors, "{answer:?}");
                            rows += 1;
                            answered += u32::from(is);
                        }
                    }
                }
            }
        }
    }
    eprintln!("{rows} rows, {answered} answered");
    assert!(rows >= 2000 && answered >= 100, "{rows}, {answered}");
}

/// A person who follows the file that leads here comes from no site that we know; a frame of another
/// page does, too, and is refused.
#[test]
fn the_page_itself_may_be_gone_to_but_not_framed() {
    let served = Served::webmix();
    for (mode, dest, want) in [
        ("navigate", "document", 200),
        ("navigate", "iframe", 403),
        ("no-cors", "script", 403),
        ("cors", "empty", 403),
    ] {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nSec-Fetch-Site: cross-site\r\n\
             Sec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\nConnection: close\r\n\r\n",
            served.port
        );
        let answer = served.send(request.as_bytes());
        assert_eq!(answer.status, want, "{mode} {dest}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.headers.get(name).map(String::as_str), Some(value), "{name}");
        }
        let policy = &answer.headers["content-security-policy"];
        for part in [
            "default-src 'none'",
            "script-src 'sha256-",
            "style-src 'sha256-",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

/// DNS rebinding, in a real browser: a name of somebody's own that leads to this machine gets
/// nothing, and the file that a person follows gets the page.
#[test]
fn a_name_that_leads_here_leads_nowhere() {
    let served = Served::webmix();
    // Each time with a profile of its own: where another one still has it, a browser hands the page over to that.
    let asked = |url: &str| {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
        command.arg("--host-resolver-rules=MAP evil.example 127.0.0.1");
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg("--virtual-time-budget=2000").arg(url);
        let out = command.stdin(Stdio::null()).output().ok()?;
        Some(String::from_utf8_lossy(&out.stdout).into_owned())
    };
    // One that prints nothing at all has not told what it saw: it is asked again, twice.
    let seen = |url: &str| {
        let is_told = |page: &Option<String>| page.as_ref().is_none_or(|page| !page.is_empty());
        (0..3).map(|_| asked(url)).find(is_told).unwrap_or_else(|| Some(String::new()))
    };
    let Some(evil) = seen(&format!("http://evil.example:{}/", served.port)) else {
        eprintln!("not run: DNS rebinding (there is no chromium on PATH)");
        return;
    };
    assert!(evil.contains("Misdirected Request") && !evil.contains("<title>"), "{evil}");
    let ours = seen(&format!("file://{}", served.file.display())).unwrap();
    assert!(ours.contains("<title>Waitline"), "{ours}");
}

/// Two hosts, an absolute address, two tokens, other bodies: what is odd is refused.
#[test]
fn odd_requests_are_refused() {
    let served = Served::webmix();
    let session = served.session();
    let port = served.port;
    let own = format!("Host: 127.0.0.1:{port}\r\n");
    let auth = format!("Authorization: Bearer {session}\r\n");
    let json = "Content-Type: application/json\r\n";
    let body = r#"{"method":"waitline/traces"}"#;
    let post = |headers: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "POST /request HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        served.send(head.as_bytes()).status
    };
    assert_eq!(post(&format!("{own}{auth}{json}"), body), 200);
    let other = format!("{own}{auth}Content-Type: application/json; charset=utf-8\r\n");
    assert_eq!(post(&other, body), 200);
    for (headers, body, want) in [
        (format!("{own}Host: evil.example\r\n{auth}{json}"), body, vec![400, 421]),
        (format!("{own}{auth}{auth}{json}"), body, vec![401]),
        (format!("{own}{auth}"), body, vec![415]),
        (format!("{own}{auth}Content-Type: text/plain\r\n"), body, vec![415]),
        (
            format!("{own}{auth}Content-Type: application/x-www-form-urlencoded\r\n"),
            body,
            vec![415],
        ),
        (format!("{own}{auth}{json}Origin: null\r\n"), body, vec![403]),
        (format!("{own}{auth}{json}Origin: http://127.0.0.1\r\n"), body, vec![403]),
        (format!("{own}{auth}{json}Origin: https://127.0.0.1:{port}\r\n"), body, vec![403]),
        (format!("{own}{auth}{json}"), "{", vec![400]),
        (format!("{own}{auth}{json}"), "[1,2]", vec![400]),
        (format!("{own}{auth}{json}"), "\"a\"", vec![400]),
    ] {
        let status = post(&headers, body);
        assert!(want.contains(&status), "{headers}{body}: {status}");
    }
    let absolute = format!("GET http://evil.example/ HTTP/1.1\r\n{own}Connection: close\r\n\r\n");
    assert!([400, 421].contains(&served.send(absolute.as_bytes()).status));
    // What the page may not ask.
    for method in ["waitline/load", "waitline/unload", "waitline/silence", "shutdown", ""] {
        let params = json!({ "trace": "/etc/passwd" });
        let answer =
            served.post("/request", Some(&session), &json!({ "method": method, "params": params }));
        assert_eq!(answer.json()["error"]["code"], -32601, "{method}");
    }
}

/// T17: idle connections, slow heads, large bodies, a reader that does not read: a page of ours is
/// answered meanwhile, and what they took is given back.
#[test]
fn peers_that_take_their_time_take_nobody_elses() {
    let served = Served::webmix();
    let session = served.session();
    let info = served.info(&session);
    let before = served.memory();
    let idle: Vec<TcpStream> = (0..1000).map(|_| served.connect()).collect();
    let started = Instant::now();
    let mut worst = Duration::ZERO;
    for _ in 0..20 {
        let from = Instant::now();
        served.ask(&session, "waitline/timelineAt", json!({ "t": 1000 }));
        worst = worst.max(from.elapsed());
    }
    let grown = served.memory().saturating_sub(before);
    eprintln!("1000 idle: a good client waits {worst:?} at most, memory +{} KiB", grown >> 10);
    assert!(worst < Duration::from_secs(2), "{worst:?}");
    assert!(grown < 64 << 20, "{grown}");
    let mut closed = 0;
    for mut stream in idle {
        closed += u32::from(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    }
    assert_eq!(closed, 1000);
    eprintln!("all idle ones were closed after {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    // A byte a second keeps no connection.
    let mut slow: Vec<TcpStream> = (0..20).map(|_| served.connect()).collect();
    for stream in &mut slow {
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: ");
    }
    let trickle = Instant::now();
    let mut open: Vec<TcpStream> = slow;
    while !open.is_empty() {
        assert!(trickle.elapsed() < Duration::from_secs(12), "{} are still open", open.len());
        std::thread::sleep(Duration::from_secs(1));
        open.retain_mut(|stream| {
            stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            let ends = stream.read(&mut [0; 256]).is_ok();
            !ends && stream.write_all(b"a").is_ok()
        });
    }
    eprintln!("slow heads were closed after {:?}", trickle.elapsed());
    // Heads and bodies that are too large.
    let big_head = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX: {}\r\n\r\n",
        served.port,
        "a".repeat(64 << 10)
    );
    let mut stream = served.connect();
    let _ = stream.write_all(big_head.as_bytes());
    let status = read_answer(&mut stream).map(|a| a.status);
    assert!(matches!(status, None | Some(431 | 400)), "{status:?}");
    let head = format!(
        "POST /request HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {session}\r\n",
        served.port
    );
    let declared = served.send(format!("{head}Content-Length: 1073741824\r\n\r\n{{").as_bytes());
    assert_eq!(declared.status, 413);
    let mut stream = served.connect();
    let _ = stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes());
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..64 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    let status = read_answer(&mut stream).map(|a| a.status);
    assert!(matches!(status, None | Some(413)), "{status:?}");

    // A reader that reads nothing of many tiles is let go.
    let lanes: Vec<Value> =
        info["groups"].as_array().unwrap().iter().map(|g| g["lane"].clone()).collect();
    let body =
        json!({ "t0": 0, "t1": info["duration"], "width": 2000, "lanes": lanes }).to_string();
    let request = format!(
        "POST /tile HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {session}\r\nContent-Length: {}\r\n\r\n{body}",
        served.port,
        body.len()
    );
    let stream = served.connect();
    let from = Instant::now();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut sent = 0;
    let mut gone = false;
    while from.elapsed() < Duration::from_secs(30) && !gone {
        match (&stream).write_all(request.as_bytes()) {
            Ok(()) => sent += 1,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => gone = true,
        }
        if sent > 64 {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    eprintln!("a reader that does not read was let go after {:?}", from.elapsed());
    assert!(gone, "still there after {sent} requests");
    let grown = served.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown}");
}

/// T18: there is one page and no other file, however a path is written; and a click opens nothing but
/// a source of the trace.
#[test]
fn no_path_leads_to_a_file() {
    let served = Served::webmix();
    let session = served.session();
    served.info(&session);
    let traced = trace_opens(&served);
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut below = |n: usize| rand_below(&mut random, n);
    let parts = [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        "etc",
        "passwd",
        "proc",
        "self",
        "mem",
        "timeline.html",
        "%00",
        "%5c",
        "\\",
        "..\\",
        "C:",
        "//",
        "~",
        "index.html",
        "%252e",
        ";",
        "a%0d%0a",
        "?",
        "@",
        "dist",
        "%c0%ae",
        "%u002e",
    ];
    let mut stream = served.connect();
    let (mut paths, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let mut path = String::new();
        for _ in 0..=below(6) {
            path.push('/');
            path.push_str(parts[below(parts.len())]);
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", served.port);
        let answer =
            match stream.write_all(request.as_bytes()).ok().and_then(|()| read_answer(&mut stream))
            {
                Some(answer) => answer,
                None => {
                    // A path that is no address ends the connection.
                    stream = served.connect();
                    refused += 1;
                    paths += 1;
                    continue;
                }
            };
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        refused += 1;
        paths += 1;
    }
    assert_eq!(refused, paths);
    let outside = [
        "file:///etc/passwd",
        "file:///proc/self/mem",
        "file:///proc/self/environ",
        "file:///dev/zero",
        "file:////evil/share/a.go",
        "file://evil/share/a.go",
        "file:///a%00.go",
        "file:///C:/a.go",
        "file:///%2e%2e/%2e%2e/etc/passwd",
        "http://evil.example/a.go",
        "command:evil",
        "javascript:1",
        "file:",
        "",
        "file:///tmp/../etc/passwd",
        "vscode://file/etc/passwd",
        "file:///etc/shadow.go",
    ];
    let mut uris = 0;
    for i in 0..500 {
        let uri = match i % 3 {
            0 => outside[below(outside.len())].to_owned(),
            1 => format!(
                "file://{}/../{}",
                testdata("programs/webmix").display(),
                parts[below(parts.len())]
            ),
            _ => {
                format!("file:///{}/{}/x.go", parts[below(parts.len())], parts[below(parts.len())])
            }
        };
        let place = json!({ "uri": uri, "line": 1, "col": 0, "focus": true });
        let opened = served.post("/open", Some(&session), &place);
        assert_eq!(opened.status, 400, "{uri}: {opened:?}");
        let body = json!({ "method": "waitline/timelineInstances", "params": place });
        let answer = served.post("/request", Some(&session), &body).json();
        assert!(answer.get("error").is_some() || answer["result"].is_null(), "{uri}: {answer}");
        uris += 1;
    }
    eprintln!("{paths} paths, {uris} addresses of files");
    match traced {
        Some(traced) => {
            let opened = traced.opened();
            eprintln!("{} files were opened meanwhile", opened.len());
            let odd: Vec<_> = opened.iter().filter(|o| !o.contains("/proc/self/task")).collect();
            assert!(odd.is_empty(), "{odd:?}");
        }
        None => {
            eprintln!("not looked at: which files were opened (there is no strace that may look)")
        }
    }
}

fn rand_below(random: &mut TestRng, n: usize) -> usize {
    use proptest::prelude::Rng;
    (random.next_u64() % n as u64) as usize
}

/// T20: a token is good once, and stands nowhere that others can see.
#[test]
fn tokens_are_good_once_and_stay_secret() {
    let mut served = Served::webmix();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&served.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its owner may read the file");
    }
    let ticket = served.ticket.clone();
    let session = served.session();
    assert_ne!(ticket, session);
    let again = served.post("/session", None, &json!({ "token": ticket }));
    assert_eq!(again.status, 401, "the second use of a ticket");
    // The file itself leads to another one at once: it may be opened again.
    let from = std::time::Instant::now();
    let next = loop {
        let text = std::fs::read_to_string(&served.file).unwrap();
        if text.contains("#token=") && !text.contains(&ticket) {
            break leads_to(&served.file).1;
        }
        assert!(from.elapsed() < LIMIT, "the file leads to a page that is used up");
        std::thread::yield_now();
    };
    let next = served.post("/session", None, &json!({ "token": next }));
    assert_eq!(next.status, 200, "opened again");
    let as_session =
        served.post("/request", Some(&ticket), &json!({ "method": "waitline/traces" }));
    assert_eq!(as_session.status, 401, "a ticket is no session");
    assert_eq!(served.post("/session", None, &json!({ "token": session })).status, 401);
    for wrong in ["", "A", &"A".repeat(43), &session[..42], &format!("{session}A")] {
        let answer = served.post("/request", Some(wrong), &json!({ "method": "waitline/traces" }));
        assert_eq!(answer.status, 401, "{wrong}");
    }
    let page = served.send(
        format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", served.port)
            .as_bytes(),
    );
    let answered = served.post("/request", Some(&session), &json!({ "method": "waitline/traces" }));
    for answer in [&page, &answered] {
        let all = format!("{:?}{}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(!all.contains(&ticket) && !all.contains(&session), "an answer has a token");
    }
    let mut processes = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Ok(command) = std::fs::read(entry.path().join("cmdline")) {
            let command = String::from_utf8_lossy(&command).into_owned();
            assert!(!command.contains(&ticket) && !command.contains(&session), "{command}");
            processes += 1;
        }
    }
    let _ = served.child.kill();
    let log = served.log.recv_timeout(LIMIT).unwrap();
    assert!(!log.contains(&ticket) && !log.contains(&session), "{log}");
    eprintln!("{processes} processes, 2 answers, the log");
    assert!(!cfg!(target_os = "linux") || processes > 0);
}

/// What the page asks is answered as the editor's requests are, and tiles come as octets.
#[test]
fn the_page_gets_what_an_editor_gets() {
    let served = Served::webmix();
    let session = served.session();
    let info = served.info(&session);
    assert_eq!(info["duration"], 85_688_065);
    let groups = info["groups"].as_array().unwrap();
    assert!(groups.len() > 10);
    let rows = served.ask(&session, "waitline/timelineRows", json!({ "group": groups[0]["id"] }));
    assert_eq!(rows["of"], rows["rows"].as_array().unwrap().len());
    let lanes: Vec<&str> =
        rows["rows"].as_array().unwrap().iter().map(|r| r["lane"].as_str().unwrap()).collect();
    let key = json!({ "analysis": info["analysis"], "t0": 0, "t1": info["duration"], "width": 800, "lanes": lanes });
    let tile = served.post("/tile", Some(&session), &key);
    assert_eq!((tile.status, &tile.body[..4]), (200, &b"WLT2"[..]));
    let number = |at: usize| u32::from_le_bytes(tile.body[at..at + 4].try_into().unwrap());
    assert_eq!(number(28) as usize, lanes.len());
    assert!(number(36) > 10, "the first lane has rects");
    let place =
        json!({ "uri": groups[0]["uri"], "line": groups[0]["line"], "col": 0, "focus": false });
    let opened = served.post("/open", Some(&session), &place);
    assert_eq!(opened.json()["opened"], false, "there is no editor");
    assert!(opened.json()["place"].as_str().unwrap().ends_with("main.go:71"), "{opened:?}");
    // An event as soon as the page listens, and another for the range.
    let mut stream = served.connect();
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: Bearer {session}\r\n\r\n",
        served.port
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut event = |name: &str| {
        let is = |line: &String| line.contains(&format!("\"event\":\"{name}\""));
        let line = lines.find(is).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["payload"].clone()
    };
    assert_eq!(event("state")["duration"], info["duration"]);
    served.ask(&session, "waitline/setRange", json!({ "t0": 1000, "t1": 2000 }));
    assert_eq!(event("range"), json!({ "t0": 1000, "t1": 2000 }));
    assert_eq!(event("state")["range"]["t0"], 1000);
}

/// A port that is named is the one, and one that is taken is said to be.
#[test]
fn a_port_can_be_named() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (trace, workspace) = (testdata("traces/g126/webmix.trace"), testdata("programs/webmix"));
    let served = Served::start_with(&trace, &workspace, &["--port", &port.to_string()]);
    assert_eq!(served.port, port);
    served.info(&served.session());
    let second = Command::new(crate::product::binary())
        .args(["timeline", "--no-open", "--port", &port.to_string()])
        .arg(&trace)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    assert!(said.contains(&format!("port {port} of this machine")), "{said}");
}
