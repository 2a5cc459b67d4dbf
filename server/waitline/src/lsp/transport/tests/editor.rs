//! The editor and the server of these tests.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, Mutex};

use tokio::runtime::Runtime;
use tower_lsp::lsp_types::{InitializeParams, InitializeResult};
use tower_lsp::{Client, lsp_types};

use super::super::reader::READ_SIZE;
use super::super::*;
use crate::lsp::frames::{Frame, FrameDecoder};

/// Long enough for a busy machine, and only waited for by a test that fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the server's handlers and the test both see.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) last_note: AtomicI64,
    pub(super) n_started: AtomicUsize,
    pub(super) n_dropped: AtomicUsize,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Seen {
    /// Lets handlers go on that compute until then.
    pub(super) fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn compute(&self) {
        self.n_started.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap());
    }
}

struct CountsDrop(Arc<Seen>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.n_dropped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Server {
    seen: Arc<Seen>,
    client: Client,
}

#[tower_lsp::async_trait]
impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        if params.locale.as_deref() == Some("slow") {
            // Others try to say something forbidden before this is answered.
            let client = self.client.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    client.publish_diagnostics(file(), Vec::new(), None).await;
                    tokio::time::sleep(Duration::from_micros(500)).await;
                }
            });
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if params.locale.as_deref() == Some("never") {
            std::future::pending::<()>().await;
        }
        self.client.log_message(lsp_types::MessageType::INFO, "hello").await;
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    }
}

pub(super) fn file() -> lsp_types::Url {
    lsp_types::Url::parse("file:///a.go").unwrap()
}

impl Server {
    /// Changes state before the first await, then takes its time.
    async fn note(&self, n: i64) {
        self.seen.last_note.store(n, Ordering::SeqCst);
        for _ in 0..n % 3 {
            tokio::task::yield_now().await;
        }
    }

    async fn last_note(&self) -> Result<i64> {
        Ok(self.seen.last_note.load(Ordering::SeqCst))
    }

    async fn echo(&self, params: Value) -> Result<Value> {
        tokio::task::yield_now().await;
        Ok(params)
    }

    async fn text(&self, n_bytes: usize) -> Result<String> {
        Ok("x".repeat(n_bytes))
    }

    async fn wait(&self) -> Result<()> {
        let _dropped = CountsDrop(self.seen.clone());
        self.seen.n_started.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    /// Computes where it should not: on the dispatcher's thread.
    async fn compute(&self) -> Result<()> {
        self.seen.compute();
        Ok(())
    }

    /// Computes on the runtime, which is no better.
    async fn compute_later(&self) -> Result<()> {
        tokio::task::yield_now().await;
        self.seen.compute();
        Ok(())
    }

    async fn panic(&self) -> Result<()> {
        panic!("injected")
    }

    async fn panic_later(&self) -> Result<()> {
        tokio::task::yield_now().await;
        panic!("injected later")
    }

    async fn panic_note(&self) {
        panic!("injected into a notification")
    }

    /// Asks the client in the middle of a request, against the rules.
    async fn ask(&self) -> Result<Vec<Value>> {
        let _dropped = CountsDrop(self.seen.clone());
        self.client.configuration(Vec::new()).await
    }
}

/// A session from the editor's side.
pub(super) struct Editor {
    pub(super) seen: Arc<Seen>,
    pub(super) client: Arc<OnceLock<ClientInfo>>,
    input: Option<PipeWriter>,
    output: Option<PipeReader>,
    messages: Option<Receiver<Value>>,
    /// Messages that were read while another one was waited for.
    passed: Vec<Value>,
    code: Receiver<i32>,
    runtime: Option<Runtime>,
}

impl Editor {
    /// Starts a server that nothing has been said to yet.
    pub(super) fn connect() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let seen = Arc::new(Seen::default());
        let client_info = Arc::new(OnceLock::new());
        let (server_input, input) = pipe().unwrap();
        let (output, server_output) = pipe().unwrap();
        let (code_sender, code) = channel();

