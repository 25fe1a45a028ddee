//! After the plan's repetitions: disturbed trials are tried again, within a share of the plan's time.

use std::collections::HashMap;
use std::time::Duration;

use ipcmark::record::Verdict;

use super::added::Spent;
use super::{Place, Run};
use crate::plan::{Plan, Planned};
use crate::progress::{Progress, whole_seconds};
use crate::schedule::added::Allowance;

/// Attempts at one repetition. On a machine that is never quiet more would only take time.
const ATTEMPTS: u32 = 3;

impl Run {
    /// Tries disturbed trials of the plan's repetitions again, until none is left, the budget is spent, or a signal
    /// arrives. Both records are kept. The sentinel is not tried again, since it shows disturbances.
    pub(super) fn retry_disturbed(&mut self, plan: &Plan, progress: &mut Progress) -> anyhow::Result<()> {
        let cases: HashMap<String, &Planned> = plan.cases.iter().map(|planned| (planned.case.key(), planned)).collect();
        let time = Spent::since(self.settings.retried_ms, self.records.iter().filter(|record| record.attempt > 0));
        let limit = retry_limit(plan, Duration::from_millis(self.settings.retry_budget_ms));
        let allowance = || Allowance { limit, spent: time.so_far() };
        let mut order = self.records.iter().map(|record| record.order_in_run).max().unwrap_or(0);
        'attempts: for attempt in 1..ATTEMPTS {
            let again: Vec<(&Planned, u32)> = self
                .records
                .iter()
                .filter(|record| record.outcome.verdict == Some(Verdict::Disturbed) && record.attempt + 1 == attempt)
                .filter(|record| !record.added && record.repetition < plan.repetitions)
                .filter_map(|record| Some((*cases.get(&record.case_key)?, record.repetition)))
                .collect();
            if again.is_empty() {
                continue;
            }
            let why = format!(
                "trying disturbed trials again: {}, for at most {}",
                again.len(),
                whole_seconds(allowance().left())
            );
            let predicted_ns: u64 = again.iter().map(|(planned, _)| plan.predicted_ns(planned)).sum();
            progress.extend(again.len() as u64, predicted_ns, &why);
            for (planned, repetition) in again {
                let predicted_ns = plan.predicted_ns(planned);
                if self.session.interrupted().is_some() || !allowance().admits(predicted_ns) {
                    break 'attempts;
                }
                order += 1;
                let result = self.trial(planned);
                self.keep(Place { case: &planned.case, repetition, attempt, added: false, order }, result, progress)?;
                progress.advance(predicted_ns);
            }
        }
        self.settings.retried_ms = time.so_far_ms();
        self.store.save(&self.settings)
    }
}

/// Time for trying again: `budget`, and not more than what a plan has for all added repetitions.
pub(super) fn retry_limit(plan: &Plan, budget: Duration) -> Duration {
    plan.until_stable.map_or(budget, |until| budget.min(until.budget))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::UntilStable;
    use crate::plan::tests::plan_of;

    #[test]
    fn trying_again_takes_a_quarter_of_the_plan_and_no_more_than_the_budget() {
        let mut plan = plan_of(4, 5);
        let quarter = Duration::from_nanos(5 * plan.predicted_ns(&plan.cases[0]));
        assert_eq!(plan.retry_budget(), quarter);
        assert_eq!(retry_limit(&plan, quarter), quarter);
        let share = "5%".parse().expect("a share");
        for (budget, limit) in [(quarter / 2, quarter / 2), (2 * quarter, quarter)] {
            plan.until_stable = Some(UntilStable { share, budget });
            assert_eq!(retry_limit(&plan, quarter), limit);
        }
    }
}
