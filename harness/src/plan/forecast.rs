//! Durations of trials, and the predicted time of a run, which is shown before it starts.

use std::time::Duration;

use ipcmark::measure::core_to_core;
use ipcmark::measure::locks;
use ipcmark::measure::locks::recover::PATIENCE_NS;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Measure};

use super::{Plan, Planned};

/// What of a plan's predicted time may be spent on trying disturbed trials again.
const RETRY_SHARE: u32 = 4;
/// Overhead of a trial: starting two processes, attaching, reaping.
const TRIAL_OVERHEAD_NS: u64 = 25_000_000;
/// What of the hot time a second window takes that stamps every release, or every update: src/measure/window.rs.
const STAMPED_SHARE: u64 = 5;
/// Additional overhead of a participant, such as the start of an interpreter and its processes.
const PROGRAM_OVERHEAD_NS: u64 = 200_000_000;
/// Additional overhead of each role beyond the second.
const MORE_ROLES_NS: u64 = 5_000_000;
/// Additional overhead of each client process of a server: start, connection, wake-ups and reaping.
const CLIENT_NS: u64 = 1_500_000;
/// Time to touch a mebibyte of memory page by page.
const TOUCHED_MIB_NS: u64 = 150_000;
/// Time of a traced trial, in which each system call stops twice.
const TRACED_TRIAL_NS: u64 = 60_000_000;
/// Messages of a traced trial: enough for a count per message with two digits.
const TRACED_MESSAGES: u64 = 500;

impl Plan {
    /// Duration, or message count, of a trial of `case`.
    pub fn timing_of(&self, case: &Case) -> Timing {
        match case.measure {
            Measure::CostModel => Timing { floor_ns: 0, fixed_count: Some(TRACED_MESSAGES), ..self.timing.clone() },
            // One way, while the floors next to a case are out and back or streams.
            Measure::Paced | Measure::Wake => Timing { floor_ns: 0, ..self.timing.clone() },
            // The recovery measure has no floor and no warm-up.
            Measure::Recover => Timing { warm_up_ns: 0, floor_ns: 0, ..self.timing.clone() },
            _ => self.timing.clone(),
        }
    }

    /// Predicted time of all repetitions of `cases` in nanoseconds.
    pub(super) fn predicted_for(&self, cases: &[Planned]) -> u64 {
        cases.iter().map(|planned| u64::from(planned.repetitions(self.repetitions)) * self.predicted_ns(planned)).sum()
    }

    /// Time that disturbed trials may take when they are tried again: a quarter of what all cases are predicted to take.
    pub fn retry_budget(&self) -> Duration {
        Duration::from_nanos(self.predicted_for(&self.cases)) / RETRY_SHARE
    }

    /// Predicted time of a trial in nanoseconds; 0 if it cannot run.
    pub fn predicted_ns(&self, planned: &Planned) -> u64 {
        if planned.obstacle.is_some() {
            return 0;
        }
        if planned.case.measure == Measure::CostModel {
            // Forced hand-offs take a fixed time, once traced and once untraced.
            let handed_off = planned.case.params.contenders.is_some_and(|holders| holders > 1);
            return TRACED_TRIAL_NS + if handed_off { 2 * locks::cost_model::HAND_OFFS_NS } else { 0 };
        }
        let Timing { warm_up_ns, hot_ns, floor_ns, .. } = self.timing_of(&planned.case);
        if planned.case.measure == Measure::Recover {
            // A lock that does not recover costs one wait, or two if a later contender waits in vain, too.
            return hot_ns.max(PATIENCE_NS) + TRIAL_OVERHEAD_NS;
        }
        if planned.case.measure == Measure::CoreToCore {
            return core_to_core::predicted_ns(&planned.cpus, hot_ns) + TRIAL_OVERHEAD_NS;
        }
        // A wake measure waits for one pause to warm up and for three at least.
        let gap_ns = planned.case.params.gap_ns.unwrap_or(0);
        let stamped_ns = match planned.case.measure {
            Measure::Contention | Measure::Access => hot_ns / STAMPED_SHARE,
            _ => 0,
        };
        let more_roles = u64::from(planned.roles.saturating_sub(2));
        let program_ns = planned.case.program.as_ref().map_or(0, |_| PROGRAM_OVERHEAD_NS);
        let clients_ns = CLIENT_NS * u64::from(planned.case.params.clients.unwrap_or(0));
        let resident_ns = TOUCHED_MIB_NS * (planned.case.params.parent_rss_bytes.unwrap_or(0) >> 20);
        let more_ns = MORE_ROLES_NS * more_roles + program_ns + clients_ns + resident_ns;
        let overhead_ns = TRIAL_OVERHEAD_NS + more_ns;
        warm_up_ns.max(gap_ns) + hot_ns.max(3 * gap_ns) + stamped_ns + floor_ns + overhead_ns
    }
}
