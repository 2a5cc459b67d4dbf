//! go_source
