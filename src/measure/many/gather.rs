//! Consumer that identifies and checks messages by their first word.

use std::io::ErrorKind;

use super::super::{MeasureError, invalid};
use super::{END_MARK, Gathering};
use crate::payload::{Known, mix, parts, stamp_of};
use crate::transport::Receiver;
use crate::{abort, clock};

/// Receiver that identifies each message by its first word.
pub(in crate::measure) struct Gatherer<R> {
    receiver: R,
    message_bytes: usize,
    /// Number of the channel's first producer.
    first: u16,
    /// Lowest sequence that may follow, per producer.
    next: Vec<u64>,
    /// Number of verified messages.
    pub(in crate::measure) number: u64,
    /// Sum of their mixed stamps.
    pub(in crate::measure) sum: u64,
}

/// Kind of a received message.
enum Seen {
    Message(u64),
    Mark,
}

impl<R: Receiver> Gatherer<R> {
    /// Creates a receiver of messages from `producers` senders, numbered from `first`.
    pub(in crate::measure) fn new(receiver: R, message_bytes: usize, first: u16, producers: u32) -> Self {
        Self { receiver, message_bytes, first, next: vec![0; producers as usize], number: 0, sum: 0 }
    }

    /// Receives until the phase ends, when each producer has sent `owed` messages, and calls `verified` with the producer and
    /// the sequence of each message. Returns the time of the last message.
    pub(in crate::measure) fn gather(
        &mut self,
        gathering: Gathering,
        owed: u64,
        sender_done: &dyn Fn() -> bool,
        verified: &mut impl FnMut(usize, u64),
    ) -> Result<u64, MeasureError> {
        match gathering {
            Gathering::InOrder | Gathering::All => {
                while self.number < owed * self.next.len() as u64 {
                    self.one(owed, verified)?;
                }
            }
            Gathering::Share => while let Seen::Message(_) = self.one(owed, verified)? {},
            Gathering::Newest => {
                while !matches!(self.one(owed, verified)?, Seen::Message(sequence) if sequence + 1 == owed) {}
            }
            Gathering::WhatArrives => return self.until_silence(owed, sender_done, verified),
        }
        Ok(clock::now_ns())
    }

    fn until_silence(
        &mut self,
        owed: u64,
        sender_done: &dyn Fn() -> bool,
        verified: &mut impl FnMut(usize, u64),
    ) -> Result<u64, MeasureError> {
        let mut last_ns = clock::now_ns();
        // Only a time-out after the sender's check counts: a message may be sent between an earlier one and the check.
        let mut all_sent = false;
        loop {
            match self.one(owed, verified) {
                Ok(seen) => {
                    last_ns = clock::now_ns();
                    if matches!(seen, Seen::Message(sequence) if sequence + 1 == owed) {
                        return Ok(last_ns);
                    }
                }
                Err(MeasureError::Io(silence)) if silence.kind() == ErrorKind::TimedOut => {
                    if all_sent {
                        // Nothing is in flight: what was not seen is lost.
                        self.next.fill(owed);
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
    fn one(&mut self, owed: u64, verified: &mut impl FnMut(usize, u64)) -> Result<Seen, MeasureError> {
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
        let at = usize::from(producer.wrapping_sub(self.first));
        let Some(next) = self.next.get_mut(at) else {
            return invalid(format!("a message has the unknown producer {producer}: corrupted or torn"));
        };
        if !(*next..owed).contains(&sequence) {
            return invalid(format!(
                "message {sequence} of producer {producer} came when {next} or a later one below {owed} was due: repeated, \
                 out of order or never sent"
            ));
        }
        verified(at, sequence);
        *next = sequence + 1;
        self.number += 1;
        self.sum = self.sum.wrapping_add(mix(stamp));
        Ok(Seen::Message(sequence))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;
    use crate::payload::{CORRUPTIONS, fill, stamp};

    /// Two cache lines.
    const BYTES: usize = 128;

    /// Queue of messages; times out when it is empty.
    struct Wire(VecDeque<Vec<u8>>);

    impl Receiver for Wire {
        fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
            let message = self.0.pop_front().ok_or_else(|| io::Error::from(ErrorKind::TimedOut))?;
            Ok(read(&message))
        }
    }

    fn message(producer: u16, sequence: u64) -> Vec<u8> {
        let mut bytes = vec![0; BYTES];
        fill(&mut bytes, stamp(producer, sequence));
        bytes
    }

    /// Verified messages among ten of each of two producers, numbered from 6.
    fn gathered(
        gathering: Gathering,
        wire: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Vec<(usize, u64)>, MeasureError> {
        let mut gatherer = Gatherer::new(Wire(wire.into_iter().collect()), BYTES, 6, 2);
        let mut seen = vec![];
        gatherer.gather(gathering, 10, &|| true, &mut |producer, sequence| seen.push((producer, sequence)))?;
        assert_eq!(gatherer.number, seen.len() as u64);
        Ok(seen)
    }

    #[test]
    fn lost_messages_leave_the_others_in_their_place() {
        let verified = |sequences: &[u64]| {
            let seen = gathered(Gathering::WhatArrives, sequences.iter().map(|&sequence| message(6, sequence)));
            let seen = seen.expect("nothing is wrong");
            assert!(seen.iter().all(|(producer, _)| *producer == 0));
            seen.into_iter().map(|(_, sequence)| sequence).collect::<Vec<_>>()
        };
        assert_eq!(verified(&[0, 1, 4, 5, 9]), [0, 1, 4, 5, 9]);
        assert_eq!(verified(&[3]), [3]);
        assert!(verified(&[]).is_empty());
    }

    #[test]
    fn messages_of_several_producers_are_told_apart_until_the_mark() {
        let wire = [message(7, 0), message(6, 0), message(7, 3), message(END_MARK, 0), message(6, 1)];
        assert_eq!(gathered(Gathering::Share, wire).expect("nothing is wrong"), [(1, 0), (0, 0), (1, 3)]);
    }

    #[test]
    fn repeated_reordered_unknown_or_corrupted_messages_are_invalid() {
        let why = |wire: Vec<Vec<u8>>| {
            let error = gathered(Gathering::WhatArrives, wire).expect_err("a check fails");
            assert!(matches!(error, MeasureError::Invalid(_)), "{error}");
            error.to_string()
        };
        for sequences in [[0, 1, 1], [0, 3, 2], [0, 1, 10]] {
            let why = why(sequences.map(|sequence| message(7, sequence)).to_vec());
            assert!(why.contains("repeated, out of order or never sent"), "{why}");
        }
        for producer in [5, 8, 0] {
            let why = why(vec![message(producer, 0)]);
            assert!(why.contains("unknown producer"), "{why}");
        }
        assert!(why(vec![message(6, 0)[..BYTES - 1].to_vec()]).contains("127 bytes"));
        for (what, change) in CORRUPTIONS {
            let mut corrupted = message(6, 5);
            change(&mut corrupted);
            assert!(gathered(Gathering::WhatArrives, [message(6, 0), corrupted]).is_err(), "{what}");
        }
    }
}
