//! The only crate that speaks LSP, JSON or touches files.
pub mod lsp;
