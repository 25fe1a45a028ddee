//! Model checks: every order in which one who puts and joins meets two who are done, and mutants that the check must catch.
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark --release --lib queue::unfinished::model`.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Joined, Words};
use crate::ring::sync::{AtomicU64, Ordering};
use crate::wait::model::{Unfenced, check_within};
use crate::wait::{EventCount, Park, TimedWait, WaitLimit};

/// A count, and what each consumer leaves behind before it says that it is done.
#[derive(Default)]
struct Shared {
    words: Words,
    results: [UnsafeCell<u32>; 2],
}

/// Two items are put before the consumers begin; each is done with one. The one who joins finds both results.
fn model<W: TimedWait<EventCount>>(wait: fn() -> W, order: Ordering) {
    let shared = Arc::new(Shared::default());
    shared.words.add();
    shared.words.add();
    let consumers: Vec<_> = (0..2)
        .map(|own| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: loom's `with_mut` lends the cell for the closure's time and panics on a conflict.
                shared.results[own].with_mut(|result| unsafe { *result = 1 });
                shared.words.take_off(&wait(), order).expect("two were put");
            })
        })
        .collect();
    let joined = shared.words.join(&wait(), WaitLimit::Forever).expect("nobody calls a model off");
    assert_eq!(joined, Joined::AllDone);
    for result in &shared.results {
        // SAFETY: as above.
        assert_eq!(result.with(|result| unsafe { *result }), 1);
    }
    for consumer in consumers {
        consumer.join().unwrap();
    }
}

/// A queue of one item that is counted before, or in the mutant after, it can be taken.
fn put_and_take(counted_first: bool) {
    let shared = Arc::new((Words::default(), AtomicU64::new(0)));
    let consumer = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (words, item) = &*shared;
            if item.load(Ordering::Acquire) == 1 {
                words.take_off(&Park, Ordering::Release).expect("an item that was taken was put");
                return true;
            }
            false
        })
    };
    let (words, item) = &*shared;
    if counted_first {
        words.add();
    }
    item.store(1, Ordering::Release);
    if !counted_first {
        words.add();
    }
    let taken = consumer.join().unwrap();
    let left = words.join(&Park, WaitLimit::Never).expect("nobody calls a model off");
    assert_eq!(left, if taken { Joined::AllDone } else { Joined::Unfinished(1) });
}

fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    crate::wait::model::is_caught(&format!("queue::unfinished::model::{test}"), model)
}

#[test]
fn who_joins_sleeps_through_nothing_and_sees_what_was_done() {
    check_within(3, || model(|| Park, Ordering::Release));
}

#[test]
fn what_is_counted_first_is_never_done_too_often() {
    check_within(4, || put_and_take(true));
}

#[test]
fn being_done_without_order_is_caught() {
    assert!(is_caught("being_done_without_order_is_caught", || model(|| Park, Ordering::Relaxed)));
}

#[test]
fn a_last_one_who_may_miss_the_sleeper_is_caught() {
    let test = "a_last_one_who_may_miss_the_sleeper_is_caught";
    assert!(is_caught(test, || model(|| Unfenced, Ordering::Release)));
}

#[test]
fn counting_what_others_may_have_taken_is_caught() {
    assert!(is_caught("counting_what_others_may_have_taken_is_caught", || put_and_take(false)));
}
