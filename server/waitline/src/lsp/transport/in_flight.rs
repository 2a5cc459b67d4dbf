//! The requests that still owe an answer, in both directions.
//!
//! Whoever takes a request of the client out of the table answers it: the handler that is done, the
//! cancel, the end of the session. So each request has exactly one answer, whatever races with
//! what.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{AbortHandle, AbortRegistration};
use tower_lsp::jsonrpc::Id;

/// More requests than any editor has in flight. From here on they are refused.
const MAX_IN_FLIGHT: usize = 4096;

/// More questions of our own than any client leaves open. The oldest is forgotten.
const MAX_ASKED: usize = 4096;

/// Why a request is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its id belongs to a request that is not answered yet.
    Duplicate,
    /// Too many are not answered yet.
    TooMany,
}

#[derive(Debug)]
struct Entry {
    /// Our own number for the request, see [`InFlight::begin`].
    number: i32,
    abort: AbortHandle,
}

/// The requests of the client that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Id, Entry>,
    last_number: i32,
    /// Numbers of requests whose future ended in a way that tower-lsp did not see.
    unseen: Vec<i32>,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request. Gives the number under which tower-lsp gets to know it: tower-lsp keeps a
    /// table of ids, never cleans up after a handler that panicked, and cannot cancel ids beyond 31
    /// bits.
    pub(super) fn begin(&self, id: Id) -> Result<(i32, AbortRegistration), Refusal> {
        let mut table = self.lock();
        if table.entries.contains_key(&id) {
            return Err(Refusal::Duplicate);
        }
        if table.entries.len() >= MAX_IN_FLIGHT {
            return Err(Refusal::TooMany);
        }
        table.last_number = table.last_number.checked_add(1).unwrap_or(1);
        let number = table.last_number;
        let (abort, registration) = AbortHandle::new_pair();
        table.entries.insert(id, Entry { number, abort });
        Ok((number, registration))
    }

    /// Whether the request still owes an answer.
    pub(super) fn owes(&self, id: &Id, number: i32) -> bool {
        self.lock().entries.get(id).is_some_and(|entry| entry.number == number)
    }

    /// Takes out a request that is done. True when the caller is the one to answer it.
    /// `seen` says whether tower-lsp saw the end of it, which it does not when the handler
    /// panicked.
    pub(super) fn finish(&self, id: &Id, number: i32, seen: bool) -> bool {
        let mut table = self.lock();
        if !seen {
            table.unseen.push(number);
        }
        // The id may belong to a later request by now, if this one was cancelled.
        if table.entries.get(id).is_none_or(|entry| entry.number != number) {
            return false;
        }
        table.entries.remove(id).is_some()
    }

    /// Stops a request. True when the caller is the one to answer it.
    pub(super) fn cancel(&self, id: &Id) -> bool {
        let entry = {
            let mut table = self.lock();
            let Some(entry) = table.entries.remove(id) else { return false };
            table.unseen.push(entry.number);
            entry
        };
        entry.abort.abort();
        true
    }

    /// Stops all requests. Nobody answers them.
    pub(super) fn cancel_all(&self) {
        let entries = std::mem::take(&mut self.lock().entries);
        for entry in entries.into_values() {
            entry.abort.abort();
        }
    }

    /// The numbers that tower-lsp has to be told to forget, once.
    pub(super) fn take_unseen(&self) -> Vec<i32> {
        std::mem::take(&mut self.lock().unseen)
    }
}

/// The requests of ours that the client has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<VecDeque<Id>>);

impl Asked {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, id: Id) {
        let mut asked = self.lock();
        if asked.len() >= MAX_ASKED {
            asked.pop_front();
        }
        asked.push_back(id);
    }

    /// True for the first reply to a request that we made.
    pub(super) fn finish(&self, id: &Id) -> bool {
        let mut asked = self.lock();
        let Some(at) = asked.iter().position(|known| known == id) else { return false };
        asked.remove(at).is_some()
    }
}
