//! What goroutines with the same root have in common at a site.

use crate::stays::{GoRow, Stay};

/// Goroutines at a site that have the same root.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// Time of all waits, in nanoseconds.
    pub(super) ns: i64,
    /// Time that was ended by goroutines.
    pub(super) woken_ns: i64,
    /// Time that was ended by closing a channel, not a context's, and how often that was.
    pub(super) closed_ns: i64,
    pub(super) n_closed: u32,
    /// Time that one of their kind ended so, as its last act.
    kin_ns: i64,
    /// How often; how many of those waits had begun before another one did so, and how many are of goroutines that were
    /// started later than the first one did.
    n_kin: u32,
    n_outlasted: u32,
    n_late: u32,
    /// When it was first done, who did it last, and when; and when the one before did.
    first_kin: Option<i64>,
    last_kin: Option<(GoRow, i64)>,
    kin_before: Option<i64>,
    /// Time that was ended by giving back what had been taken, as far as that is to be seen.
    pub(super) slot_ns: i64,
    /// How often somebody waited.
    pub(super) n: u64,
    /// How many goroutines were there.
    pub(super) n_goroutines: u32,
    /// Time that was ended by an answer.
    pub(super) answered_ns: i64,
    /// Time at the homes of its goroutines.
    pub(super) home_ns: i64,
    /// Time that followed upon a question, on connections that its goroutines opened.
    pub(super) trips_ns: i64,
    /// Time that a timer ended in a handler of HTTP that then went on with something.
    pub(super) paused_ns: i64,
    /// Time after which the handler sent something to its client next, before the request was over.
    pub(super) streamed_ns: i64,
    /// Some goroutine ended such a wait, too.
    pub(super) is_told: bool,
    /// Time that ended since the client of its handler was gone.
    pub(super) hung_ns: i64,
    /// It asks for what happens elsewhere, and nothing else.
    pub(super) polls: bool,
    /// Whether what it waits for are answers.
    pub(super) gets_answers: bool,
    /// Nearly all of its waits are for answers over the network to what was just asked.
    pub(super) makes_trips: bool,
    /// Its waits last until a handler's client is gone.
    pub(super) is_left: bool,
}

impl Group {
    /// Whether enough of what was ended by goroutines was ended by answers: more is asked of a home, where not all that
    /// comes is an answer.
    pub(super) fn is_answered(&self) -> bool {
        // Of many goroutines that wait for minutes the sums are years: times a hundred, more than fits.
        let [ns, home, answered, kin, woken] =
            [self.ns, self.home_ns, self.answered_ns, self.kin_ns, self.woken_ns].map(i128::from);
        let (answered, percent) = match self.is_of_promises() {
            true if self.is_made_of_kin() => (answered + kin, 25),
            true => (answered, 25),
            false if home * 2 > ns => (answered, 80),
            false => (answered, 25),
        };
        answered > 0 && answered * 100 >= woken * percent
    }

    /// One of its kind ended a wait by closing a channel, as its last act.
    pub(super) fn add_kin(&mut self, stay: &Stay, birth: i64) {
        self.kin_ns = self.kin_ns.saturating_add(stay.end.since(stay.start));
        self.n_kin = self.n_kin.saturating_add(1);
        if let Some((waker, t)) = self.last_kin
            && waker != stay.waker
        {
            self.kin_before = Some(t);
        }
        self.last_kin = Some((stay.waker, stay.end.0));
        let is_outlasted = self.kin_before.is_some_and(|t| stay.start.0 < t);
        self.n_outlasted = self.n_outlasted.saturating_add(u32::from(is_outlasted));
        let is_late = birth > *self.first_kin.get_or_insert(stay.end.0);
        self.n_late = self.n_late.saturating_add(u32::from(is_late));
    }

    /// Whether each waits there for some of its kind, all of which were started together. Where those who come and go
    /// tell all others that they are gone, no wait outlasts that, and new ones come meanwhile.
    fn is_made_of_kin(&self) -> bool {
        self.n_outlasted > 0 && self.n_outlasted >= self.n_kin / 8 && self.n_late <= self.n_kin / 8
    }

    /// Whether slots are given back there, for half of the time or more of what goroutines ended.
    pub(super) fn gives_slots(&self) -> bool {
        self.slot_ns > 0 && i128::from(self.slot_ns) * 2 >= i128::from(self.woken_ns)
    }

    /// Whether a handler tells its client there what happens, for half of the time or more.
    pub(super) fn streams(&self) -> bool {
        self.streamed_ns > 0 && i128::from(self.streamed_ns) * 2 >= i128::from(self.ns)
    }

    /// Whether those are pauses that a timer ends there, for half of the time or more: before a next try, say.
    pub(super) fn is_of_pauses(&self) -> bool {
        self.paused_ns > 0
            && !self.is_told
            && i128::from(self.paused_ns) * 2 >= i128::from(self.ns) - i128::from(self.woken_ns)
    }

    /// Whether each waits for one channel after the other, since closing one wakes nobody twice: for what comes of
    /// one question after the other, as a rule, and for no work. (Or it hears so that something has changed: of that
    /// nobody was asked.)
    fn is_of_promises(&self) -> bool {
        let [closed, woken] = [self.closed_ns, self.woken_ns].map(i128::from);
        self.n_closed / 2 >= self.n_goroutines && closed * 2 >= woken
    }

    /// Whether few goroutines do hardly anything else in all of the trace, over and over and for long on average: they
    /// hear so what happens elsewhere, as a long poll does.
    pub(super) fn is_poll(&self, duration: i64) -> bool {
        const MOST_GOROUTINES: u32 = 4;
        /// Of one wait on average, in nanoseconds.
        const LONG: i128 = 20_000_000;
        let (ns, n) = (i128::from(self.ns), i128::from(self.n));
        let gos = i128::from(self.n_goroutines);
        let all = i128::from(duration) * gos;
        self.n_goroutines <= MOST_GOROUTINES && n >= 2 * gos && ns >= n * LONG && ns * 10 >= all * 9
    }

    /// Whether nothing but that its client was gone ended a wait, of all that goroutines ended. Where others are
    /// answered, those clients may have given up.
    pub(super) fn is_hung_up(&self) -> bool {
        self.hung_ns > 0 && self.hung_ns >= self.woken_ns
    }

    /// Whether nearly all of its time followed upon questions.
    pub(super) fn is_of_trips(&self) -> bool {
        let [ns, trips] = [self.ns, self.trips_ns].map(i128::from);
        trips > 0 && trips * 5 >= ns * 4
    }
}
