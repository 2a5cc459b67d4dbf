//! The transport from outside: a tiny server behind it, a tiny editor before it, pipes between
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod editor;
mod endings;
mod input;
mod requests;
