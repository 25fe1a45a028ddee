//! Repetitions beyond those of the plan, for the cases whose intervals are widest.
//!
//! They come in rounds: one repetition for each case that is not within the share yet, so that the repetitions of a case
//! lie apart in time. After a round the widths are estimated again. Where the time is too short for all, the widest
//! intervals come first.

use std::collections::HashMap;
use std::time::Duration;

use ipcmark_reports::Width;

use super::{SplitMix64, Trial};
use crate::plan::{Plan, Planned, REPETITIONS_MAX};

/// Time for a part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Time in all.
    pub limit: Duration,
    /// Time spent, by earlier parts of a resumed run too.
    pub spent: Duration,
}

impl Allowance {
    /// Time left.
    pub fn left(self) -> Duration {
        self.limit.saturating_sub(self.spent)
    }

    /// Whether a trial that is predicted to take `predicted_ns` still fits.
    pub fn admits(self, predicted_ns: u64) -> bool {
        Duration::from_nanos(predicted_ns) <= self.left()
    }
}

/// Source of added repetitions.
#[derive(Debug)]
pub struct Added<'plan> {
    plan: &'plan Plan,
    seed: u64,
    cases: HashMap<String, &'plan Planned>,
    /// The next repetition by case key; the sentinel has used numbers beyond the plan's.
    next: HashMap<String, u32>,
    /// Position of the next trial.
    order: u32,
}

impl<'plan> Added<'plan> {
    /// After the trials `taken` of a run: case key, repetition and position of each.
    pub fn after<'r>(plan: &'plan Plan, seed: u64, taken: impl IntoIterator<Item = (&'r str, u32, u32)>) -> Self {
        let runnable = plan.cases.iter().filter(|planned| planned.obstacle.is_none());
        let cases: HashMap<_, _> = runnable.map(|planned| (planned.case.key(), planned)).collect();
        let (mut next, mut last) = (HashMap::new(), 0);
        for (key, repetition, order) in taken {
            last = last.max(order);
            if cases.contains_key(key) {
                let next = next.entry(key.to_owned()).or_insert(0);
                *next = repetition.saturating_add(1).max(*next);
            }
        }
        Self { plan, seed, cases, next, order: last + 1 }
    }

