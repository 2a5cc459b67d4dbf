//! An analysis as it is written down and read again: all but the lives of the goroutines, which are
//! most of it, and which the trace's file tells again to whoever asks.
//!
//! What is read was perhaps written by nobody of ours. Rows that are not there, numbers that no trace
//! can have and texts that could do harm are refused here, so that nothing later has to look.

use std::borrow::Cow;
use std::sync::Arc;

use exectrace::{FrameId, Nanos, StackId, StrId, Tables, Version};
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, Note};
use crate::causes::{Cause, Causes};
use crate::figures::{Instance, Slot, Totals, Waker};
use crate::sched::Queued;
use crate::text::is_invisible;

/// More of anything than a trace of the largest size can have.
const MOST: u64 = 1 << 40;

/// An analysis as it stands in the file.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    tables: Cow<'a, Tables>,
    causes: Vec<Cause>,
    slots: Cow<'a, [Slot]>,
    wakers: Cow<'a, [Waker]>,
    totals: Cow<'a, Totals>,
    queued: Option<Queued>,
    version: Version,
    events: u64,
    bytes: u64,
    sound_bytes: u64,
    next_trace: Option<u64>,
    notes: Cow<'a, [Note]>,
}

impl Analysis {
    /// All of it but the lives, as bytes. `None` for a trace that was not read to its end: of that,
    /// nothing is worth keeping.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.problem.is_some() || self.cut.is_some() {
            return None;
        }
        let form = Form {
            tables: Cow::Borrowed(&self.tables),
            causes: self.causes.ids().map(|id| self.causes.cause(id)).collect(),
            slots: Cow::Borrowed(&self.slots),
            wakers: Cow::Borrowed(&self.wakers),
            totals: Cow::Borrowed(&self.totals),
            queued: self.queued,
            version: self.version,
            events: self.events,
            bytes: self.bytes,
            sound_bytes: self.sound_bytes,
            next_trace: self.next_trace,
            notes: Cow::Borrowed(&self.notes),
        };
        postcard::to_stdvec(&form).ok()
    }

    /// What such bytes tell; `None` if they are not those of a trace.
    pub fn of_bytes(bytes: &[u8]) -> Option<Analysis> {
        let form: Form<'_> = whole(bytes)?;
        let causes = Causes::of(&form.causes, &form.tables)?;
        let made = Analysis {
            tables: Arc::new(form.tables.into_owned()),
            causes,
            slots: form.slots.into_owned(),
            wakers: form.wakers.into_owned(),
            totals: form.totals.into_owned(),
            queued: form.queued,
            stays: None,
            version: form.version,
            events: form.events,
            bytes: form.bytes,
            problem: None,
            cut: None,
            sound_bytes: form.sound_bytes,
            lost_until: None,
            tail: None,
            next_trace: form.next_trace,
            notes: form.notes.into_owned(),
        };
        made.is_sound().then_some(made)
    }

    fn is_sound(&self) -> bool {
        let Totals { goroutines, created, max_alive, gomaxprocs, gcs, end, .. } = &self.totals;
        let n_causes = self.causes.ids().count();
        let counts = [*goroutines, *created, *max_alive, *gomaxprocs, *gcs, self.events];
        let ended = |waker: &Waker| {
            (waker.slot.0 as usize) < self.slots.len()
                && waker.stack.is_none_or(|stack| self.has_stack(stack))
                && waker.n < MOST
        };
        are_few(&counts)
            && end.0 >= 0
            && self.slots.iter().all(|slot| {
                usize::from(slot.cause.0) < n_causes
                    && self.has_stack(slot.stack)
                    && are_few(&[slot.n, slot.open_n, slot.pre_n])
                    && slot.values.is_sound()
            })
            && self.wakers.is_sorted_by_key(|w| w.slot)
            && self.wakers.iter().all(ended)
            && self.notes.iter().all(|note| is_harmless(&note.what))
    }

    fn has_stack(&self, stack: StackId) -> bool {
        (stack.0 as usize) < self.tables.n_stacks()
    }

    pub(crate) fn has_frame(&self, frame: FrameId) -> bool {
        (frame.0 as usize) < self.tables.n_frames()
    }

    pub(crate) fn has_str(&self, id: StrId) -> bool {
        (id.0 as usize) < self.tables.n_strings()
    }

    /// Whether an instance lies in the trace's time, as far as anything later looks.
    pub(crate) fn has_instance(&self, instance: &Instance) -> bool {
        instance.start >= Nanos(0) && instance.start <= self.totals.end
    }
}

/// What all of some bytes tell.
pub(crate) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (read, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(read)
}

/// Whether these are counts that a trace can have.
pub(crate) fn are_few(counts: &[u64]) -> bool {
    counts.iter().all(|&n| n < MOST)
}

/// Whether a text that people are shown holds nothing that [`crate::text`] would have taken out of it.
pub(crate) fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || is_invisible(c))
}
