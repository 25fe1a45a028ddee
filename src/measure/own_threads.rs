//! CPU time of a role's other threads on its CPU: a thread of a library inherits the role's CPU, and then the role waits for
//! its own process and not for another one.
//!
//! Source: sched_getaffinity(2) of each thread.

use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::{Pid, gettid};

use super::cpu_time;

/// CPU time in nanoseconds of the calling process's other threads that are bound to the caller's one CPU; zero for a caller
/// that may run on several.
pub(super) fn running_ns() -> u64 {
    let own = gettid();
    let Some(bound) = bound(own) else { return 0 };
    let others = cpu_time::threads().filter(|tid| {
        let tid = Pid::from_raw(tid.cast_signed());
        tid != own && sched_getaffinity(tid) == Ok(bound)
    });
    others.filter_map(cpu_time::thread_ns).sum()
}

/// The set of CPUs of a thread, if it has one CPU only.
fn bound(tid: Pid) -> Option<CpuSet> {
    let set = sched_getaffinity(tid).ok()?;
    let allowed = (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false));
    (allowed.take(2).count() == 1).then_some(set)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::{clock, pin};

    #[test]
    fn a_thread_on_the_same_cpu_is_counted() {
        let cpu = pin::allowed_cpus().expect("allowed CPUs")[0];
        let (ready, at_work) = mpsc::channel();
        let (done, over) = mpsc::channel::<()>();
        let burn = move || {
            pin::pin_this_thread(cpu).expect("allowed");
            let until = clock::now_ns() + 5_000_000;
            while clock::now_ns() < until {
                std::hint::spin_loop();
            }
            ready.send(()).expect("the test waits");
            over.recv().expect_err("the test drops its end");
        };
        let burning = thread::spawn(burn);
        at_work.recv().expect("it sends");
        let seen = thread::spawn(move || {
            pin::pin_this_thread(cpu).expect("allowed");
            running_ns()
        });
        assert!(seen.join().expect("it reads") > 0);
        drop(done);
        burning.join().expect("it ends");
    }
}
