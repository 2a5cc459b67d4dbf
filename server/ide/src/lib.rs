//! Events of a trace in, what a person is shown out.
//!
//! No I/O and no protocol: lines, byte offsets, strings, plain structs with public fields.
pub mod go_source;
pub mod line_map;
pub mod sources;
pub mod units;
