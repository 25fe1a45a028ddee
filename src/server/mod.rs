//! One service, many clients.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "server";
