//! Ways to start, watch and end a process.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "launch";
