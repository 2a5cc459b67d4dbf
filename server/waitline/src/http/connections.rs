//! Connections: how many there may be, and how long a peer may take.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};

use super::Shared;

/// So many connections there may be at once.
const MOST: usize = 64;
/// How long the head of a request may take to come; so long a connection may also do nothing.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a peer may read nothing of what it is sent.
const READ_WITHIN: Duration = Duration::from_secs(8);
/// The longest head of a request, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// How often it is looked whether anybody still wants the host.
const LOOK: Duration = Duration::from_secs(10);

/// A connection that is there.
struct Open {
    /// It proved that it may ask.
    let_in: Arc<AtomicBool>,
    task: tokio::task::AbortHandle,
}

type Opens = Arc<Mutex<BTreeMap<u64, Open>>>;

/// Takes connections until nobody wants any more.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let opens: Opens = Opens::default();
    let mut next = 0u64;
    loop {
        let stream = match tokio::time::timeout(LOOK, listener.accept()).await {
            Ok(Ok((stream, _))) => stream,
            Ok(Err(_)) => {
                // No more files may be open, say: those that are will close.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            Err(_) if shared.is_idle() => break,
            Err(_) => continue,
        };
        next += 1;
        take(&opens, next, stream, shared.clone());
    }
    for open in opens.lock().unwrap_or_else(PoisonError::into_inner).values() {
        open.task.abort();
    }
}

fn take(opens: &Opens, id: u64, stream: TcpStream, shared: Arc<Shared>) {
    let mut now = opens.lock().unwrap_or_else(PoisonError::into_inner);
    if now.len() >= MOST {
        // The oldest that nobody vouched for makes room; a plain limit would let anybody keep the
        // user out with idle connections.
        let oldest = now.iter().find(|(_, o)| !o.let_in.load(Ordering::Relaxed)).map(|(id, _)| *id);
        match oldest.and_then(|id| now.remove(&id)) {
            Some(open) => open.task.abort(),
            None => return,
        }
    }
    let let_in = Arc::new(AtomicBool::new(false));
    let mark = let_in.clone();
    let all = opens.clone();
    let task = tokio::spawn(async move {
        let _gone = Gone { opens: all, id };
        let _ = stream.set_nodelay(true);
        converse(stream, mark, shared).await;
    });
    now.insert(id, Open { let_in, task: task.abort_handle() });
}

/// Answers the requests of one connection until it ends; `mark` is set once the peer was let in.
pub(super) async fn converse<S>(stream: S, mark: Arc<AtomicBool>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let io = TokioIo::new(Patient::new(stream));
    let service = service_fn(move |request| {
        let (shared, mark) = (shared.clone(), mark.clone());
        async move {
            let let_in = move || mark.store(true, Ordering::Relaxed);
            Ok::<_, std::convert::Infallible>(super::respond(shared, let_in, request).await)
        }
    });
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(io, service)
        .await;
}

/// Takes a connection off the list, however it ends.
struct Gone {
    opens: Opens,
    id: u64,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.opens.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A stream whose peer must read.
struct Patient<S> {
    stream: S,
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S) -> Patient<S> {
        Patient { stream, waits: None }
    }

    /// What became of a write: an error, if the peer has read nothing for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.waits = None;
            return done;
        }
        let waits = self.waits.get_or_insert_with(|| {
            Box::pin(tokio::time::sleep_until(Instant::now() + READ_WITHIN))
        });
        match waits.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
