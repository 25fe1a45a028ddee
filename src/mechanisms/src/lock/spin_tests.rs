//! All spin locks between threads, each with its own mapping, found by its row.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::lock::{ContenderId, Entry, Handle, Lock, MAX_CONTENDERS, rows};
use crate::record::Group;

/// Checks of one lock.
struct Checks {
    group: Group,
    contend: fn(Increments),
    exclude: fn(),
}

impl Entry for Checks {
    fn of<L: Lock>() -> Self {
        Self { group: L::GROUP, contend: contend::<L>, exclude: exclude::<L> }
    }
}

fn for_each(check: impl Fn(Checks)) {
    let locks = rows().into_iter().map(|(_, checks): (_, Checks)| checks);
    let spinning: Vec<_> = locks.filter(|checks| checks.group == Group::SpinLocks).map(check).collect();
    assert!(!spinning.is_empty(), "the registry has spin locks");
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

fn contend<L: Lock>(load: Increments) {
    let address = L::create(load.holders).unwrap();
    let counter = AtomicU64::new(0);
    let start = Barrier::new(load.holders as usize);
    let play = |index| {
        let mut holder = L::attach(&address, ContenderId { index, contenders: load.holders }).unwrap();
        start.wait();
        for pass in 0..load.passes {
            // Mixes both ways of acquiring: tries meet waiters.
            if load.trying && (pass + u64::from(index)) % 2 == 0 {
                while holder.try_lock(|_| add_one(&counter)).unwrap().is_none() {
                    thread::yield_now();
                }
            } else {
                holder.with_lock(|_| add_one(&counter)).unwrap();
            }
        }
    };
    thread::scope(|scope| {
        for index in 0..load.holders {
            scope.spawn(move || play(index));
        }
    });
    assert_eq!(counter.into_inner(), u64::from(load.holders) * load.passes, "{}", L::SUMMARY);
}

#[test]
fn two_holders_lose_no_update() {
    for_each(|lock| (lock.contend)(Increments { holders: 2, passes: 5000, trying: false }));
    for_each(|lock| (lock.contend)(Increments { holders: 2, passes: 2000, trying: true }));
}

/// More contenders than this machine may have CPUs: the fair locks then wait for a contender that cannot run, so there
/// are few passes.
#[test]
fn more_contenders_than_cpus_lose_no_update() {
    for_each(|lock| (lock.contend)(Increments { holders: 5, passes: 30, trying: false }));
    for_each(|lock| (lock.contend)(Increments { holders: 5, passes: 20, trying: true }));
}

/// The first and the last contender of a new lock exclude each other.
fn exclude<L: Lock>() {
    let address = L::create(MAX_CONTENDERS).unwrap();
    let attach = |index| L::attach(&address, ContenderId { index, contenders: MAX_CONTENDERS }).unwrap();
    let (mut first, mut last) = (attach(0), attach(MAX_CONTENDERS - 1));
    for _ in 0..3 {
        let refused = |other: &mut L::Handle| other.try_lock(|_| ()).unwrap().is_none();
        assert!(first.with_lock(|_| refused(&mut last)).unwrap(), "{}: two holders at once", L::SUMMARY);
        assert!(last.try_lock(|_| refused(&mut first)).unwrap().unwrap(), "{}: two holders at once", L::SUMMARY);
        assert!(!refused(&mut first), "{}: a free lock was refused", L::SUMMARY);
        assert!(first.try_lock(|_| ()).unwrap().is_some(), "{}: a free lock was refused", L::SUMMARY);
    }
}

#[test]
fn a_try_succeeds_only_while_the_lock_is_free() {
    for_each(|lock| (lock.exclude)());
}
