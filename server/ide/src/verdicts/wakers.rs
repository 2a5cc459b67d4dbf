//! What the stack of whoever ended a wait tells: whether it sent, received, closed.

use exectrace::{FrameId, StackId, StrId, Version};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::facts::{Fact, Facts, WaitKind};
use super::people::{People, weight};
use super::seen::Seen;
use crate::Analysis;
use crate::sites::ends_context;
use crate::stays::{GoRow, Stay, Stays};

/// What the stack of a waker tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct WakerStack {
    /// Its leaf is no function of the runtime: a channel was closed, where it is one.
    pub(super) plain: bool,
    /// It received.
    pub(super) receives: bool,
    /// It stood in a `select`, and whether it sent or received is not known.
    pub(super) selects: bool,
    /// It woke all at a condition.
    pub(super) broadcasts: bool,
    /// It made what it brings, a connection say.
    pub(super) makes: bool,
    /// It ended a context.
    pub(super) cancels: bool,
    /// It sent a message over a stream that it opened to a server.
    pub(super) asks: bool,
    /// The first function of the program's own, or in which that is written; and the line.
    pub(super) func: StrId,
    pub(super) line: u32,
    /// By its name that function gives something back: then of what.
    pub(super) gives_back: Option<OfType>,
}

/// A type, by number, one of whose methods gives something back, or takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfType {
    number: u32,
    /// By its name it does nothing else: those of queues are named otherwise.
    surely: bool,
}

/// Types whose methods give something back, or take it, by number.
#[derive(Debug, Default)]
pub(super) struct Types<'a>(HashMap<&'a str, u32>);

impl<'a> Types<'a> {
    /// `example.com/store.(*Pool)` of `example.com/store.(*Pool).Get`.
    pub(super) fn takes(&mut self, func: &'a str) -> Option<OfType> {
        self.of(func, &TAKES)
    }

    fn of(&mut self, func: &'a str, words: &[(&str, bool)]) -> Option<OfType> {
        let (of, name) = method(func)?;
        let &(_, surely) = words.iter().find(|(word, _)| is_named(name, word))?;
        let next = self.0.len() as u32;
        Some(OfType { number: *self.0.entry(of).or_insert(next), surely })
    }
}

/// The type of a method, and its name. A function of a package has neither.
fn method(func: &str) -> Option<(&str, &str)> {
    let after_path = func.rfind('/').map_or(0, |at| at + 1);
    let package = after_path + func[after_path..].find('.')?;
    // What stands for the types of a generic one is `[...]`.
    let rest = &func[package + 1..];
    let types = rest.find("[...]").filter(|&at| !rest[..at].contains('.')).map_or(0, |at| at + 5);
    let of = package + 1 + types + rest[types..].find('.')?;
    Some((&func[..of], func[of + 1..].split('.').next()?))
}

/// By stack of the trace.
pub(super) fn waker_stacks<'a>(
    analysis: &'a Analysis,
    facts: &Facts,
    types: &mut Types<'a>,
) -> Vec<WakerStack> {
    let func = |f: FrameId| analysis.str(analysis.tables.frame(f).func);
    let lines = selects_of(analysis.version);
    let stacks = || (0..analysis.tables.n_stacks() as u32).map(StackId);
    // What is deferred is often written as a function within.
    let ids: HashMap<&str, StrId> = facts.funcs().map(|id| (analysis.str(id), id)).collect();
    let outer = |func: StrId| {
        let name = analysis.str(func);
        let outer = name.find(".func").and_then(|at| ids.get(&name[..at]).copied());
        outer.unwrap_or(func)
    };
    let made = stacks().map(|id| {
        let stack = analysis.stack(id);
        let name = stack.first().copied().map_or("", func);
        let own = stack.iter().find(|&&f| facts.is_own(f)).map(|&f| analysis.tables.frame(f));
        let act = act_of(analysis, lines, id);
        WakerStack {
            plain: act == Act::Plain,
            receives: act == Act::Received,
            selects: act == Act::Selected,
            broadcasts: name == "sync.(*Cond).Broadcast",
            makes: stack.iter().any(|&f| makes(func(f))),
            cancels: ends_context(analysis, id),
            func: own.map_or(StrId::NONE, |f| outer(f.func)),
            line: own.map_or(0, |f| f.line),
            gives_back: own.and_then(|f| types.of(analysis.str(outer(f.func)), &GIVES_BACK)),
            asks: asks(stack.iter().map(|&f| func(f))),
        }
    });
    made.collect()
}

