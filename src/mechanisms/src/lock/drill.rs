//! Checks shared by the tests of several kinds of locks.

use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{ContenderId, Handle, Lock};
use crate::address::Address;

/// Contending threads.
const CONTENDERS: u32 = 3;
/// Acquisitions of each thread.
const ROUNDS: u64 = 2000;

/// Handle of one contender; for a lock in shared memory it has its own mapping.
pub(super) fn holder<L: Lock>(address: &Address, index: u32) -> L::Handle {
    L::attach(address, ContenderId { index, contenders: CONTENDERS }).expect("attached")
}

/// Several threads count by separate reads and writes and yield inside the critical section, so that the others find
/// the lock taken and sleep. A lost update or a lost wake-up fails the test. Each thread maps the lock at its own
/// address, where a process-private futex would not find the other sleepers.
pub(super) fn counts_exactly<L: Lock>() {
    let address = L::create(CONTENDERS).expect("created");
    let counter = AtomicU64::new(0);
    thread::scope(|scope| {
        for index in 0..CONTENDERS {
            let (address, counter) = (&address, &counter);
            scope.spawn(move || {
                let mut holder = holder::<L>(address, index);
                let count = || {
                    let before = counter.load(Ordering::Relaxed);
                    thread::yield_now();
                    counter.store(before + 1, Ordering::Relaxed);
                };
                for _ in 0..ROUNDS {
                    let acquired = holder.with_lock(|acquired| {
                        count();
                        acquired
                    });
                    assert!(!acquired.expect("acquired").owner_died, "no owner died");
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), u64::from(CONTENDERS) * ROUNDS);
    let _ = address.release().map(|name| name.remove());
}

/// A try fails while another contender holds the lock, and succeeds afterwards.
pub(super) fn refuses_a_second<L: Lock>() {
    let address = L::create(CONTENDERS).expect("created");
    let (mut first, mut second) = (holder::<L>(&address, 0), holder::<L>(&address, 1));
    let refused = first.with_lock(|_| second.try_lock(|_| ()).expect("a result").is_none());
    assert!(refused.expect("acquired"));
    assert!(second.try_lock(|_| ()).expect("a result").is_some());
    let _ = address.release().map(|name| name.remove());
}

/// A thread acquires the lock and ends while it holds it. Its mapping stays, so that the kernel can mark the lock.
pub(super) fn die_inside<L: Lock>(address: &Address) {
    let died = thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let mut holder = ManuallyDrop::new(holder::<L>(address, 0));
            // Unwinds without a message on stderr.
            holder.with_lock(|_| panic::resume_unwind(Box::new("the owner dies"))).expect("acquired");
        });
        owner.join()
    });
    assert!(died.is_err(), "the owner should have died");
}
