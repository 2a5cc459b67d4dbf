//! Carries messages between the editor and tower-lsp's `LspService`, in place of
//! `tower_lsp::Server::serve`.
//!
//! `Server::serve` ends at the first odd frame, dies half when a handler panics, cancels nothing
//! while four handlers are busy and can hang at the end of a session. What a handler does is not
//! this file's business; that every request has one answer, in whatever mess, is.
//!
//! ```text
//!           reader thread             dispatcher thread              runtime
//! stdin --> frames, messages --inbox--> first poll of each --parked--> the rest of it
//!             | cancels, replies        handler, in order                |  ^ our own requests
//!             v                            |                             v  | and notifications
//! stdout <-- writer thread <--outbox-------+-----------------------------+--+
//! ```
//!
//! - A handler's code up to its first await runs in the order of arrival, on one thread. State that
//!   is changed there is changed in the order in which the editor told it. Nothing after the first
//!   await is ordered.
//! - Cancels and the client's replies never wait behind handlers: the reader deals with them
//!   itself.
//! - The thread that calls [`serve`] waits for the end of the session and for nothing else. So the
//!   end is noticed while handlers compute, wait for the client, or both.

use std::any::Any;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::future::{AbortRegistration, Abortable};
use futures::{FutureExt, SinkExt, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tower::Service;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response, Result};
use tower_lsp::{ClientSocket, ExitedError, LanguageServer, LspService};

use self::in_flight::{Asked, InFlight, Refusal};
use self::message::{Message, bad, is_sound, parse};
use self::parent::Parent;
use self::queues::{Inbox, Outbox};
use super::frames::{DamageReason, Frame, FrameDecoder, encode};
use super::initialize::{ClientInfo, normalise};

mod in_flight;
mod message;
mod parent;
mod queues;

/// How long messages that came before the end of the session may take to be dispatched.
const DISPATCH_PATIENCE: Duration = Duration::from_millis(200);

/// How long the client may take to read what was written before the end of the session.
const FLUSH_PATIENCE: Duration = Duration::from_millis(300);

const READ_SIZE: usize = 64 * 1024;

/// What the service is told of a document that the editor told of, when that does not decode or its
/// handler panicked. tower-lsp would drop it without a sign, and all marks would be on wrong lines.
pub const TEXT_LOST: &str = "waitline/textLost";

/// The request failed, for a reason that is neither its syntax nor a fault of ours (LSP 3.17).
const REQUEST_FAILED: ErrorCode = ErrorCode::ServerError(-32803);

/// What [`serve`] needs beside the service and the two streams.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where handlers run. Must be a multi-threaded runtime: nothing else drives it.
    pub runtime: Handle,
    /// Filled with what the editor says about itself, before the handler of `initialize` is called.
    /// The first `initialize` counts, also if it fails and another one follows.
    pub client: Arc<OnceLock<ClientInfo>>,
    /// How often to look whether the editor's process is still there.
    pub parent_poll: Duration,
}

impl ServeOptions {
    /// Options that suit an editor.
    pub fn new(runtime: Handle, client: Arc<OnceLock<ClientInfo>>) -> Self {
        Self { runtime, client, parent_poll: Duration::from_secs(5) }
    }
}

