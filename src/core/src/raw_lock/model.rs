//! Model checks: all orders in which two or three contenders can use a lock, by waiting and by trying, and a mutant of
//! each lock that the check must catch. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark-core --release --lib
//! raw_lock::model`.
#![allow(unsafe_code)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::RawLock;
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
            Way::Wait => self.lock.acquire(me).expect("no model is aborted"),
            Way::Try if !self.lock.try_acquire(me) => return 0,
            Way::Try => {}
        }
        // SAFETY: loom's `with_mut` lends the cell while the closure runs, and panics on a conflict.
        self.counter.with_mut(|counter| unsafe { *counter += 1 });
        self.lock.release(me).expect("no model is aborted");
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

/// Checks of every lock: two contenders that acquire twice, and three of which one may be overtaken; waiting and
/// trying.
fn check<R: RawLock + Default + Send + Sync>() {
    use Way::{Try, Wait};
    check_within(4, || contend::<R>(&[&[Wait, Wait], &[Wait, Wait]]));
    check_within(4, || contend::<R>(&[&[Try, Wait], &[Wait, Try]]));
    check_within(3, || contend::<R>(&[&[Wait], &[Wait], &[Wait]]));
    check_within(2, || contend::<R>(&[&[Wait, Wait], &[Wait], &[Try]]));
}

/// True if the checker catches the mutant `R`, with two contenders that acquire twice. `test` is the name of the
/// calling test in this module.
fn is_caught<R: RawLock + Default + Send + Sync>(test: &str) -> bool {
    let model = || contend::<R>(&[&[Way::Wait, Way::Wait], &[Way::Wait, Way::Wait]]);
    crate::wait::model::is_caught(&format!("raw_lock::model::{test}"), model)
}

mod clh {
    use super::{check, is_caught};
    use crate::raw_lock::spin::clh::Clh;
    use crate::wait::model::Yield;

    #[test]
    fn it_holds_in_every_order() {
        check::<Clh<Yield>>();
    }

    #[test]
    fn a_release_that_publishes_nothing_is_caught() {
        assert!(is_caught::<Clh<Yield, false>>("clh::a_release_that_publishes_nothing_is_caught"));
    }
}

mod mcs {
    use super::{check, is_caught};
    use crate::raw_lock::spin::mcs::Mcs;
    use crate::wait::model::Yield;

    #[test]
    fn it_holds_in_every_order() {
        check::<Mcs<Yield>>();
    }

    #[test]
    fn a_release_that_publishes_nothing_is_caught() {
        assert!(is_caught::<Mcs<Yield, false>>("mcs::a_release_that_publishes_nothing_is_caught"));
    }

    #[test]
    fn an_owner_that_does_not_wait_for_the_link_is_caught() {
        assert!(is_caught::<Mcs<Yield, true, false>>("mcs::an_owner_that_does_not_wait_for_the_link_is_caught"));
    }
}

mod ticket {
    use super::{check, is_caught};
    use crate::raw_lock::spin::ticket::Ticket;
    use crate::wait::model::Yield;

    #[test]
    fn it_holds_in_every_order() {
        check::<Ticket<Yield>>();
    }

    #[test]
    fn a_release_that_publishes_nothing_is_caught() {
        assert!(is_caught::<Ticket<Yield, false>>("ticket::a_release_that_publishes_nothing_is_caught"));
    }
}

mod ttas {
    use super::{check, is_caught};
    use crate::raw_lock::spin::tas::Ttas;
    use crate::wait::model::Yield;

    #[test]
    fn it_holds_in_every_order() {
        check::<Ttas<Yield>>();
    }

    #[test]
    fn a_release_that_publishes_nothing_is_caught() {
        assert!(is_caught::<Ttas<Yield, false>>("ttas::a_release_that_publishes_nothing_is_caught"));
    }
}
