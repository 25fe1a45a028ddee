//! The state that readers look at and writers replace, and the check that nobody sees what was never there. Every word of a
//! version follows from who wrote it and how often he had written, so that half of one write and half of another, a version
//! that nobody wrote, and one older than what was seen before all show.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::MAX_HOLDERS;
use crate::measure::locks::chain;
use crate::measure::locks::ledger::{Ledger, WORDS};
use crate::payload::{mix, parts, stamp, unmix};

/// The first word of a state that nobody has written; `mix` makes it of no version.
const UNWRITTEN: u64 = 0;

/// What a reader copied out.
pub(super) type Seen = [u64; WORDS];

/// The state as one holder writes, reads and checks it.
pub(super) struct Board {
    ledger: Ledger,
    slot: u32,
    /// Rounds of the chain in the middle of each access.
    rounds: u64,
    /// Writes by this holder.
    writes: u64,
    /// The first word of the last version seen.
    last: u64,
    /// By slot, how often its holder had written by what was seen of it.
    newest: Vec<u64>,
    faults: Faults,
}

/// What must not happen, by how often it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Faults {
    torn: u64,
    unknown: u64,
    stale: u64,
    met: u64,
}

impl Board {
    /// The state in `ledger` for the holder on `slot`, who works for `rounds` of the chain while he reads or writes.
    pub(super) fn new(ledger: Ledger, slot: u32, rounds: u64) -> Self {
        let newest = vec![0; MAX_HOLDERS as usize];
        Self { ledger, slot, rounds, writes: 0, last: UNWRITTEN, newest, faults: Faults::default() }
    }

    /// Where the state is.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Writes by this holder.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// Writes by all holders, as counted by those who were alone while they counted.
    pub(super) fn all_writes(&self) -> u64 {
        self.ledger.head().second.load(Ordering::Relaxed)
    }

    /// Writes the next version into a copy, alone. One who finds that the last to write has not ended met him.
    #[inline]
    pub(super) fn write(&mut self, copy: u32) {
        let head = self.ledger.head();
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
        let (front, back) = self.ledger.state(copy).split_at(WORDS / 2);
        fill(0, front);
        chain::run(self.rounds);
        fill(WORDS / 2, back);
        head.second.store(count + 1, Ordering::Relaxed);
    }

    /// Copies a copy out, whole or not.
    #[inline]
    pub(super) fn copy_out(&self, copy: u32) -> Seen {
        let mut seen = [0; WORDS];
        let take = |words: &[AtomicU64], seen: &mut [u64]| {
            for (to, word) in seen.iter_mut().zip(words) {
                *to = word.load(Ordering::Relaxed);
            }
        };
        let (front, back) = self.ledger.state(copy).split_at(WORDS / 2);
        let (seen_front, seen_back) = seen.split_at_mut(WORDS / 2);
        take(front, seen_front);
        chain::run(self.rounds);
        take(back, seen_back);
        seen
    }

    /// Checks what was copied out and accepted.
    #[inline]
    pub(super) fn check(&mut self, seen: &Seen) {
        let first = seen[0];
        let step = u64::from(first != UNWRITTEN);
        let due = |at: usize| first.wrapping_add(step * at as u64);
        // Without a branch for each word, so that the check costs less than what it checks.
        if seen.iter().enumerate().fold(0, |differing, (at, word)| differing | (word ^ due(at))) != 0 {
            self.faults.torn += 1;
        } else if first != self.last {
            self.check_version(first);
            self.last = first;
        }
    }

    /// Checks a version that is not the one seen last.
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

    /// Who wrote what was copied out, and how often he had written; nothing while nobody had.
    pub(super) fn writer(seen: &Seen) -> Option<(u32, u64)> {
        let (owner, writes) = parts(unmix(seen[0]));
        (seen[0] != UNWRITTEN).then(|| (u32::from(owner).wrapping_sub(1), writes))
    }

    /// What went wrong for this holder, in words.
    pub(super) fn fault(&self) -> Option<String> {
        let Faults { torn, unknown, stale, met } = self.faults;
        let slot = self.slot;
        match (torn, unknown, stale, met) {
            (0, 0, 0, 0) => None,
            (0, 0, 0, met) => Some(format!("the holder on slot {slot} met another who was writing {met} times")),
            (0, 0, stale, _) => {
                Some(format!("the holder on slot {slot} read something older than before {stale} times"))
            }
            (0, unknown, ..) => Some(format!("the holder on slot {slot} read what nobody wrote {unknown} times")),
            (torn, ..) => {
                Some(format!("the holder on slot {slot} read half of one write and half of another {torn} times"))
            }
        }
    }
}

/// A version of the holder on `slot`: never zero in its upper part, so that no version is what nobody wrote.
const fn version(slot: u32, writes: u64) -> u64 {
    stamp(slot as u16 + 1, writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (Board, Board) {
        let address = Ledger::create().unwrap();
        let of = |slot| Board::new(Ledger::attach(&address).unwrap(), slot, 2);
        (of(0), of(1))
    }

    fn look(board: &mut Board, copy: u32) -> Option<String> {
        board.check(&board.copy_out(copy));
        board.fault()
    }

    #[test]
    fn whole_versions_pass_whoever_wrote_them() {
        let (mut first, mut second) = two();
        assert_eq!((look(&mut first, 0), Board::writer(&first.copy_out(0))), (None, None));
        first.write(0);
        second.write(0);
        assert_eq!((look(&mut first, 0), look(&mut second, 0)), (None, None));
        assert_eq!(Board::writer(&first.copy_out(0)), Some((1, 1)));
        second.write(1);
        assert_eq!(look(&mut first, 1), None);
        assert_eq!((first.all_writes(), first.writes(), second.writes()), (3, 1, 2));
    }

    #[test]
    fn half_a_write_is_seen_wherever_it_ends() {
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
    fn half_of_the_very_first_write_is_seen() {
        let (mut first, mut second) = two();
        let mut torn = first.copy_out(0);
        second.write(0);
        torn[WORDS - 1] = second.copy_out(0)[WORDS - 1];
        first.check(&torn);
        assert!(first.fault().is_some_and(|why| why.contains("half of one write")));
    }

    #[test]
    fn what_is_older_than_before_is_seen() {
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
    fn what_nobody_wrote_is_seen() {
        let mut board = two().0;
        let first = mix(version(MAX_HOLDERS, 1));
        board.check(&std::array::from_fn(|at| first.wrapping_add(at as u64)));
        assert!(board.fault().is_some_and(|why| why.contains("nobody wrote")));
    }

    #[test]
    fn a_writer_that_meets_another_is_seen() {
        let (mut first, second) = two();
        second.ledger.head().first.store(1, Ordering::Relaxed);
        first.write(0);
        assert!(first.fault().is_some_and(|why| why.contains("met another")));
    }
}
