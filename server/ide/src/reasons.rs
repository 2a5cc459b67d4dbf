//! Verdicts in a sentence.

use exectrace::{FrameId, StackId};

use crate::blame::{End, EndLine};
use crate::figures::SlotId;
use crate::findings;
use crate::kinds::{are_in_c, stacks_of};
use crate::text::plain;
use crate::units::percent_short;
use crate::verdicts::{Judgement, Sum, Verdict, Why, gives_answer, waits_for_turn};
use crate::view::View;

/// Why the waits of some slots are what they mostly are, in a sentence, and before it why they are costly
/// where a good part is: that is what colour and order go by. `None` if nothing was judged.
pub fn reason(view: &View, sum: &Sum, slots: &[SlotId]) -> Option<String> {
    told(sum, &Waits { view, slots, stacks: stacks_of(&view.analysis, slots) })
}

/// The same of one wait, which begins at a stack.
pub fn of_one(view: &View, judged: Judgement, ns: i64, stack: StackId) -> Option<String> {
    told(&Sum::one(judged, ns), &Waits { view, slots: &[], stacks: vec![stack] })
}

/// What a sentence is about.
struct Waits<'a> {
    view: &'a View,
    /// All waits of these, or none: then it is about one, of which nothing is known but where it began.
    slots: &'a [SlotId],
    stacks: Vec<StackId>,
}

fn told(sum: &Sum, waits: &Waits<'_>) -> Option<String> {
    let verdict = sum.largest()?;
    let most = waits.sentence(sum, verdict)?;
    let part = i128::from(sum.of(Verdict::Costly));
    if verdict == Verdict::Costly || part * GOOD_PART < i128::from(sum.total()) {
        return Some(most);
    }
    let costly = waits.sentence(sum, Verdict::Costly);
    Some(match costly {
        Some(costly) => format!("{costly}; {most}"),
        None => most,
    })
}

/// One in so many is a good part.
pub(crate) const GOOD_PART: i128 = 5;

