//! The only crate that speaks LSP, JSON or touches files: the command line and the language server.

pub mod cli;
pub mod config;
pub mod cores;
mod early;
pub mod events;
mod follow;
pub mod found;
mod http;
pub mod index;
pub mod kept;
pub mod lsp;
mod nearest;
pub mod paths;
pub mod record;
pub mod traces;
pub mod unwrap;
pub mod workspace;
