//! Resource use of workers, which do not know the hot phase and so are read from outside.
//! Source: CPU clocks; proc(5), `stat`, `status` and `schedstat` of each task.

use std::fs;

use crate::clock;
use crate::measure::cpu_time;
use crate::measure::proc::{self, Stat};
use crate::pool::Worker;
use crate::record::{Role, RoleCost};

/// First reading of the counters of each worker.
pub struct WorkerUsage {
    workers: Vec<(Worker, Reading)>,
    wall_ns: u64,
}

/// Counters of one task.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    user_ticks: u64,
    system_ticks: u64,
    minor_faults: u64,
    major_faults: u64,
    voluntary: u64,
    involuntary: u64,
    running_ns: u64,
    ready_ns: u64,
}

impl WorkerUsage {
    /// Reads the counters of `workers`. Takes about ten microseconds per worker, so call it outside the timed part.
    pub fn start(workers: Vec<Worker>) -> Self {
        let workers = workers.into_iter().map(|worker| (worker, Reading::of(worker))).collect();
        Self { workers, wall_ns: clock::now_ns() }
    }

    /// Reads the counters again. Returns one cost per worker, in order; zeros for a worker that has ended.
    pub fn stop(self, cpus: &[u32]) -> Vec<RoleCost> {
        let wall_ns = clock::now_ns() - self.wall_ns;
        let cost = |(seat, (worker, before)): (usize, (Worker, Reading))| {
            let after = Reading::of(worker);
            let running_ns = after.running_ns.saturating_sub(before.running_ns).min(wall_ns);
            let ready_ns = after.ready_ns.saturating_sub(before.ready_ns).min(wall_ns - running_ns);
            let (user_ns, system_ns) = cpu_time::split(
                running_ns,
                after.user_ticks.saturating_sub(before.user_ticks),
                after.system_ticks.saturating_sub(before.system_ticks),
            );
            RoleCost {
                role: Role::Worker.to_string(),
                cpu: cpus.get(seat).copied(),
                wall_ns,
                user_ns,
                system_ns,
                voluntary_switches: after.voluntary.saturating_sub(before.voluntary),
                involuntary_switches: after.involuntary.saturating_sub(before.involuntary),
                minor_faults: after.minor_faults.saturating_sub(before.minor_faults),
                major_faults: after.major_faults.saturating_sub(before.major_faults),
                running_ns,
                ready_ns,
                blocked_ns: wall_ns - running_ns - ready_ns,
                ..RoleCost::default()
            }
        };
        self.workers.into_iter().enumerate().map(cost).collect()
    }
}

impl Reading {
    fn of(worker: Worker) -> Self {
        let folder = match worker {
            Worker::Process(pid) => format!("/proc/{pid}/task/{pid}"),
            Worker::Thread(tid) => format!("/proc/self/task/{tid}"),
        };
        let text = |name: &str| fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        let stat = Stat::of(&text("stat"));
        let (voluntary, involuntary) = proc::switches(&text("status"));
        let ready_ns = proc::ready_ns(&folder);
        let running_ns = match worker {
            Worker::Process(pid) => cpu_time::process_ns(pid),
            Worker::Thread(tid) => cpu_time::thread_ns(tid),
        };
        Self {
            user_ticks: stat.user_ticks,
            system_ticks: stat.system_ticks,
            minor_faults: stat.minor_faults,
            major_faults: stat.major_faults,
            voluntary,
            involuntary,
            running_ns: running_ns.unwrap_or(0),
            ready_ns,
        }
    }
}

/// Proportional set size of each worker process, in bytes.
pub(super) fn memory_shares(workers: &[Worker]) -> Vec<f64> {
    let share = |worker: &Worker| match worker {
        Worker::Process(pid) => proc::pss_bytes(*pid).map(|bytes| bytes as f64),
        Worker::Thread(_) => None,
    };
    workers.iter().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_have_a_proportional_set_size() {
        assert!(memory_shares(&[Worker::Thread(1)]).is_empty());
        assert!(memory_shares(&[Worker::Process(std::process::id())]).iter().all(|bytes| *bytes > 0.0));
    }
}
