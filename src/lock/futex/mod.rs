//! Locks in shared memory whose waiters sleep on a futex: one atomic instruction each way while nobody waits.

pub(super) mod mutex;
