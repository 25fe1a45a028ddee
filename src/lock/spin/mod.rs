//! Locks in shared memory whose waiters poll. Quick while every holder has a CPU of its own; with more holders than CPUs
//! they wait for one who cannot run, and the fair ones for the very one whose turn it is.
//!
//! Each file is a lock, but for what several are made of: [`flag`] (one word, free or taken), [`tickets`] (two counters)
//! and [`nodes`] (queues, which name their members by number since every process maps them elsewhere).

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

/// How the waiters of these locks poll: a strategy that has nothing to attach to.
pub(super) trait Poll: WaitStrategy<NoWaiters> + Default {}

impl<W: WaitStrategy<NoWaiters> + Default> Poll for W {}

/// Looks at once and without pauses: what is looked at makes its own.
const OWN_PAUSES: PollPolicy = PollPolicy { before: 0, between: 0 };

/// Polls until `ready`.
///
/// Errors: `Interrupted` when the trial is called off. A place in a queue is kept then, since nobody will want the lock.
#[inline]
fn wait<W: Poll>(rhythm: PollPolicy, mut ready: impl FnMut() -> bool) -> io::Result<()> {
    W::default().until(&NoWaiters, rhythm, || ready().then_some(())).map(drop)
}
