//! Reads Go execution traces: bytes in, ordered events and tables out.
//!
//! ```text
//! bytes --Reader--> Generation + Tables --Decoder--> events, in order --> a Sink
//! ```
//!
//! [`Reader`] takes the bytes as they come and hands out a [`Generation`] (about one second of the
//! program) as soon as all its bytes are there. [`Decoder`] puts the events of one generation after
//! another into the order in which Go's own reader gives them, with the same times, and calls a
//! [`Sink`] for each. The crate knows no files, no clocks, no threads; bad input is a [`Problem`]
//! with a byte offset, and what came before it stands.

mod goroutines;
mod header;
mod ids;
mod intern;
mod problem;
mod sink;
mod v1;
mod varint;

pub mod text;
pub mod v2;

pub use goroutines::Living;
pub use header::{HEADER_LEN, Version};
pub use ids::{FrameId, GoId, Nanos, ProcId, StackId, StackRow, StrId, TaskId, ThreadId};
pub use intern::{Frame, Tables};
pub use problem::{Error, Problem};
pub use sink::{
    At, GoEvent, GoState, Log, Metric, ProcEvent, ProcState, RangeEvent, RangeKind, RangePhase,
    RangeScope, Region, Sink, Task,
};
pub use v2::generation::Generation;
pub use v2::order::{Decoder, MisusedRegion};
pub use v2::reader::Reader;