/// What somebody did who ended a wait, by where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Act {
    /// Sent to a channel.
    Sent,
    /// Received from one.
    Received,
    /// One of these, in a `select`.
    Selected,
    /// Something that is no function of the runtime: closed a channel, where it was one.
    Plain,
    /// Another function of the runtime.
    Other,
}

/// What those did who stood there.
pub(crate) fn act(analysis: &Analysis, stack: StackId) -> Act {
    act_of(analysis, selects_of(analysis.version), stack)
}

fn act_of(analysis: &Analysis, selects: &[(u32, u32)], stack: StackId) -> Act {
    let leaf = analysis.stack(stack).first().map(|&f| analysis.tables.frame(f));
    let name = leaf.map_or("", |leaf| analysis.str(leaf.func));
    let is_any = |of: &[&str]| of.iter().any(|func| name.starts_with(func));
    if is_any(&["runtime.chanrecv", "runtime.selectnbrecv", "reflect.chanrecv"]) {
        return Act::Received;
    }
    if is_any(&["runtime.chansend", "runtime.selectnbsend", "reflect.chansend"]) {
        return Act::Sent;
    }
    let line = leaf.map_or(0, |leaf| leaf.line);
    match name {
        "runtime.selectgo" => match selects.iter().find(|of| of.0 == line || of.1 == line) {
            Some(of) if of.0 == line => Act::Received,
            Some(_) => Act::Sent,
            None => Act::Selected,
        },
        _ if name.starts_with("runtime.") => Act::Other,
        _ => Act::Plain,
    }
}

/// Where `runtime.selectgo` receives from a goroutine that waits, and where it sends to one: the lines of the
/// two calls in the releases of Go that write this version. Where they are not known it is not known either
/// which of two `select`s sent.
fn selects_of(version: Version) -> &'static [(u32, u32)] {
    match version {
        Version::GO_1_19 => &[(471, 501)],
        Version::GO_1_21 | Version::GO_1_22 => &[(470, 500)],
        Version::GO_1_23 => &[(481, 511), (497, 527)],
        Version::GO_1_25 | Version::GO_1_26 => &[(497, 527)],
        _ => &[],
    }
}

/// Whether a message is sent over a stream of gRPC that is open already: not the request that opens one, which the
/// library sends, or a method of a client that was generated.
fn asks<'a>(mut funcs: impl Iterator<Item = &'a str>) -> bool {
    funcs.any(|f| f == "google.golang.org/grpc.(*clientStream).SendMsg")
        && funcs.next().is_some_and(|f| {
            let is_client = method(f).is_some_and(|(of, _)| of.ends_with("Client)"));
            !f.starts_with("google.golang.org/grpc.") && !is_client || f.ends_with(").Send")
        })
}

/// What methods are named that give something back, and that take it: `Put`, `release`, `putConn`; `Get`, `acquire`.
/// And whether they do so surely: queues have methods named so, too, and so have those of whom one asks for something.
const GIVES_BACK: [(&str, bool); 9] = [
    ("Put", false),
    ("Release", false),
    ("Return", false),
    ("Free", false),
    ("Recycle", false),
    ("Revert", true),
    ("GiveBack", false),
    ("Unlock", false),
    ("Checkin", false),
];
const TAKES: [(&str, bool); 9] = [
    ("Get", false),
    ("Acquire", false),
    ("Take", false),
    ("Borrow", false),
    ("Retrieve", true),
    ("Alloc", false),
    ("Lock", false),
    ("Reserve", false),
    ("Checkout", false),
];

/// Whether a method's name begins with this word, with a capital letter or without.
fn is_named(name: &str, word: &str) -> bool {
    let (first, rest) = word.split_at(1);
    let after = name
        .strip_prefix(word)
        .or_else(|| name.strip_prefix(first.to_ascii_lowercase().as_str())?.strip_prefix(rest));
    after.is_some_and(|after| !after.starts_with(char::is_lowercase))
}

/// Functions that open a connection for somebody who waits for one.
fn makes(func: &str) -> bool {
    ["net/http.(*Transport).dialConnFor", "database/sql.(*DB).openNewConnection"].contains(&func)
}

