//! The language server.

pub mod frames;
