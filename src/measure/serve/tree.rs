//! Resource use of a server, read from outside: memory, CPU time and switches of all threads of a process and its
//! descendants. Source: CPU clocks of processes; proc(5): `smaps_rollup`, `stat`, `status`, `children`; the kernel's
//! sched-stats for `schedstat`.

use std::fs;

use crate::clock;
use crate::measure::cpu_time;
use crate::measure::proc::{self, Stat};
use crate::record::{Role, RoleCost};

/// Proportional set size of `root` and its descendants, without kernel memory such as socket buffers; `None` if the
/// kernel does not provide it.
pub(super) fn pss_bytes(root: u32) -> Option<u64> {
    processes(root)?.into_iter().map(proc::pss_bytes).sum()
}

/// Process `root` and its descendants; `None` if it has ended or the kernel does not list children.
pub fn processes(root: u32) -> Option<Vec<u32>> {
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        for thread in threads(found[at])? {
            let listed = fs::read_to_string(format!("/proc/{}/task/{thread}/children", found[at])).ok()?;
            found.extend(listed.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        at += 1;
    }
    Some(found)
}

fn threads(pid: u32) -> Option<Vec<u32>> {
    let listed = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    Some(listed.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// Resource use of a process tree so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    at_ns: u64,
    threads: u64,
    running_ns: u64,
    ready_ns: u64,
    user_ticks: u64,
    system_ticks: u64,
    minor_faults: u64,
    major_faults: u64,
    voluntary: u64,
    involuntary: u64,
}

impl Usage {
    /// Reads the counters. Takes about ten microseconds per process and thread, so call it outside the timed part.
    pub(super) fn of(root: u32) -> Option<Self> {
        let mut sum = Self::default();
        for pid in processes(root)? {
            sum.add_process(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
            sum.running_ns += cpu_time::process_ns(pid)?;
            for thread in threads(pid)? {
                let folder = format!("/proc/{pid}/task/{thread}");
                let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
                sum.add_thread(&read("schedstat"), &read("status"));
            }
        }
        sum.at_ns = clock::now_ns();
        Some(sum)
    }

    fn add_process(&mut self, stat: &str) {
        let stat = Stat::of(stat);
        self.minor_faults += stat.minor_faults;
        self.major_faults += stat.major_faults;
        self.user_ticks += stat.user_ticks;
        self.system_ticks += stat.system_ticks;
    }

    fn add_thread(&mut self, schedstat: &str, status: &str) {
        let (ready_ns, (voluntary, involuntary)) = (proc::ready_in(schedstat), proc::switches(status));
        self.ready_ns += ready_ns;
        self.voluntary += voluntary;
        self.involuntary += involuntary;
        self.threads += 1;
    }

    /// Resource use since an earlier reading, summed over threads: four threads that sleep for a second give four
    /// seconds of blocked time. The split of CPU time into user and system time is that of the whole life, since the
    /// kernel counts these in ticks of 10 ms.
    pub(super) fn since(&self, earlier: &Self, role: Role, cpu: Option<u32>, messages: u64) -> RoleCost {
        let grown = |of: fn(&Self) -> u64| of(self).saturating_sub(of(earlier));
        let wall_ns = grown(|it| it.at_ns) * self.threads;
        let running_ns = grown(|it| it.running_ns).min(wall_ns);
        let ready_ns = grown(|it| it.ready_ns).min(wall_ns - running_ns);
        let (user_ns, system_ns) = cpu_time::split(running_ns, self.user_ticks, self.system_ticks);
        RoleCost {
            role: role.to_string(),
            cpu,
            messages,
            wall_ns,
            user_ns,
            system_ns,
            voluntary_switches: grown(|it| it.voluntary),
            involuntary_switches: grown(|it| it.involuntary),
            minor_faults: grown(|it| it.minor_faults),
            major_faults: grown(|it| it.major_faults),
            running_ns,
            ready_ns,
            blocked_ns: wall_ns - running_ns - ready_ns,
            ..RoleCost::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (a) b) S 1 77 77 0 -1 4194304 900 0 3 0 12 34 0 0 20 0 1 0 100 1 1";

    #[test]
    fn fields_are_found_behind_a_name_that_looks_like_some() {
        let mut usage = Usage::default();
        usage.add_process(STAT);
        assert_eq!((usage.minor_faults, usage.major_faults), (900, 3));
        assert_eq!((usage.user_ticks, usage.system_ticks), (12, 34));
        usage.add_thread("5000 300 9", "voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t2\n");
        assert_eq!((usage.ready_ns, usage.voluntary, usage.involuntary), (300, 7, 2));
    }

    #[test]
    fn states_add_up_to_the_time_of_all_threads() {
        let earlier = Usage { at_ns: 1000, threads: 2, running_ns: 10, ready_ns: 5, ..Usage::default() };
        let later = Usage {
            at_ns: 2000,
            threads: 2,
            running_ns: 610,
            ready_ns: 105,
            user_ticks: 1,
            system_ticks: 3,
            ..earlier
        };
        let cost = later.since(&earlier, Role::Server, None, 4);
        assert_eq!((cost.wall_ns, cost.running_ns, cost.ready_ns, cost.blocked_ns), (2000, 600, 100, 1300));
        assert_eq!((cost.user_ns, cost.system_ns), (150, 450));
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let me = std::process::id();
        if let Some(all) = processes(me) {
            assert_eq!(all[0], me);
            assert!(Usage::of(me).is_some_and(|usage| usage.threads > 0));
        }
        if let Some(bytes) = pss_bytes(me) {
            assert!(bytes > 0);
        }
    }
}
