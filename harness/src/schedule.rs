//! Order of a run's trials: every case once per repetition, shuffled, so that drift of the machine affects all cases alike.
//!
//! The shuffle is Fisher and Yates' with `SplitMix64` (Steele, Lea & Flood 2014), written out here because the recorded
//! seed must give the same order in every later version. A case that cannot run comes first, once: it costs no time.
//! The sentinel opens and closes the run and comes back every `SENTINEL_EVERY` trials. Its trials carry its own
//! case's key, and their `repetition` goes on from the plan's last one, so that key and repetition stay unique when the plan asks the
//! same case too.

pub mod added;
pub mod rounds;

use crate::plan::{Plan, Planned};

/// Trials between two sentinels: two to three seconds of the quick plan.
const SENTINEL_EVERY: usize = 20;

/// One case in one repetition of fresh processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial<'plan> {
    /// Case and CPUs.
    pub planned: &'plan Planned,
    /// Which repetition, from 0; a sentinel's go on from the plan's last.
    pub repetition: u32,
    /// Position in the schedule, from 1: the machine's floors come before it.
    pub order: u32,
}

/// Every trial of `plan`, in the order that `seed` gives.
pub fn schedule(plan: &Plan, seed: u64) -> Vec<Trial<'_>> {
    let (skipped, runnable): (Vec<&Planned>, Vec<&Planned>) =
        plan.cases.iter().partition(|planned| planned.obstacle.is_some());
    let mut random = SplitMix64(seed);
    let mut timed = vec![];
    for repetition in 0..plan.repetitions {
        let mut cases: Vec<&Planned> =
            runnable.iter().copied().filter(|planned| repetition < planned.repetitions(plan.repetitions)).collect();
        random.shuffle(&mut cases);
        timed.extend(cases.into_iter().map(|planned| (planned, repetition)));
    }
    let skipped = skipped.into_iter().map(|planned| (planned, 0));
    let ordered = skipped.chain(with_sentinel(timed, plan.sentinel.as_ref(), plan.repetitions));
    ordered.zip(1..).map(|((planned, repetition), order)| Trial { planned, repetition, order }).collect()
}

fn with_sentinel<'plan>(
    timed: Vec<(&'plan Planned, u32)>,
    sentinel: Option<&'plan Planned>,
    first: u32,
) -> Vec<(&'plan Planned, u32)> {
    let Some(sentinel) = sentinel.filter(|_| !timed.is_empty()) else { return timed };
    let mut repetitions = first..;
    let mut all = vec![];
    for stretch in timed.chunks(SENTINEL_EVERY) {
        all.extend(repetitions.next().map(|repetition| (sentinel, repetition)));
        all.extend_from_slice(stretch);
    }
    all.extend(repetitions.next().map(|repetition| (sentinel, repetition)));
    all
}

/// A generator of 64-bit numbers whose whole state is its seed.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`. Its bias, `limit` in 2^64, is negligible.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::plan::tests::plan_of;

    #[test]
    fn the_generator_gives_its_published_numbers() {
        let mut random = SplitMix64(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn every_case_comes_once_in_every_repetition_and_keys_are_unique() {
        let plan = plan_of(30, 5);
        let trials = schedule(&plan, 7);
        let sentinels = (30 * 5_usize).div_ceil(SENTINEL_EVERY) + 1;
        assert_eq!(trials.len(), 30 * 5 + sentinels);
        let unique: HashSet<_> = trials.iter().map(|t| (t.planned.case.key(), t.repetition)).collect();
        assert_eq!(unique.len(), trials.len());
        assert!(trials.iter().zip(1..).all(|(trial, order)| trial.order == order));
        for stretch in trials.chunks(SENTINEL_EVERY + 1) {
            assert!(stretch[0].repetition >= plan.repetitions, "a stretch opens with the sentinel");
        }
    }

    #[test]
    fn a_seed_gives_one_order_and_another_seed_another() {
        let plan = plan_of(30, 2);
        assert_eq!(schedule(&plan, 7), schedule(&plan, 7));
        assert_ne!(schedule(&plan, 7), schedule(&plan, 8));
    }

    #[test]
    fn cases_that_cannot_run_come_first_and_once() {
        let mut plan = plan_of(3, 5);
        plan.cases[2].obstacle = Some("not here".to_owned());
        let trials = schedule(&plan, 7);
        assert_eq!(trials[0].planned, &plan.cases[2]);
        assert_eq!(trials.iter().filter(|trial| trial.planned == &plan.cases[2]).count(), 1);
    }
}
