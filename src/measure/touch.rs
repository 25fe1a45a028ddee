//! How both sides touch a payload. All but [`Every`] measure less than users get, and are labelled so.

use crate::payload::Known;

/// The work of both ends on one message.
pub trait Touching: 'static {
    /// What the producer writes.
    fn fill(message: &Known, room: &mut [u8]);
    /// What the consumer reads.
    ///
    /// Errors: what is wrong with the message, as a sentence.
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
