//! Parallel against merely concurrent: the same work of two on one CPU and on two.

/// Name of the family in cases and keys.
pub const FAMILY: &str = "concurrency";
