//! State that readers copy and writers replace, and the check of each copy. Writer and write number determine all words
//! of a version, so torn copies, unwritten versions and stale versions are detected.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::MAX_CONTENDERS;
use crate::measure::locks::protected_state::{ProtectedState, WORDS};
use crate::measure::locks::work;
use crate::payload::{mix, parts, stamp, unmix};

/// First word of a state before the first write; `mix` never returns it for a version.
const UNWRITTEN: u64 = 0;

/// A reader's copy.
pub(super) type Seen = [u64; WORDS];

/// One contender's view of the state.
pub(super) struct VersionedState {
    protected: ProtectedState,
    slot: u32,
    /// Rounds of the chain in the middle of each access.
    rounds: u64,
    /// Writes of this contender.
    writes: u64,
    /// First word of the last version seen.
    last: u64,
    /// Highest number of writes seen, by slot.
    newest: Vec<u64>,
    faults: Faults,
}

/// Violations by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    torn: u64,
    unknown: u64,
    stale: u64,
    met: u64,
}

impl VersionedState {
    /// Creates the view of the contender on `slot`, with `rounds` of work in each access.
    pub(super) fn new(protected: ProtectedState, slot: u32, rounds: u64) -> Self {
        let newest = vec![0; MAX_CONTENDERS as usize];
        Self { protected, slot, rounds, writes: 0, last: UNWRITTEN, newest, faults: Faults::default() }
    }

    /// The protected state.
    pub(super) fn protected(&self) -> &ProtectedState {
        &self.protected
    }

    /// Writes of this contender.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// Writes of all contenders, counted under the lock.
    pub(super) fn all_writes(&self) -> u64 {
        self.protected.head().second.load(Ordering::Relaxed)
    }

    /// Writes the next version into `copy`. Counts a violation if another write has not finished.
    #[inline]
    pub(super) fn write(&mut self, copy: u32) {
        let head = self.protected.head();
        let count = head.first.load(Ordering::Relaxed);
        self.faults.met += u64::from(head.second.load(Ordering::Relaxed) != count);
        head.first.store(count + 1, Ordering::Relaxed);
        self.writes += 1;
        self.newest[self.slot as usize] = self.writes;
        let first = mix(version(self.slot, self.writes));
        let fill = |from: usize, words: &[AtomicU64]| {
            for (at, word) in words.iter().enumerate() {
                word.store(first.wrapping_add((from + at) as u64), Ordering::Relaxed);
            }
        };
        let (front, back) = self.protected.state(copy).split_at(WORDS / 2);
        fill(0, front);
        work::run(self.rounds);
        fill(WORDS / 2, back);
        head.second.store(count + 1, Ordering::Relaxed);
    }

    /// Copies the state, torn or not.
    #[inline]
    pub(super) fn copy_out(&self, copy: u32) -> Seen {
        let mut seen = [0; WORDS];
        let take = |words: &[AtomicU64], seen: &mut [u64]| {
            for (to, word) in seen.iter_mut().zip(words) {
                *to = word.load(Ordering::Relaxed);
            }
        };
        let (front, back) = self.protected.state(copy).split_at(WORDS / 2);
        let (seen_front, seen_back) = seen.split_at_mut(WORDS / 2);
        take(front, seen_front);
        work::run(self.rounds);
        take(back, seen_back);
        seen
    }

    /// Checks an accepted copy.
    #[inline]
    pub(super) fn check(&mut self, seen: &Seen) {
        let first = seen[0];
        let step = u64::from(first != UNWRITTEN);
        let due = |at: usize| first.wrapping_add(step * at as u64);
        // Branch-free per word, so that the check costs less than the read.
        if seen.iter().enumerate().fold(0, |differing, (at, word)| differing | (word ^ due(at))) != 0 {
            self.faults.torn += 1;
        } else if first != self.last {
            self.check_version(first);
            self.last = first;
        }
    }

    /// Checks a version that differs from the last one seen.
    fn check_version(&mut self, first: u64) {
        let (owner, writes) = parts(unmix(first));
        if first == UNWRITTEN {
            self.faults.stale += 1;
        } else if let Some(newest) = self.newest.get_mut(usize::from(owner).wrapping_sub(1)) {
            self.faults.stale += u64::from(writes < *newest);
            *newest = writes.max(*newest);
        } else {
            self.faults.unknown += 1;
        }
    }

