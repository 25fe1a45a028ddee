//! Atomics of the machine, or of the model checker.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU64, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU64, fence};