/// Serves a client until the session ends, and gives the exit code: 0 if `shutdown` had been
/// received, else 1.
///
/// The session ends with `exit`, with the end of the input, when the output is closed, or with the
/// death of the client's process. Handlers that are in flight are cancelled and dropped; what they
/// moved into `spawn_blocking` goes on. What has been answered is written out, if the client takes
/// it within 300 ms.
///
/// Threads that cannot be woken stay behind, such as one that reads from an input that is still
/// open. So the caller should end the process, as [`serve_stdio`] does.
///
/// Must not be called from within the runtime.
pub fn serve<S: LanguageServer>(
    service: LspService<S>,
    socket: ClientSocket,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    options: ServeOptions,
) -> i32 {
    let (events, ended) = channel();
    let (initialized, _) = watch::channel(false);
    let (requests, responses) = socket.split();
    let session = Arc::new(Session {
        runtime: options.runtime,
        client: options.client,
        parent: OnceLock::new(),
        inbox: Inbox::new(),
        outbox: Outbox::new(),
        in_flight: InFlight::default(),
        asked: Asked::default(),
        initialized,
        shutdown: AtomicBool::new(false),
    });

    session.runtime.spawn(forward_requests(session.clone(), requests));
    let threads = [
        spawn("lsp-writer", &events, Event::OutputEnded, {
            let session = session.clone();
            move || session.write(output)
        }),
        spawn("lsp-dispatcher", &events, Event::Dispatched, {
            let session = session.clone();
            move || session.dispatch_all(service)
        }),
        spawn("lsp-reader", &events, Event::InputEnded, {
            let session = session.clone();
            move || session.read(input, responses)
        }),
    ];
    drop(events);

    if let Some(error) = threads.into_iter().find_map(std::io::Result::err) {
        tracing::error!("cannot start a thread: {error}");
    } else {
        session.wait_for_end(&ended, options.parent_poll);
    }

    session.inbox.close();
    session.inbox.clear();
    session.in_flight.cancel_all();
    session.outbox.finish(FLUSH_PATIENCE);
    session.outbox.abandon();
    if session.shutdown.load(Ordering::SeqCst) { 0 } else { 1 }
}

/// Serves the client on stdin and stdout, and ends the process with [`serve`]'s exit code.
///
/// The process ends even if handlers still compute and stdin is still open.
pub fn serve_stdio<S: LanguageServer>(
    service: LspService<S>,
    socket: ClientSocket,
    options: ServeOptions,
) -> ! {
    let code = match raw_stdio() {
        Ok((input, output)) => serve(service, socket, input, output, options),
        Err(error) => {
            tracing::error!("cannot use stdin and stdout: {error}");
            1
        }
    };
    crate::record::end_all();
    std::process::exit(code)
}

/// stdin and stdout without std's buffers, which would cut each frame at its line breaks, and
/// without std's locks, which a thread that is still reading would hold at exit.
#[cfg(unix)]
fn raw_stdio() -> std::io::Result<(std::fs::File, std::fs::File)> {
    use std::os::fd::AsFd;
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok((input.into(), output.into()))
}

#[cfg(not(unix))]
fn raw_stdio() -> std::io::Result<(std::io::Stdin, std::io::Stdout)> {
    Ok((std::io::stdin(), std::io::stdout()))
}

/// What the threads tell the one that waits for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// `exit`, or no more input.
    InputEnded,
    /// All messages that had come in are dispatched.
    Dispatched,
    /// The client reads no more.
    OutputEnded,
}

/// Starts a thread that tells of its end, even if it panics.
fn spawn(
    name: &str,
    events: &Sender<Event>,
    at_end: Event,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let events = events.clone();
    let run = move || {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            tracing::error!("internal error: a thread panicked: {}", panic_text(&*payload));
        }
        // Nobody listens any more when the session has already ended.
        let _ = events.send(at_end);
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// A message on its way to its handler.
enum Work {
    Request {
        id: Id,
        /// The id under which tower-lsp knows the request.
        number: i32,
        registration: AbortRegistration,
        method: String,
        params: Option<Value>,
        /// When it was read.
        since: Instant,
    },
    Notification {
        method: String,
        params: Option<Value>,
    },
}

/// What the threads and the handlers' futures share.
struct Session {
    runtime: Handle,
    client: Arc<OnceLock<ClientInfo>>,
    parent: OnceLock<Parent>,
    inbox: Inbox<Work>,
    outbox: Outbox,
    in_flight: InFlight,
    asked: Asked,
    /// Whether the answer to `initialize` is on its way. Before it a server may say next to
    /// nothing.
    initialized: watch::Sender<bool>,
    shutdown: AtomicBool,
}

/// The end of the session.
impl Session {
    fn wait_for_end(&self, ended: &Receiver<Event>, parent_poll: Duration) {
        loop {
            match ended.recv_timeout(parent_poll) {
                Ok(Event::InputEnded) => break,
                Ok(Event::OutputEnded) => {
                    tracing::info!("the client closed our output");
                    return;
                }
                Ok(Event::Dispatched) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if self.parent.get().is_some_and(|parent| !parent.is_alive()) {
                        tracing::info!("the client's process is gone");
                        return;
                    }
                }
            }
        }
        // Messages that came before the end are still dispatched, a `shutdown` in front of an
        // `exit` above all.
        let end = Instant::now() + DISPATCH_PATIENCE;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if !matches!(ended.recv_timeout(left), Ok(Event::InputEnded)) {
                break;
            }
        }
    }
}

