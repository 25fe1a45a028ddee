//! Semaphores as locks: one permit, taken to acquire and given back to release. A semaphore has no owner, so any
//! process may give the permit back. Only System V semaphores return the permit of a dead process, if requested in
//! advance.

pub(super) mod posix;
mod posix_calls;
pub(super) mod posix_named;
pub(super) mod sysv;
mod sysv_holder;
pub(super) mod sysv_undo;
#[cfg(test)]
mod tests;
