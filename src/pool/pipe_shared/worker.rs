//! What a worker does at pipes that it shares with others, and how it and the dispatcher keep them in order.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{HEAD, TICKET};
use crate::abort;
use crate::futex;
use crate::lock::erased::AnyHolder;
use crate::lock::{Acquired, Holder};
use crate::pool::hand::Seat;
use crate::pool::{Work, descriptors};
use crate::shm::SharedLayout;

/// Who waits for the dispatcher to put a pipe in order looks at the abort word this often.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Who is at work at each pipe, as one more than its seat; 0 for nobody. Written under that pipe's lock, and when that is
/// the lock of one who died, by the foreman, who marks it before the seat is taken again, and by the dispatcher.
#[repr(C, align(64))]
pub(super) struct AtWork {
    pub(super) reader: AtomicU32,
    pub(super) writer: AtomicU32,
}

// SAFETY: repr(C), atomics only; zero bytes are pipes with nobody at work.
unsafe impl SharedLayout for AtWork {}

/// Marks what was left by one who died at work.
const LEFT: u32 = 1 << 31;

impl AtWork {
    /// The worker on `seat` has died, and nobody sits there yet.
    pub(super) fn leave(&self, seat: u32) {
        for end in [&self.reader, &self.writer] {
            // Relaxed: it is told after this, by a message. Nobody else changes what a dead one has.
            let _ = end.compare_exchange(seat + 1, LEFT | (seat + 1), Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// Whether the pipe was left by one who died on `seat`, so that nobody goes to work there.
pub(super) fn is_left(at_work: &AtomicU32, seat: u32) -> bool {
    at_work.load(Ordering::Acquire) == LEFT | (seat + 1)
}

/// Lets whoever waits for it go to work.
pub(super) fn in_order(at_work: &AtomicU32) -> io::Result<()> {
    // PAIRS: pipe-in-order
    at_work.store(0, Ordering::Release);
    futex::wake(at_work, 1)
}

/// Goes to work at a pipe whose lock one has, once it is in order.
#[inline]
fn begin(at_work: &AtomicU32, seat: u32) -> io::Result<()> {
    loop {
        // PAIRS: pipe-in-order
        match at_work.load(Ordering::Acquire) {
            0 => break,
            dead => futex::wait(at_work, dead, SLEEP_SLICE)?,
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
    at_work.store(seat + 1, Ordering::Release);
    Ok(())
}

#[inline]
pub(super) fn ticket(frame: &[u8]) -> u64 {
    let mut ticket = [0; HEAD - TICKET];
    ticket.copy_from_slice(&frame[TICKET..HEAD]);
    u64::from_le_bytes(ticket)
}

/// A worker's end of the pipe of requests.
pub(super) struct Inlet<'a> {
    pub(super) pipe: &'a OwnedFd,
    pub(super) lock: AnyHolder,
    pub(super) frame: Vec<u8>,
}

/// Its end of the pipe of answers.
pub(super) struct Outlet<'a> {
    pub(super) pipe: &'a OwnedFd,
    pub(super) lock: AnyHolder,
    pub(super) frame: Vec<u8>,
}

impl Inlet<'_> {
    /// Waits for a request; its frame has no bytes when it is the last word.
    fn receive(&mut self, seat: &Seat, reader: &AtomicU32) -> io::Result<&[u8]> {
        let Self { pipe, lock, frame } = self;
        let pipe = *pipe;
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin(reader, seat.number)?;
            let mut head = [0; HEAD];
            descriptors::read_exactly(pipe, &mut head)?;
            seat.roster.holds(seat.number, ticket(&head));
            frame.resize(descriptors::length(&head), 0);
            descriptors::read_exactly(pipe, frame)?;
            reader.store(0, Ordering::Release);
            Ok(())
        })??;
        Ok(frame)
    }
}

impl Outlet<'_> {
    fn send(
        &mut self,
        (seat, ticket): (&Seat, u64),
        writer: &AtomicU32,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> io::Result<()> {
        let Self { pipe, lock, frame } = self;
        descriptors::build::<HEAD>(frame, bytes, fill);
        frame[TICKET..HEAD].copy_from_slice(&ticket.to_le_bytes());
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin(writer, seat.number)?;
            descriptors::write_all(pipe, frame)?;
            writer.store(0, Ordering::Release);
            Ok(())
        })?
    }
}

/// A worker's life.
pub(super) fn serve<W: Work>(
    seat: &Seat,
    inlet: Inlet,
    outlet: Outlet,
    at_work: &AtWork,
    mut work: W,
) -> io::Result<()> {
    seat.work_through(
        &mut work,
        &mut (inlet, outlet),
        |(inlet, _), work| {
            let frame = inlet.receive(seat, &at_work.reader)?;
            Ok((!frame.is_empty()).then(|| work.take(frame)))
        },
        |(_, outlet), bytes, fill| outlet.send((seat, seat.roster.ticket(seat.number)), &at_work.writer, bytes, fill),
    )
}
