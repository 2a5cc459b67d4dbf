//! The loopback host: the timeline page in a browser, for editors without a panel for it.
//!
//! It is off until somebody opens the page, listens on 127.0.0.1 at a port of the system's choice,
//! and trusts nothing: `guard` looks at each request before anything is read of it, `tokens` lets in
//! only who was let in, `connections` bounds what a peer can take. The page itself holds no data.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};

mod connections;
mod guard;
mod launch;
mod page;
mod tokens;
#[cfg(any(test, fuzzing))]
pub(crate) mod trial;

pub(crate) use launch::Launch;
use tokens::Tokens;

/// The largest body of a request, in bytes.
const MOST_BODY: usize = 64 << 10;
/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Nobody asks for this long, and no page listens: the host ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How often a page that listens hears that the host is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// So many events wait for a page that does not read; then it misses some.
const EVENTS: usize = 64;

/// Why a request of the page was not answered: a code as JSON-RPC has them, and a sentence.
pub(crate) type Refusal = (i64, String);

/// Who answers the page.
pub(crate) trait Answers: Send + Sync + 'static {
    /// A `waitline/...` request.
    fn request(&self, method: String, params: Value) -> BoxFuture<'static, Result<Value, Refusal>>;
    /// A tile's octets; `None`: no trace is shown.
    fn tile(&self, params: Value) -> BoxFuture<'static, Result<Option<Vec<u8>>, Refusal>>;
    /// A click on a place: shows it in the editor, if there is one.
    fn open(&self, params: Value) -> BoxFuture<'static, Result<Value, Refusal>>;
    /// What a page is told when it begins to listen.
    fn state(&self) -> Value;
    /// What pages are told.
    fn events(&self) -> broadcast::Receiver<Event>;
}

/// Something that pages are told.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// What kind: `state`, `range`, `reveal` or `select`.
    pub(crate) event: &'static str,
    /// What.
    pub(crate) payload: Value,
}

impl Event {
    fn line(&self) -> Bytes {
        let mut line = json!({ "event": self.event, "payload": self.payload }).to_string();
        line.push('\n');
        line.into()
    }
}

/// A channel for events.
pub(crate) fn events() -> broadcast::Sender<Event> {
    broadcast::channel(EVENTS).0
}

/// The host, as long as it lives.
pub(crate) struct Host {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Shared {
    port: u16,
    tokens: Tokens,
    answers: Arc<dyn Answers>,
    started: Instant,
    /// When somebody who may last asked, in milliseconds since the start.
    asked: AtomicU64,
    /// How many pages listen.
    listening: AtomicU64,
    /// Told when a ticket was used.
    used: Arc<Notify>,
}

impl Shared {
    fn touch(&self) {
        self.asked.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let asked = Duration::from_millis(self.asked.load(Ordering::Relaxed));
        self.listening.load(Ordering::Relaxed) == 0
            && self.started.elapsed().saturating_sub(asked) > IDLE
    }
}

impl Host {
    /// Begins to listen on a port; on 0, one of the system's choice.
    ///
    /// # Errors
    /// There is no port to be had, or no randomness.
    pub(crate) async fn start(port: u16, answers: Arc<dyn Answers>) -> io::Result<Host> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
        let shared = Arc::new(Shared {
            port: listener.local_addr()?.port(),
            tokens: Tokens::default(),
            answers,
            started: Instant::now(),
            asked: AtomicU64::new(0),
            listening: AtomicU64::new(0),
            used: Arc::default(),
        });
        let task = tokio::spawn(connections::serve(listener, shared.clone()));
        Ok(Host { shared, task })
    }

    /// Whether it has ended, because nobody asked for long.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }

    /// Is told when an address was used, which is good no more then.
    pub(crate) fn used(&self) -> Arc<Notify> {
        self.shared.used.clone()
    }