    /// Slot and number of writes of the writer of a copy; `None` before the first write.
    pub(super) fn writer(seen: &Seen) -> Option<(u32, u64)> {
        let (owner, writes) = parts(unmix(seen[0]));
        (seen[0] != UNWRITTEN).then(|| (u32::from(owner).wrapping_sub(1), writes))
    }

    /// Description of the violations.
    pub(super) fn fault(&self) -> Option<String> {
        let Faults { torn, unknown, stale, met } = self.faults;
        let slot = self.slot;
        match (torn, unknown, stale, met) {
            (0, 0, 0, 0) => None,
            (0, 0, 0, met) => Some(format!("the contender on slot {slot} met another writer {met} times")),
            (0, 0, stale, _) => {
                Some(format!("the contender on slot {slot} read something older than before {stale} times"))
            }
            (0, unknown, ..) => {
                Some(format!("the contender on slot {slot} read a value never written {unknown} times"))
            }
            (torn, ..) => {
                Some(format!("the contender on slot {slot} read half of one write and half of another {torn} times"))
            }
        }
    }
}

/// Version of the contender on `slot`. Its upper part is never zero, so it never maps to `UNWRITTEN`.
const fn version(slot: u32, writes: u64) -> u64 {
    stamp(slot as u16 + 1, writes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::CORRUPTIONS;

    fn two() -> (VersionedState, VersionedState) {
        let address = ProtectedState::create().unwrap();
        let of = |slot| VersionedState::new(ProtectedState::attach(&address).unwrap(), slot, 2);
        (of(0), of(1))
    }

    fn look(state: &mut VersionedState, copy: u32) -> Option<String> {
        state.check(&state.copy_out(copy));
        state.fault()
    }

    #[test]
    fn whole_versions_of_any_writer_pass() {
        let (mut first, mut second) = two();
        assert_eq!((look(&mut first, 0), VersionedState::writer(&first.copy_out(0))), (None, None));
        first.write(0);
        second.write(0);
        assert_eq!((look(&mut first, 0), look(&mut second, 0)), (None, None));
        assert_eq!(VersionedState::writer(&first.copy_out(0)), Some((1, 1)));
        second.write(1);
        assert_eq!(look(&mut first, 1), None);
        assert_eq!((first.all_writes(), first.writes(), second.writes()), (3, 1, 2));
    }

    #[test]
    fn a_torn_write_is_detected_at_each_word() {
        for at in 1..WORDS {
            let (mut first, mut second) = two();
            first.write(0);
            let mut torn = first.copy_out(0);
            second.write(0);
            torn[at..].copy_from_slice(&second.copy_out(0)[at..]);
            first.check(&torn);
            assert!(first.fault().is_some_and(|why| why.contains("half of one write")), "{at}");
        }
    }

    #[test]
    fn every_corruption_of_a_copy_is_detected() {
        for (what, change) in CORRUPTIONS {
            let mut state = two().0;
            state.write(0);
            let mut bytes: Vec<u8> = state.copy_out(0).iter().flat_map(|word| word.to_le_bytes()).collect();
            change(&mut bytes);
            let mut words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
            state.check(&std::array::from_fn(|_| words.next().unwrap()));
            assert!(state.fault().is_some(), "{what}");
        }
    }

    #[test]
    fn a_torn_first_write_is_detected() {
        let (mut first, mut second) = two();
        let mut torn = first.copy_out(0);
        second.write(0);
        torn[WORDS - 1] = second.copy_out(0)[WORDS - 1];
        first.check(&torn);
        assert!(first.fault().is_some_and(|why| why.contains("half of one write")));
    }

    #[test]
    fn an_older_version_is_detected() {
        let (mut first, mut second) = two();
        second.write(0);
        second.write(1);
        assert_eq!(look(&mut first, 1), None);
        assert!(look(&mut first, 0).is_some_and(|why| why.contains("older than before")));
        let mut writer = two().0;
        writer.write(0);
        assert!(look(&mut writer, 0).is_none());
        assert!(look(&mut writer, 1).is_some_and(|why| why.contains("older than before")));
    }

    #[test]
    fn a_value_never_written_is_detected() {
        let mut state = two().0;
        let first = mix(version(MAX_CONTENDERS, 1));
        state.check(&std::array::from_fn(|at| first.wrapping_add(at as u64)));
        assert!(state.fault().is_some_and(|why| why.contains("never written")));
    }

    #[test]
    fn a_concurrent_writer_is_detected() {
        let (mut first, second) = two();
        second.protected.head().first.store(1, Ordering::Relaxed);
        first.write(0);
        assert!(first.fault().is_some_and(|why| why.contains("met another writer")));
    }
}
