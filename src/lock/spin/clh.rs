//! CLH lock. Who comes swaps his ticket into the tail and polls the node of the one before, who writes there which ticket he
//! let go last: no links, and no second atomic instruction to let go. Fair: first come, first served. Cost: one line to
//! the next, which nobody else reads; a free lock that another core had costs two, the tail and its node. When the one
//! whose turn it is has no CPU, everybody behind waits for him.
//!
//! The papers' nodes hold a flag that must be set again for the next turn while somebody may still poll it, so each holder
//! goes on with the node of the one before. Here turns are numbered: a node is never taken back to an earlier state, and
//! everybody keeps his own, next to his CPU. It also lets a lock be tried, since no two tickets are ever the same.
//!
//! Source: Craig, Building FIFO and Priority-Queuing Spin Locks from Atomic Swap, 1993; Magnusson, Landin and Hagersten 1994.

use std::io;
use std::marker::PhantomData;

use super::nodes::{NODES, node};
use super::{Poll, wait};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::lock::sync::{AtomicU64, Ordering, publish};
use crate::record::{Counts, Group, Wait};
use crate::wait::PollPolicy;

/// Low bits of a ticket that say whose it is; the others count his turns from 1. Ticket 0 was never drawn and is let go.
const SEAT_BITS: u32 = 8;

const _: () = assert!(NODES <= 1 << SEAT_BITS);

/// The last ticket that one holder let go. Processors fetch lines in pairs, so nodes lie two apart.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
struct Node {
    let_go: AtomicU64,
}

/// The lock, by how its waiters poll. `STRONG` is false only in the mutant of the model check.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
pub struct Clh<W, const STRONG: bool = true> {
    /// The ticket drawn last.
    tail: AtomicU64,
    nodes: [Node; NODES],
    wait: PhantomData<W>,
}

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl<W, const STRONG: bool> crate::shm::SharedLayout for Clh<W, STRONG> {}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Node>() == 128);
    assert!(std::mem::offset_of!(Clh<crate::wait::Spin>, nodes) == 128);
};

impl<W, const STRONG: bool> Clh<W, STRONG> {
    /// The ticket of holder `me` for the turn after the last he let go. While he waits and is inside, that is the one he has.
    #[inline]
    fn ticket(&self, me: u32) -> u64 {
        let last = self.nodes[me as usize].let_go.load(Ordering::Relaxed);
        ((last >> SEAT_BITS) + 1) << SEAT_BITS | u64::from(me)
    }

    /// The node where `ticket` will be let go.
    #[inline]
    fn node_of(&self, ticket: u64) -> io::Result<&Node> {
        node(&self.nodes, ticket & ((1 << SEAT_BITS) - 1))
    }
}

impl Node {
    /// Whether the holder of `ticket` let it go. He draws no other before whoever queued behind him had his turn, so it
    /// stays true until that one has seen it.
    #[inline]
    fn has_let_go(&self, ticket: u64) -> bool {
        // PAIRS: clh-let-go
        self.let_go.load(Ordering::Acquire) == ticket
    }
}

impl<W: Poll, const STRONG: bool> RawLock for Clh<W, STRONG> {
    const SUMMARY: &'static str = "CLH queue: everybody polls the word of the one before";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        // Relaxed: a ticket is known by its number, and nothing is read that was written before it was drawn.
        let before = self.tail.swap(self.ticket(me), Ordering::Relaxed);
        let node = self.node_of(before)?;
        if node.has_let_go(before) { Ok(()) } else { wait::<W>(PollPolicy::QUICK, || node.has_let_go(before)) }
    }

    #[inline]
    fn try_acquire(&self, me: u32) -> bool {
        let last = self.tail.load(Ordering::Relaxed);
        let free = self.node_of(last).is_ok_and(|node| node.has_let_go(last));
        // Relaxed, as above. Tickets are unique, so this one is still the last if nobody drew another, and it is let go.
        free && self.tail.compare_exchange(last, self.ticket(me), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, me: u32) -> io::Result<()> {
        // PAIRS: clh-let-go
        self.nodes[me as usize].let_go.store(self.ticket(me), publish(STRONG));
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            acquire: Counts { line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}
