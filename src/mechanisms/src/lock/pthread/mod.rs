//! Process-shared locks of the C library, in memory that every contender maps. The plain call acquires them, as in most
//! programs: it waits without limit, so a contender whose owner died is ended by the trial's deadline, not by the abort
//! word.
//!
//! The library counts in user space and calls futex(2) only to sleep and to wake, except with priority inheritance.
//! Source: POSIX.1-2017, `pthread_mutexattr_getpshared`, `pthread_mutex_lock`; pthread_mutexattr_setrobust(3);
//! futex(2).

pub(super) mod kinds;
pub(super) mod mutex;
pub(super) mod rwlock;
#[cfg(test)]
mod tests;

use super::Cost;
use crate::record::Counts;

/// Cost with priority inheritance: both calls are made, but a waiter polls in the kernel while the owner runs, and
/// gives up its CPU once in ten times, as counted between two CPUs of a virtual machine.
fn inheriting_cost() -> Cost {
    const SLEEPS: f64 = 0.1;
    let Cost { alone, release, acquire } = sleeping_cost();
    let acquire = Counts { context_switches: SLEEPS, ..acquire };
    Cost { alone, release: Counts { wakes: SLEEPS, ..release }, acquire }
}

/// Cost of a lock with one atomic instruction each way without waiters, and a sleep and a wake-up with one.
fn sleeping_cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_transfers: 1.0, ..Counts::default() },
    }
}
