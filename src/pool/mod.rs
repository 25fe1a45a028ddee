//! Worker pools: ways to hand out tasks to processes and threads.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "pool";
