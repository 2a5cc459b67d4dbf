//! Events of a trace in, what a person is shown out.
//!
//! No I/O and no protocol: lines, byte offsets, strings, plain structs with public fields.

pub mod analysis;
pub mod annotations;
pub mod assists;
pub mod behind;
pub mod blame;
pub mod cases;
pub mod causes;
pub mod diagnostics;
pub mod figures;
pub mod findings;
pub mod go_source;
pub mod goroutines;
pub mod hover;
pub mod jobs;
pub mod judged;
mod kept;
pub mod kinds;
pub mod lenses;
pub mod line_map;
pub mod lines;
pub mod metric;
pub mod mmu;
pub mod placement;
pub mod profiles;
pub mod range;
pub mod reasons;
pub mod regions;
pub mod rows;
pub mod sched;
pub mod scope;
pub mod sites;
pub mod sources;
pub mod staleness;
pub mod starters;
pub mod stays;
pub mod suite;
pub mod summary;
pub mod tail;
pub mod text;
pub mod timeline;
pub mod units;
pub mod values;
pub mod verdicts;
pub mod view;

pub use analysis::Analysis;
