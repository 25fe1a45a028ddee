//! Queues in shared memory, written against [`Slots`] so that the same code runs in a segment and under a model checker.
//!
//! The word beside a payload is its sequence: it says which message the slot holds and how long it is, and its Release
//! store publishes both. A small message therefore costs one line hand-over or less.
#![allow(unsafe_code)]

pub mod byte_room;
pub mod bytes;
pub mod cell;
pub mod layout;
mod listener;
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

use crate::wait::Place;

/// Atomics of the machine, or of the model checker.
pub mod sync {
    #[cfg(loom)]
    pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
    #[cfg(not(loom))]
    pub use std::sync::atomic::{AtomicU64, Ordering, fence};
}

/// The sending side of a queue.
pub trait Produce {
    /// Waits for room, lets `fill` write `len` bytes in place and publishes them.
    ///
    /// Errors: `InvalidInput` when `len` exceeds what a message may have; `Interrupted` when the trial is called off.
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
}

/// The receiving side of a queue.
pub trait Consume {
    /// Waits for a message, lets `read` see it in place and gives its room back.
    ///
    /// Errors: `InvalidData` when the other side claims what cannot be; `Interrupted` when the trial is called off.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R>;
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
    /// Where consumers sleep: a place for as many as there may be.
    type Readers: Place;
    /// Where producers sleep.
    type Writers: Place;
    /// Slots in the ring; a power of two.
    fn depth(&self) -> u32;
    /// Room in one slot.
    fn message_bytes(&self) -> usize;
    /// The word beside the payload of `slot`.
    fn sequence(&self, slot: u32) -> &sync::AtomicU64;
    /// How far this consumer says it has come; where consumers share the messages, all of them.
    fn consumed(&self) -> &sync::AtomicU64;
    /// How far the slowest consumer says it has come, seen from position `next`; acquires what it released.
    fn slowest(&self, next: u64) -> u64;
    /// The position that the next message gets, where several producers share them.
    fn claimed(&self) -> &sync::AtomicU64;
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
    /// Where empty-handed consumers sleep.
    fn readers(&self) -> &Self::Readers;
    /// Where producers without room sleep.
    fn writers(&self) -> &Self::Writers;
}

/// The slot of a position.
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
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("a message of {len} bytes exceeds the {room} there is room for"),
    )
}

/// Errors: `InvalidData` when the other side's word claims more than there is room for.
#[inline]
fn credible(len: usize, room: usize) -> io::Result<()> {
    if len > room { Err(incredible(len)) } else { Ok(()) }
}

#[cold]
fn incredible(len: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a message claims {len} bytes"))
}
