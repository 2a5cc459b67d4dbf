//! The language server.

pub mod frames;
pub mod initialize;
