//! Reads Go execution traces.
