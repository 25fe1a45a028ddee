//! Process-shared locks of the C library: what POSIX gives to everybody. They lie in memory that every holder maps, and
//! are taken by the plain call, as programs do it: it waits for as long as it takes, so a holder whose owner died for good
//! is ended by the trial's deadline and not by the abort word.
//!
//! The library counts in user space and calls futex(2) only to sleep and to wake, except where priority is inherited.
//! Source: POSIX.1-2017, `pthread_mutexattr_getpshared`, `pthread_mutex_lock`; pthread_mutexattr_setrobust(3); futex(2).

pub(super) mod adaptive;
pub(super) mod errorcheck;
pub(super) mod mutex;
pub(super) mod normal;
pub(super) mod pi;
pub(super) mod recursive;
pub(super) mod robust;
pub(super) mod robust_pi;
pub(super) mod rwlock;
#[cfg(test)]
mod tests;

use super::Cost;
use crate::record::Counts;

/// The same where priority is inherited: both calls are made, but one who waits for an owner that runs polls in the kernel,
/// and gives up his CPU once in ten times, as counted between two CPUs of one virtual machine.
fn inheriting_cost() -> Cost {
    const SLEEPS: f64 = 0.1;
    let Cost { alone, release, acquire } = sleeping_cost();
    let acquire = Counts { context_switches: SLEEPS, ..acquire };
    Cost { alone, release: Counts { wakes: SLEEPS, ..release }, acquire }
}

/// What a lock costs that is one atomic instruction each way while nobody waits, and a sleep and a wake when somebody does.
fn sleeping_cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
    }
}
