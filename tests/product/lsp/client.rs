//! An editor at the other end of a real server's pipes, as strict as the protocol.
//!
//! It reads everything at once and keeps it, answers the server's requests, and gives up on what does
//! not come within [`LIMIT`]. Whatever is on stdout and no frame ends the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::product::{program, root};

/// Longer than any answer takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A running server and all that it said.
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    incoming: Receiver<Result<Value, String>>,
    stderr: Receiver<String>,
    last_id: u64,
    /// All messages so far, in the order of their arrival.
    pub(crate) log: Vec<Value>,
    /// Its output was closed.
    is_closed: bool,
    /// The answer to `workspace/configuration`, for each item that is asked for.
    pub(crate) configuration: Value,
}

impl Client {
    /// Starts `waitline lsp`.
    pub(crate) fn start() -> Client {
        Client::with_args(&["lsp"])
    }

    pub(crate) fn with_args(args: &[&str]) -> Client {
        Client::of(program().args(args))
    }

    /// Starts `waitline lsp` with a cache in a folder.
    pub(crate) fn with_cache(folder: &Path) -> Client {
        Client::of(program().arg("lsp").env("WAITLINE_CACHE", folder))
    }

    fn of(command: &mut Command) -> Client {
        let mut child = command
            .current_dir(root())
            .env_remove("GOPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (send, incoming) = channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            while let Some(message) = read_message(&mut stdout).transpose() {
                let stop = message.is_err();
                if send.send(message).is_err() || stop {
                    return;
                }
            }
        });
        let (send, stderr) = channel();
        let mut pipe = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            let _ = send.send(text);
        });
        Client {
            stdin: child.stdin.take(),
            child,
            incoming,
            stderr,
            last_id: 0,
            log: Vec::new(),
            is_closed: false,
            configuration: Value::Null,
        }
    }

    /// Starts a server for a folder, with a trace that its `initialize` names, and waits until it
    /// is shown.
    pub(crate) fn showing(folder: &Path, trace: &Path) -> Client {
        let mut client = Client::start();
        client.initialize(folder, all_refreshes(), json!({ "trace": trace }));
        client.wait_for("the first refresh", |m| m["method"] == "workspace/codeLens/refresh");
        client
    }

    /// `initialize` and `initialized`. Gives the server's capabilities.
    pub(crate) fn initialize(
        &mut self,
        folder: &Path,
        capabilities: Value,
        options: Value,
    ) -> Value {
        let params = json!({
            "processId": std::process::id(),
            "rootUri": uri(folder),
            "capabilities": capabilities,
            "initializationOptions": options,
        });
        let answer = self.ask("initialize", params);
        self.notify("initialized", json!({}));
        answer["capabilities"].clone()
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.try_send_bytes(bytes).expect("the server reads");
    }

    fn try_send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush())
    }

    fn send_message(&mut self, message: &Value) {
        self.send_bytes(&frame(&message.to_string()));
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send_message(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request, and does not wait for its answer.
    pub(crate) fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send_message(&message);
        id
    }

    /// The answer to a request: its result, or its error.
    pub(crate) fn answer(&mut self, id: u64) -> Result<Value, Value> {
        let from = Instant::now();
        let mut seen = 0;
        loop {
            while let Some(message) = self.log.get(seen) {
                if message["id"] == id && message.get("method").is_none() {
                    return match message.get("error") {
                        Some(error) => Err(error.clone()),
                        None => Ok(message["result"].clone()),
                    };
                }
                seen += 1;
            }
            assert!(from.elapsed() < LIMIT, "request {id} has no answer");
            self.read_within(Duration::from_millis(200));
        }
    }

    pub(crate) fn try_ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send(method, params);
        self.answer(id)
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.try_ask(method, params).unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    /// Reads one message, if there is one within this time, and answers it if it is a request.
    pub(crate) fn read_within(&mut self, time: Duration) -> bool {
        let message = match self.incoming.recv_timeout(time) {
            Ok(message) => message.unwrap_or_else(|junk| panic!("no frame on stdout: {junk}")),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => {
                self.is_closed = true;
                std::thread::sleep(time.min(Duration::from_millis(10)));
                return false;
            }
        };
        if let (Some(method), Some(id)) = (message["method"].as_str(), message.get("id")) {
            let result = match method {
                "workspace/configuration" => {
                    let n = message["params"]["items"].as_array().map_or(0, Vec::len);
                    Value::Array(vec![self.configuration.clone(); n])
                }
                "window/showDocument" => json!({ "success": true }),
                _ => Value::Null,
            };
            let reply = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            // One that was asked to end may be gone by now.
            if let Err(error) = self.try_send_bytes(&frame(&reply.to_string())) {
                assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "{error}");
            }
        }
        self.log.push(message);
        true
    }

    /// Takes in all that comes within this time.
    pub(crate) fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.read_within(left);
        }
    }

    /// The first message like this, of all that came and come.
    pub(crate) fn wait_for(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.wait_from(0, what, is)
    }

    /// The first message like this from a place in the log on.
    pub(crate) fn wait_from(
        &mut self,
        mut seen: usize,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let from = Instant::now();
        loop {
            while let Some(message) = self.log.get(seen) {
                if is(message) {
                    return message.clone();
                }
                seen += 1;
            }
            assert!(from.elapsed() < LIMIT, "did not come: {what}");
            self.read_within(Duration::from_millis(100));
        }
    }

    /// How many messages of this method came.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.log.iter().filter(|m| m["method"] == method).count()
    }

    pub(crate) fn open(&mut self, file: &Path, version: i32, text: &str) {
        let document =
            json!({ "uri": uri(file), "languageId": "go", "version": version, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(crate) fn change(&mut self, file: &Path, version: i32, changes: Value) {
        let document = json!({ "uri": uri(file), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.notify("textDocument/didChange", params);
    }

    pub(crate) fn close(&mut self, file: &Path) {
        let params = json!({ "textDocument": { "uri": uri(file) } });
        self.notify("textDocument/didClose", params);
    }

    pub(crate) fn lenses(&mut self, file: &Path) -> Vec<Value> {
        let params = json!({ "textDocument": { "uri": uri(file) } });
        array(self.ask("textDocument/codeLens", params))
    }

    /// The hints of a whole file.
    pub(crate) fn hints(&mut self, file: &Path) -> Vec<Value> {
        array(self.ask("textDocument/inlayHint", hints_of(file)))
    }

    /// The text of the hover at a line (from 0).
    pub(crate) fn hover(&mut self, file: &Path, line: u32) -> Option<String> {
        let answer = self.ask("textDocument/hover", at(file, line));
        answer["contents"]["value"].as_str().map(str::to_owned)
    }

    /// The newest diagnostics of a file, each as its code and its message.
    pub(crate) fn diagnostics(&self, file: &Path) -> Option<Vec<(String, String)>> {
        let uri = uri(file);
        let params = self.log.iter().rev().map(|m| (&m["method"], &m["params"])).find(
            |(method, params)| *method == "textDocument/publishDiagnostics" && params["uri"] == uri,
        )?;
        let text = |d: &Value, key: &str| d[key].as_str().unwrap_or_default().to_owned();
        let list = params.1["diagnostics"].as_array()?;
        Some(list.iter().map(|d| (text(d, "code"), text(d, "message"))).collect())
    }

    /// The server's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes the server's input.
    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
    }

    /// The exit code of a server that was told to end, and how long it took until it said no more. The kernel may
    /// keep what is left of it for longer: on a busy machine it takes half a minute now and then to close a watch of
    /// files.
    pub(crate) fn exit_code(&mut self) -> (Option<i32>, Duration) {
        let from = Instant::now();
        let mut took = None;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), took.unwrap_or(from.elapsed()));
            }
            if took.is_none() && self.is_closed {
                took = Some(from.elapsed());
            }
            if from.elapsed() > if self.is_closed { LIMIT * 6 } else { LIMIT } {
                let threads = threads(self.id());
                let _ = self.child.kill();
                panic!("the server did not end; its threads: {threads}");
            }
            self.read_within(Duration::from_millis(5));
        }
    }

    /// `shutdown` and `exit`. All went well: code 0, and no trouble on stderr.
    pub(crate) fn end(self) {
        let said = self.end_after_faults();
        assert!(!said.contains("internal error"), "{said}");
    }

    /// The same where there was trouble on purpose. Gives what was said on stderr.
    pub(crate) fn end_after_faults(mut self) -> String {
        self.ask("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let (code, _) = self.exit_code();
        let said = self.stderr.recv_timeout(LIMIT).unwrap();
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

/// What the threads of a process are, and where each of them is in the kernel; empty where that cannot be asked.
fn threads(process: u32) -> String {
    let read = |path: &Path, name| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let threads = tasks.map(|task| task.path()).map(|task| {
        let status = read(&task, "status");
        let state = status.lines().find(|l| l.starts_with("State:")).unwrap_or_default().to_owned();
        format!("{} {state} {}", read(&task, "comm").trim(), read(&task, "wchan"))
    });
    threads.collect::<Vec<_>>().join(", ")
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body with its header.
pub(crate) fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Capabilities of an editor that asks again when it is told to.
pub(crate) fn all_refreshes() -> Value {
    json!({
        "workspace": {
            "codeLens": { "refreshSupport": true },
            "inlayHint": { "refreshSupport": true },
        },
        "textDocument": { "hover": { "contentFormat": ["markdown"] } },
    })
}

pub(crate) fn at(file: &Path, line: u32) -> Value {
    json!({ "textDocument": { "uri": uri(file) }, "position": { "line": line, "character": 0 } })
}

pub(crate) fn hints_of(file: &Path) -> Value {
    let end = json!({ "line": 1_000_000, "character": 0 });
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": end });
    json!({ "textDocument": { "uri": uri(file) }, "range": range })
}

/// The URI of an absolute path; the tests' paths hold nothing that must be escaped but blanks.
pub(crate) fn uri(path: &Path) -> String {
    format!("file://{}", path.to_str().unwrap().replace(' ', "%20"))
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => panic!("no list: {other}"),
    }
}

/// One message; `None` at the end of the stream.
fn read_message(pipe: &mut impl BufRead) -> Result<Option<Value>, String> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        let n = pipe.read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
        if n == 0 && length.is_none() {
            return Ok(None);
        }
        let line = String::from_utf8(line).map_err(|e| e.to_string())?;
        match line.strip_suffix("\r\n") {
            Some("") if length.is_some() => break,
            Some(header) if header.starts_with("Content-Length: ") && length.is_none() => {
                length = header["Content-Length: ".len()..].parse::<usize>().ok();
            }
            _ => return Err(format!("{line:?}")),
        }
    }
    let mut body = vec![0; length.unwrap()];
    pipe.read_exact(&mut body).map_err(|e| e.to_string())?;
    serde_json::from_slice(&body).map(Some).map_err(|e| format!("{e}: {body:?}"))
}
