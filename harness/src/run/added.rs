//! After the plan's repetitions: more of them where the intervals are wide.

use std::time::{Duration, Instant};

use ipcmark::record::Record;
use ipcmark_reports::{Width, widths};

use super::{Place, Run};
use crate::plan::{Plan, Share, UntilStable};
use crate::progress::{Progress, whole_seconds};
use crate::schedule::added::{Added, Allowance};

/// Result of the added repetitions.
#[derive(Clone, Copy, Debug)]
pub struct AddedRepetitions {
    /// Share that an interval may reach.
    pub share: Share,
    /// Timed cases within it.
    pub within: usize,
    /// All timed cases of the plan.
    pub timed: usize,
    /// Number of added repetitions.
    pub repetitions: usize,
    /// Time spent on them.
    pub spent: Duration,
}

impl Run {
    /// Adds repetitions until every timed case is within the share, the budget is spent, or a signal arrives.
    pub(super) fn add_repetitions(
        &mut self,
        plan: &Plan,
        progress: &mut Progress,
    ) -> anyhow::Result<Option<AddedRepetitions>> {
        let Some(UntilStable { share, budget }) = plan.until_stable else { return Ok(None) };
        let time = Spent::since(self.settings.added_ms, self.records.iter().filter(|record| record.added));
        let retried = Duration::from_millis(self.settings.retried_ms);
        let allowance = || Allowance { limit: budget, spent: retried + time.so_far() };
        let taken = self.records.iter().map(|r| (r.case_key.as_str(), r.repetition, r.order_in_run));
        let mut added = Added::after(plan, self.suite.seed, taken);
        let mut found = widths(&self.records);
        while self.session.interrupted().is_none() {
            let round = added.round(&found, share.fraction(), allowance().left());
            if round.is_empty() {
                break;
            }
            let (within, timed) = count(&added, &found, share);
            progress.extend(
                round.len() as u64,
                round.iter().map(|trial| plan.predicted_ns(trial.planned)).sum(),
                &format!(
                    "{within} of {timed} timed cases within ±{share}; up to {} left for more repetitions",
                    whole_seconds(allowance().left())
                ),
            );
            for trial in round {
                let predicted_ns = plan.predicted_ns(trial.planned);
                if self.session.interrupted().is_some() || !allowance().admits(predicted_ns) {
                    break;
                }
                let result = self.trial(trial.planned);
                self.keep(Place { added: true, ..Place::of(&trial) }, result, progress)?;
                progress.advance(predicted_ns);
            }
            found = widths(&self.records);
        }
        self.settings.added_ms = time.so_far_ms();
        self.store.save(&self.settings)?;
        let (within, timed) = count(&added, &found, share);
        let repetitions = self.records.iter().filter(|record| record.added).count();
        Ok(Some(AddedRepetitions { share, within, timed, repetitions, spent: time.so_far() }))
    }
}

/// Cases within the share, and all.
fn count(added: &Added<'_>, widths: &[Width], share: Share) -> (usize, usize) {
    let of_plan = added.of_plan(widths);
    (of_plan.iter().filter(|width| width.spread <= share.fraction()).count(), of_plan.len())
}

/// Time that a part of a run takes, from before a resume too.
pub(super) struct Spent {
    before: Duration,
    started: Instant,
}

impl Spent {
    /// Goes on from the time that was saved. A run that was killed saved none; then the trials in `records` are a
    /// lower bound.
    pub(super) fn since<'r>(saved_ms: u64, records: impl Iterator<Item = &'r Record>) -> Self {
        Self { before: Duration::from_millis(saved_ms).max(lasted(records)), started: Instant::now() }
    }

    /// Until now.
    pub(super) fn so_far(&self) -> Duration {
        self.before + self.started.elapsed()
    }

    /// The same in milliseconds, as it is saved.
    pub(super) fn so_far_ms(&self) -> u64 {
        u64::try_from(self.so_far().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Time between start and end of the trials of `records`.
fn lasted<'r>(records: impl Iterator<Item = &'r Record>) -> Duration {
    let of = |record: &Record| {
        let [started, ended] = [&record.started_at, &record.ended_at].map(|time| humantime::parse_rfc3339(time).ok());
        ended?.duration_since(started?).ok()
    };
    records.filter_map(of).sum()
}
