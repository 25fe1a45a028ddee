//! Locks in shared memory whose waiters poll. Quick while every contender has a CPU of its own; with more contenders
//! than CPUs they wait for a holder that cannot run, and under a fair lock for the one waiter whose turn it is.
//!
//! Each file is a lock, except the parts that several share: [`flag`] (one word, free or taken), [`tickets`] (two
//! counters) and [`nodes`] (queues, which name their members by number since every process maps them elsewhere).

pub(super) mod clh;
mod flag;
pub(super) mod mcs;
mod nodes;
pub(super) mod tas;
#[cfg(all(test, not(loom)))]
mod tests;
pub(super) mod ticket;
pub(super) mod ticket_proportional;
mod tickets;
pub(super) mod ttas;
pub(super) mod ttas_backoff;

use std::io;

use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

/// How the waiters of these locks poll: a wait strategy without descriptors to attach.
pub(super) trait Poll: WaitStrategy<NoWaiters> + Default {}

impl<W: WaitStrategy<NoWaiters> + Default> Poll for W {}

/// Polls at once and without pauses, for conditions that pause themselves.
const OWN_PAUSES: PollPolicy = PollPolicy { before: 0, between: 0 };

/// Polls until `ready`.
///
/// Errors: `Interrupted` when the trial is aborted. The place in the queue is kept then: no contender will use the lock
/// again.
#[inline]
fn wait<W: Poll>(policy: PollPolicy, mut ready: impl FnMut() -> bool) -> io::Result<()> {
    W::default().until(&NoWaiters, policy, || ready().then_some(())).map(drop)
}
