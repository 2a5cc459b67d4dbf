//! The wire format of Go 1.11 to 1.21: batches of Ps, with all tables at the trace's end.
//!
//! ```text
//! bytes --parse--> batches, tables, samples --cursor--> events of each P
//!                                           --order--> events as written --convert--> a Sink
//! ```
//!
//! It has nothing in common with the later format but its header. The clock's frequency and the
//! stacks are written when tracing stops, so nothing can be told before all bytes are there, and
//! one that was cut off can not be used at all. A whole trace is one generation to the sinks, with
//! the events that Go 1.26's converter makes of it. No list of all events is kept: each is read where it
//! comes next. What must be known before that, the true times of returns from system calls, is found while
//! the tables are looked for.

mod by_number;
mod check;
mod convert;
mod cursor;
pub(crate) mod footprint;
mod heap;
mod order;
pub(crate) mod parse;
pub(crate) mod spec;

pub(crate) use convert::{Converter, Misuse};
pub(crate) use parse::{Bad, Trace};
