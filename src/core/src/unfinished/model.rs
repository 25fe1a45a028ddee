//! Model checks: every interleaving of a producer that joins and two consumers, and mutants that the checks must catch.
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark-core --release --lib unfinished::model`.
#![allow(unsafe_code)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Joined, Words};
use crate::ring::sync::{AtomicU64, Ordering};
use crate::wait::model::{Unfenced, check_within};
use crate::wait::{EventCount, Park, TimedWait, WaitLimit};

/// A count, and what each consumer stores before it finishes its item.
#[derive(Default)]
struct Shared {
    words: Words,
    results: [UnsafeCell<u32>; 2],
}

/// Two items are put before the consumers begin; each finishes one. The joining thread sees both results.
fn model<W: TimedWait<EventCount>>(wait: fn() -> W, order: Ordering) {
    let shared = Arc::new(Shared::default());
    shared.words.add();
    shared.words.add();
    let consumers: Vec<_> = (0..2)
        .map(|own| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                // SAFETY: loom's `with_mut` lends the cell for the duration of the closure and panics on a conflict.
                shared.results[own].with_mut(|result| unsafe { *result = 1 });
                shared.words.finish(&wait(), order).expect("two were put");
            })
        })
        .collect();
    let joined = shared.words.join(&wait(), WaitLimit::Forever).expect("a model is not aborted");
    assert_eq!(joined, Joined::AllDone);
    for result in &shared.results {
        // SAFETY: as above.
        assert_eq!(result.with(|result| unsafe { *result }), 1);
    }
    for consumer in consumers {
        consumer.join().unwrap();
    }
}

/// A queue of one item, which is counted before, or in the mutant after, it can be taken.
fn put_and_take(counted_first: bool) {
    let shared = Arc::new((Words::default(), AtomicU64::new(0)));
    let consumer = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let (words, item) = &*shared;
            if item.load(Ordering::Acquire) == 1 {
                words.finish(&Park, Ordering::Release).expect("an item that was taken was put");
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
    let left = words.join(&Park, WaitLimit::Never).expect("a model is not aborted");
    assert_eq!(left, if taken { Joined::AllDone } else { Joined::Unfinished(1) });
}

fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    crate::wait::model::is_caught(&format!("unfinished::model::{test}"), model)
}

#[test]
fn a_join_misses_no_wake_up_and_sees_all_results() {
    check_within(3, || model(|| Park, Ordering::Release));
}

#[test]
fn an_item_counted_first_is_never_done_too_often() {
    check_within(4, || put_and_take(true));
}

#[test]
fn relaxed_finish_is_caught() {
    assert!(is_caught("relaxed_finish_is_caught", || model(|| Park, Ordering::Relaxed)));
}

#[test]
fn a_finish_that_may_miss_the_sleeper_is_caught() {
    let test = "a_finish_that_may_miss_the_sleeper_is_caught";
    assert!(is_caught(test, || model(|| Unfenced, Ordering::Release)));
}

#[test]
fn counting_after_the_put_is_caught() {
    assert!(is_caught("counting_after_the_put_is_caught", || put_and_take(false)));
}
