//! Loaned buffers, one lender, one borrower. Messages stay in a pool of buffers where they were written; only the
//! buffer's index passes through one ring, and the borrower returns it through another. Middleware passes large
//! messages this way when a consumer may keep them for a while and return them in any order. Source: the loaned samples
//! of iceoryx and of DDS; the rings are those of [`super::spsc`].
#![allow(unsafe_code)]

use std::io;

use super::spsc;
use super::{Consume, Produce, Slots, check_received_len, fits};
use crate::wait::WaitStrategy;

/// Size of a message in the rings: buffer index and length; the length is unused on return.
pub const TICKET_BYTES: usize = 8;

/// Slots of each ring for a pool of `buffers` buffers. All buffers can be in transit, and a ring's consumer may delay
/// publishing up to a quarter of the slots; a smaller ring could deadlock lender and borrower.
pub const fn ring_depth(buffers: u32) -> u32 {
    2 * buffers
}

/// Sending endpoint. `P` is the pool, whose slots are the buffers; the rings `S` have [`ring_depth`] slots.
pub struct Lender<P, S, W> {
    pool: P,
    /// Buffers that were never lent.
    fresh: std::ops::Range<u32>,
    loans: spsc::Producer<S, W>,
    returns: spsc::Consumer<S, W>,
}

/// Receiving endpoint.
pub struct Borrower<P, S, W> {
    pool: P,
    loans: spsc::Consumer<S, W>,
    returns: spsc::Producer<S, W>,
}

impl<P: Slots, S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Lender<P, S, W> {
    /// Creates the only lender of `pool`. All arguments must be fresh.
    pub fn new(pool: P, loans: spsc::Producer<S, W>, returns: spsc::Consumer<S, W>) -> Self {
        let fresh = 0..pool.depth();
        Self { pool, fresh, loans, returns }
    }

    /// Returns an unused buffer; waits for one.
    #[inline]
    fn take(&mut self) -> io::Result<u32> {
        match self.fresh.next() {
            Some(buffer) => Ok(buffer),
            None => buffer_of(self.returns.receive(unpack)??.0, &self.pool),
        }
    }
}

impl<P: Slots, S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Produce for Lender<P, S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.pool.message_bytes())?;
        let buffer = self.take()?;
        // SAFETY: the buffer was never lent or has come back, there is one lender, and len was checked.
        unsafe { self.pool.write(buffer, len, fill) };
        // Never waits: see `ring_depth`.
        self.loans.send(TICKET_BYTES, |room| pack(room, buffer, len))
    }
}

impl<P: Slots, S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Borrower<P, S, W> {
    /// Creates the only borrower of `pool`. All arguments must be fresh.
    pub fn new(pool: P, loans: spsc::Consumer<S, W>, returns: spsc::Producer<S, W>) -> Self {
        Self { pool, loans, returns }
    }
}

impl<P: Slots, S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consume for Borrower<P, S, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (buffer, len) = self.loans.receive(unpack)??;
        let buffer = buffer_of(buffer, &self.pool)?;
        check_received_len(len, self.pool.message_bytes())?;
        // SAFETY: the lender filled this buffer before it sent the index and does not write it until it is returned;
        // index and length were checked.
        let result = unsafe { self.pool.read(buffer, len, read) };
        self.returns.send(TICKET_BYTES, |room| pack(room, buffer, 0))?;
        Ok(result)
    }
}

#[inline]
fn pack(room: &mut [u8], buffer: u32, len: usize) {
    let ticket = u64::from(buffer) << 32 | len as u64;
    room.copy_from_slice(&ticket.to_ne_bytes());
}

/// Errors: `InvalidData` when the size is wrong.
#[inline]
fn unpack(ticket: &[u8]) -> io::Result<(u32, usize)> {
    let bytes = ticket.try_into().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    let ticket = u64::from_ne_bytes(bytes);
    Ok(((ticket >> 32) as u32, (ticket & 0xffff_ffff) as usize))
}

/// Errors: `InvalidData` when the pool has no such buffer.
#[inline]
fn buffer_of(buffer: u32, pool: &impl Slots) -> io::Result<u32> {
    if buffer < pool.depth() { Ok(buffer) } else { Err(no_such_buffer(buffer)) }
}

#[cold]
fn no_such_buffer(buffer: u32) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("received buffer index {buffer}, which is out of range"))
}
