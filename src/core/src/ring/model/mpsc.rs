//! Ring with many producers and one consumer.

use loom::thread;

use super::{ModelSlots, Unfenced, check_within, is_caught, receive_one, send_all};
use crate::ring::mpsc::{Consumer, Producer};
use crate::wait::{EventCount, Park, Parker, WaitStrategy};

/// Two producers send `each` messages.
fn model<const DEPTH: usize, const STRONG: bool, W>(wait: fn() -> W, each: u8)
where
    W: WaitStrategy<Parker> + WaitStrategy<EventCount>,
{
    let slots = ModelSlots::<DEPTH, STRONG, Parker, EventCount>::fresh(1);
    let send = |first: u8| {
        let own = slots.at(0);
        thread::spawn(move || send_all(&mut Producer::new(own, wait()), first..first + each))
    };
    let producers = [send(10), send(20)];
    let mut consumer = Consumer::new(slots.at(0), wait());
    let mut due = [10, 20];
    for _ in 0..2 * each {
        let seen = receive_one(&mut consumer);
        let next = due.iter_mut().find(|next| **next == seen).expect("each producer's messages come in order");
        *next += 1;
    }
    for producer in producers {
        producer.join().unwrap();
    }
}

#[test]
fn it_holds_in_every_order_and_loses_no_wake_up() {
    check_within(2, || model::<1, true, _>(|| Park, 1));
    check_within(2, || model::<2, true, _>(|| Park, 2));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("mpsc::publishing_without_order_is_caught", || model::<1, false, _>(|| Park, 1)));
}

#[test]
fn a_waker_that_may_miss_the_sleeper_is_caught() {
    assert!(is_caught("mpsc::a_waker_that_may_miss_the_sleeper_is_caught", || model::<1, true, _>(|| Unfenced, 1)));
}
