//! Locks in shared memory that distinguish readers and writers, and ways to read without a lock. Readers get a copy of
//! the state, identified by its number where a lock keeps two.

pub mod double_buffer;
#[cfg(all(test, loom))]
mod model;
pub mod phase_fair;
pub mod seqlock;
pub mod shm_rwlock;
#[cfg(all(test, not(loom)))]
mod tests;