    /// An address that lets one page in, once, within a minute. `open` says what it shows first.
    ///
    /// # Errors
    /// There is no randomness.
    pub(crate) fn address(&self, open: &[(&str, String)]) -> io::Result<String> {
        self.shared.touch();
        let ticket = self.shared.tokens.ticket()?;
        let mut address = format!("http://127.0.0.1:{}/#token={ticket}", self.shared.port);
        for (key, value) in open {
            address.push('&');
            address.push_str(key);
            address.push('=');
            // Only what cannot mean anything else in a fragment stands as it is.
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    address.push(char::from(byte));
                } else {
                    address.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        Ok(address)
    }
}

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// An answer with all that keeps a browser from doing anything else with it.
fn answer(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, page::policy());
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse(status: StatusCode) -> Response<Body> {
    let why = status.canonical_reason().unwrap_or("refused");
    json_answer(status, &json!({ "error": why }))
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Body> {
    answer(status, "application/json", full(value.to_string()))
}

fn refused((code, message): Refusal) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

/// Answers one request. `let_in` is called when the peer proved that it may ask.
async fn respond(
    shared: Arc<Shared>,
    let_in: impl Fn(),
    request: Request<Incoming>,
) -> Response<Body> {
    let route = match guard::judge(request.method(), request.uri(), request.headers(), shared.port)
    {
        Ok(route) => route,
        Err(status) => return refuse(status),
    };
    if route.needs_session() {
        let token = guard::bearer(request.headers());
        if !token.is_some_and(|token| shared.tokens.is_session(token)) {
            return refuse(StatusCode::UNAUTHORIZED);
        }
        let_in();
        shared.touch();
    }
    match route {
        guard::Route::Page => {
            let body = if request.method() == Method::HEAD {
                Empty::new().boxed_unsync()
            } else {
                full(Bytes::from_static(page::PAGE.as_bytes()))
            };
            return answer(StatusCode::OK, "text/html; charset=utf-8", body);
        }
        guard::Route::Events => return listen(&shared),
        _ => {}
    }
    let params = match body_of(request.into_body()).await {
        Ok(params) => params,
        Err(status) => return refuse(status),
    };
    let mut params = params;
    match route {
        guard::Route::Session => {
            let ticket = params.get("token").and_then(Value::as_str).unwrap_or_default();
            match shared.tokens.exchange(ticket) {
                Some(session) => {
                    let_in();
                    shared.touch();
                    shared.used.notify_one();
                    json_answer(StatusCode::OK, &json!({ "session": session }))
                }
                None => refuse(StatusCode::UNAUTHORIZED),
            }
        }
        guard::Route::Request => {
            let Some(method) = params.get("method").and_then(Value::as_str).map(str::to_owned)
            else {
                return refuse(StatusCode::BAD_REQUEST);
            };
            let params = params.get_mut("params").map_or(Value::Null, Value::take);
            let value = match shared.answers.request(method, params).await {
                Ok(result) => json!({ "result": result }),
                Err(refusal) => refused(refusal),
            };
            json_answer(StatusCode::OK, &value)
        }
        guard::Route::Tile => match shared.answers.tile(params).await {
            Ok(Some(tile)) => answer(StatusCode::OK, "application/octet-stream", full(tile)),
            Ok(None) => {
                json_answer(StatusCode::NOT_FOUND, &json!({ "error": "no trace is shown" }))
            }
            Err(refusal) => json_answer(StatusCode::BAD_REQUEST, &refused(refusal)),
        },
        guard::Route::Open => match shared.answers.open(params).await {
            Ok(value) => json_answer(StatusCode::OK, &value),
            Err(refusal) => json_answer(StatusCode::BAD_REQUEST, &refused(refusal)),
        },
        guard::Route::Page | guard::Route::Events => refuse(StatusCode::NOT_FOUND),
    }
}

/// The JSON of a request's body.
async fn body_of(body: Incoming) -> Result<Value, StatusCode> {
    let collected =
        tokio::time::timeout(BODY_WITHIN, Limited::new(body, MOST_BODY).collect()).await;
    let bytes = match collected {
        Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Ok(Err(_)) => return Err(StatusCode::BAD_REQUEST),
        Ok(Ok(body)) => body.to_bytes(),
    };
    serde_json::from_slice(&bytes).map_err(|_| StatusCode::BAD_REQUEST)
}

/// Counts a page that listens.
struct Listening(Arc<Shared>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listening.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

/// A line for each event, as they come.
fn listen(shared: &Arc<Shared>) -> Response<Body> {
    shared.listening.fetch_add(1, Ordering::Relaxed);
    let here = Listening(shared.clone());
    let first = Event { event: "state", payload: shared.answers.state() }.line();
    let start = (Some(first), shared.answers.events(), here);
    let lines = stream::unfold(start, |(first, mut events, here)| async move {
        if let Some(first) = first {
            return Some((first, (None, events, here)));
        }
        let line = match tokio::time::timeout(HEARTBEAT, events.recv()).await {
            Ok(Ok(event)) => event.line(),
            // A page that was too slow asks for the state; the next event goes on.
            Ok(Err(broadcast::error::RecvError::Lagged(_))) => {
                Event { event: "state", payload: here.0.answers.state() }.line()
            }
            Ok(Err(broadcast::error::RecvError::Closed)) => return None,
            Err(_) => Bytes::from_static(b"\n"),
        };
        Some((line, (None, events, here)))
    });
    let frames = futures::StreamExt::map(lines, |line| Ok(Frame::data(line)));
    answer(StatusCode::OK, "application/x-ndjson", StreamBody::new(frames).boxed_unsync())
}
