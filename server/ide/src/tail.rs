//! What can still be told of the generation in which a trace breaks off.
//!
//! A program that crashes leaves the events of its last moments, but not the names that belong to
//! them: the runtime writes strings and stacks at a generation's end. So nothing of it can stand on
//! a line, and no figure counts it; but how far the trace went, and what the goroutines were doing
//! then, is there.

use exectrace::{At, Decoder, Generation, GoEvent, GoId, GoState, Nanos, Sink, Tables};
use hashbrown::HashMap;

use crate::figures::GoLocal;
use crate::units::{count, duration};

/// The end of a trace that broke off, without names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// From where on, which is where the figures end.
    pub from: Nanos,
    /// Its last event.
    pub until: Nanos,
    /// How many events it has.
    pub events: u64,
    /// How many goroutines ran when it broke off.
    pub running: u64,
    /// How many were able to run and waited for a P.
    pub runnable: u64,
    /// How many were blocked.
    pub waiting: u64,
    /// How many were in a system call.
    pub syscall: u64,
    /// Of those that stood still at the end and began to in the tail: who longest, and since when.
    pub longest: Option<(GoId, Nanos)>,
}

impl Tail {
    /// What it is, in a sentence.
    pub fn sentence(&self) -> String {
        let states = [
            (self.running, "ran"),
            (self.runnable, "waited for a P"),
            (self.waiting, "waited"),
            (self.syscall, "in a system call"),
        ];
        let did: Vec<String> = states
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{} {what}", count(*n)))
            .collect();
        let longest = match self.longest {
            Some((g, since)) => {
                format!(", goroutine {} longest, from {} on", g.0, duration(since.0))
            }
            None => String::new(),
        };
        format!(
            "{} more, to {}, can be read without names: {} events; of the goroutines seen in them at last {}{longest}",
            duration(self.until.since(self.from)),
            duration(self.until.0),
            count(self.events),
            did.join(", "),
        )
    }
}

/// Reads the tail with the decoder that read all before. `None` if it tells nothing.
pub(crate) fn read(
    decoder: &mut Decoder<GoLocal>,
    generation: &Generation,
    tables: &Tables,
) -> Option<Tail> {
    let (from, before) = (decoder.last(), decoder.n_events());
    let mut pass = Pass { states: HashMap::new() };
    // Without the buffers that were lost, some event comes that cannot have happened yet: then what
    // came before it is the tail.
    let _ = decoder.decode(generation, tables, &mut pass);
    let until = decoder.last();
    let n = |state| pass.states.values().filter(|(s, _)| *s == state).count() as u64;
    let stood = |state: &GoState| matches!(state, GoState::Waiting | GoState::Syscall);
    let longest = pass.states.iter().filter(|(_, (state, since))| stood(state) && *since > from);
    let longest = longest.map(|(&g, &(_, since))| (since, g.0)).min();
    let tail = Tail {
        from,
        until,
        events: decoder.n_events().saturating_sub(before),
        running: n(GoState::Running),
        runnable: n(GoState::Runnable),
        waiting: n(GoState::Waiting),
        syscall: n(GoState::Syscall),
        longest: longest.map(|(since, g)| (GoId(g), since)),
    };
    (!pass.states.is_empty() && until > from).then_some(tail)
}

struct Pass {
    /// What each goroutine does, and since when.
    states: HashMap<GoId, (GoState, Nanos)>,
}

impl Sink for Pass {
    type Local = GoLocal;

    fn go(&mut self, at: &At, event: &GoEvent, _: &mut GoLocal) {
        if event.to == GoState::NotExist {
            self.states.remove(&event.g);
        } else if event.from != event.to || !self.states.contains_key(&event.g) {
            self.states.insert(event.g, (event.to, at.t));
        }
    }
}
