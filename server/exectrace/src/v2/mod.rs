//! The v2 wire format.

pub mod spec;
