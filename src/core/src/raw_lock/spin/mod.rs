//! Locks in shared memory whose waiters poll. Fast while every contender has its own CPU; with more contenders than
//! CPUs they wait for a holder that cannot run, and under a fair lock for the one waiter whose turn it is.
//!
//! A queue identifies its members by number, since every process maps them at another address.

pub mod clh;
pub mod mcs;
pub mod tas;
pub mod ticket;

use std::io;

use crate::raw_lock::MAX_CONTENDERS;
use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

/// How the waiters of these locks poll: a wait strategy without descriptors to attach.
pub trait Poll: WaitStrategy<NoWaiters> + Default {}

impl<W: WaitStrategy<NoWaiters> + Default> Poll for W {}

/// Polls at once and without pauses, for conditions that pause themselves.
const OWN_PAUSES: PollPolicy = PollPolicy { before: 0, between: 0 };

/// Polls until `ready`.
/// Errors: `Interrupted` if the trial is aborted. The place in the queue is kept then: no contender will use the lock
/// again.
#[inline]
fn wait<W: Poll>(policy: PollPolicy, mut ready: impl FnMut() -> bool) -> io::Result<()> {
    W::default().until(&NoWaiters, policy, || ready().then_some(())).map(drop)
}

/// Largest queue. A model has three contenders, and each atomic adds to its run time.
const NODES: usize = if cfg!(loom) { 3 } else { MAX_CONTENDERS as usize };

/// Node of the contender with `index`, as another contender's word names it.
///
/// Errors: `InvalidData` if there is no such contender.
#[inline]
fn node<N>(nodes: &[N; NODES], index: u64) -> io::Result<&N> {
    usize::try_from(index).ok().and_then(|index| nodes.get(index)).ok_or_else(|| no_such_node(index))
}

#[cold]
fn no_such_node(index: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the queue names contender {index}, of {NODES}"))
}
