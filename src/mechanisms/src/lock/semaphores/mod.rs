//! Semaphores as locks: one permit, taken to acquire and returned to release. A semaphore has no owner, so any process
//! may return the permit. Only System V semaphores return the permit of a dead process, if requested in advance.

pub(super) mod posix;
pub(super) mod sysv;
#[cfg(test)]
mod tests;
