//! Atomics of the machine, or of the model checker.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Ordering of a publishing store. `strong` is false, which publishes nothing, only in the mutants of the model checks.
pub(super) const fn publish(strong: bool) -> Ordering {
    if strong { Ordering::Release } else { Ordering::Relaxed }
}
