//! The names of things in a trace: ids of the runtime, rows of our tables, times.
//!
//! Ids that the runtime gave are `u64` and can be anything; rows of our tables are `u32` and always
//! valid in the table that their type names. The two never mix.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $none:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub $inner);

        impl $name {
            /// None of them.
            pub const NONE: $name = $name($none);

            /// Whether this is one at all.
            #[inline]
            pub fn is_some(self) -> bool {
                self != Self::NONE
            }

            /// This one, or `None`.
            #[inline]
            pub fn some(self) -> Option<Self> {
                (self != Self::NONE).then_some(self)
            }
        }
    };
}

id!(
    /// A goroutine, by the runtime's number.
    GoId, u64, u64::MAX
);
id!(
    /// A P (a processor of the scheduler), by the runtime's number.
    ProcId, u64, u64::MAX
);
id!(
    /// An M (a thread of the operating system), by the runtime's number.
    ThreadId, u64, u64::MAX
);
id!(
    /// A user task (`runtime/trace.NewTask`); 0 is the background task.
    TaskId, u64, u64::MAX
);
id!(
    /// A string of the trace, by content; the row of the empty string is [`StrId::NONE`].
    StrId, u32, 0
);
id!(
    /// A stack frame of the trace: program counter, function, file and line.
    FrameId, u32, u32::MAX
);
id!(
    /// A stack of the trace, by its frames; [`StackId::NONE`] is "no stack".
    StackId, u32, 0
);
id!(
    /// A stack of one generation; `Generation::stack` tells which of the trace's stacks it is.
    ///
    /// Sinks get these instead of [`StackId`]s: a table by row is small enough for the nearest
    /// cache.
    StackRow, u32, 0
);

/// Nanoseconds since the first event of the trace.
///
/// 2^53 ns is 104 days: a JavaScript number holds it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Nanos(pub i64);

impl Nanos {
    /// The time from `earlier` to this, in nanoseconds.
    #[inline]
    pub fn since(self, earlier: Nanos) -> i64 {
        self.0.wrapping_sub(earlier.0)
    }
}

impl fmt::Display for GoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G{}", self.0)
    }
}
