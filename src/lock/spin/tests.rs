//! All spin locks between threads, each with its own mapping, found by its row.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::lock::{ContenderId, Holder, Lock, MAX_HOLDERS, ROWS, Visitor, visit};
use crate::record::Group;

/// Check for the type of a lock, run for every lock of this folder.
trait Check: Copy {
    fn check<L: Lock>(self);
}

/// Runs the check if the row is a spin lock.
struct IfSpinning<C>(C);

impl<C: Check> Visitor for IfSpinning<C> {
    type Output = bool;

    fn visit<L: Lock>(self) -> bool {
        let spins = L::GROUP == Group::SpinLocks;
        if spins {
            self.0.check::<L>();
        }
        spins
    }
}

fn for_each(check: impl Check) {
    let spinning = ROWS.iter().filter(|row| visit(row, IfSpinning(check)) == Some(true)).count();
    assert!(spinning > 0, "the registry has spin locks");
}

/// Increments in two steps, so that two threads at once would lose an update.
fn add_one(counter: &AtomicU64) {
    let seen = counter.load(Ordering::Relaxed);
    std::hint::black_box(seen);
    counter.store(seen + 1, Ordering::Relaxed);
}

/// Increments by `holders` threads, `passes` times each. With `trying`, every other acquisition repeats tries, with a
/// yield in between.
#[derive(Clone, Copy)]
struct Increments {
    holders: u32,
    passes: u64,
    trying: bool,
}

impl Check for Increments {
    fn check<L: Lock>(self) {
        let address = L::create(self.holders).unwrap();
        let counter = AtomicU64::new(0);
        let start = Barrier::new(self.holders as usize);
        let play = |index| {
            let mut holder = L::attach(&address, ContenderId { index, contenders: self.holders }).unwrap();
            start.wait();
            for pass in 0..self.passes {
                // Mixes both ways of acquiring: tries meet waiters.
                if self.trying && (pass + u64::from(index)) % 2 == 0 {
                    while holder.try_lock(|_| add_one(&counter)).unwrap().is_none() {
                        thread::yield_now();
                    }
                } else {
                    holder.with_lock(|_| add_one(&counter)).unwrap();
                }
            }
        };
        thread::scope(|scope| {
            for index in 0..self.holders {
                scope.spawn(move || play(index));
            }
        });
        assert_eq!(counter.into_inner(), u64::from(self.holders) * self.passes, "{}", L::SUMMARY);
    }
}

#[test]
fn two_holders_lose_no_update() {
    for_each(Increments { holders: 2, passes: 5000, trying: false });
    for_each(Increments { holders: 2, passes: 2000, trying: true });
}

/// More contenders than this machine may have CPUs: the fair locks then wait for a contender that cannot run, so there
/// are few passes.
#[test]
fn more_contenders_than_cpus_lose_no_update() {
    for_each(Increments { holders: 5, passes: 30, trying: false });
    for_each(Increments { holders: 5, passes: 20, trying: true });
}

/// The first and the last contender of one fresh lock.
#[derive(Clone, Copy)]
struct FirstAndLast;

impl Check for FirstAndLast {
    fn check<L: Lock>(self) {
        let address = L::create(MAX_HOLDERS).unwrap();
        let attach = |index| L::attach(&address, ContenderId { index, contenders: MAX_HOLDERS }).unwrap();
        let (mut first, mut last) = (attach(0), attach(MAX_HOLDERS - 1));
        for _ in 0..3 {
            let refused = |other: &mut L::Holder| other.try_lock(|_| ()).unwrap().is_none();
            assert!(first.with_lock(|_| refused(&mut last)).unwrap(), "{}: two holders at once", L::SUMMARY);
            assert!(last.try_lock(|_| refused(&mut first)).unwrap().unwrap(), "{}: two holders at once", L::SUMMARY);
            assert!(!refused(&mut first), "{}: a free lock was refused", L::SUMMARY);
            assert!(first.try_lock(|_| ()).unwrap().is_some(), "{}: a free lock was refused", L::SUMMARY);
        }
    }
}

#[test]
fn a_try_succeeds_only_while_the_lock_is_free() {
    for_each(FirstAndLast);
}
