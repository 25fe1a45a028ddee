//! What the tests of several kinds of locks put them through. For tests only.

use std::mem::ManuallyDrop;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::{Holder, Lock, Seat};
use crate::address::Address;

/// Threads that want the lock.
const HOLDERS: u32 = 3;
/// Times that each takes it.
const ROUNDS: u64 = 2000;

/// A holder's handle, which for a lock in shared memory is a mapping of its own.
pub(super) fn holder<L: Lock>(address: &Address, index: u32) -> L::Holder {
    L::attach(address, Seat { index, holders: HOLDERS }).expect("attached")
}

/// Several threads count by reading and writing, and give way inside, so that the others find the lock taken and go to
/// sleep: an update lost, or a sleeper forgotten, ends the test. Each has a mapping at an address of its own, where a lock
/// private to one process would not find the others' sleepers.
pub(super) fn counts_exactly<L: Lock>() {
    let address = L::create(HOLDERS).expect("made");
    let counter = AtomicU64::new(0);
    thread::scope(|scope| {
        for index in 0..HOLDERS {
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
                    assert!(!acquired.expect("taken").owner_died, "nobody died");
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), u64::from(HOLDERS) * ROUNDS);
    let _ = address.release().map(|name| name.remove());
}

/// One who only tries is refused while another is inside, and gets in afterwards.
pub(super) fn refuses_a_second<L: Lock>() {
    let address = L::create(HOLDERS).expect("made");
    let (mut first, mut second) = (holder::<L>(&address, 0), holder::<L>(&address, 1));
    let refused = first.with_lock(|_| second.try_lock(|_| ()).expect("an answer").is_none());
    assert!(refused.expect("taken"));
    assert!(second.try_lock(|_| ()).expect("an answer").is_some());
    let _ = address.release().map(|name| name.remove());
}

/// A thread takes the lock and ends inside. Its mapping stays, or the kernel could not mark what it held.
pub(super) fn die_inside<L: Lock>(address: &Address) {
    let died = thread::scope(|scope| {
        let owner = scope.spawn(|| {
            let mut holder = ManuallyDrop::new(holder::<L>(address, 0));
            // Unwinds without a word on stderr.
            holder.with_lock(|_| panic::resume_unwind(Box::new("the end"))).expect("taken");
        });
        owner.join()
    });
    assert!(died.is_err(), "the owner was to die");
}
