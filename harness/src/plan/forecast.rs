//! How long trials run, and how long a run is going to take: what a user is told before it starts.

use ipcmark::measure::locks::recover::PATIENCE_NS;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Measure};
use ipcmark::{family, measure::locks};

use super::{Plan, Planned};

/// What a trial costs besides its phases: starting two processes, attaching, reaping.
const TRIAL_OVERHEAD_NS: u64 = 25_000_000;
/// What of the hot time a second window takes that stamps every release, or every update: src/measure/window.rs.
const STAMPED_SHARE: u64 = 5;
/// What another program needs beyond that: an interpreter starts, and its processes do.
const PROGRAM_OVERHEAD_NS: u64 = 200_000_000;
/// What each role beyond the second adds to that.
const MORE_ROLES_NS: u64 = 5_000_000;
/// What each client process of a server adds: it is started, connects, wakes up for each window and is collected.
const CLIENT_NS: u64 = 1_500_000;
/// What touching a mebibyte of memory takes, page by page.
const TOUCHED_MIB_NS: u64 = 150_000;
/// What a traced trial costs: each system call of it stops twice.
const TRACED_TRIAL_NS: u64 = 60_000_000;
/// Messages of a traced trial: enough for a count per message with two digits.
const TRACED_MESSAGES: u64 = 500;

impl Plan {
    /// How long, or how much, a trial of `case` runs.
    pub fn timing_of(&self, case: &Case) -> Timing {
        match case.measure {
            Measure::CostModel => Timing { floor_ns: 0, fixed_count: Some(TRACED_MESSAGES), ..self.timing.clone() },
            // One way, while the floors next to a case are out and back or streams.
            Measure::Paced | Measure::Wake => Timing { floor_ns: 0, ..self.timing.clone() },
            // A death is not compared with a hand-over, and nothing of it gets warm.
            Measure::Recover => Timing { warm_up_ns: 0, floor_ns: 0, ..self.timing.clone() },
            _ => self.timing.clone(),
        }
    }

    /// What a trial is predicted to take, in nanoseconds; one that cannot run takes none.
    pub fn predicted_ns(&self, planned: &Planned) -> u64 {
        if planned.obstacle.is_some() {
            return 0;
        }
        if planned.case.measure == Measure::CostModel {
            // Forced hand-overs have a length, once traced and once left alone.
            let handed_over = planned.case.params.contenders.is_some_and(|holders| holders > 1);
            return TRACED_TRIAL_NS + if handed_over { 2 * locks::anatomy::HAND_OVERS_NS } else { 0 };
        }
        let Timing { warm_up_ns, hot_ns, floor_ns, .. } = self.timing_of(&planned.case);
        if planned.case.measure == Measure::Recover {
            // A lock that does not recover is waited for once, or twice where one who comes later waits in vain, too.
            return hot_ns.max(PATIENCE_NS) + TRIAL_OVERHEAD_NS;
        }
        // A wake measure waits for one pause to warm up and for three at least.
        let gap_ns = planned.case.params.gap_ns.unwrap_or(0);
        let stamped_ns = match planned.case.measure {
            Measure::Contention | Measure::Access => hot_ns / STAMPED_SHARE,
            _ => 0,
        };
        let more_roles = u64::from(family::roles(&planned.case).saturating_sub(2));
        let program_ns = planned.case.program.as_ref().map_or(0, |_| PROGRAM_OVERHEAD_NS);
        let clients_ns = CLIENT_NS * u64::from(planned.case.params.clients.unwrap_or(0));
        let resident_ns = TOUCHED_MIB_NS * (planned.case.params.parent_rss_bytes.unwrap_or(0) >> 20);
        let more_ns = MORE_ROLES_NS * more_roles + program_ns + clients_ns + resident_ns;
        let overhead_ns = TRIAL_OVERHEAD_NS + more_ns;
        warm_up_ns.max(gap_ns) + hot_ns.max(3 * gap_ns) + stamped_ns + floor_ns + overhead_ns
    }
}
