//! CLH lock. A contender swaps its ticket into the tail and polls the node of its predecessor, which stores there the
//! ticket that it released last: no links, and no second atomic instruction to release. Fair: first come, first served.
//! Cost: one line to the successor, which no other waiter reads; a free lock last held on another core costs two, the
//! tail and its node. While the next waiter in the queue has no CPU, all behind it wait.
//!
//! The papers' nodes hold a flag that must be set again for the next turn while a waiter may still poll it, so each
//! contender continues with its predecessor's node. Here turns are numbered: a node never returns to an earlier state,
//! and each contender keeps its own, next to its CPU. Numbers also allow a try, since no two tickets are ever the same.
//!
//! Source: Craig, Building FIFO and Priority-Queuing Spin Locks from Atomic Swap, 1993; Magnusson, Landin and Hagersten
//! 1994.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use super::{NODES, Poll, node, wait};
use crate::raw_lock::Cost;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU64, Ordering, publish};
use crate::record::{Counts, Group, Wait};
use crate::wait::PollPolicy;

/// Low bits of a ticket, which identify its contender; the other bits count that contender's turns from 1. Ticket 0 was
/// never drawn and counts as released.
const INDEX_BITS: u32 = 8;

const _: () = assert!(NODES <= 1 << INDEX_BITS);

/// Ticket that one contender released last. Processors fetch lines in pairs, so nodes are two lines apart.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
struct Node {
    released: AtomicU64,
}

/// CLH lock, by how its waiters poll. `STRONG` is false only in the mutant of the model check.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
pub struct Clh<W, const STRONG: bool = true> {
    /// Ticket drawn last.
    tail: AtomicU64,
    nodes: [Node; NODES],
    wait: PhantomData<W>,
}

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W, const STRONG: bool> crate::shm::SharedLayout for Clh<W, STRONG> {}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Node>() == 128);
    assert!(std::mem::offset_of!(Clh<crate::wait::Spin>, nodes) == 128);
};

impl<W, const STRONG: bool> Clh<W, STRONG> {
    /// Ticket of contender `me` for the turn after the one it released last: its current ticket while it waits and
    /// holds.
    #[inline]
    fn ticket(&self, me: u32) -> u64 {
        let last = self.nodes[me as usize].released.load(Ordering::Relaxed);
        ((last >> INDEX_BITS) + 1) << INDEX_BITS | u64::from(me)
    }

    /// Node where `ticket` will be released.
    #[inline]
    fn node_of(&self, ticket: u64) -> io::Result<&Node> {
        node(&self.nodes, ticket & ((1 << INDEX_BITS) - 1))
    }
}

impl Node {
    /// True if the contender of `ticket` released it. It draws no other before its successor has had its turn, so this
    /// stays true until the successor has seen it.
    #[inline]
    fn has_released(&self, ticket: u64) -> bool {
        // PAIRS: clh-released
        self.released.load(Ordering::Acquire) == ticket
    }
}

impl<W: Poll, const STRONG: bool> RawLock for Clh<W, STRONG> {
    const SUMMARY: &'static str = "CLH queue: each waiter polls the word of its predecessor";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        // Relaxed: a ticket is known by its number, and nothing is read that was written before it was drawn.
        let before = self.tail.swap(self.ticket(me), Ordering::Relaxed);
        let node = self.node_of(before)?;
        if node.has_released(before) { Ok(()) } else { wait::<W>(PollPolicy::QUICK, || node.has_released(before)) }
    }

    #[inline]
    fn try_acquire(&self, me: u32) -> bool {
        let last = self.tail.load(Ordering::Relaxed);
        let free = self.node_of(last).is_ok_and(|node| node.has_released(last));
        // Relaxed, as above. Tickets are unique, so this one is still the last if no other was drawn, and it is
        // released.
        free && self.tail.compare_exchange(last, self.ticket(me), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, me: u32) -> io::Result<()> {
        // PAIRS: clh-released
        self.nodes[me as usize].released.store(self.ticket(me), publish(STRONG));
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            acquire: Counts { line_transfers: 1.0, ..Counts::default() },
        }
    }
}
