//! Payload access of both sides. Only [`Every`] measures the full cost for users; results of the others are labelled.

use crate::payload::Known;

/// Payload access of the producer and the consumer.
pub trait Touching: 'static {
    /// Writes the producer's part of the payload.
    fn fill(message: &Known, room: &mut [u8]);
    /// Reads and verifies the consumer's part of the payload.
    ///
    /// Errors: a description of the first mismatch.
    fn check(message: &Known, seen: &[u8]) -> Result<(), String>;
}

/// The producer writes and the consumer reads every byte.
pub struct Every;
/// The producer writes every byte, the consumer reads one word a page.
pub struct Sampled;
/// The producer writes the first word and the consumer reads it: transport only.
pub struct First;

impl Touching for Every {
    #[inline]
    fn fill(message: &Known, room: &mut [u8]) {
        message.fill(room);
    }

    #[inline]
    fn check(message: &Known, seen: &[u8]) -> Result<(), String> {
        message.check(seen)
    }
}

impl Touching for Sampled {
    #[inline]
    fn fill(message: &Known, room: &mut [u8]) {
        message.fill(room);
    }

    #[inline]
    fn check(message: &Known, seen: &[u8]) -> Result<(), String> {
        message.check_sample(seen)
    }
}

impl Touching for First {
    #[inline]
    fn fill(message: &Known, room: &mut [u8]) {
        message.fill_first(room);
    }

    #[inline]
    fn check(message: &Known, seen: &[u8]) -> Result<(), String> {
        message.check_first(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{CORRUPTIONS, stamp};

    #[test]
    fn every_corruption_of_a_transported_message_is_detected() {
        for bytes in [128, 1024, 65_536] {
            let message = Known::new(bytes, stamp(1, 9));
            for (what, change) in CORRUPTIONS {
                let mut room = vec![0; bytes];
                Every::fill(&message, &mut room);
                assert_eq!(Every::check(&message, &room), Ok(()));
                change(&mut room);
                assert!(Every::check(&message, &room).is_err(), "{what} in {bytes} bytes");
            }
        }
    }
}
