//! Versions known to one user, and the check of each value read. Writer, key and write number determine all bytes of a
//! value, so torn values, values of other keys and stale values are detected.

use crate::payload::{Known, parts, stamp, stamp_of};
use crate::shared_state::Shape;

/// Stamp owner of counters, never a user's number.
const COUNTER: u16 = u16::MAX;

/// Versions that one user has read or written.
pub(super) struct Book {
    slot: u32,
    seats: u32,
    bytes: usize,
    /// Bits for the key in a stamp's sequence; the others hold the number of writes.
    key_bits: u32,
    /// Highest number of writes seen, by key and slot.
    newest: Vec<u64>,
    faults: Faults,
}

/// Violations by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    torn: u64,
    unknown: u64,
    stale: u64,
    missing: u64,
}

impl Book {
    /// Creates the table of the user on `slot`.
    pub(super) fn new(shape: &Shape, slot: u32) -> Self {
        Self {
            slot,
            seats: shape.users,
            bytes: shape.value_bytes,
            key_bits: shape.keys.next_power_of_two().trailing_zeros(),
            newest: vec![0; shape.keys as usize * shape.users as usize],
            faults: Faults::default(),
        }
    }

    /// Next version of `key` by this user.
    #[inline]
    pub(super) fn next(&mut self, key: u64) -> Known {
        let at = self.at(key, self.slot);
        self.newest[at] += 1;
        Known::new(self.bytes, stamp(self.slot as u16 + 1, self.newest[at] << self.key_bits | key))
    }

    /// Checks a value read from `key`.
    #[inline]
    pub(super) fn check(&mut self, key: u64, value: &[u8]) {
        let Some(stamp) = stamp_of(value) else { return self.tear() };
        if Known::new(self.bytes, stamp).check(value).is_err() {
            return self.tear();
        }
        let (owner, sequence) = parts(stamp);
        let (of_key, writes) = (sequence & ((1 << self.key_bits) - 1), sequence >> self.key_bits);
        let slot = u32::from(owner).wrapping_sub(1);
        if slot >= self.seats || of_key != key {
            self.faults.unknown += 1;
            return;
        }
        let at = self.at(key, slot);
        self.faults.stale += u64::from(writes < self.newest[at]);
        self.newest[at] = self.newest[at].max(writes);
    }

    /// Counts a torn value.
    pub(super) fn tear(&mut self) {
        self.faults.torn += 1;
    }

    /// Counts a missing key.
    pub(super) fn miss(&mut self) {
        self.faults.missing += 1;
    }

    /// Description of the violations.
    pub(super) fn fault(&self) -> Option<String> {
        let Faults { torn, unknown, stale, missing } = self.faults;
        let what = match (torn, unknown, stale, missing) {
            (0, 0, 0, 0) => return None,
            (0, 0, 0, missing) => format!("did not find a key that was set {missing} times"),
            (0, 0, stale, _) => format!("read something older than before {stale} times"),
            (0, unknown, ..) => format!("read a value never written to that key {unknown} times"),
            (torn, ..) => format!("read half of one write and half of another {torn} times"),
        };
        Some(format!("the user on slot {} {what}", self.slot))
    }

    fn at(&self, key: u64, slot: u32) -> usize {
        key as usize * self.seats as usize + slot as usize
    }
}

/// Value of a counter at `number`.
#[inline]
pub(super) const fn count(bytes: usize, number: u64) -> Known {
    Known::new(bytes, stamp(COUNTER, number))
}

/// Number of a counter; `None` if the value is no counter.
#[inline]
pub(super) fn counted(value: &[u8]) -> Option<u64> {
    let stamp = stamp_of(value)?;
    let (owner, number) = parts(stamp);
    (owner == COUNTER && Known::new(value.len(), stamp).check(value).is_ok()).then_some(number)
}

/// Increments a counter; false if the value is no counter.
#[inline]
pub(super) fn add_one(value: &mut [u8]) -> bool {
    let number = counted(value);
    if let Some(number) = number {
        count(value.len(), number + 1).fill(value);
    }
    number.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::CORRUPTIONS;

    const BYTES: usize = 24;

    fn two() -> (Book, Book) {
        let shape = Shape { keys: 5, entries: 9, value_bytes: BYTES, users: 2 };
        (Book::new(&shape, 0), Book::new(&shape, 1))
    }

    fn written(book: &mut Book, key: u64) -> [u8; BYTES] {
        let mut value = [0; BYTES];
        book.next(key).fill(&mut value);
        value
    }

    #[test]
    fn whole_versions_of_any_writer_pass() {
        let (mut first, mut second) = two();
        for key in [0, 4, 4] {
            let value = written(&mut first, key);
            first.check(key, &value);
            second.check(key, &value);
        }
        let value = written(&mut second, 4);
        first.check(4, &value);
        assert_eq!((first.fault(), second.fault()), (None, None));
    }

    #[test]
    fn a_torn_write_is_detected() {
        let (mut first, mut second) = two();
        let (mut torn, other) = (written(&mut first, 3), written(&mut second, 3));
        torn[16..].copy_from_slice(&other[16..]);
        first.check(3, &torn);
        first.check(3, &torn[..16]);
        assert!(first.fault().is_some_and(|why| why.contains("half of another 2 times")));
    }

    #[test]
    fn every_corruption_of_a_value_is_detected() {
        for (what, change) in CORRUPTIONS {
            let mut book = Book::new(&Shape { keys: 5, entries: 9, value_bytes: 128, users: 2 }, 0);
            let mut value = [0; 128];
            book.next(3).fill(&mut value);
            change(&mut value);
            book.check(3, &value);
            assert!(book.fault().is_some(), "{what}");
            let mut counter = [0; 128];
            count(128, 7).fill(&mut counter);
            change(&mut counter);
            assert_eq!(counted(&counter), None, "{what}");
        }
    }

    #[test]
    fn an_older_version_is_detected_for_all_writers() {
        let (mut first, mut second) = two();
        let (old, new) = (written(&mut first, 2), written(&mut first, 2));
        second.check(2, &new);
        assert_eq!(second.fault(), None);
        first.check(2, &old);
        second.check(2, &old);
        assert!([first, second].iter().all(|book| book.fault().is_some_and(|why| why.contains("older than before"))));
    }

    #[test]
    fn a_value_of_another_key_or_writer_is_detected() {
        let (mut first, mut second) = two();
        let value = written(&mut first, 2);
        second.check(1, &value);
        assert!(second.fault().is_some_and(|why| why.contains("never written to that key")));
        let mut third = Book { slot: 2, ..two().0 };
        third.newest = vec![0; 15];
        let foreign = written(&mut third, 1);
        first.check(1, &foreign);
        assert!(first.fault().is_some_and(|why| why.contains("never written to that key")));
        first.miss();
        assert!(first.fault().is_some());
    }

    #[test]
    fn counters_are_incremented_and_checked() {
        let mut value = [0; BYTES];
        assert!(!add_one(&mut value));
        count(BYTES, 0).fill(&mut value);
        assert!(add_one(&mut value) && add_one(&mut value));
        assert_eq!(counted(&value), Some(2));
        value[20] ^= 1;
        assert_eq!(counted(&value), None);
    }
}
