//! Ring with one producer and one consumer.

use loom::thread;

use super::{ModelSlots, Unfenced, Yield, check, is_caught, receive_one, send_all};
use crate::ring::spsc::{Consumer, Producer};
use crate::wait::{Park, Parker, WaitStrategy};

fn model<const DEPTH: usize, const STRONG: bool, W: WaitStrategy<Parker>>(wait: fn() -> W, messages: u8) {
    let slots = ModelSlots::<DEPTH, STRONG, Parker, Parker>::fresh(1);
    let own = slots.at(0);
    let producer = thread::spawn(move || send_all(&mut Producer::new(own, wait()), 1..=messages));
    let mut consumer = Consumer::new(slots, wait());
    for due in 1..=messages {
        assert_eq!(receive_one(&mut consumer), due);
    }
    producer.join().unwrap();
}

#[test]
fn it_holds_in_every_order() {
    check(|| model::<1, true, _>(|| Yield, 2));
    check(|| model::<2, true, _>(|| Yield, 3));
}

#[test]
fn parked_sides_lose_no_wake_up() {
    check(|| model::<1, true, _>(|| Park, 2));
    check(|| model::<2, true, _>(|| Park, 3));
}

#[test]
fn publishing_without_order_is_caught() {
    assert!(is_caught("spsc::publishing_without_order_is_caught", || model::<2, false, _>(|| Yield, 3)));
}

#[test]
fn a_waker_that_may_miss_the_sleeper_is_caught() {
    assert!(is_caught("spsc::a_waker_that_may_miss_the_sleeper_is_caught", || model::<1, true, _>(|| Unfenced, 2)));
}
