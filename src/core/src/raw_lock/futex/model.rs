//! Model checks: all orders in which two or three contenders can acquire, sleep and wake each other, and mutants that
//! the check must catch. The model's futex has no time limit, so after a lost wake-up a contender sleeps forever, which
//! the checker reports. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark-core --release --lib
//! raw_lock::futex::model`.
#![allow(unsafe_code)]

use std::io;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::adaptive::FutexAdaptive;
use super::fair::FutexFair;
use super::handoff::FutexHandoff;
use super::mutex::FutexMutex;
use crate::raw_lock::RawLock;
use crate::wait::model::check_within;

/// Adaptive mutex with one poll, since the checker tries every time at which it can happen.
type Adaptive = FutexAdaptive<1, false>;
/// Fair mutex that hands the lock to any sleeper.
type Impatient = FutexFair<0>;
/// Fair mutex that never hands off.
type Patient = FutexFair<{ u64::MAX }>;

/// Step by which a contender acquires or releases the lock: the lock's own, or a mutant's.
type Step<L> = fn(&L, u32) -> io::Result<()>;

/// A lock, and a counter that the checker watches: it panics on two accesses without an order between them.
struct Protected<L> {
    lock: L,
    counter: UnsafeCell<u32>,
}

/// `holders` contenders of one lock, each of which acquires it `rounds` times; the first is the model's own thread. A
/// try must succeed at the end, when all are done.
fn contend<L: RawLock + Default + Send + Sync>(holders: u32, rounds: u32, take: Step<L>, give: Step<L>) {
    let shared = Arc::new(Protected { lock: L::default(), counter: UnsafeCell::new(0) });
    let play = move |shared: &Protected<L>, me: u32| {
        for _ in 0..rounds {
            take(&shared.lock, me).expect("no model is aborted");
            // SAFETY: loom's `with_mut` lends the cell while the closure runs, and panics on a conflict.
            shared.counter.with_mut(|counter| unsafe { *counter += 1 });
            give(&shared.lock, me).expect("no model is aborted");
        }
    };
    let others: Vec<_> = (1..holders)
        .map(|me| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || play(&shared, me))
        })
        .collect();
    play(&shared, 0);
    for other in others {
        other.join().unwrap();
    }
    assert!(shared.lock.try_acquire(0), "a free lock was refused");
    // SAFETY: as above.
    assert_eq!(shared.counter.with(|counter| unsafe { *counter }), holders * rounds);
}

/// Checks two contenders that acquire twice, three of which one may be overtaken, and one that only tries while another
/// waits.
fn check<L: RawLock + Default + Send + Sync>() {
    check_within(3, || contend::<L>(2, 2, L::acquire, L::release));
    check_within(2, || contend::<L>(3, 1, L::acquire, L::release));
    check_within(2, || contend::<L>(2, 1, try_first, L::release));
}

/// A try takes part in the exclusion; a failed one leaves no trace.
fn try_first<L: RawLock>(lock: &L, me: u32) -> io::Result<()> {
    if lock.try_acquire(me) { Ok(()) } else { lock.acquire(me) }
}

#[test]
fn the_mutex_excludes_and_loses_no_wake_up() {
    check::<FutexMutex>();
}

#[test]
fn the_adaptive_mutex_excludes_and_loses_no_wake_up() {
    check::<Adaptive>();
}

#[test]
fn the_fair_mutex_that_hands_over_excludes_and_loses_no_wake_up() {
    check::<Impatient>();
}

#[test]
fn the_fair_mutex_that_lets_others_barge_excludes_and_loses_no_wake_up() {
    check::<Patient>();
}

#[test]
fn the_strict_hand_off_excludes_and_loses_no_wake_up() {
    check::<FutexHandoff>();
}

#[test]
fn a_mutex_whose_sleeper_forgets_the_others_is_caught() {
    fn take(lock: &FutexMutex, _: u32) -> io::Result<()> {
        while !lock.states.try_take() && !lock.states.take_awaited() {
            lock.states.sleep()?;
        }
        Ok(())
    }
    let mutant = || contend(3, 1, take, FutexMutex::release);
    assert!(is_caught("a_mutex_whose_sleeper_forgets_the_others_is_caught", mutant));
}

#[test]
fn a_mutex_without_wake_ups_is_caught() {
    fn give(lock: &FutexMutex, _: u32) -> io::Result<()> {
        lock.states.free();
        Ok(())
    }
    let mutant = || contend(2, 1, FutexMutex::acquire, give);
    assert!(is_caught("a_mutex_without_wake_ups_is_caught", mutant));
}

#[test]
fn a_mutex_whose_sleeper_mistakes_a_wake_up_for_the_lock_is_caught() {
    fn take(lock: &FutexMutex, _: u32) -> io::Result<()> {
        if lock.states.try_take() || lock.states.take_awaited() { Ok(()) } else { lock.states.sleep() }
    }
    let mutant = || contend(2, 2, take, FutexMutex::release);
    assert!(is_caught("a_mutex_whose_sleeper_mistakes_a_wake_up_for_the_lock_is_caught", mutant));
}

#[test]
fn an_adaptive_mutex_whose_sleeper_forgets_the_others_is_caught() {
    fn take(lock: &Adaptive, _: u32) -> io::Result<()> {
        lock.look();
        while !lock.states.try_take() && !lock.states.take_awaited() {
            lock.states.sleep()?;
            lock.look();
        }
        Ok(())
    }
    let mutant = || contend(3, 1, take, Adaptive::release);
    assert!(is_caught("an_adaptive_mutex_whose_sleeper_forgets_the_others_is_caught", mutant));
}

#[test]
fn an_adaptive_mutex_without_wake_ups_is_caught() {
    fn give(lock: &Adaptive, _: u32) -> io::Result<()> {
        lock.states.free();
        Ok(())
    }
    let mutant = || contend(2, 1, Adaptive::acquire, give);
    assert!(is_caught("an_adaptive_mutex_without_wake_ups_is_caught", mutant));
}

#[test]
fn a_fair_mutex_that_frees_without_waking_sleepers_is_caught() {
    fn give(lock: &Patient, _: u32) -> io::Result<()> {
        lock.free();
        Ok(())
    }
    let mutant = || contend(2, 1, Patient::acquire, give);
    assert!(is_caught("a_fair_mutex_that_frees_without_waking_sleepers_is_caught", mutant));
}

#[test]
fn a_fair_mutex_that_hands_off_a_freed_lock_is_caught() {
    fn give(lock: &Impatient, me: u32) -> io::Result<()> {
        let has_sleeper = lock.has_sleeper();
        lock.release(me)?;
        if has_sleeper {
            lock.free();
        }
        Ok(())
    }
    let mutant = || contend(3, 1, Impatient::acquire, give);
    assert!(is_caught("a_fair_mutex_that_hands_off_a_freed_lock_is_caught", mutant));
}

#[test]
fn a_strict_hand_off_without_wake_ups_is_caught() {
    fn give(lock: &FutexHandoff, me: u32) -> io::Result<()> {
        lock.pass_on(me);
        Ok(())
    }
    let mutant = || contend(2, 1, FutexHandoff::acquire, give);
    assert!(is_caught("a_strict_hand_off_without_wake_ups_is_caught", mutant));
}

/// True if the checker finds an error in the mutant of `test`, a name in this module.
fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    crate::wait::model::is_caught(&format!("raw_lock::futex::model::{test}"), model)
}
