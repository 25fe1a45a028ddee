//! Model checks: every order in which two or three contenders can use a lock, by waiting and by trying, and a mutant of
//! each lock that the check must catch. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark --release --lib
//! lock::model`.

mod clh;
mod mcs;
mod ticket;
mod ttas;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::in_memory::RawLock;
use crate::wait::model::check_within;

/// How a contender acquires the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Waits until it holds the lock.
    Wait,
    /// Acquires the lock only if it is free.
    Try,
}

/// A lock, and a counter that the checker watches: it panics on two accesses without an order between them.
struct Protected<R> {
    lock: R,
    counter: UnsafeCell<u32>,
}

impl<R: RawLock> Protected<R> {
    /// One critical section of contender `me`, unless a try failed. Returns the number of critical sections run.
    fn enter(&self, me: u32, way: Way) -> u32 {
        match way {
            Way::Wait => self.lock.acquire(me).expect("nobody calls a model off"),
            Way::Try if !self.lock.try_acquire(me) => return 0,
            Way::Try => {}
        }
        // SAFETY: loom's `with_mut` lends the cell for the closure's time and panics on a conflict.
        self.counter.with_mut(|counter| unsafe { *counter += 1 });
        self.lock.release(me).expect("nobody calls a model off");
        1
    }
}

/// Contenders of one lock, each with its sequence of acquisitions; the first is the model's own thread. The counter
/// must end at the number of critical sections, every waiter must acquire the lock, and a try must succeed at the end.
fn contend<R: RawLock + Default + Send + Sync>(holders: &[&'static [Way]]) {
    let shared = Arc::new(Protected { lock: R::default(), counter: UnsafeCell::new(0) });
    let play = |shared: &Protected<R>, me: usize, ways: &[Way]| -> u32 {
        ways.iter().map(|way| shared.enter(me as u32, *way)).sum()
    };
    let others: Vec<_> = (1..holders.len())
        .map(|me| {
            let (shared, ways) = (Arc::clone(&shared), holders[me]);
            thread::spawn(move || play(&shared, me, ways))
        })
        .collect();
    let mut entered = play(&shared, 0, holders[0]);
    for other in others {
        entered += other.join().unwrap();
    }
    assert_eq!(shared.enter(0, Way::Try), 1, "a free lock was refused");
    // SAFETY: as above.
    assert_eq!(shared.counter.with(|counter| unsafe { *counter }), entered + 1);
    let waited = holders.iter().flat_map(|ways| *ways).filter(|way| **way == Way::Wait).count();
    assert!(entered as usize >= waited);
}

/// Checks every lock must pass: two contenders that return, and three of which one may be overtaken; waiting and
/// trying.
fn check<R: RawLock + Default + Send + Sync>() {
    use Way::{Try, Wait};
    check_within(4, || contend::<R>(&[&[Wait, Wait], &[Wait, Wait]]));
    check_within(4, || contend::<R>(&[&[Try, Wait], &[Wait, Try]]));
    check_within(3, || contend::<R>(&[&[Wait], &[Wait], &[Wait]]));
    check_within(2, || contend::<R>(&[&[Wait, Wait], &[Wait], &[Try]]));
}

/// True when the checker finds the mutant `R`, with two contenders that wait and return. `test` is the full name of the
/// calling test.
fn is_caught<R: RawLock + Default + Send + Sync>(test: &str) -> bool {
    let model = || contend::<R>(&[&[Way::Wait, Way::Wait], &[Way::Wait, Way::Wait]]);
    crate::wait::model::is_caught(&format!("lock::model::{test}"), model)
}
