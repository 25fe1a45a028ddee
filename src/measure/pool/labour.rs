//! What the workers of a pool use between two moments, read from outside: they do not know when it is hot.
//! Source: proc(5), `stat`, `status` and `schedstat` of each task.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use crate::clock;
use crate::measure::proc::{self, Stat};
use crate::pool::Hand;
use crate::record::RoleCost;

/// A reading of every worker.
pub struct Labour {
    hands: Vec<(Hand, Reading)>,
    wall_ns: u64,
}

/// Counters of one task.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    user_ns: u64,
    system_ns: u64,
    minor_faults: u64,
    major_faults: u64,
    voluntary: u64,
    involuntary: u64,
    running_ns: u64,
    ready_ns: u64,
}

impl Labour {
    /// Reads the counters of `hands`. Takes some ten microseconds each; call it outside the clock.
    pub fn start(hands: Vec<Hand>) -> Self {
        let hands = hands.into_iter().map(|hand| (hand, Reading::of(hand))).collect();
        Self { hands, wall_ns: clock::now_ns() }
    }

    /// Reads them again: one cost for each, in order of seat. A worker that is gone has used nothing.
    pub fn stop(self, cpus: &[u32]) -> Vec<RoleCost> {
        let wall_ns = clock::now_ns() - self.wall_ns;
        let cost = |(seat, (hand, before)): (usize, (Hand, Reading))| {
            let after = Reading::of(hand);
            let running_ns = after.running_ns.saturating_sub(before.running_ns).min(wall_ns);
            let ready_ns = after.ready_ns.saturating_sub(before.ready_ns).min(wall_ns - running_ns);
            let (user_ns, system_ns) = split(
                running_ns,
                after.user_ns.saturating_sub(before.user_ns),
                after.system_ns.saturating_sub(before.system_ns),
            );
            RoleCost {
                role: "worker".to_owned(),
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
        self.hands.into_iter().enumerate().map(cost).collect()
    }
}

/// User and system time, which are counted in ticks of some milliseconds, made to add up to the time on a CPU, which is
/// counted in nanoseconds. Left as they are where the kernel does not tell that time.
fn split(running_ns: u64, user_ns: u64, system_ns: u64) -> (u64, u64) {
    if running_ns == 0 {
        return (user_ns, system_ns);
    }
    let system_ns = system_ns.min(running_ns);
    (running_ns - system_ns, system_ns)
}

impl Reading {
    fn of(hand: Hand) -> Self {
        let folder = match hand {
            Hand::Process(pid) => format!("/proc/{pid}/task/{pid}"),
            Hand::Thread(tid) => format!("/proc/self/task/{tid}"),
        };
        let text = |name: &str| fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        let stat = Stat::of(&text("stat"));
        let (voluntary, involuntary) = proc::switches(&text("status"));
        let (running_ns, ready_ns) = proc::schedule(&folder);
        Self {
            user_ns: in_ns(stat.user_ticks),
            system_ns: in_ns(stat.system_ticks),
            minor_faults: stat.minor_faults,
            major_faults: stat.major_faults,
            voluntary,
            involuntary,
            running_ns,
            ready_ns,
        }
    }
}

/// Ticks of the system's clock in nanoseconds.
fn in_ns(ticks: u64) -> u64 {
    let per_s = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|hz| u64::try_from(hz).ok()).unwrap_or(100);
    ticks * (1_000_000_000 / per_s.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_add_up_to_the_time_on_a_cpu() {
        assert_eq!(split(3_000_000, 0, 0), (3_000_000, 0));
        assert_eq!(split(12_000_000, 10_000_000, 10_000_000), (2_000_000, 10_000_000));
        assert_eq!(split(4_000_000, 0, 10_000_000), (0, 4_000_000));
        assert_eq!(split(0, 20, 10), (20, 10));
    }

    #[test]
    fn ticks_are_lengths_of_time() {
        assert_eq!(in_ns(0), 0);
        assert!(in_ns(200) > 0 && in_ns(200) < in_ns(300));
    }
}