impl People {
    /// Whether the waker closed the channel: what wakes otherwise is a function of the runtime.
    pub(super) fn closes(&self, fact: Fact, stay: &Stay) -> bool {
        matches!(fact.kind, WaitKind::Receive | WaitKind::Select | WaitKind::Send)
            && self.waker(stay).is_some_and(|w| w.plain)
    }

    /// Whether who started the goroutine, or who started that one, closed the channel that it waited for:
    /// the sign for a start or a stop.
    pub(super) fn is_told_by_maker(&self, seen: &Seen<'_>) -> bool {
        seen.person.makers.contains(&seen.stay.waker) && self.closes(seen.fact, seen.stay)
    }

    /// What the stack of the goroutine that ended a wait tells.
    pub(super) fn waker(&self, stay: &Stay) -> Option<WakerStack> {
        (stay.waker != GoRow::NONE)
            .then(|| self.wakers.get(stay.waker_stack.0 as usize).copied())
            .flatten()
    }

    /// Whether who ended a wait woke all at a condition: no slot, for those are given back one by one.
    pub(super) fn is_broadcast(&self, stay: &Stay) -> bool {
        self.waker(stay).is_some_and(|w| w.broadcasts)
    }

    /// Whether a wait ended because its context did: who ended that was asked for nothing.
    pub(super) fn is_cancelled(&self, stay: &Stay) -> bool {
        self.waker(stay).is_some_and(|w| w.cancels)
    }

    /// Whether a handler of HTTP waited until its client was gone, as all do there.
    pub(super) fn is_hung_up(&self, seen: &Seen<'_>) -> bool {
        let waker = self.gos.get(seen.stay.waker.0 as usize);
        waker.is_some_and(|waker| waker.hangs_up)
            && self.groups[seen.at.group as usize].is_left
            && seen.is_callback()
    }

    /// Whether who ended a wait brought what it had made for that: nobody gave it back.
    pub(super) fn is_made_for_it(&self, stay: &Stay) -> bool {
        self.waker(stay).is_some_and(|w| w.makes)
    }

    /// Whether a sender's slot was given back: by a goroutine that it started itself, as the last thing that
    /// one waited for or called. (`sem <- token`, and `<-sem` where the work is done.)
    pub(super) fn is_given_back(&self, seen: &Seen<'_>, stays: &Stays) -> bool {
        let stay = seen.stay;
        let Some(w) = self.gos.get(stay.waker.0 as usize) else { return false };
        let left = stays.go(stay.waker).end.0.saturating_sub(stay.end.0);
        seen.sends
            && w.makers[0] == stay.g
            && w.ended
            && w.last_wait <= stay.waker_last
            && left <= weight(stay)
    }

    /// Whether a goroutine took what was sent further on in the same function: so the channel holds as many as may
    /// be there at once. (The next of several stages takes before it sends.)
    pub(super) fn is_taken_alike(&self, seen: &Seen<'_>) -> bool {
        seen.sends && self.is_further_on(seen.fact, seen.stay)
    }

    /// Whether who ended a wait gave something back by a method of the type whose method waited: `(*Pool).Put` and
    /// `(*Pool).Get`.
    pub(super) fn is_given_back_to_type(&self, fact: Fact, stay: &Stay) -> bool {
        self.type_given_back_to(fact, stay).is_some()
    }

    /// The same, by names that are those of no queue: whoever does that, and wherever it waits.
    pub(super) fn is_surely_given_back(&self, fact: Fact, stay: &Stay) -> bool {
        self.type_given_back_to(fact, stay).is_some_and(|surely| surely)
    }

    /// Whether that is sure; `None` where nothing is given back.
    fn type_given_back_to(&self, fact: Fact, stay: &Stay) -> Option<bool> {
        let gives = self.waker(stay)?.gives_back?;
        let takes = fact.func.is_some().then(|| self.types.get(&fact.func)).flatten()?;
        (gives.number == takes.number).then_some(gives.surely && takes.surely)
    }

    /// Whether one of its kind ended a wait by giving back what it had taken, as far as it can be seen: by the name of
    /// the method, or further on in the function, where that is not home to work. (Queues have methods named so, too.)
    pub(super) fn is_handed_back(&self, seen: &Seen<'_>) -> bool {
        let (fact, stay) = (seen.fact, seen.stay);
        self.is_surely_given_back(fact, stay)
            || (!seen.is_home()
                && (self.is_given_back_to_type(fact, stay) || self.is_further_on(fact, stay)))
    }

