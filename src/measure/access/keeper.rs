//! The process that keeps the state, while others use it: it has no part in the windows, and says what it used in the one
//! that counts. Several threads may answer, so that is asked of the process, not of a thread.
//!
//! Source: getrusage(2) with RUSAGE_SELF; /proc/self/task/*/schedstat.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::clock;
use crate::control::Member;
use crate::measure::paired::Floor;
use crate::measure::{MeasureResult, Task, attend, proc, window};
use crate::protocol::Report;
use crate::record::RoleCost;

/// Goes through the phases of a trial beside those that work in them.
pub fn beside(member: &mut Member, task: &Task) -> MeasureResult {
    let mut report = Report::default();
    attend(member, &mut Floor::none(), &mut |_, open| {
        if open.kind == window::COUNTED {
            let before = Used::so_far()?;
            // The phase's count is when its window begins.
            let end_ns = open.count.saturating_add(task.timing.hot_ns);
            thread::sleep(Duration::from_nanos(end_ns.saturating_sub(clock::now_ns())));
            report.roles = vec![Used::so_far()?.since(&before, task)];
        }
        Ok(true)
    })?;
    Ok(report)
}

/// What the process has used so far.
struct Used {
    at_ns: u64,
    usage: Usage,
    running_ns: u64,
    ready_ns: u64,
}

impl Used {
    fn so_far() -> io::Result<Self> {
        let (running_ns, ready_ns) = scheduled();
        Ok(Self { at_ns: clock::now_ns(), usage: getrusage(UsageWho::RUSAGE_SELF)?, running_ns, ready_ns })
    }

    /// Its blocked time is what no thread of it ran or wanted to, where they never do so at the same time.
    fn since(&self, before: &Self, task: &Task) -> RoleCost {
        let grown = |read: fn(&Usage) -> i64| u64::try_from(read(&self.usage) - read(&before.usage)).unwrap_or(0);
        let wall_ns = self.at_ns - before.at_ns;
        let running_ns = self.running_ns.saturating_sub(before.running_ns).min(wall_ns);
        let ready_ns = self.ready_ns.saturating_sub(before.ready_ns).min(wall_ns - running_ns);
        RoleCost {
            role: task.role.to_string(),
            cpu: task.cpu,
            messages: 0,
            wall_ns,
            user_ns: grown(|used| used.user_time().num_nanoseconds()),
            system_ns: grown(|used| used.system_time().num_nanoseconds()),
            voluntary_switches: grown(Usage::voluntary_context_switches),
            involuntary_switches: grown(Usage::involuntary_context_switches),
            minor_faults: grown(Usage::minor_page_faults),
            major_faults: grown(Usage::major_page_faults),
            running_ns,
            ready_ns,
            blocked_ns: wall_ns - running_ns - ready_ns,
            migrations: 0,
        }
    }
}

/// Nanoseconds that all threads were on a CPU, and waiting for one; zeros where the kernel does not tell.
fn scheduled() -> (u64, u64) {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_thread = |entry: fs::DirEntry| proc::schedule(&entry.path().to_string_lossy());
    threads.map(of_thread).fold((0, 0), |sum, one: (u64, u64)| (sum.0 + one.0, sum.1 + one.1))
}
