//! Resource use of one thread between hot start and hot end: CPU time, switches, faults and run states. Source:
//! getrusage(2) with RUSAGE_THREAD; /proc/thread-self/schedstat, documented in the kernel's sched-stats.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use super::{Task, proc};
use crate::clock;
use crate::machine::pin;
use crate::record::RoleCost;

/// Folder of the calling thread in /proc.
const THREAD: &str = "/proc/thread-self";

/// Counters of a thread at hot start.
pub struct Meter {
    wall_ns: u64,
    usage: Option<Usage>,
    schedule: (u64, u64),
    cpu: u32,
}

impl Meter {
    /// Reads the counters of the calling thread. Takes some microseconds, so call it outside the timed part.
    pub fn start() -> Self {
        Self {
            usage: getrusage(UsageWho::RUSAGE_THREAD).ok(),
            schedule: proc::schedule(THREAD),
            cpu: pin::current_cpu(),
            wall_ns: clock::now_ns(),
        }
    }

    /// Reads the counters again and returns the difference.
    pub fn stop(self, task: &Task, messages: u64) -> RoleCost {
        let wall_ns = clock::now_ns() - self.wall_ns;
        let after = getrusage(UsageWho::RUSAGE_THREAD).ok();
        let (running, ready) = proc::schedule(THREAD);
        let grown = |read: &dyn Fn(&Usage) -> i64| match (&self.usage, &after) {
            (Some(before), Some(after)) => u64::try_from(read(after) - read(before)).unwrap_or(0),
            _ => 0,
        };
        let running_ns = running.saturating_sub(self.schedule.0).min(wall_ns);
        let ready_ns = ready.saturating_sub(self.schedule.1).min(wall_ns - running_ns);
        RoleCost {
            role: task.role.to_string(),
            cpu: task.cpu,
            messages,
            wall_ns,
            user_ns: grown(&|u| u.user_time().num_nanoseconds()),
            system_ns: grown(&|u| u.system_time().num_nanoseconds()),
            voluntary_switches: grown(&Usage::voluntary_context_switches),
            involuntary_switches: grown(&Usage::involuntary_context_switches),
            minor_faults: grown(&Usage::minor_page_faults),
            major_faults: grown(&Usage::major_page_faults),
            running_ns,
            ready_ns,
            blocked_ns: wall_ns - running_ns - ready_ns,
            migrations: u64::from(pin::current_cpu() != task.cpu.unwrap_or(self.cpu)),
        }
    }
}
