//! One conversation without a socket: bytes of a peer in, the bytes that it is sent out.
//!
//! Everything between the two is what a browser meets: hyper with our limits, the guard, sessions, the
//! reading of bodies and of what names a tile. Only what answers is a stand-in, which remembers
//! whether it was asked.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::broadcast;

use super::tokens::Tokens;
use super::{Answers, Event, Refusal, Shared, connections};
use crate::lsp;

/// The port that the host believes to have.
pub(crate) const PORT: u16 = 7777;
/// The session that is let in.
pub(crate) const SESSION: &str = "s3ssion";
/// What stands in every answer that needs a session.
pub(crate) const SECRET: &str = "the-secret-figures";

/// How often a conversation that says it has more to do is let go on.
const TURNS: usize = 1000;

/// What came of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// What the peer was sent.
    pub(crate) sent: Vec<u8>,
    /// Whether it proved that it may ask.
    pub(crate) let_in: bool,
    /// How often something was asked of who answers.
    pub(crate) asked: u64,
}

#[derive(Debug)]
struct StandIn {
    asked: AtomicU64,
    events: broadcast::Sender<Event>,
}

impl StandIn {
    fn count(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }
}

impl Answers for StandIn {
    fn request(&self, method: String, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        self.count();
        async move { Ok(json!({ "secret": SECRET, "method": method, "params": params })) }.boxed()
    }

    fn tile(&self, params: Value) -> BoxFuture<'static, Result<Option<Vec<u8>>, Refusal>> {
        self.count();
        let asked = lsp::read_tile_request(&params);
        async move { asked.map(|_| Some(SECRET.into())) }.boxed()
    }

    fn open(&self, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        self.count();
        async move { Ok(json!({ "secret": SECRET, "opened": params })) }.boxed()
    }

    fn state(&self) -> Value {
        self.count();
        json!({ "secret": SECRET })
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

/// A peer that says what it has to say in pieces, ends its side, and keeps what it is sent.
struct Peer<'a> {
    pieces: Vec<&'a [u8]>,
    sent: Vec<u8>,
}

impl AsyncRead for Peer<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(piece) = self.pieces.last_mut() else { return Poll::Ready(Ok(())) };
        if piece.is_empty() {
            // Whoever reads faster than a peer writes has to wait, once for each piece.
            self.pieces.pop();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (now, later) = piece.split_at(piece.len().min(buf.remaining()));
        buf.put_slice(now);
        *piece = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sent.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Knows whether there is more to do.
#[derive(Default)]
struct More(AtomicBool);

impl Wake for More {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Says `bytes` to a host, cut in two at `cut`, and ends the peer's side. No time passes meanwhile:
/// what would wait for time ends.
///
/// # Errors
/// There is no runtime to be had.
pub(crate) fn converse(bytes: &[u8], cut: usize) -> io::Result<Conversation> {
    thread_local! {
        // To make one costs more than a conversation.
        static RUNTIME: io::Result<tokio::runtime::Runtime> =
            tokio::runtime::Builder::new_current_thread().enable_time().build();
    }
    RUNTIME.with(|runtime| {
        let runtime = runtime.as_ref().map_err(|error| io::Error::from(error.kind()))?;
        let _inside = runtime.enter();
        Ok(spoken(bytes, cut))
    })
}

fn spoken(bytes: &[u8], cut: usize) -> Conversation {
    let answers = Arc::new(StandIn { asked: AtomicU64::new(0), events: super::events() });
    let shared = Arc::new(Shared {
        port: PORT,
        tokens: Tokens::default(),
        answers: answers.clone(),
        started: Instant::now(),
        asked: AtomicU64::new(0),
        listening: AtomicU64::new(0),
        used: Arc::default(),
    });
    shared.tokens.admit(SESSION);
    let mark = Arc::new(AtomicBool::new(false));
    let (one, two) = bytes.split_at(cut.min(bytes.len()));
    let mut peer = Peer { pieces: vec![two, one], sent: Vec::new() };
    {
        let mut talk = Box::pin(connections::converse(&mut peer, mark.clone(), shared));
        let more = Arc::new(More::default());
        let waker = more.clone().into();
        let mut context = Context::from_waker(&waker);
        for _ in 0..TURNS {
            more.0.store(false, Ordering::Relaxed);
            let over = talk.as_mut().poll(&mut context).is_ready();
            if over || !more.0.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    Conversation {
        sent: peer.sent,
        let_in: mark.load(Ordering::Relaxed),
        asked: answers.asked.load(Ordering::Relaxed),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(text: &str) -> Conversation {
        converse(text.as_bytes(), 20).unwrap()
    }

    #[test]
    fn a_stranger_gets_the_page_and_nothing_else() {
        let host = "Host: 127.0.0.1:7777\r\n";
        let page = said(&format!("GET / HTTP/1.1\r\n{host}\r\n"));
        assert!(page.sent.starts_with(b"HTTP/1.1 200 OK"), "the page");
        assert!(!page.let_in && page.asked == 0);
        let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let stranger = said(&format!("POST /tile HTTP/1.1\r\n{host}{body}"));
        assert!(stranger.sent.starts_with(b"HTTP/1.1 401"), "{stranger:?}");
        assert!(!stranger.let_in && stranger.asked == 0);
        let auth = format!("Authorization: Bearer {SESSION}\r\n");
        let friend = said(&format!("POST /open HTTP/1.1\r\n{host}{auth}{body}"));
        assert!(friend.sent.starts_with(b"HTTP/1.1 200 OK"), "{friend:?}");
        assert!(friend.let_in && friend.asked == 1);
        let tile = said(&format!("POST /tile HTTP/1.1\r\n{host}{auth}{body}"));
        assert!(tile.sent.starts_with(b"HTTP/1.1 400"), "names no tile: {tile:?}");
    }
}
