//! The two queues between the transport's threads: messages that wait for their turn, frames that
//! wait to be written.
//!
//! Both are bounded, in number and in bytes, so that no peer can make the server grow. Their std
//! locks are held for a few instructions and never across an await.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Messages that were read but not yet dispatched. There are many only while a handler computes
/// where it should not.
const MAX_WAITING: usize = 1024;
const MAX_WAITING_BYTES: usize = 64 << 20;

/// Replies to a client that does not read them. From here on the reader waits, as the last resort.
const MAX_UNREAD: usize = 16 * 1024;
/// From here on a reply is replaced by a short error.
const MAX_UNREAD_BYTES: usize = 16 << 20;
/// From here on notifications and requests of our own wait, which makes their senders wait.
const FEW_UNREAD: usize = 64;
const FEW_UNREAD_BYTES: usize = 1 << 20;

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
    /// An item was taken and is still being worked on.
    busy: bool,
}

impl<T> State<T> {
    fn push(&mut self, item: T, bytes: usize) {
        self.bytes += bytes;
        self.items.push_back((item, bytes));
    }
}

#[derive(Debug)]
struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Queue<T> {
    fn new() -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, closed: false, busy: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Nothing in this file panics while it holds the lock, so a poisoned one would still be sound.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        guard: MutexGuard<'a, State<T>>,
        condition: impl Fn(&State<T>) -> bool,
    ) -> MutexGuard<'a, State<T>> {
        self.changed
            .wait_while(guard, |state| condition(state))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item, once there is one. `None` when the queue is closed and empty.
    fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        state.busy = false;
        self.changed.notify_all();
        let mut state = self.wait_while(state, |state| state.items.is_empty() && !state.closed);
        let (item, bytes) = state.items.pop_front()?;
        state.bytes -= bytes;
        state.busy = true;
        self.changed.notify_all();
        Some(item)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// Messages on their way from the reader to the dispatcher, in the order of arrival.
#[derive(Debug)]
pub(super) struct Inbox<T>(Queue<T>);

impl<T> Inbox<T> {
    pub(super) fn new() -> Self {
        Self(Queue::new())
    }

    /// Adds a message that takes about so many bytes; waits while there are too many before it.
    pub(super) fn push(&self, item: T, bytes: usize) {
        let full = |state: &State<T>| {
            let full = state.items.len() >= MAX_WAITING || state.bytes >= MAX_WAITING_BYTES;
            full && !state.closed
        };
        let mut state = self.0.wait_while(self.0.lock(), full);
        if !state.closed {
            state.push(item, bytes);
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// The next message, once there is one. `None` when the inbox is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    /// Takes no more messages. Those that are in it still come out.
    pub(super) fn close(&self) {
        self.0.close();
    }

    /// Throws away what waits.
    pub(super) fn clear(&self) {
        let mut state = self.0.lock();
        state.bytes = 0;
        let dropped = std::mem::take(&mut state.items);
        drop(state);
        drop(dropped);
    }
}

/// Frames on their way to the client.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Queue<Vec<u8>>,
    /// Wakes the one task that waits in [`Outbox::until_few`].
    fewer: Notify,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self { queue: Queue::new(), fewer: Notify::new() }
    }

    /// Adds a frame if the client keeps up, else what `instead` makes, which must be small.
    pub(super) fn push_or(&self, mut frame: Vec<u8>, instead: impl FnOnce() -> Vec<u8>) {
        // It was filled byte by byte, and may have room for as much again.
        frame.shrink_to_fit();
        let mut state = self.queue.lock();
        if state.closed {
            return;
        }
        // A frame of any size goes out if it is alone.
        let fits = state.items.is_empty() || state.bytes + frame.len() <= MAX_UNREAD_BYTES;
        let frame = if fits { frame } else { instead() };
        let bytes = frame.len();
        state.push(frame, bytes);
        drop(state);
        self.queue.changed.notify_all();
    }

    /// Adds a small frame whatever waits already.
    pub(super) fn push(&self, frame: Vec<u8>) {
        self.push_or(frame, Vec::new);
    }

    /// Waits, on a thread that may, while the client leaves far too much unread.
    pub(super) fn wait_while_flooded(&self) {
        let flooded = |state: &State<Vec<u8>>| state.items.len() >= MAX_UNREAD && !state.closed;
        drop(self.queue.wait_while(self.queue.lock(), flooded));
    }

    /// Waits until little is left to be written. One task at a time.
    pub(super) async fn until_few(&self) {
        loop {
            {
                let state = self.queue.lock();
                if state.closed || state.items.len() < FEW_UNREAD && state.bytes < FEW_UNREAD_BYTES
                {
                    return;
                }
            }
            self.fewer.notified().await;
        }
    }

    /// The next frame, once there is one. `None` when the outbox is closed and empty.
    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        let frame = self.queue.pop();
        self.fewer.notify_one();
        frame
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// Gives up: nobody reads at the other end.
    pub(super) fn abandon(&self) {
        let mut state = self.queue.lock();
        state.closed = true;
        state.busy = false;
        state.bytes = 0;
        state.items.clear();
        drop(state);
        self.queue.changed.notify_all();
        self.fewer.notify_one();
    }

    /// Takes no more frames, and waits until the last one is written, but no longer than
    /// `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        self.queue.close();
        self.fewer.notify_one();
        let end = Instant::now() + patience;
        let mut state = self.queue.lock();
        while !state.items.is_empty() || state.busy {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return };
            (state, _) = self
                .queue
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
