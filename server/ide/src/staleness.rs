//! Whether a line of a trace is still the line that was recorded.
//!
//! There are two ways for it not to be. The file may have changed between the recording and now:
//! then nobody has the recorded text, and all there is to go by is what the trace says of the line:
//! what waited there, and which function it called ([`settle`]). And the document may be edited while
//! the trace is shown: then the text is known, and each line is followed ([`Lines`]).

mod lines;
mod need;
mod settle;

pub use lines::{Lines, Now};
pub(crate) use need::RUNS;
pub use need::statement_of;
pub(crate) use settle::settle;

/// How sure it is that a line is the recorded one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is, and stands where it stood.
    #[default]
    Exact,
    /// It is, and stands elsewhere than when it was recorded.
    Shifted,
    /// It may be: it was edited, or its function was.
    Doubtful,
    /// It is gone.
    Lost,
}

impl State {
    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Exact => "exact",
            State::Shifted => "shifted",
            State::Doubtful => "doubtful",
            State::Lost => "lost",
        }
    }

    /// What stands before the figures of such a line.
    pub fn mark(self) -> &'static str {
        match self {
            State::Exact | State::Lost => "",
            State::Shifted => "~ ",
            State::Doubtful => "? ",
        }
    }
}

/// What is done with lines that are not surely the recorded ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// They carry marks, and what is doubtful no heat.
    #[default]
    Mark,
    /// What is doubtful is not shown.
    Hide,
    /// They are shown like others.
    Ignore,
}

#[cfg(test)]
mod tests;
