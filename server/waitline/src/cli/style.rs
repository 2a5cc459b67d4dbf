//! The few styles that answers have on a terminal. A pipe and NO_COLOR get none: `answer` takes
//! them out.

use anstyle::Style;

/// What the answer is about.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is beside it.
pub(crate) const DIM: Style = Style::new().dimmed();
/// All else.
pub(crate) const PLAIN: Style = Style::new();
