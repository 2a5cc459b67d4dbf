//! The language server.

pub mod frames;
pub mod initialize;
pub mod transport;
