//! CPU affinity: the CPUs that this process may use, and pinning of threads.
//!
//! A container or `taskset` may allow any subset of CPUs, so CPUs are never numbered from 0 to n here.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread, for the affinity calls.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// Pins the calling thread, and threads that it starts later, to `cpu`.
///
/// Errors: `InvalidInput` when the CPU does not exist, is offline or is not allowed, with its number.
///
/// ```
/// use ipcmark_core::pin;
///
/// # fn main() -> std::io::Result<()> {
/// let cpu = pin::allowed_cpus()?[0];
/// pin::pin_this_thread(cpu)?;
/// assert_eq!(pin::current_cpu(), cpu);
/// # Ok(())
/// # }
/// ```
pub fn pin_this_thread(cpu: u32) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu as usize)
        .and_then(|()| sched_setaffinity(THIS_THREAD, &only))
        .map_err(|errno| io::Error::new(io::Error::from(errno).kind(), format!("cannot run on CPU {cpu}: {errno}")))
}

/// CPU on which this thread runs now.
pub fn current_cpu() -> u32 {
    sched_getcpu().expect("every Linux this runs on has getcpu") as u32
}

/// Online CPUs that the calling thread may use, ascending.
///
/// Errors: `InvalidInput` on a machine with more CPUs than the affinity calls of the C library take (1024).
pub fn allowed_cpus() -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(THIS_THREAD)?;
    Ok((0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).map(|cpu| cpu as u32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_runs_on_its_cpu() {
        for cpu in allowed_cpus().expect("allowed CPUs") {
            std::thread::spawn(move || {
                pin_this_thread(cpu).expect("allowed");
                assert_eq!(current_cpu(), cpu);
                assert_eq!(allowed_cpus().expect("allowed CPUs"), [cpu]);
            })
            .join()
            .expect("the thread passes");
        }
    }

    #[test]
    fn a_cpu_that_cannot_exist_is_refused_by_number() {
        let error = pin_this_thread(1_000_000).expect_err("no such CPU");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("1000000"), "{error}");
    }
}
