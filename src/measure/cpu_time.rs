//! CPU time of threads and processes by their CPU clocks, in nanoseconds. `schedstat` and getrusage(2) alone count a
//! running task only up to the last tick of the scheduler, which is 1 to 10 ms ago.
//!
//! Source: clock_gettime(2), clock_getcpuclockid(3). Reading the clock of a thread of this process makes the kernel count
//! it up to now. A process other than the reader's is counted up to the last tick or switch of each of its threads.

use std::fs;

use nix::sys::resource::Usage;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// CPU time of the calling thread.
pub(crate) fn this_thread_ns() -> u64 {
    read_ns(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap_or(0)
}

/// CPU time of all threads of this process, those that have ended included. Costs about a microsecond per thread.
pub(crate) fn this_process_ns() -> u64 {
    count_threads_up_to_now();
    read_ns(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0)
}

/// The same without the calling thread.
pub(crate) fn other_threads_ns() -> u64 {
    count_threads_up_to_now();
    let own_ns = this_thread_ns();
    read_ns(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap_or(0).saturating_sub(own_ns)
}

fn count_threads_up_to_now() {
    for tid in threads() {
        let _ = thread_ns(tid);
    }
}

/// CPU time of a thread of this process; `None` if it has ended.
pub(crate) fn thread_ns(tid: u32) -> Option<u64> {
    // How Linux encodes the CPU clock of a thread: see pthread_getcpuclockid(3), which takes only pthread handles.
    const OF_THREAD: libc::clockid_t = 0b110;
    let tid = libc::clockid_t::try_from(tid).ok()?;
    read_ns(ClockId::from_raw((!tid << 3) | OF_THREAD))
}

/// CPU time of all threads of process `pid`; `None` if it was waited for.
pub(crate) fn process_ns(pid: u32) -> Option<u64> {
    if pid == std::process::id() {
        return Some(this_process_ns());
    }
    read_ns(clock_getcpuclockid(Pid::from_raw(i32::try_from(pid).ok()?)).ok()?)
}

fn read_ns(clock: ClockId) -> Option<u64> {
    u64::try_from(clock_gettime(clock).ok()?.num_nanoseconds()).ok()
}

/// Threads of this process.
pub(crate) fn threads() -> impl Iterator<Item = u32> {
    let listed = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Divides a CPU time into user and system time, in the proportion of the kernel's estimates, which sample the mode at
/// each tick; all of it is user time without estimates.
pub(crate) fn split(cpu_ns: u64, user_ns: u64, system_ns: u64) -> (u64, u64) {
    let both = u128::from(user_ns) + u128::from(system_ns);
    let of_system = (u128::from(cpu_ns) * u128::from(system_ns)).checked_div(both).unwrap_or(0);
    (cpu_ns - of_system as u64, of_system as u64)
}

/// Growth of the kernel's estimates of user and system time.
pub(crate) fn estimates(before: &Usage, after: &Usage) -> (u64, u64) {
    let grown = |read: fn(&Usage) -> i64| u64::try_from(read(after) - read(before)).unwrap_or(0);
    (grown(|usage| usage.user_time().num_nanoseconds()), grown(|usage| usage.system_time().num_nanoseconds()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::clock;

    /// Keeps the thread busy for `ns` of its own CPU time.
    fn work_for(ns: u64) {
        let start_ns = this_thread_ns();
        while this_thread_ns() < start_ns + ns {}
    }

    #[test]
    fn user_and_system_time_add_up_to_cpu_time() {
        assert_eq!(split(3_000_000, 0, 0), (3_000_000, 0));
        assert_eq!(split(12_000_000, 10_000_000, 10_000_000), (6_000_000, 6_000_000));
        assert_eq!(split(4_000_000, 0, 10_000_000), (0, 4_000_000));
        assert_eq!(split(u64::MAX, u64::MAX, 0), (u64::MAX, 0));
    }

    #[test]
    fn the_process_includes_running_and_ended_threads() {
        let (stop, (sent, tids)) = (AtomicBool::new(false), mpsc::channel());
        let before_ns = this_process_ns();
        thread::scope(|scope| {
            scope.spawn(|| work_for(3_000_000)).join().expect("joined");
            assert!(this_process_ns() - before_ns >= 3_000_000, "the ended thread is missing");
            scope.spawn(|| {
                let tid = nix::unistd::gettid().as_raw() as u32;
                sent.send(tid).expect("received");
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let tid = tids.recv().expect("sent");
            let first_ns = thread_ns(tid).expect("running");
            // Ends only if the clock of the other, running thread moves.
            while thread_ns(tid).expect("running") < first_ns + 500_000 {}
            assert!(this_process_ns() >= before_ns + 3_500_000);
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(process_ns(std::process::id()).map(|ns| ns >= before_ns), Some(true));
        assert_eq!((thread_ns(u32::MAX), process_ns(u32::MAX)), (None, None));
    }

    #[test]
    fn one_thread_never_runs_longer_than_the_wall_time_around_it() {
        let start_ns = clock::now_ns();
        let before = this_thread_ns();
        work_for(2_000_000);
        let ran_ns = this_thread_ns() - before;
        // The two clocks may differ by the rate at which NTP slews one of them: at most 0.05 %.
        assert!(ran_ns <= (clock::now_ns() - start_ns) * 1001 / 1000);
    }
}
