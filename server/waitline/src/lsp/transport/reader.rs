//! The reader thread: bytes to frames, frames to messages, messages to the inbox. Cancels and replies
//! are dealt with here, so that they wait behind no handler.

use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Instant;

use futures::SinkExt;
use serde_json::Value;
use tower_lsp::ExitedError;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Response, Result};

use super::in_flight::Refusal;
use super::message::{Message, bad, parse};
use super::{Session, Work};
use crate::lsp::frames::{DamageReason, Frame, FrameDecoder};

pub(super) const READ_SIZE: usize = 64 * 1024;

/// The request failed, for a reason that is neither its syntax nor a fault of ours (LSP 3.17).
const REQUEST_FAILED: ErrorCode = ErrorCode::ServerError(-32803);

impl Session {
    pub(super) fn read<R>(&self, mut input: impl Read, mut replies: R)
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

fn damage_error(reason: DamageReason) -> Error {
    let code = match reason {
        DamageReason::BodyTooLarge(_) => ErrorCode::InvalidRequest,
        _ => ErrorCode::ParseError,
    };
    bad(code, reason.to_string())
}
