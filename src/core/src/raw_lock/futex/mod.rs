//! Locks in shared memory whose waiters sleep on a futex: one atomic instruction each way without waiters.

pub mod adaptive;
pub mod fair;
pub mod handoff;
#[cfg(all(test, loom))]
mod model;
pub mod mutex;
mod states;
