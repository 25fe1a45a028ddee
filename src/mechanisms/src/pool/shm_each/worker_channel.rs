//! The dispatcher's side of one worker's rings.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::Ordering;

use super::rings::{NoWait, Rings, Slots};
use crate::address::Descriptor;
use crate::ring::spsc::{Consumer, Producer};
use crate::ring::{Consume, Produce, Slots as _};
use crate::shm::Segment;
use crate::wait::Strategy;

/// The dispatcher's side of one worker.
pub(super) struct WorkerChannel {
    requests: Producer<Slots, NoWait>,
    responses: Consumer<Slots, NoWait>,
    /// The slots of both rings again, to read unread requests and to announce a sleep.
    pub(super) slots: (Slots, Slots),
    pub(super) sent: u64,
    pub(super) answered: u64,
}

impl WorkerChannel {
    pub(super) fn new(segment: &Segment, rings: Rings, event: &Descriptor) -> io::Result<Self> {
        let event = std::slice::from_ref(event);
        Ok(Self {
            requests: Producer::new(rings.requests_in(segment)?, NoWait::attach(event)?),
            responses: Consumer::new(rings.responses_in(segment)?, NoWait::attach(event)?),
            slots: (rings.requests_in(segment)?, rings.responses_in(segment)?),
            sent: 0,
            answered: 0,
        })
    }

    pub(super) fn load(&self) -> usize {
        (self.sent - self.answered) as usize
    }

    #[inline]
    pub(super) fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.requests.send(len, fill)?;
        self.sent += 1;
        Ok(())
    }

    /// Passes the next response to `read`, or returns `None` if there is none yet.
    #[inline]
    pub(super) fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        match self.responses.receive(read) {
            Ok(result) => {
                self.answered += 1;
                Ok(Some(result))
            }
            Err(none) if none.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// A request that the dead worker has not processed. `number` counts the requests sent.
    pub(super) fn unread_request(&self, number: u64) -> Vec<u8> {
        let slots = &self.slots.0;
        let slot = number as u32 & (slots.depth() - 1);
        // Relaxed: this process wrote it.
        let len = slots.sequence(slot).load(Ordering::Relaxed) as u32 as usize;
        // SAFETY: the consumer is dead and reaped, the producer is `self`, which has sent fewer than `depth` requests
        // after this one; `len` is what it published itself, within the ring's message size.
        unsafe { slots.read(slot, len, <[u8]>::to_vec) }
    }
}
