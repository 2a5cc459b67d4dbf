//! Who may ask: a ticket that is good once and for a minute, and the session that it is exchanged
//! for. Only digests are kept, and only digests are compared: how long that takes tells nothing of a
//! token.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How long a ticket is good.
pub(super) const TICKET: Duration = Duration::from_secs(60);
/// So many sessions there may be; the oldest goes for one more.
const SESSIONS: usize = 32;
/// So many tickets there may be.
const TICKETS: usize = 32;

type Digested = [u8; 32];

#[derive(Default)]
struct Known {
    tickets: Vec<(Digested, Instant)>,
    sessions: Vec<Digested>,
}

/// The tokens that are good.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<Known>,
}

fn digest(token: &str) -> Digested {
    Sha256::digest(token.as_bytes()).into()
}

/// 256 bits that nobody can guess.
fn random() -> io::Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl Tokens {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new ticket.
    pub(super) fn ticket(&self) -> io::Result<String> {
        let ticket = random()?;
        let now = Instant::now();
        let mut known = self.known();
        known.tickets.retain(|t| now.duration_since(t.1) < TICKET);
        if known.tickets.len() >= TICKETS {
            known.tickets.remove(0);
        }
        known.tickets.push((digest(&ticket), now));
        Ok(ticket)
    }

    /// Lets in who names `session`: a test knows what it sends before there is a ticket.
    #[cfg(any(test, fuzzing))]
    pub(super) fn admit(&self, session: &str) {
        self.known().sessions.push(digest(session));
    }

    /// A session for a ticket, which is good no more.
    pub(super) fn exchange(&self, ticket: &str) -> Option<String> {
        let (digested, now) = (digest(ticket), Instant::now());
        let session = random().ok()?;
        let mut known = self.known();
        let at = known.tickets.iter().position(|t| t.0 == digested)?;
        let (_, since) = known.tickets.swap_remove(at);
        if now.duration_since(since) >= TICKET {
            return None;
        }
        if known.sessions.len() >= SESSIONS {
            known.sessions.remove(0);
        }
        known.sessions.push(digest(&session));
        Some(session)
    }

    /// Whether a session is one.
    pub(super) fn is_session(&self, token: &str) -> bool {
        let digested = digest(token);
        self.known().sessions.contains(&digested)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_ticket_is_good_once() {
        let tokens = Tokens::default();
        let ticket = tokens.ticket().unwrap();
        assert_eq!(ticket.len(), 43);
        assert!(!tokens.is_session(&ticket));
        assert_eq!(tokens.exchange("not one"), None);
        let session = tokens.exchange(&ticket).unwrap();
        assert_eq!(tokens.exchange(&ticket), None);
        assert!(tokens.is_session(&session));
        assert_eq!(tokens.exchange(&session), None);
    }

    #[test]
    fn a_ticket_is_good_for_a_minute() {
        let tokens = Tokens::default();
        let ticket = tokens.ticket().unwrap();
        let Some(long_ago) = Instant::now().checked_sub(TICKET) else { return };
        tokens.known().tickets[0].1 = long_ago;
        assert_eq!(tokens.exchange(&ticket), None);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let tokens = Tokens::default();
        let session = || tokens.exchange(&tokens.ticket().unwrap()).unwrap();
        let first = session();
        let rest: Vec<String> = (0..SESSIONS).map(|_| session()).collect();
        assert!(!tokens.is_session(&first));
        assert!(rest.iter().all(|s| tokens.is_session(s)));
    }
}
