//! Locks in shared memory whose waiters sleep on a futex: one atomic instruction each way without waiters.

pub(super) mod adaptive;
pub(super) mod fair;
pub(super) mod handoff;
#[cfg(all(test, loom))]
mod model;
pub(super) mod mutex;
mod states;
