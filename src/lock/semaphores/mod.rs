//! Semaphores as locks: a count of one permit, taken to get in and given back to get out. A semaphore has no owner, so
//! anybody may give the permit back, and only System V semaphores do so for the dead, if they are told to in advance.

pub(super) mod posix;
mod posix_calls;
pub(super) mod posix_named;
pub(super) mod sysv;
mod sysv_holder;
pub(super) mod sysv_undo;
#[cfg(test)]
mod tests;