impl Waits<'_> {
    /// The same of one verdict.
    fn sentence(&self, sum: &Sum, verdict: Verdict) -> Option<String> {
        let Waits { view, slots, .. } = self;
        let why = sum.why(verdict)?;
        let ends = || view.blame.as_ref().map(|b| b.ends_by_kind(slots)).unwrap_or_default();
        let share = share(sum, verdict);
        Some(match verdict {
            Verdict::Costly => format!("costly{share}: {}", self.costly(why, &ends())),
            Verdict::Through => format!("{}{share}{}", through(why), most(view, &ends())),
            Verdict::Idle => format!("idle{share}: {}", self.idle(why)),
            Verdict::Unsure => format!("unsure{share}: {}", self.unsure(why)),
        })
    }

    /// Whether tests wait for their turn there.
    fn have_turn(&self) -> bool {
        self.stand_in(waits_for_turn)
    }

    /// Whether a call stands there that gives an answer.
    fn have_asked(&self) -> bool {
        self.stand_in(gives_answer)
    }

    /// Whether such a function stands in one of the stacks.
    fn stand_in(&self, is: fn(&str) -> bool) -> bool {
        let analysis = &self.view.analysis;
        let func = |&frame: &FrameId| analysis.str(analysis.tables.frame(frame).func);
        self.stacks.iter().any(|&stack| analysis.stack(stack).iter().map(func).any(is))
    }

    /// What counts as a system call there.
    fn syscall(&self) -> &'static str {
        match are_in_c(&self.view.analysis, &self.stacks) {
            true => "a call into C",
            false => "a system call",
        }
    }

    fn costly(&self, why: Why, ends: &[(EndLine, i64)]) -> String {
        let Waits { view, slots, .. } = self;
        match why {
            Why::Lock => behind(view, ends),
            Why::ReceiverBusy => format!("the receiver was busy{}", in_brackets(view, ends)),
            Why::ReceiverLate => "others wait for it, and the receiver did not come".into(),
            Why::NoSlot => {
                match crate::sites::givers(&view.analysis, &view.placement, slots).first() {
                    Some(waker) if waker.frame.is_some() => {
                        let at = waker.frame.map_or_else(String::new, |f| place(view, Some(f)));
                        format!("no slot was free; its peers gave them back at {at}")
                    }
                    _ => "no slot was free; its peers gave them back".into(),
                }
            }
            Why::NetworkInPath if self.have_asked() => {
                "it asked over the network and waits for the answer".into()
            }
            Why::NetworkInPath => "the network, with a request in hand".into(),
            Why::NetWrite => "the other side did not take what was written".into(),
            Why::SleepsInPath => "it sleeps while others wait for it".into(),
            Why::TimerInPath => "it waits for a timer while others wait for it".into(),
            Why::SyscallInPath => format!("{} while others wait for it", self.syscall()),
            Why::Collector => "it waits for the garbage collector".into(),
            Why::JoinOutside => {
                "what it waits for waits outside, and no line of the program carries that".into()
            }
            Why::Told => "as .waitline.toml says".into(),
            _ => "others wait for it".into(),
        }
    }

    fn idle(&self, why: Why) -> String {
        let Waits { view, slots, .. } = self;
        match why {
            Why::WaitsForWork => {
                let wakers = crate::sites::wakers(&view.analysis, &view.placement, slots);
                let from = wakers.iter().find_map(|w| w.frame).map(|frame| {
                    let func = view.analysis.tables.frame(frame).func;
                    plain(crate::view::short_func(view.analysis.str(func)))
                });
                match from {
                    Some(func) => {
                        format!("waits for work from {func}; nobody waited for this goroutine")
                    }
                    None => "waits for work; nobody waited for this goroutine".into(),
                }
            }
            Why::Clock => "by the clock".into(),
            Why::Accepts => "waits for connections".into(),
            Why::StillWaits => "still waits at the end of the trace".into(),
            Why::ReceiverIdle => "the receiver had nothing to do either".into(),
            Why::System if self.have_turn() => "a test that waits for its turn".into(),
            Why::System => "the runtime's own".into(),
            Why::NothingKnown => "it was there before the trace and did not move".into(),
            Why::Wrapped => "a library waits through it".into(),
            Why::Once => "its work was done; who started it came later to take it".into(),
            Why::Told => "as .waitline.toml says".into(),
            _ => "waits outside, in its usual place; nobody waited for it".into(),
        }
    }

    fn unsure(&self, why: Why) -> String {
        let told = match why {
            Why::InTheMiddle => "in the middle of its work; nobody was seen waiting for it",
            Why::Once => "it happened once; nobody was seen waiting for it",
            Why::OnlyMain => "only main waits for it, for the whole run",
            Why::SyscallUnseen => {
                return format!("{}; nobody was seen waiting for it", self.syscall());
            }
            Why::SyscallInPath => {
                "a read of what comes from outside: a key, say; whether anybody is late cannot be told"
            }
            Why::StillSends => "still sends at the end of the trace",
            Why::StillWaits => "still waits at the end of the trace, with work in hand",
            Why::NetworkInPath => {
                "it asked over the network, or is asked there; nobody was seen waiting for it"
            }
            Why::ReceiverBusy => {
                "the receiver was at something else, and nobody was seen waiting for the sender: it may just be ahead"
            }
            Why::PeerUnsure => "one of its kind woke it; whether that is a lack cannot be told",
            Why::Minority => "too little of it is in anybody's way",
            Why::TimerInPath => "a timer; whether anybody wants it sooner cannot be told",
            Why::NothingKnown => "it was there before the trace, and the file does not say why",
            Why::Told => "as .waitline.toml says",
            _ => "it cannot be told from the trace",
        };
        told.into()
    }
}

/// A sentence of [`reason`] without its end that nobody waited for the goroutine: of the single waits that is so, and
/// says too much where others wait for their line.
pub(crate) fn but_demand(reason: &str) -> &str {
    reason.split_once("; nobody ").map_or(reason, |(reason, _)| reason)
}

/// How much of the waiting the sentence is about, where it is not nearly all.
fn share(sum: &Sum, verdict: Verdict) -> String {
    let (part, all) = (sum.of(verdict), sum.total());
    if i128::from(part) * 20 >= i128::from(all) * 19 {
        return String::new();
    }
    format!(" ({} of it)", percent_short(part, all))
}

fn through(why: Why) -> &'static str {
    match why {
        Why::Join => "waits for what it started",
        Why::Coroutine => "waits for the other side of a coroutine",
        Why::Told => "waits for other work, as .waitline.toml says",
        _ => "waits for what it asked for",
    }
}

