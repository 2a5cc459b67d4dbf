//! Reads Go execution traces.

pub mod text;
pub mod v2;
