//! MCS lock. A contender swaps its name into the tail, links itself to its predecessor and polls its own word, so a
//! hand-off disturbs no other waiter. Fair: first come, first served. Cost: the link moves to the owner and the word to
//! the next, and a release without successor is a second atomic instruction. While the next waiter in the queue has no
//! CPU, all behind it wait.
//!
//! Source: Mellor-Crummey and Scott 1991, section 2.4. Nodes are named by number here, one for each contender.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use super::{NODES, Poll, node, wait};
use crate::raw_lock::Cost;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering, publish};
use crate::record::{Counts, Group, Wait};
use crate::wait::PollPolicy;

/// No contender. The name of contender 0 is 1, and so on.
const NONE: u32 = 0;

/// Words that one contender polls and reads. Processors fetch lines in pairs, so nodes are two lines apart.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
struct Node {
    /// Name of the successor; 0 except from the link until the hand-off.
    next: AtomicU32,
    /// 1 while the contender must wait.
    waits: AtomicU32,
}

/// MCS lock, by wait strategy. Only in the mutants of the model check, `STRONG` is false, which publishes nothing, or
/// `LINKED`, which treats a successor without link as absent.
#[cfg_attr(not(loom), repr(C, align(128)))]
#[cfg_attr(loom, derive(Default))]
pub struct Mcs<W, const STRONG: bool = true, const LINKED: bool = true> {
    /// Name of the last contender in the queue; the first is the owner.
    tail: AtomicU32,
    nodes: [Node; NODES],
    wait: PhantomData<W>,
}

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W, const STRONG: bool, const LINKED: bool> crate::shm::SharedLayout for Mcs<W, STRONG, LINKED> {}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Node>() == 128);
    assert!(std::mem::offset_of!(Mcs<crate::wait::Spin>, nodes) == 128);
};

fn name(me: u32) -> u32 {
    me + 1
}

impl<W: Poll, const STRONG: bool, const LINKED: bool> Mcs<W, STRONG, LINKED> {
    /// Node of the contender called `name`.
    fn node_of(&self, name: u32) -> io::Result<&Node> {
        node(&self.nodes, u64::from(name - 1))
    }

    #[cold]
    fn queue_behind(&self, before: u32, me: u32) -> io::Result<()> {
        let own = &self.nodes[me as usize];
        own.waits.store(1, Ordering::Relaxed);
        // PAIRS: mcs-linked. The word tells to wait before the predecessor can know the successor.
        self.node_of(before)?.next.store(name(me), Ordering::Release);
        // PAIRS: mcs-handed-over
        wait::<W>(PollPolicy::QUICK, || own.waits.load(Ordering::Acquire) == 0)
    }
}

impl Node {
    /// Name of the successor, if it has linked itself.
    #[inline]
    fn linked(&self) -> u32 {
        // PAIRS: mcs-linked
        self.next.load(Ordering::Acquire)
    }

    /// Name of the successor, which is in the tail already but may still have to link itself.
    #[cold]
    fn await_link<W: Poll>(&self) -> io::Result<u32> {
        wait::<W>(PollPolicy::QUICK, || self.linked() != NONE)?;
        Ok(self.linked())
    }
}

impl<W: Poll, const STRONG: bool, const LINKED: bool> RawLock for Mcs<W, STRONG, LINKED> {
    const SUMMARY: &'static str = "MCS queue: each waiter polls its own word";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        // PAIRS: mcs-freed. Release: before the next contender links itself, this node no longer names the previous
        // successor.
        match self.tail.swap(name(me), Ordering::AcqRel) {
            NONE => Ok(()),
            before => self.queue_behind(before, me),
        }
    }

    #[inline]
    fn try_acquire(&self, me: u32) -> bool {
        // PAIRS: mcs-freed
        self.tail.compare_exchange(NONE, name(me), Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, me: u32) -> io::Result<()> {
        let own = &self.nodes[me as usize];
        let mut next = own.linked();
        if next == NONE {
            // PAIRS: mcs-freed
            let freed = self.tail.compare_exchange(name(me), NONE, publish(STRONG), Ordering::Relaxed);
            if freed.is_ok() || !LINKED {
                return Ok(());
            }
            next = own.await_link::<W>()?;
        }
        own.next.store(NONE, Ordering::Relaxed);
        // PAIRS: mcs-handed-over
        self.node_of(next)?.waits.store(0, publish(STRONG));
        Ok(())
    }

    fn cost() -> Cost {
        let line = Counts { line_transfers: 1.0, ..Counts::default() };
        Cost {
            alone: Counts { atomics: 2.0, ..Counts::default() },
            // The successor has written its name on the owner's line.
            release: line.clone(),
            acquire: line,
        }
    }
}
