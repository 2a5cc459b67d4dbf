//! Events of a trace in, what a person is shown out.
//!
//! No I/O and no protocol: lines, byte offsets, strings, plain structs with public fields.

pub mod analysis;
pub mod causes;
pub mod figures;
pub mod go_source;
pub mod line_map;
pub mod lines;
pub mod profiles;
pub mod sources;
pub mod units;
pub mod values;

pub use analysis::Analysis;
