//! The product from outside: its binary, its answers, real editors.
//!
//! Each module is one concern. `product` finds and runs the binary, `answers` reads what Go's own
//! packages say about a trace, `profile` reads pprof files; the others are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod analyses;
mod answers;
mod blocks;
mod broken;
mod cli;
mod figures;
mod generated;
mod heap;
mod hostile;
mod http;
mod kept;
mod live;
mod lsp;
mod lsp_docs;
mod moved;
mod neovim;
mod numbers;
mod outcome;
mod pages;
mod product;
mod profile;
mod real;
mod record;
mod side_by_side;
mod suite;
mod tail;
mod timeline;
mod truth;
mod wire;
mod wrapped;
