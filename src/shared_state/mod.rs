//! State that several processes read and write.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "shared_state";
