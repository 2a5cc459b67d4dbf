//! The wire format of Go 1.22 and later: generations of batches.

mod advance;
mod ahead;
mod aside;
pub(crate) mod batch;
mod context;
pub mod footprint;
pub mod generation;
pub(crate) mod gosort;
mod merge;
pub mod order;
pub mod reader;
pub mod spec;
mod status;