    /// Widths of the plan's cases; a sentinel of another case only shows drift.
    pub fn of_plan<'w>(&self, widths: &'w [Width]) -> Vec<&'w Width> {
        widths.iter().filter(|width| self.cases.contains_key(&width.case_key)).collect()
    }

    /// The next round, shuffled: one repetition for each case of `widths` (the widest first) that is wider than `share`,
    /// as far as their predicted times fit into `left`. Empty when nothing is left to do.
    pub fn round(&mut self, widths: &[Width], share: f64, left: Duration) -> Vec<Trial<'plan>> {
        let mut allowance = Allowance { limit: left, spent: Duration::ZERO };
        let mut round = vec![];
        for width in self.of_plan(widths).into_iter().filter(|width| width.spread > share) {
            let planned = self.cases[&width.case_key];
            let predicted_ns = self.plan.predicted_ns(planned);
            let next = self.next.entry(width.case_key.clone()).or_insert(0);
            if *next < REPETITIONS_MAX && allowance.admits(predicted_ns) {
                allowance.spent += Duration::from_nanos(predicted_ns);
                round.push((planned, *next));
                *next += 1;
            }
        }
        SplitMix64(self.seed.wrapping_add(self.order.into())).shuffle(&mut round);
        let first = self.order;
        self.order += u32::try_from(round.len()).expect("at most one trial a case");
        round
            .into_iter()
            .zip(first..)
            .map(|((planned, repetition), order)| Trial { planned, repetition, order })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan_of;

    const LONG: Duration = Duration::from_secs(3600);

    /// Widths of the plan's cases in percent, as the analysis sorts them.
    fn widths(plan: &Plan, percent: &[f64]) -> Vec<Width> {
        let of = |(planned, percent): (&Planned, &f64)| Width { case_key: planned.case.key(), spread: percent / 100.0 };
        let mut widths: Vec<Width> = plan.cases.iter().zip(percent).map(of).collect();
        widths.sort_by(|a, b| b.spread.total_cmp(&a.spread));
        widths
    }

    /// After every trial of the schedule.
    fn after_plan(plan: &Plan) -> Added<'_> {
        let all: Vec<(String, u32, u32)> =
            super::super::schedule(plan, 7).iter().map(|t| (t.planned.case.key(), t.repetition, t.order)).collect();
        Added::after(plan, 7, all.iter().map(|(key, repetition, order)| (key.as_str(), *repetition, *order)))
    }

    fn cases(plan: &Plan, round: &[Trial<'_>]) -> Vec<usize> {
        let index = |trial: &Trial<'_>| plan.cases.iter().position(|planned| planned == trial.planned);
        let mut cases: Vec<usize> = round.iter().map(|trial| index(trial).expect("a case of the plan")).collect();
        cases.sort_unstable();
        cases
    }

    #[test]
    fn a_round_has_one_repetition_of_each_case_that_is_too_wide() {
        let plan = plan_of(6, 5);
        let found = widths(&plan, &[5.0, 30.0, 5.1, f64::INFINITY, 0.0, 6.0]);
        let round = after_plan(&plan).round(&found, 0.05, LONG);
        assert_eq!(cases(&plan, &round), [1, 2, 3, 5], "a case at the limit is narrow enough");
    }

    #[test]
    fn nothing_is_added_once_all_are_narrow_or_the_time_is_spent() {
        let plan = plan_of(3, 5);
        let mut added = after_plan(&plan);
        assert!(added.round(&widths(&plan, &[1.0, 2.0, 5.0]), 0.05, LONG).is_empty());
        assert!(added.round(&widths(&plan, &[9.0, 9.0, 9.0]), 0.05, Duration::ZERO).is_empty());
        assert!(added.round(&[], 0.05, LONG).is_empty());
    }

    #[test]
    fn the_widest_come_first_where_the_time_is_short() {
        let plan = plan_of(5, 5);
        let trial = Duration::from_nanos(plan.predicted_ns(&plan.cases[0]));
        let found = widths(&plan, &[10.0, 50.0, 20.0, 40.0, 30.0]);
        let round = after_plan(&plan).round(&found, 0.05, 2 * trial + trial / 2);
        assert_eq!(cases(&plan, &round), [1, 3]);
    }

    #[test]
    fn repetitions_and_positions_go_on_from_the_last() {
        let plan = plan_of(4, 5);
        let scheduled = super::super::schedule(&plan, 7);
        let last = u32::try_from(scheduled.len()).expect("few");
        let found = widths(&plan, &[50.0; 4]);
        let mut added = after_plan(&plan);
        let (first, second) = (added.round(&found, 0.05, LONG), added.round(&found, 0.05, LONG));
        let all: Vec<&Trial<'_>> = first.iter().chain(&second).collect();
        assert!(all.iter().zip(last + 1..).all(|(trial, order)| trial.order == order));
        // The first case is the sentinel's too, whose repetitions go on from the plan's.
        let sentinels = scheduled.iter().filter(|trial| trial.repetition >= 5).count();
        for (case, from) in [(0, 5 + u32::try_from(sentinels).expect("few")), (1, 5), (2, 5), (3, 5)] {
            let of_case = all.iter().filter(|trial| trial.planned == &plan.cases[case]);
            assert_eq!(of_case.map(|trial| trial.repetition).collect::<Vec<_>>(), [from, from + 1]);
        }
    }

    #[test]
    fn a_resumed_run_continues_with_the_same_rounds() {
        let plan = plan_of(8, 5);
        let found = widths(&plan, &[50.0; 8]);
        let mut added = after_plan(&plan);
        let first = added.round(&found, 0.05, LONG);
        let scheduled = super::super::schedule(&plan, 7);
        let taken: Vec<(String, u32, u32)> =
            scheduled.iter().chain(&first).map(|t| (t.planned.case.key(), t.repetition, t.order)).collect();
        let mut resumed = Added::after(&plan, 7, taken.iter().map(|(key, r, order)| (key.as_str(), *r, *order)));
        let second = added.round(&found, 0.05, LONG);
        assert_eq!(resumed.round(&found, 0.05, LONG), second);
        let order = |round: &[Trial<'_>]| round.iter().map(|trial| trial.planned.case.key()).collect::<Vec<_>>();
        assert_ne!(order(&first), order(&second), "each round is shuffled anew");
    }

    #[test]
    fn repetitions_have_a_limit_and_cases_that_cannot_run_get_none() {
        let mut plan = plan_of(2, 5);
        plan.cases[1].obstacle = Some("not here".to_owned());
        let key = plan.cases[0].case.key();
        let found = widths(&plan, &[50.0, 50.0]);
        let mut almost = Added::after(&plan, 7, [(key.as_str(), REPETITIONS_MAX - 2, 9)]);
        assert_eq!(cases(&plan, &almost.round(&found, 0.05, LONG)), [0]);
        assert!(almost.round(&found, 0.05, LONG).is_empty());
        let stranger = Width { case_key: "a sentinel alone".to_owned(), spread: 1.0 };
        assert!(almost.of_plan(&[stranger]).is_empty());
    }

    #[test]
    fn an_allowance_counts_what_earlier_parts_spent() {
        let seconds = Duration::from_secs;
        let allowance = Allowance { limit: seconds(10), spent: seconds(8) };
        assert_eq!(allowance.left(), seconds(2));
        assert!(allowance.admits(2_000_000_000) && !allowance.admits(2_000_000_001));
        assert_eq!(Allowance { spent: seconds(11), ..allowance }.left(), Duration::ZERO);
    }
}
