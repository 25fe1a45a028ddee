//! Queues in shared memory, written against [`Slots`] so that the same code runs in a segment and under a model
//! checker.
//!
//! The word next to a payload is its sequence: it holds the position and the length of the message, and its Release
//! store publishes both. A small message therefore costs at most one cache line transfer.
#![allow(unsafe_code)]

mod adaptive_poll;
pub mod byte_room;
pub mod bytes;
pub mod layout;
pub mod loan;
pub mod mailbox;
#[cfg(all(test, loom))]
mod model;
pub mod monitor;
pub mod mpmc;
pub mod mpsc;
mod posix;
pub mod semaphores;
pub mod seqlock;
pub mod slots;
pub mod spsc;
#[cfg(all(test, not(loom)))]
mod tests;

use std::io;

use crate::wait::WaitPoint;

/// Atomics: the standard library's, or the model checker's.
pub mod sync {
    #[cfg(loom)]
    pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
    #[cfg(not(loom))]
    pub use std::sync::atomic::{AtomicU64, Ordering, fence};
}

/// Sending endpoint of a queue.
pub trait Produce {
    /// Waits for space, calls `fill` on `len` bytes in place and publishes them.
    ///
    /// Errors: `InvalidInput` when `len` exceeds the largest message; `Interrupted` when the trial is aborted.
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
}

/// Receiving endpoint of a queue.
pub trait Consume {
    /// Waits for a message, calls `read` on it in place and frees its space.
    ///
    /// Errors: `InvalidData` when the received length or index is impossible; `Interrupted` when the trial is aborted.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R>;
}

/// Storage of a ring's words and payloads.
///
/// # Safety
/// `write` and `read` may pass the payload's own memory to their closure: the ring calls them only between acquiring a
/// slot and releasing it, while no other process accesses it.
pub unsafe trait Slots {
    /// Ordering that publishes a filled slot. Mutants in the model check weaken it.
    const PUBLISH: sync::Ordering = sync::Ordering::Release;
    /// Ordering that frees a slot. Mutants in the model check weaken it.
    const GIVE_BACK: sync::Ordering = sync::Ordering::Release;
    /// Where consumers sleep: a parker or an event count.
    type Readers: WaitPoint;
    /// Where producers sleep.
    type Writers: WaitPoint;
    /// Number of slots; a power of two.
    fn depth(&self) -> u32;
    /// Payload capacity of one slot.
    fn message_bytes(&self) -> usize;
    /// The word next to the payload of `slot`.
    fn sequence(&self, slot: u32) -> &sync::AtomicU64;
    /// This consumer's published position; where consumers share the messages, that of all consumers.
    fn consumed(&self) -> &sync::AtomicU64;
    /// Position of the slowest consumer relative to `next`; acquires what that consumer released.
    fn slowest(&self, next: u64) -> u64;
    /// Position of the next message, in rings with several producers.
    fn claimed(&self) -> &sync::AtomicU64;
    /// Calls `fill` on `len` bytes of the slot's payload.
    ///
    /// # Safety
    /// The caller owns the slot, and `len` is at most [`message_bytes`](Self::message_bytes).
    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8]));
    /// Calls `read` on `len` bytes of the slot's payload.
    ///
    /// # Safety
    /// The caller owns the slot, and `len` is at most [`message_bytes`](Self::message_bytes).
    unsafe fn read<R>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> R) -> R;
    /// Where consumers of an empty ring sleep.
    fn readers(&self) -> &Self::Readers;
    /// Where producers of a full ring sleep.
    fn writers(&self) -> &Self::Writers;
}

/// Slot of a position.
#[inline]
fn slot_of(slots: &impl Slots, position: u64) -> u32 {
    position as u32 & (slots.depth() - 1)
}

/// Errors: `InvalidInput` when a message of `len` bytes exceeds `room`.
#[inline]
fn fits(len: usize, room: usize) -> io::Result<()> {
    if len > room { Err(too_long(len, room)) } else { Ok(()) }
}

#[cold]
fn too_long(len: usize, room: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("a message of {len} bytes exceeds the limit of {room} bytes"))
}

/// Errors: `InvalidData` when a length received from the other process exceeds `room`.
#[inline]
fn check_received_len(len: usize, room: usize) -> io::Result<()> {
    if len > room { Err(impossible_len(len)) } else { Ok(()) }
}

#[cold]
fn impossible_len(len: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("received an impossible message length of {len} bytes"))
}
