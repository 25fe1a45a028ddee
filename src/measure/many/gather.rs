//! Consumer that identifies and checks messages by their first word.

use std::io::ErrorKind;

use super::super::{MeasureError, invalid};
use super::{END_MARK, Gathering};
use crate::payload::{Known, mix, parts, stamp_of};
use crate::transport::Receiver;
use crate::{abort, clock};

/// Receiver that identifies each message by its first word.
pub(super) struct Gatherer<R> {
    receiver: R,
    message_bytes: usize,
    /// Number of the channel's first producer.
    first: u16,
    /// Lowest sequence that may follow, per producer.
    next: Vec<u64>,
    /// Number of verified messages.
    pub(super) number: u64,
    /// Sum of their mixed stamps.
    pub(super) sum: u64,
}

/// Kind of a received message.
enum Seen {
    Message(u64),
    Mark,
}

impl<R: Receiver> Gatherer<R> {
    /// Creates a receiver of messages from `producers` senders, numbered from `first`.
    pub(super) fn new(receiver: R, message_bytes: usize, first: u16, producers: u32) -> Self {
        Self { receiver, message_bytes, first, next: vec![0; producers as usize], number: 0, sum: 0 }
    }

    /// Receives until the phase ends, when each producer has sent `owed` messages. Returns the time of the last
    /// message.
    pub(super) fn gather(
        &mut self,
        gathering: Gathering,
        owed: u64,
        sender_done: &dyn Fn() -> bool,
    ) -> Result<u64, MeasureError> {
        match gathering {
            Gathering::InOrder | Gathering::All => {
                while self.number < owed * self.next.len() as u64 {
                    self.one()?;
                }
            }
            Gathering::Share => while let Seen::Message(_) = self.one()? {},
            Gathering::Newest => while !matches!(self.one()?, Seen::Message(sequence) if sequence + 1 == owed) {},
            Gathering::WhatArrives => return self.until_silence(owed, sender_done),
        }
        Ok(clock::now_ns())
    }

    fn until_silence(&mut self, owed: u64, sender_done: &dyn Fn() -> bool) -> Result<u64, MeasureError> {
        let mut last_ns = clock::now_ns();
        // Only a time-out after the sender's check counts: a message may be sent between an earlier one and the check.
        let mut all_sent = false;
        loop {
            match self.one() {
                Ok(seen) => {
                    last_ns = clock::now_ns();
                    if matches!(seen, Seen::Message(sequence) if sequence + 1 == owed) {
                        return Ok(last_ns);
                    }
                }
                Err(MeasureError::Io(silence)) if silence.kind() == ErrorKind::TimedOut => {
                    if all_sent {
                        return Ok(last_ns);
                    }
                    all_sent = sender_done();
                    if abort::requested() {
                        return Err(abort::error().into());
                    }
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// Receives and verifies one message. Body of the timed loop.
    #[inline]
    fn one(&mut self) -> Result<Seen, MeasureError> {
        let bytes = self.message_bytes;
        let stamp = self
            .receiver
            .receive(|seen| {
                let stamp = stamp_of(seen).ok_or_else(|| format!("a message of {} bytes has no stamp", seen.len()))?;
                Known::new(bytes, stamp).check(seen).map(|()| stamp)
            })?
            .map_err(MeasureError::Invalid)?;
        let (producer, sequence) = parts(stamp);
        if producer == END_MARK {
            return Ok(Seen::Mark);
        }
        let next = producer.checked_sub(self.first).and_then(|at| self.next.get_mut(usize::from(at)));
        let next = next
            .ok_or_else(|| format!("a message has the unknown producer {producer}: corrupted or torn"))
            .map_err(MeasureError::Invalid)?;
        if sequence < *next {
            return invalid(format!(
                "message {sequence} of producer {producer} came when at least {next} was due: repeated or out of order"
            ));
        }
        *next = sequence + 1;
        self.number += 1;
        self.sum = self.sum.wrapping_add(mix(stamp));
        Ok(Seen::Message(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{CORRUPTIONS, stamp};

    struct Once([u8; 128]);

    impl Receiver for Once {
        fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> std::io::Result<T> {
            Ok(read(&self.0))
        }
    }

    #[test]
    fn every_corruption_of_a_message_is_detected() {
        for (what, change) in CORRUPTIONS {
            let mut message = [0; 128];
            Known::new(128, stamp(1, 5)).fill(&mut message);
            assert!(Gatherer::new(Once(message), 128, 0, 2).one().is_ok());
            change(&mut message);
            assert!(Gatherer::new(Once(message), 128, 0, 2).one().is_err(), "{what}");
        }
    }
}
