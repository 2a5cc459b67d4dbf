//! A page's server, run from a shell, and a client of it that sends what it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::product::{program, testdata};

/// Longer than any answer takes on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// A server of a page, run from a shell.
pub(crate) struct Served {
    pub(super) child: Child,
    pub(super) file: PathBuf,
    pub(crate) port: u16,
    pub(super) ticket: String,
    pub(super) log: std::sync::mpsc::Receiver<String>,
}

/// An answer, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The address that a file leads to: its port and its token.
pub(crate) fn leads_to(file: &Path) -> (u16, String) {
    let text = std::fs::read_to_string(file).unwrap();
    let at = text.find("http://127.0.0.1:").expect("an address of this machine");
    let rest = &text[at + "http://127.0.0.1:".len()..];
    let (port, rest) = rest.split_once("/#token=").unwrap();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).unwrap();
    (port.parse().unwrap(), rest[..end].to_owned())
}

impl Served {
    pub(crate) fn start(trace: &Path, workspace: &Path) -> Served {
        Served::start_with(trace, workspace, &[])
    }

    pub(crate) fn start_with(trace: &Path, workspace: &Path, more: &[&str]) -> Served {
        let mut child = program()
            .args(["timeline", "--no-open", "--workspace"])
            .arg(workspace)
            .args(more)
            .arg(trace)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let file = PathBuf::from(line.trim());
        let (port, ticket) = leads_to(&file);
        let (send, log) = std::sync::mpsc::channel();
        let mut err = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut all = line;
            let _ = err.read_to_string(&mut all);
            let _ = out.read_to_string(&mut all);
            let _ = send.send(all);
        });
        Served { child, file, port, ticket, log }
    }

    pub(crate) fn webmix() -> Served {
        let trace = testdata("traces/g126/webmix.trace");
        Served::start(&trace, &testdata("programs/webmix"))
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Sends bytes on a connection of their own and reads the answer to its end, or, of a stream
    /// without end, its head.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        read_answer(&mut stream).expect("an answer")
    }

    /// A request as our page makes it.
    pub(crate) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let body = body.to_string();
        let token = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             {token}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        );
        self.send(head.as_bytes())
    }

    /// Exchanges the ticket for a session.
    pub(crate) fn session(&self) -> String {
        session(self, &self.ticket)
    }

    /// A `waitline/...` request that must be answered.
    pub(crate) fn ask(&self, session: &str, method: &str, params: Value) -> Value {
        let body = json!({ "method": method, "params": params });
        let answer = self.post("/request", Some(session), &body);
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
        let answer = answer.json();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// `timelineInfo`, once the index is there.
    pub(crate) fn info(&self, session: &str) -> Value {
        let from = Instant::now();
        loop {
            let info = self.ask(session, "waitline/timelineInfo", Value::Null);
            if info["ready"] == true {
                return info;
            }
            assert!(from.elapsed() < LIMIT, "{info}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

fn session(served: &Served, ticket: &str) -> String {
    let answer = served.post("/session", None, &json!({ "token": ticket }));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["session"].as_str().unwrap().to_owned()
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// One answer; `None` where the connection ends first.
pub(super) fn read_answer(stream: &mut impl Read) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = text
        .lines()
        .skip(1)
        .filter_map(|l| l.split_once(": "))
        .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
        .collect();
    let mut body = bytes[head..].to_vec();
    if headers.get("content-type").is_some_and(|t| t == "application/x-ndjson") {
        return Some(Answer { status, headers, body });
    }
    let length = headers.get("content-length").and_then(|n| n.parse::<usize>().ok());
    while length.is_none_or(|length| body.len() < length) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => body.extend_from_slice(&buffer[..n]),
        }
    }
    Some(Answer { status, headers, body })
}
