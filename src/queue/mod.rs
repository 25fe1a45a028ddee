//! Queues of work with bounded put and get, and a word for what is done.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "queue";