        let options = ServeOptions {
            parent_poll: Duration::from_millis(10),
            ..ServeOptions::new(runtime.handle().clone(), client_info.clone())
        };
        let seen_by_server = seen.clone();
        let (service, socket) = LspService::build(|client| Server { seen: seen_by_server, client })
            .custom_method("note", Server::note)
            .custom_method("lastNote", Server::last_note)
            .custom_method("echo", Server::echo)
            .custom_method("text", Server::text)
            .custom_method("wait", Server::wait)
            .custom_method("compute", Server::compute)
            .custom_method("computeLater", Server::compute_later)
            .custom_method("panic", Server::panic)
            .custom_method("panicLater", Server::panic_later)
            .custom_method("panicNote", Server::panic_note)
            .custom_method("ask", Server::ask)
            .finish();
        std::thread::spawn(move || {
            let code = serve(service, socket, server_input, server_output, options);
            let _ = code_sender.send(code);
        });
        Self {
            seen,
            client: client_info,
            input: Some(input),
            output: Some(output),
            messages: None,
            passed: Vec::new(),
            code,
            runtime: Some(runtime),
        }
    }

    /// Starts a server and introduces itself.
    pub(super) fn start() -> Self {
        let mut editor = Self::connect();
        editor.request(0, "initialize", json!({ "capabilities": {} }));
        assert!(editor.answer(0)["result"].is_object());
        editor.notify("initialized", json!({}));
        editor
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub(super) fn send(&mut self, message: &Value) {
        self.send_bytes(&encode(message.to_string().as_bytes()));
    }

    pub(super) fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    pub(super) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(super) fn cancel(&mut self, id: impl Into<Value>) {
        let id: Value = id.into();
        self.notify("$/cancelRequest", json!({ "id": id }));
    }

    /// The next message of the server.
    pub(super) fn next(&mut self) -> Value {
        self.read();
        self.messages.as_ref().unwrap().recv_timeout(PATIENCE).expect("no message")
    }

    /// The first message, of those not taken yet, that is asked for.
    pub(super) fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.passed.iter().position(&wanted) {
            return self.passed.remove(at);
        }
        loop {
            let message = self.next();
            if wanted(&message) {
                return message;
            }
            self.passed.push(message);
        }
    }

    pub(super) fn answer(&mut self, id: impl Into<Value>) -> Value {
        let id: Value = id.into();
        self.find(|message| message.get("method").is_none() && message["id"] == id)
    }

    pub(super) fn error_code(&mut self, id: impl Into<Value>) -> i64 {
        let answer = self.answer(id);
        answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"))
    }

    /// Answers that were read, or are there to be read, and not taken.
    pub(super) fn n_untaken_answers(&mut self) -> usize {
        self.probe("n_untaken_answers");
        let answers = self.passed.iter().filter(|message| message.get("method").is_none());
        answers.count()
    }

    /// Asserts that the server still answers.
    pub(super) fn probe(&mut self, id: &str) {
        self.request(id, "echo", json!([id]));
        assert_eq!(self.answer(id)["result"], json!([id]));
    }

    /// Begins to read, in the background and without limit.
    fn read(&mut self) {
        let Some(mut output) = self.output.take() else { return };
        let (sender, messages) = channel();
        self.messages = Some(messages);
        std::thread::spawn(move || {
            let mut decoder = FrameDecoder::new();
            let mut chunk = vec![0; READ_SIZE];
            while let Ok(n_read @ 1..) = output.read(&mut chunk) {
                decoder.push(&chunk[..n_read]);
                for frame in decoder.by_ref() {
                    let Frame::Body(body) = frame else { panic!("the server sent {frame:?}") };
                    let _ = sender.send(serde_json::from_slice(&body).unwrap());
                }
            }
        });
    }

    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    pub(super) fn close_output(&mut self) {
        assert!(self.output.take().is_some(), "somebody reads it already");
    }

    /// Waits until handlers have been started so many times.
    pub(super) fn until_started(&self, n: usize) {
        until(|| self.seen.n_started.load(Ordering::SeqCst) == n);
    }

    /// Waits until handlers have been dropped so many times.
    pub(super) fn until_dropped(&self, n: usize) {
        until(|| self.seen.n_dropped.load(Ordering::SeqCst) == n);
    }

    pub(super) fn exit_code(&self) -> i32 {
        self.code.recv_timeout(PATIENCE).expect("the server did not end")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.code.try_recv().is_ok()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.seen.open();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn until(condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "it never came to be");
        std::thread::yield_now();
    }
}
