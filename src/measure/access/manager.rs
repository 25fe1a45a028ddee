//! Manager process, which keeps the state for the users. It does not work in the windows, and reports its resource use
//! in the counted one: that of the whole process, which may serve with several threads.
//!
//! Source: the process's CPU clock; getrusage(2) with RUSAGE_SELF; /proc/self/task/*/schedstat.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};

use crate::clock;
use crate::control::Member;
use crate::measure::paired::Floor;
use crate::measure::{MeasureResult, Task, attend, cpu_time, proc, window};
use crate::protocol::Report;
use crate::record::RoleCost;

/// Takes part in a trial's phases and measures the resource use of this process.
pub fn beside(member: &mut Member, task: &Task) -> MeasureResult {
    let mut report = Report::default();
    attend(member, &mut Floor::none(), &mut |_, open| {
        if open.kind == window::COUNTED {
            let before = Used::so_far()?;
            // The phase's count is the begin of its window.
            let end_ns = open.count.saturating_add(task.timing.hot_ns);
            thread::sleep(Duration::from_nanos(end_ns.saturating_sub(clock::now_ns())));
            report.roles = vec![Used::so_far()?.since(&before, task)];
        }
        Ok(true)
    })?;
    Ok(report)
}

/// Resources used so far.
struct Used {
    at_ns: u64,
    usage: Usage,
    cpu_ns: u64,
    ready_ns: u64,
}

impl Used {
    fn so_far() -> io::Result<Self> {
        Ok(Self {
            at_ns: clock::now_ns(),
            cpu_ns: cpu_time::this_process_ns(),
            usage: getrusage(UsageWho::RUSAGE_SELF)?,
            ready_ns: ready_ns(),
        })
    }

    /// Difference to `before`. Blocked time is exact only if no two threads ran at once.
    fn since(&self, before: &Self, task: &Task) -> RoleCost {
        let grown = |read: fn(&Usage) -> i64| u64::try_from(read(&self.usage) - read(&before.usage)).unwrap_or(0);
        let wall_ns = self.at_ns - before.at_ns;
        let cpu_ns = self.cpu_ns.saturating_sub(before.cpu_ns);
        let (user_ns, system_ns) = cpu_time::estimates(&before.usage, &self.usage);
        let (user_ns, system_ns) = cpu_time::split(cpu_ns, user_ns, system_ns);
        let running_ns = cpu_ns.min(wall_ns);
        let ready_ns = self.ready_ns.saturating_sub(before.ready_ns).min(wall_ns - running_ns);
        RoleCost {
            role: task.role.to_string(),
            cpu: task.cpu,
            messages: 0,
            wall_ns,
            user_ns,
            system_ns,
            voluntary_switches: grown(Usage::voluntary_context_switches),
            involuntary_switches: grown(Usage::involuntary_context_switches),
            minor_faults: grown(Usage::minor_page_faults),
            major_faults: grown(Usage::major_page_faults),
            running_ns,
            ready_ns,
            blocked_ns: wall_ns - running_ns - ready_ns,
            ..RoleCost::default()
        }
    }
}

/// Time in which threads were ready and waited for a CPU, of all threads; 0 if the kernel does not provide it.
fn ready_ns() -> u64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads.map(|entry| proc::ready_ns(&entry.path().to_string_lossy())).sum()
}
