//! The dispatcher's side of one worker that it reaches through rings.

use std::io;
use std::sync::atomic::Ordering;

use super::rings::{Glance, Rings, Slots};
use crate::address::Descriptor;
use crate::ring::spsc::{Consumer, Producer};
use crate::ring::{Consume, Produce, Slots as _};
use crate::shm::Segment;
use crate::wait::Strategy;

/// The dispatcher's side of one worker.
pub(super) struct Desk {
    requests: Producer<Slots, Glance>,
    answers: Consumer<Slots, Glance>,
    /// The same rings once more: where requests lie, and where the reader of answers sleeps.
    pub(super) places: (Slots, Slots),
    pub(super) sent: u64,
    pub(super) answered: u64,
}

impl Desk {
    pub(super) fn new(segment: &Segment, rings: Rings, bell: &Descriptor) -> io::Result<Self> {
        let bell = std::slice::from_ref(bell);
        Ok(Self {
            requests: Producer::new(rings.requests_in(segment)?, Glance::attach(bell)?),
            answers: Consumer::new(rings.answers_in(segment)?, Glance::attach(bell)?),
            places: (rings.requests_in(segment)?, rings.answers_in(segment)?),
            sent: 0,
            answered: 0,
        })
    }

    pub(super) fn load(&self) -> usize {
        (self.sent - self.answered) as usize
    }

    #[inline]
    pub(super) fn give(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.requests.send(len, fill)?;
        self.sent += 1;
        Ok(())
    }

    /// Passes an answer to `read` if there is one.
    #[inline]
    pub(super) fn answer<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        match self.answers.receive(read) {
            Ok(result) => {
                self.answered += 1;
                Ok(Some(result))
            }
            Err(none) if none.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// A request of one who is dead, by its number.
    pub(super) fn left_behind(&self, number: u64) -> Vec<u8> {
        let slots = &self.places.0;
        let slot = number as u32 & (slots.depth() - 1);
        // The dispatcher wrote it itself.
        let len = slots.sequence(slot).load(Ordering::Relaxed) as u32 as usize;
        // SAFETY: the consumer is dead and collected, the producer is this one, which has sent fewer than `depth` after
        // this number; `len` is what it published itself, within the ring's message size.
        unsafe { slots.read(slot, len, <[u8]>::to_vec) }
    }
}