/// A lock: what its holder did meanwhile.
fn behind(view: &View, ends: &[(EndLine, i64)]) -> String {
    let all: i64 = ends.iter().map(|e| e.1).sum();
    let Some(&((end, frame), ns)) = ends.first() else { return "somebody had the lock".into() };
    let share = percent_short(ns, all);
    let at = place(view, frame);
    match end {
        End::Running if frame.is_some() => {
            format!("{share} of it behind {at}, which ran with the lock")
        }
        End::Syscall if frame.is_some() => {
            format!("{share} of it behind {at}, in a system call with the lock")
        }
        End::Sleep if frame.is_some() => {
            format!("{share} of it behind {at}, which slept with the lock")
        }
        End::Running => format!("{share} of it while the holder ran"),
        End::Runnable => format!("{share} of it while the holder waited for a core"),
        End::Network if frame.is_some() => {
            format!("{share} of it behind {at}, which waited for the network with the lock")
        }
        End::Timer if frame.is_some() => {
            format!("{share} of it behind {at}, which waited for a timer with the lock")
        }
        End::Network => format!("{share} of it while the holder waited for the network"),
        End::Timer | End::Sleep => format!("{share} of it while the holder waited for a timer"),
        End::Gc => format!("{share} of it while the holder waited for the collector"),
        End::Syscall => format!("{share} of it while the holder was in a system call"),
        End::NotKnown => {
            "who had the lock did not give it back before the trace ended, or is not known".into()
        }
        End::More => "what the holder did could not be followed".into(),
    }
}

/// `: 89 % of it syscall main.go:21`.
fn most(view: &View, ends: &[(EndLine, i64)]) -> String {
    match top(view, ends) {
        Some((share, end)) => format!(": {share} of it {end}"),
        None => String::new(),
    }
}

/// ` (running main.go:21 60 %)`.
fn in_brackets(view: &View, ends: &[(EndLine, i64)]) -> String {
    match top(view, ends) {
        Some((share, end)) => format!(" ({end} {share})"),
        None => String::new(),
    }
}

/// Where most of some waits ends, for people: its share, and what it is.
fn top(view: &View, ends: &[(EndLine, i64)]) -> Option<(String, String)> {
    let ((end, ns), all) = first_known(ends)?;
    Some((percent_short(ns, all), end_name(view, end)))
}

/// The end that has most of what is known, a tenth of all at least; and all.
fn first_known(ends: &[(EndLine, i64)]) -> Option<((EndLine, i64), i64)> {
    let all: i64 = ends.iter().map(|e| e.1).sum();
    let &known = ends.iter().find(|(end, _)| !matches!(end.0, End::NotKnown | End::More))?;
    (i128::from(known.1) * 10 >= i128::from(all)).then_some((known, all))
}

/// `running main.go:21`.
pub fn end_name(view: &View, (end, frame): EndLine) -> String {
    match frame {
        Some(_) => format!("{} {}", end.name(), place(view, frame)),
        None => end.name().into(),
    }
}

/// Where waits end for the end of a line: `main.go:21 36 %`, or `network 19 %`; `own` is where they are, which says
/// nothing of what they wait for.
pub fn end_short(view: &View, ends: &[(EndLine, i64)], own: &str) -> Option<String> {
    let (((end, frame), ns), all) = first_known(ends)?;
    // A line of the runtime's, under which no other is, says no more to anybody than this.
    let is_runtimes = |frame: &exectrace::FrameId| {
        let func = view.analysis.tables.frame(*frame).func;
        view.analysis.str(func).starts_with("runtime.")
    };
    let at = match frame {
        Some(frame) if is_runtimes(&frame) => "the runtime".to_owned(),
        Some(_) => place(view, frame),
        None => end.name().to_owned(),
    };
    let is_own =
        own.strip_suffix(at.as_str()).is_some_and(|dir| dir.is_empty() || dir.ends_with('/'));
    let at = if is_own { end.name() } else { at.as_str() };
    Some(format!("{at} {}", percent_short(ns, all)))
}

/// `main.go:21`, where the line is now.
pub fn place(view: &View, frame: Option<exectrace::FrameId>) -> String {
    let place = |frame| findings::place(&view.analysis, Some(&view.placement), frame);
    frame.map_or_else(|| "?".into(), place)
}
