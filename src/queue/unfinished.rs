//! Items that were put and are not done yet: what `task_done` and `join` of every queue here are made of. One word counts
//! them, and a place beside it is where those sleep who wait until it is zero. Written once, so that rows differ by what
//! their queue costs. Cost: an atomic addition for each put and each item done, a fence and, when somebody waits, one system
//! call for the last of them. Source: Python's `multiprocessing.JoinableQueue`, which counts with a semaphore and waits at a
//! condition variable.
//!
//! An item is counted before anybody can take it; were it after, a quick consumer would be done with what was not yet
//! counted. So a put that finds no room takes its count back, and a join may find it there for a moment. Who dies between
//! getting an item and saying that it is done leaves it counted for good: only a join with an end comes back.
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

use super::Joined;

/// The words.
#[cfg_attr(not(loom), repr(C))]
#[derive(Default)]
pub(super) struct Words {
    /// Who waits until there are none.
    joiners: EventCount,
    count: AtomicU64,
}

// SAFETY: repr(C), atomics only; zero bytes mean that nothing was put and nobody waits. Never mapped under the model checker.
unsafe impl SharedLayout for Words {}

impl Words {
    /// Counts an item that is about to be put.
    #[inline]
    pub(super) fn add(&self) {
        // Relaxed: the queue that carries the item orders this before whatever its consumer does.
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one item off. The last one wakes all who wait.
    ///
    /// Errors: `InvalidInput` when there is none.
    #[inline]
    pub(super) fn take_off(&self, wait: &impl TimedWait<EventCount>, order: Ordering) -> io::Result<()> {
        let mut count = self.count.load(Ordering::Relaxed);
        loop {
            if count == 0 {
                return Err(too_often());
            }
            // PAIRS: all-done. Whoever waits until the last is done sees what was stored before any of them was: every
            // change of this word is a read-modify-write, and so carries on what earlier ones released.
            match self.count.compare_exchange_weak(count, count - 1, order, Ordering::Relaxed) {
                Ok(1) => return wait.notify(&self.joiners, ALL),
                Ok(_) => return Ok(()),
                Err(now) => count = now,
            }
        }
    }

    /// Waits until there are none, as long as `wait_limit` allows.
    pub(super) fn join(&self, wait: &impl TimedWait<EventCount>, wait_limit: WaitLimit) -> io::Result<Joined> {
        // PAIRS: all-done
        let done = || (self.count.load(Ordering::Acquire) == 0).then_some(());
        Ok(match wait.within(&self.joiners, PollPolicy::QUICK, wait_limit, done)? {
            Some(_) => Joined::AllDone,
            // Done between the last look and this one is as good as done before.
            None => match self.count.load(Ordering::Acquire) {
                0 => Joined::AllDone,
                left => Joined::Unfinished(left),
            },
        })
    }

    /// True when somebody is about to sleep until all is done.
    #[cfg(all(test, not(loom)))]
    pub(super) fn somebody_joins(&self) -> bool {
        self.joiners.has_waiter()
    }
}

#[cold]
fn too_often() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "more items were said to be done than were put")
}

/// The count of one queue, mapped.
#[derive(Clone)]
pub struct Unfinished(Segment);

impl Unfinished {
    /// Makes a count of zero.
    pub fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, size_of::<Words>())
    }

    /// Maps the count at `address`.
    pub fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(Segment::attach(address, Endpoint::Sender, size_of::<Words>())?))
    }

    /// Counts an item that is about to be put.
    #[inline]
    pub fn add(&self) {
        self.words().add();
    }

    /// One item is done, or was not put after all.
    ///
    /// Errors: `InvalidInput` when that was said more often than items were put.
    #[inline]
    pub fn done(&self) -> io::Result<()> {
        self.words().take_off(&Park, Ordering::Release)
    }

    /// Waits until every item that was put is done. One who waits sleeps after one look, at every queue alike.
    ///
    /// Errors: `Interrupted` when the trial is called off.
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
    fn nothing_put_is_all_done_and_cannot_be_done_once_more() {
        let words = Words::default();
        assert_eq!(words.join(&Park, WaitLimit::Never).expect("no trial is called off"), Joined::AllDone);
        assert_eq!(words.join(&Park, WaitLimit::Forever).expect("as above"), Joined::AllDone);
        let refused = words.take_off(&Park, Ordering::Release).expect_err("nothing was put");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_join_with_an_end_says_how_much_is_missing_and_not_before_its_time() {
        let words = Words::default();
        words.add();
        words.add();
        assert_eq!(words.join(&Park, WaitLimit::Never).expect("no trial is called off"), Joined::Unfinished(2));
        let begun_ns = clock::now_ns();
        let left = words.join(&Park, WaitLimit::after(Duration::from_millis(2))).expect("as above");
        assert!(left == Joined::Unfinished(2) && clock::now_ns() - begun_ns >= 2_000_000);
    }

    #[test]
    fn the_last_one_done_wakes_all_who_wait() {
        let words = Words::default();
        (0..3).for_each(|_| words.add());
        thread::scope(|scope| {
            let joiners: Vec<_> = (0..3).map(|_| scope.spawn(|| words.join(&Park, WaitLimit::after(MINUTE)))).collect();
            while !words.somebody_joins() {
                thread::yield_now();
            }
            (0..3).for_each(|_| words.take_off(&Park, Ordering::Release).expect("three were put"));
            for joiner in joiners {
                assert_eq!(joiner.join().expect("no panic").expect("no trial is called off"), Joined::AllDone);
            }
        });
    }
}
