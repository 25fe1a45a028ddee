//! Fences between announcing a sleeper and its last check of the condition, and their counterparts in the waker.
//!
//! Either both processes execute a fence, or one for both: membarrier(2) makes every CPU that runs a registered process
//! execute a full barrier, so the other process only has to prevent compiler reordering. Both endpoints of a channel
//! run this code under one kernel, so they make the same choice; otherwise a wake-up could be missed, and the sleeper
//! would check again after its slice.

#[cfg(not(loom))]
use std::sync::atomic::fence;
use std::sync::atomic::{Ordering, compiler_fence};

#[cfg(loom)]
use loom::sync::atomic::fence;

/// Full fence, for strategies whose waker often finds a sleeper.
#[inline]
pub fn full() {
    fence(Ordering::SeqCst);
}

/// Waker's half of the asymmetric fence: free where membarrier works.
#[inline]
pub fn before_rare_sleeper() {
    if asymmetric() {
        compiler_fence(Ordering::SeqCst);
    } else {
        full();
    }
}

/// Sleeper's half of the asymmetric fence, which acts for both processes.
#[cold]
pub fn for_rare_sleeper() {
    full();
    #[cfg(not(loom))]
    if asymmetric() {
        use rustix::thread::{MembarrierCommand, membarrier};
        // It succeeded at registration, and has no other way to fail.
        let _ = membarrier(MembarrierCommand::GlobalExpedited);
    }
}

/// True if this process is registered for membarrier; registers it at the first call.
#[cfg(not(loom))]
#[inline]
fn asymmetric() -> bool {
    use std::sync::OnceLock;
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(register)
}

#[cfg(not(loom))]
#[cold]
fn register() -> bool {
    use rustix::thread::{MembarrierCommand, membarrier};
    membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
        && membarrier(MembarrierCommand::GlobalExpedited).is_ok()
}

/// The model checker has no membarrier, so both processes execute a fence.
#[cfg(loom)]
fn asymmetric() -> bool {
    false
}