/// The reader thread.
impl Session {
    fn read<R>(&self, mut input: impl Read, mut replies: R)
    where
        R: futures::Sink<Response, Error = ExitedError> + Unpin,
    {
        let mut decoder = FrameDecoder::new();
        let mut chunk = vec![0; READ_SIZE];
        let mut after_bad_body = false;
        'session: loop {
            for frame in decoder.by_ref() {
                // Each message may add a frame to the outbox, if only to be told that it is
                // refused.
                self.outbox.wait_while_flooded();
                let body = match frame {
                    Frame::Body(body) => body,
                    Frame::Damaged(reason) => {
                        tracing::warn!("damaged message: {reason}");
                        // A length that was too small shows twice, as a cut body and as what
                        // remains of it.
                        if !after_bad_body {
                            self.answer(Id::Null, Err(damage_error(reason)));
                        }
                        after_bad_body = false;
                        continue;
                    }
                };
                let message = parse(&body);
                after_bad_body = matches!(message, Message::Bad { .. });
                match message {
                    Message::Exit => break 'session,
                    Message::Reply { id, outcome } => self.take_reply(id, outcome, &mut replies),
                    message => self.accept(message, body.len()),
                }
            }
            match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(n_read) => decoder.push(&chunk[..n_read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!("cannot read from the client: {error}");
                    break;
                }
            }
        }
        self.inbox.close();
    }

    fn accept(&self, message: Message, bytes: usize) {
        match message {
            Message::Request { id, method, params } => {
                if method == "shutdown" {
                    self.shutdown.store(true, Ordering::SeqCst);
                }
                match self.in_flight.begin(id.clone()) {
                    Ok((number, registration)) => {
                        let since = Instant::now();
                        let work =
                            Work::Request { id, number, registration, method, params, since };
                        self.inbox.push(work, bytes);
                    }
                    Err(Refusal::Duplicate) => {
                        let text = "a request with this id is still in flight".to_owned();
                        self.answer(id, Err(bad(ErrorCode::InvalidRequest, text)));
                    }
                    Err(Refusal::TooMany) => {
                        let text = "too many requests in flight".to_owned();
                        self.answer(id, Err(bad(REQUEST_FAILED, text)));
                    }
                }
            }
            Message::Notification { method, params } => {
                self.inbox.push(Work::Notification { method, params }, bytes);
            }
            Message::Cancel(id) => {
                // Answered here and now; that the handler stops is another matter.
                if self.in_flight.cancel(&id) {
                    self.answer(id, Err(Error::request_cancelled()));
                }
            }
            Message::Bad { id, error } => {
                tracing::warn!("bad message: {}", error.message);
                self.answer(id, Err(error));
            }
            // Both are the reader's own.
            Message::Exit | Message::Reply { .. } => {}
        }
    }

    fn take_reply<R>(&self, id: Id, outcome: Option<Result<Value>>, replies: &mut R)
    where
        R: futures::Sink<Response, Error = ExitedError> + Unpin,
    {
        if !self.asked.finish(&id) {
            if outcome.is_none() {
                let text = "message has no method, no result and no error".to_owned();
                self.answer(id, Err(bad(ErrorCode::InvalidRequest, text)));
            } else {
                tracing::debug!("reply to no request of ours: {id}");
            }
            return;
        }
        let response = Response::from_parts(id, outcome.unwrap_or(Ok(Value::Null)));
        // tower-lsp panics when the handler that asked was cancelled in the meantime.
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::from_waker(Waker::noop());
            if let std::task::Poll::Ready(Ok(())) = replies.poll_ready_unpin(&mut context) {
                let _ = replies.start_send_unpin(response);
            }
        }));
        if sent.is_err() {
            tracing::debug!("reply came too late, nobody waits for it");
        }
    }
}

