//! Receiver of a fake transport that loses, repeats or corrupts messages.

use std::collections::VecDeque;

use super::*;
use crate::payload::{CORRUPTIONS, fill};

/// Queue of messages; times out when it is empty.
struct Wire(VecDeque<Vec<u8>>);

impl Receiver for Wire {
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let message = self.0.pop_front().ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(read(&message))
    }
}

fn message(sequence: u64) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    fill(&mut bytes, stamp(PRODUCER, sequence));
    bytes
}

/// Verified sequences among ten that were sent.
fn verified(wire: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<u64>, MeasureError> {
    let (page, _descriptor) = Page::create().expect("memory");
    page.set_progress(SENDER_SLOT, 10);
    let mut gauge = Gauge::new(Wire(wire.into_iter().collect()), 64, Delivery::Lossy);
    gauge.end = 10;
    let mut seen = vec![];
    gauge.verify(&page, 10, |sequence| seen.push(sequence))?;
    assert_eq!(gauge.next, 10, "the next phase begins where this one ends");
    Ok(seen)
}

#[test]
fn what_is_lost_leaves_the_others_in_their_place() {
    assert_eq!(verified([0, 1, 4, 5, 9].map(message)).expect("nothing is wrong"), [0, 1, 4, 5, 9]);
    assert_eq!(verified([3].map(message)).expect("silence ends it"), [3]);
    assert!(verified([]).expect("all lost").is_empty());
}

#[test]
fn what_may_be_lost_may_not_be_repeated_reordered_or_corrupted() {
    for sequences in [[0, 1, 1], [0, 3, 2], [0, 1, 10]] {
        let why = verified(sequences.map(message)).expect_err("a check fails").to_string();
        assert!(why.contains("repeated or out of order"), "{why}");
    }
    for byte in [0, 63] {
        let mut corrupted = message(1);
        corrupted[byte] ^= 4;
        let why = verified([message(0), corrupted]).expect_err("a check fails").to_string();
        assert!(why.contains("corrupted, torn or stale"), "{why}");
    }
    let why = verified([message(0)[..63].to_vec()]).expect_err("a check fails").to_string();
    assert!(why.contains("63 bytes"), "{why}");
}

#[test]
fn every_corruption_of_a_message_is_detected() {
    for (what, change) in CORRUPTIONS {
        let mut message = [0; 128];
        fill(&mut message, stamp(PRODUCER, 9));
        assert_eq!(sequence_of(&message, 128), Ok(9));
        change(&mut message);
        assert!(sequence_of(&message, 128).is_err(), "{what}");
    }
}

#[test]
fn a_trial_ends_with_a_whole_burst() {
    let mut case = Case::new("transport", "any", crate::record::Measure::Paced);
    assert_eq!([1, 2, 7].map(|count| whole_bursts(count, &case)), [2, 2, 7]);
    case.params.burst = Some(100);
    assert_eq!([1, 250, 1000].map(|count| whole_bursts(count, &case)), [200, 200, 1000]);
}
