//! The count of unfinished items, for `task_done` and `join` of every queue. One word counts the items, and processes
//! in `join` sleep beside it until it is zero. It is the same for all rows, so that they differ only in their queues.
//! Cost: an atomic addition per put and per item done, a fence and, if a process waits, one system call for the last
//! item. Source: Python's `multiprocessing.JoinableQueue`, which counts with a semaphore and waits on a condition
//! variable.
//!
//! An item is counted before it can be taken. Otherwise a fast consumer could finish it before it is counted. So a put
//! that finds no room takes its count back, and a join may see it for a moment. If a consumer dies between getting an
//! item and finishing it, the item stays unfinished: only a join with a time-out returns.
#![allow(unsafe_code)]

#[cfg(all(test, loom))]
mod model;

use std::io;

use crate::address::{Address, Endpoint};
use crate::record::Substrate;
use crate::ring::sync::{AtomicU64, Ordering};
use crate::shm::{self, Segment, SharedLayout};
#[cfg(all(test, not(loom)))]
use crate::wait::WaitPoint;
use crate::wait::{ALL, EventCount, Park, PollPolicy, TimedWait, WaitLimit};

/// Result of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Every item that was put is done.
    AllDone,
    /// This many were not done within the caller's wait_limit.
    Unfinished(u64),
}

/// The shared words.
#[cfg_attr(not(loom), repr(C))]
#[derive(Default)]
struct Words {
    /// Processes that wait for zero.
    joiners: EventCount,
    count: AtomicU64,
}

// SAFETY: repr(C), atomics only; all zero is an empty count without waiters. Never mapped under the model checker.
unsafe impl SharedLayout for Words {}

impl Words {
    /// Counts an item before it is put.
    #[inline]
    fn add(&self) {
        // Relaxed: the queue that carries the item orders this before the consumer's accesses.
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one item as done. The last one wakes all waiters.
    ///
    /// Errors: `InvalidInput` when there is none.
    #[inline]
    fn finish(&self, wait: &impl TimedWait<EventCount>, order: Ordering) -> io::Result<()> {
        let mut count = self.count.load(Ordering::Relaxed);
        loop {
            if count == 0 {
                return Err(too_often());
            }
            // PAIRS: all-done. A process that waits for the last item sees all stores that precede any `finish`: every
            // change of this word is a read-modify-write, which continues the release sequence of earlier ones.
            match self.count.compare_exchange_weak(count, count - 1, order, Ordering::Relaxed) {
                Ok(1) => return wait.notify(&self.joiners, ALL),
                Ok(_) => return Ok(()),
                Err(now) => count = now,
            }
        }
    }

    /// Waits until no item is unfinished, as long as `wait_limit` allows.
    fn join(&self, wait: &impl TimedWait<EventCount>, wait_limit: WaitLimit) -> io::Result<Joined> {
        // PAIRS: all-done
        let done = || (self.count.load(Ordering::Acquire) == 0).then_some(());
        Ok(match wait.within(&self.joiners, PollPolicy::QUICK, wait_limit, done)? {
            Some(_) => Joined::AllDone,
            // Items may have been finished since the last check.
            None => match self.count.load(Ordering::Acquire) {
                0 => Joined::AllDone,
                left => Joined::Unfinished(left),
            },
        })
    }

    /// True if a process is about to sleep in `join`.
    #[cfg(all(test, not(loom)))]
    fn has_waiters(&self) -> bool {
        self.joiners.has_waiter()
    }
}

#[cold]
fn too_often() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "more items were reported done than were put")
}

/// A mapping of a queue's count.
#[derive(Clone)]
pub struct Unfinished(Segment);

impl Unfinished {
    /// Creates a count of zero.
    pub fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, size_of::<Words>())
    }

    /// Maps the count at `address`.
    pub fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(Segment::attach(address, Endpoint::Sender, size_of::<Words>())?))
    }

    /// Counts an item before it is put.
    #[inline]
    pub fn add(&self) {
        self.words().add();
    }

    /// Counts an item as done, or as not put after all.
    ///
    /// Errors: `InvalidInput` if more items are done than were put.
    #[inline]
    pub fn done(&self) -> io::Result<()> {
        self.words().finish(&Park, Ordering::Release)
    }

    /// Waits until every item that was put is done. Sleeps after one check, for every queue.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    pub fn join(&self, wait_limit: WaitLimit) -> io::Result<Joined> {
        self.words().join(&Park, wait_limit)
    }

    fn words(&self) -> &Words {
        self.0.view(0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::clock;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn an_empty_count_is_all_done_and_refuses_another_done() {
        let words = Words::default();
        assert_eq!(words.join(&Park, WaitLimit::Never).expect("not aborted"), Joined::AllDone);
        assert_eq!(words.join(&Park, WaitLimit::Forever).expect("as above"), Joined::AllDone);
        let refused = words.finish(&Park, Ordering::Release).expect_err("nothing was put");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_join_with_a_time_out_reports_unfinished_items_and_not_early() {
        let words = Words::default();
        words.add();
        words.add();
        assert_eq!(words.join(&Park, WaitLimit::Never).expect("not aborted"), Joined::Unfinished(2));
        let begun_ns = clock::now_ns();
        let left = words.join(&Park, WaitLimit::after(Duration::from_millis(2))).expect("as above");
        assert!(left == Joined::Unfinished(2) && clock::now_ns() - begun_ns >= 2_000_000);
    }

    #[test]
    fn the_last_item_done_wakes_all_waiters() {
        let words = Words::default();
        (0..3).for_each(|_| words.add());
        thread::scope(|scope| {
            let joiners: Vec<_> = (0..3).map(|_| scope.spawn(|| words.join(&Park, WaitLimit::after(MINUTE)))).collect();
            while !words.has_waiters() {
                thread::yield_now();
            }
            (0..3).for_each(|_| words.finish(&Park, Ordering::Release).expect("three were put"));
            for joiner in joiners {
                assert_eq!(joiner.join().expect("no panic").expect("not aborted"), Joined::AllDone);
            }
        });
    }
}