/// The dispatcher thread, and the handlers' futures.
impl Session {
    fn dispatch_all<S: LanguageServer>(self: &Arc<Self>, mut service: LspService<S>) {
        // Handlers may spawn tasks and start timers in what is polled here.
        let _runtime = self.runtime.enter();
        while let Some(work) = self.inbox.pop() {
            for number in self.in_flight.take_unseen() {
                let cancel = Request::build("$/cancelRequest").params(json!({ "id": number }));
                let _ = call(&mut service, cancel.finish()).now_or_never();
            }
            match work {
                Work::Request { id, number, registration, method, params, since } => {
                    // Cancelled while it waited.
                    if self.in_flight.owes(&id, number) {
                        let request = (id, number, registration);
                        self.start_request(&mut service, request, method, params, since);
                    }
                }
                Work::Notification { method, params } => {
                    self.start_notification(&mut service, method, params);
                }
            }
        }
        // Lets everybody know who holds a `Client`.
        let _ = call(&mut service, Request::build("exit").finish()).now_or_never();
    }

    fn start_request<S: LanguageServer>(
        self: &Arc<Self>,
        service: &mut LspService<S>,
        (id, number, registration): (Id, i32, AbortRegistration),
        method: String,
        mut params: Option<Value>,
        since: Instant,
    ) {
        if method == "initialize" {
            params = Some(self.meet_client(params));
        } else if method.starts_with("waitline/") {
            // To leave parameters out, to send null and to send none are the same.
            params = Some(params.unwrap_or_default());
        }
        let request = Request::build(method.clone()).id(i64::from(number));
        let request = match params {
            Some(params) => request.params(params).finish(),
            None => request.finish(),
        };
        // What comes behind these two relies on their being done.
        let alone = matches!(method.as_str(), "initialize" | "shutdown");
        let handler = Abortable::new(call(service, request), registration);
        let session = self.clone();
        let answered = async move {
            let Ok(outcome) = handler.await else { return };
            let seen = outcome.is_ok();
            let result = outcome.unwrap_or_else(|payload| {
                let text = panic_text(&*payload);
                tracing::error!("internal error: the handler of {method} panicked: {text}");
                let text = format!("internal error: the handler of {method} panicked");
                Some(Err(bad(ErrorCode::InternalError, text)))
            });
            if !session.in_flight.finish(&id, number, seen) {
                return;
            }
            // tower-lsp answers no request whose method begins with `$/` and is unknown.
            let result = result.unwrap_or_else(|| Err(Error::method_not_found()));
            let initialized = method == "initialize" && result.is_ok();
            session.answer(id, result);
            tracing::debug!("answered {method} in {} µs", since.elapsed().as_micros());
            if initialized {
                session.initialized.send_replace(true);
            }
        };
        if alone {
            self.runtime.block_on(answered);
        } else {
            self.start(answered);
        }
    }

    fn start_notification<S: LanguageServer>(
        &self,
        service: &mut LspService<S>,
        mut method: String,
        params: Option<Value>,
    ) {
        let is_text = matches!(
            method.as_str(),
            "textDocument/didOpen" | "textDocument/didChange" | "textDocument/didClose"
        );
        if is_text && !is_sound(&method, params.as_ref()) {
            tracing::warn!("what is told of a document does not decode");
            method = TEXT_LOST.to_owned();
        }
        // What the service is told, should the handler not come to its end.
        let document = params.as_ref().filter(|_| is_text).and_then(|p| p.get("textDocument"));
        let document = document.and_then(|document| document.get("uri")).cloned();
        let mut panicked = self.notify(service, method, params);
        for _ in 0..3 {
            if !(is_text && panicked) {
                return;
            }
            let lost = json!({ "textDocument": { "uri": document } });
            panicked = self.notify(service, TEXT_LOST.to_owned(), Some(lost));
        }
    }

    /// Tells the service something. Whether its handler panicked before its first await, which is all
    /// that those of documents do.
    fn notify<S: LanguageServer>(
        &self,
        service: &mut LspService<S>,
        method: String,
        params: Option<Value>,
    ) -> bool {
        let request = Request::build(method.clone());
        let request = match params {
            Some(params) => request.params(params).finish(),
            None => request.finish(),
        };
        let handler = call(service, request);
        let panicked = Arc::new(AtomicBool::new(false));
        let told = panicked.clone();
        self.start(async move {
            if let Err(payload) = handler.await {
                let text = panic_text(&*payload);
                tracing::error!("internal error: the handler of {method} panicked: {text}");
                told.store(true, Ordering::Relaxed);
            }
        });
        panicked.load(Ordering::Relaxed)
    }

