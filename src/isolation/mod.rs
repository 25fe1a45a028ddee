//! Isolation made visible: what a write costs, and who sees it.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "isolation";