    /// Whether who ended a wait stood further on in the function that waits.
    pub(super) fn is_further_on(&self, fact: Fact, stay: &Stay) -> bool {
        let Fact { func, line, .. } = fact;
        func.is_some() && self.waker(stay).is_some_and(|w| w.func == func && w.line > line)
    }

    /// The function of the program's own in which who ended a wait stood then.
    pub(super) fn waker_func(&self, stay: &Stay) -> Option<StrId> {
        self.waker(stay).map(|w| w.func).filter(|func| func.is_some())
    }

    /// Whether a signal ended a wait.
    pub(super) fn is_signalled(&self, stay: &Stay) -> bool {
        self.signals && self.gos.get(stay.waker.0 as usize).is_some_and(|waker| waker.signals)
    }

    /// Whether two `select`s met, and it is not known which of them sent.
    pub(super) fn selects_meet(&self, fact: Fact, stay: &Stay) -> bool {
        fact.kind == WaitKind::Select && self.waker(stay).is_some_and(|w| w.selects)
    }

    pub(super) fn is_sending(&self, fact: Fact, stay: &Stay) -> bool {
        match fact.kind {
            WaitKind::Send => true,
            WaitKind::Select => self.waker(stay).is_some_and(|w| w.receives),
            _ => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_take_and_give_back_are_told_by_their_type() {
        let mut types = Types::default();
        let pool = types.takes("example.com/store.v2/db.(*Pool).Get");
        assert!(pool.is_some());
        for gives in ["Put", "release", "putConn", "Put.func1", "ReturnConn.func2.1"] {
            let func = format!("example.com/store.v2/db.(*Pool).{gives}");
            let of = Types(types.0.clone()).of(&func, &GIVES_BACK);
            assert_eq!(of.map(|of| of.number), pool.map(|of| of.number), "{func}");
        }
        for other in ["(*Pool).Publish", "(*Pool).putter", "(*Pool).Get", "Put", "put.func1"] {
            let func = format!("example.com/store.v2/db.{other}");
            assert_eq!(Types(types.0.clone()).of(&func, &GIVES_BACK), None, "{func}");
        }
        let generic = types.takes("main.(*Pool[...]).acquire");
        let number = |of: Option<OfType>| of.map(|of| of.number);
        assert!(generic.is_some_and(|of| !of.surely) && number(generic) != number(pool));
        assert!(types.takes("lib.(*pool).retrieveWorker").is_some_and(|of| of.surely));
        assert_eq!(number(types.takes("main.(*Pool[...]).Take")), number(generic));
        let other = number(types.takes("main.Pool[...].Take"));
        assert!(other.is_some() && other != number(generic));
        assert_eq!(types.takes("main.(*Pool).getter"), None);
    }

    /// Whoever ended a wait in a `select` either sent or received. In the last of these both happen.
    #[test]
    fn selects_of_real_traces_are_told_apart() {
        let traces: [&[u8]; 3] = [
            include_bytes!("../../../../testdata/traces/g125/webmix-3s-trimpath.trace"),
            include_bytes!("../../../../testdata/traces/g126/webmix.trace"),
            include_bytes!("../../../../testdata/truth/traces/acks.trace"),
        ];
        let mut both = (0, 0);
        for trace in traces {
            let analysis = crate::analysis::of_bytes(trace).unwrap();
            let told = waker_stacks(&analysis, &Facts::default(), &mut Types::default());
            let leaf = |stack: StackId| {
                let leaf = analysis.stack(stack).first();
                leaf.map_or("", |&f| analysis.str(analysis.tables.frame(f).func))
            };
            let wakers = analysis.wakers.iter().filter_map(|waker| waker.stack);
            let selects: Vec<_> = wakers.filter(|&s| leaf(s) == "runtime.selectgo").collect();
            assert!(!selects.is_empty() && selects.iter().all(|s| !told[s.0 as usize].selects));
            let received = selects.iter().filter(|s| told[s.0 as usize].receives).count();
            both = (received, selects.len() - received);
        }
        assert!(both.0 > 0 && both.1 > 0, "{both:?}");
    }
}
