//! Queues in shared memory, written against [`Slots`] so that the same code runs in a segment and under a model checker.
//!
//! The word beside a payload is its sequence: it says which message the slot holds and how long it is, and its Release
//! store publishes both. A small message therefore costs one line hand-over or less.
#![allow(unsafe_code)]

pub mod layout;
mod listener;
pub mod mailbox;
#[cfg(all(test, loom))]
mod model;
pub mod slots;
pub mod spsc;

/// Atomics of the machine, or of the model checker.
pub(crate) mod sync {
    #[cfg(loom)]
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
    #[cfg(not(loom))]
    pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

/// Where a ring's words and payloads live.
///
/// # Safety
/// `write` and `read` may be given the payload's own memory: the ring calls them only between acquiring a slot and
/// releasing it, when no other side touches it.
pub unsafe trait Slots {
    /// How a filled slot is published; the model check weakens it to see that it notices.
    const PUBLISH: sync::Ordering = sync::Ordering::Release;
    /// How an emptied slot is given back; likewise.
    const GIVE_BACK: sync::Ordering = sync::Ordering::Release;
    /// Slots in the ring; a power of two.
    fn depth(&self) -> u32;
    /// Room in one slot.
    fn message_bytes(&self) -> usize;
    /// The word beside the payload of `slot`.
    fn sequence(&self, slot: u32) -> &sync::AtomicU64;
    /// How far the consumer says it has come.
    fn consumed(&self) -> &sync::AtomicU32;
    /// Lets `fill` write `len` bytes of the slot's payload.
    ///
    /// # Safety
    /// The caller owns the slot, and `len` is at most [`message_bytes`](Self::message_bytes).
    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8]));
    /// Lets `read` see `len` bytes of the slot's payload.
    ///
    /// # Safety
    /// The caller owns the slot, and `len` is at most [`message_bytes`](Self::message_bytes).
    unsafe fn read<R>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> R) -> R;
    /// Where an empty-handed consumer sleeps.
    fn consumer_gate(&self) -> &crate::wait::Gate;
    /// Where a producer without room sleeps.
    fn producer_gate(&self) -> &crate::wait::Gate;
}
