//! Order of pairs of trials: rounds with one pair of each open case, so that the pairs of a case lie apart in time.
//!
//! The cases of a round are shuffled, and the side that runs first is drawn for each pair. The pairs of a case are looked at
//! after the rounds that `ipcmark_reports::pairs` names.

use ipcmark_reports::pairs;

use super::SplitMix64;

/// Source of rounds.
#[derive(Clone, Debug)]
pub struct Rounds {
    seed: u64,
    done: usize,
    open: Vec<usize>,
}

/// One pair of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Index of the case.
    pub case: usize,
    /// Which pair of the case, from 0.
    pub pair: usize,
    /// Whether the second side runs first.
    pub second_first: bool,
}

impl Rounds {
    /// Rounds of `cases` cases, after the first `done` rounds.
    pub fn new(seed: u64, cases: usize, done: usize) -> Self {
        Self { seed, done, open: (0..cases).collect() }
    }

    /// Number of rounds so far.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Cases without a verdict.
    pub fn open(&self) -> &[usize] {
        &self.open
    }

    /// Closes the cases for which `open` is false.
    pub fn retain(&mut self, open: impl FnMut(&usize) -> bool) {
        self.open.retain(open);
    }

    /// The next round; empty when every case is closed or has the most pairs that can be judged.
    pub fn next_round(&mut self) -> Vec<Turn> {
        if self.done >= pairs::PAIRS_MAX {
            return vec![];
        }
        let mut random = SplitMix64(self.seed.wrapping_add(self.done as u64));
        let mut cases = self.open.clone();
        random.shuffle(&mut cases);
        let pair = self.done;
        self.done += 1;
        cases.into_iter().map(|case| Turn { case, pair, second_first: random.below(2) == 1 }).collect()
    }

    /// Whether the pairs are looked at after the last round.
    pub fn look_is_due(&self) -> bool {
        pairs::looks().any(|look| look == self.done)
    }
}

impl Turn {
    /// Sides in the order that was drawn, the first side as 0.
    pub fn order(self) -> [usize; 2] {
        if self.second_first { [1, 0] } else { [0, 1] }
    }
}

/// Runs both sides of a pair in the order that was drawn, and returns them as first and second.
pub fn in_order<T, U>(second_first: bool, first: impl FnOnce() -> T, second: impl FnOnce() -> U) -> (T, U) {
    if second_first {
        let second = second();
        (first(), second)
    } else {
        (first(), second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_case_has_one_pair_in_a_round_and_a_resumed_run_continues_alike() {
        let mut rounds = Rounds::new(7, 5, 0);
        for done in 0..20 {
            assert_eq!(Rounds::new(7, 5, done).next_round(), rounds.clone().next_round());
            let turns = rounds.next_round();
            let mut cases: Vec<usize> = turns.iter().map(|turn| turn.case).collect();
            cases.sort_unstable();
            assert_eq!(cases, [0, 1, 2, 3, 4]);
            assert!(turns.iter().all(|turn| turn.pair == done));
        }
        rounds.retain(|case| *case == 3);
        assert_eq!(rounds.next_round().len(), 1);
        rounds.retain(|_| false);
        assert!(rounds.next_round().is_empty());
    }

    #[test]
    fn either_side_runs_first_in_half_of_the_pairs_of_each_case() {
        let mut rounds = Rounds::new(1, 10, 0);
        let mut second_first = [0; 10];
        for _ in 0..1_000 {
            for turn in rounds.next_round() {
                second_first[turn.case] += u32::from(turn.second_first);
            }
        }
        assert!(second_first.iter().all(|count| (420..580).contains(count)), "{second_first:?}");
    }

    #[test]
    fn the_rounds_end_at_the_limit_and_looks_are_due_in_between() {
        let mut rounds = Rounds::new(1, 1, 0);
        let mut due = vec![];
        while !rounds.next_round().is_empty() {
            if rounds.look_is_due() {
                due.push(rounds.done());
            }
        }
        assert_eq!(due, pairs::looks().collect::<Vec<_>>());
    }

    #[test]
    fn the_order_that_was_drawn_is_kept() {
        let order = std::cell::RefCell::new(vec![]);
        for second_first in [false, true] {
            let both = in_order(second_first, || order.borrow_mut().push(1), || order.borrow_mut().push(2));
            assert_eq!(both, ((), ()));
        }
        assert_eq!(*order.borrow(), [1, 2, 2, 1]);
    }
}
