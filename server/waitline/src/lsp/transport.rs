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
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::AbortRegistration;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tower_lsp::jsonrpc::{ErrorCode, Id, Request, Response, Result};
use tower_lsp::{ClientSocket, LanguageServer, LspService};

use self::in_flight::{Asked, InFlight};
use self::message::bad;
use self::parent::Parent;
use self::queues::{Inbox, Outbox};
use super::frames::encode;
use super::initialize::ClientInfo;

mod dispatcher;
mod in_flight;
mod message;
mod parent;
mod queues;
mod reader;

/// How long messages that came before the end of the session may take to be dispatched.
const DISPATCH_PATIENCE: Duration = Duration::from_millis(200);

/// How long the client may take to read what was written before the end of the session.
const FLUSH_PATIENCE: Duration = Duration::from_millis(300);

/// What the service is told of a document that the editor told of, when that does not decode or its
/// handler panicked. tower-lsp would drop it without a sign, and all marks would be on wrong lines.
pub const TEXT_LOST: &str = "waitline/textLost";

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

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests;
