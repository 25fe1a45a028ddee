//! The fence between "I announce myself" and "I look once more", and its counterpart on the other side.
//!
//! Either both sides fence, or one side fences for both: membarrier(2) makes every CPU that runs a registered process go
//! through a full barrier, so the other side needs only to keep the compiler from reordering. Both ends of a channel are
//! ours and run under one kernel, so they decide alike; were they not to, a wake-up could be missed and the sleeper would
//! look again after its slice.

#[cfg(not(loom))]
use std::sync::atomic::fence;
use std::sync::atomic::{Ordering, compiler_fence};

#[cfg(loom)]
use loom::sync::atomic::fence;

/// A full fence, for sides that meet often.
#[inline]
pub fn full() {
    fence(Ordering::SeqCst);
}

/// On the side that hardly ever finds a sleeper: free where membarrier works.
#[inline]
pub fn before_rare_sleeper() {
    if asymmetric() {
        compiler_fence(Ordering::SeqCst);
    } else {
        full();
    }
}

/// On the side that rarely sleeps: a fence for both sides.
#[cold]
pub fn for_rare_sleeper() {
    full();
    #[cfg(not(loom))]
    if asymmetric() {
        use rustix::thread::{MembarrierCommand, membarrier};
        // It worked for this kernel and process when it was registered, and has no other way to fail.
        let _ = membarrier(MembarrierCommand::GlobalExpedited);
    }
}

/// True when this process is registered; decided, and registered, at the first call.
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

/// The model checker knows no membarrier: there both sides fence.
#[cfg(loom)]
fn asymmetric() -> bool {
    false
}
