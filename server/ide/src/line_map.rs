//! line_map