    /// Polls a future once, here, and parks it in the runtime if there is more to it.
    ///
    /// The waker of the first poll is lost, and needs not be kept: the runtime polls the future
    /// again at once.
    fn start(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut future = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_pending() {
            self.runtime.spawn(future);
        }
    }

    /// Keeps what the client says about itself, and gives the parameters that tower-lsp gets to
    /// see.
    fn meet_client(&self, params: Option<Value>) -> Value {
        let params = params.unwrap_or_default();
        let info = ClientInfo::from_params(&params);
        if let Some(parent) = info.process_id.and_then(Parent::watch) {
            let _ = self.parent.set(parent);
        }
        let _ = self.client.set(info);
        normalise(Some(params))
    }
}

/// Calls a handler. The future ends with the handler's answer, `None` if there is none, or with its
/// panic.
fn call<S: LanguageServer>(
    service: &mut LspService<S>,
    request: Request,
) -> impl Future<Output = std::result::Result<Option<Result<Value>>, Box<dyn Any + Send>>> + Send + 'static
{
    let place = format!("handler {}", request.method());
    // The service is always ready, except after `exit`, which is the last thing that it is told.
    let future = catch_unwind(AssertUnwindSafe(|| service.call(request)));
    async move {
        let future = future?;
        let future = async move {
            super::faults::point(&place);
            future.await
        };
        match AssertUnwindSafe(future).catch_unwind().await? {
            Ok(response) => Ok(response.map(|response| response.into_parts().1)),
            Err(_exited) => Ok(Some(Err(Error::invalid_request()))),
        }
    }
}

/// The way out.
impl Session {
    fn answer(&self, id: Id, result: Result<Value>) {
        let frame = response_frame(&Response::from_parts(id.clone(), result));
        // Not an error that editors put before their user: by the time that this one is read, it is
        // true.
        self.outbox.push_or(frame, || {
            let text = "the answer went stale before it was read".to_owned();
            response_frame(&Response::from_error(id, bad(ErrorCode::ContentModified, text)))
        });
    }

    /// The writer thread.
    fn write(&self, mut output: impl Write) {
        while let Some(frame) = self.outbox.pop() {
            let written = output
                .write_all(&frame)
                .and_then(|()| if self.outbox.is_empty() { output.flush() } else { Ok(()) });
            if let Err(error) = written {
                tracing::debug!("cannot write to the client: {error}");
                break;
            }
        }
        self.outbox.abandon();
    }
}

/// Sends the requests and notifications that handlers give to their `Client`.
async fn forward_requests(
    session: Arc<Session>,
    mut requests: impl Stream<Item = Request> + Unpin,
) {
    let mut initialized = session.initialized.subscribe();
    while let Some(request) = requests.next().await {
        let early = matches!(
            request.method(),
            "window/showMessage"
                | "window/showMessageRequest"
                | "window/logMessage"
                | "telemetry/event"
                | "$/progress"
        );
        if !early && initialized.wait_for(|initialized| *initialized).await.is_err() {
            return;
        }
        session.outbox.until_few().await;
        if let Some(id) = request.id() {
            session.asked.begin(id.clone());
        }
        match serde_json::to_vec(&request) {
            Ok(body) => session.outbox.push(encode(&body)),
            Err(error) => tracing::error!("internal error: cannot encode a request: {error}"),
        }
    }
}

fn response_frame(response: &Response) -> Vec<u8> {
    let body = serde_json::to_vec(response).unwrap_or_else(|error| {
        tracing::error!("internal error: cannot encode a response: {error}");
        let error =
            json!({ "code": -32603, "message": "internal error: cannot encode the response" });
        json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string().into_bytes()
    });
    encode(&body)
}

fn damage_error(reason: DamageReason) -> Error {
    let code = match reason {
        DamageReason::BodyTooLarge(_) => ErrorCode::InvalidRequest,
        _ => ErrorCode::ParseError,
    };
    bad(code, reason.to_string())
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests;
